"""Exact arithmetic gives the same answers with and without flint, and never accepts a float."""

from __future__ import annotations

from fractions import Fraction

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
