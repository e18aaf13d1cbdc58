"""Names in formulas are drawn as names, and what no one would read is shortened."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sympy as sp

from odeflow.report.mathml import display
from odeflow.report.maths import prose
from odeflow.symbolic.quantities import Quantity

T = sp.Symbol("t", positive=True)


def drawn(formula: sp.Basic) -> str:
    """Return the leaves of the MathML, one after the other."""
    return " ".join(unescape(leaf).replace("\u00a0", "~") for leaf in re.findall(r">([^<>]+)<", display(formula)))


@pytest.mark.parametrize(
    ("formula", "leaves"),
    [
        (sp.Symbol("miss"), "miss"),
        (sp.Symbol("theta_lines"), "θ lines"),
        (sp.Symbol("e_sum_of_jumps"), "e sum~of~jumps"),
        (sp.Symbol("lambda_0"), "λ 0"),
        (sp.Symbol("n_{j+1}"), "n j + 1"),
        (sp.Symbol("Lhat"), "L ^"),
        (sp.Symbol("w''"), "w ″"),
        (sp.Symbol("|w_r'|"), "|wᵣ'|"),
        (Quantity("x_i.x_j"), "xᵢ.xⱼ"),
        (Quantity("floor of 10^6 {a}"), "floor~of~10⁶~(a)"),
        (sp.acos(sp.Symbol("G_ij")), "arccos ( G i j )"),
        (sp.Function("best_rate")(T), "best~rate ( t )"),
        (sp.Derivative(sp.Function("w")(T), T, T), "w ″ ( t )"),
        (sp.Not(sp.Eq(T, 1, evaluate=False)), "t ≠ 1"),
        (sp.Not(sp.Implies(T > 1, T > 2, evaluate=False)), "not~ ( t > 1 ⇒ t > 2 )"),
        (sp.Integer(10) ** 70 + 1, "10000000 … 0001 ~(71~digits)"),
        (sp.Integer(10) ** 39, "1" + "0" * 39),
    ],
)
def test_formulas_are_drawn_as_they_are_read(formula: sp.Basic, leaves: str) -> None:
    assert drawn(formula) == leaves


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a < b", "<U,w>", "a & b &lt; c", "</math><b>"])
def test_letters_of_markup_stay_letters(name: str) -> None:
    for formula in (sp.Symbol(name), Quantity(name), sp.Function(name)(T), 2 * sp.Symbol(name) + 1):
        tags = set(re.findall(r"</?([^\s>/]+)", display(formula)))
        assert tags <= {"div", "math", "mrow", "mi", "mo", "mn", "mtext", "msub", "msup", "mfrac"}, tags
        assert "".join(drawn(formula).split()).replace("~", "").count("<") == prose(name).count("<")


def test_nothing_is_drawn_with_a_backslash() -> None:
    for name in ("H_ij", "cos_16-cos_8", "P(|H(0) - H_inf| > lambda_0/4)", "w_2^+", "a\\b", "5 % {x}"):
        assert "\\" not in drawn(sp.Symbol(name)) + drawn(Quantity(name)), name
