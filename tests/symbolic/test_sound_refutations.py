"""Attacks on the exact layer: a refutation needs a point of the domain, a chain a sign, an identity a meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest
import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import Decision, Status, decide_nonnegative, decide_zero
from odeflow.symbolic.derivations import chain, gronwall, show_less, show_violated
from odeflow.symbolic.inner_products import Operator, Vector, linear_in_words, norm2
from theory.bu2021_dynamical_view import gradient_flow_sharp_rate, heavy_ball_two_forms, weight_oracle

x, y = sp.symbols("x y", positive=True)
k = sp.Symbol("k", integer=True, positive=True)
H, U, V = Operator("H", symmetric=True), Vector.base("u"), Vector.base("v")


def test_a_polynomial_that_is_negative_only_between_integers_is_not_refuted_on_the_integers() -> None:
    assert decide_nonnegative((2 * k - 3) * (k - 1)).status is Status.UNDECIDED


def test_a_polynomial_that_is_negative_at_an_integer_is_refuted_there() -> None:
    decision = decide_nonnegative((2 * k - 3) * (k - 4))
    assert decision.status is Status.FAILS
    assert decision.witness[k] in (2, 3)


def test_cauchy_schwarz_between_powers_of_one_operator_is_not_refuted() -> None:
    # |Hu|^4 <= |u|^2 |H^2 u|^2 is true: the three squared norms are not independent numbers
    gap = norm2(U) * norm2(H @ (H @ U)) - norm2(H @ U) ** 2
    assert decide_nonnegative(gap).status is Status.UNDECIDED


def test_squared_norms_of_different_vectors_are_independent() -> None:
    assert decide_nonnegative(norm2(H @ U) - norm2(V)).status is Status.FAILS


def test_a_witness_below_zero_refutes_nothing_about_a_positive_symbol() -> None:
    assert decide_nonnegative(x + 5, {x: sp.Integer(-10)}).status is Status.UNDECIDED


def test_bounds_that_exclude_each_other_refute_nothing() -> None:
    assert decide_nonnegative(y - x, {x: y + 1, y: x + 1}).status is not Status.FAILS


def test_a_single_negative_monomial_in_two_symbols_is_refuted() -> None:
    assert decide_nonnegative(-x * y).status is Status.FAILS


@pytest.mark.parametrize("decide", [decide_zero, decide_nonnegative])
@pytest.mark.parametrize("expression", [sp.Float(0.5) - x / x, sp.Float(1e-17) * x, sp.oo, sp.nan])
def test_floats_and_infinities_are_never_decided(
    decide: Callable[[sp.Expr], Decision], expression: sp.Expr
) -> None:
    assert decide(expression).status is Status.UNDECIDED


def test_an_identity_over_a_denominator_that_vanishes_identically_is_not_proved() -> None:
    one = sp.cos(x) ** 2 + sp.sin(x) ** 2 - 1
    assert decide_zero(one / (sp.cos(y) ** 2 + sp.sin(y) ** 2 - 1)).status is Status.UNDECIDED
    assert decide_zero(x / one).status is Status.UNDECIDED


def test_an_identity_on_negative_numbers_is_not_refuted_on_positive_ones() -> None:
    negative = sp.Symbol("n", negative=True)
    # n/(1 + n^2) lies in [-1/2, 0) there, so its floor is -1
    assert decide_zero(sp.floor(negative / (1 + negative**2)) + 1).status is Status.UNDECIDED


def test_a_chain_towards_a_negative_number_proves_nothing() -> None:
    # from z <= -1 nobody may conclude z <= -2, though -1/-2 <= 1
    z = sp.Symbol("z", real=True)
    bound = show_less("z is at most -1", sp.Integer(-3), sp.Integer(-1))
    step = chain("wrong", sp.Le(z, -2, evaluate=False), sp.Integer(-1), from_=[bound])
    assert step.decision.status is Status.UNDECIDED


def test_a_chain_towards_a_difference_of_unknown_sign_proves_nothing() -> None:
    z = sp.Symbol("z", real=True)
    bound = show_less("a bound", sp.Integer(0), x)
    step = chain("wrong", sp.Le(z, 2 * (x - y), evaluate=False), x - y, from_=[bound])
    assert step.decision.status is Status.UNDECIDED


def test_a_chain_with_a_domain_that_makes_the_right_side_positive_is_accepted() -> None:
    z = sp.Symbol("z", real=True)
    bound = show_less("a bound", sp.Integer(0), x)
    step = chain("right", sp.Le(z, 2 * (x - y), evaluate=False), x - y, from_=[bound], lower={x: y})
    assert step.decision.status is Status.HOLDS


@pytest.mark.parametrize("value", [sp.Integer(-1), sp.Float(0.5), sp.oo, sp.zoo, sp.Symbol("a", real=True)])
def test_an_instance_outside_the_domain_violates_nothing(value: sp.Expr) -> None:
    formula = sp.Ge(x, 1 + x**2, evaluate=False)
    assert show_violated("no instance", formula, {x: value}).decision.status is Status.UNDECIDED


def test_an_equation_is_not_violated_where_it_has_no_value() -> None:
    z = sp.Symbol("z", real=True)
    formula = sp.Eq(1 / z, 2 / z - 1 / z, evaluate=False)
    assert show_violated("at 0", formula, {z: sp.Integer(0)}).decision.status is Status.UNDECIDED


def test_a_chain_proves_nothing_about_a_multiple_of_the_quantity_that_was_bounded() -> None:
    loss, start = sp.Function("L", nonnegative=True)(x), sp.Function("L", nonnegative=True)(0)
    decay = show_less("the loss falls", -y, sp.Integer(0))
    integrated = gronwall(decay, loss, start, sp.Integer(2), x)
    bound = sp.exp(-2 * x) * start
    right = chain("right", sp.Le(loss, bound, evaluate=False), bound, from_=[decay, integrated])
    wrong = chain("wrong", sp.Le(3 * loss, bound, evaluate=False), bound, from_=[decay, integrated])
    other = chain("other", sp.Le(y, bound, evaluate=False), bound, from_=[decay, integrated])
    assert right.decision.status is Status.HOLDS
    assert wrong.decision.status is Status.UNDECIDED
    assert other.decision.status is Status.UNDECIDED


def test_a_sharper_page_is_not_proved_when_only_its_left_hand_side_grows() -> None:
    theorem = gradient_flow_sharp_rate.THEOREM
    formula = theorem.claim.formula
    thrice = replace(theorem.claim, formula=sp.Le(3 * formula.lhs, formula.rhs, evaluate=False))
    assert theorem.derive is not None
    assert theorem.derive(thrice).judge(thrice.formula).status is Status.UNDECIDED


def test_a_vector_equation_with_a_scalar_part_is_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        linear_in_words((H @ U).as_expr() + 1)
    with pytest.raises(InvalidArgumentError):
        linear_in_words(U.as_expr() * V.as_expr())


@pytest.mark.parametrize("page", [heavy_ball_two_forms, weight_oracle])
def test_vector_pages_do_not_prove_their_claim_plus_a_number(page: ModuleType) -> None:
    theorem = page.THEOREM
    formula = theorem.claim.formula
    shifted = replace(theorem.claim, formula=sp.Eq(formula.lhs, formula.rhs + 1, evaluate=False))
    with pytest.raises(InvalidArgumentError):
        theorem.derive(shifted)
