"""Numbers behind the theorem pages of the gradient confusion paper, by second routes."""

from __future__ import annotations

import itertools
from math import comb

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import show_less
from theory.iclr2020_gradient_confusion import (
    activation_bounds,
    confusion_gradient,
    confusion_grows_with_depth_printed,
    confusion_probability,
    confusion_probability_informative,
    confusion_probability_relu_printed,
    confusion_probability_sigmoid_printed,
    confusion_weight_gradient,
    initial_confusion_random_data_printed,
    initial_kernel_mean,
    near_orthogonality,
    near_orthogonality_sharper,
    noise_floor_two_wells,
    orthonormal_contraction,
    output_gradient,
    sgd_linear_neighbourhood,
    sgd_linear_neighbourhood_pl,
    sgd_stationary,
    sgd_stationary_sharper,
    uniform_confusion_second_branch,
)
from theory.iclr2020_gradient_confusion._layered_nets import (
    IDENTITY,
    RELU,
    SIGMOID,
    SINE,
    TANH,
    input_gradients,
    passed,
    random_small_net,
)
from theory.iclr2020_gradient_confusion._sgd import (
    ALPHA,
    ETA,
    FIRST_GAP,
    MU,
    MU_MEAN,
    SAMPLES,
    SMOOTH,
    STEPS,
    followed,
    random_cases,
)
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, LEVEL, cap, uniform_points
from theory.iclr2020_gradient_confusion._steps import clopper_pearson, conclude, conclude_each

DIFFERENCES = 1e-7
"""Error of central differences with step 1e-5 at gradients of order 1."""


def test_floors_of_two_wells_at_a_tenth_are_those_of_the_audit() -> None:
    at = {SAMPLES: 2.0, SMOOTH: 1.0, MU: 1.0, MU_MEAN: 1.0, ETA: 1.0, ALPHA: 0.1}
    floors = [
        float(floor.subs(at))
        for floor in (ALPHA * ETA / (1 - sgd_linear_neighbourhood.RHO), sgd_linear_neighbourhood_pl.FLOOR)
    ]
    assert floors == pytest.approx([1.0 / 0.9, 0.1 / 3.6])
    assert float(noise_floor_two_wells.CLAIM.bound({ALPHA: 0.1})) == pytest.approx(0.1 / 3.8)


def test_the_printed_rate_is_slower_than_orthonormal_quadratics_contract() -> None:
    exact = float(orthonormal_contraction.CLAIM.bound({ALPHA: 0.2, SAMPLES: 5.0}))
    printed = float(sgd_linear_neighbourhood.RHO.subs({ALPHA: 0.2, SAMPLES: 5, MU: 1, SMOOTH: 1}))
    assert (exact, printed) == pytest.approx((0.928, 0.96))


@pytest.mark.parametrize("seed", range(8))
def test_stationary_bounds_hold_on_trees_of_functions_that_are_not_convex(seed: int) -> None:
    """f_i = log(1 + (a_i w - b_i)^2), F* replaced by E F(w_{T+1}), which is at least F*: the summed form is sharper."""
    rng = np.random.default_rng(seed)
    n, steps = 3, 5
    a, b = rng.uniform(0.3, 1.5, n), rng.uniform(-1.0, 1.0, n)
    smooth = float(2 * (a**2).max())
    alpha = float(rng.uniform(0.1, 0.95)) * 2 / (n * smooth)

    def gradients(w: float) -> np.ndarray:
        r = a * w - b
        return 2 * a * r / (1 + r**2)

    def value(w: float) -> float:
        return float(np.log(1 + (a * w - b) ** 2).mean())

    start = float(rng.uniform(-3, 3))
    levels = [np.array([start])]
    for _ in range(steps):
        levels.append(np.concatenate([w - alpha * gradients(w) for w in levels[-1]]))
    pairs = list(itertools.combinations(range(n), 2))
    eta = max(0.0, *(-g[i] * g[j] for level in levels[:-1] for w in level for g in [gradients(w)] for i, j in pairs))
    squares = np.mean([np.mean([gradients(w).mean() ** 2 for w in level]) for level in levels[:-1]])
    gap = value(start) - np.mean([value(w) for w in levels[-1]])
    at = {SAMPLES: n, STEPS: steps, SMOOTH: smooth, ALPHA: alpha, ETA: eta, FIRST_GAP: gap}
    sharper, printed = (float(p.CLAIM.formula.rhs.subs(at)) for p in (sgd_stationary_sharper, sgd_stationary))
    assert squares <= sharper + 1e-12
    assert squares <= printed + 1e-12
    assert sharper <= printed


def test_the_cases_are_as_assumed() -> None:
    for case in random_cases(3, 10):
        tree = followed(case)
        assert 0 < tree.step < 2 / (tree.functions.count * tree.functions.smoothness)
        assert tree.functions.gradient_domination <= tree.functions.smoothness


