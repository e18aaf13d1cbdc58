"""An optimiser ODE with exact coefficients: x^(k) + sum c_j x^(j) + beta hess f(y) y' + gamma grad f(y) = 0.

Coefficients are sums of products of rationals, parameters and powers of t, exact to the end. `FlowSpec.at` puts
numbers in for
the parameters and returns a `ConcreteFlow`, the form that searches and certificates use.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from odeflow.errors import InvalidArgumentError

__all__ = ["ConcreteFlow", "EnergySpec", "FlowSpec", "Kind", "Laurent", "Scalar"]

LONGEST_SUM = 400
LARGEST_BITS = 2000
LARGEST_SIZE = 40
"""Coefficients lie between 1e-40 and 1e40, and powers of t between -12 and 12, as the checker reads them."""
HIGHEST_POWER = 12

Laurent = tuple[tuple[Fraction, Fraction], ...]
"""A sum of powers of t with rational coefficients: pairs (power, coefficient), powers increasing, no zeros."""

_Monomial = tuple[tuple[str, Fraction], ...]


class Kind(enum.Enum):
    """How f - f* decays: like e^{-rate t} or like t^{-rate}."""

    EXPONENTIAL = "exponential"
    POWER = "power"


@dataclass(frozen=True)
class Scalar:
    """An exact scalar: a sum of rational multiples of products of powers of t and of parameters.

    Attributes
    ----------
    terms : ((monomial, coefficient), ...), sorted; a monomial is ((name, exponent), ...). A name of digits is the
    square
        root of a prime.

    Examples
    --------
    >>> b = Scalar.named("b")
    >>> print((b + Scalar.of(1)) * Scalar.named("t").power(Fraction(-1)))
    1/t + b/t
    """

    terms: tuple[tuple[_Monomial, Fraction], ...]

    @classmethod
    def of(cls, value: int | Fraction) -> Scalar:
        """Return a number."""
        return cls((((), Fraction(value)),) if value else ())

    @classmethod
    def named(cls, name: str) -> Scalar:
        """Return t or a parameter."""
        return cls(((((name, Fraction(1)),), Fraction(1)),))

    def __add__(self, other: Scalar) -> Scalar:
        return _collected((*self.terms, *other.terms))

    def __mul__(self, other: Scalar) -> Scalar:
        if len(self.terms) * len(other.terms) > LONGEST_SUM:
            raise InvalidArgumentError(f"Expected coefficients of at most {LONGEST_SUM} terms. Write a shorter one.")
        return _collected(_times(a, b) for a in self.terms for b in other.terms)

    def power(self, exponent: Fraction) -> Scalar:
        """Return self^exponent; for sums the exponent must be a small natural number."""
        if exponent.denominator == 1 and 0 <= exponent <= 12:
            value = Scalar.of(1)
            for _ in range(int(exponent)):
                value = value * self
            if any(max(c.numerator.bit_length(), c.denominator.bit_length()) > LARGEST_BITS for _, c in value.terms):
                raise InvalidArgumentError("Expected smaller numbers.")
            return value
        if len(self.terms) != 1:
            raise InvalidArgumentError("Expected to divide by, or take the root of, one term and not a sum or zero.")
        ((monomial, coefficient),) = self.terms
        if any(name.isdigit() for name, _ in monomial) and exponent != -1:
            raise InvalidArgumentError("Expected no root of a root.")
        raised = Scalar(((tuple((n, e * exponent) for n, e in monomial if not n.isdigit()), Fraction(1)),))
        for name, e in monomial:
            if name.isdigit():  # 1/sqrt(p) = sqrt(p)/p
                raised = raised * Scalar(((((name, e),), Fraction(1, int(name))),))
        return raised * _number_power(coefficient, exponent)

    def number(self) -> Fraction | None:
        """Return the rational that this is, or None."""
        if not self.terms:
            return Fraction(0)
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    @property
    def parameters(self) -> frozenset[str]:
        """Names other than t."""
        return frozenset(n for monomial, _ in self.terms for n, _ in monomial if n != "t" and not n.isdigit())

    def at(self, values: Mapping[str, Fraction]) -> Laurent:
        """Return the powers of t that are left when every parameter has a rational value."""
        total: dict[Fraction, Fraction] = {}
        for monomial, coefficient in self.terms:
            power, factor = Fraction(0), Scalar.of(coefficient)
            for name, e in monomial:
                if name == "t":
                    power = e
                elif name.isdigit():
                    factor = factor * Scalar(((((name, e),), Fraction(1)),))
                elif name not in values:
                    raise InvalidArgumentError(f"Expected a value for the parameter {name}. Pass --set {name}=VALUE.")
                else:
                    factor = factor * Scalar.of(values[name]).power(e)
            number = factor.number()
            if number is None:
                raise InvalidArgumentError(
                    f"Expected rational coefficients but {Scalar(((monomial, coefficient),))} is irrational. Measure "
                    "time in another unit: with t = c s, x'' + b x' + grad(x) becomes x'' + c b x' + c^2 grad(x)."
                )
            total[power] = total.get(power, Fraction(0)) + number
        found = tuple((p, c) for p, c in sorted(total.items()) if c)
        if any(abs(p) > HIGHEST_POWER or p.denominator > HIGHEST_POWER for p, _ in found):
            raise InvalidArgumentError(f"Expected powers of t of at most {HIGHEST_POWER}.")
        if any(not Fraction(1, 10**LARGEST_SIZE) <= abs(c) <= 10**LARGEST_SIZE for _, c in found):
            raise InvalidArgumentError(
                f"Expected coefficients between 1e-{LARGEST_SIZE} and 1e{LARGEST_SIZE} in size. Measure time in "
                "another unit."
            )
        return found

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in sorted(self.terms, key=lambda term: (len(term[0]), term[0])):
            word = _term_text(monomial, abs(coefficient))
            text += (" - " if coefficient < 0 else " + ") + word if text else ("-" if coefficient < 0 else "") + word
        return text or "0"


@dataclass(frozen=True)
class ConcreteFlow:
    """A flow whose coefficients are sums of powers of t with rational coefficients.

    Attributes
    ----------
    damping : (c_1, ..., c_{k-1})
    gradient, hessian : gamma, beta
    point : (p_0 = 1, p_1, ...), y = sum p_j x^(j)
    """

    damping: tuple[Laurent, ...]
    gradient: Laurent
    hessian: Laurent
    point: tuple[Laurent, ...]

    @property
    def order(self) -> int:
        """Order k of the ODE."""
        return len(self.damping) + 1

    @property
    def is_autonomous(self) -> bool:
        """Whether no coefficient depends on t."""
        return all(p == 0 for c in self._all() for p, _ in c)

    @property
    def is_regular(self) -> bool:
        """Whether every coefficient has a value at t = 0."""
        return all(p >= 0 for c in self._all() for p, _ in c)

    def singular_start(self) -> tuple[float, float] | None:
        """Return (r, gamma(0)) if the flow starts from rest at t = 0 like x'' + (r/t) x' + gamma g = 0 with r > -1.

        Then x = x0 - t^2 gamma g/(2 (1 + r)) + o(t^2) and x' = -t gamma g/(1 + r) + o(t), with g the gradient at x0.
        None if the flow is regular there, or singular in another way.

        Examples
        --------
        >>> from odeflow.flow_text import parse_flow
        >>> parse_flow("x'' + 3/t*x' + 1/2*hess*x' + (1 + t)*grad(x)").at().singular_start()
        (3.0, 1.0)
        """
        if self.order != 2 or not self.damping[0]:
            return None
        ((power, r), *_) = self.damping[0]
        if power != -1 or r <= -1 or any(p < 0 for c in (self.gradient, self.hessian, *self.point) for p, _ in c):
            return None
        return float(r), float(next((c for p, c in self.gradient if p == 0), 0))

    def log_time_weight(self) -> Fraction | None:
        """Return w > 0 if the flow is autonomous in s = ln t for t^w (f - f*), the states t^j x^(j) and t^w grad f.

        That is so iff c_j is a multiple of t^(j-k), gamma of t^(w-k), beta of t^(w-k+1) and p_j of t^j.
        """
        k = self.order
        if len(self.gradient) != 1:
            return None
        w = self.gradient[0][0] + k
        wanted = [(c, Fraction(j - k)) for j, c in enumerate(self.damping, start=1)]
        wanted += [(self.hessian, w - k + 1)] + [(c, Fraction(j)) for j, c in enumerate(self.point)]
        return w if w > 0 and all(p == q for c, q in wanted for p, _ in c) else None

    def _all(self) -> tuple[Laurent, ...]:
        return (*self.damping, self.gradient, self.hessian, *self.point)


@dataclass(frozen=True, repr=False)
class FlowSpec:
    """A flow `x^(k) + sum c_j x^(j) + beta hess f(y) y' + gamma grad f(y) = 0`, y = x + p_1 x' + ..., in symbols.

    Attributes
    ----------
    damping : (c_1, ..., c_{k-1})
    gradient, hessian : gamma, beta
    point : (1, p_1, ...)
    """

    damping: tuple[Scalar, ...]
    gradient: Scalar
    hessian: Scalar
    point: tuple[Scalar, ...]

    @property
    def order(self) -> int:
        """Order k of the ODE."""
        return len(self.damping) + 1

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters."""
        return frozenset().union(*(s.parameters for s in (*self.damping, self.gradient, self.hessian, *self.point)))

    def at(self, values: Mapping[str, Fraction] | None = None) -> ConcreteFlow:
        """Return the flow at rational values of its parameters."""
        given = dict(values or {})
        flow = ConcreteFlow(
            tuple(c.at(given) for c in self.damping),
            self.gradient.at(given),
            self.hessian.at(given),
            tuple(c.at(given) for c in self.point),
        )
        if not flow.gradient:
            raise InvalidArgumentError("Expected a non-zero coefficient of the gradient at these values.")
        return flow

    def point_text(self) -> str:
        """Return the gradient's point as text."""
        return _sum_text([(c, "x" + "'" * j) for j, c in enumerate(self.point)])

    def __repr__(self) -> str:
        return f"parse_flow({str(self)!r})"

    def __str__(self) -> str:
        k = self.order
        terms = [(Scalar.of(1), "x" + "'" * k)]
        terms += [(c, "x" + "'" * j) for j, c in reversed(list(enumerate(self.damping, start=1)))]
        velocity = _sum_text([(c, "x" + "'" * (j + 1)) for j, c in enumerate(self.point)])
        terms += [(self.hessian, f"hess*({velocity})" if "+" in velocity else f"hess*{velocity}")]
        return _sum_text([*terms, (self.gradient, f"grad({self.point_text()})")]) + " = 0"


