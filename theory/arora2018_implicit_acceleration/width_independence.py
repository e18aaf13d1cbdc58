r"""Only depth matters, for balanced networks: no width enters the equation of W_e.

Assumptions
-----------
Two networks with the same N, loss and W_e, each balanced; so every width is at least the rank of W_e.

Source
------
Corrects Arora, Cohen and Hazan (2018), section 5, "does not depend on the hidden widths".

Idea of the proof
-----------------
By Theorem 1 both velocities are the right-hand side of (8), a function of W_e, G, N, eta and lambda.

Deviations from the paper
-------------------------
The paper says it of near-zero initialisations, which are not balanced (`width_independence_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import balanced_layers, flow_layers, imbalance
from odeflow.panels import departures
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.deep_linear import DECAY, DEPTH, END, GRADIENT, STEP
from odeflow.symbolic.derivations import Derivation, Kind, Step, assume, by, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import end_to_end_dynamics
from theory.arora2018_implicit_acceleration._dynamics_cases import product, unbalanced_layers
from theory.arora2018_implicit_acceleration.notation import PAPER
from theory.arora2018_implicit_acceleration.width_independence_printed import (
    BALANCED,
    NARROW,
    WIDE,
    same_velocity,
    same_velocity_if_balanced,
)

AGREE = 1e-8
"""Two flows at relative tolerance 1e-10."""
CLAIM = same_velocity_if_balanced(sp.Integer(1))


def derive(claim: Claim) -> Derivation:
    """Theorem 1 twice, and a look at what its right-hand side depends on."""
    theorem = end_to_end_dynamics
    known = {END, GRADIENT, END.T, DEPTH, STEP, DECAY}
    others = theorem.CLAIM.formula.rhs.free_symbols - known
    return Derivation(
        (
            assume("two balanced networks with the same N, loss and W_e, of any widths"),
            by("end_to_end_dynamics", theorem.derive(theorem.CLAIM), theorem.CLAIM.formula),
            show_equal(
                "symbols in (8) besides W_e, G, N, eta, lambda: their number",
                sp.Integer(len(others)),
                sp.Integer(0),
                name="number of other symbols",
            ),
            concluded(claim),
        )
    )


def concluded(claim: Claim) -> Step:
    """Put the one velocity of (8) for both, under the premise that both are balanced."""
    velocity = sp.Symbol("v", real=True)
    formula = claim.formula
    if not isinstance(formula, sp.Implies) or formula.args[0] != BALANCED:
        detail = "Theorem 1 speaks of balanced networks only"
        return Step("both velocities", formula, Kind.COMPUTED, Decision(Status.UNDECIDED, "premise", detail))
    inside = show_with("both velocities", formula.args[1], {NARROW: velocity, WIDE: velocity})
    status = inside.decision.status if inside.decision.holds else Status.UNDECIDED
    decision = Decision(status, inside.decision.method, inside.decision.detail)
    return Step("so both have the velocity of (8)", formula, Kind.COMPUTED, decision)


def ratio_claimed(claim: Claim) -> tuple[float, bool]:
    """Return the claimed v_wide/v_narrow and whether balance is asked for."""
    asks = isinstance(claim.formula, sp.Implies)
    relation = claim.formula.args[1] if asks else claim.formula
    return float(relation.rhs.subs(NARROW, 1)), asks


def gap(claim: Claim, case: tuple[int, int, int, int, int]) -> float:
    """Return the relative distance of wide and claimed-from-narrow movement over the time 1."""
    depth, rows, columns, more, seed = case
    rng = np.random.default_rng(seed)
    factor, balanced = ratio_claimed(claim)
    start, target = 0.5 * rng.standard_normal((rows, columns)), rng.standard_normal((rows, columns))
    rank = min(rows, columns)
    narrow = balanced_layers(start, depth)
    wide = balanced_layers(start, depth, widths=[rank + more] * (depth - 1))
    turns = [np.linalg.qr(rng.standard_normal((rank + more,) * 2))[0] for _ in range(depth - 1)]
    if not balanced:  # the same product, one hidden unit stretched
        turns = [turn * np.linspace(1.0, 3.0, rank + more) for turn in turns]
    frames = [np.eye(columns), *turns, np.eye(rows)]
    wide = tuple(frames[j + 1].T @ W @ np.linalg.inv(frames[j]).T for j, W in enumerate(wide))
    assert imbalance(wide) < 1e-9 or not balanced
    assert np.allclose(product(wide), start)
    ends = [flow_layers(layers, target, [0.0, 1.0], with_error_bar=False).end_to_end[-1] for layers in (narrow, wide)]
    moved = [end - start for end in ends]
    return float(np.linalg.norm(moved[1] - factor * moved[0]) / np.linalg.norm(moved[0]))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Move W_e by narrow networks and by wider ones, turned at random in their hidden layers."""
    cases = [(depth, 2, 3, more, 7 * seed + more) for depth in (2, 3, 4) for more in (1, 10)]
    gaps = [gap(claim, case) for case in cases]
    worst = max(gaps)
    unequal = unbalanced_layers((3, 12, 2), 0.3, np.random.default_rng(seed))
    return Evidence.measured(
        claim,
        f"wide and narrow part by at most {worst:.2g} of the way (Gaussian layers: imbalance {imbalance(unequal):.2f})",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (two integrations at 1e-10)",
        cases=len(cases),
        seed=seed,
        picture=departures(gaps, AGREE, title="Wide and narrow networks move together", ylabel="distance / way"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depth, shape, extra width and a seed."""
    size = st.integers(1, 3)
    return st.tuples(st.integers(2, 4), size, size, st.integers(1, 5), st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one pair of networks."""
    return gap(claim, case) <= AGREE


FALSE_TWINS = (
    FalseTwin("twice as fast when wide", {"claim": same_velocity_if_balanced(sp.Integer(2))}),
    FalseTwin("without balance", {"claim": same_velocity(sp.Integer(1))}),
)

THEOREM = Theorem(
    name="width_independence",
    source=Source(PAPER, "Section 5, widths", "for balanced networks"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("width_independence_printed", "width_independence_discrete", "end_to_end_dynamics"),
)
