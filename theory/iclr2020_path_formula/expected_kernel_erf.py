r"""E[H_m] for the smooth activation erf(z/sqrt 2): an arcsine for the values, a determinant for the slopes.

Assumptions
-----------
As in `expected_kernel`, with sigma(z) = erf(z/sqrt 2); K_ij = <x_i, x_j>, a_i = 1 + sw^2 |x_i|^2.

Source
------
Beside the path formula paper (ICLR 2020), Proposition 6.1 for sigmoid-like activations (Williams 1997). The logistic
sigmoid itself has no closed form; erf is the smooth stand-in.

Idea of the proof
-----------------
erf(z/sqrt 2) = E sign(z - xi) with xi ~ N(0, 1): a product of two values is the mean of a product of two signs of
normal variables with covariance sw^2 K, that is 1 - 2 angle/pi. The slopes are Gaussian: a 2 x 2 determinant.

Deviations from the paper
-------------------------
The paper has no closed form.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from scipy.special import erf

from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    by,
    define,
    equate,
    infer,
    show_equal,
    show_value,
    show_with,
)
from odeflow.symbolic.limit_kernels import derive_limit_entry
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._kernel_means import (
    DEVIATIONS,
    FIRST,
    MEAN,
    SECOND,
    WHERE,
    WIDTH,
    mean_kernel_evidence,
)
from theory.iclr2020_path_formula.notation import PAPER

CROSS = sp.Symbol("K_ij", real=True)
RHO = sp.Symbol("rho", real=True)
DETERMINANT = sp.Symbol("D", positive=True)


def mean_is(value: sp.Expr) -> Claim:
    """Return the claim that E[H_ij] is `value`."""
    return Claim(
        "The expected kernel of m neurons with the activation erf(z/sqrt 2), both layers trained.",
        equate(MEAN, value),
        ("(v_l, w_l) iid over l, scale independent of m", "w ~ N(0, sw^2 I), v ~ N(0, sv^2)"),
        {
            **WHERE,
            CROSS: "K_ij = <x_i, x_j>",
            RHO: "sw^2 K_ij/sqrt(a_i a_j) with a_i = 1 + sw^2 |x_i|^2",
            DETERMINANT: "a_i a_j - sw^4 K_ij^2",
        },
    )


VALUES = 2 * sp.asin(RHO) / sp.pi
SLOPES = 2 * SECOND**2 * CROSS / (sp.pi * sp.sqrt(DETERMINANT))
CLAIM = mean_is(WIDTH * (VALUES + SLOPES))


def derive(claim: Claim) -> Derivation:
    """Write the values as signs and the slopes as a Gaussian integral."""
    z, xi = sp.symbols("z xi", real=True)
    angle = sp.Symbol("theta", nonnegative=True)
    gates = derive_limit_entry()
    assert gates.conclusion is not None
    a_i, a_j = sp.symbols("a_i a_j", positive=True)
    normal = sp.exp(-(xi**2)) / sp.sqrt(sp.pi)
    sign_mean = sp.integrate(normal, (xi, -sp.oo, z)) - sp.integrate(normal, (xi, z, sp.oo))
    slope = sp.diff(sp.erf(z / sp.sqrt(2)), z)
    covariance = sp.Matrix([[a_i - 1, FIRST**2 * CROSS], [FIRST**2 * CROSS, a_j - 1]])
    both = (sp.pi - angle) / (2 * sp.pi)
    signs = (4 * both - 1).subs(angle, sp.pi / 2 - sp.asin(RHO))
    slopes = SECOND**2 * CROSS * slope.subs(z, 0) ** 2 / sp.sqrt(DETERMINANT)
    return Derivation(
        (
            assume(
                "z_i = <w, x_i>, z_j = <w, x_j>: jointly normal with covariance S = [[a_i - 1, sw^2 K], [., a_j - 1]]"
            ),
            show_equal(
                "E sign(z - xi), xi ~ N(0, 1/2), is erf(z)", sign_mean.rewrite(sp.erf), sp.erf(z), name="E sign(z - xi)"
            ),
            infer("so erf(z_i/sqrt 2) = E sign(z_i - xi_i) with xi_i ~ N(0, 1), independent"),
            define("z_i - xi_i and z_j - xi_j: variances a_i, a_j, covariance sw^2 K, so rho = cos(theta)"),
            by("the exact integral of two gates", gates, gates.conclusion),
            show_equal("so E sign sign = 4 P(both > 0) - 1", 4 * both - 1, 1 - 2 * angle / sp.pi),
            infer("theta = arccos(rho) = pi/2 - arcsin(rho)"),
            show_equal("that is", 1 - 2 * (sp.pi / 2 - sp.asin(z)) / sp.pi, 2 * sp.asin(z) / sp.pi),
            show_equal(
                "slopes: sigma' = sqrt(2/pi) e^{-z^2/2}", slope, sp.sqrt(2 / sp.pi) * sp.exp(-(z**2) / 2), name="sigma'"
            ),
            infer("E e^{-(z_i^2 + z_j^2)/2} = det(I + S)^{-1/2}, the Gaussian integral with S^{-1} + I"),
            show_value("det(I + S)", (sp.eye(2) + covariance).det(), a_i * a_j - FIRST**4 * CROSS**2),
            show_with("E v^2 = sv^2, m neurons", claim.formula, {MEAN: WIDTH * (signs + slopes)}),
        )
    )


def activation(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return erf(z/sqrt 2) and its derivative."""
    return np.asarray(erf(z / np.sqrt(2.0))), np.sqrt(2.0 / np.pi) * np.exp(-(z**2) / 2.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average the kernels of many random networks."""

    def geometry(X: np.ndarray) -> dict[sp.Basic, np.ndarray]:
        gram = X @ X.T
        shrunk = DEVIATIONS[0] ** 2 * gram
        scale = np.outer(1.0 + np.diag(shrunk), 1.0 + np.diag(shrunk))
        return {CROSS: gram, RHO: shrunk / np.sqrt(scale), DETERMINANT: scale - shrunk**2}

    return mean_kernel_evidence(claim, activation, geometry, seed)


FALSE_TWINS = (
    FalseTwin("arcsine without the factor 2/pi", {"claim": mean_is(WIDTH * (sp.pi * VALUES / 2 + SLOPES))}),
    FalseTwin(
        "the determinant without its root",
        {"claim": mean_is(WIDTH * (VALUES + 2 * SECOND**2 * CROSS / (sp.pi * DETERMINANT)))},
    ),
)

THEOREM = Theorem(
    name="expected_kernel_erf",
    source=Source(PAPER, "Proposition 6.1, E[H] for a sigmoid", "closed form for erf, the smooth stand-in"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("expected_kernel", "expected_kernel_relu"),
)
