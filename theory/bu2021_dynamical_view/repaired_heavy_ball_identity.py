r"""A Lyapunov function for heavy ball on a network that activation flips cannot lift: the frozen-pattern velocity.

Assumptions
-----------
f(x) = m^{-1/2} sum_r a_r relu(w_r.x), square loss, w_r'' + 2r w_r' + dL/dw_r = 0. J(t) is the Jacobian with the
activation pattern D(t), J_0 the one with the pattern D(0). K is any constant symmetric matrix.

Source
------
Not in Bu, Xu and Chen (2021): a repair of Lemma 3.3, whose V jumps at flips (`lyapunov_on_networks_printed`).

Idea of the proof
-----------------
q = J_0 theta' uses the pattern of time zero: it is Lipschitz, and q' + 2r q + Htilde(t) Delta = 0 with the kernel
Htilde = J_0 J(t)^T, without impulses. Delta' = J theta' = q + rho with rho = (J - J_0) theta'. With E = Htilde - K and
z = r Delta + q the energy V_inf = <Delta, K Delta>/2 + |z|^2/2 is Lipschitz, and differentiating it gives
V_inf' = -r <Delta, K Delta> - r |z|^2 + <z, (r^2 - E) Delta> + <Delta, K rho> + r <z, rho>.

Deviations from the paper
-------------------------
H(t) inside V is replaced by a constant K (H_inf in use), Delta' by q. E is not symmetric. What the identity yields is
in `repaired_heavy_ball_rate` and `repaired_heavy_ball_network`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow import panels
from odeflow.experiments import prediction_rates, random_network
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.relu_flow import relu_flow
from odeflow.strategies import NetworkCase, integer_matrices
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal_vectors
from odeflow.symbolic.flows import heavy_ball
from odeflow.symbolic.inner_products import Base, Dynamics, Operator, Vector, evaluate_at, inner, norm2
from odeflow.symbolic.lyapunov import along, show_along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Stage, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import DELTA, ERROR, PAPER, RATE, T

__all__ = ["ENERGY", "FROZEN_VELOCITY", "LIMIT_KERNEL", "THEOREM", "V_INF"]

LIMIT_KERNEL = Operator("K", symmetric=True)
DEVIATION = Operator("E", varying=True)
FROZEN_VELOCITY = Vector.base("q")
RHO = Vector.base("rho")
Z = RATE * ERROR + FROZEN_VELOCITY
V_INF = inner(ERROR, LIMIT_KERNEL @ ERROR) / 2 + norm2(Z) / 2
ENERGY = sp.Function("V_inf", nonnegative=True)(T)
DEFINITION = {ENERGY: V_INF}
DYNAMICS = Dynamics(
    {
        "q": (1, -2 * RATE * FROZEN_VELOCITY - LIMIT_KERNEL @ ERROR - DEVIATION @ ERROR),
        "Delta": (1, FROZEN_VELOCITY + RHO),
    },
    T,
)
RIGHT = (
    -RATE * inner(ERROR, LIMIT_KERNEL @ ERROR)
    - RATE * norm2(Z)
    + inner(Z, RATE**2 * ERROR - DEVIATION @ ERROR)
    + inner(ERROR, LIMIT_KERNEL @ RHO)
    + RATE * inner(Z, RHO)
)


def changes_by(right: sp.Expr) -> Claim:
    """Return the claim V_inf' = right."""
    return Claim(
        "With the velocity of the initial activation pattern, heavy ball on a network has an energy without jumps.",
        equate(sp.Derivative(ENERGY, T), sp.expand(right)),
        ("two-layer ReLU network, first layer trained, b = 2r", "K constant and symmetric"),
        {
            ENERGY: "<Delta, K Delta>/2 + |r Delta + q|^2/2",
            RATE: "half the damping",
            sp.Symbol("q"): "J_0 theta', velocity of the predictions for the pattern of time zero",
            sp.Symbol("rho"): "Delta' - q = (J - J_0) theta'",
            sp.Symbol("E"): "J_0 J(t)^T - K",
        },
    )


CLAIM = changes_by(RIGHT)


