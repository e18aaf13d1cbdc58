"""Follow a two-layer ReLU network through too many sign changes to follow one by one: few digits, a measured error.

`relu_flow` is exact and pays for every event; with many more samples than dimensions there are too many. Here nothing
looks for events. The steps are

gradient flow
    Runge-Kutta-Chebyshev of order 2 (damping 2/13), steps of length eta sqrt(1 + lambda t) / lambda with lambda the
    largest eigenvalue of the kernel: at time t few modes faster than 1/t are left, so steps may grow, and one of length
    h costs about sqrt(1.5 h lambda) evaluations (at least 2). A time T takes about 1.7 (lambda T)^{3/4} / sqrt(eta)
    evaluations, where an explicit method needs lambda T and more. Steps that grow like t itself are cheaper without
    events and lost with them: every event wakes fast modes.
heavy ball, Nesterov
    the classical method of order 4 with steps eta / sqrt(lambda), as oscillations do not slow down: 4 evaluations each.

The field jumps at sign changes, so that every such method is of order 1 in eta once events are frequent, whatever its
name. The error bar is therefore measured: all steps are halved until the bar meets the accuracy, which is three times
the largest difference of the last two runs so far, and at least that of the two before. It is an estimate, no bound; in
heavy-ball and Nesterov flows all runs can miss the same bounce.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.markup import sketch
from odeflow.numeric.arrays import as_matrix, as_times, as_vector, refuse_overflow, require_count, require_positive
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, Nesterov

__all__ = ["GeneralReluTrajectory", "ReluField", "relu_flow_general"]

COARSEST, HALVINGS = 0.4, 9
"""First eta, and how often every step may be halved."""
SAFETY = 3.0
"""Error bar over the difference of the last two runs; where the order is 1 the error is once that."""
ROUNDING = 1e-14
"""Share of |Delta(0)| below which two runs say nothing."""
DAMPING = 2.0 / 13.0
MARGIN = 1.2
"""The kernel's largest eigenvalue may grow by this factor between two looks at it."""
HOPELESS = 100
"""Times `max_evaluations` that the first two runs may take."""
LOOKS = 1.5
"""The largest eigenvalue is computed anew when t + 1/lambda has grown by this factor."""

Weights = Float[np.ndarray, "m d"]


@dataclass(frozen=True, eq=False)
class GeneralReluTrajectory:
    """Where the network was at `times`, and how well that is known.

    Attributes
    ----------
    times
        Flow times, (t,).
    errors
        Delta = f - y, (t, n), of the finest run.
    losses
        |Delta|^2 / 2, (t,).
    weights
        W at the last time, (m, d). (No W': where a neuron slides, the field on one side is not its velocity.)
    error_bar
        Estimate (no bound) of |error of Delta| at each time, (t,), from the differences of the last three runs.
    evaluations
        Gradients computed, of all runs.
    halvings
        How often the steps were halved.
    """

    times: Float[np.ndarray, " t"]
    errors: Float[np.ndarray, "t n"]
    losses: Float[np.ndarray, " t"]
    weights: Weights
    error_bar: Float[np.ndarray, " t"]
    evaluations: int
    halvings: int

    def _repr_html_(self) -> str:
        said = f"loss over t = {self.times[0]:.3g}..{self.times[-1]:.3g}; error bar {self.error_bar.max():.1e}"
        return f"<p>{said}</p>{sketch(self.times.tolist(), self.losses.tolist(), label='loss')}"


