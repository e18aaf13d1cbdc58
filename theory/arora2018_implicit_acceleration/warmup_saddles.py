r"""Section 3: every critical point of L(w_1, w_2) is a global minimum or a strict saddle.

Assumptions
-----------
L(w) = E[(x.w - y)^p/p], p a positive even integer; b = grad L(0) is not 0; a critical point (w_1, 0).

Source
------
Beside Arora, Cohen and Hazan (2018), section 3, "gradient descent on this non-convex objective".

Idea of the proof
-----------------
Along (h, 1) the loss at (w_1, 0) has the second derivative <w_1, H w_1> + 2 <h, b>, H the Hessian of L at 0. The
direction h = -(1 + a) b/(2 |b|^2), a = <w_1, H w_1>, makes it -1. Critical points with w_2 != 0 have grad L = 0, and so
do those with w_2 = 0 if b = 0: then w minimises the convex L.

Deviations from the paper
-------------------------
New. At the origin the Hessian is [[0, b], [b^T, 0]] with eigenvalues |b|, -|b|, 0: gradient descent from (0, 0) never
moves, so "near zero" must not be zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

CURVATURE = sp.Symbol("c", real=True)
WITHIN = sp.Symbol("a", nonnegative=True)
FIRST, SLOPE, SAMPLE, DIRECTION = (Vector.base(name) for name in ("w_1", "b", "x", "h"))
ERROR, SMALL = sp.Symbol("e_0", real=True), sp.Symbol("s", real=True)


def curvature_is(value: sp.Expr) -> Claim:
    """Return the claim that the second derivative along that direction is `value`."""
    return Claim(
        "At a critical point (w_1, 0) with b = grad L(0) != 0 the direction (-(1 + a) b/(2|b|^2), 1) has curvature -1.",
        equate(CURVATURE, value),
        ("p is a positive even integer", "b = grad L(0) is not 0", "a = <w_1, H w_1>"),
        {CURVATURE: "second derivative of L(w_1, w_2) along the direction", WITHIN: "<w_1, Hess L(0) w_1>"},
    )


CLAIM = curvature_is(sp.Integer(-1))


def derive(claim: Claim) -> Derivation:
    """Differentiate one sample twice along (h, 1), every even p and every dimension; then choose h."""
    reached, turned = inner(SAMPLE, FIRST), inner(SAMPLE, DIRECTION)
    power = 2 * sp.Symbol("m", positive=True, integer=True)
    inside = SMALL * (reached + SMALL * turned) + ERROR  # w_2 = s, w_1 + s h
    second = sp.diff(inside**power / power, SMALL, 2).subs(SMALL, 0)
    hessian, slope = (power - 1) * ERROR ** (power - 2) * reached**2, ERROR ** (power - 1) * turned
    variations = [
        show_equal(
            "one sample, p = 2m, error -y at w = 0: <w_1, H w_1> + 2 <b, h>",
            sp.powsimp(sp.expand(second)),
            sp.powsimp(sp.expand(hessian + 2 * slope)),
            name="<w_1, H w_1> + 2 <b, h>",
        )
    ]
    general = infer(
        "for every smooth L: L(s w_1 + s^2 h) = L(0) + s <b, w_1> + s^2 (<b, h> + <w_1, H w_1>/2) + o(s^2)",
        from_=variations,
    )
    chosen = -(1 + WITHIN) / (2 * norm2(SLOPE)) * SLOPE
    curvature = WITHIN + 2 * inner(SLOPE, chosen)
    e = sp.Symbol("e", real=True)
    origin = sp.Matrix([[0, e], [e, 0]])
    return Derivation(
        (
            assume("b = grad L(0) is not 0, (w_1, 0) is critical"),
            define("F(s) = L((w_1 + s h) s): the loss along the direction (h, 1)"),
            *variations,
            general,
            show_equal("at the origin, in the plane of b: eigenvalues +-|b|", sp.Determinant(origin), -(e**2)),
            show_with("with h = -(1 + a) b/(2 |b|^2)", claim.formula, {CURVATURE: sp.cancel(curvature)}),
        )
    )


def curvature(case: Any) -> float:
    """Return the second difference of the loss along the direction, at a critical point (w_1, 0)."""
    power, d, seed = case
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((6, d)), rng.uniform(0.5, 1.0, 6)
    b = -X.T @ y ** (power - 1) / y.size
    w1 = 0.3 * rng.standard_normal(d)
    w1 -= (w1 @ b) / (b @ b) * b  # critical: <w_1, b> = 0
    a = float(np.mean((power - 1) * y ** (power - 2) * (X @ w1) ** 2))
    h = -(1.0 + a) / (2.0 * float(b @ b)) * b
    step = 1e-3 / (1.0 + float(np.linalg.norm(h)))

    def loss(s: float) -> float:
        return float(np.mean((X @ (w1 + s * h) * s - y) ** power) / power)

    coarse, fine = ((loss(s) - 2 * loss(0.0) + loss(-s)) / s**2 for s in (2 * step, step))
    return (4.0 * fine - coarse) / 3.0


def agrees(claim: Claim, case: Any) -> bool:
    """Compare the measured curvature with the claim."""
    return abs(curvature(case) - float(claim.formula.rhs.subs(WITHIN, 1))) < 1e-2


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the curvature at nine critical points; gradient descent from (0, 0) stays there."""
    cases = [(p, d, 100 * seed + 10 * p + d) for p in (2, 4, 6) for d in (1, 2, 4)]
    found = [curvature(case) for case in cases]
    return Evidence.measured(
        claim,
        f"curvatures between {min(found):.4g} and {max(found):.4g}",
        contradicted=not all(agrees(claim, case) for case in cases),
        error_bar="1e-2 (second differences, extrapolated)",
        cases=len(cases),
        seed=seed,
        picture=by_case(
            found,
            float(claim.formula.rhs.subs(WITHIN, 1)),
            title="Critical points have a direction downwards",
            ylabel="curvature along it",
            interval=np.array(found) + np.array([[-1e-2], [1e-2]]),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """p, dimension and seed."""
    return st.tuples(st.sampled_from((2, 4, 6)), st.integers(2, 4), st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one critical point, unless b is too small for second differences."""
    power, d, seed = case
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((6, d)), rng.uniform(0.5, 1.0, 6)
    b = X.T @ y ** (power - 1) / y.size
    return float(np.linalg.norm(b)) < 0.05 or agrees(claim, case)


FALSE_TWINS = (
    FalseTwin("a minimum there", {"claim": curvature_is(sp.Integer(1))}),
    FalseTwin("flat", {"claim": curvature_is(sp.Integer(0))}),
)

THEOREM = Theorem(
    name="warmup_saddles",
    source=Source(PAPER, "Section 3, critical points", "new"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_two_nonconvex", "observation1_momentum"),
)
