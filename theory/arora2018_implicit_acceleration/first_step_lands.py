r"""Appendix B: with eta = 1/(2 eps1 y1^2) one step of rule (46) takes w_1 to y1 - 2 eps1, and w_2 to eps2 y1/(2 eps1).

Assumptions
-----------
p = 4, N = 2, no weight decay; w(0) = (eps1, eps2) with eps2 = theta eps1 y2/y1, theta of order one; y1 grows, eps1 and
y2 stay.

Source
------
Arora, Cohen and Hazan (2018), Appendix B, (46) and "Then w_1(1) = y1 and w_2(1) = y2^3/2 y1^2 + eps2 y1/2 eps1" (both
approximate; the displayed rule is lost in the text we hold and is rebuilt from Claim 2).

Idea of the proof
-----------------
(46) is Claim 2 with N = 2: w - eta (|w| g + <g, w> w/|w|). Put everything in, x = 1/y1, and let x tend to 0: the first
component minus y1 tends to -2 eps1, the second to theta y2/2.

Deviations from the paper
-------------------------
The limits are exact and of the next order for w_1; the paper's first term of w_2(1), y2^3/(2 y1^2), vanishes with them.
The paper's eps_i are |w_i(0)|; here both w_i(0) are positive. With opposite signs w_2(1) tends to -theta y2/2.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, show_equal, show_value, show_with
from odeflow.symbolic.preconditioners_single_output import field_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import single_output_rule as rule
from theory.arora2018_implicit_acceleration.field_curl import field
from theory.arora2018_implicit_acceleration.notation import PAPER

LANDING, SECOND = sp.symbols("miss second", real=True)
START, TARGET, TILT = sp.symbols("eps_1 y_2 theta", positive=True)


def lands(miss: sp.Expr, second: sp.Expr) -> Claim:
    """Return the claim w_1(1) - y1 -> miss and w_2(1) -> second as y1 grows."""
    return Claim(
        "One step of rule (46) takes w_1 to its target and w_2 to the order of its own.",
        sp.And(equate(LANDING, miss), equate(SECOND, second), evaluate=False),
        ("p = 4, N = 2", "eta = 1/(2 eps1 y1^2)", "eps2 = theta eps1 y2/y1", "y1 tends to infinity"),
        {
            LANDING: "limit of w_1(1) - y1",
            SECOND: "limit of w_2(1)",
            START: "w_1(0)",
            TARGET: "smaller target",
            TILT: "theta = (eps2/eps1)/(y2/y1)",
        },
    )


CLAIM = lands(-2 * START, TILT * TARGET / 2)


def derive(claim: Claim) -> Derivation:
    """Expand the first step in 1/y1."""
    x = sp.Symbol("x", positive=True)
    w = sp.Matrix([START, TILT * START * TARGET * x])
    g = sp.Matrix([(w[0] - 1 / x) ** 3, (w[1] - TARGET) ** 3])
    moved = field_at(w, g, sp.Integer(2))
    scale = sp.sqrt(1 + TILT**2 * TARGET**2 * x**2)
    tidy = moved.applyfunc(lambda e: e.subs(sp.sqrt(w[0] ** 2 + w[1] ** 2), START * scale))
    after = w - x**2 / (2 * START) * tidy
    misses = [sp.limit(sp.together(sp.expand(e)), x, 0, "+") for e in (after[0] - 1 / x, after[1])]
    claim2 = by("single_output_rule", rule.derive(rule.CLAIM), rule.CLAIM.formula)
    return Derivation(
        (
            assume("p = 4, N = 2; w(0) = (eps1, theta eps1 y2 x), x = 1/y1, eta = x^2/(2 eps1)"),
            claim2,
            define("g_i = (w_i - y_i)^3; one step w - eta F(w)"),
            show_equal(
                "|w| = eps1 sqrt(1 + theta^2 y2^2 x^2)",
                w[0] ** 2 + w[1] ** 2,
                sp.expand(START**2 * scale**2),
                name="|w|^2",
            ),
            show_value("the limit of w_1(1) - y1", misses[0], -2 * START),
            show_with("both limits", claim.formula, {LANDING: misses[0], SECOND: misses[1]}),
        )
    )


def step(w: np.ndarray, y: np.ndarray, eta: float) -> np.ndarray:
    """Return one step of rule (46)."""
    return np.asarray(w - eta * field(w, (w - y) ** 3, 2.0))


def misses(claim: Claim, eps: float, y2: float, theta: float, y1: float) -> tuple[float, float]:
    """Return how far the first step is from both claimed values."""
    w = step(np.array([eps, theta * eps * y2 / y1]), np.array([y1, y2]), 1.0 / (2.0 * eps * y1**2))
    values = {START: eps, TARGET: y2, TILT: theta}
    claimed = {part.lhs: float(part.rhs.subs(values)) for part in claim.formula.args}
    return abs(float(w[0]) - y1 - claimed[LANDING]), abs(float(w[1]) - claimed[SECOND])


def near_and_far(claim: Claim, eps: float, y2: float, theta: float) -> list[tuple[float, float]]:
    """Return how far the first step is from both claimed values, at y1 = 1e4 and at 1e3."""
    near, far = (misses(claim, eps, y2, theta, y1) for y1 in (1e4, 1e3))
    return list(zip(near, far, strict=True))


def converges(claim: Claim, eps: float, y2: float, theta: float) -> bool:
    """Check that both distances fall like 1/y1 from y1 = 1e3 to 1e4."""
    return all(a <= 0.15 * b + 1e-9 for a, b in near_and_far(claim, eps, y2, theta))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take the step in floats at y1 = 1e3 and 1e4: what the claim misses must fall tenfold."""
    rng = np.random.default_rng(seed)
    draws = [(float(rng.uniform(0.05, 0.3)), *map(float, rng.uniform(0.3, 2.0, 2))) for _ in range(12)]
    held = [converges(claim, *draw) for draw in draws]
    pairs = [(0.1 * far, near) for draw in draws for near, far in near_and_far(claim, *draw)]
    actual = step(np.array([0.1, 1e-4]), np.array([1000.0, 1.0]), 1.0 / (0.2 * 1e6))
    return Evidence.measured(
        claim,
        f"{sum(held)} of {len(held)} fall with 1/y1; y1 = 1000, eps1 = 0.1: w(1) = ({actual[0]:.2f}, {actual[1]:.4g})",
        contradicted=not all(held),
        error_bar="a factor 0.15 where 0.1 is expected, and 1e-9 for rounding",
        cases=len(draws),
        seed=seed,
        picture=against_claim(
            *np.array(pairs).T,
            what="miss at y1 = 10^4",
            log=True,
            title="What the claim misses falls with 1/y1",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """eps1, y2, theta."""
    return st.tuples(st.floats(0.05, 0.3), st.floats(0.3, 2.0), st.floats(0.3, 2.0))


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Check one start."""
    return converges(claim, *case)


FALSE_TWINS = (
    FalseTwin("w_1 lands on y1 exactly", {"claim": lands(sp.Integer(0), TILT * TARGET / 2)}),
    FalseTwin("w_2 on the whole tilt", {"claim": lands(-2 * START, TILT * TARGET), "derive": None}),
)

THEOREM = Theorem(
    name="first_step_lands",
    source=Source(PAPER, "Appendix B, (46), first iteration", "exact limits"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("learning_rate_ratio", "acceleration_bound_rule"),
)
