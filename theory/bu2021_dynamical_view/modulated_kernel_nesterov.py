r"""Lemma 4.1 as printed assumes only lambda_min(H(s)) >= lambda_0/2. If H varies it is false, however little H varies.

Assumptions
-----------
n = 1, any gamma > 0, x'' + (gamma/t) x' + H(t) x = 0, H(t) in {1, kappa} with any kappa > 1.

Source
------
Bu, Xu and Chen (2021), Lemma 4.1: "Assume 0 <= s <= t and lambda_min(H(s)) >= lambda_0/2, then L(t) <= C(alpha,
gamma) t^{-alpha} (lambda_0/2)^{-alpha/2} L(0)". It implies that the loss has no positive exponential rate.

Idea of the refutation
----------------------
Pumping: H = kappa while |x| falls from a maximum A to zero, H = 1 while it rises to the next maximum A'. The energy
E = x'^2/2 + H x^2/2 obeys (t^{2 gamma} E)' >= 0 on each phase, so A'^2 t'^{2 gamma} >= kappa A^2 t^{2 gamma}: friction
telescopes and every swing multiplies by kappa. A swing lasts at most 4 pi (Sturm). Hence after N swings L >=
kappa^N L_0 (t_0/(t_0 + 4 pi N))^{2 gamma}: an exponential rate of at least log(kappa)/(4 pi), and no constant C.

Deviations from the paper
-------------------------
With a constant H the lemma holds (`nesterov_rate`; the control is kappa = 1). Unlike heavy ball's, Nesterov's friction
vanishes, so no smallness of the variation repairs it; a repair needs variation that is summable in time. The simulation
shows the same with a smooth kernel, 1 + eps cos 2t.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp

from odeflow.codegen import compile_field
from odeflow.numeric.integrate import integrate
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, cite, define, infer, show_equal, show_less, show_violated
from odeflow.symbolic.flows import nesterov
from odeflow.symbolic.inner_products import inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import ERROR, GAMMA, KERNEL, PAPER, SYMBOLS, VELOCITY, T

__all__ = ["THEOREM"]

GROWTH = sp.Function("growth", real=True)
SWING = 4 * sp.pi


def grows_at_most(rate: sp.Expr, ratio: sp.Expr) -> Claim:
    """Return the claim limsup log(L(t))/t <= rate for every kernel with values in [1, ratio]."""
    return Claim(
        "Nesterov's loss decays like a power of t, with no positive exponential rate, for every kernel H(t) >= mu.",
        sp.Le(GROWTH(ratio), rate, evaluate=False),
        (f"1 <= H(s) <= {ratio} for all s", "gamma > 0", "Delta'(0) = 0"),
        {GROWTH(ratio): "largest limsup log(L(t))/t over such kernels", GAMMA: SYMBOLS[GAMMA]},
    )


CLAIM = grows_at_most(sp.Integer(0), sp.Rational(6, 5))
CORRECTED = grows_at_most(sp.Integer(0), sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Pump the oscillation: every swing multiplies the weighted energy by the ratio, and lasts at most 4 pi."""
    ratio = claim.formula.lhs.args[0]
    energy = norm2(VELOCITY) / 2 + inner(ERROR, KERNEL @ ERROR) / 2
    weighted = nesterov(GAMMA).frozen_dynamics(KERNEL).derivative(T ** (2 * GAMMA) * energy)
    y, height = sp.Function("y")(T), sp.Symbol("H", positive=True)
    x = y * T ** (-GAMMA / 2)
    equation = sp.diff(x, T, 2) + GAMMA / T * sp.diff(x, T) + height * x
    tau, level = sp.symbols("tau level", positive=True)
    start, count = sp.symbols("t_0 N", positive=True)
    grown = (count * sp.log(ratio) - 2 * GAMMA * sp.log(1 + SWING * count / start)) / (start + SWING * count)
    return Derivation(
        (
            assume("n = 1, any gamma > 0; H = 1 until an extremum of x at some t_0 >= gamma"),
            define(f"then H = {ratio} from each extremum of x to the next zero, H = 1 from there to the next extremum"),
            show_equal(
                "(t^{2 gamma} (|x'|^2 + <H x, x>)/2)' = gamma t^{2 gamma - 1} <H x, x> >= 0 on each phase",
                sp.powsimp(sp.expand(weighted * T ** (1 - 2 * GAMMA))),
                GAMMA * inner(ERROR, KERNEL @ ERROR),
                name="t^{1 - 2 gamma} (t^{2 gamma} (|x'|^2 + <H x, x>)/2)'",
            ),
            infer(f"at an extremum, of size A, falling has the energy {ratio} A^2/2, rising had A^2/2"),
            infer("at a zero both are x'^2/2, so A_N^2 t_N^{2 gamma} >= ratio^N A_0^2 t_0^{2 gamma}"),
            show_equal(
                "y = t^{gamma/2} x obeys y'' + (H - gamma (gamma-2)/(4 t^2)) y = 0",
                sp.expand(sp.powsimp(sp.expand(equation * T ** (GAMMA / 2)))),
                sp.diff(y, T, 2) + (height - GAMMA * (GAMMA - 2) / (4 * T**2)) * y,
            ),
            show_less(
                "for H >= 1 and tau = t^2 >= gamma^2/3 the coefficient is at least 1/4",
                sp.Rational(1, 4),
                level - GAMMA * (GAMMA - 2) / (4 * tau),
                {level: sp.Integer(1), tau: GAMMA**2 / 3},
            ),
            cite("Sturm's comparison theorem"),
            infer("so y has a zero in every interval of length 2 pi, and each phase ends within 2 pi (Rolle)"),
            infer("after N swings t_N <= t_0 + 4 pi N"),
            show_equal(
                "log(L)/t at the N-th extremum tends to at least",
                sp.limit(grown, count, sp.oo),
                sp.log(ratio) / SWING,
                name="limit of log(L)/t",
            ),
            show_violated("the exponential rate of the loss", claim.formula, {GROWTH(ratio): sp.log(ratio) / SWING}),
        )
    )


