"""Which kernel drives the prediction error: neural tangent kernels of networks, and their smallest eigenvalue.

The two-layer network f(x) = m^{-1/2} sum_r a_r relu(w_r.x), of which only the w_r are trained, has

    H_ij = x_i.x_j (1/m) #{r : w_r.x_i > 0 and w_r.x_j > 0}        (finite width m, all |a_r| = 1)
    H_ij = x_i.x_j (1/2 - angle(x_i, x_j) / (2 pi))                (m -> infinity, w_r standard normal)

The limit is often printed with arccos(x_i.x_j), which is the angle only for rows of unit norm; here rows may have any
norm. The rate of every theorem is a function of lambda_0, the smallest eigenvalue, so that one comes with a proof:
`smallest_eigenvalue` encloses it between two numbers that are right in spite of rounding. This module is the door to
all kernels; deeper networks, eigenvalues and angles are worked out next door and offered here.

References
----------
Jacot, Gabriel and Hongler (2018), Neural tangent kernel; Du, Zhai, Poczos and Singh (2019), Gradient descent provably
optimizes over-parameterized neural networks; Cho and Saul (2009), Kernel methods for deep learning.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._ntk_kernels import limit_kernel, pattern_kernel
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import as_matrix, as_vector, refuse_overflow, require_count
from odeflow.numeric.deep_kernels import mlp_ntk, mlp_ntk_layers, mlp_ntk_limit
from odeflow.numeric.eigenvalues import EigenvalueBound, kernel_spectrum, smallest_eigenvalue
from odeflow.numeric.geometry import pairwise_angles, units_and_norms

__all__ = [
    "Activation",
    "EigenvalueBound",
    "kernel_spectrum",
    "mlp_ntk",
    "mlp_ntk_layers",
    "mlp_ntk_limit",
    "pairwise_angles",
    "relu_ntk",
    "relu_ntk_limit",
    "relu_ntk_limit_entry_error",
    "smallest_eigenvalue",
    "two_layer_initialisation",
]

# Pre-activations are computed in blocks of this many numbers (4 MiB), so that they never leave the cache.
BLOCK = 1 << 19


@refuse_overflow()
def relu_ntk(X: ArrayLike, W: ArrayLike, *, a: ArrayLike | None = None) -> Float[np.ndarray, "n n"]:
    """Compute the tangent kernel of the two-layer ReLU network whose hidden layer is trained.

    H_ij = x_i.x_j (1/m) sum_r a_r^2 1{w_r.x_i > 0} 1{w_r.x_j > 0}

    With |a_r| = 1 (the default) the sum is a count of neurons, taken exactly from bit patterns of the activations.

    Parameters
    ----------
    X
        Inputs, (n, d), any norms.
    W
        Hidden weights, (m, d).
    a
        Output weights, (m,); None means signs, whose values do not matter.

    Returns
    -------
    Kernel, (n, n), exactly symmetric, positive semi-definite up to rounding.

    Raises
    ------
    InvalidArgumentError
        A shape does not fit, an entry is not finite, or a product overflows.

    References
    ----------
    Du, Zhai, Poczos and Singh (2019), section 3; Bu, Xu and Chen (2021), equation (2.6).

    Examples
    --------
    Both neurons see the first point, only the second neuron sees the second point:

    >>> relu_ntk([[1.0, 0.0], [0.6, 0.8]], [[1.0, -1.0], [1.0, 1.0]])
    array([[1. , 0.3],
           [0.3, 0.5]])
    """
    inputs = as_matrix("X", X)
    weights = as_matrix("W", W, columns=inputs.shape[1])
    width = weights.shape[0]
    gram = _gram(inputs)
    squares = np.ones(width) if a is None else as_vector("a", a, length=width) ** 2
    kernel: Float[np.ndarray, "n n"]
    if (squares == 1.0).all():
        kernel = pattern_kernel(_activation_patterns(inputs, weights), gram, float(width))
    else:
        kernel = gram * (_weighted_counts(inputs, weights, squares) / width)
    return kernel


@refuse_overflow()
def relu_ntk_limit(X: ArrayLike) -> Float[np.ndarray, "n n"]:
    """Compute the infinite-width tangent kernel of the two-layer ReLU network whose hidden layer is trained.

    H_ij = x_i.x_j (1/2 - theta_ij / (2 pi)), theta_ij the angle between x_i and x_j

    Each entry is accurate to a few units in the last place of |x_i| |x_j|, also for nearly parallel rows, where the
    arccos of a rounded cosine would keep only half of the digits.

    Parameters
    ----------
    X
        Inputs, (n, d), any norms; a zero row gives zero entries.

    Returns
    -------
    Kernel, (n, n), exactly symmetric, positive semi-definite up to rounding.

    Raises
    ------
    InvalidArgumentError
        `X` is not a finite matrix, or a product of two norms overflows.

    References
    ----------
    Cho and Saul (2009), the arc-cosine kernel of order 0; Du, Zhai, Poczos and Singh (2019), assumption 3.1.

    Examples
    --------
    Orthonormal inputs give half the identity, whatever the dimension:

    >>> relu_ntk_limit(np.eye(2))
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    inputs = as_matrix("X", X)
    units, norms = units_and_norms(inputs)
    largest = float(norms.max())
    if not math.isfinite(largest * largest):
        raise InvalidArgumentError(
            f"Expected products of norms to be finite but a row of X has norm {largest:.3g}. Rescale X."
        )
    kernel: Float[np.ndarray, "n n"] = limit_kernel(units @ units.T, units, norms)
    return kernel


