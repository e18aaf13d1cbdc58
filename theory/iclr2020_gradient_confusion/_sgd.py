"""SGD under a confusion bound: the symbols of section 3, the one-step descent, and small trees enumerated exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Step, assume, define, infer, show_equal, show_less
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.symbolic.sgd_trees import Point, SeparableQuadratics, Tree, confusion_along, expectation, sgd_tree
from odeflow.theorem import Claim, Evidence

__all__ = [
    "ALPHA",
    "CURVED",
    "ETA",
    "FIRST_GAP",
    "LAST_GAP",
    "LEAST_GRADIENT",
    "MU",
    "MU_MEAN",
    "SAMPLES",
    "SMOOTH",
    "START_GAP",
    "STEPS",
    "SYMBOLS",
    "TreeCase",
    "descent",
    "exact_bound",
    "followed",
    "random_cases",
    "tree_cases",
    "tree_evidence",
    "tree_holds",
]

SAMPLES, STEPS = sp.symbols("N T", positive=True, integer=True)
SMOOTH, MU, MU_MEAN, ALPHA = sp.symbols("L mu mu_F alpha", positive=True)
ETA = sp.Symbol("eta", nonnegative=True)
LAST_GAP = sp.Symbol("E[F(w_T)] - F*", nonnegative=True)
START_GAP = sp.Symbol("F(w_0) - F*", nonnegative=True)
FIRST_GAP = sp.Symbol("F(w_1) - F*", nonnegative=True)
LEAST_GRADIENT = sp.Symbol("min_k E|grad F(w_k)|^2", nonnegative=True)
CURVED = sp.Symbol("q", positive=True)
"""q = 2 - N L alpha, positive exactly when alpha < 2/(N L); L = (2 - q)/(N alpha)."""

SYMBOLS: dict[sp.Basic, str] = {
    SAMPLES: "number of functions f_i",
    STEPS: "number of steps",
    SMOOTH: "smoothness of every f_i (A1)",
    MU: "Polyak-Lojasiewicz constant of every f_i (A2)",
    MU_MEAN: "Polyak-Lojasiewicz constant of F",
    ALPHA: "learning rate, below 2/(N L)",
    ETA: "confusion bound along the path",
    LAST_GAP: "expected suboptimality after T steps",
    START_GAP: "suboptimality at the start w_0",
    FIRST_GAP: "suboptimality at the first iterate w_1",
    LEAST_GRADIENT: "least expected squared gradient over w_1, ..., w_T",
}


def descent() -> list[Step]:
    """Return the steps to F(w+) <= F - (alpha/N - L alpha^2/2)|g_i|^2 + alpha (N-1) eta/N, for every drawn i."""
    g, rest = Vector.base("g_i"), Vector.base("rest")
    mean = (g + rest) / SAMPLES
    coefficient = ALPHA / SAMPLES - SMOOTH * ALPHA**2 / 2
    return [
        assume("A1: f_i(w') <= f_i(w) + <grad f_i(w), w' - w> + (L/2)|w' - w|^2 for every i, hence for F"),
        assume("<g_i, g_j> >= -eta for i != j at every point of the path, g_i = grad f_i; alpha < 2/(N L)"),
        define("one step with f_i: w+ = w - alpha g_i; grad F = (g_i + rest)/N, rest = sum_{j != i} g_j"),
        show_equal(
            "A1 at w+: -alpha <grad F, g_i> + (L alpha^2/2)|g_i|^2, with the square split off",
            inner(mean, g) * -ALPHA + SMOOTH * ALPHA**2 / 2 * norm2(g),
            -coefficient * norm2(g) - ALPHA / SAMPLES * inner(g, rest),
        ),
        infer("<g_i, rest> is a sum of N - 1 inner products, so it is at least -(N-1) eta"),
        show_equal(
            "alpha/N - L alpha^2/2 = alpha q/(2N) with q = 2 - N L alpha > 0",
            coefficient,
            ALPHA * (2 - SAMPLES * SMOOTH * ALPHA) / (2 * SAMPLES),
        ),
        show_less(
            "the paper rounds (N-1)/N up to 1",
            ALPHA * ETA * (SAMPLES - 1) / SAMPLES,
            ALPHA * ETA,
        ),
    ]


@dataclass(frozen=True)
class TreeCase:
    """Quadratics, a start, a learning rate below 2/(N L) and the full tree of SGD from there."""

    functions: SeparableQuadratics
    step: Fraction
    tree: Tree

    def values(self, level: int) -> dict[sp.Basic, sp.Expr]:
        """Return the exact values of the symbols for the first `level` steps of the tree."""
        (start,) = self.tree[0]
        f = self.functions
        gap = f.mean_value(start) - f.minimum
        eta = confusion_along(f, self.tree[: max(level, 1)])
        numbers = {
            SAMPLES: f.count,
            STEPS: level,
            SMOOTH: f.smoothness,
            MU: f.gradient_domination,
            MU_MEAN: f.mean_gradient_domination,
            ALPHA: self.step,
            ETA: eta,
            START_GAP: gap,
            FIRST_GAP: gap,
        }
        return {symbol: sp.Rational(str(number)) for symbol, number in numbers.items()}

    def gap(self, level: int) -> Fraction:
        """Return E[F(w_k)] - F* after `level` steps."""
        return expectation(self.tree[level], self.functions.mean_value) - self.functions.minimum

    def least_gradient(self, count: int) -> Fraction:
        """Return min E|grad F|^2 over the first `count` iterates, the start included."""
        return min(expectation(self.tree[k], self.functions.mean_gradient_squared) for k in range(count))


def followed(case: tuple[Any, ...]) -> TreeCase:
    """Build the tree of a case (curvatures, centres, start, share, steps), alpha = share * 2/(N L)."""
    curvatures, centres, start, share, steps = case
    functions = SeparableQuadratics(curvatures, centres)
    step = Fraction(share) * 2 / (functions.count * functions.smoothness)
    place: Point = functions.minimiser if start is None else tuple(Fraction(w) for w in start)
    return TreeCase(functions, step, sgd_tree(functions, place, step, steps=steps))


def exact_bound(claim: Claim, values: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    """Return the right-hand side of the claim at exact values."""
    bound = claim.formula.rhs.xreplace(values)
    assert bound.is_Rational, f"{bound} is not an exact rational"
    return bound


def random_cases(seed: int, count: int) -> list[tuple[Any, ...]]:
    """Return `count` random cases, after four that are extreme: two wells from their mean, and axes of R^N."""
    rng = np.random.default_rng(seed)
    tenth, half = Fraction(1, 10), Fraction(1, 2)
    axes = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    cases: list[tuple[Any, ...]] = [
        (((1,), (1,)), ((1,), (-1,)), None, tenth, 4),
        (((1,), (1,)), ((1,), (-1,)), None, half, 4),
        (axes, ((0, 0, 0),) * 3, (1, 1, 1), half, 3),
        (((1,),), ((0,),), (1,), tenth, 4),
    ]
    for _ in range(count):
        n, d = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        curvatures = tuple(tuple(int(c) for c in rng.integers(1, 4, d)) for _ in range(n))
        centres = tuple(tuple(int(c) for c in rng.integers(-2, 3, d)) for _ in range(n))
        start = tuple(int(c) for c in rng.integers(-3, 4, d))
        cases.append((curvatures, centres, start, Fraction(int(rng.integers(1, 10)), 10), 3))
    return cases


def tree_cases() -> st.SearchStrategy[tuple[Any, ...]]:
    """Separable quadratics with small integers, alpha a fraction of 2/(N L), and up to three steps."""

    def of_size(n: int, d: int) -> st.SearchStrategy[tuple[Any, ...]]:
        rows, places = st.tuples(*[st.integers(1, 4)] * d), st.tuples(*[st.integers(-3, 3)] * d)
        share = st.integers(1, 19).map(lambda k: Fraction(k, 20))
        return st.tuples(st.tuples(*[rows] * n), st.tuples(*[places] * n), places, share, st.integers(1, 3))

    return st.tuples(st.integers(1, 3), st.integers(1, 2)).flatmap(lambda size: of_size(*size))


def tree_evidence(claim: Claim, seed: int, observed: Callable[[TreeCase, int], Fraction], words: str) -> Evidence:
    """Enumerate 28 trees of SGD in rational arithmetic and hold `observed` after every step against the bound."""
    cases = random_cases(seed, 24)
    found = [pair for case in cases for pair in _sides(claim, case, observed)]
    worst = max(seen - bound for bound, seen in found)
    tightest = float(max(seen / bound for bound, seen in found if bound > 0))
    return Evidence.measured(
        claim,
        f"largest {words} - bound {float(worst):.3g}, largest {words}/bound {tightest:.3f}",
        contradicted=bool(worst > 0),
        error_bar="exact (all N^T paths in rationals)",
        cases=len(cases),
        seed=seed,
        picture=against_claim(
            [float(bound) for bound, _ in found],
            [float(seen) for _, seen in found],
            what=words,
            title="After every step of every tree: below the bound",
            log=True,
        ),
    )


def tree_holds(claim: Claim, case: tuple[Any, ...], observed: Callable[[TreeCase, int], Fraction]) -> bool:
    """Check the bound exactly on one tree."""
    return all(seen <= bound for bound, seen in _sides(claim, case, observed))


def _sides(
    claim: Claim, case: tuple[Any, ...], observed: Callable[[TreeCase, int], Fraction]
) -> list[tuple[sp.Expr, sp.Expr]]:
    """Return bound and observed value after every step of one tree."""
    tree = followed(case)
    steps = range(1, len(tree.tree))
    return [(exact_bound(claim, tree.values(k)), sp.Rational(str(observed(tree, k)))) for k in steps]
