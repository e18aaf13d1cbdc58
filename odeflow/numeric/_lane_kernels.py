"""DOP853 for many trajectories at once, one in each lane of a vector, each with a time and a step of its own.

The method, its step control and its statuses are those of `_integrate_kernels`, lane by lane; only sums are grouped
differently. A lane whose trajectory has ended takes the next one, so that no lane waits for the slowest.

`work` is one buffer aligned to 64 bytes. Its rows are those of `_integrate_kernels` (stages, coefficients of the dense
output, state, next state, scratch) with `LANES` numbers for each component: number i of row r in lane l stands at
((r n + i) LANES + l). Raw addresses go to the vector code, which lives in this file because Numba's cache of the loops
looks at this file only.
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from odeflow.numeric._integrate_kernels import (
    BAD_START,
    COMPLETED,
    COUNTS,
    DENSE,
    DENSE_SLACK,
    EPSILON,
    EVALUATIONS,
    GROW,
    NEXT,
    NOT_FINITE,
    REACHED,
    REJECTED,
    RELAX,
    SAFETY,
    SCRATCH,
    SHRINK,
    STATE,
    STEP_TOO_SMALL,
    STEPS,
    TOO_MANY_STEPS,
    WORK_ROWS,
)
from odeflow.numeric._integrate_tableau import E3, E5, STAGES, STAGES_DENSE, A, C, D
from odeflow.numeric._lane_functions import LANE_VECTOR, LANES

__all__ = ["integrate_lanes", "warm"]

RUNNING = -1
_DOUBLE, _LONG = ir.DoubleType(), ir.IntType(64)
_ROW = 8 * LANES  # bytes of one component
_FUSED = ("contract", "reassoc", "nsz")


class _Words:
    """A few words of vector code; addresses are integers."""

    def __init__(self, builder, work, n):
        self.b = builder
        self.work = work
        self.row_bytes = builder.mul(n, ir.Constant(_LONG, _ROW))
        self.n = n

    def row(self, number):
        return self.b.add(self.work, self.b.mul(self.row_bytes, ir.Constant(_LONG, number)))

    def pointer(self, address):
        return self.b.inttoptr(address, LANE_VECTOR.as_pointer())

    def load(self, address):
        return self.b.load(self.pointer(address), align=8)

    def store(self, value, address):
        self.b.store(value, self.pointer(address), align=8)

    def constant(self, value):
        return ir.Constant(LANE_VECTOR, [float(value)] * LANES)

    def broadcast(self, value):
        undefined = ir.Constant(LANE_VECTOR, ir.Undefined)
        first = self.b.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        return self.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    def mul(self, x, y):
        return self.b.fmul(x, y, flags=_FUSED)

    def add(self, x, y):
        return self.b.fadd(x, y, flags=_FUSED)

    def call(self, name, *values):
        return self.b.call(cgutils.get_or_insert_function(
            self.b.module, ir.FunctionType(LANE_VECTOR, [LANE_VECTOR] * len(values)), f"{name}.v{LANES}f64"
        ), values)  # fmt: skip

    def largest(self, x, y):
        return self.b.select(self.b.fcmp_ordered(">", x, y), x, y)

    def weighted(self, coefficients, stages):
        """Sum the nonzero coefficients times the stages, in two chains of additions."""
        chains = [None, None]
        for number, (a, stage) in enumerate((a, s) for a, s in zip(coefficients, stages, strict=True) if a != 0.0):
            term = self.mul(self.constant(a), stage)
            chains[number % 2] = term if chains[number % 2] is None else self.add(chains[number % 2], term)
        return chains[0] if chains[1] is None else self.add(*chains)

    def components(self):
        """Loop over the components."""
        return cgutils.for_range(self.b, self.n)

    def offset(self, loop):
        return self.b.mul(loop.index, ir.Constant(_LONG, _ROW))

    def stage(self, coefficients, h, target):
        """target = state + h sum_j coefficients[j] stage j."""
        used = [j for j, a in enumerate(coefficients) if a != 0.0]
        rows, state, out = [self.row(j) for j in used], self.row(STATE), self.row(target)
        with self.components() as loop:
            at = self.offset(loop)
            slope = self.weighted([coefficients[j] for j in used], [self.load(self.b.add(row, at)) for row in rows])
            self.store(self.add(self.load(self.b.add(state, at)), self.mul(h, slope)), self.b.add(out, at))

    def field(self, address, time, state, parameters, out):
        kind = LANE_VECTOR.as_pointer()
        function = ir.FunctionType(ir.VoidType(), [kind] * 4)
        pointers = [self.pointer(a) for a in (time, state, parameters, out)]
        self.b.call(self.b.inttoptr(address, function.as_pointer()), pointers)

    def stages(self, field, parameters, t, h, time, first, last):
        """Compute the stages `first` to `last` by way of the scratch row."""
        for s in range(first, last):
            self.stage(A[s, :s], h, SCRATCH)
            self.store(self.add(t, self.mul(self.constant(C[s]), h)), time)
            self.field(field, time, self.row(SCRATCH), parameters, self.row(s))

    def accumulator(self):
        return cgutils.alloca_once_value(self.b, self.constant(0.0))

    def increase(self, accumulator, value, flags=_FUSED):
        self.b.store(self.b.fadd(self.b.load(accumulator), value, flags=flags), accumulator)

    def inverse_scale(self, rtol, atol, y, new):
        size = self.largest(self.call("llvm.fabs", y), self.call("llvm.fabs", new))
        return self.b.fdiv(self.constant(1.0), self.add(atol, self.mul(rtol, size)))


_TEN_WORDS = types.void(*[types.int64] * 8, types.float64, types.float64)


@intrinsic
def call_lane_field(typingctx, address, time, state, parameters, out):
    """Call the field on the vectors at four addresses."""

    def generate(context, builder, signature, args):
        _Words(builder, args[2], ir.Constant(_LONG, 0)).field(*args)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def attempt(typingctx, work, n, field, parameters, t_at, h_at, time, errors, rtol, atol):
    """Make a step in every lane, from row STATE to row NEXT.

    `errors` receives the scaled error (NaN if the field was not finite) and, LANES further, SAFETY error^(-1/8).
    """

    def generate(context, builder, signature, args):
        work, n, field, parameters, t_at, h_at, time, errors, rtol, atol = args
        w = _Words(builder, work, n)
        b, t, h = builder, w.load(t_at), w.load(h_at)
        rtol, atol = w.broadcast(rtol), w.broadcast(atol)
        w.stages(field, parameters, t, h, time, 1, STAGES)
        w.stage(A[STAGES, :STAGES], h, NEXT)
        w.store(w.add(t, h), time)
        w.field(field, time, w.row(NEXT), parameters, w.row(STAGES))
        used = [j for j in range(STAGES) if E3[j] != 0.0 or E5[j] != 0.0]
        rows, state, new, end = [w.row(j) for j in used], w.row(STATE), w.row(NEXT), w.row(STAGES)
        fifth, third, poison = w.accumulator(), w.accumulator(), w.accumulator()
        with w.components() as loop:
            at = w.offset(loop)
            stages = [w.load(b.add(row, at)) for row in rows]
            y, y_new, slope = (w.load(b.add(row, at)) for row in (state, new, end))
            scale = w.inverse_scale(rtol, atol, y, y_new)
            for total, table in ((third, E3), (fifth, E5)):
                e = w.mul(w.weighted([table[j] for j in used], stages), scale)
                w.increase(total, w.mul(e, e))
            for value in (slope, y_new):  # x - x is 0, or NaN if x is not finite
                w.increase(poison, b.fsub(value, value), flags=())
        fifth, third = b.load(fifth), b.load(third)
        mixed = w.add(fifth, w.mul(w.constant(0.01), third))
        count = w.broadcast(b.sitofp(n, _DOUBLE))
        error = b.fdiv(w.mul(w.call("llvm.fabs", h), fifth), w.call("llvm.sqrt", w.mul(mixed, count)))
        error = b.select(b.fcmp_ordered("==", mixed, w.constant(0.0)), w.constant(0.0), error)
        error = b.fadd(error, b.load(poison))
        w.store(error, errors)
        root = error
        for _ in range(3):
            root = w.call("llvm.sqrt", root)
        w.store(b.fdiv(w.constant(SAFETY), root), b.add(errors, ir.Constant(_LONG, _ROW)))
        return context.get_dummy_value()

    return _TEN_WORDS, generate


@intrinsic
def prepare_dense(typingctx, work, n, field, parameters, t_at, h_at, time, errors, rtol, atol):
    """Spend three evaluations on the dense output of every lane; `errors` receives its scaled error."""

    def generate(context, builder, signature, args):
        work, n, field, parameters, t_at, h_at, time, errors, rtol, atol = args
        w = _Words(builder, work, n)
        b, t, h = builder, w.load(t_at), w.load(h_at)
        rtol, atol = w.broadcast(rtol), w.broadcast(atol)
        w.stages(field, parameters, t, h, time, STAGES + 1, STAGES_DENSE)
        used = [j for j in range(STAGES_DENSE) if D[:, j].any()]
        rows, state, new, end = [w.row(j) for j in used], w.row(STATE), w.row(NEXT), w.row(STAGES)
        dense = [w.row(DENSE + q) for q in range(7)]
        squares = [w.accumulator(), w.accumulator()]
        with w.components() as loop:
            at = w.offset(loop)
            stages = [w.load(b.add(row, at)) for row in rows]
            y, y_new, slope = (w.load(b.add(row, at)) for row in (state, new, end))
            rise = b.fsub(y_new, y)
            start, finish = w.mul(h, stages[0]), w.mul(h, slope)
            values = [rise, b.fsub(start, rise), b.fsub(w.mul(w.constant(2.0), rise), w.add(finish, start))]
            values += [w.mul(h, w.weighted([D[q, j] for j in used], stages)) for q in range(4)]
            for row, value in zip(dense, values, strict=True):
                w.store(value, b.add(row, at))
            scale = w.inverse_scale(rtol, atol, y, y_new)
            for total, value in zip(squares, values[5:], strict=True):
                e = w.mul(value, scale)
                w.increase(total, w.mul(e, e))
        count = w.broadcast(b.sitofp(n, _DOUBLE))
        # As in `_integrate_kernels.prepare_dense`.
        sixth, last = (w.call("llvm.sqrt", b.fdiv(b.load(total), count)) for total in squares)
        sixth, last = w.mul(sixth, w.constant(1.0 / 64.0)), w.mul(last, w.constant(0.0084))
        usual = w.mul(last, w.constant(0.14))
        short = b.fdiv(w.mul(last, last), sixth)
        w.store(b.select(b.fcmp_ordered("<", short, usual), short, usual), errors)
        return context.get_dummy_value()

    return _TEN_WORDS, generate


@intrinsic
def interpolate(typingctx, work, n, x_at):
    """Write to the scratch row the dense output at the fractions x of the lanes' steps."""

    def generate(context, builder, signature, args):
        work, n, x_at = args
        w = _Words(builder, work, n)
        b, x = builder, w.load(x_at)
        rest = b.fsub(w.constant(1.0), x)
        dense, state, scratch = [w.row(DENSE + q) for q in range(7)], w.row(STATE), w.row(SCRATCH)
        with w.components() as loop:
            at = w.offset(loop)
            value = w.mul(w.load(b.add(dense[6], at)), x)
            for q in range(1, 7):
                value = w.mul(w.add(value, w.load(b.add(dense[6 - q], at))), rest if q % 2 else x)
            w.store(w.add(w.load(b.add(state, at)), value), b.add(scratch, at))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), generate


