"""What happens at the edge is stated in odeflow/limits.md, and each line of its table is a test of a public door."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import sympy as sp
from typer.testing import CliRunner

import odeflow
from odeflow.cli import app
from odeflow.codegen import compile_field
from odeflow.data_case import DataCase, open_case
from odeflow.datasets import Dataset, hypotheses
from odeflow.errors import DataError, IntegrationError, InvalidArgumentError
from odeflow.flow_text import parse_flow
from odeflow.flows import Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.numeric.eigenvalues import smallest_eigenvalue
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.integrate import integrate
from odeflow.numeric.kernels import relu_ntk_limit, relu_ntk_limit_entry_error, two_layer_initialisation
from odeflow.numeric.modal import frozen_kernel_losses, mode_response
from odeflow.numeric.rates import fit_exponential
from odeflow.numeric.relu_flow import ReluStatus, relu_flow, relu_predictions
from odeflow.numeric.relu_general import relu_flow_general
from odeflow.numeric.training import GradientDescent, RunStatus, train_relu
from odeflow.promises import Promise, held_against
from odeflow.search import best_rate
from odeflow.simulation import simulate
from odeflow.sweep import SweepSpec
from odeflow.symbolic.mode_rates import decide_mode_rate, rate_on_quadratics
from odeflow.theorem import Verdict
from odeflow.warmup import WarmUp

PAGE = Path(odeflow.__file__).with_name("limits.md")
FLOWS: list[Flow] = [GradientFlow(), HeavyBall(1.0), Nesterov(3.0), LinearFlow((2.0, 3.0))]
TWICE = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
CLOSED_FORM = 1e-12
"""Relative error of closed forms at moderate arguments."""
x, k = sp.symbols("x k", real=True)
LIMITS: dict[str, Callable[[], None]] = {}


def limit(words: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register the check of one line of the page."""

    def register(check: Callable[[], None]) -> Callable[[], None]:
        LIMITS[words] = check
        return check

    return register


def dataset(X: Any, y: Any) -> Dataset:
    X = np.asarray(X, dtype=np.float64)
    return Dataset("small", X, np.asarray(y, dtype=np.float64), tuple("abc"[: X.shape[1]]), "y", "made up", "none")


@limit("a neuron that chatters about its boundary")
def chattering() -> None:
    for flow in FLOWS[:3]:
        run = relu_flow([[1.0]], [-1.0], [[1.0]], [1.0], flow, [1.0, 1000.0])
        assert run.status is ReluStatus.FINISHED
        assert run.losses[-1] == pytest.approx(0.5, rel=1e-9)  # off for ever: the error is -y


@limit("more events than the budget")
def event_budget() -> None:
    W, a = two_layer_initialisation(3, 200, seed=0)
    X = np.random.default_rng(0).standard_normal((6, 3))
    with pytest.raises(IntegrationError) as caught:
        relu_flow(X, np.ones(6), W, a, HeavyBall(0.1), [100.0], max_events=3)
    assert caught.value.partial is not None


@limit("a kernel with condition number 1e12, closed form")
def stiff_kernel() -> None:
    times = np.array([1.0, 1e6, 1e12])
    found = mode_response(GradientFlow(), [1e-12, 1.0], times)
    np.testing.assert_allclose(found[0], np.exp(-1e-12 * times), rtol=CLOSED_FORM)
    for flow in FLOWS:
        assert np.isfinite(frozen_kernel_losses(flow, np.diag([1e-12, 1.0]), [1.0, 1.0], [0.0, 1.0, 1e12])).all()


@limit("a kernel with condition number 1e12, its smallest eigenvalue")
def stiff_eigenvalue() -> None:
    bound = smallest_eigenvalue(np.diag([1e-12, 1.0]))
    assert 0.0 < bound.lower <= 1e-12 <= bound.upper


@limit("a stiff field, integrated step by step")
def stiff_field() -> None:
    field = compile_field([-k * x], [x], parameters=[k])
    with pytest.raises(IntegrationError, match="stiff") as caught:
        integrate(field, [1.0], [0.0, 1.0], parameters=[1e12], max_steps=1000)
    assert caught.value.partial is not None


@limit("one sample, n = 1")
def one_sample() -> None:
    assert relu_ntk_limit([[3.0]]).shape == (1, 1)
    for flow in FLOWS:
        assert frozen_kernel_losses(flow, [[1.0]], [2.0], [0.0]) == pytest.approx([2.0])
    run = simulate("gradient-flow", samples=1, features=1, seeds=1).runs[0]
    assert run.spectrum[0] == run.spectrum[1] == pytest.approx(0.5)
    assert all(check.holds for check in hypotheses([[1.0]], [2.0]))


