"""The command line: exit codes, one JSON array, progress beside it, errors in one line, names, widths, interruption."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.main import get_command
from typer.testing import CliRunner

import odeflow
import odeflow.session
import odeflow.verify
from odeflow.catalogue import Catalogue, Problem, load_catalogue
from odeflow.cli import CHANGED, INTERRUPTED, NOT_DECIDED, OK, USAGE, app, exit_code
from odeflow.completion import OFFERS, theorem_names
from odeflow.errors import DataError
from odeflow.numeric.activations import Activation
from odeflow.report.progress import PlainProgress
from odeflow.simulation import NAMED, Subject
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, assume, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World
from odeflow.verify import EXAMPLES, Result, TwinResult
from odeflow.warmup import ModuleWarmUp, WarmUp

X = sp.Symbol("x", positive=True)
PAPER = Paper("tiny2020_squares", "A. Author and B. Other", 2020, "On tiny things", "Tiny Results 1")
OTHER = Paper("other2021_lines", "C. Third", 2021, "On lines", "Tiny Results 2")
ANSI = "\x1b["


def line_below_parabola(slope: int) -> Claim:
    return Claim(
        f"The line {slope} x lies below 1 + x^2.",
        sp.Le(slope * X, X**2 + 1, evaluate=False),
        ("x is positive",),
        {X: "any positive number"},
    )


def derive(claim: Claim) -> Derivation:
    return Derivation((assume("x > 0"), show_less("complete the square", claim.formula.lhs, claim.formula.rhs)))


def refute(claim: Claim) -> Derivation:
    return Derivation((show_violated("at x = 1", claim.formula, {X: sp.Integer(1)}),))


def theorem(name: str = "square", *, slope: int = 2, paper: Paper = PAPER, **fields: Any) -> Theorem:
    fields = {"recorded": Verdict.PROVED, "derive": derive} | fields
    return Theorem(name, Source(paper, "Theorem 1"), World.K, line_below_parabola(slope), **fields)


PROVED = theorem(twins=(FalseTwin("slope 3", {"claim": line_below_parabola(3)}),), related=("printed",))
PRINTED = theorem("printed", slope=3, derive=None, counterexample=refute, recorded=Verdict.REFUTED)
LINE = theorem("line", paper=OTHER, slope=1)
MISRECORDED = theorem("misrecorded", recorded=Verdict.REFUTED)
BROKEN = theorem("broken", derive=lambda claim: 1 / 0)
BLIND = theorem(
    "blind",
    derive=None,
    domain=lambda: st.just(1),
    holds=lambda claim, case: True,
    recorded=Verdict.SUPPORTED,
    twins=(FalseTwin("never seen", {"claim": line_below_parabola(3)}),),
)
PROBLEM = Problem("ghost2019", "ModuleNotFoundError: No module named 'ghost [of] 2019'")


@dataclass
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return json.loads(self.stdout)  # type: ignore[no-any-return]


Invoke = Callable[..., Outcome]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the real command on a catalogue of tiny theorems; kernels are not compiled unless a test says so."""
    monkeypatch.setattr(odeflow.session, "warm_up", lambda **_: WarmUp(()))
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(
        *arguments: str,
        theorems: tuple[Theorem, ...] = (PROVED, PRINTED, LINE),
        problems: tuple[Problem, ...] = (),
        width: int = 80,
    ) -> Outcome:
        papers = tuple(dict.fromkeys(t.source.paper for t in theorems))
        monkeypatch.setattr(odeflow.session, "load_catalogue", lambda: Catalogue(papers, theorems, problems))
        result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(width)})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def widest(text: str) -> int:
    return max(cell_len(line) for line in text.splitlines())


# exit codes


def test_verdicts_as_recorded_end_with_0(invoke: Invoke) -> None:
    outcome = invoke("verify", "--twins")
    assert outcome.code == OK
    assert "3 theorems: 2 PROVED, 1 REFUTED; all as recorded; 1 false twin, refuted;" in outcome.stdout


def test_a_changed_verdict_ends_with_1_and_is_shown_with_stage_reason_and_command(invoke: Invoke) -> None:
    outcome = invoke("verify", "--seed", "4", theorems=(MISRECORDED, LINE), width=120)
    assert outcome.code == CHANGED
    assert "CHANGED tiny2020_squares/misrecorded: recorded REFUTED, now PROVED" in outcome.stdout
    assert "PROVED !!" in outcome.stdout
    assert "because       every step is exact" in outcome.stdout
    assert "again         odeflow verify tiny2020_squares/misrecorded --seed 4\n" in outcome.stdout
    assert "1 as recorded, 1 CHANGED" in outcome.stdout
    assert "misrecorded ... PROVED (CHANGED)" in outcome.stderr


def test_a_changed_verdict_shows_the_witness(invoke: Invoke) -> None:
    outcome = invoke("verify", theorems=(replace(PROVED, claim=line_below_parabola(3)),), width=120)
    assert outcome.code == CHANGED
    loud = outcome.stdout.partition("CHANGED tiny2020_squares/square: recorded PROVED, now REFUTED")[2]
    assert re.search(r"derivation    fails: .*witness x = ", loud)


def test_a_twin_that_stands_ends_with_1_and_says_so(invoke: Invoke) -> None:
    outcome = invoke("verify", "--twins", theorems=(BLIND,), width=120)
    assert outcome.code == CHANGED
    assert "NOT REFUTED tiny2020_squares/blind: its false twin 'never seen' came out SUPPORTED" in outcome.stdout
    assert "1 false twin, 1 NOT refuted" in outcome.stdout
    assert invoke("verify", theorems=(BLIND,)).code == OK


