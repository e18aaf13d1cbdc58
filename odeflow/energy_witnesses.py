"""Against an energy: a function of the class and a state at which V' + rate V > 0, in rationals.

A convex function with f(x*) = f*, f(y) = f* + F and grad f(y) = g exists in the class iff the two-point inequalities
hold between y and x*. So a violation is a point of a small semidefinite program in the Gram matrix of (z, g) and F; its
factors are vectors, which are rounded and checked exactly.

References
----------
A. Taylor, J. Hendrickx, F. Glineur (2017), theorem 4: the two-point conditions are sufficient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from odeflow.conic_solver import SolverFailure, solve_conic
from odeflow.errors import InvalidArgumentError
from odeflow.flows import ConcreteFlow, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.symbolic.rate_certificates import Quadratic, RateSystem, rate_system

__all__ = ["EnergyWitness", "find_energy_witness"]

DENOMINATORS = (1, 2, 3, 4, 6, 10, 30, 100, 1000, 10**4, 10**6, 10**8)
SCALES = tuple(Fraction(1, 10**n) for n in (0, 2, 4, 6, 8, 10))
SMOOTH = tuple(Fraction(10) ** n for n in range(1, 13))


@dataclass(frozen=True)
class EnergyWitness:
    """A member of the class and a state at which V' + rate V is positive.

    Attributes
    ----------
    rate : the claim that fails for this V
    vectors : (x - x*, x', ..., x^(k-1), grad f(y)), each a tuple of rationals of one length; in log-time
        scaled by powers of t, at t = 1
    gap : f(y) - f*
    smooth : a member with this Lipschitz constant of the gradient exists
    excess : V' + rate V > 0 there; in log-time dV/ds + (rate - weight) V
    weight : w in log-time, by which t^w scales f - f*; else 0
    """

    rate: Fraction
    vectors: tuple[tuple[Fraction, ...], ...]
    gap: Fraction
    smooth: Fraction
    excess: Fraction
    weight: Fraction = Fraction(0)

    def check(
        self,
        flow: ConcreteFlow,
        function_class: FunctionClass,
        kind: Kind,
        energy_f: Fraction,
        energy_matrix: Sequence[Sequence[Fraction]],
    ) -> bool:
        """Decide anew, from the flow and the class, that the witness is admissible and V' + rate V is as stated."""
        smooth = FunctionClass(function_class.name, function_class.mu, self.smooth)
        if function_class.smooth is not None and self.smooth > function_class.smooth:
            return False
        if kind is Kind.POWER and function_class.mu > 0:
            return False
        system = rate_system(flow, function_class, kind)
        # in log-time the smooth inequalities at t = 1 are those of ordinary time, where t^w = 1
        known = [_smooth_form(system, smooth, name) for name in ("value", "tangent")]
        if any(_value(form, self.vectors, self.gap) < 0 for form in known):
            return False
        form = system.decay(system.energy(energy_f, energy_matrix), self.rate, {})
        return _value(form, self.vectors, self.gap) == self.excess > 0

    def sentence(self) -> str:
        """Return how to check it by hand."""
        names = ["x" + "'" * j for j in range(len(self.vectors) - 1)] + ["grad f"]
        shown = [
            f"{name} = {v[0] if len(v) == 1 else '(' + ', '.join(map(str, v)) + ')'}"
            for name, v in zip(names, self.vectors, strict=True)
        ]
        shift = self.rate - self.weight
        left = "V'" if self.weight == 0 else "dV/d(ln t)"
        left += f" + {shift} V" if shift > 0 else f" - {-shift} V" if shift < 0 else ""
        moment = "" if self.weight == 0 else " at t = 1"
        return (
            f"some f of the class (with L = {self.smooth}) has x* = 0 and f - f* = {self.gap} at the state "
            f"{', '.join(shown)}{moment}, where {left} = {self.excess} > 0"
        )


def find_energy_witness(
    flow: ConcreteFlow,
    function_class: FunctionClass,
    kind: Kind,
    rate: Fraction,
    *,
    energy_f: Fraction,
    energy_matrix: Sequence[Sequence[Fraction]],
) -> EnergyWitness | None:
    """Return a witness against `V' + rate V <= 0`, or None if none was found (or the flow needs second derivatives)."""
    if (
        flow.hessian
        or any(energy_matrix[-1])
        or function_class.name not in (ClassName.CONVEX, ClassName.STRONGLY_CONVEX)
    ):
        return None
    if kind is Kind.POWER and function_class.mu > 0:
        return None
    system = rate_system(flow, function_class, kind)
    form = system.decay(system.energy(energy_f, energy_matrix), rate, {})
    known = [system.inequalities[name] for name in ("value", "tangent")]
    for scale in SCALES:
        try:
            columns = _worst_columns(form, known, flow.order + 1, scale)
        except SolverFailure:
            continue
        for denominator in DENOMINATORS:
            rounded = [
                tuple(Fraction(float(x)).limit_denominator(denominator) for x in column) for column in columns.T
            ]
            rounded[-1] = tuple(scale * x for x in rounded[-1])
            found = _admissible(system, function_class, kind, form, rate, tuple(rounded))
            if found is not None and found.check(flow, function_class, kind, energy_f, energy_matrix):
                return found
    return None


def _worst_columns(form: Quadratic, inequalities: Sequence[Quadratic], size: int, scale: Fraction) -> np.ndarray:
    """Return floating-point states where the form is largest, one column a vector, grad f divided by `scale`.

    Where a claim fails by eps only, so may grad f and f - f* have to be of the order of eps: in their own units the
    solver sees the failure.
    """

    def rescaled(q: Quadratic) -> Quadratic:
        factors = [*(Fraction(1) for _ in range(size - 1)), scale, scale]
        matrix = [[c * factors[i] * factors[j] for j, c in enumerate(row)] for i, row in enumerate(q.matrix)]
        largest = max([abs(q.f_part * scale), *(abs(c) for row in matrix for c in row)]) or Fraction(1)
        return Quadratic(q.f_part * scale / largest, [[c / largest for c in row] for row in matrix])

    gram = _worst_gram(rescaled(form), [rescaled(q) for q in inequalities], size)
    values, vectors = np.linalg.eigh(gram)
    order = [i for i in np.argsort(-values) if values[i] > 1e-7 * values[-1]]
    columns: np.ndarray = (vectors[:, order] * np.sqrt(values[order])).T
    return columns / (float(np.max(np.abs(columns))) or 1.0)


def _admissible(
    system: RateSystem,
    function_class: FunctionClass,
    kind: Kind,
    form: Quadratic,
    rate: Fraction,
    vectors: tuple[tuple[Fraction, ...], ...],
) -> EnergyWitness | None:
    """Return the witness with these vectors, with f(y) - f* chosen between what the class allows."""
    given = [function_class.smooth] if function_class.smooth is not None else list(SMOOTH)
    for L in given:
        if function_class.mu >= L:
            continue
        smooth = FunctionClass(function_class.name, function_class.mu, L)
        low = -_value(_smooth_form(system, smooth, "value"), vectors, Fraction(0))
        high = _value(_smooth_form(system, smooth, "tangent"), vectors, Fraction(0))
        if low > high:
            continue
        for gap in (low, high, (low + high) / 2):
            excess = _value(form, vectors, gap)
            if excess > 0:
                return EnergyWitness(rate, vectors, gap, L, excess, system.weight)
    return None


def _smooth_form(system: RateSystem, function_class: FunctionClass, name: str) -> Quadratic:
    """Return an inequality of a smooth class as a form in F and (z, g), in ordinary time."""
    n = system.order + 2
    vectors = {"y": system.point, "g": [Fraction(int(i == n - 2)) for i in range(n)]}
    (inequality,) = [q for q in function_class.inequalities() if q.name == name]
    matrix = [[Fraction(0)] * n for _ in range(n)]
    for (left, right), c in inequality.products:
        u, v = vectors[left], vectors[right]
        for i in range(n):
            for j in range(n):
                matrix[i][j] += c * (u[i] * v[j] + u[j] * v[i]) / 2
    return Quadratic(inequality.f_coefficient, matrix)


def _value(form: Quadratic, vectors: Sequence[Sequence[Fraction]], gap: Fraction) -> Fraction:
    total = form.f_part * gap
    for i, u in enumerate(vectors):
        for j, v in enumerate(vectors):
            if form.matrix[i][j]:
                total += form.matrix[i][j] * sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))
    return total


