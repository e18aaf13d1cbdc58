"""Compiled training loops behind `odeflow.numeric.training`. Arrays in, arrays out, a step number as status.

Every optimiser is one recursion in the displacement U (rho_k scales the gradient of the very first step only):

    U <- carry_k U - eta rho_k grad,   W <- W + use_k U - direct eta rho_k grad

    constant momentum beta     carry = beta,    use = 1,    direct = 0    (beta = 0: gradient descent)
    Nesterov                   carry = m_{k-1}, use = m_k,  direct = 1    with m_k = k / (k + gamma)
    Nesterov, constant q       carry = q,       use = q,    direct = 1

The two matrix products of a step are LLVM vector code for a block of 16 neurons at a time, two vectors (8 neurons on
machines without AVX-512). General matrix products are slow on the long thin matrices of a two-layer network, and
between the two they write and read again what fits in registers: pre-activations, masks, residual terms. Here a block
goes through a whole step while its weights stay in the first-level cache. Addresses are raw:

    weights   BLOCK doubles a coordinate      points    a group of doubles a coordinate, group after group
    masks     2 bytes a point, a bit a lane   outputs   LANES partial sums a point

The vector code lives in the same file as the loops, because Numba's cache of the loops looks at this file only.
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

import math

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils, config
from numba.extending import intrinsic

CONSTANT_MOMENTUM = 0
NESTEROV = 1
NESTEROV_CONSTANT = 2
# Numba's own target, unless its environment variables name another one.
_FEATURES = binding.get_host_cpu_features().flatten() if config.CPU_NAME is None else config.CPU_FEATURES or ""
LANES = 8 if "+avx512f" in _FEATURES else 4
BLOCK = 2 * LANES
# Points, or coordinates, that are summed together: with 6, 12 accumulators, 2 operands and a broadcast fit 16
# registers; 4 and 5 are as fast. The size that pads least is taken, the largest of several.
GROUP_SIZES = (6, 5, 4)

_DOUBLE, _BYTE, _LONG = ir.DoubleType(), ir.IntType(8), ir.IntType(64)
_VECTOR, _MASK = ir.VectorType(_DOUBLE, LANES), ir.VectorType(ir.IntType(1), LANES)
_DOUBLE_BYTES = 8
_VECTOR_BYTES = _DOUBLE_BYTES * LANES
_BLOCK_BYTES = 2 * _VECTOR_BYTES


@njit(cache=True, nogil=True)
def momentum_weights(kind, momentum, step):
    """Return (carry, use, direct) of the step from `step` to `step` + 1."""
    if kind == NESTEROV:
        carry = (step - 1.0) / (step - 1.0 + momentum) if step > 0 else 0.0
        return carry, step / (step + momentum), 1.0
    if kind == NESTEROV_CONSTANT:
        return momentum, momentum, 1.0
    return momentum, 1.0, 0.0


@njit(cache=True, nogil=True)
def iterate_modes(kind, rate, momentum, first_scale, eigenvalues, positions):
    """Iterate x -> lambda x from x = positions[:, 0]; fills positions (k, steps + 1), inf after an overflow."""
    for j in range(eigenvalues.size):
        x = positions[j, 0]
        u = 0.0
        for step in range(positions.shape[1] - 1):
            carry, use, direct = momentum_weights(kind, momentum, step)
            g = rate * eigenvalues[j] * x
            if step == 0:
                g *= first_scale
            u = carry * u - g
            x = x + use * u - direct * g
            if not math.isfinite(x):
                positions[j, step + 1 :] = math.inf
                break
            positions[j, step + 1] = x


class _Emitter:
    """A few words of vector code on top of llvmlite's builder."""

    def __init__(self, builder):
        self.builder = builder
        self.zero = ir.Constant(_VECTOR, [0.0] * LANES)

    def at(self, base, *terms):
        """Return the address base + sum of terms; a term is a number of bytes or a pair (index, bytes)."""
        b = self.builder
        address = base
        for term in terms:
            if isinstance(term, tuple):
                index, size = term
                address = b.add(address, b.mul(index, ir.Constant(_LONG, size)))
            elif term:
                address = b.add(address, ir.Constant(_LONG, term))
        return address

    def load(self, address, kind):
        pointer = self.builder.inttoptr(address, kind.as_pointer())
        return self.builder.load(pointer, align=1 if kind is _BYTE else _DOUBLE_BYTES)

    def store(self, value, address):
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=1 if value.type is _BYTE else _DOUBLE_BYTES)

    def broadcast(self, address):
        b = self.builder
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = b.insert_element(undefined, self.load(address, _DOUBLE), ir.Constant(ir.IntType(32), 0))
        return b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    def multiply_add(self, p, q, r):
        product = self.builder.fmul(p, q, flags=("contract",))
        return self.builder.fadd(product, r, flags=("contract",))

    def to_byte(self, mask):
        bits = self.builder.bitcast(mask, ir.IntType(LANES))
        return bits if LANES == 8 else self.builder.zext(bits, _BYTE)

    def from_byte(self, byte):
        bits = byte if LANES == 8 else self.builder.trunc(byte, ir.IntType(LANES))
        return self.builder.bitcast(bits, _MASK)

    def accumulators(self, count):
        """Return stack slots, which LLVM turns into registers; `reset` sets them to zero."""
        return [cgutils.alloca_once(self.builder, _VECTOR) for _ in range(count)]

    def reset(self, slots):
        for slot in slots:
            self.builder.store(self.zero, slot)

    def accumulate(self, slot, p, q):
        self.builder.store(self.multiply_add(p, q, self.builder.load(slot)), slot)


