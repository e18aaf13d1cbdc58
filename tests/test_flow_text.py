"""The grammar reads what it says, exactly, and points at what it cannot read."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.flow_text import FlowTextError, parse_energy, parse_flow, parse_rational
from odeflow.flows import ConcreteFlow, FlowSpec, Scalar

ZERO = Fraction(0)
PARSE_SECONDS = 1.0
"""Whatever the text, reading or refusing it takes less than this; usual texts take a millisecond."""


def constant(value: str) -> tuple[tuple[Fraction, Fraction], ...]:
    return ((ZERO, Fraction(value)),)


def test_heavy_ball_is_read_with_exact_coefficients() -> None:
    flow = parse_flow("x'' + 0.1*x' + 2/3*grad(x)").at()
    assert flow == ConcreteFlow((constant("1/10"),), constant("2/3"), (), (constant("1"),))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x'' = -2*x' - grad(x)", "x'' + 2*x' + grad(x) = 0"),
        ("2*x'' + 4*x' + 2*grad(x)", "x'' + 2*x' + grad(x)"),
        ("x'' + (1 + 1)*x' + grad(x)", "x'' + 2*x' + grad(x)"),
        ("x'' + x' + x' + grad(x)", "x'' + 2*x' + grad(x)"),
        ("x'' + sqrt(4)*x' + grad(x)", "x'' + 2*x' + grad(x)"),
        ("x'' + 2*(x' + 1/2*grad(x))", "x'' + 2*x' + grad(x)"),
        ("x'' + 2^3/4*x' + 4^(1/2)/2*grad(x)", "x'' + 2*x' + grad(x)"),
        ("x'' + 2*x' + hess*(1/2*x') + grad(x)", "x'' + 2*x' + 1/2*hess*x' + grad(x)"),
        ("x'' + 6*t/(2*t^2)*x' + grad(x)", "x'' + 3/t*x' + grad(x)"),
        ("x'' + sqrt(2)*sqrt(2)*x' + grad(x)", "x'' + 2*x' + grad(x)"),
        ("x'' + 2/sqrt(2)*x' + grad(x)", "x'' + sqrt(2)*x' + grad(x)"),
    ],
)
def test_equal_flows_are_equal_values(text: str, same: str) -> None:
    assert parse_flow(text) == parse_flow(same)


@pytest.mark.parametrize(
    "text",
    [
        "x' + grad(x)",
        "x''' + 3*x'' + 3*x' + grad(x)",
        "x'' + 2*sqrt(mu)*x' + sqrt(s)*hess*x' + (1 + sqrt(mu*s))*grad(x)",
        "x'' + b/t*x' - c^2*t^3*grad(x + 1/2*x')",
        "x'' + (3*sqrt(2)/2 + b)*x' + hess*(x' + c*x'') + grad(x + c*x')",
    ],
)
def test_what_is_printed_is_read_back(text: str) -> None:
    flow = parse_flow(text)
    assert parse_flow(str(flow)) == flow


rationals = st.fractions(min_value=-20, max_value=20, max_denominator=50)


@given(rationals, rationals, rationals.filter(bool), st.integers(-3, 3))
def test_random_flows_survive_printing(b: Fraction, c: Fraction, gamma: Fraction, power: int) -> None:
    t = Scalar.named("t").power(Fraction(power)) if power else Scalar.of(1)
    flow = FlowSpec((Scalar.of(b) * t, Scalar.of(c) + t), Scalar.of(gamma), Scalar.of(0), (Scalar.of(1),))
    assert parse_flow(str(flow)) == flow


def test_parameters_take_values_and_roots_of_squares_are_rational() -> None:
    flow = parse_flow("x'' + 2*sqrt(mu)*x' + grad(x)")
    assert flow.parameters == {"mu"}
    assert flow.at({"mu": Fraction(9, 4)}).damping == (constant("3"),)
    with pytest.raises(InvalidArgumentError, match="irrational"):
        flow.at({"mu": Fraction(2)})
    with pytest.raises(InvalidArgumentError, match="value for the parameter mu"):
        flow.at()


def test_log_time_is_recognised() -> None:
    assert parse_flow("x'' + 3/t*x' + grad(x)").at().log_time_weight() == 2
    assert parse_flow("x'' + 4/t*x' + 9*t*grad(x)").at().log_time_weight() == 3
    assert parse_flow("x'' + 3/t*x' + 2*t*hess*x' + grad(x)").at().log_time_weight() == 2
    assert parse_flow("x'' + 3/t*x' + 2*hess*x' + grad(x)").at().log_time_weight() is None
    assert parse_flow("x'' + 2*x' + grad(x)").at().log_time_weight() is None


def test_an_energy_is_a_symmetric_matrix() -> None:
    flow = parse_flow("x'' + 2*x' + grad(x)")
    energy = parse_energy("2*f + 1/2*norm(x + v)^2 - inner(x, grad(x))", flow)
    half, one = Scalar.of(Fraction(1, 2)), Scalar.of(1)
    assert energy.f == one + one
    assert energy.matrix[0] == (half, half, Scalar.of(Fraction(-1, 2)))
    assert energy.matrix[1] == (half, half, Scalar.of(0))
    assert parse_energy("f + norm(x')^2", flow) == parse_energy("norm(v)^2 + f", flow)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("x'' + 2 x' + grad(x)", 9, "operator"),
        ("2x'' + grad(x)", 2, "operator"),
        ("x'' + grad(x", 13, "')'"),
        ("x'' + $", 7, "letters"),
        ("x'' + foo(x)", 7, "grad, sqrt"),
        ("x'' + y' + grad(x)", 7, "primes only on x"),
        ("x*x' + grad(x)", 2, "scalar"),
        ("x'' + grad(grad(x))", 12, "derivatives"),
        ("x'' + 3/(1 + t)*x' + grad(x)", 8, "one term"),
        ("x'' + 1/0*x' + grad(x)", 8, "sum or zero"),
        ("x'' + grad(x) + grad(x + x')", 22, "one and the same point"),
        ("x'' + grad(2*x)", 12, "coefficient 1"),
        ("x''''' + grad(x)", 1, "at most 4 primes"),
        ("x'' + norm(x)^2", 7, "belongs to an energy"),
        ("x'' + hess + grad(x)", 7, "vector"),
        ("x'' + hess*x + grad(x)", 1, "hess to act on the velocity"),
        ("x'' + x + grad(x)", 1, "only inside grad"),
        ("x'' + 2*x'", 11, "gradient"),
        ("grad(x)", 1, "derivative of x"),
        ("x'' + 1 + grad(x)", 7, "added to the same"),
        ("", 1, "got the end"),
        ("x'' + 2*x' + grad(x) = 1", 24, "vector or 0"),
        ("x'' + (2)^x*x' + grad(x)", 11, "exponent"),
        ("(t + b)*x'' + grad(x)", 1, "one term in front"),
        ("x'' + " + "9" * 31 + "*x' + grad(x)", 7, "digits"),
        ("x'' + grad(x')", 12, "coefficient 1"),
    ],
)
def test_errors_point_at_the_column_and_say_what_was_expected(text: str, column: int, expected: str) -> None:
    with pytest.raises(FlowTextError) as caught:
        parse_flow(text)
    assert caught.value.column == column, str(caught.value)
    assert expected in str(caught.value)
    caret = str(caught.value).splitlines()[-1]
    assert caret == " " * (column + 1) + "^"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f + norm(x)", "squared"),
        ("f + norm(x''')^2", "below the order"),
        ("f + norm(x)^3", "squared"),
        ("f + x", "added"),
        ("2", "energy"),
        ("f*f", "scalar"),
        ("f + hess", "no hess"),
        ("f + inner(x)", "','"),
        ("f + inner(x, grad(x + v))", "flow's own point"),
    ],
)
def test_a_wrong_energy_is_refused(text: str, expected: str) -> None:
    with pytest.raises(OdeflowError, match=expected):
        parse_energy(text, parse_flow("x'' + 2*x' + grad(x)"))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400,
        "x'' + " + "(" * 40 + "2" + ")" * 40 + "*x' + grad(x)",
        "x'' + " + "*".join(f"(a{i}+b{i})" for i in range(40)) + "*x' + grad(x)",
        "x'' + " + "9^12" + "^12" * 40 + "*x' + grad(x)",
        "x'' + (a+b+c+d+e)^12^12*x' + grad(x)",
        "x'' + sqrt(1000000000000066600000000000001)*x' + grad(x)",
        "x" * 501,
        "__import__('os').system('true')",
        "x'' + ().__class__ + grad(x)",
    ],
)
def test_hostile_text_is_refused_at_once(text: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(InvalidArgumentError):
        parse_flow(text)
    assert time.perf_counter() - begin < PARSE_SECONDS


@given(st.text(alphabet="xft'+-*/^()=, 0123456789.ghradesinorqbv\n", max_size=60))
def test_any_text_is_read_or_refused_with_an_odeflow_error(text: str) -> None:
    try:
        flow = parse_flow(text)
    except InvalidArgumentError:
        return
    assert parse_flow(str(flow)) == flow


def test_rationals_are_read_exactly() -> None:
    assert parse_rational("-4/3") == Fraction(-4, 3)
    assert parse_rational("0.1") == Fraction(1, 10)
    for wrong in ("1e400", "nan", "1/0", "", "0x10", "1_0", "٣", "9" * 31):
        with pytest.raises(InvalidArgumentError, match="rational"):
            parse_rational(wrong)
