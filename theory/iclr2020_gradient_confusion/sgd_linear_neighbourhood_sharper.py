r"""Theorem 3.1 with the exact share (N-1)/N of the floor: alpha (N-1) eta/(N (1 - rho)).

Assumptions
-----------
Those of `sgd_linear_neighbourhood`. The floor is (N-1) eta/(mu (2 - N L alpha)).

Source
------
"Gradient Confusion" (2020), proof of Theorem 3.1: the last but one inequality, before (N-1)/N is rounded up to 1.

Idea of the proof
-----------------
That of `sgd_linear_neighbourhood`, not rounded. For N = 1 there is no pair, and no floor.

Deviations from the paper
-------------------------
The paper gives the larger floor alpha eta/(1 - rho).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import (
    ALPHA,
    CURVED,
    ETA,
    LAST_GAP,
    MU,
    SAMPLES,
    SMOOTH,
    START_GAP,
    STEPS,
    TreeCase,
    tree_cases,
    tree_evidence,
    tree_holds,
)
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_linear_neighbourhood import FLOOR, RHO, neighbourhood, unrolled

CLAIM = neighbourhood(RHO, FLOOR)
IN_CURVED = {SMOOTH: (2 - CURVED) / (SAMPLES * ALPHA)}


def derive(claim: Claim) -> Derivation:
    """Unroll without rounding."""
    steps = [
        *unrolled(),
        show_equal(
            "the floor is (N-1) eta/(mu q), the same for every small alpha",
            FLOOR.xreplace(IN_CURVED),
            (SAMPLES - 1) * ETA / (MU * CURVED),
        ),
    ]
    derived = RHO**STEPS * START_GAP + FLOOR
    last = conclude(
        "put together",
        claim.formula,
        LAST_GAP,
        derived,
        from_=steps,
        at=IN_CURVED,
        lower={SAMPLES: sp.Integer(1)},
    )
    return Derivation((*steps, last))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Enumerate 28 trees and hold every expected gap against the bound."""
    return tree_evidence(claim, seed, TreeCase.gap, "E[gap]")


def domain() -> st.SearchStrategy[tuple[Any, ...]]:
    """Separable quadratics with small trees."""
    return tree_cases()


def holds(claim: Claim, case: tuple[Any, ...]) -> bool:
    """Check the bound exactly on one tree."""
    return tree_holds(claim, case, TreeCase.gap)


FALSE_TWINS = (
    FalseTwin("the floor times alpha", {"claim": neighbourhood(RHO, ALPHA * FLOOR / 8)}),
    FalseTwin("the square of rho", {"claim": neighbourhood(RHO**2, FLOOR)}),
)

THEOREM = Theorem(
    name="sgd_linear_neighbourhood_sharper",
    source=Source(PAPER, "Theorem 3.1", "with the floor that its proof gives"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_linear_neighbourhood", "sgd_linear_neighbourhood_pl", "noise_floor_two_wells"),
)
