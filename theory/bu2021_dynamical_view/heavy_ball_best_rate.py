r"""Beside Theorem 2: the best rate that the paper's V can give, r (2 - 1/sqrt(kappa)) when H >= kappa r^2 I.

Assumptions
-----------
H is constant and symmetric with H >= k^2 r^2 I, k >= 1 (kappa = k^2); Delta'' + 2r Delta' + H Delta = 0.

Source
------
Sharpens Bu, Xu and Chen (2021), proof of Lemma 3.3, whose V' <= -r V is the case k = 1.

Idea of the proof
-----------------
On a mode with eigenvalue lambda, -(V' + rho V) is a form in (Delta, Delta') whose smallest minor has the sign of
kappa (2 - rho/r)^2 - 1. It is >= 0 on [k^2 r^2, oo) at rho = r (2 - 1/k), and negative at lambda = k^2 r^2 just above.
Since V >= 0, a larger rate is never easier: the rates that V certifies form an interval.

Deviations from the paper
-------------------------
The paper uses V at kappa = 1, where r is the best V can do. At H = H_inf, kappa = 2, the same V gives 1.2929 r. The
true exponent of the loss is 2r (`heavy_ball_sharp_rate`); no finite kappa makes this V see it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.linalg import eigh

from odeflow.panels import along
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.symbolic.exact import is_positive_semidefinite
from odeflow.symbolic.lyapunov import best_rate_polynomial, mode_matrix
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_rate import FLOW, V
from theory.bu2021_dynamical_view.notation import KERNEL, LAMBDA, PAPER, RATE, SYMBOLS

K = sp.Symbol("k", positive=True)
BEST = sp.Function("best_rate", positive=True)(K)
ENOUGH = {LAMBDA: K**2 * RATE**2, K: sp.Integer(1)}
TRUE_RATE = RATE * (2 - 1 / K)
FALL = mode_matrix(-FLOW.frozen_dynamics(KERNEL).derivative(V), FLOW, LAMBDA)  # of -V'
ENERGY = mode_matrix(V, FLOW, LAMBDA)


def best_is(rate: sp.Expr) -> Claim:
    """Return the claim that `rate` is the largest rho with V' + rho V <= 0 for all H >= k^2 r^2 I."""
    return Claim(
        "The largest rate at which the paper's V decays for every H >= k^2 r^2 I is r (2 - 1/k).",
        equate(BEST, rate),
        ("H is constant and symmetric with H >= k^2 r^2 I, k >= 1", "b = 2r"),
        {BEST: "sup of the rho with V' + rho V <= 0", K: "root of kappa, H >= kappa r^2 I", RATE: SYMBOLS[RATE]},
    )


CLAIM = best_is(TRUE_RATE)


def certificate(claim: Claim) -> DecayCertificate:
    """Certify V >= 0 and V' + rate V <= 0 at the claimed rate."""
    return DecayCertificate(FLOW, V, claim.formula.rhs, LAMBDA, ENOUGH)


def derive(claim: Claim) -> Derivation:
    """Certify the rate, and show that V certifies no larger one."""
    cert = DecayCertificate(FLOW, V, TRUE_RATE, LAMBDA, ENOUGH)
    excess, gap = sp.symbols("e d", positive=True)
    rate = sp.Symbol("rho", positive=True)
    minor = best_rate_polynomial(V, FLOW, rate, LAMBDA)
    minor = minor.subs(LAMBDA, K**2 * RATE**2).subs(rate, TRUE_RATE + RATE * excess / K)
    steps = [
        assume("H is constant and symmetric with H >= k^2 r^2 I, k >= 1"),
        cert.positivity(),
        cert.decay(),
        show_equal(
            "at lambda = k^2 r^2 and rate r (2 - 1/k) + r e/k the form has this determinant",
            minor,
            -(RATE**4) * excess * (2 - excess) / 4,
        ),
        show_equal(
            "that is negative for 0 < e < 2 (e = 2/(1 + d), d > 0)",
            minor.subs(excess, 2 / (1 + gap)),
            -(RATE**4) * gap / (1 + gap) ** 2,
        ),
        infer("V >= 0: if V' + rho V <= 0 holds at some rho it holds at every smaller one, so none above is certified"),
    ]
    return Derivation((*steps, show_with("so the best rate is r (2 - 1/k)", claim.formula, {BEST: TRUE_RATE})))


