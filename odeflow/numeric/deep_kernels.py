"""Tangent kernels of networks of any depth with every layer trained: finite width layer by layer, and the ReLU limit.

    f(x) = s_L W_L phi(s_{L-1} W_{L-1} phi(... phi(W_1 x))),   s_l = (number of columns of W_l)^{-1/2},  s_1 = 1

The first layer is not scaled because inputs have unit norm in this field; with one hidden layer and unit output signs
the part of W_1 is `odeflow.numeric.kernels.relu_ntk`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._ntk_kernels import angle_matrix
from odeflow.numeric.activations import Activation, activated
from odeflow.numeric.arrays import as_matrix, refuse_overflow, require_count
from odeflow.numeric.geometry import units_and_norms

__all__ = ["mlp_ntk", "mlp_ntk_layers", "mlp_ntk_limit"]


@refuse_overflow()
def mlp_ntk(
    X: ArrayLike, weights: Sequence[ArrayLike], *, activation: Activation = Activation.RELU
) -> Float[np.ndarray, "n n"]:
    """Compute the tangent kernel of a network of any depth, all layers trained.

    H = sum_l (s_l^2 A_{l-1} A_{l-1}^T) * (B_l B_l^T),   * entrywise

    A_l are the activations of layer l on all inputs (A_0 = X), B_l the derivatives of f with respect to the
    pre-activations of layer l. The Jacobian, with n times as many entries as there are weights, is never formed.

    Parameters
    ----------
    X
        Inputs, (n, d).
    weights
        W_1, ..., W_L; W_l has as many columns as W_{l-1} has rows, W_1 has d, W_L has one row (or is a vector).
    activation
        The activation of every hidden layer.

    Returns
    -------
    Kernel, (n, n), symmetric.

    Raises
    ------
    InvalidArgumentError
        Shapes do not fit, an entry is not finite, or the kernel overflows.

    References
    ----------
    Jacot, Gabriel and Hongler (2018), Neural tangent kernel.

    Examples
    --------
    A linear network of depth two, f(x) = w2 w1 x with w1 = 2 and w2 = 3, has kernel (w1^2 + w2^2) x^2:

    >>> mlp_ntk([[1.0]], [[[2.0]], [[3.0]]], activation=Activation.IDENTITY)
    array([[13.]])
    """
    total: Float[np.ndarray, "n n"] | None = None
    for summand in _layer_kernels(X, weights, activation):
        total = summand if total is None else total + summand
    assert total is not None  # there is at least one layer
    return total


@refuse_overflow()
def mlp_ntk_layers(
    X: ArrayLike, weights: Sequence[ArrayLike], *, activation: Activation = Activation.RELU
) -> Float[np.ndarray, "l n n"]:
    """Compute the summands of `mlp_ntk`, one a layer, first layer first.

    Each is positive semi-definite; training only some layers has the sum of theirs as kernel.

    Parameters
    ----------
    X, weights, activation
        As for `mlp_ntk`.

    Raises
    ------
    InvalidArgumentError
        As for `mlp_ntk`.

    Examples
    --------
    >>> mlp_ntk_layers([[1.0]], [[[2.0]], [[3.0]]], activation=Activation.IDENTITY).ravel()
    array([9., 4.])
    """
    return np.stack(list(_layer_kernels(X, weights, activation))[::-1])


@refuse_overflow()
def mlp_ntk_limit(X: ArrayLike, depth: int) -> Float[np.ndarray, "n n"]:
    """Compute the infinite-width tangent kernel of a ReLU network with `depth` weight layers, all trained.

    S_1 = H_1 = X X^T,  S_{l+1} = r_l (sin t + (pi - t) cos t) / (2 pi),  H_{l+1} = H_l * (1/2 - t / (2 pi)) + S_{l+1}

    entrywise, with t the angle cos t = S_l,ij / r_l,ij and r_l,ij = (S_l,ii S_l,jj)^{1/2}; standard normal weights, in
    the scaling of `mlp_ntk` (no factor sqrt 2 a layer). Angles are carried from layer to layer as angles: cosines near
    1 would lose half of their digits.

    Parameters
    ----------
    X
        Inputs, (n, d), any norms.
    depth
        Number of weight layers >= 1; 1 is the linear model, 2 has one hidden layer.

    Returns
    -------
    Kernel, (n, n), symmetric.

    Raises
    ------
    InvalidArgumentError
        `X` is not a finite matrix, products of norms overflow, or `depth` < 1.

    References
    ----------
    Jacot, Gabriel and Hongler (2018), proposition 1 and theorem 1; Cho and Saul (2009), arc-cosine kernels.

    Examples
    --------
    One point of norm one: each layer halves both the variance and what it passes down.

    >>> [mlp_ntk_limit([[1.0]], depth).item() for depth in (1, 2, 3)]
    [1.0, 1.0, 0.75]
    """
    inputs = as_matrix("X", X)
    layers = require_count("depth", depth)
    units, norms = units_and_norms(inputs)
    largest = float(norms.max())
    if not math.isfinite(largest * largest):
        raise InvalidArgumentError(
            f"Expected products of norms to be finite but a row of X has norm {largest:.3g}. Rescale X."
        )
    angles = angle_matrix(units @ units.T, units)
    scale = np.outer(norms, norms)
    kernel: Float[np.ndarray, "n n"] = scale * np.cos(angles)
    for _ in range(layers - 1):
        sine, cosine = np.sin(angles), np.cos(angles)
        covariance = scale * (sine + (np.pi - angles) * cosine) / (2.0 * np.pi)
        kernel = kernel * (0.5 - angles / (2.0 * np.pi)) + covariance
        half_sine_squared = np.sin(0.5 * angles) ** 2 - (sine - angles * cosine) / (2.0 * np.pi)
        angles = 2.0 * np.arcsin(np.sqrt(np.clip(half_sine_squared, 0.0, 0.5)))
        scale = 0.5 * scale
    return kernel


def _layer_kernels(
    X: ArrayLike, weights: Sequence[ArrayLike], activation: Activation
) -> list[Float[np.ndarray, "n n"]]:
    """Return the summands, last layer first, as back-propagation finds them."""
    inputs = as_matrix("X", X)
    matrices = _checked_weights(weights, inputs.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        kernels = _forward_backward(inputs, matrices, activation)
    if not all(np.isfinite(kernel).all() for kernel in kernels):
        raise InvalidArgumentError("Expected a finite kernel but products of X and weights overflow. Rescale them.")
    return kernels


def _forward_backward(
    inputs: Float[np.ndarray, "n d"], matrices: list[Float[np.ndarray, "_ _"]], activation: Activation
) -> list[Float[np.ndarray, "n n"]]:
    activations, slopes = [inputs], []
    for layer, matrix in enumerate(matrices[:-1]):
        z = activations[-1] @ matrix.T
        if layer > 0:
            z *= matrix.shape[1] ** -0.5
        value, slope = activated(z, activation)
        activations.append(value)
        slopes.append(slope)
    kernels = []
    back = np.ones((inputs.shape[0], 1))
    for layer in range(len(matrices) - 1, -1, -1):
        scale = 1.0 / matrices[layer].shape[1] if layer > 0 else 1.0
        gram = activations[layer] @ activations[layer].T
        gram *= scale
        if layer < len(matrices) - 1:  # the derivative of f by its own pre-activation is 1
            gram *= back @ back.T
        kernels.append(gram)
        if layer > 0:
            back = back @ matrices[layer]
            slope = slopes[layer - 1]
            if slope is not None:
                back *= slope
            back *= math.sqrt(scale)
    return kernels


def _checked_weights(weights: Sequence[ArrayLike], columns: int) -> list[Float[np.ndarray, "_ _"]]:
    if len(weights) == 0:
        raise InvalidArgumentError("Expected at least one weight matrix but got none.")
    matrices = []
    for layer, given in enumerate(weights, start=1):
        last = layer == len(weights)
        row = np.reshape(given, (1, -1)) if last and np.ndim(given) == 1 else given
        matrix = as_matrix(f"weights[{layer - 1}]", row, rows=1 if last else None, columns=columns)
        columns = matrix.shape[0]
        matrices.append(matrix)
    return matrices
