r"""Section 5 and Figure 5, corrected: when they have come down to the same loss, deeper networks are more confused.

Assumptions
-----------
Linear networks of width 12 and depth 3 or 12, Glorot, learning rate 0.03, each stopped when its loss over all samples
is at most 1/2 (at the start: log 4); softmax loss on clusters.

Source
------
Corrects "Gradient Confusion" (2020), section 5 and Figure 5, where networks are compared at the end of training.

Idea of the measurement
-----------------------
Ratio of geometric means of the confusion bounds of mini-batch gradients, depth 12 over depth 3, over the data sets and
initialisations with which both reach the loss.

Deviations from the paper
-------------------------
The bound eta of Definition 2.1 is compared, not the cosine: at a matched loss cosines change little with depth. The
comparison was added after the one at the end of training had failed: exploratory. tanh networks on the digits show the
same (`figures.py`); on clusters some of them have no confusion at all at this loss, and no ratio.
"""

from __future__ import annotations

import sympy as sp

from odeflow.numeric.confusion import Activation
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import LEVEL, Shape, measured_evidence, ratio, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

RATIO = sp.Symbol("eta_12/eta_3", positive=True)


def ratio_at_least(number: int) -> Claim:
    """Return the claim about the ratio of confusion bounds."""
    return Claim(
        "At the same loss deeper networks have a larger confusion bound.",
        sp.Ge(RATIO, number, evaluate=False),
        ("linear networks of width 12, Glorot, softmax loss on clusters", "stopped at a loss of 1/2"),
        {RATIO: "confusion bounds, depth 12 over depth 3"},
    )


CLAIM = ratio_at_least(5)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 8 networks of each depth down to the same loss."""
    shapes = (Shape(depth, 12, Activation.IDENTITY, rates=(0.03,), steps=60, level=LEVEL) for depth in (12, 3))
    found = ratio(*(trained(shape, seed).bounds_at_level for shape in shapes))
    return measured_evidence(claim, {RATIO: found}, seed=seed)


FALSE_TWINS = (FalseTwin("ten thousand times", {"claim": ratio_at_least(10_000)}),)

THEOREM = Theorem(
    name="depth_raises_confusion_at_equal_loss",
    source=Source(PAPER, "Figure 5", "at a matched loss"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_lowers_end_cosine_printed", "depth_raises_final_loss"),
)
