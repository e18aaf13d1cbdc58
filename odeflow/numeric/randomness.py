"""Do trained weights still look like their random initialisation, and could this test have told if they did not?

A p-value alone says neither. Every result therefore carries the effect, with an interval, and the smallest effect that
the test finds with a given probability (its power) at this sample size.

    Kolmogorov-Smirnov    D = sup |F_n - F|, F a given normal law; p-value of SciPy's exact distribution
    turning points        T = #{i : x_i is a strict local extremum}; for exchangeable x without ties
                          E T = 2 (n - 2) / 3 and Var T = (16 n - 29) / 90, exactly
    mean, deviation       Student's t for the mean, chi-squared for the standard deviation

No test shows that values are independent and identically distributed. The turning-point count has one and the same law
for every exchangeable sequence: values with a common random scale, far from independent, pass at exactly the level.

References
----------
Kendall and Stuart (1976), The advanced theory of statistics, volume 3, turning points; Andre (1884), the recurrence of
the runs of permutations; Massart (1990), the constant of the Dvoretzky-Kiefer-Wolfowitz inequality.
"""

from __future__ import annotations

import enum
import functools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy  # `scipy.stats` takes long to import and loads when it is first used
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_vector, refuse_overflow, require_count, require_finite, require_positive

__all__ = [
    "RandomnessTest",
    "TestKind",
    "autoregression_of_turning_share",
    "count_turning_points",
    "deviation_test",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_power",
    "mean_test",
    "turning_point_counts",
    "turning_point_moments",
    "turning_points",
    "turning_share_of_autoregression",
]

EXACT_UP_TO = 100
"""Turning points of longer sequences are tested by the normal law with a continuity correction: p is off by < 0.004."""


class TestKind(enum.Enum):
    """Which test."""

    __test__ = False  # not a test case, whatever its name begins with

    KOLMOGOROV_SMIRNOV = "Kolmogorov-Smirnov"
    TURNING_POINTS = "turning points"
    MEAN = "mean"
    DEVIATION = "standard deviation"


@dataclass(frozen=True)
class RandomnessTest:
    """The outcome of one test.

    Attributes
    ----------
    kind : TestKind
    size : int
        Number of values n.
    statistic : float
        D; the number of turning points; Student's t; the chi-squared statistic.
    p_value : float
        Probability of a statistic at least as far out, under the null hypothesis.
    effect : float
        Distance from the null hypothesis: D; share of turning points minus 2/3; mean minus the null mean in null
        deviations; log of the ratio of deviations.
    effect_interval : tuple[float, float]
        Interval at level 1 - `level` for the effect.
    detectable : float
        Effect from which on the test rejects with probability at least `power`.
    level, power : float
        Size of the test, and the power that `detectable` refers to.
    """

    kind: TestKind
    size: int
    statistic: float
    p_value: float
    effect: float
    effect_interval: tuple[float, float]
    detectable: float
    level: float
    power: float

    @property
    def rejects(self) -> bool:
        """Whether the null hypothesis is rejected at `level`."""
        return self.p_value <= self.level


@refuse_overflow()
def kolmogorov_smirnov(
    sample: ArrayLike, *, mean: float = 0.0, deviation: float = 1.0, level: float = 0.05, power: float = 0.8
) -> RandomnessTest:
    """Test whether a sample comes from a given normal law, two-sided.

    Parameters
    ----------
    sample
        Values, (n,).
    mean, deviation
        Of the null law; they must not be estimated from the sample.
    level, power
        In (0, 1).

    Returns
    -------
    RandomnessTest
        effect: D, the Kolmogorov distance of the sample from the law; its interval for the distance of the sample's
        own law is that of Dvoretzky, Kiefer, Wolfowitz and Massart. detectable: distance at which the rejection has at
        least the power asked for, by Hoeffding's inequality; no alternative at that distance is harder. Above 1, which
        no distance exceeds, it promises nothing: the sample is too small.

    Raises
    ------
    InvalidArgumentError
        A deviation that is not positive; a level or power outside (0, 1); an entry that is not finite.

    Examples
    --------
    >>> far = kolmogorov_smirnov(np.linspace(-1.0, 1.0, 200), deviation=0.1)
    >>> far.rejects, round(far.effect, 3)
    (True, 0.38)
    """
    values = as_vector("sample", sample)
    alpha, asked = _checked_shares(level, power)
    law = scipy.stats.norm(require_finite("mean", mean), require_positive("deviation", deviation))
    found = scipy.stats.kstest(values, law.cdf)
    distance, n = float(found.statistic), values.size
    half = math.sqrt(math.log(2.0 / alpha) / (2.0 * n))
    critical = _critical_distance(alpha, n)
    detectable = critical + math.sqrt(-math.log1p(-asked) / (2.0 * n))
    interval = (max(distance - half, 0.0), min(distance + half, 1.0))
    return RandomnessTest(
        TestKind.KOLMOGOROV_SMIRNOV, n, distance, float(found.pvalue), distance, interval, detectable, alpha, asked
    )


