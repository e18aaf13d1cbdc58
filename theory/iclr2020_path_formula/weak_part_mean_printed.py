r"""Appendix C as printed: E[PG_p PG_p'] = 0 for independent weights of mean 0. Refuted by four layers of squares.

Assumptions
-----------
Those of Appendix C: independent weights of mean 0, at least three layers; here unit Gaussians.

Source
------
Appendix C: "each term E[PG_p1(w, X_i) PG_p2(w, X_j)] tend to be 0 because of independent weights ... expectation 0".

Idea of the refutation
----------------------
The slopes depend on the weights above. u = a s(b_1 s(c_1 w x) + b_2 s(c_2 w x)) with s(z) = z^2/2: the slope of the
outer node is b_1 (c_1 w x)^2/2 + b_2 (c_2 w x)^2/2, so b_1 b_2 meets b_1 b_2 and has the mean 1. E[H^W_ij] = 135
x_i^4 x_j^4, beside 2430 x_i^4 x_j^4 for the two symmetric terms of w.

Deviations from the paper
-------------------------
The printed sentence says "tend to be". True for linear networks (`weak_part_mean_linear`) and for three layers with a
linear output (`weak_part_mean_three_layers`). The first hidden node is linear; a square there changes nothing.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_value, show_violated
from odeflow.symbolic.path_networks import Edge, Network, Node
from odeflow.symbolic.paths import gram_split, path_vectors, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._gaussian import gaussian_mean
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.weak_part_mean_linear import STRONG_MEAN, WEAK_MEAN

LAYERS = sp.Symbol("layers", positive=True, integer=True)


def vanishes_when(premise: sp.Basic, value: sp.Expr) -> Claim:
    """Return the claim that E[H^W_ij] = value for networks of that many layers."""
    return Claim(
        "For independent weights of mean 0 the terms of H^W have mean 0.",
        sp.Implies(premise, equate(WEAK_MEAN, value), evaluate=False),
        ("weights independent with mean 0", "at least three layers, linear output, any activation"),
        {
            WEAK_MEAN: "mean of H^W_ij",
            STRONG_MEAN: "mean of the symmetric terms of the same weight",
            LAYERS: "number of layers",
        },
    )


CLAIM = vanishes_when(sp.Ge(LAYERS, 3, evaluate=False), sp.Integer(0))
CORRECTED = vanishes_when(sp.Le(LAYERS, 3, evaluate=False), sp.Integer(0))


def four_layers(first: Node = Node.IDENTITY) -> Network:
    """Return u = a s(b_1 s(c_1 h) + b_2 s(c_2 h)), h the first hidden node."""
    w, c1, c2, b1, b2, a = sp.symbols("w c_1 c_2 b_1 b_2 a", real=True)
    nodes = (Node.INPUT, first, Node.SQUARE, Node.SQUARE, Node.SQUARE, Node.IDENTITY)
    edges = (Edge(0, 1, w), Edge(1, 2, c1), Edge(1, 3, c2), Edge(2, 4, b1), Edge(3, 4, b2), Edge(4, 5, a))
    return Network(nodes, edges)


def means(network: Network) -> tuple[sp.Expr, sp.Expr]:
    """Return E[H^W_ij] and the mean of the symmetric terms of w, for samples x_i and x_j, exactly."""
    x = sp.symbols("x_i x_j", real=True)
    run = propagate(network, [[x[0]], [x[1]]])
    found = path_vectors(run)
    own = [k for k, path in enumerate(found.paths) if path[-1] == 0]
    strong = sum((found.contributions[0, k] * found.contributions[1, k] for k in own), sp.Integer(0))
    weights = network.parameters
    return gaussian_mean(gram_split(run).weak[0, 1], weights), gaussian_mean(strong, weights)


def counterexample(claim: Claim) -> Derivation:
    """Integrate two networks of six weights exactly; the second has a square in the first hidden node too."""
    x_i, x_j = sp.symbols("x_i x_j", real=True)
    weak, strong = means(four_layers())
    all_square, strong_square = means(four_layers(Node.SQUARE))
    ones = {x_i: sp.Integer(1), x_j: sp.Integer(1)}

    def instance(w: sp.Expr, s: sp.Expr) -> dict[sp.Basic, sp.Expr]:
        return {LAYERS: sp.Integer(4), WEAK_MEAN: w.xreplace(ones), STRONG_MEAN: s.xreplace(ones)}

    return Derivation(
        (
            define("u = a s(b_1 s(c_1 w x) + b_2 s(c_2 w x)), s(z) = z^2/2, unit Gaussian weights"),
            show_violated("squares everywhere", claim.formula, instance(all_square, strong_square)),
            show_value("E[H^W_ij]", weak, 135 * x_i**4 * x_j**4),
            show_value("the mean of the symmetric terms of w", strong, 2430 * x_i**4 * x_j**4),
            show_violated("at x_i = x_j = 1", claim.formula, instance(weak, strong)),
        )
    )


FALSE_TWINS = (
    FalseTwin("a tenth of the symmetric terms",
              {"claim": vanishes_when(sp.Ge(LAYERS, 3, evaluate=False), STRONG_MEAN / 10)}),
)  # fmt: skip

THEOREM = Theorem(
    name="weak_part_mean_printed",
    source=Source(PAPER, "Appendix C, E[PG PG'] = 0", "as printed; corrected for three layers and for linear networks"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("weak_part_mean_linear", "weak_part_mean_three_layers"),
)
