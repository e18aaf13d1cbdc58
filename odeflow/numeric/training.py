"""What does the algorithm do, as opposed to its ODE? Discrete optimisers on modes and on two-layer ReLU networks.

The optimisers themselves, and the flows of which they are discretisations, are in `odeflow.numeric.optimisers`; their
names are offered here too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.markup import sketch
from odeflow.numeric import _training_kernels, _training_pattern_kernels
from odeflow.numeric.arrays import as_array, as_matrix, as_vector, require_count
from odeflow.numeric.optimisers import (
    GradientDescent,
    HeavyBallMethod,
    NesterovMethod,
    NesterovStronglyConvex,
    Optimiser,
    matching_optimiser,
)

__all__ = [
    "GradientDescent",
    "HeavyBallMethod",
    "NesterovMethod",
    "NesterovStronglyConvex",
    "Optimiser",
    "RunStatus",
    "TrainingRun",
    "iterate_modes",
    "matching_optimiser",
    "train_relu",
]

# Plain steps before the first question whether patterns stand still, and the longest time between two questions.
FIRST_WAIT, LONGEST_WAIT = 8, 64
# A step by the kernel costs n^2, a plain one 2 m n d multiplications, which run several times as fast: n^2 <= 4 m d.
PATTERN_WORK = 4.0


class RunStatus(Enum):
    """How a run ended."""

    FINISHED = "finished"
    DIVERGED = "diverged"


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """What was recorded of s runs at k steps.

    After a divergence the losses and movements of that run are infinite and its errors NaN, from the first record at
    or after `diverged_at`; its weights are those of that step and may be huge.

    Attributes
    ----------
    steps
        Recorded step numbers, (k,): 0, record_every, 2 record_every, ..., and the last step.
    times
        Flow times of the records, (s, k).
    losses
        L = |errors|^2 / 2, (s, k).
    errors
        Prediction errors f(x_i) - y_i, (s, k, n).
    movement
        Largest movement of a neuron since the start, max_r |w_r(step) - w_r(0)|, (s, k).
    weights
        Final hidden weights, (s, m, d).
    statuses
        One `RunStatus` a run.
    diverged_at
        First step at which the loss was not finite, (s,); -1 for runs that finished.
    """

    steps: Int[np.ndarray, " k"]
    times: Float[np.ndarray, "s k"]
    losses: Float[np.ndarray, "s k"]
    errors: Float[np.ndarray, "s k n"]
    movement: Float[np.ndarray, "s k"]
    weights: Float[np.ndarray, "s m d"]
    statuses: tuple[RunStatus, ...]
    diverged_at: Int[np.ndarray, " s"]

    @property
    def all_finished(self) -> bool:
        """Whether no run diverged."""
        return all(status is RunStatus.FINISHED for status in self.statuses)

    def _repr_html_(self) -> str:
        runs, diverged = len(self.statuses), sum(status is RunStatus.DIVERGED for status in self.statuses)
        said = f"loss over {self.steps[-1]} steps of the first of {runs} runs; {diverged} diverged"
        return f"<p>{said}</p>{sketch(self.times[0].tolist(), self.losses[0].tolist(), label='loss')}"


def train_relu(
    X: ArrayLike,
    y: ArrayLike,
    W: ArrayLike,
    a: ArrayLike,
    optimiser: Optimiser | Sequence[Optimiser],
    steps: int,
    *,
    record_every: int = 1,
    threads: int = 1,
    every_neuron: bool = False,
) -> TrainingRun:
    """Train the hidden layer of f(x) = m^{-1/2} sum_r a_r relu(w_r.x) on the squared loss, for many runs at once.

    L = |f(X) - y|^2 / 2,  dL/dw_r = m^{-1/2} a_r sum_i (f(x_i) - y_i) 1{w_r.x_i > 0} x_i

    Runs differ in their initial weights, their output weights or their optimisers: whichever of `W`, `a` and
    `optimiser` is given several times must be given equally often, and the others are shared.

    Parameters
    ----------
    X, y
        Inputs (n, d) and targets (n,).
    W
        Initial hidden weights, (m, d), or (s, m, d) for s runs; not modified.
    a
        Output weights, (m,) or (s, m); they are not trained.
    optimiser
        One optimiser, or s of them.
    steps
        Number of steps >= 0.
    record_every
        Record every so many steps; the first and the last step are always recorded.
    threads
        Runs trained at the same time; results do not depend on it. Leave it at 1 inside a pool of processes.
    every_neuron
        Evaluate every neuron at every step. By default a neuron is left alone as long as none of its activations can
        change (its distance from the nearest hyperplane exceeds a bound on its path), and the errors follow the kernel:
        the same steps up to rounding, ten times as fast once few activations change. Errors then keep their relative
        accuracy far below the rounding of the predictions.

    Returns
    -------
    TrainingRun; a diverged run is marked in `statuses`, not raised.

    Raises
    ------
    InvalidArgumentError
        Shapes or numbers of runs do not fit, or an entry is not finite.

    References
    ----------
    Bu, Xu and Chen (2021), equations (2.1), (3.1) and (4.1).

    Examples
    --------
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> W, a = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([1.0, -1.0])
    >>> run = train_relu(X, y, W, a, GradientDescent(0.5), 20, record_every=10)
    >>> run.steps, run.losses.round(6), run.all_finished
    (array([ 0, 10, 20]), array([[1.e+00, 1.e-06, 0.e+00]]), True)
    """
    inputs = as_matrix("X", X)
    n, d = inputs.shape
    targets = np.array(as_vector("y", y, length=n))  # a read-only array would be compiled for anew
    weights = as_array("W", W, shape=(None, None, d) if np.ndim(W) == 3 else (None, d))
    m = weights.shape[-2]
    output = as_array("a", a, shape=(None, m) if np.ndim(a) == 2 else (m,))
    several = isinstance(optimiser, Sequence)
    optimisers: Sequence[Optimiser] = optimiser if isinstance(optimiser, Sequence) else [optimiser]
    runs = _number_of_runs(
        {
            "W": weights.shape[0] if weights.ndim == 3 else None,
            "a": output.shape[0] if output.ndim == 2 else None,
            "optimiser": len(optimisers) if several else None,
        }
    )
    last = require_count("steps", steps, minimum=0)
    every = require_count("record_every", record_every)
    records = np.union1d(np.arange(0, last + 1, every), [last]).astype(np.int64)

    final = np.array(np.broadcast_to(weights, (runs, m, d)), order="C")
    output_scaled = np.array(np.broadcast_to(output, (runs, m)), order="C") / math.sqrt(m)
    errors = np.full((runs, records.size, n), np.nan)
    losses = np.full((runs, records.size), np.inf)
    movement = np.full((runs, records.size), np.inf)
    diverged_at = np.empty(runs, dtype=np.int64)
    points = _Points(inputs, targets, lazily=not every_neuron and n * n <= PATTERN_WORK * m * d and last > FIRST_WAIT)
    per_run = [optimisers[run if several else 0] for run in range(runs)]

    def train(run: int) -> None:
        diverged_at[run] = points.train(
            final[run], output_scaled[run], _kernel_parameters(per_run[run]),
            records, errors[run], losses[run], movement[run],
        )  # fmt: skip

    workers = min(require_count("threads", threads), runs)
    if workers == 1:
        for run in range(runs):
            train(run)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(train, range(runs)))
    with np.errstate(over="ignore"):
        times = np.outer([one.time_step for one in per_run], records)
    return TrainingRun(
        steps=records,
        times=times,
        losses=losses,
        errors=errors,
        movement=movement,
        weights=final,
        statuses=tuple(RunStatus.FINISHED if step < 0 else RunStatus.DIVERGED for step in diverged_at),
        diverged_at=diverged_at,
    )


def iterate_modes(optimiser: Optimiser, eigenvalues: ArrayLike, steps: int) -> Float[np.ndarray, "k {steps}+1"]:
    """Run an optimiser on the modes of a quadratic: the gradient at x is lambda x, and x starts at 1.

    Parameters
    ----------
    optimiser
        The optimiser; step j belongs to flow time j `optimiser.time_step`.
    eigenvalues
        lambda, (k,), any finite numbers.
    steps
        Number of steps >= 0.

    Returns
    -------
    Positions, (k, steps + 1). Unstable modes grow; one that leaves double precision is inf from there on.

    Raises
    ------
    InvalidArgumentError
        An eigenvalue is not finite, or `steps` is negative.

    Examples
    --------
    >>> iterate_modes(GradientDescent(0.5), [1.0, 2.0], 3)
    array([[1.   , 0.5  , 0.25 , 0.125],
           [1.   , 0.   , 0.   , 0.   ]])
    """
    values = np.array(as_vector("eigenvalues", eigenvalues))  # a read-only array would be compiled for anew
    positions = np.ones((values.size, require_count("steps", steps, minimum=0) + 1))
    _training_kernels.iterate_modes(*_kernel_parameters(optimiser), values, positions)
    return positions


class _Points:
    """The data of all runs, in the layouts of the kernels, and the loop that chooses between them."""

    def __init__(self, X: np.ndarray, y: np.ndarray, *, lazily: bool) -> None:
        self.y = y
        self.packed = _training_kernels.pack_points(X)
        with np.errstate(over="ignore", invalid="ignore"):
            lengths, gram = np.linalg.norm(X, axis=1), X @ X.T
        self.lazily = lazily and bool(np.isfinite(gram).all())
        if self.lazily:
            zero = lengths == 0.0
            inverse, beyond = np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, lengths)), np.where(zero, np.inf, 0.0)
            self.geometry = X, np.ascontiguousarray(X.T), gram, inverse, beyond
            self.norm = float(np.linalg.norm(X, 2)) * (1.0 + 1e-9)  # rounded up: it bounds paths

    def train(
        self, W: np.ndarray, c: np.ndarray, method: tuple[int, float, float, float],
        records: np.ndarray, errors: np.ndarray, losses: np.ndarray, movement: np.ndarray,
    ) -> int:  # fmt: skip
        """Train W in place; return the step at which the run stopped being finite, or -1."""
        start, U, error = W.copy(), np.zeros_like(W), np.empty(self.y.size)
        kept = (records, errors, losses, movement)
        step, last = 0, int(records[-1])
        wait = FIRST_WAIT if self.lazily else last
        while True:
            ahead = min(step + wait, last)
            stopped = _training_kernels.train_run(
                *self.packed, self.y, W, U, start, error, c, *method, step, ahead, *kept
            )
            step = ahead
            if stopped >= 0 or step == last:
                return int(stopped)
            wait = min(2 * wait, LONGEST_WAIT)
            lasting = True
            while lasting:
                before = step
                step, diverged = _training_pattern_kernels.pattern_run(
                    self.geometry, self.norm, W, U, start, error, c, *method, step, *kept
                )
                if diverged:
                    return int(step)
                if step == last:
                    return -1
                lasting = step - before >= _training_pattern_kernels.RENEWAL
                if step > before:
                    wait = FIRST_WAIT


def _kernel_parameters(optimiser: Optimiser) -> tuple[int, float, float, float]:
    """Return (kind, learning rate, momentum parameter, scale of the first gradient) for the kernels."""
    rate = float(optimiser.learning_rate)
    if isinstance(optimiser, GradientDescent):
        return _training_kernels.CONSTANT_MOMENTUM, rate, 0.0, 1.0
    if isinstance(optimiser, HeavyBallMethod):
        first = 1.0 / (1.0 + optimiser.momentum) if optimiser.centred_start else 1.0
        return _training_kernels.CONSTANT_MOMENTUM, rate, float(optimiser.momentum), first
    if isinstance(optimiser, NesterovMethod):
        return _training_kernels.NESTEROV, rate, float(optimiser.gamma), 1.0
    return _training_kernels.NESTEROV_CONSTANT, rate, optimiser.momentum, 1.0


def _number_of_runs(counts: dict[str, int | None]) -> int:
    given = {name: count for name, count in counts.items() if count is not None}
    if 0 in given.values():
        raise InvalidArgumentError("Expected at least one optimiser but got an empty sequence.")
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{count} of {name}" for name, count in given.items())
        raise InvalidArgumentError(
            f"Expected the same number of runs everywhere but got {listed}. Give one of each to share it."
        )
    return next(iter(given.values()), 1)
