"""Spectra: eigenvalues in a range, repeated, almost repeated, zero, or where a mode's closed form changes."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_count, require_finite, require_positive
from odeflow.strategies._declared import declared

__all__ = ["rational_spectra", "rationals", "spectra"]

CLOSE = 1e-8
"""Relative distance of an almost repeated eigenvalue: half of the digits are gone from its divided differences."""
ROOM = 1e-6
"""Relative width of a range that counts as room for distinct eigenvalues."""
LARGEST_POOL = 10_000


def _check_spectra(
    n: int | None,
    *,
    max_size: int,
    lower: float,
    upper: float,
    condition: float | None,
    singular: bool,
    distinct: bool,
    confluent: Sequence[float],
) -> None:
    size = require_count("max_size", max_size) if n is None else require_count("n", n)
    require_positive("lower", lower)
    if require_finite("upper", upper) < lower:
        raise InvalidArgumentError(f"Expected upper >= lower but got lower={lower}, upper={upper}.")
    if condition is not None and require_finite("condition", condition) < 1.0:
        raise InvalidArgumentError(f"Expected condition >= 1 but got condition={condition}.")
    outside = [value for value in confluent if not lower <= require_finite("confluent", value) <= upper]
    if outside:
        raise InvalidArgumentError(
            f"Expected confluent values in [lower, upper] = [{lower}, {upper}] but got {outside}. Widen the range."
        )
    widest = upper / lower if condition is None else min(upper / lower, condition)
    if distinct and size - singular > 1 and widest < 1.0 + 2.0 * ROOM:
        raise InvalidArgumentError(
            f"Expected room for {size} distinct eigenvalues but got lower={lower}, upper={upper}, "
            f"condition={condition}. Raise upper or condition, or allow repeats."
        )


@declared(_check_spectra)
def spectra(
    draw: st.DrawFn,
    n: int | None = None,
    *,
    max_size: int = 4,
    lower: float = 0.01,
    upper: float = 100.0,
    condition: float | None = None,
    singular: bool = False,
    distinct: bool = False,
    confluent: Sequence[float] = (),
) -> Float[np.ndarray, " n"]:
    """Spectra of symmetric positive (semi)definite matrices, ascending. Shrinks to all ones, or to `lower`.

    Repeated eigenvalues and eigenvalues that differ in the last digits, or by 1e-8 of themselves, come often.

    Parameters
    ----------
    n : number of eigenvalues; from 1 to `max_size` if None
    max_size : largest number
    lower, upper : range of the eigenvalues that are not 0, 0 < lower <= upper
    condition : largest ratio of two of them, >= 1
    singular : some eigenvalues, all of them included, may be exactly 0; if `distinct`, at most one
    distinct : no two are equal (they may be close)
    confluent : values drawn exactly and from close by on either side, such as b^2/4 for the critical mode of heavy
        ball with damping b; in [lower, upper]

    Returns
    -------
    Strategy of float64 arrays, (n,).

    Raises
    ------
    InvalidArgumentError
        No spectrum is like that.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(spectra(), lambda s: True, settings=quiet)
    array([1.])
    >>> find(spectra(3, singular=True), lambda s: s[0] == 0 < s[1] < s[2], settings=quiet)
    array([0., 1., 2.])
    >>> spectra(condition=0.5)
    Traceback (most recent call last):
    ...
    odeflow.errors.InvalidArgumentError: Expected condition >= 1 but got condition=0.5.
    """
    size = draw(st.integers(1, max_size)) if n is None else n
    zeros = draw(st.integers(0, min(size, 1) if distinct else size)) if singular else 0
    found: list[float] = []
    for number in range(size - zeros):
        if number == 0:
            # distinct ones need room above the first
            low, high = lower, upper / (1.0 + ROOM) if distinct and size - zeros > 1 else upper
            plain = st.floats(low, high)
        else:
            low, high = found[0], _largest(found[0], upper, condition)
            plain = st.floats(1.0, high / low).map(_scaled(low, high))  # the ratio shrinks on its own
        values = _with_special_points(plain, low, high, [*found, *confluent], repeats=not distinct)
        value = draw(values)
        found.append(_unused(value, low, high, found, size) if distinct else value)
    return np.array([0.0] * zeros + sorted(found))


def _check_rationals(lower: int | Fraction, upper: int | Fraction, *, max_denominator: int) -> None:
    require_count("max_denominator", max_denominator)
    low, high = as_fraction("lower", lower), as_fraction("upper", upper)
    _check_pool(low, high, max_denominator)


@declared(_check_rationals)
def rationals(
    draw: st.DrawFn, lower: int | Fraction = -3, upper: int | Fraction = 3, *, max_denominator: int = 3
) -> sp.Rational:
    """Rational numbers in [lower, upper] with small denominators, as SymPy has them.

    They shrink to integers, towards 0 from either side.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(rationals(), lambda q: q < 0 and q.q > 1, settings=quiet)
    -1/2
    """
    return draw(st.sampled_from(_pool(Fraction(lower), Fraction(upper), max_denominator)))


def _check_rational_spectra(
    n: int | None,
    *,
    max_size: int,
    lower: int | Fraction,
    upper: int | Fraction,
    max_denominator: int,
    singular: bool,
    distinct: bool,
) -> None:
    size = require_count("max_size", max_size) if n is None else require_count("n", n)
    low, high = as_fraction("lower", lower), as_fraction("upper", upper)
    if low <= 0:
        raise InvalidArgumentError(f"Expected lower > 0 but got lower={lower}. Zeros come with singular=True.")
    count = _check_pool(low, high, require_count("max_denominator", max_denominator))
    if distinct and size - singular > count:
        raise InvalidArgumentError(
            f"Expected at least {size - singular} rationals in [{lower}, {upper}] with denominators up to "
            f"{max_denominator} but there are {count}. Widen the range or allow repeats."
        )


@declared(_check_rational_spectra)
def rational_spectra(
    draw: st.DrawFn,
    n: int | None = None,
    *,
    max_size: int = 3,
    lower: int | Fraction = Fraction(1, 3),
    upper: int | Fraction = 4,
    max_denominator: int = 3,
    singular: bool = False,
    distinct: bool = False,
) -> tuple[sp.Rational, ...]:
    """Spectra of rational numbers, ascending, for exact checks. Shrinks to ones.

    Parameters
    ----------
    n, max_size, singular, distinct : as in `spectra`
    lower, upper : range of the eigenvalues that are not 0, integers or fractions > 0
    max_denominator : largest denominator

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(rational_spectra(3), lambda s: len(set(s)) == 2, settings=quiet)
    (1, 1, 2)
    """
    size = draw(st.integers(1, max_size)) if n is None else n
    zeros = draw(st.integers(0, min(size, 1) if distinct else size)) if singular else 0
    pool = st.sampled_from(_pool(Fraction(lower), Fraction(upper), max_denominator))
    values = draw(st.lists(pool, min_size=size - zeros, max_size=size - zeros, unique=distinct))
    return (*[sp.Integer(0)] * zeros, *sorted(values))


def _with_special_points(
    plain: st.SearchStrategy[float], low: float, high: float, points: Sequence[float], *, repeats: bool
) -> st.SearchStrategy[float]:
    """Add the points in [low, high], values next to them, and `high`; with `repeats` the points come first."""
    exact = [value for value in points if low <= value <= high]
    close = [value for point in (*exact, high) for value in _neighbours(point) if low <= value <= high]
    special = st.sampled_from([high, low, *exact, *close])
    return st.one_of(st.sampled_from(exact), plain, special) if repeats and exact else st.one_of(plain, special)


def _scaled(low: float, high: float) -> Callable[[float], float]:
    return lambda ratio: min(low * ratio, high)


def _unused(value: float, low: float, high: float, found: Sequence[float], size: int) -> float:
    """Return the value, or if it was drawn before a simple one in its place; a rejected draw would shrink badly."""
    multiples = [low * k for k in range(2, size + 2) if low * k <= high]
    between = [low + (high - low) * k / size for k in range(1, size + 1)]
    return next(v for v in (value, *multiples, *between) if v not in found)


def _neighbours(value: float) -> Iterable[float]:
    yield float(np.nextafter(value, np.inf))
    yield float(np.nextafter(value, 0.0))
    yield value * (1.0 + CLOSE)
    yield value * (1.0 - CLOSE)


def _largest(least: float, upper: float, condition: float | None) -> float:
    """Return the largest float that is at most `upper` and at most `condition` times the least eigenvalue."""
    if condition is None:
        return upper
    most = min(upper, least * condition)
    while most / least > condition:
        most = float(np.nextafter(most, 0.0))
    return max(most, least)


def as_fraction(name: str, value: object) -> Fraction:
    """Return an exact rational; SymPy's count, floats and text do not."""
    if isinstance(value, bool) or not isinstance(value, numbers.Rational):
        raise InvalidArgumentError(
            f"Expected {name} to be an integer or a fraction but got {value!r}. Write Fraction(1, 2), not 0.5."
        )
    return Fraction(int(value.numerator), int(value.denominator))


