"""What a flow can act on: a frozen kernel, a two-layer ReLU network, a deep linear network, a multi-layer perceptron.

Each knows the spectrum that governs its frozen dynamics, how a trajectory of it is best computed, and how its discrete
method runs; `odeflow.simulation` asks for nothing else.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import cast

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.ndimage import maximum_filter1d
from threadpoolctl import threadpool_limits

from odeflow.codegen import compile_field
from odeflow.data_case import DataCase
from odeflow.errors import DataError, IntegrationError, InvalidArgumentError
from odeflow.flows import ConcreteFlow, Laurent
from odeflow.numeric._backpropagation import backpropagate, outputs
from odeflow.numeric.activations import Activation
from odeflow.numeric.deep_kernels import mlp_ntk
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.integrate import integrate
from odeflow.numeric.linear_flow import balanced_layers, flow_end_to_end
from odeflow.numeric.linear_training import RunStatus, train_layers
from odeflow.numeric.mlp_training import train_mlp
from odeflow.numeric.modal import frozen_kernel_losses, mode_response, mode_velocity
from odeflow.numeric.networks import Network, PowerLoss, initial_parameters
from odeflow.numeric.optimisers import Optimiser
from odeflow.numeric.relu_flow import relu_flow
from odeflow.numeric.relu_general import GeneralReluTrajectory, ReluField, relu_flow_general
from odeflow.numeric.training import iterate_modes, train_relu
from odeflow.numeric.weight_flow import WeightTrajectory, weight_flow

__all__ = [
    "Followed",
    "FrozenKernel",
    "LinearNetwork",
    "Perceptron",
    "ReluNetwork",
    "System",
    "closed_form",
    "modes",
]

EXACT_RATIO = 10
"""Networks with at most ten samples a feature are followed event by event first; beyond that events are too many."""
MOST_EVENTS = 30_000
"""Events after which a network is followed again without them; a number, not a time, so that a seed gives its bits."""
GENERAL_ACCURACY = 1e-3
GENERAL_RECORDS, FEWEST_RECORDS = 100, 20
GENERAL_BUDGET = 3e11
"""Floating-point operations of a network followed without events, all halvings together: about a minute."""
WEIGHT_RECORDS = 600
WEIGHT_BUDGET = 3e11
CALL = 1e6
"""Operations of a network of any depth followed by its weights, and what a gradient costs beside its own."""
SMOOTH, KINKED = 1e-8, 1e-5
"""First tolerances of its steps, without kinks and with. A finer one is tried while the record is cut and the budget
lasts, a looser one where neurons slide along kinks and steps are too short to reach the end."""
FINEST, COARSEST = 1e-10, 1e-3
DEARER = 4
"""Times as many gradients as the last that a tenth of the tolerance may take, over kinks."""
MOST_WEIGHTS = 10**7
"""Of a perceptron; its integration keeps some twenty vectors of that length for each derivative."""
TRUSTED = 0.1
"""A record ends where its error bar is more than this share of the error |Delta|."""
STARTED = 1e-4
"""Where an integration of a mode with friction r/t starts, in units of its first time or 1/sqrt(lambda)."""
SINGULAR = 1e-10
"""Share of the largest eigenvalue below which the smallest is not known to be positive."""

Times = Float[np.ndarray, " t"]


@dataclass(frozen=True, eq=False)
class Followed:
    """What a trajectory showed.

    Attributes
    ----------
    times, losses : the times that were reached, and the loss |Delta|^2/2 there
    method : how it was computed, with its error
    last_spectrum : extreme eigenvalues of the tangent kernel at the last weights, where they were computed
    """

    times: Times
    losses: Float[np.ndarray, " t"]
    method: str
    last_spectrum: tuple[float, float] | None = None


class System(ABC):
    """What a flow acts on, with data and initial weights."""

    @property
    @abstractmethod
    def spectrum(self) -> tuple[float, float]:
        """Smallest and largest eigenvalue that govern the frozen dynamics; an OdeflowError if there are none."""

    @abstractmethod
    def start(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Return eigenvalues of the frozen dynamics and the initial error's coefficient in each."""

    @abstractmethod
    def follow(self, flow: ConcreteFlow, times: Times) -> Followed:
        """Follow a flow from rest."""

    @abstractmethod
    def train(self, optimiser: Optimiser, steps: int, every: int) -> tuple[Times, Float[np.ndarray, " t"], bool]:
        """Return flow times and losses of the discrete method, and whether it finished."""


