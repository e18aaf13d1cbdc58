r"""The proof of Corollary E.1: given y, l(x, y) is within t of E l with probability 1 - 2 exp(-c d t^2/rho^2). Refuted.

Assumptions
-----------
Those of Corollary E.1: x, y independent, uniform on the unit sphere of R^d, l with |grad l| <= rho.

Source
------
"Gradient Confusion" (2020), proof of Corollary E.1: "for every fixed y equation 22 holds", with E l(x, y) over both.

Idea of the refutation
----------------------
l = y_1 does not depend on x. Given y = e_1 it is 1, its mean over both is 0: the conditional probability is 1.

Deviations from the paper
-------------------------
The statement of the corollary is right (`sphere_pair_concentration`). The instance has c = 1/4, d = 32; for another c
take d = 8/c or more.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import sphere_pair_concentration
from theory.iclr2020_gradient_confusion._spheres import DEVIATION, DIMENSION, LIPSCHITZ
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sphere_concentration import TAIL

CONDITIONAL = sp.Symbol("Pr[|l(x, y) - E l| >= t | y]", nonnegative=True)
CONSTANT = sp.Symbol("c", positive=True)


def given(factor: sp.Expr) -> Claim:
    """Return the claim about the conditional probability, its exponent times `factor`."""
    return Claim(
        "For every y, given y, l(x, y) concentrates around its mean over x and y.",
        sp.Le(
            CONDITIONAL,
            2 * sp.exp(-factor * CONSTANT * DIMENSION * DEVIATION**2 / LIPSCHITZ**2),
            evaluate=False,
        ),
        ("x, y independent, uniform on the unit sphere of R^d", "|grad l| <= rho", "every y, every t >= 0"),
        {CONDITIONAL: "conditional probability given y", CONSTANT: "the constant of Lemma E.1"},
    )


CLAIM = given(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Take l = y_1 and y = e_1."""
    y, y_other = sp.symbols("y_1 y_2", real=True)
    at = {
        CONDITIONAL: sp.Integer(1),
        CONSTANT: sp.Rational(1, 4),
        DIMENSION: sp.Integer(32),
        DEVIATION: sp.Rational(1, 2),
        LIPSCHITZ: sp.Integer(1),
    }
    angle = sp.Symbol("phi", real=True)
    inside = [sp.integrate(sp.sin(angle) ** 30, (angle, 0, end)) for end in (sp.pi / 3, sp.pi)]
    at[TAIL] = sp.expand(2 * inside[0] / inside[1])  # Pr[|cos phi| >= 1/2] for d = 32
    slope = sp.sqrt(sp.diff(y, y) ** 2 + sp.diff(y, y_other) ** 2)
    return Derivation(
        (
            define("l(x, y) = y_1, y = e_1 = (1, 0, ..., 0)"),
            show_equal("its gradient is e_1: rho = 1", slope, sp.Integer(1), name="|gradient|"),
            infer("E l = 0, because y and -y have the same law"),
            show_less("|l - E l| = 1 is at least t = 1/2, whatever x is", sp.Rational(1, 2), sp.Integer(1)),
            show_violated("the conditional probability is 1", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("half of the exponent", {"claim": given(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="sphere_pair_conditioning_printed",
    source=Source(PAPER, "Corollary E.1, proof", "the conditioning step; the statement is sphere_pair_concentration"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=sphere_pair_concentration.CLAIM,
    twins=FALSE_TWINS,
    related=("sphere_pair_concentration",),
)
