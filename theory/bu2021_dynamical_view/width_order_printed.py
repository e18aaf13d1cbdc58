r"""Section 3.1 as printed: R' < R "is equivalent to" a width of order n^6 delta^-3 lambda_0^-4. Refuted for that R'.

Assumptions
-----------
R' = sqrt(32 n Lhat(0)/(9 m r^6)) as printed, r = sqrt(lambda_0/2); R = c delta lambda_0/n^2; L(0) = n/delta. What is
refuted is the algebra, for the R' of the paper and no assumption on Lhat(0) beyond Lhat(0) <= lambda_max(H) L(0).

Source
------
Bu, Xu and Chen (2021), end of section 3.1: "we need sqrt(32 n Lhat(0)/(9 m alpha^6)) < O(delta lambda_0/n^2) which is
equivalent to m = Omega(n^6/(delta^3 lambda_0^4)), shown in Appendix A.1", and section 3: "HB requires the same order
of width as GD".

Idea of the refutation
----------------------
R' < R reads m > (256/9) n Lhat(0)/(lambda_0^3 R^2). In units of n^6 delta^-3 lambda_0^-4 that is (256/(9 c^2))
Lhat(0)/(lambda_0 L(0)), and Lhat(0)/(lambda_0 L(0)) has no universal bound: it is lambda_max/lambda_0 when Delta(0)
is along the top eigenvector, up to n/lambda_0. No constant K covers it.

Deviations from the paper
-------------------------
With the worst case Lhat(0) <= n L(0) the printed R' gives n^7 delta^-3 lambda_0^-5. The order itself is right for a
frozen kernel, by another proof (`width_order`). Appendix A.1 is not in the text we hold; it may use more about
Lhat(0).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_width_printed import LAZY, PROBABILITY, RADIUS
from theory.bu2021_dynamical_view.notation import INITIAL_LOSS, INITIAL_PSEUDO_LOSS, LAMBDA0, PAPER, RATE, SYMBOLS
from theory.bu2021_dynamical_view.weight_distance import SAMPLES, SCALE, WIDTH
from theory.bu2021_dynamical_view.width_order import ORDER

NEEDED = sp.Symbol("needed_width/order", positive=True)
FACTOR = sp.Symbol("K", positive=True)
LARGEST = sp.Symbol("lambda_max", positive=True)


def at_most(width: sp.Expr) -> Claim:
    """Return the claim that the least width with R' <= R is at most `width` in units of n^6 delta^-3 lambda_0^-4."""
    return Claim(
        "The printed R' is below R as soon as the width is of order n^6 delta^-3 lambda_0^-4.",
        sp.Le(NEEDED, width, evaluate=False),
        ("R' as printed, R = c delta lambda_0/n^2", "L(0) = n/delta", "K a constant: it depends on c only"),
        {
            NEEDED: "least width m with R' <= R, in units of n^6 delta^-3 lambda_0^-4",
            FACTOR: "the constant of the order, any number",
            LAZY: "the constant of Lemma 3.2",
            LAMBDA0: SYMBOLS[LAMBDA0],
        },
    )


CLAIM = at_most(FACTOR)
CORRECTED = at_most(sp.Rational(256, 9) / LAZY**2 * SAMPLES / LAMBDA0)


def counterexample(claim: Claim) -> Derivation:
    """n = 2, H_inf with eigenvalues lambda_0 and 1 - lambda_0, Delta(0) along the upper one, lambda_0 small for K."""
    squared = 32 * SCALE.subs(RATE, sp.sqrt(LAMBDA0 / 2))
    needed = sp.cancel(sp.expand_power_base(squared * WIDTH / RADIUS**2))
    in_units = sp.Rational(256, 9) / LAZY**2 * INITIAL_PSEUDO_LOSS / (LAMBDA0 * INITIAL_LOSS)
    small = 1 / (2 + 9 * FACTOR * LAZY**2)
    value = in_units.subs(INITIAL_PSEUDO_LOSS, LARGEST * INITIAL_LOSS).subs(LARGEST, 1 - LAMBDA0).subs(LAMBDA0, small)
    theta = sp.Symbol("theta", positive=True)
    u = sp.Symbol("u", positive=True)
    half = sp.Rational(1, 2)
    kernel = sp.Matrix([[half, u], [u, half]])
    return Derivation(
        (
            assume("n = 2 unit-norm inputs at a small angle, Delta(0) along (1, 1)"),
            show_equal(
                "R' <= R iff m >= (256/9) n Lhat(0)/(lambda_0^3 R^2)",
                needed,
                sp.Rational(256, 9) * SAMPLES * INITIAL_PSEUDO_LOSS / (LAMBDA0**3 * RADIUS**2),
                name="width from which R' <= R",
            ),
            show_equal(
                "in units of n^6 delta^-3 lambda_0^-4, with L(0) = n/delta",
                (needed / ORDER).subs(PROBABILITY, SAMPLES / INITIAL_LOSS),
                in_units,
                name="width in these units",
            ),
            show_equal(
                "two inputs at the angle theta have u = cos(theta) (pi - theta)/(2 pi) off the diagonal, u -> 1/2",
                sp.Limit(sp.cos(theta) * (sp.pi - theta) / (2 * sp.pi), theta, 0),
                half,
            ),
            show_equal(
                "1/2 - u is an eigenvalue",
                (kernel - (half - u) * sp.eye(2)).det(),
                sp.Integer(0),
                name="det(H - (1/2 - u) I)",
            ),
            show_equal(
                "1/2 + u is one: lambda_0 + lambda_max = 1",
                (kernel - (half + u) * sp.eye(2)).det(),
                sp.Integer(0),
                name="det(H - (1/2 + u) I)",
            ),
            infer("so lambda_0 takes every value in (0, 1/2), and Lhat(0) = (1 - lambda_0) L(0) along (1, 1)"),
            show_less("lambda_0 = 1/(2 + 9 K c^2) is in that range", small, half),
            show_violated(
                "for every K",
                claim.formula,
                {NEEDED: sp.expand(sp.cancel(value)), SAMPLES: sp.Integer(2), LAMBDA0: small},
            ),
        )
    )


FALSE_TWINS = (FalseTwin("K n", {"claim": at_most(FACTOR * SAMPLES)}),)

THEOREM = Theorem(
    name="width_order_printed",
    source=Source(PAPER, "Section 3.1, width (Appendix A.1)", "as printed: from R', with no word on Lhat(0)"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("width_order", "weight_distance", "nesterov_width_printed"),
)
