r"""The sharp law beside Theorem 3: with a frozen kernel the loss is of order t^{-gamma}, neither faster nor slower.

Assumptions
-----------
One eigenmode x'' + (gamma/t) x' + lambda x = 0 with x(0) = 1, x'(0) = 0, in s = sqrt(lambda) t; gamma > 0.

Source
------
Sharpens Bu, Xu and Chen (2021), Theorem 3 (t^{-alpha}, alpha <= 2 gamma/3) and proves, in world K, their remark that
Nesterov's flow converges only polynomially.

Idea of the proof
-----------------
x = Gamma(nu+1) (2/s)^nu J_nu(s) with nu = (gamma-1)/2: both have the power series whose coefficients the ODE fixes.
Hankel's expansion J_nu(s)^2 = (2/(pi s)) cos^2(...) + O(s^{-2}) gives limsup s^gamma x^2 = 2^gamma Gamma(nu+1)^2/pi.

Deviations from the paper
-------------------------
The paper's 2 gamma/3 is the rate for general strongly convex functions; on a quadratic it loses a power gamma/3. The
statement is about the flow; discrete Nesterov with a fixed learning rate is linear.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import numeric_flow
from odeflow.numeric.modal import mode_response
from odeflow.numeric.rates import fit_power
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, Step, assume, by, cite, define, equate, infer, show_equal
from odeflow.symbolic.flows import nesterov
from odeflow.symbolic.modes import nesterov_even_mode, nesterov_series_coefficients
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import GAMMA, PAPER, SYMBOLS

FLOW = nesterov(GAMMA)
AMPLITUDE = 2**GAMMA * sp.gamma((GAMMA + 1) / 2) ** 2 / sp.pi
LIMSUP = sp.Function("limsup")  # of s^power x(s)^2 as s -> oo


def decays_like(power: sp.Expr, amplitude: sp.Expr = AMPLITUDE) -> Claim:
    """Return the claim limsup s^power x(s)^2 = amplitude."""
    return Claim(
        "With a frozen kernel every mode of Nesterov's flow decays like t^{-gamma/2}, its loss like t^{-gamma}.",
        equate(LIMSUP(power), amplitude),
        ("H is constant and positive definite", "x(0) = 1 and x'(0) = 0", "gamma > 0"),
        {GAMMA: SYMBOLS[GAMMA], LIMSUP(power): "limsup of s^gamma x(s)^2, s = sqrt(lambda) t -> infinity"},
    )


CLAIM = decays_like(GAMMA)


def derive(claim: Claim) -> Derivation:
    """Identify the mode with a Bessel function and read off its envelope."""
    nu = (GAMMA - 1) / 2
    steps: list[Step] = [
        assume("gamma > 0; one eigenmode, s = sqrt(lambda) t"),
        *_same_series(nu),
        *(by(f"the elementary mode at gamma = {g}", *_even(g)) for g in (2, 4, 6)),
        cite(
            "Hankel's asymptotics of J_nu (DLMF 10.17.3)",
            equate(sp.Function("limsup_s")(sp.Symbol("s J_nu(s)^2")), 2 / sp.pi),
        ),
        show_equal(
            "s^gamma x^2 = Gamma(nu+1)^2 2^(2 nu) s J_nu^2, so its limsup is the amplitude",
            sp.gamma(nu + 1) ** 2 * 2 ** (2 * nu) * 2 / sp.pi,
            AMPLITUDE,
        ),
    ]
    return Derivation(
        (*steps, infer("so s^gamma x(s)^2 has this limsup", equate(LIMSUP(GAMMA), AMPLITUDE), from_=steps))
    )


def _same_series(nu: sp.Expr) -> list[Step]:
    """Compare the power series of the mode with that of Gamma(nu+1) (2/s)^nu J_nu(s), coefficient by coefficient."""
    k = sp.Symbol("k", positive=True, integer=True)
    coefficient = sp.Function("c")
    bessel = (-1) ** k * sp.gamma(nu + 1) / (sp.factorial(k) * sp.gamma(nu + k + 1) * 4**k)
    ratio = sp.expand_func(sp.gammasimp(bessel / bessel.subs(k, k - 1)))
    ode = nesterov_series_coefficients(GAMMA, sp.Integer(1), 1)[1]  # c_1/c_0, the recurrence at k = 1
    return [
        define("J_nu by its power series (DLMF 10.2.2): coefficient of s^(2k)", equate(coefficient(k), bessel)),
        show_equal(
            "the series satisfies the recurrence 2k (2k - 1 + gamma) c_k = -c_{k-1} of the ODE",
            2 * k * (2 * k - 1 + GAMMA) * ratio,
            sp.Integer(-1),
        ),
        show_equal(
            "as the flow's own first coefficient does",
            2 * (1 + GAMMA) * ode,
            sp.Integer(-1),
            name="2 (1 + gamma) c_1/c_0",
        ),
        infer("a power series is fixed by its recurrence and c_0 = 1, so the mode is Gamma(nu+1) (2/s)^nu J_nu(s)"),
    ]


def _even(gamma: int) -> tuple[Derivation, sp.Basic]:
    proof = nesterov_even_mode(gamma).verify()
    assert proof.conclusion is not None
    return proof, proof.conclusion


def claimed(claim: Claim, gamma: float) -> tuple[float, float]:
    """Return the power and the amplitude that the claim names at a numeric gamma."""
    (power,) = claim.formula.lhs.args
    return float(power.subs(GAMMA, gamma)), float(sp.N(claim.formula.rhs.subs(GAMMA, sp.Float(gamma, 20))))


def envelope_gap(claim: Claim, gamma: float, s: float) -> float:
    """Return (largest s^power x^2 over one period near s) / amplitude - 1."""
    grid = s + np.linspace(0.0, np.pi, 257)
    power, amplitude = claimed(claim, gamma)
    x = mode_response(numeric_flow(FLOW, {GAMMA: gamma}), np.array([1.0]), grid)[0]
    return float((grid**power * x**2).max() / amplitude - 1.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Fit the power of the envelope for five gammas and compare amplitudes at s = 2000."""
    fits, gaps = [], []
    for gamma in (1.0, 2.5, 3.0, 5.0, 7.0):
        s = np.linspace(40.0, 2000.0, 12000)
        x = mode_response(numeric_flow(FLOW, {GAMMA: gamma}), np.array([1.0]), s)[0]
        fit = fit_power(s, 0.5 * x**2)
        fits.append((gamma, fit, claimed(claim, gamma)[0]))
        gaps.append(abs(envelope_gap(claim, gamma, 2000.0)))
    wrong = [g for g, fit, power in fits if abs(fit.exponent - power) > 0.02 + fit.interval[1] - fit.interval[0]]
    shown = ", ".join(f"{fit.exponent:.3f} at gamma = {g:g}" for g, fit, _ in fits[2:])
    half = max((fit.interval[1] - fit.interval[0]) / 2 for _, fit, _ in fits)
    return Evidence.measured(
        claim,
        f"fitted powers {shown}; amplitudes agree to {max(gaps):.2g}",
        contradicted=bool(wrong or max(gaps) > 1e-2),
        error_bar=f"{half:.2g} (95 % interval of the fits)",
        cases=len(fits),
        detail=f"fitted powers {shown}; amplitude off by {max(gaps):.2g}",
        picture=along(
            [g for g, _, _ in fits],
            [fit.exponent for _, fit, _ in fits],
            [power for _, _, power in fits],
            title="The loss falls with the claimed power of t",
            xlabel="gamma",
            ylabel="power of 1/t",
            interval=np.array([fit.interval for _, fit, _ in fits]).T,
        ),
    )


def domain() -> st.SearchStrategy[float]:
    """gamma in [0.5, 12]."""
    return st.floats(0.5, 12.0)


def holds(claim: Claim, gamma: float) -> bool:
    """Compare the envelope at s = 5000 with the amplitude; the correction is O(gamma^2/s)."""
    return abs(envelope_gap(claim, gamma, 5000.0)) < 2e-2


FALSE_TWINS = (
    FalseTwin("the paper's power 2 gamma/3 as the exact law", {"claim": decays_like(2 * GAMMA / 3)}),
    FalseTwin("half of the amplitude", {"claim": decays_like(GAMMA, AMPLITUDE / 2)}),
)

THEOREM = Theorem(
    name="nesterov_true_power",
    source=Source(PAPER, "Theorem 3", "sharpened: the power is gamma, two-sided"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_rate",),
)
