"""The command line: argv in, exit code out. Commands import what they need, so that help and lists start fast."""

from __future__ import annotations

import enum
import functools
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from odeflow.errors import InvalidArgumentError, OdeflowError, UnknownNameError

if TYPE_CHECKING:
    from rich.console import Console

    from odeflow.catalogue import Catalogue
    from odeflow.data_case import DataCase
    from odeflow.report.pages import Page
    from odeflow.report.progress import Reporter
    from odeflow.theorem import Theorem
    from odeflow.verify import Result

__all__ = ["app", "exit_code", "run"]


class Format(enum.StrEnum):
    """What stdout carries."""

    text = "text"
    json = "json"


class PageFormat(enum.StrEnum):
    """What stdout carries for one theorem."""

    text = "text"
    json = "json"
    latex = "latex"


OK, CHANGED, USAGE, NOT_DECIDED, INTERRUPTED = 0, 1, 2, 3, 130

_EXAMPLES = """
Check theorems about how neural networks train: proved exactly, simulated fast, attacked with property tests.

\b
Examples:
  odeflow list                                     which theorems are there?
  odeflow verify bu2021_dynamical_view --twins     check a paper, and that its false twins are refuted
  odeflow verify --data diabetes --normalise       what do the theorems say about these data?
"""

_EXIT_CODES = """
\b
Exit codes:
  0    every verdict is the recorded one (and every false twin that ran was refuted)
  1    a verdict changed to another decided one, or a false twin was not refuted
  2    wrong usage or bad input
  3    something could not be loaded, or is undecided that was recorded as decided
  130  interrupted; the verdicts reached by then are printed
"""

