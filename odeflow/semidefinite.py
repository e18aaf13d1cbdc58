"""Is there a Lyapunov function at this rate? A small semidefinite program, its faces, and exact rounding.

All V and multipliers are one vector u; the two forms that must be semidefinite are linear in it. Equalities are solved
in
rationals, so that every free unknown can be rounded on its own. Nothing here decides: `solve_exactly` returns only
what the
exact checks accept.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from scipy.sparse import csc_matrix

from odeflow.checker import Rejected, Unreadable, verify_text
from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.flows import ConcreteFlow, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.symbolic.exact import is_positive_semidefinite
from odeflow.symbolic.rate_certificates import ModalCertificate, Quadratic, RateCertificate, RateSystem, rate_system

__all__ = [
    "Face",
    "RateProgram",
    "SolverFailure",
    "is_verified",
    "largest_floor",
    "require_solver",
    "solve_conic",
    "solve_exactly",
]

MARGIN = 1e-8
"""A solution whose smallest eigenvalue exceeds this (the program has trace 1) is taken for an interior one."""
NULL = 3e-6
"""Relative size below which an eigenvalue of a solution on the boundary is taken for zero."""
DENOMINATORS = (1, 2, 4, 12, 30, 100, 300, 1000, 10**4, 10**5, 10**6, 10**7, 10**8)


def require_solver() -> Any:
    """Return the module of the semidefinite solver, or say how to install it."""
    try:
        return importlib.import_module("clarabel")
    except ImportError:
        raise InvalidArgumentError(
            "Expected the solver Clarabel for the search, but it is not installed. Install odeflow[search]. "
            "Checking certificates needs no solver."
        ) from None


def is_verified(certificate: RateCertificate | ModalCertificate) -> bool:
    """Whether the stand-alone checker, which shares no code with the search, accepts the certificate's file."""
    try:
        verify_text(certificate.to_json())
    except (Rejected, Unreadable):
        return False
    return True


class SolverFailure(OdeflowError):
    """The solver stopped without an answer."""


Row = list[Fraction]


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


