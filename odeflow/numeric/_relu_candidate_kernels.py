"""Which certificate of the watch list vanishes next?

The *candidates* are those that can vanish within one macro step: the step is taken with H frozen, and a certificate is
a candidate unless it stays clear of zero by a margin times its largest change at a quarter, a half and the end of the
step. Only candidates are looked at in the *segments* between events, and of these only the ones whose lower bound
reaches zero before the first root found so far. A certificate seen to be negative at the start of a segment was missed:
the status LATE makes the driver repeat the horizon with wider margins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from odeflow.numeric._relu_row_kernels import BOUNDARY, GRADIENT_FLOW, KERNEL
from odeflow.numeric._relu_taylor_kernels import NO_ROOT, WRONG_WAY, first_root, propagate
from odeflow.numeric._relu_watch_kernels import (
    CANDIDATES,
    DRIFT,
    FADE,
    KIND,
    KNOWN,
    MARGIN,
    MOVED,
    NOW,
    OFFSET,
    ROOTS,
    ROW,
    SEEN,
    SINCE,
    SIZE,
    SLACK,
    SLOPE,
    STEPS,
    STIFFNESS,
    TARGET,
    TURN,
    WRITTEN,
    WRONG,
    note_value,
    write_functional,
)


@njit(**KERNEL)
def distance(a, b, start, end):
    """Return the Euclidean distance of a and b between the indices."""
    total = 0.0
    for j in range(start, end):
        total += (a[j] - b[j]) ** 2
    return np.sqrt(total)


@njit(**KERNEL)
def measure_step(P, R, ends, path):
    """Fill path[2:7]: the largest changes of J', Delta' and psi' on the macro step, and |J|, |Delta| moved."""
    N = P.shape[0] // 2
    for family in range(2):
        low = family * N
        high = low + N - 1
        turn = max(distance(ends[4], R, low, high), distance(ends[5], R, low, high))
        path[2 + family] = max(turn, distance(ends[1], R, low, high))
        path[5 + family] = distance(ends[0], P, low, high)
    path[4] = abs(ends[1, N - 1] - R[N - 1])


@njit(**KERNEL)
def change_on_step(functional, e, base, P, R, ends, h):
    """Return value (less the offset) and slope of certificate e, and its largest change on the macro step.

    That is the largest at a quarter, the half and the end, but not below what the slopes at both ends suggest.
    """
    value = 0.0
    slope = 0.0
    quarter = 0.0
    half = 0.0
    change = 0.0
    end_slope = 0.0
    for j in range(functional.shape[1]):
        k = functional[e, j]
        p = P[base + j]
        value += k * p
        slope += k * R[base + j]
        quarter += k * (ends[2, base + j] - p)
        half += k * (ends[3, base + j] - p)
        change += k * (ends[0, base + j] - p)
        end_slope += k * ends[1, base + j]
    largest = max(max(abs(change), abs(half)), abs(quarter))
    return value, slope, max(largest, max(0.2 * h * abs(slope), 0.4 * h * abs(end_slope)))


@njit(**KERNEL)
def list_candidates(samples, rows, outputs, watch, P, R, ends, h, margin, share, now, path, limit):
    """List the certificates that may vanish within the macro step that `ends` describes; stop after `limit` of them.

    One may if its value is below `margin` times its change on the step, or below `share` of the change that the
    movement of P allows.
    """
    label, number, functional, candidates = watch.label, watch.number, watch.functional, watch.candidates
    N = functional.shape[1]
    nc = 0
    for e in range(watch.used[0]):
        if label[e, ROW] < 0:
            continue
        if label[e, KNOWN] == 0:
            family = 0 if label[e, KIND] == BOUNDARY else 1
            size = number[e, SIZE]
            slack = share * size * path[5 + family]
            turned = size * (path[family] - number[e, TURN]) + number[e, DRIFT] * abs(number[e, FADE] - R[N - 1])
            steepest = abs(number[e, SLOPE]) + turned + size * path[2 + family] + number[e, DRIFT] * path[4]
            least = number[e, SEEN] + (number[e, SLOPE] - turned) * (now - number[e, SINCE])
            if least > margin * h * steepest + slack:
                continue
            if label[e, WRITTEN] == 0:
                write_functional(samples, rows, outputs[label[e, ROW]], watch, e)
            value, slope, change = change_on_step(functional, e, family * N, P, R, ends, h)
            value += number[e, OFFSET]
            note_value(number, e, value, slope, now, path[family], R[N - 1])
            if value > margin * change + slack:
                continue
        candidates[nc] = e
        nc += 1
        if nc > limit:
            break
    return nc


