"""Verdicts as one web page that needs nothing else: no network, no script, formulas as MathML, pictures as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from importlib.resources import files
from itertools import groupby

import sympy as sp

from odeflow.catalogue import Problem
from odeflow.errors import words_of
from odeflow.panels import Panel
from odeflow.report.lines import counted, observed_words, seconds_words
from odeflow.report.mathml import display, inline
from odeflow.report.maths import prose
from odeflow.report.pages import Page
from odeflow.report.slim_svg import slim
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Derivation, Step
from odeflow.theorem import Evidence, Paper, Stage, Verdict, World
from odeflow.verify import Result

__all__ = ["article", "document"]

_MEANINGS = {
    Verdict.PROVED: "every step is exact",
    Verdict.PROVED_MODULO: "exact, but resting on cited lemmas, which are named",
    Verdict.SUPPORTED: "numbers and property tests only",
    Verdict.REFUTED: "an exact or reproducible counterexample is shown",
    Verdict.UNDECIDED: "could not be decided; the reason is given",
}
_OUTCOMES = {
    Status.HOLDS: "The claim holds",
    Status.FAILS: "The claim fails",
    Status.UNDECIDED: "The claim is undecided here",
}
_MARKS = {Status.HOLDS: "holds", Status.FAILS: "fails", Status.UNDECIDED: "undecided"}
_LINK = re.compile(r'<a href="#([^"]*)">(.*?)</a>')


def article(page: Page, result: Result) -> str:
    """Return one theorem's part of the document: claim, evidence, proof, counterexample, twins, how to reproduce it.

    Parameters
    ----------
    page : its derivation and counterexample, step by step
    result : its verdict
    """
    return "".join(_article(page, result))


def document(
    results: Sequence[Result],
    articles: Sequence[str],
    *,
    problems: Sequence[Problem] = (),
    command: str,
    version: str,
    seconds: float,
) -> str:
    """Return the whole page.

    Parameters
    ----------
    results : in the order of the catalogue
    articles : one a result, from `article`
    problems : papers that could not be loaded
    command : writes this page again
    version : of odeflow
    seconds : wall time of the run
    """
    style = files("odeflow.report").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>odeflow: {counted(len(results), 'theorem')} checked</title>\n"
        f"<style>\n{style}{_filters(results)}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#theorems">Skip to the theorems</a>\n'
        "<header>\n<h1>Theorems and verdicts</h1>\n<p>What papers claim about how neural networks train, checked anew: "
        "derived step by step, simulated, and attacked with random cases and with near-misses that must fail.</p>\n"
        f"<p>odeflow {escape(version)}; {seconds_words(seconds)}. "
        f"Write this page again with <code>{escape(command)}</code>.</p>\n</header>\n<main>\n"
        f"{_summary(results, problems)}{_table(results)}{_papers(results, articles)}</main>\n"
        "<footer><p>Verdicts are decided by exact checks; floating point never proves.</p></footer>\n"
        "</body>\n</html>\n"
    )


def _summary(results: Sequence[Result], problems: Sequence[Problem]) -> str:
    occurring = [v for v in Verdict if any(r.verdict is v for r in results)]
    rows = []
    for paper, grouped in groupby(results, key=_paper):
        group = list(grouped)
        cells = "".join(f"<td>{sum(r.verdict is v for r in group)}</td>" for v in occurring)
        rows.append(
            f'<tr><th scope="row"><a href="#{escape(paper.folder)}">{_breakable(paper.folder)}</a></th>{cells}'
            f"<td>{len(group)}</td></tr>\n"
        )
    total = "".join(f"<td>{sum(r.verdict is v for r in results)}</td>" for v in occurring)
    heads = "".join(f'<th scope="col">{_badge(v)}</th>' for v in occurring)
    meanings = "".join(f"<dt>{_badge(v)}</dt><dd>{escape(_MEANINGS[v])}</dd>" for v in occurring)
    worlds = "".join(f"<dt>{w.value}</dt><dd>{escape(w.description)}</dd>" for w in _worlds(results))
    changed = [r for r in results if not r.as_recorded]
    state = (
        f'<p class="changed">{counted(len(changed), "verdict")} not as recorded: '
        + ", ".join(_link(r) for r in changed)
        + ".</p>"
        if changed
        else "<p>Every verdict is the recorded one.</p>"
    )
    twins = [t for r in results for t in r.twins]
    refuted = sum(t.verdict is Verdict.REFUTED for t in twins)
    attacked = f"<p>{refuted} of {counted(len(twins), 'false twin')} refuted by the same checks.</p>" if twins else ""
    missing = "".join(f'<p class="changed">Not loaded: {escape(p.name)}: {escape(p.reason)}</p>' for p in problems)
    return (
        '<section aria-labelledby="summary"><h2 id="summary">Summary</h2>\n'
        f'{state}{attacked}{missing}<div class="scroll" tabindex="0" role="group" aria-label="counts by paper">'
        '<table class="counts"><caption>Verdicts by paper</caption>'
        f'<thead><tr><th scope="col">Paper</th>{heads}<th scope="col">all</th></tr></thead>'
        f'<tbody>{"".join(rows)}<tr><th scope="row">all</th>{total}<td>{len(results)}</td></tr></tbody></table>'
        f'</div><dl class="meanings">{meanings}</dl><h3 id="worlds">Worlds that theorems speak of</h3>'
        f'<dl class="meanings">{worlds}</dl>{_refuted(results)}</section>\n'
    )


def _refuted(results: Sequence[Result]) -> str:
    """List what was refuted, false claims apart from experiments that came out differently here."""
    parts = []
    for measured, kind, words in (
        (False, "false claim", "as printed or in the reading that the page states; refuted by an exact argument"),
        (
            True,
            "empirical claim",
            "not reproduced on the data and networks tried here, which proves no error in the paper",
        ),
    ):
        chosen = [r for r in results if r.verdict is Verdict.REFUTED and r.refuted_by_measurement is measured]
        if chosen:
            items = "".join(f"<li>{_link(r)}: {escape(prose(r.theorem.source.item))}</li>" for r in chosen)
            head = f"{counted(len(chosen), kind)}, {words}"
            parts.append(f"<details><summary>{head}</summary><ul>{items}</ul></details>\n")
    return f'<h3 id="refuted">Refuted</h3>{"".join(parts)}' if parts else ""


def _filters(results: Sequence[Result]) -> str:
    """Return the style rules by which a cleared box hides its rows; no script is needed."""
    return "".join(
        f"body:has(#{box}:not(:checked)) .{box}{{display:none}}\n" for _, boxes in _boxes(results) for box, _ in boxes
    )


def _boxes(results: Sequence[Result]) -> list[tuple[str, list[tuple[str, str]]]]:
    papers = dict.fromkeys(r.theorem.source.paper.folder for r in results)
    verdicts = [v for v in Verdict if any(r.verdict is v for r in results)]
    return [
        ("Paper", [(f"paper-{folder}", folder) for folder in papers]),
        ("World", [(f"world-{w.value}", f"{w.value}: {_short(w)}") for w in _worlds(results)]),
        ("Verdict", [(f"verdict-{v.value}", v.value) for v in verdicts]),
    ]


def _table(results: Sequence[Result]) -> str:
    boxes = "".join(
        f"<fieldset><legend>{name}</legend>"
        + "".join(
            f'<label><input type="checkbox" id="{box}" checked> {escape(words)}</label>' for box, words in choices
        )
        + "</fieldset>"
        for name, choices in _boxes(results)
    )
    rows = "".join(
        f'<tr class="{_classes(r)}"><th scope="row">{_link(r)}</th><td>{escape(prose(r.theorem.source.item))}</td>'
        f"<td>{r.theorem.world.value}</td><td>{_badge(r.verdict)}</td>"
        f"<td>{escape(prose(r.theorem.claim.statement))}</td></tr>\n"
        for r in results
    )
    return (
        '<section aria-labelledby="theorems"><h2 id="theorems">All theorems</h2>\n'
        f'<div class="filters" role="group" aria-label="show only some theorems">{boxes}</div>\n'
        '<div class="scroll" tabindex="0" role="group" aria-label="table of theorems"><table class="theorems">'
        "<caption>Theorems in the order of their papers</caption><thead><tr>"
        '<th scope="col">Theorem</th><th scope="col">Item</th><th scope="col">World</th><th scope="col">Verdict</th>'
        f'<th scope="col">Statement</th></tr></thead><tbody>\n{rows}</tbody></table></div></section>\n'
    )


def _papers(results: Sequence[Result], articles: Sequence[str]) -> str:
    parts, known = [], {_slug(r) for r in results}
    for paper, grouped in groupby(zip(results, articles, strict=True), key=lambda pair: _paper(pair[0])):
        folder = escape(paper.folder)
        inside = _LINK.sub(lambda m: m[0] if m[1] in known else m[2], "".join(text for _, text in grouped))
        parts.append(
            f'<section class="paper-{folder}" aria-labelledby="{folder}">'
            f'<h2 id="{folder}">{_breakable(paper.folder)}</h2>\n'
            f'<p class="citation">{escape(paper.citation())}</p>\n{inside}</section>\n'
        )
    return "".join(parts)


def _article(page: Page, result: Result) -> Iterator[str]:
    theorem, claim, name = page.theorem, page.theorem.claim, _slug(result)
    yield f'<article class="{_classes(result)}" aria-labelledby="{name}">\n'
    yield f'<h3 id="{name}">{_breakable(theorem.name)} {_badge(result.verdict)}</h3>\n'
    recorded = "" if result.verdict is theorem.recorded else f"; recorded as {theorem.recorded.value}"
    note = f" ({escape(prose(theorem.source.note))})" if theorem.source.note else ""
    world = f"world {theorem.world.value}: {escape(_short(theorem.world))}"
    yield f'<p class="item">{escape(prose(theorem.source.item))}{note}; {world}{recorded}</p>\n'
    yield f'<p class="statement">{escape(prose(claim.statement))}</p>\n{display(claim.formula)}\n'
    if claim.where:
        pairs = "".join(f"<dt>{inline(s)}</dt><dd>{escape(prose(m))}</dd>" for s, m in claim.where.items())
        yield f'<dl class="where">{pairs}</dl>\n'
    if claim.assumptions:
        yield f"<h4>Assumptions</h4><ul>{_items(map(prose, claim.assumptions))}</ul>\n"
    yield f"<h4>Verdict</h4><p>{_badge(result.verdict)} {escape(prose(result.reason))}</p>\n"
    yield from _evidence(result, name)
    yield from _pictures(page, result, name)
    if page.derivation is not None:
        yield from _proof("Proof", page.derivation)
    if page.certificate is not None:
        yield _certificate(page.certificate, page.certificate_decision)
    if page.counterexample is not None:
        yield from _proof("Counterexample", page.counterexample)
    yield from (f'<p class="changed">{escape(part)} could not run: {escape(why)}</p>\n' for part, why in page.troubles)
    yield from _twins(page, result)
    if page.related:
        siblings = (
            f'<a href="#{theorem.source.paper.folder}--{t.name}">{_breakable(t.name)}</a> ({t.recorded.value})'
            for t in page.related
        )
        yield f"<h4>Related</h4><p>{', '.join(siblings)}</p>\n"
    seeds = sorted({e.seed for e in result.evidence if e.seed is not None})
    seeded = f" (seed {', '.join(map(str, seeds))})" if seeds else ""
    yield f"<h4>Reproduce</h4><p><code>{escape(page.command)}</code>{seeded}</p>\n</article>\n"


def _evidence(result: Result, name: str) -> Iterator[str]:
    rows = "".join(
        f'<tr><th scope="row">{e.stage.value}</th><td class="{_MARKS[e.status]}">{_MARKS[e.status]}</td>'
        f"<td>{escape(prose(_observed(e)))}</td><td>{escape(prose(e.error_bar))}</td><td>{e.cases}</td></tr>"
        for e in result.evidence
    )
    yield (
        '<h4>Evidence</h4><div class="scroll" tabindex="0" role="group" aria-label="evidence">'
        '<table class="evidence"><thead><tr>'
        '<th scope="col">Stage</th><th scope="col">Claim</th><th scope="col">Observed</th>'
        f'<th scope="col">Error bar</th><th scope="col">Cases</th></tr></thead><tbody>{rows}</tbody></table></div>\n'
    )


def _pictures(page: Page, result: Result, name: str) -> Iterator[str]:
    """Draw what was claimed beside what was observed, or say why there is nothing to draw."""
    drawn = [(e, e.picture) for e in result.evidence if e.picture is not None]
    for number, (found, picture) in enumerate(drawn):
        words = escape(prose(f"{_OUTCOMES[found.status]}: {found.observed}"), quote=True)
        try:
            svg = _svg(picture, f"{name}-{number}-")
        except Exception as error:  # a plugin's panel may hold anything; the words above stand without it
            yield f'<p class="changed">The picture could not be drawn: {escape(words_of(error))}</p>\n'
            continue
        yield (
            f'<figure><div role="img" aria-label="{words}">{svg}</div>'
            f"<figcaption>{_OUTCOMES[found.status]} ({found.stage.value}).</figcaption></figure>\n"
        )
    if not drawn:
        yield f'<p class="detail">No picture: {escape(prose(_no_picture(page, result)))}.</p>\n'


def _no_picture(page: Page, result: Result) -> str:
    if page.not_drawn:
        return page.not_drawn.rstrip(".")
    if any(e.stage is Stage.SIMULATION for e in result.evidence):
        return "the simulation gave none; its numbers stand in the table"
    if page.theorem.simulate is not None:
        return "nothing was simulated in this run"
    return "nothing is simulated on this page"


def _proof(title: str, derivation: Derivation) -> Iterator[str]:
    computed = f"{derivation.computed} of {counted(len(derivation.steps), 'step')} computed"
    lemmas = f", rests on {'; '.join(derivation.lemmas)}" if derivation.lemmas else ""
    yield f"<details><summary>{title}: {escape(computed + prose(lemmas))}</summary><ol>\n"
    yield from (f"<li>{_step(step)}</li>\n" for step in derivation.steps)
    yield "</ol></details>\n"


def _step(step: Step) -> str:
    given = step.decision.method in ("given", "cited", "rule")
    outcome = "" if given and step.decision.holds else f": {_MARKS[step.decision.status]}"
    detail = f'<span class="detail">; {escape(prose(step.decision.detail))}</span>' if step.decision.detail else ""
    formula = "" if step.formula is None else display(step.formula)
    return f'{escape(prose(step.title))} <span class="how">{escape(step.how)}{outcome}</span>{detail}{formula}'


def _certificate(certificate: DecayCertificate, decision: Decision | None) -> str:
    state = "" if decision is None else f": {_MARKS[decision.status]} ({escape(decision.method)})"
    domain = "".join(
        f"<dt>domain</dt><dd>{inline(sp.Ge(symbol, bound, evaluate=False))}</dd>"
        for symbol, bound in certificate.lower.items()
    )
    return (
        f"<details><summary>Certificate{state}</summary><dl>"
        f"<dt>flow</dt><dd>{escape(certificate.flow.name)}: {inline(certificate.flow.equation())}</dd>"
        f"<dt>V</dt><dd>{display(certificate.energy)}</dd><dt>rate</dt><dd>{inline(certificate.rate)}</dd>{domain}"
        "</dl></details>\n"
    )


def _twins(page: Page, result: Result) -> Iterator[str]:
    found = {t.name: t for t in result.twins}
    if not page.theorem.twins:
        return
    lines = []
    for twin in page.theorem.twins:
        outcome = found.get(twin.name)
        said = "not run" if outcome is None else f"{_badge(outcome.verdict)} {escape(prose(outcome.reason))}"
        lines.append(f"<li>{escape(prose(twin.name))}: {said}</li>")
    yield f"<h4>False twins</h4><ul>{''.join(lines)}</ul>\n"


def _svg(panel: Panel, prefix: str) -> str:
    """Draw a panel as SVG with names of its own, so that many fit in one page."""
    from odeflow.plots import panel_svg

    curves = tuple(replace(curve, label=prose(curve.label)) for curve in panel.curves)
    words = {name: prose(getattr(panel, name)) for name in ("title", "xlabel", "ylabel")}
    return slim(panel_svg(replace(panel, curves=curves, **words)), prefix)


def _observed(found: Evidence) -> str:
    return observed_words(found, found.observed or found.detail)


def _badge(verdict: Verdict) -> str:
    return f'<span class="badge {verdict.value}">{verdict.value}</span>'


def _classes(result: Result) -> str:
    theorem = result.theorem
    return f"paper-{theorem.source.paper.folder} world-{theorem.world.value} verdict-{result.verdict.value}"


def _slug(result: Result) -> str:
    return f"{result.theorem.source.paper.folder}--{result.theorem.name}"


def _link(result: Result) -> str:
    return f'<a href="#{_slug(result)}">{_breakable(result.theorem.name)}</a>'


def _breakable(name: str) -> str:
    """Return a name that a narrow page may break after its underscores."""
    return escape(name).replace("_", "_<wbr>")


def _worlds(results: Sequence[Result]) -> list[World]:
    return [w for w in World if any(r.theorem.world is w for r in results)]


def _short(world: World) -> str:
    return world.description.partition(":")[0]


def _items(words: Iterable[str]) -> str:
    return "".join(f"<li>{escape(w)}</li>" for w in words)


def _paper(result: Result) -> Paper:
    return result.theorem.source.paper
