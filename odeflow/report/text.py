"""Verdicts as text: a table that folds to fit, what changed and why, a summary, where the time went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Protocol, runtime_checkable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from odeflow.catalogue import Problem
from odeflow.report.lines import (
    counted,
    evidence_words,
    headline,
    labelled,
    legend,
    observed_words,
    paper_heading,
    paragraph,
    seconds_words,
    shown_evidence,
    verdict_text,
    wrapped,
)
from odeflow.report.maths import one_line, prose
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Evidence, Paper, Stage, Verdict
from odeflow.verify import Result

__all__ = ["WIDE", "Hypothesis", "brief_table", "changes", "hypotheses_table", "summary", "time_table", "verdict_table"]

WIDE = 132
"""From this width on, a theorem is one row of columns; below, it is a short block of lines."""

LONG = 160
"""A claim whose formula takes more characters is shown by its statement; `odeflow show` has the formula."""


@runtime_checkable
class Hypothesis(Protocol):
    """What a report needs to know of an assumption that was held against the user's data."""

    @property
    def name(self) -> str:
        """What is assumed."""

    @property
    def holds(self) -> bool:
        """Whether it was found to hold."""

    @property
    def observed(self) -> str:
        """What the data show."""

    @property
    def remedy(self) -> str:
        """What to do when it does not hold."""


def verdict_table(results: Sequence[Result], *, width: int) -> RenderableType:
    """Return every theorem's verdict by paper: columns where there is room, short blocks of lines where there is not.

    Parameters
    ----------
    results : in the order of the catalogue
    width : of the terminal, in characters
    """
    parts: list[RenderableType] = []
    for paper, grouped in groupby(results, key=_paper):
        group = list(grouped)
        parts.extend(paper_heading(paper, width))
        parts.extend([_columns(group, width), Text()] if width >= WIDE else _blocks(group, width))
    return Group(*parts, *legend(r.theorem for r in results), Text())


def brief_table(results: Sequence[Result], *, width: int) -> RenderableType:
    """Return a line for each theorem: its name, world and item, the verdict and the time it took.

    Parameters
    ----------
    results : in the order of the catalogue
    width : of the terminal, in characters
    """
    lines: list[Text] = []
    for paper, group in groupby(results, key=_paper):
        lines.extend(paper_heading(paper, width))
        for result in group:
            lines.extend(headline(result.theorem, _outcome(result), seconds_words(result.seconds), width))
        lines.append(Text())
    return Group(*lines, *legend(r.theorem for r in results), Text())


def changes(results: Sequence[Result], *, command: Callable[[Result], str], width: int) -> RenderableType | None:
    """Return what is not as recorded: which stage changed it, why, the witness, and how to see it again.

    Parameters
    ----------
    command : result -> the command that reproduces it
    width : of the terminal, in characters

    Returns
    -------
    None if every verdict is the recorded one and every twin that ran was refuted.
    """
    lines = [line for result in results if not result.as_recorded for line in _change(result, command(result), width)]
    return Group(*lines) if lines else None


def summary(
    results: Sequence[Result], *, problems: Sequence[Problem], seconds: float, planned: int | None = None, width: int
) -> Text:
    """Return the counts: by verdict, as recorded, twins, time.

    Parameters
    ----------
    problems : what could not be loaded
    seconds : wall time of the whole run
    planned : how many theorems were to be checked, when that may be more than there are results
    width : of the terminal, in characters
    """
    text = Text()
    if planned is not None and planned > len(results):
        text.append(f"Interrupted: {len(results)} of {counted(planned, 'theorem')} checked. ", "bold yellow")
    text.append(counted(len(results), "theorem"))
    occurring = [v for v in Verdict if any(r.verdict is v for r in results)]
    for i, verdict in enumerate(occurring):
        text.append(", " if i else ": ").append(f"{sum(r.verdict is verdict for r in results)} ")
        text.append_text(verdict_text(verdict))
    if results:
        changed = sum(r.verdict is not r.theorem.recorded for r in results)
        words = f"{len(results) - changed} as recorded, {changed} CHANGED" if changed else "all as recorded"
        text.append("; ").append(words, "bold red" if changed else "green")
    twins = [t for r in results for t in r.twins]
    if twins:
        standing = sum(t.verdict is not Verdict.REFUTED for t in twins)
        said = f"{standing} NOT refuted" if standing else "all refuted" if len(twins) > 1 else "refuted"
        text.append("; ").append(f"{counted(len(twins), 'false twin')}, {said}", "bold red" if standing else "")
    if problems:
        text.append("; ").append(f"{len(problems)} not loaded", "bold red")
    text.append(f"; {seconds_words(seconds)}.")
    lines = text.wrap(Console(width=width), width)
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)


