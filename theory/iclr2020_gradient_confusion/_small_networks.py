"""Small networks on clusters, trained in a second: what the pages on section 5 and Figures 4 to 6 measure.

Ten times smaller than the figures of this catalogue and far from the paper's: a claim that is SUPPORTED or REFUTED by
them is one about such networks, tuned on a grid of learning rates by the final loss, as in the paper.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.numeric.confusion import Activation, Architecture
from odeflow.panels import Panel, along
from odeflow.theorem import Claim, Evidence
from theory.iclr2020_gradient_confusion._training import clusters, outcome

__all__ = [
    "LEVEL",
    "SPREAD",
    "Difference",
    "Runs",
    "Shape",
    "difference",
    "measured_evidence",
    "ratio",
    "trained",
    "trend_evidence",
]

LEVEL = 0.5
"""The training loss at which networks are compared; at the start it is about log 4 = 1.39."""
SPREAD = 2.5
"""Standard errors that a measured number must be beyond the claimed one to contradict it: chance 1 in 160."""


@dataclass(frozen=True)
class Shape:
    """A network and how it is trained."""

    depth: int
    width: int
    activation: Activation = Activation.TANH
    skip: bool = False
    batch_norm: bool = False
    rates: tuple[float, ...] = (0.3, 0.1, 0.03)
    steps: int = 100
    level: float | None = None
    seeds: int = 4
    data_sets: int = 2


@dataclass(frozen=True, eq=False)
class Runs:
    """Final losses, smallest cosines at the end, and confusion bounds at the common loss; nan for a run without one."""

    losses: Float[np.ndarray, " s"]
    cosines: Float[np.ndarray, " s"]
    bounds_at_level: Float[np.ndarray, " s"]


@functools.lru_cache(maxsize=64)
def trained(shape: Shape, seed: int) -> Runs:
    """Train on 300 samples of 4 clusters in R^16 with mini-batches of 32; 435 pairs of mini-batches are compared."""
    found = []
    for number in range(shape.data_sets):
        data = clusters(300, 16, 4, seed=100 * seed + number)
        network = Architecture(
            data.shape(shape.depth, shape.width), shape.activation, skip=shape.skip, batch_norm=shape.batch_norm
        )
        seeds = [1000 * (100 * seed + number) + k for k in range(shape.seeds)]
        found.append(
            outcome(
                data,
                network,
                rates=shape.rates,
                steps=shape.steps,
                seeds=seeds,
                level=shape.level,
                batch=32,
                compared=30,
                look_at_start=False,
            )
        )
    return Runs(
        np.concatenate([o.losses for o in found]),
        np.array([np.nan if c is None else c.smallest_cosine for o in found for c in o.at_end]),
        np.array([np.nan if c is None else c.bound for o in found for c in o.at_level]),
    )


@dataclass(frozen=True)
class Difference:
    """A measured number, its standard error, and how many runs are behind it.

    Attributes
    ----------
    value, error : mean over pairs of runs, and its standard error
    runs : how many
    log : whether it is the logarithm of a ratio
    pairs : (runs/2,) the differences behind the mean
    """

    value: float
    error: float
    runs: int
    log: bool = False
    pairs: Float[np.ndarray, " p"] = field(default_factory=lambda: np.empty(0), compare=False)

    def __str__(self) -> str:
        if self.log:
            return f"{np.exp(self.value):.3g} (times or over {np.exp(self.error):.2f})"
        return f"{self.value:.3f} +- {self.error:.3f}"


def difference(first: Float[np.ndarray, " s"], second: Float[np.ndarray, " s"]) -> Difference:
    """Return the mean of first - second with its standard error, over pairs with the same data and both values."""
    both = np.isfinite(first) & np.isfinite(second)
    gaps = (first - second)[both]
    if gaps.size < 3:
        return Difference(float("nan"), float("inf"), 2 * gaps.size, pairs=gaps)
    return Difference(float(gaps.mean()), float(gaps.std(ddof=1)) / np.sqrt(gaps.size), 2 * gaps.size, pairs=gaps)


def ratio(first: Float[np.ndarray, " s"], second: Float[np.ndarray, " s"]) -> Difference:
    """Return the logarithm of the ratio of geometric means; values <= 0 count as the smallest positive one."""
    both = np.concatenate([first, second])
    floor = both[np.isfinite(both) & (both > 0.0)].min(initial=np.inf)
    found = difference(*(np.log(np.maximum(part, floor)) for part in (first, second)))
    return replace(found, log=True)


def measured_evidence(claim: Claim, found: Mapping[sp.Basic, Difference], *, seed: int, observed: str = "") -> Evidence:
    """Hold the relations `symbol <= number` and `symbol >= number` of a claim against measured numbers.

    FAILS if one of them is missed by more than SPREAD standard errors, HOLDS if all are met by at least one.
    """
    room = _room(claim, found)
    verdict = True if min(room) < -SPREAD else False if min(room) > 1.0 else None
    words = "; ".join(f"{symbol} = {number}" for symbol, number in found.items())
    return Evidence.measured(
        claim,
        f"{words}{observed}",
        contradicted=verdict,
        error_bar=f"standard errors over runs; the closest claim is {min(room):+.1f} of them away",
        cases=sum(number.runs for number in found.values()),
        seed=seed,
        picture=_picture(claim, found),
    )


def trend_evidence(claim: Claim, found: Mapping[sp.Basic, Difference], *, seed: int, observed: str) -> Evidence:
    """Hold a claim about a trend against several comparisons: they decide it only if all say the same.

    FAILS if every relation is missed, HOLDS if every one is met, by more than SPREAD standard errors each; where
    comparisons contradict each other or are too close to call, networks of this size leave the trend open.
    """
    room = _room(claim, found)
    verdict = True if max(room) < -SPREAD else False if min(room) > SPREAD else None
    words = "; ".join(f"{symbol} = {number}" for symbol, number in found.items())
    return Evidence.measured(
        claim,
        f"{words}; {observed}",
        contradicted=verdict,
        error_bar=f"standard errors over runs; distances from the claim {', '.join(f'{r:+.1f}' for r in room)} of them",
        cases=sum(number.runs for number in found.values()),
        seed=seed,
        picture=_picture(claim, found),
    )


def _parts(claim: Claim) -> list[sp.Basic]:
    """Return the relations of a claim."""
    parts = claim.formula.args if isinstance(claim.formula, sp.And) else (claim.formula,)
    return sorted(parts, key=sp.default_sort_key)


def _picture(claim: Claim, found: Mapping[sp.Basic, Difference]) -> Panel:
    """Draw every pair of runs, and last the mean with its standard error, beside the claimed numbers."""
    size = max(number.pairs.size for number in found.values())
    log = any(number.log for number in found.values())
    shown, ends = {}, {}
    for symbol, number in found.items():
        pairs = np.append(np.sort(number.pairs), np.full(size - number.pairs.size, np.nan))
        error = number.error if np.isfinite(number.error) else np.nan  # of fewer than three pairs there is none
        mean = (number.value - error, number.value, number.value + error)
        low, shown[str(symbol)], high = (np.append(pairs, m) for m in mean)
        ends[str(symbol)] = np.stack([low, high])
    if log:
        shown, ends = ({label: np.exp(values) for label, values in of.items()} for of in (shown, ends))
    what = "ratio" if log else "difference"
    numbers = " and ".join(dict.fromkeys(f"{part.rel_op} {part.rhs}" for part in _parts(claim)))
    return along(
        [*range(1, size + 1), size + 2],
        shown,
        {str(part.lhs): float(part.rhs) for part in _parts(claim)},
        title=f"The mean {what} is claimed to be {numbers}",
        xlabel="pairs in increasing order; last: their mean",
        ylabel=what,
        yscale="log" if log else "linear",
        interval=ends,
    )


def _room(claim: Claim, found: Mapping[sp.Basic, Difference]) -> list[float]:
    """Return by how many standard errors each relation of the claim is met; negative where it is missed."""
    room = []
    for part in _parts(claim):
        number = found[part.lhs]
        claimed = float(part.rhs)
        gap = number.value - (float(np.log(claimed)) if number.log else claimed)
        room.append((-gap if isinstance(part, (sp.LessThan, sp.StrictLessThan)) else gap) / max(number.error, 1e-12))
    return room
