"""`odeflow sweep`: a grid of simulations from a TOML file, on all cores or on a cluster, resumed where it stopped."""

from __future__ import annotations

import json
import time
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from odeflow.door import door
from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.files import refuse_missing_folder
from odeflow.rate_command import RateFormat

__all__ = ["sweep_grid"]

FAILED = 3
BETWEEN = 2.0
"""Seconds between two words on how far the run is."""


@door
def sweep_grid(
    spec: Annotated[
        Path, typer.Argument(metavar="SPEC.toml", help="The grid and what is observed; or a store, with --status.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="The store; SPEC.sweep by default.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Worker processes; one a core by default.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler's address; `local` starts one here.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Only say how far the store is.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the exponent with its interval to a PNG or SVG file.")
    ] = None,
    against: Annotated[str, typer.Option(metavar="AXIS", help="The horizontal axis of the plot.")] = "width",
    format: Annotated[RateFormat, typer.Option(help="Text, or one JSON object.")] = RateFormat.text,
) -> None:
    """Compute every cell of a grid that the store does not have yet.

    Kill it at any moment and run it again: no finished cell is lost, none is computed twice. Results are the same to
    the last bit for any number of workers. Read them with odeflow.sweep.open_sweep(FOLDER), an xarray dataset.
    Exit code 0: all cells computed; 2: wrong usage; 3: some cells ended in an error; 130: interrupted.

    \b
    A spec, widths.toml:
      [grid]
      width = [100, 400, 1600]
      seed = {from = 0, to = 4}
    Examples:
      odeflow sweep widths.toml --plot widths.png
      odeflow sweep widths.sweep --status
    """
    from rich.console import Console

    from odeflow.report.lines import seconds_words
    from odeflow.report.progress import reporter
    from odeflow.sweep import read_spec, run_sweep
    from odeflow.sweep.runner import Progress
    from odeflow.sweep.store import status as status_of

    store = output or (spec if spec.is_dir() else spec.with_suffix(".sweep"))
    if plot is not None and plot.suffix.lower() not in (".png", ".svg"):
        raise InvalidArgumentError(f"Expected a file that ends in .png or .svg but got {plot}.")
    if spec.is_dir() and not status:
        raise InvalidArgumentError(
            f"Expected a spec, a TOML file, but {spec} is a folder. Pass --status to hear how far the sweep in it is, "
            "or the spec that it was made from, to go on with it."
        )
    if plot is not None:
        refuse_missing_folder(plot)
    if not status:
        grid = read_spec(spec)
        with (
            ExitStack() as stack,
            reporter(Console(stderr=True, markup=False, emoji=False, highlight=False)) as progress,
        ):
            progress.busy(f"{grid.size} cells into {store}")
            told = time.monotonic()

            def tell(now: Progress) -> None:
                nonlocal told
                if time.monotonic() - told > BETWEEN:
                    left = "" if now.remaining is None else f", {seconds_words(now.remaining)} to go"
                    progress.busy(f"{now.done} of {now.cells} cells{left}")
                    told = time.monotonic()

            executor = None if dask is None else stack.enter_context(_DaskExecutor(dask))
            outcome = run_sweep(
                grid,
                store,
                executor=executor,
                jobs=jobs,
                on_progress=tell,
            )
    found = status_of(store)
    if plot is not None:
        _draw(store, plot, against)
    if format is RateFormat.json:
        typer.echo(json.dumps({"store": str(store), **vars(found)}))
    else:
        done = f"{found.done} of {found.cells} cells" + (f", {found.failed} failed" if found.failed else "")
        now = "" if status else f"; {outcome.computed} computed now in {seconds_words(outcome.seconds)}"
        damaged = f"; {found.damaged} damaged lines, computed again by the next run" if found.damaged else ""
        typer.echo(f"{store}: {done}{now}; {seconds_words(found.seconds)} of computing{damaged}")
        for reason, count in _reasons(store).items():
            typer.echo(f"  {count} failed: {reason}")
    raise typer.Exit(FAILED if found.failed else 0)


class _DaskExecutor(ExitStack):
    """Connect to a Dask scheduler, or start one here, and give its executor."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def __enter__(self) -> Executor:  # type: ignore[override]
        try:
            from dask.distributed import Client
        except ImportError:
            raise OdeflowError("--dask needs dask. Install it with: pip install 'odeflow[distributed]'") from None
        super().__enter__()
        try:
            local = {"threads_per_worker": 1, "dashboard_address": None}
            client = (
                Client(**local)  # type: ignore[no-untyped-call]
                if self._address == "local"
                else Client(self._address, timeout=10)  # type: ignore[no-untyped-call]
            )
        except (OSError, ValueError) as error:
            raise OdeflowError(f"Could not reach a Dask scheduler at {self._address}: {error}.") from None
        self.enter_context(client)
        executor: Executor = client.get_executor(pure=False, retries=10)  # type: ignore[no-untyped-call]
        return executor


def _reasons(store: Path) -> dict[str, int]:
    from odeflow.sweep.store import reasons

    return reasons(store)


def _draw(store: Path, target: Path, against: str) -> None:
    from odeflow.plots import save
    from odeflow.sweep.figures import sweep_figure

    save(sweep_figure(store, against), target.parent, target.stem, [target.suffix[1:].lower()])
