r"""Section 6: with g = (g_1 + g_2)/2 and sigma^2 the variance of the two, |<g_1, g_2>| <= sigma^2 + |g|^2.

Assumptions
-----------
Two gradients at the same point; sigma^2 = (|g_1 - g|^2 + |g_2 - g|^2)/2.

Source
------
"Gradient Confusion" (2020), section 6, first display.

Idea of the proof
-----------------
sigma^2 + |g|^2 = (|g_1|^2 + |g_2|^2)/2 (parallelogram), and |<g_1, g_2>| is at most that because |g_1 +- g_2|^2 >= 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._gradient_sets import (
    LARGEST_SQUARE,
    ROUNDING,
    VARIANCE,
    WHERE,
    outside,
    set_evidence,
)
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import FULL
from theory.iclr2020_gradient_confusion.notation import PAPER


def product_at_most(bound: sp.Expr) -> Claim:
    """Return the claim |<g_1, g_2>| <= bound."""
    return Claim(
        "Two gradients have an inner product of at most their variance plus their squared mean.",
        sp.Le(LARGEST_SQUARE, bound, evaluate=False),
        ("N = 2", "g = (g_1 + g_2)/2"),
        {s: WHERE[s] for s in (LARGEST_SQUARE, VARIANCE, FULL)},
    )


CLAIM = product_at_most(VARIANCE + FULL)


def derive(claim: Claim) -> Derivation:
    """Use the parallelogram identity and two squares."""
    a, b = Vector.base("g_1"), Vector.base("g_2")
    mean = (a + b) / 2
    right = (norm2(a - mean) + norm2(b - mean)) / 2 + norm2(mean)
    steps = [
        define("g = (g_1 + g_2)/2, sigma^2 = (|g_1 - g|^2 + |g_2 - g|^2)/2"),
        show_equal("parallelogram", right, (norm2(a) + norm2(b)) / 2, name="sigma^2 + |g|^2"),
        show_equal(
            "sigma^2 + |g|^2 - <g_1, g_2> is half a square",
            right - inner(a, b),
            norm2(a - b) / 2,
            name="sigma^2 + |g|^2 - <g_1, g_2>",
        ),
        show_equal(
            "so is sigma^2 + |g|^2 + <g_1, g_2>",
            right + inner(a, b),
            norm2(a + b) / 2,
            name="sigma^2 + |g|^2 + <g_1, g_2>",
        ),
        infer("both are >= 0"),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, LARGEST_SQUARE, VARIANCE + FULL, from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw pairs; equal and opposite ones attain the bound."""
    rng = np.random.default_rng(seed)
    pairs = [rng.standard_normal((2, int(rng.integers(1, 7)))) for _ in range(400)]
    pairs += [np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [-1.0, -2.0]])]
    return set_evidence(claim, pairs, seed=seed)


def domain() -> st.SearchStrategy[Any]:
    """Two integer vectors of the plane."""
    entry = st.integers(-4, 4).map(float)
    return st.tuples(st.tuples(entry, entry), st.tuples(entry, entry)).map(np.array)


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one pair."""
    return outside(claim, case) <= ROUNDING


FALSE_TWINS = (
    FalseTwin("by the variance alone", {"claim": product_at_most(VARIANCE)}),
    FalseTwin("by the squared mean alone", {"claim": product_at_most(FULL)}),
)

THEOREM = Theorem(
    name="confusion_from_gradient_variance",
    source=Source(PAPER, "Section 6, confusion from variance", "as printed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("unbounded_variance", "variance_for_fixed_samples", "confusion_from_variance"),
)
