"""How do the weights of a two-layer ReLU network move, exactly? Gradient flow, heavy ball and Nesterov, event by event.

The network f(x) = m^{-1/2} sum_r a_r relu(w_r.x) is trained on L = |Delta|^2 / 2, Delta = f - y, by moving its first
layer only. While no pre-activation u_ri = w_r.x_i changes sign, Delta obeys a linear ODE with a constant kernel H and
every w_r is a linear functional of its solution. So nothing is approximated between two sign changes: a Taylor series
gives Delta to rounding, the next sign change is a root of a polynomial, and H changes by a term of rank two. What
happens at an event:

gradient flow
    Delta is continuous and Delta' = -H Delta jumps with H. Where the flow on both sides of w.x_i = 0 points at the
    boundary, the neuron slides along it (Filippov): theta in [0, 1] of the sample's gradient acts, the share that keeps
    w.x_i = 0, and the kernel of the neuron is projected accordingly. The choice at a boundary is the element of least
    norm of Clarke's subdifferential. A neuron without an active sample stops for good.
heavy ball, Nesterov
    Delta is continuous but Delta_i' jumps by a_r |w_r'.x_i| / sqrt(m), whichever way the sign changes. Where both sides
    push back the neuron bounces with growing frequency. Once its amplitude in w.x_i is below
    tolerance max|Delta(0)| sqrt(m) / max|a| it is captured, that is held on the boundary as in gradient flow.

Accuracy. Gradient flow has no error but rounding. In the second-order flows one capture displaces Delta by at most
tolerance max|Delta(0)|; captures add up, and a captured neuron that is later released has lost the phase of its bounce,
so that the error is usually within a few tolerances but has no bound. (A solver without events has the same trouble and
does not show it.)

Where it loses. The number of events grows like n sqrt(m); with many more samples than dimensions
and a slow mode it can exceed any budget, and bouncing multiplies it. Nothing keeps the accuracy there: the budgets
`max_events` and `max_seconds` end such a run with everything computed so far, and
`odeflow.numeric.relu_general.relu_flow_general` answers it to an accuracy of 1e-2 to 1e-3 of |Delta(0)| with a measured
error bar. Rule, measured on gradient flow (d = 10, m = 300, t = 100, CPU time here over there): for 1e-2 that one is
faster from 5 samples a dimension on (n = 30: 0.7, 60: 1.4, 100: 3.6, 200: 4.6), for 1e-3 not below
10 (n = 60: 0.4); at 100 and 200 samples that one met its budget before 1e-3. For anything finer stay here. On
the diabetes data (n = 442, d = 10, m = 1000) 10,446 events reach
t = 0.06.

References
----------
Filippov (1988), Differential equations with discontinuous right-hand sides; Du, Zhai, Poczos and Singh (2019), Gradient
descent provably optimizes over-parameterized neural networks; Bu, Xu and Chen (2021), A dynamical view on optimization
algorithms of overparameterized neural networks.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.markup import sketch
from odeflow.numeric import _relu_watch_kernels as columns
from odeflow.numeric._relu_horizons import Horizons, Snapshot
from odeflow.numeric._relu_row_kernels import GRADIENT_FLOW, HEAVY_BALL, NESTEROV, OFF, ON, SLIDING
from odeflow.numeric._relu_samples import MergedSamples, merge_samples
from odeflow.numeric.arrays import as_matrix, as_times, as_vector, refuse_overflow, require_count, require_positive
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, Nesterov

__all__ = ["ReluEventKind", "ReluEvents", "ReluStatus", "ReluTrajectory", "relu_flow", "relu_predictions"]

LONGEST_PHASE, LONGEST_DECAY = 1e6, 1e15
"""Of the fastest time scale: how far an oscillation is followed, and a decay."""


class ReluEventKind(IntEnum):
    """What happened to a pair (neuron, sample)."""

    SWITCH_ON = 0
    SWITCH_OFF = 1
    START_SLIDING = 2
    STOP_SLIDING_ON = 3
    STOP_SLIDING_OFF = 4
    CAPTURE = 5


class ReluStatus(Enum):
    """How a run ended."""

    FINISHED = "finished"
    EVENT_BUDGET = "event budget used up"
    TIME_BUDGET = "time budget used up"
    STUCK = "stuck"


@dataclass(frozen=True)
class ReluEvents:
    """The sign changes of a run, in order of time; all arrays have length e.

    Simultaneous changes (parallel or opposite samples, several gates of one neuron) are separate lines.
    """

    times: Float[np.ndarray, " e"]
    """Flow times."""
    neurons: Int[np.ndarray, " e"]
    """Index r of the neuron."""
    samples: Int[np.ndarray, " e"]
    """Index i of the sample."""
    kinds: Int[np.ndarray, " e"]
    """Values of `ReluEventKind`."""
    speeds: Float[np.ndarray, " e"]
    """|w_r'.x_i| just before the event."""
    jumps: Float[np.ndarray, " e"]
    """Jump of Delta_i' at the event."""

    def __len__(self) -> int:
        return self.times.size


