"""Frozen kernels, and methods against their flows: verdicts, near-misses, and numbers by second routes."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.experiments import order_evidence
from odeflow.numeric.flows import Nesterov
from odeflow.numeric.kernels import relu_ntk_limit
from odeflow.numeric.modal import mode_response
from odeflow.numeric.relu_flow import relu_flow
from odeflow.numeric.training import HeavyBallMethod, NesterovMethod, iterate_modes
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import equate
from odeflow.symbolic.discretisations import claimed_order, expansion, shifted, show_expansion, trajectory
from odeflow.symbolic.modes import hurwitz_determinants
from odeflow.theorem import Claim
from theory.bu2021_dynamical_view import (
    gradient_flow_overtakes_nesterov,
    heavy_ball_against_gradient_descent,
    heavy_ball_best_rate,
    heavy_ball_limit,
    heavy_ball_limit_second_order,
    loss_oscillates,
    momentum_order_printed,
    momentum_stability,
    nesterov_discrete_casoratian,
    nesterov_weight_distance,
    nesterov_weight_distance_printed,
    nesterov_width,
    nesterov_width_printed,
    second_momentum_acceleration,
    second_momentum_small_step,
    weight_oracle_distance,
)
from theory.bu2021_dynamical_view.notation import GAMMA, INITIAL_LOSS, MU, POWER, RATE
from theory.bu2021_dynamical_view.weight_distance import SAMPLES, WIDTH

ROUNDING = 1e-12
"""A few hundred operations on numbers of order one."""
FLOW_TOLERANCE = 1e-7
"""Event-resolved integration of the network, with its default tolerance 1e-10, over a few periods."""


def theorem(name):
    return import_module(f"theory.bu2021_dynamical_view.{name}").THEOREM


# expansions of methods in their step


def test_an_expansion_without_a_remainder_is_not_decided():
    h, w = sp.Symbol("h", positive=True), trajectory("w", 3)
    bare = equate(sp.Symbol("R"), w[1])
    assert show_expansion("no O(h^n)", bare, w[1] + h, h).decision.status is Status.UNDECIDED


def test_the_expansion_agrees_with_sympys_series():
    h, a = sp.symbols("h a", positive=True)
    function = (1 - a * h) / (1 + a * h + h**2)
    series = sp.series(function, h, 0, 5).removeO()
    assert sp.expand(sum(c * h**j for j, c in enumerate(expansion(function, h, 5))) - series) == 0


def test_a_shifted_polynomial_is_exact():
    h, t = sp.Symbol("h", positive=True), sp.Symbol("t")
    cubic = t**3 - 2 * t + 1
    derivatives = [sp.diff(cubic, t, j) for j in range(4)]
    assert sp.expand(shifted(derivatives, h, -2) - cubic.subs(t, t - 2 * h)) == 0


def test_a_wrong_order_is_refuted_by_measured_errors():
    steps = np.array([0.1, 0.05, 0.025, 0.0125])
    claim = Claim("order", equate(sp.Symbol("R"), sp.Symbol("w")))
    assert order_evidence(claim, steps, 3.0 * steps, order=1).status is Status.HOLDS
    assert order_evidence(claim, steps, 3.0 * steps, order=2).status is Status.FAILS


def test_heavy_ball_reaches_the_audited_errors_at_order_one_and_two():
    first = heavy_ball_limit.global_errors(heavy_ball_limit.CLAIM, 0.7, 1.0, 10.0)[1][-1]
    second = heavy_ball_limit.global_errors(heavy_ball_limit_second_order.CLAIM, 0.7, 1.0, 10.0)[1][-1]
    assert (f"{first:.2e}", f"{second:.2e}") == ("1.01e-03", "1.11e-06")
    orders = [
        claimed_order(page.CLAIM.formula, heavy_ball_limit.STEP)
        for page in (heavy_ball_limit, heavy_ball_limit_second_order)
    ]
    assert orders == [1, 2]


def test_heavy_ball_with_a_fixed_momentum_stays_at_its_start():
    for count in (400, 1600, 6400):
        path = iterate_modes(HeavyBallMethod((10.0 / count) ** 2, 0.9), [0.7], count)[0]
        drift = abs(path[-1] - 1.0)
        # |x_k - 1| <= t h lambda / (1 - beta), up to the growth of the bound itself
        assert drift <= 10.0 * (10.0 / count) * 0.7 / 0.1


def test_two_ordinary_momenta_follow_the_audited_second_order_errors():
    shown = momentum_order_printed.simulate(momentum_order_printed.CLAIM, 0).observed
    assert "0.032, 0.016, 0.0079, 0.0039" in shown


# heavy ball


def test_the_best_rate_at_kappa_two_is_the_audited_one():
    k = sp.sqrt(2)
    claimed = heavy_ball_best_rate.TRUE_RATE.subs({heavy_ball_best_rate.K: k, RATE: 1})
    assert abs(float(claimed) - heavy_ball_best_rate.measured_rate(math.sqrt(2.0))) < ROUNDING
    assert f"{float(claimed):.4f}" == "1.2929"


def test_heavy_ball_and_gradient_descent_tie_at_eta_lambda_one_half():
    assert abs(heavy_ball_against_gradient_descent.radius(1.0, 0.5, [0.5]) - 0.5) < ROUNDING


@given(st.floats(0.02, 0.49), st.floats(0.0, 1.0))
def test_heavy_ball_beats_gradient_descent_on_every_mode_between(x, share):
    mode = x + share * (1.0 - x)
    assert heavy_ball_against_gradient_descent.radius(1.0, x, [mode]) < 1.0 - x


def test_the_papers_damping_at_the_limit_kernel_makes_the_loss_rise():
    # b = sqrt(2 lambda_0), r^2 = lambda_0/2, and every eigenvalue is at least lambda_0 = 2 r^2
    assert loss_oscillates.largest_rise(2.0 * 0.49, 0.7) > 1e-4


# Nesterov's method and flow


@given(st.floats(0.01, 0.99), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60))
def test_any_momenta_between_zero_and_one_are_linear(x, momenta):
    q, now, before, factor = 1.0 - x, 1.0, 1.0, 1.0
    for momentum in [0.0, *momenta]:
        now, before, factor = q * ((1.0 + momentum) * now - momentum * before), now, factor * q
        assert now * now <= factor * (1.0 + ROUNDING) + 1e-300


def test_momenta_above_one_break_the_linear_bound():
    q, now, before = 0.9, 1.0, 1.0
    for _ in range(200):
        now, before = q * ((1.0 + 1.2) * now - 1.2 * before), now
    assert now * now > q**200


@pytest.mark.parametrize(("x", "slope"), [(0.01, -0.010050), (0.1, -0.105361)])
def test_the_method_falls_at_the_audited_linear_rate(x, slope):
    fitted, bar = nesterov_discrete_casoratian.fitted_slope(x, 3.0)
    assert abs(fitted - slope) < 1e-5
    assert abs(fitted - math.log1p(-x)) < 10.0 * bar + 1e-9


def test_the_method_with_eta_lambda_one_is_at_the_minimum_after_one_step():
    assert (iterate_modes(NesterovMethod(1.0, 3.0), [1.0], 5)[0, 1:] == 0.0).all()


def test_gradient_flow_overtakes_later_for_a_larger_gamma():
    t = np.linspace(0.0, 600.0, 60001)
    last = []
    for gamma in (3.0, 7.0):
        nesterov = mode_response(Nesterov(gamma), np.array([0.04]), t)[0] ** 2
        last.append(gradient_flow_overtakes_nesterov.last_behind(t, np.exp(-0.08 * t), nesterov))
    assert 0.0 < last[0] < last[1] < 600.0


def test_the_printed_speed_bound_fails_on_a_real_network():
    """Four neurons, one active on the one sample: the event-resolved network itself breaks the printed bound."""
    W = np.array([[10.0, 0.0], [-1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    target = W[0, 0] / 2.0 - 1.0  # f = 10/sqrt(4), so Delta(0) = 1
    a = np.ones(4)
    run = relu_flow(np.array([[1.0, 0.0]]), np.array([target]), W, a, Nesterov(4.0), np.array([1.0, 2.0 * math.pi]))
    speed = float(np.linalg.norm(run.weight_velocities[0]))
    assert run.event_count == 0
    assert abs(speed - 9.0 / math.pi**3) < FLOW_TOLERANCE
    page = nesterov_weight_distance_printed
    values = {SAMPLES: 1.0, WIDTH: 4.0, MU: 0.25, INITIAL_LOSS: 0.5, GAMMA: 4.0, POWER: 2.0, page.CONSTANT: 2.25}
    times = {page.T: 2.0 * math.pi}
    assert speed > float(page.CLAIM.bound({**values, **times})) + 0.02
    assert speed < float(page.CORRECTED.bound({**values, **times}))


def test_the_loss_constant_and_the_least_distance_are_the_audited_ones():
    page = nesterov_weight_distance
    constant = nesterov_weight_distance_printed.sharp_constant(7.0, 14.0 / 3.0)
    assert f"{constant:.2f}" == "67.93"
    values = {SAMPLES: 1.0, WIDTH: 1.0, MU: 1.0, INITIAL_LOSS: 0.5, GAMMA: 7.0, POWER: 14.0 / 3.0}
    values[nesterov_weight_distance_printed.CONSTANT] = constant
    splits = np.geomspace(0.5, 20.0, 20001)
    printed = page.at_most(page.LATE / sp.sqrt(2) + page.EARLY).bound({**values, page.SPLIT: splits})
    corrected = page.CLAIM.bound({**values, page.SPLIT: splits})
    assert f"{printed.min():.3f}" == "4.085"
    # R' ~ a eps^(-1/3) + eps: its minimum goes with a^(3/4)
    assert abs(corrected.min() / printed.min() - 2.0 ** (3.0 / 8.0)) < 1e-4


def test_widths_agree_at_power_four_and_part_above():
    n, delta, lam = (nesterov_width_printed.exponents(nesterov_width_printed.RADIUS)[e] for e in _exponent_names())
    assert (n, delta, lam) == (-2, 1, 1)
    printed = {a.lhs: a.rhs for a in nesterov_width_printed.CLAIM.formula.args}
    corrected = {a.lhs: a.rhs for a in nesterov_width.CLAIM.formula.args}
    assert {k: v.subs(POWER, 4) for k, v in printed.items()} == corrected
    assert all(sp.diff(v, POWER) != 0 for v in printed.values())


def _exponent_names():
    page = nesterov_width_printed
    return page.E_N, page.E_DELTA, page.E_LAMBDA


# weights


def test_one_sample_and_one_neuron_attain_the_weight_bound():
    run = weight_oracle_distance.frozen_run((1, 2, 1, 1, 3)) or weight_oracle_distance.frozen_run((1, 2, 1, 1, 4))
    assert run is not None
    lowest, errors, moved = run
    sizes = np.abs(errors - errors[0])[:, 0]
    np.testing.assert_allclose(moved[1:], sizes[1:] / lowest, rtol=1e-9)


# several momenta


def test_the_unstable_roots_are_the_audited_ones():
    roots = sorted(np.roots([1.0, 1.0, 1.0, 2.0]), key=lambda z: (z.real, z.imag))
    assert f"{roots[0].real:.3f}" == "-1.353"
    assert f"{roots[2].real:.4f} {roots[2].imag:.4f}" == "0.1766 1.2028"
    assert momentum_stability.abscissa([1.0, 1.0, 2.0]) == pytest.approx(roots[2].real, abs=ROUNDING)


def test_the_hurwitz_determinants_say_the_same_as_the_factors():
    b1, b2, lam = sp.symbols("b1 b2 lambda", positive=True)
    assert [sp.factor(d) for d in hurwitz_determinants([b2, b1, lam])][1] == b1 * b2 - lam


def test_tuned_heavy_ball_has_nine_elevenths_with_and_without_a_second_momentum():
    spectrum = np.linspace(1.0, 100.0, 400)
    tuned = np.array([4.0 / 121.0, 81.0 / 121.0, 0.0])
    assert abs(second_momentum_acceleration.factor(tuned, spectrum) - 9.0 / 11.0) < 1e-7  # double roots at both ends


def test_the_best_momenta_at_a_small_step_are_the_audited_ones():
    page = second_momentum_small_step
    assert [f"{page.claimed(page.CLAIM, j, 0.01):.4f}" for j in (1, 2)] == ["0.9000", "0.7846"]
    first, second = page.optimal_momenta(2, sp.Rational(1, 5))
    assert second == -((1 - sp.Rational(1, 5)) ** 3)
    z = sp.Symbol("z")
    polynomial = (z - 1) * (z**2 - first * z - second) + sp.Rational(1, 125) * z**2
    assert sp.expand(polynomial - (z - sp.Rational(4, 5)) ** 3) == 0


def test_the_printed_width_ratio_is_unbounded_on_closing_pairs():
    ratios = []
    for angle in (0.5, 0.05, 0.005):
        X = np.array([[1.0, 0.0], [math.cos(angle), math.sin(angle)]])
        lowest, highest = np.linalg.eigvalsh(relu_ntk_limit(X))
        assert abs(lowest + highest - 1.0) < ROUNDING
        ratios.append(highest / lowest)
    assert ratios[2] > 9.0 * ratios[1] > 50.0 * ratios[0]
