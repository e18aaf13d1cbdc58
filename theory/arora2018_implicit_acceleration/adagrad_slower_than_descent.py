r"""Figure 4, left: AdaGrad is slower than plain gradient descent. Refuted with the paper's own grid.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), width 1; each method at the fastest rate of
the paper's ten; l4 loss; a single layer; iterations to 99.9 %.

Source
------
Arora, Cohen and Hazan (2018), Figure 4, left: "former is actually slower than plain gradient descent".

Idea of the check
-----------------
Race all rates in one call and compare the iterations of the fastest ones, for three initialisations.

Deviations from the paper
-------------------------
The paper says it of its own data, which are not available here: whether it is so there is not decided. Decided is
whether it carries over to the diabetes data. On near-infrared spectra, and here on a fine grid of rates, plain descent
is the faster one: it depends on data and grid.
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
        "On the diabetes data too, with l4 loss a single layer is trained in no more iterations by gradient "
        "descent than by AdaGrad.",
        "iterations of gradient descent over those of AdaGrad, to 99.9 %",
        "diabetes data, standardised; layers N(0, 0.01^2)",
        "the fastest of the paper's ten learning rates each",
    )


CLAIM = ratio_at_most(sp.Integer(1))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare gradient descent with AdaGrad for three initialisations."""
    pairs = [
        race("descent against AdaGrad", one, (1, "gradient descent"), (1, "AdaGrad"), power=4, fine=False)
        for one in seeds_from(seed)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


FALSE_TWINS = (FalseTwin("half the iterations", {"claim": ratio_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="adagrad_slower_than_descent",
    source=Source(
        PAPER, "Figure 4, left", "on the diabetes data; what holds of adaptive methods here: adam_beats_depth"
    ),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("adam_beats_depth", "depth_beats_adagrad"),
)
