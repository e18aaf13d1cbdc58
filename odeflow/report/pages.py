"""The list of theorems, and one theorem's page, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import sympy as sp
from rich.console import Group, RenderableType
from rich.text import Text

from odeflow.report.lines import (
    counted,
    evidence_words,
    headline,
    labelled,
    legend,
    paper_heading,
    paragraph,
    verdict_text,
)
from odeflow.report.maths import one_line, prose, stacked
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Derivation, Step
from odeflow.theorem import Paper, Theorem
from odeflow.verify import Result

__all__ = ["Page", "evidence_lines", "listing", "theorem_page"]

_MARKS = {
    Status.HOLDS: ("holds", "green"),
    Status.FAILS: ("FAILS", "bold red"),
    Status.UNDECIDED: ("undecided", "yellow"),
}


@dataclass(frozen=True)
class Page:
    """What a theorem's page shows.

    Attributes
    ----------
    theorem : Theorem
    derivation, counterexample : run, None where the theorem has none or where it could not run
    certificate, certificate_decision : likewise
    troubles : (part, reason) of what could not run
    related : sibling theorems that the catalogue knows
    command : reproduces the verdict
    not_drawn : why its simulation has no picture, if a reason is given
    """

    theorem: Theorem
    derivation: Derivation | None
    certificate: DecayCertificate | None
    certificate_decision: Decision | None
    counterexample: Derivation | None
    troubles: tuple[tuple[str, str], ...]
    related: tuple[Theorem, ...]
    command: str
    not_drawn: str = ""


def listing(theorems: Sequence[Theorem], *, width: int) -> RenderableType:
    """Return theorems by paper: name, item, world, recorded verdict and the claim in one sentence."""
    lines: list[Text] = []
    for paper, group in groupby(theorems, key=_paper):
        lines.extend(paper_heading(paper, width))
        for theorem in group:
            lines.extend(headline(theorem, verdict_text(theorem.recorded), "", width))
            lines.extend(paragraph(prose(theorem.claim.statement), width, "dim", indent=4))
        lines.append(Text())
    lines.extend(legend(theorems))
    lines.append(Text(f"{counted(len(theorems), 'theorem')} with recorded verdicts; `odeflow verify` checks them."))
    return Group(*lines)


def theorem_page(page: Page, *, width: int) -> RenderableType:
    """Return everything about one theorem: claim, proof step by step, certificate, counterexample, twins, citation."""
    return Group(*_page_lines(page, width))


def evidence_lines(result: Result, *, width: int) -> Iterator[Text]:
    """Yield what was found about a theorem, stage by stage, and what became of its twins."""
    yield Text.assemble(("Verdict", "bold"), "  ", verdict_text(result.verdict), f"  {prose(result.reason)}")
    for found in result.evidence:
        yield from labelled(found.stage.value, prose(evidence_words(found)), width)
    for twin in result.twins:
        yield from labelled("false twin", f"{prose(twin.name)}: {twin.verdict.value}", width)
    yield Text()


def _page_lines(page: Page, width: int) -> Iterator[Text]:
    theorem, claim = page.theorem, page.theorem.claim
    yield Text.assemble((theorem.id, "bold"), "  ", verdict_text(theorem.recorded), (" (recorded)", "dim"))
    yield Text("─" * width, "dim")
    yield from paragraph(prose(claim.statement), width)
    yield Text()
    yield from _maths(claim.formula, width, indent=4, style="bold")
    yield Text()
    for symbol, meaning in claim.where.items():
        yield from labelled(one_line(symbol), prose(meaning), width)
    for i, words in enumerate(claim.assumptions):
        yield from labelled("assuming" if i == 0 else "", prose(words), width)
    yield from labelled("source", prose(theorem.source.item), width)
    if theorem.source.note:
        yield from labelled("note", prose(theorem.source.note), width)
    yield from labelled("world", f"{theorem.world.value}, {theorem.world.description}", width)
    yield from labelled("checks", ", ".join(_checks(theorem)) or "none", width)
    for part, reason in page.troubles:
        yield from labelled("could not run", f"{part}: {reason}", width, "bold red")
    if page.derivation is not None:
        yield from _proof("Proof", page.derivation, width)
    if page.certificate is not None:
        yield from _certificate(page.certificate, page.certificate_decision, width)
    if page.counterexample is not None:
        yield from _proof("Counterexample", page.counterexample, width)
    yield from _surroundings(page, width)


def _checks(theorem: Theorem) -> Iterator[str]:
    for name, check in (
        ("derivation", theorem.derive),
        ("certificate", theorem.certificate),
        ("counterexample", theorem.counterexample),
        ("control", theorem.control),
        ("simulation", theorem.simulate),
        ("property test", theorem.holds),
        ("your data", theorem.on_data),
    ):
        if check is not None:
            yield name


def _proof(title: str, derivation: Derivation, width: int) -> Iterator[Text]:
    yield Text()
    computed = f"{derivation.computed} of {counted(len(derivation.steps), 'step')} computed"
    lemmas = f", rests on {'; '.join(derivation.lemmas)}" if derivation.lemmas else ""
    yield Text.assemble((title, "bold"), (f"  {computed}{lemmas}", "dim"))
    for number, step in enumerate(derivation.steps, start=1):
        yield from _step(number, step, width)


def _step(number: int, step: Step, width: int) -> Iterator[Text]:
    word, style = _MARKS[step.decision.status]
    given = step.decision.method in ("given", "cited", "rule")
    first, *more = paragraph(prose(step.title), width - 4)
    yield Text(f"{number:>2}. ").append_text(first)
    for line in more:
        yield Text("    ").append_text(line)
    outcome = Text("    ").append(step.how, "dim")
    if not given or not step.decision.holds:
        outcome.append(": ", "dim").append(word, style)
    yield outcome
    if step.decision.detail:
        yield from paragraph(prose(step.decision.detail), width, "dim", indent=4)
    if step.formula is not None:
        yield from _maths(step.formula, width, indent=6)


def _certificate(certificate: DecayCertificate, decision: Decision | None, width: int) -> Iterator[Text]:
    yield Text()
    heading = Text("Certificate", "bold")
    if decision is not None:
        word, style = _MARKS[decision.status]
        heading.append(f"  {decision.method}: ", "dim").append(word, style)
    yield heading
    if decision is not None and not decision.holds:
        yield from labelled("because", prose(decision.detail), width)
    yield from labelled("flow", f"{certificate.flow.name}: {one_line(certificate.flow.equation())}", width)
    yield from labelled("V", one_line(certificate.energy), width)
    yield from labelled("rate", one_line(certificate.rate), width)
    for symbol, bound in certificate.lower.items():
        yield from labelled("domain", f"{one_line(symbol)} ≥ {one_line(bound)}", width)


def _surroundings(page: Page, width: int) -> Iterator[Text]:
    theorem = page.theorem
    if theorem.twins:
        yield Text()
        yield Text.assemble(("False twins", "bold"), ("  near-misses that the same checks must refute", "dim"))
        for twin in theorem.twins:
            yield from paragraph(prose(twin.name), width, indent=4)
    if theorem.related:
        yield Text()
        yield Text("Related", "bold")
        known = {t.name: t for t in page.related}
        for name in theorem.related:
            sibling = known.get(name)
            words = f"{sibling.recorded.value}: {prose(sibling.claim.statement)}" if sibling else "not in the catalogue"
            yield from paragraph(f"{name}: {words}", width, indent=4)
    yield Text()
    yield Text("Citation", "bold")
    yield from paragraph(theorem.source.paper.citation(), width, indent=4)
    yield Text()
    yield Text("Check it", "bold")
    yield Text(f"    {page.command}")


def _maths(formula: sp.Basic, width: int, *, indent: int, style: str = "") -> Iterator[Text]:
    for line in stacked(formula, width - indent).split("\n"):
        yield Text(" " * indent).append(line, style)


def _paper(theorem: Theorem) -> Paper:
    return theorem.source.paper
