"""How much do the gradients of different samples contradict each other? Confusion of networks of any depth.

    eta = max(0, -min_{i != j} <g_i, g_j>),   g_i = gradient of f_i, the loss of sample i, by all parameters

Sankararaman, De, Xu, Huang and Goldstein (2020), definition 2.1. Per-sample gradients are never formed: in a fully
connected network <g_i, g_j> is a sum over layers of (a_i . a_j + 1) (d_i . d_j), a what enters the layer, d the
derivatives by its pre-activations, 1 for the bias. Pairs are looked at one block at a time. Training is in
`odeflow.numeric.confusion_training`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._confusion_layers import (
    Architecture,
    LogisticLoss,
    SampleLoss,
    back_through,
    forward,
    gradient,
    loss_of_outputs,
)
from odeflow.numeric._confusion_pairs import Confusion, collect
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import as_array, as_matrix, as_vector, refuse_overflow, require_count
from odeflow.numeric.networks import CrossEntropy, PowerLoss, Seed, Targets, checked_points

__all__ = [
    "Activation",
    "Architecture",
    "Confusion",
    "CrossEntropy",
    "Initialiser",
    "LogisticLoss",
    "PowerLoss",
    "SampleLoss",
    "batch_gradients",
    "confusion_of_gradients",
    "gradient_confusion",
    "gradient_gram",
    "initial_weights",
    "minibatch_confusion",
    "per_sample_gradients",
    "sample_losses",
]

BLOCK = 256
"""Rows of a block of pairs."""
MEMORY = 2**28
"""Bytes of layer states that are kept for later blocks instead of computed again."""

CLASSES = CrossEntropy()

State = list[tuple[Float[np.ndarray, "_ _"], Float[np.ndarray, "_ _"]]]


class Initialiser(Enum):
    """Variance of a weight: GLOROT 2/(n_{l-1} + n_l), LECUN 1/n_{l-1}, HE 2/n_{l-1}.

    The first two are the same on square layers.
    """

    GLOROT = "glorot"
    LECUN = "lecun"
    HE = "he"


def initial_weights(
    architecture: Architecture, seed: Seed, *, initialiser: Initialiser = Initialiser.GLOROT
) -> Float[np.ndarray, " p"]:
    """Draw independent normal weights; biases and beta_l are 0, gamma_l are 1.

    Parameters
    ----------
    architecture
        The network.
    seed
        Seed or generator.
    initialiser
        Which variance.

    Returns
    -------
    Parameters, (P,).

    References
    ----------
    Glorot and Bengio (2010); LeCun, Bottou, Orr and Mueller (2012); He, Zhang, Ren and Sun (2015).

    Examples
    --------
    >>> initial_weights(Architecture((2, 3, 1)), 0).shape
    (13,)
    """
    rng = np.random.default_rng(seed)
    drawn: Float[np.ndarray, " p"] = np.zeros(architecture.size)
    for layer in architecture.split(drawn[None]):
        _, after, before = layer.W.shape
        variance = {
            Initialiser.GLOROT: 2.0 / (before + after),
            Initialiser.LECUN: 1.0 / before,
            Initialiser.HE: 2.0 / before,
        }[initialiser]
        layer.W[0] = np.sqrt(variance) * rng.standard_normal((after, before))
        if layer.gain is not None:
            layer.gain[:] = 1.0
    return drawn


@refuse_overflow(but=("smallest_cosine", "mean_cosine"))
def gradient_confusion(
    architecture: Architecture,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    loss: SampleLoss = CLASSES,
    block: int = BLOCK,
    memory: int = MEMORY,
) -> Confusion:
    """Compute the confusion of the per-sample gradients, over all pairs of samples.

    Beside the layer states that `memory` allows to keep, two blocks of them and one block of pairs are in memory; with
    a budget too small for all samples the others are computed again for every row of blocks.

    Parameters
    ----------
    architecture
        Without batch normalisation, which leaves no gradient of one sample: see `minibatch_confusion`.
    parameters
        (P,).
    X
        Inputs, (n, n_0), n >= 2.
    Y
        Targets, (n, n_L) or (n,) if n_L = 1; labels, (n,), for `LogisticLoss`; class numbers, integers (n,), for
        `CrossEntropy`. `average` of a loss is not looked at: f_i is the loss of one sample.
    loss
        f_i.
    block
        Samples of a block.
    memory
        Bytes.

    Returns
    -------
    Confusion

    Raises
    ------
    InvalidArgumentError
        Shapes do not fit, an entry is not finite, the architecture has batch normalisation, or gradients overflow.

    Examples
    --------
    Two parabolas (w - 1)^2/2 and (w + 1)^2/2 at w = 0 pull in opposite directions:

    >>> line = Architecture((1, 1), biases=False)
    >>> found = gradient_confusion(line, [0.0], [[1.0], [1.0]], [1.0, -1.0], loss=PowerLoss())
    >>> found.bound, found.smallest_cosine, found.variance
    (1.0, -1.0, 1.0)
    """
    samples = _Samples(architecture, parameters, X, Y, loss, block, memory)
    return samples.confusion()


@refuse_overflow()
def gradient_gram(
    architecture: Architecture, parameters: ArrayLike, X: ArrayLike, Y: ArrayLike, *, loss: SampleLoss = CLASSES
) -> Float[np.ndarray, "n n"]:
    """Compute all inner products <g_i, g_j> of per-sample gradients as one matrix.

    Parameters
    ----------
    architecture, parameters, X, Y, loss
        As for `gradient_confusion`.

    Examples
    --------
    >>> line = Architecture((1, 1), biases=False)
    >>> gradient_gram(line, [0.0], [[1.0], [1.0]], [1.0, -1.0], loss=PowerLoss())
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    samples = _Samples(architecture, parameters, X, Y, loss, np.shape(X)[0] if np.ndim(X) else 1, 0)
    state = samples.state(0)
    return samples.products(state, state)


