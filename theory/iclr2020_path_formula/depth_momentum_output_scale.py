r"""Remark 6.5, Appendix G: the gain from scalar layers grows with the output scale, from output 0 on.

Assumptions
-----------
Linear teacher with outputs of a given deviation; linear students 50-2000-1 and 50-2000-1-1 with the same weights, mu =
1, output 0 at the start; one step size; rate of the loss over the first 100 steps.

Source
------
Path formula paper (ICLR 2020), Remark 6.5, Appendix G and Figure 10; section 7 and Figure 5.

Idea of the experiment
----------------------
At mu = 1 depth adds eta <u, y - u>^2 to the fall of the loss (`appended_scalar_descent`), of fourth order in the output
scale where the loss is of second order.

Deviations from the paper
-------------------------
The paper sees the effect from a deviation of 0.24 on; here it is 0.05 % at 0.24, 0.6 % at 1 and 30 % at 10. From a
random initial output the sign can turn (`deeper_student_falls_behind_printed`). mu does not stay near 1 at large scale.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import identity
from theory.iclr2020_path_formula._students import satisfied
from theory.iclr2020_path_formula._training import draw_student, draw_teacher, train_linear_student
from theory.iclr2020_path_formula.notation import PAPER

SMALL, LARGE = sp.symbols("gain_small gain_large", real=True)
DEVIATIONS = (0.24, 1.0, 3.0, 10.0)
SEEDS = 3


def gains(formula: sp.Basic) -> Claim:
    """Return a claim about the gains at two output scales."""
    return Claim(
        "The relative gain in rate from a scalar layer at least doubles from each output scale to the next larger one.",
        formula,
        ("linear teacher and students, zero initial output", "the same step size and initial weights"),
        {SMALL: "rate with the scalar layer over rate without, minus 1, at the smaller scale", LARGE: "at the larger"},
    )


CLAIM = gains(sp.Ge(LARGE, 2 * SMALL, evaluate=False))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train both students at four output scales with three seeds."""
    found = np.empty((SEEDS, len(DEVIATIONS)))
    top = 0.0
    for k, index in np.ndindex(found.shape):
        teacher = draw_teacher(100, activation=identity, seed=10 * seed + k, deviation=DEVIATIONS[index])
        student = draw_student(2000, 50, seed=10 * seed + k + 5, zero_output=True)
        runs = [train_linear_student(teacher, student, rate=5e-6, steps=100, scalars=s) for s in (0, 1)]
        plain, deep = (float(np.log(run.losses[0] / run.losses[-1])) for run in runs)
        found[k, index] = deep / plain - 1.0
        top = max(top, float(runs[1].scale[-1]))
    wrong = sum(
        not satisfied(claim.formula, {SMALL: float(row[i]), LARGE: float(row[i + 1])})
        for row in found
        for i in range(len(DEVIATIONS) - 1)
    )
    said = ", ".join(f"{100 * g:.2f} % at {s:g}" for g, s in zip(found.mean(axis=0), DEVIATIONS, strict=True))
    spread = float((found.std(axis=0, ddof=1) / found.mean(axis=0)).max())
    return Evidence.measured(
        claim,
        f"mean gain {said}; mu rises to {top:.2f}",
        contradicted=wrong > 0,
        error_bar=f"relative spread over {SEEDS} seeds {spread:.2f}",
        cases=SEEDS * (len(DEVIATIONS) - 1),
        seed=seed,
        picture=along(
            DEVIATIONS,
            {f"seed {k}": row for k, row in enumerate(found)},
            {"least gain claimed": [np.nan, *claim.bound({SMALL: found.max(axis=0)[:-1]})]},
            title="The gain at least doubles from scale to scale",
            xlabel="deviation of the teacher's outputs",
            ylabel="gain in rate by the scalar",
            xscale="log",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("the scale does not matter", {"claim": gains(sp.Eq(LARGE, SMALL, evaluate=False))}),
    FalseTwin("more pronounced at small scale", {"claim": gains(sp.Le(LARGE, SMALL, evaluate=False))}),
)

THEOREM = Theorem(
    name="depth_momentum_output_scale",
    source=Source(PAPER, "Remark 6.5; Appendix G; Figure 10", "for students of zero initial output"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("appended_scalar_descent", "deeper_student_falls_behind_printed", "output_growth"),
)
