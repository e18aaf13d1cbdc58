"""Checks become verdicts: exact evidence decides, numbers support or refute, contradictions stay undecided."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation, assume, cite, show_less, show_violated
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.inner_products import Vector, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World
from odeflow.verify import EXAMPLES, check, check_twins, decide

X = sp.Symbol("x", positive=True)
PAPER = Paper("tiny2020_squares", "A. Author and B. Other", 2020, "On tiny things", "Tiny Results 1")


def line_below_parabola(slope: int) -> Claim:
    """True for |slope| <= 2, false at x = 1 for slope >= 3."""
    return Claim(f"{slope} x lies below 1 + x^2", sp.Le(slope * X, X**2 + 1, evaluate=False))


def derive(claim: Claim) -> Derivation:
    return Derivation((show_less("complete the square", claim.formula.lhs, claim.formula.rhs),))


def refute_at_one(claim: Claim) -> Derivation:
    return Derivation((show_violated("at x = 1", claim.formula, {X: sp.Integer(1)}),))


def holds(claim: Claim, x: float) -> bool:
    return bool(float(claim.formula.lhs.subs(X, x)) <= float(claim.formula.rhs.subs(X, x)) + 1e-12)


def simulate(claim: Claim, seed: int) -> Evidence:
    xs = np.random.default_rng(seed).uniform(0.01, 5.0, 500)
    slope = float(claim.formula.lhs.subs(X, 1))
    worst = float((slope * xs / (1.0 + xs**2)).max())
    status = Status.FAILS if worst > 1.0 else Status.HOLDS
    return Evidence(Stage.SIMULATION, status, "<= 1", f"largest ratio {worst:.6f}", "1e-15", cases=500, seed=seed)


def theorem(slope: int = 2, **fields: Any) -> Theorem:
    fields = {"recorded": Verdict.PROVED} | fields
    return Theorem("square", Source(PAPER, "Theorem 1"), World.K, line_below_parabola(slope), **fields)


def evidence(stage: Stage, status: Status, **fields: Any) -> Evidence:
    fields = {"detail": f"{stage.value} said {status.value}"} | fields
    return Evidence(stage, status, claimed="c", observed="o", error_bar="exact", **fields)


def test_a_derivation_of_the_claim_itself_proves_it() -> None:
    result = check(theorem(derive=derive))
    assert result.verdict is Verdict.PROVED
    assert result.as_recorded
    assert result.evidence[0].exact


def test_a_derivation_of_something_else_proves_nothing() -> None:
    result = check(theorem(derive=lambda claim: derive(line_below_parabola(1))))
    assert result.verdict is Verdict.UNDECIDED
    assert "concludes" in result.reason


def test_a_false_claim_is_refuted_by_its_own_derivation_with_a_witness() -> None:
    result = check(theorem(3, derive=derive))
    assert result.verdict is Verdict.REFUTED
    assert "witness x = " in result.reason
    witness = sp.Rational(result.reason.rpartition("x = ")[2])
    assert 3 * witness > witness**2 + 1


def test_a_proof_that_breaks_before_the_claim_refutes_nothing() -> None:
    def broken(claim: Claim) -> Derivation:
        return Derivation((*derive(line_below_parabola(3)).steps, *derive(claim).steps))

    result = check(theorem(derive=broken))
    assert result.verdict is Verdict.UNDECIDED


def test_a_cited_lemma_makes_it_proved_modulo_that_lemma() -> None:
    def cited(claim: Claim) -> Derivation:
        return Derivation((assume("x > 0"), cite("Lemma of Somebody (1999)"), *derive(claim).steps))

    result = check(theorem(derive=cited))
    assert result.verdict is Verdict.PROVED_MODULO
    assert result.lemmas == ("Lemma of Somebody (1999)",)
    assert "Lemma of Somebody (1999)" in result.reason


def test_numbers_and_properties_alone_only_support() -> None:
    result = check(theorem(simulate=simulate, domain=lambda: st.floats(0.01, 100.0), holds=holds))
    assert result.verdict is Verdict.SUPPORTED
    assert result.reason == f"{500 + EXAMPLES} cases, no proof"


def test_a_simulation_refutes_a_false_claim() -> None:
    result = check(theorem(3, simulate=simulate))
    assert result.verdict is Verdict.REFUTED
    assert "largest ratio 1.5" in result.reason


def test_a_property_refutes_by_a_shrunk_case_that_the_seed_reproduces() -> None:
    false = theorem(3, domain=lambda: st.integers(1, 1000).map(float), holds=holds)
    first, second = check(false, seed=7), check(false, seed=7)
    assert first.verdict is Verdict.REFUTED
    assert first.evidence == second.evidence
    assert first.evidence[0].detail in ("shrunk counterexample: 1.0", "shrunk counterexample: 2.0")
    assert first.evidence[0].seed == 7


def test_the_seed_decides_which_cases_the_property_test_draws() -> None:
    drawn: list[float] = []

    def watched(claim: Claim, x: float) -> bool:
        drawn.append(x)
        return True

    runs = []
    for seed in (7, 7, 8):
        drawn.clear()
        check(theorem(domain=lambda: st.floats(0.01, 100.0), holds=watched), seed=seed)
        runs.append(list(drawn))
    assert runs[0] == runs[1] != runs[2]


def test_the_property_test_draws_as_many_cases_as_asked() -> None:
    result = check(theorem(domain=lambda: st.floats(0.01, 100.0), holds=holds), examples=17)
    assert result.evidence[0].cases == 17


def test_the_seed_reaches_the_simulation() -> None:
    found = check(theorem(simulate=simulate), seed=5).evidence[0]
    assert found == simulate(line_below_parabola(2), 5)
    assert found != simulate(line_below_parabola(2), 6)


def test_an_exact_counterexample_refutes() -> None:
    result = check(theorem(3, counterexample=refute_at_one, recorded=Verdict.REFUTED))
    assert result.verdict is Verdict.REFUTED
    assert result.as_recorded
    assert result.evidence[0].exact


def test_a_counterexample_that_fails_leaves_the_claim_undecided() -> None:
    assert check(theorem(2, counterexample=refute_at_one)).verdict is Verdict.UNDECIDED


def test_a_counterexample_that_also_refutes_the_corrected_claim_decides_nothing() -> None:
    def always(claim: Claim) -> Derivation:
        return Derivation((show_violated("never", line_below_parabola(3).formula, {X: sp.Integer(1)}),))

    def confused(claim: Claim) -> Derivation:
        step = show_violated("at x = 1", sp.Lt(X, 0, evaluate=False), {X: sp.Integer(1)})
        return Derivation((type(step)(step.title, sp.Not(claim.formula, evaluate=False), step.kind, step.decision),))

    sound = check(theorem(3, counterexample=refute_at_one, control=line_below_parabola(2)))
    assert sound.verdict is Verdict.REFUTED
    assert [e.stage for e in sound.evidence] == [Stage.COUNTEREXAMPLE, Stage.CONTROL]
    unsound = check(theorem(3, counterexample=confused, control=line_below_parabola(2)))
    assert unsound.verdict is Verdict.UNDECIDED
    assert "corrected claim" in unsound.reason
    assert check(theorem(2, counterexample=always)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("control", "status", "words"),
    [
        (sp.Le(2 * X, X**2 + 1, evaluate=False), Status.HOLDS, "stands there: the sides are equal"),
        (sp.Implies(sp.Gt(X, 2), sp.Le(X, 0), evaluate=False), Status.HOLDS, "premise x > 2 excludes the instance"),
        (sp.Le(sp.Symbol("w"), 2, evaluate=False), Status.UNDECIDED, "speaks of other quantities than the instance: w"),
        (sp.Le(sp.Integer(0), 2, evaluate=False), Status.UNDECIDED, "speaks of other quantities"),
        (sp.Le(4 * X, X**2 + 1, evaluate=False), Status.FAILS, "refuted, too"),
    ],
    ids=["stands", "excluded", "another symbol", "no symbol", "refuted"],
)
def test_a_control_stands_only_where_the_instance_reaches_it(control: sp.Basic, status: Status, words: str) -> None:
    found = check(theorem(3, counterexample=refute_at_one, control=Claim("corrected", control)))
    (evidence_on_it,) = [e for e in found.evidence if e.stage is Stage.CONTROL]
    assert evidence_on_it.status is status
    assert words in evidence_on_it.observed
    assert found.verdict is (Verdict.UNDECIDED if status is Status.FAILS else Verdict.REFUTED)


def test_a_control_that_breaks_another_step_of_the_counterexample_is_not_tested() -> None:
    def sound_for_three_only(claim: Claim) -> Derivation:
        (slope,) = (claim.formula.lhs / X,)
        return Derivation((show_less("three", sp.Integer(3), slope), *refute_at_one(claim).steps))

    found = check(theorem(3, counterexample=sound_for_three_only, control=line_below_parabola(2)))
    assert [e.status for e in found.evidence] == [Status.FAILS, Status.UNDECIDED]
    assert "breaks another step of the counterexample: three" in found.evidence[1].observed


def test_a_failing_certificate_is_no_refutation() -> None:
    lam, mu = sp.symbols("lambda mu", positive=True)
    energy = norm2(Vector.base("Delta")) / 2

    def certificate(factor: int) -> Callable[[Claim], DecayCertificate]:
        return lambda claim: DecayCertificate(gradient_flow(), energy, factor * mu, lam, {lam: mu})

    assert check(theorem(derive=derive, certificate=certificate(2))).verdict is Verdict.PROVED
    failing = check(theorem(derive=derive, certificate=certificate(3)))
    assert failing.verdict is Verdict.UNDECIDED
    assert failing.reason.startswith("certificate")


def test_a_certificate_alone_proves_nothing() -> None:
    lam, mu = sp.symbols("lambda mu", positive=True)
    energy = norm2(Vector.base("Delta")) / 2
    result = check(theorem(certificate=lambda claim: DecayCertificate(gradient_flow(), energy, 2 * mu, lam, {lam: mu})))
    assert result.verdict is Verdict.SUPPORTED


def test_a_proof_that_a_simulation_contradicts_is_undecided() -> None:
    def lying(claim: Claim, seed: int) -> Evidence:
        return simulate(line_below_parabola(3), seed)

    result = check(theorem(derive=derive, simulate=lying))
    assert result.verdict is Verdict.UNDECIDED
    assert "contradict" in result.reason


@pytest.mark.parametrize("error", [InvalidArgumentError("a bad argument"), ZeroDivisionError("by zero")])
def test_a_check_that_raises_is_undecided_with_its_reason_and_the_others_still_run(error: Exception) -> None:
    def broken(claim: Claim, seed: int) -> Evidence:
        raise error

    result = check(theorem(derive=derive, simulate=broken, domain=lambda: st.just(1.0), holds=holds))
    assert result.verdict is Verdict.UNDECIDED
    assert str(error) in result.reason
    assert [e.stage for e in result.evidence] == [Stage.DERIVATION, Stage.SIMULATION, Stage.PROPERTY]


def test_ctrl_c_is_not_swallowed() -> None:
    def interrupted(claim: Claim, seed: int) -> Evidence:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(theorem(simulate=interrupted))


def test_a_theorem_without_checks_is_undecided() -> None:
    result = check(theorem())
    assert (result.verdict, result.reason) == (Verdict.UNDECIDED, "no check ran")
    assert isinstance(result.seconds, float)


def test_stages_run_in_order_are_announced_and_timed() -> None:
    announced: list[Stage] = []
    full = theorem(derive=derive, simulate=simulate, domain=lambda: st.floats(0.01, 9.0), holds=holds)
    result = check(full, on_stage=announced.append)
    assert announced == [Stage.DERIVATION, Stage.SIMULATION, Stage.PROPERTY]
    assert [t.stage for t in result.timings] == announced
    assert all(t.seconds >= 0.0 for t in result.timings)
    assert result.seconds == sum(t.seconds for t in result.timings)


def test_the_users_data_are_asked_only_when_there_are_some() -> None:
    asked: list[Any] = []

    def on_data(claim: Claim, data: Any) -> Evidence:
        asked.append(data)
        return evidence(Stage.DATA, Status.HOLDS)

    about = theorem(derive=derive, on_data=on_data)
    assert [e.stage for e in check(about).evidence] == [Stage.DERIVATION]
    assert asked == []


def test_twins_run_through_the_theorems_own_checks_and_are_refuted() -> None:
    twins = (
        FalseTwin("slope 3", {"claim": line_below_parabola(3)}),
        FalseTwin("slope 9", {"claim": line_below_parabola(9)}),
    )
    found = check_twins(theorem(derive=derive, twins=twins))
    assert [(t.name, t.verdict) for t in found] == [("slope 3", Verdict.REFUTED), ("slope 9", Verdict.REFUTED)]


def test_a_check_that_cannot_fail_is_found_by_a_twin() -> None:
    twin = FalseTwin("slope 3", {"claim": line_below_parabola(3)})
    blind = theorem(domain=lambda: st.floats(0.01, 9.0), holds=lambda claim, case: True, twins=(twin,))
    (found,) = check_twins(blind)
    assert found.verdict is Verdict.SUPPORTED


HOLDS, FAILS, OPEN = Status.HOLDS, Status.FAILS, Status.UNDECIDED


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], Verdict.UNDECIDED),
        ([(Stage.DERIVATION, HOLDS)], Verdict.PROVED),
        ([(Stage.DERIVATION, FAILS)], Verdict.REFUTED),
        ([(Stage.DERIVATION, OPEN)], Verdict.UNDECIDED),
        ([(Stage.DERIVATION, HOLDS), (Stage.SIMULATION, OPEN)], Verdict.UNDECIDED),
        ([(Stage.DERIVATION, HOLDS), (Stage.PROPERTY, FAILS)], Verdict.UNDECIDED),
        ([(Stage.DERIVATION, HOLDS), (Stage.DATA, FAILS)], Verdict.UNDECIDED),
        ([(Stage.DERIVATION, HOLDS), (Stage.DATA, OPEN)], Verdict.PROVED),
        ([(Stage.DERIVATION, OPEN), (Stage.PROPERTY, FAILS)], Verdict.REFUTED),
        ([(Stage.SIMULATION, HOLDS), (Stage.DATA, FAILS)], Verdict.REFUTED),
        ([(Stage.DATA, HOLDS)], Verdict.UNDECIDED),
        ([(Stage.COUNTEREXAMPLE, FAILS), (Stage.CONTROL, HOLDS)], Verdict.REFUTED),
        ([(Stage.COUNTEREXAMPLE, FAILS), (Stage.CONTROL, OPEN)], Verdict.REFUTED),
        ([(Stage.COUNTEREXAMPLE, FAILS), (Stage.CONTROL, FAILS)], Verdict.UNDECIDED),
        ([(Stage.COUNTEREXAMPLE, OPEN), (Stage.CONTROL, OPEN)], Verdict.UNDECIDED),
        ([(Stage.SIMULATION, HOLDS), (Stage.PROPERTY, HOLDS)], Verdict.SUPPORTED),
    ],
)
def test_evidence_is_weighed(found: list[tuple[Stage, Status]], verdict: Verdict) -> None:
    decided, reason = decide([evidence(stage, status) for stage, status in found])
    assert decided is verdict
    assert reason


def test_only_a_derivation_that_holds_proves() -> None:
    stages = [s for s in Stage if s is not Stage.DERIVATION]
    for combination in itertools.combinations(stages, 3):
        verdict, _ = decide([evidence(stage, HOLDS) for stage in combination])
        assert verdict not in (Verdict.PROVED, Verdict.PROVED_MODULO)


def test_undecided_evidence_is_never_green() -> None:
    for stage in Stage:
        if stage is Stage.DATA:
            continue  # what the data leave open says nothing about the claim
        verdict, _ = decide([evidence(Stage.DERIVATION, HOLDS), evidence(stage, OPEN)])
        assert verdict is Verdict.UNDECIDED
