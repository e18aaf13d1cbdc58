"""How do the errors move while the pattern is fixed, and where does a certificate first vanish?

On a horizon that starts at time t_m every row is a linear functional of n + 1 global functions,

    gradient flow    J' = Delta, J(t_m) = 0, and Delta' = -H Delta;
    second order     J'' + friction J' = Delta, J = J' = 0, and psi'' + friction psi' = 0, psi = 0, psi' = 1 at t_m,
                     Delta'' + friction Delta' + H Delta = 0, with friction = b (heavy ball) or gamma / t (Nesterov).

State vector of length 2N, N = n + 1: P = (J, psi, Delta, 0), and its time derivative R. A segment of length h is a
Taylor polynomial in s = tau / h with coefficients C[k] of the same layout, one product with H per order.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from odeflow.numeric._relu_row_kernels import GRADIENT_FLOW, HEAVY_BALL, KERNEL, NESTEROV

DEGREE = 44
# A series ends where the next term is certain to be below this share of the first (gradient flow: the terms shrink by
# h |H| / order), or after three consecutive terms below it (second order).
SERIES_END = 1e-15
NO_ROOT, WRONG_WAY = 2.0, 3.0


@njit(**KERNEL)
def segment_length(mode, friction, stiffness, t):
    """Return a step on which the series converges fast; Nesterov's has radius of convergence t."""
    if mode == GRADIENT_FLOW:
        return 2.5 / stiffness
    h = 2.0 / np.sqrt(stiffness)
    if mode == HEAVY_BALL:
        return min(h, 2.0 / friction)
    return min(h, 0.35 * t) if t > 0.0 else h


@njit(**KERNEL)
def expand(mode, friction, stiffness, H, P, R, t, h, C, product):
    """Fill the scaled Taylor coefficients C of [t, t + h], h halved until the series ends; return h and the degree."""
    for _ in range(60):
        degree = fill_series(mode, friction, stiffness, H, P, R, t, h, C, product)
        if degree > 0:
            return h, degree
        h *= 0.5
    return h, DEGREE


@njit(**KERNEL)
def fill_series(mode, friction, stiffness, H, P, R, t, h, C, product):
    """Fill C; return the degree at which the series ends, or -1 if it does not."""
    n = H.shape[0]
    N = n + 1
    largest = 0.0
    for j in range(2 * N):
        C[0, j] = P[j]
        C[1, j] = h * R[j]
    for j in range(N, N + n):
        largest = max(largest, abs(C[0, j]))
        if mode != GRADIENT_FLOW:
            largest = max(largest, abs(C[1, j]))
    small = 0
    for k in range(DEGREE - 1):
        np.dot(H, C[k, N : N + n], product[k])
        if mode == GRADIENT_FLOW:
            size = next_first_order(h, n, k, C, product)
            if 2.0 * size * h * stiffness <= SERIES_END * largest * (k + 2):
                return k + 1
            continue
        term = next_second_order(mode, friction, t, h, n, k, C, product)
        psi = abs(C[k + 2, n])
        if term <= SERIES_END * largest and psi <= SERIES_END * (abs(C[0, n]) + abs(C[1, n])):
            small += 1
            if small > 2:
                return k + 2
        else:
            small = 0
    return -1


@njit(**KERNEL)
def next_first_order(h, n, k, C, product):
    """Write C[k+1] for gradient flow; return the Euclidean norm of its error coefficients."""
    N = n + 1
    f = h / (k + 1)
    square = 0.0
    for j in range(n):
        x = -f * product[k, j]
        C[k + 1, N + j] = x
        C[k + 1, j] = f * C[k, N + j]
        square += x * x
    C[k + 1, n] = 0.0
    C[k + 1, N + n] = 0.0
    return np.sqrt(square)


@njit(**KERNEL)
def next_second_order(mode, friction, t, h, n, k, C, product):
    """Write C[k+2] for heavy ball and Nesterov; return its largest error coefficient.

    Nesterov, multiplied by t + tau: t (k+1)(k+2) d_{k+2} = -h (k+1)(k+gamma) d_{k+1} - t h^2 H d_k - h^3 H d_{k-1}.
    """
    N = n + 1
    damp = friction * h * (k + 1)
    force = h * h
    last = 0.0
    divide = 1.0 / ((k + 1) * (k + 2))
    if mode == NESTEROV:
        if t > 0.0:
            damp = h * (k + 1) * (k + friction) / t
            last = h * h * h / t if k > 0 else 0.0
        else:
            damp = 0.0
            divide = 1.0 / ((k + 2) * (k + 1 + friction))
    before = max(k - 1, 0)
    largest = 0.0
    for j in range(n):
        x = -(damp * C[k + 1, N + j] + force * product[k, j] + last * product[before, j]) * divide
        C[k + 2, N + j] = x
        largest = max(largest, abs(x))
        C[k + 2, j] = (force * C[k, N + j] + last * C[before, N + j] - damp * C[k + 1, j]) * divide
    C[k + 2, n] = -damp * C[k + 1, n] * divide
    C[k + 2, N + n] = 0.0
    return largest


