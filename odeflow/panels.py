"""What a picture shows: curves on axes. Data only; `odeflow.plots` draws them.

Three forms serve the pages of theorems: `along` for what is claimed and observed over time, width or any parameter;
`by_case` for one number a case against one bound, `departures` if that bound is an error bar; `against_claim` for many
pairs of numbers of different sizes. A title is a claim that the picture shows: where what a paper claims is false, it
says so. What they keep is small: an Evidence carries it about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Numbers: TypeAlias = float | int | Sequence[Any] | NDArray[Any]
"""A number, or anything that NumPy makes an array of real numbers of."""

__all__ = ["MOST_POINTS", "Curve", "Panel", "against_claim", "along", "by_case", "departures"]

MOST_POINTS = 400
"""Points that a curve of `along`, `by_case` and `against_claim` keeps."""
LEAST = 1e-18
"""Where a logarithmic axis draws what is 0: below any rounding error of numbers about 1."""


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
    interval : (2, k) lower and upper ends of error bars, None without
    """

    label: str
    x: Float[np.ndarray, " k"]
    y: Float[np.ndarray, " k"]
    theory: bool = False
    group: int = 0
    markers: bool = False
    interval: Float[np.ndarray, "2 k"] | None = None


@dataclass(frozen=True, eq=False)
class Panel:
    """Axes with their curves; scales are "linear" or "log"."""

    title: str
    xlabel: str
    ylabel: str
    curves: tuple[Curve, ...]
    xscale: str = "linear"
    yscale: str = "log"


def along(
    x: Numbers,
    observed: Numbers | Mapping[str, Numbers],
    claimed: Numbers | Mapping[str, Numbers],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "linear",
    line: bool = False,
    interval: Numbers | Mapping[str, Numbers] | None = None,
) -> Panel:
    """Return a panel with what was observed and what was claimed over one variable.

    Parameters
    ----------
    x : (k,) times, widths, steps; the axis names it and its unit
    observed : (k,) values, or several of them by their label
    claimed : (k,) values or one value for all; several by their label, of which those that `observed` has too share
        their colours and one entry of the legend, "claimed"
    title : what the picture shows, as a claim
    yscale : on "log", what is 0 is drawn below everything else, at 1e-18 or lower, and the legend says so
    line : draw the observed values as a line instead of points
    interval : (2, k) lower and upper ends of error bars, by the label where there are several

    Examples
    --------
    >>> panel = along([1.0, 2.0], [0.3, 0.1], 0.5, title="never above 1/2", xlabel="t", ylabel="loss")
    >>> [curve.label for curve in panel.curves], panel.curves[1].y
    (['observed', 'claimed'], array([0.5, 0.5]))
    """
    at = np.asarray(x, dtype=np.float64).ravel()
    seen = observed if isinstance(observed, Mapping) else {"observed": observed}
    said = claimed if isinstance(claimed, Mapping) else {"claimed": claimed}
    bars = interval if isinstance(interval, Mapping) else dict.fromkeys(seen, interval)
    groups = {label: index for index, label in enumerate(seen)}
    others = iter(range(max(1, len(seen)), len(seen) + len(said) + 1))
    curves = []
    for label, values in seen.items():
        ends = _ends(bars.get(label))
        curves.append(_curve(label, at, values, group=groups[label], markers=not line, interval=ends))
    shared = "claimed"
    for label, values in said.items():
        where = _ends_of(at) if np.ndim(values) == 0 else at
        if label in groups:
            curves.append(_curve(shared, where, values, theory=True, group=groups[label]))
            shared = ""
        else:
            curves.append(_curve(label, where, values, theory=True, group=next(others)))
    if yscale == "log":
        positive = np.concatenate([curve.y[curve.y > 0.0] for curve in curves])
        least = min(LEAST, 0.1 * float(positive.min(initial=np.inf)))
        curves = [_above_zero(curve, least) for curve in curves]
    return Panel(title, xlabel, ylabel, tuple(curves), xscale, yscale)


def by_case(
    observed: Numbers,
    limit: float,
    *,
    title: str,
    ylabel: str,
    yscale: str = "linear",
    interval: Numbers | None = None,
    limit_label: str = "claimed",
) -> Panel:
    """Return a panel with one number a case, in increasing order, against one number that is claimed of all of them.

    Parameters
    ----------
    observed : (k,) one number a case; infinite ones are left out
    limit : the claimed bound or value, or the largest departure that the error bar allows
    title : what the picture shows, as a claim
    yscale : as for `along`
    interval : (2, k) lower and upper ends of error bars

    Examples
    --------
    >>> panel = by_case([0.9, 0.2], 1.0, title="no ratio above 1", ylabel="loss / bound")
    >>> panel.curves[0].y, panel.xlabel
    (array([0.2, 0.9]), 'cases, in increasing order')
    """
    values = np.asarray(observed, dtype=np.float64).ravel()
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    ends = _ends(interval)
    return along(
        np.arange(1.0, order.size + 1.0),
        values[order],
        {limit_label: limit},
        title=title,
        xlabel="cases, in increasing order",
        ylabel=ylabel,
        yscale=yscale,
        interval=None if ends is None else ends[:, order],
    )


