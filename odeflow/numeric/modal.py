"""Closed-form error dynamics Delta(t) for a constant symmetric kernel H, for one kernel or a stack of kernels.

With H = V diag(lambda) V^T the error is Delta(t) = V diag(phi_lambda(t)) V^T Delta(0); phi_lambda solves a scalar ODE:

    gradient flow   exp(-lambda t)
    heavy ball      damped oscillator, under-, critically and over-damped by one cancellation-free formula each
    Nesterov        Gamma(nu+1) (2/s)^nu J_nu(s), nu = (gamma-1)/2, s = sqrt(lambda) t, for every gamma > 0
    linear flow     companion propagators, powers of two by squaring in double-double

Accuracy, with the eigenvalues and times taken as exact: |error| < 1e-14 of the initial error, for phases sqrt(lambda) t
up to 1e12 (phases are kept to twice the working precision). What remains in practice is the eigensolver's rounding of
the eigenvalues, about 1e-15 lambda_max, which moves phi_lambda by up to 1e-15 lambda_max |dphi/dlambda|.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html import escape

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.markup import sketch
from odeflow.numeric._eigenbases import as_stack, eigenbases, spectral_measures
from odeflow.numeric._modes import checked_spectrum, impulse_modes, modes
from odeflow.numeric.arrays import as_array, as_times, as_vector, refuse_overflow
from odeflow.numeric.flows import Flow, HeavyBall, LinearFlow, Nesterov

__all__ = ["ModalTrajectory", "frozen_kernel_flow", "frozen_kernel_losses", "mode_response", "mode_velocity"]


@dataclass(frozen=True, eq=False)
class ModalTrajectory:
    """Error dynamics under a frozen kernel, for one kernel or for a stack of s kernels (leading axis).

    Attributes
    ----------
    flow : Flow
        The optimiser ODE.
    times : Float[np.ndarray, " t"]
        Flow times.
    errors : Float[np.ndarray, "... t n"]
        Delta(t).
    losses : Float[np.ndarray, "... t"]
        |Delta(t)|^2 / 2, summed over modes (so that small losses keep their digits).
    eigenvalues : Float[np.ndarray, "... n"]
        Spectrum of the kernel, ascending, tiny negative rounding clipped to 0.
    eigenvectors : Float[np.ndarray, "... n n"]
        Eigenvectors of the kernel, in columns.
    coordinates, velocity_coordinates : Float[np.ndarray, "... n"]
        The initial error and velocity in the eigenbasis.
    """

    flow: Flow
    times: Float[np.ndarray, " t"]
    errors: Float[np.ndarray, "... t n"] = field(repr=False)
    losses: Float[np.ndarray, "... t"] = field(repr=False)
    eigenvalues: Float[np.ndarray, "... n"] = field(repr=False)
    eigenvectors: Float[np.ndarray, "... n n"] = field(repr=False)
    coordinates: Float[np.ndarray, "... n"] = field(repr=False)
    velocity_coordinates: Float[np.ndarray, "... n"] | None = field(repr=False)

    @cached_property
    def velocities(self) -> Float[np.ndarray, "... t n"]:
        """Delta'(t), in 1/time; computed on first use."""
        n = self.eigenvalues.shape[-1]
        values = self.eigenvalues.reshape(-1, n)
        vectors = self.eigenvectors.reshape(-1, n, n)
        positions = self.coordinates.reshape(-1, n)
        speeds = None if self.velocity_coordinates is None else self.velocity_coordinates.reshape(-1, n)
        out = np.empty((values.shape[0], self.times.size, n))
        for k in range(values.shape[0]):
            modal = modes(self.flow, values[k], self.times, derivative=True) * positions[k][:, None]
            if speeds is not None:
                modal += impulse_modes(self.flow, values[k], self.times, derivative=True) * speeds[k][:, None]
            np.matmul(modal.T, vectors[k].T, out=out[k])
        return out.reshape(self.errors.shape)

    def _repr_html_(self) -> str:
        losses = self.losses.reshape(-1, self.times.size)
        which = "" if losses.shape[0] == 1 else f" of the first of {losses.shape[0]} kernels"
        said = f"loss{which} over t = {self.times[0]:.3g}..{self.times[-1]:.3g}; {escape(str(self.flow))}"
        return f"<p>{said}</p>{sketch(self.times.tolist(), losses[0].tolist(), label='loss')}"