app = typer.Typer(
    name="odeflow",
    help=_EXAMPLES,
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Run the command line on the process's arguments and exit."""
    app(prog_name="odeflow")


def exit_code(results: Sequence[Result], *, problems: int) -> int:
    """Return the exit code of `odeflow verify`: changed (1) before not decided or not loaded (3) before as recorded (0)."""
    from odeflow.theorem import Verdict

    changed = [r for r in results if r.verdict is not r.theorem.recorded]
    twins = [t for r in results for t in r.twins if t.verdict is not Verdict.REFUTED]
    if twins or any(r.verdict is not Verdict.UNDECIDED for r in changed):
        return CHANGED
    return NOT_DECIDED if changed or problems else OK


def _door(command: Callable[..., None]) -> Callable[..., None]:
    """Turn odeflow's own errors into one line and exit code 2, and Ctrl-C into 130."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        for stream in (sys.stdout, sys.stderr):
            _never_fail_on_a_letter(stream)
        try:
            command(*args, **kwargs)
        except OdeflowError as error:
            typer.echo(f"odeflow: error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(USAGE) from None
        except KeyboardInterrupt:
            typer.echo("odeflow: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return guarded


def _show_version(asked: bool) -> None:
    if asked:
        from odeflow import __version__

        typer.echo(f"odeflow {__version__}")
        raise typer.Exit


def _complete(incomplete: str) -> Iterator[str]:
    from odeflow.catalogue import load_catalogue

    catalogue = load_catalogue()
    for name in (*(p.folder for p in catalogue.papers), *(t.id for t in catalogue.theorems)):
        if name.startswith(incomplete):
            yield name


_Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...",
        help="Theorems: full ids, a paper's folder, or an unambiguous part; all if none is given.",
        autocompletion=_complete,
    ),
]


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


@app.command("verify", epilog=_EXIT_CODES)
@_door
def verify_theorems(
    names: _Names = None,
    twins: Annotated[bool, typer.Option("--twins", help="Also run every false twin; all must come out REFUTED.")] = False,
    format: Annotated[Format, typer.Option(help="A table, or one JSON array with an object a theorem.")] = Format.text,
    data: Annotated[
        str | None, typer.Option(metavar="FILE_OR_NAME", help="Ask the theorems about these data: a file or a bundled set.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Target column, by name or position.")] = None,
    features: Annotated[str | None, typer.Option(metavar="A,B,...", help="Feature columns; all others if not given.")] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale the rows of the data to unit norm.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulations and property tests.")] = 0,
    examples: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cases each property test draws.", show_default="40")
    ] = None,
    timings: Annotated[bool, typer.Option("--timings", help="Also show where the time went.")] = False,
    width: Annotated[int, typer.Option(min=1, metavar="M", help="Width of the network on the data.")] = 1024,
) -> None:
    """Take theorems through their checks and compare each verdict with the recorded one.

    Every theorem is derived exactly, simulated, and attacked with random cases. The table goes to stdout, progress to
    stderr.
    """
    if data is None and (target is not None or features is not None or normalise):
        raise InvalidArgumentError("Expected --data with --target, --features or --normalise. Name a file or a data set.")
    started = time.perf_counter()
    session = _Session(format)
    with session.reporter:
        catalogue = session.load_catalogue()
        chosen = session.find(catalogue, names)
        case = None
        if data is not None:
            session.reporter.busy("reading the data")
            case = _open_case(data, target, features, normalise, seed, width)
            chosen = chosen if names else _about_data(chosen)
        results, interrupted = session.check(chosen, case, twins=twins, seed=seed, examples=examples)
    again = _data_options(data, target, features, normalise, width) if data is not None else []
    session.tell(
        results,
        catalogue=catalogue,
        case=case,
        planned=len(chosen),
        seconds=time.perf_counter() - started,
        timings=timings,
        options=[*(["--twins"] if twins else []), f"--seed={seed}", *([f"--examples={examples}"] if examples else []), *again],
    )
    raise typer.Exit(INTERRUPTED if interrupted else exit_code(results, problems=len(catalogue.problems)))


@app.command("list")
@_door
def list_theorems(
    names: _Names = None,
    format: Annotated[Format, typer.Option(help="A list, or one JSON array with an object a theorem.")] = Format.text,
) -> None:
    """List theorems by paper: name, item, world, recorded verdict, statement.

    Ends with code 3 when something could not be loaded.
    """
    session = _Session(format)
    with session.reporter:
        catalogue = session.load_catalogue()
        chosen = session.find(catalogue, names)
    if format is Format.json:
        from odeflow.report.as_json import dump, list_object

        session.out.file.write(dump(list_object(t) for t in chosen) + "\n")
    else:
        from odeflow.report.pages import listing

        session.out.print(listing(chosen, width=session.out.width))
    session.tell_problems(catalogue)
    raise typer.Exit(NOT_DECIDED if catalogue.problems else OK)


@app.command("show")
@_door
def show_theorem(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="A full id, or an unambiguous part of it.", autocompletion=_complete)
    ],
    format: Annotated[PageFormat, typer.Option(help="A page for the terminal, one JSON object, or LaTeX.")] = PageFormat.text,
) -> None:
    """Show one theorem: formula, assumptions, every step of its proof, certificate, counterexample, twins, citation."""
    session = _Session(format)
    with session.reporter:
        catalogue = session.load_catalogue()
        chosen = session.find(catalogue, [name])
        if len(chosen) != 1:
            found = ", ".join(t.id for t in chosen)
            raise InvalidArgumentError(f"Expected one theorem but {name!r} names {len(chosen)}: {found}. Give one id.")
        page = _read(chosen[0], catalogue, session.reporter)
    if format is PageFormat.text:
        from odeflow.report.pages import theorem_page

        session.out.print(theorem_page(page, width=session.out.width))
    elif format is PageFormat.json:
        from odeflow.report.as_json import dump_one, page_object

        session.out.file.write(dump_one(page_object(page)) + "\n")
    else:
        from odeflow.report.as_latex import page_latex

        session.out.file.write(page_latex(page) + "\n")


class _Session:
    """One run of a command: the two streams, the progress line, and the time spent so far."""

    def __init__(self, format: Format | PageFormat) -> None:
        from rich.console import Console

        from odeflow.report.progress import reporter

        plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
        self.text = format.value == "text"
        self.out = Console(**plain)
        self.err = Console(stderr=True, **plain)
        self.reporter: Reporter = reporter(self.err)
        self.spent: list[tuple[str, str, float]] = []

    @contextmanager
    def timed(self, what: str, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent.append((what, stage, time.perf_counter() - start))

    def load_catalogue(self) -> Catalogue:
        """Load every registered paper; its kernels need a folder for compiled code before they are imported."""
        with self.timed("odeflow and the papers", "import"):
            from odeflow.catalogue import load_catalogue
            from odeflow.warmup import secure_cache

            said = secure_cache()
            if said:
                self.reporter.note(said)
            return load_catalogue()

    def find(self, catalogue: Catalogue, names: Sequence[str] | None) -> tuple[Theorem, ...]:
        """Return the theorems asked for; a name that a broken plugin registered is not unknown but not loaded."""
        try:
            return catalogue.find(names or [])
        except UnknownNameError:
            self.tell_problems(catalogue, always_on_stderr=True)
            broken = {p.name for p in catalogue.problems}
            if any(name.split("/")[0] in broken for name in names or []):
                raise typer.Exit(NOT_DECIDED) from None
            raise

    def check(
        self, chosen: Sequence[Theorem], case: DataCase | None, *, twins: bool, seed: int, examples: int | None
    ) -> tuple[list[Result], bool]:
        """Check theorems one by one; on Ctrl-C return what there is, and True."""
        results: list[Result] = []
        try:
            if any(t.simulate or t.holds or (t.on_data and case is not None) for t in chosen):
                self.warm_up()
            for number, theorem in enumerate(chosen, start=1):
                self.reporter.begin(number, len(chosen), theorem.id)
                result = self.check_one(theorem, case, twins=twins, seed=seed, examples=examples)
                self.reporter.end(result.verdict, result.seconds, as_recorded=result.as_recorded)
                results.append(result)
        except KeyboardInterrupt:
            return results, True
        return results, False

    def check_one(
        self, theorem: Theorem, case: DataCase | None, *, twins: bool, seed: int, examples: int | None
    ) -> Result:
        """Check one theorem and, if asked, its twins."""
        from odeflow.verify import EXAMPLES, check, check_twins

        examples = EXAMPLES if examples is None else examples
        result = check(
            theorem, seed=seed, examples=examples, data=case, on_stage=lambda s: self.reporter.stage(s.value)
        )
        self.spent.extend((theorem.id, t.stage.value, t.seconds) for t in result.timings)
        if twins and theorem.twins:
            self.reporter.stage("false twins")
            with self.timed(theorem.id, "false twins"):
                result = replace(result, twins=check_twins(theorem, seed=seed, examples=examples))
        return result

    def warm_up(self) -> None:
        """Compile or load the numeric kernels and say which and for how long."""
        from odeflow.warmup import warm_up

        outcome = warm_up(on_module=lambda name: self.reporter.busy(f"compiling or loading {name}"))
        self.spent.extend((m.name, "compile" if m.compiled else "load", m.seconds) for m in outcome.modules)
        for module in outcome.modules:
            if module.problem:
                self.reporter.note(f"{module.name} could not be warmed up: {module.problem}")
        self.reporter.note(outcome.sentence())

    def tell(
        self,
        results: Sequence[Result],
        *,
        catalogue: Catalogue,
        case: DataCase | None,
        planned: int,
        seconds: float,
        timings: bool,
        options: Sequence[str],
    ) -> None:
        """Write the report: JSON and nothing else to stdout, or text."""
        from odeflow.report import text

        if not self.text:
            from odeflow.report.as_json import dump, verdict_object

            hypotheses = None if case is None else case.hypotheses
            self.out.file.write(dump(verdict_object(r, hypotheses=hypotheses) for r in results) + "\n")
            self.out.file.flush()
        elif case is not None:
            self.out.print(text.hypotheses_table(case.summary, case.hypotheses, width=self.out.width))
        if self.text and results:
            self.out.print(text.verdict_table(results, width=self.out.width))
        self.tell_problems(catalogue)
        side = self.out if self.text else self.err
        if timings:
            side.print(text.time_table(self.spent))
        changed = text.changes(results, command=lambda r: _command(r.theorem.id, options), width=side.width)
        if changed is not None:
            side.print(changed)
        side.print(text.summary(results, problems=catalogue.problems, seconds=seconds, planned=planned))

    def tell_problems(self, catalogue: Catalogue, *, always_on_stderr: bool = False) -> None:
        """Write a line for each paper that could not be loaded."""
        from odeflow.report.text import problem_lines

        side = self.out if self.text and not always_on_stderr else self.err
        lines = problem_lines(catalogue.problems, width=side.width)
        if lines is not None:
            side.print(lines)


def _read(theorem: Theorem, catalogue: Catalogue, reporter: Reporter) -> Page:
    """Run the symbolic parts of a theorem for its page."""
    from odeflow.report.pages import Page

    troubles: list[tuple[str, str]] = []

    def run(part: str, function: Callable[..., Any] | None, *args: Any) -> Any:
        if function is None:
            return None
        reporter.busy(f"{theorem.id}: {part}")
        try:
            return function(*args)
        except Exception as error:  # a defect of a page is shown on the page
            troubles.append((part, f"{type(error).__name__}: {error}"))
            return None

    certificate = run("certificate", theorem.certificate, theorem.claim)
    siblings = [t for t in catalogue.theorems if t.source.paper == theorem.source.paper and t.name in theorem.related]
    return Page(
        theorem=theorem,
        derivation=run("derivation", theorem.derive, theorem.claim),
        certificate=certificate,
        certificate_decision=None if certificate is None else run("certificate", certificate.check),
        counterexample=run("counterexample", theorem.counterexample, theorem.claim),
        troubles=tuple(troubles),
        related=tuple(siblings),
        command=_command(theorem.id, ["--twins"] if theorem.twins else []),
    )


def _open_case(
    data: str, target: str | None, features: str | None, normalise: bool, seed: int, width: int
) -> DataCase:
    from odeflow.data_case import open_case

    columns = None if features is None else [_column(name.strip()) for name in features.split(",") if name.strip()]
    return open_case(
        data,
        target=None if target is None else _column(target),
        features=columns,
        normalise=normalise,
        seed=seed,
        width=width,
    )


def _column(name: str) -> str | int:
    """Read a column as the user named it: whole numbers are positions."""
    return int(name) if name.removeprefix("-").isdecimal() else name


def _about_data(theorems: Sequence[Theorem]) -> tuple[Theorem, ...]:
    chosen = tuple(t for t in theorems if t.on_data is not None)
    if not chosen:
        raise InvalidArgumentError("Expected theorems that speak about data but none does. Leave out --data, or name ids.")
    return chosen


def _data_options(
    data: str, target: str | None, features: str | None, normalise: bool, width: int
) -> list[str]:
    given = [("--data", data), ("--target", target), ("--features", features), ("--width", str(width))]
    return [f"{option}={value}" for option, value in given if value is not None] + ["--normalise"] * normalise


def _command(name: str, options: Sequence[str]) -> str:
    return shlex.join(["odeflow", "verify", name, *options])


def _never_fail_on_a_letter(stream: Any) -> None:
    """Let a stream that cannot write Unicode write an approximation rather than fail."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
