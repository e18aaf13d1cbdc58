r"""Exact spectra of the infinite-width kernel: equispaced points on the circle, and orthonormal inputs.

Assumptions
-----------
n equispaced points on the unit circle, n = 3, 4, 5, 6; or any number of orthonormal inputs.

Source
------
Test cases for Bu, Xu and Chen (2021), Fact 2.2 and the remark after Theorem 2 (lambda_0 < 1/2); not in the paper.

Idea of the proof
-----------------
H_inf is a circulant matrix with entries cos(theta)(1/2 - theta/(2 pi)), theta = 2 pi k/n; its characteristic polynomial
is computed with exact radicals and compared with the product over the eigenvalues. Orthonormal inputs have H_inf = I/2,
and so have the four points +-e_1, +-e_2.

Deviations from the paper
-------------------------
The paper has no examples. These show that lambda_0 can be 1/2 (not < 1/2), and 0 for points that are all different.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.kernels import relu_ntk_limit, relu_ntk_limit_entry_error, smallest_eigenvalue
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, by, define, equate, show_equal, show_less, show_with
from odeflow.symbolic.limit_kernels import circle_kernel, derive_limit_entry, limit_entry, show_spectrum
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import kernel_limit
from theory.bu2021_dynamical_view.notation import PAPER

CIRCLE = sp.Function("lambda_0", nonnegative=True)
ORTHONORMAL = sp.Symbol("lambda_0_orthonormal", nonnegative=True)
ROOT5, HALF = sp.sqrt(5), sp.Rational(1, 2)
SPECTRA: dict[int, tuple[sp.Expr, ...]] = {
    3: (sp.Rational(1, 3), sp.Rational(7, 12), sp.Rational(7, 12)),
    4: (HALF, HALF, HALF, HALF),
    5: (
        sp.Rational(3, 10),
        sp.Rational(3, 10),
        sp.Rational(3, 10) + ROOT5 / 10,
        sp.Rational(4, 5) - ROOT5 / 20,
        sp.Rational(4, 5) - ROOT5 / 20,
    ),
    6: tuple(sp.Rational(*q) for q in ((0, 1), (5, 12), (5, 12), (2, 3), (3, 4), (3, 4))),
}
"""Eigenvalues with multiplicities, the smallest first."""
POINT_ROUNDING = 1e-14
"""Error of the float kernel from rounding cos and sin of the points (2 ulp each) and their norms."""


def smallest_are(circle: dict[int, sp.Expr], orthonormal: sp.Expr = HALF) -> Claim:
    """Return the claim that lambda_0 of n equispaced points is circle[n], and of orthonormal inputs `orthonormal`."""
    parts = [equate(CIRCLE(sp.Integer(n)), value) for n, value in circle.items()]
    return Claim(
        "On 3, 4, 5, 6 equispaced points of the circle lambda_0 is 1/3, 1/2, 3/10, 0; on orthonormal inputs 1/2.",
        sp.And(*parts, equate(ORTHONORMAL, orthonormal), evaluate=False),
        ("n equispaced points on the unit circle, or orthonormal inputs",),
        {CIRCLE(sp.Symbol("n")): "smallest eigenvalue of H_inf on n equispaced points of the circle"},
    )


VALUES = {n: spectrum[0] for n, spectrum in SPECTRA.items()}
CLAIM = smallest_are(VALUES)


def derive(claim: Claim) -> Derivation:
    """Decide every spectrum with exact radicals and read off the smallest eigenvalues."""
    steps = [
        by("kernel_limit", derive_limit_entry(kernel_limit.CLAIM.formula), kernel_limit.CLAIM.formula),
        define("for n equispaced points the angle of points i and j is 2 pi k/n, k the shorter way round from i to j"),
    ]
    for n, spectrum in SPECTRA.items():
        steps.append(show_spectrum(f"n = {n}: the spectrum of H_inf", circle_kernel(n), spectrum))
        others = sorted(set(spectrum[1:]), key=sp.default_sort_key)
        steps += [
            show_less(f"n = {n}: the first one is the smallest", spectrum[0], e, name="the first one") for e in others
        ]
    steps += [
        show_equal(
            "orthonormal inputs: off the diagonal",
            limit_entry(sp.Integer(0), sp.pi / 2),
            sp.Integer(0),
            name="entry off the diagonal",
        ),
        show_equal(
            "orthonormal inputs: on the diagonal",
            limit_entry(sp.Integer(1), sp.Integer(0)),
            HALF,
            name="entry on the diagonal",
        ),
    ]
    values = {CIRCLE(sp.Integer(n)): spectrum[0] for n, spectrum in SPECTRA.items()} | {ORTHONORMAL: HALF}
    return Derivation((*steps, show_with("read off", claim.formula, values)))


def points(name: sp.Expr) -> np.ndarray:
    """Return the inputs that an equation of the claim speaks of: n points of the circle, or three orthonormal ones."""
    if name == ORTHONORMAL:
        return np.linalg.qr(np.random.default_rng(0).standard_normal((5, 3)))[0].T
    angles = 2.0 * np.pi * np.arange(int(name.args[0])) / int(name.args[0])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Enclose lambda_0 of the float kernels; each enclosure must hold the claimed value."""
    worst, widest, found = 0.0, 0.0, list[tuple[float, float, float]]()
    for equation in claim.formula.args:
        X = points(equation.lhs)
        bound = smallest_eigenvalue(relu_ntk_limit(X), entry_error=relu_ntk_limit_entry_error(X) + POINT_ROUNDING)
        claimed = float(equation.rhs)
        worst = max(worst, bound.lower - claimed, claimed - bound.upper)
        widest = max(widest, bound.upper - bound.lower)
        found.append((claimed, bound.lower, bound.upper))
    values, low, high = np.array(found).T
    return Evidence.measured(
        claim,
        "every certified enclosure holds the claimed value" if worst <= 0.0 else "a claimed value is outside",
        contradicted=worst > 0.0,
        error_bar=f"{widest:.2g} (widest enclosure)",
        cases=len(claim.formula.args),
        detail=f"a claimed value is {worst:.3g} outside its enclosure" if worst > 0.0 else "",
        picture=against_claim(
            values,
            (low + high) / 2,
            what="lambda_0",
            title="Certified enclosures hold the claimed values",
            interval=np.array([low, high]),
        ),
    )


