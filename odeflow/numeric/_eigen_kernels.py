"""Eigenvalues and eigenvectors of many small symmetric matrices, eight at a time, in hand-written vector code.

H = Q T Q^T by Householder's reflections, T = S diag(lambda) S^T by the implicit QL method with Wilkinson's shift
(Bowdler, Martin, Reinsch and Wilkinson, 1968). QL is one long chain of square roots and divisions: eight matrices take
it side by side, one in each lane, and its rotations are kept. Reflections and rotations are then applied to strips of
columns that stay in the first-level cache: to those of the identity for the eigenvectors, S^T Q^T, or to a few vectors
for their coordinates alone. Errors are a few roundings of the largest eigenvalue. LAPACK's divide and conquer takes
half as long again at 100 rows, and is faster from about 150 rows on.

Matrices are padded with zeros to whole vectors; raw addresses go to the vector code.
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from odeflow.numeric._lane_kernels import aligned
from odeflow.numeric._vector_words import VectorWords

__all__ = ["DECOMPOSED", "NOT_CONVERGED", "NOT_SYMMETRIC", "to_eigenbasis", "warm"]

DECOMPOSED, NOT_SYMMETRIC, NOT_CONVERGED = 0, 1, 2

LANES = 8
WIDE = 4  # vectors in a row of a strip
_ROWS = 4  # rows that are updated together
_SWEEPS = 60
_ASYMMETRY = 1e-10
# Matrices are scaled to 1. What is shorter than this is zero: its square still is a normal number.
_TINY = 1e-150
# An off-diagonal entry is zero when it is a rounding of its neighbours, or of the largest entry: every sweep adds such
# roundings to blocks of noise, as kernels of low rank have them, and no sweep can remove them.
_ROUNDING = 2.3e-16

_HALF = LANES // 2
_BYTES = 8 * LANES


@intrinsic
def update_and_multiply(typingctx, a, size, start_row, start_column, u, w, x, p):
    """a -= u w^T + w u^T and then p += a x, in one pass, from a row (a multiple of 4) and a column (of 8) on."""

    def generate(context, builder, signature, args):
        a, size, start_row, start_column, u, w, x, p = args
        e = VectorWords(builder, LANES)
        row_bytes = builder.mul(size, e.whole(8))
        block = e.loop(start_row, size, _ROWS, ())
        rows = [e.at(a, builder.mul(block.index, row_bytes))]
        for _ in range(_ROWS - 1):
            rows.append(e.at(rows[-1], row_bytes))
        on_w, on_u, on_x = ([e.spread(e.at(v, (block.index, 8), 8 * r)) for r in range(_ROWS)] for v in (u, w, x))
        on_w, on_u = ([builder.fneg(value) for value in values] for values in (on_w, on_u))
        column = e.loop(start_column, size, LANES, ())
        at = builder.mul(column.index, e.whole(8))
        w_here, u_here, total = (e.load(e.at(v, at)) for v in (w, u, p))
        for r, row in enumerate(rows):
            value = e.multiply_add(on_u[r], u_here, e.multiply_add(on_w[r], w_here, e.load(e.at(row, at))))
            e.store(value, e.at(row, at))
            total = e.multiply_add(on_x[r], value, total)
        e.store(total, e.at(p, at))
        column.close()
        block.close()
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8), generate


@intrinsic
def find_tops(typingctx, d, e, floors, tops, low, last):
    """Write for each lane the end of the unreduced block that begins at `low`, as doubles."""

    def generate(context, builder, signature, args):
        d, e, floors, tops, low, last = args
        w = VectorWords(builder, LANES)
        above = w.size(w.load(w.at(d, (last, _BYTES))))
        one, floor = w.whole(1), w.load(floors)
        loop = w.loop(builder.sub(last, one), builder.sub(low, one), -1, [w.index(last), above])
        top, above = loop.values
        here = w.size(w.load(w.at(d, (loop.index, _BYTES))))
        bound = w.multiply_add(w.constant(_ROUNDING), builder.fadd(here, above), floor)
        small = builder.fcmp_ordered("<=", w.size(w.load(w.at(e, (loop.index, _BYTES)))), bound)
        top, _ = loop.close([builder.select(small, w.index(loop.index), top), here])
        w.store(top, tops)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


@intrinsic
def sweep(typingctx, d, e, shifts, tops, out, high, low):
    """Make one QL sweep from `high` (the highest top) down to `low` in the lanes whose top is above `low`.

    Cosine and sine of each rotation go to `out`, one vector each; a lane's own begin where its top is.
    """

    def generate(context, builder, signature, args):
        d, e, shifts, tops, out, high, low = args
        # Two chains of half a vector: square roots and divisions of a whole one take longer.
        w, b = VectorWords(builder, _HALF), builder
        one, zero, unit = w.whole(1), w.constant(0.0), w.constant(1.0)
        halves = (0, 8 * _HALF)
        top = [w.load(w.at(tops, half)) for half in halves]
        start = []
        for half in halves:
            start += [w.load(w.at(shifts, half)), unit, unit, zero, w.load(w.at(d, (high, _BYTES), half))]
        loop = w.loop(b.sub(high, one), b.sub(low, one), -1, [*start, out])
        *state, place = loop.values
        following = []
        for number, half in enumerate(halves):
            g, s, c, p, above = state[5 * number : 5 * number + 5]
            d_here, e_here = w.at(d, (loop.index, _BYTES), half), w.at(e, (loop.index, _BYTES), half)
            here, off = w.load(d_here), w.load(e_here)
            on = b.fcmp_ordered(">", top[number], w.index(loop.index))
            f, side = b.fmul(s, off), b.fmul(c, off)
            r = w.call("llvm.sqrt", w.multiply_add(f, f, b.fmul(g, g)))
            # r = 0 is next to impossible; NaN then ends as a block that does not converge.
            sine, cosine = b.fdiv(f, r), b.fdiv(g, r)
            rest = b.fsub(above, p)
            twice = b.fmul(cosine, side)
            q = w.multiply_add(b.fsub(here, rest), sine, b.fadd(twice, twice))
            move = b.fmul(sine, q)
            w.store(b.select(on, b.fadd(rest, move), above), w.at(d_here, _BYTES))
            w.store(b.select(on, r, w.load(w.at(e_here, _BYTES))), w.at(e_here, _BYTES))
            w.store(cosine, w.at(place, half))
            w.store(sine, w.at(place, half, _BYTES))
            g_next = w.multiply_add(cosine, q, b.fneg(side))
            pairs = zip((g_next, sine, cosine, move), (g, s, c, p), strict=True)
            following += [*(b.select(on, new, old) for new, old in pairs), here]
        *state, _ = loop.close([*following, w.at(place, 2 * _BYTES)])
        for number, half in enumerate(halves):
            g, _, _, p, above = state[5 * number : 5 * number + 5]
            w.store(b.fsub(above, p), w.at(d, (low, _BYTES), half))
            # Where top = low this is 0, in place of an entry that counts as 0.
            w.store(g, w.at(e, (low, _BYTES), half))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), generate


def make_reflect(width):
    """Return the reflection I - scale v v^T of a strip of `width` vectors a row, v from row `first` on."""

    @intrinsic
    def reflect(typingctx, strip, v, first, rows, scale):
        def generate(context, builder, signature, args):
            strip, v, first, rows, scale = args
            w = VectorWords(builder, LANES)
            factor = builder.fneg(w.broadcast(scale))
            loop = w.loop(first, rows, 1, [w.constant(0.0)] * width)
            entry, row = w.spread(w.at(v, (loop.index, 8))), w.at(strip, (loop.index, _BYTES * width))
            sums = [w.multiply_add(entry, w.load(w.at(row, _BYTES * j)), loop.values[j]) for j in range(width)]
            sums = [builder.fmul(factor, total) for total in loop.close(sums)]
            loop = w.loop(first, rows, 1, ())
            entry, row = w.spread(w.at(v, (loop.index, 8))), w.at(strip, (loop.index, _BYTES * width))
            for j in range(width):
                place = w.at(row, _BYTES * j)
                w.store(w.multiply_add(entry, sums[j], w.load(place)), place)
            loop.close()
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4, types.float64), generate

    return reflect


def make_rotate(width):
    """Return one sweep of rotations of the rows top, ..., low of a strip of `width` vectors a row."""

    @intrinsic
    def rotate(typingctx, strip, rotations, top, low):
        def generate(context, builder, signature, args):
            strip, rotations, top, low = args
            w, b = VectorWords(builder, LANES), builder
            one = w.whole(1)
            start = [w.load(w.at(strip, (top, _BYTES * width), _BYTES * j)) for j in range(width)]
            loop = w.loop(b.sub(top, one), b.sub(low, one), -1, [*start, rotations])
            *above, place = loop.values
            row = w.at(strip, (loop.index, _BYTES * width))
            cosine, sine = w.spread(place), w.spread(w.at(place, 8))
            minus = b.fneg(sine)
            turned = []
            for j in range(width):
                here = w.load(w.at(row, _BYTES * j))
                up = w.multiply_add(cosine, above[j], b.fmul(sine, here))
                w.store(up, w.at(row, _BYTES * (width + j)))
                turned.append(w.multiply_add(minus, above[j], b.fmul(cosine, here)))
            *lowest, _ = loop.close([*turned, w.at(place, 16)])
            for j in range(width):
                w.store(lowest[j], w.at(strip, (low, _BYTES * width), _BYTES * j))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), generate

    return rotate


reflect_wide, reflect_one = make_reflect(WIDE), make_reflect(1)
rotate_wide, rotate_one = make_rotate(WIDE), make_rotate(1)


@njit(cache=True, nogil=True, error_model="numpy")
def copy_scaled(h, a):
    """Fill a with the symmetric part of h over a power of two, and return that; 0 if h is not finite and symmetric."""
    n = h.shape[0]
    largest, asymmetry = 0.0, 0.0
    for i in range(n):
        for j in range(i + 1):
            mean = h[i, j] + 0.5 * (h[j, i] - h[i, j])
            largest = max(largest, abs(mean))
            asymmetry = max(asymmetry, abs(h[i, j] - h[j, i]))
            # A NaN would be lost in max.
            if not math.isfinite(mean):
                return 0.0
            a[i, j] = mean
            a[j, i] = mean
    if asymmetry > _ASYMMETRY * largest:
        return 0.0
    if largest == 0.0:
        return 1.0
    scale = 2.0 ** max(math.floor(math.log2(largest)), -1000.0)
    inverse = 1.0 / scale
    for i in range(n):
        for j in range(n):
            a[i, j] *= inverse
    return scale


# Sums in the order in which they stand: the compiler's own order has differed between a process that compiles and one
# that loads from the cache, and a sweep must find the same bits in both.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})
def tridiagonalise(a, n, lane, d, e, scales, u, w, p, x):
    """Reduce a to d and e (in their lane); row k of a ends as the k-th reflection's vector, scales[k] its 2/|v|^2.

    The update of one step waits for the product of the next, and both take one pass. In rows and columns that are done,
    u, w and x are zero, so that a pass may begin at a whole vector.
    """
    size = a.shape[0]
    a_at, u_at, w_at, p_at, x_at = a.ctypes.data, u.ctypes.data, w.ctypes.data, p.ctypes.data, x.ctypes.data
    u[:] = 0.0
    w[:] = 0.0
    x[:] = 0.0
    for k in range(n):
        row = a[k]
        uk, wk = u[k], w[k]
        for j in range(k, n):
            row[j] -= uk * w[j] + wk * u[j]
        u[k] = 0.0
        w[k] = 0.0
        d[k, lane] = row[k]
        e[k, lane] = 0.0
        scales[k] = 0.0
        if k == n - 1:
            break
        head, tail = row[k + 1], 0.0
        for j in range(k + 2, n):
            tail += row[j] * row[j]
        x[k] = 0.0
        tau = 0.0
        if tail <= _TINY * _TINY:
            e[k, lane] = head
            x[k + 1 :] = 0.0
        else:
            for j in range(k + 2, n):
                x[j] = row[j]
            norm = math.sqrt(tail + head * head)
            e[k, lane] = -math.copysign(norm, head)
            x[k + 1] = head + math.copysign(norm, head)
            row[k + 1] = x[k + 1]
            tau = 1.0 / (norm * (norm + abs(head)))
        scales[k] = tau
        p[:] = 0.0
        update_and_multiply(a_at, size, (k + 1) // _ROWS * _ROWS, (k + 1) // LANES * LANES, u_at, w_at, x_at, p_at)
        c = 0.0
        for j in range(k + 1, n):
            c += p[j] * x[j]
        c *= 0.5 * tau
        for j in range(k + 1, n):
            w[j] = tau * (p[j] - c * x[j])
            u[j] = x[j]


@njit(cache=True, nogil=True, error_model="numpy")
def diagonalise(d, e, rotations, sweeps, counts, passing, shifts, tops, floors):
    """Overwrite d (n, LANES) with eigenvalues and record each lane's sweeps (top, low) and rotations (cosine, sine)."""
    n = d.shape[0]
    d_at, e_at, out = d.ctypes.data, e.ctypes.data, passing.ctypes.data
    shifts_at, tops_at, floors_at = shifts.ctypes.data, tops.ctypes.data, floors.ctypes.data
    for lane in range(LANES):
        floors[lane] = 0.0
        for i in range(n):
            floors[lane] = max(floors[lane], _ROUNDING * abs(d[i, lane]), _ROUNDING * abs(e[i, lane]))
    used = np.zeros(LANES, np.int64)
    counts[:] = 0
    for low in range(n - 1):
        for number in range(_SWEEPS + 1):
            find_tops(d_at, e_at, floors_at, tops_at, low, n - 1)
            high = low
            for lane in range(LANES):
                high = max(high, int(tops[lane]))
            if high == low:
                break
            if number == _SWEEPS:
                return NOT_CONVERGED
            for lane in range(LANES):
                top = int(tops[lane])
                shifts[lane] = 0.0
                if top > low:
                    if counts[lane] == sweeps.shape[1] or used[lane] + 2 * (top - low) > rotations.shape[1]:
                        return NOT_CONVERGED
                    g = (d[low + 1, lane] - d[low, lane]) / (2.0 * e[low, lane])
                    r = math.sqrt(1.0 + g * g)
                    shifts[lane] = d[top, lane] - d[low, lane] + e[low, lane] / (g + math.copysign(r, g))
            sweep(d_at, e_at, shifts_at, tops_at, out, high, low)
            for lane in range(LANES):
                top = int(tops[lane])
                if top > low:
                    e[top, lane] = 0.0
                    sweeps[lane, counts[lane], 0] = top
                    sweeps[lane, counts[lane], 1] = low
                    counts[lane] += 1
                    own, to, start = rotations[lane], used[lane], high - top
                    for i in range(top - low):
                        own[to + 2 * i] = passing[start + i, 0, lane]
                        own[to + 2 * i + 1] = passing[start + i, 1, lane]
                    used[lane] += 2 * (top - low)
    return DECOMPOSED


