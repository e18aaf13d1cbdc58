r"""Section 5 and Figure 6, loss: wider networks of the same depth end with a lower training loss. Measured.

Assumptions
-----------
tanh networks of depth 8 and width 8 or 32, Glorot; softmax loss on clusters; SGD with mini-batches of 32, 100 steps,
the better of two learning rates.

Source
------
"Gradient Confusion" (2020), section 5, Appendix A.1 and Figure 6: "increasing width results in faster convergence".

Idea of the measurement
-----------------------
Ratio of geometric means of the final losses, width 32 over width 8, over 4 initialisations each on two data sets.

Deviations from the paper
-------------------------
Made precise as: the ratio is at most 1/2. The paper's networks have 300 layers.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, measured_evidence, ratio, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

RATIO = sp.Symbol("loss_32/loss_8", positive=True)


def ratio_at_most(number: sp.Expr) -> Claim:
    """Return the claim about the ratio of final losses."""
    return Claim(
        "Wider networks of the same depth end training with a lower loss.",
        sp.Le(RATIO, number, evaluate=False),
        ("tanh, depth 8, Glorot, softmax loss on clusters", "100 steps of SGD, tuned learning rates"),
        {RATIO: "final losses, width 32 over width 8"},
    )


CLAIM = ratio_at_most(sp.Rational(1, 2))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 8 networks of each width."""
    found = ratio(*(trained(Shape(8, width, rates=(0.3, 0.1)), seed).losses for width in (32, 8)))
    return measured_evidence(claim, {RATIO: found}, seed=seed)


FALSE_TWINS = (FalseTwin("a thousand times lower", {"claim": ratio_at_most(sp.Rational(1, 1000))}),)

THEOREM = Theorem(
    name="width_lowers_final_loss",
    source=Source(PAPER, "Figure 6", "the loss, on small networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_raises_end_cosine", "width_lowers_confusion_at_equal_loss"),
)
