"""What is a data set here? Numbers, the names of their columns, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_matrix, as_vector

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets with their provenance.

    Attributes
    ----------
    name
        Short name, for reports.
    features
        Inputs x_i as rows, finite float64, (n, d).
    target
        Targets y_i, finite float64, (n,).
    feature_names, target_name
        Names of the columns.
    source, licence
        Where the numbers come from, and under which terms.
    notes
        What was done to the numbers, in order, one entry a step.

    Raises
    ------
    InvalidArgumentError
        Shapes do not fit, or an entry is not finite.

    Examples
    --------
    >>> data = Dataset("two points", np.eye(2), np.ones(2), ("a", "b"), "y", "made up", "none needed")
    >>> data
    Dataset 'two points': 2 points, 2 features, target 'y'
    """

    name: str
    features: Float[np.ndarray, "n d"]
    target: Float[np.ndarray, " n"]
    feature_names: tuple[str, ...]
    target_name: str
    source: str
    licence: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        features = as_matrix("features", self.features)
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "target", as_vector("target", self.target, length=features.shape[0]))
        if len(self.feature_names) != features.shape[1]:
            raise InvalidArgumentError(
                f"Expected {features.shape[1]} feature names, one a column, but got {len(self.feature_names)}."
            )

    @property
    def n_points(self) -> int:
        """Number of rows n."""
        return int(self.features.shape[0])

    @property
    def n_features(self) -> int:
        """Number of columns d."""
        return int(self.features.shape[1])

    def __repr__(self) -> str:
        return (
            f"Dataset {self.name!r}: {self.n_points} points, {self.n_features} features, target {self.target_name!r}"
        )
