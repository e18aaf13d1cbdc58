r"""Section 2: in logistic regression |zeta_i zeta_j| < 1, so |<g_i, g_j>| is less than |<x_i, x_j>| (if that is not 0).

Assumptions
-----------
f_i(w) = log(1 + exp(-y_i <x_i, w>)), y_i = +-1.

Source
------
"Gradient Confusion" (2020), section 2: "the logistic loss satisfies |zeta_i zeta_j| < 1".

Idea of the proof
-----------------
|zeta| = e^{-m}/(1 + e^{-m}) with the margin m; with u = e^{-m} > 0 that is u/(1 + u) = 1 - 1/(1 + u).

Deviations from the paper
-------------------------
As printed; the strict inequality is written as an identity for the distance from 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.confusion import Architecture, LogisticLoss, gradient_gram
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_less, show_value, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

FIRST, SECOND = sp.symbols("u_i u_j", positive=True)
PRODUCT = sp.Symbol("|zeta_i zeta_j|", nonnegative=True)


def factors_are(value: sp.Expr) -> Claim:
    """Return the claim |zeta_i zeta_j| = value, a number below 1."""
    return Claim(
        "The factors of logistic gradients multiply to 1 - (1 + u_i + u_j)/((1 + u_i)(1 + u_j)) < 1, u = e^{-margin}.",
        equate(PRODUCT, value),
        ("logistic loss", "labels +-1"),
        {
            PRODUCT: "<g_i, g_j> over <x_i, x_j>, in absolute value",
            FIRST: "exp(-margin of i)",
            SECOND: "exp(-margin of j)",
        },
    )


CLAIM = factors_are(1 - (1 + FIRST + SECOND) / ((1 + FIRST) * (1 + SECOND)))


def derive(claim: Claim) -> Derivation:
    """Differentiate and multiply."""
    m = sp.Symbol("m", real=True)
    slope = sp.diff(sp.log(1 + sp.exp(-m)), m)
    product = FIRST / (1 + FIRST) * SECOND / (1 + SECOND)
    return Derivation(
        (
            show_value("the slope by the margin", slope, -sp.exp(-m) / (1 + sp.exp(-m))),
            define("u = e^{-m} > 0, |zeta| = u/(1 + u) because |y| = 1"),
            show_less(
                "what is taken off 1 is positive",
                sp.Integer(0),
                (1 + FIRST + SECOND) / ((1 + FIRST) * (1 + SECOND)),
            ),
            infer("the product is below 1"),
            show_with("multiply", claim.formula, {PRODUCT: product}),
        )
    )


def sides(claim: Claim, case: Any) -> tuple[float, float]:
    """Return |<g_i, g_j>| of two samples as claimed, and the library's."""
    w, X, y = (np.asarray(v, dtype=np.float64) for v in case)
    line = Architecture((2, 1), biases=False)
    gram = gradient_gram(line, w, X, y, loss=LogisticLoss())
    u = np.exp(-y * (X @ w))
    return abs(float(X[0] @ X[1])) * float(claim.bound({FIRST: u[0], SECOND: u[1]})), abs(float(gram[0, 1]))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 300 pairs of samples and weights."""
    rng = np.random.default_rng(seed)
    cases = [(rng.standard_normal(2), rng.standard_normal((2, 2)), rng.choice([-1.0, 1.0], 2)) for _ in range(300)]
    pairs = [sides(claim, case) for case in cases]
    worst = max(abs(seen - claimed) for claimed, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest difference of |<g_i, g_j>| {worst:.2g}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=300,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="|<g_i, g_j>|", title="The two factors are the claimed ones", log=True
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer weights and inputs, labels +-1."""
    vector = st.tuples(st.integers(-3, 3), st.integers(-3, 3))
    label = st.sampled_from([-1.0, 1.0])
    return st.tuples(vector, st.tuples(vector, vector), st.tuples(label, label))


def holds(claim: Claim, case: Any) -> bool:
    """Compare one pair."""
    claimed, seen = sides(claim, case)
    return abs(seen - claimed) <= 1e-10


FALSE_TWINS = (
    FalseTwin("equal to 1", {"claim": factors_are(sp.Integer(1) + 0 * FIRST)}),
    FalseTwin("without the cross term", {"claim": factors_are(1 - 1 / ((1 + FIRST) * (1 + SECOND)))}),
)

THEOREM = Theorem(
    name="logistic_factors",
    source=Source(PAPER, "Section 2, |zeta_i zeta_j| < 1", "as printed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("logistic_orthogonal", "isotropic_inner_products"),
)
