r"""Example 5.3: 5 + 3^2 = 14 summands, 8 symmetric and 6 cross, on both graphs that fit the example.

Assumptions
-----------
Six untied weights on a simple graph reached from the output; five of them end one path, one ends three.

Source
------
Example 5.3 (its Figure 2c, d is lost in the text we hold).

Idea of the proof
-----------------
Sum of |pre(w)|^2, and of |pre(w)|. All simple graphs with six edges are listed up to isomorphism; the numbers of paths
1, 1, 1, 1, 1, 3 leave two. In both the three paths end in an edge v-x; they run u-v, u-a-v and either u-b-v or u-a-b-v.

Deviations from the paper
-------------------------
The printed network cannot be told from its numbers; the statement holds for both.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation
from odeflow.symbolic.path_counts import rooted_graphs
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import example_three_summands
from theory.iclr2020_path_formula.example_three_summands import derive_for_all, measured, numbers_are
from theory.iclr2020_path_formula.notation import PAPER

PROFILE = (1, 1, 1, 1, 1, 3)
CLAIM = numbers_are("Six weights, one of them with three paths: 14 summands, 8 symmetric and 6 cross.", 14, 8, 6)


def derive(claim: Claim) -> Derivation:
    """Count on the two graphs that fit."""
    return derive_for_all(claim, rooted_graphs(6, PROFILE), 2, "six edges with 1, 1, 1, 1, 1, 3 paths")


def simulate(claim: Claim, seed: int) -> Evidence:
    """List the paths of the two graphs."""
    return measured(claim, rooted_graphs(6, PROFILE), seed)


def domain() -> st.SearchStrategy[Any]:
    """One of the two graphs."""
    return st.sampled_from(rooted_graphs(6, PROFILE))


def holds(claim: Claim, graph: Any) -> bool:
    """Count on one graph by listing its paths."""
    return example_three_summands.holds(claim, graph)


FALSE_TWINS = (
    FalseTwin("36 summands, every pair", {"claim": numbers_are("every pair", 36, 6, 30)}),
    FalseTwin("11 + 3, by listing alone", {"claim": numbers_are("eleven", 14, 11, 3), "derive": None}),
)

THEOREM = Theorem(
    name="example_fourteen_summands",
    source=Source(PAPER, "Example 5.3", "for both graphs that fit it"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("example_three_summands", "cross_terms_need_three_layers", "layered_summands"),
)
