"""Simulations that several theorems share: a claimed bound against closed forms, integrator and fitted rates.

Two independent routes stand behind every number: the closed form of the error dynamics, by eigendecomposition, and an
adaptive integration of the field compiled from the symbolic flow. Their difference is the error bar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.codegen import compile_field
from odeflow.errors import InvalidArgumentError
from odeflow.numeric.flows import Flow as NumericFlow
from odeflow.numeric.flows import GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.integrate import integrate
from odeflow.numeric.kernels import two_layer_initialisation
from odeflow.numeric.modal import frozen_kernel_flow, mode_response
from odeflow.numeric.rates import fit_scaling
from odeflow.panels import Panel, along
from odeflow.strategies import FrozenCase, NetworkCase
from odeflow.symbolic.flows import TIME, Flow
from odeflow.symbolic.inner_products import Word
from odeflow.theorem import Claim, Evidence

__all__ = [
    "Losses",
    "bound_evidence",
    "error_equation_evidence",
    "frozen_losses",
    "integrated_states",
    "numeric_flow",
    "order_evidence",
    "over_steps",
    "prediction_rates",
    "random_frozen_cases",
    "random_network",
]

ROUNDING = 1e-9
"""A bound counts as violated only by more than this fraction; closed forms are good to 1e-12 of the initial error."""


@dataclass(frozen=True)
class Losses:
    """Losses of frozen-kernel problems at the times of a case.

    Attributes
    ----------
    loss : |Delta(t)|^2 / 2
    pseudo_loss : <H Delta(t), Delta(t)> / 2
    initial_loss, initial_pseudo_loss : the same at t = 0
    """

    loss: Float[np.ndarray, " t"]
    pseudo_loss: Float[np.ndarray, " t"]
    initial_loss: float
    initial_pseudo_loss: float


def numeric_flow(flow: Flow, values: Mapping[sp.Symbol, float]) -> NumericFlow:
    """Return the float twin of a symbolic flow with its parameters set.

    Examples
    --------
    >>> import sympy as sp
    >>> from odeflow.symbolic.flows import nesterov
    >>> gamma = sp.Symbol("gamma", positive=True)
    >>> numeric_flow(nesterov(gamma), {gamma: 3.0})
    Nesterov(gamma=3.0)
    """
    at = [sp.sympify(c, strict=True).subs({k: sp.Float(v) for k, v in values.items()}) for c in flow.coefficients]
    if not at:
        return GradientFlow()
    if all(c.is_number for c in at):
        numbers = tuple(float(c) for c in at)
        return HeavyBall(numbers[0]) if len(numbers) == 1 else LinearFlow(numbers)
    gamma = sp.cancel(at[0] * TIME)
    if len(at) == 1 and gamma.is_number:
        return Nesterov(float(gamma))
    raise InvalidArgumentError(
        f"Expected constant damping or gamma/t but got coefficients {flow.coefficients} at {values}."
    )


def frozen_losses(flow: NumericFlow, case: FrozenCase) -> Losses:
    """Return the losses of a frozen-kernel problem by closed form."""
    eigenvalues = np.asarray(case.eigenvalues)
    start = np.asarray(case.coefficients)
    modes = mode_response(flow, eigenvalues, np.asarray(case.times)) * start[:, None]
    return Losses(
        loss=0.5 * np.sum(modes**2, axis=0),
        pseudo_loss=0.5 * np.sum(eigenvalues[:, None] * modes**2, axis=0),
        initial_loss=0.5 * float(np.sum(start**2)),
        initial_pseudo_loss=0.5 * float(np.sum(eigenvalues * start**2)),
    )


def integrated_states(
    flow: Flow, eigenvalue: float, times: Float[np.ndarray, " t"], values: Mapping[sp.Symbol, float]
) -> Float[np.ndarray, "t k"]:
    """Return one mode by compiling the flow's field and integrating it: the second route to the closed form.

    Parameters
    ----------
    flow : symbolic flow; a singular start (damping gamma/t) is left by two terms of the Taylor series
    eigenvalue : lambda, 1/time^order
    times : increasing, > 0
    values : values of the flow's parameters

    Returns
    -------
    x and its derivatives at `times`, with x(0) = 1 and the other derivatives 0
    """
    lam = sp.Symbol("lambda_", real=True)
    derivatives, states = flow.mode_field(lam)
    names = list(values)
    field = compile_field(derivatives, states, time=TIME, parameters=[lam, *names])
    start, first = np.eye(flow.order)[0], 0.0
    if any(c.has(TIME) for c in flow.coefficients):
        gamma = float(sp.limit(flow.coefficients[0] * TIME, TIME, 0).subs({k: sp.Float(v) for k, v in values.items()}))
        first = 1e-3 * min(1.0 / np.sqrt(eigenvalue), float(times[0]))
        c1 = -eigenvalue / (2 * (1 + gamma))
        c2 = -eigenvalue * c1 / (4 * (3 + gamma))
        start = np.array([1 + c1 * first**2 + c2 * first**4, 2 * c1 * first + 4 * c2 * first**3])
    parameters = [eigenvalue, *(values[n] for n in names)]
    grid = np.concatenate([[first], times])
    return integrate(field, start, grid, parameters=parameters, rtol=1e-11, atol=1e-13).states[1:]


def error_equation_evidence(claim: Claim, flow: Flow, *, values: Mapping[sp.Symbol, float], seed: int) -> Evidence:
    """Hold a claimed error dynamics against the weights of a network that is linear in them.

    The weights of f = J theta move by the compiled `flow`; the errors that the claim's equation predicts come from the
    closed form with the kernel J J^T. FAILS if the two paths separate by more than 1e-8 of the initial error.

    Parameters
    ----------
    claim : its formula is an equation `Delta^(k) + sum c_j Delta^(j) + s H Delta = 0`
    flow : the ODE of the weights
    values : values of the flow's parameters
    seed : of J, y and the initial weights
    """
    rng = np.random.default_rng(seed)
    samples, weights = 3, 6
    J, target = rng.standard_normal((samples, weights)), rng.standard_normal(samples)
    theta = rng.standard_normal(weights)
    start = J @ theta - target
    claimed, factor = _flow_of(claim.formula, flow.order)
    times = np.linspace(0.2, 6.0, 30)
    predicted = frozen_kernel_flow(numeric_flow(claimed, values), factor * J @ J.T, start, times).errors
    followed = _linear_network_errors(flow, J, target, theta, times, values)
    gap = float(np.abs(predicted - followed).max() / np.abs(start).max())
    return Evidence.measured(
        claim,
        f"errors of the moving weights differ from the claimed equation by {gap:.1e} of the initial error",
        contradicted=gap > 1e-8,
        error_bar="1e-8 (tolerance of the integrator)",
        cases=times.size,
        seed=seed,
        detail=f"largest difference {gap:.3g} of the initial error",
        picture=along(
            times,
            {f"sample {i + 1}": errors for i, errors in enumerate(followed.T)},
            {f"sample {i + 1}": errors for i, errors in enumerate(predicted.T)},
            title="The errors of the moving weights obey the claimed equation",
            xlabel="flow time t",
            ylabel="Delta",
        ),
    )


def random_frozen_cases(
    *, lower: float, count: int, size: int, times: Float[np.ndarray, " t"], seed: int
) -> list[FrozenCase]:
    """Return random frozen-kernel problems with spectra in [lower, 100 lower], plus the single mode at `lower`."""
    rng = np.random.default_rng(seed)
    grid = tuple(float(t) for t in times)
    cases = [FrozenCase((lower,), (1.0,), grid)]
    for _ in range(count):
        spectrum = lower * np.exp(rng.uniform(0.0, np.log(100.0), size))
        spectrum[0] = lower if rng.random() < 0.5 else spectrum[0]
        cases.append(FrozenCase(tuple(spectrum.tolist()), tuple(rng.standard_normal(size).tolist()), grid))
    return cases


def bound_evidence(
    claim: Claim,
    flow: Flow,
    cases: Sequence[FrozenCase],
    *,
    values: Mapping[sp.Symbol, float],
    bound: Callable[[FrozenCase, Losses], Float[np.ndarray, " t"]],
    observed: str = "",
    seed: int,
    quantity: Callable[[Losses], Float[np.ndarray, " t"]] = lambda losses: losses.loss,
) -> Evidence:
    """Hold a claimed bound against many frozen-kernel problems.

    Parameters
    ----------
    claim : for its words only; `bound` evaluates it
    flow, values : the symbolic flow and its parameters
    cases : the problems
    bound : (case, losses) -> claimed bound at the case's times
    observed : said before the ratio, for instance a fitted rate
    seed : recorded in the evidence
    quantity : what is bounded, the loss by default

    Returns
    -------
    Evidence
        FAILS at the first case whose ratio exceeds 1 by more than rounding; the error bar is the difference between
        the closed form and the integrated compiled field on the slowest and the fastest mode of the cases.
    """
    numeric = numeric_flow(flow, values)
    worst, where, picture = 0.0, "", None
    for case in cases:
        losses = frozen_losses(numeric, case)
        ratios = quantity(losses) / bound(case, losses)
        top = int(np.argmax(ratios))
        if ratios[top] > worst:
            worst = float(ratios[top])
            where = f"eigenvalues {_range(case.eigenvalues)}, t = {case.times[top]:.4g}"
            picture = along(
                case.times,
                {"observed, the case closest to the bound": quantity(losses)},
                {"claimed bound": bound(case, losses)},
                title="The loss stays below the claimed bound",
                xlabel="flow time t",
                ylabel="L",
                yscale="log",
                line=True,
            )
    spectrum = [lam for case in cases for lam in case.eigenvalues]
    grid = np.asarray(cases[0].times)
    gap = max(
        float(
            np.abs(
                integrated_states(flow, lam, grid, values)[:, 0] - mode_response(numeric, np.array([lam]), grid)[0]
            ).max()
        )
        for lam in (min(spectrum), max(spectrum))
    )
    said = f"{observed}; " if observed else ""
    return Evidence.measured(
        claim,
        f"{said}largest ratio to the bound {worst:.4g}",
        contradicted=worst > 1.0 + ROUNDING,
        error_bar=f"{gap:.2g} (closed form against integrated field)",
        cases=len(cases),
        seed=seed,
        detail=f"largest ratio {worst:.4g} at {where}",
        picture=picture,
    )


def random_network(samples: int, features: int, width: int, *, seed: int | np.random.Generator) -> NetworkCase:
    """Return a two-layer ReLU network at the usual initialisation, with unit-norm Gaussian data and labels in [-1, 1].

    Examples
    --------
    >>> case = random_network(4, 3, 16, seed=0)
    >>> case.W.shape, bool(np.allclose(np.linalg.norm(case.X, axis=1), 1.0))
    ((16, 3), True)
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, features))
    y = rng.uniform(-1.0, 1.0, samples)
    W, a = two_layer_initialisation(features, width, seed=rng)
    return NetworkCase(X / np.linalg.norm(X, axis=1, keepdims=True), y, W, a)


