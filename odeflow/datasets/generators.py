"""Which data can be made to measure? Points with the geometry that theorems assume."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from odeflow.datasets.dataset import Dataset
from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_count, require_nonnegative
from odeflow.numeric.kernels import two_layer_initialisation

__all__ = ["equispaced_circle", "sphere", "teacher_student"]

LARGEST = 10**8
"""Numbers in a table that is drawn: 800 MB."""
MOST_FEATURES = 10**6
"""Each has a name."""


def sphere(n: int, d: int, *, seed: int | np.random.Generator) -> Float[np.ndarray, "n d"]:
    """Draw n points uniformly from the unit sphere in d dimensions: x = g / |g|, g standard normal.

    Parameters
    ----------
    n, d
        Number of points and dimension, both >= 1. For d = 1 the points are +1 and -1, hence parallel.
    seed
        Seed, or a Generator that is advanced.

    Examples
    --------
    >>> X = sphere(5, 3, seed=0)
    >>> X.shape, bool(np.allclose((X**2).sum(axis=1), 1.0))
    ((5, 3), True)
    """
    points = np.random.default_rng(seed).standard_normal((require_count("n", n), require_count("d", d)))
    unit: Float[np.ndarray, "n d"] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def equispaced_circle(n: int) -> Float[np.ndarray, "n 2"]:
    """Place n points on the unit circle at equal angles: x_k = (cos(2 pi k / n), sin(2 pi k / n)).

    Their infinite-width kernel is a circulant with known eigenvalues, singular for n = 6 and n = 8. Angles are reduced
    to the first octant by integer arithmetic, so that mirror images agree to the last bit and the axes are exact.

    Examples
    --------
    >>> equispaced_circle(4)
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.],
           [ 0., -1.]])
    """
    count = require_count("n", n)
    points = np.empty((count, 2))
    for k in range(count):
        quadrant, rest = divmod(4 * k, count)
        if 2 * rest == count:
            x = y = np.sqrt(0.5)
        elif 2 * rest < count:
            angle = np.pi * rest / (2 * count)
            x, y = np.cos(angle), np.sin(angle)
        else:
            angle = np.pi * (count - rest) / (2 * count)
            x, y = np.sin(angle), np.cos(angle)
        points[k] = ((x, y), (-y, x), (-x, -y), (y, -x))[quadrant]
    return points + 0.0  # no negative zeros


def teacher_student(
    n: int, d: int, *, teacher_width: int = 10, noise: float = 0.0, seed: int | np.random.Generator
) -> Dataset:
    """Draw inputs from the unit sphere and targets from a two-layer ReLU teacher.

    y_i = k^{-1/2} sum_r a_r relu(w_r.x_i) + noise g_i, w_r and g_i standard normal, a_r = +-1, k the teacher's width

    Parameters
    ----------
    n, d
        Number of points and dimension, both >= 1.
    teacher_width
        k >= 1.
    noise
        Standard deviation of the additive noise, >= 0.
    seed
        Seed, or a Generator that is advanced.

    Raises
    ------
    InvalidArgumentError
        More than 10^8 numbers or 10^6 features.

    Examples
    --------
    >>> teacher_student(20, 5, seed=0)
    Dataset 'teacher_student': 20 points, 5 features, target 'y'
    """
    generator = np.random.default_rng(seed)
    spread = require_nonnegative("noise", noise)
    rows = max(require_count("n", n), require_count("teacher_width", teacher_width))
    if rows * require_count("d", d) > LARGEST or d > MOST_FEATURES:
        raise InvalidArgumentError(
            f"Expected at most {LARGEST} numbers and {MOST_FEATURES} features but got n={n} samples, d={d} features, "
            f"teacher_width={teacher_width}. Draw less."
        )
    X = sphere(n, d, seed=generator)
    W, a = two_layer_initialisation(d, teacher_width, seed=generator)
    y = np.maximum(X @ W.T, 0.0) @ a / np.sqrt(teacher_width) + spread * generator.standard_normal(n)
    return Dataset(
        name="teacher_student",
        features=X,
        target=y,
        feature_names=tuple(f"x{column}" for column in range(d)),
        target_name="y",
        source=f"generated: two-layer ReLU teacher of width {teacher_width}, noise {spread:g}",
        licence="none needed: synthetic",
        notes=("inputs drawn from the unit sphere",),
    )
