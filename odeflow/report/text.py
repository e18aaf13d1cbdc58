"""Verdicts as text: a table that folds to fit, what changed and why, a summary, where the time went.

Everything returned is plain `rich` text without markup, so that brackets in a claim stay brackets.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from odeflow.catalogue import Problem
from odeflow.report.maths import one_line
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Evidence, Paper, Stage, Theorem, Verdict
from odeflow.verify import Result

__all__ = [
    "WIDE",
    "changes",
    "counted",
    "evidence_words",
    "headline",
    "hypotheses_table",
    "Hypothesis",
    "labelled",
    "paper_heading",
    "problem_lines",
    "seconds_words",
    "shown_evidence",
    "summary",
    "time_table",
    "verdict_style",
    "verdict_table",
]

WIDE = 118
"""From this width on, a theorem is one row of columns; below, it is a short block of lines."""

_STYLES = {
    Verdict.PROVED: "bold green",
    Verdict.PROVED_MODULO: "green",
    Verdict.SUPPORTED: "cyan",
    Verdict.REFUTED: "red",
    Verdict.UNDECIDED: "yellow",
}
_SHOWN_FIRST = (Stage.DATA, Stage.SIMULATION, Stage.COUNTEREXAMPLE, Stage.PROPERTY, Stage.DERIVATION)
_LABEL = 12


class Hypothesis(Protocol):
    """What a report needs to know of an assumption that was held against the user's data."""

    @property
    def name(self) -> str: ...
    @property
    def holds(self) -> bool: ...
    @property
    def observed(self) -> str: ...
    @property
    def remedy(self) -> str: ...


def verdict_style(verdict: Verdict) -> str:
    """Return the colour of a verdict; only what is proved is green."""
    return _STYLES[verdict]


def seconds_words(seconds: float) -> str:
    """Write a duration.

    Examples
    --------
    >>> [seconds_words(s) for s in (0.004, 0.34, 12.34, 300.0)]
    ['0.00 s', '0.34 s', '12.3 s', '5 min 0 s']
    """
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def shown_evidence(evidence: Sequence[Evidence]) -> Evidence | None:
    """Return the finding that a table shows: the user's data, else a simulation, else what comes closest to one."""
    for stage in _SHOWN_FIRST:
        for found in evidence:
            if found.stage is stage:
                return found
    return evidence[0] if evidence else None


def evidence_words(found: Evidence) -> str:
    """Write what was observed, with its error bar and how many cases stand behind it.

    Examples
    --------
    >>> evidence_words(Evidence(Stage.SIMULATION, Status.HOLDS, "rate 2", "rate 1.99", "0.02 (95 %)", cases=64, seed=0))
    'rate 1.99 ± 0.02 (95 %); 64 cases, seed 0'
    >>> evidence_words(Evidence(Stage.DERIVATION, Status.HOLDS, "x", "3 of 5 steps computed", "exact"))
    '3 of 5 steps computed (exact)'
    """
    bar = found.error_bar
    if not bar or bar == "none":
        words = found.observed
    elif bar[0].isdigit():
        words = f"{found.observed} ± {bar}"
    else:
        words = f"{found.observed} ({bar})"
    if found.seed is not None:
        already = f"{found.cases} cases" in words
        words += f"; seed {found.seed}" if already else f"; {counted(found.cases, 'case')}, seed {found.seed}"
    return words


