"""Faces of the semidefinite program of a rate: equalities in rationals, so that free unknowns round on their own.

On the boundary the program has no interior. Zero diagonals, null vectors of a solution and vanishing multipliers say on
which face a solution lies; they are rounded to rationals and become equalities. A wrong guess costs a proof, never
a false one: nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import flint
import numpy as np

from odeflow.conic_solver import solve_conic

if TYPE_CHECKING:
    from odeflow.semidefinite import RateProgram

__all__ = ["DENOMINATORS", "Face"]

NULL = 3e-6
"""Relative size below which an eigenvalue of a solution on the boundary is taken for zero."""
DENOMINATORS = (1, 2, 4, 12, 30, 100, 300, 1000, 10**4, 10**5, 10**6, 10**7, 10**8)

Row = list[Fraction]


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