def _worst_gram(form: Quadratic, inequalities: Sequence[Quadratic], size: int) -> np.ndarray:
    """Maximise the form over Gram matrices of trace 1 and F that the inequalities allow."""
    if size < 1:
        raise InvalidArgumentError("Expected at least one vector.")
    pairs = [(i, j) for j in range(size) for i in range(j + 1)]

    def row(q: Quadratic) -> np.ndarray:
        entries = [float(q.matrix[i][j]) * (1.0 if i == j else 2.0) for i, j in pairs]
        return np.array([*entries, float(q.f_part)])

    target = -row(form)
    trace = np.array([*(float(i == j) for i, j in pairs), 0.0])
    weights = np.array([1.0 if i == j else np.sqrt(2.0) for i, j in pairs])
    gram = np.hstack([np.diag(-weights), np.zeros((len(pairs), 1))])
    bounds = np.array([-row(q) for q in inequalities])
    solution = solve_conic(
        target, [(("zero", 1), trace[None, :], [1.0]), (("nonnegative", len(bounds)), bounds, [0.0] * len(bounds)),
                 (("semidefinite", size), gram, [0.0] * len(pairs))]
    )  # fmt: skip
    if solution is None:
        raise SolverFailure("no state is admissible")
    matrix = np.zeros((size, size))
    for value, (i, j) in zip(solution[:-1], pairs, strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix
