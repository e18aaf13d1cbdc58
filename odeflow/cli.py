"""The command line: argv in, exit code out. Commands import what they need, so that help answers at once."""

from __future__ import annotations

import enum
import os
import shlex
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from odeflow.commands import Commands
from odeflow.door import INTERRUPTED, NOT_DECIDED, USAGE, door
from odeflow.errors import Interrupted, InvalidArgumentError
from odeflow.rate_command import check_certificates, find_rate
from odeflow.simulate_command import simulate_flow
from odeflow.sweep_command import sweep_grid

if TYPE_CHECKING:
    from odeflow.verify import Result

__all__ = ["CHANGED", "INTERRUPTED", "NOT_DECIDED", "OK", "USAGE", "app", "exit_code", "run"]

BRIEF_FROM = 60
"""So many theorems are shown with their findings; more of them get a line each."""
OK, CHANGED = 0, 1

_HELP = """
Check theorems about how neural networks train: proved exactly, simulated fast,
attacked with property tests.

\b
Examples:
  odeflow list                      which theorems are there?
  odeflow verify bu2021 --twins     check a paper and refute its false twins
  odeflow show heavy_ball_rate      one theorem, its proof step by step
  odeflow report -o report.html     everything, as one page for a browser
  odeflow rate "x'' + 2*x' + grad(x)" --class strongly-convex --mu 1
                                    which rate can be proved for this ODE?
  odeflow simulate nesterov --on relu
                                    which rate does a network really have?
  odeflow figure arora2018 3        a paper's figure, drawn anew
  odeflow verify --data diabetes --normalise
                                    what do the theorems say about these data?
"""

_EXIT_CODES = """
\b
Exit codes:
  0    every verdict is the recorded one, and every twin that ran was refuted
  1    a verdict changed to another decided one, or a twin was not refuted
  2    wrong usage or bad input
  3    something could not be loaded, or could not be decided again
  130  interrupted; the verdicts reached by then are printed
"""


class Format(enum.StrEnum):
    """What stdout carries."""

    text = "text"
    json = "json"


class ReportFormat(enum.StrEnum):
    """What a report is written as."""

    html = "html"
    json = "json"
    text = "text"


class PageFormat(enum.StrEnum):
    """What stdout carries for one theorem."""

    text = "text"
    json = "json"
    latex = "latex"


app = typer.Typer(
    name="odeflow",
    cls=Commands,
    help=_HELP,
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Run the command line on the process's arguments and exit."""
    # Hypothesis notes what it saw in the sources, by default in the folder where the user happens to be
    with tempfile.TemporaryDirectory(prefix="odeflow-", ignore_cleanup_errors=True) as notes:
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", notes)
        app(prog_name="odeflow")


def exit_code(results: Sequence[Result], *, problems: int) -> int:
    """Return the exit code of `odeflow verify`.

    A verdict that changed to another decided one, or a false twin that stands, is CHANGED, whatever else happened.
    After that, a recorded decision that is now undecided, or a paper that could not be loaded, is NOT_DECIDED.

    Parameters
    ----------
    results : what was checked
    problems : how many papers could not be loaded
    """
    from odeflow.theorem import Verdict

    changed = [r for r in results if r.verdict is not r.theorem.recorded]
    standing = [t for r in results for t in r.twins if t.verdict is not Verdict.REFUTED]
    if standing or any(r.verdict is not Verdict.UNDECIDED for r in changed):
        return CHANGED
    return NOT_DECIDED if changed or problems else OK


def _show_version(asked: bool) -> bool:
    if asked:
        from odeflow import __version__

        typer.echo(f"odeflow {__version__}")
        raise typer.Exit
    return False


_Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        help="Full ids, a paper's folder, or an unambiguous part; all theorems if none is given.",
    ),
]


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