@dataclass(frozen=True)
class EnergySpec:
    """An energy V = a (f - f*) + a quadratic form in (x - x*, x', ..., x^(k-1), grad f(y)).

    Attributes
    ----------
    f : a
    matrix : symmetric, (k + 1) x (k + 1)
    """

    f: Scalar
    matrix: tuple[tuple[Scalar, ...], ...]

    def __str__(self) -> str:
        size = len(self.matrix)
        names = ["x" + "'" * j for j in range(size - 1)] + ["grad"]
        terms = [(self.f, "f")]
        for i in range(size):
            for j in range(i, size):
                word = f"|{names[i]}|^2" if i == j else f"<{names[i]}, {names[j]}>"
                terms.append((self.matrix[i][j] * Scalar.of(1 if i == j else 2), word))
        return _sum_text(terms)


def _collected(terms: Iterable[tuple[_Monomial, Fraction]]) -> Scalar:
    total: dict[_Monomial, Fraction] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, Fraction(0)) + coefficient
    if any(max(c.numerator.bit_length(), c.denominator.bit_length()) > LARGEST_BITS for c in total.values()):
        raise InvalidArgumentError("Expected smaller numbers.")
    return Scalar(tuple(sorted((m, c) for m, c in total.items() if c)))


def _times(left: tuple[_Monomial, Fraction], right: tuple[_Monomial, Fraction]) -> tuple[_Monomial, Fraction]:
    exponents = dict(left[0])
    coefficient = left[1] * right[1]
    for name, e in right[0]:
        exponents[name] = exponents.get(name, Fraction(0)) + e
    for name, e in exponents.items():
        if name.isdigit() and e == 1:  # sqrt(p)^2 = p
            coefficient *= int(name)
            exponents[name] = Fraction(0)
    return tuple(sorted((n, e) for n, e in exponents.items() if e)), coefficient


