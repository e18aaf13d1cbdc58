"""From a table of columns to a data set: which column is which, and is every chosen cell a finite number?"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from odeflow.datasets.dataset import Dataset
from odeflow.errors import DataError

__all__ = ["Table", "parse_number", "table_to_dataset"]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns as read: float64 arrays, or lists of text cells that become numbers when they are chosen.

    `row_numbers` (or `first_row` + index) is how the user counts the rows: lines of a text file, rows of an array.
    """

    columns: list[Any]
    names: tuple[str, ...] | None
    first_row: int
    row_word: str
    row_numbers: list[int] | None = None

    def row(self, index: int) -> str:
        """Say where a row is, in the user's terms."""
        number = self.row_numbers[index] if self.row_numbers is not None else self.first_row + index
        return f"{self.row_word} {number}"

    def column(self, index: int) -> str:
        """Say which column it is, by name where there is one."""
        return f"column {index}" if self.names is None else f"column {self.names[index]!r}"


def table_to_dataset(
    table: Table,
    *,
    name: str,
    target: str | int | None,
    features: Sequence[str | int] | None,
    source: str,
    licence: str,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """Choose columns and check their cells; raises DataError with row and column."""
    width = len(table.columns)
    if width < 2:
        raise DataError(
            f"Expected at least two columns in {name!r}, features and a target, but got {width}. "
            "Separate the columns with commas, semicolons or tabs."
        )
    if len(table.columns[0]) < 1:
        raise DataError(f"Expected at least one row of numbers in {name!r} but got none.")
    chosen_target = width - 1 if target is None else _position(table, target, name)
    if features is None:
        chosen = [column for column in range(width) if column != chosen_target]
    else:
        chosen = [_position(table, column, name) for column in features]
        if not chosen:
            raise DataError("Expected at least one feature column but got features=[]. Leave it out to take all.")
        if len(set(chosen)) < len(chosen):
            raise DataError(f"Expected distinct feature columns but got {list(features)!r}. Name each column once.")
        if chosen_target in chosen:
            raise DataError(
                f"Expected the target not to be among the features but {table.column(chosen_target)} is both. "
                "Pass target=... or leave it out of features."
            )
    numbers = [_numbers(table, column, name) for column in chosen]
    names = table.names or tuple(f"column {column}" for column in range(width))
    return Dataset(
        name=name,
        features=np.ascontiguousarray(np.column_stack(numbers)),
        target=_numbers(table, chosen_target, name),
        feature_names=tuple(names[column] for column in chosen),
        target_name=names[chosen_target],
        source=source,
        licence=licence,
        notes=notes,
    )


def parse_number(cell: str) -> float | None:
    """Read a cell as a float; None when it is not one. Underscores, which Python allows in numbers, are refused."""
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _position(table: Table, column: str | int, name: str) -> int:
    width = len(table.columns)
    if isinstance(column, str):
        names = table.names or ()
        found = [index for index, known in enumerate(names) if known == column]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"Expected one column {column!r} but {len(found)} have that name. Use positions.")
        if not names:
            raise DataError(f"Expected a position, since {name!r} has no column names, but got {column!r}.")
        close = difflib.get_close_matches(column, names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
        raise DataError(f"Unknown column {column!r} in {name!r}.{hint} Columns: {', '.join(map(repr, names[:30]))}.")
    if isinstance(column, bool) or not isinstance(column, (int, np.integer)):
        raise DataError(f"Expected a column name or position but got {column!r}.")
    if not -width <= column < width:
        raise DataError(f"Expected a column position from {-width} to {width - 1} in {name!r} but got {column}.")
    return int(column) % width


def _numbers(table: Table, column: int, name: str) -> Float[np.ndarray, " n"]:
    cells = table.columns[column]
    if isinstance(cells, np.ndarray):
        values = np.asarray(cells, dtype=np.float64)
    else:
        values = np.empty(len(cells))
        for index, cell in enumerate(cells):
            number = parse_number(cell)
            if number is None:
                hint = " If the first line holds names, pass header=True." if index == 0 and table.names is None else ""
                where = f"{table.row(index)}, {table.column(column)} of {name!r}"
                raise DataError(_not_a_number(cell, where) + hint)
            values[index] = number
    finite = np.isfinite(values)
    if not finite.all():
        index = int(np.argmin(finite))
        raise DataError(
            f"Expected finite numbers but {table.row(index)}, {table.column(column)} of {name!r} is {values[index]}. "
            "Remove the row or impute the value."
        )
    return values


def _not_a_number(cell: str, where: str) -> str:
    if not cell.strip():
        return f"Expected a number but {where} is empty. Remove the row or impute the value."
    if cell.count(",") == 1 and parse_number(cell.replace(",", ".")) is not None:
        return f"Expected a number but {where} is {cell!r}. Write decimals with a point, not a comma."
    return (
        f"Expected a number but {where} is {cell!r:.60}. Choose numeric columns with features=... and target=..., "
        "or encode the text as numbers."
    )
