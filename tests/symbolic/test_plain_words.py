"""Words of a sentence about formulas: no Python, no SymPy, no number that fills a page."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.symbolic.instances import violation
from odeflow.symbolic.plain_words import assignments, in_words

X, Y = sp.symbols("x y", real=True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (sp.Eq(X, 0, evaluate=False), "x = 0"),
        (sp.Ne(X, 0, evaluate=False), "x != 0"),
        (sp.Implies(sp.Ge(X, 3), sp.Or(sp.Lt(Y, 2), sp.Gt(Y, 5))), "x >= 3 => (y > 5 or y < 2)"),
        (sp.Not(sp.Implies(X > 1, Y > 2, evaluate=False)), "not (x > 1 => y > 2)"),
        (sp.Equivalent(X > 1, Y > 2, evaluate=False), "x > 1 <=> y > 2"),
        (sp.ImmutableMatrix([[1, X], [sp.Rational(1, 2), 0]]), "[[1, x], [1/2, 0]]"),
        (3 * sp.exp(2) + sp.E, "e + 3*e^(2)"),
        (sp.Rational(1, 3), "1/3"),
        (sp.Integer(7) ** 900, "about 3.875e+760"),
        (sum((X**k for k in range(30)), sp.S.Zero), None),
    ],
)
def test_formulas_are_written_as_in_a_sentence(value: sp.Basic, words: str | None) -> None:
    assert in_words(value) == (str(value) if words is None else words)


@given(st.integers(10**50, 10**60), st.integers(10**50, 10**60))
def test_a_long_number_is_rounded_and_says_so(above: int, below: int) -> None:
    value = sp.Rational(above, below)
    words = in_words(value)
    if len(str(value)) >= 48:
        assert words.startswith("about ")
        assert abs(float(words.removeprefix("about ")) / float(value) - 1.0) < 1e-3


def test_a_violation_says_about_how_much_and_decides_exactly() -> None:
    tiny = sp.Rational(1, 10**80)
    false, words = violation(sp.Le(X, 1, evaluate=False), {X: 1 + tiny})
    assert (false, words) == (True, "the sides differ by about 1.000e-80")
    assert violation(sp.Le(X, 1, evaluate=False), {X: 1 - tiny})[0] is False


def test_a_witness_is_told_by_name() -> None:
    assert assignments({X: sp.Integer(2), "w": sp.Matrix([[1]])}) == "x = 2, w = [[1]]"
