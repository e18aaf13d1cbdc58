r"""Proposition 6.2 for the flow at mu != 1, even where both outputs have to grow: no rule. Refuted.

Assumptions
-----------
Square loss with the same targets y for f and g = mu f; <u_f, y - u_f> > 0 and <u_g, y - u_g> > 0.

Source
------
Path formula paper (ICLR 2020), Proposition 6.2: "With u_g = mu u_f", any mu.

Idea of the refutation
----------------------
H(f) = diag(1, 100), u = (1, 1), y = (2, 101/100), mu = 1/2. H(f) maps the residual (1, 1/100) of f to (1, 1), parallel
to u: cos_f = 1. The residual (3/2, 51/100) of g is another one, and its large second entry meets the eigenvalue 100:
cos_g = 0.811.

Deviations from the paper
-------------------------
Reads the proposition with the hypothesis under which it is true at mu = 1 (`depth_momentum_sign`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_less, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import depth_momentum_sign
from theory.iclr2020_path_formula.appended_scalar_kernel import SCALE
from theory.iclr2020_path_formula.depth_momentum import COS_F, COS_G
from theory.iclr2020_path_formula.depth_momentum_flow_printed import exact_cosine
from theory.iclr2020_path_formula.depth_momentum_sign import ALONG
from theory.iclr2020_path_formula.notation import PAPER

AGREE_F, AGREE_G = sp.symbols("a_f a_g", real=True)


def whenever_both_agree(conclusion: sp.Basic) -> Claim:
    """Return the claim that <u_f, r_f> > 0 and <u_g, r_g> > 0 imply `conclusion`."""
    return Claim(
        "For any mu, if both outputs have to grow along themselves, the deeper network has the larger cosine.",
        sp.Implies(sp.And(AGREE_F > 0, AGREE_G > 0), conclusion, evaluate=False),
        ("du/dt = eta H (y - u)", "g = mu f, mu trained, the same targets"),
        {
            COS_G: "cos(du_g/dt, u_g)",
            COS_F: "cos(du_f/dt, u_f)",
            AGREE_F: "<u_f, y - u_f>",
            AGREE_G: "<u_g, y - u_g>",
            SCALE: "the scalar layer",
        },
    )


CLAIM = whenever_both_agree(sp.Ge(COS_G, COS_F, evaluate=False))
AT_ONE = Claim(
    "At mu = 1 the sign of <u, y - u> decides.",
    sp.Implies(sp.Eq(SCALE, 1), depth_momentum_sign.CLAIM.formula, evaluate=False),
    depth_momentum_sign.CLAIM.assumptions,
    depth_momentum_sign.CLAIM.where,
)


def counterexample(claim: Claim) -> Derivation:
    """Compute both velocities at H(f) = diag(1, 100), u = (1, 1), y = (2, 101/100), mu = 1/2."""
    H, u, y = sp.diag(1, 100), sp.Matrix([1, 1]), sp.Matrix([2, sp.Rational(101, 100)])
    mu = sp.Rational(1, 2)
    r_f, r_g = y - u, y - mu * u
    grown = mu**2 * H + u * u.T
    cos_f, cos_g = exact_cosine(H * r_f, u), exact_cosine(grown * r_g, u)
    agree_f, agree_g = u.dot(r_f), (mu * u).dot(r_g)
    J = sp.diag(1, 10)
    return Derivation(
        (
            assume("f = w_1 x_1 + w_2 x_2 on the samples (1, 0), (0, 10): H(f) = J J^T; w = (1, 1/10), so u = (1, 1)"),
            show_equal(
                "det(J J^T - H(f)) entry by entry",
                sum(e**2 for e in J * J.T - H),
                sp.S.Zero,
                name="sum of squared differences of the entries",
            ),
            show_less("<u_f, y - u_f> > 0", sp.Rational(1), agree_f),
            show_less("<u_g, y - u_g> > 0", sp.Rational(1), agree_g),
            show_equal("H(f) r_f is parallel to u: cos_f", cos_f, sp.S.One, name="cos_f"),
            show_less("cos_g is smaller", cos_g, sp.Rational(82, 100)),
            show_violated(
                "there",
                claim.formula,
                {COS_G: cos_g, COS_F: cos_f, AGREE_F: agree_f, AGREE_G: agree_g, SCALE: mu, ALONG: agree_f},
            ),
        )
    )


FALSE_TWINS = (
    FalseTwin("at least 9/10 of it", {"claim": whenever_both_agree(sp.Ge(COS_G, 9 * COS_F / 10, evaluate=False))}),
)

THEOREM = Theorem(
    name="depth_momentum_rescaled_printed",
    source=Source(PAPER, "Proposition 6.2, mu != 1", "as stated for any mu; true at mu = 1 (depth_momentum_sign)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=AT_ONE,
    twins=FALSE_TWINS,
    related=("depth_momentum_sign", "depth_momentum_flow_printed"),
)
