r"""The true form of Proposition 6.2 for the flow: cos_g - cos_f has the sign of <u, y - u>.

Assumptions
-----------
Square loss, du/dt = eta H r with r = y - u; g = mu f at mu = 1 (so u_g = u_f, and the residual is the same); u, H(f) r
and H(g) r are not 0. Every dimension; H(f) need only be symmetric.

Source
------
Corrects the path formula paper (ICLR 2020), Proposition 6.2.

Idea of the proof
-----------------
H(g) r = H r + <u, r> u. The cosine of H r + t u with u never decreases in t; t goes from 0 to <u, r>, upwards if that
is positive, downwards if it is negative.

Deviations from the paper
-------------------------
The paper claims cos_g >= cos_f whatever the targets (`depth_momentum_flow_printed`). Depth accelerates towards u while
the outputs still have to grow along u, and holds back where they have to shrink. For mu != 1 there is no such rule
(`depth_momentum_rescaled_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import assume as given_that
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._students import (
    IntegerStudent,
    cosine,
    integer_students,
    random_semidefinite,
    satisfied,
)
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT, SCALE
from theory.iclr2020_path_formula.appended_scalar_product import applied_to
from theory.iclr2020_path_formula.depth_momentum import COS_F, COS_G, cosine_rises
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["ALONG", "CLAIM", "RESIDUAL", "THEOREM"]

RESIDUAL = Vector.base("r")
ALONG = inner(OUTPUT, RESIDUAL)
SIZE, SLOPE = sp.symbols("a c", nonnegative=True)
DRAWS = 400


def claims_that(formula: sp.Basic) -> Claim:
    """Return a claim about cos_f, cos_g and <u, r>."""
    return Claim(
        "At mu = 1, depth turns the velocity of the outputs towards u if <u, y - u> > 0, away from it if < 0.",
        formula,
        ("du/dt = eta H (y - u)", "g = mu f at mu = 1", "u, H(f) r, H(g) r are not 0"),
        {COS_G: "cos(du_g/dt, u_g)", COS_F: "cos(du_f/dt, u_f)", ALONG: "<u, y - u>"},
    )


CLAIM = claims_that(sp.Ge((COS_G - COS_F) * ALONG, 0, evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Let t go from 0 to <u, r>, for both signs."""
    pushed = KERNEL @ RESIDUAL
    steps = [
        assume("du_f/dt = eta H r and du_g/dt = eta H(g) r, r = y - u, mu = 1"),
        show_equal_vectors(
            "H(g) r = H r + <u, r> u",
            Vector({k: c.xreplace({SCALE: sp.S.One}) for k, c in applied_to(RESIDUAL).terms.items()}),
            pushed + ALONG * OUTPUT,
            name="H(g) r",
        ),
        *cosine_rises(pushed, OUTPUT),
        infer("mean value of the slope between t = 0 and t = <u, r>: cos_g = cos_f + c <u, r> with c >= 0"),
    ]
    upward = show_with("for <u, r> = a >= 0", claim.formula.xreplace({ALONG: SIZE}), {COS_G: COS_F + SLOPE * SIZE})
    downward = show_with("for <u, r> = -a <= 0", claim.formula.xreplace({ALONG: -SIZE}), {COS_G: COS_F - SLOPE * SIZE})
    both = [*steps, upward, downward]
    return Derivation((*both, infer("<u, r> is one or the other", claim.formula, from_=both)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw kernels, outputs and targets; count violations beyond rounding, and how often depth holds back."""
    rng = np.random.default_rng(seed)
    violations, points = 0, []
    for _ in range(DRAWS):
        size = int(rng.integers(2, 6))
        H, u, r = random_semidefinite(rng, size), rng.standard_normal(size), rng.standard_normal(size)
        before, after = cosine(H @ r, u), cosine((H + np.outer(u, u)) @ r, u)
        violations += not satisfied(claim.formula, {COS_G: after, COS_F: before, ALONG: float(u @ r)})
        points.append((float(u @ r), after - before))
    x, turned = np.array(points).T
    return Evidence.measured(
        claim,
        f"{violations} violations in {DRAWS} draws; depth turned away from u in {int((turned < 0.0).sum())}",
        contradicted=violations > 0,
        error_bar="1e-12 (rounding of a cosine)",
        cases=DRAWS,
        seed=seed,
        picture=along(
            x,
            turned,
            {"where the sign turns": 0.0},
            title="Depth turns towards u exactly where <u, y - u> > 0",
            xlabel="<u, y - u>",
            ylabel="change of the cosine",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer students with integer targets."""
    return integer_students()


def holds(claim: Claim, case: IntegerStudent) -> bool:
    """Compute both cosines from exact Jacobians at mu = 1."""
    u = case.outputs(case.weights)
    r = case.targets - u
    slow, fast = case.kernel @ r, case.kernel @ r + int(u @ r) * u
    given_that(bool(slow.any()) and bool(fast.any()))
    values = {COS_F: cosine(slow.astype(float), u.astype(float)), COS_G: cosine(fast.astype(float), u.astype(float))}
    return satisfied(claim.formula, {**values, ALONG: float(u @ r)})


FALSE_TWINS = (
    FalseTwin("the paper's inequality, whatever the targets", {"claim": claims_that(sp.Ge(COS_G, COS_F))}),
    FalseTwin("the opposite sign", {"claim": claims_that(sp.Le((COS_G - COS_F) * ALONG, 0, evaluate=False))}),
)

THEOREM = Theorem(
    name="depth_momentum_sign",
    source=Source(PAPER, "Proposition 6.2", "corrected for the flow: the sign of <u, y - u> decides"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum_flow_printed", "depth_momentum", "appended_scalar_descent"),
)
