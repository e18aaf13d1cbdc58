"""Numbers of any size on the command lines of simulate, rate and sweep: a sound answer, or one line and exit code 2.

Answers are read as JSON, in which no NaN and no infinity may stand. Nothing warns (warnings are errors here), nothing
shows a traceback, and nothing takes longer than seconds.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from typer.testing import CliRunner

from odeflow.checker import verify_text
from odeflow.cli import app
from odeflow.door import door
from odeflow.warmup import compiling_as_needed

LONGEST_SECONDS = 20.0
"""Of processor time of this thread, where nothing compiles; a million steps, the most of an integration, take five."""
NEAR = 0.05
"""A measured exponent of a frozen kernel and the sharp one, where the slope has settled."""
HUGE, TINY = "(10^12)^3", "1/(10^12)^3"
MANY_DIGITS, MANY_ZEROS = "9" * 30, f"0.{'0' * 26}1"
THIRD_ORDER = "x''' + 3*x'' + 3*x' + 1/2*grad(x)"
SMALL = ["-n", "4", "-d", "3", "-m", "20", "--seeds", "1"]
NAMED = ["gradient-flow", "heavy-ball", "nesterov"]


def refuse_constant(word: str) -> NoReturn:
    raise AssertionError(f"{word} in the answer")


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, stdout and stderr."""
    begin = time.thread_time()
    with compiling_as_needed() as compiled:
        ended = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})
    spent = time.thread_time() - begin
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise AssertionError(f"odeflow {' '.join(arguments)} ended in an exception") from ended.exception
    assert compiled or spent < LONGEST_SECONDS, f"took {spent:.1f} s"
    assert "Traceback" not in ended.stderr
    assert "Warning" not in ended.stderr
    return ended.exit_code, ended.stdout, ended.stderr


def refused(*arguments: str) -> str:
    """Return the one line with which a command refuses."""
    code, out, err = run(*arguments)
    assert code == 2
    return line_of(out, err)


def line_of(out: str, err: str) -> str:
    assert not out
    told = [line for line in err.splitlines() if "rror: " in line]
    assert len(told) == 1, err
    return " ".join(told[0].split())


def answered(*arguments: str) -> tuple[int, Any]:
    """Return the exit code and the object that a command answers, or 2 and its one line."""
    code, out, err = run(*arguments, "--format", "json")
    if code == 2:
        return 2, line_of(out, err)
    return code, json.loads(out, parse_constant=refuse_constant)


def sound(*arguments: str, on: str = "frozen") -> Any:
    """Simulate; return a sound ensemble, or the line that refuses it."""
    code, found = answered("simulate", *arguments, "--on", on)
    if code == 2:
        return found
    assert code == 0
    for one in found["runs"]:
        assert 0.0 <= one["spectrum"][0] <= one["spectrum"][1]
        if one["proved"] is not None and one["sharp"] is not None and found["kind"] == "exponential":
            assert float(one["sharp"]) >= 0.999 * fraction(one["proved"])
        if on == "frozen" and one["bound"] is not None:
            assert one["bound"]["holds"]
        if on == "frozen" and one["measured"] and one["sharp"] and found["kind"] == "exponential":
            assert one["exponent"] == pytest.approx(one["sharp"], rel=NEAR)
    return found


def fraction(text: str) -> float:
    top, _, bottom = text.partition("/")
    return int(top) / int(bottom or 1)


# --- simulate


@pytest.mark.parametrize("flow", NAMED)
@pytest.mark.parametrize("horizon", ["1e308", "1e20", "1e12", "1e-8", "1e-200", "1e-290"])
def test_horizons_of_any_size_are_followed_or_refused(flow: str, horizon: str) -> None:
    found = sound(flow, *SMALL, "--horizon", horizon)
    assert isinstance(found, str) or len(found["runs"]) == 1


