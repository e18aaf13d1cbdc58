"""Which optimiser ODE, in floats: the numeric twins of `odeflow.symbolic.flows`.

On prediction errors Delta with a constant kernel H the flows read

    gradient flow   Delta' = -H Delta
    heavy ball      Delta'' + damping Delta' + H Delta = 0
    Nesterov        Delta'' + (gamma/t) Delta' + H Delta = 0
    linear flow     Delta^(k) + c_{k-1} Delta^(k-1) + ... + c_1 Delta' + H Delta = 0

with every derivative zero at t = 0 unless the caller says otherwise. Time is flow time: learning rate x steps for
gradient flow, sqrt(learning rate) x steps for the second-order flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from odeflow.errors import InvalidArgumentError
from odeflow.markup import mathml
from odeflow.numeric.arrays import require_finite, require_positive

__all__ = ["Flow", "GradientFlow", "HeavyBall", "LinearFlow", "Nesterov"]


@dataclass(frozen=True)
class GradientFlow:
    """Gradient flow, the limit of gradient descent as the learning rate goes to 0."""

    @property
    def order(self) -> int:
        """Order of the ODE."""
        return 1

    def _repr_html_(self) -> str:
        return mathml(self._repr_latex_().strip("$"), block=True)

    def _repr_latex_(self) -> str:
        return _equation(())


@dataclass(frozen=True)
class HeavyBall:
    """Heavy ball with friction; `damping` > 0 is b, in 1/time. NAG-SC has the same ODE with b = 2 sqrt(mu)."""

    damping: float

    def __post_init__(self) -> None:
        require_positive("damping", self.damping)

    @property
    def order(self) -> int:
        """Order of the ODE."""
        return 2

    def _repr_html_(self) -> str:
        return mathml(self._repr_latex_().strip("$"), block=True)

    def _repr_latex_(self) -> str:
        return _equation((f"{self.damping:g}",))


@dataclass(frozen=True)
class Nesterov:
    """Nesterov's flow with vanishing damping gamma/t; `gamma` > 0 has no unit."""

    gamma: float = 3.0

    def __post_init__(self) -> None:
        require_positive("gamma", self.gamma)

    @property
    def order(self) -> int:
        """Order of the ODE."""
        return 2

    def _repr_html_(self) -> str:
        return mathml(self._repr_latex_().strip("$"), block=True)

    def _repr_latex_(self) -> str:
        return _equation((rf"\frac{{{self.gamma:g}}}{{t}}",))


@dataclass(frozen=True)
class LinearFlow:
    """Any constant-coefficient flow; `coefficients` = (c_1, ..., c_{k-1}) multiply Delta', ..., Delta^(k-1).

    The order k is `len(coefficients) + 1`; the top derivative has coefficient 1.

    Raises
    ------
    InvalidArgumentError
        A coefficient is not finite, or the order exceeds 6.
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.coefficients) > 5:
            raise InvalidArgumentError(
                f"Expected a flow of order at most 6 but got {len(self.coefficients) + 1} "
                f"(coefficients {self.coefficients}). Split the flow or integrate it with odeflow.numeric.integrate."
            )
        for number, coefficient in enumerate(self.coefficients, start=1):
            require_finite(f"coefficients[{number - 1}]", coefficient)

    @property
    def order(self) -> int:
        """Order of the ODE."""
        return len(self.coefficients) + 1

    def _repr_html_(self) -> str:
        return mathml(self._repr_latex_().strip("$"), block=True)

    def _repr_latex_(self) -> str:
        return _equation(tuple(f"{c:g}" for c in self.coefficients))


Flow: TypeAlias = GradientFlow | HeavyBall | Nesterov | LinearFlow


def _equation(coefficients: tuple[str, ...]) -> str:
    """Return the ODE of the weights in LaTeX; coefficients of w', w'', ... as LaTeX."""
    order = len(coefficients) + 1
    moved = [r"\dot{w}", r"\ddot{w}"] + [f"w^{{({j})}}" for j in range(3, order + 1)]
    text = moved[order - 1]
    for j in range(order - 2, -1, -1):
        c = coefficients[j]
        if c not in ("0", "-0"):
            sign, size = ("-", c[1:]) if c.startswith("-") else ("+", c)
            text += f" {sign} {'' if size == '1' else size + ' '}{moved[j]}"
    return rf"$\displaystyle {text} + \nabla L(w) = 0$"
