"""Where does an optimiser's ODE take the weights of a network? Any flow of `odeflow.flows`, any loss with a gradient.

    w^(k) + sum_j c_j(t) w^(j) + beta(t) hess L(y) y' + gamma(t) grad L(y) = 0,   y = w + p_1(t) w' + ...

No Hessian is formed: hess L(y) y' is the derivative of g = grad L(y) along the trajectory, so that the state

    u = w^(k-1) + beta g   obeys   u' = beta' g - sum_j c_j w^(j) - gamma g

and one gradient an evaluation is enough. That needs y to leave out w^(k-1) where beta is not 0.

The method is SciPy's DOP853. Steps are explicit: where the loss has curvature lambda, a time T takes about 1.9 lambda T
gradients for gradient flow and some 3 sqrt(lambda) T for flows of second order, at least 12 for each wanted time, and
twice that for the error bar, which is the difference of two runs. Kinks (ReLU) are stepped over with shorter steps, not
located; the error bar says what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.flows import ConcreteFlow
from odeflow.numeric._weight_steps import Field, Vector, follow
from odeflow.numeric.arrays import as_times, as_vector, refuse_overflow, require_count, require_positive

__all__ = ["WeightTrajectory", "weight_flow"]

TIGHTER = 0.1
"""Ratio of the two tolerances of an error bar."""
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class WeightTrajectory:
    """What was observed along a trajectory, and how well it is known.

    Attributes
    ----------
    times
        The wanted times that were reached, (t,).
    observed
        The observed vector at each, (t, q), of the finer run.
    weights
        w at the last of them, (p,).
    error_bar
        Difference of the two runs at each time in Euclidean norm and what the tolerance allows, (t,): an estimate, no
        bound, of the error of the looser one. One difference can vanish by chance: look at its neighbours.
    evaluations
        Gradients computed, of both runs.
    """

    times: Float[np.ndarray, " t"]
    observed: Float[np.ndarray, "t q"]
    weights: Vector
    error_bar: Float[np.ndarray, " t"]
    evaluations: int


@refuse_overflow()
def weight_flow(
    gradient: Callable[[Vector], Vector],
    start: Vector,
    flow: ConcreteFlow,
    times: Float[np.ndarray, " t"],
    *,
    observe: Callable[[Vector], Float[np.ndarray, " q"]],
    tolerance: float = 1e-8,
    max_evaluations: int = 1_000_000,
) -> WeightTrajectory:
    """Follow the weights from rest, w = `start` and all derivatives 0 at t = 0.

    A flow whose coefficients have no value at t = 0 is met there by two terms of its Taylor series where its friction
    is r/t with r > -1 and nothing else is singular; any other starts from rest at the first wanted time.

    Parameters
    ----------
    gradient
        grad L of weights, (p,) to (p,).
    start
        Initial weights, (p,).
    flow
        Its coefficients.
    times
        Wanted times >= 0, (t,), strictly increasing; > 0 where the flow is singular.
    observe
        What is recorded of the weights, for instance the prediction errors, (p,) to (q,).
    tolerance
        Of one step, relative to each entry of the state, or to the largest initial weight if that is larger; 1e-12 to
        1e-2.
    max_evaluations
        Gradients that both runs may take; the record ends where they are spent.

    Returns
    -------
    WeightTrajectory

    Raises
    ------
    InvalidArgumentError
        A number is out of range, or y contains w^(k-1) in a flow with a Hessian.
    IntegrationError
        Not even the first wanted time was reached.

    Examples
    --------
    Heavy ball on w^2/2, critically damped, is (1 + t) e^{-t}:

    >>> from odeflow.flow_text import parse_flow
    >>> flow = parse_flow("x'' + 2*x' + grad(x)").at()
    >>> run = weight_flow(lambda w: w, np.ones(1), flow, np.array([0.0, 1.0]), observe=lambda w: w)
    >>> bool(abs(run.observed[1, 0] - 2.0 * np.exp(-1.0)) <= run.error_bar[1] < 1e-6)
    True
    """
    w = as_vector("start", start)
    grid = as_times("times", times)
    tight = require_positive("tolerance", tolerance)
    if not 1e-12 <= tight <= 1e-2:
        raise InvalidArgumentError(f"Expected a tolerance between 1e-12 and 1e-2 but got {tolerance}.")
    limit = require_count("max_evaluations", max_evaluations, minimum=2)
    if flow.hessian and any(flow.point[flow.order - 1 :]):
        raise InvalidArgumentError(
            "Expected a flow that can be solved for its highest derivative, but hess multiplies it. Use --on frozen."
        )
    if grid[0] == 0.0 and not flow.is_regular:
        raise InvalidArgumentError("Expected times > 0 for a flow whose coefficients have no value at t = 0.")
    field = Field(gradient, flow, w.size)
    share = 1.0 / (1.0 + TIGHTER ** (-1.0 / 8.0))  # an order of 8 decides what the finer run costs
    coarse, _, reached = follow(field, w, grid, observe, tight, int(share * limit))
    fine, weights, reached = follow(field, w, grid[:reached], observe, TIGHTER * tight, limit)
    if reached == 0:
        raise IntegrationError(
            f"Expected to reach t = {grid[0]:.3g} with {limit} gradients but did not. Raise the budget or ask for "
            "earlier times."
        )
    size = np.linalg.norm(fine, axis=1)
    gap = np.linalg.norm(fine - coarse[:reached], axis=1)
    return WeightTrajectory(grid[:reached], fine, weights, gap + (tight + EPSILON) * size, field.evaluations)
