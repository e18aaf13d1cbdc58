"""The scalar modes of every flow on a (rate, time) grid; arguments are checked by `odeflow.numeric.modal`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric._modal_kernels import damped_modes, hankel_plan, nesterov_modes, nesterov_table
from odeflow.numeric._modal_linear_kernels import linear_modes
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov

__all__ = ["checked_spectrum", "impulse_modes", "modes"]

# A positive semidefinite kernel comes back from its eigensolver with eigenvalues down to about -n eps lambda_max.
_NEGATIVE_ROUNDING = 1e-12
# Beyond this phase even a double-double product is a poor phase.
_LARGEST_PHASE = 1e12
# Nesterov's table has 4 max(25, gamma^2/16) cells, and its recurrence loses digits when gamma is large against s.
_LARGEST_GAMMA = 1000.0


def checked_spectrum(eigenvalues: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Clip rounding below zero, refuse anything more negative."""
    lowest = float(eigenvalues.min())
    if lowest >= 0.0:
        return eigenvalues
    largest = max(float(eigenvalues.max()), 0.0)
    if lowest < -_NEGATIVE_ROUNDING * largest:
        raise InvalidArgumentError(
            f"Expected eigenvalues >= 0 (or above -1e-12 of the largest, which is {largest:.6g}) but got {lowest:.6g}. "
            "Pass a positive semidefinite kernel."
        )
    clipped: Float[np.ndarray, " k"] = np.maximum(eigenvalues, 0.0)
    return clipped


def modes(
    flow: Flow, values: Float[np.ndarray, " k"], times: Float[np.ndarray, " t"], *, derivative: bool = False
) -> Float[np.ndarray, "k t"]:
    """phi or phi' on the grid, arguments already checked."""
    if isinstance(flow, GradientFlow):
        # In place: fresh pages for temporaries take longer than the exponentials.
        decay: Float[np.ndarray, "k t"] = np.multiply.outer(values, -times)
        np.exp(decay, out=decay)
        if derivative:
            decay *= -values[:, None]
        return decay
    if isinstance(flow, HeavyBall):
        return _damped(flow, values, times, 1 if derivative else 0)
    if isinstance(flow, Nesterov):
        if flow.gamma > _LARGEST_GAMMA:
            raise InvalidArgumentError(
                f"Expected gamma <= {_LARGEST_GAMMA:g} but got gamma={flow.gamma}. "
                "Use odeflow.numeric.integrate instead."
            )
        if not derivative:
            return _nesterov(flow.gamma, values, times)
        # phi' = -lambda t/(gamma+1) times the mode of gamma + 2 (derivative of Bessel functions).
        raised = _nesterov(flow.gamma + 2.0, values, times)
        raised *= np.multiply.outer(values, times / -(flow.gamma + 1.0))
        return raised
    return _linear(flow, values, times, 0)[1 if derivative else 0]


def impulse_modes(
    flow: Flow, values: Float[np.ndarray, " k"], times: Float[np.ndarray, " t"], *, derivative: bool = False
) -> Float[np.ndarray, "k t"]:
    """The mode that starts at 0 with velocity 1, or its derivative."""
    if isinstance(flow, HeavyBall):
        return _damped(flow, values, times, 3 if derivative else 2)
    assert isinstance(flow, LinearFlow)
    return _linear(flow, values, times, 1)[1 if derivative else 0]


def _damped(
    flow: HeavyBall, values: Float[np.ndarray, " k"], times: Float[np.ndarray, " t"], kind: int
) -> Float[np.ndarray, "k t"]:
    # After 746 decay times every mode has underflowed, whatever its phase.
    _require_phase(values, min(float(times[-1]), 2.0 * 746.0 / flow.damping))
    phi: Float[np.ndarray, "k t"] = damped_modes(float(flow.damping), values, times, kind)
    return phi


def _nesterov(
    gamma: float, values: Float[np.ndarray, " k"], times: Float[np.ndarray, " t"]
) -> Float[np.ndarray, "k t"]:
    _require_phase(values, float(times[-1]))
    gamma = float(gamma)
    coefficients, enough_from, switch = hankel_plan(gamma)
    end = min(switch, float(np.sqrt(values.max())) * float(times[-1]))
    table = nesterov_table(gamma, end)
    phi: Float[np.ndarray, "k t"] = nesterov_modes(gamma, values, times, table, coefficients, enough_from, switch)
    return phi


def _linear(
    flow: LinearFlow, values: Float[np.ndarray, " k"], times: Float[np.ndarray, " t"], start: int
) -> tuple[Float[np.ndarray, "k t"], Float[np.ndarray, "k t"]]:
    positions = np.empty((values.size, times.size))
    velocities = np.empty_like(positions)
    coefficients = np.array(flow.coefficients, dtype=np.float64)
    status = linear_modes(coefficients, values, times, start, positions, velocities)
    if status == 1:
        raise IntegrationError(
            f"{flow} is unstable for an eigenvalue in [{values.min():.6g}, {values.max():.6g}]: a mode overflowed "
            f"before t={times[-1]:.6g}. Check the Routh-Hurwitz conditions, or stop earlier."
        )
    if status == 2:
        raise InvalidArgumentError(
            f"Expected times short enough to resolve the fastest mode but t={times[-1]:.6g} is above 2^59 of its "
            "time scales. Shorten the run."
        )
    return positions, velocities


def _require_phase(values: Float[np.ndarray, " k"], end: float) -> None:
    phase = float(np.sqrt(values.max())) * end
    if phase > _LARGEST_PHASE:
        raise InvalidArgumentError(
            f"Expected sqrt(lambda) t <= {_LARGEST_PHASE:g} but got {phase:.6g}: the phase of the oscillation is "
            "lost to rounding. Shorten the run."
        )
