r"""Observation 1, the momentum: mu(t, tau) = -eta^2 w_2(tau) dL/dw_2(t), and what is left of w_1(0).

Assumptions
-----------
Gradient descent on L(w_1, w_2) = L(w_1 w_2) from w_1(0), w_2(0). Any differentiable L.

Source
------
Arora, Cohen and Hazan (2018), Observation 1: "there thus exist mu^{(t,tau)}".

Idea of the proof
-----------------
w_1(t) = w_1(0) - eta sum_{tau < t} w_2(tau) g(tau), so
w(t+1) = w(t) - eta w_2(t) w_2(t+1) g(t) - eta D(t) w_1(t), D = dL/dw_2, holds every earlier gradient with the
coefficient above, and -eta D(t) w_1(0).

Deviations from the paper
-------------------------
Exact coefficients; the sum starts at the first iterate, tau = 0; the last term vanishes only if w_1(0) = 0
(`observation1_printed`). mu > 0, true momentum, as long as D(t) and w_2(tau) have opposite signs: while the loss falls
along w.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Vector
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._warmup import STEP
from theory.arora2018_implicit_acceleration.notation import PAPER

MU = sp.Symbol("mu", real=True)
EARLIER, SLOPE = sp.symbols("w_2(tau) D(t)", real=True)


def coefficient_is(value: sp.Expr) -> Claim:
    """Return the claim on mu(t, tau)."""
    return Claim(
        "Gradient descent on (w_1, w_2) is momentum with mu(t, tau) = -eta^2 w_2(tau) dL/dw_2(t), plus "
        "-eta dL/dw_2(t) w_1(0).",
        equate(MU, value),
        ("gradient descent on L(w_1 w_2)",),
        {
            MU: "w(t+1) = w(t) - eta w_2(t) w_2(t+1) g(t) - sum_tau mu(t, tau) g(tau) - eta D(t) w_1(0)",
            EARLIER: "w_2 at the earlier step tau",
            SLOPE: "dL/dw_2 at step t",
        },
    )


CLAIM = coefficient_is(-(STEP**2) * EARLIER * SLOPE)


def derive(claim: Claim) -> Derivation:
    """One step of the sum, in every dimension; four steps written out; the coefficient read off."""
    start, total, g = Vector.base("w_1(0)"), Vector.base("S"), Vector.base("g(t)")
    second, slope = sp.symbols("w_2(t) D", real=True)
    first = start - STEP * total
    after = second - STEP * slope
    moved = after * (first - STEP * second * g)
    written = []
    for count in (1, 2, 3):
        gradients = [Vector.base(f"g({i})") for i in range(count + 1)]
        seconds = sp.symbols(f"v:{count + 1}", real=True)
        w1 = start
        for v, h in zip(seconds[:-1], gradients[:-1], strict=True):
            w1 = w1 - STEP * v * h
        now, end = seconds[-1] * w1, (seconds[-1] - STEP * slope) * (w1 - STEP * seconds[-1] * gradients[-1])
        rest = now - STEP * seconds[-1] * (seconds[-1] - STEP * slope) * gradients[-1] - STEP * slope * start
        for v, h in zip(seconds[:-1], gradients[:-1], strict=True):
            rest = rest + STEP**2 * v * slope * h
        written.append(show_equal_vectors(f"written out, step t = {count}", end, rest, name="w(t+1)"))
    one = Vector.base("g(tau)")
    term = STEP * SLOPE * (STEP * EARLIER * one)
    (found,) = term.terms.values()
    sums = show_equal_vectors(
        "S(t) = sum of w_2(tau) g(tau): w_1(t+1) = w_1(0) - eta S(t+1)",
        first - STEP * second * g,
        start - STEP * (total + second * g),
        name="w_1(t+1)",
    )
    step = show_equal_vectors(
        "w(t+1) = w_2(t+1) w_1(t+1)",
        moved,
        second * first - STEP * second * after * g - STEP * slope * start + STEP**2 * slope * total,
        name="w(t+1)",
    )
    return Derivation(
        (
            assume("w_1(t+1) = w_1(t) - eta w_2(t) g(t), w_2(t+1) = w_2(t) - eta D(t)"),
            define("w_1(t) = w_1(0) - eta S(t)"),
            sums,
            step,
            *written,
            infer("g(tau) enters S(t) with w_2(tau), so w(t+1) with eta^2 D(t) w_2(tau)", from_=[sums, step]),
            show_with("mu is minus that", claim.formula, {MU: -found}),
        )
    )


def path_gaps(claim: Claim, X: Any, y: Any, w1: Any, w2: Any, step: Any, count: int) -> list[Any]:
    """Return the gap of w(t+1) and the claimed momentum form after each of `count` steps of l_4 descent."""
    start, gaps = list(w1), list[Any]()
    seconds: list[Any] = []
    gradients: list[list[Any]] = []
    for _ in range(count):
        errors = [(sum(a * b for a, b in zip(row, w1, strict=True)) * w2 - t) ** 3 for row, t in zip(X, y, strict=True)]
        g = [sum(e * row[i] for e, row in zip(errors, X, strict=True)) / len(y) for i in range(len(w1))]
        slope = sum(a * b for a, b in zip(w1, g, strict=True))
        now, after = [w2 * a for a in w1], w2 - step * slope
        moved = [(a - step * w2 * b) * after for a, b in zip(w1, g, strict=True)]
        worst = sp.Integer(0)
        for i in range(len(w1)):
            guess = now[i] - step * w2 * after * g[i] - step * slope * start[i]
            for earlier, past in zip(seconds, gradients, strict=True):
                given = {STEP: step, EARLIER: earlier, SLOPE: slope}
                values = {symbol: sp.sympify(value, strict=True) for symbol, value in given.items()}
                guess -= claim.formula.rhs.xreplace(values) * past[i]
            worst = max(worst, abs(guess - moved[i]))
        gaps.append(worst)
        seconds.append(w2)
        gradients.append(g)
        w1, w2 = [a - step * w2 * b for a, b in zip(w1, g, strict=True)], after
    return gaps


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 12 steps on an l_4 problem in floats and rebuild each from all earlier gradients."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((5, 2)), rng.standard_normal(5)
    start = (0.3 * rng.standard_normal(2)).tolist()
    gaps = [float(gap) for gap in path_gaps(claim, X.tolist(), y.tolist(), start, 0.5, 0.05, 12)]
    worst = max(gaps)
    return Evidence.measured(
        claim,
        f"12 steps rebuilt from earlier gradients up to {worst:.2g}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=12,
        seed=seed,
        picture=along(
            np.arange(1.0, 13.0),
            gaps,
            {"rounding": 1e-12},
            title="Each step is a sum over all earlier gradients",
            xlabel="steps",
            ylabel="departure from the claim",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """One rational sample, w_1, w_2 and eta."""
    number = st.builds(sp.Rational, st.integers(-2, 2), st.integers(1, 2))
    row = st.lists(number, min_size=2, max_size=2)
    return st.tuples(
        st.lists(row, min_size=1, max_size=1), st.lists(number, min_size=1, max_size=1), row, number, number
    )


def holds(claim: Claim, case: Any) -> bool:
    """Rebuild three steps in rational numbers."""
    X, y, w1, w2, step = case
    return not any(path_gaps(claim, X, y, w1, w2, step, 3))


FALSE_TWINS = (
    FalseTwin("with the other sign", {"claim": coefficient_is(STEP**2 * EARLIER * SLOPE)}),
    FalseTwin("of first order in eta", {"claim": coefficient_is(-STEP * EARLIER * SLOPE)}),
)

THEOREM = Theorem(
    name="observation1_momentum",
    source=Source(PAPER, "Observation 1, momentum coefficients", "exact, and with what is left of w_1(0)"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("observation1_printed", "observation1_identity"),
)
