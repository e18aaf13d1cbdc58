r"""Lemma 1: two functions with the same f' + alpha f differ by a multiple of e^{-alpha t}.

Assumptions
-----------
f and g are differentiable on an interval, f' + alpha f = g' + alpha g there; alpha real, t_0 in the interval.

Source
------
Arora, Cohen and Hazan (2018), Lemma 1: if besides f(t_0) = g(t_0) for some t_0 then f = g.

Idea of the proof
-----------------
e^{alpha t} (f - g) has derivative e^{alpha t} (f' + alpha f - g' - alpha g) = 0, so it is constant.

Deviations from the paper
-------------------------
The lemma is the case f(t_0) = g(t_0) of the formula here, which also says what happens to a difference that is not 0:
that is the decay of the imbalance in `layer_conservation`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

ALPHA, T, START = sp.symbols("alpha t t_0", real=True)
F, G = (sp.Function(name, real=True) for name in "fg")


def differ_by(factor: sp.Expr) -> Claim:
    """Return the claim that f - g at t is its value at t_0 times `factor`."""
    return Claim(
        "If f' + alpha f = g' + alpha g then f - g decays like e^{-alpha t}; equal once, they are equal throughout.",
        equate(F(T) - G(T), factor * (F(START) - G(START))),
        ("f' + alpha f = g' + alpha g on an interval", "t_0 lies in it"),
        {ALPHA: "a real number", START: "a point of the interval"},
    )


CLAIM = differ_by(sp.exp(-ALPHA * (T - START)))


def derive(claim: Claim) -> Derivation:
    """Show that e^{alpha t} (f - g) is constant and that the claimed difference is what starts there."""
    slope = sp.diff(G(T), T) + ALPHA * G(T) - ALPHA * F(T)
    weighted = sp.exp(ALPHA * T) * (F(T) - G(T))
    claimed = claim.formula.rhs
    same = equate(sp.diff(F(T), T) + ALPHA * F(T), sp.diff(G(T), T) + ALPHA * G(T))
    steps = [
        show_equal(
            "e^{alpha t} (f - g) has derivative 0",
            sp.diff(weighted, T).xreplace({sp.diff(F(T), T): slope}),
            sp.Integer(0),
        ),
        show_equal("the claimed difference has it too", sp.Derivative(sp.exp(ALPHA * T) * claimed, T), sp.Integer(0)),
        show_equal("and is f - g at t_0", sp.Subs(claimed, T, START), F(START) - G(START)),
    ]
    return Derivation(
        (
            assume("on an interval", same),
            *steps,
            infer("a function whose derivative vanishes on an interval is constant", claim.formula, from_=steps),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate g' = f' + alpha (f - g) for f = sin(3t) by Runge-Kutta from other starts; compare f - g."""
    rng = np.random.default_rng(seed)
    worst, bar, count, pairs = 0.0, 0.0, 12, list[tuple[float, float]]()
    for _ in range(count):
        alpha, offset, end = float(rng.uniform(-2, 2)), float(rng.uniform(-1, 1)), float(rng.uniform(0.5, 2))
        fine, coarse = (np.sin(3 * end) - stepped(alpha, offset, end, n) for n in (400, 200))
        values = {ALPHA: alpha, T: end, START: 0.0, F(START): 0.0, G(START): offset}
        pairs.append((float(claim.bound(values)), fine))
        worst, bar = max(worst, abs(pairs[-1][0] - fine)), max(bar, abs(fine - coarse))
    return Evidence.measured(
        claim,
        f"f - g departs from the claim by at most {worst:.2g}",
        contradicted=worst > 10.0 * bar + 1e-12,
        error_bar=f"{bar:.2g} (two step sizes)",
        cases=count,
        seed=seed,
        picture=against_claim(*np.array(pairs).T, what="f - g", title="f - g decays or grows as claimed"),
    )


def stepped(alpha: float, start: float, end: float, steps: int) -> float:
    """Return g(end) by the classical Runge-Kutta method."""

    def slope(t: float, g: float) -> float:
        return 3 * float(np.cos(3 * t)) + alpha * (float(np.sin(3 * t)) - g)

    g, h = start, end / steps
    for i in range(steps):
        t = i * h
        a = slope(t, g)
        b = slope(t + h / 2, g + h / 2 * a)
        c = slope(t + h / 2, g + h / 2 * b)
        g += h / 6 * (a + 2 * b + 2 * c + slope(t + h, g + h * c))
    return g


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """alpha, t and t_0."""
    number = st.floats(-2, 2)
    return st.tuples(number, number, number)


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Check f = sin, g = sin - 3 e^{-alpha t}, which have the same f' + alpha f."""
    alpha, t, start = case
    true = {at: 3.0 * np.exp(-alpha * at) for at in (t, start)}
    values = {ALPHA: alpha, T: t, START: start, F(START): np.sin(start), G(START): np.sin(start) - true[start]}
    return bool(abs(float(claim.bound(values)) - true[t]) <= 1e-10 * (1.0 + true[t] + true[start]))


FALSE_TWINS = (
    FalseTwin("e^{+alpha t}", {"claim": differ_by(sp.exp(ALPHA * (T - START)))}),
    FalseTwin("a constant difference", {"claim": differ_by(sp.Integer(1))}),
)

THEOREM = Theorem(
    name="equal_derivatives",
    source=Source(PAPER, "Lemma 1"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("layer_conservation",),
)
