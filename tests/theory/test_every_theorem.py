"""Every theorem of the catalogue earns its recorded verdict, and its checks refute every false twin."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from odeflow.catalogue import GROUP, load_catalogue
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Stage, Theorem, Verdict
from odeflow.verify import check, check_twins

CATALOGUE = load_catalogue(e for e in entry_points(group=GROUP) if e.value.startswith("theory."))
ids = [t.id for t in CATALOGUE.theorems]


def test_every_paper_loads() -> None:
    assert not CATALOGUE.problems
    assert CATALOGUE.papers


@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_the_verdict_is_the_recorded_one(theorem: Theorem) -> None:
    result = check(theorem)
    assert result.verdict is theorem.recorded, result.reason
    if theorem.recorded in (Verdict.PROVED, Verdict.PROVED_MODULO):
        proofs = [e for e in result.evidence if e.stage is Stage.DERIVATION]
        assert proofs
        assert all(e.exact and e.status is Status.HOLDS for e in proofs)


@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_every_false_twin_is_refuted(theorem: Theorem) -> None:
    assert theorem.twins, "a theorem without a false twin"
    for twin in check_twins(theorem):
        assert twin.verdict is Verdict.REFUTED, f"{twin.name}: {twin.reason}"


@pytest.mark.parametrize("theorem", [t for t in CATALOGUE.theorems if t.counterexample], ids=lambda t: t.name)
def test_a_refutation_leaves_the_corrected_claim_standing(theorem: Theorem) -> None:
    if theorem.recorded is not Verdict.REFUTED:
        return
    control = [e for e in check(theorem).evidence if e.stage is Stage.CONTROL]
    assert [e.status for e in control] == [Status.HOLDS], "no corrected claim to compare with"


def test_related_theorems_exist() -> None:
    names = {t.source.paper.folder: set() for t in CATALOGUE.theorems}
    for theorem in CATALOGUE.theorems:
        names[theorem.source.paper.folder].add(theorem.name)
    for theorem in CATALOGUE.theorems:
        missing = set(theorem.related) - names[theorem.source.paper.folder]
        assert not missing, f"{theorem.id} names {missing}"


def test_every_page_is_listed() -> None:
    root = Path(__file__).resolve().parents[2] / "theory"
    for paper in CATALOGUE.papers:
        listed = {t.name for t in CATALOGUE.theorems if t.source.paper.folder == paper.folder}
        pages = {p.stem for p in (root / paper.folder).glob("*.py")} - {"__init__", "figures", "notation"}
        assert pages == listed