def domain() -> st.SearchStrategy[int]:
    """One of the n of the claim."""
    return st.sampled_from(sorted(SPECTRA))


def holds(claim: Claim, case: int) -> bool:
    """Compare with the smallest sum of h_k cos(2 pi j k/n), the circulant's eigenvalues by Fourier transform."""
    k = np.arange(case)
    angle = 2.0 * np.pi * np.minimum(k, case - k) / case
    eigenvalues = np.fft.fft(np.cos(angle) * (0.5 - angle / (2.0 * np.pi))).real
    claimed = next(float(e.rhs) for e in claim.formula.args if e.lhs == CIRCLE(sp.Integer(case)))
    return bool(abs(eigenvalues.min() - claimed) < POINT_ROUNDING)


OTHER_ROOT, TOO_HIGH = sp.Rational(3, 10) - ROOT5 / 100, sp.Rational(1000003, 3000000)
FALSE_TWINS = (
    FalseTwin("the hexagon has lambda_0 > 0", {"claim": smallest_are(VALUES | {6: sp.Rational(1, 100)})}),
    FalseTwin("the pentagon with a root of 5", {"claim": smallest_are(VALUES | {5: OTHER_ROOT})}),
    FalseTwin("orthonormal inputs at 1/3", {"claim": smallest_are(VALUES, sp.Rational(1, 3))}),
    FalseTwin(
        "the triangle at 1/3 + 1e-6, in floats alone",
        {"claim": smallest_are(VALUES | {3: TOO_HIGH}), "derive": None, "domain": None, "holds": None},
    ),
)

THEOREM = Theorem(
    name="circle_spectra",
    source=Source(PAPER, "Fact 2.2", "exact cases beside the paper"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("kernel_limit_positive", "smallest_eigenvalue_strict"),
)
