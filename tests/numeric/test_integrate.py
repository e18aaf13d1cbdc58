"""The integrator is of order 8, its bars cover its errors, and its events are all the zeros there are."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import sympy
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.integrate._ivp import dop853_coefficients

from odeflow.codegen import compile_events, compile_field
from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric import _integrate_kernels, _integrate_tableau
from odeflow.numeric.compiled import CompiledField
from odeflow.numeric.integrate import (
    Direction,
    Events,
    IntegrationStatus,
    integrate,
    integrate_ensemble,
    integrate_with_error_bar,
)

T, X, V, A, B = sympy.symbols("t x v a b", real=True)

# Coefficients have about 30 digits in the source; rounded to float64, sums of terms up to 90 err by a few units.
TABLEAU = 1e-13
# A tolerance is kept in every step; over a bounded problem the errors of all steps add up to some tolerances.
ACCUMULATED = 50.0
# Dense output is held to ten tolerances in each step.
ACCUMULATED_DENSE = 100.0


@pytest.fixture(scope="module")
def oscillator():
    return compile_field([V, -X], [X, V])


@pytest.fixture(scope="module")
def damped():
    """x'' + a x' + b x = 0."""
    return compile_field([V, -A * V - B * X], [X, V], parameters=[A, B])


@pytest.fixture(scope="module")
def modes():
    """x_i' = -r_i x_i, ten of them."""
    states, rates = sympy.symbols("x:10"), sympy.symbols("r:10")
    return compile_field([-r * x for r, x in zip(rates, states, strict=True)], states, parameters=rates)


# --- the tableau -----------------------------------------------------------------------------------------------------


def test_the_tableau_is_the_one_scipy_uses():
    for name in ("A", "B", "C", "D", "E3", "E5"):
        np.testing.assert_allclose(
            getattr(_integrate_tableau, name), getattr(dop853_coefficients, name), rtol=1e-15, atol=1e-17, err_msg=name
        )


def test_the_tableau_meets_order_conditions_that_no_copy_can_fake():
    a, b, c = (getattr(_integrate_tableau, name) for name in "ABC")
    np.testing.assert_allclose(a.sum(axis=1), c, atol=TABLEAU)
    square, nodes = a[:12, :12], c[:12]
    for q in range(8):  # quadrature, all bushy trees up to order 8
        assert b @ nodes**q == pytest.approx(1 / (q + 1), abs=TABLEAU)
    for p in range(7):  # one branch
        for q in range(7 - p):
            expected = 1 / ((q + 1) * (p + q + 2))
            assert b @ (nodes**p * (square @ nodes**q)) == pytest.approx(expected, abs=TABLEAU)
    tall = nodes
    for order in range(3, 9):  # tall trees
        tall = square @ tall
        assert b @ tall == pytest.approx(1 / np.prod(np.arange(1.0, order + 1)), abs=TABLEAU)


# --- accuracy --------------------------------------------------------------------------------------------------------


def test_steps_of_a_fixed_length_converge_with_order_eight():
    # A loose tolerance and a longest step make all steps equal; a nonlinear, time-dependent scalar equation.
    field = compile_field([X * sympy.cos(T) + sympy.sin(T) * X**2 / 4], [X], time=T)
    reference = integrate(field, [0.5], [0.0, 4.0], rtol=1e-14, atol=1e-15, max_step=1 / 64).states[-1, 0]
    lengths = np.array([1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8])
    errors = []
    for h in lengths:
        run = integrate(field, [0.5], [0.0, 4.0], rtol=10.0, atol=10.0, max_step=float(h))
        assert run.rejected == 0
        errors.append(abs(run.states[-1, 0] - reference))
    order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert 7.5 < order < 9.0


def test_dense_output_converges_with_order_seven_or_better():
    field = compile_field([X * sympy.cos(T)], [X], time=T)
    grid = np.linspace(0.0, 3.0, 301)
    truth = np.exp(np.sin(grid))
    lengths = np.array([1 / 2, 1 / 3, 1 / 4, 1 / 6])
    errors = [
        np.abs(integrate(field, [1.0], grid, rtol=10.0, atol=10.0, max_step=float(h)).states[:, 0] - truth).max()
        for h in lengths
    ]
    order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert 6.7 < order < 9.0


