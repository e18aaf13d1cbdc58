"""The two matrix products of a training step as LLVM vector code, for sixteen neurons at a time.

General matrix products are slow on the long thin matrices of a two-layer network, and between the two products they
write and read again what fits in registers: pre-activations, masks, residual terms. Here a block of sixteen neurons
(two vectors of eight) goes through a whole step while its weights stay in the first-level cache. LLVM splits the
vectors on machines whose registers are shorter. The functions take raw addresses:

    weights   16 doubles a coordinate         points    POINTS doubles a coordinate, group after group
    masks     16 bits a point                 outputs    8 partial sums a point
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
BLOCK = 2 * LANES
# Points whose pre-activations are computed together: 12 accumulators, 2 weights and a broadcast fit 32 registers.
POINTS = 6

_DOUBLE, _BYTE, _LONG = ir.DoubleType(), ir.IntType(8), ir.IntType(64)
_VECTOR, _MASK = ir.VectorType(_DOUBLE, LANES), ir.VectorType(ir.IntType(1), LANES)
_DOUBLE_BYTES = 8
_VECTOR_BYTES = _DOUBLE_BYTES * LANES
_BLOCK_BYTES = 2 * _VECTOR_BYTES


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

    def accumulators(self, count):
        """Return stack slots, which LLVM turns into registers; `reset` sets them to zero."""
        return [cgutils.alloca_once(self.builder, _VECTOR) for _ in range(count)]

    def reset(self, slots):
        for slot in slots:
            self.builder.store(self.zero, slot)

    def accumulate(self, slot, p, q):
        self.builder.store(self.multiply_add(p, q, self.builder.load(slot)), slot)


@intrinsic
def forward_block(context, weights, output_weights, points, outputs, masks, dimension, groups):
    """Add c_r relu(w_r.x_i) of one block to the outputs of all points and write the masks w_r.x_i > 0.

    A pre-activation that is not a number counts as active, so that it reaches the loss and is noticed there.
    """

    def generate(target, builder, signature, arguments):
        w, c, x, f, mask, d, count = arguments
        e = _Emitter(builder)
        slots = e.accumulators(2 * POINTS)
        c0, c1 = e.load(c, _VECTOR), e.load(e.at(c, _VECTOR_BYTES), _VECTOR)
        group_bytes = builder.mul(d, ir.Constant(_LONG, _DOUBLE_BYTES * POINTS))
        with cgutils.for_range(builder, count) as group:
            x_group = builder.add(x, builder.mul(group.index, group_bytes))
            e.reset(slots)
            with cgutils.for_range(builder, d) as coordinate:
                w0 = e.load(e.at(w, (coordinate.index, _BLOCK_BYTES)), _VECTOR)
                w1 = e.load(e.at(w, (coordinate.index, _BLOCK_BYTES), _VECTOR_BYTES), _VECTOR)
                row = e.at(x_group, (coordinate.index, _DOUBLE_BYTES * POINTS))
                for j in range(POINTS):
                    value = e.broadcast(e.at(row, _DOUBLE_BYTES * j))
                    e.accumulate(slots[2 * j], w0, value)
                    e.accumulate(slots[2 * j + 1], w1, value)
            for j in range(POINTS):
                place = e.at(f, (group.index, _VECTOR_BYTES * POINTS), _VECTOR_BYTES * j)
                total = e.load(place, _VECTOR)
                for half, weight in ((0, c0), (1, c1)):
                    z = builder.load(slots[2 * j + half])
                    on = builder.fcmp_unordered(">", z, e.zero)
                    e.store(builder.bitcast(on, _BYTE), e.at(mask, (group.index, 2 * POINTS), 2 * j + half))
                    total = e.multiply_add(weight, builder.select(on, z, e.zero), total)
                e.store(total, place)
        return target.get_dummy_value()

    address = types.intp
    return types.void(address, address, address, address, address, address, address), generate


@intrinsic
def masked_errors(context, masks, errors, out, count):
    """Write error_i where neuron r is active on point i and 0 elsewhere, for the 16 neurons of a block."""

    def generate(target, builder, signature, arguments):
        mask, error, place, points = arguments
        e = _Emitter(builder)
        with cgutils.for_range(builder, points) as point:
            value = e.broadcast(e.at(error, (point.index, _DOUBLE_BYTES)))
            for half in range(2):
                bits = builder.bitcast(e.load(e.at(mask, (point.index, 2), half), _BYTE), _MASK)
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


backward_block_4 = make_backward_block(4)
backward_block_5 = make_backward_block(5)
backward_block_6 = make_backward_block(6)
