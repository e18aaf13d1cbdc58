r"""Equation 11 as printed: PG_p = tau_0 w_0 ... tau_{l-1} w_{l-1}, as many weights as slopes. Refuted by one edge.

Assumptions
-----------
Those of the paper: l(p) is the length of the path p, which ends in the edge w_s.

Source
------
Equation (11), section 5, put into (10).

Idea of the refutation
----------------------
u = z^2/2 with z = w x: du/dw = w x^2. The only path is the edge w itself, l = 1. The printed product is tau_0 w, and
(10) gives x (w x) w. If l is read as not counting w_s the product is empty: (10) gives x. Neither is w x^2.

Deviations from the paper
-------------------------
The claim is (10) with the printed (11); the second reading is a false twin. Corrected in `weight_gradient`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_value, show_violated
from odeflow.symbolic.path_networks import Edge, Network, Node
from odeflow.symbolic.paths import path_vectors, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import weight_gradient
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.weight_gradient import (
    LAST_TAU,
    PATH_SUM,
    SLOPE,
    VALUE,
    WEIGHT,
    edge_values,
    slope_is,
)


def printed(value: sp.Expr) -> Claim:
    """Return a claim about du/dw in the words of the paper."""
    claim = slope_is(value)
    return Claim(
        "du_i/dw = f[w](X_i) sum_p PG_p with PG_p = tau_0 w_0 tau_1 w_1 ... tau_{l-1} w_{l-1}, l edges including w.",
        claim.formula,
        claim.assumptions,
        claim.where,
    )


CLAIM = printed(VALUE * PATH_SUM * WEIGHT)
SECOND_READING = printed(VALUE * PATH_SUM / LAST_TAU)


def counterexample(claim: Claim) -> Derivation:
    """One edge into a node with the activation z^2/2, at w = 3, x = 1."""
    w, x = sp.symbols("w x", real=True)
    at = {w: sp.Integer(3), x: sp.Integer(1)}
    network = Network((Node.INPUT, Node.SQUARE), (Edge(0, 1, w),))
    symbolic, run = propagate(network, [[x]]), propagate(network, [[at[x]]], {w: at[w]})
    output = symbolic.predictions()[0]
    slope = sp.diff(output, w)
    instance = {SLOPE: slope.xreplace(at), **edge_values(path_vectors(run), run, 0, 0)}
    return Derivation(
        (
            define("u = (w x)^2/2, one edge from the input x to the output node; its only path has one edge"),
            show_value("u", output, (w * x) ** 2 / 2),
            show_value("du/dw", slope, w * x**2),
            show_equal("the path gradient is tau_0 = w x", path_vectors(symbolic).gradients[0], w * x, name="tau_0"),
            show_violated("at w = 3, x = 1", claim.formula, instance),
        )
    )  # fmt: skip


FALSE_TWINS = (FalseTwin("l counts the edges before w", {"claim": SECOND_READING}),)

THEOREM = Theorem(
    name="path_gradient_printed",
    source=Source(PAPER, "(11)", "as printed; corrected in weight_gradient"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=weight_gradient.CLAIM,
    twins=FALSE_TWINS,
    related=("weight_gradient",),
)
