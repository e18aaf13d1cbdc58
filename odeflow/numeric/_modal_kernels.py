"""Scalar modes of the damped and of Nesterov's oscillator on a (rate, time) grid; arrays in, arrays out.

Phases are the only delicate quantity: sqrt(lambda) t may be 1e4 and more, and one rounding of it already costs 1e-12.
They are therefore carried as a sum of two doubles, in quarter turns, so that reducing them is exact.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["DEGREE", "HANKEL_TERMS", "damped_modes", "hankel_plan", "nesterov_modes", "nesterov_table", "warm"]

# Cells of width 1/4; |phi^(k)| <= 1 for every gamma > 0 (Poisson's integral), so degree 10 leaves (1/8)^11/11! = 3e-18.
CELLS_PER_UNIT = 4
DEGREE = 10
HANKEL_TERMS = 40

# 2/pi as a sum of two doubles.
_TWO_OVER_PI_HI = 0.6366197723675814
_TWO_OVER_PI_LO = -3.935735335036497e-17
_SPLITTER = 134217729.0  # 2^27 + 1, Dekker's constant

# sin(pi f/2) and cos(pi f/2) for |f| <= 1/2: Taylor coefficients, remainder below 5e-17.
_S0, _S1, _S2, _S3 = 1.5707963267948966, -0.6459640975062463, 0.07969262624616705, -0.004681754135318688
_S4, _S5, _S6, _S7 = 0.00016044118478735983, -3.598843235212085e-06, 5.692172921967927e-08, -6.688035109811468e-10
_C1, _C2, _C3, _C4 = -1.2337005501361697, 0.25366950790104803, -0.02086348076335296, 0.0009192602748394266
_C5, _C6, _C7, _C8 = -2.5202042373060607e-05, 4.710874778818172e-07, -6.386603083791852e-09, 6.565963114979473e-11


@njit(cache=True, error_model="numpy", inline="always")
def _split(a):
    """Return high and low halves of a double (Dekker)."""
    c = _SPLITTER * a
    high = c - (c - a)
    return high, a - high


@njit(cache=True, error_model="numpy", inline="always")
def _two_product(a, b):
    """Return a*b rounded, and the rounding error."""
    p = a * b
    ah, al = _split(a)
    bh, bl = _split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


@njit(cache=True, error_model="numpy", inline="always")
def _two_sum(a, b):
    """Return a+b rounded, and the rounding error (Knuth)."""
    s = a + b
    bb = s - a
    return s, (a - (s - bb)) + (b - bb)


@njit(cache=True, error_model="numpy")
def _root_in_quarter_turns(high, low):
    """Return sqrt(high + low) as a double, and times 2/pi as a sum of two doubles."""
    root = math.sqrt(high)
    square, error = _two_product(root, root)
    correction = ((high - square) - error + low) / (2.0 * root)
    turns, rest = _two_product(root, _TWO_OVER_PI_HI)
    rest += root * _TWO_OVER_PI_LO + correction * _TWO_OVER_PI_HI
    top = turns + rest
    return root + correction, top, rest - (top - turns)


@njit(cache=True, error_model="numpy", inline="always")
def _cos_sin_quarters(high, low):
    """Return cos and sin of (high + low) quarter turns."""
    whole = math.floor(high + 0.5)
    f = (high - whole) + low
    g = f * f
    s = f * (_S0 + g * (_S1 + g * (_S2 + g * (_S3 + g * (_S4 + g * (_S5 + g * (_S6 + g * _S7)))))))
    c = 1.0 + g * (_C1 + g * (_C2 + g * (_C3 + g * (_C4 + g * (_C5 + g * (_C6 + g * (_C7 + g * _C8)))))))
    quadrant = whole - 4.0 * math.floor(0.25 * whole)
    odd = (quadrant == 1.0) or (quadrant == 3.0)
    a = s if odd else c
    b = c if odd else s
    cosine = -a if (quadrant == 1.0) or (quadrant == 2.0) else a
    sine = -b if quadrant >= 2.0 else b
    return cosine, sine


@njit(cache=True, error_model="numpy")
def _split_times(times):
    high = np.empty(times.size)
    low = np.empty(times.size)
    for j in range(times.size):
        high[j], low[j] = _split(times[j])
    return high, low


@njit(cache=True, error_model="numpy")
def damped_modes(damping, eigenvalues, times, kind):
    """Solve x'' + damping x' + lambda x = 0 on the grid.

    kind 0: x for x(0)=1, x'(0)=0;  1: its derivative;  2: x for x(0)=0, x'(0)=1;  3: its derivative.
    With r = damping/2, every case is a combination of C and S: for w^2 = lambda - r^2 > 0 of C = e^{-rt} cos(wt) and
    S = e^{-rt} sin(wt)/w, for s^2 = r^2 - lambda >= 0 of C = e^{-qt} and S = e^{-qt} (1 - e^{-2st})/(2s) with the slow
    root q = lambda/(r+s). Nothing cancels at, or on either side of, the double root.
    """
    out = np.empty((eigenvalues.size, times.size))
    r = 0.5 * damping
    square, square_error = _two_product(r, r)
    decay = np.exp(-r * times)
    times_high, times_low = _split_times(times)
    for k in range(eigenvalues.size):
        lam = eigenvalues[k]
        gap, gap_error = _two_sum(lam, -square)
        gap, gap_error = _two_sum(gap, gap_error - square_error)
        if gap > 0.0:
            w, turns, turns_rest = _root_in_quarter_turns(gap, gap_error)
            turns_high, turns_low = _split(turns)
            if kind == 0:
                on_c, on_s = 1.0, r / w
            elif kind == 1:
                on_c, on_s = 0.0, -lam / w
            elif kind == 2:
                on_c, on_s = 0.0, 1.0 / w
            else:
                on_c, on_s = 1.0, -r / w
            for j in range(times.size):
                p = turns * times[j]
                e = ((turns_high * times_high[j] - p) + turns_high * times_low[j] + turns_low * times_high[j]) + (
                    turns_low * times_low[j] + turns_rest * times[j]
                )
                c, s = _cos_sin_quarters(p, e)
                out[k, j] = decay[j] * (on_c * c + on_s * s)
        else:
            s = math.sqrt(-gap)
            slow = lam / (r + s)
            fast = r + s
            for j in range(times.size):
                t = times[j]
                z = 2.0 * s * t
                slow_decay = math.exp(-slow * t)
                impulse = slow_decay * (-math.expm1(-z) / (2.0 * s) if z > 0.0 else t)
                if kind == 0:
                    out[k, j] = slow_decay + slow * impulse
                elif kind == 1:
                    out[k, j] = -lam * impulse
                elif kind == 2:
                    out[k, j] = impulse
                else:
                    out[k, j] = math.exp(-fast * t) - slow * impulse
    return out


@njit(cache=True, error_model="numpy")
def hankel_plan(gamma):
    """Return Hankel's a_k of J_nu, nu = (gamma-1)/2, the s from which k terms suffice, and the first usable s."""
    a = np.zeros(HANKEL_TERMS + 1)
    enough_from = np.full(HANKEL_TERMS + 1, np.inf)
    a[0] = 1.0
    for k in range(1, HANKEL_TERMS + 1):
        a[k] = a[k - 1] * ((gamma - 2.0 * k) * (gamma + 2.0 * k - 2.0)) / (8.0 * k)
        enough_from[k] = (abs(a[k]) / 1e-17) ** (1.0 / k)
    best = enough_from[1:].min()
    nu = 0.5 * (gamma - 1.0)
    # Below nu^2/4 the terms grow before they fall, and their sum loses digits.
    return a, enough_from, max(25.0, best, 0.25 * nu * nu)


