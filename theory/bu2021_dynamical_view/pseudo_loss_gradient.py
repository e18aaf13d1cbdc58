r"""Section 2: gradient flow on the weights is gradient flow of the pseudo-loss on the errors, with H held fixed.

Assumptions
-----------
Delta' = -H Delta with H symmetric; Lhat = <H Delta, Delta>/2 is differentiated in Delta only, H being held fixed.

Source
------
Bu, Xu and Chen (2021), section 2: dDelta/dt = -dLhat/dDelta.

Idea of the proof
-----------------
The gradient g of Lhat is the vector with <g, v> = d/ds Lhat(Delta + s v) at s = 0 for every v. With H fixed and
symmetric that derivative is <v, H Delta>, which is -<Delta', v>.

Deviations from the paper
-------------------------
H depends on the weights, and Delta changes only when they do. As a total derivative along a motion that moves H at the
speed H', the formula lacks <Delta, H' Delta>/2 and is false (first twin). It also needs the factor 1/2 and the symmetry
of H (the other two).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.modal import frozen_kernel_flow
from odeflow.panels import against_claim
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_with
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.inner_products import Base, Dynamics, Operator, Vector, evaluate_at, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import DELTA, ERROR, KERNEL, PAPER, PSEUDO_LOSS_FORM, VELOCITY

DIRECTION = Vector.base("v")
LINE = sp.Symbol("s", real=True)
STEP = 1e-4
TRUNCATION = 1e-5
"""STEP^2 |H|^3 |Delta| / 6 with |H| <= 6 and |Delta| <= 5 is below 2e-6; rounding adds 1e-11."""


def descends(loss: sp.Expr) -> Claim:
    """Return the claim <Delta', v> = -(derivative of `loss` along Delta + s v at s = 0), which is computed here."""
    slope = Dynamics({DELTA: (1, DIRECTION)}, LINE).derivative(loss)
    return Claim(
        "With H held fixed Delta' = -H Delta is the gradient flow of Lhat = <H Delta, Delta>/2.",
        equate(inner(VELOCITY, DIRECTION), -slope),
        ("Delta' = -H Delta with H symmetric", "H is held fixed in the derivative", "for every direction v"),
        {sp.Symbol("v"): "any direction", sp.Symbol("Delta"): "prediction error f - y"},
    )


CLAIM = descends(PSEUDO_LOSS_FORM)


def derive(claim: Claim, kernel: Operator = KERNEL) -> Derivation:
    """Put Delta' = -H Delta into the claim; both sides are then the same inner product."""
    velocity = gradient_flow().frozen_dynamics(kernel).rules[DELTA][1]
    return Derivation(
        (
            assume("Delta' = -H Delta with H symmetric"),
            define("the gradient g of Lhat has <g, v> = d/ds Lhat(Delta + s v) at s = 0, for every v"),
            show_with("put Delta' in", claim.formula, {inner(VELOCITY, DIRECTION): inner(velocity, DIRECTION)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the slope of frozen-kernel errors in closed form with the slopes of Lhat, both by central differences."""
    rng = np.random.default_rng(seed)
    worst, time, count, pairs = 0.0, 0.3, 16, list[tuple[float, float]]()
    for _ in range(count):
        J = rng.standard_normal((5, 8))
        H, start = J @ J.T / 8.0, rng.standard_normal(5)
        errors = frozen_kernel_flow(GradientFlow(), H, start, np.array([time - STEP, time, time + STEP])).errors
        slope = (errors[2] - errors[0]) / (2.0 * STEP)
        v = rng.standard_normal(5)
        # the claim is linear in <v, H Delta>: Lhat's slope along v by differences, exact for a quadratic
        lhat = [0.5 * (errors[1] + s * v) @ H @ (errors[1] + s * v) for s in (1.0, -1.0)]
        factor = float(claim.formula.rhs.coeff(inner(DIRECTION, KERNEL @ ERROR)))
        pairs.append((factor * float(lhat[0] - lhat[1]) / 2.0, float(slope @ v)))
        worst = max(worst, float(abs(pairs[-1][1] - pairs[-1][0]) / np.linalg.norm(v)))
    return Evidence.measured(
        claim,
        f"slope of the errors departs from the descent of Lhat by {worst:.2g}",
        contradicted=worst > TRUNCATION,
        error_bar=f"{TRUNCATION:.2g} (central differences of step {STEP:.2g})",
        cases=count,
        seed=seed,
        detail=f"largest difference {worst:.3g}",
        picture=against_claim(*np.array(pairs).T, what="<Delta', v>", title="Delta' descends the pseudo-loss"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer symmetric H, integer Delta and v, and H', the speed of H along the line (unused where H is fixed)."""
    square = integer_matrices(3, 3).map(lambda A: A + A.T)
    return st.tuples(square, integer_matrices(3, 1), integer_matrices(3, 1), square)


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate both sides on integers, exactly; the right side once more as a difference of the quadratic Lhat."""
    H, error, v, moved = (sp.Matrix(part.tolist()) for part in case)
    bases = {Base(DELTA): error, Base(DELTA, 1): -H * error, Base("v"): v}
    operators = {"H": H, "H'": moved}
    slope = [((error + s * v).T * H * (error + s * v))[0, 0] / 2 for s in (1, -1)]
    claimed = evaluate_at(claim.formula.rhs, bases, operators)
    left = evaluate_at(claim.formula.lhs, bases, operators)
    return bool(left == claimed == -(slope[0] - slope[1]) / 2)


MOVING, ASYMMETRIC = Operator("H", symmetric=True, varying=True), Operator("H")
FALSE_TWINS = (
    FalseTwin("H moves with Delta", {"claim": descends(inner(ERROR, MOVING @ ERROR) / 2), "simulate": None}),
    FalseTwin("Lhat without its factor 1/2", {"claim": descends(2 * PSEUDO_LOSS_FORM)}),
    FalseTwin(
        "Lhat without its factor 1/2, in floats",
        {"claim": descends(2 * PSEUDO_LOSS_FORM), "derive": None, "domain": None, "holds": None},
    ),
    FalseTwin(
        "H not symmetric",
        {
            "claim": descends(inner(ERROR, ASYMMETRIC @ ERROR) / 2),
            "derive": partial(derive, kernel=ASYMMETRIC),
            "simulate": None,
            "domain": None,
            "holds": None,
        },
    ),
)

THEOREM = Theorem(
    name="pseudo_loss_gradient",
    source=Source(PAPER, "Section 2, dDelta/dt = -dLhat/dDelta", "with H held fixed in the derivative"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gradient_flow_error_dynamics",),
)
