r"""(7) as a condition on small weights, as printed: near-zero initialisation makes W_e follow (8). Refuted.

Assumptions
-----------
Those the paper states: initial values close to zero, small learning rate (here: the flow itself).

Source
------
Arora, Cohen and Hazan (2018), section 5, below (10): weights "on par with Equation 7, which will approximately be the
case if initialization values are close enough to zero"; section 8: (10) "provides an accurate description".

Idea of the refutation
----------------------
|W_{j+1}^T W_{j+1} - W_j W_j^T| is O(eps^2), but so is W_e. Take u' = g v, v' = g u (N = 2, one weight a layer, slope
-g) from u = a eps, v = b eps, and (8) from the same w = a b eps^2. When they have left zero, at e^{g t} = 1/eps, their
ratio tends to (a + b)^2/(4ab): 9/8 for a = 2, b = 1, however small eps.

Deviations from the paper
-------------------------
The corrected ratio is `unbalanced_time_shift`: the network is ahead by a constant time. The exact law without (7) is
`unbalanced_dynamics`; what is small is the error once |W_e| has size 1, `restart_order`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.linear_flow import flow_end_to_end, flow_layers
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

RATIO = sp.Symbol("R", positive=True)
FIRST, SECOND = sp.symbols("a b", positive=True)
SMALL, SLOPE = sp.symbols("eps g", positive=True)
TIME = sp.Symbol("t", nonnegative=True)


def ratio_is(value: sp.Expr) -> Claim:
    """Return the claim that network / (8) tends to `value` as eps -> 0, when both have left zero."""
    return Claim(
        "Started close enough to zero, the end-to-end matrix of a network follows (8).",
        equate(RATIO, value),
        ("initial weights a eps and b eps with eps -> 0", "N = 2, one weight a layer, constant slope"),
        {
            RATIO: "limit of w(network)/w(8) at e^{g t} = 1/eps",
            FIRST: "first weight / eps",
            SECOND: "second weight / eps",
        },
    )


CLAIM = ratio_is(sp.Integer(1))
CORRECTED = ratio_is((FIRST + SECOND) ** 2 / (4 * FIRST * SECOND))


def solutions() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return u(t), v(t) of the network and w(t) of (8), from u = a eps, v = b eps, with L' = -g and eta = 1."""
    grow, fade = (FIRST + SECOND) * sp.exp(SLOPE * TIME) / 2, (FIRST - SECOND) * sp.exp(-SLOPE * TIME) / 2
    rule = FIRST * SECOND * SMALL**2 * sp.exp(2 * SLOPE * TIME)
    return SMALL * (grow + fade), SMALL * (grow - fade), rule


def counterexample(claim: Claim) -> Derivation:
    """Solve both in closed form and let eps tend to 0."""
    u, v, rule = solutions()
    at = {FIRST: sp.Integer(2), SECOND: sp.Integer(1)}
    network = sp.expand(sp.expand(u * v).subs(TIME, -sp.log(SMALL) / SLOPE))
    ratio = sp.limit(sp.cancel((network / rule.subs(TIME, -sp.log(SMALL) / SLOPE)).subs(at)), SMALL, 0)
    return Derivation(
        (
            assume("N = 2, k = d = 1, eta = 1, lambda = 0, L(w) = -g w; u(0) = a eps, v(0) = b eps"),
            define("the network", equate(sp.Function("u")(TIME), u)),
            show_equal("u' = g v", sp.diff(u, TIME), SLOPE * v),
            show_equal("v' = g u", sp.diff(v, TIME), SLOPE * u),
            show_equal("from u = a eps", sp.Subs(u, TIME, 0), FIRST * SMALL),
            show_equal("and v = b eps", sp.Subs(v, TIME, 0), SECOND * SMALL),
            show_equal("(8) with N = 2: w' = 2 |w| g", sp.Derivative(rule, TIME), 2 * rule * SLOPE),
            show_equal("from the same w = u v", sp.Subs(rule, TIME, 0), (u * v).subs(TIME, 0)),
            show_equal("the imbalance is O(eps^2)", sp.expand(v**2 - u**2), SMALL**2 * (SECOND**2 - FIRST**2)),
            show_equal(
                "but for a = 2, b = 1 the ratio at e^{g t} = 1/eps tends to 9/8",
                ratio,
                sp.Rational(9, 8),
                name="limit of the ratio",
            ),
            show_violated("a = 2, b = 1", claim.formula, {RATIO: ratio, **at}),
        )
    )


def measured(eps: float, a: float, b: float) -> tuple[float, float]:
    """Return sup |w(network) - w(8)| and the time by which the network is ahead, for l_2 with target 1."""
    horizon = 2.0 * np.log(1.0 / eps) + 6.0
    times = np.linspace(0.0, horizon, 4001)
    network = flow_layers([[[a * eps]], [[b * eps]]], [[1.0]], times, with_error_bar=False).end_to_end[:, 0, 0]
    rule = flow_end_to_end([[a * b * eps**2]], [[1.0]], times, depth=2, with_error_bar=False).end_to_end[:, 0, 0]
    shift = float(np.interp(0.5, rule, times) - np.interp(0.5, network, times))
    return float(np.abs(network - rule).max()), shift


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run l_2 regression with eps = 1e-2, 1e-4, 1e-6: the gap does not shrink, the shift in time is the ratio's."""
    a, b = 2.0, 1.0
    claimed = np.log(float(claim.formula.rhs.subs({FIRST: 2, SECOND: 1}))) / 2.0
    found = [measured(eps, a, b) for eps in (1e-2, 1e-4, 1e-6)]
    gaps, shifts = [gap for gap, _ in found], [shift for _, shift in found]
    return Evidence.measured(
        claim,
        f"sup gap {', '.join(f'{gap:.4f}' for gap in gaps)} at eps = 1e-2, 1e-4, 1e-6; shift {shifts[-1]:.4g}",
        contradicted=abs(shifts[-1] - claimed) > 1e-3,
        error_bar="1e-3 (interpolation and eps)",
        cases=len(found),
        seed=seed,
        detail=f"the network is ahead by {shifts[-1]:.4g}, claimed {claimed:.4g}",
        picture=along(
            (1e-2, 1e-4, 1e-6),
            shifts,
            claimed,
            title="The network's lead in time does not vanish with eps",
            xlabel="eps, size of the start",
            ylabel="time by which the network is ahead",
            xscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("twice the squared excess", {"claim": ratio_is((FIRST + SECOND) ** 2 / (2 * FIRST * SECOND))}),
    FalseTwin("the ratio of the weights", {"claim": ratio_is(FIRST / SECOND)}),
)

THEOREM = Theorem(
    name="near_zero_printed",
    source=Source(PAPER, "Section 5, below (10)", "as a claim on trajectories; corrected in unbalanced_time_shift"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("unbalanced_time_shift", "unbalanced_dynamics", "restart_order"),
)
