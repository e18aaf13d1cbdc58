r"""Section 2, corrected: one expected step of SGD needs a bound only on the mean inner product over pairs i != j.

Assumptions
-----------
A1 for every f_i; mean_{i != j} <g_i, g_j> >= -eta at the point; i is drawn uniformly from 1, ..., N.

Source
------
Corrects "Gradient Confusion" (2020), section 2, remark on the average inner product (i != j must be asked for).

Idea of the proof
-----------------
E_i <grad F, g_i> = |grad F|^2 = mean|g_i|^2/N + (N-1)/N mean_{i != j} <g_i, g_j>: in expectation over i only the mean
matters. This is the descent inequality from which Theorems 3.1 and 3.2 are unrolled, with the same constants.

Deviations from the paper
-------------------------
The theorems' proofs use the worst pair for each drawn i; in expectation the mean over pairs does the same.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ALPHA, SAMPLES, SMOOTH, SYMBOLS
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.average_confusion_printed import DIFFERENT
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import FULL, MEAN_SQUARE
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANGE = sp.Symbol("E_i[F(w+)] - F(w)", real=True)


def change_at_most(bound: sp.Expr) -> Claim:
    """Return the claim E_i[F(w+)] - F(w) <= bound."""
    return Claim(
        "One step of SGD descends in expectation up to alpha (N-1)/N times the mean confusion over pairs i != j.",
        sp.Le(CHANGE, bound, evaluate=False),
        ("A1 for every f_i", "mean_{i != j} <g_i, g_j> >= -eta", "i uniform"),
        {
            CHANGE: "expected change of F in one step",
            MEAN_SQUARE: "mean of |g_i|^2",
            DIFFERENT: "eta, a bound on the mean over i != j",
            **{s: SYMBOLS[s] for s in (ALPHA, SMOOTH, SAMPLES)},
        },
    )


DESCENT = -(ALPHA / SAMPLES - SMOOTH * ALPHA**2 / 2) * MEAN_SQUARE
CLAIM = change_at_most(DESCENT + ALPHA * (SAMPLES - 1) * DIFFERENT / SAMPLES)


def derive(claim: Claim) -> Derivation:
    """Expand |grad F|^2 by induction over its terms and put the bound in."""
    partial, new = Vector.base("s"), Vector.base("g")
    full = MEAN_SQUARE / SAMPLES - (SAMPLES - 1) * DIFFERENT / SAMPLES
    steps = [
        assume("A1: F(w+) <= F(w) - alpha <grad F, g_i> + (L alpha^2/2)|g_i|^2 for the drawn i"),
        infer("the mean over i: E_i[F(w+)] - F <= -alpha |grad F|^2 + (L alpha^2/2) mean|g_i|^2"),
        show_equal(
            "adding g adds 2 <s, g> to |s|^2 - A and to P; both are 0 for n = 1: |s_N|^2 = A_N + P_N",
            norm2(partial + new) - norm2(new) - norm2(partial),
            2 * inner(partial, new),
            name="change of |s|^2 - A",
        ),
        define("|s_N|^2 = N^2 |grad F|^2, A_N = N mean|g_i|^2, P_N = N(N-1) mean_{i != j} >= -N(N-1) eta"),
        show_equal(
            "so |grad F|^2 >= mean|g_i|^2/N - (N-1) eta/N",
            SAMPLES**2 * full,
            SAMPLES * MEAN_SQUARE - SAMPLES * (SAMPLES - 1) * DIFFERENT,
        ),
    ]
    derived = -ALPHA * full + SMOOTH * ALPHA**2 / 2 * MEAN_SQUARE
    return Derivation(
        (*steps, conclude("put together", claim.formula, CHANGE, derived, from_=steps, lower={SAMPLES: sp.Integer(1)}))
    )


def sides(claim: Claim, case: Any) -> tuple[float, float]:
    """Return the bound and E_i[F(w+)] - F for f_i = (L/2)|w|^2 + <c_i, w>, where A1 holds with equality."""
    slopes, smooth, alpha = case
    g = np.array(slopes, dtype=np.float64)  # gradients at w = 0
    count = len(g)
    mean = g.mean(axis=0)
    after = [0.5 * smooth * alpha**2 * float(x @ x) - alpha * float(mean @ x) for x in g]
    products = (g @ g.T)[~np.eye(count, dtype=bool)]
    values = {
        MEAN_SQUARE: float((g**2).sum()) / count,
        FULL: float(mean @ mean),
        DIFFERENT: max(0.0, -float(products.mean())),
        ALPHA: alpha,
        SMOOTH: smooth,
        SAMPLES: float(count),
    }
    needed = {s: v for s, v in values.items() if s in claim.formula.rhs.free_symbols}
    scale = alpha * values[MEAN_SQUARE] or 1.0
    return float(claim.bound(needed)) / scale, float(np.mean(after)) / scale


def simulate(claim: Claim, seed: int) -> Evidence:
    """Step from 500 random sets of quadratics; with a negative mean inner product the bound is attained."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(500):
        n, d, smooth = int(rng.integers(2, 8)), int(rng.integers(1, 4)), float(rng.uniform(0.1, 3.0))
        found.append(sides(claim, (rng.standard_normal((n, d)), smooth, float(rng.uniform(0.05, 1.9)) / (n * smooth))))
    worst = max(seen - bound for bound, seen in found)
    return Evidence.measured(
        claim,
        f"largest excess over the bound {worst:.2g} of alpha mean|g|^2",
        contradicted=worst > 1e-11,
        error_bar="1e-11 (rounding)",
        cases=len(found),
        seed=seed,
        picture=against_claim(
            *zip(*found, strict=True),
            what="change of F, relative",
            title="No step changes F by more than the bound",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer gradients of two to five functions, a smoothness and a learning rate."""
    vector = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
    fractions = st.sampled_from([float(Fraction(k, 8)) for k in range(1, 9)])
    return st.tuples(st.lists(vector, min_size=2, max_size=5), fractions, fractions)


def holds(claim: Claim, case: Any) -> bool:
    """Check one step."""
    bound, seen = sides(claim, case)
    return seen - bound <= 1e-11


FALSE_TWINS = (
    FalseTwin("without the mean confusion", {"claim": change_at_most(DESCENT)}),
    FalseTwin(
        "descent as by gradient descent",
        {
            "claim": change_at_most(
                -(ALPHA - SMOOTH * ALPHA**2 / 2) * MEAN_SQUARE + ALPHA * (SAMPLES - 1) * DIFFERENT / SAMPLES
            )
        },
    ),
)

THEOREM = Theorem(
    name="average_confusion",
    source=Source(PAPER, "Section 2, average inner product", "with i != j"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("average_confusion_printed", "sgd_linear_neighbourhood_sharper"),
)
