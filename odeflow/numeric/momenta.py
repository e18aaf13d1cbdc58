"""Gradient descent with J momenta, on any gradient: w(k+1) = w(k) - eta g(w(k)) + sum_j beta_j (w(k-j+1) - w(k-j)).

J = 0 is gradient descent, J = 1 the heavy ball. The iteration starts at rest: w(0) = w(-1) = ... = w(-J).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.numeric.arrays import as_array, require_count, require_finite, require_positive

__all__ = ["iterate_momenta"]


def iterate_momenta(
    gradient: Callable[[Float[np.ndarray, ...]], Float[np.ndarray, ...]],
    start: ArrayLike,
    *,
    learning_rate: float,
    momenta: Sequence[float],
    steps: int,
    observe: Callable[[Float[np.ndarray, ...]], float],
) -> Float[np.ndarray, " {steps}+1"]:
    """Run the iteration and return an observable of every iterate.

    Parameters
    ----------
    gradient
        Gradient of the loss at weights of the shape of `start`.
    start
        Initial weights, any shape.
    learning_rate
        eta > 0.
    momenta
        (beta_1, ..., beta_J), J >= 0; they may be negative.
    steps
        Number of steps >= 0.
    observe
        Called with every iterate; returns the number to record, for instance the loss.

    Returns
    -------
    Records, (steps + 1,); infinity from the first iterate on at which the record is not finite.

    Raises
    ------
    InvalidArgumentError
        An argument is out of its range or not finite.

    References
    ----------
    Bu, Xu and Chen (2021), section 5.1.

    Examples
    --------
    Gradient descent on x^2/2 with eta = 1/2 halves x in every step:

    >>> iterate_momenta(lambda x: x, [1.0], learning_rate=0.5, momenta=(), steps=3, observe=lambda x: float(x[0]))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    rate = require_positive("learning_rate", learning_rate)
    betas = [require_finite(f"momenta[{j}]", beta) for j, beta in enumerate(momenta)]
    count = require_count("steps", steps, minimum=0)
    now = np.array(as_array("start", start, shape=(None,) * np.ndim(start)))
    moves = [np.zeros_like(now) for _ in betas]  # w(k-j+1) - w(k-j), newest first
    records = np.full(count + 1, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(count + 1):
            record = float(observe(now))
            if not np.isfinite(record):
                break
            records[k] = record
            move = -rate * gradient(now)
            for beta, earlier in zip(betas, moves, strict=True):
                move += beta * earlier
            now = now + move
            moves = [move, *moves][: len(betas)]
    return records