@limit("samples that stand twice, in kernels and hypotheses")
def duplicates() -> None:
    bound = smallest_eigenvalue(relu_ntk_limit(TWICE), entry_error=relu_ntk_limit_entry_error(TWICE))
    assert not bound.is_positive
    assert bound.lower <= 0.0 <= bound.upper
    assert [check.holds for check in hypotheses(TWICE, np.ones(3))] == [True, False, True, False]


@limit("samples that stand twice, in an exact network flow")
def duplicates_in_a_flow() -> None:
    W, a = two_layer_initialisation(2, 50, seed=0)
    for flow in FLOWS[:3]:
        run = relu_flow(TWICE, [1.0, -1.0, 0.5], W, a, flow, [50.0])
        assert run.losses[-1] == pytest.approx(1.0, abs=1e-3)  # the mean of the two targets is met


@limit("lambda_0 = 0 in the closed form")
def kernel_of_zero() -> None:
    for flow in FLOWS:
        np.testing.assert_allclose(frozen_kernel_losses(flow, [[0.0]], [2.0], [0.0, 1.0, 100.0]), 2.0, rtol=CLOSED_FORM)


@limit("lambda_0 = 0 where a rate is asked for")
def no_rate_without_lambda0() -> None:
    case = DataCase(dataset(TWICE, [1.0, -1.0, 0.5]), width=10)
    with pytest.raises(DataError, match="lambda_0 > 0 is not met"):
        case.certified_lambda0()
    with pytest.raises(DataError, match="lambda_0 > 0 is not met"):
        simulate("gradient-flow", data=case.dataset, seeds=1)


@limit("a kernel with a negative eigenvalue")
def indefinite() -> None:
    for flow in FLOWS:
        with pytest.raises(InvalidArgumentError, match="eigenvalues >= 0"):
            frozen_kernel_losses(flow, [[-1.0]], [1.0], [1.0])


@limit("t = 0")
def time_zero() -> None:
    W, a = two_layer_initialisation(2, 20, seed=0)
    for flow in FLOWS:
        np.testing.assert_allclose(mode_response(flow, [0.0, 1.0, 1e12], [0.0]), 1.0, rtol=CLOSED_FORM)
    for flow in FLOWS[:3]:
        run = relu_flow(np.eye(2), [0.5, 0.25], W, a, flow, [0.0])
        assert run.status is ReluStatus.FINISHED
        assert run.event_count == 0


@limit("a damping r/t at t = 0, integrated step by step")
def singular_start() -> None:
    t = sp.Symbol("t", positive=True)
    with pytest.raises(IntegrationError, match="not finite at the initial state"):
        integrate(compile_field([-x / t], [x], time=t), [1.0], [0.0, 1.0])


@limit("negative times")
def negative_times() -> None:
    for flow in FLOWS:
        with pytest.raises(InvalidArgumentError, match="times >= 0"):
            mode_response(flow, [1.0], [-1.0, 1.0])
    with pytest.raises(InvalidArgumentError, match="horizon > 0"):
        simulate("gradient-flow", samples=3, features=3, seeds=1, horizon=-1.0)


@limit("a solution that blows up")
def blow_up() -> None:
    with pytest.raises(IntegrationError, match="blows up") as caught:
        integrate(compile_field([x**2], [x]), [1.0], [0.0, 0.5, 2.0])
    partial: Any = caught.value.partial
    np.testing.assert_allclose(partial.states[:, 0], [1.0, 2.0], rtol=1e-8)  # 1/(1 - t) up to where it went


@limit("inf or nan among the arguments")
def not_finite() -> None:
    for bad in (np.inf, -np.inf, np.nan):
        for flow in FLOWS:
            with pytest.raises(InvalidArgumentError, match="finite"):
                frozen_kernel_losses(flow, [[bad]], [1.0], [1.0])
        with pytest.raises(InvalidArgumentError, match="finite"):
            relu_ntk_limit([[bad, 1.0]])
        with pytest.raises(InvalidArgumentError, match="finite"):
            fit_exponential(np.arange(9.0), [bad] * 9)
        with pytest.raises(InvalidArgumentError, match="finite"):
            dataset([[bad]], [1.0])


@limit("samples whose products overflow")
def overflowing_samples() -> None:
    with pytest.raises(InvalidArgumentError, match="Rescale X"):
        relu_ntk_limit([[1e200]])


@limit("other finite arguments whose products leave double precision")
def overflowing_products() -> None:
    with pytest.raises(InvalidArgumentError, match=r"Given: X of 1e.150, W of 1e.150, a of 1e.150"):
        relu_predictions([[1e150]], [[1e150]], [1e150])
    with pytest.raises(InvalidArgumentError, match=r"not finite\. Given: kernel of 1, initial_error of 1e"):
        frozen_kernel_losses(GradientFlow(), [[1.0]], [1e200], [0.0])
    run = train_relu([[1.0]], [1e200], [[1.0]], [1.0], GradientDescent(0.1), 3)
    assert run.statuses == (RunStatus.DIVERGED,)


