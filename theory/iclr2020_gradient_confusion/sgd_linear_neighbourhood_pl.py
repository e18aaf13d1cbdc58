r"""If F itself is PL: rate 1 - mu_F alpha (2 - N L alpha), floor L alpha (N-1) eta/(2 mu_F (2 - N L alpha)). New.

Assumptions
-----------
A1 for every f_i; (1/2)|grad F|^2 >= mu_F (F - F*); alpha < 2/(N L); the confusion bound eta along the path.

Source
------
Beside "Gradient Confusion" (2020), Theorem 3.1; against its remark that the noise term cannot depend on alpha.

Idea of the proof
-----------------
The descent in mean of `sgd_stationary_sharper`, with |grad F|^2 >= 2 mu_F (F - F*), unrolled.

Deviations from the paper
-------------------------
The hypothesis is another one: A2 for every f_i gives PL of F only up to a constant. Orthonormal quadratics have
mu_F = mu/N. Here the floor vanishes with alpha; for two wells it is sharp to leading order (`noise_floor_two_wells`).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import (
    ALPHA,
    CURVED,
    ETA,
    LAST_GAP,
    MU_MEAN,
    SAMPLES,
    SMOOTH,
    START_GAP,
    STEPS,
    SYMBOLS,
    TreeCase,
    tree_cases,
    tree_evidence,
    tree_holds,
)
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_linear_neighbourhood import neighbourhood
from theory.iclr2020_gradient_confusion.sgd_stationary import IN_CURVED
from theory.iclr2020_gradient_confusion.sgd_stationary_sharper import Q, descent_in_mean

RHO = 1 - MU_MEAN * ALPHA * Q
FLOOR = SMOOTH * ALPHA * (SAMPLES - 1) * ETA / (2 * MU_MEAN * Q)


def with_mean(rate: sp.Expr, floor: sp.Expr) -> Claim:
    """Return the claim for a PL mean."""
    claim = neighbourhood(rate, floor)
    return Claim(
        "If F is PL, SGD with confusion eta converges linearly to a neighbourhood that shrinks with the learning rate.",
        claim.formula,
        ("A1 for every f_i, F with (1/2)|grad F|^2 >= mu_F (F - F*)", "alpha < 2/(N L)", "confusion eta on the path"),
        {s: SYMBOLS[s] for s in (LAST_GAP, START_GAP, STEPS, SAMPLES, SMOOTH, MU_MEAN, ALPHA, ETA)},
    )


CLAIM = with_mean(RHO, FLOOR)


def derive(claim: Claim) -> Derivation:
    """Put PL into the descent in mean and unroll."""
    rate, added, k = sp.Symbol("rho", positive=True), sp.Symbol("c", nonnegative=True), sp.Symbol("k", positive=True)
    reached = rate**k * START_GAP + added * (1 - rate**k) / (1 - rate)
    steps = [
        *descent_in_mean(),
        assume("(1/2)|grad F|^2 >= mu_F (F - F*)"),
        show_equal(
            "it takes (alpha q/2) 2 mu_F = 1 - rho times the gap off",
            ALPHA * Q / 2 * 2 * MU_MEAN,
            1 - RHO,
            name="(alpha q/2) 2 mu_F",
        ),
        show_equal("1 - rho = mu_F alpha q > 0", 1 - RHO.xreplace(IN_CURVED), MU_MEAN * ALPHA * CURVED, name="1 - rho"),
        infer("mu_F <= L, as |grad F|^2 lies between 2 mu_F and 2 L times F - F*"),
        show_equal(
            "with mu_F <= L and N >= 1 also rho >= 0: 1 - mu_F/(N L) + N L mu_F (alpha - 1/(N L))^2",
            RHO,
            1 - MU_MEAN / (SAMPLES * SMOOTH) + SAMPLES * SMOOTH * MU_MEAN * (ALPHA - 1 / (SAMPLES * SMOOTH)) ** 2,
        ),
        define("c = L alpha^2 (N-1) eta/2, B_k = rho^k (F(w_0) - F*) + c (1 - rho^k)/(1 - rho), B_0 = F(w_0) - F*"),
        show_equal("induction step: rho B_k + c = B_{k+1}", sp.expand(rate * reached + added), reached.subs(k, k + 1)),
        show_equal(
            "and c/(1 - rho) is the floor",
            SMOOTH * ALPHA**2 * (SAMPLES - 1) * ETA / 2 / (1 - RHO),
            FLOOR,
            name="c/(1 - rho)",
        ),
    ]
    last = conclude("put together", claim.formula, LAST_GAP, RHO**STEPS * START_GAP + FLOOR, from_=steps, at=IN_CURVED)
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
    FalseTwin("the square of the rate", {"claim": with_mean(RHO**2, FLOOR)}),
    FalseTwin("half of the floor", {"claim": with_mean(RHO, FLOOR / 2)}),
)

THEOREM = Theorem(
    name="sgd_linear_neighbourhood_pl",
    source=Source(PAPER, "Theorem 3.1", "for F itself PL: a floor that vanishes with alpha"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_linear_neighbourhood", "sgd_stationary_sharper", "noise_floor_two_wells"),
)
