"""A decision HOLDS only when it is true, FAILS only with a witness, and says UNDECIDED otherwise."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.symbolic.decisions import Status, decide_nonnegative, decide_positive_semidefinite, decide_zero
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2

X = sp.Symbol("x", nonnegative=True)
Y, Z = sp.symbols("y z", positive=True)
FREE = sp.Symbol("f", real=True)
small = st.integers(-4, 4)


@given(st.lists(small, min_size=1, max_size=5), st.fractions(0, 3, max_denominator=4))
def test_a_shifted_square_is_decided_exactly_at_its_touching_point(coefficients: list[int], gap: object) -> None:
    square = sum(c * X**k for k, c in enumerate(coefficients)) ** 2
    assert decide_nonnegative(square).status is Status.HOLDS
    decision = decide_nonnegative(square - sp.Rational(str(gap)))
    if decision.status is Status.FAILS:
        assert (square - sp.Rational(str(gap))).subs(decision.witness) < 0
    else:
        assert decision.status is Status.HOLDS


@given(st.lists(small, min_size=2, max_size=6))
def test_univariate_decisions_agree_with_dense_sampling(coefficients: list[int]) -> None:
    polynomial = sum((c * X**k for k, c in enumerate(coefficients)), sp.Integer(0))
    decision = decide_nonnegative(polynomial)
    samples = [polynomial.subs(X, sp.Rational(k, 16)) for k in range(200)]
    if decision.status is Status.HOLDS:
        assert min(samples) >= 0
    else:
        assert decision.status is Status.FAILS
        assert polynomial.subs(decision.witness) < 0


@pytest.mark.parametrize("epsilon", [sp.Rational(1, 10**k) for k in (3, 6, 9, 12)])
def test_a_certificate_one_epsilon_beyond_the_truth_is_refused(epsilon: sp.Rational) -> None:
    matrix = sp.Matrix([[Y, Z], [Z, Z**2 / Y - epsilon * Z**2 / Y]])
    assert decide_positive_semidefinite(matrix.subs(epsilon, 0)).status is not Status.HOLDS
    exact = sp.Matrix([[Y, Z], [Z, Z**2 / Y]])
    assert decide_positive_semidefinite(exact).status is Status.HOLDS


def test_a_lower_bound_that_names_another_symbol_is_respected() -> None:
    assert decide_nonnegative(X - Y**2, {X: Y**2}).holds
    failing = decide_nonnegative(X - 2 * Y**2, {X: Y**2})
    assert failing.status is Status.FAILS
    assert (X - 2 * Y**2).subs(failing.witness) < 0
    assert failing.witness[X] >= failing.witness[Y] ** 2


def test_an_unknown_domain_is_undecided_not_guessed() -> None:
    assert decide_nonnegative(FREE**2 + FREE).status is Status.UNDECIDED


def test_mixed_signs_in_three_symbols_are_undecided_or_refuted_with_a_witness() -> None:
    decision = decide_nonnegative((X - Y) ** 2 + (Y - Z) ** 2)
    assert decision.status is Status.UNDECIDED
    false = decide_nonnegative(X + Y - 3 * Z)
    assert false.status is Status.FAILS
    assert (X + Y - 3 * Z).subs(false.witness) < 0


def test_semidefinite_needs_every_sum_of_minors() -> None:
    assert decide_positive_semidefinite(sp.Matrix([[1, 2], [2, 1]])).status is Status.FAILS
    assert decide_positive_semidefinite(sp.Matrix([[0, 1], [1, 5]])).status is Status.FAILS
    assert decide_positive_semidefinite(sp.diag(1, -1, -1)).status is Status.FAILS
    assert decide_positive_semidefinite(sp.zeros(3)).status is Status.HOLDS
    assert decide_positive_semidefinite(sp.Matrix([[1, 2], [0, 1]])).status is Status.UNDECIDED


@pytest.mark.parametrize(
    "identity",
    [
        sp.cosh(Y) ** 2 - sp.sinh(Y) ** 2 - 1,
        sp.exp(Y + Z) - sp.exp(Y) * sp.exp(Z),
        sp.sqrt(Y + 1) ** 3 - (Y + 1) * sp.sqrt(Y + 1),
        sp.sin(2 * Y) - 2 * sp.sin(Y) * sp.cos(Y),
        sp.gamma(Y + 1) - Y * sp.gamma(Y),
        Y ** (Z + 1) / Y - Y**Z,
    ],
)
def test_true_identities_are_decided(identity: sp.Expr) -> None:
    assert decide_zero(identity).holds
    assert decide_zero(identity + sp.Rational(1, 10**9)).status is Status.FAILS


def test_a_false_identity_between_inner_products_comes_with_realisable_vectors() -> None:
    H, u, v = Operator("H", symmetric=True), Vector.base("u"), Vector.base("v")
    decision = decide_zero(inner(H @ u, v) - inner(u, v))
    assert decision.status is Status.FAILS
    assert {str(k) for k in decision.witness} >= {"u", "v", "H"}
    assert decide_zero(norm2(u + v) - norm2(u) - 2 * inner(u, v) - norm2(v)).holds


def test_a_false_vector_equation_with_inner_products_has_a_witness() -> None:
    u, v = Vector.base("u"), Vector.base("v")
    right, wrong = inner(u, v) * u.as_expr(), inner(u, v) * v.as_expr()
    assert decide_zero(right - inner(v, u) * u.as_expr()).holds
    refuted = decide_zero(right - wrong)
    assert refuted.status is Status.FAILS
    assert refuted.witness


def test_entries_of_a_sequence_are_no_independent_symbols() -> None:
    x, m = sp.IndexedBase("x", real=True), sp.Symbol("m", integer=True, positive=True)
    i, j = sp.symbols("i j", integer=True, positive=True)
    same = sp.Sum(x[i], (i, 1, m)) - sp.Sum(x[j], (j, 1, m))
    assert decide_zero(same).status is not Status.FAILS
