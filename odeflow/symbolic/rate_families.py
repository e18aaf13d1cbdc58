"""One V for a whole interval of a parameter: rate, energy and multipliers are polynomials, proved at once.

For each value of the parameter a `RateCertificate` must hold. The entries of its two forms are polynomials in the
parameter
of a known degree: they are reconstructed exactly from so many values plus one, and the signs of their characteristic
coefficients are decided on the whole interval by isolating roots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.flows import FlowSpec, Kind, Scalar
from odeflow.function_classes import FunctionClass
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.exact import is_positive_semidefinite, points_between_roots
from odeflow.symbolic.rate_certificates import Quadratic, RateCertificate, rate_system

__all__ = ["RateFamily", "interpolate"]

Polynomial = tuple[Fraction, ...]
"""Coefficients in the parameter, lowest power first."""


@dataclass(frozen=True)
class RateFamily:
    """The claim of a `RateCertificate` for every value of one parameter in an interval.

    Attributes
    ----------
    flow : the ODE; its coefficients are polynomials in the parameter
    parameter, low, high : the closed interval; high = None is [low, oo)
    rate, energy_matrix, floor, decay, positivity : as in `RateCertificate`, polynomials in the parameter; energy_f is 1
    """

    flow: FlowSpec
    function_class: FunctionClass
    kind: Kind
    parameter: str
    low: Fraction
    high: Fraction | None
    rate: Polynomial
    energy_matrix: tuple[tuple[Polynomial, ...], ...]
    floor: Polynomial
    decay: Mapping[str, Polynomial]
    positivity: Mapping[str, Polynomial]
    valid_from: Fraction = Fraction(0)

    def at(self, value: Fraction) -> RateCertificate:
        """Return the certificate at one value of the parameter."""
        return RateCertificate(
            self.flow.at({self.parameter: value}),
            self.function_class,
            self.kind,
            _value(self.rate, value),
            self.valid_from,
            Fraction(1),
            tuple(tuple(_value(p, value) for p in row) for row in self.energy_matrix),
            _value(self.floor, value),
            {name: _value(p, value) for name, p in self.decay.items()},
            {name: _value(p, value) for name, p in self.positivity.items()},
        )

    def check(self) -> Decision:
        """Decide the claim for the whole interval, exactly."""
        method = "characteristic polynomial, real root isolation"
        signs = [*self.decay.values(), *self.positivity.values()]
        if not all(self._is_nonnegative(p) for p in signs):
            return Decision(Status.UNDECIDED, method, "a multiplier becomes negative")
        if not all(self._is_positive(p) for p in (self.rate, self.floor)):
            return Decision(Status.UNDECIDED, method, "the rate or the floor is not positive")
        degree = self._degree()
        points = [self.low + Fraction(i, 1 + degree) for i in range(degree + 1)]
        forms = [self._forms(point) for point in points]
        for which, what in ((0, "V' + rate V <= 0"), (1, "V >= floor (f - f*)")):
            values = [pair[which] for pair in forms]
            if any(form.f_part for form in values):
                return Decision(Status.UNDECIDED, method, "the coefficient of f - f* does not cancel")
            n = len(values[0].matrix)
            entries = [
                [interpolate(points, [form.matrix[i][j] for form in values]) for j in range(n)] for i in range(n)
            ]
            if not self._is_semidefinite(entries):
                return Decision(Status.UNDECIDED, method, f"{what} does not follow on the whole interval")
        return Decision(Status.HOLDS, method, f"for all {self.parameter} in the interval")

    def _forms(self, value: Fraction) -> tuple[Quadratic, Quadratic]:
        certificate = self.at(value)
        system = rate_system(certificate.flow, self.function_class, self.kind, start=self.valid_from)
        energy = system.energy(Fraction(1), certificate.energy_matrix)
        decay = system.decay(energy, certificate.rate, certificate.decay)
        negated = Quadratic(decay.f_part, [[-x for x in row] for row in decay.matrix])
        return negated, system.positivity(energy, certificate.floor, certificate.positivity)

    def _degree(self) -> int:
        """Return a bound on the degree of the forms' entries in the parameter."""
        scalars = (*self.flow.damping, self.flow.gradient, self.flow.hessian, *self.flow.point)
        of_flow = max(_scalar_degree(s, self.parameter) for s in scalars)
        unknowns = [*self.decay.values(), *self.positivity.values(), *(p for row in self.energy_matrix for p in row)]
        highest = max(len(p) - 1 for p in (self.floor, *unknowns))
        # y and y' have at most the degrees of the point and of the point times the flow, and enter twice
        return highest + max(4 * of_flow, len(self.rate) - 1)

    def _poly(self, coefficients: Sequence[Fraction]) -> sp.Poly:
        x = sp.Symbol(self.parameter, real=True)
        return sp.Poly([sp.Rational(c.numerator, c.denominator) for c in reversed(coefficients)] or [0], x)

    def _inside(self, polynomial: sp.Poly) -> list[Fraction]:
        """Return the ends and a point between all neighbouring roots in the interval."""
        low, high = self.low, self.high
        x = polynomial.gens[0]
        cut = polynomial * sp.Poly(x - sp.Rational(low.numerator, low.denominator), x)
        if high is not None:
            cut *= sp.Poly(x - sp.Rational(high.numerator, high.denominator), x)
        between = [q for q in points_between_roots(cut) if q > low and (high is None or q < high)]
        return [low, *([] if high is None else [high]), *between]

    def _is_nonnegative(self, coefficients: Sequence[Fraction]) -> bool:
        polynomial = self._poly(coefficients)
        return polynomial.is_zero or all(_value(coefficients, q) >= 0 for q in self._inside(polynomial))

    def _is_positive(self, coefficients: Sequence[Fraction]) -> bool:
        polynomial = self._poly(coefficients)
        if polynomial.is_zero or not self._is_nonnegative(coefficients):
            return False
        low = sp.Rational(self.low.numerator, self.low.denominator)
        high = None if self.high is None else sp.Rational(self.high.numerator, self.high.denominator)
        return bool(polynomial.degree() == 0 or polynomial.count_roots(low, high) == 0)

    def _is_semidefinite(self, entries: Sequence[Sequence[Polynomial]]) -> bool:
        kept = [i for i, row in enumerate(entries) if any(any(p) for p in row)]
        if not kept:
            return True
        matrix = sp.Matrix(len(kept), len(kept), lambda i, j: self._poly(entries[kept[i]][kept[j]]).as_expr())
        x = sp.Symbol(self.parameter, real=True)
        product = sp.Poly(1, x)
        for c in matrix.charpoly().all_coeffs():
            polynomial = sp.Poly(c, x)
            product *= polynomial if polynomial.degree() > 0 else sp.Poly(1, x)
        # between the roots of all coefficients no sign changes, so one point decides each interval
        return all(
            is_positive_semidefinite([[_value(entries[i][j], q) for j in kept] for i in kept])
            for q in self._inside(product)
        )


