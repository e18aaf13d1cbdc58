"""How far may we look ahead? Horizons, roll-backs and records of the ReLU flow (plain Python around the kernels)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from odeflow.numeric import _relu_watch_kernels as slots
from odeflow.numeric._relu_event_kernels import advance
from odeflow.numeric._relu_horizon_kernels import (
    BLOCK,
    compose,
    new_scratch,
    new_watch,
    select_gates,
    worst_mixture,
)
from odeflow.numeric._relu_row_kernels import (
    CROWDED,
    GRADIENT_FLOW,
    HEAVY_BALL,
    NESTEROV,
    SINGULAR,
    Rows,
    Samples,
    mix_all,
)
from odeflow.numeric._relu_start import start_rows
from odeflow.numeric._relu_taylor_kernels import preview

# Wrong-side positions and late certificates up to this share of the largest |u| are rounding, not missed events.
ROUNDING = 1e-12
# A horizon that keeps missing events is repeated this often; the last repeats accept larger and larger lateness.
STRICT_REPEATS, ALL_REPEATS = 5, 12
# psi' may fall to exp(-FADE) on a horizon: rounding in a row's drift is amplified by its inverse.
FADE = 6.0

# A mixture that is outside its bounds by more than this share of the errors at the end of a horizon should have ended;
# so much is rounding in a row that slides on nearly dependent samples.
OUTSIDE = 1e-11

AT_REST = 1e-165
"""Errors whose squares vanish."""

# Certificates that the watch list has room for at first.
CAPACITY = 4000


@dataclass
class Snapshot:
    """The merged network at one time."""

    time: float
    errors: np.ndarray
    rates: np.ndarray
    kernel_change: np.ndarray
    shift: np.ndarray
    push: np.ndarray


@dataclass
class Horizons:
    """A two-layer network on its way: `run_to` moves it from event to event."""

    samples: Samples
    outputs: np.ndarray
    mode: int
    friction: float
    amplitude: float
    recording: bool
    rows: Rows
    errors: np.ndarray
    rates: np.ndarray
    kernel: np.ndarray
    time: float = 0.0
    events: int = 0
    rejections: int = 0
    worst_lateness: float = 0.0
    stuck: str = ""
    logs: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def start(
        cls, samples: Samples, outputs: np.ndarray, position: np.ndarray, labels: np.ndarray, mode: int,
        friction: float, amplitude: float, recording: bool,
    ) -> Horizons:
        """Return the network at rest at time zero; `stuck` says if gates at u = 0 have no consistent pattern."""
        n = position.shape[1]
        errors = outputs @ np.maximum(position, 0.0) - labels
        rows, kernel, row = start_rows(samples, outputs, position, errors)
        rates = -kernel @ errors if mode == GRADIENT_FLOW else np.zeros(n)
        network = cls(samples, outputs, mode, friction, amplitude, recording, rows, errors, rates, kernel)
        if row >= 0:
            network.stuck = (
                f"neuron {row} starts with w.x = 0 on several samples and no pattern of them is consistent; "
                "move it off the boundary by a tiny random perturbation of W"
            )
        return network

    def __post_init__(self) -> None:
        m, n = self.rows.position.shape
        self.initial_kernel = self.kernel.copy()
        self.scratch = new_scratch(n)
        self.watch = new_watch(m, n, CAPACITY)
        self.tally = np.zeros(8)
        self.gates = np.empty((2, CAPACITY), np.int64)
        self.work = np.empty((4, BLOCK, n))
        self.narrow = np.empty((BLOCK, self.samples.factor.shape[1]))
        self.saved: tuple[np.ndarray, ...] = ()
        mirrored = self.samples.ratio * (self.samples.opposite >= 0)
        self.mirror = np.eye(n) + mirrored[:, None] * np.eye(n)[self.samples.opposite]
        self.direction = np.full(n, 1.0 / np.sqrt(n))
        self.events_wanted = max(250, m // 10)
        self.log = np.empty((4 * self.events_wanted + 4 * n if self.recording else 0, slots.LOG_COLUMNS))
        self.control = np.array([0.0, -1.0, 30.0, ROUNDING, 0.02, 2.0, self.amplitude, 1.0])
        self.length = 0.0
        self.repeats = 0
        self.scale = float(np.abs(self.rows.position).max())  # largest |u| so far

    @property
    def captures(self) -> int:
        """Number of bouncing gates taken as sliding."""
        return int(self.tally[slots.CAPTURES])

    def snapshot(self) -> Snapshot:
        """Return a copy of what the records need."""
        push = self.rows.push
        if self.mode == GRADIENT_FLOW:
            push = np.empty_like(self.rows.shift)
            mix_all(self.samples, self.rows, self.errors, 0, push)
        change = self.kernel - self.initial_kernel
        return Snapshot(self.time, self.errors.copy(), self.rates.copy(), change, self.rows.shift, push)

    def run_to(self, end: float, *, max_events: int, deadline: float) -> bool:
        """Advance to time `end`; return False if the budget ran out or the flow got stuck before."""
        while self.time < end and not self.stuck:
            if self.events >= max_events or time.perf_counter() > deadline:
                return False
            self.horizon(end - self.time, max_events - self.events)
            if abs(self.time - end) <= 1e-13 * end or self.at_rest():
                self.time = end
        return not self.stuck

    def at_rest(self) -> bool:
        """Tell whether the flow has ended: the loss is 0 in double precision, what still moves is below rounding."""
        moving = [self.errors] if self.mode == GRADIENT_FLOW else [self.errors, self.rates, self.rows.drift]
        return self.mode != NESTEROV and all(float(np.abs(part).max()) < AT_REST for part in moving)

    def horizon(self, limit: float, budget: int) -> None:
        """Try one horizon of length at most `limit`; on a missed event restore the state and widen the margins."""
        length, psi_on, bound, count = self.choose_length(limit)
        self.save()
        state = self.new_state(psi_on)
        gates = self.gates[:, :count]
        self.control[slots.LATENESS] = self.tolerated()
        self.control[slots.MARGIN] = 2.0 * 2.0**self.repeats
        self.control[slots.SLACK] = 0.02 * 3.0**self.repeats
        status, elapsed, fired, lines = advance(
            self.mode, self.friction, self.time, length, self.samples, self.outputs, self.rows, self.kernel, state[0],
            state[1], bound, self.watch, gates[0], gates[1], self.control, self.scratch, self.log, self.tally,
            min(budget, 4 * self.events_wanted),
        )
        late = largest = 0.0
        if status == slots.REACHED:
            late, largest = compose(
                self.mode, self.samples, self.outputs, self.rows, state[0], state[1], self.work, self.narrow
            )
        missed = late > self.control[slots.LATENESS]
        if status == slots.REACHED and self.mode == GRADIENT_FLOW and self.repeats < STRICT_REPEATS:
            ended = state[0][self.errors.size + 1 : -1]
            outside = worst_mixture(self.samples, self.rows, self.outputs, ended, self.scratch.row[0])
            missed = missed or outside > OUTSIDE
        if status != slots.REACHED or missed:
            self.restore()
            self.retry(status, length)
            return
        self.scale = max(self.scale, largest)
        self.accept(state, length, elapsed, fired, lines, late)

    def choose_length(self, limit: float) -> tuple[float, bool, np.ndarray, int]:
        """Return a horizon length, whether psi exists on it, bounds of |J|, and the number of gates that can flip."""
        m, n = self.rows.position.shape
        stiffness = self.estimate_stiffness()
        if self.length == 0.0:
            self.length = 0.3 / (stiffness if self.mode == GRADIENT_FLOW else np.sqrt(stiffness))
            self.control[slots.STEP] = self.length / 8.0
        length = min(self.length, limit)
        resting = self.mode == NESTEROV and self.time == 0.0
        bound = np.empty((2, n))
        while True:
            P, R = self.new_state(not resting)
            preview(
                self.mode, self.friction, self.kernel, P, R, self.time, length, stiffness, self.scratch.series,
                self.scratch.product, self.tally, bound[0],
            )
            bound[1] = self.samples.magnitude @ (self.mirror @ bound[0])
            count = self.select(bound, max(P[n], 0.0), resting)
            if resting and count > 0:
                length *= 0.5
            elif count > max(0.15 * m * n, 3000) and length > 1e-9 * limit:
                length *= 0.6
            else:
                return length, not resting, 1.2 * bound, count

    def select(self, bound: np.ndarray, psi: float, resting: bool) -> int:
        """Fill `gates` with what `select_gates` finds, and make the watch list large enough for it."""
        gates = self.gates
        m, n = self.rows.position.shape
        what = (self.mode, self.samples, self.rows, self.outputs, bound, psi, resting)
        count = int(select_gates(*what, gates[0], gates[1]))
        if count > gates.shape[1]:
            self.gates = gates = np.empty((2, 2 * count), np.int64)
            select_gates(*what, gates[0], gates[1])
        if 2 * count + CAPACITY // 2 > self.watch.label.shape[0]:
            self.watch = new_watch(m, n, 4 * count + CAPACITY)
        return count

    def new_state(self, psi_on: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return P = (0, 0, Delta, 0) and R = (J', psi', Delta', 0) at the start of a horizon."""
        n = self.errors.size
        P = np.zeros(2 * n + 2)
        R = np.zeros(2 * n + 2)
        P[n + 1 : 2 * n + 1] = self.errors
        R[n + 1 : 2 * n + 1] = self.rates
        if self.mode == GRADIENT_FLOW:
            R[:n] = self.errors
        elif psi_on:
            R[n] = 1.0
        return P, R

    def estimate_stiffness(self) -> float:
        """Return about the largest eigenvalue of H (power iteration); it only sets step lengths."""
        v = self.direction
        norm = 0.0
        for _ in range(5):
            w = self.kernel @ v
            norm = float(np.linalg.norm(w))
            if norm <= 1e-300:
                break
            v = w / norm
        self.direction = v if norm > 1e-300 else np.full(v.size, 1.0 / np.sqrt(v.size))
        smallest = 1e-9 * float(np.trace(self.samples.gram)) * float(self.outputs @ self.outputs) / v.size
        self.control[slots.STIFFNESS] = max(1.05 * norm, smallest)
        return float(self.control[slots.STIFFNESS])

    def tolerated(self) -> float:
        """Return the lateness that passes as rounding; it grows over the last repeats of a horizon."""
        return float(ROUNDING * self.scale * 10.0 ** (0.5 * max(0, self.repeats - STRICT_REPEATS + 1)))

    def changing(self) -> tuple[np.ndarray, ...]:
        """Return everything that a failed horizon must give back."""
        rows = self.rows
        parts: tuple[np.ndarray, ...]
        parts = (rows.position, rows.shift, rows.status, rows.count, rows.sliding, rows.inverse, self.kernel)
        if self.mode != GRADIENT_FLOW:
            parts += (rows.drift, rows.push)
        return (*parts, self.tally[slots.CAPTURES : slots.CAPTURES + 1])

    def save(self) -> None:
        """Copy everything that a horizon changes."""
        parts = self.changing()
        if [part.shape for part in parts] != [copy.shape for copy in self.saved]:
            self.saved = tuple(np.empty_like(part) for part in parts)
        for copy, part in zip(self.saved, parts, strict=True):
            np.copyto(copy, part)

    def restore(self) -> None:
        """Put the copies back."""
        for copy, part in zip(self.saved, self.changing(), strict=True):
            np.copyto(part, copy)

    def retry(self, status: int, length: float) -> None:
        """Prepare the repetition of a horizon that failed with `status` (REACHED: a gate ended on the wrong side)."""
        if status == slots.FULL:
            m, n = self.rows.position.shape
            self.watch = new_watch(m, n, 2 * self.watch.label.shape[0])
            return
        if status == CROWDED:
            self.rows = with_more_slots(self.rows)
            return
        self.rejections += 1
        self.repeats += 1
        self.length = 0.5 * length
        self.control[slots.STEP] *= 0.5
        if self.repeats > ALL_REPEATS:
            reason = "its sliding samples are linearly dependent" if status == SINGULAR else "events keep being missed"
            self.stuck = f"the horizon that starts at t={self.time:.6g} failed {self.repeats} times: {reason}"

    def accept(
        self, state: tuple[np.ndarray, np.ndarray], length: float, elapsed: float, fired: int, lines: int, late: float
    ) -> None:
        """Make the end of the horizon the new state, and choose the length of the next."""
        n = self.errors.size
        self.errors = state[0][n + 1 : 2 * n + 1].copy()
        self.rates = state[1][n + 1 : 2 * n + 1].copy()
        if self.mode == GRADIENT_FLOW:  # without the truncation of a series
            self.rates = -self.kernel @ self.errors
        self.time += elapsed
        self.events += fired
        if self.repeats >= STRICT_REPEATS:  # certificates may have been late by as much as was tolerated
            late = max(late, float(self.control[slots.LATENESS]))
        self.worst_lateness = max(self.worst_lateness, late)
        self.repeats = 0
        if lines:
            self.logs.append(self.log[:lines].copy())
        factor = min(2.0, max(0.4, self.events_wanted / max(fired, 1)))
        if length >= self.length or factor < 1.0:
            self.length = length * factor
        if self.mode == HEAVY_BALL:
            self.length = min(self.length, FADE / self.friction)
        elif self.mode == NESTEROV:
            self.length = min(self.length, self.time * min(3.0, np.expm1(FADE / self.friction)))


def with_more_slots(rows: Rows) -> Rows:
    """Return the rows with room for twice as many sliding gates."""
    m, slots = rows.sliding.shape
    sliding = np.zeros((m, 2 * slots), np.int64)
    sliding[:, :slots] = rows.sliding
    inverse = np.zeros((m, 2 * slots, 2 * slots))
    inverse[:, :slots, :slots] = rows.inverse
    return rows._replace(sliding=sliding, inverse=inverse)
