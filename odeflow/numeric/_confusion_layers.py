"""Forward and backward through the networks of `odeflow.numeric.confusion`, stacked runs first: (s, n, width)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, log_expit, log_softmax

from odeflow.numeric.activations import Activation, activated
from odeflow.numeric.arrays import require_positive
from odeflow.numeric.networks import CrossEntropy, Network, PowerLoss

__all__ = [
    "Architecture",
    "LogisticLoss",
    "SampleLoss",
    "back_through",
    "forward",
    "gradient",
    "loss_of_outputs",
]


@dataclass(frozen=True)
class LogisticLoss:
    """f_i = log(1 + exp(-y_i f(x_i))) for one output and real labels y_i, usually +-1."""


SampleLoss: TypeAlias = PowerLoss | CrossEntropy | LogisticLoss


@dataclass(frozen=True)
class Architecture:
    """A fully connected network: z_l = W_l a_{l-1} + b_l, a_l = phi(z_l), the last layer without phi.

    With `batch_norm` a hidden z_l is replaced by gamma_l (z_l - mean)/sqrt(variance + epsilon) + beta_l, mean and
    variance over the points that are given together; a bias in front of it then has gradient 0. With `skip`
    a_l = a_{l-1} + phi(z_l) in hidden layers with as many outputs as inputs.

    Attributes
    ----------
    widths
        n_0, ..., n_L: inputs, hidden layers, outputs.
    activation
        phi.
    biases, skip, batch_norm
        What the layers have.
    epsilon
        Of the batch normalisation, > 0.

    Examples
    --------
    >>> Architecture((3, 4, 2)).size, Architecture((3, 4, 2), batch_norm=True).size
    (26, 34)
    """

    widths: tuple[int, ...]
    activation: Activation = Activation.TANH
    biases: bool = True
    skip: bool = False
    batch_norm: bool = False
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        require_positive("epsilon", self.epsilon)
        Network(self.widths)  # refuses bad widths

    @property
    def network(self) -> Network:
        """How W_l and b_l lie in a parameter vector: as in `odeflow.numeric.mlp_training`, without its scales."""
        return Network(self.widths, biases=self.biases, scaled=False)

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.widths) - 1

    @property
    def size(self) -> int:
        """Number of parameters P: weights and biases layer by layer, then gamma_l and beta_l."""
        return self.network.size + 2 * self.batch_norm * sum(self.widths[1:-1])

    def skips(self, layer: int) -> bool:
        """Return whether layer l = 1, ..., L adds its input to its output."""
        return self.skip and layer < self.depth and self.widths[layer] == self.widths[layer - 1]

    def split(self, parameters: Float[np.ndarray, "s p"]) -> list[Layer]:
        """View parameters, (s, P), layer by layer."""
        weights = self.network.split(parameters[:, : self.network.size])
        layers, at = [], self.network.size
        for number, (W, bias) in enumerate(weights, start=1):
            width = self.widths[number] * (self.batch_norm and number < self.depth)
            gain, shift = (parameters[:, at + k * width : at + (k + 1) * width] for k in (0, 1))
            layers.append(Layer(W, bias, gain if width else None, shift if width else None))
            at += 2 * width
        return layers


@dataclass(frozen=True, eq=False)
class Layer:
    """W, (s, n_l, n_{l-1}), and, where the layer has them, its bias, gamma and beta, (s, n_l)."""

    W: Float[np.ndarray, "s m k"]
    bias: Float[np.ndarray, "s m"] | None
    gain: Float[np.ndarray, "s m"] | None
    shift: Float[np.ndarray, "s m"] | None


@dataclass(frozen=True, eq=False)
class Passed:
    """What a layer's way back needs: its input, the slope of phi, and the normalised z with its deviation."""

    entered: Float[np.ndarray, "... n k"]
    slope: Float[np.ndarray, "s n m"] | None
    normalised: Float[np.ndarray, "s n m"] | None = None
    deviation: Float[np.ndarray, "s 1 m"] | None = None


