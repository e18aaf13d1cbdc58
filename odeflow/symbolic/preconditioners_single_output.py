r"""Is what one deep linear output follows the gradient of anything? Its field, curl and line integrals, exactly.

    F(w) = |w|^a (g + (N - 1) Pr_w g),   g = grad L(w),   a = 2 - 2/N,   Pr_w g = <g, w> w/|w|^2

Two calculi, both exact. The first works in any dimension: `partial` differentiates expressions in r = |w|, s = <g, w>
and the components w_i, w_j, g_i, g_j by the chain rule, with h = (Hess L) w; so N, d and L stay symbolic and

    d_i F_j - d_j F_i = (N - 1) |w|^{-2/N} (w_i v_j - w_j v_i),   v = (2/N - 1) g - h.

The second is the plane through 0 that holds the closed curve of Theorem 2: from -R e to -r e along the axis, over the
circle of radius r to r e, along the axis to R e, and back over the circle of radius R.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.derivations import Step, show_equal
from odeflow.symbolic.preconditioners import DEPTH

__all__ = [
    "CURL",
    "INNER",
    "NORM",
    "OUTER",
    "POWER",
    "PRODUCT",
    "Axis",
    "Piece",
    "closed_curve",
    "curl",
    "curl_closed_form",
    "field_at",
    "field_component",
    "partial",
    "piece_integral",
    "show_piece",
]

POWER = 2 - 2 / DEPTH
"""The exponent a."""
NORM = sp.Symbol("r", positive=True)
PRODUCT = sp.Symbol("s", real=True)
CURL = sp.Symbol("curl_ij", real=True)
INNER, OUTER = sp.symbols("r R", positive=True)
_ANGLE = sp.Symbol("theta", real=True)


class Axis(enum.Enum):
    """One of two different coordinate axes of R^d."""

    I = "i"  # noqa: E741
    J = "j"

    @property
    def weight(self) -> sp.Symbol:
        """Component of w."""
        return sp.Symbol(f"w_{self.value}", real=True)

    @property
    def gradient(self) -> sp.Symbol:
        """Component of g = grad L(w)."""
        return sp.Symbol(f"g_{self.value}", real=True)

    @property
    def curvature(self) -> sp.Symbol:
        """Component of h = (Hess L) w."""
        return sp.Symbol(f"h_{self.value}", real=True)


_HESSIAN = {
    frozenset((Axis.I, Axis.J)): sp.Symbol("H_ij", real=True),
    frozenset((Axis.I,)): sp.Symbol("H_ii", real=True),
    frozenset((Axis.J,)): sp.Symbol("H_jj", real=True),
}


def field_component(axis: Axis) -> sp.Expr:
    """Return F_i = r^a (g_i + (N - 1) s w_i/r^2)."""
    return NORM**POWER * (axis.gradient + (DEPTH - 1) * PRODUCT * axis.weight / NORM**2)


def partial(expression: sp.Expr, axis: Axis, extra: Mapping[sp.Symbol, sp.Expr] | None = None) -> sp.Expr:
    """Differentiate with respect to w_i by the chain rule, in any dimension.

    d_i r = w_i/r, d_i s = g_i + h_i, d_i w_j = delta_ij, d_i g_j = H_ij.

    Parameters
    ----------
    expression : in r, s and the components along the two axes
    extra : derivatives along `axis` of further symbols

    Examples
    --------
    >>> partial(NORM**2, Axis.I)
    2*w_i
    """
    second = {*_HESSIAN.values(), *(other.curvature for other in Axis)} - set(extra or {})
    if expression.free_symbols & second:
        raise InvalidArgumentError(
            f"Expected no second derivatives of the loss but got {expression}. Give their derivatives in `extra`."
        )
    rules = {NORM: axis.weight / NORM, PRODUCT: axis.gradient + axis.curvature, **(extra or {})}
    for other in Axis:
        rules[other.weight] = sp.Integer(int(other is axis))
        rules[other.gradient] = _HESSIAN[frozenset((axis, other))]
    return sp.Add(*(sp.diff(expression, symbol) * moved for symbol, moved in rules.items()))


def curl() -> sp.Expr:
    """Return d_i F_j - d_j F_i, computed, for any N, d and twice differentiable L."""
    return partial(field_component(Axis.J), Axis.I) - partial(field_component(Axis.I), Axis.J)


def curl_closed_form() -> sp.Expr:
    """Return (N - 1) r^{-2/N} (w_i v_j - w_j v_i) with v = (2/N - 1) g - (Hess L) w.

    Examples
    --------
    >>> import sympy as sp
    >>> sp.expand(sp.powsimp(sp.expand(curl() - curl_closed_form())))
    0
    """
    v = {axis: (2 / DEPTH - 1) * axis.gradient - axis.curvature for axis in Axis}
    cross = Axis.I.weight * v[Axis.J] - Axis.J.weight * v[Axis.I]
    return (DEPTH - 1) * NORM ** (-2 / DEPTH) * cross


def field_at(point: sp.Matrix, gradient: sp.Matrix, depth: sp.Expr = DEPTH) -> sp.Matrix:
    """Return F at concrete columns w != 0 and g.

    Examples
    --------
    >>> import sympy as sp
    >>> field_at(sp.Matrix([8, 0]), sp.Matrix([1, 1]), sp.Integer(3)).T
    Matrix([[48, 16]])
    """
    square = (point.T * point)[0, 0]
    if square == 0:
        raise InvalidArgumentError("Expected a point other than 0 but got 0, where F = 0 by definition.")
    along = (point.T * gradient)[0, 0] / square
    return square ** (1 - 1 / depth) * (gradient + (depth - 1) * along * point)


@dataclass(frozen=True)
class Piece:
    """One smooth piece of the closed curve in the plane of e = (1, 0).

    Attributes
    ----------
    name : in the paper's numbering
    radius : |w| on the piece
    point, velocity : w and dw/dparameter, columns
    parameter, start, end : the parameter and its range
    """

    name: str
    radius: sp.Expr
    point: sp.Matrix
    velocity: sp.Matrix
    parameter: sp.Symbol
    start: sp.Expr
    end: sp.Expr


def closed_curve(inner: sp.Expr = INNER, outer: sp.Expr = OUTER) -> tuple[Piece, Piece, Piece, Piece]:
    """Return the four pieces of the curve Gamma_{r,R} of Theorem 2, in order; for drawing, sample their points.

    Parameters
    ----------
    inner, outer : radii 0 < r < R

    Examples
    --------
    >>> import sympy as sp
    >>> pieces = closed_curve(sp.Integer(1), sp.Integer(2))
    >>> [(list(p.point.subs(p.parameter, p.start)), list(p.point.subs(p.parameter, p.end))) for p in pieces]
    [([-2, 0], [-1, 0]), ([-1, 0], [1, 0]), ([1, 0], [2, 0]), ([2, 0], [-2, 0])]
    """
    x = sp.Symbol("x", positive=True)

    def arc(name: str, radius: sp.Expr, side: int) -> Piece:
        point = radius * sp.Matrix([-side * sp.cos(_ANGLE), side * sp.sin(_ANGLE)])
        return Piece(name, radius, point, point.diff(_ANGLE), _ANGLE, sp.Integer(0), sp.pi)

    def segment(name: str, side: int, start: sp.Expr, end: sp.Expr) -> Piece:
        point = sp.Matrix([side * x, 0])
        return Piece(name, x, point, point.diff(x), x, start, end)

    return (
        segment("Gamma 1", -1, outer, inner),
        arc("Gamma 2", inner, 1),
        segment("Gamma 3", 1, inner, outer),
        arc("Gamma 4", outer, -1),
    )


def piece_integral(piece: Piece, depth: sp.Expr = DEPTH) -> sp.Expr:
    """Return the line integral of F_e, e = (1, 0) constant, along one piece, in closed form.

    Examples
    --------
    >>> import sympy as sp
    >>> [sp.factor(piece_integral(piece, sp.Integer(1))) for piece in closed_curve()]
    [R - r, 2*r, R - r, -2*R]
    """
    primitive = _primitive(piece, depth)
    return primitive.subs(piece.parameter, piece.end) - primitive.subs(piece.parameter, piece.start)


def show_piece(piece: Piece) -> Step:
    """Compute that the primitive behind `piece_integral` has the derivative <F_e(w), dw>, N symbolic."""
    unit, square = sp.Matrix([1, 0]), piece.radius**2
    along = (piece.point.T * unit)[0, 0] / square
    field = piece.radius**POWER * (unit + (DEPTH - 1) * along * piece.point)
    title = f"{piece.name}: |w| = {piece.radius}, and the primitive's derivative is <F_e, dw>"
    return show_equal(title, sp.diff(_primitive(piece, DEPTH), piece.parameter), (field.T * piece.velocity)[0, 0])


def _primitive(piece: Piece, depth: sp.Expr) -> sp.Expr:
    power = 3 - 2 / depth
    if piece.radius == piece.parameter:  # radial: F_e = N |w|^a e
        return sp.sign(piece.point[0].subs(piece.parameter, 1)) * depth * piece.parameter**power / power
    return piece.radius ** (power - 1) * piece.point[0]
