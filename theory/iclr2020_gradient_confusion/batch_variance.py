r"""Section 2, mini-batches, corrected: Var<a, b> = 2 g'Sg/B + tr(S^2)/B^2 for two independent batches of size B.

Assumptions
-----------
a and b are means of B gradients each, drawn independently; a single gradient has mean g and covariance S.

Source
------
Corrects "Gradient Confusion" (2020), section 2: "the variance of the gradient inner product scales down as 1/B^2".

Idea of the proof
-----------------
E<a, b> = |g|^2. E<a, b>^2 = sum_pq E[a_p a_q] E[b_p b_q], and E[a_p a_q] = S_pq/B + g_p g_q.

Deviations from the paper
-------------------------
1/B^2 is right only where g = 0 (or S g = 0): `batch_variance_printed`.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

BATCH = sp.Symbol("B", positive=True, integer=True)
VARIANCE_OF_PRODUCT = sp.Symbol("Var<a, b>", nonnegative=True)
ALONG = sp.Symbol("g^T S g", nonnegative=True)
SQUARE = sp.Symbol("tr S^2", nonnegative=True)


def variance_is(value: sp.Expr) -> Claim:
    """Return the claim Var<a, b> = value."""
    return Claim(
        "The inner product of two independent mini-batch gradients has variance 2 g'Sg/B + tr(S^2)/B^2.",
        equate(VARIANCE_OF_PRODUCT, value),
        ("batches of B independent draws each", "a gradient has mean g and covariance S"),
        {
            VARIANCE_OF_PRODUCT: "variance of the inner product of two batch gradients",
            BATCH: "size of a mini-batch",
            ALONG: "g^T S g, variance along the mean gradient",
            SQUARE: "trace of S^2",
        },
    )


CLAIM = variance_is(2 * ALONG / BATCH + SQUARE / BATCH**2)


def derive(claim: Claim) -> Derivation:
    """Expand one term of the sum over coordinates p, q, then sum."""
    s, p, q = sp.symbols("S_pq g_p g_q", real=True)
    power = sp.Symbol("|g|^4", nonnegative=True)
    term = (s / BATCH + p * q) ** 2
    second_moment = SQUARE / BATCH**2 + 2 * ALONG / BATCH + power
    return Derivation(
        (
            assume("the two batches are independent; draws within a batch are independent"),
            infer("covariance of a mean of B independent draws: E[a_p a_q] = S_pq/B + g_p g_q, and the same for b"),
            infer("<a, b>^2 = sum_pq a_p a_q b_p b_q, and a, b are independent: E<a, b>^2 = sum_pq E[a_p a_q]^2"),
            show_equal(
                "one term", term, s**2 / BATCH**2 + 2 * s * p * q / BATCH + p**2 * q**2,
            ),
            define("sum_pq S_pq^2 = tr S^2, sum_pq S_pq g_p g_q = g^T S g, sum_pq g_p^2 g_q^2 = |g|^4"),
            infer("E<a, b> = |g|^2"),
            show_with("subtract the squared mean", claim.formula, {VARIANCE_OF_PRODUCT: second_moment - power}),
        )
    )  # fmt: skip


def exact_values(gradients: Any, batch: int) -> dict[sp.Basic, sp.Expr]:
    """Return every quantity of the claim in rationals, the variance by enumerating all pairs of batches."""
    rows = [tuple(Fraction(x) for x in g) for g in gradients]
    count, size = len(rows), len(rows[0])
    mean = [sum((g[p] for g in rows), Fraction(0)) / count for p in range(size)]
    covariance = [
        [sum((g[p] * g[q] for g in rows), Fraction(0)) / count - mean[p] * mean[q] for q in range(size)]
        for p in range(size)
    ]
    sums = [
        [sum((g[p] for g in drawn), Fraction(0)) / batch for p in range(size)] for drawn in product(rows, repeat=batch)
    ]
    values = [sum(x * y for x, y in zip(a, b, strict=True)) for a in sums for b in sums]
    first = sum(values, Fraction(0)) / len(values)
    second = sum((v * v for v in values), Fraction(0)) / len(values)
    along = sum(mean[p] * covariance[p][q] * mean[q] for p in range(size) for q in range(size))
    square = sum(covariance[p][q] ** 2 for p in range(size) for q in range(size))
    numbers = {VARIANCE_OF_PRODUCT: second - first**2, ALONG: along, SQUARE: square, BATCH: Fraction(batch)}
    return {symbol: sp.Rational(str(number)) for symbol, number in numbers.items()}


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 20000 pairs of batches of Gaussian gradients for B = 1, 10, 100."""
    rng = np.random.default_rng(seed)
    factor, g = rng.standard_normal((3, 3)), rng.standard_normal(3)
    covariance, draws = factor @ factor.T, 20_000
    off, words, found = 0.0, [], []
    for batch in (1, 10, 100):
        # the mean of B normal gradients is normal with covariance S/B
        a, b = (g + rng.standard_normal((draws, 3)) @ factor.T / np.sqrt(batch) for _ in range(2))
        products = (a * b).sum(axis=1)
        claimed = float(claim.bound({ALONG: g @ covariance @ g, SQUARE: (covariance**2).sum(), BATCH: batch}))
        centred = products - products.mean()
        error = float(np.sqrt(((centred**2) ** 2).mean() - (centred**2).mean() ** 2)) / np.sqrt(draws)
        found.append((claimed, float(products.var()), error))
        off = max(off, abs(float(products.var()) - claimed) / error)
        words.append(f"B = {batch}: {products.var():.4g} against {claimed:.4g}")
    bounds, seen, errors = np.array(found).T
    return Evidence.measured(
        claim,
        "; ".join(words),
        contradicted=off > 5.0,
        error_bar=f"worst difference {off:.1f} standard errors of the sample variance",
        cases=3 * draws,
        seed=seed,
        picture=along(
            (1, 10, 100),
            seen,
            bounds,
            title="The variance falls with the batch as claimed",
            xlabel="batch size B",
            ylabel="variance of <g_A, g_B>",
            xscale="log",
            yscale="log",
            interval=(seen - errors, seen + errors),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Two or three integer gradients of the plane and a batch of 1 or 2."""
    vector = st.tuples(st.integers(-3, 3), st.integers(-3, 3))
    return st.tuples(st.lists(vector, min_size=2, max_size=3), st.integers(1, 2))


def holds(claim: Claim, case: Any) -> bool:
    """Enumerate all pairs of batches in rationals."""
    values = exact_values(*case)
    return bool(sp.expand((claim.formula.lhs - claim.formula.rhs).xreplace(values)) == 0)


FALSE_TWINS = (
    FalseTwin("without the factor 2", {"claim": variance_is(ALONG / BATCH + SQUARE / BATCH**2)}),
    FalseTwin("everything over B^2", {"claim": variance_is((2 * ALONG + SQUARE) / BATCH**2)}),
)

THEOREM = Theorem(
    name="batch_variance",
    source=Source(PAPER, "Section 2, mini-batches", "the exact variance"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("batch_variance_printed",),
)
