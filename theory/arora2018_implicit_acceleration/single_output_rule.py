r"""Claim 2, (12), (13): with one output, depth scales the gradient by |w|^{2-2/N}, its projection on w by N more.

Assumptions
-----------
k = 1, any d, any N >= 1; w = W_e' != 0 (at w = 0 both rules stand still for N >= 2, and both are gradient descent for
N = 1 with |0|^0 = 1).

Source
------
Arora, Cohen and Hazan (2018), Claim 2, (12), (13); Appendix A.3.

Idea of the proof
-----------------
W W' = |w|^2 is a number, and [W'W]^x = |w|^{2x-2} w w' for x > 0, the identity for x = 0. The term j = N is
|w|^{2-2/N} g; each of the other N - 1 is |w|^{2(j-1)/N} |w|^{2(N-j)/N-2} <g, w> w, in which j cancels.

Deviations from the paper
-------------------------
None: all N at once. The weight decay term of (12) is that of (10).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    define,
    equate,
    infer,
    show_equal,
    show_with,
)
from odeflow.symbolic.inner_products import Base, Vector, Word, inner, linear_in_words, norm2
from odeflow.symbolic.preconditioners import DEPTH, LAYER
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER
from theory.arora2018_implicit_acceleration.preconditioner_summands import gram_powers

W, G = Vector.base("w"), Vector.base("g")
SQUARE, ALONG = norm2(W), inner(G, W)
TRANSFORMED = Word((), Base("P{g}"))


def transformed_is(value: sp.Expr) -> Claim:
    """Return the claim that depth turns the gradient g at w into `value`."""
    return Claim(
        "With one output, depth N turns g into |w|^(2-2/N) (g + (N - 1) <g, w> w/|w|^2).",
        equate(TRANSFORMED, value),
        ("one output, k = 1", "N >= 1", "w is not 0"),
        {
            TRANSFORMED: "sum of (10) over the layers, applied to the gradient",
            Word((), Base("w")): "end-to-end weights",
            Word((), Base("g")): "gradient of the loss there",
            DEPTH: "number of layers",
        },
    )


def rule(amplified: sp.Expr, power: sp.Expr = 2 - 2 / DEPTH) -> sp.Expr:
    """Return |w|^power (g + amplified Pr_w g) as an expression in words."""
    return SQUARE ** (power / 2) * (G.as_expr() + amplified * ALONG / SQUARE * W.as_expr())


CLAIM = transformed_is(rule(DEPTH - 1))


def derive(claim: Claim) -> Derivation:
    """Evaluate the fractional powers of the rank-one matrix W'W and of the number WW'."""
    x = sp.Symbol("x", positive=True)
    each = SQUARE ** ((LAYER - 1) / DEPTH) * SQUARE ** ((DEPTH - LAYER) / DEPTH - 1)
    top = SQUARE ** ((DEPTH - 1) / DEPTH)
    total = top * G.as_expr() + (DEPTH - 1) * SQUARE ** (-1 / DEPTH) * ALONG * W.as_expr()
    power = show_equal("so [W'W]^x is |w|^{2x-2} w w': on w it is |w|^{2x}", SQUARE ** (x - 1) * SQUARE, SQUARE**x)
    cancels = show_equal("terms j < N: the coefficient of <g, w> w does not depend on j", each, SQUARE ** (-1 / DEPTH))
    return Derivation(
        (
            assume("k = 1 and w is not 0; [.]^0 = I"),
            define("W W' is the number |w|^2"),
            define("W'W is w w': |w|^2 on w, 0 on its complement"),
            power,
            cancels,
            infer("N - 1 equal terms, and for j = N the term |w|^{2-2/N} g", from_=[power, cancels]),
            show_with("added", claim.formula, {TRANSFORMED: total}),
        )
    )


def claimed(claim: Claim, w: np.ndarray, g: np.ndarray, depth: int) -> np.ndarray:
    """Evaluate the claimed vector in floats."""
    values = {SQUARE: sp.Float(float(w @ w), 17), ALONG: sp.Float(float(g @ w), 17), DEPTH: sp.Integer(depth)}
    parts = {str(word): float(c.xreplace(values)) for word, c in linear_in_words(claim.formula.rhs).items()}
    result: np.ndarray = parts.get("g", 0.0) * g + parts.get("w", 0.0) * w
    return result


def simulate(claim: Claim, seed: int) -> Evidence:
    """Sum (10) layer by layer with fractional powers from the SVD, d = 1, ..., 5 and N = 1, ..., 6."""
    rng = np.random.default_rng(seed)
    gaps = list[float]()
    for d in range(1, 6):
        for depth in range(1, 7):
            w, g = rng.standard_normal((2, d))
            left, right = gram_powers(w[None, :], depth)
            total = sum((left(j - 1) @ g[None, :] @ right(depth - j))[0] for j in range(1, depth + 1))
            gaps.append(float(np.abs(total - claimed(claim, w, g, depth)).max() / np.abs(total).max()))
    worst, cases = max(gaps), len(gaps)
    return Evidence.measured(
        claim,
        f"(10) and (12) differ by at most {worst:.2g}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=cases,
        seed=seed,
        picture=departures(
            gaps, 1e-12, title="With one output (10) is (12)", ylabel="relative difference", of="rounding"
        ),
    )


def domain() -> st.SearchStrategy[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Integer w != 0 and g in up to three dimensions, N = 1, ..., 5."""
    entries = st.integers(1, 3).flatmap(
        lambda d: st.tuples(st.tuples(*[st.integers(-4, 4)] * d), st.tuples(*[st.integers(-4, 4)] * d))
    )
    return st.tuples(entries, st.integers(1, 5)).map(lambda c: (*c[0], c[1])).filter(lambda c: any(c[0]))


def holds(claim: Claim, case: tuple[tuple[int, ...], tuple[int, ...], int]) -> bool:
    """Compare (10) with the claim exactly, in radicals: [W'W]^x = |w|^{2x-2} w w' is checked by its N-th power."""
    w, g, depth = sp.Matrix(case[0]), sp.Matrix(case[1]), case[2]
    square = (w.T * w)[0, 0]
    root = sp.Symbol("q", positive=True)  # q^N = |w|^2
    power = [sp.eye(w.rows)] + [root**x / square * w * w.T for x in range(1, depth + 1)]
    total = sum((root ** (j - 1) * power[depth - j] * g for j in range(1, depth + 1)), sp.zeros(w.rows, 1))
    values = {SQUARE: root**depth, ALONG: (g.T * w)[0, 0], DEPTH: sp.Integer(depth)}
    parts = {str(word): c.xreplace(values) for word, c in linear_in_words(claim.formula.rhs).items()}
    gap = total - parts.get("g", 0) * g - parts.get("w", 0) * w
    exact = gap.applyfunc(lambda e: sp.expand(sp.powsimp(sp.expand(e))).subs(root, square ** sp.Rational(1, depth)))
    return all(sp.expand(e) == 0 for e in exact)


FALSE_TWINS = (
    FalseTwin("projection amplified by N + 1 in all", {"claim": transformed_is(rule(DEPTH)), "derive": None}),
    FalseTwin(
        "|w|^{2/N} instead of |w|^{2-2/N}", {"claim": transformed_is(rule(DEPTH - 1, 2 / DEPTH)), "derive": None}
    ),
    FalseTwin("no projection, seen by numbers alone", {"claim": transformed_is(rule(sp.Integer(0))), "derive": None}),
)

THEOREM = Theorem(
    name="single_output_rule",
    source=Source(PAPER, "Claim 2, (12), (13)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_eigenvalues", "depth_condition_number"),
)
