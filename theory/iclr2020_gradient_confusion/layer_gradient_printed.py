r"""The proof of Lemma D.1: |grad_{W_p} g| <= 1 for every layer. Refuted by sigmoid, whose layers are never small.

Assumptions
-----------
Those of Lemma D.1: Assumption 1 (|W_p| <= 1), P1, P2, |x| <= 1.

Source
------
"Gradient Confusion" (2020), proof of Lemma D.1 ("since |grad_{W_p} g| <= 1"), and |H_p| <= 1 in that of Theorem 4.1.

Idea of the refutation
----------------------
Sigmoid with all weights 0: the hidden layer is 1/2 in each of its l entries, |H_0| = sqrt(l)/2, and
|grad_{W_1} g| = sigma'(0) |H_0| = sqrt(l)/8. For l = 400 it is 5/2.

Deviations from the paper
-------------------------
True when |sigma(z)| <= |z|: `output_gradient`. P1 bounds each entry of H_p, not its norm.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import LAYER

AT_ZERO = sp.Symbol("|sigma(0)|", nonnegative=True)
WIDTH = sp.Symbol("l", positive=True, integer=True)


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim |grad_{W_p} g| <= bound."""
    return Claim(
        "With small weights the output's gradient by the weights of one layer has norm at most 1.",
        sp.Le(LAYER, bound, evaluate=False),
        ("|x| <= 1, |W_p| <= 1", "P1 and P2"),
        {LAYER: "gradient by the weights of one layer"},
    )


CLAIM = at_most(sp.Integer(1))
CORRECTED = Claim(
    "If sigma(0) = 0, the output's gradient by the weights of one layer has norm at most 1.",
    sp.Implies(sp.Le(AT_ZERO, 0), sp.Le(LAYER, 1, evaluate=False), evaluate=False),
    CLAIM.assumptions,
    CLAIM.where,
)


def counterexample(claim: Claim) -> Derivation:
    """Put all weights to zero under a sigmoid of width 400."""
    z = sp.Symbol("z", real=True)
    logistic = 1 / (1 + sp.exp(-z))
    value, slope = logistic.subs(z, 0), sp.diff(logistic, z).subs(z, 0)
    layer = slope * value * sp.sqrt(WIDTH)
    return Derivation(
        (
            define("beta = 1, W_0 = 0, W_1 = 0 (norms 0 <= 1), sigma = sigmoid, any x"),
            show_equal("every hidden entry is 1/2", value, sp.Rational(1, 2), name="hidden entry"),
            show_equal("sigma'(0) = 1/4", slope, sp.Rational(1, 4), name="sigma'(0)"),
            show_equal(
                "|grad_{W_1} g| = sigma'(0) |H_0| = sqrt(l)/8", layer, sp.sqrt(WIDTH) / 8, name="|grad_{W_1} g|"
            ),
            show_violated("l = 400", claim.formula, {LAYER: layer.subs(WIDTH, 400), AT_ZERO: value}),
        )
    )


FALSE_TWINS = (FalseTwin("2", {"claim": at_most(sp.Integer(2))}),)

THEOREM = Theorem(
    name="layer_gradient_printed",
    source=Source(PAPER, "Lemma D.1, proof of part 2", "for sigmoid; corrected in output_gradient"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("output_gradient", "output_gradient_printed"),
)