def kolmogorov_smirnov_power(size: int, null_share: float, true_share: float, *, level: float = 0.05) -> float:
    """Bound from below the power of the Kolmogorov-Smirnov test against a law with P(X <= x) = true_share.

    The test rejects as soon as F_n(x) departs from F(x) = null_share by the critical distance, and n F_n(x) is binomial
    with probability true_share. Take for x the point where the two laws differ most.

    Parameters
    ----------
    size
        n >= 1.
    null_share, true_share
        P(X <= x) under the null law and under the alternative, in [0, 1].
    level
        Of the test.

    Examples
    --------
    If 70 of 100 values are expected where the null law expects 50, nine samples in ten tell:

    >>> round(kolmogorov_smirnov_power(100, 0.5, 0.7), 3)
    0.92
    """
    n = require_count("size", size)
    alpha, _ = _checked_shares(level, 0.5)
    for name, share in (("null_share", null_share), ("true_share", true_share)):
        if not 0.0 <= require_finite(name, share) <= 1.0:
            raise InvalidArgumentError(f"Expected {name} in [0, 1] but got {name}={share}.")
    critical = _critical_distance(alpha, n)
    above = scipy.stats.binom.sf(math.ceil(n * (null_share + critical)) - 1, n, true_share)
    below = scipy.stats.binom.cdf(math.floor(n * (null_share - critical)), n, true_share)
    return float(above + below)


def count_turning_points(sequence: ArrayLike) -> int:
    """Count the strict local extrema of a sequence, its ends left out.

    Raises
    ------
    InvalidArgumentError
        Fewer than three values, or two equal neighbours: the test's law presupposes that there are no ties.

    Examples
    --------
    >>> count_turning_points([1.0, 3.0, 2.0, 4.0, 5.0])
    2
    """
    values = as_vector("sequence", sequence)
    if values.size < 3:
        raise InvalidArgumentError(f"Expected at least three values but got {values.size}.")
    level = values[1:] == values[:-1]
    if level.any():
        where = int(np.flatnonzero(level)[0])
        raise InvalidArgumentError(
            f"Expected no equal neighbours but entries {where} and {where + 1} are both {values[where]:.6g}. "
            "Turning points are not defined for ties."
        )
    rises = values[1:] > values[:-1]  # not a difference, which can overflow
    return int(np.count_nonzero(rises[:-1] != rises[1:]))


def turning_point_moments(size: int) -> tuple[Fraction, Fraction]:
    """Return mean 2 (n - 2) / 3 and variance (16 n - 29) / 90 of the number of turning points, exactly.

    Parameters
    ----------
    size
        n >= 4; exchangeable values without ties. (For n = 3 the variance is 2/9.)

    Examples
    --------
    >>> turning_point_moments(5)
    (Fraction(2, 1), Fraction(17, 30))
    """
    n = require_count("size", size, minimum=4)
    return Fraction(2 * (n - 2), 3), Fraction(16 * n - 29, 90)


def turning_point_counts(size: int) -> tuple[int, ...]:
    """Return how many of the n! orders of n values have 0, 1, ..., n - 2 turning points, exactly.

    By Andre's recurrence: with k runs (k - 1 turning points) R(n, k) = k R(n-1, k) + 2 R(n-1, k-1) + (n-k) R(n-1, k-2).

    Examples
    --------
    >>> turning_point_counts(4)
    (2, 12, 10)
    """
    return _counts(require_count("size", size, minimum=2))


