"""What can go wrong, in one family: everything odeflow raises on purpose is an `OdeflowError`.

A message says what was expected, what came, and what to do. A refuted theorem is a verdict, not an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar

__all__ = [
    "AmbiguousNameError",
    "DataError",
    "IntegrationError",
    "Interrupted",
    "InvalidArgumentError",
    "NotLoadedError",
    "OdeflowError",
    "UnknownNameError",
    "printable",
    "words_of",
]

MOST_LISTED = 30
"""So many names that one fits are listed; more would hide the sentence around them."""

_UNPRINTABLE = dict.fromkeys(
    # C0 but for tab and line feed, DEL, C1, marks and overrides of direction, lone surrogates
    [*{*range(0x20), *range(0x7F, 0xA0)} - {0x09, 0x0A}, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F),
     *range(0x2066, 0x206A), *range(0xD800, 0xE000)],
    "\N{REPLACEMENT CHARACTER}",
)  # fmt: skip


def printable(text: str) -> str:
    r"""Return text with every character that a terminal would obey, or cannot write, replaced one for one.

    Examples
    --------
    >>> printable("red: \x1b[31m") == "red: \ufffd[31m"
    True
    """
    return text.translate(_UNPRINTABLE)


def words_of(error: BaseException) -> str:
    """Return an error of foreign code in words that are safe to print, also if its own words raise."""
    try:
        said = str(error)
    except Exception as another:
        said = f"its message could not be read ({type(another).__name__})"
    return printable(f"{type(error).__name__}: {said}")


class OdeflowError(Exception):
    """Base of every error that odeflow raises on purpose; its words are safe to print, whatever they quote."""

    in_lines: ClassVar[bool] = False
    """Whether the message is laid out in lines that must be kept."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InvalidArgumentError(OdeflowError, ValueError):
    """An argument has the wrong shape, type, sign or value."""


class DataError(OdeflowError, ValueError):
    """A data file or data set cannot be read, or violates a hypothesis that was asked of it."""


class IntegrationError(OdeflowError, RuntimeError):
    """A trajectory could not be continued; `partial` holds what was computed until then (or None)."""

    def __init__(self, message: str, *, partial: object = None) -> None:
        super().__init__(message)
        self.partial = partial


class NotLoadedError(OdeflowError):
    """A paper was asked for that could not be loaded."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed; the message says what was done by then and what is left of it."""

    def __str__(self) -> str:
        return printable(super().__str__())


class UnknownNameError(OdeflowError, LookupError):
    """A name is not known; the message suggests the closest ones.

    Examples
    --------
    >>> raise UnknownNameError("flow", "nestrov", ["heavy_ball", "nesterov"])
    Traceback (most recent call last):
    ...
    odeflow.errors.UnknownNameError: Unknown flow 'nestrov'. Did you mean 'nesterov'? Known: heavy_ball, nesterov.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
        few = names if len(names) <= 12 else [] if close else names[:12]
        listed = f" Known: {_listed(names, len(few))}." if few else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint}{listed}")
        self.name = name
        self.suggestions = tuple(close)


class AmbiguousNameError(UnknownNameError):
    """A name fits several things without being one of them; the message lists them.

    Examples
    --------
    >>> raise AmbiguousNameError("theorems", "heavy", ["bu2021/heavy_ball_rate", "bu2021/heavy_ball_law"])
    Traceback (most recent call last):
    ...
    odeflow.errors.AmbiguousNameError: 'heavy' fits several theorems: heavy_ball_law, heavy_ball_rate (all in bu2021). \
Pass one of them.
    """

    def __init__(self, kind: str, name: str, fitting: Iterable[str]) -> None:
        names = sorted(fitting)
        folders = {n.partition("/")[0] for n in names if "/" in n}
        alone = len(folders) == 1 and all("/" in n for n in names)
        listed = _listed([n.partition("/")[2] for n in names] if alone else names, MOST_LISTED)
        where = f" (all in {min(folders)})" if alone else ""
        OdeflowError.__init__(self, f"{name!r} fits several {kind}: {listed}{where}. Pass one of them.")
        self.name = name
        self.suggestions = tuple(names)


def _listed(names: Sequence[str], most: int) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
