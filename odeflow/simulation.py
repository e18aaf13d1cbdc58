"""Simulate any optimiser ODE on frozen kernels, networks or a user's data, seed by seed, and measure its rate.

Beside every measured rate stand two exact ones: the best rate proved for quadratics with that spectrum (or, for damping
r/t, for convex functions), and the sharp rate on quadratics. Both are about the frozen kernel; how far a network is
from them is the observation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import cast

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.codegen import compile_field
from odeflow.data_case import DataCase
from odeflow.datasets import Dataset, teacher_student
from odeflow.ensembles import Ensemble, Run, Subject
from odeflow.errors import IntegrationError, InvalidArgumentError, OdeflowError, UnknownNameError
from odeflow.flow_text import parse_flow
from odeflow.flows import ConcreteFlow, FlowSpec, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.numeric.arrays import refuse_overflow, require_positive
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.integrate import integrate
from odeflow.numeric.linear_flow import balanced_layers, flow_end_to_end
from odeflow.numeric.linear_training import GradientDescent, PowerLoss, RunStatus, train_layers
from odeflow.numeric.modal import frozen_kernel_losses, mode_response, mode_velocity
from odeflow.numeric.rates import fit_exponential, fit_power
from odeflow.numeric.relu_flow import relu_flow
from odeflow.numeric.relu_general import GeneralReluTrajectory, relu_flow_general
from odeflow.numeric.training import iterate_modes, matching_optimiser, train_relu
from odeflow.promises import Bound, held_against, promise
from odeflow.search import RateOutcome, best_rate, natural_kind

__all__ = ["NAMED", "Ensemble", "Run", "Subject", "simulate"]

NAMED = {
    "gradient-flow": "x' + grad(x)",
    "heavy-ball": "x'' + b*x' + grad(x)",
    "nesterov": "x'' + 3/t*x' + grad(x)",
}
"""Flows by name; heavy ball's b is 2 sqrt(mu), best for the slowest mode, unless it is given."""

POINTS = 600
EFOLDS = 22.0
"""A network or a discrete run lasts until the sharp rate has brought the loss down by e^-22, far above rounding."""
FROZEN_EFOLDS = 44.0
"""A frozen kernel is followed twice as far, its closed form costs nothing: the error is then 3e-10 of its start."""
DECADES = 2.5
"""A run with damping r/t lasts from one period of the fastest mode to 10^2.5 periods of the slowest."""
MOST_STEPS = 200_000
EXACT_RATIO = 10
"""Networks with at most ten samples a feature are followed event by event first; beyond that events are too many."""
MOST_EVENTS = 30_000
"""Events after which a network is followed again without them; a number, not a time, so that a seed gives its bits."""
GENERAL_ACCURACY = 1e-3
GENERAL_RECORDS, FEWEST_RECORDS = 100, 20
GENERAL_BUDGET = 3e11
"""Floating-point operations of a network followed without events, all halvings together: about a minute."""
SHORTEST = 1e-290
"""Horizon whose grid double precision resolves."""


