"""Networks that are directed acyclic graphs, alone or with rational inputs and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_count
from odeflow.strategies._declared import declared
from odeflow.symbolic.paths import Edge, Network, Node, Pass, propagate

__all__ = ["NetworkOnSamples", "networks", "networks_on_samples"]


@dataclass(frozen=True, eq=False)
class NetworkOnSamples:
    """A network that is a directed acyclic graph, with rational inputs and weights.

    Attributes
    ----------
    network : Network
    samples : one tuple of inputs for each sample
    weights : value of each parameter
    """

    network: Network
    samples: tuple[tuple[Fraction, ...], ...]
    weights: Mapping[sp.Symbol, Fraction]

    def run(self, *, symbolic: bool = False) -> Pass:
        """Evaluate the network exactly; `symbolic` keeps the weights as symbols."""
        return propagate(self.network, self.samples, None if symbolic else self.weights)

    def __repr__(self) -> str:
        samples = ", ".join(f"({', '.join(map(str, sample))})" for sample in self.samples)
        weights = ", ".join(f"{name}: {value}" for name, value in self.weights.items())
        return f"NetworkOnSamples({self.network!r}, samples=[{samples}], weights={{{weights}}})"


ACTIVATIONS = (Node.IDENTITY, Node.SQUARE, Node.RELU)
"""Activations whose values are rational at rational arguments."""


def _check_networks(
    *,
    activations: Sequence[Node],
    max_inputs: int,
    max_hidden: int,
    max_outputs: int,
    max_arriving: int,
    bias: bool,
    tied: bool,
    parallel: bool,
) -> None:
    for name, size in (("max_inputs", max_inputs), ("max_outputs", max_outputs), ("max_arriving", max_arriving)):
        require_count(name, size)
    require_count("max_hidden", max_hidden, minimum=0)
    if not activations or any(getattr(node, "is_source", True) for node in activations):
        raise InvalidArgumentError(
            f"Expected activations of computed nodes but got {list(activations)}. "
            "Pass at least one member of Node, such as Node.RELU, and no input."
        )


@declared(_check_networks)
def networks(
    draw: st.DrawFn,
    *,
    activations: Sequence[Node] = ACTIVATIONS,
    max_inputs: int = 2,
    max_hidden: int = 3,
    max_outputs: int = 1,
    max_arriving: int = 3,
    bias: bool = True,
    tied: bool = False,
    parallel: bool = False,
) -> Network:
    """Networks that are directed acyclic graphs; every node leads to the last one. Shrinks to one edge.

    Parameters
    ----------
    activations : of the computed nodes, simplest first
    max_inputs, max_hidden, max_outputs, max_arriving : sizes, the last one for the edges drawn into one node
    bias : allow a constant-1 node
    tied : allow edges that share a parameter
    parallel : allow several edges between two nodes

    Raises
    ------
    InvalidArgumentError
        A size below 1 (`max_hidden` below 0), no activation, or `Node.INPUT`, `Node.ONE` among them.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(networks(max_hidden=1), lambda network: Node.RELU in network.nodes, settings=quiet)
    Network([input, relu], [0-w0->1], outputs=[1])
    """
    outputs = draw(st.integers(1, max_outputs))
    nodes = [Node.INPUT] * draw(st.integers(1, max_inputs))
    nodes += [Node.ONE] * (bias and draw(st.booleans()))
    sources, computed = len(nodes), draw(st.integers(0, max_hidden)) + outputs
    arrows: list[tuple[int, int]] = []
    for v in range(sources, sources + computed):
        nodes.append(draw(st.sampled_from(list(activations))))
        size = st.integers(1, max_arriving if parallel else min(max_arriving, v))
        arriving = st.integers(0, v - 1)
        count = draw(size)
        drawn = draw(st.lists(arriving, min_size=count, max_size=count, unique=not parallel))
        arrows += [(source, v) for source in drawn]
    last = len(nodes) - 1
    arrows += [(v, last) for v in range(last) if all(source != v for source, _ in arrows)]
    carried: list[int] = []
    for k in range(len(arrows)):
        earlier = draw(st.integers(0, k)) if tied else 0
        carried.append(carried[earlier - 1] if earlier else max(carried, default=-1) + 1)
    edges = [Edge(s, t, sp.Symbol(f"w{c}", real=True)) for (s, t), c in zip(arrows, carried, strict=True)]
    return Network(tuple(nodes), tuple(edges), tuple(range(last - outputs + 1, last + 1)))


def _check_networks_on_samples(*, max_samples: int, **graph: Any) -> None:
    require_count("max_samples", max_samples)
    networks(**graph)


@declared(_check_networks_on_samples)
def networks_on_samples(draw: st.DrawFn, /, *, max_samples: int = 3, **graph: Any) -> NetworkOnSamples:
    """Networks with rational inputs and non-zero rational weights.

    Parameters
    ----------
    max_samples : largest number of samples
    graph : options of `networks`

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(networks_on_samples(bias=False), lambda case: True, settings=quiet)
    NetworkOnSamples(Network([input, identity], [0-w0->1], outputs=[1]), samples=[(1)], weights={w0: 1})
    """
    network = draw(networks(**graph))
    whole = st.integers(1, 4).flatmap(lambda n: st.sampled_from([n, -n]))
    number = st.builds(Fraction, whole, st.integers(1, 3))
    sample = st.tuples(*[number] * len(network.inputs))
    samples = draw(st.lists(sample, min_size=1, max_size=max_samples))
    return NetworkOnSamples(network, tuple(samples), {w: draw(number) for w in network.parameters})
