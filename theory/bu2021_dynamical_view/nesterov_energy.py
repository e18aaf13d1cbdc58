r"""Section 4: the energy L + sum_r |w_r'|^2/2 falls along Nesterov's flow, for any network, across flips too.

Assumptions
-----------
Square loss; theta'' + (gamma/t) theta' + grad L = 0; the loss obeys the chain rule along the trajectory. J may move.

Source
------
Bu, Xu and Chen (2021), proof of Lemma 4.1: E' = -sum_r (gamma/t) |w_r'|^2 <= 0.

Idea of the proof
-----------------
Only first derivatives of the predictions enter: L' = <J^T Delta, theta'> whatever J does, and <theta', theta''> cancels
it up to the friction. This is why the statement survives the flips that break the second-order error dynamics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float
from scipy.integrate import cumulative_trapezoid, simpson, trapezoid

from odeflow.numeric.flows import Nesterov
from odeflow.numeric.relu_flow import ReluTrajectory, relu_flow
from odeflow.panels import Panel, along
from odeflow.strategies import NetworkCase, network_cases
from odeflow.symbolic.derivations import Derivation, assume, define, equate
from odeflow.symbolic.flows import nesterov
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, norm2
from odeflow.symbolic.lyapunov import show_along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import ERROR, GAMMA, PAPER, SYMBOLS, T

JACOBIAN = Operator("J", varying=True)
WEIGHT_VELOCITY = Vector.base("theta", 1)
FLOW = nesterov(GAMMA)
DYNAMICS = Dynamics(
    {
        "theta": (2, FLOW.top_derivative([WEIGHT_VELOCITY], JACOBIAN.T @ ERROR)),
        "Delta": (1, JACOBIAN @ WEIGHT_VELOCITY),
    },
    T,
)
ENERGY = sp.Function("E")(T)
DEFINITION = {ENERGY: norm2(ERROR) / 2 + norm2(WEIGHT_VELOCITY) / 2}


def falls_by(loss_of_energy: sp.Expr) -> Claim:
    """Return the claim E' = -loss_of_energy."""
    return Claim(
        "For any network the energy L + sum_r |w_r'|^2/2 falls along Nesterov's flow, exactly by friction.",
        equate(sp.Derivative(ENERGY, T), -loss_of_energy),
        ("square loss", "theta'' + (gamma/t) theta' + grad L = 0", "the chain rule holds along the trajectory"),
        {GAMMA: SYMBOLS[GAMMA], sp.Symbol("theta"): "all trained weights w_1, ..., w_m in one vector"},
    )


FRICTION = GAMMA / T * norm2(WEIGHT_VELOCITY)
CLAIM = falls_by(FRICTION)


def derive(claim: Claim) -> Derivation:
    """Differentiate the energy in symbolic dimension, with a moving Jacobian."""
    return Derivation(
        (
            assume("square loss; Delta' = J theta' with a J that may move; w_r' are the blocks of theta'"),
            define("the energy", equate(ENERGY, DEFINITION[ENERGY])),
            show_along("differentiate the energy along the flow", claim.formula, DEFINITION, DYNAMICS),
        )
    )


def energy_panel(run: ReluTrajectory, power: Float[np.ndarray, " t"]) -> Panel:
    """Return a picture of the energy beside its first value less the claimed friction's work."""
    energy = run.losses + run.kinetic_energies
    return along(
        run.times,
        {"observed": energy},
        {"claimed": energy[0] - cumulative_trapezoid(power, run.times, initial=0.0)},
        title="The energy falls by the claimed friction, across flips too",
        xlabel="flow time t",
        ylabel="E",
        line=True,
    )


def friction_constant(claim: Claim) -> float:
    """Return the c of a claimed E' = -c (gamma/t) |theta'|^2."""
    return float(sp.cancel(-claim.formula.rhs / FRICTION))


def energy_gap(claim: Claim, run: ReluTrajectory, gamma: float) -> tuple[float, float]:
    """Compare E(t0) - E(t) with the claimed friction, integrated by Simpson's rule; return the gap and its error bar.

    Both are fractions of E(t0). The error bar is the difference to the trapezoidal rule.
    """
    energy = run.losses + run.kinetic_energies
    power = friction_constant(claim) * gamma / run.times * 2.0 * run.kinetic_energies
    fine = float(simpson(power, x=run.times))
    coarse = float(trapezoid(power, x=run.times))
    return abs(energy[0] - energy[-1] - fine) / energy[0], abs(fine - coarse) / energy[0]


def network_run(case: NetworkCase, gamma: float) -> ReluTrajectory:
    """Follow the true ReLU network, flips included."""
    return relu_flow(case.X, case.y, case.W, case.a, Nesterov(gamma), np.linspace(0.05, 6.0, 401))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow a network of 64 neurons through its flips and balance its energy against the claimed friction."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((6, 3))
    case = NetworkCase(
        X / np.linalg.norm(X, axis=1, keepdims=True),
        rng.uniform(-1, 1, 6),
        rng.standard_normal((64, 3)),
        rng.choice([-1.0, 1.0], 64),
    )
    run = network_run(case, 3.0)
    gap, bar = energy_gap(claim, run, 3.0)
    rise = float(np.diff(run.losses + run.kinetic_energies).max())
    return Evidence.measured(
        claim,
        f"energy balance closes to {gap:.2g} of E across activation flips; largest rise {max(rise, 0.0):.2g}",
        contradicted=gap > 1e-4 + bar or rise > 1e-9,
        error_bar=f"{bar:.2g} (two quadratures)",
        cases=run.times.size,
        seed=seed,
        detail=f"the balance is off by {gap:.3g} of E",
        picture=energy_panel(run, friction_constant(claim) * 3.0 / run.times * 2.0 * run.kinetic_energies),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small two-layer ReLU networks."""
    return network_cases()


def holds(claim: Claim, case: NetworkCase) -> bool:
    """Balance the energy of one network."""
    gap, bar = energy_gap(claim, network_run(case, 3.0), 3.0)
    return gap <= 1e-3 + bar


FALSE_TWINS = (
    FalseTwin("twice the friction", {"claim": falls_by(2 * FRICTION)}),
    FalseTwin("no friction: the energy is conserved", {"claim": falls_by(sp.Integer(0) * FRICTION)}),
)

THEOREM = Theorem(
    name="nesterov_energy",
    source=Source(PAPER, "Section 4, energy E(t)"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_rate",),
)
