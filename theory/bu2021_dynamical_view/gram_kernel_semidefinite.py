r"""The kernel is a sum of outer products, hence positive semidefinite, for every network and at every time.

Assumptions
-----------
The predictions have derivatives J_r = df/dw_r at the current weights; H = sum_r J_r J_r^T.

Source
------
Bu, Xu and Chen (2021), section 2, the definition of H ("the sum of outer products").

Idea of the proof
-----------------
<v, J_r J_r^T v> = |J_r^T v|^2 >= 0 for every r and v.

Deviations from the paper
-------------------------
None. Positive *definite* is another matter: where no neuron is active on a sample H has a zero row, which
the first twin finds. That H >= lambda_0/2 holds with high probability for large m is Theorem 1, cited there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import random_network
from odeflow.numeric.kernels import relu_ntk
from odeflow.panels import along
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_violated
from odeflow.symbolic.error_dynamics import BOTH_ACTIVE, derive_gram_semidefinite, gram_entry
from odeflow.symbolic.inner_products import Base, Vector, evaluate_at, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import KERNEL, PAPER

DIRECTION = Vector.base("v")
FORM = inner(DIRECTION, KERNEL @ DIRECTION)


def states(formula: sp.Basic) -> Claim:
    """Return a claim about the quadratic form of H."""
    return Claim(
        "The kernel H = sum_r J_r J_r^T is positive semidefinite.",
        formula,
        ("H = sum_r J_r J_r^T with J_r = df/dw_r",),
        {sp.Symbol("H"): "tangent kernel", sp.Symbol("v"): "any vector with one entry per sample"},
    )


CLAIM = states(sp.Ge(FORM, 0, evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Write the form as a sum of squared norms, in symbolic dimension."""
    return derive_gram_semidefinite()


def simulate(claim: Claim, seed: int) -> Evidence:
    """Look for the smallest value of the form, per |v|^2, on kernels of random networks of width 1 to 256."""
    rng = np.random.default_rng(seed)
    excesses, bar = list[float](), 0.0
    widths = (1, 4, 16, 64, 256)
    for width in widths:
        case = random_network(12, 3, width, seed=rng)
        kernel = relu_ntk(case.X, case.W)
        values, vectors = np.linalg.eigh(kernel)
        bar = max(bar, 1e2 * 2.0**-52 * float(values[-1]))
        vector = vectors[:, 0]
        excesses.append(claimed_excess(claim, float(vector @ kernel @ vector), float(vector @ vector)))
    lowest = min(excesses)
    return Evidence.measured(
        claim,
        f"smallest value of the form minus what is claimed: {lowest:.2g} for |v| = 1",
        contradicted=lowest < -bar,
        error_bar=f"{bar:.2g} (rounding of the eigenvalues)",
        cases=len(widths),
        seed=seed,
        detail=f"smallest excess {lowest:.3g}",
        picture=along(
            widths,
            excesses,
            {"claimed: at least": 0.0},
            title="The form is never smaller than claimed",
            xlabel="width m",
            ylabel="smallest <v, H v> / |v|^2 less the claim",
            xscale="log",
        ),
    )


def claimed_excess(claim: Claim, form: float, square: float) -> float:
    """Return <v, H v> minus the claimed lower bound."""
    values = {FORM: sp.Float(form), norm2(DIRECTION): sp.Float(square)}
    return float((claim.formula.lhs - claim.formula.rhs).xreplace(values))


def domain() -> st.SearchStrategy[Any]:
    """Integer J with 1-3 samples and 1-4 weights, zero rows included, and integer directions v != 0."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 4))
    return sizes.flatmap(
        lambda s: st.tuples(integer_matrices(s[0], s[1]), integer_matrices(s[0], 1).filter(lambda v: bool(v.any())))
    )


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate the claim on integers, exactly."""
    J, v = (sp.Matrix(part.tolist()) for part in case)
    excess = evaluate_at(claim.formula.lhs - claim.formula.rhs, {Base("v"): v}, {"H": J * J.T})
    return bool(claim.formula.func(excess, 0))


def dead_sample(claim: Claim) -> Derivation:
    """One sample x = 1, one neuron w = -1: it is not active, so H = 0; v = 1."""
    kernel = gram_entry().rhs.xreplace({BOTH_ACTIVE: sp.Integer(0)})
    return Derivation(
        (
            assume("n = m = p = 1, x = 1, w = -1, v = 1"),
            show_equal("the neuron is not active, so H", kernel, sp.Integer(0)),
            show_violated("at v = 1", claim.formula, {FORM: sp.Integer(0), norm2(DIRECTION): sp.Integer(1)}),
        )
    )


FALSE_TWINS = (
    FalseTwin("positive definite", {"claim": states(sp.Gt(FORM, 0, evaluate=False)), "counterexample": dead_sample}),
    FalseTwin("at least |v|^2/100", {"claim": states(sp.Ge(FORM, norm2(DIRECTION) / 100, evaluate=False))}),
)

THEOREM = Theorem(
    name="gram_kernel_semidefinite",
    source=Source(PAPER, "Section 2, definition of H"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gram_kernel",),
)