def modulated(gamma: float, amplitude: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve x'' + (gamma/t) x' + (1 + amplitude cos 2t) x = 0 by two integrators; return (x, x') of each at `times`."""
    x, v, eps, g = sp.symbols("x v eps g", real=True)
    field = compile_field([v, -g / T * v - (1 + eps * sp.cos(2 * T)) * x], [x, v], time=T, parameters=[g, eps])
    first = 1e-3  # two terms of the series at t = 0; the third is below 1e-15
    c1 = -(1 + amplitude) / (2 * (1 + gamma))
    c2 = (2 * amplitude - (1 + amplitude) * c1) / (4 * (3 + gamma))
    start = np.array([1 + c1 * first**2 + c2 * first**4, 2 * c1 * first + 4 * c2 * first**3])
    one = integrate(
        field, start, np.concatenate([[first], times]), parameters=[gamma, amplitude], rtol=1e-11, atol=1e-13
    )
    two = solve_ivp(
        lambda t, z: [z[1], -gamma / t * z[1] - (1 + amplitude * np.cos(2 * t)) * z[0]],
        (first, float(times[-1])), start, method="DOP853", t_eval=times, rtol=1e-11, atol=1e-13,
    )  # fmt: skip
    return one.states[1:], two.y.T


def simulate(claim: Claim, seed: int) -> Evidence:
    """Modulate the kernel smoothly by the claim's ratio, measure the growth, and reproduce a run of the literature."""
    ratio = float(claim.formula.lhs.args[0])
    times = np.array([200.0, 400.0, 800.0])
    one, two = modulated(3.0, (ratio - 1) / (ratio + 1), times)
    energy = 0.5 * (one**2).sum(axis=1)
    rate = float(np.log(energy[2] / energy[1]) + 3.0 * np.log(2.0)) / 400.0
    spread = float(np.abs(one / two - 1).max())
    loud, again = modulated(3.0, 0.2, times[:2])
    losses = 0.5 * loud[:, 0] ** 2
    spread = max(spread, float(np.abs(loud[:, 0] / again[:, 0] - 1).max()))
    return Evidence.measured(
        claim,
        f"1 + eps cos 2t with sup/inf {ratio:.3g}, gamma = 3: t^3 E grows at rate {rate:.4f}; with eps = 0.2 "
        f"L(200) = {losses[0]:.3g}, L(400) = {losses[1]:.3g} from L(0) = 0.5",
        contradicted=rate > float(claim.formula.rhs) + 10 * spread,
        error_bar=f"{spread:.2g} of each value (two integrators)",
        cases=2,
        detail=f"exponential rate {rate:.4f} between t = 400 and t = 800",
        picture=along(
            times,
            times**3 * energy,
            {"claimed: no growth": times[0] ** 3 * energy[0]},
            title="A modulated kernel makes t^3 E grow",
            xlabel="flow time t",
            ylabel="t^3 E",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("one per cent of variation is harmless", {"claim": grows_at_most(sp.Integer(0), sp.Rational(101, 100))}),
    FalseTwin("a small rate is never exceeded", {"claim": grows_at_most(sp.Rational(1, 100), sp.Rational(6, 5))}),
)

THEOREM = Theorem(
    name="modulated_kernel_nesterov",
    source=Source(PAPER, "Lemma 4.1 (first part)", "as printed, with H(s) varying"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("nesterov_rate", "nesterov_true_power", "switching_kernel_heavy_ball"),
)
