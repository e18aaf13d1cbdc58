"""The steps of `odeflow.numeric.weight_flow`: the field of an optimiser's ODE on weights, and DOP853 along it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.integrate import DOP853

from odeflow.flows import ConcreteFlow, Laurent

__all__ = ["Field", "Vector", "follow", "is_regular", "start_from_rest"]

FIRST_TIME = 1e-4
"""Where a flow with friction r/t starts, in units of the first wanted time or of 1/sqrt(curvature)."""

Vector = Float[np.ndarray, " p"]
Powers = tuple[tuple[float, float], ...]


def start_from_rest(flow: ConcreteFlow) -> tuple[float, float] | None:
    """Return (r, gamma(0)) if a flow of order 2 starts from rest at a singular t = 0 like x'' + (r/t) x' + gamma g = 0.

    Then x = x0 - t^2 gamma g/(2 (1 + r)) + o(t^2) and x' = -t gamma g/(1 + r) + o(t), with g the gradient at x0.
    None if it is regular there, or singular in another way.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> start_from_rest(parse_flow("x'' + 3/t*x' + 1/2*hess*x' + (1 + t)*grad(x)").at())
    (3.0, 1.0)
    """
    if flow.order != 2:
        return None
    ((power, r), *_) = flow.damping[0] or ((0, 0),)
    others = (flow.gradient, flow.hessian, *flow.point)
    if power != -1 or r <= -1 or any(p < 0 for c in others for p, _ in c):
        return None
    return float(r), float(next((c for p, c in flow.gradient if p == 0), 0))


def is_regular(flow: ConcreteFlow) -> bool:
    """Return whether every coefficient has a value at t = 0.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> is_regular(parse_flow("x'' + 3/t*x' + grad(x)").at()), is_regular(parse_flow("x' + t*grad(x)").at())
    (False, True)
    """
    return all(p >= 0 for c in (*flow.damping, flow.gradient, flow.hessian, *flow.point) for p, _ in c)


class Field:
    """The right-hand side for the state (w, w', ..., w^(k-2), u), flattened."""

    def __init__(self, gradient: Callable[[Vector], Vector], flow: ConcreteFlow, size: int) -> None:
        self.gradient, self.flow, self.size = gradient, flow, size
        self.damping = [_floats(c) for c in flow.damping]
        self.point = [_floats(c) for c in flow.point]
        self.beta, self.gamma = _floats(flow.hessian), _floats(flow.gradient)
        self.evaluations = 0

    def at_rest(self, w: Vector, grid: Float[np.ndarray, " t"]) -> tuple[float, Float[np.ndarray, " k"]]:
        """Return the time and the state at which the trajectory begins."""
        flow, k = self.flow, self.flow.order
        x = np.zeros((k, self.size))
        x[0] = w
        time = 0.0
        if not is_regular(flow):
            known = start_from_rest(flow)
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


@np.errstate(over="ignore", invalid="ignore")
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
    size = float(np.abs(w).max()) or 1.0
    while len(records) < grid.size and grid[len(records)] <= time:
        records.append(observe(w))
    if len(records) < grid.size:
        solver = DOP853(field, time, state, float(grid[-1]), rtol=tolerance, atol=tolerance * size)
        while len(records) < grid.size and field.evaluations < limit:
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
    return math.fsum(c * time**p if p else c for p, c in coefficient)


def _slope(coefficient: Powers, time: float) -> float:
    return math.fsum(c * p * time ** (p - 1.0) for p, c in coefficient if p)
