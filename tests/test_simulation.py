"""Any flow can be simulated, its rate stands beside the exact ones, and bad wishes are one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from odeflow import simulation, subjects
from odeflow.cli import app
from odeflow.data_case import DataCase
from odeflow.datasets import Dataset, teacher_student
from odeflow.ensembles import Ensemble, Run
from odeflow.errors import OdeflowError, UnknownNameError
from odeflow.flow_text import parse_flow
from odeflow.flows import Kind
from odeflow.numeric.activations import Activation
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.networks import Network
from odeflow.numeric.rates import Law, RateFit
from odeflow.numeric.relu_flow import relu_flow
from odeflow.promises import Promise, held_against
from odeflow.prose import prose
from odeflow.simulate_command import ensemble_lines, ensemble_object
from odeflow.simulation import NAMED, Subject, simulate
from odeflow.subjects import Perceptron, modes

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
    monkeypatch.setattr(subjects, "MOST_EVENTS", 3)
    again = simulate("gradient-flow", **options).runs[0]
    assert again.method.startswith("without events")
    np.testing.assert_allclose(again.losses, np.interp(again.times, exact.times, exact.losses), rtol=0.02)
    monkeypatch.setattr(subjects, "GENERAL_BUDGET", 8.0 * 40 * 24 * 20)
    short = simulate("gradient-flow", **options).runs[0]
    assert "network followed to t" in short.method
    assert short.times[-1] < 4.0


def test_a_deep_linear_network_ends_at_the_preconditioned_rate() -> None:
    run = simulate("gradient-flow", subject=Subject.LINEAR, samples=20, features=4, depth=3, seeds=1).runs[0]
    assert run.fit is not None
    assert run.fit.exponent == pytest.approx(run.sharp, rel=0.05)


@pytest.mark.parametrize("activation", [Activation.TANH, Activation.RELU])
@pytest.mark.parametrize("flow", ["gradient-flow", "x'' + x' + 1/4*hess*x' + grad(x)"])
def test_a_wide_perceptron_decays_like_its_tangent_kernel_at_the_start(activation: Activation, flow: str) -> None:
    """Features of width 1000 hardly move; the trajectory is that of the frozen modes, computed otherwise."""
    options = {"width": 1000, "depth": 2, "samples": 4, "features": 4, "seeds": 1, "horizon": 10.0}
    run = simulate(flow, subject=Subject.MLP, activation=activation, **options).runs[0]
    case = DataCase(teacher_student(4, 4, seed=0), seed=0, width=1000)
    system = Perceptron(case, Network((4, 1000, 1), activation=activation))
    eigenvalues, start = system.start()
    frozen = 0.5 * np.square(start[:, None] * modes(parse_flow(NAMED.get(flow, flow)).at(), eigenvalues, run.times)[0])
    assert run.spectrum == (eigenvalues[0], eigenvalues[-1])
    np.testing.assert_allclose(run.losses, frozen.sum(axis=0), rtol=0.15, atol=1e-3 * run.losses[0])


@pytest.mark.parametrize("subject", [Subject.RELU, Subject.LINEAR])
def test_a_flow_that_is_followed_by_the_weights_agrees_with_the_one_that_has_a_way_of_its_own(subject: Subject) -> None:
    options = {"subject": subject, "width": 60, "samples": 6, "features": 4, "seeds": 1, "horizon": 5.0}
    own = simulate("gradient-flow", **options).runs[0]
    weights = simulate("x' + 999999999/1000000000*grad(x)", **options).runs[0]
    assert weights.method.startswith("all weights")
    assert not own.method.startswith("all weights")
    np.testing.assert_allclose(weights.losses, np.interp(weights.times, own.times, own.losses), rtol=5e-3)


def test_a_third_order_flow_moves_a_relu_network_as_its_frozen_kernel_says() -> None:
    flow = "x''' + 3*x'' + 4*x' + grad(x)"
    options = {"width": 2000, "samples": 4, "features": 4, "seeds": 1, "horizon": 10.0}
    network = simulate(flow, subject=Subject.RELU, **options).runs[0]
    frozen = simulate(flow, **options).runs[0]
    np.testing.assert_allclose(network.losses, frozen.losses, rtol=0.1, atol=1e-3 * frozen.losses[0])


@pytest.mark.parametrize("subject", [Subject.LINEAR, Subject.MLP])
@pytest.mark.parametrize("flow", ["gradient-flow", "heavy-ball", "nesterov"])
def test_the_discrete_method_stays_near_the_flow_of_the_same_network(subject: Subject, flow: str) -> None:
    options = {"subject": subject, "activation": Activation.TANH, "width": 8, "samples": 6, "features": 4, "seeds": 1}
    small = 1e-3 if flow == "gradient-flow" else 1e-5
    flowing = simulate(flow, horizon=4.0, **options).runs[0]
    discrete = simulate(flow, horizon=4.0, learning_rate=small, **options).runs[0]
    assert "Method" in discrete.method or "GradientDescent" in discrete.method
    again = np.interp(flowing.times, discrete.times, discrete.losses)
    later = flowing.times > 0.1
    np.testing.assert_allclose(again[later], flowing.losses[later], rtol=0.05)


def test_a_perceptron_ends_at_the_sharp_rate_of_the_kernel_that_it_ends_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "WEIGHT_RECORDS", 100)
    found = simulate("gradient-flow", subject=Subject.MLP, activation=Activation.TANH, width=16, **SMALL)
    for run in found.runs:
        assert run.fit is not None
        assert run.fit.exponent == pytest.approx(run.last_sharp, rel=0.05)
        assert run.last_sharp != pytest.approx(run.sharp, rel=0.05)
    assert "sharp with the tangent kernel that training ends with: " in words_of(found)
    assert ensemble_object(found)["runs"][0]["sharp_at_the_end"] == found.runs[0].last_sharp
    assert simulate("nesterov", subject=Subject.MLP, width=4, horizon=2.0, **SMALL).runs[0].last_sharp is None


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
        ("gradient-flow", {"subject": Subject.MLP, "activation": Activation.IDENTITY}, "smallest eigenvalue > 0"),
        ("gradient-flow", {"subject": Subject.MLP, "depth": 0}, "depth"),
        ("gradient-flow", {"subject": Subject.MLP, "width": 100_000}, "narrower"),
        ("gradient-flow", {"subject": Subject.RELU, "width": 0}, "width"),
        ("x' + 1/2*hess*x' + grad(x)", {"subject": Subject.MLP}, "highest derivative"),
        ("gradient-flow", {"subject": Subject.LINEAR, "samples": 3, "features": 8}, "as many samples"),
        ("gradient-flow", {"seeds": 0}, "at least one seed"),
        ("gradient-flow", {"seeds": 10**20}, "at most 100000"),
        ("gradient-flow", {"learning_rate": 5e-324}, "at most 200000 steps"),
        ("heavy-ball", {"learning_rate": 1e-300}, "at most 200000 steps"),
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


@pytest.mark.parametrize("seed", [1, 10])
def test_a_frozen_kernel_is_followed_until_critical_damping_no_longer_looks_slower_than_proved(seed: int) -> None:
    """The slowest mode's loss is almost t^2 e^{-rt}: up to e^-22 the slope and its interval lie below r."""
    (run,) = simulate("heavy-ball", samples=3, features=3, seeds=1, seed=seed).runs
    assert run.is_measured
    assert not run.is_below_proved
    short = 22.0 / float(run.proved or 1)
    (cut,) = simulate("heavy-ball", samples=3, features=3, seeds=1, seed=seed, horizon=short).runs
    assert cut.is_below_proved
    assert cut.bound is not None
    assert cut.bound.holds