@refuse_overflow(infinite=True)
def simulate(
    flow: str,
    *,
    subject: Subject = Subject.FROZEN,
    data: Dataset | None = None,
    samples: int = 20,
    features: int = 10,
    width: int = 1000,
    depth: int = 3,
    parameters: Mapping[str, Fraction] | None = None,
    seeds: int = 4,
    seed: int = 0,
    horizon: float | None = None,
    learning_rate: float | None = None,
    on_run: Callable[[int, int], None] | None = None,
    keep_finished: bool = False,
) -> Ensemble:
    """Simulate a flow for several seeds and measure its rate.

    Parameters
    ----------
    flow : a name of `NAMED`, or an ODE such as "x'' + 3/t*x' + grad(x)"
    subject : frozen kernels take every flow; the ReLU network gradient flow, heavy ball and Nesterov; the deep linear
        network gradient flow
    data : the user's data; otherwise each seed draws inputs on the sphere and a teacher's targets
    samples, features : n, d of the drawn data
    width : neurons of the ReLU network
    depth : layers of the linear network
    parameters : values of the flow's parameters
    seeds, seed : number of seeds and the first one
    horizon : flow time to stop at; chosen from the sharp rate if absent
    learning_rate : follow the discrete method that belongs to the flow (gradient flow, heavy ball, Nesterov) with this
        learning rate instead of the flow itself; times stay flow times
    on_run : called with (number, seeds) before each seed
    keep_finished : whether KeyboardInterrupt ends the ensemble with the seeds that are finished, if any is

    Raises
    ------
    OdeflowError
        The flow cannot be read, does not fit the subject, or the data do not meet what it needs.

    Examples
    --------
    >>> found = simulate("gradient-flow", samples=6, features=4, seeds=1)
    >>> run = found.runs[0]
    >>> bool(abs(run.fit.exponent - run.sharp) < 1e-3 * run.sharp), float(run.proved) <= run.sharp, run.bound.holds
    (True, True, True)
    """
    if seeds < 1:
        raise InvalidArgumentError(f"Expected at least one seed but got {seeds}.")
    if horizon is not None and require_positive("horizon", horizon) < SHORTEST:
        raise InvalidArgumentError(f"Expected a horizon of at least {SHORTEST:g} but got {horizon}.")
    if flow not in NAMED and flow.replace("-", "").replace("_", "").isalpha():
        raise UnknownNameError("flow", flow, NAMED)
    spec = parse_flow(NAMED.get(flow, flow))
    given = dict(parameters or {})
    automatic = flow == "heavy-ball" and "b" not in given
    unset = spec.parameters - given.keys() - ({"b"} if automatic else set())
    if unset or given.keys() - spec.parameters:
        raise InvalidArgumentError(
            f"Expected values for the parameters {', '.join(sorted(spec.parameters)) or '(none)'} of {spec} "
            f"but got {', '.join(sorted(given)) or 'none'}. Pass each as --set NAME=VALUE (`parameters` in Python)."
        )
    runs: list[tuple[Run, Kind]] = []
    n = d = 0
    try:
        for number in range(seeds):
            if on_run is not None:
                on_run(number + 1, seeds)
            dataset = data or teacher_student(samples, features, seed=seed + number)
            n, d = dataset.features.shape
            case = DataCase(dataset, seed=seed + number, width=width)
            runs.append(_run(spec, given, automatic, subject, case, depth, horizon, learning_rate))
    except KeyboardInterrupt:
        if not runs or not keep_finished:
            raise
    sizes = f"{n} samples, {d} features"
    sizes += {Subject.RELU: f", width {width}", Subject.LINEAR: f", depth {depth}", Subject.FROZEN: ""}[subject]
    source = "inputs on the sphere, a teacher's targets" if data is None else data.name
    return Ensemble(
        flow=f"{flow}, {spec}" if flow in NAMED else str(spec),
        subject=subject,
        setting=f"{source}; {sizes}",
        kind=runs[0][1],
        runs=tuple(run for run, _ in runs),
        wanted=seeds,
        chosen="2 sqrt(mu)" if automatic else "",
    )


def _run(
    spec: FlowSpec,
    given: Mapping[str, Fraction],
    automatic: bool,
    subject: Subject,
    case: DataCase,
    depth: int,
    horizon: float | None,
    learning_rate: float | None,
) -> tuple[Run, Kind]:
    low, high = _linear_spectrum(case, depth) if subject is Subject.LINEAR else _kernel_spectrum(case)
    mu, smooth = _rational(low, down=True), _rational(high, down=False)
    values = {**given, "b": 2 * _rational(math.sqrt(mu), down=True)} if automatic else dict(given)
    flow = spec.at(values)
    quadratics = FunctionClass(ClassName.QUADRATIC, mu, smooth)
    kind = natural_kind(flow, quadratics)
    outcome, sharp, reason = _promised(flow, quadratics, kind)
    proved = outcome.rate if outcome is not None and outcome.certificate is not None else None
    efolds = FROZEN_EFOLDS if subject is Subject.FROZEN and learning_rate is None else EFOLDS
    times = _times(kind, sharp, (low, high), efolds, horizon)
    if learning_rate is None:
        times, losses, method = _losses(flow, subject, case, depth, times)
    else:
        times, losses, method = _discrete(flow, subject, case, depth, float(times[-1]), learning_rate)
    fit = None
    try:
        with np.errstate(all="ignore"):
            fit = (fit_power if kind is Kind.POWER else fit_exponential)(times, losses)
    except OdeflowError as error:
        reason = f"{reason}; no fit: {error}" if reason else f"no fit: {error}"
    bound = _bound(flow, subject, case, (low, high), outcome, times, losses)
    return Run(case.seed, (low, high), times, losses, fit, proved, sharp, method, reason, values, bound), kind


