"""Compiled loops behind `odeflow.numeric.kernels`. Arrays in, arrays out; the door has checked everything."""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

import math

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

# Above this |cosine| the angle is taken from the difference of the unit vectors: arccos loses half its digits near 1.
NEARLY_PARALLEL = 0.9

# asin(sqrt t) / (pi sqrt t) on [0, 1/2], ascending powers of t: the interpolant in 19 Chebyshev nodes, error 7e-18.
ARCSINE = np.array(
    [
        0.3183098861837907,
        0.0530516476972931,
        0.02387324146506332,
        0.01421026265502725,
        0.00967087931086017,
        0.007121096604856486,
        0.005527222448544353,
        0.004393773292065488,
        0.0041988265272650755,
        -0.0008280952163950973,
        0.02505611715130381,
        -0.09449682877560792,
        0.32092055725346197,
        -0.7928719879632915,
        1.477616426395862,
        -1.9828477343426343,
        1.8328094906687828,
        -1.0437168399261072,
        0.2830699377106406,
    ]
)


@intrinsic
def _popcount(typing_context, word):
    """Count the ones of a 64-bit word with the machine's own instruction."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def pattern_kernel(patterns, gram, width):
    """Return gram_ij (ones of patterns_i & patterns_j) / width; `gram` (n, n) is overwritten and returned.

    `patterns` is (n, words) uint64. Four columns share each word of row i; integer sums are exact in any order.
    """
    n, words = patterns.shape
    for i in range(n):
        j = 0
        while j + 4 <= i + 1:
            c0 = np.uint64(0)
            c1 = np.uint64(0)
            c2 = np.uint64(0)
            c3 = np.uint64(0)
            for w in range(words):
                p = patterns[i, w]
                c0 += _popcount(p & patterns[j, w])
                c1 += _popcount(p & patterns[j + 1, w])
                c2 += _popcount(p & patterns[j + 2, w])
                c3 += _popcount(p & patterns[j + 3, w])
            gram[i, j] = gram[i, j] * np.float64(c0) / width
            gram[i, j + 1] = gram[i, j + 1] * np.float64(c1) / width
            gram[i, j + 2] = gram[i, j + 2] * np.float64(c2) / width
            gram[i, j + 3] = gram[i, j + 3] * np.float64(c3) / width
            j += 4
        while j <= i:
            c0 = np.uint64(0)
            for w in range(words):
                c0 += _popcount(patterns[i, w] & patterns[j, w])
            gram[i, j] = gram[i, j] * np.float64(c0) / width
            j += 1
    mirror_lower(gram)
    return gram


@njit(cache=True, nogil=True)
def mirror_lower(matrix):
    """Copy the lower triangle over the upper one, tile by tile so that both stay in cache."""
    n = matrix.shape[0]
    for i0 in range(0, n, 32):
        for j0 in range(0, i0 + 1, 32):
            for i in range(i0, min(i0 + 32, n)):
                for j in range(j0, min(j0 + 32, i)):
                    matrix[j, i] = matrix[i, j]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def arc_fraction_row(cosines, row, units, out):
    """Set out[j] to (angle between units[row] and units[j]) / (2 pi) for j <= row.

    With t = sin^2(angle/2) = (1 - |cos|)/2 <= 1/2, angle = 2 asin(sqrt t), a polynomial in t times sqrt t; an obtuse
    angle is pi minus that.
    """
    for j in range(row):
        t = 0.5 - 0.5 * abs(cosines[row, j])
        t = max(t, 0.0)
        p = ARCSINE[18]
        for k in range(17, -1, -1):
            p = p * t + ARCSINE[k]
        fraction = math.sqrt(t) * p
        out[j] = fraction if cosines[row, j] >= 0.0 else 0.5 - fraction
    for j in range(row):
        if abs(cosines[row, j]) > NEARLY_PARALLEL:
            out[j] = _arc_fraction_from_differences(units[row], units[j])
    out[row] = 0.0


@njit(cache=True, nogil=True)
def _arc_fraction_from_differences(u, v):
    """Return the angle between two unit vectors over 2 pi as 2 atan2(|u - v|, |u + v|) / (2 pi)."""
    minus = 0.0
    plus = 0.0
    for k in range(u.size):
        a = u[k] - v[k]
        b = u[k] + v[k]
        minus += a * a
        plus += b * b
    return math.atan2(math.sqrt(minus), math.sqrt(plus)) / math.pi


@njit(cache=True, nogil=True)
def angle_matrix(cosines, units):
    """Return the angles in radians between the rows of `units`, exactly symmetric, zero on the diagonal."""
    n = units.shape[0]
    angles = np.empty((n, n))
    for i in range(n):
        arc_fraction_row(cosines, i, units, angles[i])
        for j in range(i + 1):
            angles[i, j] *= 2.0 * math.pi
    mirror_lower(angles)
    return angles


@njit(cache=True, nogil=True)
def limit_kernel(cosines, units, norms):
    """Return cos_ij |x_i| |x_j| (1/2 - angle_ij / (2 pi)); `cosines` (n, n) is overwritten and returned."""
    n = units.shape[0]
    fractions = np.empty(n)
    for i in range(n):
        arc_fraction_row(cosines, i, units, fractions)
        for j in range(i):
            cosines[i, j] *= (norms[i] * norms[j]) * (0.5 - fractions[j])
        cosines[i, i] = 0.5 * (norms[i] * norms[i])
    mirror_lower(cosines)
    return cosines


def warm() -> None:
    """Compile (or load) every kernel for the types that the public functions pass."""
    units = np.eye(2)
    pattern_kernel(np.ones((2, 1), dtype=np.uint64), np.eye(2), 64.0)
    angle_matrix(np.eye(2), units)
    limit_kernel(np.eye(2), units, np.ones(2))