@pytest.mark.parametrize(
    "flow",
    ["gradient-flow", "heavy-ball", "nesterov", "x'' + 2/t*x' + grad(x)", "x''' + 3*x'' + 4*x' + grad(x)"],
)
def test_the_proved_inequality_holds_at_every_recorded_time_and_a_larger_loss_breaks_it(flow: str) -> None:
    for run in simulate(flow, samples=5, features=8, seeds=2).runs:
        assert run.bound is not None
        assert run.bound.holds
        late = run.times >= run.bound.promise.since
        ratios = run.losses[late] / run.bound.promise.at(run.times[late])
        assert run.bound.largest == ratios.max()
        assert run.bound.time == run.times[late][ratios.argmax()]
        again = held_against(run.bound.promise, run.times, run.losses * 1.01 / run.bound.largest)
        assert again is not None
        assert not again.holds


def test_the_bound_of_gradient_flow_is_the_smallest_there_is() -> None:
    """One mode attains L(t) = e^{-2 mu t} L(0), with the constant 1."""
    data = Dataset("one", np.array([[1.0, 0.0]]), np.ones(1), ("a", "b"), "y", "made up", "none")
    (run,) = simulate("gradient-flow", data=data, seeds=1).runs
    assert run.bound is not None
    assert run.bound.promise.factor == pytest.approx(1.0, rel=1e-12)
    assert run.bound.largest == pytest.approx(1.0, rel=0.05)


def test_a_deep_network_may_exceed_what_is_proved_of_the_frozen_kernel_and_is_said_to() -> None:
    found = simulate("gradient-flow", subject=Subject.LINEAR, samples=20, features=10, seeds=1)
    assert found.runs[0].bound is not None
    assert not found.runs[0].bound.holds
    assert "is exceeded by seed 0 (it is about the frozen dynamics)" in words_of(found)


