"""The bricks of every text report: headings, hanging indents, how a verdict, a finding and a duration are written.

Everything is `rich` text without markup, so that brackets in a claim stay brackets, and already wrapped, so that pipes
get no trailing blanks.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from odeflow.catalogue import Problem
from odeflow.errors import printable
from odeflow.report.maths import prose
from odeflow.theorem import Evidence, Paper, Stage, Theorem, Verdict, World

__all__ = [
    "Harmless",
    "counted",
    "evidence_words",
    "headline",
    "labelled",
    "legend",
    "observed_words",
    "paper_heading",
    "paragraph",
    "problem_lines",
    "seconds_words",
    "shown_evidence",
    "verdict_text",
    "wrapped",
]

_STYLES = {
    Verdict.PROVED: "bold green",
    Verdict.PROVED_MODULO: "green",
    Verdict.SUPPORTED: "cyan",
    Verdict.REFUTED: "red",
    Verdict.UNDECIDED: "yellow",
}
_SHOWN_FIRST = (Stage.DATA, Stage.SIMULATION, Stage.COUNTEREXAMPLE, Stage.PROPERTY, Stage.DERIVATION)
_LABEL_WIDTH = 14
_VERDICT_WIDTH = 16
_TOGETHER = re.compile(r"\^\([^()]*\)|⟨[^⟩]*⟩")
_A_NUMBER = re.compile(r"[0-9.]+(e[+-]?[0-9]+)?(?= \(| of |$)")
_RATIO = re.compile(r"largest ratio ([0-9.]+(?:e[+-]?[0-9]+)?)(?=[ ;,]|$)")
_RATIO_SAID = re.compile(r"largest ratio to the bound ([0-9.]+(?:e[+-]?[0-9]+)?)(?=[ ;,]|$)")
_NUMBERS = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\d)")
_NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Harmless:
    """Text as it is printed, but for characters that a terminal would obey: pages are written by others, too."""

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.content, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def verdict_text(verdict: Verdict) -> Text:
    """Return a verdict in its colour; only what is proved is green."""
    return Text(verdict.value, _STYLES[verdict])


def counted(number: int, word: str) -> str:
    """Return `1 case`, `2 cases`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def seconds_words(seconds: float) -> str:
    """Write a duration.

    Examples
    --------
    >>> [seconds_words(s) for s in (0.004, 0.34, 12.34, 300.0)]
    ['0.00 s', '0.34 s', '12.3 s', '5 min 0 s']
    """
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


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
    >>> from odeflow.symbolic.decisions import Status
    >>> evidence_words(Evidence(Stage.SIMULATION, Status.HOLDS, "rate 2", "rate 1.99", "0.02 (95 %)", cases=64, seed=0))
    'rate 1.99 ± 0.02 (95 %); 64 cases, seed 0'
    >>> evidence_words(Evidence(Stage.DERIVATION, Status.HOLDS, "x", "3 of 5 steps computed", "exact"))
    '3 of 5 steps computed (exact)'
    """
    bar = found.error_bar
    if not bar or bar == "none":
        words = found.observed
    elif _A_NUMBER.match(bar):
        words = f"{found.observed} ± {bar}"
    else:
        words = f"{found.observed} ({bar})"
    if found.seed is None:
        return words
    cases = counted(found.cases, "case")
    return f"{words}; seed {found.seed}" if cases in words else f"{words}; {cases}, seed {found.seed}"


def observed_words(found: Evidence, words: str) -> str:
    """Add a finding's detail to what was observed; a number that was said already is not said again.

    Examples
    --------
    >>> from odeflow.symbolic.decisions import Status
    >>> seen, more = "largest ratio to the bound 0.7", "largest ratio 0.7 at 3"
    >>> one = Evidence(Stage.SIMULATION, Status.HOLDS, "", seen, "none", detail=more)
    >>> observed_words(one, one.observed)
    'largest ratio to the bound 0.7 at 3'
    >>> seen, more = "it tends to 1.00", "it tends to 0.9998; by 0.1"
    >>> two = Evidence(Stage.SIMULATION, Status.HOLDS, "", seen, "none", detail=more)
    >>> observed_words(two, two.observed)
    'it tends to 1.00; by 0.1'
    """
    if not found.detail or found.detail in words:
        return words
    said = _RATIO.match(found.detail)
    if said is None or not any(number == said[1][: len(number)] for number in _RATIO_SAID.findall(words)):
        return "; ".join([words, *(c for c in found.detail.split("; ") if not _said_already(c, words))])
    rest = found.detail[said.end() :]
    if words.endswith(said[1]):
        return f"{words}{rest}"
    rest = rest.lstrip(";, ")
    return f"{words}; the largest {rest}" if rest.startswith("at ") else f"{words}; {rest}" if rest else words


def _said_already(clause: str, words: str) -> bool:
    """Whether a clause has numbers, and each of them stands in words, perhaps with fewer digits."""
    known = _NUMBERS.findall(words)
    numbers = _NUMBERS.findall(clause)
    return bool(numbers) and all(any(_same(one, other) for other in known) for one in numbers)


def _same(one: str, other: str) -> bool:
    a, b = float(one), float(other)
    if abs(a - b) <= 1e-3 * abs(a):
        return True
    if one.isdecimal() or other.isdecimal():
        return False
    digits = min(len(number.partition("e")[0].replace(".", "").lstrip("-0")) for number in (one, other))
    return digits > 0 and f"{a:.{digits - 1}e}" == f"{b:.{digits - 1}e}"


def paragraph(words: str, width: int, style: str = "", *, indent: int = 0) -> list[Text]:
    """Return words wrapped to a width, every line indented."""
    return [Text(" " * indent).append(line, style) for line in wrapped(words, width - indent)]


def labelled(label: str, words: str, width: int, style: str = "", *, label_width: int = _LABEL_WIDTH) -> list[Text]:
    """Return `label  words`, wrapped to a hanging indent; a label that is too long gets a line of its own."""
    if cell_len(label) >= label_width:
        return [Text(f"  {label}", "dim"), *labelled("", words, width, style, label_width=label_width)]
    hanging = " " * (label_width + 2)
    first = f"  {label}{' ' * (label_width - cell_len(label))}"
    lines = wrapped(words, width - label_width - 2)
    return [Text.assemble((hanging if i else first, "dim"), (line, style)) for i, line in enumerate(lines)]


def paper_heading(paper: Paper, width: int) -> list[Text]:
    """Return a paper's folder, citation and a rule."""
    return [Text(paper.folder, "bold"), *paragraph(paper.citation(), width, "dim"), Text("─" * width, "dim")]