@intrinsic
def accept(typingctx, work, n, accepted_at):
    """Move to the next state, with its derivative, in the lanes whose flag is not 0."""

    def generate(context, builder, signature, args):
        work, n, accepted_at = args
        w = _Words(builder, work, n)
        b = builder
        mask = b.fcmp_ordered("!=", w.load(accepted_at), w.constant(0.0))
        pairs = [(w.row(STATE), w.row(NEXT)), (w.row(0), w.row(STAGES))]
        with w.components() as loop:
            at = w.offset(loop)
            for old, new in pairs:
                target = b.add(old, at)
                w.store(b.select(mask, w.load(b.add(new, at)), w.load(target)), target)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), generate


@njit(cache=True, nogil=True, error_model="numpy")
def aligned(size):
    """Return `size` zeros that start at a multiple of 64 bytes."""
    space = np.zeros(size + 8)
    first = (64 - space.ctypes.data % 64) // 8 % 8
    return space[first : first + size]


@njit(cache=True, nogil=True, error_model="numpy")
def put(buffer, row, lane, values):
    """Write one trajectory's numbers into its lane of a row."""
    base = row * values.size * LANES + lane
    for i in range(values.size):
        buffer[base + i * LANES] = values[i]


@njit(cache=True, nogil=True, error_model="numpy")
def take(buffer, row, lane, values):
    """Read one trajectory's numbers from its lane of a row."""
    base = row * values.size * LANES + lane
    for i in range(values.size):
        values[i] = buffer[base + i * LANES]