def _bound(
    flow: ConcreteFlow,
    subject: Subject,
    case: DataCase,
    spectrum: tuple[float, float],
    outcome: RateOutcome | None,
    times: Float[np.ndarray, " t"],
    losses: Float[np.ndarray, " t"],
) -> Bound | None:
    """Hold the inequality that was proved for the frozen dynamics, from this start, against the recorded losses."""
    if outcome is None or outcome.certificate is None or not np.isfinite(losses).all():
        return None
    if subject is Subject.LINEAR:
        w = _linear_start(case)[0]
        residual = case.X @ w - case.y
        start = 0.5 * float(residual @ residual) - _least_loss(case)
        eigenvalues, first = np.array(spectrum), np.array([math.sqrt(2.0 * start), 0.0])
    else:
        eigenvalues, vectors = np.linalg.eigh(case.kernel)
        first = vectors.T @ case.initial_error
    modes = np.zeros((flow.order, eigenvalues.size))
    modes[0] = first
    since = 0.0
    numeric = _numeric(flow)
    if outcome.kind is Kind.POWER and outcome.rate != flow.log_time_weight():
        # V has no value at t = 0: it is taken where the record starts
        since = float(times[0])
        if numeric is not None:
            at = times[:1]
            modes = first * np.stack(
                [mode_response(numeric, eigenvalues, at)[:, 0], mode_velocity(numeric, eigenvalues, at)[:, 0]]
            )
    elif outcome.kind is Kind.POWER and numeric is None:
        since = float(times[0])  # an integration starts there, at rest
    promised = promise(outcome.certificate, eigenvalues, modes, since=since)
    return None if promised is None else held_against(promised, times, losses)


def _losses(
    flow: ConcreteFlow, subject: Subject, case: DataCase, depth: int, times: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, " r"], str]:
    """Return the times that were reached, the losses there, and how they were computed."""
    numeric = _numeric(flow)
    if subject is Subject.FROZEN:
        if numeric is not None:
            losses = frozen_kernel_losses(numeric, case.kernel, case.initial_error, times)
            return times, losses, "closed form of every mode"
        return times, _integrated_modes(flow, case, times), "every mode integrated, tolerance 1e-10"
    if subject is Subject.LINEAR:
        if not isinstance(numeric, GradientFlow):
            raise InvalidArgumentError("Expected gradient flow on a deep linear network. Use --on frozen or relu.")
        run = flow_end_to_end(_linear_start(case), case.y[None], times, depth=depth, inputs=case.X.T)
        return times, run.losses - _least_loss(case), f"all layers, error {run.error_bar.max():.0e}"
    if numeric is None or isinstance(numeric, LinearFlow):
        raise InvalidArgumentError(
            "Expected gradient flow, heavy ball or Nesterov on a ReLU network. Use --on frozen for any other flow."
        )
    n, d = case.X.shape
    if n <= EXACT_RATIO * d:
        W, a = case.initial_weights
        try:
            exact = relu_flow(case.X, case.y, W, a, numeric, times, max_events=MOST_EVENTS, record_events=False)
        except IntegrationError:
            return _without_events(numeric, case, times)
        said = f"event by event, {exact.event_count} events, consistency {exact.consistency:.0e}"
        return times, exact.losses, said
    return _without_events(numeric, case, times)


