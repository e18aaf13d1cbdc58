"""Spectra, matrices and unit vectors are what was asked for, reach the corners, and shrink to readable ones."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from odeflow.errors import InvalidArgumentError
from odeflow.strategies import (
    integer_matrices,
    psd_matrices,
    rational_psd_matrices,
    rational_rotations,
    rational_spectra,
    rationals,
    rotations,
    spectra,
    unit_vectors,
)

SEARCH = settings(max_examples=2000, database=None, derandomize=True)
EIGENVALUE_ERROR = 1e-13
"""Of the largest eigenvalue: rotations, product and eigensolver of a matrix up to 4 x 4 round a few dozen times."""
ANGLE_ERROR = 1e-9
"""Radians: a row at the smallest angle allowed is at it up to rounding of its chord."""


def hit(strategy: st.SearchStrategy[Any], condition: Any) -> Any:
    """Find a value without shrinking it."""
    return find(strategy, condition, settings=settings(SEARCH, phases=[Phase.generate]))


def smallest(strategy: st.SearchStrategy[Any], condition: Any = lambda value: True) -> Any:
    return find(strategy, condition, settings=SEARCH)


# --- spectra --------------------------------------------------------------------------------------------------------


@given(spectra(lower=0.5, upper=8.0, condition=4.0, singular=True, confluent=[1.0]))
def test_spectra_keep_range_condition_and_order(s: np.ndarray) -> None:
    positive = s[s > 0.0]
    assert (np.diff(s) >= 0.0).all()
    assert (positive >= 0.5).all()
    assert (positive <= 8.0).all()
    assert positive.size == 0 or positive[-1] / positive[0] <= 4.0


@given(spectra(3, distinct=True, singular=True, condition=1.00001))
def test_distinct_spectra_are_distinct_even_in_a_narrow_range(s: np.ndarray) -> None:
    assert len(set(s)) == 3


@given(spectra(3, lower=2.0, upper=2.0))
def test_a_range_of_one_value_is_that_value(s: np.ndarray) -> None:
    assert s.tolist() == [2.0, 2.0, 2.0]


def test_spectra_shrink_to_ones_and_small_whole_numbers() -> None:
    assert smallest(spectra()).tolist() == [1.0]
    assert smallest(spectra(3)).tolist() == [1.0, 1.0, 1.0]
    assert smallest(spectra(lower=2.5, upper=9.0)).tolist() == [3.0]
    assert smallest(spectra(3, distinct=True)).tolist() == [1.0, 2.0, 3.0]
    assert smallest(spectra(3), lambda s: len(set(s)) == 2).tolist() == [1.0, 1.0, 2.0]
    assert smallest(spectra(singular=True), lambda s: s[0] == 0.0 < s[-1]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "corner",
    [
        lambda s: s.size == 1,
        lambda s: s.size > 1 and s[0] == 0.0 and s[-1] == 0.0,  # rank 0
        lambda s: s.size == 4 and s[1] == 0.0 < s[2],  # rank 2 of 4
        lambda s: s.size == 3 and 0.0 < s[0] < s[1] == s[2],  # repeated above
        lambda s: s.size == 3 and 0.0 < s[0] == s[1] < s[2],  # repeated below
        lambda s: (np.abs(np.diff(s)) > 0.0).any() and (np.diff(s) <= 2e-8 * s[1:])[s[:-1] > 0.0].any(),  # close
        lambda s: s[-1] == 100.0 > s[0] > 0.0,
        lambda s: s[0] == 0.01 < s[-1],
        lambda s: s[0] > 0.0 and s[-1] / s[0] == 10_000.0,
    ],
)  # fmt: skip
def test_spectra_reach_the_corners(corner: Any) -> None:
    hit(spectra(singular=True), corner)


@pytest.mark.parametrize("side", [-1, 0, 1])
def test_confluent_values_are_met_and_approached_from_both_sides(side: int) -> None:
    critical = 2.25  # (b/2)^2 of heavy ball with damping 3

    def near(s: np.ndarray) -> bool:
        gaps = s - critical
        return bool(((np.sign(gaps) == side) & (np.abs(gaps) <= 3e-8)).any())

    hit(spectra(confluent=[critical], singular=True), near)


def test_a_condition_number_is_attained_and_never_exceeded_by_rounding() -> None:
    hit(spectra(2, condition=3.0), lambda s: s[0] != 1.0 and s[1] / s[0] == 3.0)
    least, condition = 3.76, 9.2
    assert least * condition / least > condition  # the product is rounded up
    narrow = spectra(2, lower=least, condition=condition)
    hit(narrow, lambda s: s[0] == least and s[1] == np.nextafter(least * condition, 0.0))
    with pytest.raises(NoSuchExample):
        find(narrow, lambda s: s[1] / s[0] > condition, settings=settings(SEARCH, max_examples=500))


def test_rational_spectra_are_exact_sorted_and_shrink_to_ones() -> None:
    assert smallest(rational_spectra()) == (1,)
    assert smallest(rational_spectra(3, distinct=True)) == (1, 2, 3)
    assert smallest(rational_spectra(singular=True), lambda s: len(s) == 3 and s[1] == 0) == (0, 0, 0)
    assert smallest(rational_spectra(2), lambda s: s[0] == s[1] != 1) == (2, 2)
    # all of the four rationals of a set, in order
    four = rational_spectra(4, lower=Fraction(1, 2), upper=2, max_denominator=2, distinct=True)
    assert smallest(four) == (sp.Rational(1, 2), 1, sp.Rational(3, 2), 2)


@given(rational_spectra(singular=True, lower=Fraction(2, 5), upper=2, max_denominator=2))
def test_rational_spectra_keep_range_and_denominators(s: tuple[sp.Rational, ...]) -> None:
    assert list(s) == sorted(s)
    assert all(v == 0 or (v >= sp.Rational(2, 5) and v <= 2) for v in s)
    assert all(isinstance(v, sp.Rational) and v.q <= 2 for v in s)


def test_rationals_shrink_to_whole_numbers_near_zero() -> None:
    assert smallest(rationals()) == 0
    assert smallest(rationals(), lambda q: q < 0) == -1
    assert smallest(rationals(2, 5)) == 2
    assert smallest(rationals(), lambda q: q.q == 3) == sp.Rational(1, 3)


# --- matrices -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 4).flatmap(rotations))
def test_rotations_are_orthogonal_with_determinant_one(Q: np.ndarray) -> None:
    np.testing.assert_allclose(Q @ Q.T, np.eye(len(Q)), atol=1e-14)  # six plane rotations
    assert np.linalg.det(Q) > 0.99


def test_rotations_shrink_to_the_identity_and_reach_a_quarter_turn_of_every_plane() -> None:
    assert smallest(rotations(3)).tolist() == np.eye(3).tolist()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        hit(rotations(3), lambda Q, i=i, j=j: abs(Q[i, j]) > 0.9)


@given(st.integers(1, 3).flatmap(rational_rotations))
def test_rational_rotations_are_orthogonal_exactly(Q: sp.ImmutableMatrix) -> None:
    assert (Q * Q.T - sp.eye(Q.rows)).is_zero_matrix
    assert Q.det() == 1
    assert all(entry.is_Rational for entry in Q)


def test_rational_rotations_shrink_to_the_identity_and_reach_a_quarter_turn() -> None:
    assert smallest(rational_rotations(3)) == sp.eye(3)
    assert smallest(rational_rotations(2), lambda Q: Q[0, 0] == 0) in (
        sp.Matrix([[0, -1], [1, 0]]), sp.Matrix([[0, 1], [-1, 0]])
    )  # fmt: skip


@given(spectra(singular=True, condition=100.0).flatmap(lambda s: st.tuples(st.just(s), psd_matrices(s))))
def test_psd_matrices_are_symmetric_and_have_the_spectrum(case: tuple[np.ndarray, np.ndarray]) -> None:
    s, H = case
    assert (H == H.T).all()
    np.testing.assert_allclose(np.linalg.eigvalsh(H), s, atol=EIGENVALUE_ERROR * s[-1])


def test_psd_matrices_shrink_to_the_diagonal_and_are_not_all_diagonal() -> None:
    assert smallest(psd_matrices()).tolist() in ([[1.0]], [[0.0]])
    assert smallest(psd_matrices([3.0, 1.0, 2.0])).tolist() == [[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    hit(psd_matrices(spectra(2, distinct=True)), lambda H: abs(H[0, 1]) > 0.1)


def test_psd_matrices_reach_rank_deficiency_and_multiples_of_the_identity() -> None:
    hit(psd_matrices(), lambda H: len(H) == 3 and np.linalg.matrix_rank(H) == 1 and H[0, 1] != 0.0)
    hit(psd_matrices(), lambda H: len(H) == 3 and H[0, 0] > 0.0 and np.allclose(H, H[0, 0] * np.eye(3), rtol=1e-14))
    hit(psd_matrices(), lambda H: len(H) == 3 and (H == 0.0).all())
    singular = hit(psd_matrices([0.0, 1.0]), lambda H: (H != 0.0).all())
    assert abs(np.linalg.det(singular)) < 1e-15  # exact arithmetic would give 0


@given(rational_spectra(singular=True).flatmap(lambda s: st.tuples(st.just(s), rational_psd_matrices(s))))
def test_rational_psd_matrices_have_exactly_the_spectrum(case: tuple[tuple[sp.Rational, ...], sp.Matrix]) -> None:
    s, H = case
    z = sp.Symbol("z")
    assert H == H.T
    assert sp.expand(H.charpoly(z).as_expr() - sp.prod(z - value for value in s)) == 0


def test_rational_psd_matrices_shrink_to_the_diagonal() -> None:
    assert smallest(rational_psd_matrices([1, Fraction(1, 2)])) == sp.diag(1, sp.Rational(1, 2))
    H = hit(rational_psd_matrices(rational_spectra(2, singular=True)), lambda H: H[0, 1] != 0 and H.rank() == 1)
    assert H.det() == 0


@pytest.mark.parametrize(
    "strategy", [psd_matrices(st.just(np.array([-1.0]))), rational_psd_matrices(st.just((sp.Integer(-1),)))]
)  # fmt: skip
def test_a_strategy_of_negative_eigenvalues_is_refused_when_drawn_from(strategy: st.SearchStrategy[Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="eigenvalues >= 0"):
        smallest(strategy)


@given(integer_matrices(2, 3, bound=2))
def test_integer_matrices_keep_their_bound(A: np.ndarray) -> None:
    assert A.shape == (2, 3)
    assert A.dtype == np.int64
    assert np.abs(A).max() <= 2


def test_integer_matrices_shrink_to_zero() -> None:
    assert smallest(integer_matrices(2, 2)).tolist() == [[0, 0], [0, 0]]
    assert smallest(integer_matrices(1, 1), lambda A: A[0, 0] < 0).tolist() == [[-1]]


# --- unit vectors ---------------------------------------------------------------------------------------------------


def smallest_angle(X: np.ndarray) -> float:
    """By arctan of sine over cosine, which resolves every angle (Kahan); the strategy compares chords."""
    angles = [
        math.atan2(np.linalg.norm(x - (x @ y) * y), abs(x @ y)) for i, x in enumerate(X) for y in X[:i]
    ]  # fmt: skip
    return min(angles, default=math.pi / 2)


SIZES = [(1, 1, 0.5), (1, 3, 1e-3), (2, 2, math.pi / 2), (3, 2, 1.0), (7, 2, math.pi / 7), (4, 4, 1.5), (9, 3, 0.7)]


@pytest.mark.parametrize(("n", "d", "separation"), SIZES)
def test_unit_vectors_have_unit_norm_and_the_angle_asked_for(n: int, d: int, separation: float) -> None:
    @settings(max_examples=40)
    @given(unit_vectors(n, d, separation=separation))
    def check(X: np.ndarray) -> None:
        assert X.shape == (n, d)
        np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1.0, rtol=1e-14)  # rounding of one normalisation
        assert smallest_angle(X) >= separation - ANGLE_ERROR

    check()


def test_unit_vectors_shrink_to_axes() -> None:
    assert smallest(unit_vectors(1, 2)).tolist() == [[1.0, 0.0]]
    assert smallest(unit_vectors(3, 3)).tolist() == np.eye(3).tolist()


def test_unit_vectors_reach_almost_parallel_obtuse_and_negative_rows() -> None:
    hit(unit_vectors(2, 2, separation=1e-3), lambda X: smallest_angle(X) < 0.02)
    hit(unit_vectors(2, 2), lambda X: X[0] @ X[1] < -0.7)
    hit(unit_vectors(1, 1), lambda X: X[0, 0] == -1.0)
    hit(unit_vectors(3, 2, separation=1.0), lambda X: abs(X[0, 1]) > 0.1)  # not only the regular fan


def test_no_two_unit_vectors_are_parallel_even_without_a_separation() -> None:
    with pytest.raises(NoSuchExample):
        find(
            unit_vectors(2, 2, separation=0.0),
            lambda X: np.array_equal(X[0], X[1]) or np.array_equal(X[0], -X[1]),
            settings=settings(SEARCH, max_examples=500),
        )


def test_equal_rows_are_parallel_even_where_their_product_rounds_below_one() -> None:
    from odeflow.strategies._data import _are_separated

    row = np.array([0.28, 0.96]) / np.linalg.norm([0.28, 0.96]) * (1 - 2**-53)
    assert row @ row < 1.0
    assert not _are_separated(np.array([row, row]), 0.0)
    assert not _are_separated(np.array([row, -row]), 0.0)