def forward(
    architecture: Architecture, layers: list[Layer], X: Float[np.ndarray, "... n d"]
) -> tuple[Float[np.ndarray, "s n k"], list[Passed]]:
    """Return the outputs and what the way back needs."""
    signal, passed = X, []
    for number, layer in enumerate(layers, start=1):
        entered = signal
        z = entered @ np.swapaxes(layer.W, 1, 2)
        if layer.bias is not None:
            z += layer.bias[:, None, :]
        normalised = deviation = None
        if layer.gain is not None and layer.shift is not None:
            z -= z.mean(axis=1, keepdims=True)
            deviation = np.sqrt((z * z).mean(axis=1, keepdims=True) + architecture.epsilon)
            normalised = z / deviation
            z = normalised * layer.gain[:, None, :] + layer.shift[:, None, :]
        slope = None
        if number < architecture.depth:
            z, slope = activated(z, architecture.activation)
        signal = entered + z if architecture.skips(number) else z
        passed.append(Passed(entered, slope, normalised, deviation))
    return signal, passed


def back_through(
    architecture: Architecture, layers: list[Layer], passed: list[Passed], back: Float[np.ndarray, "s n k"]
) -> Iterator[tuple[int, Float[np.ndarray, "s n m"], Float[np.ndarray, "s n m"]]]:
    """Yield (l, derivatives by z_l, derivatives by what enters phi), from the last layer to the first.

    The two differ only where z_l is batch normalised. `back` holds the derivatives by the outputs.
    """
    for number in range(architecture.depth, 0, -1):
        layer, state = layers[number - 1], passed[number - 1]
        at_phi = back if state.slope is None else back * state.slope
        delta = at_phi
        if state.normalised is not None and state.deviation is not None and layer.gain is not None:
            delta = at_phi * layer.gain[:, None, :]
            delta = delta - delta.mean(axis=1, keepdims=True)
            delta = delta - state.normalised * (at_phi * layer.gain[:, None, :] * state.normalised).mean(
                axis=1, keepdims=True
            )
            delta = delta / state.deviation
        yield number, delta, at_phi
        if number > 1:
            through = delta @ layer.W
            back = back + through if architecture.skips(number) else through


def gradient(
    architecture: Architecture,
    parameters: Float[np.ndarray, "s p"],
    X: Float[np.ndarray, "... n d"],
    Y: Float[np.ndarray, "... n k"] | Int[np.ndarray, "... n"],
    loss: SampleLoss,
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "s p"]]:
    """Return the mean loss over the points and its gradient, for every run."""
    layers = architecture.split(parameters)
    outputs, passed = forward(architecture, layers, X)
    values, back = loss_of_outputs(outputs, Y, loss)
    total = np.empty_like(parameters)
    parts = architecture.split(total)
    for number, delta, at_phi in back_through(architecture, layers, passed, back / outputs.shape[1]):
        part, state = parts[number - 1], passed[number - 1]
        np.matmul(np.swapaxes(delta, 1, 2), state.entered, out=part.W)
        if part.bias is not None:
            part.bias[:] = delta.sum(axis=1)
        if part.gain is not None and part.shift is not None and state.normalised is not None:
            part.gain[:] = (at_phi * state.normalised).sum(axis=1)
            part.shift[:] = at_phi.sum(axis=1)
    return values.mean(axis=1), total


def loss_of_outputs(
    outputs: Float[np.ndarray, "s n k"], Y: Float[np.ndarray, "... n k"] | Int[np.ndarray, "... n"], loss: SampleLoss
) -> tuple[Float[np.ndarray, "s n"], Float[np.ndarray, "s n k"]]:
    """Return f_i and its derivatives by the outputs."""
    if isinstance(loss, PowerLoss):
        error = outputs - Y
        slopes = error ** (loss.power - 1)
        return (slopes * error).sum(axis=2) / loss.power, slopes
    if isinstance(loss, LogisticLoss):
        margins = Y * outputs
        return -log_expit(margins)[:, :, 0], -Y * expit(-margins)
    logs = log_softmax(outputs, axis=2)
    labels = np.broadcast_to(Y, outputs.shape[:2])[:, :, None]
    slopes = np.exp(logs)
    values = -np.take_along_axis(logs, labels, axis=2)[:, :, 0]
    np.put_along_axis(slopes, labels, np.take_along_axis(slopes, labels, axis=2) - 1.0, axis=2)
    return values, slopes
