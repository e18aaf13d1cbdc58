"""The preconditioner of depth and its single-output field: second routes to what the symbolic rooms compute."""

from __future__ import annotations

import pytest
import sympy as sp
from sympy.physics.quantum import TensorProduct

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.derivations import show_equal
from odeflow.symbolic.preconditioners import (
    SpectralMatrix,
    cayley,
    eigenvalue,
    eigenvalue_sum,
    kronecker,
    preconditioner,
    show_equal_matrices,
    spectral_steps,
    summand_eigenvalue,
    vec,
)
from odeflow.symbolic.preconditioners_single_output import (
    Axis,
    closed_curve,
    curl,
    curl_closed_form,
    field_at,
    partial,
    piece_integral,
    show_piece,
)

HALF, THIRD = sp.Rational(1, 2), sp.Rational(1, 3)


def example(depth: int, roots: tuple[sp.Expr, ...] = (sp.Integer(2), sp.Rational(1, 3))) -> SpectralMatrix:
    return SpectralMatrix(cayley([HALF], 2), cayley([THIRD, sp.Integer(1), HALF], 3), roots, depth)


def test_kronecker_agrees_with_the_tensor_product_of_sympy() -> None:
    A, B = sp.Matrix([[1, 2, 3], [4, 5, 6]]), sp.Matrix([[7, 8], [9, 10]])
    assert kronecker(A, B) == TensorProduct(A, B)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_fractional_powers_are_roots_of_the_gram_matrices(depth: int) -> None:
    W = example(depth)
    for right, gram in ((False, W.matrix * W.matrix.T), (True, W.matrix.T * W.matrix)):
        assert W.gram_power(1, right=right) ** depth == gram
        assert W.gram_power(0, right=right) == sp.eye(gram.rows)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_preconditioner_is_equation_10_on_a_gradient(depth: int) -> None:
    W, G = example(depth, (sp.Integer(2), sp.Integer(0))), sp.Matrix([[1, -2, 3], [5, 0, 7]])
    terms = [W.gram_power(j - 1) * G * W.gram_power(depth - j, right=True) for j in range(1, depth + 1)]
    assert preconditioner(W) * vec(G) == vec(sum(terms[1:], terms[0]))


def test_a_projector_for_the_zeroth_power_is_not_equation_10_of_the_layers() -> None:
    W, G = sp.Matrix([[1, 0]]), sp.Matrix([[0, 1]])  # N = 2: layers W_2 = 1, W_1 = (1, 0), true sum (0, 1)
    layers = G * 1 + sp.Matrix([[1]]) * G * W.T * W
    projector = G * (W.T * W) + G * (W.T * W)
    assert layers == sp.Matrix([[0, 1]])
    assert projector == sp.zeros(1, 2)
    exact = preconditioner(SpectralMatrix(sp.eye(1), sp.eye(2), (sp.Integer(1),), 2))
    assert exact * vec(G) == vec(layers)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize("roots", [(2, 3), (2, 2), (0, 3), (1, 0)])
def test_the_closed_form_is_the_sum_over_layers(depth: int, roots: tuple[int, int]) -> None:
    left, right = (sp.Integer(root) ** depth for root in roots)
    assert eigenvalue(left, right, sp.Integer(depth)) == eigenvalue_sum(left, right, sp.Integer(depth)).doit()


def test_terms_belong_to_the_right_singular_vector_first() -> None:
    assert [summand_eigenvalue(*map(sp.Integer, (8, 1, 3, j))) for j in (1, 2, 3)] == [1, 4, 16]


def test_every_spectral_step_holds() -> None:
    assert all(step.decision.holds for step in spectral_steps())


def test_unequal_matrices_are_told_apart() -> None:
    x = sp.Symbol("x", real=True)
    assert not show_equal_matrices("", sp.Matrix([[x]]), sp.Matrix([[x + 1]])).decision.holds
    assert not show_equal_matrices("", sp.zeros(1, 2), sp.zeros(2, 1)).decision.holds


@pytest.mark.parametrize("bad", [lambda: cayley([HALF], 3), lambda: example(2, (sp.Integer(-1), HALF))])
def test_wrong_sizes_and_negative_roots_are_refused(bad: object) -> None:
    with pytest.raises(InvalidArgumentError, match="Expected"):
        bad()  # type: ignore[operator]


def test_the_field_is_refused_at_the_origin() -> None:
    with pytest.raises(InvalidArgumentError, match="other than 0"):
        field_at(sp.zeros(2, 1), sp.Matrix([1, 1]))


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_curl_in_symbols_is_the_curl_by_differentiation_in_three_dimensions(depth: int) -> None:
    from odeflow.symbolic.preconditioners import DEPTH
    from odeflow.symbolic.preconditioners_single_output import NORM, Axis

    w = sp.Matrix(sp.symbols("x y z", positive=True))
    loss = w[0] ** 3 + 2 * w[0] * w[1] + w[1] * w[2] ** 2 - 5 * w[2] + w[1] ** 2
    g = sp.Matrix([loss.diff(c) for c in w])
    h = sp.hessian(loss, list(w)) * w
    F = field_at(w, g, sp.Integer(depth))
    point = dict(zip(w, (1, 2, 2), strict=True))  # |w| = 3
    direct = (F[1].diff(w[0]) - F[0].diff(w[1])).subs(point)
    values = {NORM: sp.Integer(3), DEPTH: sp.Integer(depth)}
    for axis, k in ((Axis.I, 0), (Axis.J, 1)):
        values |= {axis.weight: w[k].subs(point), axis.gradient: g[k].subs(point), axis.curvature: h[k].subs(point)}
    claimed = curl_closed_form().subs(values)
    assert abs(float(direct - claimed)) < 1e-12 * max(1.0, abs(float(claimed)))
    assert show_equal("", curl(), curl_closed_form()).decision.holds


@pytest.mark.parametrize(("depth", "constant"), [(1, 0), (2, 0), (3, "4/7"), (4, "6/5"), (5, "24/13")])
def test_the_circulation_of_a_constant_gradient_has_the_audited_constants(depth: int, constant: object) -> None:
    r, R = sp.symbols("r R", positive=True)
    total = sum(piece_integral(piece, sp.Integer(depth)) for piece in closed_curve())
    power = 3 - sp.Rational(2, depth)
    assert sp.simplify(total - sp.Rational(constant) * (R**power - r**power)) == 0


def test_the_curve_is_closed_and_its_primitives_are_right() -> None:
    pieces = closed_curve()
    ends = [p.point.subs(p.parameter, p.end) for p in pieces]
    starts = [p.point.subs(p.parameter, p.start) for p in pieces]
    assert ends == [*starts[1:], starts[0]]
    assert all(show_piece(piece).decision.holds for piece in pieces)


def test_a_third_derivative_is_not_taken_for_zero() -> None:
    for second in (Axis.J.curvature, partial(Axis.J.gradient, Axis.I)):
        with pytest.raises(InvalidArgumentError, match="second derivatives"):
            partial(second, Axis.I)
    assert partial(Axis.J.curvature, Axis.I, {Axis.J.curvature: sp.Integer(2)}) == 2