@limit("times that no number of steps reaches")
def times_out_of_reach() -> None:
    net = np.eye(2), [0.5, 0.25], *two_layer_initialisation(2, 20, seed=0)
    assert relu_flow(*net, GradientFlow(), [1e12]).losses[-1] == 0.0
    assert relu_flow(*net, HeavyBall(1.0), [1e6]).losses[-1] == 0.0
    with pytest.raises(InvalidArgumentError, match="Expected times up to"):
        relu_flow(*net, Nesterov(3.0), [1e100])
    with pytest.raises(IntegrationError, match="Expected at most 10000 gradients"):
        relu_flow_general(*net, Nesterov(3.0), [1e100], max_evaluations=100)


@limit("losses that underflow to zero")
def underflow() -> None:
    times = np.linspace(0.0, 2000.0, 20_000)
    losses = frozen_kernel_losses(GradientFlow(), [[1.0]], [1.0], times)
    assert losses[-1] == 0.0
    assert fit_exponential(times, losses).exponent == pytest.approx(2.0, rel=1e-6)


@limit("a loss that is zero from the start")
def zero_loss() -> None:
    with pytest.raises(InvalidArgumentError, match="losses > 0"):
        fit_exponential(np.arange(50.0), np.zeros(50))


@limit("losses and a bound that have both underflowed")
def underflowed_bound() -> None:
    promised = Promise(Kind.EXPONENTIAL, 1.0, 0.0, 1.0, 1.0)
    times = np.array([700.0, 1e20])
    assert held_against(promised, times, np.zeros(2)) is None
    broken = held_against(promised, times, np.array([0.0, 1e-200]))
    assert broken is not None
    assert not broken.holds


@limit("a rate on quadratics of any size, such as 2e36 or 2e-36")
def rates_of_any_size() -> None:
    known = FunctionClass(ClassName.QUADRATIC, Fraction(1), Fraction(10))
    for text, rate in (("(10^12)^3", Fraction(2 * 10**36)), ("1/(10^12)^3", Fraction(2, 10**36))):
        ends = rate_on_quadratics(parse_flow(f"x' + {text}*grad(x)").at(), known)
        assert ends is not None
        assert ends[0] <= rate <= ends[1]
        assert ends[1] - ends[0] <= 2 * rate / 10**6


@limit("quadratics that each decay, but at no common rate")
def no_common_rate() -> None:
    known = FunctionClass(ClassName.QUADRATIC, Fraction(1))
    flow = parse_flow("x''' + x'' + x' + grad(x + x')").at()
    assert decide_mode_rate(flow, known, Fraction(0)) is True
    found = best_rate(flow, known)
    assert (found.verdict, found.rate) == (Verdict.REFUTED, Fraction(1, 10**6))
    assert found.reason == "every quadratic of the class decays, but at no common rate"


@limit("a target that varies by rounding only")
def rounded_target() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.csv"
        file.write_text("a,b,y\n1,0,0.1\n0,1,0.1\n1,2,0.1\n")
        with pytest.raises(DataError, match="Expected a target that varies"):
            open_case(str(file), normalise=True)


@limit("samples or weights that no machine holds")
def unholdable() -> None:
    with pytest.raises(InvalidArgumentError, match="numbers and"):
        simulate("gradient-flow", samples=10**11, seeds=1)
    with pytest.raises(InvalidArgumentError, match="at most 20000 samples"):
        simulate("gradient-flow", samples=20_001, features=1, seeds=1)
    with pytest.raises(InvalidArgumentError, match="weights"):
        simulate("gradient-flow", samples=2, features=10, width=10**9, seeds=1)


@limit("grids without a point")
def empty_grids() -> None:
    W, a = two_layer_initialisation(2, 5, seed=0)
    doors: list[Callable[[], object]] = [
        *(lambda flow=flow: mode_response(flow, [1.0], []) for flow in FLOWS),
        *(lambda flow=flow: frozen_kernel_losses(flow, np.zeros((0, 0)), [], [1.0]) for flow in FLOWS),
        lambda: relu_flow(np.eye(2), np.ones(2), W, a, GradientFlow(), []),
        lambda: relu_flow(np.zeros((0, 2)), [], W, a, GradientFlow(), [1.0]),
        lambda: relu_ntk_limit(np.zeros((0, 3))),
        lambda: smallest_eigenvalue(np.zeros((0, 0))),
        lambda: integrate(compile_field([x], [x]), [1.0], []),
        lambda: fit_exponential([], []),
        lambda: dataset(np.zeros((0, 2)), []),
        lambda: SweepSpec.checked({"width": []}, ["sharp"]),
        lambda: SweepSpec.checked({"width": [1]}, []),
        lambda: simulate("gradient-flow", seeds=0),
        lambda: simulate("gradient-flow", samples=0, seeds=1),
    ]
    for door in doors:
        with pytest.raises(InvalidArgumentError):
            door()


