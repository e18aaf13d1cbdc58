"""Figures drawn with Matplotlib: PNG and SVG, written atomically."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from odeflow.errors import InvalidArgumentError
from odeflow.figures import Curve, Figure, GraphPanel, Panel
from odeflow.files import whole_file

__all__ = ["draw", "draw_graph", "panel_svg", "save"]

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
    if figure.graphs:
        return _draw_graphs_and_panels(Canvas, figure)
    canvas = Canvas(figsize=(5.6 * count, 4.2), layout="constrained")
    canvas.suptitle(figure.title, fontsize=12)
    for index, panel in enumerate(figure.panels):
        _draw_panel(canvas.add_subplot(1, count, index + 1), panel)
    return canvas


def draw_graph(axes: Any, graph: GraphPanel) -> None:
    """Draw a network into Matplotlib axes: nodes as labelled circles, weights at the arrows' middles.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    graph : GraphPanel
    """
    from matplotlib.patches import FancyArrowPatch

    for arrow in graph.arrows:
        tail, head = graph.nodes[arrow.source], graph.nodes[arrow.target]
        colour = "0.8" if arrow.group is None else COLOURS[arrow.group % len(COLOURS)]
        axes.add_patch(
            FancyArrowPatch(
                (tail.x, tail.y),
                (head.x, head.y),
                connectionstyle=f"arc3,rad={arrow.bend}",
                arrowstyle="-|>",
                mutation_scale=12,
                shrinkA=11,
                shrinkB=11,
                linewidth=arrow.width,
                color=colour,
                zorder=1 if arrow.group is None else 2,
            )
        )
        if arrow.label:
            # a quadratic curve passes its middle at half the height of its control point, across the chord
            x = (tail.x + head.x) / 2 + arrow.bend / 2 * (head.y - tail.y)
            y = (tail.y + head.y) / 2 - arrow.bend / 2 * (head.x - tail.x)
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
            dark = "0.55" if arrow.group is None else colour
            axes.text(x, y, arrow.label, fontsize=9, ha="center", va="center", color=dark, bbox=box, zorder=3)
    for node in graph.nodes:
        axes.plot(node.x, node.y, marker="o", markersize=20, markerfacecolor="white", markeredgecolor="0.25", zorder=4)
        axes.text(node.x, node.y, node.label, fontsize=9, ha="center", va="center", zorder=5)
    xs, ys = [n.x for n in graph.nodes], [n.y for n in graph.nodes]
    axes.set_xlim(min(xs) - 0.45, max(xs) + 0.45)
    axes.set_ylim(min(min(ys), -0.5) - 0.5, max(max(ys), 0.5) + 0.7)
    axes.set_aspect("equal")  # a bent arrow's middle is computed in the plane of the nodes
    axes.set_title(graph.title, fontsize=10)
    axes.text(0.5, -0.02, graph.caption, transform=axes.transAxes, fontsize=9, ha="center", va="top")
    axes.set_axis_off()


def panel_svg(panel: Panel) -> str:
    """Return one panel as SVG, its letters as text, small enough for the page of a theorem."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(4.2, 2.9), layout="constrained")  # legible at the width of a telephone
    axes = canvas.add_subplot()
    _draw_panel(axes, panel)
    # so many letters fit above and beside the axes
    axes.set_title(fill(panel.title, 46), fontsize=10)
    axes.set_ylabel(fill(panel.ylabel, 32))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "odeflow"}):
        canvas.savefig(stream := io.StringIO(), format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


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
    written = []
    for ending in formats:
        target = Path(folder) / f"{stem}.{ending}"
        # no date inside: the same figure gives the same file
        metadata = {"Date": None} if ending == "svg" else {}
        with whole_file(target) as name:
            canvas.savefig(name, format=ending, dpi=150, metadata=metadata)
        written.append(target)
    return written


def _draw_graphs_and_panels(make: Any, figure: Figure) -> Any:
    """Return a canvas with the networks in rows of four and the panels in a last row."""
    across = min(4, len(figure.graphs))
    rows = -(-len(figure.graphs) // across)
    last = 1 if figure.panels else 0
    canvas = make(figsize=(3.4 * across, 2.9 * rows + 4.2 * last), layout="constrained")
    canvas.suptitle(figure.title, fontsize=12)
    grid = canvas.add_gridspec(rows + last, 1, height_ratios=[2.9] * rows + [4.2] * last)
    for row in range(rows):
        cells = grid[row].subgridspec(1, across)
        for column, graph in enumerate(figure.graphs[across * row : across * (row + 1)]):
            draw_graph(canvas.add_subplot(cells[column]), graph)
    if figure.panels:
        cells = grid[rows].subgridspec(1, len(figure.panels))
        for column, panel in enumerate(figure.panels):
            _draw_panel(canvas.add_subplot(cells[column]), panel)
    return canvas


def _draw_panel(axes: Any, panel: Panel) -> None:
    for curve in panel.curves:
        _draw_curve(axes, curve)
    axes.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel, xscale=panel.xscale, yscale=panel.yscale)
    axes.grid(True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if panel.yscale == "log":
        _limit_to_measured(axes, panel)
    _choose_ticks(axes, panel)
    if panel.xscale == "log":
        _tick_at_whole_numbers(axes, panel)
    if any(c.label for c in panel.curves):
        axes.legend(fontsize=8, framealpha=0.8, edgecolor="none")


def _limit_to_measured(axes: Any, panel: Panel) -> None:
    """Keep a steep theory line from squeezing the measured curves; a level one is always in sight."""
    shown = [c.y for c in panel.curves if not c.theory or np.unique(c.y).size == 1]
    measured = np.concatenate([y[np.isfinite(y) & (y > 0)] for y in shown] or [np.empty(0)])
    if measured.size:
        axes.set_ylim(measured.min() / 3, measured.max() * 3)


def _choose_ticks(axes: Any, panel: Panel) -> None:
    """Count cases in whole numbers; write numbers out; leave room between the labels of a logarithmic axis."""
    from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator

    for axis, scale in ((axes.xaxis, panel.xscale), (axes.yaxis, panel.yscale)):
        if scale == "log":
            axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
        else:
            axis.get_major_formatter().set_useOffset(False)
    places = np.unique(np.concatenate([c.x for c in panel.curves if not c.theory] or [np.empty(0)]))
    if panel.xscale == "linear" and places.size and np.equal(places, places.round()).all():
        apart = places.size == 1 or np.diff(places).min() > 0.1 * np.ptp(places)
        axes.xaxis.set_major_locator(FixedLocator(places.tolist()) if apart else MaxNLocator(integer=True))


def _tick_at_whole_numbers(axes: Any, panel: Panel) -> None:
    """Write a few measured widths or sizes as they are; between powers of ten a logarithmic axis has crowded labels."""
    places = np.unique(np.concatenate([c.x for c in panel.curves if not c.theory] or [np.empty(0)]))
    if not 1 < places.size <= 6 or places[0] < 1.0 or not np.equal(places, places.round()).all():
        return
    if np.min(places[1:] / places[:-1]) > 1.25:  # labels stand apart
        axes.set_xticks(places, [f"{x:.0f}" for x in places])
        axes.set_xticks([], minor=True)


def _draw_curve(axes: Any, curve: Curve) -> None:
    style: dict[str, Any] = {"color": COLOURS[curve.group % len(COLOURS)], "label": curve.label or None}
    if curve.markers:
        style |= {"linestyle": "none", "marker": "o", "markersize": 4}
    else:
        style |= {"linestyle": (0, (4, 3)) if curve.theory else "-", "linewidth": 1.2 if curve.theory else 1.5}
    if curve.interval is not None:
        low, high = curve.interval
        axes.errorbar(
            curve.x, curve.y, yerr=np.maximum([curve.y - low, high - curve.y], 0.0), capsize=2, elinewidth=0.9, **style
        )
        return
    axes.plot(curve.x, curve.y, **style)
