"""Simulate any optimiser ODE on frozen kernels, networks or a user's data, seed by seed, and measure its rate.

Beside every measured rate stand two exact ones: the best rate proved for quadratics with that spectrum (or, for damping
r/t, for convex functions), and the sharp rate on quadratics. Both are about the frozen kernel; how far a network is
from them is the observation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from odeflow.data_case import DataCase
from odeflow.datasets import Dataset, teacher_student
from odeflow.ensembles import Ensemble, Run, Subject
from odeflow.errors import InvalidArgumentError, OdeflowError, UnknownNameError
from odeflow.flow_text import parse_flow
from odeflow.flows import ConcreteFlow, FlowSpec, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.numeric.activations import Activation
from odeflow.numeric.arrays import refuse_overflow, require_count, require_positive
from odeflow.numeric.flows import HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.networks import Network
from odeflow.numeric.optimisers import matching_optimiser
from odeflow.numeric.rates import fit_exponential, fit_power
from odeflow.promises import Bound, held_against, promise
from odeflow.search import RateOutcome, best_rate, natural_kind
from odeflow.subjects import FrozenKernel, LinearNetwork, Perceptron, ReluNetwork, System, closed_form, modes

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
MOST_SEEDS = 100_000
WIDTHS = {Subject.FROZEN: 1000, Subject.RELU: 1000, Subject.MLP: 64}
"""Widths if none is given; a frozen kernel has the initial error of a network."""
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
    width: int | None = None,
    depth: int = 3,
    activation: Activation = Activation.RELU,
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
    subject : what the flow acts on
    data : the user's data; otherwise each seed draws inputs on the sphere and a teacher's targets
    samples, features : n, d of the drawn data
    width : neurons of a hidden layer of the ReLU network (1000 if absent) or of the perceptron (64)
    depth : layers of the linear network or the perceptron
    activation : of the perceptron's hidden layers
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
    if not 1 <= seeds <= MOST_SEEDS:
        raise InvalidArgumentError(f"Expected at least one seed and at most {MOST_SEEDS} but got {seeds:.3g}.")
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
    neurons = require_count("width", WIDTHS.get(subject, 1) if width is None else width)
    require_count("depth", depth)
    runs: list[tuple[Run, Kind]] = []
    n = d = 0
    try:
        for number in range(seeds):
            if on_run is not None:
                on_run(number + 1, seeds)
            dataset = data or teacher_student(samples, features, seed=seed + number)
            n, d = dataset.features.shape
            case = DataCase(dataset, seed=seed + number, width=neurons)
            acted_on = _acted_on(subject, case, depth, activation)
            runs.append(_run(spec, given, automatic, acted_on, case.seed, horizon, learning_rate))
    except KeyboardInterrupt:
        if not runs or not keep_finished:
            raise
    sizes = {
        Subject.FROZEN: "",
        Subject.RELU: f", width {neurons}",
        Subject.LINEAR: f", depth {depth}",
        Subject.MLP: f", width {neurons}, depth {depth}, {activation.value}",
    }
    source = "inputs on the sphere, a teacher's targets" if data is None else data.name
    return Ensemble(
        flow=f"{flow}, {spec}" if flow in NAMED else str(spec),
        subject=subject,
        setting=f"{source}; {n} samples, {d} features{sizes[subject]}",
        kind=runs[0][1],
        runs=tuple(run for run, _ in runs),
        wanted=seeds,
        chosen="2 sqrt(mu)" if automatic else "",
    )


def _acted_on(subject: Subject, case: DataCase, depth: int, activation: Activation) -> System:
    if subject is Subject.FROZEN:
        return FrozenKernel(case)
    if subject is Subject.RELU:
        return ReluNetwork(case)
    if subject is Subject.LINEAR:
        return LinearNetwork(case, depth)
    widths = (case.X.shape[1], *[case.width] * (depth - 1), 1)
    return Perceptron(case, Network(widths, activation=activation))


def _run(
    spec: FlowSpec,
    given: Mapping[str, Fraction],
    automatic: bool,
    subject: System,
    seed: int,
    horizon: float | None,
    learning_rate: float | None,
) -> tuple[Run, Kind]:
    low, high = subject.spectrum
    mu, smooth = _rational(low, down=True), _rational(high, down=False)
    values = {**given, "b": 2 * _rational(math.sqrt(mu), down=True)} if automatic else dict(given)
    flow = spec.at(values)
    quadratics = FunctionClass(ClassName.QUADRATIC, mu, smooth)
    kind = natural_kind(flow, quadratics)
    outcome, sharp, reason = _promised(flow, quadratics, kind)
    proved = outcome.rate if outcome is not None and outcome.certificate is not None else None
    efolds = FROZEN_EFOLDS if type(subject) is FrozenKernel and learning_rate is None else EFOLDS
    times = _times(kind, sharp, (low, high), efolds, horizon)
    last_sharp = None
    if learning_rate is None:
        followed = subject.follow(flow, times)
        if followed.last_spectrum is not None and kind is Kind.EXPONENTIAL and followed.last_spectrum[0] > 0.0:
            low_then, high_then = followed.last_spectrum
            then = FunctionClass(
                ClassName.QUADRATIC, _rational(low_then, down=True), _rational(high_then, down=False)
            )
            last_sharp = _promised(flow, then, kind)[1]
        times, losses, method = followed.times, followed.losses, followed.method
    else:
        times, losses, method = _discrete(flow, subject, float(times[-1]), learning_rate)
    fit = None
    try:
        with np.errstate(all="ignore"):
            fit = (fit_power if kind is Kind.POWER else fit_exponential)(times, losses)
    except OdeflowError as error:
        reason = f"{reason}; no fit: {error}" if reason else f"no fit: {error}"
    bound = _bound(flow, subject, outcome, times, losses)
    return Run(seed, (low, high), times, losses, fit, proved, sharp, method, reason, values, bound, last_sharp), kind


def _bound(
    flow: ConcreteFlow,
    subject: System,
    outcome: RateOutcome | None,
    times: Float[np.ndarray, " t"],
    losses: Float[np.ndarray, " t"],
) -> Bound | None:
    """Hold the inequality that was proved for the frozen dynamics, from this start, against the recorded losses."""
    if outcome is None or outcome.certificate is None or not np.isfinite(losses).all():
        return None
    eigenvalues, coefficients = subject.start()
    states = np.zeros((flow.order, eigenvalues.size))
    states[0] = coefficients
    since = 0.0
    from_zero = closed_form(flow) is not None or flow.is_regular or flow.singular_start() is not None
    if outcome.kind is Kind.POWER and not (from_zero and outcome.rate == flow.log_time_weight()):
        # V has no value at t = 0: it is taken where the record starts
        since = float(times[0])
        states = coefficients * modes(flow, eigenvalues, times[:1])[:, :, 0]
    promised = promise(outcome.certificate, eigenvalues, states, since=since)
    return None if promised is None else held_against(promised, times, losses)


def _discrete(
    flow: ConcreteFlow, subject: System, end: float, learning_rate: float
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"], str]:
    """Follow the discrete method of a flow to a flow time; for second order the time step is the root of the rate."""
    numeric = closed_form(flow)
    if numeric is None or isinstance(numeric, LinearFlow):
        raise InvalidArgumentError("Expected gradient flow, heavy ball or Nesterov with a learning rate.")
    step = require_positive("learning_rate", learning_rate)
    step = step if numeric.order == 1 else math.sqrt(step)
    wanted = end / step if step > 0.0 else math.inf
    if not wanted <= MOST_STEPS:
        raise InvalidArgumentError(
            f"Expected at most {MOST_STEPS} steps but t = {end:.3g} takes {wanted:.3g} at learning rate "
            f"{learning_rate:g}. Pass a larger learning rate or a horizon."
        )
    steps = math.ceil(wanted)
    optimiser = matching_optimiser(numeric, step, second_order=isinstance(numeric, HeavyBall))
    times, losses, finished = subject.train(optimiser, steps, max(1, steps // POINTS))
    said = f"{type(optimiser).__name__}, {steps} steps"
    return times, losses, said if finished else f"{said}, diverged"


def _promised(
    flow: ConcreteFlow, quadratics: FunctionClass, kind: Kind
) -> tuple[RateOutcome | None, float | None, str]:
    """Return the best proved rate, the sharp rate on quadratics, and why there is none."""
    if kind is Kind.EXPONENTIAL:
        outcome = best_rate(flow, quadratics)
        sharp = None if outcome.quadratic_rate is None else float(outcome.quadratic_rate[0])
        return outcome, sharp, outcome.reason
    numeric = closed_form(flow)
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


def _rational(value: float, *, down: bool) -> Fraction:
    """Return a rational with four digits on one side of a float."""
    digits = 3 - math.floor(math.log10(value))
    scale = Fraction(10) ** digits
    scaled = Fraction(value) * scale
    return Fraction(math.floor(scaled) if down else math.ceil(scaled)) / scale
