"""What the author of a theorem is told: which lines are not checked, and why a false twin is not refuted."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy as sp
from hypothesis import strategies as st

from odeflow.report.lines import observed_words
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, assume, chain, cite, decay_rate, define, gronwall, show_less
from odeflow.testing import assert_theorem
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World

T, MU = sp.symbols("t mu", positive=True)
GAP, START = (sp.Function("F", nonnegative=True)(at) for at in (T, 0))
RATIO = "largest ratio to the bound"
TUTORIAL = Path(__file__).parents[1] / "odeflow" / "documentation" / "tutorial" / "own_claim.md"


def decays_at(rate: sp.Expr) -> Claim:
    return Claim("F decays.", sp.Le(GAP, sp.exp(-rate * T) * START, evaluate=False), ("F' <= -2 mu F",))


def derive(claim: Claim) -> Derivation:
    rate = decay_rate(claim.formula.rhs, T)
    F, excess = sp.symbols("F s", nonnegative=True)
    steps = [
        assume("F' = -2 mu F - s with s >= 0"),
        show_less("F' + rate F <= 0", -2 * MU * F - excess + rate * F, sp.Integer(0)),
    ]
    bound = gronwall(steps[-1], GAP, START, rate, T)
    return Derivation((*steps, bound, chain("as claimed", claim.formula, bound.formula.rhs, from_=[*steps, bound])))


def page(**checks: object) -> Theorem:
    return Theorem(
        name="decays",
        source=Source(Paper("notes", "A. Author", 2026, "Notes", "none"), "Proposition 1"),
        world=World.N,
        claim=decays_at(2 * MU),
        recorded=Verdict.PROVED,
        derive=derive,
        twins=(FalseTwin("rate 3 mu", {"claim": decays_at(3 * MU)}),),
        **checks,
    )


def holds(claim: Claim, mu: float) -> bool:
    return float(sp.exp(-2 * mu)) <= float(claim.bound({MU: mu, T: 1.0, START: 1.0})) * (1 + 1e-9)


def test_a_twin_that_only_a_derivation_meets_is_not_refuted_and_the_message_says_what_to_add() -> None:
    with pytest.raises(AssertionError, match=r"a derivation that fails refutes nothing.*`domain` and `holds`"):
        assert_theorem(page(), examples=5)
    assert_theorem(page(domain=lambda: st.floats(0.1, 5.0), holds=holds), examples=5)


def test_a_twin_that_an_attack_meets_and_does_not_refute_is_not_told_to_attack() -> None:
    with pytest.raises(AssertionError, match="is not refuted") as told:
        assert_theorem(page(domain=lambda: st.floats(0.1, 5.0), holds=lambda claim, case: True), examples=5)
    assert "refutes nothing" not in str(told.value)


def test_what_is_not_checked_says_so_wherever_a_proof_is_shown() -> None:
    shown = derive(decays_at(2 * MU))._repr_html_()
    assert shown.count("(hypothesis, not checked)") == 1
    assert "(computed: holds)" in shown
    assert assume("V' + r V <= 0").how == "hypothesis, not checked"
    assert cite("Gronwall (1919)").how == "cited lemma, not checked"
    assert define("V").how == "definition"


def test_the_tutorial_says_which_lines_are_checked() -> None:
    words = " ".join(TUTORIAL.read_text(encoding="utf-8").split())
    assert "`assume(...)` is not checked" in words
    assert "hypothesis, not checked" in words


@pytest.mark.parametrize(
    ("observed", "detail", "said"),
    [
        (f"{RATIO} 0.7", "largest ratio 0.7 at t = 3", f"{RATIO} 0.7 at t = 3"),
        (f"{RATIO} 0.7 in 5 cases", "largest ratio 0.712345", f"{RATIO} 0.7 in 5 cases"),
        (f"a; {RATIO} 0.7 in 5", "largest ratio 0.7 at t = 3", f"a; {RATIO} 0.7 in 5; the largest at t = 3"),
        (f"{RATIO} 0.7", "largest ratio 1.2 at t = 3", f"{RATIO} 0.7; largest ratio 1.2 at t = 3"),
        ("rate 2", "on one case", "rate 2; on one case"),
        ("rate 2 on one case", "on one case", "rate 2 on one case"),
    ],
)
def test_a_number_that_was_said_is_not_said_again(observed: str, detail: str, said: str) -> None:
    found = Evidence(Stage.SIMULATION, Status.HOLDS, "", observed, "none", detail=detail)
    assert observed_words(found, observed) == said
