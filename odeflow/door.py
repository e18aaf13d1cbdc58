"""The door of every command: what goes wrong inside leaves as one line on stderr and an exit code.

The error of a flow's text takes three: a caret stands under the column.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from odeflow.errors import Interrupted, NotLoadedError, OdeflowError

__all__ = ["INTERRUPTED", "NOT_DECIDED", "USAGE", "door"]

USAGE, NOT_DECIDED, INTERRUPTED = 2, 3, 130


def door(command: Callable[..., None]) -> Callable[..., None]:
    """Turn odeflow's own errors into one line and an exit code, and Ctrl-C into 130."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except OdeflowError as error:
            said = str(error) if error.in_lines else " ".join(str(error).split())
            typer.echo(f"odeflow: error: {said}", err=True)
            raise typer.Exit(NOT_DECIDED if isinstance(error, NotLoadedError) else USAGE) from None
        except MemoryError as error:
            said = " ".join(str(error).split()).rstrip(".")
            typer.echo(f"odeflow: error: Not enough memory{f': {said}' if said else ''}. Ask for less.", err=True)
            raise typer.Exit(USAGE) from None
        except KeyboardInterrupt as stop:
            left = f": {stop}" if isinstance(stop, Interrupted) else ""
            typer.echo(f"odeflow: interrupted{left}", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return guarded
