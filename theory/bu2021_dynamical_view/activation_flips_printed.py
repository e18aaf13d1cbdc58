r"""(3.7), (4.4) as printed: the error dynamics hold "a.s." along training of a finite network. Refuted by one flip.

Assumptions
-----------
One neuron, one sample: m = n = p = 1, x = a = 1, so lambda_0 = 1/2 and the paper's b = sqrt(2 lambda_0) = 1.

Source
------
Bu, Xu and Chen (2021), (3.6), (3.7), (4.3)-(4.5): "d^2 f_i/dw_r^2 = ... delta(w_r.x_i) = 0 a.s.", hence
Delta'' + b Delta' + H(t) Delta = 0 and Delta' is continuous.

Idea of the refutation
----------------------
(3.7) bounds Delta'', so Delta' could not jump. Until the neuron switches off, Delta is one mode with H = 1 and known in
closed form. The label is chosen so that the prediction reaches zero at a moment where the mode is elementary; there
the neuron is still moving. Afterwards f = 0 and Delta' = 0: a jump of exactly a |v|. The same for Nesterov, gamma = 8.

Deviations from the paper
-------------------------
The correct jump is `activation_flip_jump`. Between flips (3.7) and (4.4) hold (`heavy_ball_error_dynamics`,
`nesterov_error_dynamics`); how fast the flips' effect dies out with the width is `network_kernel_scaling`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.flows import HeavyBall
from odeflow.strategies import NetworkCase
from odeflow.symbolic.derivations import (
    Derivation,
    Step,
    assume,
    define,
    equate,
    infer,
    show_equal,
    show_less,
    show_violated,
)
from odeflow.symbolic.flows import TIME
from odeflow.symbolic.modes import FREQUENCY, heavy_ball_modes, nesterov_even_mode
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.activation_flip_jump import FLIP_SYMBOLS, JUMP, OUTPUT, SPEED, WIDTH, measured_jumps
from theory.bu2021_dynamical_view.notation import PAPER, RATE

__all__ = ["THEOREM"]


def jumps_by(size: sp.Expr) -> Claim:
    """Return the claim [Delta_i'] = size at every flip."""
    return Claim(
        "The error dynamics Delta'' + b(t) Delta' + H(t) Delta = 0 hold along training, so Delta' never jumps.",
        equate(JUMP, size),
        ("a two-layer ReLU network of finite width", "heavy ball or Nesterov on the first layer"),
        FLIP_SYMBOLS,
    )


CLAIM = jumps_by(sp.Integer(0))
CORRECTED = jumps_by(OUTPUT * SPEED / sp.sqrt(WIDTH))

HALF = sp.Rational(1, 2)  # r = sqrt(lambda_0/2) with lambda_0 = 1/2
OMEGA = sp.sqrt(3) / 2  # H = 1 = r^2 + omega^2
FLIP_TIME = sp.pi / (2 * OMEGA)  # a quarter period: cos = 0, sin = 1


def heavy_ball_flip() -> tuple[list[Step], sp.Expr, sp.Expr]:
    """Return the steps of the heavy ball instance, the prediction w(t) until the flip and its velocity there."""
    mode = heavy_ball_modes(RATE)[0]
    response = mode.response.subs({FREQUENCY: OMEGA, RATE: HALF})
    label = -response.subs(TIME, FLIP_TIME)
    prediction, velocity = label + response, sp.diff(response, TIME).subs(TIME, FLIP_TIME)
    moving = -sp.exp(-TIME / 2) * sp.sin(OMEGA * TIME) / OMEGA
    steps = [
        assume("lambda_0 = 1/2 for one unit sample, so b = sqrt(2 lambda_0) = 1 = 2r"),
        define(f"the label y = {label}, the first weight w(0) = {prediction.subs(TIME, 0)}"),
        show_equal("Delta = w - y starts at 1", prediction.subs(TIME, 0) - label, sp.Integer(1), name="Delta(0)"),
        show_equal(
            "while active, w'' + w' + (w - y) = 0",
            sp.diff(prediction, TIME, 2) + sp.diff(prediction, TIME) + prediction - label,
            sp.Integer(0),
        ),
        show_equal("from rest", sp.diff(prediction, TIME).subs(TIME, 0), sp.Integer(0), name="w'(0)"),
        show_equal(
            "w' = -e^{-t/2} sin(omega t)/omega, negative until half a period", sp.diff(prediction, TIME), moving
        ),
        show_equal(
            "so w falls and first reaches 0 after a quarter period",
            prediction.subs(TIME, FLIP_TIME),
            sp.Integer(0),
            name="w at the quarter period",
        ),
    ]
    return steps, prediction, velocity


def nesterov_flip() -> tuple[list[Step], sp.Expr]:
    """Return the steps of the Nesterov instance with gamma = 8 > 6, flip at t = pi, and its velocity there."""
    mode = nesterov_even_mode(8)
    response = mode.response.subs(FREQUENCY, 1)
    velocity = sp.factor(sp.diff(response, TIME).subs(TIME, sp.pi))
    steps = [
        show_equal(
            "Nesterov, gamma = 8: the closed form solves x'' + (8/t) x' + x = 0",
            mode.flow.mode_residual(response, sp.Integer(1)),
            sp.Integer(0),
        ),
        show_equal("x(0) = 1", sp.limit(response, TIME, 0), sp.Integer(1), name="x(0)"),
        infer("|x| <= 1 by energy, so t^8 |x'| <= t^9/9 and x >= 1 - t^2/18; x falls as long as it is positive"),
        show_less("at t = pi it still is", sp.Rational(1, 100), 1 - sp.pi**2 / 18),
        infer("with the label y = -x(pi) the prediction w = x - x(pi) first reaches 0 at t = pi"),
        show_less("and there it moves", velocity, -sp.Rational(1, 100)),
    ]
    return steps, velocity


def counterexample(claim: Claim) -> Derivation:
    """One neuron switches off: exactly, for heavy ball with the paper's b and for Nesterov with gamma = 8."""
    heavy, _, velocity = heavy_ball_flip()
    nesterov, nesterov_velocity = nesterov_flip()
    off = infer("switched off: f = 0, no force, w' keeps its sign, so f = 0 and Delta' = 0 from then on")

    def instance(v: sp.Expr) -> dict[sp.Basic, sp.Expr]:
        return {JUMP: sp.Integer(0) - v, OUTPUT: sp.Integer(1), SPEED: -v, WIDTH: sp.Integer(1)}

    return Derivation(
        (
            assume("m = n = p = 1, x = 1, a = 1"),
            *nesterov,
            off,
            show_violated("Nesterov: Delta' jumps", claim.formula, instance(nesterov_velocity)),
            *heavy,
            show_less("at the flip the neuron still moves", velocity, sp.Integer(0)),
            off,
            show_violated("heavy ball: Delta' jumps from w' to 0", claim.formula, instance(velocity)),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run the same network through its flip and measure the jump from the weights."""
    _, prediction, _ = heavy_ball_flip()
    label = float(prediction.subs(TIME, 0) - 1)
    case = NetworkCase(np.ones((1, 1)), np.array([label]), np.array([[label + 1.0]]), np.ones(1))
    ((output, speed, jump),) = measured_jumps(case, HeavyBall(1.0), 3.0, 1)
    claimed = float(claim.bound({OUTPUT: output, SPEED: speed, WIDTH: 1.0}))
    return Evidence.measured(
        claim,
        f"the network's Delta' jumps by {jump:.4g}",
        contradicted=abs(jump - claimed) > 1e-10,
        error_bar="1e-13 (extrapolation over 1e-7)",
        detail=f"measured jump {jump:.4g}, claimed {claimed:.4g}",
    )


FALSE_TWINS = (
    FalseTwin("half of the true jump", {"claim": jumps_by(OUTPUT * SPEED / (2 * sp.sqrt(WIDTH)))}),
    FalseTwin("the jump follows the direction of crossing", {"claim": jumps_by(-OUTPUT * SPEED / sp.sqrt(WIDTH))}),
)

THEOREM = Theorem(
    name="activation_flips_printed",
    source=Source(PAPER, "(3.6), (3.7), (4.3)-(4.5)", "as printed; corrected in activation_flip_jump"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("activation_flip_jump", "network_kernel_scaling", "heavy_ball_error_dynamics"),
)
