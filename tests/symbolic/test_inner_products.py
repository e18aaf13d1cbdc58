"""Identities in symbolic dimension agree with exact evaluation on concrete matrices."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.strategies import integer_matrices
from odeflow.symbolic.flows import TIME
from odeflow.symbolic.inner_products import Base, Dynamics, InnerProduct, Operator, Vector, evaluate_at, inner, norm2

H, J = Operator("H", symmetric=True), Operator("J")
U, V = Vector.base("u"), Vector.base("v")


@given(integer_matrices(3, 3), integer_matrices(3, 1), integer_matrices(3, 1), st.integers(-3, 3))
def test_inner_products_evaluate_as_matrix_algebra_does(half: Any, u: Any, v: Any, c: int) -> None:
    kernel = sp.Matrix((half + half.T).tolist())
    left, right = H @ (U + c * V), H @ (H @ V) - U
    bases = {Base("u"): sp.Matrix(u.tolist()), Base("v"): sp.Matrix(v.tolist())}
    direct = (kernel * (bases[Base("u")] + c * bases[Base("v")])).T * (
        kernel * kernel * bases[Base("v")] - bases[Base("u")]
    )
    assert evaluate_at(inner(left, right), bases, {"H": kernel}) == direct[0, 0]


@given(integer_matrices(2, 3), integer_matrices(2, 1), integer_matrices(3, 1))
def test_transposes_move_to_the_other_side(jacobian: Any, error: Any, velocity: Any) -> None:
    assert inner(J.T @ U, V) == inner(U, J @ V)
    bases = {Base("u"): sp.Matrix(error.tolist()), Base("v"): sp.Matrix(velocity.tolist())}
    direct = (sp.Matrix(jacobian.tolist()) * bases[Base("v")]).T * bases[Base("u")]
    assert evaluate_at(inner(U, J @ V), bases, {"J": sp.Matrix(jacobian.tolist())}) == direct[0, 0]


def test_a_varying_operator_is_differentiated() -> None:
    moving = Operator("J", varying=True)
    dynamics = Dynamics({}, TIME)
    moved = dynamics.differentiate(moving @ V)
    assert str(moved) == "J v' + J' v"


def test_squares_are_recognised_and_other_products_are_not() -> None:
    assert norm2(J.T @ U).is_nonnegative
    (product,) = inner(U, H @ U).atoms(InnerProduct)
    assert product.is_nonnegative is None


def test_generators_survive_pickling_and_print_in_latex() -> None:
    form = inner(U, H @ V) + norm2(U)
    assert pickle.loads(pickle.dumps(form)) == form
    assert sp.latex(norm2(Vector.base("Delta", 1))) == r"\lVert \dot{\Delta}\rVert^2"


def test_derivatives_beyond_the_order_of_the_flow_are_refused() -> None:
    dynamics = Dynamics({"u": (1, -(H @ U))}, TIME)
    with pytest.raises(InvalidArgumentError, match="below order 1"):
        dynamics.derivative(norm2(Vector.base("u", 1)))
