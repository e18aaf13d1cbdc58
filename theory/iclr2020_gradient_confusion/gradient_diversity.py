r"""Section 6, diversity: without confusion the gradient diversity sum|g_i|^2/|sum g_i|^2 is at most 1.

Assumptions
-----------
N gradients, no two of them with a negative inner product (eta = 0), grad F != 0.

Source
------
"Gradient Confusion" (2020), section 6, connections to gradient diversity (Yin et al. 2017).

Idea of the proof
-----------------
|sum g_i|^2 - sum|g_i|^2 is the sum of the inner products of different gradients. With eta it is at least -N(N-1) eta.

Deviations from the paper
-------------------------
The paper has the relation in words. Written with mean|g_i|^2 = sum/N and |grad F|^2 = |sum|^2/N^2 the claim is
mean|g_i|^2 <= N |grad F|^2; it is stated here for every eta, as N |grad F|^2 + (N-1) eta, at eta = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, by, infer
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_bounds_second_moment as second_moment
from theory.iclr2020_gradient_confusion._gradient_sets import ROUNDING, WHERE, outside, set_evidence
from theory.iclr2020_gradient_confusion._sgd import ETA, SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import FULL, MEAN_SQUARE
from theory.iclr2020_gradient_confusion.notation import PAPER


def mean_square_at_most(bound: sp.Expr) -> Claim:
    """Return the claim mean|g_i|^2 <= bound when there is no confusion."""
    return Claim(
        "Without confusion the gradient diversity is at most 1: sum|g_i|^2 <= |sum g_i|^2.",
        sp.Le(MEAN_SQUARE, bound, evaluate=False),
        ("<g_i, g_j> >= 0 for all i != j",),
        {s: WHERE[s] for s in (MEAN_SQUARE, FULL, SAMPLES)},
    )


CLAIM = mean_square_at_most(SAMPLES * FULL)


def derive(claim: Claim) -> Derivation:
    """Put eta = 0 into the bound on the second moment."""
    moment = second_moment.CLAIM
    steps = [
        assume("<g_i, g_j> >= 0 for all i != j, so eta = 0"),
        by("confusion_bounds_second_moment", second_moment.derive(moment), moment.formula),
        infer("at eta = 0"),
    ]
    at_zero = moment.formula.rhs.xreplace({ETA: sp.Integer(0)})
    return Derivation((*steps, conclude("eta = 0", claim.formula, MEAN_SQUARE, at_zero, from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw sets of gradients without negative entries; orthogonal ones attain the bound."""
    rng = np.random.default_rng(seed)
    sets = [np.abs(rng.standard_normal((int(rng.integers(2, 9)), int(rng.integers(1, 7))))) for _ in range(400)]
    return set_evidence(claim, [*sets, np.eye(4), np.diag([1.0, 2.0, 3.0])], seed=seed)


def domain() -> st.SearchStrategy[Any]:
    """Two to five vectors of the plane with entries 0 to 4."""
    vector = st.tuples(st.integers(0, 4), st.integers(0, 4))
    return st.lists(vector, min_size=2, max_size=5).map(lambda rows: np.array(rows, dtype=np.float64))


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one set."""
    return outside(claim, case) <= ROUNDING


FALSE_TWINS = (
    FalseTwin("diversity at most 1/N", {"claim": mean_square_at_most(FULL)}),
    FalseTwin(
        "with confusion allowed",
        {
            "domain": lambda: st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=5).map(
                lambda rows: np.array(rows, dtype=np.float64)
            ),
            "derive": None,
            "simulate": None,
        },
    ),
)

THEOREM = Theorem(
    name="gradient_diversity",
    source=Source(PAPER, "Section 6, gradient diversity", "the relation, written out"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("confusion_bounds_second_moment", "confusion_from_gradient_variance"),
)