def prediction_rates(
    case: NetworkCase,
    weight_velocities: Float[np.ndarray, "m d"],
    patterns: Float[np.ndarray, "m n"],
) -> Float[np.ndarray, " n"]:
    """Return m^{-1/2} sum_r a_r D_ri w_r'.x_i: the velocity of the predictions for an activation pattern D."""
    rates: Float[np.ndarray, " n"] = case.a @ (patterns * (weight_velocities @ case.X.T)) / np.sqrt(case.a.size)
    return rates


def order_evidence(
    claim: Claim,
    steps: Float[np.ndarray, " k"],
    errors: Float[np.ndarray, " k"],
    *,
    order: int,
    observed: str = "",
    seed: int | None = None,
) -> Evidence:
    """Hold a claimed order of convergence against errors measured at several time steps.

    Parameters
    ----------
    claim : for its words only
    steps, errors : time steps h and the largest errors found with them
    order : claimed; FAILS when the fitted power of h is further than 0.2 from it
    observed : said behind the fitted order
    seed : recorded in the evidence
    """
    fit = fit_scaling(steps, errors[:, None])
    half = 0.5 * (fit.interval[1] - fit.interval[0])
    said = f"fitted order {fit.exponent:.3f}, claimed {order}"
    return Evidence.measured(
        claim,
        f"{said}; {observed}" if observed else said,
        contradicted=abs(fit.exponent - order) > 0.2,
        error_bar=f"{half:.1e} (95 % interval of the fit)",
        cases=steps.size,
        seed=seed,
        detail=said,
        picture=over_steps(steps, errors, order),
    )


