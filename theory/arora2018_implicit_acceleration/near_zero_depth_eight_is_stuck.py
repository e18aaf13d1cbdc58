r"""Figure 5, left: from near-zero layers a depth-8 network makes no progress at any learning rate of the paper's grid.

Assumptions
-----------
The bundled diabetes data (442 x 10), standardised; layers N(0, 0.01^2), width 1; gradient descent at each of the
paper's ten rates, 10,000 iterations; l4 loss.

Source
------
Arora, Cohen and Hazan (2018), section 8, Figure 5, left, and Appendix C: all rates led "either to divergence, or to a
failure to converge".

Idea of the check
-----------------
Train with all rates in one call and look at the least loss that any of them reaches. Leaving zero takes a flow time of
about eps^{-6}/(6 g) (`escape_time`): 10^{12}/(6 g) for eps = 0.01.

Deviations from the paper
-------------------------
10,000 iterations instead of 100,000 (`odeflow figure arora2018 5 --full` runs those).
"""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

from odeflow.numeric.linear_training import GradientDescent, train_layers
from odeflow.panels import along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._races import bundled
from theory.arora2018_implicit_acceleration._regressions import PAPER_GRID
from theory.arora2018_implicit_acceleration.notation import PAPER

PROGRESS = sp.Symbol("p", nonnegative=True)
STEPS = 10_000
ROUNDING = 1e-14
"""Of a loss, relative: progress below it cannot be told from none."""


def progress_at_most(share: sp.Expr) -> Claim:
    """Return the claim that at most `share` of the gain is reached."""
    return Claim(
        "From near-zero layers depth 8 gains at most a millionth of what there is to gain, at every rate of the grid.",
        sp.Le(PROGRESS, share, evaluate=False),
        ("diabetes data, standardised, l4 loss", "layers N(0, 0.01^2), 10,000 iterations, the paper's ten rates"),
        {PROGRESS: "largest share of L_0 - L* that any rate gains"},
    )


CLAIM = progress_at_most(sp.Rational(1, 10**6))


def simulate(claim: Claim, seed: int, *, depth: int = 8) -> Evidence:
    """Train with every rate of the grid."""
    problem = bundled(4)
    run = train_layers(
        problem.start(depth, seed), problem.X, problem.y, [GradientDescent(rate) for rate in PAPER_GRID], STEPS,
        loss=problem.loss, record_every=20,
    )  # fmt: skip
    gained = 1.0 - problem.fractions(run.losses)
    gains = np.max(np.where(np.isfinite(gained), gained, 0.0), axis=1)
    best = float(gains.max())
    return Evidence.measured(
        claim,
        f"best of ten rates gains {max(best, 0.0):.2g} of L_0 - L*",
        contradicted=best > float(claim.formula.rhs) + ROUNDING,
        error_bar=f"{ROUNDING:g} (rounding of the losses)",
        cases=len(PAPER_GRID),
        seed=seed,
        picture=along(
            PAPER_GRID,
            gains,
            {"claimed: at most": float(claim.formula.rhs)},
            title="No rate of the grid moves eight layers from near 0",
            xlabel="learning rate",
            ylabel="largest gain / (L_0 - L*)",
            xscale="log",
        ),
    )


FALSE_TWINS = (FalseTwin("depth 2", {"simulate": functools.partial(simulate, depth=2)}),)

THEOREM = Theorem(
    name="near_zero_depth_eight_is_stuck",
    source=Source(PAPER, "Figure 5, left"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("escape_time", "identity_start_makes_progress"),
)