@refuse_overflow()
def mode_response(flow: Flow, eigenvalues: ArrayLike, times: ArrayLike) -> Float[np.ndarray, "k t"]:
    """Compute phi_lambda(t), the scalar mode with phi(0) = 1 and every other derivative 0 at t = 0.

    Parameters
    ----------
    flow : Flow
        Which optimiser ODE.
    eigenvalues : Float[np.ndarray, " k"]
        lambda >= 0. Values in [-1e-12 max, 0) count as rounding of 0 and are clipped.
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.

    Returns
    -------
    Float[np.ndarray, "k t"]
        phi_lambda(t), row by eigenvalue.

    Raises
    ------
    InvalidArgumentError
        A negative eigenvalue, a bad grid, a phase sqrt(lambda) t above 1e12, or gamma above 1000.
    IntegrationError
        A linear flow is unstable for one of the eigenvalues and its mode overflowed.

    References
    ----------
    Watson, 1944, A Treatise on the Theory of Bessel Functions, 7.21 (Hankel's expansion).
    Su, Boyd and Candes, 2016, JMLR 17, section 3 (Bessel form of Nesterov's flow on quadratics).

    Examples
    --------
    Nesterov's flow with gamma = 2 is sin(s)/s; heavy ball at its double root is (1 + rt) exp(-rt):

    >>> import numpy as np
    >>> from odeflow.numeric.flows import HeavyBall, Nesterov
    >>> t = np.array([0.0, 1.0, 2.0])
    >>> np.round(mode_response(Nesterov(gamma=2.0), np.array([1.0]), t)[0] - np.sinc(t / np.pi), 14) + 0.0
    array([0., 0., 0.])
    >>> np.round(mode_response(HeavyBall(damping=2.0), np.array([1.0]), t)[0], 6)
    array([1.      , 0.735759, 0.406006])
    """
    return modes(flow, checked_spectrum(as_vector("eigenvalues", eigenvalues)), as_times("times", times))


@refuse_overflow()
def mode_velocity(flow: Flow, eigenvalues: ArrayLike, times: ArrayLike) -> Float[np.ndarray, "k t"]:
    """Compute d phi_lambda/dt, the derivative of `mode_response`, in 1/time.

    Parameters
    ----------
    flow : Flow
        Which optimiser ODE.
    eigenvalues : Float[np.ndarray, " k"]
        lambda >= 0. Values in [-1e-12 max, 0) count as rounding of 0 and are clipped.
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.

    Returns
    -------
    Float[np.ndarray, "k t"]
        d phi_lambda/dt, row by eigenvalue.

    Raises
    ------
    InvalidArgumentError, IntegrationError
        As `mode_response`.

    Examples
    --------
    >>> import numpy as np
    >>> from odeflow.numeric.flows import GradientFlow
    >>> mode_velocity(GradientFlow(), np.array([2.0]), np.array([0.0]))
    array([[-2.]])
    """
    values = checked_spectrum(as_vector("eigenvalues", eigenvalues))
    return modes(flow, values, as_times("times", times), derivative=True)


@refuse_overflow()
def frozen_kernel_flow(
    flow: Flow,
    kernel: ArrayLike,
    initial_error: ArrayLike,
    times: ArrayLike,
    *,
    initial_velocity: ArrayLike | None = None,
) -> ModalTrajectory:
    """Compute Delta(t) under a constant kernel H, or under each kernel of a stack.

        Delta(t) = sum_k phi_{lambda_k}(t) v_k v_k^T Delta(0)

    Parameters
    ----------
    flow : Flow
        Which optimiser ODE.
    kernel : Float[np.ndarray, "n n"] or Float[np.ndarray, "s n n"]
        Symmetric positive semidefinite H.
    initial_error : Float[np.ndarray, " n"] or Float[np.ndarray, "s n"]
        Delta(0); with a stack of kernels, one for all or one for each.
    times : Float[np.ndarray, " t"]
        Strictly increasing flow times >= 0.
    initial_velocity : Float[np.ndarray, " n"] or Float[np.ndarray, "s n"], optional
        Delta'(0) in 1/time, for heavy ball and linear flows of order >= 2 only; zero when not given.

    Returns
    -------
    ModalTrajectory
        Errors, losses and the spectrum; velocities are computed when asked for.

    Raises
    ------
    InvalidArgumentError
        Shapes that do not fit, a kernel that is not symmetric positive semidefinite, an initial velocity for a flow
        that admits none, or what `mode_response` refuses.
    IntegrationError
        As `mode_response`.

    Examples
    --------
    >>> import numpy as np
    >>> from odeflow.numeric.flows import GradientFlow
    >>> kernel = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> run = frozen_kernel_flow(GradientFlow(), kernel, np.array([1.0, 1.0]), np.array([0.0, 1.0]))
    >>> np.round(run.errors[1] - np.exp(-3.0), 12) + 0.0
    array([0., 0.])
    """
    problem = _problem(flow, kernel, initial_error, times, initial_velocity)
    stack, n = problem.eigenvalues.shape
    errors = np.empty((stack, problem.times.size, n))
    losses = np.empty((stack, problem.times.size))
    for k in range(stack):
        modal = _modal_errors(flow, problem, k)
        losses[k] = 0.5 * np.einsum("kt,kt->t", modal, modal)
        np.matmul(modal.T, problem.eigenrows[k], out=errors[k])
    drop = problem.single
    vectors = problem.eigenrows.transpose(0, 2, 1)
    speeds = problem.velocity_coordinates
    return ModalTrajectory(
        flow=flow,
        times=problem.times,
        errors=errors[0] if drop else errors,
        losses=losses[0] if drop else losses,
        eigenvalues=problem.eigenvalues[0] if drop else problem.eigenvalues,
        eigenvectors=vectors[0] if drop else vectors,
        coordinates=problem.coordinates[0] if drop else problem.coordinates,
        velocity_coordinates=None if speeds is None else speeds[0] if drop else speeds,
    )


