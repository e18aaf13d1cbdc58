"""Conjunctions and implications: when they are proved by definitions and when an instance violates them."""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import equate, negation, show_violated, show_with

X, Y = sp.symbols("x y", real=True)
S = sp.Symbol("s", positive=True)
BOTH = sp.And(equate(X, S), sp.Le(Y, S, evaluate=False), evaluate=False)
IF = sp.Implies(sp.Gt(X, 0, evaluate=False), sp.Gt(Y, 0, evaluate=False), evaluate=False)


def test_a_conjunction_holds_only_if_every_part_does():
    assert show_with("both", BOTH, {X: S, Y: S / 2}).decision.status is Status.HOLDS
    assert show_with("one part false", BOTH, {X: S, Y: 2 * S}).decision.status is Status.FAILS
    assert show_with("one part open", BOTH, {X: S}).decision.status is Status.UNDECIDED


def test_a_conjunction_is_violated_by_one_false_part():
    step = show_violated("y > s", BOTH, {X: sp.Integer(1), S: sp.Integer(1), Y: sp.Integer(2)})
    assert step.decision.holds
    assert step.formula == negation(BOTH)
    assert not show_violated("both true", BOTH, {X: sp.Integer(1), S: sp.Integer(1), Y: sp.Integer(1)}).decision.holds


def test_an_implication_is_violated_only_where_its_premise_is_true():
    assert show_violated("true premise", IF, {X: sp.Integer(1), Y: sp.Integer(0)}).decision.holds
    assert not show_violated("false premise", IF, {X: sp.Integer(0), Y: sp.Integer(0)}).decision.holds
    assert not show_violated("open premise", IF, {Y: sp.Integer(0)}).decision.holds
    assert not show_violated("true conclusion", IF, {X: sp.Integer(1), Y: sp.Integer(1)}).decision.holds


def test_other_formulas_are_left_undecided():
    assert show_with("implication", IF, {}).decision.status is Status.UNDECIDED
    assert not show_violated("disjunction", sp.Or(X > 0, Y > 0), {X: sp.Integer(-1), Y: sp.Integer(-1)}).decision.holds
