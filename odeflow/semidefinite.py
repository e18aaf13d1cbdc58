"""Is there a Lyapunov function at this rate? All V and multipliers as one vector, two forms linear in it.

The two forms that must be semidefinite make a small semidefinite program, solved on its faces (`program_faces`) in
floating point and rounded. Nothing here decides: `solve_exactly` returns only what the exact checks accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from odeflow.checker import Rejected, Unreadable, verify_text
from odeflow.conic_solver import SolverFailure, solve_conic
from odeflow.errors import InvalidArgumentError
from odeflow.flows import ConcreteFlow, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.program_faces import DENOMINATORS, Face
from odeflow.symbolic.exact import is_positive_semidefinite
from odeflow.symbolic.rate_certificates import ModalCertificate, Quadratic, RateCertificate, RateSystem, rate_system

__all__ = ["RateProgram", "is_verified", "largest_floor", "solve_exactly"]

MARGIN = 1e-8
"""A solution whose smallest eigenvalue exceeds this (the program has trace 1) is taken for an interior one."""


def is_verified(certificate: RateCertificate | ModalCertificate) -> bool:
    """Whether the stand-alone checker, which shares no code with the search, accepts the certificate's file."""
    try:
        verify_text(certificate.to_json())
    except (Rejected, Unreadable):
        return False
    return True


@dataclass(frozen=True)
class RateProgram:
    """All V and multipliers as one vector u, with the two forms as linear functions of it.

    u = (entries of P, decay multipliers, positivity multipliers, floor, a); the form that must be <= 0 is
    sum u_i (constant[i] + rate energy[i]), the one that must be >= 0 is sum u_i positive[i].
    """

    flow: ConcreteFlow
    function_class: FunctionClass
    kind: Kind
    start: Fraction
    system: RateSystem
    names: tuple[tuple[str, Any], ...]
    constant: tuple[Quadratic, ...]
    energy: tuple[Quadratic, ...]
    positive: tuple[Quadratic, ...]
    fixed: tuple[Sequence[Fraction], ...] = field(default=())

    @classmethod
    def build(
        cls, flow: ConcreteFlow, function_class: FunctionClass, kind: Kind, start: Fraction, *, with_gradient: bool
    ) -> RateProgram:
        system = rate_system(flow, function_class, kind, start=start)
        k, n = flow.order, flow.order + 2
        zero, one = Fraction(0), Fraction(1)
        nothing = Quadratic(zero, [[zero] * n for _ in range(n)])
        names: list[tuple[str, Any]] = []
        constant, energies, positive = [], [], []
        size = k + 1 if with_gradient else k
        first = 1 if function_class.name is ClassName.PL else 0  # there may be many minimisers: no distance to one
        empty = [[zero] * (k + 1) for _ in range(k + 1)]
        for i in range(first, size):
            for j in range(i, size):
                matrix = [list(row) for row in empty]
                matrix[i][j] = matrix[j][i] = one
                energy = system.energy(zero, matrix)
                names.append(("P", (i, j)))
                constant.append(system.decay(energy, zero, {}))
                energies.append(energy)
                positive.append(energy)
        for name in system.inequalities:
            if name in system.hessian_free or with_gradient:
                names.append(("decay", name))
                constant.append(system.inequalities[name])
                energies.append(nothing)
                positive.append(nothing)
        for name in system.inequalities:
            if name in system.hessian_free:
                names.append(("positivity", name))
                constant.append(nothing)
                energies.append(nothing)
                positive.append(nothing.plus(system.inequalities[name], -one))
        f_only = system.energy(one, empty)
        names += [("floor", None), ("a", None)]
        constant += [nothing, system.decay(f_only, zero, {})]
        energies += [nothing, f_only]
        positive += [nothing.plus(f_only, -one), f_only]
        return cls(
            flow, function_class, kind, start, system, tuple(names), tuple(constant), tuple(energies), tuple(positive)
        )

    def restricted_to(self, f: Fraction, matrix: Sequence[Sequence[Fraction]]) -> RateProgram:
        """Return the program in which V is a multiple of a given energy."""
        wanted = []
        for name, at in self.names:
            wanted.append(matrix[at[0]][at[1]] if name == "P" else f if name == "a" else Fraction(0))
        reference = next((i for i in reversed(range(len(wanted))) if wanted[i]), None)
        if reference is None:
            raise InvalidArgumentError("Expected an energy other than 0.")
        rows = []
        for i, (name, _) in enumerate(self.names):
            if name in ("P", "a") and i != reference:
                row = [Fraction(0)] * len(self.names)
                row[i], row[reference] = wanted[reference], -wanted[i]
                rows.append(row)
        return replace(self, fixed=tuple(rows))

    def decay_at(self, rate: Fraction) -> list[Quadratic]:
        """Return minus the form that must be <= 0, for each unknown."""
        zero = Fraction(0)
        nothing = Quadratic(zero, [[zero] * len(q.matrix) for q in self.constant[:1] for _ in q.matrix])
        return [nothing.plus(c.plus(e, rate), Fraction(-1)) for c, e in zip(self.constant, self.energy, strict=True)]

    def feasible(self, rate: Fraction) -> bool:
        """Tell, in floating point, whether the program has an interior point at this rate."""
        face = Face.structural(self, rate)
        for _ in range(4):
            if face is None:
                return False
            point, margin = face.solve()
            if margin > MARGIN or margin < -MARGIN:
                return margin > 0
            face = face.smaller(point)
        return False

    def certificate(self, rate: Fraction, values: Sequence[Fraction]) -> RateCertificate:
        k = self.flow.order
        matrix = [[Fraction(0)] * (k + 1) for _ in range(k + 1)]
        decay: dict[str, Fraction] = {}
        positivity: dict[str, Fraction] = {}
        floor = a = Fraction(0)
        for (name, at), value in zip(self.names, values, strict=True):
            match name:
                case "P":
                    matrix[at[0]][at[1]] = matrix[at[1]][at[0]] = value
                case "decay":
                    decay[at] = value
                case "positivity":
                    positivity[at] = value
                case "floor":
                    floor = value
                case _:
                    a = value
        rows = tuple(tuple(row) for row in matrix)
        start = self.start if self.kind is Kind.POWER else Fraction(0)
        return RateCertificate(
            self.flow, self.function_class, self.kind, rate, start, a, rows, floor, decay, positivity
        )