@njit(cache=True, nogil=True, error_model="numpy")
def first_steps(
    field, parameters, initial, times, rtol, atol, longest, work, parameter_rows, lane_times, steps, slopes
):  # fmt: skip
    """Guess the first step of every trajectory, as `_integrate_kernels.first_step` does; NaN where it cannot start."""
    count, n = initial.shape
    t0 = times[0]
    t = work.ctypes.data
    state, scratch = t + STATE * n * _ROW, t + SCRATCH * n * _ROW
    for first in range(0, count, LANES):
        used = min(LANES, count - first)
        for lane in range(LANES):
            s = first + min(lane, used - 1)
            put(work, STATE, lane, initial[s])
            put(parameter_rows, 0, lane, parameters[s])
            lane_times[lane] = t0
        call_lane_field(field, lane_times.ctypes.data, state, parameter_rows.ctypes.data, t)
        for lane in range(used):
            s = first + lane
            take(work, 0, lane, slopes[s])
            size, slope = 0.0, 0.0
            for i in range(n):
                scale = atol + rtol * abs(initial[s, i])
                size += (initial[s, i] / scale) ** 2
                slope += (slopes[s, i] / scale) ** 2
            size, slope = np.sqrt(size / n), np.sqrt(slope / n)
            h = 1e-6 if size < 1e-5 or slope < 1e-5 else 0.01 * size / slope
            h = min(h, min(longest, times[-1] - t0))
            steps[s] = h
            lane_times[lane] = t0 + h
            base = SCRATCH * n * LANES + lane
            for i in range(n):
                work[base + i * LANES] = initial[s, i] + h * slopes[s, i]
        call_lane_field(field, lane_times.ctypes.data, scratch, parameter_rows.ctypes.data, t + n * _ROW)
        for lane in range(used):
            s = first + lane
            h, slope, bend = steps[s], 0.0, 0.0
            sound = True
            for i in range(n):
                scale = atol + rtol * abs(initial[s, i])
                slope += (slopes[s, i] / scale) ** 2
                bend += ((work[(n + i) * LANES + lane] - slopes[s, i]) / scale) ** 2
                sound = sound and np.isfinite(slopes[s, i])
            steepest = max(np.sqrt(slope / n), np.sqrt(bend / n) / h)
            if not sound:
                steps[s] = np.nan
            elif not (np.isfinite(slope) and np.isfinite(bend)):
                steps[s] = h * 1e-3
            else:
                second = max(1e-6, h * 1e-3) if steepest <= 1e-15 else (0.01 / steepest) ** 0.125
                steps[s] = min(100.0 * h, min(second, min(longest, times[-1] - t0)))


