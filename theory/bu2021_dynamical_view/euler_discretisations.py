r"""Remark 2.1: gradient descent is forward Euler of gradient flow, the proximal point method is backward Euler.

Assumptions
-----------
One eigenmode (H constant); eta lambda < 1. s = 1 stands for forward Euler, s = -1 for backward Euler; T is a multiple
of eta.

Source
------
Bu, Xu and Chen (2021), (2.1) and Remark 2.1.

Idea of the proof
-----------------
A gradient step multiplies a mode by 1 - eta lambda. The proximal step minimises lambda p^2/2 + (p - w)^2/(2 eta), so
it multiplies by 1/(1 + eta lambda). Both are (1 - s eta lambda)^s; after T/eta steps the logarithm is -lambda T - s
eta lambda^2 T/2 - ..., so forward Euler ends below the flow and backward Euler as much above it.

Deviations from the paper
-------------------------
The proximal step solves the implicit Euler equation p = w - eta grad L(p); the converse needs a convex loss or a small
eta, since a non-convex loss has other solutions. On quadratics, here, both are the same.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.rates import fit_scaling
from odeflow.numeric.training import GradientDescent, iterate_modes
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.symbolic.discretisations import expansion
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.nesterov_discrete_linear import LEARNING_RATE
from theory.bu2021_dynamical_view.notation import LAMBDA, PAPER

END = sp.Symbol("T", positive=True)
SIGN = sp.Symbol("s", real=True)
SLOPE = sp.Function("slope")(SIGN)
FORWARD, BACKWARD = sp.Integer(1), sp.Integer(-1)


def first_error(slope: sp.Expr) -> Claim:
    """Return the claim that iterate minus flow at T is slope eta + O(eta^2), slope a function of s."""
    return Claim(
        "Gradient descent is forward Euler of gradient flow and the proximal point method backward Euler: first order, "
        "with opposite errors.",
        equate(SLOPE, slope),
        ("frozen kernel, one eigenmode", "eta lambda < 1"),
        {
            SLOPE: "limit of (iterate - flow)/eta at time T",
            SIGN: "1: gradient descent, -1: proximal point",
            END: "flow time, learning rate x steps",
            LAMBDA: "eigenvalue of H",
        },
    )


CLAIM = first_error(-SIGN * LAMBDA**2 * END / 2 * sp.exp(-LAMBDA * END))


def derive(claim: Claim) -> Derivation:
    """Derive both factors, and expand T/eta of their logarithms."""
    p, w = sp.symbols("p w", real=True)
    objective = LAMBDA * p**2 / 2 + (p - w) ** 2 / (2 * LEARNING_RATE)
    proximal = w / (1 + LEARNING_RATE * LAMBDA)
    u = sp.Symbol("u", positive=True)  # eta lambda
    factor = {FORWARD: 1 - u, BACKWARD: 1 / (1 + u)}
    steps = [
        assume("one eigenmode of a frozen kernel: grad L = lambda w"),
        define("gradient step and forward Euler: w - eta lambda w, the factor 1 - eta lambda"),
        show_equal(
            "the proximal step is where its objective is level", sp.diff(objective, p).subs(p, proximal), sp.Integer(0)
        ),
        show_equal("that is backward Euler, p = w - eta lambda p", proximal, w - LEARNING_RATE * LAMBDA * proximal),
        *(
            show_equal(f"the factor at s = {s} is (1 - s u)^s", f, (1 - s * u) ** s, name="factor of the step")
            for s, f in factor.items()
        ),
        *(
            show_equal(
                f"log factor at s = {s}: -u - s u^2/2 + O(u^3)",
                _second_order_log(f, u),
                -u - s * u**2 / 2,
                name="log of the factor, to second order",
            )
            for s, f in factor.items()
        ),
        infer("so the iterate at T is e^{-lambda T} (1 - s eta lambda^2 T/2 + O(eta^2))"),
    ]
    per_step = sp.exp(-LAMBDA * END - SIGN * LEARNING_RATE * LAMBDA**2 * END / 2)
    slope = sp.diff(per_step, LEARNING_RATE).subs(LEARNING_RATE, 0)
    return Derivation((*steps, show_with("its derivative in eta at 0", claim.formula, {SLOPE: slope})))


def _second_order_log(factor: sp.Expr, u: sp.Symbol) -> sp.Expr:
    """Return the expansion of log(factor) to u^2, by integrating the rational function factor'/factor."""
    constant, linear = expansion(sp.diff(factor, u) / factor, u, 2)
    return constant * u + linear * u**2 / 2


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run both methods at lambda = 0.7, T = 2; fit the order and extrapolate (iterate - flow)/eta."""
    wrong, said, bars, seen, lines = "", [], [], {}, {}
    for sign, name in ((FORWARD, "gradient descent"), (BACKWARD, "proximal point")):
        etas, gaps = [], []
        for count in (100, 200, 400, 800):
            eta = 2.0 / count
            forward = float(iterate_modes(GradientDescent(eta), [0.7], count)[0, -1])
            value = forward if sign == FORWARD else _proximal_run(0.7, eta, count)
            etas.append(eta)
            gaps.append(value - np.exp(-1.4))
        fit = fit_scaling(np.array(etas), np.abs(np.array(gaps))[:, None])
        slopes = np.array(gaps) / np.array(etas)
        slope, bar = 2 * slopes[-1] - slopes[-2], abs(slopes[-1] - slopes[-2])
        claimed = float(claim.formula.rhs.subs({SIGN: sign, LAMBDA: 0.7, END: 2.0}))
        if abs(slope - claimed) > bar + 1e-6:
            wrong = wrong or f"{name}: slope {slope:.5f}, claimed {claimed:.5f}"
        seen[name], lines[name] = gaps, claimed * np.array(etas)
        said.append(f"{name}: order {fit.exponent:.3f}, slope {slope:+.5f}")
        bars.append(bar)
    return Evidence.measured(
        claim,
        "; ".join(said),
        contradicted=bool(wrong),
        error_bar=f"{max(bars):.2g} (difference of the two finest steps)",
        cases=8,
        detail=wrong,
        picture=along(
            etas,
            seen,
            lines,
            title="An iterate leaves the flow with the claimed slope in eta",
            xlabel="learning rate eta",
            ylabel="iterate - flow at t = 2",
        ),
    )


def _proximal_run(eigenvalue: float, learning_rate: float, count: int) -> float:
    """Minimise lambda p^2/2 + (p - w)^2/(2 eta) step by step, as a parabola through three points."""
    w = 1.0
    for _ in range(count):
        values = [eigenvalue * p * p / 2 + (p - w) ** 2 / (2 * learning_rate) for p in (w - 1.0, w, w + 1.0)]
        w -= 0.5 * (values[2] - values[0]) / (values[2] - 2 * values[1] + values[0])
    return w


FALSE_TWINS = (
    FalseTwin("explicit and implicit swapped", {"claim": first_error(-CLAIM.formula.rhs)}),
    FalseTwin("order two: no error of first order", {"claim": first_error(sp.Integer(0) * SIGN)}),
)

THEOREM = Theorem(
    name="euler_discretisations",
    source=Source(PAPER, "(2.1), Remark 2.1"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("heavy_ball_limit", "nesterov_limit"),
)
