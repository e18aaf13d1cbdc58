"""What a picture shows: curves on axes. Data only; `odeflow.plots` draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Curve", "Panel", "against_claim"]


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


def against_claim(
    claimed: Float[np.ndarray, " k"], observed: Float[np.ndarray, " k"], *, what: str = "value", log: bool = False
) -> Panel:
    """Return a panel with what was observed over what was claimed, and the line where both agree.

    Parameters
    ----------
    claimed, observed : (k,) the claimed value or bound of each case, and what was seen
    what : name of the quantity
    log : draw on logarithmic axes; cases that are not positive are left out

    Examples
    --------
    >>> import numpy as np
    >>> panel = against_claim(np.array([1.0, 2.0]), np.array([0.9, 2.0]), what="loss")
    >>> panel.xlabel, len(panel.curves)
    ('claimed loss', 2)
    """
    x, y = np.asarray(claimed, dtype=np.float64).ravel(), np.asarray(observed, dtype=np.float64).ravel()
    kept = np.isfinite(x) & np.isfinite(y) & ((x > 0.0) & (y > 0.0) if log else True)
    x, y = x[kept], y[kept]
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())]) if x.size else np.array([0.0, 1.0])
    scale = "log" if log else "linear"
    return Panel(
        "",
        f"claimed {what}",
        f"observed {what}",
        (Curve("observed", x, y, markers=True), Curve("as claimed", ends, ends, theory=True, group=6)),
        xscale=scale,
        yscale=scale,
    )
