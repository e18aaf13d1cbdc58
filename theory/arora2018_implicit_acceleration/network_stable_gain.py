r"""Appendix B, stable learning rates: along its whole way to y1 a depth-2 network allows 49/32 of gradient descent's.

Assumptions
-----------
One coordinate with target y > 0, p = 4, N = 2, balanced layers u = v on the way from w = 0 to w = y. "Stable": below 2
over the largest second derivative of the loss in the direction of the path; gradient descent's learning rate is 2/y^2.

Source
------
Beside Arora, Cohen and Hazan (2018), Appendix B: what is left of the acceleration without a lucky landing.

Idea of the proof
-----------------
Along u = v = s/sqrt(2) the loss is (s^2/2 - y)^4/4; with x = s^2/(2y) its curvature is y^3 (1 - x)^2 (7x - 1), at most
(32/49) y^3, attained at x = 3/7. So the layers' learning rate is below 49/(16 y^3), and w_2 moves with y times that.

Deviations from the paper
-------------------------
The paper's bound needs a single step that lands (`network_landing_step`); this gain does not grow with y1. Across the
path, in u - v, the curvature is (y - w)^3, up to y^3 at the start: exactly balanced layers do not feel it; if it counts
as well the limit is 2/y^3, and there is no gain at all.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_less, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

GAIN = sp.Symbol("eta_net/eta_GD", positive=True)
TARGET = sp.Symbol("y", positive=True)


def gain_is(value: sp.Expr) -> Claim:
    """Return the claim that w_2's learning rate gains the factor `value` at the stability limit."""
    return Claim(
        "Stable along its path the depth-2 network moves w_2 with 49/32 of gradient descent's learning rate.",
        equate(GAIN, value),
        ("p = 4, N = 2, exactly balanced", "2 over the largest second derivative in the direction of the path"),
        {GAIN: "effective learning rate of w_2 over gradient descent's bound", TARGET: "the target of w_1"},
    )


CLAIM = gain_is(sp.Rational(49, 32))


def derive(claim: Claim) -> Derivation:
    """Find the largest curvature on the path."""
    s, m, x = sp.symbols("s m x", positive=True)
    loss = (s**2 / 2 - TARGET) ** 4 / 4
    curvature = sp.diff(loss, s, 2).subs(s, sp.sqrt(2 * TARGET * x))
    shape = (1 - x) ** 2 * (7 * x - 1)
    limit, y = sp.Rational(32, 49), TARGET
    u, v = sp.symbols("u v", positive=True)
    square = (u * v - TARGET) ** 4 / 4
    across = (sp.diff(square, u, 2) - sp.diff(square, u, v)).subs({u: s, v: s})
    below = show_less("x = 1/(1 + m), m >= 0: at most 32/49", shape.subs(x, 1 / (1 + m)), limit)
    reached = show_equal("reached at x = 3/7", sp.Subs(shape, x, sp.Rational(3, 7)), limit)
    return Derivation(
        (
            assume("u = v = s/sqrt(2), so w = s^2/2 runs from 0 to y and x = w/y from 0 to 1"),
            show_equal("the curvature is y^3 (1 - x)^2 (7x - 1)", curvature, y**3 * shape),
            show_equal("across it, in u - v, (y - w)^3: balanced layers stay balanced", across, (TARGET - s**2) ** 3),
            below,
            reached,
            infer("largest learning rate of the layers: 2/((32/49) y^3)", from_=[below, reached]),
            define("near the end w_2 = v q_2 moves with v^2 = y times it; gradient descent with 2/y^2"),
            show_with("the quotient", claim.formula, {GAIN: 2 / (limit * y**3) * y / (2 / y**2)}),
        )
    )


def measured(y: float, points: int = 4000) -> float:
    """Return the gain from curvatures by second differences on a grid of the path."""
    s = np.sqrt(2.0 * y) * np.linspace(0.0, 1.0, points + 1)
    step = 1e-3 * np.sqrt(y)

    def loss(at: np.ndarray) -> np.ndarray:
        u = v = at / np.sqrt(2.0)
        return np.asarray((u * v - y) ** 4 / 4.0)

    curvature = (loss(s + step) - 2.0 * loss(s) + loss(s - step)) / step**2
    return float(2.0 / curvature.max() * y / (2.0 / y**2))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Scan the path's curvature by differences, y from 1 to 1000."""
    rng = np.random.default_rng(seed)
    gains = [measured(float(y)) for y in (1.0, 10.0, 100.0, 1000.0, *np.exp(rng.uniform(0.0, 7.0, 4)))]
    gap = float(np.abs(np.array(gains) - float(claim.bound({}))).max())
    return Evidence.measured(
        claim,
        f"gains between {min(gains):.4g} and {max(gains):.4g}",
        contradicted=gap > 1e-4,
        error_bar="1e-4 (step of the differences squared, grid of the path)",
        cases=len(gains),
        seed=seed,
        picture=by_case(
            gains,
            float(claim.bound({})),
            interval=np.array(gains) + np.array([[-1e-4], [1e-4]]),
            title="The gain is the claimed number for every y",
            ylabel="gain",
        ),
    )


def domain() -> st.SearchStrategy[float]:
    """Targets."""
    return st.floats(0.1, 1e4)


def holds(claim: Claim, case: float) -> bool:
    """Check one target."""
    return abs(measured(case) - float(claim.bound({}))) < 1e-4


FALSE_TWINS = (
    FalseTwin("no gain", {"claim": gain_is(sp.Integer(1))}),
    FalseTwin("2, by numbers alone", {"claim": gain_is(sp.Integer(2)), "derive": None}),
)

THEOREM = Theorem(
    name="network_stable_gain",
    source=Source(PAPER, "Appendix B", "the gain of stable learning rates, added"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("network_landing_step", "acceleration_bound_network_printed"),
)
