"""Straight lines through log losses: slope, scatter, drift, bend. Arguments are checked by `odeflow.numeric.rates`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import stdtrit

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_finite

__all__ = ["LineFit", "bend_with_interval", "checked_confidence", "fit_line"]

_BEND_RANGE = (-2.0, 4.0)
_BLOCKS = 8
# F statistic above which a next-order term counts as real (about the 5 % point of F(1, many)).
_SIGNIFICANT = 4.0
# Residuals with a larger lag-one correlation are structure, not noise: then the next order is always allowed for.
_STRUCTURE = 0.5
# The correction itself is uncertain by orders not looked at: reach half of it further.
_BEYOND = 0.5
_EXACT = 1e-12


@dataclass(frozen=True)
class LineFit:
    """Slope of log(loss) against u, the exponents its interval must span, half the width of scatter, and the rest."""

    exponent: float
    candidates: tuple[float, ...]
    half_width: float
    intercept: float
    residual: float
    drift: float


def fit_line(
    u: Float[np.ndarray, " m"],
    y: Float[np.ndarray, " m"],
    next_order: Float[np.ndarray, " m"],
    level: float,
    *,
    mixture: bool,
) -> LineFit:
    """Fit y = intercept - exponent u, equal lengths of u having equal weight; `mixture` if a sum of laws is possible.

    Weighting by length makes the slope a property of the curve, not of where the grid is dense.
    """
    weights = np.gradient(u)
    intercept, slope, mean_square = _line(u, y, weights)
    candidates, drift = _with_drift(u, y, weights, next_order, -slope, mean_square, level, mixture)
    blocks = _blocks(weights, _BLOCKS)
    replicates = np.array([-_line(*(np.delete(a, block) for a in (u, y, weights)))[1] for block in blocks])
    return LineFit(
        exponent=-slope,
        candidates=tuple(candidates),
        half_width=_jackknife_half_width(replicates, level),
        intercept=intercept,
        residual=math.sqrt(mean_square),
        drift=drift,
    )


def bend_with_interval(
    t: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], level: float
) -> tuple[float, float, float]:
    """Return the best q of y = a - k (t^(1-q) - 1)/(1-q), and the ends of its interval."""
    best = _best_bend(t, y)
    blocks = _blocks(np.gradient(np.log(t)), _BLOCKS)
    replicates = np.array([_best_bend(np.delete(t, block), np.delete(y, block)) for block in blocks])
    half = _jackknife_half_width(replicates, level)
    return best, best - half, best + half


def checked_confidence(confidence: float) -> float:
    """Return `confidence` as a float strictly between 0 and 1."""
    level = require_finite("confidence", confidence)
    if not 0.0 < level < 1.0:
        raise InvalidArgumentError(f"Expected 0 < confidence < 1 but got confidence={confidence}.")
    return level


def _line(
    u: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], weights: Float[np.ndarray, " m"]
) -> tuple[float, float, float]:
    """Return intercept and slope of the weighted line, and its mean squared residual."""
    total = weights.sum()
    centre_u, centre_y = weights @ u / total, weights @ y / total
    du, dy = u - centre_u, y - centre_y
    slope = float((weights * du) @ dy / ((weights * du) @ du))
    residual = dy - slope * du
    return float(centre_y) - slope * float(centre_u), slope, float(weights @ residual**2 / total)


def _with_drift(
    u: Float[np.ndarray, " m"],
    y: Float[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"],
    next_order: Float[np.ndarray, " m"],
    plain: float,
    mean_square: float,
    level: float,
    mixture: bool,
) -> tuple[list[float], float]:
    """Return the exponents that the interval must span, and the change of the local exponent over the window."""
    thirds = _blocks(weights, 3)
    if len(thirds) < 3 or min(third.size for third in thirds) < 2:
        thirds = np.array_split(np.arange(u.size), 3)
    if thirds[0].size < 2 or thirds[1].size < 2 or thirds[2].size < 2:
        return [plain], 0.0
    first, middle, last = (-_line(u[i], y[i], weights[i])[1] for i in thirds)
    drift = last - first
    if math.sqrt(mean_square) < _EXACT:
        return [plain], drift
    corrected, corrected_square, residual = _corrected(u, y, weights, next_order)
    gained = (mean_square - corrected_square) * max(u.size - 3.0, 1.0)
    if gained <= _SIGNIFICANT * corrected_square and _lag_one(residual) < _STRUCTURE:
        return [plain], drift
    step, before = last - middle, middle - first
    dies_out = before != 0.0 and 0.0 < step / before < 0.8
    # A geometric tail (Aitken); where nothing dies out, allow for as much again.
    extrapolated = last + (step * step / (before - step) if dies_out else drift)
    arrays = (u, y, weights, next_order)
    replicates = [_corrected(*(np.delete(a, b) for a in arrays))[0] for b in _blocks(weights, _BLOCKS)]
    half = _jackknife_half_width(np.array(replicates), level)
    reached = corrected + _BEYOND * (corrected - plain)
    candidates = [plain, reached, corrected - half, corrected + half, extrapolated]
    if mixture and drift < 0.0:
        # For a mixture of exponentials -dy/dt is the mean of the rates and d2y/dt2 their variance; if the slowest
        # carries at least half of what is left, the mean is at most one standard deviation above it.
        candidates.append(last - math.sqrt(-drift / (2.0 / 3.0 * float(u[-1] - u[0]))))
    return candidates, drift


def _corrected(
    u: Float[np.ndarray, " m"],
    y: Float[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"],
    next_order: Float[np.ndarray, " m"],
) -> tuple[float, float, Float[np.ndarray, " m"]]:
    """Fit a line plus a multiple of `next_order`: the line's exponent, the mean squared residual, the residuals."""
    centred = next_order - next_order.mean()
    centred = centred / max(float(np.abs(centred).max()), 1e-300)
    basis = np.stack([np.ones_like(u), (u - u.mean()) / (u[-1] - u[0]), centred], axis=1)
    root = np.sqrt(weights)
    coefficients = np.linalg.lstsq(basis * root[:, None], y * root, rcond=None)[0]
    residual = y - basis @ coefficients
    return -float(coefficients[1]) / float(u[-1] - u[0]), float(weights @ residual**2 / weights.sum()), residual


