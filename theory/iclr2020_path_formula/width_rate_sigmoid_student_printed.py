r"""Section 7 as printed: the rate of sigmoid students "in the steady region" is linear in the width. Refuted here.

Assumptions
-----------
Sigmoid teacher and students, all weights N(0, 0.01), one step size; the same steps for every width; rate per step of
the loss over the second half of them.

Source
------
Path formula paper (ICLR 2020), section 7, Two-Layer Non-Linear Neural Network, and Figure 4b.

Idea of the experiment
----------------------
Same steps, different progress: a wider student has used up more of its fast modes, and its rate has fallen further. The
exponent comes out near one half.

Deviations from the paper
-------------------------
The paper does not say which steps it compares. With steps in proportion to 1/m the law holds
(`width_rate_sigmoid_student`). A refutation by simulation, at these sizes and for this reading.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._width_rates import Window, exponent_evidence, exponent_is
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.width_rate_sigmoid_student import WIDTHS, measured_rates


def rate_grows_like(exponent: sp.Expr) -> Claim:
    """Return the claim that the rate over the same steps grows like this power of the width."""
    return exponent_is(
        exponent,
        "Over the same steps the convergence rate of sigmoid students is proportional to their width.",
        ("sigmoid teacher and students, one step size", "the same steps for every width"),
    )


CLAIM = rate_grows_like(sp.S.One)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train students for the same number of steps."""
    return exponent_evidence(claim, WIDTHS, measured_rates(Window.SAME_STEPS, seed), seed=seed)[0]


FALSE_TWINS = (FalseTwin("like the power 3/2", {"claim": rate_grows_like(sp.Rational(3, 2))}),)

THEOREM = Theorem(
    name="width_rate_sigmoid_student_printed",
    source=Source(PAPER, "Section 7, non-linear students; Figure 4", "over the same steps; see the corrected page"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_rate_sigmoid_student", "width_rate_linear_student"),
)
