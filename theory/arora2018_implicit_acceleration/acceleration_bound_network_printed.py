r"""Appendix B read for gradient descent on the network. Refuted: with the printed step size it diverges.

Assumptions
-----------
p = 4, N = 2, balanced layers, y1 >> y2 >> eps1 >> eps2, eps2/eps1 about y2/y1; eta = 1/(2 eps1 y1^2) as printed.

Source
------
Arora, Cohen and Hazan (2018), Appendix B: "overparameterization can be adjusted to induce on w_2 an implicit gradient
descent scheme with learning rate 1/(2 eps1 y1), all while admitting immediate (single-step) convergence for w_1".

Idea of the refutation
----------------------
Gradient descent on the network's layers in rational arithmetic, y = (1000, 1), w(0) about (1/9, 1/9000): after one step
w_1 is beyond 2000 y1, and the loss has grown by 10^13 twice.

Deviations from the paper
-------------------------
The paper says "overparameterization, i.e. with the update rule in Equation 12", and argues with that rule, (46), for
which this is true in a window (`acceleration_bound_rule`). Refuted is what sections 1 and 8 take it for: that training
the overparameterised objective does it. The reason for the difference is exact (`network_first_step_ratio`); corrected
factor: `network_landing_step`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.learning_rate_ratio import LARGE, START
from theory.arora2018_implicit_acceleration.network_landing_step import LANDING, network_steps
from theory.arora2018_implicit_acceleration.notation import PAPER

RATE = sp.Symbol("eta", positive=True)
MISS = sp.Symbol("miss", nonnegative=True)
PRINTED_RATE = 1 / (2 * START * LARGE**2)


def lands_at(rate: sp.Expr, miss: sp.Expr) -> Claim:
    """Return the claim that with the learning rate `rate` the network's first step misses y1 by at most miss y1."""
    return Claim(
        "At the chosen learning rate gradient descent on the depth-2 network takes w_1 to about y1 in one step.",
        sp.Implies(equate(RATE, rate), sp.Le(MISS, miss, evaluate=False), evaluate=False),
        ("p = 4, N = 2, balanced", "y1 >> y2 >> eps1 >> eps2"),
        {MISS: "|w_1(1) - y1|/y1", RATE: "learning rate", LARGE: "larger target", START: "w_1(0)"},
    )


CLAIM = lands_at(PRINTED_RATE, sp.Rational(1, 2))
CORRECTED = lands_at(LANDING, sp.Rational(1, 2))


def trained(steps: int) -> list[tuple[sp.Expr, sp.Expr]]:
    """Return w after 0, ..., `steps` steps of gradient descent on the layers, y = (1000, 1), in rationals."""
    t = sp.Rational(1, 2000)  # direction ((1 - t^2), 2t)/(1 + t^2), of length 1: tan is about 1/1000
    v = sp.Rational(1, 3)
    q = [v * (1 - t**2) / (1 + t**2), v * 2 * t / (1 + t**2)]
    y = (sp.Integer(1000), sp.Integer(1))
    eta = 1 / (2 * v * q[0] * y[0] ** 2)
    path = [(v * q[0], v * q[1])]
    for _ in range(steps):
        g = [(v * c - target) ** 3 for c, target in zip(q, y, strict=True)]
        v, q = (
            v - eta * sum(a * b for a, b in zip(g, q, strict=True)),
            [c - eta * v * a for a, c in zip(g, q, strict=True)],
        )
        path.append((v * q[0], v * q[1]))
    return path


def counterexample(claim: Claim) -> Derivation:
    """Take two steps of gradient descent on the layers, exactly."""
    path = trained(2)
    y1, eps1 = sp.Integer(1000), path[0][0]
    losses = [((a - y1) ** 4 + (b - 1) ** 4) / 4 for a, b in path]
    miss = sp.Abs(path[1][0] - y1) / y1
    instance = {RATE: 1 / (2 * eps1 * y1**2), LARGE: y1, START: eps1, MISS: miss}
    return Derivation(
        (
            define("y = (1000, 1), w(0) = (eps1, eps2) rational, layers of equal length 1/3"),
            show_less("eps1 is about 1/9", abs(eps1 - sp.Rational(1, 9)), sp.Rational(1, 1000)),
            show_equal(
                "eps2/eps1 = y2/y1 to 1e-6",
                sp.floor(path[0][1] / eps1 * 10**6),
                sp.Integer(1000),
                name="floor of 10^6 eps2/eps1",
            ),
            show_less("after one step w_1 > 2000 y1", 2000 * y1, path[1][0]),
            show_less("the loss has grown by 10^13", 10**13 * losses[0], losses[1]),
            show_less("and by 10^13 again in the next step", 10**13 * losses[1], losses[2]),
            show_violated("no single-step convergence of w_1", claim.formula, instance),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train the network at the claim's learning rate in four instances; nothing is random."""
    del seed
    rate, allowed = claim.formula.args[0].rhs, float(claim.formula.args[1].rhs)
    outcomes, misses = [], []
    for y1, eps1 in ((1000.0, 0.1), (1000.0, 0.05), (300.0, 0.1), (100.0, 0.1)):
        eta = float(rate.subs({LARGE: y1, START: eps1}))
        gradient = (eps1 - y1) ** 3
        misses.append(abs(eps1 * (1.0 - eta * gradient) ** 2 / y1 - 1.0))
        outcomes.append(network_steps(y1, eps1, eta, 5000))
    diverged = sum(o is None for o in outcomes)
    return Evidence.measured(
        claim,
        f"{diverged} of 4 diverge; w_1 misses y1 by {min(misses):.3g} to {max(misses):.3g} times y1",
        contradicted=bool(np.max(misses) > allowed + 1e-6),
        error_bar="1e-6 (rounding)",
        cases=4,
        detail=f"{diverged} of 4 instances diverge; the first step misses by up to {max(misses):.3g} y1",
        picture=by_case(
            misses,
            allowed,
            title="The first step of the network misses y1 by far",
            ylabel="|w_1 - y1| / y1",
            yscale="log",
            limit_label="claimed: at most",
        ),
    )


FALSE_TWINS = (
    FalseTwin("within ten times y1", {"claim": lands_at(PRINTED_RATE, sp.Integer(10))}),
    FalseTwin("at half the rate, by training", {"claim": lands_at(PRINTED_RATE / 2, sp.Rational(1, 2))}),
)

THEOREM = Theorem(
    name="acceleration_bound_network_printed",
    source=Source(
        PAPER, "Appendix B", "read for the network, the paper argues with (46); corrected in network_landing_step"
    ),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("network_landing_step", "network_first_step_ratio", "acceleration_bound_rule"),
)
