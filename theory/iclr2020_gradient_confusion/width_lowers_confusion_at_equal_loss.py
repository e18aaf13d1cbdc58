r"""Section 5 and Figure 6, corrected: when they have come down to the same loss, wider networks have a lower bound eta.

Assumptions
-----------
tanh networks of depth 6 and width 8 or 64, Glorot, each stopped when its loss over all samples is at most 1/2 (at the
start: log 4); softmax loss on clusters.

Source
------
Corrects "Gradient Confusion" (2020), section 5 and Figure 6, where networks are compared at the end of training.

Idea of the measurement
-----------------------
Ratio of geometric means of the confusion bounds of mini-batch gradients, width 64 over width 8, over the runs that
reach the loss.

Deviations from the paper
-------------------------
The bound eta of Definition 2.1 is compared, not the cosine. Exploratory, as `depth_raises_confusion_at_equal_loss`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import LEVEL, Shape, measured_evidence, ratio, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

RATIO = sp.Symbol("eta_64/eta_8", positive=True)


def ratio_at_most(number: sp.Expr) -> Claim:
    """Return the claim about the ratio of confusion bounds."""
    return Claim(
        "At the same loss wider networks have a smaller confusion bound.",
        sp.Le(RATIO, number, evaluate=False),
        ("tanh, depth 6, Glorot, softmax loss on clusters", "stopped at a loss of 1/2"),
        {RATIO: "confusion bounds, width 64 over width 8"},
    )


CLAIM = ratio_at_most(sp.Rational(9, 10))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 12 networks of each width down to the same loss."""
    shapes = (Shape(6, width, rates=(0.1,), steps=40, level=LEVEL, seeds=6) for width in (64, 8))
    found = ratio(*(trained(shape, seed).bounds_at_level for shape in shapes))
    return measured_evidence(claim, {RATIO: found}, seed=seed)


FALSE_TWINS = (FalseTwin("a thousand times smaller", {"claim": ratio_at_most(sp.Rational(1, 1000))}),)

THEOREM = Theorem(
    name="width_lowers_confusion_at_equal_loss",
    source=Source(PAPER, "Figure 6", "at a matched loss"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_raises_end_cosine", "width_lowers_final_loss"),
)
