"""The pages of Bu, Xu and Chen (2021) on the finite network: verdicts, near-misses, and the numbers behind them."""

from __future__ import annotations

import math
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.stats
import sympy as sp

from odeflow.experiments import prediction_rates, random_network
from odeflow.numeric.flows import Flow, HeavyBall, Nesterov
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit
from odeflow.numeric.modal import mode_response
from odeflow.numeric.relu_flow import relu_flow
from odeflow.strategies import NetworkCase
from theory.bu2021_dynamical_view import (
    activation_flips_printed,
    continuity_bootstrap,
    heavy_ball_network,
    kernel_concentration,
    kernel_stability,
    lyapunov_on_networks_printed,
    modulated_kernel_nesterov,
    multilayer_cross_term,
    newton_rate,
    repaired_heavy_ball_identity,
    repaired_heavy_ball_network,
    repaired_heavy_ball_rate,
    sliding_neurons_printed,
    switching_kernel_heavy_ball,
)
from theory.bu2021_dynamical_view.notation import LAMBDA0, RATE

RUN_ROUNDING = 1e-12
"""A run over a few hundred events adds up rounding errors of order 1e-15 each."""
FOUR_DIGITS = 5e-5
"""Numbers that the literature prints with four or five digits."""
INTEGRATOR = 1e-8
"""Tolerance asked of the reference integrators, with room for its growth."""


def name_of(page: ModuleType) -> str:
    return str(page.THEOREM.name)


@pytest.mark.parametrize("flow", [HeavyBall(0.8), Nesterov(7.0)], ids=["heavy ball", "Nesterov"])
def test_the_velocity_after_many_jumps_is_that_of_the_weights(flow: Flow) -> None:
    # the run adds a jump to Delta' at every flip; the weights' velocities never jump
    case = random_network(5, 3, 64, seed=3)
    run = relu_flow(case.X, case.y, case.W, case.a, flow, [6.0])
    assert len(run.events) > 20
    rates = prediction_rates(case, run.weight_velocities, (run.weights @ case.X.T > 0).astype(np.float64))
    assert np.abs(rates - run.velocities[-1]).max() < RUN_ROUNDING
    assert np.abs(run.events.jumps).sum() > 1e-3


def test_one_neuron_jumps_by_two_over_root_three_times_an_exponential() -> None:
    _, _, velocity = activation_flips_printed.heavy_ball_flip()
    assert sp.simplify(velocity + 2 / sp.sqrt(3) * sp.exp(-sp.sqrt(3) * sp.pi / 6)) == 0
    _, nesterov = activation_flips_printed.nesterov_flip()
    assert float(nesterov) == pytest.approx(525 * (21 - 2 * np.pi**2) / np.pi**7 * -1, rel=1e-12)


def test_v_jumps_by_39_per_cent_with_four_neurons_and_by_119_with_two() -> None:
    page = lyapunov_on_networks_printed
    rate = 1 / math.sqrt(6)
    expected = {2: (0.90690, 0.22291, 0.48835, 1.697), 4: (0.12880, 0.46878, 0.65184, 1.346)}
    for case in page.networks():
        moment, before, after, ratio = expected[case.a.size]
        run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), [1.0])
        flip = float(run.events.times[0])
        assert flip == pytest.approx(moment, abs=FOUR_DIGITS)
        values = [page.lyapunov_value(case, rate, flip + h) for h in (-1e-9, 1e-9)]
        assert values == pytest.approx([before, after], abs=FOUR_DIGITS)
        bound = math.exp(-rate * flip) * page.lyapunov_value(case, rate, 0.0)
        assert values[1] / bound == pytest.approx(ratio, abs=5e-4)


def test_v_before_the_flip_and_after_it_are_those_of_the_closed_form() -> None:
    page = lyapunov_on_networks_printed
    initial, before, after = (float(v) for v in page.values_at_flip())
    case, flip = page.networks()[0], float(page.FLIP_TIME)
    assert page.lyapunov_value(case, float(page.R), 0.0) == pytest.approx(initial, rel=1e-12)
    assert page.lyapunov_value(case, float(page.R), flip - 1e-10) == pytest.approx(before, rel=1e-8)
    assert page.lyapunov_value(case, float(page.R), flip + 1e-10) == pytest.approx(after, rel=1e-8)


