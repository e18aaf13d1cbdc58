"""Fits against curves whose law is known exactly; intervals against what they claim to cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, Nesterov
from odeflow.numeric.modal import mode_response
from odeflow.numeric.rates import (
    Law,
    crossing_time,
    envelope,
    fit_exponential,
    fit_power,
    fit_scaling,
    is_monotone,
    which_law,
)

# A straight line through exact data: rounding of log and of the normal equations.
EXACT = 1e-9
# Amplitude of the Bessel tail from maxima between grid points, window s in [20, 200]: next order 1/s^2.
AMPLITUDE_RTOL = 0.02
# Widest interval that still says something, relative to the exponent.
USEFUL = 0.2
# Of 200 curves at 95 %: fewer than 179 covered has probability 2e-4 when coverage is 95 %.
COVERED_OF_200 = 179


def loss(flow: Flow, eigenvalues: list[float] | np.ndarray, times: np.ndarray, weights: object = 1.0) -> np.ndarray:
    modes = mode_response(flow, np.asarray(eigenvalues, dtype=np.float64), times)
    return 0.5 * (np.broadcast_to(weights, (len(eigenvalues),))[:, None] * modes**2).sum(0)


def autoregressive(rng: np.random.Generator, count: int, memory: float, size: float) -> np.ndarray:
    noise = size * rng.standard_normal(count)
    for i in range(1, count):
        noise[i] += memory * noise[i - 1]
    return noise


# ---------------------------------------------------------------------------------------------- exact laws


@given(rate=st.floats(1e-3, 1e3), amplitude=st.floats(1e-10, 1e10), drop=st.floats(1.0, 55.0))
def test_an_exact_exponential_is_found_exactly(rate: float, amplitude: float, drop: float) -> None:
    times = np.linspace(0.0, drop / rate, 101)
    fit = fit_exponential(times, amplitude * np.exp(-rate * times))
    assert fit.exponent == pytest.approx(rate, rel=EXACT)
    assert fit.amplitude == pytest.approx(amplitude, rel=1e-7)
    assert fit.interval[0] - EXACT * rate <= rate <= fit.interval[1] + EXACT * rate
    assert fit.interval[1] - fit.interval[0] <= EXACT * rate
    assert not fit.oscillating


@given(power=st.floats(0.3, 8.0), amplitude=st.floats(1e-10, 1e10), start=st.floats(1e-2, 1e2))
def test_an_exact_power_is_found_exactly(power: float, amplitude: float, start: float) -> None:
    times = np.geomspace(start, 1e3 * start, 120)
    fit = fit_power(times, amplitude * (times / start) ** -power)
    assert fit.exponent == pytest.approx(power, rel=EXACT)
    assert fit.interval[1] - fit.interval[0] <= EXACT * power
    assert fit.amplitude == pytest.approx(amplitude * start**power, rel=1e-6)


def test_gradient_flow_shows_twice_its_smallest_eigenvalue() -> None:
    times = np.linspace(0.0, 20.0, 201)
    for eigenvalues in ([0.7], [1.0, 1.1], np.linspace(0.3, 3.0, 50)):
        fit = fit_exponential(times, loss(GradientFlow(), eigenvalues, times))
        assert fit.contains(2.0 * eigenvalues[0])
        assert fit.exponent == pytest.approx(2.0 * eigenvalues[0], rel=USEFUL)


@pytest.mark.parametrize("eigenvalues", [[1.0], [0.3, 0.7, 1.9], np.linspace(0.3, 4.0, 50)], ids=["1", "3", "50"])
def test_underdamped_heavy_ball_shows_its_damping(eigenvalues: object) -> None:
    """Every mode with lambda > b^2/4 has loss envelope exp(-b t)."""
    times = np.linspace(0.0, 60.0, 401)
    fit = fit_exponential(times, loss(HeavyBall(0.6), eigenvalues, times))
    assert fit.contains(0.6)
    assert fit.exponent == pytest.approx(0.6, rel=0.01)


def test_overdamped_heavy_ball_shows_its_slow_root() -> None:
    times = np.linspace(0.0, 60.0, 201)
    fit = fit_exponential(times, loss(HeavyBall(3.0), [0.5], times))
    assert fit.exponent == pytest.approx(2.0 * 0.5 / (1.5 + math.sqrt(1.75)), rel=EXACT)


@pytest.mark.parametrize("end", [5.0, 10.0, 20.0, 40.0])
@pytest.mark.parametrize("eigenvalues", [[1.0], [1.0, 3.0, 5.0]], ids=["alone", "with others"])
def test_the_critical_factor_widens_the_interval_until_it_holds_the_rate(end: float, eigenvalues: list[float]) -> None:
    """L = (1 + rt)^2 exp(-2rt)/2: over any window the slope is below 2r by about 2/t."""
    times = np.linspace(0.0, end, 201)
    fit = fit_exponential(times, loss(HeavyBall(2.0), eigenvalues, times))
    assert fit.exponent < 1.95
    assert fit.contains(2.0)
    assert fit.drift > 0.02
    if end >= 10.0:
        assert fit.interval[1] - fit.interval[0] < USEFUL * 2.0


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.0, 4.0, 5.5, 7.0, 9.0, 12.0])
def test_nesterov_shows_the_power_gamma(gamma: float) -> None:
    times = np.linspace(0.0, 200.0, 1501)
    fit = fit_power(times, loss(Nesterov(gamma), [1.0], times))
    assert fit.oscillating
    assert fit.contains(gamma)
    assert fit.exponent == pytest.approx(gamma, rel=0.005)
    # Envelope of phi^2/2: 2^gamma Gamma((gamma+1)/2)^2 / (2 pi) t^-gamma.
    amplitude = 2.0**gamma * math.gamma(0.5 * (gamma + 1.0)) ** 2 / (2.0 * math.pi)
    assert fit.amplitude == pytest.approx(amplitude, rel=AMPLITUDE_RTOL * gamma)


@pytest.mark.parametrize("gamma", [1.0, 3.0, 7.0])
def test_nesterov_with_several_modes_shows_the_power_gamma(gamma: float) -> None:
    times = np.linspace(0.0, 400.0, 2001)
    fit = fit_power(times, loss(Nesterov(gamma), [0.5, 1.0, 1.7], times))
    assert fit.contains(gamma)
    assert fit.interval[1] - fit.interval[0] < USEFUL * gamma


def test_the_wrong_exponent_is_outside_the_interval() -> None:
    """The paper's 2 gamma/3 for gamma = 7, and half the heavy-ball rate."""
    times = np.linspace(0.0, 200.0, 1001)
    assert not fit_power(times, loss(Nesterov(7.0), [1.0], times)).contains(14.0 / 3.0)
    times = np.linspace(0.0, 60.0, 401)
    assert not fit_exponential(times, loss(HeavyBall(0.6), [1.0], times)).contains(0.3)


