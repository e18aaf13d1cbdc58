r"""Networks as directed acyclic graphs, and their tangent kernel H as a sum over paths.

A path starts at an output and runs backwards, along edges, to the edge that ends it. With f[e] the value that enters
edge e and PG_p = tau_0 w_0 tau_1 w_1 ... tau the gradient along the path p before that edge,

    du_i/de = f[e](X_i) sum_{p ends in e} PG_p(X_i),      H_ij = sum_w (du_i/dw) (du_j/dw),

where du/dw of a parameter is the sum over all edges that carry it (one, unless weights are tied). Everything is exact:
SymPy expressions, or rationals. A smooth activation is a pair of symbols, its value and its slope, at each node and
sample: an identity between such expressions holds for every activation at once.

Examples
--------
>>> import sympy as sp
>>> w, v, x = sp.symbols("w v x", real=True)
>>> chain = Network((Node.INPUT, Node.IDENTITY, Node.IDENTITY), (Edge(0, 1, w), Edge(1, 2, v)))
>>> kernel_by_paths(propagate(chain, [[x]]))
Matrix([[v**2*x**2 + w**2*x**2]])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.path_networks import Edge, Network, Node, layered_network

__all__ = [
    "PATH_LIMIT",
    "Edge",
    "GramSplit",
    "Network",
    "Node",
    "Pass",
    "PathVectors",
    "enumerate_paths",
    "gram_split",
    "jacobian_by_differentiation",
    "kernel_by_differentiation",
    "kernel_by_paths",
    "kernel_by_sweep",
    "layered_network",
    "path_vectors",
    "propagate",
]

PATH_LIMIT = 1_000_000
"""More paths than this are not listed unless the caller says so: a path costs about a kilobyte."""

Path = tuple[int, ...]
"""Positions of a path's edges in `Network.edges`, from the output backwards; the last one is the edge it ends in."""


