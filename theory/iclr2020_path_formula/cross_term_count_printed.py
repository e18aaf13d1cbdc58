r"""Appendix C as printed: the number of cross terms grows quadratically in the width. It is cubic if both layers grow.

Assumptions
-----------
Three layers, both hidden layers of width m, d inputs, one output.

Source
------
Appendix C: "the number of terms in weakly Gram component grows quadratically in the width of the hidden layer".

Idea of the refutation
----------------------
A quadratic function of m has third difference 0. C(m) = d m^2 (m - 1) has third difference 6 d: for d = 1 it is
C(1), ..., C(4) = 0, 4, 18, 48.

Deviations from the paper
-------------------------
"The hidden layer" may mean the second alone: then it is quadratic, see `cross_term_count`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, equate, show_equal, show_violated
from odeflow.symbolic.path_counts import layered_path_counts
from odeflow.symbolic.path_networks import layered_network
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.cross_term_count import INPUTS
from theory.iclr2020_path_formula.notation import PAPER

THIRD = sp.Symbol("C(4) - 3 C(3) + 3 C(2) - C(1)", integer=True)


def third_difference(value: sp.Expr, statement: str) -> Claim:
    """Return a claim about the third difference of the number of cross terms in the width."""
    return Claim(
        statement,
        equate(THIRD, value),
        ("three layers, both hidden layers of width m",),
        {THIRD: "third difference of the number of cross terms C(m); 0 for a quadratic", INPUTS: "inputs"},
    )


CLAIM = third_difference(sp.Integer(0), "The number of cross terms is quadratic in the width m.")
CORRECTED = third_difference(6 * INPUTS, "The number of cross terms is cubic in the width: d m^2 (m - 1).")


def counterexample(claim: Claim) -> Derivation:
    """Count the cross terms of widths 1 to 4 with one input, by dynamic programming on the graphs."""
    found = [sp.Integer(layered_network([1, m, m, 1]).counts().cross) for m in (1, 2, 3, 4)]
    steps = [
        show_equal(
            f"m = {m}, by the product formula",
            count,
            sp.Integer(layered_path_counts([1, m, m]).cross),
            name="number of cross terms",
        )
        for m, count in zip((1, 2, 3, 4), found, strict=True)
    ]
    third = found[3] - 3 * found[2] + 3 * found[1] - found[0]
    violated = show_violated("one input", claim.formula, {THIRD: third, INPUTS: sp.Integer(1)})
    return Derivation((*steps, violated))


FALSE_TWINS = (FalseTwin("a third difference of 3 d", {"claim": third_difference(3 * INPUTS, "half as fast")}),)

THEOREM = Theorem(
    name="cross_term_count_printed",
    source=Source(PAPER, "Appendix C, number of pairs", "as printed; corrected in cross_term_count"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("cross_term_count",),
)
