"""Powers of t as a clock: the moved flow has the same solutions, and what has no such clock is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.flow_text import parse_flow
from odeflow.flows import Laurent
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import best_rate
from odeflow.theorem import Verdict
from odeflow.time_changes import in_power_time, power_time_hint

STRONGLY_CONVEX = FunctionClass(ClassName.STRONGLY_CONVEX, Fraction(1))


def scalar(powers: Laurent, t: sp.Expr) -> sp.Expr:
    return sum((sp.Rational(str(c)) * t ** sp.Rational(str(p)) for p, c in powers), sp.Integer(0))


positive = st.fractions(min_value=Fraction(1, 3), max_value=4, max_denominator=4)


@settings(max_examples=10)
@given(positive.filter(lambda a: a != 1), positive, positive, st.one_of(st.just(Fraction(0)), positive), st.booleans())
def test_solutions_in_the_new_time_solve_the_flow(
    a: Fraction, c: Fraction, gamma: Fraction, beta: Fraction, second: bool
) -> None:
    m = a - 1
    if second:
        text = f"x'' + ({c}*t^({m}) - ({m})/t)*x' + {beta}*t^({m})*hess*x' + {gamma}*t^({2 * m})*grad(x)"
    else:
        text = f"x' + {beta}*hess*x' + {gamma}*t^({m})*grad(x)"
    flow = parse_flow(text).at()
    found = in_power_time(flow)
    assert found is not None
    power, moved = found
    assert power == a
    # on f = lam x^2/2, x = xi(t^a) by the chain rule, with the highest derivative of xi from the moved flow
    t, lam = sp.symbols("t lam", positive=True)
    value, first = sp.symbols("value first")
    rate = sp.Rational(str(a))
    force = lam * scalar(moved.gradient, t) * value
    friction = lam * scalar(moved.hessian, t)
    if second:
        slope = rate * t ** (rate - 1) * first
        highest = -(scalar(moved.damping[0], t) + friction) * first - force
        curvature = rate**2 * t ** (2 * rate - 2) * highest + rate * (rate - 1) * t ** (rate - 2) * first
        left = curvature + scalar(flow.damping[0], t) * slope
    else:
        slope = left = rate * t ** (rate - 1) * (-force / (1 + friction))
    left += lam * scalar(flow.hessian, t) * slope + lam * scalar(flow.gradient, t) * value
    assert sp.cancel(sp.powsimp(sp.expand(sp.together(left) / t ** (rate - 1)), force=True)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "x'' + 3*x' + grad(x)",  # a = 1: its own time
        "x'' + 3*x' + t^2*grad(x)",
        "x'' + (3*t + 1/t)*x' + t^2*grad(x)",  # the sign of 1/t
        "x'' + (3*t - 1/t)*x' + hess*x' + t^2*grad(x)",
        "x'' + (3*t - 1/t)*x' + t^2*grad(x + x')",
        "x' + t^(-2)*grad(x)",  # t^-1 stops: no clock that runs to infinity
        "x''' + 3*x'' + 3*x' + t*grad(x)",
    ],
)
def test_flows_without_such_a_clock_are_left_alone(text: str) -> None:
    assert in_power_time(parse_flow(text).at()) is None
    assert power_time_hint(parse_flow(text).at()) == ""


def test_the_search_names_the_flow_to_ask_about() -> None:
    with pytest.raises(InvalidArgumentError, match=r"In the time t\^2 it is x'' \+ 2\*x' \+ grad\(x\) = 0"):
        best_rate(parse_flow("x'' + (4*t - 1/t)*x' + 4*t^2*grad(x)"), STRONGLY_CONVEX)
    with pytest.raises(InvalidArgumentError, match="No certificates are implemented"):
        best_rate(parse_flow("x'' + 3*x' + t^2*grad(x)"), STRONGLY_CONVEX)


def test_a_power_law_without_a_bound_says_that_nothing_beyond_was_tried() -> None:
    pytest.importorskip("clarabel")
    outcome = best_rate(parse_flow("x' + 2*t*grad(x)"), STRONGLY_CONVEX)
    assert outcome.verdict is Verdict.PROVED  # every power holds: the truth is e^(-2 t^2)
    assert outcome.unproved_above is None
    assert "no rate beyond 64 was tried. In the time t^2 it is x' + grad(x) = 0" in outcome.reason
    bounded = best_rate(parse_flow("x'' + 3/t*x' + grad(x)"), FunctionClass(ClassName.CONVEX))
    assert bounded.unproved_above is not None
    assert bounded.reason == ""