@refuse_overflow()
def frozen_kernel_losses(
    flow: Flow,
    kernel: ArrayLike,
    initial_error: ArrayLike,
    times: ArrayLike,
    *,
    initial_velocity: ArrayLike | None = None,
) -> Float[np.ndarray, "... t"]:
    """Compute only the losses |Delta(t)|^2 / 2 = sum_k (phi_k(t) v_k^T Delta(0))^2 / 2 under a constant kernel.

    Parameters
    ----------
    flow, kernel, initial_error, times, initial_velocity
        As `frozen_kernel_flow`.

    Returns
    -------
    Float[np.ndarray, " t"] or Float[np.ndarray, "s t"]
        The losses; equal to `frozen_kernel_flow(...).losses`.

    Raises
    ------
    InvalidArgumentError, IntegrationError
        As `frozen_kernel_flow`.

    Examples
    --------
    >>> import numpy as np
    >>> from odeflow.numeric.flows import GradientFlow
    >>> frozen_kernel_losses(GradientFlow(), np.eye(2), np.array([1.0, 1.0]), np.array([0.0]))
    array([1.])
    """
    if initial_velocity is not None:
        # Two vectors have no common tridiagonal form: the eigenvectors are needed.
        return frozen_kernel_flow(flow, kernel, initial_error, times, initial_velocity=initial_velocity).losses
    grid = as_times("times", times)
    h, single = as_stack(kernel)
    error = _per_kernel("initial_error", initial_error, h, single)
    values, coordinates = spectral_measures(h, error, single)
    losses = np.empty((h.shape[0], grid.size))
    for k in range(h.shape[0]):
        modal = modes(flow, checked_spectrum(values[k]), grid)
        modal *= coordinates[k][:, None]
        losses[k] = 0.5 * np.einsum("kt,kt->t", modal, modal)
    return losses[0] if single else losses


@dataclass(frozen=True)
class _Problem:
    """Checked arguments in the eigenbasis, always with a leading stack axis."""

    times: Float[np.ndarray, " t"]
    eigenvalues: Float[np.ndarray, "s n"]
    eigenrows: Float[np.ndarray, "s n n"]  # eigenvectors, in rows
    coordinates: Float[np.ndarray, "s n"]
    velocity_coordinates: Float[np.ndarray, "s n"] | None
    single: bool


def _problem(
    flow: Flow, kernel: ArrayLike, initial_error: ArrayLike, times: ArrayLike, initial_velocity: ArrayLike | None
) -> _Problem:
    """Check the arguments of a frozen-kernel flow and diagonalise."""
    checked_times = as_times("times", times)
    if initial_velocity is not None and not (
        isinstance(flow, HeavyBall) or (isinstance(flow, LinearFlow) and flow.order >= 2)
    ):
        why = "is singular at t = 0" if isinstance(flow, Nesterov) else "is of first order"
        raise InvalidArgumentError(
            f"Expected no initial_velocity because {flow} {why}. Leave it out, or use HeavyBall or LinearFlow."
        )
    h, single = as_stack(kernel)
    error = _per_kernel("initial_error", initial_error, h, single)
    raw, rows = eigenbases(h, single)
    values = np.empty_like(raw)
    for k in range(raw.shape[0]):
        values[k] = checked_spectrum(raw[k])
    coordinates = np.matmul(rows, error[:, :, None])[:, :, 0]
    speeds = None
    if initial_velocity is not None:
        velocity = _per_kernel("initial_velocity", initial_velocity, h, single)
        speeds = np.matmul(rows, velocity[:, :, None])[:, :, 0]
    return _Problem(checked_times, values, rows, coordinates, speeds, single)


def _per_kernel(name: str, value: ArrayLike, h: Float[np.ndarray, "s n n"], single: bool) -> Float[np.ndarray, "s n"]:
    """Return one vector for each kernel of the stack; a single vector is shared."""
    stack, n = h.shape[0], h.shape[-1]
    if not single and np.ndim(value) == 2:
        return as_array(name, value, shape=(stack, n))
    return np.broadcast_to(as_vector(name, value, length=n), (stack, n))


def _modal_errors(flow: Flow, problem: _Problem, k: int) -> Float[np.ndarray, "n t"]:
    """Delta(t) in the eigenbasis of kernel k."""
    modal = modes(flow, problem.eigenvalues[k], problem.times)
    modal *= problem.coordinates[k][:, None]
    if problem.velocity_coordinates is not None:
        modal += impulse_modes(flow, problem.eigenvalues[k], problem.times) * problem.velocity_coordinates[k][:, None]
    return modal
