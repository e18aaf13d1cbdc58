"""Linear networks from the arrows of a graph."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from odeflow.symbolic.path_networks import Edge, Network, Node


def network_of(graph: Sequence[tuple[int, int]]) -> Network:
    """Return the linear network of a graph whose arrows run backwards from the output 0; its sinks are inputs."""
    count = 1 + max(max(arrow) for arrow in graph)
    order = sorted(range(count), key=lambda v: -_depths(graph)[v])  # inputs first, the output last
    place = {v: k for k, v in enumerate(order)}
    inner = {source for source, _ in graph}
    nodes = tuple(Node.IDENTITY if v in inner else Node.INPUT for v in order)
    edges = tuple(
        Edge(place[target], place[source], sp.Symbol(f"w{k}", real=True)) for k, (source, target) in enumerate(graph)
    )
    return Network(nodes, edges)


def _depths(graph: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return the longest distance of each node from the output."""
    depth = {0: 0}
    for source, target in sorted(graph, key=lambda arrow: arrow[1]):
        depth[target] = max(depth.get(target, 0), depth[source] + 1)
    return depth