@refuse_overflow()
def turning_points(sequence: ArrayLike, *, level: float = 0.05, power: float = 0.8) -> RandomnessTest:
    """Test whether a sequence is in random order by its number of turning points, two-sided.

    The null hypothesis is that all orders are equally likely (exchangeable values, no ties), which is weaker than
    independent and identically distributed.

    Parameters
    ----------
    sequence
        Values in their order, (n,), n >= 4, no equal neighbours.
    level, power
        In (0, 1).

    Returns
    -------
    RandomnessTest
        p_value: exact up to n = 100 (twice the smaller tail), by the normal law beyond. effect: share of turning points
        minus 2/3; `autoregression_of_turning_share` translates it. detectable: departure of the expected share, either
        way, that is found with the power asked for (normal law, variance as under the null hypothesis).

    Raises
    ------
    InvalidArgumentError
        As in `count_turning_points`; fewer than four values.

    Examples
    --------
    >>> turning_points(np.sin(np.arange(60.0) / 5)).rejects
    True
    """
    count = count_turning_points(sequence)
    n = len(as_vector("sequence", sequence))
    alpha, asked = _checked_shares(level, power)
    mean, variance = (float(moment) for moment in turning_point_moments(n))
    deviation = math.sqrt(variance)
    corrected = max(abs(count - mean) - 0.5, 0.0) / deviation
    p_value = _exact_p(n, count) if n <= EXACT_UP_TO else 2.0 * float(scipy.stats.norm.sf(corrected))
    places = n - 2
    effect = (count - mean) / places
    half = float(scipy.stats.norm.isf(alpha / 2.0)) * deviation / places
    detectable = float(scipy.stats.norm.isf(alpha / 2.0) - scipy.stats.norm.isf(asked)) * deviation / places
    return RandomnessTest(
        TestKind.TURNING_POINTS,
        n,
        float(count),
        p_value,
        effect,
        (effect - half, effect + half),
        detectable,
        alpha,
        asked,
    )


def turning_share_of_autoregression(coefficient: float) -> float:
    """Return the expected share of turning points of a stationary Gaussian autoregression of order one.

    x_{i+1} = rho x_i + noise: successive differences have the correlation -(1 - rho)/2, so their signs differ with
    probability arccos(-(1 - rho)/2) / pi; 2/3 for rho = 0.

    Examples
    --------
    >>> round(turning_share_of_autoregression(0.0), 12)
    0.666666666667
    """
    rho = require_finite("coefficient", coefficient)
    if not -1.0 < rho < 1.0:
        raise InvalidArgumentError(f"Expected -1 < coefficient < 1 (stationary) but got coefficient={coefficient}.")
    return math.acos(-(1.0 - rho) / 2.0) / math.pi


def autoregression_of_turning_share(share: float) -> float:
    """Return the coefficient of the autoregression with this share of turning points: 1 + 2 cos(pi share).

    Examples
    --------
    >>> round(autoregression_of_turning_share(turning_share_of_autoregression(0.3)), 12)
    0.3
    """
    number = require_finite("share", share)
    if not 0.5 <= number <= 1.0:
        raise InvalidArgumentError(f"Expected a share in [1/2, 1] but got share={share}: no autoregression has that.")
    return 1.0 + 2.0 * math.cos(math.pi * number)


@refuse_overflow()
def mean_test(
    sample: ArrayLike, *, mean: float = 0.0, deviation: float = 1.0, level: float = 0.05, power: float = 0.8
) -> RandomnessTest:
    """Test the mean of a sample by Student's t.

    Parameters
    ----------
    sample
        Values, (n,), n >= 2, not all equal.
    mean, deviation
        Null mean, and the deviation that effects are measured in.
    level, power
        In (0, 1).

    Returns
    -------
    RandomnessTest
        effect: (sample mean - mean) / deviation. detectable: by the normal law with this deviation.

    Examples
    --------
    >>> mean_test([0.9, 1.0, 1.1, 1.2]).rejects
    True
    """
    values = _spread_sample(sample)
    alpha, asked = _checked_shares(level, power)
    unit, n = require_positive("deviation", deviation), values.size
    null = require_finite("mean", mean)
    scaled, exponent = _power_of_two_out(np.append(values, null))
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        error = scaled[:-1].std(ddof=1) / math.sqrt(n)
        distance = scaled[:-1].mean() - scaled[-1]
        statistic = float(distance / error)
        effect = float(np.ldexp(distance, exponent) / unit)
        half = float(scipy.stats.t.isf(alpha / 2.0, n - 1) * np.ldexp(error, exponent) / unit)
    p_value = 2.0 * float(scipy.stats.t.sf(abs(statistic), n - 1))
    detectable = float(scipy.stats.norm.isf(alpha / 2.0) - scipy.stats.norm.isf(asked)) / math.sqrt(n)
    return RandomnessTest(
        TestKind.MEAN,
        n,
        statistic,
        p_value,
        effect,
        (effect - half, effect + half),
        detectable,
        alpha,
        asked,
    )


