r"""The recursion before (7): g_beta = sigma'(H_beta), the slope taken at the layer's output. Refuted.

Assumptions
-----------
Those of the proof of Theorem 4.1; H_p is the output of layer p.

Source
------
"Gradient Confusion" (2020), Appendix D.3, the recurrence for g_p.

Idea of the refutation
----------------------
sigma(z) = z^2/2 (P1 and P2 hold on [-1, 1]), z = w x with w = x = 1: dg/dz = sigma'(z) = 1, while H = 1/2 and
sigma'(H) = 1/2. For tanh the two differ by 0.168.

Deviations from the paper
-------------------------
sigma' belongs at the pre-activation: `gradient_inner_product`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

DERIVATIVE, AT_OUTPUT, BEFORE = sp.symbols("dg/dz sigma'(H) sigma'(z)", real=True)


def slope_is(value: sp.Expr, statement: str) -> Claim:
    """Return the claim dg/dz = value for one layer."""
    return Claim(
        statement,
        equate(DERIVATIVE, value),
        ("g = sigma(z), H = sigma(z), z = w x",),
        {
            DERIVATIVE: "derivative of the output",
            AT_OUTPUT: "slope at the output",
            BEFORE: "slope at the pre-activation",
        },
    )


CLAIM = slope_is(AT_OUTPUT, "The backward recursion takes the slope of the activation at the layer's output.")
CORRECTED = slope_is(BEFORE, "The backward recursion takes the slope of the activation at the pre-activation.")


def counterexample(claim: Claim) -> Derivation:
    """Take sigma(z) = z^2/2 at z = 1."""
    z = sp.Symbol("z", real=True)
    sigma = z**2 / 2
    output = sigma.subs(z, 1)
    derivative, at_output = sp.diff(sigma, z).subs(z, 1), sp.diff(sigma, z).subs(z, output)
    return Derivation(
        (
            define("sigma(z) = z^2/2, w = x = 1, so z = 1 and H = 1/2"),
            show_equal(
                "P2: sigma'' = 1 (and |sigma'| = |z| <= 1, |sigma| <= 1/2 on [-1, 1])",
                sp.Derivative(sigma, z, 2),
                sp.Integer(1),
            ),
            show_value("dg/dz", derivative, sp.Integer(1)),
            show_value("sigma'(H)", at_output, sp.Rational(1, 2)),
            show_violated("so", claim.formula, {DERIVATIVE: derivative, AT_OUTPUT: at_output, BEFORE: derivative}),
        )
    )


FALSE_TWINS = (
    FalseTwin("minus it", {"claim": slope_is(-AT_OUTPUT, CLAIM.statement)}),
    FalseTwin("the square", {"claim": slope_is(AT_OUTPUT**2, CLAIM.statement)}),
)

THEOREM = Theorem(
    name="backward_recursion_printed",
    source=Source(PAPER, "(7), the recursion before it", "sigma' at H_p; corrected in gradient_inner_product"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("gradient_inner_product",),
)
