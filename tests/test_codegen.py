"""Compiled expressions agree with 50-digit arithmetic within their own rounding errors, and the cache never lies."""

from __future__ import annotations

import ast
import ctypes
import gc
import inspect
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, example, given
from hypothesis import strategies as st

import odeflow.codegen
from odeflow.codegen import compile_events, compile_expression, compile_field
from odeflow.errors import InvalidArgumentError
from odeflow.numeric import compiled
from odeflow.numeric._lane_functions import LANES
from odeflow.numeric.compiled import CompiledField, cache_folder

X, Y, Z = sympy.symbols("x y z", real=True)

# Unit roundoffs charged for one operation: a C library function may err by an ulp or two, and elimination of common
# subexpressions may regroup a sum or a product.
OPERATION = 4 * 2.0**-53
# First-order error propagation neglects products of errors, and a sum of many terms is charged once.
SLACK = 8.0


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ODEFLOW_CACHE_DIR", str(tmp_path / "cache"))


# --- the second route: 50 digits, with a running error bound ---------------------------------------------------------


class Undecidable(Exception):
    """The value is not real, or lies on the wrong side of a jump within its error."""


def bounded(node, point):
    """Return the value of an expression in 50 digits and a first-order bound on the rounding error of float64."""
    if node in point:
        return mpmath.mpf(point[node]), mpmath.mpf(0)
    if node.is_Integer:
        return mpmath.mpf(int(node)), mpmath.mpf(0)
    if node.is_Number or node.is_NumberSymbol:
        value = mpmath.mpf(sympy.N(node, 50))
        return value, abs(value) * OPERATION
    if isinstance(node, sympy.Piecewise):
        for branch, condition in node.args:
            if holds(condition, point):
                return bounded(branch, point)
        raise Undecidable
    parts = [bounded(argument, point) for argument in node.args]
    values, errors = [v for v, _ in parts], [e for _, e in parts]
    value = exact(node, values)
    if isinstance(node, sympy.Add):
        return value, sum(errors) + OPERATION * sum(abs(v) for v in values)
    if isinstance(node, sympy.Mul):
        relative = sum(e / abs(v) for v, e in parts if v) + OPERATION * len(values)
        return value, abs(value) * relative + (0 if value else sum(errors))
    if isinstance(node, (sympy.Max, sympy.Min)):
        return value, max(errors)
    if isinstance(node, (sympy.sign, sympy.Heaviside)):
        if abs(values[0]) <= 100 * errors[0]:
            raise Undecidable
        return value, mpmath.mpf(0)
    if isinstance(node, sympy.Abs):
        return value, errors[0]
    # Where an argument is off by its error, the value is off by about the difference: no derivative is typed here.
    shifts = [
        abs(exact(node, [*values[:i], values[i] + sign * errors[i], *values[i + 1 :]]) - value)
        for i in range(len(values))
        if errors[i]
        for sign in (-1, 1)
    ]
    return value, sum(shifts) + OPERATION * abs(value)


def exact(node, values):
    if isinstance(node, sympy.Pow) and values[0] < 0 and not node.exp.is_integer:
        raise Undecidable
    if isinstance(node, sympy.log) and values[0] <= 0:
        raise Undecidable
    if isinstance(node, sympy.Pow) and values[0] == 0 and values[1] <= 0:
        raise Undecidable
    table = {
        sympy.Add: lambda *v: mpmath.fsum(v), sympy.Mul: lambda *v: mpmath.fprod(v), sympy.Pow: mpmath.power,
        sympy.exp: mpmath.exp, sympy.log: mpmath.log, sympy.sin: mpmath.sin, sympy.cos: mpmath.cos,
        sympy.tan: mpmath.tan, sympy.sinh: mpmath.sinh, sympy.cosh: mpmath.cosh, sympy.tanh: mpmath.tanh,
        sympy.atan: mpmath.atan, sympy.Abs: abs, sympy.sign: mpmath.sign, sympy.Max: max, sympy.Min: min,
        sympy.Heaviside: lambda v, at_zero: mpmath.mpf(1 if v > 0 else 0 if v < 0 else at_zero),
        sympy.erf: mpmath.erf, sympy.asinh: mpmath.asinh, sympy.atan2: mpmath.atan2,
    }  # fmt: skip
    return mpmath.mpf(table[node.func](*values))