def verified(text: str, *options: str, theorem: str = "gradient_flow_rate") -> tuple[int, str]:
    """Run `odeflow verify THEOREM --data FILE` on a file with this text; return the exit code and all that it said."""
    with tempfile.TemporaryDirectory() as folder, mock.patch("odeflow.session.warm_up", return_value=WarmUp(())):
        file = Path(folder) / "mine.csv"
        file.write_text(text)
        arguments = ["verify", theorem, "--data", str(file), "--width", "50", "--jobs", "1", "--details", *options]
        run = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    said = " ".join((run.stdout + run.stderr).split())
    assert "Traceback" not in said
    assert "Warning" not in said
    return run.exit_code, said


def refused(text: str, words: str, *options: str) -> None:
    code, said = verified(text, *options)
    assert code == 2
    assert said.count("odeflow: error: Expected") == 1
    assert words in said


NO_RATE = "on your data undecided: the check could not run; The hypothesis λ₀ > 0 is not met"


@limit("`verify --data`, one sample")
def data_one_sample() -> None:
    code, said = verified("a,b,y\n1,2,3\n")
    assert code == 0
    assert "mine: 1 samples" in said
    assert "1 case, seed 0" in said


@limit("`verify --data`, samples that stand twice, or rows of zeros: lambda_0 = 0")
def data_without_lambda0() -> None:
    for rows, words in (
        ("1,2,3\n1,2,4\n2,1,5\n", "FAILS no two inputs are parallel: rows 0 and 1 are parallel"),
        ("0,0,3\n1,2,4\n2,1,5\n", "FAILS no two inputs are parallel: row 0 is zero"),
        ("0,0,3\n0,0,4\n", "FAILS no two inputs are parallel: row 0 is zero"),
    ):
        code, said = verified(f"a,b,y\n{rows}")
        assert code == 0
        assert words in said
        assert NO_RATE in said


@limit("`verify --data`, a target that never varies")
def data_constant_target() -> None:
    code, said = verified("a,b,y\n1,0,2\n0,1,2\n1,2,2\n")
    assert code == 0
    assert "3 cases, seed 0" in said
    refused("a,b,y\n1,0,2\n0,1,2\n1,2,2\n", "Expected a target that varies but every 'y' is 2.0", "--normalise")


@limit("`verify --data`, one column, an empty file, or a header only")
def data_too_little() -> None:
    refused("y\n1\n2\n", "Expected at least two columns in 'mine'")
    refused("", "the file is empty")
    refused("a,b,y\n", "it has a header line only")


@limit("`verify --data`, a kernel with condition number 1e12")
def data_stiff() -> None:
    with mock.patch("odeflow.data_case.MOST_STEPS", 2000):
        code, said = verified("a,b,y\n1,0,1\n1,1e-12,2\n0,1,3\n")
    assert code == 0
    assert "holds λ₀ > 0: λ₀ is 1.5914e-13" in said
    assert "network followed to t =" in said


@limit("`verify --data`, entries of 1e300 or 1e-310")
def data_extreme() -> None:
    refused("a,b,y\n1e300,0,1\n0,1,2\n", "Rescale X")
    code, said = verified("a,b,y\n1,0,1e300\n0,1,2\n")
    assert code == 0
    assert "on your data undecided: the check could not run" in said
    code, said = verified("a,b,y\n1e-310,0,1\n0,1e-310,2\n")
    assert code == 0
    assert NO_RATE in said


@limit("`simulate`, a horizon at which every loss has underflowed")
def simulated_too_long() -> None:
    run = simulate("gradient-flow", samples=3, features=3, seeds=1, horizon=1e20).runs[0]
    assert not run.losses.any()
    assert run.fit is None
    assert run.bound is None


@limit("`simulate --data`, samples that stand twice, or rows of zeros: lambda_0 = 0")
def simulated_without_lambda0() -> None:
    for rows in ("1,2,3\n1,2,4\n2,1,5\n", "0,0,3\n1,2,4\n2,1,5\n"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.csv"
            file.write_text(f"a,b,y\n{rows}")
            run = CliRunner().invoke(app, ["simulate", "gradient-flow", "--data", str(file)])
        assert run.exit_code == 2
        assert "The hypothesis lambda_0 > 0 is not met by mine: lambda_0 lies in [-" in run.stderr
        assert run.stderr.count("odeflow: error: ") == 1


@pytest.mark.parametrize("words", LIMITS)
def test_the_stated_behaviour_is_what_happens(words: str) -> None:
    LIMITS[words]()


def test_the_page_states_every_limit_and_no_other() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Sizes")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.count("|") == 3]
    assert rows[2:] == list(LIMITS)
