r"""Equations 4.2 -> 4.4 with a frozen kernel: Nesterov's flow on the weights is Nesterov's flow on the errors.

Assumptions
-----------
Square loss; the Jacobian J of the predictions does not move; theta'' + (gamma/t) theta' + grad L = 0, t > 0.

Source
------
Bu, Xu and Chen (2021), section 4, equations (4.2)-(4.5).

Idea of the proof
-----------------
As for heavy ball: the damping may depend on time, it passes through J.

Deviations from the paper
-------------------------
As for heavy ball: for a network of finite width the equation misses an impulse at every activation flip.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from odeflow.experiments import error_equation_evidence
from odeflow.symbolic.derivations import Derivation
from odeflow.symbolic.error_dynamics import derive_error_dynamics, error_equation
from odeflow.symbolic.flows import nesterov
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_error_dynamics import domain, doubled, moving_domain, residual_vanishes
from theory.bu2021_dynamical_view.notation import GAMMA, PAPER, SYMBOLS, T

FLOW = nesterov(GAMMA)


def obeys(equation: sp.Equality) -> Claim:
    """Return the claim that the errors obey `equation`."""
    return Claim(
        "With a frozen Jacobian the errors of Nesterov's flow obey Nesterov's flow with the kernel H = J J^T.",
        equation,
        ("square loss", "J does not move", "theta'' + (gamma/t) theta' + grad L = 0 for t > 0"),
        {GAMMA: SYMBOLS[GAMMA], T: "flow time, sqrt(learning rate) x steps"},
    )


CLAIM = obeys(error_equation(FLOW))


def derive(claim: Claim) -> Derivation:
    """Derive the error dynamics by the chain rule in symbolic dimension."""
    return derive_error_dynamics(FLOW)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate the weights of a linear network and compare its errors with the claimed equation."""
    return error_equation_evidence(claim, FLOW, values={GAMMA: 3.0}, seed=seed)


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate the claim's equation on integers at gamma = 3, t = 2, exactly."""
    return residual_vanishes(claim, case, FLOW, {GAMMA: sp.Integer(3), T: sp.Integer(2)})


FALSE_TWINS = (
    FalseTwin("twice the damping on the errors", {"claim": obeys(doubled(FLOW))}),
    FalseTwin(
        "the Jacobian may move",
        {
            "derive": lambda claim: derive_error_dynamics(FLOW, constant_jacobian=False),
            "simulate": None,
            "domain": moving_domain,
        },
    ),
)

THEOREM = Theorem(
    name="nesterov_error_dynamics",
    source=Source(PAPER, "(4.2)-(4.5)", "in world K"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_error_dynamics",),
)