@pytest.mark.parametrize("horizon", ["1e-300", "5e-324", "0", "-1", "nan", "inf", "-inf", "1e400", "x"])
def test_horizons_that_are_no_time_are_refused(horizon: str) -> None:
    assert "orizon" in refused("simulate", "gradient-flow", *SMALL, f"--horizon={horizon}")


def test_a_loss_that_has_underflowed_breaks_no_bound_and_has_no_slope() -> None:
    (one,) = sound("gradient-flow", *SMALL, "--horizon", "1e20")["runs"]
    assert one["last_loss"] == 0.0
    assert one["bound"] is None
    assert one["exponent"] is None


@pytest.mark.parametrize(
    ("flow", "rate"),
    [
        (f"x' + {TINY}*grad(x)", 2e-36),
        (f"x'' + {HUGE}*x' + grad(x)", 2e-36),
        ("x'' + 10000000000*x' + grad(x)", 2e-10),
        (f"x'' + 3*x' + grad(x + {TINY}*x')", None),
        (f"x'' + {TINY}*x' + grad(x)", None),
        (f"x'' + {HUGE}/t*x' + grad(x)", None),
        (f"x'' + {TINY}/t*x' + grad(x)", None),
        ("x'' + 1000/t*x' + grad(x)", None),
        (f"x''' + {HUGE}*x'' + {HUGE}*x' + grad(x)", None),
        ("x'' - 3*x' + grad(x)", None),
        *(pytest.param(text, None, marks=pytest.mark.slow) for text in (
            f"x'' + 3/t*x' + t^12*{HUGE}*grad(x)", f"x' + {HUGE}*grad(x)",
            f"x'' + 3*x' + {HUGE}*grad(x)", f"x'' + 3*x' + {TINY}*grad(x)",
            f"x'' + 3*x' + grad(x + {HUGE}*x')", f"x''' + {TINY}*x'' + {HUGE}*x' + {HUGE}*grad(x)",
            f"x'''' + {HUGE}*x''' + 3*x'' + x' + {TINY}*grad(x)", f"x'' + 3/t*x' + t^12*{TINY}*grad(x)",
            f"x'' + 3*x' + {HUGE}*hess*x' + grad(x)",
        )),
    ],
)  # fmt: skip
def test_coefficients_of_any_size_give_a_sound_run_or_one_line(flow: str, rate: float | None) -> None:
    found = sound(flow, *SMALL)
    if rate is not None:  # times the smallest eigenvalue: the slow root of every one of these
        (one,) = found["runs"]
        assert one["sharp"] == pytest.approx(rate * one["spectrum"][0], rel=1e-2)
        assert one["measured"]


@pytest.mark.parametrize("command", [["simulate"], ["rate", "--class", "quadratic", "--mu", "1"]])
@pytest.mark.parametrize(
    "text", ["x'' + 1e308*x' + grad(x)", "x' + 10^400*grad(x)", "x' + 1/10^400*grad(x)", f"x' + {'9' * 31}*grad(x)",
             f"x' + {HUGE}*{HUGE}*grad(x)", f"x' + {TINY}*{TINY}*grad(x)", f"x'' + {HUGE}^12*x' + grad(x)",
             "x' + 1/0*grad(x)", "x' + 0^-1*grad(x)", "x'' + 3/t^400*x' + grad(x)", "x' + nan*grad(x)"],
)  # fmt: skip
def test_numbers_that_the_grammar_does_not_have_are_refused(command: list[str], text: str) -> None:
    if text == "x' + nan*grad(x)":  # to the grammar a parameter of this name, which has no value
        assert "parameter" in refused(command[0], text, *command[1:])
    else:
        assert "at column" in (said := refused(command[0], text, *command[1:])) or "oefficients" in said


