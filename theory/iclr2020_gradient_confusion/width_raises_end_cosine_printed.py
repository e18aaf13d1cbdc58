r"""Section 5 and Figure 6, cosines as printed: wider networks end with a higher smallest cosine. Refuted.

Assumptions
-----------
tanh networks of depth 3 and width 16 or 64, Glorot; softmax loss on clusters; SGD with mini-batches of 32, 150 steps,
learning rate 0.3.

Source
------
"Gradient Confusion" (2020), section 5, Appendix A.1 and Figure 6: "the consistent trend of gradient confusion
decreasing with increasing width", measured by the smallest cosine of mini-batch gradients at the end of training.

Idea of the refutation
----------------------
Networks that have fitted the data have small gradients that point in opposite directions, whatever their width: the
smallest cosine is near -0.8 in both.

Deviations from the paper
-------------------------
Made precise as: fourfold width raises the smallest cosine by at least 0.1. Refuted by measurement on small networks
that both fit their data; where the narrow one does not train at all, the trend can be there. Inner products do shrink
with the width: `width_lowers_confusion_at_equal_loss`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, difference, measured_evidence, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANGE = sp.Symbol("cos_64 - cos_16", real=True)


def change_at_least(number: sp.Expr) -> Claim:
    """Return the claim that the smallest cosine changes by at least `number` from width 16 to width 64."""
    return Claim(
        "At the end of training the smallest cosine of gradients is higher in wider networks.",
        sp.Ge(CHANGE, number, evaluate=False),
        ("tanh, depth 3, Glorot, softmax loss on clusters", "150 steps of SGD"),
        {CHANGE: "smallest cosine of mini-batch gradients at the end, width 64 less width 16, mean over runs"},
    )


CLAIM = change_at_least(sp.Rational(1, 10))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 8 networks of each width."""
    ends = [trained(Shape(3, width, rates=(0.3,), steps=150), seed).cosines for width in (64, 16)]
    words = f"; smallest cosines {ends[0].mean():.2f} (width 64) and {ends[1].mean():.2f} (width 16)"
    return measured_evidence(claim, {CHANGE: difference(*ends)}, seed=seed, observed=words)


FALSE_TWINS = (FalseTwin("higher by 1/2", {"claim": change_at_least(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="width_raises_end_cosine_printed",
    source=Source(PAPER, "Figure 6", "as printed; corrected in width_lowers_confusion_at_equal_loss"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_lowers_confusion_at_equal_loss", "width_lowers_final_loss"),
)
