r"""Section 4, at the initialisation: the smallest cosine of mini-batch gradients falls with depth. Measured.

Assumptions
-----------
tanh networks of width 12 with depth 3 and 24, Glorot, before the first step; softmax loss on clusters.

Source
------
"Gradient Confusion" (2020), section 4 (b) and Theorem 4.2: "as width increases or depth decreases the probability that
the gradient confusion bound holds increases".

Idea of the measurement
-----------------------
Mean over 12 initialisations of the smallest cosine of 435 pairs of mini-batches, depth 24 less depth 3.

Deviations from the paper
-------------------------
Theorem 4.2 itself is refuted; this is the qualitative statement, made precise as: lower by at least 0.2.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, difference, measured_evidence, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANGE = sp.Symbol("cos_24 - cos_3", real=True)


def change_at_most(number: sp.Expr) -> Claim:
    """Return the claim that the smallest cosine changes by at most `number` from depth 3 to depth 24."""
    return Claim(
        "At the initialisation the smallest cosine of gradients is lower in deeper networks.",
        sp.Le(CHANGE, number, evaluate=False),
        ("tanh networks of width 12, Glorot, softmax loss on clusters",),
        {CHANGE: "smallest cosine of mini-batch gradients at the start, depth 24 less depth 3, mean over runs"},
    )


CLAIM = change_at_most(sp.Rational(-1, 5))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 12 networks of each depth; nothing is trained."""
    starts = [trained(Shape(depth, 12, rates=(0.1,), steps=0, seeds=6), seed).cosines for depth in (24, 3)]
    words = f"; smallest cosines {starts[0].mean():.2f} (depth 24) and {starts[1].mean():.2f} (depth 3)"
    return measured_evidence(claim, {CHANGE: difference(*starts)}, seed=seed, observed=words)


FALSE_TWINS = (FalseTwin("lower by 3/2", {"claim": change_at_most(sp.Rational(-3, 2))}),)

THEOREM = Theorem(
    name="depth_lowers_starting_cosine",
    source=Source(PAPER, "Section 4, depth at the initialisation", "the qualitative statement, on small networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_lowers_end_cosine_printed", "depth_raises_confusion_at_equal_loss"),
)