@pytest.mark.parametrize("rtol", [1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize(("a", "b"), [(0.3, 4.0), (4.0, 4.0), (5.0, 4.0)], ids=["under", "critical", "over"])
def test_damped_oscillators_follow_their_closed_form(damped, a, b, rtol):
    grid = np.linspace(0.0, 10.0, 201)
    run = integrate(damped, [1.0, 0.0], grid, parameters=[a, b], rtol=rtol, atol=rtol)
    w = np.sqrt(complex(a * a / 4 - b))
    ratio = grid if w == 0 else np.sinh(w * grid) / w
    truth = (np.exp(-a * grid / 2) * (np.cosh(w * grid) + a / 2 * ratio)).real
    assert np.abs(run.states[:, 0] - truth).max() < ACCUMULATED_DENSE * rtol
    assert run.status is IntegrationStatus.COMPLETED


@pytest.mark.parametrize("gamma", [3.0, 1.0, 5.5])
def test_nesterovs_flow_is_a_bessel_function(gamma):
    # x'' + gamma/t x' + x = 0 from rest: x = Gamma(n+1) (2/t)^n J_n(t), n = (gamma-1)/2.
    field = compile_field([V, -A * V / T - X], [X, V], time=T, parameters=[A])
    t0, n = 1e-3, (gamma - 1) / 2
    grid = np.concatenate([[t0], np.linspace(0.5, 40.0, 80)])
    start = [1 - t0**2 / (2 * (gamma + 1)), -t0 / (gamma + 1)]
    run = integrate(field, start, grid, parameters=[gamma], rtol=1e-11, atol=1e-12)
    truth = scipy.special.gamma(n + 1) * (2 / grid) ** n * scipy.special.jv(n, grid)
    # The start's Taylor errors: O(t0^4) in x, and O(t0^3) in v, whose effect decays within a time of t0.
    assert np.abs(run.states[:, 0] - truth).max() < ACCUMULATED_DENSE * 1e-11 + t0**4


def test_a_nonlinear_system_agrees_with_scipys_dop853_step_for_step():
    # Neither uses the dense output; both then make the same steps.
    u, w, z = sympy.symbols("u w z")
    lorenz = compile_field([10 * (w - u), u * (28 - z) - w, u * w - sympy.Rational(8, 3) * z], [u, w, z])
    ours = integrate(lorenz, [1.0, 1.0, 1.0], [0.0, 5.0], rtol=1e-9, atol=1e-9)
    theirs = solve_ivp(
        lambda t, y: [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]],
        (0.0, 5.0), [1.0, 1.0, 1.0], method="DOP853", rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    assert abs(ours.steps - (theirs.t.size - 1)) <= 2
    # Rounding differs; Lorenz multiplies it by about exp(0.9 * 5) = 90, and step sizes differ in the last digit.
    np.testing.assert_allclose(ours.states[-1], theirs.y[:, -1], rtol=1e-8)



@given(
    st.floats(0.01, 3.0), st.floats(0.05, 30.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(1e-11, 1e-5)
)
@example(2.0, 1.0, 1.0, 0.0, 1e-9)
@example(0.01, 0.05, 4.37e-6, -0.2429350055012005, 4.373582679210915e-06)  # a difference that vanishes by chance
def test_error_bars_cover_the_errors_of_any_linear_oscillator(a, b, x, v, rtol):
    field = compile_field([V, -A * V - B * X], [X, V], parameters=[A, B])
    grid = np.linspace(0.0, 12.0, 61)
    run = integrate_with_error_bar(field, [x, v], grid, parameters=[a, b], rtol=rtol, atol=rtol)
    with np.errstate(under="ignore"):
        truth = np.array([scipy.linalg.expm(np.array([[0.0, 1.0], [-b, -a]]) * t) @ [x, v] for t in grid])
    noise = 1e-14 * (1 + np.abs(truth).max())  # expm itself is only that good
    assert (np.abs(run.states - truth) <= run.error_estimate + noise).all()
    assert run.error_estimate.max() < 1e4 * rtol * (1 + np.abs(truth).max())


@pytest.mark.parametrize("rtol", [1e-6, 1e-9, 1e-12])
def test_stability_limited_steps_keep_the_dense_output_accurate(modes, rtol):
    # Rates from 0.01 to 50: without control of the interpolant the error here is 1e4 tolerances.
    rates, grid = np.geomspace(1e-2, 50.0, 10), np.linspace(0.0, 20.0, 1001)
    truth = np.exp(-rates * grid[:, None])
    run = integrate_with_error_bar(modes, np.ones(10), grid, parameters=rates, rtol=rtol, atol=rtol)
    error = np.abs(run.states - truth)
    assert error.max() < ACCUMULATED_DENSE * rtol
    assert (error <= run.error_estimate).all()
    assert run.error_estimate.max() < 100 * ACCUMULATED_DENSE * rtol


def test_interpolated_times_do_not_move_the_end(oscillator):
    ends = integrate(oscillator, [1.0, 0.0], [0.0, 10.0])
    many = integrate(oscillator, [1.0, 0.0], np.linspace(0.0, 10.0, 500))
    np.testing.assert_array_equal(ends.states[-1], many.states[-1])
    # Three more evaluations in each step that holds a time.
    assert ends.evaluations < many.evaluations <= ends.evaluations + 3 * many.steps
    assert ends.states[0].tolist() == [1.0, 0.0]
    assert ends.end_time == 10.0


def test_time_may_start_anywhere(oscillator):
    early = integrate(oscillator, [1.0, 0.0], [0.0, 1.0, 2.0])
    late = integrate(oscillator, [1.0, 0.0], [1000.0, 1001.0, 1002.0])
    np.testing.assert_allclose(late.states, early.states, atol=1e-11)


def test_a_constant_and_a_zero_field_take_few_steps():
    field = compile_field([sympy.Integer(0), sympy.Integer(2)], [X, V])
    run = integrate(field, [1.0, 0.0], [0.0, 1.0e6])
    np.testing.assert_allclose(run.states[-1], [1.0, 2.0e6], rtol=1e-14)
    assert run.steps < 40


# --- events ----------------------------------------------------------------------------------------------------------


def test_every_zero_of_an_oscillation_is_found_where_it_is(oscillator):
    watch = Events(compile_events([X, V], [X, V]))
    run = integrate(oscillator, [1.0, 0.0], [0.0, 31.0], rtol=1e-12, atol=1e-12, events=watch)
    record = run.events
    expected = np.arange(1, 20) * np.pi / 2
    np.testing.assert_allclose(record.times, expected, atol=1e-9)
    np.testing.assert_array_equal(record.indices, np.arange(19) % 2)
    np.testing.assert_array_equal(record.directions, [-1 if n % 4 in (0, 3) else 1 for n in range(19)])
    np.testing.assert_allclose(record.states, np.stack([np.cos(expected), -np.sin(expected)], axis=1), atol=1e-9)
    assert (np.abs(record.states[record.indices == 0, 0]) < 1e-13).all()  # on the interpolant, to rounding


@given(st.floats(0.02, 1.5), st.floats(1e-12, 1e-4), st.floats(0.0, 6.2))
@example(0.03, 1e-3, 0.0)
def test_pairs_of_zeros_within_one_step_are_found(half_gap, rtol, phase):
    # cos(t - phase) > cos(half_gap) for a time of 2 half_gap, within steps of up to about 1.
    oscillator = compile_field([V, -X], [X, V])
    level = np.cos(half_gap)
    watch = Events(compile_events([X - sympy.Float(float(level), 17)], [X, V]))
    start = [np.cos(phase), np.sin(phase)]
    run = integrate(oscillator, start, [0.0, 20.0], rtol=rtol, atol=rtol, events=watch)
    centres = phase + 2 * np.pi * np.arange(-1, 5)
    zeros = np.sort(np.concatenate([centres - half_gap, centres + half_gap]))
    # Zeros at the ends may fall on either side; the phase error of the run moves a zero by error/slope.
    slack = 1e-6 + 200 * rtol / np.sin(half_gap)
    certain = zeros[(zeros > slack) & (zeros < 20.0 - slack)]
    possible = zeros[(zeros > -slack) & (zeros < 20.0 + slack)]
    if slack < half_gap / 2:
        assert certain.size <= run.events.times.size <= possible.size
        for time in certain:
            assert np.abs(run.events.times - time).min() < slack


def test_a_pair_is_found_wherever_the_steps_end():
    # A parabola that dips below zero for 0.002 around a centre that wanders through the steps.
    field = compile_field([sympy.Integer(1)], [X])
    for centre in np.linspace(0.35, 6.5, 100):
        watch = Events(compile_events([(X - sympy.Float(float(centre), 17)) ** 2 - sympy.Rational(1, 10**6)], [X]))
        run = integrate(field, [0.0], [0.0, 7.0], events=watch, max_step=0.7)
        np.testing.assert_allclose(run.events.times, [centre - 1e-3, centre + 1e-3], atol=1e-11)
        np.testing.assert_array_equal(run.events.directions, [-1, 1])


@pytest.mark.parametrize(
    ("direction", "expected"),
    [(Direction.BOTH, [1, 2, 3, 4]), (Direction.RISING, [2, 4]), (Direction.FALLING, [1, 3])],
)
def test_direction_selects_events(oscillator, direction, expected):
    watch = Events(compile_events([sympy.sin(sympy.pi * T)], [X, V], time=T), direction=direction)
    run = integrate(oscillator, [1.0, 0.0], [0.25, 4.5], events=watch)
    np.testing.assert_allclose(run.events.times, expected, atol=1e-12)


def test_a_terminal_event_ends_the_trajectory_and_hides_what_comes_later(oscillator):
    functions = compile_events([X + sympy.Rational(1, 2), V, T - 1], [X, V], time=T)
    watch = Events(functions, terminal=[True, False, False])
    run = integrate(oscillator, [1.0, 0.0], np.linspace(0.0, 10.0, 101), events=watch)
    assert run.status is IntegrationStatus.STOPPED_BY_EVENT
    assert run.end_time == pytest.approx(2 * np.pi / 3, abs=1e-9)
    np.testing.assert_array_equal(run.events.indices, [2, 0])
    assert run.times[-1] <= run.end_time < run.times[-1] + 0.1
    np.testing.assert_allclose(run.states[:, 0], np.cos(run.times), atol=1e-9)
    assert run.states.shape == (21, 2)


def test_starting_on_a_zero_is_no_event_but_ending_on_one_is(oscillator):
    watch = Events(compile_events([V, T - 2], [X, V], time=T))
    run = integrate(oscillator, [1.0, 0.0], [0.0, 2.0], events=watch)
    np.testing.assert_array_equal(run.events.times, [2.0])
    np.testing.assert_array_equal(run.events.directions, [1])


def test_touching_zero_is_no_event():
    field = compile_field([sympy.Integer(1)], [X])
    watch = Events(compile_events([(X - sympy.pi) ** 2 + sympy.Rational(1, 10**12), sympy.exp(X)], [X]))
    assert integrate(field, [0.0], [0.0, 7.0], events=watch).events.times.size == 0


def test_hundreds_of_events_are_kept():
    field = compile_field([sympy.Integer(1)], [X])
    watch = Events(compile_events([sympy.sin(50 * X), sympy.cos(50 * X)], [X]))
    run = integrate(field, [0.01], [0.0, 20.0], events=watch, max_step=0.1)
    start, count = 0.01, run.events.times.size
    expected = np.arange(1, count + 1) * np.pi / 100 - start
    np.testing.assert_allclose(run.events.times, expected, atol=1e-11)
    assert count == int((20.0 + start) * 100 / np.pi)


def test_events_read_the_parameters(damped):
    watch = Events(compile_events([X - B], [X, V], parameters=[A, B]))
    run = integrate(damped, [1.0, 0.0], [0.0, 1.0], parameters=[0.0, 0.9], events=watch)
    assert run.events.times[0] == pytest.approx(np.arccos(0.9) / np.sqrt(0.9), abs=ACCUMULATED_DENSE * 1e-9)


# --- ensembles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 0])
def test_an_ensemble_is_the_loop_over_its_members(damped, threads):
    rng = np.random.default_rng(3)
    starts, parameters = rng.normal(size=(23, 2)), rng.uniform(0.1, 9.0, size=(23, 2))
    grid = np.linspace(0.0, 3.0, 7)
    many = integrate_ensemble(damped, starts, grid, parameters=parameters, threads=threads, vectorised=False)
    for s in range(23):
        one = integrate(damped, starts[s], grid, parameters=parameters[s])
        np.testing.assert_array_equal(many.states[s], one.states)
        assert (many.steps[s], many.rejected[s], many.evaluations[s]) == (one.steps, one.rejected, one.evaluations)
        assert many.statuses[s] is IntegrationStatus.COMPLETED
    assert many.states.shape == (23, 7, 2)


def test_an_ensemble_may_share_its_parameters(damped):
    shared = integrate_ensemble(damped, [[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0], parameters=[1.0, 2.0])
    own = integrate_ensemble(damped, [[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0], parameters=[[1.0, 2.0], [1.0, 2.0]])
    np.testing.assert_array_equal(shared.states, own.states)


def test_failing_members_do_not_take_the_others_with_them():
    field = compile_field([X**2], [X])
    starts, grid = [[0.5], [2.0], [0.1]], [0.0, 0.4, 1.0]
    with pytest.raises(IntegrationError, match="1 of 3 trajectories failed, the first is number 1") as caught:
        integrate_ensemble(field, starts, grid)
    many = integrate_ensemble(field, starts, grid, keep_failed=True)
    for ensemble in (caught.value.partial, many):
        np.testing.assert_allclose(ensemble.states[[0, 2], -1, 0], [1.0, 1 / 9], rtol=1e-8)
        assert ensemble.states[1, 1, 0] == pytest.approx(10.0, rel=1e-8)
        assert np.isnan(ensemble.states[1, 2, 0])
        assert ensemble.statuses[1] is IntegrationStatus.STEP_TOO_SMALL
        assert ensemble.end_times[1] == pytest.approx(0.5, abs=1e-6)


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("derivative", "start", "end", "status", "message", "last"),
    [
        (X**2, 1.0, 2.0, IntegrationStatus.STEP_TOO_SMALL, "blows up", 1.0),
        (-sympy.sqrt(X) - 1, 1.0, 5.0, IntegrationStatus.NOT_FINITE, "leaves the domain", 2 - 2 * np.log(2)),
        (-sympy.sign(X), 1.0, 5.0, IntegrationStatus.TOO_MANY_STEPS, "slide along a jump", 1.0),
        (-(10**7) * X, 1.0, 5.0, IntegrationStatus.TOO_MANY_STEPS, "stiff", None),
    ],
)
def test_a_failure_says_why_and_keeps_what_is_known(derivative, start, end, status, message, last):
    field = compile_field([derivative], [X])
    with pytest.raises(IntegrationError, match=message) as caught:
        integrate(field, [start], np.linspace(0.0, end, 11), max_steps=5000)
    partial = caught.value.partial
    assert partial.status is status
    assert np.isfinite(partial.states).all()
    assert 1 <= partial.times.size == partial.states.shape[0] < 11
    assert partial.times[-1] <= partial.end_time < end
    if last is not None:
        assert partial.end_time == pytest.approx(last, abs=1e-5)
    else:
        assert partial.steps + partial.rejected == 5000


def test_a_singular_start_is_told_from_a_singular_end():
    field = compile_field([-3 * X / T], [X], time=T)
    with pytest.raises(IntegrationError, match="start at t0 > 0 with the first Taylor terms") as caught:
        integrate(field, [1.0], [0.0, 1.0])
    assert caught.value.partial.status is IntegrationStatus.BAD_START
    assert caught.value.partial.evaluations == 1


def test_a_step_that_leaves_the_domain_is_retried_shorter():
    # sqrt(1 - x^2) is real up to x = 1 only; x = sin t never crosses it, but long trial steps do.
    field = compile_field([sympy.sqrt(1 - X**2)], [X])
    run = integrate(field, [0.0], [0.0, 1.5], rtol=1e-4, atol=1e-4)
    assert run.states[-1, 0] == pytest.approx(np.sin(1.5), abs=1e-3)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initial_state": [1.0]}, r"initial_state of shape \(2,\)"),
        ({"initial_state": [1.0, np.nan]}, "initial_state to be finite"),
        ({"times": [0.0]}, "at least two times"),
        ({"times": [0.0, 1.0, 1.0]}, "increase strictly"),
        ({"times": [-1.0, 1.0]}, "times >= 0"),
        ({"parameters": [1.0]}, "parameters of shape"),
        ({"rtol": 1e-15}, "Expected rtol >= 1e-1[34]"),
        ({"rtol": -1.0}, "Expected rtol >= "),
        ({"atol": 0.0}, "Expected atol > 0"),
        ({"max_steps": 0}, "max_steps >= 1"),
        ({"max_step": 0.0}, "max_step > 0"),
        ({"max_step": np.nan}, "max_step > 0"),
    ],
)
def test_bad_arguments_are_named(oscillator, changes, message):
    arguments = {"initial_state": [1.0, 0.0], "times": [0.0, 1.0], **changes}
    with pytest.raises(InvalidArgumentError, match=message):
        integrate(oscillator, **arguments)
    with pytest.raises(InvalidArgumentError, match=message):
        integrate_with_error_bar(oscillator, **arguments)


def test_an_error_bar_needs_room_for_its_tighter_run(oscillator):
    with pytest.raises(InvalidArgumentError, match="Expected rtol >= 1e-13 but got rtol=5e-14"):
        integrate_with_error_bar(oscillator, [1.0, 0.0], [0.0, 1.0], rtol=5e-14)


def test_fields_and_events_must_fit(oscillator, damped):
    with pytest.raises(InvalidArgumentError, match="1 functions of 2 states"):
        integrate(compile_events([X], [X, V]), [1.0, 0.0], [0.0, 1.0])
    watch = Events(compile_events([X], [X, V]))
    with pytest.raises(InvalidArgumentError, match="event functions of 2 states and 2 parameters"):
        integrate(damped, [1.0, 0.0], [0.0, 1.0], parameters=[1.0, 1.0], events=watch)
    with pytest.raises(InvalidArgumentError, match="one direction for each of 1 event functions but got 2"):
        Events(compile_events([X], [X]), direction=[Direction.BOTH, Direction.RISING])
    with pytest.raises(InvalidArgumentError, match=r"initial_states of shape \(any, 2\)"):
        integrate_ensemble(oscillator, [[1.0]], [0.0, 1.0])
    with pytest.raises(InvalidArgumentError, match=r"parameters of shape \(2, 2\)"):
        integrate_ensemble(damped, [[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0], parameters=[[1.0, 1.0]])
    with pytest.raises(InvalidArgumentError, match="threads >= 0"):
        integrate_ensemble(oscillator, [[1.0, 0.0]], [0.0, 1.0], threads=-1)


def test_a_field_from_numba_is_as_good_as_a_generated_one():
    from numba import cfunc, types

    pointer = types.CPointer(types.float64)

    @cfunc(types.void(types.float64, pointer, pointer, pointer))
    def decay(t, y, parameters, out):
        out[0] = -parameters[0] * y[0]

    field = CompiledField(decay.address, dimension=1, n_states=1, n_parameters=1, keep_alive=decay)
    ours = integrate(compile_field([-A * X], [X], parameters=[A]), [1.0], [0.0, 2.0], parameters=[0.7])
    np.testing.assert_array_equal(integrate(field, [1.0], [0.0, 2.0], parameters=[0.7]).states, ours.states)


def test_warming_compiles_all_that_the_doors_call(oscillator):
    _integrate_kernels.warm()
    # (What these two call shows no signatures when it comes from the disk.)
    kernels = [_integrate_kernels.integrate_one, _integrate_kernels.integrate_many]
    before = {k.__name__: len(k.signatures) for k in kernels}
    watch = Events(compile_events([X], [X, V]), terminal=True)
    integrate(oscillator, [1.0, 0.0], [0.0, 1.0, 3.0], events=watch)
    integrate_ensemble(oscillator, [[1.0, 0.0]], [0.0, 1.0, 3.0])
    assert {k.__name__: len(k.signatures) for k in kernels} == before
    assert set(before.values()) == {1}
