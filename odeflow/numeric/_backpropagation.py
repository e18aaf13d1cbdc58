"""Networks of any depth as arrays: forward, backward, the losses; `odeflow.numeric.networks` checks what comes in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import require_count

__all__ = ["CrossEntropy", "Loss", "Network", "PowerLoss", "Targets", "backpropagate", "losses", "outputs"]


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


def forward(
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
    signals = forward(network, layers, X)
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
    return _of_outputs(outputs(network, parameters, X), Y, loss)[0]


def outputs(
    network: Network, parameters: Float[np.ndarray, "s p"], X: Float[np.ndarray, "... n d"]
) -> Float[np.ndarray, "s n k"]:
    """Return what the networks make of checked inputs."""
    return forward(network, network.split(parameters), X)[-1]


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
