"""Where does gradient flow take a deep linear network, and along which path? Any depth up to 16, any widths.

    W_j' = -(W_N ... W_{j+1})^T G (W_{j-1} ... W_1)^T,   G = dL/dW_e at W_e = W_N ... W_1
    L = |W_e - M|^2 / 2   (whitened)   or   L = |W_e X - Y|^2 / 2

From balanced weights, W_{j+1}^T W_{j+1} = W_j W_j^T, the product obeys an equation of its own,

    W_e' = -sum_j (W_e W_e^T)^{(N-j)/N} G (W_e^T W_e)^{(j-1)/N}

which is answered through the layers: they are smooth where the fractional powers are not, and several times cheaper.

From small weights of scale eps the flow rests on plateaus of length eps^{-(N-2)} and falls off steep fronts. A local
error on a plateau shifts the next front in time, by about eps^{-(N-2)} errors; so absolute tolerances are
`tolerance` x (smallest singular value of the initial layers), and the error bar is measured, from two runs.

The plateaus are stiff: what is learned relaxes at the rate r = N s^{2-2/N} (times the data's second moment), what is
not waits. Explicit steps (DOP853, compiled) then have length about 6.3/r, 12 evaluations each: a time T costs about
1.9 r T evaluations a run, seconds for targets of norm 1 at every N up to 16 and T = 1e5. Implicit ones (Radau, order 5)
follow the plateaus alone, some thousand steps whatever r T is, but factor the Hessian of all p weights. The
rule, measured: implicit if p <= 1000 and r T > 1e6 max(1, (p/100)^2), with r taken from the data; `solver` overrides
it. Neither keeps anything that grows with T.

Measured accuracy against the closed form of modes, N = 3 to 16, plateaus of 1e5, at times on the fronts: relative
errors of 2e-7 or less at tolerance 1e-11 up to 3 x 3 and of 2e-6 or less at 1e-10 up to 6 x 4 with explicit steps; 20
to 80 times less with implicit ones from N = 5 on. The tests hold scalar and matrix modes against their error bars.
Stabilised explicit methods of order 2 lose the fronts' times (errors of 3e-4 and more at T = 5e4).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric import _integrate_kernels, _linear_flow_kernels
from odeflow.numeric._linear_closed_forms import mode_values, riccati_products, singular_value_products
from odeflow.numeric._linear_layers import (
    LinearTrajectory,
    Method,
    Solver,
    Weights,
    balanced_layers,
    checked_depth,
    checked_layers,
    imbalance,
)
from odeflow.numeric._linear_stiff import LARGEST_STATE, implicit_pays, implicit_states, stiffness
from odeflow.numeric.arrays import as_matrix, as_times, refuse_overflow, require_count, require_positive
from odeflow.numeric.trajectories import IntegrationStatus

__all__ = [
    "LinearTrajectory",
    "Method",
    "Solver",
    "balanced_layers",
    "flow_end_to_end",
    "flow_layers",
    "imbalance",
]

LOOSEST, TIGHTEST = 1e-2, 1e-13
TIGHTER = 0.1
"""Ratio of the two tolerances of an error bar."""
EVALUATIONS_A_STEP = 12
"""Of DOP853, for `max_steps` of the end-to-end flow."""
ALIGNED = 1e-10
"""Relative size of what may be off the diagonal for a start to count as aligned with the target, or balanced."""
EPSILON = float(np.finfo(np.float64).eps)


@refuse_overflow(but=("error_bar",))
def flow_layers(
    layers: Sequence[ArrayLike],
    target: ArrayLike,
    times: ArrayLike,
    *,
    inputs: ArrayLike | None = None,
    tolerance: float = 1e-10,
    with_error_bar: bool = True,
    max_steps: int = 10_000_000,
    solver: Solver = Solver.AUTOMATIC,
) -> LinearTrajectory:
    """Follow gradient flow of all layers of a deep linear network, from any weights.

    Parameters
    ----------
    layers
        W_1, ..., W_N at time 0, 1 <= N <= 16; W_j is (n_j, n_{j-1}).
    target
        M, (n_N, n_0), or with `inputs` Y, (n_N, n).
    times
        Flow times >= 0 at which the network is wanted, (t,), strictly increasing; memory grows with them alone.
    inputs
        X, (n_0, n), one column a point; without it the loss is the whitened one.
    tolerance
        Relative tolerance of a step, 1e-13 to 1e-2. It is not the error: see `error_bar`.
    with_error_bar
        Whether the flow is run twice to measure its error. Without, one run at the tolerance itself costs less than
        half and the error bar is NaN.
    max_steps
        Give up after so many steps.
    solver
        Which steps; by the rule above unless given.

    Returns
    -------
    LinearTrajectory
        With an error bar, of the run with a tenth of the tolerance; `error_bar` is its distance to the run with the
        tolerance itself, plus N x tolerance x |W_e| for the interpolation of N layers.

    Raises
    ------
    InvalidArgumentError
        Shapes do not fit, or a number is out of range.
    IntegrationError
        More than `max_steps` steps were needed.

    References
    ----------
    Arora, Cohen and Hazan (2018), On the optimization of deep networks, equation (6).

    Examples
    --------
    One neuron a layer, N = 2, obeys the logistic equation s' = 2 s (1 - s):

    >>> run = flow_layers([[[0.1]], [[0.1]]], [[1.0]], [0.0, 1.0, 5.0])
    >>> run.end_to_end[:, 0, 0].round(6)
    array([0.01    , 0.069453, 0.995526])
    """
    weights = checked_layers(layers)
    widths = [weights[0].shape[1], *(W.shape[0] for W in weights)]
    wanted, X = _checked_data(target, inputs, widths[-1], widths[0])
    grid = as_times("times", times)
    tolerance = _checked_tolerance(tolerance)
    limit = require_count("max_steps", max_steps)

    moment = None if X is None else X @ X.T
    packed = _linear_flow_kernels.pack(widths, wanted if X is None else wanted @ X.T, moment)
    start = np.concatenate([W.ravel() for W in weights])
    atol = _smallest_scale(weights)
    sharp = TIGHTER * tolerance if with_error_bar else tolerance
    if solver is Solver.AUTOMATIC:
        small = start.size <= LARGEST_STATE
        pays = small and implicit_pays(start.size, stiffness(widths, wanted, X) * float(grid[-1]))
        solver = Solver.IMPLICIT if pays else Solver.EXPLICIT
    run = _implicit_run if solver is Solver.IMPLICIT else _explicit_run
    states, counts = run(packed, start, grid, sharp, sharp * atol, limit)
    products = np.empty((grid.size, widths[-1], widths[0]))
    now, drift = np.zeros(grid.size), np.zeros(grid.size)
    _linear_flow_kernels.observe(states, start, np.array(widths), products, now, drift)
    bar = np.full(grid.size, np.nan)
    if with_error_bar:
        loose, counts_loose = run(packed, start, grid, tolerance, tolerance * atol, limit)
        counts = (counts[0] + counts_loose[0], counts[1] + counts_loose[1])
        relative = np.where(grid > 0.0, len(weights) * tolerance, EPSILON)
        difference = np.linalg.norm(products - _product(_split(loose, widths)), axis=(1, 2))
        bar = difference + relative * np.linalg.norm(products, axis=(1, 2))
    return LinearTrajectory(
        times=grid,
        end_to_end=products,
        losses=_losses(products, wanted, X),
        layers=tuple(W[0].copy() for W in _split(states[-1:], widths)),
        imbalance=now,
        imbalance_drift=drift,
        error_bar=bar,
        method=Method.LAYERS,
        steps=counts[0],
        evaluations=counts[1],
        solver=solver,
    )


@refuse_overflow(but=("error_bar",))
def flow_end_to_end(
    initial: ArrayLike,
    target: ArrayLike,
    times: ArrayLike,
    *,
    depth: int,
    inputs: ArrayLike | None = None,
    method: Method = Method.LAYERS,
    tolerance: float = 1e-10,
    with_error_bar: bool = True,
    max_steps: int = 10_000_000,
    solver: Solver = Solver.AUTOMATIC,
) -> LinearTrajectory:
    """Follow the product of a balanced deep linear network from its initial value alone.

    Parameters
    ----------
    initial
        W_e at time 0, (k, d).
    target, times, inputs, tolerance, with_error_bar, max_steps, solver
        As in `flow_layers`. Closed forms need none of the last four and always come with an error bar, as does
        END_TO_END.
    depth
        N, 1 to 16.
    method
        LAYERS, the default, is right for every N and start; see `Method` for the others.

    Returns
    -------
    LinearTrajectory

    Raises
    ------
    InvalidArgumentError
        As in `flow_layers`, or the method does not apply to this problem.
    IntegrationError
        As in `flow_layers`.

    References
    ----------
    Arora, Cohen and Hazan (2018), theorem 1; Fukumizu (1998), Effect of batch learning in multilayer neural networks
    (the Riccati equation of two layers).

    Examples
    --------
    >>> start, target = 0.01 * np.eye(2), np.diag([1.0, 2.0])
    >>> closed = flow_end_to_end(start, target, [1.0, 9.0], depth=3, method=Method.MODES)
    >>> stepped = flow_end_to_end(start, target, [1.0, 9.0], depth=3)
    >>> closed.end_to_end[:, [0, 1], [0, 1]].round(6)
    array([[0.020463, 0.052802],
           [1.      , 2.      ]])
    >>> bool((abs(closed.end_to_end - stepped.end_to_end).max(axis=(1, 2)) <= stepped.error_bar).all())
    True
    """
    W = as_matrix("initial", initial)
    count = checked_depth(depth)
    if method is Method.LAYERS:
        weights = balanced_layers(W, count)
        return flow_layers(
            weights, target, times, inputs=inputs, tolerance=tolerance, with_error_bar=with_error_bar,
            max_steps=max_steps, solver=solver,
        )  # fmt: skip
    wanted, X = _checked_data(target, inputs, *W.shape)
    grid = as_times("times", times)
    tolerance = _checked_tolerance(tolerance)
    evaluations = 0
    if method is Method.END_TO_END:
        singular = np.linalg.svd(W, compute_uv=False)
        present = singular[singular > max(W.shape) * EPSILON * singular[0]]
        scale = float(present[-1]) if present.size else 1.0
        moment = None if X is None else X @ X.T
        gradient = wanted if X is None else wanted @ X.T
        products, loose = (
            singular_value_products(
                W, gradient, moment, count, grid, max(factor * tolerance, 3e-14), factor * tolerance * scale,
                EVALUATIONS_A_STEP * require_count("max_steps", max_steps),
            )
            for factor in (TIGHTER, 1.0)
        )
        evaluations = products[1] + loose[1]
        path = products[0]
        bar = np.linalg.norm(path - loose[0], axis=(1, 2)) + tolerance * np.linalg.norm(path, axis=(1, 2))
    else:
        if X is not None:
            raise InvalidArgumentError(
                f"Expected the whitened loss for {method} but got inputs. Leave inputs out or use Method.LAYERS."
            )
        path = _riccati(W, wanted, count, grid) if method is Method.RICCATI else _modes(W, wanted, count, grid)
        bar = _rounding_bar(path, W, wanted, count)
    zeros = np.zeros(grid.size)
    return LinearTrajectory(
        times=grid,
        end_to_end=path,
        losses=_losses(path, wanted, X),
        layers=balanced_layers(path[-1], count),
        imbalance=zeros,
        imbalance_drift=zeros.copy(),
        error_bar=bar,
        method=method,
        steps=0,
        evaluations=evaluations,
    )


def _from_zero(times: Float[np.ndarray, " t"]) -> Float[np.ndarray, " g"]:
    return times if times[0] == 0.0 else np.concatenate([[0.0], times])


def _explicit_run(
    packed: Float[np.ndarray, " p"],
    start: Float[np.ndarray, " s"],
    times: Float[np.ndarray, " t"],
    rtol: float,
    atol: float,
    limit: int,
) -> tuple[Float[np.ndarray, "t s"], tuple[int, int]]:
    grid = _from_zero(times)
    if grid.size == 1:
        return start[None].copy(), (0, 0)
    states = np.empty((grid.size, start.size))
    counts = np.empty(_integrate_kernels.COUNTS, dtype=np.int64)
    code, end, *_ = _integrate_kernels.integrate_one(
        _linear_flow_kernels.field_address(), packed, start, grid, rtol, max(atol, 1e-300), math.inf, limit, 0,
        np.empty(0, np.int64), np.empty(0, np.bool_), np.empty((_integrate_kernels.WORK_ROWS, start.size)), states,
        counts,
    )  # fmt: skip
    status = IntegrationStatus(code)
    if status is not IntegrationStatus.COMPLETED:
        raise IntegrationError(
            f"The flow of the layers stopped at t={end:g} of {grid[-1]:g} after {int(counts[0])} steps "
            f"({status.name}). Raise max_steps or the tolerance, or shorten the time.",
            partial=states[: int(counts[_integrate_kernels.REACHED])],
        )
    steps = int(counts[_integrate_kernels.STEPS])
    return states[grid.size - times.size :], (steps, int(counts[_integrate_kernels.EVALUATIONS]))


def _implicit_run(
    packed: Float[np.ndarray, " p"],
    start: Float[np.ndarray, " s"],
    times: Float[np.ndarray, " t"],
    rtol: float,
    atol: float,
    limit: int,
) -> tuple[Float[np.ndarray, "t s"], tuple[int, int]]:
    grid = _from_zero(times)
    if grid.size == 1:
        return start[None].copy(), (0, 0)
    states, counts = implicit_states(packed, start, grid, rtol, max(atol, 1e-300), limit)
    return states[grid.size - times.size :], counts


def _split(states: Float[np.ndarray, "t s"], widths: Sequence[int]) -> list[Float[np.ndarray, "t _ _"]]:
    ends = np.cumsum([a * b for a, b in itertools.pairwise(widths)])[:-1]
    parts = np.split(states, ends, axis=1)
    shapes = zip(parts, itertools.pairwise(widths), strict=True)
    return [part.reshape(-1, after, before) for part, (before, after) in shapes]


def _product(layers: Sequence[Float[np.ndarray, "t _ _"]]) -> Float[np.ndarray, "t k d"]:
    return reduce(lambda so_far, W: W @ so_far, layers)


def _losses(
    products: Float[np.ndarray, "t k d"], wanted: Float[np.ndarray, "k _"], X: Float[np.ndarray, "d n"] | None
) -> Float[np.ndarray, " t"]:
    losses: Float[np.ndarray, " t"] = 0.5 * np.square((products if X is None else products @ X) - wanted).sum((1, 2))
    return losses


def _riccati(
    W: Float[np.ndarray, "k d"], M: Float[np.ndarray, "k d"], depth: int, times: Float[np.ndarray, " t"]
) -> Float[np.ndarray, "t k d"]:
    if depth != 2:
        raise InvalidArgumentError(f"Expected depth=2 for Method.RICCATI but got {depth}. Use Method.LAYERS.")
    first, second = balanced_layers(W, 2)
    return riccati_products(first, second, M, times)


def _modes(
    W: Float[np.ndarray, "k d"], M: Float[np.ndarray, "k d"], depth: int, times: Float[np.ndarray, " t"]
) -> Float[np.ndarray, "t k d"]:
    left, targets, right = np.linalg.svd(M, full_matrices=False)
    turned = left.T @ W @ right.T
    start = np.diag(turned).copy()
    start[np.abs(start) < ALIGNED * EPSILON] = 0.0
    if np.linalg.norm(W - (left * start) @ right) > ALIGNED * np.linalg.norm(W):
        raise InvalidArgumentError(
            "Expected an initial product with the singular vectors of the target for Method.MODES but got another. "
            "Use Method.LAYERS."
        )
    targets[targets < max(M.shape) * EPSILON * targets[0]] = 0.0
    outside = (start < 0.0) | ((start > targets) & (targets > 0.0))
    if outside.any() and depth > 1:
        where = int(np.argmax(outside))
        raise InvalidArgumentError(
            f"Expected 0 <= s <= target in every mode for Method.MODES but mode {where} starts at {start[where]:g} "
            f"with target {targets[where]:g}. Use Method.LAYERS."
        )
    path: Float[np.ndarray, "t k d"] = (left * mode_values(start, targets, depth, times)[:, None, :]) @ right
    return path


def _rounding_bar(
    path: Float[np.ndarray, "t k d"], W: Float[np.ndarray, "k d"], M: Float[np.ndarray, "k d"], depth: int
) -> Float[np.ndarray, " t"]:
    """Estimate the rounding of a closed form: that of the start, amplified by the plateau, where the path moves."""
    singular = np.linalg.svd(W, compute_uv=False)
    present = singular[singular > max(W.shape) * EPSILON * singular[0]]
    largest = float(np.linalg.norm(M, 2))
    plateau = max(largest / float(present[-1]), 1.0) if present.size else 1.0
    # The logarithm of the start decides the time of a front; depth > 2 turns it into a power.
    amplified = plateau ** max(1.0 - 2.0 / depth, 0.0) * (1.0 + math.log(plateau)) * depth**2
    size = np.maximum(np.linalg.norm(path, axis=(1, 2)), np.linalg.norm(W))
    relative = 16.0 * max(W.shape) * EPSILON * amplified
    return np.asarray(relative * np.maximum(size, largest * (size > 0.1 * largest)))


def _smallest_scale(layers: Weights) -> float:
    """Return the smallest singular value of any layer that is not 0 to rounding."""
    scale = math.inf
    for W in layers:
        singular = np.linalg.svd(W, compute_uv=False)
        present = singular[singular > max(W.shape) * EPSILON * singular[0]]
        if present.size:
            scale = min(scale, float(present[-1]))
    return scale if math.isfinite(scale) else 1.0


def _checked_data(
    target: ArrayLike, inputs: ArrayLike | None, rows: int, columns: int
) -> tuple[Float[np.ndarray, "k _"], Float[np.ndarray, "d n"] | None]:
    if inputs is None:
        return as_matrix("target", target, rows=rows, columns=columns), None
    X = as_matrix("inputs", inputs, rows=columns)
    return as_matrix("target", target, rows=rows, columns=X.shape[1]), X


def _checked_tolerance(tolerance: float) -> float:
    value = require_positive("tolerance", tolerance)
    if not TIGHTEST <= value <= LOOSEST:
        raise InvalidArgumentError(f"Expected {TIGHTEST} <= tolerance <= {LOOSEST} but got tolerance={tolerance}.")
    return value
