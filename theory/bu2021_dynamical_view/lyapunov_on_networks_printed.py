r"""Section 3.1 as printed: V "always decreases along the training", V(t) <= e^{-rt} V(0). Refuted by two neurons.

Assumptions
-----------
n = p = 2, x_1 = (1, 0), x_2 = (1/2, sqrt(3)/2), so lambda_0 = 1/3, r = sqrt(lambda_0/2), b = 2r; m = 2. The lemma's
hypothesis lambda_min(H(s)) >= lambda_0/2 holds throughout, with lambda_0 in place of lambda_0/2.

Source
------
Bu, Xu and Chen (2021), proof of Lemma 3.3: V = <H(t) Delta, Delta>/2 + |r Delta + Delta'|^2/2 "always decreases along
the trajectory of the training dynamics", V'(t) <= -r V(t), V(t) <= e^{-rt} V(0).

Idea of the refutation
----------------------
At a flip H changes by a matrix [H] and Delta' by a vector [Delta'], so V jumps by
<Delta, [H] Delta>/2 + <r Delta + Delta', [Delta']> + |[Delta']|^2/2. Neuron A, active on x_1 only, with a = -1, is
pushed across w.x_2 = 0; neuron B is active on x_2 only. Until then H = I/2 and all is in closed form; the flip is
put at omega t = pi/6 by the choice of the starting point. V then jumps to 1.7 times the bound.

Deviations from the paper
-------------------------
Between flips the claim holds (`heavy_ball_lyapunov`); the control is the same bound just before the flip. A Lyapunov
function without jumps exists (`repaired_heavy_ball_identity`). The bound on the loss
itself is refuted by other means (`sliding_neurons_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.kernels import relu_ntk
from odeflow.numeric.relu_flow import relu_flow, relu_predictions
from odeflow.panels import by_case
from odeflow.strategies import NetworkCase
from odeflow.symbolic.derivations import (
    Derivation,
    Step,
    assume,
    define,
    infer,
    semidefinite,
    show_equal,
    show_less,
    show_violated,
)
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.symbolic.modes import FREQUENCY, heavy_ball_modes
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import ERROR, KERNEL, PAPER, RATE, SYMBOLS, VELOCITY, T

__all__ = ["THEOREM", "lyapunov_value"]

BEFORE, AFTER, INITIAL = sp.symbols("V(t-) V(t+) V(0)", nonnegative=True)
WHERE = {
    AFTER: "V just after a moment t",
    BEFORE: "V just before it",
    RATE: SYMBOLS[RATE],
    INITIAL: "V at t = 0",
}


def states(formula: sp.Basic) -> Claim:
    """Return a claim about V along the training of a network."""
    return Claim(
        "Along heavy ball on a finite network V(t) <= e^{-rt} V(0).",
        formula,
        ("two-layer ReLU network, first layer trained, b = 2r", "H(s) >= r^2 I at all times", "Delta'(0) = 0"),
        WHERE,
    )


BOUND = sp.exp(-RATE * T) * INITIAL
CLAIM = states(sp.Le(AFTER, BOUND, evaluate=False))
CORRECTED = states(sp.Le(BEFORE, BOUND, evaluate=False))

SAMPLES = sp.Matrix([[1, 0], [sp.Rational(1, 2), sp.sqrt(3) / 2]])
START = sp.Matrix([sp.Rational(1, 2), 1])
R = 1 / sp.sqrt(6)
OMEGA = 1 / sp.sqrt(3)
FLIP_TIME = sp.pi / (6 * OMEGA)
RESPONSE = heavy_ball_modes(RATE)[0].response.subs({FREQUENCY: OMEGA, RATE: R})


def kernel(patterns: sp.Matrix) -> sp.Matrix:
    """Return H_ij = (x_i.x_j/m) sum_r D_ri D_rj for a pattern D."""
    return (SAMPLES * SAMPLES.T).multiply_elementwise(patterns.T * patterns) / patterns.rows


def jump_identity() -> Step:
    """Compute the jump of V when H gains a symmetric E and Delta' gains j, in symbolic dimension."""
    change, kick = Operator("E", symmetric=True), Vector.base("j")

    def energy(velocity: Vector) -> sp.Expr:
        return norm2(RATE * ERROR + velocity) / 2

    after = (inner(ERROR, KERNEL @ ERROR) + inner(ERROR, change @ ERROR)) / 2 + energy(VELOCITY + kick)
    before = inner(ERROR, KERNEL @ ERROR) / 2 + energy(VELOCITY)
    jump = inner(ERROR, change @ ERROR) / 2 + inner(RATE * ERROR + VELOCITY, kick) + norm2(kick) / 2
    return show_equal(
        "V jumps by <Delta, E Delta>/2 + <r Delta + Delta', j> + |j|^2/2", after - before, jump, name="jump of V"
    )


