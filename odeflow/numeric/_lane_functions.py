"""Elementary functions of several numbers at once, as LLVM vector code: one number a lane.

Where LLVM has a vector instruction (sqrt, fabs, fma, maximum, minimum) that is used. exp, log, sin, cos, tanh, sinh and
cosh are argument reduction and a polynomial, without branches except where sine and cosine meet an argument beyond
2^30. All others (pow with an exponent that is not half an integer, erf, arc functions) call the C library lane by lane:
right, but no faster than one by one.

Largest errors seen in units of the last place: exp 1.1, log 0.8, sin and cos 1.5, tanh and sinh 2.3, cosh 1.4; the
tests allow 2.5. Subnormal results are rounded to the subnormal grid; infinities and NaN go where IEEE 754 sends them.

References
----------
W. J. Cody, W. Waite (1980), Software Manual for the Elementary Functions (reduction of the argument in parts).
J.-M. Muller (2016), Elementary Functions, 3rd edition, chapters 3 and 11. The coefficients are Chebyshev
interpolants, computed with 60 digits for this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

__all__ = ["LANES", "LANE_VECTOR", "call_lanes", "splat"]

LANES = 16
"""Numbers a vector; LLVM splits vectors for the machine. Two registers with AVX-512, because the operations on one fill
the waits of the other: that is a sixth faster than eight lanes."""

DOUBLE, INT32, INT64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
LANE_VECTOR = ir.VectorType(DOUBLE, LANES)
BITS = ir.VectorType(INT64, LANES)

ONE_INSTRUCTION = {"llvm.sqrt", "llvm.fabs", "llvm.maximum", "llvm.minimum", "llvm.fma", "llvm.copysign"}

LN2, LN2_REST = 0.6931471805599453, 2.3190468138462996e-17
HALF_PI, HALF_PI_REST, HALF_PI_LAST = 1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33
ROUNDER = 6755399441055744.0
"""1.5 2^52: adding it rounds to an integer, which then stands in the low bits."""
LARGEST_ANGLE = 2.0**30

# (e^r - 1 - r)/r^2 for |r| < ln(2)/2, error 1e-16 (which r^2 divides by 8).
EXPONENTIAL = (
    *(0.5000000000000001, 0.16666666666666669, 0.04166666666662399, 0.008333333333330051, 0.0013888888917281794),
    *(0.00019841269863105968, 2.480152119021773e-05, 2.7557268378684192e-06, 2.7620138719733994e-07),
    2.5100424157005067e-08,
)
# (log((1+s)/(1-s)) - 2s)/s^3 as a function of s^2, for (1+s)/(1-s) in [sqrt(1/2), sqrt(2)], error 3e-16.
LOGARITHM = (
    *(0.666666666666667, 0.3999999999989889, 0.28571428626253836, 0.22222211089379496, 0.1818289243253687),
    *(0.15331611722055008, 0.14617807153417325),
)
# (sin r - r)/r^3 and (cos r - 1 + r^2/2)/r^4 as functions of r^2, for |r| <= pi/4, errors 2e-17 and 1e-18.
SINE = (
    *(-0.16666666666666666, 0.008333333333330925, -0.00019841269836722418, 2.755731608381636e-06),
    *(-2.5051127944014188e-08, 1.5917848524808262e-10),
)
COSINE = (
    *(0.041666666666666664, -0.0013888888888887382, 2.480158729874307e-05, -2.7557317260008837e-07),
    *(2.0876143827993133e-09, -1.1382456778061306e-11),
)


def splat(value: float) -> ir.Constant:
    """Return a constant in every lane."""
    return ir.Constant(LANE_VECTOR, [value] * LANES)


def call_lanes(builder: ir.IRBuilder, name: str, *values: ir.Value) -> ir.Value:
    """Apply a function, named as LLVM's intrinsic or as the C library's function, to every lane.

    Parameters
    ----------
    builder
        Where the call is written; helper functions are added to its module, once each.
    name
        "llvm.exp", "llvm.pow", "tanh", "erf", ...
    values
        Vectors of `LANES` doubles.
    """
    if name in ONE_INSTRUCTION:
        return builder.call(_declared(builder.module, f"{name}.v{LANES}f64", LANE_VECTOR, len(values)), values)
    plain = name.removeprefix("llvm.")
    module, full = builder.module, f"lanes_{plain}"
    function = module.globals.get(full)
    if function is None:
        function = ir.Function(module, ir.FunctionType(LANE_VECTOR, [LANE_VECTOR] * len(values)), full)
        function.linkage = "internal"
        function.attributes.add("nounwind")
        inner = _Words(ir.IRBuilder(function.append_basic_block("start")))
        inner.b.ret(FORMULAS[plain](inner, *function.args) if plain in FORMULAS else inner.one_by_one(name))
    return builder.call(function, values)


def _declared(module: ir.Module, name: str, kind: ir.Type, arguments: int) -> ir.Function:
    """Return an external function, declared once."""
    function = module.globals.get(name)
    return function if function is not None else ir.Function(module, ir.FunctionType(kind, [kind] * arguments), name)


class _Words:
    """Vector arithmetic in few words; nothing may be reassociated, the formulas rely on the order of rounding."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.b = builder

    def fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        return call_lanes(self.b, "llvm.fma", x, y, z)

    def absolute(self, x: ir.Value) -> ir.Value:
        return call_lanes(self.b, "llvm.fabs", x)

    def with_sign(self, x: ir.Value, sign: ir.Value) -> ir.Value:
        return call_lanes(self.b, "llvm.copysign", x, sign)

    def choose(self, left: ir.Value, relation: str, right: float, yes: ir.Value, no: ir.Value) -> ir.Value:
        """yes where the relation holds, else no (also where left is NaN)."""
        return self.b.select(self.b.fcmp_ordered(relation, left, splat(right)), yes, no)

    def bits(self, x: ir.Value) -> ir.Value:
        return self.b.bitcast(x, BITS)

    def number(self, x: ir.Value) -> ir.Value:
        return self.b.bitcast(x, LANE_VECTOR)

    @staticmethod
    def whole(value: int) -> ir.Constant:
        return ir.Constant(BITS, [value] * LANES)

    def power_of_two(self, rounded: ir.Value) -> ir.Value:
        """2^k from k + ROUNDER, |k| < 1023."""
        shifted = self.b.shl(self.bits(rounded), self.whole(52))
        return self.number(self.b.add(shifted, self.whole(1023 << 52)))

    def polynomial(self, coefficients: Sequence[float], x: ir.Value) -> ir.Value:
        """Evaluate c_0 + c_1 x + ... in pairs, pairs of pairs, ...: few operations wait for each other."""
        terms: list[ir.Value] = [splat(c) for c in coefficients]
        while len(terms) > 1:
            pairs = [self.fma(terms[i + 1], x, terms[i]) for i in range(0, len(terms) - 1, 2)]
            terms = pairs + terms[len(pairs) * 2 :]
            x = self.b.fmul(x, x)
        return terms[0]

    def one_by_one(self, name: str) -> ir.Value:
        """Call the scalar function on each lane of the function's own arguments."""
        b, values = self.b, self.b.function.args
        full = f"{name}.f64" if name.startswith("llvm.") else name
        function = _declared(b.module, full, DOUBLE, len(values))
        result: ir.Value = ir.Constant(LANE_VECTOR, ir.Undefined)
        for lane in range(LANES):
            index = ir.Constant(INT32, lane)
            result = b.insert_element(result, b.call(function, [b.extract_element(v, index) for v in values]), index)
        return result