def measured_rate(k: float, *, count: int = 400) -> float:
    """Return min over eigenvalues in [k^2, 1e4 k^2] of the largest rho with V' + rho V <= 0, at r = 1, in floats."""
    parts = [sp.lambdify(LAMBDA, m.subs(RATE, 1), "numpy") for m in (FALL, ENERGY)]
    spectrum = k * k * np.geomspace(1.0, 1e4, count)
    return min(float(eigh(*(np.array(p(lam), dtype=float) for p in parts), eigvals_only=True)[0]) for lam in spectrum)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute the best rate as a generalised eigenvalue, min over 400 eigenvalues, at five k (r = 1)."""
    gaps, rates = {}, {}
    for k in (1.0, float(np.sqrt(2.0)), 2.0, 5.0, 20.0):
        claimed = float(claim.formula.rhs.subs({RATE: 1, K: k}))
        rates[k] = measured_rate(k), claimed
        gaps[k] = rates[k][0] - claimed
    worst = max(gaps, key=lambda k: abs(gaps[k]))
    return Evidence.measured(
        claim,
        f"measured minus claimed best rate at most {abs(gaps[worst]):.2g} (at k = {worst:.4g})",
        contradicted=abs(gaps[worst]) > 1e-9,
        error_bar="1e-9 (generalised eigenvalues)",
        cases=400 * len(gaps),
        detail=f"measured and claimed best rate differ by {abs(gaps[worst]):.3g} at k = {worst:.4g}",
        picture=along(
            list(rates),
            *np.array(list(rates.values())).T,
            title="The best rate of V is the claimed one",
            xlabel="k = sqrt(lambda_0) / r",
            ylabel="rate / r",
            xscale="log",
        ),
    )


def domain() -> st.SearchStrategy[tuple[Fraction, Fraction, Fraction]]:
    """Rational k >= 1, r > 0 and an eigenvalue k^2 r^2 (1 + u), u >= 0."""
    return st.tuples(
        st.fractions(1, 20, max_denominator=20),
        st.fractions(Fraction(1, 9), 9, max_denominator=9),
        st.fractions(0, 100),
    )


def holds(claim: Claim, case: tuple[Fraction, Fraction, Fraction]) -> bool:
    """Check exactly: the claimed rate is certified at the eigenvalue, and 1e-9 more is not at the lowest one."""
    k, r, u = (sp.Rational(q.numerator, q.denominator) for q in case)
    rate = claim.formula.rhs.xreplace({K: k, RATE: r})

    def certified(rho: sp.Expr, eigenvalue: sp.Expr) -> bool:
        form = (FALL - rho * ENERGY).xreplace({RATE: r, LAMBDA: eigenvalue})
        return is_positive_semidefinite(form.tolist())

    lowest = k**2 * r**2
    return certified(rate, lowest * (1 + u)) and not certified(rate + r * sp.Rational(1, 10**9), lowest)


FALSE_TWINS = (
    FalseTwin("rate larger by r/1000", {"claim": best_is(TRUE_RATE + RATE / 1000)}),
    FalseTwin("rate smaller by r/1000", {"claim": best_is(TRUE_RATE - RATE / 1000)}),
    FalseTwin("1/kappa in place of its root", {"claim": best_is(RATE * (2 - 1 / K**2))}),
)

THEOREM = Theorem(
    name="heavy_ball_best_rate",
    source=Source(PAPER, "Lemma 3.3, V(t)", "the best rate of this V, not in the paper"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    certificate=certificate,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_rate", "heavy_ball_lyapunov", "heavy_ball_sharp_rate"),
)
