"""Deep linear training against plain NumPy, differences, exact laws and the flow."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import linear_training as lt
from odeflow.numeric.activations import Activation
from odeflow.numeric.linear_flow import balanced_layers, flow_layers
from odeflow.numeric.linear_training import (
    AdaDelta,
    AdaGrad,
    Adam,
    CrossEntropy,
    GradientDescent,
    HeavyBallMethod,
    NesterovMethod,
    NesterovStronglyConvex,
    PowerLoss,
    RunStatus,
    Stop,
    initial_layers,
    least_loss,
    train_end_to_end,
    train_layers,
)
from odeflow.numeric.mlp_training import Network, initial_parameters, train_mlp

ROUNDING = 2e-12
"""Relative distance of two orders of summation after tens of smooth steps."""
EXACT = 1e-13
"""One step of a conservation law, relative to the size of its terms."""
OPTIMISERS = (
    GradientDescent(0.05),
    HeavyBallMethod(0.05, 0.7),
    HeavyBallMethod(0.05, 0.7, centred_start=True),
    NesterovMethod(0.05),
    NesterovStronglyConvex(0.05, 0.3),
    AdaGrad(0.05),
    AdaDelta(learning_rate=3.0),
    Adam(0.01),
)
SHAPES = ((4, 1), (4, 1, 1), (5, 3, 2, 4, 3), (2, 3, 5), (3, 7, 1), (1, 2, 1))
LOSSES = (PowerLoss(2, average=True), PowerLoss(4, average=True), PowerLoss(6), CrossEntropy(average=True))


def problem(widths, loss, *, points=11, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((points, widths[0]))
    if isinstance(loss, CrossEntropy):
        return X, rng.integers(0, widths[-1], points)
    return X, 0.5 * rng.standard_normal((points, widths[-1]))


def product(layers):
    return reduce(lambda so_far, W: W @ so_far, layers)


def plain_loss(layers, X, Y, power):
    return float(np.mean(np.sum((X @ product(layers).T - Y) ** power, axis=1)) / power)


def plain_gradients(layers, X, Y, power):
    """Equation (16), term by term."""
    G = ((X @ product(layers).T - Y) ** (power - 1)).T @ X / len(X)
    out = []
    for j in range(len(layers)):
        above = reduce(lambda so_far, W: W @ so_far, layers[j + 1 :], np.eye(layers[j].shape[0]))
        below = reduce(lambda so_far, W: W @ so_far, layers[:j], np.eye(layers[0].shape[1]))
        out.append(above.T @ G @ below.T)
    return G, out


def one_step(layers, X, Y, power=2, decay=0.0, rate=1.0):
    run = train_layers(layers, X, Y, GradientDescent(rate), 1, loss=PowerLoss(power, average=True), weight_decay=decay)
    return [W[0] for W in run.layers]


FITTING = [
    (widths, loss) for loss in LOSSES for widths in SHAPES if widths[-1] > 1 or not isinstance(loss, CrossEntropy)
]
"""Cross-entropy needs two classes."""


@pytest.mark.parametrize(("widths", "loss"), FITTING, ids=str)
def test_all_optimisers_agree_with_the_general_networks_of_mlp_training(widths, loss) -> None:
    X, Y = problem(widths, loss)
    seeds = range(len(OPTIMISERS))
    network = Network(widths, activation=Activation.IDENTITY, scaled=False)
    deviation = 0.1 if loss == PowerLoss(6) else 0.3
    rates = 0.2 if loss == PowerLoss(6) else 1.0  # a sum of sixth powers diverges at the larger rates
    optimisers = [type(o)(**{**vars(o), "learning_rate": rates * o.learning_rate}) for o in OPTIMISERS]
    want = train_mlp(
        network, initial_parameters(network, seeds, deviation=deviation), X, Y, optimisers, 60, loss=loss,
        weight_decay=0.1,
    )  # fmt: skip
    layers = initial_layers(widths, seeds, deviation=deviation)
    got = train_layers(layers, X, Y, optimisers, 60, loss=loss, weight_decay=0.1)
    assert want.all_finished
    assert got.all_finished
    np.testing.assert_allclose(got.losses, want.losses, rtol=ROUNDING)
    for run in range(len(optimisers)):
        for W, V in zip(got.layers, want.weights(run), strict=True):
            np.testing.assert_allclose(W[run], V, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("power", [2, 4, 6])
@pytest.mark.parametrize("widths", SHAPES)
def test_gradient_descent_follows_equation_16_written_out(widths, power) -> None:
    X, Y = problem(widths, PowerLoss(power))
    layers = [W[0] for W in initial_layers(widths, [3], deviation=0.3)]
    run = train_layers(
        layers, X, Y, GradientDescent(0.01), 25, loss=PowerLoss(power, average=True), weight_decay=0.2,
        with_products=True,
    )  # fmt: skip
    for step in range(26):
        assert run.losses[0, step] == pytest.approx(plain_loss(layers, X, Y, power), rel=ROUNDING)
        np.testing.assert_allclose(run.products[0, step], product(layers), rtol=ROUNDING, atol=ROUNDING)
        gradients = plain_gradients(layers, X, Y, power)[1]
        layers = [0.998 * W - 0.01 * g for W, g in zip(layers, gradients, strict=True)]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_a_step_is_minus_the_rate_times_the_difference_quotient_of_the_loss(loss) -> None:
    widths = (3, 2, 4, 2)
    X, Y = problem(widths, loss, points=7)
    layers = [W[0] for W in initial_layers(widths, [5], deviation=0.6)]

    def value(weights):
        return float(train_layers(weights, X, Y, GradientDescent(1.0), 0, loss=loss).losses[0, 0])

    rate, step = 1e-3, 1e-5
    after = train_layers(layers, X, Y, GradientDescent(rate), 1, loss=loss).layers
    for j, W in enumerate(layers):
        for entry in np.ndindex(W.shape):
            moved = [[V.copy() for V in layers] for _ in range(2)]
            for sign, weights in zip((1.0, -1.0), moved, strict=True):
                weights[j][entry] += sign * step
            slope = (value(moved[0]) - value(moved[1])) / (2.0 * step)
            # Central differences of step 1e-5 err by 1e-10 (curvature) plus 1e-16 / 1e-5 (rounding), times the rate.
            assert after[j][0][entry] - W[entry] == pytest.approx(-rate * slope, rel=1e-6, abs=1e-11)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=3, max_size=5), st.integers(0, 10**6), st.sampled_from([2, 4]),
    st.floats(0.01, 0.5), st.sampled_from([0.0, 0.3]),
)  # fmt: skip
def test_imbalance_obeys_its_discrete_law_exactly(widths, seed, power, rate, decay) -> None:
    """D_j(t+1) = (1 - eta lambda)^2 D_j(t) + eta^2 (G_{j+1}^T G_{j+1} - G_j G_j^T) for every rate."""
    X, Y = problem(widths, PowerLoss(power), points=5, seed=seed)
    layers = [W[0] for W in initial_layers(widths, [seed], deviation=1.0)]
    after = one_step(layers, X, Y, power, decay, rate)
    G = plain_gradients(layers, X, Y, power)[1]
    shrink = (1.0 - rate * decay) ** 2
    size = max(float(np.linalg.norm(g)) for g in G) * rate + max(float(np.linalg.norm(W)) for W in layers)
    for j in range(len(layers) - 1):
        before = layers[j + 1].T @ layers[j + 1] - layers[j] @ layers[j].T
        now = after[j + 1].T @ after[j + 1] - after[j] @ after[j].T
        law = shrink * before + rate**2 * (G[j + 1].T @ G[j + 1] - G[j] @ G[j].T)
        assert np.abs(now - law).max() <= EXACT * size**2


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_width_does_not_matter_from_an_aligned_balanced_start(depth) -> None:
    """W_1 = s q_1 a^T, W_j = s q_j q_{j-1}^T, W_N = s q_{N-1}^T with unit q's, for every learning rate."""
    rng = np.random.default_rng(depth)
    X, y = rng.standard_normal((20, 6)), rng.standard_normal(20)
    a, scale = rng.standard_normal(6), 0.7
    runs = []
    for width in (1, 5, 100):
        q = [V / np.linalg.norm(V) for V in rng.standard_normal((depth - 1, width))]
        layers = [scale * np.outer(q[0], a)]
        layers += [scale * np.outer(q[j], q[j - 1]) for j in range(1, depth - 1)]
        layers += [scale * q[-1][None]]
        runs.append(train_layers(layers, X, y, GradientDescent(0.02), 150, loss=PowerLoss(4, average=True)))
    for wide in runs[1:]:
        # 1e-15 a step, through a contraction.
        np.testing.assert_allclose(wide.losses, runs[0].losses, rtol=1e-13)


