r"""Section 7: as w_1 nears y1, rule (12) scales the learning rate by y1^{2-2/N}, and by N more in coordinate 1 only.

Assumptions
-----------
N >= 1; w = (y1, 0), the limit of w_2/w_1 -> 0 with w_1 -> y1 > 0.

Source
------
Arora, Cohen and Hazan (2018), section 7: "the learning rate is effectively scaled by y1^{2-2/N} (in addition to a
scaling by N in coordinate 1 only), allowing (if y1 > 1) faster convergence of Delta_2".

Idea of the proof
-----------------
Evaluate F at (y1, 0): the projection keeps the first component only.

Deviations from the paper
-------------------------
Exact in the limit; at w_2/w_1 = q the diagonal departs by order q^2 and the coordinates couple with order q.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import field_at
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import single_output_rule as rule
from theory.arora2018_implicit_acceleration.field_curl import field
from theory.arora2018_implicit_acceleration.learning_rate_ratio import LARGE
from theory.arora2018_implicit_acceleration.notation import PAPER

FIRST, SECOND = sp.symbols("scale_1 scale_2", positive=True)


def scales(first: sp.Expr, second: sp.Expr) -> Claim:
    """Return the claim that the learning rates of the coordinates are scaled by `first` and `second`."""
    return Claim(
        "Near w = (y1, 0) depth scales the learning rate by y1^(2-2/N), and by N more in coordinate 1.",
        sp.And(equate(FIRST, first), equate(SECOND, second), evaluate=False),
        ("one output, two inputs", "w_2/w_1 tends to 0, w_1 to y1 > 0"),
        {
            FIRST: "F_1/g_1 for a gradient along axis 1",
            SECOND: "F_2/g_2 for a gradient along axis 2",
            LARGE: "w_1",
            DEPTH: "number of layers",
        },
    )


SCALE = LARGE ** (2 - 2 / DEPTH)
CLAIM = scales(DEPTH * SCALE, SCALE)


def derive(claim: Claim) -> Derivation:
    """Evaluate the rule on the axis."""
    g1, g2 = sp.symbols("g_1 g_2", positive=True)
    F = field_at(sp.Matrix([LARGE, 0]), sp.Matrix([g1, g2]))
    return Derivation(
        (
            assume("w = (y1, 0), y1 > 0"),
            by("single_output_rule", rule.derive(rule.CLAIM), rule.CLAIM.formula),
            define("F at (y1, 0) for the gradient (g_1, g_2)", equate(sp.Symbol("F_1"), F[0])),
            show_with("component by component", claim.formula, {FIRST: F[0] / g1, SECOND: F[1] / g2}),
        )
    )


def departure(claim: Claim, y1: float, q: float, depth: int) -> float:
    """Return the largest relative departure of the diagonal of P at w = (y1, q y1) from the claimed scales."""
    w = np.array([y1, q * y1])
    diagonal = [float(field(w, unit, float(depth))[k]) for k, unit in enumerate(np.eye(2))]
    values = {LARGE: y1, DEPTH: depth}
    claimed = {part.lhs: float(part.rhs.subs(values)) for part in claim.formula.args}
    return max(abs(diagonal[0] / claimed[FIRST] - 1.0), abs(diagonal[1] / claimed[SECOND] - 1.0))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Evaluate the rule at w_2/w_1 = 1e-3: the departure is of order 1e-6."""
    rng = np.random.default_rng(seed)
    gaps = [departure(claim, float(np.exp(rng.normal())), 1e-3, n) / n for n in range(1, 9) for _ in range(3)]
    return Evidence.measured(
        claim,
        f"largest relative departure at w_2/w_1 = 1e-3: {max(gaps):.2g} N",
        contradicted=max(gaps) > 2e-6,
        error_bar="2e-6 N (the square of w_2/w_1)",
        cases=len(gaps),
        seed=seed,
        picture=departures(gaps, 2e-6, title="Depth scales the two rates as claimed", ylabel="relative departure / N"),
    )


def domain() -> st.SearchStrategy[tuple[float, float, int]]:
    """y1, w_2/w_1, N."""
    return st.tuples(st.floats(0.1, 50.0), st.floats(-0.01, 0.01), st.integers(1, 10))


def holds(claim: Claim, case: tuple[float, float, int]) -> bool:
    """Check one point: the departure is at most 2 N q^2."""
    y1, q, depth = case
    return departure(claim, y1, q, depth) <= 2.0 * depth * q * q + 1e-12


FALSE_TWINS = (
    FalseTwin("N in both coordinates", {"claim": scales(DEPTH * SCALE, DEPTH * SCALE)}),
    FalseTwin("the power 2/N", {"claim": scales(DEPTH * LARGE ** (2 / DEPTH), LARGE ** (2 / DEPTH)), "derive": None}),
)

THEOREM = Theorem(
    name="depth_effective_rate",
    source=Source(PAPER, "Section 7, effective learning rate"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("single_output_rule", "learning_rate_ratio"),
)
