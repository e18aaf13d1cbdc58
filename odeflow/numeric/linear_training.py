"""How fast does a deep linear network train, step by step? Any depth, any widths, a whole grid of runs in one call.

    f(x) = W_N ... W_1 x,    L = (1/n) sum_i l(f(x_i), y_i)

`train_layers` trains all layers with an optimiser as its paper defines it; `train_end_to_end` is the rule that depth
induces on the product W = W_N ... W_1 when the layers are balanced,

    W <- (1 - eta lambda N) W - eta sum_j [W W^T]^{(j-1)/N} G [W^T W]^{(N-j)/N},    [A]^0 = I

Runs differ in initial weights, optimisers and learning rates, and advance together. For the square loss the points are
first replaced by the triangular factor of the inputs (as many rows as features), which changes neither the loss nor
its gradient. For the flow see `odeflow.numeric.linear_flow`, for other networks and minibatches
`odeflow.numeric.mlp_training`, whose optimisers and losses are meant here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import _linear_training_kernels as kernels
from odeflow.numeric._linear_layers import checked_depth
from odeflow.numeric._linear_training_runs import (
    Layers,
    LinearRun,
    Plan,
    Points,
    Rule,
    Stop,
    checked_stacks,
    rule_of,
    train_runs,
)
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import as_array, as_vector, refuse_overflow, require_positive
from odeflow.numeric.mlp_training import (
    AdaDelta,
    AdaGrad,
    Adam,
    GradientDescent,
    HeavyBallMethod,
    MlpOptimiser,
    NesterovMethod,
    NesterovStronglyConvex,
    RunStatus,
    number_of_runs,
)
from odeflow.numeric.networks import CrossEntropy, Loss, Network, PowerLoss, initial_parameters

__all__ = [
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "CrossEntropy",
    "GradientDescent",
    "HeavyBallMethod",
    "LinearRun",
    "NesterovMethod",
    "NesterovStronglyConvex",
    "PowerLoss",
    "RunStatus",
    "Stop",
    "initial_layers",
    "least_loss",
    "train_end_to_end",
    "train_layers",
]

Seed: TypeAlias = int | np.random.Generator
MEAN = PowerLoss(average=True)
"""The square loss as the papers write it: a mean over points of |f(x) - y|^2 / 2."""
SETTLED, EXPLAINED = 1e-15, 1e-14
"""Newton stops when the loss falls by no more than rounding, or errors are rounding of the targets."""


def initial_layers(
    widths: Sequence[int], seeds: Sequence[Seed], *, deviation: float = 0.01, identity: bool = False
) -> Layers:
    """Draw the layers of Arora et al.: independent normal entries, plus 1 on each diagonal with `identity`.

    Parameters
    ----------
    widths
        n_0, ..., n_N: features, hidden layers, outputs.
    seeds
        One a run.
    deviation
        Standard deviation of an entry, >= 0.
    identity
        Add 1 to the diagonal entries of every layer, also of those that are not square.

    Returns
    -------
    W_1, ..., W_N, each (s, n_j, n_{j-1}).

    Examples
    --------
    >>> [W.shape for W in initial_layers((3, 2, 1), [0, 1])]
    [(2, 2, 3), (2, 1, 2)]
    >>> initial_layers((3, 2), [0], deviation=0.0, identity=True)[0][0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    network = Network(tuple(widths), activation=Activation.IDENTITY, scaled=False)
    layers = network.split(initial_parameters(network, seeds, deviation=deviation))
    return tuple(W + identity * np.eye(*W.shape[1:]) for W, _ in layers)


def train_layers(
    layers: Sequence[ArrayLike],
    X: ArrayLike,
    Y: ArrayLike,
    optimiser: MlpOptimiser | Sequence[MlpOptimiser],
    steps: int,
    *,
    loss: Loss = MEAN,
    weight_decay: float = 0.0,
    record_every: int = 1,
    with_products: bool = False,
    levels: ArrayLike = (),
    stop: Stop = Stop.NEVER,
    threads: int = 1,
) -> LinearRun:
    """Train all layers of a deep linear network with full batches, for many weights and optimisers at once.

    Whichever of `layers`, `optimiser` and `levels` is given several times must be given equally often; the others are
    shared.

    Parameters
    ----------
    layers
        W_1, ..., W_N at step 0, 1 <= N <= 16, each (n_j, n_{j-1}), or all of them (s, n_j, n_{j-1}).
    X
        Inputs, (n, n_0), one row a point.
    Y
        Targets, (n, n_N), or (n,) if n_N = 1; for `CrossEntropy` class numbers 0, ..., n_N - 1, integers (n,).
    optimiser
        One, or s of them, kinds mixed at will: a grid of learning rates is one call.
    steps
        Number of steps >= 0.
    loss
        L. The default is a mean over points; note that `mlp_training` sums by default.
    weight_decay
        lambda >= 0: gradients are those of L + lambda sum_j |W_j|^2 / 2.
    record_every
        Record every so many steps; the first and the last step are always recorded.
    with_products
        Whether W_N ... W_1 is recorded as well.
    levels
        Losses whose first crossing is wanted, (q,), or (s, q) for every run its own.
    stop
        Whether runs end before the last step; needs levels.
    threads
        Groups of runs trained at the same time. With Stop.FIRST the runs of one group do not stop those of another.

    Returns
    -------
    LinearRun
        A diverged run is marked in `statuses`, not raised.

    Raises
    ------
    InvalidArgumentError
        Shapes or numbers of runs do not fit, or a number is out of range.

    References
    ----------
    Arora, Cohen and Hazan (2018), On the optimization of deep networks, section 8. Optimisers: see `Adam`, `AdaGrad`,
    `AdaDelta`, `HeavyBallMethod` and the others.

    Examples
    --------
    Three learning rates for one neuron a layer, of which the largest diverges:

    >>> rates = [GradientDescent(rate) for rate in (0.01, 0.1, 99.0)]
    >>> run = train_layers([[[0.1]], [[0.1]]], [[1.0]], [1.0], rates, 100, levels=[1e-3])
    >>> run.reached.tolist(), [status.value for status in run.statuses]
    ([[-1], [38], [-1]], ['finished', 'finished', 'diverged'])
    """
    weights = checked_stacks(layers)
    widths = (weights[0].shape[2], *(W.shape[1] for W in weights))
    data = Points.checked(widths[0], widths[-1], X, Y, loss)
    optimisers = list(optimiser) if isinstance(optimiser, Sequence) else [optimiser]
    starts = np.concatenate([W.reshape(len(W), -1) for W in weights], axis=1)
    return train_runs(
        widths,
        starts,
        data,
        [rule_of(one) for one in optimisers],
        Plan.checked(steps, record_every, weight_decay, with_products, levels, stop, threads),
    )


def train_end_to_end(
    initial: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    learning_rates: float | ArrayLike,
    steps: int,
    *,
    depth: int | Sequence[int],
    loss: Loss = MEAN,
    weight_decay: float = 0.0,
    record_every: int = 1,
    with_products: bool = False,
    levels: ArrayLike = (),
    stop: Stop = Stop.NEVER,
    threads: int = 1,
) -> LinearRun:
    """Iterate the end-to-end update rule of depth N on a single matrix.

    W <- (1 - eta lambda N) W - eta sum_j [W W^T]^{(j-1)/N} G [W^T W]^{(N-j)/N}, G = dL/dW, [A]^0 = I

    The fractional powers come from the SVD of W, whose singular values up to max(k, d) eps sigma_1 count as 0 (the
    eigenvalues of W W^T would lose half the digits, and all of them at high depth). For one output this is

    W <- (1 - eta lambda N) W - eta |W|^{2-2/N} (G + (N-1) <G, W> W / |W|^2)

    Parameters
    ----------
    initial
        W at step 0, (k, d), or (s, k, d).
    learning_rates
        eta > 0: one, or s of them.
    depth
        N, 1 to 16: one, or s of them. N = 1 is gradient descent.
    X, Y, steps, loss, weight_decay, record_every, with_products, levels, stop, threads
        As in `train_layers`.

    Returns
    -------
    LinearRun
        Its `layers` is (W,).

    Raises
    ------
    InvalidArgumentError
        As in `train_layers`.

    References
    ----------
    Arora, Cohen and Hazan (2018), equations (10) and (12).

    Examples
    --------
    The rule and a balanced network differ by the order of the learning rate:

    >>> from odeflow.numeric.linear_flow import balanced_layers
    >>> X, y, start = [[2.0, 0.0], [0.0, 1.0]], [2.0, 1.0], [[0.3, 0.1]]
    >>> for h in (0.01, 0.001):
    ...     rule = train_end_to_end(start, X, y, h, round(2 / h), depth=3, with_products=True)
    ...     net = train_layers(
    ...         balanced_layers(start, 3), X, y, GradientDescent(h), round(2 / h), with_products=True
    ...     )
    ...     print(f"{abs(rule.products - net.products).max():.1e}")
    3.7e-03
    3.7e-04
    """
    W = as_array("initial", initial, shape=(None,) * (3 if np.ndim(initial) == 3 else 2))
    W = W if W.ndim == 3 else W[None]
    k, d = W.shape[1:]
    data = Points.checked(d, k, X, Y, loss)
    rates = [
        require_positive("learning_rates", rate)
        for rate in as_vector("learning_rates", np.atleast_1d(np.asarray(learning_rates, dtype=np.float64)))
    ]
    depths = [checked_depth(one) for one in (depth if isinstance(depth, Sequence) else [depth])]
    count = number_of_runs({"learning_rates": len(rates), "depths": len(depths)})
    rules: list[Rule] = [
        (kernels.END_TO_END, (rates[run % len(rates)], float(depths[run % len(depths)]), 0.0, 0.0))
        for run in range(count)
    ]
    plan = Plan.checked(steps, record_every, weight_decay, with_products, levels, stop, threads)
    return train_runs((d, k), W.reshape(len(W), -1), data, rules, plan)


@refuse_overflow()
def least_loss(
    X: ArrayLike, Y: ArrayLike, *, loss: PowerLoss = MEAN, max_steps: int = 500
) -> tuple[float, Float[np.ndarray, "k d"]]:
    """Minimise an l_p loss over all linear predictors, by Newton's method in an orthonormal basis of the inputs.

    Parameters
    ----------
    X, Y
        As in `train_layers`.
    loss
        Which power; convex, so that its stationary point is its minimum.
    max_steps
        Give up after so many Newton steps an output.

    Returns
    -------
    The least loss, and a minimiser (of least norm in the directions that no point sees).

    Raises
    ------
    InvalidArgumentError
        Shapes do not fit, or Newton's method did not settle.

    Examples
    --------
    >>> value, W = least_loss([[1.0], [1.0], [1.0]], [0.0, 0.0, 3.0], loss=PowerLoss(4, average=True))
    >>> round(float(W[0, 0]), 6), round(value, 6)
    (1.32748, 1.169645)
    """
    inputs = as_array("X", X, shape=(None, None))
    outputs = 1 if np.ndim(Y) == 1 else np.shape(Y)[-1]
    data = Points.checked(inputs.shape[1], outputs, inputs, Y, loss)
    left, singular, right = np.linalg.svd(data.inputs, full_matrices=False)
    rank = int((singular > max(data.inputs.shape) * np.finfo(np.float64).eps * singular[0]).sum())
    Q = left[:, :rank]
    V = np.array([_minimise_power(Q, y, loss.power, max_steps) for y in data.targets.T])
    total = float(np.sum((V @ Q.T - data.targets.T) ** loss.power)) / loss.power
    return data.factor * total, (V / singular[:rank]) @ right[:rank]


def _minimise_power(
    Q: Float[np.ndarray, "n r"], y: Float[np.ndarray, " n"], power: int, max_steps: int
) -> Float[np.ndarray, " r"]:
    """Minimise sum (Q v - y)^p / p for orthonormal columns by damped Newton steps, the first of them least squares."""
    v = np.asarray(Q.T @ y)
    error = Q @ v - y
    value = float(np.sum(error**power))
    for _ in range(max_steps if power > 2 else 0):
        size = float(np.abs(error).max())
        if size <= EXPLAINED * float(np.abs(y).max()):
            return v
        # Errors relative to the largest: their powers then do not underflow together.
        weights = (error / size) ** (power - 2)
        hessian, slope = (Q.T * weights) @ Q, Q.T @ (weights * error)
        try:
            change = np.linalg.solve(hessian, slope) / (1.0 - power)
        except np.linalg.LinAlgError:  # fewer errors that are not 0 than unknowns
            change = np.linalg.lstsq(hessian, slope, rcond=None)[0] / (1.0 - power)
        moved, fraction = Q @ change, 1.0
        while (after := float(np.sum((error + fraction * moved) ** power))) > value and fraction > 1e-12:
            fraction *= 0.5
        if value - after <= SETTLED * value:
            return v if after > value else v + fraction * change
        v, value = v + fraction * change, after
        error = Q @ v - y
    if power > 2:
        raise InvalidArgumentError(f"Newton's method did not settle within {max_steps} steps. Raise max_steps.")
    return v
