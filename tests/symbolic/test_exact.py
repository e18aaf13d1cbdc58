"""Exact arithmetic gives the same answers with and without flint, and never accepts a float."""

from __future__ import annotations

import itertools
from fractions import Fraction

import flint
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic import exact
from odeflow.symbolic.exact import characteristic_polynomial, is_positive_semidefinite, points_between_roots

rationals = st.fractions(-3, 3, max_denominator=6)


@st.composite
def square_matrices(draw: st.DrawFn) -> list[list[Fraction]]:
    n = draw(st.integers(1, 5))
    return [[draw(rationals) for _ in range(n)] for _ in range(n)]


@given(square_matrices())
def test_characteristic_polynomial_agrees_with_sympy(rows: list[list[Fraction]]) -> None:
    x = sp.Symbol("x")
    expected = sp.Matrix([[sp.Rational(e.numerator, e.denominator) for e in row] for row in rows]).charpoly(x)
    found = [sp.Rational(c.numerator, c.denominator) for c in characteristic_polynomial(rows)]
    assert found == expected.all_coeffs()


@given(square_matrices())
def test_the_pure_python_route_agrees_with_flint(rows: list[list[Fraction]]) -> None:
    pytest.importorskip("flint")
    with_flint = characteristic_polynomial(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "FLINT", None)
        assert characteristic_polynomial(rows) == with_flint


@given(square_matrices(), st.integers(0, 5))
def test_gram_matrices_are_semidefinite_and_stop_being_so_when_lowered(rows: list[list[Fraction]], k: int) -> None:
    n = len(rows)
    kept = min(k, n)  # rank at most `kept`: singular matrices are the hard case for floats
    gram = [[sum((rows[i][p] * rows[j][p] for p in range(kept)), Fraction(0)) for j in range(n)] for i in range(n)]
    assert is_positive_semidefinite(gram)
    lowered = [[gram[i][j] - (Fraction(1, 10**12) if i == j else 0) for j in range(n)] for i in range(n)]
    if kept < n:
        assert not is_positive_semidefinite(lowered)


def test_a_float_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"Expected an exact rational but got 0\.5"):
        characteristic_polynomial([[0.5]])


def test_unsymmetric_and_ragged_matrices_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="symmetric"):
        is_positive_semidefinite([[1, 2], [3, 1]])
    with pytest.raises(InvalidArgumentError, match="square"):
        characteristic_polynomial([[1, 2]])


@given(st.lists(st.fractions(-4, 4, max_denominator=8), min_size=1, max_size=5), st.booleans())
def test_one_point_lies_in_every_gap_between_roots(roots: list[Fraction], irrational: bool) -> None:
    x = sp.Symbol("x")
    expression = sp.prod([x - sp.Rational(r.numerator, r.denominator) for r in roots]) * (
        (x**2 - 2) if irrational else 1
    )
    exact_roots = sorted(set(sp.roots(sp.Poly(sp.expand(expression), x))), key=sp.default_sort_key)
    exact_roots = sorted(exact_roots, key=lambda r: float(r))
    points = [sp.Rational(p.numerator, p.denominator) for p in points_between_roots(sp.Poly(sp.expand(expression), x))]
    assert len(points) == len(exact_roots) + 1
    for left, root, right in zip(points, exact_roots, points[1:], strict=False):
        assert left < root < right


def test_touching_isolating_intervals_are_refined() -> None:
    x = sp.Symbol("x")
    points = points_between_roots(sp.Poly(x * (x - sp.Rational(1, 10**9)), x))
    assert 0 < points[1] < Fraction(1, 10**9)


def separated(points: list[Fraction], polynomial: sp.Poly) -> list[int]:
    """Count the distinct real roots below, between and above the points, by Sturm's theorem."""
    cuts = [None, *(sp.Rational(p.numerator, p.denominator) for p in points), None]
    free = polynomial.sqf_part()
    return [free.count_roots(a, b) for a, b in itertools.pairwise(cuts)]


@given(
    st.lists(st.integers(-9, 9), min_size=2, max_size=7).filter(lambda c: c[0] != 0),
    st.lists(st.fractions(-2, 2, max_denominator=9), max_size=3),
)
def test_balls_and_continued_fractions_separate_the_same_roots(coefficients: list[int], roots: list[Fraction]) -> None:
    x = sp.Symbol("x")
    polynomial = sp.Poly(coefficients, x)
    for root in roots:
        polynomial *= sp.Poly(x - sp.Rational(root.numerator, root.denominator), x) ** 2
    with_balls = points_between_roots(polynomial)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "FLINT", None)
        without = points_between_roots(polynomial)
    assert len(with_balls) == len(without)
    if polynomial.degree() > 0:
        assert separated(with_balls, polynomial) == separated(without, polynomial)
        assert set(separated(with_balls, polynomial)[1:-1]) <= {1}


def test_roots_closer_than_double_precision_are_separated() -> None:
    x, gap = sp.Symbol("x"), sp.Rational(1, 10**40)
    polynomial = sp.Poly((x - 1) * (x - 1 - gap) * (x**2 - 2), x)
    points = points_between_roots(polynomial)
    # below -sqrt 2 there is no root and the first point; each of the four roots then has a gap of its own
    assert separated(points, polynomial) == [0, 1, 1, 1, 1, 0]


class LossyBalls:
    """A ball arithmetic that loses the second root."""

    fmpq = staticmethod(lambda *parts: flint.fmpq(*parts))

    class fmpz_poly:
        def __init__(self, coefficients: list[int]) -> None:
            self.exact = flint.fmpz_poly(coefficients)

        def degree(self) -> int:
            return int(self.exact.degree())

        def complex_roots(self) -> list[object]:
            return [root for k, root in enumerate(self.exact.complex_roots()) if k != 1]

        def __call__(self, at: object) -> object:
            return self.exact(at)


def test_balls_that_the_signs_do_not_confirm_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    x = sp.Symbol("x")
    polynomial = sp.Poly((x - 1) * (x - 2) * (x - 3), x)
    monkeypatch.setattr(exact, "FLINT", LossyBalls)
    assert separated(points_between_roots(polynomial), polynomial) == [0, 1, 1, 1, 0]
