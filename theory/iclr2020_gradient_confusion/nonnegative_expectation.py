r"""For weights independent of the data E<grad f_i, grad f_j> = |E grad f|^2 >= 0.

Assumptions
-----------
x_i, x_j independent with one law, W fixed (or independent of both), f_i = f(W; x_i).

Source
------
"Gradient Confusion" (2020), proof of Theorem 4.1 ("Non-negative expectation"), used in (9).

Idea of the proof
-----------------
The inner product is bilinear and the two samples are independent.

Deviations from the paper
-------------------------
The paper states it for any W; at a minimiser of the same data W depends on them, and the mean is negative
(`nonnegative_expectation_at_minimiser_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

PRODUCT = sp.Symbol("E<grad f_i, grad f_j>", real=True)
SQUARE = sp.Symbol("|E grad f|^2", nonnegative=True)


def mean_product(factor: sp.Expr) -> Claim:
    """Return the claim E<grad f_i, grad f_j> = factor |E grad f|^2."""
    return Claim(
        "For weights independent of the data the expected inner product of two gradients is |E grad f|^2 >= 0.",
        equate(PRODUCT, factor * SQUARE),
        ("x_i, x_j independent with one law", "W independent of both"),
        {PRODUCT: "expected inner product of the gradients of two samples", SQUARE: "square of the mean gradient"},
    )


CLAIM = mean_product(sp.Integer(1))


def derive(claim: Claim) -> Derivation:
    """Add atoms one by one; the mean of any law is a linear map, so the rest is Fubini."""
    p, mean, atom = sp.Symbol("p", nonnegative=True), Vector.base("m"), Vector.base("v")
    before = norm2(mean)  # of n atoms, by the induction hypothesis
    double = before + 2 * p * inner(mean, atom) + p**2 * norm2(atom)
    steps = [
        assume("the two samples are independent with one law, of finite second moment; W does not depend on them"),
        define("m_n = p_1 v_1 + ... + p_n v_n, D_n = sum over i, j <= n of p_i p_j <v_i, v_j>"),
        show_equal("one atom: D_1 = |m_1|^2", p * p * inner(atom, atom), norm2(p * atom), name="D_1"),
        show_equal(
            "if D_n = |m_n|^2, the pairs with one more atom make D_{n+1} = |m_{n+1}|^2",
            double,
            norm2(mean + p * atom),
            name="D_{n+1}",
        ),
        infer("any law: E_x E_y <g(x), g(y)> = <E g, E g>, as <., v> is linear and the samples are independent"),
    ]
    return Derivation((*steps, show_with("so", claim.formula, {PRODUCT: double, SQUARE: norm2(mean + p * atom)})))


def sides(gradients: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return the expected inner product and the square of the mean for a law on the rows."""
    mean = weights @ gradients
    return float(weights @ (gradients @ gradients.T) @ weights), float(mean @ mean)


def compared(claim: Claim, seed: int) -> tuple[float, float, float]:
    """Return both sides for one random law of six atoms in four dimensions, and the rounding that they are due."""
    rng = np.random.default_rng(seed)
    product, square = sides(rng.standard_normal((6, 4)), rng.dirichlet(np.ones(6)))
    return float(claim.bound({SQUARE: square})), product, 1e-12 * (1.0 + square)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare both sides for 200 random laws."""
    claimed, seen, rounding = np.array([compared(claim, 1000 * seed + k) for k in range(200)]).T
    wrong = int((np.abs(seen - claimed) > rounding).sum())
    return Evidence.measured(
        claim,
        f"{wrong} of 200 laws disagree",
        contradicted=wrong > 0,
        error_bar="1e-12 (rounding)",
        cases=200,
        seed=seed,
        picture=against_claim(claimed, seen, what="E<g, g'>", title="The mean product of 200 laws is |E g|^2"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seeds of random laws."""
    return st.integers(0, 2**31)


def holds(claim: Claim, case: int) -> bool:
    """Compare both sides for one law."""
    claimed, seen, rounding = compared(claim, case)
    return abs(seen - claimed) <= rounding


FALSE_TWINS = (FalseTwin("twice the square", {"claim": mean_product(sp.Integer(2))}),)

THEOREM = Theorem(
    name="nonnegative_expectation",
    source=Source(PAPER, "Theorem 4.1, proof (non-negative expectation)", "for weights independent of the data"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nonnegative_expectation_at_minimiser_printed", "confusion_probability"),
)
