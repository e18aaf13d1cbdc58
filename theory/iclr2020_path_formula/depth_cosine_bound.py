r"""Equations (44)-(47): cos_g >= (A + B)/(C + B) >= A/C = cos_f with A = mu^2 <H u, u>, B = |u|^4, C = mu^2 |H u| |u|.

Assumptions
-----------
As in Proposition 6.2, with H(f) positive semidefinite: then A >= 0.

Source
------
Path formula paper (ICLR 2020), Appendix F, equations (44) to (47).

Idea of the proof
-----------------
(45): the triangle inequality in the denominator; it preserves the direction because the numerator is >= 0. (46), (47):
C (A + B) - A (C + B) = B (C - A) and A <= C is Cauchy and Schwarz.

Deviations from the paper
-------------------------
That A >= 0 is needed in (45) is said; the paper does not mention it. `depth_momentum` does without.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_with
from odeflow.symbolic.inner_products import inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import depth_momentum
from theory.iclr2020_path_formula._students import IntegerStudent, cosine, satisfied
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT, SCALE
from theory.iclr2020_path_formula.appended_scalar_product import FORM, SQUARE, applied_to
from theory.iclr2020_path_formula.depth_momentum import COS_G
from theory.iclr2020_path_formula.notation import PAPER

A = sp.Symbol("A", nonnegative=True)
B, C = sp.symbols("B C", positive=True)


def bounded_by(middle: sp.Expr) -> Claim:
    """Return the claim cos_g >= middle >= A/C."""
    return Claim(
        "cos_g >= (A + B)/(C + B) >= A/C = cos_f.",
        sp.And(sp.Ge(COS_G, middle, evaluate=False), sp.Ge(middle, A / C, evaluate=False), evaluate=False),
        ("H(f) >= 0", "mu, u, H(f) u != 0"),
        {COS_G: "cos(H(g) u_g, u_g)", A: "mu^2 <H u, u>", B: "|u|^4", C: "mu^2 |H u| |u|"},
    )


CLAIM = bounded_by((A + B) / (C + B))


def derive(claim: Claim) -> Derivation:
    """Follow the paper."""
    long = sp.Symbol("D", positive=True)
    slack = sp.Symbol("s", nonnegative=True)
    pushed = KERNEL @ OUTPUT
    grown = applied_to(SCALE * OUTPUT)
    steps = [
        assume("H >= 0: A = mu^2 <H u, u> >= 0"),
        show_equal(
            "(44): the numerator <H(g) u_g, u_g> is mu^2 (A + B)",
            inner(grown, SCALE * OUTPUT),
            SCALE**2 * (SCALE**2 * FORM + SQUARE**2),
        ),
        show_equal(
            "(44): the denominator |H(g) u_g| |mu u| is mu^2 D (both sides squared), D = |mu^2 H u + |u|^2 u| |u|",
            norm2(grown) * norm2(SCALE * OUTPUT),
            SCALE**4 * norm2(SCALE**2 * pushed + SQUARE * OUTPUT) * SQUARE,
        ),
        infer("triangle inequality: D <= C + B; write C + B = D + s with s >= 0"),
    ]
    above = [
        show_with("(45)", part, {COS_G: (A + B) / long, C: long + slack - B})
        for part in claim.formula.args
        if part.has(COS_G)
    ]
    below = [
        show_equal("C (A + B) - A (C + B)", C * (A + B) - A * (C + B), B * (C - A)),
        infer("Cauchy and Schwarz, (47): A <= C; write C = A + s with s >= 0"),
        *(show_with("(46)", part, {C: A + slack}) for part in claim.formula.args if not part.has(COS_G)),
    ]
    return Derivation((*steps, *above, *below, infer("both", claim.formula, from_=[*steps, *above, *below])))


def domain() -> st.SearchStrategy[Any]:
    """Integer students with H(f) u_f != 0."""
    return depth_momentum.domain()


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compute A, B, C and the cosine from exact Jacobians."""
    u = case.outputs(case.weights).astype(float)
    pushed, square = case.scale**2 * (case.kernel @ u), float(u @ u)
    values = {A: float(pushed @ u), B: square**2, C: float(np.sqrt((pushed @ pushed) * square))}
    return satisfied(claim.formula, {COS_G: cosine(case.scaled_kernel @ u, u), **values})


FALSE_TWINS = (
    FalseTwin("the numerator alone grows", {"claim": bounded_by((A + B) / C)}),
    FalseTwin("twice B in the numerator", {"claim": bounded_by((A + 2 * B) / (C + B))}),
)

THEOREM = Theorem(
    name="depth_cosine_bound",
    source=Source(PAPER, "(44)-(47)", "with the hypothesis A >= 0 of (45) stated"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum", "depth_momentum_equality"),
)
