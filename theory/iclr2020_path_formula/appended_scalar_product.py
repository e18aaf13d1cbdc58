r"""Equations (36)-(40): <H(g) u_g, u_g> = mu^4 <H(f) u_f, u_f> + mu^2 |u_f|^4.

Assumptions
-----------
u_g = mu u_f and H(g) = mu^2 H(f) + u_f u_f^T, H(f) symmetric; every dimension.

Source
------
Path formula paper (ICLR 2020), Appendix F, equations (36) to (40).

Idea of the proof
-----------------
Put in and expand; <u u^T u, u> = |u|^4.

Deviations from the paper
-------------------------
(35), the line before, prints mu H(f) for mu^2 H(f); it has its own entry, `appended_scalar_product_printed`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, by, define, equate, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import appended_scalar_kernel
from theory.iclr2020_path_formula._students import IntegerStudent, claims, integer_students
from theory.iclr2020_path_formula.appended_scalar_kernel import GROWN, KERNEL, OUTPUT, SCALE
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "FORM", "GROWN_FORM", "SQUARE", "THEOREM", "applied_to", "product_is"]

FORM, SQUARE = inner(OUTPUT, KERNEL @ OUTPUT), norm2(OUTPUT)
GROWN_FORM = inner(Vector.base("u_g"), GROWN @ Vector.base("u_g"))


def product_is(value: sp.Expr) -> Claim:
    """Return the claim that <H(g) u_g, u_g> is `value`."""
    return Claim(
        "<H(g) u_g, u_g> = mu^4 <H(f) u_f, u_f> + mu^2 |u_f|^4.",
        equate(GROWN_FORM, value),
        ("u_g = mu u_f", "H(g) = mu^2 H(f) + u_f u_f^T"),
        {FORM: "<u_f, H(f) u_f>", SQUARE: "|u_f|^2", SCALE: "the scalar layer", GROWN_FORM: "<u_g, H(g) u_g>"},
    )


CLAIM = product_is(SCALE**4 * FORM + SCALE**2 * SQUARE**2)


def applied_to(vector: Vector) -> Vector:
    """Return (mu^2 H(f) + u_f u_f^T) vector."""
    image: Vector = (KERNEL @ vector) * SCALE**2 + OUTPUT * inner(OUTPUT, vector)
    return image


def derive(claim: Claim) -> Derivation:
    """Expand line by line, as the paper does."""
    grown = SCALE * OUTPUT
    kernel = appended_scalar_kernel
    first, second = SCALE**2 * (KERNEL @ grown), inner(OUTPUT, grown) * OUTPUT
    total = inner(applied_to(grown), grown)
    return Derivation(
        (
            by("appended_scalar_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
            define("u_g = mu u_f"),
            show_equal(
                "(36), (37): two summands", total, inner(first, grown) + inner(second, grown), name="<H(g) u_g, u_g>"
            ),
            show_equal("(38): scalars to the front", inner(first, grown), SCALE**4 * FORM, name="first summand"),
            show_equal(
                "(39), (40): <u u^T mu u, mu u> = mu^2 |u|^4",
                inner(second, grown),
                SCALE**2 * SQUARE**2,
                name="<u u^T mu u, mu u>",
            ),
            show_with("altogether", claim.formula, {GROWN_FORM: total}),
        )
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer students."""
    return integer_students()


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compute both sides from exact Jacobians."""
    u = case.outputs(case.weights)
    grown = case.scale * u
    values = {FORM: u @ case.kernel @ u, SQUARE: u @ u, SCALE: case.scale}
    return claims(claim, values, int(grown @ case.scaled_kernel @ grown))


FALSE_TWINS = (
    FalseTwin("mu^2 in both summands", {"claim": product_is(SCALE**2 * FORM + SCALE**2 * SQUARE**2)}),
    FalseTwin("|u|^2 for |u|^4", {"claim": product_is(SCALE**4 * FORM + SCALE**2 * SQUARE)}),
)

THEOREM = Theorem(
    name="appended_scalar_product",
    source=Source(PAPER, "(36)-(40)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("appended_scalar_product_printed", "appended_scalar_kernel", "depth_momentum"),
)
