r"""What happens at an activation flip under a second-order flow: Delta_i' jumps by a_r |w_r'.x_i| / sqrt(m).

Assumptions
-----------
f(x) = m^{-1/2} sum_r a_r relu(w_r.x), square loss, the first layer moves by w_r'' + b(t) w_r' + dL/dw_r = 0 (heavy ball
or Nesterov, t > 0); the neuron r crosses w_r.x_i = 0 with speed w_r'.x_i not zero, no other pair (neuron, sample) flips
at that moment.

Source
------
Bu, Xu and Chen (2021), sections 2 and 3.1, (2.6), (3.6): what becomes of the Dirac delta that the paper drops.

Idea of the proof
-----------------
The weights and their velocities are continuous (forces are bounded). Near the flip w_r.x_i = v h + c h^2/2; the neuron
contributes a_r/sqrt(m) times this to f_i on one side of h = 0 and nothing on the other side. For both directions of
crossing the derivative gains a_r |v| / sqrt(m). Equivalently v^2 delta(s(t)), integrated in time, is |v|.

Deviations from the paper
-------------------------
The paper drops the delta "almost surely" (`activation_flips_printed`). A hyperplane has measure zero in the space of
weights, but a trajectory that crosses it does so at a time, and integrates the delta over that time.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.errors import OdeflowError
from odeflow.experiments import prediction_rates, random_network
from odeflow.numeric.flows import Flow, HeavyBall, Nesterov
from odeflow.numeric.kernels import relu_ntk
from odeflow.numeric.relu_flow import relu_flow
from odeflow.panels import against_claim
from odeflow.strategies import NetworkCase
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["FLIP_SYMBOLS", "JUMP", "OUTPUT", "SPEED", "THEOREM", "WIDTH"]

JUMP = sp.Symbol("[Delta_i']", real=True)
OUTPUT = sp.Symbol("a_r", real=True)
SPEED = sp.Symbol("|v|", positive=True)
WIDTH = sp.Symbol("m", positive=True)
FLIP_SYMBOLS = {
    JUMP: "Delta_i' just after the flip of (r, i) minus just before",
    OUTPUT: "output sign of the neuron that flips",
    SPEED: "speed |w_r'.x_i| of the crossing",
    WIDTH: "width",
}
STEP = 1e-7
"""Time before and after a flip at which the velocity is taken; the error of the extrapolation is of order STEP^2."""


def jumps_by(size: sp.Expr) -> Claim:
    """Return the claim [Delta_i'] = size."""
    return Claim(
        "When neuron r crosses w_r.x_i = 0, Delta_i' jumps by a_r |w_r'.x_i| / sqrt(m), whichever way it crosses.",
        equate(JUMP, size),
        ("a second-order flow on the first layer", "one pair (r, i) flips, at a speed that is not zero"),
        FLIP_SYMBOLS,
    )


CLAIM = jumps_by(OUTPUT * SPEED / sp.sqrt(WIDTH))


def derive(claim: Claim) -> Derivation:
    """Compute the one-sided derivatives of the neuron's contribution, and the change of the kernel."""
    h, bend, gram_ij, gram_ii, gate = sp.symbols("h c G_ij G_ii D_rj", real=True)
    contribution, change_ij, change_ii = sp.symbols("[f_i] [H_ij] [H_ii]", real=True)
    up = SPEED * h + bend * h**2 / 2  # the pre-activation near an upward crossing; -up is a downward one
    active, steps = OUTPUT / sp.sqrt(WIDTH), []
    switch_on = sp.diff(active * up, h).subs(h, 0) - sp.Integer(0)
    switch_off = sp.Integer(0) - sp.diff(active * -up, h).subs(h, 0)
    for sign, direction in ((1, "on"), (-1, "off")):
        before, after = (1 - sign) // 2, (1 + sign) // 2
        mixed = gram_ij / WIDTH * (after - before) * gate  # H_ij holds D_ri D_rj
        own = gram_ii / WIDTH * (after * after - before * before)  # H_ii holds D_ri^2
        steps.append(
            show_with(
                f"switching {direction} changes H_ij, j != i",
                equate(change_ij, sign * gram_ij * gate / WIDTH),
                {change_ij: mixed},
            )
        )
        steps.append(
            show_with(
                f"switching {direction} changes H_ii", equate(change_ii, sign * gram_ii / WIDTH), {change_ii: own}
            )
        )
    return Derivation(
        (
            assume("w_r and w_r' are continuous: the forces are bounded, so w_r.x_i = +-(|v| h + c h^2/2 + o(h^2))"),
            show_with(
                "the contribution of the neuron on its active side vanishes at h = 0, as on the inactive one",
                equate(contribution, sp.Integer(0)),
                {contribution: (active * up).subs(h, 0)},
            ),
            infer("so Delta is continuous, and so are all other contributions together with their derivatives"),
            *steps,
            infer("no other entry of H = (G_ij/m) sum_r D_ri D_rj contains D_ri"),
            show_with("upward: inactive before h = 0, active after", claim.formula, {JUMP: switch_on}),
            show_with("downward: active before h = 0, inactive after", claim.formula, {JUMP: switch_off}),
        )
    )


def measured_jumps(case: NetworkCase, flow: Flow, end: float, count: int) -> list[tuple[float, float, float]]:
    """Measure the jumps at the first flips from the weights alone; return (a_r, |v|, jump) for each.

    Delta' is evaluated from W, W' and the signs of W x at t* - STEP and t* + STEP, and moved to t* by the error
    dynamics of its own side. The event list only says when to look.
    """
    events = relu_flow(case.X, case.y, case.W, case.a, flow, [end]).events
    found: list[tuple[float, float, float]] = []
    gaps = np.diff(np.concatenate([[0.0], events.times, [np.inf]]))
    for k in range(min(len(events), 4 * count)):
        if min(gaps[k], gaps[k + 1]) < 20 * STEP or len(found) == count:
            continue
        moment, i = float(events.times[k]), int(events.samples[k])
        before = velocity_near(case, flow, moment, -STEP)
        after = velocity_near(case, flow, moment, STEP)
        found.append((float(case.a[events.neurons[k]]), float(events.speeds[k]), float(after[i] - before[i])))
    return found


def velocity_near(case: NetworkCase, flow: Flow, moment: float, offset: float) -> np.ndarray:
    """Return Delta' on one side of `moment`, from the weights at moment + offset."""
    run = relu_flow(case.X, case.y, case.W, case.a, flow, [moment + offset])
    patterns = (run.weights @ case.X.T > 0).astype(np.float64)
    velocity = prediction_rates(case, run.weight_velocities, patterns)
    damping = flow.damping if isinstance(flow, HeavyBall) else flow.gamma / moment  # type: ignore[union-attr]
    acceleration = -damping * velocity - relu_ntk(case.X, run.weights) @ run.errors[-1]
    return np.asarray(velocity - offset * acceleration)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the first jumps of two networks under heavy ball and under Nesterov from their weights."""
    worst, largest, pairs = 0.0, 0.0, list[tuple[float, float]]()
    flows: tuple[Flow, ...] = (HeavyBall(0.8), Nesterov(7.0))
    for k, flow in enumerate(flows):
        case = random_network(4, 3, 32, seed=seed + k)
        for output, speed, jump in measured_jumps(case, flow, 4.0, 5):
            claimed = float(claim.bound({OUTPUT: output, SPEED: speed, WIDTH: float(case.a.size)}))
            worst, largest = max(worst, abs(jump - claimed)), max(largest, abs(jump))
            pairs.append((claimed, jump))
    if not pairs:
        raise OdeflowError("Expected activation flips before t = 4 but there were none. Take another seed.")
    return Evidence.measured(
        claim,
        f"jumps up to {largest:.3g} agree with the formula to {worst:.2g}",
        contradicted=worst > 1e-10,
        error_bar=f"{10 * STEP**2:.2g} (extrapolation over {STEP:.2g})",
        cases=len(pairs),
        seed=seed,
        detail=f"a measured jump differs by {worst:.3g}",
        picture=against_claim(*np.array(pairs).T, what="jump of Delta'", title="A flip makes Delta' jump as claimed"),
    )


FALSE_TWINS = (
    FalseTwin("half the jump", {"claim": jumps_by(OUTPUT * SPEED / (2 * sp.sqrt(WIDTH)))}),
    FalseTwin("1/m instead of 1/sqrt(m)", {"claim": jumps_by(OUTPUT * SPEED / WIDTH)}),
    FalseTwin("no output sign", {"claim": jumps_by(SPEED / sp.sqrt(WIDTH))}),
)

THEOREM = Theorem(
    name="activation_flip_jump",
    source=Source(PAPER, "(2.6), (3.6)", "the impulse that the paper drops"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("activation_flips_printed", "lyapunov_on_networks_printed", "repaired_heavy_ball_identity"),
)
