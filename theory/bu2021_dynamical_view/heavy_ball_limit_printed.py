r"""Equation (3.1) -> (3.3) as printed: a momentum "beta in [0, 1]" that does not depend on eta. Refuted.

Assumptions
-----------
One eigenmode, x(0) = x(-1) = 1, t = k sqrt(eta) fixed while eta -> 0.

Source
------
Bu, Xu and Chen (2021), (3.1)-(3.3): "where ... the momentum term beta in [0, 1]. The corresponding gradient flow is
... (3.3) with b > 0".

Idea of the refutation
----------------------
Every solution of (3.3) with b > 0 is strictly below its start at any t > 0. With a fixed momentum the iterates at time
t tend to the start itself: nothing moves, as the slow root is z = 1 - eta lambda/(1 - beta) + ..., and z^{t/h} -> 1.

Deviations from the paper
-------------------------
In the time k eta/(1 - beta) a fixed momentum has a limit, but it is gradient flow. The ODE (3.3) needs a momentum that
tends to 1 like 1 - b sqrt(eta) (`heavy_ball_limit`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.numeric.training import HeavyBallMethod, iterate_modes
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_violated
from odeflow.symbolic.flows import heavy_ball
from odeflow.symbolic.inner_products import norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_limit import DAMPING, STEP
from theory.bu2021_dynamical_view.notation import (
    KERNEL,
    LAMBDA,
    PAPER,
    PSEUDO_LOSS_FORM,
    VELOCITY,
    T,
)

MOMENTUM = sp.Symbol("beta", nonnegative=True)
LIMIT = sp.Function("x_limit")


def below(momentum: sp.Expr, bound: sp.Expr) -> Claim:
    """Return the claim that heavy ball's iterates with `momentum` tend, at time t > 0, to something below `bound`."""
    return Claim(
        "Heavy ball with a fixed momentum tends to a solution of (3.3), so at t > 0 it is strictly below its start 1.",
        sp.Lt(LIMIT(momentum, T), bound, evaluate=False),
        ("one eigenmode, x(0) = x(-1) = 1", "eta -> 0 with t = k sqrt(eta) fixed", "b > 0"),
        {LIMIT(momentum, T): "limit of the iterates at time t", MOMENTUM: "momentum", STEP: "sqrt(eta)"},
    )


CLAIM = below(MOMENTUM, sp.Integer(1))
CORRECTED = below(1 - DAMPING * STEP, sp.Integer(1))
AT = {LAMBDA: sp.Integer(1), T: sp.Integer(1), DAMPING: sp.Integer(2), MOMENTUM: sp.Rational(1, 2)}


def counterexample(claim: Claim) -> Derivation:
    """lambda = 1, t = 1, and momentum 1/2 (or, for the corrected claim, 1 - 2h): the limit from the roots, exactly."""
    momentum = claim.formula.lhs.args[0].xreplace(AT)
    fast, slow, weight = roots(momentum)
    exponent = sp.limit(sp.log(slow) / STEP, STEP, 0, "+")
    if sp.limit(fast, STEP, 0) == 1:  # both roots tend to 1: the limit is the flow's own mode, here critically damped
        value = (1 + T).xreplace(AT) * sp.exp(exponent.xreplace(AT))
        return Derivation(
            (
                assume("n = 1, H = 1, b = 2, t = 1"),
                show_equal("both roots are e^{-h + o(h)}: the mode is (1 + t) e^{-t}", exponent, sp.Integer(-1)),
                show_violated(
                    "the limit is below the start", claim.formula, {LIMIT(momentum_of(claim), T): value, **AT}
                ),
            )
        )
    steps = [
        assume("n = 1, H = 1, momentum 1/2, t = 1"),
        show_equal(
            "along (3.3) the energy |x'|^2/2 + lambda |x|^2/2 falls by friction",
            heavy_ball(DAMPING).frozen_dynamics(KERNEL).derivative(norm2(VELOCITY) / 2 + PSEUDO_LOSS_FORM),
            -DAMPING * norm2(VELOCITY),
            name="(|x'|^2/2 + lambda |x|^2/2)'",
        ),
        infer("so |x(t)| <= 1, and x(t) = 1 would need x' = 0 all along; hence x(t) < 1 for t > 0"),
        define("roots z of z^2 - (1 + beta - eta lambda) z + beta", equate(sp.Symbol("z_slow"), slow)),
        show_equal("slow^{1/h} -> exp(0) = 1", exponent, sp.Integer(0), name="limit of log(slow)/h"),
        show_equal(
            "the fast root tends to the momentum, so its power 1/h tends to 0",
            sp.limit(fast, STEP, 0),
            momentum,
            name="limit of the fast root",
        ),
        show_equal(
            "x = A slow^k + (1 - A) fast^k with A -> 1",
            sp.limit(weight, STEP, 0, "+"),
            sp.Integer(1),
            name="limit of A",
        ),
        show_violated(
            "so the limit at t = 1 is 1", claim.formula, {LIMIT(momentum_of(claim), T): sp.exp(exponent), **AT}
        ),
    ]
    return Derivation(tuple(steps))


def momentum_of(claim: Claim) -> sp.Expr:
    """Return the momentum that the claim is about."""
    return claim.formula.lhs.args[0]


def roots(momentum: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return the fast and the slow root at lambda = 1, eta = h^2, and the slow root's weight for x(0) = x(-1) = 1."""
    half = (1 + momentum - STEP**2) / 2
    width = sp.sqrt(sp.expand(half**2 - momentum))
    fast, slow = half - width, half + width
    # x_k = A slow^k + (1 - A) fast^k and x_{-1} = 1
    weight = (1 - 1 / fast) / (1 / slow - 1 / fast) if width != 0 else sp.Integer(1)
    return fast, slow, weight


def simulate(claim: Claim, seed: int) -> Evidence:
    """Iterate at lambda = t = 1 with ever smaller steps and extrapolate the value at time t."""
    momentum = sp.lambdify(STEP, momentum_of(claim).xreplace(AT), "math")
    values = [
        float(iterate_modes(HeavyBallMethod(1.0 / n**2, momentum(1.0 / n)), [1.0], n)[0, -1]) for n in (2000, 4000)
    ]
    limit, bar = 2 * values[1] - values[0], abs(values[1] - values[0])
    bound = float(claim.formula.rhs)
    return Evidence.measured(
        claim,
        f"iterates at t = 1 tend to {limit:.4g}",
        contradicted=limit >= bound - bar,
        error_bar=f"{bar:.2g} (difference of the two finest steps)",
        cases=2,
        detail=f"iterates at t = 1 tend to {limit:.4g}, claimed below {bound:g}",
    )


FALSE_TWINS = (FalseTwin("below 9/10", {"claim": below(MOMENTUM, sp.Rational(9, 10))}),)

THEOREM = Theorem(
    name="heavy_ball_limit_printed",
    source=Source(PAPER, "(3.1) -> (3.3)", "as printed, with a momentum that does not depend on eta"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("heavy_ball_limit",),
)
