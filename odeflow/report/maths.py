"""Formulas for a terminal: on one line, or stacked the way they are written by hand, never wider than asked."""

from __future__ import annotations

import textwrap
from typing import Any

import sympy as sp
from rich.cells import cell_len
from sympy.core.function import AppliedUndef
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_symbol
from sympy.printing.pretty.stringpict import prettyForm
from sympy.printing.str import StrPrinter

from odeflow.prose import prose

__all__ = ["one_line", "prose", "shortened", "stacked"]

_RELATIONS = {"<=": "≤", "<": "<", ">=": "≥", ">": ">", "==": "=", "!=": "≠"}
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_WRITTEN_OUT = 40
_SUBSCRIPTS = {"star": "⋆", "inf": "_∞"}


def one_line(formula: sp.Basic) -> str:
    """Write a formula in Unicode mathematics on one line; spaces are products.

    Examples
    --------
    >>> import sympy as sp
    >>> t, r, lam = sp.symbols("t r lambda_0", positive=True)
    >>> start = sp.Function("Lhat")(0)
    >>> one_line(sp.Le(sp.Function("L")(t), 4 * sp.exp(-sp.sqrt(lam / 2) * t) * start / r**2, evaluate=False))
    'L(t) ≤ 4 L̂(0) e^(-√2 √λ₀ t/2)/r²'
    """
    return str(_OneLine().doprint(formula))


def stacked(formula: sp.Basic, width: int) -> str:
    """Write a formula in two dimensions, as many lines as it takes, no line wider than `width` characters.

    A relation that is too wide breaks before its sign, a sum between its terms; a single term that is still too wide
    is written on one line and wrapped at its spaces.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y", positive=True)
    >>> print(stacked(sp.Le(x / (x + y), 1, evaluate=False), 40))
      x
    ───── ≤ 1
    x + y
    >>> print(stacked(sp.Le(x, x + y, evaluate=False), 8))
    x
      ≤ x
      + y
    """
    whole = _form(formula)
    if _width(whole) <= width:
        return "\n".join(_lines(whole))
    if isinstance(formula, sp.core.relational.Relational):
        left = _broken(formula.lhs, width)
        sign = _RELATIONS.get(formula.rel_op, formula.rel_op)
        return "\n".join([*left, *_indented(_broken(formula.rhs, width - 2, first=f"{sign} "))])
    if isinstance(formula, sp.Not):
        return "\n".join(["not that", *_indented(stacked(formula.args[0], width - 2).split("\n"))])
    return "\n".join(_broken(formula, width))


def shortened(number: int) -> str:
    """Write a whole number out; of one of more than 40 digits, how it begins and ends and how many digits it has.

    Examples
    --------
    >>> shortened(-12), shortened(10**50 + 7)
    ('-12', '10000000…0007 (51 digits)')
    """
    digits = str(abs(number))
    if len(digits) <= _WRITTEN_OUT:
        return str(number)
    return f"{'-' if number < 0 else ''}{digits[:8]}…{digits[-4:]} ({len(digits)} digits)"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _form(formula: sp.Basic) -> prettyForm:
    return _Stacked({"use_unicode": True, "wrap_line": False, "order": None})._print(formula)


def _width(form: prettyForm) -> int:
    return max(cell_len(line) for line in str(form).split("\n"))


def _broken(formula: sp.Basic, width: int, first: str = "") -> list[str]:
    """Return the lines of an expression after `first`, broken between the terms of a sum."""
    terms = list(formula.as_ordered_terms()) if isinstance(formula, sp.Add) else [formula]
    lines: list[str] = []
    current: prettyForm | None = None
    for i, term in enumerate(terms):
        joined = first if i == 0 else "+ "
        form = _form(term)
        if i > 0 and term.could_extract_minus_sign():
            joined, form = "- ", _form(-term)
        if isinstance(term, sp.Add):
            form = prettyForm(*form.parens())
        piece = prettyForm(*form.left(joined)) if joined else form
        longer = piece if current is None else prettyForm(*current.right(" ", piece))
        if current is None or _width(longer) <= width:
            current = longer
        else:
            lines.extend(_lines(current))
            current = piece
        if _width(current) > width:
            signed = -term if joined == "- " else term
            lines.extend(textwrap.wrap(joined + one_line(signed), width, subsequent_indent="  "))
            current = None
    if current is not None:
        lines.extend(_lines(current))
    return lines


