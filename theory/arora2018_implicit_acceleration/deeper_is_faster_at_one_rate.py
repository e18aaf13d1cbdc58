r"""Figure 2: at learning rate 1e-3 the deeper network converges faster. Refuted on the bundled data.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), widths 1 and 100; gradient descent at rate
1e-3; l2 and l4 loss; iterations to 50 % of what there is to gain.

Source
------
Arora, Cohen and Hazan (2018), section 8: "notice that it exhibits faster convergence with a deeper network".

Idea of the check
-----------------
Depth 3 leaves zero later than depth 2 by a factor of about 1/eps (`escape_time`).

Deviations from the paper
-------------------------
The paper says it of its own data, which are not available here: whether it is so there is not decided. Decided is
whether it carries over to the diabetes data. The paper does not say whether it standardised its data: features of
larger scale act like a larger rate.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._races import Pair, at_most, bundled, ratio_evidence, seeds_from
from theory.arora2018_implicit_acceleration.notation import PAPER


def ratio_at_most(bound: sp.Expr) -> Claim:
    """Return the claim with another bound."""
    return at_most(
        bound,
        "On the diabetes data too, at learning rate 1e-3 depth 3 reaches half of the gain in no more "
        "iterations than depth 2.",
        "iterations of depth 3 over those of depth 2, to 50 %",
        "diabetes data, standardised; layers N(0, 0.01^2), widths 1 and 100",
        "gradient descent at rate 1e-3, at most 12,000 steps",
    )


CLAIM = ratio_at_most(sp.Integer(1))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare depths 3 and 2 at both widths."""
    pairs = [
        Pair(f"l{power}, width {width}, seed {one}", *(halved(power, depth, width, one) for depth in (3, 2)))
        for one in seeds_from(seed, 1)
        for power in (2, 4)
        for width in (1, 100)
    ]
    return ratio_evidence(claim, pairs, seed=seed)


def halved(power: int, depth: int, width: int, seed: int) -> float:
    """Return the iterations to 50 % at rate 1e-3."""
    problem = bundled(power)
    return problem.tune(problem.start(depth, seed, width=width), (1e-3,), 12_000, levels=(0.5,)).steps[0]


FALSE_TWINS = (FalseTwin("half the iterations", {"claim": ratio_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="deeper_is_faster_at_one_rate",
    source=Source(PAPER, "Figure 2", "on the diabetes data; what holds: escape_time"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("escape_time", "wide_small_layers_are_faster"),
)