@njit(cache=True, error_model="numpy")
def _series_cell(gamma, centre, row):
    """Fill one Taylor cell about `centre` from the power series of phi in s^2."""
    for k in range(row.size):
        row[k] = 0.0
    leading = 1.0  # the term of s^(2m) at the centre
    for m in range(300):
        # (centre + x)^(2m): binomial expansion in x.
        term = leading
        for k in range(min(row.size - 1, 2 * m) + 1):
            row[k] += term
            term *= (2 * m - k) / ((k + 1.0) * centre)
        leading *= -centre * centre / ((2.0 * m + 2.0) * (2.0 * m + 1.0 + gamma))
        if m > 2 and abs(leading) * 4.0**m < 1e-24:
            break


@njit(cache=True, error_model="numpy")
def nesterov_table(gamma, end):
    """Return Taylor cells of phi(s) for 0 <= s <= end; phi'' + (gamma/s) phi' + phi = 0, phi(0) = 1.

    Small s: the power series, while its terms do not cancel. Then the Taylor recurrence of the ODE, from cell to cell:
    the initial-value problem is dissipative, so rounding errors do not grow, and fall like phi itself.
    """
    width = 1.0 / CELLS_PER_UNIT
    cells = int(end * CELLS_PER_UNIT) + 1
    order = 20
    table = np.empty((cells, DEGREE + 1))
    row = np.empty(order + 1)
    series_until = max(2.0, 2.0 * math.sqrt(0.5 * (gamma + 1.0)))
    for cell in range(cells):
        centre = (cell + 0.5) * width
        if centre <= series_until:
            _series_cell(gamma, centre, row)
        else:
            value = 0.0
            slope = 0.0
            for k in range(order, 0, -1):
                value = value * width + row[k]
                slope = slope * width + k * row[k]
            row[0] += value * width
            row[1] = slope
            row[2] = -(gamma * row[1] / centre + row[0]) / 2.0
            for k in range(1, order - 1):
                row[k + 2] = -((k + 1.0) * (k + gamma) * row[k + 1] + centre * row[k] + row[k - 1]) / (
                    centre * (k + 1.0) * (k + 2.0)
                )
        for k in range(DEGREE + 1):
            table[cell, k] = row[k]
    return table


