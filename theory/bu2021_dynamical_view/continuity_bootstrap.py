r"""Lemmas 3.4 and 4.2: two implications with R' < R close a circle; what the lemmas need, and what they inherit.

Assumptions
-----------
D(t) = max_r |w_r(t) - w_r(0)| is continuous, D(0) = 0, and for every t:
(I) if D <= R on [0, t] then lambda_min(H(s)) >= lambda_0/2 for s <= t (Lemma 3.2);
(II) if lambda_min(H(s)) >= lambda_0/2 for s <= t then D(t) <= R' (Lemmas 3.3 and 4.1).

Source
------
Bu, Xu and Chen (2021), Lemma 3.4 and Lemma 4.2: "If R' < R, then ...".

Idea of the proof
-----------------
(I) and (II) say: D <= R on [0, t] implies D(t) <= R'. If D ever exceeded R', there would be, by continuity, a first
time at which it is R (or it would stay in (R', R], where the implication already contradicts it). There D <= R up to
then, so R <= R', against R' < R.

Deviations from the paper
-------------------------
The logic is right. Its hypothesis (II) is not available on a network: Lemma 3.3 and Lemma 4.1 are false for kernels
that vary (`switching_kernel_heavy_ball`, `modulated_kernel_nesterov`), their proof fails at
flips, and on networks the first is false too (`sliding_neurons_printed`). For gradient
flow (II) is available (`gradient_flow_network`). With R' = R the conclusion is false: the second twin.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER, T

__all__ = ["THEOREM"]

DISTANCE = sp.Function("D", nonnegative=True)(T)
INNER, OUTER, GAP = sp.symbols("R' R g", positive=True)


def stays_below(radius: sp.Expr) -> Claim:
    """Return the claim D(t) <= radius at all times."""
    return Claim(
        "If moving less than R keeps the kernel positive, and a positive kernel moves less than R' < R, no weight ever "
        "moves more than R'.",
        sp.Le(DISTANCE, radius, evaluate=False),
        ("D is continuous with D(0) = 0", "D <= R on [0, t] implies D(t) <= R' (Lemma 3.2 with 3.3 or 4.1)", "R' < R"),
        {
            DISTANCE: "max_r |w_r(t) - w_r(0)|",
            OUTER: "radius within which the kernel is stable",
            INNER: "distance bound",
        },
    )


CLAIM = stays_below(INNER)


def derive(claim: Claim) -> Derivation:
    """Prove the implication by contradiction."""
    contradiction = show_violated("R <= R' contradicts R' < R, R = R' + g", sp.Le(OUTER, INNER), {OUTER: INNER + GAP})
    return Derivation(
        (
            assume("D is continuous, D(0) = 0; D <= R on [0, t] implies D(t) <= R'; R' < R"),
            infer("so D never takes a value in (R', R] as long as it has not exceeded R"),
            define("tau: the first time at which D = R, if there is one; D <= R on [0, tau]"),
            infer("the implication at tau gives R = D(tau) <= R'"),
            contradiction,
            infer("there is no such time, D < R always (intermediate values), and the implication holds at every t"),
            infer("hence D(t) <= R' for all t", sp.Le(DISTANCE, INNER, evaluate=False), from_=[contradiction]),
        )
    )


def domain(strict: bool = True) -> st.SearchStrategy[Any]:
    """Continuous piecewise linear D from 0, with R' < R (or R' = R): corner values, R', R in exact fractions."""
    value = st.fractions(0, 3, max_denominator=8)
    radii = st.tuples(
        st.fractions(Fraction(1, 8), 2, max_denominator=8), st.fractions(Fraction(1, 8), 1, max_denominator=8)
    )
    return st.tuples(
        st.lists(value, min_size=1, max_size=6).map(lambda v: (Fraction(0), *v)),
        radii.map(lambda r: (r[0], r[0] + r[1] if strict else r[0])),
    ).filter(_meets_the_hypothesis)


def _meets_the_hypothesis(case: tuple[tuple[Fraction, ...], tuple[Fraction, Fraction]]) -> bool:
    """Return whether D <= R on [0, t] implies D(t) <= R' along the curve.

    Until D first exceeds R its largest value is R itself if it ever does (continuity), else the largest corner.
    """
    corners, (inner, outer) = case
    return min(max(corners), outer) <= inner


def holds(claim: Claim, case: tuple[tuple[Fraction, ...], tuple[Fraction, Fraction]]) -> bool:
    """Check the implication on one curve: the hypothesis fails, or D stays below the claimed radius."""
    corners, (inner, outer) = case
    radius = claim.formula.rhs.subs({INNER: sp.Rational(inner), OUTER: sp.Rational(outer)})
    return not _meets_the_hypothesis(case) or bool(sp.Rational(max(corners)) <= radius)


FALSE_TWINS = (
    FalseTwin("half the radius", {"claim": stays_below(INNER / 2)}),
    FalseTwin("R' = R suffices", {"derive": None, "domain": lambda: domain(strict=False)}),
)

THEOREM = Theorem(
    name="continuity_bootstrap",
    source=Source(PAPER, "Lemmas 3.4 and 4.2", "as an implication; its hypothesis (II) is the gap of Theorems 2 and 3"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_network", "nesterov_network", "gradient_flow_network", "kernel_stability"),
)
