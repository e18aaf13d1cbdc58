"""How does a number depend on size? Powers of width (or depth, or data) over repeated seeds, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._rate_fits import checked_confidence
from odeflow.numeric.arrays import as_array, as_vector, refuse_overflow

__all__ = ["ScalingFit", "fit_scaling"]


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
        Slope over the larger half of the sizes minus that over the smaller half: 0 for a pure power; nan below 4 sizes.
    sizes, seeds : int
        How many of each.
    """

    exponent: float
    interval: tuple[float, float]
    confidence: float
    amplitude: float
    curvature: float
    sizes: int
    seeds: int


@refuse_overflow(but=("curvature",))
def fit_scaling(sizes: ArrayLike, values: ArrayLike, *, confidence: float = 0.95) -> ScalingFit:
    """Fit values ~ amplitude sizes^exponent over repeated seeds, with Student's interval for the exponent.

    Each seed (column) gives one slope; the interval is that of their mean, so neither equal variances nor normal errors
    at each size are assumed. With one column it is the interval of the straight-line fit.

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
    level = checked_confidence(confidence)
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
    half = float(stdtrit(freedom, 0.5 + 0.5 * level)) * error
    curvature = math.nan
    if x.size >= 4:
        order = np.argsort(u)
        small, large = order[: (x.size + 1) // 2], order[x.size // 2 :]
        curvature = float(_column_slopes(u[large], v[large]).mean() - _column_slopes(u[small], v[small]).mean())
    return ScalingFit(slope, (slope - half, slope + half), level, math.exp(intercept), curvature, x.size, seeds)


def _column_slopes(u: Float[np.ndarray, " k"], v: Float[np.ndarray, "k s"]) -> Float[np.ndarray, " s"]:
    du = u - u.mean()
    slopes: Float[np.ndarray, " s"] = du @ v / float(du @ du)
    return slopes