def _lag_one(residual: Float[np.ndarray, " m"]) -> float:
    total = float(residual @ residual)
    return float(residual[1:] @ residual[:-1]) / total if total > 0.0 else 0.0


def _blocks(weights: Float[np.ndarray, " m"], count: int) -> list[Int[np.ndarray, " b"]]:
    """Contiguous, non-empty blocks of indices of about equal weight."""
    middle = np.cumsum(weights) - 0.5 * weights
    label = np.minimum((count * middle / weights.sum()).astype(np.int64), count - 1)
    return [np.flatnonzero(label == k) for k in np.unique(label)]


def _jackknife_half_width(replicates: Float[np.ndarray, " b"], level: float) -> float:
    """Half the Student interval of the delete-a-block jackknife."""
    count = replicates.size
    if count < 2:
        return math.inf
    variance = (count - 1.0) / count * float(((replicates - replicates.mean()) ** 2).sum())
    return float(stdtrit(count - 1, 0.5 + 0.5 * level)) * math.sqrt(variance)


def _best_bend(t: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> float:
    """Best q in _BEND_RANGE, by a grid and golden sections; lengths of t and of log t weigh alike."""
    logs = np.log(t)
    logs = logs - logs.mean()
    weights = np.gradient(t) / (t[-1] - t[0]) + np.gradient(logs) / (logs[-1] - logs[0])

    def misfit(q: float) -> float:
        u = logs if abs(1.0 - q) < 1e-9 else np.expm1((1.0 - q) * logs) / (1.0 - q)
        return _line(u, y, weights)[2]

    grid = np.linspace(*_BEND_RANGE, 61)
    width = float(grid[1] - grid[0])
    start = float(grid[int(np.argmin([misfit(float(q)) for q in grid]))])
    low, high = max(start - width, _BEND_RANGE[0]), min(start + width, _BEND_RANGE[1])
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(30):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if misfit(left) < misfit(right) else (left, high)
    return 0.5 * (low + high)
