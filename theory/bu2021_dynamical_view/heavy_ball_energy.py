r"""Heavy ball: L + sum_r |w_r'|^2/2 falls exactly by friction, for any network, across activation flips too.

Assumptions
-----------
Square loss; theta'' + b theta' + grad L = 0; the loss obeys the chain rule along the trajectory. J may move.

Source
------
Bu, Xu and Chen (2021) state this for Nesterov's flow only (section 4); for heavy ball it is the invariant that survives
where their V does not (`lyapunov_on_networks_printed`).

Idea of the proof
-----------------
As for Nesterov: L' = <J^T Delta, theta'> whatever J does, and <theta', theta''> cancels it up to the friction.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import simpson, trapezoid

from odeflow.experiments import random_network
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.relu_flow import relu_flow
from odeflow.panels import Panel
from odeflow.strategies import NetworkCase, network_cases
from odeflow.symbolic.derivations import Derivation, assume, define, equate
from odeflow.symbolic.flows import heavy_ball
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, norm2
from odeflow.symbolic.lyapunov import show_along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_energy import energy_panel
from theory.bu2021_dynamical_view.notation import ERROR, PAPER, T

__all__ = ["DAMPING", "THEOREM"]

DAMPING = sp.Symbol("b", positive=True)
JACOBIAN = Operator("J", varying=True)
WEIGHT_VELOCITY = Vector.base("theta", 1)
DYNAMICS = Dynamics(
    {
        "theta": (2, heavy_ball(DAMPING).top_derivative([WEIGHT_VELOCITY], JACOBIAN.T @ ERROR)),
        "Delta": (1, JACOBIAN @ WEIGHT_VELOCITY),
    },
    T,
)
ENERGY = sp.Function("E")(T)
DEFINITION = {ENERGY: norm2(ERROR) / 2 + norm2(WEIGHT_VELOCITY) / 2}
FRICTION = DAMPING * norm2(WEIGHT_VELOCITY)


def falls_by(loss_of_energy: sp.Expr) -> Claim:
    """Return the claim E' = -loss_of_energy."""
    return Claim(
        "For any network the energy L + sum_r |w_r'|^2/2 falls along heavy ball, exactly by friction.",
        equate(sp.Derivative(ENERGY, T), -loss_of_energy),
        ("square loss", "theta'' + b theta' + grad L = 0", "the chain rule holds along the trajectory"),
        {DAMPING: "damping, 1/time", sp.Symbol("theta"): "all trained weights in one vector"},
    )


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


def balance(claim: Claim, case: NetworkCase, damping: float, points: int) -> tuple[float, float, float, Panel]:
    """Return |E(0) - E(t) - claimed friction|, its error bar and the largest rise, relative to E(0); and a picture."""
    run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(damping), np.linspace(0.0, 6.0, points))
    energy = run.losses + run.kinetic_energies
    factor = float(sp.cancel(-claim.formula.rhs / FRICTION))
    power = 2.0 * factor * damping * run.kinetic_energies
    fine, coarse = float(simpson(power, x=run.times)), float(trapezoid(power, x=run.times))
    start = float(energy[0])
    rise = float(np.diff(energy).max()) / start
    return abs(start - energy[-1] - fine) / start, abs(fine - coarse) / start, rise, energy_panel(run, power)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Balance the energy of a network of 64 neurons through its flips."""
    gap, bar, rise, picture = balance(claim, random_network(6, 3, 64, seed=seed), 0.8, 401)
    return Evidence.measured(
        claim,
        f"the balance closes to {gap:.2g} of E(0) across activation flips; largest rise {max(rise, 0.0):.2g}",
        contradicted=gap > 1e-4 + bar or rise > 1e-9,
        error_bar=f"{bar:.2g} (two quadratures)",
        cases=401,
        seed=seed,
        detail=f"the balance is off by {gap:.3g} of E(0)",
        picture=picture,
    )


def domain() -> st.SearchStrategy[Any]:
    """Small two-layer ReLU networks and a damping."""
    return st.tuples(network_cases(), st.floats(0.1, 3.0))


def holds(claim: Claim, case: tuple[NetworkCase, float]) -> bool:
    """Balance the energy of one network; a loss of zero stays zero."""
    network, damping = case
    gap, bar, _, _ = balance(claim, network, damping, 61)
    return gap <= 1e-3 + bar


FALSE_TWINS = (
    FalseTwin("twice the friction", {"claim": falls_by(2 * FRICTION)}),
    FalseTwin("no friction: the energy is conserved", {"claim": falls_by(sp.Integer(0) * FRICTION)}),
)

THEOREM = Theorem(
    name="heavy_ball_energy",
    source=Source(PAPER, "Section 4, energy E(t)", "for heavy ball; the paper has it for Nesterov's flow"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_energy", "weight_speed", "lyapunov_on_networks_printed"),
)
