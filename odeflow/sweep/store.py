"""A sweep's results on disk: a journal that loses no finished cell, and a labelled Zarr copy of it.

A store is a folder. `spec.json` says what is computed, and with which versions; `journal.jsonl` gets one line a
finished cell, with a checksum, and is flushed to the disk; `lock` keeps a second run out; `results.zarr` is written
anew, whole, when a run ends. The journal is the truth: a line that a crash cut short is dropped, its cell computed
again.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from odeflow.errors import DataError, OdeflowError, printable
from odeflow.files import write_text
from odeflow.sweep.cells import CellResult
from odeflow.sweep.spec import AXES, OBSERVABLES, SweepSpec

if TYPE_CHECKING:
    import xarray

__all__ = ["Status", "Store", "open_sweep"]

FORMAT = 1
LONGEST_ERROR = 1000
"""Characters of a cell's error that are kept."""
LARGEST_SPEC = 10_000_000
LONGEST_SECONDS = 1e9
"""A cell that took longer, thirty years, is a damaged line; sums of such numbers may not be finite."""
LONGEST_LINE = 10_000
"""Bytes of a line of the journal; longer ones count as damaged."""
VERSIONED = ("odeflow", "numpy", "scipy", "sympy", "numba")


@dataclass(frozen=True)
class Status:
    """How far a sweep is.

    Attributes
    ----------
    cells, done, failed : in all; computed; computed, but ending in an error
    damaged : lines of the journal that could not be read; their cells will be computed again
    seconds : computing time so far, summed over workers
    """

    cells: int
    done: int
    failed: int
    damaged: int
    seconds: float