@pytest.mark.parametrize(
    ("on", "sizes"),
    [
        ("frozen", ["-n", "1", "-d", "1"]),
        ("frozen", ["-n", "1", "-d", "50"]),
        ("relu", ["-n", "1", "-d", "1", "-m", "1"]),
        ("relu", ["-n", "2", "-d", "5", "-m", "1"]),
        ("linear", ["-n", "1", "-d", "1", "-N", "1"]),
        ("linear", ["-n", "3", "-d", "2", "-N", "16"]),
        ("linear", ["-n", "2", "-d", "5"]),
        ("frozen", ["-n", "5", "-d", "1"]),
        ("mlp", ["-n", "1", "-d", "1", "-m", "1", "-N", "1"]),
        ("mlp", ["-n", "3", "-d", "2", "-m", "4", "-N", "16"]),
    ],
)
def test_the_smallest_and_the_deepest_networks_run_or_are_refused(on: str, sizes: list[str]) -> None:
    found = sound("gradient-flow", "--seeds", "1", *sizes, on=on)
    if sizes == ["-n", "5", "-d", "1"]:
        assert "lambda_0 > 0 is not met" in found
    elif sizes == ["-n", "2", "-d", "5"]:
        assert "at least as many samples as features" in found
    else:
        assert not isinstance(found, str)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (["-n", "0"], "Expected a number >= 1"),
        (["-n", "100000000000"], "numbers and"),
        (["-d", "99999999999999999999999"], "numbers and"),
        (["-n", "30000", "-d", "1"], "at most 20000 samples"),
        (["--on", "relu", "-m", "100000000000"], "weights"),
        (["-N", "17"], "Expected a number <= 16"),
        (["--seeds", "0"], "Expected a number >= 1"),
        (["--seed", "-1"], "Expected a number >= 0"),
    ],
)
def test_sizes_that_no_machine_holds_are_refused_before_they_are_made(sizes: list[str], words: str) -> None:
    assert words in refused("simulate", "gradient-flow", *sizes)


@pytest.mark.parametrize("value", ["0", "-1", "1/99999999999999999999999999", MANY_DIGITS[:28], "3000000"])
def test_parameters_of_any_size_give_a_sound_run_or_one_line(value: str) -> None:
    sound("heavy-ball", *SMALL, "--set", f"b={value}")


@pytest.mark.parametrize("value", ["1e300", "nan", "inf", "1/0", f"{MANY_DIGITS}9", "", "b"])
@pytest.mark.parametrize("command", ["simulate", "rate"])
def test_parameters_that_are_no_rational_number_are_refused(command: str, value: str) -> None:
    more = ["--class", "strongly-convex", "--mu", "1"] if command == "rate" else []
    assert "Expected a rational number" in refused(command, "x'' + b*x' + grad(x)", *more, "--set", f"b={value}")


TABLES = {
    "X of 1e308": "1e308,0,1\n0,1,2\n",
    "X of 5e-324": "5e-324,0,1\n0,5e-324,2\n",
    "X of 1e150 and 1e-150": "1e150,0,1\n0,1e-150,2\n",
    "X of 1e100": "1e100,0,1\n0,1e100,2\n",
    "X of 1e-100": "1e-100,0,1\n0,1e-100,2\n",
    "y of 1e308": "1,0,1e308\n0,1,-1e308\n",
    "y of 1e150": "1,0,1e150\n0,1,-1e150\n",
    "y of 5e-324": "1,0,5e-324\n0,1,5e-324\n",
    "y of 0": "1,0,0\n0,1,0\n",
    "rows twice": "1,2,3\n1,2,4\n2,1,5\n",
    "one row": "1,2,3\n",
    "nearly parallel": "1,0,1\n1,1e-6,2\n0,1,3\n",
}


@pytest.mark.parametrize("words", TABLES)
@pytest.mark.parametrize("more", [[], ["--normalise"], ["--standardise"]], ids=["", "normalise", "standardise"])
def test_data_of_any_size_give_a_sound_run_or_one_line(words: str, more: list[str], tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"a,b,y\n{TABLES[words]}")
    found = sound("gradient-flow", "--data", str(file), "--seeds", "1", *more)
    if words == "rows twice":
        assert "lambda_0 > 0 is not met" in found
    if words == "y of 1e308" and more == ["--normalise"]:
        assert not isinstance(found, str)


