r"""Section 4: under Assumption 1 gradient confusion increases with depth. Refuted: it may fall to nothing.

Assumptions
-----------
Assumption 1 (|W_p| <= 1), P1, P2, unit-sphere data, |C|, |grad C| <= 1.

Source
------
"Gradient Confusion" (2020), abstract, section 1 ("we prove gradient confusion increases as the network depth
increases") and the remark after Theorem 4.1.

Idea of the refutation
----------------------
A chain of identities with all weights 1/2 in dimension 1, C = 1: the samples 1 and -1 have
h = -((beta+1)/4^beta)(1 - 4^{-beta-1}): confusion 15/32 at beta = 1, 189/1024 at beta = 2, and so on to 0.

Deviations from the paper
-------------------------
What decreases with depth is the lower bound on a probability (`guarantee_weakens_with_depth`); that says nothing about
the confusion itself.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_less, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

SHALLOW, DEEP = sp.symbols("eta(beta) eta(beta+1)", nonnegative=True)


def grows(factor: sp.Expr) -> Claim:
    """Return the claim that one more layer leaves at least `factor` of the confusion."""
    return Claim(
        "Under small weights gradient confusion increases with the depth.",
        sp.Ge(DEEP, factor * SHALLOW, evaluate=False),
        ("|W_p| <= 1, P1 and P2", "unit-sphere data"),
        {SHALLOW: "confusion at depth beta", DEEP: "confusion at depth beta + 1, same kind of weights and data"},
    )


CLAIM = grows(sp.Integer(1))
CORRECTED = Claim(
    "What grows with the depth is a bound on the confusion: 4 (beta + 1) at depth beta.",
    sp.Le(DEEP, 4 * (DEPTH + 2), evaluate=False),
    ("|W_p| <= 1, sigma(0) = 0, |sigma'| <= 1 on [-1, 1]", "unit-sphere data, |C| <= 1, square or logistic loss"),
    {DEEP: "confusion at depth beta + 1", DEPTH: "depth"},
)


def chain_confusion(depth: int) -> sp.Expr:
    """Return -h for the samples 1 and -1 of the chain of weights 1/2 with label 1, from its derivatives."""
    weights, x = sp.symbols(f"w_0:{depth + 1}", real=True), sp.Symbol("x", real=True)
    loss = (sp.prod(weights) * x - 1) ** 2 / 2
    at = dict.fromkeys(weights, sp.Rational(1, 2))
    gradients = [[sp.diff(loss, w).subs({**at, x: place}) for w in weights] for place in (1, -1)]
    return -sum(a * b for a, b in zip(*gradients, strict=True))


def counterexample(claim: Claim) -> Derivation:
    """Compare depth 1 with depth 2."""
    shallow, deep = chain_confusion(1), chain_confusion(2)
    return Derivation(
        (
            define("d = 1, x = 1 and -1, sigma = identity, every weight 1/2, C = 1, square loss"),
            show_equal("beta = 1", shallow, sp.Rational(15, 32), name="confusion at beta = 1"),
            show_equal("beta = 2", deep, sp.Rational(189, 1024), name="confusion at beta = 2"),
            *(
                show_less(f"it keeps falling: beta = {depth}", chain_confusion(depth), chain_confusion(depth - 1))
                for depth in (3, 4)
            ),
            show_violated("one more layer", claim.formula, {SHALLOW: shallow, DEEP: deep, DEPTH: sp.Integer(1)}),
        )
    )


FALSE_TWINS = (FalseTwin("at least half of it is left", {"claim": grows(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="confusion_grows_with_depth_printed",
    source=Source(PAPER, "Section 4, effect of depth", "not proved by Theorem 4.1, and false under Assumption 1"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("guarantee_weakens_with_depth", "confusion_probability"),
)