def _check_pool(lower: Fraction, upper: Fraction, max_denominator: int) -> int:
    """Return how many rationals there are, at least 1."""
    if (upper - lower) * max_denominator * (max_denominator + 1) / 2 > LARGEST_POOL:
        raise InvalidArgumentError(
            f"Expected at most {LARGEST_POOL} rationals but got the range [{lower}, {upper}] with denominators up to "
            f"{max_denominator}. Use hypothesis.strategies.fractions for large sets."
        )
    count = len(_pool(lower, upper, max_denominator))
    if not count:
        raise InvalidArgumentError(
            f"Expected a rational in [{lower}, {upper}] with a denominator up to {max_denominator} but there is none."
        )
    return count


@functools.lru_cache(maxsize=64)
def _pool(lower: Fraction, upper: Fraction, max_denominator: int) -> tuple[sp.Rational, ...]:
    """Return all of them, the simplest first; once, because every draw asks again."""
    values = {
        Fraction(p, q)
        for q in range(1, max_denominator + 1)
        for p in range(-(-lower.numerator * q // lower.denominator), upper.numerator * q // upper.denominator + 1)
    }
    ordered = sorted(values, key=lambda v: (v.denominator, abs(v), v < 0))
    return tuple(sp.Rational(v.numerator, v.denominator) for v in ordered)
