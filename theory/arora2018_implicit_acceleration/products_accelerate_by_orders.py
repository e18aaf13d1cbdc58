r"""Figure 5, right: products of two dense matrices train orders of magnitude faster. Refuted on the bundled data.

Assumptions
-----------
A ReLU network 10-32-32-2 with biases, whole or with each dense layer a product of two (inner widths as the paper's:
minimal without loss of expressiveness), weights N(0, 0.1^2); momentum 0.9, batches of 64, rate decay 0.95 an epoch,
60 epochs. Classes: diabetes progression above or below its median.

Source
------
Arora, Cohen and Hazan (2018), Appendix C.2: "they were all orders of magnitude faster than the convergence rate of the
baseline", in words about every initial deviation that was tried.

Idea of the check
-----------------
Train both with three learning rates on the same batches, each at its best one, and count iterations to a batch loss
(mean of 25) of 0.5. "Orders of magnitude" is read as at least ten times.

Deviations from the paper
-------------------------
The paper says it of its network and data (a convolutional tutorial on MNIST), which are not available here: whether it
is so there is not decided, only that it does not carry over to this network. On digits
(`odeflow figure arora2018 5`) products are slower early and faster late at one rate, by less than three times.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp

from odeflow.datasets import load_dataset, standardised
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._factored_networks import Classifier, iterations_to
from theory.arora2018_implicit_acceleration._races import Pair, at_most, ratio_evidence
from theory.arora2018_implicit_acceleration.notation import PAPER

RATES, EPOCHS, LEVEL = (0.05, 0.1, 0.2), 60, 0.5


def ratio_at_most(bound: sp.Expr) -> Claim:
    """Return the claim with another bound."""
    return at_most(
        bound,
        "A network whose dense layers are products of two is trained in at most a tenth of the iterations.",
        "iterations with products over those without, to batch loss 0.5",
        "ReLU network 10-32-32-2, diabetes data above and below the median",
        "momentum 0.9, batches of 64, the best of three rates each",
    )


CLAIM = ratio_at_most(sp.Rational(1, 10))


@lru_cache(maxsize=16)
def iterations(seed: int, factored: bool) -> float:
    """Return the iterations of the best rate."""
    data = standardised(load_dataset("diabetes"))
    above = (data.target > np.median(data.target)).astype(np.int64)
    model = Classifier((data.n_features, 32, 32, 2), factored=factored)
    return float(iterations_to(model.train(data.features, above, np.array(RATES), EPOCHS, seed=seed), LEVEL).min())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train both networks."""
    pairs = [Pair(f"seed {seed}", iterations(seed, True), iterations(seed, False))]
    return ratio_evidence(claim, pairs, seed=seed)


FALSE_TWINS = (FalseTwin("a hundredth", {"claim": ratio_at_most(sp.Rational(1, 100))}),)

THEOREM = Theorem(
    name="products_accelerate_by_orders",
    source=Source(
        PAPER,
        "Figure 5, right; Appendix C.2",
        "on the diabetes data; the cost in parameters is right: parameter_counts",
    ),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("parameter_counts",),
)