@pytest.mark.parametrize("shape", [(1, 4), (3, 2), (2, 5), (4, 1)])
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_the_rule_is_the_sum_of_products_of_balanced_layers(shape, depth) -> None:
    """With balanced layers the sum is sum_j (W_N..W_{j+1}) (..)^T G (..)^T (W_{j-1}..W_1): no fractional power."""
    X, Y = problem((shape[1], shape[0]), PowerLoss(2))
    W = np.random.default_rng(7).standard_normal(shape)
    layers = balanced_layers(W, depth)
    G = plain_gradients([W], X, Y, 4)[0]
    moved = np.zeros(shape)
    for j in range(depth):
        above = reduce(lambda so_far, V: V @ so_far, layers[j + 1 :], np.eye(layers[j].shape[0]))
        below = reduce(lambda so_far, V: V @ so_far, layers[:j], np.eye(shape[1]))
        moved += above @ above.T @ G @ below.T @ below
    rate, decay = 0.1, 0.2
    run = train_end_to_end(W, X, Y, rate, 1, depth=depth, loss=PowerLoss(4, average=True), weight_decay=decay)
    want = (1.0 - rate * decay * depth) * W - rate * moved
    np.testing.assert_allclose(run.layers[0][0], want, rtol=1e-13, atol=1e-13 * np.abs(want).max())


