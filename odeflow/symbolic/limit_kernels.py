"""What is the kernel of an infinitely wide two-layer ReLU network, exactly?

    H_ij = E_{w ~ N(0, I)} [x_i.x_j 1{w.x_i >= 0, w.x_j >= 0}] = x_i.x_j (1/2 - theta_ij / (2 pi)),

theta_ij the angle between x_i and x_j. The formula is derived by exact integration for every dimension, and evaluated
on concrete points as an exact matrix, whose spectrum can then be decided.
"""

from __future__ import annotations

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.derivations import Derivation, Step, assume, define, equate, infer, show_equal, show_with

__all__ = [
    "ANGLE",
    "ENTRY",
    "PRODUCT",
    "circle_kernel",
    "derive_limit_entry",
    "limit_entry",
    "limit_kernel",
    "show_spectrum",
]

ENTRY = sp.Symbol("H_ij", real=True)
PRODUCT = sp.Symbol("G_ij", real=True)
ANGLE = sp.Symbol("theta_ij", nonnegative=True)


def limit_entry(product: sp.Expr, angle: sp.Expr) -> sp.Expr:
    """Return `product (1/2 - angle/(2 pi))`: an entry from x_i.x_j and the angle in [0, pi] between x_i and x_j.

    Examples
    --------
    >>> import sympy as sp
    >>> limit_entry(sp.Rational(1, 2), sp.pi / 3)
    1/6
    """
    return sp.expand(product * (sp.Rational(1, 2) - angle / (2 * sp.pi)))


def derive_limit_entry(formula: sp.Basic | None = None) -> Derivation:
    """Derive the entry of the kernel for nonzero x_i, x_j of any norms and any dimension, by exact integration.

    Parameters
    ----------
    formula : relation between `ENTRY`, `PRODUCT` and `ANGLE` to be decided in the end (default: the entry formula)

    Examples
    --------
    >>> derive_limit_entry().broken is None
    True
    """
    r, u = sp.symbols("rho u", nonnegative=True)
    phi = sp.Symbol("phi", real=True)
    first, second = r * sp.cos(phi), r * sp.sin(phi)
    density = sp.exp(-(r**2) / 2) / (2 * sp.pi)
    jacobian = sp.Matrix([first, second]).jacobian([r, phi]).det()
    radial = sp.integrate(density * r, (r, 0, sp.oo))
    start = ANGLE - sp.pi / 2
    share = sp.integrate(radial, (phi, start, sp.pi / 2))
    steps = (
        assume("w ~ N(0, I) in R^p; x_i and x_j are not zero, at the angle theta_ij in [0, pi]"),
        infer("w.x_i and w.x_j depend on the projection of w to span{x_i, x_j} only, which is N(0, I) in the plane"),
        define("in the plane x_i/|x_i| = (1, 0), x_j/|x_j| = (cos theta_ij, sin theta_ij)"),
        define("and w = (rho cos phi, rho sin phi)"),
        show_equal("the density of w depends on rho only", first**2 + second**2, r**2),
        show_equal("the area element is rho d rho d phi", jacobian, r),
        show_equal(
            "the whole plane has probability 1",
            sp.integrate(radial, (phi, 0, 2 * sp.pi)),
            sp.Integer(1),
            name="probability of the plane",
        ),
        show_equal(
            "at phi = theta_ij - pi/2 + u the sign of w.x_i is that of sin(theta_ij + u)",
            sp.cos(start + u),
            sp.sin(ANGLE + u),
            name="<w, x_i> over the norms",
        ),
        show_equal(
            "... and the sign of w.x_j that of sin u",
            sp.cos(start + u - ANGLE),
            sp.sin(u),
            name="<w, x_j> over the norms",
        ),
        infer("sin >= 0 on [0, pi], < 0 on (pi, 2 pi): both are >= 0 for u in [0, pi - theta_ij], up to one direction"),
        show_equal("so both neurons' gates are open with probability", share, (sp.pi - ANGLE) / (2 * sp.pi)),
    )
    claimed = formula if formula is not None else equate(ENTRY, limit_entry(PRODUCT, ANGLE))
    broken = next((s for s in steps if not s.decision.holds), None)
    if broken is not None:
        return Derivation(steps)
    return Derivation((*steps, show_with("x_i.x_j is a constant factor", claimed, {ENTRY: PRODUCT * share})))


def limit_kernel(rows: sp.Matrix) -> sp.Matrix:
    """Return the kernel of concrete points as an exact matrix.

    Parameters
    ----------
    rows : (n, p) matrix of exact numbers, no zero row; the angles are exact when SymPy knows the arccosines

    Examples
    --------
    >>> import sympy as sp
    >>> limit_kernel(sp.Matrix([[1, 0], [1, 1]]))
    Matrix([
    [1/2, 3/8],
    [3/8,   1]])
    """
    norms = [sp.sqrt(sum(x**2 for x in rows.row(i))) for i in range(rows.rows)]
    if any(norm == 0 for norm in norms):
        raise InvalidArgumentError(f"Expected rows that are not zero but row {norms.index(0)} is. It has no angle.")

    gram = rows * rows.T
    count = range(rows.rows)
    angles = [[sp.acos(sp.radsimp(gram[i, j] / (norms[i] * norms[j]))) for j in count] for i in count]
    return sp.Matrix([[limit_entry(gram[i, j], angles[i][j]) for j in count] for i in count])


def circle_kernel(n: int) -> sp.Matrix:
    """Return the exact kernel of n equispaced points on the unit circle, a circulant matrix.

    Examples
    --------
    >>> circle_kernel(3)
    Matrix([
    [  1/2, -1/12, -1/12],
    [-1/12,   1/2, -1/12],
    [-1/12, -1/12,   1/2]])
    """
    if n < 1:
        raise InvalidArgumentError(f"Expected at least one point but got n={n}.")

    angles = [2 * sp.pi * sp.Rational(min(steps, n - steps), n) for steps in range(n)]
    first = [limit_entry(sp.cos(angle), angle) for angle in angles]
    return sp.Matrix([[first[(i - j) % n] for j in range(n)] for i in range(n)])


def show_spectrum(title: str, matrix: sp.Matrix, eigenvalues: tuple[sp.Expr, ...]) -> Step:
    """Compute that det(x I - matrix) is the product of the x - eigenvalue, exactly, multiplicities included.

    Examples
    --------
    >>> import sympy as sp
    >>> show_spectrum("half the identity", sp.eye(2) / 2, (sp.Rational(1, 2),) * 2).decision.holds
    True
    """
    x = sp.Symbol("x", real=True)
    exact = DomainMatrix.from_Matrix(matrix, extension=True)  # radicals become one algebraic number field
    coefficients = [exact.domain.to_sympy(c) for c in exact.charpoly()]
    polynomial = sum((c * x**k for k, c in enumerate(reversed(coefficients))), sp.Integer(0))
    return show_equal(title, polynomial, sp.expand(sp.prod([x - e for e in eigenvalues])), name="det(x I - H)")
