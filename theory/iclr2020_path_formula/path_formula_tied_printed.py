r"""Theorem 5.1 without a word on tied weights: one summand for each edge. Refuted by u = w w x.

Assumptions
-----------
Those that Theorem 5.1 states ("for a network f"): weights may sit on several edges, as in convolutions and recurrences.

Source
------
Theorem 5.1, (12), taken literally, with one summand for each edge.

Idea of the refutation
----------------------
u = w (w x) has du/dw = 2 w x, so H = 4 w^2 x^2. Each of the two edges has one path and contributes w^2 x^2: the sum
over edges is 2 w^2 x^2.

Deviations from the paper
-------------------------
The paper does not say whether weights may be tied. Corrected in `path_formula_tied`; untied: `path_formula`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_value, show_violated
from odeflow.symbolic.inner_products import inner
from odeflow.symbolic.path_networks import Edge, Network, Node
from odeflow.symbolic.paths import kernel_by_differentiation, path_vectors, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import path_formula, path_formula_tied
from theory.iclr2020_path_formula._path_algebra import DIFFERENTIABLE, H_ENTRY, SCALAR_OUTPUT, WHERE, instance_of
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.path_formula import ROW_I, ROW_J


def with_ties(value: sp.Expr) -> Claim:
    """Return the claim H_ij = value for networks whose weights may be tied."""
    return Claim(
        "For every network, tied weights or not, H is the sum over edges of (12).",
        path_formula.entry_is(value).formula,
        (SCALAR_OUTPUT, DIFFERENTIABLE),
        WHERE,
    )


CLAIM = with_ties(inner(ROW_I, ROW_J))


def counterexample(claim: Claim) -> Derivation:
    """Two edges in a row carry the same weight."""
    w, x = sp.symbols("w x", real=True)
    network = Network((Node.INPUT, Node.IDENTITY, Node.IDENTITY), (Edge(0, 1, w), Edge(1, 2, w)))
    symbolic, run = propagate(network, [[x]]), propagate(network, [[1]], {w: 1})
    true = kernel_by_differentiation(symbolic)[0]
    slope = sp.diff(symbolic.predictions()[0], w)
    instance = {H_ENTRY: true.xreplace({w: sp.Integer(1), x: sp.Integer(1)})}
    return Derivation(
        (
            define("u = w (w x): an input, a hidden node and an output, the same weight on both edges"),
            show_value("du/dw", slope, 2 * w * x),
            show_value("H", true, slope**2),
            show_violated("at w = x = 1", claim.formula, instance | instance_of(claim.formula, path_vectors(run), run)),
        )
    )


FALSE_TWINS = (FalseTwin("three times the sum over edges", {"claim": with_ties(3 * inner(ROW_I, ROW_J))}),)

THEOREM = Theorem(
    name="path_formula_tied_printed",
    source=Source(PAPER, "Theorem 5.1, (12)", "as printed, tied weights not excluded; corrected in path_formula_tied"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=path_formula_tied.CLAIM,
    twins=FALSE_TWINS,
    related=("path_formula_tied", "path_formula"),
)
