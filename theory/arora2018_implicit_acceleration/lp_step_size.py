r"""Section 7: gradient descent on (w - y)^p/p converges if and only if eta < 2/|Delta(0)|^{p-2}.

Assumptions
-----------
p an even positive integer, Delta(0) != 0; for p = 2 the threshold is 2. Started at w = 0 it is 2/|y|^{p-2}.

Source
------
Arora, Cohen and Hazan (2018), section 7: "will eventually reach the optimum if the learning rate is small enough to
prevent divergence", eta < 2/y_i^{p-2}.

Idea of the proof
-----------------
u = eta |Delta|^{p-2} decides: Delta -> (1 - u) Delta, u -> u |1 - u|^{p-2}. For 0 < u < 2: |1 - u| < 1, so |Delta|
decreases, u stays below 2, and the limit can only be 0. At u = 2: Delta -> -Delta, a cycle of length 2. For u > 2:
|Delta| grows and u with it (for p = 2 by the constant factor u - 1).

Deviations from the paper
-------------------------
Necessary as well as sufficient; "reach" means in the limit, for p > 2 like t^{-1/(p-2)} (`lp_flow`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, infer, show_equal, show_less, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import lp_recurrence as recurrence
from theory.arora2018_implicit_acceleration.lp_recurrence import ORDER
from theory.arora2018_implicit_acceleration.notation import PAPER

THRESHOLD = sp.Symbol("eta_max", positive=True)
START = sp.Symbol("Delta_0", positive=True)


def threshold_is(value: sp.Expr) -> Claim:
    """Return the claim that the learning rates that converge are those below `value`."""
    return Claim(
        "Gradient descent on (w - y)^p/p converges exactly for learning rates below 2/|Delta(0)|^(p-2).",
        equate(THRESHOLD, value),
        ("p even", "Delta(0) is not 0"),
        {THRESHOLD: "supremum of the learning rates that converge", START: "|Delta(0)|", ORDER: "power of the loss"},
    )


CLAIM = threshold_is(2 / START ** (ORDER - 2))


def derive(claim: Claim) -> Derivation:
    """Follow u = eta |Delta|^{p-2}."""
    v, x = sp.symbols("v x", positive=True)
    eta = 2 / START ** (ORDER - 2)
    law = by("lp_recurrence", recurrence.derive(recurrence.CLAIM), recurrence.CLAIM.formula)
    below = show_equal(
        "0 < u < 2, u = 2x/(x + v): 1 - (1 - u)^2 = u (2 - u)", 1 - (1 - 2 * x / (x + v)) ** 2, 4 * x * v / (x + v) ** 2
    )
    inside = show_less("... which is > 0: |1 - u| < 1", sp.Integer(0), 4 * x * v / (x + v) ** 2)
    above = show_less("u = 2 + v: |1 - u| = 1 + v > 1", sp.Integer(1), (2 + v) - 1)
    cycle = show_equal("u = 2: Delta -> -Delta", 1 - eta * START ** (ORDER - 2), sp.Integer(-1))
    limit = infer("|Delta| falls to a limit with u |..| unchanged, u < 2: the limit is 0", from_=[below, inside])
    return Derivation(
        (
            assume("p is even, so Delta^{p-2} = |Delta|^{p-2}"),
            law,
            define("u = eta |Delta|^{p-2}: Delta -> (1 - u) Delta"),
            below,
            inside,
            limit,
            above,
            infer("u > 2: |Delta| grows, u does not fall, so |Delta| grows at least geometrically", from_=[above]),
            cycle,
            show_with("the learning rate with u = 2", claim.formula, {THRESHOLD: eta}),
        )
    )  # fmt: skip


def converges(start: float, eta: float, p: int) -> bool:
    """Run (15) until the error has clearly fallen or grown."""
    error = start
    for _ in range(5000):
        error *= 1.0 - eta * error ** (p - 2)
        if abs(error) < 0.5 * start:
            return True
        if abs(error) > 2.0 * start:
            return False
    return abs(error) < start


def measured_threshold(start: float, p: int) -> tuple[float, float]:
    """Return the largest learning rate that converges and its error bar, by bisection."""
    low, high = 0.1 / start ** (p - 2), 10.0 / start ** (p - 2)
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if converges(start, middle, p) else (low, middle)
    return low, 1e-3 * low


def simulate(claim: Claim, seed: int) -> Evidence:
    """Bisect for the threshold, p = 2, 4, 6 and random starts."""
    rng = np.random.default_rng(seed)
    worst, triples = 0.0, list[tuple[float, float, float]]()
    for p in (2, 4, 6):
        for _ in range(2):
            start = float(np.exp(rng.uniform(-1.5, 1.5)))
            found, bar = measured_threshold(start, p)
            claimed = float(claim.bound({START: start, ORDER: float(p)}))
            triples.append((claimed, found, bar))
            worst = max(worst, abs(found - claimed) / bar)
    rows = np.array(triples).T
    return Evidence.measured(
        claim,
        f"thresholds found by bisection depart by at most {worst:.3f} error bars",
        contradicted=worst > 1.0,
        error_bar="1e-3 of the threshold (5000 steps tell no nearer rates apart)",
        cases=6,
        seed=seed,
        picture=against_claim(
            *rows[:2],
            what="largest learning rate",
            log=True,
            title="Training converges up to the claimed rate",
            interval=np.array([rows[1] - rows[2], rows[1] + rows[2]]),
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, int]]:
    """|Delta(0)|, learning rate in units of 1/|Delta(0)|^{p-2}, p."""
    return st.tuples(st.floats(0.1, 10.0), st.floats(0.05, 4.0), st.sampled_from([2, 4, 6, 8]))


def holds(claim: Claim, case: tuple[float, float, int]) -> bool:
    """Run one learning rate and compare with the claimed threshold (not within 1 % of it)."""
    start, u, p = case
    eta = u / start ** (p - 2)
    ratio = eta / float(claim.bound({START: start, ORDER: float(p)}))
    return abs(ratio - 1.0) < 0.01 or converges(start, eta, p) == (ratio < 1.0)


FALSE_TWINS = (
    FalseTwin("1/|Delta(0)|^{p-2}: no step across the optimum", {"claim": threshold_is(1 / START ** (ORDER - 2))}),
    FalseTwin("2/|Delta(0)|^{p-1}", {"claim": threshold_is(2 / START ** (ORDER - 1)), "derive": None}),
)

THEOREM = Theorem(
    name="lp_step_size",
    source=Source(PAPER, "Section 7, step-size condition", "necessary as well"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("lp_recurrence", "lp_flow", "ill_conditioned_step"),
)
