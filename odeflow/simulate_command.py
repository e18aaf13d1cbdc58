"""`odeflow simulate`: any flow on frozen kernels, a network or the user's data, its rate beside the exact ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from odeflow.door import INTERRUPTED, door
from odeflow.errors import InvalidArgumentError, UnknownNameError
from odeflow.files import refuse_missing_folder
from odeflow.rate_command import RateFormat, assignment

if TYPE_CHECKING:
    from rich.text import Text

    from odeflow.ensembles import Ensemble, Run

__all__ = ["ensemble_lines", "ensemble_object", "simulate_flow"]

MOST_LISTED = 8
"""Seeds whose last kernels are spelled out."""


@door
def simulate_flow(
    flow: Annotated[
        str, typer.Argument(metavar="FLOW", help="gradient-flow, heavy-ball, nesterov, or an ODE as text.")
    ],
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="SUBJECT",
            help="frozen (the kernel of infinite width), relu (two layers, the first trained), linear (deep, all "
            "layers), mlp (multi-layer perceptron, all layers).",
        ),
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
    width: Annotated[
        int | None, typer.Option("-m", "--width", min=1, help="Neurons of a hidden layer: relu 1000, mlp 64 if absent.")
    ] = None,
    depth: Annotated[int, typer.Option("-N", "--depth", min=1, max=16, help="Layers of linear and mlp.")] = 3,
    activation: Annotated[
        str, typer.Option(metavar="NAME", help="Of the perceptron: relu, tanh, sigmoid or identity.")
    ] = "relu",
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

    Every recorded loss is held against the bound that the proved rate stands for. Ctrl-C keeps the finished seeds and
    exits with 130.

    \b
    Examples:
      odeflow simulate nesterov
      odeflow simulate "x'' + 2*x' + grad(x)" --on relu -m 2000 --seeds 8
      odeflow simulate gradient-flow --on linear --depth 4 -o losses.png
      odeflow simulate gradient-flow --on mlp --activation tanh -N 4
      odeflow simulate heavy-ball --data diabetes --normalise
    """
    from rich.console import Console

    from odeflow.datasets import Dataset
    from odeflow.numeric.activations import Activation
    from odeflow.report.progress import reporter
    from odeflow.simulation import Subject, simulate

    if on not in list(Subject):
        raise UnknownNameError("subject", on, [one.value for one in Subject])
    if activation not in (names := [one.value for one in Activation]):
        raise UnknownNameError("activation", activation, names)
    if output is not None and output.suffix.lower() not in (".png", ".svg"):
        raise InvalidArgumentError(f"Expected a file that ends in .png or .svg but got {output}.")
    if output is not None:
        refuse_missing_folder(output)
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
            activation=Activation(activation),
            parameters=dict(assignment(word) for word in values or []),
            seeds=seeds,
            seed=seed,
            horizon=horizon,
            on_run=lambda number, total: progress.busy(f"seed {number} of {total}"),
            keep_finished=True,
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
    if len(found.runs) < found.wanted:
        typer.echo(f"odeflow: interrupted after {len(found.runs)} of {found.wanted} seeds", err=True)
        raise typer.Exit(INTERRUPTED)


def ensemble_object(found: Ensemble) -> dict[str, Any]:
    """Return the rates of an ensemble as one JSON object."""
    mean = found.mean_exponent()
    return {
        "flow": found.flow,
        "subject": found.subject.value,
        "setting": found.setting,
        "kind": found.kind.value,
        "seeds_wanted": found.wanted,
        "seeds_measured": len(found.measured),
        "mean_exponent": None if mean is None else mean[0],
        "standard_error": None if mean is None or mean[1] != mean[1] else mean[1],
        "runs": [_run_object(run) for run in found.runs],
    }


def ensemble_lines(found: Ensemble, *, width: int) -> Iterator[Text]:
    """Yield the table of an ensemble for a terminal."""
    from rich.text import Text

    from odeflow.report.lines import counted, paragraph
    from odeflow.report.maths import prose

    law = "t^(-rate)" if found.kind.value == "power" else "e^(-rate t)"
    yield from paragraph(prose(found.flow), width, "bold")
    if found.parameter_words():
        yield from paragraph(prose(found.parameter_words()), width)
    yield from paragraph(f"{found.subject.value}: {found.setting}; losses like {law}", width, "dim")
    yield Text("─" * width, "dim")
    yield Text(f"{'seed':>4}  {'spectrum':<17}{'measured [interval]':<25}{'proved':<9}{'sharp':<9}loss/bound", "bold")
    for run in found.runs:
        yield Text(_row(run))
    yield Text()
    if len(found.runs) < found.wanted:
        yield Text(f"{len(found.runs)} of {counted(found.wanted, 'seed')}, interrupted", "yellow")
    mean = found.mean_exponent()
    if mean is not None and len(found.measured) > 1:
        yield Text(f"measured over {len(found.measured)} seeds: {mean[0]:.4g} ± {mean[1]:.2g} (standard error)")
    moved = [run for run in found.runs if run.last_sharp is not None]
    if moved:
        listed = ", ".join(f"{run.last_sharp:.4g}" for run in moved[:MOST_LISTED])
        more = ", ..." if len(moved) > MOST_LISTED else ""
        yield from paragraph(f"sharp with the tangent kernel that training ends with: {listed}{more}", width)
    for words, style in _remarks(found):
        yield from paragraph(prose(words), width, style)
    shown = {"quadratics": "every quadratic with this spectrum", "convex": "every convex function"}
    scope = shown["convex" if found.kind.value == "power" else "quadratics"]
    subject = "" if found.subject.value == "frozen" else "; the network's kernel moves, so neither binds it"
    yield from paragraph(f"proved: for {scope} (odeflow rate); sharp: on quadratics{subject}", width, "dim")
    yield from paragraph(f"computed: {found.runs[0].method}", width, "dim")
    for reason in dict.fromkeys(run.reason for run in found.runs if run.reason):
        yield from paragraph(reason, width, "yellow")