@njit(**KERNEL)
def evaluate(mode, C, degree, s, h, P, R):
    """Write the state and its time derivative at s = tau / h."""
    size = P.shape[0]
    N = size // 2
    first = N if mode == GRADIENT_FLOW else 0  # gradient flow: J' = Delta
    for j in range(size):
        P[j] = C[degree, j]
        R[j] = 0.0
    k = degree - 1
    if degree % 2 == 1:
        for j in range(size):
            R[j] = P[j]
            P[j] = P[j] * s + C[k, j]
        k -= 1
    while k > 0:
        for j in range(first):
            P[j] = (P[j] * s + C[k, j]) * s + C[k - 1, j]
        for j in range(first, size):
            p = P[j]
            q = p * s + C[k, j]
            R[j] = (R[j] * s + p) * s + q
            P[j] = q * s + C[k - 1, j]
        k -= 2
    for j in range(first, size):
        R[j] /= h
    for j in range(first):
        R[j] = P[N + j]


@njit(**KERNEL)
def propagate(mode, friction, H, P, R, t, length, stiffness, C, product, tally):
    """Advance P and R by `length` with H frozen."""
    done = 0.0
    while done < length:
        left = length - done
        h = min(left, segment_length(mode, friction, stiffness, t + done))
        if left - h < 1e-13 * length:
            h = left
        h, degree = expand(mode, friction, stiffness, H, P, R, t + done, h, C, product)
        tally[1] += degree
        evaluate(mode, C, degree, 1.0, h, P, R)
        done += h


@njit(**KERNEL)
def preview(mode, friction, H, P, R, t, length, stiffness, C, product, tally, bound):
    """Advance P and R by `length` in four steps and record the largest |J| seen in `bound`."""
    for j in range(bound.shape[0]):
        bound[j] = 0.0
    for quarter in range(4):
        propagate(mode, friction, H, P, R, t + 0.25 * quarter * length, 0.25 * length, stiffness, C, product, tally)
        for j in range(bound.shape[0]):
            bound[j] = max(bound[j], abs(P[j]))


@njit(**KERNEL)
def first_root(c, degree, known):
    """Return the first root in (0, 1] of sum c_k s^k, or NO_ROOT; the first `known` coefficients are exactly zero.

    A root found is where the polynomial turns from positive to not positive. WRONG_WAY: it starts downwards although
    its leading zeros say that it just left zero.
    """
    low = known
    if low == 2 and degree > 2:
        largest = 0.0
        for k in range(2, degree + 1):
            largest = max(largest, abs(c[k]))
        if abs(c[2]) < 1e-9 * largest:
            low = 3
    if low == 0 and c[0] <= 0.0:
        return 0.0
    rest = 0.0
    for k in range(low + 1, degree + 1):
        rest += abs(c[k])
    if c[low] > rest:
        return NO_ROOT
    if c[low] <= 0.0:
        return WRONG_WAY
    left = 0.0
    value_left = c[low]
    for cell in range(1, 17):
        right = cell / 16.0
        value = c[degree]
        for k in range(degree - 1, low - 1, -1):
            value = value * right + c[k]
        if value <= 0.0:
            return polish(c, degree, low, left, value_left, right, value)
        left = right
        value_left = value
    return NO_ROOT


@njit(**KERNEL)
def polish(c, degree, low, left, value_left, right, value_right):
    """Return the root in (left, right] by Newton's method, safeguarded by bisection."""
    x = left + (right - left) * value_left / (value_left - value_right)
    for _ in range(100):
        value = c[degree]
        slope = 0.0
        for k in range(degree - 1, low - 1, -1):
            slope = slope * x + value
            value = value * x + c[k]
        if value > 0.0:
            left = x
        else:
            right = x
        trial = x - value / slope if slope != 0.0 else -1.0
        if not (left < trial < right):
            trial = 0.5 * (left + right)
        if abs(trial - x) <= 1e-16 + 4e-16 * x or right - left < 1e-17:
            return trial
        x = trial
    return x
