"""Facts of the pages on paths: the audit's numbers, the figure, and what is true only of one kind of network."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from odeflow.figures import Figure, GraphArrow, GraphNode, GraphPanel
from odeflow.plots import draw
from odeflow.symbolic.path_counts import layered_path_counts, rooted_graphs
from odeflow.symbolic.path_networks import Edge, Network, Node, layered_network
from odeflow.symbolic.paths import gram_split, kernel_by_differentiation, kernel_by_paths, propagate
from theory.iclr2020_path_formula import weak_part_mean_printed
from theory.iclr2020_path_formula._gaussian import (
    drawn_parts,
    gaussian_mean,
    linear,
    mean_over,
    relu,
    three_layer_parts,
)
from theory.iclr2020_path_formula._graphs import network_of
from theory.iclr2020_path_formula.depth_against_width_printed import gains
from theory.iclr2020_path_formula.figures import figure2

FLOAT = 1e-10
"""Two float routes to one kernel differ by rounding only; its entries are below 1e3."""


def test_four_square_layers_have_means_135_and_2430() -> None:
    x, y = sp.symbols("x_i x_j", real=True)
    assert weak_part_mean_printed.means(weak_part_mean_printed.four_layers()) == (135 * x**4 * y**4, 2430 * x**4 * y**4)


def test_two_paths_of_opposite_sign_make_the_weak_part_minus_two() -> None:
    w, a1, a2, c1, c2 = sp.symbols("w a_1 a_2 c_1 c_2", real=True)
    nodes = (Node.INPUT, *(Node.IDENTITY,) * 4)
    network = Network(nodes, (Edge(0, 1, w), Edge(1, 2, c1), Edge(1, 3, c2), Edge(2, 4, a1), Edge(3, 4, a2)))
    x, y = sp.symbols("x_i x_j", real=True)
    weights = {a1: 1, c1: 1, a2: -1, c2: 1}
    assert gram_split(propagate(network, [[x], [y]], weights)).weak[0, 1] == -2 * x * y


@pytest.mark.parametrize(
    ("widths", "parameters", "paths"),
    [((50, 100), 5100, 5100), ((50, 100, 1), 5101, 5101), ((50, 101), 5151, 5151), ((10, 16), 176, 176),
     ((10, 10, 6), 166, 666), ((10, 6, 6, 6), 138, 2418)],
)  # fmt: skip
def test_the_audit_s_counts_of_parameters_and_paths(widths: tuple[int, ...], parameters: int, paths: int) -> None:
    for counts in (layered_path_counts(widths), layered_network([*widths, 1]).counts()):
        assert (counts.parameters, counts.paths) == (parameters, paths)


def test_the_scalar_layer_gains_one_path_and_a_neuron_seven_for_three_weights() -> None:
    assert gains((2, 2, 2)) == (1, sp.Rational(7, 3))
    assert gains((50, 100)) == (1, 1)


def test_example_5_3_has_the_two_graphs_of_the_audit() -> None:
    first = {("u", "a"), ("u", "b"), ("u", "v"), ("a", "v"), ("b", "v"), ("v", "x")}
    second = {("u", "a"), ("u", "v"), ("a", "b"), ("a", "v"), ("b", "v"), ("v", "x")}
    names = "uabvx"
    found = [{(names[s], names[t]) for s, t in graph} for graph in rooted_graphs(6, [1, 1, 1, 1, 1, 3])]
    assert sorted(map(sorted, found)) == sorted(map(sorted, (first, second)))
    for graph in rooted_graphs(6, [1, 1, 1, 1, 1, 3]):
        counts = network_of(graph).counts()
        assert (counts.summands, counts.symmetric, counts.cross) == (14, 8, 6)


def test_the_float_split_of_three_layers_is_the_exact_one() -> None:
    rng = np.random.default_rng(3)
    X, first, second, last = (rng.integers(-3, 4, shape) for shape in ((2, 2), (3, 2), (2, 3), (2,)))
    for node, activation in ((Node.IDENTITY, linear), (Node.RELU, relu)):
        network = layered_network([2, 3, 2, 1], hidden=node)
        values = [int(v) for v in (*first.ravel(), *second.ravel(), *last.ravel())]
        split = gram_split(propagate(network, X.tolist(), dict(zip(network.parameters, values, strict=True))))
        total, weak = three_layer_parts(X, first[None], second[None], last[None], activation)
        assert np.abs(total[0] - np.array(split.total.tolist(), dtype=float)).max() < FLOAT
        assert np.abs(weak[0] - np.array(split.weak.tolist(), dtype=float)).max() < FLOAT


def test_relu_networks_have_a_weak_part_of_the_linear_size() -> None:
    """rms tr H^W / tr E[H]: about (sqrt(2)/3) m^{-1/2}, 0.163, 0.105 for m = 8, 16 in the audit."""
    X = np.random.default_rng(0).standard_normal((10, 5))
    for m, audited in ((8, 0.163), (16, 0.105)):
        total, weak = drawn_parts(X, (m, m), relu, scale=1.0, draws=1500, seed=m)
        share = np.sqrt(np.mean(np.trace(weak, axis1=1, axis2=2) ** 2)) / np.mean(np.trace(total, axis1=1, axis2=2))
        # heavy tails: the share of 1500 networks scatters by about 8 %, and the audit's data are not ours
        assert abs(share / audited - 1) < 0.3


def test_means_of_polynomials_agree_with_integrals() -> None:
    a, b = sp.symbols("a b", real=True)
    density = sp.exp(-(a**2) / 2) / sp.sqrt(2 * sp.pi)
    for power in range(7):
        exact = sp.integrate(a**power * density, (a, -sp.oo, sp.oo))
        assert gaussian_mean(a**power, (a,)) == exact
    assert gaussian_mean((a + 2 * b) ** 4, (a, b), 2) == 300
    assert mean_over((a + b) ** 2, a) == b**2 + sp.Symbol("M_2_a", real=True)


def test_figure_two_draws_every_path_of_the_examples() -> None:
    figure = figure2(True, 0)
    assert len(figure.graphs) == 5 * 4 + 2 * 4
    assert [row.measured for row in figure.rows] == [3.0] * 5 + [14.0] * 2
    assert sum(sum(arrow.group is not None for arrow in graph.arrows) == 0 for graph in figure.graphs) == 0
    canvas = draw(figure2(False, 1))
    assert len(canvas.axes) == 8
    captions = [text.get_text() for axes in canvas.axes for text in axes.texts if "PG_p" in text.get_text()]
    assert len(captions) == 6


def test_a_bent_arrow_s_label_lies_on_the_arrow() -> None:
    nodes = (GraphNode(0.0, 0.0, "x"), GraphNode(2.0, 0.0, "u"))
    graph = GraphPanel("", nodes, (GraphArrow(0, 1, "w", 0, bend=-0.5),))
    canvas = draw(Figure("", "", (), (), (), (graph,)))
    canvas.canvas.draw()
    (axes,) = canvas.axes
    (label,) = [text for text in axes.texts if text.get_text() == "w"]
    curve = axes.patches[0].get_path().vertices  # start, control point and end of a quadratic curve, then its head
    middle = curve[0] / 4 + curve[1] / 2 + curve[2] / 4
    assert np.abs(middle - np.array(label.get_position())).max() < 0.1  # shortened at both ends by the nodes


def test_deep_networks_of_the_paper_s_kind_need_no_listing() -> None:
    network = layered_network([5, 20, 20, 20, 1], hidden=Node.RELU)
    rng = np.random.default_rng(0)
    weights = {w: int(k) for w, k in zip(network.parameters, rng.integers(-3, 4, len(network.parameters)), strict=True)}
    run = propagate(network, [[int(k) for k in rng.integers(-5, 6, 5)] for _ in range(2)], weights)
    assert network.counts().paths == 5 * 20**3 + 20**3 + 20**2 + 20
    split = gram_split(run)
    assert split.total[0, 0] > 0
    small = layered_network([2, 2, 2, 1], hidden=Node.RELU)
    again = propagate(small, [[1, 2], [3, -1]], {w: k % 5 - 1 for k, w in enumerate(small.parameters)})
    assert kernel_by_paths(again) == kernel_by_differentiation(again)
