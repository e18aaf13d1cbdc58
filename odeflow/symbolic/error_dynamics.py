"""Weights -> predictions -> errors, by the chain rule, with the assumptions it used.

A network has predictions f(theta) in R^n, weights theta in R^P, Jacobian J = df/dtheta. For the square loss
L = |Delta|^2/2 with Delta = f - y, a flow of order k on the weights moves the errors by

    Delta^(k) + sum_j c_j Delta^(j) + J J^T Delta = (terms in which J is differentiated),

for every n and P. The right-hand side vanishes while J does not change: for a ReLU network, between activation flips.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import (
    Derivation,
    Kind,
    Step,
    assume,
    define,
    equate,
    infer,
    show_equal,
    show_equal_vectors,
    show_with,
)
from odeflow.symbolic.flows import TIME, Flow
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, inner, norm2

__all__ = [
    "BOTH_ACTIVE",
    "GRAM_ENTRY",
    "WIDTH",
    "derive_error_dynamics",
    "derive_gram_kernel",
    "derive_gram_semidefinite",
    "error_equation",
    "gram_entry",
    "relu_jacobian_row",
]

KERNEL = Operator("H", symmetric=True)
WIDTH = sp.Symbol("m", positive=True, integer=True)
GRAM_ENTRY = sp.Symbol("H_ij", real=True)
BOTH_ACTIVE = sp.Symbol("N_ij", nonnegative=True, integer=True)


def error_equation(flow: Flow, kernel: Operator = KERNEL) -> sp.Equality:
    """Return the error dynamics of `flow` as an equation between vectors, `Delta^(k) + ... + H Delta = 0`."""
    total = Vector.base("Delta", flow.order) + kernel @ Vector.base("Delta")
    for j, c in enumerate(flow.coefficients, start=1):
        total = total + c * Vector.base("Delta", j)
    return equate(total.as_expr(), sp.Integer(0))


def derive_error_dynamics(flow: Flow, *, constant_jacobian: bool = True) -> Derivation:
    """Derive the error dynamics of a network from the weight dynamics of `flow`, in symbolic dimension.

    Parameters
    ----------
    flow : the ODE of the weights
    constant_jacobian : assume that J does not move (needed from order 2 on). Without it the terms in J' stay, and the
        last step fails, naming them.

    Returns
    -------
    Derivation
        Concludes `error_equation(flow)` with H = J J^T.

    Examples
    --------
    >>> import sympy as sp
    >>> from odeflow.symbolic.flows import heavy_ball
    >>> proof = derive_error_dynamics(heavy_ball(sp.Symbol("b", positive=True)))
    >>> proof.conclusion
    Eq(b*Delta' + Delta'' + H Delta, 0)
    >>> proof.broken is None
    True
    """
    jacobian = Operator("J", varying=not constant_jacobian)
    error = Vector.base("Delta")
    weights = [Vector.base("theta", j) for j in range(flow.order + 1)]
    gradient = jacobian.T @ error
    steps = [
        assume("square loss L = |Delta|^2/2 with Delta = f(theta) - y"),
        define("J is the Jacobian of the predictions, so Delta' = J theta' (chain rule)"),
    ]
    chain_rule = Dynamics({"Delta": (1, jacobian @ weights[1])}, TIME)
    steps.append(
        show_equal(
            "the loss changes by <J^T Delta, theta'> for every velocity, so grad L = J^T Delta",
            chain_rule.derivative(norm2(error) / 2),
            inner(gradient, weights[1]),
            name="(|Delta|^2/2)'",
        )
    )
    top = flow.top_derivative(weights[1:-1], gradient)
    steps.append(
        define(f"weight dynamics of {flow.name}", equate(weights[flow.order].as_expr(), top.as_expr())),
    )
    if constant_jacobian and flow.order > 1:
        steps.append(assume("J does not change: the frozen kernel, or a ReLU network between two activation flips"))
    # Delta^(j) = d^(j-1)/dt^(j-1) of J theta', with theta^(k) replaced by the weight dynamics
    moving = Dynamics({"theta": (flow.order, top), "Delta": (1, jacobian @ weights[1])}, TIME)
    first = jacobian @ (weights[1] if flow.order > 1 else top)
    derivatives = [error, first]
    for _ in range(flow.order - 1):
        derivatives.append(moving.differentiate(derivatives[-1]))
    kernel_error = jacobian @ (jacobian.T @ error)
    expected = -kernel_error
    for j, c in enumerate(flow.coefficients, start=1):
        expected = expected - c * derivatives[j]
    if constant_jacobian or flow.order == 1:
        steps += [
            show_equal_vectors(
                f"Delta^({j}) = J theta^({j})", derivatives[j], jacobian @ weights[j], name=f"Delta^({j})"
            )
            for j in range(1, flow.order)
        ]
    steps.append(
        show_equal_vectors(
            f"J times the weight dynamics gives Delta^({flow.order})",
            derivatives[-1],
            expected,
            name=f"Delta^({flow.order})",
        )
    )
    steps.append(infer("write H = J J^T", error_equation(flow), from_=steps))
    return Derivation(tuple(steps))


def relu_jacobian_row(sample: str, neuron: str = "r") -> tuple[Vector, sp.Symbol, sp.Symbol, sp.Symbol]:
    """Return the gradient of f(x_i) in w_r for f = m^{-1/2} sum_r a_r relu(w_r.x), and its symbols (a_r, D_ri, m)."""
    sign, gate = sp.Symbol(f"a_{neuron}", real=True), sp.Symbol(f"D_{neuron}{sample}", real=True)
    return sign * gate / sp.sqrt(WIDTH) * Vector.base(f"x_{sample}"), sign, gate, WIDTH


def gram_entry() -> sp.Equality:
    """Return `H_ij = <x_i, x_j> N_ij / m`, N_ij the number of neurons that are active on both samples.

    Examples
    --------
    >>> gram_entry()
    Eq(H_ij, <x_i, x_j>*N_ij/m)
    """
    gram = inner(Vector.base("x_i"), Vector.base("x_j"))
    return equate(GRAM_ENTRY, gram * BOTH_ACTIVE / WIDTH)


def derive_gram_kernel(formula: sp.Basic | None = None) -> Derivation:
    """Derive the entries of the two-layer ReLU network's kernel, for all n, m, p and every activation pattern.

    Parameters
    ----------
    formula : relation between `GRAM_ENTRY`, `BOTH_ACTIVE`, `WIDTH` and <x_i, x_j> to be decided in the end (default:
        `gram_entry()`)

    Examples
    --------
    >>> derive_gram_kernel().broken is None
    True
    """
    row_i, sign, gate_i, width = relu_jacobian_row("i")
    row_j, _, gate_j, _ = relu_jacobian_row("j")
    gram = inner(Vector.base("x_i"), Vector.base("x_j"))
    claimed = formula if formula is not None else gram_entry()
    return Derivation(
        (
            assume("output signs a_r with a_r^2 = 1"),
            define("df_i/dw_r = a_r D_ri x_i / sqrt(m), with the gate D_ri in {0, 1}"),
            define("H_ij = sum_r <df_i/dw_r, df_j/dw_r>"),
            show_equal(
                "the summand of neuron r",
                inner(row_i, row_j).subs(sign**2, 1),
                gram * gate_i * gate_j / width,
                name="<J_ri, J_rj>",
            ),
            define("N_ij = sum_r D_ri D_rj counts the neurons that are active on both samples"),
            show_with("sum over r = 1..m", claimed, {GRAM_ENTRY: gram_entry().rhs}),
        )
    )


def derive_gram_semidefinite() -> Derivation:
    """Derive that H = sum_r J_r J_r^T is positive semidefinite, for all n, m, p and every network.

    Returns
    -------
    Derivation
        Concludes `<v, H v> >= 0`.

    Examples
    --------
    >>> derive_gram_semidefinite().conclusion
    <v, H v> >= 0
    """
    block, direction = Operator("J_r"), Vector.base("v")
    quadratic = inner(direction, block @ (block.T @ direction))
    square = norm2(block.T @ direction)
    nonnegative = Decision(
        Status.HOLDS if square.is_nonnegative else Status.UNDECIDED, "a squared norm", "for every n, m, p"
    )
    steps = (
        define("J = [J_1 ... J_m] with J_r = df/dw_r, so H = J J^T = sum_r J_r J_r^T"),
        show_equal("the summand of neuron r in <v, H v> is |J_r^T v|^2", quadratic, square, name="summand of neuron r"),
        Step(
            "a sum of squared norms is non-negative, so H is positive semidefinite",
            sp.Ge(inner(direction, KERNEL @ direction), 0, evaluate=False),
            Kind.COMPUTED,
            nonnegative,
        ),
    )
    return Derivation(steps)
