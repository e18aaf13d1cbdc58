"""How many paths: counted by dynamic programming, never listed.

A network is a directed acyclic graph given by pairs (source, target). A path starts at an output and runs backwards.
With |pre(w)| the number of paths that end in the edges of parameter w, H is a sum of sum_w |pre(w)|^2 products: the
q = sum_w |pre(w)| pairs of equal paths (symmetric) and the others (cross). Integers have no largest value here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from odeflow.errors import InvalidArgumentError

__all__ = ["PathCounts", "ends_at_node", "layered_path_counts", "path_counts", "rooted_graphs"]

Arrow = tuple[int, int]


@dataclass(frozen=True)
class PathCounts:
    """Numbers of paths of a network.

    Attributes
    ----------
    per_parameter : |pre(w)| for each parameter that carries an edge, in their order
    multiplicity : how many parameters have that number (all 1 where parameters are listed one by one)
    """

    per_parameter: tuple[int, ...]
    multiplicity: tuple[int, ...]

    def _sum(self, power: int) -> int:
        return sum(m * n**power for n, m in zip(self.per_parameter, self.multiplicity, strict=True))

    @property
    def parameters(self) -> int:
        """Number of parameters, P."""
        return sum(self.multiplicity)

    @property
    def paths(self) -> int:
        """Number of paths that start at an output, q = sum_w |pre(w)|."""
        return self._sum(1)

    @property
    def summands(self) -> int:
        """Number of products in the path formula, sum_w |pre(w)|^2."""
        return self._sum(2)

    @property
    def symmetric(self) -> int:
        """Number of products of a path with itself."""
        return self.paths

    @property
    def cross(self) -> int:
        """Number of products of two different paths."""
        return self.summands - self.paths

    @property
    def largest(self) -> int:
        """K = max_w |pre(w)|: at most this many paths share a parameter."""
        return max(self.per_parameter, default=0)


def ends_at_node(nodes: int, arrows: Sequence[Arrow], outputs: Sequence[int]) -> tuple[int, ...]:
    """Return, for each node, how many paths run from an output back to it (the empty path counts at an output).

    Parameters
    ----------
    nodes : their number; every arrow runs from a smaller to a larger one
    arrows : (source, target) in the direction of evaluation
    outputs : output nodes

    Examples
    --------
    >>> ends_at_node(4, [(0, 1), (0, 2), (1, 3), (2, 3)], [3])
    (2, 1, 1, 1)
    """
    leaving: list[list[int]] = [[] for _ in range(nodes)]
    for source, target in arrows:
        if not 0 <= source < target < nodes:
            raise InvalidArgumentError(
                f"Expected arrows from a smaller to a larger node below {nodes} but got {source}->{target}."
                " Number the nodes in an order of evaluation."
            )
        leaving[source].append(target)
    for output in outputs:
        if not 0 <= output < nodes:
            raise InvalidArgumentError(f"Expected outputs among the nodes 0..{nodes - 1} but got {output}.")
    found = [0] * nodes
    for v in reversed(range(nodes)):
        found[v] = sum(found[target] for target in leaving[v]) + list(outputs).count(v)
    return tuple(found)


def path_counts(
    nodes: int, arrows: Sequence[Arrow], outputs: Sequence[int], parameters: Sequence[Hashable] | None = None
) -> PathCounts:
    """Count the paths of a network.

    Parameters
    ----------
    nodes, arrows, outputs : the graph, as for `ends_at_node`
    parameters : what each arrow carries; equal ones are tied. By default each has its own.

    Examples
    --------
    >>> twenty_layers = [(10 * k + a, 10 * k + 10 + b) for k in range(20) for a in range(10) for b in range(10)]
    >>> path_counts(210, twenty_layers, [200]).paths
    111111111111111111110
    """
    carried: Sequence[Hashable] = range(len(arrows)) if parameters is None else parameters
    if len(carried) != len(arrows):
        raise InvalidArgumentError(f"Expected one parameter for each of {len(arrows)} arrows but got {len(carried)}.")
    ends = ends_at_node(nodes, arrows, outputs)
    counts: dict[Hashable, int] = {}
    for name, (_, target) in zip(carried, arrows, strict=True):
        counts[name] = counts.get(name, 0) + ends[target]
    return PathCounts(tuple(counts.values()), (1,) * len(counts))


def layered_path_counts(widths: Sequence[int]) -> PathCounts:
    """Count the paths of a fully connected network with one output by |pre(w in layer k)| = n_{k+1} ... n_{L-1}.

    Parameters
    ----------
    widths : inputs and hidden layers n_0, ..., n_{L-1}; the output is one more layer of width 1

    Examples
    --------
    >>> counts = layered_path_counts([1000] * 5)
    >>> counts.parameters, counts.paths
    (4001000, 1001001001001000)
    """
    if not widths or min(widths) < 1:
        raise InvalidArgumentError(f"Expected widths >= 1 but got {list(widths)}. Pass inputs and hidden layers.")
    sizes = [*widths, 1]
    return PathCounts(
        tuple(math.prod(sizes[k + 1 :]) for k in range(1, len(sizes))),
        tuple(sizes[k - 1] * sizes[k] for k in range(1, len(sizes))),
    )


def rooted_graphs(edges: int, counts: Sequence[int] | None = None) -> tuple[tuple[Arrow, ...], ...]:
    """List all simple acyclic graphs with so many edges, each reachable from the output, up to isomorphism.

    Parameters
    ----------
    edges : their number, at most 7
    counts : keep only the graphs whose edges have these numbers of paths |pre(w)| (in any order)

    Returns
    -------
    Graphs as arrows in the backward direction; node 0 is the output.

    Examples
    --------
    >>> len(rooted_graphs(3))
    5
    """
    if not 1 <= edges <= 7:
        raise InvalidArgumentError(f"Expected 1 to 7 edges but got {edges}: the number of graphs explodes.")
    found: dict[tuple[Arrow, ...], tuple[Arrow, ...]] = {}
    wanted = None if counts is None else sorted(counts)
    for graph in _labelled(edges):
        if wanted is None or sorted(_path_profile(graph)) == wanted:
            found.setdefault(_canonical(graph), graph)
    return tuple(found.values())


def _labelled(edges: int) -> Iterator[tuple[Arrow, ...]]:
    """Yield graphs with nodes in a topological order: each node but 0 has an arrow from an earlier one."""

    def grow(node: int, left: int, arrows: tuple[Arrow, ...]) -> Iterator[tuple[Arrow, ...]]:
        if left == 0:
            yield arrows
            return
        for size in range(1, min(node, left) + 1):
            for sources in itertools.combinations(range(node), size):
                yield from grow(node + 1, left - size, (*arrows, *((s, node) for s in sources)))

    yield from grow(1, edges, ())


def _path_profile(graph: Sequence[Arrow]) -> list[int]:
    into = {0: 1}
    for source, target in graph:
        into[target] = into.get(target, 0) + into[source]
    return [into[source] for source, _ in graph]


def _canonical(graph: Sequence[Arrow]) -> tuple[Arrow, ...]:
    """Return the smallest relabelling that keeps the output at 0; nodes move only within their class of degrees."""
    nodes = range(1, max(max(arrow) for arrow in graph) + 1)
    into = dict.fromkeys((0, *nodes), 0)
    for source, target in graph:
        into[target] += 1 + 100 * into[source]  # an invariant of the node: arrows come in topological order
    out = {v: sorted(into[t] for s, t in graph if s == v) for v in nodes}
    classes = sorted({(into[v], tuple(out[v])) for v in nodes})
    members = [[v for v in nodes if (into[v], tuple(out[v])) == key] for key in classes]
    best: tuple[Arrow, ...] | None = None
    for orders in itertools.product(*(itertools.permutations(group) for group in members)):
        label = {v: k for k, v in enumerate((0, *itertools.chain.from_iterable(orders)))}
        moved = tuple(sorted((label[s], label[t]) for s, t in graph))
        best = moved if best is None or moved < best else best
    assert best is not None
    return best
