r"""Theorem 3.1: under A1, A2 and confusion eta, SGD converges linearly to a neighbourhood alpha eta/(1 - rho).

Assumptions
-----------
N functions, each L-smooth (A1) and with (1/2)|grad f_i|^2 >= mu (f_i - min f_i) (A2); alpha < 2/(N L); the confusion
bound eta along the whole path.

Source
------
"Gradient Confusion" (2020), Theorem 3.1 and its proof in Appendix D.1.

Idea of the proof
-----------------
One step with f_i splits <grad F, g_i> into |g_i|^2/N and N - 1 inner products, each at least -eta. A2 turns |g_i|^2
into f_i - min f_i, whose mean is at least F - F* because the mean of the minima is at most F*. Unroll.

Deviations from the paper
-------------------------
As printed (rho rebuilt from the proof). Unrolling needs 0 <= rho < 1, which is computed here. The floor
alpha eta/(1 - rho) = N eta/(mu (2 - N L alpha)) does not go to zero with alpha; `sgd_linear_neighbourhood_sharper` has
(N-1)/N of it, `sgd_linear_neighbourhood_pl` one that does vanish.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, Step, assume, define, infer, show_equal
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
    SYMBOLS,
    TreeCase,
    descent,
    tree_cases,
    tree_evidence,
    tree_holds,
)
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

RHO = 1 - 2 * MU * ALPHA / SAMPLES + MU * SMOOTH * ALPHA**2
FLOOR = ALPHA * (SAMPLES - 1) * ETA / (SAMPLES * (1 - RHO))


def neighbourhood(rate: sp.Expr, floor: sp.Expr) -> Claim:
    """Return the claim E[F(w_T)] - F* <= rate^T (F(w_0) - F*) + floor."""
    return Claim(
        "SGD on smooth PL functions with confusion eta converges linearly to a neighbourhood of the minimum.",
        sp.Le(LAST_GAP, rate**STEPS * START_GAP + floor, evaluate=False),
        ("A1 and A2 for every f_i", "alpha < 2/(N L)", "confusion eta at every point of the path"),
        {s: SYMBOLS[s] for s in (LAST_GAP, START_GAP, STEPS, SAMPLES, SMOOTH, MU, ALPHA, ETA)},
    )


CLAIM = neighbourhood(RHO, ALPHA * ETA / (1 - RHO))


def unrolled() -> list[Step]:
    """Return the steps to E[F(w_T)] - F* <= rho^T (F(w_0) - F*) + alpha (N-1) eta/(N (1 - rho))."""
    rate, added, gap = sp.Symbol("rho", positive=True), sp.Symbol("c", nonnegative=True), START_GAP
    k = sp.Symbol("k", integer=True, nonnegative=True)

    def reached(power: sp.Expr) -> sp.Expr:
        return rate**power * gap + added * (1 - rate**power) / (1 - rate)

    in_q = RHO.xreplace({SMOOTH: (2 - CURVED) / (SAMPLES * ALPHA)})
    return [
        *descent(),
        assume("A2: (1/2)|g_i|^2 >= mu (f_i - min f_i) for every i"),
        show_equal(
            "with A2 the gap of f_i is taken off (alpha/N - L alpha^2/2) 2 mu = 1 - rho times",
            (ALPHA / SAMPLES - SMOOTH * ALPHA**2 / 2) * 2 * MU,
            1 - RHO,
        ),
        infer("mean over i: E[min f_i] <= E[f_i(w*)] = F*, so E[f_i - min f_i] >= F - F*"),
        show_equal("1 - rho = mu alpha q/N > 0", 1 - in_q, MU * ALPHA * CURVED / SAMPLES),
        infer("A1 and A2 for one f_i give mu <= L: |g_i|^2 lies between 2 mu and 2 L times f_i - min f_i"),
        show_equal(
            "rho = 1 - mu/(N^2 L) + mu L (alpha - 1/(N L))^2, at least 1 - mu/(N^2 L) >= 0",
            RHO,
            1 - MU / (SAMPLES**2 * SMOOTH) + MU * SMOOTH * (ALPHA - 1 / (SAMPLES * SMOOTH)) ** 2,
        ),
        show_equal("induction over k, base: B_0 = F(w_0) - F*", reached(sp.Integer(0)), gap, name="B_0"),
        show_equal("induction step: rho B_k + c = B_{k+1}", sp.expand(rate * reached(k) + added), reached(k + 1)),
        show_equal(
            "what is left out is rho^T c/(1 - rho) >= 0",
            rate**k * gap + added / (1 - rate) - reached(k),
            rate**k * added / (1 - rate),
        ),
        define("c = alpha (N-1) eta/N"),
    ]


def derive(claim: Claim) -> Derivation:
    """Descend once, take means, unroll; then compare the floors."""
    steps = unrolled()
    return Derivation(
        (
            *steps,
            conclude(
                "put together",
                claim.formula,
                LAST_GAP,
                RHO**STEPS * START_GAP + FLOOR,
                from_=steps,
                at={SMOOTH: (2 - CURVED) / (SAMPLES * ALPHA)},
                lower={SAMPLES: sp.Integer(1)},
            ),
        )
    )


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
    FalseTwin("no neighbourhood", {"claim": neighbourhood(RHO, sp.Integer(0))}),
    FalseTwin(
        "the rate of gradient descent",
        {"claim": neighbourhood(1 - 2 * MU * ALPHA + MU * SMOOTH * ALPHA**2, ALPHA * ETA / (1 - RHO))},
    ),
)

THEOREM = Theorem(
    name="sgd_linear_neighbourhood",
    source=Source(PAPER, "Theorem 3.1", "as printed"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_linear_neighbourhood_sharper", "sgd_linear_neighbourhood_pl", "sgd_stationary"),
)
