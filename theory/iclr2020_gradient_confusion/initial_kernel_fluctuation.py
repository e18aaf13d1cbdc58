r"""The gradient kernel at initialisation fluctuates: beta = 1, linear, |x| = 1: Var K = 2/(kappa^2 l) + 2 l/d^2.

Assumptions
-----------
sigma = identity, beta = 1, Strategy 4.1, K = |grad_W g(x)|^2, |x| = 1.

Source
------
Against "Gradient Confusion" (2020), proof of Theorem 4.2 (concentration with l^2 beta dimensions).

Idea of the proof
-----------------
K = |W_1|^2 + |W_0 x|^2, two independent sums of l squares of normal variables.

Deviations from the paper
-------------------------
With l = d, kappa = 1 the standard deviation is 2/sqrt(l), where concentration with l^2 in the exponent would give 1/l
(`initial_kernel_fluctuation_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._spheres import DIMENSION
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA, WIDTH

VARIANCE = sp.Symbol("Var K", nonnegative=True)


def variance_is(value: sp.Expr) -> Claim:
    """Return the claim Var K = value."""
    return Claim(
        "At initialisation the squared output gradient of a linear net with one hidden layer has a known variance.",
        equate(VARIANCE, value),
        ("identity, beta = 1, Strategy 4.1", "|x| = 1"),
        {VARIANCE: "variance of |grad_W g(x)|^2", WIDTH: "width", DIMENSION: "input dimension", KAPPA: "kappa"},
    )


CLAIM = variance_is(2 / (KAPPA**2 * WIDTH) + 2 * WIDTH / DIMENSION**2)


def derive(claim: Claim) -> Derivation:
    """Add up two chi-square variances."""
    t = sp.Symbol("t", real=True)
    square = sp.diff(-WIDTH * sp.log(1 - 2 * t) / 2, t, 2).subs(t, 0)
    total = square * (1 / (KAPPA * WIDTH)) ** 2 + square * (1 / DIMENSION) ** 2
    return Derivation(
        (
            define("K = <x, x> |g_0|^2 + |H_0|^2 |g_1|^2 = |W_1|^2 + |W_0 x|^2"),
            infer("kappa l |W_1|^2 and d |W_0 x|^2 are independent with the law of chi^2_l"),
            show_equal("Var chi^2_l = 2l, the second cumulant", square, 2 * WIDTH, name="Var chi^2_l"),
            show_with("scaled and added", claim.formula, {VARIANCE: total}),
        )
    )


def sample(claim: Claim, seed: int, width: int, features: int, kappa: float, count: int) -> tuple[float, float, float]:
    """Return the claimed variance, the sample's and its standard error."""
    rng = np.random.default_rng(seed)
    last = (rng.standard_normal((count, width)) ** 2).sum(1) / (kappa * width)
    kernel = last + (rng.standard_normal((count, width)) ** 2).sum(1) / features
    squares = (kernel - kernel.mean()) ** 2
    claimed = float(claim.bound({WIDTH: float(width), DIMENSION: float(features), KAPPA: kappa}))
    return claimed, float(squares.mean()), float(squares.std() / np.sqrt(count))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with sample variances of 10000 draws in four shapes."""
    shapes = ((5, 5, 1.0), (40, 40, 1.0), (20, 60, 0.5), (60, 20, 2.0))
    samples = np.array([sample(claim, 10 * seed + k, *shape, 10_000) for k, shape in enumerate(shapes)])
    claimed, seen, errors = samples.T
    found = np.abs(seen - claimed) / errors
    return Evidence.measured(
        claim,
        f"distances from the sample variances {', '.join(f'{f:.2f}' for f in found)} standard errors",
        contradicted=max(found) > 6.0,
        error_bar="6 standard errors",
        cases=40_000,
        seed=seed,
        picture=against_claim(
            claimed,
            seen,
            what="Var[K]",
            title="Sample variances of four shapes are the claimed ones",
            log=True,
            interval=(seen - errors, seen + errors),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed, width, features, kappa."""
    return st.tuples(st.integers(0, 2**31), st.integers(3, 30), st.integers(3, 30), st.sampled_from([0.5, 1.0, 2.0]))


def holds(claim: Claim, case: tuple[int, int, int, float]) -> bool:
    """Compare with 2000 draws, at 8 standard errors."""
    claimed, seen, error = sample(claim, *case, 2000)
    return abs(seen - claimed) / error < 8.0


FALSE_TWINS = (
    FalseTwin("as if with l^2", {"claim": variance_is(2 / (KAPPA**2 * WIDTH**2) + 2 * WIDTH / DIMENSION**2)}),
    FalseTwin("the last layer only", {"claim": variance_is(2 / (KAPPA**2 * WIDTH))}),
)

THEOREM = Theorem(
    name="initial_kernel_fluctuation",
    source=Source(PAPER, "Theorem 4.2, proof (concentration)", "the exact variance for one hidden layer"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("initial_kernel_fluctuation_printed", "initial_kernel_mean"),
)
