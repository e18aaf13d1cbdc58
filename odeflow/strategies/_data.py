"""Inputs of unit norm, no two of them parallel: the data that the theorems on wide networks assume."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_count, require_finite
from odeflow.strategies._declared import declared

__all__ = ["unit_vectors"]

RELATIVE_ROUNDING = 1e-12
"""By which a smallest chord may fall short: rows at the largest possible angle are at it only up to rounding."""
SHORTEST = 0.1
"""Rows this short are not normalised: their direction would be made of few digits."""


def _check_unit_vectors(n: int, d: int, *, separation: float) -> None:
    require_count("n", n)
    require_count("d", d)
    if d == 1 and n > 1:
        raise InvalidArgumentError(f"Expected d >= 2 for several rows, which are parallel in R^1, but got n={n}.")
    widest = largest_separation(n, d)
    if not 0.0 <= require_finite("separation", separation) <= widest * (1.0 + RELATIVE_ROUNDING):
        raise InvalidArgumentError(
            f"Expected 0 <= separation <= {widest:.6g}, beyond which {n} lines do not fit into R^{d}, but got "
            f"separation={separation}. Lower it or n, or raise d."
        )


@declared(_check_unit_vectors)
def unit_vectors(draw: st.DrawFn, n: int, d: int, *, separation: float = 1e-3) -> Float[np.ndarray, "n d"]:
    """Matrices of n unit rows in R^d, no two parallel or anti-parallel. Shrinks to rows of the identity.

    Parameters
    ----------
    n, d : number of rows and dimension; d >= 2 if n >= 2
    separation : smallest angle between two rows, up to sign, radians. Rows that come closer are pulled towards a fixed
        arrangement (the axes; a regular fan in the plane; axes and diagonals), so that large angles are found, too,
        as long as that arrangement has them: always if n <= d or d = 2, up to pi/4 if n <= d^2.

    Raises
    ------
    InvalidArgumentError
        So many lines cannot have such angles (exact for n <= d and d = 2, else by Welch's bound).

    References
    ----------
    Welch (1974), Lower bounds on the maximum cross correlation of signals.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(unit_vectors(2, 3), lambda X: True, settings=quiet)
    array([[1., 0., 0.],
           [0., 1., 0.]])
    >>> unit_vectors(3, 2, separation=1.1)
    Traceback (most recent call last):
    ...
    odeflow.errors.InvalidArgumentError: Expected 0 <= separation <= 1.0472, beyond which 3 lines do not fit into R^2, \
but got separation=1.1. Lower it or n, or raise d.
    """
    base = _arrangement(n, d)
    entries = draw(st.lists(st.floats(-2.0, 2.0), min_size=n * d, max_size=n * d))
    moved = np.array(entries).reshape(n, d)
    for share in (1.0, 0.5, 0.25, 0.125, 1 / 32, 1 / 256, 0.0):
        rows = base + share * moved
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if lengths.min() <= SHORTEST:
            continue
        unit: Float[np.ndarray, "n d"] = rows / lengths
        if _are_separated(unit, separation):
            return unit
    return reject()


def largest_separation(n: int, d: int) -> float:
    """Return an angle that the closest two of n lines in R^d never exceed."""
    if n <= d:
        return math.pi / 2
    if d == 2:
        return math.pi / n
    return math.acos(math.sqrt((n - d) / (d * (n - 1))))


def _arrangement(n: int, d: int) -> Float[np.ndarray, "n d"]:
    """Return n rows: the axes, then the diagonals of coordinate planes, then zeros; in the plane a fan."""
    if d == 2 and n > 2:
        angles = np.arange(n) * (np.pi / n)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rows = np.zeros((n, d))
    rows[:d] = np.eye(n, d)[:d]
    diagonals = ((i, j, sign) for i, j in itertools.combinations(range(d), 2) for sign in (1.0, -1.0))
    for row, (i, j, sign) in zip(rows[d:], diagonals, strict=False):
        row[[i, j]] = math.sqrt(0.5), sign * math.sqrt(0.5)
    return rows


def _are_separated(rows: Float[np.ndarray, "n d"], separation: float) -> bool:
    """Return whether all chords are long enough; cosines would not resolve small angles."""
    needed = 2.0 * math.sin(separation / 2.0) * (1.0 - RELATIVE_ROUNDING)
    for i, row in enumerate(rows[:-1]):
        chords = np.minimum(np.linalg.norm(rows[i + 1 :] - row, axis=1), np.linalg.norm(rows[i + 1 :] + row, axis=1))
        closest = chords.min()  # 0 for equal rows, whose product may round to less than 1
        if closest == 0.0 or closest < needed or np.abs(rows[i + 1 :] @ row).max() >= 1.0:
            return False
    return True