@dataclass(frozen=True)
class Face:
    """A face of the program at a fixed rate: equalities, and a basis in which each form is tested.

    Attributes
    ----------
    equalities : exact rows, each times u is 0
    forms : for each of the two forms and each unknown, its exact matrix
    frames : for each form, rational columns; the form restricted to them must be semidefinite
    basis : columns span the exact null space of the equalities; the free unknowns have unit rows
    """

    program: RateProgram
    equalities: tuple[Sequence[Fraction], ...]
    forms: tuple[tuple[Any, ...], tuple[Any, ...]]
    frames: tuple[Any, Any]
    basis: Any
    free: tuple[int, ...]

    @classmethod
    def structural(cls, program: RateProgram, rate: Fraction) -> Face | None:
        """Return the face that zero diagonals force: a zero diagonal entry has a zero row."""
        decay = program.decay_at(rate)
        forms = (decay, list(program.positive))
        rows: list[Row] = [list(row) for row in program.fixed]
        rows += [[q.f_part for q in form] for form in forms]
        n = program.flow.order + 2
        kept = [list(range(n)), list(range(n))]
        while True:
            reduced = _null_space(rows, len(program.names))
            if reduced is None:
                return None
            basis, free = reduced
            numeric = _floats(basis)
            found = False
            for form, indices in zip(forms, kept, strict=True):
                for i in list(indices):
                    diagonal = np.array([float(q.matrix[i][i]) for q in form])
                    if np.all(np.abs(diagonal @ numeric) < 1e-12):
                        rows += [[q.matrix[i][j] for q in form] for j in range(n) if j != i]
                        indices.remove(i)
                        found = True
            if not found:
                break
        exact = tuple(tuple(_exact(q.matrix) for q in form) for form in forms)
        frames = tuple(_exact([[Fraction(int(i == j)) for j in indices] for i in range(n)]) for indices in kept)
        return cls(program, tuple(map(tuple, rows)), exact, frames, basis, free)  # type: ignore[arg-type]

    def blocks(self) -> list[np.ndarray]:
        """Return each form, restricted to its frame, for each free direction: arrays (free, size, size)."""
        out = []
        directions = _floats(self.basis)
        for form, frame in zip(self.forms, self.frames, strict=True):
            columns = _floats(frame)
            if columns.shape[1] == 0:
                out.append(np.zeros((directions.shape[1], 0, 0)))
                continue
            matrices = np.stack([columns.T @ _floats(m) @ columns for m in form])
            out.append(np.einsum("uij,uw->wij", matrices, directions))
        return out

    def solve(self) -> tuple[np.ndarray, float]:
        """Maximise the smallest eigenvalue of both forms over the normalised face: (point, margin)."""
        directions = _floats(self.basis)
        signs = [i for i, (name, _) in enumerate(self.program.names) if name in ("decay", "positivity")]
        signs = [i for i in signs if np.any(np.abs(directions[i]) > 0)]
        floor = directions[next(i for i, (name, _) in enumerate(self.program.names) if name == "floor")]
        decay, positive = self.blocks()
        size = np.trace(positive, axis1=1, axis2=2) + floor
        return _maximise_margin(directions, decay, positive, directions[signs], floor, size)

    def rounded(self, point: np.ndarray) -> Iterator[list[Fraction]]:
        """Yield exact points of the face near a numerical one, coarse denominators first."""
        directions = _floats(self.basis)
        values = directions @ point
        scale = values[-1] if abs(values[-1]) > 1e-6 * np.max(np.abs(values)) else np.max(np.abs(values))
        if scale == 0 or not np.all(np.isfinite(point)):
            return
        seen = set()
        signs = np.array([name in ("decay", "positivity", "floor") for name, _ in self.program.names])
        smallest = 1e-9 * max(1.0, float(np.max(np.abs(values / scale))))
        blocks = self.blocks()
        for denominator in DENOMINATORS:
            free = tuple(Fraction(float(x / scale)).limit_denominator(denominator) for x in point)
            if free in seen:
                continue
            seen.add(free)
            numeric = np.array([float(x) for x in free])
            if np.any((directions @ numeric)[signs] < -smallest):
                continue
            if any(
                b.shape[1] and np.linalg.eigvalsh(np.einsum("wij,w->ij", b, numeric))[0] < -smallest for b in blocks
            ):
                continue
            product = self.basis * flint.fmpq_mat(len(free), 1, [flint.fmpq(x.numerator, x.denominator) for x in free])
            yield [Fraction(int(x.p), int(x.q)) for x in product.entries()]

    def smaller(self, point: np.ndarray) -> Face | None:
        """Return the face on which a solution lies: null vectors of its forms, rounded, and vanishing multipliers."""
        directions = _floats(self.basis)
        values = directions @ point
        scale = float(np.max(np.abs(values)))
        rows = [list(row) for row in self.equalities]
        count = len(rows)
        for i, (name, _) in enumerate(self.program.names):
            if name in ("decay", "positivity") and np.any(directions[i]) and abs(values[i]) < NULL * scale:
                rows.append([Fraction(int(i == j)) for j in range(len(values))])
        frames = []
        for form, frame, block in zip(self.forms, self.frames, self.blocks(), strict=True):
            null = _rational_null_vectors(np.einsum("wij,w->ij", block, point)) if block.shape[1] else []
            if not null:
                frames.append(frame)
                continue
            for vector in null:
                column = frame * _exact([[x] for x in vector])
                images = [(frame.transpose() * (m * column)).entries() for m in form]
                rows += [[Fraction(int(im[i].p), int(im[i].q)) for im in images] for i in range(frame.ncols())]
            keep = _complement(null, frame.ncols())
            frames.append(frame * _exact([[Fraction(int(i == j)) for j in keep] for i in range(frame.ncols())]))
        if len(rows) == count:
            return None
        reduced = _null_space(rows, len(values))
        if reduced is None:
            return None
        return Face(self.program, tuple(rows), self.forms, (frames[0], frames[1]), *reduced)