@njit(cache=True, nogil=True, error_model="numpy")
def integrate_lanes(
    field, parameters, initial, times, rtol, atol, longest, max_steps, out, counts, statuses, stops
):  # fmt: skip
    """Integrate every row of `initial` (s, k) with its row of `parameters` (s, p), `LANES` at a time."""
    count, n = initial.shape
    start, end = times[0], times[-1]
    work = aligned(WORK_ROWS * n * LANES)
    parameter_rows = aligned(max(parameters.shape[1], 1) * LANES)
    t, h, time, wanted, flags = aligned(LANES), aligned(LANES), aligned(LANES), aligned(LANES), aligned(LANES)
    errors = aligned(2 * LANES)  # and the factors
    steps, slopes = np.empty(count), np.empty((count, n))
    first_steps(field, parameters, initial, times, rtol, atol, longest, work, parameter_rows, time, steps, slopes)
    planned, ceiling = np.zeros(LANES), np.full(LANES, np.inf)
    who = np.full(LANES, -1, np.int64)
    final, unsound, rejected = np.zeros(LANES, np.bool_), np.zeros(LANES, np.bool_), np.zeros(LANES, np.bool_)
    queue = 0
    at = work.ctypes.data
    while True:
        active = 0
        for lane in range(LANES):
            while True:
                while who[lane] < 0 and queue < count:
                    s = queue
                    queue += 1
                    for c in range(COUNTS):
                        counts[s, c] = 0
                    counts[s, REACHED], counts[s, EVALUATIONS] = 1, 1
                    for i in range(n):
                        out[s, 0, i] = initial[s, i]
                    if not np.isfinite(steps[s]):
                        statuses[s], stops[s] = BAD_START, start
                        continue
                    counts[s, EVALUATIONS] = 2
                    put(work, STATE, lane, initial[s])
                    put(work, 0, lane, slopes[s])
                    put(parameter_rows, 0, lane, parameters[s])
                    who[lane], t[lane], planned[lane], ceiling[lane] = s, start, steps[s], np.inf
                    rejected[lane], unsound[lane] = False, False
                s = who[lane]
                if s < 0:
                    break
                code = RUNNING
                if not t[lane] < end:
                    code = COMPLETED
                elif counts[s, STEPS] + counts[s, REJECTED] >= max_steps:
                    code = TOO_MANY_STEPS
                elif not planned[lane] > 10.0 * EPSILON * max(abs(t[lane]), 1e-290):
                    code = NOT_FINITE if unsound[lane] else STEP_TOO_SMALL
                if code == RUNNING:
                    break
                statuses[s], stops[s] = code, t[lane]
                who[lane] = -1
            h[lane] = 0.0
            if who[lane] >= 0:
                active += 1
                h[lane] = min(planned[lane], longest)
                final[lane] = t[lane] + 1.01 * h[lane] >= end
                if final[lane]:
                    h[lane] = end - t[lane]
        if active == 0:
            break
        attempt(
            at, n, field, parameter_rows.ctypes.data, t.ctypes.data, h.ctypes.data, time.ctypes.data,
            errors.ctypes.data, rtol, atol,
        )  # fmt: skip
        any_wanted = False
        for lane in range(LANES):
            s = who[lane]
            flags[lane], wanted[lane] = 0.0, 0.0
            if s < 0:
                continue
            counts[s, EVALUATIONS] += STAGES
            unsound[lane] = not np.isfinite(errors[lane])
            if errors[lane] <= 1.0:
                flags[lane] = 1.0
                reached = counts[s, REACHED]
                if times[reached] < (end if final[lane] else t[lane] + h[lane]):
                    wanted[lane] = 1.0
                    any_wanted = True
            else:
                planned[lane] = h[lane] * (SHRINK if unsound[lane] else max(SHRINK, errors[LANES + lane]))
                rejected[lane] = True
                counts[s, REJECTED] += 1
        if any_wanted:
            record_inside(
                at, n, field, parameter_rows, t, h, time, rtol, atol, work, times, who, final, flags, wanted, planned,
                ceiling, rejected, counts, out,
            )  # fmt: skip
        for lane in range(LANES):
            if flags[lane] == 0.0:
                continue
            s = who[lane]
            counts[s, STEPS] += 1
            new_time = end if final[lane] else t[lane] + h[lane]
            reached = counts[s, REACHED]
            if times[reached] == new_time:
                take(work, NEXT, lane, out[s, reached])
                counts[s, REACHED] += 1
            t[lane] = new_time
            factor = min(GROW, errors[LANES + lane])
            ceiling[lane] *= RELAX
            planned[lane] = min(h[lane] * (min(1.0, factor) if rejected[lane] else factor), ceiling[lane])
            rejected[lane] = False
        accept(at, n, flags.ctypes.data)


