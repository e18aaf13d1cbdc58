"""Figures drawn with Matplotlib: PNG and SVG, written atomically."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.figures import Curve, Figure, Panel

__all__ = ["draw", "save"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's palette: told apart by colour-blind readers."""

FORMATS = ("png", "svg")


def draw(figure: Figure) -> Any:
    """Return a Matplotlib figure with one axes a panel.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    matplotlib.figure.Figure, not attached to any window or global state
    """
    from matplotlib.figure import Figure as Canvas

    count = len(figure.panels)
    canvas = Canvas(figsize=(5.6 * count, 4.2), layout="constrained")
    canvas.suptitle(figure.title, fontsize=12)
    for index, panel in enumerate(figure.panels):
        _draw_panel(canvas.add_subplot(1, count, index + 1), panel)
    return canvas


def save(figure: Figure, folder: str | os.PathLike[str], stem: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Draw `figure` and write it to `folder/stem.FORMAT`, each file whole or not at all.

    Parameters
    ----------
    figure : Figure
    folder : is created if it does not exist
    stem : file name without its ending
    formats : any of "png" and "svg"

    Raises
    ------
    InvalidArgumentError
        An unknown format.
    OdeflowError
        The folder cannot be written.
    """
    unknown = [f for f in formats if f not in FORMATS]
    if unknown or not formats:
        raise InvalidArgumentError(
            f"Expected formats among {', '.join(FORMATS)} but got {', '.join(formats) or 'none'}."
        )
    canvas = draw(figure)
    target = Path(folder)
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for ending in formats:
            handle, temporary = tempfile.mkstemp(dir=target, prefix=f".{stem}.", suffix=f".{ending}")
            os.close(handle)
            try:
                # no date inside: the same figure gives the same file
                metadata = {"Date": None} if ending == "svg" else {}
                canvas.savefig(temporary, format=ending, dpi=150, metadata=metadata)
                os.replace(temporary, target / f"{stem}.{ending}")
            finally:
                if os.path.exists(temporary):
                    os.unlink(temporary)
            written.append(target / f"{stem}.{ending}")
    except OSError as error:
        raise OdeflowError(f"Could not write {target}: {error.strerror}. Pass a folder that can be written.") from None
    return written


def _draw_panel(axes: Any, panel: Panel) -> None:
    for curve in panel.curves:
        _draw_curve(axes, curve)
    axes.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel, xscale=panel.xscale, yscale=panel.yscale)
    axes.grid(True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if panel.yscale == "log":
        _limit_to_measured(axes, panel)
    if any(c.label for c in panel.curves):
        axes.legend(fontsize=8, frameon=False)


def _limit_to_measured(axes: Any, panel: Panel) -> None:
    """Keep a steep theory line from squeezing the measured curves."""
    measured = np.concatenate([c.y[np.isfinite(c.y) & (c.y > 0)] for c in panel.curves if not c.theory])
    if measured.size:
        axes.set_ylim(measured.min() / 3, measured.max() * 3)


def _draw_curve(axes: Any, curve: Curve) -> None:
    style: dict[str, Any] = {"color": COLOURS[curve.group % len(COLOURS)], "label": curve.label or None}
    if curve.markers:
        style |= {"linestyle": "none", "marker": "o", "markersize": 4}
    else:
        style |= {"linestyle": "--" if curve.theory else "-", "linewidth": 1.0 if curve.theory else 1.4}
    axes.plot(curve.x, curve.y, **style)
