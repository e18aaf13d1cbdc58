"""Scalar modes of x^(k) + c_{k-1} x^(k-1) + ... + c_1 x' + lambda x = 0, by companion propagators squared repeatedly.

No roots are formed, so a confluent spectrum is nothing special. Squaring doubles relative errors, and a slow mode
beside a fast one (lambda = 1e-8, damping 20) needs a factor 2^36 of it: propagators and states are sums of two doubles.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["linear_modes", "warm"]

_SPLITTER = 134217729.0  # 2^27 + 1, Dekker's constant
_LATTICE = 8.0  # lattice steps per scaled unit of time
# Scaled coefficients are at most 1, so scaled roots are at most 2 (Fujiwara): terms fall like (2/8)^n/n!, times powers
# of n where roots are confluent.
_PROPAGATOR_TERMS = 24  # 6e-39
_REMAINDER_TERMS = 16  # 1e-23
_MAX_SQUARINGS = 62


@njit(cache=True, error_model="numpy", inline="always")
def _multiply(ah, al, bh, bl):
    """Return the product of two double-doubles."""
    p = ah * bh
    c = _SPLITTER * ah
    ahh = c - (c - ah)
    ahl = ah - ahh
    c = _SPLITTER * bh
    bhh = c - (c - bh)
    bhl = bh - bhh
    e = ((ahh * bhh - p) + ahh * bhl + ahl * bhh) + ahl * bhl + (ah * bl + al * bh)
    s = p + e
    return s, e - (s - p)


@njit(cache=True, error_model="numpy", inline="always")
def _add(ah, al, bh, bl):
    """Return the sum of two double-doubles."""
    s = ah + bh
    bb = s - ah
    e = (ah - (s - bb)) + (bh - bb) + (al + bl)
    t = s + e
    return t, e - (t - s)


@njit(cache=True, error_model="numpy")
def _base_propagator(a, high, low):
    """Fill exp(A/_LATTICE), A the companion matrix of z^k + a_{k-1} z^(k-1) + ... + a_0."""
    k = a.size
    zh = np.zeros(_PROPAGATOR_TERMS + k)
    zl = np.zeros(_PROPAGATOR_TERMS + k)
    for column in range(k):
        zh[:] = 0.0
        zl[:] = 0.0
        zh[column] = 1.0
        for n in range(_PROPAGATOR_TERMS):
            sh, sl = 0.0, 0.0
            for i in range(k):
                ph, pl = _multiply(zh[n + i], zl[n + i], -a[i], 0.0)
                sh, sl = _add(sh, sl, ph, pl)
            zh[n + k] = sh
            zl[n + k] = sl
        for i in range(k):
            # Horner in the step 1/_LATTICE: s <- z_{i+m} + s * step/(m+1).
            sh, sl = 0.0, 0.0
            for m in range(_PROPAGATOR_TERMS - 1, -1, -1):
                divisor = (m + 1.0) * _LATTICE
                quotient = sh / divisor
                ph, pl = _multiply(quotient, 0.0, divisor, 0.0)
                remainder = _add(sh, sl, -ph, -pl)[0]
                sh, sl = _add(quotient, remainder / divisor, zh[i + m], zl[i + m])
            high[i, column] = sh
            low[i, column] = sl


@njit(cache=True, error_model="numpy")
def _square(high, low, out_high, out_low):
    k = high.shape[0]
    for i in range(k):
        for j in range(k):
            sh, sl = 0.0, 0.0
            for m in range(k):
                ph, pl = _multiply(high[i, m], low[i, m], high[m, j], low[m, j])
                sh, sl = _add(sh, sl, ph, pl)
            out_high[i, j] = sh
            out_low[i, j] = sl


@njit(cache=True, error_model="numpy")
def _advance(high, low, yh, yl, th, tl):
    """Replace the state y by (high + low) y; th, tl are scratch."""
    k = yh.size
    for i in range(k):
        sh, sl = 0.0, 0.0
        for m in range(k):
            ph, pl = _multiply(high[i, m], low[i, m], yh[m], yl[m])
            sh, sl = _add(sh, sl, ph, pl)
        th[i] = sh
        tl[i] = sl
    for i in range(k):
        yh[i] = th[i]
        yl[i] = tl[i]


@njit(cache=True, error_model="numpy")
def linear_modes(coefficients, eigenvalues, times, start, values, velocities):
    """Fill values and velocities (modes, times) of the solution whose `start`-th derivative is 1 at 0, all others 0.

    Time runs on a lattice whose step is a power of two, so splitting t into lattice steps and a remainder is exact.
    Returns 0, 1 when a value overflowed (an unstable mode), or 2 when the lattice has more than 2^62 points.
    """
    k = coefficients.size + 1
    a = np.empty(k)
    yh, yl, th, tl = np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    powers_high = np.empty((_MAX_SQUARINGS, k, k))
    powers_low = np.empty((_MAX_SQUARINGS, k, k))
    z = np.empty(_REMAINDER_TERMS + k + 1)
    for mode in range(eigenvalues.size):
        # Scale time by a power of two so that every coefficient is at most 1: the companion entries are then exact.
        size = eigenvalues[mode] ** (1.0 / k)
        for i in range(1, k):
            size = max(size, abs(coefficients[i - 1]) ** (1.0 / (k - i)))
        sigma = 2.0 ** math.ceil(math.log2(size)) if size > 0.0 else 1.0
        a[0] = eigenvalues[mode] / sigma**k
        for i in range(1, k):
            a[i] = coefficients[i - 1] / sigma ** (k - i)
        if sigma * times[times.size - 1] * _LATTICE >= 2.0**_MAX_SQUARINGS:
            return 2
        _base_propagator(a, powers_high[0], powers_low[0])
        known = 1
        yh[:] = 0.0
        yl[:] = 0.0
        yh[start] = sigma ** float(-start)
        done = 0
        for j in range(times.size):
            scaled = sigma * times[j]
            target = np.int64(math.floor(scaled * _LATTICE))
            steps = target - done
            done = target
            level = 0
            while steps > 0:
                if level >= known:
                    _square(powers_high[level - 1], powers_low[level - 1], powers_high[level], powers_low[level])
                    known += 1
                if steps & 1:
                    _advance(powers_high[level], powers_low[level], yh, yl, th, tl)
                steps >>= 1
                level += 1
            remainder = scaled - target / _LATTICE
            for i in range(k):
                z[i] = yh[i]
            for n in range(_REMAINDER_TERMS + 1):
                total = 0.0
                for i in range(k):
                    total -= a[i] * z[n + i]
                z[n + k] = total
            value = 0.0
            slope = 0.0
            for m in range(_REMAINDER_TERMS - 1, -1, -1):
                factor = remainder / (m + 1.0)
                value = z[m] + value * factor
                slope = z[m + 1] + slope * factor
            values[mode, j] = value
            velocities[mode, j] = slope * sigma
            if not (math.isfinite(value) and math.isfinite(slope * sigma)):
                return 1
    return 0


def warm() -> None:
    """Compile every kernel here for the argument types the public functions pass."""
    out = np.empty((1, 2))
    linear_modes(np.array([1.0]), np.array([1.0]), np.array([0.0, 1.0]), 0, out, out.copy())
