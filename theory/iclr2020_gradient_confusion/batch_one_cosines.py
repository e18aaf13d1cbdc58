r"""Figure 1: with one sample a step a cosine of gradients is sign(r_i r_j) cos(x_i, x_j): its size never changes.

Assumptions
-----------
f_i(w) = (<x_i, w> - y_i)^2/2 with residuals r_i != 0.

Source
------
Not in "Gradient Confusion" (2020); it says what Figure 1, right, can show.

Idea of the proof
-----------------
g_i = r_i x_i. The square of the cosine has r_i^2 r_j^2 above and below.

Deviations from the paper
-------------------------
New: the distribution of |cos| in Figure 1 is a property of the data (its standard deviation is about 1/sqrt d) at every
step of training. Inner products do change, with the residuals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.confusion import confusion_of_gradients
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_value, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

X_I, X_J = Vector.base("x_i"), Vector.base("x_j")
R_I, R_J = sp.symbols("r_i r_j", nonzero=True, real=True)
COSINE2 = sp.Symbol("cos^2(g_i, g_j)", nonnegative=True)


def squared_cosine_is(value: sp.Expr) -> Claim:
    """Return the claim cos^2(g_i, g_j) = value."""
    return Claim(
        "In linear regression the size of the cosine of two gradients is that of the inputs, whatever the weights.",
        equate(COSINE2, value),
        ("f_i = (<x_i, w> - y_i)^2/2", "residuals r_i, r_j != 0"),
        {COSINE2: "squared cosine of the gradients of two samples", R_I: "residual of i", R_J: "residual of j"},
    )


CLAIM = squared_cosine_is(inner(X_I, X_J) ** 2 / (norm2(X_I) * norm2(X_J)))


def derive(claim: Claim) -> Derivation:
    """Divide the residuals out."""
    a, b = X_I * R_I, X_J * R_J
    cosine = inner(a, b) ** 2 / (norm2(a) * norm2(b))
    return Derivation(
        (
            define("g_i = r_i x_i"),
            show_value("the inner product", inner(a, b), R_I * R_J * inner(X_I, X_J)),
            infer("its sign is that of r_i r_j <x_i, x_j>"),
            show_with("the squared cosine", claim.formula, {COSINE2: cosine}),
        )
    )


def sides(claim: Claim, x: np.ndarray, residuals: np.ndarray) -> tuple[float, float]:
    """Return the claimed and the true squared cosine for two inputs."""
    found = confusion_of_gradients(residuals[:, None] * x).smallest_cosine ** 2
    values = {
        inner(X_I, X_J): float(x[0] @ x[1]),
        norm2(X_I): float(x[0] @ x[0]),
        norm2(X_J): float(x[1] @ x[1]),
        R_I: residuals[0],
        R_J: residuals[1],
    }
    needed = {s: v for s, v in values.items() if s in claim.formula.rhs.free_symbols}
    return float(claim.bound(needed)), found


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 300 pairs of inputs in dimension 80 and 120 with residuals of very different sizes."""
    rng = np.random.default_rng(seed)
    pairs = [
        sides(claim, rng.standard_normal((2, d)), rng.standard_normal(2) * 10.0 ** rng.uniform(-6, 0, 2))
        for d in (80, 120)
        for _ in range(150)
    ]
    worst = max(abs(seen - claimed) for claimed, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest difference of the squared cosine {worst:.2g}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=300,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="squared cosine", title="Squared cosines do not see the residuals", log=True
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Two integer inputs of the plane and two residuals, none of them zero."""
    vector = st.tuples(st.integers(-4, 4), st.integers(-4, 4)).filter(any)
    residual = st.integers(-4, 4).filter(bool)
    return st.tuples(st.tuples(vector, vector), st.tuples(residual, residual))


def holds(claim: Claim, case: Any) -> bool:
    """Compare one pair."""
    x, residuals = (np.array(v, dtype=np.float64) for v in case)
    claimed, seen = sides(claim, x, residuals)
    return abs(seen - claimed) <= 1e-12


FALSE_TWINS = (
    FalseTwin(
        "scaled with the residuals",
        {"claim": squared_cosine_is(R_I**2 * R_J**2 * inner(X_I, X_J) ** 2 / (norm2(X_I) * norm2(X_J)))},
    ),
)

THEOREM = Theorem(
    name="batch_one_cosines",
    source=Source(PAPER, "Figure 1, cosines", "new: what the right panel can show"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("overparameterised_regression",),
)
