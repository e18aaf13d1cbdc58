"""Run a theorem's checks and return one verdict.

Exact evidence decides: a derivation that proves the claim's own formula, or an exact counterexample. Simulations and
properties can support a claim or refute it by a reproducible case; they never prove. Evidence that contradicts itself
is UNDECIDED, and says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from odeflow.errors import OdeflowError, printable, words_of
from odeflow.markup import table
from odeflow.panels import Panel
from odeflow.prose import prose
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Derivation, negation
from odeflow.symbolic.instances import decide_at
from odeflow.symbolic.plain_words import assignments, in_words
from odeflow.theorem import Evidence, Stage, Theorem, Verdict

if TYPE_CHECKING:
    from odeflow.data_case import DataCase

__all__ = ["Result", "Settings", "Timing", "TwinResult", "check", "check_fully", "check_twins", "decide", "is_exact"]

_ARRAY = re.compile(r"\barray\((\[[^()]*\])(?:, [^()]*)?\)")
_WHOLE = re.compile(r"(?<![.\d])(\d+)\.(?=[,\]])")
EXAMPLES = 40
"""Cases per property in a normal run; the tests' `thorough` profile asks for more."""


@dataclass(frozen=True)
class Settings:
    """How theorems are to be checked.

    Attributes
    ----------
    seed : seed of simulations and property tests
    examples : how many cases a property test draws
    twins : whether the false twins run as well
    exact_only : whether only derivations, certificates and counterexamples run
    """

    seed: int = 0
    examples: int = EXAMPLES
    twins: bool = False
    exact_only: bool = False


@dataclass(frozen=True)
class Timing:
    """Seconds spent in one stage of one theorem."""

    stage: Stage
    seconds: float


@dataclass(frozen=True)
class TwinResult:
    """What became of a false twin; anything but REFUTED is a defect of the theorem's checks."""

    name: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Result:
    """The verdict on one theorem, with everything behind it.

    Attributes
    ----------
    theorem : what was checked
    verdict, reason : the outcome and, in a sentence, why
    evidence : in the order of the stages
    lemmas : cited lemmas that a PROVED_MODULO rests on
    twins : empty unless they were run
    timings : seconds per stage
    twin_seconds : seconds spent on the twins
    """

    theorem: Theorem
    verdict: Verdict
    reason: str
    evidence: tuple[Evidence, ...]
    lemmas: tuple[str, ...] = ()
    twins: tuple[TwinResult, ...] = ()
    timings: tuple[Timing, ...] = ()
    twin_seconds: float = 0.0

    def fields(self) -> dict[str, Any]:
        """Return everything but the theorem: words and numbers, which can be sent from one process to another."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "theorem"}

    @property
    def seconds(self) -> float:
        """Time spent on this theorem, twins left out."""
        return sum((t.seconds for t in self.timings), 0.0)

    def _repr_html_(self) -> str:
        rows = [
            (e.stage.value, e.status.value, prose(e.observed), prose(e.error_bar), str(e.cases)) for e in self.evidence
        ]
        rows += [("false twin", t.verdict.value, prose(t.name), "", "") for t in self.twins]
        verdict = f"<p><strong>{self.verdict.value}</strong>: {escape(prose(self.reason))}</p>"
        heads = ("stage", "claim", "observed", "error bar", "cases")
        return f"{self.theorem._repr_html_()}{verdict}{table(rows, heads=heads)}"

    @property
    def refuted_by_measurement(self) -> bool:
        """Whether no exact argument stands behind a refutation: it speaks of the data and networks that were tried."""
        exact = any(e.exact and e.status is Status.FAILS for e in self.evidence)
        return self.verdict is Verdict.REFUTED and not exact

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the recorded one and every twin that was run was refuted."""
        return self.verdict is self.theorem.recorded and all(t.verdict is Verdict.REFUTED for t in self.twins)


