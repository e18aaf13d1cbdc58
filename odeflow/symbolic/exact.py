"""Exact arithmetic on rationals: characteristic polynomials, real roots, signs.

python-flint does the work when it is installed; the same answers come from SymPy's exact domains when it is not.
Nothing here rounds: integers and rationals in, integers, rationals and booleans out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any, TypeAlias

import sympy as sp
from sympy.polys.domains import QQ, ZZ
from sympy.polys.matrices import DomainMatrix

from odeflow.errors import InvalidArgumentError

try:
    import flint
except ImportError:  # the pure-Python route below gives the same answers, slower
    FLINT: Any = None
else:
    FLINT = flint

__all__ = ["characteristic_polynomial", "is_positive_semidefinite", "points_between_roots"]

Rational: TypeAlias = Any
"""int, Fraction or SymPy Rational (SymPy has no types to say so with); floats are refused at run time."""


def characteristic_polynomial(matrix: Sequence[Sequence[Rational]]) -> list[Fraction]:
    """Return the coefficients of det(x I - M), highest power first, exactly.

    Parameters
    ----------
    matrix : n rows of n rationals (int, Fraction or SymPy Rational; a float is refused)

    Examples
    --------
    >>> [str(c) for c in characteristic_polynomial([[2, 1], [1, 2]])]
    ['1', '-4', '3']
    """
    rows = [[_fraction(x) for x in row] for row in matrix]
    n = len(rows)
    if any(len(row) != n for row in rows):
        raise InvalidArgumentError(f"Expected a square matrix but got rows of lengths {[len(r) for r in rows]}.")
    scale = lcm(*(x.denominator for row in rows for x in row)) if n else 1
    integers = [[int(x * scale) for x in row] for row in rows]
    if FLINT is not None:
        raw = [int(c) for c in FLINT.fmpz_mat(integers).charpoly().coeffs()][::-1]
    else:
        raw = [int(c) for c in DomainMatrix(integers, (n, n), ZZ).charpoly()]
    # det(x I - scale M) = scale^n det((x/scale) I - M): the k-th coefficient carries scale^k
    return [Fraction(c, scale**k) for k, c in enumerate(raw)]


def is_positive_semidefinite(matrix: Sequence[Sequence[Rational]]) -> bool:
    """Decide exactly whether a symmetric rational matrix is positive semidefinite, singular ones included.

    All eigenvalues are real, so there is no negative one iff the signs of det(x I - M) alternate weakly.

    Examples
    --------
    >>> is_positive_semidefinite([[1, 1], [1, 1]]), is_positive_semidefinite([[1, 2], [2, 1]])
    (True, False)
    """
    rows = [[_fraction(x) for x in row] for row in matrix]
    if any(rows[i][j] != rows[j][i] for i in range(len(rows)) for j in range(i)):
        raise InvalidArgumentError("Expected a symmetric matrix but M[i][j] != M[j][i] somewhere.")
    return all(c * (-1) ** k >= 0 for k, c in enumerate(characteristic_polynomial(rows)))


def points_between_roots(polynomial: sp.Poly) -> list[Fraction]:
    """Return increasing rationals, exactly one inside every open interval that the real roots cut out of the line.

    The sign of `polynomial` between two neighbouring roots is its sign at the point returned there.

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> [p**2 > 2 for p in points_between_roots(sp.Poly(x**2 - 2, x))]
    [True, False, True]
    """
    squarefree = sp.Poly(polynomial.set_domain(QQ)).sqf_part()
    roots = None if FLINT is None else _enclosures(squarefree)
    return _between(_refined(squarefree) if roots is None else roots)


def _enclosures(squarefree: sp.Poly) -> list[tuple[Fraction, Fraction]] | None:
    """Return disjoint intervals, one a real root, from rigorous ball arithmetic; None if the signs do not confirm it.

    A square-free polynomial changes its sign at every real root, so exact signs at the points between the balls must
    alternate.
    """
    _, integral = squarefree.clear_denoms(convert=True)
    polynomial = FLINT.fmpz_poly([int(c) for c in reversed(integral.all_coeffs())])
    balls = [root.real for root, _ in polynomial.complex_roots() if root.imag.is_zero()] if polynomial.degree() else []
    roots = sorted(
        (_dyadic(ball.mid()) - _dyadic(ball.rad()), _dyadic(ball.mid()) + _dyadic(ball.rad())) for ball in balls
    )
    if any(b >= c for (_, b), (c, _) in itertools.pairwise(roots)):
        return None
    values = [polynomial(FLINT.fmpq(q.numerator, q.denominator)) for q in _between(roots)]
    return roots if all(a * b < 0 for a, b in itertools.pairwise(values)) else None


def _dyadic(ball: Any) -> Fraction:
    mantissa, exponent = (int(part) for part in ball.man_exp())
    return Fraction(mantissa) * Fraction(2) ** exponent


def _refined(squarefree: sp.Poly) -> list[tuple[Fraction, Fraction]]:
    """Return disjoint isolating intervals by continued fractions."""
    width = Fraction(1)
    while True:
        roots = [(_fraction(a), _fraction(b)) for (a, b), _ in squarefree.intervals(eps=sp.Rational(str(width)))]
        # isolating intervals may touch, and the common end may be a root: refine until all are apart
        if all(b < c for (_, b), (c, _) in itertools.pairwise(roots)):
            return roots
        width /= 16


def _between(roots: Sequence[tuple[Fraction, Fraction]]) -> list[Fraction]:
    if not roots:
        return [Fraction(0)]
    gaps = [(b + c) / 2 for (_, b), (c, _) in itertools.pairwise(roots)]
    return [roots[0][0] - 1, *gaps, roots[-1][1] + 1]


def _fraction(value: Any) -> Fraction:
    """Return an exact rational; refuse floats and anything that is not a number."""
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    if hasattr(value, "numerator") and hasattr(value, "denominator") and not isinstance(value, float):
        return Fraction(int(value.numerator), int(value.denominator))
    raise InvalidArgumentError(
        f"Expected an exact rational but got {value!r} ({type(value).__name__}). "
        "Pass an int, Fraction or sympy.Rational."
    )
