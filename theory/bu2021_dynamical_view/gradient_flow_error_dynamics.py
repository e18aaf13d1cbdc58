r"""Equations 2.2-2.4: gradient flow on the weights moves the errors by Delta' = -H(t) Delta.

Assumptions
-----------
Square loss; the predictions have a Jacobian J(theta) at the current weights; theta' = -grad L.

Source
------
Bu, Xu and Chen (2021), equations (2.2), (2.3), (2.4) and the definition H = sum_r (df/dw_r)(df/dw_r)^T.

Idea of the proof
-----------------
Chain rule, once: grad L = J^T Delta and Delta' = J theta' = -J J^T Delta, for every number of samples and weights. No
second derivative appears, so nothing is asked of how J changes: this one holds for the finite network.

Deviations from the paper
-------------------------
(2.2) lacks a transpose: w_r' = -(df/dw_r)^T (f - y). For a ReLU network the equation holds at almost every time; on
an activation boundary w_r.x_i = 0 the flow may slide, and H is then a mixture of the kernels of both sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import random_network
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.kernels import relu_ntk
from odeflow.numeric.relu_flow import relu_flow, relu_predictions
from odeflow.panels import by_case
from odeflow.strategies import NetworkCase, integer_matrices
from odeflow.symbolic.derivations import Derivation, equate, show_with
from odeflow.symbolic.error_dynamics import derive_error_dynamics
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.inner_products import Base, Operator, evaluate_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import DELTA, ERROR, KERNEL, PAPER, VELOCITY

NEAREST = 1e-6
"""Weights with a pre-activation closer to 0 are skipped: a neuron there is flipping, sliding or has just died."""
SHARP = 1e-3
"""A comparison whose rounding error is larger says nothing."""
KERNEL_ERROR = (KERNEL @ ERROR).as_expr()


def moves_by(factor: int) -> Claim:
    """Return the claim Delta' = factor H Delta."""
    return Claim(
        "Gradient flow on the weights of any network moves its errors by Delta' = -H Delta.",
        equate(VELOCITY.as_expr(), factor * KERNEL_ERROR),
        ("square loss", "the predictions are differentiable at the current weights", "theta' = -grad L"),
        {sp.Symbol("Delta"): "prediction error f - y", sp.Symbol("H"): "kernel J J^T at the current weights"},
    )


CLAIM = moves_by(-1)


def derive(claim: Claim) -> Derivation:
    """Derive J theta' by the chain rule and put it, and H = J J^T, into the claim."""
    proof = derive_error_dynamics(gradient_flow(), constant_jacobian=False)
    jacobian = Operator("J", varying=True)
    product = (jacobian @ (jacobian.T @ ERROR)).as_expr()
    values = {VELOCITY.as_expr(): -product, KERNEL_ERROR: product}
    final = show_with("H = J J^T and Delta' = J theta'", claim.formula, values)
    return Derivation((*proof.steps, final))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train real ReLU networks and compare the slope of their predictions with the claim, between activation flips."""
    rng = np.random.default_rng(seed)
    gaps = []
    for width in (16, 64, 256):
        case = random_network(6, 4, width, seed=rng)
        for time in (0.0, 0.1, 0.3, 1.0):
            W = case.W if time == 0.0 else relu_flow(case.X, case.y, case.W, case.a, GradientFlow(), [time]).weights
            if np.abs(W @ case.X.T).min() > NEAREST:
                gaps.append(slope_gap(claim, case, W))
    worst, bar = np.max(gaps, axis=0)
    failed, sharp = worst > bar, bar < SHARP
    return Evidence.measured(
        claim,
        f"slope of the predictions differs from the claim by {worst:.2g} of |H Delta|",
        contradicted=True if failed else False if sharp else None,
        error_bar=f"{bar:.2g} (rounding of the difference quotient)",
        cases=len(gaps),
        seed=seed,
        detail=f"largest difference {worst:.3g} of |H Delta|",
        picture=by_case(
            [gap for gap, _ in gaps],
            float(bar),
            title="Predictions move with the claimed slope",
            ylabel="|slope - claimed| / |H Delta|",
            yscale="log",
            limit_label="rounding of the quotients",
        ),
    )


def slope_gap(claim: Claim, case: NetworkCase, W: np.ndarray) -> tuple[float, float]:
    """Return |f' - claimed f'| at weights W, and its rounding error, as fractions of |H Delta|.

    The weights step along -grad L by half of the time to the next flip either way, so f is linear on the step and the
    quotient has no error but rounding.
    """
    pre = W @ case.X.T
    error = relu_predictions(case.X, W, case.a) - case.y
    descent = -((pre > 0.0) * case.a[:, None] * error) @ case.X / np.sqrt(case.a.size)
    with np.errstate(divide="ignore"):
        step = 0.5 * float(np.min(np.abs(pre) / np.abs(descent @ case.X.T)))
    ahead, behind = (relu_predictions(case.X, W + s * descent, case.a) for s in (step, -step))
    slope = (ahead - behind) / (2.0 * step)
    kernel_error = relu_ntk(case.X, W) @ error
    gap = np.abs(slope - float(claim.formula.rhs.coeff(KERNEL_ERROR)) * kernel_error).max()
    terms = 2.0 * np.abs(pre).sum(axis=0).max() / np.sqrt(case.a.size)
    scale = float(np.abs(kernel_error).max())
    return float(gap) / scale, float(4.0 * case.X.shape[1] * 2.0**-52 * terms / step) / scale


def domain() -> st.SearchStrategy[Any]:
    """Integer Jacobians with 1-3 samples and 1-4 weights, and integer errors."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 4))
    return sizes.flatmap(lambda s: st.tuples(integer_matrices(s[0], s[1]), integer_matrices(s[0], 1)))


def holds(claim: Claim, case: Any) -> bool:
    """Move integer weights by -grad L = -sum_i Delta_i J_i and compare J theta' with the claim, exactly."""
    J, error = (sp.Matrix(part.tolist()) for part in case)
    velocity = -sum((error[i] * J.row(i).T for i in range(J.rows)), sp.zeros(J.cols, 1))
    bases = {Base(DELTA): error, Base(DELTA, 1): J * velocity}
    gap = evaluate_at(claim.formula.lhs - claim.formula.rhs, bases, {"H": J * J.T})
    return bool(gap == sp.zeros(J.rows, 1))


FALSE_TWINS = (
    FalseTwin("twice the kernel", {"claim": moves_by(-2)}),
    FalseTwin("ascent instead of descent", {"claim": moves_by(1)}),
    FalseTwin(
        "twice the kernel, seen by the networks alone",
        {"claim": moves_by(-2), "derive": None, "domain": None, "holds": None},
    ),
)

THEOREM = Theorem(
    name="gradient_flow_error_dynamics",
    source=Source(PAPER, "(2.2)-(2.4)", "transpose in (2.2) added; at almost every time"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gram_kernel", "gradient_flow_rate", "heavy_ball_error_dynamics"),
)