def departures(
    found: Numbers, allowed: float, *, title: str, ylabel: str = "departure from the claim", of: str = "error bar"
) -> Panel:
    """Return a panel with how far each case departs from an equation, against what its error bar allows.

    Parameters
    ----------
    found : (k,) sizes of the departures
    allowed : departure from which on the claim is contradicted
    title : what the picture shows, as a claim
    of : what allows it, for the legend

    Examples
    --------
    >>> panel = departures([1e-16, 3e-15], 1e-12, title="both sides agree")
    >>> panel.yscale, panel.curves[1].label
    ('log', 'error bar')
    """
    seen = np.asarray(found, dtype=np.float64)
    kept = np.where(seen < LEAST, 0.0, seen)  # below any rounding error one departure is like another
    return by_case(kept, allowed, title=title, ylabel=ylabel, yscale="log", limit_label=of)


def against_claim(
    claimed: Numbers,
    observed: Numbers,
    *,
    what: str = "value",
    title: str = "",
    log: bool = False,
    interval: Numbers | None = None,
) -> Panel:
    """Return a panel with what was observed over what was claimed, and the line where both agree.

    Parameters
    ----------
    claimed, observed : (k,) the claimed value or bound of each case, and what was seen
    what : name of the quantity
    title : what the picture shows, as a claim
    log : draw on logarithmic axes; cases that are not positive are left out
    interval : (2, k) lower and upper ends of error bars of what was observed

    Examples
    --------
    >>> import numpy as np
    >>> panel = against_claim(np.array([1.0, 2.0]), np.array([0.9, 2.0]), what="loss")
    >>> panel.xlabel, len(panel.curves)
    ('claimed loss', 2)
    """
    x, y = np.asarray(claimed, dtype=np.float64).ravel(), np.asarray(observed, dtype=np.float64).ravel()
    kept = np.isfinite(x) & np.isfinite(y) & ((x > 0.0) & (y > 0.0) if log else True)
    bars = _ends(interval)
    x, y, bars = x[kept], y[kept], None if bars is None else bars[:, kept]
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())]) if x.size else np.array([0.0, 1.0])
    scale = "log" if log else "linear"
    return Panel(
        title,
        f"claimed {what}",
        f"observed {what}",
        (
            _curve("observed", x, y, markers=True, interval=bars),
            Curve("as claimed", ends, ends, theory=True, group=1),
        ),
        xscale=scale,
        yscale=scale,
    )


def _curve(
    label: str,
    x: Float[np.ndarray, " k"],
    values: Numbers,
    *,
    theory: bool = False,
    group: int = 0,
    markers: bool = False,
    interval: Float[np.ndarray, "2 k"] | None = None,
) -> Curve:
    """Return a curve of at most MOST_POINTS points, its ends and its extremes among them."""
    y = np.broadcast_to(np.asarray(values, dtype=np.float64), x.shape).copy()
    if y.size > MOST_POINTS:
        kept = np.linspace(0, y.size - 1, MOST_POINTS - 2).round().astype(np.int64)
        if np.isfinite(y).any():
            kept = np.append(kept, [np.nanargmin(y), np.nanargmax(y)])
        kept = np.unique(kept)
        x, y, interval = x[kept], y[kept], None if interval is None else interval[:, kept]
    return Curve(label, x, y, theory, group, markers, interval)


def _ends(interval: Numbers | None) -> Float[np.ndarray, "2 k"] | None:
    return None if interval is None else np.asarray(interval, dtype=np.float64).reshape(2, -1)


def _ends_of(x: Float[np.ndarray, " k"]) -> Float[np.ndarray, " m"]:
    """Return the ends of a level line; over a single place it is a short one."""
    if not x.size:
        return x
    ends = np.array([x.min(), x.max()])
    return ends if ends[0] < ends[1] else ends * np.array([0.9, 1.1])


def _above_zero(curve: Curve, least: float) -> Curve:
    """Return the curve with what is 0 moved to `least`, where a logarithmic axis can show it."""
    zero = curve.y == 0.0
    interval = None if curve.interval is None else np.maximum(curve.interval, least)
    label = f"{curve.label} (0 at {least:.0e})" if curve.label and zero.any() else curve.label
    return replace(curve, label=label, y=np.where(zero, least, curve.y), interval=interval)