def test_a_decision_that_is_lost_ends_with_3(invoke: Invoke) -> None:
    outcome = invoke("verify", theorems=(BROKEN, LINE))
    assert outcome.code == NOT_DECIDED
    assert "UNDECIDED" in outcome.stdout
    assert "ZeroDivisionError: division by zero" in outcome.stdout


def test_a_paper_that_cannot_be_loaded_ends_with_3_after_the_others_verdicts(invoke: Invoke) -> None:
    outcome = invoke("verify", problems=(PROBLEM,))
    assert outcome.code == NOT_DECIDED
    assert "2 PROVED" in outcome.stdout
    assert "NOT LOADED ghost2019" in outcome.stdout
    assert "ghost [of] 2019" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("verdicts", "twins", "problems", "code"),
    [
        ([], [], 0, OK),
        ([("PROVED", "PROVED")], ["REFUTED"], 0, OK),
        ([("UNDECIDED", "UNDECIDED")], [], 0, OK),
        ([("PROVED", "PROVED")], [], 1, NOT_DECIDED),
        ([("PROVED", "UNDECIDED")], [], 0, NOT_DECIDED),
        ([("PROVED", "UNDECIDED"), ("PROVED", "REFUTED")], [], 1, CHANGED),
        ([("UNDECIDED", "PROVED")], [], 0, CHANGED),
        ([("PROVED", "PROVED")], ["UNDECIDED"], 1, CHANGED),
    ],
)
def test_exit_codes_rank_changed_before_undecided_before_fine(
    verdicts: list[tuple[str, str]], twins: list[str], problems: int, code: int
) -> None:
    standing = tuple(TwinResult("twin", Verdict(t), "") for t in twins)
    results = [Result(replace(LINE, recorded=Verdict(a)), Verdict(b), "", (), (), standing) for a, b in verdicts]
    assert exit_code(results, problems=problems) == code


# usage and bad input


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--no-such-option"],
        ["verify", "--seed", "-1"],
        ["verify", "--seed", "one"],
        ["verify", "--examples", "0"],
        ["verify", "--format", "xml"],
        ["no-such-command"],
        ["show"],
    ],
)
def test_wrong_usage_ends_with_2(invoke: Invoke, arguments: list[str]) -> None:
    outcome = invoke(*arguments)
    assert outcome.code == USAGE
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "sqare"], "Did you mean 'square'"),
        (["verify", "r"], "fits several"),
        (["verify", "--target", "y"], "Expected --data"),
        (["verify", "--normalise"], "Expected --data"),
        (["verify", "--data", "no_such_file.csv"], "no_such_file.csv"),
        (["list", "nothing_like_it"], "Unknown theorem"),
        (["show", "tiny2020"], "names 2"),
        (["verify", "tiny2002"], "Did you mean 'tiny2020'"),
        (["figure", "tiny2002", "1"], "Did you mean 'tiny2020'"),
        (["figure", "2"], "fits several papers: other2021_lines, tiny2020_squares. Pass one of them."),
        (["sweep", "."], "--status"),
        (["sweep", "no_such.sweep", "--status"], "Expected the store of a sweep, a folder, but no_such.sweep does not"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_2(invoke: Invoke, arguments: list[str], words: str) -> None:
    about_data = replace(LINE, on_data=lambda claim, data: Evidence(Stage.DATA, Status.HOLDS, "", "", "exact"))
    outcome = invoke(*arguments, theorems=(PROVED, PRINTED, about_data))
    assert outcome.code == USAGE
    assert outcome.stdout == ""
    said = [line for line in outcome.stderr.splitlines() if not line.endswith("...")]
    assert len(said) == 1
    assert said[0].startswith("odeflow: error: ")
    assert words in said[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "--format", "jsn"], "Expected text or json but got 'jsn'. Did you mean 'json'?"),
        (["show", "x", "--format", "pdf"], "Expected text, json or latex but got 'pdf'."),
        (["rate", "x'", "--class", "strongly-convx"], "but got 'strongly-convx'. Did you mean 'strongly-convex'?"),
        (["verify", "--seed", "one"], "Expected a whole number but got 'one'."),
        (["verify", "--seed", "-1"], "Expected a number >= 0 but got '-1'."),
        (["simulate", "nesterov", "--depth", "99"], "Expected a number <= 16 but got '99'."),
        (["simulate", "nesterov", "--horizon", "soon"], "Expected a number but got 'soon'."),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_our_words(invoke: Invoke, arguments: list[str], words: str) -> None:
    outcome = invoke(*arguments)
    assert outcome.code == USAGE
    assert outcome.stdout == ""
    assert words in " ".join(outcome.stderr.split())
    assert not re.search("Input should|Value error|validation", outcome.stderr)


def test_a_paper_in_an_id_may_be_shortened(invoke: Invoke) -> None:
    assert "1 theorem: 1 PROVED" in invoke("verify", "tiny2020/square").stdout


def test_a_certificate_that_is_not_there_is_told_without_a_number(invoke: Invoke) -> None:
    outcome = invoke("check", "no_such.json")
    assert (outcome.code, outcome.stderr) == (USAGE, "no_such.json: unreadable: No such file or directory\n")