def check(
    theorem: Theorem,
    *,
    seed: int = 0,
    examples: int = EXAMPLES,
    data: DataCase | None = None,
    exact_only: bool = False,
    on_stage: Callable[[Stage], None] | None = None,
) -> Result:
    """Run every check that `theorem` has and decide its verdict.

    Parameters
    ----------
    theorem : Theorem
    seed : seed of the simulation and of the property test
    examples : how many cases the property test draws
    data : the user's data; adds the theorem's findings about it
    exact_only : leave out simulation, property test and data
    on_stage : called with each stage before it runs

    Returns
    -------
    Result
        A check that raises is UNDECIDED evidence with the error as its reason, never an exception.
    """
    evidence: list[Evidence] = []
    timings: list[Timing] = []
    for stage, run in _stages(theorem, seed, examples, data):
        if exact_only and stage not in _EXACT:
            continue
        if on_stage is not None:
            on_stage(stage)
        start = time.perf_counter()
        try:
            found = _well_formed(run())
        except OdeflowError as error:
            found = _gave_up(stage, str(error))
        except KeyboardInterrupt:  # that is the user
            raise
        except BaseException as error:  # a defect of a page, be it SystemExit, must not take the others down
            found = _gave_up(stage, words_of(error))
        timings.append(Timing(stage, time.perf_counter() - start))
        evidence.append(found)
    lemmas = tuple(dict.fromkeys(lemma for e in evidence for lemma in e.lemmas))
    verdict, reason = decide(evidence)
    return Result(theorem, verdict, reason, tuple(evidence), lemmas, (), tuple(timings))


