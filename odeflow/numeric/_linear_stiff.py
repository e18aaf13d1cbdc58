"""Implicit steps for deep linear networks whose learned modes are much faster than the plateau they wait on.

Radau IIA of order 5 (SciPy) on the layers, with the Jacobian of the compiled field by central differences. The field is
a gradient: its Jacobian is minus a Hessian, whose fast eigenvalues N s^{2-2/N} are real, so that nothing oscillates
and the steps follow the plateau alone. Every record is the end of a step: the method's own interpolant is of order 3.
"""

from __future__ import annotations

import warnings
from typing import cast

import numpy as np
from jaxtyping import Float
from scipy.integrate import Radau
from scipy.linalg import LinAlgWarning

from odeflow.errors import IntegrationError
from odeflow.numeric import _linear_flow_kernels

__all__ = ["LARGEST_STATE", "implicit_pays", "implicit_states", "stiffness"]

LARGEST_STATE = 1000
"""Numbers in all layers up to which implicit steps are taken: the Jacobian and two factorisations are squares of it."""
TIGHTEST = 3e-14
"""SciPy's solvers accept no smaller relative tolerance."""


def stiffness(widths: list[int], target: Float[np.ndarray, "k _"], inputs: Float[np.ndarray, "d n"] | None) -> float:
    """Estimate the fastest rate of the learned network, r = N s^{2-2/N} |X X^T| with s = |M|, from the data alone."""
    depth = len(widths) - 1
    if inputs is None:
        learned, moment = target, 1.0
    else:
        learned = np.linalg.lstsq(inputs.T, target.T, rcond=None)[0].T
        moment = float(np.linalg.norm(inputs, 2)) ** 2
    size = float(np.linalg.norm(learned, 2))
    return float(depth * size ** (2.0 - 2.0 / depth) * moment)


def implicit_pays(size: int, stiff_time: float) -> bool:
    """Tell whether implicit steps are expected to cost less than the 1.9 `stiff_time` evaluations of explicit ones.

    Measured: a tie at `stiff_time` = 1e6 for 16 to 90 weights and, by the factorisations, at 1.6e6 for 264 and about
    1e7 for 400; the implicit run is then 20 to 100 times as accurate at the same tolerance.
    """
    return size <= LARGEST_STATE and stiff_time > 1e6 * max(1.0, (size / 100.0) ** 2)


def implicit_states(
    packed: Float[np.ndarray, " p"],
    start: Float[np.ndarray, " s"],
    grid: Float[np.ndarray, " t"],
    rtol: float,
    atol: float,
    limit: int,
) -> tuple[Float[np.ndarray, "t s"], tuple[int, int]]:
    """Integrate the layers over `grid`, whose first entry is 0; return the states and (steps, evaluations)."""

    def field(_t: float, y: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
        out = np.empty_like(y)
        _linear_flow_kernels.evaluate(y, packed, out)
        return _finite(out)

    def jacobian(_t: float, y: Float[np.ndarray, " s"]) -> Float[np.ndarray, "s s"]:
        out = np.empty((y.size, y.size))
        _linear_flow_kernels.differentiate(y, packed, out)
        return _finite(out)

    states = np.empty((grid.size, start.size))
    states[0] = start
    solver = Radau(field, 0.0, start, grid[1], rtol=max(rtol, TIGHTEST), atol=atol, jac=jacobian)
    steps = 0
    for number, moment in enumerate(grid[1:], start=1):
        solver.t_bound, solver.status = float(moment), "running"
        while solver.status == "running":
            message = _step(solver) if steps < limit else "more than max_steps steps"
            if message is not None:
                raise IntegrationError(
                    f"The flow of the layers stopped at t={solver.t:g} of {grid[-1]:g} after {steps} implicit steps: "
                    f"{message}. Raise max_steps or the tolerance, shorten the time, or pass solver=Solver.EXPLICIT.",
                    partial=states[:number],
                )
            steps += 1
        states[number] = solver.y
    return states, (steps, int(solver.nfev + 2 * start.size * solver.njev))


def _step(solver: Radau) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", LinAlgWarning)
        try:
            return cast("str | None", solver.step())
        except LinAlgWarning:
            return "the matrix of the implicit equations is singular in double precision"


def _finite(values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    if not np.isfinite(values).all():
        raise FloatingPointError("overflow in the field of the layers")
    return values
