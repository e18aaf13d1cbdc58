r"""Section 5 and Figure 5, loss: deeper networks of the same width end with a higher training loss. Measured.

Assumptions
-----------
Fully connected networks of width 12 and depth 3 or 16, linear and tanh, Glorot; softmax loss on clusters; SGD with
mini-batches of 32, 60 steps, the better of two learning rates.

Source
------
"Gradient Confusion" (2020), section 5, Appendix A.1 and Figure 5: "increasing depth slows down convergence".

Idea of the measurement
-----------------------
Ratio of geometric means of the final losses, depth 16 over depth 3, over 4 initialisations each on two data sets.

Deviations from the paper
-------------------------
Made precise as: both ratios are at least 2. On the digits (`figures.py`) the trend holds beyond depth 8; a network of
depth 2 can end higher than one of depth 8.
"""

from __future__ import annotations

import sympy as sp

from odeflow.numeric.confusion import Activation
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._small_networks import Shape, measured_evidence, ratio, trained
from theory.iclr2020_gradient_confusion.notation import PAPER

TANH_RATIO, LINEAR_RATIO = sp.symbols("loss_16/loss_3|tanh loss_16/loss_3|linear", positive=True)
SHAPES = ((16, (0.1, 0.03)), (3, (0.3, 0.1)))
KINDS = {TANH_RATIO: Activation.TANH, LINEAR_RATIO: Activation.IDENTITY}


def ratios_at_least(tanh: int, linear: int) -> Claim:
    """Return the claim about both ratios."""
    return Claim(
        "Deeper networks of the same width end training with a higher loss.",
        sp.And(sp.Ge(TANH_RATIO, tanh, evaluate=False), sp.Ge(LINEAR_RATIO, linear, evaluate=False), evaluate=False),
        ("width 12, Glorot, softmax loss on clusters", "60 steps of SGD, tuned learning rates"),
        {TANH_RATIO: "final losses, depth 16 over 3, tanh", LINEAR_RATIO: "the same, linear networks"},
    )


CLAIM = ratios_at_least(2, 2)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train 8 networks of each kind and depth."""
    found = {
        symbol: ratio(*(trained(Shape(depth, 12, phi, rates=rates, steps=60), seed).losses for depth, rates in SHAPES))
        for symbol, phi in KINDS.items()
    }
    return measured_evidence(claim, found, seed=seed)


FALSE_TWINS = (
    FalseTwin("a hundred times higher, tanh", {"claim": ratios_at_least(100, 2)}),
    FalseTwin("a hundred times higher, linear", {"claim": ratios_at_least(2, 100)}),
)

THEOREM = Theorem(
    name="depth_raises_final_loss",
    source=Source(PAPER, "Figure 5", "the loss, on small networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_lowers_end_cosine_printed", "depth_raises_confusion_at_equal_loss"),
)
