r"""Acceleration by depth, as it is true: at mu = 1 the loss falls faster by exactly eta <u, y - u>^2.

Assumptions
-----------
L = |y - u|^2/2, gradient flow with rate eta; g = mu f at mu = 1, mu trained. Every dimension.

Source
------
Corrects the path formula paper (ICLR 2020), sections 6.2 and 7 ("depth-induced momentum", an acceleration).

Idea of the proof
-----------------
dL/dt = -eta <r, H r>, and <r, H(g) r> = <r, H(f) r> + <u, r>^2.

Deviations from the paper
-------------------------
The paper argues with a cosine, which says nothing about the loss. This holds for the instant at which mu = 1; whether
the deeper network stays ahead is another question.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer, show_value, show_with
from odeflow.symbolic.inner_products import Dynamics, inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import appended_scalar_kernel
from theory.iclr2020_path_formula._students import IntegerStudent, claims, difference_jacobian, integer_students
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT
from theory.iclr2020_path_formula.depth_momentum_sign import ALONG, RESIDUAL
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "THEOREM"]

ETA = sp.Symbol("eta", positive=True)
FALL_F, FALL_G = sp.symbols("dL_f/dt dL_g/dt", real=True)


def falls_by(rate: sp.Expr) -> Claim:
    """Return the claim that dL_g/dt is `rate`."""
    return Claim(
        "At mu = 1 the loss of the deeper network falls faster by eta <u, y - u>^2.",
        equate(FALL_G, rate),
        ("L = |y - u|^2/2", "gradient flow, rate eta", "g = mu f, mu = 1"),
        {FALL_F: "dL/dt of f", FALL_G: "dL/dt of g", ALONG: "<u, y - u>", ETA: "learning rate"},
    )


CLAIM = falls_by(FALL_F - ETA * ALONG**2)


def derive(claim: Claim) -> Derivation:
    """Differentiate the loss along both flows."""
    time = sp.Symbol("t")
    kernel = appended_scalar_kernel
    falls = []
    for velocity in (KERNEL @ RESIDUAL, (KERNEL @ RESIDUAL) + ALONG * OUTPUT):
        flow = Dynamics({"r": (1, -ETA * velocity)}, time)
        falls.append(flow.derivative(norm2(RESIDUAL) / 2))
    return Derivation(
        (
            by("appended_scalar_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
            assume("r = y - u, dr/dt = -eta H r for f, -eta (H r + <u, r> u) for g at mu = 1"),
            show_value("dL_f/dt", falls[0], -ETA * inner(RESIDUAL, KERNEL @ RESIDUAL)),
            infer("mu = 1: u_g = u_f and both residuals are r"),
            show_with("the difference", claim.formula, {FALL_F: falls[0], FALL_G: falls[1]}),
        )
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer students with targets, at mu = 1."""
    return integer_students()


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compute dL/dt = -eta |grad L|^2 of both networks from exact gradients, eta = 1."""
    u = case.outputs(case.weights)
    r = case.targets - u
    plain = difference_jacobian(case.outputs, case.weights).T @ r
    deep = difference_jacobian(case.scaled_outputs, np.append(case.weights, 1)).T @ r
    return claims(claim, {FALL_F: -(plain @ plain), ALONG: u @ r, ETA: 1.0}, -int(deep @ deep))


FALSE_TWINS = (
    FalseTwin("half of it", {"claim": falls_by(FALL_F - ETA * ALONG**2 / 2)}),
    FalseTwin("by eta <u, y - u>", {"claim": falls_by(FALL_F - ETA * ALONG)}),
)

THEOREM = Theorem(
    name="appended_scalar_descent",
    source=Source(PAPER, "Section 6.2, acceleration", "the statement about the loss that is true"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum_sign", "appended_scalar_kernel", "appended_scalar_eigenvalues"),
)
