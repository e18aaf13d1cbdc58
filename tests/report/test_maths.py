"""Formulas on one line keep their meaning; stacked formulas never exceed their width."""

from __future__ import annotations

import math
import re

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from odeflow.report.ascii import spell
from odeflow.report.maths import one_line, prose, stacked
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2

X, Y, Z = sp.symbols("x y z", positive=True)
T, R, LAM = sp.symbols("t r lambda_0", positive=True)
LOSS = sp.Function("L")(T)
H, ERROR = Operator("H", symmetric=True), Vector.base("Delta")
AT = {"x": 0.7, "y": 1.9, "z": 2.3}
POINT = {X: sp.Rational(7, 10), Y: sp.Rational(19, 10), Z: sp.Rational(23, 10)}
ROUNDING = 1e-9  # a few dozen operations in floats, on values that do not cancel


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (sp.Le(LOSS, 2 * sp.exp(-R * T) / R**2, evaluate=False), "L(t) ≤ 2 e^(-r t)/r²"),
        (sp.Not(sp.Lt(X, Y), evaluate=False), "not (x < y)"),
        (sp.Eq(X, Y, evaluate=False), "x = y"),
        (sp.Ne(X, Y, evaluate=False), "x ≠ y"),
        (sp.Or(sp.And(X > 3, Y >= 1), X < 1), "(y ≥ 1 and x > 3) or x < 1"),
        (sp.Implies(X > 3, sp.Or(Y > 3, Y < 1)), "x > 3 ⇒ (y > 3 or y < 1)"),
        (sp.sqrt(LAM / 2), "√2 √λ₀/2"),
        (sp.sqrt(X + Y), "√(x + y)"),
        (1 / sp.sqrt(X), "1/√x"),
        (X**-2, "1/x²"),
        (1 / (X * Y), "1/(x y)"),
        (1 / (X + Y), "1/(x + y)"),
        ((X + Y) ** -2, "1/(x + y)²"),
        (sp.Pow(sp.Pow(X, Y), Z, evaluate=False), "(x^y)^z"),
        (sp.Pow(sp.Pow(X, 2), 3, evaluate=False), "(x²)³"),
        (X**12, "x¹²"),
        (X**Y, "x^y"),
        (X ** (Y + 1), "x^(y + 1)"),
        ((X + Y) ** 2, "(x + y)²"),
        (X ** (Y**Z), "x^(y^z)"),
        (sp.Pow(sp.exp(X), Y, evaluate=False), "(e^x)^y"),
        (sp.diff(LOSS, T), "L′(t)"),
        (sp.diff(LOSS, T, T), "L′′(t)"),
        (sp.Derivative(X * T, T), "d/dt (t x)"),
        (sp.Sum(X**2 + Y, (X, 1, Y)), "Σ[x = 1..y] (x² + y)"),
        (sp.Integral(X**2, (X, 0, Y)), "∫[x = 0..y] x²"),
        (sp.pi * X, "π x"),
        (sp.gamma(X / 2), "Γ(x/2)"),
        (sp.acos(X) + 1, "arccos(x) + 1"),
        (sp.Equivalent(X > 3, Y < 1), "x > 3 ⇔ y < 1"),
        (sp.Symbol("lambda_0_orthonormal"), "λ₀_orthonormal"),
        (sp.Function("V_inf")(X), "V_∞(x)"),
        (sp.oo, "∞"),
        (sp.Abs(sp.Symbol("w")), "|w|"),
        (sp.ImmutableMatrix([[X, 1], [0, Y]]), "[x, 1; 0, y]"),
        (sp.Symbol("x_star"), "x⋆"),
        (sp.Symbol("lambda_min"), "λ_min"),
        (sp.Symbol("|Delta|"), "|Δ|"),
        (inner(ERROR, H @ ERROR), "⟨Δ, H Δ⟩"),
        (norm2(ERROR) / 2, "‖Δ‖²/2"),
        (sp.true, "True"),
    ],
)
def test_a_formula_is_written_as_one_would_type_it(formula: sp.Basic, line: str) -> None:
    assert one_line(formula) == line


def expressions() -> st.SearchStrategy[sp.Expr]:
    atoms = st.sampled_from([X, Y, Z, sp.Integer(2), sp.Integer(3), sp.Rational(1, 2)])

    def grow(inside: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
        two = st.tuples(inside, inside)
        return st.one_of(
            two.map(lambda p: p[0] + p[1]),
            two.map(lambda p: p[0] * p[1]),
            two.map(lambda p: p[0] / p[1]),
            two.map(lambda p: p[0] - 2 * p[1]),
            st.tuples(inside, st.sampled_from([2, 3, -1, -2, sp.Rational(1, 2), sp.Rational(-1, 2), Y])).map(
                lambda p: p[0] ** p[1]
            ),
            inside.map(lambda e: sp.exp(-e / 9)),
        )

    return st.recursive(atoms, grow, max_leaves=7)


def read_back(line: str) -> complex:
    """Evaluate a line at AT: an independent reading of the notation, with spaces as products."""
    lowered = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    text = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: f"**({m[0].translate(lowered)})", line)
    text = text.replace("^", "**")
    text = re.sub(r"(?<=[\w)]) (?=[\w(√])", "*", text)
    text = re.sub(r"√(\d+|[a-z])", r"root(\1)", text).replace("√(", "root(")
    return complex(eval(text, {"e": math.e, "root": lambda v: complex(v) ** 0.5, **AT}))