@dataclass(frozen=True, eq=False)
class Pass:
    """A network evaluated on samples.

    Attributes
    ----------
    network : Network
    weights : value of each edge's weight
    values, slopes : [node][sample]: what leaves the node, and the derivative of its activation there
    differentiable : whether no ReLU was asked for its slope at 0 (it is taken as 0, for H and for paths alike)
    """

    network: Network
    weights: tuple[Any, ...]
    values: tuple[tuple[Any, ...], ...]
    slopes: tuple[tuple[Any, ...], ...]
    differentiable: bool = True

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.values[0])

    @property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Pairs (sample, output node), in the order of the rows of H."""
        return tuple((i, o) for i in range(self.samples) for o in self.network.outputs)

    def predictions(self) -> sp.Matrix:
        """Return the outputs, one for each row of H."""
        return sp.Matrix([self.values[o][i] for i, o in self.rows])


@dataclass(frozen=True, eq=False)
class PathVectors:
    """All paths of a network with their contributions.

    Attributes
    ----------
    paths : q paths
    gradients : (rows, q) matrix of PG_p(X_i) = tau_0 w_0 tau_1 ... tau, without the weight of the last edge
    contributions : (rows, q) matrix, the paper's vectors g_i: PG_p(X_i) f[e](X_i) for the path p that ends in e
    incidence : (edges, q) matrix E: 1 where the path ends in the edge
    ties : (parameters, edges) matrix T: 1 where the edge carries the parameter
    """

    paths: tuple[Path, ...]
    gradients: sp.Matrix
    contributions: sp.Matrix
    incidence: sp.Matrix
    ties: sp.Matrix


@dataclass(frozen=True, eq=False)
class GramSplit:
    """H = strong + weak: pairs of equal paths, and pairs of different paths of one parameter."""

    total: sp.Matrix
    strong: sp.Matrix
    weak: sp.Matrix


def propagate(
    network: Network, samples: Sequence[Sequence[Any]], weights: Mapping[sp.Symbol, Any] | None = None
) -> Pass:
    """Evaluate a network exactly.

    Parameters
    ----------
    network : Network
    samples : for each sample one number or expression for each input node; no floats
    weights : values of the parameters; those that are left out stay symbols

    Raises
    ------
    InvalidArgumentError
        Wrong number of inputs; floats, infinities or what is no expression; a ReLU whose argument has no known sign; a
        symbol with the name of a smooth node's value or slope.
    """
    count = len(network.inputs)
    for sample in samples:
        if len(sample) != count:
            raise InvalidArgumentError(
                f"Expected {count} inputs in each sample but got {len(sample)}. Pass one value for each input node."
            )
    if not samples:
        raise InvalidArgumentError("Expected at least one sample but got none. Pass rows of inputs.")
    given = {} if weights is None else dict(weights)
    unknown = [str(w) for w in given if w not in network.parameters]
    if unknown:
        raise InvalidArgumentError(f"Expected weights of this network but got {', '.join(unknown)}. Check the symbols.")
    numbers = [_exact(given.get(e.weight, e.weight)) for e in network.edges]
    rows = [[_exact(x) for x in sample] for sample in samples]
    _check_names(network, (*numbers, *(x for row in rows for x in row)), len(rows))
    arriving: list[list[tuple[int, Any]]] = [[] for _ in network.nodes]
    for edge, number in zip(network.edges, numbers, strict=True):
        arriving[edge.target].append((edge.source, number))
    values: list[tuple[Any, ...]] = []
    slopes: list[tuple[Any, ...]] = []
    smooth_everywhere, place = True, {v: k for k, v in enumerate(network.inputs)}
    for v, node in enumerate(network.nodes):
        out = []
        for i, row in enumerate(rows):
            z = sum((number * values[s][i] for s, number in arriving[v]), Fraction(0))
            if node is Node.INPUT:
                out.append((row[place[v]], Fraction(0)))
            else:
                z = _signed(z, v) if node is Node.RELU else z
                out.append(_activated(node, z, v, i))
                smooth_everywhere &= not (node is Node.RELU and z == 0)
        values.append(tuple(value for value, _ in out))
        slopes.append(tuple(slope for _, slope in out))
    return Pass(network, tuple(numbers), tuple(values), tuple(slopes), smooth_everywhere)


def jacobian_by_differentiation(run: Pass) -> sp.Matrix:
    """Return du/dw by differentiating the network forwards, parameter by parameter; no path is formed.

    Returns
    -------
    (rows, parameters) matrix, rows = (sample, output) pairs

    Examples
    --------
    >>> import sympy as sp
    >>> w, v, x = sp.symbols("w v x", real=True)
    >>> chain = Network((Node.INPUT, Node.IDENTITY, Node.IDENTITY), (Edge(0, 1, w), Edge(1, 2, v)))
    >>> jacobian_by_differentiation(propagate(chain, [[x]]))
    Matrix([[v*x, w*x]])
    """
    columns = _differentiated(run)
    return sp.Matrix(len(run.rows), len(columns), lambda row, k: sp.expand(columns[k][row]))


def kernel_by_differentiation(run: Pass) -> sp.Matrix:
    """Return H from the derivatives of `jacobian_by_differentiation`.

    Returns
    -------
    (rows, rows) matrix, rows = (sample, output) pairs
    """
    return _gram(_differentiated(run), len(run.rows))


def _differentiated(run: Pass) -> list[list[Any]]:
    """Return, for each parameter, the derivative of every row."""
    network = run.network
    columns = []
    for parameter in network.parameters:
        moved: list[list[Any]] = [[Fraction(0)] * run.samples for _ in network.nodes]
        for v in range(len(network.nodes)):
            for position, edge in enumerate(network.edges):
                if edge.target != v:
                    continue
                for i in range(run.samples):
                    own = run.values[edge.source][i] if edge.weight == parameter else Fraction(0)
                    moved[v][i] += run.slopes[v][i] * (run.weights[position] * moved[edge.source][i] + own)
        columns.append([moved[o][i] for i, o in run.rows])
    return columns


def enumerate_paths(network: Network, *, limit: int = PATH_LIMIT) -> tuple[Path, ...]:
    """List every path that starts at an output, by the edge it ends in.

    Parameters
    ----------
    limit : refuse to list more paths than this

    Raises
    ------
    InvalidArgumentError
        There are more; the message has their number, which is found without listing them.
    """
    count = network.counts().paths
    if count > limit:
        raise InvalidArgumentError(
            f"Expected at most {limit} paths to list but this network has {count}. Use `Network.counts`, "
            "`kernel_by_sweep` and `gram_split`, which form no path, or pass a larger limit."
        )
    into: list[list[Path]] = [[] for _ in network.nodes]
    for output in network.outputs:
        into[output].append(())
    leaving = network.leaving()
    for v in reversed(range(len(network.nodes))):
        for position in leaving[v]:
            into[v] += [(*path, position) for path in into[network.edges[position].target]]
    return tuple((*path, k) for k, edge in enumerate(network.edges) for path in into[edge.target])


def path_vectors(run: Pass, *, limit: int = PATH_LIMIT) -> PathVectors:
    """List the paths and multiply out the contribution of each, edge by edge.

    Examples
    --------
    >>> import sympy as sp
    >>> a, b, w, x = sp.symbols("a b w x", real=True)
    >>> net = Network((Node.INPUT, Node.IDENTITY, Node.IDENTITY), (Edge(0, 1, w), Edge(1, 2, a), Edge(1, 2, b)))
    >>> path_vectors(propagate(net, [[x]])).contributions
    Matrix([[a*x, b*x, w*x, w*x]])
    """
    network = run.network
    paths = enumerate_paths(network, limit=limit)
    zero = Fraction(0)
    rows = [[_gradient(run, path, i) if _start(run, path) == o else zero for path in paths] for i, o in run.rows]
    entering = [[run.values[network.edges[path[-1]].source][i] for path in paths] for i, _ in run.rows]
    summed = [[g * f for g, f in zip(*both, strict=True)] for both in zip(rows, entering, strict=True)]
    incidence = sp.zeros(len(network.edges), len(paths))
    for column, path in enumerate(paths):
        incidence[path[-1], column] = 1
    ties = sp.zeros(len(network.parameters), len(network.edges))
    for column, edge in enumerate(network.edges):
        ties[network.parameters.index(edge.weight), column] = 1
    return PathVectors(paths, sp.Matrix(rows), sp.Matrix(summed), incidence, ties)


def kernel_by_paths(run: Pass, *, limit: int = PATH_LIMIT) -> sp.Matrix:
    """Return H as the sum over paths: sum_w (sum of its paths' contributions)(the same)^T."""
    found = path_vectors(run, limit=limit)
    jacobian = found.contributions * (found.ties * found.incidence).T
    return (jacobian * jacobian.T).applyfunc(sp.expand)


def kernel_by_sweep(run: Pass) -> sp.Matrix:
    """Return H from the path sums, found in one sweep from the output backwards; no path is formed."""
    columns = [[Fraction(0) for _ in run.rows] for _ in run.network.parameters]
    place = {parameter: k for k, parameter in enumerate(run.network.parameters)}
    for row, (i, output) in enumerate(run.rows):
        sums = _sweep(run, output, i, i, lambda weight: weight, lambda first, _: first)
        for edge in run.network.edges:
            columns[place[edge.weight]][row] += run.values[edge.source][i] * sums[edge.target]
    return _gram(columns, len(run.rows))


def gram_split(run: Pass) -> GramSplit:
    """Split H into its strongly and weakly Gram parts by dynamic programming; no path is formed.

    The sum of PG_p(X_i) PG_p(X_j) over the paths into a node obeys the recursion of the path sums with the squares of
    the weights.
    """
    total, size = kernel_by_sweep(run), len(run.rows)
    strong = sp.zeros(size, size)
    for a, (i, output) in enumerate(run.rows):
        for b, (j, other) in enumerate(run.rows[: a + 1]):
            if output != other:
                continue
            sums = _sweep(run, output, i, j, lambda weight: weight * weight, lambda first, second: first * second)
            entry = sum(
                (run.values[e.source][i] * run.values[e.source][j] * sums[e.target] for e in run.network.edges),
                Fraction(0),
            )
            strong[a, b] = strong[b, a] = sp.expand(entry)
    return GramSplit(total, strong, (total - strong).applyfunc(sp.expand))


def _sweep(run: Pass, output: int, i: int, j: int, of_weight: Any, of_slopes: Any) -> list[Any]:
    """Return sum over the paths from `output` into each node of a product over the path's weights and slopes."""
    network, leaving = run.network, run.network.leaving()
    sums: list[Any] = [Fraction(0)] * len(network.nodes)
    for v in reversed(range(output + 1)):
        arriving = Fraction(v == output) + sum(
            (of_weight(run.weights[k]) * sums[network.edges[k].target] for k in leaving[v]), Fraction(0)
        )
        sums[v] = of_slopes(run.slopes[v][i], run.slopes[v][j]) * arriving
    return sums


def _gradient(run: Pass, path: Path, i: int) -> Any:
    """Multiply tau_0 w_0 tau_1 w_1 ... tau along a path; the weight of its last edge is not part of it."""
    product: Any = Fraction(1)
    for position in path:
        product *= run.slopes[run.network.edges[position].target][i]
    for position in path[:-1]:
        product *= run.weights[position]
    return product


def _start(run: Pass, path: Path) -> int:
    return run.network.edges[path[0]].target


def _gram(columns: Sequence[Sequence[Any]], size: int) -> sp.Matrix:
    def entry(a: int, b: int) -> sp.Expr:
        return sp.expand(sum((column[a] * column[b] for column in columns), Fraction(0)))

    lower = {(a, b): entry(a, b) for a in range(size) for b in range(a + 1)}
    return sp.Matrix(size, size, lambda a, b: lower[max(a, b), min(a, b)])


def _activated(node: Node, z: Any, v: int, i: int) -> tuple[Any, Any]:
    """Return a node's value and slope at z."""
    if node is Node.ONE:
        return Fraction(1), Fraction(0)
    if node is Node.IDENTITY:
        return z, Fraction(1)
    if node is Node.SQUARE:
        return z * z / 2, z
    if node is Node.SMOOTH:
        return sp.Symbol(f"sigma_{v}_{i}", real=True), sp.Symbol(f"tau_{v}_{i}", real=True)
    return (z, Fraction(1)) if z > 0 else (Fraction(0), Fraction(0))


def _signed(z: Any, v: int) -> Any:
    """Return z, the argument of a ReLU, if its sign is known; 0 for an expression that is 0 without looking like it."""
    above, below = z > 0, z < 0
    if above not in (True, False) or below not in (True, False):
        raise InvalidArgumentError(
            f"Expected a number at the ReLU of node {v} but got {z}. Pass rational weights and samples."
        )
    return z if above or below else Fraction(0)


def _check_names(network: Network, values: Sequence[Any], samples: int) -> None:
    """Refuse weights and inputs that contain the symbol of a smooth node: they would be taken for it."""
    own = {
        symbol
        for v, node in enumerate(network.nodes)
        if node is Node.SMOOTH
        for i in range(samples)
        for symbol in _activated(node, None, v, i)
    }
    if own and not own.isdisjoint(s for value in values if isinstance(value, sp.Basic) for s in value.free_symbols):
        raise InvalidArgumentError(
            "Expected weights and inputs without the symbols sigma_<node>_<sample> and tau_<node>_<sample> of the "
            "smooth nodes but got one of them. Rename the symbol."
        )


def _exact(value: Any) -> Any:
    """Return rationals as fractions, which are fast, and anything else as a SymPy expression without floats."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int):
        return Fraction(value)
    try:
        expression = sp.sympify(value, strict=True)
    except sp.SympifyError:
        expression = sp.nan
    if not isinstance(expression, sp.Expr) or expression.has(sp.Float, sp.nan, sp.oo, -sp.oo, sp.zoo):
        raise InvalidArgumentError(f"Expected exact numbers but got {value!r}. Pass integers or Fractions.")
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    return expression