# ------------------------------------------------------------------------------------------------ coverage


@pytest.mark.parametrize(("memory", "size"), [(0.0, 0.02), (0.0, 0.3), (0.5, 0.05), (0.9, 0.05), (1.0, 0.05)], ids=str)
def test_exponential_intervals_cover_noise_independent_or_not(memory: float, size: float) -> None:
    times = np.linspace(0.0, 100.0, 401)
    covered = 0
    for seed in range(200):
        noise = autoregressive(np.random.default_rng(seed), times.size, memory, size)
        fit = fit_exponential(times, np.exp(-0.2 * times + noise))
        covered += fit.contains(0.2)
        # Independent noise is no oscillation: every point is used.
        assert memory > 0.0 or fit.points > 150
    assert covered >= COVERED_OF_200


def test_power_intervals_cover_independent_noise() -> None:
    times = np.geomspace(1.0, 1e4, 300)
    covered = 0
    for seed in range(200):
        noise = 0.3 * np.random.default_rng(seed).standard_normal(times.size)
        covered += fit_power(times, times**-3.0 * np.exp(noise)).contains(3.0)
    # Eight blocks of unequal leverage: measured 91.5 %.
    assert covered >= COVERED_OF_200 - 5


@pytest.mark.parametrize("kind", ["gradient flow", "underdamped", "critical", "nesterov"])
def test_intervals_cover_smooth_curves_with_random_spectra(kind: str) -> None:
    """What is missed are slow modes of tiny weight, which no window shows."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 12))
        eigenvalues = np.sort(10.0 ** rng.uniform(-1.0, 1.0, count))
        weights = rng.standard_normal(count) ** 2
        low = float(eigenvalues[0])
        flow: Flow
        if kind == "gradient flow":
            flow, truth, end = GradientFlow(), 2.0 * low, 12.0 / low
        elif kind == "nesterov":
            gamma = float(rng.uniform(0.5, 9.0))
            flow, truth, end = Nesterov(gamma), gamma, 300.0 / math.sqrt(low)
        else:
            damping = (1.6 if kind == "underdamped" else 2.0) * math.sqrt(low)
            flow, truth, end = HeavyBall(damping), damping, 50.0 / damping
        times = np.linspace(0.0, end, 2001 if kind == "nesterov" else 401)
        curve = loss(flow, eigenvalues, times, weights)
        covered += (fit_power if kind == "nesterov" else fit_exponential)(times, curve).contains(truth)
        expected = Law.POWER if kind == "nesterov" else Law.EXPONENTIAL
        assert which_law(times, curve).law in (expected, None)
    # Measured 91, 100, 96 and 98; the margin is for other roundings.
    assert covered >= {"gradient flow": 89, "underdamped": 97, "critical": 93, "nesterov": 95}[kind]


# ------------------------------------------------------------------------------------------ floors, windows


@pytest.mark.parametrize("floor", [1e-4, 1e-8, 1e-15])
def test_a_noise_floor_is_found_and_never_fitted(floor: float) -> None:
    times = np.linspace(0.0, 100.0, 401)
    noise = floor * np.random.default_rng(0).chisquare(1, times.size)
    fit = fit_exponential(times, np.exp(-0.7 * times) + noise)
    assert fit.window[1] <= -math.log(30.0 * floor) / 0.7
    assert fit.contains(0.7)
    assert fit.exponent == pytest.approx(0.7, rel=0.02)


def test_a_plateau_is_found_and_never_fitted() -> None:
    times = np.linspace(0.0, 100.0, 401)
    fit = fit_exponential(times, np.exp(-0.7 * times) + 1e-6)
    assert fit.window[1] <= -math.log(0.9e-4) / 0.7
    assert fit.contains(0.7)


@pytest.mark.parametrize(("power", "end"), [(3.0, 1e3), (2.0, 1e5)])
def test_the_floor_under_a_power_law_is_found(power: float, end: float) -> None:
    times = np.linspace(0.0, end, 1001)
    for seed in range(20):
        noise = (1e-7 if power == 3.0 else 1e-9) * np.random.default_rng(seed).chisquare(1, times.size)
        fit = fit_power(times, (1.0 + times) ** -power + noise)
        assert fit.contains(power)
        assert fit.exponent == pytest.approx(power, rel=0.1)


def test_losses_below_1e26_of_the_first_are_rounding() -> None:
    times = np.linspace(0.0, 100.0, 401)
    fit = fit_exponential(times, 3.0 * np.exp(-times))
    assert fit.window[1] <= 26.0 * math.log(10.0)
    deeper = fit_exponential(times, 3.0 * np.exp(-times), floor=1e-40)
    assert deeper.window[1] > 26.0 * math.log(10.0)
    underflown = np.exp(-20.0 * times)
    assert underflown[-1] == 0.0
    assert fit_exponential(times, underflown, window=(0.0, 3.0)).contains(20.0)


def test_an_oscillating_curve_is_not_mistaken_for_a_floor() -> None:
    times = np.geomspace(0.1, 1e3, 4000)
    for gamma in (0.5, 1.0, 3.0):
        fit = fit_power(times, loss(Nesterov(gamma), [1.0], times))
        assert fit.window[1] > 900.0
        assert fit.exponent == pytest.approx(gamma, rel=0.02)


def test_a_slow_mode_that_takes_over_is_not_a_floor() -> None:
    times = np.linspace(0.0, 100.0, 401)
    fit = fit_exponential(times, np.exp(-times) + 1e-4 * np.exp(-0.05 * times))
    assert fit.exponent == pytest.approx(0.05, rel=1e-6)


def test_a_smooth_slow_tail_is_not_a_floor() -> None:
    times = np.linspace(0.0, 1e3, 1001)
    fit = fit_power(times, np.exp(-times) + 1e-3 / np.sqrt(1.0 + times), window=(100.0, 1e3))
    assert fit.window[1] == 1e3
    assert fit.contains(0.5)


def test_a_given_window_is_used_and_reported() -> None:
    times = np.linspace(0.0, 10.0, 101)
    fit = fit_exponential(times, np.exp(-times) + np.exp(-3.0 * times), window=(8.0, 9.5))
    assert fit.window == (pytest.approx(8.0), pytest.approx(9.5))
    assert fit.points == 16
    assert fit.contains(1.0)


# -------------------------------------------------------------------------------------------- which law


@given(rate=st.floats(0.05, 10.0), drop=st.floats(8.0, 50.0))
@settings(max_examples=50)
def test_exponentials_are_called_exponential(rate: float, drop: float) -> None:
    times = np.linspace(0.0, drop / rate, 201)
    evidence = which_law(times, np.exp(-rate * times))
    assert evidence.law is Law.EXPONENTIAL
    assert evidence.bend == pytest.approx(0.0, abs=1e-3)


@given(power=st.floats(1.2, 9.0), linear=st.booleans())
@settings(max_examples=50)
def test_powers_are_called_powers(power: float, linear: bool) -> None:
    times = np.linspace(1.0, 500.0, 2000) if linear else np.geomspace(1.0, 1e3, 200)
    evidence = which_law(times, times**-power)
    assert evidence.law is Law.POWER
    assert evidence.bend == pytest.approx(1.0, abs=1e-3)


def test_heavy_ball_is_exponential_and_nesterov_a_power() -> None:
    times = np.linspace(0.0, 60.0, 801)
    assert which_law(times, loss(HeavyBall(0.6), [0.3, 0.7, 1.9], times)).law is Law.EXPONENTIAL
    times = np.linspace(0.0, 200.0, 1501)
    for gamma in (2.0, 3.0, 7.0):
        assert which_law(times, loss(Nesterov(gamma), [1.0], times)).law is Law.POWER


def test_a_fast_transient_does_not_hide_the_exponential() -> None:
    times = np.linspace(0.0, 40.0, 401)
    assert which_law(times, 0.99 * np.exp(-5.0 * times) + 0.01 * np.exp(-0.5 * times)).law is Law.EXPONENTIAL


def test_a_stretched_exponential_is_undecided() -> None:
    times = np.linspace(0.0, 1e3, 1001)
    evidence = which_law(times, np.exp(-np.sqrt(times)))
    assert evidence.law is None
    assert evidence.bend == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_pure_noise_has_no_law(seed: int) -> None:
    times = np.linspace(0.0, 100.0, 401)
    assert which_law(times, np.random.default_rng(seed).chisquare(3, times.size)).law is None
    assert which_law(times, 1e-30 * np.random.default_rng(seed).chisquare(3, times.size)).law is None


def test_too_little_decay_is_undecided() -> None:
    times = np.linspace(0.0, 100.0, 401)
    assert which_law(times, np.ones(times.size)).law is None
    assert "factor" in which_law(times, np.exp(-0.01 * times)).reason
    assert which_law(np.array([0.0, 1.0]), np.array([1.0, 0.1])).law is None


# ------------------------------------------------------------------------------- envelope, order, crossings


def test_the_envelope_touches_a_sampled_oscillation_between_grid_points() -> None:
    times = np.linspace(0.0, 50.0, 801)
    when, height = envelope(times, np.exp(-0.1 * times) * np.cos(times) ** 2)
    # Stationary points: tan t = -1/20; there cos^2 = 1/(1 + 1/400).
    expected = np.pi * np.arange(1, when.size + 1) - math.atan(0.05)
    np.testing.assert_allclose(when, expected, atol=2e-3)
    np.testing.assert_allclose(height, np.exp(-0.1 * expected) / (1.0 + 1.0 / 400.0), rtol=1e-4)
    assert envelope(times, np.exp(-times))[0].size == 0


@given(st.lists(st.floats(0.0, 1.0), min_size=5, max_size=30))
def test_the_envelope_is_never_much_above_the_curve(values: list[float]) -> None:
    curve = np.array(values)
    when, height = envelope(np.arange(curve.size), curve)
    for t, h in zip(when, height, strict=True):
        top = curve[round(float(t)) - 1 : round(float(t)) + 2].max()
        assert h <= 1.125 * top + 1e-12


def test_monotone_means_no_rise_beyond_the_tolerance() -> None:
    assert is_monotone([3.0, 2.0, 2.0, 1.0])
    assert not is_monotone([3.0, 2.0, 2.0001, 1.0])
    assert is_monotone([3.0, 2.0, 2.0001, 1.0], tolerance=1e-4)
    times = np.linspace(0.0, 20.0, 401)
    assert is_monotone(loss(GradientFlow(), [0.3, 2.0], times))
    assert is_monotone(loss(HeavyBall(2.0), [0.3, 1.0], times))
    assert not is_monotone(loss(HeavyBall(1.0), [1.0], times))


@given(slow=st.floats(0.1, 1.0), fast=st.floats(1.5, 5.0), start=st.floats(0.5, 20.0), points=st.integers(60, 400))
def test_two_exponentials_cross_where_they_must(slow: float, fast: float, start: float, points: int) -> None:
    expected = start / (fast - slow)
    times = np.linspace(0.0, 2.0 * expected, points)
    a, b = np.exp(start - fast * times), np.exp(-slow * times)
    assert crossing_time(times, a, b) == pytest.approx(expected, rel=1e-9)
    assert crossing_time(times, b, a) == pytest.approx(expected, rel=1e-9)


def test_the_last_crossing_counts_and_touching_does_not() -> None:
    times = np.linspace(0.0, 5.0, 6)
    assert crossing_time(times, [1.0, -1.0, -1.0, 1.0, 1.0, 1.0], np.zeros(6)) == pytest.approx(2.5)
    assert crossing_time(times, [1.0, 0.0, 1.0, 1.0, 1.0, 1.0], np.zeros(6)) is None
    assert crossing_time(times, [1.0, 1.0, 0.0, 0.0, -3.0, -3.0], np.zeros(6)) == pytest.approx(2.5)
    assert crossing_time(times, np.ones(6), np.ones(6)) is None


def test_gradient_flow_overtakes_nesterov_once_and_for_all() -> None:
    times = np.linspace(0.0, 60.0, 6001)
    crossing = crossing_time(times, loss(GradientFlow(), [0.3], times), loss(Nesterov(3.0), [0.3], times))
    assert crossing is not None
    after = times > crossing + 0.02
    nesterov_top = 0.5 * 2.0**3 / math.pi * (math.sqrt(0.3) * times[after]) ** -3.0
    assert (loss(GradientFlow(), [0.3], times[after]) < nesterov_top).all()


# ------------------------------------------------------------------------------------------------- scaling


def test_scaling_intervals_cover_the_exponent() -> None:
    widths = np.array([64.0, 256.0, 1024.0, 4096.0])
    covered = 0
    for seed in range(200):
        noise = np.exp(0.4 * np.random.default_rng(seed).standard_normal((4, 5)))
        fit = fit_scaling(widths, 3.0 * noise * widths[:, None] ** -0.5)
        covered += fit.interval[0] <= -0.5 <= fit.interval[1]
    assert COVERED_OF_200 <= covered < 200


def test_scaling_with_several_seeds_is_the_interval_of_the_mean_slope() -> None:
    widths = np.array([10.0, 30.0, 100.0])
    values = np.exp(np.random.default_rng(3).standard_normal((3, 6)))
    fit = fit_scaling(widths, values, confidence=0.9)
    slopes = [stats.linregress(np.log(widths), np.log(column)).slope for column in values.T]
    interval = stats.ttest_1samp(slopes, 0.0).confidence_interval(0.9)
    assert fit.interval == (pytest.approx(interval.low, rel=1e-10), pytest.approx(interval.high, rel=1e-10))


def test_scaling_with_one_seed_is_the_textbook_regression() -> None:
    widths = np.array([10.0, 30.0, 100.0, 500.0, 900.0])
    values = np.array([1.0, 0.7, 0.31, 0.2, 0.11])[:, None]
    fit = fit_scaling(widths, values, confidence=0.9)
    reference = stats.linregress(np.log(widths), np.log(values[:, 0]))
    half = stats.t.ppf(0.95, 3) * reference.stderr
    assert fit.exponent == pytest.approx(reference.slope, rel=1e-12)
    assert fit.interval == (pytest.approx(reference.slope - half), pytest.approx(reference.slope + half))
    assert fit.amplitude == pytest.approx(math.exp(reference.intercept), rel=1e-12)


@given(exponent=st.floats(-3.0, 3.0), bend=st.floats(0.0, 0.2))
def test_scaling_reports_curvature(exponent: float, bend: float) -> None:
    x = np.log(np.geomspace(1.0, 100.0, 5))
    fit = fit_scaling(np.exp(x), np.exp(exponent * x + bend * x * x)[:, None].repeat(2, axis=1))
    # Between the middles of the two halves the local slope changes by 2 bend times half the span.
    assert fit.curvature == pytest.approx(2.0 * bend * 0.5 * float(x[-1]), abs=1e-9)
    assume(bend < 1e-12)
    assert fit.exponent == pytest.approx(exponent, abs=1e-9)


# -------------------------------------------------------------------------------------------------- errors

GRID = np.linspace(0.0, 10.0, 101)
CURVE = np.exp(-GRID)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_exponential(GRID, CURVE[:-1]), "on the grid of times"),
        (lambda: fit_exponential(GRID, -CURVE), "losses > 0"),
        (lambda: fit_power(GRID, np.where(GRID == 5.0, 0.0, CURVE)), "losses > 0"),
        (lambda: which_law(GRID, np.zeros(101)), "losses > 0"),
        (lambda: fit_exponential(GRID[:6], CURVE[:6]), "at least 8 points"),
        (lambda: fit_exponential(GRID, CURVE, window=(9.0, 9.5)), "at least 8 points"),
        (lambda: fit_exponential(GRID, CURVE, window=(20.0, 30.0)), "got 0"),
        (lambda: fit_exponential(GRID, CURVE, window=(3.0, 2.0)), "start < end"),
        (lambda: fit_exponential(GRID, CURVE, confidence=1.0), "0 < confidence < 1"),
        (lambda: fit_exponential(GRID, CURVE, floor=-1.0), "floor >= 0"),
        (lambda: fit_exponential(GRID, np.ones(101)), "above the floor"),
        (lambda: fit_exponential(GRID, np.cos(0.7 * GRID) ** 2 * CURVE), "at least 4 maxima"),
        (lambda: is_monotone([1.0, 2.0], tolerance=-1.0), "tolerance >= 0"),
        (lambda: crossing_time([0.0, 1.0], [1.0, 2.0], [1.0]), "expected b|Expected b"),
        (lambda: envelope([0.0, 1.0], [1.0]), "Expected losses on the grid"),
        (lambda: fit_scaling([1.0], [[1.0, 2.0]]), "at least 2 distinct"),
        (lambda: fit_scaling([1.0, 2.0], [[1.0], [2.0]]), "at least 3 distinct"),
        (lambda: fit_scaling([1.0, 1.0, 2.0], [[1.0], [2.0], [3.0]]), "each once"),
        (lambda: fit_scaling([1.0, 2.0], [[1.0, 1.0], [0.0, 1.0]]), "values > 0"),
        (lambda: fit_scaling([1.0, 2.0], [[1.0, 1.0]]), "values of shape"),
    ],
)
def test_bad_arguments_are_refused_with_a_reason(call: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        call()  # type: ignore[operator]
