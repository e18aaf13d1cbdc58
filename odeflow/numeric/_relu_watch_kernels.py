"""Which gates can flip on a horizon? The watch list.

Three nested lists keep an event from costing m n operations. The *watch list* holds every certificate that can vanish
on the horizon (chosen by `_relu_horizons`); a certificate is a linear functional, positive until its event,

    phi = offset + K.P[base : base + N]     base = 0 for a boundary (J, psi), N for the two ends of a mixture (Delta).

Few of them need a look at a given moment. A certificate remembers its value and slope; the slope changes by no more
than |K| times the path of the rates R since then, and what that leaves of the value is a lower bound. K is written
when the certificate is first looked at; until then a bound of |K| stands in for it. The candidates for the next event
are chosen by `_relu_candidate_kernels`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from odeflow.numeric._relu_row_kernels import (
    BOUNDARY,
    DEPENDENT,
    GRADIENT_FLOW,
    HEAVY_BALL,
    KERNEL,
    LOWER,
    OFF,
    ON,
    SLIDING,
    UPPER,
    mix,
    residual,
    write_certificate,
)

# How `advance` ended. CROWDED and SINGULAR come from the choice of a pattern.
REACHED, LATE, STUCK, FULL = 0, -1, -2, -3
# Slots of `control`: macro step, mean gap between events, events wanted per macro step, tolerated lateness, slack and
# margin of the candidate rule, capture amplitude, stiffness (largest eigenvalue of H).
STEP, GAP, TARGET, LATENESS, SLACK, MARGIN, AMPLITUDE, STIFFNESS = range(8)
# Slots of `tally`: segments, series orders, roots, wrong-way roots, candidates, captures, macro steps, events.
SEGMENTS, ORDERS, ROOTS, WRONG, CANDIDATES, CAPTURES, STEPS, EVENTS = range(8)

# Rows of `Scratch.row`: position, velocity, z(J), z(J') of the row; its velocity and Delta' before the event; work.
U, V, MIXED, MIXED_RATE, V_BEFORE, RATE_BEFORE, WORK = range(7)
LAST_EVENT, ZERO_RUN, MOVED, NOW = range(4)
# A certificate that is not at its zero: none of its Taylor coefficients is known to vanish.
AWAY = np.int64(0)
NONE = np.int64(0)
# Columns of the log.
TIME, NEURON, SAMPLE, OLD, NEW, SPEED, JUMP, MIRROR_JUMP = range(8)
LOG_COLUMNS = 8


# Columns of `Watch.label`: row, sample, kind (BOUNDARY, LOWER, UPPER), number of leading Taylor coefficients that are
# exactly zero because the gate has just fired, next certificate of the row (-1 at the end), is the functional written?
ROW, GATE, KIND, KNOWN, FOLLOWING, WRITTEN = range(6)
# Columns of `Watch.number`: offset, |K| without the psi component (or a bound of it until K is written), |K| of the psi
# component; the value when it was last known (-1: never) and then its time derivative, the time since the start of the
# horizon, the path of J' or Delta', and psi'.
OFFSET, SIZE, DRIFT, SEEN, SLOPE, SINCE, TURN, FADE = range(8)


class Watch(NamedTuple):
    """The watch list: certificates e = 0 .. capacity-1, linked by row."""

    label: Any  # (capacity, 6) int64, row -1 for a free slot
    number: Any  # (capacity, 8) float64
    functional: Any  # (capacity, N) float64, K
    head: Any  # (m,) int64, first certificate of a row
    free: Any  # int64, stack of free slots
    used: Any  # (2,) int64: slots used so far, free slots among them
    candidates: Any  # int64


class Scratch(NamedTuple):
    """Working arrays of one horizon."""

    series: Any  # (DEGREE + 2, 2N)
    product: Any  # (DEGREE + 2, n)
    ends: Any  # (6, 2N): P and R at the end, P at a quarter and at the half, R there or trial P and R
    polynomial: Any  # (DEGREE + 2,)
    row: Any  # (7, n) float64, see U, V, ... below
    before: Any  # (n,) int8: statuses before the event
    path: Any  # (7,): lengths of the paths of J' and Delta' so far, and what `measure_step` writes
    ahead: Any  # (3,): see `look_ahead`
    clock: Any  # (4,): time of the last event, run of zero-length steps, has time moved since the horizon began?, time


@njit(**KERNEL)
def note_value(number, e, value, slope, now, turn, fade):
    """Remember value and slope of certificate e at time `now`, where its rates have a path `turn` and psi' = fade."""
    number[e, SEEN] = value
    number[e, SLOPE] = slope
    number[e, SINCE] = now
    number[e, TURN] = turn
    number[e, FADE] = fade


