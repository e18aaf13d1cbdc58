"""H over paths is H by differentiation; numbers of paths need no listing; the split of H obeys its exact bounds."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.decisions import decide_positive_semidefinite
from odeflow.symbolic.path_counts import layered_path_counts, path_counts, rooted_graphs
from odeflow.symbolic.paths import (
    Edge,
    Network,
    Node,
    enumerate_paths,
    gram_split,
    jacobian_by_differentiation,
    kernel_by_differentiation,
    kernel_by_paths,
    kernel_by_sweep,
    layered_network,
    path_vectors,
    propagate,
)

w, v, x, a, b = sp.symbols("w v x a b", real=True)
SLOPE = sp.Symbol("tau_1_0", real=True)
"""The name of the slope of node 1 at sample 0."""


def composed(case: NetworkOnSamples, activation: dict[Node, object]) -> list[list[sp.Expr]]:
    """Return each output as one composed SymPy expression, for each sample: the third route to H."""
    found = []
    for sample in case.samples:
        inputs, values = iter(sample), []
        for k, node in enumerate(case.network.nodes):
            z = sum((e.weight * values[e.source] for e in case.network.edges if e.target == k), sp.Integer(0))
            own = {Node.INPUT: lambda _, s=sample: None, Node.ONE: lambda _: sp.Integer(1), **activation}
            values.append(sp.Rational(next(inputs)) if node is Node.INPUT else own[node](z))
        found.append([values[o] for o in case.network.outputs])
    return found


def differentiated(case: NetworkOnSamples, activation: dict[Node, object]) -> sp.Matrix:
    outputs = [u for row in composed(case, activation) for u in row]
    jacobian = sp.Matrix(outputs).jacobian(list(case.network.parameters))
    return jacobian * jacobian.T


POLYNOMIAL = {Node.IDENTITY: lambda z: z, Node.SQUARE: lambda z: z**2 / 2}


@settings(max_examples=25)
@given(
    networks_on_samples(
        activations=(Node.IDENTITY, Node.SQUARE), max_samples=2, max_hidden=1, tied=True, parallel=True, max_outputs=2
    )
)
def test_paths_and_derivatives_agree_identically_in_the_weights(case: NetworkOnSamples) -> None:
    run = case.run(symbolic=True)
    by_paths = kernel_by_paths(run)
    assert (by_paths - differentiated(case, POLYNOMIAL)).applyfunc(sp.expand).is_zero_matrix
    assert by_paths == kernel_by_differentiation(run) == kernel_by_sweep(run)


@settings(max_examples=150)
@given(networks_on_samples(max_hidden=5, tied=True, parallel=True, max_outputs=2))
def test_paths_and_derivatives_agree_on_relu_networks_in_rationals(case: NetworkOnSamples) -> None:
    run = case.run()
    assert kernel_by_paths(run) == kernel_by_differentiation(run) == kernel_by_sweep(run)


@settings(max_examples=40)
@given(networks_on_samples(activations=(Node.SMOOTH,), max_samples=2, tied=True))
def test_paths_and_derivatives_agree_for_every_smooth_activation_at_once(case: NetworkOnSamples) -> None:
    run = case.run(symbolic=True)
    assert kernel_by_paths(run) == kernel_by_differentiation(run) == kernel_by_sweep(run)


def test_the_symbols_of_a_smooth_activation_stand_for_tanh() -> None:
    network = layered_network([1, 2, 1], hidden=Node.SMOOTH, bias=True)
    case = NetworkOnSamples(network, ((Fraction(1, 2),), (Fraction(-1),)), {})
    run = case.run(symbolic=True)
    symbolic, meaning = kernel_by_paths(run), {}
    for k, node in enumerate(network.nodes):
        if node is Node.SMOOTH:
            for i, sample in enumerate(case.samples):
                z = sum(
                    e.weight * (sp.Rational(sample[0]) if e.source == 0 else 1) for e in network.edges if e.target == k
                )
                meaning |= {run.values[k][i]: sp.tanh(z), run.slopes[k][i]: 1 - sp.tanh(z) ** 2}
    direct = differentiated(case, {Node.SMOOTH: sp.tanh, **POLYNOMIAL})
    difference = (symbolic.xreplace(meaning) - direct).applyfunc(sp.expand)
    assert difference.is_zero_matrix


@settings(max_examples=60)
@given(networks_on_samples(tied=True, parallel=True, max_outputs=2))
def test_the_split_without_paths_is_the_split_over_paths(case: NetworkOnSamples) -> None:
    run = case.run()
    found, split = path_vectors(run), gram_split(run)
    assert split.strong == found.contributions * found.contributions.T
    assert split.total == kernel_by_paths(run)
    counts = case.network.counts()
    assert counts.paths == len(found.paths)
    assert counts.summands == sum(n**2 for n in (found.ties * found.incidence * sp.ones(len(found.paths), 1)))
    assert counts.largest == max(found.ties * found.incidence * sp.ones(len(found.paths), 1))


@settings(max_examples=60)
@given(networks_on_samples(tied=True, parallel=True))
def test_the_weak_part_lies_between_its_bounds(case: NetworkOnSamples) -> None:
    split, largest = gram_split(case.run()), case.network.counts().largest
    assert decide_positive_semidefinite(split.strong + split.weak).holds
    assert decide_positive_semidefinite((largest - 1) * split.strong - split.weak).holds


def test_tied_weights_add_before_they_are_squared() -> None:
    twice = Network((Node.INPUT, Node.IDENTITY, Node.IDENTITY), (Edge(0, 1, w), Edge(1, 2, w)))
    run = propagate(twice, [[x]])
    assert kernel_by_paths(run)[0] == kernel_by_differentiation(run)[0] == 4 * w**2 * x**2
    split = gram_split(run)
    assert (split.strong[0], split.weak[0]) == (2 * w**2 * x**2, 2 * w**2 * x**2)


def test_biases_are_edges_from_the_constant_one() -> None:
    affine = Network((Node.INPUT, Node.ONE, Node.IDENTITY), (Edge(0, 2, w), Edge(1, 2, b)))
    y = sp.Symbol("y", real=True)
    assert kernel_by_paths(propagate(affine, [[x], [y]])) == sp.Matrix([[x**2 + 1, x * y + 1], [x * y + 1, y**2 + 1]])


def test_several_outputs_give_a_block_matrix() -> None:
    network = layered_network([1, 1, 2])
    w1, v1, v2 = network.parameters
    expected = sp.Matrix([[x**2 * w1**2 + x**2 * v1**2, x**2 * v1 * v2], [x**2 * v1 * v2, x**2 * w1**2 + x**2 * v2**2]])
    assert kernel_by_paths(propagate(network, [[x]])) == expected


def test_a_relu_at_its_kink_is_said_not_to_be_differentiable() -> None:
    network = Network((Node.INPUT, Node.RELU), (Edge(0, 1, w),))
    assert not propagate(network, [[0]], {w: 1}).differentiable
    assert propagate(network, [[1]], {w: 1}).differentiable
    assert kernel_by_paths(propagate(network, [[0]], {w: 1})) == sp.zeros(1, 1)
    assert propagate(network, [[0]], {w: 1}).slopes[1] == (0,)


def test_a_relu_argument_that_is_zero_without_looking_like_it_is_a_kink() -> None:
    network = Network((Node.INPUT, Node.RELU), (Edge(0, 1, w),))
    hidden_zero = sp.sqrt(2) + sp.sqrt(3) - sp.sqrt(5 + 2 * sp.sqrt(6))
    assert not propagate(network, [[1]], {w: hidden_zero}).differentiable
    assert propagate(network, [[1]], {w: sp.sqrt(2) - 1}).slopes[1] == (1,)
    assert propagate(network, [[1]], {w: 1 - sp.sqrt(2)}).values[1] == (0,)


def test_one_kink_among_several_nodes_and_samples_is_not_forgotten() -> None:
    network = Network((Node.INPUT, Node.RELU, Node.RELU), (Edge(0, 1, w), Edge(1, 2, v)))
    assert not propagate(network, [[0], [1]], {w: 1, v: 1}).differentiable
    assert propagate(layered_network([1, 1, 1]), [[0]], {}).differentiable  # 0 is no kink of the identity


IN, SUM = Node.INPUT, Node.IDENTITY
ODD_GRAPHS = {
    "no edges": Network((IN, SUM), ()),
    "a dead end that shares its weight": Network(
        (IN, SUM, SUM, SUM), (Edge(0, 1, w), Edge(0, 2, w), Edge(1, 3, a)), (3,)
    ),
    "a node without arriving edges": Network((IN, SUM, SUM), (Edge(0, 2, w), Edge(1, 2, v))),
    "two components": Network((IN, IN, SUM, SUM), (Edge(0, 2, w), Edge(1, 3, v)), (2, 3)),
    "an output behind an output": Network((IN, SUM, SUM), (Edge(0, 1, w), Edge(1, 2, v)), (2, 1)),
    "two outputs share a weight": Network((IN, SUM, SUM), (Edge(0, 1, w), Edge(0, 2, w)), (1, 2)),
    "parallel edges with one weight": Network((IN, SUM, SUM), (Edge(0, 1, w), Edge(0, 1, w), Edge(1, 2, v)), (1, 2)),
}


@pytest.mark.parametrize("network", ODD_GRAPHS.values(), ids=ODD_GRAPHS)
def test_odd_graphs_have_the_kernel_of_their_derivatives(network: Network) -> None:
    samples = [sp.symbols(f"x_{i}_:{len(network.inputs)}", real=True) for i in range(2)]
    run = propagate(network, samples)
    J = sp.Matrix(list(run.predictions())).jacobian(list(network.parameters)) if network.parameters else None
    expected = sp.zeros(len(run.rows), len(run.rows)) if J is None else (J * J.T).applyfunc(sp.expand)
    assert kernel_by_paths(run) == kernel_by_differentiation(run) == kernel_by_sweep(run) == expected
    if J is not None:
        assert jacobian_by_differentiation(run) == J.applyfunc(sp.expand)
    split, found = gram_split(run), path_vectors(run)
    assert split.strong == (found.contributions * found.contributions.T).applyfunc(sp.expand)
    assert split.strong + split.weak == expected
    assert network.counts().paths == len(found.paths)


def test_rows_are_samples_with_their_outputs() -> None:
    network = Network((IN, SUM, SUM), (Edge(0, 1, w), Edge(1, 2, v)), (1, 2))
    run = propagate(network, [[2], [3]])
    assert run.rows == ((0, 1), (0, 2), (1, 1), (1, 2))
    assert list(run.predictions()) == [2 * w, 2 * v * w, 3 * w, 3 * v * w]


def test_weights_that_are_left_out_stay_symbols() -> None:
    run = propagate(layered_network([1, 1, 1]), [[1]], {layered_network([1, 1, 1]).parameters[0]: 2})
    assert run.weights == (2, layered_network([1, 1, 1]).parameters[1])
    assert kernel_by_sweep(run) == sp.Matrix([[4 + run.weights[1] ** 2]])


def test_each_node_and_sample_has_its_own_value_and_slope() -> None:
    run = propagate(layered_network([1, 2, 1], hidden=Node.SMOOTH), [[1], [2]])
    symbols = [s for part in (run.values, run.slopes) for node in part[1:3] for s in node]
    assert len(set(symbols)) == 8


def test_ten_to_the_twelve_paths_are_counted_and_not_listed() -> None:
    deep = layered_network([10] * 12 + [1])
    assert deep.counts().paths == layered_path_counts([10] * 12).paths == sum(10 ** (k + 2) for k in range(11)) + 10
    with pytest.raises(InvalidArgumentError, match=r"at most 1000000 paths .* has 11111111111"):
        enumerate_paths(deep)
    run = propagate(deep, [[1] * 10], dict.fromkeys(deep.parameters, Fraction(1, 10)))
    split = gram_split(run)
    assert split.total == kernel_by_differentiation_of_equal_layers(12)
    assert split.strong[0] > 0


def kernel_by_differentiation_of_equal_layers(layers: int) -> sp.Matrix:
    """Every hidden value is 1 and each path sum 10^-(depth above), by symmetry: 10 weights end in the output."""
    above = [sp.Integer(1)] + [sp.Rational(1, 10)] * (layers - 1)
    weights = [10] + [100] * (layers - 1)
    return sp.Matrix([[sum(n * s**2 for n, s in zip(weights, above, strict=True))]])


def test_symmetric_and_cross_summands_are_those_of_the_listed_pairs() -> None:
    for network in (layered_network([2, 3, 2, 1]), *ODD_GRAPHS.values()):
        ends = [network.edges[path[-1]].weight for path in enumerate_paths(network)]
        pairs = [(p, q) for p, one in enumerate(ends) for q, other in enumerate(ends) if one == other]
        counts = network.counts()
        assert counts.summands == len(pairs)
        assert counts.symmetric == sum(p == q for p, q in pairs)
        assert counts.cross == sum(p != q for p, q in pairs)
        assert counts.parameters == len(network.parameters)
        assert counts.largest == max(map(ends.count, ends), default=0)


def test_counts_of_layered_networks_follow_the_closed_form() -> None:
    for widths in ([1], [3, 2], [2, 3, 2], [1, 2, 3, 4]):
        network, closed = layered_network([*widths, 1]), layered_path_counts(widths)
        counts = network.counts()
        assert (counts.parameters, counts.paths, counts.summands, counts.cross, counts.largest) == (
            closed.parameters, closed.paths, closed.summands, closed.cross, closed.largest,
        )  # fmt: skip
        assert counts.paths == len(enumerate_paths(network))


def test_as_many_paths_as_the_limit_are_listed() -> None:
    assert len(enumerate_paths(layered_network([2, 2, 1]), limit=6)) == 6


def test_properties_of_networks_say_what_they_are() -> None:
    tied = Network((IN, SUM, SUM), (Edge(0, 1, w), Edge(1, 2, w)))
    assert tied.is_tied
    assert not layered_network([1, 2, 1]).is_tied
    assert Network((IN, SUM), (Edge(0, 1, v), Edge(0, 1, a))).parameters == (v, a)  # in the order of the edges
    biased = layered_network([1, 2, 1], output=Node.SQUARE, bias=True)
    assert biased.nodes == (IN, Node.ONE, SUM, SUM, Node.SQUARE)
    assert biased.inputs == (0,)
    assert len(biased.parameters) == 7
    assert not biased.is_tied


def test_graphs_are_listed_once_each() -> None:
    """By brute force over all sets of arrows and all relabellings that keep the output, up to four edges."""
    for edges in (1, 2, 3, 4):
        arrows = list(itertools.combinations(range(edges + 1), 2))
        classes = set()
        for graph in itertools.combinations(arrows, edges):
            nodes = {0, *itertools.chain.from_iterable(graph)}
            if nodes != set(range(len(nodes))) or {t for _, t in graph} != nodes - {0}:
                continue
            classes.add(min(
                tuple(sorted((dict(enumerate((0, *order)))[s], dict(enumerate((0, *order)))[t]) for s, t in graph))
                for order in itertools.permutations(range(1, len(nodes)))
            ))  # fmt: skip
        assert len(rooted_graphs(edges)) == len(classes)


def test_examples_5_2_and_5_3_are_all_graphs_with_their_counts() -> None:
    assert len(rooted_graphs(3)) == len(rooted_graphs(3, [1, 1, 1])) == 5
    assert len(rooted_graphs(6, [1, 1, 1, 1, 1, 3])) == 2
    # rooted trees with 1, 2, ... edges: 1, 2, 4, 9, 20 (the simple graphs without a second arrow into a node)
    trees = [sum(len({t for _, t in g}) == len(g) for g in rooted_graphs(k)) for k in range(1, 6)]
    assert trees == [1, 2, 4, 9, 20]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network((Node.INPUT, Node.RELU), (Edge(1, 0, w),)), "from an earlier to a later node"),
        (lambda: Network((Node.INPUT, Node.INPUT, Node.RELU), (Edge(0, 1, w),)), "none into an input"),
        (lambda: Network((Node.INPUT,), ()), "outputs to be computed nodes"),
        (lambda: Network((Node.INPUT, Node.RELU), (), (1, 1)), "different outputs"),
        (lambda: Network((Node.INPUT, Node.RELU), (Edge(0, 1, sp.Integer(2)),)), "to be a SymPy Symbol"),
        (lambda: propagate(layered_network([2, 1]), [[1]]), "Expected 2 inputs"),
        (lambda: propagate(layered_network([1, 1]), []), "at least one sample"),
        (lambda: propagate(layered_network([1, 1]), [[1]], {x: 1}), "weights of this network but got x"),
        (lambda: propagate(layered_network([1, 1]), [[sp.Float(0.5)]]), "exact numbers"),
        (lambda: propagate(layered_network([1, 1], output=Node.RELU), [[1]]), "a number at the ReLU of node 1"),
        (lambda: propagate(layered_network([1, 1]), [[sp.oo]]), "exact numbers"),
        (lambda: propagate(layered_network([1, 1]), [["x"]]), "exact numbers"),
        (lambda: propagate(layered_network([1, 1]), [[x + sp.Float(0.5)]]), "exact numbers"),
        (lambda: propagate(Network((IN, Node.SMOOTH), (Edge(0, 1, SLOPE),)), [[1]]), "Rename the symbol"),
        (lambda: Network((IN, Node.ONE, SUM), (Edge(0, 1, w),)), "none into an input"),
        (lambda: Network((IN, SUM), (Edge(0, 1, w), Edge(1, 1, v))), "from an earlier to a later node"),
        (lambda: Network((IN, SUM), (Edge(0, 1, w),), (0,)), "outputs to be computed nodes"),
        (lambda: path_counts(2, [(0, 1)], [2]), "outputs among the nodes"),
        (lambda: rooted_graphs(8), "1 to 7 edges"),
        (lambda: layered_network([1]), "at least two widths"),
        (lambda: layered_path_counts([0]), "widths >= 1"),
        (lambda: rooted_graphs(0), "1 to 7 edges"),
        (lambda: path_counts(2, [(1, 0)], [1]), "smaller to a larger node"),
        (lambda: path_counts(2, [(0, 1)], [1], []), "one parameter for each of 1 arrows"),
        (lambda: enumerate_paths(layered_network([2, 2, 1]), limit=3), "at most 3 paths .* has 6"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(make: object, message: str) -> None:
    with pytest.raises(OdeflowError, match=message):
        make()  # type: ignore[operator]


def test_random_weights_agree_with_difference_quotients() -> None:
    rng = np.random.default_rng(0)
    network = layered_network([2, 3, 2, 1], hidden=Node.SQUARE, bias=True)
    weights = {p: Fraction(int(k), 7) for p, k in zip(network.parameters, rng.integers(-9, 10, 30), strict=False)}
    samples = [[Fraction(1, 2), Fraction(-1)], [Fraction(2), Fraction(1, 3)]]
    H, step = kernel_by_sweep(propagate(network, samples, weights)), Fraction(1, 10**6)
    columns = []
    for p in network.parameters:
        ahead, behind = (
            propagate(network, samples, {**weights, p: weights[p] + s * step}).predictions() for s in (1, -1)
        )
        columns.append((ahead - behind) / (2 * sp.Rational(step)))
    quotient = sum((c * c.T for c in columns), sp.zeros(2, 2))
    # the error of the central difference is step^2 times a third derivative below 1e6 here
    assert all(abs(float(q - h)) <= 1e-5 * max(1.0, abs(float(h))) for q, h in zip(quotient, H, strict=True))
