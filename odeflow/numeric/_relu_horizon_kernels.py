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
    mix_all,
    residual,
    resolve,
)
from odeflow.numeric._relu_taylor_kernels import DEGREE, preview
from odeflow.numeric._relu_watch_kernels import LOG_COLUMNS, Scratch, Watch


@njit(**KERNEL)
def weigh(samples, outputs, rows, bound, out):
    """Fill out_r with |c_r| times a bound on |z_r(J)|: 1.2 bound on active gates, 4 times it on sliding ones."""
    m, n = out.shape
    for r in range(m):
        c = abs(outputs[r])
        for j in range(n):
            status = rows.status[r, j]
            if status == OFF:
                out[r, j] = 0.0
            elif status == ON:
                out[r, j] = 1.2 * c * bound[j]
            else:
                o = samples.opposite[j]
                mirror = samples.ratio[j] * bound[o] if o >= 0 else 0.0
                out[r, j] = 4.8 * c * (bound[j] + mirror)


@njit(**KERNEL)
def select_gates(mode, samples, rows, reach, psi, at_rest, gate_rows, gate_samples):
    """List the gates that can get to u = 0 on the horizon, and all sliding ones; return how many there are.

    reach (m, n) bounds the change of u that the forces can make; 1.1 psi |u'| the change at the present speed.
    `at_rest`: leave out gates that are exactly at zero (first step of Nesterov's flow, where nothing can return yet).
    The lists may be too short for the number returned: then only their length was filled.
    """
    m, n = reach.shape
    found = 0
    for r in range(m):
        alive = mode != GRADIENT_FLOW
        for j in range(n):
            alive = alive or rows.status[r, j] != OFF
        if not alive:
            continue
        for j in range(n):
            if rows.status[r, j] != SLIDING:
                u = abs(rows.position[r, j])
                if u > reach[r, j] + 1.1 * psi * abs(rows.drift[r, j]) or not samples.owner[j]:
                    continue
                if at_rest and u == 0.0:
                    continue
                if rows.count[r] > 1 and residual(samples, rows, r, j) < 10.0 * DEPENDENT:
                    continue
            elif at_rest:
                continue
            if found < gate_rows.shape[0]:
                gate_rows[found] = r
                gate_samples[found] = j
            found += 1
    return found


@njit(**KERNEL)
def compose(mode, samples, outputs, rows, mixed, pushed, mixed_rate, pushed_rate, psi, psi_rate):
    """Bring `rows` to the end of the horizon; return the largest |u| on the wrong side of zero.

    mixed = z(J), pushed = z(J) G, and the same for J' (not looked at for gradient flow). Afterwards drift is u' and
    push the coefficients of the velocity, so that the next horizon starts with psi = 0, psi' = 1.
    """
    m, n = mixed.shape
    worst = 0.0
    for r in range(m):
        c = outputs[r]
        for j in range(n):
            u = rows.position[r, j] - c * pushed[r, j]
            rows.shift[r, j] += mixed[r, j]
            if mode != GRADIENT_FLOW:
                u += rows.drift[r, j] * psi
                rows.shift[r, j] += rows.push[r, j] * psi
                rows.drift[r, j] = rows.drift[r, j] * psi_rate - c * pushed_rate[r, j]
                rows.push[r, j] = rows.push[r, j] * psi_rate + mixed_rate[r, j]
            rows.position[r, j] = u
        for p in range(rows.count[r]):
            s = rows.sliding[r, p]
            rows.position[r, s] = 0.0
            rows.drift[r, s] = 0.0
            if samples.opposite[s] >= 0:
                rows.position[r, samples.opposite[s]] = 0.0
                rows.drift[r, samples.opposite[s]] = 0.0
        for j in range(n):
            u = rows.position[r, j]
            if rows.status[r, j] == ON:
                worst = max(worst, -u)
            elif rows.status[r, j] == OFF:
                worst = max(worst, u)
    return worst


def new_watch(m: int, n: int, capacity: int) -> Watch:
    """Return an empty watch list."""
    return Watch(
        row=np.empty(capacity, np.int64),
        sample=np.empty(capacity, np.int64),
        kind=np.empty(capacity, np.int64),
        known=np.zeros(capacity, np.int64),
        offset=np.empty(capacity),
        size=np.empty(capacity),
        drift=np.empty(capacity),
        seen=np.empty(capacity),
        seen_path=np.empty(capacity),
        seen_psi=np.empty(capacity),
        functional=np.empty((capacity, n + 1)),
        following=np.empty(capacity, np.int64),
        head=np.empty(m, np.int64),
        free=np.empty(capacity, np.int64),
        used=np.zeros(2, np.int64),
        candidates=np.empty(capacity, np.int64),
    )


def new_scratch(n: int) -> Scratch:
    """Return the working arrays for n merged samples."""
    return Scratch(
        series=np.zeros((DEGREE + 2, 2 * n + 2)),
        product=np.zeros((DEGREE + 2, n)),
        ends=np.zeros((6, 2 * n + 2)),
        polynomial=np.zeros(DEGREE + 2),
        row=np.zeros((7, n)),
        before=np.zeros(n, np.int8),
        path=np.zeros(7),
        ahead=np.zeros(3),
        clock=np.zeros(3),
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
    samples = Samples(gram, np.abs(gram), np.full(n, -1), np.zeros(n), np.ones(n, np.bool_))
    outputs = np.full(m, 0.5)
    rows = new_rows(np.array([[1.0, -1.0], [0.5, 0.0]]), 2)
    H = np.eye(n)
    P = np.concatenate([np.zeros(n + 1), [1.0, -1.0, 0.0]])
    R = np.zeros(2 * n + 2)
    R[n + 1 : 2 * n + 1] = -H @ P[n + 1 : 2 * n + 1]
    errors = P[n + 1 : 2 * n + 1].copy()
    resolve(samples, rows, 0.5, 1, np.array([1]), 1, errors)
    scratch = new_scratch(n)
    bound = np.zeros(n)
    tally = np.zeros(8)
    work = np.empty((m, n))
    preview(GRADIENT_FLOW, 1.0, H, P.copy(), R.copy(), 0.0, 0.1, 1.0, scratch.series, scratch.product, tally, bound)
    weigh(samples, outputs, rows, bound, work)
    gates = np.zeros(4, np.int64)
    select_gates(GRADIENT_FLOW, samples, rows, work, 0.0, False, gates, gates.copy())
    control = np.array([0.1, -1.0, 30.0, 1e-12, 0.02, 2.0, 1e-8, 1.0])
    chosen = gates[:1]
    watch = new_watch(m, n, 64)
    advance(
        GRADIENT_FLOW, 1.0, 0.0, 0.1, samples, outputs, rows, H, P, R, bound, watch, chosen, chosen.copy(), control,
        scratch, np.zeros((16, LOG_COLUMNS)), tally, 10,
    )
    mix_all(samples, rows, P[:n], work)
    compose(GRADIENT_FLOW, samples, outputs, rows, work, work, work, work, 0.0, 0.0)