@app.command("verify", epilog=_EXIT_CODES, short_help="Check theorems and compare with the record.")
@door
def verify_theorems(
    names: _Names = None,
    twins: Annotated[bool, typer.Option("--twins", help="Also run the false twins: each must be REFUTED.")] = False,
    format: Annotated[Format, typer.Option(help="A table, or one JSON array with an object a theorem.")] = Format.text,
    data: Annotated[
        str | None, typer.Option(metavar="FILE_OR_NAME", help="Your data (CSV, NPY, NPZ) or a bundled data set.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Target: a name or position.")] = None,
    features: Annotated[str | None, typer.Option(metavar="A,B,...", help="Features; all others if absent.")] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale rows to norm 1, target to variance 1.")] = False,
    standardise: Annotated[bool, typer.Option("--standardise", help="Centre and scale features first.")] = False,
    width: Annotated[int, typer.Option(min=1, metavar="M", help="Width of the network on the data.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of simulations and property tests.")] = 0,
    examples: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cases that each property test draws (40).")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Exact checks only; says which theorems need more than that.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Worker processes; one a core by default.")
    ] = None,
    details: Annotated[
        bool | None,
        typer.Option("--details/--brief", help="Claims and findings, or a line each; brief for more than 60 theorems."),
    ] = None,
    timings: Annotated[bool, typer.Option("--timings", help="Also show where the time went.")] = False,
) -> None:
    """Take theorems through their checks and compare each verdict with the recorded one.

    Every theorem is derived exactly, simulated, and attacked with random cases. Verdicts go to stdout, progress to
    stderr. With --data only the theorems that speak about data run, unless ids are given.
    """
    if data is None and (target is not None or features is not None or normalise or standardise):
        raise InvalidArgumentError(
            "Expected --data with --target, --features, --normalise or --standardise. Name a file or a data set."
        )
    if quick and (data is not None or twins or examples is not None):
        raise InvalidArgumentError(
            "Expected --quick without --data, --twins and --examples: it runs exact checks only. Leave one out."
        )
    from odeflow.session import Session, about_data
    from odeflow.verify import EXAMPLES, Settings, is_exact

    session = Session(text=format is Format.text)
    chosen = session.find(session.load(), names or [])
    left_out = [t for t in chosen if quick and not is_exact(t)]
    chosen = tuple(t for t in chosen if t not in left_out)
    settings = Settings(seed, EXAMPLES if examples is None else examples, twins=twins, exact_only=quick)
    case = None
    if data is not None:
        chosen = chosen if names else about_data(chosen)
        case = session.open_data(
            data,
            target=target,
            features=features,
            normalise=normalise,
            standardise=standardise,
            seed=seed,
            width=width,
        )
    results, interrupted = session.check(chosen, settings, data=case, jobs=jobs)
    options = ["--twins"] * twins + ["--quick"] * quick + _given(seed=seed or None, examples=examples)
    if data is not None:
        options += _given(data=data, target=target, features=features, width=width)
        options += ["--normalise"] * normalise + ["--standardise"] * standardise
    shown = len(chosen) <= BRIEF_FROM if details is None else details
    session.tell_verdicts(results, json=format is Format.json, data=case, details=shown)
    if quick:
        session.tell_left_out(left_out, checked=len(results))
    session.tell_rest(results, planned=len(chosen), timings=timings, command=lambda r: _command(r.theorem.id, options))
    raise typer.Exit(INTERRUPTED if interrupted else exit_code(results, problems=len(session.problems)))


@app.command("list", short_help="List theorems with their recorded verdicts.")
@door
def list_theorems(
    names: _Names = None,
    format: Annotated[Format, typer.Option(help="A list, or one JSON array with an object a theorem.")] = Format.text,
) -> None:
    """List theorems by paper: name, world, item, recorded verdict, statement.

    Ends with exit code 3 when something could not be loaded.
    """
    from odeflow.session import Session

    session = Session(text=format is Format.text)
    chosen = session.find(session.load(), names or [])
    if format is Format.json:
        from odeflow.report.as_json import dump, list_object

        session.write(dump(list_object(theorem) for theorem in chosen))
    else:
        from odeflow.report.pages import listing

        session.show(listing(chosen, width=session.width))
    session.tell_problems()
    raise typer.Exit(NOT_DECIDED if session.problems else OK)


@app.command("show", short_help="Show one theorem with every step of its proof.")
@door
def show_theorem(
    name: Annotated[str, typer.Argument(metavar="ID", help="A full id, or an unambiguous part of it.")],
    format: Annotated[
        PageFormat, typer.Option(help="A page for the terminal, one JSON object, or LaTeX.")
    ] = PageFormat.text,
) -> None:
    """Show one theorem: formula, assumptions, each step of its proof, certificate, counterexample, twins, citation.

    The proof is computed anew.
    """
    from odeflow.session import Session

    session = Session(text=format is PageFormat.text)
    catalogue = session.load()
    chosen = session.find(catalogue, [name])
    if len(chosen) != 1:
        found = ", ".join(theorem.id for theorem in chosen)
        raise InvalidArgumentError(f"Expected one theorem but {name!r} names {len(chosen)}: {found}. Pass one id.")
    twins = ["--twins"] if chosen[0].twins else []
    page = session.read(chosen[0], catalogue, command=_command(chosen[0].id, twins))
    if format is PageFormat.json:
        from odeflow.report.as_json import dump_one, page_object

        session.write(dump_one(page_object(page)))
    elif format is PageFormat.latex:
        from odeflow.report.as_latex import page_latex

        session.write(page_latex(page))
    else:
        from odeflow.report.pages import theorem_page

        session.show(theorem_page(page, width=session.width))


