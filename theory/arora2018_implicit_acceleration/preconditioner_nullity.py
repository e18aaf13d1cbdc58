r"""Claim 1, "positive semidefinite": for N >= 2 the preconditioner is 0 on exactly (k - rank)(d - rank) dimensions.

Assumptions
-----------
W_e any real k x d matrix; N >= 2. (For N = 1 the preconditioner is the identity.)

Source
------
Arora, Cohen and Hazan (2018), Claim 1, "P is a positive semidefinite preconditioning matrix".

Idea of the proof
-----------------
All eigenvalues are sums of products of powers of numbers >= 0 (`preconditioner_eigenvalues`). The first and the last
term are sigma_r^{2-2/N} and sigma_q^{2-2/N}; for N >= 2 all terms vanish iff sigma_r = sigma_q = 0. Count the pairs.

Deviations from the paper
-------------------------
Adds that "semidefinite" cannot be improved to "definite" unless k or d equals the rank: directions outside both
singular spaces of W_e are never corrected.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import assume as reject
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, by, define, equate, infer, show_equal, show_with
from odeflow.symbolic.preconditioners import DEPTH, LAYER, LEFT, RIGHT, preconditioner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import preconditioner_eigenvalues as eigenvalues
from theory.arora2018_implicit_acceleration import preconditioner_summands as summands
from theory.arora2018_implicit_acceleration.notation import PAPER

NULLITY = sp.Symbol("nullity", integer=True, nonnegative=True)
ROWS, COLUMNS = sp.symbols("k d", integer=True, positive=True)
RANK = sp.Symbol("rho", integer=True, nonnegative=True)


def nullity_is(value: sp.Expr) -> Claim:
    """Return the claim that P >= 0 has a kernel of dimension `value`."""
    return Claim(
        "The preconditioner is positive semidefinite; for N >= 2 its kernel has dimension (k - rank)(d - rank).",
        equate(NULLITY, value),
        ("W_e is k x d of rank rho", "N >= 2"),
        {NULLITY: "dimension of the kernel of P", ROWS: "outputs", COLUMNS: "inputs", RANK: "rank of W_e"},
    )


CLAIM = nullity_is((ROWS - RANK) * (COLUMNS - RANK))


def derive(claim: Claim) -> Derivation:
    """Count the pairs of singular values that are both zero."""
    term = summands.PRINTED
    left, right = sp.symbols("kappa delta", integer=True, nonnegative=True)
    sizes = {ROWS: RANK + left, COLUMNS: RANK + right}
    both = (ROWS * COLUMNS - RANK * COLUMNS - (ROWS - RANK) * RANK).xreplace(sizes)
    spectrum = by("preconditioner_eigenvalues", eigenvalues.derive(eigenvalues.CLAIM), eigenvalues.CLAIM.formula)
    first = show_equal("the term j = 1 is sigma_r^{2-2/N}", term.subs(LAYER, 1), LEFT ** (2 - 2 / DEPTH))
    last = show_equal("the term j = N is sigma_q^{2-2/N}", term.subs(LAYER, DEPTH), RIGHT ** (2 - 2 / DEPTH))
    return Derivation(
        (
            spectrum,
            first,
            last,
            infer(
                "no term is negative, so P >= 0, and for N >= 2 an eigenvalue vanishes iff sigma_r = sigma_q = 0",
                from_=[first, last],
            ),
            define("k = rho + kappa, d = rho + delta: the rank is at most k and d"),
            define("pairs (r, q): kd; with sigma_r > 0: rho d; with sigma_r = 0 < sigma_q: (k - rho) rho"),
            show_with("what is left", claim.formula, {NULLITY: both, **sizes}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count the zero eigenvalues of P in floats and look for negative ones."""
    rng = np.random.default_rng(seed)
    wrong, lowest, cases, counts = "", 0.0, 0, list[tuple[float, int]]()
    for rows, columns, rank in (*summands.SIZES, (3, 4, 1), (4, 2, 1)):
        for depth in (2, 3, 4):
            W = summands.random_matrix(rng, rows, columns, rank)
            values = np.linalg.eigvalsh(eigenvalues.float_preconditioner(W, depth))
            zeros = int((np.abs(values) < 1e-10 * values[-1]).sum())
            claimed = float(claim.bound({ROWS: float(rows), COLUMNS: float(columns), RANK: float(rank)}))
            lowest, cases = min(lowest, float(values[0] / values[-1])), cases + 1
            counts.append((claimed, zeros))
            if zeros != claimed:
                wrong = wrong or f"{rows} x {columns}, rank {rank}, N = {depth}: {zeros} zeros, claimed {claimed:g}"
    return Evidence.measured(
        claim,
        wrong or f"every count agrees; the most negative eigenvalue is {lowest:.2g} of the largest",
        contradicted=bool(wrong) or lowest < -1e-12,
        error_bar="a whole number; eigenvalues to 1e-12 of the largest",
        cases=cases,
        seed=seed,
        picture=against_claim(
            *np.array(counts).T, what="number of zero eigenvalues", title="P has the claimed nullity"
        ),
    )


def domain() -> st.SearchStrategy[summands.Spectral]:
    """Matrices up to 3 x 3 with rational fractional powers, any rank."""
    return summands.domain()


def holds(claim: Claim, case: summands.Spectral) -> bool:
    """Compute the rank of P in rational arithmetic."""
    W = summands.built(case)
    reject(W.depth >= 2)
    P, k, d = preconditioner(W), W.left.rows, W.right.rows
    rank = sum(1 for s in W.roots if s != 0)
    return bool(k * d - P.rank() == claim.formula.rhs.subs({ROWS: k, COLUMNS: d, RANK: rank}))


FALSE_TWINS = (
    FalseTwin("kd - rho^2", {"claim": nullity_is(ROWS * COLUMNS - RANK**2)}),
    FalseTwin("positive definite", {"claim": nullity_is(sp.Integer(0))}),
    FalseTwin("positive definite, seen by numbers alone", {"claim": nullity_is(sp.Integer(0)), "derive": None}),
)

THEOREM = Theorem(
    name="preconditioner_nullity",
    source=Source(PAPER, "Claim 1, positive semidefinite", "with the kernel's dimension"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_eigenvalues",),
)
