"""Numbers of the width and depth pages that the claims audit gives, and second routes to what their figures compute."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from odeflow.numeric.activations import Activation
from odeflow.numeric.mlp_training import GradientDescent, HeavyBallMethod, Network, predict, train_mlp
from odeflow.numeric.randomness import turning_point_moments
from odeflow.verify import check
from theory.iclr2020_path_formula import (
    _kernel_means,
    _training,
    _width_figures,
    depth_momentum_flow_printed,
    depth_momentum_rescaled_printed,
    expected_decay_factor,
    expected_smallest_eigenvalue,
    figures,
    turning_point_law,
)
from theory.iclr2020_path_formula._kernel_means import WIDTH, identity, relu
from theory.iclr2020_path_formula._students import IntegerStudent, difference_jacobian
from theory.iclr2020_path_formula._training import sigmoid

ROUNDING = 1e-12
"""Relative difference of two float routes to one training run of a few hundred steps."""


def test_the_expected_smallest_eigenvalues_are_those_of_the_audit() -> None:
    values = [sp.gammasimp(expected_smallest_eigenvalue.closed_form(sp.Integer(m))) for m in (1, 2, 3, 4)]
    assert values == [1, 4 - sp.pi / 2, 4, 8 - 3 * sp.pi / 4]


@pytest.mark.parametrize("m", [2, 3, 5, 8])
def test_the_wishart_density_gives_the_same_expectation(m: int) -> None:
    def density(r: float) -> float:
        return float(r * (1.0 - r * r) ** ((m - 3) / 2))

    gap = 2 * m * quad(lambda r: r * density(r), 0.0, 1.0)[0] / quad(density, 0.0, 1.0)[0]
    assert float(expected_smallest_eigenvalue.closed_form(sp.Integer(m))) == pytest.approx(2 * m - gap / 2, rel=1e-7)


def test_the_decay_factor_at_width_twenty_is_that_of_the_audit() -> None:
    claim = expected_decay_factor.CLAIM
    values = {expected_decay_factor.ETA: 0.05, WIDTH: 20.0}
    assert float(claim.bound(values)) == pytest.approx(0.851, abs=5e-4)
    assert 20 * float(claim.bound({**values, WIDTH: 1.0})) == pytest.approx(1.818, abs=5e-4)


def test_the_cosines_of_the_counterexamples_are_those_of_the_audit() -> None:
    steps = depth_momentum_flow_printed.counterexample(depth_momentum_flow_printed.CLAIM).steps
    found = [float(s.formula.rhs) for s in steps if s.title.startswith("cos(")]
    assert found == pytest.approx([-0.7071, -0.8944], abs=5e-5)
    rescaled = depth_momentum_rescaled_printed.counterexample(depth_momentum_rescaled_printed.CLAIM).steps
    (cosine,) = (float(s.formula.lhs) for s in rescaled if s.title == "cos_g is smaller")
    assert cosine == pytest.approx(0.811, abs=5e-4)


def test_the_turning_point_law_is_that_of_the_numeric_room() -> None:
    n = 17
    mean, variance = turning_point_moments(n)
    parts = {part.lhs: part.rhs for part in turning_point_law.CLAIM.formula.args}
    at = {turning_point_law.SIZE: sp.Integer(n)}
    assert parts[turning_point_law.MEAN].xreplace(at) == sp.Rational(mean.numerator, mean.denominator)
    assert parts[turning_point_law.VARIANCE].xreplace(at) == sp.Rational(variance.numerator, variance.denominator)


def test_differences_give_the_jacobian_of_a_multilinear_network() -> None:
    rng = np.random.default_rng(0)
    X, W, v, y = (rng.integers(-3, 4, shape) for shape in ((3, 2), (2, 2), 2, 3))
    student = IntegerStudent(X, W, v, 2, y)
    expected = np.concatenate([(v[:, None] * X[:, None, :]).reshape(3, -1), X @ W.T], axis=1)
    assert (difference_jacobian(student.outputs, student.weights) == expected).all()


@pytest.mark.parametrize(("scalars", "momentum"), [(0, 0.0), (2, 0.0), (0, 0.8), (1, 0.5)])
def test_the_reduced_linear_student_is_the_trained_one(scalars: int, momentum: float) -> None:
    teacher = _training.draw_teacher(20, activation=identity, seed=0, inputs=8, deviation=2.0)
    student = _training.draw_student(30, 8, seed=1)
    network = Network((8, 30, 1, *(1,) * scalars), activation=Activation.IDENTITY, scaled=False)
    start = np.concatenate([student.W.ravel(), student.v, np.ones(scalars)])
    method = HeavyBallMethod(1e-3, momentum) if momentum else GradientDescent(1e-3)
    trained = train_mlp(network, start, teacher.X, teacher.y, method, 300)
    run = _training.train_linear_student(teacher, student, rate=1e-3, steps=300, scalars=scalars, momentum=momentum)
    assert trained.losses[0, -1] < 0.5 * trained.losses[0, 0]
    assert run.losses == pytest.approx(trained.losses[0], rel=ROUNDING)


def test_the_non_linear_trainer_agrees_with_the_library() -> None:
    teacher = _training.draw_teacher(12, activation=relu, seed=0, inputs=6)
    student = _training.draw_student(10, 6, seed=1)
    network = Network((6, 10, 1), activation=Activation.RELU, scaled=False)
    trained = train_mlp(
        network, np.concatenate([student.W.ravel(), student.v]), teacher.X, teacher.y, GradientDescent(1e-2), 100
    )
    run = _training.train_student(teacher, student, relu, rate=1e-2, steps=100, snapshots_every=50)
    assert run.losses == pytest.approx(trained.losses[0], rel=1e-9)
    assert len(run.snapshots) == 3
    assert (run.snapshots[0].W == student.W).all()


def test_a_student_of_zero_output_has_zero_output() -> None:
    student = _training.draw_student(10, 6, seed=1, zero_output=True)
    X = np.random.default_rng(2).standard_normal((5, 6))
    assert np.abs(sigmoid(X @ student.W.T)[0] @ student.v).max() < 1e-15
    assert student.v.size == 10


@pytest.mark.parametrize("activation", [identity, relu, sigmoid])
def test_the_student_kernel_is_the_gradients_gram_matrix(activation: _kernel_means.Activation) -> None:
    rng = np.random.default_rng(3)
    X, student = rng.standard_normal((4, 5)), _training.draw_student(7, 5, seed=4)
    h = 1e-6
    columns = []
    for part in ("W", "v"):
        base = {"W": student.W, "v": student.v}
        for index in np.ndindex(base[part].shape):
            sides = []
            for sign in (1.0, -1.0):
                moved = {name: array.copy() for name, array in base.items()}
                moved[part][index] += sign * h
                sides.append(activation(X @ moved["W"].T)[0] @ moved["v"])
            columns.append((sides[0] - sides[1]) / (2 * h))
    J = np.array(columns).T
    by_differences = J @ J.T
    assert by_differences == pytest.approx(_training.student_kernel(X, student, activation), rel=1e-6, abs=1e-9)


def test_the_unscaled_three_layer_kernel_is_the_gradients_gram_matrix() -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((3, 4))
    weights = _width_figures._three_layers("both widths, constant variance", 6, 4, 6)
    network = Network((4, 6, 6, 1), scaled=False)
    start = np.concatenate([W.ravel() for W in weights])
    h = 1e-6
    columns = []
    for k in range(start.size):
        ahead, behind = start.copy(), start.copy()
        ahead[k] += h
        behind[k] -= h
        columns.append((predict(network, ahead, X) - predict(network, behind, X))[0, :, 0] / (2 * h))
    J = np.array(columns).T
    by_differences = J @ J.T
    assert by_differences == pytest.approx(_width_figures._unscaled_kernel(X, weights), rel=1e-6, abs=1e-9)


def test_figure_5_accelerates_at_large_output_scale_only() -> None:
    (scenario,) = (s for s in figures.FIGURES if s.number == "5")
    remarks = scenario.run(False, 1).remarks
    assert [remark.split(":")[0] for remark in remarks] == ["Reproduced", "Not reproduced", "Reproduced"]


@pytest.mark.slow
@pytest.mark.parametrize("number", ["3", "4", "6", "7", "8", "9", "10"])
def test_figures_run_and_state_an_outcome(number: str) -> None:
    (scenario,) = (s for s in figures.FIGURES if s.number == number)
    figure = scenario.run(False, 0)
    assert any(remark.startswith(("Reproduced", "Not reproduced")) for remark in figure.remarks)
    assert all(np.isfinite(row.measured) for row in figure.rows)


def test_what_holds_for_h_u_fails_for_the_flow() -> None:
    assert check(depth_momentum_flow_printed.THEOREM).verdict.value == "REFUTED"
    related = depth_momentum_flow_printed.THEOREM.related
    assert set(related) == {"depth_momentum_sign", "depth_momentum"}
