"""Kronecker identities in symbolic sizes: the entries agree with given matrices, and false rules are not proved."""

from __future__ import annotations

import itertools

import pytest
import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.kronecker_entries import Entries, same_entries, show_same_entries, tensor, vectorised
from odeflow.symbolic.preconditioners import kronecker, kronecker_steps, vec

SIZES = {"m": 2, "k": 3, "d": 1, "n": 4, "h": 2, "l": 3}


def matrix(name: str, rows: str, columns: str) -> sp.Matrix:
    return sp.Matrix(SIZES[rows], SIZES[columns], lambda i, j: sp.Symbol(f"{name}_{i}_{j}"))


def written_out(entries: Entries) -> sp.Matrix:
    """Write the entries out in the positions that the docstring names: the first index is the slow one."""

    def places(sizes: tuple[sp.Expr, ...]) -> list[tuple[sp.Expr, ...]]:
        return list(itertools.product(*(map(sp.Integer, range(SIZES[str(size)])) for size in sizes)))

    def value(row: tuple[sp.Expr, ...], column: tuple[sp.Expr, ...]) -> sp.Expr:
        term = entries.entry(row, column)
        total = sp.Integer(0)
        for at in itertools.product(*(range(SIZES[str(size)]) for _, size in term.bound)):
            numbers = dict(zip((index for index, _ in term.bound), at, strict=True))
            places = [(name, numbers.get(i, i), numbers.get(j, j)) for name, i, j in term.factors]
            total += sp.Mul(*(sp.Symbol(f"{name}_{i}_{j}") for name, i, j in places))
        return total

    columns = places(entries.columns)
    return sp.Matrix([[value(row, column) for column in columns] for row in places(entries.rows)])


def test_the_entries_are_those_of_kronecker_and_vec() -> None:
    A, X, B = (("A", "m", "k"), ("X", "k", "d"), ("B", "d", "n"))
    a, x, b = (Entries.named(*names) for names in (A, X, B))
    assert written_out(tensor(b.T, a)) == kronecker(matrix(*B).T, matrix(*A))
    assert written_out(vectorised(x)) == vec(matrix(*X))
    assert written_out(a @ x @ b).expand() == (matrix(*A) * matrix(*X) * matrix(*B)).expand()
    assert written_out(tensor(b.T, a) @ vectorised(x)).expand() == vec(matrix(*A) * matrix(*X) * matrix(*B)).expand()


def test_the_rules_hold_for_all_sizes() -> None:
    assert all(step.decision.holds for step in kronecker_steps())


def test_wrong_rules_are_not_proved() -> None:
    A, B = Entries.named("A", "k", "k"), Entries.named("B", "k", "k")
    X = Entries.named("X", "k", "k")
    for wrong in (tensor(B, A), tensor(A, B.T), tensor(A.T, B), tensor(B.T, A.T)):  # all of one shape
        assert not same_entries(vectorised(A @ X @ B), wrong @ vectorised(X))
    assert not same_entries(vectorised(X), vectorised(X.T))
    assert not same_entries(tensor(A, B) @ tensor(X, X), tensor(A @ X, X @ B))
    assert not same_entries(A @ B, B @ A)
    assert not same_entries(A @ A.T, A.T @ A)
    assert not show_same_entries("a sum is not one of its terms", A @ B, A).decision.holds


def test_sums_over_different_sizes_differ() -> None:
    A, B = Entries.named("A", "m", "k"), Entries.named("B", "k", "n")
    C, D = Entries.named("A", "m", "h"), Entries.named("B", "h", "n")
    assert same_entries(A @ B, A @ B)
    assert not same_entries(A @ B, C @ D)


def test_shapes_must_chain() -> None:
    with pytest.raises(InvalidArgumentError, match="shapes chain"):
        Entries.named("A", "m", "k") @ Entries.named("B", "d", "n")


def test_an_instance_that_is_not_orthogonal_is_an_error() -> None:
    from odeflow.symbolic.deep_linear_instances import BalancedNetwork
    from odeflow.symbolic.preconditioners import SpectralMatrix

    two = sp.ImmutableMatrix([[2]])
    with pytest.raises(InvalidArgumentError, match="orthogonal"):
        SpectralMatrix(sp.Matrix([[2]]), sp.eye(1), (sp.Integer(1),), 2)
    with pytest.raises(InvalidArgumentError, match="orthogonal"):
        BalancedNetwork((two, two), (sp.Rational(1),))