def test_the_kernel_of_the_counterexample_stays_above_lambda0() -> None:
    for case in lyapunov_on_networks_printed.networks():
        lambda0 = np.linalg.eigvalsh(relu_ntk_limit(case.X))[0]
        assert lambda0 == pytest.approx(1 / 3, rel=1e-12)
        rate = 1 / math.sqrt(6)
        run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), [3.0])
        assert heavy_ball_network.positive_until(case, run, float(lambda0)) > 1.0


def test_the_paper_rate_needs_a_perturbation_below_root_two_minus_one() -> None:
    page = repaired_heavy_ball_rate
    rate = page.PAPER_RATE / RATE
    assert sp.simplify(rate.subs(page.DEVIATION_SIZE, sp.sqrt(2) - 1) - 1) == 0
    assert float(rate.subs(page.DEVIATION_SIZE, 1)) == pytest.approx(2 - math.sqrt(2))


def test_the_frozen_velocity_is_the_integral_of_its_own_equation() -> None:
    # second route: integrate q' = -2r q - Htilde Delta, with Htilde Delta from the weights at each time
    case, rate = random_network(4, 3, 48, seed=1), 0.3
    times = np.linspace(0.0, 3.0, 121)
    pairs = [repaired_heavy_ball_identity.frozen_velocity(case, HeavyBall(2 * rate), float(t)) for t in times]
    force = np.array([f for _, f in pairs])
    pull = np.exp(2 * rate * times)[:, None]
    weighted = scipy.integrate.cumulative_simpson(pull * force, x=times, axis=0, initial=0.0)
    run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), times)
    # a flip moves Htilde Delta by at most max|Delta|/m, and a quadrature misplaces it by at most the step, 0.025
    misplaced = len(run.events) * 0.025 * np.abs(run.errors).max() / 48
    gap = np.abs(weighted / pull + np.array([q for q, _ in pairs])).max()
    assert gap < misplaced
    assert misplaced < 0.05 * np.abs(force).max()


def test_the_conditions_of_the_repaired_theorem_fail_when_the_error_is_large() -> None:
    page = repaired_heavy_ball_network
    near, far = page.near_solution(2048, 0.003, seed=0), page.near_solution(2048, 10.0, seed=0)
    assert page.conditions_met(near)[1] > 1.0 > page.conditions_met(far)[1]
    assert not page.conditions_met(far)[0]


def test_switching_multiplies_by_minus_1_6735_by_matrix_exponentials() -> None:
    def step(h: float, time: float) -> np.ndarray:
        return np.asarray(scipy.linalg.expm(np.array([[0.0, 1.0], [-h, -2.0]]) * time))

    period = step(40.0, 0.3) @ step(1.0, 0.7)
    values = np.linalg.eigvals(period)
    assert values[np.abs(values).argmax()] == pytest.approx(-1.6735, abs=FOUR_DIGITS)
    state = np.linalg.matrix_power(period, 12) @ np.array([1.0, 0.0])
    assert 0.5 * state[0] ** 2 == pytest.approx(111.7, abs=0.05)
    assert switching_kernel_heavy_ball.thresholds(41) == pytest.approx((5.212, 17.847), abs=5e-4)


def test_pumping_multiplies_every_swing_as_the_proof_says() -> None:
    gamma, ratio = 3.0, 1.2

    def swing(time: float, state: np.ndarray, kernel: float, index: int) -> tuple[float, np.ndarray]:
        def stop(t: float, z: np.ndarray) -> float:
            return float(z[index])

        stop.terminal = True  # type: ignore[attr-defined]
        run = scipy.integrate.solve_ivp(
            lambda t, z: [z[1], -gamma / t * z[1] - kernel * z[0]],
            (time, time + 7.0), state, events=stop, rtol=1e-11, atol=1e-13,
        )  # fmt: skip
        assert run.t_events[0].size == 1, "a phase lasts at most 2 pi"
        return float(run.t_events[0][0]), np.asarray(run.y_events[0][0])

    first = time = 4.0
    state = np.array([1.0, 0.0])
    for count in range(1, 11):
        time, state = swing(time, np.array([state[0], 0.0]), ratio, 0)
        time, state = swing(time, np.array([0.0, state[1]]), 1.0, 1)
        assert state[0] ** 2 * time ** (2 * gamma) >= ratio**count * first ** (2 * gamma) * (1 - INTEGRATOR)
        assert time <= first + 4 * np.pi * count


