r"""Equations 1 to 5: under gradient flow predictions move by du/dt = -eta H grad_u L, H = J J^T.

Assumptions
-----------
u differentiable in the weights, L differentiable in u; gradient flow dw/dt = -eta dL/dw with a constant eta.

Source
------
Equations (1) to (5), section 4.

Idea of the proof
-----------------
L changes by <grad_u L, J w'> for every velocity w' of the weights (1), so its gradient in the weights is J' grad_u L:
this is (3). Put into u' = J w' it gives -eta J J' grad_u L, (2) and (5); H = J J' is (4).

Deviations from the paper
-------------------------
(3) is damaged in the text we hold; it is read as dw_r/dt = -eta dL/dw_r = -eta sum_j dL/du_j du_j/dw_r. H = J J' is
symmetric and PSD, so dL/dt = -eta <grad_u L, H grad_u L> <= 0; its rank is at most the number of samples or of weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Base, Dynamics, Operator, Vector, evaluate_at, inner
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._path_algebra import difference_jacobian, float_pass
from theory.iclr2020_path_formula.notation import PAPER

ETA = sp.Symbol("eta", positive=True)
JACOBIAN, COST, PROBE = Operator("J"), Vector.base("c"), Vector.base("v")
SPEED, LOSS_RATE = sp.Symbol("<v, u'>", real=True), sp.Symbol("L'", real=True)
FLOW = -ETA * (JACOBIAN @ (JACOBIAN.T @ COST))


def moves_by(flow: Vector) -> Claim:
    """Return the claim <v, u'> = <v, flow> for every v, and dL/dt = <c, flow>."""
    return Claim(
        "du/dt = -eta H grad_u L with H = J J^T, so dL/dt = -eta <grad_u L, H grad_u L>.",
        sp.And(equate(SPEED, inner(PROBE, flow)), equate(LOSS_RATE, inner(COST, flow)), evaluate=False),
        ("dw/dt = -eta dL/dw", "u is differentiable in w, L in u"),
        {
            SPEED: "component of du/dt along any fixed v",
            LOSS_RATE: "dL/dt",
            ETA: "learning rate",
            sp.Symbol("c"): "grad_u L, one entry for each sample",
            sp.Symbol("J"): "du_i/dw_r",
        },
    )


CLAIM = moves_by(FLOW)


def derive(claim: Claim) -> Derivation:
    """Apply the chain rule twice, in symbolic dimension."""
    time, velocity = sp.Symbol("t", real=True), Vector.base("w", 1)
    moving = Dynamics({"u": (1, JACOBIAN @ velocity), "c": (1, Vector())}, time)
    first = moving.derivative(inner(COST, Vector.base("u")))
    gradient = JACOBIAN.T @ COST
    flow = Dynamics({"w": (1, -ETA * gradient)}, time)
    moved = JACOBIAN @ flow.differentiate(Vector.base("w"))
    return Derivation(
        (
            assume("u' = J w' (J: the Jacobian at the moment), L changes by <grad_u L, u'>: c = grad_u L"),
            show_equal("(1), (3): for every velocity dL/dt = <c, J w'> = <J' c, w'>, so dL/dw = J' c", first,
                       inner(gradient, velocity), name="dL/dt"),
            assume("gradient flow: w' = -eta J' c"),
            show_equal_vectors("(2), (4), (5): u' = J w' = -eta J J' c", moved, FLOW, name="u'"),
            show_with(
                "along every v, and the loss changes by <c, u'>",
                claim.formula,
                {SPEED: inner(PROBE, moved), LOSS_RATE: inner(COST, moved)},
            ),
        )
    )  # fmt: skip


def claimed(claim: Claim, name: sp.Symbol) -> sp.Expr:
    """Return what the claim says of <v, u'> or of dL/dt."""
    return next(part.rhs for part in claim.formula.args if part.lhs == name)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take one small step of the weights of a tanh network down its loss; compare the changes of outputs and loss."""
    rng = np.random.default_rng(seed)
    network = layered_network([2, 4, 1], hidden=Node.SMOOTH, bias=True)
    X, theta = rng.standard_normal((3, 2)), 0.7 * rng.standard_normal(len(network.parameters))
    y, eta, step = rng.standard_normal(3), 0.3, 1e-4
    J, error = difference_jacobian(network, X, theta)

    def outputs(weights: np.ndarray) -> np.ndarray:
        return np.array(float_pass(network, X, weights).values[-1])

    cost = np.sinh(outputs(theta) - y)
    flow = -eta * J.T @ cost
    ahead, behind = outputs(theta + step * flow), outputs(theta - step * flow)
    moved = (ahead - behind) / (2 * step)
    fall = float(np.sum(np.cosh(ahead - y) - np.cosh(behind - y))) / (2 * step)

    def said(name: sp.Symbol, probe: np.ndarray) -> float:
        values = {Base("c"): sp.Matrix(cost.tolist()), Base("v"): sp.Matrix(probe.tolist())}
        right = evaluate_at(claimed(claim, name), values, {"J": sp.Matrix(J.tolist())})
        return float(right.xreplace({ETA: sp.Float(eta)}))

    pairs = [(said(LOSS_RATE, cost), fall), *((said(SPEED, v), float(v @ moved)) for v in np.eye(3))]
    gaps = [abs(claimed - seen) for claimed, seen in pairs]
    bar = 1e-5 * (abs(fall) + float(np.abs(moved).max())) + 10 * error
    return Evidence.measured(
        claim,
        f"dL/dt of L = sum cosh(u - y) by differences {fall:.4g}; u' and L' depart from the claim by {max(gaps):.2g}",
        contradicted=max(gaps) > bar,
        error_bar=f"{bar:.2g} (step of the difference quotient)",
        cases=len(gaps),
        seed=seed,
        picture=against_claim(*zip(*pairs, strict=True), what="u' and L'", title="Outputs and loss move as claimed"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer Jacobians (2 samples, 3 weights), integer c and v."""
    return st.tuples(integer_matrices(2, 3), integer_matrices(2, 1), integer_matrices(2, 1))


def holds(claim: Claim, case: Any) -> bool:
    """Move the weights of the linear model u = J w by -eta dL/dw for L = <c, u> and differentiate, exactly."""
    J, c, v = (sp.Matrix(part.tolist()) for part in case)
    w = sp.Matrix(sp.symbols("w:3", real=True))
    loss = (c.T * J * w)[0]
    moved = J * sp.Matrix([-ETA * sp.diff(loss, weight) for weight in w])
    true = {SPEED: (v.T * moved)[0], LOSS_RATE: (c.T * moved)[0]}
    values = {Base("c"): c, Base("v"): v}
    return all(sp.expand(t - evaluate_at(claimed(claim, name), values, {"J": J})) == 0 for name, t in true.items())


FALSE_TWINS = (
    FalseTwin("twice as fast", {"claim": moves_by(2 * FLOW)}),
    FalseTwin("without eta, seen by numbers alone", {"claim": moves_by(FLOW / ETA), "derive": None}),
)  # fmt: skip

THEOREM = Theorem(
    name="prediction_dynamics",
    source=Source(PAPER, "(1)-(5)", "(3) read with dw_r/dt = -eta dL/dw_r"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("residual_dynamics", "residual_dynamics_printed", "gram_matrix"),
)
