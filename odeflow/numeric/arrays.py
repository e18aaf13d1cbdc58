"""Is this argument what the door expects? Shapes, finiteness, signs: checked once, at the public door.

Every function returns the checked value (arrays as C-contiguous float64) or raises `InvalidArgumentError` with what
was expected, what came, and what to do. Finite numbers may still have products beyond double precision, and which
products a door takes is known only inside; so `refuse_overflow` stands around the door and says it for all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import numpy as np
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError

__all__ = [
    "as_array",
    "as_matrix",
    "as_symmetric",
    "as_times",
    "as_vector",
    "refuse_overflow",
    "require_count",
    "require_finite",
    "require_nonnegative",
    "require_positive",
]

Given = ParamSpec("Given")
Found = TypeVar("Found")


def refuse_overflow(
    *, but: tuple[str, ...] = (), infinite: bool = False
) -> Callable[[Callable[Given, Found]], Callable[Given, Found]]:
    """Decorate a door: finite arguments give finite results, or an `InvalidArgumentError` that names their sizes.

    NumPy's overflows, divisions by zero and invalid operations end the call where they happen; those of compiled
    kernels are seen in the result.

    Parameters
    ----------
    but
        Fields of the result that may be infinite or NaN, as their documentation says.
    infinite
        Whether infinity is an answer, as the door's documentation says; NaN is none.

    Examples
    --------
    >>> @refuse_overflow()
    ... def square(x, y):
    ...     return as_vector("x", x) ** 2 * y
    >>> square([1e10], 1.0)
    array([1.e+20])
    >>> square([1.0, 1e200], 1.0)
    Traceback (most recent call last):
    ...
    odeflow.errors.InvalidArgumentError: Expected arguments with products within double precision (1e-308 to 1e308) \
but square met: overflow encountered in square. Given: x from 1 to 1e+200, y of 1. Rescale what is extreme.
    """

    def decorate(door: Callable[Given, Found]) -> Callable[Given, Found]:
        sound = _not_nan if infinite else np.isfinite

        @functools.wraps(door)
        def checked(*args: Given.args, **options: Given.kwargs) -> Found:
            try:
                with np.errstate(over="raise", divide="raise", invalid="raise"):
                    found = door(*args, **options)
            except (FloatingPointError, OverflowError, ZeroDivisionError, np.linalg.LinAlgError) as error:
                what = str(error.args[-1]) if error.args else type(error).__name__
                raise _beyond(door, args, options, what) from error
            if not all(np.all(sound(numbers)) for numbers in _numbers_in(found, but)):
                raise _beyond(door, args, options, "a result that is not finite")
            return found

        return checked

    return decorate


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


def _not_nan(numbers: Any) -> Any:
    return ~np.isnan(numbers)


def _numbers_in(found: Any, but: tuple[str, ...]) -> Iterator[Any]:
    """Yield the numbers and arrays of floats, those in tuples, lists and dataclasses too."""
    if isinstance(found, float) or (isinstance(found, (np.ndarray, np.generic)) and found.dtype.kind == "f"):
        yield found
    elif isinstance(found, (tuple, list)):
        for part in found:
            yield from _numbers_in(part, but)
    elif dataclasses.is_dataclass(found):
        for field in dataclasses.fields(found):
            if field.name not in but:
                yield from _numbers_in(getattr(found, field.name), but)


def _beyond(
    door: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], what: str
) -> InvalidArgumentError:
    given = inspect.signature(door).bind(*args, **options).arguments
    sizes = [f"{name} {size}" for name, value in given.items() if (size := _size_of(value))]
    return InvalidArgumentError(
        f"Expected arguments with products within double precision (1e-308 to 1e308) but {door.__name__} met: "
        f"{what}. Given: {', '.join(sizes)}. Rescale what is extreme."
    )


def _size_of(value: Any) -> str:
    """Return the smallest and largest magnitude among numbers, in words; "" if there are none but zeros."""
    if dataclasses.is_dataclass(value) or isinstance(value, (list, tuple)):
        parts = [np.ravel(part) for part in _numbers_in(value, ())]
        numbers = np.concatenate(parts) if parts else np.empty(0)
    else:
        numbers = np.asarray(value)
    if numbers.dtype.kind not in "iuf" or isinstance(value, type):
        return ""
    magnitudes = np.abs(numbers.astype(np.float64)).ravel()
    magnitudes = magnitudes[magnitudes > 0.0]
    if not magnitudes.size:
        return ""
    least, most = float(magnitudes.min()), float(magnitudes.max())
    return f"of {most:.3g}" if least == most else f"from {least:.3g} to {most:.3g}"
