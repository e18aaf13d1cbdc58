r"""Softmax as an activation of (4), "applied point-wise". Refuted: an entry depends on the other entries.

Assumptions
-----------
sigma acts entry by entry, as in (4): sigma(z)_1 depends on z_1 alone.

Source
------
"Gradient Confusion" (2020), section 4: "activation functions such as sigmoid, tanh, softmax and ReLU".

Idea of the refutation
----------------------
softmax(0, 0)_1 = 1/2 and softmax(0, log 3)_1 = 1/4, with the same first entry 0.

Deviations from the paper
-------------------------
Its bounds hold, but (4), (7) and the recursion for g_p do not cover it. What they cover: `gradient_inner_product`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

HERE = sp.Symbol("softmax(z_1, z_2)_1", positive=True)
THERE = sp.Symbol("softmax(z_1, z_2')_1", positive=True)
FIRST, SECOND, OTHER = sp.symbols("z_1 z_2 z_2'", real=True)


def first_entry(factor: sp.Expr) -> Claim:
    """Return the claim that the first entry after softmax is `factor` times that for another second entry."""
    return Claim(
        "Softmax is applied point-wise: its first entry depends on the first entry alone.",
        equate(HERE, factor * THERE),
        ("any z_1, z_2, z_2'",),
        {HERE: "first entry of softmax", THERE: "the same with another second entry"},
    )


CLAIM = first_entry(sp.Integer(1))
CORRECTED = first_entry((sp.exp(FIRST) + sp.exp(OTHER)) / (sp.exp(FIRST) + sp.exp(SECOND)))


def counterexample(claim: Claim) -> Derivation:
    """Take z = (0, 0) and (0, log 3)."""
    entry = sp.exp(FIRST) / (sp.exp(FIRST) + sp.exp(SECOND))
    here, there = entry.subs({FIRST: 0, SECOND: 0}), entry.subs({FIRST: 0, SECOND: sp.log(3)})
    at = {HERE: here, THERE: there, FIRST: sp.Integer(0), SECOND: sp.Integer(0), OTHER: sp.log(3)}
    return Derivation(
        (
            define("softmax(z)_1 = e^{z_1}/(e^{z_1} + e^{z_2})"),
            show_equal("at (0, 0)", here, sp.Rational(1, 2), name="value at (0, 0)"),
            show_equal("at (0, log 3)", there, sp.Rational(1, 4), name="value at (0, log 3)"),
            show_violated("z_1 is the same", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("up to a factor 3/2", {"claim": first_entry(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="softmax_pointwise_printed",
    source=Source(PAPER, "(4), activations", "softmax is not an activation of (4)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("activation_bounds",),
)
