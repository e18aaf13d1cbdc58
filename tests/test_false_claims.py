"""Energies that are almost proofs: what other tools accept within tolerance is never PROVED here, and the truth is."""

from __future__ import annotations

import importlib.util
import math
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("clarabel")

EPSILONS = [Fraction(1, 100), Fraction(1, 10**6), Fraction(1, 10**10)]


@pytest.fixture(scope="module")
def table() -> ModuleType:
    path = Path(__file__).resolve().parent / "benchmarks" / "false_claims.py"
    spec = importlib.util.spec_from_file_location("false_claims", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["false_claims"] = module
    spec.loader.exec_module(module)
    return module


def test_every_false_claim_is_false_by_an_exact_witness_and_accepted_by_nobody(table: ModuleType) -> None:
    for claim in table.claims(EPSILONS):
        found = table.judged(claim)
        assert found["verdict"] != "PROVED", claim
        assert found["accepted"] == 0, claim
        assert found["witness"], claim


def test_the_same_claims_without_the_excess_are_proved_and_have_no_witness(table: ModuleType) -> None:
    for claim in table.claims([Fraction(0)]):
        found = table.judged(claim)
        assert found["verdict"] == "PROVED", claim
        assert found["accepted"] > 0, claim
        assert not found["witness"], claim
        assert found["margin"] > table.ACCEPTED_MARGIN, claim


def test_floating_point_cannot_tell_some_of_them_from_the_truth(table: ModuleType) -> None:
    margins = [table.in_floating_point(claim) for claim in table.claims([Fraction(1, 10**10)])]
    assert any(margin > table.ACCEPTED_MARGIN for margin in margins)
    assert all(math.isfinite(margin) for margin in margins)


def test_the_witness_by_hand_is_checked_and_fails_for_the_truth(table: ModuleType) -> None:
    (claim,) = (c for c in table.claims([Fraction(1, 10**10)]) if c.family is table.FAMILIES[1])
    witness = table.by_hand(claim)
    arguments = (claim.flow, claim.known, claim.kind)
    assert witness.check(*arguments, claim.energy_f, claim.energy_matrix)
    assert not witness.check(*arguments, Fraction(1), claim.energy_matrix)  # V without the excess is a proof
