r"""Section 5.1, corrected: which J momenta have the (J+1)-th order flow as their limit.

Assumptions
-----------
t = k h; w and its gradient along the trajectory are smooth in t; J = 2, beta_1 = 2 - b2 h, beta_2 = -1 + b2 h - b1
h^2, learning rate h^3.

Source
------
Bu, Xu and Chen (2021), section 5.1: "the gradient flow is a (J+1)-th order ODE".

Idea of the proof
-----------------
With the shift z the method is (z - 1)(1 - sum_j beta_j z^{-j}) w = -eta grad L. The momenta are chosen so that z^J -
sum_j beta_j z^{J-j} = (z-1)^J + sum_j b_j h^{J+1-j} (z-1)^{j-1}: every difference (z-1)^j then comes with h^{J+1-j}.
Put w(t) in and expand.

Deviations from the paper
-------------------------
The second momentum must tend to -1 and the first to 2. Ordinary momenta have a second-order limit
(`momentum_order_printed`). The same pattern gives the momenta for every J (checked for J = 1..5).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import order_evidence
from odeflow.numeric.flows import LinearFlow
from odeflow.numeric.modal import mode_response
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal
from odeflow.symbolic.discretisations import claimed_order, shifted, show_expansion, trajectory
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.momentum_stability import B1, B2
from theory.bu2021_dynamical_view.notation import PAPER

STEP = sp.Symbol("h", positive=True)
W = trajectory("w", 6)
GRADIENT = sp.Symbol("g", real=True)
RESIDUAL = sp.Function("R")
ODE = W[3] + B2 * W[2] + B1 * W[1] + GRADIENT


def expands_to(first: sp.Expr, second: sp.Expr, learning_rate: sp.Expr, right: sp.Expr) -> Claim:
    """Return the claim about the residual of gradient descent with these two momenta."""
    return Claim(
        "Two momenta near 2 and -1 and the learning rate h^3 make a third-order flow, to order one in h.",
        equate(RESIDUAL(first, second, learning_rate), right),
        ("t = k h", "w(t) and grad L along it are smooth in t", "J = 2"),
        {
            STEP: "time step, flow time per step",
            B1: "coefficient of w' in the flow",
            B2: "coefficient of w'' in the flow",
            GRADIENT: "gradient of L along the trajectory",
            RESIDUAL: "R(beta_1, beta_2, eta): one step with w(t) put in, divided by the learning rate",
        },
    )


FIRST, SECOND = 2 - B2 * STEP, -1 + B2 * STEP - B1 * STEP**2
BEHIND = STEP * (-W[4] / 2 - B2 * W[3] - 3 * B1 * W[2] / 2)
CLAIM = expands_to(FIRST, SECOND, STEP**3, ODE + BEHIND + sp.O(STEP**2))


def residual(claim: Claim) -> sp.Expr:
    """Return one step of the claim's method with a smooth trajectory put in, divided by the learning rate."""
    first, second, learning_rate = claim.formula.lhs.args
    after, now, before, earlier = (shifted(W, STEP, j) for j in (1, 0, -1, -2))
    step = after - now + learning_rate * GRADIENT - first * (now - before) - second * (before - earlier)
    return step / learning_rate


def derive(claim: Claim) -> Derivation:
    """Check the pattern of the momenta and expand for J = 2."""
    z = sp.Symbol("z")
    coefficients = sp.symbols("b_1:6", positive=True)
    pattern = []
    for order in range(1, 6):
        right = (z - 1) ** order + sum(
            coefficients[j - 1] * STEP ** (order + 1 - j) * (z - 1) ** (j - 1) for j in range(1, order + 1)
        )
        momenta = [-c for c in sp.Poly(right, z).all_coeffs()[1:]]
        shifted_sum = sum(m * z ** (order - j) for j, m in enumerate(momenta, start=1))
        limits = [sp.limit(m, STEP, 0) for m in momenta]
        pattern.append(
            show_equal(
                f"J = {order}: momenta tending to {', '.join(map(str, limits))} add up to 1 - b_1 h^{order}",
                sum(momenta),
                1 - coefficients[0] * STEP**order,
                name="sum of the momenta",
            )
        )
        if order == 2:
            pattern.append(
                show_equal(
                    "J = 2: they are the claim's", shifted_sum, z * FIRST + SECOND, name="momenta as a polynomial in z"
                )
            )
    return Derivation(
        (
            assume("t = k h; w(t) and grad L along it are smooth in t"),
            define("momenta: z^J - sum_j beta_j z^{J-j} = (z-1)^J + sum_j b_j h^{J+1-j} (z-1)^{j-1}"),
            *pattern,
            show_expansion("put w(t) in and expand in h about t", claim.formula, residual(claim), STEP),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Iterate on a mode with lambda = 0.7, b1 = 2, b2 = 1.5 up to t = 10 and fit the order of the error."""
    values = {B1: 2.0, B2: 1.5}
    first, second, rate = (sp.lambdify(STEP, e.subs(values), "math") for e in claim.formula.lhs.args)
    ode = claim.formula.rhs.removeO().subs({STEP: 0, **values})
    flow = LinearFlow((float(ode.coeff(W[1])), float(ode.coeff(W[2]))))
    steps, errors = [], []
    for count in (100, 200, 400, 800, 1600, 3200):
        h = 10.0 / count
        path = [1.0, 1.0, 1.0]
        for _ in range(count):
            path.append(
                path[-1]
                - rate(h) * 0.7 * path[-1]
                + first(h) * (path[-1] - path[-2])
                + second(h) * (path[-2] - path[-3])
            )
        exact = mode_response(flow, np.array([0.7]), h * np.arange(count + 1))[0]
        steps.append(h)
        errors.append(min(float(np.abs(np.array(path[2:]) - exact).max()), 1e6))
    return order_evidence(
        claim,
        np.array(steps),
        np.array(errors),
        order=claimed_order(claim.formula, STEP),
        observed=f"largest error {errors[-1]:.2g} at h = {steps[-1]:g}",
    )


FALSE_TWINS = (
    FalseTwin("second momentum -1 + b2 h", {"claim": expands_to(FIRST, -1 + B2 * STEP, STEP**3, CLAIM.formula.rhs)}),
    FalseTwin("order two", {"claim": expands_to(FIRST, SECOND, STEP**3, ODE + sp.O(STEP**2))}),
)

THEOREM = Theorem(
    name="momentum_order",
    source=Source(PAPER, "Section 5.1, (5.1)", "corrected: beta_1 -> 2, beta_2 -> -1, eta = h^3"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("momentum_order_printed", "momentum_stability", "heavy_ball_limit"),
)
