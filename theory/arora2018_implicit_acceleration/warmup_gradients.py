r"""Section 3: the gradients of the overparameterised l_p loss in terms of that of the loss itself.

Assumptions
-----------
L(w) = E[(x.w - y)^p/p], p a positive even integer; L(w_1, w_2) = L(w_1 w_2).

Source
------
Arora, Cohen and Hazan (2018), section 3, the displayed gradients.

Idea of the proof
-----------------
Differentiate one sample in a direction h of w_1, and in w_2; expectations are linear.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._warmup import FIRST, GRADIENT, SECOND, SLOPE, show_derivative
from theory.arora2018_implicit_acceleration.notation import PAPER

ALONG_FIRST, BY_SECOND = sp.symbols("D_1 D_2", real=True)
SAMPLE, DIRECTION = Vector.base("x"), Vector.base("h")
LABEL, POWER, SMALL = sp.Symbol("y", real=True), sp.Symbol("p", positive=True, even=True), sp.Symbol("s", real=True)
SMALL_STEP, AGREE = 1e-5, 1e-6


def gradients_are(first: sp.Expr, second: sp.Expr) -> Claim:
    """Return the claim on the derivative in the direction h of w_1 and the derivative in w_2."""
    return Claim(
        "The gradients of L(w_1, w_2) are w_2 grad L(w) and <w_1, grad L(w)>.",
        sp.And(equate(ALONG_FIRST, first), equate(BY_SECOND, second)),
        ("p is a positive even integer", "L(w_1, w_2) = L(w_1 w_2)"),
        {ALONG_FIRST: "derivative in the direction h of w_1", BY_SECOND: "derivative in w_2", SECOND: "second layer"},
    )


CLAIM = gradients_are(SECOND * inner(GRADIENT, DIRECTION), SLOPE)


def derive(claim: Claim) -> Derivation:
    """Differentiate one sample, for every even p and every dimension."""
    reached, turned = inner(SAMPLE, FIRST), inner(SAMPLE, DIRECTION)
    r = sp.Symbol("r", real=True)  # x.w - y; the outer derivative is taken in it
    first = sp.diff(SECOND * (reached + SMALL * turned) - LABEL, SMALL)
    second = sp.diff(SECOND * reached - LABEL, SECOND)
    factor = sp.Symbol("q", real=True)  # r^{p-1}
    known = {
        ALONG_FIRST: factor * first,
        BY_SECOND: factor * second,
        inner(GRADIENT, DIRECTION): factor * turned,
        SLOPE: factor * reached,
    }
    steps = [
        define("one sample: (r^p)/p with r = w_2 <x, w_1> - y, and grad L(w) = r^{p-1} x there"),
        show_derivative("the outer derivative", r**POWER / POWER, r, r ** (POWER - 1)),
        show_derivative(
            "r in the direction h of w_1", SECOND * (reached + SMALL * turned) - LABEL, SMALL, SECOND * turned
        ),
        show_derivative("r in w_2", SECOND * reached - LABEL, SECOND, reached),
        infer("expectations are linear, so what holds for one sample holds for all"),
    ]
    return Derivation((assume("p even"), *steps, show_with("with q = r^{p-1}", claim.formula, known)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare difference quotients of a mean l_p loss, p = 2, 4, 6, with the claim."""
    rng = np.random.default_rng(seed)
    pairs = list[tuple[float, float]]()
    worst, parts = 0.0, {part.lhs: part.rhs for part in claim.formula.args}
    for power in (2, 4, 6):
        X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
        w1, w2, h = 0.5 * rng.standard_normal(3), float(rng.uniform(0.5, 1.0)), rng.standard_normal(3)

        def loss(a: Any, b: float, X: Any = X, y: Any = y, power: int = power) -> float:
            return float(np.mean((X @ a * b - y) ** power) / power)

        gradient = X.T @ (X @ w1 * w2 - y) ** (power - 1) / y.size
        values = {SECOND: w2, inner(GRADIENT, DIRECTION): float(gradient @ h), SLOPE: float(gradient @ w1)}
        quotients = {
            ALONG_FIRST: (loss(w1 + SMALL_STEP * h, w2) - loss(w1 - SMALL_STEP * h, w2)) / (2 * SMALL_STEP),
            BY_SECOND: (loss(w1, w2 + SMALL_STEP) - loss(w1, w2 - SMALL_STEP)) / (2 * SMALL_STEP),
        }
        for name, quotient in quotients.items():
            pairs.append((float(parts[name].xreplace(values)), quotient))
            worst = max(worst, abs(quotient - pairs[-1][0]) / max(1.0, abs(quotient)))
    return Evidence.measured(
        claim,
        f"difference quotients depart from the claim by at most {worst:.2g}",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (difference quotients)",
        cases=6,
        seed=seed,
        picture=against_claim(
            *np.array(pairs).T, what="slope of the loss", title="Both layers have the claimed gradients"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """One integer sample (x, y), w_1, w_2, h in the plane, and p."""
    row = st.lists(st.integers(-3, 3), min_size=2, max_size=2)
    return st.tuples(row, st.integers(-3, 3), row, st.integers(-3, 3).filter(bool), row, st.sampled_from((2, 4, 6)))


def holds(claim: Claim, case: Any) -> bool:
    """Differentiate the polynomial of one sample exactly."""
    x, y, w1, w2, h, power = case
    s = sp.Symbol("s")
    reach, turn = (int(np.dot(x, v)) for v in (w1, h))
    first = sp.diff((w2 * (reach + s * turn) - y) ** power / sp.Integer(power), s).subs(s, 0)
    second = sp.diff(((w2 + s) * reach - y) ** power / sp.Integer(power), s).subs(s, 0)
    q = sp.Integer(w2 * reach - y) ** (power - 1)
    values = {SECOND: sp.Integer(w2), inner(GRADIENT, DIRECTION): q * turn, SLOPE: q * reach}
    true = {ALONG_FIRST: first, BY_SECOND: second}
    return all(part.rhs.xreplace(values) == true[part.lhs] for part in claim.formula.args)


FALSE_TWINS = (
    FalseTwin("without w_2", {"claim": gradients_are(inner(GRADIENT, DIRECTION), SLOPE)}),
    FalseTwin("w_2 in both", {"claim": gradients_are(SECOND * inner(GRADIENT, DIRECTION), SECOND * SLOPE)}),
)

THEOREM = Theorem(
    name="warmup_gradients",
    source=Source(PAPER, "Section 3, gradients"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("observation1_identity",),
)
