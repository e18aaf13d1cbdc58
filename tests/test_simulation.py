"""Any flow can be simulated, its rate stands beside the exact ones, and bad wishes are one clear line."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from odeflow import simulation
from odeflow.cli import app
from odeflow.data_case import DataCase
from odeflow.datasets import Dataset, teacher_student
from odeflow.errors import OdeflowError, UnknownNameError
from odeflow.flows import Kind
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.relu_flow import relu_flow
from odeflow.simulation import NAMED, Subject, simulate

SMALL = {"samples": 6, "features": 4, "seeds": 2}
FIT = 0.15
"""A finite run of several modes has not quite reached the slowest one's exponent."""


@pytest.mark.parametrize("flow", ["gradient-flow", "x'' + 3*x' + grad(x)", "nesterov", "x'' + 5/t*x' + grad(x)"])
def test_frozen_kernels_decay_at_the_sharp_rate(flow: str) -> None:
    for run in simulate(flow, **SMALL).runs:
        assert run.fit is not None
        assert run.fit.exponent == pytest.approx(run.sharp, rel=FIT)


def test_the_proved_rate_is_below_the_sharp_one_and_above_nothing() -> None:
    for flow in NAMED:
        for run in simulate(flow, **SMALL).runs:
            assert run.proved is not None
            assert 0 < run.proved <= Fraction(run.sharp) + Fraction(1, 10**6)


def test_a_flow_without_a_closed_form_agrees_with_one_that_has_it() -> None:
    named = simulate("x'' + 2*x' + grad(x)", **SMALL)
    almost = simulate("x'' + 2*x' + 999999999/1000000000*grad(x)", **SMALL)
    assert almost.runs[0].method.startswith("every mode integrated")
    np.testing.assert_allclose(almost.runs[0].losses, named.runs[0].losses, rtol=1e-5, atol=1e-12)


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = (simulate("heavy-ball", subject=Subject.RELU, width=50, **SMALL) for _ in range(2))
    for a, b in zip(first.runs, second.runs, strict=True):
        np.testing.assert_array_equal(a.losses, b.losses)


def test_a_wide_network_is_near_its_frozen_kernel() -> None:
    wide = simulate("gradient-flow", subject=Subject.RELU, width=4000, samples=4, features=4, seeds=1).runs[0]
    assert wide.fit is not None
    assert wide.fit.exponent == pytest.approx(wide.sharp, rel=0.3)


def test_a_network_with_too_many_samples_is_followed_without_events_and_says_how_well() -> None:
    options = {"subject": Subject.RELU, "width": 40, "features": 2, "seeds": 1, "horizon": 4.0}
    many = simulate("gradient-flow", samples=24, **options).runs[0]
    assert many.method.startswith("without events")
    case = DataCase(teacher_student(24, 2, seed=0), seed=0, width=40)
    W, a = case.initial_weights
    exact = relu_flow(case.X, case.y, W, a, GradientFlow(), many.times)
    np.testing.assert_allclose(many.losses, exact.losses, rtol=0.02)
    few = simulate("gradient-flow", samples=12, **options).runs[0]
    assert few.method.startswith("event by event")


def test_a_network_with_too_many_events_is_followed_again_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"subject": Subject.RELU, "width": 40, "samples": 12, "features": 2, "seeds": 1, "horizon": 4.0}
    exact = simulate("gradient-flow", **options).runs[0]
    monkeypatch.setattr(simulation, "MOST_EVENTS", 3)
    again = simulate("gradient-flow", **options).runs[0]
    assert again.method.startswith("without events")
    np.testing.assert_allclose(again.losses, np.interp(again.times, exact.times, exact.losses), rtol=0.02)
    monkeypatch.setattr(simulation, "GENERAL_BUDGET", 8.0 * 40 * 24 * 20)
    short = simulate("gradient-flow", **options).runs[0]
    assert "network followed to t" in short.method
    assert short.times[-1] < 4.0


def test_a_deep_linear_network_ends_at_the_preconditioned_rate() -> None:
    run = simulate("gradient-flow", subject=Subject.LINEAR, samples=20, features=4, depth=3, seeds=1).runs[0]
    assert run.fit is not None
    assert run.fit.exponent == pytest.approx(run.sharp, rel=0.05)


def test_the_user_s_data_are_used_and_only_the_weights_change_with_the_seed() -> None:
    data = Dataset("mine", np.eye(3), np.array([1.0, -1.0, 0.5]), ("a", "b", "c"), "y", "made up", "none")
    runs = simulate("gradient-flow", data=data, seeds=2).runs
    assert runs[0].spectrum == runs[1].spectrum
    assert (runs[0].losses != runs[1].losses).any()


@pytest.mark.parametrize(
    ("flow", "options", "words"),
    [
        ("nestrov", {}, "nesterov"),
        ("x'' + b*x' + grad(x)", {}, "b"),
        ("x' + grad(x)", {"parameters": {"c": Fraction(1)}}, "c"),
        ("x''' + 3*x'' + 3*x' + grad(x)", {"subject": Subject.RELU}, "ReLU network"),
        ("heavy-ball", {"subject": Subject.LINEAR, "samples": 20}, "gradient flow"),
        ("gradient-flow", {"subject": Subject.LINEAR, "samples": 3, "features": 8}, "as many samples"),
        ("gradient-flow", {"seeds": 0}, "at least one seed"),
        ("gradient-flow", {"horizon": 0.0}, "horizon"),
    ],
)
def test_bad_wishes_are_one_clear_error(flow: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(OdeflowError, match=words):
        simulate(flow, **{**SMALL, **options})


def test_parallel_data_have_no_rate() -> None:
    data = Dataset("twice", np.array([[1.0, 0.0], [1.0, 0.0]]), np.ones(2), ("a", "b"), "y", "made up", "none")
    with pytest.raises(OdeflowError, match="lambda_0 > 0"):
        simulate("gradient-flow", data=data)


def test_the_command_prints_a_table_draws_and_speaks_json(tmp_path: Path) -> None:
    picture = tmp_path / "losses.png"
    runner = CliRunner()
    small = ["-n", "6", "-d", "4", "--seeds", "2"]
    text = runner.invoke(app, ["simulate", "heavy-ball", *small, "-o", str(picture)])
    assert text.exit_code == 0, text.output
    assert "measured over 2 seeds" in text.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(runner.invoke(app, ["simulate", "nesterov", *small, "--format", "json"]).stdout)
    assert (found["kind"], len(found["runs"])) == ("power", 2)
    assert runner.invoke(app, ["simulate", "x' + ", *small]).exit_code == 2
    assert runner.invoke(app, ["simulate", "nesterov", "-o", str(tmp_path / "a.gif")]).exit_code == 2


def test_an_unknown_name_is_met_with_close_ones() -> None:
    with pytest.raises(UnknownNameError, match="gradient-flow"):
        simulate("gradient_flow")
    assert simulate("nesterov", **SMALL).kind is Kind.POWER