@dataclass(frozen=True)
class ReluTrajectory:
    """Where the network was at `times`, and how it got there."""

    times: Float[np.ndarray, " t"]
    """Flow times."""
    errors: Float[np.ndarray, "t n"]
    """Delta = f - y."""
    velocities: Float[np.ndarray, "t n"]
    """Delta', from the right where an event falls on a time."""
    losses: Float[np.ndarray, " t"]
    """|Delta|^2 / 2."""
    kinetic_energies: Float[np.ndarray, " t"]
    """sum_r |w_r'|^2 / 2; L' = -2 kinetic (gradient flow), (L + kinetic)' = -2 friction kinetic (second order)."""
    kernel_drifts: Float[np.ndarray, " t"]
    """Spectral norm of H(t) - H(0)."""
    max_weight_movements: Float[np.ndarray, " t"]
    """max_r |w_r(t) - w_r(0)|."""
    weights: Float[np.ndarray, "m d"]
    """W at the last time."""
    weight_velocities: Float[np.ndarray, "m d"]
    """W' at the last time."""
    initial_kernel: Float[np.ndarray, "n n"]
    """H at time zero."""
    kernel: Float[np.ndarray, "n n"]
    """H at the last time, with sliding neurons projected: Delta' = -H Delta for gradient flow."""
    events: ReluEvents
    """The sign changes; empty with record_events=False."""
    event_count: int
    """Number of events, simultaneous changes of one neuron counted once."""
    captures: int
    """Bouncing neurons that were held on a boundary (second-order flows)."""
    sliding: int
    """Pairs (neuron, distinct boundary) that slide at the last time."""
    rejected_horizons: int
    """Look-ahead intervals that missed an event and were repeated with wider margins."""
    worst_lateness: float
    """Largest |w.x| on the wrong side of zero that was let pass; beyond 1e-12 max|w.x| an event was a little late."""
    consistency: float
    """max_i |f_i(W) - y_i - Delta_i| at the last time, from the weights: the rounding error of the run."""
    status: ReluStatus
    """Why the run ended."""

    def _repr_html_(self) -> str:
        said = (
            f"loss over t = {self.times[0]:.3g}..{self.times[-1]:.3g}; {self.event_count} events; {self.status.value}"
        )
        return f"<p>{said}</p>{sketch(self.times.tolist(), self.losses.tolist(), label='loss')}"


@refuse_overflow()
def relu_predictions(X: ArrayLike, W: ArrayLike, a: ArrayLike) -> Float[np.ndarray, " n"]:
    """Evaluate f(x) = m^{-1/2} sum_r a_r relu(w_r.x) at every sample.

    Parameters
    ----------
    X
        Samples, (n, d).
    W
        First layer, (m, d).
    a
        Second layer, (m,).

    Returns
    -------
    Predictions, (n,).

    Raises
    ------
    InvalidArgumentError
        A shape does not fit or an entry is not finite.

    Examples
    --------
    >>> relu_predictions([[1.0, 0.0], [-1.0, 2.0]], [[2.0, 1.0]], [1.0])
    array([2., 0.])
    """
    samples = as_matrix("X", X)
    weights = as_matrix("W", W, columns=samples.shape[1])
    outputs = as_vector("a", a, length=weights.shape[0])
    predictions: Float[np.ndarray, " n"] = np.maximum(samples @ weights.T, 0.0) @ outputs / math.sqrt(outputs.size)
    return predictions


