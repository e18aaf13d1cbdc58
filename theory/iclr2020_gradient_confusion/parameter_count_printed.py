r"""Appendix A.1 as printed: MLP-300-10 has more than 50000 parameters. Refuted: it has 40850.

Assumptions
-----------
MLP-300-10 for MNIST: 784 inputs, 10 outputs, hidden layers of width 10, biases in every layer.

Source
------
"Gradient Confusion" (2020), Appendix A.1: "the smallest network considered here, MLP-300-10, still has more than 50000
parameters (i.e., more than the number of training samples)".

Idea of the refutation
----------------------
785*10 + 299*(100 + 10) + 10*10 + 10 = 40850 (`parameter_count`). It is still more than the 40000 training samples.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, by, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import parameter_count
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.parameter_count import COUNT, DEPTH, WIDTH, size


def more_than(number: int) -> Claim:
    """Return the claim that MLP-300-10 has more than `number` parameters."""
    return Claim(
        f"MLP-300-10 has more than {number} parameters.",
        sp.Gt(COUNT, number, evaluate=False),
        ("784 inputs, 10 outputs, width 10, biases in every layer",),
        {COUNT: "number of parameters of MLP-300-10"},
    )


CLAIM = more_than(50_000)
CORRECTED = more_than(40_000)


def counterexample(claim: Claim) -> Derivation:
    """Put the sizes into the count."""
    count = parameter_count.CLAIM.formula
    number = sp.expand(count.rhs.subs({DEPTH: 300, WIDTH: 10}))
    return Derivation(
        (
            by("parameter_count", parameter_count.derive(parameter_count.CLAIM), count),
            show_equal("at depth 300 and width 10", number, sp.Integer(40850), name="number of parameters"),
            show_violated("not more than that", claim.formula, {COUNT: number}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Build the network and count."""
    found = size(300, 10)
    return Evidence.measured(
        claim,
        f"{found} parameters",
        contradicted=found <= float(claim.formula.rhs),
        error_bar="exact count",
        seed=seed,
    )


FALSE_TWINS = (FalseTwin("more than 40850", {"claim": more_than(40_850)}),)

THEOREM = Theorem(
    name="parameter_count_printed",
    source=Source(PAPER, "Appendix A.1, number of parameters", "as printed; corrected in parameter_count"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("parameter_count",),
)