@pytest.mark.parametrize(("dimension", "level"), [(2, 0.3), (3, 0.6), (7, 0.2), (100, 0.3)])
def test_caps_agree_with_quadrature(dimension: int, level: float) -> None:
    def density(t: mpmath.mpf) -> mpmath.mpf:
        return (1 - t**2) ** (mpmath.mpf(dimension - 3) / 2)

    exact = mpmath.quad(density, [level, 1]) / mpmath.quad(density, [0, 1])
    assert float(cap(dimension, level)) == pytest.approx(float(exact), rel=1e-6)


def test_cap_bounds_at_a_hundred_dimensions() -> None:
    at = {DIMENSION: 100.0, LEVEL: 0.3, near_orthogonality.SAMPLES: 2.0}
    assert float(cap(100, 0.3)) == pytest.approx(0.00230, abs=5e-6)
    assert float(near_orthogonality_sharper.CLAIM.bound(at)) == pytest.approx(0.0094, abs=5e-5)
    assert float(near_orthogonality.CLAIM.bound(at)) / 2 == pytest.approx(0.0146, abs=5e-5)


def test_the_printed_prefactor_is_loose_by_the_root_of_half_pi() -> None:
    at = {DIMENSION: 5.0, LEVEL: 1e-9, near_orthogonality.SAMPLES: 2.0}
    assert float(near_orthogonality.CLAIM.bound(at)) / 2 == pytest.approx(np.sqrt(np.pi / 2))


@pytest.mark.parametrize(("hits", "trials"), [(0, 20), (3, 40), (40, 40)])
def test_clopper_pearson_limits_have_the_tails_they_promise(hits: int, trials: int) -> None:
    low, high = clopper_pearson(hits, trials, confidence=0.9)

    def at_least(p: float) -> float:
        return sum(comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(hits, trials + 1))

    assert hits == 0 or at_least(low) == pytest.approx(0.05)
    assert hits == trials or 1 - at_least(high) + comb(trials, hits) * high**hits * (1 - high) ** (
        trials - hits
    ) == pytest.approx(0.05)


