r"""Equations (33), (34): a trained scalar on top, g = mu f, gives H(g) = mu^2 H(f) + u_f u_f^T.

Assumptions
-----------
f any network with one output, u = (f(X_1), ..., f(X_N)), H(f) = J J^T with J = du/dw; g = mu f with mu trained too.
Every dimension: the number of samples and of weights is symbolic.

Source
------
Path formula paper (ICLR 2020), Appendix F, equations (33) and (34).

Idea of the proof
-----------------
dg/dw = mu df/dw and dg/dmu = f: the Jacobian of g is (mu J, u), so J_g^T z = (mu J^T z, <u, z>).

Deviations from the paper
-------------------------
None. Both sides are compared as quadratic forms <z, H z>, which determine a symmetric matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._students import IntegerStudent, claims, integer_students
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "GROWN", "JACOBIAN", "KERNEL", "OUTPUT", "SCALE", "THEOREM", "derive"]

OUTPUT, TEST = Vector.base("u"), Vector.base("z")
KERNEL, GROWN = Operator("H", symmetric=True), Operator("H_g", symmetric=True)
JACOBIAN = Operator("J")
SCALE = sp.Symbol("mu", real=True, nonzero=True)
FORM, GROWN_FORM = inner(TEST, KERNEL @ TEST), inner(TEST, GROWN @ TEST)
ALONG = inner(OUTPUT, TEST)


def grows_to(form: sp.Expr) -> Claim:
    """Return the claim that <z, H(g) z> is `form` for every z."""
    return Claim(
        "A trained scalar mu on top of a network turns the kernel H into mu^2 H + u u^T.",
        equate(GROWN_FORM, form),
        ("g = mu f, mu trained", "H = J J^T"),
        {
            SCALE: "the scalar layer",
            FORM: "<z, H(f) z>",
            GROWN_FORM: "<z, H(g) z>",
            ALONG: "<u, z>, u the outputs of f",
        },
    )


CLAIM = grows_to(SCALE**2 * FORM + ALONG**2)


def derive(claim: Claim) -> Derivation:
    """Differentiate mu f and add up the squares."""
    w = sp.Symbol("w", real=True)
    f = sp.Function("f")(w)
    through = JACOBIAN @ (JACOBIAN.T @ TEST)
    added = norm2(SCALE * (JACOBIAN.T @ TEST)) + ALONG**2
    steps = [
        assume("g = mu f, J = du/dw, H(f) = J J^T, H(g) = J_g J_g^T"),
        show_equal("dg/dw = mu df/dw", sp.Derivative(SCALE * f, w), SCALE * sp.diff(f, w)),
        show_equal("dg/dmu = f", sp.Derivative(SCALE * f, SCALE), f),
        infer("so J_g = (mu J, u) and J_g^T z = (mu J^T z, <u, z>)"),
        show_equal("<z, J J^T z> = |J^T z|^2", inner(TEST, through), norm2(JACOBIAN.T @ TEST), name="<z, J J^T z>"),
    ]
    forms = {GROWN_FORM: added, FORM: inner(TEST, through)}
    return Derivation((*steps, show_with("<z, H(g) z> = |J_g^T z|^2", claim.formula, forms)))


def domain() -> st.SearchStrategy[Any]:
    """Integer students and a vector."""
    return st.tuples(integer_students(), st.lists(st.integers(-3, 3), min_size=3, max_size=3))


def holds(claim: Claim, case: tuple[IntegerStudent, list[int]]) -> bool:
    """Differentiate g by exact differences and compare, in integers."""
    student, entries = case
    u = student.outputs(student.weights)
    z = np.array(entries[: u.size])
    values = {FORM: z @ student.kernel @ z, ALONG: u @ z, SCALE: student.scale}
    return claims(claim, values, int(z @ student.scaled_kernel @ z))


FALSE_TWINS = (
    FalseTwin("mu H + u u^T", {"claim": grows_to(SCALE * FORM + ALONG**2)}),
    FalseTwin("mu^2 (H + u u^T)", {"claim": grows_to(SCALE**2 * (FORM + ALONG**2))}),
)

THEOREM = Theorem(
    name="appended_scalar_kernel",
    source=Source(PAPER, "(33), (34)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("appended_scalar_product", "depth_momentum"),
)
