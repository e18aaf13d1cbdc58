r"""Section 6, corrected: for a fixed number of samples confusion does bound the variance, by (N-1)(|grad F|^2 + eta).

Assumptions
-----------
N gradients with confusion bound eta; grad F is their mean.

Source
------
Corrects "Gradient Confusion" (2020), section 6: "it is not possible in general to bound the gradient variance in terms
of the gradient confusion parameter".

Idea of the proof
-----------------
The variance is mean|g_i|^2 - |grad F|^2, and mean|g_i|^2 <= N |grad F|^2 + (N-1) eta.

Deviations from the paper
-------------------------
The paper's counterexample (`unbounded_variance`) needs at least 1/eps samples: what is impossible is a bound that is
uniform in N. Equality holds for one non-zero gradient and for a simplex.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, by, define, show_equal
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_bounds_second_moment as second_moment
from theory.iclr2020_gradient_confusion._gradient_sets import (
    ROUNDING,
    VARIANCE,
    WHERE,
    drawn_sets,
    integer_sets,
    outside,
    set_evidence,
)
from theory.iclr2020_gradient_confusion._sgd import ETA, SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import FULL
from theory.iclr2020_gradient_confusion.notation import PAPER


def variance_at_most(bound: sp.Expr) -> Claim:
    """Return the claim sigma^2 <= bound."""
    return Claim(
        "For N samples the variance of the gradients is at most (N-1)(|grad F|^2 + eta).",
        sp.Le(VARIANCE, bound, evaluate=False),
        ("N gradients with confusion bound eta", "grad F is their mean"),
        {s: WHERE[s] for s in (VARIANCE, FULL, ETA, SAMPLES)},
    )


CLAIM = variance_at_most((SAMPLES - 1) * (FULL + ETA))


def derive(claim: Claim) -> Derivation:
    """Take |grad F|^2 off the bound on the second moment."""
    g, mean = Vector.base("g"), Vector.base("m")
    moment = second_moment.CLAIM
    steps = [
        show_equal(
            "|g - m|^2 term by term", norm2(g - mean), norm2(g) - 2 * inner(g, mean) + norm2(mean), name="|g - m|^2"
        ),
        define("summed over i the middle term is -2 N |m|^2: sigma^2 = mean|g_i|^2 - |grad F|^2"),
        by("confusion_bounds_second_moment", second_moment.derive(moment), moment.formula),
    ]
    return Derivation(
        (*steps, conclude("subtract |grad F|^2", claim.formula, VARIANCE, moment.formula.rhs - FULL, from_=steps))
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw sets of gradients; single gradients and simplices attain the bound."""
    return set_evidence(claim, drawn_sets(seed), seed=seed, observed=" (0: attained)")


def domain() -> st.SearchStrategy[Any]:
    """Two to five integer vectors of the plane."""
    return integer_sets()


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one set."""
    return outside(claim, case) <= ROUNDING


FALSE_TWINS = (
    FalseTwin("uniformly in N", {"claim": variance_at_most(FULL + ETA)}),
    FalseTwin("by confusion alone", {"claim": variance_at_most((SAMPLES - 1) * ETA)}),
)

THEOREM = Theorem(
    name="variance_for_fixed_samples",
    source=Source(PAPER, "Section 6, variance from confusion", "a bound that the paper calls impossible in general"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("unbounded_variance", "confusion_bounds_second_moment", "noise_floor_two_wells"),
)
