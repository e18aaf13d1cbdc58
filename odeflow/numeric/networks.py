"""Networks of any depth: their shape, their losses, and the gradient of a loss by backpropagation.

    f(x) = s_L W_L phi(... phi(s_1 W_1 x + b_1) ...) + b_L

with phi of `odeflow.numeric.activations`. Networks of one shape are stacked: one matrix product serves a layer of all
of them. Deep linear networks are the case of the identity.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.special import expit

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import as_array, as_matrix, as_vector, refuse_overflow, require_count, require_nonnegative

__all__ = [
    "CrossEntropy",
    "Loss",
    "Network",
    "PowerLoss",
    "Seed",
    "Targets",
    "backpropagate",
    "checked_parameters",
    "checked_points",
    "initial_parameters",
    "loss_and_gradient",
    "losses",
    "predict",
]


Seed: TypeAlias = int | np.random.Generator


@dataclass(frozen=True)
class Network:
    """The shape of a network.

    Attributes
    ----------
    widths
        n_0, ..., n_L: inputs, hidden layers, outputs.
    activation
        phi of the hidden layers; the derivative of RELU at 0 is 0.
    biases
        Whether every layer has a bias, which starts at 0.
    scaled
        Whether s_l = n_{l-1}^{-1/2} for l > 1, as in `mlp_ntk`; else all s_l = 1. s_1 = 1 always.

    Examples
    --------
    >>> Network((3, 4, 2), biases=True).size
    26
    """

    widths: tuple[int, ...]
    activation: Activation = Activation.RELU
    biases: bool = False
    scaled: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) < 2:
            raise InvalidArgumentError(f"Expected at least two widths, inputs and outputs, but got {self.widths}.")
        for number, width in enumerate(self.widths):
            require_count(f"widths[{number}]", width)

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.widths) - 1

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return sum(a * b + b * self.biases for a, b in itertools.pairwise(self.widths))

    def scale(self, layer: int) -> float:
        """Return s_l, l = 1, ..., L."""
        return float(self.widths[layer - 1]) ** -0.5 if self.scaled and layer > 1 else 1.0

    def split(
        self, parameters: Float[np.ndarray, "s p"]
    ) -> list[tuple[Float[np.ndarray, "s _ _"], Float[np.ndarray, "s _"] | None]]:
        """View parameters as (W_l, b_l), l = 1, ..., L; W_l is (s, n_l, n_{l-1}), b_l (s, n_l) or None."""
        layers: list[tuple[Float[np.ndarray, "s _ _"], Float[np.ndarray, "s _"] | None]] = []
        at = 0
        for before, after in itertools.pairwise(self.widths):
            W = parameters[:, at : at + after * before].reshape(-1, after, before)
            at += after * before
            bias = parameters[:, at : at + after] if self.biases else None
            at += after * self.biases
            layers.append((W, bias))
        return layers


@dataclass(frozen=True)
class PowerLoss:
    """L = sum_i |f(x_i) - y_i|_p^p / p with even p >= 2; p = 2 is the square loss |f - y|^2 / 2.

    `power` is p; with `average` the sum over points becomes a mean.
    """

    power: int = 2
    average: bool = False

    def __post_init__(self) -> None:
        if require_count("power", self.power, minimum=2) % 2:
            raise InvalidArgumentError(f"Expected an even power but got {self.power}.")


@dataclass(frozen=True)
class CrossEntropy:
    """L = sum_i -log softmax(f(x_i))[y_i] with class numbers y_i; with `average` a mean over points."""

    average: bool = False


Loss: TypeAlias = PowerLoss | CrossEntropy
Targets: TypeAlias = Float[np.ndarray, "n k"] | Int[np.ndarray, " n"]


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
    return _forward(network, network.split(stacked), as_matrix("X", X, columns=network.widths[0]))[-1]


@refuse_overflow()
def loss_and_gradient(
    network: Network,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    loss: Loss = PowerLoss(),
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


def _forward(
    network: Network,
    layers: list[tuple[Float[np.ndarray, "s _ _"], Float[np.ndarray, "s _"] | None]],
    X: Float[np.ndarray, "... n d"],
) -> list[Float[np.ndarray, "... n _"]]:
    """Return the inputs of every layer and the outputs of the last."""
    signals = [X]
    for number, (W, bias) in enumerate(layers, start=1):
        signal = signals[-1] @ np.swapaxes(W, 1, 2)
        if network.scale(number) != 1.0:
            signal *= network.scale(number)
        if bias is not None:
            signal += bias[:, None, :]
        if number < network.depth:
            if network.activation is Activation.RELU:
                np.maximum(signal, 0.0, out=signal)
            elif network.activation is Activation.TANH:
                np.tanh(signal, out=signal)
            elif network.activation is Activation.SIGMOID:
                expit(signal, out=signal)
        signals.append(signal)
    return signals


def backpropagate(
    network: Network,
    parameters: Float[np.ndarray, "s p"],
    X: Float[np.ndarray, "... n d"],
    Y: np.ndarray,
    loss: Loss,
    decay: float = 0.0,
    factor: float = 1.0,
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "s p"]]:
    """Backpropagate checked arguments; `factor` multiplies the gradient of L but not L."""
    layers = network.split(parameters)
    signals = _forward(network, layers, X)
    values, back = _of_outputs(signals[-1], Y, loss)
    back *= factor
    gradient = np.empty_like(parameters)
    parts = network.split(gradient)
    for number in range(network.depth, 0, -1):
        (W, _), (dW, dbias) = layers[number - 1], parts[number - 1]
        signal = signals[number - 1]
        np.matmul(np.swapaxes(back, 1, 2), signal, out=dW)
        if network.scale(number) != 1.0:
            dW *= network.scale(number)
        if decay:
            dW += decay * W
        if dbias is not None:
            dbias[:] = back.sum(axis=1)
        if number > 1:
            back = back @ W
            if network.scale(number) != 1.0:
                back *= network.scale(number)
            if network.activation is Activation.RELU:
                back *= signal > 0.0
            elif network.activation is Activation.TANH:
                back *= 1.0 - signal * signal
            elif network.activation is Activation.SIGMOID:
                back *= signal * (1.0 - signal)
    return values, gradient


def losses(
    network: Network, parameters: Float[np.ndarray, "s p"], X: Float[np.ndarray, "n d"], Y: np.ndarray, loss: Loss
) -> Float[np.ndarray, " s"]:
    """Return the losses of checked arguments."""
    return _of_outputs(_forward(network, network.split(parameters), X)[-1], Y, loss)[0]


def _of_outputs(
    outputs: Float[np.ndarray, "s n k"], Y: np.ndarray, loss: Loss
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "s n k"]]:
    """Return the losses and their derivatives by the outputs."""
    points = outputs.shape[1]
    if isinstance(loss, PowerLoss):
        error = outputs - Y
        back = error if loss.power == 2 else error ** (loss.power - 1)
        values = np.einsum("snk,snk->s", back, error) / loss.power
        if loss.power == 2:
            back = error.copy()
    else:
        shifted = outputs - outputs.max(axis=2, keepdims=True)
        back = np.exp(shifted)
        total = back.sum(axis=2, keepdims=True)
        back /= total
        labels = np.broadcast_to(Y, outputs.shape[:2])[:, :, None]
        chosen = np.take_along_axis(shifted, labels, axis=2)
        values = (np.log(total) - chosen).sum(axis=(1, 2))
        np.put_along_axis(back, labels, np.take_along_axis(back, labels, axis=2) - 1.0, axis=2)
    if loss.average:
        values = values / points
        back /= points
    return values, back


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
