r"""Appendix D: trained weights are still accepted as N(0, 0.01); what moves is far below what the test can see.

Assumptions
-----------
Sigmoid and linear teacher-student runs of width 400 on 25 samples of 50 inputs, weights of deviation 0.1, full-batch
gradient descent until the loss has fallen at least tenfold (linear).

Source
------
Path formula paper (ICLR 2020), Appendix D, Figures 7 and 8.

Idea of the experiment
----------------------
Kolmogorov-Smirnov distance D of all weights of a layer from the initial law, before and after, in units of the critical
distance at level 5 %.

Deviations from the paper
-------------------------
The p-values are stable because the weights hardly move: the test adds nothing to the movement itself, and none of it
says that the weights are independent (`turning_points_show_iid_printed`). "N(0, 0.1)" is read as deviation 0.1.
"""

from __future__ import annotations

import numpy as np
import scipy
import sympy as sp

from odeflow.numeric.randomness import kolmogorov_smirnov
from odeflow.panels import by_case
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import identity
from theory.iclr2020_path_formula._training import DEVIATION, draw_student, draw_teacher, sigmoid, train_student
from theory.iclr2020_path_formula.notation import PAPER

SHIFT = sp.Symbol("shift", nonnegative=True)


def shifts_at_most(bound: sp.Expr) -> Claim:
    """Return the claim that D moves by at most `bound` critical distances."""
    return Claim(
        "During training the weights' distance from their initial law moves by less than half a critical distance.",
        sp.Le(SHIFT, bound, evaluate=False),
        ("two-layer students of width 400, deviation 0.1", "full-batch gradient descent"),
        {SHIFT: "change of the Kolmogorov-Smirnov distance, in critical distances at level 5 %"},
    )


CLAIM = shifts_at_most(sp.Rational(1, 2))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train a linear and a sigmoid student and test both layers before and after."""
    shifts, p_values, moved, falls = [], [], [], []
    for k, (activation, rate) in enumerate(((identity, 2e-4), (sigmoid, 1.5e-4))):
        teacher = draw_teacher(25, activation=activation, seed=10 * seed + k)
        student = draw_student(400, 50, seed=10 * seed + k + 5)
        run = train_student(teacher, student, activation, rate=rate, steps=100)
        falls.append(run.losses[-1] / run.losses[0])
        for before, after in ((student.W.ravel(), run.final.W.ravel()), (student.v, run.final.v)):
            tests = [kolmogorov_smirnov(weights, deviation=DEVIATION) for weights in (before, after)]
            shifts.append(abs(tests[1].effect - tests[0].effect) / float(scipy.stats.kstwo.ppf(0.95, before.size)))
            p_values.append(f"{tests[0].p_value:.2f} -> {tests[1].p_value:.2f}")
            moved.append(np.linalg.norm(after - before) / np.linalg.norm(before))
    bound = float(claim.formula.rhs)
    return Evidence.measured(
        claim,
        f"largest shift {max(shifts):.3f} critical distances; p-values {', '.join(p_values)}; relative movement "
        f"{', '.join(f'{100 * m:.1f} %' for m in moved)}; losses fall to {', '.join(f'{f:.2g}' for f in falls)}",
        contradicted=bool(max(shifts) > bound),
        error_bar="none: a statistic of these runs",
        cases=len(shifts),
        seed=seed,
        picture=by_case(
            shifts, bound, title="No layer's law moves far from its start", ylabel="shift / critical distance"
        ),
    )


FALSE_TWINS = (FalseTwin("not by a thousandth", {"claim": shifts_at_most(sp.Rational(1, 1000))}),)

THEOREM = Theorem(
    name="weights_stay_near_start",
    source=Source(PAPER, "Appendix D; Figures 7, 8"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("turning_points_show_iid_printed",),
)