@given(expressions())
def test_a_line_means_what_the_formula_means(formula: sp.Expr) -> None:
    if formula.has(sp.zoo, sp.nan, sp.oo):
        return
    value = complex(formula.subs(POINT).evalf(30))
    if not 1e-100 < abs(value) < 1e100:
        return
    assert read_back(one_line(formula)) == pytest.approx(value, rel=ROUNDING)


@given(expressions(), expressions(), st.integers(20, 90))
def test_stacked_formulas_fit_their_width_and_leave_no_blanks(left: sp.Expr, right: sp.Expr, width: int) -> None:
    relation = sp.Le(left, right, evaluate=False)
    for formula in (relation, sp.Not(relation, evaluate=False), left):
        lines = stacked(formula, width).split("\n")
        assert all(cell_len(line) <= width for line in lines)
        assert all(line == line.rstrip() for line in lines)


def test_a_wide_relation_breaks_before_its_sign_and_between_terms() -> None:
    long = sum(sp.Symbol(f"a_{i}") for i in range(12))
    lines = stacked(sp.Le(LOSS, long, evaluate=False), 30).split("\n")
    assert lines[0] == "L(t)"
    assert lines[1].startswith("  ≤ a₀ + a₁")
    assert all(line.startswith("  + ") for line in lines[2:])
    assert "".join(lines).count("a") == 12


def test_signs_survive_a_break() -> None:
    a, b, c = sp.symbols("first second third")
    assert stacked(a - b - c, 20).split("\n") == ["first - second", "- third"]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("H >= mu I", "H ≥ μ I"),
        ("r^2 L <= V", "r² L ≤ V"),
        ("loss |Delta|^2/2.", "loss |Δ|²/2."),
        ("sqrt(lambda_0/2)", "√(λ₀/2)"),
        ("sqrt(2)/2 of Lhat(0)", "√2/2 of L̂(0)"),
        ("e^{-2rt}", "e^(-2rt)"),
        ("at x = 2*r**2", "at x = 2 r²"),
        ("V_2 and H_inf", "V₂ and H_∞"),
        ("<H Delta, Delta> if 1 < x, y > 2", "⟨H Δ, Δ⟩ if 1 < x, y > 2"),
        ("-0.1 +- 2e-07 at sqrt(2)*sqrt(lambda_0)", "-0.1 ± 2e-7 at √2 √λ₀"),
        ("t^(p-2), x^2.5, mu_bound, heavy_ball_rate, alphabet", "t^(p-2), x^2.5, mu_bound, heavy_ball_rate, alphabet"),
        ("0.0e+00, 3.1e+00, 2.5e+02, 7.9e+05 but 4e+06", "0, 3.1, 250, 790000 but 4e6"),
        ("lambda_min and theta_ij in [0, oo), not lambda_lines", "λ_min and θ_ij in [0, ∞), not lambda_lines"),
        ("[1.77, 2.00] 3.1e-11 a-b v1.2", "[1.77, 2.00] 3.1e-11 a-b v1.2"),
    ],
)
def test_prose_keeps_words_and_writes_mathematics(words: str, written: str) -> None:
    assert prose(words) == written


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs",)), max_size=40))
def test_every_letter_can_be_spelt_in_ascii(letters: str) -> None:
    spelt = "".join(c if c.isascii() else spell(c) for c in letters)
    assert spelt.isascii()
    assert len(spelt) >= len(letters) - sum(not c.isascii() for c in letters)


@given(st.integers(10**41, 10**60), st.integers(10**41, 10**60))
def test_numbers_that_nobody_reads_are_shortened_and_say_their_length(above: int, below: int) -> None:
    x = sp.Symbol("x", positive=True)
    ratio = sp.Rational(above, below)
    for number in (ratio, sp.Integer(-above)):
        for text in (one_line(sp.Le(x, number * x, evaluate=False)), stacked(sp.Le(x, number * x, evaluate=False), 80)):
            assert max(map(len, re.findall("[0-9]+", text)), default=0) <= 40
            assert number.q < 10**40 or f"({len(str(number.q))} digits)" in text
    assert one_line(sp.Integer(10) ** 39) == "1" + "0" * 39
