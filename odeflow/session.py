"""One run of the command line: its streams, its progress line, its theorems one by one, and what is said at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType

from odeflow.catalogue import Catalogue, Problem, load_catalogue
from odeflow.errors import Interrupted, InvalidArgumentError, NotLoadedError, UnknownNameError
from odeflow.reading import Form, findings, read_page, write_up, written_up
from odeflow.report.as_json import dump, verdict_object
from odeflow.report.ascii import approximate_letters
from odeflow.report.lines import Harmless, counted, paragraph, problem_lines
from odeflow.report.pages import Page
from odeflow.report.progress import AbstractReporter, reporter
from odeflow.report.text import brief_table, changes, hypotheses_table, summary, time_table, verdict_table
from odeflow.theorem import Theorem
from odeflow.verify import Result, Settings, check_fully
from odeflow.warmup import compiling_as_needed, secure_cache, warm_up
from odeflow.workers import Workers, available_cores

if TYPE_CHECKING:
    from odeflow.data_case import DataCase
    from odeflow.datasets import Dataset
    from odeflow.figures import Scenario

__all__ = ["Session", "about_data", "columns"]

WORTH_WORKERS = 12
"""From so many theorems on, worker processes save more time than they take to start; all kernels are made ready first,
so that no two processes compile the same one. Fewer theorems use few kernels, and this process compiles just those."""


class Session:
    """What the commands share.

    Parameters
    ----------
    text : whether stdout carries text for people; otherwise it carries JSON or LaTeX and nothing else, and everything
        meant for people goes to stderr
    """

    def __init__(self, *, text: bool) -> None:
        for stream in (sys.stdout, sys.stderr):
            approximate_letters(stream)
        self._out = Console(markup=False, emoji=False, highlight=False)
        self._err = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._side = self._out if text else self._err
        self._reporter = reporter(self._err)
        self._spent: list[tuple[str, str, float]] = []
        self._started = time.perf_counter()
        self._modules: tuple[str, ...] = ()
        self.problems: tuple[Problem, ...] = ()

    @property
    def width(self) -> int:
        """Width of stdout in characters."""
        return self._out.width

    def load(self) -> Catalogue:
        """Load every registered paper."""
        with self._working("loading the papers"), self._timed("the papers", "import"):
            said = secure_cache()  # before the papers import any kernel
            catalogue = load_catalogue()
        if said:
            self._err.print(said)
        self.problems = catalogue.problems
        self._modules = tuple(name for name in catalogue.modules.values() if name)
        return catalogue

    def find(self, catalogue: Catalogue, names: Sequence[str]) -> tuple[Theorem, ...]:
        """Return the theorems that names speak of.

        Raises
        ------
        NotLoadedError
            A name belongs to a paper that could not be loaded.
        UnknownNameError
            A name fits nothing or too much.
        """
        try:
            return catalogue.find(names)
        except UnknownNameError:
            for problem in catalogue.problems:
                if any(name.split("/")[0] == problem.name for name in names):
                    raise NotLoadedError(f"{problem.name} could not be loaded: {problem.reason}") from None
            self._say(problem_lines(catalogue.problems, width=self._err.width), self._err)
            raise

    def read(self, theorem: Theorem, catalogue: Catalogue, *, command: str) -> Page:
        """Run the symbolic parts of a theorem for its page."""
        with self._working(theorem.id) as progress:
            return read_page(theorem, catalogue, command=command, on_part=progress.detail)

    def open_data(
        self,
        data: str,
        *,
        target: str | None,
        features: str | None,
        normalise: bool,
        standardise: bool,
        seed: int,
        width: int,
    ) -> DataCase:
        """Open the user's data and say which hypotheses hold; columns that are whole numbers are positions."""
        with self._working("reading the data"), self._timed("your data", "hypotheses"):
            from odeflow.data_case import open_case

            case = open_case(
                data,
                **columns(target, features),
                normalise=normalise,
                standardise=standardise,
                seed=seed,
                width=width,
            )
            found = case.hypotheses
        self._say(hypotheses_table(case.summary, found, width=self._side.width), self._side)
        return case

    def check(
        self, chosen: Sequence[Theorem], settings: Settings, *, data: DataCase | None = None, jobs: int | None = None
    ) -> tuple[list[Result], bool]:
        """Check theorems; on Ctrl-C return the results so far and True.

        Parameters
        ----------
        chosen : in catalogue order, as are the results
        data : the user's data; they are checked in this process
        jobs : number of worker processes; by default one a core where there is work for them
        """
        numeric = not settings.exact_only and any(
            t.simulate or t.holds or (t.on_data and data is not None) for t in chosen
        )
        results: list[Result] = []
        try:
            with self._workers(1 if data is not None else jobs, len(chosen), numeric=numeric) as workers:
                if workers is None:
                    self._check_here(
                        chosen,
                        lambda theorem, tell: check_fully(theorem, settings, data=data, on_stage=tell),
                        results,
                        numeric=numeric,
                    )
                else:
                    found = workers.run(findings, chosen, settings)
                    self._collect((Result(theorem=t, **fields) for t, fields in found), len(chosen), results, workers)
        except KeyboardInterrupt:
            return _in_order(results, chosen), True
        return _in_order(results, chosen), False

    def write_up(
        self,
        chosen: Sequence[Theorem],
        catalogue: Catalogue,
        settings: Settings,
        *,
        form: Form,
        command: str,
        jobs: int | None,
    ) -> tuple[list[Result], list[str]]:
        """Check theorems and write each one's part of a report, both in catalogue order.

        Parameters
        ----------
        command : checks a theorem, up to its id

        Raises
        ------
        Interrupted
            Ctrl-C was pressed before the last theorem was written up.
        """
        written: dict[str, str] = {}
        results: list[Result] = []

        def arrived(workers: Workers) -> Iterator[Result]:
            for theorem, (fields, text) in workers.run(written_up, chosen, settings, form, command):
                written[theorem.id] = text
                yield Result(theorem=theorem, **fields)

        def write(theorem: Theorem, tell: Callable[[str], None]) -> Result:
            result, written[theorem.id] = write_up(theorem, catalogue, settings, form, command, on_stage=tell)
            return result

        try:
            with self._workers(jobs, len(chosen), numeric=True) as workers:
                if workers is None:
                    self._check_here(chosen, write, results, numeric=True)
                else:
                    self._collect(arrived(workers), len(chosen), results, workers)
        except KeyboardInterrupt:
            raise Interrupted(f"{len(results)} of {len(chosen)} were checked") from None
        ordered = _in_order(results, chosen)
        return ordered, [written[result.theorem.id] for result in ordered]

    @property
    def seconds(self) -> float:
        """Wall time since the session began."""
        return time.perf_counter() - self._started

    def tell_verdicts(self, results: Sequence[Result], *, json: bool, data: DataCase | None, details: bool) -> None:
        """Write the verdicts to stdout: with what was claimed and observed, or a line each."""
        if json:
            hypotheses = None if data is None else data.hypotheses
            self.write(dump(verdict_object(result, hypotheses=hypotheses) for result in results))
        elif results:
            self._say((verdict_table if details else brief_table)(results, width=self.width), self._out)

    def tell_rest(
        self, results: Sequence[Result], *, planned: int, timings: bool, command: Callable[[Result], str]
    ) -> None:
        """Say where the time went (if asked), what could not be loaded, what changed, and the summary."""
        if timings:
            self._say(time_table(self._spent), self._side)
        self.tell_problems()
        changed = changes(results, command=command, width=self._side.width)
        if changed is not None:
            self._say(changed, self._side)
        self._say(
            summary(results, problems=self.problems, seconds=self.seconds, planned=planned, width=self._side.width),
            self._side,
        )

    def tell_left_out(self, left_out: Sequence[Theorem], *, checked: int) -> None:
        """Say what a quick run did not do."""
        words = (
            f"Quick run: of {counted(checked, 'theorem')} only the exact checks ran; no simulation, no property test."
        )
        if left_out:
            names = ", ".join(theorem.name for theorem in left_out)
            words += f" Left out, because their verdicts rest on simulations: {names}."
        self._say(paragraph(words, self._side.width, "dim"), self._side)

    def figures(
        self, scenarios: Sequence[Scenario], *, folder: str, full: bool, seed: int, data: str | None, json: bool
    ) -> None:
        """Run scenarios one by one, write their pictures to `folder`, and tell their tables.

        Raises
        ------
        InvalidArgumentError
            Data are given and a scenario has no use for them.
        """
        from odeflow.plots import save
        from odeflow.report.figures import figure_lines, figure_object

        extra: tuple[Dataset, ...] = ()
        if data is not None:
            useless = [s.number for s in scenarios if not s.takes_data]
            if useless:
                raise InvalidArgumentError(
                    f"Expected figures that are drawn from data but {', '.join(useless)} "
                    f"{'is' if len(useless) == 1 else 'are'} not. Leave out --data or name other figures."
                )
            from odeflow.datasets import open_dataset

            extra = (open_dataset(data),)
        described = []
        for scenario in scenarios:
            with (
                self._working(f"{scenario.source.item}: {scenario.shows}") as progress,
                self._compiling(lambda words: progress.detail(words)),
            ):
                figure = scenario.run(full, seed, *extra)
                files = save(figure, folder, f"{scenario.source.paper.folder}_{scenario.number}")
            described.append(figure_object(scenario, figure, files))
            if not json:
                self._say(figure_lines(figure, files, width=self.width), self._out)
        if json:
            self.write(dump(described))

    def tell_problems(self) -> None:
        """Say what could not be loaded and why."""
        lines = problem_lines(self.problems, width=self._side.width)
        self._say([*lines, ""] if lines else [], self._side)

    def show(self, page: RenderableType) -> None:
        """Print text to stdout."""
        self._say(page, self._out)

    def write(self, words: str) -> None:
        """Write to stdout what another program reads."""
        self._out.file.write(words + "\n")
        self._out.file.flush()

    @contextmanager
    def _workers(self, jobs: int | None, theorems: int, *, numeric: bool) -> Iterator[Workers | None]:
        """Give worker processes, or none where this process does it alone; many theorems find all kernels ready."""
        count = min(available_cores() if jobs is None else jobs, theorems)
        many = theorems >= WORTH_WORKERS
        workers = Workers(count, self._modules) if count > 1 and (many or jobs is not None) else None
        try:
            if numeric and (many or workers is not None):
                self._warm_up()
            yield workers
        finally:
            if workers is not None:
                workers.stop()

    def _check_here(
        self,
        chosen: Sequence[Theorem],
        work: Callable[[Theorem, Callable[[str], None]], Result],
        results: list[Result],
        *,
        numeric: bool,
    ) -> None:
        """Take theorems one by one in this process; work is given each, and whom to tell what is about to run."""
        stage = ""

        def tell(words: str) -> None:
            nonlocal stage
            stage = words
            progress.detail(words)

        def compiling(words: str) -> None:
            progress.detail(f"{stage}, {words}" if words else stage)

        with self._reporter as progress, self._compiling(compiling) if numeric else nullcontext():
            for number, theorem in enumerate(chosen, start=1):
                progress.begin(number, len(chosen), theorem.id)
                self._take(work(theorem, tell), progress, results)

    @contextmanager
    def _compiling(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Let kernels compile where they are used first; tell which one does, and "" when it has."""

        def word(kernel: str) -> None:
            tell(f"compiling {kernel} (once per machine)" if kernel else "")

        with compiling_as_needed(word) as compiled:
            yield
        if compiled:
            self._reporter.note(f"{counted(len(compiled), 'kernel')} compiled on first use (once per machine)")

    def _collect(self, found: Iterator[Result], total: int, results: list[Result], workers: Workers) -> None:
        """Take results from the workers as they come."""
        with self._reporter as progress:
            progress.busy(f"starting {counted(workers.count, 'worker')}")
            for number, result in enumerate(found, start=1):
                progress.begin(number, total, result.theorem.id)
                self._take(result, progress, results)

    def _take(self, result: Result, progress: AbstractReporter, results: list[Result]) -> None:
        self._spent.extend((result.theorem.id, t.stage.value, t.seconds) for t in result.timings)
        if result.twins:
            self._spent.append((result.theorem.id, "false twins", result.twin_seconds))
        results.append(result)  # first, so that Ctrl-C does not lose what the next line says
        progress.end(result.verdict, result.seconds, as_recorded=result.as_recorded)

    def _warm_up(self) -> None:
        """Compile or load the numeric kernels, and say which and for how long."""
        with self._working("compiling or loading the numeric kernels"):
            outcome = warm_up(on_module=self._reporter.detail)
            for module in outcome.modules:
                self._spent.append((module.name, "compile" if module.compiled else "load", module.seconds))
                if module.problem:
                    self._reporter.note(f"{module.name} could not be warmed up: {module.problem}")
            self._reporter.note(outcome.sentence())

    @contextmanager
    def _working(self, words: str) -> Iterator[AbstractReporter]:
        with self._reporter as progress:
            progress.busy(words)
            yield progress

    @contextmanager
    def _timed(self, what: str, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._spent.append((what, stage, time.perf_counter() - start))

    def _say(self, what: RenderableType | Sequence[RenderableType], console: Console) -> None:
        parts: Sequence[Any] = what if isinstance(what, (list, tuple)) else [what]
        for part in parts:
            console.print(Harmless(part))


def _in_order(results: Sequence[Result], chosen: Sequence[Theorem]) -> list[Result]:
    place = {theorem.id: k for k, theorem in enumerate(chosen)}
    return sorted(results, key=lambda result: place[result.theorem.id])


def about_data(theorems: Sequence[Theorem]) -> tuple[Theorem, ...]:
    """Return the theorems that say something about the user's data."""
    chosen = tuple(t for t in theorems if t.on_data is not None)
    if not chosen:
        raise InvalidArgumentError("Expected theorems that speak about data but none does. Leave out --data.")
    return chosen


def columns(target: str | None, features: str | None) -> dict[str, Any]:
    """Return the columns that the options --target and --features name; whole numbers are positions."""
    return {
        "target": None if target is None else _column(target),
        "features": None if features is None else [_column(f) for f in features.split(",") if f.strip()],
    }


def _column(name: str) -> str | int:
    name = name.strip()
    return int(name) if name.removeprefix("-").isdecimal() else name