@pytest.mark.parametrize("depth", [2, 3, 4, 8])
def test_the_rule_keeps_fifteen_digits_at_rank_one(depth) -> None:
    """Where the eigenvalues of W W^T would leave eight of them at depth 2 and two at depth 8."""
    u, v = np.array([1.0, 2.0, -1.0, 0.5, 3.0]), np.array([1.0, -2.0, 0.25, 1.5])
    W, sigma = np.outer(u, v), float(np.linalg.norm(u) * np.linalg.norm(v))
    a, b = u / np.linalg.norm(u), v / np.linalg.norm(v)
    X, Y = problem((4, 5), PowerLoss(2))
    G = plain_gradients([W], X, Y, 2)[0]
    power = sigma ** (2.0 - 2.0 / depth)
    want = power * (np.outer(a, a) @ G + G @ np.outer(b, b) + (depth - 2.0) * (a @ G @ b) * np.outer(a, b))
    run = train_end_to_end(W, X, Y, 1.0, 1, depth=depth)
    assert np.abs(W - run.layers[0][0] - want).max() <= 1e-13 * np.abs(want).max()


def test_the_zero_matrix_stays_under_the_rule_unless_the_depth_is_one() -> None:
    X, Y = problem((3, 2), PowerLoss(2))
    run = train_end_to_end(np.zeros((2, 3)), X, Y, 0.1, 3, depth=[2, 3, 1])
    assert not run.layers[0][:2].any()
    assert run.layers[0][2].any()


@pytest.mark.parametrize("shape", [(1, 3), (2, 3)])
@pytest.mark.parametrize("depth", [2, 3])
def test_network_and_rule_approach_the_flow_and_each_other_at_first_order(shape, depth) -> None:
    rng = np.random.default_rng(depth)
    X = rng.standard_normal((12, shape[1])) / 3.0
    Y = X @ rng.standard_normal(shape).T
    W = rng.standard_normal(shape)
    layers = balanced_layers(W, depth)
    horizon, rates = 2.0, np.array([0.02, 0.01, 0.005, 0.0025])
    flow = flow_layers(layers, Y.T, [horizon], inputs=X.T).end_to_end[0]
    gaps = []
    for rate in rates:
        steps = round(horizon / rate)
        options = {"loss": PowerLoss(2), "record_every": steps, "with_products": True}
        net = train_layers(layers, X, Y, GradientDescent(rate), steps, **options).products[0, -1]
        rule = train_end_to_end(W, X, Y, rate, steps, depth=depth, **options).products[0, -1]
        gaps.append([np.linalg.norm(net - flow), np.linalg.norm(rule - flow), np.linalg.norm(net - rule)])
    slopes = np.log2(np.array(gaps[:-1]) / np.array(gaps[1:]))
    # The next order leaves 1 + O(eta).
    np.testing.assert_allclose(slopes[-1], 1.0, atol=0.05)


