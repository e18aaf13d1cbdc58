"""The commands as typer knows them, but with our own words for wrong values and kinds of values, and our completion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["Commands"]

_NUMBER_TYPE = re.compile(r" <(?:int|float)(?: range)?>")
_PYTHON_TYPE = re.compile(r" <(?:list\[\w+\]|str|path)>", re.IGNORECASE)
_AT_LEAST = re.compile(r"(?<=[\[ ])x>=(-?[\d.]+)(?=\])")
_BETWEEN = re.compile(r"(?<=[\[ ])(-?[\d.]+)<=x<=(-?[\d.]+)(?=\])")
_NUMBERS = {"int": "a whole number", "float": "a number"}
_BOUNDS = {"greater_than_equal": ("ge", ">="), "less_than_equal": ("le", "<="), "greater_than": ("gt", ">")}


class Commands(TyperGroup):
    """All commands of `odeflow`."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command whose help speaks to people, and that completes to what `odeflow.completion` offers."""
        command = super().get_command(ctx, cmd_name)
        if command is None:
            return None
        for parameter in command.params:
            parameter.get_help_record = _readable(parameter.get_help_record)  # type: ignore[assignment, method-assign]
        if ctx.resilient_parsing:  # a shell asks
            from odeflow.completion import OFFERS

            for parameter in command.params:
                offer = OFFERS.get(cmd_name, {}).get(parameter.name or "")
                if offer is not None:
                    parameter.shell_complete = _offering(offer)  # type: ignore[assignment, method-assign]
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a value that does not fit is told in words of ours."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _in_our_words(error)
            raise


@dataclass(frozen=True)
class _Word:
    """One word that a shell may put in."""

    value: str
    type: str = "plain"
    help: str | None = None


def _offering(offer: Callable[[str], Iterator[str]]) -> Callable[[Any, str], list[Any]]:
    return lambda context, incomplete: [_Word(word) for word in offer(incomplete)]


def _readable(record: Callable[[Any], tuple[str, str] | None]) -> Callable[[Any], tuple[str, str] | None]:
    """Name what a parameter takes by its metavar, or N for a number, and its range in words: no types of Python."""

    def readable(ctx: Any) -> tuple[str, str] | None:
        found = record(ctx)
        if found is None:
            return None
        named = _NUMBER_TYPE.sub(" N", _PYTHON_TYPE.sub("", found[0]))
        return named, _BETWEEN.sub(r"\1 to \2", _AT_LEAST.sub(_least, found[1]))

    return readable


def _least(found: re.Match[str]) -> str:
    return f"at least {float(found[1]):g}"


def _in_our_words(error: typer.BadParameter) -> str:
    message = error.message.removeprefix("Value error, ")
    choice = re.match(r"'(.*)' is not one of (.*)", message)
    if choice is not None:
        known = re.findall(r"'([^']*)'", choice[2])
        close = difflib.get_close_matches(choice[1], known, 1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"Expected {', '.join(known[:-1])} or {known[-1]} but got {choice[1]!r}.{hint}"
    return _number_in_our_words(error) or message


def _number_in_our_words(error: typer.BadParameter) -> str:
    """Say which number was expected, where the parser says what was wrong with it."""
    cause: Any = error.__cause__
    try:
        found = cause.errors()[0]
        kind, given, limits = found["type"], found["input"], found.get("ctx", {})
    except (AttributeError, IndexError, KeyError, TypeError):
        return ""  # another parser, which has words of its own
    if kind in _BOUNDS:
        name, sign = _BOUNDS[kind]
        return f"Expected a number {sign} {limits[name]:g} but got {str(given)!r}."
    what = _NUMBERS.get(kind.partition("_")[0])
    if what is not None:
        return f"Expected {what} but got {str(given)!r}."
    return f"Expected another value than {str(given)!r}: {str(found['msg']).removeprefix('Input ')}."
