"""Which gates can flip on a horizon, and where are all rows at its end? Passes over the m x n arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from odeflow.numeric._relu_event_kernels import advance
from odeflow.numeric._relu_row_kernels import (
    DEPENDENT,
    GRADIENT_FLOW,
    KERNEL,
    OFF,
    ON,
    SLIDING,
    Rows,
    Samples,
    mix,
    mix_all,
    residual,
    resolve,
)
from odeflow.numeric._relu_taylor_kernels import DEGREE, preview
from odeflow.numeric._relu_watch_kernels import LOG_COLUMNS, Scratch, Watch

# Rows that `compose` brings forward together: their working arrays stay in the cache.
BLOCK = 64


@njit(**KERNEL)
def select_gates(mode, samples, rows, outputs, bound, psi, at_rest, gate_rows, gate_samples):
    """List the gates that can get to u = 0 on the horizon, and all sliding ones; return how many there are.

    The forces change u by at most |c_r| |G| z where z bounds |z_r(J)|; the present speed by at most 1.1 psi |u'|.
    bound[0] bounds |J|, bound[1] |G| |z_r(J)| for any pattern without sliding gates.
    `at_rest`: leave out gates that are exactly at zero (first step of Nesterov's flow, where nothing can return yet).
    The lists may be too short for the number returned: then only their length was filled.
    """
    position, drift, status, count = rows.position, rows.drift, rows.status, rows.count
    magnitude, owner = samples.magnitude, samples.owner
    m, n = position.shape
    weight = np.empty(n)
    left = np.empty(n)
    found = 0
    for r in range(m):
        c = abs(outputs[r])
        slides = count[r] > 0
        if mode == GRADIENT_FLOW:
            for j in range(n):
                left[j] = abs(position[r, j])
        else:
            for j in range(n):
                left[j] = abs(position[r, j]) - 1.1 * psi * abs(drift[r, j])
        near = 0
        for j in range(n):
            near += 1 if left[j] <= 1.2 * c * bound[1, j] else 0
        if near == 0 and not slides:
            continue
        active = 0
        for j in range(n):
            active += 1 if status[r, j] != OFF else 0
            weight[j] = 1.2 * bound[0, j] if status[r, j] == ON else 0.0
        if mode == GRADIENT_FLOW and active == 0:
            continue
        if slides:
            weigh_sliding(samples, rows, r, bound[0], weight)
        for j in range(n):
            if not slides and left[j] > 1.2 * c * bound[1, j]:
                continue
            if status[r, j] != SLIDING:
                if not owner[j]:
                    continue
                reach = 0.0
                for i in range(n):
                    reach += magnitude[j, i] * weight[i]
                if left[j] > c * reach:
                    continue
                if at_rest and position[r, j] == 0.0:
                    continue
                if count[r] > 1 and residual(samples, rows, r, j) < 10.0 * DEPENDENT:
                    continue
            elif at_rest:
                continue
            if found < gate_rows.shape[0]:
                gate_rows[found] = r
                gate_samples[found] = j
            found += 1
    return found


@njit(**KERNEL)
def weigh_sliding(samples, rows, r, bound, out):
    """Write bounds on |z_r(J)| of the sliding gates: 4 times those of J, with its mirror image."""
    for p in range(rows.count[r]):
        s = rows.sliding[r, p]
        o = samples.opposite[s]
        mirror = samples.ratio[s] * bound[o] if o >= 0 else 0.0
        out[s] = 4.8 * (bound[s] + mirror)


@njit(**KERNEL)
def push_rows(samples, rows, values, low, high, mixed, pushed, narrow):
    """Fill mixed = z(values) and pushed = z(values) G for the rows low .. high."""
    block = mixed[: high - low]
    mix_all(samples, rows, values, low, block)
    if samples.factor.shape[1] == 0:
        np.dot(block, samples.gram, pushed[: high - low])
        return
    np.dot(block, samples.factor, narrow[: high - low])
    np.dot(narrow[: high - low], samples.factor.T, pushed[: high - low])


@njit(**KERNEL)
def compose(mode, samples, outputs, rows, P, R, work, narrow):
    """Bring `rows` to the end of the horizon; return the largest |u| on the wrong side of zero, and the largest |u|.

    Afterwards drift is u' and push the coefficients of the velocity, so that the next horizon starts with psi = 0,
    psi' = 1. The working arrays hold BLOCK rows.
    """
    position, drift, shift, push = rows.position, rows.drift, rows.shift, rows.push
    status, count = rows.status, rows.count
    mixed, pushed, mixed_rate, pushed_rate = work[0], work[1], work[2], work[3]
    m, n = position.shape
    psi = P[n]
    psi_rate = R[n]
    worst = 0.0
    largest = 0.0
    for low in range(0, m, BLOCK):
        high = min(low + BLOCK, m)
        push_rows(samples, rows, P[:n], low, high, mixed, pushed, narrow)
        if mode != GRADIENT_FLOW:
            push_rows(samples, rows, R[:n], low, high, mixed_rate, pushed_rate, narrow)
        for r in range(low, high):
            c = outputs[r]
            b = r - low
            if mode == GRADIENT_FLOW:
                for j in range(n):
                    position[r, j] -= c * pushed[b, j]
                    shift[r, j] += mixed[b, j]
            else:
                for j in range(n):
                    position[r, j] += drift[r, j] * psi - c * pushed[b, j]
                    shift[r, j] += push[r, j] * psi + mixed[b, j]
                    drift[r, j] = drift[r, j] * psi_rate - c * pushed_rate[b, j]
                    push[r, j] = push[r, j] * psi_rate + mixed_rate[b, j]
            if count[r] > 0:
                rest_on_boundaries(samples, rows, r)
            news = 0
            for j in range(n):  # a count, because a maximum of floats is not vectorised
                u = position[r, j]
                wrong = -u if status[r, j] == ON else (u if status[r, j] == OFF else 0.0)
                news += 1 if wrong > worst or abs(u) > largest else 0
            if news > 0:
                for j in range(n):
                    u = position[r, j]
                    largest = max(largest, abs(u))
                    if status[r, j] == ON:
                        worst = max(worst, -u)
                    elif status[r, j] == OFF:
                        worst = max(worst, u)
    return worst, largest


@njit(**KERNEL)
def worst_mixture(samples, rows, outputs, errors, z):
    """Return how far the mixture of a sliding gate is outside its bounds at most, as a share of the largest error."""
    count, sliding = rows.count, rows.sliding
    scale = 1e-300
    for j in range(errors.shape[0]):
        scale = max(scale, abs(errors[j]))
    worst = 0.0
    for r in range(count.shape[0]):
        if count[r] == 0:
            continue
        mix(samples, rows, r, errors, z)
        sign = 1.0 if outputs[r] > 0.0 else -1.0
        for p in range(count[r]):
            s = sliding[r, p]
            mirror = 0.0
            if samples.opposite[s] >= 0:
                mirror = samples.ratio[s] * errors[samples.opposite[s]]
            worst = max(worst, max(-sign * (z[s] + mirror), sign * (z[s] - errors[s])))
    return worst / scale


@njit(**KERNEL)
def rest_on_boundaries(samples, rows, r):
    """Put the sliding gates of row r exactly on their boundaries, at rest."""
    for p in range(rows.count[r]):
        s = rows.sliding[r, p]
        rows.position[r, s] = 0.0
        rows.drift[r, s] = 0.0
        if samples.opposite[s] >= 0:
            rows.position[r, samples.opposite[s]] = 0.0
            rows.drift[r, samples.opposite[s]] = 0.0


def new_watch(m: int, n: int, capacity: int) -> Watch:
    """Return an empty watch list."""
    return Watch(
        label=np.empty((capacity, 6), np.int64),
        number=np.empty((capacity, 8)),
        functional=np.empty((capacity, n + 1)),
        head=np.empty(m, np.int64),
        free=np.empty(capacity, np.int64),
        used=np.zeros(2, np.int64),
        candidates=np.empty(capacity, np.int64),
    )


def new_scratch(n: int) -> Scratch:
    """Return the working arrays for n merged samples."""
    return Scratch(
        series=np.zeros((DEGREE + 2, 2 * n + 2)), product=np.zeros((DEGREE + 2, n)), ends=np.zeros((6, 2 * n + 2)),
        polynomial=np.zeros(DEGREE + 2), row=np.zeros((7, n)), before=np.zeros(n, np.int8), path=np.zeros(7),
        ahead=np.zeros(3), clock=np.zeros(4),
    )


def new_rows(position: np.ndarray, slots: int) -> Rows:
    """Return rows at rest at the given pre-activations, with room for `slots` sliding gates each."""
    m, n = position.shape
    return Rows(
        position=position,
        drift=np.zeros((m, n)),
        shift=np.zeros((m, n)),
        push=np.zeros((m, n)),
        status=(position > 0.0).astype(np.int8),
        count=np.zeros(m, np.int64),
        sliding=np.zeros((m, slots), np.int64),
        inverse=np.zeros((m, slots, slots)),
    )


def warm() -> None:
    """Compile every kernel of the ReLU flow by one tiny horizon with the arrays the driver passes."""
    n, m = 2, 2
    gram = np.eye(n)
    ones = np.ones(n)
    samples = Samples(gram, np.abs(gram), np.full(n, -1), np.zeros(n), np.ones(n, np.bool_), ones, gram[:, :1].copy())
    outputs = np.full(m, 0.5)
    rows = new_rows(np.array([[1.0, -1.0], [0.5, 0.0]]), 2)
    H = np.eye(n)
    P = np.concatenate([np.zeros(n + 1), [1.0, -1.0, 0.0]])
    R = np.zeros(2 * n + 2)
    R[n + 1 : 2 * n + 1] = -H @ P[n + 1 : 2 * n + 1]
    errors = P[n + 1 : 2 * n + 1].copy()
    resolve(samples, rows, 0.5, 1, np.array([1]), 1, errors)
    scratch = new_scratch(n)
    bound = np.zeros((2, n))
    tally = np.zeros(8)
    preview(GRADIENT_FLOW, 1.0, H, P.copy(), R.copy(), 0.0, 0.1, 1.0, scratch.series, scratch.product, tally, bound[0])
    gates = np.zeros(4, np.int64)
    select_gates(GRADIENT_FLOW, samples, rows, outputs, bound, 0.0, False, gates, gates.copy())
    control = np.array([0.1, -1.0, 30.0, 1e-12, 0.02, 2.0, 1e-8, 1.0])
    chosen = gates[:1]
    watch = new_watch(m, n, 64)
    advance(
        GRADIENT_FLOW, 1.0, 0.0, 0.1, samples, outputs, rows, H, P, R, bound, watch, chosen, chosen.copy(), control,
        scratch, np.zeros((16, LOG_COLUMNS)), tally, 10,
    )
    mix_all(samples, rows, P[:n], 0, np.empty((m, n)))
    worst_mixture(samples, rows, outputs, errors, scratch.row[0])
    compose(GRADIENT_FLOW, samples, outputs, rows, P, R, np.empty((4, BLOCK, n)), np.empty((BLOCK, 1)))
