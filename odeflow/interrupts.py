"""Ctrl-C at a moment of our choosing, and never for the processes that work for us."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["children_spared", "interrupts_held"]


@contextmanager
def interrupts_held(told: Callable[[], None] | None = None) -> Iterator[None]:
    """Let Ctrl-C wait until the block ends, for code that must not stop half way (a compiler, a fork server).

    Only the main thread can hold it; elsewhere this does nothing.

    Parameters
    ----------
    told : called when Ctrl-C is pressed within

    Raises
    ------
    KeyboardInterrupt
        At the end of the block, if Ctrl-C was pressed within it.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed = False

    def remember(*_: object) -> None:
        nonlocal pressed
        first, pressed = not pressed, True
        if first and told is not None:
            told()

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(signal.SIGINT, None)


@contextmanager
def children_spared() -> Iterator[None]:
    """Let processes that start within never get Ctrl-C, which a terminal sends to all of them; it waits here, too.

    They inherit that the signal is blocked, so that there is no moment, not even that of their first imports, at which
    it reaches them. Windows cannot do that.
    """
    with interrupts_held():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