def test_an_unknown_name_among_many_lists_only_the_close_ones(invoke: Invoke) -> None:
    many = tuple(theorem(f"square_{i}") for i in range(30))
    outcome = invoke("verify", "sqare_7", theorems=many)
    assert outcome.code == USAGE
    assert "Did you mean 'square_7'" in outcome.stderr
    assert len(outcome.stderr.splitlines()[-1]) < 160


def test_a_paper_asked_for_by_name_that_cannot_be_loaded_ends_with_3(invoke: Invoke) -> None:
    for command in (["verify", "ghost2019"], ["list", "ghost2019"], ["show", "ghost2019/theorem"]):
        outcome = invoke(*command, problems=(PROBLEM,))
        assert outcome.code == NOT_DECIDED
        assert "odeflow: error: ghost2019 could not be loaded: ModuleNotFoundError" in outcome.stderr


def test_an_unknown_name_mentions_what_could_not_be_loaded(invoke: Invoke) -> None:
    outcome = invoke("verify", "sqare", problems=(PROBLEM,))
    assert outcome.code == USAGE
    assert "NOT LOADED ghost2019" in outcome.stderr


# machine output


def test_json_is_exactly_one_array_with_an_object_a_theorem(invoke: Invoke) -> None:
    outcome = invoke(
        "verify",
        "--format",
        "json",
        "--twins",
        "--timings",
        theorems=(PROVED, PRINTED, MISRECORDED),
        problems=(PROBLEM,),
    )
    assert outcome.code == CHANGED
    first, printed, misrecorded = outcome.objects
    assert {"id", "paper", "source", "world", "verdict", "recorded", "evidence", "twins", "seconds"} <= first.keys()
    assert {"claim", "reason", "lemmas", "timings"} <= first.keys()
    assert first["id"] == "tiny2020_squares/square"
    assert (first["verdict"], first["recorded"], first["world"]) == ("PROVED", "PROVED", "K")
    assert [(t["name"], t["verdict"]) for t in first["twins"]] == [("slope 3", "REFUTED")]
    assert first["evidence"][0].keys() >= {
        "stage",
        "status",
        "claimed",
        "observed",
        "error_bar",
        "cases",
        "seed",
        "detail",
        "lemmas",
    }
    assert first["claim"]["latex"] == r"2 x \leq x^{2} + 1"
    assert printed["evidence"][0]["stage"] == "counterexample"
    assert misrecorded["as_recorded"] is False
    assert first["timings"][0]["stage"] == "derivation"
    assert "NOT LOADED ghost2019" in outcome.stderr
    assert "CHANGED" in outcome.stderr
    assert "Where the time went" in outcome.stderr


def test_json_of_nothing_is_an_empty_array(invoke: Invoke) -> None:
    for command in ("verify", "list"):
        outcome = invoke(command, "--format", "json", theorems=(), problems=(PROBLEM,))
        assert outcome.objects == []
        assert outcome.code == NOT_DECIDED


def test_list_as_json_has_the_recorded_verdicts(invoke: Invoke) -> None:
    outcome = invoke("list", "--format", "json")
    assert outcome.code == OK
    assert [(o["id"], o["recorded"]) for o in outcome.objects] == [
        (t.id, t.recorded.value) for t in (PROVED, PRINTED, LINE)
    ]


def test_show_as_json_is_one_object(invoke: Invoke) -> None:
    described = json.loads(invoke("show", "printed", "--format", "json").stdout)
    assert described["id"] == "tiny2020_squares/printed"
    assert described["derivation"] is None
    assert described["counterexample"][-1]["status"] == "holds"


def test_show_as_latex_is_a_theorem_environment(invoke: Invoke) -> None:
    outcome = invoke("show", "square", "--format", "latex")
    assert outcome.code == OK
    assert r"\begin{theorem}[Theorem 1]" in outcome.stdout
    assert r"2 x \leq x^{2} + 1" in outcome.stdout
    assert outcome.stdout.count(r"\begin") == outcome.stdout.count(r"\end")


# text


def test_the_table_has_claim_observation_verdict_and_time(invoke: Invoke) -> None:
    text = invoke("verify", "--twins").stdout
    for words in (
        "2 x ≤ x² + 1",
        "1 of 2 steps computed (exact)",
        "K · Theorem 1",
        "PROVED",
        "0.0",
        "REFUTED: slope 3",
    ):
        assert words in text
    assert "counterexample: at x = 1: the sides differ by 1 at x = 1" in " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 100, 132, 140, 200])
def test_nothing_is_wider_than_the_terminal(invoke: Invoke, width: int) -> None:
    theorems = (PROVED, PRINTED, LINE, MISRECORDED, BROKEN, BLIND)
    for command in (["verify", "--twins", "--timings"], ["list"], ["show", "square"], ["show", "printed"]):
        outcome = invoke(*command, theorems=theorems, problems=(PROBLEM,), width=width)
        assert widest(outcome.stdout) <= width


def test_more_width_is_used(invoke: Invoke) -> None:
    narrow, wide = invoke("verify", width=80).stdout, invoke("verify", width=140).stdout
    assert widest(wide) > 130
    assert "Observed" in wide
    assert len(wide.splitlines()) < 2 * len(narrow.splitlines())


def test_no_colour_and_no_trailing_blanks_in_a_pipe(invoke: Invoke) -> None:
    for command in ("verify", "list"):
        text = invoke(command).stdout
        assert ANSI not in text
        assert text == re.sub(r" +\n", "\n", text)


