"""Does this V prove this rate for a whole class of functions? Certificates as data, their file form and an exact check.

`RateCertificate` is for classes given by inequalities (convex, strongly convex, smooth, PL); `ModalCertificate` for
quadratics, with a V that depends on the eigenvalue. Both decide by characteristic polynomials and isolated roots.
`odeflow/checker.py` decides the same question from the same file by other means and shares no code with this module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.flows import ConcreteFlow, Kind, Laurent
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.exact import is_positive_semidefinite, points_between_roots

__all__ = ["FORMAT", "VERSION", "ModalCertificate", "Quadratic", "RateCertificate", "RateSystem", "rate_system"]

FORMAT, VERSION = "odeflow rate certificate", 1

Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class Quadratic:
    """A form `f_part F + <e, matrix e>` in F = f(y) - f* and the vectors e = (z_0, ..., z_{k-1}, g, h)."""

    f_part: Fraction
    matrix: Matrix

    def plus(self, other: Quadratic, factor: Fraction) -> Quadratic:
        """Return self + factor other."""
        rows = zip(self.matrix, other.matrix, strict=True)
        matrix = [[x + factor * y if y else x for x, y in zip(a, b, strict=True)] for a, b in rows]
        return Quadratic(self.f_part + factor * other.f_part, matrix)


@dataclass(frozen=True)
class RateSystem:
    """A flow with constant coefficients in its own time (t, or ln t), acting on e = (z_0, ..., z_{k-1}, g, h).

    Attributes
    ----------
    order, weight : k; w, by which t^w scales F and g (0 in ordinary time)
    changes : derivative of each of z_0, ..., z_{k-1}, g as a row in the basis e
    point, velocity : y and its derivative as rows in the basis e
    inequalities : name -> form that is >= 0 for every member of the class, at t^w = scale
    hessian_free : names of those inequalities that hold without second derivatives
    """

    order: int
    weight: Fraction
    changes: Matrix
    point: list[Fraction]
    velocity: list[Fraction]
    inequalities: Mapping[str, Quadratic]
    hessian_free: frozenset[str]

    def energy(self, a: Fraction, matrix: Sequence[Sequence[Fraction]]) -> Quadratic:
        """Return V = a F + <(z, g), matrix (z, g)> as a form."""
        n = self.order + 2
        zero = Fraction(0)
        return Quadratic(a, [[matrix[i][j] if i < n - 1 and j < n - 1 else zero for j in range(n)] for i in range(n)])

    def derivative(self, energy: Quadratic) -> Quadratic:
        """Return V' along the flow: F' = w F + <g, y'>, and e' = changes e."""
        n = self.order + 2
        P, D = energy.matrix, self.changes
        half = [
            [sum((P[i][m] * D[m][j] for m in range(n - 1) if P[i][m] and D[m][j]), Fraction(0)) for j in range(n)]
            for i in range(n)
        ]
        matrix = [[half[i][j] + half[j][i] for j in range(n)] for i in range(n)]
        g = n - 2
        for j in range(n):
            matrix[g][j] += energy.f_part * self.velocity[j] / 2
            matrix[j][g] += energy.f_part * self.velocity[j] / 2
        return Quadratic(energy.f_part * self.weight, matrix)

    def decay(self, energy: Quadratic, rate: Fraction, multipliers: Mapping[str, Fraction]) -> Quadratic:
        """Return V' + rate V + sum of multiplier * inequality, which a proof needs to be <= 0 with F-part 0."""
        form = self.derivative(energy).plus(energy, rate - self.weight)
        for name, multiplier in multipliers.items():
            form = form.plus(self.inequalities[name], multiplier)
        return form

    def positivity(self, energy: Quadratic, floor: Fraction, multipliers: Mapping[str, Fraction]) -> Quadratic:
        """Return V - floor F - sum of multiplier * inequality, which a proof needs to be >= 0 with F-part 0."""
        form = Quadratic(energy.f_part - floor, energy.matrix)
        for name, multiplier in multipliers.items():
            form = form.plus(self.inequalities[name], -multiplier)
        return form


