r"""Theorem 3's width: the printed exponents do follow from the printed R'(eps), with the eps that this needs.

Assumptions
-----------
The printed R'(eps) < R = c delta lambda_0/n^2, with L(0) = n/delta and mu = lambda_0/2; eps chosen so that the second
term takes half of R. C, c, p and gamma are constants.

Source
------
Bu, Xu and Chen (2021), Theorem 3 and the end of section 4:
m = Omega(n^{5p/2-4} / (delta^{3p/2-3} lambda_0^{3p/2-2})).

Idea of the proof
-----------------
The second term fixes eps = R/(2 sqrt(2 L(0))), of order delta^{3/2} lambda_0 n^{-5/2}. The first term below R/2 is
then a lower bound on m; its logarithm is linear in log n, log delta and log lambda_0.

Deviations from the paper
-------------------------
"a sufficiently small fixed eps" is misleading: eps depends on n, delta and lambda_0. The missing sqrt(2) of R' changes
constants only. That these widths are needed is another matter: they are not (`nesterov_width`). Appendix A.2 is not in
the text we hold.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_with
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_weight_distance import SPLIT
from theory.bu2021_dynamical_view.nesterov_weight_distance_printed import FACTOR
from theory.bu2021_dynamical_view.notation import INITIAL_LOSS, LAMBDA0, MU, PAPER, POWER
from theory.bu2021_dynamical_view.weight_distance import SAMPLES, WIDTH

PROBABILITY, LAZY = sp.symbols("delta c", positive=True)
RADIUS = LAZY * PROBABILITY * LAMBDA0 / SAMPLES**2
E_N, E_DELTA, E_LAMBDA = sp.symbols("e_n e_delta e_lambda", real=True)
EXPONENTS = {SAMPLES: E_N, PROBABILITY: E_DELTA, LAMBDA0: E_LAMBDA}
SETTING = {INITIAL_LOSS: SAMPLES / PROBABILITY, MU: LAMBDA0 / 2}
WHERE = {
    E_N: "exponent of n in the width",
    E_DELTA: "exponent of delta in the width",
    E_LAMBDA: "exponent of lambda_0 in the width",
}


def exponents_are(n: sp.Expr, delta: sp.Expr, lambda0: sp.Expr) -> Claim:
    """Return the claim that the width asked for has these exponents."""
    return Claim(
        "The exponents of Theorem 3's width follow from the printed R'(eps).",
        three_equations(n, delta, lambda0),
        ("printed R'(eps) < R = c delta lambda_0/n^2", "L(0) = n/delta", "p > 4, gamma, C, c constant"),
        WHERE,
    )


def three_equations(n: sp.Expr, delta: sp.Expr, lambda0: sp.Expr) -> sp.Basic:
    """Return e_n = n, e_delta = delta, e_lambda = lambda0 as one formula."""
    return sp.And(equate(E_N, n), equate(E_DELTA, delta), equate(E_LAMBDA, lambda0), evaluate=False)


CLAIM = exponents_are(5 * POWER / 2 - 4, 3 - 3 * POWER / 2, 2 - 3 * POWER / 2)


def exponents(width: sp.Expr) -> dict[sp.Basic, sp.Expr]:
    """Read the exponents off a product of powers, by its logarithm."""
    logarithm = sp.expand(sp.expand_log(sp.log(width), force=True))
    return {name: sp.expand(logarithm.coeff(sp.log(symbol))) for symbol, name in EXPONENTS.items()}


def derive(claim: Claim) -> Derivation:
    """Solve the two halves of R'(eps) < R for eps and m, and take logarithms."""
    split = (RADIUS / (2 * sp.sqrt(2 * INITIAL_LOSS))).subs(SETTING)
    first = 2 * SPLIT ** (2 - POWER / 2) / (POWER - 4) * FACTOR
    without_width = (first * sp.sqrt(WIDTH)).subs(SPLIT, split).subs(SETTING)
    width = (without_width / (RADIUS / 2)) ** 2
    at_four = {k: sp.expand(v.subs(POWER, 4)) for k, v in exponents(width).items()}
    return Derivation(
        (
            assume("L(0) = n/delta, R = c delta lambda_0/n^2, mu = lambda_0/2; p > 4, gamma, C and c are constants"),
            define("eps gives the second term half of R", equate(SPLIT, split)),
            show_equal(
                "eps is of order delta^{3/2} lambda_0 n^{-5/2}",
                exponents(split)[E_N],
                -sp.Rational(5, 2),
                name="exponent of n",
            ),
            show_equal("(delta)", exponents(split)[E_DELTA], sp.Rational(3, 2), name="exponent of delta"),
            show_equal("(lambda_0)", exponents(split)[E_LAMBDA], sp.Integer(1), name="exponent of lambda_0"),
            define("the first term is half of R at this width", equate(WIDTH, width)),
            show_equal(
                "at p = 4 they are those of gradient descent: n^6", at_four[E_N], sp.Integer(6), name="exponent of n"
            ),
            show_equal("delta^{-3}", at_four[E_DELTA], sp.Integer(-3), name="exponent of delta"),
            show_equal("lambda_0^{-4}", at_four[E_LAMBDA], sp.Integer(-4), name="exponent of lambda_0"),
            show_with("so this is what R' asks for", claim.formula, exponents(width)),
        )
    )


FALSE_TWINS = (
    FalseTwin(
        "n to the power 5p/2 - 3", {"claim": exponents_are(5 * POWER / 2 - 3, 3 - 3 * POWER / 2, 2 - 3 * POWER / 2)}
    ),
    FalseTwin(
        "gradient descent's exponents for every p",
        {"claim": exponents_are(sp.Integer(6), sp.Integer(-3), sp.Integer(-4))},
    ),
)

THEOREM = Theorem(
    name="nesterov_width_printed",
    source=Source(PAPER, "Theorem 3, width; R' < R in section 4", "the algebra; not the need for this width"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    twins=FALSE_TWINS,
    related=("nesterov_width", "nesterov_weight_distance", "width_order"),
)
