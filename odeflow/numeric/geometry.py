"""Where do the inputs point? Directions, norms and angles of rows, without overflow and without lost digits."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._ntk_kernels import angle_matrix
from odeflow.numeric.arrays import as_matrix

__all__ = ["pairwise_angles", "units_and_norms"]


def pairwise_angles(X: ArrayLike) -> Float[np.ndarray, "n n"]:
    """Compute the angles between rows, in radians in [0, pi], accurate near 0 and near pi.

    theta_ij = 2 atan2(|u_i - u_j|, |u_i + u_j|), u_i = x_i / |x_i|

    Parameters
    ----------
    X
        Inputs, (n, d), no zero row.

    Raises
    ------
    InvalidArgumentError
        `X` is not a finite matrix, or a row is zero: it has no direction.

    Examples
    --------
    >>> pairwise_angles([[1.0, 0.0], [0.0, 2.0]]).round(4)
    array([[0.    , 1.5708],
           [1.5708, 0.    ]])
    """
    inputs = as_matrix("X", X)
    units, norms = units_and_norms(inputs)
    if not norms.all():
        raise InvalidArgumentError(
            f"Expected rows of X to be nonzero but row {int(np.argmin(norms))} is zero. Remove it: it has no direction."
        )
    angles: Float[np.ndarray, "n n"] = angle_matrix(units @ units.T, units)
    return angles


def units_and_norms(
    inputs: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Split checked rows into directions x_i / |x_i| and norms |x_i|; a zero row keeps direction zero.

    Rows are scaled by a power of two first, which is exact, so that squares neither overflow nor vanish. A norm
    itself may still overflow to infinity.

    Examples
    --------
    >>> units_and_norms(np.array([[3e200, 4e200]]))
    (array([[0.6, 0.8]]), array([5.e+200]))
    """
    _, exponents = np.frexp(np.abs(inputs).max(axis=1))
    scaled = np.ldexp(inputs, -exponents[:, None])
    lengths = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    units = scaled / np.where(lengths > 0.0, lengths, 1.0)[:, None]
    with np.errstate(over="ignore"):
        norms = np.ldexp(lengths, exponents)
    return np.ascontiguousarray(units), norms