@njit(**KERNEL)
def watch_gate(label, number, head, free, used, r, i, kind, known, size, offset, drift):
    """Put one certificate on the list; return its slot, or -1 if the list is full."""
    if used[1] > 0:
        used[1] -= 1
        e = free[used[1]]
    else:
        if used[0] == label.shape[0]:
            return -1
        e = used[0]
        used[0] += 1
    label[e, ROW] = r
    label[e, GATE] = i
    label[e, KIND] = kind
    label[e, KNOWN] = known
    label[e, FOLLOWING] = head[r]
    label[e, WRITTEN] = 0
    head[r] = e
    number[e, OFFSET] = offset
    number[e, SIZE] = size
    number[e, DRIFT] = drift
    note_value(number, e, -1.0, 0.0, 0.0, 0.0, 0.0)  # below zero: nothing can clear it before it is seen
    return e


@njit(**KERNEL)
def bound_size(samples, rows, c, r, i, kind):
    """Bound |K| of a certificate (without psi) by the norms of the lines of G that it is made of."""
    sliding, inverse = rows.sliding, rows.inverse
    gram, norm = samples.gram, samples.norm
    k = rows.count[r]
    boundary = kind == BOUNDARY
    total = norm[i] if boundary else 0.0
    for q in range(k):
        weight = 0.0
        for p in range(k):
            if boundary:
                weight += gram[i, sliding[r, p]] * inverse[r, p, q]
            elif sliding[r, p] == i:
                weight = inverse[r, p, q]
        total += abs(weight) * norm[sliding[r, q]]
    if boundary:
        return abs(c) * total
    return total + (1.0 if kind == UPPER else samples.ratio[i])


@njit(**KERNEL)
def write_functional(samples, rows, c, watch, e):
    """Write K of certificate e, and |K|."""
    r = watch.label[e, ROW]
    i = watch.label[e, GATE]
    kind = watch.label[e, KIND]
    functional = watch.functional
    K = functional[e]
    N = K.shape[0]
    write_certificate(samples, rows, c, r, i, kind, K)
    total = 0.0
    for j in range(N):
        total += K[j] * K[j]
    watch.number[e, SIZE] = np.sqrt(total)
    if kind == BOUNDARY:
        sign = 1.0 if rows.status[r, i] == ON else -1.0
        for j in range(N - 1):
            K[j] *= sign
        K[N - 1] = sign * rows.drift[r, i]
    watch.label[e, WRITTEN] = 1


@njit(**KERNEL)
def put_at_zero(samples, rows, c, watch, e, P):
    """Give certificate e, known to vanish now, the offset with which it does."""
    write_functional(samples, rows, c, watch, e)
    functional = watch.functional
    now = 0.0
    for j in range(functional.shape[1]):
        now += functional[e, j] * P[j]
    watch.number[e, OFFSET] = -now