def make_forward_block(size):
    """Return the first product for points in groups of `size`."""

    @intrinsic
    def forward_block(context, weights, output_weights, points, outputs, masks, dimension, groups):
        """Add c_r relu(w_r.x_i) of one block to the outputs of all points and write the masks w_r.x_i > 0.

        A pre-activation that is not a number counts as active, so that it reaches the loss and is noticed there.
        """

        def generate(target, builder, signature, arguments):
            w, c, x, f, mask, d, count = arguments
            e = _Emitter(builder)
            slots = e.accumulators(2 * size)
            c0, c1 = e.load(c, _VECTOR), e.load(e.at(c, _VECTOR_BYTES), _VECTOR)
            group_bytes = builder.mul(d, ir.Constant(_LONG, _DOUBLE_BYTES * size))
            with cgutils.for_range(builder, count) as group:
                x_group = builder.add(x, builder.mul(group.index, group_bytes))
                e.reset(slots)
                with cgutils.for_range(builder, d) as coordinate:
                    w0 = e.load(e.at(w, (coordinate.index, _BLOCK_BYTES)), _VECTOR)
                    w1 = e.load(e.at(w, (coordinate.index, _BLOCK_BYTES), _VECTOR_BYTES), _VECTOR)
                    row = e.at(x_group, (coordinate.index, _DOUBLE_BYTES * size))
                    for j in range(size):
                        value = e.broadcast(e.at(row, _DOUBLE_BYTES * j))
                        e.accumulate(slots[2 * j], w0, value)
                        e.accumulate(slots[2 * j + 1], w1, value)
                for j in range(size):
                    place = e.at(f, (group.index, _VECTOR_BYTES * size), _VECTOR_BYTES * j)
                    total = e.load(place, _VECTOR)
                    for half, weight in ((0, c0), (1, c1)):
                        z = builder.load(slots[2 * j + half])
                        on = builder.fcmp_unordered(">", z, e.zero)
                        e.store(e.to_byte(on), e.at(mask, (group.index, 2 * size), 2 * j + half))
                        total = e.multiply_add(weight, builder.select(on, z, e.zero), total)
                    e.store(total, place)
            return target.get_dummy_value()

        address = types.intp
        return types.void(address, address, address, address, address, address, address), generate

    return forward_block


@intrinsic
def masked_errors(context, masks, errors, out, count):
    """Write error_i where neuron r is active on point i and 0 elsewhere, for the neurons of a block."""

    def generate(target, builder, signature, arguments):
        mask, error, place, points = arguments
        e = _Emitter(builder)
        with cgutils.for_range(builder, points) as point:
            value = e.broadcast(e.at(error, (point.index, _DOUBLE_BYTES)))
            for half in range(2):
                bits = e.from_byte(e.load(e.at(mask, (point.index, 2), half), _BYTE))
                chosen = builder.select(bits, value, e.zero)
                e.store(chosen, e.at(place, (point.index, _BLOCK_BYTES), _VECTOR_BYTES * half))
        return target.get_dummy_value()

    address = types.intp
    return types.void(address, address, address, address), generate