@pytest.mark.parametrize("row", ["1,nan,3", "1,inf,3", "1,1e400,3", "1,,3"])
def test_data_that_are_no_numbers_are_refused(row: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"a,b,y\n{row}\n1,2,3\n")
    assert "line 2, column 'b'" in refused("simulate", "gradient-flow", "--data", str(file))


# --- rate


def decided(*arguments: str, folder: Path) -> tuple[int, Any]:
    """Return the exit code and answer of rate; a certificate that it writes is verified by itself."""
    file = folder / "certificate.json"
    code, found = answered("rate", *arguments, "-o", str(file))
    if code == 0:
        assert verify_text(file.read_text())
    if code != 2 and (ends := found["rate_on_quadratics"]) is not None:
        assert 0.0 < ends[0] <= ends[1]
        if found["rate"] is not None and code == 0:
            assert fraction(found["rate"]) <= ends[1] * (1.0 + 1e-9)
    return code, found


@pytest.mark.parametrize(
    "name", ["quadratic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("strongly-convex", "pl"))]
)
@pytest.mark.parametrize(
    ("text", "rate"),
    [
        (f"x' + {HUGE}*grad(x)", 2e36),
        (f"x' + {TINY}*grad(x)", 2e-36),
        (f"x'' + {HUGE}*x' + grad(x)", 2e-36),
        (f"x'' + {TINY}*x' + grad(x)", 1e-36),
        (f"x'' + 3*x' + {HUGE}*grad(x)", 3.0),
        (f"x'' + 3*x' + {TINY}*grad(x)", 2e-36 / 3.0),
    ],
)
def test_the_rate_of_coefficients_of_any_size_is_right_or_undecided(
    text: str, rate: float, name: str, tmp_path: Path
) -> None:
    code, found = decided(text, "--class", name, "--mu", "1", "--smooth", "10", folder=tmp_path)
    assert code in (0, 3)
    assert found["rate_on_quadratics"] == pytest.approx([rate, rate], rel=1e-5)
    if name == "quadratic":
        assert code == 0


@pytest.mark.parametrize("name", ["strongly-convex", "quadratic"])
def test_constants_of_any_size_are_decided_or_undecided(name: str, tmp_path: Path) -> None:
    ends = ["--mu", MANY_ZEROS, "--smooth", MANY_DIGITS]
    code, found = decided("x'' + 2*x' + grad(x)", "--class", name, *ends, folder=tmp_path)
    assert code in (0, 3)
    assert found["rate_on_quadratics"] == pytest.approx([1e-27, 1e-27], rel=1e-5)


@pytest.mark.parametrize(
    ("claim", "code"), [(MANY_ZEROS, 0), ("2", 0), ("2.0000000000000000000000001", 1), (MANY_DIGITS, 1)]
)
@pytest.mark.parametrize("name", ["strongly-convex", "quadratic"])
def test_claims_of_any_size_are_decided_exactly(claim: str, code: int, name: str, tmp_path: Path) -> None:
    found, _ = decided("x' + grad(x)", "--class", name, "--mu", "1", "--smooth", "9", "--claim", claim, folder=tmp_path)
    assert found == code


@pytest.mark.parametrize(
    "more",
    [
        ["--mu", "1e-300", "--smooth", "1e300"],
        ["--mu", "nan"],
        ["--mu", "inf"],
        ["--mu", "0"],
        ["--mu", "-1"],
        ["--mu", "2", "--smooth", "1"],
        ["--mu", "1", "--claim", "1e400"],
        ["--mu", "1", "--claim", "0"],
        ["--mu", "1", "--claim", "-1"],
        ["--mu", "1", "--claim", f"{MANY_DIGITS}9"],
    ],
    ids=" ".join,
)
def test_constants_and_claims_that_are_none_are_refused(more: list[str]) -> None:
    assert "Expected" in refused("rate", "x' + grad(x)", "--class", "strongly-convex", *more)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x'' + 3/t*x' + t^12*grad(x)", 0),
        (f"x'' + {HUGE}/t*x' + grad(x)", 3),
        (f"x'' + {TINY}/t*x' + grad(x)", 3),
        (f"x'' + 3/t*x' + t^2*{HUGE}*grad(x)", 3),
    ],
)
def test_power_laws_of_any_size_are_proved_or_undecided(text: str, code: int, tmp_path: Path) -> None:
    assert decided(text, "--class", "convex", folder=tmp_path)[0] in {code, 0}


