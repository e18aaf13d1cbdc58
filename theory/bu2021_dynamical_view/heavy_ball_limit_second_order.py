r"""Beside (3.3): the momentum (1 - bh/2)/(1 + bh/2) makes heavy ball a discretisation of order two.

Assumptions
-----------
t = k h, learning rate h^2/(1 + bh/2); w and its gradient smooth in t; for the measured order the first step is the
Taylor step w(1) = w(0) - (h^2/2) grad L(w(0)).

Source
------
Beside Bu, Xu and Chen (2021), (3.1) and (3.3); not in the paper.

Idea of the proof
-----------------
With these parameters (3.1) is (w(t+h) - 2w(t) + w(t-h))/h^2 + b (w(t+h) - w(t-h))/(2h) + grad L = 0: central
differences, even in h.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_limit import DAMPING, ODE, STEP, W, derive, expands_to, simulate
from theory.bu2021_dynamical_view.notation import PAPER

FRICTION = DAMPING * STEP / 2
MOMENTUM = (1 - FRICTION) / (1 + FRICTION)
LEARNING_RATE = STEP**2 / (1 + FRICTION)


def with_parameters(momentum: sp.Expr, learning_rate: sp.Expr, right: sp.Expr) -> Claim:
    """Return the claim about the residual of heavy ball with these parameters."""
    return replace(
        expands_to(momentum, learning_rate, right),
        statement="Heavy ball with momentum (1 - bh/2)/(1 + bh/2) is a discretisation of its flow of order two in h.",
    )


SECOND = STEP**2 * (W[4] / 12 + DAMPING * W[3] / 6)
CLAIM = with_parameters(MOMENTUM, LEARNING_RATE, ODE + SECOND + sp.O(STEP**3))

FALSE_TWINS = (
    FalseTwin("learning rate h^2", {"claim": with_parameters(MOMENTUM, STEP**2, CLAIM.formula.rhs)}),
    FalseTwin("momentum 1 - b h", {"claim": with_parameters(1 - 2 * FRICTION, LEARNING_RATE, CLAIM.formula.rhs)}),
)

THEOREM = Theorem(
    name="heavy_ball_limit_second_order",
    source=Source(PAPER, "(3.1) -> (3.3)", "a better match than 1 - b sqrt(eta), not in the paper"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("heavy_ball_limit",),
)
