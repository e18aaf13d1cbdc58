r"""Figures 4 and 15, cosines: with skip connections and batch normalisation confusion stays low. Undecided.

Assumptions
-----------
The networks of `skip_and_norm_lower_loss`: tanh, depth 24, width 12, Glorot; softmax loss on clusters; 40 steps of SGD
with mini-batches of 32, the better of two learning rates.

Source
------
"Gradient Confusion" (2020), section 5 and Figure 4: "both these techniques together keep the gradient confusion
relatively low even for very deep networks" (there: convolutional networks on CIFAR-10; Figure 15: CIFAR-100).

Idea of the measurement
-----------------------
The smallest cosine of mini-batch gradients at the end, both techniques together less each of the other three networks.
It is decided only if all three comparisons say the same.

Deviations from the paper
-------------------------
Fully connected networks, hundreds of times smaller. The order of the four cosines changes with depth, data and length
of training: after 40 steps the network with both has the lower cosine than those with one of them, because it has
fitted its data; after 150 steps it has the highest on one data set of two. So no verdict; the loss is another matter:
`skip_and_norm_lower_loss`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import difference, trained, trend_evidence
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.skip_and_norm_lower_loss import deep

PLAIN, NORM, SKIP = sp.symbols("cos_both-cos_plain cos_both-cos_norm cos_both-cos_skip", real=True)
KINDS = {PLAIN: (False, False), NORM: (False, True), SKIP: (True, False)}


def higher_by(number: sp.Expr) -> Claim:
    """Return the claim that both together have the highest smallest cosine, by at least `number`."""
    return Claim(
        "Skip connections and batch normalisation together keep the smallest cosine of a deep network highest.",
        sp.And(*(sp.Ge(symbol, number, evaluate=False) for symbol in KINDS), evaluate=False),
        ("tanh, depth 24, width 12, Glorot, softmax loss on clusters", "40 steps of SGD, tuned learning rates"),
        {
            PLAIN: "smallest cosine at the end, both techniques less none, mean over runs",
            NORM: "both techniques less batch normalisation alone",
            SKIP: "both techniques less skip connections alone",
        },
    )


CLAIM = higher_by(sp.Integer(0))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 6 networks of each kind."""
    both = trained(deep(True, True), seed).cosines
    found = {symbol: difference(both, trained(deep(*kind), seed).cosines) for symbol, kind in KINDS.items()}
    words = f"smallest cosine {both.mean():.2f} with both: no order that all three comparisons share"
    return trend_evidence(claim, found, seed=seed, observed=words)


FALSE_TWINS = (FalseTwin("higher by 3/2", {"claim": higher_by(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="skip_and_norm_end_cosine",
    source=Source(PAPER, "Figures 4 and 15", "the cosines; not decided by small networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.UNDECIDED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("skip_and_norm_lower_loss", "depth_lowers_end_cosine_printed"),
)