@refuse_overflow()
def per_sample_gradients(
    architecture: Architecture, parameters: ArrayLike, X: ArrayLike, Y: ArrayLike, *, loss: SampleLoss = CLASSES
) -> Float[np.ndarray, "n p"]:
    """Compute the per-sample gradients themselves, n P numbers; for pairs alone `gradient_confusion` needs far fewer.

    Parameters
    ----------
    architecture, parameters, X, Y, loss
        As for `gradient_confusion`.

    Examples
    --------
    >>> per_sample_gradients(Architecture((1, 1)), [0.0, 0.0], [[2.0], [1.0]], [1.0, -1.0], loss=PowerLoss())
    array([[-2., -1.],
           [ 1.,  1.]])
    """
    samples = _Samples(architecture, parameters, X, Y, loss, np.shape(X)[0] if np.ndim(X) else 1, 0)
    gradients = np.empty((samples.count, architecture.size))
    parts = architecture.split(gradients)
    for part, (entered, delta) in zip(parts, samples.state(0), strict=True):
        np.multiply(delta[:, :, None], entered[:, None, :], out=part.W)
        if part.bias is not None:
            part.bias[:] = delta
    return gradients


@refuse_overflow()
def batch_gradients(
    architecture: Architecture,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    batches: ArrayLike,
    *,
    loss: SampleLoss = CLASSES,
) -> Float[np.ndarray, "k p"]:
    """Compute the gradients of the mean losses of mini-batches, each normalised by its own statistics.

    Parameters
    ----------
    architecture, parameters, X, Y, loss
        As for `gradient_confusion`; batch normalisation is allowed.
    batches
        Row numbers of X, integers (k, b).

    Examples
    --------
    >>> batch_gradients(Architecture((1, 1)), [0.0, 0.0], [[2.0], [1.0]], [1.0, -1.0], [[0, 1]], loss=PowerLoss())
    array([[-0.5,  0. ]])
    """
    points, chosen = _Points(architecture, parameters, X, Y, loss), _checked_batches(batches, X)
    return points.gradients_of(chosen)


