"""The README and the documentation say what is so: tables are fresh, code runs, the site builds, offline."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
from setuptools import find_namespace_packages

from odeflow.catalogue import Catalogue, load_catalogue
from odeflow.cli import app
from odeflow.theorem import Verdict
from odeflow.verify import is_exact

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "odeflow" / "documentation"
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(SOURCES.rglob("*.md"))]
COMMAND = re.compile(r"^(?: {4}|\t)(odeflow [a-z][^\n]*)$", re.MULTILINE)
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PLACEHOLDERS = {"ID", "YOUR_CLAIM", "COMMAND"}
PLUGINS = ("polyak",)


def loaded(path: Path) -> ModuleType:
    """Load a module that no package holds."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    return loaded(ROOT / "tests" / "house" / "readme_tables.py")


def test_the_readmes_tables_are_those_of_the_catalogue(tables: ModuleType) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tables.renewed(text) == text, "run python tests/house/readme_tables.py --write"


def test_a_stale_table_is_noticed(tables: ModuleType) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    stale = re.sub(r"(\| all \| )\d+", r"\g<1>1", text)
    assert stale != text
    assert tables.renewed(stale) == text


def test_every_row_of_the_readmes_errata_is_refuted_and_has_a_reason(tables: ModuleType) -> None:
    recorded = {t.name: t.recorded for t in load_catalogue().theorems}
    assert {recorded[name] for name in tables.WHY} == {Verdict.REFUTED}
    assert all(tables.WHY.values())


def test_every_refuted_entry_says_why_and_most_name_what_holds() -> None:
    rows = loaded(SOURCES / "catalogue_tables.py")
    entries = list(rows.errata(rows.bundled(load_catalogue())))
    assert [e.theorem.id for e in entries if not e.why] == []
    assert all(right.recorded is not Verdict.REFUTED for e in entries for right in e.corrected)
    assert sum(bool(e.corrected) for e in entries) > len(entries) * 3 // 4


def test_what_only_a_measurement_contradicts_is_no_erratum() -> None:
    rows = loaded(SOURCES / "catalogue_tables.py")
    entries = list(rows.errata(rows.bundled(load_catalogue())))
    measured = {e.theorem.name for e in entries if e.measured}
    on_other_data = {e.theorem.name for e in entries if "on the diabetes data" in e.theorem.source.note}
    assert len(on_other_data) == 9
    assert on_other_data < measured
    assert not any(is_exact(e.theorem) for e in entries if e.measured)
    assert all(is_exact(e.theorem) for e in entries if not e.measured)
    page = (SOURCES / "reference" / "errata.md").read_text(encoding="utf-8")
    assert page.count("```{errata}\n") == page.count("```{errata} measured\n") == 1


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def commands() -> Iterator[Any]:
    for path in PROSE:
        for line in COMMAND.findall(path.read_text(encoding="utf-8")):
            yield pytest.param(line, id=f"{path.stem}: {line[:50]}")


@pytest.mark.parametrize("line", list(commands()))
def test_each_command_in_the_prose_is_one_that_the_program_accepts(line: str, catalogue: Catalogue) -> None:
    words = [w for w in shlex.split(line, comments=True)[1:] if w != ">"]
    if ">" in line.split():
        words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    group: Any = typer.main.get_command(app)
    command = group.commands[words[0]]
    with command.make_context("odeflow", words[1:], resilient_parsing=False) as context:
        given = context.params
    if words[0] in {"verify", "list", "show", "report"}:
        names = [given["name"]] if words[0] == "show" else given["names"] or []
        asked = [n for n in names if n not in PLACEHOLDERS and not n.startswith(PLUGINS)]
        assert catalogue.find(asked)
    if words[0] == "figure":
        assert catalogue.figures(given["paper"], given["numbers"] or [])


def test_the_python_of_each_page_runs(tmp_path: Path) -> None:
    scripts = []
    for path in PROSE:
        if blocks := BLOCK.findall(path.read_text(encoding="utf-8")):
            scripts.append(tmp_path / f"{path.parent.name}_{path.stem}.py")
            scripts[-1].write_text("\n".join(blocks), encoding="utf-8")
    assert len(scripts) >= 5
    code = "import runpy, sys\nfor path in sys.argv[1:]:\n    print(path, flush=True)\n    runpy.run_path(path)"
    command = [sys.executable, "-W", "error", "-c", code, *map(str, scripts)]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout[-1000:] + outcome.stderr


def test_plain_docstrings_become_valid_markup() -> None:
    plain = loaded(SOURCES / "plain_docstrings.py")
    given = [
        "Bound |x|_ by `2 * y`.",
        "",
        "Parameters",
        "----------",
        "x, y : (k,) coordinates,",
        "    finite",
        "",
        "Returns",
        "-------",
        "the bound",
    ]
    made = plain.to_restructured(given)
    assert "Bound \\|x\\|_ by ``2 * y``." in made
    assert made[made.index("x, y") + 1].strip() == "(k,) coordinates, finite"
    assert ":returns: the bound" in made


def test_the_documentation_is_not_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    find = project["tool"]["setuptools"]["packages"]["find"]
    packages = find_namespace_packages(str(ROOT), include=find["include"], exclude=find["exclude"])
    assert {"odeflow", "odeflow.numeric", "odeflow.report", "theory.bu2021_dynamical_view"} <= set(packages)
    assert [p for p in packages if "documentation" in p] == []
    assert "odeflow.documentation" in find_namespace_packages(str(ROOT), include=find["include"])


class Links(HTMLParser):
    """What a page loads, links to, and can be linked at."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.formulas = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.formulas += tag == "math"
        if found.get("id"):
            self.anchors.add(str(found["id"]))
        if found.get("src"):
            self.loads.append(str(found["src"]))
        if tag == "link" and found.get("rel") == "stylesheet":
            self.loads.append(str(found["href"]))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="needs the extra `docs`")
    pytest.importorskip("myst_parser", reason="needs the extra `docs`")
    pytest.importorskip("furo", reason="needs the extra `docs`")
    site = tmp_path / "site"
    command = ["-W", "--keep-going", "-b", "html", "-d", str(tmp_path / "doctrees"), str(SOURCES), str(site)]
    outcome = subprocess.run(
        [sys.executable, "-m", "sphinx", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    pages: dict[Path, Links] = {}
    for path in site.rglob("*.html"):
        pages[path.resolve()] = parser = Links()
        parser.feed(path.read_text(encoding="utf-8"))
    for path, page in pages.items():
        assert [u for u in page.loads if re.match(r"(https?:)?//", u)] == [], path
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            aim = (path.parent / target).resolve() if target else path
            if aim in pages and anchor:
                assert anchor in pages[aim].anchors, f"{path}: {link}"
            elif target:
                assert aim.exists(), f"{path}: {link}"
    for theorem in load_catalogue().theorems:
        place = site / "reference" / f"{theorem.source.paper.folder}.html"
        if place.exists():
            assert theorem.name in pages[place.resolve()].anchors
            assert pages[place.resolve()].formulas > 80