@pytest.mark.parametrize(
    "grid", ["b=1:99999999999999999999:1", "b=1:2:1/9999999999", "b=1:1e30:1", "b=2:1:1", "b=1:2:0"]
)
def test_grids_without_end_are_refused(grid: str) -> None:
    refused("rate", "x'' + b*x' + grad(x)", "--class", "quadratic", "--mu", "1", "--grid", grid)


# --- sweep


def spec(folder: Path, grid: str) -> str:
    file = folder / "spec.toml"
    file.write_text(f'[sweep]\nobservables = ["sharp", "exponent", "last_time"]\n[grid]\n{grid}\n')
    return str(file)


@pytest.mark.parametrize(
    "grid",
    [
        "horizon = [nan]", "horizon = [inf]", "horizon = [-1.0]", "horizon = [1e400]", f"horizon = [{'9' * 400}]",
        "learning_rate = [nan]", "learning_rate = [-1e-300]", "learning_rate = [1e400]",
        "width = [0]", "width = [100000000]", "width = [1e3]", "samples = [0]", "samples = [100000000000]",
        "features = [-1]", "depth = [1001]", "seed = [-1]", f"seed = [{'9' * 40}]",
        "seed = {from = 0, to = 99999999}", "seed = {from = 0, to = 99999}\nwidth = {from = 1, to = 1000}",
    ],
)  # fmt: skip
def test_specs_with_numbers_that_no_cell_can_have_are_refused(grid: str, tmp_path: Path) -> None:
    assert "Expected" in refused("sweep", spec(tmp_path, grid))
    assert [file.name for file in tmp_path.iterdir()] == ["spec.toml"]


def test_cells_of_any_size_end_in_numbers_or_in_a_reason(tmp_path: Path) -> None:
    pytest.importorskip("xarray", reason="needs the extra `sweep`")
    from odeflow.sweep import open_sweep

    grid = (
        'flow = ["gradient-flow", "nesterov"]\nsamples = [3]\nfeatures = [2]\nwidth = [10]\n'
        "horizon = [1e308, 1e-300, 1e-200, 1e15, 0.0]\nlearning_rate = [0.0, 1e-300, 1e10, 0.5]"
    )
    code, out, _ = run("sweep", spec(tmp_path, grid), "--jobs", "1", "--format", "json", "-o", str(tmp_path / "store"))
    assert code == 3  # some cells ended in an error
    told = json.loads(out, parse_constant=refuse_constant)
    assert told["done"] == told["cells"] == 40
    found = open_sweep(tmp_path / "store")
    wrong = found["error"].values != ""
    assert 0 < wrong.sum() == told["failed"] < 40
    for name in ("sharp", "last_time"):
        assert all(math.isfinite(x) for x in found[name].values[~wrong])
        assert all(math.isnan(x) for x in found[name].values[wrong])
    for reason in set(found["error"].values[wrong]):
        assert reason.startswith("Expected"), "a defect, not a refusal"


# --- what every command shares


def test_a_command_that_runs_out_of_memory_says_so_in_one_line() -> None:
    small = typer.Typer()

    @small.command()
    @door
    def greedy() -> None:
        raise MemoryError("Unable to allocate 728. TiB for an array\nwith shape (10000000, 10000000).")

    ended = CliRunner().invoke(small, [])
    assert ended.exit_code == 2
    assert ended.stderr.startswith("odeflow: error: Not enough memory: Unable to allocate 728. TiB for an array with")
    assert ended.stderr.count("\n") == 1
