"""Claims of section 8 about who trains faster: a ratio of iteration counts, measured over seeds.

Every claim is about the problems that are held here, the bundled diabetes data first, not about the paper's own data:
refuted or supported is that what the paper saw on its data is seen on these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp

from odeflow.numeric.linear_training import AdaGrad, Adam, GradientDescent
from odeflow.panels import by_case
from odeflow.theorem import Claim, Evidence
from theory.arora2018_implicit_acceleration._regressions import (
    FINE,
    PAPER_GRID,
    Make,
    Problem,
    Tuned,
    adadelta,
    fine_rates,
    regression,
)

__all__ = ["RATIO", "SEEDS", "STEPS", "Pair", "at_most", "bundled", "race", "ratio_evidence", "seeds_from", "tuned"]

RATIO = sp.Symbol("r", positive=True)
SEEDS = 3
"""Initialisations that a verification looks at, from its seed on."""
STEPS = 20_000
METHODS: dict[str, Make] = {
    "gradient descent": GradientDescent, "AdaGrad": AdaGrad, "AdaDelta": adadelta, "Adam": Adam,
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two iteration counts of which the ratio is claimed; infinite where a level was not reached."""

    name: str
    ours: float
    theirs: float

    @property
    def lowest(self) -> float:
        """The least ratio that counts of +-1 leave possible."""
        return math.inf if math.isinf(self.ours) else (self.ours - 1.0) / (self.theirs + 1.0)

    @property
    def highest(self) -> float:
        """The largest such ratio."""
        return math.inf if math.isinf(self.ours) else (self.ours + 1.0) / max(self.theirs - 1.0, 0.5)


def at_most(bound: sp.Expr, statement: str, meaning: str, *assumptions: str) -> Claim:
    """Return the claim that a ratio of iteration counts is at most `bound` in every case."""
    return Claim(statement, sp.Le(RATIO, bound, evaluate=False), assumptions, {RATIO: meaning})


def ratio_evidence(claim: Claim, pairs: Sequence[Pair], *, seed: int) -> Evidence:
    """Hold the claimed bound against every pair; counts are right to one iteration.

    A pair contradicts the claim if no counts within one iteration satisfy it.
    """
    bound = float(claim.formula.rhs)
    worst = max(pairs, key=lambda pair: pair.lowest)
    best = min(pairs, key=lambda pair: pair.lowest)
    counts = f"{worst.name}: {_said(worst.ours)} against {_said(worst.theirs)} iterations"
    return Evidence.measured(
        claim,
        f"ratios {_ratio(best):.3g} to {_ratio(worst):.3g}; {counts}",
        contradicted=True if worst.lowest > bound else False if worst.highest <= bound else None,
        error_bar=f"[{worst.lowest:.3g}, {worst.highest:.3g}] (one iteration)",
        cases=len(pairs),
        seed=seed,
        detail=counts,
        picture=by_case(
            [_ratio(pair) for pair in pairs],
            bound,
            title=f"It takes {'more' if worst.lowest > bound else 'no more'} iterations than claimed",
            ylabel="iterations, ours over theirs",
            interval=np.array([[p.lowest for p in pairs], [p.highest for p in pairs]]),
            limit_label="claimed: at most",
        ),
    )


def seeds_from(seed: int, count: int = SEEDS) -> range:
    """Return the seeds of the initial layers that a verification looks at."""
    return range(100 * seed, 100 * seed + count)


@lru_cache(maxsize=4)
def bundled(power: int) -> Problem:
    """Return the bundled diabetes data as an l_p regression, standardised."""
    return regression(None, power)


@lru_cache(maxsize=256)
def tuned(
    power: int, depth: int, seed: int, *, fine: bool, method: str = "gradient descent", identity: bool = False
) -> Tuned:
    """Race the learning rates of a grid on the bundled data to 90, 99 and 99.9 %."""
    make = METHODS[method]
    rates = (FINE if method == "gradient descent" else fine_rates(make)) if fine else PAPER_GRID
    problem = bundled(power)
    return problem.tune(problem.start(depth, seed, identity=identity), rates, STEPS, make=make)


def race(
    name: str, seed: int, ours: tuple[int, str], theirs: tuple[int, str], *, power: int, fine: bool, level: int = -1
) -> Pair:
    """Compare two (depth, method) at the fastest rate of each, at one of the three levels (99.9 % by default)."""
    counts = [tuned(power, depth, seed, fine=fine, method=method).steps[level] for depth, method in (ours, theirs)]
    return Pair(f"{name}, seed {seed}", *counts)


def _ratio(pair: Pair) -> float:
    return pair.ours / pair.theirs if pair.theirs > 0 else math.inf


def _said(count: float) -> str:
    return f"{count:.0f}" if math.isfinite(count) else "infinitely many"
