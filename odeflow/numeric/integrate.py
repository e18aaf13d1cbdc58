"""Where does this flow go? Any compiled field, integrated adaptively, with an error bar.

The method is DOP853: an explicit Runge-Kutta method of order 8 with step-size control and a dense output of order 7.
One solver is compiled once a machine and kept on disk; it calls every field through its C address.

A tolerance is not an error. It bounds an estimate of the error made in one step; what accumulates until time t depends
on the flow. `integrate_with_error_bar` measures what accumulates.

Where a flow has rates much faster than what it shows, the steps of an explicit method grow until they are barely
stable, and the dense output of such steps can err 10^4 times more than their ends. Its error is therefore estimated
from its last two coefficients, and a step whose interpolant is asked for and errs by more than ten tolerances is
repeated with a shorter one.

A field that is singular at the start (gamma/t at t = 0) cannot be evaluated there: begin at t0 > 0 with the first terms
of the solution's Taylor series. For Nesterov's flow y'' + (gamma/t) y' + grad(y) = 0 from rest these are
y(t0) = y0 - t0^2 grad(y0)/(2 (gamma + 1)) and y'(t0) = -t0 grad(y0)/(gamma + 1), with errors O(t0^4) and O(t0^3).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric import _integrate_kernels as kernels
from odeflow.numeric import _lane_kernels as lane_kernels
from odeflow.numeric._lane_functions import LANES
from odeflow.numeric.arrays import as_matrix, as_times, as_vector, refuse_overflow, require_count, require_nonnegative
from odeflow.numeric.compiled import CompiledField, Numbers, checked_parameters
from odeflow.numeric.trajectories import (
    Direction,
    EnsembleTrajectory,
    EventRecord,
    Events,
    IntegrationStatus,
    Trajectory,
)

__all__ = [
    "Direction",
    "EnsembleTrajectory",
    "EventRecord",
    "Events",
    "IntegrationStatus",
    "Trajectory",
    "integrate",
    "integrate_ensemble",
    "integrate_with_error_bar",
]

SMALLEST_RTOL = 1e-14
"""Below this the scaled error estimate is rounding noise and steps shrink to nothing."""
TIGHTER = 0.1
"""Ratio of the two tolerances of an error bar: the tighter run errs about this much less."""


def integrate(
    field: CompiledField,
    initial_state: Numbers,
    times: Numbers,
    *,
    parameters: Numbers = (),
    rtol: float = 1e-9,
    atol: float = 1e-12,
    max_steps: int = 1_000_000,
    max_step: float = float("inf"),
    events: Events | None = None,
) -> Trajectory:
    """Integrate y' = f(t, y, parameters) from times[0] to times[-1].

    Parameters
    ----------
    field
        The vector field f.
    initial_state
        y at times[0], float64, shape (k,).
    times
        Where the solution is wanted, float64, shape (t,), t >= 2, strictly increasing and >= 0. Those between the steps
        are interpolated, so that more of them cost little.
    parameters
        float64, shape (p,).
    rtol, atol
        The error estimate of one step is kept below atol + rtol |y|, in root mean square over the components.
    max_steps
        Give up after so many steps, accepted or not.
    max_step
        Longest step, in the unit of `times`.
    events
        Event functions to watch. Each is sampled at the ends of eighths of every step and followed into every dip of
        its modulus, so that a pair of zeros is missed only if the function turns more than once inside an eighth of a
        step; `max_step` makes that net finer. A zero that is touched without a change of sign is no event, nor is one
        at the initial state.

    Returns
    -------
    Trajectory
        Ends early, with status STOPPED_BY_EVENT, if a terminal event occurred; `events` holds where.

    Raises
    ------
    InvalidArgumentError
        An argument does not fit the field, or a tolerance is out of range.
    IntegrationError
        The solution could not be continued; the error carries the partial `Trajectory`.

    References
    ----------
    E. Hairer, S. P. Norsett, G. Wanner (1993), Solving Ordinary Differential Equations I, sections II.4 to II.6.

    Examples
    --------
    >>> import sympy
    >>> from odeflow.codegen import compile_field
    >>> x, v = sympy.symbols("x v", real=True)
    >>> oscillator = compile_field([v, -x], [x, v])
    >>> trajectory = integrate(oscillator, [1.0, 0.0], [0.0, np.pi, 2 * np.pi])
    >>> trajectory.states.round(6) + 0.0
    array([[ 1.,  0.],
           [-1.,  0.],
           [ 1.,  0.]])
    """
    start, grid, values = _checked_problem(field, initial_state, times, parameters)
    rtol, atol, longest = _checked_control(rtol, atol, max_step)
    limit = require_count("max_steps", max_steps)
    address, directions, stops = _checked_events(events, field)
    states = np.empty((grid.size, start.size))
    counts = np.empty(kernels.COUNTS, dtype=np.int64)
    work = np.empty((kernels.WORK_ROWS, start.size))
    code, end, at, kinds, event_states = kernels.integrate_one(
        field.address, values, start, grid, rtol, atol, longest, limit, address, directions, stops, work, states, counts
    )
    reached = int(counts[kernels.REACHED])
    sound = _sound_records(states[:reached])
    if sound < reached:
        code, end, reached = kernels.NOT_FINITE, grid[max(sound - 1, 0)], sound
    trajectory = Trajectory(
        grid[:reached],
        states[:reached],
        steps=int(counts[kernels.STEPS]),
        rejected=int(counts[kernels.REJECTED]),
        evaluations=int(counts[kernels.EVALUATIONS]),
        status=IntegrationStatus(code),
        end_time=float(end),
        events=EventRecord(at, np.abs(kinds) - 1, np.sign(kinds), event_states),
    )
    if trajectory.status not in (IntegrationStatus.COMPLETED, IntegrationStatus.STOPPED_BY_EVENT):
        raise IntegrationError(_advice(trajectory.status, trajectory.end_time, limit), partial=trajectory)
    return trajectory


@refuse_overflow()
def integrate_with_error_bar(
    field: CompiledField,
    initial_state: Numbers,
    times: Numbers,
    *,
    parameters: Numbers = (),
    rtol: float = 1e-9,
    atol: float = 1e-12,
    max_steps: int = 1_000_000,
    max_step: float = float("inf"),
) -> Trajectory:
    """Integrate twice, at (rtol, atol) and at a tenth of that, and report the difference as the error estimate.

        error_estimate(t) = tol(y(t)) (1 + max_{s <= t, i} |y_i(s) - z_i(s)|/tol(y_i(s))) + eps |y(t)|

    with tol(y) = atol + rtol |y|, for the tighter run y and the looser run z. One difference can vanish by chance, so
    the worst one so far, in units of the tolerance, speaks for all components and all later times; the 1 stands for
    the interpolant, which may err by ten tolerances of the tighter run. (The initial state is exact.) The states are
    those of the tighter run, for which the bar is pessimistic: by about a factor of ten where the tolerance decides the
    error. It is an estimate, not a bound.

    Parameters
    ----------
    field, initial_state, times, parameters, rtol, atol, max_steps, max_step
        As in `integrate`; `rtol` >= 1e-13, a tenth of which float64 can resolve.

    Returns
    -------
    Trajectory
        With `error_estimate`; `steps`, `rejected` and `evaluations` count both runs.

    Raises
    ------
    InvalidArgumentError, IntegrationError
        As in `integrate`.

    Examples
    --------
    >>> import sympy
    >>> from odeflow.codegen import compile_field
    >>> x = sympy.Symbol("x", real=True)
    >>> run = integrate_with_error_bar(compile_field([-x], [x]), [1.0], [0.0, 1.0])
    >>> bool(abs(run.states[1, 0] - np.exp(-1)) <= run.error_estimate[1, 0] < 1e-8)
    True
    """
    if rtol < SMALLEST_RTOL / TIGHTER:
        raise InvalidArgumentError(
            f"Expected rtol >= {SMALLEST_RTOL / TIGHTER:.0e} but got rtol={rtol}. The second run takes a tenth of it."
        )
    tight, loose = (
        integrate(
            field,
            initial_state,
            times,
            parameters=parameters,
            rtol=factor * rtol,
            atol=factor * atol,
            max_steps=max_steps,
            max_step=max_step,
        )
        for factor in (TIGHTER, 1.0)
    )
    scale = atol + rtol * np.abs(tight.states)
    ratio = np.maximum.accumulate((np.abs(tight.states - loose.states) / scale).max(axis=1))
    ratio[1:] += 1.0
    bar = ratio[:, None] * scale + np.finfo(np.float64).eps * np.abs(tight.states)
    return replace(
        tight,
        steps=tight.steps + loose.steps,
        rejected=tight.rejected + loose.rejected,
        evaluations=tight.evaluations + loose.evaluations,
        error_estimate=bar,
    )


def integrate_ensemble(
    field: CompiledField,
    initial_states: Numbers,
    times: Numbers,
    *,
    parameters: Numbers = (),
    rtol: float = 1e-9,
    atol: float = 1e-12,
    max_steps: int = 1_000_000,
    max_step: float = float("inf"),
    threads: int = 1,
    keep_failed: bool = False,
    vectorised: bool = True,
) -> EnsembleTrajectory:
    """Integrate many initial states, each with steps of its own, as `integrate` in a loop would.

    A field that was generated from expressions is computed for several trajectories at once, one in each lane of a
    vector; a lane whose trajectory has ended takes the next one. Every trajectory has the time, step, tolerance and
    dense output that it would have alone; only rounding differs, and elementary functions err by up to 2.5 units in the
    last place. A result does not depend on the other trajectories (but for sine and cosine beyond 2^30).

    Parameters
    ----------
    field
        The vector field.
    initial_states
        float64, shape (s, k).
    times
        As in `integrate`; (start, end) gives the final states only.
    parameters
        Common ones, float64, shape (p,), or one row for each trajectory, shape (s, p).
    rtol, atol, max_steps, max_step
        As in `integrate`, for each trajectory.
    threads
        How many threads share the work; 0 takes one for each processor.
    keep_failed
        Whether trajectories that fail are kept, with their status, instead of raising an error.
    vectorised
        False integrates one trajectory after the other, with the very digits of `integrate`; so do ensembles that
        would not fill a vector (fewer than 16), and fields that were not generated.

    Returns
    -------
    EnsembleTrajectory
        In the order of `initial_states`.

    Raises
    ------
    InvalidArgumentError
        An argument does not fit the field.
    IntegrationError
        A trajectory failed and `keep_failed` is false; the error carries the partial `EnsembleTrajectory`.

    Examples
    --------
    >>> import sympy
    >>> from odeflow.codegen import compile_field
    >>> x, rate = sympy.symbols("x rate", real=True)
    >>> decay = compile_field([-rate * x], [x], parameters=[rate])
    >>> ensemble = integrate_ensemble(decay, [[1.0], [2.0]], [0.0, 1.0], parameters=[[1.0], [0.0]])
    >>> ensemble.states[:, -1, 0].round(6)
    array([0.367879, 2.      ])
    """
    starts = as_matrix("initial_states", initial_states, columns=field.n_states)
    count = starts.shape[0]
    _, grid, _ = _checked_problem(field, starts[0], times, np.zeros(field.n_parameters))
    if np.ndim(parameters) == 2:
        values = as_matrix("parameters", parameters, rows=count, columns=field.n_parameters)
    else:
        values = np.tile(checked_parameters(parameters, field.n_parameters), (count, 1))
    rtol, atol, longest = _checked_control(rtol, atol, max_step)
    limit = require_count("max_steps", max_steps)
    workers = min(require_count("threads", threads, minimum=0) or os.cpu_count() or 1, count)
    states = np.full((count, grid.size, field.dimension), np.nan)
    counts = np.empty((count, kernels.COUNTS), dtype=np.int64)
    codes, ends = np.empty(count, dtype=np.int64), np.empty(count)

    lanes = field.lanes if vectorised and count >= LANES else None

    def run(part: slice) -> None:
        if lanes is not None:
            lane_kernels.integrate_lanes(
                lanes.address, values[part], starts[part], grid, rtol, atol, longest, limit,
                states[part], counts[part], codes[part], ends[part],
            )  # fmt: skip
            return
        kernels.integrate_many(
            field.address, values[part], starts[part], grid, rtol, atol, longest, limit, 0,
            states[part], counts[part], codes[part], ends[part],
        )  # fmt: skip

    # Small parts keep the threads busy although some trajectories take longer.
    share = count if workers == 1 else -(-count // (8 * workers))
    parts = [slice(first, first + share) for first in range(0, count, share)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, parts))
    for k in np.flatnonzero((codes == kernels.COMPLETED) & ~np.isfinite(states).all(axis=(1, 2))):
        sound = _sound_records(states[k])
        states[k, sound:], codes[k], ends[k] = np.nan, kernels.NOT_FINITE, grid[max(sound - 1, 0)]
    statuses = tuple(IntegrationStatus(int(code)) for code in codes)
    ensemble = EnsembleTrajectory(
        grid,
        states,
        counts[:, kernels.STEPS],
        counts[:, kernels.REJECTED],
        counts[:, kernels.EVALUATIONS],
        statuses,
        ends,
    )
    failed = np.flatnonzero(codes != kernels.COMPLETED)
    if failed.size and not keep_failed:
        first = int(failed[0])
        raise IntegrationError(
            f"{failed.size} of {count} trajectories failed, the first is number {first}: "
            f"{_advice(statuses[first], float(ends[first]), limit)} Pass keep_failed=True to keep the others.",
            partial=ensemble,
        )
    return ensemble


def _sound_records(states: Float[np.ndarray, "t k"]) -> int:
    """Return how many records come before the first that is not finite: steps near 1e308 overflow in between."""
    bad = ~np.isfinite(states).all(axis=1)
    return int(np.argmax(bad)) if bad.any() else len(states)


def _checked_problem(
    field: CompiledField, initial_state: Numbers, times: Numbers, parameters: Numbers
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " t"], Float[np.ndarray, " p"]]:
    if field.dimension != field.n_states:
        raise InvalidArgumentError(
            f"Expected a vector field but got {field.dimension} functions of {field.n_states} states. "
            "Pass event functions as `events`."
        )
    start = as_vector("initial_state", initial_state, length=field.n_states)
    grid = as_times("times", times)
    if grid.size < 2:
        raise InvalidArgumentError("Expected at least two times, the start and the end, but got one.")
    return start, grid, checked_parameters(parameters, field.n_parameters)


def _checked_control(rtol: float, atol: float, max_step: float) -> tuple[float, float, float]:
    rtol, atol = require_nonnegative("rtol", rtol), require_nonnegative("atol", atol)
    if rtol < SMALLEST_RTOL:
        raise InvalidArgumentError(
            f"Expected rtol >= {SMALLEST_RTOL} but got rtol={rtol}. float64 cannot resolve smaller errors."
        )
    if atol == 0.0:
        raise InvalidArgumentError("Expected atol > 0 but got atol=0. Pass the size below which a state is negligible.")
    if not max_step > 0.0:
        raise InvalidArgumentError(f"Expected max_step > 0 but got max_step={max_step}.")
    return rtol, atol, float(max_step)


def _checked_events(
    events: Events | None, field: CompiledField
) -> tuple[int, Int[np.ndarray, " e"], Bool[np.ndarray, " e"]]:
    if events is None:
        return 0, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
    functions = events.functions
    if (functions.n_states, functions.n_parameters) != (field.n_states, field.n_parameters):
        raise InvalidArgumentError(
            f"Expected event functions of {field.n_states} states and {field.n_parameters} parameters, as the field's, "
            f"but got {functions.n_states} and {functions.n_parameters}."
        )
    return functions.address, events.directions, events.stops


def _advice(status: IntegrationStatus, time: float, max_steps: int) -> str:
    """Say what happened and what to do."""
    match status:
        case IntegrationStatus.BAD_START:
            return (
                f"The field is not finite at the initial state (t={time:g}). If it is singular there, as gamma/t is at "
                "t=0, start at t0 > 0 with the first Taylor terms of the solution."
            )
        case IntegrationStatus.NOT_FINITE:
            return (
                f"The field is not finite beyond t={time:.10g}, however small the step. The solution leaves the domain "
                "of the field there: stop before, with a terminal event."
            )
        case IntegrationStatus.TOO_MANY_STEPS:
            return (
                f"Gave up at t={time:.10g} after {max_steps} steps. The flow may be stiff (its fastest rate far above "
                "what it shows: use a closed form) or slide along a jump of its field (stop there with a terminal "
                "event); otherwise raise max_steps, rtol or atol."
            )
        case _:
            return (
                f"The step became too small at t={time:.10g}. Either the solution blows up there, or the field jumps "
                "(a Heaviside, a kink): stop before, with a terminal event, or raise rtol and atol."
            )