def rate_system(
    flow: ConcreteFlow, function_class: FunctionClass, kind: Kind, *, start: Fraction = Fraction(0)
) -> RateSystem:
    """Return a flow in the time in which its coefficients are constant, with the inequalities of a class.

    Parameters
    ----------
    start : for Kind.POWER and mu > 0, the time at which the inequalities are taken; they hold from there on

    Raises
    ------
    InvalidArgumentError
        The coefficients are not constant in the time of `kind`, or the class does not fit it.
    """
    k, zero, one = flow.order, Fraction(0), Fraction(1)
    weight = Fraction(0)
    if kind is Kind.POWER:
        found = flow.log_time_weight()
        if found is None:
            raise InvalidArgumentError(
                "Expected damping r/t and a power of t at the gradient but the flow is not autonomous in log-time."
            )
        weight = found
        if function_class.name is ClassName.PL or function_class.name is ClassName.QUADRATIC:
            raise InvalidArgumentError(f"Expected a convex class in log-time but got {function_class.name.value}.")
    elif not flow.is_autonomous:
        raise InvalidArgumentError("Expected constant coefficients but the flow depends on t.")
    scale = one
    if kind is Kind.POWER and function_class.mu > 0:
        if start <= 0 or weight.denominator != 1:
            raise InvalidArgumentError(
                "Expected a start > 0 and a whole weight for a strongly convex class in log-time."
            )
        scale = start ** int(weight)
        function_class = FunctionClass(function_class.name, function_class.mu)
    elif kind is Kind.POWER:
        function_class = FunctionClass(function_class.name)

    def constant(powers: Laurent) -> Fraction:
        return sum((c for _, c in powers), zero)

    own = Fraction(int(kind is Kind.POWER))
    changes: Matrix = []
    for j in range(k):
        row: list[Fraction] = [zero] * (k + 2)
        row[j] = own * j
        if j < k - 1:
            row[j + 1] = one
        else:
            for i, powers in enumerate(flow.damping, start=1):
                row[i] -= constant(powers)
            row[k], row[k + 1] = -constant(flow.gradient), -constant(flow.hessian)
        changes.append(row)
    changes.append([weight if i == k else one if i == k + 1 else zero for i in range(k + 2)])
    p = [constant(c) for c in flow.point]
    point = [p[i] if i < len(p) else zero for i in range(k + 2)]
    velocity = [sum((p[j] * changes[j][i] for j in range(len(p))), zero) for i in range(k + 2)]
    vectors = {"y": point, "d": velocity, "g": _unit(k, k + 2), "h": _unit(k + 1, k + 2)}
    inequalities = {}
    for inequality in function_class.inequalities():
        matrix = [[zero] * (k + 2) for _ in range(k + 2)]
        for (left, right), coefficient in inequality.products:
            # mu |y|^2 is t^w mu |y|^2 beside F = t^w (f - f*); nothing else changes with t
            half = coefficient * (scale if left in "yd" and right in "yd" else one) / 2
            u, v = vectors[left], vectors[right]
            for i in range(k + 2):
                for j in range(k + 2):
                    if (u[i] and v[j]) or (v[i] and u[j]):
                        matrix[i][j] += half * (u[i] * v[j] + v[i] * u[j])
        inequalities[inequality.name] = Quadratic(inequality.f_coefficient, matrix)
    free = frozenset(q.name for q in function_class.inequalities() if not q.needs_hessian)
    return RateSystem(k, weight, changes, point, velocity, inequalities, free)


