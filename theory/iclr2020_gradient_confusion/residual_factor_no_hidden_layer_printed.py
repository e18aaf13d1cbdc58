r"""Lemma D.1(2) as printed: zeta_0 <= 2 sqrt(beta) bounds |grad_x zeta|, also at beta = 0. Refuted there.

Assumptions
-----------
Those of Lemma D.1, with beta = 0: g(x) = sigma(W_0 x).

Source
------
"Gradient Confusion" (2020), Lemma D.1, part 2 ("we show that zeta_0 <= 2 sqrt(beta)").

Idea of the refutation
----------------------
beta = 0, identity, W_0 = 1, C = 0, square loss: zeta = x, its derivative is 1, and 2 sqrt(0) = 0.

Deviations from the paper
-------------------------
There are beta + 1 layers: `residual_factor`. For beta >= 1 the printed bound is covered by spare constants.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import residual_factor
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH
from theory.iclr2020_gradient_confusion.residual_factor import BY_INPUT, BY_WEIGHTS, ZETA


def square_at_most(bound: sp.Expr) -> Claim:
    """Return the claim |grad_x zeta|^2 <= bound."""
    return Claim(
        "The change of the residual factor with x is at most 2 sqrt(beta).",
        sp.Le(BY_INPUT, bound, evaluate=False),
        ("|x| <= 1, |W_p| <= 1, P1 and P2", "square or logistic loss"),
        {BY_INPUT: "square of the gradient of zeta by x", DEPTH: "depth"},
    )


CLAIM = square_at_most(4 * DEPTH)


def counterexample(claim: Claim) -> Derivation:
    """Take a net without hidden layer."""
    x, w, g = sp.symbols("x w g", real=True)
    zeta = sp.diff(g**2 / 2, g).subs(g, w * x)
    slope, by_weight = (sp.diff(zeta, v).subs({w: 1, x: 1}) for v in (x, w))
    at = {BY_INPUT: slope**2, BY_WEIGHTS: by_weight**2, ZETA: sp.Integer(1), DEPTH: sp.Integer(0)}
    return Derivation(
        (
            define("beta = 0, g = w x, w = 1, C = 0, f = g^2/2, so zeta = w x; x = 1"),
            show_equal("d zeta/dx = 1", slope, sp.Integer(1), name="d zeta/dx"),
            show_violated("beta = 0", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("8 sqrt(beta)", {"claim": square_at_most(64 * DEPTH)}),)

THEOREM = Theorem(
    name="residual_factor_no_hidden_layer_printed",
    source=Source(PAPER, "Lemma D.1, part 2", "at beta = 0; corrected in residual_factor"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=residual_factor.CLAIM,
    twins=FALSE_TWINS,
    related=("residual_factor",),
)
