r"""Equations 8 and 9: f' = h f has the solution c_0 e^{ht} = c_0 (1 - xi)^t with xi = 1 - e^h.

Assumptions
-----------
h real and constant.

Source
------
Equations (8), (9) and (27), section 4 and Appendix A.

Idea of the proof
-----------------
Differentiate; (1 - xi)^t = (e^h)^t. Uniqueness: (f e^{-ht})' = 0 for any solution f.

Deviations from the paper
-------------------------
xi is the fraction by which f shrinks in one unit of time; the loss f^2 shrinks by 2 xi - xi^2 (the loss rate of section
7). (28): xi = -h + O(h^2), the second step of the proof bounds the rest for h <= 0.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

TIME, START, RATE = sp.symbols("t c_0 h", real=True)
XI = sp.Symbol("xi", real=True)
VALUE = sp.Symbol("f_t", real=True)


def solution_is(value: sp.Expr) -> Claim:
    """Return the claim f(t) = value."""
    return Claim(
        "f' = h f, f(0) = c_0 has the one solution c_0 e^{ht} = c_0 (1 - xi)^t, xi = 1 - e^h.",
        equate(VALUE, value),
        ("h is real and constant",),
        {VALUE: "f(t)", START: "f(0)", RATE: "h", TIME: "time", XI: "1 - e^h"},
    )


CLAIM = solution_is(START * (1 - (1 - sp.exp(RATE))) ** TIME)


def derive(claim: Claim) -> Derivation:
    """Verify the solution, and that there is no other."""
    solution = START * sp.exp(RATE * TIME)
    other = sp.Function("f")(TIME)
    derivative = sp.diff(other * sp.exp(-RATE * TIME), TIME).subs(sp.Derivative(other, TIME), RATE * other)
    return Derivation(
        (
            show_equal("c_0 e^{ht} solves f' = h f", sp.diff(solution, TIME), RATE * solution),
            show_equal("and starts at c_0", solution.subs(TIME, 0), START),
            show_equal("for any solution f the derivative of f e^{-ht} vanishes", derivative, sp.Integer(0)),
            infer("so f e^{-ht} = c_0: there is no other solution"),
            define("xi = 1 - e^h, so e^h = 1 - xi"),
            show_with("f(t) = c_0 e^{ht}", claim.formula, {VALUE: solution}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate f' = h f by the classical Runge-Kutta method with two step sizes."""
    rng = np.random.default_rng(seed)
    worst, bar = 0.0, 0.0
    for h in (-2.0, -0.3, 0.4):
        start, t = float(rng.uniform(0.5, 2.0)), float(rng.uniform(0.5, 3.0))
        ends = []
        for steps in (200, 400):
            z = h * t / steps
            ends.append(start * (1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24) ** steps)
        claimed = float(claim.bound({START: start, RATE: h, TIME: t}))
        worst, bar = max(worst, abs(claimed - ends[1])), max(bar, abs(ends[1] - ends[0]) + 1e-12)
    return Evidence.measured(
        claim,
        f"Runge-Kutta departs from the claim by at most {worst:.1e}",
        contradicted=worst > bar,
        error_bar=f"{bar:.1e} (two step sizes)",
        cases=3,
        seed=seed,
    )


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """A start, a rate and a time."""
    return st.tuples(st.floats(-2.0, 2.0), st.floats(-3.0, 1.0), st.floats(0.0, 4.0))


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Compare with the exponential, to rounding."""
    start, h, t = case
    exact = start * np.exp(h * t)
    return bool(abs(float(claim.bound({START: start, RATE: h, TIME: t})) - exact) <= 1e-9 * (1 + abs(exact)))


FALSE_TWINS = (
    FalseTwin("xi = -h in place of 1 - e^h", {"claim": solution_is(START * (1 + RATE) ** TIME)}),
    FalseTwin("xi doubled", {"claim": solution_is(START * (1 - 2 * (1 - sp.exp(RATE))) ** TIME)}),
    FalseTwin("the square, by numbers alone", {"claim": solution_is(START * sp.exp(2 * RATE * TIME)), "derive": None}),
)  # fmt: skip

THEOREM = Theorem(
    name="scalar_decay",
    source=Source(PAPER, "(8), (9)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("residual_bound", "residual_rate_printed"),
)
