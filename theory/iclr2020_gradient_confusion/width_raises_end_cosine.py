r"""Section 5 and Figure 6, cosines: wider networks end with a higher smallest cosine. Undecided on small networks.

Assumptions
-----------
tanh networks of depth 16 and width 8, 16 and 32, Glorot; softmax loss on clusters; 100 steps of SGD with mini-batches
of 32, learning rate 0.1.

Source
------
"Gradient Confusion" (2020), section 5, Appendix A.1 and Figure 6: "the consistent trend of gradient confusion
decreasing with increasing width", measured by the smallest cosine of mini-batch gradients at the end of training;
section 4: "given a sufficiently deep network, increasing the layer width often helps in lowering gradient confusion".

Idea of the measurement
-----------------------
Two steps of the trend: from a width at which the network hardly trains to one at which it does, and from there on. It
is decided only if both steps say the same.

Deviations from the paper
-------------------------
The paper's networks have 300 layers on MNIST and 40000 steps. Where the narrow network hardly trains, the trend can be
there (width 8 to 16); between networks that fit their data the smallest cosine tends to fall with the width (16 to 64:
by 0.2 +- 0.06 over 36 pairs of runs of 150 steps), and at depth 3 it is -0.8 at every width. So no verdict: neither on
the paper's networks, which are out of reach here, nor on these. Inner products do shrink with the width:
`width_lowers_confusion_at_equal_loss`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, difference, trained, trend_evidence
from theory.iclr2020_gradient_confusion.notation import PAPER

FIRST, SECOND = sp.symbols("cos_16-cos_8 cos_32-cos_16", real=True)
WIDTHS = (8, 16, 32)


def rises_by(number: sp.Expr) -> Claim:
    """Return the claim that the smallest cosine rises by at least `number` with every doubling of the width."""
    words = "smallest cosine of mini-batch gradients at the end, mean over runs: width {} less width {}"
    return Claim(
        "At the end of training the smallest cosine of gradients is higher in wider networks.",
        sp.And(sp.Ge(FIRST, number, evaluate=False), sp.Ge(SECOND, number, evaluate=False), evaluate=False),
        ("tanh, depth 16, Glorot, softmax loss on clusters", "100 steps of SGD"),
        {FIRST: words.format(16, 8), SECOND: words.format(32, 16)},
    )


CLAIM = rises_by(sp.Integer(0))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 6 networks of each width."""
    ends = [trained(Shape(16, width, rates=(0.1,), seeds=3), seed).cosines for width in WIDTHS]
    found = {FIRST: difference(ends[1], ends[0]), SECOND: difference(ends[2], ends[1])}
    words = ", ".join(f"{end.mean():.2f} (width {width})" for end, width in zip(ends, WIDTHS, strict=True))
    return trend_evidence(claim, found, seed=seed, observed=f"smallest cosines {words}: no trend that both steps share")


FALSE_TWINS = (FalseTwin("higher by 3/2 with every doubling", {"claim": rises_by(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="width_raises_end_cosine",
    source=Source(PAPER, "Figure 6", "the cosines; not decided by small networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.UNDECIDED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_lowers_confusion_at_equal_loss", "width_lowers_final_loss"),
)
