"""Networks with too many sign changes to follow: few digits, held against the exact flow and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.modal import frozen_kernel_flow
from odeflow.numeric.relu_flow import ReluTrajectory, relu_flow, relu_predictions
from odeflow.numeric.relu_general import GeneralReluTrajectory, _chebyshev_step, relu_flow_general

FLOWS = [GradientFlow(), HeavyBall(1.0), Nesterov(3.0)]
ROUNDING = 1e-12


def network(n: int, d: int, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, rng.uniform(-1.0, 1.0, n), rng.standard_normal((m, d)), rng.choice([-1.0, 1.0], m)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(("n", "d"), [(12, 12), (40, 4)])
def test_the_exact_flow_lies_within_the_error_bar(flow: Flow, n: int, d: int) -> None:
    net, times = network(n, d, 60), np.linspace(0.0, 6.0, 13)
    exact = relu_flow(*net, flow, times, tolerance=1e-8)
    for accuracy in (3e-2, 1e-2):
        run = relu_flow_general(*net, flow, times, accuracy=accuracy)
        gap = np.linalg.norm(run.errors - exact.errors, axis=1)
        assert exact.event_count > 50
        assert run.error_bar.max() <= accuracy * np.linalg.norm(exact.errors[0])
        assert (gap <= run.error_bar).all()
        np.testing.assert_allclose(run.losses, 0.5 * np.square(run.errors).sum(axis=1), rtol=ROUNDING)
        now = relu_predictions(net[0], run.weights, net[3]) - net[1]
        np.testing.assert_allclose(now, run.errors[-1], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("flow", FLOWS)
def test_without_sign_changes_every_method_is_of_its_order(flow: Flow) -> None:
    # All neurons see all samples: a constant kernel, whose closed form no step has part in.
    rng = np.random.default_rng(1)
    X, W, a = rng.uniform(0.5, 1.0, (4, 6)), rng.uniform(5.0, 6.0, (50, 6)), np.ones(50)
    y = relu_predictions(X, W, a) + rng.uniform(-0.1, 0.1, 4)
    times = np.array([0.5, 2.0, 8.0])
    run = relu_flow_general(X, y, W, a, flow, times, accuracy=1e-5)
    closed = frozen_kernel_flow(flow, X @ X.T, relu_predictions(X, W, a) - y, times)
    gap = np.linalg.norm(run.errors - closed.errors, axis=1)
    assert (gap <= run.error_bar).all()
    # Three times the error of order 2 is 1/3 of the next bar; of order 4, a fifteenth.
    assert run.halvings <= (9 if isinstance(flow, GradientFlow) else 5)


@given(stages=st.integers(2, 40), rate=st.floats(0.0, 1.0))
@settings(max_examples=60)
def test_a_chebyshev_step_is_stable_up_to_the_rate_it_was_given_stages_for(stages: int, rate: float) -> None:
    reach = (stages**2 - 1.0) / 1.54
    z = rate * reach
    after = _chebyshev_step(lambda W: -z * W, np.ones((1, 1)), 1.0, stages)
    assert abs(after[0, 0]) <= 1.0 + ROUNDING


@pytest.mark.parametrize("stages", [2, 3, 9])
def test_a_chebyshev_step_is_of_order_two(stages: int) -> None:
    def error(h: float) -> float:
        return float(abs(_chebyshev_step(lambda W: -W, np.ones((1, 1)), h, stages)[0, 0] - np.exp(-h)))

    assert error(1e-2) / error(5e-3) == pytest.approx(8.0, rel=0.05)


def test_a_stiff_kernel_takes_a_fraction_of_the_gradients_that_stability_asks_of_an_explicit_method() -> None:
    rng = np.random.default_rng(2)
    X, W, a = rng.uniform(5.0, 10.0, (4, 6)), rng.uniform(5.0, 6.0, (20, 6)), np.ones(20)
    y = relu_predictions(X, W, a) + rng.uniform(-0.1, 0.1, 4)
    times = np.array([0.01, 1.0, 20.0])
    run = relu_flow_general(X, y, W, a, GradientFlow(), times, accuracy=0.05)
    closed = frozen_kernel_flow(GradientFlow(), X @ X.T, relu_predictions(X, W, a) - y, times)
    assert (np.linalg.norm(run.errors - closed.errors, axis=1) <= run.error_bar).all()
    fastest = float(np.linalg.eigvalsh(X @ X.T)[-1])
    one_run_of_order_four = 4.0 * 20.0 * fastest / 2.8
    assert run.halvings == 2
    assert run.evaluations < one_run_of_order_four  # our three runs together


def test_what_cannot_be_reached_is_an_error_with_the_finest_run_and_its_bar() -> None:
    net = network(40, 4, 60)
    with pytest.raises(IntegrationError, match="Raise accuracy or max_evaluations") as caught:
        relu_flow_general(*net, GradientFlow(), [1.0, 6.0], accuracy=1e-9, max_evaluations=2000)
    run = caught.value.partial
    assert isinstance(run, GeneralReluTrajectory)
    assert run.evaluations <= 2000
    assert run.error_bar.max() > 1e-9
    exact = relu_flow(*net, GradientFlow(), [1.0, 6.0])
    assert (np.linalg.norm(run.errors - exact.errors, axis=1) <= run.error_bar).all()


def test_a_spent_budget_of_events_names_this_function_and_it_answers() -> None:
    net = network(40, 4, 60)
    with pytest.raises(IntegrationError, match=r"relu_flow_general.*1e-2 to 1e-3.*n/d = 10") as caught:
        relu_flow(*net, GradientFlow(), [0.0, 6.0], max_events=20)
    reached = caught.value.partial
    assert isinstance(reached, ReluTrajectory)
    run = relu_flow_general(*net, GradientFlow(), reached.times[1:], accuracy=1e-3)
    assert (np.linalg.norm(run.errors - reached.errors[1:], axis=1) <= run.error_bar).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.ones(3)}, "y of shape"),
        ({"W": np.ones((5, 3))}, "W of shape"),
        ({"a": np.ones(4)}, "a of shape"),
        ({"times": [1.0, 0.5]}, "increase strictly"),
        ({"flow": LinearFlow((1.0, 2.0))}, "GradientFlow, HeavyBall or Nesterov"),
        ({"accuracy": 0.0}, "accuracy > 0"),
        ({"max_evaluations": 0}, "max_evaluations >= 1"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "X": np.eye(2), "y": np.ones(2), "W": np.ones((5, 2)), "a": np.ones(5), "flow": GradientFlow(), "times": [1.0],
        **change,
    }  # fmt: skip
    with pytest.raises(InvalidArgumentError, match=message):
        relu_flow_general(**arguments)  # type: ignore[arg-type]
