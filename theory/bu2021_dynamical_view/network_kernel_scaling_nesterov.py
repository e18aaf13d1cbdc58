r"""Lazy training, measured: how fast a network's departure from the frozen kernel dies out with its width. Nesterov.

Assumptions
-----------
As `network_kernel_scaling`, with Nesterov's flow, gamma = 7, up to time 4/sqrt(lambda_0/2).

Source
------
Bu, Xu and Chen (2021), (4.3)-(4.5): the error dynamics with a constant kernel are claimed to describe the network.

Idea of the measurement
-----------------------
As `network_kernel_scaling`. For Nesterov a persistent change of the kernel is not absorbed by the friction
(`modulated_kernel_nesterov`), so the statement is about a fixed horizon.

Deviations from the paper
-------------------------
No proof: the exponents are heuristics of the audit, supported by fits over several seeds.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.flows import Flow, Nesterov
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.network_kernel_scaling import HALF, scale_like, scaling_evidence
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["THEOREM"]

CLAIM = scale_like((-HALF, -HALF, sp.Integer(-1), -HALF), "Nesterov's flow")


def nesterov_to(lambda0: float) -> tuple[Flow, float]:
    """Return Nesterov's flow with gamma = 7 and the horizon 4/sqrt(lambda_0/2)."""
    return Nesterov(7.0), 4 / float(np.sqrt(lambda0 / 2))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Fit the exponents for gamma = 7."""
    return scaling_evidence(claim, nesterov_to, seed=seed)


FALSE_TWINS = (
    FalseTwin("a single jump like 1/sqrt(m)", {"claim": scale_like((-HALF, -HALF, -HALF, -HALF), "Nesterov's flow")}),
    FalseTwin(
        "a kernel that does not settle",
        {"claim": scale_like((-HALF, 0 * HALF, sp.Integer(-1), -HALF), "Nesterov's flow")},
    ),
)

THEOREM = Theorem(
    name="network_kernel_scaling_nesterov",
    source=Source(PAPER, "(4.3)-(4.5)", "as an asymptotic statement with rates; not in the paper"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("network_kernel_scaling", "activation_flips_printed", "modulated_kernel_nesterov"),
)
