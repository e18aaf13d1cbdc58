"""Training loops against plain NumPy, finite differences, exact modes and the flows they discretise."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import _training_kernels, _training_pattern_kernels
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.kernels import kernel_spectrum, relu_ntk, two_layer_initialisation
from odeflow.numeric.training import (
    GradientDescent,
    HeavyBallMethod,
    NesterovMethod,
    NesterovStronglyConvex,
    Optimiser,
    RunStatus,
    TrainingRun,
    iterate_modes,
    matching_optimiser,
    train_relu,
)

# The same sums in another order over at most 60 steps of problems of size one.
REORDERING = 1e-11
# Orders are fitted on errors of at least 1e-7, far above rounding; the leading term leaves this much.
ORDER_TOLERANCE = 0.03

OPTIMISERS: list[Optimiser] = [
    GradientDescent(0.3),
    HeavyBallMethod(0.2, 0.8),
    HeavyBallMethod(0.2, 0.8, centred_start=True),
    NesterovMethod(0.2, 1.0),
    NesterovMethod(0.2, 3.0),
    NesterovMethod(0.2, 7.5),
    NesterovStronglyConvex(0.2, 0.3),
]


def problem(n: int = 9, d: int = 4, m: int = 30, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1)[:, None]
    W, a = two_layer_initialisation(d, m, seed=rng)
    return X, rng.uniform(-1, 1, n), W, a


def gradient(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    Z = X @ W.T
    error = np.maximum(Z, 0) @ a / math.sqrt(len(a)) - y
    return ((Z > 0) * a).T * error @ X / math.sqrt(len(a))


def loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> float:
    return 0.5 * float(((np.maximum(X @ W.T, 0) @ a / math.sqrt(len(a)) - y) ** 2).sum())


def reference(grad, w: np.ndarray, optimiser: Optimiser, steps: int) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    """The algorithms as the paper prints them, with the paper's own indices, on any gradient."""
    path = [w]
    eta = optimiser.learning_rate
    if isinstance(optimiser, GradientDescent):
        for _ in range(steps):
            path.append(path[-1] - eta * grad(path[-1]))
    elif isinstance(optimiser, HeavyBallMethod):
        for k in range(steps):
            before = path[k - 1] if k > 0 else path[0]
            scale = 1 / (1 + optimiser.momentum) if optimiser.centred_start and k == 0 else 1.0
            path.append(path[k] - eta * scale * grad(path[k]) + optimiser.momentum * (path[k] - before))
    else:
        v = w
        for k in range(1, steps + 1):
            if isinstance(optimiser, NesterovMethod):
                momentum = (k - 1) / (k + optimiser.gamma - 1)
            else:
                root = math.sqrt(optimiser.strong_convexity * eta)
                momentum = (1 - root) / (1 + root)
            v_next = path[-1] - eta * grad(path[-1])
            path.append(v_next + momentum * (v_next - v))
            v = v_next
    return path


# Modes.


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
def test_modes_follow_the_printed_recursion(optimiser: Optimiser) -> None:
    eigenvalues = np.array([-0.5, 0.0, 0.1, 1.0, 4.0])
    printed = np.array(reference(lambda x: eigenvalues * x, np.ones(5), optimiser, 60)).T
    np.testing.assert_allclose(iterate_modes(optimiser, eigenvalues, 60), printed, rtol=1e-10, atol=1e-12)


@given(eta=st.floats(1e-3, 1.0), beta=st.floats(0.0, 1.0), lam=st.floats(0.0, 2.0))
def test_both_printed_forms_of_heavy_ball_agree(eta: float, beta: float, lam: float) -> None:
    """(3.1): v(k) = beta v(k-1) - grad, w(k+1) = w(k) + eta v(k); (3.2) is what `HeavyBallMethod` states."""
    w, v = 1.0, 0.0
    velocity_form = [w]
    for _ in range(40):
        v = beta * v - lam * w
        w = w + eta * v
        velocity_form.append(w)
    modes = iterate_modes(HeavyBallMethod(eta, beta), [lam], 40)[0]
    np.testing.assert_allclose(modes, velocity_form, rtol=1e-9, atol=1e-10)


