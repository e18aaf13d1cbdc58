r"""Equations 3.3 -> 3.7 with a frozen kernel: heavy ball on the weights is heavy ball on the errors.

Assumptions
-----------
Square loss; the Jacobian J of the predictions does not move (a network linear in its weights, or a ReLU network between
two activation flips); theta'' + b theta' + grad L = 0.

Source
------
Bu, Xu and Chen (2021), section 3.1, equations (3.3)-(3.7).

Idea of the proof
-----------------
Chain rule: grad L = J^T Delta and Delta' = J theta'. With J constant Delta'' = J theta'' = -b Delta' - J J^T Delta, for
every number of samples and of weights.

Deviations from the paper
-------------------------
The paper claims (3.7) almost surely for a network of finite width. There J jumps at every activation flip, and the
term J' theta' that this page assumes away is an impulse (world N, not claimed here). The second twin keeps that term.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import error_equation_evidence
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, equate
from odeflow.symbolic.error_dynamics import derive_error_dynamics, error_equation
from odeflow.symbolic.flows import Flow, heavy_ball
from odeflow.symbolic.inner_products import Base, evaluate_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import DELTA, PAPER

DAMPING = sp.Symbol("b", positive=True)
FLOW = heavy_ball(DAMPING)


def obeys(equation: sp.Equality) -> Claim:
    """Return the claim that the errors obey `equation`."""
    return Claim(
        "With a frozen Jacobian the errors of heavy ball obey heavy ball with the kernel H = J J^T.",
        equation,
        ("square loss", "J does not move", "theta'' + b theta' + grad L = 0"),
        {DAMPING: "damping, 1/time", sp.Symbol("Delta"): "prediction error f - y", sp.Symbol("H"): "kernel J J^T"},
    )


CLAIM = obeys(error_equation(FLOW))


def derive(claim: Claim) -> Derivation:
    """Derive the error dynamics by the chain rule in symbolic dimension."""
    return derive_error_dynamics(FLOW)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate the weights of a linear network and compare its errors with the claimed equation."""
    return error_equation_evidence(claim, FLOW, values={DAMPING: 0.7}, seed=seed)


def domain(samples: int = 2, weights: int = 4) -> st.SearchStrategy[Any]:
    """Integer J, errors and weight velocities; the damping is 3."""
    return st.tuples(
        integer_matrices(samples, weights), integer_matrices(samples, 1), integer_matrices(weights, 1), st.just(None)
    )


def moving_domain() -> st.SearchStrategy[Any]:
    """The same with a Jacobian that moves: J' is an integer matrix too."""
    return st.tuples(integer_matrices(2, 4), integer_matrices(2, 1), integer_matrices(4, 1), integer_matrices(2, 4))


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate the claim's equation on integers, exactly."""
    return residual_vanishes(claim, case, FLOW, {DAMPING: sp.Integer(3)})


def residual_vanishes(claim: Claim, case: Any, flow: Flow, values: dict[sp.Symbol, sp.Expr]) -> bool:
    """Put Delta' = J theta' and Delta'' = J theta'' + J' theta' into the claim's equation, in exact integers."""
    J, error, velocity = (sp.Matrix(part.tolist()) for part in case[:3])
    acceleration = -J.T * error - flow.coefficients[0].subs(values) * velocity
    second = J * acceleration
    if case[3] is not None:
        second += sp.Matrix(case[3].tolist()) * velocity
    bases = {Base(DELTA): error, Base(DELTA, 1): J * velocity, Base(DELTA, 2): second}
    equation = (claim.formula.lhs - claim.formula.rhs).subs(values)
    return bool(evaluate_at(equation, bases, {"H": J * J.T}) == sp.zeros(error.rows, 1))


def doubled(flow: Flow) -> sp.Equality:
    """Return the error equation with twice the damping."""
    return equate(error_equation(Flow("doubled", (2 * flow.coefficients[0],))).lhs, sp.Integer(0))


FALSE_TWINS = (
    FalseTwin("twice the damping on the errors", {"claim": obeys(doubled(FLOW))}),
    FalseTwin(
        "the Jacobian may move",
        {
            "derive": lambda claim: derive_error_dynamics(FLOW, constant_jacobian=False),
            "simulate": None,
            "domain": moving_domain,
        },
    ),
)

THEOREM = Theorem(
    name="heavy_ball_error_dynamics",
    source=Source(PAPER, "(3.3)-(3.7)", "in world K"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_error_dynamics", "gradient_flow_error_dynamics"),
)
