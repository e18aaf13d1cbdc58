"""Which ODE does this line of text mean? A small grammar for flows and energies, read by hand and never evaluated.

    flow    = vector [ "=" vector ]
    vector  = sums of  scalar * x''' ,  scalar * grad(x + scalar*x') ,  scalar * hess * (vector)
    energy  = sums of  scalar * f ,  scalar * norm(vector)^2 ,  scalar * inner(vector, vector)
    scalar  = numbers, t, parameters, sqrt(...), + - * / ^

Decimals are exact rationals. Division is by one term (a number, a parameter, a power of t), not by a sum. In an energy
`v` is x', `x` is the distance to the minimiser, `f` is f - f* at the point where the flow takes its gradient and
`grad` that gradient.

Examples
--------
>>> flow = parse_flow("x'' + 2*x' + grad(x)")
>>> flow.order, str(flow)
(2, "x'' + 2*x' + grad(x) = 0")
>>> parse_flow("x'' + 2 x' + grad(x)")
Traceback (most recent call last):
...
odeflow.flow_text.FlowTextError: Expected an operator or the end but got "x'" at column 9. Write a product with *.
  x'' + 2 x' + grad(x)
          ^
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from odeflow.errors import InvalidArgumentError
from odeflow.flows import EnergySpec, FlowSpec, Scalar

__all__ = ["FlowTextError", "parse_energy", "parse_flow", "parse_rational"]

LONGEST_TEXT = 500
DEEPEST = 30
LONGEST_NUMBER = 30
HIGHEST_ORDER = 4
HIGHEST_POWER = 12

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)(?P<primes>'*)|(?P<sign>\*\*|.))", re.ASCII
)

Atom = tuple[str, int]
"""("x", j) is x^(j), ("grad", 0) the gradient, ("hess", j) the Hessian applied to x^(j)."""


class FlowTextError(InvalidArgumentError):
    """A flow or an energy that cannot be read; the message carries the text with a caret under the place.

    Attributes
    ----------
    text : what was read
    column : where, counted from 1
    """

    in_lines = True

    def __init__(self, message: str, text: str, column: int) -> None:
        # the text is shown on one line, whatever a terminal takes for a new one
        shown = " ".join(text.splitlines())
        super().__init__(f"{message}\n  {shown}\n  {' ' * (column - 1)}^")
        self.text, self.column = text, column


def parse_flow(text: str) -> FlowSpec:
    """Read an optimiser ODE, such as `x'' + 3/t*x' + grad(x)` or `x'' = -2*x' - grad(x + 1/2*x')`.

    Raises
    ------
    FlowTextError
        The text is not an optimiser ODE; the message points at the column.
    """
    parser = _Parser(text, energy=False)
    total: _Value = parser.vector_sum()
    if parser.peek() == "=":
        parser.next()
        column = parser.column()
        right = parser.sum()
        if isinstance(right, Scalar):
            if right.terms:
                parser.fail("Expected a vector or 0 on the right of '='", column)
        else:
            total = parser.add(total, right, -1, column)
    parser.expect_end()
    assert isinstance(total, _Vector)  # a sum that begins with a vector is one, or add has raised
    return _flow_of(parser, total)


def parse_energy(text: str, flow: FlowSpec) -> EnergySpec:
    """Read an energy of a flow, such as `f + 1/2*norm(x + v)^2`.

    Parameters
    ----------
    text : the energy
    flow : gives the states that may occur (x to the derivative of order k - 1) and the point of f and grad

    Examples
    --------
    >>> energy = parse_energy("f + 1/2*norm(x + v)^2", parse_flow("x'' + 2*x' + grad(x)"))
    >>> print(energy)
    f + 1/2*|x|^2 + <x, x'> + 1/2*|x'|^2
    """
    parser = _Parser(text, energy=True)
    value = parser.sum()
    parser.expect_end()
    if not isinstance(value, _Quadratic):
        parser.fail("Expected an energy, a sum of f, norm(...)^2 and inner(..., ...)", 1)
    size = flow.order + 1
    matrix = [[Scalar.of(0) for _ in range(size)] for _ in range(size)]
    for (left, right), coefficient in value.products.items():
        at = []
        for kind, j in (left, right):
            if kind == "x" and j >= flow.order:
                parser.fail(f"Expected derivatives below the order {flow.order} of the flow but got x{chr(39) * j}", 1)
            if kind == "grad" and parser.points[0] != flow.point:
                parser.fail(f"Expected the gradient at the flow's own point, grad({flow.point_text()})", 1)
            at.append(j if kind == "x" else flow.order)
        half = coefficient * Scalar.of(Fraction(1, 2))
        matrix[at[0]][at[1]] = matrix[at[0]][at[1]] + half
        matrix[at[1]][at[0]] = matrix[at[1]][at[0]] + half
    return EnergySpec(value.f, tuple(tuple(row) for row in matrix))


def parse_rational(text: str) -> Fraction:
    """Read `4/3`, `-2` or `0.25` exactly.

    Examples
    --------
    >>> parse_rational("0.25")
    Fraction(1, 4)
    """
    if len(text) > LONGEST_NUMBER or not re.fullmatch(r"\s*-?(\d+(/\d+)?|\d*\.\d+|\d+\.)\s*", text, re.ASCII):
        raise InvalidArgumentError(f"Expected a rational number but got {text[:40]!r}. Write 3, 4/3 or 0.25.")
    try:
        return Fraction(text.strip())
    except ZeroDivisionError:
        raise InvalidArgumentError(f"Expected a rational number but got {text!r}: its denominator is 0.") from None


@dataclass(frozen=True)
class _Vector:
    terms: Mapping[Atom, Scalar]


@dataclass(frozen=True)
class _Hessian:
    factor: Scalar


@dataclass(frozen=True)
class _Norm:
    """norm(u), which must be squared."""

    vector: _Vector


@dataclass(frozen=True)
class _Quadratic:
    f: Scalar
    products: Mapping[tuple[Atom, Atom], Scalar]


_Value = Scalar | _Vector | _Hessian | _Norm | _Quadratic
_NAMES = {
    Scalar: "a scalar", _Vector: "a vector", _Hessian: "hess without a vector", _Norm: "a norm that is not squared",
    _Quadratic: "an energy",
}  # fmt: skip


class _Parser:
    """Recursive descent over tokens; every value is typed and every error knows its column."""

    def __init__(self, text: str, *, energy: bool) -> None:
        if len(text) > LONGEST_TEXT:
            raise InvalidArgumentError(f"Expected text of at most {LONGEST_TEXT} characters but got {text[:40]!r}...")
        self.text = text.replace("\n", " ").replace("\t", " ").replace("’", "'")
        self.energy = energy
        self.depth = 0
        self.position = 0
        self.points: list[tuple[Scalar, ...]] = []
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(self.text) and self.text[at:].strip():
            match = _TOKEN.match(self.text, at)
            assert match is not None
            kind = str(match.lastgroup if match.lastgroup != "primes" else "name")
            word = match.group(kind) + (match.group("primes") or "")
            if kind == "sign" and word not in "+-*/^()=,**":
                self.fail(
                    f"Expected letters, digits, primes or + - * / ^ ( ) , = but got {word!r}", match.start(kind) + 1
                )
            self.tokens.append((kind, word, match.start(kind) + 1))
            at = match.end()
        self.tokens.append(("end", "", len(self.text.rstrip()) + 1))

    def fail(self, message: str, column: int, advice: str = "") -> NoReturn:
        raise FlowTextError(f"{message} at column {column}.{' ' + advice if advice else ''}", self.text, column)

    def peek(self) -> str:
        return self.tokens[self.position][1]

    def column(self) -> int:
        return self.tokens[self.position][2]

    def next(self) -> tuple[str, str, int]:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def expect(self, sign: str) -> None:
        kind, word, column = self.next()
        if word != sign or kind != "sign":
            self.fail(f"Expected {sign!r} but got {_shown(word)}", column)

    def expect_end(self) -> None:
        kind, word, column = self.tokens[self.position]
        if kind != "end":
            advice = "Write a product with *." if kind in ("name", "number") or word == "(" else ""
            self.fail(f"Expected an operator or the end but got {word!r}", column, advice)

    def vector_sum(self) -> _Vector:
        column = self.column()
        value = self.sum()
        if not isinstance(value, _Vector):
            self.fail(f"Expected a vector (x, its derivatives, grad, hess*x') but got {_NAMES[type(value)]}", column)
        return value

    def sum(self) -> _Value:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"Expected at most {DEEPEST} nested parentheses", self.column())
        sign = 1
        if self.peek() in ("+", "-"):
            sign = -1 if self.next()[1] == "-" else 1
        column = self.column()
        value = self.scaled(self.product(), Scalar.of(sign), column)
        while self.peek() in ("+", "-"):
            word = self.next()[1]
            column = self.column()
            value = self.add(value, self.product(), -1 if word == "-" else 1, column)
        self.depth -= 1
        return value

    def product(self) -> _Value:
        value = self.power()
        while self.peek() in ("*", "/"):
            _, word, column = self.next()
            factor = self.power()
            value = self.divide(value, factor, column) if word == "/" else self.multiply(value, factor, column)
        if self.tokens[self.position][0] in ("name", "number") or self.peek() == "(":
            self.expect_end()  # a missing operator is named where it is missing
        return value

    def power(self) -> _Value:
        value = self.atom()
        while self.peek() in ("^", "**"):
            _, _, column = self.next()
            exponent = self.exponent()
            if isinstance(value, _Norm):
                if exponent != 2:
                    self.fail("Expected a norm to be squared, norm(...)^2", column)
                value = _square(value.vector, value.vector)
            elif isinstance(value, Scalar):
                value = self.scalar_power(value, exponent, column)
            else:
                self.fail(f"Expected a scalar or a norm before '^' but got {_NAMES[type(value)]}", column)
        return value

    def exponent(self) -> Fraction:
        column = self.column()
        if self.peek() == "(":
            self.next()
            value = self.sum()
            self.expect(")")
        else:
            sign = -1 if self.peek() == "-" and self.next() else 1
            value = self.scaled(self.atom(), Scalar.of(sign), column)
        number = value.number() if isinstance(value, Scalar) else None
        if number is None or abs(number) > HIGHEST_POWER or number.denominator > HIGHEST_POWER:
            self.fail(f"Expected a rational exponent of at most {HIGHEST_POWER}", column)
        return number

    def scalar_power(self, value: Scalar, exponent: Fraction, column: int) -> Scalar:
        try:
            return value.power(exponent)
        except InvalidArgumentError as error:
            self.fail(str(error).rstrip("."), column)

    def atom(self) -> _Value:
        kind, word, column = self.next()
        if kind == "number":
            if len(word) > LONGEST_NUMBER:
                self.fail(f"Expected numbers of at most {LONGEST_NUMBER} digits", column)
            return Scalar.of(Fraction(word))
        if word == "(":
            value = self.sum()
            self.expect(")")
            return value
        if kind != "name":
            what = (
                "an energy term (f, norm(...)^2, inner(...))"
                if self.energy
                else "x, grad(...), hess, a number or a parameter"
            )
            self.fail(f"Expected {what} but got {_shown(word)}", column)
        return self.named(word.rstrip("'"), len(word) - len(word.rstrip("'")), column)

    def named(self, name: str, primes: int, column: int) -> _Value:
        if name == "x" or (name == "v" and self.energy):
            order = primes + (name == "v")
            if order > HIGHEST_ORDER:
                self.fail(f"Expected at most {HIGHEST_ORDER} primes", column)
            return _Vector({("x", order): Scalar.of(1)})
        if primes:
            self.fail(
                f"Expected primes only on x but got {name + chr(39) * primes!r}", column, "Parameters are constant."
            )
        functions: dict[str, Callable[[], _Value]] = {"grad": self.gradient, "sqrt": self.root}
        if self.energy:
            functions |= {"norm": self.norm, "inner": self.inner}
            if name == "f":
                return _Quadratic(Scalar.of(1), {})
        elif name in ("norm", "inner", "f"):
            self.fail(f"Expected no {name} in a flow; it belongs to an energy", column)
        if name in functions:
            self.expect("(")
            value = functions[name]()
            self.expect(")")
            return value
        if name == "hess":
            if self.energy:
                self.fail("Expected no hess in an energy", column)
            return _Hessian(Scalar.of(1))
        if self.peek() == "(":
            self.fail(f"Expected one of {', '.join(sorted(functions))} before '(' but got {name!r}", column)
        return Scalar.named(name)

    def gradient(self) -> _Vector:
        column = self.column()
        value = self.vector_sum()
        if any(kind != "x" for kind, _ in value.terms):
            self.fail("Expected a combination of x and its derivatives inside grad(...)", column)
        highest = max((j for _, j in value.terms), default=0)
        point = tuple(value.terms.get(("x", j), Scalar.of(0)) for j in range(highest + 1))
        if point[0] != Scalar.of(1):
            self.fail("Expected x with coefficient 1 inside grad(...)", column, "Write grad(x) or grad(x + c*x').")
        if self.points and self.points[0] != point:
            self.fail("Expected every gradient at one and the same point", column)
        self.points.append(point)
        return _Vector({("grad", 0): Scalar.of(1)})

    def root(self) -> Scalar:
        column = self.column()
        value = self.sum()
        if not isinstance(value, Scalar):
            self.fail("Expected a scalar inside sqrt(...)", column)
        return self.scalar_power(value, Fraction(1, 2), column)

    def norm(self) -> _Norm:
        return _Norm(self.vector_sum())

    def inner(self) -> _Quadratic:
        left = self.vector_sum()
        self.expect(",")
        return _square(left, self.vector_sum())

    def scaled(self, value: _Value, factor: Scalar, column: int) -> _Value:
        return self.multiply(factor, value, column)

    def add(self, left: _Value, right: _Value, sign: int, column: int) -> _Value:
        signed = self.scaled(right, Scalar.of(sign), column)
        for value in (left, signed):
            if isinstance(value, _Norm):
                self.fail("Expected a squared norm, norm(...)^2, in a sum", column)
        if isinstance(left, Scalar) and isinstance(signed, Scalar):
            return left + signed
        if isinstance(left, _Vector) and isinstance(signed, _Vector):
            return _Vector(_added(left.terms, signed.terms))
        if isinstance(left, _Quadratic) and isinstance(signed, _Quadratic):
            return _Quadratic(left.f + signed.f, _added(left.products, signed.products))
        if isinstance(left, _Hessian) and isinstance(signed, _Hessian):
            return _Hessian(left.factor + signed.factor)
        return self.fail(
            f"Expected {_NAMES[type(left)]} to be added to the same but got {_NAMES[type(signed)]}", column
        )

    def multiply(self, left: _Value, right: _Value, column: int) -> _Value:
        if isinstance(right, Scalar):
            left, right = right, left
        if isinstance(left, Scalar):
            match right:
                case Scalar():
                    return left * right
                case _Vector():
                    return _Vector({k: left * c for k, c in right.terms.items() if (left * c).terms})
                case _Hessian():
                    return _Hessian(left * right.factor)
                case _Quadratic():
                    return _Quadratic(left * right.f, {k: left * c for k, c in right.products.items()})
                case _Norm():
                    if left == Scalar.of(1):
                        return right
                    self.fail("Expected the norm to be squared before it is multiplied, c*norm(...)^2", column)
        if isinstance(left, _Hessian) and isinstance(right, _Vector):
            if any(kind != "x" for kind, _ in right.terms):
                self.fail("Expected derivatives of x after hess, as in hess*x'", column)
            return _Vector({("hess", j): left.factor * c for (_, j), c in right.terms.items()})
        return self.fail(
            f"Expected a scalar in the product but got {_NAMES[type(left)]} and {_NAMES[type(right)]}", column
        )

    def divide(self, left: _Value, right: _Value, column: int) -> _Value:
        if not isinstance(right, Scalar):
            self.fail(f"Expected to divide by a scalar but got {_NAMES[type(right)]}", column)
        return self.scaled(left, self.scalar_power(right, Fraction(-1), column), column)


def _shown(word: str) -> str:
    return repr(word) if word else "the end"


def _added(left: Mapping, right: Mapping) -> dict:  # type: ignore[type-arg]
    total = dict(left)
    for key, value in right.items():
        total[key] = total.get(key, Scalar.of(0)) + value
    return {k: c for k, c in total.items() if c.terms}


def _square(left: _Vector, right: _Vector) -> _Quadratic:
    products: dict[tuple[Atom, Atom], Scalar] = {}
    for a, c in left.terms.items():
        for b, d in right.terms.items():
            key = (a, b) if a <= b else (b, a)
            products[key] = products.get(key, Scalar.of(0)) + c * d
    return _Quadratic(Scalar.of(0), {k: c for k, c in products.items() if c.terms})


def _flow_of(parser: _Parser, value: _Vector) -> FlowSpec:
    """Return the flow that a vector equation `value = 0` states, normalised to leading coefficient 1."""
    terms = dict(value.terms)
    order = max((j for kind, j in terms if kind == "x"), default=0)
    if order == 0:
        parser.fail("Expected a derivative of x (x', x'', ...)", 1, "Write x'' + 2*x' + grad(x).")
    if ("grad", 0) not in terms:
        parser.fail("Expected a gradient, grad(x)", len(parser.text.rstrip()) + 1)
    if ("x", 0) in terms:
        parser.fail("Expected x itself only inside grad(...): the minimiser must be at rest", 1)
    try:
        leading = terms.pop(("x", order)).power(Fraction(-1))
    except InvalidArgumentError:
        parser.fail(f"Expected one term in front of the highest derivative x{chr(39) * order}", 1)
    point = parser.points[0]
    if len(point) > order:
        parser.fail(f"Expected derivatives below the order {order} inside grad(...)", 1)
    damping = tuple(leading * terms.get(("x", j), Scalar.of(0)) for j in range(1, order))
    along = {j: leading * c for (kind, j), c in terms.items() if kind == "hess"}
    hessian = along.get(1, Scalar.of(0))
    for j in range(order + 1):  # hess must act on the velocity of the point at which it is taken
        wanted = hessian * point[j - 1] if 0 < j <= len(point) else Scalar.of(0)
        if along.get(j, Scalar.of(0)) != wanted:
            parser.fail("Expected hess to act on the velocity of the gradient's point", 1, "For grad(x) write hess*x'.")
    return FlowSpec(damping, leading * terms[("grad", 0)], hessian, point)
