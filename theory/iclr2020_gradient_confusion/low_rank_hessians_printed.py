r"""Section 2 and Appendix C: random low-rank Hessians make the terms of the bound small. Refuted: they are 1.

Assumptions
-----------
H_i = a_i a_i^T with a_i on the unit sphere of R^d. "Small" is made precise as: the factor |H_i| |H_j| of |w|^2 is at
most 2/sqrt(d), the order of |<a_i, a_j>| for random unit vectors.

Source
------
"Gradient Confusion" (2020), section 2 and Appendix C: "if the Hessians are sufficiently random and low-rank (e.g., of
the form H_i = a_i a_i^T where a_i are randomly sampled from a unit sphere), then one would expect the terms in this
expression to be small for all w within a neighborhood of the minimizer".

Idea of the refutation
----------------------
|a a^T| = |a|^2 = 1 for every unit vector: the printed bound |H_i| |H_j| |w|^2 has lost the angle between a_i and a_j.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_violated
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import low_rank_hessians
from theory.iclr2020_gradient_confusion.hessian_product_bound import FIRST, PRODUCT, RADIUS, SECOND
from theory.iclr2020_gradient_confusion.low_rank_hessians import BETWEEN, DIMENSION
from theory.iclr2020_gradient_confusion.notation import PAPER


def leading_factor_at_most(bound: sp.Expr) -> Claim:
    """Return the claim |H_i| |H_j| <= bound."""
    return Claim(
        "For random rank-one Hessians the leading term of the bound becomes small as the dimension grows.",
        sp.Le(FIRST * SECOND, bound, evaluate=False),
        ("H_i = a_i a_i^T", "a_i on the unit sphere of R^d"),
        {FIRST: "|H_i|", SECOND: "|H_j|", DIMENSION: "dimension"},
    )


CLAIM = leading_factor_at_most(2 / sp.sqrt(DIMENSION))


def counterexample(claim: Claim) -> Derivation:
    """Any unit vectors in dimension 100."""
    a, v = Vector.base("a"), Vector.base("v")
    at = {FIRST: sp.Integer(1), SECOND: sp.Integer(1), DIMENSION: sp.Integer(100)}
    between = {PRODUCT: sp.Integer(0), RADIUS: sp.Integer(1), BETWEEN: sp.Integer(0)}
    return Derivation(
        (
            assume("a_i, a_j orthogonal unit vectors in R^100, w = (a_i + a_j)/sqrt(2)"),
            show_equal("|H v|^2 = <a, v>^2 |a|^2", norm2(a * inner(a, v)), inner(a, v) ** 2 * norm2(a)),
            infer("at most |a|^4 |v|^2, attained at v = a: |H| = |a|^2 = 1, in every dimension"),
            infer("the inner product of the gradients is 0 there, and so is <a_i, a_j>"),
            show_violated("the leading factor at d = 100", claim.formula, {**at, **between}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw unit vectors in dimension 100 to 10000 and compare |H_i| |H_j| with |H_i H_j|."""
    rng = np.random.default_rng(seed)
    worst, words = -np.inf, []
    for d in (100, 1000, 10_000):
        a, b = rng.standard_normal((2, d))
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        product, together = float((a @ a) * (b @ b)), abs(float(a @ b))
        worst = max(
            worst, product - float(claim.bound({DIMENSION: float(d)} if claim.formula.rhs.free_symbols else {}))
        )
        words.append(f"d = {d}: |H_i||H_j| = {product:.3f}, |H_i H_j| = {together:.3f}")
    return Evidence.measured(
        claim,
        "; ".join(words),
        contradicted=worst > 1e-9,
        error_bar="1e-9 (rounding)",
        cases=3,
        seed=seed,
    )


FALSE_TWINS = (FalseTwin("a half", {"claim": leading_factor_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="low_rank_hessians_printed",
    source=Source(PAPER, "Section 2 and Appendix C, low-rank Hessians", "as printed, 'small' made precise"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=low_rank_hessians.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("low_rank_hessians", "hessian_product_bound"),
)
