"""Formulas and values within a sentence: relations as they are written, matrices by rows, long numbers rounded.

Only words are made here. What is decided, and the witness that goes with it, stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

__all__ = ["assignments", "in_words"]

_SIGNS = {"==": "=", "!=": "!=", "<=": "<=", ">=": ">=", "<": "<", ">": ">"}
_LONG = 48
"""Characters from which on a number is told by four digits."""


def in_words(value: Any) -> str:
    """Write a formula or a value as it stands in a sentence.

    A number that takes 48 characters or more is rounded to four digits, and the word "about" says so.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> in_words(sp.And(sp.Eq(x, 0, evaluate=False), sp.Le(y, 1, evaluate=False)))
    'x = 0 and y <= 1'
    >>> in_words(sp.Matrix([[1, -2], [3, 1]])), in_words(sp.Rational(10**50 + 1, 10**48))
    ('[[1, -2], [3, 1]]', 'about 100.0')
    """
    text = str(_Plain().doprint(value)) if isinstance(value, (sp.Basic, sp.MatrixBase)) else str(value)
    if len(text) < _LONG or not isinstance(value, sp.Expr) or not value.is_number:
        return text
    rounded = value.evalf(4)
    return f"about {rounded}".lower() if rounded.is_Float else text


def assignments(witness: Mapping[Any, Any]) -> str:
    """Write values by their names, such as a witness.

    Examples
    --------
    >>> assignments({sp.Symbol("r"): sp.Rational(1, 2), sp.Symbol("t"): sp.Integer(0)})
    'r = 1/2, t = 0'
    """
    return ", ".join(f"{in_words(name)} = {in_words(value)}" for name, value in witness.items())


class _Plain(StrPrinter):  # type: ignore[misc]
    """SymPy's words, but relations with their signs and matrices by rows."""

    def _print_Relational(self, expr: Any) -> str:
        return f"{self._print(expr.lhs)} {_SIGNS[expr.rel_op]} {self._print(expr.rhs)}"

    def _print_And(self, expr: Any) -> str:
        return " and ".join(self._grouped(a) for a in sorted(expr.args, key=sp.default_sort_key))

    def _print_Or(self, expr: Any) -> str:
        return " or ".join(self._grouped(a) for a in sorted(expr.args, key=sp.default_sort_key))

    def _print_Implies(self, expr: Any) -> str:
        return " => ".join(self._grouped(a) for a in expr.args)

    def _print_Equivalent(self, expr: Any) -> str:
        return " <=> ".join(self._grouped(a) for a in sorted(expr.args, key=sp.default_sort_key))

    def _print_Not(self, expr: Any) -> str:
        return f"not ({self._print(expr.args[0])})"

    def _print_MatrixBase(self, expr: Any) -> str:
        return str([[_Written(self._print(entry)) for entry in row] for row in expr.tolist()])

    def _print_Exp1(self, expr: Any) -> str:
        return "e"

    def _print_exp(self, expr: Any) -> str:
        return f"e^({self._print(expr.args[0])})"

    def _grouped(self, expr: Any) -> str:
        text = str(self._print(expr))
        return f"({text})" if isinstance(expr, (sp.And, sp.Or, sp.Implies, sp.Equivalent)) else text


class _Written(str):
    """Text that stands in a list without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