@app.command("report", epilog=_EXIT_CODES, short_help="Write everything about theorems as one page.")
@door
def write_report(
    names: _Names = None,
    format: Annotated[
        ReportFormat, typer.Option(help="A web page that needs nothing else, JSON, or plain text.")
    ] = ReportFormat.html,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; `-` is stdout.")
    ] = None,
    twins: Annotated[bool, typer.Option("--twins/--no-twins", help="Also run the false twins.")] = True,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of simulations and property tests.")] = 0,
    examples: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cases that each property test draws (40).")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Worker processes; one a core by default.")
    ] = None,
) -> None:
    """Check theorems and write a report: statements, proofs step by step, evidence, pictures, counterexamples, twins.

    The HTML page needs no network and no script. Without --output it goes to odeflow-report.html; JSON and text go to
    stdout. A file is written whole or not at all.
    """
    from odeflow import __version__
    from odeflow.files import refuse_missing_folder, write_text
    from odeflow.reading import Form
    from odeflow.session import Session
    from odeflow.verify import EXAMPLES, Settings

    if output is None:
        output = "odeflow-report.html" if format is ReportFormat.html else "-"
    if output != "-":
        refuse_missing_folder(output)
    session = Session(text=False)
    catalogue = session.load()
    chosen = session.find(catalogue, names or [])
    options = ["--twins"] * twins + _given(seed=seed or None, examples=examples)
    settings = Settings(seed, EXAMPLES if examples is None else examples, twins=twins)
    form = Form(format.value)
    verify = shlex.join(["odeflow", "verify", *options])
    try:
        results, parts = session.write_up(chosen, catalogue, settings, form=form, command=verify, jobs=jobs)
    except Interrupted as stop:
        raise Interrupted(f"{stop}; {'the report' if output == '-' else output} not written") from None
    if form is Form.HTML:
        from odeflow.report.html import document

        again = shlex.join(["odeflow", "report", *(names or []), *([] if twins else ["--no-twins"]), "-o", output])
        text = document(
            results, parts, problems=session.problems, command=again, version=__version__, seconds=session.seconds
        )
    else:
        text = "[\n" + ",\n".join(parts) + "\n]" if form is Form.JSON else "\n".join(parts)
    if output == "-":
        session.write(text)
    else:
        write_text(output, text + "\n" * (not text.endswith("\n")))
        typer.echo(f"written: {output}", err=True)
    session.tell_rest(results, planned=len(chosen), timings=False, command=lambda r: _command(r.theorem.id, options))
    raise typer.Exit(exit_code(results, problems=len(session.problems)))


app.command("rate", short_help="Find the best rate of an optimiser ODE, with an exact certificate.")(find_rate)
app.command("simulate", short_help="Simulate a flow and measure its rate beside the proved one.")(simulate_flow)
app.command("sweep", short_help="Simulate a grid of settings; resumes where it stopped.")(sweep_grid)
app.command("check", short_help="Verify certificates of rates with Python's standard library.")(check_certificates)


@app.command("figure", short_help="Reproduce a paper's figures.")
@door
def reproduce_figures(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="A paper's folder, or an unambiguous part of it.")],
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="NUMBER", help="Figures as the paper numbers them; all if none.")
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the PNG and SVG files.")
    ] = "figures",
    full: Annotated[bool, typer.Option("--full", help="The paper's sizes; may take minutes.")] = False,
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE_OR_NAME", help="Your data, a data set by name, or the gas-sensor folder."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of data and initial weights.", min=0)] = 0,
    format: Annotated[Format, typer.Option(help="Tables, or one JSON array with an object a figure.")] = Format.text,
) -> None:
    """Run a paper's figures as scenarios: draw them, and print measured rates beside theory.

    Each table ends with what of the paper's picture reproduces on these data and what does not.
    """
    from odeflow.session import Session

    session = Session(text=format is Format.text)
    scenarios = session.load().figures(paper, numbers or [])
    if not scenarios:
        raise InvalidArgumentError(f"Expected a paper with figures but {paper!r} has none.")
    session.figures(scenarios, folder=output, full=full, seed=seed, data=data, json=format is Format.json)


def _given(**options: str | int | None) -> list[str]:
    return [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]


def _command(name: str, options: Sequence[str]) -> str:
    return shlex.join(["odeflow", "verify", name, *options])
