r"""Proof of Lemma 3.3 as printed: it replaces |f - y| by sqrt(L). Refuted: |f - y| = sqrt(2 L).

Assumptions
-----------
L = |Delta|^2/2 with Delta = f - y (section 2 of the paper).

Source
------
Bu, Xu and Chen (2021), proof of Lemma 3.3: the line in which int e^{2 alpha (s-t)} |f(s) - y| ds becomes
int e^{2 alpha (s-t)} sqrt(L(s)) ds.

Idea of the refutation
----------------------
One sample with error 1 has L = 1/2. The missing sqrt(2) turns the printed 32 into 64 (`weight_distance`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import LOSS, PAPER, SYMBOLS

NORM = sp.Symbol("|Delta|", nonnegative=True)


def equals(value: sp.Expr) -> Claim:
    """Return the claim |Delta| = value."""
    return Claim(
        "The norm of the error is the square root of the loss.",
        equate(NORM, value),
        ("L = |Delta|^2/2",),
        {NORM: "Euclidean norm of the error f - y", LOSS: SYMBOLS[LOSS]},
    )


CLAIM = equals(sp.sqrt(LOSS))
CORRECTED = equals(sp.sqrt(2 * LOSS))


def counterexample(claim: Claim) -> Derivation:
    """One sample, error 1."""
    norm = sp.Integer(1)
    instance = {NORM: norm, LOSS: norm**2 / 2}
    return Derivation(
        (
            assume("n = 1, Delta = 1"),
            show_equal("the loss is |Delta|^2/2", instance[LOSS], sp.Rational(1, 2), name="loss"),
            show_violated("the root of the loss is not the norm", claim.formula, instance),
        )
    )


FALSE_TWINS = (FalseTwin("|Delta| = 2 sqrt(L)", {"claim": equals(2 * sp.sqrt(LOSS))}),)

THEOREM = Theorem(
    name="weight_distance_printed_step",
    source=Source(PAPER, "Lemma 3.3 (second part), proof", "as printed; corrected in weight_distance"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("weight_distance",),
)
