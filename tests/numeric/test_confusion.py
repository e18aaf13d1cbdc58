"""Confusion of gradients: against differences, explicit back-propagation, hand computation, and within its memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import mlp_training
from odeflow.numeric.confusion import (
    Activation,
    Architecture,
    Confusion,
    CrossEntropy,
    Initialiser,
    LogisticLoss,
    PowerLoss,
    SampleLoss,
    batch_gradients,
    confusion_of_gradients,
    gradient_confusion,
    gradient_gram,
    initial_weights,
    minibatch_confusion,
    per_sample_gradients,
    sample_losses,
)
from odeflow.numeric.confusion_training import train_by_minibatches

EXACT = 1e-11
"""The same sums in another order, relative to the largest entry."""
DIFFERENCE = 2e-6
"""Central differences with step 1e-5: rounding 1e-16/1e-5 and truncation (1e-5)^2 f'''/6, on gradients of order one."""
LOSSES: list[SampleLoss] = [PowerLoss(), PowerLoss(4), CrossEntropy(), LogisticLoss()]
Shape = tuple[tuple[int, ...], Activation, bool, bool]
shapes = st.tuples(
    st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple),
    st.sampled_from(Activation),
    st.booleans(),
    st.booleans(),
)


def with_outputs(shape: Shape, loss: SampleLoss) -> Architecture:
    widths, activation, biases, skip = shape
    return Architecture((*widths, 1 if isinstance(loss, LogisticLoss) else 3), activation, biases, skip)


def data(
    architecture: Architecture, loss: SampleLoss, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw parameters (all of them, not only weights), inputs and targets."""
    w = rng.standard_normal(architecture.size) * 0.8
    X = rng.standard_normal((n, architecture.widths[0]))
    if isinstance(loss, CrossEntropy):
        return w, X, rng.integers(0, architecture.widths[-1], n)
    if isinstance(loss, LogisticLoss):
        return w, X, rng.choice([-1.0, 1.0], n)
    return w, X, rng.standard_normal((n, architecture.widths[-1]))


def difference(function: Any, w: np.ndarray, step: float = 1e-5) -> np.ndarray:
    return np.array([(function(w + step * e) - function(w - step * e)) / (2 * step) for e in np.eye(len(w))]).T


def away_from_kinks(architecture: Architecture, w: np.ndarray, X: np.ndarray) -> bool:
    """Whether no ReLU changes side within the step of the differences; checked by what the loss does there."""
    if architecture.activation is not Activation.RELU:
        return True
    a = X
    for number, layer in enumerate(architecture.split(w[None]), start=1):
        z = a @ layer.W[0].T + (0.0 if layer.bias is None else layer.bias[0])
        if layer.gain is not None and layer.shift is not None:
            z = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + architecture.epsilon) * layer.gain[0] + layer.shift[0]
        if number < architecture.depth and np.abs(z).min() < 1e-2:
            return False
        a = np.maximum(z, 0.0) + (a if architecture.skips(number) else 0.0)
    return True


@given(shapes, st.sampled_from(LOSSES), st.integers(0, 10_000))
@settings(max_examples=60)
def test_per_sample_gradients_agree_with_central_differences(shape: Shape, loss: SampleLoss, seed: int) -> None:
    a, rng = with_outputs(shape, loss), np.random.default_rng(seed)
    w, X, Y = data(a, loss, 4, rng)
    if not away_from_kinks(a, w, X):
        return
    by_differences = difference(lambda v: sample_losses(a, v, X, Y, loss=loss), w)
    found = per_sample_gradients(a, w, X, Y, loss=loss)
    scale = 1.0 + np.abs(found).max() ** 3  # third derivatives of a power loss grow like this
    np.testing.assert_allclose(found, by_differences, atol=DIFFERENCE * scale)


@given(shapes, st.sampled_from(LOSSES), st.integers(1, 5), st.integers(0, 2), st.integers(0, 10_000))
@settings(max_examples=60)
def test_the_layerwise_trick_is_the_gram_matrix_of_the_gradients(
    shape: Shape, loss: SampleLoss, block: int, kept: int, seed: int
) -> None:
    a, rng = with_outputs(shape, loss), np.random.default_rng(seed)
    w, X, Y = data(a, loss, 7, rng)
    gradients = per_sample_gradients(a, w, X, Y, loss=loss)
    gram = gradients @ gradients.T
    top = np.abs(gram).max()
    np.testing.assert_allclose(gradient_gram(a, w, X, Y, loss=loss), gram, atol=EXACT * top)
    # a budget for none, some, or all of the blocks gives the same numbers
    found = gradient_confusion(a, w, X, Y, loss=loss, block=block, memory=kept * 700)
    assert_same(found, gradients)


def assert_same(found: Confusion, gradients: np.ndarray) -> None:
    """Compare every statistic with its definition on the full matrix of pairs."""
    gram = gradients @ gradients.T
    top = max(np.abs(gram).max(), 1e-300)
    n = len(gram)
    upper = np.triu_indices(n, 1)
    assert found.count == n
    assert found.smallest_inner_product == pytest.approx(gram[upper].min(), abs=EXACT * top)
    assert gram[found.smallest_pair] == pytest.approx(gram[upper].min(), abs=EXACT * top)
    assert found.bound == pytest.approx(max(0.0, -gram[upper].min()), abs=EXACT * top)
    mean = gradients.mean(axis=0)
    assert found.mean_square == pytest.approx(np.mean(np.diag(gram)), rel=EXACT)
    assert found.square_of_mean == pytest.approx(float(mean @ mean), abs=EXACT * top)
    assert found.variance == pytest.approx(float(((gradients - mean) ** 2).sum() / n), abs=EXACT * top)
    assert found.mean_inner_product == pytest.approx(gram[upper].mean(), abs=EXACT * top)
    norms = np.linalg.norm(gradients, axis=1)
    sound = np.outer(norms, norms)[upper] > 1e-9 * top
    if sound.all():
        cosines = (gram / np.outer(norms, norms))[upper]
        assert found.undefined_pairs == 0
        assert found.smallest_cosine == pytest.approx(cosines.min(), abs=1e-9)
        assert found.mean_cosine == pytest.approx(cosines.mean(), abs=1e-9)
        assert found.cosine_counts.sum() == len(cosines)
        levels = np.array([0.0, 0.25, 0.5, 0.9, 1.0])
        expected = np.quantile(cosines, levels, method="inverted_cdf")
        np.testing.assert_allclose(found.cosine_quantiles(levels), expected, atol=2.6e-4)


@given(st.integers(2, 9), st.integers(1, 4), st.integers(1, 10), st.integers(0, 10_000))
def test_statistics_of_given_gradients_are_those_of_all_pairs(n: int, p: int, block: int, seed: int) -> None:
    gradients = np.random.default_rng(seed).standard_normal((n, p))
    assert_same(confusion_of_gradients(gradients, block=block), gradients)


def test_zero_gradients_have_no_cosine_but_an_inner_product() -> None:
    found = confusion_of_gradients([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    assert found.undefined_pairs == 2
    assert found.smallest_cosine == 1.0
    assert found.smallest_inner_product == found.bound == 0.0
    none = confusion_of_gradients(np.zeros((3, 2)))
    assert np.isnan([none.smallest_cosine, none.mean_cosine]).all()
    assert np.isnan(none.cosine_quantiles(np.array([0.5]))).all()
    assert none.cosine_pair == (-1, -1)


@given(shapes, st.sampled_from(LOSSES), st.booleans(), st.integers(0, 10_000))
@settings(max_examples=60)
def test_batch_gradients_agree_with_differences_also_with_batch_normalisation(
    shape: Shape, loss: SampleLoss, norm: bool, seed: int
) -> None:
    a, rng = with_outputs(shape, loss), np.random.default_rng(seed)
    a = Architecture(a.widths, a.activation, a.biases, a.skip, batch_norm=norm, epsilon=0.5)
    w, X, Y = data(a, loss, 8, rng)
    batches = rng.integers(0, 8, (3, 4))
    found = batch_gradients(a, w, X, Y, batches, loss=loss)
    for rows, gradient in zip(batches, found, strict=True):
        if not away_from_kinks(a, w, X[rows]):
            continue
        value = difference(lambda v, rows=rows: sample_losses(a, v, X[rows], Y[rows], loss=loss).mean(), w)
        np.testing.assert_allclose(gradient, value, atol=DIFFERENCE * (1.0 + np.abs(gradient).max() ** 3))
    assert_same(minibatch_confusion(a, w, X, Y, batches, loss=loss, memory=1), found)
    assert_same(minibatch_confusion(a, w, X, Y, batches, loss=loss), found)


@given(shapes, st.sampled_from([PowerLoss(), CrossEntropy()]), st.integers(0, 1000))
@settings(max_examples=40)
def test_plain_networks_have_the_gradients_of_the_other_trainer(shape: Shape, loss: Any, seed: int) -> None:
    """An independent route: `mlp_training` back-propagates one sample at a time."""
    a = with_outputs((*shape[:3], False), loss)
    w, X, Y = data(a, loss, 5, np.random.default_rng(seed))
    network = mlp_training.Network(a.widths, a.activation, biases=a.biases, scaled=False)
    one_by_one = [
        mlp_training.loss_and_gradient(network, w, X[i : i + 1], Y[i : i + 1], loss=loss)[1][0] for i in range(5)
    ]
    found = per_sample_gradients(a, w, X, Y, loss=loss)
    np.testing.assert_allclose(found, one_by_one, atol=EXACT * (1.0 + np.abs(found).max()))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("activation", Activation)
def test_gradients_agree_with_automatic_differentiation(activation: Activation, loss: SampleLoss) -> None:
    torch: Any = pytest.importorskip("torch")
    a = with_outputs(((3, 5, 5), activation, True, True), loss)
    w, X, Y = data(a, loss, 4, np.random.default_rng(3))
    functions = {"identity": lambda z: z, "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    weights = torch.tensor(w, requires_grad=True)
    rows = []
    for x, y in zip(X, Y, strict=True):
        signal, at = torch.tensor(x), 0
        for number, (before, after) in enumerate(zip(a.widths, a.widths[1:], strict=False), start=1):
            W = weights[at : at + before * after].reshape(after, before)
            at += before * after
            z = W @ signal + weights[at : at + after]
            at += after
            if number == a.depth:
                signal = z
            else:
                value = functions[activation.value](z)
                signal = signal + value if a.skips(number) else value
        if isinstance(loss, PowerLoss):
            value = ((signal - torch.tensor(y)) ** loss.power).sum() / loss.power
        elif isinstance(loss, LogisticLoss):
            value = torch.log1p(torch.exp(-float(y) * signal)).sum()
        else:
            value = -torch.log_softmax(signal, 0)[int(y)]
        (gradient,) = torch.autograd.grad(value, weights)
        rows.append(gradient.numpy())
    np.testing.assert_allclose(per_sample_gradients(a, w, X, Y, loss=loss), rows, atol=1e-10)


@pytest.mark.parametrize("activation", [Activation.TANH, Activation.RELU])
def test_a_thousand_layers_are_no_obstacle(activation: Activation) -> None:
    a = Architecture((5, *[6] * 1000, 3), activation, skip=True)
    rng = np.random.default_rng(0)
    w = initial_weights(a, 0) * 0.05  # residual blocks must be small for the signal to stay finite
    X, Y = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    gradients = per_sample_gradients(a, w, X, Y)
    assert_same(gradient_confusion(a, w, X, Y, block=4), gradients)


def test_a_layer_of_a_thousand_needs_no_gradient_of_a_million_entries() -> None:
    """50 gradients of 2e6 parameters would be 800 MB; layer states and pairs are below 10."""
    a = Architecture((1000, 1000, 1000, 2))
    rng = np.random.default_rng(1)
    w, X, Y = initial_weights(a, 0), rng.standard_normal((50, 1000)) / 31.0, rng.integers(0, 2, 50)
    tracemalloc.start()
    gradient_confusion(a, w, X, Y, block=10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6
    assert 8 * len(X) * a.size > 60 * peak


def test_memory_is_bounded_by_blocks_not_by_pairs() -> None:
    """All pairs of 3000 samples would be 72 MB, all layer states 13; blocks of 100 and a small budget stay below 5."""
    a = Architecture((4, 128, 128, 3))
    rng = np.random.default_rng(2)
    w, X, Y = initial_weights(a, 0), rng.standard_normal((3000, 4)), rng.integers(0, 3, 3000)
    tracemalloc.start()
    found = gradient_confusion(a, w, X, Y, block=100, memory=2**18)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6
    assert found.cosine_counts.sum() == 3000 * 2999 // 2


def test_the_budget_of_mini_batches_bounds_their_gradients() -> None:
    a = Architecture((100, 200, 200, 10), batch_norm=True)
    rng = np.random.default_rng(3)
    w, X, Y = initial_weights(a, 0), rng.standard_normal((160, 100)), rng.integers(0, 10, 160)
    batches = rng.permutation(160).reshape(20, 8)
    tracemalloc.start()
    few = minibatch_confusion(a, w, X, Y, batches, memory=4 * 8 * a.size)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # two blocks of two gradients, a copy while a block is put together, one gradient being computed, layer states
    assert peak < 8 * 8 * a.size
    many = minibatch_confusion(a, w, X, Y, batches)
    assert few.smallest_pair == many.smallest_pair
    assert few.bound == pytest.approx(many.bound, rel=1e-9)


def test_initial_weights_have_the_variances_of_their_names() -> None:
    a = Architecture((300, 100, 100), batch_norm=True)
    # the standard deviation of the variance of 30000 (10000) entries is 0.8 % (1.4 %)
    for initialiser, expected in (
        (Initialiser.GLOROT, (2 / 400, 1 / 100)),
        (Initialiser.LECUN, (1 / 300, 1 / 100)),
        (Initialiser.HE, (2 / 300, 2 / 100)),
    ):
        layers = a.split(initial_weights(a, 5, initialiser=initialiser)[None])
        for layer, variance in zip(layers, expected, strict=True):
            assert layer.W.var() == pytest.approx(variance, rel=0.07)
        assert layers[0].gain is not None
        assert (layers[0].gain == 1.0).all()
        assert layers[0].bias is not None
        assert not layers[0].bias.any()


def test_every_hidden_layer_with_as_many_outputs_as_inputs_adds_its_input() -> None:
    """Layer 1 (2 to 2) and layer 3 (3 to 3) do, layer 2 (2 to 3) and the last (3 to 3) do not."""
    a = Architecture((2, 2, 3, 3, 3), skip=True)
    assert [a.skips(layer) for layer in range(1, 5)] == [True, False, True, False]
    w, X, Y = data(a, PowerLoss(), 4, np.random.default_rng(8))
    (first, second, third, last) = a.split(w[None])

    def z(layer: Any, signal: np.ndarray) -> np.ndarray:
        return np.asarray(signal @ layer.W[0].T + layer.bias[0])

    one = X + np.tanh(z(first, X))
    two = np.tanh(z(second, one))
    three = two + np.tanh(z(third, two))
    by_hand = 0.5 * ((z(last, three) - Y) ** 2).sum(axis=1)
    np.testing.assert_allclose(sample_losses(a, w, X, Y, loss=PowerLoss()), by_hand, rtol=1e-13)


def test_batch_normalised_layers_do_not_see_scale_or_bias_of_what_comes_before() -> None:
    a = Architecture((3, 4, 4, 2), batch_norm=True, epsilon=1e-12)
    w, X, Y = data(a, CrossEntropy(), 10, np.random.default_rng(4))
    moved = w.copy()
    first = a.split(moved[None])[0]
    first.W[:] *= 3.0
    assert first.bias is not None
    first.bias[:] += 7.0
    np.testing.assert_allclose(sample_losses(a, w, X, Y), sample_losses(a, moved, X, Y), rtol=1e-8)
    gradient = batch_gradients(a, w, X, Y, [np.arange(10)])
    part = a.split(gradient)[0]
    assert part.bias is not None
    np.testing.assert_allclose(part.bias, 0.0, atol=1e-12)


# training


def test_one_step_subtracts_the_gradient_of_the_batch() -> None:
    a = Architecture((3, 4, 4, 2), skip=True, batch_norm=True)
    w, X, Y = data(a, CrossEntropy(), 6, np.random.default_rng(5))
    run = train_by_minibatches(a, np.stack([w, w]), X, Y, [0.1, 0.2], 1, batch_size=6)
    gradient = batch_gradients(a, w, X, Y, [np.arange(6)])
    np.testing.assert_allclose(run.parameters, w - np.array([[0.1], [0.2]]) * gradient, atol=1e-12)
    for parameters, loss in zip(run.parameters, run.losses, strict=True):
        assert loss == pytest.approx(sample_losses(a, parameters, X, Y).mean(), rel=1e-12)


def test_full_batches_agree_with_the_other_trainer() -> None:
    a = Architecture((3, 5, 2))
    w, X, Y = data(a, CrossEntropy(), 8, np.random.default_rng(6))
    network = mlp_training.Network(a.widths, Activation.TANH, biases=True, scaled=False)
    other = mlp_training.train_mlp(
        network, w, X, Y, mlp_training.GradientDescent(0.3), 50, loss=CrossEntropy(average=True)
    )
    run = train_by_minibatches(a, w[None], X, Y, [0.3], 50, batch_size=8)
    np.testing.assert_allclose(run.parameters, other.parameters, rtol=1e-9, atol=1e-11)
    assert run.losses[0] == pytest.approx(other.losses[0, -1], rel=1e-9)


def test_an_epoch_uses_every_sample_once() -> None:
    """With a linear model on orthonormal inputs each sample moves its own weight only, by alpha (y_i - w_i)."""
    a = Architecture((6, 1), biases=False)
    y = np.arange(1.0, 7.0)
    run = train_by_minibatches(a, np.zeros((1, 6)), np.eye(6), y, [0.5], 12, batch_size=1, loss=PowerLoss())
    np.testing.assert_allclose(run.parameters[0], 0.75 * y)


def test_runs_stop_at_the_level_and_others_go_on() -> None:
    a = Architecture((1, 1), biases=False)
    X, Y = np.ones((4, 1)), np.full(4, 2.0)
    run = train_by_minibatches(
        a, np.zeros((3, 1)), X, Y, [0.5, 0.01, 9.0], 100, batch_size=2, loss=PowerLoss(), stop_below=0.5, look_every=1
    )
    # w = 2 (1 - (1 - alpha)^k), loss 2 (1 - alpha)^{2k} <= 1/2: k = 1, 69
    assert run.steps.tolist()[:2] == [1, 69]
    assert run.reached.tolist() == [True, True, False]
    assert run.losses[0] == pytest.approx(0.5)
    late = train_by_minibatches(a, np.zeros((1, 1)), X, Y, [9.0], 1000, batch_size=2, loss=PowerLoss())
    assert late.losses[0] == np.inf
    assert run.best == 1


# errors


def test_bad_arguments_are_refused_with_what_to_do() -> None:
    a, X = Architecture((2, 1)), np.ones((3, 2))
    w = np.zeros(a.size)
    deep, two = Architecture((2, 3, 1), batch_norm=True), Architecture((2, 2))
    huge = Architecture((2, 2, 1), Activation.IDENTITY)
    with pytest.raises(InvalidArgumentError, match="Use minibatch_confusion"):
        gradient_confusion(deep, np.zeros(deep.size), X, [0.0, 0.0, 0.0], loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="at least two samples"):
        gradient_confusion(a, w, X[:1], [0.0], loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="at least two gradients"):
        confusion_of_gradients([[1.0]])
    with pytest.raises(InvalidArgumentError, match="at least two mini-batches"):
        minibatch_confusion(a, w, X, np.ones(3), [[0, 1]], loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="row numbers 0 to 2"):
        batch_gradients(a, w, X, np.ones(3), [[0, 3]], loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="integers of shape"):
        batch_gradients(a, w, X, np.ones(3), [[0.5]], loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="one output for LogisticLoss"):
        gradient_gram(two, np.zeros(two.size), X, np.ones(3), loss=LogisticLoss())
    with pytest.raises(InvalidArgumentError, match="overflow"):
        gradient_confusion(huge, np.full(huge.size, 1e200), X, np.ones(3), loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="epsilon > 0"):
        Architecture((2, 1), epsilon=0.0)
    with pytest.raises(InvalidArgumentError, match="two widths"):
        Architecture((2,))
    with pytest.raises(InvalidArgumentError, match="learning_rates > 0"):
        train_by_minibatches(a, w[None], X, np.ones(3), [0.0], 1, batch_size=1, loss=PowerLoss())
    with pytest.raises(InvalidArgumentError, match="1 or 1 seeds"):
        train_by_minibatches(a, w[None], X, np.ones(3), [1.0], 1, batch_size=1, loss=PowerLoss(), seeds=(1, 2))
    with pytest.raises(InvalidArgumentError, match="batch_size <= 3"):
        train_by_minibatches(a, w[None], X, np.ones(3), [1.0], 1, batch_size=4, loss=PowerLoss())