def check_fully(
    theorem: Theorem,
    settings: Settings,
    *,
    data: DataCase | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Result:
    """Run a theorem's checks and, if the settings ask for them, its false twins.

    Parameters
    ----------
    on_stage : called with what is about to run
    """
    tell = on_stage or (lambda words: None)
    result = check(
        theorem,
        seed=settings.seed,
        examples=settings.examples,
        data=data,
        exact_only=settings.exact_only,
        on_stage=lambda stage: tell(stage.value),
    )
    if not (settings.twins and theorem.twins):
        return result
    tell("false twins")
    start = time.perf_counter()
    twins = check_twins(theorem, seed=settings.seed, examples=settings.examples)
    return replace(result, twins=twins, twin_seconds=time.perf_counter() - start)


def is_exact(theorem: Theorem) -> bool:
    """Tell whether the recorded verdict rests on exact checks alone, so that they suffice to reach it again."""
    if theorem.recorded is Verdict.REFUTED:
        return theorem.counterexample is not None or theorem.derive is not None
    return theorem.recorded in (Verdict.PROVED, Verdict.PROVED_MODULO)


def check_twins(theorem: Theorem, *, seed: int = 0, examples: int = EXAMPLES) -> tuple[TwinResult, ...]:
    """Run the checks on every false twin; all of them must come out REFUTED."""
    results = []
    for twin in theorem.twins:
        changed = twin.of(theorem)
        outcome = check(changed, seed=seed, examples=examples)
        reason = outcome.reason
        if outcome.verdict is not Verdict.REFUTED and not changed.can_be_refuted:
            reason += (
                "; a derivation that fails refutes nothing, for another proof may exist: give the page `domain` and "
                "`holds`, a `counterexample` or a `simulate`"
            )
        results.append(TwinResult(twin.name, outcome.verdict, reason))
    return tuple(results)


def decide(evidence: Sequence[Evidence]) -> tuple[Verdict, str]:
    """Weigh evidence into a verdict and a one-sentence reason."""
    data_free = [e for e in evidence if e.stage is not Stage.DATA]
    proofs = [e for e in data_free if e.stage in (Stage.DERIVATION, Stage.CERTIFICATE)]
    proved = any(e.stage is Stage.DERIVATION and e.status is Status.HOLDS for e in proofs)
    against = [e for e in evidence if e.status is Status.FAILS]
    open_ = [e for e in data_free if e.status is Status.UNDECIDED]
    control = next((e for e in data_free if e.stage is Stage.CONTROL and e.status is Status.FAILS), None)
    if control is not None:
        return Verdict.UNDECIDED, f"the counterexample would also refute the corrected claim: {control.detail}"
    if against and proved:
        return Verdict.UNDECIDED, f"proof and {against[0].stage.value} contradict each other: {against[0].detail}"
    if against:
        rests = f" (rests on {'; '.join(against[0].lemmas)})" if against[0].lemmas else ""
        return Verdict.REFUTED, f"{against[0].stage.value}: {against[0].detail or against[0].observed}{rests}"
    if open_:
        return Verdict.UNDECIDED, f"{open_[0].stage.value}: {open_[0].detail}"
    lemmas = tuple(dict.fromkeys(lemma for e in proofs for lemma in e.lemmas))
    if proved and lemmas:
        return Verdict.PROVED_MODULO, f"rests on {'; '.join(lemmas)}"
    if proved:
        return Verdict.PROVED, "every step is exact"
    supporting = [e for e in data_free if e.status is Status.HOLDS]
    if supporting:
        return Verdict.SUPPORTED, f"{sum(e.cases for e in supporting)} cases, no proof"
    return Verdict.UNDECIDED, "no check ran"


_EXACT = (Stage.DERIVATION, Stage.CERTIFICATE, Stage.COUNTEREXAMPLE, Stage.CONTROL)


def _stages(
    theorem: Theorem, seed: int, examples: int, data: DataCase | None
) -> Iterator[tuple[Stage, Callable[[], Evidence]]]:
    claim = theorem.claim
    if theorem.derive is not None:
        yield Stage.DERIVATION, lambda: _derivation(theorem)
    if theorem.certificate is not None:
        yield Stage.CERTIFICATE, lambda: _certificate(theorem)
    if theorem.counterexample is not None:
        yield Stage.COUNTEREXAMPLE, lambda: _counterexample(theorem)
        if theorem.control is not None:
            yield Stage.CONTROL, lambda: _control(theorem)
    simulate = theorem.simulate
    if simulate is not None:
        yield Stage.SIMULATION, lambda: simulate(claim, seed)
    if theorem.domain is not None and theorem.holds is not None:
        yield Stage.PROPERTY, lambda: _property(theorem, seed, examples)
    on_data = theorem.on_data
    if data is not None and on_data is not None:
        yield Stage.DATA, lambda: on_data(claim, data)


def _derivation(theorem: Theorem) -> Evidence:
    assert theorem.derive is not None
    derivation = theorem.derive(theorem.claim)
    decision = derivation.judge(theorem.claim.formula)
    return Evidence(
        Stage.DERIVATION,
        decision.status,
        claimed=in_words(theorem.claim.formula),
        observed=f"{derivation.computed} of {len(derivation.steps)} steps computed",
        error_bar="exact",
        cases=derivation.computed,
        detail=_with_witness(decision.detail, decision.witness),
        lemmas=derivation.lemmas,
    )


def _certificate(theorem: Theorem) -> Evidence:
    assert theorem.certificate is not None
    certificate = theorem.certificate(theorem.claim)
    decision = certificate.check()
    # a certificate that fails shows that this V is no proof; it does not refute the claim
    status = Status.HOLDS if decision.holds else Status.UNDECIDED
    return Evidence(
        Stage.CERTIFICATE,
        status,
        claimed=f"V' + ({in_words(certificate.rate)}) V <= 0",
        observed="every sum of principal minors is >= 0" if decision.holds else "not a certificate",
        error_bar="exact",
        detail=_with_witness(decision.detail, decision.witness),
    )


def _counterexample(theorem: Theorem) -> Evidence:
    assert theorem.counterexample is not None
    derivation = theorem.counterexample(theorem.claim)
    decision = derivation.judge(negation(theorem.claim.formula))
    return Evidence(
        Stage.COUNTEREXAMPLE,
        Status.FAILS if decision.holds else Status.UNDECIDED,
        claimed=in_words(theorem.claim.formula),
        observed="false at an exact instance" if decision.holds else "not refuted",
        error_bar="exact",
        cases=derivation.computed,
        detail=f"{derivation.steps[-1].title}: {derivation.steps[-1].decision.detail}"
        if decision.holds
        else decision.detail,
        lemmas=derivation.lemmas,
    )


def _control(theorem: Theorem) -> Evidence:
    """Put the counterexample's instances into the corrected claim: it must stand at each, by computation."""
    assert theorem.counterexample is not None
    assert theorem.control is not None
    formula = theorem.control.formula
    derivation = theorem.counterexample(theorem.control)
    if derivation.judge(negation(formula)).holds:
        found = Decision(Status.FAILS, "", derivation.steps[-1].decision.detail)
    else:
        found = _at_the_instances(derivation, formula)
    words = {
        Status.HOLDS: f"it stands there: {found.detail}",
        Status.FAILS: "it is refuted, too",
        Status.UNDECIDED: f"not tested: it {found.detail}",
    }
    return Evidence(
        Stage.CONTROL,
        found.status,
        claimed=f"the same counterexample leaves standing: {in_words(formula)}",
        observed=words[found.status],
        error_bar="exact",
        detail=found.detail,
    )


def _at_the_instances(derivation: Derivation, formula: sp.Basic) -> Decision:
    """Decide a formula at every instance at which a derivation tried to violate it; the worst decides."""
    tried = [step for step in derivation.steps if step.formula == negation(formula)]
    broken = next((s.title for s in derivation.steps if s not in tried and not s.decision.holds), None)
    if broken is not None:
        return Decision(Status.UNDECIDED, "", f"breaks another step of the counterexample: {broken}")
    decisions = [decide_at(formula, dict(step.decision.witness)) for step in tried]
    if not decisions:
        return Decision(Status.UNDECIDED, "", "meets no instance of the counterexample")
    return min(decisions, key=lambda found: (Status.FAILS, Status.UNDECIDED, Status.HOLDS).index(found.status))


def _property(theorem: Theorem, seed: int, examples: int) -> Evidence:
    import hypothesis

    assert theorem.domain is not None
    assert theorem.holds is not None
    holds, claim, tried, failing = theorem.holds, theorem.claim, 0, None

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    @hypothesis.given(theorem.domain())
    def attack(case: Any) -> None:
        nonlocal tried, failing
        held = holds(claim, case)
        tried += 1  # a case that `holds` rejects by hypothesis.assume did not hold
        if not held:
            failing = case
            raise _Falsified

    try:
        attack()
    except _Falsified:
        return Evidence(
            Stage.PROPERTY,
            Status.FAILS,
            claimed="holds on every case of its domain",
            observed=f"false for {_short(failing)}",
            error_bar="one reproducible case",
            cases=tried,
            seed=seed,
            detail=f"shrunk counterexample: {_short(failing)}",
        )
    return Evidence(
        Stage.PROPERTY,
        Status.HOLDS,
        claimed="holds on every case of its domain",
        observed=f"held on {tried} cases",
        error_bar="none found false",
        cases=tried,
        seed=seed,
    )


class _Falsified(AssertionError):
    """The property is false for a case."""


def _well_formed(found: Any) -> Evidence:
    """Return evidence whose fields have their types and whose words are safe to print, or raise TypeError."""
    if not isinstance(found, Evidence):
        raise TypeError(f"expected the check to return Evidence but got {type(found).__name__}")
    given: Any = found  # the annotations are the plugin's promise, which it may break
    if not (
        isinstance(given.stage, Stage)
        and isinstance(given.status, Status)
        and isinstance(given.cases, (int, np.integer))
        and (given.seed is None or isinstance(given.seed, (int, np.integer)))
        and isinstance(given.lemmas, tuple)
        and (given.picture is None or isinstance(given.picture, Panel))
    ):
        raise TypeError("expected Evidence with fields of their types")
    words = {name: getattr(found, name) for name in ("claimed", "observed", "error_bar", "detail")}
    if not all(isinstance(text, str) for text in (*words.values(), *given.lemmas)):
        raise TypeError("expected Evidence in words")
    if all(text == printable(text) for text in (*words.values(), *found.lemmas)):
        return found
    clean: dict[str, Any] = {name: printable(text) for name, text in words.items()}
    return replace(found, **clean, lemmas=tuple(printable(lemma) for lemma in found.lemmas))


def _gave_up(stage: Stage, reason: str) -> Evidence:
    return Evidence(
        stage, Status.UNDECIDED, claimed="", observed="the check could not run", error_bar="none", detail=reason
    )


def _with_witness(detail: str, witness: Any) -> str:
    if not witness:
        return detail
    return f"{detail}; witness {assignments(witness)}"


def _short(case: Any, limit: int = 300) -> str:
    text = _ARRAY.sub(lambda m: _WHOLE.sub(r"\1", m[1].replace("[ ", "[")), " ".join(repr(case).split()))
    return text if len(text) <= limit else text[: limit - 3] + "..."
