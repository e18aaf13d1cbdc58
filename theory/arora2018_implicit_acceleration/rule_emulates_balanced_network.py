r"""Figure 2 with balanced layers: over a fixed time the loss curves of network and rule (12) differ by O(eta).

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; depths 2 and 3, balanced layers of a random W_e(0); l2 and l4 loss;
learning rates 4e-3, 2e-3 and 1e-3 over the flow time 2.

Source
------
Arora, Cohen and Hazan (2018), section 5, equations (7) and (10), and Figure 2.

Idea of the check
-----------------
Theorem 1 holds exactly, so that what is left are the two discretisations, each of first order. The largest difference
of the loss curves is fitted by a power of the learning rate.

Deviations from the paper
-------------------------
The paper trains from layers that are small but not balanced: `rule_emulates_network`. For small dense problems
and W_e itself see `discrete_rule_global_order`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.linear_flow import balanced_layers
from odeflow.panels import by_case
from odeflow.symbolic.derivations import equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._figure_parts import sup_gap
from theory.arora2018_implicit_acceleration._races import bundled
from theory.arora2018_implicit_acceleration.notation import PAPER

ORDER = sp.Symbol("q", positive=True)
HORIZON, RATES = 2.0, (4e-3, 2e-3, 1e-3)
CURVATURE = 2.0
"""A slope departs from the order by what the next order adds, about the change from one slope to the next."""


def order_is(value: int) -> Claim:
    """Return the claim that the gap is O(eta^value)."""
    return Claim(
        "From balanced layers the loss curves of the network and of rule (12) differ by O(eta) over a fixed time.",
        equate(ORDER, sp.Integer(value)),
        ("diabetes data, standardised", "W_{j+1}^T W_{j+1} = W_j W_j^T at the start", "eta x steps = 2"),
        {ORDER: "order of the largest difference in eta"},
    )


CLAIM = order_is(1)


def slopes(power: int, depth: int, seed: int) -> np.ndarray:
    """Return log2 of the ratios of the gaps at halved learning rates."""
    problem = bundled(power)
    start = 0.1 * np.random.default_rng(seed).standard_normal((1, problem.X.shape[1]))
    layers = balanced_layers(start, depth)
    gaps = []
    for rate in RATES:
        steps = round(HORIZON / rate)
        gaps.append(sup_gap(problem.network(layers, rate, steps), problem.rule(start, rate, steps, depth=depth)))
    return np.asarray(np.log2(np.array(gaps[:-1]) / np.array(gaps[1:])))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Fit the order for two losses and two depths."""
    found = np.array([slopes(power, depth, seed) for power in (2, 4) for depth in (2, 3)])
    bars = CURVATURE * np.abs(np.diff(found, axis=1))[:, 0]
    order = float(claim.formula.rhs)
    off = np.abs(found[:, 1] - order)
    return Evidence.measured(
        claim,
        f"orders {found[:, 1].min():.3f} to {found[:, 1].max():.3f} between eta = 2e-3 and 1e-3",
        contradicted=bool((off > bars).any()),
        error_bar=f"{bars.max():.3f} (twice the change from one slope to the next)",
        cases=len(found),
        seed=seed,
        picture=by_case(
            found[:, 1],
            order,
            title="Balanced network and rule part with the claimed order of eta",
            ylabel="fitted order",
            interval=np.array([found[:, 1] - bars, found[:, 1] + bars]),
        ),
    )


FALSE_TWINS = (FalseTwin("order 2", {"claim": order_is(2)}),)

THEOREM = Theorem(
    name="rule_emulates_balanced_network",
    source=Source(PAPER, "Figure 2, (7), (10)", "with the balance that the theorem asks for"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("rule_emulates_network", "discrete_rule_global_order"),
)
