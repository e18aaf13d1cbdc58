"""DOP853 for a field behind a C address: compiled once a machine, never once a field.

Statuses, counts and the meaning of every array are those of `odeflow.numeric.integrate`, which checks what comes in
here. `work` holds the stages and all scratch vectors of one trajectory; its rows are named below.
"""

# mypy: ignore-errors
# The compiler checks the types of @njit code.

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from odeflow.numeric._integrate_tableau import E3, E5, STAGES, STAGES_DENSE, A, C, D

__all__ = ["COUNTS", "WORK_ROWS", "integrate_many", "integrate_one", "interpolate", "warm"]

COMPLETED, STOPPED, STEP_TOO_SMALL, NOT_FINITE, TOO_MANY_STEPS, BAD_START = range(6)

STEPS, REJECTED, EVALUATIONS, REACHED, RECORDS = range(5)
COUNTS = 5

# Rows of `work`: stages 0..15, seven coefficients of the dense output, then three vectors.
DENSE, STATE, NEXT, SCRATCH = STAGES_DENSE, STAGES_DENSE + 7, STAGES_DENSE + 8, STAGES_DENSE + 9
WORK_ROWS = STAGES_DENSE + 10

# Typed integers: a literal would make Numba compile `combine` once more.
LAST, ALL = np.int64(STAGES), np.int64(STAGES_DENSE)

EPSILON = 2.0**-52
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
DENSE_SLACK, RELAX = 10.0, 1.02
SUBINTERVALS = 8
"""Pieces of a step at whose ends event functions are sampled."""
ROOTS_PER_STEP = 3 * SUBINTERVALS
SLOPE = 1e-3
"""Distance from the ends of a step, in steps, at which event functions are sampled once more for their slopes."""

FAST = {"reassoc", "contract", "nsz"}


@intrinsic
def call_field(typingctx, address, t, y, parameters, out):
    """Call `void f(double, double *, double *, double *)` at an address known at run time only."""
    signature = types.void(types.int64, types.float64, y, parameters, out)

    def generate(context, builder, signature, args):
        pointers = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[2:], args[2:], strict=True)
        ]
        function = ir.FunctionType(ir.VoidType(), [args[1].type, *(pointer.type for pointer in pointers)])
        builder.call(builder.inttoptr(args[0], function.as_pointer()), [args[1], *pointers])
        return context.get_dummy_value()

    return signature, generate