def holds(condition, point):
    if condition in (sympy.true, sympy.false):
        return bool(condition)
    if isinstance(condition, sympy.And):
        decided = [holds(c, point) for c in condition.args]  # all of them must be decidable
        return all(decided)
    if isinstance(condition, sympy.Or):
        decided = [holds(c, point) for c in condition.args]
        return any(decided)
    if isinstance(condition, sympy.ITE):
        choice = [holds(c, point) for c in condition.args]
        return choice[1] if choice[0] else choice[2]
    (left, left_error), (right, right_error) = (bounded(side, point) for side in condition.args)
    if abs(left - right) <= 100 * (left_error + right_error):
        raise Undecidable
    return {
        sympy.StrictLessThan: left < right, sympy.LessThan: left <= right,
        sympy.StrictGreaterThan: left > right, sympy.GreaterThan: left >= right,
        sympy.Equality: False, sympy.Unequality: True,
    }[condition.func]  # fmt: skip


# --- random expressions ----------------------------------------------------------------------------------------------

numbers = st.one_of(
    st.integers(-5, 5).map(sympy.Integer),
    st.builds(sympy.Rational, st.integers(-20, 20), st.integers(1, 9)),
    st.floats(-3, 3, allow_subnormal=False).map(sympy.Float),
    st.sampled_from([sympy.pi, sympy.E, sympy.sqrt(2), sympy.GoldenRatio]),
)
exponents = st.sampled_from(
    [sympy.Integer(n) for n in (-20, -3, -2, -1, 2, 3, 7, 16, 17)]
    + [sympy.Rational(n, 2) for n in (-5, -1, 1, 3, 7)]
    + [sympy.Rational(1, 3), sympy.Rational(-7, 4), sympy.Float(2.0), sympy.Float(0.7), sympy.pi, X]
)
UNARY = [
    sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh, sympy.sqrt, sympy.Abs,
    sympy.sign, sympy.Heaviside, sympy.atan, sympy.erf, sympy.asinh,
]  # fmt: skip


