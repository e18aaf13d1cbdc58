"""The vocabulary of theorems: claims evaluate, twins run through the same checks, half a property is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World

T, R = sp.symbols("t r", positive=True)
START = sp.Function("L")(0)
LOSS = sp.Function("L")(T)
X = sp.Symbol("x", positive=True)
PAPER = Paper("tiny2020_squares", "A. Author and B. Other", 2020, "On tiny things", "Tiny Results 1")
ROUNDING = 1e-14  # one exp and two products in floats


def decay(rate: sp.Expr) -> Claim:
    return Claim("decays", sp.Le(LOSS, sp.exp(-rate * T) * START, evaluate=False))


def line_below_parabola(slope: int) -> Claim:
    return Claim(f"{slope} x lies below 1 + x^2", sp.Le(slope * X, X**2 + 1, evaluate=False))


def derive(claim: Claim) -> Derivation:
    return Derivation((show_less("complete the square", claim.formula.lhs, claim.formula.rhs),))


def theorem(**changes: object) -> Theorem:
    fields: dict[str, object] = {
        "name": "square",
        "source": Source(PAPER, "Theorem 1"),
        "world": World.K,
        "claim": line_below_parabola(2),
        "recorded": Verdict.PROVED,
        "derive": derive,
    }
    return Theorem(**(fields | changes))  # type: ignore[arg-type]


@given(st.floats(0.0, 20.0), st.floats(0.0, 3.0), st.floats(0.0, 100.0))
def test_a_claim_evaluates_its_right_hand_side(t: float, r: float, start: float) -> None:
    value = decay(R).bound({T: t, R: r, START: start})
    assert float(value) == pytest.approx(start * np.exp(-r * t), rel=ROUNDING, abs=0.0)


def test_a_bound_broadcasts_over_times_and_problems() -> None:
    times, starts = np.linspace(0.1, 2.0, 5), np.array([[1.0], [3.0]])
    values = decay(R).bound({T: times, R: 0.5, START: starts})
    assert values.shape == (2, 5)
    np.testing.assert_allclose(values, starts * np.exp(-0.5 * times), rtol=ROUNDING)


def test_a_claim_that_is_no_relation_has_no_bound() -> None:
    with pytest.raises(InvalidArgumentError, match="right-hand side"):
        Claim("words only", sp.true).bound({})


def test_latex_comes_from_the_formula() -> None:
    assert decay(R).latex == r"L{\left(t \right)} \leq L{\left(0 \right)} e^{- r t}"


@pytest.mark.parametrize("half", [{"domain": lambda: st.just(1)}, {"holds": lambda claim, case: True}])
def test_half_a_property_is_refused(half: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"square .*both `domain` and `holds`"):
        theorem(**half)


def test_a_theorem_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        theorem().recorded = Verdict.REFUTED  # type: ignore[misc]


def test_an_id_is_the_folder_and_the_name() -> None:
    assert theorem().id == "tiny2020_squares/square"


def test_a_twin_keeps_the_checks_and_drops_what_belongs_to_the_original() -> None:
    original = theorem(
        control=line_below_parabola(1),
        on_data=lambda claim, data: Evidence(Stage.DATA, Status.HOLDS, "", "", "exact"),
        twins=(FalseTwin("slope 3", {"claim": line_below_parabola(3)}),),
    )
    twin = original.twins[0].of(original)
    assert twin.claim == line_below_parabola(3)
    assert twin.derive is original.derive
    assert twin.recorded is Verdict.REFUTED
    assert (twin.twins, twin.control, twin.on_data) == ((), None, None)
    assert twin.id == "tiny2020_squares/square~slope 3"
    assert original.claim == line_below_parabola(2)


def test_a_twin_may_bring_its_own_control() -> None:
    original = theorem(control=line_below_parabola(1))
    assert FalseTwin("other control", {"control": line_below_parabola(0)}).of(original).control == line_below_parabola(
        0
    )


def test_only_evidence_without_floats_is_exact() -> None:
    exact = Evidence(Stage.DERIVATION, Status.HOLDS, "x", "y", "exact")
    assert exact.exact
    assert not dataclasses.replace(exact, error_bar="1e-9").exact


def test_a_citation_names_everything() -> None:
    assert PAPER.citation() == "A. Author and B. Other (2020). On tiny things. Tiny Results 1."


def test_a_citation_leaves_out_what_is_empty() -> None:
    assert dataclasses.replace(PAPER, venue="").citation() == "A. Author and B. Other (2020). On tiny things."


def test_every_world_is_described() -> None:
    assert all(world.description for world in World)
    assert len({world.description for world in World}) == len(World)
