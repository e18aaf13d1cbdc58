"""A paper's figures as named scenarios: data, a table of rates against theory, and remarks; drawn by `odeflow.plots`.

A paper's module offers `FIGURES`, a tuple of `Scenario`s. A scenario is a function of (full, seed): with full=False it
runs at sizes that take seconds, with full=True at the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from odeflow.panels import Curve, Panel
from odeflow.theorem import Source

__all__ = ["Curve", "Figure", "GraphArrow", "GraphNode", "GraphPanel", "Panel", "RateRow", "Scenario"]


@dataclass(frozen=True)
class GraphNode:
    """A node of a drawn network: where it stands (any unit) and what is written in it."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class GraphArrow:
    """An edge of a drawn network.

    Attributes
    ----------
    source, target : positions in the panel's nodes
    label : written at its middle; empty for none
    group : colour of a highlighted edge; None for one in the background
    width : in points
    bend : curvature, 0 for a straight arrow
    """

    source: int
    target: int
    label: str = ""
    group: int | None = None
    width: float = 1.2
    bend: float = 0.0


@dataclass(frozen=True)
class GraphPanel:
    """A drawn network, with a caption below it."""

    title: str
    nodes: tuple[GraphNode, ...]
    arrows: tuple[GraphArrow, ...]
    caption: str = ""


@dataclass(frozen=True)
class RateRow:
    """One measured number beside what theory says.

    Attributes
    ----------
    what : which curve, which quantity
    measured, interval : the number and its interval (None if it has none, for instance a count)
    theory : the sharp value, as text
    paper : what the paper claims, as text
    """

    what: str
    measured: float
    interval: tuple[float, float] | None
    theory: str
    paper: str = ""


@dataclass(frozen=True, eq=False)
class Figure:
    """A scenario's outcome: panels, a table, and what the paper says that does or does not reproduce.

    `graphs` are drawn before the panels, in rows of four.
    """

    title: str
    setting: str
    panels: tuple[Panel, ...]
    rows: tuple[RateRow, ...]
    remarks: tuple[str, ...] = field(default=())
    graphs: tuple[GraphPanel, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A figure of a paper: its number, where it stands, what it shows, and the function (full, seed) that runs it.

    With `takes_data` the function takes a data set as its third argument, None for the one it has by default.
    """

    number: str
    source: Source
    shows: str
    run: Callable[..., Figure]
    takes_data: bool = False