def counted(number: int, word: str) -> str:
    """Return `1 case`, `2 cases`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def verdict_table(results: Sequence[Result], *, width: int) -> RenderableType:
    """Return every theorem's verdict by paper: columns where there is room, short blocks of lines where there is not.

    Parameters
    ----------
    results : in the order of the catalogue
    width : of the terminal, in characters
    """
    return _columns(results) if width >= WIDE else Group(*_blocks(results, width))


def changes(
    results: Sequence[Result], *, command: Callable[[Result], str], width: int
) -> RenderableType | None:
    """Return what is not as recorded: which stage changed it, why, the witness, and how to see it again.

    Parameters
    ----------
    command : result -> the command that reproduces it
    """
    lines: list[Text] = []
    for result in results:
        theorem = result.theorem
        if result.verdict is not theorem.recorded:
            loud = "bold white on red" if result.verdict is not Verdict.UNDECIDED else "bold black on yellow"
            lines.append(Text.assemble(("CHANGED", loud), f" {theorem.id}: recorded {theorem.recorded.value}, now ", _word(result.verdict)))
            lines.extend(labelled("because", result.reason, width))
            for found in result.evidence:
                if found.status is not Status.HOLDS:
                    lines.extend(labelled(found.stage.value, _finding(found), width))
        for twin in result.twins:
            if twin.verdict is not Verdict.REFUTED:
                lines.append(
                    Text.assemble(
                        ("NOT REFUTED", "bold white on red"), f" false twin of {theorem.id}: {twin.name}: ", _word(twin.verdict)
                    )
                )
                lines.extend(labelled("because", twin.reason, width))
                lines.extend(labelled("meaning", "the theorem's checks did not notice that this claim is false", width))
        if not result.as_recorded:
            lines.extend(labelled("again", command(result), width))
            lines.append(Text())
    return Group(*lines[:-1]) if lines else None


def summary(
    results: Sequence[Result], *, problems: Sequence[Problem], seconds: float, planned: int | None = None
) -> Text:
    """Return the counts in a line or two: by verdict, as recorded, twins, time; `planned` when it was cut short."""
    counts = {v: sum(r.verdict is v for r in results) for v in Verdict}
    text = Text()
    if planned is not None and planned > len(results):
        text.append(f"Interrupted: {len(results)} of {counted(planned, 'theorem')} checked. ", "bold yellow")
    text.append(counted(len(results), "theorem") + (": " if results else ""))
    for i, (verdict, count) in enumerate((v, c) for v, c in counts.items() if c):
        text.append(", " if i else "").append(f"{count} ").append(verdict.value, verdict_style(verdict))
    same = sum(r.verdict is r.theorem.recorded for r in results)
    if results:
        text.append("; ")
        words = "all as recorded" if same == len(results) else f"{same} as recorded, {len(results) - same} CHANGED"
        text.append(words, "green" if same == len(results) else "bold red")
    twins = [t for r in results for t in r.twins]
    if twins:
        refuted = sum(t.verdict is Verdict.REFUTED for t in twins)
        said = "all refuted" if refuted == len(twins) else f"{len(twins) - refuted} NOT refuted"
        text.append("; ").append(f"{counted(len(twins), 'false twin')}, {said}", "" if refuted == len(twins) else "bold red")
    if problems:
        text.append("; ").append(f"{len(problems)} could not be loaded", "bold red")
    return text.append(f"; {seconds_words(seconds)}.")


def problem_lines(problems: Sequence[Problem], *, width: int) -> RenderableType | None:
    """Return a line for each entry point that could not be loaded."""
    lines: list[Text] = []
    for problem in problems:
        lines.append(Text.assemble(("NOT LOADED", "bold white on red"), f" {problem.name}"))
        lines.extend(labelled("because", problem.reason, width))
    return Group(*lines) if lines else None


def hypotheses_table(summary: str, hypotheses: Sequence[Hypothesis], *, width: int) -> RenderableType:
    """Return what was found about the user's data: one line an assumption, and what to do where it does not hold."""
    lines = [Text("Your data", "bold"), *labelled("", summary, width, indent=2), Text()]
    for hypothesis in hypotheses:
        word = ("holds  ", "green") if hypothesis.holds else ("FAILS  ", "bold red")
        first, *more = labelled("", f"{hypothesis.name}: {hypothesis.observed}", width - 9, indent=0)
        lines.append(Text.assemble("  ", word, first))
        lines.extend(Text(" " * 9).append_text(line) for line in more)
        if not hypothesis.holds and hypothesis.remedy:
            lines.extend(Text(" " * 9).append_text(l) for l in labelled("", hypothesis.remedy, width - 9, "yellow", indent=0))
    return Group(*lines, Text())


def time_table(spent: Sequence[tuple[str, str, float]]) -> RenderableType:
    """Return where the time went, slowest first.

    Parameters
    ----------
    spent : (what, stage, seconds)
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Where the time went", overflow="fold")
    table.add_column("Stage", overflow="fold")
    table.add_column("Seconds", justify="right", no_wrap=True)
    table.add_column("Share", justify="right", no_wrap=True)
    total = sum(seconds for _, _, seconds in spent)
    for what, stage, seconds in sorted(spent, key=lambda s: -s[2]):
        share = f"{100 * seconds / total:.0f} %" if total > 0 else ""
        table.add_row(Text(what), Text(stage), f"{seconds:.3f}", share)
    return table


def paper_heading(paper: Paper, width: int) -> list[Text]:
    """Return a paper's folder, citation and a rule."""
    lines = [Text(paper.folder, "bold")]
    lines.extend(Text(line, "dim") for line in textwrap.wrap(paper.citation(), width))
    return [*lines, Text("─" * width, "dim")]


