r"""Appendix B, (45), (47): under rule (46) w_2 moves with more than y1/(4 eps1) times gradient descent's learning rate.

Assumptions
-----------
p = 4, N = 2; w_1 = y1 (after the first step); eta = 1/(2 eps1 y1^2); gradient descent's learning rate is below 2/y1^2.

Source
------
Arora, Cohen and Hazan (2018), Appendix B, (45), (47): "acceleration by at least eta_OP/eta_GD > y1/4 eps1".

Idea of the proof
-----------------
At w_1 = y1 only the second component of the gradient is left: (46) moves w_2 by eta |w| (1 + w_2^2/|w|^2) (w_2 - y2)^3,
and |w| = y1 + u, u >= 0. So eta_OP = eta (|w| + w_2^2/|w|) >= eta y1 = 1/(2 eps1 y1); divide by eta_GD < 2/y1^2.

Deviations from the paper
-------------------------
The comparison of learning rates is algebra and true. That rule (46) then converges needs a window of learning rates and
a tilt of the start (`acceleration_bound_rule`); that gradient descent on the network does, is false
(`acceleration_bound_network_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, by, define, infer, show_equal, show_with
from odeflow.symbolic.preconditioners_single_output import field_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import lp_step_size
from theory.arora2018_implicit_acceleration.first_step_lands import step
from theory.arora2018_implicit_acceleration.notation import PAPER

RATIO = sp.Symbol("eta_OP/eta_GD", positive=True)
LARGE, START = sp.symbols("y_1 eps_1", positive=True)


def at_least(bound: sp.Expr) -> Claim:
    """Return the claim eta_OP/eta_GD >= bound."""
    return Claim(
        "Once w_1 = y1, rule (46) moves w_2 with more than y1/(4 eps1) times gradient descent's learning rate.",
        sp.Ge(RATIO, bound, evaluate=False),
        ("p = 4, N = 2", "w_1 = y1", "eta = 1/(2 eps1 y1^2)", "eta_GD < 2/y1^2"),
        {
            RATIO: "effective learning rate of w_2 under (46) over gradient descent's",
            LARGE: "larger target",
            START: "w_1(0)",
        },
    )


CLAIM = at_least(LARGE / (4 * START))


def derive(claim: Claim) -> Derivation:
    """Read the effective learning rate off the rule at w_1 = y1."""
    w2, y2 = sp.symbols("w_2 y_2", real=True)
    u, x, v = sp.symbols("u x v", nonnegative=True)
    norm = LARGE + u
    eta = 1 / (2 * START * LARGE**2)
    error = (w2 - y2) ** 3
    field = field_at(sp.Matrix([LARGE, w2]), sp.Matrix([0, error]), sp.Integer(2))
    square = LARGE**2 + w2**2
    plain = 2 / LARGE**2 * x / (x + v)
    return Derivation(
        (
            assume("w_1 = y1: the first component of the gradient is 0"),
            by("lp_step_size", lp_step_size.derive(lp_step_size.CLAIM), lp_step_size.CLAIM.formula),
            show_equal("F_2", field[1], sp.sqrt(square) * (1 + w2**2 / square) * error),
            infer("|w|^2 = y1^2 + w_2^2, so |w| = y1 + u with u >= 0"),
            define("eta_OP = eta (|w| + w_2^2/|w|), w_2^2 = |w|^2 - y1^2; eta_GD = (2/y1^2) x/(x + v)"),
            show_with("the quotient", claim.formula, {RATIO: eta * (norm + (norm**2 - LARGE**2) / norm) / plain}),
        )
    )


def effective(y1: float, y2: float, eps: float, w2: float) -> float:
    """Return eta_OP/eta_GD measured from one step of (46), eta_GD = 2/y1^2."""
    after = step(np.array([y1, w2]), np.array([y1, y2]), 1.0 / (2.0 * eps * y1**2))
    return float((w2 - after[1]) / (w2 - y2) ** 3) / (2.0 / y1**2)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take one step of (46) from w_1 = y1 and divide by gradient descent's largest learning rate."""
    rng = np.random.default_rng(seed)
    ratios, pairs = [], list[tuple[float, float]]()
    for _ in range(40):
        y1, eps = float(np.exp(rng.uniform(2.0, 7.0))), float(rng.uniform(0.01, 0.5))
        found = effective(y1, 1.0, eps, float(rng.uniform(-0.5, 0.5)))
        pairs.append((float(claim.bound({LARGE: y1, START: eps})), found))
        ratios.append(found / pairs[-1][0])
    return Evidence.measured(
        claim,
        f"smallest ratio to the bound {min(ratios):.4g}",
        contradicted=min(ratios) < 1.0 - 1e-6,
        error_bar="1e-6 (a small step beside w_2)",
        cases=len(ratios),
        seed=seed,
        picture=against_claim(
            *np.array(pairs).T, what="eta_OP / eta_GD", log=True, title="The ratio is at least the claimed one"
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """y1, eps1, w_2."""
    return st.tuples(st.floats(5.0, 1000.0), st.floats(0.01, 0.5), st.floats(-0.5, 0.5))


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Take one step."""
    y1, eps, w2 = case
    return effective(y1, 1.0, eps, w2) >= float(claim.bound({LARGE: y1, START: eps})) * (1.0 - 1e-6)


FALSE_TWINS = (
    FalseTwin("y1/(2 eps1)", {"claim": at_least(LARGE / (2 * START))}),
    FalseTwin("y1/eps1^2", {"claim": at_least(LARGE / START**2)}),
)

THEOREM = Theorem(
    name="learning_rate_ratio",
    source=Source(PAPER, "Appendix B, (45), (47)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("first_step_lands", "acceleration_bound_rule", "acceleration_bound_network_printed"),
)