@refuse_overflow()
def relu_flow(
    X: ArrayLike,
    y: ArrayLike,
    W: ArrayLike,
    a: ArrayLike,
    flow: Flow,
    times: ArrayLike,
    *,
    tolerance: float = 1e-10,
    max_events: int = 1_000_000,
    max_seconds: float | None = None,
    record_events: bool = True,
) -> ReluTrajectory:
    """Train the first layer of a two-layer ReLU network by a flow, from rest, without missing a sign change.

    W' = -grad L   (gradient flow),   W'' + b W' = -grad L   (heavy ball),   W'' + (gamma/t) W' = -grad L   (Nesterov),
    L = |f - y|^2 / 2, f_i = m^{-1/2} sum_r a_r relu(w_r.x_i), W'(0) = 0.

    Any norms of samples are allowed. Parallel samples are merged exactly, opposite samples share their boundary, and a
    zero sample keeps its error -y_i. A gate with w_r.x_i = 0 at the start (up to rounding) gets the status that the
    rule for arrivals gives it; where Filippov's solution is not unique relu'(0) = 0 decides, so W = 0 stays at rest. A
    neuron that slides into w_r = 0, where all of its boundaries meet, has no unique way on either: rounding decides it
    (it happens in small networks with n > d = 2).

    Parameters
    ----------
    X
        Samples, (n, d), at least one of them not zero.
    y
        Labels, (n,).
    W
        First layer at time zero, (m, d).
    a
        Second layer, (m,), held fixed: usually signs, but any numbers other than zero.
    flow
        `GradientFlow`, `HeavyBall` or `Nesterov`; the first velocity is zero.
    times
        Strictly increasing flow times >= 0 at which to record. Each costs a few products of an (m, n) matrix.
    tolerance
        Largest change of Delta by the capture of one bouncing neuron, as a share of max|Delta(0)|. No effect on
        gradient flow.
    max_events
        Largest number of events.
    max_seconds
        Largest running time, in seconds, looked at between horizons of about max(250, m/10) events; None: no limit.
    record_events
        Keep the list of events.

    Returns
    -------
    Trajectory.

    Raises
    ------
    InvalidArgumentError
        A shape does not fit, a number is not finite, some a_r is zero, two samples are nearly but not exactly parallel,
        or the flow is not one of the three.
    IntegrationError
        A budget is used up, or events could not be resolved; `partial` holds the trajectory until then, whose last time
        is the one reached.

    References
    ----------
    Filippov (1988); Bu, Xu and Chen (2021), sections 2-4 (error dynamics; the impulses at sign changes are not in the
    paper).

    Examples
    --------
    One neuron fits one sample, u = w.x: u' = -(u - 1), until the error e^{-t} is left:

    >>> run = relu_flow([[1.0]], [1.0], [[2.0]], [1.0], GradientFlow(), [0.0, 1.0])
    >>> run.errors.round(12)
    array([[1.        ],
           [0.36787944]])
    >>> run.event_count, run.status.value
    (0, 'finished')

    A sample with a negative label drives the neuron off, which stops it on the boundary:

    >>> run = relu_flow([[1.0]], [-1.0], [[1.0]], [1.0], GradientFlow(), [5.0])
    >>> run.errors.round(12), run.events.times.round(12), ReluEventKind(run.events.kinds[0]).name
    (array([[1.]]), array([0.69314718]), 'SWITCH_OFF')
    """
    inputs = as_matrix("X", X)
    labels = as_vector("y", y, length=inputs.shape[0])
    weights = as_matrix("W", W, columns=inputs.shape[1])
    outputs = as_vector("a", a, length=weights.shape[0])
    grid = as_times("times", times)
    mode, friction = checked_flow(flow)
    share = require_positive("tolerance", tolerance)
    event_limit = require_count("max_events", max_events)
    seconds = math.inf if max_seconds is None else require_positive("max_seconds", max_seconds)
    if (outputs == 0.0).any():
        r = int(np.flatnonzero(outputs == 0.0)[0])
        raise InvalidArgumentError(f"Expected nonzero a but got a[{r}]=0. Remove the neuron: it never moves.")
    recorder = Recorder(inputs, labels, weights, outputs)
    first_errors = relu_predictions(inputs, weights, outputs) - labels
    first_error = float(np.sqrt(np.square(first_errors).max()))  # whose square is a loss
    network = Horizons.start(
        recorder.merged.samples,
        recorder.outputs,
        recorder.pre_activations(),
        recorder.merged.y,
        mode,
        friction,
        share * first_error / float(np.abs(recorder.outputs).max()),
        record_events,
    )
    _require_end_in_reach(network, mode, float(grid[-1]))
    deadline = time.perf_counter() + seconds
    for moment in grid:
        if not network.run_to(float(moment), max_events=event_limit, deadline=deadline):
            recorder.add(network.snapshot())
            status = stop_reason(network, event_limit)
            said = advice(network, status, grid[-1], inputs.shape[0] / inputs.shape[1])
            raise IntegrationError(said, partial=recorder.trajectory(network, status))
        recorder.add(network.snapshot())
    return recorder.trajectory(network, ReluStatus.FINISHED)