def test_a_weaker_claim_is_not_proved_and_not_refuted() -> None:
    name, other, x = sp.symbols("Q R x", positive=True)
    premise = show_less("x <= 2x", x, 2 * x)
    assert conclude("t", sp.Le(name, 2 * x), name, x, from_=[premise]).decision.holds
    assert conclude("t", sp.Le(name, x / 2), name, x, from_=[premise]).decision.status is Status.UNDECIDED
    assert conclude("t", sp.Le(other, 2 * x), name, x, from_=[premise]).decision.status is Status.UNDECIDED
    assert conclude("t", sp.Ge(name, 2 * x), name, x, from_=[premise]).decision.status is Status.UNDECIDED
    failed = show_less("false", 2 * x, x)
    assert conclude("t", sp.Le(name, 2 * x), name, x, from_=[failed]).decision.status is Status.UNDECIDED
    both = sp.And(sp.Le(name, 2 * x, evaluate=False), sp.Le(other, x, evaluate=False), evaluate=False)
    assert conclude_each("t", both, {name: x, other: x}, from_=[premise]).decision.holds
    assert conclude_each("t", both, {name: x, other: 3 * x}, from_=[premise]).decision.status is Status.UNDECIDED
    assert conclude_each("t", both, {name: x}, from_=[premise]).decision.status is Status.UNDECIDED


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, 3), st.sampled_from(range(5)))
def test_layers_agree_with_central_differences(seed: int, depth: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    activation = (IDENTITY, TANH, SINE, SIGMOID, RELU)[kind]
    weights = random_small_net(rng, depth=depth, width=3, features=2)
    x = rng.standard_normal((2, 2))
    run = passed(weights, x, activation)
    step, total = 1e-6, np.zeros((2, 2))
    for W in weights:
        for k in np.ndindex(W.shape):
            held = W[k]
            W[k] = held + step
            up = passed(weights, x, activation).outputs
            W[k] = held - step
            down = passed(weights, x, activation).outputs
            W[k] = held
            slope = (up - down) / (2 * step)
            total += np.outer(slope, slope)
    if activation is RELU and min(np.abs(h @ W.T).min() for h, W in zip(run.inputs, weights, strict=True)) < 1e-4:
        return  # a kink within reach of the difference
    assert np.abs(total - run.kernel()).max() < DIFFERENCES * (1 + np.abs(total).max())
    for axis in range(2):
        shift = step * np.eye(2)[axis]
        slope = (passed(weights, x + shift, activation).outputs - passed(weights, x - shift, activation).outputs) / (
            2 * step
        )
        assert np.abs(slope - input_gradients(weights, run)[:, axis]).max() < DIFFERENCES


def test_the_relu_network_has_norms_one_and_the_limit_of_the_page() -> None:
    page = confusion_probability_relu_printed
    weights = page.weights(2000)
    assert [float(np.linalg.norm(W, 2)) for W in weights[1:]] == pytest.approx([1.0, 1.0, 1.0])
    x = uniform_points(60, 2000, np.random.default_rng(0))
    run = passed(weights, x, RELU)
    averages = np.maximum(x, 0) @ weights[1].T
    assert run.outputs == pytest.approx(np.abs(averages[:, 0] - averages[:, 1]) / (2 * np.sqrt(2)))
    signs = np.sign(averages[:, 0] - averages[:, 1])
    zeta = run.outputs - 1
    h = np.outer(zeta, zeta) * run.kernel()
    opposite = h[np.outer(signs, signs) < 0]
    equal = h[(np.outer(signs, signs) > 0) & ~np.eye(60, dtype=bool)]
    assert opposite.mean() == pytest.approx(-1 / (8 * np.pi), abs=2e-3)
    assert equal.mean() == pytest.approx(3 / (8 * np.pi), abs=5e-3)


def test_the_sigmoid_bound_at_a_million_dimensions_is_that_of_the_audit() -> None:
    page = confusion_probability_sigmoid_printed
    at = {DIMENSION: 1e6, ETA: 1.0, SAMPLES: 2.0, output_gradient.DEPTH: 1.0}
    bounds = [float(page.CLAIM.bound({**at, page.CONSTANT: c})) for c in (0.25, 0.5)]
    assert bounds == pytest.approx([2.3e-5, 1.3e-10], rel=0.05)


@pytest.mark.parametrize(("depth", "samples", "needed"), [(1, 2, 898), (1, 100, 5970), (3, 2, 1.56e4), (10, 2, 7.6e5)])
def test_dimensions_from_which_theorem_4_1_says_anything(depth: int, samples: int, needed: float) -> None:
    page = confusion_probability_informative
    at = {output_gradient.DEPTH: float(depth), page.LOG: np.log(samples**2), page.CONSTANT: 0.5}
    assert -float(page.CLAIM.bound(at)) == pytest.approx(needed, rel=0.02)


def test_the_second_branch_needs_576_where_8_is_all_there_is() -> None:
    page = uniform_confusion_second_branch
    assert np.sqrt(-float(page.CLAIM.bound({page.DEPTH: 1.0, page.CONSTANT: 0.5}))) == pytest.approx(576.0)


def test_the_chain_of_halves_loses_its_confusion() -> None:
    found = [confusion_grows_with_depth_printed.chain_confusion(depth) for depth in range(1, 5)]
    expected = [sp.Rational(b + 1, 4**b) * (1 - sp.Rational(1, 4 ** (b + 1))) for b in range(1, 5)]
    assert found == expected


def test_activation_suprema_are_those_of_the_audit() -> None:
    assert activation_bounds.claimed(activation_bounds.CLAIM) == pytest.approx(
        [0.731, 0.25, 0.0909, 0.762, 1.0, 0.7698], abs=5e-4
    )


def test_the_sigmoid_layer_of_width_400_has_gradient_five_halves() -> None:
    run = passed([np.zeros((400, 3)), np.zeros((1, 400))], np.ones((1, 3)), SIGMOID)
    assert np.sqrt(run.kernel()[0, 0]) == pytest.approx(2.5)


def test_the_corrected_theorem_has_the_constant_of_its_gradient_bound() -> None:
    d, eta, beta = DIMENSION, ETA, output_gradient.DEPTH
    expected = (d - 1) * eta**2 / (16 * (beta + 1) ** 2 * (beta + 6) ** 2)
    exponent = next(iter(confusion_probability.CLAIM.formula.rhs.atoms(sp.exp))).args[0]
    assert sp.cancel(exponent + expected) == 0
    assert sp.expand(confusion_gradient.LIPSCHITZ - 2 * (beta + 1) * (beta + 6)) == 0


def test_identity_chains_reach_two_thirds_of_the_slope_and_never_exceed_the_weights_bound() -> None:
    assert confusion_gradient.chain_ratio(confusion_gradient.CLAIM, 0) == pytest.approx(2 / 3, abs=1e-6)
    found = confusion_weight_gradient.measured((5, 3, 1))
    assert 0 < confusion_weight_gradient.worst(confusion_weight_gradient.CLAIM, 3, found) < 1


def test_the_initial_kernel_is_deep_times_the_inner_product() -> None:
    at = {
        initial_kernel_mean.PRODUCT: 0.25,
        initial_kernel_mean.WIDTH: 50.0,
        DIMENSION: 50.0,
        initial_kernel_mean.KAPPA: 1.0,
        initial_kernel_mean.DEPTH: 30.0,
    }
    assert float(initial_kernel_mean.CLAIM.bound(at)) == pytest.approx(7.75)


def test_random_data_violate_any_bound_half_of_the_time_at_large_widths() -> None:
    rng = np.random.default_rng(0)
    expected = {20: 0.17, 100: 0.31, 500: 0.48}
    for width, audit in expected.items():
        _, low, high = initial_confusion_random_data_printed.rate(width, 1500, rng)
        assert low - 0.03 <= audit <= high + 0.03  # the audit gives two digits from its own draws
