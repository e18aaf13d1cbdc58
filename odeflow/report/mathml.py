"""Formulas as MathML, which browsers draw without a script; the text form goes along for those who cannot see it."""

from __future__ import annotations

import sympy as sp

from odeflow.markup import mathml
from odeflow.report.maths import one_line, prose
from odeflow.symbolic.quantities import Quantity

__all__ = ["display", "inline"]


def display(formula: sp.Basic) -> str:
    """Return a formula set on a line of its own, wide ones in a box that scrolls.

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x", positive=True)
    >>> display(sp.Le(x, 1, evaluate=False)).endswith("<mo>&#x02264;</mo><mn>1</mn></mrow></math></div>")
    True
    """
    return f'<div class="formula" tabindex="0" role="group" aria-label="formula">{_math(formula, "block")}</div>'


def inline(formula: sp.Basic) -> str:
    """Return a formula within a sentence."""
    return _math(formula, "inline")


def _math(formula: sp.Basic, mode: str) -> str:
    written = formula
    if isinstance(formula, sp.core.relational.Relational) and isinstance(formula.lhs, Quantity):
        written = formula.func(Quantity(prose(formula.lhs.name)), formula.rhs, evaluate=False)
    return mathml(sp.latex(written, fold_frac_powers=True), block=mode == "block", text=one_line(formula))