def solve_exactly(program: RateProgram, rate: Fraction) -> tuple[RateCertificate | None, str]:
    """Return a certificate at a rate that both exact checks accept, or why there is none."""
    try:
        face = Face.structural(program, rate)
        for _ in range(5):
            if face is None:
                return None, "the equalities leave no energy"
            point, margin = face.solve()
            if margin < -1e-5:
                return None, "the semidefinite program has no solution"
            if margin > 1e-10:
                for values in face.rounded(point):
                    certificate = program.certificate(rate, values)
                    if certificate.check().holds and is_verified(certificate):
                        return certificate, ""
            following = face.smaller(point)
            if following is None:
                break
            face = following
    except SolverFailure as error:
        return None, str(error)
    return None, f"a solution exists to within {abs(margin):.0e} but no rational point near it is one"


def largest_floor(
    system: RateSystem, a: Fraction, matrix: Sequence[Sequence[Fraction]]
) -> tuple[Fraction, dict[str, Fraction]] | None:
    """Return the largest c with V >= c (f - f*) for a given V, and its multipliers, if they are simple rationals.

    Parameters
    ----------
    system : the flow and the class
    a, matrix : V = a (f - f*) + <(z, g), matrix (z, g)>
    """
    names = [name for name in system.inequalities if name in system.hessian_free]
    forms = [system.inequalities[name] for name in names]
    energy = system.energy(a, matrix)
    n = system.order + 1
    kept = [i for i in range(n) if any(q.matrix[i][j] for q in (energy, *forms) for j in range(n))]
    rows, right = [], []
    for column, j in enumerate(kept):
        for i in kept[: column + 1]:
            weight = 1.0 if i == j else np.sqrt(2.0)
            rows.append([*(weight * float(q.matrix[i][j]) for q in forms), 0.0])
            right.append(weight * float(energy.matrix[i][j]))
    count = len(names) + 1
    solution = solve_conic(
        np.array([0.0] * len(names) + [-1.0]),
        [
            (("zero", 1), np.array([[*(float(q.f_part) for q in forms), 1.0]]), [float(a)]),
            (("nonnegative", count), -np.eye(count), [0.0] * count),
            (("semidefinite", len(kept)), np.array(rows), right),
        ],
    )
    if solution is None:
        return None
    for denominator in DENOMINATORS[:9]:
        values = [Fraction(float(x)).limit_denominator(denominator) for x in solution]
        if any(abs(float(v) - x) > 1e-5 for v, x in zip(values, solution, strict=True)):
            continue
        table = {name: value for name, value in zip(names, values[:-1], strict=True) if value}
        form = system.positivity(energy, values[-1], table)
        if values[-1] > 0 and form.f_part == 0 and is_positive_semidefinite(form.matrix):
            return values[-1], table
    return None
