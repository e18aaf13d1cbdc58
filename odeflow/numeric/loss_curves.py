"""What does a loss curve do: oscillate, rise, cross another one?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._decay_curve import local_maxima
from odeflow.numeric.arrays import as_times, as_vector, refuse_overflow, require_nonnegative

__all__ = ["crossing_time", "envelope", "is_monotone", "on_grid"]


@refuse_overflow()
def envelope(times: ArrayLike, losses: ArrayLike) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Compute the upper envelope of an oscillating curve: its local maxima, by parabolas through three points.

    Parameters
    ----------
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.
    losses : Float[np.ndarray, " t"]
        Losses.

    Returns
    -------
    tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]
        Times and heights of the interior maxima; empty for a monotone curve. On a uniform grid a parabola rises above
        its highest point by at most one eighth, however coarse the grid.

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
    return local_maxima(grid, on_grid("losses", losses, grid))


@refuse_overflow()
def is_monotone(losses: ArrayLike, *, tolerance: float = 0.0) -> bool:
    """Tell whether a loss never rises by more than `tolerance` times its largest value from one point to the next.

    Parameters
    ----------
    losses : Float[np.ndarray, " t"]
        Losses in the order of time.
    tolerance : float
        Rise allowed in one step, as a share of the largest |loss|; for rounding.

    Returns
    -------
    bool
        Whether it is non-increasing.

    Raises
    ------
    InvalidArgumentError
        Losses that are not finite, or tolerance < 0.

    Examples
    --------
    >>> import numpy as np
    >>> is_monotone(np.array([1.0, 0.5, 0.5 + 1e-17])), is_monotone(np.array([1.0, 0.5, 0.6]))
    (True, False)
    """
    values = as_vector("losses", losses)
    allowed = require_nonnegative("tolerance", tolerance) * float(np.abs(values).max())
    return bool((np.diff(values) <= allowed).all())


@refuse_overflow()
def crossing_time(times: ArrayLike, a: ArrayLike, b: ArrayLike) -> float | None:
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
    first, second = on_grid("a", a, grid), on_grid("b", b, grid)
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


def on_grid(name: str, values: ArrayLike, grid: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """Return `values` as a vector as long as the grid of times."""
    array = as_vector(name, values)
    if array.size != grid.size:
        raise InvalidArgumentError(
            f"Expected {name} on the grid of times ({grid.size} points) but got {array.size} values."
        )
    return array
