"""SymPy expression in, compiled field out: the one door between the symbolic and the numeric room.

Expressions are walked as data (nothing is printed to source and evaluated) and written as straight-line LLVM code
after common subexpression elimination. Piecewise, Max, Heaviside and their kin become selections without branches:
every branch is computed and one is kept, so a branch that is not real where it is not chosen does no harm.

The arithmetic is IEEE float64 with fused multiply-adds. A value that is not real (log of a negative number, an even
root of one) is NaN, as is a Piecewise none of whose conditions holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from llvmlite import ir
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, And, Boolean, BooleanAtom, Not, Or

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._lane_functions import LANE_VECTOR, call_lanes, splat
from odeflow.numeric.compiled import (
    ENTRY_POINT,
    CompiledExpression,
    CompiledField,
    load_machine_code,
)

__all__ = ["compile_events", "compile_expression", "compile_field"]

DOUBLE = ir.DoubleType()
INT64 = ir.IntType(64)
POINTER = DOUBLE.as_pointer()
FUSED = ("contract",)

INTRINSICS = {sympy.exp: "llvm.exp", sympy.log: "llvm.log", sympy.sin: "llvm.sin", sympy.cos: "llvm.cos"}
INTRINSICS |= {sympy.Abs: "llvm.fabs"}
LIBRARY = {
    function: function.__name__
    for function in (sympy.tan, sympy.asin, sympy.acos, sympy.atan, sympy.atan2, sympy.sinh, sympy.cosh, sympy.tanh)
} | {function: function.__name__ for function in (sympy.asinh, sympy.acosh, sympy.atanh, sympy.erf, sympy.erfc)}
FOLDED = {sympy.Max: "llvm.maximum", sympy.Min: "llvm.minimum"}
COMPARISONS = {sympy.Lt: "<", sympy.Le: "<=", sympy.Gt: ">", sympy.Ge: ">=", sympy.Eq: "==", sympy.Ne: "!="}
SUPPORTED = (sympy.Add, sympy.Mul, sympy.Pow, sympy.Heaviside, sympy.sign, sympy.Piecewise)
SUPPORTED += (*INTRINSICS, *LIBRARY, *FOLDED)

LARGEST_NUMBER = sympy.Integer(2) ** 1024 - sympy.Integer(2) ** 971
"""The largest finite float64."""
LARGEST_POWER = 16
"""Integer powers up to this are products; beyond it their rounding errors add up and the C library's pow is better."""


def compile_field(
    derivatives: Sequence[sympy.Expr],
    states: Sequence[sympy.Symbol],
    *,
    time: sympy.Symbol | None = None,
    parameters: Sequence[sympy.Symbol] = (),
) -> CompiledField:
    """Compile the right-hand side of y' = f(t, y, parameters).

    Parameters
    ----------
    derivatives
        The k components of f. They may be built from + - * / and powers, exp, log, sqrt, Abs, sign, Heaviside, Max,
        Min, sin, cos, tan, sinh, cosh, tanh and their inverses, atan2, erf, erfc, Piecewise with conditions made of
        relations, and real constants.
    states
        The k components of y, in the same order.
    time
        The symbol of t, if f depends on it.
    parameters
        The symbols whose values are passed at run time.

    Returns
    -------
    CompiledField
        Ready for `odeflow.numeric.integrate`; also callable as `field(t, y, parameters)`.

    Raises
    ------
    InvalidArgumentError
        A sub-expression cannot be compiled (the message names it), a symbol is free or stands twice, or there are not
        as many derivatives as states.

    Examples
    --------
    >>> import sympy
    >>> x, v, b = sympy.symbols("x v b", real=True)
    >>> damped = compile_field([v, -b * v - x], [x, v], parameters=[b])
    >>> damped(0.0, [1.0, 2.0], [0.5])
    array([ 2., -2.])
    """
    if len(derivatives) != len(states):
        raise InvalidArgumentError(
            f"Expected one derivative for each state but got {len(derivatives)} derivatives and {len(states)} states."
        )
    return _compile(derivatives, states, time, parameters)