def _require_end_in_reach(network: Horizons, mode: int, end: float) -> None:
    """Refuse times that no number of steps reaches: oscillations are followed one by one, decay by longer steps."""
    rate, most = network.estimate_stiffness(), LONGEST_DECAY
    if mode != GRADIENT_FLOW:
        rate, most = math.sqrt(rate), LONGEST_PHASE
    if rate * end > most:
        raise InvalidArgumentError(
            f"Expected times up to {most / rate:.3g} ({most:g} of the fastest time scale of the initial kernel) but "
            f"got {end:.6g}. Ask for earlier times."
        )


def checked_flow(flow: Flow) -> tuple[int, float]:
    """Return the kernels' code of the flow and its damping or gamma (1 for gradient flow, where it has no meaning)."""
    if isinstance(flow, GradientFlow):
        return GRADIENT_FLOW, 1.0
    if isinstance(flow, HeavyBall):
        return HEAVY_BALL, flow.damping
    if isinstance(flow, Nesterov):
        return NESTEROV, flow.gamma
    raise InvalidArgumentError(
        f"Expected flow to be GradientFlow, HeavyBall or Nesterov but got {flow!r}. Other flows have no event rule "
        "here; integrate their error dynamics with a constant kernel instead."
    )


def stop_reason(network: Horizons, event_limit: int) -> ReluStatus:
    """Say why `run_to` returned early."""
    if network.stuck:
        return ReluStatus.STUCK
    return ReluStatus.EVENT_BUDGET if network.events >= event_limit else ReluStatus.TIME_BUDGET


def advice(network: Horizons, status: ReluStatus, end: float, ratio: float) -> str:
    """Say what happened and what to do; `ratio` is that of samples to dimensions."""
    where = f"Expected to reach t={end:.6g} but stopped at t={network.time:.6g} after {network.events} events: "
    loss = f"the loss is {0.5 * network.errors @ network.errors:.3g} there (`partial` holds the trajectory). "
    if status is ReluStatus.STUCK:
        return f"{where}{network.stuck}. {loss}Perturb W or X slightly, or report the case."
    name = "max_events" if status is ReluStatus.EVENT_BUDGET else "max_seconds"
    relief = "Ask for earlier times, raise the budget"
    if network.captures:
        relief += ", raise tolerance (bouncing neurons are captured earlier)"
    return (
        f"{where}{name} is used up; {loss}{relief}, or use odeflow.numeric.relu_general.relu_flow_general, which looks "
        f"for no events: expect an accuracy of 1e-2 to 1e-3 of |Delta(0)| and a measured error bar (n/d = {ratio:.3g} "
        "here; above 10 that is the rule)."
    )


