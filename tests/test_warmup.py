"""Kernels compile once per machine and are loaded afterwards; a broken kernel or a read-only folder is no matter."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from numba.core import event

import odeflow
import odeflow.numeric
from odeflow.warmup import compiling_as_needed, kernel_modules, secure_cache, warm_up

KERNEL = """
    import numpy as np
    from numba import njit

    @njit(cache=True)
    def double(x):
        return 2.0 * x

    @njit(cache=True)
    def triple(x):
        return double(x) + x

    def warm():
        triple(np.ones(2))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with one good kernel module, one that cannot be imported, one whose warm raises, one without warm."""
    folder = tmp_path / "tiny_numeric"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_good_kernels.py").write_text(dedent(KERNEL))
    (folder / "_missing_kernels.py").write_text("import no_such_module_anywhere\n")
    (folder / "_raising_kernels.py").write_text("def warm():\n    raise OSError('disk full')\n")
    (folder / "_silent_kernels.py").write_text("")
    (folder / "ordinary.py").write_text("raise RuntimeError('not a kernel module')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [m for m in sys.modules if m.startswith("tiny_numeric")]:
        monkeypatch.delitem(sys.modules, name)
    return "tiny_numeric"


def test_every_kernel_module_is_found_and_nothing_else(package: str) -> None:
    names = [n.rpartition(".")[2] for n in kernel_modules(package)]
    assert names == ["_good_kernels", "_missing_kernels", "_raising_kernels", "_silent_kernels"]


def test_our_own_kernel_modules_are_those_on_disk() -> None:
    folder = Path(odeflow.numeric.__file__ or "").parent
    assert {n.rpartition(".")[2] for n in kernel_modules()} == {p.stem for p in folder.glob("_*_kernels.py")}
    assert any(hasattr(importlib.import_module(name), "warm") for name in kernel_modules())


def test_a_broken_module_is_a_problem_of_its_own(package: str) -> None:
    told: list[str] = []
    outcome = warm_up(package=package, on_module=told.append)
    assert told == list(kernel_modules(package))
    good, missing, raising, silent = outcome.modules
    assert (good.problem, silent.problem) == ("", "")
    assert missing.problem.startswith("ModuleNotFoundError")
    assert raising.problem == "OSError: disk full"


def test_kernels_are_compiled_once_and_loaded_by_the_next_process(package: str, tmp_path: Path) -> None:
    root = Path(odeflow.__file__).resolve().parent.parent
    code = f"from odeflow.warmup import warm_up; w = warm_up(package={package!r}); print(w.compiled, w.sentence())"
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(root)))}
    said = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120).stdout
        for _ in range(2)
    ]
    assert said[0].startswith("2 2 kernels compiled in ")
    assert said[0].endswith("(once per machine): _good_kernels\n")
    assert said[1].startswith("0 kernels loaded from cache in ")


class PressCtrlC(event.Listener):
    """Press Ctrl-C when the compiler has begun, once."""

    def __init__(self) -> None:
        self.pressed = False

    def on_start(self, event: Any) -> None:
        if not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)

    def on_end(self, event: Any) -> None:
        pass


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("moment", "compiled"), [("numba:run_pass", ["_good_kernels.triple"]), ("numba:compiler_lock", [])]
)
def test_ctrl_c_waits_until_a_kernel_is_whole(package: str, moment: str, compiled: list[str]) -> None:
    if not compiled:  # then it is loaded
        warm_up(package=package)
        sys.modules.pop(f"{package}._good_kernels")
    kernels = importlib.import_module(f"{package}._good_kernels")
    before, told = signal.getsignal(signal.SIGINT), list[str]()
    with (
        pytest.raises(KeyboardInterrupt),
        compiling_as_needed(told.append),
        event.install_listener(moment, PressCtrlC()),
    ):
        kernels.warm()
    assert signal.getsignal(signal.SIGINT) is before
    assert told == ([*compiled, ""] if compiled else [])
    assert len(kernels.triple.signatures) == 1, "the kernel is there, not half of one"
    assert kernels.triple(1.5) == 4.5


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_the_warm_up_after_a_whole_kernel(package: str) -> None:
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt), event.install_listener("numba:run_pass", PressCtrlC()):
        warm_up(package=package, on_module=told.append)
    assert told == [f"{package}._good_kernels"]
    assert len(sys.modules[told[0]].triple.signatures) == 1


def test_kernels_that_compile_on_first_use_are_named_without_those_they_call(package: str) -> None:
    with compiling_as_needed() as compiled:
        importlib.import_module(f"{package}._good_kernels").warm()
    assert compiled == ["_good_kernels.triple"]


@pytest.fixture
def no_cache_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # undone at the end, whatever secure_cache sets


def test_a_writable_folder_is_left_to_numba(tmp_path: Path, no_cache_set: None) -> None:
    assert secure_cache([tmp_path / "new"]) == ""
    assert os.environ["NUMBA_CACHE_DIR"] == ""


def test_without_a_writable_folder_kernels_go_to_a_private_one(tmp_path: Path, no_cache_set: None) -> None:
    file = tmp_path / "file"
    file.write_text("")
    said = secure_cache([file / "below_a_file", Path("/proc/no_such_folder")])
    assert "compile anew" in said
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.is_dir()
    if os.name != "nt":
        assert folder.stat().st_mode & 0o077 == 0  # compiled code is loaded from there: nobody else may write


def test_a_folder_the_user_chose_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert secure_cache([Path("/proc/no_such_folder")]) == ""
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path)
