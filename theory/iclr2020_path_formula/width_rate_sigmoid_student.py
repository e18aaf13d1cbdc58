r"""Section 7, sigmoid students, as it is true: at equal kernel time the rate per step is proportional to the width.

Assumptions
-----------
Sigmoid teacher and students, all weights N(0, 0.01), one step size; steps in proportion to 1/m, students that start
with output 0 (neurons in pairs of opposite v), centred targets; rate per step of the loss over the second half of the
steps.

Source
------
Corrects the path formula paper (ICLR 2020), section 7 and Figure 4.

Idea of the experiment
----------------------
H_m is m times its limit, nearly; after t/m steps all widths have done the same, and each step does m times as much. A
student with random output starts with an error that grows like sqrt(m), and in a fixed number of steps a wide student
has exhausted more of its fast modes: both hide the law (`width_rate_sigmoid_student_printed`).

Deviations from the paper
-------------------------
The window is chosen after the law that is to be tested; the paper compares equal numbers of steps. 20 samples of 20
inputs, widths 32 to 256, eight seeds.
"""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._training import sigmoid
from theory.iclr2020_path_formula._width_rates import Window, exponent_evidence, exponent_is, nonlinear_rates
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["THEOREM", "WIDTHS", "measured_rates"]

WIDTHS = (32, 64, 128, 256)
SEEDS = 8


def rate_grows_like(exponent: sp.Expr) -> Claim:
    """Return the claim that the rate at equal kernel time grows like this power of the width."""
    return exponent_is(
        exponent,
        "At equal kernel time the convergence rate of sigmoid students is proportional to their width.",
        ("sigmoid teacher and students, one step size", "steps in proportion to 1/m, zero initial output"),
    )


CLAIM = rate_grows_like(sp.S.One)


@functools.lru_cache(maxsize=4)
def measured_rates(window: Window, seed: int) -> np.ndarray:
    """Return the rates of students of four widths with eight seeds."""
    runs = [
        nonlinear_rates(
            WIDTHS, sigmoid, samples=20, inputs=20, steps=600, rate=6e-4, window=window, seed=100 * seed + 10 * k
        )
        for k in range(SEEDS)
    ]
    return np.array(runs).T


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train students for the same kernel time."""
    return exponent_evidence(claim, WIDTHS, measured_rates(Window.SAME_KERNEL_TIME, seed), seed=seed)[0]


FALSE_TWINS = (
    FalseTwin("like the square root", {"claim": rate_grows_like(sp.Rational(1, 2))}),
    FalseTwin("like the power 3/2", {"claim": rate_grows_like(sp.Rational(3, 2))}),
)

THEOREM = Theorem(
    name="width_rate_sigmoid_student",
    source=Source(PAPER, "Section 7, non-linear students; Figure 4", "at equal kernel time, from zero output"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_rate_sigmoid_student_printed", "width_rate_linear_student"),
)