def _maximise_margin(
    directions: np.ndarray,
    decay: np.ndarray,
    positive: np.ndarray,
    nonnegative: np.ndarray,
    floor: np.ndarray,
    size: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Solve max m: both forms >= m, multipliers >= 0, floor >= m, size = 1, m <= 1. Any solver failure is one class."""
    free = directions.shape[1]
    bounded = [np.append(-row, 0.0) for row in nonnegative]
    bounded += [np.append(-floor, 1.0), np.append(np.zeros(free), 1.0)]
    cones: list[tuple[tuple[str, int], np.ndarray, Sequence[float]]] = [
        (("zero", 1), np.append(size, 0.0)[None, :], [1.0]),
        (("nonnegative", len(bounded)), np.array(bounded), [0.0] * (len(bounded) - 1) + [1.0]),
    ]
    for block in (decay, positive):
        order = block.shape[1]
        rows = []
        for column in range(order):
            for row in range(column + 1):
                weight = 1.0 if row == column else np.sqrt(2.0)
                rows.append(np.append(-weight * block[:, row, column], float(row == column)))
        if rows:
            cones.append((("semidefinite", order), np.array(rows), [0.0] * len(rows)))
    x = solve_conic(np.append(np.zeros(free), -1.0), cones)
    return (np.zeros(free), -1.0) if x is None else (x[:-1], float(x[-1]))


def solve_conic(
    target: np.ndarray, cones: Sequence[tuple[tuple[str, int], np.ndarray, Sequence[float]]]
) -> np.ndarray | None:
    """Minimise <target, x> with right - rows x in each cone; None if infeasible.

    Parameters
    ----------
    cones : (("zero" | "nonnegative" | "semidefinite", size), rows, right); semidefinite cones are upper triangles,
        column by column, off-diagonal entries times sqrt(2)

    Raises
    ------
    SolverFailure
        The solver stopped without an answer, for any reason, a panic included.
    """
    clarabel = require_solver()
    kinds = {
        "zero": clarabel.ZeroConeT,
        "nonnegative": clarabel.NonnegativeConeT,
        "semidefinite": clarabel.PSDTriangleConeT,
    }
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_iter = 100
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    settings.max_threads = 1
    A = csc_matrix(np.vstack([rows for _, rows, _ in cones]))
    right = np.concatenate([np.asarray(b, dtype=np.float64) for _, _, b in cones])
    n = len(target)
    try:
        solver = clarabel.DefaultSolver(
            csc_matrix((n, n)), target, A, right, [kinds[name](size) for (name, size), _, _ in cones], settings
        )
        solution = solver.solve()
        status, x = str(solution.status), np.array(solution.x)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of the solver derives from BaseException
        raise SolverFailure(f"the solver stopped: {type(error).__name__}: {error}") from None
    if "Infeasible" in status:
        return None
    if "Solved" not in status and status not in ("InsufficientProgress", "MaxIterations"):
        raise SolverFailure(f"the solver ended with status {status}")
    if not np.all(np.isfinite(x)):
        raise SolverFailure("the solver returned numbers that are not finite")
    return x


def _rational_null_vectors(matrix: np.ndarray) -> list[list[Fraction]]:
    """Return simple rational vectors that a numerical semidefinite matrix nearly annihilates."""
    values, vectors = np.linalg.eigh(matrix)
    largest = max(float(np.max(np.abs(values))), 1e-12)
    null = vectors[:, values < NULL**0.5 * largest]
    if null.shape[1] == 0 or null.shape[1] == matrix.shape[0]:
        sure = values < NULL * largest
        null = vectors[:, sure]
        if null.shape[1] == 0:
            return []
    # reduced column echelon form: the null space as simple vectors
    basis = null.T.copy()
    row = 0
    for column in range(basis.shape[1]):
        if row == basis.shape[0]:
            break
        pivot = row + int(np.argmax(np.abs(basis[row:, column])))
        if abs(basis[pivot, column]) < 1e-3:
            continue
        basis[[row, pivot]] = basis[[pivot, row]]
        basis[row] /= basis[row, column]
        for other in range(basis.shape[0]):
            if other != row:
                basis[other] -= basis[other, column] * basis[row]
        row += 1
    found = []
    for vector in basis[:row]:
        rounded = [Fraction(float(x)).limit_denominator(1000) for x in vector]
        if np.max(np.abs(vector - np.array([float(x) for x in rounded]))) < 1e-3:
            found.append(rounded)
    return found


def _complement(vectors: Sequence[Sequence[Fraction]], size: int) -> list[int]:
    """Return the coordinates that are not pivots of the vectors: unit vectors there complete them to a basis."""
    reduced, rank = _exact([list(v) for v in vectors]).rref()
    pivots = [next(j for j in range(size) if reduced[i, j] != 0) for i in range(rank)]
    return [j for j in range(size) if j not in pivots]


def _null_space(rows: Sequence[Sequence[Fraction]], size: int) -> tuple[Any, tuple[int, ...]] | None:
    """Return a basis (columns) of the common null space of rows, with unit rows at the free unknowns."""
    reduced, rank = _exact([list(row) for row in rows]).rref()
    pivots = [next(j for j in range(size) if reduced[i, j] != 0) for i in range(rank)]
    free = [j for j in range(size) if j not in pivots]
    if not free:
        return None
    entries = [[flint.fmpq(0)] * len(free) for _ in range(size)]
    for column, j in enumerate(free):
        entries[j][column] = flint.fmpq(1)
        for i, pivot in enumerate(pivots):
            entries[pivot][column] = -reduced[i, j]
    return flint.fmpq_mat(size, len(free), [x for row in entries for x in row]), tuple(free)


def _exact(rows: Sequence[Sequence[Fraction]]) -> Any:
    width = len(rows[0]) if rows else 0
    return flint.fmpq_mat(len(rows), width, [flint.fmpq(x.numerator, x.denominator) for row in rows for x in row])


def _floats(matrix: Any) -> np.ndarray:
    entries = [int(x.p) / int(x.q) for x in matrix.entries()]
    return np.array(entries, dtype=np.float64).reshape(matrix.nrows(), matrix.ncols())


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