def compile_events(
    functions: Sequence[sympy.Expr],
    states: Sequence[sympy.Symbol],
    *,
    time: sympy.Symbol | None = None,
    parameters: Sequence[sympy.Symbol] = (),
) -> CompiledField:
    """Compile event functions g(t, y, parameters), whose sign changes `odeflow.numeric.integrate` locates.

    Parameters
    ----------
    functions
        Any positive number of event functions, made as the derivatives of `compile_field`.
    states, time, parameters
        Exactly those of the field, in the same order.

    Returns
    -------
    CompiledField
        Its `dimension` is the number of event functions.

    Raises
    ------
    InvalidArgumentError
        As for `compile_field`.

    Examples
    --------
    >>> import sympy
    >>> x, v = sympy.symbols("x v", real=True)
    >>> compile_events([x - 1], [x, v])(0.0, [3.0, 0.0])
    array([2.])
    """
    return _compile(functions, states, time, parameters)


def compile_expression(expression: sympy.Expr, arguments: Sequence[sympy.Symbol]) -> CompiledExpression:
    """Compile one expression as a function of its arguments that broadcasts over NumPy arrays.

    Parameters
    ----------
    expression
        Made as the derivatives of `compile_field`.
    arguments
        Its free symbols, in the order of the call (more are allowed).

    Returns
    -------
    CompiledExpression
        float64 in, float64 out.

    Raises
    ------
    InvalidArgumentError
        As for `compile_field`.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> t, mu = sympy.symbols("t mu", positive=True)
    >>> bound = compile_expression(2 * sympy.exp(-mu * t), [t, mu])
    >>> bound(np.array([0.0, 1.0]), 0.5).round(3)
    array([2.   , 1.213])
    """
    (checked,) = _checked_expressions([expression])
    symbols = _checked_symbols({"arguments": arguments})
    _refuse_free_symbols([checked], symbols)
    code = _expression_code(checked, symbols)
    return CompiledExpression(tuple(str(s) for s in symbols), code, load_machine_code(code))


def _compile(
    expressions: Sequence[Any],
    states: Sequence[Any],
    time: Any,
    parameters: Sequence[Any],
) -> CompiledField:
    checked = _checked_expressions(expressions)
    known = _checked_symbols({"states": states, "time": [] if time is None else [time], "parameters": parameters})
    if not states:
        raise InvalidArgumentError("Expected at least one state but got none.")
    _refuse_free_symbols(checked, known)
    shared = _Shared(*sympy.cse(checked))
    return CompiledField.from_code(
        _field_code(shared, states, time, parameters),
        dimension=len(checked),
        n_states=len(states),
        n_parameters=len(parameters),
        lane_code=_lane_field_code(shared, states, time, parameters),
    )


# --- what may be compiled -------------------------------------------------------------------------------------------


def _checked_expressions(expressions: Iterable[Any]) -> list[sympy.Expr]:
    """Return SymPy expressions of which every node is supported."""
    checked = []
    for number, expression in enumerate(expressions):
        try:
            value = sympy.sympify(expression, strict=True)
        except sympy.SympifyError:
            value = None
        if not isinstance(value, sympy.Expr):
            raise InvalidArgumentError(
                f"Expected SymPy expressions but number {number} is {expression!r:.80}. Build it from symbols; strings "
                "are not parsed."
            )
        checked.append(value)
    if not checked:
        raise InvalidArgumentError("Expected at least one expression but got none.")
    _refuse_unsupported(checked)
    return checked


def _refuse_unsupported(expressions: Sequence[sympy.Basic]) -> None:
    seen: set[sympy.Basic] = set()
    stack = list(expressions)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if not _is_supported(node):
            raise InvalidArgumentError(
                f"Cannot compile the sub-expression {node!s:.120} ({type(node).__name__}). Rewrite it with arithmetic, "
                "powers, exp, log, trigonometric and hyperbolic functions, Abs, sign, Heaviside, Max, Min or Piecewise."
            )
        stack.extend(node.args if not isinstance(node, sympy.Symbol) else ())


