"""The part of a loss curve that a rate may be fitted to: above every floor, and its upper envelope if it oscillates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["DecayCurve", "decay_curve", "local_maxima"]

# A fit stays this factor above a floor, so that the floor adds at most 1 % to what is fitted.
_CLEARANCE = math.log(100.0)
# Shares of the grid, from the end, that are tested for being a floor.
_SUFFIXES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
_FEWEST_FLOOR_POINTS = 12
# A floor is rough; a smooth curve that has become slower is not a floor.
_ROUGH = 0.6
_FLAT = 0.01


@dataclass(frozen=True)
class DecayCurve:
    """log(loss) above the floor, or its maxima; `halved_at` is when the loss first fell below half its start."""

    times: Float[np.ndarray, " m"]
    logs: Float[np.ndarray, " m"]
    halved_at: float
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
    keep = _before_floor(times, np.log(losses))
    times, losses = times[:keep], losses[:keep]
    below_half = np.flatnonzero(losses < 0.5 * losses[0]) if losses.size else np.empty(0)
    halved_at = float(times[int(below_half[0])]) if below_half.size else math.inf
    oscillating = False
    # Twice: beats between modes leave an envelope that oscillates itself.
    for fewest in (3, 12):
        if not _oscillates(losses):
            break
        when, height = local_maxima(times, losses)
        if when.size < fewest:
            break
        times, losses, oscillating = when, height, True
    return DecayCurve(times, np.log(losses), halved_at, oscillating)


def local_maxima(
    times: Float[np.ndarray, " t"], values: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Interior maxima, each from the parabola through the highest grid point and its neighbours."""
    top = np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:])) + 1
    left, right = times[top] - times[top - 1], times[top + 1] - times[top]
    rise = (values[top] - values[top - 1]) / left
    fall = (values[top] - values[top + 1]) / right
    curvature = (rise + fall) / (left + right)
    slope = (rise * right - fall * left) / (left + right)
    shift = np.clip(slope / (2.0 * curvature), -0.5 * left, 0.5 * right)
    return times[top] + shift, values[top] + shift * (slope - curvature * shift)


def _oscillates(losses: Float[np.ndarray, " t"]) -> bool:
    """Whether rises make up a sizeable part of the way down."""
    if losses.size < 5:
        return False
    steps = np.diff(np.log(losses))
    up = float(steps[steps > 0.0].sum())
    return up > 0.1 * abs(float(steps.sum())) and int((np.diff(np.sign(steps)) < 0).sum()) >= 3


def _before_floor(times: Float[np.ndarray, " t"], logs: Float[np.ndarray, " t"]) -> int:
    """Number of leading points that stay clear of a floor (a rough or a flat end of the curve)."""
    inside = times > 0.0
    if int(inside.sum()) < 2 * _FEWEST_FLOOR_POINTS:
        return times.size
    x = np.log(times[inside])
    y = logs[inside]
    for share in _SUFFIXES:
        start = x.size - max(_FEWEST_FLOOR_POINTS, int(share * x.size))
        if start < 0 or not _is_floor(x[start:], y[start:], _steepest(x[: start + 1], y[: start + 1])):
            continue
        level = float(np.median(y[start:])) + _CLEARANCE
        clear = np.flatnonzero(logs > level)
        return int(clear[-1]) + 1 if clear.size else 0
    return times.size


def _is_floor(x: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], steepest: float) -> bool:
    """Whether y(x) is flat: constant to 1 %, or rough and with a slope significantly below a third of the earlier one."""
    if float(y.max() - y.min()) < _FLAT:
        return True
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(dx @ dx)
    slope = float(dx @ dy) / spread
    residual = dy - slope * dx
    total = float(residual @ residual)
    if total == 0.0 or float(residual[1:] @ residual[:-1]) > _ROUGH * total:
        return False
    error = math.sqrt(total / (x.size - 2) / spread)
    return -slope + 2.5 * error < steepest / 3.0


def _steepest(x: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> float:
    """The largest mean log-log decay from the start over at least half the (logarithmic) way; 0 if there is none."""
    far = np.flatnonzero(x >= 0.5 * (x[0] + x[-1]))
    if x.size < 3:
        return 0.0
    return max(0.0, float(np.max((y[0] - y[far]) / (x[far] - x[0]))))