@njit(cache=True, nogil=True, error_model="numpy")
def transform(a, scales, rotations, sweeps, rank, block, space):
    """Replace block (n, m) by S^T Q^T block, row i going to row rank[i]; strips of columns at a time."""
    n, m = block.shape
    strip_at, a_at, row_bytes = space.ctypes.data, a.ctypes.data, 8 * a.shape[1]
    left = 0
    while left < m:
        wide = m - left > LANES
        width = WIDE * LANES if wide else LANES
        have = min(width, m - left)
        strip = space[: n * width].reshape(n, width)
        # Columns beyond `have` hold whatever was there, and are turned for nothing.
        for i in range(n):
            for j in range(have):
                strip[i, j] = block[i, left + j]
        for k in range(n - 1):
            if scales[k] != 0.0:
                if wide:
                    reflect_wide(strip_at, a_at + k * row_bytes, k + 1, n, scales[k])
                else:
                    reflect_one(strip_at, a_at + k * row_bytes, k + 1, n, scales[k])
        at = rotations.ctypes.data
        for k in range(sweeps.shape[0]):
            top, low = sweeps[k, 0], sweeps[k, 1]
            if wide:
                rotate_wide(strip_at, at, top, low)
            else:
                rotate_one(strip_at, at, top, low)
            at += 16 * (top - low)
        for i in range(n):
            for j in range(have):
                block[rank[i], left + j] = strip[i, j]
        left += width


