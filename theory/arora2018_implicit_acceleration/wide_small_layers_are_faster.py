r"""Figure 2: with the paper's small independent layers width 100 trains faster than width 1, depth 2.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2); depth 2, gradient descent at rate 1e-3; l2
and l4 loss; iterations to 50 % of what there is to gain.

Source
------
Arora, Cohen and Hazan (2018), section 8 and Figure 2: "negligible effect of network width".

Idea of the check
-----------------
Independent layers are not balanced, and width adds up their contributions: the product starts larger by the root of
the width and the layers' own norms by it. Measured for both losses and three initialisations.

Deviations from the paper
-------------------------
The paper reports no effect of width; on these data width 100 needs at most two thirds of the iterations. Balanced
layers do train alike at every width, exactly: `width_independence_discrete`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._races import Pair, at_most, ratio_evidence, seeds_from
from theory.arora2018_implicit_acceleration.deeper_is_faster_at_one_rate import halved
from theory.arora2018_implicit_acceleration.notation import PAPER


def ratio_at_most(bound: sp.Expr) -> Claim:
    """Return the claim with another bound."""
    return at_most(
        bound,
        "With independent layers N(0, 0.01^2) width 100 gets half of the gain in at most 2/3 of width 1's iterations.",
        "iterations of width 100 over those of width 1, to 50 %",
        "diabetes data, standardised; depth 2, layers N(0, 0.01^2)",
        "gradient descent at rate 1e-3, at most 12,000 steps",
    )


CLAIM = ratio_at_most(sp.Rational(2, 3))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare widths 100 and 1 for both losses."""
    pairs = [
        Pair(f"l{power}, seed {one}", halved(power, 2, 100, one), halved(power, 2, 1, one))
        for one in seeds_from(seed)
        for power in (2, 4)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


FALSE_TWINS = (FalseTwin("a fifth of the iterations", {"claim": ratio_at_most(sp.Rational(1, 5))}),)

THEOREM = Theorem(
    name="wide_small_layers_are_faster",
    source=Source(PAPER, "Figure 2, width", "the paper reports no effect"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_independence_printed", "width_independence", "width_independence_discrete"),
)
