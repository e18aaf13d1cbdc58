r"""Section 8: Adam on a single layer is considerably faster than depth 3, at tuned rates.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), width 1; each method at the fastest rate of
46 each (descent 1e-3 to 3, Adam 1e-4 to 1, and the paper's ten); l4 loss; iterations to 99.9 %.

Source
------
Arora, Cohen and Hazan (2018), section 8: "Adam was considerably faster than overparameterization".

Idea of the check
-----------------
Race all rates in one call and compare the iterations of the fastest ones, for three initialisations.

Deviations from the paper
-------------------------
The paper says it of its own data, which are not available here: whether it is so there is not decided. Decided is
whether it carries over to the diabetes data. At Adam's default rate 1e-3 it is the slower one here (2977 against 598
iterations): the statement needs its tuning.
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
        "On the diabetes data too, with l4 loss Adam trains a single layer in at most half the iterations of "
        "descent at depth 3.",
        "iterations of Adam at depth 1 over those of gradient descent at depth 3, to 99.9 %",
        "diabetes data, standardised; layers N(0, 0.01^2)",
        "the fastest of 46 learning rates each",
    )


CLAIM = ratio_at_most(sp.Rational(1, 2))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare Adam with depth 3 for three initialisations."""
    pairs = [
        race("Adam against N = 3", one, (1, "Adam"), (3, "gradient descent"), power=4, fine=True)
        for one in seeds_from(seed)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


FALSE_TWINS = (FalseTwin("a tenth of the iterations", {"claim": ratio_at_most(sp.Rational(1, 10))}),)

THEOREM = Theorem(
    name="adam_beats_depth",
    source=Source(PAPER, "Section 8, Figure 4"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("adam_gains_from_depth", "adagrad_slower_than_descent"),
)
