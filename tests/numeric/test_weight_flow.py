"""Weights follow any optimiser's ODE: against closed forms, other integrators, exact events and small steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.flow_text import parse_flow
from odeflow.flows import ConcreteFlow
from odeflow.numeric._backpropagation import backpropagate
from odeflow.numeric._weight_steps import Field
from odeflow.numeric.activations import Activation
from odeflow.numeric.flows import GradientFlow, HeavyBall, Nesterov
from odeflow.numeric.linear_flow import flow_layers
from odeflow.numeric.mlp_training import train_mlp
from odeflow.numeric.modal import mode_response, mode_velocity
from odeflow.numeric.networks import Network, PowerLoss, initial_parameters, predict
from odeflow.numeric.optimisers import matching_optimiser
from odeflow.numeric.relu_flow import relu_flow
from odeflow.numeric.relu_general import ReluField
from odeflow.numeric.weight_flow import weight_flow
from odeflow.subjects import modes

EIGENVALUES = np.array([0.3, 1.0, 4.0])
TIMES = np.linspace(0.25, 12.0, 48)
CLOSE = 1e-6
"""Steps of tolerance 1e-8, on trajectories that forget what is old."""
KINKS = 1e-2
"""Steps of tolerance 1e-5 over kinks of a network of 20 neurons, each of which moves the outputs by a fifth."""


def flow_of(text: str) -> ConcreteFlow:
    return parse_flow(text).at()


def on_quadratic(text: str, **options: float) -> np.ndarray:
    """Return the three modes of |sqrt(D) w|^2/2 from w = 1, (t, 3)."""
    run = weight_flow(lambda w: EIGENVALUES * w, np.ones(3), flow_of(text), TIMES, observe=np.copy, **options)
    np.testing.assert_array_equal(run.times, TIMES)
    return run.observed


def perceptron(
    activation: Activation, widths: tuple[int, ...] = (3, 6, 5, 1)
) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray, Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((4, widths[0])), rng.standard_normal(4)
    network = Network(widths, activation=activation)
    start = initial_parameters(network, [1])[0]

    def gradient(w: np.ndarray) -> np.ndarray:
        return backpropagate(network, w[None], X, y[:, None], PowerLoss())[1][0]

    return network, start, X, y, gradient, lambda w: predict(network, w, X)[0, :, 0] - y


@pytest.mark.parametrize(
    ("text", "flow"),
    [
        ("x' + grad(x)", GradientFlow()),
        ("x'' + x' + grad(x)", HeavyBall(1.0)),
        ("x'' + 3/t*x' + grad(x)", Nesterov(3.0)),
        ("x'' + 1/2/t*x' + grad(x)", Nesterov(0.5)),
    ],
)
def test_modes_agree_with_their_closed_forms(text: str, flow: GradientFlow | HeavyBall | Nesterov) -> None:
    np.testing.assert_allclose(on_quadratic(text), mode_response(flow, EIGENVALUES, TIMES).T, atol=CLOSE)


@pytest.mark.parametrize(
    "text",
    [
        "x''' + 3*x'' + 4*x' + grad(x)",
        "x'' + 2*x' + 1/2*hess*x' + grad(x)",
        "x'' + 3/t*x' + 1/4*hess*x' + grad(x)",
        "x'' + 3/t*x' + t*hess*x' + (2 + t)*grad(x)",
        "x'' + 2*x' + grad(x + 1/2*x')",
        "x''' + 3*x'' + 4*x' + 1/3*hess*(x' + 1/5*x'') + grad(x + 1/5*x')",
        "x' + t*grad(x)",
        "x'' + 3/t*x' + 1/t*grad(x)",
    ],
)
def test_hessians_and_other_points_agree_with_modes_that_are_integrated_with_the_hessian_in_them(text: str) -> None:
    expected = modes(flow_of(text), EIGENVALUES, TIMES)[0].T
    np.testing.assert_allclose(on_quadratic(text), expected, atol=CLOSE)


@settings(max_examples=20)
@given(st.integers(1, 12).map(lambda k: 10.0 ** (-k / 2 - 2)))
def test_the_error_bar_covers_the_error_of_an_oscillation(tolerance: float) -> None:
    run = weight_flow(
        lambda w: EIGENVALUES * w, np.ones(3), flow_of("x'' + 1/10*x' + grad(x)"), TIMES,
        observe=np.copy, tolerance=tolerance,
    )  # fmt: skip
    exact = mode_response(HeavyBall(0.1), EIGENVALUES, TIMES).T
    assert np.linalg.norm(run.observed - exact, axis=1).max() <= run.error_bar.max()


@pytest.mark.parametrize("activation", [Activation.TANH, Activation.SIGMOID, Activation.IDENTITY])
@pytest.mark.parametrize(
    ("text", "flow"),
    [("x' + grad(x)", GradientFlow()), ("x'' + x' + grad(x)", HeavyBall(1.0)), ("x'' + 3/t*x' + grad(x)", Nesterov())],
)
def test_the_discrete_method_tends_to_its_flow_at_first_order(
    activation: Activation, text: str, flow: GradientFlow | HeavyBall | Nesterov
) -> None:
    network, start, X, y, gradient, observe = perceptron(activation)
    run = weight_flow(gradient, start, flow_of(text), np.array([1.0]), observe=observe, tolerance=1e-7)
    gaps = []
    for steps in (400, 800):
        trained = train_mlp(network, start, X, y, matching_optimiser(flow, 1.0 / steps), steps, record_every=steps)
        gaps.append(np.linalg.norm(observe(trained.parameters[0]) - run.observed[0]))
    assert gaps[1] <= 0.02 * np.linalg.norm(observe(start))
    assert gaps[1] == pytest.approx(0.5 * gaps[0], rel=0.1)


def test_a_linear_network_agrees_with_the_compiled_flow_of_its_layers() -> None:
    network, start, X, y, gradient, observe = perceptron(Activation.IDENTITY, (3, 3, 1))
    scale = network.scale(2)
    run = weight_flow(gradient, start, flow_of("x' + grad(x)"), np.array([0.5, 2.0]), observe=observe)
    first, second = (W[0] for W, _ in network.split(start[None]))
    # s W_2 W_1 with both layers trained is, in W_2' = s W_2 and time, the unscaled network only if both are rescaled
    root = math.sqrt(scale)
    plain = flow_layers(
        [root * first, root * second], y[None], scale * np.array([0.0, 0.5, 2.0]), inputs=X.T, tolerance=1e-11
    )
    expected = (plain.end_to_end[1:] @ X.T)[:, 0] - y
    np.testing.assert_allclose(run.observed, expected, atol=CLOSE)


def test_kinks_are_stepped_over_to_the_accuracy_of_the_error_bar() -> None:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((6, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y, W, a = rng.standard_normal(6), rng.standard_normal((20, 3)), rng.choice([-1.0, 1.0], 20)
    times = np.linspace(0.5, 5.0, 10)
    field = ReluField(X, y, a / math.sqrt(20.0))
    for text, flow in (("x' + grad(x)", GradientFlow()), ("x'' + x' + grad(x)", HeavyBall(1.0))):
        exact = relu_flow(X, y, W, a, flow, times)
        run = weight_flow(
            lambda w: -field.descent(w.reshape(20, 3)).ravel(), W.ravel(), flow_of(text), times,
            observe=lambda w: field.error(w.reshape(20, 3)).copy(), tolerance=1e-5,
        )  # fmt: skip
        assert exact.event_count > 0
        errors = np.linalg.norm(run.observed - exact.errors, axis=1)
        assert errors.max() <= KINKS
        assert errors.max() <= 10.0 * run.error_bar.max()


def test_the_record_ends_where_the_budget_does_and_begins_at_zero() -> None:
    def follow(**options: int) -> np.ndarray:
        grid = np.linspace(0.0, 50.0, 101)
        return weight_flow(lambda w: w, np.ones(1), flow_of("x' + grad(x)"), grid, observe=np.copy, **options).times

    assert follow().size == 101
    short = follow(max_evaluations=600)
    assert 1 < short.size < 101
    assert short[0] == 0.0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"text": "x'' + x' + hess*(x' + x'') + grad(x + x')"}, InvalidArgumentError, "highest derivative"),
        ({"text": "x' + hess*x' + grad(x)"}, InvalidArgumentError, "highest derivative"),
        ({"text": "x'' + 3/t*x' + grad(x)", "times": np.array([0.0, 1.0])}, InvalidArgumentError, "times > 0"),
        ({"tolerance": 0.1}, InvalidArgumentError, "between 1e-12 and 1e-2"),
        ({"tolerance": -1.0}, InvalidArgumentError, "tolerance"),
        ({"times": np.array([2.0, 1.0])}, InvalidArgumentError, "times"),
        ({"start": np.array([np.nan])}, InvalidArgumentError, "start"),
        ({"max_evaluations": 1}, InvalidArgumentError, "max_evaluations"),
        ({"max_evaluations": 10, "times": np.array([1e3])}, IntegrationError, "Expected to reach"),
        ({"gradient": lambda w: -1e300 * w**3}, IntegrationError, "Expected to reach"),
    ],
)
def test_bad_wishes_are_one_clear_error(options: dict[str, object], error: type[Exception], words: str) -> None:
    wish: dict[str, object] = {"text": "x' + grad(x)", "start": np.ones(1), "times": np.array([1.0, 2.0])}
    wish |= {"gradient": lambda w: w, **options}
    flow = flow_of(str(wish.pop("text")))
    with pytest.raises(error, match=words):
        weight_flow(flow=flow, observe=np.copy, **wish)  # type: ignore[arg-type]


@pytest.mark.parametrize("r", [0.5, 3.0])
def test_a_singular_start_is_two_terms_of_the_series_of_its_closed_form(r: float) -> None:
    first, state = Field(lambda w: EIGENVALUES * w, flow_of(f"x'' + {Fraction(r)}/t*x' + grad(x)"), 3).at_rest(
        np.ones(3), np.array([1.0])
    )
    x, v = state.reshape(2, 3)
    at = np.array([100.0 * first])  # the closed form, where 1 - x is far above rounding
    exact = mode_response(Nesterov(r), EIGENVALUES, at)[:, 0], mode_velocity(Nesterov(r), EIGENVALUES, at)[:, 0]
    np.testing.assert_allclose(1e4 * (1.0 - x), 1.0 - exact[0], rtol=1e-3)
    np.testing.assert_allclose(100.0 * v, exact[1], rtol=1e-3)
