"""Eigenvalues and eigenvectors of a stack of kernels, or only how a vector lies in them: several side by side if small.

Kernels of up to 128 rows are decomposed in vector lanes (`_eigen_kernels`), larger ones, and those on which QL does not
converge, by LAPACK.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.linalg import lapack

from odeflow.numeric._eigen_kernels import DECOMPOSED, to_eigenbasis
from odeflow.numeric._spectral_measure_kernels import tridiagonal_measure
from odeflow.numeric.arrays import as_symmetric

__all__ = ["as_stack", "eigenbases", "spectral_measures"]

# Beyond it LAPACK's divide and conquer is faster than our QL.
_LARGEST_FOR_LANES = 128


def as_stack(kernel: ArrayLike) -> tuple[Float[np.ndarray, "s n n"], bool]:
    """Return the kernels as a stack, and whether there was only one, without a stack axis.

    Those that the lanes take as they are pass unchecked: the entries are looked at on the way in, by `to_eigenbasis`.
    """
    if (
        type(kernel) is np.ndarray
        and kernel.dtype == np.float64
        and kernel.flags.carray
        and kernel.ndim in (2, 3)
        and kernel.size > 0
        and kernel.shape[-2] == kernel.shape[-1] <= _LARGEST_FOR_LANES
    ):
        h = kernel
    else:
        h = as_symmetric("kernel", kernel, stack=True)
    return h.reshape(-1, h.shape[-1], h.shape[-1]), h.ndim == 2


def eigenbases(
    h: Float[np.ndarray, "s n n"], single: bool
) -> tuple[Float[np.ndarray, "s n"], Float[np.ndarray, "s n n"]]:
    """Return ascending eigenvalues and, in rows, eigenvectors."""
    if h.shape[-1] <= _LARGEST_FOR_LANES:
        values, rows = np.empty(h.shape[:2]), np.empty(h.shape)
        rows[:] = np.eye(h.shape[-1])
        if to_eigenbasis(h, values, rows) == DECOMPOSED:
            return values, rows
        h = _checked(h, single)
    values, vectors = np.linalg.eigh(h)
    return values, vectors.transpose(0, 2, 1)


def spectral_measures(
    h: Float[np.ndarray, "s n n"], error: Float[np.ndarray, "s n"], single: bool
) -> tuple[Float[np.ndarray, "s n"], Float[np.ndarray, "s n"]]:
    """Return eigenvalues and the coordinates of each kernel's `error` (up to signs), without eigenvectors."""
    values, coordinates = np.empty(h.shape[:2]), np.empty(h.shape[:2])
    if h.shape[-1] <= _LARGEST_FOR_LANES:
        coordinates[:] = error
        if to_eigenbasis(h, values, coordinates[:, :, None]) == DECOMPOSED:
            return values, coordinates
        h = _checked(h, single)
    for k in range(h.shape[0]):
        values[k], coordinates[k] = _spectral_measure(h[k], error[k])
    return values, coordinates


def _checked(h: Float[np.ndarray, "s n n"], single: bool) -> Float[np.ndarray, "s n n"]:
    """Return kernels that `as_stack` passed unchecked, symmetrised, or refuse them."""
    return as_symmetric("kernel", h[0] if single else h, stack=True).reshape(h.shape)


def _spectral_measure(
    h: Float[np.ndarray, "n n"], error: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return eigenvalues and the coordinates of `error` (up to signs), at half the price of the eigenvectors.

    A reflection takes the error to a multiple of the first axis, which tridiagonalisation leaves alone; the coordinates
    are then the first components of the tridiagonal matrix's eigenvectors.
    """
    size = float(np.linalg.norm(error))
    mirror = error.copy()
    mirror[0] += np.copysign(size, error[0])
    length = float(mirror @ mirror)
    if length > 0.0:
        # P H P with P = I - 2 m m^T/|m|^2, as an update of rank two.
        image = h @ mirror * (2.0 / length)
        image -= mirror * (float(mirror @ image) / length)
        h = h - np.outer(mirror, image) - np.outer(image, mirror)
    work, _ = lapack.dsytrd_lwork(h.shape[0], lower=1)
    # h is symmetric: its transpose is the Fortran-ordered copy LAPACK wants.
    _, diagonal, off_diagonal, _, _ = lapack.dsytrd(h.T, lower=1, lwork=int(work))
    first = np.empty(h.shape[0])
    if tridiagonal_measure(diagonal, np.append(off_diagonal, 0.0), first) != 0:
        values, vectors = np.linalg.eigh(h)
        return values, vectors[0] * size
    return diagonal, first * size