@dataclass(frozen=True)
class RateCertificate:
    """The claim that V' + rate V <= 0 and V >= floor (f(y) - f*) along a flow, for every f of a class.

    Attributes
    ----------
    flow, function_class, kind : what the claim is about
    rate : of f(y) - f*: e^{-rate t} or t^{-rate}
    valid_from : from which time on
    energy_f, energy_matrix : V = energy_f F + <(z, g), energy_matrix (z, g)>
    floor : c > 0
    decay, positivity : multipliers of the inequalities, >= 0
    """

    flow: ConcreteFlow
    function_class: FunctionClass
    kind: Kind
    rate: Fraction
    valid_from: Fraction
    energy_f: Fraction
    energy_matrix: tuple[tuple[Fraction, ...], ...]
    floor: Fraction
    decay: Mapping[str, Fraction]
    positivity: Mapping[str, Fraction]

    def check(self) -> Decision:
        """Decide the claim exactly."""
        method = "characteristic polynomial"
        if self.rate <= 0 or self.floor <= 0 or any(m < 0 for m in (*self.decay.values(), *self.positivity.values())):
            return Decision(
                Status.UNDECIDED, method, "the rate or the floor is not positive, or a multiplier is negative"
            )
        system = rate_system(self.flow, self.function_class, self.kind, start=self.valid_from)
        energy = system.energy(self.energy_f, self.energy_matrix)
        decay = system.decay(energy, self.rate, self.decay)
        positivity = system.positivity(energy, self.floor, self.positivity)
        if decay.f_part != 0 or positivity.f_part != 0:
            return Decision(Status.UNDECIDED, method, "the coefficient of f - f* does not cancel")
        if not is_positive_semidefinite([[-x for x in row] for row in decay.matrix]):
            return Decision(Status.UNDECIDED, method, "V' + rate V <= 0 does not follow from these multipliers")
        if not is_positive_semidefinite(positivity.matrix):
            return Decision(Status.UNDECIDED, method, "V >= floor (f - f*) does not follow from these multipliers")
        return Decision(Status.HOLDS, method, "both forms are semidefinite")

    def at_lower_rate(self, rate: Fraction) -> RateCertificate:
        """Return a certificate of a lower rate with the same V.

        With d = self.rate - rate >= 0: V' + rate V = V' + self.rate V - d V, and V >= floor F + sum nu_i q_i turns the
        last term into multipliers; F itself is the inequality "value" plus a square.
        """
        d = self.rate - rate
        if d < 0:
            raise InvalidArgumentError(f"Expected a rate of at most {self.rate} but got {rate}.")
        names = {**self.decay, **self.positivity, "value": None}
        zero = Fraction(0)
        decay = {name: self.decay.get(name, zero) + d * self.positivity.get(name, zero) for name in names}
        decay["value"] += d * self.floor
        return replace(self, rate=rate, decay=decay)

    def to_json(self) -> str:
        """Return the self-contained file that `odeflow check` reads."""
        body = {
            "energy": {"f": str(self.energy_f), "matrix": [[str(x) for x in row] for row in self.energy_matrix]},
            "floor": str(self.floor),
            "multipliers": {
                key: {name.replace(" ", "_"): str(x) for name, x in table.items() if x}
                for key, table in (("decay", self.decay), ("positivity", self.positivity))
            },
        }
        return _dump(self.flow, self.function_class, self.kind, self.rate, self.valid_from, body)


@dataclass(frozen=True)
class ModalCertificate:
    """The claim that V = z' P(lam) z is positive and V' + rate V <= 0 on every eigenmode of a quadratic f.

    Attributes
    ----------
    flow, function_class : what the claim is about; constant coefficients
    rate : of f(y) - f*, e^{-rate t}
    modes : P, k x k polynomials in lam, coefficients from the lowest power
    """

    flow: ConcreteFlow
    function_class: FunctionClass
    rate: Fraction
    modes: tuple[tuple[tuple[Fraction, ...], ...], ...]
    kind: Kind = Kind.EXPONENTIAL
    valid_from: Fraction = Fraction(0)

    def check(self) -> Decision:
        """Decide the claim exactly: semidefinite between all roots of the characteristic coefficients."""
        method = "real root isolation"
        lam = sp.Symbol("lambda", real=True)
        k = self.flow.order
        P = sp.Matrix(k, k, lambda i, j: _polynomial(self.modes[i][j], lam))
        if self.rate <= 0 or P != P.T or not self.flow.is_autonomous:
            return Decision(
                Status.UNDECIDED, method, "needs a symmetric energy, a positive rate, constant coefficients"
            )
        divisor, N = mode_matrix(self.flow, lam)
        rate = sp.Rational(self.rate.numerator, self.rate.denominator)
        S = (-(N.T * P + P * N + rate * divisor * P)).applyfunc(sp.expand)
        low, high = self.function_class.mu, self.function_class.smooth
        coefficients = [sp.Poly(c, lam) for M in (P, S) for c in M.charpoly().all_coeffs()]
        product = sp.Poly(1, lam)
        for c in {*coefficients, sp.Poly(divisor, lam)}:
            product *= c.sqf_part() if c.degree() > 0 else 1
        inside = [q for q in points_between_roots(product) if q > low and (high is None or q < high)]
        ends = [low] if high is None else [low, high]
        if not inside:
            inside = [low + 1 if high is None else (low + high) / 2]
        for point in (*inside, *ends):
            at = {lam: sp.Rational(point.numerator, point.denominator)}
            if sp.sympify(divisor, strict=True).xreplace(at) <= 0:
                return Decision(Status.UNDECIDED, method, "the highest derivative's coefficient vanishes")
            for M, what in ((P, "V >= 0"), (S, "V' + rate V <= 0")):
                if not is_positive_semidefinite(M.xreplace(at).tolist()):
                    return Decision(Status.UNDECIDED, method, f"{what} fails", at)
        determinant = sp.Poly(P.det(method="berkowitz"), lam)
        first = sp.Rational(low.numerator, low.denominator)
        last = None if high is None else sp.Rational(high.numerator, high.denominator)
        if determinant.is_zero or (determinant.degree() > 0 and determinant.count_roots(first, last) > 0):
            return Decision(Status.UNDECIDED, method, "V is not definite for every eigenvalue")
        return Decision(Status.HOLDS, method, "definite on every interval between roots")

    def to_json(self) -> str:
        """Return the self-contained file that `odeflow check` reads."""
        modes = [[[str(c) for c in entry] for entry in row] for row in self.modes]
        body = {"energy": {"modes": modes}}
        return _dump(self.flow, self.function_class, self.kind, self.rate, self.valid_from, body)


