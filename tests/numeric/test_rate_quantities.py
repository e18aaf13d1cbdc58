"""The three quantities that are called convergence rate, and how they are related."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.rate_quantities import loss_rate, loss_ratio, residual_factor, residual_rate

ROUNDING = 1e-13
"""A handful of roundings of numbers of order one."""

rates = st.floats(1e-9, 5.0)


@given(rate=rates, step=st.floats(0.1, 10.0), power=st.sampled_from([2, 4, 6]))
def test_an_exponential_residual_has_these_rates(rate: float, step: float, power: int) -> None:
    times = step * np.arange(4.0)
    losses = np.exp(-power * rate * times) + 0.0
    near = pytest.approx
    slack = 1e-15 / (rate * step)  # the losses themselves are rounded
    assume(losses[-1] > 1e-300)
    assert residual_rate(losses, times=times, power=power) == near(rate, rel=ROUNDING + slack)
    assert loss_rate(losses, times=times) == near(power * rate, rel=ROUNDING + slack)


@given(rate=rates)
def test_the_loss_ratio_is_two_xi_minus_xi_squared(rate: float) -> None:
    losses = np.exp(-2.0 * rate * np.arange(3.0))
    xi = residual_factor(losses)
    assert loss_ratio(losses) == pytest.approx(2.0 * xi - xi**2, rel=1e-12, abs=1e-300)
    assert loss_ratio(losses) == pytest.approx(-np.expm1(-loss_rate(losses)), rel=1e-12, abs=1e-300)
    assert xi == pytest.approx(-np.expm1(-residual_rate(losses)), rel=1e-12, abs=1e-300)


def test_gradient_descent_on_one_mode_has_xi_equal_to_eta_lambda() -> None:
    eta, lam, error, losses = 0.1, 0.7, 1.0, []
    for _ in range(5):
        losses.append(0.5 * error**2)
        error -= eta * lam * error
    assert residual_factor(losses) == pytest.approx(eta * lam, rel=1e-12)
    assert loss_ratio(losses) == pytest.approx(1.0 - (1.0 - eta * lam) ** 2, rel=1e-12)


def test_small_decreases_keep_their_digits() -> None:
    assert loss_ratio([1.0, 1.0 - 2.0**-50])[0] == 2.0**-50


def test_differences_of_close_losses_are_not_rounded_through_a_quotient() -> None:
    losses = [3.0, float(np.nextafter(3.0, 0.0))]
    exact = 1 - Fraction(losses[1]) / Fraction(losses[0])
    assert loss_ratio(losses)[0] == pytest.approx(float(exact), rel=1e-15, abs=0.0)


@pytest.mark.parametrize("power", [1, 2, 4])
def test_the_residual_factor_takes_the_root_of_the_power(power: int) -> None:
    assert residual_factor([1.0, 0.75**power], power=power)[0] == pytest.approx(0.25, rel=1e-14)


def test_a_loss_that_rises_has_a_negative_rate_and_one_that_vanishes_an_infinite_one() -> None:
    assert loss_ratio([1.0, 2.0])[0] == -1.0
    assert loss_rate([1.0, 2.0])[0] == pytest.approx(-np.log(2.0))
    assert loss_rate([1.0, 0.0])[0] == np.inf
    assert residual_factor([1.0, 0.0])[0] == 1.0


@pytest.mark.parametrize(("before", "after"), [(300, -300), (10, -312), (0, -310), (308, -323)])
def test_a_fall_too_deep_for_a_float_quotient_keeps_its_finite_rate(before: int, after: int) -> None:
    losses = [float(f"1e{before}"), float(f"1e{after}")]
    exact = math.log(Fraction(losses[0]).numerator) - (
        math.log(Fraction(losses[1]).numerator) - math.log(Fraction(losses[1]).denominator)
    )
    assert loss_rate(losses)[0] == pytest.approx(exact - math.log(Fraction(losses[0]).denominator), rel=1e-14)
    assert residual_factor(losses)[0] == 1.0


@pytest.mark.parametrize("losses", [[1.0], [1.0, 0.0, 1.0], [1.0, -1.0], [np.nan, 1.0], [1e-300, 1e300]])
def test_losses_must_be_positive_finite_and_at_least_two(losses: list[float]) -> None:
    with pytest.raises(InvalidArgumentError):
        loss_ratio(losses)


def test_times_must_fit_the_losses() -> None:
    with pytest.raises(InvalidArgumentError, match="Expected 2 times"):
        loss_rate([2.0, 1.0], times=[0.0, 1.0, 2.0])
    with pytest.raises(InvalidArgumentError, match="increase"):
        loss_rate([2.0, 1.0], times=[1.0, 1.0])
    with pytest.raises(InvalidArgumentError, match="power"):
        residual_rate([2.0, 1.0], power=0)
