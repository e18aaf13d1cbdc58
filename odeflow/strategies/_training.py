"""What a discrete optimiser needs: a loss, and a learning rate with which it converges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_vector, require_count, require_finite
from odeflow.strategies._declared import declared, random_state_kept

if TYPE_CHECKING:
    from odeflow.numeric.networks import Loss

__all__ = ["learning_rates", "losses"]

SMALLEST_SHARE = 2.0**-10
"""Smallest learning rate, in units of the largest: smaller ones are gradient flow."""


def _check_losses(*, max_power: int, cross_entropy: bool, average: bool | None) -> None:
    require_count("max_power", max_power, minimum=0 if cross_entropy else 2)
    if average is not None and not isinstance(average, bool):
        raise InvalidArgumentError(f"Expected average=True, False or None for either but got {average!r}.")


@declared(_check_losses)
def losses(draw: st.DrawFn, *, max_power: int = 4, cross_entropy: bool = True, average: bool | None = None) -> Loss:
    """Losses of `odeflow.numeric.mlp_training`. Shrinks to the square loss, summed.

    Parameters
    ----------
    max_power : largest p of |f - y|_p^p / p, p even; below 2 for no such loss
    cross_entropy : allow the cross-entropy, whose targets are class numbers
    average : mean (True), sum (False) or either (None) over the points

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(losses(average=True), lambda loss: True, settings=quiet)
    PowerLoss(power=2, average=True)
    """
    from odeflow.numeric.networks import CrossEntropy, PowerLoss  # loads Numba: only when a loss is drawn

    powers = list(range(2, max_power + 1, 2))
    power = draw(st.sampled_from([*powers, None] if cross_entropy else powers))
    averaged = draw(st.booleans()) if average is None else average
    with random_state_kept():
        return CrossEntropy(averaged) if power is None else PowerLoss(power, averaged)


def _check_learning_rates(spectrum: ArrayLike, *, momentum: float, lookahead: bool, share: float) -> None:
    _largest(spectrum)
    if not 0.0 <= require_finite("momentum", momentum) <= 1.0 or (momentum == 1.0 and not lookahead):
        raise InvalidArgumentError(
            f"Expected 0 <= momentum < 1 (1 only with lookahead) but got momentum={momentum}, lookahead={lookahead}."
        )
    if not 0.0 < require_finite("share", share) <= 1.0:
        raise InvalidArgumentError(f"Expected 0 < share <= 1 but got share={share}.")


@declared(_check_learning_rates)
def learning_rates(
    draw: st.DrawFn, spectrum: ArrayLike, *, momentum: float = 0.0, lookahead: bool = False, share: float = 1.0
) -> float:
    """Learning rates with which a discrete method converges on a quadratic with this spectrum.

        heavy ball           eta < 2 (1 + beta) / lambda_max                       (beta = 0: gradient descent)
        Nesterov's method    eta < 2 (1 + beta) / ((1 + 2 beta) lambda_max)        (lookahead; beta = 1: 4/3)

    They shrink to half of the largest: 1/lambda_max for gradient descent.

    Parameters
    ----------
    spectrum : eigenvalues >= 0 in any order, or the largest alone; one must be > 0
    momentum : beta; for Nesterov's method with vanishing damping, whose momentum tends to 1, pass 1
    lookahead : the gradient is taken at the point that momentum leads to
    share : of the largest learning rate, at most 1; both it and 0 are excluded

    Raises
    ------
    InvalidArgumentError
        An eigenvalue is negative, none is positive, or `momentum` or `share` is out of its range.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    Nesterov (2004), Introductory lectures on convex optimization.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(learning_rates([1.0, 4.0]), lambda eta: True, settings=quiet)
    0.25
    >>> learning_rates([0.0])
    Traceback (most recent call last):
    ...
    odeflow.errors.InvalidArgumentError: Expected a largest eigenvalue > 0 but got 0.0. Any learning rate is stable.
    """
    with random_state_kept():
        largest = _largest(spectrum)
    limit = 2.0 * (1.0 + momentum) / ((1.0 + 2.0 * momentum if lookahead else 1.0) * largest)
    part = draw(st.one_of(st.just(0.5), st.floats(SMALLEST_SHARE, 1.0, exclude_max=True)))
    return min(limit * share * part, float(np.nextafter(limit * share, 0.0)))


def _largest(spectrum: ArrayLike) -> float:
    values = as_vector("spectrum", np.atleast_1d(spectrum))
    if values.min() < 0.0:
        raise InvalidArgumentError(f"Expected eigenvalues >= 0 but got {values.min()}. No learning rate is stable.")
    if values.max() == 0.0:
        raise InvalidArgumentError("Expected a largest eigenvalue > 0 but got 0.0. Any learning rate is stable.")
    return float(values.max())