def _run_object(run: Run) -> dict[str, Any]:
    bound = run.bound
    return {
        "seed": run.seed,
        "parameters": {name: str(value) for name, value in run.parameters.items()},
        "spectrum": list(run.spectrum),
        "measured": run.is_measured,
        "exponent": None if run.fit is None else run.fit.exponent,
        "interval": None if run.fit is None else list(run.fit.interval),
        "window": None if run.fit is None else list(run.fit.window),
        "proved": None if run.proved is None else str(run.proved),
        "sharp": run.sharp,
        "sharp_at_the_end": run.last_sharp,
        "bound": None
        if bound is None
        else {
            "constant": bound.promise.constant,
            "constant_over_first_loss": bound.promise.factor,
            "since": bound.promise.since,
            "largest_ratio": bound.largest,
            "at_time": bound.time,
            "holds": bound.holds,
        },
        "method": run.method,
        "reason": run.reason or None,
        "last_loss": float(run.losses[-1]),
    }


def _row(run: Run) -> str:
    from odeflow.ensembles import number

    measured = "no fit"
    if run.fit is not None:
        low, high = run.fit.interval
        shown = f"[{low:.3g}, {high:.3g}]"
        measured = f"{run.fit.exponent:.4g} {shown}" if run.is_measured else f"- {shown}"
    proved = "-" if run.proved is None else f"{float(run.proved):.4g}"
    sharp = "-" if run.sharp is None else f"{run.sharp:.4g}"
    spectrum = f"{run.spectrum[0]:.3g} .. {run.spectrum[1]:.3g}"
    bound = "-" if run.bound is None else f"{number(run.bound.largest)}{'' if run.bound.holds else ' !'}"
    columns = zip((spectrum, measured, proved, sharp), (16, 24, 8, 8), strict=True)
    return f"{run.seed:>4}  {''.join(f'{word:<{width}} ' for word, width in columns)}{bound}"


def _remarks(found: Ensemble) -> Iterator[tuple[str, str]]:
    """Yield what must be known to read the table: the bound, intervals that say nothing, and slopes below a bound."""
    frozen = found.subject.value == "frozen"
    yield from _about_the_bound(found, frozen)
    growing = [run for run in found.runs if run.fit is not None and run.fit.interval[1] < 0.0]
    if growing:
        yield f"{_seeds(growing)}: the loss grows; there is no rate to measure.", "yellow"
    vague = [
        run for run in found.runs if run.fit is not None and not run.is_measured and run.fit.interval[1] >= 0.0
    ]
    if vague:
        yield (
            f"{_seeds(vague)}: not measured, and not in the mean: the interval contains 0 or spans more than half the "
            "slope, because the slope still changes within the window. A longer --horizon may settle it.",
            "yellow",
        )
    low = [run for run in found.runs if run.is_below_proved and (run.bound is None or run.bound.holds)]
    moved = [run for run in low if run.follows_last_kernel]
    if moved:
        yield (
            f"{_seeds(moved)}: measured below the rate that is proved for the kernel at the start: the kernel has "
            "moved, and the rate is that of the one training ends with.",
            "",
        )
    low = [run for run in low if run not in moved]
    if low and low[0].fit is not None:
        start, end = low[0].fit.window
        power = found.kind.value == "power"
        factor = (
            "1 + c/t, or the beat of several modes" if power else "t^2 where two exponents of a mode nearly coincide"
        )
        moves = "" if frozen else " The network's kernel also differs from the frozen one."
        held = " without breaking its bound" if low[0].bound is not None else ""
        yield (
            f"{_seeds(low)}: measured below the proved rate{held}: the rate is the slope as t -> oo; on the window "
            f"t = {start:.3g} .. {end:.3g} the loss still carries a factor that varies slowly, like {factor}.{moves}",
            "yellow",
        )


def _about_the_bound(found: Ensemble, frozen: bool) -> Iterator[tuple[str, str]]:
    from odeflow.ensembles import number

    held = [(run, run.bound) for run in found.runs if run.bound is not None]
    if not held:
        if any(run.proved is not None for run in found.runs):
            yield "loss/bound: this proof gives no constant for this start, or loss and bound are out of range", "dim"
        return
    run, worst = max(held, key=lambda pair: pair[1].largest)
    power = worst.promise.kind.value == "power"
    constants = sorted(bound.promise.constant if power else bound.promise.factor or 0.0 for _, bound in held)
    first, last = number(constants[0]), number(constants[-1])
    law = "L(t) <= C t^(-proved)" if power else "L(t) <= C e^(-proved t) L(0)"
    said = f"C = {first}" if first == last else f"C = {first} .. {last}"
    where = f"largest {number(worst.largest)} at t = {number(worst.time)}" + (
        f", seed {run.seed}" if len(found.runs) > 1 else ""
    )
    broken = [run for run, bound in held if not bound.holds]
    if not broken:
        yield f"loss/bound: {law}, {said} from the proof's V, holds at every recorded time; {where}", ""
    elif frozen:
        yield f"loss/bound: {law}, {said} from the proof's V, FAILS for {_seeds(broken).lower()}; {where}", "bold red"
    else:
        yield (
            f"loss/bound: {law}, {said} from the proof's V, is exceeded by {_seeds(broken).lower()} (it is about the "
            f"frozen dynamics); {where}",
            "yellow",
        )


def _seeds(runs: list[Run]) -> str:
    listed = ", ".join(str(run.seed) for run in runs)
    return f"{'Seed' if len(runs) == 1 else 'Seeds'} {listed}"
