r"""Equations (8), (9), (24)-(28): f' = h f decays like c_0 (1 - xi)^t with xi = 1 - e^h, and -h - h^2/2 <= xi <= -h.

Assumptions
-----------
h = -k <= 0 constant.

Source
------
Path formula paper (ICLR 2020), section 4, (8), (9); Appendix A, (24) to (28).

Idea of the proof
-----------------
e^{ht} = (e^h)^t. For (28) integrate 0 <= 1 - e^{-s} twice, and e^{-s} <= 1 once.

Deviations from the paper
-------------------------
(28) says "xi ~ -h when h is small"; here with the error bound |xi + h| <= h^2/2, valid for all h <= 0.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._students import satisfied
from theory.iclr2020_path_formula.notation import PAPER

SPEED = sp.Symbol("k", nonnegative=True)
FACTOR, VALUE = sp.symbols("xi f(t)", real=True)
TIME = sp.Symbol("t", nonnegative=True)
START = sp.Symbol("c_0", positive=True)
GAP = sp.Symbol("gap", nonnegative=True)


def decays(value: sp.Expr, low: sp.Expr, high: sp.Expr) -> Claim:
    """Return the claim f(t) = value and low <= xi <= high."""
    return Claim(
        "f' = h f decays like c_0 (1 - xi)^t with xi = 1 - e^h, which is -h up to h^2/2.",
        sp.And(
            equate(VALUE, value),
            sp.Ge(FACTOR, low, evaluate=False),
            sp.Le(FACTOR, high, evaluate=False),
            evaluate=False,
        ),
        ("f' = h f, f(0) = c_0", "h = -k <= 0 constant", "xi = 1 - e^h"),
        {FACTOR: "what one unit of time removes", SPEED: "-h", START: "f(0)", TIME: "time"},
    )


CLAIM = decays(START * (1 - FACTOR) ** TIME, SPEED - SPEED**2 / 2, SPEED)


def derive(claim: Claim) -> Derivation:
    """Solve the ODE; integrate the remainder twice."""
    solution = START * sp.exp(-SPEED * TIME)
    xi = 1 - sp.exp(-SPEED)
    low, high = SPEED - xi, xi - SPEED + SPEED**2 / 2
    steps = [
        define("xi = 1 - e^{-k}"),
        show_equal("(25) solves (24)", sp.Derivative(solution, TIME), -SPEED * solution),
        show_equal("with f(0) = c_0", sp.Subs(solution, TIME, sp.S.Zero), START),
        infer("a linear ODE has one solution"),
        show_equal("k - xi vanishes at k = 0", sp.Subs(low, SPEED, sp.S.Zero), sp.S.Zero),
        show_equal("and grows: its derivative is xi = 1 - e^{-k} >= 0", sp.Derivative(low, SPEED), xi),
        show_equal("xi - k + k^2/2 vanishes at k = 0", sp.Subs(high, SPEED, sp.S.Zero), sp.S.Zero),
        show_equal("and grows: its derivative is k - xi >= 0", sp.Derivative(high, SPEED), low),
        infer("so k - xi = gap and xi - k + k^2/2 = gap', both >= 0"),
    ]
    parts = []
    for part in claim.formula.args:
        if isinstance(part, sp.Equality):
            parts.append(show_with("(26), (27)", part, {VALUE: solution, FACTOR: xi}))
        elif isinstance(part, sp.LessThan):
            parts.append(show_with("(28), above", part, {FACTOR: SPEED - GAP}))
        else:
            parts.append(show_with("(28), below", part, {FACTOR: SPEED - SPEED**2 / 2 + GAP}))
    return Derivation((*steps, *parts, infer("together", claim.formula, from_=[*steps, *parts])))


def domain() -> st.SearchStrategy[tuple[float, float]]:
    """k and t."""
    return st.tuples(st.floats(0.0, 4.0), st.floats(0.0, 5.0))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Evaluate in floats, c_0 = 1."""
    k, t = case
    values = {SPEED: k, FACTOR: float(-np.expm1(-k)), TIME: t, START: 1.0, VALUE: float(np.exp(-k * t))}
    return satisfied(claim.formula, values)


EXACT = START * (1 - FACTOR) ** TIME
FALSE_TWINS = (
    FalseTwin("xi <= k - k^2/2", {"claim": decays(EXACT, SPEED - SPEED**2 / 2, SPEED - SPEED**2 / 2)}),
    FalseTwin("c_0 (1 + xi)^{-t}", {"claim": decays(START * (1 + FACTOR) ** -TIME, SPEED - SPEED**2 / 2, SPEED)}),
)

THEOREM = Theorem(
    name="exponential_decay_factor",
    source=Source(PAPER, "(8), (9), (24)-(28)", "with an error bound for (28)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("loss_ratio_of_decay", "lp_decay"),
)