@given(lam=st.floats(0.01, 2.0), eta=st.floats(0.01, 0.4))
def test_gradient_descent_modes_are_powers(lam: float, eta: float) -> None:
    powers = (1 - eta * lam) ** np.arange(31)
    np.testing.assert_allclose(iterate_modes(GradientDescent(eta), [lam], 30)[0], powers, rtol=1e-12)


def test_heavy_ball_with_momentum_one_conserves_its_quadratic_form() -> None:
    """Without friction x_k^2 + x_{k+1}^2 - (2 - eta lambda) x_k x_{k+1} is constant."""
    x = iterate_modes(HeavyBallMethod(0.5, 1.0), [1.3], 500)[0]
    form = x[1:] ** 2 + x[:-1] ** 2 - (2 - 0.65) * x[1:] * x[:-1]
    np.testing.assert_allclose(form, form[0], rtol=1e-11)


def test_nesterov_determinant_shrinks_by_the_exact_factor() -> None:
    """Two solutions' Casoratian is multiplied by (1 - eta lambda) beta_k each step, so late convergence is linear."""
    eta, lam, gamma, steps = 0.1, 1.0, 3.0, 2000
    x = iterate_modes(NesterovMethod(eta, gamma), [lam], steps)[0]
    k = np.arange(1, steps + 1)
    envelope = np.log(np.maximum.accumulate(np.abs(x[1:])[::-1])[::-1] ** 2) + gamma * np.log(k)
    late = (k > 200) & (k < 1500)
    slope = np.polyfit(k[late], envelope[late], 1)[0]
    assert slope == pytest.approx(math.log(1 - eta * lam), rel=5e-3)


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
def test_an_unstable_mode_is_infinite_once_it_overflows(optimiser: Optimiser) -> None:
    positions = iterate_modes(optimiser, [1e3, -1e3, 1.0], 400)
    assert not np.isnan(positions).any()
    for unstable in positions[:2]:
        first = int(np.argmax(np.isinf(unstable)))
        assert first > 50
        assert (unstable[first:] == np.inf).all()
    assert np.isfinite(positions[2]).all()


# Discrete against continuous: exact solutions of the modes, observed orders.


def exact_mode(flow: Flow, lam: float, t: np.ndarray) -> np.ndarray:
    if isinstance(flow, GradientFlow):
        return np.exp(-lam * t)
    if isinstance(flow, HeavyBall):
        half = flow.damping / 2
        omega = np.emath.sqrt(lam - half**2)
        return (np.exp(-half * t) * (np.cos(omega * t) + half * np.sin(omega * t) / omega)).real
    assert isinstance(flow, Nesterov)
    nu = (flow.gamma - 1) / 2
    s = np.where(t > 0, math.sqrt(lam) * t, 1.0)
    return np.where(t > 0, scipy.special.gamma(nu + 1) * (2 / s) ** nu * scipy.special.jv(nu, s), 1.0)


def observed_order(flow: Flow, optimiser_for, lam: float = 0.7, horizon: float = 10.0) -> float:  # type: ignore[no-untyped-def]
    errors, counts = [], [800, 1600, 3200]
    for count in counts:
        optimiser = optimiser_for(horizon / count)
        times = np.linspace(0.0, horizon, count + 1)
        errors.append(np.abs(iterate_modes(optimiser, [lam], count)[0] - exact_mode(flow, lam, times)).max())
    assert errors[-1] > 1e-7
    return float(-np.polyfit(np.log(counts), np.log(errors), 1)[0])


