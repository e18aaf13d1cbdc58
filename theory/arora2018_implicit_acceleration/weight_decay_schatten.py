r"""Weight decay on the layers is a Schatten quasi-norm of the product, seen through the preconditioner.

Assumptions
-----------
N >= 1; W_e has full column rank, so that W_e^T W_e can be raised to the power 1/N - 1; R is the gradient of
(N lambda/2) tr [W^T W]^{1/N}, the Schatten quasi-norm of order 2/N of W to the power 2/N.

Source
------
Beside Arora, Cohen and Hazan (2018), the term -eta lambda N W_e of (8).

Idea of the proof
-----------------
R = lambda W [W^T W]^{1/N - 1}. A power of W W^T may be carried through W to a power of W^T W; the exponents of every
summand of P(R) then add up to 0, and N equal terms lambda W are left.

Deviations from the paper
-------------------------
New: the paper notes the factor N only. The gradient of a trace of a power is cited; for one weight (k = d = 1) it is
computed. That the quasi-norm is what the layers pay, `schatten_is_layers`, needs no gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.deep_linear import DECAY, DEPTH, END, FIRST_GRAM, INDEX, LAST_GRAM, root_steps, without_roots
from odeflow.symbolic.deep_linear_words import METHOD, Letter, normal_form, show_matrices
from odeflow.symbolic.derivations import (
    Derivation,
    Kind,
    Step,
    assume,
    cite,
    define,
    equate,
    infer,
    show_equal,
    show_with,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import END_TO_END, distance, end_to_end_field
from theory.arora2018_implicit_acceleration.notation import PAPER

PENALTY = DECAY * END * (END.T * END) ** (1 / DEPTH - 1)
SUM = sp.Sum(
    (END * END.T) ** ((INDEX - 1) / DEPTH) * PENALTY * (END.T * END) ** ((DEPTH - INDEX) / DEPTH), (INDEX, 1, DEPTH)
)


def penalty_moves(multiple: sp.Expr) -> Claim:
    """Return the claim that the preconditioned gradient of the quasi-norm is `multiple` W_e."""
    return Claim(
        "The decay term lambda N W_e of (8) is the preconditioner applied to the gradient of (N lambda/2) |W|^{2/N} in "
        "the Schatten quasi-norm of order 2/N.",
        equate(SUM, multiple * END),
        ("W_e has full column rank", "lambda W [W^T W]^{1/N - 1} is the gradient of (N lambda/2) tr [W^T W]^{1/N}"),
        {DECAY: "weight decay", DEPTH: "number of layers", END: "end-to-end matrix"},
    )


CLAIM = penalty_moves(DECAY * DEPTH)


def derive(claim: Claim) -> Derivation:
    """Carry the powers of W W^T through W; add the exponents up."""
    w = sp.Symbol("w", positive=True)
    scalar = DEPTH * w ** (2 - 2 / DEPTH) * sp.diff(DEPTH * DECAY / 2 * w ** (2 / DEPTH), w)
    wide, tall = Letter("M", "k", "k", symmetric=True), Letter("K", "d", "d", symmetric=True)
    once = show_matrices(
        "W W^T = M is carried through W and becomes W^T W = K",
        equate(wide * END, END * tall),
        {wide: END * END.T, tall: END.T * END},
    )
    carried = show_matrices(
        "and so is every power, M = W W^T and K = W^T W: the step is",
        equate(wide ** (INDEX + 1) * END, END * tall ** (INDEX + 1)),
        {wide ** (INDEX + 1): wide * wide**INDEX},
        rules=[(wide**INDEX * END, END * tall**INDEX), (wide * END, END * tall)],
    )
    roots = infer(
        "A = p(M) and B = p(K) for one polynomial p, p(x) = x^{1/N} on both spectra: so A W = W B",
        equate(LAST_GRAM * END, END * FIRST_GRAM),
        from_=[once, carried],
    )
    ones = sp.Sum(sp.Integer(1), (INDEX, 1, DEPTH))
    return Derivation(
        (
            assume("W^T W is invertible; A = [W W^T]^{1/N}, B = [W^T W]^{1/N}"),
            cite("d tr [M]^s = s tr([M]^{s-1} dM) for positive definite M (Lewis 1996, spectral functions)"),
            define("so the gradient of (N lambda/2) tr [W^T W]^{1/N} is R = lambda W [W^T W]^{1/N - 1}"),
            show_equal("for one weight: N w^{2-2/N} d/dw (N lambda/2) w^{2/N} = lambda N w", scalar, DECAY * DEPTH * w),
            *root_steps(),
            once,
            carried,
            roots,
            show_with("N terms", equate(ones, DEPTH), {ones: ones.doit()}),
            concluded(claim),
        )
    )


def concluded(claim: Claim) -> Step:
    """Compute the claim from A W = W B, with A^N = W W^T and B^N = W^T W."""
    summand = without_roots(claim.formula.lhs.function)
    rules = [(LAST_GRAM ** (INDEX - 1) * END, END * FIRST_GRAM ** (INDEX - 1))]
    each = normal_form(summand, rules)  # does not depend on j any more
    total = each * DEPTH if not each.has(INDEX) else sp.Sum(each, (INDEX, 1, DEPTH))
    rest = normal_form(total - claim.formula.rhs)
    status = Status.HOLDS if rest == 0 else Status.UNDECIDED
    return Step(
        "the exponents of each summand add up to 0", claim.formula, Kind.COMPUTED, Decision(status, METHOD, str(rest))
    )


def penalty(W: np.ndarray, depth: int) -> float:
    """Return (N/2) sum_i sigma_i^{2/N}: the penalty at lambda = 1."""
    return 0.5 * depth * float(np.sum(np.linalg.svd(W, compute_uv=False) ** (2.0 / depth)))


def gap(claim: Claim, W: np.ndarray, depth: int) -> float:
    """Return the relative distance of P(difference quotient of the penalty) from the claimed multiple of W."""
    step, gradient = 1e-5, np.zeros_like(W)
    for at in np.ndindex(W.shape):
        moved = np.zeros_like(W)
        moved[at] = step
        gradient[at] = (penalty(W + moved, depth) - penalty(W - moved, depth)) / (2 * step)
    applied = -end_to_end_field(END_TO_END.rhs, depth, lambda _: gradient)(W)
    multiple = (claim.formula.rhs / END).xreplace({DECAY: sp.Integer(1), DEPTH: sp.Integer(depth)})
    return distance(float(multiple) * W, applied)


def random_matrix(depth: int, rows: int, columns: int, seed: int) -> np.ndarray:
    """Return a matrix with singular values between 0.5 and 1.5."""
    rng = np.random.default_rng(seed)
    left, _, right = np.linalg.svd(rng.standard_normal((rows, columns)), full_matrices=False)
    return np.asarray((left * rng.uniform(0.5, 1.5, min(rows, columns))) @ right)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate the quasi-norm numerically and apply the preconditioner, for N = 1, ..., 5 and four shapes."""
    shapes = ((1, 1), (2, 2), (3, 2), (4, 3))
    found = [gap(claim, random_matrix(n, k, d, 31 * seed + n), n) for n in range(1, 6) for k, d in shapes]
    return Evidence.measured(
        claim,
        f"P(gradient) departs from the claim by at most {max(found):.2g} of it",
        contradicted=max(found) > 1e-6,
        error_bar="1e-6 (difference quotients)",
        cases=len(found),
        seed=seed,
        picture=departures(found, 1e-6, title="Weight decay is the claimed penalty", ylabel="relative distance"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depth, a full-rank shape and a seed."""
    return st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one random matrix."""
    depth, columns, more, seed = case
    return gap(claim, random_matrix(depth, columns + more, columns, seed), depth) <= 1e-6


FALSE_TWINS = (FalseTwin("lambda instead of lambda N", {"claim": penalty_moves(DECAY)}),)

THEOREM = Theorem(
    name="weight_decay_schatten",
    source=Source(PAPER, "(8), weight decay", "what the decay penalises"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("schatten_is_layers", "end_to_end_dynamics"),
)
