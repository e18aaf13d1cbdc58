r"""Equations 6 and 7: for L = |y - u|^2/2 the residual obeys d(y - u)/dt = -eta H (y - u).

Assumptions
-----------
L = |y - u|^2/2, gradient flow with learning rate eta; H = J J^T at the moment.

Source
------
Equations (6), (7), section 4.

Idea of the proof
-----------------
`prediction_dynamics` with grad_u L = -(y - u) = -r: u' = eta H r, and r' = -u'.

Deviations from the paper
-------------------------
The paper defines its loss as sum (y - u_i)^p; for p = 2 that is twice this loss and (6) lacks a factor 2, see
`residual_dynamics_printed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Base, Dynamics, Vector, evaluate_at, inner, norm2
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._path_algebra import difference_jacobian, float_pass
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.prediction_dynamics import ETA, JACOBIAN

RESIDUAL, PROBE = Vector.base("r"), Vector.base("v")
SPEED = sp.Symbol("<v, r'>", real=True)
SCALE = sp.Symbol("s", positive=True)
FORM = inner(PROBE, JACOBIAN @ (JACOBIAN.T @ RESIDUAL))


def residual_moves(factor: sp.Expr) -> Claim:
    """Return the claim <v, r'> = -factor eta <v, H r> for every v."""
    return Claim(
        "For L = |y - u|^2/2: d(y - u)/dt = -eta H (y - u).",
        equate(SPEED, -factor * ETA * FORM),
        ("L = |y - u|^2/2", "dw/dt = -eta dL/dw"),
        {
            SPEED: "component of r' = d(y - u)/dt along any fixed v",
            ETA: "learning rate",
            sp.Symbol("r"): "residual y - u",
            sp.Symbol("J"): "du_i/dw_r, H = J J'",
        },
    )


CLAIM = residual_moves(sp.Integer(1))


def speed(scale: sp.Expr) -> tuple[Derivation, sp.Expr]:
    """Derive <v, r'> for the loss scale |r|^2."""
    time = sp.Symbol("t", real=True)
    velocity = Vector.base("w", 1)
    moving = Dynamics({"r": (1, -(JACOBIAN @ velocity))}, time)
    gradient = -2 * scale * (JACOBIAN.T @ RESIDUAL)
    flow = -ETA * gradient
    moved = -(JACOBIAN @ flow)
    steps = (
        assume(f"L = {scale} |r|^2 with r = y - u, so r' = -J w'"),
        show_equal(
            "for every velocity dL/dt = <dL/dw, w'>, so dL/dw = -2 scale J' r",
            moving.derivative(scale * norm2(RESIDUAL)),
            inner(gradient, velocity),
            name="dL/dt",
        ),
        assume("gradient flow: w' = -eta dL/dw"),
        show_equal_vectors("r' = -J w'", moved, -2 * scale * ETA * (JACOBIAN @ (JACOBIAN.T @ RESIDUAL)), name="r'"),
    )
    return Derivation(steps), inner(PROBE, moved)


def derive(claim: Claim) -> Derivation:
    """Differentiate the loss with the factor 1/2, in symbolic dimension."""
    proof, moved = speed(sp.Rational(1, 2))
    return Derivation((*proof.steps, show_with("along any v", claim.formula, {SPEED: moved})))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Step the weights of a tanh network along gradient flow of |y - u|^2/2 and difference the residual."""
    rng = np.random.default_rng(seed)
    network = layered_network([2, 4, 1], hidden=Node.SMOOTH, bias=True)
    X, theta = rng.standard_normal((3, 2)), 0.7 * rng.standard_normal(len(network.parameters))
    y, eta, step = rng.standard_normal(3), 0.3, 1e-4
    J, error = difference_jacobian(network, X, theta)

    def residual(weights: np.ndarray) -> np.ndarray:
        return np.asarray(y - np.array(float_pass(network, X, weights).values[-1]))

    r = residual(theta)
    flow = eta * J.T @ r
    quotient = (residual(theta + step * flow) - residual(theta - step * flow)) / (2 * step)
    claimed = []
    for v in np.eye(3):
        bases = {Base("r"): sp.Matrix(r.tolist()), Base("v"): sp.Matrix(v.tolist())}
        right = evaluate_at(claim.formula.rhs, bases, {"J": sp.Matrix(J.tolist())}).xreplace({ETA: sp.Float(eta)})
        claimed.append(float(right))
    worst = float(np.abs(claimed - quotient).max())
    bar = 1e-5 * float(np.abs(quotient).max()) + 10 * error
    return Evidence.measured(
        claim,
        f"r' by differences departs from the claim by {worst:.2g}",
        contradicted=worst > bar,
        error_bar=f"{bar:.2g} (step of the difference quotient)",
        cases=3,
        seed=seed,
        picture=against_claim(claimed, quotient, what="r_i'", title="The residual moves as claimed"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer Jacobians (2 samples, 2 weights), residuals and directions."""
    return st.tuples(integer_matrices(2, 2), integer_matrices(2, 1), integer_matrices(2, 1))


def holds(claim: Claim, case: Any) -> bool:
    """Differentiate the residual of the linear model u = J w along its gradient flow, exactly."""
    J, r, v = (sp.Matrix(part.tolist()) for part in case)
    w = sp.Matrix(sp.symbols("w:2", real=True))
    residual = r - J * w  # y = r + J w at w = 0
    loss = (residual.T * residual)[0] / 2
    flow = sp.Matrix([-ETA * sp.diff(loss, weight) for weight in w])
    true = (v.T * residual.jacobian(w) * flow)[0].xreplace({weight: sp.Integer(0) for weight in w})
    claimed = evaluate_at(claim.formula.rhs, {Base("r"): r, Base("v"): v}, {"J": J})
    return bool(sp.expand(true - claimed) == 0)


FALSE_TWINS = (
    FalseTwin("a factor 2", {"claim": residual_moves(sp.Integer(2))}),
    FalseTwin("a factor 2, seen by numbers alone", {"claim": residual_moves(sp.Integer(2)), "derive": None}),
)

THEOREM = Theorem(
    name="residual_dynamics",
    source=Source(PAPER, "(6), (7)", "for the loss |y - u|^2/2"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("residual_dynamics_printed", "prediction_dynamics", "residual_bound"),
)
