"""How to read the user's own table: CSV, NPY or NPZ, with an error that says what is wrong and where."""

from __future__ import annotations

import difflib
import os
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from odeflow.datasets.columns import Table, table_to_dataset
from odeflow.datasets.csv_text import MOST_CELLS, parse_csv
from odeflow.datasets.dataset import Dataset
from odeflow.errors import DataError

__all__ = ["read_dataset"]

LARGEST_TEXT = 100_000_000
"""Characters of a text table; a pipe is read up to here."""
LARGEST_ARRAYS = 500_000_000
"""Bytes of the arrays in an NPY or NPZ file, unpacked: an archive can promise any number of them."""
MOST_MEMBERS = 100
ASK_LICENCE = "not recorded: the user's own file"


def read_dataset(
    path: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    features: str | Sequence[str | int] | None = None,
    header: bool | None = None,
) -> Dataset:
    """Read inputs and targets from a CSV, NPY or NPZ file.

    Text (any other suffix than .npy and .npz): UTF-8, columns separated by commas, semicolons or tabs, with or without
    a line of names. NPY: a matrix, or a structured array with named fields. NPZ: a matrix of inputs and a vector of
    targets under two keys, `X` and `y` unless named otherwise; or one matrix, treated like NPY. Pickled objects are
    never loaded. Text of more than 100 MB, and arrays of more than 500 MB, are refused before they are read.

    Parameters
    ----------
    path
        The file.
    target
        Column of the target: a name, or a position (negative positions count from the end). Default: the last column.
        NPZ: the key of the targets.
    features
        Columns of the features, in this order. Default: every column but the target. NPZ: the key of the inputs.
    header
        Whether the first line of a text file holds names. Default: it does if none of its cells is a number.

    Returns
    -------
    Dataset named after the file. Only the chosen columns need to be numeric.

    Raises
    ------
    DataError
        The file is missing, a directory, unreadable, truncated or not of its format; a column is unknown; a cell is
        not a finite number (line and column are named); there is no row.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "measured.csv"
    ...     _ = file.write_text("height;mass;y\\n1.5;2;3\\n4;5;6\\n")
    ...     data = read_dataset(file, features=["mass"])
    >>> data, data.features.tolist()
    (Dataset 'measured': 2 points, 1 features, target 'y', [[2.0], [5.0]])
    """
    file = _existing_file(path)
    suffix = file.suffix.lower()
    if suffix == ".npz":
        return _read_npz(file, target, features)
    if suffix == ".npy":
        table = _array_table(_load_numpy(file), file.name)
    else:
        table = parse_csv(_read_bytes(file), name=file.name, header=header)
    if isinstance(features, str):
        features = [features]
    return table_to_dataset(
        table, name=file.stem, target=target, features=features, source=f"file {file.name}", licence=ASK_LICENCE
    )


def _existing_file(path: str | os.PathLike[str]) -> Path:
    try:
        file = Path(path)
        if file.is_dir():
            raise DataError(f"Expected a file but {str(file)!r} is a directory. Pass a CSV, NPY or NPZ file.")
        if file.exists():
            return file
        siblings = [sibling.name for sibling in file.parent.iterdir()] if file.parent.is_dir() else []
    except (OSError, ValueError) as error:  # a name too long, a null character, a folder that may not be listed
        raise DataError(f"Expected a readable file but got {str(path)!r:.200}: {error}. Check the path.") from error
    close = difflib.get_close_matches(file.name, siblings, n=3)
    hint = f" Did you mean {' or '.join(repr(name) for name in close)}?" if close else " Check the path."
    raise DataError(f"Expected a file but {str(file)!r} does not exist.{hint}")


def _read_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(min(LARGEST_TEXT, _size(file)) + 1)
            content += stream.read(LARGEST_TEXT + 1 - len(content)) if len(content) <= LARGEST_TEXT else b""
    except OSError as error:
        raise DataError(f"Expected {file.name!r} to be readable but: {error}. Check its permissions.") from error
    if len(content) > LARGEST_TEXT:
        raise DataError(
            f"Expected at most {LARGEST_TEXT} bytes of text but {file.name!r} has more. Take a part of it, or save "
            "the numbers with numpy.save."
        )
    return content


def _size(file: Path) -> int:
    return file.stat().st_size


