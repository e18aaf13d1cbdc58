r"""Section 5.1 as printed: gradient descent with J momenta has a (J+1)-th order flow. Refuted for ordinary momenta.

Assumptions
-----------
t = k h, learning rate h^2; two momenta with beta_2 fixed and beta_1 + beta_2 = 1 - b h, as for heavy ball.

Source
------
Bu, Xu and Chen (2021), section 5.1: "Consequently, the gradient flow is a (J+1)-th order ODE", and no scaling is
given.

Idea of the refutation
----------------------
With beta_2 = 3/10 the expansion in h gives (1 + beta_2) w'' + b w' + grad L = 0, of second order: the second momentum
only adds inertia.

Deviations from the paper
-------------------------
Corrected in `momentum_order`: the limit is of third order for beta_1 -> 2, beta_2 -> -1 and eta = h^3.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import over_steps
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.modal import mode_response
from odeflow.numeric.rates import fit_scaling
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_violated
from odeflow.symbolic.discretisations import expansion, shifted
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.momentum_order import FIRST, GRADIENT, SECOND, STEP, W
from theory.bu2021_dynamical_view.notation import PAPER

DAMPING = sp.Symbol("b", positive=True)
FIXED = sp.Rational(3, 10)
ORDER = sp.Function("order_of_the_limit", integer=True)


def has_order(first: sp.Expr, second: sp.Expr, learning_rate: sp.Expr, order: sp.Expr) -> Claim:
    """Return the claim about the order of the limiting ODE of these two momenta."""
    return Claim(
        "Gradient descent with two momenta has a flow of third order.",
        equate(ORDER(first, second, learning_rate), order),
        ("t = k h", "beta_1, beta_2 as named", "J = 2"),
        {STEP: "time step", DAMPING: "damping", ORDER: "order of the limiting ODE of (beta_1, beta_2, eta)"},
    )


ORDINARY = (1 - DAMPING * STEP - FIXED, FIXED, STEP**2)
CLAIM = has_order(*ORDINARY, sp.Integer(3))
CORRECTED = has_order(FIRST, SECOND, STEP**3, sp.Integer(3))


def limit_ode(claim: Claim) -> sp.Expr:
    """Return the limit of one step of the claim's method with w(t) put in, divided by the learning rate."""
    first, second, learning_rate = claim.formula.lhs.args
    after, now, before, earlier = (shifted(W, STEP, j) for j in (1, 0, -1, -2))
    step = after - now + learning_rate * GRADIENT - first * (now - before) - second * (before - earlier)
    (limit,) = expansion(step / learning_rate, STEP, 1)
    return limit


def order_of(ode: sp.Expr) -> int:
    """Return the highest derivative of w in an ODE."""
    return max(j for j, w in enumerate(W) if ode.has(w))


def counterexample(claim: Claim) -> Derivation:
    """Expand the claim's method and count the highest derivative that is left."""
    ode = limit_ode(claim)
    order = sp.Integer(order_of(ode))
    first, second, _ = claim.formula.lhs.args
    inertia = sp.limit(first + 2 * second, STEP, 0)
    return Derivation(
        (
            assume("beta_1 + beta_2 = 1 - b h, beta_2 = 3/10 fixed, eta = h^2"),
            show_equal("the limit contains 1 + beta_2 times w''", ode.coeff(W[2]), inertia, name="coefficient of w''")
            if order == 2
            else show_equal("the limit contains w'''", ode.coeff(W[3]), sp.Integer(1)),
            show_equal(
                "and no higher derivative",
                sum((ode.coeff(w) for w in W[order + 1 :]), sp.Integer(0)),
                sp.Integer(0),
                name="sum of the coefficients of higher derivatives",
            ),
            show_violated("its order", claim.formula, {claim.formula.lhs: order}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Iterate beta_2 = 0.3, b = 1 on lambda = 0.7 up to t = 10 and compare with the second-order ODE."""
    steps, errors, inertia = [], [], 1.3
    for count in (100, 200, 400, 800):
        h = 10.0 / count
        path = [1.0, 1.0, 1.0]
        for _ in range(count):
            path.append(
                path[-1] - h * h * 0.7 * path[-1] + (0.7 - h) * (path[-1] - path[-2]) + 0.3 * (path[-2] - path[-3])
            )
        exact = mode_response(HeavyBall(1.0 / inertia), np.array([0.7 / inertia]), h * np.arange(count + 1))[0]
        steps.append(h)
        errors.append(float(np.abs(np.array(path[2:]) - exact).max()))
    fit = fit_scaling(np.array(steps), np.array(errors)[:, None])
    second_order = abs(fit.exponent - 1.0) < 0.2
    claimed, shown = int(claim.formula.rhs), ", ".join(f"{e:.2g}" for e in errors)
    ordinary = claim.formula.lhs.args == ORDINARY
    return Evidence.measured(
        claim,
        f"errors against the second-order ODE {shown}: order {fit.exponent:.3f} in h",
        contradicted=ordinary and second_order and claimed != 2,
        error_bar=f"{0.5 * (fit.interval[1] - fit.interval[0]):.2g} (95 % interval of the fit)",
        cases=len(steps),
        detail=f"the iterates follow a second-order ODE with order {fit.exponent:.3f}",
        picture=over_steps(
            np.array(steps),
            np.array(errors),
            1,
            title="The iterates follow a second-order ODE",
            ylabel="distance to one",
        ),
    )


FALSE_TWINS = (FalseTwin("first order", {"claim": has_order(*ORDINARY, sp.Integer(1))}),)

THEOREM = Theorem(
    name="momentum_order_printed",
    source=Source(PAPER, "Section 5.1", "as printed, with ordinary momenta"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("momentum_order", "momentum_stability"),
)
