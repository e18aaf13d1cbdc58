"""What a step computes, by its name or as a question: SymPy evaluates as it builds, and `1 = 1` tells nobody anything.

`Quantity("det H")` stands for a number that has been computed; a `Limit`, `Subs`, `Determinant` or `Derivative` that is
left unevaluated asks for it, and `worked_out` answers.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = ["Quantity", "named", "worked_out"]

_QUESTIONS = (sp.Limit, sp.Subs, sp.Determinant, sp.Derivative)
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "_{}%#&$"} | {"\\": "/", "^": r"\^{}"})


class Quantity(sp.Symbol):  # type: ignore[misc]
    """A computed quantity under its name in words, which is printed upright and never split into letter and index.

    Examples
    --------
    >>> sp.Eq(Quantity("det H"), 0, evaluate=False)
    Eq(det H, 0)
    >>> sp.latex(Quantity("w_1(0)"))
    '\\\\text{w\\\\_1(0)}'
    """

    def _latex(self, printer: Any) -> str:
        return rf"\text{{{self.name.translate(_SPECIAL)}}}"


def named(name: str, computed: sp.Basic) -> sp.Basic:
    """Return a computed expression under its name; as it is if it has none, or holds a float, which must stay in sight.

    Examples
    --------
    >>> named("det H", sp.Integer(0)), named("", sp.Integer(0)), named("det H", sp.Float(1)).has(sp.Float)
    (det H, 0, True)
    """
    return Quantity(name) if name and not computed.has(sp.Float) else computed


def worked_out(expression: sp.Expr) -> sp.Expr:
    """Evaluate the limits, substitutions, determinants and derivatives that an expression asks for.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> worked_out(1 + sp.Limit(sp.sin(x) / x, x, 0) + sp.Subs(x**2, x, 3))
    11
    >>> f = sp.Function("f")(x)
    >>> worked_out(sp.Derivative(x * f, x))
    x*Derivative(f(x), x) + f(x)
    """
    if not expression.has(*_QUESTIONS):
        return expression
    return expression.replace(lambda part: isinstance(part, _QUESTIONS), lambda part: part.doit())
