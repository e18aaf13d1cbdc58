r"""The proof of Lemma D.1(2): for the logistic loss |grad_x zeta| <= |grad_x g|. Refuted: the labels change with x too.

Assumptions
-----------
Those of Lemma D.1: logistic loss, labels C(x) with |C|, |grad C| <= 1.

Source
------
"Gradient Confusion" (2020), proof of Lemma D.1, part 2, logistic loss.

Idea of the refutation
----------------------
All weights 0, identity: g = 0 and grad g = 0, but zeta = -C/2 and grad zeta = -grad C/2.

Deviations from the paper
-------------------------
|grad_x zeta| <= 2 holds nevertheless: `residual_factor`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import residual_factor
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH
from theory.iclr2020_gradient_confusion.residual_factor import BY_INPUT, BY_WEIGHTS, ZETA

BY_ZETA, BY_OUTPUT = sp.symbols("|grad_x(zeta)| |grad_x(g)|", nonnegative=True)


def at_most(factor: sp.Expr) -> Claim:
    """Return the claim |grad_x zeta| <= factor |grad_x g|."""
    return Claim(
        "For the logistic loss the residual factor changes with x no faster than the output.",
        sp.Le(BY_ZETA, factor * BY_OUTPUT, evaluate=False),
        ("logistic loss", "|C|, |grad C| <= 1"),
        {BY_ZETA: "gradient of df/dg by x", BY_OUTPUT: "gradient of g by x"},
    )


CLAIM = at_most(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Put the weights to zero and let the label be x."""
    x, w0, w1 = sp.symbols("x w_0 w_1", real=True)
    output, label = 0 * x, x
    zeta = -label / (1 + sp.exp(label * output))
    weighted = -label / (1 + sp.exp(label * w1 * w0 * x))  # beta = 1, to be differentiated before the weights are 0
    slopes = [sp.diff(weighted, v).subs({w0: 0, w1: 0, x: 1}) for v in (x, w0, w1)]
    at = {
        BY_ZETA: sp.Abs(sp.diff(zeta, x)),
        BY_OUTPUT: sp.Abs(sp.diff(output, x)),
        ZETA: zeta.subs(x, 1) ** 2,
        BY_INPUT: slopes[0] ** 2,
        BY_WEIGHTS: slopes[1] ** 2 + slopes[2] ** 2,
        DEPTH: sp.Integer(1),
    }
    return Derivation(
        (
            define("d = 1, weights 0, identity: g = 0; C(x) = x; zeta = -C/(1 + e^{Cg})"),
            show_equal("zeta = -x/2", zeta, -x / 2, name="zeta"),
            show_violated("the label's slope counts", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("four times the output's", {"claim": at_most(sp.Integer(4))}),)

THEOREM = Theorem(
    name="logistic_label_gradient_printed",
    source=Source(PAPER, "Lemma D.1, part 2, proof", "the logistic step; corrected in residual_factor"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=residual_factor.CLAIM,
    twins=FALSE_TWINS,
    related=("residual_factor",),
)
