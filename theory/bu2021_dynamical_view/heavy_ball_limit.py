r"""Equation (3.1) -> (3.3), corrected: heavy ball with momentum 1 - b sqrt(eta) discretises w'' + b w' + grad L = 0.

Assumptions
-----------
t = k h, h = sqrt(eta); w and its gradient along the trajectory are smooth in t; momentum 1 - b h (or 1 - b h +
O(h^2)).

Source
------
Bu, Xu and Chen (2021), (3.1) and (3.3): "the corresponding gradient flow is known as the Heavy Ball with Friction
system", with no relation between beta, eta and b.

Idea of the proof
-----------------
Put w(t) into one step of (3.1), divide by eta and expand in h: the ODE remains, and behind it -(b/2) h w''.

Deviations from the paper
-------------------------
A fixed momentum has another limit (`heavy_ball_limit_printed`). beta = 1, which "beta in [0, 1]" allows, is b = 0: no
friction and no convergence. The momentum (1 - bh/2)/(1 + bh/2) has order two (`heavy_ball_limit_second_order`). The
order of the error at a fixed time is measured here; it follows from the expansion for a stable scheme.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from odeflow.experiments import order_evidence
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.modal import mode_response
from odeflow.numeric.training import HeavyBallMethod, iterate_modes
from odeflow.symbolic.derivations import Derivation, assume, define, equate
from odeflow.symbolic.discretisations import claimed_order, shifted, show_expansion, trajectory
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

STEP = sp.Symbol("h", positive=True)
DAMPING = sp.Symbol("b", positive=True)
W = trajectory("w", 6)
GRADIENT = trajectory("g", 3)
RESIDUAL = sp.Function("R")
ODE = W[2] + DAMPING * W[1] + GRADIENT[0]
WHERE = {
    STEP: "time step sqrt(eta), flow time per step",
    DAMPING: "damping of the flow, 1/time",
    GRADIENT[0]: "gradient of L along the trajectory",
    RESIDUAL: "R(momentum, learning rate): one step of (3.1) with w(t) put in, divided by the learning rate",
}


def expands_to(momentum: sp.Expr, learning_rate: sp.Expr, right: sp.Expr) -> Claim:
    """Return the claim about the residual of heavy ball with this momentum and learning rate."""
    return Claim(
        "Heavy ball with momentum 1 - b sqrt(eta) discretises the heavy ball flow, to order one in sqrt(eta).",
        equate(RESIDUAL(momentum, learning_rate), right),
        ("t = k h", "w(t) and grad L along it are smooth in t"),
        WHERE,
    )


CLAIM = expands_to(1 - DAMPING * STEP, STEP**2, ODE - DAMPING * STEP * W[2] / 2 + sp.O(STEP**2))


def derive(claim: Claim) -> Derivation:
    """Put a smooth trajectory into (3.1) and expand."""
    momentum, learning_rate = claim.formula.lhs.args
    now, after, before = (shifted(W, STEP, j) for j in (0, 1, -1))
    left = (after - now + learning_rate * GRADIENT[0] - momentum * (now - before)) / learning_rate
    return Derivation(
        (
            assume("t = k h; w(t) and grad L along it are smooth in t"),
            define("one step of (3.1), everything on one side, divided by eta"),
            show_expansion("expand in h about t", claim.formula, left, STEP),
        )
    )


def global_errors(claim: Claim, eigenvalue: float, damping: float, horizon: float) -> tuple[Any, Any]:
    """Return time steps and largest errors on a mode of the claim's method against the claim's ODE."""
    momentum, learning_rate = (sp.lambdify(STEP, e.subs(DAMPING, damping), "math") for e in claim.formula.lhs.args)
    ode = claim.formula.rhs.removeO().subs({STEP: 0, DAMPING: damping})
    flow = HeavyBall(float(ode.coeff(W[1]) / ode.coeff(W[2])))
    scale = float(ode.coeff(GRADIENT[0]) / ode.coeff(W[2]))
    centred = claimed_order(claim.formula, STEP) > 1
    steps, errors = [], []
    for count in (100, 200, 400, 800, 1600, 3200):
        h = horizon / count
        path = iterate_modes(HeavyBallMethod(learning_rate(h), momentum(h), centred), [eigenvalue], count)[0]
        exact = mode_response(flow, np.array([scale * eigenvalue]), h * np.arange(count + 1))[0]
        steps.append(h)
        errors.append(float(np.abs(path - exact).max()))
    return np.array(steps), np.array(errors)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Iterate (3.1) on a mode with lambda = 0.7, b = 1 up to t = 10 and fit the order of the error."""
    steps, errors = global_errors(claim, 0.7, 1.0, 10.0)
    return order_evidence(
        claim,
        steps,
        errors,
        order=claimed_order(claim.formula, STEP),
        observed=f"largest error {errors[-1]:.3g} at h = {steps[-1]:g}",
    )


FALSE_TWINS = (
    FalseTwin("momentum 1 - b h/2", {"claim": expands_to(1 - DAMPING * STEP / 2, STEP**2, CLAIM.formula.rhs)}),
    FalseTwin("order two", {"claim": expands_to(1 - DAMPING * STEP, STEP**2, ODE + sp.O(STEP**2))}),
    FalseTwin("learning rate h", {"claim": expands_to(1 - DAMPING * STEP, STEP, CLAIM.formula.rhs)}),
)

THEOREM = Theorem(
    name="heavy_ball_limit",
    source=Source(PAPER, "(3.1) -> (3.3)", "corrected: the momentum must be 1 - b sqrt(eta)"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("heavy_ball_limit_printed", "heavy_ball_limit_second_order", "heavy_ball_two_forms"),
)