def hypotheses_table(description: str, hypotheses: Sequence[Hypothesis], *, width: int) -> RenderableType:
    """Return what was found about the user's data: assumption by assumption, with the remedy where one fails."""
    lines = [Text("Your data", "bold"), *paragraph(description, width, indent=2), Text("─" * width, "dim")]
    for hypothesis in hypotheses:
        word = Text("holds    " if hypothesis.holds else "FAILS    ", "green" if hypothesis.holds else "bold red")
        first, *more = paragraph(prose(f"{hypothesis.name}: {hypothesis.observed}"), width - 9)
        if not hypothesis.holds and hypothesis.remedy:
            more.extend(paragraph(prose(hypothesis.remedy), width - 9, "yellow"))
        lines.append(word.append_text(first))
        lines.extend(Text(" " * 9).append_text(line) for line in more)
    return Group(*lines, Text())


def time_table(spent: Sequence[tuple[str, str, float]], *, shown: int = 25) -> RenderableType:
    """Return where the time went, slowest first.

    Parameters
    ----------
    spent : (what, stage, seconds)
    shown : how many rows before the rest is summed up
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Where the time went", overflow="fold")
    table.add_column("Stage", no_wrap=True)
    table.add_column("Seconds", justify="right", no_wrap=True)
    table.add_column("Share", justify="right", no_wrap=True)
    total = sum(seconds for _, _, seconds in spent)
    folders = {what.split("/")[0] for what, _, _ in spent if "/" in what}
    names = {what: what.partition("/")[2] if len(folders) == 1 and "/" in what else what for what, _, _ in spent}
    ordered = sorted(spent, key=lambda row: -row[2])
    rest = ordered[shown:]
    rows = ordered[:shown] + ([(f"{len(rest)} more", "", sum(row[2] for row in rest))] if rest else [])
    for what, stage, seconds in [*rows, ("all", "", total)]:
        share = f"{100 * seconds / total:.0f} %" if total > 0 else ""
        table.add_row(Text("\n".join(_folded(names.get(what, what), 46))), Text(stage), f"{seconds:.3f}", share)
    return Group(table, Text())


def _paper(result: Result) -> Paper:
    return result.theorem.source.paper


def _outcome(result: Result) -> Text:
    text = verdict_text(result.verdict)
    return text if result.as_recorded else text.append(" !!", "bold red")


def _finding(found: Evidence) -> str:
    words = f"{found.status.value}: {evidence_words(found)}"
    return observed_words(found, words)


def _claimed(result: Result) -> str:
    formula = one_line(result.theorem.claim.formula)
    return formula if len(formula) <= LONG else prose(result.theorem.claim.statement)


def _notes(result: Result) -> Iterator[tuple[str, str, str]]:
    """Yield (label, words, style) of what stands below a theorem's claim."""
    found = shown_evidence(result.evidence)
    if found is not None and found.stage is Stage.DATA:
        if found.claimed:
            yield "promised", prose(found.claimed), ""
        contradicted = found.status is not Status.HOLDS
        words = _finding(found) if contradicted else evidence_words(found)
        yield "on your data", prose(words), "bold red" if contradicted else ""
    elif found is not None:
        yield "observed", prose(evidence_words(found)), ""
    if result.verdict is not Verdict.PROVED:
        yield "because", prose(result.reason), ""
    if result.verdict is not result.theorem.recorded:
        yield "CHANGED", f"recorded {result.theorem.recorded.value}", "bold red"
    refuted = [t.name for t in result.twins if t.verdict is Verdict.REFUTED]
    if refuted:
        yield "false twins" if len(refuted) > 1 else "false twin", prose(f"REFUTED: {'; '.join(refuted)}"), ""
    for twin in result.twins:
        if twin.verdict is not Verdict.REFUTED:
            yield "false twin", prose(f"{twin.verdict.value}: {twin.name}"), "bold red"


