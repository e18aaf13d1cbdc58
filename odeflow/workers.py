"""Work on many theorems on all cores, in worker processes that load the catalogue themselves.

Theorems hold functions and formulas, so none is sent: a worker gets an id and answers with words and numbers. Workers
use one thread each, and each finds its kernels in Numba's cache. Ctrl-C is the parent's to handle: no worker gets it.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from odeflow.catalogue import Catalogue, load_catalogue
from odeflow.errors import OdeflowError
from odeflow.interrupts import children_spared, interrupts_held
from odeflow.theorem import Theorem

__all__ = ["Workers", "available_cores", "end_at_once", "one_thread_each", "process_pool"]

_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
Answer = TypeVar("Answer")

LONGEST_END = 10.0
"""Seconds to wait until a pool whose processes have been ended has noticed."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class Workers:
    """Worker processes; they start, and load the papers, when this is made.

    Parameters
    ----------
    count : number of processes, >= 1
    modules : modules of the papers, imported once before the processes part where the platform can do that
    """

    count: int
    modules: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._pool = process_pool(self.count, [__name__, *self.modules], begin=_catalogue)

    def run(
        self, work: Callable[..., Answer], theorems: Sequence[Theorem], *given: Any
    ) -> Iterator[tuple[Theorem, Answer]]:
        """Do some work on theorems and yield each answer when it is there, in no particular order.

        Parameters
        ----------
        work : a function of (theorem, catalogue, *given) at the top of a module, whose answer can be pickled

        Raises
        ------
        OdeflowError
            A worker died, for instance for want of memory.
        """
        waiting = {self._pool.submit(_work, work, theorem.id, given): theorem for theorem in theorems}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool as error:
            raise OdeflowError(
                f"Expected every worker to finish but one died ({error}). Is there enough memory? Try --jobs 1."
            ) from error

    def stop(self) -> None:
        """End the processes at once; what they were doing is lost."""
        end_at_once(self._pool)


def process_pool(
    count: int, modules: Sequence[str], *, begin: Callable[[], object] | None = None
) -> ProcessPoolExecutor:
    """Return a pool of processes that Ctrl-C never reaches, and that end when this process is gone.

    Parameters
    ----------
    modules : imported once, from now on in the background, before the processes part where the platform can do that
    begin : called in each process before its first work
    """
    return _Processes(count, modules, begin)


class _Processes(ProcessPoolExecutor):
    """A pool whose processes take one thread each, and start whole or not at all when Ctrl-C is pressed."""

    def __init__(self, count: int, modules: Sequence[str], begin: Callable[[], object] | None) -> None:
        self._opening: threading.Thread | None = None
        context: BaseContext = multiprocessing.get_context("spawn")
        if "forkserver" in multiprocessing.get_all_start_methods():
            context = forking = multiprocessing.get_context("forkserver")
            forking.set_forkserver_preload(list(modules))
            _start_fork_server()
            # its first process starts when the modules are there; one that is forked after Ctrl-C has nothing to do,
            # while a worker would look for queues that are gone
            self._opening = threading.Thread(target=forking.Process(target=_nothing).start, daemon=True)
            self._opening.start()
        super().__init__(count, mp_context=context, initializer=_start_worker, initargs=(begin,))

    def submit(self, work: Callable[..., Answer], /, *given: Any, **named: Any) -> Future[Answer]:
        if self._opening is not None:
            self._opening.join()
        with one_thread_each(), interrupts_held():
            return super().submit(work, *given, **named)


def _start_fork_server() -> None:
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # starting it would let Ctrl-C through again
    with one_thread_each(), children_spared():
        forkserver.ensure_running()


def _nothing() -> None:
    """Be the work of the first process."""


def end_at_once(pool: ProcessPoolExecutor) -> None:
    """End a pool's processes at once; what they were doing is lost."""
    for process in list((pool._processes or {}).values()):
        process.terminate()  # before the queues go, which one that has just begun would look for
    manager: Any = pool._executor_manager_thread
    pool.shutdown(wait=False, cancel_futures=True)
    if manager is not None:  # it closes a pipe that the exit of this process would write to at the same moment
        manager.join(LONGEST_END)


def _start_worker(begin: Callable[[], object] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be blocked from the start
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin()


def _end_with_parent() -> None:
    """Wait for the parent to be gone, killed or interrupted before it knew of this process, and end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(work: Callable[..., Answer], theorem_id: str, given: tuple[Any, ...]) -> Answer:
    catalogue = _catalogue()
    (theorem,) = catalogue.find([theorem_id])
    return work(theorem, catalogue, *given)


@functools.cache
def _catalogue() -> Catalogue:
    return load_catalogue()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start within take one thread each, unless the user said otherwise."""
    changed = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(changed, "1"))
    try:
        yield
    finally:
        for name in changed:
            del os.environ[name]
