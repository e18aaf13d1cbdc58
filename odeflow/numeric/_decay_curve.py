"""The part of a loss curve that a rate may be fitted to: above every floor, and its upper envelope if it oscillates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

__all__ = ["DecayCurve", "decay_curve", "local_maxima"]

# A fit stays this factor above a floor, so that the floor adds at most 1 % to what is fitted.
_CLEARANCE = 100.0
# Shares of the grid, from the end, that are tested for being a floor.
_SUFFIXES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
_FEWEST_FLOOR_POINTS = 12
# A floor is rough; a smooth curve that has become slower is not a floor.
_ROUGH = 0.6
_FLAT = 0.01
_SMALL_RISE = math.log(2.0)
_GROUPS = 16
_FEWEST_GROUPS = 8


@dataclass(frozen=True)
class DecayCurve:
    """log(loss) above the floor, or at its maxima (interpolated, and on the grid).

    `halved_at` is when the loss first fell below half its start; `floor` is the level found at the end, 0 if none.
    """

    times: Float[np.ndarray, " m"]
    logs: Float[np.ndarray, " m"]
    grid_times: Float[np.ndarray, " m"]
    grid_logs: Float[np.ndarray, " m"]
    halved_at: float
    floor: float
    oscillating: bool

    def between(self, start: float, end: float) -> tuple[Float[np.ndarray, " w"], Float[np.ndarray, " w"]]:
        """Return the part with start <= t <= end."""
        inside = (self.times >= start) & (self.times <= end)
        return self.times[inside], self.logs[inside]


def decay_curve(times: Float[np.ndarray, " t"], losses: Float[np.ndarray, " t"], lowest: float) -> DecayCurve:
    """Cut a curve at its floor and take its envelope when it oscillates."""
    above = np.flatnonzero(losses > lowest)
    keep = int(above[-1]) + 1 if above.size else 0
    times, losses = times[:keep], losses[:keep]
    positive = losses > 0.0
    times, losses = times[positive], losses[positive]
    keep, floor = _before_floor(times, losses)
    times, losses = times[:keep], losses[:keep]
    below_half = np.flatnonzero(losses < 0.5 * losses[0]) if losses.size else np.empty(0)
    halved_at = float(times[int(below_half[0])]) if below_half.size else math.inf
    when, height = times, losses
    oscillating = False
    # Twice: beats between modes leave an envelope that oscillates itself.
    for fewest in (1, 12):
        if not _oscillates(height):
            break
        top = _interior_maxima(height)
        if top.size < fewest:
            break
        times, losses = times[top], losses[top]
        when, height = local_maxima(when, height)
        oscillating = True
    return DecayCurve(when, np.log(height), times, np.log(losses), halved_at, floor, oscillating)


def local_maxima(
    times: Float[np.ndarray, " t"], values: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Interior maxima, each from the parabola through the highest grid point and its neighbours."""
    top = _interior_maxima(values)
    left, right = times[top] - times[top - 1], times[top + 1] - times[top]
    rise = (values[top] - values[top - 1]) / left
    fall = (values[top] - values[top + 1]) / right
    curvature = (rise + fall) / (left + right)
    slope = (rise * right - fall * left) / (left + right)
    shift = np.clip(slope / (2.0 * curvature), -0.5 * left, 0.5 * right)
    return times[top] + shift, values[top] + shift * (slope - curvature * shift)


def _interior_maxima(values: Float[np.ndarray, " t"]) -> Int[np.ndarray, " m"]:
    return np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:])) + 1


def _oscillates(losses: Float[np.ndarray, " t"]) -> bool:
    """Whether rises make up a sizeable part of the way down, and are not just small independent noise."""
    if losses.size < 5:
        return False
    steps = np.diff(np.log(losses))
    rises = steps[steps > 0.0]
    if float(rises.sum()) <= 0.1 * abs(float(steps.sum())) or int((np.diff(np.sign(steps)) < 0).sum()) < 1:
        return False
    # Differences of independent noise have lag-one correlation -1/2; its maxima carry no more than itself.
    steps = steps - steps.mean()
    jagged = float(steps[1:] @ steps[:-1]) < -0.2 * float(steps @ steps)
    return not (jagged and float(np.median(rises)) < _SMALL_RISE)


def _before_floor(times: Float[np.ndarray, " t"], losses: Float[np.ndarray, " t"]) -> tuple[int, float]:
    """Number of leading points that stay clear of a floor (a rough or a flat end of the curve), and its level or 0."""
    first = int(np.searchsorted(times, 0.0, side="right"))
    x, values = np.log(times[first:]), losses[first:]
    if x.size < 2 * _FEWEST_FLOOR_POINTS:
        return times.size, 0.0
    still_to_come = np.log(np.maximum.accumulate(values[::-1])[::-1])
    for share in _SUFFIXES:
        start = x.size - max(_FEWEST_FLOOR_POINTS, int(share * x.size))
        if not _is_floor(x[start:], values[start:], _steepest(x[: start + 1], still_to_come[: start + 1])):
            continue
        level = float(np.mean(values[start:]))
        clear = np.flatnonzero(losses > _CLEARANCE * level)
        return (int(clear[-1]) + 1 if clear.size else 0), level
    return times.size, 0.0


def _is_floor(x: Float[np.ndarray, " m"], values: Float[np.ndarray, " m"], steepest: float) -> bool:
    """Whether values(x) is flat: constant to 1 %, or rough and with a slope significantly below half of before."""
    logs = np.log(values)
    if float(logs.max() - logs.min()) < _FLAT:
        return True
    if _correlation(x, logs) > _ROUGH:
        return False
    # Means over groups have far less scatter than logs, whose tail towards zero is long.
    groups = np.array_split(np.arange(x.size), min(_GROUPS, x.size // 3)) if x.size >= 3 * _FEWEST_GROUPS else None
    if groups is not None:
        x = np.array([x[g].mean() for g in groups])
        logs = np.log(np.array([values[g].mean() for g in groups]))
    dx, dy = x - x.mean(), logs - logs.mean()
    spread = float(dx @ dx)
    slope = float(dx @ dy) / spread
    residual = dy - slope * dx
    error = math.sqrt(float(residual @ residual) / (x.size - 2) / spread)
    return -slope + 2.5 * error < 0.5 * steepest


def _correlation(x: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> float:
    """Lag-one correlation of y about its straight line in x; 1 for an exact line."""
    dx, dy = x - x.mean(), y - y.mean()
    residual = dy - float(dx @ dy) / float(dx @ dx) * dx
    total = float(residual @ residual)
    return float(residual[1:] @ residual[:-1]) / total if total > 0.0 else 1.0


def _steepest(x: Float[np.ndarray, " m"], envelope: Float[np.ndarray, " m"]) -> float:
    """The largest mean log-log decay from the start over at least half the (logarithmic) way; 0 if there is none."""
    far = np.flatnonzero(x >= 0.5 * (x[0] + x[-1]))
    if x.size < 3:
        return 0.0
    return max(0.0, float(np.max((envelope[0] - envelope[far]) / (x[far] - x[0]))))
