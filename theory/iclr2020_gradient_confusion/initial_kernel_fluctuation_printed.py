r"""Theorem 4.2's concentration, exp(-c l^2 t^2): a deviation of l^{-1/2} becomes impossible as l grows. Refuted.

Assumptions
-----------
Strategy 4.1 with kappa = 1, l = d, beta = 1, identity, |x| = 1; K = |grad_W g(x)|^2.

Source
------
"Gradient Confusion" (2020), Theorem 4.2, part 1, and its proof: Lemma E.1 with l^2 beta dimensions, so that the
probability of a deviation t is at most of order exp(-c_1 l^2) + exp(-c_2 l^2 t^2).

Idea of the refutation
----------------------
K = chi^2_{2l}/l. X = K - 2 has E X^2 = 4/l and E X^4 = (48 l^2 + 96 l)/l^4; by Paley and Zygmund
Pr[|X| >= l^{-1/2}] >= (9/16)(E X^2)^2/E X^4 -> 3/16, whereas exp(-c_2 l) -> 0.

Deviations from the paper
-------------------------
The exact variance is `initial_kernel_fluctuation`. Why: the l^2 weights have variance 1/l each, and Lemma E.3, not
Lemma E.1, is the one for them.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_value, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import initial_kernel_fluctuation
from theory.iclr2020_gradient_confusion._spheres import DIMENSION
from theory.iclr2020_gradient_confusion._steps import clopper_pearson
from theory.iclr2020_gradient_confusion.initial_kernel_fluctuation import VARIANCE
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA, WIDTH

LIMIT = sp.Symbol("liminf_l Pr[|K - E K| >= l^(-1/2)]", nonnegative=True)


def limit_at_most(value: sp.Expr) -> Claim:
    """Return the claim that the probability of a deviation l^{-1/2} has a limit of at most `value`."""
    return Claim(
        "The gradient kernel at initialisation concentrates on the scale 1/l, so a deviation of l^{-1/2} dies out.",
        sp.Le(LIMIT, value, evaluate=False),
        ("identity, beta = 1, Strategy 4.1, kappa = 1, l = d", "|x| = 1"),
        {LIMIT: "lower limit of the probability of that deviation"},
    )


CLAIM = limit_at_most(sp.Integer(0))


def counterexample(claim: Claim) -> Derivation:
    """Apply Paley and Zygmund's inequality to chi^2_{2l}/l."""
    t = sp.Symbol("t", real=True)
    cumulants = -2 * WIDTH * sp.log(1 - 2 * t) / 2
    second = sp.diff(cumulants, t, 2).subs(t, 0) / WIDTH**2
    fourth = sp.diff(cumulants, t, 4).subs(t, 0) / WIDTH**4 + 3 * second**2
    least = sp.limit(sp.Rational(9, 16) * second**2 / fourth, WIDTH, sp.oo)
    return Derivation(
        (
            define("K = |W_1|^2 + |W_0 x|^2 = chi^2_{2l}/l, X = K - E K"),
            show_value("E X^2", second, 4 / WIDTH),
            show_equal("E X^4", fourth, (48 * WIDTH**2 + 96 * WIDTH) / WIDTH**4),
            show_equal("l^{-1/2} is half of the standard deviation", second / 4, 1 / WIDTH, name="E X^2/4"),
            infer("Paley and Zygmund: Pr[X^2 >= E X^2/4] >= (3/4)^2 (E X^2)^2/E X^4"),
            show_equal("which tends to", least, sp.Rational(3, 16), name="limit of the bound"),
            show_violated(
                "so", claim.formula, {LIMIT: least, VARIANCE: second, KAPPA: sp.Integer(1), DIMENSION: WIDTH}
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw K at widths 10, 100 and 1000."""
    rng = np.random.default_rng(seed)
    said, low, found = [], 0.0, []
    for width in (10, 100, 1000):
        kernel = rng.chisquare(2 * width, 4000) / width
        hits = int((np.abs(kernel - 2.0) >= width**-0.5).sum())
        low, high = clopper_pearson(hits, 4000)
        found.append((width, hits / 4000, low, high))
        said.append(f"l = {width}: [{low:.3f}, {high:.3f}]")
    widths, shares, lows, highs = zip(*found, strict=True)
    return Evidence.measured(
        claim,
        f"Pr[|K - 2| >= l^(-1/2)]: {'; '.join(said)}",
        contradicted=low > float(claim.formula.rhs),
        error_bar="99.9 % Clopper-Pearson limits; finite widths",
        cases=12_000,
        seed=seed,
        picture=along(
            widths,
            shares,
            float(claim.formula.rhs),
            title="The chance does not vanish with the width",
            xlabel="width l",
            ylabel="Pr[|K - 2| >= l^(-1/2)]",
            xscale="log",
            interval=(lows, highs),
        ),
    )


FALSE_TWINS = (FalseTwin("the limit is at most 1/8", {"claim": limit_at_most(sp.Rational(1, 8))}),)

THEOREM = Theorem(
    name="initial_kernel_fluctuation_printed",
    source=Source(PAPER, "Theorem 4.2, proof (concentration)", "the scale 1/l; see initial_kernel_fluctuation"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=initial_kernel_fluctuation.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("initial_kernel_fluctuation", "initial_dimension_printed"),
)
