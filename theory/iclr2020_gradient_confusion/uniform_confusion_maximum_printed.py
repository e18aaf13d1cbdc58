r"""The proof of Corollary 4.1: if max_{ij} h_ij > -eta then the confusion bound eta holds. Refuted.

Assumptions
-----------
h_ij = <g_i, g_j> for i != j at one W.

Source
------
"Gradient Confusion" (2020), proof of Corollary 4.1 and (10): h^+(W) = max_{ij} h_W(x_i, x_j).

Idea of the refutation
----------------------
g_1 = g_2 = 1, g_3 = -2: the largest product is 1, the smallest is -2.

Deviations from the paper
-------------------------
With the minimum the Lipschitz argument is the same: `lipschitz_product`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

LEAST, LARGEST = sp.symbols("min(h_ij) max(h_ij)", real=True)


def follows(slack: sp.Expr) -> Claim:
    """Return the claim min h >= max h - slack."""
    return Claim(
        "What holds for the largest inner product of a pair holds for every pair.",
        sp.Ge(LEAST, LARGEST - slack, evaluate=False),
        ("h_ij = <g_i, g_j>, i != j",),
        {LEAST: "least inner product", LARGEST: "largest inner product"},
    )


CLAIM = follows(sp.Integer(0))
CORRECTED = Claim(
    "What holds for the least inner product of a pair holds for every pair.",
    sp.Ge(LARGEST, LEAST, evaluate=False),
    CLAIM.assumptions,
    CLAIM.where,
)


def counterexample(claim: Claim) -> Derivation:
    """Take three numbers as gradients."""
    g = [sp.Integer(1), sp.Integer(1), sp.Integer(-2)]
    products = [g[i] * g[j] for i in range(3) for j in range(i)]
    return Derivation(
        (
            define("g_1 = g_2 = 1, g_3 = -2 in one dimension"),
            show_value("the largest product", max(products), sp.Integer(1)),
            show_value("the least product", min(products), sp.Integer(-2)),
            show_violated("so", claim.formula, {LEAST: min(products), LARGEST: max(products)}),
        )
    )


FALSE_TWINS = (FalseTwin("up to 2", {"claim": follows(sp.Integer(2))}),)

THEOREM = Theorem(
    name="uniform_confusion_maximum_printed",
    source=Source(PAPER, "Corollary 4.1, proof, (10)", "the maximum must be the minimum"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("lipschitz_product", "uniform_confusion_printed"),
)
