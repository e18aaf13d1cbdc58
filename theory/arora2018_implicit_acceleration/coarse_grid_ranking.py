r"""Figure 3: the paper's grid of ten rates ranks depths 1 and 2 as tuned rates do. Refuted on the bundled data.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), width 1; each method at the fastest rate of
the paper's grid 1e-5, 5e-5, ..., 0.5; l2 loss; iterations to 99.9 %.

Source
------
Arora, Cohen and Hazan (2018), Appendix C.1 (the grid) and section 8: "to conduct a fair comparison ... multiple
learning rates were tried".

Idea of the check
-----------------
On the grid a single layer must take 0.1, since 0.5 diverges, where its best rate is about 0.48: it then needs three
times as long as depth 2. With finely tuned rates it is faster (`depth_slows_l2`).

Deviations from the paper
-------------------------
The paper does not say this: its comparison by grid search takes it for granted. Its data are not available here.
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
        "On the diabetes data, with l2 loss and the paper's grid of rates a single layer is trained in no "
        "more iterations than depth 2.",
        "iterations of depth 1 over those of depth 2, to 99.9 %",
        "diabetes data, standardised; layers N(0, 0.01^2)",
        "the fastest of the paper's ten learning rates each",
    )


CLAIM = ratio_at_most(sp.Integer(1))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare depths 1 and 2 on the paper's grid for three initialisations."""
    pairs = [
        race("N = 1 against 2", one, (1, "gradient descent"), (2, "gradient descent"), power=2, fine=False)
        for one in seeds_from(seed)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


FALSE_TWINS = (FalseTwin("half the iterations", {"claim": ratio_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="coarse_grid_ranking",
    source=Source(PAPER, "Figure 3, Appendix C.1", "on the diabetes data; tuned rates: depth_slows_l2"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_slows_l2",),
)