def over_steps(
    steps: Float[np.ndarray, " k"],
    errors: Float[np.ndarray, " k"] | Mapping[str, Float[np.ndarray, " k"]],
    order: int | float,
    *,
    title: str = "",
    xlabel: str = "time step h",
    ylabel: str = "largest error",
) -> Panel:
    """Return a picture of errors over steps beside the claimed power, which goes through the finest step's error.

    Parameters
    ----------
    steps : in any order
    errors : one a step, or several series of them by their label
    order : claimed power of the step
    title : what is claimed, the power by default
    """
    finest = int(np.argmin(steps))
    series = errors if isinstance(errors, Mapping) else {"observed": errors}
    said = title or f"The error falls with the power {order:g} of the step"
    return along(
        steps,
        series,
        {label: values[finest] * (steps / steps[finest]) ** order for label, values in series.items()},
        title=said,
        xlabel=xlabel,
        ylabel=ylabel,
        xscale="log",
        yscale="log",
    )


def _range(values: Sequence[float]) -> str:
    return f"{values[0]:.4g}" if len(values) == 1 else f"{min(values):.4g}..{max(values):.4g}"


def _flow_of(equation: sp.Basic, order: int) -> tuple[Flow, float]:
    """Read the flow's coefficients, and the factor in front of H Delta, off an error equation."""
    words = {str(word): word for word in equation.atoms(Word)}
    left = sp.expand(equation.lhs - equation.rhs)
    coefficients = [
        left.coeff(words[f"Delta{chr(39) * j}"]) if f"Delta{chr(39) * j}" in words else sp.Integer(0)
        for j in range(1, order)
    ]
    return Flow("claimed", tuple(coefficients)), float(left.coeff(words["H Delta"]))


