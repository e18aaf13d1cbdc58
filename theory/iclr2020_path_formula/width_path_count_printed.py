r"""Section 6.1 as printed: "There are two types of paths; m length 1 paths and m length 2 paths." Refuted.

Assumptions
-----------
A fully connected two-layer network with m hidden neurons, d inputs and one output.

Source
------
Path formula paper (ICLR 2020), section 6.1, "Our approach".

Idea of the refutation
----------------------
One neuron and two inputs: two output paths of length 2, one a first-layer weight.

Deviations from the paper
-------------------------
Only with d = 1 is the count right.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import width_path_count
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.width_path_count import COUNT, INPUTS, WIDTH, count_is, enumerated

CLAIM = count_is(WIDTH)


def counterexample(claim: Claim) -> Derivation:
    """Count for m = 1, d = 2."""
    counted = sp.Integer(enumerated(1, 2))
    return Derivation(
        (
            assume("m = 1, d = 2: u = v (w_1 x_1 + w_2 x_2)"),
            show_equal(
                "walks of length 2 from the output, by the square of the adjacency matrix",
                counted,
                sp.Integer(2),
                name="number of walks",
            ),
            show_violated("there", claim.formula, {COUNT: counted, WIDTH: sp.S.One, INPUTS: sp.Integer(2)}),
        )
    )


FALSE_TWINS = (FalseTwin("2 m - 1", {"claim": count_is(2 * WIDTH - 1)}),)

THEOREM = Theorem(
    name="width_path_count_printed",
    source=Source(PAPER, "Section 6.1, number of paths", "as printed; corrected in width_path_count"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=width_path_count.CLAIM,
    twins=FALSE_TWINS,
    related=("width_path_count",),
)
