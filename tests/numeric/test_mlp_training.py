"""Optimisers on networks of any depth: gradients by differences, steps by hand, other trainers of the package."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.activations import Activation
from odeflow.numeric.deep_kernels import mlp_ntk
from odeflow.numeric.linear_flow import flow_layers
from odeflow.numeric.mlp_training import (
    AdaDelta,
    AdaGrad,
    Adam,
    CrossEntropy,
    GradientDescent,
    HeavyBallMethod,
    Loss,
    MlpOptimiser,
    NesterovMethod,
    NesterovStronglyConvex,
    Network,
    PowerLoss,
    RunStatus,
    initial_parameters,
    loss_and_gradient,
    predict,
    train_mlp,
)
from odeflow.numeric.training import iterate_modes

EXACT = 1e-12
"""The same arithmetic in another order."""
DIFFERENCE = 1e-6
"""Central differences with step 1e-5 err by about 1e-10 / 1e-5 in rounding and (1e-5)^2 f''' / 6 in truncation."""

LOSSES: list[Loss] = [PowerLoss(), PowerLoss(4, average=True), CrossEntropy(), CrossEntropy(average=True)]
ALL: list[MlpOptimiser] = [
    GradientDescent(0.01),
    HeavyBallMethod(0.01, 0.8),
    HeavyBallMethod(0.01, 0.8, centred_start=True),
    NesterovMethod(0.01),
    NesterovStronglyConvex(0.01, 0.5),
    AdaGrad(0.05),
    AdaDelta(0.9, 1e-4),
    Adam(0.02),
]


def targets_for(loss: Loss, rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    return rng.integers(0, k, n) if isinstance(loss, CrossEntropy) else rng.standard_normal((n, k))


def total(network: Network, w: np.ndarray, X: np.ndarray, Y: np.ndarray, loss: Loss, decay: float) -> float:
    value = float(loss_and_gradient(network, w, X, Y, loss=loss)[0][0])
    weights = sum(float((W**2).sum()) for W, _ in network.split(w[None]))
    return value + 0.5 * decay * weights


@given(
    widths=st.lists(st.integers(1, 4), min_size=2, max_size=6).map(tuple),
    activation=st.sampled_from(Activation),
    biases=st.booleans(),
    scaled=st.booleans(),
    loss=st.sampled_from(LOSSES),
    decay=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60)
def test_gradients_agree_with_central_differences(
    widths: tuple[int, ...],
    activation: Activation,
    biases: bool,
    scaled: bool,
    loss: Loss,
    decay: float,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    network = Network(widths, activation, biases, scaled)
    w = 0.7 * rng.standard_normal(network.size)
    X, Y = rng.standard_normal((3, widths[0])), targets_for(loss, rng, 3, widths[-1])
    gradient = loss_and_gradient(network, w, X, Y, loss=loss, weight_decay=decay)[1][0]
    step = 1e-5
    for j in rng.choice(network.size, min(network.size, 6), replace=False):
        shift = step * np.eye(network.size)[j]
        values = [total(network, w + s * shift, X, Y, loss, decay) for s in (-1.0, 0.0, 1.0)]
        slopes = (values[1] - values[0]) / step, (values[2] - values[1]) / step
        scale = 1.0 + np.abs(gradient).max() + sum(map(abs, slopes))
        if abs(slopes[0] - slopes[1]) > 1e-2 * scale:
            continue  # the difference straddles a kink of ReLU
        # Curvature splits the two one-sided slopes; their mean is the central difference.
        assert abs(0.5 * sum(slopes) - gradient[j]) <= DIFFERENCE * scale**2


def test_gradients_of_a_tanh_network_agree_with_complex_steps_to_rounding() -> None:
    rng = np.random.default_rng(1)
    network = Network((3, 5, 4, 2), Activation.TANH, biases=True)
    w, X, Y = rng.standard_normal(network.size), rng.standard_normal((6, 3)), rng.standard_normal((6, 2))

    def loss_of(parameters: np.ndarray) -> complex:
        signal, at = X.astype(complex), 0
        for layer, (a, b) in enumerate([(3, 5), (5, 4), (4, 2)]):
            W = parameters[at : at + a * b].reshape(b, a)
            bias = parameters[at + a * b : at + a * b + b]
            at += a * b + b
            signal = signal @ W.T / (math.sqrt(a) if layer else 1.0) + bias
            signal = np.tanh(signal) if layer < 2 else signal
        return complex(((signal - Y) ** 2).sum() / 2)

    numeric = [loss_of(w + 1e-30j * unit).imag / 1e-30 for unit in np.eye(network.size)]
    values, gradient = loss_and_gradient(network, w, X, Y)
    np.testing.assert_allclose(gradient[0], numeric, rtol=0, atol=EXACT * 100)
    assert values[0] == pytest.approx(loss_of(w.astype(complex)).real, rel=EXACT)


def test_predictions_and_gradients_give_the_tangent_kernel_of_the_package() -> None:
    rng = np.random.default_rng(2)
    network = Network((3, 8, 6, 1))
    w, X = initial_parameters(network, [3]), rng.standard_normal((4, 3))
    outputs = predict(network, w, X)[0, :, 0]
    # with target f - 1 at one point, the gradient of the square loss is that of the prediction
    rows = [loss_and_gradient(network, w, X[[i]], [outputs[i] - 1.0])[1][0] for i in range(4)]
    expected = mlp_ntk(X, [W[0] for W, _ in network.split(w)])
    np.testing.assert_allclose(np.array(rows) @ np.array(rows).T, expected, rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize(
    "optimiser",
    [GradientDescent(0.1), HeavyBallMethod(0.1, 0.7), HeavyBallMethod(0.1, 0.7, centred_start=True),
     NesterovMethod(0.1, 4.0), NesterovStronglyConvex(0.1, 0.5)],
)  # fmt: skip
def test_one_linear_layer_follows_the_modes_of_the_quadratic(optimiser: MlpOptimiser) -> None:
    eigenvalues = np.array([0.3, 1.0, 2.5])
    run = train_mlp(
        Network((3, 1)), np.ones(3), np.diag(np.sqrt(eigenvalues)), np.zeros(3), optimiser, 30
    )
    positions = iterate_modes(optimiser, eigenvalues, 30)  # type: ignore[arg-type]
    np.testing.assert_allclose(run.losses[0], 0.5 * (eigenvalues[:, None] * positions**2).sum(axis=0), atol=EXACT)
    np.testing.assert_allclose(run.parameters[0], positions[:, -1], atol=EXACT)


def by_hand_adagrad(g: Callable[[float], float], w: float, steps: int) -> float:
    squares = 0.0
    for _ in range(steps):
        squares += g(w) ** 2
        w -= 0.05 * g(w) / (math.sqrt(squares) + 1e-8)
    return w


def by_hand_adadelta(g: Callable[[float], float], w: float, steps: int) -> float:
    gradients = updates = 0.0
    for _ in range(steps):
        gradients = 0.9 * gradients + 0.1 * g(w) ** 2
        update = -math.sqrt(updates + 1e-4) / math.sqrt(gradients + 1e-4) * g(w)
        updates = 0.9 * updates + 0.1 * update**2
        w += update
    return w


def by_hand_adam(g: Callable[[float], float], w: float, steps: int) -> float:
    mean = square = 0.0
    for t in range(1, steps + 1):
        gradient = g(w)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        w -= 0.02 * (mean / (1 - 0.9**t)) / (math.sqrt(square / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize(
    ("optimiser", "by_hand"),
    [(AdaGrad(0.05), by_hand_adagrad), (AdaDelta(0.9, 1e-4), by_hand_adadelta), (Adam(0.02), by_hand_adam)],
)
def test_adaptive_methods_follow_their_papers_step_by_step(
    optimiser: MlpOptimiser, by_hand: Callable[..., float]
) -> None:
    for steps in (1, 2, 17):
        run = train_mlp(Network((1, 1)), [0.2], [[1.5]], [0.9], optimiser, steps)
        expected = by_hand(lambda w: 1.5 * (1.5 * w - 0.9), 0.2, steps)
        assert run.parameters[0, 0] == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("threads", [1, 2])
def test_runs_in_a_stack_are_what_they_are_alone(batch_size: int | None, threads: int) -> None:
    rng = np.random.default_rng(4)
    network = Network((2, 6, 3), Activation.RELU, biases=True)
    X, Y = rng.standard_normal((8, 2)), rng.standard_normal((8, 3))
    optimisers = [*ALL, Adam(0.1), GradientDescent(0.03)]
    seeds = list(range(len(optimisers)))
    start = initial_parameters(network, seeds)
    together = train_mlp(
        network, start, X, Y, optimisers, 25, batch_size=batch_size, seeds=seeds, record_every=4, threads=threads
    )
    assert together.all_finished
    assert list(together.steps) == [0, 4, 8, 12, 16, 20, 24, 25]
    for run, optimiser in enumerate(optimisers):
        alone = train_mlp(
            network, start[run], X, Y, optimiser, 25, batch_size=batch_size, seeds=[seeds[run]], record_every=4
        )
        np.testing.assert_allclose(together.losses[run], alone.losses[0], rtol=EXACT)
        np.testing.assert_allclose(together.parameters[run], alone.parameters[0], rtol=0, atol=EXACT)


def test_a_diverging_run_is_named_and_leaves_the_others_alone() -> None:
    network = Network((2, 4, 1), Activation.IDENTITY)
    X, Y = np.eye(2), np.array([1.0, -1.0])
    start = initial_parameters(network, [0])
    rates = [0.05, 40.0, 0.1, 3.0]
    run = train_mlp(network, start, X, Y, [HeavyBallMethod(rate, 0.3) for rate in rates], 300, record_every=50)
    assert [status is RunStatus.DIVERGED for status in run.statuses] == [False, True, False, True]
    assert not run.all_finished
    assert (run.diverged_at[[0, 2]] == -1).all()
    for bad in (1, 3):
        after = run.steps >= run.diverged_at[bad]
        assert np.isinf(run.losses[bad, after]).all()
        assert np.isfinite(run.losses[bad, ~after]).all()
        assert np.isfinite(run.parameters[bad]).all()
    alone = train_mlp(network, start, X, Y, HeavyBallMethod(0.1, 0.3), 300, record_every=50)
    np.testing.assert_allclose(run.losses[2], alone.losses[0], rtol=EXACT, atol=EXACT)


def test_a_divergence_amid_an_epoch_leaves_the_batches_of_the_others_as_they_were() -> None:
    rng = np.random.default_rng(14)
    network = Network((2, 4, 1), Activation.IDENTITY)
    X, Y = rng.standard_normal((60, 2)), rng.standard_normal(60)
    start = initial_parameters(network, [0, 1, 2])
    optimisers = [GradientDescent(50.0), GradientDescent(1e-3), GradientDescent(2e-3)]
    together = train_mlp(network, start, X, Y, optimisers, 40, batch_size=2, seeds=[5, 6, 7])
    assert 0 < together.diverged_at[0] < 29
    for run in (1, 2):
        alone = train_mlp(network, start[run], X, Y, optimisers[run], 40, batch_size=2, seeds=[5 + run])
        np.testing.assert_allclose(together.parameters[run], alone.parameters[0], rtol=0, atol=EXACT)


def test_gradient_descent_on_a_deep_linear_network_tends_to_its_flow_at_first_order() -> None:
    rng = np.random.default_rng(6)
    network = Network((3, 4, 3, 2), Activation.IDENTITY, scaled=False)
    X, Y = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    start = initial_parameters(network, [7])
    flow = flow_layers([W[0] for W, _ in network.split(start)], Y.T, [0.5], inputs=X.T)
    errors = []
    for rate in (1e-3, 5e-4):
        run = train_mlp(network, start, X, Y, GradientDescent(rate), round(0.5 / rate), record_every=1000)
        layers = run.weights(0)
        errors.append(max(np.abs(a - b).max() for a, b in zip(layers, flow.layers, strict=True)))
    assert 1.9 < errors[0] / errors[1] < 2.1
    assert errors[1] < 1e-2


def test_weight_decay_shrinks_the_imbalance_at_the_rate_of_the_discrete_identity() -> None:
    # D_j(t+1) = (1 - eta lambda)^2 D_j(t) + eta^2 (G_{j+1}^T G_{j+1} - G_j G_j^T), for W_{j+1}^T G_{j+1} = G_j W_j^T
    network = Network((2, 3, 2), Activation.IDENTITY, scaled=False)
    rng = np.random.default_rng(8)
    X, Y = rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    start = initial_parameters(network, [9])
    eta, decay = 0.01, 0.7
    G = [g[0] for g, _ in network.split(loss_and_gradient(network, start, X, Y)[1])]
    W = [w[0] for w, _ in network.split(start)]
    after = train_mlp(network, start, X, Y, GradientDescent(eta), 1, weight_decay=decay).weights(0)
    expected = (1 - eta * decay) ** 2 * (W[1].T @ W[1] - W[0] @ W[0].T) + eta**2 * (G[1].T @ G[1] - G[0] @ G[0].T)
    np.testing.assert_allclose(after[1].T @ after[1] - after[0] @ after[0].T, expected, rtol=0, atol=EXACT)


def test_batches_visit_every_point_once_an_epoch_and_their_gradients_average_to_the_whole() -> None:
    rng = np.random.default_rng(10)
    X, Y = rng.standard_normal((6, 2)), rng.standard_normal(6)
    network, start = Network((2, 1)), np.array([0.3, -0.2])
    tiny = 1e-7  # the point barely moves in an epoch
    for loss in (PowerLoss(), PowerLoss(average=True)):
        whole = loss_and_gradient(network, start, X, Y, loss=loss)[1][0]
        epoch = train_mlp(network, start, X, Y, GradientDescent(tiny), 3, loss=loss, batch_size=2, seeds=[11])
        np.testing.assert_allclose((start - epoch.parameters[0]) / (3 * tiny), whole, rtol=0, atol=1e-4)
    once = [
        train_mlp(network, start, X, Y, GradientDescent(tiny), 1, batch_size=2, seeds=[s]).parameters[0]
        for s in (0, 0, 1)
    ]
    assert (once[0] == once[1]).all()
    assert (once[0] != once[2]).any()


def test_the_cross_entropy_is_finite_for_huge_outputs() -> None:
    network = Network((1, 2))
    values, gradient = loss_and_gradient(network, [1000.0, -1000.0], [[1.0], [1.0]], [0, 1], loss=CrossEntropy())
    assert values[0] == pytest.approx(2000.0)
    np.testing.assert_allclose(gradient, [[1.0, -1.0]], atol=EXACT)


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_every_optimiser_reduces_the_loss_of_a_classifier(optimiser: MlpOptimiser) -> None:
    rng = np.random.default_rng(12)
    X = rng.standard_normal((20, 3))
    labels = (X[:, 0] > 0).astype(np.int64)
    network = Network((3, 16, 2), Activation.TANH, biases=True)
    start = initial_parameters(network, [13])
    run = train_mlp(network, start, X, labels, optimiser, 300, loss=CrossEntropy(), batch_size=10, record_every=300)
    assert run.losses[0, -1] < 0.7 * run.losses[0, 0]


GOOD: dict[str, object] = {
    "network": Network((2, 1)), "parameters": np.ones(2), "X": np.eye(2), "Y": np.ones(2),
    "optimiser": GradientDescent(0.1), "steps": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": np.ones(3)}, "parameters of shape"),
        ({"X": np.ones((2, 3))}, "X of shape"),
        ({"Y": np.ones(3)}, "Y of shape"),
        ({"optimiser": []}, "at least one"),
        ({"seeds": []}, "at least one"),
        ({"optimiser": [GradientDescent(0.1)] * 2, "seeds": [0, 1, 2], "batch_size": 1}, "same number of runs"),
        ({"steps": -1}, "steps >= 0"),
        ({"record_every": 0}, "record_every >= 1"),
        ({"batch_size": 3}, "batch_size <= 2"),
        ({"threads": 0}, "threads >= 1"),
        ({"weight_decay": -1.0}, "weight_decay >= 0"),
        ({"loss": CrossEntropy(), "Y": np.ones(2)}, "integer class numbers"),
        ({"loss": CrossEntropy(), "Y": np.array([0, 1])}, "class numbers 0 to 0"),
        ({"optimiser": [GradientDescent(0.1)] * 2, "batch_size": 1, "seeds": [np.random.default_rng(0)]}, "generators"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        train_mlp(**{**GOOD, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network((3,)), "at least two widths"),
        (lambda: Network((3, 0)), r"widths\[1\] >= 1"),
        (lambda: PowerLoss(3), "even power"),
        (lambda: Adam(0.0), "learning_rate > 0"),
        (lambda: Adam(beta2=1.0), "beta2 < 1"),
        (lambda: AdaDelta(rho=-0.1), "rho < 1"),
        (lambda: AdaGrad(0.1, epsilon=0.0), "epsilon > 0"),
        (lambda: initial_parameters(Network((1, 1)), []), "at least one seed"),
    ],
)
def test_bad_values_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        make()
