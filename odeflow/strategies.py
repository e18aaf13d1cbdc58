"""Public Hypothesis strategies: cases that satisfy a theorem's hypotheses, and shrink to readable ones.

Examples
--------
>>> from hypothesis import given, settings
>>> @settings(max_examples=5, derandomize=True, database=None)
... @given(mode_cases(lower=2.0))
... def check(case):
...     assert min(case.eigenvalues) >= 2.0
>>> check()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float, Int

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.paths import Edge, Network, Node, Pass, propagate

__all__ = [
    "FrozenCase",
    "NetworkCase",
    "NetworkOnSamples",
    "integer_matrices",
    "mode_cases",
    "network_cases",
    "networks",
    "networks_on_samples",
    "unit_vectors",
]


@dataclass(frozen=True)
class FrozenCase:
    """A frozen-kernel problem in the kernel's eigenbasis.

    Attributes
    ----------
    eigenvalues : spectrum of H, all >= the bound asked for
    coefficients : initial error in the eigenbasis, not all zero
    times : increasing times > 0
    """

    eigenvalues: tuple[float, ...]
    coefficients: tuple[float, ...]
    times: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class NetworkCase:
    """A two-layer ReLU network at its initialisation, with unit-norm data.

    Attributes
    ----------
    X : (n, d) inputs of unit norm
    y : (n,) targets in [-1, 1]
    W : (m, d) first-layer weights
    a : (m,) output signs, +-1
    """

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "m d"]
    a: Float[np.ndarray, " m"]

    def __repr__(self) -> str:
        return (
            f"NetworkCase(X={self.X.round(4).tolist()}, y={self.y.round(4).tolist()}, "
            f"W={self.W.round(4).tolist()}, a={self.a.tolist()})"
        )


def mode_cases(
    *, lower: float = 1.0, spread: float = 100.0, max_size: int = 4, longest: float = 40.0
) -> st.SearchStrategy[FrozenCase]:
    """Frozen-kernel problems whose spectrum lies in [lower, spread * lower].

    Parameters
    ----------
    lower : smallest eigenvalue allowed, > 0; drawn exactly now and then, because bounds are tight there
    spread : largest eigenvalue in units of `lower`, >= 1
    max_size : largest dimension
    longest : latest time, in units of 1/sqrt(lower)
    """
    if not lower > 0.0 or not spread >= 1.0 or not max_size >= 1 or not longest > 0.0:
        raise InvalidArgumentError(
            "Expected lower > 0, spread >= 1, max_size >= 1 and longest > 0 but got "
            f"lower={lower}, spread={spread}, max_size={max_size}, longest={longest}."
        )
    factor = st.one_of(st.just(1.0), st.floats(1.0, spread))
    unit = 1.0 / float(np.sqrt(lower))
    coefficient = st.floats(-1.0, 1.0).map(lambda c: c if abs(c) > 1e-6 else 0.0)  # no denormal errors

    def of_size(size: int) -> st.SearchStrategy[FrozenCase]:
        return st.builds(
            FrozenCase,
            eigenvalues=st.tuples(*[factor] * size).map(lambda f: tuple(lower * x for x in f)),
            coefficients=st.tuples(*[coefficient] * size).filter(lambda c: any(c)),
            times=st.lists(st.floats(1e-3, longest), min_size=1, max_size=5, unique=True).map(
                lambda ts: tuple(t * unit for t in sorted(ts))
            ),
        )

    return st.integers(1, max_size).flatmap(of_size)


def integer_matrices(rows: int, columns: int, *, bound: int = 4) -> st.SearchStrategy[Int[np.ndarray, "rows columns"]]:
    """Integer matrices with entries in [-bound, bound]: identities are checked on them without rounding."""
    if rows < 1 or columns < 1 or bound < 1:
        raise InvalidArgumentError(
            f"Expected sizes and bound >= 1 but got rows={rows}, columns={columns}, bound={bound}."
        )
    entries = st.lists(st.integers(-bound, bound), min_size=rows * columns, max_size=rows * columns)
    return entries.map(lambda values: np.array(values, dtype=np.int64).reshape(rows, columns))


def unit_vectors(n: int, d: int, *, separation: float = 1e-3) -> st.SearchStrategy[Float[np.ndarray, "n d"]]:
    """Matrices of n unit rows in R^d, no two parallel or anti-parallel up to the angle `separation` (radians)."""
    if n < 1 or d < 1 or not 0.0 <= separation < 1.0 or (d == 1 and n > 1):
        raise InvalidArgumentError(
            f"Expected n >= 1, d >= 1 (d >= 2 for several rows) and 0 <= separation < 1 but got n={n}, d={d}, "
            f"separation={separation}."
        )
    row = st.lists(st.floats(-1.0, 1.0), min_size=d, max_size=d).filter(lambda v: float(np.dot(v, v)) > 1e-2)

    def normalised(rows: list[list[float]]) -> Any:
        matrix = np.array(rows)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)

    def separated(matrix: Any) -> bool:
        cosines = np.abs(matrix @ matrix.T)[np.triu_indices(n, 1)]
        return bool((cosines < np.cos(separation)).all())

    return st.lists(row, min_size=n, max_size=n).map(normalised).filter(separated)


@st.composite
def network_cases(
    draw: Callable[..., Any], *, max_samples: int = 4, max_features: int = 3, max_width: int = 8
) -> NetworkCase:
    """Two-layer ReLU networks with unit-norm, non-parallel data and Gaussian-like weights."""
    n, d = draw(st.integers(1, max_samples)), draw(st.integers(2, max_features))
    m = draw(st.integers(1, max_width))
    X = draw(unit_vectors(n, d, separation=1e-2))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return NetworkCase(X, rng.uniform(-1, 1, n), rng.standard_normal((m, d)), rng.choice([-1.0, 1.0], m))


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


@st.composite
def networks(
    draw: Callable[..., Any],
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
    """
    _check_graph_sizes(activations, max_inputs, max_hidden, max_outputs, max_arriving)
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


@st.composite
def networks_on_samples(draw: st.DrawFn, /, *, max_samples: int = 3, **graph: Any) -> NetworkOnSamples:
    """Networks with rational inputs and non-zero rational weights.

    Parameters
    ----------
    max_samples : largest number of samples
    graph : options of `networks`
    """
    if max_samples < 1:
        raise InvalidArgumentError(f"Expected max_samples >= 1 but got {max_samples}. Pass a positive number.")
    network = draw(networks(**graph))
    whole = st.integers(1, 4).flatmap(lambda n: st.sampled_from([n, -n]))
    number = st.builds(Fraction, whole, st.integers(1, 3))
    sample = st.tuples(*[number] * len(network.inputs))
    samples = draw(st.lists(sample, min_size=1, max_size=max_samples))
    return NetworkOnSamples(network, tuple(samples), {w: draw(number) for w in network.parameters})


def _check_graph_sizes(
    activations: Sequence[Node], max_inputs: int, max_hidden: int, max_outputs: int, max_arriving: int
) -> None:
    if min(max_inputs, max_outputs, max_arriving) < 1 or max_hidden < 0:
        raise InvalidArgumentError(
            "Expected max_inputs, max_outputs, max_arriving >= 1 and max_hidden >= 0 but got "
            f"max_inputs={max_inputs}, max_outputs={max_outputs}, max_arriving={max_arriving}, max_hidden={max_hidden}."
        )
    if not activations or any(node.is_source for node in activations):
        raise InvalidArgumentError(
            f"Expected activations of computed nodes but got {[node.value for node in activations]}. "
            "Pass at least one, and no input."
        )