def _linear_network_errors(
    flow: Flow,
    J: Float[np.ndarray, "n p"],
    target: Float[np.ndarray, " n"],
    theta: Float[np.ndarray, " p"],
    times: Float[np.ndarray, " t"],
    values: Mapping[sp.Symbol, float],
) -> Float[np.ndarray, "t n"]:
    """Integrate the weights of f = J theta under a flow of order at most 2 and return the errors."""
    n, p = J.shape
    w = sp.symbols(f"w:{flow.order}_:{p}", real=True)
    weights = [w[j * p : (j + 1) * p] for j in range(flow.order)]
    entries, y = sp.symbols(f"J_:{n}_:{p}", real=True), sp.symbols(f"y:{n}", real=True)
    jacobian = sp.Matrix(n, p, entries)
    gradient = jacobian.T * (jacobian * sp.Matrix(weights[0]) - sp.Matrix(y))
    top = [-gradient[k] - sum(c * weights[j][k] for j, c in enumerate(flow.coefficients, start=1)) for k in range(p)]
    field = compile_field([*w[p:], *top], w, time=TIME, parameters=[*entries, *y, *values])
    start, first = np.concatenate([theta, np.zeros(p * (flow.order - 1))]), 0.0
    if any(c.has(TIME) for c in flow.coefficients):
        gamma = float(sp.limit(flow.coefficients[0] * TIME, TIME, 0).subs({k: sp.Float(v) for k, v in values.items()}))
        first = 1e-3
        force = -J.T @ (J @ theta - target)
        bend = -J.T @ (J @ force) / (4 * (3 + gamma))
        moved = [theta + (force * first**2 / 2 + bend * first**4 / 2) / (1 + gamma)]
        start = np.concatenate([*moved, (force * first + 2 * bend * first**3) / (1 + gamma)])
    parameters = [*J.ravel(), *target, *values.values()]
    grid = np.concatenate([[first], times])
    run = integrate(field, start, grid, parameters=parameters, rtol=1e-11, atol=1e-13)
    return np.asarray(run.states[1:, :p] @ J.T - target)