def _number_power(value: Fraction, exponent: Fraction) -> Scalar:
    """Return value^exponent for a whole exponent or a half; an irrational root is kept as roots of primes."""
    if value == 0:
        raise InvalidArgumentError("Expected to divide by something other than 0.")
    if exponent.denominator == 1:
        if abs(exponent) > 12 or max(value.numerator.bit_length(), value.denominator.bit_length()) > LARGEST_BITS:
            raise InvalidArgumentError("Expected an exponent of at most 12 and smaller numbers.")
        return Scalar.of(value ** int(exponent))
    if value == 1:
        return Scalar.of(1)
    if exponent.denominator != 2:
        raise InvalidArgumentError("Expected square roots only.")
    if value < 0:
        raise InvalidArgumentError("Expected the root of a positive number.")
    rooted = value ** abs(exponent.numerator)
    number = rooted.numerator * rooted.denominator
    root = isqrt(number)
    if root * root == number:
        result = Scalar.of(Fraction(root, rooted.denominator))
    else:
        outer, primes = _square_part(number)
        result = Scalar.of(Fraction(outer, rooted.denominator))
        for p in primes:
            result = result * Scalar(((((str(p), Fraction(1, 2)),), Fraction(1)),))
    return result if exponent > 0 else result.power(Fraction(-1))