@pytest.mark.parametrize(
    "flow",
    [GradientFlow(), HeavyBall(1.0), HeavyBall(2.5), Nesterov(3.0), Nesterov(5.0), Nesterov(7.0)],
    ids=repr,
)
def test_optimisers_follow_their_flow_to_first_order(flow: Flow) -> None:
    order = observed_order(flow, lambda h: matching_optimiser(flow, h))
    assert order == pytest.approx(1.0, abs=ORDER_TOLERANCE)


@pytest.mark.parametrize("flow", [HeavyBall(1.0), HeavyBall(2.5)], ids=repr)
def test_corrected_heavy_ball_is_second_order_and_needs_its_centred_start(flow: HeavyBall) -> None:
    assert observed_order(flow, lambda h: matching_optimiser(flow, h, second_order=True)) == pytest.approx(
        2.0, abs=ORDER_TOLERANCE
    )

    def plain_start(h: float) -> Optimiser:
        corrected = matching_optimiser(flow, h, second_order=True)
        assert isinstance(corrected, HeavyBallMethod)
        return replace(corrected, centred_start=False)

    assert observed_order(flow, plain_start) == pytest.approx(1.0, abs=2 * ORDER_TOLERANCE)


@pytest.mark.parametrize("h", [0.01, 0.3])
def test_matching_optimisers_know_their_time_step(h: float) -> None:
    for flow in (GradientFlow(), HeavyBall(1.2), Nesterov(4.0)):
        assert matching_optimiser(flow, h).time_step == pytest.approx(h, rel=1e-14)
    assert matching_optimiser(HeavyBall(1.2), h, second_order=True).time_step == pytest.approx(h, rel=1e-14)


def test_strongly_convex_nesterov_follows_heavy_ball_with_damping_two_root_mu() -> None:
    mu = 0.35
    flow = HeavyBall(2 * math.sqrt(mu))
    order = observed_order(flow, lambda h: NesterovStronglyConvex(h * h, mu))
    assert order == pytest.approx(1.0, abs=ORDER_TOLERANCE)


def test_fixed_momentum_does_not_follow_heavy_ball_but_gradient_flow() -> None:
    lam, beta, horizon = 0.7, 0.9, 5.0
    gaps = []
    for eta in (1e-3, 5e-4, 2.5e-4):
        steps = round(horizon * (1 - beta) / eta)
        x = iterate_modes(HeavyBallMethod(eta, beta), [lam], steps)[0]
        times = eta * np.arange(steps + 1) / (1 - beta)
        gaps.append(np.abs(x - np.exp(-lam * times)).max())
    assert gaps[2] < gaps[1] < gaps[0]
    assert gaps[1] / gaps[2] == pytest.approx(2.0, rel=0.1)


def test_modes_agree_with_fifty_digits_after_many_steps() -> None:
    optimiser = NesterovMethod(0.05, 5.0)
    with mpmath.workdps(50):
        eta, lam = mpmath.mpf(optimiser.learning_rate), mpmath.mpf(0.9)
        w = v = mpmath.mpf(1)
        for k in range(1, 301):
            v_next = w - eta * lam * w
            w, v = v_next + mpmath.mpf(k - 1) / (k + 4) * (v_next - v), v_next
        assert abs(mpmath.mpf(float(iterate_modes(optimiser, [0.9], 300)[0, -1])) - w) < 1e-14


# Networks.


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 1), (5, 3, 7), (9, 4, 30), (11, 7, 65)])
def test_training_follows_the_printed_algorithm(optimiser: Optimiser, n: int, d: int, m: int) -> None:
    X, y, W, a = problem(n, d, m, seed=m)
    run = train_relu(X, y, W, a, optimiser, 60)
    path = reference(lambda w: gradient(X, y, w, a), W, optimiser, 60)
    assert run.all_finished
    np.testing.assert_allclose(run.weights[0], path[-1], atol=REORDERING)
    np.testing.assert_allclose(run.losses[0], [loss(X, y, w, a) for w in path], rtol=1e-9, atol=1e-20)
    np.testing.assert_allclose(
        run.movement[0], [np.linalg.norm(w - W, axis=1).max() for w in path], atol=REORDERING
    )
    np.testing.assert_allclose(
        run.errors[0, -1], np.maximum(X @ path[-1].T, 0) @ a / math.sqrt(m) - y, atol=REORDERING
    )