@njit(cache=True, nogil=True, error_model="numpy")
def copy(source, target):
    """target = source."""
    for i in range(source.size):
        target[i] = source[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def combine(table, row, columns, h, base, stages, out):
    """out = base + h sum_j table[row, j] stages[j]."""
    n = base.size
    for i in range(n):
        out[i] = base[i]
    for j in range(columns):
        a = h * table[row, j]
        if a != 0.0:
            stage = stages[j]
            for i in range(n):
                out[i] += a * stage[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def first_step(address, parameters, t, work, rtol, atol, longest):
    """Guess a first step from two evaluations (Hairer, Norsett, Wanner, section II.4); work[0] is the first one."""
    y, scratch, f0, f1 = work[STATE], work[SCRATCH], work[0], work[1]
    n = y.size
    size = 0.0
    slope = 0.0
    for i in range(n):
        scale = atol + rtol * abs(y[i])
        size += (y[i] / scale) ** 2
        slope += (f0[i] / scale) ** 2
    size = np.sqrt(size / n)
    slope = np.sqrt(slope / n)
    h = 1e-6 if size < 1e-5 or slope < 1e-5 else 0.01 * size / slope
    h = min(h, longest)
    for i in range(n):
        scratch[i] = y[i] + h * f0[i]
    call_field(address, t + h, scratch, parameters, f1)
    bend = 0.0
    for i in range(n):
        scale = atol + rtol * abs(y[i])
        bend += ((f1[i] - f0[i]) / scale) ** 2
    bend = np.sqrt(bend / n) / h
    steepest = max(slope, bend)
    if not np.isfinite(steepest):
        return h * 1e-3
    second = max(1e-6, h * 1e-3) if steepest <= 1e-15 else (0.01 / steepest) ** 0.125
    return min(100.0 * h, min(second, longest))


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def attempt_step(address, parameters, t, h, work, rtol, atol):
    """Make a step from work[STATE] to work[NEXT]; return its scaled error (NaN if the field was not finite)."""
    y, new, scratch = work[STATE], work[NEXT], work[SCRATCH]
    n = y.size
    for s in range(1, STAGES):
        combine(A, s, s, h, y, work, scratch)
        call_field(address, t + C[s] * h, scratch, parameters, work[s])
    combine(A, LAST, LAST, h, y, work, new)
    call_field(address, t + h, new, parameters, work[STAGES])
    e3, e5, final = work[DENSE], scratch, work[STAGES]
    for i in range(n):
        e3[i], e5[i] = 0.0, 0.0
    for j in range(STAGES):
        stage, a3, a5 = work[j], E3[j], E5[j]
        if a3 != 0.0 or a5 != 0.0:
            for i in range(n):
                e3[i] += a3 * stage[i]
                e5[i] += a5 * stage[i]
    error3 = 0.0
    error5 = 0.0
    sound = 0.0
    for i in range(n):
        scale = atol + rtol * max(abs(y[i]), abs(new[i]))
        error3 += (e3[i] / scale) ** 2
        error5 += (e5[i] / scale) ** 2
        sound += 0.0 * final[i] + 0.0 * new[i]  # NaN from the first entry on that is not finite
    if sound != 0.0:
        return np.nan
    mixed = error5 + 0.01 * error3
    return 0.0 if mixed == 0.0 else abs(h) * error5 / np.sqrt(mixed * n)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def prepare_dense(address, parameters, t, h, work, rtol, atol):
    """Spend three evaluations on the dense output from work[STATE] to work[NEXT]; return its scaled error.

    The last coefficient of the polynomial alone overrates the error where the step is short (it is of order 7, the
    error of order 8); there its extrapolation from the last two is right. The factors are fitted to y' = z y.
    """
    y, new, scratch = work[STATE], work[NEXT], work[SCRATCH]
    n = y.size
    for s in range(STAGES + 1, STAGES_DENSE):
        combine(A, s, s, h, y, work, scratch)
        call_field(address, t + C[s] * h, scratch, parameters, work[s])
    for i in range(n):
        rise = new[i] - y[i]
        work[DENSE, i] = rise
        work[DENSE + 1, i] = h * work[0, i] - rise
        work[DENSE + 2, i] = 2.0 * rise - h * (work[STAGES, i] + work[0, i])
        scratch[i] = 0.0
    for q in range(4):
        combine(D, q, ALL, h, scratch, work, work[DENSE + 3 + q])
    sixth = 0.0
    last = 0.0
    for i in range(n):
        scale = atol + rtol * max(abs(y[i]), abs(new[i]))
        sixth += (work[DENSE + 5, i] / scale) ** 2
        last += (work[DENSE + 6, i] / scale) ** 2
    # Largest values of x^3 (1-x)^3 and x^4 (1-x)^3.
    sixth, last = np.sqrt(sixth / n) / 64.0, np.sqrt(last / n) * 0.0084
    return min(0.14 * last, last * last / sixth) if sixth > 0.0 else 0.14 * last


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def interpolate(work, x, out):
    """Evaluate the dense output at the fraction x of the step."""
    y, rest = work[STATE], 1.0 - x
    d0, d1, d2, d3 = work[DENSE], work[DENSE + 1], work[DENSE + 2], work[DENSE + 3]
    d4, d5, d6 = work[DENSE + 4], work[DENSE + 5], work[DENSE + 6]
    for i in range(y.size):
        high = ((d6[i] * x + d5[i]) * rest + d4[i]) * x + d3[i]
        out[i] = y[i] + (((high * rest + d2[i]) * x + d1[i]) * rest + d0[i]) * x


@njit(cache=True, nogil=True, error_model="numpy")
def sample_events(event_address, parameters, t, h, work, x, values):
    """Evaluate all event functions on the dense output at the fraction x of the step."""
    interpolate(work, x, work[SCRATCH])
    call_field(event_address, t + x * h, work[SCRATCH], parameters, values)


@njit(cache=True, nogil=True, error_model="numpy")
def bisect(event_address, parameters, t, h, work, event, left, right, left_sign, values):
    """Find where one event function leaves the sign it has at `left`."""
    for _ in range(60):
        middle = 0.5 * (left + right)
        if middle <= left or middle >= right:
            break
        sample_events(event_address, parameters, t, h, work, middle, values)
        if np.sign(values[event]) == left_sign:
            left = middle
        else:
            right = middle
    return right


@njit(cache=True, nogil=True, error_model="numpy")
def find_dip(event_address, parameters, t, h, work, event, left, right, sign, values):
    """Search between `left` and `right` for a place where sign * g <= 0 (golden section); return -1 for none."""
    ratio = 0.6180339887498949
    a, b = right - ratio * (right - left), left + ratio * (right - left)
    sample_events(event_address, parameters, t, h, work, a, values)
    at_a = sign * values[event]
    sample_events(event_address, parameters, t, h, work, b, values)
    at_b = sign * values[event]
    for _ in range(40):
        if at_a <= 0.0:
            return a
        if at_b <= 0.0:
            return b
        if at_a < at_b:
            right, b, at_b = b, a, at_a
            a = right - ratio * (right - left)
            sample_events(event_address, parameters, t, h, work, a, values)
            at_a = sign * values[event]
        else:
            left, a, at_a = a, b, at_b
            b = left + ratio * (right - left)
            sample_events(event_address, parameters, t, h, work, b, values)
            at_b = sign * values[event]
    return -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def locate_events(event_address, parameters, t, h, work, final, directions, signs, samples, values, places, kinds):
    """Find the events of one step in order of time; return how many. A zero at the very end counts if `final`.

    `signs` carries each function's last sign from step to step; `samples` is (SUBINTERVALS + 3, e), its first row the
    values at the start. A root goes to `places` (fraction of the step) and `kinds` ((index + 1) * direction).
    """
    last = SUBINTERVALS
    for m in range(1, last + 1):
        sample_events(event_address, parameters, t, h, work, m / last, samples[m])
    sample_events(event_address, parameters, t, h, work, SLOPE, samples[last + 1])
    sample_events(event_address, parameters, t, h, work, 1.0 - SLOPE, samples[last + 2])
    count = 0
    for e in range(directions.size):
        sign = signs[e]
        left = 0.0
        first = count
        for m in range(1, last + 1):
            x = m / last
            here = np.sign(samples[m, e])
            if sign * here > 0.0:
                before, now = abs(samples[m - 1, e]), abs(samples[m, e])
                # Two zeros hide between equal signs only if |g| has a dip: falling on the left, rising on the right.
                falls = abs(samples[last + 1, e]) < before if m == 1 else abs(samples[m - 2, e]) >= before
                rises = now > abs(samples[last + 2, e]) if m == last else abs(samples[m + 1, e]) >= now
                dip = -1.0
                if falls and rises and left == (m - 1) / last:
                    dip = find_dip(event_address, parameters, t, h, work, e, left, x, sign, values)
                if dip >= 0.0 and count + 2 <= places.size:
                    inside = bisect(event_address, parameters, t, h, work, e, left, dip, sign, values)
                    outside = bisect(event_address, parameters, t, h, work, e, dip, x, -sign, values)
                    places[count], kinds[count] = inside, -sign * (e + 1)
                    places[count + 1], kinds[count + 1] = outside, sign * (e + 1)
                    count += 2
            elif (sign * here < 0.0 or (final and m == last and sign != 0.0)) and count < places.size:
                places[count] = bisect(event_address, parameters, t, h, work, e, left, x, sign, values)
                kinds[count] = -sign * (e + 1)
                count += 1
            if here != 0.0:
                sign = here
                left = x
        signs[e] = sign
        # Drop the crossings in the unwanted direction.
        kept = first
        for r in range(first, count):
            if directions[e] == 0 or directions[e] * kinds[r] > 0:
                places[kept], kinds[kept] = places[r], kinds[r]
                kept += 1
        count = kept
    copy(samples[last], samples[0])
    for r in range(1, count):  # insertion sort: there are few
        place, kind = places[r], kinds[r]
        q = r
        while q > 0 and places[q - 1] > place:
            places[q], kinds[q] = places[q - 1], kinds[q - 1]
            q -= 1
        places[q], kinds[q] = place, kind
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def doubled(times, kinds, states):
    """Copy the event records to arrays of twice the length (slice assignment would take longer to compile)."""
    m, n = states.shape
    new_times, new_kinds, new_states = np.empty(2 * m), np.empty(2 * m, np.int64), np.empty((2 * m, n))
    for r in range(m):
        new_times[r], new_kinds[r] = times[r], kinds[r]
        copy(states[r], new_states[r])
    return new_times, new_kinds, new_states


@njit(cache=True, nogil=True, error_model="numpy")
def integrate_one(
    address, parameters, initial, times, rtol, atol, longest, max_steps, event_address, directions, terminal, work, out,
    counts,
):  # fmt: skip
    """Integrate one trajectory; return (status, last time, event times, event kinds, event states)."""
    y, new = work[STATE], work[NEXT]
    n, n_events = y.size, directions.size
    end = times[-1]
    t = times[0]
    record_times = np.empty(8 if n_events else 0)
    record_kinds = np.empty(record_times.size, np.int64)
    record_states = np.empty((record_times.size, n))
    samples = np.empty((SUBINTERVALS + 3, n_events))
    values, signs = np.empty(n_events), np.zeros(n_events)
    places, kinds = np.empty(ROOTS_PER_STEP * n_events), np.empty(ROOTS_PER_STEP * n_events, np.int64)
    for c in range(COUNTS):
        counts[c] = 0
    copy(initial, y)
    copy(initial, out[0])
    counts[REACHED] = 1
    call_field(address, t, y, parameters, work[0])
    counts[EVALUATIONS] = 1
    status = COMPLETED
    for i in range(n):
        if not np.isfinite(work[0, i]):
            status = BAD_START
    if n_events:
        call_field(event_address, t, y, parameters, samples[0])
        for e in range(n_events):
            signs[e] = np.sign(samples[0, e])
    after_rejection, unsound = False, False
    ceiling = np.inf
    h = 0.0
    if status == COMPLETED:
        h = first_step(address, parameters, t, work, rtol, atol, min(longest, end - t))
        counts[EVALUATIONS] += 1
    while t < end and status == COMPLETED:
        if counts[STEPS] + counts[REJECTED] >= max_steps:
            status = TOO_MANY_STEPS
            break
        if not h > 10.0 * EPSILON * max(abs(t), 1e-290):
            status = NOT_FINITE if unsound else STEP_TOO_SMALL
            break
        h = min(h, longest)
        final = t + 1.01 * h >= end
        if final:
            h = end - t
        error = attempt_step(address, parameters, t, h, work, rtol, atol)
        counts[EVALUATIONS] += STAGES
        unsound = not np.isfinite(error)
        if not error <= 1.0:
            h *= SHRINK if unsound else max(SHRINK, SAFETY * error**-0.125)
            after_rejection = True
            counts[REJECTED] += 1
            continue
        t_new = end if final else t + h
        wants = counts[REACHED]
        if n_events or (wants < times.size and times[wants] < t_new):
            dense_error = prepare_dense(address, parameters, t, h, work, rtol, atol)
            counts[EVALUATIONS] += 3
            if not dense_error <= DENSE_SLACK:
                h *= max(SHRINK, SAFETY * (DENSE_SLACK / dense_error) ** 0.125) if np.isfinite(dense_error) else SHRINK
                ceiling = h
                after_rejection = True
                counts[REJECTED] += 1
                continue
        counts[STEPS] += 1
        stop = t_new
        if n_events:
            found = locate_events(
                event_address, parameters, t, h, work, final, directions, signs, samples, values, places, kinds
            )
            for r in range(found):
                m = counts[RECORDS]
                if m == record_times.size:
                    record_times, record_kinds, record_states = doubled(record_times, record_kinds, record_states)
                record_times[m] = t + places[r] * h
                record_kinds[m] = kinds[r]
                interpolate(work, places[r], record_states[m])
                counts[RECORDS] += 1
                if terminal[abs(kinds[r]) - 1]:
                    status, stop = STOPPED, record_times[m]
                    break
        while wants < times.size and times[wants] <= stop:
            if times[wants] == t_new:
                copy(new, out[wants])
            else:
                interpolate(work, (times[wants] - t) / h, out[wants])
            wants += 1
        counts[REACHED] = wants
        t = stop
        copy(new, y)
        copy(work[STAGES], work[0])
        grow = GROW if error == 0.0 else min(GROW, SAFETY * error**-0.125)
        h *= min(1.0, grow) if after_rejection else grow
        after_rejection = False
        ceiling *= RELAX
        h = min(h, ceiling)
    m = counts[RECORDS]
    return status, t, record_times[:m], record_kinds[:m], record_states[:m]


@njit(cache=True, nogil=True, error_model="numpy")
def integrate_many(
    address, parameters, initial, times, rtol, atol, longest, max_steps, event_address, out, counts, statuses, stops
):  # fmt: skip
    """Integrate every row of `initial` (s, k) with its row of `parameters` (s, p), each with steps of its own.

    `event_address` is not called; were it written as 0 here, Numba would compile everything twice.
    """
    work = np.empty((WORK_ROWS, initial.shape[1]))
    directions, terminal = np.empty(0, np.int64), np.empty(0, np.bool_)
    for s in range(initial.shape[0]):
        statuses[s], stops[s], _, _, _ = integrate_one(
            address, parameters[s], initial[s], times, rtol, atol, longest, max_steps, event_address,
            directions, terminal, work, out[s], counts[s],
        )  # fmt: skip


def warm() -> None:
    """Compile every kernel for the types that `odeflow.numeric.integrate` passes."""
    from numba import cfunc

    pointer = types.CPointer(types.float64)

    @cfunc(types.void(types.float64, pointer, pointer, pointer))
    def field(t, y, parameters, out):
        out[0] = -y[0]

    address, times = field.address, np.array([0.0, 1.0])
    nothing, start = np.empty(0), np.ones(1)
    integrate_one(
        address, nothing, start, times, 1e-6, 1e-9, np.inf, 100, address, np.zeros(1, np.int64), np.zeros(1, np.bool_),
        np.empty((WORK_ROWS, 1)), np.empty((2, 1)), np.empty(COUNTS, np.int64),
    )  # fmt: skip
    integrate_many(
        address, np.empty((1, 0)), np.ones((1, 1)), times, 1e-6, 1e-9, np.inf, 100, 0, np.empty((1, 2, 1)),
        np.empty((1, COUNTS), np.int64), np.empty(1, np.int64), np.empty(1),
    )  # fmt: skip