def _lines(form: prettyForm) -> list[str]:
    return [line.rstrip() for line in str(form).split("\n")]


def _name(name: str) -> str:
    """Write a symbol's name; subscripts of a letter or a number are lowered, words are not."""
    head, *below = name.split("_")
    written = str(pretty_symbol(head)) if head.isidentifier() else prose(head)
    for part in below:
        if len(part) == 1 or part.isdecimal():
            written += str(pretty_symbol(f"a_{part}"))[1:]
        else:
            written += _SUBSCRIPTS.get(part, f"_{prose(part)}")
    return written


class _Stacked(PrettyPrinter):  # type: ignore[misc]
    """SymPy's printers are extended by subclassing; this one leaves SymPy's layout alone."""

    def _print_Symbol(self, expr: sp.Symbol) -> prettyForm:
        return prettyForm(_name(expr.name))

    _print_Dummy = _print_Symbol

    def _print_Quantity(self, expr: Any) -> prettyForm:
        return prettyForm(prose(expr.name))

    def _print_Atom(self, expr: Any) -> prettyForm:
        return prettyForm(shortened(int(expr))) if expr.is_Integer else super()._print_Atom(expr)

    def _print_Rational(self, expr: Any) -> prettyForm:
        if max(len(str(abs(expr.p))), len(str(expr.q))) <= _WRITTEN_OUT:
            return super()._print_Rational(expr)
        return prettyForm(shortened(expr.p)) / prettyForm(shortened(expr.q))

    def _print_Not(self, expr: Any) -> prettyForm:
        return prettyForm(*self._print(expr.args[0]).left("not that  "))