def interpolate(points: Sequence[Fraction], values: Sequence[Fraction]) -> Polynomial:
    """Return the polynomial of degree < len(points) through exact values, without trailing zeros (Newton).

    Examples
    --------
    >>> [str(c) for c in interpolate([Fraction(0), Fraction(1), Fraction(3)], [Fraction(1), Fraction(2), Fraction(10)])]
    ['1', '0', '1']
    """
    table = list(values)
    n = len(points)
    for level in range(1, n):
        for i in range(n - 1, level - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (points[i] - points[i - level])
    result: list[Fraction] = []
    for i in range(n - 1, -1, -1):
        shifted = [Fraction(0), *result]
        for j, c in enumerate(result):
            shifted[j] -= points[i] * c
        shifted[0] += table[i]
        result = shifted
    while result and result[-1] == 0:
        result.pop()
    return tuple(result)


def _value(coefficients: Sequence[Fraction], x: Fraction) -> Fraction:
    total = Fraction(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def _scalar_degree(scalar: Scalar, parameter: str) -> int:
    degree = 0
    for monomial, _ in scalar.terms:
        for name, exponent in monomial:
            if name == parameter:
                if exponent.denominator != 1 or exponent < 0:
                    raise InvalidArgumentError(
                        f"Expected coefficients that are polynomials in {parameter} but got {scalar}."
                    )
                degree = max(degree, int(exponent))
    return degree
