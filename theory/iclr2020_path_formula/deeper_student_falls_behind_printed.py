r"""Appendix G: at output deviation 0.24 a scalar layer accelerates. Refuted: from random outputs it slows down.

Assumptions
-----------
Linear teacher with outputs of deviation 0.24, where Appendix G sees the acceleration (it sees none at 0.06 and 0.12);
students 50-2000-1 and 50-2000-1-1 with the same random weights of deviation 0.1, mu = 1; one step size; late rate of
the loss (steps 150 to 300).

Source
------
Path formula paper (ICLR 2020), section 7 ("one can observe depth-induced momentum in convergence rates, similar to
using momentum optimizer") and Appendix G ("raised to 0.24, then we observe acceleration", "mu ... stays close to 1").

Idea of the experiment
----------------------
The student's random outputs are larger than the targets: <u, y - u> < 0. mu falls below 1, and with it the kernel, by
mu^2 (`depth_momentum_sign`, `appended_scalar_kernel`).

Deviations from the paper
-------------------------
The paper's initialisation of the students is not given beyond N(0, 0.1), nor is the step size; the deviation 0.1 is
ours. With zero initial output the paper's observation reproduces, faintly (`depth_momentum_output_scale`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import identity
from theory.iclr2020_path_formula._training import draw_student, draw_teacher, train_linear_student
from theory.iclr2020_path_formula.notation import PAPER

DEEP, PLAIN = sp.symbols("rate_deep rate_plain", real=True)
SEEDS = 5


def rates(formula: sp.Basic) -> Claim:
    """Return a claim about the late rates with and without a scalar layer."""
    return Claim(
        "At the output deviation 0.24 a student with a scalar layer on top converges at least as fast as without.",
        formula,
        ("linear teacher and students", "the same step size and initial weights"),
        {DEEP: "late rate with the scalar layer", PLAIN: "without"},
    )


CLAIM = rates(sp.Ge(DEEP, PLAIN, evaluate=False))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train both students with five seeds."""
    found, along, lowest = [], 0, 1.0
    for k in range(SEEDS):
        teacher = draw_teacher(100, activation=identity, seed=10 * seed + k, deviation=0.24)
        student = draw_student(2000, 50, seed=10 * seed + k + 5)
        u = teacher.X @ (student.W.T @ student.v)
        along += float(u @ (teacher.y - u)) < 0.0
        runs = [train_linear_student(teacher, student, rate=5e-6, steps=300, scalars=s) for s in (1, 0)]
        found.append([float(np.log(run.losses[150] / run.losses[300]) / 150) for run in runs])
        lowest = min(lowest, float(runs[0].scale[-1]))
    excess = np.array([deep - float(claim.bound({PLAIN: plain})) for deep, plain in found])
    error = float(excess.std(ddof=1)) / np.sqrt(SEEDS)
    deep, plain = np.mean(found, axis=0)
    return Evidence.measured(
        claim,
        f"late rate {deep:.4f} with the scalar layer, {plain:.4f} without; short of the claim for "
        f"{int((excess < 0).sum())} of {SEEDS} seeds; "
        f"<u, y - u> < 0 at the start for {along}; mu falls to {lowest:.2f}",
        contradicted=float(excess.mean()) < -5.0 * error,
        error_bar=f"{error:.4g} (standard error of the mean excess over the claim, {float(excess.mean()):.4f})",
        cases=SEEDS,
        seed=seed,
        picture=against_claim(
            [float(claim.bound({PLAIN: plain})) for _, plain in found],
            [deep for deep, _ in found],
            what="late rate, 1/step",
            title="With a scalar layer on top the student falls behind",
        ),
    )


FALSE_TWINS = (FalseTwin("twice as fast", {"claim": rates(sp.Ge(DEEP, 2 * PLAIN, evaluate=False))}),)

THEOREM = Theorem(
    name="deeper_student_falls_behind_printed",
    source=Source(PAPER, "Section 7, depth-induced momentum; Figures 5, 10", "from random outputs; see related"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_momentum_output_scale", "appended_scalar_descent", "depth_momentum_sign"),
)
