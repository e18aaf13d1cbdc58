r"""Theorem 4.2's premise: |W_p| <= 1 with probability tending to 1 with the width. Refuted at kappa = 1: it tends to 0.

Assumptions
-----------
Strategy 4.1 with kappa = 1 (Glorot, LeCun on square layers): W is l by l with independent N(0, 1/l) entries.

Source
------
"Gradient Confusion" (2020), Theorem 4.2 and its proof: "|W_p| <= 1 with probability at least
1 - beta exp(-c_1 kappa^2 l^2)".

Idea of the refutation
----------------------
|W| is at least the length of every column, l independent lengths with l |column|^2 = chi^2_l. X = chi^2_l - l has mean
0, and P(X > 0) >= (E X^2)^2/(4 E X^4) >= 1/60. So P(|W| <= 1) <= (59/60)^l.

Deviations from the paper
-------------------------
|W| tends to 2/sqrt(kappa): 2 for kappa = 1, 2.83 for He. The exponent l^2 belongs to entries N(0, 1/(kappa l)^2), not
to the variance of Strategy 4.1. For kappa > 4: `initial_norm`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import initial_norm
from theory.iclr2020_gradient_confusion._steps import clopper_pearson
from theory.iclr2020_gradient_confusion.notation import PAPER

LIMIT = sp.Symbol("lim_l Pr[|W| <= 1]", nonnegative=True)
WIDTH = sp.Symbol("l", positive=True, integer=True)


def limit_at_least(value: sp.Expr) -> Claim:
    """Return the claim that the limit of Pr[|W| <= 1] is at least `value`."""
    return Claim(
        "With kappa = 1 the operator norm is at most 1 with probability tending to 1 as the width grows.",
        sp.Ge(LIMIT, value, evaluate=False),
        ("W is l by l with independent N(0, 1/l) entries",),
        {LIMIT: "limit of the probability of a norm at most 1"},
    )


CLAIM = limit_at_least(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Look at the columns."""
    t, width = sp.Symbol("t", real=True), WIDTH
    cumulants = -width * t - width * sp.log(1 - 2 * t) / 2  # of chi^2_l - l
    second, fourth = (sp.diff(cumulants, t, k).subs(t, 0) for k in (2, 4))
    return Derivation(
        (
            define("X = chi^2_l - l; l |column|^2 has the law of chi^2_l, for l independent columns"),
            show_equal("E X^2 = 2l, the second cumulant", second, 2 * width),
            show_equal("E X^4 = fourth cumulant + 3 (E X^2)^2", fourth + 3 * second**2, 12 * width**2 + 48 * width),
            infer("E X = 0, so E X^+ = E|X|/2, and (E X^+)^2 <= E X^2 P(X > 0) (Cauchy-Schwarz)"),
            infer("E X^2 <= (E|X|)^{2/3} (E X^4)^{1/3} (Hoelder): P(X > 0) >= (E X^2)^2/(4 E X^4)"),
            show_less(
                "which is at least 1/60",
                sp.Rational(1, 60),
                (2 * width) ** 2 / (4 * (12 * width**2 + 48 * width)),
                {width: sp.Integer(1)},
            ),
            infer("|W| <= 1 forces every column to have length <= 1: Pr[|W| <= 1] <= (59/60)^l"),
            show_equal("which tends to 0", sp.limit(sp.Rational(59, 60) ** width, width, sp.oo), sp.Integer(0)),
            show_violated("so", claim.formula, {LIMIT: sp.Integer(0)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure 40 square matrices each of width 10, 40 and 80."""
    rng = np.random.default_rng(seed)
    said, high = [], 1.0
    for width in (10, 40, 80):
        norms = np.linalg.norm(rng.standard_normal((40, width, width)) / np.sqrt(width), 2, axis=(1, 2))
        hits = int((norms <= 1.0).sum())
        _, high = clopper_pearson(hits, 40)
        said.append(f"l = {width}: mean |W| {norms.mean():.2f}, {hits} of 40 at most 1")
    return Evidence.measured(
        claim,
        "; ".join(said),
        contradicted=high < float(claim.formula.rhs),
        error_bar=f"99.9 % upper limit at the largest width {high:.3f}",
        cases=120,
        seed=seed,
    )


FALSE_TWINS = (FalseTwin("the limit is at least 1/2", {"claim": limit_at_least(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="initial_norm_printed",
    source=Source(PAPER, "Theorem 4.2, premise", "at kappa = 1; for kappa > 4 see initial_norm"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=initial_norm.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("initial_norm", "initial_confusion_data_printed"),
)