def mode_matrix(flow: ConcreteFlow, eigenvalue: sp.Expr) -> tuple[sp.Expr, sp.Matrix]:
    """Return (d, N) with d z' = N z for one eigenmode z = (x, x', ..., x^(k-1))."""
    k = flow.order
    a = mode_polynomial(flow, eigenvalue)
    N = sp.zeros(k, k)
    for i in range(k - 1):
        N[i, i + 1] = a[k]
    for j in range(k):
        N[k - 1, j] = -a[j]
    return a[k], N


def mode_polynomial(flow: ConcreteFlow, eigenvalue: sp.Expr) -> list[sp.Expr]:
    """Return a_0, ..., a_k of the mode's characteristic polynomial sum a_j s^j, polynomials in the eigenvalue."""

    def constant(powers: Laurent) -> sp.Rational:
        total = sum((c for _, c in powers), Fraction(0))
        return sp.Rational(total.numerator, total.denominator)

    k = flow.order
    beta, gamma = constant(flow.hessian), constant(flow.gradient)
    p = [constant(c) for c in flow.point]
    c = [sp.Integer(0), *(constant(x) for x in flow.damping), sp.Integer(1)]
    at = [p[j] if j < len(p) else sp.Integer(0) for j in range(k + 1)]
    return [sp.expand(c[j] + eigenvalue * (gamma * at[j] + (beta * at[j - 1] if j else 0))) for j in range(k + 1)]


def _polynomial(coefficients: Sequence[Fraction], symbol: sp.Symbol) -> sp.Expr:
    return sp.Add(*(sp.Rational(c.numerator, c.denominator) * symbol**i for i, c in enumerate(coefficients)))


def _unit(index: int, size: int) -> list[Fraction]:
    return [Fraction(int(i == index)) for i in range(size)]


def _powers(powers: Laurent) -> list[list[str]]:
    return [[str(p), str(c)] for p, c in powers]


def _dump(
    flow: ConcreteFlow, cls: FunctionClass, kind: Kind, rate: Fraction, start: Fraction, body: Mapping[str, object]
) -> str:
    head = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind.value,
        "flow": {
            "order": flow.order,
            "damping": [_powers(c) for c in flow.damping],
            "gradient": _powers(flow.gradient),
            "hessian": _powers(flow.hessian),
            "point": [_powers(c) for c in flow.point],
        },
        "class": {
            "name": cls.name.value,
            "mu": str(cls.mu),
            "smooth": None if cls.smooth is None else str(cls.smooth),
        },
        "rate": str(rate),
        "valid_from": str(start),
    }
    return json.dumps({**head, **body}, indent=1)