def make_backward_block(width):
    """Return the second product for coordinates in groups of `width`: g_k = sum_i masked_error_i x_ik."""

    @intrinsic
    def backward_block(context, masked, points, gradient, count, groups):
        def generate(target, builder, signature, arguments):
            p, x, g, n, coordinate_groups = arguments
            e = _Emitter(builder)
            slots = e.accumulators(2 * width)
            group_bytes = builder.mul(n, ir.Constant(_LONG, _DOUBLE_BYTES * width))
            with cgutils.for_range(builder, coordinate_groups) as group:
                x_group = builder.add(x, builder.mul(group.index, group_bytes))
                e.reset(slots)
                with cgutils.for_range(builder, n) as point:
                    p0 = e.load(e.at(p, (point.index, _BLOCK_BYTES)), _VECTOR)
                    p1 = e.load(e.at(p, (point.index, _BLOCK_BYTES), _VECTOR_BYTES), _VECTOR)
                    row = e.at(x_group, (point.index, _DOUBLE_BYTES * width))
                    for k in range(width):
                        value = e.broadcast(e.at(row, _DOUBLE_BYTES * k))
                        e.accumulate(slots[2 * k], p0, value)
                        e.accumulate(slots[2 * k + 1], p1, value)
                for k in range(width):
                    for half in range(2):
                        place = e.at(g, (group.index, _BLOCK_BYTES * width), _BLOCK_BYTES * k + _VECTOR_BYTES * half)
                        e.store(builder.load(slots[2 * k + half]), place)
            return target.get_dummy_value()

        address = types.intp
        return types.void(address, address, address, address, address), generate

    return backward_block


forward_block_4 = make_forward_block(4)
forward_block_5 = make_forward_block(5)
forward_block_6 = make_forward_block(6)
backward_block_4 = make_backward_block(4)
backward_block_5 = make_backward_block(5)
backward_block_6 = make_backward_block(6)


