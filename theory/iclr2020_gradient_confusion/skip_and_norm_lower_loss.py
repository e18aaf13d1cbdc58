r"""Figures 4 and 15, loss: skip connections help a deep network, batch normalisation added to them helps more.

Assumptions
-----------
tanh networks of depth 24 and width 12, Glorot; softmax loss on clusters; SGD with mini-batches of 32, 40 steps, the
better of two learning rates. A block is a_l = a_{l-1} + phi(z_l), z_l batch normalised or not.

Source
------
"Gradient Confusion" (2020), section 5 and Figure 4: both help, "both these techniques together ... significantly
improving trainability of deep models" (there: convolutional networks on CIFAR-10; Figure 15: CIFAR-100).

Idea of the measurement
-----------------------
Ratios of geometric means of the final losses, over 3 initialisations on two data sets.

Deviations from the paper
-------------------------
Fully connected networks; made precise as: skip at most 1/2 of plain, both at most 1/2 of skip. Batch normalisation
alone gives no clear gain here or on the digits at depth 48: nothing is claimed of it. For the cosines see
`skip_and_norm_end_cosine`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, measured_evidence, ratio, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

SKIP_RATIO, BOTH_RATIO = sp.symbols("loss_skip/loss_plain loss_both/loss_skip", positive=True)


def ratios_at_most(skip: sp.Expr, both: sp.Expr) -> Claim:
    """Return the claim about both ratios."""
    return Claim(
        "Skip connections lower the final loss of a deep network, and with batch normalisation it is lower still.",
        sp.And(sp.Le(SKIP_RATIO, skip, evaluate=False), sp.Le(BOTH_RATIO, both, evaluate=False), evaluate=False),
        ("tanh, depth 24, width 12, Glorot, softmax loss on clusters", "40 steps of SGD, tuned learning rates"),
        {
            SKIP_RATIO: "final losses, skip connections over a plain network",
            BOTH_RATIO: "final losses, skip connections and batch normalisation over skip connections",
        },
    )


HALF = sp.Rational(1, 2)
CLAIM = ratios_at_most(HALF, HALF)


def deep(skip: bool, norm: bool) -> Shape:
    """Return the deep network with or without each of the two."""
    return Shape(24, 12, skip=skip, batch_norm=norm, rates=(0.1, 0.03), steps=40, seeds=3)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 6 networks of each kind."""
    plain, skip, both = (trained(deep(*kind), seed).losses for kind in ((False, False), (True, False), (True, True)))
    return measured_evidence(claim, {SKIP_RATIO: ratio(skip, plain), BOTH_RATIO: ratio(both, skip)}, seed=seed)


FALSE_TWINS = (
    FalseTwin("skip a thousand times lower", {"claim": ratios_at_most(sp.Rational(1, 1000), HALF)}),
    FalseTwin("both a thousand times lower", {"claim": ratios_at_most(HALF, sp.Rational(1, 1000))}),
)

THEOREM = Theorem(
    name="skip_and_norm_lower_loss",
    source=Source(PAPER, "Figures 4 and 15", "the loss, on small fully connected networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("skip_and_norm_end_cosine", "depth_raises_final_loss"),
)
