r"""Kronecker products of matrices of any size: identities that hold entry by entry, in symbolic dimensions.

A matrix is known by its entries: a product of named entries, summed over bound indices. Rows and columns are counted by
tuples of indices. The row (c, r) of `B (x) A` is row c of B and row r of A, in position c rows(A) + r (from 0); the row
(c, r) of vec(X) is X_{rc}, in position c rows(X) + r: column by column. Two entries are equal for all matrices of all
sizes if they hold the same factors, up to the names of the bound indices.

Examples
--------
>>> A, X, B = Entries.named("A", "m", "k"), Entries.named("X", "k", "d"), Entries.named("B", "d", "n")
>>> same_entries(vectorised(A @ X @ B), tensor(B.T, A) @ vectorised(X))
True
>>> same_entries(vectorised(A @ X @ B), tensor(B, A.T) @ vectorised(X))
Traceback (most recent call last):
...
odeflow.errors.InvalidArgumentError: Expected matrices whose shapes chain but got columns (n, m) and rows (d, k).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Kind, Step, equate
from odeflow.symbolic.quantities import named

__all__ = ["Entries", "Sizes", "Term", "same_entries", "show_same_entries", "tensor", "vectorised"]

Sizes = tuple[sp.Expr, ...]
Index = tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Term:
    """A product of entries, each (name, row, column), summed over bound indices, each with its size."""

    factors: tuple[tuple[str, sp.Expr, sp.Expr], ...]
    bound: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    def __mul__(self, other: Term) -> Term:
        return Term(self.factors + other.factors, self.bound + other.bound)

    def canonical(self) -> tuple[object, ...]:
        """Return a form that does not depend on the names of the bound indices or the order of the factors."""
        forms = []
        for order in itertools.permutations(self.bound):
            names = {index: sp.Symbol(f"#{i}") for i, (index, _) in enumerate(order)}
            renamed = sorted((name, *(str(names.get(i, i)) for i in at)) for name, *at in self.factors)
            forms.append((tuple(map(str, (size for _, size in order))), tuple(renamed)))
        return min(forms)

    def as_expr(self) -> sp.Expr:
        """Return the sum as SymPy writes it."""
        product = sp.Mul(*(sp.IndexedBase(name)[row, column] for name, row, column in self.factors))
        return sp.Sum(product, *((index, 1, size) for index, size in self.bound)) if self.bound else product


@dataclass(frozen=True)
class Entries:
    """A matrix by its entries.

    Attributes
    ----------
    rows, columns : sizes of the indices that count rows and columns; a vector has no column index
    entry : (row, column) -> entry
    """

    rows: Sizes
    columns: Sizes
    entry: Callable[[Index, Index], Term]

    @classmethod
    def named(cls, name: str, rows: str, columns: str) -> Entries:
        """Return a matrix of which nothing is known but its name and size."""
        high, wide = (sp.Symbol(size, positive=True, integer=True) for size in (rows, columns))
        return cls((high,), (wide,), lambda row, column: Term(((name, row[0], column[0]),)))

    @property
    def T(self) -> Entries:
        """The transpose."""
        return Entries(self.columns, self.rows, lambda row, column: self.entry(column, row))

    def __matmul__(self, other: Entries) -> Entries:
        if self.columns != other.rows:
            raise InvalidArgumentError(
                f"Expected matrices whose shapes chain but got columns {self.columns} and rows {other.rows}."
            )

        def entry(row: Index, column: Index) -> Term:
            inner = tuple(sp.Dummy("i") for _ in self.columns)
            summed = Term((), tuple(zip(inner, self.columns, strict=True)))
            return self.entry(row, inner) * other.entry(inner, column) * summed

        return Entries(self.rows, other.columns, entry)


def tensor(left: Entries, right: Entries) -> Entries:
    """Return left (x) right: entry ((c, r), (q, p)) is left_{cq} right_{rp}."""
    high, wide = len(left.rows), len(left.columns)
    return Entries(
        left.rows + right.rows,
        left.columns + right.columns,
        lambda row, column: left.entry(row[:high], column[:wide]) * right.entry(row[high:], column[wide:]),
    )


def vectorised(matrix: Entries) -> Entries:
    """Return vec(matrix), column by column: entry (c, r) is matrix_{rc}."""
    wide = len(matrix.columns)
    return Entries(matrix.columns + matrix.rows, (), lambda row, _: matrix.entry(row[wide:], row[:wide]))


def same_entries(left: Entries, right: Entries) -> bool:
    """Tell whether two matrices have the same size and the same entries, for all sizes."""
    if (left.rows, left.columns) != (right.rows, right.columns):
        return False
    one, other = _general(left), _general(right)
    return len(one.bound) == len(other.bound) and one.canonical() == other.canonical()


def show_same_entries(title: str, left: Entries, right: Entries, *, name: str = "") -> Step:
    """Compute that two matrices are equal, entry by entry, for all sizes; the step states the general entry.

    `name` is what `left` is; the step then states that its general entry is that of `right`.

    Examples
    --------
    >>> A, B = Entries.named("A", "m", "k"), Entries.named("B", "k", "n")
    >>> show_same_entries("transposes", (A @ B).T, B.T @ A.T).decision.status
    <Status.HOLDS: 'holds'>
    >>> show_same_entries("not in this order", tensor(A, B), tensor(B, A)).decision.status
    <Status.UNDECIDED: 'undecided'>
    """
    status = Status.HOLDS if same_entries(left, right) else Status.UNDECIDED
    detail = "the same factors, summed over the same indices" if status is Status.HOLDS else "the entries differ"
    formula = equate(named(name, _general(left).as_expr()), _general(right).as_expr())
    return Step(title, formula, Kind.COMPUTED, Decision(status, "entries in symbolic dimension", detail))


def _general(matrix: Entries) -> Term:
    """Return the entry at indices that stand for any."""
    row = tuple(sp.Symbol(name) for name in ("c", "r", "r_2", "r_3")[: len(matrix.rows)])
    column = tuple(sp.Symbol(name) for name in ("q", "p", "p_2", "p_3")[: len(matrix.columns)])
    return matrix.entry(row, column)
