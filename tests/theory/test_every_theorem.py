"""Every theorem of the catalogue earns its recorded verdict, and its checks refute every false twin."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from odeflow.catalogue import GROUP, load_catalogue
from odeflow.errors import OdeflowError
from odeflow.panels import MOST_POINTS
from odeflow.report.maths import one_line
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Kind
from odeflow.theorem import Stage, Theorem, Verdict
from odeflow.verify import Result, check, check_twins

CATALOGUE = load_catalogue(e for e in entry_points(group=GROUP) if e.value.startswith("theory."))
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)))
ONE_ROUTE = {
    "damping_twice_the_root": "algebra only",
    "nesterov_width_printed": "algebra only",
    "nesterov_width": "its simulation checks a step of the proof, which no twin of the claim changes",
    "loss_nonconvex": "its simulation counts other witnesses of the same claim",
}
"""Theorems that are not refuted and whose twins only the exact route refutes, and why."""

ids = [t.id for t in CATALOGUE.theorems]


@functools.cache
def checked(theorem_id: str, seed: int) -> Result:
    (theorem,) = CATALOGUE.find([theorem_id])
    return check(theorem, seed=seed)


def test_every_paper_loads() -> None:
    assert not CATALOGUE.problems
    assert CATALOGUE.papers


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_the_verdict_is_the_recorded_one(theorem: Theorem, seed: int) -> None:
    result = checked(theorem.id, seed)
    assert result.verdict is theorem.recorded, result.reason
    found = {e.status for e in result.evidence}
    assert (Status.UNDECIDED in found) == (theorem.recorded is Verdict.UNDECIDED)
    by_stage = {e.stage: e for e in result.evidence}
    if theorem.recorded in (Verdict.PROVED, Verdict.PROVED_MODULO):
        proof = by_stage[Stage.DERIVATION]
        assert proof.exact
        assert proof.status is Status.HOLDS
        assert bool(result.lemmas) == (theorem.recorded is Verdict.PROVED_MODULO)
    if theorem.counterexample is not None and theorem.recorded is Verdict.REFUTED:
        assert by_stage[Stage.COUNTEREXAMPLE].status is Status.FAILS
        assert by_stage[Stage.CONTROL].status is Status.HOLDS, "it would refute the corrected claim too"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_every_false_twin_is_refuted(theorem: Theorem, seed: int) -> None:
    assert theorem.twins, "a theorem without a false twin"
    for twin in check_twins(theorem, seed=seed):
        assert twin.verdict is Verdict.REFUTED, f"{twin.name}: {twin.reason}"


@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_no_derivation_proves_a_false_twin(theorem: Theorem) -> None:
    for twin in theorem.twins:
        changed = twin.of(theorem)
        if changed.derive is not None and "claim" in twin.changes:
            try:
                derivation = changed.derive(changed.claim)
            except OdeflowError:
                continue  # a formula whose shapes do not fit is no proof
            assert not derivation.judge(changed.claim.formula).holds, twin.name


@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_no_float_stands_in_an_exact_argument_and_some_step_is_computed(theorem: Theorem) -> None:
    for argue in (theorem.derive, theorem.counterexample):
        if argue is None:
            continue
        argument = argue(theorem.claim)
        assert argument.computed
        assert not [s.title for s in argument.steps if s.formula is not None and s.formula.has(sp.Float)]


def relations(formula: sp.Basic) -> Iterator[sp.Basic]:
    if isinstance(formula, sp.logic.boolalg.BooleanFunction):
        for part in formula.args:
            yield from relations(part)
    else:
        yield formula


@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_no_computed_step_is_shown_with_equal_sides(theorem: Theorem) -> None:
    for argue in (theorem.derive, theorem.counterexample):
        for step in argue(theorem.claim).steps if argue is not None else ():
            if step.kind is not Kind.COMPUTED or step.formula is None:
                continue
            for shown in relations(step.formula):
                assert shown not in (sp.true, sp.false), step.title
                assert one_line(shown.lhs) != one_line(shown.rhs), f"{step.title}: {one_line(shown)}"


@pytest.mark.slow
@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_numbers_alone_refute_some_twin(theorem: Theorem) -> None:
    if theorem.recorded is Verdict.REFUTED or theorem.name in ONE_ROUTE:
        return
    failing = {e.stage for twin in theorem.twins for e in check(twin.of(theorem)).evidence if e.status is Status.FAILS}
    assert failing & {Stage.SIMULATION, Stage.PROPERTY}, "no twin shows that the numbers of this page can fail"


@pytest.mark.parametrize("theorem", CATALOGUE.theorems, ids=ids)
def test_a_simulation_draws_what_is_claimed_beside_what_is_observed_or_says_why_not(theorem: Theorem) -> None:
    drawn = [found.picture for found in checked(theorem.id, 0).evidence if found.picture is not None]
    reason = CATALOGUE.not_drawn.get(theorem.id, "")
    assert bool(drawn or reason) == (theorem.simulate is not None)
    assert not (drawn and reason), "it has a picture and a reason why it has none"
    assert not reason or len(reason.split()) > 4
    for panel in drawn:
        assert panel.title, "what is claimed"
        assert panel.xlabel
        assert panel.ylabel
        assert {curve.theory for curve in panel.curves} == {True, False}, "one side of the comparison is missing"
        for curve in panel.curves:
            assert curve.x.size == curve.y.size <= MOST_POINTS
            assert np.isfinite(curve.y).any(), f"{curve.label} is empty"


def test_reasons_against_a_picture_are_given_for_pages_that_exist() -> None:
    assert set(CATALOGUE.not_drawn) <= set(ids)


def test_related_theorems_exist() -> None:
    names = {t.source.paper.folder: set() for t in CATALOGUE.theorems}
    for theorem in CATALOGUE.theorems:
        names[theorem.source.paper.folder].add(theorem.name)
    for theorem in CATALOGUE.theorems:
        missing = set(theorem.related) - names[theorem.source.paper.folder]
        assert not missing, f"{theorem.id} names {missing}"


def test_every_page_is_listed_under_its_own_name() -> None:
    root = Path(__file__).resolve().parents[2] / "theory"
    for paper in CATALOGUE.papers:
        listed = {t.name for t in CATALOGUE.theorems if t.source.paper.folder == paper.folder}
        modules = {p.stem for p in (root / paper.folder).glob("*.py") if not p.stem.startswith("_")}
        pages = modules - {"figures", "notation"}
        assert pages == listed
