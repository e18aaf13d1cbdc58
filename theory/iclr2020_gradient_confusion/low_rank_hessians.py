r"""Section 2, corrected: for H_i = a_i a_i' with unit a_i it is |H_i H_j| = |<a_i, a_j>| that is small.

Assumptions
-----------
f_i = <a_i, w>^2/2 with unit vectors a_i: H_i = a_i a_i^T, a common minimiser at 0.

Source
------
Corrects "Gradient Confusion" (2020), section 2 and Appendix C: "if the Hessians are sufficiently random and low-rank
... one would expect the terms in this expression to be small".

Idea of the proof
-----------------
<H_i w, H_j w> = <a_i, w> <a_i, a_j> <a_j, w>, and |<a_i, w>| <= |w|. For random unit vectors <a_i, a_j> is of order
d^{-1/2} (`isotropic_inner_products`).

Deviations from the paper
-------------------------
The paper bounds by |H_i| |H_j|, which is 1 (`low_rank_hessians_printed`). It prints a_i in R^{N x r}; N must be d.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_value
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.hessian_product_bound import PRODUCT, RADIUS
from theory.iclr2020_gradient_confusion.notation import PAPER

BETWEEN = sp.Symbol("|<a_i, a_j>|", nonnegative=True)
DIMENSION = sp.Symbol("d", positive=True, integer=True)


def product_at_most(factor: sp.Expr) -> Claim:
    """Return the claim |<g_i, g_j>| <= factor |w|^2."""
    return Claim(
        "For rank-one Hessians inner products of gradients are at most |<a_i, a_j>| |w|^2.",
        sp.Le(PRODUCT, factor * RADIUS**2, evaluate=False),
        ("f_i = <a_i, w>^2/2", "|a_i| = 1"),
        {
            PRODUCT: "inner product of two gradients at w, in absolute value",
            RADIUS: "distance from the minimiser",
            BETWEEN: "inner product of the two unit vectors, in absolute value",
        },
    )


CLAIM = product_at_most(BETWEEN)


def derive(claim: Claim) -> Derivation:
    """Multiply the two gradients."""
    a, b, w = Vector.base("a_i"), Vector.base("a_j"), Vector.base("w")
    steps = [
        assume("f_i = <a_i, w>^2/2 with |a_i| = 1"),
        define("g_i = H_i w = <a_i, w> a_i"),
        show_value(
            "their inner product", inner(a * inner(a, w), b * inner(b, w)), inner(a, w) * inner(a, b) * inner(b, w)
        ),
        infer("Cauchy-Schwarz twice: |<a_i, w>| <= |w|, |<a_j, w>| <= |w|"),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, PRODUCT, BETWEEN * RADIUS**2, from_=steps)))


def sides(claim: Claim, case: Any) -> tuple[float, float]:
    """Return the bound and |<g_i, g_j>|, in units of |w|^2."""
    a, b, w = (np.asarray(v, dtype=np.float64) for v in case)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    between, radius = abs(float(a @ b)), float(np.linalg.norm(w))
    values = {s: v for s, v in {BETWEEN: between, RADIUS: radius}.items() if s in claim.formula.rhs.free_symbols}
    return float(claim.bound(values)) / radius**2, abs(float((a @ w) * (a @ b) * (b @ w))) / radius**2


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 1000 triples in dimension 1 to 50; parallel ones attain the bound."""
    rng = np.random.default_rng(seed)
    cases = [tuple(rng.standard_normal((3, int(rng.integers(1, 51))))) for _ in range(1000)]
    parallel = rng.standard_normal(5)
    pairs = [sides(claim, case) for case in [*cases, (parallel, parallel, parallel)]]
    worst = max(seen - bound for bound, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest excess over the bound {worst:.2g} of |w|^2",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=1001,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="|<g_i, g_j>|, in |w|^2", title="No product is above its bound", log=True
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Three integer vectors of the plane, none of them zero."""
    vector = st.tuples(st.integers(-4, 4), st.integers(-4, 4)).filter(any)
    return st.tuples(vector, vector, vector)


def holds(claim: Claim, case: Any) -> bool:
    """Check one triple."""
    bound, seen = sides(claim, case)
    return seen - bound <= 1e-12


FALSE_TWINS = (
    FalseTwin("squared", {"claim": product_at_most(BETWEEN**2)}),
    FalseTwin("half of it", {"claim": product_at_most(BETWEEN / 2)}),
)

THEOREM = Theorem(
    name="low_rank_hessians",
    source=Source(PAPER, "Section 2 and Appendix C, low-rank Hessians", "with |H_i H_j| in place of |H_i| |H_j|"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("low_rank_hessians_printed", "hessian_product_bound", "isotropic_inner_products"),
)
