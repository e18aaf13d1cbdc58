r"""Lemma D.1(1) as printed: |grad_W g(x)| <= 1 when |x| <= 1. Refuted by a chain of identities.

Assumptions
-----------
Those of Lemma D.1: Assumption 1 (|W_p| <= 1), P1, P2, |x| <= 1.

Source
------
"Gradient Confusion" (2020), Lemma D.1, part 1.

Idea of the refutation
----------------------
g(x) = w_3 w_2 w_1 w_0 x at all weights 1 and x = 1: each of the four derivatives is 1, the norm is 2.

Deviations from the paper
-------------------------
In general sqrt(beta + 1): `output_gradient`. Layer by layer the bound also fails, for sigmoid:
`layer_gradient_printed`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import output_gradient
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH, LAYER, WHOLE


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim |grad_W g| <= bound."""
    return Claim(
        "With small weights the output's gradient by all weights has norm at most 1.",
        sp.Le(WHOLE, bound, evaluate=False),
        ("|x| <= 1, |W_p| <= 1", "P1 and P2"),
        {WHOLE: "gradient by all weights", DEPTH: "depth"},
    )


CLAIM = at_most(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Differentiate a product of four weights."""
    weights, x = sp.symbols("w_0:4", real=True), sp.Symbol("x", real=True)
    output = sp.prod(weights) * x
    ones = {**dict.fromkeys(weights, 1), x: 1}
    derivatives = [sp.diff(output, w).subs(ones) for w in weights]
    whole = sp.sqrt(sum(d**2 for d in derivatives))
    at = {WHOLE: whole, LAYER: max(derivatives), DEPTH: sp.Integer(3)}
    return Derivation(
        (
            define("beta = 3, all widths 1, sigma = identity, w_p = 1, x = 1: all norms are 1, P1 and P2 hold"),
            *(show_value(f"dg/dw_{p}", d, sp.Integer(1)) for p, d in enumerate(derivatives)),
            show_violated("the norm is 2", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("3/2", {"claim": at_most(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="output_gradient_printed",
    source=Source(PAPER, "Lemma D.1, part 1", "as printed; corrected in output_gradient"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=output_gradient.CLAIM,
    twins=FALSE_TWINS,
    related=("output_gradient", "layer_gradient_printed"),
)
