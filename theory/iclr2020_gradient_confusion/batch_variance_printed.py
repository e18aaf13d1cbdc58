r"""Section 2 as printed: the variance of the inner product of mini-batch gradients scales like 1/B^2. Refuted.

Assumptions
-----------
Two independent mini-batches of size B, drawn with replacement.

Source
------
"Gradient Confusion" (2020), section 2: "For minibatches of size B, the variance of the gradient inner product scales
down as 1/B^2".

Idea of the refutation
----------------------
Scalar gradients 1 and 3, B = 2: the variance is 17/4, a quarter of the variance 9 at B = 1 is 9/4. For large B the
variance falls like 1/B wherever grad F != 0.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import batch_variance
from theory.iclr2020_gradient_confusion.batch_variance import (
    BATCH,
    VARIANCE_OF_PRODUCT,
    exact_values,
)
from theory.iclr2020_gradient_confusion.notation import PAPER

SINGLE = sp.Symbol("Var<g_i, g_j>", nonnegative=True)


def scales_like(value: sp.Expr) -> Claim:
    """Return the claim Var<a, b> = value in terms of the variance at B = 1."""
    return Claim(
        "The variance of the inner product of two mini-batch gradients falls like 1/B^2.",
        equate(VARIANCE_OF_PRODUCT, value),
        ("two independent batches of B independent draws each",),
        {
            VARIANCE_OF_PRODUCT: "variance of the inner product of two batch gradients",
            SINGLE: "the same for B = 1",
            BATCH: "size of a mini-batch",
        },
    )


CLAIM = scales_like(SINGLE / BATCH**2)


def counterexample(claim: Claim) -> Derivation:
    """Enumerate the batches of gradients 1 and 3."""
    gradients = [(1,), (3,)]
    one, two = exact_values(gradients, 1), exact_values(gradients, 2)
    at = {**two, SINGLE: one[VARIANCE_OF_PRODUCT]}
    return Derivation(
        (
            assume("N = 2, scalar gradients 1 and 3: g = 2, S = 1"),
            show_equal(
                "B = 1, all 4 pairs: variance of 1, 3, 3, 9",
                one[VARIANCE_OF_PRODUCT],
                sp.Integer(9),
                name="variance for B = 1",
            ),
            show_equal(
                "B = 2, all 16 pairs of batches",
                two[VARIANCE_OF_PRODUCT],
                sp.Rational(17, 4),
                name="variance for B = 2",
            ),
            show_violated("a quarter of 9 is not 17/4", claim.formula, at),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Enumerate batches of gradients 1 and 3 up to B = 4 and compare."""
    single = float(exact_values([(1,), (3,)], 1)[VARIANCE_OF_PRODUCT])
    found = []
    for batch in range(2, 5):
        values = {s: float(v) for s, v in exact_values([(1,), (3,)], batch).items()} | {SINGLE: single}
        needed = {s: v for s, v in values.items() if s in claim.formula.rhs.free_symbols}
        found.append((batch, values[VARIANCE_OF_PRODUCT], float(claim.bound(needed))))
    batches, seen, claimed = np.array(found).T
    worst = float(np.abs(seen / claimed - 1.0).max())
    return Evidence.measured(
        claim,
        f"the true variance differs by up to {worst:.0%}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (enumeration)",
        cases=3,
        seed=seed,
        picture=along(
            batches,
            seen,
            claimed,
            title="The variance falls more slowly than 1/B^2",
            xlabel="batch size B",
            ylabel="variance of <g_A, g_B>",
            yscale="log",
        ),
    )


FALSE_TWINS = (FalseTwin("like 1/B", {"claim": scales_like(SINGLE / BATCH)}),)

THEOREM = Theorem(
    name="batch_variance_printed",
    source=Source(PAPER, "Section 2, mini-batches", "as printed; corrected in batch_variance"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=batch_variance.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("batch_variance",),
)
