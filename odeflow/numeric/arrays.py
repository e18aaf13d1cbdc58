"""Is this argument what the door expects? Shapes, finiteness, signs: checked once, at the public door.

Every function returns the checked value (arrays as C-contiguous float64) or raises `InvalidArgumentError` with what
was expected, what came, and what to do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError

__all__ = [
    "as_array",
    "as_matrix",
    "as_symmetric",
    "as_times",
    "as_vector",
    "require_count",
    "require_finite",
    "require_nonnegative",
    "require_positive",
]


def require_finite(name: str, value: float) -> float:
    """Return `value` as a finite float."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(f"Expected {name} to be a real number but got {value!r}.") from None
    if not math.isfinite(number):
        raise InvalidArgumentError(f"Expected {name} to be finite but got {name}={value}.")
    return number


def require_positive(name: str, value: float) -> float:
    """Return `value` as a finite float > 0."""
    number = require_finite(name, value)
    if number <= 0.0:
        raise InvalidArgumentError(f"Expected {name} > 0 but got {name}={value}.")
    return number


def require_nonnegative(name: str, value: float) -> float:
    """Return `value` as a finite float >= 0."""
    number = require_finite(name, value)
    if number < 0.0:
        raise InvalidArgumentError(f"Expected {name} >= 0 but got {name}={value}.")
    return number


def require_count(name: str, value: int, *, minimum: int = 1) -> int:
    """Return `value` as an int >= `minimum` (bool and float are refused)."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InvalidArgumentError(f"Expected {name} to be an integer but got {value!r}.")
    if value < minimum:
        raise InvalidArgumentError(f"Expected {name} >= {minimum} but got {name}={value}.")
    return int(value)


def as_array(name: str, value: Any, *, shape: tuple[int | None, ...]) -> Float[np.ndarray, ...]:
    """Return `value` as finite C-contiguous float64 of the given shape; `None` in `shape` accepts any length >= 1.

    Examples
    --------
    >>> as_array("y", [1, 2], shape=(2,))
    array([1., 2.])
    >>> as_array("y", [1, 2], shape=(3,))
    Traceback (most recent call last):
    ...
    odeflow.errors.InvalidArgumentError: Expected y of shape (3,) but got shape (2,).
    """
    try:
        array = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"Expected {name} to be an array of real numbers but got {value!r:.80}.") from None
    if np.ndim(value) == 0 and len(shape) > 0:
        array = array.reshape(())
    wanted = "(" + ", ".join("any" if s is None else str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"
    if array.ndim != len(shape) or any(
        (s is not None and s != got) or (s is None and got == 0) for s, got in zip(shape, array.shape, strict=True)
    ):
        raise InvalidArgumentError(f"Expected {name} of shape {wanted} but got shape {array.shape}.")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InvalidArgumentError(
            f"Expected {name} to be finite but {name}[{', '.join(map(str, where))}] is {array[where]}. "
            "Remove or impute the entry."
        )
    return array


def as_vector(name: str, value: Any, *, length: int | None = None) -> Float[np.ndarray, " n"]:
    """Return `value` as a finite float64 vector, of the given length if one is given."""
    return as_array(name, value, shape=(length,))


def as_matrix(
    name: str, value: Any, *, rows: int | None = None, columns: int | None = None
) -> Float[np.ndarray, "n d"]:
    """Return `value` as a finite float64 matrix, of the given sizes where they are given."""
    return as_array(name, value, shape=(rows, columns))


def as_symmetric(name: str, value: Any, *, stack: bool = False) -> Float[np.ndarray, "... n n"]:
    """Return a symmetric kernel matrix (or, with `stack`, also a stack (k, n, n)), symmetrised to rounding.

    Symmetry is required up to 1e-10 of the largest entry; definiteness is not looked at here.
    """
    ndim = np.ndim(value)
    array = as_array(name, value, shape=(None,) * (3 if stack and ndim == 3 else 2))
    if array.shape[-1] != array.shape[-2]:
        raise InvalidArgumentError(f"Expected {name} to be square but got shape {array.shape}.")
    transposed = np.swapaxes(array, -1, -2)
    asymmetry = float(np.abs(array - transposed).max())
    if asymmetry > 1e-10 * max(float(np.abs(array).max()), 1e-300):
        raise InvalidArgumentError(
            f"Expected {name} to be symmetric but entries differ from their transposes by {asymmetry:.3g}. "
            f"Pass ({name} + {name}.T)/2 if that is what you mean."
        )
    return np.ascontiguousarray(0.5 * (array + transposed))


def as_times(name: str, value: Any) -> Float[np.ndarray, " t"]:
    """Return a strictly increasing grid of times >= 0."""
    times = as_vector(name, value)
    if times[0] < 0.0:
        raise InvalidArgumentError(f"Expected {name} >= 0 but got {name}[0]={times[0]}.")
    if times.size > 1 and not (np.diff(times) > 0.0).all():
        raise InvalidArgumentError(f"Expected {name} to increase strictly. Sort it and remove duplicates.")
    return times
