"""Which ODE does an algorithm discretise, and to which order? Expansion of its residual in the time step.

A trajectory w(t) is put into one step of the algorithm and everything is expanded in h about one time. The trajectory
is represented by the symbols of its derivatives there, so the result holds for every smooth w.

Examples
--------
Gradient descent with learning rate h, with the residual divided by h:

>>> import sympy as sp
>>> h = sp.Symbol("h", positive=True)
>>> w, g = trajectory("w", 4), sp.Symbol("g")
>>> residual = (shifted(w, h, 1) - shifted(w, h, 0)) / h + g
>>> [str(c) for c in expansion(residual, h, 2)]
["g + w'", "w''/2"]
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from odeflow.symbolic.decisions import Decision, Status, decide_zero
from odeflow.symbolic.derivations import Kind, Step

__all__ = ["claimed_order", "expansion", "shifted", "show_expansion", "trajectory"]


def trajectory(name: str, terms: int) -> tuple[sp.Symbol, ...]:
    """Return symbols (w, w', w'', ...) for a trajectory and its derivatives at one time."""
    return tuple(sp.Symbol(name + "'" * j, real=True) for j in range(terms))


def shifted(derivatives: Sequence[sp.Expr], step: sp.Symbol, count: int) -> sp.Expr:
    """Return the Taylor polynomial of w(t + count step), as long as `derivatives` reach.

    Examples
    --------
    >>> import sympy as sp
    >>> shifted(trajectory("w", 3), sp.Symbol("h"), -1)
    h**2*w''/2 - h*w' + w
    """
    return sp.Add(*(d * (count * step) ** j / sp.factorial(j) for j, d in enumerate(derivatives)))


def expansion(expression: sp.Expr, step: sp.Symbol, terms: int) -> list[sp.Expr]:
    """Return the coefficients of 1, h, ..., h^(terms-1) of a rational function of h without a pole at 0."""
    rational = sp.cancel(sp.together(expression))
    coefficients = []
    for j in range(terms):
        coefficients.append(sp.expand(sp.cancel(rational.subs(step, 0) / sp.factorial(j))))
        rational = sp.diff(rational, step)
    return coefficients


def show_expansion(title: str, formula: sp.Equality, residual: sp.Expr, step: sp.Symbol) -> Step:
    """Compute that a residual has the expansion on the right of `formula`, a polynomial in h plus O(h^n)."""
    terms = formula.rhs.getn()
    if terms is None:
        return Step(title, formula, Kind.COMPUTED, Decision(Status.UNDECIDED, "expansion", "no O(h^n) on the right"))
    computed = sp.Add(*(c * step**j for j, c in enumerate(expansion(residual, step, int(terms)))))
    return Step(title, formula, Kind.COMPUTED, decide_zero(computed - formula.rhs.removeO()))


def claimed_order(formula: sp.Equality, step: sp.Symbol) -> int:
    """Return the order of consistency that an expansion claims: the first power of h behind the ODE.

    Examples
    --------
    >>> import sympy as sp
    >>> h, x = sp.symbols("h x")
    >>> claimed_order(sp.Eq(x, x + h**2 + sp.O(h**3), evaluate=False), h)
    2
    """
    polynomial = sp.Poly(formula.rhs.removeO(), step)
    behind = [power for (power,) in polynomial.monoms() if power > 0]
    return min(behind) if behind else int(formula.rhs.getn())
