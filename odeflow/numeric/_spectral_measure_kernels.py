"""Eigenvalues of a symmetric tridiagonal matrix and first components of its eigenvectors, without the rest of them."""

# mypy: ignore-errors

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["tridiagonal_measure", "warm"]

_SWEEPS = 60


@njit(cache=True, error_model="numpy")
def tridiagonal_measure(d, e, first):
    """Overwrite the diagonal d with the eigenvalues, `first` with first components, and e (padded by a 0) with rubbish.

    Implicit QL with Wilkinson's shift (Golub and Welsch, 1969). Returns 0, or 1 when an eigenvalue did not converge.
    """
    n = d.size
    largest = 0.0
    for i in range(n):
        largest = max(largest, abs(d[i]), abs(e[i]))
    if largest == 0.0:
        largest = 1.0
    # By a power of two, so that nothing is rounded and no square overflows.
    scale = 2.0 ** math.floor(math.log2(largest))
    for i in range(n):
        d[i] /= scale
        e[i] /= scale
        first[i] = 0.0
    first[0] = 1.0
    for low in range(n):
        for sweep in range(_SWEEPS + 1):
            top = low
            while top < n - 1 and abs(e[top]) > 2.3e-16 * (abs(d[top]) + abs(d[top + 1])):
                top += 1
            if top == low:
                break
            if sweep == _SWEEPS:
                return 1
            g = (d[low + 1] - d[low]) / (2.0 * e[low])
            r = math.sqrt(1.0 + g * g)
            g = d[top] - d[low] + e[low] / (g + math.copysign(r, g))
            s, c, p = 1.0, 1.0, 0.0
            finished = True
            for i in range(top - 1, low - 1, -1):
                f = s * e[i]
                b = c * e[i]
                r = math.sqrt(f * f + g * g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[top] = 0.0
                    finished = False
                    break
                s = f / r
                c = g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                f = first[i + 1]
                first[i + 1] = s * first[i] + c * f
                first[i] = c * first[i] - s * f
            if finished:
                d[low] -= p
                e[low] = g
                e[top] = 0.0
    for i in range(n):
        d[i] *= scale
    return 0


def warm() -> None:
    """Compile every kernel here for the argument types the public functions pass."""
    tridiagonal_measure(np.array([2.0, 1.0]), np.array([1.0, 0.0]), np.empty(2))