@refuse_overflow()
def relu_flow_general(
    X: ArrayLike,
    y: ArrayLike,
    W: ArrayLike,
    a: ArrayLike,
    flow: Flow,
    times: ArrayLike,
    *,
    accuracy: float = 1e-3,
    max_evaluations: int = 1_000_000,
) -> GeneralReluTrajectory:
    """Train the first layer of a two-layer ReLU network by a flow, from rest, without looking for sign changes.

    The equations are those of `relu_flow`, of which this is the remedy where events are too many.

    Parameters
    ----------
    X, y, W, a, flow, times
        As in `relu_flow`; samples may be nearly parallel and entries of a may be zero.
    accuracy
        Wanted error of Delta, as a share of |Delta(0)|. What to expect: 1e-2 and, over times of some hundred, 1e-3 are
        reached; each further digit costs about 10 times as much. `relu_flow` is the faster one up to 5 samples a
        dimension for 1e-2, up to 10 for 1e-3, and for anything finer (its docstring has the ratios).
    max_evaluations
        No further halving is begun that would need more gradients than this; one is always made, unless it needs more
        than 100 times as many. A gradient takes 4 n m d multiplications and a few passes over n m numbers, 0.7 ms at
        n = 200, d = 5, m = 1000.

    Returns
    -------
    GeneralReluTrajectory

    Raises
    ------
    InvalidArgumentError
        A shape does not fit, a number is not finite, or the flow is not one of the three.
    IntegrationError
        Halving the steps did not reach the accuracy; `partial` is the trajectory of the finest run, with its error bar.
        Or not even one halving was affordable; then `partial` is None.

    References
    ----------
    Sommeijer, Shampine and Verwer (1998), RKC: an explicit solver for parabolic PDEs; Hairer and Wanner (1996), Solving
    ordinary differential equations II, section IV.2.

    Examples
    --------
    >>> run = relu_flow_general([[1.0]], [1.0], [[2.0]], [1.0], GradientFlow(), [0.0, 1.0])
    >>> run.errors.round(3)
    array([[1.   ],
           [0.368]])
    >>> bool(abs(run.errors[1, 0] - np.exp(-1.0)) <= run.error_bar[1] <= 1e-3)
    True
    """
    inputs = as_matrix("X", X)
    labels = as_vector("y", y, length=inputs.shape[0])
    start = as_matrix("W", W, columns=inputs.shape[1])
    outputs = as_vector("a", a, length=start.shape[0]) / math.sqrt(start.shape[0])
    grid = as_times("times", times)
    if not isinstance(flow, GradientFlow | HeavyBall | Nesterov):
        raise InvalidArgumentError(f"Expected flow to be GradientFlow, HeavyBall or Nesterov but got {flow!r}.")
    share = require_positive("accuracy", accuracy)
    limit = require_count("max_evaluations", max_evaluations)
    network = ReluField(inputs, labels, outputs, float(HOPELESS * limit))
    size = float(np.linalg.norm(network.error(start)))
    wanted = share * size
    follow = _gradient_flow if isinstance(flow, GradientFlow) else _second_order
    errors, last = follow(network, flow, start, grid, 1)
    gap = bar = np.full(grid.size, math.inf)
    for halvings in range(1, HALVINGS + 1):
        coarser, wider, before = errors, gap, network.evaluations
        errors, last = follow(network, flow, start, grid, 2**halvings)
        gap = np.maximum.accumulate(np.linalg.norm(errors - coarser, axis=1))
        bar = np.maximum(SAFETY * gap, wider) + ROUNDING * size
        # The next run costs at most twice this one.
        if bar.max() <= wanted or 3 * network.evaluations - 2 * before > limit:
            break
    if not np.isfinite(bar).all():
        bar = SAFETY * gap + ROUNDING * size
    run = GeneralReluTrajectory(
        times=grid,
        errors=errors,
        losses=0.5 * np.einsum("tn,tn->t", errors, errors),
        weights=last,
        error_bar=bar,
        evaluations=network.evaluations,
        halvings=halvings,
    )
    if not bar.max() <= wanted:
        raise IntegrationError(
            f"Expected an error of Delta below {wanted:.3g} but after {halvings} halvings of the steps two runs still "
            f"differ by {gap.max():.3g} (`partial` holds the finest). Raise accuracy or max_evaluations, or ask for "
            "earlier times.",
            partial=run,
        )
    return run


class ReluField:
    """The field W -> -grad L of sum_r c_r relu(w_r.x), with buffers of its own; `most` gradients may be computed."""

    def __init__(
        self,
        X: Float[np.ndarray, "n d"],
        y: Float[np.ndarray, " n"],
        c: Float[np.ndarray, " m"],
        most: float = math.inf,
    ) -> None:
        self.X, self.y, self.c, self.most = X, y, c, most
        self.gram = X @ X.T
        # Large arrays are written in place: handing them back to the system and asking anew costs more than the sums.
        self.position = np.empty((y.size, c.size))
        self.active = np.empty((y.size, c.size))
        self.evaluations = 0

    def error(self, W: Weights) -> Float[np.ndarray, " n"]:
        """Return f - y, and keep who is active."""
        np.matmul(self.X, W.T, out=self.position)
        np.greater(self.position, 0.0, out=self.active)
        np.multiply(self.position, self.active, out=self.position)
        error: Float[np.ndarray, " n"] = self.position @ self.c - self.y
        return error

    def descent(self, W: Weights) -> Weights:
        """Return -grad L."""
        self.evaluations += 1
        error = self.error(W)
        return np.asarray(np.multiply(self.active.T @ (error[:, None] * self.X), -self.c[:, None]))

    def afford(self, gradients: int, end: float) -> None:
        """Refuse to go on if so many more gradients are hopeless."""
        if self.evaluations + gradients > self.most:
            raise IntegrationError(
                f"Expected at most {self.most:.0f} gradients until t={end:.6g} but {self.evaluations + gradients:.3g} "
                "are needed. Ask for earlier times or raise max_evaluations."
            )

    def fastest(self, W: Weights) -> float:
        """Return the largest eigenvalue of the kernel, with a margin, by powers of it."""
        self.error(W)
        active = np.multiply(self.active, self.c, out=self.position)
        kernel = (active @ active.T) * self.gram
        vector = np.ones(self.y.size)
        # Entries of the kernel may have any sign; the row sums bound it, twenty products come close from below.
        for _ in range(20):
            vector = kernel @ vector
            size = float(np.linalg.norm(vector))
            if size == 0.0:
                break
            vector /= size
        above = float(np.abs(kernel).sum(axis=1).max())
        return max(min(above, MARGIN * size), 1e-300)