def test_list_shows_statements_and_ends_with_3_if_something_is_missing(invoke: Invoke) -> None:
    assert invoke("list").code == OK
    outcome = invoke("list", problems=(PROBLEM,))
    assert outcome.code == NOT_DECIDED
    assert "The line 2 x lies below 1 + x²." in outcome.stdout
    assert "NOT LOADED ghost2019" in outcome.stdout


def test_show_has_every_step_with_kind_method_outcome_and_formula(invoke: Invoke) -> None:
    text = invoke("show", "square").stdout
    for words in (
        "tiny2020_squares/square  PROVED (recorded)",
        "x is positive",
        "any positive number",
        " 1. x > 0",
        "hypothesis",
        " 2. complete the square",
        "computed by real root isolation: holds",
        "slope 3",
        "printed: REFUTED: The line 3 x lies below 1 + x².",
        PAPER.citation(),
        "odeflow verify tiny2020_squares/square --twins",
    ):
        assert words in text
    assert "       2\n2⋅x ≤ x  + 1\n" in dedent("\n".join(text.splitlines()[4:6]) + "\n")


def test_show_tells_what_could_not_run(invoke: Invoke) -> None:
    outcome = invoke("show", "broken", theorems=(BROKEN,))
    assert outcome.code == OK
    assert "derivation: ZeroDivisionError: division by zero" in outcome.stdout


def test_timings_add_up_and_come_slowest_first(invoke: Invoke) -> None:
    text = invoke("verify", "--timings").stdout
    rows = re.findall(r"^(.+?)\s+(\d+\.\d{3})\s+\d+ %$", text.partition("Where the time went")[2], re.MULTILINE)
    *parts, (label, total) = [(label.strip(), float(seconds)) for label, seconds in rows]
    assert label == "all"
    seconds = [s for _, s in parts]
    assert seconds == sorted(seconds, reverse=True)
    assert sum(seconds) == pytest.approx(total, abs=0.0005 * len(seconds) + 0.0005)  # each is rounded
    assert any("import" in name for name, _ in parts)


def test_progress_names_each_theorem_on_stderr(invoke: Invoke) -> None:
    outcome = invoke("verify")
    assert re.search(r"^\[1/3\] tiny2020_squares/square \.\.\. PROVED \d+\.\d\d s$", outcome.stderr, re.MULTILINE)
    assert re.search(r"^\[3/3\] other2021_lines/line \.\.\. PROVED", outcome.stderr, re.MULTILINE)


# names, seeds, warm-up


def test_names_select(invoke: Invoke) -> None:
    assert [o["id"] for o in invoke("verify", "other2021", "printed", "--format", "json").objects] == [
        "tiny2020_squares/printed",
        "other2021_lines/line",
    ]


def test_seed_and_examples_reach_the_checks(invoke: Invoke) -> None:
    outcome = invoke(
        "verify",
        "--seed",
        "11",
        "--examples",
        "3",
        "--format",
        "json",
        theorems=(replace(BLIND, domain=lambda: st.integers()),),
    )
    (found,) = outcome.objects[0]["evidence"]
    assert (found["seed"], found["cases"]) == (11, 3)


def test_twins_are_attacked_with_the_same_seed_and_examples(invoke: Invoke) -> None:
    seeds: list[int] = []
    cases: list[int] = []

    def simulate(claim: Claim, seed: int) -> Evidence:
        seeds.append(seed)
        return Evidence(Stage.SIMULATION, Status.HOLDS, "", "", "0.1", seed=seed)

    def holds(claim: Claim, case: int) -> bool:
        cases.append(case)
        return True

    watched = replace(BLIND, simulate=simulate, domain=st.integers, holds=holds)
    invoke("verify", "--twins", "--seed", "11", "--examples", "3", theorems=(watched,))
    assert seeds == [11, 11]
    assert len(cases) == 6
    assert cases[:3] == cases[3:]


def test_the_help_states_how_many_examples_are_drawn(invoke: Invoke) -> None:
    assert f"({EXAMPLES})" in invoke("verify", "--help").stdout