def test_levels_are_first_crossings_and_stop_where_asked() -> None:
    X, Y = problem((4, 1), PowerLoss(2))
    optimisers = [GradientDescent(rate) for rate in (0.05, 0.3, 0.1, 50.0)]
    full = train_layers(initial_layers((4, 1), [0]), X, Y, optimisers, 900)
    best, _ = least_loss(X, Y)
    levels = best + np.array([0.5, 0.01]) * (full.losses[0, 0] - best)
    watched = train_layers(initial_layers((4, 1), [0]), X, Y, optimisers, 900, levels=levels)
    for run in range(3):
        for level, reached in zip(levels, watched.reached[run], strict=True):
            assert reached == np.flatnonzero(full.losses[run] <= level)[0]
    assert watched.statuses[3] is RunStatus.DIVERGED
    assert np.isinf(watched.losses[3, -1])
    assert watched.fastest() == 1
    each = train_layers(initial_layers((4, 1), [0]), X, Y, optimisers, 900, levels=levels, stop=Stop.EACH)
    np.testing.assert_array_equal(each.reached, watched.reached)
    np.testing.assert_array_equal(each.last_steps[:3], watched.reached[:3, -1])
    assert np.isnan(each.losses[0, -1])
    first = train_layers(initial_layers((4, 1), [0]), X, Y, optimisers, 900, levels=levels, stop=Stop.FIRST)
    assert first.reached[1].tolist() == watched.reached[1].tolist()
    assert set(first.last_steps[:3]) == {int(watched.reached[1, 1])}


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 20), st.integers(1, 3), st.integers(0, 1000))
def test_runs_do_not_see_each_other(runs, threads, seed) -> None:
    """However many share a call, whoever diverges, whatever the number of threads."""
    widths = (3, 2, 2)
    X, Y = problem(widths, PowerLoss(4), seed=seed)
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.01, 20.0, runs)
    layers = initial_layers(widths, range(runs), deviation=0.5)
    loss = PowerLoss(4, average=True)
    together = train_layers(layers, X, Y, [GradientDescent(r) for r in rates], 30, loss=loss, threads=threads)
    for run in range(runs):
        alone = train_layers([W[run] for W in layers], X, Y, GradientDescent(rates[run]), 30, loss=loss)
        assert alone.statuses[0] is together.statuses[run]
        if alone.all_finished:
            np.testing.assert_allclose(together.losses[run], alone.losses[0], rtol=1e-9)


def test_the_triangular_factor_carries_the_whole_square_loss() -> None:
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((300, 5)), rng.standard_normal((300, 2))
    run = train_layers(initial_layers((5, 3, 2), [0]), X, Y, GradientDescent(0.3), 200)
    assert run.losses[0, -1] == pytest.approx(plain_loss([W[0] for W in run.layers], X, Y, 2), rel=EXACT)


@pytest.mark.parametrize("power", [2, 4, 6])
def test_least_loss_is_where_the_gradient_vanishes(power) -> None:
    rng = np.random.default_rng(power)
    X, Y = rng.standard_normal((40, 6)), rng.standard_normal((40, 3))
    value, W = least_loss(X, Y, loss=PowerLoss(power, average=True))
    assert value == pytest.approx(plain_loss([W], X, Y, power), rel=ROUNDING)
    scale = np.abs((Y ** (power - 1)).T @ X / 40).max()
    # The loss cannot tell errors of W below the square root of its rounding; a Newton step squares them once more.
    assert np.abs(plain_gradients([W], X, Y, power)[0]).max() <= 1e-7 * scale


