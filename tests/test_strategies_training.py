"""Weights, flows, losses and learning rates are what was asked for, reach the corners, and shrink to readable ones."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from odeflow.flow_text import parse_flow
from odeflow.flows import FlowSpec
from odeflow.numeric.deep_kernels import Activation
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.linear_flow import imbalance
from odeflow.numeric.mlp_training import CrossEntropy, Loss, Network, PowerLoss, loss_and_gradient
from odeflow.numeric.optimisers import NesterovMethod
from odeflow.strategies import (
    balanced_weights,
    flow_specs,
    flow_texts,
    flows,
    learning_rates,
    losses,
    rational_balanced_networks,
    rational_unbalanced_weights,
    spectra,
    unbalanced_weights,
)
from odeflow.symbolic.deep_linear_instances import BalancedNetwork

SEARCH = settings(max_examples=2000, database=None, derandomize=True)
BALANCE = 1e-14
"""In units of the largest squared singular value: rotations up to 3 x 3 and one product."""

Layers = tuple[np.ndarray, ...]


def hit(strategy: st.SearchStrategy[Any], condition: Any) -> Any:
    """Find a value without shrinking it."""
    return find(strategy, condition, settings=settings(SEARCH, phases=[Phase.generate]))


def smallest(strategy: st.SearchStrategy[Any], condition: Any = lambda value: True) -> Any:
    return find(strategy, condition, settings=SEARCH)


def singular_values(W: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.svd(W, compute_uv=False))


# --- weights --------------------------------------------------------------------------------------------------------


@given(balanced_weights(largest=1.5))
def test_balanced_weights_are_balanced_and_bounded(layers: Layers) -> None:
    assert imbalance(layers) <= BALANCE * 1.5**2
    assert all(singular_values(W)[0] <= 1.5 + BALANCE for W in layers)


@given(balanced_weights([2, 1, 3], singular=False))
def test_balanced_weights_have_the_widths_and_the_rank_asked_for(layers: Layers) -> None:
    assert [W.shape for W in layers] == [(1, 2), (3, 1)]
    assert all(np.linalg.matrix_rank(W) == 1 for W in layers)


def test_balanced_weights_shrink_to_one_layer_of_one() -> None:
    assert [W.tolist() for W in smallest(balanced_weights())] in ([[[1.0]]], [[[0.0]]])
    assert [W.tolist() for W in smallest(balanced_weights(singular=False))] == [[[1.0]]]
    layers = smallest(balanced_weights(singular=False), lambda layers: len(layers) == 2 and len(layers[0]) == 2)
    assert [W.tolist() for W in layers] == [[[1.0], [0.0]], [[1.0, 0.0]]]


@pytest.mark.parametrize(
    "corner",
    [
        lambda layers: len(layers) == 1 and layers[0].shape == (3, 3),
        lambda layers: len(layers) > 1 and len(layers[0]) == 1 < min(layers[0].shape[1], len(layers[1])),  # bottleneck
        lambda layers: all(W.shape == (2, 2) and np.linalg.matrix_rank(W) == 1 for W in layers) and len(layers) > 1,
        lambda layers: all((W == 0.0).all() for W in layers) and len(layers) > 1,
        lambda layers: layers[0].shape == (2, 2) and np.ptp(singular_values(layers[0])) < 1e-14 < layers[0].max(),
        lambda layers: min(layers[0].shape) > 1 and (layers[0] != 0.0).all(),
    ],
)  # fmt: skip
def test_balanced_weights_reach_the_corners(corner: Any) -> None:
    hit(balanced_weights(), corner)


@given(unbalanced_weights(imbalance=0.5, bound=1.0))
def test_unbalanced_weights_are_not_balanced(layers: Layers) -> None:
    assert imbalance(layers) >= 0.5 * (1 - BALANCE)
    assert all(np.abs(W).max() <= 1.0 for W in layers)
    assert all(above.shape[1] == below.shape[0] for below, above in itertools.pairwise(layers))


def test_unbalanced_weights_shrink_to_zero_and_one() -> None:
    assert [W.tolist() for W in smallest(unbalanced_weights())] == [[[0.0]], [[1.0]]]
    largest = smallest(unbalanced_weights(bound=0.5, imbalance=0.25))  # the only imbalance left at width 1
    assert [W.tolist() for W in largest] == [[[0.0]], [[0.5]]]
    assert [W.tolist() for W in smallest(unbalanced_weights(imbalance=0.0))] == [[[0.0]], [[1.0]]]
    hit(unbalanced_weights(), lambda layers: len(layers) == 3 and len(layers[1]) == 1 < len(layers[0]))


@settings(max_examples=40)
@given(rational_balanced_networks())
def test_rational_networks_are_balanced_exactly(network: BalancedNetwork) -> None:
    assert all(above.T * above == below * below.T for below, above in itertools.pairwise(network.layers))
    assert all(entry.is_Rational for W in network.layers for entry in W)


def test_rational_networks_shrink_to_one_layer_of_one_and_reach_the_corners() -> None:
    network = smallest(rational_balanced_networks(singular=False))
    assert network.layers == (sp.Matrix([[1]]),)
    hit(rational_balanced_networks(), lambda n: n.depth > 1 and n.widths[1] == 1 < min(n.widths[0], n.widths[2]))
    hit(rational_balanced_networks([2, 2]), lambda n: len(n.singular) == 2 and n.singular[0] == 0 != n.singular[1])
    hit(rational_balanced_networks([2, 2]), lambda n: n.singular[0] == n.singular[1] != 0 and n.layers[0][0, 1] != 0)


@settings(max_examples=40)
@given(rational_unbalanced_weights(bound=2))
def test_rational_weights_are_not_balanced(layers: tuple[sp.ImmutableMatrix, ...]) -> None:
    assert any(above.T * above != below * below.T for below, above in itertools.pairwise(layers))
    assert all(abs(entry) <= 2 and entry.q <= 3 for W in layers for entry in W)


def test_rational_weights_shrink_to_zero_and_one() -> None:
    assert smallest(rational_unbalanced_weights()) == (sp.Matrix([[0]]), sp.Matrix([[1]]))
    hit(rational_unbalanced_weights(), lambda layers: len(layers) == 4)


# --- flows ----------------------------------------------------------------------------------------------------------


@given(flow_specs(max_order=4, parameters=["b", "mu"], undamped=True))
def test_flows_survive_printing_and_reading(flow: FlowSpec) -> None:
    assert parse_flow(str(flow)) == flow
    assert flow.parameters <= {"b", "mu"}
    assert flow.order <= 4


@given(flow_texts(max_order=3, undamped=True, parameters=["b"]))
def test_flow_texts_are_read_and_concrete_once_parameters_have_values(text: str) -> None:
    flow = parse_flow(text).at({"b": Fraction(2)})
    assert all(coefficient > 0 for term in (*flow.damping, flow.gradient) for _, coefficient in term)


@given(flow_specs(max_order=3, autonomous=True, hessian=False, lookahead=False))
def test_options_of_flows_are_obeyed(flow: FlowSpec) -> None:
    concrete = flow.at()
    assert concrete.is_autonomous
    assert not concrete.hessian
    assert len(concrete.point) == 1
    assert all(concrete.damping)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (lambda f: True, "x' + grad(x) = 0"),
        (lambda f: f.order == 2, "x'' + x' + grad(x) = 0"),
        (lambda f: f.order == 2 and not f.at().is_autonomous, "x'' + 1/t*x' + grad(x) = 0"),
        (lambda f: len(f.point) == 2, "x'' + grad(x + x') = 0"),
        (lambda f: f.damping and f.damping[0].terms and f.hessian.terms, "x'' + x' + hess*x' + grad(x) = 0"),
        (lambda f: f.order == 2 and not f.damping[0].terms, "x'' + grad(x) = 0"),
        (lambda f: str(f).startswith("x'' + 3/t*x' + grad(x) "), "x'' + 3/t*x' + grad(x) = 0"),
    ],
)  # fmt: skip
def test_flows_shrink_to_the_simplest_of_their_kind(wanted: Any, text: str) -> None:
    assert str(smallest(flow_specs(undamped=True), wanted)) == text


def modes_decay(flow: Flow, eigenvalue: float) -> bool:
    """Whether all roots of the characteristic polynomial have negative real part (Hurwitz, by the roots themselves)."""
    middle = {GradientFlow: (), HeavyBall: (getattr(flow, "damping", 0.0),)}.get(type(flow))
    coefficients = flow.coefficients if isinstance(flow, LinearFlow) else middle
    assert coefficients is not None
    return bool((np.roots([1.0, *reversed(coefficients), eigenvalue]).real < 0.0).all())


@given(flows(kinds=[GradientFlow, HeavyBall, LinearFlow], max_order=6, stable_up_to=50.0), st.floats(1e-3, 50.0))
def test_flows_are_stable_as_far_as_asked(flow: Flow, eigenvalue: float) -> None:
    assert modes_decay(flow, eigenvalue)
    assert modes_decay(flow, 50.0)


def test_flows_of_order_three_are_not_stable_for_ever() -> None:
    flow = hit(flows(kinds=[LinearFlow], stable_up_to=1.0), lambda f: f.order == 3)
    c1, c2 = flow.coefficients
    assert modes_decay(flow, 0.999 * c1 * c2)  # Routh and Hurwitz: lambda < c_1 c_2
    assert not modes_decay(flow, 1.001 * c1 * c2)
    assert c1 * c2 >= 1.0


@given(flows(min_damping=0.5, max_damping=2.0, min_gamma=3.0, max_gamma=4.0, max_order=2))
def test_flows_keep_their_ranges(flow: Flow) -> None:
    assert not isinstance(flow, HeavyBall) or 0.5 <= flow.damping <= 2.0
    assert not isinstance(flow, Nesterov) or 3.0 <= flow.gamma <= 4.0
    assert not isinstance(flow, LinearFlow) or all(0.5 <= c <= 2.0 for c in flow.coefficients)


@pytest.mark.parametrize(
    ("kind", "simplest"),
    [(GradientFlow, GradientFlow()), (HeavyBall, HeavyBall(1.0)), (Nesterov, Nesterov(1.0)),
     (LinearFlow, LinearFlow(()))],
)  # fmt: skip
def test_every_kind_of_flow_is_reached_and_shrinks(kind: type[Flow], simplest: Flow) -> None:
    assert smallest(flows(), lambda f: isinstance(f, kind)) == simplest


# --- training -------------------------------------------------------------------------------------------------------


@given(losses(max_power=6))
def test_losses_are_losses_of_the_trainer(loss: Loss) -> None:
    network = Network((1, 2), activation=Activation.IDENTITY)
    Y: Any = [0, 1, 1] if isinstance(loss, CrossEntropy) else np.zeros((3, 2))
    value, gradient = loss_and_gradient(network, [1.0, -1.0], [[1.0], [2.0], [-1.0]], Y, loss=loss)
    assert value[0] > 0.0
    assert np.isfinite(gradient).all()


def test_losses_shrink_to_the_square_loss_and_reach_every_kind() -> None:
    assert smallest(losses()) == PowerLoss()
    assert smallest(losses(max_power=0), lambda loss: loss.average) == CrossEntropy(average=True)
    hit(losses(), lambda loss: loss == PowerLoss(4, average=True))
    hit(losses(cross_entropy=False), lambda loss: loss.average)
    assert not smallest(losses(average=False)).average


def radius(eta: float, eigenvalue: float, momentum: float, lookahead: bool) -> float:
    """Spectral radius of one step of the method on one mode, from its definition: (w(k), w(k-1)) -> (w(k+1), w(k))."""
    point = (1.0 + momentum, -momentum) if lookahead else (1.0, 0.0)
    step = np.array([1.0 + momentum, -momentum]) - eta * eigenvalue * np.array(point)
    return float(np.abs(np.linalg.eigvals(np.array([step, [1.0, 0.0]]))).max())


METHODS = [(0.0, False), (0.5, False), (0.99, False), (0.0, True), (0.5, True), (1.0, True)]


@pytest.mark.parametrize(("momentum", "lookahead"), METHODS)
def test_learning_rates_converge_and_not_much_more_would(momentum: float, lookahead: bool) -> None:
    strategy = spectra(condition=100.0).flatmap(
        lambda s: st.tuples(st.just(s), learning_rates(s, momentum=momentum, lookahead=lookahead, share=0.999))
    )

    @settings(max_examples=40)
    @given(strategy)
    def check(case: tuple[np.ndarray, float]) -> None:
        s, eta = case
        assert eta > 0.0
        assert all(radius(eta, value, momentum, lookahead) < 1.0 for value in s)

    check()
    limit = 2.0 * smallest(learning_rates(4.0, momentum=momentum, lookahead=lookahead))
    assert radius(1.001 * limit, 4.0, momentum, lookahead) > 1.0
    hit(learning_rates(4.0, momentum=momentum, lookahead=lookahead), lambda eta: eta > 0.99 * limit)
    hit(learning_rates(4.0, momentum=momentum, lookahead=lookahead), lambda eta: eta < 0.01 * limit)


def test_learning_rates_with_vanishing_damping_are_those_of_its_limit() -> None:
    method = NesterovMethod(smallest(learning_rates([1.0], momentum=1.0, lookahead=True)))
    assert method.learning_rate == pytest.approx(2 / 3, rel=1e-15)


def test_learning_rates_shrink_to_the_inverse_of_the_largest_eigenvalue() -> None:
    assert smallest(learning_rates([0.0, 8.0, 1.0])) == 0.125
    assert smallest(learning_rates(np.array([2.0]), share=0.5)) == 0.25


@given(learning_rates([3.0, 0.0], share=0.1))
def test_learning_rates_stay_strictly_within_their_share(eta: float) -> None:
    assert 0.0 < eta < 0.1 * 2.0 / 3.0
