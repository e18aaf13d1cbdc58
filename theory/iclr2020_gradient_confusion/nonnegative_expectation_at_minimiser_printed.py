r"""Theorem 4.1 "around the minimiser": there too the mean inner product of two gradients is >= 0. Refuted.

Assumptions
-----------
W minimises F = mean f_i for the very data that the gradients are taken on.

Source
------
"Gradient Confusion" (2020), section 4 (a), "bounded weights around minimizer", with the proof's E h >= 0.

Idea of the refutation
----------------------
Where grad F = 0 the mean of <g_i, g_j> over i != j is -mean|g_i|^2/(N-1). Two wells: it is -1.

Deviations from the paper
-------------------------
At a stationary point that does not interpolate, confusion is never zero. For weights independent of the data:
`nonnegative_expectation`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import nonnegative_expectation
from theory.iclr2020_gradient_confusion.nonnegative_expectation import PRODUCT, SQUARE
from theory.iclr2020_gradient_confusion.notation import PAPER

PAIRS = sp.Symbol("mean_{i != j}<g_i, g_j>", real=True)


def at_least(value: sp.Expr) -> Claim:
    """Return the claim that the mean over pairs is at least `value`."""
    return Claim(
        "At the minimiser of the data's own loss the mean inner product of two samples' gradients is non-negative.",
        sp.Ge(PAIRS, value, evaluate=False),
        ("W minimises the mean loss of the same data",),
        {PAIRS: "mean inner product over pairs i != j"},
    )


CLAIM = at_least(sp.Integer(0))


def counterexample(claim: Claim) -> Derivation:
    """Take two wells at +1 and -1."""
    w = sp.Symbol("w", real=True)
    losses = [(w - 1) ** 2 / 2, (w + 1) ** 2 / 2]
    first, second = (sp.diff(f, w) for f in losses)
    at_zero = (first * second).subs(w, 0)
    pairs = [(a * b).subs(w, 0) for a in (first, second) for b in (first, second)]  # independent draws: i = j as well
    at = {PAIRS: at_zero, PRODUCT: sum(pairs) / 4, SQUARE: ((first + second) / 2).subs(w, 0) ** 2}
    return Derivation(
        (
            define("f_1 = (w - 1)^2/2, f_2 = (w + 1)^2/2: g = w x at x = 1 and x = -1, C = 1, square loss"),
            show_equal("the minimiser is w = 0: grad F = w", (first + second) / 2, w, name="grad F"),
            show_equal(
                "there the product of the gradients is -1", at_zero, sp.Integer(-1), name="product of the gradients"
            ),
            show_violated("one pair", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("at least -1/2", {"claim": at_least(-sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="nonnegative_expectation_at_minimiser_printed",
    source=Source(PAPER, "Section 4 (a), weights around the minimiser", "independence fails there"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=nonnegative_expectation.CLAIM,
    twins=FALSE_TWINS,
    related=("nonnegative_expectation", "confusion_probability"),
)