@njit(**KERNEL)
def start_watching(mode, samples, rows, outputs, watch, gate_rows, gate_samples, P, R, scratch):
    """Fill the list with the boundary of every chosen gate and both ends of every sliding gate; False if too small.

    Time is that of the start of the horizon, where values and slopes follow from the rows alone.
    """
    label, number, head, free, used = watch.label, watch.number, watch.head, watch.free, watch.used
    position, drift, status, count = rows.position, rows.drift, rows.status, rows.count
    gram, norm, opposite, ratio = samples.gram, samples.norm, samples.opposite, samples.ratio
    n = gram.shape[0]
    N = n + 1
    fresh = 1 if mode == GRADIENT_FLOW else 2
    z = scratch.row[WORK]
    z_rate = scratch.row[MIXED_RATE]
    head[:] = -1
    used[:] = 0
    last = -1
    for q in range(gate_rows.shape[0]):
        r = gate_rows[q]
        i = gate_samples[q]
        c = outputs[r]
        if r != last:
            last = r
            if count[r] > 0:
                mix(samples, rows, r, P[N : N + n], z)
                mix(samples, rows, r, R[N : N + n], z_rate)
            elif mode == GRADIENT_FLOW:
                for j in range(n):
                    z[j] = P[N + j] if status[r, j] == ON else 0.0
        if status[r, i] == SLIDING:
            sign = 1.0 if c > 0.0 else -1.0
            value = sign * z[i]
            slope = sign * z_rate[i]
            mirror = 0.0
            mirror_rate = 0.0
            o = opposite[i]
            if o >= 0:
                mirror = sign * ratio[i] * P[N + o]
                mirror_rate = sign * ratio[i] * R[N + o]
            size = bound_size(samples, rows, c, r, i, LOWER)
            e = watch_gate(label, number, head, free, used, r, i, LOWER, AWAY, size, 0.0, 0.0)
            if e < 0:
                return False
            note_value(number, e, value + mirror, slope + mirror_rate, 0.0, 0.0, R[n])
            size = bound_size(samples, rows, c, r, i, UPPER)
            e = watch_gate(label, number, head, free, used, r, i, UPPER, AWAY, size, 0.0, 0.0)
            if e < 0:
                return False
            note_value(number, e, sign * P[N + i] - value, sign * R[N + i] - slope, 0.0, 0.0, R[n])
            continue
        size = abs(c) * norm[i] if count[r] == 0 else bound_size(samples, rows, c, r, i, BOUNDARY)
        sign = 1.0 if status[r, i] == ON else -1.0
        u = position[r, i]
        known = fresh if u == 0.0 and drift[r, i] == 0.0 else AWAY
        e = watch_gate(label, number, head, free, used, r, i, BOUNDARY, known, size, sign * u, abs(drift[r, i]))
        if e < 0:
            return False
        if known > 0:
            put_at_zero(samples, rows, c, watch, e, P)
        slope = drift[r, i] * R[n]
        if mode == GRADIENT_FLOW:
            for j in range(n):
                slope -= c * gram[i, j] * z[j]
        note_value(number, e, sign * u, sign * slope, 0.0, 0.0, R[n])
    return True


@njit(**KERNEL)
def forget_row(watch, r, nc):
    """Take the certificates of row r off the list and out of the candidates; return how many candidates are left."""
    label, free, used, candidates = watch.label, watch.free, watch.used, watch.candidates
    e = watch.head[r]
    while e >= 0:
        label[e, ROW] = -1
        free[used[1]] = e
        used[1] += 1
        e = label[e, FOLLOWING]
    watch.head[r] = -1
    left = 0
    for q in range(nc):
        if label[candidates[q], ROW] >= 0:
            candidates[left] = candidates[q]
            left += 1
    return left


@njit(**KERNEL)
def weigh_reach(samples, rows, r, bound, out):
    """Fill out with bounds of |z_r(J)|: those of J on gates that are not off, with the mirror image on sliding ones."""
    status = rows.status
    for i in range(out.shape[0]):
        out[i] = bound[i] if status[r, i] != OFF else 0.0
    for p in range(rows.count[r]):
        s = rows.sliding[r, p]
        if samples.opposite[s] >= 0:
            out[s] += samples.ratio[s] * bound[samples.opposite[s]]