def _square_part(number: int) -> tuple[int, list[int]]:
    """Return (m, primes) with number = m^2 times the product of distinct primes."""
    outer, p = 1, 2
    primes: list[int] = []
    while p * p <= number:
        if p > 10_000:
            raise InvalidArgumentError("Expected the root of a number with small prime factors.")
        count = 0
        while number % p == 0:
            number //= p
            count += 1
        outer *= p ** (count // 2)
        primes += [p] * (count % 2)
        p += 1
    return outer, primes + ([number] if number > 1 else [])


def _term_text(monomial: _Monomial, coefficient: Fraction) -> str:
    above = [str(coefficient.numerator)] if coefficient.numerator != 1 else []
    below = [str(coefficient.denominator)] if coefficient.denominator != 1 else []
    for name, e in monomial:
        if name.isdigit():
            above.append(f"sqrt({name})")
        elif abs(e) == 1:
            (above if e > 0 else below).append(name)
        elif abs(e) == Fraction(1, 2):
            (above if e > 0 else below).append(f"sqrt({name})")
        else:
            size = str(abs(e)) if e.denominator == 1 else f"({abs(e)})"
            (above if e > 0 else below).append(f"{name}^{size}")
    return "/".join(["*".join(above) or "1", *below])


def _sum_text(terms: Iterable[tuple[Scalar, str]]) -> str:
    text = ""
    for coefficient, word in terms:
        if not coefficient.terms:
            continue
        shown = str(coefficient)
        negative = shown.startswith("-") and len(coefficient.terms) == 1
        shown = shown.removeprefix("-") if negative else shown
        if len(coefficient.terms) > 1:
            shown = f"({shown})"
        body = word if shown == "1" else f"{shown}*{word}"
        text += (" - " if negative else " + ") + body if text else ("-" if negative else "") + body
    return text or "0"
