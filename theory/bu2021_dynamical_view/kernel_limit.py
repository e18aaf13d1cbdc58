r"""Fact 2.2, corrected: the infinite-width kernel is x_i.x_j times the share of directions that see both inputs.

Assumptions
-----------
w ~ N(0, I); x_i and x_j are not zero and enclose the angle theta_ij in [0, pi].

Source
------
Bu, Xu and Chen (2021), Fact 2.2, first half (after Du, Zhai, Poczos and Singh 2019, and Cho and Saul 2009).

Idea of the proof
-----------------
Only the projection of w to the plane of x_i and x_j matters, and that is a standard normal vector of the plane. Its
direction is uniform; both w.x_i >= 0 and w.x_j >= 0 hold on an arc of length pi - theta_ij.

Deviations from the paper
-------------------------
The paper writes arccos(x_i.x_j) for the angle, which is right for unit norms only (see `kernel_limit_printed`). With
|x_i| = |x_j| = 1 the formula here is the paper's.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from odeflow.numeric.kernels import pairwise_angles, relu_ntk, relu_ntk_limit
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, equate
from odeflow.symbolic.limit_kernels import ANGLE, ENTRY, PRODUCT, derive_limit_entry
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

NEURONS = 200_000
SIGMAS = 5.0
"""A Monte Carlo entry counts as different beyond this many standard errors: chance 6e-7 for each of 36 entries."""
QUADRATURE = 1e-8
"""Absolute error asked of the quadrature, with room for rounding."""


def entry_is(value: sp.Expr) -> Claim:
    """Return the claim that an entry of H_inf is `value`."""
    return Claim(
        "In the limit of infinite width H_ij = x_i.x_j (1/2 - theta_ij/(2 pi)), theta_ij the angle of x_i and x_j.",
        equate(ENTRY, value),
        ("w ~ N(0, I)", "x_i and x_j are not zero"),
        {
            ENTRY: "E[x_i.x_j 1{w.x_i >= 0, w.x_j >= 0}]",
            PRODUCT: "x_i.x_j",
            ANGLE: "angle between x_i and x_j, in [0, pi]; arccos(x_i.x_j) if both have norm 1",
        },
    )


CLAIM = entry_is((sp.Rational(1, 2) - ANGLE / (2 * sp.pi)) * PRODUCT)


def derive(claim: Claim) -> Derivation:
    """Integrate the normal density over the arc of directions that see both inputs."""
    return derive_limit_entry(claim.formula)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw many neurons on inputs of different norms; every entry must lie within its Monte Carlo error."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((8, 4)) * np.geomspace(0.2, 5.0, 8)[:, None]
    drawn = relu_ntk(X, rng.standard_normal((NEURONS, 4)))
    gram, angles = X @ X.T, pairwise_angles(X)
    claimed = claim.bound({PRODUCT: gram, ANGLE: angles})
    share = relu_ntk_limit(X) / gram
    error = np.abs(gram) * np.sqrt(share * (1.0 - share) / NEURONS)
    off = np.abs(drawn - claimed) / error
    worst = float(off.max())
    return Evidence.measured(
        claim,
        f"with {NEURONS} neurons the worst of 36 entries is off by {worst:.2g} standard errors",
        contradicted=worst > SIGMAS,
        error_bar=f"standard error of an entry at most {float((error / np.abs(gram)).max()):.2g} of |x_i.x_j|",
        cases=36,
        seed=seed,
        detail=f"worst entry off by {worst:.3g} standard errors",
        picture=against_claim(
            np.broadcast_to(claimed, drawn.shape),
            drawn,
            what="entry of the kernel",
            title="Entries of a wide network are the claimed ones",
            interval=np.array([drawn - SIGMAS * error, drawn + SIGMAS * error]),
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """An angle away from 0 and pi, where the quadrature is hard, and two norms."""
    return st.tuples(st.floats(0.05, 3.09), st.floats(0.1, 10.0), st.floats(0.1, 10.0))


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Compare with P(w.x_i >= 0, w.x_j >= 0) as a Gaussian integral over z = w.x_i/|x_i|."""
    angle, first, second = case
    slope = 1.0 / np.tan(angle)
    density = 1.0 / np.sqrt(2.0 * np.pi)
    share, _ = quad(lambda z: density * np.exp(-z * z / 2) * ndtr(slope * z), 0.0, 12.0, epsabs=1e-10, limit=200)
    product = first * second * np.cos(angle)
    claimed = float(claim.bound({PRODUCT: product, ANGLE: angle}))
    return bool(abs(claimed - product * share) <= QUADRATURE * first * second)


TOO_STEEP = entry_is((sp.Rational(1, 2) - ANGLE / sp.pi) * PRODUCT)
FALSE_TWINS = (
    FalseTwin("1/2 - theta/pi", {"claim": TOO_STEEP}),
    FalseTwin(
        "1/2 - theta/pi, by Monte Carlo alone", {"claim": TOO_STEEP, "derive": None, "domain": None, "holds": None}
    ),
    FalseTwin("1/2 - theta/pi, by quadrature alone", {"claim": TOO_STEEP, "derive": None, "simulate": None}),
    FalseTwin("without the factor x_i.x_j", {"claim": entry_is(sp.Rational(1, 2) - ANGLE / (2 * sp.pi))}),
)

THEOREM = Theorem(
    name="kernel_limit",
    source=Source(PAPER, "Fact 2.2, first half", "the angle in place of arccos(x_i.x_j)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("kernel_limit_printed", "kernel_limit_positive", "gram_kernel"),
)