@njit(**KERNEL)
def watch_row(
    mode, friction, samples, rows, c, r, i, tangential, P, R, watch, nc, bound, left, left_step, control, scratch
):
    """Put the certificates of row r back after its event at gate i; return the number of candidates, -1 if full.

    bound holds bounds of |J| on the horizon, and of sum_i |G_ji| |z(J)_i| for any pattern.
    """
    label, number, head, free, used = watch.label, watch.number, watch.head, watch.free, watch.used
    candidates = watch.candidates
    position, drift, status = rows.position, rows.drift, rows.status
    magnitude, norm, owner = samples.magnitude, samples.norm, samples.owner
    before, U_row, V_row, weight = scratch.before, scratch.row[U], scratch.row[V], scratch.row[WORK]
    n = magnitude.shape[0]
    active = 0
    size_D = 0.0
    for j in range(n):
        active += 1 if status[r, j] != OFF else 0
        size_D += P[n + 1 + j] ** 2
    if mode == GRADIENT_FLOW and active == 0:
        return nc  # no active sample: the neuron never moves again, and rests exactly on its boundary
    count = rows.count[r]
    margin = control[MARGIN]
    slack = control[SLACK] * scratch.path[5]
    now = scratch.clock[NOW]
    turn = scratch.path[0]
    curve = 0.75 * np.sqrt(size_D) * left_step * left_step if mode != GRADIENT_FLOW else 0.0
    coasting = 0.0 if mode == GRADIENT_FLOW else left  # how long the present speed lasts
    if mode == HEAVY_BALL:
        coasting = min(left, 1.0 / friction)
    weigh_reach(samples, rows, r, bound[0], weight)
    for j in range(n):
        if not owner[j]:
            continue
        if status[r, j] == SLIDING:
            for kind in (LOWER, UPPER):
                size = bound_size(samples, rows, c, r, j, kind)
                e = watch_gate(label, number, head, free, used, r, j, kind, AWAY, size, 0.0, 0.0)
                if e < 0:
                    return -1
                candidates[nc] = e
                nc += 1
            continue
        u = abs(U_row[j])
        speed = abs(V_row[j])
        fresh = j == i or status[r, j] != before[j]
        if not fresh:
            left_over = u - speed * coasting  # what the forces have to make up for, with a factor of two
            if left_over > 2.0 * abs(c) * bound[1, j]:
                continue
            reach = 0.0
            for k in range(n):
                reach += magnitude[j, k] * weight[k]
            if left_over > 2.0 * abs(c) * reach:
                continue
        if count > 1 and residual(samples, rows, r, j) < 10.0 * DEPENDENT:
            continue  # u_rj = 0 as long as the row slides on these samples
        known = AWAY
        if fresh:
            known = 2 if j == i and tangential else 1
        sign = 1.0 if status[r, j] == ON else -1.0
        size = abs(c) * norm[j] if count == 0 else bound_size(samples, rows, c, r, j, BOUNDARY)
        offset = sign * position[r, j]
        e = watch_gate(label, number, head, free, used, r, j, BOUNDARY, known, size, offset, abs(drift[r, j]))
        if e < 0:
            return -1
        if fresh:
            put_at_zero(samples, rows, c, watch, e, P)
        else:
            note_value(number, e, sign * U_row[j], sign * V_row[j], now, turn, R[n])
            if u > margin * (speed * left_step + curve * size) + slack * size:
                continue
        candidates[nc] = e
        nc += 1
    return nc


@njit(**KERNEL)
def leave_boundaries(watch, nc, P, rounding):
    """Forget that a candidate is at its zero, unless it has moved by rounding only: then it is still exactly there."""
    label, number, functional, candidates = watch.label, watch.number, watch.functional, watch.candidates
    for q in range(nc):
        e = candidates[q]
        if label[e, KNOWN] > 0:
            value = number[e, OFFSET]
            for j in range(functional.shape[1]):
                value += functional[e, j] * P[j]
            if abs(value) <= rounding:
                number[e, OFFSET] -= value
            else:
                label[e, KNOWN] = 0