def test_smooth_modulation_makes_the_loss_3_5e9_at_t_398() -> None:
    # the audit prints 3.5e9 for t = 400: that is the last maximum before it; L(400) itself is 2.76e8
    times = np.concatenate([[200.0], np.linspace(395.0, 400.0, 501)])
    one, _ = modulated_kernel_nesterov.modulated(3.0, 0.2, times)
    losses = 0.5 * one[:, 0] ** 2
    assert losses[0] == pytest.approx(64.6, abs=0.05)
    assert losses[1:].max() == pytest.approx(3.55e9, rel=2e-3)
    assert losses[-1] == pytest.approx(2.76e8, rel=2e-3)


def test_without_modulation_the_run_is_the_closed_form() -> None:
    times = np.array([0.01, 1.0, 20.0])
    for gamma in (3.0, 7.0):
        one, two = modulated_kernel_nesterov.modulated(gamma, 0.0, times)
        exact = mode_response(Nesterov(gamma), np.array([1.0]), times)[0]
        assert np.abs(one[:, 0] - exact).max() < INTEGRATOR
        assert np.abs(two[:, 0] - exact).max() < INTEGRATOR


def test_sliding_neurons_follow_the_closed_form_of_the_acting_kernel() -> None:
    page = sliding_neurons_printed
    rate = float(sp.sqrt(page.LAMBDA0 / 2))
    times = np.linspace(0.0, 10.0, 21) / rate
    case = page.bouncing_network(0.0, seed=0)
    run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), times)
    exact = mode_response(HeavyBall(2 * rate), np.array([float(page.EFFECTIVE)]), times)[0]
    assert run.event_count == 0
    assert np.abs(run.errors - exact[:, None]).max() < 1e-10
    assert np.linalg.eigvalsh(relu_ntk_limit(case.X))[0] == pytest.approx(float(page.LAMBDA0), rel=1e-12)


def test_bouncing_neurons_break_the_loss_bound_while_the_kernel_stays_above() -> None:
    page = sliding_neurons_printed
    rate = float(sp.sqrt(page.LAMBDA0 / 2))
    case = page.bouncing_network(0.02, seed=5)
    run = relu_flow(case.X, case.y, case.W, case.a, HeavyBall(2 * rate), np.array([0.0, 8.0]) / rate)
    assert run.captures == 0
    assert heavy_ball_network.positive_until(case, run, rate**2) == math.inf
    pseudo = 0.5 * float(run.errors[0] @ run.initial_kernel @ run.errors[0])
    assert run.losses[1] > 1.2 * 2 / rate**2 * math.exp(-8.0) * pseudo


def test_patterns_fail_above_the_smallest_eigenvalue_of_all_gates_on() -> None:
    page = sliding_neurons_printed
    assert page.failing_patterns(1 + 3 * page.RHO) == 0
    assert page.failing_patterns(1 + 3 * page.RHO + sp.Rational(1, 10**6)) > 0


def test_the_frozen_optimum_of_theorem_2_is_two_over_e() -> None:
    page = heavy_ball_network
    case = page.tight_network()
    fine = page.bounded_by(4 / LAMBDA0, page.RATE)
    assert page.ratio(fine, case) == pytest.approx(2 / math.e, rel=1e-12)


def test_positivity_is_followed_event_by_event() -> None:
    # second route: the kernel of the weights half way between two events
    flow, later = HeavyBall(0.5), 0
    for seed in range(6):
        case = random_network(3, 3, 12, seed=seed)
        run = relu_flow(case.X, case.y, case.W, case.a, flow, [8.0])
        ends = [*run.events.times[1:], 8.0]
        middles = [0.5 * (a + b) for a, b in zip(run.events.times, ends, strict=True)]
        weights = [case.W, *(relu_flow(case.X, case.y, case.W, case.a, flow, [t]).weights for t in middles)]
        smallest = [float(np.linalg.eigvalsh(relu_ntk(case.X, W))[0]) for W in weights]
        floor = min(smallest) + 1e-9
        first = [s < floor for s in smallest].index(True)
        expected = 0.0 if first == 0 else float(run.events.times[first - 1])
        assert heavy_ball_network.positive_until(case, run, floor) == expected
        assert heavy_ball_network.positive_until(case, run, -1.0) == math.inf
        later += first > 0
    assert later >= 2


