r"""Appendix B for rule (46): inside its window of learning rates it is faster by at least y1/(4 eps1), in steps.

Assumptions
-----------
p = 4, N = 2; y1 >> y2 = 1 >> eps1; eps2/eps1 = theta y2/y1, theta = 1/10, 1/2 and the paper's 1; eta = (1 + x)/(2 eps1
y1^2) with |x| at most half of the window sqrt(2 eps1/y1). Gradient descent runs at 99.5 % of its largest learning rate,
from the same start.

Source
------
Arora, Cohen and Hazan (2018), Appendix B, the conclusion, for the end-to-end rule (46).

Idea of the check
-----------------
Numbers only: both methods are run to |Delta_2| <= y2/2 (theta = 1/10) or 3 y2/10. The first step takes w_2 to theta/2
of y2 at once, so that the small tilt is the hard case: there the ratio is that of the learning rates. It lands within
|x| y1 of y1, where the local factor 1 - eta N |w| 3 Delta_1^2 must stay above -1: 3 (x y1)^2 < 2 eps1 y1 or so; hence
the window's order sqrt(2 eps1/y1).

Deviations from the paper
-------------------------
The window is not in the paper, and the tilt eps2/eps1 = y2/y1, which is, is needed: at twice the window's half-width,
or from an isotropic start, rule (46) diverges. No proof here that all later steps keep w_1 near y1 (the paper says
"approximately"): SUPPORTED. A proof at x = 0 would trap Delta_1 between -3 eps1 and (y2^4/(16 y1))^{1/3}, where its map
is increasing, and use that one step x -> x - m a x^3 goes further than m steps x -> x - a x^3.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import by_case
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.learning_rate_ratio import LARGE, START
from theory.arora2018_implicit_acceleration.notation import PAPER

SPEEDUP = sp.Symbol("steps_GD/steps_rule", positive=True)
INSTANCES = ((300.0, 0.1), (500.0, 0.05), (1000.0, 0.1))
"""y1 and eps1; y2 = 1."""


def at_least(bound: sp.Expr) -> Claim:
    """Return the claim that the speed-up in steps is at least `bound`."""
    return Claim(
        "Inside its window of learning rates rule (46) needs y1/(4 eps1) times fewer steps than gradient descent.",
        sp.Ge(SPEEDUP, bound, evaluate=False),
        ("p = 4, N = 2", "y1 >> y2 >> eps1", "eps2/eps1 from y2/(10 y1) to y2/y1", "eta within half the window"),
        {SPEEDUP: "steps of gradient descent over steps of rule (46)", LARGE: "larger target", START: "w_1(0)"},
    )


CLAIM = at_least(LARGE / (4 * START))


def rule_steps(y1: float, eps1: float, eps2: float, eta: float, limit: int, goal: float = 0.5) -> int | None:
    """Return the steps of (46) until |Delta_2| <= goal and |Delta_1| <= y1/10, None if it diverges."""
    w1, w2 = eps1, eps2
    for k in range(limit):
        d1, d2 = w1 - y1, w2 - 1.0
        if abs(d2) <= goal and abs(d1) <= 0.1 * y1:
            return k
        if abs(w1) > 10.0 * y1 or abs(w2) > 10.0 * y1:
            return None
        g1, g2, norm = d1**3, d2**3, (w1 * w1 + w2 * w2) ** 0.5
        along = (w1 * g1 + w2 * g2) / norm
        w1, w2 = w1 - eta * (norm * g1 + along * w1), w2 - eta * (norm * g2 + along * w2)
    return None


def descent_steps(y1: float, eps2: float, goal: float = 0.5) -> int:
    """Return gradient descent's steps until |Delta_2| <= goal, eta = 0.995 x 2/y1^2."""
    eta, error, k = 0.995 * 2.0 / y1**2, 1.0 - eps2, 0
    while error > goal:
        error, k = error - eta * error * error * error, k + 1
    return k


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run both methods; inside the window, beyond it, and from an isotropic start. Nothing is random."""
    del seed
    ratios, speedups, outside, isotropic = [], [], 0, 0
    for y1, eps1 in INSTANCES:
        eps2, window, eta = 0.1 * eps1 / y1, float(np.sqrt(2.0 * eps1 / y1)), 1.0 / (2.0 * eps1 * y1**2)
        descent = descent_steps(y1, eps2)
        for x in (-0.5, 0.0, 0.5):
            steps = rule_steps(y1, eps1, eps2, eta * (1.0 + x * window), 20_000)
            speedups.append(descent / steps if steps else 0.0)
            ratios.append(speedups[-1] / float(claim.bound({LARGE: y1, START: eps1})))
        outside += sum(rule_steps(y1, eps1, eps2, eta * (1.0 + x * window), 20_000) is None for x in (-2.0, 2.0))
        isotropic += rule_steps(y1, eps1, eps1, eta, 20_000) is None
    for y1, eps1 in INSTANCES[:2]:
        eta, bound = 1.0 / (2.0 * eps1 * y1**2), float(claim.bound({LARGE: y1, START: eps1}))
        for theta in (0.5, 1.0):
            steps = rule_steps(y1, eps1, theta * eps1 / y1, eta, 20_000, 0.3)
            ratios.append(descent_steps(y1, theta * eps1 / y1, 0.3) / steps / bound if steps else 0.0)
    count = len(INSTANCES)
    return Evidence.measured(
        claim,
        f"speed-ups {', '.join(f'{s:.0f}' for s in speedups[1::3])} at x = 0; smallest ratio to the bound "
        f"{min(ratios):.3f}; diverged: {outside} of {2 * count} at twice the window, {isotropic} of {count} isotropic",
        contradicted=min(ratios) < 1.0 - 0.01,
        error_bar="0.01 (one step in a hundred)",
        cases=6 * count + 4,
        detail=f"smallest ratio to the bound {min(ratios):.3f}",
        picture=by_case(
            ratios,
            1.0,
            title="The rule is faster by at least the claimed factor",
            ylabel="speed-up / bound",
            limit_label="claimed: at least",
        ),
    )


FALSE_TWINS = (
    FalseTwin("y1/(2 eps1)", {"claim": at_least(LARGE / (2 * START))}),
    FalseTwin("(y1/eps1)^2/4", {"claim": at_least((LARGE / START) ** 2 / 4)}),
)

THEOREM = Theorem(
    name="acceleration_bound_rule",
    source=Source(PAPER, "Appendix B, rule (46)", "inside a window of learning rates, from a tilted start"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("learning_rate_ratio", "acceleration_bound_network_printed"),
)
