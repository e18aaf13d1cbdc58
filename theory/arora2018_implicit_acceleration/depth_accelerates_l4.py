r"""Figure 3, right: with l4 loss adding depth accelerates, depth 3 included. Refuted on the bundled data.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), width 1; each method at the fastest rate of
46 (the paper's ten and 36 from 1e-3 to 3); iterations to 99.9 %.

Source
------
Arora, Cohen and Hazan (2018), section 8: "with l4 loss adding depth significantly accelerated convergence".

Idea of the check
-----------------
Depth 3 spends its first hundreds of iterations on leaving zero (`escape_time`), which a single layer does
not.

Deviations from the paper
-------------------------
The paper says it of its own data, which are not available here: whether it is so there is not decided. Decided is
whether it carries over to the diabetes data. Depth 2 is faster (`two_layers_accelerate_l4`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._races import at_most, race, ratio_evidence, seeds_from
from theory.arora2018_implicit_acceleration.notation import PAPER


def ratio_at_most(bound: sp.Expr) -> Claim:
    """Return the claim with another bound."""
    return at_most(
        bound,
        "On the diabetes data too, with l4 loss depth 3 is trained in no more iterations than a single layer, "
        "each at its best rate.",
        "iterations of depth 3 over those of depth 1, to 99.9 %",
        "diabetes data, standardised; layers N(0, 0.01^2)",
        "the fastest of 46 learning rates each",
    )


CLAIM = ratio_at_most(sp.Integer(1))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare depths 1 and 3 for three initialisations."""
    pairs = [
        race("N = 3 against 1", one, (3, "gradient descent"), (1, "gradient descent"), power=4, fine=True)
        for one in seeds_from(seed)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


FALSE_TWINS = (FalseTwin("half the iterations", {"claim": ratio_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="depth_accelerates_l4",
    source=Source(PAPER, "Figure 3, right", "on the diabetes data; true for depth 2: two_layers_accelerate_l4"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("two_layers_accelerate_l4", "escape_time"),
)
