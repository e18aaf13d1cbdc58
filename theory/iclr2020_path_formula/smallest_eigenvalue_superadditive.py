r"""Remark 6.7, second half: lambda_min(H_1 + H_2) >= lambda_min(H_1) + lambda_min(H_2).

Assumptions
-----------
Symmetric matrices of one size.

Source
------
Remark 6.7.

Idea of the proof
-----------------
For a unit vector v at which <v, (H_1 + H_2) v> is smallest, each <v, H_i v> is at least lambda_min(H_i). Several
summands: by induction. If one H_i is positive definite and the others are PSD, the sum is positive definite.

Deviations from the paper
-------------------------
None; the paper says it of Gram matrices, it holds for symmetric ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

TOTAL, FIRST, SECOND = sp.symbols("lambda_12 lambda_1 lambda_2", real=True)
ROUNDING = 1e-9
"""Eigenvalues of matrices with entries below 100 are good to about 1e-13."""


def at_least(lower: sp.Expr) -> Claim:
    """Return the claim lambda_min(H_1 + H_2) >= lower."""
    return Claim(
        "lambda_min(H_1 + H_2) >= lambda_min(H_1) + lambda_min(H_2).",
        sp.Ge(TOTAL, lower, evaluate=False),
        ("H_1, H_2 symmetric",),
        {TOTAL: "lambda_min(H_1 + H_2)", FIRST: "lambda_min(H_1)", SECOND: "lambda_min(H_2)"},
    )


CLAIM = at_least(FIRST + SECOND)


def derive(claim: Claim) -> Derivation:
    """Take the minimiser of the sum as a trial vector for both summands."""
    one, two, v = Operator("H_1", symmetric=True), Operator("H_2", symmetric=True), Vector.base("v")
    first, second = sp.symbols("epsilon_1 epsilon_2", nonnegative=True)
    lowest = sp.Symbol("lambda_2", nonnegative=True)  # of a PSD summand
    return Derivation(
        (
            assume("lambda_min(H) = min <v, H v> over |v| = 1, for symmetric H"),
            define("v: a unit vector with <v, (H_1 + H_2) v> = lambda_min(H_1 + H_2)"),
            show_equal(
                "the form of the sum is the sum of the forms",
                inner(v, (one @ v) + (two @ v)),
                inner(v, one @ v) + inner(v, two @ v),
                name="<v, (H_1 + H_2) v>",
            ),
            define("<v, H_i v> = lambda_i + epsilon_i with epsilon_i >= 0, because v is one of the trial vectors"),
            show_with(
                "lambda_12 >= lambda_1 if H_2 is PSD: one positive definite summand among PSD ones suffices",
                sp.Ge(TOTAL, FIRST, evaluate=False),
                {TOTAL: FIRST + first + lowest + second},
            ),
            show_with("in general", claim.formula, {TOTAL: FIRST + first + SECOND + second}),
        )
    )


def sides(claim: Claim, one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """Return the claimed lower bound and lambda_min(H_1 + H_2)."""
    lowest = [float(np.linalg.eigvalsh(m)[0]) for m in (one + two, one, two)]
    return float(claim.bound({FIRST: lowest[1], SECOND: lowest[2]})), lowest[0]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Add Wishart matrices and symmetric Gaussian ones of several sizes."""
    rng = np.random.default_rng(seed)
    found = []
    for size in (1, 2, 5, 20):
        for _ in range(20):
            A, B, C = (rng.standard_normal((size, size)) for _ in range(3))
            for pair in ((A @ A.T, B @ B.T), (A + A.T, C @ C.T), (A + A.T, B + B.T)):
                found.append(sides(claim, *pair))
    lowest = min(seen - bound for bound, seen in found)
    return Evidence.measured(
        claim,
        f"smallest excess over the bound {lowest:.3g}",
        contradicted=lowest < -ROUNDING,
        error_bar=f"{ROUNDING:.2g} (rounding of eigenvalues)",
        cases=len(found),
        seed=seed,
        picture=against_claim(*zip(*found, strict=True), what="lambda_min", title="No sum is below the sum of the two"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Two integer matrices, to be made symmetric."""
    return st.integers(1, 3).flatmap(lambda n: st.tuples(integer_matrices(n, n), integer_matrices(n, n)))


def holds(claim: Claim, case: Any) -> bool:
    """Compare eigenvalues, to rounding."""
    one, two = (np.array(m + m.T, dtype=float) for m in case)
    bound, seen = sides(claim, one, two)
    return seen - bound >= -ROUNDING


FALSE_TWINS = (
    FalseTwin("a little more", {"claim": at_least(FIRST + SECOND + sp.Rational(1, 100))}),
    FalseTwin("twice the first", {"claim": at_least(2 * FIRST + SECOND)}),
)

THEOREM = Theorem(
    name="smallest_eigenvalue_superadditive",
    source=Source(PAPER, "Remark 6.7"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gram_matrix", "smallest_eigenvalue_per_neuron"),
)
