r"""Section 1 as printed: "with these models, adding layers does not alter expressiveness". Refuted by a bottleneck.

Assumptions
-----------
Those of the paper: hidden widths n_1, ..., n_{N-1} in N, any.

Source
------
Arora, Cohen and Hazan (2018), section 1; section 4 after equation (3); Figure 2 uses hidden width 1.

Idea of the refutation
----------------------
k = d = 2 and n_1 = 1: the product of a column and a row has determinant 0. The identity is not among the products.

Deviations from the paper
-------------------------
`expressiveness` says what is true: nothing is lost iff every hidden width is at least min(k, d). For one output, k = 1,
the paper's experiments, width 1 is enough.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

RANK = sp.Symbol("R", nonnegative=True, integer=True)
OUTPUTS, INPUTS, NARROWEST = sp.symbols("k d n_min", positive=True, integer=True)


def largest_rank_is(value: sp.Expr) -> Claim:
    """Return the claim that the largest rank among the products is `value`."""
    return Claim(
        "Adding layers of any width does not alter expressiveness: the products W_N ... W_1 are all k x d matrices.",
        equate(RANK, value),
        ("N >= 2", "any hidden widths"),
        {RANK: "largest rank of a product W_N ... W_1", NARROWEST: "smallest hidden width"},
    )


CLAIM = largest_rank_is(sp.Min(OUTPUTS, INPUTS))
CORRECTED = largest_rank_is(sp.Min(OUTPUTS, INPUTS, NARROWEST))


def counterexample(claim: Claim) -> Derivation:
    """Multiply a column by a row."""
    a, b, c, d = sp.symbols("a b c d", real=True)
    found = sp.Matrix([a, b]) * sp.Matrix([[c, d]])
    return Derivation(
        (
            assume("N = 2, k = d = 2, n_1 = 1"),
            show_equal("the determinant of every product W_2 W_1", sp.Determinant(found), sp.Integer(0)),
            show_equal("the determinant of the identity", sp.Determinant(sp.eye(2)), sp.Integer(1)),
            infer("rank 1 is reached, rank 2 is not: the largest rank is 1"),
            show_violated(
                "k = d = 2, n_1 = 1",
                claim.formula,
                {RANK: sp.Integer(1), OUTPUTS: sp.Integer(2), INPUTS: sp.Integer(2), NARROWEST: sp.Integer(1)},
            ),
        )
    )


FALSE_TWINS = (
    FalseTwin("twice the narrowest width", {"claim": largest_rank_is(sp.Min(OUTPUTS, INPUTS, 2 * NARROWEST))}),
    FalseTwin("full input rank", {"claim": largest_rank_is(INPUTS)}),
)

THEOREM = Theorem(
    name="expressiveness_printed",
    source=Source(PAPER, "Section 1, Section 4, expressiveness", "as printed; corrected in expressiveness"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("expressiveness",),
)
