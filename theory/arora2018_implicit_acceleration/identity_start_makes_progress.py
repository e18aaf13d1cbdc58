r"""Figure 5, left: from near-identity layers, depths 4 and 8 make progress at once.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2) plus 1 on every diagonal, width 1; gradient
descent at the fastest of 46 rates; l4 loss.

Source
------
Arora, Cohen and Hazan (2018), section 8 and Figure 5, left: "under identity initialization, both networks immediately
make progress".

Idea of the check
-----------------
Count iterations to half of what there is to gain, for three initialisations. From near-zero layers depth 4 takes
thousands and depth 8 does not get there (`near_zero_depth_eight_is_stuck`).

Deviations from the paper
-------------------------
"Immediately" is read as within 20 iterations. That depth accelerates from there is another matter:
`identity_start_accelerates`.
"""

from __future__ import annotations

import functools
import math

import sympy as sp

from odeflow.panels import by_case
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._races import STEPS, bundled, seeds_from
from theory.arora2018_implicit_acceleration._regressions import FINE
from theory.arora2018_implicit_acceleration.notation import PAPER

COUNT = sp.Symbol("k", positive=True)


def within(count: int) -> Claim:
    """Return the claim that half of the gain is reached within `count` iterations."""
    return Claim(
        "From near-identity layers depths 4 and 8 reach half of what there is to gain within 20 iterations.",
        sp.Le(COUNT, count, evaluate=False),
        ("diabetes data, standardised, l4 loss", "layers N(0, 0.01^2) plus 1 on every diagonal, best of 46 rates"),
        {COUNT: "iterations to 50 %, depth 4 or 8"},
    )


CLAIM = within(20)


def simulate(claim: Claim, seed: int, *, identity: bool = True) -> Evidence:
    """Race 46 rates at depths 4 and 8 for three initialisations."""
    problem = bundled(4)
    counts = {
        f"depth {depth}, seed {one}": problem.tune(
            problem.start(depth, one, identity=identity), FINE, STEPS if identity else 1000, levels=(0.5,)
        ).steps[0]
        for one in seeds_from(seed)
        for depth in (4, 8)
    }
    slowest = max(counts, key=counts.__getitem__)
    count = f"{counts[slowest]:.0f} iterations" if math.isfinite(counts[slowest]) else "not reached"
    return Evidence.measured(
        claim,
        f"{min(counts.values()):.0f} to {max(counts.values()):.0f} iterations",
        contradicted=counts[slowest] > float(claim.formula.rhs),
        error_bar="exact count",
        cases=len(counts),
        seed=seed,
        detail=f"{slowest}: {count}",
        picture=by_case(
            list(counts.values()),
            float(claim.formula.rhs),
            title="Identity starts reach half of the gain in time",
            ylabel="iterations",
            limit_label="claimed: at most",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("within 5 iterations", {"claim": within(5)}),
    FalseTwin("from near-zero layers", {"simulate": functools.partial(simulate, identity=False)}),
)

THEOREM = Theorem(
    name="identity_start_makes_progress",
    source=Source(PAPER, "Figure 5, left"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("identity_start_accelerates", "near_zero_depth_eight_is_stuck", "identity_balanced"),
)