@refuse_overflow()
def relu_ntk_limit_entry_error(X: ArrayLike) -> float:
    """Bound the rounding error of every entry of `relu_ntk_limit(X)` against the exact kernel of the floats in `X`.

    (3 d + 80) u max_i |x_i|^2, with u = 2^-53: d-term dot products and norms, one square root, one arc function.

    Pass it to `smallest_eigenvalue` to bound the eigenvalue of the exact kernel rather than of its rounded matrix.

    Examples
    --------
    >>> relu_ntk_limit_entry_error(np.eye(2)) < 1e-14
    True
    """
    inputs = as_matrix("X", X)
    _, norms = units_and_norms(inputs)
    largest = float(norms.max())
    return float((3.0 * inputs.shape[1] + 80.0) * 2.0**-53 * largest * largest)


def two_layer_initialisation(
    n_features: int, width: int, *, seed: int | np.random.Generator
) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, " m"]]:
    """Draw the usual initial weights: w_r standard normal, a_r = +1 or -1 with probability 1/2.

    Parameters
    ----------
    n_features, width
        d >= 1 and m >= 1.
    seed
        Seed, or a Generator that is advanced.

    Returns
    -------
    Hidden weights W, (m, d), and output signs a, (m,).

    Examples
    --------
    >>> W, a = two_layer_initialisation(3, 5, seed=0)
    >>> W.shape, sorted(set(a.tolist()))
    ((5, 3), [-1.0, 1.0])
    """
    columns = require_count("n_features", n_features)
    rows = require_count("width", width)
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal((rows, columns))
    signs = 2.0 * generator.integers(0, 2, size=rows).astype(np.float64) - 1.0
    return weights, signs


def _gram(inputs: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n n"]:
    with np.errstate(over="ignore", invalid="ignore"):
        gram: Float[np.ndarray, "n n"] = inputs @ inputs.T
    if not np.isfinite(gram).all():
        raise InvalidArgumentError(
            "Expected dot products of rows of X to be finite but they overflow "
            f"(largest entry {np.abs(inputs).max():.3g}). Rescale X."
        )
    return gram


def _activation_patterns(
    inputs: Float[np.ndarray, "n d"], weights: Float[np.ndarray, "m d"]
) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """Pack 1{w_r.x_i > 0} into 64-bit words, (n, ceil(m / 64)); bits beyond m are zero."""
    n, width = inputs.shape[0], weights.shape[0]
    patterns = np.zeros((n, 8 * -(-width // 64)), dtype=np.uint8)
    block = max(64, BLOCK // n // 64 * 64)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, width, block):
            bits = np.packbits(inputs @ weights[start : start + block].T > 0.0, axis=1)
            patterns[:, start // 8 : start // 8 + bits.shape[1]] = bits
    return patterns.view(np.uint64)


def _weighted_counts(
    inputs: Float[np.ndarray, "n d"], weights: Float[np.ndarray, "m d"], squares: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "n n"]:
    """Sum a_r^2 over the neurons that are active on both points."""
    n, width = inputs.shape[0], weights.shape[0]
    counts = np.zeros((n, n))
    block = max(64, BLOCK // n // 64 * 64)
    for start in range(0, width, block):
        active = inputs @ weights[start : start + block].T > 0.0
        scaled = active * np.sqrt(squares[start : start + block])
        counts += scaled @ scaled.T
    return counts
