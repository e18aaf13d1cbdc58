"""Words in which vector code is written for LLVM: loads, stores, broadcasts, and loops that carry registers.

Numba's cache of a kernel does not look at this file: after a change here, touch the kernels that use it.
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

__all__ = ["DOUBLE", "LONG", "VectorLoop", "VectorWords"]

DOUBLE, LONG, INT = ir.DoubleType(), ir.IntType(64), ir.IntType(32)


class VectorWords:
    """A few words of vector code; addresses are integers."""

    def __init__(self, builder, lanes):
        self.b, self.lanes = builder, lanes
        self.vector = ir.VectorType(DOUBLE, lanes)

    def at(self, base, *offsets):
        """Address `base` plus numbers, values, or pairs (value, bytes each)."""
        for offset in offsets:
            if isinstance(offset, tuple):
                offset = self.b.mul(offset[0], self.whole(offset[1]))
            base = self.b.add(base, self.whole(offset) if isinstance(offset, int) else offset)
        return base

    def load(self, address):
        return self.b.load(self.b.inttoptr(address, self.vector.as_pointer()), align=8)

    def store(self, value, address):
        self.b.store(value, self.b.inttoptr(address, self.vector.as_pointer()), align=8)

    def broadcast(self, value):
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.b.insert_element(undefined, value, ir.Constant(INT, 0))
        return self.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(INT, self.lanes), [0] * self.lanes))

    def spread(self, address):
        return self.broadcast(self.b.load(self.b.inttoptr(address, DOUBLE.as_pointer()), align=8))

    def index(self, value):
        return self.broadcast(self.b.sitofp(value, DOUBLE))

    def constant(self, value):
        return ir.Constant(self.vector, [float(value)] * self.lanes)

    @staticmethod
    def whole(value):
        return ir.Constant(LONG, value)

    def call(self, name, *values):
        kind = ir.FunctionType(self.vector, [self.vector] * len(values))
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, f"{name}.v{self.lanes}f64"), values)

    def multiply_add(self, x, y, z):
        """x y + z, fused where that is fast."""
        return self.call("llvm.fmuladd", x, y, z)

    def size(self, x):
        return self.call("llvm.fabs", x)

    def loop(self, start, stop, step, carried):
        return VectorLoop(self.b, start, stop, step, carried)


class VectorLoop:
    """for index in range(start, stop, step), with values carried in registers from round to round."""

    def __init__(self, builder, start, stop, step, carried):
        self.b, self.step, entry = builder, step, builder.block
        self.head, self.body, self.done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
        builder.branch(self.head)
        builder.position_at_end(self.head)
        self.index = builder.phi(LONG)
        self.index.add_incoming(start, entry)
        self.values = [builder.phi(value.type) for value in carried]
        for value, initial in zip(self.values, carried, strict=True):
            value.add_incoming(initial, entry)
        builder.cbranch(builder.icmp_signed("<" if step > 0 else ">", self.index, stop), self.body, self.done)
        builder.position_at_end(self.body)

    def close(self, values=()):
        """End the body with the values for the next round; return those after the last."""
        self.index.add_incoming(self.b.add(self.index, ir.Constant(LONG, self.step)), self.b.block)
        for value, following in zip(self.values, values, strict=True):
            value.add_incoming(following, self.b.block)
        self.b.branch(self.head)
        self.b.position_at_end(self.done)
        return self.values
