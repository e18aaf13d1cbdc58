"""What is going on, while it is going on: one live line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import abc
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from odeflow.report.lines import seconds_words, verdict_text
from odeflow.theorem import Verdict

__all__ = ["AbstractReporter", "LiveProgress", "PlainProgress", "reporter"]


class AbstractReporter(abc.ABC):
    """Is told what happens, inside a `with`: busy, detail...; or begin, detail..., end; again and again."""

    def __enter__(self) -> AbstractReporter:
        return self

    @abc.abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abc.abstractmethod
    def note(self, words: str) -> None:
        """Say something that stays."""

    @abc.abstractmethod
    def busy(self, words: str) -> None:
        """Say what is going on outside any theorem."""

    @abc.abstractmethod
    def detail(self, words: str) -> None:
        """Say what is going on within what is going on."""

    @abc.abstractmethod
    def begin(self, number: int, total: int, name: str) -> None:
        """A theorem's checks start."""

    @abc.abstractmethod
    def end(self, verdict: Verdict, seconds: float, *, as_recorded: bool) -> None:
        """The current theorem has its verdict."""


def reporter(console: Console) -> AbstractReporter:
    """Return the reporter that fits the console."""
    return LiveProgress(console) if console.is_terminal and not console.is_dumb_terminal else PlainProgress(console)


class PlainProgress(AbstractReporter):
    """One line a theorem, begun before its checks so that a log shows what hangs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._open = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._write("stopped\n")

    def note(self, words: str) -> None:
        """Write a line."""
        self._write(f"{words}\n")

    def busy(self, words: str) -> None:
        """Write a line."""
        self._write(f"{words} ...\n")

    def begin(self, number: int, total: int, name: str) -> None:
        """Begin a line."""
        self._write(f"[{number}/{total}] {name} ... ")
        self._open = True

    def detail(self, words: str) -> None:
        """Say nothing: it would break the line."""

    def end(self, verdict: Verdict, seconds: float, *, as_recorded: bool) -> None:
        """End the line."""
        self._open = False
        self._write(f"{verdict.value}{'' if as_recorded else ' (CHANGED)'} {seconds_words(seconds)}\n")

    def _write(self, words: str) -> None:
        self._console.file.write(words)
        self._console.file.flush()


class LiveProgress(AbstractReporter):
    """One line that changes in place and is gone at the end; changed verdicts stay above it."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TimeElapsedColumn(),
            # takes what is left of the line, so that the time stays whole in a narrow one
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._name = ""

    def __enter__(self) -> LiveProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def note(self, words: str) -> None:
        """Print above the live line."""
        self._progress.console.print(Text(words, "dim"))

    def busy(self, words: str) -> None:
        """Show what is going on."""
        self._name = words
        self._progress.update(self._task, description=words)

    def detail(self, words: str) -> None:
        """Show what is going on within what is going on."""
        self._progress.update(self._task, description=f"{self._name}: {words}")

    def begin(self, number: int, total: int, name: str) -> None:
        """Show the theorem."""
        self._progress.reset(self._task)
        self.busy(f"[{number}/{total}] {name}")

    def end(self, verdict: Verdict, seconds: float, *, as_recorded: bool) -> None:
        """Keep a line only of what changed."""
        if not as_recorded:
            line = Text.assemble(f"{self._name} ", verdict_text(verdict), (" CHANGED", "bold red"))
            self._progress.console.print(line)
