r"""Equation (4.1) -> (4.2): Nesterov's method discretises w'' + (gamma/t) w' + grad L = 0, t = k sqrt(eta), order one.

Assumptions
-----------
t = k h > 0, h = sqrt(eta), k >= 1; w and its gradient along the trajectory are smooth in t near the time considered.

Source
------
Bu, Xu and Chen (2021), (4.1), (4.2), after Su, Boyd and Candes (2014).

Idea of the proof
-----------------
Eliminate v from (4.1), write the momentum (k-1)/(k+gamma-1) as (t - h)/(t + (gamma-1) h), put w(t) in and expand in h.

Deviations from the paper
-------------------------
The start index is k >= 1: at k = 0 the momentum is -1/(gamma-1), which is singular at gamma = 1. The expansion is for
fixed t > 0, k -> infinity; at a fixed eta and k -> infinity method and flow part (`nesterov_discrete_linear`). The
order of the error at a fixed time is measured.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import order_evidence
from odeflow.numeric.flows import Nesterov
from odeflow.numeric.modal import mode_response
from odeflow.numeric.training import NesterovMethod, iterate_modes
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_less
from odeflow.symbolic.discretisations import claimed_order, shifted, show_expansion, trajectory
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_discrete_linear import STEPS
from theory.bu2021_dynamical_view.notation import GAMMA, PAPER, SYMBOLS, T

STEP = sp.Symbol("h", positive=True)
W = trajectory("w", 6)
GRADIENT = trajectory("g", 4)
RESIDUAL = sp.Function("R")
BETA_K = (STEPS - 1) / (STEPS + GAMMA - 1)
ODE = W[2] + GAMMA / T * W[1] + GRADIENT[0]
FIRST = STEP * (GRADIENT[1] - GAMMA * W[2] / (2 * T) - GAMMA * (GAMMA - 1) * W[1] / T**2)


def expands_to(momentum: sp.Expr, right: sp.Expr) -> Claim:
    """Return the claim about the residual of Nesterov's method with this momentum at step k."""
    return Claim(
        "Nesterov's method is a discretisation of the flow with damping gamma/t, of order one in h = sqrt(eta).",
        equate(RESIDUAL(momentum), right),
        ("t = k h > 0, k >= 1", "w(t) and grad L along it are smooth in t"),
        {
            STEP: "time step sqrt(eta), flow time per step",
            GAMMA: SYMBOLS[GAMMA],
            GRADIENT[0]: "gradient of L along the trajectory",
            RESIDUAL: "R(momentum): one step of (4.1) with w(t) put in, divided by eta",
        },
    )


CLAIM = expands_to(BETA_K, ODE + FIRST + sp.O(STEP**2))


def derive(claim: Claim) -> Derivation:
    """Eliminate v, put a smooth trajectory into (4.1) and expand."""
    momentum = claim.formula.lhs.args[0].subs(STEPS, T / STEP)
    now, after, before = (shifted(W, STEP, j) for j in (0, 1, -1))
    half, half_before = (
        now - STEP**2 * GRADIENT[0],
        before - STEP**2 * shifted(GRADIENT, STEP, -1),
    )
    left = (after - half - momentum * (half - half_before)) / STEP**2
    return Derivation(
        (
            assume("t = k h > 0 with k >= 1; w(t) and grad L along it are smooth in t"),
            show_less("the momentum is in [0, 1] for k >= 1: below 1", BETA_K, sp.Integer(1), {STEPS: sp.Integer(1)}),
            show_less("and not negative", sp.Integer(0), BETA_K, {STEPS: sp.Integer(1)}),
            show_equal("k = 0 would have -1/(gamma-1)", BETA_K.subs(STEPS, 0), 1 / (1 - GAMMA)),
            define("v(k+1) = w - eta g and v(k) = w(t-h) - eta g(t-h), eta = h^2"),
            show_expansion("expand in h about t", claim.formula, left, STEP),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Iterate (4.1) on a mode with lambda = 0.7 up to t = 10 at gamma = 3, 5, 7 and fit the order of the error."""
    ode = claim.formula.rhs.removeO().subs(STEP, 0)
    fits = []
    for gamma in (3.0, 5.0, 7.0):
        damping = float((ode.coeff(W[1]) / ode.coeff(W[2]) * T).subs(GAMMA, gamma))
        steps, errors = [], []
        for count in (100, 200, 400, 800, 1600, 3200):
            h = 10.0 / count
            path = iterate_modes(NesterovMethod(h * h, gamma), [0.7], count)[0]
            exact = mode_response(Nesterov(damping), np.array([0.7]), h * np.arange(count + 1))[0]
            steps.append(h)
            errors.append(float(np.abs(path - exact).max()))
        fits.append((np.array(steps), np.array(errors)))
    order = claimed_order(claim.formula, STEP)
    found = [
        order_evidence(claim, *fit, order=order, observed=f"error {fit[1][-1]:.2g} at h = {fit[0][-1]:g}")
        for fit in fits
    ]
    return max(found, key=lambda e: (e.status.value == "fails", e.cases))


FALSE_TWINS = (
    FalseTwin("damping (gamma-1)/t", {"claim": expands_to(BETA_K, CLAIM.formula.rhs - W[1] / T)}),
    FalseTwin("momentum k/(k+gamma+1)", {"claim": expands_to(STEPS / (STEPS + GAMMA + 1), CLAIM.formula.rhs)}),
    FalseTwin("order two", {"claim": expands_to(BETA_K, ODE + sp.O(STEP**2))}),
)

THEOREM = Theorem(
    name="nesterov_limit",
    source=Source(PAPER, "(4.1) -> (4.2)"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("nesterov_discrete_linear", "nesterov_true_power", "heavy_ball_limit"),
)
