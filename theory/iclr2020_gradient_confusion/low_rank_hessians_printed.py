r"""Section 2 and Appendix C: random low-rank Hessians make |H_i| |H_j| small as d grows. Refuted: it is 1.

Assumptions
-----------
H_i = a_i a_i^T with a_i on the unit sphere of R^d. "Small" is read as weakly as can be: the factor |H_i| |H_j| of
|w|^2 in the printed bound tends to 0 as d grows.

Source
------
"Gradient Confusion" (2020), section 2 and Appendix C: "if the Hessians are sufficiently random and low-rank (e.g., of
the form H_i = a_i a_i^T where a_i are randomly sampled from a unit sphere), then one would expect the terms in this
expression to be small for all w within a neighborhood of the minimizer".

Idea of the refutation
----------------------
|a a^T| = |a|^2 = 1 for every unit vector: the printed bound |H_i| |H_j| |w|^2 has lost the angle between a_i and a_j.

Deviations from the paper
-------------------------
The paper calls the argument "a bit non-rigorous". In a neighbourhood small enough every term is small, for any
Hessians; what is refuted is that randomness and low rank make the terms of this bound small.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_violated
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import low_rank_hessians
from theory.iclr2020_gradient_confusion.hessian_product_bound import PRODUCT, RADIUS
from theory.iclr2020_gradient_confusion.low_rank_hessians import BETWEEN
from theory.iclr2020_gradient_confusion.notation import PAPER

LIMIT = sp.Symbol("lim_d |H_i||H_j|", nonnegative=True)


def limit_at_most(bound: sp.Expr) -> Claim:
    """Return the claim that |H_i| |H_j| has a limit of at most `bound` as the dimension grows."""
    return Claim(
        "For random rank-one Hessians the leading factor of the printed bound becomes small as the dimension grows.",
        sp.Le(LIMIT, bound, evaluate=False),
        ("H_i = a_i a_i^T", "a_i random on the unit sphere of R^d"),
        {LIMIT: "limit of |H_i| |H_j| as d grows"},
    )


CLAIM = limit_at_most(sp.Integer(0))


def counterexample(claim: Claim) -> Derivation:
    """Compute the norm of a a^T."""
    a, v = Vector.base("a"), Vector.base("v")
    square = (inner(a, v) ** 2 * norm2(a)).xreplace({norm2(a): sp.Integer(1)})
    return Derivation(
        (
            assume("H_i = a_i a_i^T, |a_i| = 1, a_i and a_j orthogonal, in any dimension; w = (a_i + a_j)/sqrt(2)"),
            show_equal("|H v|^2 = <a, v>^2 |a|^2", norm2(a * inner(a, v)), inner(a, v) ** 2 * norm2(a), name="|H v|^2"),
            infer("at most |v|^2 by Cauchy-Schwarz"),
            show_equal("attained at v = a: |H a|^2 = 1", square.subs(inner(a, v), 1), sp.Integer(1), name="|H a|^2"),
            infer("so |H_i| |H_j| = 1 in every dimension, though <a_i, a_j> and the gradients' inner product are 0"),
            show_violated(
                "its limit is 1",
                claim.formula,
                {LIMIT: sp.Integer(1), PRODUCT: sp.Integer(0), RADIUS: sp.Integer(1), BETWEEN: sp.Integer(0)},
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw unit vectors in dimension 30, 100 and 300 and compare |H_i| |H_j|, by singular values, with |H_i H_j|."""
    rng = np.random.default_rng(seed)
    least, words, products, joint = np.inf, [], [], []
    for d in (30, 100, 300):
        a, b = rng.standard_normal((2, d))
        first, second = (np.outer(u, u) / (u @ u) for u in (a, b))
        product = float(np.linalg.norm(first, 2) * np.linalg.norm(second, 2))
        least = min(least, product)
        products.append(product)
        joint.append(float(np.linalg.norm(first @ second, 2)))
        words.append(f"d = {d}: |H_i||H_j| = {product:.3f}, |H_i H_j| = {joint[-1]:.3f}")
    return Evidence.measured(
        claim,
        "; ".join(words),
        contradicted=least > float(claim.formula.rhs) + 1e-9,
        error_bar="1e-9 (rounding); finite dimensions",
        cases=3,
        seed=seed,
        picture=along(
            (30, 100, 300),
            {"|H_i| |H_j|": products, "|H_i H_j|": joint},
            {"claimed limit of |H_i| |H_j|": float(claim.formula.rhs)},
            title="The product of norms stays at 1",
            xlabel="dimension d",
            ylabel="norm",
            xscale="log",
        ),
    )


FALSE_TWINS = (FalseTwin("a half", {"claim": limit_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="low_rank_hessians_printed",
    source=Source(PAPER, "Section 2 and Appendix C, low-rank Hessians", "as printed; 'small' read as a limit"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=low_rank_hessians.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("low_rank_hessians", "hessian_product_bound"),
)
