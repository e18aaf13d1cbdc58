r"""At a stationary point the mean inner product of different gradients is -mean|g_i|^2/(N-1): never zero confusion.

Assumptions
-----------
grad F = (g_1 + ... + g_N)/N = 0, N >= 2.

Source
------
Not in "Gradient Confusion" (2020); it decides section 2, "low gradient confusion near the minimiser".

Idea of the proof
-----------------
|g_1 + ... + g_N|^2 is the sum of the squares plus the sum of the N(N-1) inner products of different gradients.

Deviations from the paper
-------------------------
New. Since the smallest inner product is at most the mean one, mean|g_i|^2 <= (N-1) eta: at a minimiser that does not
interpolate the confusion bound is positive.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._gradient_sets import (
    MEAN_PRODUCT,
    ROUNDING,
    WHERE,
    drawn_sets,
    integer_sets,
    outside,
    set_evidence,
    stationary,
)
from theory.iclr2020_gradient_confusion._sgd import SAMPLES
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import FULL, MEAN_SQUARE
from theory.iclr2020_gradient_confusion.notation import PAPER


def mean_product_is(value: sp.Expr) -> Claim:
    """Return the claim that the mean inner product over i != j is `value` at a stationary point."""
    return Claim(
        "At a stationary point the mean inner product of different gradients is -mean|g_i|^2/(N-1).",
        equate(MEAN_PRODUCT, value),
        ("grad F = 0", "N >= 2"),
        {s: WHERE[s] for s in (MEAN_PRODUCT, MEAN_SQUARE, SAMPLES)},
    )


CLAIM = mean_product_is(-MEAN_SQUARE / (SAMPLES - 1))


def derive(claim: Claim) -> Derivation:
    """Expand the square of the sum by induction, then set it to zero."""
    partial, new = Vector.base("s"), Vector.base("g")
    general = (SAMPLES * FULL - MEAN_SQUARE) / (SAMPLES - 1)
    return Derivation(
        (
            define("s_n = g_1 + ... + g_n; A_n the sum of |g_i|^2, P_n of <g_i, g_j> over i != j, up to n"),
            show_equal(
                "adding g adds 2 <s, g> to |s|^2 - A, which is what it adds to P; both are 0 for n = 1: |s|^2 = A + P",
                norm2(partial + new) - norm2(new) - norm2(partial),
                2 * inner(partial, new),
                name="change of |s|^2 - A",
            ),
            define("|s_N|^2 = N^2 |grad F|^2, A_N = N mean|g_i|^2, P_N = N (N-1) mean_{i != j} <g_i, g_j>"),
            show_equal(
                "so mean_{i != j} <g_i, g_j> = (N |grad F|^2 - mean|g_i|^2)/(N-1)",
                SAMPLES**2 * FULL,
                SAMPLES * MEAN_SQUARE + SAMPLES * (SAMPLES - 1) * general,
            ),
            assume("the point is stationary: grad F = 0"),
            infer("put grad F = 0"),
            show_with("at a stationary point", claim.formula, {MEAN_PRODUCT: general.xreplace({FULL: sp.Integer(0)})}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw sets of gradients, take their mean off, and compare."""
    return set_evidence(claim, (stationary(gradients) for gradients in drawn_sets(seed)), seed=seed)


def domain() -> st.SearchStrategy[Any]:
    """Two to five integer vectors; their mean is taken off."""
    return integer_sets()


def holds(claim: Claim, case: Any) -> bool:
    """Compare both sides on one set."""
    return outside(claim, stationary(case)) <= ROUNDING


FALSE_TWINS = (
    FalseTwin("N instead of N - 1", {"claim": mean_product_is(-MEAN_SQUARE / SAMPLES)}),
    FalseTwin("no confusion at a minimiser", {"claim": mean_product_is(sp.Integer(0))}),
)

THEOREM = Theorem(
    name="stationary_confusion",
    source=Source(PAPER, "Section 2, confusion near the minimiser", "new: an identity that the paper does not have"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("confusion_bounds_second_moment", "confusion_from_variance"),
)