class _OneLine(StrPrinter):  # type: ignore[misc]
    """Writes what a mathematician would type."""

    printmethod = "_odeflow_one_line"  # not `_sympystr`: the classes of `inner_products` would answer in ASCII

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return _name(expr.name)

    _print_Dummy = _print_Symbol

    def _print_Quantity(self, expr: Any) -> str:
        return prose(expr.name)

    def _print_Integer(self, expr: Any) -> str:
        return shortened(int(expr))

    def _print_Rational(self, expr: Any) -> str:
        return shortened(expr.p) if expr.q == 1 else f"{shortened(expr.p)}/{shortened(expr.q)}"

    def _print_Limit(self, expr: Any) -> str:
        inside, variable, point, _ = expr.args
        return f"lim[{self._print(variable)} → {self._print(point)}] {self.parenthesize(inside, PRECEDENCE['Mul'])}"

    def _print_Subs(self, expr: Any) -> str:
        inside, variables, points = expr.args
        at = (f"{self._print(v)} = {self._print(p)}" for v, p in zip(variables, points, strict=True))
        return f"{self.parenthesize(inside, PRECEDENCE['Mul'])} at [{', '.join(at)}]"

    def _print_Determinant(self, expr: Any) -> str:
        return f"det {self._print(expr.args[0])}"

    def _print_Function(self, expr: Any) -> str:
        name = expr.func.__name__
        written = f"arc{name[1:]}" if isinstance(expr, (sp.acos, sp.asin, sp.atan)) else _name(name)
        return f"{written}({self.stringify(expr.args, ', ')})"

    def _print_gamma(self, expr: Any) -> str:
        return f"Γ({self._print(expr.args[0])})"

    def _print_exp(self, expr: Any) -> str:
        return f"e{self._raised(expr.args[0])}"

    def _print_Exp1(self, expr: Any) -> str:
        return "e"

    def _print_Pi(self, expr: Any) -> str:
        return "π"

    def _print_Infinity(self, expr: Any) -> str:
        return "∞"

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return "-∞"

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"

    def _print_Mul(self, expr: Any) -> str:
        written: str = super()._print_Mul(expr)
        return written.replace("*", " ")

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.base, expr.exp
        if exponent.is_Rational and exponent.is_negative:
            return f"1/{self.parenthesize(base**-exponent, PRECEDENCE['Mul'])}"
        if exponent == sp.S.Half:
            inside = self._print(base)
            return f"√{inside}" if base.is_Atom or isinstance(base, AppliedUndef) else f"√({inside})"
        inside = str(self.parenthesize(base, PRECEDENCE["Pow"]))
        if isinstance(base, sp.exp):
            inside = f"({inside})"
        return inside + self._raised(exponent)

    def _raised(self, exponent: Any) -> str:
        if exponent.is_Integer:
            return str(exponent).translate(_SUPERSCRIPT)
        text = str(self._print(exponent))
        return f"^{text}" if exponent.is_Atom and exponent.is_Symbol else f"^({text})"

    def _print_Relational(self, expr: Any) -> str:
        return f"{self._print(expr.lhs)} {_RELATIONS.get(expr.rel_op, expr.rel_op)} {self._print(expr.rhs)}"

    def _print_Not(self, expr: Any) -> str:
        return f"not ({self._print(expr.args[0])})"

    def _print_And(self, expr: Any) -> str:
        return " and ".join(self._grouped(a) for a in sorted(expr.args, key=sp.default_sort_key))

    def _print_Or(self, expr: Any) -> str:
        return " or ".join(self._grouped(a) for a in sorted(expr.args, key=sp.default_sort_key))

    def _print_Implies(self, expr: Any) -> str:
        return " ⇒ ".join(self._grouped(a) for a in expr.args)

    def _print_Equivalent(self, expr: Any) -> str:
        return " ⇔ ".join(self._grouped(a) for a in sorted(expr.args, key=sp.default_sort_key))

    def _grouped(self, expr: Any) -> str:
        text = str(self._print(expr))
        return f"({text})" if isinstance(expr, (sp.And, sp.Or, sp.Implies, sp.Equivalent)) else text

    def _print_Derivative(self, expr: Any) -> str:
        function, (variable, order) = expr.expr, expr.variable_count[0]
        if len(expr.variable_count) > 1:
            return str(super()._print_Derivative(expr))
        if isinstance(function, AppliedUndef) and function.args == (variable,) and order.is_Integer and order <= 3:
            return f"{_name(function.func.__name__)}{'′' * int(order)}({self._print(variable)})"
        power = "" if order == 1 else self._raised(order)
        return f"d{power}/d{self._print(variable)}{power} {self.parenthesize(function, PRECEDENCE['Mul'] + 1)}"

    def _print_Sum(self, expr: Any) -> str:
        return self._ranged("Σ", expr)

    def _print_Product(self, expr: Any) -> str:
        return self._ranged("Π", expr)

    def _print_Integral(self, expr: Any) -> str:
        return self._ranged("∫", expr)

    def _print_MatrixBase(self, expr: Any) -> str:
        rows = (", ".join(self._print(entry) for entry in row) for row in expr.tolist())
        return f"[{'; '.join(rows)}]"

    def _ranged(self, sign: str, expr: Any) -> str:
        over = ", ".join(f"{self._print(v)} = {self._print(a)}..{self._print(b)}" for v, a, b in expr.limits)
        inside = self._print(expr.function)
        body = f"({inside})" if precedence(expr.function) <= PRECEDENCE["Add"] else inside
        return f"{sign}[{over}] {body}"

    def _print_InnerProduct(self, expr: Any) -> str:
        return str(_form(expr))  # one line already

    _print_Word = _print_InnerProduct
