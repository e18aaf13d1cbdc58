r"""Remark 6.5: <u', u> = (1/2) d|u|^2/dt; along the flow it is eta <u, H (y - u)>.

Assumptions
-----------
u' = eta H (y - u), H symmetric (it may change in time). Every dimension.

Source
------
Path formula paper (ICLR 2020), Remark 6.5.

Idea of the proof
-----------------
Product rule.

Deviations from the paper
-------------------------
The remark concludes that the effect "will be more pronounced when |u| can increase". The identity alone does not say
so; `appended_scalar_descent` and `depth_momentum_sign` do: the gain is <u, y - u>^2, and its sign that of <u, y - u>.
"""

from __future__ import annotations

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_with
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._students import IntegerStudent, claims, integer_students
from theory.iclr2020_path_formula.notation import PAPER

ETA = sp.Symbol("eta", positive=True)
PUSH, GROWTH = sp.Symbol("<u', u>", real=True), sp.Symbol("d|u|^2/dt", real=True)


def growth_is(value: sp.Expr) -> Claim:
    """Return the claim that d|u|^2/dt is `value`."""
    return Claim(
        "The outputs' velocity along themselves is half the growth of |u|^2.",
        equate(GROWTH, value),
        ("u' = eta H (y - u)",),
        {GROWTH: "d|u|^2/dt", PUSH: "<u', u>"},
    )


CLAIM = growth_is(2 * PUSH)


def derive(claim: Claim) -> Derivation:
    """Differentiate |u|^2 along the flow, with a kernel that may change."""
    H, u, y = Operator("H", symmetric=True, varying=True), Vector.base("u"), Vector.base("y")
    velocity = ETA * (H @ (y - u))
    flow = Dynamics({"u": (1, velocity)}, sp.Symbol("t"))
    growth = flow.derivative(norm2(u))
    return Derivation(
        (
            assume("u' = eta H (y - u)"),
            show_equal("d|u|^2/dt", growth, 2 * ETA * (inner(u, H @ y) - inner(u, H @ u))),
            show_with("against <u', u>", claim.formula, {GROWTH: growth, PUSH: inner(velocity, u)}),
        )
    )


def domain() -> st.SearchStrategy[IntegerStudent]:
    """Integer students with targets."""
    return integer_students()


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compare with |u + s u'|^2, a quadratic in s: its central difference at s = 0 is exact."""
    u = case.outputs(case.weights)
    velocity = case.kernel @ (case.targets - u)
    ahead, behind = u + velocity, u - velocity
    return claims(claim, {PUSH: velocity @ u}, int(ahead @ ahead - behind @ behind) // 2)


FALSE_TWINS = (FalseTwin("without the factor 2", {"claim": growth_is(PUSH)}),)

THEOREM = Theorem(
    name="output_growth",
    source=Source(PAPER, "Remark 6.5"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum_sign", "appended_scalar_descent"),
)
