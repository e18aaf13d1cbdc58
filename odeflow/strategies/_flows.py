"""Optimiser ODEs: as text, in exact symbols, and in floats with modes that stay bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.flow_text import HIGHEST_ORDER, FlowTextError, parse_flow
from odeflow.flows import FlowSpec
from odeflow.numeric.arrays import require_count, require_positive
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.strategies._declared import declared, random_state_kept

__all__ = ["flow_specs", "flow_texts", "flows"]

NUMBERS = tuple(f"{p}/{q}" if q > 1 else str(p) for q in (1, 2, 3) for p in range(1, 7) if math.gcd(p, q) == 1)
"""Positive coefficients, the simplest first."""
KINDS: tuple[type[Flow], ...] = (GradientFlow, HeavyBall, Nesterov, LinearFlow)
HIGHEST_LINEAR_ORDER = 6
MARGIN = 2.0
"""Linear flows of order >= 3 are stable up to this many times the eigenvalue asked for."""


def _check_flow_texts(
    *,
    max_order: int,
    autonomous: bool,
    hessian: bool,
    lookahead: bool,
    undamped: bool,
    parameters: Sequence[str],
) -> None:
    if require_count("max_order", max_order) > HIGHEST_ORDER:
        raise InvalidArgumentError(f"Expected max_order <= {HIGHEST_ORDER} but got {max_order}.")
    if isinstance(parameters, str):
        raise InvalidArgumentError(f"Expected a sequence of names but got {parameters!r}. Pass [{parameters!r}].")
    for name in parameters:
        try:
            known = parse_flow(f"x' + {name}*grad(x)").parameters
        except (FlowTextError, ValueError):
            known = frozenset()
        if known != {name}:
            raise InvalidArgumentError(f"Expected names of parameters, such as b, but got {name!r}.")


@declared(_check_flow_texts)
def flow_texts(
    draw: st.DrawFn,
    *,
    max_order: int = 2,
    autonomous: bool = False,
    hessian: bool = True,
    lookahead: bool = True,
    undamped: bool = False,
    parameters: Sequence[str] = (),
) -> str:
    """Flows as a person types them, all of which `odeflow.flow_text.parse_flow` reads. Shrinks to x' + grad(x).

    Coefficients are positive rationals, now and then times a parameter, and over the power of t that keeps the flow
    autonomous in ln t.

    Parameters
    ----------
    max_order : highest derivative, 1 to 4
    autonomous : no coefficient depends on t
    hessian : allow Hessian damping, hess*x'
    lookahead : allow the gradient at x + c*x'
    undamped : allow derivatives in between to be absent
    parameters : names that may occur, such as b and mu

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(flow_texts(), lambda text: "x''" in text, settings=quiet)
    "x'' + x' + grad(x)"
    >>> find(flow_texts(parameters=["b"]), lambda text: "b/t" in text, settings=quiet)
    "x'' + b/t*x' + grad(x)"
    """
    k = draw(st.integers(1, max_order))
    terms = ["x" + "'" * k]
    for j in range(k - 1, 0, -1):
        if undamped and draw(st.booleans()):
            continue
        over = "" if autonomous or not draw(st.booleans()) else "/t" if k - j == 1 else f"/t^{k - j}"
        terms.append(_product(_coefficient(draw, parameters) + over, "x" + "'" * j))
    point = "x"
    if lookahead and k > 1 and draw(st.booleans()):
        point = f"x + {_product(_coefficient(draw, parameters), 'x' + chr(39))}"
    elif hessian and draw(st.booleans()):
        terms.append(_product(_coefficient(draw, parameters), "hess*x'"))
    terms.append(_product(_coefficient(draw, parameters), f"grad({point})"))
    return " + ".join(terms)


@declared(lambda **options: flow_texts(**options))
def flow_specs(draw: st.DrawFn, /, **options: Any) -> FlowSpec:
    """Flows in exact symbols, as `odeflow.flow_text.parse_flow` returns them. Shrinks to x' + grad(x) = 0.

    Parameters
    ----------
    options : of `flow_texts`

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> print(find(flow_specs(autonomous=True), lambda flow: bool(flow.hessian.terms), settings=quiet))
    x' + hess*x' + grad(x) = 0
    """
    text = draw(flow_texts(**options))
    with random_state_kept():
        return parse_flow(text)


def _check_flows(
    *,
    kinds: Sequence[type[Flow]] | None,
    min_damping: float,
    max_damping: float,
    min_gamma: float,
    max_gamma: float,
    max_order: int,
    stable_up_to: float,
) -> None:
    if kinds is not None and (not kinds or any(kind not in KINDS for kind in kinds)):
        names = ", ".join(kind.__name__ for kind in KINDS)
        raise InvalidArgumentError(f"Expected one or more of {names} but got {list(kinds)}.")
    for name, least, most in (("damping", min_damping, max_damping), ("gamma", min_gamma, max_gamma)):
        if require_positive(f"max_{name}", most) < require_positive(f"min_{name}", least):
            raise InvalidArgumentError(f"Expected max_{name} >= min_{name} but got {most} < {least}.")
    if require_count("max_order", max_order) > HIGHEST_LINEAR_ORDER:
        raise InvalidArgumentError(f"Expected max_order <= {HIGHEST_LINEAR_ORDER} but got {max_order}.")
    require_positive("stable_up_to", stable_up_to)


@declared(_check_flows)
def flows(
    draw: st.DrawFn,
    *,
    kinds: Sequence[type[Flow]] | None = None,
    min_damping: float = 0.1,
    max_damping: float = 10.0,
    min_gamma: float = 0.5,
    max_gamma: float = 10.0,
    max_order: int = 3,
    stable_up_to: float = 100.0,
) -> Flow:
    """Flows in floats for the simulators of `odeflow.numeric`. Shrinks to gradient flow.

    Parameters
    ----------
    kinds : which flows, the simplest first; if None, all four: gradient flow, heavy ball, Nesterov, linear flows
    min_damping, max_damping : range of the friction of heavy ball and of a linear flow of order 2, in 1/time
    min_gamma, max_gamma : range of gamma of Nesterov's flow
    max_order : of linear flows, 1 to 6
    stable_up_to : every mode with an eigenvalue in (0, stable_up_to] decays, whatever the order of a linear flow

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(flows(), lambda flow: flow.order == 2, settings=quiet)
    HeavyBall(damping=1.0)
    >>> find(flows(stable_up_to=1.0), lambda flow: flow.order == 3, settings=quiet)
    LinearFlow(coefficients=(1.0, 2.0))
    """
    kind = draw(st.sampled_from(list(kinds or KINDS)))
    if kind is GradientFlow:
        return GradientFlow()
    damping = st.floats(min_damping, max_damping)
    if kind is HeavyBall:
        return HeavyBall(draw(damping))
    if kind is Nesterov:
        return Nesterov(draw(st.floats(min_gamma, max_gamma)))
    order = draw(st.integers(1, max_order))
    if order <= 2:
        coefficients = tuple(draw(st.lists(damping, min_size=order - 1, max_size=order - 1)))
    else:
        roots = draw(st.lists(st.floats(0.5, 2.0), min_size=order - 1, max_size=order - 1))
        coefficients = _stable_coefficients(roots, stable_up_to)
    with random_state_kept():
        return LinearFlow(coefficients)


def _coefficient(draw: st.DrawFn, parameters: Sequence[str]) -> str:
    number = draw(st.sampled_from(NUMBERS))
    if not parameters:
        return number
    name = draw(st.sampled_from(["", *parameters]))
    return f"{number}*{name}" if name and number != "1" else name or number


def _product(coefficient: str, word: str) -> str:
    return word if coefficient == "1" else f"{coefficient}*{word}"


def _stable_coefficients(roots: Sequence[float], stable_up_to: float) -> tuple[float, ...]:
    """Return (c_1, ..., c_{k-1}) of z (z + r_1) ... (z + r_{k-1}), time scaled until it is stable so far.

    z (z + r_1) ... + lambda is stable for small lambda > 0, and until a pair of roots reaches the imaginary axis. In
    time t/s the coefficient c_j is c_j s^{k-j}, and lambda at that crossing grows by s^k; s is a power of 2.
    """
    q = np.append(np.poly(-np.asarray(roots)), 0.0)  # highest power first
    k = len(q) - 1
    scale = max(0, math.ceil(math.log2(MARGIN * stable_up_to / _first_crossing(q)) / k))
    return tuple(float(q[k - j] * 2.0 ** (scale * (k - j))) for j in range(1, k))


def _first_crossing(q: np.ndarray) -> float:
    """Return the least lambda > 0 at which q(z) + lambda has imaginary roots, q = z (z + r_1) ..., of degree >= 3."""
    k = len(q) - 1
    on_axis = q * 1j ** np.arange(k, -1, -1)  # coefficients of q(i omega) in omega
    crossings = np.roots(on_axis.imag[: k + 1])
    omegas = crossings[(np.abs(crossings.imag) < 1e-9 * (1.0 + np.abs(crossings))) & (crossings.real > 1e-9)].real
    return float(min(value for value in -np.polyval(on_axis.real, omegas) if value > 0.0))
