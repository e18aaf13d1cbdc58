r"""The floor of SGD on two wells (w - 1)^2/2 and (w + 1)^2/2 is exactly alpha/(4 - 2 alpha).

Assumptions
-----------
N = 2, f = (w -+ 1)^2/2, constant learning rate 0 < alpha < 1, T to infinity.

Source
------
An oracle for "Gradient Confusion" (2020), Theorem 3.1, whose floor is 1/(1 - alpha) here (N = 2, L = mu = eta = 1).

Idea of the proof
-----------------
w+ = (1 - alpha) w +- alpha with independent signs, so E[w^2] obeys s+ = (1 - alpha)^2 s + alpha^2.

Deviations from the paper
-------------------------
The paper's floor does not vanish with alpha, the true one does. The new floor alpha/(4 (1 - alpha)) of
`sgd_linear_neighbourhood_pl` is sharp to leading order. Here g_1 g_2 = w^2 - 1, so eta = 1 everywhere.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_less, show_with
from odeflow.symbolic.sgd_trees import SeparableQuadratics, expectation, sgd_tree
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ALPHA, ETA, MU, MU_MEAN, SAMPLES, SMOOTH, SYMBOLS
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_linear_neighbourhood import RHO
from theory.iclr2020_gradient_confusion.sgd_linear_neighbourhood_pl import FLOOR as SHARPER_FLOOR

FLOOR = sp.Symbol("lim E[F(w_T)] - F*", nonnegative=True)
WELLS = SeparableQuadratics(((1,), (1,)), ((1,), (-1,)))


def floor_is(value: sp.Expr) -> Claim:
    """Return the claim that the limit of E[F(w_T)] - F* is `value`."""
    return Claim(
        "On two wells the noise floor of SGD is alpha/(4 - 2 alpha).",
        equate(FLOOR, value),
        ("f = (w -+ 1)^2/2", "0 < alpha < 1"),
        {FLOOR: "limit of the expected suboptimality", ALPHA: SYMBOLS[ALPHA]},
    )


CLAIM = floor_is(ALPHA / (4 - 2 * ALPHA))


def derive(claim: Claim) -> Derivation:
    """Solve the recursion of E[w^2]."""
    w, square, share = sp.Symbol("w", real=True), sp.Symbol("s", nonnegative=True), sp.Symbol("a", positive=True)
    mean_value = ((w - 1) ** 2 + (w + 1) ** 2) / 4
    after = [sp.expand((w - ALPHA * (w - c)) ** 2) for c in (1, -1)]
    fixed = ALPHA**2 / (1 - (1 - ALPHA) ** 2)
    at = {SAMPLES: sp.Integer(2), SMOOTH: sp.Integer(1), MU: sp.Integer(1), MU_MEAN: sp.Integer(1), ETA: sp.Integer(1)}
    below = {ALPHA: 1 / (1 + share)}  # every alpha in (0, 1)
    printed, sharper = (ALPHA * ETA / (1 - RHO)).xreplace(at), SHARPER_FLOOR.xreplace(at)
    return Derivation(
        (
            define("F(w) = (f_1 + f_2)/2, least at 0"),
            show_less("eta = 1: the two gradients have product w^2 - 1", sp.Integer(-1), square - 1),
            show_equal("F - F* = w^2/2", mean_value - mean_value.subs(w, 0), w**2 / 2),
            show_equal(
                "mean of w+^2 over the two draws: s+ = (1 - alpha)^2 s + alpha^2",
                sum(after) / 2,
                (1 - ALPHA) ** 2 * w**2 + ALPHA**2,
            ),
            show_equal("its fixed point", (1 - ALPHA) ** 2 * fixed + ALPHA**2, fixed),
            show_equal(
                "the distance to it shrinks by (1 - alpha)^2 < 1 at every step",
                (1 - ALPHA) ** 2 * square + ALPHA**2 - fixed,
                (1 - ALPHA) ** 2 * (square - fixed),
            ),
            infer("so E[w_T^2] tends to the fixed point"),
            show_less("it is below Theorem 3.1's floor", (fixed / 2).xreplace(below), printed.xreplace(below)),
            show_less("and below the sharper one", (fixed / 2).xreplace(below), sharper.xreplace(below)),
            show_equal(
                "which it meets to leading order",
                sp.limit(sharper / (fixed / 2), ALPHA, 0),
                sp.Integer(1),
                name="limit of the ratio",
            ),
            show_with("half of the fixed point is the floor", claim.formula, {FLOOR: fixed / 2}),
        )
    )


def sides(claim: Claim, alpha: Fraction, *, steps: int) -> tuple[float, float]:
    """Return E[F(w_T)] - F* as claimed and exactly, extrapolated to T = infinity by the exact contraction."""
    values = [
        expectation(level, WELLS.mean_value) - WELLS.minimum
        for level in sgd_tree(WELLS, (Fraction(0),), alpha, steps=steps)
    ]
    rest = (1 - alpha) ** (2 * steps)
    limit = (values[-1] - rest * values[0]) / (1 - rest)
    return float(claim.bound({ALPHA: float(alpha)})), float(limit)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Enumerate trees of eight steps at nine learning rates."""
    rates = [Fraction(k, 10) for k in range(1, 10)]
    claimed, exact = np.array([sides(claim, alpha, steps=8) for alpha in rates]).T
    worst = float(max(claimed - exact, key=abs))
    return Evidence.measured(
        claim,
        f"largest difference claimed - enumerated {worst:.2g}",
        contradicted=abs(worst) > 1e-12,
        error_bar="1e-12 (rounding of the claimed value)",
        cases=len(rates),
        seed=seed,
        picture=along(
            np.array(rates, dtype=float),
            exact,
            claimed,
            title="The noise floor is the claimed one",
            xlabel="alpha",
            ylabel="E[F] - F*",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Learning rates k/50 in (0, 1)."""
    return st.integers(1, 49)


def holds(claim: Claim, case: int) -> bool:
    """Compare with the tree of four steps."""
    claimed, exact = sides(claim, Fraction(case, 50), steps=4)
    return abs(claimed - exact) < 1e-12


FALSE_TWINS = (
    FalseTwin("alpha/4, the leading order", {"claim": floor_is(ALPHA / 4)}),
    FalseTwin("the floor of Theorem 3.1", {"claim": floor_is(1 / (1 - ALPHA))}),
)

THEOREM = Theorem(
    name="noise_floor_two_wells",
    source=Source(PAPER, "Theorem 3.1", "exact oracle: two quadratics"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_linear_neighbourhood", "sgd_linear_neighbourhood_pl", "orthonormal_contraction"),
)
