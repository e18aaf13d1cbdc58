"""How fast does a loss curve fall? Three quantities that papers all call "the convergence rate", kept apart.

For the loss L = sum_i |e_i|^p / p of a residual e, records k = 0, 1, ... at times t_k:

    loss_rate       r_k   = log(L_k / L_{k+1}) / (t_{k+1} - t_k)          1/time; L ~ exp(-r t)
    residual_rate   rho_k = r_k / p                                       1/time; |e| ~ exp(-rho t)
    loss_ratio      q_k   = 1 - L_{k+1} / L_k                             no unit, one step
    residual_factor xi_k  = 1 - (L_{k+1} / L_k)^(1/p)                     no unit, one step; |e| ~ (1 - xi)^k

Between them, with p = 2 and records one unit of time apart,

    r = 2 rho,   xi = 1 - exp(-rho),   q = 2 xi - xi^2 = 1 - exp(-r).

For small steps q = 2 xi up to second order: a plot of q and a theorem about xi differ by the factor 2. A fit over many
records, with an interval, is in `odeflow.numeric.rates`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_times, as_vector, refuse_overflow, require_count

__all__ = ["loss_rate", "loss_ratio", "residual_factor", "residual_rate"]


@refuse_overflow()
def loss_ratio(losses: ArrayLike) -> Float[np.ndarray, " r"]:
    """Compute 1 - L_{k+1} / L_k: the share of the loss that one record removes.

    Parameters
    ----------
    losses
        Positive losses, (k,), k >= 2. The last may be 0.

    Returns
    -------
    (k - 1,) numbers <= 1, no unit; negative where the loss rises.

    Raises
    ------
    InvalidArgumentError
        Fewer than two losses, or one that is not positive.

    Examples
    --------
    >>> loss_ratio([8.0, 4.0, 1.0])
    array([0.5 , 0.75])
    """
    values = _checked_losses(losses)
    # the difference of close floats is exact; 1 - quotient would lose what it is after
    with np.errstate(over="ignore"):
        ratio: Float[np.ndarray, " r"] = (values[:-1] - values[1:]) / values[:-1]
    if not np.isfinite(ratio).all():
        raise InvalidArgumentError("Expected quotients of losses to be finite but one overflows. Rescale the losses.")
    return ratio


@refuse_overflow(infinite=True)
def loss_rate(losses: ArrayLike, *, times: ArrayLike | None = None) -> Float[np.ndarray, " r"]:
    """Compute log(L_k / L_{k+1}) / (t_{k+1} - t_k): the exponent of the loss between two records.

    Parameters
    ----------
    losses
        As in `loss_ratio`; infinity is returned where the loss becomes 0.
    times
        Increasing times, (k,); by default 0, 1, 2, ... (steps).

    Returns
    -------
    (k - 1,) rates in 1/time.

    Raises
    ------
    InvalidArgumentError
        As in `loss_ratio`; times that do not increase or are not k.

    Examples
    --------
    >>> loss_rate(np.exp([0.0, -1.0, -2.0]), times=[0.0, 0.5, 1.0])
    array([2., 2.])
    """
    ratio = loss_ratio(losses)
    grid = np.arange(ratio.size + 1.0) if times is None else as_times("times", times)
    if grid.size != ratio.size + 1:
        raise InvalidArgumentError(f"Expected {ratio.size + 1} times, one a loss, but got {grid.size}.")
    rate: Float[np.ndarray, " r"] = _log_falls(losses) / np.diff(grid)
    return rate


@refuse_overflow(infinite=True)
def residual_rate(losses: ArrayLike, *, times: ArrayLike | None = None, power: int = 2) -> Float[np.ndarray, " r"]:
    """Compute the exponent of the residual, `loss_rate / power`, for the loss sum_i |e_i|^power / power.

    Parameters
    ----------
    losses, times
        As in `loss_rate`.
    power
        p >= 1; 2 for the square loss. With several residuals it is the exponent of their l_p norm.

    Returns
    -------
    (k - 1,) rates in 1/time.

    Examples
    --------
    >>> residual_rate(np.exp([0.0, -2.0, -4.0]))
    array([1., 1.])
    """
    return loss_rate(losses, times=times) / require_count("power", power)


@refuse_overflow()
def residual_factor(losses: ArrayLike, *, power: int = 2) -> Float[np.ndarray, " r"]:
    """Compute xi_k = 1 - (L_{k+1} / L_k)^(1/power): the share of the residual's norm that one record removes.

    Parameters
    ----------
    losses, power
        As in `residual_rate`.

    Returns
    -------
    (k - 1,) numbers <= 1, no unit; for power 2, `loss_ratio` is 2 xi - xi^2.

    Examples
    --------
    >>> residual_factor([1.0, 0.25])
    array([0.5])
    """
    exponent = 1.0 / require_count("power", power)
    factor: Float[np.ndarray, " r"] = -np.expm1(-_log_falls(losses) * exponent)
    return factor


def _log_falls(losses: ArrayLike) -> Float[np.ndarray, " r"]:
    """Return log(L_k / L_{k+1}): through 1 - L_{k+1}/L_k where that is small, through the quotient where it is not."""
    ratio, values = loss_ratio(losses), _checked_losses(losses)
    with np.errstate(divide="ignore", under="ignore"):
        quotient = values[1:] / values[:-1]
        # a quotient below the normal floats has lost its digits, or all of itself: only a loss of 0 falls to 0
        exact = np.where(quotient >= np.finfo(np.float64).tiny, quotient, 1.0)
        steep = np.where(exact == quotient, -np.log(exact), np.log(values[:-1]) - np.log(values[1:]))
    falls: Float[np.ndarray, " r"] = np.where(ratio < 0.5, -np.log1p(-np.minimum(ratio, 0.5)), steep)
    return falls


def _checked_losses(losses: ArrayLike) -> Float[np.ndarray, " k"]:
    values = as_vector("losses", losses)
    if values.size < 2:
        raise InvalidArgumentError(f"Expected at least two losses but got {values.size}.")
    if not (values[:-1] > 0.0).all() or values[-1] < 0.0:
        raise InvalidArgumentError(
            f"Expected losses > 0 (the last may be 0) but the smallest is {values.min():.6g}. Cut the curve there."
        )
    return values
