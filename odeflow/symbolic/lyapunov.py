"""V, its derivative along a flow, and what must be shown, in every dimension.

A quadratic energy is written with inner products of the errors; its derivative is computed, never typed. A statement
`V' + rate V <= 0` for all n and all symmetric H >= lower I is reduced, by the spectral theorem, to one small matrix per
eigenvalue lambda >= lower.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import decide_positive_semidefinite, decide_zero
from odeflow.symbolic.derivations import Kind, Step
from odeflow.symbolic.flows import Flow
from odeflow.symbolic.inner_products import Dynamics, InnerProduct, Operator, Vector, map_inner_products

__all__ = [
    "KERNEL",
    "along",
    "best_rate_polynomial",
    "error_state",
    "mode_matrix",
    "show_along",
    "show_decay",
    "show_energy_positive",
]

KERNEL = Operator("H", symmetric=True)


def error_state(flow: Flow, name: str = "Delta") -> tuple[Vector, ...]:
    """Return the state (Delta, Delta', ..., Delta^(k-1)) of a flow of order k as vectors of symbolic dimension."""
    return tuple(Vector.base(name, j) for j in range(flow.order))


def mode_matrix(form: sp.Expr, flow: Flow, eigenvalue: sp.Symbol) -> sp.Matrix:
    """Return the symmetric k x k matrix of a quadratic form on one eigenmode of H.

    For H u = eigenvalue u with |u| = 1, Delta^(j) = z_j u turns `<Delta^(i), H^p Delta^(j)>` into
    `eigenvalue^p z_i z_j`. Different eigenvectors are orthogonal, so the form is the sum of its modes and is >= 0 in
    every dimension iff the matrix is positive semidefinite at every eigenvalue.

    Examples
    --------
    >>> import sympy as sp
    >>> from odeflow.symbolic.flows import heavy_ball
    >>> from odeflow.symbolic.inner_products import inner
    >>> flow, lam = heavy_ball(sp.Integer(2)), sp.Symbol("lambda", positive=True)
    >>> error, velocity = error_state(flow)
    >>> mode_matrix(inner(error, KERNEL @ error) + 2 * inner(error, velocity), flow, lam)
    Matrix([
    [lambda, 1],
    [     1, 0]])
    """
    z = sp.symbols(f"z:{flow.order}", real=True)

    def on_mode(product: InnerProduct) -> sp.Expr:
        if any(operator != KERNEL for operator in product.word):
            raise InvalidArgumentError(f"Expected only the kernel H inside inner products but got {product}.")
        return eigenvalue ** len(product.word) * z[product.left.order] * z[product.right.order]

    quadratic = map_inner_products(form, on_mode)
    matrix = sp.hessian(quadratic, z) / 2
    if sp.expand(quadratic - (sp.Matrix([z]) * matrix * sp.Matrix(z))[0, 0]) != 0:
        raise InvalidArgumentError(f"Expected a quadratic form in the errors but got {form}.")
    return matrix


def along(expression: sp.Expr, definitions: Mapping[sp.Expr, sp.Expr], dynamics: Dynamics) -> sp.Expr:
    """Replace `Derivative(E(t), t)` by the derivative of E's definition along the dynamics, and E(t) by the definition.

    Parameters
    ----------
    expression : with applied functions E(t) and their first time derivatives
    definitions : E(t) -> expression in inner products
    """
    moving = {sp.Derivative(name, dynamics.time): dynamics.derivative(energy) for name, energy in definitions.items()}
    return sp.expand(expression.xreplace(moving).xreplace(dict(definitions)))


def show_along(title: str, formula: sp.Equality, definitions: Mapping[sp.Expr, sp.Expr], dynamics: Dynamics) -> Step:
    """Compute that an equation between energies and their time derivatives holds along the dynamics.

    Examples
    --------
    >>> import sympy as sp
    >>> from odeflow.symbolic.flows import TIME, gradient_flow
    >>> from odeflow.symbolic.inner_products import inner, norm2
    >>> (error,) = error_state(gradient_flow())
    >>> loss = sp.Function("L")(TIME)
    >>> formula = sp.Eq(sp.Derivative(loss, TIME), -inner(error, KERNEL @ error), evaluate=False)
    >>> show_along("decays", formula, {loss: norm2(error) / 2}, gradient_flow().frozen_dynamics(KERNEL)).decision.holds
    True
    """
    gap = along(formula.lhs - formula.rhs, definitions, dynamics)
    return Step(title, formula, Kind.COMPUTED, decide_zero(gap))


def show_decay(
    title: str,
    energy: sp.Expr,
    flow: Flow,
    rate: sp.Expr,
    *,
    eigenvalue: sp.Symbol,
    lower: Mapping[sp.Symbol, sp.Expr],
    formula: sp.Basic | None = None,
) -> Step:
    """Decide `V' + rate V <= 0` along the flow with constant H, for every dimension.

    Parameters
    ----------
    energy : quadratic form in the errors, with inner products
    rate : expression; what must be shown is that -(V' + rate V) is positive semidefinite per mode
    eigenvalue, lower : the mode's symbol and the domain (eigenvalue >= lower[eigenvalue], parameters positive)
    formula : what the step states (default: the inequality written out)
    """
    change = flow.frozen_dynamics(KERNEL).derivative(energy) + rate * energy
    decision = decide_positive_semidefinite(-mode_matrix(sp.expand(change), flow, eigenvalue), lower)
    stated = formula if formula is not None else sp.Le(sp.expand(change), 0, evaluate=False)
    return Step(title, stated, Kind.COMPUTED, decision, rate=rate)


def show_energy_positive(
    title: str,
    larger: sp.Expr,
    smaller: sp.Expr,
    flow: Flow,
    *,
    eigenvalue: sp.Symbol,
    lower: Mapping[sp.Symbol, sp.Expr],
) -> Step:
    """Decide `smaller <= larger` between quadratic forms of the errors, for every dimension, mode by mode."""
    decision = decide_positive_semidefinite(mode_matrix(sp.expand(larger - smaller), flow, eigenvalue), lower)
    return Step(title, sp.Le(smaller, larger, evaluate=False), Kind.COMPUTED, decision)


def best_rate_polynomial(energy: sp.Expr, flow: Flow, rate: sp.Symbol, eigenvalue: sp.Symbol) -> sp.Expr:
    """Return det of the mode matrix of -(V' + rate V): the best rate of this V is its smallest positive root."""
    change = flow.frozen_dynamics(KERNEL).derivative(energy) + rate * energy
    return sp.factor((-mode_matrix(sp.expand(change), flow, eigenvalue)).det())
