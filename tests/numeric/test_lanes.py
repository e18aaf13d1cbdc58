"""Trajectories in the lanes of a vector are those that run alone, whatever their neighbours do."""

from __future__ import annotations

import ctypes
import pickle

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from odeflow.codegen import compile_expression, compile_field
from odeflow.errors import IntegrationError
from odeflow.numeric._lane_functions import FORMULAS, LANES
from odeflow.numeric.integrate import IntegrationStatus, integrate, integrate_ensemble

T, X, V, A, B = sympy.symbols("t x v a b", real=True)

# What `_lane_functions` promises.
ULPS = 2.5
# Two runs of one method with different rounding, over problems that multiply an error by at most 100.
ROUNDING = 1e-11
# A tolerance is kept in every step, ten of them by the dense output; the errors of all steps add up.
ACCUMULATED_DENSE = 100.0

ARGUMENTS = {
    "exp": [(-745.0, 709.7), (-1.0, 1.0)],
    "log": [(1e-308, 1e-300), (0.5, 2.0), (0.999, 1.001), (1e10, 1e308), (5e-324, 1e-310)],
    "sin": [(-10.0, 10.0), (-(2.0**30), 2.0**30), (2.0**30, 1e17), (-1e-4, 1e-4)],
    "cos": [(-10.0, 10.0), (-(2.0**30), 2.0**30), (2.0**30, 1e17), (-1e-4, 1e-4)],
    "tanh": [(-25.0, 25.0), (-1.0, 1.0), (-1e-7, 1e-7)],
    "sinh": [(-710.0, 710.0), (-21.0, 21.0), (-1.0, 1.0), (-1e-7, 1e-7)],
    "cosh": [(-710.0, 710.0), (-21.0, 21.0), (-1.0, 1.0)],
}
SPECIAL = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e300, -1e300, 5e-324, -5e-324, 800.0, -800.0, -1.0, 1.0])


