"""Which rate does a loss curve show, with an error bar; and which law, exponential or power?

A fit is a weighted straight line through log(loss) against t (exponential law) or log t (power law), on the later part of
the curve, above every floor, through the upper envelope when the curve oscillates. Loss curves are smooth and correlated, so
errors of the fit are not those of independent points. The interval has two parts:

    scatter     delete-a-block jackknife over contiguous blocks, times Student's t
    drift       if a next-order term (log t, or 1/t) improves the fit beyond scatter, the window is not yet in the law's
                own regime: the interval then reaches from the plain slope to the corrected and the extrapolated ones

It is an interval for the asymptotic exponent, given that what changes in the window keeps dying out. A mode too small to be
seen in the window cannot be in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student_t

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._decay_curve import DecayCurve, decay_curve, local_maxima
from odeflow.numeric.arrays import as_array, as_times, as_vector, require_finite, require_nonnegative

__all__ = [
    "Law",
    "LawEvidence",
    "RateFit",
    "ScalingFit",
    "crossing_time",
    "envelope",
    "fit_exponential",
    "fit_power",
    "fit_scaling",
    "is_monotone",
    "which_law",
]

_FEWEST_POINTS = 8  # of a plain curve
_FEWEST_MAXIMA = 5  # of an envelope: each stands for a whole period
_BLOCKS = 8
# F statistic above which a next-order term counts as real (about the 5 % point of F(1, many)).
_SIGNIFICANT = 4.0


class Law(Enum):
    """How a loss falls."""

    EXPONENTIAL = "exponential"
    POWER = "power"


@dataclass(frozen=True)
class RateFit:
    """A fitted decay law with an interval for its exponent.

    Attributes
    ----------
    law : Law
        C exp(-exponent t), exponent in 1/time; or C t^(-exponent), no unit.
    exponent : float
        Slope over the window; positive means decay.
    interval : tuple[float, float]
        For the asymptotic exponent: scatter and drift (see the module).
    confidence : float
        Level of the scatter part of the interval.
    window : tuple[float, float]
        First and last time used.
    points : int
        Points used: grid points, or maxima when `oscillating`.
    amplitude : float
        C.
    residual : float
        Root mean square of log(loss) about the fit.
    drift : float
        Local exponent in the last third of the window minus that in the first third.
    oscillating : bool
        Whether the upper envelope was fitted.
    """

    law: Law
    exponent: float
    interval: tuple[float, float]
    confidence: float
    window: tuple[float, float]
    points: int
    amplitude: float
    residual: float
    drift: float
    oscillating: bool

    def contains(self, exponent: float) -> bool:
        """Tell whether `exponent` lies in the interval."""
        return self.interval[0] <= exponent <= self.interval[1]


@dataclass(frozen=True)
class LawEvidence:
    """What a loss curve says about its law.

    The family log L = a - k (t^(1-q) - 1)/(1-q) contains the exponential law (q = 0) and the power law (q = 1).

    Attributes
    ----------
    law : Law or None
        The law, or None when undecided.
    bend, interval
        Best q and its interval; the local decay rate falls like t^(-q).
    window : tuple[float, float]
        First and last time used.
    points : int
        Points used.
    reason : str
        One sentence.
    """

    law: Law | None
    bend: float
    interval: tuple[float, float]
    window: tuple[float, float]
    points: int
    reason: str = field(compare=False)


@dataclass(frozen=True)
class ScalingFit:
    """A fitted power of size, value ~ amplitude size^exponent, with a confidence interval over seeds.

    Attributes
    ----------
    exponent : float
        Slope of log(value) against log(size); negative means that the value falls with size.
    interval : tuple[float, float]
        Student interval at level `confidence`.
    amplitude : float
        Geometric mean over seeds of the prefactor.
    curvature : float
        Slope over the larger half of the sizes minus slope over the smaller half: 0 for a pure power (nan below 4 sizes).
    """

    exponent: float
    interval: tuple[float, float]
    confidence: float
    amplitude: float
    curvature: float
    sizes: int
    seeds: int


def fit_exponential(
    times: Float[np.ndarray, " t"],
    losses: Float[np.ndarray, " t"],
    *,
    window: tuple[float, float] | None = None,
    confidence: float = 0.95,
    floor: float = 1e-26,
) -> RateFit:
    """Fit losses ~ C exp(-rate t) on the later part of a curve.

    Parameters
    ----------
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.
    losses : Float[np.ndarray, " t"]
        Positive losses; trailing zeros (underflow) are ignored.
    window : tuple[float, float], optional
        Times between which to fit; by default the later half of the part above the floor. It never reaches into a floor.
    confidence : float
        Level of the interval, in (0, 1).
    floor : float
        Losses below `floor` times the first one are rounding noise.

    Returns
    -------
    RateFit
        With law EXPONENTIAL.

    Raises
    ------
    InvalidArgumentError
        Grids of different lengths, losses that are not positive, or too few points above the floor inside the window.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 10.0, 101)
    >>> fit = fit_exponential(t, 3.0 * np.exp(-0.5 * t))
    >>> f"{fit.exponent:.6f} {fit.amplitude:.6f}"
    '0.500000 3.000000'
    """
    return _fit(Law.EXPONENTIAL, times, losses, window, confidence, floor)


def fit_power(
    times: Float[np.ndarray, " t"],
    losses: Float[np.ndarray, " t"],
    *,
    window: tuple[float, float] | None = None,
    confidence: float = 0.95,
    floor: float = 1e-26,
) -> RateFit:
    """Fit losses ~ C t^(-power) on the later part of a curve.

    Parameters
    ----------
    times, losses, window, confidence, floor
        As `fit_exponential`; the default window is the later half of log t since the loss first halved.

    Returns
    -------
    RateFit
        With law POWER.

    Raises
    ------
    InvalidArgumentError
        As `fit_exponential`.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.geomspace(1.0, 1e3, 101)
    >>> fit = fit_power(t, 3.0 * t**-1.5)
    >>> f"{fit.exponent:.6f} {fit.amplitude:.6f}"
    '1.500000 3.000000'
    """
    return _fit(Law.POWER, times, losses, window, confidence, floor)


def which_law(
    times: Float[np.ndarray, " t"],
    losses: Float[np.ndarray, " t"],
    *,
    confidence: float = 0.95,
    floor: float = 1e-26,
) -> LawEvidence:
    """Tell exponential from power-law decay by the curve's bend, or say that it cannot be told.

    Parameters
    ----------
    times, losses, confidence, floor
        As `fit_exponential`.

    Returns
    -------
    LawEvidence
        `law` is EXPONENTIAL when the interval for the bend q lies below 1/2, POWER when it lies above 1/2 and below 3/2,
        and None otherwise, or when the curve falls by less than a factor 10 or spans less than a factor 2 of time.

    Raises
    ------
    InvalidArgumentError
        Grids of different lengths or losses that are not positive. (Too few points is "undecided", not an error.)

    References
    ----------
    Box and Cox, 1964, J. R. Stat. Soc. B 26 (the family of powers used here for time).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.1, 20.0, 200)
    >>> which_law(t, np.exp(-t)).law
    <Law.EXPONENTIAL: 'exponential'>
    >>> which_law(t, t**-2.0).law
    <Law.POWER: 'power'>
    """
    level = _checked_confidence(confidence)
    curve = _checked_curve(times, losses, floor)
    if curve.times.size == 0:
        return _undecided("No point lies above the floor.", curve)
    end = float(curve.times[-1])
    t, y = curve.between(max(curve.halved_at, 0.1 * end), end)
    fewest = _FEWEST_MAXIMA + 1 if curve.oscillating else _FEWEST_POINTS
    if t.size < fewest:
        return _undecided(f"Only {t.size} points lie above the floor.", curve)
    if t[-1] < 2.0 * t[0] or y[0] - y[-1] < math.log(10.0):
        return _undecided("The curve spans less than a factor 2 of time or 10 of loss.", curve)
    bend = _best_bend(t, y)
    replicates = np.array([_best_bend(*_without(t, y, block)) for block in _blocks(t.size)])
    half = _jackknife_half_width(replicates, level)
    low, high = bend - half, bend + half
    if high < 0.5:
        law, reason = Law.EXPONENTIAL, "The local decay rate is steady in t."
    elif low > 0.5 and high < 1.5:
        law, reason = Law.POWER, "The local decay rate falls like 1/t."
    else:
        law, reason = None, f"The bend {bend:.3g} in [{low:.3g}, {high:.3g}] fits neither law alone."
    return LawEvidence(law, bend, (low, high), (float(t[0]), float(t[-1])), t.size, reason)


def envelope(
    times: Float[np.ndarray, " t"], losses: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Compute the upper envelope of an oscillating curve: its local maxima, each from the parabola through three points.

    Parameters
    ----------
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.
    losses : Float[np.ndarray, " t"]
        Losses.

    Returns
    -------
    tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]
        Times and heights of the interior maxima; empty for a monotone curve. A parabola rises above its highest grid point
        by at most one eighth, however coarse the grid.

    Raises
    ------
    InvalidArgumentError
        Grids of different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 10.0, 1001)
    >>> when, height = envelope(t, np.cos(t) ** 2)
    >>> np.round(when / np.pi, 4), np.round(height, 6)
    (array([1., 2., 3.]), array([1., 1., 1.]))
    """
    grid = as_times("times", times)
    return local_maxima(grid, _on_grid("losses", losses, grid))


