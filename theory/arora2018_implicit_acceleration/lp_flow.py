r"""Section 7, "converge very slowly": Delta(t) = Delta0 (1 + (p - 2) Delta0^{p-2} t)^{-1/(p-2)} for p > 2.

Assumptions
-----------
Gradient flow on (w - y)^p/p, p > 2, Delta0 = |Delta(0)| > 0; t is flow time, eta times the number of steps.

Source
------
Beside Arora, Cohen and Hazan (2018), section 7: the law behind "leading Delta_2 to converge very slowly".

Idea of the proof
-----------------
Delta' = -Delta^{p-1}: differentiate the claimed solution.

Deviations from the paper
-------------------------
The convergence is sublinear; the time to a given accuracy does not depend on eta, so iterations scale like 1/eta: this
justifies comparing learning rates as the paper does.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

ORDER = sp.Symbol("p", positive=True)
TIME = sp.Symbol("t", nonnegative=True)
START = sp.Symbol("Delta_0", positive=True)
ERROR = sp.Symbol("Delta", positive=True)


def error_is(value: sp.Expr) -> Claim:
    """Return the claim Delta(t) = value."""
    return Claim(
        "Under gradient flow on (w - y)^p/p, p > 2, the error falls like t^(-1/(p-2)).",
        equate(ERROR, value),
        ("p > 2", "Delta0 > 0"),
        {ERROR: "|w(t) - y|", START: "|w(0) - y|", TIME: "flow time, eta x steps", ORDER: "power of the loss"},
    )


CLAIM = error_is(START * (1 + (ORDER - 2) * START ** (ORDER - 2) * TIME) ** (-1 / (ORDER - 2)))


def derive(claim: Claim) -> Derivation:
    """Check that q = Delta^{2-p} grows at the constant rate p - 2, and invert."""
    t = sp.Symbol("t_0", positive=True)
    E = sp.Function("E", positive=True)(t)
    power = E ** (2 - ORDER)
    moved = sp.diff(power, t).subs(sp.Derivative(E, t), -(E ** (ORDER - 1)))
    q = START ** (2 - ORDER) + (ORDER - 2) * TIME
    grows = show_equal(
        "(Delta^{2-p})' = p - 2 along Delta' = -Delta^{p-1}",
        sp.powsimp(sp.expand(moved)),
        ORDER - 2,
        name="(Delta^{2-p})'",
    )
    scale = START ** (ORDER - 2)
    above = sp.Symbol("q", positive=True)
    inside = sp.powsimp(sp.expand((scale * q).subs(ORDER, 2 + above)))
    solution = START * inside ** (-1 / above)
    slope = sp.powsimp(sp.diff(solution, TIME))
    return Derivation(
        (
            assume("p > 2, Delta0 > 0; Delta stays positive"),
            grows,
            infer("so Delta^{2-p} = Delta0^{2-p} + (p - 2) t", from_=[grows]),
            show_equal("multiplied by Delta0^{p-2}", scale * q, 1 + (ORDER - 2) * scale * TIME),
            show_equal("its power -1/q, p = 2 + q, starts at Delta0", sp.Subs(solution, TIME, 0), START),
            show_equal("and moves by -Delta^{p-1}", slope / solution, -(inside**-1) * START**above),
            show_with("which is the claim", claim.formula, {ERROR: solution, ORDER: 2 + above}),
        )
    )


def followed(start: float, p: int, time: float, steps: int) -> float:
    """Return Delta(time) by the classical Runge-Kutta method of order 4."""
    h, e = time / steps, start
    for _ in range(steps):
        k1 = -(e ** (p - 1))
        k2 = -((e + 0.5 * h * k1) ** (p - 1))
        k3 = -((e + 0.5 * h * k2) ** (p - 1))
        k4 = -((e + h * k3) ** (p - 1))
        e += h * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0
    return e


def excess(claim: Claim, start: float, p: int, time: float) -> float:
    """Return |numerical - claimed| in units of the error bar (from two numbers of steps)."""
    coarse, fine = (followed(start, p, time, n) for n in (400, 800))
    bar = abs(coarse - fine) + 1e-12 * start
    return abs(fine - float(claim.bound({START: start, TIME: time, ORDER: float(p)}))) / bar


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate the flow, p = 4, 6, 8, with two numbers of steps."""
    rng = np.random.default_rng(seed)
    found = [
        excess(claim, start, p, float(rng.uniform(1.0, 8.0)) / start ** (p - 2))
        for p in (4, 6, 8)
        for start in rng.uniform(0.3, 3.0, 4)
    ]
    worst = max(found)
    return Evidence.measured(
        claim,
        f"largest departure {worst:.2f} error bars",
        contradicted=worst > 2.0,
        error_bar="difference of 400 and 800 steps",
        cases=12,
        seed=seed,
        picture=by_case(
            found,
            2.0,
            title="The error follows the claimed law",
            ylabel="departure / error bar",
            limit_label="allowed",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, int, float]]:
    """Delta0, p, time in units of Delta0^{2-p}."""
    return st.tuples(st.floats(0.2, 3.0), st.sampled_from([4, 6]), st.floats(0.1, 5.0))


def holds(claim: Claim, case: tuple[float, int, float]) -> bool:
    """Integrate one case."""
    start, p, units = case
    return excess(claim, start, p, units / start ** (p - 2)) <= 2.0


FALSE_TWINS = (
    FalseTwin("p instead of p - 2 inside", {"claim": error_is(
        START * (1 + ORDER * START ** (ORDER - 2) * TIME) ** (-1 / (ORDER - 2))
    )}),
    FalseTwin("exponential, as for p = 2", {"claim": error_is(START * sp.exp(-TIME)), "derive": None}),
)  # fmt: skip

THEOREM = Theorem(
    name="lp_flow",
    source=Source(PAPER, "Section 7, slow convergence", "the law, added"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("lp_step_size",),
)
