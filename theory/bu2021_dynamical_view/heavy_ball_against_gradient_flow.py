r"""Section 3, corrected: for unit-norm data sqrt(lambda_0/2) >= lambda_0, so in flow time heavy ball is never slower.

Assumptions
-----------
Unit-norm inputs, lambda_0 > 0 the smallest eigenvalue of the n x n matrix H_inf.

Source
------
Bu, Xu and Chen (2021), section 3, after Theorem 2: "indeed sqrt(lambda_0/2) > lambda_0 ... lambda_0 < 1/2 as
tr(H_inf) = n/2 = sum lambda_i > n lambda_0".

Idea of the proof
-----------------
Each diagonal entry of H_inf is 1/2 for unit-norm inputs, so n lambda_0 <= tr H_inf = n/2 and lambda_0 <= 1/2. The root
of lambda_0/2 exceeds lambda_0 on (0, 1/2). The exponents of the loss at H = H_inf, sqrt(2 lambda_0) and 2 lambda_0,
compare the same way.

Deviations from the paper
-------------------------
">=" for ">": orthonormal data have H_inf = I/2 and tie (`heavy_ball_against_gradient_flow_printed`). Without unit norm
it is false. Both exponents are per unit of flow time, eta k for gradient descent and sqrt(eta) k for heavy ball; per
step the comparison is another one (`heavy_ball_against_gradient_descent`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.kernels import relu_ntk_limit
from odeflow.panels import along
from odeflow.strategies import unit_vectors
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import LAMBDA0, PAPER, SYMBOLS

ORTHONORMAL_ENTRY = (sp.Rational(1, 2) - sp.acos(1) / (2 * sp.pi)) * 1


def compares(formula: sp.Basic) -> Claim:
    """Return the claim about the two rates."""
    return Claim(
        "For unit-norm data heavy ball's rate sqrt(lambda_0/2) is at least gradient flow's rate lambda_0.",
        formula,
        ("unit-norm inputs", "rates per unit of flow time"),
        {LAMBDA0: SYMBOLS[LAMBDA0]},
    )


CLAIM = compares(sp.Ge(sp.sqrt(LAMBDA0 / 2), LAMBDA0, evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Bound lambda_0 by the mean of the diagonal, and compare on (0, 1/2]."""
    k = sp.Symbol("k", positive=True)  # lambda_0 = 1/(2 k^2), k >= 1, covers (0, 1/2]
    range_ = {LAMBDA0: 1 / (2 * k**2)}
    return Derivation(
        (
            assume("unit-norm inputs"),
            show_equal(
                "the diagonal entries of H_inf are 1/2 - arccos(1)/(2 pi)",
                ORTHONORMAL_ENTRY,
                sp.Rational(1, 2),
                name="diagonal entry of H_inf",
            ),
            infer("the smallest eigenvalue is at most the mean of all: lambda_0 <= tr H_inf / n = 1/2"),
            define("lambda_0 = 1/(2 k^2) with k >= 1 runs through (0, 1/2]"),
            show_with("on that range", claim.formula, range_, {k: sp.Integer(1)}),
        )
    )


def rates(claim: Claim, lowest: float) -> bool:
    """Evaluate the claim at a numeric lambda_0, with slack for rounding."""
    left, right = (float(side.subs(LAMBDA0, lowest)) for side in (claim.formula.lhs, claim.formula.rhs))
    strict = isinstance(claim.formula, sp.StrictGreaterThan)
    return left > right + 1e-12 if strict else left >= right - 1e-12


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute lambda_0 of 300 random unit-norm data sets, of orthonormal ones and of the square on the circle."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(300):
        X = rng.standard_normal((int(rng.integers(1, 8)), int(rng.integers(2, 10))))
        found.append(float(np.linalg.eigvalsh(relu_ntk_limit(X / np.linalg.norm(X, axis=1, keepdims=True)))[0]))
    found += [float(np.linalg.eigvalsh(relu_ntk_limit(np.eye(n)))[0]) for n in (1, 2, 5)]
    found = [q for q in found if q > 1e-12]
    wrong = [q for q in found if not rates(claim, q)]
    return Evidence.measured(
        claim,
        f"lambda_0 in [{min(found):.3g}, {max(found):.4g}]; {len(wrong)} of {len(found)} violate the claim",
        contradicted=bool(wrong),
        error_bar="1e-12 (eigenvalues)",
        cases=len(found),
        seed=seed,
        detail=f"violated at lambda_0 = {wrong[0]:.4g}" if wrong else "",
        picture=along(
            sorted(found),
            {"left side": sp.lambdify(LAMBDA0, claim.formula.lhs)(np.sort(found))},
            {"right side, claimed to be smaller": sp.lambdify(LAMBDA0, claim.formula.rhs)(np.sort(found))},
            title="The claimed order of the rates at measured lambda_0",
            xlabel="lambda_0",
            ylabel="rate, 1/time",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Unit-norm data, orthonormal ones among them."""
    return st.one_of(unit_vectors(3, 3), unit_vectors(2, 4), st.just(np.eye(3)))


def scaled_domain() -> st.SearchStrategy[Any]:
    """The same data with norm 10."""
    return domain().map(lambda X: 10.0 * X)


def holds(claim: Claim, X: Any) -> bool:
    """Check the claim on one data set; lambda_0 = 0 has no rate."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    kernel = relu_ntk_limit(X / norms) * (norms @ norms.T)  # positive homogeneity
    lowest = float(np.linalg.eigvalsh(kernel)[0])
    return lowest < 1e-9 or rates(claim, lowest)


FALSE_TWINS = (
    FalseTwin("twice lambda_0", {"claim": compares(sp.Ge(sp.sqrt(LAMBDA0 / 2), 2 * LAMBDA0, evaluate=False))}),
    FalseTwin("data of norm 10", {"derive": None, "simulate": None, "domain": scaled_domain}),
)

THEOREM = Theorem(
    name="heavy_ball_against_gradient_flow",
    source=Source(PAPER, "Section 3, after Theorem 2", "corrected: >=, with equality for orthonormal data"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_against_gradient_flow_printed", "heavy_ball_against_gradient_descent"),
)