@njit(cache=True, nogil=True, error_model="numpy")
def record_inside(
    at, n, field, parameter_rows, t, h, time, rtol, atol, work, times, who, final, flags, wanted, planned,
    ceiling, rejected, counts, out,
):  # fmt: skip
    """Record the times inside the steps of the lanes that want some; refuse steps whose interpolant errs too much."""
    x, dense_errors = aligned(LANES), aligned(LANES)
    prepare_dense(
        at, n, field, parameter_rows.ctypes.data, t.ctypes.data, h.ctypes.data, time.ctypes.data,
        dense_errors.ctypes.data, rtol, atol,
    )  # fmt: skip
    for lane in range(LANES):
        if wanted[lane] == 0.0:
            continue
        s = who[lane]
        counts[s, EVALUATIONS] += 3
        error = dense_errors[lane]
        if not error <= DENSE_SLACK:
            shrink = max(SHRINK, SAFETY * (DENSE_SLACK / error) ** 0.125) if np.isfinite(error) else SHRINK
            planned[lane] = ceiling[lane] = h[lane] * shrink
            rejected[lane] = True
            counts[s, REJECTED] += 1
            flags[lane], wanted[lane] = 0.0, 0.0
    while True:
        some = False
        for lane in range(LANES):
            if wanted[lane] != 0.0:
                s = who[lane]
                place = times[counts[s, REACHED]]
                if place < (times[-1] if final[lane] else t[lane] + h[lane]):
                    x[lane] = (place - t[lane]) / h[lane]
                    some = True
                else:
                    wanted[lane] = 0.0
        if not some:
            break
        interpolate(at, n, x.ctypes.data)
        for lane in range(LANES):
            if wanted[lane] != 0.0:
                s = who[lane]
                take(work, SCRATCH, lane, out[s, counts[s, REACHED]])
                counts[s, REACHED] += 1


def warm() -> None:
    """Compile every kernel for the types that `odeflow.numeric.integrate` passes."""
    from numba import cfunc

    address = types.CPointer(types.float64)

    @cfunc(types.void(address, address, address, address))
    def field(t, y, parameters, out):
        for lane in range(LANES):
            out[lane] = -y[lane]

    integrate_lanes(
        field.address, np.empty((1, 0)), np.ones((1, 1)), np.array([0.0, 1.0]), 1e-6, 1e-9, np.inf, 100,
        np.empty((1, 2, 1)), np.empty((1, COUNTS), np.int64), np.empty(1, np.int64), np.empty(1),
    )  # fmt: skip
