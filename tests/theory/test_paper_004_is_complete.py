"""Nothing numbered in paper 004 is missing from the catalogue, and every page belongs to an item of the paper.

The lists below were made from the paper's text (equation tags, theorems, lemmas, figures) and from the claims audit,
independently of the catalogue.
"""

from __future__ import annotations

from theory.bu2021_dynamical_view import ITEMS, NOT_CHECKABLE, THEOREMS
from theory.bu2021_dynamical_view.figures import FIGURES

EQUATIONS = [
    *(f"(2.{k})" for k in range(1, 7)),
    *(f"(3.{k})" for k in range(1, 8)),
    *(f"(4.{k})" for k in range(1, 8)),
    "(5.1)",
]
STATEMENTS = [
    "Remark 2.1",
    "Fact 2.2",
    *(f"Theorem {k}" for k in (1, 2, 3)),
    *(f"Lemma 3.{k}" for k in (1, 2, 3, 4)),
    *(f"Lemma 4.{k}" for k in (1, 2)),
    *(f"Footnote {k}" for k in (1, 2)),
    *(f"Appendix {letter}" for letter in "ACD"),
]


def test_every_numbered_item_is_decided_or_named_as_not_checkable() -> None:
    missing = [item for item in (*EQUATIONS, *STATEMENTS) if item not in ITEMS and item not in NOT_CHECKABLE]
    assert not missing


def test_every_figure_is_a_scenario() -> None:
    assert [scenario.number for scenario in FIGURES] == ["1", "2", "3", "4"]


def test_items_name_theorems_that_exist_and_every_theorem_has_an_item() -> None:
    names = {theorem.name for theorem in THEOREMS}
    named = {name for listed in ITEMS.values() for name in listed}
    assert named - names == set()
    assert names - named == set()


def test_reasons_are_given_in_words() -> None:
    assert all(len(reason.split()) > 4 for reason in NOT_CHECKABLE.values())
    assert not set(ITEMS) & set(NOT_CHECKABLE)


def test_a_claim_printed_wrongly_has_a_corrected_sibling() -> None:
    by_name = {theorem.name: theorem for theorem in THEOREMS}
    for theorem in THEOREMS:
        if theorem.recorded.value == "REFUTED":
            siblings = [by_name[name].recorded.value for name in theorem.related if name in by_name]
            assert any(verdict != "REFUTED" for verdict in siblings), theorem.name
