r"""Equation (5.1) with two momenta: stable exactly when lambda_max(H) < b1 b2.

Assumptions
-----------
H constant, symmetric, positive definite; Delta''' + b2 Delta'' + b1 Delta' + H Delta = 0 with b1, b2 > 0.

Source
------
Corrects Bu, Xu and Chen (2021), section 5.1, which treats (5.1) as a convergent method (`momentum_stability_printed`).

Idea of the proof
-----------------
A mode has the polynomial s^3 + b2 s^2 + b1 s + lambda with positive coefficients. Its real root is -a, a > 0; write
the rest as s^2 + p s + q, q = lambda/a > 0. Then b1 b2 - lambda = p (a b2 + q), so it has the sign of p, and s^2 + p
s + q with q > 0 is stable exactly when p > 0. These are the Hurwitz determinants, without the Routh-Hurwitz theorem.

Deviations from the paper
-------------------------
Heavy ball is stable for every positive definite H; (5.1) is not: the damping must grow with lambda_max(H).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_less
from odeflow.symbolic.modes import hurwitz_determinants
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER

B1, B2 = sp.symbols("b_1 b_2", positive=True)
ABSCISSA = sp.Symbol("sigma", real=True)
WHERE = {
    ABSCISSA: "largest real part of the roots of s^3 + b2 s^2 + b1 s + lambda",
    LAMBDA: "largest eigenvalue of H",
}


def stable_below(threshold: sp.Expr) -> Claim:
    """Return the claim that the flow is stable exactly when lambda < threshold."""
    return Claim(
        "With a frozen kernel the flow (5.1) with two momenta is stable exactly when lambda_max(H) < b1 b2.",
        sp.Equivalent(sp.Lt(ABSCISSA, 0), sp.Lt(LAMBDA, threshold, evaluate=False), evaluate=False),
        ("H is constant, symmetric, positive definite", "b1 > 0, b2 > 0", "J = 2"),
        WHERE,
    )


CLAIM = stable_below(B1 * B2)


def derive(claim: Claim) -> Derivation:
    """Factor the real cubic and read the sign of b1 b2 - lambda off its factors."""
    s, p = sp.Symbol("s"), sp.Symbol("p", real=True)
    a, q = sp.symbols("a q", positive=True)
    cubic = s**3 + B2 * s**2 + B1 * s + LAMBDA
    factors = sp.Poly((s + a) * (s**2 + p * s + q), s).all_coeffs()
    by_factors = {B2: factors[1], B1: factors[2], LAMBDA: factors[3]}
    second = hurwitz_determinants([B2, B1, LAMBDA])[1]
    steps = [
        assume("b1, b2, lambda > 0; it suffices to treat each eigenvalue lambda of H, the largest being the hardest"),
        show_less(
            "no root is >= 0: the polynomial is positive there",
            sp.Integer(0),
            cubic.subs(s, sp.Symbol("s", positive=True)),
        ),
        infer("a real cubic has a real root, so it is -a with a > 0, and the rest is s^2 + p s + q, q = lambda/a > 0"),
        define("b2 = p + a, b1 = q + a p, lambda = a q", equate(sp.Symbol("cubic"), (s + a) * (s**2 + p * s + q))),
        show_equal(
            "the second Hurwitz determinant is b1 b2 - lambda",
            second,
            B1 * B2 - LAMBDA,
            name="second Hurwitz determinant",
        ),
        show_equal("it has the sign of p, since a b2 + q > 0", second.xreplace(by_factors), p * (a * factors[1] + q)),
        infer(
            "roots of s^2 + p s + q, q > 0: their sum is -p and their product q, so both real parts are < 0 iff p > 0"
        ),
        show_equal(
            "at lambda = b1 b2 the pair is on the imaginary axis, s = +- i sqrt(b1)",
            cubic.subs({LAMBDA: B1 * B2}).subs(s, sp.I * sp.sqrt(B1)),
            sp.Integer(0),
            name="polynomial at s = i sqrt(b1)",
        ),
    ]
    return Derivation((*steps, infer("so all real parts are < 0 iff lambda < b1 b2", CLAIM.formula, from_=steps)))


def stable_by_claim(claim: Claim, b1: float, b2: float, eigenvalue: float) -> bool:
    """Tell what the claim says of one mode."""
    return margin(claim, b1, b2, eigenvalue) < 1.0


def margin(claim: Claim, b1: float, b2: float, eigenvalue: float) -> float:
    """Return the two positive sides of the claimed condition, the first over the second: the mode is stable below 1."""
    (condition,) = claim.formula.atoms(sp.StrictLessThan) - {sp.Lt(ABSCISSA, 0)}
    values = {B1: sp.Float(b1), B2: sp.Float(b2), LAMBDA: sp.Float(eigenvalue)}
    return float((condition.lhs / condition.rhs).xreplace(values))


def abscissa(coefficients: list[float]) -> float:
    """Return the largest real part of the roots of a monic polynomial, given its other coefficients, in floats."""
    return float(np.roots([1.0, *coefficients]).real.max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute the roots of 500 random cubics; those within 1e-6 of the imaginary axis are not counted."""
    rng = np.random.default_rng(seed)
    wrong, counted, found = "", 0, list[tuple[float, float]]()
    for _ in range(500):
        b1, b2, lam = np.exp(rng.uniform(-2.0, 2.0, 3))
        sigma = abscissa([b2, b1, lam])
        if abs(sigma) < 1e-6:
            continue
        counted += 1
        found.append((margin(claim, b1, b2, lam), sigma))
        if (sigma < 0.0) != stable_by_claim(claim, b1, b2, lam):
            wrong = wrong or f"b1 = {b1:.4g}, b2 = {b2:.4g}, lambda = {lam:.4g} has abscissa {sigma:.4g}"
    return Evidence.measured(
        claim,
        wrong or f"no mismatch in {counted} random cubics",
        contradicted=bool(wrong),
        error_bar="1e-6 (roots in floats)",
        cases=counted,
        seed=seed,
        detail=wrong,
        picture=along(
            [share for share, _ in found],
            [largest for _, largest in found],
            {"stable below": 0.0},
            title="Modes are stable just left of 1",
            xlabel="two sides of the claimed condition, their ratio",
            ylabel="largest real part, 1/time",
            xscale="log",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """b1, b2 and lambda in [0.1, 10]."""
    return st.tuples(*[st.floats(0.1, 10.0)] * 3)


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Compare the claim with the roots of one cubic, away from the imaginary axis."""
    b1, b2, lam = case
    sigma = abscissa([b2, b1, lam])
    return abs(sigma) < 1e-6 or (sigma < 0.0) == stable_by_claim(claim, b1, b2, lam)


FALSE_TWINS = (
    FalseTwin("threshold 2 b1 b2", {"claim": stable_below(2 * B1 * B2)}),
    FalseTwin("threshold b1 + b2", {"claim": stable_below(B1 + B2)}),
)

THEOREM = Theorem(
    name="momentum_stability",
    source=Source(PAPER, "(5.1), J = 2", "corrected: stable iff lambda_max(H) < b1 b2"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("momentum_stability_printed", "momentum_stability_any_order", "momentum_order"),
)