def attempt(otherwise, make, *parts):
    """Return make(*parts) unless SymPy sees that it is not real or not finite."""
    try:
        made = make(*parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return otherwise
    complex_parts = (sympy.I, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.re, sympy.im, sympy.arg)
    known_false = isinstance(made, sympy.Expr) and made.is_extended_real is False
    return otherwise if known_false or made.has(*complex_parts) else made


def grow(children):
    def built(make, *parts):
        makers = make if isinstance(make, st.SearchStrategy) else st.just(make)
        return st.builds(lambda f, *p: attempt(X, f, *p), makers, *parts)

    kinds = st.sampled_from([sympy.Lt, sympy.Le, sympy.Gt, sympy.Ge])
    relations = st.builds(lambda kind, a, b: attempt(X < Y, kind, a, b), kinds, children, children)
    joined = st.builds(lambda join, a, b: join(a, b), st.sampled_from([sympy.And, sympy.Or]), relations, relations)
    conditions = st.one_of(relations, joined)
    return st.one_of(
        built(sympy.Add, children, children),
        built(sympy.Add, children, children, children),
        built(sympy.Mul, children, children, children),
        built(lambda a, b: a - b, children, children),
        built(lambda a, b: a / b, children, children),
        built(st.sampled_from(UNARY), children),
        built(sympy.Pow, children, exponents),
        built(st.sampled_from([sympy.Max, sympy.Min]), children, children),
        built(lambda a, c, b: sympy.Piecewise((a, c), (b, True)), children, conditions, children),
    )


expressions = st.recursive(st.one_of(st.sampled_from([X, Y]), numbers), grow, max_leaves=12)
coordinates = st.floats(-4, 4, allow_subnormal=False)


@given(expressions, coordinates, coordinates)
@example(sympy.Piecewise((X, X > 1), (sympy.sin(Y), (X > 0) & (Y < 1)), (1 / X, True)), 0.5, 0.25)
@example(sympy.exp(-X) / (X**2 * Y) - 3 / Y**2, 0.3, -2.0)
@example((X + 1) ** sympy.Rational(-5, 2) * (X + 1) ** 17, 0.7, 0.0)
@example(-X - Y - 1, 1.5, 2.5)
@example(X**1023, 1.0007, 0.0)  # products would err by hundreds of roundings
@example(sympy.Piecewise((Y, sympy.ITE(Y > 3, X > 2, X > 1)), (X, True)), 1.5, 2.0)
@example(sympy.Piecewise((Y, sympy.ITE(Y > 3, X > 2, X > 1)), (X, True)), 1.5, 4.0)
def test_compiled_values_err_by_no_more_than_their_own_rounding(expression, x, y):
    with mpmath.workdps(50):
        try:
            value, error = bounded(expression, {X: x, Y: y})
        except (Undecidable, ZeroDivisionError, OverflowError, ValueError):
            assume(False)
        assume(1e-200 < abs(value) < 1e200 or value == 0)
        assume(error <= 1e-3 * abs(value) + mpmath.mpf(1e-290))
        got = float(compile_expression(expression, [X, Y])(x, y))
        assert abs(mpmath.mpf(got) - value) <= SLACK * error + mpmath.mpf(1e-290)


@given(st.lists(expressions, min_size=2, max_size=3), coordinates, coordinates)
def test_a_field_computes_each_of_its_components_as_if_alone(components, x, y):
    states = [X, Y, Z][: len(components)]
    together = compile_field(components, states, parameters=[s for s in (X, Y) if s not in states])
    alone = [float(compile_expression(c, [X, Y])(x, y)) for c in components]
    with mpmath.workdps(50):
        for got, reference, component in zip(together(0.0, [x, y, 0.0][: len(states)]), alone, components, strict=True):
            try:
                _, error = bounded(component, {X: x, Y: y})
            except (Undecidable, ZeroDivisionError, OverflowError, ValueError):
                continue
            if np.isfinite(reference):
                assert abs(got - reference) <= SLACK * error + 1e-290


@given(st.lists(expressions, min_size=1, max_size=2), st.lists(coordinates, min_size=2, max_size=6))
@example([X**1023, (X + 1) ** sympy.Rational(-5, 2)], [1.0007, 0.3])
@example([sympy.Piecewise((Y, sympy.ITE(Y > 3, X > 2, X > 1)), (X, True)), sympy.sign(X)], [1.5, 4.0, -2.0, 0.0])
def test_lanes_err_by_no_more_than_their_own_rounding(components, numbers):
    states = [X, Y][: len(components)]
    field = compile_field(components, states, parameters=[s for s in (X, Y) if s not in states])
    points = [(numbers[i % len(numbers)], numbers[(i + i // len(numbers)) % len(numbers)]) for i in range(LANES)]
    values = in_lanes(field, points)
    with mpmath.workdps(50):
        for point, row in zip(points, values, strict=True):
            for component, got in zip(components, row, strict=True):
                try:
                    value, error = bounded(component, dict(zip((X, Y), point, strict=True)))
                except (Undecidable, ZeroDivisionError, OverflowError, ValueError):
                    continue
                if error <= 1e-3 * abs(value) and (1e-200 < abs(value) < 1e200 or value == 0):
                    assert abs(mpmath.mpf(float(got)) - value) <= SLACK * error + mpmath.mpf(1e-290)


def in_lanes(field, points):
    """Evaluate a field of one or two states, or of one state and one parameter, at LANES points; (LANES, k)."""
    both = np.ascontiguousarray(np.array(points, dtype=float).T)
    time, out = np.zeros(LANES), np.empty((field.dimension, LANES))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(field.lanes.address)
    call(time.ctypes.data, both.ctypes.data, both[field.n_states :].ctypes.data, out.ctypes.data)
    return out.T


# --- particular values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "at", "expected"),
    [
        (sympy.Heaviside(X), [-1.0, 0.0, 2.0], [0.0, 0.5, 1.0]),
        (sympy.Heaviside(X, 1), [-1.0, 0.0, 2.0], [0.0, 1.0, 1.0]),
        (sympy.sign(X), [-3.0, 0.0, 2.0], [-1.0, 0.0, 1.0]),
        (sympy.Max(0, X), [-3.0, 0.0, 2.0], [0.0, 0.0, 2.0]),
        (sympy.Min(0, X), [-3.0, 0.0, 2.0], [-3.0, 0.0, 0.0]),
        (sympy.Piecewise((1, sympy.Eq(X, 0)), (2, sympy.Ne(X, 1)), (3, True)), [0.0, 1.0, 2.0], [1.0, 3.0, 2.0]),
        (sympy.Piecewise((1, sympy.Not(sympy.Eq(X, 0) | (X > 1))), (2, True)), [0.0, 1.0, 2.0], [2.0, 1.0, 2.0]),
        (sympy.Piecewise((1, X > 0), evaluate=False), [-1.0, 1.0, 2.0], [np.nan, 1.0, 1.0]),
        (sympy.Piecewise((sympy.log(X), X > 0), (0, True)), [-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]),
        (sympy.sqrt(X), [-1.0, 0.0, 4.0], [np.nan, 0.0, 2.0]),
        (X ** sympy.Rational(1, 3), [-8.0, 0.0, 8.0], [np.nan, 0.0, 2.0]),
        (X**-20, [-1.0, 1.0, 2.0], [1.0, 1.0, 2.0**-20]),
        (X**-3, [-1.0, 1.0, 2.0], [-1.0, 1.0, 0.125]),
        (X ** sympy.Rational(-5, 2), [-1.0, 1.0, 4.0], [np.nan, 1.0, 1 / 32]),
        (sympy.Piecewise((1, (X > 0) & (X < 2)), (2, True)), [-1.0, 1.0, 3.0], [2.0, 1.0, 2.0]),
        (sympy.Piecewise((1, (X < 0) | (X > 2)), (2, True)), [-1.0, 1.0, 3.0], [1.0, 2.0, 1.0]),
        (sympy.Integer(3), [0.0, 1.0, 2.0], [3.0, 3.0, 3.0]),
    ],
)
def test_jumps_and_edges_take_their_documented_values(expression, at, expected):
    np.testing.assert_allclose(compile_expression(expression, [X])(at), expected, rtol=1e-15)


@pytest.mark.parametrize(
    "expression", [sympy.Max(0, X), sympy.Min(0, X), sympy.sign(X), sympy.Heaviside(X), abs(X), X**17]
)
def test_nan_is_never_hidden(expression):
    assert np.isnan(compile_expression(expression, [X])(np.nan))


def test_arguments_broadcast_like_numpy():
    product = compile_expression(X * Y + 1, [X, Y, Z])
    x, y = np.arange(3.0)[:, None], np.arange(4)
    assert product(x, y, 0).shape == (3, 4)
    np.testing.assert_array_equal(product(x, y, 0), x * y + 1)
    assert product(2, 3.0, np.float32(1)).shape == ()
    assert product(np.empty((0, 2)), 1.0, 1.0).shape == (0, 2)
    transposed = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(product(transposed, 1.0, 0.0), transposed + 1)


def test_time_states_and_parameters_are_told_apart():
    t, a, b = sympy.symbols("t a b")
    field = compile_field([t + 10 * X + 100 * Y, a - b], [X, Y], time=t, parameters=[a, b])
    np.testing.assert_array_equal(field(1.0, [2.0, 3.0], [5.0, 7.0]), [321.0, -2.0])
    assert (field.dimension, field.n_states, field.n_parameters) == (2, 2, 2)
    assert field.address != 0


def test_symbols_named_like_those_of_the_elimination_are_safe():
    x0, x1 = sympy.symbols("x0 x1")
    shared = sympy.exp(x0 * x1)
    field = compile_field([shared + x0, shared * x1 + sympy.sin(shared)], [x0, x1])
    e = np.exp(6.0)
    np.testing.assert_allclose(field(0.0, [2.0, 3.0]), [e + 2.0, 3.0 * e + np.sin(e)], rtol=1e-13)


def test_a_large_linear_field_is_its_matrix():
    n = 60
    matrix = np.random.default_rng(1).integers(-9, 9, (n, n))
    states = sympy.symbols(f"s:{n}")
    field = compile_field([sum(int(a) * s for a, s in zip(row, states, strict=True)) for row in matrix], states)
    y = np.random.default_rng(2).integers(-9, 9, n).astype(float)
    np.testing.assert_array_equal(field(0.0, y), matrix @ y)


def test_event_functions_may_be_fewer_than_the_states():
    events = compile_events([X - 1, X * Y, Y], [X, Y])
    np.testing.assert_array_equal(events(0.0, [3.0, 2.0]), [2.0, 6.0, 2.0])
    assert compile_events([X], [X, Y]).dimension == 1


def test_code_outlives_everything_but_its_field():
    fields = [compile_field([k * X], [X]) for k in range(1, 30)]
    gc.collect()
    assert [f(0.0, [1.0])[0] for f in fields] == list(range(1, 30))


def test_code_may_die_in_a_reference_cycle():
    for k in range(1, 200):
        cycle = [compile_field([k * X], [X])]
        cycle.append(cycle)
    del cycle
    gc.collect()
    assert compile_field([3 * X], [X])(0.0, [2.0])[0] == 6.0


def test_threads_may_compile_at_once():
    with ThreadPoolExecutor(8) as pool:
        fields = list(pool.map(lambda k: compile_field([sympy.sin(k * X)], [X]), range(1, 25)))
    for k, field in enumerate(fields, start=1):
        assert field(0.0, [0.3])[0] == pytest.approx(np.sin(0.3 * k), rel=1e-15)


def test_the_door_never_evaluates_text():
    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for module in (odeflow.codegen, compiled)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(node, (ast.Name, ast.Attribute))
    }
    assert not names & {"eval", "exec", "lambdify", "parse_expr", "S", "autowrap"}


# --- the cache -------------------------------------------------------------------------------------------------------


def stored():
    return sorted(Path(os.environ["ODEFLOW_CACHE_DIR"]).glob("*"))


def refuse_to_compile(code):
    raise AssertionError("compiled although the cache has it")


def test_a_second_compilation_comes_from_the_cache(monkeypatch):
    compile_field([sympy.tanh(X)], [X])
    assert len(stored()) == 1
    monkeypatch.setattr(compiled, "_compile", refuse_to_compile)
    assert compile_field([sympy.tanh(X)], [X])(0.0, [1.0])[0] == pytest.approx(np.tanh(1.0), rel=1e-15)
    with pytest.raises(AssertionError):
        compile_field([sympy.tanh(2 * X)], [X])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
        lambda content: b"x" * 10_000,
        lambda content: content + b"\0",
    ],
    ids=["empty", "cut in the head", "cut at the end", "one bit flipped", "foreign", "longer"],
)
def test_a_damaged_file_is_rebuilt(damage):
    expected = compile_field([sympy.cosh(X)], [X])(0.0, [1.0])
    (path,) = stored()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert compile_field([sympy.cosh(X)], [X])(0.0, [1.0]) == expected
    assert path.read_bytes() == whole


def test_without_a_folder_everything_works_uncached(tmp_path, monkeypatch):
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("ODEFLOW_CACHE_DIR", str(blocked / "below"))
    assert cache_folder() is None
    assert compile_field([X + 1], [X])(0.0, [1.0])[0] == 2.0
    monkeypatch.setattr(compiled.tempfile, "NamedTemporaryFile", lambda **_: (_ for _ in ()).throw(PermissionError()))
    monkeypatch.setenv("ODEFLOW_CACHE_DIR", str(tmp_path / "full"))
    assert compile_field([X + 2], [X])(0.0, [1.0])[0] == 3.0
    assert stored() == []


def test_the_usual_folder_is_the_users_cache_and_must_be_private(tmp_path, monkeypatch):
    monkeypatch.delenv("ODEFLOW_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled.tempfile, "gettempdir", lambda: str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "odeflow"
    (tmp_path / "odeflow").chmod(0o777)
    assert cache_folder() == tmp_path / "elsewhere" / f"odeflow-{os.getuid()}"
    (tmp_path / "odeflow").chmod(0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "odeflow"


PROGRAM = """
import sys, sympy
from odeflow.codegen import compile_field
x, y, z = sympy.symbols("x y z", real=True)
e = sympy.exp(x * y) * sympy.tanh(x + y + z) + sympy.Max(x, y, z) + (x + y + z) ** 2
f = compile_field([e, sympy.diff(sympy.tanh(x*y*z)*e.args[1], z), sympy.sin(e) / (1 + e**2)], [x, y, z])
print(f(0.0, [1.0, 2.0, 3.0]).tolist())
"""


def test_processes_may_race_and_agree_on_the_code():
    # Different hash seeds: the order of SymPy's sets must not leak into the generated code, or nothing is ever a hit.
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": str(seed)}
        )
        for seed in (1, 2, 3)
    ]
    answers = {run.communicate()[0] for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(answers) == 1
    assert [path.suffix for path in stored()] == [".o"]


def test_fields_and_expressions_travel_between_processes():
    field, bound = compile_field([sympy.exp(-X)], [X]), compile_expression(X + Y, [X, Y])
    again, bound_again = pickle.loads(pickle.dumps((field, bound)))
    assert again(0.0, [1.0]) == field(0.0, [1.0])
    assert bound_again(1.0, 2.0) == 3.0
    assert bound_again.arguments == ("x", "y")
    with pytest.raises(TypeError, match="bare address"):
        pickle.dumps(CompiledField(field.address, 1, 1, keep_alive=field))


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        (sympy.besselj(0, X) + X, r"besselj\(0, x\)"),
        (sympy.sin(sympy.gamma(X)), r"gamma\(x\)"),
        (sympy.diff(sympy.Heaviside(X), X), "DiracDelta"),
        (sympy.Derivative(sympy.Function("f")(X), X), "Derivative"),
        (sympy.I * X, "sub-expression I"),
        (X + sympy.oo, "sub-expression oo"),
        (sympy.Integer(10) ** 400 * X, "100000"),
        (sympy.Sum(X, (Y, 1, 3)), "Sum"),
        (sympy.Matrix([X]), "Matrix"),
    ],
)
def test_what_cannot_be_compiled_is_named(expression, named):
    with pytest.raises(InvalidArgumentError, match=named):
        inspect.unwrap(compile_expression)(expression, [X])


