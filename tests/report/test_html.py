"""The HTML report stands alone, says everything, and survives hostile words."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from odeflow.catalogue import Catalogue, Problem, load_catalogue
from odeflow.files import write_text
from odeflow.panels import against_claim
from odeflow.reading import read_page
from odeflow.report.html import article, document
from odeflow.report.mathml import display
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World
from odeflow.verify import Result, Settings, check_fully

NAMES = ["heavy_ball_rate", "heavy_ball_strict_decay", "activation_flips_printed", "network_kernel_scaling"]
VOID = {"meta", "link", "input", "br", "hr", "img", "wbr"}


class Outline(HTMLParser):
    """Collects what the tests ask about, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.outside: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            if name == "href" and tag == "a":
                self.links.append(value or "")
            if name in ("src", "srcset", "data") or (
                name == "href" and tag != "a" and not (value or "").startswith("#")
            ):
                self.outside.append(f"{tag} {value}")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def written(catalogue: Catalogue, theorems: tuple[Theorem, ...], **options: object) -> str:
    results = [check_fully(t, Settings(examples=3, twins=True)) for t in theorems]
    parts = [article(read_page(r.theorem, catalogue, command=f"odeflow verify {r.theorem.id}"), r) for r in results]
    return document(results, parts, command="odeflow report", version="0", seconds=1.0, **options)


@pytest.fixture(scope="module")
def report() -> str:
    catalogue = load_catalogue()
    return written(catalogue, catalogue.find(NAMES))


def test_every_link_leads_somewhere_within_the_page_and_no_name_is_given_twice(report: str) -> None:
    found = Outline(report)
    assert [link for link in found.links if link[1:] not in found.ids] == []
    assert "heavy_ball_sharp_rate (PROVED)" in " ".join("".join(found.words).split()), "named, though not linked"
    assert [name for name, count in found.ids.items() if count > 1] == []


def test_it_needs_no_network_and_no_script(report: str) -> None:
    found = Outline(report)
    assert found.tags["script"] == 0
    assert found.outside == []
    assert "@import" not in report
    assert not re.search(r"url\((?!#)", report)


def test_each_theorem_has_its_parts(report: str) -> None:
    found = Outline(report)
    assert found.tags["article"] == len(NAMES)
    assert found.tags["math"] > 20
    assert found.tags["svg"] >= 1
    words = " ".join(found.words)
    for part in ("Assumptions", "Evidence", "Proof:", "Counterexample:", "False twins", "Related", "Reproduce"):
        assert part in words, part
    assert "odeflow verify bu2021_dynamical_view/heavy_ball_rate" in words
    assert "178" not in words, "counts are those of this run"


def test_words_of_a_claim_are_words_and_never_markup() -> None:
    x = sp.Symbol("x", positive=True)
    evil = '<script>alert(1)</script> & "quotes" </style>'
    paper = Paper("tiny2020", evil, 2020, evil, evil)
    claim = Claim(evil, sp.Ge(x, 0, evaluate=False), (evil,), {x: evil})

    def simulate(claim: Claim, seed: int) -> Evidence:
        picture = against_claim(np.array([1.0]), np.array([1.0]), what=evil)
        return Evidence.measured(claim, evil, contradicted=False, error_bar=evil, picture=picture)

    theorem = Theorem(
        "evil",
        Source(paper, evil, evil),
        World.K,
        claim,
        Verdict.SUPPORTED,
        simulate=simulate,
        twins=(FalseTwin(evil, {}),),
        related=(evil,),
    )
    text = written(Catalogue((paper,), (theorem,)), (theorem,), problems=(Problem(evil, evil),))
    found = Outline(text)
    assert found.tags["script"] == 0
    assert text.count("</style>") == len(re.findall(r"<style", text))


def page_without_picture(catalogue: Catalogue, *, simulated: bool) -> str:
    x = sp.Symbol("x", positive=True)
    claim, paper = Claim("x", sp.Ge(x, 0, evaluate=False)), Paper("tiny2020", "A", 2020, "T", "V")

    def simulate(claim: Claim, seed: int) -> Evidence:
        return Evidence.measured(claim, "x = 1", contradicted=False, error_bar="0")

    theorem = Theorem(
        "plain", Source(paper, "1"), World.K, claim, Verdict.SUPPORTED, simulate=simulate if simulated else None
    )
    return written(catalogue, (theorem,))


def test_a_page_without_a_picture_says_why() -> None:
    assert "No picture: nothing is simulated on this page." in page_without_picture(Catalogue((), ()), simulated=False)
    silent = page_without_picture(Catalogue((), ()), simulated=True)
    assert "No picture: the simulation gave none; its numbers stand in the table." in silent
    given = Catalogue((), (), not_drawn={"tiny2020/plain": "one number against one <number>."})
    assert "No picture: one number against one &lt;number&gt;.</p>" in page_without_picture(given, simulated=True)


def test_a_picture_says_whether_the_claim_holds(report: str) -> None:
    assert 'aria-label="The claim holds: ' in report
    assert "<figcaption>The claim holds (simulation).</figcaption>" in report
    assert report.count("<figure>") + report.count("No picture: ") == len(NAMES)


def test_what_changed_is_said_first() -> None:
    catalogue = load_catalogue()
    (theorem,) = catalogue.find(["heavy_ball_strict_decay"])
    result = Result(theorem, Verdict.UNDECIDED, "a reason", ())
    part = article(read_page(theorem, catalogue, command="c"), result)
    text = document([result], [part], command="c", version="0", seconds=1.0)
    assert "1 verdict not as recorded" in text
    assert f"recorded as {theorem.recorded.value}" in text


def test_false_claims_are_listed_apart_from_experiments_that_came_out_differently() -> None:
    catalogue = load_catalogue()
    exact, measured, held = (
        catalogue.find([name])[0] for name in ("heavy_ball_strict_decay", "depth_accelerates_l4", "heavy_ball_rate")
    )
    found = Evidence(Stage.COUNTEREXAMPLE, Status.FAILS, "c", "o", "exact")
    seen = Evidence(Stage.SIMULATION, Status.FAILS, "c", "o", "0.1 (95 %)")
    fine = Evidence(Stage.CONTROL, Status.HOLDS, "c", "o", "exact")
    results = [
        Result(exact, Verdict.REFUTED, "", (found, seen)),
        Result(measured, Verdict.REFUTED, "", (fine, seen)),
        Result(held, Verdict.PROVED, "", ()),
    ]
    assert [r.refuted_by_measurement for r in results] == [False, True, False]
    text = document(results, ["", "", ""], command="c", version="0", seconds=1.0)
    false, empirical = re.findall(r"<summary>1 (.*?)</summary><ul>(.*?)</ul>", text)
    assert false[0].startswith("false claim, as printed")
    assert empirical[0].startswith("empirical claim, not reproduced")
    assert ("--heavy_ball_strict_decay" in false[1], "--depth_accelerates_l4" in empirical[1]) == (True, True)
    assert text.count("<li>") == 2


def test_mathml_says_the_formula_in_text_as_well() -> None:
    x = sp.Symbol("x", positive=True)
    assert 'alttext="x² ≤ 1"' in display(sp.Le(x**2, 1, evaluate=False))


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    from odeflow.errors import OdeflowError

    (tmp_path / "old").mkdir()
    with pytest.raises(OdeflowError, match="it is a folder"):
        write_text(tmp_path / "old", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
