"""How runs of deep linear training are checked, grouped, compiled code called, and records put together.

The names here are offered by `odeflow.numeric.linear_training`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import _linear_training_kernels as kernels
from odeflow.numeric import _training_kernels
from odeflow.numeric._linear_layers import checked_depth
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import as_array, require_count, require_nonnegative
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
from odeflow.numeric.networks import Loss, Network, PowerLoss, checked_points

__all__ = [
    "Layers",
    "LinearRun",
    "Plan",
    "Points",
    "Rule",
    "Stop",
    "checked_stacks",
    "rule_of",
    "train_runs",
]

Layers: TypeAlias = tuple[Float[np.ndarray, "s _ _"], ...]
Rule: TypeAlias = tuple[int, tuple[float, float, float, float]]
"""Number of a kind of update in the kernels, and its constants."""


class Stop(Enum):
    """When a call ends.

    NEVER: after its steps. EACH: every run when it has reached all its levels. FIRST: all runs when one of them has,
    which is what the search for the fastest learning rate needs.
    """

    NEVER = kernels.NEVER
    EACH = kernels.EACH
    FIRST = kernels.FIRST


@dataclass(frozen=True, eq=False)
class LinearRun:
    """What was recorded of s runs.

    Attributes
    ----------
    steps
        Recorded step numbers, (m,): 0, record_every, 2 record_every, ..., and the last step.
    losses
        L at these steps, without weight decay, (s, m). Infinite after a divergence, NaN after an early stop.
    products
        W_N ... W_1 at these steps, (s, m, k, d), NaN where the loss is not finite; (s, 0, k, d) if not asked for.
    layers
        Final W_1, ..., W_N, each (s, n_j, n_{j-1}); those of a diverged run are where its loss ceased to be finite.
    reached
        First step at which L is at most a level, (s, q); -1 if that did not happen.
    last_steps
        Last step evaluated, (s,).
    statuses
        One `RunStatus` a run.
    """

    steps: Int[np.ndarray, " m"]
    losses: Float[np.ndarray, "s m"]
    products: Float[np.ndarray, "s m k d"]
    layers: Layers
    reached: Int[np.ndarray, "s q"]
    last_steps: Int[np.ndarray, " s"]
    statuses: tuple[RunStatus, ...]

    @property
    def all_finished(self) -> bool:
        """Whether no run diverged."""
        return all(status is RunStatus.FINISHED for status in self.statuses)

    def fastest(self, level: int = -1) -> int | None:
        """Return the run that reached a level first (of several the first in order), or None if none did.

        Examples
        --------
        >>> from odeflow.numeric.linear_training import train_layers
        >>> run = train_layers([[[0.0]]], [[1.0]], [1.0], [GradientDescent(0.1), GradientDescent(0.5)], 9, levels=[0.1])
        >>> run.fastest(), run.reached.tolist()
        (1, [[8], [2]])
        """
        steps = self.reached[:, level]
        return int(np.where(steps < 0, np.iinfo(np.int64).max, steps).argmin()) if (steps >= 0).any() else None


@dataclass(frozen=True, eq=False)
class Points:
    """The points as the kernels want them: L = factor (sum over points) + offset."""

    inputs: Float[np.ndarray, "n d"]
    targets: Float[np.ndarray, "n k"]
    labels: Int[np.ndarray, " n"]
    kind: int
    power: int
    factor: float
    offset: float = 0.0

    @classmethod
    def checked(cls, d: int, k: int, X: ArrayLike, Y: ArrayLike, loss: Loss) -> Points:
        """Check inputs (n, d) and targets (n, k), (n,) or class numbers."""
        network = Network((d, k), activation=Activation.IDENTITY, scaled=False)
        inputs, targets = checked_points(network, X, Y, loss)
        factor = 1.0 / len(inputs) if loss.average else 1.0
        if isinstance(loss, PowerLoss):
            nothing = np.empty(0, np.int64)
            return cls(inputs, np.ascontiguousarray(targets), nothing, kernels.POWER, loss.power, factor)
        return cls(inputs, np.empty((0, k)), np.ascontiguousarray(targets), kernels.CROSS_ENTROPY, 2, factor)

    def compressed(self) -> Points:
        """For the square loss, replace the points by the triangular factor of the inputs."""
        n, d = self.inputs.shape
        if self.kind != kernels.POWER or self.power != 2 or n <= d:
            return self
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite ends the runs as diverged
            Q, R = np.linalg.qr(self.inputs)
            seen = Q.T @ self.targets
            unseen = self.targets - Q @ seen
            offset = 0.5 * self.factor * float(np.sum(unseen * unseen))
        return replace(self, inputs=np.ascontiguousarray(R), targets=np.ascontiguousarray(seen), offset=offset)


@dataclass(frozen=True, eq=False)
class Plan:
    """What all runs share beside the data."""

    records: Int[np.ndarray, " m"]
    decay: float
    with_products: bool
    levels: Float[np.ndarray, "_ q"]
    stop: Stop
    threads: int

    @classmethod
    def checked(
        cls,
        steps: int,
        record_every: int,
        weight_decay: float,
        with_products: bool,
        levels: ArrayLike,
        stop: Stop,
        threads: int,
    ) -> Plan:
        last = require_count("steps", steps, minimum=0)
        every = require_count("record_every", record_every)
        records = np.union1d(np.arange(0, last + 1, every), [last]).astype(np.int64)
        if np.size(levels):
            wanted = as_array("levels", levels, shape=(None,) * (2 if np.ndim(levels) == 2 else 1))
            wanted = wanted if wanted.ndim == 2 else wanted[None]
        else:
            wanted = np.empty((1, 0))
        if stop is not Stop.NEVER and not wanted.size:
            raise InvalidArgumentError(f"Expected levels with {stop} but got none. Name the losses to be reached.")
        return cls(
            records,
            require_nonnegative("weight_decay", weight_decay),
            with_products,
            wanted,
            stop,
            require_count("threads", threads),
        )


def train_runs(
    widths: tuple[int, ...],
    starts: Float[np.ndarray, "_ p"],
    data: Points,
    rules: Sequence[Rule],
    plan: Plan,
) -> LinearRun:
    """Train groups of runs of one kind of update each and put the records together."""
    several = {"layers": len(starts), "optimisers": len(rules), "levels": len(plan.levels)}
    runs = number_of_runs(several)
    everyone = np.arange(runs)
    final = np.ascontiguousarray(starts[everyone % len(starts)])
    levels = np.ascontiguousarray(plan.levels[everyone % len(plan.levels)])
    rules = [rules[run % len(rules)] for run in range(runs)]
    kinds = np.array([kind for kind, _ in rules])
    constants = np.array([numbers for _, numbers in rules])
    k, d, m = widths[-1], widths[0], plan.records.size
    losses = np.full((runs, m), np.nan)
    products = np.full((runs, m if plan.with_products else 0, k, d), np.nan)
    reached = np.full(levels.shape, -1, dtype=np.int64)
    ended, diverged = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.bool_)
    points = data.compressed()
    inputs, turned = points.inputs, np.ascontiguousarray(points.inputs.T)

    def train(group: Int[np.ndarray, " g"]) -> None:
        own = (final[group], losses[group], products[group], reached[group], ended[group], diverged[group])
        kernels.train(
            np.array(widths), own[0], inputs, turned, points.targets, points.labels, points.kind, points.power,
            points.factor, points.offset, int(kinds[group[0]]), constants[group], plan.decay, plan.records,
            levels[group], plan.stop.value, *own[1:],
        )  # fmt: skip
        final[group], losses[group], products[group], reached[group], ended[group], diverged[group] = own

    groups = [
        piece
        for kind in dict.fromkeys(kinds.tolist())
        for piece in np.array_split(np.flatnonzero(kinds == kind), plan.threads)
        if piece.size
    ]
    if len(groups) == 1:
        train(groups[0])
    else:
        with ThreadPoolExecutor(plan.threads) as pool:
            list(pool.map(train, groups))
    gone = diverged[:, None] & (plan.records >= ended[:, None])
    losses[gone] = np.inf
    layers, at = [], 0
    for before, after in itertools.pairwise(widths):
        layers.append(final[:, at : at + after * before].reshape(runs, after, before).copy())
        at += after * before
    statuses = tuple(RunStatus.DIVERGED if one else RunStatus.FINISHED for one in diverged)
    return LinearRun(plan.records, losses, products, tuple(layers), reached, ended, statuses)


def rule_of(optimiser: MlpOptimiser) -> Rule:
    """Return the kernels' number for a kind of optimiser, and its four constants."""
    one = optimiser
    if isinstance(one, GradientDescent):
        return _training_kernels.CONSTANT_MOMENTUM, (one.learning_rate, 0.0, 1.0, 0.0)
    if isinstance(one, HeavyBallMethod):
        first = 1.0 / (1.0 + one.momentum) if one.centred_start else 1.0
        return _training_kernels.CONSTANT_MOMENTUM, (one.learning_rate, one.momentum, first, 0.0)
    if isinstance(one, NesterovMethod):
        return _training_kernels.NESTEROV, (one.learning_rate, one.gamma, 1.0, 0.0)
    if isinstance(one, NesterovStronglyConvex):
        return _training_kernels.NESTEROV_CONSTANT, (one.learning_rate, one.momentum, 1.0, 0.0)
    if isinstance(one, AdaGrad):
        return kernels.ADAGRAD, (one.learning_rate, one.epsilon, 0.0, 0.0)
    if isinstance(one, AdaDelta):
        return kernels.ADADELTA, (one.learning_rate, one.rho, one.epsilon, 0.0)
    if isinstance(one, Adam):
        return kernels.ADAM, (one.learning_rate, one.beta1, one.beta2, one.epsilon)
    raise InvalidArgumentError(f"Expected an optimiser of linear_training but got {optimiser!r}.")


def checked_stacks(layers: Sequence[ArrayLike]) -> list[Float[np.ndarray, "_ _ _"]]:
    """Return the layers as (s, n_j, n_{j-1}) with one s for all, chained."""
    checked_depth(len(layers))
    checked: list[Float[np.ndarray, "_ _ _"]] = []
    for number, W in enumerate(layers, start=1):
        columns = checked[-1].shape[-2] if checked else None
        stacked = np.ndim(W) == 3
        one = as_array(f"W_{number}", W, shape=(None, None, columns) if stacked else (None, columns))
        checked.append(one if stacked else one[None])
    runs = number_of_runs({f"W_{number}": len(W) for number, W in enumerate(checked, start=1)})
    return [np.broadcast_to(W, (runs, *W.shape[1:])) for W in checked]