def motion() -> list[Step]:
    """Return the closed form until the flip: neuron A has a = -1 and pattern (1, 0), B has a = 1 and (0, 1)."""
    start = (1 - RESPONSE.subs(T, FLIP_TIME)) / (2 * sp.sqrt(2))  # distance of neuron A from w.x_2 = 0
    drop, gram = 1 - RESPONSE, SAMPLES * SAMPLES.T
    errors = RESPONSE * START
    moving = {
        "A.x_1": (-1, 0, 0, 2 + drop / sp.sqrt(2)),
        "A.x_2": (-1, 0, 1, -start + drop / (2 * sp.sqrt(2))),
        "B.x_1": (1, 1, 0, -2 - drop / sp.sqrt(2)),
        "B.x_2": (1, 1, 1, 2 - sp.sqrt(2) * drop),
    }
    steps = [
        define(f"w_A.x = (2, -{start}), w_B.x = (-2, 2), labels such that Delta(0) = (1/2, 1)"),
        show_equal(
            "Delta = phi Delta(0) solves Delta'' + 2r Delta' + Delta/2 = 0",
            sp.diff(RESPONSE, T, 2) + 2 * R * sp.diff(RESPONSE, T) + RESPONSE / 2,
            sp.Integer(0),
        ),
        show_equal("phi(0) = 1", RESPONSE.subs(T, 0), sp.Integer(1), name="phi(0)"),
    ]
    for name, (output, active, sample, value) in moving.items():
        force = -output / sp.sqrt(2) * errors[active] * gram[active, sample]
        steps.append(show_equal(f"w_{name} obeys heavy ball", sp.diff(value, T, 2) + 2 * R * sp.diff(value, T), force))
    steps += [
        show_equal(
            "phi' = -(1/(2 omega)) e^{-rt} sin(omega t) < 0 before half a period",
            sp.diff(RESPONSE, T),
            -sp.exp(-R * T) * sp.sin(OMEGA * T) / (2 * OMEGA),
        ),
        show_less("phi is still positive at the flip", sp.Rational(1, 2), RESPONSE.subs(T, FLIP_TIME)),
        infer("so 0 < 1 - phi < 1 rises: w_A.x_1 >= 2, w_B.x_1 <= -2, w_B.x_2 > 2 - sqrt(2), none of them flips"),
        show_equal(
            "w_A.x_2 rises to 0 exactly at omega t = pi/6",
            moving["A.x_2"][3].subs(T, FLIP_TIME),
            sp.Integer(0),
            name="<w_A, x_2> at the flip",
        ),
    ]
    return steps


def values_at_flip() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return V(0), V just before and just after the flip, exactly."""
    phi, speed = RESPONSE.subs(T, FLIP_TIME), sp.diff(RESPONSE, T).subs(T, FLIP_TIME)
    error, velocity = phi * START, speed * START
    kick = sp.Matrix([0, -abs(speed / (2 * sp.sqrt(2))) / sp.sqrt(2)])  # a_A |v| / sqrt(m) on sample 2
    half = sp.Rational(1, 2)

    def energy(H: sp.Matrix, e: sp.Matrix, v: sp.Matrix) -> sp.Expr:
        z = R * e + v
        return sp.expand(half * (e.T * H * e)[0, 0] + half * (z.T * z)[0, 0])

    first, second = kernel(sp.Matrix([[1, 0], [0, 1]])), kernel(sp.Matrix([[1, 1], [0, 1]]))
    return (
        energy(first, START, sp.zeros(2, 1)),
        energy(first, error, velocity),
        energy(second, error, velocity + kick),
    )


def counterexample(claim: Claim) -> Derivation:
    """Two neurons, in closed form until the flip and just after it."""
    initial, before, after = values_at_flip()
    first, second = kernel(sp.Matrix([[1, 0], [0, 1]])), kernel(sp.Matrix([[1, 1], [0, 1]]))
    limit = sp.Rational(1, 2) - sp.acos(sp.Rational(1, 2)) / (2 * sp.pi)
    lambda0 = sp.Rational(1, 2) - limit * sp.Rational(1, 2)
    instance = {AFTER: after, BEFORE: before, INITIAL: initial, RATE: R, T: FLIP_TIME}
    return Derivation(
        (
            assume("n = p = m = 2, x_1.x_2 = 1/2, a = (-1, 1)"),
            show_equal("lambda_0 = 1/2 - (1/2)(1/2 - arccos(1/2)/(2 pi))", lambda0, sp.Rational(1, 3), name="lambda_0"),
            show_equal("r^2 = lambda_0/2", R**2, lambda0 / 2, name="r^2"),
            semidefinite("before the flip H >= lambda_0 I", first - lambda0 * sp.eye(2)),
            semidefinite("after the flip H >= lambda_0 I", second - lambda0 * sp.eye(2)),
            jump_identity(),
            *motion(),
            infer(
                "A crosses w.x_2 = 0, |v| = |phi'|/(2 sqrt(2)): Delta_2' jumps by -|v|/sqrt(2) (activation_flip_jump)"
            ),
            show_less("V rises at the flip", before, after),
            show_violated("V just after the flip against the bound", claim.formula, instance),
        )
    )


def lyapunov_value(case: NetworkCase, rate: float, moment: float) -> float:
    """Return the paper's V at one time, from the weights."""
    run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2.0 * rate), [moment])
    error, velocity = run.errors[-1], run.velocities[-1]
    shifted = rate * error + velocity
    return float(0.5 * error @ relu_ntk(case.X, run.weights) @ error + 0.5 * shifted @ shifted)


