"""A theorem's page tells everything a reader must see to judge it, and what could not be told."""

from __future__ import annotations

import io
import json

import pytest
import sympy as sp
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from odeflow.report.as_json import dump_one, page_object
from odeflow.report.as_latex import page_latex
from odeflow.report.pages import Page, listing, theorem_page
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.derivations import Derivation, assume, cite, infer, show_less
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.inner_products import Vector, norm2
from odeflow.theorem import Claim, FalseTwin, Paper, Source, Theorem, Verdict, World

T, MU, LAM = sp.symbols("t mu lambda", positive=True)
LOSS, START = sp.Function("L")(T), sp.Function("L")(0)
PAPER = Paper("tiny2020_decay", "A. Author", 2020, "On 100% & more_things", "Tiny Results 1")
CLAIM = Claim(
    "Gradient flow's loss decays at rate 2 mu.",
    sp.Le(LOSS, sp.exp(-2 * MU * T) * START, evaluate=False),
    ("H is symmetric with H >= mu I",),
    {MU: "lower bound of the spectrum"},
)
FALSE = show_less("a false step", sp.Integer(3) * MU, sp.Integer(2) * MU)
CERTIFICATE = DecayCertificate(gradient_flow(), norm2(Vector.base("Delta")) / 2, 2 * MU, LAM, {LAM: MU})


@pytest.fixture
def page() -> Page:
    theorem = Theorem(
        "gradient_rate",
        Source(PAPER, "Theorem 2 & (3)", note="as printed: mu^2"),
        World.K,
        CLAIM,
        Verdict.PROVED_MODULO,
        derive=lambda claim: Derivation(()),
        domain=st.integers,
        holds=lambda claim, case: True,
        twins=(FalseTwin("rate 3 mu", {}),),
        related=("sharper", "missing"),
    )
    steps = (
        assume("H >= mu I"),
        cite("Gronwall (1919)"),
        CERTIFICATE.decay(),
        FALSE,
        infer("what follows from it", CLAIM.formula, from_=[FALSE]),
    )
    sharper = Theorem("sharper", Source(PAPER, "(4)"), World.K, CLAIM, Verdict.PROVED)
    return Page(
        theorem=theorem,
        derivation=Derivation(steps),
        certificate=CERTIFICATE,
        certificate_decision=CERTIFICATE.check(),
        counterexample=None,
        troubles=(("counterexample", "ValueError: [no] luck"),),
        related=(sharper,),
        command="odeflow verify tiny2020_decay/gradient_rate --twins",
    )


def rendered(what: RenderableType, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False, highlight=False).print(what)
    return out.getvalue()


@pytest.mark.parametrize("width", [50, 80, 140])
def test_a_page_has_everything_and_fits(page: Page, width: int) -> None:
    text = rendered(theorem_page(page, width=width), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    flat = " ".join(text.split())
    for words in (
        "tiny2020_decay/gradient_rate PROVED_MODULO (recorded)",
        "μ lower bound of the spectrum",
        "assuming H is symmetric with H ≥ μ I",
        "note as printed: μ²",
        "frozen kernel",
        "checks derivation, property test",
        "could not run counterexample: ValueError: [no] luck",
        "rests on Gronwall (1919)",
        "1. H ≥ μ I hypothesis",
        "2. Gronwall (1919) cited lemma",
        "computed by principal minors: holds",
        "4. a false step",
        "FAILS",
        "5. what follows from it inference rule by rule: undecided",
        "Certificate principal minors on every eigenmode: holds",
        "flow gradient flow: grad L(w(t)) + w′(t) = 0",
        "V ‖Δ‖²/2",
        "rate 2 μ",
        "domain λ ≥ μ",
        "rate 3 μ",
        "sharper: PROVED: Gradient flow's loss decays at rate 2 μ.",
        "missing: not in the catalogue",
        "On 100% & more_things",
        page.command,
    ):
        assert words in flat, words


def test_the_formula_is_stacked(page: Page) -> None:
    text = rendered(theorem_page(page, width=80), 80)
    assert "                -2⋅μ⋅t\n    L(t) ≤ L(0)⋅ℯ\n" in text


def test_the_page_is_valid_json(page: Page) -> None:
    described = json.loads(dump_one(page_object(page)))
    assert [s["status"] for s in described["derivation"]] == ["holds", "holds", "holds", "fails", "undecided"]
    assert [s["kind"] for s in described["derivation"]] == [
        "hypothesis",
        "cited lemma",
        "computed",
        "computed",
        "inference rule",
    ]
    assert described["derivation"][3]["witness"] == {"mu": "1"}
    assert described["certificate"]["status"] == "holds"
    assert described["certificate"]["domain"] == {"lambda": "mu"}
    assert described["troubles"] == [{"part": "counterexample", "reason": "ValueError: [no] luck"}]


def test_latex_escapes_words_and_balances_environments(page: Page) -> None:
    text = page_latex(page)
    assert r"\begin{theorem}[Theorem 2 \& (3)]" in text
    assert "H $>$= mu I" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert text.count(r"\[") == text.count(r"\]") == 4
    assert "a false step (computed: fails)" in text
    assert all(line.startswith("%") for line in text.splitlines() if "100%" in line)


def test_a_listing_has_name_world_item_verdict_and_statement(page: Page) -> None:
    text = rendered(listing([page.theorem, *page.related], width=80), 80)
    assert "gradient_rate · K · Theorem 2 & (3)" in text
    assert text.count("Gradient flow's loss decays at rate 2 μ.") == 2
    assert "2 theorems with recorded verdicts" in text
    assert rendered(listing([], width=80), 80).startswith("0 theorems")
