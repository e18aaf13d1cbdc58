"""Work on many theorems on all cores, in worker processes that load the catalogue themselves.

Theorems hold functions and formulas, so none is sent: a worker gets an id and answers with words and numbers. Workers
use one thread each, and each finds its kernels in Numba's cache.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from odeflow.catalogue import Catalogue, load_catalogue
from odeflow.errors import OdeflowError
from odeflow.theorem import Theorem

__all__ = ["Workers", "available_cores", "one_thread_each"]

_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
Answer = TypeVar("Answer")


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
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload([__name__, *self.modules])
        self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_start_worker)
        with one_thread_each():
            self._pool.submit(_ready)

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
        with one_thread_each():
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
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _catalogue()


def _ready() -> None:
    """Let the first process start before there is work."""


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
