r"""On N orthonormal quadratics SGD contracts in mean by exactly 1 - (2 alpha - alpha^2)/N per step.

Assumptions
-----------
f_i(w) = (a_i.w - b_i)^2/2 with orthonormal a_1, ..., a_N; constant learning rate.

Source
------
An oracle for "Gradient Confusion" (2020), Theorem 3.1, whose rho is 1 - 2 alpha/N + alpha^2 here (mu = L = 1, eta = 0).

Idea of the proof
-----------------
A step with f_i multiplies f_i by (1 - alpha)^2 and leaves the other N - 1 functions alone.

Deviations from the paper
-------------------------
None; the printed rate is larger by alpha^2 (N-1)/N. Here F is PL with mu_F = 1/N only.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_less, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.symbolic.sgd_trees import SeparableQuadratics, expectation, sgd_tree
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ALPHA, MU, SAMPLES, SMOOTH, SYMBOLS
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_linear_neighbourhood import RHO

FACTOR = sp.Symbol("E[F(w_{k+1})]/F(w_k)", nonnegative=True)


def factor_is(value: sp.Expr) -> Claim:
    """Return the claim that the expected loss is multiplied by `value` in a step."""
    return Claim(
        "On N orthonormal quadratics E[F] is multiplied by 1 - (2 alpha - alpha^2)/N at every step.",
        equate(FACTOR, value),
        ("f_i = (a_i.w - b_i)^2/2", "a_1, ..., a_N orthonormal"),
        {FACTOR: "factor of the expected loss", SAMPLES: SYMBOLS[SAMPLES], ALPHA: SYMBOLS[ALPHA]},
    )


CLAIM = factor_is(1 - (2 * ALPHA - ALPHA**2) / SAMPLES)


def derive(claim: Claim) -> Derivation:
    """Follow the residuals through one step."""
    a, other, w = Vector.base("a_i"), Vector.base("a_j"), Vector.base("w")
    target, residual = sp.symbols("b r", real=True)
    moved = w - ALPHA * residual * a
    orthonormal = {norm2(a): sp.Integer(1), inner(other, a): sp.Integer(0)}
    own = (inner(a, moved) - target).xreplace(orthonormal)
    return Derivation(
        (
            define("r = a_i.w - b, w+ = w - alpha r a_i, |a_i| = 1, <a_i, a_j> = 0"),
            show_equal(
                "the residual drawn shrinks by 1 - alpha",
                own.subs(target, inner(a, w) - residual),
                (1 - ALPHA) * residual,
            ),
            show_equal(
                "the others stay",
                inner(other, moved).xreplace(orthonormal),
                inner(other, w),
                name="<a_j, w> after the step",
            ),
            show_less(
                "the printed rate is no smaller",
                (1 - (2 * ALPHA - ALPHA**2) / SAMPLES),
                RHO.xreplace({MU: sp.Integer(1), SMOOTH: sp.Integer(1)}),
                {SAMPLES: sp.Integer(1)},
            ),
            show_with(
                "each f_i is drawn with probability 1/N",
                claim.formula,
                {FACTOR: (1 - ALPHA) ** 2 / SAMPLES + 1 - 1 / SAMPLES},
            ),
        )
    )


def factors(claim: Claim, count: int, alpha: Fraction, start: tuple[int, ...]) -> list[tuple[float, float]]:
    """Return the factor as claimed and as enumerated, for each of three steps."""
    axes = tuple(tuple(int(i == j) for j in range(count)) for i in range(count))
    wells = SeparableQuadratics(axes, ((0,) * count,) * count)
    tree = sgd_tree(wells, tuple(Fraction(s) for s in start), alpha, steps=3)
    losses = [expectation(level, wells.mean_value) for level in tree]
    claimed = float(claim.bound({ALPHA: float(alpha), SAMPLES: count}))
    return [(claimed, float(after / before)) for before, after in pairwise(losses)]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Enumerate trees for N = 1, ..., 5 at four learning rates."""
    cases = [(n, Fraction(k, 5)) for n in range(1, 6) for k in (1, 2, 3, 4)]
    pairs = [pair for n, alpha in cases for pair in factors(claim, n, alpha, tuple(range(1, n + 1)))]
    found = max(abs(claimed - seen) for claimed, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest difference claimed - enumerated {found:.2g}",
        contradicted=found > 1e-12,
        error_bar="1e-12 (rounding of the claimed value)",
        cases=len(cases),
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="factor of a step", title="Every step contracts by the claimed factor"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """N up to 4, alpha = k/20, integer starts."""
    return st.integers(1, 4).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(1, 19), st.tuples(*[st.integers(1, 5)] * n))
    )


def holds(claim: Claim, case: tuple[int, int, tuple[int, ...]]) -> bool:
    """Compare with one tree."""
    count, twentieths, start = case
    pairs = factors(claim, count, Fraction(twentieths, 20), start)
    return all(abs(claimed - seen) < 1e-12 for claimed, seen in pairs)


FALSE_TWINS = (
    FalseTwin("the printed rate", {"claim": factor_is(1 - 2 * ALPHA / SAMPLES + ALPHA**2)}),
    FalseTwin("as for gradient descent", {"claim": factor_is((1 - ALPHA / SAMPLES) ** 2)}),
)

THEOREM = Theorem(
    name="orthonormal_contraction",
    source=Source(PAPER, "Theorem 3.1", "exact oracle: N orthonormal quadratics"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_linear_neighbourhood", "noise_floor_two_wells"),
)