def test_the_gradient_is_that_of_the_loss() -> None:
    """One step of gradient descent with eta = 1 moves by minus the gradient; central differences of the loss agree."""
    X, y, W, a = problem()
    assert np.abs(X @ W.T).min() > 1e-4
    moved = W - train_relu(X, y, W, a, GradientDescent(1.0), 1).weights[0]
    step = 1e-5
    for index in np.ndindex(W.shape):
        e = np.zeros_like(W)
        e[index] = step
        difference = (loss(X, y, W + e, a) - loss(X, y, W - e, a)) / (2 * step)
        assert moved[index] == pytest.approx(difference, abs=1e-9)


def test_a_batch_is_the_loop_over_its_runs() -> None:
    X, y, _, _ = problem()
    starts = [two_layer_initialisation(4, 30, seed=seed) for seed in range(len(OPTIMISERS))]
    W, a = np.array([w for w, _ in starts]), np.array([s for _, s in starts])
    batch = train_relu(X, y, W, a, OPTIMISERS, 25, record_every=4)
    for run, optimiser in enumerate(OPTIMISERS):
        alone = train_relu(X, y, W[run], a[run], optimiser, 25, record_every=4)
        assert np.array_equal(batch.losses[run], alone.losses[0])
        assert np.array_equal(batch.errors[run], alone.errors[0])
        assert np.array_equal(batch.weights[run], alone.weights[0])
        assert np.array_equal(batch.times[run], alone.times[0])
    threaded = train_relu(X, y, W, a, OPTIMISERS, 25, record_every=4, threads=3)
    assert np.array_equal(batch.weights, threaded.weights)
    assert np.array_equal(batch.errors, threaded.errors)


def test_one_start_is_shared_by_several_learning_rates() -> None:
    X, y, W, a = problem()
    original = W.copy()
    run = train_relu(X, y, W, a, [GradientDescent(eta) for eta in (0.1, 0.2, 0.4)], 10)
    assert run.losses.shape == (3, 11)
    assert np.array_equal(W, original)
    assert (np.diff(run.losses[:, -1]) < 0).all()
    np.testing.assert_allclose(run.times[:, -1], [1.0, 2.0, 4.0])


def test_records_are_the_first_the_last_and_every_so_many() -> None:
    X, y, W, a = problem()
    every = train_relu(X, y, W, a, GradientDescent(0.1), 10)
    some = train_relu(X, y, W, a, GradientDescent(0.1), 10, record_every=4)
    assert some.steps.tolist() == [0, 4, 8, 10]
    assert np.array_equal(some.losses, every.losses[:, [0, 4, 8, 10]])
    assert np.array_equal(some.errors, every.errors[:, [0, 4, 8, 10]])
    nothing = train_relu(X, y, W, a, GradientDescent(0.1), 0)
    assert nothing.steps.tolist() == [0]
    assert np.array_equal(nothing.weights[0], W)
    np.testing.assert_allclose(0.5 * (every.errors**2).sum(axis=2), every.losses, rtol=1e-13)


def test_wide_networks_train_at_the_rate_of_their_kernel() -> None:
    """Loss over the last half decays like (1 - eta lambda_min)^2k; the kernel moves by O(m^{-1/2})."""
    X, y, W, a = problem(n=6, d=5, m=20_000, seed=5)
    lowest = float(kernel_spectrum(relu_ntk(X, W))[0])
    eta = 0.5
    run = train_relu(X, y, W, a, GradientDescent(eta), 400)
    assert run.all_finished
    above_rounding = run.losses[0] > 1e-24
    assert (np.diff(run.losses[0, above_rounding]) < 0).all()
    late = above_rounding & (run.steps >= 60)
    slope = np.polyfit(run.steps[late], np.log(run.losses[0, late]), 1)[0]
    assert slope == pytest.approx(2 * math.log1p(-eta * lowest), rel=0.05)
    assert run.movement[0, -1] < 10 / math.sqrt(20_000) * np.linalg.norm(run.errors[0, 0]) / lowest


