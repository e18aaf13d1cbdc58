"""The steps of `odeflow.numeric.weight_flow`: the field of an optimiser's ODE on weights, and DOP853 along it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from jaxtyping import Float
from scipy.integrate import DOP853

from odeflow.flows import ConcreteFlow, Laurent

__all__ = ["Field", "Vector", "follow"]

FIRST_TIME = 1e-4
"""Where a flow with friction r/t starts, in units of the first wanted time or of 1/sqrt(curvature)."""

Vector = Float[np.ndarray, " p"]
Powers = tuple[tuple[float, float], ...]


class _Spent(Exception):
    """The gradients that a run may take are spent; steps that cannot end, on numbers that are none, end so as well."""


class Field:
    """The right-hand side for the state (w, w', ..., w^(k-2), u), flattened."""

    def __init__(self, gradient: Callable[[Vector], Vector], flow: ConcreteFlow, size: int) -> None:
        self.gradient, self.flow, self.size = gradient, flow, size
        self.damping = [_floats(c) for c in flow.damping]
        self.point = [_floats(c) for c in flow.point]
        self.beta, self.gamma = _floats(flow.hessian), _floats(flow.gradient)
        self.evaluations, self.limit = 0, 0

    def at_rest(self, w: Vector, grid: Float[np.ndarray, " t"]) -> tuple[float, Float[np.ndarray, " k"]]:
        """Return the time and the state at which the trajectory begins."""
        flow, k = self.flow, self.flow.order
        x = np.zeros((k, self.size))
        x[0] = w
        time = 0.0
        if not flow.is_regular:
            known = flow.singular_start()
            time = float(grid[0])
            if known is not None:
                r, factor = known
                g = self.gradient(w)
                moved = float(np.linalg.norm(g)) or 1.0
                # the curvature along g: what a small step changes the gradient by
                step = 1e-6 * max(float(np.linalg.norm(w)), 1.0) / moved
                bent = float(np.linalg.norm(self.gradient(w - step * g) - g)) / (step * moved)
                time = FIRST_TIME * min(time, 1.0 / math.sqrt(max(bent, 1e-300)))
                x[0] -= time * time * factor / (2.0 * (1.0 + r)) * g
                x[1] = -time * factor / (1.0 + r) * g
        if self.beta:
            x[-1] += _value(self.beta, time) * self.gradient(self._point(x, time))
        return time, x.ravel()

    def __call__(self, time: float, state: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        if self.evaluations >= self.limit:
            raise _Spent
        self.evaluations += 1
        x = state.reshape(self.flow.order, self.size)
        g = self.gradient(self._point(x, time))
        moved = np.empty_like(x)
        top = -_value(self.gamma, time) * g
        if self.beta:
            top += _slope(self.beta, time) * g
            x = x.copy()
            x[-1] -= _value(self.beta, time) * g
        for j, coefficient in enumerate(self.damping, start=1):
            if coefficient:
                top -= _value(coefficient, time) * x[j]
        moved[:-1] = x[1:]
        moved[-1] = top
        return moved.ravel()

    def _point(self, x: Float[np.ndarray, "k p"], time: float) -> Vector:
        """Return y; a flow with a Hessian has no w^(k-1) in it."""
        y: Vector = x[0]
        for j, coefficient in enumerate(self.point[1:], start=1):
            if coefficient:
                y = y + _value(coefficient, time) * x[j]
        return y


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def follow(
    field: Field,
    w: Vector,
    grid: Float[np.ndarray, " t"],
    observe: Callable[[Vector], Float[np.ndarray, " q"]],
    tolerance: float,
    limit: int,
) -> tuple[Float[np.ndarray, "r q"], Vector, int]:
    """Return what was observed at the times reached, the last weights, and how many times those are."""
    records: list[Float[np.ndarray, " q"]] = []
    last = w
    if grid.size == 0:
        return np.empty((0, 0)), last, 0
    time, state = field.at_rest(w, grid)
    if not np.isfinite(state).all():
        return np.empty((0, 0)), last, 0
    size = float(np.abs(w).max()) or 1.0
    while len(records) < grid.size and grid[len(records)] <= time:
        records.append(observe(w))
    field.limit = limit
    with suppress(_Spent):
        solver = DOP853(field, time, state, float(grid[-1]), rtol=tolerance, atol=tolerance * size)
        while len(records) < grid.size:
            # Steps end at the wanted times: where they are long for the fast modes, interpolants err far more.
            solver.t_bound, solver.status = float(grid[len(records)]), "running"
            solver.step()
            if solver.status == "failed" or not np.isfinite(solver.y).all():
                break
            if solver.t >= solver.t_bound:
                last = solver.y[: w.size]
                records.append(observe(last))
    return np.array(records).reshape(len(records), observe(last).size), last, len(records)


def _floats(coefficient: Laurent) -> Powers:
    return tuple((float(p), float(c)) for p, c in coefficient)


def _value(coefficient: Powers, time: float) -> float:
    now = np.float64(time)  # overflows to infinity where Python's numbers raise
    return float(sum(c * now**p if p else c for p, c in coefficient))


def _slope(coefficient: Powers, time: float) -> float:
    now = np.float64(time)
    return float(sum(c * p * now ** (p - 1.0) for p, c in coefficient if p))
