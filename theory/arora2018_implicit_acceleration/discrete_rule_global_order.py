r"""(10) over a fixed time: rule, gradient descent on the layers and flow stay within O(eta) of each other.

Assumptions
-----------
Balanced start, a smooth loss, a fixed time T = eta x steps.

Source
------
Arora, Cohen and Hazan (2018), section 5, below equation (10): "the learning rate eta is small enough for discrete
updates to approximate continuous ones".

Idea of the check
-----------------
Both are one-step methods for (8) whose single step is right up to eta^2 (`discrete_rule_local_order`), which makes
O(eta) over T/eta steps where (8) is smooth. Measured: the three distances and the imbalance all halve with eta.

Deviations from the paper
-------------------------
The order is measured, not proved: (8) is only Hoelder of exponent 2/N where the rank drops.
"""

from __future__ import annotations

import itertools

import numpy as np
import sympy as sp

from odeflow.numeric.linear_flow import balanced_layers, imbalance
from odeflow.panels import by_case
from odeflow.symbolic.derivations import equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import (
    END_TO_END,
    Layers,
    end_to_end_field,
    layer_path,
    layer_rates,
    power_loss_gradient,
    product,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

ORDER = sp.Symbol("q", positive=True)
CURVATURE, FLOOR = 2.0, 0.01
"""A slope departs from the order by what the next order adds, about the change from one slope to the next."""


def order_is(value: int) -> Claim:
    """Return the claim that the discrepancies are O(eta^value)."""
    return Claim(
        "Over a fixed time the end-to-end rule (10), gradient descent on the layers and the flow differ by O(eta).",
        equate(ORDER, sp.Integer(value)),
        ("balanced start", "a smooth loss", "T = eta x steps fixed"),
        {ORDER: "order of the discrepancies in eta"},
    )


CLAIM = order_is(1)


def discrepancies(depth: int, power: int, steps: int, seed: int) -> np.ndarray:
    """Return |GD - flow|, |rule - flow|, |GD - rule| and the imbalance of GD at T = 0.8."""
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((3, 5)), rng.standard_normal((2, 5))
    gradient, decay, horizon = power_loss_gradient(X, Y, power), 0.1, 0.8
    start = rng.standard_normal((2, 3))
    layers: Layers = balanced_layers(start / np.linalg.norm(start), depth)
    flow = product(layer_path(layers, gradient, (0.0, horizon), decay)[-1])
    rule, step = product(layers), horizon / steps
    field = end_to_end_field(END_TO_END.rhs, depth, gradient, decay)
    for _ in range(steps):
        rates = layer_rates(layers, gradient, decay)
        layers = tuple(W + step * rate for W, rate in zip(layers, rates, strict=True))
        rule = rule + step * field(rule)
    down = product(layers)
    norms = [float(np.linalg.norm(a - b)) for a, b in ((down, flow), (rule, flow), (down, rule))]
    return np.array([*norms, imbalance(layers)])


def simulate(claim: Claim, seed: int) -> Evidence:
    """Halve eta twice and take the slopes of all four discrepancies, for two depths and two losses."""
    found = []
    for depth, power in ((2, 2), (3, 4)):
        sizes = [discrepancies(depth, power, steps, seed) for steps in (200, 400, 800)]
        found.append([np.log2(a / b) for a, b in itertools.pairwise(sizes)])
    coarse, fine = np.concatenate(found, axis=1)
    bars = CURVATURE * np.abs(fine - coarse) + FLOOR
    off = np.abs(fine - float(claim.formula.rhs))
    return Evidence.measured(
        claim,
        f"orders {fine.min():.3f} to {fine.max():.3f} between T/400 and T/800",
        contradicted=bool((off > bars).any()) if bars.max() < 0.5 else None,
        error_bar=f"{bars.max():.3f} (twice the change from one slope to the next)",
        cases=fine.size,
        seed=seed,
        picture=by_case(
            fine,
            float(claim.formula.rhs),
            title="Network, rule and flow part with the claimed order of eta",
            ylabel="fitted order",
            interval=np.array([fine - bars, fine + bars]),
        ),
    )


FALSE_TWINS = (FalseTwin("order 2", {"claim": order_is(2)}),)

THEOREM = Theorem(
    name="discrete_rule_global_order",
    source=Source(PAPER, "(10)", "over a fixed time"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("discrete_rule_local_order",),
)
