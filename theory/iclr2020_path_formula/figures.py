"""Figures of the path formula paper as scenarios: networks with their paths, and its experiments.

The paper's Figure 2 is lost in the text we hold; its networks are reconstructed from the numbers of their summands.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from odeflow.figures import Figure, GraphArrow, GraphNode, GraphPanel, RateRow, Scenario
from odeflow.symbolic.path_counts import rooted_graphs
from odeflow.symbolic.path_networks import Network
from odeflow.symbolic.paths import kernel_by_differentiation, kernel_by_paths, path_vectors, propagate
from odeflow.theorem import Source
from theory.iclr2020_path_formula._graphs import network_of
from theory.iclr2020_path_formula._student_figures import figure5, figure7, figure8, figure9, figure10
from theory.iclr2020_path_formula._width_figures import figure3, figure4, figure6
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["FIGURES"]


def network_panel(
    title: str, network: Network, caption: str, *, path: Sequence[int] = (), group: int = 0
) -> GraphPanel:
    """Return a drawing of a network, evaluated from left to right, with one path highlighted (none: all edges)."""
    places = _places(network)
    nodes = tuple(GraphNode(x, y, _label(network, v)) for v, (x, y) in enumerate(places))
    arrows = []
    for k, edge in enumerate(network.edges):
        lit = not path or k in path
        hidden = _passes_a_node(places, edge.source, edge.target)
        arrows.append(
            GraphArrow(
                edge.source,
                edge.target,
                f"${sp.latex(edge.weight)}$",
                group if lit else None,
                2.2 if path and lit else 1.2,
                -0.5 if hidden else 0.0,
            )
        )
    return GraphPanel(title, nodes, tuple(arrows), caption)


def figure2(full: bool, seed: int) -> Figure:
    """Two networks of the paper's examples, their paths, and what each path contributes to du/dw."""
    three, fourteen = rooted_graphs(3), rooted_graphs(6, [1, 1, 1, 1, 1, 3])
    graphs: list[GraphPanel] = []
    rows: list[RateRow] = []
    rng = np.random.default_rng(seed)
    for k, graph in enumerate(three if full else three[1:2]):
        graphs += _panels(f"Example 5.2{f', graph {k + 1}' if full else ''}", network_of(graph), rng, rows, "3", "3")
    for k, graph in enumerate(fourteen if full else fourteen[:1]):
        name = f"Example 5.3{f', graph {k + 1}' if full else ''}"
        graphs += _panels(name, network_of(graph), rng, rows, "14 = 8 + 6", "14", only="w5")
    return Figure(
        "Figure 2: networks, their paths, and what each path contributes",
        f"linear nodes, one input per sink, weights k/4 and inputs k/2 drawn with seed {seed}; evaluated left to right",
        (),
        tuple(rows),
        (
            f"The printed networks are lost: {len(three)} graphs fit Example 5.2 and {len(fourteen)} fit Example 5.3; "
            f"{'all' if full else 'one of each'} drawn here.",
            "The sum over paths equals the kernel by differentiation, in rationals, for every network drawn.",
        ),
        tuple(graphs),
    )


def _panels(
    name: str,
    network: Network,
    rng: np.random.Generator,
    rows: list[RateRow],
    theory: str,
    paper: str,
    only: str | None = None,
) -> list[GraphPanel]:
    """Return the network and its paths (those that end in one weight), and add a row on its counts and its H."""
    inputs = [Fraction(int(n), 2) for n in rng.integers(1, 5, len(network.inputs))]
    weights = {w: Fraction(int(n), 4) for w, n in zip(network.parameters, rng.integers(1, 9, 9), strict=False)}
    run = propagate(network, [inputs], weights)
    if kernel_by_paths(run) != kernel_by_differentiation(run):
        raise AssertionError("the sum over paths is not the kernel")
    symbols = [sp.Symbol(_label(network, v), real=True) for v in network.inputs]
    formulas, numbers, counts = path_vectors(propagate(network, [symbols])), path_vectors(run), network.counts()
    rows.append(RateRow(f"{name}: summands of H", float(counts.summands), None, theory, paper))
    split = f"{counts.symmetric} symmetric + {counts.cross} cross"
    found = [network_panel(name, network, f"{counts.summands} summands: {split}")]
    for group, path in enumerate(formulas.paths):
        weight = network.edges[path[-1]].weight
        if only is not None and str(weight) != only:
            continue
        before = sp.Mul(*(network.edges[k].weight for k in path[:-1]))
        end = _label(network, network.edges[path[-1]].source)
        value = numbers.contributions[group]
        caption = f"$PG_p = {sp.latex(before)}$, $PG_p\\,f[{sp.latex(weight)}] = {value}$ (f at {end})"
        found.append(network_panel(f"a path in pre(${sp.latex(weight)}$)", network, caption, path=path, group=group))
    return found


def _places(network: Network) -> list[tuple[float, float]]:
    """Return a column for each distance from the output, and rows centred in it."""
    depth = [0] * len(network.nodes)
    for v in reversed(range(len(network.nodes))):
        depth[v] = max((depth[e.target] + 1 for e in network.edges if e.source == v), default=0)
    columns = [[v for v in range(len(depth)) if depth[v] == d] for d in range(max(depth) + 1)]
    return [
        (float(-depth[v]), float(columns[depth[v]].index(v) - (len(columns[depth[v]]) - 1) / 2))
        for v in range(len(depth))
    ]


def _passes_a_node(places: Sequence[tuple[float, float]], source: int, target: int) -> bool:
    """Return whether the straight line between two nodes runs through a third."""
    (x0, y0), (x1, y1) = places[source], places[target]
    return any(x0 < x < x1 and abs((y - y0) * (x1 - x0) - (y1 - y0) * (x - x0)) < 0.3 for x, y in places)


def _label(network: Network, v: int) -> str:
    if v in network.outputs:
        return "u"
    if v in network.inputs:
        return "x" if len(network.inputs) == 1 else f"x{network.inputs.index(v) + 1}"
    return chr(ord("a") + [k for k in range(len(network.nodes)) if k not in network.inputs].index(v))


FIGURES = (
    Scenario("2", Source(PAPER, "Figure 2"), "networks with their paths and their contributions", figure2),
    Scenario("3", Source(PAPER, "Figure 3"), "linear students: rate against width", figure3),
    Scenario("4", Source(PAPER, "Figure 4"), "sigmoid and ReLU students: rate against width", figure4),
    Scenario("5", Source(PAPER, "Figure 5"), "scalar layers and momentum", figure5),
    Scenario("6", Source(PAPER, "Figure 6"), "three-layer ReLU students: width", figure6),
    Scenario("7", Source(PAPER, "Figure 7"), "mean and deviation of trained weights", figure7),
    Scenario("8", Source(PAPER, "Figure 8"), "Kolmogorov-Smirnov tests of trained weights", figure8),
    Scenario("9", Source(PAPER, "Figure 9"), "turning-point tests of trained weights", figure9),
    Scenario("10", Source(PAPER, "Figure 10"), "scalar layers and the output scale", figure10),
)