def test_least_loss_is_zero_for_data_that_a_predictor_explains() -> None:
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((9, 3)), rng.standard_normal(3)
    value, W = least_loss(X, X @ w, loss=PowerLoss(4))
    assert value < 1e-50
    np.testing.assert_allclose(W[0], w, rtol=1e-12)


def test_initial_layers_with_identity_are_ones_on_every_diagonal_plus_noise() -> None:
    plain, shifted = (initial_layers((4, 3, 3, 1), [0, 1], identity=flag) for flag in (False, True))
    for W, V in zip(plain, shifted, strict=True):
        np.testing.assert_allclose(V - W, np.broadcast_to(np.eye(*W.shape[1:]), W.shape), atol=1e-15)
    entries = np.concatenate([W.ravel() for W in initial_layers((50, 50, 50), [3])])
    assert np.std(entries) == pytest.approx(0.01, rel=0.1)


def test_calls_modify_none_of_their_arguments() -> None:
    X, Y = problem((3, 2, 2), PowerLoss(2))
    layers = initial_layers((3, 2, 2), [0])
    copies = [W.copy() for W in layers], X.copy(), Y.copy()
    train_layers(layers, X, Y, Adam(0.1), 5)
    start = np.ones((2, 3))
    train_end_to_end(start, X, Y, 0.1, 5, depth=2)
    assert (start == 1.0).all()
    for before, after in zip([*copies[0], *copies[1:]], [*layers, X, Y], strict=True):
        np.testing.assert_array_equal(before, after)


X3, Y3 = np.ones((4, 3)), np.ones(4)
ONE = [np.ones((1, 3))]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: train_layers([], X3, Y3, GradientDescent(0.1), 1), "depth"),
        (lambda: train_layers([np.ones((2, 3)), np.ones((1, 3))], X3, Y3, GradientDescent(0.1), 1), "W_2"),
        (lambda: train_layers([np.ones((2, 1, 3)), np.ones((3, 1, 1))], X3, Y3, GradientDescent(0.1), 1), "runs"),
        (lambda: train_layers(ONE, np.ones((4, 2)), Y3, GradientDescent(0.1), 1), "X"),
        (lambda: train_layers(ONE, X3, np.ones(5), GradientDescent(0.1), 1), "Y"),
        (lambda: train_layers(ONE, np.full((4, 3), np.nan), Y3, GradientDescent(0.1), 1), "finite"),
        (lambda: train_layers(ONE, X3, Y3, [], 1), "at least one"),
        (lambda: train_layers(ONE, X3, Y3, GradientDescent(0.1), -1), "steps"),
        (lambda: train_layers(ONE, X3, Y3, GradientDescent(0.1), 1, weight_decay=-1.0), "weight_decay"),
        (lambda: train_layers(ONE, X3, Y3, GradientDescent(0.1), 1, record_every=0), "record_every"),
        (lambda: train_layers(ONE, X3, Y3, GradientDescent(0.1), 1, threads=0), "threads"),
        (lambda: train_layers(ONE, X3, Y3, GradientDescent(0.1), 1, stop=Stop.FIRST), "levels"),
        (lambda: train_layers(ONE, X3, Y3, GradientDescent(0.1), 1, levels=[np.inf]), "levels"),
        (lambda: train_layers(ONE, X3, np.ones(4, int), GradientDescent(0.1), 1, loss=CrossEntropy()), "class numbers"),
        (lambda: train_end_to_end(np.ones(3), X3, Y3, 0.1, 1, depth=2), "initial"),
        (lambda: train_end_to_end(ONE[0], X3, Y3, 0.0, 1, depth=2), "learning_rates"),
        (lambda: train_end_to_end(ONE[0], X3, Y3, [0.1, 0.2], 1, depth=[2, 3, 4]), "runs"),
        (lambda: train_end_to_end(ONE[0], X3, Y3, 0.1, 1, depth=17), "depth"),
        (lambda: least_loss(X3, np.ones(3)), "Y"),
        (lambda: initial_layers((3,), [0]), "widths"),
        (lambda: initial_layers((3, 1), []), "seed"),
    ],
)
def test_bad_input_is_named(call, words) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        call()


def test_everything_offered_exists() -> None:
    assert all(hasattr(lt, name) for name in lt.__all__)
