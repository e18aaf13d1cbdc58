"""What happens at an event, and how do events follow each other until the end of a horizon?

`fire` lets the row of the vanished certificate choose its next pattern, changes H and Delta' accordingly and expresses
the row in the new pattern; no other row is touched, for they feel the event only through Delta. `advance` runs macro
steps, `run_events` the segments between events, on the lists of `_relu_watch_kernels` and `_relu_candidate_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from odeflow.numeric._relu_candidate_kernels import distance, earliest_event, macro_step
from odeflow.numeric._relu_row_kernels import (
    BOUNDARY,
    CAPTURED,
    GRADIENT_FLOW,
    KERNEL,
    LOWER,
    OFF,
    ON,
    add_kernel,
    apply_gram,
    change_kernel,
    leave_sliding,
    mix,
    settle_gradient_flow,
    settle_second_order,
)
from odeflow.numeric._relu_taylor_kernels import (
    evaluate,
    expand,
    segment_length,
)
from odeflow.numeric._relu_watch_kernels import (
    AMPLITUDE,
    CAPTURES,
    EVENTS,
    FULL,
    GAP,
    GATE,
    JUMP,
    KIND,
    LAST_EVENT,
    LATE,
    LATENESS,
    MIRROR_JUMP,
    MIXED,
    MIXED_RATE,
    MOVED,
    NEURON,
    NEW,
    NONE,
    NOW,
    OLD,
    ORDERS,
    RATE_BEFORE,
    REACHED,
    ROW,
    SAMPLE,
    SEGMENTS,
    SPEED,
    STEP,
    STIFFNESS,
    STUCK,
    TARGET,
    TIME,
    V_BEFORE,
    WORK,
    ZERO_RUN,
    U,
    V,
    forget_row,
    leave_boundaries,
    start_watching,
    watch_row,
)


@njit(**KERNEL)
def move(P, R, new_P, new_R, path):
    """Put P and R at their new values, and add the displacements of J' and Delta' to the paths."""
    N = P.shape[0] // 2
    path[0] += distance(R, new_R, 0, N - 1)
    path[1] += distance(R, new_R, N, 2 * N - 1)
    P[:] = new_P
    R[:] = new_R


@njit(**KERNEL)
def row_state(samples, rows, c, r, P, R, scratch):
    """Write the position, velocity, z_r(J) and z_r(J') of row r into the scratch."""
    n = samples.gram.shape[0]
    position, drift = rows.position, rows.drift
    u = scratch.row[U]
    v = scratch.row[V]
    mix(samples, rows, r, P[:n], scratch.row[MIXED])
    mix(samples, rows, r, R[:n], scratch.row[MIXED_RATE])
    for j in range(n):
        u[j] = position[r, j] + drift[r, j] * P[n]
        v[j] = drift[r, j] * R[n]
    apply_gram(samples, -c, scratch.row[MIXED], u)
    apply_gram(samples, -c, scratch.row[MIXED_RATE], v)


@njit(**KERNEL)
def rebase_flowing_row(samples, rows, c, r, i, P, scratch):
    """Express a row of gradient flow, whose position and old z(J) are in the scratch, in its new pattern.

    Afterwards the scratch holds its new velocity, and zero for the position of the gate that had the event. Both are
    computed anew: what is left of cancelled terms would decide where a row at w = 0 goes.
    """
    n = samples.gram.shape[0]
    z, mixed = scratch.row[WORK], scratch.row[MIXED]
    u, v = scratch.row[U], scratch.row[V]
    position, shift = rows.position[r], rows.shift[r]
    mix(samples, rows, r, P[n + 1 : 2 * n + 1], z)
    v[:] = 0.0
    apply_gram(samples, -c, z, v)
    u[i] = 0.0
    if samples.opposite[i] >= 0:
        u[samples.opposite[i]] = 0.0
    mix(samples, rows, r, P[:n], z)
    for j in range(n):
        position[j] = u[j]
        shift[j] += mixed[j] - z[j]
    apply_gram(samples, c, z, position)


@njit(**KERNEL)
def rebase_row(samples, rows, c, r, P, R, scratch):
    """Express row r, whose position, velocity and old z(J), z(J') are in the scratch, in its new pattern."""
    n = samples.gram.shape[0]
    z, mixed, mixed_rate = scratch.row[WORK], scratch.row[MIXED], scratch.row[MIXED_RATE]
    u, v = scratch.row[U], scratch.row[V]
    position, drift, shift, push = rows.position[r], rows.drift[r], rows.shift[r], rows.push[r]
    psi = P[n]
    psi_rate = R[n]
    for j in range(n):
        shift[j] += push[j] * psi + mixed[j]
        mixed_rate[j] += push[j] * psi_rate
        drift[j] = 0.0
        push[j] = 0.0
    if psi_rate != 0.0:
        mix(samples, rows, r, R[:n], z)
        for j in range(n):
            drift[j] = v[j]
            push[j] = (mixed_rate[j] - z[j]) / psi_rate
        apply_gram(samples, c, z, drift)
        for j in range(n):
            drift[j] /= psi_rate
    mix(samples, rows, r, P[:n], z)
    for j in range(n):
        position[j] = u[j] - drift[j] * psi
        shift[j] -= push[j] * psi + z[j]
    apply_gram(samples, c, z, position)


@njit(**KERNEL)
def stop_sliding_velocity(samples, rows, c, r, scratch):
    """Remove from the row's velocity its part along the sliding samples, v -= G_S^T G_SS^{-1} v_S."""
    gram = samples.gram
    v = scratch.row[V]
    k = rows.count[r]
    part = np.zeros(k)
    for p in range(k):
        for q in range(k):
            part[p] += rows.inverse[r, p, q] * v[rows.sliding[r, q]]
    for p in range(k):
        s = rows.sliding[r, p]
        scratch.row[MIXED_RATE, s] += part[p] / c
        for j in range(v.shape[0]):
            v[j] -= part[p] * gram[s, j]
    for p in range(k):
        s = rows.sliding[r, p]
        v[s] = 0.0
        if samples.opposite[s] >= 0:
            v[samples.opposite[s]] = 0.0


@njit(**KERNEL)
def update_rates(samples, rows, c, r, R, scratch):
    """Give Delta' its value after the event: Delta_j' += c_r (change of A_rj u_rj')."""
    n = samples.gram.shape[0]
    N = n + 1
    before, status = scratch.before, rows.status
    v_before, v = scratch.row[V_BEFORE], scratch.row[V]
    square = 0.0
    for j in range(n):
        was = v_before[j] if before[j] == ON else 0.0
        now = v[j] if status[r, j] == ON else 0.0
        jump = c * (now - was)
        R[N + j] += jump
        square += jump * jump
    scratch.path[1] += np.sqrt(square)


@njit(**KERNEL)
def fire(mode, samples, outputs, e, H, P, R, rows, watch, control, scratch, tally):
    """Carry out the event of certificate e: new pattern, H, Delta' and row. Returns CHOSEN, CAPTURED or a failure."""
    n = samples.gram.shape[0]
    r = watch.label[e, ROW]
    i = watch.label[e, GATE]
    c = outputs[r]
    errors = P[n + 1 : 2 * n + 1]
    row_state(samples, rows, c, r, P, R, scratch)
    scratch.before[:] = rows.status[r]
    scratch.row[V_BEFORE] = scratch.row[V]
    scratch.row[RATE_BEFORE] = R[n + 1 : 2 * n + 1]
    slid = rows.count[r] > 0
    if slid:
        add_kernel(samples, rows.status[r], rows.count[r], rows.sliding[r], rows.inverse[r], -c * c, H)
    if watch.label[e, KIND] != BOUNDARY:
        outcome = leave_sliding(samples, rows, r, i, OFF if watch.label[e, KIND] == LOWER else ON)
    elif mode == GRADIENT_FLOW:
        outcome = settle_gradient_flow(samples, rows, c, r, i, errors)
    else:
        outcome = settle_second_order(samples, rows, c, r, i, errors, scratch.row[V, i], control[AMPLITUDE])
    if outcome > CAPTURED:
        return outcome
    if outcome == CAPTURED:
        tally[CAPTURES] += 1
        stop_sliding_velocity(samples, rows, c, r, scratch)
    if not slid and rows.count[r] == 0:
        change_kernel(samples, scratch.before, rows.status[r], c * c, H)
    else:
        if not slid:
            add_kernel(samples, scratch.before, NONE, rows.sliding[r], rows.inverse[r], -c * c, H)
        add_kernel(samples, rows.status[r], rows.count[r], rows.sliding[r], rows.inverse[r], c * c, H)
    if mode == GRADIENT_FLOW:
        rebase_flowing_row(samples, rows, c, r, i, P, scratch)
    update_rates(samples, rows, c, r, R, scratch)
    if mode != GRADIENT_FLOW:
        scratch.row[U, i] = 0.0
        if samples.opposite[i] >= 0:
            scratch.row[U, samples.opposite[i]] = 0.0
        rebase_row(samples, rows, c, r, P, R, scratch)
    return outcome


@njit(**KERNEL)
def record(samples, rows, r, now, R, scratch, log, logged):
    """Append one line for every gate of row r that changed its status; return the number of lines."""
    n = samples.gram.shape[0]
    for j in range(n):
        if not samples.owner[j] or rows.status[r, j] == scratch.before[j]:
            continue
        o = samples.opposite[j]
        log[logged, TIME] = now
        log[logged, NEURON] = r
        log[logged, SAMPLE] = j
        log[logged, OLD] = scratch.before[j]
        log[logged, NEW] = rows.status[r, j]
        log[logged, SPEED] = abs(scratch.row[V_BEFORE, j])
        log[logged, JUMP] = R[n + 1 + j] - scratch.row[RATE_BEFORE, j]
        log[logged, MIRROR_JUMP] = R[n + 1 + o] - scratch.row[RATE_BEFORE, o] if o >= 0 else 0.0
        logged += 1
    return logged


@njit(**KERNEL)
def step_to_event(mode, friction, t, left, samples, rows, outputs, H, P, R, watch, nc, control, scratch, tally):
    """Take one segment, at most `left` long, or stop at the first event in it; return length, fraction, certificate."""
    h = min(left, segment_length(mode, friction, control[STIFFNESS], t))
    if control[GAP] > 0.0:
        h = min(h, max(3.0 * control[GAP], 1e-10 * left))
    if left - h < 1e-13 * left:
        h = left
    h, degree = expand(mode, friction, control[STIFFNESS], H, P, R, t, h, scratch.series, scratch.product)
    tally[SEGMENTS] += 1
    tally[ORDERS] += degree
    evaluate(mode, scratch.series, degree, 1.0, h, scratch.ends[4], scratch.ends[5])
    s, e = earliest_event(mode, samples, rows, outputs, watch, nc, P, R, h, degree, control[LATENESS], scratch, tally)
    if e == -2:
        return h, 0.0, e
    if e < 0:
        s = 1.0
    else:
        evaluate(mode, scratch.series, degree, s, h, scratch.ends[4], scratch.ends[5])
    move(P, R, scratch.ends[4], scratch.ends[5], scratch.path)
    if s > 0.0:
        scratch.clock[MOVED] = 1.0
        scratch.clock[ZERO_RUN] = 0.0
        leave_boundaries(watch, nc, P, 1e-3 * control[LATENESS])
    else:
        scratch.clock[ZERO_RUN] += 1.0
    return h, s, e


@njit(**KERNEL)
def run_events(
    mode, friction, start, t, end, length, samples, outputs, rows, H, P, R, bound, watch, nc, control, scratch, log,
    logged, tally, budget,
):
    """Step from event to event until `end`; return status, time, events, lines logged."""
    n = samples.gram.shape[0]
    fired = 0
    while t < end and fired < budget and (log.shape[0] == 0 or logged + n <= log.shape[0]):
        h, s, e = step_to_event(
            mode, friction, start + t, end - t, samples, rows, outputs, H, P, R, watch, nc, control, scratch, tally
        )
        if e == -2:
            return LATE, t, fired, logged
        t = end if s == 1.0 and h == end - t else t + s * h
        scratch.clock[NOW] = t
        if e < 0:
            if control[GAP] > 0.0 and t - scratch.clock[LAST_EVENT] > 3.0 * control[GAP]:
                control[GAP] = min(2.0 * control[GAP], length)
            continue
        if scratch.clock[ZERO_RUN] > 4 * n + 4:
            return STUCK, t, fired, logged
        gap = t - scratch.clock[LAST_EVENT]
        control[GAP] = gap if control[GAP] <= 0.0 else 0.8 * control[GAP] + 0.2 * gap
        scratch.clock[LAST_EVENT] = t
        r = watch.label[e, ROW]
        i = watch.label[e, GATE]
        tangential = watch.label[e, KIND] != BOUNDARY
        outcome = fire(mode, samples, outputs, e, H, P, R, rows, watch, control, scratch, tally)
        if outcome > CAPTURED:
            return outcome, t, fired, logged
        fired += 1
        if log.shape[0] > 0:
            logged = record(samples, rows, r, start + t, R, scratch, log, logged)
        nc = forget_row(watch, r, nc)
        nc = watch_row(
            mode, friction, samples, rows, outputs[r], r, i, tangential, P, R, watch, nc, bound, length - t, end - t,
            control, scratch,
        )
        if nc < 0:
            return FULL, t, fired, logged
    return REACHED, t, fired, logged


@njit(**KERNEL)
def advance(
    mode, friction, start, length, samples, outputs, rows, H, P, R, bound, watch, gate_rows, gate_samples, control,
    scratch, log, tally, budget,
):
    """Run a horizon of the given length from time `start`, at most `budget` events; return status, time, events, lines.

    On entry P is zero but for Delta, R holds the rates at `start`. `rows` is rewritten for the rows that had events.
    """
    if not start_watching(mode, samples, rows, outputs, watch, gate_rows, gate_samples, P, R, scratch):
        return FULL, 0.0, 0, 0
    scratch.clock[:] = 0.0
    scratch.path[:] = 0.0
    t = 0.0
    events = 0
    logged = np.int64(0)
    n = samples.gram.shape[0]
    while t < length and events < budget and (log.shape[0] == 0 or logged + n <= log.shape[0]):
        wanted = min(control[STEP], length - t)
        if length - t - wanted < 1e-12 * length:
            wanted = length - t
        h, nc = macro_step(
            mode, friction, start + t, wanted, samples, rows, outputs, H, P, R, watch, control, scratch, tally
        )
        fired = 0
        end = length if h == length - t else t + h
        if nc == 0:
            move(P, R, scratch.ends[0], scratch.ends[1], scratch.path)
            scratch.clock[MOVED] = 1.0
            t = end
            scratch.clock[NOW] = t
        else:
            status, t, fired, logged = run_events(
                mode, friction, start, t, end, length, samples, outputs, rows, H, P, R, bound, watch, nc, control,
                scratch, log, logged, tally, budget - events,
            )
            events += fired
            if status != REACHED:
                return status, t, events, logged
        adapt_macro_step(mode, h, nc, fired, control)
    tally[EVENTS] += events
    return REACHED, t, events, logged


@njit(**KERNEL)
def adapt_macro_step(mode, h, nc, fired, control):
    """Aim at `control[TARGET]` events in the next macro step."""
    if fired == 0:
        if h >= control[STEP]:
            control[STEP] *= 1.6
    else:
        factor = min(1.6, max(0.4, control[TARGET] / fired))
        if h >= control[STEP] or factor < 1.0:
            control[STEP] = h * factor
    if mode != GRADIENT_FLOW:
        control[STEP] = min(control[STEP], 1.6 / np.sqrt(control[STIFFNESS]))
    elif nc > 0:
        control[STEP] = min(control[STEP], 50.0 / control[STIFFNESS])
