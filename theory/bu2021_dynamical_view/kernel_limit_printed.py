r"""Fact 2.2 as printed: H_ij = (1/2 - arccos(x_i.x_j)/(2 pi)) x_i.x_j. Refuted for inputs that are not of norm 1.

Assumptions
-----------
Those that Fact 2.2 states: none on the norms of the inputs. (Theorem 1 asks for unit norm, after it.)

Source
------
Bu, Xu and Chen (2021), Fact 2.2, the displayed formula.

Idea of the refutation
----------------------
x_i = (1, 0) and x_j = (1/2, 1/2) enclose pi/4, but arccos(x_i.x_j) = arccos(1/2) = pi/3. The expectation is 3/16, the
formula gives 1/6. For |x_i| |x_j| > 1 the arccosine need not even be real. The corrected formula is `kernel_limit`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, show_equal, show_violated
from odeflow.symbolic.limit_kernels import ANGLE, ENTRY, PRODUCT, derive_limit_entry, limit_kernel
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import kernel_limit
from theory.bu2021_dynamical_view.kernel_limit import entry_is
from theory.bu2021_dynamical_view.notation import PAPER

PRINTED = (sp.Rational(1, 2) - sp.acos(PRODUCT) / (2 * sp.pi)) * PRODUCT


def without_norms(value: sp.Expr) -> Claim:
    """Return the claim that an entry of H_inf is `value`, whatever the norms."""
    claim = entry_is(value)
    return Claim(
        "For inputs of any norm H_ij = x_i.x_j (1/2 - arccos(x_i.x_j)/(2 pi)).",
        claim.formula,
        claim.assumptions,
        claim.where,
    )


CLAIM = without_norms(PRINTED)


def counterexample(claim: Claim) -> Derivation:
    """Take x_i = (1, 0), x_j = (1/2, 1/2): the angle is pi/4, x_i.x_j = 1/2, H_ij = 3/16."""
    half = sp.Rational(1, 2)
    points = sp.Matrix([[1, 0], [half, half]])
    product = (points * points.T)[0, 1]
    angle, kernel = sp.pi / 4, limit_kernel(points)
    entry = by("kernel_limit", derive_limit_entry(kernel_limit.CLAIM.formula), kernel_limit.CLAIM.formula)
    return Derivation(
        (
            assume("x_i = (1, 0), x_j = (1/2, 1/2): not parallel, |x_j| = sqrt(1/2)"),
            show_equal("x_i.x_j", product, half, name="<x_i, x_j>"),
            show_equal(
                "which is |x_i| |x_j| cos(pi/4), so the angle is pi/4",
                product,
                sp.sqrt(half) * sp.cos(angle),
                name="<x_i, x_j>",
            ),
            entry,
            show_equal("the expectation H_ij", kernel[0, 1], sp.Rational(3, 16), name="H_ij"),
            show_violated("at these inputs", claim.formula, {ENTRY: kernel[0, 1], PRODUCT: product, ANGLE: angle}),
        )
    )


FALSE_TWINS = (
    FalseTwin("arccos(x_i.x_j)/pi", {"claim": without_norms((sp.Rational(1, 2) - sp.acos(PRODUCT) / sp.pi) * PRODUCT)}),
    FalseTwin("a quarter of x_i.x_j", {"claim": without_norms(PRODUCT / 4)}),
)

THEOREM = Theorem(
    name="kernel_limit_printed",
    source=Source(PAPER, "Fact 2.2, first half", "as printed, without unit norm; corrected in kernel_limit"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=kernel_limit.CLAIM,
    twins=FALSE_TWINS,
    related=("kernel_limit",),
)
