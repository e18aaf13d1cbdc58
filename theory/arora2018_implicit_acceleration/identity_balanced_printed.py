r"""Section 8 as printed: "identity initialization satisfies the condition in Equation 7". Refuted if rectangular.

Assumptions
-----------
Those of the paper: 1 on the diagonal of every weight matrix, "including those that are not square" (Appendix C).

Source
------
Arora, Cohen and Hazan (2018), section 8 (Figure 5-left) and Appendix C.

Idea of the refutation
----------------------
Widths 3, 3, 2: W_1 = I, W_2 is the 2 x 3 identity. W_2^T W_2 = diag(1, 1, 0) is not W_1 W_1^T = I.

Deviations from the paper
-------------------------
`identity_balanced` says for which widths it is true; square layers and the paper's own widths (1 throughout, one
output) are among them.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

WRONG = sp.Symbol("rank(D_j)", nonnegative=True, integer=True)
BEFORE, HERE, AFTER = sp.symbols("n_{j-1} n_j n_{j+1}", positive=True, integer=True)


def rank_is(value: sp.Expr) -> Claim:
    """Return the claim that identity layers have an imbalance of this rank."""
    return Claim(
        "Identity initialisation, of rectangular layers as well, satisfies (7).",
        equate(WRONG, value),
        ("ones on the diagonal of each W_j, zeros elsewhere",),
        {
            WRONG: "rank of W_{j+1}^T W_{j+1} - W_j W_j^T",
            BEFORE: "columns of W_j",
            HERE: "rows of W_j",
            AFTER: "rows of W_{j+1}",
        },
    )


CLAIM = rank_is(sp.Integer(0))
CORRECTED = rank_is(sp.Abs(sp.Min(HERE, AFTER) - sp.Min(HERE, BEFORE)))


def identity_imbalance(before: int, here: int, after: int) -> sp.MatrixBase:
    """Return D_j of identity layers of these widths.

    Examples
    --------
    >>> identity_imbalance(3, 3, 2)
    Matrix([
    [0, 0,  0],
    [0, 0,  0],
    [0, 0, -1]])
    """
    low, high = sp.eye(here, before), sp.eye(after, here)
    return high.T * high - low * low.T


def counterexample(claim: Claim) -> Derivation:
    """Multiply the identities of widths 3, 3, 2 out."""
    found = identity_imbalance(3, 3, 2)
    return Derivation(
        (
            assume("widths 3, 3, 2: W_1 = I (3 x 3), W_2 the 2 x 3 identity"),
            show_value("the last entry of W_2^T W_2 - W_1 W_1^T", found[2, 2], sp.Integer(-1)),
            show_equal(
                "is its only one",
                sum(abs(entry) for entry in found),
                sp.Integer(1),
                name="sum of the absolute values of its entries",
            ),
            show_violated(
                "widths 3, 3, 2",
                claim.formula,
                {WRONG: sp.Integer(found.rank()), BEFORE: sp.Integer(3), HERE: sp.Integer(3), AFTER: sp.Integer(2)},
            ),
        )
    )


FALSE_TWINS = (
    FalseTwin("n_j - n_{j-1} wherever", {"claim": rank_is(sp.Abs(HERE - BEFORE))}),
    FalseTwin("the sum of both deficits", {"claim": rank_is(2 * sp.Abs(sp.Min(HERE, AFTER) - sp.Min(HERE, BEFORE)))}),
)

THEOREM = Theorem(
    name="identity_balanced_printed",
    source=Source(PAPER, "Section 8, identity initialisation", "as printed; corrected in identity_balanced"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("identity_balanced",),
)