@njit(cache=True, nogil=True, error_model="numpy")
def sort_ranks(d, lane, scale, values, order, rank):
    """Write the lane's eigenvalues, times scale, in ascending order, and each one's rank; QL leaves them nearly so."""
    n = values.size
    for i in range(n):
        j = i
        while j > 0 and d[order[j - 1], lane] > d[i, lane]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    for i in range(n):
        values[i] = d[order[i], lane] * scale
        rank[order[i]] = i


@njit(cache=True, nogil=True, error_model="numpy")
def to_eigenbasis(kernels, values, blocks):
    """Fill values (s, n) with eigenvalues, ascending, and replace blocks (s, n, m) by eigenvectors^T blocks.

    Returns a status; on any but DECOMPOSED, values and blocks are rubbish.
    """
    stack, n = values.shape
    size = (n + LANES - 1) // LANES * LANES
    used = min(LANES, stack)
    a = aligned(used * size * size).reshape(used, size, size)
    d, e = aligned(n * LANES).reshape(n, LANES), aligned(n * LANES).reshape(n, LANES)
    vectors = aligned(4 * size).reshape(4, size)
    passing = aligned(2 * n * LANES).reshape(n, 2, LANES)
    space = aligned(n * WIDE * LANES)
    shifts, tops, floors = aligned(LANES), aligned(LANES), aligned(LANES)
    # Two sweeps an eigenvalue, of n/2 rotations, are usual; memory that is not used is not touched.
    sweeps = np.empty((used, 6 * n + _SWEEPS, 2), np.int64)
    rotations = np.empty((used, 2 * n * (3 * n + _SWEEPS)))
    scales, scale, counts = np.empty((used, n)), np.empty(used), np.empty(LANES, np.int64)
    order, rank = np.empty(n, np.int64), np.empty(n, np.int64)
    for first in range(0, stack, LANES):
        together = min(LANES, stack - first)
        d[:] = 0.0
        e[:] = 0.0
        for lane in range(together):
            scale[lane] = copy_scaled(kernels[first + lane], a[lane])
            if scale[lane] == 0.0:
                return NOT_SYMMETRIC
            tridiagonalise(a[lane], n, lane, d, e, scales[lane], vectors[0], vectors[1], vectors[2], vectors[3])
        status = diagonalise(d, e, rotations, sweeps, counts, passing, shifts, tops, floors)
        if status != DECOMPOSED:
            return status
        for lane in range(together):
            k = first + lane
            sort_ranks(d, lane, scale[lane], values[k], order, rank)
            transform(a[lane], scales[lane], rotations[lane], sweeps[lane, : counts[lane]], rank, blocks[k], space)
    return DECOMPOSED


def warm() -> None:
    """Compile every kernel here for the argument types the public functions pass."""
    to_eigenbasis(np.eye(2)[None], np.empty((1, 2)), np.eye(2)[None].copy())
