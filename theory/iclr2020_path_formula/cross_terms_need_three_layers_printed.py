r"""Example 5.3 as printed: cross terms "can only happen if there are three or more layers". Refuted by parallel edges.

Assumptions
-----------
Those of section 5: a directed graph; two nodes may be joined by two edges, each with its weight.

Source
------
Example 5.3, last sentence: "In general, cross-terms will appear only if ... three or more number of layers".

Idea of the refutation
----------------------
u = (a + b) w x: two edges from one hidden node to the output. Both paths end in w, and have two edges.

Deviations from the paper
-------------------------
Corrected in `cross_terms_need_three_layers`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_value, show_violated
from odeflow.symbolic.path_networks import Edge, Network, Node
from odeflow.symbolic.paths import enumerate_paths, gram_split, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.cross_terms_need_three_layers import LENGTH, need
from theory.iclr2020_path_formula.notation import PAPER

CLAIM = need(3, simple=False)


def counterexample(claim: Claim) -> Derivation:
    """Two parallel edges above one."""
    w, a, b, x = sp.symbols("w a b x", real=True)
    network = Network((Node.INPUT, Node.IDENTITY, Node.IDENTITY), (Edge(0, 1, w), Edge(1, 2, a), Edge(1, 2, b)))
    weak = gram_split(propagate(network, [[x]])).weak[0]
    length = max(map(len, enumerate_paths(network)))
    return Derivation(
        (
            define("u = (a + b) w x, a and b on two edges between the same nodes"),
            show_value("H^W, from the two paths that end in w", weak, 2 * a * b * x**2),
            show_violated("its longest path", claim.formula, {LENGTH: sp.Integer(length)}),
        )
    )


FALSE_TWINS = (FalseTwin("four layers", {"claim": need(4, simple=False)}),)

THEOREM = Theorem(
    name="cross_terms_need_three_layers_printed",
    source=Source(PAPER, "Example 5.3, cross terms", "as printed; corrected in cross_terms_need_three_layers"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=need(2, simple=False),
    twins=FALSE_TWINS,
    related=("cross_terms_need_three_layers",),
)