def _is_supported(node: sympy.Basic) -> bool:
    if isinstance(node, (sympy.Symbol, BooleanAtom)):
        return True
    if isinstance(node, (sympy.Number, sympy.NumberSymbol)):
        return bool(node.is_finite) and bool(abs(node) <= LARGEST_NUMBER)
    if isinstance(node, Boolean):
        return type(node) in COMPARISONS or isinstance(node, (And, Or, Not, ITE))
    return isinstance(node, (*SUPPORTED, sympy.functions.elementary.piecewise.ExprCondPair))


def _checked_symbols(groups: dict[str, Sequence[Any]]) -> list[sympy.Symbol]:
    """Return all symbols in order; none may stand twice."""
    symbols: list[sympy.Symbol] = []
    for name, group in groups.items():
        for symbol in group:
            if not isinstance(symbol, sympy.Symbol):
                raise InvalidArgumentError(f"Expected {name} to be SymPy symbols but got {symbol!r:.80}.")
            if symbol in symbols:
                raise InvalidArgumentError(
                    f"Expected distinct symbols but {symbol} stands twice among {', '.join(groups)}. Remove one."
                )
            symbols.append(symbol)
    return symbols


def _refuse_free_symbols(expressions: Sequence[sympy.Expr], known: Sequence[sympy.Symbol]) -> None:
    free = set().union(*(e.free_symbols for e in expressions)) - set(known)
    if not free:
        return
    names = sorted(str(s) for s in free)
    twins = sorted({str(s) for s in known} & set(names))
    hint = (
        f" A known symbol has the same name as {', '.join(twins)} but other assumptions; use one and the same symbol."
        if twins
        else " Pass them as parameters or substitute their values."
    )
    raise InvalidArgumentError(f"Expected every symbol to be known but these are free: {', '.join(names)}.{hint}")


# --- LLVM code ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shared:
    """Expressions after common subexpression elimination: the common ones, and what remains."""

    common: list[tuple[sympy.Symbol, sympy.Basic]]
    remaining: list[sympy.Expr]


def _field_code(
    expressions: _Shared,
    states: Sequence[sympy.Symbol],
    time: sympy.Symbol | None,
    parameters: Sequence[sympy.Symbol],
) -> str:
    """Write `void f(double t, double *y, double *parameters, double *out)`."""
    builder = _begin([DOUBLE, POINTER, POINTER, POINTER])
    t, y, p, out = builder.function.args
    emitter = _Emitter(builder)
    if time is not None:
        emitter.values[time] = t
    for base, symbols in ((y, states), (p, parameters)):
        for number, symbol in enumerate(symbols):
            emitter.values[symbol] = _load(builder, base, ir.Constant(INT64, number))
    for number, value in enumerate(emitter.emit_all(expressions)):
        _store(builder, value, out, ir.Constant(INT64, number))
    builder.ret_void()
    return str(builder.module)


def _lane_field_code(
    expressions: _Shared,
    states: Sequence[sympy.Symbol],
    time: sympy.Symbol | None,
    parameters: Sequence[sympy.Symbol],
) -> str:
    """Write the same function for `LANES` trajectories; every number becomes a row of LANES numbers, t included.

    The rows are 64-byte aligned in practice, but the code does not rely on it.
    """
    pointer = LANE_VECTOR.as_pointer()
    builder = _begin([pointer] * 4)
    t, y, p, out = builder.function.args
    emitter = _Emitter(builder, lanes=True)
    known = [(t, [] if time is None else [time]), (y, states), (p, parameters)]
    for base, symbols in known:
        for number, symbol in enumerate(symbols):
            emitter.values[symbol] = builder.load(builder.gep(base, [ir.Constant(INT64, number)]), align=8)
    for number, value in enumerate(emitter.emit_all(expressions)):
        builder.store(value, builder.gep(out, [ir.Constant(INT64, number)]), align=8)
    builder.ret_void()
    return str(builder.module)


