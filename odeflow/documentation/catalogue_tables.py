"""What the catalogue knows, as rows: counts by paper and verdict, and claims that are false as printed.

Nothing is checked here. The rows come from the recorded verdicts and the docstrings of the pages; `odeflow verify` and
the tests hold the records true.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from odeflow.catalogue import Catalogue
from odeflow.theorem import Paper, Theorem, Verdict

__all__ = ["Erratum", "bundled", "corrections", "counts", "errata", "module_docstring", "section", "sections"]

_HEADING = re.compile(r"^(?P<name>\S[^\n]*)\n(?P<rule>-{3,})$", re.MULTILINE)


@dataclass(frozen=True)
class Erratum:
    """A claim that is refuted: false as printed or in the reading that its page states, or not reproduced here.

    Attributes
    ----------
    theorem : the refuted claim
    why : the idea of the refutation, from the page
    corrected : what is true instead, if the catalogue has it
    """

    theorem: Theorem
    why: str
    corrected: tuple[Theorem, ...]

    @property
    def measured(self) -> bool:
        """Whether only measurements speak against it: a finding on the data tried here, no error in the paper."""
        return self.theorem.counterexample is None and self.theorem.derive is None


def bundled(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue without the papers of plugins that happen to be installed."""
    ours = {folder: module for folder, module in catalogue.modules.items() if module.startswith("theory.")}
    return Catalogue(
        tuple(p for p in catalogue.papers if p.folder in ours),
        tuple(t for t in catalogue.theorems if t.source.paper.folder in ours),
        catalogue.problems,
        ours,
    )


def module_docstring(catalogue: Catalogue, theorem: Theorem) -> str:
    """Return the docstring of the module that holds a theorem."""
    package = catalogue.modules[theorem.source.paper.folder]
    module = sys.modules.get(f"{package}.{theorem.name}")
    return (module.__doc__ or "").strip() if module is not None else ""


def sections(docstring: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the first section of a page's docstring, and its sections by name."""
    found = list(_HEADING.finditer(docstring))
    ends = [*(match.start() for match in found[1:]), len(docstring)]
    named = {match["name"]: docstring[match.end() : end].strip() for match, end in zip(found, ends, strict=True)}
    return docstring[: found[0].start()].strip() if found else docstring, named


def section(docstring: str, beginning: str) -> str:
    """Return the text of the first section whose name begins like this, or ""."""
    return next((text for name, text in sections(docstring)[1].items() if name.startswith(beginning)), "")


def counts(catalogue: Catalogue) -> tuple[tuple[Verdict, ...], list[tuple[Paper, tuple[int, ...]]]]:
    """Return the verdicts that occur, and for each paper how many theorems are recorded with each."""
    occurring = tuple(v for v in Verdict if any(t.recorded is v for t in catalogue.theorems))
    rows = []
    for paper in catalogue.papers:
        recorded = [t.recorded for t in catalogue.theorems if t.source.paper.folder == paper.folder]
        rows.append((paper, tuple(recorded.count(v) for v in occurring)))
    return occurring, rows


def corrections(catalogue: Catalogue, theorem: Theorem) -> tuple[Theorem, ...]:
    """Return what is true instead of a refuted claim: siblings that its note names, else related ones that hold."""
    known = {t.name: t for t in catalogue.theorems if t.source.paper.folder == theorem.source.paper.folder}
    standing = [known[n] for n in theorem.related if n in known and known[n].recorded is not Verdict.REFUTED]
    named = [t for t in standing if re.search(rf"\b{t.name}\b", theorem.source.note)]
    return tuple(named or standing[:1])


def errata(catalogue: Catalogue) -> Iterator[Erratum]:
    """Yield every refuted entry of the catalogue, in the order of the papers."""
    for theorem in catalogue.theorems:
        if theorem.recorded is Verdict.REFUTED:
            why = " ".join(section(module_docstring(catalogue, theorem), "Idea of the").split())
            yield Erratum(theorem, why, corrections(catalogue, theorem))
