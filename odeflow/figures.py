"""A paper's figures as named scenarios: data, a table of rates against theory, and remarks; drawn by `odeflow.plots`.

A paper's module offers `FIGURES`, a tuple of `Scenario`s. A scenario is a function of (full, seed): with full=False it
runs at sizes that take seconds, with full=True at the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from odeflow.theorem import Source

__all__ = ["Curve", "Figure", "Panel", "RateRow", "Scenario"]


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel.

    Attributes
    ----------
    label : for the legend; empty for lines that repeat a label
    x, y : (k,) coordinates
    theory : drawn dashed: what theory says, not what was measured
    group : curves of one group share a colour
    markers : draw points instead of a line
    """

    label: str
    x: Float[np.ndarray, " k"]
    y: Float[np.ndarray, " k"]
    theory: bool = False
    group: int = 0
    markers: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """Axes with their curves; scales are "linear" or "log"."""

    title: str
    xlabel: str
    ylabel: str
    curves: tuple[Curve, ...]
    xscale: str = "linear"
    yscale: str = "log"


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
    """A scenario's outcome: panels, a table, and what the paper says that does or does not reproduce."""

    title: str
    setting: str
    panels: tuple[Panel, ...]
    rows: tuple[RateRow, ...]
    remarks: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Scenario:
    """A figure of a paper: its number, where it stands, what it shows, and the function that runs it."""

    number: str
    source: Source
    shows: str
    run: Callable[[bool, int], Figure]
