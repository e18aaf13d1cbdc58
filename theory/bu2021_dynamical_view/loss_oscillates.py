r"""Section 4, corrected for heavy ball: the loss is monotone for every start exactly when no mode is under-damped.

Assumptions
-----------
H constant, symmetric, positive definite; Delta'' + 2r Delta' + H Delta = 0; Delta'(0) = 0, any Delta(0) != 0.

Source
------
Bu, Xu and Chen (2021), section 4: "NAG and HB are well-known to have non-monotone loss dynamics, which is different
than GD" (`loss_oscillates_printed`; Nesterov in `nesterov_loss_oscillates`).

Idea of the proof
-----------------
From rest a critically or over-damped mode is positive and falls for ever, so the sum of squares falls. An under-damped
mode is zero at some time and -e^{-r pi/omega} at pi/omega, so started in it the loss rises in between.

Deviations from the paper
-------------------------
The paper's b = sqrt(2 lambda_0) with H = H_inf makes every mode under-damped, so there the loss does oscillate.
"""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.modal import mode_response
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_less
from odeflow.symbolic.modes import FREQUENCY, heavy_ball_modes
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER, RATE, SYMBOLS, T

RISE = sp.Symbol("rise", nonnegative=True)


def monotone_iff(condition: sp.Basic) -> Claim:
    """Return the claim that the loss never rises, whatever Delta(0), exactly under `condition`."""
    return Claim(
        "With a frozen kernel heavy ball's loss is monotone for every initial error exactly when lambda_max(H) <= r^2.",
        sp.Equivalent(sp.Eq(RISE, 0), condition, evaluate=False),
        ("H is constant, symmetric, positive definite", "b = 2r", "Delta'(0) = 0"),
        {
            RISE: "largest rise of the loss over all Delta(0) and all pairs of times",
            LAMBDA: "largest eigenvalue of H",
            RATE: SYMBOLS[RATE],
        },
    )


CLAIM = monotone_iff(sp.Le(LAMBDA, RATE**2, evaluate=False))


def derive(claim: Claim) -> Derivation:
    """Differentiate the closed forms of the three regimes."""
    under, critical, over = heavy_ball_modes(RATE)
    falls = -(RATE**2) * T * sp.exp(-RATE * T)  # the slope at critical damping
    slopes = (
        (under, -under.eigenvalue / FREQUENCY * sp.exp(-RATE * T) * sp.sin(FREQUENCY * T)),
        (critical, falls),
        (over, -over.eigenvalue / FREQUENCY * sp.exp(-RATE * T) * sp.sinh(FREQUENCY * T)),
    )
    turn = under.response.subs(T, sp.pi / FREQUENCY)
    steps = [
        assume("H is constant, symmetric, positive definite, Delta'(0) = 0"),
        *(step for mode, _ in slopes for step in mode.verify().steps),
        *(show_equal(f"the slope of the {m.regime} mode", sp.diff(m.response, T), s) for m, s in slopes),
        show_less("critically damped: the slope is <= 0", sp.expand(falls * sp.exp(RATE * T)), sp.Integer(0)),
        infer("over-damped: r > omega, and sinh >= 0, so the slope is <= 0 too"),
        infer("both are positive (products and sums of positive terms), so (x^2/2)' = x x' <= 0; modes add up"),
        define("an under-damped mode alone: Delta(0) along an eigenvector with lambda > r^2"),
        show_equal(
            "at t = pi/omega it is -e^{-r pi/omega}", turn, -sp.exp(-RATE * sp.pi / FREQUENCY), name="x at t = pi/omega"
        ),
        infer("it starts at 1, so it is zero before; from there to pi/omega its square rises from 0"),
    ]
    return Derivation((*steps, infer("every mode has lambda <= r^2, or one has not", CLAIM.formula, from_=steps)))


@functools.lru_cache(maxsize=256)
def largest_rise(largest: float, rate: float) -> float:
    """Return the largest rise of the loss of modes with eigenvalues up to `largest`, each alone from 1."""
    times = np.linspace(0.0, 30.0 / rate + 8.0 * np.pi / np.sqrt(largest), 6000)
    x = mode_response(HeavyBall(2.0 * rate), np.array([largest, 0.5 * largest, 0.01 * largest]), times)
    losses = x**2 / 2
    return float((losses - np.minimum.accumulate(losses, axis=1)).max())


def condition_of(claim: Claim) -> sp.Basic:
    """Return the condition that the claim names."""
    (condition,) = (a for a in claim.formula.args if not a.has(RISE))
    return condition


def is_monotone(claim: Claim, factor: float, rate: float) -> bool:
    """Tell whether the claim says that the loss never rises at lambda_max = factor r^2."""
    values = {LAMBDA: sp.Float(factor * rate**2), RATE: sp.Float(rate)}
    return bool(condition_of(claim).xreplace(values))


def agrees(claim: Claim, factor: float, rate: float) -> bool:
    """Compare the claim with the closed form at lambda_max = factor r^2; rises below 1e-14 are not seen."""
    expected, rise = is_monotone(claim, factor, rate), largest_rise(factor * rate**2, rate)
    unseen = 1.0 < factor < 1.05  # e^{-2 pi r/omega} is below rounding there
    return unseen or (rise <= 1e-14) == expected


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the largest rise at 60 values of lambda_max/r^2 between 0.01 and 100."""
    factors = [f for f in np.geomspace(0.01, 100.0, 60) if not 0.999 < f < 1.05]
    wrong = [f for f in factors if not agrees(claim, float(f), 0.7)]
    seen = {f: largest_rise(f * 0.49, 0.7) for f in (1.2, 2.0, 10.0)}
    return Evidence.measured(
        claim,
        "largest rise (of L(0) = 1/2) " + ", ".join(f"{v:.2g} at {f:g} r^2" for f, v in seen.items()),
        contradicted=bool(wrong),
        error_bar="1e-14 (closed form)",
        cases=len(factors),
        detail=f"claim and closed form disagree at lambda_max = {wrong[0]:.4g} r^2" if wrong else "",
        picture=along(
            factors,
            [largest_rise(float(f) * 0.7**2, 0.7) for f in factors],
            {"claimed: no rise": [0.0 if is_monotone(claim, float(f), 0.7) else np.nan for f in factors]},
            title="The loss rises just where the claim says so",
            xlabel="lambda_max / r^2",
            ylabel="largest rise, L(0) = 1/2",
            xscale="log",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float]]:
    """lambda_max/r^2 in [0.01, 50] and r in [0.1, 3]."""
    return st.tuples(st.floats(0.01, 50.0).filter(lambda f: not 0.999 < f < 1.05), st.floats(0.1, 3.0))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Compare the claim with the closed form."""
    return agrees(claim, *case)


FALSE_TWINS = (
    FalseTwin("up to 2 r^2", {"claim": monotone_iff(sp.Le(LAMBDA, 2 * RATE**2, evaluate=False))}),
    FalseTwin("only below r^2/2", {"claim": monotone_iff(sp.Le(LAMBDA, RATE**2 / 2, evaluate=False))}),
)

THEOREM = Theorem(
    name="loss_oscillates",
    source=Source(PAPER, "Section 4, after Theorem 3", "corrected for heavy ball: iff a mode is under-damped"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("loss_oscillates_printed", "nesterov_loss_oscillates", "heavy_ball_sharp_rate"),
)
