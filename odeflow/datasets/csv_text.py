"""What does a text table say? Encoding, delimiter and header, decided by rules that fit in a sentence each."""

from __future__ import annotations

import csv
import io

from odeflow.datasets.columns import Table, parse_number
from odeflow.errors import DataError

__all__ = ["parse_csv"]

# In this order: a tab or a semicolon between cells is never an accident, a comma may be a decimal one.
DELIMITERS = ("\t", ";", ",")
# Numbers are few bytes as text and many in memory: so many cells are read within a minute and a gigabyte.
MOST_CELLS = 5_000_000
MOST_COLUMNS = 100_000
# How many rows are looked at to choose the delimiter.
SAMPLE = 50


def parse_csv(data: bytes, *, name: str, header: bool | None = None) -> Table:
    """Parse UTF-8 text (a byte-order mark is tolerated) into columns of text cells; raises DataError.

    Delimiter: the first of tab, semicolon, comma that splits the first rows into equally many cells, at least two.
    Header: the first row, if none of its cells is a number. Blank lines are skipped.
    """
    text = _decode(data, name)
    cells_at_most = max(map(text.count, DELIMITERS)) + text.count("\n") + text.count("\r")
    if cells_at_most > MOST_CELLS:
        raise DataError(
            f"Expected at most {MOST_CELLS} cells of text but {name!r} has about {cells_at_most}. Take a part of it, "
            "or save the numbers with numpy.save."
        )
    rows = _split(text, name)
    if not rows:
        raise DataError(f"Expected rows of numbers in {name!r} but the file is empty.")
    width = len(rows[0][1])
    if width > MOST_COLUMNS:
        raise DataError(f"Expected at most {MOST_COLUMNS} columns but {name!r} has {width}. Save it with numpy.save.")
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(
                f"Expected {width} cells in every row of {name!r}, as in its first row, but line {line} has "
                f"{len(cells)}. The file is damaged or truncated there, or a cell holds an unquoted delimiter."
            )
    has_header = _looks_like_names(rows[0][1]) if header is None else header
    names = _column_names(rows[0][1]) if has_header else None
    body = rows[1:] if has_header else rows
    if not body:
        raise DataError(f"Expected rows of numbers in {name!r} but it has a header line only.")
    columns = [[cells[column] for _, cells in body] for column in range(width)]
    return Table(
        columns=columns, names=names, first_row=body[0][0], row_word="line", row_numbers=[line for line, _ in body]
    )


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in data:
        raise DataError(
            f"Expected {name!r} to be text but it holds null bytes: it is binary. Use the suffix .npy or .npz for "
            "NumPy files, and export spreadsheets as CSV."
        )
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"Expected {name!r} to be UTF-8 text but byte {error.start} is not: the file is binary, damaged or in "
            "another encoding. Save it as UTF-8."
        ) from error


def _split(text: str, name: str) -> list[tuple[int, list[str]]]:
    """Return (line number, stripped cells) for every row that is not blank."""
    for delimiter in DELIMITERS:
        sample = [cells for _, cells in _rows(text, delimiter, name, limit=SAMPLE)]
        if sample and len(sample[0]) > 1 and all(len(cells) == len(sample[0]) for cells in sample):
            return _rows(text, delimiter, name)
    # None fits: split by the one that the first row has most of, so that the error names the row that differs.
    first = next((line for line in text.splitlines() if line.strip()), "")
    return _rows(text, max(reversed(DELIMITERS), key=first.count), name)


def _rows(text: str, delimiter: str, name: str, limit: int | None = None) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                rows.append((reader.line_num, stripped))
            if limit is not None and len(rows) >= limit:
                break
    except csv.Error as error:
        if limit is not None:
            return []
        raise DataError(
            f"Expected {name!r} to be a table but line {reader.line_num}: {error}. Check its quotation marks."
        ) from error
    return rows


def _looks_like_names(cells: list[str]) -> bool:
    """Say whether no cell is a number; one with a decimal comma is meant as a number and must not pass for a name."""
    return all(parse_number(cell) is None and parse_number(cell.replace(",", ".")) is None for cell in cells)


def _column_names(cells: list[str]) -> tuple[str, ...]:
    """Take names from the header; numpy.savetxt puts a hash before the first one."""
    first = cells[0].removeprefix("#").strip()
    return tuple(name or f"column {column}" for column, name in enumerate([first, *cells[1:]]))
