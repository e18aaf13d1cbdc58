"""Do these data meet what theorems about two-layer ReLU networks assume? One check an assumption, with the remedy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.datasets.dataset import Dataset
from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_matrix, as_vector
from odeflow.numeric.kernels import (
    pairwise_angles,
    relu_ntk_limit,
    relu_ntk_limit_entry_error,
    smallest_eigenvalue,
)

__all__ = ["HypothesisCheck", "hypotheses"]

# Rows that were stored with nine or more digits still count as unit.
UNIT_NORM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class HypothesisCheck:
    """One assumption, held against the data.

    Attributes
    ----------
    name
        What is assumed.
    holds
        Whether it was found (and, for lambda_0 > 0, proved) to hold; False also when it could not be proved.
    observed
        What the data show, with numbers.
    remedy
        What to do when it does not hold; empty when it does.
    """

    name: str
    holds: bool
    observed: str
    remedy: str


def hypotheses(data: Dataset | ArrayLike, y: ArrayLike | None = None) -> tuple[HypothesisCheck, ...]:
    """Check the assumptions that the theorems on two-layer ReLU networks share.

    |x_i| = 1;  no two x_i parallel;  |y_i| < C;  lambda_0 = lambda_min(infinite-width kernel) > 0

    The last check is a proof: every rounding error is bounded. Anti-parallel rows count as parallel, as in the papers;
    the check says which of the two it found. (No parallel pair implies lambda_0 > 0, not the other way round.)

    Parameters
    ----------
    data
        A Dataset, or inputs X, (n, d).
    y
        Targets, (n,), when `data` is a matrix; not with a Dataset.

    Returns
    -------
    Four checks, in the order above.

    Raises
    ------
    InvalidArgumentError
        Targets are missing, given twice, or shapes do not fit.

    References
    ----------
    Du, Zhai, Poczos and Singh (2019), assumption 3.1; Bu, Xu and Chen (2021), theorems 1 to 3.

    Examples
    --------
    >>> for check in hypotheses(np.eye(2), [1.0, -1.0]):
    ...     print(check.holds, check.name)
    True inputs have unit norm
    True no two inputs are parallel
    True targets are bounded
    True lambda_0 > 0
    """
    if isinstance(data, Dataset):
        if y is not None:
            raise InvalidArgumentError("Expected no y with a Dataset, which carries its target. Pass X and y instead.")
        X, targets = data.features, data.target
    else:
        if y is None:
            raise InvalidArgumentError("Expected targets y with a matrix X but got none. Pass hypotheses(X, y).")
        X = as_matrix("X", data)
        targets = as_vector("y", y, length=X.shape[0])
    return (_unit_norm(X), _no_parallel_rows(X), _bounded_targets(targets), _positive_kernel(X))


def _unit_norm(X: Float[np.ndarray, "n d"]) -> HypothesisCheck:
    norms = np.array([np.linalg.norm(row / scale) * scale if (scale := np.abs(row).max()) else 0.0 for row in X])
    row = int(np.argmax(np.abs(norms - 1.0)))
    deviation = float(abs(norms[row] - 1.0))
    holds = deviation <= UNIT_NORM_TOLERANCE
    return HypothesisCheck(
        name="inputs have unit norm",
        holds=holds,
        observed=f"largest deviation of |x_i| from 1 is {deviation:.3g} (row {row}, norm {norms[row]:.6g})",
        remedy="" if holds else "Use odeflow.datasets.normalised(dataset).",
    )


def _no_parallel_rows(X: Float[np.ndarray, "n d"]) -> HypothesisCheck:
    name = "no two inputs are parallel"
    zero = np.flatnonzero(~X.any(axis=1))
    if zero.size:
        return HypothesisCheck(
            name=name,
            holds=False,
            observed=f"row {zero[0]} is zero, hence parallel to every row",
            remedy="Remove the row, or append a constant feature.",
        )
    if X.shape[0] == 1:
        return HypothesisCheck(name=name, holds=True, observed="there is one row only", remedy="")
    angles = pairwise_angles(X)
    np.fill_diagonal(angles, 0.5 * np.pi)
    i, j = np.unravel_index(np.argmin(np.minimum(angles, np.pi - angles)), angles.shape)
    angle = float(angles[i, j])
    obtuse = angle > 0.5 * np.pi
    gap = np.pi - angle if obtuse else angle
    # An angle below its own rounding error is not known to differ from zero.
    holds = gap > (3.0 * X.shape[1] + 80.0) * 2.0**-53
    kind = "anti-parallel" if obtuse else "parallel"
    first, second = sorted((int(i), int(j)))
    return HypothesisCheck(
        name=name,
        holds=bool(holds),
        observed=(
            f"rows {first} and {second} come closest to parallel: {gap:.3g} rad from {kind}"
            if holds
            else f"rows {first} and {second} are {kind}"
        ),
        remedy=""
        if holds
        else f"Remove row {second}, or append a constant feature (which separates x from -x and 2x, not from x).",
    )


def _bounded_targets(y: Float[np.ndarray, " n"]) -> HypothesisCheck:
    """Any finite sample is bounded; what matters is the constant C, which enters the width."""
    row = int(np.argmax(np.abs(y)))
    return HypothesisCheck(
        name="targets are bounded",
        holds=True,
        observed=f"largest |y_i| is {abs(float(y[row])):.6g} (row {row})",
        remedy="",
    )


def _positive_kernel(X: Float[np.ndarray, "n d"]) -> HypothesisCheck:
    bound = smallest_eigenvalue(relu_ntk_limit(X), entry_error=relu_ntk_limit_entry_error(X))
    return HypothesisCheck(
        name="lambda_0 > 0",
        holds=bound.is_positive,
        observed=(
            f"lambda_0 is {bound.value:.6g}, proved to lie in [{bound.lower:.10g}, {bound.upper:.10g}]"
            + ("" if bound.is_positive else ": not proved positive")
        ),
        remedy=""
        if bound.is_positive
        else "Remove parallel or duplicate rows, use fewer points, or append a constant feature.",
    )
