"""What the shell completes: names from the files of the papers' pages, so that no paper is imported for them.

A paper that is one module has no files to go by; it is imported, and offers nothing if that fails.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["OFFERS", "figure_papers", "theorem_names"]

GROUP = "odeflow.theorems"
NO_PAGES = ("figures", "notation")
"""Modules of a paper that hold no theorem."""


def theorem_names(incomplete: str) -> Iterator[str]:
    """Yield the papers, the names of theorems, and their full ids that begin like this."""
    for entry in _entries():
        names = _pages(entry)
        ids = [f"{entry.name}/{name}" for name in names] if incomplete else []
        yield from (word for word in (entry.name, *names, *ids) if word.startswith(incomplete))


def figure_papers(incomplete: str) -> Iterator[str]:
    """Yield the papers with figures that begin like this."""
    for entry in _entries():
        if entry.name.startswith(incomplete) and any((folder / "figures.py").exists() for folder in _folders(entry)):
            yield entry.name


def _datasets(incomplete: str) -> Iterator[str]:
    from odeflow.datasets import dataset_names

    return (name for name in dataset_names() if name.startswith(incomplete))


def _among(*words: str) -> Callable[[str], Iterator[str]]:
    return lambda incomplete: (word for word in words if word.startswith(incomplete))


OFFERS: Mapping[str, Mapping[str, Callable[[str], Iterator[str]]]] = {
    "verify": {"names": theorem_names, "data": _datasets, "format": _among("text", "json")},
    "list": {"names": theorem_names, "format": _among("text", "json")},
    "show": {"name": theorem_names, "format": _among("text", "json", "latex")},
    "report": {"names": theorem_names, "format": _among("html", "json", "text")},
    "figure": {"paper": figure_papers, "data": _datasets, "format": _among("text", "json")},
    "rate": {
        "function_class": _among("quadratic", "convex", "strongly-convex", "pl"),
        "format": _among("text", "json"),
    },
    "simulate": {
        "flow": _among("gradient-flow", "heavy-ball", "nesterov"),
        "on": _among("frozen", "relu", "linear", "mlp"),
        "activation": _among("relu", "tanh", "sigmoid", "identity"),
        "data": _datasets,
        "format": _among("text", "json"),
    },
    "sweep": {"format": _among("text", "json")},
}
"""By command and parameter, what may stand there; words of choices are written out, because what knows them is slow to
import (a test compares them)."""


def _entries() -> list[Any]:  # where importlib_metadata is installed, they may be of its own class EntryPoint
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _folders(entry: Any) -> list[Path]:
    """Return where the modules of a paper are, which takes the import of the package around it; none for a module."""
    try:
        found = find_spec(entry.module)
    except Exception:  # a package around a broken plugin; nobody wants to read of it while typing
        return []
    return [Path(place) for place in (found.submodule_search_locations or ())] if found is not None else []


def _pages(entry: Any) -> list[str]:
    folders = _folders(entry)
    if not folders:
        return _theorems_of_module(entry)
    stems = {file.stem for folder in folders for file in folder.glob("*.py")}
    return sorted(stem for stem in stems if not stem.startswith("_") and stem not in NO_PAGES)


def _theorems_of_module(entry: Any) -> list[str]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the shell reads stdout
            return [str(theorem.name) for theorem in import_module(entry.module).THEOREMS]
    except KeyboardInterrupt:
        raise
    except BaseException:  # a plugin may raise anything, SystemExit too
        return []
