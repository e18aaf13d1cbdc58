r"""How fast Nesterov's method falls on a mode: its Casoratian obeys C_{k+1} = (1 - eta lambda) beta_k C_k, exactly.

Assumptions
-----------
One eigenmode, x_{k+1} = q ((1 + beta_k) x_k - beta_k x_{k-1}) with q = 1 - eta lambda, beta_k = (k-1)/(k+gamma-1).

Source
------
Beside Bu, Xu and Chen (2021), section 4, and `nesterov_discrete_linear`; not in the paper.

Idea of the proof
-----------------
The Casoratian a_k b_{k-1} - a_{k-1} b_k of two solutions is the discrete Wronskian: put the recurrence in. The product
of the beta_j is of order k^{-gamma}, so the squares of the two oscillating solutions fall like
(1 - eta lambda)^k k^{-gamma}: a linear rate, with the flow's power in front.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.rates import envelope
from odeflow.numeric.training import NesterovMethod, iterate_modes
from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_discrete_linear import LEARNING_RATE, STEPS, next_position
from theory.bu2021_dynamical_view.notation import GAMMA, LAMBDA, PAPER, SYMBOLS

CASORATIAN = sp.Function("C")
BETA_K = (STEPS - 1) / (STEPS + GAMMA - 1)
Q = 1 - LEARNING_RATE * LAMBDA


def multiplied_by(factor: sp.Expr) -> Claim:
    """Return the claim C_{k+1} = factor C_k."""
    return Claim(
        "On a mode the Casoratian of two runs of Nesterov's method is multiplied by (1 - eta lambda) beta_k a step.",
        equate(CASORATIAN(STEPS + 1), factor * CASORATIAN(STEPS)),
        ("frozen kernel, one eigenmode", "the method (4.1) with a fixed learning rate"),
        {
            CASORATIAN(STEPS): "a_k b_{k-1} - a_{k-1} b_k of two runs",
            LEARNING_RATE: "learning rate",
            LAMBDA: "eigenvalue of H",
            GAMMA: SYMBOLS[GAMMA],
        },
    )


CLAIM = multiplied_by(Q * BETA_K)


def derive(claim: Claim) -> Derivation:
    """Put the recurrence into the Casoratian."""
    a, a_before, b, b_before = sp.symbols("a_k a_{k-1} b_k b_{k-1}", real=True)
    a_next, b_next = next_position(a, a_before, BETA_K, Q), next_position(b, b_before, BETA_K, Q)
    return Derivation(
        (
            assume("one eigenmode of a frozen kernel"),
            define("two runs a and b of (4.1)", equate(sp.Symbol("a_{k+1}"), a_next)),
            show_with(
                "put the recurrence into the Casoratian",
                claim.formula,
                {CASORATIAN(STEPS): a * b_before - a_before * b, CASORATIAN(STEPS + 1): a_next * b - a * b_next},
            ),
        )
    )


def claimed_factor(claim: Claim) -> sp.Expr:
    """Return the factor that the claim names."""
    return sp.cancel(claim.formula.rhs / CASORATIAN(STEPS))


def fitted_slope(eta_lambda: float, gamma: float) -> tuple[float, float]:
    """Fit ln L + gamma ln k of one run on its maxima; return the slope per step and half the spread of two halves."""
    steps = int(min(6000.0, 250.0 / eta_lambda))
    losses = iterate_modes(NesterovMethod(eta_lambda, gamma), [1.0], steps)[0] ** 2 / 2
    k = np.arange(steps + 1, dtype=float)
    flat = losses * np.exp(-np.log1p(-eta_lambda) * k) * np.maximum(k, 1.0) ** gamma  # the law divided out
    at, height = envelope(k, flat)
    kept = (at > 0.3 * steps) & (height > 0.0)
    x, y = at[kept], np.log(height[kept])
    slopes = [
        np.polyfit(part[0], part[1], 1)[0]
        for part in ((x, y), *zip(np.array_split(x, 2), np.array_split(y, 2), strict=True))
    ]
    return float(slopes[0] + np.log1p(-eta_lambda)), float(abs(slopes[1] - slopes[2]) / 2)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the Casoratian of two runs with the product of the claimed factors, and fit the loss's slope."""
    rng = np.random.default_rng(seed)
    factor = sp.lambdify((STEPS, LEARNING_RATE, LAMBDA, GAMMA), claimed_factor(claim), "numpy")
    gaps, count = list[float](), 40
    for _ in range(50):
        eta, gamma = float(rng.uniform(0.05, 0.95)), float(rng.uniform(0.5, 9.0))
        a, b = rng.standard_normal(2), rng.standard_normal(2)  # (x_k, x_{k-1}) at k = 2
        start = a[0] * b[1] - a[1] * b[0]
        for k in range(2, 2 + count):
            beta = (k - 1) / (k + gamma - 1)
            a, b = (np.array([(1 - eta) * ((1 + beta) * z[0] - beta * z[1]), z[0]]) for z in (a, b))
        product = float(np.prod(factor(np.arange(2.0, 2 + count), eta, 1.0, gamma)))
        scale = abs(a[0] * b[1]) + abs(a[1] * b[0])
        gaps.append(abs(a[0] * b[1] - a[1] * b[0] - start * product) / scale)
    worst = max(gaps)
    slopes = {x: fitted_slope(x, 3.0) for x in (0.01, 0.1)}
    said = ", ".join(
        f"{s:.6f} +- {e:.2g} at eta lambda = {x:g} (ln(1 - eta lambda) = {np.log1p(-x):.6f})"
        for x, (s, e) in slopes.items()
    )
    return Evidence.measured(
        claim,
        f"Casoratians agree to {worst:.2g}; slope of ln L + gamma ln k: {said}",
        contradicted=worst > 1e-10,
        error_bar="1e-10 (rounding, cancellation between the two products)",
        cases=50,
        seed=seed,
        detail=f"Casoratians differ by {worst:.3g} of their terms",
        picture=by_case(
            gaps,
            1e-10,
            title="After 40 steps the Casoratian is the product of the claimed factors",
            ylabel="difference / size of the terms",
            yscale="log",
            limit_label="rounding",
        ),
    )


