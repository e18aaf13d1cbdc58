r"""Section 5 and Figure 5, cosines as printed: at the end of training deeper networks are more confused. Refuted.

Assumptions
-----------
tanh networks of width 16 with depth 3 and 16, Glorot; softmax loss on four sets of clusters; 150 steps of SGD with
mini-batches of 32, the best of three learning rates by the final loss.

Source
------
"Gradient Confusion" (2020), section 5, Appendix A.1 and Figure 5: "the consistent trend of gradient confusion
increasing with increasing depth", measured by the smallest cosine of mini-batch gradients at the end of training.

Idea of the refutation
----------------------
At the end of training the shallow network has fitted the data; what is left of its gradients points in opposite
directions (they add up to almost nothing: `stationary_confusion`). The deep one is still on its way, with gradients
that agree. So its smallest cosine is less negative.

Deviations from the paper
-------------------------
What is refuted is the general statement, at equal training and tuned rates, with no threshold: not lower at all. The
paper's own networks (width 100, up to 1000 layers, MNIST, 40000 steps) are not run here, and of its Figure 5 nothing is
said. At the same loss the trend is there: `depth_raises_confusion_at_equal_loss`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, difference, measured_evidence, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANGE = sp.Symbol("cos_16 - cos_3", real=True)
BEST_RATE = {16: 0.1, 3: 0.3}
"""The learning rate of 0.3, 0.1 and 0.03 with the smallest final loss; the tests tune it again."""


def change_at_most(number: sp.Expr) -> Claim:
    """Return the claim that the smallest cosine changes by at most `number` from depth 3 to depth 16."""
    return Claim(
        "At the end of training the smallest cosine of gradients is lower in deeper networks.",
        sp.Le(CHANGE, number, evaluate=False),
        ("tanh networks of width 16, Glorot, softmax loss on clusters", "150 steps of SGD, tuned learning rates"),
        {CHANGE: "smallest cosine of mini-batch gradients at the end, depth 16 less depth 3, mean over runs"},
    )


CLAIM = change_at_most(sp.Integer(0))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 24 networks of each depth, on four data sets."""
    ends = [
        trained(Shape(depth, 16, rates=(rate,), steps=150, seeds=6, data_sets=4), seed).cosines
        for depth, rate in BEST_RATE.items()
    ]
    words = f"; smallest cosines {ends[0].mean():.2f} (depth 16) and {ends[1].mean():.2f} (depth 3)"
    return measured_evidence(claim, {CHANGE: difference(*ends)}, seed=seed, observed=words)


FALSE_TWINS = (FalseTwin("lower by a fifth", {"claim": change_at_most(sp.Rational(-1, 5))}),)

THEOREM = Theorem(
    name="depth_lowers_end_cosine_printed",
    source=Source(PAPER, "Figure 5", "as a general statement; corrected in depth_raises_confusion_at_equal_loss"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_raises_confusion_at_equal_loss", "depth_raises_final_loss", "stationary_confusion"),
)
