"""How slowly does f - f* decay on the worst members of a class that a simulation finds? An exponent with an interval.

Members in one dimension: functions whose second derivative takes one value for y > 0 and another for y < 0, both
between mu and L (stiff where there is no L), and for convex classes in log-time |x|^n. A simulation never decides; it
shows how far the proved rate is from what trajectories do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy as sp

from odeflow.codegen import compile_expression, compile_field
from odeflow.errors import OdeflowError
from odeflow.flows import ConcreteFlow, Kind, Laurent
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.numeric.compiled import CompiledField
from odeflow.numeric.integrate import integrate
from odeflow.numeric.rates import RateFit, fit_exponential, fit_power

__all__ = ["SimulatedRate", "slowest_simulated"]

STIFFNESS = (1, 4, 30)
"""Second derivatives in units of mu that are tried when the class has no L."""
EXPONENTS = (2, 4, 8, 16)
DECADES = 3
POINTS = 4000
MOST_STEPS = 50_000
LOWEST = 1e-20
"""A member whose f - f* falls below this fraction decays too fast for the span, and its end is rounding."""
SPAN = 20.0
"""The time of a simulation in units of 1/rate: f - f* falls by about e^-20, far above rounding."""


@dataclass(frozen=True)
class SimulatedRate:
    """The slowest decay among simulated members.

    Attributes
    ----------
    member : the function, in words
    fit : the fitted exponent and its interval
    members : how many were simulated
    """

    member: str
    fit: RateFit
    members: int


def slowest_simulated(
    flow: ConcreteFlow, function_class: FunctionClass, kind: Kind, rate: Fraction
) -> SimulatedRate | None:
    """Simulate members of a class and return the one on which f - f* decays most slowly, or None if none can be.

    Parameters
    ----------
    rate : a proved rate; sets the length of the simulation

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> known = FunctionClass(ClassName.STRONGLY_CONVEX, mu=Fraction(1))
    >>> found = slowest_simulated(parse_flow("x' + grad(x)").at(), known, Kind.EXPONENTIAL, Fraction(2))
    >>> found.member, round(found.fit.exponent, 6)
    ('f = 1/2 x^2', 2.0)
    """
    runs = _two_slopes(flow, function_class, rate) if kind is Kind.EXPONENTIAL else _powers(flow, function_class)
    found: list[tuple[str, RateFit]] = []
    for member, times, losses in runs:
        try:
            with np.errstate(all="ignore"):  # a fit that meets rounding has a wide interval, and is dropped below
                fit = fit_exponential(times, losses) if kind is Kind.EXPONENTIAL else fit_power(times, losses)
        except OdeflowError:  # too few maxima, or a curve that reaches rounding at once: not a slow member
            continue
        if losses[-1] > LOWEST * losses[0] and fit.interval[0] > 0:
            found.append((member, fit))
    if not found:
        return None
    member, fit = min(found, key=lambda pair: pair[1].exponent)
    return SimulatedRate(member, fit, len(found))


def _two_slopes(
    flow: ConcreteFlow, function_class: FunctionClass, rate: Fraction
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    mu, L = function_class.mu, function_class.smooth
    levels = [mu * s for s in STIFFNESS] if L is None else sorted({mu, (mu + L) / 2, L})
    if function_class.name is ClassName.QUADRATIC:
        pairs = [(a, a) for a in levels]
    else:
        pairs = [(a, b) for a in levels for b in levels if a <= b]
    k = flow.order
    x = sp.symbols(f"x:{k}", real=True)
    above, below = sp.symbols("above below", positive=True)
    y = sp.Add(*(_at(c) * x[j] for j, c in enumerate(flow.point)))
    slope = sp.Piecewise((above, y > 0), (below, True))
    c = [sp.Integer(0), *(_at(d) for d in flow.damping)]
    p = [_at(q) for q in flow.point] + [sp.Integer(0)] * (k + 1 - len(flow.point))
    beta, gamma = _at(flow.hessian), _at(flow.gradient)
    top = -sp.Add(*((c[j] + slope * (gamma * p[j] + (beta * p[j - 1] if j else 0))) * x[j] for j in range(k)))
    field = compile_field([*x[1:], top / (1 + slope * beta * p[k - 1])], list(x), parameters=[above, below])
    loss = compile_expression(slope * y**2 / 2, [*x, above, below])
    times = np.linspace(0.0, SPAN / float(rate), POINTS)
    for a, b in pairs:
        start = np.zeros(k)
        start[0] = -1.0
        states = _integrated(field, start, times, [float(a), float(b)], 1e-10, 1e-16)
        if states is None:
            continue
        losses = np.asarray(loss(*states.T, float(a), float(b)))
        name = f"f = {a / 2} x^2" if a == b else f"f'' = {a} for x > 0 and {b} for x < 0"
        yield name, times, losses


def _powers(flow: ConcreteFlow, function_class: FunctionClass) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    if len(flow.point) > 1 or flow.hessian:
        return
    k = flow.order
    x = sp.symbols(f"x:{k}", real=True)
    t, n, mu = sp.symbols("t n mu", positive=True)
    gradient = sp.sign(x[0]) * sp.Abs(x[0]) ** (n - 1) + mu * x[0]
    top = -_at(flow.gradient, t) * gradient
    for j, c in enumerate(flow.damping, start=1):
        top -= _at(c, t) * x[j]
    field = compile_field([*x[1:], top], list(x), time=t, parameters=[n, mu])
    times = np.geomspace(1.0, 10.0**DECADES, POINTS)
    for exponent in EXPONENTS:
        start = np.zeros(k)
        start[0] = 1.0
        m = float(function_class.mu)
        states = _integrated(field, start, times, [float(exponent), m], 1e-9, 1e-14)
        if states is None:
            continue
        losses = np.abs(states[:, 0]) ** exponent / exponent + m * states[:, 0] ** 2 / 2
        extra = f" + {function_class.mu / 2} x^2" if m else ""
        yield f"f = |x|^{exponent}/{exponent}{extra}", times, losses


def _integrated(
    field: CompiledField, start: np.ndarray, times: np.ndarray, parameters: list[float], rtol: float, atol: float
) -> np.ndarray | None:
    """Return the states at `times`, or None if the member is too stiff to be followed that far."""
    try:
        return integrate(field, start, times, parameters=parameters, rtol=rtol, atol=atol, max_steps=MOST_STEPS).states
    except OdeflowError:
        return None


def _at(powers: Laurent, time: sp.Expr | None = None) -> sp.Expr:
    """Return a coefficient as an expression."""
    total = sp.Integer(0)
    for power, c in powers:
        number = sp.Rational(c.numerator, c.denominator)
        total += number * (time ** sp.Rational(power.numerator, power.denominator) if time is not None and power else 1)
    return total
