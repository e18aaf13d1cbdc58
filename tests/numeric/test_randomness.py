"""The randomness tests against SciPy, enumeration and Monte Carlo; their power is what they say it is."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import randomness
from odeflow.numeric.randomness import (
    RandomnessTest,
    TestKind,
    autoregression_of_turning_share,
    count_turning_points,
    deviation_test,
    kolmogorov_smirnov,
    kolmogorov_smirnov_power,
    mean_test,
    turning_point_counts,
    turning_point_moments,
    turning_points,
    turning_share_of_autoregression,
)

DRAWS = 500
FAR = 5.0
"""Standard errors of a Monte Carlo share beyond which it counts as different."""


def share_rejected(draw: Callable[[np.random.Generator], RandomnessTest], seed: int) -> tuple[float, float]:
    """Return the share of rejections and its standard error (at least that of one rejection)."""
    rng = np.random.default_rng(seed)
    share = sum(draw(rng).rejects for _ in range(DRAWS)) / DRAWS
    return share, math.sqrt(max(share * (1.0 - share), 1.0 / DRAWS) / DRAWS)


@pytest.mark.parametrize("n", range(3, 8))
def test_counts_by_recurrence_are_those_of_all_orders(n: int) -> None:
    found = Counter(count_turning_points([float(x) for x in order]) for order in itertools.permutations(range(n)))
    assert turning_point_counts(n) == tuple(found[k] for k in range(n - 1))


@pytest.mark.parametrize("n", [4, 5, 6, 7, 30, 100])
def test_moments_are_exactly_those_of_the_counts(n: int) -> None:
    counts = turning_point_counts(n)
    assert sum(counts) == math.factorial(n)
    mean = Fraction(sum(k * c for k, c in enumerate(counts)), math.factorial(n))
    square = Fraction(sum(k * k * c for k, c in enumerate(counts)), math.factorial(n))
    assert (mean, square - mean**2) == turning_point_moments(n)


def test_the_normal_law_takes_over_where_it_is_good_enough() -> None:
    n = randomness.EXACT_UP_TO + 1
    mean, variance = (float(m) for m in turning_point_moments(n))
    for count in range(n - 1):
        normal = 2.0 * stats.norm.sf(max(abs(count - mean) - 0.5, 0.0) / math.sqrt(variance))
        assert abs(min(1.0, normal) - randomness._exact_p(n, count)) < 0.004


@pytest.mark.parametrize("n", [50, 400])
def test_the_turning_point_test_has_its_level_and_at_most_that(n: int) -> None:
    share, error = share_rejected(lambda rng: turning_points(rng.standard_normal(n)), seed=1)
    assert share < 0.05 + FAR * error
    assert share > 0.01


def test_a_common_random_scale_is_far_from_independent_and_passes_at_the_level() -> None:
    def scaled(rng: np.random.Generator) -> RandomnessTest:
        return turning_points(rng.standard_cauchy() * rng.standard_normal(200))

    share, error = share_rejected(scaled, seed=2)
    assert share < 0.05 + FAR * error


def test_turning_points_find_the_autoregression_they_claim_to_detect() -> None:
    n = 400
    asked = turning_points(np.random.default_rng(0).standard_normal(n)).detectable
    rho = autoregression_of_turning_share(2.0 / 3.0 - 1.2 * asked)

    def correlated(rng: np.random.Generator) -> RandomnessTest:
        noise = rng.standard_normal(n + 100)
        values = [0.0]
        for z in noise:
            values.append(rho * values[-1] + z)
        return turning_points(values[-n:])

    share, error = share_rejected(correlated, seed=3)
    assert share > 0.8 - FAR * error


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.5, 0.99])
def test_the_share_of_an_autoregression_agrees_with_its_orthant_probability(rho: float) -> None:
    gaps = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
    covariance = gaps @ np.array([[rho ** abs(i - j) for j in range(3)] for i in range(3)]) @ gaps.T
    both_up = stats.multivariate_normal.cdf([0.0, 0.0], cov=covariance)
    share = turning_share_of_autoregression(rho)
    assert share == pytest.approx(1.0 - 2.0 * both_up, abs=1e-6)
    assert autoregression_of_turning_share(share) == pytest.approx(rho, abs=1e-12)


def test_kolmogorov_smirnov_agrees_with_the_sorted_sample() -> None:
    sample = 0.1 * np.random.default_rng(4).standard_normal(500)
    result = kolmogorov_smirnov(sample, deviation=0.1)
    at = stats.norm.cdf(np.sort(sample) / 0.1)
    ranks = np.arange(501) / 500
    distance = max((ranks[1:] - at).max(), (at - ranks[:-1]).max())
    assert result.kind is TestKind.KOLMOGOROV_SMIRNOV
    assert result.effect == result.statistic == pytest.approx(distance, rel=1e-12)
    assert result.p_value == pytest.approx(stats.kstwo.sf(distance, 500), rel=1e-9)
    assert result.effect_interval[0] <= distance <= result.effect_interval[1]


@pytest.mark.parametrize("n", [100, 1000])
def test_the_interval_of_the_distance_is_wide_enough_and_hardly_wider(n: int) -> None:
    result = kolmogorov_smirnov(stats.norm.ppf((np.arange(n) + 0.5) / n, loc=1.0))
    half = result.effect_interval[1] - result.effect
    critical = stats.kstwo.ppf(0.95, n)  # of sup |F_n - F|: the smallest half-width that can be right
    assert critical <= half <= 1.03 * critical
    assert result.effect_interval[0] == pytest.approx(result.effect - half, rel=1e-12)


def test_the_kolmogorov_smirnov_power_bound_is_a_bound_and_not_far_off() -> None:
    n, shift = 100, 0.35
    bound = kolmogorov_smirnov_power(n, stats.norm.cdf(0.5 * shift), stats.norm.cdf(-0.5 * shift))
    share, error = share_rejected(lambda rng: kolmogorov_smirnov(shift + rng.standard_normal(n)), seed=5)
    assert share > bound - FAR * error
    assert bound > 0.5 * share


@pytest.mark.parametrize(("n", "null", "true"), [(100, 0.5, 0.7), (37, 0.3, 0.6), (20, 0.9, 0.4), (5, 0.0, 1.0)])
def test_the_power_bound_does_not_depend_on_the_side(n: int, null: float, true: float) -> None:
    below, above = kolmogorov_smirnov_power(n, null, true), kolmogorov_smirnov_power(n, 1.0 - null, 1.0 - true)
    assert below == pytest.approx(above, abs=1e-12)
    critical = stats.kstwo.ppf(0.95, n)
    rejecting = [k for k in range(n + 1) if abs(k / n - null) >= critical]
    assert below == pytest.approx(stats.binom.pmf(rejecting, n, true).sum(), abs=1e-12)


def test_more_turning_points_than_expected_are_a_positive_effect() -> None:
    zigzag = turning_points([float(i * (-1) ** i) for i in range(1, 13)])
    assert zigzag.effect == pytest.approx(1.0 / 3.0)
    assert turning_points(np.arange(12.0)).effect == pytest.approx(-2.0 / 3.0)


def test_beyond_the_exact_sizes_p_values_are_as_good_as_promised() -> None:
    n, rng = randomness.EXACT_UP_TO + 1, np.random.default_rng(10)
    for _ in range(20):
        sequence = rng.standard_normal(n)
        exact = randomness._exact_p(n, count_turning_points(sequence))
        assert abs(min(1.0, turning_points(sequence).p_value) - exact) < 0.004


@pytest.mark.parametrize("power", [0.8, 0.99])  # at 0.8 Hoeffding's inequality has a factor 2 to spare, at 0.99 not
def test_at_the_detectable_distance_every_alternative_is_found_with_the_power_asked_for(power: float) -> None:
    n = 200
    distance = kolmogorov_smirnov(np.linspace(-1.0, 1.0, n), power=power).detectable
    powers = [kolmogorov_smirnov_power(n, share, share + distance) for share in np.linspace(0.0, 1.0 - distance, 41)]
    assert min(powers) > power


def test_the_detectable_distance_is_detected() -> None:
    n = 200
    asked = kolmogorov_smirnov(np.linspace(-1.0, 1.0, n)).detectable
    shift = 2.0 * stats.norm.ppf(0.5 + 0.5 * asked)  # laws at distance 2 Phi(shift/2) - 1
    share, error = share_rejected(lambda rng: kolmogorov_smirnov(shift + rng.standard_normal(n)), seed=6)
    assert share > 0.8 - FAR * error


@pytest.mark.parametrize("power", [0.5, 0.9])
def test_mean_and_deviation_tests_find_what_they_claim_to_detect(power: float) -> None:
    n = 60
    shift = mean_test([0.0, 1.0] * 30, power=power).detectable
    share, error = share_rejected(lambda rng: mean_test(shift + rng.standard_normal(n)), seed=7)
    assert abs(share - power) < FAR * error + 0.02  # the normal law in place of the noncentral t
    scale = math.exp(deviation_test([0.0, 1.0] * 30, power=power).detectable)
    share, error = share_rejected(lambda rng: deviation_test(scale * rng.standard_normal(n)), seed=8)
    assert abs(share - power) < FAR * error


def test_intervals_cover_the_true_effect() -> None:
    rng = np.random.default_rng(9)
    inside = np.zeros(2)
    for _ in range(DRAWS):
        sample = 0.2 + 1.5 * rng.standard_normal(40)
        low, high = mean_test(sample).effect_interval
        inside[0] += low <= 0.2 <= high
        low, high = deviation_test(sample).effect_interval
        inside[1] += low <= math.log(1.5) <= high
    assert np.abs(inside / DRAWS - 0.95).max() < FAR * math.sqrt(0.95 * 0.05 / DRAWS)


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_mean_and_deviation_tests_have_no_scale_of_their_own(scale: float) -> None:
    sample = np.array([0.3, -1.2, 2.5, 0.9, -0.4])
    scipy = stats.ttest_1samp(sample, 0.1)
    mean = mean_test(scale * sample, mean=0.1 * scale, deviation=2.0 * scale)
    assert (mean.statistic, mean.p_value) == pytest.approx((scipy.statistic, scipy.pvalue), rel=1e-12)
    assert mean.effect == pytest.approx((sample.mean() - 0.1) / 2.0, rel=1e-12)
    low, high = scipy.confidence_interval(0.95)
    assert mean.effect_interval == pytest.approx(((low - 0.1) / 2.0, (high - 0.1) / 2.0), rel=1e-12)
    spread = deviation_test(scale * sample, deviation=2.0 * scale)
    assert spread.statistic == pytest.approx(4.0 * sample.var(ddof=1) / 4.0, rel=1e-12)
    assert spread.p_value == pytest.approx(
        2.0 * min(stats.chi2(4).cdf(spread.statistic), stats.chi2(4).sf(spread.statistic))
    )


def test_values_at_the_ends_of_the_floats_are_tested_all_the_same() -> None:
    assert count_turning_points([1.5e308, -1.5e308, 1.5e308]) == count_turning_points([5e-324, 0.0, 5e-324]) == 1
    assert deviation_test([0.0, 1e-200]).rejects
    assert mean_test([1.0, 1.0 + 2.0**-52]).rejects


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: count_turning_points([1.0, 2.0]), "three values"),
        (lambda: count_turning_points([1.0, 2.0, 2.0]), "no equal neighbours"),
        (lambda: turning_points([1.0, 2.0, 1.0]), "size >= 4"),
        (lambda: turning_points([1.0, 2.0, 1.0, 3.0], level=0.0), "0 < level < 1"),
        (lambda: turning_points([1.0, 2.0, 1.0, 3.0], power=1.0), "0 < power < 1"),
        (lambda: kolmogorov_smirnov([1.0], deviation=0.0), "deviation > 0"),
        (lambda: kolmogorov_smirnov_power(10, -0.1, 0.5), "null_share"),
        (lambda: mean_test([1.0, 1.0]), "differ"),
        (lambda: deviation_test([1.0]), "differ"),
        (lambda: turning_share_of_autoregression(1.0), "coefficient"),
        (lambda: autoregression_of_turning_share(0.4), "share"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_expected(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        call()
