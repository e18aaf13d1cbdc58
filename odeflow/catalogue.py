"""Which theorems are there? Papers register through the entry-point group `odeflow.theorems`, ours like anyone's.

An entry point names a module with a `PAPER` and a tuple `THEOREMS`. A broken one becomes a `Problem`, a line in the
report, and never hides the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from odeflow.errors import AmbiguousNameError, UnknownNameError, printable, words_of
from odeflow.figures import Scenario
from odeflow.theorem import Paper, Theorem

__all__ = ["GROUP", "Catalogue", "Problem", "load_catalogue"]

GROUP = "odeflow.theorems"
_NAME = re.compile(r"[\w.~-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """An entry point that could not be loaded, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """What is registered.

    Attributes
    ----------
    papers, theorems : papers, and their theorems in the papers' order
    problems : what could not be loaded
    modules : each paper's module by folder
    not_drawn : by theorem id, why a simulation has no picture; a paper offers them as a mapping `NOT_DRAWN` by name
    """

    papers: tuple[Paper, ...]
    theorems: tuple[Theorem, ...]
    problems: tuple[Problem, ...] = ()
    modules: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    not_drawn: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def figures(self, paper: str, numbers: Sequence[str] = ()) -> tuple[Scenario, ...]:
        """Return the figures of a paper: all of them, or those of the given numbers.

        A paper offers figures as a tuple `FIGURES` in a submodule `figures`.

        Parameters
        ----------
        paper : a folder, or an unambiguous part of one

        Raises
        ------
        UnknownNameError
            No paper, or more than one, has that name; the paper has no such figure.
        """
        fitting = self._folders(paper)
        if len(fitting) > 1:
            raise AmbiguousNameError("papers", paper, fitting)
        if not fitting:
            raise UnknownNameError("paper", paper, self._paper_names())
        module = self.modules.get(fitting[0], "")
        found: tuple[Scenario, ...] = ()
        if module and find_spec(f"{module}.figures") is not None:
            found = tuple(import_module(f"{module}.figures").FIGURES)
        known = {scenario.number: scenario for scenario in found}
        for number in numbers:
            if number not in known:
                raise UnknownNameError(f"figure of {fitting[0]}", number, known)
        return tuple(known[n] for n in dict.fromkeys(numbers)) if numbers else found

    def find(self, names: Sequence[str]) -> tuple[Theorem, ...]:
        """Return the theorems that `names` speak of, in catalogue order, each once; all of them for no names.

        A name is a full id, a paper's folder, or an unambiguous part of either; the paper in an id may be a part, too.

        Raises
        ------
        UnknownNameError
            A name fits nothing, or fits several theorems without being one of them.
        """
        if not names:
            return self.theorems
        wanted = {theorem.id for name in names for theorem in self._match(name)}
        return tuple(t for t in self.theorems if t.id in wanted)

    def _match(self, name: str) -> Sequence[Theorem]:
        exact = [t for t in self.theorems if name in (t.id, t.name)]
        if exact:
            return self._only(name, exact)
        folders = self._folders(name)
        if len(folders) == 1:
            return [t for t in self.theorems if t.source.paper.folder == folders[0]]
        if len(folders) > 1:
            raise AmbiguousNameError("papers", name, folders)
        paper, slash, rest = name.partition("/")
        within = self._folders(paper) if slash and rest else []
        found = [t for t in self.theorems if t.source.paper.folder in within and rest in t.name]
        exact = [t for t in found if t.name == rest]
        return self._only(name, exact or found or [t for t in self.theorems if name and name in t.id])

    def _folders(self, name: str) -> list[str]:
        """Return the folders that a name is, or is a part of."""
        folders = [p.folder for p in self.papers]
        return [f for f in folders if f == name] or [f for f in folders if name and name in f]

    def _paper_names(self) -> list[str]:
        """Return the folders and, where it names one paper only, how each begins: author and year."""
        folders = [p.folder for p in self.papers]
        first = [folder.partition("_")[0] for folder in folders]
        return sorted({*folders, *(word for word in first if first.count(word) == 1)})

    def _only(self, name: str, found: Sequence[Theorem]) -> Sequence[Theorem]:
        if len(found) == 1:
            return found
        if found:
            raise AmbiguousNameError("theorems", name, [t.id for t in found])
        known = {*(t.id for t in self.theorems), *(t.name for t in self.theorems), *self._paper_names()}
        raise UnknownNameError("theorem or paper", name, known)


def load_catalogue(entries: Iterable[EntryPoint] | None = None) -> Catalogue:
    """Load every registered paper.

    Parameters
    ----------
    entries : entry points to load instead of the installed ones

    Returns
    -------
    Catalogue
        With a `Problem` for each entry point that raises on import (also SystemExit), or whose PAPER or THEOREMS are
        missing, of the wrong type, or hold text that is not text; NOT_DRAWN may be missing.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    found = sorted(entry_points(group=GROUP) if entries is None else entries, key=lambda e: e.name)
    papers: list[Paper] = []
    theorems: list[Theorem] = []
    problems: list[Problem] = []
    modules: dict[str, str] = {}
    not_drawn: dict[str, str] = {}
    for entry in found:
        try:
            module = entry.load()
            paper, listed = module.PAPER, tuple(module.THEOREMS)
            if not isinstance(paper, Paper) or not all(isinstance(t, Theorem) for t in listed):
                raise TypeError(
                    "PAPER must be an odeflow.theorem.Paper and THEOREMS hold odeflow.theorem.Theorem values"
                )
            reasons = dict(getattr(module, "NOT_DRAWN", {}))
            _require_plain_text(paper, listed, reasons)
            twice = {t.id for t in listed} & {t.id for t in theorems} or _repeated(t.id for t in listed)
            if twice:
                raise ValueError(f"ids registered twice: {', '.join(sorted(twice))}")
        except KeyboardInterrupt:  # that is the user, who wants to end all of it
            raise
        except BaseException as error:  # a plugin may raise anything, SystemExit too, and must not take others down
            problems.append(Problem(printable(entry.name), words_of(error)))
            continue
        papers.append(paper)
        theorems.extend(listed)
        modules[paper.folder] = getattr(module, "__name__", "")
        not_drawn |= {f"{paper.folder}/{name}": reason for name, reason in reasons.items()}
    return Catalogue(
        tuple(papers), tuple(theorems), tuple(problems), MappingProxyType(modules), MappingProxyType(not_drawn)
    )


def _require_plain_text(paper: Paper, theorems: Sequence[Theorem], not_drawn: Mapping[Any, Any]) -> None:
    """Refuse text fields that are no text or hold characters that a terminal obeys, and names with blanks in them."""
    texts: list[object] = [paper.folder, paper.authors, paper.title, paper.venue, *not_drawn, *not_drawn.values()]
    for theorem in theorems:
        claim, source = theorem.claim, theorem.source
        texts += [theorem.name, claim.statement, *claim.assumptions, *claim.where.values(), source.item, source.note]
        texts += [*theorem.related, *(twin.name for twin in theorem.twins)]
        named = source.paper
        texts += [named.folder, named.authors, named.title, named.venue]
    for text in texts:
        if not isinstance(text, str) or text != printable(text):
            raise TypeError(f"expected plain text without control characters but got {ascii(text)[:80]}")
    for name in (paper.folder, *(theorem.name for theorem in theorems)):
        if not _NAME.fullmatch(name):
            raise ValueError(f"expected a name of letters, digits and ._~- but got {ascii(name)[:80]}")


def _repeated(ids: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {i for i in ids if i in seen or seen.add(i)}  # type: ignore[func-returns-value]