def domain() -> st.SearchStrategy[tuple[int, Fraction, Fraction]]:
    """Step, eta lambda and gamma, rational."""
    return st.tuples(
        st.integers(1, 50), st.fractions(0, 2, max_denominator=50), st.fractions(Fraction(1, 9), 9, max_denominator=9)
    )


def holds(claim: Claim, case: tuple[int, Fraction, Fraction]) -> bool:
    """Step two rational runs once and compare, exactly."""
    k, x, gamma = case
    beta = Fraction(k - 1) / (k + gamma - 1)
    (a, a0), (b, b0) = (Fraction(3), Fraction(1)), (Fraction(2), Fraction(5))
    a1, b1 = ((1 - x) * ((1 + beta) * z - beta * z0) for z, z0 in ((a, a0), (b, b0)))
    values = {STEPS: sp.Integer(k), LEARNING_RATE: sp.Rational(x.numerator, x.denominator), LAMBDA: sp.Integer(1)}
    factor = claimed_factor(claim).xreplace({**values, GAMMA: sp.Rational(gamma.numerator, gamma.denominator)})
    return bool(sp.Rational(str(a1 * b - a * b1)) == factor * sp.Rational(str(a * b0 - a0 * b)))


FALSE_TWINS = (
    FalseTwin("without beta_k", {"claim": multiplied_by(Q)}),
    FalseTwin("beta_{k+1} for beta_k", {"claim": multiplied_by(Q * BETA_K.subs(STEPS, STEPS + 1))}),
)

THEOREM = Theorem(
    name="nesterov_discrete_casoratian",
    source=Source(PAPER, "Section 4, (4.1)", "the law of the discrete method, not in the paper"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_discrete_linear", "nesterov_discrete_polynomial_printed"),
)
