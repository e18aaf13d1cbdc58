"""Which gate can flip next? The watch list and what may vanish within a step.

Three nested lists keep an event from costing m n operations. The *watch list* holds every certificate that can vanish
on the horizon (chosen by `_relu_horizons`); a certificate is a linear functional, positive until its event,

    phi = offset + K.P[base : base + N]     base = 0 for a boundary (J, psi), N for the two ends of a mixture (Delta).

The *candidates* are those that can vanish within one macro step: the step is taken with H frozen, and a certificate is
a candidate unless it stays clear of zero by a margin times its largest change at a quarter, a half and the end of the
step. Only candidates are looked at in the *segments* between events, and of these only the ones that can have come near
zero: the last value less |K| times the path of the errors since then is a lower bound. A certificate seen to be
negative at the start of a segment was missed: the status LATE makes the driver repeat the horizon with wider margins.
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
    residual,
    write_certificate,
)
from odeflow.numeric._relu_taylor_kernels import NO_ROOT, WRONG_WAY, first_root, propagate

# How `advance` ended. CROWDED and SINGULAR come from the choice of a pattern.
REACHED, LATE, STUCK, FULL = 0, -1, -2, -3
# Slots of `control`: macro step, mean gap between events, events wanted per macro step, tolerated lateness, slack and
# margin of the candidate rule, capture amplitude, stiffness (largest eigenvalue of H).
STEP, GAP, TARGET, LATENESS, SLACK, MARGIN, AMPLITUDE, STIFFNESS = range(8)
# Slots of `tally`: segments, series orders, roots, wrong-way roots, candidates, captures, macro steps, events.
SEGMENTS, ORDERS, ROOTS, WRONG, CANDIDATES, CAPTURES, STEPS, EVENTS = range(8)

# Rows of `Scratch.row`: position, velocity, z(J), z(J') of the row; its velocity and Delta' before the event; work.
U, V, MIXED, MIXED_RATE, V_BEFORE, RATE_BEFORE, WORK = range(7)
LAST_EVENT, ZERO_RUN, MOVED = range(3)
# A certificate that is not at its zero: none of its Taylor coefficients is known to vanish.
AWAY = np.int64(0)
NONE = np.int64(0)
# Columns of the log.
TIME, NEURON, SAMPLE, OLD, NEW, SPEED, JUMP, MIRROR_JUMP = range(8)
LOG_COLUMNS = 8


class Watch(NamedTuple):
    """The watch list: certificates e = 0 .. capacity-1, linked by row."""

    row: Any  # int64; -1 for a free slot
    sample: Any  # int64
    kind: Any  # int64: BOUNDARY, LOWER, UPPER
    known: Any  # int64: leading Taylor coefficients that are exactly zero because the gate has just fired
    offset: Any  # float64
    size: Any  # float64, |K| without the psi component
    drift: Any  # float64, |K| of the psi component
    seen: Any  # float64, the value when it was last computed (-1: never) ...
    seen_path: Any  # float64, ... the path length of J or Delta by then ...
    seen_psi: Any  # float64, ... and psi then
    functional: Any  # (capacity, N) float64, K
    following: Any  # int64, next certificate of the same row, -1 at the end
    head: Any  # (m,) int64, first certificate of a row
    free: Any  # int64, stack of free slots
    used: Any  # (2,) int64: slots used so far, free slots among them
    candidates: Any  # int64


class Scratch(NamedTuple):
    """Working arrays of one horizon."""

    series: Any  # (DEGREE + 2, 2N)
    product: Any  # (DEGREE + 2, n)
    ends: Any  # (8, 2N): P and R at the end, P at a quarter and at the half, trial P and R
    polynomial: Any  # (DEGREE + 2,)
    row: Any  # (7, n) float64, see U, V, ... below
    before: Any  # (n,) int8: statuses before the event
    path: Any  # (7,): lengths of the paths of J and Delta so far, and what `measure_step` writes
    ahead: Any  # (3,): see `look_ahead`
    clock: Any  # (3,): time of the last event, run of zero-length steps, has time moved since the horizon began?


@njit(forceinline=True, **KERNEL)
def watch_gate(samples, rows, c, watch, r, i, kind, known, P):
    """Put one certificate on the list; return its slot, or -1 if the list is full. known > 0: it is zero now."""
    N = watch.functional.shape[1]
    if watch.used[1] > 0:
        watch.used[1] -= 1
        e = watch.free[watch.used[1]]
    else:
        if watch.used[0] == watch.row.shape[0]:
            return -1
        e = watch.used[0]
        watch.used[0] += 1
    K = watch.functional[e]
    write_certificate(samples, rows, c, r, i, kind, K)
    watch.row[e] = r
    watch.sample[e] = i
    watch.kind[e] = kind
    watch.known[e] = known
    watch.following[e] = watch.head[r]
    watch.head[r] = e
    total = 0.0
    for j in range(N):
        total += K[j] * K[j]
    watch.size[e] = np.sqrt(total)
    watch.drift[e] = 0.0
    watch.seen[e] = -1.0  # below zero: `least_value` cannot clear it before it is seen
    watch.seen_path[e] = 0.0
    watch.seen_psi[e] = 0.0
    watch.offset[e] = 0.0
    if kind == BOUNDARY:
        sign = 1.0 if rows.status[r, i] == ON else -1.0
        for j in range(N - 1):
            K[j] *= sign
        K[N - 1] = sign * rows.drift[r, i]
        watch.drift[e] = abs(K[N - 1])
        watch.offset[e] = sign * rows.position[r, i]
        if known > 0:
            now = 0.0
            for j in range(N):
                now += K[j] * P[j]
            watch.offset[e] = -now
    return e


@njit(**KERNEL)
def start_watching(samples, rows, outputs, watch, gate_rows, gate_samples, fresh, P):
    """Fill the list with the boundary of every chosen gate and both ends of every sliding gate; False if too small."""
    watch.head[:] = -1
    watch.used[:] = 0
    for q in range(gate_rows.shape[0]):
        r = gate_rows[q]
        i = gate_samples[q]
        if rows.status[r, i] == SLIDING:
            if watch_gate(samples, rows, outputs[r], watch, r, i, LOWER, AWAY, P) < 0:
                return False
            if watch_gate(samples, rows, outputs[r], watch, r, i, UPPER, AWAY, P) < 0:
                return False
        else:
            known = fresh if rows.position[r, i] == 0.0 and rows.drift[r, i] == 0.0 else AWAY
            if watch_gate(samples, rows, outputs[r], watch, r, i, BOUNDARY, known, P) < 0:
                return False
    return True


@njit(**KERNEL)
def least_value(watch, e, family, path, psi):
    """Return a lower bound of certificate e, from its value when last seen and what P has moved since."""
    lost = watch.size[e] * (path[family] - watch.seen_path[e]) + watch.drift[e] * abs(psi - watch.seen_psi[e])
    return watch.seen[e] - lost


@njit(**KERNEL)
def note_value(watch, e, family, path, psi, value):
    """Remember the value of certificate e."""
    watch.seen[e] = value
    watch.seen_path[e] = path[family]
    watch.seen_psi[e] = psi


@njit(**KERNEL)
def measure_step(P, R, ends, h, path):
    """Fill path[2:7]: bounds of the five changes in `is_candidate`, for J, Delta and psi, and |J|, |Delta| moved."""
    N = P.shape[0] // 2
    for family in range(2):
        base = family * N
        square = np.zeros(5)
        for j in range(base, base + N - 1):
            square[0] += (ends[0, j] - P[j]) ** 2
            square[1] += (ends[2, j] - P[j]) ** 2
            square[2] += (ends[3, j] - P[j]) ** 2
            square[3] += (0.2 * h * R[j]) ** 2
            square[4] += (0.4 * h * ends[1, j]) ** 2
        path[2 + family] = np.sqrt(square.max())
        path[5 + family] = np.sqrt(square[0])
    psi = N - 1
    path[4] = max(abs(ends[0, psi] - P[psi]), h * max(0.2 * abs(R[psi]), 0.4 * abs(ends[1, psi])))


@njit(**KERNEL)
def is_candidate(watch, e, P, R, ends, h, margin, share, path):
    """Say whether certificate e may vanish within the macro step that `ends` describes.

    It may if its value is below `margin` times its largest change at a quarter, the half and the end, or below its
    slopes at both ends, or below `share` of the change that the movement of P allows.
    """
    N = watch.functional.shape[1]
    family = 0 if watch.kind[e] == BOUNDARY else 1
    slack = share * watch.size[e] * path[5 + family]
    most = watch.size[e] * path[2 + family] + watch.drift[e] * path[4]
    if least_value(watch, e, family, path, P[N - 1]) > margin * most + slack:
        return False
    K = watch.functional[e]
    base = family * N
    now = watch.offset[e]
    change = 0.0
    quarter = 0.0
    half = 0.0
    slope = 0.0
    end_slope = 0.0
    for j in range(N):
        k = K[j]
        p = P[base + j]
        now += k * p
        change += k * (ends[0, base + j] - p)
        quarter += k * (ends[2, base + j] - p)
        half += k * (ends[3, base + j] - p)
        slope += k * R[base + j]
        end_slope += k * ends[1, base + j]
    note_value(watch, e, family, path, P[N - 1], now)
    largest = max(max(abs(change), abs(half)), abs(quarter))
    largest = max(largest, max(0.2 * h * abs(slope), 0.4 * h * abs(end_slope)))
    return now <= margin * largest + slack


@njit(**KERNEL)
def macro_step(mode, friction, t, h, H, P, R, watch, control, scratch, tally):
    """Preview a macro step of length at most h; return the length taken and the number of candidates.

    `scratch.ends[0:2]` is the state at its end if nothing happens. The step is halved while it has too many candidates.
    """
    ends = scratch.ends
    series = scratch.series
    stiffness = control[STIFFNESS]
    limit = int(8 * control[TARGET]) + 100
    shortest = 1e-12 * h
    while True:
        ends[0] = P
        ends[1] = R
        for part in range(3):
            begin = 0.25 * part * h
            length = 0.5 * h if part == 2 else 0.25 * h
            propagate(mode, friction, H, ends[0], ends[1], t + begin, length, stiffness, series, scratch.product, tally)
            if part < 2:
                ends[2 + part] = ends[0]
        measure_step(P, R, ends, h, scratch.path)
        nc = 0
        for e in range(watch.used[0]):
            if watch.row[e] < 0:
                continue
            if watch.known[e] > 0 or is_candidate(
                watch, e, P, R, ends, h, control[MARGIN], control[SLACK], scratch.path
            ):
                watch.candidates[nc] = e
                nc += 1
                if nc > limit and h > shortest:
                    break
        if nc <= limit or h <= shortest:
            tally[STEPS] += 1
            tally[CANDIDATES] += nc
            return h, nc
        h *= 0.5


@njit(**KERNEL)
def look_ahead(series, degree, ahead):
    """Bound what J, Delta and psi can move from the start of the segment: the sums of their Taylor coefficients."""
    N = series.shape[1] // 2
    ahead[:] = 0.0
    for k in range(1, degree + 1):
        for family in range(2):
            square = 0.0
            for j in range(family * N, family * N + N - 1):
                square += series[k, j] ** 2
            ahead[family] += np.sqrt(square)
        ahead[2] += abs(series[k, N - 1])


@njit(**KERNEL)
def earliest_event(mode, watch, nc, P, R, h, degree, lateness, scratch, tally):
    """Return where (0 < s <= 1) the first candidate vanishes on the segment, and which; e = -1 none, -2 LATE."""
    N = watch.functional.shape[1]
    trial_P = scratch.ends[4]
    trial_R = scratch.ends[5]
    ahead = scratch.ahead
    moved = scratch.clock[MOVED] > 0.0
    first = NO_ROOT
    winner = -1
    scale = 0.0
    for j in range(N, 2 * N):
        scale = max(scale, abs(P[j]))
    look_ahead(scratch.series, degree, ahead)
    for q in range(nc):
        e = watch.candidates[q]
        K = watch.functional[e]
        boundary = watch.kind[e] == BOUNDARY
        family = 0 if boundary else 1
        known = watch.known[e]
        most = watch.size[e] * ahead[family] + watch.drift[e] * ahead[2]
        if known == 0 and least_value(watch, e, family, scratch.path, P[N - 1]) > 1.01 * most:
            continue
        base = family * N
        start = watch.offset[e]
        end = watch.offset[e]
        slope = 0.0
        end_slope = 0.0
        for j in range(N):
            k = K[j]
            start += k * P[base + j]
            end += k * trial_P[base + j]
            slope += k * R[base + j]
            end_slope += k * trial_R[base + j]
        note_value(watch, e, family, scratch.path, P[N - 1], start)
        slope *= h
        end_slope *= h
        if known == 0 and start <= 0.0 and slope > 0.0 and boundary:
            known = 1  # rounding noise of a gate that has just left its boundary
        if known == 0:
            late = lateness if boundary else 1e-12 * scale
            if start < -late and (boundary or (mode == GRADIENT_FLOW and moved)):
                return 0.0, -2
        dips = slope < 0.0 and end_slope > 0.0 and 0.8 * start + 0.5 * slope < 0.0
        if end <= 0.0 or dips or (known == 0 and start <= 0.0):
            tally[ROOTS] += 1
            s = root_on_segment(K, base, start, degree, known, scratch)
            if s == WRONG_WAY:
                tally[WRONG] += 1
            elif s < first:
                first = s
                winner = e
    return first, winner


@njit(**KERNEL)
def root_on_segment(K, base, start, degree, known, scratch):
    """Return `first_root` of the certificate's polynomial on the segment."""
    c = scratch.polynomial
    c[0] = start
    for k in range(1, degree + 1):
        total = 0.0
        for j in range(K.shape[0]):
            total += K[j] * scratch.series[k, base + j]
        c[k] = total
    return first_root(c, degree, known)


