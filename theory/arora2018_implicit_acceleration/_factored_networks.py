"""A ReLU classifier whose dense layers are products of two matrices: the small version of Figure 5, right.

The factors of a layer W = B A get their gradients from the layer's, dA = B^T dW and dB = dW A^T; the layer's comes from
`odeflow.numeric.mlp_training`, which knows one activation for all hidden layers and so no factors of its own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from odeflow.numeric.mlp_training import CrossEntropy, Network, loss_and_gradient

__all__ = ["Classifier", "added_parameters", "iterations_to", "smoothed"]

MOMENTUM, BATCH, DECAY = 0.9, 64, 0.95
"""The tutorial's: momentum, batch size, and the factor of the learning rate an epoch."""
SMOOTHING = 25
"""Batches that a smoothed loss is the mean of."""
OVERFLOW = 1e60
"""A run with a weight beyond this has diverged; the products of three such layers are still finite."""


def added_parameters(widths: tuple[int, ...]) -> int:
    """Count the weights that the second factors add: n x n for a layer with n outputs.

    Examples
    --------
    >>> added_parameters((3136, 512, 10))
    262244
    """
    return sum(after * after for after in widths[1:])


@dataclass(frozen=True)
class Classifier:
    """A network, its initial deviation, and whether each layer is a product of two.

    With `product_scale` a plain network starts with the deviation that the products would have: the control for the
    effect of the initial scale alone.
    """

    widths: tuple[int, ...]
    factored: bool = False
    product_scale: bool = False
    deviation: float = 0.1

    @property
    def network(self) -> Network:
        """The shape of the network that the products make."""
        return Network(self.widths, biases=True, scaled=False)

    def train(
        self,
        X: Float[np.ndarray, "n d"],
        labels: np.ndarray,
        rates: Float[np.ndarray, " s"],
        epochs: int,
        *,
        seed: int,
    ) -> Float[np.ndarray, "s k"]:
        """Train with every learning rate, on the same batches, and return the loss of each batch; inf once diverged."""
        rng = np.random.default_rng(seed)
        inner, outer, biases = self._draw(rng, len(rates))
        weights = [*inner, *outer, *biases]
        velocities = [np.zeros_like(W) for W in weights]
        batches = len(X) // BATCH
        losses = np.full((len(rates), epochs * batches), np.inf)
        alive = np.arange(len(rates))
        layers = len(inner)
        for epoch in range(epochs):
            order = rng.permutation(len(X))
            for batch in range(batches):
                points = order[batch * BATCH : (batch + 1) * BATCH]
                parameters = self._merge(weights[:layers], weights[layers:-layers], weights[-layers:])
                sound = np.isfinite(parameters).all(axis=1) & (np.abs(parameters).max(axis=1) < OVERFLOW)
                if not sound.all():
                    alive, parameters = alive[sound], parameters[sound]
                    weights, velocities = [W[sound] for W in weights], [v[sound] for v in velocities]
                    if not alive.size:
                        return losses
                values, gradient = loss_and_gradient(
                    self.network, parameters, X[points], labels[points], loss=CrossEntropy(average=True)
                )
                losses[alive, epoch * batches + batch] = values
                slopes = self._split(gradient, weights[:layers], weights[layers:-layers])
                rate = rates[alive] * DECAY**epoch
                with np.errstate(over="ignore", invalid="ignore"):
                    for W, v, slope in zip(weights, velocities, slopes, strict=True):
                        v *= MOMENTUM
                        v += slope
                        W -= rate.reshape(-1, *[1] * (W.ndim - 1)) * v
        return losses

    def _draw(self, rng: np.random.Generator, runs: int) -> list[list[np.ndarray]]:
        """Draw one network and give it to all runs: inner factors (or whole layers), outer factors, biases."""
        inner, outer, biases = [], [], []
        for before, after in itertools.pairwise(self.widths):
            scale = self.deviation * (self.deviation * np.sqrt(after) if self.product_scale else 1.0)
            inner.append(scale * rng.standard_normal((after, before)))
            if self.factored:
                outer.append(self.deviation * rng.standard_normal((after, after)))
            biases.append(np.zeros(after))
        return [[np.repeat(W[None], runs, axis=0) for W in group] for group in (inner, outer, biases)]

    def _merge(
        self, inner: list[np.ndarray], outer: list[np.ndarray], biases: list[np.ndarray]
    ) -> Float[np.ndarray, "s p"]:
        """Multiply the factors and lay out what `mlp_training` calls parameters."""
        with np.errstate(over="ignore", invalid="ignore"):
            layers = [B @ A for A, B in zip(inner, outer, strict=True)] if self.factored else inner
        parts = [part.reshape(len(part), -1) for W, b in zip(layers, biases, strict=True) for part in (W, b)]
        return np.concatenate(parts, axis=1)

    def _split(
        self, gradient: Float[np.ndarray, "s p"], inner: list[np.ndarray], outer: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return the gradients by inner factors, outer factors and biases."""
        layers = self.network.split(gradient)
        whole, biases = [W for W, _ in layers], [b for _, b in layers if b is not None]
        if not self.factored:
            return [*whole, *biases]
        by_inner = [B.transpose(0, 2, 1) @ W for W, B in zip(whole, outer, strict=True)]
        by_outer = [W @ A.transpose(0, 2, 1) for W, A in zip(whole, inner, strict=True)]
        return [*by_inner, *by_outer, *biases]


def smoothed(losses: Float[np.ndarray, "s k"]) -> Float[np.ndarray, "s k"]:
    """Return the mean of the last `SMOOTHING` batch losses (of all, before there are so many)."""
    with np.errstate(invalid="ignore"):
        total = np.cumsum(np.where(np.isfinite(losses), losses, np.nan), axis=1)
    out = total.copy()
    out[:, SMOOTHING:] -= total[:, :-SMOOTHING]
    return np.asarray(out / np.minimum(np.arange(1, losses.shape[1] + 1), SMOOTHING))


def iterations_to(losses: Float[np.ndarray, "s k"], level: float) -> Float[np.ndarray, " s"]:
    """Return the first iteration at which the smoothed loss is at most a level, infinity if none is."""
    below = smoothed(losses) <= level
    return np.where(below.any(axis=1), below.argmax(axis=1).astype(float), np.inf)
