"""Numbers of the audit behind the pages on the preconditioner, on potentials, on section 7 and on Appendix B."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from odeflow.symbolic.preconditioners import DEPTH
from theory.arora2018_implicit_acceleration import (
    acceleration_bound_network_printed,
    acceleration_needs_large_p_printed,
    constant_field_circulation,
    escape_time,
    lp_step_size,
    network_landing_step,
    potential_iff_radial,
    preconditioner_eigenvalues,
    preconditioner_log_mean,
)
from theory.arora2018_implicit_acceleration.acceleration_bound_rule import descent_steps, rule_steps


def test_the_kronecker_sum_of_numpy_is_the_transformation_applied_to_unit_matrices() -> None:
    rng = np.random.default_rng(0)
    W = rng.standard_normal((3, 2)) @ rng.standard_normal((2, 4))
    U, s, Vt = np.linalg.svd(W)
    s[2] = 0.0
    left, right = s, np.concatenate([s, [0.0]])
    total = sum(
        np.kron((Vt.T * right ** (2 * (3 - j) / 3)) @ Vt, (U * left ** (2 * (j - 1) / 3)) @ U.T) for j in (1, 2, 3)
    )
    assert np.allclose(preconditioner_eigenvalues.float_preconditioner(W, 3), total, rtol=0.0, atol=1e-12)


def test_a_quadratic_loss_has_the_circulation_of_its_constant_part() -> None:
    c, A, outer = np.array([1.0, 0.0]), np.array([[0.7, 0.4], [0.4, -0.3]]), 1.3
    for depth in (3.0, 5.0, 10.0):
        found, bar = constant_field_circulation.circulation(lambda w: c + w @ A, np.eye(2), 0.5, outer, depth)
        alone, _ = constant_field_circulation.circulation(
            constant_field_circulation.constant(c), np.eye(2), 0.5, outer, depth
        )
        assert abs(found - alone) < 10.0 * bar  # <w, A w> is even, F of it odd under w -> -w: the curve cancels it


def test_two_layers_hide_a_quadratic_loss_from_the_curve_but_not_from_the_curl() -> None:
    A = np.array([[1.0, 0.5], [0.5, -1.0]])
    found, bar = constant_field_circulation.circulation(lambda w: w @ A, np.eye(2), 0.5, 1.0, 2.0)
    assert abs(found) < 10.0 * bar
    from theory.arora2018_implicit_acceleration.field_curl import measured_curl

    curl, error = measured_curl(lambda w: w @ A, np.array([0.3, 0.8]), 2.0)
    assert abs(curl) > 100.0 * error


def test_a_depth_two_network_beats_tuned_descent_on_a_quadratic_loss() -> None:
    shallow = acceleration_needs_large_p_printed.fewest(1, np.linspace(1.9, 1.99, 4))
    assert acceleration_needs_large_p_printed.fewest(2, np.linspace(1.7, 2.0, 5)) < 0.75 * shallow


def test_the_step_size_condition_has_a_cycle_at_equality() -> None:
    start, p = 1.7, 4
    error, eta = start, 2.0 / start ** (p - 2)
    assert error * (1.0 - eta * error ** (p - 2)) == pytest.approx(-start, rel=1e-15)
    assert not lp_step_size.converges(start, 1.01 * eta, p)
    assert lp_step_size.converges(start, 0.99 * eta, p)


def test_rule_46_reproduces_the_audited_speed_up_and_needs_its_tilt() -> None:
    y1, eps1 = 300.0, 0.1
    steps = rule_steps(y1, eps1, 0.1 * eps1 / y1, 1.0 / (2.0 * eps1 * y1**2), 20_000)
    assert steps is not None
    assert descent_steps(y1, 0.0) / steps == pytest.approx(778.0, rel=0.02)  # the audit's count, to 10 %, from eps2
    limit = 2.0 / y1 * (1.0 + 2.0 * np.sqrt(eps1 * y1))
    assert rule_steps(y1, eps1, 1.3 * limit * eps1, 1.0 / (2.0 * eps1 * y1**2), 20_000) is None


@pytest.mark.parametrize(("y1", "predicted"), [(1000.0, 49.5), (300.0, 26.9)])
def test_the_network_gains_the_square_root_only(y1: float, predicted: float) -> None:
    assert network_landing_step.speedup(y1, 0.1) == pytest.approx(predicted, rel=0.02)


def test_rational_training_of_the_network_agrees_with_floats() -> None:
    exact = acceleration_bound_network_printed.trained(1)
    v = 1.0 / 3.0
    t = 1.0 / 2000.0
    q = v * np.array([(1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)])
    g = (v * q - np.array([1000.0, 1.0])) ** 3
    eta = 1.0 / (2.0 * v * q[0] * 1e6)
    after = (v - eta * g @ q) * (q - eta * v * g)
    assert np.allclose([float(c) for c in exact[1]], after, rtol=1e-12, atol=0.0)


def test_eight_layers_of_size_a_hundredth_wait_for_ever() -> None:
    wait = escape_time.CLAIM.formula.rhs.subs({escape_time.SLOPE: 1, escape_time.SIZE: 1})
    eps = {escape_time.SMALL: sp.Rational(1, 100)}
    assert float(wait.subs({DEPTH: 4}).subs(eps)) == pytest.approx(1e4 / 2.0, rel=1e-3)
    assert float(wait.subs({DEPTH: 8}).subs(eps)) == pytest.approx(1e12 / 6.0, rel=1e-3)


def test_the_log_mean_is_reached_like_one_over_depth() -> None:
    gaps = [preconditioner_log_mean.gap(preconditioner_log_mean.CLAIM, 2.0, 0.7, n) for n in (100, 1000)]
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.05)


def test_radial_losses_and_linear_ones_with_two_layers_have_no_circulation() -> None:
    rng = np.random.default_rng(3)
    circulations = [potential_iff_radial.example(kind, rng)[2] for kind in range(4)]
    assert circulations[:3] == [0.0, 0.0, 0.0]
    assert circulations[3] > 0.1
