r"""Section 5: cross terms need paths of three edges or more, in a network without parallel edges.

Assumptions
-----------
A finite acyclic graph, at most one edge between two nodes, untied weights, one output.

Source
------
Example 5.3, last sentence, and Appendix C, first sentences.

Idea of the proof
-----------------
Let two different paths p, q end in the same edge e = v-x. Cut e off: two different paths from the output o to v. If one
of them has no edge then v = o and so has the other one none, since the graph has no cycle: they are equal. If both
had one edge they would be the same edge o-v. So the longer one has two edges at least, and three with e.

Deviations from the paper
-------------------------
Parallel edges have to be excluded, see `cross_terms_need_three_layers_printed`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import networks
from odeflow.symbolic.derivations import Derivation, assume, infer, show_with
from odeflow.symbolic.path_counts import rooted_graphs
from odeflow.symbolic.path_networks import Network
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
    """Cut the last edge off and compare the lengths of what is left."""
    difference = sp.Symbol("c", nonnegative=True, integer=True)
    acyclic = infer("a path of no edge from o to v means v = o; without cycles the other has no edge either: both >= 1")
    unequal = infer("both of one edge would be the one edge between o and v: the longer has a >= 2 edges")
    counted = show_with(
        "a = 2 + c with c >= 0, and the last edge comes back", claim.formula, {LENGTH: 2 + difference + 1}
    )
    return Derivation(
        (
            assume("two different paths p, q from the output o end in the same edge v-x: cut it off"),
            acyclic,
            unequal,
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
    shared, shortest, graphs = 0, 10**9, 0
    for edges in range(1, 7):
        for graph in rooted_graphs(edges):
            graphs += 1
            shares, length = longest(network_of(graph))
            if shares:
                shared, shortest = shared + 1, min(shortest, length)
    return Evidence.measured(
        claim,
        f"{shared} of {graphs} graphs with up to six edges have cross terms; longest paths of {shortest} or more",
        contradicted=not bool(claim.formula.xreplace({LENGTH: sp.Integer(shortest)})),
        error_bar="none (every graph)",
        cases=graphs,
    )  # fmt: skip


def domain() -> st.SearchStrategy[Any]:
    """Simple networks with up to six hidden nodes."""
    return networks(max_hidden=6)


def holds(claim: Claim, network: Network) -> bool:
    """List the paths of a network."""
    shares, length = longest(network)
    return not shares or bool(claim.formula.xreplace({LENGTH: sp.Integer(length)}))


FALSE_TWINS = (
    FalseTwin("four layers", {"claim": need(4)}),
    FalseTwin("parallel edges allowed", {"derive": None, "domain": lambda: networks(parallel=True), "simulate": None}),
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
