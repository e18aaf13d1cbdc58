"""Compile the numeric kernels once per machine, and say so: all before many theorems, or each when it is first used.

Numba keeps what it compiled in a folder beside the kernels or in the user's cache. Where neither can be written, a
temporary folder serves this process alone.
"""

from __future__ import annotations

import atexit
import importlib
import math
import os
import pkgutil
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from odeflow.interrupts import interrupts_held

__all__ = ["ModuleWarmUp", "WarmUp", "compiling_as_needed", "kernel_modules", "secure_cache", "warm_up"]

PACKAGE = "odeflow.numeric"


@dataclass(frozen=True)
class ModuleWarmUp:
    """What became of one kernel module; `compiled` counts kernels that no cache held, `problem` is empty if it ran."""

    name: str
    seconds: float
    compiled: int
    problem: str = ""


@dataclass(frozen=True)
class WarmUp:
    """What became of all kernel modules."""

    modules: tuple[ModuleWarmUp, ...]

    @property
    def seconds(self) -> float:
        """Time spent, in seconds."""
        return math.fsum(m.seconds for m in self.modules)

    @property
    def compiled(self) -> int:
        """How many kernels were compiled rather than loaded."""
        return sum(m.compiled for m in self.modules)

    def sentence(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> WarmUp((ModuleWarmUp("a", 0.5, 0), ModuleWarmUp("b", 0.25, 0))).sentence()
        'kernels loaded from cache in 0.8 s'
        >>> WarmUp((ModuleWarmUp("a", 23.0, 4),)).sentence()
        '4 kernels compiled in 23.0 s (once per machine): a'
        """
        if self.compiled:
            names = ", ".join(m.name.rpartition(".")[2] for m in self.modules if m.compiled)
            word = "kernel" if self.compiled == 1 else "kernels"
            return f"{self.compiled} {word} compiled in {self.seconds:.1f} s (once per machine): {names}"
        return f"kernels loaded from cache in {self.seconds:.1f} s"


def kernel_modules(package: str = PACKAGE) -> tuple[str, ...]:
    """Return the full names of the modules `_*_kernels` of a package that exist now."""
    folder = importlib.import_module(package).__path__
    names = sorted(m.name for m in pkgutil.iter_modules(folder))
    return tuple(f"{package}.{n}" for n in names if n.startswith("_") and n.endswith("_kernels"))


def warm_up(*, package: str = PACKAGE, on_module: Callable[[str], None] | None = None) -> WarmUp:
    """Import every kernel module and call its `warm()`.

    Parameters
    ----------
    package : where the modules are
    on_module : called with a module's name before it is warmed

    Returns
    -------
    WarmUp
        A module without `warm` is only imported. One that raises is a problem of its own and never an exception: what
        needs it will say so.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed; the kernel that was compiling or loading is whole.
    """
    outcomes = []
    for name in kernel_modules(package):
        if on_module is not None:
            on_module(name)
        start, compiled, problem = time.perf_counter(), 0, ""
        try:
            module = importlib.import_module(name)
            before = _cache_misses(module)
            if hasattr(module, "warm"):
                with compiling_as_needed():
                    module.warm()
            compiled = _cache_misses(module) - before
        except Exception as error:  # any kernel may fail on a machine; the others must not
            problem = f"{type(error).__name__}: {error}"
        outcomes.append(ModuleWarmUp(name, time.perf_counter() - start, compiled, problem))
    return WarmUp(tuple(outcomes))


@contextmanager
def compiling_as_needed(on_kernel: Callable[[str], None] | None = None) -> Iterator[list[str]]:
    """Let kernels compile or load where they are first used within, each of them whole: Ctrl-C waits for its end.

    A compiler that is left in the middle may corrupt the process.

    Parameters
    ----------
    on_kernel : called with a kernel's name before it compiles (not when it is loaded), and with "" after that

    Yields
    ------
    The names of the kernels that compiled, in the order in which they began; those that they call are not listed.
    """
    from numba.core import event

    compiled: list[str] = []
    watch: Any = type("Watch", (_WholeKernels, event.Listener), {})(compiled, on_kernel or (lambda name: None))
    with event.install_listener("numba:compiler_lock", watch), event.install_listener("numba:compile", watch):
        yield compiled


class _WholeKernels:
    """Hold Ctrl-C while this thread is in the compiler, however deep, and tell of the outermost kernel."""

    def __init__(self, compiled: list[str], on_kernel: Callable[[str], None]) -> None:
        self._compiled, self._on_kernel = compiled, on_kernel
        self._locks = self._kernels = 0
        self._held: AbstractContextManager[None] | None = None

    def on_start(self, event: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if event.kind == "numba:compiler_lock":
            self._locks += 1
            if self._locks == 1:
                self._held = interrupts_held()
                self._held.__enter__()
            return
        self._kernels += 1
        if self._kernels == 1:
            function = event.data["dispatcher"].py_func
            self._compiled.append(f"{function.__module__.rpartition('.')[2]}.{function.__name__}")
            self._on_kernel(self._compiled[-1])

    def on_end(self, event: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if event.kind == "numba:compiler_lock":
            self._locks -= 1
            if self._locks == 0 and self._held is not None:
                self._held.__exit__(None, None, None)
            return
        self._kernels -= 1
        if self._kernels == 0:
            self._on_kernel("")


def secure_cache(folders: Iterable[Path] | None = None) -> str:
    """See to it that Numba has a folder to write to; call before the first kernel is imported.

    Parameters
    ----------
    folders : folders one of which must be writable, by default where Numba would look

    Returns
    -------
    Empty if a folder is writable or `NUMBA_CACHE_DIR` is set. Otherwise what was done instead, in a sentence.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return ""
    if any(_is_writable(folder) for folder in (_numba_folders() if folders is None else folders)):
        return ""
    folder = tempfile.mkdtemp(prefix="odeflow-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    return "no folder for compiled kernels can be written, so they compile anew each time; set NUMBA_CACHE_DIR to one"


def _numba_folders() -> list[Path]:
    """Return where Numba keeps compiled code: beside the source, else in the user's cache."""
    beside = Path(__file__).resolve().parent / "numeric" / "__pycache__"
    if sys.platform == "win32":
        user = Path(os.environ.get("LOCALAPPDATA", Path.home())) / "numba" / "Cache"
    elif sys.platform == "darwin":
        user = Path.home() / "Library" / "Caches" / "numba"
    else:
        user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"
    return [beside, user]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_misses(module: ModuleType) -> int:
    """Count the kernels of a module that had to be compiled so far."""
    found = {id(v): v for v in vars(module).values() if hasattr(v, "stats") and hasattr(v, "overloads")}
    return sum(sum(dispatcher.stats.cache_misses.values()) for dispatcher in found.values())