class Store:
    """A store that this process may write to; use it in a `with`.

    Parameters
    ----------
    path : folder; it is made if it does not exist
    spec : what is computed; must be the spec of an existing store

    Raises
    ------
    OdeflowError
        Another process writes to the store, it belongs to another spec, or it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], spec: SweepSpec) -> None:
        self.path, self.spec = Path(path), spec
        self._lock: int | None = None
        self._journal: int | None = None
        self.finished: dict[tuple[int, ...], CellResult] = {}

    def __enter__(self) -> Store:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path / "lock")
            self._agree()
            whole, _, results = _read_journal(self.path, self.spec)
            self.finished = {result.index: result for result in results}
            self._journal = os.open(self.path / "journal.jsonl", os.O_RDWR | os.O_CREAT, 0o666)
            os.truncate(self._journal, whole)  # what a crash cut short
            os.lseek(self._journal, 0, os.SEEK_END)
        except OSError as error:
            self.__exit__(None, None, None)
            raise OdeflowError(f"Could not open {self.path}: {error.strerror}. Pass a folder to write to.") from None
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in (self._journal, self._lock):
            if handle is not None:
                os.close(handle)
        self._journal = self._lock = None

    def add(self, results: Iterable[CellResult]) -> None:
        """Append finished cells and bring them to the disk; either all of them are kept or none.

        Raises
        ------
        OdeflowError
            The disk is full or fails; what was there before stays readable.
        """
        assert self._journal is not None, "use the store in a `with`"
        batch = list(results)
        text = "".join(_line(result) for result in batch).encode()
        before = os.lseek(self._journal, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(text):
                written += os.write(self._journal, text[written:])
            os.fsync(self._journal)
        except OSError as error:
            os.truncate(self._journal, before)
            raise OdeflowError(
                f"Could not write {self.path}: {error.strerror}. {len(self.finished)} finished cells are safe; make "
                "room and run the same command again."
            ) from None
        self.finished.update((result.index, result) for result in batch)

    def export(self) -> Path:
        """Write `results.zarr` anew, whole or not at all, and return its name."""
        target = self.path / "results.zarr"
        fresh = Path(tempfile.mkdtemp(dir=self.path, prefix=".results-"))
        old = fresh / "old"
        try:
            _dataset(self.spec, self.finished.values(), _described(self.path)).to_zarr(
                fresh / "new", mode="w", zarr_format=2, consolidated=True
            )
            if target.exists():
                target.rename(old)
            (fresh / "new").rename(target)
        except OSError as error:
            if old.exists() and not target.exists():
                old.rename(target)
            raise OdeflowError(f"Could not write {target}: {error.strerror}. The journal has every cell.") from None
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return target

    def _agree(self) -> None:
        described = self.path / "spec.json"
        if not described.exists():
            if any(p.name not in ("lock",) for p in self.path.iterdir()):
                raise DataError(f"Expected an empty folder or a sweep's store but {self.path} holds other files.")
            versions = {name: version(name) for name in VERSIONED} | {"python": platform.python_version()}
            text = json.dumps(
                {"format": FORMAT, "spec": json.loads(self.spec.to_json()), "versions": versions}, indent=2
            )
            if len(text) > LARGEST_SPEC:  # it could not be read again
                raise DataError(
                    f"Expected a grid that takes at most {LARGEST_SPEC} characters to describe but this one takes "
                    f"{len(text)}. Take fewer or shorter values."
                )
            write_text(described, text)
            return
        found = _spec_of(self.path)
        if found.to_json() != self.spec.to_json():
            raise DataError(
                f"Expected the spec that {self.path} was made with but got another "
                f"({_difference(found, self.spec)}). Pass another folder."
            )


def status(path: str | os.PathLike[str]) -> Status:
    """Return how far the sweep in a store is, also while it runs."""
    spec = _spec_of(Path(path))
    _, damaged, results = _read_journal(Path(path), spec)
    finished = {result.index: result for result in results}
    return Status(
        spec.size,
        len(finished),
        sum(bool(r.error) for r in finished.values()),
        damaged,
        math.fsum(r.seconds for r in finished.values()),
    )


def open_sweep(path: str | os.PathLike[str]) -> xarray.Dataset:
    """Return a sweep's results with labelled axes, also of one that runs or was killed.

    Returns
    -------
    xarray.Dataset
        One variable an observable, with `description`, over the axes of the grid; NaN where a cell is missing or
        failed; `error` has the reasons and `seconds` the computing times. The spec, the versions and the seed are in
        its attributes.

    Raises
    ------
    DataError
        The folder is not a sweep's store, or its spec cannot be read.
    """
    folder = Path(path)
    spec = _spec_of(folder)
    _, _, results = _read_journal(folder, spec)
    return _dataset(spec, results, _described(folder))


def _dataset(spec: SweepSpec, results: Iterable[CellResult], described: str) -> xarray.Dataset:
    try:
        import xarray
    except ImportError:
        raise OdeflowError("Results need xarray and zarr. Install them with: pip install 'odeflow[sweep]'") from None

    names = [*spec.observables, "seconds"]
    arrays = {name: np.full(spec.shape, np.nan) for name in names}
    errors = np.full(spec.shape, "", dtype=object)
    for result in results:
        for name, value in zip(names, (*result.values, result.seconds), strict=True):
            arrays[name][result.index] = value
        errors[result.index] = result.error
    axes = list(spec.axes)
    about = {**OBSERVABLES, "seconds": "computing time of the cell"}
    variables = {
        name: (axes, array, {"description": about[name], "units": "s" if name == "seconds" else ""})
        for name, array in arrays.items()
    }
    longest = max([1, *(len(e) for e in errors.ravel())])
    variables["error"] = (axes, errors.astype(f"U{longest}"), {"description": "why a cell failed", "units": ""})
    coordinates = {name: (name, np.array(values), {"units": AXES[name].unit}) for name, values in spec.axes.items()}
    return xarray.Dataset(variables, coordinates, {"described": described, "seed": spec.seed})


def _line(result: CellResult) -> str:
    error = result.error if len(result.error) <= LONGEST_ERROR else f"{result.error[:LONGEST_ERROR]}..."
    body = json.dumps([list(result.index), list(result.values), error, result.seconds])
    return f"{zlib.crc32(body.encode()):08x} {body}\n"


def _read_journal(path: Path, spec: SweepSpec) -> tuple[int, int, list[CellResult]]:
    """Return the length up to the last whole line, the number of damaged lines, and the results."""
    whole, damaged, results = 0, 0, dict[tuple[int, ...], CellResult]()
    try:
        with (path / "journal.jsonl").open("rb") as file:
            skipping = False
            while line := file.readline(LONGEST_LINE):
                ends = line.endswith(b"\n")
                result = None if skipping or not ends else _result(line[:-1], spec)
                if result is not None:
                    results[result.index] = result
                elif ends:
                    damaged += 1
                skipping = not ends
                whole = file.tell() if ends else whole
    except FileNotFoundError:
        return 0, 0, []
    except OSError as error:
        raise DataError(f"Could not read {path / 'journal.jsonl'}: {error.strerror}.") from None
    return whole, damaged, list(results.values())


def _result(line: bytes, spec: SweepSpec) -> CellResult | None:
    checksum, _, body = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        index, values, error, seconds = json.loads(body)
        if not (isinstance(index, list) and isinstance(values, list) and isinstance(error, str)):
            return None
        fits = len(index) == len(spec.shape) and all(
            type(i) is int and 0 <= i < n for i, n in zip(index, spec.shape, strict=True)
        )
        if not fits or len(values) != len(spec.observables) or {type(v) for v in (*values, seconds)} - {int, float}:
            return None
        if not 0.0 <= seconds <= LONGEST_SECONDS:
            return None
        return CellResult(tuple(index), tuple(float(v) for v in values), printable(error), float(seconds))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _described(path: Path) -> str:
    try:
        with (path / "spec.json").open(encoding="utf-8") as file:
            text = file.read(LARGEST_SPEC + 1)
    except FileNotFoundError:
        there = "holds no spec.json" if path.is_dir() else "does not exist"
        raise DataError(f"Expected the store of a sweep, a folder, but {path} {there}.") from None
    except NotADirectoryError:
        raise DataError(f"Expected the store of a sweep, a folder, but {path} is a file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"Could not read the spec.json of the store {path}: {reason}.") from None
    if len(text) > LARGEST_SPEC:
        raise DataError(f"Expected a spec.json of at most {LARGEST_SPEC} characters but {path} has a longer one.")
    return text


def _spec_of(path: Path) -> SweepSpec:
    described = _described(path)
    try:
        found: dict[str, Any] = json.loads(described)
        if found["format"] != FORMAT:
            raise DataError(f"Expected a store of format {FORMAT} but {path} has format {found['format']}.")
        return SweepSpec.from_json(json.dumps(found["spec"]))
    except OdeflowError:  # it says all that there is to say
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"Expected a readable spec.json in {path} but {error}. The journal is untouched.") from None


def _difference(old: SweepSpec, new: SweepSpec) -> str:
    changed = [n for n in dict.fromkeys([*old.axes, *new.axes]) if old.axes.get(n) != new.axes.get(n)]
    changed += ["observables"] * (old.observables != new.observables) + ["seed"] * (old.seed != new.seed)
    return f"different: {', '.join(changed)}"


def _locked(path: Path) -> int:
    """Return an open file that no other process holds; the system lets go of it when the process ends, however."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(handle, 40, 0).decode(errors="replace").strip() if os.name != "nt" else ""
        os.close(handle)
        said = f" (process {owner})" if owner.isdecimal() else ""
        raise OdeflowError(
            f"Expected no other run on {path.parent} but one is writing to it{said}. Wait for it, or pass another "
            "folder."
        ) from None
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle


def cells_left(store: Store) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """Yield the cells that no finished result covers."""
    for cell in store.spec.cells():
        if cell.index not in store.finished:
            yield cell.index, dict(cell.values)


def reasons(path: str | os.PathLike[str]) -> dict[str, int]:
    """Return why cells failed, and how many for each reason, the commonest first."""
    _, _, results = _read_journal(Path(path), _spec_of(Path(path)))
    counts = Counter(result.error for result in {r.index: r for r in results}.values() if result.error)
    return dict(counts.most_common())
