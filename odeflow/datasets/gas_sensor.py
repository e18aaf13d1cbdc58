"""The gas-sensor data of Arora et al., from the ten files that the user fetched from the UCI repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float

from odeflow.datasets.dataset import Dataset
from odeflow.errors import DataError, InvalidArgumentError
from odeflow.numeric.arrays import require_count

__all__ = ["GASES", "is_gas_sensor_folder", "read_gas_sensor"]

BATCHES = tuple(f"batch{number}.dat" for number in range(1, 11))
FEATURES = 128
GASES = ("ethanol", "ethylene", "ammonia", "acetaldehyde", "acetone", "toluene")
"""Classes 1 to 6."""
SOURCE = (
    "Vergara et al. (2012), Chemical gas sensor drift compensation; Rodriguez-Lujan et al. (2014), On the calibration "
    "of sensor arrays; UCI, Gas Sensor Array Drift at Different Concentrations"
)
LICENCE = "CC BY 4.0, as stated by the UCI Machine Learning Repository"


def is_gas_sensor_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a folder with at least one of the ten batch files."""
    folder = Path(path)
    return folder.is_dir() and any((folder / name).is_file() for name in BATCHES)


def read_gas_sensor(folder: str | os.PathLike[str], *, gas: int = 1) -> Dataset:
    """Read the regression task of one gas: 128 sensor features against the concentration in ppmv.

    Parameters
    ----------
    folder
        Where batch1.dat, ..., batch10.dat of "Gas Sensor Array Drift at Different Concentrations" are. Each line is
        `class;concentration 1:value ... 128:value`.
    gas
        Class 1 to 6, in the order of `GASES`; 1, ethanol, is the paper's, with 2565 points.

    Returns
    -------
    Dataset in the order of the batches.

    Raises
    ------
    DataError
        A file is missing or unreadable, a line is not of this form (file and line are named), or no line has the class.
    InvalidArgumentError
        The class is not 1 to 6.

    References
    ----------
    Arora, Cohen and Hazan (2018), section 8 (their problem "Ethanol").

    Examples
    --------
    >>> import pathlib, tempfile
    >>> line = "1;10.5 " + " ".join(f"{j}:{j / 2}" for j in range(1, 129))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in BATCHES:
    ...         _ = (pathlib.Path(folder) / name).write_text(line + "\\n")
    ...     data = read_gas_sensor(folder)
    >>> data
    Dataset 'gas_sensor_ethanol': 10 points, 128 features, target 'concentration'
    """
    if require_count("gas", gas) > len(GASES):
        raise InvalidArgumentError(f"Expected a gas of 1 to {len(GASES)} ({', '.join(GASES)}) but got {gas}.")
    place = Path(folder)
    missing = [name for name in BATCHES if not (place / name).is_file()]
    if missing:
        raise DataError(
            f"Expected the ten files batch1.dat to batch10.dat in {str(place)!r} but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Unpack the UCI archive there and pass that folder."
        )
    rows = [row for name in BATCHES for row in _rows(place / name, gas)]
    if not rows:
        raise DataError(
            f"Expected lines of class {gas} ({GASES[gas - 1]}) in {str(place)!r} but found none. Choose another gas."
        )
    table = np.array(rows)
    return Dataset(
        name=f"gas_sensor_{GASES[gas - 1]}",
        features=table[:, 1:],
        target=table[:, 0],
        feature_names=tuple(f"sensor {j // 8 + 1} feature {j % 8 + 1}" for j in range(FEATURES)),
        target_name="concentration",
        source=SOURCE,
        licence=LICENCE,
        notes=(f"class {gas}, batches 1 to 10 in order",),
    )


def _rows(file: Path, gas: int) -> list[Float[np.ndarray, " columns"]]:
    """Return (concentration, features) of the lines of one class."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Expected {file.name} to be a readable text file but: {error}. Fetch it again.") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        head, *entries = line.split()
        label, semicolon, concentration = head.partition(";")
        where = f"{file.name}, line {number}"
        if not semicolon:
            raise DataError(
                f"Expected `class;concentration` first in {where} but got {head!r:.40}. This is the data set without "
                "concentrations; fetch the one called 'at Different Concentrations'."
            )
        keys, values = zip(*(entry.partition(":")[::2] for entry in entries), strict=True) if entries else ((), ())
        try:
            kind, numbers = int(label), np.array([concentration, *values], dtype=np.float64)
            sound = [int(key) for key in keys] == list(range(1, FEATURES + 1)) and bool(np.isfinite(numbers).all())
        except ValueError:
            sound = False
        if not sound:
            raise DataError(
                f"Expected `class;concentration 1:value ... {FEATURES}:value` with finite numbers in {where} but got "
                f"{line!r:.60}. Fetch the file again."
            )
        if kind == gas:
            rows.append(numbers)
    return rows
