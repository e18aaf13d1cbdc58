r"""(7) as printed, with H_{p-1}(x_i) in the last factor as well. Refuted by one weight.

Assumptions
-----------
Those of (7).

Source
------
"Gradient Confusion" (2020), (7): Tr[H_{p-1}(x_i) g_p(x_i)^T g_p(x_j) H_{p-1}(x_i)^T].

Idea of the refutation
----------------------
g = w x, x_i = 1, x_j = 2, zeta = 1: the gradients are 1 and 2, their product is 2, the formula gives 1.

Deviations from the paper
-------------------------
The last factor must be H_{p-1}(x_j): `gradient_inner_product`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_value, show_violated
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion.notation import PAPER

H = sp.Symbol("<grad f_i, grad f_j>", real=True)
ACROSS, OWN, BACK = sp.Symbol("A_0", real=True), sp.Symbol("O_0", real=True), sp.Symbol("B_0", real=True)


def product_is(value: sp.Expr, statement: str) -> Claim:
    """Return the claim about a net without hidden layer, zeta = 1."""
    return Claim(
        statement,
        sp.Eq(H, value, evaluate=False),
        ("beta = 0, zeta_i = zeta_j = 1",),
        {H: "inner product of the gradients", ACROSS: "<x_i, x_j>", OWN: "|x_i|^2", BACK: "<g_0(x_i), g_0(x_j)>"},
    )


CLAIM = product_is(OWN * BACK, "The gradients' inner product has the input of x_i in both places.")
CORRECTED = product_is(ACROSS * BACK, "The gradients' inner product has the inputs of x_i and x_j.")


def counterexample(claim: Claim) -> Derivation:
    """Differentiate w x at two inputs."""
    w, x = sp.symbols("w x", real=True)
    first, second = (sp.diff(w * x, w).subs(x, place) for place in (1, 2))
    at = {H: first * second, ACROSS: sp.Integer(2), OWN: sp.Integer(1), BACK: sp.Integer(1)}
    return Derivation(
        (
            define("g = w x, x_i = 1, x_j = 2, f = g; g_0 = 1"),
            show_value("the gradients' product", first * second, sp.Integer(2)),
            show_violated("so", claim.formula, at),
        )
    )


FALSE_TWINS = (FalseTwin("half of it", {"claim": product_is(OWN * BACK / 2, CLAIM.statement)}),)

THEOREM = Theorem(
    name="gradient_inner_product_printed",
    source=Source(PAPER, "(7)", "the last factor as printed; corrected in gradient_inner_product"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("gradient_inner_product",),
)