@njit(**KERNEL)
def macro_step(mode, friction, t, h, samples, rows, outputs, H, P, R, watch, control, scratch, tally):
    """Preview a macro step of length at most h; return the length taken and the number of candidates.

    `scratch.ends[0:2]` is the state at its end if nothing happens. The step is halved while it has too many candidates.
    """
    ends = scratch.ends
    series = scratch.series
    stiffness = control[STIFFNESS]
    now = scratch.clock[NOW]
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
                ends[4 + part] = ends[1]
        measure_step(P, R, ends, scratch.path)
        most = limit if h > shortest else watch.used[0]
        nc = list_candidates(
            samples, rows, outputs, watch, P, R, ends, h, control[MARGIN], control[SLACK], now, scratch.path, most
        )
        if nc <= limit or h <= shortest:
            tally[STEPS] += 1
            tally[CANDIDATES] += nc
            return h, nc
        h *= 0.5


@njit(**KERNEL)
def look_ahead(mode, R, trial_R, series, degree, h, ahead):
    """Bound how far J', Delta' and psi' get from R on the segment.

    In gradient flow every mode moves one way, so that they are never farther than at the end; otherwise the sums of
    the Taylor coefficients are bounds.
    """
    N = series.shape[1] // 2
    ahead[:] = 0.0
    if mode == GRADIENT_FLOW:
        ahead[0] = distance(R, trial_R, 0, N - 1)
        ahead[1] = distance(R, trial_R, N, 2 * N - 1)
        return
    for k in range(2, degree + 1):
        for family in range(2):
            square = 0.0
            for j in range(family * N, family * N + N - 1):
                square += series[k, j] ** 2
            ahead[family] += k / h * np.sqrt(square)
        ahead[2] += k / h * abs(series[k, N - 1])


@njit(**KERNEL)
def least_value(number, e, now, length, turn, fade):
    """Return a lower bound of certificate e from `now` to now + length.

    turn bounds the path of the rates until then, fade the change of psi' since it was last seen.
    """
    slope = number[e, SLOPE] - number[e, SIZE] * (turn - number[e, TURN]) - number[e, DRIFT] * fade
    passed = now - number[e, SINCE]
    return number[e, SEEN] + slope * (passed + length if slope < 0.0 else passed)


@njit(**KERNEL)
def root_on_segment(functional, e, base, start, degree, known, series, c):
    """Return `first_root` of the certificate's polynomial on the segment; c is working space."""
    c[0] = start
    for k in range(1, degree + 1):
        total = 0.0
        for j in range(functional.shape[1]):
            total += functional[e, j] * series[k, base + j]
        c[k] = total
    return first_root(c, degree, known)


@njit(**KERNEL)
def earliest_event(mode, samples, rows, outputs, watch, nc, P, R, h, degree, lateness, scratch, tally):
    """Return where (0 < s <= 1) the first candidate vanishes on the segment, and which; e = -1 none, -2 LATE."""
    label, number, functional, candidates = watch.label, watch.number, watch.functional, watch.candidates
    N = functional.shape[1]
    trial_P = scratch.ends[4]
    trial_R = scratch.ends[5]
    path = scratch.path
    ahead = scratch.ahead
    now = scratch.clock[NOW]
    moved = scratch.clock[MOVED] > 0.0
    first = NO_ROOT
    window = h  # nothing after the first root found so far matters
    winner = -1
    scale = 0.0
    for j in range(N, 2 * N):
        scale = max(scale, abs(P[j]))
    look_ahead(mode, R, trial_R, scratch.series, degree, h, ahead)
    for q in range(nc):
        e = candidates[q]
        boundary = label[e, KIND] == BOUNDARY
        family = 0 if boundary else 1
        known = label[e, KNOWN]
        turn = path[family] + 1.01 * ahead[family]
        fade = 1.01 * ahead[2]
        if known == 0 and least_value(number, e, now, window, turn, abs(number[e, FADE] - R[N - 1]) + fade) > 0.0:
            continue
        if label[e, WRITTEN] == 0:
            write_functional(samples, rows, outputs[label[e, ROW]], watch, e)
        base = family * N
        start = number[e, OFFSET]
        end = start
        slope = 0.0
        end_slope = 0.0
        for j in range(N):
            k = functional[e, j]
            start += k * P[base + j]
            end += k * trial_P[base + j]
            slope += k * R[base + j]
            end_slope += k * trial_R[base + j]
        note_value(number, e, start, slope, now, path[family], R[N - 1])
        if known == 0 and start <= 0.0 and slope > 0.0 and boundary:
            known = 1  # rounding noise of a gate that has just left its boundary
        if known == 0:
            late = lateness if boundary else 1e-12 * scale
            if start < -late and (boundary or (mode == GRADIENT_FLOW and moved)):
                return 0.0, -2
            if least_value(number, e, now, window, turn, fade) > 0.0:
                continue
        slope *= h
        end_slope *= h
        dips = slope < 0.0 and end_slope > 0.0 and 0.8 * start + 0.5 * slope < 0.0
        if end <= 0.0 or dips or (known == 0 and start <= 0.0):
            tally[ROOTS] += 1
            s = root_on_segment(functional, e, base, start, degree, known, scratch.series, scratch.polynomial)
            if s == WRONG_WAY:
                tally[WRONG] += 1
            elif s < first:
                first = s
                winner = e
                window = s * h
    return first, winner
