"""Between which rationals does the spectrum of this kernel lie? Bounds that are proved, from numbers read exactly.

A frozen kernel H turns `Delta^(k) + ... + H Delta = 0` into the flow of the quadratic f = <Delta, H Delta>/2. Rates of
the class "quadratic" with spectrum in [mu, L] hold for its error dynamics, with one V for each eigenvalue.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path

import numpy as np

from odeflow.errors import DataError
from odeflow.flow_text import parse_rational
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.symbolic.exact import is_positive_semidefinite

__all__ = ["kernel_class", "read_kernel"]

LARGEST = 60
LARGEST_FILE = 200_000
MOST_BITS = 400
"""Of the common denominator of a kernel; longer ones would take exact arithmetic minutes."""
LARGEST_DIGITS = 40
DIGITS = 5
"""Bounds are rounded outwards to so many significant decimals."""


def kernel_class(kernel: Sequence[Sequence[Fraction]]) -> FunctionClass:
    """Return the quadratics with spectrum in [mu, L], where mu I <= kernel <= L I is decided exactly.

    Parameters
    ----------
    kernel : n rows of n rationals, symmetric and positive definite, n <= 60

    Raises
    ------
    DataError
        The kernel is not symmetric, too large, or not positive definite by more than rounding.

    Examples
    --------
    >>> known = kernel_class([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]])
    >>> known.mu <= 1 < 3 <= known.smooth
    True
    """
    n = len(kernel)
    if not 0 < n <= LARGEST or any(len(row) != n for row in kernel):
        raise DataError(
            f"Expected a square kernel with 1 to {LARGEST} rows but got rows of {[len(r) for r in kernel]}."
        )
    if any(kernel[i][j] != kernel[j][i] for i in range(n) for j in range(i)):
        raise DataError("Expected a symmetric kernel. Average it with its transpose.")
    if lcm(*(x.denominator for row in kernel for x in row)).bit_length() > MOST_BITS:
        raise DataError(
            f"Expected a common denominator of at most {MOST_BITS} bits. Write the entries as decimals, or round them."
        )
    if any(abs(x) > 10**LARGEST_DIGITS for row in kernel for x in row):
        raise DataError(f"Expected entries of at most 1e{LARGEST_DIGITS}. Measure time in another unit.")
    values = np.linalg.eigvalsh(np.array([[float(x) for x in row] for row in kernel]))
    step = Fraction(1, 10**DIGITS)
    low, high = (Fraction(float(v)).limit_denominator(10**9) for v in (values[0], values[-1]))
    mu, L = _rounded(low * (1 - step)), _rounded(high * (1 + step))
    if mu <= 0 or not is_positive_semidefinite(_shifted(kernel, -mu, 1)):
        raise DataError(f"Expected a positive definite kernel but its least eigenvalue is about {values[0]:.3g}.")
    if not is_positive_semidefinite(_shifted(kernel, L, -1)):
        raise DataError("Expected eigenvalues that floating point can enclose, but the largest one was missed.")
    return FunctionClass(ClassName.QUADRATIC, mu, L)


def read_kernel(path: Path) -> list[list[Fraction]]:
    """Read a kernel from a text file of numbers, separated by commas or blanks, one row a line; decimals are exact."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"Expected a text file with a kernel but {path} could not be read: {error}.") from None
    if len(text) > LARGEST_FILE:
        raise DataError(f"Expected a kernel of at most {LARGEST_FILE} characters but {path} is longer.")
    lines = text.splitlines()
    if not text.strip():
        raise DataError(f"Expected rows of numbers in {path} but it is empty.")
    return [[parse_rational(word) for word in line.replace(",", " ").split()] for line in lines if line.strip()]


def _shifted(kernel: Sequence[Sequence[Fraction]], shift: Fraction, sign: int) -> list[list[Fraction]]:
    """Return sign * kernel + shift I."""
    return [[sign * x + (shift if i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(kernel)]


def _rounded(value: Fraction) -> Fraction:
    """Return a short rational within a fraction 10^-(DIGITS + 1) of a positive value."""
    if value <= 0:
        return value
    denominator = 1
    while abs(value.limit_denominator(denominator) - value) > value / 10 ** (DIGITS + 1):
        denominator *= 10
    return value.limit_denominator(denominator)
