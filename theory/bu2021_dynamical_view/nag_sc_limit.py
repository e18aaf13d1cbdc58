r"""Footnote 2, corrected: NAG-SC with mu = lambda_0/2 discretises the heavy ball flow with b = sqrt(2 lambda_0).

Assumptions
-----------
t = k h, h = sqrt(eta); momentum (1 - sqrt(mu) h)/(1 + sqrt(mu) h); w and its gradient smooth in t.

Source
------
Bu, Xu and Chen (2021), footnote 2 and "NAG-SC in [60] may also correspond to (3.3)".

Idea of the proof
-----------------
Eliminate v, put w(t) in and expand in h: the momentum is 1 - 2 sqrt(mu) h + ..., so b = 2 sqrt(mu). With mu =
lambda_0/2 that is sqrt(2 lambda_0), and sqrt(mu) h = sqrt(lambda_0 eta/2) as the footnote has it in the momentum.

Deviations from the paper
-------------------------
The footnote calls L "sqrt(lambda_0/2)-strongly convex"; that constant would give another damping
(`nag_sc_limit_printed`). Behind the ODE stands h g' with the gradient's own change, which heavy ball has not: the
high-resolution difference of the two methods that the paper mentions.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import order_evidence
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.modal import mode_response
from odeflow.numeric.training import NesterovStronglyConvex, iterate_modes
from odeflow.symbolic.derivations import Derivation, assume, define, show_equal, show_value
from odeflow.symbolic.discretisations import claimed_order, shifted, show_expansion, trajectory
from odeflow.symbolic.flows import nesterov_strongly_convex
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import LAMBDA0, MU, PAPER

STEP = sp.Symbol("h", positive=True)
W, GRADIENT = trajectory("w", 6), trajectory("g", 4)
RESIDUAL = sp.Function("R")


def momentum(mu: sp.Expr) -> sp.Expr:
    """Return the momentum of NAG-SC for mu-strongly convex losses."""
    return (1 - sp.sqrt(mu) * STEP) / (1 + sp.sqrt(mu) * STEP)


def expands_to(mu: sp.Expr, damping: sp.Expr, behind: sp.Expr) -> Claim:
    """Return the claim that NAG-SC with mu has the flow with this damping, and this term behind it."""
    right = W[2] + damping * W[1] + GRADIENT[0] + STEP * behind + sp.O(STEP**2)
    return Claim(
        "NAG-SC for a (lambda_0/2)-strongly convex loss discretises the heavy ball flow with b = sqrt(2 lambda_0).",
        sp.Eq(RESIDUAL(mu), right, evaluate=False),
        ("t = k h, h = sqrt(eta)", "w(t) and grad L along it are smooth in t"),
        {
            STEP: "time step sqrt(eta), flow time per step",
            LAMBDA0: "smallest eigenvalue of H_inf; H >= (lambda_0/2) I",
            GRADIENT[0]: "gradient of L along the trajectory",
            RESIDUAL: "R(mu): one step of NAG-SC with w(t) put in, divided by eta",
        },
    )


ROOT = sp.sqrt(2 * LAMBDA0)
BEHIND = GRADIENT[1] - ROOT * W[2] / 2 - LAMBDA0 * W[1]
CLAIM = expands_to(LAMBDA0 / 2, ROOT, BEHIND)


def derive(claim: Claim) -> Derivation:
    """Eliminate v, put a smooth trajectory in and expand."""
    mu = claim.formula.lhs.args[0]
    now, after, before = (shifted(W, STEP, j) for j in (0, 1, -1))
    half, half_before = now - STEP**2 * GRADIENT[0], before - STEP**2 * shifted(GRADIENT, STEP, -1)
    residual = (after - half - momentum(mu) * (half - half_before)) / STEP**2
    flow = nesterov_strongly_convex(MU)
    return Derivation(
        (
            assume("t = k h; w(t) and grad L along it are smooth in t"),
            define("v(k+1) = w - eta g and v(k) = w(t-h) - eta g(t-h), eta = h^2"),
            show_value(
                "the momentum of the footnote", momentum(LAMBDA0 / 2), (1 - ROOT * STEP / 2) / (1 + ROOT * STEP / 2)
            ),
            show_equal(
                "2 sqrt(mu) at mu = lambda_0/2",
                flow.coefficients[0].subs(MU, LAMBDA0 / 2),
                ROOT,
                name="damping of the flow",
            ),
            show_expansion("put w(t) in and expand in h about t", claim.formula, residual, STEP),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Iterate NAG-SC on a mode with lambda = 0.7 at lambda_0 = 1/2 up to t = 10 and fit the order of the error."""
    mu = float(claim.formula.lhs.args[0].subs(LAMBDA0, 0.5))
    ode = claim.formula.rhs.removeO().subs({STEP: 0, LAMBDA0: 0.5})
    flow = HeavyBall(float(ode.coeff(W[1])))
    steps, errors = [], []
    for count in (100, 200, 400, 800, 1600, 3200):
        h = 10.0 / count
        path = iterate_modes(NesterovStronglyConvex(h * h, mu), [0.7], count)[0]
        errors.append(float(np.abs(path - mode_response(flow, np.array([0.7]), h * np.arange(count + 1))[0]).max()))
        steps.append(h)
    return order_evidence(
        claim,
        np.array(steps),
        np.array(errors),
        order=claimed_order(claim.formula, STEP),
        observed=f"largest error {errors[-1]:.2g} at h = {steps[-1]:g}",
    )


FALSE_TWINS = (
    FalseTwin("b = sqrt(lambda_0/2)", {"claim": expands_to(LAMBDA0 / 2, ROOT / 2, BEHIND)}),
    FalseTwin("without the gradient's own change", {"claim": expands_to(LAMBDA0 / 2, ROOT, BEHIND - GRADIENT[1])}),
)

THEOREM = Theorem(
    name="nag_sc_limit",
    source=Source(PAPER, "Footnote 2", "corrected: mu = lambda_0/2"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("nag_sc_limit_printed", "heavy_ball_limit", "damping_twice_the_root"),
)