def network(activations: Float[np.ndarray, "m 2"], a: Float[np.ndarray, " m"]) -> NetworkCase:
    """Return the network on the two samples with the given pre-activations and Delta(0) = (1/2, 1)."""
    X = np.array(SAMPLES.evalf(20).tolist(), dtype=np.float64)
    W = np.linalg.solve(X, activations.T).T
    return NetworkCase(X, relu_predictions(X, W, a) - np.array([0.5, 1.0]), W, a)


def networks() -> tuple[NetworkCase, NetworkCase]:
    """Return the two-neuron network of the proof, and one of four neurons with a flip at t = 0.1288."""
    start = float((1 - RESPONSE.subs(T, FLIP_TIME)) / (2 * sp.sqrt(2)))
    four = np.array([[2.0, -2.0], [-2.0, 2.0], [2.0, -0.001], [2.0, 2.0]])
    return (
        network(np.array([[2.0, -start], [-2.0, 2.0]]), np.array([-1.0, 1.0])),
        network(four, np.array([1.0, 1.0, -1.0, 1.0])),
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run both networks through their first flip and compare V on its two sides with the claimed bound."""
    rate, worst, said, spread, found = float(R), 0.0, [], 0.0, list[float]()
    for case in networks():
        events = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), [1.0]).events
        moment, initial = float(events.times[0]), lyapunov_value(case, rate, 0.0)
        (before, after), (coarse_before, coarse_after) = (
            (lyapunov_value(case, rate, moment - h), lyapunov_value(case, rate, moment + h)) for h in (1e-9, 1e-8)
        )
        spread = max(spread, abs(before - coarse_before), abs(after - coarse_after))
        bound = float(claim.bound({RATE: rate, T: moment, INITIAL: initial, BEFORE: before}))
        worst = max(worst, after / bound)
        found.append(after / bound)
        said.append(
            f"{case.a.size} neurons: V {before:.4g} -> {after:.4g} at t = {moment:.4g}, {after / bound:.3f} x bound"
        )
    return Evidence.measured(
        claim,
        "; ".join(said),
        contradicted=worst > 1.0 + 1e-6,
        error_bar=f"{spread:.2g} (V taken 1e-9 and 1e-8 beside the flip)",
        cases=2,
        detail=f"V just after a flip is {worst:.4f} times the bound",
        picture=by_case(found, 1.0, title="A flip lifts V above the bound", ylabel="V after the flip / bound"),
    )


FALSE_TWINS = (
    FalseTwin("a slack of one half", {"claim": states(sp.Le(AFTER, sp.Rational(3, 2) * BOUND, evaluate=False))}),
    FalseTwin("V never rises at a flip", {"claim": states(sp.Le(AFTER, BEFORE, evaluate=False))}),
)

THEOREM = Theorem(
    name="lyapunov_on_networks_printed",
    source=Source(PAPER, "Lemma 3.3, proof: V(t) < e^{-alpha t} V(0)", "as printed, on a network"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("heavy_ball_lyapunov", "activation_flip_jump", "repaired_heavy_ball_identity", "heavy_ball_network"),
)
