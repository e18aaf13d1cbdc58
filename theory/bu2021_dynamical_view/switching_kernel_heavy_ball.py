r"""Lemma 3.3 as printed assumes only lambda_min(H(s)) >= lambda_0/2. With a kernel that varies it is false.

Assumptions
-----------
n = 1, r = 1 (lambda_0 = 2, b = 2): H(s) alternates between 1 = r^2 for a time 0.7 and 40 for a time 0.3.

Source
------
Bu, Xu and Chen (2021), Lemma 3.3: "Assume 0 <= s <= t and lambda_min(H(s)) >= lambda_0/2. Then L(t) <=
(4/lambda_0) e^{-sqrt(lambda_0/2) t} Lhat(0)".

Idea of the refutation
----------------------
Delta'' + 2 Delta' + H(t) Delta = 0 is solved exactly on each stretch. The matrix M of one period has determinant
e^{-2}, and 1 + tr M + det M < 0: an eigenvalue below -1, so the loss grows without bound. At t = 6 it is well above the
bound.

Deviations from the paper
-------------------------
With a constant H the lemma holds (`heavy_ball_rate`, the control here); with a kernel within e r^2 of a constant one a
slower rate holds (`repaired_heavy_ball_rate`). For switching between two levels with the best timing, the simulation
finds the ratio of levels beyond which the lemma's exponent fails, and the one beyond which the loss grows.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import brentq, minimize

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import INITIAL_PSEUDO_LOSS, PAPER, RATE, SYMBOLS, T

__all__ = ["THEOREM"]

LOSS = sp.Function("L", nonnegative=True)
STRETCHES = (sp.Rational(7, 10), sp.Rational(3, 10))
PERIODS = 6


def bounded_by(constant: sp.Expr, ratio: int) -> Claim:
    """Return the claim L(t) <= constant e^{-rt} Lhat(0) for kernels that vary by at most the factor `ratio`."""
    return Claim(
        f"Heavy ball's loss decays at rate r for every kernel H(s) between r^2 and {ratio} r^2.",
        sp.Le(LOSS(T, sp.Integer(ratio)), constant * sp.exp(-RATE * T) * INITIAL_PSEUDO_LOSS, evaluate=False),
        ("H(s) >= r^2 I for all s <= t", "b = 2r", "Delta'(0) = 0"),
        {LOSS(T, sp.Integer(ratio)): "loss with sup H / r^2 as named", RATE: SYMBOLS[RATE]},
    )


CLAIM = bounded_by(2 / RATE**2, 40)
CORRECTED = bounded_by(2 / RATE**2, 1)


def propagator(eigenvalue: sp.Expr, time: sp.Expr) -> sp.Matrix:
    """Return the matrix that moves (x, x') by `time` under x'' + 2 x' + eigenvalue x = 0, eigenvalue >= 1."""
    w = sp.sqrt(eigenvalue - 1)
    c, s = (sp.Integer(1), time) if eigenvalue == 1 else (sp.cos(w * time), sp.sin(w * time) / w)
    return sp.exp(-time) * sp.Matrix([[c + s, s], [-eigenvalue * s, c - s]])


def counterexample(claim: Claim) -> Derivation:
    """Six periods of switching between r^2 = 1 and the claim's largest level."""
    level = claim.formula.lhs.args[1]
    probe = sp.Symbol("h", positive=True)
    moves = propagator(level, probe)
    residual = moves.diff(probe) - sp.Matrix([[0, 1], [-level, -2]]) * moves
    step = (propagator(level, STRETCHES[1]) * propagator(sp.Integer(1), STRETCHES[0])).applyfunc(sp.expand)
    state = sp.Matrix([1, 0])
    for _ in range(PERIODS):
        state = (step * state).applyfunc(sp.expand)
    loss = state[0] ** 2 / 2
    lower = sp.Rational(sp.floor(10**6 * loss), 10**6)
    instance = {
        LOSS(T, level): lower,
        INITIAL_PSEUDO_LOSS: sp.Rational(1, 2),
        RATE: sp.Integer(1),
        T: sp.Integer(PERIODS),
    }
    growing = sp.expand(1 + step.trace() + step.det())
    steps = [
        assume(f"n = 1, r = 1, H alternates between 1 for {STRETCHES[0]} and {level} for {STRETCHES[1]}, from rest"),
        show_equal("each stretch is solved exactly: x' is the derivative of x", sum(residual.row(0)), sp.Integer(0)),
        show_equal("and x'' = -2 x' - H x, from x(0) = 1", residual[1, 0], sp.Integer(0)),
        show_equal("and from x'(0) = 1", residual[1, 1], sp.Integer(0)),
        show_less("H >= r^2", sp.Integer(1), level),
    ]
    if level > 1:
        steps += [
            show_equal("det of one period is e^{-2}", step.det(), sp.exp(-2)),
            show_less("1 + tr M + det M < 0", growing, sp.Rational(-1, 2)),
            infer("det(-I - M) < 0: an eigenvalue of M is below -1, so |Delta| grows without bound"),
        ]
    steps.append(show_less(f"after {PERIODS} periods the loss is at least {lower}", lower, loss))
    return Derivation((*steps, show_violated("already this is above the bound", claim.formula, instance)))


def period_matrices(ratio: float, low: Float[np.ndarray, ...], high: Float[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """Return the spectral radius of one period with stretches `low` (H = 1) and `high` (H = ratio), r = 1."""
    w = np.sqrt(ratio - 1.0)
    c, s = np.cos(w * high), np.sin(w * high) / w
    decay = np.exp(-low - high)
    trace = decay * ((c + s) * (1 + low) - s * low - ratio * s * low + (c - s) * (1 - low))
    root = np.sqrt((trace**2 / 4 - decay**2).astype(complex))
    return np.asarray(np.maximum(abs(trace / 2 + root), abs(trace / 2 - root)))


def fastest_growth(ratio: float, points: int) -> float:
    """Return the largest growth rate of |Delta| over all timings of two-level switching, in units of r."""
    low, high = np.meshgrid(np.linspace(0.02, 4.0, points), np.linspace(0.02, 4.0, points))
    rates = np.log(period_matrices(ratio, low, high)) / (low + high)
    top = np.unravel_index(int(np.argmax(rates)), rates.shape)

    def slowness(x: Float[np.ndarray, " 2"]) -> float:
        return -float(np.log(period_matrices(ratio, x[0], x[1]))) / float(x.sum())

    best = minimize(
        slowness, np.array([low[top], high[top]]), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    return -float(best.fun)


def thresholds(points: int) -> tuple[float, float]:
    """Return the ratios of levels at which |Delta| decays at r/2 (the lemma's exponent) and at which it grows."""

    def at(target: float) -> float:
        return float(brentq(lambda ratio: fastest_growth(ratio, points) - target, 2.0, 40.0, xtol=1e-8))

    return at(-0.5), at(0.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow 12 periods of the switching, and find the two thresholds on two grids of timings."""
    level = int(claim.formula.lhs.args[1])
    step = np.array(
        (propagator(sp.Integer(level), STRETCHES[1]) * propagator(sp.Integer(1), STRETCHES[0])).evalf(30), dtype=float
    )
    state, losses = np.array([1.0, 0.0]), []
    for _ in range(12):
        state = step @ state
        losses.append(0.5 * float(state[0]) ** 2)
    bounds = claim.bound({T: np.arange(1.0, 13.0), RATE: 1.0, INITIAL_PSEUDO_LOSS: 0.5})
    eigenvalue = min(np.linalg.eigvals(step).real, key=lambda x: -abs(x))
    (slow, grow), (slow_coarse, grow_coarse) = thresholds(81), thresholds(41)
    return Evidence.measured(
        claim,
        f"a period multiplies by {eigenvalue:.4f}; L(12) = {losses[-1]:.1f}, bound {bounds[-1]:.2g}; with the "
        f"best timing the exponent fails past ratio {slow:.3f}, the loss grows past {grow:.3f}",
        contradicted=bool((np.array(losses) > bounds).any()),
        error_bar=f"{max(abs(slow - slow_coarse), abs(grow - grow_coarse), 1e-8):.2g} (thresholds, two grids)",
        cases=12,
        detail=f"L(12) = {losses[-1]:.4g} against {bounds[-1]:.4g}",
        picture=along(
            np.arange(1.0, 13.0),
            losses,
            {"claimed bound": bounds},
            title="A switching kernel lifts the loss above the bound",
            xlabel="r t, one period each",
            ylabel="L",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("a hundred times the constant", {"claim": bounded_by(200 / RATE**2, 40)}),
    FalseTwin("levels up to 60 r^2", {"claim": bounded_by(2 / RATE**2, 60)}),
)

THEOREM = Theorem(
    name="switching_kernel_heavy_ball",
    source=Source(PAPER, "Lemma 3.3 (first part)", "as printed, with H(s) varying"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("heavy_ball_rate", "repaired_heavy_ball_rate", "modulated_kernel_nesterov"),
)