def in_lanes(expression, values):
    """Evaluate an expression in x at an array of numbers, a vector at a time."""
    field = compile_field([expression], [X])
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(field.lanes.address)
    rows = np.resize(values, (-(-values.size // LANES), LANES))
    out, nothing = np.empty_like(rows), np.zeros(LANES)
    for row, result in zip(rows, out, strict=True):
        call(nothing.ctypes.data, row.ctypes.data, nothing.ctypes.data, result.ctypes.data)
    return out.ravel()[: values.size]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_elementary_functions_err_by_a_few_units_in_the_last_place(name):
    rng = np.random.default_rng(5)
    numbers = np.concatenate([rng.uniform(low, high, 800) for low, high in ARGUMENTS[name]])
    if name in ("sin", "cos"):  # nearest to a multiple of pi/2: all digits of the argument are needed
        numbers = np.concatenate([numbers, rng.integers(1, 2**29, 800) * (np.pi / 2)])
    got = in_lanes(getattr(sympy, name)(X), numbers)
    with mpmath.workprec(160):
        for x, value in zip(numbers, got, strict=True):
            exact = getattr(mpmath, name)(mpmath.mpf(float(x)))
            unit = float(np.spacing(abs(float(exact))))
            assert abs(mpmath.mpf(float(value)) - exact) <= ULPS * unit, (name, x)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_elementary_functions_go_where_ieee_754_sends_them(name):
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(SPECIAL)
    np.testing.assert_allclose(in_lanes(getattr(sympy, name)(X), SPECIAL), expected, rtol=1e-15)


def test_every_formula_is_tested():
    assert set(FORMULAS) == set(ARGUMENTS)


@pytest.mark.parametrize(
    "expression",
    [sympy.erf(X), sympy.tan(X), sympy.atan2(X, 2), X ** sympy.Rational(1, 3), sympy.asinh(X), sympy.sqrt(X), abs(X),
     sympy.Max(X, 1), sympy.Min(X, 1), sympy.Heaviside(X), 2 / X + X**3],
)  # fmt: skip
def test_what_has_no_formula_is_what_it_is_alone(expression):
    numbers = np.concatenate([np.random.default_rng(6).uniform(0.0, 9.0, 45), [0.0, -1.0, np.nan]])
    np.testing.assert_allclose(in_lanes(expression, numbers), compile_expression(expression, [X])(numbers), rtol=1e-15)


# --- trajectories ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forced():
    """A nonlinear oscillator with a forcing: time, parameters and library functions take part."""
    force = sympy.cos(T) * sympy.exp(-T / 5) + sympy.atan(X) / 5
    return compile_field([V, -A * V - B * sympy.tanh(X) + force], [X, V], time=T, parameters=[A, B])


def sample(count, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 2)), np.stack([rng.uniform(0.1, 1.0, count), rng.uniform(0.2, 60.0, count)], axis=1)


@pytest.mark.parametrize("rtol", [1e-5, 1e-9, 1e-12])
@pytest.mark.parametrize("points", [2, 7, 200])
def test_lanes_make_the_steps_that_a_trajectory_makes_alone(forced, rtol, points):
    starts, parameters = sample(3 * LANES + 5)
    grid = np.linspace(0.5, 6.0, points)
    many = integrate_ensemble(forced, starts, grid, parameters=parameters, rtol=rtol, atol=rtol)
    lone = integrate_ensemble(forced, starts, grid, parameters=parameters, rtol=rtol, atol=rtol, vectorised=False)
    # Rounding may flip a decision, and then steps differ by a few and states by a fraction of the tolerance.
    np.testing.assert_allclose(many.states, lone.states, atol=ROUNDING + rtol, rtol=0)
    for count in ("steps", "rejected", "evaluations"):
        same = getattr(many, count) == getattr(lone, count)
        assert same.mean() > 0.5
        np.testing.assert_allclose(getattr(many, count), getattr(lone, count), atol=60 if count == "evaluations" else 4)
    assert many.statuses == lone.statuses
    np.testing.assert_array_equal(many.end_times, 6.0)


def test_lanes_agree_with_scipy_one_by_one(forced):
    starts, parameters = sample(LANES + 3, seed=8)
    grid = np.linspace(0.0, 5.0, 40)
    many = integrate_ensemble(forced, starts, grid, parameters=parameters, rtol=1e-10, atol=1e-10)
    for s in range(len(starts)):
        a, b = parameters[s]
        theirs = solve_ivp(
            lambda t, y, a=a, b=b: [
                y[1], -a * y[1] - b * np.tanh(y[0]) + np.cos(t) * np.exp(-t / 5) + np.arctan(y[0]) / 5
            ],
            (0.0, 5.0), starts[s], "RK45", grid, rtol=1e-12, atol=1e-12,
        )  # fmt: skip
        np.testing.assert_allclose(many.states[s], theirs.y.T, atol=ACCUMULATED_DENSE * 1e-10)


@given(st.permutations(range(2 * LANES + 3)), st.integers(1, 3))
def test_a_trajectory_does_not_depend_on_its_neighbours(order, threads):
    field = compile_field([V, -A * V - sympy.sinh(X) * sympy.exp(-B)], [X, V], parameters=[A, B])
    starts, parameters = sample(2 * LANES + 3, seed=4)
    parameters[:, 1] /= 20.0
    grid = [0.0, 1.0, 1.1, 4.0]
    straight = integrate_ensemble(field, starts, grid, parameters=parameters)
    mixed = integrate_ensemble(field, starts[order], grid, parameters=parameters[order], threads=threads)
    if threads == 1:
        np.testing.assert_array_equal(mixed.states, straight.states[order])
    # With threads a share may be smaller than a vector; it still fills lanes, never the scalar path.
    np.testing.assert_array_equal(mixed.states[:, 0], starts[order])
    np.testing.assert_allclose(mixed.states, straight.states[order], atol=ROUNDING)
    np.testing.assert_array_equal(mixed.steps, straight.steps[order])


def test_every_ending_is_that_of_the_scalar_path_and_harms_no_neighbour():
    # x' = x^2 + log(a) blows up at 1/x(0) for a = 1 and is not finite for a <= 0; b stiffens.
    field = compile_field([X**2 + sympy.log(A), -B * V], [X, V], parameters=[A, B])
    rng = np.random.default_rng(1)
    count = 4 * LANES
    starts = np.stack([rng.uniform(0.1, 0.9, count), np.ones(count)], axis=1)
    parameters = np.stack([np.ones(count), np.full(count, 0.5)], axis=1)
    starts[3::7, 0] = 2.0
    parameters[5::11, 0] = -1.0
    parameters[2::13, 1] = 1e5
    grid = np.array([0.0, 0.2, 0.6, 1.0])
    options = {"parameters": parameters, "keep_failed": True, "max_steps": 2000}
    many = integrate_ensemble(field, starts, grid, **options)
    lone = integrate_ensemble(field, starts, grid, vectorised=False, **options)
    assert many.statuses == lone.statuses
    kinds = {IntegrationStatus.STEP_TOO_SMALL, IntegrationStatus.BAD_START, IntegrationStatus.TOO_MANY_STEPS}
    assert set(many.statuses) == kinds | {IntegrationStatus.COMPLETED}
    np.testing.assert_array_equal(np.isnan(many.states), np.isnan(lone.states))
    whole = np.array([status is IntegrationStatus.COMPLETED for status in many.statuses])
    np.testing.assert_allclose(many.states[whole, -1, 0], starts[whole, 0] / (1 - starts[whole, 0]), rtol=1e-7)
    np.testing.assert_allclose(many.states, lone.states, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(many.end_times, lone.end_times, rtol=1e-6)
    with pytest.raises(IntegrationError, match=r"the first is number [0-9]+"):
        integrate_ensemble(field, starts, grid, parameters=parameters, max_steps=2000)


def test_leaving_the_domain_is_told_from_a_step_that_is_too_small():
    field = compile_field([-1 / sympy.sqrt(X)], [X])
    run = integrate_ensemble(field, np.linspace(0.5, 1.0, LANES)[:, None], [0.0, 2.0], keep_failed=True)
    assert set(run.statuses) == {IntegrationStatus.NOT_FINITE}
    np.testing.assert_allclose(run.end_times, np.linspace(0.5, 1.0, LANES) ** 1.5 * 2 / 3, rtol=1e-6)


def test_stability_limited_steps_keep_the_dense_output_accurate_in_lanes():
    states, rates = sympy.symbols("x:10"), sympy.symbols("r:10")
    field = compile_field([-r * x for r, x in zip(rates, states, strict=True)], states, parameters=rates)
    values = np.geomspace(1e-2, 50.0, 10) * np.linspace(0.5, 1.0, LANES)[:, None]
    grid = np.linspace(0.0, 20.0, 301)
    run = integrate_ensemble(field, np.ones((LANES, 10)), grid, parameters=values, rtol=1e-9, atol=1e-9)
    truth = np.exp(-values[:, None, :] * grid[:, None])
    assert np.abs(run.states - truth).max() < ACCUMULATED_DENSE * 1e-9


def test_a_longest_step_holds_in_every_lane(forced):
    starts, parameters = sample(LANES)
    run = integrate_ensemble(forced, starts, [0.0, 3.0], parameters=parameters, rtol=1e-3, atol=1e-3, max_step=0.01)
    assert (run.steps >= 300).all()


def test_few_trajectories_and_foreign_fields_take_the_scalar_path(forced):
    starts, parameters = sample(LANES - 1)
    few = integrate_ensemble(forced, starts, [0.0, 3.0], parameters=parameters)
    for s in range(LANES - 1):
        alone = integrate(forced, starts[s], [0.0, 3.0], parameters=parameters[s])
        np.testing.assert_array_equal(few.states[s], alone.states)


def test_lanes_travel_with_a_field(forced):
    starts, parameters = sample(LANES)
    copy = pickle.loads(pickle.dumps(forced))
    here, there = (integrate_ensemble(f, starts, [0.0, 3.0], parameters=parameters) for f in (forced, copy))
    np.testing.assert_array_equal(here.states, there.states)
