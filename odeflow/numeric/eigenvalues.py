"""How small can the smallest eigenvalue be? Floating-point enclosures that hold in spite of rounding.

Below: if Cholesky's method, run in floating point on A - sI, finishes, then A - sI + E is positive semi-definite for
some ||E|| <= gamma trace(A - sI), gamma = (n + 1) u / (1 - (n + 1) u), hence lambda_min(A) >= s - ||E||. Above: the
smallest eigenvalue is at most any Rayleigh quotient. Both with every rounding error bounded, none of them estimated.

References
----------
Rump (2006), Verification of positive definiteness; Higham (2002), Accuracy and stability of numerical algorithms,
theorem 10.3; Demmel (1989), On floating point errors in Cholesky.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.numeric.arrays import as_symmetric, refuse_overflow, require_nonnegative

__all__ = ["EigenvalueBound", "kernel_spectrum", "smallest_eigenvalue"]

UNIT_ROUNDOFF = 2.0**-53
# A product of two numbers below this is rounded with an absolute, not a relative error.
SMALLEST_NORMAL = 2.0**-1022
# Up to this size a full eigen-decomposition takes less than starting Lanczos' method.
DENSE = 200


@dataclass(frozen=True)
class EigenvalueBound:
    """The smallest eigenvalue: a value, and two numbers between which it is proved to lie.

    Attributes
    ----------
    value
        Best estimate, lower <= value <= upper.
    lower, upper
        Rigorous bounds; lower > 0 proves that the kernel is positive definite.
    """

    value: float
    lower: float
    upper: float

    @property
    def is_positive(self) -> bool:
        """Whether the kernel is proved positive definite (False: not proved, which a singular kernel never is)."""
        return self.lower > 0.0

    @property
    def is_negative(self) -> bool:
        """Whether the kernel is proved to have a negative eigenvalue."""
        return self.upper < 0.0


@refuse_overflow()
def smallest_eigenvalue(kernel: ArrayLike, *, entry_error: float = 0.0) -> EigenvalueBound:
    """Enclose the smallest eigenvalue of a symmetric matrix, rigorously.

    lower: floating-point Cholesky of K - sI succeeds, so lambda_min >= s - (what rounding can hide)
    upper: a Rayleigh quotient v.Kv / v.v, plus what rounding can hide

    Parameters
    ----------
    kernel
        Symmetric, (n, n); asymmetry up to 1e-10 of the largest entry is averaged away first, and the bound holds for
        the averaged matrix.
    entry_error
        Bound on the error of each entry against the kernel that is meant (see `relu_ntk_limit_entry_error`); the
        bounds are widened by n times it (the largest norm of such an error), so that they hold for that kernel too.

    Returns
    -------
    EigenvalueBound. Its width is about 4 n u trace(kernel), u = 2^-53: a singular kernel gives lower <= 0.

    Raises
    ------
    InvalidArgumentError
        `kernel` is not symmetric and finite, or `entry_error` is negative.

    Notes
    -----
    Assumes conventional matrix products (any order of summation, fused or not), not Strassen's; no BLAS in use
    multiplies by Strassen's method.

    References
    ----------
    Rump (2006), Verification of positive definiteness.

    Examples
    --------
    >>> bound = smallest_eigenvalue([[2.0, 1.0], [1.0, 2.0]])
    >>> bound.lower < 1.0 < bound.upper, bound.upper - bound.lower < 1e-13
    (True, True)
    >>> smallest_eigenvalue([[1.0, 1.0], [1.0, 1.0]]).is_positive
    False
    """
    matrix = as_symmetric("kernel", kernel)
    widening = require_nonnegative("entry_error", entry_error) * matrix.shape[0]
    largest = float(np.abs(matrix).max())
    if largest == 0.0:
        return EigenvalueBound(value=0.0, lower=-widening, upper=widening)
    # Exact scaling to entries in [1/2, 1): nothing below overflows, and underflow is bounded once.
    exponent = math.frexp(largest)[1]
    scaled = np.ldexp(matrix, -exponent)
    vector = _lowest_vector(scaled)
    value, upper = _rayleigh(scaled, vector)
    lower = _certified_lower(scaled, value)
    up = math.nextafter(math.ldexp(upper, exponent), math.inf)
    down = math.nextafter(math.ldexp(lower, exponent), -math.inf)
    if widening > 0.0:
        up, down = math.nextafter(up + widening, math.inf), math.nextafter(down - widening, -math.inf)
    return EigenvalueBound(value=min(max(math.ldexp(value, exponent), down), up), lower=down, upper=up)


@refuse_overflow()
def kernel_spectrum(kernel: ArrayLike) -> Float[np.ndarray, " n"]:
    """Compute all eigenvalues of a symmetric matrix, in ascending order.

    Each is accurate to a small multiple of n u times the largest one; for a proof about the smallest one use
    `smallest_eigenvalue`.

    Parameters
    ----------
    kernel
        Symmetric, (n, n).

    Raises
    ------
    InvalidArgumentError
        `kernel` is not symmetric and finite.

    Examples
    --------
    >>> kernel_spectrum([[2.0, 1.0], [1.0, 2.0]]).round(12)
    array([1., 3.])
    """
    spectrum: Float[np.ndarray, " n"] = np.linalg.eigvalsh(as_symmetric("kernel", kernel))
    return spectrum


def _lowest_vector(matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """Approximate the eigenvector of the smallest eigenvalue; only the quality of the bounds depends on it.

    Large matrices: Lanczos' method on the inverse, one Cholesky factorisation and few triangular solves. The tiny shift
    lets singular kernels through; an indefinite one falls back to the dense method.
    """
    n = matrix.shape[0]
    if n > DENSE:
        factor = _cholesky(matrix, -2.0 * _cholesky_error(matrix, 0.0))
        if factor is not None:
            found = _inverse_lanczos(factor)
            if found is not None:
                return found
    _, vectors = scipy.linalg.eigh(matrix, subset_by_index=[0, 0], check_finite=False)
    lowest: Float[np.ndarray, " n"] = np.ascontiguousarray(vectors[:, 0])
    return lowest


def _inverse_lanczos(factor: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"] | None:
    n = factor.shape[0]

    def solve(right: Float[np.ndarray, ...]) -> Float[np.ndarray, " n"]:
        # Two triangular solves for one vector; dpotrs would take its slower path for several.
        half = scipy.linalg.blas.dtrsv(factor, right.reshape(-1), lower=1)
        solution: Float[np.ndarray, " n"] = scipy.linalg.blas.dtrsv(factor, half, lower=1, trans=1, overwrite_x=1)
        return solution

    operator = scipy.sparse.linalg.LinearOperator((n, n), matvec=solve, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(n)
    try:
        _, vectors = scipy.sparse.linalg.eigsh(operator, k=1, which="LA", v0=start, tol=1e-6, maxiter=50)
    except scipy.sparse.linalg.ArpackNoConvergence:
        return None
    return np.ascontiguousarray(vectors[:, 0])


def _rayleigh(matrix: Float[np.ndarray, "n n"], vector: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Return the Rayleigh quotient and an upper bound on the smallest eigenvalue of the exact matrix."""
    n = vector.size
    image = matrix @ vector
    quotient = float(vector @ image) / float(vector @ vector)
    # |v|.|K||v| bounds every partial sum; two nested sums of n terms, one division, one more sum for v.v.
    absolute = float(np.abs(vector) @ (np.abs(matrix) @ np.abs(vector))) / float(vector @ vector)
    error = _gamma(4 * n + 16) * (absolute + abs(quotient)) + 8.0 * n * n * SMALLEST_NORMAL
    upper = min(quotient + 1.01 * error, float(np.diagonal(matrix).min()))
    return min(quotient, upper), upper


