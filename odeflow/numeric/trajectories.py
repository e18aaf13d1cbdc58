"""What comes out of an integration, and which events to watch on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from jaxtyping import Bool, Float, Int

from odeflow.errors import InvalidArgumentError
from odeflow.markup import sketch
from odeflow.numeric import _integrate_kernels as kernels
from odeflow.numeric.compiled import CompiledField

__all__ = ["Direction", "EnsembleTrajectory", "EventRecord", "Events", "IntegrationStatus", "Trajectory"]


class IntegrationStatus(Enum):
    """How an integration ended."""

    COMPLETED = kernels.COMPLETED
    STOPPED_BY_EVENT = kernels.STOPPED
    STEP_TOO_SMALL = kernels.STEP_TOO_SMALL
    NOT_FINITE = kernels.NOT_FINITE
    TOO_MANY_STEPS = kernels.TOO_MANY_STEPS
    BAD_START = kernels.BAD_START


class Direction(Enum):
    """Which sign changes of an event function count."""

    BOTH = 0
    RISING = 1
    FALLING = -1


@dataclass(frozen=True, eq=False)
class Events:
    """Event functions to watch: their sign changes along the trajectory are located on the dense output.

    Parameters
    ----------
    functions
        Vector of e functions of (t, y, parameters), see `odeflow.codegen.compile_events`.
    direction
        Which sign changes count: one for all, or one for each function.
    terminal
        Whether the first event stops the integration: one for all, or one for each function.

    Raises
    ------
    InvalidArgumentError
        The number of directions or flags is not the number of functions.
    """

    functions: CompiledField
    direction: Direction | Sequence[Direction] = Direction.BOTH
    terminal: bool | Sequence[bool] = False

    def __post_init__(self) -> None:
        for name, value in (("direction", self.direction), ("terminal", self.terminal)):
            if isinstance(value, Sequence) and len(value) != self.functions.dimension:
                raise InvalidArgumentError(
                    f"Expected one {name} for each of {self.functions.dimension} event functions but got {len(value)}."
                )

    @property
    def directions(self) -> Int[np.ndarray, " e"]:
        """Signs, int64, shape (e,)."""
        each = self.direction if isinstance(self.direction, Sequence) else [self.direction] * self.functions.dimension
        return np.array([direction.value for direction in each], dtype=np.int64)

    @property
    def stops(self) -> Bool[np.ndarray, " e"]:
        """Flags, bool, shape (e,)."""
        each = self.terminal if isinstance(self.terminal, Sequence) else [self.terminal] * self.functions.dimension
        return np.array(each, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class EventRecord:
    """The events that were seen, in order of time.

    Parameters
    ----------
    times
        float64, shape (m,), in the unit of the integration's times.
    indices
        Which event function, int64, shape (m,).
    directions
        +1 where it rises through zero, -1 where it falls, int64, shape (m,).
    states
        float64, shape (m, k).
    """

    times: Float[np.ndarray, " m"]
    indices: Int[np.ndarray, " m"]
    directions: Int[np.ndarray, " m"]
    states: Float[np.ndarray, "m k"]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One solution at the times that were asked for (those that were reached).

    Parameters
    ----------
    times
        float64, shape (t,).
    states
        float64, shape (t, k).
    steps, rejected, evaluations
        Accepted steps, rejected steps, evaluations of the field.
    status
        How the integration ended.
    end_time
        The time up to which the solution is known; the last event's if that stopped it.
    events
        What happened on the way.
    error_estimate
        Difference between two runs, float64, shape (t, k), from `integrate_with_error_bar`; None otherwise.
    """

    times: Float[np.ndarray, " t"]
    states: Float[np.ndarray, "t k"]
    steps: int
    rejected: int
    evaluations: int
    status: IntegrationStatus
    end_time: float
    events: EventRecord = field(repr=False)
    error_estimate: Float[np.ndarray, "t k"] | None = None

    def _repr_html_(self) -> str:
        ended = self.status.name.lower().replace("_", " ")
        said = f"|y| of {self.states.shape[1]} components; {self.steps} steps; {ended}"
        return f"<p>{said}</p>{sketch(self.times.tolist(), np.linalg.norm(self.states, axis=1).tolist(), label='|y|')}"


@dataclass(frozen=True, eq=False)
class EnsembleTrajectory:
    """Many solutions of one field at common times.

    Parameters
    ----------
    times
        float64, shape (t,).
    states
        float64, shape (s, t, k); NaN at the times that a trajectory did not reach.
    steps, rejected, evaluations
        int64, shape (s,).
    statuses
        How each integration ended.
    end_times
        The time up to which each solution is known, float64, shape (s,).
    """

    times: Float[np.ndarray, " t"]
    states: Float[np.ndarray, "s t k"]
    steps: Int[np.ndarray, " s"]
    rejected: Int[np.ndarray, " s"]
    evaluations: Int[np.ndarray, " s"]
    statuses: tuple[IntegrationStatus, ...]
    end_times: Float[np.ndarray, " s"]
