"""A sweep drawn: the measured exponent with its interval against one axis, and the proved and sharp rates beside it."""

from __future__ import annotations

import itertools
import os

import numpy as np

from odeflow.errors import InvalidArgumentError, UnknownNameError
from odeflow.figures import Figure
from odeflow.panels import Curve, Panel
from odeflow.sweep.store import open_sweep

__all__ = ["sweep_figure"]

MOST_CURVES = 7


def sweep_figure(path: str | os.PathLike[str], against: str) -> Figure:
    """Return a sweep as a figure.

    Parameters
    ----------
    path : the store
    against : a numeric axis of the grid; seeds are averaged, every other axis gives curves of its own

    Raises
    ------
    InvalidArgumentError, UnknownNameError
        The axis is not in the grid or not a number; the exponent was not observed; there are too many curves.
    """
    data = open_sweep(path)
    if against not in data.dims:
        raise UnknownNameError("axis of this sweep", against, [str(d) for d in data.dims])
    x = data[against].values
    if not np.issubdtype(x.dtype, np.number):
        raise InvalidArgumentError(f"Expected a numeric axis to draw against but {against} holds words.")
    if "exponent" not in data:
        raise InvalidArgumentError("Expected the observable `exponent` in the sweep. Add it to the spec.")
    others = [str(d) for d in data.dims if d not in (against, "seed")]
    points = list(itertools.product(*(data[d].values for d in others)))
    if len(points) > MOST_CURVES:
        raise InvalidArgumentError(
            f"Expected at most {MOST_CURVES} curves but the grid gives {len(points)}. Draw a part of it from Python."
        )
    varying = [d for d in others if data.sizes[d] > 1]
    curves: list[Curve] = []
    for group, point in enumerate(points):
        part = data.sel(dict(zip(others, point, strict=True)))
        label = ", ".join(_named(axis, value) for axis, value in zip(others, point, strict=True) if axis in varying)
        exponent = part["exponent"].transpose(against, ...).values.reshape(x.size, -1)
        mean = np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan for row in exponent])
        kept = np.isfinite(mean)
        curves.append(Curve(label or "measured", x[kept].astype(np.float64), mean[kept], group=group, markers=True))
        for row, place in zip(exponent, x, strict=True):
            seen = row[np.isfinite(row)]
            if seen.size > 1:
                half = 1.96 * seen.std(ddof=1) / np.sqrt(seen.size)
                ends = seen.mean() + half * np.array([-1.0, 1.0])
                curves.append(Curve("", np.full(2, float(place)), ends, group=group))
        for name in ("proved", "sharp"):
            if name in part:
                rate = part[name].transpose(against, ...).values.reshape(x.size, -1)
                line = np.array([np.nanmean(r) if np.isfinite(r).any() else np.nan for r in rate])
                said = f"{name}, in the colour of its curve" if len(points) > 1 else name
                curves.append(Curve(said if group == 0 else "", x.astype(np.float64), line, True, group))
    log = bool((x > 0).all() and x.max() > 8 * x.min())
    title = f"measured exponents against {against}" + (" (means over seeds, 95 %)" if "seed" in data.dims else "")
    panel = Panel("", against, "exponent", tuple(curves), "log" if log else "linear", "linear")
    return Figure(title, str(path), (panel,), ())


def _named(axis: str, value: object) -> str:
    """Write a value with its axis, words that speak for themselves without.

    Examples
    --------
    >>> _named("width", 10), _named("flow", "x'' + 2*x' + grad(x)"), _named("data", "")
    ('width 10', "x'' + 2 x' + grad(x)", 'drawn data')
    """
    words = str(value)
    if axis in ("flow", "network", "activation", "data"):
        return words.replace("*", " ") or "drawn data"
    return f"{axis.replace('_', ' ')} {words}"