def fitted(exponent: float, low: float, high: float, *, seed: int = 0) -> Run:
    """Return a run with a made-up fit; its proved rate is 1, its loss half of what that promises."""
    t = np.linspace(0.1, 10.0, 50)
    fit = RateFit(Law.EXPONENTIAL, exponent, (low, high), 0.95, (5.0, 10.0), 25, 1.0, 0.0, 0.0, oscillating=False)
    bound = held_against(Promise(Kind.EXPONENTIAL, 1.0, 0.0, 2.0, 2.0), t, np.exp(-t))
    return Run(seed, (0.5, 1.0), t, np.exp(-t), fit, Fraction(1), 1.0, "made up", bound=bound)


def words_of(found: Ensemble) -> str:
    return " ".join(" ".join(line.plain for line in ensemble_lines(found, width=80)).split())


@pytest.mark.parametrize(("low", "high"), [(-0.11, 1.57), (0.0, 0.1), (0.5, 1.1)])
def test_an_interval_that_contains_zero_or_spans_half_the_value_measures_nothing(low: float, high: float) -> None:
    vague, clear = fitted(1.0, low, high), fitted(1.0, 0.9, 1.1, seed=1)
    assert not vague.is_measured
    found = Ensemble("x' + grad(x) = 0", Subject.FROZEN, "made up", Kind.EXPONENTIAL, (vague, clear, clear), 3)
    assert found.mean_exponent() == (1.0, 0.0)
    assert "Seed 0: not measured" in words_of(found)
    assert "measured over 2 seeds" in words_of(found)
    assert [run["measured"] for run in ensemble_object(found)["runs"]] == [False, True, True]


def test_a_rate_that_followed_the_kernel_below_the_proved_one_is_said_to_have() -> None:
    moved = replace(fitted(0.5, 0.49, 0.51), last_sharp=0.52)
    found = Ensemble("x' + grad(x) = 0", Subject.MLP, "made up", Kind.EXPONENTIAL, (moved,), 1)
    assert "the kernel has moved" in words_of(found)
    assert "slope as t" not in words_of(found)
    still = replace(moved, last_sharp=0.9)
    assert "slope as t" in words_of(replace(found, runs=(still,)))