def headline(theorem: Theorem, verdict: Text, right: str, width: int) -> list[Text]:
    """Return a theorem's name, world and item, with its verdict and a word flush right.

    Examples
    --------
    >>> from odeflow.theorem import Claim, Source
    >>> import sympy as sp
    >>> source = Source(Paper("p2020", "A. Author", 2020, "Title", "Venue"), "Theorem 1")
    >>> theorem = Theorem("decay", source, World.K, Claim("decays", sp.true), Verdict.PROVED)
    >>> print(*headline(theorem, verdict_text(Verdict.PROVED), "1.20 s", 60))
    decay · K · Theorem 1               PROVED            1.20 s
    """
    right_width = len(right) and max(8, len(right))
    room = width - _VERDICT_WIDTH - right_width - 2
    beside = f"{theorem.world.value} · {prose(theorem.source.item)}"
    line, more = Text(theorem.name, "bold"), [Text("  ").append(words) for words in wrapped(beside, width - 2)]
    if cell_len(f"{theorem.name} · {beside}") <= room:
        line, more = line.append(f" · {beside}", "not bold"), []
    line.append(" " * max(room - cell_len(line.plain), 0) + "  ").append_text(verdict)
    if right:
        line.append(" " * (_VERDICT_WIDTH - cell_len(verdict.plain))).append(f"{right:>{right_width}}", "dim not bold")
    return [line, *more]


def legend(theorems: Iterable[Theorem]) -> Iterator[Text]:
    """Yield what the letters of the worlds that occur stand for."""
    occurring = {t.world for t in theorems}
    for world in World:
        if world in occurring:
            yield Text(f"{world.value}: {world.description}", "dim")


def problem_lines(problems: Sequence[Problem], *, width: int) -> list[Text]:
    """Return a line for each entry point that could not be loaded, and why."""
    lines: list[Text] = []
    for problem in problems:
        lines.append(Text.assemble(("NOT LOADED", "bold white on red"), f" {problem.name}"))
        lines.extend(labelled("because", problem.reason, width))
    return lines


def wrapped(words: str, width: int) -> list[str]:
    """Return the lines of a text; exponents and inner products are not broken at their spaces."""
    kept = _TOGETHER.sub(lambda m: m[0].replace(" ", _NO_BREAK), words)
    wrap = textwrap.TextWrapper(max(width, 16), break_on_hyphens=False).wrap
    return [line.replace(_NO_BREAK, " ") for part in kept.split("\n") for line in wrap(part) or [""]]