def is_monotone(losses: Float[np.ndarray, " t"], *, tolerance: float = 0.0) -> bool:
    """Tell whether a loss never rises by more than `tolerance` times its largest value from one point to the next.

    Examples
    --------
    >>> import numpy as np
    >>> is_monotone(np.array([1.0, 0.5, 0.5 + 1e-17])), is_monotone(np.array([1.0, 0.5, 0.6]))
    (True, False)
    """
    values = as_vector("losses", losses)
    allowed = require_nonnegative("tolerance", tolerance) * float(np.abs(values).max())
    return bool((np.diff(values) <= allowed).all())


def crossing_time(
    times: Float[np.ndarray, " t"], a: Float[np.ndarray, " t"], b: Float[np.ndarray, " t"]
) -> float | None:
    """Find the last time at which curve `a` crosses curve `b`; None if it never does.

    Between grid points both curves are taken as straight lines, of their logarithms where all four values are positive.

    Parameters
    ----------
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.
    a, b : Float[np.ndarray, " t"]
        The two curves.

    Returns
    -------
    float or None
        The crossing time. Curves that touch without changing order do not cross.

    Raises
    ------
    InvalidArgumentError
        Grids of different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 4.0, 5)
    >>> crossing_time(t, np.exp(-2.0 * t), np.exp(-t - 1.5))
    1.5
    """
    grid = as_times("times", times)
    first, second = _on_grid("a", a, grid), _on_grid("b", b, grid)
    order = np.sign(first - second)
    distinct = np.flatnonzero(order)
    changes = np.flatnonzero(order[distinct[1:]] != order[distinct[:-1]])
    if changes.size == 0:
        return None
    left, right = int(distinct[changes[-1]]), int(distinct[changes[-1] + 1])
    if right > left + 1:  # equal at grid points in between
        return float(0.5 * (grid[left + 1] + grid[right - 1]))
    ends = np.array([[first[left], first[right]], [second[left], second[right]]])
    gap = np.log(ends[0]) - np.log(ends[1]) if (ends > 0.0).all() else ends[0] - ends[1]
    return float(grid[left] + (grid[right] - grid[left]) * gap[0] / (gap[0] - gap[1]))


