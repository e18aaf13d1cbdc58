"""`networks()` yields what it promises and shrinks to networks a person can read; refusals are in test_strategies."""

from __future__ import annotations

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from odeflow.strategies import NetworkOnSamples, networks, networks_on_samples
from odeflow.symbolic.paths import Network, Node, gram_split, layered_network

SEARCH = settings(max_examples=600, database=None, derandomize=True, phases=(Phase.generate, Phase.shrink))
"""Without Hypothesis's last phase, which varies what has been shrunk: it takes most of the time and `find` drops it."""


@given(networks(max_outputs=2, parallel=True, tied=True))
def test_every_node_leads_to_an_output(network: Network) -> None:
    reaches = set(network.outputs)
    for edge in sorted(network.edges, key=lambda e: -e.target):
        if edge.target in reaches:
            reaches.add(edge.source)
    assert reaches == set(range(len(network.nodes)))


@given(networks(bias=False, activations=(Node.RELU,), max_inputs=1, max_hidden=1))
def test_options_are_obeyed(network: Network) -> None:
    assert not network.is_tied
    assert network.is_simple
    assert Node.ONE not in network.nodes
    assert set(network.nodes[1:]) == {Node.RELU}
    assert len(network.nodes) <= 3


def test_the_smallest_network_is_one_edge() -> None:
    smallest = find(networks(), lambda n: True, settings=settings(SEARCH, max_examples=50))
    assert repr(smallest) == "Network([input, identity], [0-w0->1], outputs=[1])"
    case = find(networks_on_samples(), lambda c: True, settings=settings(SEARCH, max_examples=50))
    assert repr(case) == (
        "NetworkOnSamples(Network([input, identity], [0-w0->1], outputs=[1]), samples=[(1)], weights={w0: 1})"
    )


def test_a_negative_weak_part_shrinks_to_a_small_network() -> None:
    def negative(case: NetworkOnSamples) -> bool:
        return bool(gram_split(case.run()).weak[0, 0] < 0)

    small = networks_on_samples(
        bias=False, activations=(Node.IDENTITY,), max_inputs=1, max_hidden=2, max_arriving=2, max_samples=1
    )
    case = find(small, negative, settings=settings(SEARCH, max_examples=150))
    assert len(case.network.edges) <= 4
    assert len(case.samples) == 1


def test_tied_and_parallel_edges_are_found() -> None:
    assert len(find(networks(tied=True), lambda n: n.is_tied, settings=SEARCH).edges) == 2
    assert len(find(networks(parallel=True), lambda n: not n.is_simple, settings=SEARCH).edges) == 2
    assert len(find(networks(max_outputs=2), lambda n: len(n.outputs) == 2, settings=SEARCH).edges) <= 3


def test_the_layered_network_is_within_reach() -> None:
    wanted = layered_network([1, 2, 1])
    arrows = {(e.source, e.target) for e in wanted.edges}
    found = find(
        networks(activations=(Node.IDENTITY,), max_inputs=1, bias=False),
        lambda n: {(e.source, e.target) for e in n.edges} == arrows,
        settings=SEARCH,
    )
    assert found.counts().paths == wanted.counts().paths


def test_it_combines_with_other_strategies() -> None:
    pair = find(st.tuples(networks(), st.integers(0, 3)), lambda p: p[1] == 2, settings=SEARCH)
    assert len(pair[0].edges) == 1