@pytest.mark.parametrize("bad", ["x + 1", "__import__('os').system('true')", None, [1], X > 1])
def test_only_sympy_expressions_are_taken(bad):
    with pytest.raises(InvalidArgumentError, match="Expected SymPy expressions"):
        inspect.unwrap(compile_expression)(bad, [X])


def test_free_symbols_are_listed_and_false_twins_explained():
    a, b = sympy.symbols("a b")
    with pytest.raises(InvalidArgumentError, match=r"these are free: a, b\. Pass them as parameters"):
        compile_field([b * X + a], [X])
    with pytest.raises(InvalidArgumentError, match="same name as x but other assumptions"):
        compile_field([sympy.Symbol("x")], [X])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([X], [X, Y]), {}, "one derivative for each state"),
        (([X, X], [X, X]), {}, "x stands twice"),
        (([X], [X]), {"parameters": [X]}, "x stands twice"),
        (([X], [X]), {"time": X}, "x stands twice"),
        (([], []), {}, "at least one expression"),
        (([X], [X**2]), {}, "Expected states to be SymPy symbols"),
        (([X], ["x"]), {}, "Expected states to be SymPy symbols"),
    ],
)
def test_symbols_must_be_distinct_and_complete(arguments, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        inspect.unwrap(compile_field)(*arguments, **options)


def test_values_are_checked_at_the_call():
    bound, field = compile_expression(X * Y, [X, Y]), compile_field([X], [X])
    with pytest.raises(InvalidArgumentError, match=r"Expected 2 arguments \(x, y\) but got 1"):
        bound(1.0)
    with pytest.raises(InvalidArgumentError, match=r"shapes that broadcast but got x \(2,\), y \(3,\)"):
        bound([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(InvalidArgumentError, match="Expected y to be real numbers"):
        bound(1.0, 1j)
    with pytest.raises(InvalidArgumentError, match="Expected y of shape"):
        field(0.0, [1.0, 2.0])
    with pytest.raises(InvalidArgumentError, match="Expected parameters of shape"):
        field(0.0, [1.0], [1.0])
    with pytest.raises(InvalidArgumentError, match="address >= 1"):
        CompiledField(0, 1, 1)