def _expression_code(expression: sympy.Expr, arguments: Sequence[sympy.Symbol]) -> str:
    """Write `void f(int64 n, double *arguments, double *out)`, a loop over n columns of the arguments (k, n)."""
    builder = _begin([INT64, POINTER, POINTER])
    n, rows, out = builder.function.args
    start = builder.block
    loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
    zero, one = ir.Constant(INT64, 0), ir.Constant(INT64, 1)
    builder.cbranch(builder.icmp_signed(">", n, zero), loop, done)
    builder.position_at_end(loop)
    i = builder.phi(INT64)
    i.add_incoming(zero, start)
    emitter = _Emitter(builder)
    for number, symbol in enumerate(arguments):
        index = builder.add(builder.mul(n, ir.Constant(INT64, number)), i)
        emitter.values[symbol] = _load(builder, rows, index)
    (value,) = emitter.emit_all(_Shared(*sympy.cse([expression])))
    _store(builder, value, out, i)
    following = builder.add(i, one)
    i.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, n), loop, done)
    builder.position_at_end(done)
    builder.ret_void()
    return str(builder.module)


def _begin(argument_types: Sequence[ir.Type]) -> ir.IRBuilder:
    module = ir.Module(name="odeflow")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), argument_types), ENTRY_POINT)
    for argument in function.args:
        if isinstance(argument.type, ir.PointerType):
            argument.add_attribute("noalias")
    function.attributes.add("nounwind")
    return ir.IRBuilder(function.append_basic_block("start"))


def _load(builder: ir.IRBuilder, base: ir.Value, index: ir.Value) -> ir.Value:
    return builder.load(builder.gep(base, [index]))


def _store(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, index: ir.Value) -> None:
    builder.store(value, builder.gep(base, [index]))