@refuse_overflow()
def deviation_test(
    sample: ArrayLike, *, deviation: float = 1.0, level: float = 0.05, power: float = 0.8
) -> RandomnessTest:
    """Test the standard deviation of a normal sample by chi-squared.

    Parameters
    ----------
    sample
        Values, (n,), n >= 2, not all equal.
    deviation
        Null deviation.
    level, power
        In (0, 1).

    Returns
    -------
    RandomnessTest
        statistic: (n - 1) s^2 / deviation^2; p_value: twice the smaller tail. effect: log(s / deviation). detectable:
        log-ratio above 0 at which the upper tail alone has the power asked for, exactly.

    Examples
    --------
    >>> deviation_test([-0.1, 0.1, 0.05, -0.05, 0.0]).rejects
    True
    """
    values = _spread_sample(sample)
    alpha, asked = _checked_shares(level, power)
    unit = require_positive("deviation", deviation)
    n = values.size
    law = scipy.stats.chi2(n - 1)
    scaled, exponent = _power_of_two_out(values)
    effect = math.log(float(scaled.std(ddof=1))) + exponent * math.log(2.0) - math.log(unit)
    with np.errstate(over="ignore", under="ignore"):
        statistic = float((n - 1) * np.exp(2.0 * effect))
    interval = (
        effect + 0.5 * math.log((n - 1) / float(law.isf(alpha / 2.0))),
        effect + 0.5 * math.log((n - 1) / float(law.ppf(alpha / 2.0))),
    )
    detectable = 0.5 * math.log(float(law.isf(alpha / 2.0)) / float(law.isf(asked)))
    p_value = min(1.0, 2.0 * min(float(law.cdf(statistic)), float(law.sf(statistic))))
    return RandomnessTest(TestKind.DEVIATION, n, statistic, p_value, effect, interval, detectable, alpha, asked)


@functools.lru_cache(maxsize=256)
def _critical_distance(level: float, size: int) -> float:
    return float(scipy.stats.kstwo.ppf(1.0 - level, size))


@functools.lru_cache(maxsize=256)
def _counts(size: int) -> tuple[int, ...]:
    runs = [0, 0, 2]  # R(2, k): both orders of two values are one run; shifted by one so that k - 2 >= 0
    for n in range(3, size + 1):
        padded = [*runs, 0]
        runs = [0] + [k * padded[k + 1] + 2 * padded[k] + (n - k) * (padded[k - 1] if k >= 1 else 0) for k in range(n)]
    return tuple(runs[2:])


def _exact_p(n: int, count: int) -> float:
    counts = _counts(n)
    tail = min(sum(counts[: count + 1]), sum(counts[count:]))
    return min(1.0, float(Fraction(2 * tail, math.factorial(n))))


def _power_of_two_out(values: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], int]:
    """Return values / 2^k in [-1, 1], exactly, and k: their squares neither overflow nor vanish all."""
    exponent = int(np.frexp(np.abs(values).max())[1])
    return np.asarray(np.ldexp(values, -exponent)), exponent


def _spread_sample(sample: ArrayLike) -> Float[np.ndarray, " n"]:
    values = as_vector("sample", sample)
    if values.size < 2 or float(values.min()) == float(values.max()):
        raise InvalidArgumentError(f"Expected at least two values that differ but got {values.size} equal ones.")
    return values


def _checked_shares(level: float, power: float) -> tuple[float, float]:
    for name, share in (("level", level), ("power", power)):
        if not 0.0 < require_finite(name, share) < 1.0:
            raise InvalidArgumentError(f"Expected 0 < {name} < 1 but got {name}={share}.")
    return float(level), float(power)
