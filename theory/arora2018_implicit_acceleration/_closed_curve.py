"""Figure 1: the closed curve of Theorem 2, and what F gathers along it; no data, nothing random."""

from __future__ import annotations

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.datasets import Dataset
from odeflow.figures import Curve, Figure, Panel, RateRow
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import INNER, OUTER, piece_integral
from odeflow.symbolic.preconditioners_single_output import closed_curve as pieces_of
from theory.arora2018_implicit_acceleration import constant_field_circulation as lemma3

__all__ = ["curve_coordinates", "figure1"]

RADII = (0.5, 1.0)


def curve_coordinates(inner: float, outer: float, points: int) -> tuple[Float[np.ndarray, "k 2"], ...]:
    """Return the coordinates of the four pieces of the curve, in order, e = (1, 0); k = `points` each.

    Examples
    --------
    >>> [piece[[0, -1]].round(6).tolist() for piece in curve_coordinates(0.5, 1.0, 5)][:2]
    [[[-1.0, 0.0], [-0.5, 0.0]], [[-0.5, 0.0], [0.5, 0.0]]]
    """
    coordinates = []
    for piece in lemma3.compiled_curve():
        start, end = (float(v) for v in piece(0.0, inner, outer)[4:])
        t = np.linspace(start, end, points)
        columns = [np.broadcast_to(np.asarray(v, dtype=float), t.shape) for v in piece(t, inner, outer)[:2]]
        coordinates.append(np.array(columns).T)
    return tuple(coordinates)


def figure1(full: bool, seed: int, data: Dataset | None = None) -> Figure:
    """Draw the curve and tabulate the line integral of F for a constant gradient, by quadrature and in closed form."""
    del seed, data
    inner, outer = RADII
    drawn = curve_coordinates(inner, outer, 400 if full else 100)
    curves = [Curve(f"Gamma {k + 1}", piece[:, 0], piece[:, 1], group=k) for k, piece in enumerate(drawn)]
    rows = []
    for depth in (1, 2, 3, 4, 5):
        found, bar = lemma3.circulation(lemma3.constant(np.array([1.0, 0.0])), np.eye(2), inner, outer, depth)
        claimed = float(lemma3.CLAIM.bound({INNER: inner, OUTER: outer, DEPTH: float(depth)}))
        parts = ", ".join(
            f"{float(sp.N(piece_integral(p, sp.Integer(depth)))):.3f}"
            for p in pieces_of(sp.Rational(1, 2), sp.Integer(1))
        )
        said = f"{claimed:.6f} (Gamma 1 to 4: {parts})"
        rows.append(RateRow(f"N = {depth}: line integral of F", found, (found - bar, found + bar), said))
    panel = Panel("the closed curve around 0", "along grad L(0)", "across", tuple(curves), yscale="linear")
    return Figure(
        "Figure 1: the closed curve of Theorem 2",
        f"r = {inner}, R = {outer}, constant gradient of length 1 along the axis",
        (panel,),
        tuple(rows),
        (
            "For N = 1 and N = 2 the integral is 0: a linear loss has a potential there. From N = 3 on it is positive.",
            "The half circles need a second input: for d = 1 there is no such curve, and F has a potential.",
        ),
    )
