r"""Section 2 and Appendix C, with L_H^2: |<g_i, g_j>| <= |w|^2 h_i h_j + (L_H/2)|w|^3 (h_i + h_j) + (L_H^2/4)|w|^4.

Assumptions
-----------
Every f_i has a minimiser at the origin and a Hessian with Lipschitz constant L_H; h_i = |H_i(0)|.

Source
------
"Gradient Confusion" (2020), section 2 (last display) and Appendix C, read with the last coefficient L_H^2/4.

Idea of the proof
-----------------
grad f_i(w) = H_i w + e_i with |e_i| <= L_H |w|^2/2; multiply (h_i |w| + |e_i|)(h_j |w| + |e_j|) out.

Deviations from the paper
-------------------------
The text that we hold lost its superscripts: 1/4 L_H^2 and 1/4 L_H cannot be told apart. This is the reading that holds;
the other is `hessian_product_bound_unsquared`. The paper writes one e for two different errors. It needs one common
minimiser of all f_i. That the bound is small for low-rank Hessians does not follow: `low_rank_hessians_printed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, infer, show_value
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

PRODUCT = sp.Symbol("|<g_i, g_j>|", nonnegative=True)
RADIUS = sp.Symbol("|w|", nonnegative=True)
FIRST, SECOND = sp.symbols("h_i h_j", nonnegative=True)
LIPSCHITZ = sp.Symbol("L_H", nonnegative=True)


def product_at_most(last: sp.Expr) -> Claim:
    """Return the claim with `last` as the coefficient of |w|^4."""
    bound = RADIUS**2 * FIRST * SECOND + LIPSCHITZ * RADIUS**3 * (FIRST + SECOND) / 2 + last * RADIUS**4
    return Claim(
        "Near a common minimiser inner products of gradients are bounded by the norms of the Hessians there.",
        sp.Le(PRODUCT, bound, evaluate=False),
        ("grad f_i(0) = 0 for every i", "|H_i(w) - H_i(w')| <= L_H |w - w'|"),
        {
            PRODUCT: "inner product of two gradients at w, in absolute value",
            RADIUS: "distance from the minimiser",
            FIRST: "|H_i(0)|",
            SECOND: "|H_j(0)|",
            LIPSCHITZ: "Lipschitz constant of the Hessians",
        },
    )


CLAIM = product_at_most(LIPSCHITZ**2 / 4)


def derive(claim: Claim) -> Derivation:
    """Bound the error of the linear part by an integral, multiply out."""
    t = sp.Symbol("t", nonnegative=True)
    error = sp.integrate(LIPSCHITZ * t * RADIUS * RADIUS, (t, 0, 1))
    derived = (FIRST * RADIUS + error) * (SECOND * RADIUS + error)
    steps = [
        assume("grad f_i(0) = 0 and |H_i(w) - H_i(w')| <= L_H |w - w'|"),
        infer("grad f_i(w) = int_0^1 H_i(t w) w dt = H_i(0) w + e_i, |e_i| <= int_0^1 L_H t |w| |w| dt"),
        show_value("the integral", error, LIPSCHITZ * RADIUS**2 / 2),
        infer("Cauchy-Schwarz: |<g_i, g_j>| <= |g_i| |g_j| <= (h_i |w| + |e_i|)(h_j |w| + |e_j|)"),
    ]
    return Derivation((*steps, conclude("multiplied out", claim.formula, PRODUCT, derived, from_=steps)))


def sides(claim: Claim, case: Any) -> tuple[float, float]:
    """Return the bound and |<g_i, g_j>| for f = a w^2/2 + (L_H/6)|w|^3 along one direction, at w > 0."""
    first, second, lipschitz, w = case
    product: float = abs(first * w + lipschitz * w * w / 2) * abs(second * w + lipschitz * w * w / 2)
    values = {FIRST: abs(first), SECOND: abs(second), LIPSCHITZ: lipschitz, RADIUS: w}
    return float(claim.bound(values)) / max(1.0, product), product / max(1.0, product)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 1000 pairs of cubics in dimension 1 to 4, gradients H_i w + (L_H/2)|w| w, and as many on the line."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(1000):
        d, lipschitz = int(rng.integers(1, 5)), float(rng.uniform(0.0, 3.0))
        w = rng.standard_normal(d) * rng.uniform(0.1, 2.0)
        radius = float(np.linalg.norm(w))
        hessians = [(A + A.T) / 2 for A in rng.standard_normal((2, d, d)) * rng.uniform(0.0, 1.0)]
        # c |w|^3/6 has the third derivative c (3 cos t - cos^3 t)/2 along a unit vector at angle t to w: at most c,
        # and a symmetric trilinear form attains its norm on a diagonal
        g = [H @ w + lipschitz * radius * w / 2 for H in hessians]
        norms = [float(np.linalg.norm(H, 2)) for H in hessians]
        values = {FIRST: norms[0], SECOND: norms[1], LIPSCHITZ: lipschitz, RADIUS: radius}
        pairs.append((float(claim.bound(values)), abs(float(g[0] @ g[1]))))
        pairs.append(sides(claim, (*rng.uniform(0.0, 2.0, 2), lipschitz, radius)))
    worst = max(seen - bound for bound, seen in pairs)
    return Evidence.measured(
        claim,
        f"largest excess over the bound {worst:.2g} (0 is attained)",
        contradicted=worst > 1e-9,
        error_bar="1e-9 (rounding)",
        cases=2000,
        seed=seed,
        picture=by_case(
            [seen / bound for bound, seen in pairs],
            1.0,
            title="No product is above its bound" if worst <= 1e-9 else "Products of gradients are above the bound",
            ylabel="|<g_i, g_j>| / bound",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Curvatures, Lipschitz constant and w > 0 of two cubics on the line."""
    number = st.integers(0, 24).map(lambda k: k / 8)
    return st.tuples(number, number, number, st.integers(1, 24).map(lambda k: k / 8))


def holds(claim: Claim, case: Any) -> bool:
    """Check one pair of cubics."""
    bound, seen = sides(claim, case)
    return seen - bound <= 1e-12


FALSE_TWINS = (
    FalseTwin("L_H^2/8", {"claim": product_at_most(LIPSCHITZ**2 / 8)}),
    FalseTwin("no fourth power", {"claim": product_at_most(sp.Integer(0))}),
)

THEOREM = Theorem(
    name="hessian_product_bound",
    source=Source(PAPER, "Section 2 and Appendix C, Hessians", "with the coefficient L_H^2/4"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("hessian_product_bound_unsquared", "low_rank_hessians_printed", "low_rank_hessians"),
)