class Recorder:
    """Turns snapshots of the merged network into the arrays of a `ReluTrajectory`."""

    def __init__(
        self,
        X: Float[np.ndarray, "n d"],
        y: Float[np.ndarray, " n"],
        W: Float[np.ndarray, "m d"],
        a: Float[np.ndarray, " m"],
    ) -> None:
        self.X, self.y, self.W, self.a = X, y, W, a
        self.merged: MergedSamples = merge_samples(X, y)
        self.outputs = a / math.sqrt(a.size)
        self.errors: list[np.ndarray] = []
        self.rates: list[np.ndarray] = []
        self.numbers: list[tuple[float, float, float, float]] = []  # time, kinetic energy, kernel drift, movement
        self.weights, self.velocities = W, np.zeros_like(W)

    def pre_activations(self) -> Float[np.ndarray, "m g"]:
        """Return w_r.x_i of the merged samples, exactly zero where only rounding is left."""
        position = self.W @ self.merged.X.T
        sizes = np.outer(np.linalg.norm(self.W, axis=1), np.linalg.norm(self.merged.X, axis=1))
        position[np.abs(position) <= 4e-16 * sizes] = 0.0
        return np.ascontiguousarray(position)

    def add(self, snapshot: Snapshot) -> None:
        """Record one time, unless it is the last one again."""
        if self.numbers and self.numbers[-1][0] == snapshot.time:
            return
        moved = (snapshot.shift @ self.merged.X) * -self.outputs[:, None]
        self.velocities = (snapshot.push @ self.merged.X) * -self.outputs[:, None]
        self.weights = self.W + moved
        drift = float(np.abs(scipy.linalg.eigvalsh(snapshot.kernel_change)).max())
        kinetic = 0.5 * float(np.vdot(self.velocities, self.velocities))
        self.errors.append(self.merged.errors(snapshot.errors))
        self.rates.append(self.merged.spread(snapshot.rates))
        self.numbers.append((snapshot.time, kinetic, drift, float(np.linalg.norm(moved, axis=1).max())))

    def trajectory(self, network: Horizons, status: ReluStatus) -> ReluTrajectory:
        """Return everything recorded."""
        errors = np.array(self.errors)
        times, kinetic, drift, movement = np.array(self.numbers).T.copy()
        now = relu_predictions(self.X, self.weights, self.a) - self.y
        return ReluTrajectory(
            times=times,
            errors=errors,
            velocities=np.array(self.rates),
            losses=0.5 * np.einsum("tn,tn->t", errors, errors),
            kinetic_energies=kinetic,
            kernel_drifts=drift,
            max_weight_movements=movement,
            weights=self.weights,
            weight_velocities=self.velocities,
            initial_kernel=self.merged.kernel(network.initial_kernel),
            kernel=self.merged.kernel(network.kernel),
            events=expand_events(network, self.merged),
            event_count=network.events,
            captures=network.captures,
            sliding=int(network.rows.count.sum()),
            rejected_horizons=network.rejections,
            worst_lateness=network.worst_lateness,
            consistency=float(np.abs(now - errors[-1]).max()),
            status=status,
        )


def expand_events(network: Horizons, merged: MergedSamples) -> ReluEvents:
    """Turn the log of merged boundaries into events of samples: all parallel and opposite samples of each boundary."""
    log = np.concatenate([*network.logs, np.empty((0, columns.LOG_COLUMNS))])
    groups = log[:, columns.SAMPLE].astype(np.int64)
    mirrors = merged.samples.opposite[groups]
    lines = np.concatenate([np.arange(groups.size), np.flatnonzero(mirrors >= 0)])
    mirrored = np.arange(lines.size) >= groups.size
    group = np.where(mirrored, mirrors[lines], groups[lines])
    flipped = np.array([ON, OFF, SLIDING])
    old, new = (log[lines, column].astype(np.int64) for column in (columns.OLD, columns.NEW))
    old, new = (np.where(mirrored, flipped[status], status) for status in (old, new))
    entered = ReluEventKind.START_SLIDING if network.mode == GRADIENT_FLOW else ReluEventKind.CAPTURE
    left = np.where(new == ON, ReluEventKind.STOP_SLIDING_ON, ReluEventKind.STOP_SLIDING_OFF)
    crossed = np.where(new == ON, ReluEventKind.SWITCH_ON, ReluEventKind.SWITCH_OFF)
    kinds = np.where(new == SLIDING, entered, np.where(old == SLIDING, left, crossed))
    ratio = np.where(mirrored, merged.samples.ratio[groups[lines]], 1.0)
    jump = np.where(mirrored, log[lines, columns.MIRROR_JUMP], log[lines, columns.JUMP])
    # one line per member of the group, in the order of time
    members = [np.flatnonzero(merged.group == g) for g in range(merged.y.size)]
    repeat = np.array([members[g].size for g in group], dtype=np.int64)
    samples = np.concatenate([*(members[g] for g in group), np.empty(0, np.int64)])
    line = np.repeat(np.arange(lines.size), repeat)
    order = np.argsort(lines[line], kind="stable")
    line, samples = line[order], samples[order]
    scale = merged.scale[samples]
    return ReluEvents(
        times=log[lines[line], columns.TIME],
        neurons=log[lines[line], columns.NEURON].astype(np.int64),
        samples=samples,
        kinds=kinds[line],
        speeds=log[lines[line], columns.SPEED] * ratio[line] * scale,
        jumps=jump[line] * scale,
    )