def fit_scaling(
    sizes: Float[np.ndarray, " k"], values: Float[np.ndarray, "k s"], *, confidence: float = 0.95
) -> ScalingFit:
    """Fit values ~ amplitude sizes^exponent over repeated seeds, with Student's interval for the exponent.

    Each seed (column) gives one slope; the interval is that of their mean, so neither equal variances nor normal errors at
    each size are assumed. With one column it is the interval of the straight-line fit.

    Parameters
    ----------
    sizes : Float[np.ndarray, " k"]
        Distinct positive sizes, for example widths.
    values : Float[np.ndarray, "k s"]
        Positive values, one column a seed; columns must be independent.
    confidence : float
        Level of the interval, in (0, 1).

    Returns
    -------
    ScalingFit
        Exponent, interval, amplitude and curvature.

    Raises
    ------
    InvalidArgumentError
        Shapes that do not fit, values or sizes that are not positive, fewer than 2 sizes (3 with one seed).

    Examples
    --------
    >>> import numpy as np
    >>> widths = np.array([64.0, 256.0, 1024.0])
    >>> noise = np.array([[1.0, 1.1], [1.05, 0.95], [0.9, 1.2]])
    >>> fit = fit_scaling(widths, noise * widths[:, None] ** -0.5)
    >>> fit.interval[0] < -0.5 < fit.interval[1]
    True
    """
    level = _checked_confidence(confidence)
    x = as_vector("sizes", sizes)
    y = as_array("values", values, shape=(x.size, None))
    for name, array in (("sizes", x), ("values", y)):
        if not (array > 0.0).all():
            raise InvalidArgumentError(f"Expected {name} > 0 but the smallest is {array.min():.6g}.")
    seeds = y.shape[1]
    fewest = 2 if seeds > 1 else 3
    if np.unique(x).size < max(fewest, x.size):
        raise InvalidArgumentError(
            f"Expected at least {fewest} distinct sizes, each once, but got {x.tolist()}. Put repetitions into columns."
        )
    u, v = np.log(x), np.log(y)
    slopes = _column_slopes(u, v)
    slope = float(slopes.mean())
    intercept = float(v.mean() - slope * u.mean())
    if seeds > 1:
        error = float(slopes.std(ddof=1)) / math.sqrt(seeds)
        freedom = seeds - 1
    else:
        residual = v[:, 0] - intercept - slope * u
        freedom = x.size - 2
        error = math.sqrt(float(residual @ residual) / freedom / float(((u - u.mean()) ** 2).sum()))
    half = float(student_t.ppf(0.5 + 0.5 * level, freedom)) * error
    curvature = math.nan
    if x.size >= 4:
        order = np.argsort(u)
        small, large = order[: (x.size + 1) // 2], order[x.size // 2 :]
        curvature = float(_column_slopes(u[large], v[large]).mean() - _column_slopes(u[small], v[small]).mean())
    return ScalingFit(slope, (slope - half, slope + half), level, math.exp(intercept), curvature, x.size, seeds)


def _fit(
    law: Law,
    times: Float[np.ndarray, " t"],
    losses: Float[np.ndarray, " t"],
    window: tuple[float, float] | None,
    confidence: float,
    floor: float,
) -> RateFit:
    level = _checked_confidence(confidence)
    curve = _checked_curve(times, losses, floor)
    t, y = curve.between(*(_default_window(law, curve) if window is None else _checked_window(window)))
    if law is Law.POWER:
        t, y = t[t > 0.0], y[t > 0.0]
    fewest = _FEWEST_MAXIMA if curve.oscillating else _FEWEST_POINTS
    if t.size < fewest:
        what = "maxima" if curve.oscillating else "points"
        raise InvalidArgumentError(
            f"Expected at least {fewest} {what} above the floor inside the window but got {t.size}. "
            "Record more times, run longer, or pass an earlier window."
        )
    u, next_order = (t, np.log(np.maximum(t, 1e-300))) if law is Law.EXPONENTIAL else (np.log(t), 1.0 / t)
    weights = np.gradient(u)
    (intercept, slope), rss = _line(u, y, weights)
    exponents, drift = _drift(u, y, weights, next_order, -slope, rss, curve.oscillating)
    replicates = np.array([-_line(*_without(u, y, b, weights))[0][1] for b in _blocks(t.size)])
    half = _jackknife_half_width(replicates, level)
    return RateFit(
        law=law,
        exponent=-slope,
        interval=(min(exponents) - half, max(exponents) + half),
        confidence=level,
        window=(float(t[0]), float(t[-1])),
        points=t.size,
        amplitude=math.exp(intercept) if intercept < 700.0 else math.inf,
        residual=math.sqrt(rss),
        drift=drift,
        oscillating=curve.oscillating,
    )


def _drift(
    u: Float[np.ndarray, " m"],
    y: Float[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"],
    next_order: Float[np.ndarray, " m"],
    plain: float,
    rss: float,
    sparse: bool,
) -> tuple[list[float], float]:
    """Return the exponents that the interval must span, and the change of the local exponent over the window."""
    thirds = np.array_split(np.arange(u.size), 3)
    if min(third.size for third in thirds) < 2:
        return [plain], 0.0
    first, middle, last = (-_line(u[i], y[i], weights[i])[0][1] for i in thirds)
    drift = last - first
    if u.size < 6:
        return [plain], drift
    scaled = (next_order - next_order.mean()) / max(float(np.abs(next_order - next_order.mean()).max()), 1e-300)
    basis = np.stack([np.ones_like(u), u, scaled], axis=1)
    root = np.sqrt(weights)
    coefficients = np.linalg.lstsq(basis * root[:, None], y * root, rcond=None)[0]
    residual = y - basis @ coefficients
    corrected_rss = float(weights @ residual**2 / weights.sum())
    independent = _independent_points(residual)
    if (rss - corrected_rss) * max(independent - 3.0, 1.0) <= _SIGNIFICANT * corrected_rss or math.sqrt(rss) < 1e-12:
        return [plain], drift
    exponents = [plain, -float(coefficients[1])]
    step, before = last - middle, middle - first
    if 0.0 < step / before < 0.8 if before != 0.0 else False:
        exponents.append(last + step * step / (before - step))  # geometric tail (Aitken)
    else:
        exponents.append(last + drift)  # not dying out: allow for as much again
    return exponents, drift


def _independent_points(residual: Float[np.ndarray, " m"]) -> float:
    """Return the number of independent points that m residuals with their lag-one correlation are worth."""
    total = float(residual @ residual)
    if total == 0.0:
        return float(residual.size)
    correlation = min(max(float(residual[1:] @ residual[:-1]) / total, 0.0), 0.999)
    return residual.size * (1.0 - correlation) / (1.0 + correlation)


def _line(
    u: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], weights: Float[np.ndarray, " m"]
) -> tuple[tuple[float, float], float]:
    """Return intercept and slope of the weighted line, and its mean squared residual."""
    total = weights.sum()
    centre_u, centre_y = weights @ u / total, weights @ y / total
    du, dy = u - centre_u, y - centre_y
    slope = float((weights * du) @ dy / ((weights * du) @ du))
    residual = dy - slope * du
    return (float(centre_y) - slope * float(centre_u), slope), float(weights @ residual**2 / total)


def _blocks(count: int) -> list[Float[np.ndarray, " b"]]:
    """Contiguous blocks of indices to leave out, one at a time."""
    return np.array_split(np.arange(count), min(_BLOCKS, count))


def _without(
    u: Float[np.ndarray, " m"],
    y: Float[np.ndarray, " m"],
    block: Float[np.ndarray, " b"],
    *more: Float[np.ndarray, " m"],
) -> tuple[Float[np.ndarray, " r"], ...]:
    return tuple(np.delete(array, block) for array in (u, y, *more))


def _jackknife_half_width(replicates: Float[np.ndarray, " b"], level: float) -> float:
    """Half the Student interval of the delete-a-block jackknife."""
    count = replicates.size
    variance = (count - 1.0) / count * float(((replicates - replicates.mean()) ** 2).sum())
    return float(student_t.ppf(0.5 + 0.5 * level, count - 1)) * math.sqrt(variance)


def _best_bend(t: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> float:
    """Best q in [-2, 4] of log L = a - k (t^(1-q) - 1)/(1-q), times in units of their geometric mean."""
    scaled = t / math.exp(float(np.log(t).mean()))
    logs = np.log(scaled)
    weights = np.gradient(t) / (t[-1] - t[0]) + np.gradient(logs) / (logs[-1] - logs[0])

    def misfit(q: float) -> float:
        u = logs if abs(1.0 - q) < 1e-9 else np.expm1((1.0 - q) * logs) / (1.0 - q)
        return _line(u, y, weights)[1]

    grid = np.linspace(-2.0, 4.0, 61)
    low = float(grid[int(np.argmin([misfit(float(q)) for q in grid]))])
    a, b = low - 0.1, low + 0.1
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(30):
        c, d = b - golden * (b - a), a + golden * (b - a)
        a, b = (a, d) if misfit(c) < misfit(d) else (c, b)
    return 0.5 * (a + b)


def _undecided(reason: str, curve: DecayCurve) -> LawEvidence:
    ends = (float(curve.times[0]), float(curve.times[-1])) if curve.times.size else (math.nan, math.nan)
    return LawEvidence(None, math.nan, (-math.inf, math.inf), ends, curve.times.size, reason)


def _default_window(law: Law, curve: DecayCurve) -> tuple[float, float]:
    """The later half, in the law's own variable, of what lies above the floor."""
    if curve.times.size == 0:
        return 0.0, 0.0
    start, end = float(curve.times[0]), float(curve.times[-1])
    if law is Law.EXPONENTIAL:
        return 0.5 * (start + end), end
    first = max(curve.halved_at, 1e-6 * end)
    # At least a factor 4 of time where the curve has it: shorter windows cannot show a power.
    return max(first, min(math.sqrt(first * end), 0.25 * end)), end


def _column_slopes(u: Float[np.ndarray, " k"], v: Float[np.ndarray, "k s"]) -> Float[np.ndarray, " s"]:
    du = u - u.mean()
    slopes: Float[np.ndarray, " s"] = du @ v / float(du @ du)
    return slopes


def _checked_confidence(confidence: float) -> float:
    level = require_finite("confidence", confidence)
    if not 0.0 < level < 1.0:
        raise InvalidArgumentError(f"Expected 0 < confidence < 1 but got confidence={confidence}.")
    return level


def _checked_window(window: tuple[float, float]) -> tuple[float, float]:
    start, end = require_finite("window[0]", window[0]), require_finite("window[1]", window[1])
    if not start < end:
        raise InvalidArgumentError(f"Expected window = (start, end) with start < end but got {window}.")
    return start, end


def _checked_curve(times: Float[np.ndarray, " t"], losses: Float[np.ndarray, " t"], floor: float) -> DecayCurve:
    grid = as_times("times", times)
    values = _on_grid("losses", losses, grid)
    lowest = require_nonnegative("floor", floor) * float(values[0])
    if values[0] <= 0.0 or values.min() < 0.0 or not (values[: np.flatnonzero(values > 0.0)[-1]] > 0.0).all():
        raise InvalidArgumentError(
            f"Expected losses > 0 (zeros only at the end, from underflow) but the smallest is {values.min():.6g}. "
            "Subtract nothing from a loss before fitting it."
        )
    return decay_curve(grid, values, lowest)


def _on_grid(name: str, values: Float[np.ndarray, " t"], grid: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    array = as_vector(name, values)
    if array.size != grid.size:
        raise InvalidArgumentError(
            f"Expected {name} on the grid of times ({grid.size} points) but got {array.size} values."
        )
    return array
