"""Formulas as MathML, which browsers draw without a script; the text form goes along for those who cannot see it."""

from __future__ import annotations

import re
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter, translate
from sympy.printing.pretty.pretty_symbology import greek_unicode

from odeflow.markup import mathml
from odeflow.report.maths import one_line, prose, shortened
from odeflow.symbolic.quantities import Quantity

__all__ = ["display", "inline"]

_SIMPLE = re.compile(r"([A-Za-z]+)('*)(?:_(\{[^{}]*\}|\w+))?('*)")
_INDEXED = re.compile(r"(?<![A-Za-z])([^\W\d_])_([a-z]{1,2}|[0-9])(?![A-Za-z0-9])")
_LOWERED = dict(zip("aehijklmnoprstuvx0123456789", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₀₁₂₃₄₅₆₇₈₉", strict=True))
_IN_TEXT = str.maketrans({"{": "(", "}": ")", "\\": "/"})  # the converter ends a text at the first brace


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
    latex = _Letters({"fold_frac_powers": True, "inv_trig_style": "full"}).doprint(formula)
    drawn = mathml(latex, block=mode == "block", text=prose(one_line(formula)))
    return drawn.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1)  # HTML knows it


def _word(letters: str) -> str:
    """Return a name's letters: a Greek one, a single one, one with a hat; words stand upright."""
    if letters in greek_unicode or len(letters) == 1 or re.fullmatch(r"[A-Za-z]hat", letters):
        return str(translate(letters))
    if letters == "inf":
        return r"\infty"
    return letters if letters.isdecimal() else rf"\text{{{letters}}}"


def _below(index: str) -> str:
    parts = [p for p in re.split(r"[_,\s]", index.strip("{}")) if p]
    if len(parts) > 1 and all(p.isalpha() and p not in greek_unicode for p in parts):
        return rf"\text{{{' '.join(parts)}}}"
    return ",".join(p if len(p) <= 2 or not p.isalpha() else _word(p) for p in parts)


def _name(name: str) -> str:
    """Return LaTeX of a symbol's name: letter and index, or else the words that it is."""
    simple = _SIMPLE.fullmatch(name)
    if simple is None:
        return _upright(name)
    head, before, index, after = simple.groups()
    return _word(head) + (f"_{{{_below(index)}}}" if index else "") + (before + after)


def _upright(words: str) -> str:
    """Return words as text, their indices lowered where Unicode has them."""
    lowered = _INDEXED.sub(_lower, prose(words))
    return rf"\text{{{lowered.translate(_IN_TEXT)}}}"


def _lower(found: re.Match[str]) -> str:
    index = found[2]
    return found[1] + "".join(_LOWERED[c] for c in index) if all(c in _LOWERED for c in index) else found[0]


def _long(number: int) -> str:
    beginning, ellipsis, end = shortened(number).partition("…")
    if not ellipsis:
        return beginning
    last, _, said = end.partition(" ")
    return rf"{beginning}\ldots{last}\text{{ {said}}}"


class _Letters(LatexPrinter):  # type: ignore[misc]
    """SymPy's LaTeX, but words upright, derivatives with primes, what is not so in words, long numbers shortened."""

    def _print(self, expr: Any, **options: Any) -> str:
        if isinstance(expr, Quantity):
            return _upright(expr.name)
        return str(super()._print(expr, **options))

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        return _name(expr.name)

    _print_Dummy = _print_Symbol

    def _hprint_Function(self, func: str) -> str:
        if func == "gradL":
            return r"\nabla L"
        head = func.partition("_")[0]
        if len(head.strip("'")) > 1 and head not in greek_unicode and not head.endswith("hat"):
            return rf"\text{{{func.replace('_', ' ')}}}"
        return _name(func)

    def _print_Integer(self, expr: Any) -> str:
        return _long(int(expr))

    def _print_Rational(self, expr: Any) -> str:
        if expr.q == 1:
            return _long(expr.p)
        sign = "- " if expr.p < 0 else ""
        return rf"{sign}\frac{{{_long(abs(expr.p))}}}{{{_long(expr.q)}}}"

    def _print_Derivative(self, expr: Any) -> str:
        function, (variable, order) = expr.expr, expr.variable_count[0]
        own = isinstance(function, AppliedUndef) and function.args == (variable,) and len(expr.variable_count) == 1
        if own and order.is_Integer and order <= 3:
            return rf"{self._hprint_Function(function.func.__name__)}{chr(39) * int(order)}({self._print(variable)})"
        return str(super()._print_Derivative(expr))

    def _print_Not(self, expr: Any) -> str:
        inside = expr.args[0]
        if isinstance(inside, sp.Eq):
            return rf"{self._print(inside.lhs)} \neq {self._print(inside.rhs)}"
        return rf"\text{{not }}\left({self._print(inside)}\right)"
