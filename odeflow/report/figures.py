"""Figures as text and JSON: the setting, measured numbers beside theory, what reproduces, where the pictures are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from odeflow.figures import Figure, RateRow, Scenario
from odeflow.report.lines import labelled, paragraph
from odeflow.report.maths import prose

__all__ = ["figure_lines", "figure_object"]


def figure_lines(figure: Figure, files: Sequence[Path], *, width: int) -> list[Text]:
    """Return a figure's page for the terminal.

    Parameters
    ----------
    figure : Figure
    files : the pictures that were written
    width : characters that a line may take
    """
    return list(_lines(figure, files, width))


def figure_object(scenario: Scenario, figure: Figure, files: Sequence[Path]) -> dict[str, Any]:
    """Return a figure as a JSON object, its curves included."""
    return {
        "paper": scenario.source.paper.folder,
        "figure": scenario.number,
        "title": figure.title,
        "setting": figure.setting,
        "rows": [
            {
                "what": row.what,
                "measured": row.measured,
                "interval": None if row.interval is None else list(row.interval),
                "theory": row.theory,
                "paper": row.paper,
            }
            for row in figure.rows
        ],
        "remarks": list(figure.remarks),
        "files": [str(file) for file in files],
        "panels": [
            {
                "title": panel.title,
                "xlabel": panel.xlabel,
                "ylabel": panel.ylabel,
                "curves": [
                    {"label": c.label, "theory": c.theory, "x": c.x.tolist(), "y": c.y.tolist()} for c in panel.curves
                ],
            }
            for panel in figure.panels
        ],
    }


def _lines(figure: Figure, files: Sequence[Path], width: int) -> Iterator[Text]:
    yield from paragraph(prose(figure.title), width, "bold")
    yield from paragraph(prose(figure.setting), width, "dim")
    yield Text("─" * width, style="dim")
    for row in figure.rows:
        yield from paragraph(prose(row.what), width)
        yield from labelled("measured", _measured(row), width)
        for label, words in (("theory", row.theory), ("paper", row.paper)):
            if words:
                yield from labelled(label, prose(words), width)
    yield Text()
    for remark in figure.remarks:
        style = "green" if remark.startswith("Reproduced") else "yellow" if remark.startswith("Not ") else ""
        yield from paragraph(prose(remark), width, style)
    yield from paragraph(f"drawn: {', '.join(map(str, files))}", width, "dim")
    yield Text()


def _measured(row: RateRow) -> str:
    if row.interval is None:
        return f"{row.measured:.4g}"
    return f"{row.measured:.4g} [{row.interval[0]:.4g}, {row.interval[1]:.4g}]"