def _gradient_flow(
    network: ReluField, _flow: Flow, start: Weights, grid: Float[np.ndarray, " t"], pieces: int
) -> tuple[Float[np.ndarray, "t n"], Weights]:
    W, now = start, 0.0
    fastest = network.fastest(W)
    looked = 1.0 / fastest
    errors = np.empty((grid.size, network.y.size))
    for number, moment in enumerate(grid):
        while now < moment:
            if now + 1.0 / fastest > LOOKS * looked:
                fastest = network.fastest(W)
                looked = now + 1.0 / fastest
            left = float(moment) - now
            steps = math.ceil(left * fastest / (COARSEST * math.sqrt(1.0 + now * fastest)))
            # Equal shares of what is left, so that no step is a tiny rest.
            h = left / steps
            stages = max(2, math.ceil(math.sqrt(1.0 + 1.54 * h / pieces * fastest)))
            network.afford(pieces * stages, float(moment))
            for _ in range(pieces):
                W = _chebyshev_step(network.descent, W, h / pieces, stages)
            now = float(moment) if steps == 1 else now + h
        errors[number] = network.error(W)
    return errors, W


def _chebyshev_step(field: Callable[[Weights], Weights], W: Weights, h: float, stages: int) -> Weights:
    """Make a step of RKC2: W_j = (1 - mu_j - nu_j) W + mu_j W_{j-1} + nu_j W_{j-2} + h (...)."""
    w0 = 1.0 + DAMPING / stages**2
    T, dT, ddT = _chebyshev(w0, stages)
    w1 = dT[stages] / ddT[stages]
    b = np.empty(stages + 1)
    b[2:] = ddT[2:] / dT[2:] ** 2
    b[0] = b[1] = b[2]
    first = field(W)
    before: Weights = W
    now: Weights = W + b[1] * w1 * h * first
    for j in range(2, stages + 1):
        mu, nu = 2.0 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2]
        push = 2.0 * b[j] * w1 / b[j - 1]
        back = -(1.0 - b[j - 1] * T[j - 1]) * push
        following = field(now)
        following *= push * h
        following += (1.0 - mu - nu) * W + mu * now + nu * before + back * h * first
        before, now = now, following
    return now


def _chebyshev(
    x: float, degree: int
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return T_j, T_j' and T_j'' at x for j = 0, ..., degree."""
    T, dT, ddT = (np.zeros(degree + 1) for _ in range(3))
    T[0], T[1], dT[1] = 1.0, x, 1.0
    for j in range(2, degree + 1):
        T[j] = 2.0 * x * T[j - 1] - T[j - 2]
        dT[j] = 2.0 * T[j - 1] + 2.0 * x * dT[j - 1] - dT[j - 2]
        ddT[j] = 4.0 * dT[j - 1] + 2.0 * x * ddT[j - 1] - ddT[j - 2]
    return T, dT, ddT


def _second_order(
    network: ReluField, flow: Flow, start: Weights, grid: Float[np.ndarray, " t"], pieces: int
) -> tuple[Float[np.ndarray, "t n"], Weights]:
    W, V, now = start, np.zeros_like(start), 0.0
    fastest = network.fastest(W)
    errors = np.empty((grid.size, network.y.size))

    def push(t: float, W: Weights, V: Weights) -> Weights:
        force = network.descent(W)
        if isinstance(flow, Nesterov):
            # V = t F / (gamma + 1) near t = 0, where the friction takes its share of the force.
            return force - (flow.gamma / t) * V if t > 0.0 else force / (flow.gamma + 1.0)
        assert isinstance(flow, HeavyBall)
        return force - flow.damping * V

    strongest = flow.damping if isinstance(flow, HeavyBall) else 0.0
    for number, moment in enumerate(grid):
        fastest = network.fastest(W)
        # Friction alone relaxes at the rate b, whose steps must be stable too.
        steps = pieces * math.ceil((moment - now) * max(math.sqrt(fastest), strongest) / COARSEST)
        network.afford(4 * steps, float(moment))
        h = (moment - now) / max(steps, 1)
        for _ in range(steps):
            A1 = push(now, W, V)
            V2 = V + 0.5 * h * A1
            A2 = push(now + 0.5 * h, W + 0.5 * h * V, V2)
            V3 = V + 0.5 * h * A2
            A3 = push(now + 0.5 * h, W + 0.5 * h * V2, V3)
            V4 = V + h * A3
            A4 = push(now + h, W + h * V3, V4)
            W = W + h / 6.0 * (V + 2.0 * V2 + 2.0 * V3 + V4)
            V = V + h / 6.0 * (A1 + 2.0 * A2 + 2.0 * A3 + A4)
            now += h
        now = float(moment)
        errors[number] = network.error(W)
    return errors, W
