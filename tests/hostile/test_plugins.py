"""A plugin may be broken or hostile: it costs its own lines of the report, and the terminal obeys none of its words."""

from __future__ import annotations

import copy
import io
import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp
from rich.console import Console

from odeflow.catalogue import GROUP, load_catalogue
from odeflow.errors import printable
from odeflow.panels import Curve, Panel
from odeflow.reading import read_page
from odeflow.report.as_json import page_object, verdict_object
from odeflow.report.html import article
from odeflow.report.lines import Harmless
from odeflow.report.pages import evidence_lines, listing, theorem_page
from odeflow.report.text import verdict_table
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World
from odeflow.verify import Settings, check, check_fully

ESCAPES = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u2066\r"
PAPER = Paper("sound2020", "A. Author", 2020, "Title", "Venue")


def forged(value: Any, **changes: Any) -> Any:
    """Return a copy with fields of any type: the tests check types at run time, a plugin's author need not."""
    copied = copy.copy(value)
    for name, content in changes.items():
        object.__setattr__(copied, name, content)
    return copied


def theorem(**changes: Any) -> Any:
    claim = Claim("true", sp.true)
    return forged(Theorem("sound", Source(PAPER, "Theorem 1"), World.A, claim, Verdict.UNDECIDED), **changes)


def entry(folder: Path, name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return EntryPoint(name, name, GROUP)


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


# --- at import

IMPORTS = {
    "exit": "raise SystemExit(0)",
    "sys_exit": "import sys; sys.exit('gone')",
    "generator_exit": "raise GeneratorExit",
    "own_base": "class Odd(BaseException): pass\nraise Odd('odd')",
    "unspeakable": "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd",
    "recursion": "def f(): return f()\nf()",
    "assertion": "assert False",
    "syntax": "def (:",
    "nul": "x = '\\x00'",
    "escapes": "raise ValueError('\\x1b[2J\\x07')",
    "lazy": "def __getattr__(name): raise SystemExit(name)",
    "wrong_types": "PAPER, THEOREMS = 1, 2",
    "endless": "PAPER, THEOREMS = None, None",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_whatever_a_plugin_raises_at_import_is_one_problem(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("sound_plugin")
    vars(module).update(PAPER=PAPER, THEOREMS=(theorem(),))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    broken = entry(tmp_path, f"broken_{name}", IMPORTS[name], monkeypatch)
    loaded = load_catalogue([broken, EntryPoint("sound", module.__name__, GROUP)])
    assert [t.id for t in loaded.theorems] == ["sound2020/sound"]
    (problem,) = loaded.problems
    assert problem.name == f"broken_{name}"
    assert problem.reason
    assert problem.reason == printable(problem.reason)


def test_ctrl_c_while_a_plugin_loads_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = entry(tmp_path, "pressed", "raise KeyboardInterrupt", monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        load_catalogue([pressed])


BAD_CLAIM = Claim(f"says {ESCAPES}", sp.true)
DECEPTIVE: dict[str, tuple[Paper, Any]] = {
    "newline in a name": (PAPER, theorem(name="sound\nPROVED")),
    "blank in a name": (PAPER, theorem(name="sound  PROVED")),
    "escape in a name": (PAPER, theorem(name=f"sound{ESCAPES}")),
    "no text as name": (PAPER, theorem(name=3)),
    "empty name": (PAPER, theorem(name="")),
    "endless name": (PAPER, theorem(name="x" * 10**6)),
    "slash in a folder": (forged(PAPER, folder="../other"), theorem()),
    "escape in a title": (forged(PAPER, title=ESCAPES), theorem()),
    "no text as title": (forged(PAPER, title=None), theorem()),
    "escape in a statement": (PAPER, theorem(claim=BAD_CLAIM)),
    "escape in an assumption": (PAPER, theorem(claim=Claim("x", sp.true, (ESCAPES,)))),
    "assumptions of another type": (PAPER, theorem(claim=forged(BAD_CLAIM, statement="x", assumptions=7))),
    "escape in an item": (PAPER, theorem(source=Source(PAPER, ESCAPES))),
    "no claim": (PAPER, theorem(claim=None)),
    "no source": (PAPER, theorem(source=None)),
    "escape in a twin's name": (PAPER, theorem(twins=(FalseTwin(ESCAPES, {}),))),
    "twins of another type": (PAPER, theorem(twins=3)),
}


@pytest.mark.parametrize("name", DECEPTIVE)
def test_a_plugin_whose_text_deceives_is_not_loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paper, listed = DECEPTIVE[name]
    module = ModuleType("deceptive_plugin")
    vars(module).update(PAPER=paper, THEOREMS=(listed,))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    loaded = load_catalogue([EntryPoint("deceptive", module.__name__, GROUP)])
    assert loaded.theorems == ()
    (problem,) = loaded.problems
    assert problem.reason == printable(problem.reason)


# --- when a check runs


def raises(error: BaseException) -> Callable[..., Any]:
    def check_(*_: Any) -> Any:
        raise error

    return check_


HELD = Evidence(Stage.SIMULATION, Status.HOLDS, "x", "y", "none")
ANSWERS: dict[str, Callable[..., Any]] = {
    "SystemExit": raises(SystemExit(0)),
    "BaseException": raises(BaseException("odd")),
    "unspeakable": raises(UnspeakableError()),
    "MemoryError": raises(MemoryError()),
    "escapes": raises(ValueError(ESCAPES)),
    "None": lambda *_: None,
    "True": lambda *_: True,
    "a word": lambda *_: "HOLDS",
    "status as a word": lambda *_: forged(HELD, status="HOLDS"),
    "cases as a word": lambda *_: forged(HELD, cases="many"),
    "lemmas as a word": lambda *_: forged(HELD, lemmas="lemma"),
    "lemmas of numbers": lambda *_: forged(HELD, lemmas=(1,)),
    "words as numbers": lambda *_: forged(HELD, observed=1.0),
    "a picture of another type": lambda *_: forged(HELD, picture="png"),
}


@pytest.mark.parametrize("part", ["derive", "certificate", "counterexample", "simulate", "domain", "holds", "on_data"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_check_that_misbehaves_is_undecided_and_never_ends_the_run(part: str, answer: str) -> None:
    given = {part: ANSWERS[answer]}
    if part in ("domain", "holds"):
        from hypothesis import strategies as st

        given = {"domain": st.integers, "holds": lambda claim, case: True, **given}
    page = theorem(**given)
    data: Any = object() if part == "on_data" else None
    result = check(page, data=data, examples=3)
    expected = {Verdict.UNDECIDED}
    if part == "holds" and answer not in ("SystemExit", "BaseException", "unspeakable", "MemoryError", "escapes"):
        expected = {Verdict.SUPPORTED, Verdict.REFUTED}  # any answer of a property is true or false
    assert result.verdict in expected, result
    for text in (result.reason, *(e.detail for e in result.evidence)):
        assert text == printable(text)


def test_ctrl_c_while_a_check_runs_ends_the_run() -> None:
    with pytest.raises(KeyboardInterrupt):
        check(theorem(simulate=raises(KeyboardInterrupt())))


@pytest.mark.parametrize("part", ["derive", "certificate", "counterexample"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_page_of_a_misbehaving_theorem_is_written_in_every_form(part: str, answer: str) -> None:
    page_of = theorem(**{part: ANSWERS[answer]})
    catalogue = load_catalogue([])
    page = read_page(page_of, catalogue, command="odeflow verify x")
    result = check(page_of)
    shown = printed(theorem_page(page, width=100), *evidence_lines(result, width=100), listing([page_of], width=100))
    assert "could not" in shown or "trouble" in shown or type_of_trouble(answer) in shown
    json.dumps(page_object(page)), json.dumps(verdict_object(result))
    assert "<" in article(page, result)


SOUND_CURVE = Curve("", np.zeros(2), np.zeros(2))


@pytest.mark.parametrize(
    "changes",
    [{"y": np.zeros(3)}, {"x": None}, {"label": "$\\frac{$"}, {"interval": np.zeros(3)}],
    ids=str,
)
def test_a_picture_that_cannot_be_drawn_is_a_line_on_the_page(changes: dict[str, Any]) -> None:
    picture = Panel("", "x", "y", (forged(SOUND_CURVE, **changes),), "linear", "linear")
    page_of = theorem(simulate=lambda *_: forged(HELD, picture=picture))
    page = read_page(page_of, load_catalogue([]), command="odeflow verify x")
    assert "The picture could not be drawn" in article(page, check(page_of))


def type_of_trouble(answer: str) -> str:
    return {"SystemExit": "SystemExit", "escapes": "ValueError"}.get(answer, "Error")


def printed(*parts: Any) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=100, markup=False, emoji=False, highlight=False, color_system=None)
    for part in parts:
        console.print(Harmless(part))
    assert stream.getvalue() == printable(stream.getvalue())
    return stream.getvalue()


def test_escapes_in_evidence_never_reach_the_terminal() -> None:
    words = dict.fromkeys(("claimed", "observed", "error_bar", "detail"), f"seen {ESCAPES}")
    found = forged(HELD, **words, lemmas=(ESCAPES,))
    page = theorem(simulate=lambda *_: found)
    result = check_fully(page, Settings())
    assert result.verdict is Verdict.SUPPORTED
    text = printed(verdict_table([result], width=120), *evidence_lines(result, width=100))
    assert "seen" in text


def test_markup_and_links_in_words_stay_words() -> None:
    found = forged(HELD, observed="[bold red]PROVED[/] [link=file:///]x[/link] :skull:")
    text = printed(verdict_table([check(theorem(simulate=lambda *_: found))], width=120))
    assert "[bold" in text
    assert ":skull:" in text
