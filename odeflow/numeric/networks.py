"""Networks of any depth: their shape, their losses, and the gradient of a loss by backpropagation.

    f(x) = s_L W_L phi(... phi(s_1 W_1 x + b_1) ...) + b_L

with phi of `odeflow.numeric.activations`. Networks of one shape are stacked: one matrix product serves a layer of all
of them. Deep linear networks are the case of the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._backpropagation import (
    CrossEntropy,
    Loss,
    Network,
    PowerLoss,
    Targets,
    backpropagate,
    outputs,
)
from odeflow.numeric.arrays import as_array, as_matrix, as_vector, refuse_overflow, require_nonnegative

__all__ = [
    "CrossEntropy",
    "Loss",
    "Network",
    "PowerLoss",
    "Seed",
    "Targets",
    "initial_parameters",
    "loss_and_gradient",
    "predict",
]


Seed: TypeAlias = int | np.random.Generator
SQUARE = PowerLoss()


@refuse_overflow()
def initial_parameters(
    network: Network, seeds: Sequence[Seed], *, deviation: float | None = None
) -> Float[np.ndarray, "s p"]:
    """Draw independent normal weights for every seed; biases are 0.

    Parameters
    ----------
    network
        Its shape.
    seeds
        One a run.
    deviation
        Standard deviation of a weight; by default 1 in scaled layers (and in layer 1 of scaled networks), else
        n_{l-1}^{-1/2}.

    Returns
    -------
    Parameters, (s, P).

    Examples
    --------
    >>> initial_parameters(Network((2, 3, 1)), [0, 1]).shape
    (2, 9)
    """
    if not len(seeds):
        raise InvalidArgumentError("Expected at least one seed but got none.")
    fixed = None if deviation is None else require_nonnegative("deviation", deviation)
    parameters = np.zeros((len(seeds), network.size))
    layers = network.split(parameters)
    for run, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        for number, (W, _) in enumerate(layers):
            usual = 1.0 if network.scaled else network.widths[number] ** -0.5
            W[run] = (usual if fixed is None else fixed) * rng.standard_normal(W.shape[1:])
    return parameters


@refuse_overflow()
def predict(network: Network, parameters: ArrayLike, X: ArrayLike) -> Float[np.ndarray, "s n k"]:
    """Evaluate all runs on all points.

    Parameters
    ----------
    network
        Its shape.
    parameters
        (s, P), or (P,) for one run.
    X
        Inputs, (n, n_0), one row a point.

    Examples
    --------
    >>> predict(Network((1, 1, 1)), [2.0, 3.0], [[1.0], [-1.0]])[0, :, 0]
    array([6., 0.])
    """
    stacked = checked_parameters(network, parameters)
    return outputs(network, stacked, as_matrix("X", X, columns=network.widths[0]))


@refuse_overflow()
def loss_and_gradient(
    network: Network,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    loss: Loss = SQUARE,
    weight_decay: float = 0.0,
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "s p"]]:
    """Compute the loss and the gradient of L + weight_decay sum_l |W_l|^2 / 2 for every run.

    Parameters
    ----------
    network, parameters, X
        As in `predict`.
    Y
        Targets, (n, n_L), or (n,) if n_L = 1; for `CrossEntropy` class numbers 0, ..., n_L - 1, integers (n,).
    loss
        L.
    weight_decay
        >= 0; biases do not decay.

    Returns
    -------
    L without the decay term, (s,), and the gradient with it, (s, P).

    Examples
    --------
    >>> loss_and_gradient(Network((1, 1)), [2.0], [[3.0]], [5.0])
    (array([0.5]), array([[3.]]))
    """
    stacked = checked_parameters(network, parameters)
    inputs, targets = checked_points(network, X, Y, loss)
    decay = require_nonnegative("weight_decay", weight_decay)
    with np.errstate(over="ignore", invalid="ignore"):
        return backpropagate(network, stacked, inputs, targets, loss, decay)


def checked_parameters(network: Network, parameters: ArrayLike) -> Float[np.ndarray, "s p"]:
    """Return parameters as (s, P)."""
    if np.ndim(parameters) == 1:
        return as_vector("parameters", parameters, length=network.size)[None]
    return as_matrix("parameters", parameters, columns=network.size)


def checked_points(
    network: Network, X: ArrayLike, Y: ArrayLike, loss: Loss
) -> tuple[Float[np.ndarray, "n d"], Targets]:
    """Return inputs and targets that fit the network and the loss."""
    inputs = as_matrix("X", X, columns=network.widths[0])
    classes = network.widths[-1]
    if isinstance(loss, PowerLoss):
        shape = (len(inputs),) if np.ndim(Y) == 1 and classes == 1 else (len(inputs), classes)
        return inputs, as_array("Y", Y, shape=shape).reshape(len(inputs), classes)
    labels = np.asarray(Y)
    if labels.shape != (len(inputs),) or labels.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"Expected Y to be {len(inputs)} integer class numbers but got shape {labels.shape}, dtype {labels.dtype}."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InvalidArgumentError(
            f"Expected class numbers 0 to {classes - 1}, one for each output, but got {labels.min()} to {labels.max()}."
        )
    return inputs, labels.astype(np.int64)
