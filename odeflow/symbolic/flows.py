"""Which ODE? The optimiser flows as data: order, coefficients, time.

A flow of order k moves weights by `w^(k) + c_{k-1}(t) w^(k-1) + ... + c_1(t) w' + grad L(w) = 0` with every derivative
zero at t = 0.

Examples
--------
>>> import sympy as sp
>>> heavy_ball(sp.Symbol("b", positive=True)).equation()
Eq(b*Derivative(w(t), t) + grad L(w(t)) + Derivative(w(t), (t, 2)), 0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.markup import mathml
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector

__all__ = [
    "TIME",
    "Flow",
    "gradient_flow",
    "heavy_ball",
    "momentum_flow",
    "nesterov",
    "nesterov_strongly_convex",
]

TIME = sp.Symbol("t", positive=True)


@dataclass(frozen=True)
class Flow:
    """An optimiser ODE `w^(k) + sum_j c_j w^(j) + grad = 0`.

    Attributes
    ----------
    name : the field's word for it
    coefficients : (c_1, ..., c_{k-1}), expressions in the parameters and in `TIME`
    """

    name: str
    coefficients: tuple[sp.Expr, ...] = ()

    @property
    def order(self) -> int:
        """Order k of the ODE."""
        return len(self.coefficients) + 1

    def top_derivative(self, derivatives: Sequence[Vector], gradient: Vector) -> Vector:
        """Return w^(k) as a vector, given (w', ..., w^(k-1)) and the gradient."""
        top = -gradient
        for coefficient, derivative in zip(self.coefficients, derivatives, strict=True):
            top = top - coefficient * derivative
        return top

    def equation(self) -> sp.Equality:
        """Return the ODE of one weight as a SymPy equation."""
        w = sp.Function("w")(TIME)
        terms = sum((c * sp.diff(w, (TIME, j)) for j, c in enumerate(self.coefficients, start=1)), sp.Integer(0))
        return sp.Eq(sp.diff(w, (TIME, self.order)) + terms + sp.Function("grad L")(w), 0, evaluate=False)

    def _repr_html_(self) -> str:
        return mathml(self._repr_latex_().strip("$"), block=True)

    def _repr_latex_(self) -> str:
        w = sp.Function("w")(TIME)
        text = sp.latex(sp.diff(w, (TIME, self.order)))
        for j, c in reversed(list(enumerate(self.coefficients, start=1))):
            term = sp.latex(c * sp.diff(w, (TIME, j)))
            text += f" {term}" if term.startswith("-") else f" + {term}"
        return rf"$\displaystyle {text} + \nabla L(w) = 0$"

    def mode_field(self, eigenvalue: sp.Expr) -> tuple[tuple[sp.Expr, ...], tuple[sp.Symbol, ...]]:
        """Return the mode `x^(k) + sum c_j x^(j) + eigenvalue x = 0` as a first-order system.

        Returns
        -------
        derivatives, states : k expressions and the k symbols (x0, ..., x_{k-1}) that stand for x and its derivatives
        """
        states = sp.symbols(f"x:{self.order}", real=True)
        top = -eigenvalue * states[0]
        for j, c in enumerate(self.coefficients, start=1):
            top -= c * states[j]
        return (*states[1:], sp.expand(top)), tuple(states)

    def mode_residual(self, response: sp.Expr, eigenvalue: sp.Expr) -> sp.Expr:
        """Return what is left of the mode's ODE when `response` (an expression in `TIME`) is put into it."""
        residual = sp.diff(response, (TIME, self.order)) + eigenvalue * response
        for j, c in enumerate(self.coefficients, start=1):
            residual += c * sp.diff(response, (TIME, j))
        return residual

    def frozen_dynamics(self, kernel: Operator, name: str = "Delta") -> Dynamics:
        """Return the error dynamics `Delta^(k) + sum c_j Delta^(j) + H Delta = 0` for a kernel H."""
        error = [Vector.base(name, j) for j in range(self.order)]
        return Dynamics({name: (self.order, self.top_derivative(error[1:], kernel @ error[0]))}, TIME)


def gradient_flow() -> Flow:
    """Return gradient flow, `w' + grad = 0`."""
    return Flow("gradient flow")


def heavy_ball(damping: sp.Expr) -> Flow:
    """Return heavy ball with friction, `w'' + b w' + grad = 0` (Polyak 1964)."""
    return Flow("heavy ball", (damping,))


def nesterov(gamma: sp.Expr) -> Flow:
    """Return Nesterov's flow, `w'' + (gamma/t) w' + grad = 0` (Su, Boyd and Candes 2014)."""
    return Flow("Nesterov", (gamma / TIME,))


def nesterov_strongly_convex(mu: sp.Expr) -> Flow:
    """Return NAG-SC, `w'' + 2 sqrt(mu) w' + grad = 0` (Wilson, Recht and Jordan 2016)."""
    return Flow("NAG-SC", (2 * sp.sqrt(mu),))


def momentum_flow(coefficients: Sequence[sp.Expr]) -> Flow:
    """Return the flow of order len(coefficients) + 1 with constant coefficients (c_1, ..., c_{k-1})."""
    if any(c.has(TIME) for c in coefficients):
        raise InvalidArgumentError(f"Expected coefficients without {TIME} but got {tuple(coefficients)}.")
    return Flow(f"{len(coefficients)}-momentum flow", tuple(coefficients))
