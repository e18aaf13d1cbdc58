"""`odeflow simulate`: any flow on frozen kernels, a network or the user's data, its rate beside the exact ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from odeflow.errors import InvalidArgumentError
from odeflow.rate_command import RateFormat, assignment, door

if TYPE_CHECKING:
    from rich.text import Text

    from odeflow.simulation import Ensemble, Run

__all__ = ["ensemble_lines", "ensemble_object", "simulate_flow"]


@door
def simulate_flow(
    flow: Annotated[
        str, typer.Argument(metavar="FLOW", help="gradient-flow, heavy-ball, nesterov, or an ODE as text.")
    ],
    on: Annotated[
        str, typer.Option("--on", metavar="SUBJECT", help="frozen (kernel), relu (network), linear (deep network).")
    ] = "frozen",
    data: Annotated[
        str | None, typer.Option(metavar="FILE_OR_NAME", help="Your data (CSV, NPY, NPZ) or a bundled data set.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Target: a name or position.")] = None,
    features_used: Annotated[
        str | None, typer.Option("--features", metavar="A,B,...", help="Features; all others if absent.")
    ] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale rows to norm 1, target to variance 1.")] = False,
    standardise: Annotated[bool, typer.Option("--standardise", help="Centre and scale features first.")] = False,
    samples: Annotated[int, typer.Option("-n", "--samples", min=1, help="Samples of drawn data.")] = 20,
    dimension: Annotated[int, typer.Option("-d", "--dimension", min=1, help="Features of drawn data.")] = 10,
    width: Annotated[int, typer.Option("-m", "--width", min=1, help="Neurons of the ReLU network.")] = 1000,
    depth: Annotated[int, typer.Option("-N", "--depth", min=1, max=16, help="Layers of the linear network.")] = 3,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="B=Q", help="Value of a parameter.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    horizon: Annotated[float | None, typer.Option(min=0.0, metavar="T", help="Flow time to stop at.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Draw the losses to a PNG or SVG file.")
    ] = None,
    format: Annotated[RateFormat, typer.Option(help="A table, or one JSON object.")] = RateFormat.text,
) -> None:
    """Simulate a flow for several seeds and measure its rate, beside the proved and the sharp one.

    \b
    Examples:
      odeflow simulate nesterov
      odeflow simulate "x'' + 2*x' + grad(x)" --on relu -m 2000 --seeds 8
      odeflow simulate gradient-flow --on linear --depth 4 -o losses.png
      odeflow simulate heavy-ball --data diabetes --normalise
    """
    from rich.console import Console

    from odeflow.datasets import Dataset
    from odeflow.report.progress import reporter
    from odeflow.simulation import Subject, simulate

    if on not in list(Subject):
        raise InvalidArgumentError(f"Expected --on frozen, relu or linear but got {on!r}.")
    if output is not None and output.suffix.lower() not in (".png", ".svg"):
        raise InvalidArgumentError(f"Expected a file that ends in .png or .svg but got {output}.")
    if data is None and (target is not None or features_used is not None or normalise or standardise):
        raise InvalidArgumentError("Expected --data with --target, --features, --normalise or --standardise.")
    with reporter(Console(stderr=True, markup=False, emoji=False, highlight=False)) as progress:
        dataset: Dataset | None = None
        if data is not None:
            from odeflow.data_case import open_case
            from odeflow.session import columns

            progress.busy("reading the data")
            dataset = open_case(
                data, **columns(target, features_used), normalise=normalise, standardise=standardise
            ).dataset
        found = simulate(
            flow,
            subject=Subject(on),
            data=dataset,
            samples=samples,
            features=dimension,
            width=width,
            depth=depth,
            parameters=dict(assignment(word) for word in values or []),
            seeds=seeds,
            seed=seed,
            horizon=horizon,
            on_run=lambda number, total: progress.busy(f"seed {number} of {total}"),
        )
        if output is not None:
            from odeflow.plots import save

            progress.busy("drawing")
            save(found.figure(), output.parent, output.stem, [output.suffix[1:].lower()])
    if format is RateFormat.json:
        typer.echo(json.dumps(ensemble_object(found), indent=2))
    else:
        console = Console(markup=False, emoji=False, highlight=False)
        for line in ensemble_lines(found, width=console.width):
            console.print(line)
        if output is not None:
            from rich.text import Text

            console.print(Text(f"drawn: {output}", "dim"))


def ensemble_object(found: Ensemble) -> dict[str, Any]:
    """Return the rates of an ensemble as one JSON object."""
    mean = found.mean_exponent()
    return {
        "flow": found.flow,
        "subject": found.subject.value,
        "setting": found.setting,
        "kind": found.kind.value,
        "mean_exponent": None if mean is None else mean[0],
        "standard_error": None if mean is None or mean[1] != mean[1] else mean[1],
        "runs": [
            {
                "seed": run.seed,
                "spectrum": list(run.spectrum),
                "exponent": None if run.fit is None else run.fit.exponent,
                "interval": None if run.fit is None else list(run.fit.interval),
                "proved": None if run.proved is None else str(run.proved),
                "sharp": run.sharp,
                "method": run.method,
                "reason": run.reason or None,
                "last_loss": float(run.losses[-1]),
            }
            for run in found.runs
        ],
    }


def ensemble_lines(found: Ensemble, *, width: int) -> Iterator[Text]:
    """Yield the table of an ensemble for a terminal."""
    from rich.text import Text

    from odeflow.report.lines import paragraph
    from odeflow.report.maths import prose

    law = "t^(-rate)" if found.kind.value == "power" else "e^(-rate t)"
    yield from paragraph(prose(found.flow), width, "bold")
    yield from paragraph(f"{found.subject.value}: {found.setting}; losses like {law}", width, "dim")
    yield Text("─" * width, "dim")
    yield Text(f"{'seed':>4}  {'spectrum':<22}{'measured [interval]':<28}{'proved':<10}sharp", "bold")
    for run in found.runs:
        yield Text(_row(run))
    yield Text()
    mean = found.mean_exponent()
    if mean is not None and len(found.runs) > 1:
        yield Text(f"measured over {len(found.runs)} seeds: {mean[0]:.4g} +- {mean[1]:.2g} (standard error)")
    shown = {"quadratics": "every quadratic with this spectrum", "convex": "every convex function"}
    scope = shown["convex" if found.kind.value == "power" else "quadratics"]
    subject = "" if found.subject.value == "frozen" else "; the network's kernel moves, so neither binds it"
    yield from paragraph(f"proved: for {scope} (odeflow rate); sharp: on quadratics{subject}", width, "dim")
    yield from paragraph(f"computed: {found.runs[0].method}", width, "dim")
    for reason in dict.fromkeys(run.reason for run in found.runs if run.reason):
        yield from paragraph(reason, width, "yellow")


def _row(run: Run) -> str:
    measured = (
        "no fit"
        if run.fit is None
        else f"{run.fit.exponent:.4g} [{run.fit.interval[0]:.3g}, {run.fit.interval[1]:.3g}]"
    )
    proved = "-" if run.proved is None else f"{float(run.proved):.4g}"
    sharp = "-" if run.sharp is None else f"{run.sharp:.4g}"
    spectrum = f"{run.spectrum[0]:.3g} .. {run.spectrum[1]:.3g}"
    return f"{run.seed:>4}  {spectrum:<22}{measured:<28}{proved:<10}{sharp}"
