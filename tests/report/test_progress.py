"""Progress: plain lines in a log, one live line on a terminal that is gone at the end."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from odeflow.report.progress import LiveProgress, PlainProgress, reporter
from odeflow.theorem import Verdict


def console(*, terminal: bool, term: str = "xterm") -> Console:
    return Console(
        file=io.StringIO(), width=80, force_terminal=terminal, _environ={"TERM": term}, markup=False, highlight=False
    )


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_terminals_get_the_live_line_and_everything_else_plain_lines() -> None:
    assert isinstance(reporter(console(terminal=True)), LiveProgress)
    assert isinstance(reporter(console(terminal=False)), PlainProgress)
    assert isinstance(reporter(console(terminal=True, term="dumb")), PlainProgress)


def test_plain_progress_is_one_line_a_theorem_begun_before_its_checks() -> None:
    screen = console(terminal=False)
    with reporter(screen) as progress:
        progress.busy("loading")
        progress.begin(1, 2, "p/a")
        assert said(screen).endswith("[1/2] p/a ... ")
        progress.detail("simulation")
        progress.end(Verdict.PROVED, 1.2, as_recorded=True)
        progress.begin(2, 2, "p/[b]")
        progress.end(Verdict.UNDECIDED, 0.1, as_recorded=False)
    assert said(screen) == "loading ...\n[1/2] p/a ... PROVED 1.20 s\n[2/2] p/[b] ... UNDECIDED (CHANGED) 0.10 s\n"


def test_plain_progress_ends_its_line_when_it_is_stopped() -> None:
    screen = console(terminal=False)
    progress = reporter(screen)

    def stop() -> None:
        with progress:
            progress.begin(1, 2, "p/a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert said(screen) == "[1/2] p/a ... stopped\n"


def test_the_live_line_names_theorem_and_stage_and_keeps_only_changes() -> None:
    screen = console(terminal=True)
    progress = LiveProgress(screen)
    for _ in range(2):  # it can be used again
        with progress:
            progress.begin(1, 2, "p/[a]")
            progress.detail("simulation")
            progress._progress.refresh()
            progress.end(Verdict.PROVED, 1.0, as_recorded=True)
            progress.begin(2, 2, "p/b")
            progress.end(Verdict.REFUTED, 1.0, as_recorded=False)
    text = said(screen)
    assert "[1/2] p/[a]: simulation" in text
    assert text.count("CHANGED") == 2
    assert "\x1b[2K" in text  # lines are erased


def test_the_time_stays_in_a_line_that_is_too_long() -> None:
    screen = console(terminal=True)
    with LiveProgress(screen) as progress:
        progress.begin(7, 93, "bu2021_dynamical_view/a_theorem_with_a_name_of_a_length_that_is_not_rare_among_them")
        progress.detail("simulation")
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said(screen))
    lines = [line for line in re.split(r"[\r\n]+", plain) if "7/93" in line]
    assert lines
    for line in lines:
        assert "0:00:0" in line
        assert cell_len(line) <= 80
