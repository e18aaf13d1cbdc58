r"""Section 7, linear students: the late convergence rate is proportional to the width, at a fixed step size.

Assumptions
-----------
Teacher 50-100-1 and students 50-m-1, linear, all weights N(0, 0.01); 200 Gaussian inputs; full-batch gradient descent
on |u - y|^2/2 with one step size; rate per step of the loss, late in training.

Source
------
Path formula paper (ICLR 2020), section 7 and Figure 3.

Idea of the experiment
----------------------
The state of a linear student of any width is the Gram matrix of (W, v): 51 x 51. Late in training the slowest direction
decides; its kernel eigenvalue is the 50th, not the last of the 200 (`linear_student_many_samples`).

Deviations from the paper
-------------------------
The paper gives neither N nor the step size. Six seeds here.
"""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._width_rates import exponent_evidence, exponent_is, linear_rates
from theory.iclr2020_path_formula.notation import PAPER

WIDTHS = (250, 750, 2250)
SEEDS = 6


def rate_grows_like(exponent: sp.Expr) -> Claim:
    """Return the claim that the late rate grows like this power of the width."""
    return exponent_is(
        exponent,
        "The late convergence rate of two-layer linear students is proportional to their width.",
        ("linear teacher and students", "one step size for all widths", "initial scale independent of the width"),
    )


CLAIM = rate_grows_like(sp.S.One)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train students of three widths with six seeds."""
    return exponent_evidence(claim, WIDTHS, measured_rates(seed), seed=seed)[0]


@functools.lru_cache(maxsize=4)
def measured_rates(seed: int) -> np.ndarray:
    """Return the late rates of students of three widths with six seeds; the false twins ask for the same ones."""
    runs = [linear_rates(WIDTHS, samples=200, steps=900, rate=1e-5, seed=100 * seed + 10 * k) for k in range(SEEDS)]
    return np.array(runs).T


FALSE_TWINS = (
    FalseTwin("like the square root", {"claim": rate_grows_like(sp.Rational(1, 2))}),
    FalseTwin("quadratic", {"claim": rate_grows_like(sp.Integer(2))}),
)

THEOREM = Theorem(
    name="width_rate_linear_student",
    source=Source(PAPER, "Section 7, linear students; Figure 3"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("linear_student_many_samples", "width_rate_sigmoid_student_printed", "smallest_eigenvalue_limit"),
)
