"""Which functions is the claim about? Classes and the inequalities that every member obeys between y and a minimiser.

Each inequality is `F_coefficient (f(y) - f*) + a quadratic form >= 0` in the vectors y - x*, g = grad f(y), and, along
a
flow, d = y' and h = hess f(y) y'.

References
----------
A. Taylor, J. Hendrickx, F. Glineur (2017), theorem 4: the two-point inequalities of smooth strongly convex functions.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction

from odeflow.errors import InvalidArgumentError

__all__ = ["ClassName", "FunctionClass", "Inequality"]


class ClassName(enum.Enum):
    """The classes by name; `FunctionClass` adds the constants."""

    QUADRATIC = "quadratic"
    CONVEX = "convex"
    STRONGLY_CONVEX = "strongly-convex"
    PL = "pl"


@dataclass(frozen=True)
class Inequality:
    """An inequality `f_coefficient (f(y) - f*) + sum of coefficients * <u, w> >= 0`.

    Attributes
    ----------
    name : what it says
    f_coefficient : of f(y) - f*
    products : ("y"|"g"|"d"|"h", the same) -> coefficient of the inner product
    needs_hessian : whether it speaks of the Hessian along the velocity (f twice continuously differentiable)
    """

    name: str
    f_coefficient: Fraction
    products: tuple[tuple[tuple[str, str], Fraction], ...]
    needs_hessian: bool = False


@dataclass(frozen=True)
class FunctionClass:
    """A class of functions with its constants.

    Attributes
    ----------
    name : which class
    mu : strong convexity or PL constant, least eigenvalue for quadratics; 0 for convex
    smooth : Lipschitz constant L of the gradient, largest eigenvalue for quadratics; None if there is none

    Examples
    --------
    >>> FunctionClass(ClassName.STRONGLY_CONVEX, mu=Fraction(1)).statement()
    'f strongly convex with mu = 1'
    """

    name: ClassName
    mu: Fraction = Fraction(0)
    smooth: Fraction | None = None

    def __post_init__(self) -> None:
        if self.name is ClassName.CONVEX and self.mu != 0:
            raise InvalidArgumentError(f"Expected no mu for convex functions but got {self.mu}. Use strongly-convex.")
        if self.name is not ClassName.CONVEX and self.mu <= 0:
            raise InvalidArgumentError(f"Expected mu > 0 for {self.name.value} functions but got {self.mu}. Pass --mu.")
        least = self.mu if self.name is ClassName.QUADRATIC else None
        if self.smooth is not None and (self.smooth < self.mu or (self.smooth == self.mu and least is None)):
            raise InvalidArgumentError(f"Expected smooth > mu = {self.mu} but got {self.smooth}.")

    def statement(self) -> str:
        """Return the hypothesis in words."""
        match self.name:
            case ClassName.QUADRATIC:
                upper = "oo)" if self.smooth is None else f"{self.smooth}]"
                return f"f quadratic with Hessian spectrum in [{self.mu}, {upper}"
            case ClassName.CONVEX:
                text = "f convex"
            case ClassName.STRONGLY_CONVEX:
                text = f"f strongly convex with mu = {self.mu}"
            case ClassName.PL:
                text = f"f Polyak-Lojasiewicz with mu = {self.mu}"
        return text if self.smooth is None else f"{text}, grad f Lipschitz with L = {self.smooth}"

    def inequalities(self) -> tuple[Inequality, ...]:
        """Return what every member obeys; empty for quadratics, which are treated mode by mode."""
        one, zero, mu = Fraction(1), Fraction(0), self.mu
        if self.name is ClassName.QUADRATIC:
            return ()
        if self.name is ClassName.PL:
            found = [Inequality("value", one, ()), Inequality("gradient dominance", -2 * mu, ((("g", "g"), one),))]
            if self.smooth is not None:
                L = self.smooth
                found.append(Inequality("descent", 2 * L, ((("g", "g"), -one),)))
                found.append(Inequality("curvature", zero, ((("d", "d"), L**2), (("h", "h"), -one)), True))
            return tuple(found)
        if self.smooth is None:
            below = _products({("y", "y"): -mu / 2})
            value = Inequality("value", one, below)
            tangent = Inequality("tangent", -one, _products({("y", "y"): -mu / 2, ("y", "g"): one}))
            curvature = Inequality("curvature", zero, _products({("d", "h"): one, ("d", "d"): -mu}), True)
            return value, tangent, curvature
        L = self.smooth
        # |g - mu y|^2 / (2 (L - mu)) + mu |y|^2 / 2, which both f(y) - f* and <g, y> - (f(y) - f*) exceed
        gap = {("g", "g"): 1 / (L - mu) / 2, ("y", "g"): -mu / (L - mu), ("y", "y"): mu**2 / (L - mu) / 2 + mu / 2}
        value = Inequality("value", one, _products({k: -c for k, c in gap.items()}))
        tangent = Inequality(
            "tangent", -one, _products({k: -c + (one if k == ("y", "g") else zero) for k, c in gap.items()})
        )
        curvature = Inequality(
            "curvature", zero, _products({("h", "h"): -one, ("d", "h"): L + mu, ("d", "d"): -mu * L}), True
        )
        return value, tangent, curvature


def _products(coefficients: dict[tuple[str, str], Fraction]) -> tuple[tuple[tuple[str, str], Fraction], ...]:
    return tuple((k, c) for k, c in coefficients.items() if c)
