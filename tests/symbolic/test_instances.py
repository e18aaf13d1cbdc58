"""A formula at an exact instance: true, false, excluded by its premise, or about other quantities."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.symbolic.decisions import Status
from odeflow.symbolic.instances import decide_at, violation

x, y = sp.symbols("x y", real=True)
n = sp.Symbol("n", integer=True, positive=True)
f = sp.Function("f")
RELATIONS = (sp.Le, sp.Lt, sp.Ge, sp.Gt, sp.Eq)


@given(st.sampled_from(RELATIONS), st.fractions(-5, 5), st.fractions(-5, 5))
def test_numbers_decide_as_python_compares_them(relation: type[sp.Basic], left: object, right: object) -> None:
    a, b = (sp.Rational(q.numerator, q.denominator) for q in (left, right))
    formula = relation(x + 1, y, evaluate=False)
    compare = {sp.Le: "__le__", sp.Lt: "__lt__", sp.Ge: "__ge__", sp.Gt: "__gt__", sp.Eq: "__eq__"}[relation]
    truth = getattr(left + 1, compare)(right)
    found = decide_at(formula, {x: a, y: b})
    assert found.status is (Status.HOLDS if truth else Status.FAILS)
    assert violation(formula, {x: a, y: b})[0] is not truth


@pytest.mark.parametrize(
    ("formula", "instance"),
    [
        (sp.Le(y, 2), {x: sp.Integer(1)}),
        (sp.Le(y, x), {x: sp.Integer(1)}),
        (sp.Eq(f(x), x, evaluate=False), {x: sp.Integer(1)}),
        (sp.And(sp.Le(x, 2), sp.Le(y, 2)), {x: sp.Integer(1)}),
        (sp.Implies(sp.Gt(y, 0), sp.Le(x, 0), evaluate=False), {x: sp.Integer(1)}),
    ],
)
def test_what_the_instance_does_not_settle_speaks_of_other_quantities(
    formula: sp.Basic, instance: dict[sp.Basic, sp.Expr]
) -> None:
    found = decide_at(formula, instance)
    assert found.status is Status.UNDECIDED
    assert "other quantities" in found.detail


def test_a_relation_that_holds_for_every_value_of_what_is_left_free_stands() -> None:
    free = sp.Symbol("m", positive=True)
    assert decide_at(sp.Le(x, 2 + free, evaluate=False), {x: sp.Integer(1)}).holds
    assert decide_at(sp.Eq(x * free, free, evaluate=False), {x: sp.Integer(1)}).holds
    assert decide_at(sp.Le(x, free, evaluate=False), {x: sp.Integer(1)}).status is Status.UNDECIDED


def test_an_implication_stands_where_its_premise_is_false_and_falls_where_only_its_conclusion_is() -> None:
    formula = sp.Implies(sp.Gt(x, 0), sp.Gt(y, 0), evaluate=False)
    at = [{x: sp.Integer(a), y: sp.Integer(b)} for a, b in ((-1, -1), (1, 1), (1, -1))]
    assert [decide_at(formula, i).status.name for i in at] == ["HOLDS", "HOLDS", "FAILS"]
    assert "excludes" in decide_at(formula, at[0]).detail


def test_no_verdict_from_a_float_or_from_a_value_outside_of_a_symbols_domain() -> None:
    assert decide_at(sp.Le(x, 2), {x: sp.Float(1.0)}).status is Status.UNDECIDED
    assert decide_at(sp.Le(n, 2), {n: sp.Rational(1, 2)}).status is Status.UNDECIDED
    assert decide_at(sp.Ne(x, 2), {x: sp.Integer(1)}).status is Status.UNDECIDED
