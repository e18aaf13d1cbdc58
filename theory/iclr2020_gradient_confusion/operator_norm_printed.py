r"""Theorem 4.2's premise as printed: usual initialisations have |W| <= 1 with high probability. Refuted for kappa = 1.

Assumptions
-----------
W is l x l with independent N(0, 1/(kappa l)) entries, kappa = 1 (LeCun, and Glorot on square layers).

Source
------
"Gradient Confusion" (2020), section 4: "typical weight initialization techniques ensure that the operator norm is
bounded by 1 with high probability", in Theorem 4.2 as beta exp(-c_1 kappa^2 l^2) with c_1 > 0 unspecified.

Idea of the refutation
----------------------
|W| <= 1 forces every column to have norm at most 1, and l |W e_j|^2 is chi^2_l. With Z = chi^2_l - l, E Z = 0:
P(Z > 0) >= (E Z^2)^2/(4 E Z^4) = l/(12 (l + 4)) >= 1/60 for every l. The columns are independent:
P(|W| <= 1) <= (59/60)^l, which tends to 0 where the paper needs 1, whatever c_1 is.

Deviations from the paper
-------------------------
"With high probability" is read as: with a probability that tends to 1 as the width grows, as the printed bound says.
In truth |W| tends to 2 (kappa = 1), 2.83 (He, kappa = 1/2). From kappa > 4 on it is right: `operator_norm`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    equate,
    infer,
    show_equal,
    show_less,
    show_value,
    show_violated,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._random_layers import chi_square_moment, largest_singular_values
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA

LIMIT = sp.Symbol("lim P(|W| <= 1)", nonnegative=True)


def limit_is(value: sp.Expr, *, above: sp.Expr | None = None) -> Claim:
    """Return the claim that P(|W| <= 1) tends to `value`, for kappa > `above` if that is given."""
    equation = equate(LIMIT, value)
    return Claim(
        "Under the usual initialisations a square layer has |W| <= 1 with a probability that tends to 1.",
        equation if above is None else sp.Implies(sp.Gt(KAPPA, above, evaluate=False), equation),
        ("W is l x l with independent N(0, 1/(kappa l)) entries", "the width l grows"),
        {LIMIT: "limit of P(|W| <= 1) as l grows", KAPPA: "constant of Strategy 4.1"},
    )


CLAIM = limit_is(sp.Integer(1))
CORRECTED = limit_is(sp.Integer(1), above=sp.Integer(4))


def counterexample(claim: Claim) -> Derivation:
    """Bound P(chi^2_l > l) from below by moments and multiply over columns."""
    n = sp.Symbol("n", positive=True)
    second, fourth = chi_square_moment(2, n), chi_square_moment(4, n)
    share = sp.cancel(second**2 / (4 * fourth))
    return Derivation(
        (
            assume("kappa = 1; l |W e_j|^2 is chi^2_l for each column j, independent over j; Z = chi^2_l - l"),
            show_value("E Z^2", second, 2 * n),
            show_value("E Z^4", fourth, 12 * n * (n + 4)),
            infer("E Z = 0: E|Z| = 2 E max(Z, 0) <= 2 sqrt(P(Z > 0) E Z^2), and E|Z| >= (E Z^2)^(3/2)/(E Z^4)^(1/2)"),
            show_equal("so P(Z > 0) >= (E Z^2)^2/(4 E Z^4)", share, n / (12 * (n + 4)), name="(E Z^2)^2/(4 E Z^4)"),
            show_less("at least 1/60 for n >= 1", sp.Rational(1, 60), share, {n: sp.Integer(1)}),
            infer("|W| <= 1 needs |W e_j| <= 1 for all l columns: P(|W| <= 1) <= (59/60)^l"),
            show_equal("its limit", sp.Limit(sp.Rational(59, 60) ** n, n, sp.oo), sp.Integer(0)),
            show_violated("not 1", claim.formula, {LIMIT: sp.Integer(0), KAPPA: sp.Integer(1)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 60 matrices for kappa = 1 and 1/2 and widths 10, 50, 100, and first layers N(0, 1/d)."""
    words, largest, means, ends = [], 0.0, {}, {}
    for name, kappa in (("kappa = 1", 1.0), ("kappa = 1/2", 0.5)):
        drawn = []
        for width in (10, 50, 100):
            norms = largest_singular_values(width, width, 1.0 / (kappa * width), count=60, seed=seed)
            words.append(f"{name}, l = {width}: mean {norms.mean():.2f} +- {norms.std() / np.sqrt(60):.2f}")
            largest = max(largest, float((norms <= 1.0).mean())) if width > 10 else largest
            drawn.append(norms)
        means[name] = np.mean(drawn, axis=1)
        ends[name] = np.stack([np.min(drawn, axis=1), np.max(drawn, axis=1)])
    for width, inputs in ((50, 784), (100, 100)):
        first = largest_singular_values(width, inputs, 1.0 / inputs, count=20, seed=seed)
        words.append(
            f"first layer {width} x {inputs}: {first.mean():.2f} (1 + sqrt(l/d) = {1 + (width / inputs) ** 0.5:.2f})"
        )
    conclusion = claim.formula.args[1] if isinstance(claim.formula, sp.Implies) else claim.formula
    applies = not isinstance(claim.formula, sp.Implies) or bool(claim.formula.args[0].subs(KAPPA, 1))
    return Evidence.measured(
        claim,
        "; ".join(words),
        contradicted=(applies and abs(float(conclusion.rhs) - largest) > 0.1) or None,
        error_bar=f"standard errors; at l >= 50 no more than the share {largest:.2f} of the matrices has |W| <= 1",
        cases=400,
        seed=seed,
        picture=along(
            (10, 50, 100),
            means,
            {"|W| = 1": 1.0},
            title="The norms stay above 1",
            xlabel="width l",
            ylabel="|W|, with least and largest",
            interval=ends,
        ),
    )


FALSE_TWINS = (
    FalseTwin("with probability 1/2", {"claim": limit_is(sp.Rational(1, 2))}),
    FalseTwin("for kappa > 1/2", {"claim": limit_is(sp.Integer(1), above=sp.Rational(1, 2))}),
)

THEOREM = Theorem(
    name="operator_norm_printed",
    source=Source(PAPER, "Section 4, operator norms", "as printed; corrected in operator_norm"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("operator_norm", "glorot_and_lecun"),
)