def _certified_lower(matrix: Float[np.ndarray, "n n"], value: float) -> float:
    """Return a proved lower bound, starting just below `value` and stepping down until Cholesky succeeds.

    Gershgorin's discs end the search: entries are at most 1 in size, so no eigenvalue lies below -n, whatever Cholesky
    says. Well above that it succeeds: A - sI is diagonally dominant from s = -n on, and after its scaling to a unit
    diagonal the smallest eigenvalue exceeds the n gamma_{n+1} that Demmel's theorem asks for long before s = -4n.
    """
    n = matrix.shape[0]
    if n == 1:
        return float(matrix[0, 0])
    # Twice what rounding can do: the vector's own error, quadratically small, is then covered as a rule.
    margin = 2.0 * _cholesky_error(matrix, value) + 4.0 * UNIT_ROUNDOFF
    while margin < 4.0 * n:
        shift = value - margin
        if _cholesky(matrix, shift) is not None:
            return max(math.nextafter(shift - _cholesky_error(matrix, shift), -math.inf), -float(n))
        margin *= 4.0
    return -float(n)


def _cholesky(matrix: Float[np.ndarray, "n n"], shift: float) -> Float[np.ndarray, "n n"] | None:
    """Factor matrix - shift I; None when a pivot is not positive."""
    shifted = matrix.copy()
    shifted.flat[:: matrix.shape[0] + 1] -= shift
    # The transpose of a symmetric C-ordered array is the same matrix in LAPACK's order: no copy.
    factor, info = scipy.linalg.lapack.dpotrf(shifted.T, lower=1, clean=0, overwrite_a=1)
    diagonal = np.diagonal(factor)
    if info != 0 or not np.isfinite(diagonal).all() or not (diagonal > 0.0).all():
        return None
    return factor  # type: ignore[no-any-return]


def _cholesky_error(matrix: Float[np.ndarray, "n n"], shift: float) -> float:
    """Bound ||R^T R - (A - sI)|| for a floating-point Cholesky factor R that exists; entries of A are at most 1.

    gamma_{2n+8} instead of gamma_{n+1} pays for kernels that multiply by rounded reciprocals of pivots; then the
    rounding of the shifted diagonal, the rounding of this bound itself, and underflow.
    """
    n = matrix.shape[0]
    diagonal = np.diagonal(matrix)
    trace = float(np.abs(diagonal - shift).sum())
    largest = float(np.abs(diagonal - shift).max())
    bound = _gamma(2 * n + 8) * trace + 2.0 * UNIT_ROUNDOFF * largest + 16.0 * n * n * SMALLEST_NORMAL
    return float(1.01 * bound)


def _gamma(terms: int) -> float:
    """Return Higham's gamma_k = k u / (1 - k u)."""
    return terms * UNIT_ROUNDOFF / (1.0 - terms * UNIT_ROUNDOFF)
