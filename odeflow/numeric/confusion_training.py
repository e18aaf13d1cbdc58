"""How do networks with skip connections or batch normalisation train by mini-batches? Many learning rates at once.

Plain networks can also be trained by `odeflow.numeric.mlp_training.train_mlp`; this trainer knows every `Architecture`
and can stop a run when its loss has come down to a level, so that networks are compared at the same loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._confusion_layers import forward, gradient, loss_of_outputs
from odeflow.numeric.arrays import as_matrix, as_vector, require_count, require_positive
from odeflow.numeric.confusion import CLASSES, Architecture, SampleLoss, checked_samples
from odeflow.numeric.networks import Targets

__all__ = ["SgdRun", "train_by_minibatches"]


@dataclass(frozen=True, eq=False)
class SgdRun:
    """What became of s runs.

    Attributes
    ----------
    parameters
        (s, P): the last ones, those at which the run stopped, or those with which its loss was not finite.
    losses
        Mean loss over all samples at those parameters, (s,); inf for a run that diverged.
    steps
        Steps made, (s,).
    reached
        Whether the loss came down to `stop_below`, (s,); False everywhere if that was not asked for.
    """

    parameters: Float[np.ndarray, "s p"]
    losses: Float[np.ndarray, " s"]
    steps: Int[np.ndarray, " s"]
    reached: Bool[np.ndarray, " s"]

    @property
    def best(self) -> int:
        """The run with the smallest final loss."""
        return int(np.argmin(self.losses))


def train_by_minibatches(
    architecture: Architecture,
    parameters: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    learning_rates: ArrayLike,
    steps: int,
    *,
    batch_size: int,
    loss: SampleLoss = CLASSES,
    seeds: Sequence[int] = (0,),
    stop_below: float | None = None,
    look_every: int = 10,
) -> SgdRun:
    """Train by stochastic gradient descent without momentum on the mean loss, all runs at once.

    Parameters
    ----------
    architecture
        The network; with batch normalisation every mini-batch is normalised by its own statistics, and the loss over
        all samples by theirs.
    parameters
        Initial parameters, (s, P).
    X, Y, loss
        As for `odeflow.numeric.confusion.gradient_confusion`.
    learning_rates
        One a run, (s,), > 0.
    steps
        At most so many.
    batch_size
        Samples of a step; every epoch is shuffled anew and what is left over dropped.
    seeds
        Of the shuffles, one a run or one for all.
    stop_below
        Stop a run when its loss over all samples is at most this.
    look_every
        How often that loss is looked at, in steps.

    Returns
    -------
    SgdRun; a run that diverged is marked by an infinite loss.

    Raises
    ------
    InvalidArgumentError
        Shapes or numbers of runs do not fit, or a number is out of range.

    Examples
    --------
    >>> line = Architecture((1, 1), biases=False)
    >>> from odeflow.numeric.networks import PowerLoss
    >>> data = [[1.0], [1.0]], [3.0, 3.0]
    >>> run = train_by_minibatches(line, [[0.0], [0.0]], *data, [0.1, 3.0], 2000, batch_size=1, loss=PowerLoss())
    >>> bool(run.losses[0] < 1e-12), run.losses[1]
    (True, np.float64(inf))
    """
    inputs, targets = checked_samples(architecture, X, Y, loss)
    current = as_matrix("parameters", parameters, columns=architecture.size).copy()
    rates = as_vector("learning_rates", learning_rates, length=len(current))
    if (rates <= 0.0).any():
        raise InvalidArgumentError(f"Expected learning_rates > 0 but got {rates.min()}.")
    if len(seeds) not in (1, len(current)):
        raise InvalidArgumentError(f"Expected 1 or {len(current)} seeds but got {len(seeds)}.")
    size, last = require_count("batch_size", batch_size), require_count("steps", steps, minimum=0)
    if size > len(inputs):
        raise InvalidArgumentError(f"Expected batch_size <= {len(inputs)}, the number of samples, but got {size}.")
    level = None if stop_below is None else require_positive("stop_below", stop_below)
    task = _Task(architecture, inputs, targets, loss, size, level, require_count("look_every", look_every))
    return task.train(current, rates, [np.random.default_rng(seeds[k % len(seeds)]) for k in range(len(current))], last)


@dataclass(frozen=True, eq=False)
class _Task:
    """What all runs share."""

    architecture: Architecture
    inputs: Float[np.ndarray, "n d"]
    targets: Targets
    loss: SampleLoss
    batch: int
    level: float | None
    look_every: int

    def train(
        self,
        current: Float[np.ndarray, "s p"],
        rates: Float[np.ndarray, " s"],
        shuffles: list[np.random.Generator],
        last: int,
    ) -> SgdRun:
        """Train; a run leaves the stack when it diverges or has come down to the level."""
        runs = len(current)
        final, losses = current.copy(), np.full(runs, np.inf)
        made, reached = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=bool)
        alive = np.arange(runs)
        per_epoch = len(self.inputs) // self.batch
        order = np.empty((0, 0), dtype=np.int64)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for step in range(last + 1):
                if step % self.look_every == 0 or step == last:
                    whole = self.whole_loss(current) if self.level is not None or step == last else None
                    if whole is not None:
                        done = np.isfinite(whole) & (whole <= (-np.inf if self.level is None else self.level))
                        losses[alive] = np.where(np.isfinite(whole), whole, np.inf)
                        final[alive], made[alive], reached[alive] = current, step, done
                        keep = np.isfinite(whole) & ~done
                        alive, current = alive[keep], current[keep]
                        order = order[keep] if order.size else order
                    if not alive.size or step == last:
                        break
                place = step % per_epoch
                if place == 0:
                    order = np.stack([shuffles[run].permutation(len(self.inputs)) for run in alive])
                rows = order[:, place * self.batch : (place + 1) * self.batch]
                values, slope = gradient(self.architecture, current, self.inputs[rows], self.targets[rows], self.loss)
                sound = np.isfinite(values) & np.isfinite(slope).all(axis=1)
                if not sound.all():
                    lost = alive[~sound]
                    losses[lost], made[lost], final[lost] = np.inf, step, current[~sound]
                    alive, current, slope, order = alive[sound], current[sound], slope[sound], order[sound]
                    if not alive.size:
                        break
                slope *= rates[alive][:, None]
                current = current - slope
        return SgdRun(final, losses, made, reached)

    def whole_loss(self, current: Float[np.ndarray, "s p"]) -> Float[np.ndarray, " s"]:
        """Return the mean loss over all samples."""
        outputs, _ = forward(self.architecture, self.architecture.split(current), self.inputs)
        values: Float[np.ndarray, " s"] = loss_of_outputs(outputs, self.targets, self.loss)[0].mean(axis=1)
        return values
