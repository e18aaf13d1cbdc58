"""What `odeflow rate` and `odeflow check` print fits a terminal, and a pipe gets every line whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from odeflow.cli import app
from odeflow.errors import InvalidArgumentError
from odeflow.flow_text import parse_flow
from odeflow.rate_text import fitted

pty = pytest.importorskip("pty", reason="needs a terminal")

LONG = ["rate", "x'' + 5/2*x' + 1/2*hess*x' + grad(x)", "--class", "quadratic", "--mu", "1", "--smooth", "7"]


def on_a_terminal(arguments: list[str], columns: int) -> list[str]:
    mine, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "odeflow", *arguments], stdout=theirs, env={**os.environ, "COLUMNS": str(columns)}
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(mine, 4096):
            said += part
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(mine)
    assert run.wait() == 0
    return said.decode().replace("\r\n", "\n").rstrip("\n").split("\n")


def test_a_rate_and_its_check_are_broken_between_words_on_a_terminal_and_not_in_a_pipe(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    narrow = on_a_terminal([*LONG, "-o", str(file)], 80)
    wide = on_a_terminal(LONG, 130)
    piped = subprocess.run(
        [sys.executable, "-m", "odeflow", *LONG],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    ).stdout
    assert max(len(line) for line in narrow) <= 80 < max(len(line) for line in wide) <= 130
    assert max(len(line) for line in piped.splitlines()) > 80
    assert " ".join(narrow).split()[:-2] == piped.split()[:-2], "the same words, but for the seconds"
    checked = on_a_terminal(["check", str(file)], 80)
    assert checked[0].startswith("PROVED: ")
    assert max(len(line) for line in checked) <= 80


def test_continued_lines_stand_under_what_their_label_labels() -> None:
    first, second = fitted(["  quadratics   " + "word " * 12], 60)
    assert first.startswith("  quadratics   word")
    assert second.startswith(" " * 15 + "word")
    assert fitted(["x" * 200], 80) == ["x" * 200], "a word that fits nowhere is not torn"
    assert fitted(["a b", ""], 80) == ["a b", ""]


def test_a_missing_parameter_is_asked_for_by_its_option() -> None:
    with pytest.raises(InvalidArgumentError, match="Pass --set a=VALUE"):
        parse_flow("x'' + a*x' + grad(x)").at({})


@pytest.mark.parametrize("smooth", ["7/5", "3/2", "8/5"])
def test_the_ends_of_an_enclosure_are_rounded_outward(smooth: str) -> None:
    wish = ["rate", "x''' + 3*x'' + 4*x' + grad(x)", "--class", "quadratic", "--mu", "1/10", "--smooth", smooth]
    text = " ".join(CliRunner().invoke(app, wish).stdout.split())
    shown = re.search(r"quadratics .* is in \[([^,]+), ([^\]]+)\]", text)
    assert shown is not None
    low, high = json.loads(CliRunner().invoke(app, [*wish, "--format", "json"]).stdout)["rate_on_quadratics"]
    assert 0.0 <= low - float(shown[1]) <= 1e-6 * low
    assert 0.0 <= float(shown[2]) - high <= 1e-6 * high
