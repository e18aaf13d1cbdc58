r"""(15): on the two-point problem gradient descent moves every error by itself, Delta -> Delta (1 - eta Delta^{p-2}).

Assumptions
-----------
L(w) = sum_i (w_i - y_i)^p/p, p an even positive integer, any learning rate.

Source
------
Arora, Cohen and Hazan (2018), section 7, (15).

Idea of the proof
-----------------
Differentiate and subtract y_i.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

NEXT = sp.Symbol("Delta_next", real=True)
ERROR = sp.Symbol("Delta", real=True)
RATE = sp.Symbol("eta", positive=True)
ORDER = sp.Symbol("p", integer=True, positive=True, even=True)


def next_is(value: sp.Expr) -> Claim:
    """Return the claim that a step takes the error Delta to `value`."""
    return Claim(
        "With the lp loss on the two unit vectors each error obeys its own recurrence.",
        equate(NEXT, value),
        ("samples (e_1, y_1), (e_2, y_2)", "p even", "gradient descent"),
        {NEXT: "the error after a step", ERROR: "w_i - y_i", RATE: "learning rate", ORDER: "power of the loss"},
    )


CLAIM = next_is(ERROR * (1 - RATE * ERROR ** (ORDER - 2)))


def derive(claim: Claim) -> Derivation:
    """Differentiate the loss in w_i."""
    other = sp.Symbol("Delta_other", real=True)
    loss = ERROR**ORDER / ORDER + other**ORDER / ORDER
    gradient = ERROR ** (ORDER - 1)
    return Derivation(
        (
            define("L = (w_1 - y_1)^p/p + (w_2 - y_2)^p/p; Delta = w - y, so d/dw = d/dDelta"),
            show_equal("dL/dw = Delta^{p-1}: the other coordinate is not in it", sp.diff(loss, ERROR), gradient),
            show_with("subtract y from both sides of the step", claim.formula, {NEXT: ERROR - RATE * gradient}),
        )
    )


def gap(claim: Claim, w: float, y: float, eta: float, p: int) -> float:
    """Return |one step of gradient descent on two samples - the claim|, relative to the terms involved."""
    X, labels = np.eye(2), np.array([y, 0.5])
    state = np.array([w, 0.25])
    gradient = X.T @ (X @ state - labels) ** (p - 1)
    after = float((state - eta * gradient - labels)[0])
    claimed = float(claim.bound({ERROR: w - y, RATE: eta, ORDER: float(p)}))
    return abs(after - claimed) / (abs(w) + abs(y) + eta * abs(w - y) ** (p - 1) + 1e-300)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take one step of full-batch gradient descent on the samples, p = 2, 4, 6, 8."""
    rng = np.random.default_rng(seed)
    draws = [(*rng.normal(size=2).tolist(), float(rng.exponential()), p) for p in (2, 4, 6, 8) for _ in range(10)]
    gaps = [gap(claim, w, y, eta, p) for w, y, eta, p in draws]
    return Evidence.measured(
        claim,
        f"largest relative difference {max(gaps):.2g}",
        contradicted=max(gaps) > 1e-14,
        error_bar="1e-14 (rounding)",
        cases=len(gaps),
        seed=seed,
        picture=departures(gaps, 1e-14, title="A step of descent is the claimed recurrence", of="rounding"),
    )


def domain() -> st.SearchStrategy[tuple[sp.Expr, sp.Expr, sp.Expr, int]]:
    """w, y, eta rational, p = 2, ..., 8."""
    rational = st.fractions(-3, 3, max_denominator=9).map(lambda f: sp.Rational(f.numerator, f.denominator))
    return st.tuples(rational, rational, rational, st.sampled_from([2, 4, 6, 8]))


def holds(claim: Claim, case: tuple[sp.Expr, sp.Expr, sp.Expr, int]) -> bool:
    """Take the step in rational arithmetic."""
    w, y, eta, p = case
    after = w - eta * (w - y) ** (p - 1) - y
    return bool(claim.formula.rhs.subs(ORDER, p).subs({ERROR: w - y, RATE: eta}) == after)


FALSE_TWINS = (
    FalseTwin("p - 1 instead of p - 2", {"claim": next_is(ERROR * (1 - RATE * ERROR ** (ORDER - 1)))}),
    FalseTwin("a factor p", {"claim": next_is(ERROR * (1 - ORDER * RATE * ERROR ** (ORDER - 2))), "derive": None}),
)

THEOREM = Theorem(
    name="lp_recurrence",
    source=Source(PAPER, "(15)"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("lp_step_size", "ill_conditioned_step"),
)
