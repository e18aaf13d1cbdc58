r"""Proposition 6.1 read as: E xi is proportional to m. Refuted even for one sample.

Assumptions
-----------
Those of the proposition; xi = 1 - e^{-eta lambda_min(H)} as in (9).

Source
------
Path formula paper (ICLR 2020), Proposition 6.1 with (9): "xi governs the convergence rate".

Idea of the refutation
----------------------
One sample, linear, eta = 1: E xi = 1 - 3^{-m}, that is 2/3 for m = 1 and 8/9, not 4/3, for m = 2. No share can exceed
1.

Deviations from the paper
-------------------------
For small eta m the law is linear to first order; it is strictly concave always.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, equate, show_equal, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import expected_decay_factor
from theory.iclr2020_path_formula._kernel_means import WIDTH
from theory.iclr2020_path_formula.expected_decay_factor import ETA, SHARE
from theory.iclr2020_path_formula.notation import PAPER

SINGLE = sp.Symbol("x_1", nonnegative=True)


def compared(formula: sp.Basic) -> Claim:
    """Return a claim about E xi at widths m and 1."""
    return Claim(
        "The expected decay factor is proportional to the width.",
        formula,
        ("two layers, iid weights", "xi = 1 - e^{-eta lambda_min}"),
        {SHARE: "E xi at width m", SINGLE: "E xi at width 1", WIDTH: "hidden neurons"},
    )


CLAIM = compared(equate(SHARE, WIDTH * SINGLE))
CORRECTED = compared(sp.Le(SHARE, WIDTH * SINGLE, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """Compare widths 1 and 2 at eta = 1."""
    exact = expected_decay_factor
    one, two = (exact.CLAIM.formula.rhs.xreplace({ETA: sp.S.One, WIDTH: sp.Integer(m)}) for m in (1, 2))
    return Derivation(
        (
            assume("linear network, one sample of norm 1, unit normal weights, eta = 1"),
            by("expected_decay_factor", exact.derive(exact.CLAIM), exact.CLAIM.formula),
            show_equal("m = 1", one, sp.Rational(2, 3), name="factor at m = 1"),
            show_equal("m = 2", two, sp.Rational(8, 9), name="factor at m = 2"),
            show_violated("at m = 2", claim.formula, {SHARE: two, SINGLE: one, WIDTH: sp.Integer(2)}),
        )
    )


FALSE_TWINS = (FalseTwin("at least m times", {"claim": compared(sp.Ge(SHARE, WIDTH * SINGLE, evaluate=False))}),)

THEOREM = Theorem(
    name="expected_decay_factor_printed",
    source=Source(PAPER, "Proposition 6.1, (9)", "read as a statement on E xi; corrected in expected_decay_factor"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("expected_decay_factor",),
)
