r"""Equations 6 and 7 with the loss that section 3 defines, sum (y - u_i)^2: off by a factor 2.

Assumptions
-----------
Section 3: "l_p loss is defined as sum (y - u_i)^p for even integers p >= 2"; (6) is for p = 2.

Source
------
Equations (6), (7), with the loss of section 3.

Idea of the refutation
----------------------
One sample, u = w, y = 1, w = 0: L = (1 - w)^2, dL/dw = -2, so w' = 2 eta and r' = -2 eta. H = 1 and r = 1: (7) says
r' = -eta.

Deviations from the paper
-------------------------
Corrected in `residual_dynamics` by the usual factor 1/2 of the loss. The paper says "up to a constant" of other p.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_violated
from odeflow.symbolic.inner_products import Base, evaluate_at
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.prediction_dynamics import ETA
from theory.iclr2020_path_formula.residual_dynamics import FORM, SPEED, residual_moves


def printed(factor: sp.Expr) -> Claim:
    """Return a claim about r' for L = sum (y - u_i)^2."""
    claim = residual_moves(factor)
    return Claim(
        "For L = sum (y_i - u_i)^2: d(y - u)/dt = -eta H (y - u).",
        claim.formula,
        ("L = sum (y_i - u_i)^2", "dw/dt = -eta dL/dw"),
        claim.where,
    )


CLAIM = printed(sp.Integer(1))
CORRECTED = printed(sp.Integer(2))


def counterexample(claim: Claim) -> Derivation:
    """One weight, one sample: u = w, y = 1, at w = 0 with eta = 1."""
    w = sp.Symbol("w", real=True)
    residual = 1 - w
    slope = sp.diff(residual**2, w)
    moved = sp.diff(residual, w) * (-ETA * slope)
    start = {w: sp.Integer(0), ETA: sp.Integer(1)}
    form = evaluate_at(FORM, {Base("r"): sp.Matrix([1]), Base("v"): sp.Matrix([1])}, {"J": sp.Matrix([sp.diff(w, w)])})
    return Derivation(
        (
            define("u = w, y = 1, r = 1 - w, L = r^2, H = (du/dw)^2"),
            show_equal("r' = (dr/dw)(-eta dL/dw)", moved, -2 * ETA * residual),
            show_violated(
                "at w = 0, eta = v = 1", claim.formula, {SPEED: moved.xreplace(start), ETA: sp.Integer(1), FORM: form}
            ),
        )
    )


FALSE_TWINS = (FalseTwin("half of the printed speed", {"claim": printed(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="residual_dynamics_printed",
    source=Source(PAPER, "(6), (7)", "with section 3's loss; corrected in residual_dynamics"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("residual_dynamics",),
)