def derive(claim: Claim) -> Derivation:
    """Derive the dynamics of q from the weights, then differentiate V_inf, in symbolic dimension."""
    frozen, moving = Operator("J_0"), Operator("J", varying=True)
    flow = heavy_ball(2 * RATE)
    speed = Vector.base("theta", 1)
    force = moving.T @ ERROR
    weights = Dynamics({"theta": (2, flow.top_derivative([speed], force)), "Delta": (1, moving @ speed)}, T)
    q = frozen @ speed
    return Derivation(
        (
            assume("Delta' = J theta'; between flips J is constant, and theta' is Lipschitz throughout"),
            define("q = J_0 theta' with the constant J_0"),
            show_equal_vectors(
                "q' + 2r q + J_0 J^T Delta = 0, whatever J does",
                weights.differentiate(q),
                -2 * RATE * q - frozen @ force,
                name="q'",
            ),
            define("rho = (J - J_0) theta', so Delta' = J theta' = q + rho, and E = J_0 J^T - K"),
            define("the energy", equate(ENERGY, V_INF)),
            show_along("differentiate it", claim.formula, DEFINITION, DYNAMICS),
        )
    )


def frozen_velocity(case: NetworkCase, flow: HeavyBall, moment: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (q, Htilde Delta) of a network at one time, from its weights."""
    run = relu_flow(case.X, case.y, case.W, case.a, flow, [moment])
    start, now = ((W @ case.X.T > 0).astype(np.float64) for W in (case.W, run.weights))
    kernel = (case.X @ case.X.T) * (start.T @ now) / case.a.size
    return prediction_rates(case, run.weight_velocities, start), kernel @ run.errors[-1]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Check on a network that q passes its flips without a jump and obeys q' = -2r q - Htilde Delta beside them."""
    case, flow, step = random_network(4, 3, 32, seed=seed), HeavyBall(0.8), 1e-6
    events = relu_flow(case.X, case.y, case.W, case.a, flow, [5.0]).events
    moved, kicks = list[float](), list[float]()
    gaps = np.diff(np.concatenate([[0.0], events.times, [np.inf]]))
    alone = [k for k in range(len(events)) if min(gaps[k], gaps[k + 1]) > 10 * step][:8]
    for k in alone:
        before, force_before = frozen_velocity(case, flow, float(events.times[k]) - step)
        after, force_after = frozen_velocity(case, flow, float(events.times[k]) + step)
        slope = -flow.damping * (before + after) - force_before - force_after
        moved.append(float(np.abs(after - before - step * slope).max()))
        kicks.append(abs(float(events.jumps[k])))
    worst, kick = max(moved, default=0.0), max(kicks, default=0.0)
    return Evidence(
        Stage.SIMULATION,
        Status.FAILS if worst > 1e-10 or not alone else Status.HOLDS,
        claimed="q' + 2r q + Htilde Delta = 0 across flips",
        observed=f"q moves as its equation says to {worst:.2g} while Delta' jumps by up to {kick:.2g}",
        error_bar=f"{10 * step**2:.2g} (trapezoidal rule over {2 * step:.2g})",
        cases=len(alone),
        seed=seed,
        detail=f"q is off its equation by {worst:.3g} at a flip",
        picture=panels.along(
            np.arange(1.0, len(alone) + 1.0),
            {"q off its equation": moved, "jump of Delta'": kicks},
            {"allowed for q": 1e-10},
            title="q obeys its equation across flips where Delta' jumps",
            xlabel="flip",
            ylabel="size",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer K, E, Delta, q and rho in dimension 3, and a small integer r."""
    return st.tuples(*(integer_matrices(3, k) for k in (3, 3, 1, 1, 1)), st.integers(1, 5))


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate both sides on concrete integers, exactly."""
    half, deviation, error, q, rho, rate = case
    bases = {Base(DELTA): error, Base("q"): q, Base("rho"): rho}
    operators = {"K": sp.Matrix((half + half.T).tolist()), "E": sp.Matrix(deviation.tolist())}
    gap = along(claim.formula.lhs - claim.formula.rhs, DEFINITION, DYNAMICS)
    value = evaluate_at(gap, {b: sp.Matrix(v.tolist()) for b, v in bases.items()}, operators)
    return bool(sp.expand(value.subs(RATE, rate)) == 0)


FALSE_TWINS = (
    FalseTwin(
        "E symmetric inside the cross term",
        {"claim": changes_by(RIGHT + inner(Z, DEVIATION @ ERROR) - inner(ERROR, DEVIATION @ Z))},
    ),
    FalseTwin(
        "the impulses forgotten", {"claim": changes_by(RIGHT - inner(ERROR, LIMIT_KERNEL @ RHO) - RATE * inner(Z, RHO))}
    ),
)

THEOREM = Theorem(
    name="repaired_heavy_ball_identity",
    source=Source(PAPER, "Lemma 3.3, proof", "repaired: an energy without jumps, not in the paper"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("repaired_heavy_ball_rate", "repaired_heavy_ball_network", "lyapunov_on_networks_printed"),
)
