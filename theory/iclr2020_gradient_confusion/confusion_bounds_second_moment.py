r"""Confusion bounds the second moment: mean|g_i|^2 <= N |grad F|^2 + (N-1) eta. New; sharp.

Assumptions
-----------
N gradients with <g_i, g_j> >= -eta for all i != j, grad F their mean, at one point.

Source
------
Against "Gradient Confusion" (2020), sections 3 and 6 ("bounded gradient confusion does not provide a bound on the
variance of the gradients"): for fixed N it does.

Idea of the proof
-----------------
|sum g_i|^2 = sum |g_i|^2 + sum_{i != j} <g_i, g_j>, and each of the N(N-1) products is at least -eta.

Deviations from the paper
-------------------------
Not in the paper. Equality: one gradient that is not zero (eta = 0), or vectors whose products are all -eta, as the
corners of a simplex.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ETA, SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

MEAN_SQUARE = sp.Symbol("mean|g_i|^2", nonnegative=True)
FULL = sp.Symbol("|grad F|^2", nonnegative=True)


def second_moment(bound: sp.Expr) -> Claim:
    """Return the claim mean|g_i|^2 <= bound."""
    return Claim(
        "The mean squared gradient is at most N |grad F|^2 + (N-1) eta.",
        sp.Le(MEAN_SQUARE, bound, evaluate=False),
        ("<g_i, g_j> >= -eta for i != j", "grad F is the mean of the N gradients"),
        {
            MEAN_SQUARE: "mean of the N squared gradients",
            FULL: "squared gradient of F",
            ETA: "confusion bound at the point",
            SAMPLES: "number of functions",
        },
    )


CLAIM = second_moment(SAMPLES * FULL + (SAMPLES - 1) * ETA)


def derive(claim: Claim) -> Derivation:
    """Expand the square of the sum, by induction over its terms."""
    partial, new = Vector.base("s"), Vector.base("g")
    squares = sp.Symbol("A", nonnegative=True)
    products = SAMPLES**2 * FULL - squares
    steps = [
        define("s_n = g_1 + ... + g_n, A_n = |g_1|^2 + ... + |g_n|^2, P_n = sum of <g_i, g_j> over i != j <= n"),
        show_equal(
            "adding g adds 2 <s, g> to |s|^2 - A, which is what it adds to P; both are 0 for n = 1: |s|^2 = A + P",
            norm2(partial + new) - norm2(new) - norm2(partial),
            2 * inner(partial, new),
            name="change of |s|^2 - A",
        ),
        show_equal(
            "with |s_N|^2 = N^2 |grad F|^2 and A_N = N mean|g_i|^2: mean|g_i|^2 = N |grad F|^2 - P_N/N",
            SAMPLES * FULL - products / SAMPLES,
            squares / SAMPLES,
        ),
        infer("P_N has N(N-1) terms, each at least -eta"),
        show_equal(
            "-P_N/N is then at most (N-1) eta",
            SAMPLES * (SAMPLES - 1) * ETA / SAMPLES,
            (SAMPLES - 1) * ETA,
            name="bound on -P_N/N",
        ),
    ]
    derived = SAMPLES * FULL + (SAMPLES - 1) * ETA
    return Derivation(
        (
            *steps,
            conclude("put together", claim.formula, MEAN_SQUARE, derived, from_=steps, lower={SAMPLES: sp.Integer(1)}),
        )
    )


def excess(claim: Claim, gradients: np.ndarray) -> float:
    """Return mean|g_i|^2 / bound for the rows of a matrix."""
    count = gradients.shape[0]
    products = gradients @ gradients.T
    eta = max(0.0, -float(products[~np.eye(count, dtype=bool)].min(initial=0.0)))
    values = {SAMPLES: float(count), FULL: float((gradients.mean(axis=0) ** 2).sum()), ETA: eta}
    bound = float(claim.bound(values))
    return float(np.trace(products)) / count / bound if bound > 0.0 else 0.0


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 1500 sets of gradients, sparse ones among them; simplices and single gradients attain equality."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(1500):
        n, d = int(rng.integers(2, 9)), int(rng.integers(1, 7))
        found.append(excess(claim, rng.standard_normal((n, d)) * (rng.random((n, 1)) < rng.uniform(0.2, 1.0))))
    for n in range(2, 9):
        found += [excess(claim, np.eye(n) - 1.0 / n), excess(claim, np.eye(n) * (np.arange(n) == 0)[:, None])]
    worst = max(found)
    return Evidence.measured(
        claim,
        f"largest mean|g|^2 / bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-12,
        error_bar="1e-12 (rounding)",
        cases=len(found),
        seed=seed,
        picture=by_case(found, 1.0, title="No set of gradients is above the bound", ylabel="mean|g|^2 / bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Two to five integer vectors of the plane."""
    vector = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
    return st.lists(vector, min_size=2, max_size=5)


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one set of integer gradients."""
    return excess(claim, np.array(case, dtype=np.float64)) <= 1.0 + 1e-12


FALSE_TWINS = (
    FalseTwin("without the factor N", {"claim": second_moment(FULL + (SAMPLES - 1) * ETA)}),
    FalseTwin("(N-1) eta replaced by eta", {"claim": second_moment(SAMPLES * FULL + ETA)}),
)

THEOREM = Theorem(
    name="confusion_bounds_second_moment",
    source=Source(PAPER, "Section 3, confusion and variance", "new: for fixed N confusion bounds the second moment"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sgd_stationary_sharper", "sgd_linear_neighbourhood_pl"),
)
