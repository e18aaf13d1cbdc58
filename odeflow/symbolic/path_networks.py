"""Networks as directed acyclic graphs: weights on edges, activations at nodes, tied weights allowed."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.path_counts import PathCounts, path_counts

__all__ = ["Edge", "Network", "Node", "layered_network"]


class Node(enum.Enum):
    """What a node does with the sum that reaches it."""

    INPUT = "input"
    ONE = "constant 1"
    IDENTITY = "identity"
    RELU = "relu"
    SQUARE = "z^2/2"
    SMOOTH = "smooth"

    @property
    def is_source(self) -> bool:
        """Whether no edge may enter the node."""
        return self in (Node.INPUT, Node.ONE)


@dataclass(frozen=True)
class Edge:
    """A connection in the direction of evaluation, with the parameter that it carries; equal parameters are tied."""

    source: int
    target: int
    weight: sp.Symbol

    def __repr__(self) -> str:
        return f"{self.source}-{self.weight}->{self.target}"


@dataclass(frozen=True)
class Network:
    """A feed-forward network: a finite directed acyclic graph.

    Attributes
    ----------
    nodes : in an order of evaluation; `Node.ONE` is the constant 1 from which biases leave
    edges : each from an earlier node to a later one; several edges between two nodes are allowed
    outputs : positions of the output nodes; the last node by default

    Raises
    ------
    InvalidArgumentError
        An edge runs backwards, enters an input or leaves the graph; an output is no computed node.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    outputs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.outputs:
            object.__setattr__(self, "outputs", (len(self.nodes) - 1,))
        count = len(self.nodes)
        for edge in self.edges:
            if not isinstance(edge.weight, sp.Symbol):
                raise InvalidArgumentError(
                    f"Expected the weight of an edge to be a SymPy Symbol but got {edge.weight!r}. "
                    "Numbers are passed to `propagate`."
                )
            if not 0 <= edge.source < edge.target < count or self.nodes[edge.target].is_source:
                raise InvalidArgumentError(
                    f"Expected edges from an earlier to a later node of 0..{count - 1}, none into an input, but got "
                    f"{edge!r}. List the nodes in an order of evaluation."
                )
        for output in self.outputs:
            if not 0 <= output < count or self.nodes[output].is_source:
                raise InvalidArgumentError(
                    f"Expected outputs to be computed nodes of 0..{count - 1} but got {output}. Point to other nodes."
                )
        if len(set(self.outputs)) < len(self.outputs):
            raise InvalidArgumentError(f"Expected different outputs but got {self.outputs}. Name each once.")

    def __repr__(self) -> str:
        nodes = ", ".join(node.value for node in self.nodes)
        return f"Network([{nodes}], [{', '.join(map(repr, self.edges))}], outputs={list(self.outputs)})"

    @property
    def inputs(self) -> tuple[int, ...]:
        """Positions of the input nodes (the constant 1 is none)."""
        return tuple(v for v, node in enumerate(self.nodes) if node is Node.INPUT)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The different weights, in the order of the edges."""
        return tuple(dict.fromkeys(edge.weight for edge in self.edges))

    @property
    def is_tied(self) -> bool:
        """Whether two edges carry the same parameter."""
        return len(self.parameters) < len(self.edges)

    @property
    def is_simple(self) -> bool:
        """Whether no two edges connect the same two nodes."""
        return len({(e.source, e.target) for e in self.edges}) == len(self.edges)

    def counts(self) -> PathCounts:
        """Return the numbers of paths, by dynamic programming."""
        arrows = [(e.source, e.target) for e in self.edges]
        return path_counts(len(self.nodes), arrows, self.outputs, [e.weight for e in self.edges])

    def leaving(self) -> tuple[tuple[int, ...], ...]:
        """Return, for each node, the positions of the edges that leave it."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for position, edge in enumerate(self.edges):
            found[edge.source].append(position)
        return tuple(tuple(each) for each in found)


def layered_network(
    widths: Sequence[int], *, hidden: Node = Node.IDENTITY, output: Node = Node.IDENTITY, bias: bool = False
) -> Network:
    """Return a fully connected network.

    Parameters
    ----------
    widths : inputs, hidden layers, outputs; at least two numbers >= 1
    hidden, output : activations
    bias : give every computed node an edge from a constant 1

    Examples
    --------
    >>> layered_network([2, 1]).edges
    (0-w_1_0_0->2, 1-w_1_0_1->2)
    """
    if len(widths) < 2 or min(widths) < 1:
        raise InvalidArgumentError(f"Expected at least two widths >= 1 but got {list(widths)}. Pass inputs to outputs.")
    nodes = [Node.INPUT] * widths[0] + [Node.ONE] * bias
    one = widths[0]
    below, edges = list(range(widths[0])), []
    for layer, width in enumerate(widths[1:], start=1):
        here = list(range(len(nodes), len(nodes) + width))
        nodes += [output if layer == len(widths) - 1 else hidden] * width
        for r, target in enumerate(here):
            edges += [Edge(s, target, _weight(f"w_{layer}_{r}_{c}")) for c, s in enumerate(below)]
            edges += [Edge(one, target, _weight(f"b_{layer}_{r}"))] * bias
        below = here
    return Network(tuple(nodes), tuple(edges), tuple(below))


def _weight(name: str) -> sp.Symbol:
    return sp.Symbol(name, real=True)
