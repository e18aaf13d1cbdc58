"""Regression problems of section 8: standardised data, an l_p loss, the paper's initialisation and learning rates.

Losses are read as fractions of what there is to gain: (L - L*) / (L_0 - L*), with L* the least loss of any linear
predictor and L_0 the loss of the predictor 0. "99 %" is the first iteration at which this is at most 0.01.

The paper does not say whether it standardised its data, nor where it started the single-layer rule: both are
parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.datasets import Dataset, load_dataset, standardised
from odeflow.numeric.linear_training import (
    AdaDelta,
    AdaGrad,
    Adam,
    GradientDescent,
    PowerLoss,
    Stop,
    initial_layers,
    least_loss,
    train_end_to_end,
    train_layers,
)

__all__ = ["FINE", "LEVELS", "PAPER_GRID", "Problem", "Tuned", "adadelta", "fine_rates", "regression", "synthetic"]

PAPER_GRID: tuple[float, ...] = tuple(m * 10.0**e for e in range(-5, 0) for m in (1, 5))
"""Appendix C: 1e-5, 5e-5, ..., 1e-1, 5e-1."""
FINE: tuple[float, ...] = tuple(sorted({*np.geomspace(1e-3, 3.0, 36).tolist(), *PAPER_GRID}))
"""The paper's rates and 36 more, so that no method can be slower on it."""
LEVELS = (0.1, 0.01, 0.001)
"""What is left to gain at 90, 99 and 99.9 %."""

Layers = Sequence[Float[np.ndarray, "_ _"]]
Make = Callable[[float], GradientDescent | AdaGrad | AdaDelta | Adam]


@dataclass(frozen=True)
class Tuned:
    """The fastest of a grid of learning rates.

    `steps` and `rates` have one entry a level: the fewest iterations to it and the rate that took them (infinite and
    NaN where no rate got there). `best` is the rate that was fastest to the strictest level that any rate reached.
    """

    steps: tuple[float, ...]
    rates: tuple[float, ...]

    @property
    def best(self) -> float:
        reached = [rate for steps, rate in zip(self.steps, self.rates, strict=True) if math.isfinite(steps)]
        return reached[-1] if reached else math.nan


@dataclass(frozen=True, eq=False)
class Problem:
    """Data and loss."""

    name: str
    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    power: int

    @property
    def loss(self) -> PowerLoss:
        """The mean of |x.w - y|^p / p."""
        return PowerLoss(self.power, average=True)

    @cached_property
    def least(self) -> float:
        """L*."""
        return least_loss(self.X, self.y, loss=self.loss)[0]

    @cached_property
    def gain(self) -> float:
        """L_0 - L*."""
        return float(np.mean(self.y**self.power)) / self.power - self.least

    def start(self, depth: int, seed: int, *, width: int = 1, identity: bool = False) -> Layers:
        """Draw the paper's layers: independent normal entries of deviation 0.01, ones on diagonals with `identity`."""
        drawn = initial_layers((self.X.shape[1], *[width] * (depth - 1), 1), [seed], identity=identity)
        return [W[0] for W in drawn]

    def fractions(self, losses: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return what is left to gain."""
        return np.asarray((losses - self.least) / self.gain)

    def tune(
        self,
        layers: Layers,
        rates: Sequence[float],
        steps: int,
        *,
        make: Make = GradientDescent,
        levels: Sequence[float] = LEVELS,
    ) -> Tuned:
        """Race a grid of learning rates to the levels, in one call."""
        wanted = [self.least + level * self.gain for level in levels]
        run = train_layers(
            layers, self.X, self.y, [make(rate) for rate in rates], steps, loss=self.loss, record_every=max(steps, 1),
            levels=wanted, stop=Stop.FIRST,
        )  # fmt: skip
        reached = np.where(run.reached < 0, np.inf, run.reached)
        winners = reached.argmin(axis=0)
        best = reached[winners, np.arange(len(wanted))]
        chosen = [float(rates[w]) if math.isfinite(b) else math.nan for w, b in zip(winners, best, strict=True)]
        return Tuned(tuple(map(float, best)), tuple(chosen))

    def curve(
        self, layers: Layers, optimiser: GradientDescent | AdaGrad | AdaDelta | Adam, steps: int, *, points: int = 400
    ) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Train and return iterations and what is left to gain at about `points` of them."""
        run = train_layers(
            layers, self.X, self.y, optimiser, steps, loss=self.loss, record_every=max(1, steps // points)
        )
        return run.steps, self.fractions(run.losses[0])

    def network(self, layers: Layers, rate: float, steps: int) -> Float[np.ndarray, " k"]:
        """Return what is left to gain after every step of gradient descent on the layers."""
        return self.fractions(
            train_layers(layers, self.X, self.y, GradientDescent(rate), steps, loss=self.loss).losses[0]
        )

    def rule(self, start: ArrayLike, rate: float, steps: int, *, depth: int) -> Float[np.ndarray, " k"]:
        """Return the same for the single-layer rule (12)."""
        return self.fractions(
            train_end_to_end(start, self.X, self.y, rate, steps, depth=depth, loss=self.loss).losses[0]
        )


def adadelta(rate: float) -> AdaDelta:
    """Return AdaDelta with a learning rate (its paper has none, that is 1) and the epsilon of the authors' toolbox.

    With the 1e-6 of its own paper AdaDelta is several times faster here.
    """
    return AdaDelta(learning_rate=rate, epsilon=1e-8)


def fine_rates(make: Make) -> tuple[float, ...]:
    """Return the paper's grid and 36 rates around those that suit a method; AdaDelta's lie above the paper's."""
    if make not in (Adam, adadelta):
        return FINE
    low, high = (1e-4, 1.0) if make is Adam else (1e-2, 30.0)
    return tuple(sorted({*np.geomspace(low, high, 36).tolist(), *PAPER_GRID}))


def regression(data: Dataset | None, power: int, *, standardise: bool = True) -> Problem:
    """Make a problem of a data set (the bundled one by default); targets are centred and scaled with the features."""
    chosen = load_dataset("diabetes") if data is None else data
    if not standardise:
        return Problem(chosen.name, chosen.features, chosen.target, power)
    y = chosen.target
    return Problem(chosen.name, standardised(chosen).features, (y - y.mean()) / y.std(), power)


def synthetic(spectrum: Sequence[float], power: int, *, points: int, noise: float, seed: int) -> Problem:
    """Draw inputs with a given spectrum of second moments, and targets of a random predictor with noise."""
    rng = np.random.default_rng(seed)
    d = len(spectrum)
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    Q = np.linalg.qr(rng.standard_normal((points, d)))[0] * math.sqrt(points)
    X = (Q * np.sqrt(np.asarray(spectrum))) @ turn.T
    y = X @ rng.standard_normal(d) + noise * rng.standard_normal(points)
    return Problem(f"spectrum {min(spectrum):g} to {max(spectrum):g}", X, y / y.std(), power)
