r"""Figure 4, right: depth makes Adam faster at its default rate. Refuted on the bundled data.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), width 1; Adam with its defaults, rate 1e-3;
l4 loss; iterations to 99.9 %.

Source
------
Arora, Cohen and Hazan (2018), section 8 and Figure 4, right: "when introducing overparameterization simultaneously
with Adam ... further acceleration is attained".

Idea of the check
-----------------
Train depths 1, 2 and 3 with Adam at 1e-3, for three initialisations.

Deviations from the paper
-------------------------
The paper says it of its own data, which are not available here: whether it is so there is not decided. Decided is
whether it carries over to the diabetes data. Near-infrared spectra, closest in kind to the paper's data, do show it.
"""

from __future__ import annotations

import sympy as sp

from odeflow.numeric.linear_training import Adam
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._races import STEPS, Pair, at_most, bundled, ratio_evidence, seeds_from
from theory.arora2018_implicit_acceleration.notation import PAPER


def ratio_at_most(bound: sp.Expr) -> Claim:
    """Return the claim with another bound."""
    return at_most(
        bound,
        "On the diabetes data too, with l4 loss Adam at rate 1e-3 trains depths 2 and 3 in no more iterations "
        "than a single layer.",
        "iterations of Adam at depth 2 or 3 over those at depth 1, to 99.9 %",
        "diabetes data, standardised; layers N(0, 0.01^2)",
        "Adam with rate 1e-3, beta = (0.9, 0.999)",
    )


CLAIM = ratio_at_most(sp.Integer(1))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare depths 2 and 3 with a single layer for three initialisations."""
    pairs = [
        Pair(f"depth {depth}, seed {one}", default_rate(depth, one), default_rate(1, one))
        for one in seeds_from(seed)
        for depth in (2, 3)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


def default_rate(depth: int, seed: int) -> float:
    """Return Adam's iterations to 99.9 % at rate 1e-3."""
    problem = bundled(4)
    return problem.tune(problem.start(depth, seed), (1e-3,), STEPS, make=Adam).steps[-1]


FALSE_TWINS = (FalseTwin("half the iterations", {"claim": ratio_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="adam_gains_from_depth",
    source=Source(PAPER, "Figure 4, right", "on the diabetes data; what holds of Adam here: adam_beats_depth"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("adam_beats_depth",),
)
