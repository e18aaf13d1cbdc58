r"""Example 5.2: a network of three weights with one path each has three summands, all symmetric.

Assumptions
-----------
Three untied weights on a simple graph in which everything is reached from the output.

Source
------
Example 5.2 (its Figure 2a is lost in the text we hold).

Idea of the proof
-----------------
All graphs with three edges are listed up to isomorphism. There are five: three edges into the output, a chain, two
mixed trees, and the triangle u-a, u-b, a-b. In each of them every weight ends one path.

Deviations from the paper
-------------------------
The paper draws one network and names the summands PG_p(w, X_i) PG_p(w, X_j); each carries f[w](X_i) f[w](X_j) too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, Step, define, equate, infer, show_value, show_with
from odeflow.symbolic.path_counts import PathCounts, rooted_graphs
from odeflow.symbolic.paths import enumerate_paths, kernel_by_differentiation, kernel_by_paths, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._graphs import network_of
from theory.iclr2020_path_formula.notation import PAPER

SUMMANDS, SYMMETRIC, CROSS = sp.symbols("S Q C", nonnegative=True, integer=True)


def numbers_are(statement: str, total: int, symmetric: int, cross: int) -> Claim:
    """Return the claim about the numbers of summands of (12)."""
    return Claim(
        statement,
        sp.And(equate(SUMMANDS, sp.Integer(total)), equate(SYMMETRIC, sp.Integer(symmetric)),
               equate(CROSS, sp.Integer(cross)), evaluate=False),
        ("untied weights on a simple graph, all of it reached from the output",),
        {SUMMANDS: "summands of (12)", SYMMETRIC: "pairs of equal paths", CROSS: "pairs of different paths"},
    )  # fmt: skip


CLAIM = numbers_are("With three weights (12) has three summands, all symmetric.", 3, 3, 0)


def counted(counts: PathCounts) -> dict[sp.Basic, sp.Expr]:
    """Return the three numbers of a network."""
    return {
        SUMMANDS: sp.Integer(counts.summands),
        SYMMETRIC: sp.Integer(counts.symmetric),
        CROSS: sp.Integer(counts.cross),
    }


def derive_for_all(claim: Claim, graphs: Sequence[Sequence[tuple[int, int]]], known: int, words: str) -> Derivation:
    """Count by dynamic programming on every graph of a complete list."""
    steps: list[Step] = [
        show_value(f"number of graphs up to isomorphism: {words}", sp.Integer(len(graphs)), sp.Integer(known))
    ]
    for graph in graphs:
        arrows = ", ".join(f"{s}>{t}" for s, t in graph)
        steps.append(
            show_with(f"backward arrows {arrows} (0: output)", claim.formula, counted(network_of(graph).counts()))
        )
    return Derivation(
        (
            define("the number of paths back to a node is the sum over the nodes that it feeds; |pre(w)| of its edges"),
            *steps,
            infer("for each graph of the list", claim.formula, from_=steps),
        )
    )  # fmt: skip


def measured(claim: Claim, graphs: Sequence[Sequence[tuple[int, int]]], seed: int) -> Evidence:
    """List the paths, count pairs with the same end, and check that those products do add up to H, in rationals."""
    rng = np.random.default_rng(seed)
    wrong = 0
    for graph in graphs:
        network = network_of(graph)
        paths = enumerate_paths(network)
        pairs = [(p, q) for p in paths for q in paths if p[-1] == q[-1]]
        same = sum(p == q for p, q in pairs)
        said = {part.lhs: part.rhs for part in claim.formula.args}
        inputs = [[int(n) for n in rng.integers(1, 9, len(network.inputs))] for _ in range(2)]
        run = propagate(network, inputs, dict(zip(network.parameters, map(int, rng.integers(1, 9, 9)), strict=False)))
        wrong += kernel_by_paths(run) != kernel_by_differentiation(run)
        wrong += (said[SUMMANDS], said[SYMMETRIC], said[CROSS]) != (len(pairs), same, len(pairs) - same)
    return Evidence.measured(
        claim,
        f"{wrong} of {len(graphs)} graphs differ when their paths are listed",
        contradicted=wrong > 0,
        error_bar="none (integers and rationals)",
        cases=len(graphs),
        seed=seed,
    )


def derive(claim: Claim) -> Derivation:
    """Count on all graphs with three edges."""
    return derive_for_all(claim, rooted_graphs(3), 5, "a star, a chain, two mixed trees, a triangle")


def simulate(claim: Claim, seed: int) -> Evidence:
    """List the paths of the five graphs."""
    return measured(claim, rooted_graphs(3), seed)


def domain() -> st.SearchStrategy[Any]:
    """One of the five graphs."""
    return st.sampled_from(rooted_graphs(3))


def holds(claim: Claim, graph: Any) -> bool:
    """Count on one graph by listing its paths."""
    ends = [path[-1] for path in enumerate_paths(network_of(graph))]
    squares = sum(ends.count(k) ** 2 for k in set(ends))
    values = {SUMMANDS: squares, SYMMETRIC: len(ends), CROSS: squares - len(ends)}
    return all(values[part.lhs] == part.rhs for part in claim.formula.args)


FALSE_TWINS = (
    FalseTwin("nine summands", {"claim": numbers_are("nine", 9, 3, 6)}),
    FalseTwin("four, by listing alone", {"claim": numbers_are("four", 4, 3, 1), "derive": None}),
)

THEOREM = Theorem(
    name="example_three_summands",
    source=Source(PAPER, "Example 5.2", "for all five graphs that fit it"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("example_fourteen_summands", "layered_summands"),
)
