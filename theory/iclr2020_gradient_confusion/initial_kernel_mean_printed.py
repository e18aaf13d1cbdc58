r"""(19): the mean over the initial weights of the gradients' kernel is at most 1. Refuted: it grows with the depth.

Assumptions
-----------
Strategy 4.1, |x| <= 1, identity activation (|sigma'| <= 1).

Source
------
"Gradient Confusion" (2020), (19), with (20) and (21); hence E h >= -4.

Idea of the refutation
----------------------
kappa = 1, l = d, x = x' with |x| = 1/2, beta = 30: the mean is (beta + 1)/4 = 31/4 by `initial_kernel_mean`.

Deviations from the paper
-------------------------
The step "the second sum is 0" takes E[W^T W] for 0. Then E h >= -4 fails as well (x' = -x, labels 1).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, by, define, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import initial_kernel_mean
from theory.iclr2020_gradient_confusion._spheres import DIMENSION
from theory.iclr2020_gradient_confusion.initial_kernel_mean import DEPTH, MEAN, PRODUCT
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA, WIDTH


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim E S <= bound."""
    return Claim(
        "At initialisation the mean inner product of two output gradients is at most 1.",
        sp.Le(MEAN, bound, evaluate=False),
        ("Strategy 4.1", "|x|, |x'| <= 1, |sigma'| <= 1"),
        {MEAN: "mean over the weights of <grad_W g(x), grad_W g(x')>"},
    )


CLAIM = at_most(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Take a deep linear net at kappa = 1 and a short input."""
    exact = initial_kernel_mean.CLAIM
    at = {KAPPA: sp.Integer(1), WIDTH: sp.Integer(100), DIMENSION: sp.Integer(100), DEPTH: sp.Integer(30)}
    at[PRODUCT] = sp.Rational(1, 4)
    mean = exact.formula.rhs.xreplace(at)
    return Derivation(
        (
            define("identity activation, kappa = 1, l = d = 100, beta = 30, x = x', |x|^2 = 1/4"),
            by("initial_kernel_mean", initial_kernel_mean.derive(exact), exact.formula),
            show_equal("at these values", mean, sp.Rational(31, 4), name="mean at these values"),
            show_violated("so", claim.formula, {MEAN: mean, **at}),
        )
    )


FALSE_TWINS = (FalseTwin("at most 4", {"claim": at_most(sp.Integer(4))}),)

THEOREM = Theorem(
    name="initial_kernel_mean_printed",
    source=Source(PAPER, "(19)-(21)", "as printed; corrected in initial_kernel_mean"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=initial_kernel_mean.CLAIM,
    twins=FALSE_TWINS,
    related=("initial_kernel_mean", "initial_confusion_data_printed"),
)
