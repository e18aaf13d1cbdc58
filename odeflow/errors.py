"""What can go wrong, in one family: everything odeflow raises on purpose is an `OdeflowError`.

A message says what was expected, what came, and what to do. A refuted theorem is a verdict, not an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["DataError", "IntegrationError", "InvalidArgumentError", "OdeflowError", "UnknownNameError"]


class OdeflowError(Exception):
    """Base of every error that odeflow raises on purpose."""


class InvalidArgumentError(OdeflowError, ValueError):
    """An argument has the wrong shape, type, sign or value."""


class DataError(OdeflowError, ValueError):
    """A data file or data set cannot be read, or violates a hypothesis that was asked of it."""


class IntegrationError(OdeflowError, RuntimeError):
    """A trajectory could not be continued; `partial` holds what was computed until then (or None)."""

    def __init__(self, message: str, *, partial: object = None) -> None:
        super().__init__(message)
        self.partial = partial


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
        listed = f" Known: {', '.join(few)}{', ...' if len(few) < len(names) else ''}." if few else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint}{listed}")
        self.name = name
        self.suggestions = tuple(close)
