r"""Section 5: cross terms need paths of three edges or more, in a network without parallel edges.

Assumptions
-----------
A finite acyclic graph, at most one edge between two nodes, untied weights, one output.

Source
------
Example 5.3, last sentence, and Appendix C, first sentences.

Idea of the proof
-----------------
Let all paths have at most two edges. With e cut off the paths that end in an edge e = v-x are those of at most one edge
from the output o to v: the empty one if v = o, and the edges between o and v. The latter number is A = 0 or 1 in a
simple graph, and 0 if v = o, since there is no cycle: delta_ov + A <= 1, no two paths end in e.

Deviations from the paper
-------------------------
Parallel edges have to be excluded, see `cross_terms_need_three_layers_printed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.strategies import networks
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_with
from odeflow.symbolic.path_counts import rooted_graphs
from odeflow.symbolic.path_networks import Network, Node
from odeflow.symbolic.paths import enumerate_paths
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._graphs import network_of
from theory.iclr2020_path_formula.notation import PAPER

LENGTH = sp.Symbol("l_max", positive=True, integer=True)


def need(layers: int, *, simple: bool = True) -> Claim:
    """Return the claim that two paths with the same last edge force a path of so many edges."""
    return Claim(
        f"If two different paths end in the same edge, some path has at least {layers} edges.",
        sp.Ge(LENGTH, layers, evaluate=False),
        ("a finite acyclic graph, untied weights, one output", "two different paths end in the same edge")
        + (("at most one edge between two nodes",) if simple else ()),
        {LENGTH: "edges of the longest path from the output"},
    )


CLAIM = need(3)


def derive(claim: Claim) -> Derivation:
    """Count the paths to an edge in a graph whose paths are short, case by case."""
    empty, single = sp.symbols("delta A", nonnegative=True, integer=True)
    ends = empty + single
    cases = [
        show_with(f"{words}: at most one path ends in v-x", sp.Le(ends, 1, evaluate=False), {empty: d, single: a})
        for words, d, a in (
            ("v = o, and no edge from o to o as there is no cycle", sp.S.One, sp.S.Zero),
            ("v != o, no edge between them", sp.S.Zero, sp.S.Zero),
            ("v != o, one edge between them (simple graph)", sp.S.Zero, sp.S.One),
        )
    ]
    beyond = sp.Symbol("c", nonnegative=True, integer=True)
    longer = infer("so if two paths end in v-x, some path has more than two edges: 3 + c, c >= 0", from_=cases)
    counted = show_with("that is", claim.formula, {LENGTH: 3 + beyond})
    return Derivation(
        (
            assume(
                "two different paths from the output o end in the same edge v-x; suppose all have at most two edges"
            ),
            define("with v-x cut off these have at most one edge: delta (1 if v = o) of none, A of one"),
            *cases,
            longer,
            counted,
        )
    )


def longest(network: Network) -> tuple[bool, int]:
    """Return whether two paths share their last edge, and the length of the longest path."""
    paths = enumerate_paths(network)
    ends = [path[-1] for path in paths]
    return len(set(ends)) < len(ends), max(map(len, paths))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Go through every simple rooted graph with at most six edges, up to isomorphism."""
    found = []
    for edges in range(1, 7):
        for graph in rooted_graphs(edges):
            found.append(longest(network_of(graph)))
    graphs, lengths = len(found), [length for shares, length in found if shares]
    shared, shortest = len(lengths), min(lengths)
    every = range(1, 7)
    return Evidence.measured(
        claim,
        f"{shared} of {graphs} graphs with up to six edges have cross terms; longest paths of {shortest} or more",
        contradicted=not bool(claim.formula.xreplace({LENGTH: sp.Integer(shortest)})),
        error_bar="none (every graph)",
        cases=graphs,
        picture=along(
            every,
            {
                "with cross terms": [lengths.count(k) for k in every],
                "without": [found.count((False, k)) for k in every],
            },
            {"none with cross terms": [np.nan if claim.formula.subs(LENGTH, k) else 0.0 for k in every]},
            title="Graphs with cross terms have a path of three edges or more",
            xlabel="edges of the longest path",
            ylabel="graphs with up to six edges",
        ),
    )  # fmt: skip


def domain() -> st.SearchStrategy[Any]:
    """Simple networks with up to six hidden nodes."""
    return networks(max_hidden=6)


def holds(claim: Claim, network: Network) -> bool:
    """List the paths of a network."""
    shares, length = longest(network)
    return not shares or bool(claim.formula.xreplace({LENGTH: sp.Integer(length)}))


def parallel_chains() -> st.SearchStrategy[Network]:
    """One input and at most one hidden node, edges often doubled: cross terms in two layers are common among these."""
    return networks(parallel=True, max_inputs=1, max_hidden=1, bias=False, activations=(Node.IDENTITY,))


FALSE_TWINS = (
    FalseTwin("four layers", {"claim": need(4)}),
    FalseTwin("parallel edges allowed", {"derive": None, "domain": parallel_chains, "simulate": None}),
)

THEOREM = Theorem(
    name="cross_terms_need_three_layers",
    source=Source(PAPER, "Example 5.3, cross terms; Appendix C", "without parallel edges"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("cross_terms_need_three_layers_printed", "example_fourteen_summands"),
)