# --- formulas: each writes the body of its function and returns the value --------------------------------------------


def _reduced_exponent(w: _Words, x: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return k + ROUNDER, k and e^r - 1 where x = k ln 2 + r."""
    rounded = w.fma(x, splat(1.4426950408889634), splat(ROUNDER))
    k = w.b.fsub(rounded, splat(ROUNDER))
    r = w.fma(k, splat(-LN2), x)
    r = w.fma(k, splat(-LN2_REST), r)
    return rounded, k, w.fma(w.b.fmul(r, r), w.polynomial(EXPONENTIAL, r), r)


def _exp_times(w: _Words, x: ir.Value, shift: int) -> ir.Value:
    """e^x 2^shift, rounded once more where the result is subnormal. The power of two is split: it may be 2^1024."""
    x = w.choose(x, ">", 712.0, splat(712.0), x)
    x = w.choose(x, "<", -750.0, splat(-750.0), x)
    _, k, minus_one = _reduced_exponent(w, x)
    half = w.fma(k, splat(0.5), splat(ROUNDER))
    rest = w.b.fsub(k, w.b.fsub(half, splat(ROUNDER)))
    value = w.b.fmul(w.b.fadd(minus_one, splat(1.0)), w.power_of_two(half))
    return w.b.fmul(value, w.power_of_two(w.b.fadd(rest, splat(ROUNDER + shift))))


def _exp(w: _Words, x: ir.Value) -> ir.Value:
    return _exp_times(w, x, 0)


def _expm1_of_size(w: _Words, x: ir.Value, largest: float) -> ir.Value:
    """e^min(x, largest) - 1 for x >= 0."""
    rounded, _, minus_one = _reduced_exponent(w, w.choose(x, ">", largest, splat(largest), x))
    scale = w.power_of_two(rounded)
    return w.fma(scale, minus_one, w.b.fsub(scale, splat(1.0)))


def _tanh(w: _Words, x: ir.Value) -> ir.Value:
    """E/(E + 2), E = e^(2|x|) - 1; beyond 22 that is 1."""
    size = w.absolute(x)
    e = _expm1_of_size(w, w.b.fadd(size, size), 44.0)
    return w.with_sign(w.b.fdiv(e, w.b.fadd(e, splat(2.0))), x)


def _sinh(w: _Words, x: ir.Value) -> ir.Value:
    """(E + E/(E+1))/2, E = e^|x| - 1; from 20 on e^|x|/2, which overflows later than e^|x|."""
    size = w.absolute(x)
    e = _expm1_of_size(w, size, 20.0)
    near = w.b.fmul(splat(0.5), w.b.fadd(e, w.b.fdiv(e, w.b.fadd(e, splat(1.0)))))
    return w.with_sign(w.choose(size, ">=", 20.0, _exp_times(w, size, -1), near), x)


def _cosh(w: _Words, x: ir.Value) -> ir.Value:
    half = _exp_times(w, w.absolute(x), -1)
    return w.b.fadd(half, w.b.fdiv(splat(0.25), half))


def _log(w: _Words, x: ir.Value) -> ir.Value:
    """k ln 2 + log m, m in [sqrt(1/2), sqrt(2)], by log m = 2s + s^3 (...), s = (m-1)/(m+1)."""
    b = w.b
    small = b.fcmp_ordered("<", x, splat(2.0**-1022))
    scaled = b.select(small, b.fmul(x, splat(2.0**54)), x)
    # The exponent of scaled/sqrt(1/2), in the bits.
    offset = 0x3FF0000000000000 - 0x3FE6A09E667F3BCD
    shifted = b.add(w.bits(scaled), w.whole(offset))
    exponent = b.lshr(shifted, w.whole(52))
    mantissa = b.and_(shifted, w.whole(0x000FFFFFFFFFFFFF))
    f = b.fsub(w.number(b.add(mantissa, w.whole(0x3FE6A09E667F3BCD))), splat(1.0))
    k = b.fsub(w.number(b.or_(exponent, w.whole(0x4330000000000000))), splat(2.0**52 + 1023.0))
    k = b.select(small, b.fsub(k, splat(54.0)), k)
    s = b.fdiv(f, b.fadd(f, splat(2.0)))
    z = b.fmul(s, s)
    tail = b.fmul(z, w.polynomial(LOGARITHM, z))
    # 2s = f - f s, and f s = f^2/2 - s f^2/2: what is added to f is small against it, so the sum errs by half a unit.
    half_square = b.fmul(splat(0.5), b.fmul(f, f))
    correction = w.fma(s, b.fadd(half_square, tail), b.fmul(k, splat(LN2_REST)))
    value = w.fma(k, splat(LN2), b.fsub(f, b.fsub(half_square, correction)))
    value = w.choose(x, "==", float("inf"), x, value)
    value = w.choose(x, "==", 0.0, splat(float("-inf")), value)
    return b.select(b.fcmp_unordered("<", x, splat(0.0)), splat(float("nan")), value)


def _turned(quarters: int) -> Callable[[_Words, ir.Value], ir.Value]:
    """sin(x + quarters pi/2)."""

    def write(w: _Words, x: ir.Value) -> ir.Value:
        b = w.b
        fast, slow, done = (b.append_basic_block(name) for name in ("fast", "slow", "done"))
        far = b.fcmp_unordered(">", w.absolute(x), splat(LARGEST_ANGLE))
        any_far = b.icmp_unsigned("!=", b.bitcast(far, ir.IntType(LANES)), ir.Constant(ir.IntType(LANES), 0))
        b.cbranch(any_far, slow, fast)
        b.position_at_end(slow)
        library = w.one_by_one("llvm.cos" if quarters else "llvm.sin")
        b.branch(done)
        b.position_at_end(fast)
        value = _turned_sine(w, x, quarters)
        b.branch(done)
        b.position_at_end(done)
        result = b.phi(LANE_VECTOR)
        result.add_incoming(library, slow)
        result.add_incoming(value, fast)
        return result

    return write


def _turned_sine(w: _Words, x: ir.Value, quarters: int) -> ir.Value:
    """Reduce by pi/2 in three parts; the first product and difference are exact."""
    b = w.b
    rounded = w.fma(x, splat(0.6366197723675814), splat(ROUNDER))
    k = b.fsub(rounded, splat(ROUNDER))
    r = x
    for part in (HALF_PI, HALF_PI_REST, HALF_PI_LAST):
        r = w.fma(k, splat(-part), r)
    z = b.fmul(r, r)
    sine = w.fma(b.fmul(r, z), w.polynomial(SINE, z), r)
    half = b.fmul(splat(0.5), z)
    nearly = b.fsub(splat(1.0), half)
    lost = b.fsub(b.fsub(splat(1.0), nearly), half)
    cosine = b.fadd(nearly, w.fma(b.fmul(z, z), w.polynomial(COSINE, z), lost))
    turns = b.add(w.bits(rounded), w.whole(quarters))
    odd = b.icmp_unsigned("!=", b.and_(turns, w.whole(1)), w.whole(0))
    negative = b.shl(b.and_(turns, w.whole(2)), w.whole(62))
    return w.number(b.xor(w.bits(b.select(odd, cosine, sine)), negative))


FORMULAS: dict[str, Any] = {
    "exp": _exp, "log": _log, "sin": _turned(0), "cos": _turned(1), "tanh": _tanh, "sinh": _sinh, "cosh": _cosh,
}  # fmt: skip