def _without_events(
    flow: Flow, case: DataCase, times: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, " r"], str]:
    """Follow a network by steps that look for no events, as far as the budget goes."""
    evaluations = int(GENERAL_BUDGET / (8.0 * case.width * case.X.size))
    fastest = float(np.linalg.eigvalsh(case.kernel)[-1])
    # Three runs, the steps halved twice: 12 (lambda T)^{3/4} gradients, or 70 sqrt(lambda) T, and some at each record.
    if isinstance(flow, GradientFlow):
        affordable = (evaluations / 18.0) ** (4.0 / 3.0) / fastest
    else:
        affordable = evaluations / (70.0 * math.sqrt(fastest))
    end = min(float(times[-1]), affordable)
    inside = times[times <= end]
    grid = inside if inside.size >= FEWEST_RECORDS else end * times / times[-1]
    records = max(FEWEST_RECORDS, min(GENERAL_RECORDS, evaluations // 20))
    grid = grid[:: -max(1, grid.size // records)][::-1]
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
    if end < float(times[-1]):
        said += f"; network followed to t = {end:.3g} of {float(times[-1]):.3g}"
    return grid, run.losses, said


def _discrete(
    flow: ConcreteFlow, subject: Subject, case: DataCase, depth: int, end: float, learning_rate: float
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"], str]:
    """Follow the discrete method of a flow to a flow time; for second order the time step is the root of the rate."""
    numeric = _numeric(flow)
    if numeric is None or isinstance(numeric, LinearFlow):
        raise InvalidArgumentError("Expected gradient flow, heavy ball or Nesterov with a learning rate.")
    step = require_positive("learning_rate", learning_rate)
    step = step if numeric.order == 1 else math.sqrt(step)
    steps = math.ceil(end / step)
    if steps > MOST_STEPS:
        raise InvalidArgumentError(
            f"Expected at most {MOST_STEPS} steps but t = {end:.3g} takes {steps} at learning rate {learning_rate:g}. "
            "Pass a larger learning rate or a horizon."
        )
    optimiser = matching_optimiser(numeric, step, second_order=isinstance(numeric, HeavyBall))
    every = max(1, steps // POINTS)
    said = f"{type(optimiser).__name__}, {steps} steps"
    if subject is Subject.FROZEN:
        eigenvalues, vectors = np.linalg.eigh(case.kernel)
        positions = iterate_modes(optimiser, eigenvalues, steps)[:, every::every]
        losses = 0.5 * np.square((vectors.T @ case.initial_error)[:, None] * positions).sum(axis=0)
        return step * every * np.arange(1, losses.size + 1), losses, said
    if subject is Subject.LINEAR:
        if not isinstance(numeric, GradientFlow):
            raise InvalidArgumentError("Expected gradient flow on a deep linear network. Use --on frozen or relu.")
        layers = balanced_layers(_linear_start(case), depth)
        run = train_layers(
            layers, case.X, case.y, GradientDescent(step), steps, loss=PowerLoss(average=False), record_every=every
        )
        finished = run.statuses[0] is RunStatus.FINISHED
        times, losses = step * np.asarray(run.steps[1:], dtype=np.float64), run.losses[0][1:] - _least_loss(case)
    else:
        W, a = case.initial_weights
        trained = train_relu(case.X, case.y, W, a, optimiser, steps, record_every=every)
        finished = trained.all_finished
        times, losses = trained.times[0][1:], trained.losses[0][1:]
    return times, losses, said if finished else f"{said}, diverged"


def _linear_start(case: DataCase) -> Float[np.ndarray, "1 d"]:
    start: Float[np.ndarray, "1 d"] = 0.1 * np.random.default_rng(case.seed).standard_normal((1, case.X.shape[1]))
    return start


def _least_loss(case: DataCase) -> float:
    residual = case.X @ np.linalg.lstsq(case.X, case.y, rcond=None)[0] - case.y
    return 0.5 * float(residual @ residual)


def _integrated_modes(flow: ConcreteFlow, case: DataCase, times: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """Integrate any flow on every mode of the kernel, from rest at t = 0, or at the first time if it is singular."""
    k = flow.order
    x, lam, t = sp.symbols(f"x:{k}", real=True), sp.Symbol("lam", positive=True), sp.Symbol("t", positive=True)
    damping = [sp.Integer(0), *(_expression(c, t) for c in flow.damping)]
    point = [_expression(c, t) for c in flow.point] + [sp.Integer(0)] * (k + 1 - len(flow.point))
    beta, gamma = _expression(flow.hessian, t), _expression(flow.gradient, t)
    moved = [sp.diff(point[j], t) + (point[j - 1] if j else 0) for j in range(k)]
    top = -sp.Add(*((damping[j] + lam * (gamma * point[j] + beta * moved[j])) * x[j] for j in range(k)))
    field = compile_field([*x[1:], top / (1 + lam * beta * point[k - 1])], list(x), time=t, parameters=[lam])
    eigenvalues, vectors = np.linalg.eigh(case.kernel)
    start = vectors.T @ case.initial_error
    grid = np.concatenate([[0.0], times]) if flow.is_autonomous else times
    losses = np.zeros(times.size)
    for eigenvalue, coefficient in zip(eigenvalues, start, strict=True):
        state = np.zeros(k)
        state[0] = 1.0
        run = integrate(field, state, grid, parameters=[float(eigenvalue)], rtol=1e-10, atol=1e-16)
        losses += 0.5 * (coefficient * run.states[-times.size :, 0]) ** 2
    return losses


def _promised(
    flow: ConcreteFlow, quadratics: FunctionClass, kind: Kind
) -> tuple[RateOutcome | None, float | None, str]:
    """Return the best proved rate, the sharp rate on quadratics, and why there is none."""
    if kind is Kind.EXPONENTIAL:
        outcome = best_rate(flow, quadratics)
        sharp = None if outcome.quadratic_rate is None else float(outcome.quadratic_rate[0])
        return outcome, sharp, outcome.reason
    numeric = _numeric(flow)
    sharp = numeric.gamma if isinstance(numeric, Nesterov) else None
    try:
        outcome = best_rate(flow, FunctionClass(ClassName.CONVEX))
    except OdeflowError as error:  # the search needs its extra
        return None, sharp, str(error)
    return outcome, sharp, outcome.reason


def _times(
    kind: Kind, sharp: float | None, spectrum: tuple[float, float], efolds: float, horizon: float | None
) -> Float[np.ndarray, " t"]:
    slow, fast = (2.0 * math.pi / math.sqrt(value) for value in spectrum)
    if kind is Kind.POWER:
        end = horizon or slow * 10.0**DECADES
        return np.geomspace(min(fast, end / 10.0), end, 5 * POINTS)
    end = horizon or efolds / (sharp or 2.0 * spectrum[0])
    return np.linspace(end / POINTS, end, POINTS)


def _kernel_spectrum(case: DataCase) -> tuple[float, float]:
    case.certified_lambda0()  # raises if the kernel may be singular
    eigenvalues = np.linalg.eigvalsh(case.kernel)
    return float(eigenvalues[0]), float(eigenvalues[-1])


def _linear_spectrum(case: DataCase, depth: int) -> tuple[float, float]:
    """Return the extreme eigenvalues of the preconditioned covariance at the least-squares solution."""
    n, d = case.X.shape
    w = np.linalg.lstsq(case.X, case.y, rcond=None)[0]
    size = float(np.linalg.norm(w))
    if n < d or size == 0.0:
        raise InvalidArgumentError(
            f"Expected at least as many samples as features, and a target that they explain, but got n = {n}, d = {d}, "
            f"|w| = {size:.3g}."
        )
    covariance = case.X.T @ case.X
    half = size ** (1.0 - 1.0 / depth) * (np.eye(d) + (math.sqrt(depth) - 1.0) * np.outer(w, w) / size**2)
    eigenvalues = np.linalg.eigvalsh(half @ covariance @ half)
    return float(eigenvalues[0]), float(eigenvalues[-1])


def _numeric(flow: ConcreteFlow) -> Flow | None:
    """Return the flow that has a closed form: gradient grad(x) with factor 1, damping constant or r/t; else None."""
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


def _expression(powers: tuple[tuple[Fraction, Fraction], ...], time: sp.Symbol) -> sp.Expr:
    return sp.Add(
        *(sp.Rational(c.numerator, c.denominator) * time ** sp.Rational(p.numerator, p.denominator) for p, c in powers)
    )


def _rational(value: float, *, down: bool) -> Fraction:
    """Return a rational with four digits on one side of a float."""
    digits = 3 - math.floor(math.log10(value))
    scale = Fraction(10) ** digits
    scaled = Fraction(value) * scale
    return Fraction(math.floor(scaled) if down else math.ceil(scaled)) / scale