class _Emitter:
    """Writes expressions at the builder's place; `values` maps every node already written to its LLVM value.

    With `lanes`, every value is a vector, one number for each of several trajectories.
    """

    def __init__(self, builder: ir.IRBuilder, *, lanes: bool = False) -> None:
        self.builder = builder
        self.lanes = lanes
        self.values: dict[sympy.Basic, ir.Value] = {}

    def emit_all(self, expressions: _Shared) -> list[ir.Value]:
        """Write all expressions, common subexpressions once."""
        for symbol, expression in expressions.common:
            self.values[symbol] = self.emit(expression)
        return [self.emit(expression) for expression in expressions.remaining]

    def emit(self, node: sympy.Basic) -> ir.Value:
        """Write one node (a number or a condition), unless it has a value already."""
        if node not in self.values:
            self.values[node] = self._emit_new(node)
        return self.values[node]

    def _emit_new(self, node: sympy.Basic) -> ir.Value:
        b = self.builder
        match node:
            case sympy.Number() | sympy.NumberSymbol():
                return self.constant(float(node))
            case sympy.Add():
                return self._sum(node)
            case sympy.Mul():
                return self._product(node)
            case sympy.Pow():
                return self._power(node)
            case sympy.Heaviside():
                x, at_zero = self.emit(node.args[0]), self.emit(node.args[1])
                # NaN stays NaN: neither comparison holds, and x itself is chosen.
                rest = b.select(b.fcmp_ordered("==", x, self.constant(0.0)), at_zero, x)
                return self._step(x, self.constant(0.0), rest)
            case sympy.sign():
                x = self.emit(node.args[0])
                return self._step(x, self.constant(-1.0), x)
            case sympy.Piecewise():
                value = self.constant(float("nan"))
                for branch, condition in reversed(node.args):
                    value = b.select(self.emit(condition), self.emit(branch), value)
                return value
            case BooleanAtom() | Relational() | And() | Or() | Not() | ITE():
                return self._condition(node)
        values = [self.emit(argument) for argument in node.args]
        if node.func in FOLDED:
            return self._fold(lambda u, v: self._call(FOLDED[node.func], u, v), values)
        if node.func in INTRINSICS:
            return self._call(INTRINSICS[node.func], *values)
        return self._call(LIBRARY[node.func], *values)

    def constant(self, value: float) -> ir.Value:
        return splat(value) if self.lanes else ir.Constant(DOUBLE, value)

    def _step(self, x: ir.Value, below: ir.Value, rest: ir.Value) -> ir.Value:
        b, zero = self.builder, self.constant(0.0)
        positive = b.select(b.fcmp_ordered(">", x, zero), self.constant(1.0), rest)
        return b.select(b.fcmp_ordered("<", x, zero), below, positive)

    def _sum(self, node: sympy.Add) -> ir.Value:
        b = self.builder
        added = [term for term in node.args if not _is_negative(term)]
        taken = [-term for term in node.args if _is_negative(term)]
        if added:
            value = self._fold(lambda u, v: b.fadd(u, v, flags=FUSED), [self.emit(term) for term in added])
        else:
            value = b.fneg(self.emit(taken.pop(0)))
        for term in taken:
            value = b.fsub(value, self.emit(term), flags=FUSED)
        return value

    def _product(self, node: sympy.Mul) -> ir.Value:
        b = self.builder
        if _is_negative(node):
            return b.fneg(self.emit(-node))
        above = [factor for factor in node.args if not _is_reciprocal(factor)]
        below = [1 / factor for factor in node.args if _is_reciprocal(factor)]
        value = self._multiply([self.emit(factor) for factor in above]) if above else self.constant(1.0)
        return b.fdiv(value, self._multiply([self.emit(f) for f in below])) if below else value

    def _power(self, node: sympy.Pow) -> ir.Value:
        b, exponent = self.builder, node.exp
        if node.base is sympy.E:
            return self._call("llvm.exp", self.emit(exponent))
        twice = 2 * exponent if isinstance(exponent, sympy.Number) else None
        if twice is None or twice != int(twice) or abs(twice) > 2 * LARGEST_POWER:
            return self._call("llvm.pow", self.emit(node.base), self.emit(exponent))
        base = self.emit(node.base)
        whole, half = divmod(abs(int(twice)), 2)
        factors = [self._natural_power(base, whole)] if whole else []
        if half:
            factors.append(self._call("llvm.sqrt", base))
        value = self._multiply(factors) if factors else self.constant(1.0)
        return b.fdiv(self.constant(1.0), value) if twice < 0 else value

    def _natural_power(self, base: ir.Value, exponent: int) -> ir.Value:
        """Repeated squaring, exponent >= 1."""
        square, value = base, None
        while True:
            if exponent & 1:
                value = square if value is None else self._multiply([value, square])
            exponent >>= 1
            if not exponent:
                assert value is not None
                return value
            square = self._multiply([square, square])

    def _multiply(self, values: Sequence[ir.Value]) -> ir.Value:
        return self._fold(lambda u, v: self.builder.fmul(u, v, flags=FUSED), values)

    def _condition(self, node: Boolean) -> ir.Value:
        b = self.builder
        match node:
            case BooleanAtom():
                zero = self.constant(0.0)
                return b.fcmp_ordered("==" if node else "!=", zero, zero)
            case ITE():
                return b.select(*(self.emit(argument) for argument in node.args))
            case Not():
                return b.not_(self.emit(node.args[0]))
            case And() | Or():
                join = b.and_ if isinstance(node, And) else b.or_
                return self._fold(join, [self.emit(argument) for argument in node.args])
        left, right = self.emit(node.args[0]), self.emit(node.args[1])
        compare = b.fcmp_unordered if isinstance(node, sympy.Ne) else b.fcmp_ordered
        return compare(COMPARISONS[type(node)], left, right)

    def _call(self, name: str, *values: ir.Value) -> ir.Value:
        if self.lanes:
            return call_lanes(self.builder, name, *values)
        full = f"{name}.f64" if name.startswith("llvm.") else name
        function = self.builder.module.globals.get(full)
        if function is None:
            signature = ir.FunctionType(DOUBLE, [value.type for value in values])
            function = ir.Function(self.builder.module, signature, full)
        return self.builder.call(function, values)

    @staticmethod
    def _fold(combine: Callable[[ir.Value, ir.Value], ir.Value], values: Sequence[ir.Value]) -> ir.Value:
        value = values[0]
        for other in values[1:]:
            value = combine(value, other)
        return value


def _is_negative(node: sympy.Basic) -> bool:
    """Tell whether a node is a product with a negative number in front."""
    return isinstance(node, sympy.Mul) and isinstance(node.args[0], sympy.Number) and bool(node.args[0].is_negative)


def _is_reciprocal(node: sympy.Basic) -> bool:
    return isinstance(node, sympy.Pow) and isinstance(node.exp, sympy.Number) and bool(node.exp.is_negative)