@njit(cache=True, error_model="numpy")
def _table_run(out, root, times, table, switch):
    """Fill out from the table while sqrt(lambda) t < switch; return how many were filled."""
    for j in range(times.size):
        s = root * times[j]
        if s >= switch:
            return j
        cell = int(s * CELLS_PER_UNIT)
        x = s - (cell + 0.5) / CELLS_PER_UNIT
        value = table[cell, DEGREE]
        for i in range(DEGREE - 1, -1, -1):
            value = value * x + table[cell, i]
        out[j] = value
    return times.size


@njit(cache=True, error_model="numpy")
def _phases_run(root, turns, turns_rest, shift, times, times_high, times_low, s, cosine, sine):
    """Fill s = sqrt(lambda) t, and cosine and sine of s - shift, in quarter turns until the last moment."""
    turns_high, turns_low = _split(turns)
    for j in range(times.size):
        s[j] = root * times[j]
        p = turns * times[j]
        e = ((turns_high * times_high[j] - p) + turns_high * times_low[j] + turns_low * times_high[j]) + (
            turns_low * times_low[j] + turns_rest * times[j]
        )
        # p - shift is not exact: its error joins the low part.
        q = p - shift
        back = q - p
        e += (p - (q - back)) + (-shift - back)
        cosine[j], sine[j] = _cos_sin_quarters(q, e)


@njit(cache=True, error_model="numpy")
def _hankel_run(out, s, cosine, sine, amplitude, terms, a):
    """Fill out with amplitude (P cos - Q sin), P and Q of `terms` terms in all. Destroys s, cosine and sine."""
    last = terms - 1
    for j in range(out.size):
        cosine[j] *= amplitude[j]
        sine[j] *= amplitude[j] / s[j]
        s[j] = 1.0 / (s[j] * s[j])
        out[j] = 0.0
    for k in range(last - last % 2, -1, -2):
        coefficient = a[k] if k % 4 == 0 else -a[k]
        for j in range(out.size):
            out[j] = out[j] * s[j] + coefficient
    for j in range(out.size):
        out[j] *= cosine[j]
        cosine[j] = 0.0
    for k in range(last - 1 + last % 2, 0, -2):
        coefficient = a[k] if k % 4 == 1 else -a[k]
        for j in range(out.size):
            cosine[j] = cosine[j] * s[j] + coefficient
    for j in range(out.size):
        out[j] -= cosine[j] * sine[j]


@njit(cache=True, error_model="numpy")
def nesterov_modes(gamma, eigenvalues, times, table, a, enough_from, switch):
    """Return phi = Gamma(nu+1) (2/s)^nu J_nu(s), s = sqrt(lambda) t: table below `switch`, Hankel's expansion above.

    Runs are passed as views, so that their loops start at 0 and vectorise.
    """
    count = times.size
    out = np.empty((eigenvalues.size, count))
    times_high, times_low = _split_times(times)
    s, cosine, sine, amplitude = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    end = times[count - 1]
    half = 0.5 * gamma
    # s^-half is lambda^(-half/2) t^-half as long as neither factor overflows.
    separable = gamma <= 40.0
    powers = np.zeros(count)
    if separable:
        for j in range(count):
            powers[j] = (times[j] / end) ** -half if times[j] > 0.0 else 0.0
    log_scale = half * math.log(2.0) + math.lgamma(half + 0.5) - 0.5 * math.log(math.pi)
    for k in range(eigenvalues.size):
        root, turns, turns_rest = _root_in_quarter_turns(eigenvalues[k], 0.0)
        if eigenvalues[k] == 0.0:
            out[k, :] = 1.0
            continue
        i = _table_run(out[k], root, times, table, switch)
        if i == count:
            continue
        # nu pi/2 + pi/4 is gamma/2 quarter turns.
        _phases_run(
            root, turns, turns_rest, half, times[i:], times_high[i:], times_low[i:], s[i:], cosine[i:], sine[i:]
        )
        if separable:
            scale = math.exp(log_scale) * (root * end) ** -half
            amplitude[i:] = scale * powers[i:]
        else:
            amplitude[i:] = np.exp(log_scale - half * np.log(s[i:]))
        terms = HANKEL_TERMS
        while i < count:
            while terms > 2 and s[i] >= enough_from[terms - 1]:
                terms -= 1
            # A new run only where four terms fewer will do: short runs cost more than long sums.
            limit = enough_from[max(terms - 4, 2)] if terms > 2 else np.inf
            e = i + np.searchsorted(s[i:], limit) if limit < np.inf else count
            e = max(e, i + 1)
            _hankel_run(out[k, i:e], s[i:e], cosine[i:e], sine[i:e], amplitude[i:e], terms, a)
            i = e
    return out


def warm() -> None:
    """Compile every kernel here for the argument types the public functions pass."""
    times = np.array([0.0, 40.0])
    eigenvalues = np.array([1.0])
    damped_modes(1.0, eigenvalues, times, 0)
    a, enough_from, switch = hankel_plan(3.0)
    nesterov_modes(3.0, eigenvalues, times, nesterov_table(3.0, switch), a, enough_from, switch)