@njit(**KERNEL)
def forget_row(watch, r, nc):
    """Take the certificates of row r off the list and out of the candidates; return how many candidates are left."""
    e = watch.head[r]
    while e >= 0:
        watch.row[e] = -1
        watch.free[watch.used[1]] = e
        watch.used[1] += 1
        e = watch.following[e]
    watch.head[r] = -1
    left = 0
    for q in range(nc):
        if watch.row[watch.candidates[q]] >= 0:
            watch.candidates[left] = watch.candidates[q]
            left += 1
    return left


@njit(**KERNEL)
def reach(mode, friction, samples, rows, c, r, j, bound, left, speed):
    """Bound how far u_rj can still move on the horizon, with |J| <= bound and `left` time to go."""
    total = 0.0
    for i in range(bound.shape[0]):
        if rows.status[r, i] != OFF:
            weight = bound[i]
            if rows.status[r, i] == SLIDING and samples.opposite[i] >= 0:
                weight += samples.ratio[i] * bound[samples.opposite[i]]
            total += samples.magnitude[j, i] * weight
    total *= 2.0 * abs(c)
    if mode == HEAVY_BALL:
        total += speed * min(left, 1.0 / friction)
    elif mode != GRADIENT_FLOW:
        total += speed * left
    return total


@njit(**KERNEL)
def watch_row(
    mode, friction, samples, rows, c, r, i, tangential, P, watch, nc, bound, left, left_step, control, scratch
):
    """Put the certificates of row r back after its event at gate i; return the number of candidates, -1 if full."""
    n = samples.gram.shape[0]
    alive = mode != GRADIENT_FLOW
    size_D = 0.0
    for j in range(n):
        alive = alive or rows.status[r, j] != OFF
        size_D += P[n + 1 + j] ** 2
    if not alive:
        return nc  # no active sample: the neuron never moves again, and rests exactly on its boundary
    slack = control[SLACK] * scratch.path[5]
    curve = 0.75 * np.sqrt(size_D) * left_step * left_step if mode != GRADIENT_FLOW else 0.0
    for j in range(n):
        if not samples.owner[j]:
            continue
        if rows.status[r, j] == SLIDING:
            for kind in (LOWER, UPPER):
                e = watch_gate(samples, rows, c, watch, r, j, kind, AWAY, P)
                if e < 0:
                    return -1
                watch.candidates[nc] = e
                nc += 1
            continue
        u = abs(scratch.row[U, j])
        speed = abs(scratch.row[V, j])
        fresh = j == i or rows.status[r, j] != scratch.before[j]
        if not fresh and u > reach(mode, friction, samples, rows, c, r, j, bound, left, speed):
            continue
        if rows.count[r] > 1 and residual(samples, rows, r, j) < 10.0 * DEPENDENT:
            continue  # u_rj = 0 as long as the row slides on these samples
        known = AWAY
        if fresh:
            known = 2 if j == i and tangential else 1
        e = watch_gate(samples, rows, c, watch, r, j, BOUNDARY, known, P)
        if e < 0:
            return -1
        if fresh or u <= control[MARGIN] * (speed * left_step + curve * watch.size[e]) + slack * watch.size[e]:
            watch.candidates[nc] = e
            nc += 1
    return nc


@njit(**KERNEL)
def leave_boundaries(watch, nc, P, rounding):
    """Forget that a candidate is at its zero, unless it has moved by rounding only: then it is still exactly there."""
    for q in range(nc):
        e = watch.candidates[q]
        if watch.known[e] > 0:
            value = watch.offset[e]
            for j in range(watch.functional.shape[1]):
                value += watch.functional[e, j] * P[j]
            if abs(value) <= rounding:
                watch.offset[e] -= value
            else:
                watch.known[e] = 0