def pack_points(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return X grouped for the two products: (point groups, d, size) and (coordinate groups, points, width).

    Points and coordinates are padded with zeros.
    """
    n, d = X.shape
    size = min(GROUP_SIZES, key=lambda size: -n % size)
    width = min(GROUP_SIZES, key=lambda width: -d % width)
    padded = np.zeros((-(-n // size) * size, -(-d // width) * width))
    padded[:n, :d] = X
    forward = padded[:, :d].reshape(-1, size, d).transpose(0, 2, 1)
    backward = padded.reshape(padded.shape[0], -1, width).transpose(1, 0, 2)
    return np.ascontiguousarray(forward), np.ascontiguousarray(backward)


@njit(cache=True, nogil=True)
def _pack_neurons(W, c):
    m, d = W.shape
    blocks = (m + BLOCK - 1) // BLOCK
    packed = np.zeros((blocks, d, BLOCK))
    packed_c = np.zeros((blocks, BLOCK))
    for r in range(m):
        packed_c[r // BLOCK, r % BLOCK] = c[r]
        for k in range(d):
            packed[r // BLOCK, k, r % BLOCK] = W[r, k]
    return packed, packed_c


@njit(cache=True, nogil=True)
def _unpack_neurons(packed, W):
    for r in range(W.shape[0]):
        for k in range(W.shape[1]):
            W[r, k] = packed[r // BLOCK, k, r % BLOCK]


@njit(cache=True, nogil=True)
def _largest_movement(packed, start):
    """Return max_r |w_r - start_r|; padding never moves. Not finite if a weight is not."""
    blocks, d, _ = packed.shape
    largest = 0.0
    squares = np.empty(BLOCK)
    for q in range(blocks):
        squares[:] = 0.0
        for k in range(d):
            for lane in range(BLOCK):
                squares[lane] += (packed[q, k, lane] - start[q, k, lane]) ** 2
        for lane in range(BLOCK):
            if not squares[lane] <= largest:
                largest = squares[lane]
    return math.sqrt(largest)


@njit(cache=True, nogil=True)
def _update(weights, displacements, gradient, scaled_c, carry, use, direct):
    """Apply the recursion of the module to one block; `gradient` lacks the factor c_r."""
    for k in range(weights.shape[0]):
        for lane in range(BLOCK):
            g = scaled_c[lane] * gradient[k, lane]
            u = carry * displacements[k, lane] - g
            displacements[k, lane] = u
            weights[k, lane] += use * u - direct * g


@njit(cache=True, nogil=True)
def train_run(
    XF, XB, y, W, U, W0, error, c, kind, rate, momentum, first_scale, first, last,
    record_steps, errors, losses, movement,
):  # fmt: skip
    """Train one network in place from step `first` to `last`; return the step at which it stopped being finite, or -1.

    XF, XB from `pack_points`; W, U (m, d) and error (n,) are those of `first` and become those of the step that ended
    the run (error is not read); c (m,) = a / sqrt(m); records go to errors (k, n), losses (k,), movement (k,) at the
    increasing `record_steps` (k,), except that of a step `first` > 0, which whoever came there has recorded.
    """
    n = y.size
    d = W.shape[1]
    groups = XF.shape[0]
    size = XF.shape[2]
    points = groups * size
    coordinate_groups = XB.shape[0]
    width = XB.shape[2]
    w, cb = _pack_neurons(W, c)
    u, _ = _pack_neurons(U, c)
    start, _ = _pack_neurons(W0, c)
    blocks = w.shape[0]
    masks = np.empty((blocks, points, 2), dtype=np.uint8)
    outputs = np.empty((points, LANES))
    masked = np.empty((points, BLOCK))
    gradient = np.empty((coordinate_groups * width, BLOCK))
    padded_error = np.zeros(points)
    scaled_c = np.empty(BLOCK)
    xf, xb = XF.ctypes.data, XB.ctypes.data
    record = np.searchsorted(record_steps, first, side="right") if first > 0 else 0
    status = -1
    for step in range(first, last + 1):
        outputs[:] = 0.0
        # Each pass applies the step that leads to `step`, then evaluates the network; the first one only evaluates.
        carry, use, direct = momentum_weights(kind, momentum, max(step - 1, 0))
        scale = rate * first_scale if step == 1 else rate
        for q in range(blocks):
            mask = masks.ctypes.data + q * points * 2
            if step > first:
                masked_errors(mask, padded_error.ctypes.data, masked.ctypes.data, points)
                p, g = masked.ctypes.data, gradient.ctypes.data
                if width == 6:
                    backward_block_6(p, xb, g, points, coordinate_groups)
                elif width == 5:
                    backward_block_5(p, xb, g, points, coordinate_groups)
                else:
                    backward_block_4(p, xb, g, points, coordinate_groups)
                for lane in range(BLOCK):
                    scaled_c[lane] = scale * cb[q, lane]
                _update(w[q], u[q], gradient, scaled_c, carry, use, direct)
            block, c_block, f = w.ctypes.data + q * d * BLOCK * 8, cb.ctypes.data + q * BLOCK * 8, outputs.ctypes.data
            if size == 6:
                forward_block_6(block, c_block, xf, f, mask, d, groups)
            elif size == 5:
                forward_block_5(block, c_block, xf, f, mask, d, groups)
            else:
                forward_block_4(block, c_block, xf, f, mask, d, groups)
        loss = 0.0
        for i in range(n):
            total = -y[i]
            for lane in range(LANES):
                total += outputs[i, lane]
            padded_error[i] = total
            loss += total * total
        loss *= 0.5
        due = record < record_steps.size and step == record_steps[record]
        moved = _largest_movement(w, start) if due else 0.0
        if not (math.isfinite(loss) and math.isfinite(moved)):
            status = step
            break
        if due:
            errors[record] = padded_error[:n]
            losses[record] = loss
            movement[record] = moved
            record += 1
    _unpack_neurons(w, W)
    _unpack_neurons(u, U)
    error[:] = padded_error[:n]
    return status


def warm() -> None:
    """Compile (or load) every kernel for the types that the public functions pass."""
    iterate_modes(0, 0.1, 0.0, 1.0, np.ones(1), np.ones((1, 2)))
    one = np.ones((1, 1))
    train_run(
        *pack_points(one), np.ones(1), one.copy(), one.copy(), one, np.ones(1), np.ones(1), 0, 0.1, 0.0, 1.0,
        0, 1, np.array([0, 1]), np.empty((2, 1)), np.empty(2), np.empty(2),
    )  # fmt: skip
