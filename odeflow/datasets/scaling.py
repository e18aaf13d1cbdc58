"""How to meet a theorem's scaling assumption: unit rows, or centred columns of unit variance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odeflow.datasets.dataset import Dataset
from odeflow.errors import DataError

__all__ = ["normalised", "standardised"]


def normalised(dataset: Dataset) -> Dataset:
    """Scale every row to unit norm: x_i -> x_i / |x_i|.

    Raises
    ------
    DataError
        A row is zero: it has no direction.

    Examples
    --------
    >>> data = Dataset("one point", np.array([[3.0, 4.0]]), np.ones(1), ("a", "b"), "y", "made up", "none needed")
    >>> normalised(data).features, normalised(data).notes
    (array([[0.6, 0.8]]), ('rows scaled to unit norm',))
    """
    # A power of two first, which is exact: squares then neither overflow nor vanish.
    _, exponents = np.frexp(np.abs(dataset.features).max(axis=1, keepdims=True))
    rows = np.ldexp(dataset.features, -exponents)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not norms.all():
        raise DataError(
            f"Expected rows of {dataset.name!r} to be nonzero but row {int(np.argmin(norms))} (counted from 0) is "
            "zero. Remove the row, or append a constant feature: a zero row has no direction."
        )
    return replace(dataset, features=rows / norms, notes=(*dataset.notes, "rows scaled to unit norm"))


def standardised(dataset: Dataset) -> Dataset:
    """Centre every feature column and scale it to unit variance: x_ij -> (x_ij - mean_j) / std_j, std over n.

    The target is left alone.

    Raises
    ------
    DataError
        A column is constant (to rounding): it has no scale.

    Examples
    --------
    >>> data = Dataset("two points", np.array([[3.0], [5.0]]), np.ones(2), ("a",), "y", "made up", "none needed")
    >>> standardised(data).features.tolist()
    [[-1.0], [1.0]]
    """
    largest = np.abs(dataset.features).max(axis=0)
    _, exponents = np.frexp(largest)
    scaled = np.ldexp(dataset.features, -exponents)
    columns = scaled - scaled.mean(axis=0)
    spread = np.sqrt((columns**2).mean(axis=0))
    # Entries are at most 1 now: a spread of the order of the mean's rounding error is a constant column.
    constant = (np.ptp(scaled, axis=0) == 0.0) | (spread <= 1e-15 * np.sqrt(dataset.n_points))
    if constant.any():
        column = int(np.argmax(constant))
        raise DataError(
            f"Expected columns of {dataset.name!r} to vary but column {column} ({dataset.feature_names[column]!r}) "
            f"is constant ({dataset.features[0, column]:g}). Leave it out with features=..."
        )
    return replace(
        dataset, features=columns / spread, notes=(*dataset.notes, "columns centred and scaled to unit variance")
    )
