"""With which pattern does the network start, and what is its kernel then?"""

from __future__ import annotations

import numpy as np

from odeflow.numeric._relu_horizon_kernels import new_rows
from odeflow.numeric._relu_row_kernels import (
    CHOSEN,
    CROWDED,
    OFF,
    ON,
    SINGULAR,
    Rows,
    Samples,
    resolve,
    set_gate,
    surplus,
)

# The pattern of gates at u = 0 is judged this share of the shortest time scale after the start, to break exact ties.
MOMENT = 1e-9
# Sliding gates of one neuron that there is room for at first.
SLOTS = 8


def start_rows(
    samples: Samples, outputs: np.ndarray, position: np.ndarray, errors: np.ndarray
) -> tuple[Rows, np.ndarray, int]:
    """Return the rows at rest, H at time zero, and the first neuron without a consistent pattern (-1: none)."""
    rows, failed = settled_rows(samples, outputs, position, errors)
    kernel = starting_kernel(samples, outputs, rows)
    if failed < 0 and (position == 0.0).any():
        fastest = max(float(np.trace(kernel)), 1e-300)
        rows, failed = settled_rows(samples, outputs, position, errors - MOMENT / fastest * kernel @ errors)
        kernel = starting_kernel(samples, outputs, rows)
    return rows, kernel, failed


def settled_rows(
    samples: Samples, outputs: np.ndarray, position: np.ndarray, errors: np.ndarray
) -> tuple[Rows, int]:
    """Return rows with a pattern for these errors, with as many sliding slots as it takes, and the failed neuron."""
    slots = SLOTS
    while True:
        rows = new_rows(position, slots)
        outcome, failed = settle_start(samples, outputs, rows, errors)
        if outcome != CROWDED:
            return rows, failed
        slots *= 2


def settle_start(samples: Samples, outputs: np.ndarray, rows: Rows, errors: np.ndarray) -> tuple[int, int]:
    """Choose the statuses of all gates that are exactly at u = 0; return CHOSEN, CROWDED or SINGULAR, and the neuron.

    Attracting gates go through the box problem of `resolve`. A gate that does not attract starts OFF, the convention
    relu'(0) = 0, and is turned ON where the flow would drive it up: where both sides are consistent (a repelling
    boundary) this picks OFF, one of Filippov's solutions. SINGULAR also says that no consistent pattern was found.
    """
    at_zero = (rows.position == 0.0) & samples.owner
    for r in np.flatnonzero(at_zero.any(axis=1)):
        outcome = settle_row(samples, rows, float(outputs[r]), int(r), np.flatnonzero(at_zero[r]), errors)
        if outcome != CHOSEN:
            return outcome, int(r)
    return CHOSEN, -1


def settle_row(samples: Samples, rows: Rows, c: float, r: int, gates: np.ndarray, errors: np.ndarray) -> int:
    """Choose the statuses of these gates of row r, all at u = 0."""
    status = rows.status[r]
    for i in gates:
        set_gate(samples, status, i, OFF)
    attracts = np.array([surplus(samples, c, i, errors) > 0.0 for i in gates])
    others = gates[~attracts]
    for _ in range(2 * others.size + 2):
        outcome = resolve(samples, rows, c, r, gates[attracts], int(attracts.sum()), errors)
        if outcome != CHOSEN:
            return int(outcome)
        sliding = rows.sliding[r, : rows.count[r]]
        z = np.where(status == ON, errors, 0.0)
        z[sliding] = -rows.inverse[r, : sliding.size, : sliding.size] @ (samples.gram[sliding] @ z)
        speeds = -c * samples.gram[others] @ z
        tiny = 1e-14 * abs(c) * samples.magnitude[others] @ np.abs(z)
        wrong = np.where(status[others] == ON, speeds < -tiny, speeds > tiny)
        if not wrong.any():
            return CHOSEN
        i = others[np.flatnonzero(wrong)[0]]
        set_gate(samples, status, i, OFF if status[i] == ON else ON)
    return SINGULAR


def starting_kernel(samples: Samples, outputs: np.ndarray, rows: Rows) -> np.ndarray:
    """Return H at time zero, with the share of rows that already slide projected."""
    active = np.where(rows.status == ON, outputs[:, None], 0.0)
    kernel: np.ndarray = (active.T @ active) * samples.gram
    for r in np.flatnonzero(rows.count):
        on = rows.status[r] == ON
        s = rows.sliding[r, : rows.count[r]]
        side = samples.gram[np.ix_(s, on)]
        kernel[np.ix_(on, on)] -= outputs[r] ** 2 * side.T @ np.linalg.solve(samples.gram[np.ix_(s, s)], side)
    return kernel