def _blocks(results: Sequence[Result], width: int) -> Iterator[Text]:
    for result in results:
        yield from headline(result.theorem, _outcome(result), seconds_words(result.seconds), width)
        yield from labelled("claimed", _claimed(result), width, "bold")
        for label, words, style in _notes(result):
            yield from labelled(label, words, width, style)
        yield Text()


def _columns(results: Sequence[Result], width: int) -> Table:
    """Return one paper's rows; widths depend on the terminal only, so that the papers' columns are aligned."""
    name, item, verdict, time = 32 if width >= 150 else 26, 18 if width >= 150 else 15, 16, 9
    room = width - name - item - 1 - verdict - time - 6 * 2  # padding and divider
    claimed = 2 * room // 5
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), leading=1)
    for title, columns, style in (
        ("Theorem", name, "bold"),
        ("Source", item, ""),
        ("W", 1, ""),
        ("Claimed", claimed, "bold"),
        ("Observed", room - claimed, ""),
        ("Verdict", verdict, ""),
    ):
        table.add_column(title, width=columns, overflow="fold", style=style)
    table.add_column("Time", width=time, justify="right", no_wrap=True, style="dim")
    for result in results:
        table.add_row(
            Text("\n".join(_folded(result.theorem.name, name))),
            Text(prose(result.theorem.source.item)),
            result.theorem.world.value,
            Text("\n".join(wrapped(_claimed(result), claimed))),
            Text("\n").join(_noted(*note, room - claimed) for note in _notes(result)),
            _outcome(result),
            seconds_words(result.seconds),
        )
    return table


def _noted(label: str, words: str, style: str, width: int) -> Text:
    start = "" if label == "observed" else f"{label}: "
    text = Text("\n".join(wrapped(start + words, width)), style)
    text.stylize("dim", 0, len(start))
    return text


def _folded(name: str, width: int) -> Iterator[str]:
    """Yield a name in lines that break after an underscore."""
    line = ""
    for i, word in enumerate(name.split("_")):
        piece = word if i == 0 else f"_{word}"
        if line and len(line) + len(piece) > width:
            yield line
            line = " "
        line += piece
    yield line


def _change(result: Result, command: str, width: int) -> Iterator[Text]:
    theorem = result.theorem
    if result.verdict is not theorem.recorded:
        loud = "bold black on yellow" if result.verdict is Verdict.UNDECIDED else "bold white on red"
        yield Text.assemble(
            ("CHANGED", loud), f" {theorem.id}: recorded {theorem.recorded.value}, now ", verdict_text(result.verdict)
        )
        yield from labelled("because", prose(result.reason), width)
        for found in result.evidence:
            if found.status is not Status.HOLDS:
                yield from labelled(found.stage.value, prose(_finding(found)), width)
    for twin in result.twins:
        if twin.verdict is not Verdict.REFUTED:
            yield Text.assemble(
                ("NOT REFUTED", "bold white on red"),
                f" {theorem.id}: its false twin '{twin.name}' came out ",
                verdict_text(twin.verdict),
            )
            yield from labelled("because", prose(twin.reason), width)
            yield from labelled("meaning", "the theorem's checks cannot tell it from this false claim", width)
    yield from labelled("again", command, width)
    yield Text()
