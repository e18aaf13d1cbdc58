"""Which rate does a loss curve show, with an error bar; and which law, exponential or power?

A fit is a weighted straight line through log(loss) against t (exponential law) or log t (power law), on the later part
of the curve, above every floor, through the upper envelope when the curve oscillates. Loss curves are smooth and
correlated, so errors of the fit are not those of independent points. The interval has two parts:

    scatter     delete-a-block jackknife over contiguous blocks, times Student's t
    drift       if a next-order term (log t, or 1/t) improves the fit beyond scatter, the window is not yet in the law's
                own regime: the interval then reaches from the plain slope to the corrected and the extrapolated ones

It is an interval for the asymptotic exponent, given that what changes in the window keeps dying out. It covers 19 times
in 20 for noise about a true law (independent or autoregressive). On smooth curves with random spectra it contained the
true exponent in 91 (gradient flow), 96 (heavy ball, critical), 100 (heavy ball, underdamped) and 98 (Nesterov) of 100:
a slow mode too small to show in the window cannot be in any interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._decay_curve import DecayCurve, decay_curve
from odeflow.numeric._rate_fits import LineFit, bend_with_interval, checked_confidence, fit_line
from odeflow.numeric.arrays import as_times, refuse_overflow, require_finite, require_nonnegative
from odeflow.numeric.loss_curves import crossing_time, envelope, is_monotone, on_grid
from odeflow.numeric.scaling import ScalingFit, fit_scaling

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
_FEWEST_MAXIMA = 4  # of an envelope: each stands for a whole period
_GOOD_MAXIMA = 8  # the default window reaches back for as many
# A bend is called exponential below, a power above; in between nothing is called.
_EXPONENTIAL_BELOW = 1.0 / 3.0
_POWER_ABOVE = 2.0 / 3.0


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
        return bool(self.interval[0] <= exponent <= self.interval[1])


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


@refuse_overflow()
def fit_exponential(
    times: ArrayLike,
    losses: ArrayLike,
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
        Times between which to fit; by default the later half of the part above the floor. It never reaches into one.
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


@refuse_overflow()
def fit_power(
    times: ArrayLike,
    losses: ArrayLike,
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


@refuse_overflow(but=("bend", "interval", "window"))
def which_law(
    times: ArrayLike,
    losses: ArrayLike,
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
        `law` is EXPONENTIAL when the interval for the bend q lies in (-1/2, 1/3), POWER when it lies in (2/3, 3/2), and
        None otherwise, or when the curve falls by less than a factor 10 or spans less than a factor 2 of time.

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
    level = checked_confidence(confidence)
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
    bend, low, high = bend_with_interval(t, y, level)
    if low > -0.5 and high < _EXPONENTIAL_BELOW:
        law, reason = Law.EXPONENTIAL, "The local decay rate is steady in t."
    elif low > _POWER_ABOVE and high < 1.5:
        law, reason = Law.POWER, "The local decay rate falls like 1/t."
    else:
        law, reason = None, f"The bend {bend:.3g} in [{low:.3g}, {high:.3g}] fits neither law alone."
    return LawEvidence(law, bend, (low, high), (float(t[0]), float(t[-1])), t.size, reason)


def _fit(
    law: Law,
    times: ArrayLike,
    losses: ArrayLike,
    window: tuple[float, float] | None,
    confidence: float,
    floor: float,
) -> RateFit:
    level = checked_confidence(confidence)
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
    fit = _fit_line(law, t, y, level)
    candidates, half = list(fit.candidates), fit.half_width
    if curve.floor > 0.0:
        # What sits under the curve bends it; with the floor taken away it bends the other way, if at all.
        candidates.append(_fit_line(law, t, np.log(np.exp(y) - curve.floor), level).exponent)
    if curve.oscillating:
        # How well the grid resolves the maxima: parabolas against the highest grid points.
        inside = np.isin(curve.times, t)
        half += abs(_fit_line(law, curve.grid_times[inside], curve.grid_logs[inside], level).exponent - fit.exponent)
    return RateFit(
        law=law,
        exponent=fit.exponent,
        interval=(min(candidates) - half, max(candidates) + half),
        confidence=level,
        window=(float(t[0]), float(t[-1])),
        points=t.size,
        amplitude=math.exp(min(fit.intercept, 700.0)),
        residual=fit.residual,
        drift=fit.drift,
        oscillating=curve.oscillating,
    )


def _fit_line(law: Law, t: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], level: float) -> LineFit:
    if law is Law.EXPONENTIAL:
        return fit_line(t, y, np.log(np.maximum(t, 1e-300)), level, mixture=True)
    return fit_line(np.log(t), y, 1.0 / t, level, mixture=False)


def _undecided(reason: str, curve: DecayCurve) -> LawEvidence:
    ends = (float(curve.times[0]), float(curve.times[-1])) if curve.times.size else (math.nan, math.nan)
    return LawEvidence(None, math.nan, (-math.inf, math.inf), ends, curve.times.size, reason)


def _default_window(law: Law, curve: DecayCurve) -> tuple[float, float]:
    """The later half, in the law's own variable, of what lies above the floor."""
    if curve.times.size == 0:
        return 0.0, 0.0
    start, end = float(curve.times[0]), float(curve.times[-1])
    if law is Law.EXPONENTIAL:
        later = 0.5 * (start + end)
    else:
        first = max(min(curve.halved_at, end), 1e-6 * end)
        # At least a factor 4 of time where the curve has it: shorter windows cannot show a power.
        later = max(first, min(math.sqrt(first * end), 0.25 * end))
    if curve.oscillating and curve.times.size >= _FEWEST_MAXIMA:
        later = min(later, float(curve.times[max(-_GOOD_MAXIMA, -curve.times.size)]))
    return later, end


def _checked_window(window: tuple[float, float]) -> tuple[float, float]:
    start, end = require_finite("window[0]", window[0]), require_finite("window[1]", window[1])
    if not start < end:
        raise InvalidArgumentError(f"Expected window = (start, end) with start < end but got {window}.")
    return start, end


def _checked_curve(times: ArrayLike, losses: ArrayLike, floor: float) -> DecayCurve:
    grid = as_times("times", times)
    values = on_grid("losses", losses, grid)
    lowest = require_nonnegative("floor", floor) * float(values[0])
    if values[0] <= 0.0 or values.min() < 0.0 or not (values[: np.flatnonzero(values > 0.0)[-1]] > 0.0).all():
        raise InvalidArgumentError(
            f"Expected losses > 0 (zeros only at the end, from underflow) but the smallest is {values.min():.6g}. "
            "Subtract nothing from a loss before fitting it."
        )
    return decay_curve(grid, values, lowest)
