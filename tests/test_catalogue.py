"""Papers register through entry points; a broken one is a line in the report and never hides the others."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest
import sympy as sp

from odeflow.catalogue import GROUP, Catalogue, load_catalogue
from odeflow.errors import AmbiguousNameError, UnknownNameError
from odeflow.theorem import Claim, Paper, Source, Theorem, Verdict, World


def paper(folder: str) -> Paper:
    return Paper(folder, "A. Author", 2020, "Title", "Venue")


def theorem(folder: str, name: str) -> Theorem:
    claim = Claim("true", sp.true)
    return Theorem(name, Source(paper(folder), "Theorem 1"), World.K, claim, Verdict.UNDECIDED)


def register(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> EntryPoint:
    module = ModuleType(f"plugin_of_{name}")
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return EntryPoint(name, module.__name__, GROUP)


@pytest.fixture
def catalogue() -> Catalogue:
    folders = {
        "bu2021_view": ["heavy_ball_rate", "heavy_ball_law", "nesterov_rate"],
        "yi2022_networks": ["flips", "rate"],
    }
    theorems = tuple(theorem(folder, name) for folder, names in folders.items() for name in names)
    return Catalogue(tuple(paper(f) for f in folders), theorems)


def test_papers_are_loaded_in_the_order_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    second = register(monkeypatch, "b_1", PAPER=paper("b"), THEOREMS=[theorem("b", "two"), theorem("b", "one")])
    first = register(monkeypatch, "a_2", PAPER=paper("a"), THEOREMS=(theorem("a", "x"),))
    loaded = load_catalogue([second, first])
    assert [p.folder for p in loaded.papers] == ["a", "b"]
    assert [t.id for t in loaded.theorems] == ["a/x", "b/two", "b/one"]
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ({}, "AttributeError.*PAPER"),
        ({"PAPER": paper("b")}, "AttributeError.*THEOREMS"),
        ({"PAPER": "b", "THEOREMS": ()}, "TypeError.*PAPER must be"),
        ({"PAPER": paper("b"), "THEOREMS": ("b/x",)}, "TypeError.*THEOREMS"),
        ({"PAPER": paper("b"), "THEOREMS": (theorem("b", "x"), theorem("b", "x"))}, "ValueError.*twice: b/x"),
        ({"PAPER": paper("b"), "THEOREMS": (theorem("a", "x"),)}, "ValueError.*twice: a/x"),
        ({"PAPER": paper("b"), "THEOREMS": (), "NOT_DRAWN": {"x": "\x1b[2J"}}, "TypeError.*plain text"),
        ({"PAPER": paper("b"), "THEOREMS": (), "NOT_DRAWN": {"x": 3}}, "TypeError.*plain text"),
        ({"PAPER": paper("b"), "THEOREMS": (), "NOT_DRAWN": 3}, "TypeError"),
    ],
)
def test_a_broken_paper_is_a_problem_and_hides_nobody(
    monkeypatch: pytest.MonkeyPatch, contents: dict[str, Any], reason: str
) -> None:
    sound = register(monkeypatch, "a", PAPER=paper("a"), THEOREMS=(theorem("a", "x"),))
    also_sound = register(monkeypatch, "c", PAPER=paper("c"), THEOREMS=(theorem("c", "x"),))
    loaded = load_catalogue([sound, register(monkeypatch, "b", **contents), also_sound])
    assert [t.id for t in loaded.theorems] == ["a/x", "c/x"]
    (problem,) = loaded.problems
    assert problem.name == "b"
    assert re.search(reason, problem.reason)


def test_a_paper_says_why_a_theorem_has_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    given = register(monkeypatch, "a", PAPER=paper("a"), THEOREMS=(theorem("a", "x"),), NOT_DRAWN={"x": "two counts"})
    without = register(monkeypatch, "b", PAPER=paper("b"), THEOREMS=(theorem("b", "x"),))
    assert dict(load_catalogue([given, without]).not_drawn) == {"a/x": "two counts"}


def test_a_paper_that_cannot_be_imported_is_a_problem() -> None:
    loaded = load_catalogue([EntryPoint("ghost", "no_such_module_anywhere", GROUP)])
    assert loaded.problems[0].name == "ghost"
    assert loaded.problems[0].reason.startswith("ModuleNotFoundError")


def test_no_names_mean_every_theorem(catalogue: Catalogue) -> None:
    assert catalogue.find([]) == catalogue.theorems


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bu2021_view/nesterov_rate", ["bu2021_view/nesterov_rate"]),
        ("nesterov_rate", ["bu2021_view/nesterov_rate"]),
        ("nesterov", ["bu2021_view/nesterov_rate"]),
        ("rate", ["yi2022_networks/rate"]),
        ("yi2022_networks", ["yi2022_networks/flips", "yi2022_networks/rate"]),
        ("yi2022", ["yi2022_networks/flips", "yi2022_networks/rate"]),
        ("view/nest", ["bu2021_view/nesterov_rate"]),
        ("bu2021/nesterov_rate", ["bu2021_view/nesterov_rate"]),
        ("bu2021/law", ["bu2021_view/heavy_ball_law"]),
    ],
)
def test_names_are_full_ids_folders_or_unambiguous_parts(catalogue: Catalogue, name: str, found: list[str]) -> None:
    assert [t.id for t in catalogue.find([name])] == found


def test_found_theorems_keep_the_catalogues_order_and_come_once(catalogue: Catalogue) -> None:
    found = catalogue.find(["flips", "bu2021_view", "heavy_ball_law", "flips"])
    assert [t.name for t in found] == ["heavy_ball_rate", "heavy_ball_law", "nesterov_rate", "flips"]


@pytest.mark.parametrize("name", ["heavy_ball", "2", ""])
def test_a_name_that_fits_several_or_none_is_refused(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(UnknownNameError):
        catalogue.find([name])


def test_an_ambiguous_name_lists_what_it_fits(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError, match=r"heavy_ball_law, heavy_ball_rate \(all in bu2021_view\)"):
        catalogue.find(["heavy_ball"])


def test_of_many_names_the_rest_are_counted() -> None:
    error = AmbiguousNameError("theorems", "t", [f"t{k:02}" for k in range(40)])
    assert str(error).endswith("t28, t29 and 10 more. Pass one of them.")
    assert str(UnknownNameError("name", "x", [f"t{k:02}" for k in range(40)])).endswith("t10, t11 and 28 more.")


@pytest.mark.parametrize("name", ["bu2012", "bu2021_vew", "bu2021/nestrov_rate"])
def test_a_paper_is_suggested_by_its_short_name(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean .*(bu2021|nesterov_rate)"):
        catalogue.find([name])


def test_an_unknown_name_suggests_a_close_one(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean .*nesterov_rate") as caught:
        catalogue.find(["nestrov_rate"])
    assert "nesterov_rate" in caught.value.suggestions


def test_loading_the_papers_imports_no_library_that_only_their_simulations_need() -> None:
    code = (
        "import sys\nfrom odeflow.catalogue import load_catalogue\nassert load_catalogue().theorems\n"
        "print([m for m in ('scipy.stats', 'scipy.ndimage', 'matplotlib', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