def test_training_on_orthonormal_data_is_exactly_the_modes() -> None:
    """With all neurons active throughout H is constant, and errors follow the modes to rounding."""
    m = 200
    X, y = np.eye(3), np.array([0.3, -0.2, 0.1])
    W = np.abs(two_layer_initialisation(3, m, seed=6)[0]) + 0.5
    a = np.where(np.arange(m) % 2, 1.0, -1.0)
    for optimiser in OPTIMISERS:
        run = train_relu(X, y, W, a, optimiser, 40)
        modes = iterate_modes(optimiser, [1.0], 40)[0]
        np.testing.assert_allclose(run.errors[0], modes[:, None] * run.errors[0, 0], atol=1e-13)


# Patterns that stand still: the same steps, by the kernel.


@pytest.fixture
def lazy_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of steps taken by the kernel, filled as runs go on."""
    taken: list[int] = []
    true_run = _training_pattern_kernels.pattern_run

    def counted(*arguments: object) -> tuple[int, bool]:
        step, diverged = true_run(*arguments)
        taken.append(step - int(arguments[11]))  # type: ignore[call-overload]
        return step, diverged

    monkeypatch.setattr(_training_pattern_kernels, "pattern_run", counted)
    return taken


def both_ways(*arguments: object, **options: int) -> tuple[TrainingRun, TrainingRun]:
    return train_relu(*arguments, **options), train_relu(*arguments, **options, every_neuron=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 3), (12, 5, 40), (30, 10, 300), (7, 3, 201)])
def test_neurons_left_alone_make_the_same_steps(
    optimiser: Optimiser, n: int, d: int, m: int, lazy_steps: list[int]
) -> None:
    """Hundreds of activations change on the way; a missed one would show at the size of an error."""
    lazy, plain = both_ways(*problem(n, d, m, seed=n), optimiser, 300)
    assert sum(lazy_steps) > 40
    np.testing.assert_allclose(lazy.errors, plain.errors, atol=1e-12)
    np.testing.assert_allclose(lazy.weights, plain.weights, atol=1e-12)
    np.testing.assert_allclose(lazy.movement, plain.movement, rtol=1e-11)


@given(
    seed=st.integers(0, 10**6), n=st.integers(1, 12), d=st.integers(1, 6), m=st.integers(4, 60),
    rate=st.floats(0.01, 1.5), momentum=st.floats(0.0, 1.0), scale=st.sampled_from([1e-3, 1.0, 30.0]),
)  # fmt: skip
def test_neurons_left_alone_miss_no_change(
    seed: int, n: int, d: int, m: int, rate: float, momentum: float, scale: float
) -> None:
    """Data of any length with a zero and a repeated point, weights of any size; chaos is let grow for 40 steps only."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    X[0] = 0.0
    X[-1] = X[n // 2]
    y, a = rng.standard_normal(n), rng.uniform(-2, 2, m)
    W = scale * rng.standard_normal((m, d))
    lazy, plain = both_ways(X, y, W, a, HeavyBallMethod(rate, momentum), 40)
    size = np.abs(plain.weights).max() + np.abs(plain.errors).max()
    np.testing.assert_allclose(lazy.errors, plain.errors, atol=1e-9 * size)
    np.testing.assert_allclose(lazy.weights, plain.weights, atol=1e-9 * size)


def test_late_errors_are_accurate_below_the_rounding_of_predictions(lazy_steps: list[int]) -> None:
    """The same run with 64-bit mantissas is the judge; evaluated errors are rounding noise by then."""
    X, y, W, a = problem(n=6, d=5, m=100, seed=5)
    steps, eta = 310, 0.5
    lazy, plain = both_ways(X, y, W, a, GradientDescent(eta), steps, record_every=steps)
    w, x = W.astype(np.longdouble), X.astype(np.longdouble)
    signs = a.astype(np.longdouble) / 10
    for _ in range(steps + 1):
        z = w @ x.T
        error = signs @ np.maximum(z, 0) - y
        w -= eta * signs[:, None] * (((z > 0) * error) @ x)
    size = float(np.abs(error).max())
    assert 1e-18 < size < 1e-15
    assert sum(lazy_steps) > 200
    assert np.abs(lazy.errors[0, -1] - error).max() < 0.02 * size
    assert np.abs(plain.errors[0, -1] - error).max() > size


def test_records_and_length_do_not_change_a_run(lazy_steps: list[int]) -> None:
    X, y, W, a = problem(n=12, d=5, m=100)
    every = train_relu(X, y, W, a, HeavyBallMethod(0.2, 0.8), 300)
    some = train_relu(X, y, W, a, HeavyBallMethod(0.2, 0.8), 250, record_every=50)
    assert min(lazy_steps[-1:]) > 0
    assert np.array_equal(some.losses, every.losses[:, 0:251:50])
    assert np.array_equal(some.movement, every.movement[:, 0:251:50])


def test_a_run_far_beyond_convergence_ends_at_zero(lazy_steps: list[int]) -> None:
    """9000 steps cross two renewals; errors that the exponent range cannot hold are 0, not slow denormal numbers."""
    X, y, W, a = problem(n=4, d=6, m=100)
    run = train_relu(X, y, W, a, HeavyBallMethod(0.5, 0.5), 9000, record_every=500)
    assert len(lazy_steps) >= 3
    assert (np.diff(run.losses[0]) <= 0).all()
    assert run.losses[0, -1] == 0.0
    np.testing.assert_allclose(np.maximum(X @ run.weights[0].T, 0) @ a / 10.0, y, atol=1e-13)


def test_divergence_is_a_status_not_a_nan() -> None:
    X, y, W, a = problem()
    run = train_relu(X, y, W, a, [GradientDescent(0.1), GradientDescent(1e6)], 2000, record_every=10)
    assert run.statuses == (RunStatus.FINISHED, RunStatus.DIVERGED)
    assert not run.all_finished
    step = int(run.diverged_at[1])
    assert run.diverged_at[0] == -1
    assert step > 0
    late = run.steps >= step
    assert np.isfinite(run.losses[0]).all()
    assert np.isinf(run.losses[1, late]).all()
    assert np.isinf(run.movement[1, late]).all()
    assert np.isnan(run.errors[1, late]).all()
    assert np.isfinite(run.losses[1, ~late]).all()
    assert np.isfinite(run.errors[1, ~late]).all()


@pytest.mark.parametrize("rate", [1e100, 1e200, 1e308])
def test_overflowing_weights_are_a_divergence_too(rate: float) -> None:
    """Weights that overflow give pre-activations that are not numbers; these must not pass for inactive neurons."""
    X, y, W, a = problem()
    run = train_relu(X, y, W, a, GradientDescent(rate), 5)
    assert run.statuses == (RunStatus.DIVERGED,)
    assert np.isfinite(run.losses[0, 0])


@pytest.mark.parametrize(("n", "d", "m"), [(6, 4, 16), (7, 5, 17), (12, 6, 33), (13, 8, 15), (1, 11, 3)])
def test_padding_of_points_coordinates_and_neurons_changes_nothing(n: int, d: int, m: int) -> None:
    """The vector kernels work on 6 points, 4 to 6 coordinates and 16 neurons at a time."""
    X, y, W, a = problem(n, d, m, seed=n)
    run = train_relu(X, y, W, a, HeavyBallMethod(0.2, 0.8), 30)
    path = reference(lambda w: gradient(X, y, w, a), W, HeavyBallMethod(0.2, 0.8), 30)
    np.testing.assert_allclose(run.weights[0], path[-1], atol=REORDERING)


def test_divergence_at_the_start_is_reported() -> None:
    run = train_relu([[1.0]], [1e200], [[1.0]], [1.0], GradientDescent(0.1), 3)
    assert run.statuses == (RunStatus.DIVERGED,)
    assert run.diverged_at[0] == 0


def test_one_specialisation_serves_every_input() -> None:
    """Read-only, integer and Fortran-ordered inputs must not send the user to the compiler again."""
    _training_kernels.warm()
    compiled = (len(_training_kernels.train_run.signatures), len(_training_kernels.iterate_modes.signatures))
    X, y, W, a = problem()
    plain = train_relu(X, y, W, a, GradientDescent(0.1), 5)
    for array in (X, y, W, a):
        array.flags.writeable = False
    odd = train_relu(np.asfortranarray(X), y, np.asfortranarray(W), a.astype(int), GradientDescent(0.1), 5)
    assert np.array_equal(plain.weights, odd.weights)
    iterate_modes(GradientDescent(0.1), y, 3)
    assert compiled == (len(_training_kernels.train_run.signatures), len(_training_kernels.iterate_modes.signatures))


# The door.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GradientDescent(0.0), "learning_rate > 0"),
        (lambda: HeavyBallMethod(0.1, 1.5), "momentum <= 1"),
        (lambda: HeavyBallMethod(0.1, -0.1), "momentum <= 1"),
        (lambda: HeavyBallMethod(0.1, math.nan), "finite"),
        (lambda: NesterovMethod(0.1, 0.0), "gamma > 0"),
        (lambda: NesterovStronglyConvex(2.0, 1.0), "smaller learning rate"),
        (lambda: matching_optimiser(HeavyBall(1.0), 1.5), "at most 1"),
        (lambda: matching_optimiser(HeavyBall(1.0), 2.5, second_order=True), "at most 2"),
        (lambda: matching_optimiser(GradientFlow(), 0.1, second_order=True), "heavy ball"),
        (lambda: matching_optimiser(LinearFlow((1.0, 2.0)), 0.1), "Linear flows"),
        (lambda: matching_optimiser(GradientFlow(), 0.0), "step > 0"),
        (lambda: iterate_modes(GradientDescent(0.1), [1.0], -1), "steps >= 0"),
        (lambda: iterate_modes(GradientDescent(0.1), [math.inf], 3), "finite"),
        (lambda: train_relu(*problem(), GradientDescent(0.1), -1), "steps >= 0"),
        (lambda: train_relu(*problem(), GradientDescent(0.1), 3, record_every=0), "record_every >= 1"),
        (lambda: train_relu(*problem(), GradientDescent(0.1), 3, threads=0), "threads >= 1"),
        (lambda: train_relu(*problem(), [], 3), "empty"),
        (lambda: train_relu(np.eye(3), np.ones(2), np.ones((4, 3)), np.ones(4), GradientDescent(0.1), 1), "y of shape"),
        (lambda: train_relu(np.eye(3), np.ones(3), np.ones((4, 2)), np.ones(4), GradientDescent(0.1), 1), "W of shape"),
        (lambda: train_relu(np.eye(3), np.ones(3), np.ones((4, 3)), np.ones(5), GradientDescent(0.1), 1), "a of shape"),
        (
            lambda: train_relu(
                np.eye(3), np.ones(3), np.ones((2, 4, 3)), np.ones(4), [GradientDescent(0.1)] * 3, 1
            ),
            "2 of W, 3 of optimiser",
        ),
    ],
)
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        call()  # type: ignore[operator]


def test_optimisers_are_values() -> None:
    assert replace(HeavyBallMethod(0.1, 0.9), momentum=0.5) == HeavyBallMethod(0.1, 0.5)
    assert matching_optimiser(Nesterov(7.0), 0.1) == NesterovMethod(0.1 * 0.1, 7.0)
    assert matching_optimiser(GradientFlow(), 0.1) == GradientDescent(0.1)
