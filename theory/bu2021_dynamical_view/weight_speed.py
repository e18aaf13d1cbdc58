r"""Nesterov: every neuron moves no faster than sqrt(2 n L(0)/m) t/(gamma+1), on any two-layer network of any width.

Assumptions
-----------
f(x) = m^{-1/2} sum_r a_r relu(w_r.x), |a_r| = |x_i| = 1; Nesterov's flow on the first layer from rest, flips allowed.

Source
------
Bu, Xu and Chen (2021), proof of Lemma 4.1, uses |w_r'| <= sqrt(2 L(0)) near t = 0, without the 1/sqrt(m) that the force
on a single neuron has; this is what makes its width for Nesterov larger than for gradient flow.

Idea of the proof
-----------------
(t^gamma w_r')' = -t^gamma J_r^T Delta and |J_r^T Delta| <= m^{-1/2} sum_i |Delta_i| <= sqrt(n/m) |Delta|. The energy
(`nesterov_energy`) gives |Delta| <= sqrt(2 L(0)) at all times. Integrate.

Deviations from the paper
-------------------------
Sharper than the paper by sqrt(n/m) t/(gamma+1). At t -> 0 the constant cannot be improved (one sample, one neuron).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import random_network
from odeflow.numeric.flows import Nesterov
from odeflow.numeric.relu_flow import relu_flow
from odeflow.panels import along
from odeflow.strategies import NetworkCase, network_cases
from odeflow.symbolic.derivations import Derivation, assume, by, chain, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_energy import CLAIM as ENERGY_FALLS
from theory.bu2021_dynamical_view.nesterov_energy import derive as derive_energy
from theory.bu2021_dynamical_view.notation import GAMMA, INITIAL_LOSS, PAPER, SYMBOLS, T

__all__ = ["THEOREM"]

SPEED = sp.Function("|w_r'|", nonnegative=True)(T)
SAMPLES, WIDTH = sp.symbols("n m", positive=True)


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim |w_r'(t)| <= bound."""
    return Claim(
        "Under Nesterov's flow no neuron moves faster than sqrt(2 n L(0)/m) t/(gamma + 1).",
        sp.Le(SPEED, bound, evaluate=False),
        ("two-layer ReLU network, |a_r| = 1, unit-norm data", "first layer trained from rest"),
        {SPEED: "speed of neuron r", SAMPLES: "samples", WIDTH: "width", GAMMA: SYMBOLS[GAMMA]},
    )


BOUND = sp.sqrt(2 * SAMPLES * INITIAL_LOSS / WIDTH) * T / (GAMMA + 1)
CLAIM = at_most(BOUND)


def derive(claim: Claim) -> Derivation:
    """Integrate the force on one neuron, bounded by the energy."""
    w = sp.Function("w")
    s = sp.Symbol("s", positive=True)
    force = sp.sqrt(SAMPLES / WIDTH) * sp.sqrt(2 * INITIAL_LOSS)
    energy = by("nesterov_energy", derive_energy(ENERGY_FALLS), ENERGY_FALLS.formula)
    factor = show_equal(
        "t^gamma is an integrating factor: (t^gamma w')' = t^gamma (w'' + (gamma/t) w')",
        sp.expand(sp.diff(T**GAMMA * sp.diff(w(T), T), T) / T**GAMMA),
        sp.diff(w(T), T, 2) + GAMMA / T * sp.diff(w(T), T),
        name="(t^gamma w')'/t^gamma",
    )
    integral = show_equal(
        "t^{-gamma} int_0^t s^gamma F ds = F t/(gamma+1)",
        T ** (-GAMMA) * sp.integrate(s**GAMMA * force, (s, 0, T)),
        force * T / (GAMMA + 1),
    )
    cauchy = infer("|J_r^T Delta| <= m^{-1/2} sum_i |Delta_i| <= sqrt(n/m) |Delta| (Cauchy-Schwarz, |x_i| = |a_r| = 1)")
    below = infer("the energy starts at L(0) and never rises, so |Delta| <= sqrt(2 L(0))", from_=[energy])
    return Derivation(
        (
            assume("w_r'' + (gamma/t) w_r' + J_r^T Delta = 0, w_r'(0) = 0"),
            energy,
            below,
            cauchy,
            factor,
            integral,
            chain(
                "put together", claim.formula, force * T / (GAMMA + 1), from_=[energy, below, cauchy, factor, integral]
            ),
        )
    )


def fastest_ratio(claim: Claim, case: NetworkCase, gamma: float, times: np.ndarray) -> float:
    """Return the largest speed of a neuron over the claimed bound."""
    worst = 0.0
    for t in times:
        run = relu_flow(case.X, case.y, case.W, case.a, Nesterov(gamma), [0.0, float(t)])
        speed = float(np.linalg.norm(run.weight_velocities, axis=1).max())
        if run.losses[0] > 0:
            values = {T: t, GAMMA: gamma, SAMPLES: case.y.size, WIDTH: case.a.size, INITIAL_LOSS: run.losses[0]}
            worst = max(worst, speed / float(claim.bound(values)))
    return worst


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the fastest neuron of networks of 16 to 256 neurons, and of one neuron with one sample."""
    times = np.array([1e-3, 0.3, 1.0, 3.0])
    single = NetworkCase(np.ones((1, 1)), np.zeros(1), np.ones((1, 1)), np.ones(1))
    ratios = [fastest_ratio(claim, random_network(4, 3, m, seed=seed + m), 7.0, times) for m in (16, 64, 256)]
    tight = fastest_ratio(claim, single, 7.0, times)
    worst = max(*ratios, tight)
    return Evidence.measured(
        claim,
        f"speed over bound: {', '.join(f'{r:.3f}' for r in ratios)} (m = 16, 64, 256), {tight:.4g} (m = 1)",
        contradicted=worst > 1.0 + 1e-9,
        error_bar="1e-9 (event-resolved, rounding only)",
        cases=16,
        seed=seed,
        detail=f"largest ratio {worst:.4g}",
        picture=along(
            (1, 16, 64, 256),
            [tight, *ratios],
            1.0,
            title="No weight moves faster than the bound",
            xlabel="width m",
            ylabel="largest speed / bound",
            xscale="log",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small networks, gamma in [0.5, 9], one time."""
    return st.tuples(network_cases(), st.floats(0.5, 9.0), st.floats(0.01, 5.0))


def holds(claim: Claim, case: tuple[NetworkCase, float, float]) -> bool:
    """Check the fastest neuron at one time."""
    network, gamma, time = case
    return fastest_ratio(claim, network, gamma, np.array([time])) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin("2 L(0) replaced by L(0)", {"claim": at_most(BOUND / sp.sqrt(2))}),
    FalseTwin("t/(gamma + 2)", {"claim": at_most(BOUND * (GAMMA + 1) / (GAMMA + 2))}),
)

THEOREM = Theorem(
    name="weight_speed",
    source=Source(PAPER, "Lemma 4.1, proof: sum_r |w_r'|^2 <= 2 L(0)", "sharpened by the force on a single neuron"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_energy", "heavy_ball_energy", "nesterov_network"),
)