def _load_numpy(file: Path) -> Any:
    """Map an NPY file instead of loading it: a header that promises more than the file holds is refused at once."""
    try:
        if _size(file) > LARGEST_ARRAYS:
            raise ValueError(f"it has more than {LARGEST_ARRAYS} bytes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.array(_bounded(np.load(file, mmap_mode="r", allow_pickle=False)))
    except Exception as error:  # NumPy's parsers raise many classes on damaged files; all of them mean this
        raise DataError(
            f"Expected {file.name!r} to be an NPY file of numbers but: {_first_line(error)}. "
            "It is damaged, truncated, holds Python objects, or is not an NPY file; write it with numpy.save."
        ) from error


def _bounded(array: Any) -> Any:
    """Refuse arrays of very many entries that take no bytes, such as empty strings."""
    if isinstance(array, np.ndarray) and array.size > LARGEST_ARRAYS:
        raise ValueError(f"it has more than {LARGEST_ARRAYS} entries")
    return array


def _array_table(array: Any, name: str) -> Table:
    if not isinstance(array, np.ndarray):
        raise DataError(f"Expected {name!r} to hold an array but it holds {type(array).__name__}.")
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise DataError(f"Expected the records in {name!r} to have one axis but their shape is {array.shape}.")
        columns = []
        for field in array.dtype.names:
            column = array[field]
            if column.ndim != 1:
                raise DataError(f"Expected field {field!r} of {name!r} to hold one number a row, not an array a row.")
            columns.append(_as_numbers(column, f"field {field!r} of {name!r}", required=False))
        return Table(columns=columns, names=tuple(array.dtype.names), first_row=0, row_word="row")
    if array.ndim != 2:
        raise DataError(
            f"Expected the array in {name!r} to be a matrix (n, d + 1) but its shape is {array.shape}. "
            "Store the target as a column, or use an NPZ file with keys X and y."
        )
    numbers = _as_numbers(array, f"the array in {name!r}")
    return Table(
        columns=[numbers[:, column] for column in range(array.shape[1])], names=None, first_row=0, row_word="row"
    )


def _as_numbers(array: np.ndarray, what: str, *, required: bool = True) -> Any:
    if array.dtype.kind not in "biuf":
        if not required and array.size <= MOST_CELLS:  # complained about only when the column is chosen
            try:
                return [str(cell) for cell in array]
            except Exception as error:  # text beyond Unicode is a SystemError of NumPy's
                raise DataError(f"Expected {what} to hold numbers or text but: {_first_line(error)}.") from error
        raise DataError(f"Expected {what} to hold real numbers but its type is {array.dtype}. Convert it to float64.")
    with np.errstate(over="ignore"):
        return array.astype(np.float64)


def _read_npz(file: Path, target: str | int | None, features: str | Sequence[str | int] | None) -> Dataset:
    arrays = _load_npz(file)
    keys = sorted(arrays)
    if len(arrays) == 1 and "X" not in arrays and (features is None or not isinstance(features, str)):
        table = _array_table(arrays[keys[0]], file.name)
        return table_to_dataset(
            table, name=file.stem, target=target, features=features, source=f"file {file.name}", licence=ASK_LICENCE
        )
    inputs_key, target_key = "X" if features is None else features, "y" if target is None else target
    if not isinstance(inputs_key, str) or not isinstance(target_key, str):
        raise DataError(
            f"Expected keys of {file.name!r} (features='X', target='y') but got features={features!r}, "
            f"target={target!r}. Its keys: {', '.join(keys) or 'none'}."
        )
    inputs = _as_numbers(_lookup(arrays, inputs_key, file.name), f"{inputs_key!r} in {file.name!r}")
    targets = _as_numbers(_lookup(arrays, target_key, file.name), f"{target_key!r} in {file.name!r}")
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
        raise DataError(
            f"Expected {inputs_key!r} of shape (n, d) and {target_key!r} of shape (n,) in {file.name!r} but got "
            f"{inputs.shape} and {targets.shape}."
        )
    columns = [inputs[:, column] for column in range(inputs.shape[1])]
    names = (*(f"{inputs_key}[{column}]" for column in range(len(columns))), target_key)
    table = Table(columns=[*columns, targets], names=names, first_row=0, row_word="row")
    return table_to_dataset(
        table, name=file.stem, target=None, features=None, source=f"file {file.name}", licence=ASK_LICENCE
    )


def _load_npz(file: Path) -> dict[str, Float[np.ndarray, ...]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not zipfile.is_zipfile(file):
                raise ValueError("it is not a zip archive")
            # Our own stream: numpy.load forgets to close the file of a damaged archive.
            with file.open("rb") as stream:
                # The zip module unpacks no more of a member than its directory says.
                with zipfile.ZipFile(stream) as packed:
                    members = packed.infolist()
                if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > LARGEST_ARRAYS:
                    raise ValueError(f"it unpacks to more than {MOST_MEMBERS} arrays or {LARGEST_ARRAYS} bytes")
                stream.seek(0)
                with np.load(stream, allow_pickle=False) as archive:
                    arrays = {key: _bounded(archive[key]) for key in archive.files}
    except Exception as error:  # as for NPY; also bad archives, memory and decompression errors
        raise DataError(
            f"Expected {file.name!r} to be an NPZ file of number arrays but: {_first_line(error)}. "
            "It is damaged, truncated, holds Python objects, or is not an NPZ file; write it with numpy.savez."
        ) from error
    stray = [key for key, array in arrays.items() if not isinstance(array, np.ndarray)]
    if stray:
        raise DataError(f"Expected {file.name!r} to hold arrays only but member {stray[0]!r} is something else.")
    return arrays


def _lookup(arrays: dict[str, Any], key: str, name: str) -> Any:
    if key in arrays:
        return arrays[key]
    close = difflib.get_close_matches(key, list(arrays), n=3)
    hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    raise DataError(
        f"Expected an array {key!r} in {name!r} but it has {', '.join(map(repr, sorted(arrays))) or 'none'}.{hint} "
        "Name the keys with features=... and target=..."
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0][:200].rstrip(".") if text else "") or type(error).__name__
