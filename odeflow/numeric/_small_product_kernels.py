"""C = A B for small matrices, whose sizes are known at run time only: blocks of C stay in vector registers.

Products of this size spend more time on the way into BLAS than inside it, and loops left to the compiler spend theirs
on checks whether the matrices overlap. Here every block of 8, 4 or 1 rows and 8 or 4 columns is summed in registers.
A sum waits for its last addend, so it takes 8 rows at a time to keep the multipliers busy; their 8 x 8 sums need the
registers of AVX-512, and other machines take 4.
"""

# mypy: ignore-errors
# The compiler checks the types of @njit code.

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from odeflow.numeric._training_kernels import LANES

__all__ = ["SLACK", "SPARE", "multiply_small", "warm"]

SLACK = 8
"""Doubles that must be readable behind the last entry of B."""
MOST_ROWS = 8 if LANES == 8 else 4
SPARE = MOST_ROWS * SLACK
"""Doubles that a block at the edge of C is written to first."""
_DOUBLE, _INDEX = ir.DoubleType(), ir.IntType(64)


def make_block(rows: int, lanes: int):
    """Return an intrinsic that writes `rows` x `lanes` entries of A B to C; all matrices are addresses and strides."""
    vector = ir.VectorType(_DOUBLE, lanes)

    @intrinsic
    def block(typingctx, A, a_row, a_column, B, b_row, C, c_row, count):
        def generate(context, builder, signature, args):
            a, a_row, a_column, b, b_row, c, c_row, count = args
            a, b, c = (builder.inttoptr(address, _DOUBLE.as_pointer()) for address in (a, b, c))

            def load_row(pointer, offset):
                return builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())

            entry = builder.block
            loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
            builder.branch(loop)
            builder.position_at_end(loop)
            k = builder.phi(_INDEX)
            sums = [builder.phi(vector) for _ in range(rows)]
            k.add_incoming(ir.Constant(_INDEX, 0), entry)
            right = builder.load(load_row(b, builder.mul(k, b_row)), align=8)
            column = builder.mul(k, a_column)
            mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            for r, total in enumerate(sums):
                at = builder.add(column, builder.mul(ir.Constant(_INDEX, r), a_row))
                one = builder.load(builder.gep(a, [at]), align=8)
                lane = builder.insert_element(ir.Constant(vector, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
                spread = builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), mask)
                product = builder.fmul(spread, right, flags=("contract",))
                total.add_incoming(ir.Constant(vector, [0.0] * lanes), entry)
                total.add_incoming(builder.fadd(total, product, flags=("contract",)), loop)
            following = builder.add(k, ir.Constant(_INDEX, 1))
            k.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
            builder.position_at_end(done)
            for r, total in enumerate(sums):
                summed = total.incomings[1][0]
                builder.store(summed, load_row(c, builder.mul(ir.Constant(_INDEX, r), c_row)), align=8)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 8), generate

    return block


eight_by_eight, eight_by_four = make_block(8, 8), make_block(8, 4)
four_by_eight, four_by_four = make_block(4, 8), make_block(4, 4)
one_by_eight, one_by_four = make_block(1, 8), make_block(1, 4)


@njit(cache=True, nogil=True, error_model="numpy")
def multiply_small(A, a_row, a_column, p, q, B, C, spare):
    """C = A B for A (p, q) of any strides (counted in entries, A flat), B (q, r) and C in rows.

    `spare` has SPARE entries. B may be followed by anything, but by at least SLACK doubles.
    """
    r = C.shape[1]
    a, b, c, s = A.ctypes.data, B.ctypes.data, C.ctypes.data, spare.ctypes.data
    i = 0
    while i < p:
        rows = MOST_ROWS if i + MOST_ROWS <= p else 4 if i + 4 <= p else 1
        at_a = a + 8 * i * a_row
        j = 0
        while j < r:
            left = r - j
            lanes = 8 if left > 4 else 4
            fits = left >= lanes
            at_c = c + 8 * (i * r + j) if fits else s
            stride = r if fits else lanes
            at_b = b + 8 * j
            if rows == 8:
                if lanes == 8:
                    eight_by_eight(at_a, a_row, a_column, at_b, r, at_c, stride, q)
                else:
                    eight_by_four(at_a, a_row, a_column, at_b, r, at_c, stride, q)
            elif rows == 4:
                if lanes == 8:
                    four_by_eight(at_a, a_row, a_column, at_b, r, at_c, stride, q)
                else:
                    four_by_four(at_a, a_row, a_column, at_b, r, at_c, stride, q)
            elif lanes == 8:
                one_by_eight(at_a, a_row, a_column, at_b, r, at_c, stride, q)
            else:
                one_by_four(at_a, a_row, a_column, at_b, r, at_c, stride, q)
            if not fits:
                for k in range(rows):
                    for lane in range(left):
                        C[i + k, j + lane] = spare[k * lanes + lane]
            j += lanes
        i += rows


def warm() -> None:
    """Compile the product."""
    buffer = np.zeros(1 + SLACK)
    multiply_small(np.ones(1), 1, 1, 1, 1, buffer[:1].reshape(1, 1), np.empty((1, 1)), np.empty(SPARE))
