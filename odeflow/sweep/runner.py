"""Run a sweep on any executor of `concurrent.futures`: processes here, Dask or MPI workers elsewhere.

Only this process writes. Cells are handed out a few at a time, so that a grid of millions costs no memory; a worker
that dies costs its unfinished cells, which are handed out again.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from odeflow.errors import Interrupted, OdeflowError
from odeflow.sweep.cells import CellResult, compute_cell
from odeflow.sweep.spec import SweepSpec
from odeflow.sweep.store import Store, cells_left
from odeflow.workers import available_cores, end_at_once, one_thread_each, process_pool

__all__ = ["Outcome", "Progress", "run_sweep"]

IN_FLIGHT = 4
"""Cells handed out a worker, so that none waits."""
DEATHS = 3
"""After so many dead pools without a finished cell in between, something in the cells kills them."""
FLUSH = 0.5
"""Seconds between writes to the disk; a crash costs at most the cells that finished within."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: cells finished and in all, and the seconds that remain at this pace."""

    done: int
    cells: int
    remaining: float | None


@dataclass(frozen=True)
class Outcome:
    """What a run did: cells computed now, found finished, failed in all, and the wall time in seconds."""

    computed: int
    resumed: int
    failed: int
    seconds: float


def run_sweep(
    spec: SweepSpec,
    path: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Compute every cell of a grid that the store does not have yet.

    Results do not depend on the executor or the number of workers: a cell is a function of its values and seed, and
    runs on one thread.

    Parameters
    ----------
    spec : the grid
    path : the store, a folder; an existing one is resumed
    executor : any executor, for instance `dask.distributed.Client.get_executor()` or
        `mpi4py.futures.MPIPoolExecutor()`; processes on this machine by default; how to start
        MPI workers is in the how-to page on sweeps. Only this process writes, so the store may lie on any file system
        that locks files
    jobs : number of processes of the default executor; one a core
    on_progress : called when cells have finished

    Raises
    ------
    OdeflowError
        The store is in use, belongs to another spec, or cannot be written; workers die again and again.
    Interrupted
        Ctrl-C was pressed; what has finished is kept.

    Examples
    --------
    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> spec = SweepSpec.checked({"samples": [4, 6], "features": [5]}, ["sharp"])
    >>> with ThreadPoolExecutor(1) as pool:
    ...     outcome = run_sweep(spec, tempfile.mkdtemp(), executor=pool)
    >>> outcome.computed, outcome.failed
    (2, 0)
    """
    begin = time.perf_counter()
    with Store(path, spec) as store:
        resumed, deaths = len(store.finished), 0
        while len(store.finished) < spec.size:
            before = len(store.finished)
            own = None
            try:
                if executor is None:
                    own = process_pool(jobs or available_cores(), ["odeflow.sweep.cells"])
                _drain(store, executor or own, begin, resumed, on_progress)
            except BrokenProcessPool:
                deaths = 1 if len(store.finished) > before else deaths + 1
                if executor is not None or deaths >= DEATHS:
                    raise OdeflowError(
                        f"Expected workers to finish cells but they died {deaths} times in a row. "
                        f"{len(store.finished)} finished cells are safe. Is there enough memory? Try fewer jobs."
                    ) from None
            except KeyboardInterrupt:
                kept = f"{len(store.finished)} of {spec.size} cells kept"
                raise Interrupted(f"{kept}; run the same command again to resume") from None
            finally:
                if own is not None:
                    end_at_once(own)
        store.export()
        failed = sum(bool(result.error) for result in store.finished.values())
        return Outcome(len(store.finished) - resumed, resumed, failed, time.perf_counter() - begin)


def _drain(
    store: Store,
    executor: Executor | None,
    begin: float,
    resumed: int,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Hand out cells and write down what comes back, until none is left; what has come is written even if this ends."""
    assert executor is not None
    room = IN_FLIGHT * (getattr(executor, "_max_workers", None) or available_cores() * 4)
    left, waiting, fresh = cells_left(store), set[Future[CellResult]](), list[CellResult]()
    last = time.monotonic()
    try:
        while True:
            for index, values in itertools.islice(left, room - len(waiting)):
                waiting.add(_submit(executor, index, values, store.spec.observables))
            if not waiting:
                return
            done, waiting = wait(waiting, timeout=FLUSH, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    fresh.append(future.result())
                except CancelledError:
                    raise BrokenProcessPool("a cell was cancelled") from None
            if fresh and (time.monotonic() - last > FLUSH or not waiting):
                store.add(fresh)
                fresh, last = [], time.monotonic()
                if on_progress is not None:
                    on_progress(_progress(store, begin, resumed))
    finally:
        for future in waiting:
            future.cancel()
        if fresh:
            store.add(fresh)


def _submit(
    executor: Executor, index: tuple[int, ...], values: dict[str, Any], observables: tuple[str, ...]
) -> Future[CellResult]:
    if isinstance(executor, ProcessPoolExecutor):
        with one_thread_each():  # a process may start here
            return executor.submit(compute_cell, index, values, observables)
    return executor.submit(compute_cell, index, values, observables)


def _progress(store: Store, begin: float, resumed: int) -> Progress:
    now = len(store.finished) - resumed
    left = store.spec.size - len(store.finished)
    pace = (time.perf_counter() - begin) / now if now else None
    return Progress(len(store.finished), store.spec.size, None if pace is None else pace * left)
