"""The paper's networks g(x) = sigma(W_beta sigma(... sigma(W_0 x))) with their per-sample gradients, layer by layer.

Small and direct, for the explicit networks of the pages: gradients are never formed, only the factors H_{p-1} and g_p
whose outer products they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

__all__ = [
    "IDENTITY",
    "RELU",
    "SIGMOID",
    "SINE",
    "SMOOTH_AT_ZERO",
    "TANH",
    "Activation",
    "Passed",
    "input_gradients",
    "passed",
    "random_small_net",
]


@dataclass(frozen=True)
class Activation:
    """sigma and sigma' applied entry by entry."""

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


def _logistic(z: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


IDENTITY = Activation("identity", lambda z: z, np.ones_like)
TANH = Activation("tanh", np.tanh, lambda z: 1.0 - np.tanh(z) ** 2)
SINE = Activation("sin", np.sin, np.cos)
RELU = Activation("ReLU", lambda z: np.maximum(z, 0.0), lambda z: (z > 0.0).astype(np.float64))
SIGMOID = Activation("sigmoid", _logistic, lambda z: _logistic(z) * (1.0 - _logistic(z)))
SMOOTH_AT_ZERO = (IDENTITY, TANH, SINE)
"""Activations with sigma(0) = 0 and |sigma'|, |sigma''| <= 1 on [-1, 1]."""


@dataclass(frozen=True)
class Passed:
    """What a batch leaves behind: inputs of every layer and derivatives of the output by every pre-activation.

    Attributes
    ----------
    inputs : H_{p-1}, (n, l_{p-1}) for p = 0, ..., beta (H_{-1} = X)
    backward : g_p = dg/dz_p, (n, l_p)
    outputs : g, (n,)
    """

    inputs: tuple[Float[np.ndarray, "n l"], ...]
    backward: tuple[Float[np.ndarray, "n l"], ...]
    outputs: Float[np.ndarray, " n"]

    def kernel(self) -> Float[np.ndarray, "n n"]:
        """Return sum_p <H_{p-1}(x_i), H_{p-1}(x_j)> <g_p(x_i), g_p(x_j)>: inner products of output gradients."""
        terms = ((h @ h.T) * (g @ g.T) for h, g in zip(self.inputs, self.backward, strict=True))
        return np.asarray(sum(terms))


def passed(weights: Sequence[Float[np.ndarray, "a b"]], X: Float[np.ndarray, "n d"], activation: Activation) -> Passed:
    """Pass a batch forward and backward; the last weight matrix has one row."""
    inputs, pre = [X], []
    for W in weights:
        pre.append(inputs[-1] @ W.T)
        inputs.append(activation.value(pre[-1]))
    backward = [activation.slope(pre[-1])]
    for W, z in zip(reversed(weights[1:]), reversed(pre[:-1]), strict=True):
        backward.append((backward[-1] @ W) * activation.slope(z))
    return Passed(tuple(inputs[:-1]), tuple(reversed(backward)), inputs[-1][:, 0])


def input_gradients(weights: Sequence[Float[np.ndarray, "a b"]], found: Passed) -> Float[np.ndarray, "n d"]:
    """Return dg/dx, one row a sample."""
    return np.asarray(found.backward[0] @ weights[0])


def random_small_net(
    rng: np.random.Generator, *, depth: int, width: int, features: int
) -> list[Float[np.ndarray, "a b"]]:
    """Return beta + 1 = depth + 1 random matrices of operator norm 1, some of rank one."""
    sizes = [features, *([width] * depth), 1]
    found = []
    for columns, rows in pairwise(sizes):
        W = rng.standard_normal((rows, columns))
        if rng.random() < 0.3:
            W = np.outer(rng.standard_normal(rows), rng.standard_normal(columns))
        found.append(W / np.linalg.norm(W, 2))
    return found