def test_only_many_theorems_have_all_kernels_warmed_up(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[int] = []
    monkeypatch.setattr(odeflow.session, "warm_up", lambda **_: warmed.append(1) or WarmUp(()))
    few, many = (tuple(replace(BLIND, name=f"blind_{k}", twins=()) for k in range(n)) for n in (3, 12))
    assert invoke("verify", "--jobs", "1", theorems=few).code == OK
    assert warmed == []
    assert invoke("verify", "--jobs", "1", theorems=many).code == OK
    assert warmed == [1]


def test_kernels_that_compile_on_first_use_are_told_and_counted(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba import njit

    told: list[str] = []

    class Told(PlainProgress):
        def detail(self, words: str) -> None:
            told.append(words)

    @njit
    def doubled(x: float) -> float:
        return 2.0 * x

    monkeypatch.setattr(odeflow.session, "reporter", Told)
    numeric = replace(BLIND, holds=lambda claim, case: doubled(1.0) == 2.0, twins=())
    outcome = invoke("verify", theorems=(numeric,))
    assert outcome.code == OK
    assert "1 kernel compiled on first use (once per machine)\n" in outcome.stderr
    assert told == ["property", "property, compiling test_cli.doubled (once per machine)", "property"]


def test_kernels_are_warmed_up_only_for_numeric_stages(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[int] = []

    def warm_up(**_: Any) -> WarmUp:
        warmed.append(1)
        return WarmUp((ModuleWarmUp("a._x_kernels", 2.0, 3), ModuleWarmUp("a._y_kernels", 0.1, 0, "OSError: full")))

    monkeypatch.setattr(odeflow.session, "warm_up", warm_up)
    assert "kernel" not in invoke("verify").stderr
    assert warmed == []
    many = tuple(replace(BLIND, name=f"blind_{k}") for k in range(12))
    outcome = invoke("verify", "--timings", "--jobs", "1", theorems=many)
    assert outcome.code == OK
    assert warmed == [1]
    assert "3 kernels compiled in 2.1 s (once per machine): _x_kernels" in outcome.stderr
    assert "a._y_kernels could not be warmed up: OSError: full" in outcome.stderr
    assert re.search(r"a\._x_kernels\s+compile\s+2\.000", outcome.stdout)


def test_ctrl_c_prints_what_there_is_and_ends_with_130(invoke: Invoke) -> None:
    def interrupt(claim: Claim) -> Derivation:
        raise KeyboardInterrupt

    stopped = theorem("stopped", derive=interrupt)
    outcome = invoke("verify", theorems=(PROVED, stopped, LINE))
    assert outcome.code == INTERRUPTED
    assert "Interrupted: 1 of 3 theorems checked. 1 theorem: 1 PROVED" in outcome.stdout
    assert "stopped ... stopped" in outcome.stderr
    assert [o["id"] for o in invoke("verify", "--format", "json", theorems=(PROVED, stopped)).objects] == [PROVED.id]


# the user's data


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the data's door; the list receives what it was asked."""
    asked: list[dict[str, Any]] = []

    def open_case(name_or_path: str, **options: Any) -> Any:
        asked.append({"name": name_or_path, **options})
        if name_or_path == "bad.csv":
            raise DataError("Expected numbers\nbut row 3 holds 'x'.")
        fine = SimpleNamespace(name="unit norm", holds=True, observed="all |x_i| = 1", remedy="")
        bad = SimpleNamespace(
            name="lambda_0 > 0", holds=False, observed="rows 1 and 2 are parallel", remedy="Remove one."
        )
        return SimpleNamespace(summary="mine: 3 x 2, used as is", hypotheses=(fine, bad))

    monkeypatch.setitem(sys.modules, "odeflow.data_case", SimpleNamespace(open_case=open_case))
    monkeypatch.setattr(odeflow.verify, "check", _check_any_data(odeflow.verify.check))
    monkeypatch.setattr(odeflow.session, "check_fully", _check_any_data(odeflow.verify.check_fully))
    return asked


def _check_any_data(check: Callable[..., Result]) -> Callable[..., Result]:
    """Undo the run-time type check of `data`: the stand-in for a DataCase is none."""
    return getattr(check, "__wrapped__", check)


def about_data(status: Status) -> Theorem:
    def on_data(claim: Claim, data: Any) -> Evidence:
        return Evidence(
            Stage.DATA, status, "rate 2", f"rate 1.9 on {data.summary[:4]}", "0.1 (95 %)", detail="too slow"
        )

    return theorem("on_data", on_data=on_data)


def test_data_come_with_their_hypotheses_and_only_theorems_that_speak_of_them(
    invoke: Invoke, opened: list[dict[str, Any]]
) -> None:
    arguments = [
        "--data",
        "mine.csv",
        "--target",
        "y",
        "--features",
        "a, b,3",
        "--normalise",
        "--width",
        "64",
        "--seed",
        "5",
    ]
    outcome = invoke("verify", *arguments, theorems=(PROVED, about_data(Status.HOLDS)))
    assert opened == [
        {
            "name": "mine.csv",
            "target": "y",
            "features": ["a", "b", 3],
            "normalise": True,
            "standardise": False,
            "seed": 5,
            "width": 64,
        }
    ]
    assert outcome.code == OK
    text = outcome.stdout
    assert text.index("mine: 3 x 2") < text.index("rows 1 and 2 are parallel") < text.index("tiny2020_squares")
    assert re.search(r"holds\s+unit norm: all", text)
    assert re.search(r"FAILS\s+λ₀ > 0: rows 1 and 2 are parallel\n\s+Remove one\.", text)
    assert "on your data  rate 1.9 on mine ± 0.1 (95 %)" in text
    assert "promised      rate 2" in text
    assert "square" not in text.replace("squares", "")


def test_data_that_contradict_a_claim_are_a_finding(invoke: Invoke, opened: list[dict[str, Any]]) -> None:
    outcome = invoke("verify", "--data", "mine.csv", theorems=(about_data(Status.FAILS),))
    assert "on your data  fails: rate 1.9 on mine ± 0.1 (95 %); too slow" in outcome.stdout
    assert outcome.code == NOT_DECIDED


def test_json_with_data_has_the_hypotheses(invoke: Invoke, opened: list[dict[str, Any]]) -> None:
    outcome = invoke("verify", "--data", "mine.csv", "--format", "json", theorems=(about_data(Status.HOLDS),))
    (described,) = outcome.objects
    assert [(h["name"], h["holds"]) for h in described["hypotheses"]] == [("unit norm", True), ("lambda_0 > 0", False)]
    assert described["evidence"][-1]["stage"] == "data"
    assert "mine: 3 x 2" in outcome.stderr


def test_ids_with_data_run_as_asked(invoke: Invoke, opened: list[dict[str, Any]]) -> None:
    outcome = invoke("verify", "square", "--data", "mine.csv", "--format", "json")
    assert [o["id"] for o in outcome.objects] == ["tiny2020_squares/square"]


def test_bad_data_are_one_line_and_2(invoke: Invoke, opened: list[dict[str, Any]]) -> None:
    outcome = invoke("verify", "--data", "bad.csv", theorems=(about_data(Status.HOLDS),))
    assert outcome.code == USAGE
    assert "odeflow: error: Expected numbers but row 3 holds 'x'.\n" in outcome.stderr


def test_data_without_a_theorem_about_them_are_refused(invoke: Invoke, opened: list[dict[str, Any]]) -> None:
    outcome = invoke("verify", "--data", "mine.csv")
    assert outcome.code == USAGE
    assert "none does" in outcome.stderr


def test_a_real_file_goes_through_the_real_door(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,b,y\n1,0,1\n0,1,-1\n1,1,0.5\n")

    def on_data(claim: Claim, data: Any) -> Evidence:
        return Evidence(Stage.DATA, Status.HOLDS, "", f"{len(data.y)} rows", "exact")

    outcome = invoke("verify", "--data", str(file), "--normalise", theorems=(theorem(on_data=on_data),))
    assert outcome.code == OK
    assert "on your data  3 rows (exact)" in outcome.stdout
    assert re.search(r"holds\s+inputs have unit norm", outcome.stdout)


# the real process

PLUGIN = """
    import sympy as sp
    from odeflow.symbolic.derivations import Derivation, show_less
    from odeflow.theorem import Claim, FalseTwin, Paper, Source, Theorem, Verdict, World

    X = sp.Symbol("x", positive=True)
    PAPER = Paper("tiny2020_squares", "A. Author", 2020, "On tiny things", "Tiny Results 1")

    def claim(slope):
        return Claim("below", sp.Le(slope * X, X**2 + 1, evaluate=False))

    def derive(claim):
        return Derivation((show_less("complete the square", claim.formula.lhs, claim.formula.rhs),))

    def wait(claim):
        import time
        time.sleep(60)

    def theorem(name, verdict, slope=2, derive=derive):
        twins = (FalseTwin("slope 3", {"claim": claim(3)}),)
        return Theorem(name, Source(PAPER, "Theorem 1"), World.K, claim(slope), verdict, derive=derive, twins=twins)

    THEOREMS = (
        theorem("square", Verdict.PROVED),
        theorem("misrecorded", Verdict.REFUTED),
        theorem("slow", Verdict.PROVED, derive=wait),
    )
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of plugins; `sound` and `unsound` hold a distribution that stands in for the installed one."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "tiny_plugin.py").write_text(dedent(PLUGIN))
    (folder / "broken_plugin.py").write_text("raise RuntimeError('this plugin [is] broken')\n")
    entries = "[odeflow.theorems]\ntiny2020_squares = tiny_plugin\n"
    for name, extra in (("sound", ""), ("unsound", "broken2020 = broken_plugin\n")):
        info = folder / name / "odeflow-1.2.3.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odeflow\nVersion: 1.2.3\n")
        (info / "entry_points.txt").write_text(entries + extra)
    return folder


def environment(folder: Path, *, sound: bool = True, **extra: str) -> dict[str, str]:
    root = Path(odeflow.__file__).resolve().parent.parent
    paths = os.pathsep.join(map(str, (folder / ("sound" if sound else "unsound"), folder, root)))
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return kept | {"PYTHONPATH": paths, "PYTHONWARNINGS": "error", "PYTHONSAFEPATH": "1", "COLUMNS": "80"} | extra


def process(folder: Path, *arguments: str, sound: bool = True, **extra: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "odeflow", *arguments],
        cwd=folder,
        env=environment(folder, sound=sound, **extra),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "sound", "code"),
    [
        (["verify", "square", "--twins"], True, OK),
        (["verify", "misrecorded"], True, CHANGED),
        (["verify", "nonsense"], True, USAGE),
        (["verify", "square"], False, NOT_DECIDED),
    ],
)
def test_the_process_ends_with_the_exit_code(folder: Path, arguments: list[str], sound: bool, code: int) -> None:
    outcome = process(folder, *arguments, sound=sound)
    assert outcome.code == code, outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr
    if code != USAGE:
        assert widest(outcome.stdout) <= 80
        assert ANSI not in outcome.stdout + outcome.stderr


def test_a_broken_plugin_is_a_line_in_the_report(folder: Path) -> None:
    outcome = process(folder, "list", sound=False)
    assert outcome.code == NOT_DECIDED
    assert "NOT LOADED broken2020\n  because       RuntimeError: this plugin [is] broken\n" in outcome.stdout
    assert "square" in outcome.stdout


def test_the_process_writes_json_and_nothing_else_to_stdout(folder: Path) -> None:
    outcome = process(folder, "verify", "square", "--format", "json", "--timings")
    assert [o["id"] for o in outcome.objects] == ["tiny2020_squares/square"]
    assert outcome.stdout.startswith("[\n")
    assert outcome.stdout.endswith("\n]\n")


def test_no_color_is_respected_even_when_colour_is_forced(folder: Path) -> None:
    coloured = process(folder, "list", FORCE_COLOR="1", TERM="xterm-256color")
    plain = process(folder, "list", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1")
    colours = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert colours.search(coloured.stdout)
    assert not colours.search(plain.stdout)


def test_a_stream_without_unicode_gets_spelt_letters(folder: Path) -> None:
    outcome = process(folder, "verify", "square", PYTHONIOENCODING="ascii")
    assert outcome.code == OK
    assert "2 x <= x^2 + 1" in outcome.stdout


def test_version_and_help(folder: Path) -> None:
    assert process(folder, "--version").stdout == "odeflow 1.2.3\n"
    outcome = process(folder, "--help")
    assert outcome.code == OK
    examples = re.findall(r"^ +odeflow ([a-z]+)", outcome.stdout, re.MULTILINE)
    assert {"list", "verify", "show", "report", "rate", "simulate", "figure"} <= set(examples)
    assert "Exit codes:" in outcome.stdout
    assert widest(outcome.stdout) <= 80


def test_help_and_version_import_nothing_heavy(folder: Path) -> None:
    heavy = ("sympy", "numpy", "numba", "scipy", "hypothesis", "matplotlib", "rich")
    for argument in ("--help", "--version"):
        code = (
            "import sys; sys.argv = ['odeflow', sys.argv[1]]\nfrom odeflow.__main__ import main\n"
            "try: main()\nexcept SystemExit: pass\n"
            f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, argument], env=environment(folder), capture_output=True, text=True, timeout=60
        )
        assert done.stderr.strip() == "[]"


def test_listing_imports_no_compiler_hypothesis_or_plots_of_its_own(folder: Path) -> None:
    heavy = ("numba", "scipy", "hypothesis", "matplotlib")
    code = (
        "import sys; sys.argv = ['odeflow', 'list']\nfrom odeflow.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    assert "square" in done.stdout
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(("jobs", "sign"), [("1", "slow ... "), ("2", "square ... PROVED")])
def test_sigint_keeps_the_results_and_ends_with_130(folder: Path, jobs: str, sign: str) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "odeflow", "verify", "square", "slow", "--jobs", jobs, "--format", "json"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    said = ""
    deadline = time.monotonic() + 60
    while sign not in said and time.monotonic() < deadline:
        said += running.stderr.read(1)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == INTERRUPTED
    assert [o["id"] for o in json.loads(stdout)] == ["tiny2020_squares/square"]
    assert "Interrupted: 1 of 2 theorems checked" in stderr


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(("jobs", "sign"), [("1", "slow ... "), ("2", "square ... PROVED")])
def test_an_interrupted_report_says_what_was_done_and_writes_nothing(folder: Path, jobs: str, sign: str) -> None:
    page = folder / f"interrupted-{jobs}.html"
    running = subprocess.Popen(
        [sys.executable, "-m", "odeflow", "report", "square", "slow", "--jobs", jobs, "-o", page.name],
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    said = ""
    deadline = time.monotonic() + 60
    while sign not in said and time.monotonic() < deadline:
        said += running.stderr.read(1)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == INTERRUPTED
    assert stderr.splitlines()[-1] == f"odeflow: interrupted: 1 of 2 were checked; {page.name} not written"
    assert "Traceback" not in stderr
    assert not page.exists()


def test_ctrl_c_before_a_command_begins_is_one_line(folder: Path) -> None:
    code = dedent("""
        import builtins, sys
        sys.argv = ["odeflow", "list"]
        from odeflow.__main__ import main
        real = builtins.__import__
        def press(name, *rest):
            if name == "typer":
                raise KeyboardInterrupt
            return real(name, *rest)
        builtins.__import__ = press
        main()
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(folder), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "odeflow: interrupted\n")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_verifying_writes_nothing_where_the_user_is(tmp_path: Path, jobs: str) -> None:
    code = "from odeflow.__main__ import main; main()"
    names = ["bu2021/newton_hessian", "iclr2020_path_formula/two_layer_kernel"]  # both have a property test
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", *names, "--jobs", jobs, "--examples", "2", "--details"],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "HYPOTHESIS_STORAGE_DIRECTORY"} | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == OK, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_workers_print_what_one_process_prints(folder: Path) -> None:
    one, two = (process(folder, "verify", "square", "misrecorded", "--twins", "--jobs", n) for n in ("1", "2"))
    assert (one.code, two.code) == (CHANGED, CHANGED)
    assert [line.split(" s.")[0][:40] for line in two.stdout.splitlines()] == [
        line.split(" s.")[0][:40] for line in one.stdout.splitlines()
    ]


def test_a_quick_run_says_what_it_left_out(invoke: Invoke) -> None:
    numeric = theorem("numeric", recorded=Verdict.SUPPORTED, simulate=lambda claim, seed: pytest.fail("it ran"))
    outcome = invoke("verify", "--quick", theorems=(PROVED, numeric))
    assert outcome.code == OK
    assert "1 theorem: 1 PROVED" in outcome.stdout
    assert "Left out, because their verdicts rest on simulations: numeric." in " ".join(outcome.stdout.split())


@pytest.mark.parametrize("also", [["--twins"], ["--examples", "3"], ["--data", "diabetes"]])
def test_a_quick_run_with_what_it_leaves_out_is_refused(invoke: Invoke, also: list[str]) -> None:
    outcome = invoke("verify", "--quick", *also)
    assert outcome.code == USAGE
    assert "exact checks only" in outcome.stderr


def test_reports_in_three_forms(folder: Path) -> None:
    page = folder / "page.html"
    html = process(folder, "report", "square", "-o", str(page))
    assert html.code == OK
    assert html.stdout == ""
    assert f"written: {page}" in html.stderr
    assert page.read_text(encoding="utf-8").count("<article") == 1
    (described,) = process(folder, "report", "square", "--format", "json").objects
    assert described["verdict"] == "PROVED"
    assert described["derivation"]
    assert [t["verdict"] for t in described["twins"]] == ["REFUTED"]
    text = process(folder, "report", "square", "--format", "text", "--no-twins").stdout
    assert "Verdict  PROVED" in text
    assert "Proof" in text


def test_a_report_that_cannot_be_written_is_one_line(folder: Path) -> None:
    outcome = process(folder, "report", "square", "-o", str(folder))
    assert outcome.code == USAGE
    assert "it is a folder" in outcome.stderr


def runner_help(command: str) -> str:
    told = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    return " ".join(told.stdout.split())


def completed(folder: Path, *words: str) -> list[str]:
    """What a real bash offers for the last of these words, with the installed papers."""
    code = """
        eval "$(_ODEFLOW_COMPLETE=source_bash odeflow)"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _odeflow_completion odeflow
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    (folder / "odeflow").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m odeflow "$@"\n')
    (folder / "odeflow").chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", dedent(code), "bash", *words],
        env=os.environ | {"PATH": os.pathsep.join((str(folder), os.environ["PATH"]))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("odeflow show heavy_ball_ra", ["heavy_ball_rate"]),
        ("odeflow verify gram_kernel bu2021_dynamical_view/heavy_ball_ra", ["bu2021_dynamical_view/heavy_ball_rate"]),
        ("odeflow figure arora", ["arora2018_implicit_acceleration"]),
        ("odeflow simulate ne", ["nesterov"]),
        ("odeflow simulate nesterov --on r", ["relu"]),
        ("odeflow verify --data dia", ["diabetes"]),
        ("odeflow rate x --class str", ["strongly-convex"]),
        ("odeflow show --format l", ["latex"]),
        ("odeflow swe", ["sweep"]),
        ("odeflow verify --twi", ["--twins"]),
    ],
)
def test_bash_completes_names_and_choices(tmp_path: Path, words: str, offered: list[str]) -> None:
    assert completed(tmp_path, *words.split()) == offered


@pytest.mark.parametrize("command", sorted(OFFERS))
def test_help_names_what_is_to_be_given_and_no_type_of_python(command: str) -> None:
    assert not re.search(r"<(?!=|text|html|quadratic)|range|list\[|Path", runner_help(command))


def test_help_says_ranges_in_words() -> None:
    assert "x>=" not in runner_help("verify") + runner_help("simulate")
    assert "at least 1" in runner_help("verify")
    assert "1 to 16" in runner_help("simulate")


def test_completion_offers_what_there_is() -> None:
    catalogue = load_catalogue()
    names = set(theorem_names(""))
    assert {t.name for t in catalogue.theorems} | {p.folder for p in catalogue.papers} == names
    assert {t.id for t in catalogue.theorems} == {
        name for p in catalogue.papers for name in theorem_names(p.folder + "/")
    }
    assert set(OFFERS["simulate"]["flow"]("")) == set(NAMED)
    assert set(OFFERS["simulate"]["on"]("")) == set(Subject)
    assert set(OFFERS["simulate"]["activation"]("")) == {one.value for one in Activation}
    commands: Any = get_command(app)
    for name, offers in OFFERS.items():
        parameters = {p.name: p for p in commands.commands[name].params}
        assert set(offers) <= set(parameters), name
        told = runner_help(name)
        for parameter in {"format", "function_class"} & set(offers):
            assert "|".join(offers[parameter]("")) in told


def test_completing_a_name_imports_no_paper() -> None:
    code = (
        "import sys\nfrom odeflow.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('sympy', 'numpy', 'scipy', 'numba', 'theory.bu2021_dynamical_view') if m in sys.modules])"
    )
    asked = {"_ODEFLOW_COMPLETE": "complete_bash", "COMP_WORDS": "odeflow show heavy_ball_ra", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["heavy_ball_rate", "[]"]


def test_completion_offers_the_theorems_of_a_module_and_nothing_of_a_broken_one(folder: Path) -> None:
    asked: Any = {"_ODEFLOW_COMPLETE": "complete_bash", "COMP_WORDS": "odeflow verify tiny", "COMP_CWORD": "2"}
    outcome = process(folder, sound=False, **asked)
    assert "tiny2020_squares/misrecorded" in outcome.stdout
    assert "broken" not in outcome.stdout + outcome.stderr


def test_a_figure_without_data_refuses_data() -> None:
    refused = CliRunner().invoke(app, ["figure", "arora2018", "1", "--data", "diabetes"])
    assert refused.exit_code == USAGE
    assert "1 is not" in refused.stderr


def test_a_brief_table_has_a_line_a_theorem(invoke: Invoke) -> None:
    brief, full = (invoke("verify", option).stdout for option in ("--brief", "--details"))
    assert "claimed" not in brief
    assert "claimed" in full
    names = [line.split(" ")[0] for line in brief.splitlines() if " · K · " in line]
    assert len(names) == len(set(names)) == 3
    assert invoke("verify").stdout.count("claimed") == full.count("claimed"), "few theorems are shown in full"