@refuse_overflow(but=("smallest_cosine", "mean_cosine"))
def minibatch_confusion(
    architecture: Architecture,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    batches: ArrayLike,
    *,
    loss: SampleLoss = CLASSES,
    memory: int = MEMORY,
) -> Confusion:
    """Compute the confusion of mini-batch gradients, over all pairs of mini-batches.

    45 batches give 990 pairs. Two blocks of gradients are in memory, of as many rows as fit into half of `memory`
    each, one at least.

    Parameters
    ----------
    architecture, parameters, X, Y, batches, loss
        As for `batch_gradients`; at least two batches.
    memory
        Bytes.

    Examples
    --------
    >>> line = Architecture((1, 1), biases=False)
    >>> batches = [[0, 1], [2, 3]]
    >>> minibatch_confusion(line, [0.0], np.ones((4, 1)), [3.0, 1.0, -1.0, -1.0], batches, loss=PowerLoss()).bound
    2.0
    """
    points, chosen = _Points(architecture, parameters, X, Y, loss), _checked_batches(batches, X)
    if len(chosen) < 2:
        raise InvalidArgumentError("Expected at least two mini-batches but got one. Pairs are compared.")
    rows = min(len(chosen), max(1, require_count("memory", memory) // (16 * architecture.size)))
    starts = range(0, len(chosen), rows)

    squares = np.empty(len(chosen))

    def blocks() -> Iterator[tuple[int, int, Float[np.ndarray, "a b"]]]:
        for second in starts:
            right = points.gradients_of(chosen[second : second + rows])
            squares[second : second + rows] = np.einsum("bp,bp->b", right, right)
            yield second, second, right @ right.T
            for first in range(0, second, rows):
                yield first, second, points.gradients_of(chosen[first : first + rows]) @ right.T
            del right  # before the next block of gradients is computed

    return _finite(collect(len(chosen), squares, blocks()))


@refuse_overflow(but=("smallest_cosine", "mean_cosine"))
def confusion_of_gradients(gradients: ArrayLike, *, block: int = BLOCK) -> Confusion:
    """Compute the confusion of gradients that are given as rows.

    Parameters
    ----------
    gradients
        (n, P), n >= 2.
    block
        Rows of a block of pairs.

    Examples
    --------
    >>> found = confusion_of_gradients([[1.0, 0.0], [-1.0, 1.0], [0.0, 3.0]])
    >>> found.bound, found.smallest_pair, found.mean_inner_product
    (1.0, (0, 1), 0.6666666666666666)
    """
    rows = as_matrix("gradients", gradients)
    if len(rows) < 2:
        raise InvalidArgumentError("Expected at least two gradients but got one. Pairs are compared.")
    size = require_count("block", block)
    squares = np.einsum("np,np->n", rows, rows)

    def blocks() -> Iterator[tuple[int, int, Float[np.ndarray, "a b"]]]:
        for first in range(0, len(rows), size):
            for second in range(first, len(rows), size):
                yield first, second, rows[first : first + size] @ rows[second : second + size].T

    return _finite(collect(len(rows), squares, blocks()))


@refuse_overflow()
def sample_losses(
    architecture: Architecture, parameters: ArrayLike, X: ArrayLike, Y: ArrayLike, *, loss: SampleLoss = CLASSES
) -> Float[np.ndarray, " n"]:
    """Compute f_i for every sample; batch normalisation uses the statistics of all samples together.

    Parameters
    ----------
    architecture, parameters, X, Y, loss
        As for `gradient_confusion`.

    Examples
    --------
    >>> sample_losses(Architecture((1, 1)), [0.0, 0.0], [[2.0], [1.0]], [1.0, -1.0], loss=PowerLoss())
    array([0.5, 0.5])
    """
    points = _Points(architecture, parameters, X, Y, loss)
    outputs, _ = forward(architecture, architecture.split(points.parameters), points.inputs)
    values: Float[np.ndarray, " n"] = loss_of_outputs(outputs, points.targets, loss)[0][0]
    return values


class _Points:
    """Checked parameters, (1, P), inputs and targets."""

    def __init__(
        self, architecture: Architecture, parameters: ArrayLike, X: ArrayLike, Y: ArrayLike, loss: SampleLoss
    ) -> None:
        self.architecture, self.loss = architecture, loss
        self.parameters = as_vector("parameters", parameters, length=architecture.size)[None]
        self.inputs, self.targets = checked_samples(architecture, X, Y, loss)

    def gradients_of(self, batches: Int[np.ndarray, "k b"]) -> Float[np.ndarray, "k p"]:
        """Return the gradients of the mean losses of some batches."""
        gradients = np.empty((len(batches), self.architecture.size))
        with np.errstate(over="ignore", invalid="ignore"):
            for k, rows in enumerate(batches):
                X, Y = self.inputs[rows], self.targets[rows]
                gradients[k] = gradient(self.architecture, self.parameters, X, Y, self.loss)[1][0]
        return gradients


class _Samples(_Points):
    """Layer states of samples, kept as long as the budget allows."""

    def __init__(
        self,
        architecture: Architecture,
        parameters: ArrayLike,
        X: ArrayLike,
        Y: ArrayLike,
        loss: SampleLoss,
        block: int,
        memory: int,
    ) -> None:
        super().__init__(architecture, parameters, X, Y, loss)
        if architecture.batch_norm:
            raise InvalidArgumentError(
                "Expected an architecture without batch normalisation, which couples samples: there is no gradient of "
                "one of them. Use minibatch_confusion."
            )
        self.block, self.count = require_count("block", block), len(self.inputs)
        widths = architecture.widths
        state = 8 * (sum(widths[:-1]) + sum(widths[1:])) * min(self.block, self.count)
        self.room = require_count("memory", memory, minimum=0) // state
        self.kept: dict[int, State] = {}

    def state(self, start: int) -> State:
        """Return what enters each layer and the derivatives by its pre-activations, first layer first."""
        if start in self.kept:
            return self.kept[start]
        rows = slice(start, start + self.block)
        layers = self.architecture.split(self.parameters)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs, passed = forward(self.architecture, layers, self.inputs[rows])
            back = loss_of_outputs(outputs, self.targets[rows], self.loss)[1]
            way = back_through(self.architecture, layers, passed, back)
            deltas = [delta[0] for _, delta, _ in way][::-1]
        state = [(p.entered.reshape(len(d), -1), d) for p, d in zip(passed, deltas, strict=True)]
        if len(self.kept) < self.room:
            self.kept[start] = state
        return state

    def products(self, left: State, right: State) -> Float[np.ndarray, "a b"]:
        """Return <g_i, g_j> for two blocks, summed over layers."""
        total = np.zeros((len(left[0][0]), len(right[0][0])))
        with np.errstate(over="ignore", invalid="ignore"):
            for (a, d), (other_a, other_d) in zip(left, right, strict=True):
                inputs = a @ other_a.T
                if self.architecture.biases:
                    inputs += 1.0
                inputs *= d @ other_d.T
                total += inputs
        return total

    def confusion(self) -> Confusion:
        """Go through the blocks of pairs."""
        if self.count < 2:
            raise InvalidArgumentError("Expected at least two samples but got one. Pairs are compared.")
        squares = np.empty(self.count)

        def blocks() -> Iterator[tuple[int, int, Float[np.ndarray, "a b"]]]:
            for second in range(0, self.count, self.block):
                right = self.state(second)
                own = self.products(right, right)
                squares[second : second + self.block] = np.diag(own)
                yield second, second, own
                for first in range(0, second, self.block):
                    yield first, second, self.products(self.state(first), right)

        return _finite(collect(self.count, squares, blocks()))


def checked_samples(
    architecture: Architecture, X: ArrayLike, Y: ArrayLike, loss: SampleLoss
) -> tuple[Float[np.ndarray, "n d"], Targets]:
    """Return inputs and targets of the right shapes, or raise InvalidArgumentError."""
    if not isinstance(loss, LogisticLoss):
        return checked_points(architecture.network, X, Y, loss)
    if architecture.widths[-1] != 1:
        raise InvalidArgumentError(
            f"Expected one output for LogisticLoss but got {architecture.widths[-1]}. Use CrossEntropy for classes."
        )
    inputs = as_matrix("X", X, columns=architecture.widths[0])
    shape = (len(inputs),) if np.ndim(Y) == 1 else (len(inputs), 1)
    return inputs, as_array("Y", Y, shape=shape).reshape(-1, 1)


def _checked_batches(batches: ArrayLike, X: ArrayLike) -> Int[np.ndarray, "k b"]:
    rows, points = np.asarray(batches), np.shape(X)[0]
    if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"Expected batches to be integers of shape (k, b) but got shape {rows.shape}, dtype {rows.dtype}."
        )
    if rows.min() < 0 or rows.max() >= points:
        raise InvalidArgumentError(
            f"Expected row numbers 0 to {points - 1} in batches but got {rows.min()} to {rows.max()}."
        )
    return rows.astype(np.int64)


def _finite(found: Confusion) -> Confusion:
    if not np.isfinite([found.mean_square, found.smallest_inner_product, found.mean_inner_product]).all():
        raise InvalidArgumentError("Expected finite gradients but they overflow. Rescale the parameters or the data.")
    return found
