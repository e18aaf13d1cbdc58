"""Does another clock make this flow autonomous? Powers of t as a time, for flows of first and second order.

In the time tau = t^a, x' is a t^(a-1) dx/dtau and x'' is a^2 t^(2a-2) d^2x/dtau^2 + a (a-1) t^(a-2) dx/dtau. So

    x'' + (c t^(a-1) - (a-1)/t) x' + beta t^(a-1) hess x' + gamma t^(2a-2) grad f(x) = 0

is x'' + (c/a) x' + (beta/a) hess x' + (gamma/a^2) grad f(x) = 0 in tau, and x' + beta hess x' + gamma t^(a-1) grad f(x)
= 0 is x' + beta hess x' + (gamma/a) grad f(x) = 0. A rate of the one in tau is a rate of e^(-rate t^a) for the other.
"""

from __future__ import annotations

from fractions import Fraction

from odeflow.flows import ConcreteFlow, FlowSpec, Laurent, Scalar

__all__ = ["in_power_time", "power_time_hint"]


def in_power_time(flow: ConcreteFlow) -> tuple[Fraction, ConcreteFlow] | None:
    """Return (a, the flow in the time t^a), a > 0 and not 1, if its coefficients are constant there; else None.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> a, moved = in_power_time(parse_flow("x'' + (6*t - 1/t)*x' + 4*t^2*grad(x)").at())
    >>> str(a), [[str(c) for _, c in powers] for powers in moved.damping], [str(c) for _, c in moved.gradient]
    ('2', [['3']], ['1'])
    """
    k = flow.order
    if k > 2 or len(flow.gradient) != 1 or len(flow.point) > 1:
        return None
    ((power, gamma),) = flow.gradient
    a = 1 + power / k
    if a <= 0 or a == 1:
        return None
    damping, hessian = dict(flow.damping[0] if k == 2 else ()), dict(flow.hessian)
    if k == 2 and damping.pop(Fraction(-1), Fraction(0)) != 1 - a:
        return None
    natural = (k - 1) * (a - 1)  # the power at which friction and Hessian damping are constant in tau
    if set(damping) - {a - 1} or set(hessian) - {natural}:
        return None
    friction, beta = (_constant(table.get(at, Fraction(0)) / a ** (k - 1)) for table, at in
                      ((damping, a - 1), (hessian, natural)))  # fmt: skip
    return a, ConcreteFlow((friction,) if k == 2 else (), _constant(gamma / a**k), beta, flow.point)


def power_time_hint(flow: ConcreteFlow) -> str:
    """Return which question to ask instead, or an empty text.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> print(power_time_hint(parse_flow("x' + 2*t*grad(x)").at()))
    In the time t^2 it is x' + grad(x) = 0: a rate of that flow is one of e^(-rate t^2) for this one.
    """
    found = in_power_time(flow)
    if found is None:
        return ""
    a, moved = found
    spec = FlowSpec(
        tuple(_scalar(c) for c in moved.damping), _scalar(moved.gradient), _scalar(moved.hessian), (Scalar.of(1),)
    )
    clock = f"t^{a}" if a.denominator == 1 else f"t^({a})"
    return f"In the time {clock} it is {spec}: a rate of that flow is one of e^(-rate {clock}) for this one."


def _constant(value: Fraction) -> Laurent:
    return ((Fraction(0), value),) if value else ()


def _scalar(powers: Laurent) -> Scalar:
    return Scalar.of(sum((c for _, c in powers), Fraction(0)))
