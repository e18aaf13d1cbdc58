r"""Section 6 as printed: "The assumptions in the theorem are minimal and also necessary". Refuted.

Assumptions
-----------
Necessary would mean: for a loss whose gradient vanishes at 0, F is the gradient of some function. Here N = 3, d = 2.

Source
------
Arora, Cohen and Hazan (2018), section 6, before Theorem 2: "as one must rule-out the trivial counter-example of a
constant training loss".

Idea of the refutation
----------------------
L = w_1^2 + 2 w_2^2 has the gradient 0 at 0 and a field F with the curl -(16/3) 2^{-1/3} at (1, 1).

Deviations from the paper
-------------------------
The necessary and sufficient condition is that the loss is radial near 0 (`potential_iff_radial`); so the constant loss
is not the only exception either: |w|^2 is one.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, by, define, show_equal, show_violated
from odeflow.symbolic.preconditioners import DEPTH, show_equal_matrices
from odeflow.symbolic.preconditioners_single_output import CURL, NORM, Axis, field_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import field_curl
from theory.arora2018_implicit_acceleration.notation import PAPER

GRADIENT = sp.Symbol("|grad L(0)|", nonnegative=True)
ANGULAR = sp.Symbol("V", nonnegative=True)


def conservative_if(condition: sp.Basic, words: str) -> Claim:
    """Return the claim that F is curl-free for every loss that meets the condition."""
    return Claim(
        f"F is the gradient of a function whenever {words}.",
        sp.Implies(condition, sp.Eq(CURL, 0), evaluate=False),
        ("N > 2", "d >= 2", "L is smooth"),
        {
            CURL: "curl of F at any point of a ball around 0",
            GRADIENT: "norm of grad L(0)",
            ANGULAR: "largest variation of L on a sphere around 0 in the ball",
        },
    )


CLAIM = conservative_if(sp.Eq(GRADIENT, 0), "grad L(0) = 0")
CORRECTED = conservative_if(sp.Eq(ANGULAR, 0), "L is radial")


def counterexample(claim: Claim) -> Derivation:
    """Evaluate the curl of L = w_1^2 + 2 w_2^2, N = 3, at (1, 1); and directly, by differentiating F there."""
    x, y = sp.symbols("w_1 w_2", positive=True)
    loss = x**2 + 2 * y**2
    gradient = sp.Matrix([loss.diff(x), loss.diff(y)])
    curved = sp.hessian(loss, (x, y)) * sp.Matrix([x, y])
    one = {x: sp.Integer(1), y: sp.Integer(1)}
    values = {NORM: sp.sqrt(2), DEPTH: sp.Integer(3)}
    for axis, w, g, h in zip(Axis, (x, y), gradient, curved, strict=True):
        values |= {axis.weight: w.subs(one), axis.gradient: g.subs(one), axis.curvature: h.subs(one)}
    curl = field_curl.CLAIM.formula.rhs.subs(values)
    F = field_at(sp.Matrix([x, y]), gradient, sp.Integer(3))
    sphere = {x: sp.Integer(1), y: sp.Integer(0)}
    varies = loss.subs({x: 0, y: 1}) - loss.subs(sphere)
    return Derivation(
        (
            define("L = w_1^2 + 2 w_2^2, N = 3"),
            show_equal_matrices("grad L(0) = 0", gradient.subs({x: 0, y: 0}), sp.zeros(2, 1), name="grad L(0)"),
            by("field_curl", field_curl.derive(field_curl.CLAIM), field_curl.CLAIM.formula),
            show_equal(
                "the curl at (1, 1)", curl, -sp.Rational(16, 3) * 2 ** sp.Rational(-1, 3), name="curl at (1, 1)"
            ),
            show_equal(
                "the same by differentiating F",
                (F[1].diff(x) - F[0].diff(y)).subs(one),
                curl,
                name="d_1 F_2 - d_2 F_1 at (1, 1)",
            ),
            show_equal(
                "L varies by 1 on the unit circle", varies, sp.Integer(1), name="variation of L on the unit circle"
            ),
            show_violated(
                "so F is no gradient",
                claim.formula,
                {GRADIENT: sp.Integer(0), ANGULAR: varies, CURL: -sp.Rational(16, 3) * 2 ** sp.Rational(-1, 3)},
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the curl for random losses <w, A w>/2 with gradient 0 at 0, and for |w|^2 + |w|^4, N = 3."""
    rng = np.random.default_rng(seed)
    curls, radials, bar = list[float](), list[float](), 0.0
    for _ in range(6):
        B, w = rng.standard_normal((3, 3)), rng.standard_normal(3)
        A = B + B.T
        curl, error = field_curl.measured_curl(lambda v, A=A: v @ A, w, 3.0)  # type: ignore[misc]
        curls.append(curl)
        bar = max(bar, 4.0 * error)
        radial, error = field_curl.measured_curl(
            lambda v: 2.0 * v + 4.0 * np.sum(v * v, axis=-1, keepdims=True) * v, w, 3.0
        )
        radials.append(radial)
        bar = max(bar, 4.0 * error)
    largest, smallest = (float(np.abs(found).max()) for found in (curls, radials))
    radial_only = claim.formula.args[0].has(ANGULAR)
    return Evidence.measured(
        claim,
        f"largest curl {largest:.3f} for losses with grad L(0) = 0, {smallest:.2g} for radial ones",
        contradicted=(smallest if radial_only else largest) > bar,
        error_bar=f"{bar:.2g} (two step sizes, and rounding)",
        cases=12,
        seed=seed,
        picture=along(
            np.arange(1.0, 7.0),
            {"grad L(0) = 0": curls, "radial": radials},
            {"claimed: none": 0.0},
            title="F has a curl although grad L(0) = 0",
            xlabel="case",
            ylabel="curl of F, N = 3",
        ),
    )


NO_CONDITION = conservative_if(sp.Ge(GRADIENT, 0), "L is smooth")
FALSE_TWINS = (
    FalseTwin("no condition at all", {"claim": NO_CONDITION}),
    FalseTwin("no condition at all, by numbers alone", {"claim": NO_CONDITION, "counterexample": None}),
)

THEOREM = Theorem(
    name="regulariser_assumptions_printed",
    source=Source(PAPER, "Section 6, minimal and also necessary", "as printed; corrected in potential_iff_radial"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("potential_iff_radial", "no_regulariser"),
)