def headline(theorem: Theorem, verdict: Text, right: str, width: int) -> list[Text]:
    """Return a theorem's first line, `name · item · world`, with a verdict and a word flush right."""
    rest = f"  {verdict.plain:<15}{right:>{max(10, len(right))}}"
    room = width - cell_len(rest)
    words = textwrap.wrap(f" · {theorem.source.item} · world {theorem.world.value}", max(room - len(theorem.name), 20))
    words = [w.strip() for w in words]
    first = f"{theorem.name} {words[0]}"
    lines = []
    if len(first) > room:  # the name alone fills the line
        first, words = theorem.name, ["", *textwrap.wrap(f"· {theorem.source.item} · world {theorem.world.value}", room - 2)]
    name, _, tail = first.partition(" ")
    line = Text.assemble((name, "bold"), " " + tail)
    line.append(" " * max(room - cell_len(line.plain), 0) + "  ").append_text(verdict)
    line.append(" " * (15 - cell_len(verdict.plain))).append(f"{right:>10}", "dim")
    lines.append(line)
    lines.extend(Text(f"  {word}") for word in words[1:])
    return lines


def labelled(label: str, words: str, width: int, style: str = "", *, indent: int | None = None) -> list[Text]:
    """Return `label  words`, wrapped to a hanging indent; with `indent`, words without a label that far in."""
    start = f"  {label:<{_LABEL}}" if indent is None else " " * indent
    room = max(width - len(start), 20)
    lines = [line for part in words.split("\n") for line in textwrap.wrap(part, room) or [""]]
    return [
        Text.assemble((start if i == 0 else " " * len(start), "dim"), (line, style)) for i, line in enumerate(lines)
    ]


def _word(verdict: Verdict) -> Text:
    return Text(verdict.value, verdict_style(verdict))


def _outcome(result: Result) -> Text:
    text = _word(result.verdict)
    return text if result.as_recorded else text.append(" !!", "bold red")


def _finding(found: Evidence) -> str:
    words = f"{found.status.value}: {evidence_words(found)}"
    return f"{words}; {found.detail}" if found.detail and found.detail not in words else words


def _notes(result: Result) -> Iterator[tuple[str, str, str]]:
    """Yield (label, words, style) of everything that stands below a theorem's first line."""
    yield "claimed", one_line(result.theorem.claim.formula), "bold"
    found = shown_evidence(result.evidence)
    if found is not None:
        label = "your data" if found.stage is Stage.DATA else "observed"
        contradicted = found.stage is Stage.DATA and found.status is not Status.HOLDS
        yield label, _finding(found) if contradicted else evidence_words(found), "bold red" if contradicted else ""
    if result.verdict is not Verdict.PROVED:
        yield "because", result.reason, ""
    if result.verdict is not result.theorem.recorded:
        yield "CHANGED", f"recorded {result.theorem.recorded.value}", "bold red"
    for twin in result.twins:
        refuted = twin.verdict is Verdict.REFUTED
        yield "false twin", f"{twin.name}: {twin.verdict.value}", "" if refuted else "bold red"


def _by_paper(results: Sequence[Result]) -> Iterator[tuple[Paper, list[Result]]]:
    for paper, group in groupby(results, key=lambda r: r.theorem.source.paper):
        yield paper, list(group)


def _blocks(results: Sequence[Result], width: int) -> Iterator[Text]:
    for paper, group in _by_paper(results):
        yield from paper_heading(paper, width)
        for result in group:
            yield from headline(result.theorem, _outcome(result), seconds_words(result.seconds), width)
            for label, words, style in _notes(result):
                yield from labelled(label, words, width, style)
            yield Text()


def _columns(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("Theorem", overflow="fold", ratio=5)
    table.add_column("Source", overflow="fold", ratio=3)
    table.add_column("W", width=1)
    table.add_column("Claimed", overflow="fold", ratio=7)
    table.add_column("Observed", overflow="fold", ratio=8)
    table.add_column("Verdict", width=16, no_wrap=True)
    table.add_column("Time", justify="right", no_wrap=True, min_width=6)
    for paper, group in _by_paper(results):
        table.add_row(Text(paper.folder, "bold"), "", "", Text(paper.citation(), "dim"), "", "", "")
        for result in group:
            theorem = result.theorem
            claim, *notes = _notes(result)
            beside = Text()
            for label, words, style in notes:
                beside.append("\n" if beside else "").append("" if label == "observed" else f"{label}: ", "dim")
                beside.append(words, style)
            table.add_row(
                Text(theorem.name),
                Text(theorem.source.item),
                theorem.world.value,
                Text(claim[1], "bold"),
                beside,
                _outcome(result),
                Text(seconds_words(result.seconds), "dim"),
            )
        table.add_section()
    return table

