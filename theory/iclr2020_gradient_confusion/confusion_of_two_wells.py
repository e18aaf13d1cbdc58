r"""Definition 2.1 on two wells: eta(w) = 1 - w^2 for |w| <= 1. The bound belongs to a point, not to the functions.

Assumptions
-----------
f_1 = (w - 1)^2/2, f_2 = (w + 1)^2/2, |w| <= 1; eta = max(0, -<g_1, g_2>).

Source
------
"Gradient Confusion" (2020), Definition 2.1: a set of functions has confusion bound eta >= 0 at a fixed w if
<grad f_i(w), grad f_j(w)> >= -eta for all i != j. Here eta is the smallest such number.

Idea of the proof
-----------------
g_1 g_2 = (w - 1)(w + 1).

Deviations from the paper
-------------------------
An example: the definition is pointwise, Theorems 3.1 and 3.2 use it along a whole path. Confusion is largest at the
minimiser w = 0 of F and none at the minimisers w = +-1 of f_1, f_2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.confusion import Architecture, PowerLoss, gradient_confusion
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ETA
from theory.iclr2020_gradient_confusion.notation import PAPER

POINT = sp.Symbol("w", real=True)


def confusion_is(value: sp.Expr) -> Claim:
    """Return the claim eta(w) = value."""
    return Claim(
        "Two wells at -1 and 1 have the confusion bound 1 - w^2 between them.",
        equate(ETA, value),
        ("f = (w -+ 1)^2/2", "|w| <= 1"),
        {ETA: "smallest confusion bound at w", POINT: "the one parameter"},
    )


CLAIM = confusion_is(1 - POINT**2)


def derive(claim: Claim) -> Derivation:
    """Differentiate, multiply."""
    first, second = (sp.diff((POINT - c) ** 2 / 2, POINT) for c in (1, -1))
    return Derivation(
        (
            define("eta(w) is the smallest eta >= 0 with g_1 g_2 >= -eta, that is max(0, -g_1 g_2)"),
            assume("|w| <= 1"),
            show_equal(
                "-g_1 g_2 = (1 - w)(1 + w), both factors >= 0",
                -first * second,
                (1 - POINT) * (1 + POINT),
                name="-g_1 g_2",
            ),
            show_with("so eta = -g_1 g_2", claim.formula, {ETA: -first * second}),
        )
    )


def measured(w: float) -> float:
    """Return the confusion bound of the network f(x) = w x on x = 1 with labels 1 and -1."""
    line = Architecture((1, 1), biases=False)
    return gradient_confusion(line, [w], [[1.0], [1.0]], [1.0, -1.0], loss=PowerLoss()).bound


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute the bound with the library at 21 points."""
    points = np.linspace(-1.0, 1.0, 21)
    seen, claimed = np.array([measured(float(w)) for w in points]), claim.bound({POINT: points})
    gap = float(np.abs(seen - claimed).max())
    return Evidence.measured(
        claim,
        f"largest difference {gap:.2g} at 21 points",
        contradicted=gap > 1e-14,
        error_bar="1e-14 (rounding)",
        cases=21,
        seed=seed,
        picture=along(
            points,
            seen,
            claimed,
            title="The confusion of two wells is 1 - w^2",
            xlabel="w",
            ylabel="confusion bound eta",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Points of [-1, 1]."""
    return st.floats(-1.0, 1.0)


def holds(claim: Claim, case: Any) -> bool:
    """Compare at one point."""
    return abs(measured(case) - float(claim.bound({POINT: case}))) <= 1e-14


FALSE_TWINS = (
    FalseTwin("the same everywhere", {"claim": confusion_is(sp.Integer(1))}),
    FalseTwin("of the other sign", {"claim": confusion_is(POINT**2 - 1)}),
)

THEOREM = Theorem(
    name="confusion_of_two_wells",
    source=Source(PAPER, "Definition 2.1", "an example: the bound changes from point to point"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("noise_floor_two_wells", "stationary_confusion"),
)
