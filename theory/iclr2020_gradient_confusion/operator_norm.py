r"""Theorem 4.2's premise, corrected: for kappa > 4 and square layers P(|W| > 1) <= exp(-(sqrt(kappa) - 2)^2 l/2).

Assumptions
-----------
W is l x l with independent N(0, 1/(kappa l)) entries (Strategy 4.1 for square layers), kappa >= 4.

Source
------
Corrects the proof of Theorem 4.2 of "Gradient Confusion" (2020): "|W| <= 1 with probability at least
1 - beta exp(-c_1 kappa^2 l^2)".

Idea of the proof
-----------------
Davidson and Szarek (2001): P(s_max(G) > sqrt(l) + sqrt(l) + t) <= exp(-t^2/2) for an l x l standard normal matrix G.
W = G/sqrt(kappa l), so |W| > 1 means s_max(G) > sqrt(kappa l) = 2 sqrt(l) + t with t = (sqrt(kappa) - 2) sqrt(l).

Deviations from the paper
-------------------------
The exponent is linear in l, not quadratic, and kappa must exceed 4: LeCun's and Glorot's kappa = 1 gives |W| near 2,
He's kappa = 1/2 near 2.83 (`operator_norm_printed`). The first layer, N(0, 1/d), has a norm of about 1 + sqrt(l/d) > 1.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, cite, define, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._random_layers import largest_singular_values
from theory.iclr2020_gradient_confusion._steps import clopper_pearson, conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

WIDTH = sp.Symbol("l", positive=True, integer=True)
KAPPA = sp.Symbol("kappa", positive=True)
CHANCE = sp.Symbol("P(|W| > 1)", nonnegative=True)
DRAWS = 400


def chance_at_most(bound: sp.Expr) -> Claim:
    """Return the claim P(|W| > 1) <= bound for kappa >= 4."""
    return Claim(
        "Square layers of Strategy 4.1 with kappa >= 4 have an operator norm above 1 with exponentially small chance.",
        sp.Le(CHANCE, bound, evaluate=False),
        ("W is l x l with independent N(0, 1/(kappa l)) entries", "kappa >= 4"),
        {CHANCE: "probability that the operator norm exceeds 1", KAPPA: "constant of Strategy 4.1", WIDTH: "width"},
    )


CLAIM = chance_at_most(sp.exp(-((sp.sqrt(KAPPA) - 2) ** 2) * WIDTH / 2))


def derive(claim: Claim) -> Derivation:
    """Translate the tail of the largest singular value."""
    t = sp.Symbol("t", nonnegative=True)
    slack = (sp.sqrt(KAPPA) - 2) * sp.sqrt(WIDTH)
    steps = [
        assume("W = G/sqrt(kappa l), G an l x l matrix of independent standard normal entries, kappa >= 4"),
        cite("Davidson and Szarek (2001), Theorem II.13: P(s_max(G) > sqrt(l) + sqrt(l) + t) <= exp(-t^2/2), t >= 0"),
        define("|W| > 1 if and only if s_max(G) > sqrt(kappa l)"),
        show_equal("sqrt(kappa l) = 2 sqrt(l) + t", sp.sqrt(KAPPA) * sp.sqrt(WIDTH), 2 * sp.sqrt(WIDTH) + slack),
        show_equal("t >= 0 for kappa >= 4; t^2/2", slack**2 / 2, (sp.sqrt(KAPPA) - 2) ** 2 * WIDTH / 2, name="t^2/2"),
    ]
    derived = sp.exp(-(t**2) / 2).subs(t, slack)
    return Derivation((*steps, conclude("put together", claim.formula, CHANCE, derived, from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 400 matrices for several widths and kappa and compare Clopper-Pearson intervals with the bound."""
    off, words, found = -np.inf, [], []
    for kappa, width in ((4.2, 2), (4.2, 10), (4.5, 5), (5.0, 2), (5.0, 20), (6.0, 10)):
        norms = largest_singular_values(width, width, 1.0 / (kappa * width), count=DRAWS, seed=seed)
        hits = int((norms > 1.0).sum())
        bound = float(claim.bound({KAPPA: kappa, WIDTH: width}))
        low, high = clopper_pearson(hits, DRAWS)
        found.append((bound, hits / DRAWS, low, high))
        off = max(off, low - bound)
        words.append(f"kappa = {kappa}, l = {width}: {hits / DRAWS:.3f} (bound {bound:.3f})")
    bounds, shares, lows, highs = np.array(found).T
    return Evidence.measured(
        claim,
        "; ".join(words),
        contradicted=off > 0.0,
        error_bar="99.9 % Clopper-Pearson intervals",
        cases=6 * DRAWS,
        seed=seed,
        picture=against_claim(
            bounds, shares, what="P(|W| > 1)", title="No chance is above its bound", interval=(lows, highs)
        ),
    )


FALSE_TWINS = (
    FalseTwin("quadratic in l", {"claim": chance_at_most(sp.exp(-(KAPPA**2) * WIDTH**2 / 2))}),
    FalseTwin("no threshold in kappa", {"claim": chance_at_most(sp.exp(-KAPPA * WIDTH / 2))}),
)

THEOREM = Theorem(
    name="operator_norm",
    source=Source(PAPER, "Section 4, operator norms", "for kappa >= 4, exponent linear in the width"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("operator_norm_printed", "glorot_and_lecun"),
)
