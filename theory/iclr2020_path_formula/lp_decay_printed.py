r"""Equations (29), (30) as printed: f' = h f^{p-1} has the solution f = c_0 e^{ht/p}. Refuted for every even p.

Assumptions
-----------
h = -k < 0, c_0 = f(0) > 0.

Source
------
Path formula paper (ICLR 2020), Appendix A, (29), (30); section 4: "This result will hold up to a constant for other l_p
losses".

Idea of the refutation
----------------------
p = 4, k = c_0 = 1: the solution is (1 + 2t)^{-1/2}, 1/2 at t = 3/2; the printed one is e^{-3/8}. Already p = 2 fails:
(30) gives e^{ht/2} where (25) has e^{ht}. The left and right sides of (29) have the exponents ht/p and (p-1) ht/p,
which agree for p = 2 only, and there the factors differ, h/2 and h.

Deviations from the paper
-------------------------
None; the true law is `lp_decay`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, equate, show_equal, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import lp_decay
from theory.iclr2020_path_formula.lp_decay import EXCESS, SPEED, START, TIME, VALUE
from theory.iclr2020_path_formula.notation import PAPER


def solved_by(value: sp.Expr) -> Claim:
    """Return the claim that f(t) is `value`."""
    return Claim(
        "With an l_p loss the residual decays exponentially, f = c_0 e^{ht/p}.",
        equate(VALUE, value),
        lp_decay.CLAIM.assumptions,
        lp_decay.CLAIM.where,
    )


CLAIM = solved_by(START * sp.exp(-SPEED * TIME / (EXCESS + 2)))


def counterexample(claim: Claim) -> Derivation:
    """Put p = 4, k = c_0 = 1, t = 3/2 in; look at p = 2 and at general p, too."""
    h, t = sp.Symbol("h", negative=True), TIME
    at = {EXCESS: sp.Integer(2), SPEED: sp.S.One, START: sp.S.One, TIME: sp.Rational(3, 2)}
    true = lp_decay.CLAIM
    two = START * sp.exp(h * t / 2)
    four = START * sp.exp(h * t / 4)
    return Derivation(
        (
            assume("p = 4, h = -1, f(0) = 1"),
            by("lp_decay", lp_decay.derive(true), true.formula),
            show_value("the solution at t = 3/2", true.formula.rhs.xreplace(at), sp.Rational(1, 2)),
            show_equal(
                "p = 2: (30) in (29) leaves",
                sp.diff(two, t) - h * two,
                -START * h * sp.exp(h * t / 2) / 2,
                name="left side minus right side of (29)",
            ),
            show_equal(
                "p = 4: (30) in (29) leaves",
                sp.diff(four, t) - h * four**3,
                START * h * sp.exp(h * t / 4) * (1 - 4 * START**2 * sp.exp(h * t / 2)) / 4,
            ),
            show_violated("at p = 4", claim.formula, {VALUE: sp.Rational(1, 2), **at}),
        )
    )


FALSE_TWINS = (
    FalseTwin("e^{ht}, as for p = 2", {"claim": solved_by(START * sp.exp(-SPEED * TIME))}),
    FalseTwin("e^{ht/(p-1)}", {"claim": solved_by(START * sp.exp(-SPEED * TIME / (EXCESS + 1)))}),
)

THEOREM = Theorem(
    name="lp_decay_printed",
    source=Source(PAPER, "(29), (30)", "as printed; corrected in lp_decay"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=lp_decay.CLAIM,
    simulate=lp_decay.simulate,
    twins=FALSE_TWINS,
    related=("lp_decay", "lp_loss_decay"),
)
