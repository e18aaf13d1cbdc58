r"""E[H_m] for ReLU: m [sv^2 K (pi - t) + sw^2 |x_i||x_j| (sin t + (pi - t) cos t)]/(2 pi), t the angle of x_i and x_j.

Assumptions
-----------
As in `expected_kernel`, with the ReLU; x_i, x_j not 0, any norms and dimension.

Source
------
Beside the path formula paper (ICLR 2020), Proposition 6.1: the closed form of E[Z] (Cho and Saul 2009).

Idea of the proof
-----------------
Only the projection of w to the plane of x_i, x_j matters; in polar coordinates both gates are open on an arc of length
pi - t, and cos phi cos(phi - t) is integrated over it.

Deviations from the paper
-------------------------
The paper has no closed form.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.geometry import pairwise_angles
from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer, show_equal, show_with
from odeflow.symbolic.limit_kernels import derive_limit_entry
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import FIRST, MEAN, SECOND, WHERE, WIDTH, mean_kernel_evidence, relu
from theory.iclr2020_path_formula.notation import PAPER

ANGLE = sp.Symbol("theta", nonnegative=True)
NORM_I, NORM_J = sp.symbols("n_i n_j", positive=True)


def mean_is(value: sp.Expr) -> Claim:
    """Return the claim that E[H_ij] is `value`."""
    return Claim(
        "The expected kernel of m ReLU neurons, both layers trained.",
        equate(MEAN, value),
        ("(v_l, w_l) iid over l, scale independent of m", "w ~ N(0, sw^2 I), v ~ N(0, sv^2)", "x_i, x_j != 0"),
        {**WHERE, ANGLE: "angle between x_i and x_j, in [0, pi]", NORM_I: "|x_i|", NORM_J: "|x_j|"},
    )


OPEN = sp.pi - ANGLE
GATES = SECOND**2 * sp.cos(ANGLE) * OPEN
VALUES = FIRST**2 * (sp.sin(ANGLE) + OPEN * sp.cos(ANGLE))
CLAIM = mean_is(WIDTH * NORM_I * NORM_J * (GATES + VALUES) / (2 * sp.pi))


def derive(claim: Claim) -> Derivation:
    """Integrate the gates and the values over the arc."""
    r = sp.Symbol("r", nonnegative=True)
    phi = sp.Symbol("phi", real=True)
    gates = derive_limit_entry()
    radial = sp.integrate(r**3 * sp.exp(-(r**2) / 2), (r, 0, sp.oo))
    arc = sp.integrate(sp.expand_trig(sp.cos(phi) * sp.cos(phi - ANGLE)), (phi, ANGLE - sp.pi / 2, sp.pi / 2))
    product = FIRST**2 * NORM_I * NORM_J * radial * arc / (2 * sp.pi)
    share = OPEN / (2 * sp.pi)
    one = product + SECOND**2 * NORM_I * NORM_J * sp.cos(ANGLE) * share
    assert gates.conclusion is not None
    return Derivation(
        (
            assume("w ~ N(0, sw^2 I), v ~ N(0, sv^2) independent; Z_ij = relu relu + v^2 gate gate <x_i, x_j>"),
            by("the exact integral of the gates", gates, gates.conclusion),
            infer(
                "both gates are open with probability (pi - theta)/(2 pi); E v^2 = sv^2; <x_i, x_j> = n_i n_j cos theta"
            ),
            show_equal(
                "radial part of E relu relu, density r e^{-r^2/2}/(2 pi) in the plane",
                radial,
                sp.Integer(2),
                name="radial part",
            ),
            show_equal(
                "angular part, over phi in [theta - pi/2, pi/2]", arc, (sp.sin(ANGLE) + OPEN * sp.cos(ANGLE)) / 2
            ),
            show_with("m independent neurons", claim.formula, {MEAN: WIDTH * one}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average the kernels of many random networks."""

    def geometry(X: np.ndarray) -> dict[sp.Basic, np.ndarray]:
        norms = np.linalg.norm(X, axis=1)
        return {ANGLE: pairwise_angles(X), NORM_I: norms[:, None], NORM_J: norms[None, :]}

    return mean_kernel_evidence(claim, relu, geometry, seed)


FALSE_TWINS = (
    FalseTwin(
        "without the sine",
        {"claim": mean_is(WIDTH * NORM_I * NORM_J * (GATES + FIRST**2 * OPEN * sp.cos(ANGLE)) / (2 * sp.pi))},
    ),
    FalseTwin("twice the gates", {"claim": mean_is(WIDTH * NORM_I * NORM_J * (2 * GATES + VALUES) / (2 * sp.pi))}),
)

THEOREM = Theorem(
    name="expected_kernel_relu",
    source=Source(PAPER, "Proposition 6.1, E[H] for ReLU", "closed form that the paper does not give"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("expected_kernel", "expected_kernel_erf"),
)
