"""Whitened deep linear flows from balanced weights without steps, and the end-to-end flow by singular values.

These functions trust their arguments; `odeflow.numeric.linear_flow` checks them.
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Bool, Float
from scipy.integrate import solve_ivp
from scipy.linalg import solve
from scipy.special import digamma, expit, exprel, poch

from odeflow.errors import IntegrationError, InvalidArgumentError

__all__ = ["mode_values", "riccati_products", "singular_value_products"]

WORST_CONDITION = 1e12
SERIES_TERMS = 60
"""Both series of the time map converge at least like 2^-n."""


def riccati_products(
    first: Float[np.ndarray, "h d"],
    second: Float[np.ndarray, "k h"],
    target: Float[np.ndarray, "k d"],
    times: Float[np.ndarray, " t"],
) -> Float[np.ndarray, "t k d"]:
    """Solve W_1' = W_2^T (M - W_2 W_1), W_2' = (M - W_2 W_1) W_1^T for balanced weights and h = rank M.

    Q = [W_1^T; W_2] obeys Q' = F Q - Q Q^T Q / 2 with F = [[0, M^T], [M, 0]], whence

        Q Q^T = e^{Ft} Q_0 (I + Q_0^T (e^{2Ft} - I) / (2F) Q_0)^{-1} Q_0^T e^{Ft}

    The part of Q_0 on the growing directions of F is divided out, so that nothing here grows with t.
    """
    k, d = target.shape
    left, singular, right = np.linalg.svd(target)
    rank = int((singular > max(k, d) * np.finfo(float).eps * singular[0]).sum())
    if rank != first.shape[0]:
        raise InvalidArgumentError(
            f"Expected as many hidden neurons as the target has rank, {rank}, but got {first.shape[0]}. "
            "Use Method.LAYERS."
        )
    values = singular[:rank]
    root = np.sqrt(0.5)
    growing = root * np.vstack([right[:rank].T, left[:, :rank]])
    decaying = root * np.vstack([right[:rank].T, -left[:, :rank]])
    still_right = np.vstack([right[rank:].T, np.zeros((k, d - rank))])
    still_left = np.vstack([np.zeros((d, k - rank)), left[:, rank:]])
    still = np.hstack([still_right, still_left])
    start = np.vstack([first.T, second])
    up = growing.T @ start
    if np.linalg.cond(up) > WORST_CONDITION:
        raise InvalidArgumentError(
            "Expected initial weights that overlap every singular direction of the target but one is (nearly) missed, "
            "as it always is if W_e(0) and M have determinants of opposite signs. Use Method.LAYERS."
        )
    inverse = np.linalg.inv(up)
    ratio_down, ratio_still = decaying.T @ start @ inverse, still.T @ start @ inverse
    gram = inverse.T @ inverse
    out = np.empty((times.size, k, d))
    for number, t in enumerate(times):
        decay = np.exp(-values * t)
        # (1 - e^{-2 lambda t}) / (2 lambda), which is also (e^{2 l t} - 1) / (2 l) on the decaying side l = -lambda
        integral = t * exprel(-2.0 * values * t)
        inner = gram + ratio_down.T @ (integral[:, None] * ratio_down) + t * (ratio_still.T @ ratio_still)
        matrix = decay[:, None] * inner * decay + np.diag(integral)
        shape = growing + ((decaying * decay) @ ratio_down + still @ ratio_still) * decay
        product = shape @ solve(matrix, shape.T, assume_a="pos")
        out[number] = product[d:, :d]
    return out


def mode_values(
    start: Float[np.ndarray, " m"], target: Float[np.ndarray, " m"], depth: int, times: Float[np.ndarray, " t"]
) -> Float[np.ndarray, "t m"]:
    """Solve s' = N s^{2 - 2/N} (m - s) for 0 <= s(0) <= m, N >= 1, and for m = 0 from any s(0) >= 0.

    With z = s/m = 1/(1 + e^{-y}) and T the time map, y(t) solves T(y) = T(y_0) + m^{2 - 2/N} t.
    """
    if depth == 1:
        return np.asarray(target + (start - target) * np.exp(-times)[:, None])
    out = np.tile(np.where(start == target, target, 0.0), (times.size, 1))
    to_zero = (target == 0.0) & (start > 0.0)
    if to_zero.any():
        power = 2.0 - 2.0 / depth
        # s = s_0 (1 + (2N - 2) s_0^power t)^{-1/power}
        speed = (2.0 * depth - 2.0) * start[to_zero] ** power
        out[:, to_zero] = start[to_zero] * (1.0 + speed * times[:, None]) ** (-1.0 / power)
    moving: Bool[np.ndarray, " m"] = (start > 0.0) & (start < target)
    if moving.any():
        s, m = start[moving], target[moving]
        first = np.log(s) - np.log(m - s)
        y = _invert_time_map(first, m ** (2.0 - 2.0 / depth) * times[:, None], depth)
        out[:, moving] = m * expit(y)
    return out


def _invert_time_map(
    first: Float[np.ndarray, " m"], tau: Float[np.ndarray, "t m"], depth: int
) -> Float[np.ndarray, "t m"]:
    """Solve T(y) = T(first) + tau; T is concave, so Newton from the left climbs to the root and never passes it."""
    if depth == 2:
        return first + 2.0 * tau
    aim = _time_map(first, depth) + tau
    y = np.broadcast_to(first, tau.shape).copy()
    for _ in range(1000):
        slope = expit(y) ** (2.0 / depth - 1.0) / depth
        step = (aim - _time_map(y, depth)) / slope
        y += step
        if (np.abs(step) <= 1e-14 * (1.0 + np.abs(y))).all():
            return y
    # Rounding in T can keep the last steps alternating; they are then as small as T allows.
    return y


def _time_map(y: Float[np.ndarray, "*shape"], depth: int) -> Float[np.ndarray, "*shape"]:
    """Evaluate T(y) = -v^{-(N-2)}/(N-2) + int_0^v r/(1 - r^N) dr at v^N = z = 1/(1 + e^{-y}), for N > 2.

    The integral is (1/N) sum_n z^{n+b} / (n + b) with b = 2/N, and near z = 1 the expansion of 2F1(1, b; 1 + b; z) in
    1 - z, with its logarithm (Abramowitz and Stegun 15.3.10).
    """
    b = 2.0 / depth
    z, w = expit(y), expit(-y)
    n = np.arange(SERIES_TERMS)
    low = np.minimum(z, 0.5)
    small = low**b * np.polynomial.polynomial.polyval(low, 1.0 / (n + b)) / depth
    high = np.minimum(w, 0.5)
    weights = poch(b, n) / poch(1.0, n)
    constant = np.polynomial.polynomial.polyval(high, weights * (digamma(n + 1.0) - digamma(b + n)))
    # -log(1 - z), in which 1 - z may underflow
    logarithm = np.logaddexp(0.0, np.maximum(y, 0.0)) * np.polynomial.polynomial.polyval(high, weights)
    large = np.maximum(z, 0.5) ** b * (constant + logarithm) / depth
    return np.asarray(-(z ** -(1.0 - b)) / (depth - 2.0) + np.where(z < 0.5, small, large))


def singular_value_products(
    initial: Float[np.ndarray, "k d"],
    target: Float[np.ndarray, "k d"],
    moment: Float[np.ndarray, "d d"] | None,
    depth: int,
    times: Float[np.ndarray, " t"],
    rtol: float,
    atol: float,
    most: int,
) -> tuple[Float[np.ndarray, "t k d"], int]:
    """Integrate W' = U [K * (U^T G V)] V^T, G = M - W, with SciPy; return also how many evaluations, at most `most`.

    K_ab = sum_j s_a^{2(N-j)/N} s_b^{2(j-1)/N} over all pairs of directions, those of singular value 0 included.
    """
    k, d = initial.shape
    exponents = 2.0 * np.arange(depth) / depth
    evaluations = itertools.count(1)

    def field(t: float, y: Float[np.ndarray, " kd"]) -> Float[np.ndarray, " kd"]:
        if next(evaluations) > most:
            raise IntegrationError(
                f"The end-to-end flow is only at t={t:g} of {times[-1]:g} after {most} evaluations. Raise max_steps, "
                "shorten the time, or use Method.LAYERS."
            )
        W = y.reshape(k, d)
        G = target - (W if moment is None else W @ moment)
        left, singular, right = np.linalg.svd(W)
        s_left, s_right = np.zeros(k), np.zeros(d)
        s_left[: singular.size] = s_right[: singular.size] = singular
        kernel = (s_left[:, None] ** exponents[::-1]) @ (s_right[:, None] ** exponents).T
        turned: Float[np.ndarray, " kd"] = (left @ (kernel * (left.T @ G @ right.T)) @ right).ravel()
        return turned

    grid = times if times[0] == 0.0 else np.concatenate([[0.0], times])
    if grid.size == 1:
        return initial[None].copy(), 0
    run = solve_ivp(field, (0.0, grid[-1]), initial.ravel(), "DOP853", t_eval=grid, rtol=rtol, atol=atol)
    if not run.success:
        raise IntegrationError(f"The end-to-end flow stopped at t={run.t[-1]:g}: {run.message} Use Method.LAYERS.")
    return run.y.T[grid.size - times.size :].reshape(times.size, k, d), int(run.nfev)
