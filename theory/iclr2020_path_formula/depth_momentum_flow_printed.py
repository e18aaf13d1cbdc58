r"""Proposition 6.2 as stated, for the flow u' = eta H (y - u): cos(u_g', u_g) >= cos(u_f', u_f). Refuted.

Assumptions
-----------
Square loss; g = mu f, mu trained, mu = 1: the case that the paper says training stays close to.

Source
------
Path formula paper (ICLR 2020), Proposition 6.2, (17), read with the dynamics (6).

Idea of the refutation
----------------------
f = w_1 x_1 + w_2 x_2 on X = I: H(f) = I. At w = (1, 0) with targets (1/2, 1/2) the residual is r = (-1/2, 1/2) and
<u, r> = -1/2: the output has to shrink along u. cos_f = -1/sqrt(2), cos_g = -2/sqrt(5).

Deviations from the paper
-------------------------
The proof in Appendix F is about H u, not about u'; that statement is true (`depth_momentum`), and so is the version
with the sign of <u, y - u> (`depth_momentum_sign`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_value, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import depth_momentum_sign
from theory.iclr2020_path_formula._students import cosine, random_semidefinite, satisfied
from theory.iclr2020_path_formula.depth_momentum import COS_F, COS_G
from theory.iclr2020_path_formula.depth_momentum_sign import ALONG, claims_that
from theory.iclr2020_path_formula.notation import PAPER

DRAWS = 400


def for_the_flow(formula: sp.Basic) -> Claim:
    """Return a claim about both cosines for all targets."""
    true = claims_that(formula)
    return Claim(
        "Whatever the targets, the velocity of a deeper network's outputs points more into their direction.",
        formula,
        true.assumptions,
        true.where,
    )


CLAIM = for_the_flow(sp.Ge(COS_G, COS_F, evaluate=False))


def exact_cosine(a: sp.Matrix, b: sp.Matrix) -> sp.Expr:
    """Return the cosine of the angle between two exact vectors."""
    return sp.radsimp(a.dot(b) / sp.sqrt(a.dot(a) * b.dot(b)))


def counterexample(claim: Claim) -> Derivation:
    """Differentiate f and g = mu f on two samples and compare the cosines."""
    w1, w2, mu = sp.symbols("w_1 w_2 mu_", real=True)
    at = {w1: sp.S.One, w2: sp.S.Zero, mu: sp.S.One}
    f = sp.Matrix([w1, w2])
    g = mu * f
    J, K = (out.jacobian([w1, w2, mu]).xreplace(at) for out in (f, g))
    u, y = f.xreplace(at), sp.Matrix([sp.Rational(1, 2), sp.Rational(1, 2)])
    r = y - u
    cos_f, cos_g = exact_cosine(J * J.T * r, u), exact_cosine(K * K.T * r, u)
    return Derivation(
        (
            assume(
                "f = w_1 x_1 + w_2 x_2 on the samples (1, 0), (0, 1) at w = (1, 0); y = (1/2, 1/2); g = mu f, mu = 1"
            ),
            show_equal("<u, y - u>: the targets ask for less along u", u.dot(r), sp.Rational(-1, 2), name="<u, y - u>"),
            show_value("cos(u_f', u_f)", cos_f, -1 / sp.sqrt(2)),
            show_value("cos(u_g', u_g)", cos_g, -2 / sp.sqrt(5)),
            show_violated("there", claim.formula, {COS_G: cos_g, COS_F: cos_f, ALONG: u.dot(r)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw kernels, outputs and residuals: how often does the claim fail?"""
    rng = np.random.default_rng(seed)
    violations, pairs = 0, []
    for _ in range(DRAWS):
        size = int(rng.integers(2, 6))
        H, u, r = random_semidefinite(rng, size), rng.standard_normal(size), rng.standard_normal(size)
        values = {COS_F: cosine(H @ r, u), COS_G: cosine((H + np.outer(u, u)) @ r, u), ALONG: float(u @ r)}
        violations += not satisfied(claim.formula, values)
        pairs.append((values[COS_F], values[COS_G]))
    half = 1.96 * np.sqrt(0.25 / DRAWS)
    return Evidence.measured(
        claim,
        f"fails for {100 * violations / DRAWS:.0f} % of random residuals",
        contradicted=violations > 0,
        error_bar=f"{100 * half:.0f} % (95 % interval of the share)",
        cases=DRAWS,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="cosine of H r and u", title="For the flow, depth turns either way"
        ),
    )


FALSE_TWINS = (FalseTwin("cos_g >= 0", {"claim": for_the_flow(sp.Ge(COS_G, 0, evaluate=False))}),)

THEOREM = Theorem(
    name="depth_momentum_flow_printed",
    source=Source(PAPER, "Proposition 6.2, (17)", "as stated, for the flow; corrected in depth_momentum_sign"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=depth_momentum_sign.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_momentum_sign", "depth_momentum"),
)