def test_a_finer_tolerance_is_tried_where_the_record_is_cut_and_a_looser_where_neurons_slide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    real = subjects.weight_flow

    def noted(*arguments: object, tolerance: float, **options: object) -> object:
        asked.append(tolerance)
        return real(*arguments, tolerance=tolerance, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(subjects, "weight_flow", noted)
    monkeypatch.setattr(subjects, "WEIGHT_RECORDS", 60)
    options = {"subject": Subject.MLP, "samples": 6, "features": 4, "seeds": 1}
    cut = simulate("gradient-flow", activation=Activation.TANH, horizon=500.0, **options).runs[0]
    assert asked[:2] == pytest.approx([1e-8, 1e-9])
    assert "cut at t" in cut.method
    assert 0.0 < cut.times[-1] < 500.0
    assert cut.losses[-1] > 0.0
    asked.clear()
    monkeypatch.setattr(subjects, "WEIGHT_BUDGET", 4e9)
    simulate("gradient-flow", width=5, horizon=20.0, **options)
    assert asked[:2] == pytest.approx([1e-5, 1e-4])


def test_a_loss_that_grows_is_said_to() -> None:
    found = Ensemble("x' - grad(x) = 0", Subject.FROZEN, "made up", Kind.EXPONENTIAL, (fitted(-1.7, -1.8, -1.6),), 1)
    assert "Seed 0: the loss grows" in words_of(found)
    assert "not measured, and not" not in words_of(found)


def test_columns_are_apart_whatever_their_numbers() -> None:
    tiny = replace(fitted(1e-37, 0.9e-37, 1.1e-37), proved=Fraction(2878, 10**40), sharp=2.878e-37)
    found = Ensemble("x' + grad(x) = 0", Subject.FROZEN, "made up", Kind.EXPONENTIAL, (tiny,), 1)
    assert "2.878e-37 2.878e-37 " in words_of(found)


def test_features_that_others_explain_have_no_linear_network() -> None:
    X = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    data = Dataset("flat", X, np.ones(3), ("a", "b"), "y", "made up", "none")
    with pytest.raises(OdeflowError, match="linearly independent"):
        simulate("gradient-flow", subject=Subject.LINEAR, data=data)


def test_a_slope_below_the_proved_rate_is_explained_and_a_broken_bound_is_not_hidden() -> None:
    low = fitted(0.9, 0.88, 0.95)
    found = Ensemble("x' + grad(x) = 0", Subject.FROZEN, "made up", Kind.EXPONENTIAL, (low,), 1)
    assert "Seed 0: measured below the proved rate without breaking its bound" in words_of(found)
    assert "holds at every recorded time" in words_of(found)
    assert low.bound is not None
    broken = replace(low, bound=held_against(low.bound.promise, low.times, 100.0 * low.losses))
    words = words_of(replace(found, runs=(broken,)))
    assert "FAILS for seed 0" in words
    assert "without breaking" not in words


def test_the_parameters_are_in_the_text_the_object_and_the_figure() -> None:
    found = simulate("heavy-ball", **SMALL)
    mu = float(found.runs[0].spectrum[0])
    shown = ensemble_object(found)["runs"][0]["parameters"]["b"]
    assert float(Fraction(shown)) == pytest.approx(2.0 * mu**0.5, rel=2e-3)
    words = found.parameter_words()
    assert words.endswith("(2 sqrt(mu), by seed)")
    assert words[:10] in words_of(found)
    title = found.figure().title
    assert "b x'" in title
    assert prose(words) in title
    given = simulate("x'' + b*x' + grad(x)", parameters={"b": Fraction(3, 2)}, **SMALL)
    assert given.parameter_words() == "b = 1.5"


def test_the_figure_tells_seeds_apart_and_names_whose_the_dashed_lines_are() -> None:
    few = simulate("heavy-ball", **SMALL).figure().panels[0].curves
    assert [curve.label for curve in few[:2]] == ["seed 0", "seed 1"]
    assert len({curve.group for curve in few}) == len(few)
    (line,) = (curve for curve in few if curve.theory)
    assert line.label.startswith("proved = sharp, seed 0: ")
    apart = [c.label for c in simulate("nesterov", **SMALL).figure().panels[0].curves if c.theory]
    assert apart == ["proved, seed 0: 2", "sharp on quadratics, seed 0: 3"]
    many = simulate("gradient-flow", samples=4, features=4, seeds=6).figure().panels[0].curves
    assert [curve.label for curve in many if curve.label and not curve.theory] == ["seeds 0 .. 5"]


def interrupting(after: int) -> Callable[..., tuple[Run, Kind]]:
    real, calls = simulation._run, 0

    def run(*arguments: object) -> tuple[Run, Kind]:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    return run


def test_ctrl_c_keeps_the_finished_seeds_and_draws_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "losses.svg"
    wish = ["simulate", "gradient-flow", "-n", "5", "-d", "5", "--seeds", "40", "-o", str(picture)]
    with monkeypatch.context() as patch:
        patch.setattr(simulation, "_run", interrupting(2))
        told = CliRunner().invoke(app, wish)
    assert told.exit_code == 130
    assert "2 of 40 seeds, interrupted" in told.stdout
    assert "measured over 2 seeds" in told.stdout
    assert picture.read_text().startswith("<?xml")
    with monkeypatch.context() as patch:
        patch.setattr(simulation, "_run", interrupting(2))
        told = CliRunner().invoke(app, [*wish, "--format", "json"])
    found = json.loads(told.stdout)
    assert (told.exit_code, found["seeds_wanted"], len(found["runs"])) == (130, 40, 2)


def test_ctrl_c_before_the_first_seed_and_from_python_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(simulation, "_run", interrupting(0))
        assert CliRunner().invoke(app, ["simulate", "gradient-flow", "-n", "5"]).exit_code == 130
    with monkeypatch.context() as patch:
        patch.setattr(simulation, "_run", interrupting(1))
        with pytest.raises(KeyboardInterrupt):
            simulate("gradient-flow", **SMALL)


def test_a_folder_that_is_not_there_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "_run", None)
    told = CliRunner().invoke(app, ["simulate", "nesterov", "-o", str(tmp_path / "no" / "a.png")])
    assert told.exit_code == 2
    assert "folder that exists" in told.stderr
    assert not (tmp_path / "no").exists()


def test_the_help_says_what_each_subject_is() -> None:
    words = " ".join(CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "220"}).stdout.split())
    assert all(subject.value in words for subject in Subject)
    assert "mlp (multi-layer perceptron, all layers)" in words


def test_the_command_knows_perceptrons_and_refuses_an_unknown_activation() -> None:
    small = ["simulate", "gradient-flow", "--on", "mlp", "-n", "4", "-d", "4", "-m", "8", "--seeds", "1"]
    told = CliRunner().invoke(app, [*small, "-N", "2", "--activation", "tanh"])
    assert told.exit_code == 0, told.output
    assert "width 8, depth 2, tanh" in " ".join(told.stdout.split())
    assert "all weights" in told.stdout
    refused = CliRunner().invoke(app, [*small, "--activation", "thanh"])
    assert refused.exit_code == 2
    assert "tanh" in refused.stderr


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
