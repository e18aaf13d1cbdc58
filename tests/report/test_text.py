"""Verdicts as text: what is shown of the evidence, how it folds, what is loud."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from odeflow.catalogue import Problem
from odeflow.report.lines import evidence_words, labelled, problem_lines, seconds_words, shown_evidence, wrapped
from odeflow.report.text import WIDE, changes, hypotheses_table, summary, time_table, verdict_table
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Claim, Evidence, Paper, Source, Stage, Theorem, Verdict, World
from odeflow.verify import Result, Timing, TwinResult

X = sp.Symbol("x", positive=True)
PAPER = Paper("tiny2020_squares", "A. Author", 2020, "On tiny things", "Tiny Results 1")
OTHER = replace(PAPER, folder="other2021", year=2021)


def evidence(stage: Stage, status: Status = Status.HOLDS, **fields: Any) -> Evidence:
    fields = {"claimed": "c", "observed": f"seen by {stage.value}", "error_bar": "exact"} | fields
    return Evidence(stage, status, **fields)


def result(verdict: Verdict = Verdict.PROVED, *found: Evidence, **fields: Any) -> Result:
    claim = fields.pop("claim", Claim("statement", sp.Le(X, X**2 + 1, evaluate=False)))
    paper, item, name = fields.pop("paper", PAPER), fields.pop("item", "Theorem 1"), fields.pop("name", "square")
    world, recorded = fields.pop("world", World.K), fields.pop("recorded", verdict)
    theorem = Theorem(name, Source(paper, item), world, claim, recorded)
    fields = {"reason": "for a reason", "evidence": found or (evidence(Stage.DERIVATION),)} | fields
    return Result(theorem, verdict, timings=(Timing(Stage.DERIVATION, 1.234),), **fields)


def rendered(what: RenderableType | None, width: int = 80, *, colour: bool = False) -> str:
    assert what is not None
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, emoji=False, highlight=False, force_terminal=colour)
    console.print(what)
    return out.getvalue()


def test_the_observation_shown_is_the_most_concrete_one() -> None:
    order = [Stage.DATA, Stage.SIMULATION, Stage.COUNTEREXAMPLE, Stage.PROPERTY, Stage.DERIVATION]
    for i, stage in enumerate(order):
        shown = shown_evidence([evidence(s) for s in (Stage.CERTIFICATE, *reversed(order[i:]))])
        assert shown is not None
        assert shown.stage is stage
    assert shown_evidence([]) is None


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        ("0.02", "o ± 0.02"),
        ("3e-11 (closed form)", "o ± 3e-11 (closed form)"),
        ("exact", "o (exact)"),
        ("7e-13 of each value (two integrators)", "o ± 7e-13 of each value (two integrators)"),
        ("95 % intervals of the fits", "o (95 % intervals of the fits)"),
        ("none found false", "o (none found false)"),
        ("none", "o"),
        ("", "o"),
    ],
)
def test_only_a_number_is_an_error_bar_with_a_sign(bar: str, words: str) -> None:
    assert evidence_words(evidence(Stage.PROPERTY, observed="o", error_bar=bar)) == words


def test_cases_and_seed_are_told_once() -> None:
    assert evidence_words(evidence(Stage.PROPERTY, observed="o", seed=3)) == "o (exact); 1 case, seed 3"
    held = evidence(Stage.PROPERTY, observed="held on 9 cases", cases=9, seed=3)
    assert evidence_words(held) == "held on 9 cases (exact); seed 3"


@given(st.floats(0.0, 1e5))
def test_durations_are_readable_at_every_size(seconds: float) -> None:
    words = seconds_words(seconds)
    assert len(words) <= 13
    number, unit = words.split(" ", 1)
    read = float(number) if unit == "s" else 60 * int(number) + int(unit.split()[1])
    assert read == pytest.approx(seconds, rel=0.006, abs=0.5 if seconds > 99 else 0.0051)


@given(st.text("ab ^()⟨⟩, -", max_size=200), st.integers(16, 60))
def test_wrapping_loses_nothing_but_blanks(words: str, width: int) -> None:
    lines = wrapped(words, width)
    assert "".join("".join(lines).split()) == "".join(words.split())
    assert all(cell_len(line) <= width for line in lines)


def test_exponents_and_inner_products_are_not_broken() -> None:
    lines = wrapped("aaaaaaaaaaaa e^(-2 r t) bbbbbbbbbb ⟨Δ, H Δ⟩", 20)
    assert lines == ["aaaaaaaaaaaa", "e^(-2 r t)", "bbbbbbbbbb ⟨Δ, H Δ⟩"]


def test_a_long_label_gets_its_own_line() -> None:
    assert [t.plain for t in labelled("a very long label indeed", "words", 40)] == [
        "  a very long label indeed",
        "                words",
    ]


@pytest.mark.parametrize("width", [40, 80, WIDE - 1, WIDE, 160, 220])
def test_tables_fit_and_keep_every_word(width: int) -> None:
    results = [
        result(
            Verdict.REFUTED,
            evidence(Stage.SIMULATION, Status.FAILS, observed="the loss rose [from 1 to 2]", error_bar="1e-9"),
            name="a_name_that_is_quite_long_for_a_theorem_of_this_kind",
            item="Theorem 12, Lemma 3.3 (second part), equations (4.6) to (4.9)",
            reason="simulation: the loss rose",
            recorded=Verdict.PROVED_MODULO,
            twins=(TwinResult("faster", Verdict.REFUTED, ""), TwinResult("slower", Verdict.UNDECIDED, "why")),
        ),
        result(Verdict.PROVED_MODULO, paper=OTHER, world=World.N, reason="rests on Lemma X"),
    ]
    text = rendered(verdict_table(results, width=width), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    flat = "".join(text.split())
    for words in ("tiny2020_squares", "other2021", "theorem", "faster", "slower", "PROVED_MODULO", "REFUTED", "1e-9"):
        assert words in flat
    assert "trainingasitis" in flat
    assert "frozenkernel" in flat
    if width < WIDE:
        for words in ("[from 1 to 2]", "rests on Lemma X"):
            assert "".join(words.split()) in flat


def test_columns_are_aligned_across_papers() -> None:
    text = rendered(verdict_table([result(), result(paper=OTHER, item="Lemma 2")], width=140), 140)
    rows = [line for line in text.splitlines() if line.startswith("square ")]
    assert len(rows) == 2
    assert len({row.index("PROVED") for row in rows}) == 1
    assert len({row.index("x ≤ x² + 1") for row in rows}) == 1
    header = next(line for line in text.splitlines() if line.startswith("Theorem "))
    assert header.split() == ["Theorem", "Source", "W", "Claimed", "Observed", "Verdict", "Time"]
    assert all(row[header.index("W")] == "K" for row in rows)


def test_a_claim_too_long_for_a_table_is_shown_by_its_statement() -> None:
    total = sum(sp.Symbol(f"a_{i}") * sp.Symbol(f"b_{i}") for i in range(40))
    claim = Claim("A short statement.", sp.Le(X, total, evaluate=False))
    text = rendered(verdict_table([result(claim=claim)], width=80))
    assert "claimed       A short statement." in text


def test_data_are_told_with_the_promise_and_a_contradiction_is_loud() -> None:
    found = evidence(Stage.DATA, Status.FAILS, claimed="rate 2", observed="rate 1", detail="too slow")
    text = rendered(verdict_table([result(Verdict.UNDECIDED, found)], width=80), colour=True)
    assert "promised" in text
    assert "\x1b[1;31mfails: rate 1 (exact); too slow" in text


def test_only_what_is_proved_is_green() -> None:
    for verdict in Verdict:
        text = rendered(verdict_table([result(verdict)], width=80), colour=True)
        assert ("32m" + verdict.value + "\x1b" in text) == (verdict in (Verdict.PROVED, Verdict.PROVED_MODULO))


def test_nothing_changed_says_nothing() -> None:
    assert changes([result()], command=lambda r: "", width=80) is None


def test_a_change_names_stage_reason_and_command() -> None:
    found = (evidence(Stage.DERIVATION), evidence(Stage.SIMULATION, Status.UNDECIDED, detail="it diverged at x = 1"))
    changed = result(Verdict.UNDECIDED, *found, recorded=Verdict.PROVED, reason="simulation: it diverged")
    text = rendered(changes([result(), changed], command=lambda r: f"run {r.theorem.id}", width=100), 100)
    assert "CHANGED tiny2020_squares/square: recorded PROVED, now UNDECIDED" in text
    assert "because       simulation: it diverged" in text
    assert "simulation    undecided: seen by simulation (exact); it diverged at x = 1" in text
    assert "derivation" not in text
    assert "again         run tiny2020_squares/square" in text


def test_the_summary_counts() -> None:
    results = [result(), result(), result(Verdict.REFUTED), result(Verdict.UNDECIDED, recorded=Verdict.PROVED)]
    problems = [Problem("ghost", "gone")]
    words = summary(results, problems=problems, seconds=75.04, planned=9, width=400).plain
    assert words == (
        "Interrupted: 4 of 9 theorems checked. 4 theorems: 2 PROVED, 1 REFUTED, 1 UNDECIDED; "
        "3 as recorded, 1 CHANGED; 1 not loaded; 75.0 s."
    )
    assert summary([], problems=[], seconds=0.0, width=80).plain == "0 theorems; 0.00 s."


def test_a_narrow_summary_is_wrapped_without_trailing_blanks() -> None:
    words = summary([result()], problems=[], seconds=1.0, width=30).plain
    assert words == "1 theorem: 1 PROVED; all as\nrecorded; 1.00 s."


def test_the_slowest_comes_first_and_the_rest_is_summed_up() -> None:
    spent = [(f"part{i}", "stage", float(i)) for i in range(10)]
    lines = rendered(time_table(spent, shown=3)).splitlines()
    assert [line.split()[0] for line in lines[2:7]] == ["part9", "part8", "part7", "7", "all"]
    assert lines[5].split()[-3:] == ["21.000", "47", "%"]
    assert lines[6].split()[-3:] == ["45.000", "100", "%"]
    assert "0.000" in rendered(time_table([("nothing", "", 0.0)]))


def test_the_time_table_names_the_paper_only_when_there_are_several() -> None:
    one = rendered(time_table([("p/a", "x", 1.0), ("p/b", "x", 2.0), ("loading", "y", 1.0)]))
    assert "p/a" not in one
    assert "p/a" in rendered(time_table([("p/a", "x", 1.0), ("q/b", "x", 2.0)]))


def test_remedies_are_told_only_where_a_hypothesis_fails() -> None:
    fine = SimpleNamespace(name="unit norm", holds=True, observed="yes", remedy="never shown")
    bad = SimpleNamespace(name="lambda_0 > 0", holds=False, observed="[parallel]", remedy="Remove a row.")
    text = rendered(hypotheses_table("mine: 3 x 2", [fine, bad], width=60), 60)
    assert "never shown" not in text
    assert "FAILS    λ₀ > 0: [parallel]\n         Remove a row.\n" in text


def test_a_problem_keeps_its_brackets() -> None:
    (first, second) = problem_lines([Problem("ghost", "ValueError: [red]no[/red]")], width=80)
    assert first.plain == "NOT LOADED ghost"
    assert second.plain.endswith("ValueError: [red]no[/red]")
