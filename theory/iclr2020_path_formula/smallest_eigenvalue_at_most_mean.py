r"""E lambda_min(H_m) <= m lambda_min(E Z): the linear law is an upper bound.

Assumptions
-----------
H_m a sum of m matrices with the mean E Z, symmetric.

Source
------
Corrects the path formula paper (ICLR 2020), Proposition 6.1.

Idea of the proof
-----------------
lambda_min is concave (Jensen): with z the lowest unit eigenvector of E Z, lambda_min(H_m) <= <z, H_m z>, whose mean is
m <z, E Z z>.

Deviations from the paper
-------------------------
Measured ratios slightly above 1 are Monte Carlo noise.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import WIDTH, identity, smallest_means
from theory.iclr2020_path_formula._students import satisfied
from theory.iclr2020_path_formula.expected_smallest_eigenvalue import LOWEST, closed_form
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "OF_MEAN", "THEOREM"]

OF_MEAN = sp.Symbol("lambda_Z", nonnegative=True)
WIDTHS = (1, 4, 16, 64)


def at_most(value: sp.Expr) -> Claim:
    """Return the claim E lambda_min(H_m) <= value."""
    return Claim(
        "The expected smallest eigenvalue is at most m times the smallest eigenvalue of one neuron's mean kernel.",
        sp.Le(LOWEST, value, evaluate=False),
        ("H_m = sum of m symmetric matrices of mean E Z",),
        {LOWEST: "E lambda_min(H_m)", OF_MEAN: "lambda_min(E Z)", WIDTH: "hidden neurons"},
    )


CLAIM = at_most(WIDTH * OF_MEAN)


def derive(claim: Claim) -> Derivation:
    """Test H_m with the lowest eigenvector of E Z."""
    Z, z = Operator("Z", symmetric=True), Vector.base("z")
    gap = sp.Symbol("gap", nonnegative=True)
    return Derivation(
        (
            assume("z a fixed unit vector with <z, E Z z> = lambda_Z"),
            infer("lambda_min(H_m) <= <z, H_m z> for every draw, so a_m = E <z, H_m z> - gap, gap >= 0"),
            show_equal(
                "E <z, H_m z> = m <z, E Z z>", inner(z, WIDTH * (Z @ z)), WIDTH * inner(z, Z @ z), name="E <z, H_m z>"
            ),
            show_with("so", claim.formula, {LOWEST: WIDTH * OF_MEAN - gap}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the ratio for a linear network on three inputs, whose mean kernel is 2 X X^T."""
    X = np.random.default_rng(seed).standard_normal((3, 5))
    means, errors = smallest_means(X, identity, WIDTHS, 800, seed)
    lowest = 2.0 * float(np.linalg.eigvalsh(X @ X.T)[0])
    claimed = claim.bound({WIDTH: np.array(WIDTHS, dtype=float), OF_MEAN: lowest})
    ratios = means / (np.array(WIDTHS) * lowest)
    return Evidence.measured(
        claim,
        f"a_m/(m lambda_Z) = {', '.join(f'{r:.3f}' for r in ratios)} for m = {', '.join(map(str, WIDTHS))}",
        contradicted=bool((means - claimed > 5.0 * errors).any()),
        error_bar=f"standard errors of the ratio up to {float((errors / means * ratios).max()):.3f}",
        cases=800 * len(WIDTHS),
        seed=seed,
        picture=along(
            WIDTHS,
            means,
            {"claimed bound": claimed},
            title="E lambda_min stays below m lambda_Z",
            xlabel="width m",
            ylabel="E lambda_min(H_m)",
            xscale="log",
            yscale="log",
            interval=(means - errors, means + errors),
        ),
    )


def domain() -> st.SearchStrategy[int]:
    """Widths."""
    return st.integers(1, 60)


def holds(claim: Claim, case: int) -> bool:
    """Check the closed form, where E Z = 2 I."""
    values = {LOWEST: float(closed_form(sp.Integer(case)).evalf()), WIDTH: float(case), OF_MEAN: 2.0}
    return satisfied(claim.formula, values)


FALSE_TWINS = (
    FalseTwin("half of it", {"claim": at_most(WIDTH * OF_MEAN / 2)}),
    FalseTwin("(m - 1) lambda_Z", {"claim": at_most((WIDTH - 1) * OF_MEAN)}),
)

THEOREM = Theorem(
    name="smallest_eigenvalue_at_most_mean",
    source=Source(PAPER, "Proposition 6.1, upper bound", "what is true of E lambda_min"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("expected_smallest_eigenvalue_printed", "smallest_eigenvalue_limit"),
)
