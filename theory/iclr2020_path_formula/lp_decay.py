r"""The decay law of the l_p loss, p > 2: f(t) = f_0 (1 + (p-2) k f_0^{p-2} t)^{-1/(p-2)}, a power of time.

Assumptions
-----------
f' = -k f^{p-1}, k > 0, f(0) = f_0 > 0, p > 2.

Source
------
Corrects the path formula paper (ICLR 2020), Appendix A, (29), (30).

Idea of the proof
-----------------
f^{-(p-2)} grows linearly.

Deviations from the paper
-------------------------
The paper has f = c_0 e^{ht/p} (`lp_decay_printed`) and concludes that its statements about l_2 hold for l_p "up to a
constant". There is no xi > 0 for p > 2: f(t+1)/f(t) tends to 1.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.codegen import compile_field
from odeflow.numeric.integrate import integrate
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_value, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "EXCESS", "SPEED", "START", "THEOREM", "TIME", "VALUE", "solved_by"]

EXCESS, SPEED, START = sp.symbols("p_2 k f_0", positive=True)
"""p_2 = p - 2."""
TIME = sp.Symbol("t", nonnegative=True)
VALUE = sp.Symbol("f(t)", positive=True)


def solved_by(value: sp.Expr) -> Claim:
    """Return the claim that f(t) is `value`."""
    return Claim(
        "With an l_p loss, p > 2, a single residual decays like the power -1/(p-2) of time.",
        equate(VALUE, value),
        ("f' = -k f^{p-1}, f(0) = f_0 > 0", "p > 2"),
        {VALUE: "residual", EXCESS: "p - 2", SPEED: "-h", START: "f(0)", TIME: "time"},
    )


CLAIM = solved_by(START * (1 + EXCESS * SPEED * START**EXCESS * TIME) ** (-1 / EXCESS))


def derive(claim: Claim) -> Derivation:
    """Check the ODE and the initial value for symbolic p."""
    solution = CLAIM.formula.rhs
    f = sp.Function("f", positive=True)(TIME)
    moved = sp.diff(f**-EXCESS, TIME).xreplace({sp.diff(f, TIME): -SPEED * f ** (EXCESS + 1)})
    steps = [
        assume("f' = -k f^{p-1}, f(0) = f_0 > 0"),
        show_equal("d/dt f^{-(p-2)} = (p-2) k", moved, EXCESS * SPEED),
        show_value("the solution at t = 0", solution.xreplace({TIME: sp.S.Zero}), START),
        show_equal("it solves the ODE", sp.diff(solution, TIME), -SPEED * solution ** (EXCESS + 1)),
        infer("f -> f^{p-1} is smooth for f > 0: no other solution"),
    ]
    return Derivation((*steps, show_with("so", claim.formula, {VALUE: solution})))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate the ODE for p = 4 and 6 and compare along the way."""
    rng = np.random.default_rng(seed)
    f, k = sp.symbols("f k_", positive=True)
    times = np.geomspace(0.1, 1e3, 12)
    worst, bar, observed, claimed = 0.0, 1e-8, {}, {}
    for excess in (2, 4):
        field = compile_field([-k * f ** (excess + 1)], [f], parameters=[k])
        speed, start = float(rng.uniform(0.5, 2.0)), float(rng.uniform(0.5, 1.5))
        run = integrate(field, [start], np.concatenate([[0.0], times]), parameters=[speed], rtol=1e-11, atol=1e-13)
        values = {EXCESS: float(excess), SPEED: speed, START: start, TIME: times}
        observed[f"p = {excess + 2}"], claimed[f"p = {excess + 2}"] = run.states[1:, 0], claim.bound(values)
        worst = max(worst, float(np.abs(claim.bound(values) / run.states[1:, 0] - 1.0).max()))
    return Evidence.measured(
        claim,
        f"largest relative difference {worst:.2g} up to t = 1000 for p = 4 and 6",
        contradicted=worst > bar,
        error_bar="1e-8 (tolerance of the integrator)",
        cases=2 * times.size,
        seed=seed,
        picture=along(
            times,
            observed,
            claimed,
            title="The residual falls as claimed" if worst <= bar else "The residual does not fall as claimed",
            xlabel="time t",
            ylabel="residual f(t)",
            xscale="log",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[tuple[int, float]]:
    """p - 2 in {2, 4, 6} and a time."""
    return st.tuples(st.sampled_from([2, 4, 6]), st.floats(0.01, 50.0))


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Check the ODE by central differences at k = f_0 = 1."""
    excess, t = case
    h = 1e-5 * (1.0 + t)
    grid = np.array([t - h, t, t + h])
    below, at, above = claim.bound({EXCESS: float(excess), SPEED: 1.0, START: 1.0, TIME: grid})
    return bool(abs((above - below) / (2 * h) + at ** (excess + 1)) < 1e-6 * at ** (excess + 1))


FALSE_TWINS = (
    FalseTwin("twice as fast", {"claim": solved_by(CLAIM.formula.rhs.subs(TIME, 2 * TIME))}),
    FalseTwin("the power -1/p", {"claim": solved_by(START * (1 + SPEED * TIME) ** (-1 / (EXCESS + 2)))}),
)

THEOREM = Theorem(
    name="lp_decay",
    source=Source(PAPER, "(29), (30)", "the true solution"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("lp_decay_printed", "lp_loss_decay"),
)