def test_the_bootstrap_is_false_without_a_strict_inequality() -> None:
    page = continuity_bootstrap
    curve = (Fraction(0), Fraction(1), Fraction(2))
    assert not page.holds(page.CLAIM, (curve, (Fraction(1), Fraction(1))))
    assert page.holds(page.CLAIM, (curve, (Fraction(1, 2), Fraction(1))))  # its hypothesis fails on this curve


def test_newton_diverges_by_powers_of_minus_three() -> None:
    weights, errors = np.full(4, 10.0), []
    for _ in range(3):
        errors.append(float(weights.clip(0).sum() / 2 - 19))
        weights = weights - errors[-1] / 0.5
    assert errors == [1.0, -3.0, 9.0]


def test_newton_projectors_are_projectors() -> None:
    case = random_network(5, 3, 1, seed=2)
    case = NetworkCase(case.X, case.y, case.X[:1] + case.X[1:2], case.a)  # one neuron that sees two samples at least
    H, S = newton_rate.kernels(case)
    assert np.linalg.matrix_rank(H) >= 2
    assert np.abs(S @ S - S).max() < 1e-12
    assert np.abs(S @ H - H).max() < 1e-12


def test_the_cross_term_of_a_product_is_two_a_w() -> None:
    identity = multilayer_cross_term.Activation(lambda s: s, np.ones_like, np.zeros_like)
    one = np.ones((1, 1))
    ours = multilayer_cross_term.cross_term(one, np.array([-0.5]), one * 1.2, np.array([0.7]), identity, 400)
    run = scipy.integrate.solve_ivp(
        lambda t, z: [z[2], z[3], -z[2] - (z[0] * z[1] + 0.5) * z[1], -z[3] - (z[0] * z[1] + 0.5) * z[0]],
        (0, 5), [1.2, 0.7, 0, 0], t_eval=np.linspace(0.0125, 5, 400), rtol=1e-11, atol=1e-13,
    )  # fmt: skip
    w, a, dw, da = run.y
    assert ours == pytest.approx(np.abs(2 * da * dw).max() / np.abs((a**2 + w**2) * (a * w + 0.5)).max(), rel=1e-6)


def test_the_exact_binomial_tail_is_the_floating_point_one() -> None:
    exact = kernel_concentration.binomial_tail(64, Fraction(1, 3), Fraction(1, 8))
    law = scipy.stats.binom(64, 1 / 3)
    outside = [k for k in range(65) if abs(Fraction(k, 64) - Fraction(1, 3)) > Fraction(1, 8)]
    assert float(exact) == pytest.approx(sum(law.pmf(k) for k in outside), rel=1e-12)


def test_failures_of_pairs_follow_the_kernel_itself() -> None:
    # second route: kernels of sampled weights, for two unit vectors at 60 degrees
    rng = np.random.default_rng(4)
    X = np.array([[1.0, 0.0], [0.5, math.sqrt(3) / 2]])
    limit, trials = relu_ntk_limit(X), 2000
    direct = sum(
        bool(np.linalg.norm(relu_ntk(X, rng.standard_normal((100, 2))) - limit, 2) > 1 / 12) for _ in range(trials)
    )
    quick = kernel_concentration.failures_of_pairs(100, trials, rng)
    deviation = math.sqrt(trials * 0.27 * 0.73)
    assert abs(direct - quick) < 4.5 * math.sqrt(2) * deviation


def test_the_stability_radius_is_within_what_a_gaussian_allows() -> None:
    page = kernel_stability
    bound = page.BOUND.subs({kernel_concentration.SAMPLES: 1, LAMBDA0: sp.Rational(1, 2)})
    near = sp.erf(page.RADIUS / sp.sqrt(2))
    assert sp.limit(near / bound, page.RADIUS, 0) == sp.Rational(1, 16)


def test_a_stack_of_exponentials_is_that_of_the_library() -> None:
    matrices = np.random.default_rng(0).standard_normal((5, 4, 4)) * 3.0
    ours = repaired_heavy_ball_rate.exponentials(matrices)
    for one, matrix in zip(ours, matrices, strict=True):
        assert np.abs(one - scipy.linalg.expm(matrix)).max() < 1e-12 * np.abs(one).max()
