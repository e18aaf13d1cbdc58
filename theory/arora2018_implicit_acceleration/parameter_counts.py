r"""Figure 5, right, and Appendix C.2: the products of two add 262,244 parameters to 1,663,370, which is 15.8 %.

Assumptions
-----------
The convolutional tutorial: 5 x 5 convolutions 1 -> 32 -> 64 channels with biases, two poolings of 28 x 28 to 7 x 7,
dense layers 3136 -> 512 -> 10 with biases. Each dense n x m matrix becomes a product of n x n and n x m.

Source
------
Arora, Cohen and Hazan (2018), section 8 ("an addition of roughly 15 % in number of parameters") and Appendix C.2
("roughly 250K parameters to a 1.6M-parameter model").

Idea of the proof
-----------------
Count. The second factor of an n x m layer is n x n: 512^2 + 10^2 = 262,244 new parameters.

Deviations from the paper
-------------------------
None: all three of its rounded numbers are right.
"""

from __future__ import annotations

import math

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_value
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._factored_networks import added_parameters
from theory.arora2018_implicit_acceleration.notation import PAPER

SHARE = sp.Symbol("s", positive=True)
CONVOLUTIONS = ((5, 5, 1, 32), (5, 5, 32, 64))
DENSE = ((3136, 512), (512, 10))


def share_is(value: sp.Expr) -> Claim:
    """Return the claim that the added share of parameters is `value`."""
    return Claim(
        "Placing two matrices in each dense layer adds 262244 parameters to the tutorial's 1663370: 15.8 %.",
        equate(SHARE, value),
        ("convolutions 5x5, 1 -> 32 -> 64; dense 3136 -> 512 -> 10; biases", "n x m becomes n x n times n x m"),
        {SHARE: "added parameters over those of the original"},
    )


CLAIM = share_is(sp.Rational(262244, 1663370))


def derive(claim: Claim) -> Derivation:
    """Add up the layers."""
    width, height = sp.Integer(28) / 4, sp.Integer(28) / 4
    inputs = show_equal(
        "two poolings leave 7 x 7 x 64 inputs to the first dense layer",
        width * height * 64,
        sp.Integer(3136),
        name="inputs to the first dense layer",
    )
    parts = [sp.Integer(math.prod(shape) + shape[-1]) for shape in (*CONVOLUTIONS, *DENSE)]
    original = show_value("weights and biases of the original", sum(parts, sp.Integer(0)), sp.Integer(1663370))
    added = show_equal(
        "the second factors",
        sum((sp.Integer(n) ** 2 for _, n in DENSE), sp.Integer(0)),
        sp.Integer(262244),
        name="weights of the second factors",
    )
    share = show_value("their share", sp.Integer(262244) / sp.Integer(1663370), claim.formula.rhs)
    return Derivation(
        (
            assume("the layers of the tutorial, with biases; n x m becomes n x n times n x m"),
            inputs,
            original,
            added,
            share,
            infer("so the share is", claim.formula, from_=[inputs, original, added, share]),
        )
    )  # fmt: skip


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count again from the shapes that the factored networks of Figure 5 have."""
    del seed  # nothing is random
    widths = (DENSE[0][0], *(n for _, n in DENSE))
    original = sum(math.prod(shape) + shape[-1] for shape in (*CONVOLUTIONS, *DENSE))
    counted = added_parameters(widths) / original
    return Evidence.measured(
        claim,
        f"{added_parameters(widths)} added to {original}: {100 * counted:.2f} %",
        contradicted=abs(counted - float(claim.formula.rhs)) > 1e-15,
        error_bar="1e-15 (one division)",
        cases=2,
    )


FALSE_TWINS = (
    FalseTwin("the rounded numbers, exactly", {"claim": share_is(sp.Rational(250_000, 1_600_000))}),
    FalseTwin("the output layer left alone", {"claim": share_is(sp.Rational(512**2, 1663370))}),
)

THEOREM = Theorem(
    name="parameter_counts",
    source=Source(PAPER, "Figure 5, right; Appendix C.2"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("products_accelerate_by_orders",),
)