@dataclass(frozen=True, eq=False)
class FrozenKernel(System):
    """The error dynamics with the infinite-width ReLU kernel of the data."""

    case: DataCase

    @cached_property
    def spectrum(self) -> tuple[float, float]:
        """Extreme eigenvalues of H_inf."""
        self.case.certified_lambda0()  # raises if the kernel may be singular
        eigenvalues = np.linalg.eigvalsh(self.case.kernel)
        return float(eigenvalues[0]), float(eigenvalues[-1])

    def start(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Return the modes of the initial error."""
        eigenvalues, vectors = np.linalg.eigh(self.case.kernel)
        return eigenvalues, vectors.T @ self.case.initial_error

    def follow(self, flow: ConcreteFlow, times: Times) -> Followed:
        """Return the loss in closed form, or with every mode integrated."""
        numeric = closed_form(flow)
        if numeric is not None:
            losses = frozen_kernel_losses(numeric, self.case.kernel, self.case.initial_error, times)
            return Followed(times, losses, "closed form of every mode")
        eigenvalues, coefficients = self.start()
        losses = 0.5 * np.square(coefficients[:, None] * modes(flow, eigenvalues, times)[0]).sum(axis=0)
        return Followed(times, losses, "every mode integrated, tolerance 1e-10")

    def train(self, optimiser: Optimiser, steps: int, every: int) -> tuple[Times, Float[np.ndarray, " t"], bool]:
        """Iterate every mode."""
        eigenvalues, coefficients = self.start()
        positions = iterate_modes(optimiser, eigenvalues, steps)[:, every::every]
        losses = 0.5 * np.square(coefficients[:, None] * positions).sum(axis=0)
        return optimiser.time_step * every * np.arange(1, losses.size + 1), losses, True


@dataclass(frozen=True, eq=False)
class ReluNetwork(FrozenKernel):
    """A two-layer ReLU network whose first layer is trained; its kernel at infinite width governs."""

    def follow(self, flow: ConcreteFlow, times: Times) -> Followed:
        """Follow it event by event if events are few, without them otherwise."""
        numeric = closed_form(flow)
        W, a = self.case.initial_weights
        if numeric is None or isinstance(numeric, LinearFlow):
            field = ReluField(self.case.X, self.case.y, a / math.sqrt(a.size))
            return _by_weights(
                flow, times, W.ravel(),
                gradient=lambda w: -field.descent(w.reshape(W.shape)).ravel(),
                observe=lambda w: field.error(w.reshape(W.shape)),
                cost=4.0 * self.case.width * self.case.X.size, kinks=True,
            )[0]  # fmt: skip
        n, d = self.case.X.shape
        if n <= EXACT_RATIO * d:
            try:
                exact = relu_flow(
                    self.case.X, self.case.y, W, a, numeric, times, max_events=MOST_EVENTS, record_events=False
                )
            except IntegrationError:
                return self._without_events(numeric, times)
            said = f"event by event, {exact.event_count} events, consistency {exact.consistency:.0e}"
            return Followed(times, exact.losses, said)
        return self._without_events(numeric, times)

    def _without_events(self, flow: Flow, times: Times) -> Followed:
        """Follow it by steps that look for no events, as far as the budget goes."""
        case = self.case
        evaluations = int(GENERAL_BUDGET / (8.0 * case.width * case.X.size))
        fastest = float(np.linalg.eigvalsh(case.kernel)[-1])
        # Three runs, steps halved twice: 12 (lambda T)^{3/4} gradients, or 70 sqrt(lambda) T, and some at each record.
        if isinstance(flow, GradientFlow):
            affordable = (evaluations / 18.0) ** (4.0 / 3.0) / fastest
        else:
            affordable = evaluations / (70.0 * math.sqrt(fastest))
        end = min(float(times[-1]), affordable)
        inside = times[times <= end]
        grid = inside if inside.size >= FEWEST_RECORDS else end * times / times[-1]
        grid = _thinned(grid, max(FEWEST_RECORDS, min(GENERAL_RECORDS, evaluations // 20)))
        W, a = case.initial_weights
        try:
            run = relu_flow_general(
                case.X, case.y, W, a, flow, grid, accuracy=GENERAL_ACCURACY, max_evaluations=max(evaluations, 1)
            )
        except IntegrationError as error:
            if error.partial is None:
                raise
            run = cast(GeneralReluTrajectory, error.partial)
        share = float(run.error_bar.max() / np.linalg.norm(case.initial_error))
        said = f"without events, {run.evaluations} gradients, error of Delta below {share:.0e} of its start (estimate)"
        return Followed(grid, run.losses, said + _how_far(end, times))

    def train(self, optimiser: Optimiser, steps: int, every: int) -> tuple[Times, Float[np.ndarray, " t"], bool]:
        """Train it."""
        W, a = self.case.initial_weights
        run = train_relu(self.case.X, self.case.y, W, a, optimiser, steps, record_every=every)
        return run.times[0][1:], run.losses[0][1:], run.all_finished


@dataclass(frozen=True, eq=False)
class LinearNetwork(System):
    """A deep linear network from balanced small weights; what governs is the preconditioned covariance at its end."""

    case: DataCase
    depth: int

    @cached_property
    def spectrum(self) -> tuple[float, float]:
        """Extreme eigenvalues of the preconditioned covariance at the least-squares solution."""
        X, depth = self.case.X, self.depth
        n, d = X.shape
        w = np.linalg.lstsq(X, self.case.y, rcond=None)[0]
        size = float(np.linalg.norm(w))
        if n < d or size == 0.0:
            raise InvalidArgumentError(
                f"Expected at least as many samples as features, and a target that they explain, but got n = {n}, "
                f"d = {d}, |w| = {size:.3g}."
            )
        half = size ** (1.0 - 1.0 / depth) * (np.eye(d) + (math.sqrt(depth) - 1.0) * np.outer(w, w) / size**2)
        eigenvalues = np.linalg.eigvalsh(half @ (X.T @ X) @ half)
        if not eigenvalues[0] > d * np.finfo(np.float64).eps * eigenvalues[-1]:
            raise DataError(
                "Expected features that are linearly independent but the preconditioned covariance has eigenvalues "
                f"{eigenvalues[0]:.3g} .. {eigenvalues[-1]:.3g}. Leave out features that others explain."
            )
        return float(eigenvalues[0]), float(eigenvalues[-1])

    def start(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Return the loss above the least one as one mode, the slowest."""
        residual = self.case.X @ self._product[0] - self.case.y
        above = 0.5 * float(residual @ residual) - self._least_loss
        return np.array(self.spectrum), np.array([math.sqrt(2.0 * above), 0.0])

    def follow(self, flow: ConcreteFlow, times: Times) -> Followed:
        """Follow all layers: gradient flow by the compiled flow of linear networks, any other by the weights."""
        case = self.case
        if isinstance(closed_form(flow), GradientFlow):
            run = flow_end_to_end(self._product, case.y[None], times, depth=self.depth, inputs=case.X.T)
            return Followed(times, run.losses - self._least_loss, f"all layers, error {run.error_bar.max():.0e}")
        layers = balanced_layers(self._product, self.depth)
        widths = (case.X.shape[1], *(len(W) for W in layers))
        network = Network(widths, activation=Activation.IDENTITY, scaled=False)
        start = np.concatenate([W.ravel() for W in layers])
        return _perceptron_flow(network, start, case, flow, times, least=self._least_outputs)[0]

    def train(self, optimiser: Optimiser, steps: int, every: int) -> tuple[Times, Float[np.ndarray, " t"], bool]:
        """Train all layers."""
        layers = balanced_layers(self._product, self.depth)
        run = train_layers(
            layers, self.case.X, self.case.y, optimiser, steps, loss=PowerLoss(average=False), record_every=every
        )
        times = optimiser.time_step * np.asarray(run.steps[1:], dtype=np.float64)
        return times, run.losses[0][1:] - self._least_loss, run.statuses[0] is RunStatus.FINISHED

    @cached_property
    def _product(self) -> Float[np.ndarray, "1 d"]:
        start: Float[np.ndarray, "1 d"] = 0.1 * np.random.default_rng(self.case.seed).standard_normal(
            (1, self.case.X.shape[1])
        )
        return start

    @cached_property
    def _least_outputs(self) -> Float[np.ndarray, " n"]:
        return np.asarray(self.case.X @ np.linalg.lstsq(self.case.X, self.case.y, rcond=None)[0])

    @cached_property
    def _least_loss(self) -> float:
        residual = self._least_outputs - self.case.y
        return 0.5 * float(residual @ residual)


@dataclass(frozen=True, eq=False)
class Perceptron(System):
    """A multi-layer perceptron with all layers trained, in the scaling of its tangent kernel at the start."""

    case: DataCase
    network: Network

    def __post_init__(self) -> None:
        if self.network.size > MOST_WEIGHTS:
            raise InvalidArgumentError(
                f"Expected at most {MOST_WEIGHTS} weights of a perceptron that is followed but width "
                f"{self.case.width}, depth {self.network.depth} has {self.network.size}. Take it narrower or shallower."
            )

    @cached_property
    def _weights(self) -> Float[np.ndarray, " p"]:
        return np.asarray(initial_parameters(self.network, [self.case.seed])[0])

    def _kernel(self, weights: Float[np.ndarray, " p"]) -> Float[np.ndarray, "n n"]:
        layers = [W[0] for W, _ in self.network.split(weights[None])]
        return mlp_ntk(self.case.X, layers, activation=self.network.activation)

    @cached_property
    def _modes(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        eigenvalues, vectors = np.linalg.eigh(self._kernel(self._weights))
        if eigenvalues[0] <= SINGULAR * eigenvalues[-1]:
            raise DataError(
                f"The tangent kernel of the network at its start must have a smallest eigenvalue > 0 but it is "
                f"{eigenvalues[0]:.3g}, the largest {eigenvalues[-1]:.3g}. Remove parallel rows, or give the network "
                f"more weights ({self.network.size} for {len(self.case.y)} samples) or another activation."
            )
        error = outputs(self.network, self._weights[None], self.case.X)[0, :, 0] - self.case.y
        return eigenvalues, vectors.T @ error

    @property
    def spectrum(self) -> tuple[float, float]:
        """Extreme eigenvalues of the tangent kernel at the start."""
        eigenvalues = self._modes[0]
        return float(eigenvalues[0]), float(eigenvalues[-1])

    def start(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Return the modes of the initial error under that kernel."""
        return self._modes

    def follow(self, flow: ConcreteFlow, times: Times) -> Followed:
        """Follow the weights, and look at the kernel they end with."""
        followed, weights = _perceptron_flow(self.network, self._weights, self.case, flow, times)
        eigenvalues = np.linalg.eigvalsh(self._kernel(weights))
        return replace(followed, last_spectrum=(float(eigenvalues[0]), float(eigenvalues[-1])))

    def train(self, optimiser: Optimiser, steps: int, every: int) -> tuple[Times, Float[np.ndarray, " t"], bool]:
        """Train all layers."""
        run = train_mlp(
            self.network, self._weights, self.case.X, self.case.y, optimiser, steps, record_every=every
        )
        times = optimiser.time_step * np.asarray(run.steps[1:], dtype=np.float64)
        return times, run.losses[0][1:], run.all_finished


def closed_form(flow: ConcreteFlow) -> Flow | None:
    """Return the flow whose modes have a closed form: gradient grad(x) with factor 1, damping constant or r/t."""
    if flow.hessian or len(flow.point) > 1 or flow.gradient != ((Fraction(0), Fraction(1)),):
        return None
    if flow.is_autonomous:
        numbers = tuple(float(c[0][1]) if c else 0.0 for c in flow.damping)
        if not numbers:
            return GradientFlow()
        return HeavyBall(numbers[0]) if len(numbers) == 1 and numbers[0] > 0 else LinearFlow(numbers)
    (damping,) = flow.damping if flow.order == 2 else (None,)
    if damping is not None and len(damping) == 1 and damping[0][0] == -1 and damping[0][1] > 0:
        return Nesterov(float(damping[0][1]))
    return None


def modes(flow: ConcreteFlow, eigenvalues: Float[np.ndarray, " n"], times: Times) -> Float[np.ndarray, "k n t"]:
    """Return x, ..., x^(k-1) of every mode at some times, from rest with x = 1, where `weight_flow` starts as well."""
    numeric, k = closed_form(flow), flow.order
    if numeric is not None and k <= 2:
        shown = [mode_response(numeric, eigenvalues, times), mode_velocity(numeric, eigenvalues, times)]
        return np.stack(shown[:k])
    x, lam, t = sp.symbols(f"x:{k}", real=True), sp.Symbol("lam", positive=True), sp.Symbol("t", positive=True)
    damping = [sp.Integer(0), *(_expression(c, t) for c in flow.damping)]
    point = [_expression(c, t) for c in flow.point] + [sp.Integer(0)] * (k + 1 - len(flow.point))
    beta, gamma = _expression(flow.hessian, t), _expression(flow.gradient, t)
    moved = [sp.diff(point[j], t) + (point[j - 1] if j else 0) for j in range(k)]
    top = -sp.Add(*((damping[j] + lam * (gamma * point[j] + beta * moved[j])) * x[j] for j in range(k)))
    field = compile_field([*x[1:], top / (1 + lam * beta * point[k - 1])], list(x), time=t, parameters=[lam])
    states = np.empty((k, eigenvalues.size, times.size))
    for number, eigenvalue in enumerate(eigenvalues):
        start, first = np.eye(k)[0], 0.0
        known = flow.singular_start()
        if known is not None:
            r, factor = known
            first = STARTED * min(float(times[0]), 1.0 / math.sqrt(eigenvalue))
            start[0] -= first * first * factor * eigenvalue / (2.0 * (1.0 + r))
            start[1] = -first * factor * eigenvalue / (1.0 + r)
        elif not flow.is_regular:
            first = float(times[0])
        if first == times[-1]:
            states[:, number, 0] = start
            continue
        grid = times if first == times[0] else np.concatenate([[first], times])
        run = integrate(field, start, grid, parameters=[float(eigenvalue)], rtol=1e-10, atol=1e-16)
        states[:, number] = run.states[-times.size :].T
    return states


def _expression(powers: Laurent, time: sp.Symbol) -> sp.Expr:
    return sp.Add(
        *(sp.Rational(c.numerator, c.denominator) * time ** sp.Rational(p.numerator, p.denominator) for p, c in powers)
    )


def _perceptron_flow(
    network: Network,
    weights: Float[np.ndarray, " p"],
    case: DataCase,
    flow: ConcreteFlow,
    times: Times,
    *,
    least: Float[np.ndarray, " n"] | None = None,
) -> tuple[Followed, Float[np.ndarray, " p"]]:
    """Follow the weights of a network; `least` are the outputs at the least loss, the targets if it is 0."""
    targets = case.y if least is None else least
    loss = PowerLoss()
    return _by_weights(
        flow, times, weights,
        gradient=lambda w: backpropagate(network, w[None], case.X, case.y[:, None], loss)[1][0],
        observe=lambda w: outputs(network, w[None], case.X)[0, :, 0] - targets,
        cost=6.0 * len(case.y) * network.size, kinks=network.activation is Activation.RELU,
    )  # fmt: skip


def _by_weights(
    flow: ConcreteFlow,
    times: Times,
    weights: Float[np.ndarray, " p"],
    *,
    gradient: Callable[[Float[np.ndarray, " p"]], Float[np.ndarray, " p"]],
    observe: Callable[[Float[np.ndarray, " p"]], Float[np.ndarray, " n"]],
    cost: float,
    kinks: bool,
) -> tuple[Followed, Float[np.ndarray, " p"]]:
    """Follow weights as far as the budget goes; keep the record while its error bar is small, and the last weights."""
    grid = _thinned(times, WEIGHT_RECORDS)
    left = max(2, int(WEIGHT_BUDGET / (cost + CALL)))
    tolerance = KINKED if kinks else SMOOTH
    best: tuple[int, WeightTrajectory] | None = None
    used, finer = 0, False
    with threadpool_limits(1):  # the products are small, and a seed gives the same bits on any number of cores
        while True:
            share = max(2, left // 2 if kinks else left)
            try:
                run = weight_flow(
                    gradient, weights, flow, grid, observe=observe, tolerance=tolerance, max_evaluations=share
                )
            except IntegrationError:  # not one record
                if best is not None:
                    break
                if not kinks or tolerance >= COARSEST:
                    raise
                left, used, tolerance = left - share, used + share, 10.0 * tolerance
                continue
            left, used = left - run.evaluations, used + run.evaluations
            kept = _trusted(run)
            if best is None or kept > best[0]:
                best = kept, run
            reached = run.times.size == grid.size
            if reached and kept < grid.size and DEARER * run.evaluations <= left and tolerance > FINEST:
                tolerance, finer = 0.1 * tolerance, True
            elif not reached and kinks and not finer and tolerance < COARSEST and left > used // 10:
                tolerance *= 10.0
            else:
                break
    kept, run = best
    sizes = np.linalg.norm(run.observed, axis=1)
    said = f"all weights, {used} gradients"
    if kept < FEWEST_RECORDS:
        kept = run.times.size
        said += ", error bar too large to trust the end"
    share_of = float(np.median(run.error_bar[:kept] / np.maximum(sizes[:kept], 1e-300)))
    said += f", error of Delta typically {share_of:.0e} of itself (estimate)"
    if kept < run.times.size:
        said += f"; cut at t = {run.times[kept - 1]:.3g}, where it is {TRUSTED:.0%}"
    else:
        said += _how_far(float(run.times[-1]), times)
    return Followed(run.times[:kept], 0.5 * sizes[:kept] ** 2, said), run.weights


def _trusted(run: WeightTrajectory) -> int:
    """Return how many records have an error bar that is small against the error they show.

    Errors of contracting flows fade, and one difference of two runs may vanish by chance: what counts is the largest
    bar around a time. An error that oscillates vanishes now and then: it is measured by its largest value nearby.
    """
    bars = maximum_filter1d(run.error_bar, 1 + 2 * (WEIGHT_RECORDS // 20))
    sizes = maximum_filter1d(np.linalg.norm(run.observed, axis=1), 1 + 2 * (WEIGHT_RECORDS // 60))
    trusted = bars <= TRUSTED * sizes
    return int(trusted.size if trusted.all() else np.argmin(trusted))


def _how_far(end: float, times: Times) -> str:
    wanted = float(times[-1])
    return f"; network followed to t = {end:.3g} of {wanted:.3g}" if end < wanted * (1.0 - 1e-9) else ""


def _thinned(times: Times, records: int) -> Float[np.ndarray, " r"]:
    """Return about so many of the times, the last among them."""
    return times[:: -max(1, times.size // records)][::-1]
