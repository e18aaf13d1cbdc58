"""Parts of figures 2-5: iteration counts in words, rows, thinned curves, and whether a claim reproduced."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from odeflow.figures import Curve, RateRow
from odeflow.numeric.linear_training import GradientDescent
from theory.arora2018_implicit_acceleration._regressions import Make, Problem, Tuned

__all__ = [
    "ALIKE",
    "alike",
    "compared",
    "counted",
    "depth_remarks",
    "faster",
    "first_below",
    "gap_after_shift",
    "medians",
    "outcome",
    "product",
    "said",
    "said_all",
    "strictest",
    "sup_gap",
    "thinned",
    "tuned_curve",
    "tuned_row",
]

ALIKE = 0.2
"""Two iteration counts are alike if they differ by at most this share."""
FLOOR = 1e-10
"""Less than this share of what there is to gain is rounding of the losses."""


def product(layers: Sequence[Float[np.ndarray, "_ _"]]) -> Float[np.ndarray, "k d"]:
    """Return W_N ... W_1."""
    product = np.asarray(layers[0])
    for W in layers[1:]:
        product = W @ product
    return product


def first_below(curve: Float[np.ndarray, " k"], level: float) -> float:
    """Return the first iteration at which a curve is at most a level, infinity if none is."""
    below = np.flatnonzero(curve <= level)
    return float(below[0]) if below.size else math.inf


def sup_gap(a: Float[np.ndarray, " k"], b: Float[np.ndarray, " k"]) -> float:
    """Return how far two curves are apart."""
    return float(np.abs(a - b).max())


def gap_after_shift(net: Float[np.ndarray, " k"], rule: Float[np.ndarray, " k"], at: float, other: float) -> float:
    """Return how far the curves are apart when both are at 50 % at the same time; 0 if one never gets there."""
    if not (math.isfinite(at) and math.isfinite(other)):
        return 0.0
    shift = int(at - other)
    a, b = (net[shift:], rule) if shift >= 0 else (net, rule[-shift:])
    length = min(a.size, b.size)
    return sup_gap(a[:length], b[:length])


def alike(a: float, b: float) -> bool:
    """Tell whether two iteration counts are alike."""
    return math.isfinite(a) and math.isfinite(b) and abs(a - b) <= ALIKE * max(a, b)


def medians(tuned: Sequence[Tuned]) -> list[float]:
    """Return the median number of iterations to each level."""
    return [float(np.median(column)) for column in zip(*(t.steps for t in tuned), strict=True)]


def strictest(*counts: Sequence[float]) -> int:
    """Return the strictest level that somebody reached."""
    reached = [level for level in range(len(counts[0])) if any(math.isfinite(c[level]) for c in counts)]
    return reached[-1] if reached else 0


def faster(fast: Sequence[float], slow: Sequence[float]) -> bool:
    """Tell who is faster to the strictest level that somebody reached."""
    level = strictest(fast, slow)
    return fast[level] < slow[level]


def compared(statement: str, fast: Sequence[float], slow: Sequence[float], grid: str) -> str:
    """Compare two methods at the strictest level that one of them reached, in a sentence."""
    level = strictest(fast, slow)
    share = ("50 %", "90 %", "99 %", "99.9 %")[level + 4 - len(fast)]
    return outcome(
        fast[level] < slow[level],
        f"{statement} ({grid}; {said(fast[level])} against {said(slow[level])} iterations to {share})",
    )


def depth_remarks(power: int, grid: str, counts: dict[int, list[float]]) -> list[str]:
    """Say whether depth 2 and 3 slow down training with l2 loss and accelerate it with l4 loss."""
    words = "slows down" if power == 2 else "accelerates"
    out = []
    for depth in (2, 3):
        pair = (counts[1], counts[depth]) if power == 2 else (counts[depth], counts[1])
        out.append(compared(f"with l{power} loss depth {depth} {words} training", *pair, grid))
    return out


def tuned_curve(
    problem: Problem, label: str, layers: Sequence[Float[np.ndarray, "_ _"]], tuned: Tuned, steps: int, group: int, *,
    make: Make = GradientDescent, dashed: bool = False,
) -> list[Curve]:  # fmt: skip
    """Draw a run at its best rate; nothing if no rate reached a level."""
    if math.isnan(tuned.best):
        rate, last = 1e-3, steps
    else:
        finite = [count for count in tuned.steps if math.isfinite(count)]
        rate, last = tuned.best, min(steps, max(100, int(3 * finite[-1])))
    at, left = problem.curve(layers, make(rate), last, points=4000)
    keep = np.unique(np.geomspace(1, at.size, 400).astype(int)) - 1
    return [Curve(label, at[keep] + 1.0, above_floor(left[keep]), theory=dashed, group=group)]


def thinned(label: str, curve: Float[np.ndarray, " k"], group: int, *, theory: bool = False) -> Curve:
    """Return a curve of every iteration as about 400 points."""
    every = max(1, curve.size // 400)
    return Curve(label, np.arange(0, curve.size, every, dtype=float), above_floor(curve[::every]), theory, group)


def above_floor(left: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Blank what is only rounding."""
    return np.where(np.isfinite(left) & (left > FLOOR), left, np.nan)


def counted(what: str, counts: Float[np.ndarray, " s"], theory: str, paper: str) -> RateRow:
    """Return a row of iteration counts: the median over seeds, with the range."""
    interval = (float(counts.min()), float(counts.max())) if counts.size > 1 else None
    return RateRow(what, float(np.median(counts)), interval, theory, paper)


def said_all(counts: Float[np.ndarray, " s"]) -> str:
    """Say iteration counts: the median, with the range."""
    if counts.size == 1:
        return said(float(counts[0]))
    return f"{said(float(np.median(counts)))} [{said(float(counts.min()))}, {said(float(counts.max()))}]"


def said(count: float) -> str:
    """Say an iteration count."""
    return f"{count:.0f}" if math.isfinite(count) else "never"


def tuned_row(
    what: str, tuned: Sequence[Tuned], paper: str, *, levels: tuple[str, ...] = ("90", "99", "99.9")
) -> RateRow:
    """Name the iterations to the strictest level reached, and those to all levels with their rates."""
    counts, level = medians(tuned), strictest(medians(tuned))
    rates = ", ".join("-" if math.isnan(rate) else f"{rate:.3g}" for rate in tuned[0].rates)
    every = f"{' / '.join(map(said, counts))} to {' / '.join(levels)} %, rates {rates}"
    at = np.array([t.steps[level] for t in tuned])
    return counted(f"{what}: iterations to {levels[level]} % ({every})", at, "", paper)


def outcome(reproduced: bool, statement: str) -> str:
    """Say whether a qualitative statement was found to hold in this run."""
    return f"{'Reproduced' if reproduced else 'Not reproduced'}: {statement}."
