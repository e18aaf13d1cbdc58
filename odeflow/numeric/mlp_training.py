"""What do practical optimisers do to a network of any depth, for many seeds and learning rates at once?

    f(x) = s_L W_L phi(... phi(s_1 W_1 x + b_1) ...) + b_L

Runs are stacked: one matrix product serves a layer of all runs of one kind of optimiser. The networks themselves are in
`odeflow.numeric.networks`; their names are offered here too. Their flow is in `odeflow.numeric.weight_flow`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._backpropagation import backpropagate
from odeflow.numeric._backpropagation import losses as losses_of
from odeflow.numeric._mlp_updates import AdaDelta, AdaGrad, Adam, MlpOptimiser, Update
from odeflow.numeric.arrays import require_count, require_nonnegative
from odeflow.numeric.networks import (
    SQUARE,
    CrossEntropy,
    Loss,
    Network,
    PowerLoss,
    Seed,
    Targets,
    checked_parameters,
    checked_points,
    initial_parameters,
    loss_and_gradient,
    predict,
)
from odeflow.numeric.optimisers import GradientDescent, HeavyBallMethod, NesterovMethod, NesterovStronglyConvex
from odeflow.numeric.training import RunStatus

__all__ = [
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "CrossEntropy",
    "GradientDescent",
    "HeavyBallMethod",
    "Loss",
    "MlpOptimiser",
    "MlpRun",
    "NesterovMethod",
    "NesterovStronglyConvex",
    "Network",
    "PowerLoss",
    "RunStatus",
    "initial_parameters",
    "loss_and_gradient",
    "predict",
    "train_mlp",
]


@dataclass(frozen=True, eq=False)
class MlpRun:
    """What was recorded of s runs at k steps.

    After a divergence the losses of that run are infinite, and its parameters are those of the last step with a finite
    loss.

    Attributes
    ----------
    network
        The network trained.
    steps
        Recorded step numbers, (k,): 0, record_every, 2 record_every, ..., and the last step.
    losses
        L on all points, without weight decay, (s, k).
    parameters
        Final parameters, (s, P).
    statuses
        One `RunStatus` a run.
    diverged_at
        First step at which the loss on the points of that step was not finite, (s,); -1 for runs that finished.
    """

    network: Network
    steps: Int[np.ndarray, " k"]
    losses: Float[np.ndarray, "s k"]
    parameters: Float[np.ndarray, "s p"]
    statuses: tuple[RunStatus, ...]
    diverged_at: Int[np.ndarray, " s"]

    @property
    def all_finished(self) -> bool:
        """Whether no run diverged."""
        return all(status is RunStatus.FINISHED for status in self.statuses)

    def weights(self, run: int) -> tuple[Float[np.ndarray, "_ _"], ...]:
        """Return the final W_1, ..., W_L of one run."""
        return tuple(W[run].copy() for W, _ in self.network.split(self.parameters))


def train_mlp(
    network: Network,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    optimiser: MlpOptimiser | Sequence[MlpOptimiser],
    steps: int,
    *,
    loss: Loss = SQUARE,
    weight_decay: float = 0.0,
    batch_size: int | None = None,
    seeds: Sequence[Seed] = (0,),
    record_every: int = 1,
    threads: int = 1,
) -> MlpRun:
    """Train all layers, for many initial parameters, optimisers and seeds at once.

    Whichever of `parameters`, `optimiser` and `seeds` is given several times must be given equally often; the others
    are shared.

    Parameters
    ----------
    network, X, Y, loss, weight_decay
        As in `loss_and_gradient`.
    parameters
        Initial parameters, (s, P) or (P,); not modified.
    optimiser
        One, or s of them, kinds mixed at will.
    steps
        Number of steps >= 0.
    batch_size
        Points of a step; all of them if None. Each run shuffles its points anew every epoch and drops what is left
        over; the gradient of a batch is scaled to be an unbiased estimate of that of L.
    seeds
        For the shuffles; unused without `batch_size`. An int shared by several runs gives them the same batches; a
        generator cannot be shared.
    record_every
        Record every so many steps; the first and the last step are always recorded.
    threads
        Groups of runs trained at the same time; results do not depend on it beyond rounding.

    Returns
    -------
    MlpRun; a diverged run is marked in `statuses`, not raised.

    Raises
    ------
    InvalidArgumentError
        Shapes or numbers of runs do not fit, or a number is out of range.

    Examples
    --------
    >>> from odeflow.numeric.activations import Activation
    >>> network = Network((1, 1, 1), activation=Activation.IDENTITY)
    >>> run = train_mlp(network, [0.5, 0.5], [[1.0]], [1.0], [GradientDescent(0.1), GradientDescent(9.0)], 200)
    >>> bool(run.losses[0, -1] < 1e-12), [status.value for status in run.statuses]
    (True, ['finished', 'diverged'])
    """
    start = checked_parameters(network, parameters)
    inputs, targets = checked_points(network, X, Y, loss)
    optimisers = list(optimiser) if isinstance(optimiser, Sequence) else [optimiser]
    runs = number_of_runs({"parameters": len(start), "optimisers": len(optimisers), "seeds": len(seeds)})
    last = require_count("steps", steps, minimum=0)
    records = np.union1d(np.arange(0, last + 1, require_count("record_every", record_every)), [last]).astype(np.int64)
    size = None if batch_size is None else require_count("batch_size", batch_size)
    if size is not None and size > len(inputs):
        raise InvalidArgumentError(f"Expected batch_size <= {len(inputs)}, the number of points, but got {size}.")
    if size is not None and runs > 1 and len(seeds) == 1 and isinstance(seeds[0], np.random.Generator):
        raise InvalidArgumentError(f"Expected {runs} generators but got one. Pass one for each run, or an int.")
    task = _Task(
        network, inputs, targets, loss, require_nonnegative("weight_decay", weight_decay), size, records, last
    )
    optimisers = [optimisers[run % len(optimisers)] for run in range(runs)]
    final = np.array(start[np.arange(runs) % len(start)])
    losses = np.full((runs, records.size), np.inf)
    diverged_at = np.full(runs, -1, dtype=np.int64)

    def train(group: Int[np.ndarray, " g"]) -> None:
        shuffles = [np.random.default_rng(seeds[run % len(seeds)]) for run in group]
        final[group], losses[group], diverged_at[group] = task.train(
            final[group], Update([optimisers[run] for run in group]), shuffles
        )

    groups = list(_groups(optimisers, require_count("threads", threads)))
    with ThreadPoolExecutor(min(threads, len(groups))) as pool:
        list(pool.map(train, groups))
    statuses = tuple(RunStatus.FINISHED if step < 0 else RunStatus.DIVERGED for step in diverged_at)
    return MlpRun(network, records, losses, final, statuses, diverged_at)


@dataclass(frozen=True, eq=False)
class _Task:
    """What all runs share."""

    network: Network
    inputs: Float[np.ndarray, "n d"]
    targets: Targets
    loss: Loss
    decay: float
    batch: int | None
    records: Int[np.ndarray, " q"]
    last: int

    def train(
        self, parameters: Float[np.ndarray, "g p"], update: Update, shuffles: list[np.random.Generator]
    ) -> tuple[Float[np.ndarray, "g p"], Float[np.ndarray, "g k"], Int[np.ndarray, " g"]]:
        """Train runs with one kind of optimiser; a run leaves the stack when it diverges."""
        final = parameters.copy()
        losses = np.full((len(parameters), self.records.size), np.inf)
        diverged_at = np.full(len(parameters), -1, dtype=np.int64)
        alive = np.arange(len(parameters))
        order = np.empty((len(parameters), 0), dtype=np.int64)
        place, record = 0, 0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for step in range(self.last + 1):
                points: slice | Int[np.ndarray, "g b"] = slice(None)
                factor = 1.0
                if self.batch is not None:
                    if place + self.batch > order.shape[1]:
                        order = np.stack([shuffles[run].permutation(len(self.inputs)) for run in alive])
                        place = 0
                    points = order[:, place : place + self.batch]
                    place += self.batch
                    factor = 1.0 if self.loss.average else len(self.inputs) / self.batch
                X, Y = self.inputs[points], self.targets[points]
                values, gradient = backpropagate(
                    self.network, parameters, X, Y, self.loss, self.decay, factor
                )
                wanted = step == self.records[record]
                if wanted and self.batch is not None:
                    values = losses_of(self.network, parameters, self.inputs, self.targets, self.loss)
                sound = np.isfinite(values)
                if not sound.all():
                    diverged_at[alive[~sound]] = step
                    alive, parameters, gradient, values = (
                        kept[sound] for kept in (alive, parameters, gradient, values)
                    )
                    order = order[sound] if self.batch is not None else order
                    update.keep(sound)
                    if not alive.size:
                        break
                if wanted:
                    losses[alive, record] = values
                    record += 1
                final[alive] = parameters
                if step < self.last:
                    parameters = update(parameters, gradient)
        return final, losses, diverged_at


def _groups(optimisers: Sequence[MlpOptimiser], threads: int) -> Iterator[Int[np.ndarray, " g"]]:
    """Split the runs by kind of optimiser, and each kind so that all threads have work."""
    kinds: dict[type, list[int]] = {}
    for run, one in enumerate(optimisers):
        kinds.setdefault(type(one), []).append(run)
    for runs in kinds.values():
        pieces = max(1, min(len(runs), -(-threads * len(runs) // len(optimisers))))
        yield from np.array_split(np.array(runs), pieces)


def number_of_runs(counts: dict[str, int]) -> int:
    if 0 in counts.values():
        raise InvalidArgumentError(f"Expected at least one of each but got {counts}.")
    several = {count for count in counts.values() if count > 1}
    if len(several) > 1:
        raise InvalidArgumentError(
            f"Expected the same number of runs everywhere but got {counts}. Give one of each to share it."
        )
    return several.pop() if several else 1
