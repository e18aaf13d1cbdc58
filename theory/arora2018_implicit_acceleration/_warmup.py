"""Symbols and helpers of section 3's pages: a vector w_1 times a scalar w_2, in every dimension."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Kind, Step, equate, show_with
from odeflow.symbolic.inner_products import Base, Vector, Word, inner, linear_in_words, norm2

__all__ = [
    "END",
    "FIRST",
    "FIRST_AFTER",
    "GRADIENT",
    "LAYERS",
    "NOW",
    "SECOND",
    "SECOND_AFTER",
    "SLOPE",
    "STEP",
    "after_one_step",
    "show_derivative",
    "show_words",
    "word",
]

STEP = sp.Symbol("eta", positive=True)
SECOND, SECOND_AFTER = sp.Symbol("w_2", real=True, nonzero=True), sp.Symbol("w_2^+", real=True, nonzero=True)
FIRST, GRADIENT, NOW = Vector.base("w_1"), Vector.base("g"), Vector.base("w")
SLOPE = inner(FIRST, GRADIENT)  # dL/dw_2
FIRST_AFTER = FIRST - STEP * SECOND * GRADIENT
END = Word((), Base("w^+"))


def word(name: str) -> Word:
    """Return a base vector as an atom of an equation.

    Examples
    --------
    >>> word("g")
    g
    """
    return Word((), Base(name))


LAYERS: dict[sp.Basic, sp.Expr] = {
    SECOND_AFTER: SECOND - STEP * SLOPE,
    word("w"): SECOND * word("w_1"),
    norm2(NOW): SECOND**2 * norm2(FIRST),
    inner(NOW, GRADIENT): SECOND * SLOPE,
}
"""What the quantities of the product are in terms of the layers; w = w_2 w_1, one step of gradient descent."""


def after_one_step() -> Vector:
    """Return w^+ = w_2^+ w_1^+ in terms of w_1, w_2 and g."""
    moved: Vector = FIRST_AFTER * LAYERS[SECOND_AFTER]
    return moved


def show_derivative(title: str, function: sp.Expr, variable: sp.Symbol, value: sp.Expr, order: int = 1) -> Step:
    """Compute a derivative; the step states it as such."""
    derivative = sp.Derivative(function, (variable, order))
    known = {derivative: sp.powsimp(derivative.doit())}
    return show_with(title, equate(derivative, value), known)


def show_words(title: str, formula: sp.Equality, known: Mapping[sp.Basic, sp.Expr]) -> Step:
    """Compute that two vectors agree, coefficient by coefficient, once `known` replaces their symbols."""
    rest = linear_in_words(sp.expand((formula.lhs - formula.rhs).xreplace(dict(known)).xreplace(dict(LAYERS))))
    left_over = {w: sp.factor(c) for w, c in rest.items() if sp.cancel(sp.together(c)) != 0}
    status = Status.UNDECIDED if left_over else Status.HOLDS
    detail = f"left over: {left_over}" if left_over else "every coefficient cancels"
    return Step(title, formula, Kind.COMPUTED, Decision(status, "linear algebra in symbolic dimension", detail))
