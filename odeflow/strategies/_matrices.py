"""Matrices: integer ones, rotations, and positive semidefinite ones with the spectrum asked for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_vector, require_count
from odeflow.strategies._declared import declared, random_state_kept
from odeflow.strategies._spectra import as_fraction, rational_spectra, rationals, spectra
from odeflow.symbolic.preconditioners import cayley

__all__ = ["integer_matrices", "psd_matrices", "rational_psd_matrices", "rational_rotations", "rotations"]

RationalSpectrum: TypeAlias = Sequence[int | Fraction | sp.Rational]


def _check_integer_matrices(rows: int, columns: int, *, bound: int) -> None:
    require_count("rows", rows)
    require_count("columns", columns)
    require_count("bound", bound)


@declared(_check_integer_matrices)
def integer_matrices(draw: st.DrawFn, rows: int, columns: int, *, bound: int = 4) -> Int[np.ndarray, "rows columns"]:
    """Integer matrices with entries in [-bound, bound]: identities are checked on them without rounding.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(integer_matrices(2, 2), lambda A: A[0, 0] * A[1, 1] < 0, settings=quiet).tolist()
    [[1, 0], [0, -1]]
    """
    entries = st.lists(st.integers(-bound, bound), min_size=rows * columns, max_size=rows * columns)
    return np.array(draw(entries), dtype=np.int64).reshape(rows, columns)


@declared(lambda n: require_count("n", n))
def rotations(draw: st.DrawFn, n: int) -> Float[np.ndarray, "n n"]:
    """Rotations of R^n, products of plane rotations by drawn angles. Shrinks to the identity.

    Every rotation is within reach; the distribution is not the uniform one.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(rotations(2), lambda Q: True, settings=quiet)
    array([[1., 0.],
           [0., 1.]])
    """
    Q = np.eye(n)
    for i in range(n):
        for j in range(i + 1, n):
            angle = draw(st.floats(-np.pi, np.pi))
            cosine, sine = np.cos(angle), np.sin(angle)
            Q[:, [i, j]] = Q[:, [i, j]] @ np.array([[cosine, -sine], [sine, cosine]])
    return Q


def _check_rational_rotations(n: int, *, bound: int) -> None:
    require_count("n", n)
    require_count("bound", bound)


@declared(_check_rational_rotations)
def rational_rotations(draw: st.DrawFn, n: int, *, bound: int = 2) -> sp.ImmutableMatrix:
    """Rotations with rational entries, (I - S)(I + S)^{-1} for skew S. Shrinks to the identity.

    Parameters
    ----------
    n : dimension
    bound : of the entries of S, rationals with denominators up to 3

    References
    ----------
    Cayley (1846): every rotation without the eigenvalue -1 is of this form.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(rational_rotations(2), lambda Q: 0 < Q[1, 0] < 1, settings=quiet)
    Matrix([
    [-3/5, -4/5],
    [ 4/5, -3/5]])
    """
    count = n * (n - 1) // 2
    skew = draw(st.lists(rationals(-bound, bound), min_size=count, max_size=count))
    with random_state_kept():
        return sp.ImmutableMatrix(cayley(skew, n))


def _check_psd_matrices(spectrum: ArrayLike | st.SearchStrategy[Float[np.ndarray, " n"]] | None) -> None:
    if spectrum is not None and not isinstance(spectrum, st.SearchStrategy):
        _float_spectrum(spectrum)


@declared(_check_psd_matrices)
def psd_matrices(
    draw: st.DrawFn, spectrum: ArrayLike | st.SearchStrategy[Float[np.ndarray, " n"]] | None = None
) -> Float[np.ndarray, "n n"]:
    """Symmetric positive semidefinite matrices Q diag(spectrum) Q^T. Shrinks to the diagonal one.

    The eigenvalues are those asked for up to rounding, about 1e-15 of the largest; a zero may come back as -1e-17.
    For the spectrum beside the matrix: `spectra().flatmap(lambda s: st.tuples(st.just(s), psd_matrices(s)))`.

    Parameters
    ----------
    spectrum : eigenvalues >= 0, (n,), or a strategy of them; `spectra(singular=True)` if None

    Raises
    ------
    InvalidArgumentError
        An eigenvalue is negative or not finite; of a strategy, that shows only when it is drawn.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(psd_matrices([1.0, 4.0]), lambda H: True, settings=quiet)
    array([[1., 0.],
           [0., 4.]])
    >>> psd_matrices(spectra(2, condition=10.0))
    psd_matrices(spectrum=spectra(n=2, condition=10.0))
    """
    source = spectra(singular=True) if spectrum is None else spectrum
    drawn = draw(source) if isinstance(source, st.SearchStrategy) else source
    with random_state_kept():
        values = _float_spectrum(drawn)
    Q = draw(rotations(values.size))
    H = (Q * values) @ Q.T
    symmetric: Float[np.ndarray, "n n"] = 0.5 * (H + H.T)
    return symmetric


def _check_rational_psd_matrices(
    spectrum: RationalSpectrum | st.SearchStrategy[tuple[sp.Rational, ...]] | None, *, bound: int
) -> None:
    require_count("bound", bound)
    if spectrum is not None and not isinstance(spectrum, st.SearchStrategy):
        _rational_spectrum(spectrum)


@declared(_check_rational_psd_matrices)
def rational_psd_matrices(
    draw: st.DrawFn,
    spectrum: RationalSpectrum | st.SearchStrategy[tuple[sp.Rational, ...]] | None = None,
    *,
    bound: int = 2,
) -> sp.ImmutableMatrix:
    """Symmetric positive semidefinite matrices of rationals, with exactly the spectrum asked for.

    They shrink to the diagonal one.

    Parameters
    ----------
    spectrum : rational eigenvalues >= 0, or a strategy of them; `rational_spectra(singular=True)` if None
    bound : as in `rational_rotations`

    Raises
    ------
    InvalidArgumentError
        An eigenvalue is negative or not rational; of a strategy, that shows only when it is drawn.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> H = find(rational_psd_matrices([1, 6]), lambda H: H[0, 1] != 0, settings=quiet)
    >>> H.trace(), H.det()
    (7, 6)
    """
    source = rational_spectra(singular=True) if spectrum is None else spectrum
    values = _rational_spectrum(draw(source) if isinstance(source, st.SearchStrategy) else source)
    Q = draw(rational_rotations(len(values), bound=bound))
    return sp.ImmutableMatrix(Q * sp.diag(*values) * Q.T)


def _float_spectrum(spectrum: ArrayLike) -> Float[np.ndarray, " n"]:
    values = as_vector("spectrum", spectrum)
    if values.min() < 0.0:
        raise InvalidArgumentError(f"Expected eigenvalues >= 0 but got {values.min()}. Drop or clip it.")
    return values


def _rational_spectrum(spectrum: RationalSpectrum) -> list[sp.Rational]:
    values = [as_fraction("spectrum", value) for value in spectrum]
    if not values or min(values) < 0:
        raise InvalidArgumentError(f"Expected one or more rational eigenvalues >= 0 but got {list(spectrum)}.")
    return [sp.Rational(value.numerator, value.denominator) for value in values]
