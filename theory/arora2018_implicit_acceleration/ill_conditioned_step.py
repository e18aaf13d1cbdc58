r"""Section 7: gradient descent that does not diverge in Delta_1 corrects at most 2 (y_2/y_1)^{p-2} of Delta_2 a step.

Assumptions
-----------
The two-point problem from w = 0, y_1 >= y_2 > 0, p an even positive integer; eta below the threshold of `lp_step_size`.

Source
------
Arora, Cohen and Hazan (2018), section 7: for p = 2 ill-conditioning "has no effect on the bound"; "if p > 2 the
learning rate is determined by y_1, leading Delta_2 to converge very slowly".

Idea of the proof
-----------------
The relative correction is eta |Delta_2|^{p-2} <= eta y_2^{p-2}, and eta < 2/y_1^{p-2}.

Deviations from the paper
-------------------------
None: its words as one inequality. For p = 2 the bound is 2 and says nothing; for p > 2 it is small if y_1 >> y_2.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, by, chain, define, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import lp_step_size
from theory.arora2018_implicit_acceleration.lp_recurrence import ORDER
from theory.arora2018_implicit_acceleration.notation import PAPER

CORRECTION = sp.Symbol("correction", nonnegative=True)
LARGE, SMALL = sp.symbols("y_1 y_2", positive=True)


def at_most(bound: sp.Expr) -> Claim:
    """Return the claim that a step corrects at most `bound` of Delta_2, relative to |Delta_2|."""
    return Claim(
        "For p > 2 the learning rate is set by y_1 and Delta_2 moves slowly; for p = 2 there is no such bound.",
        sp.Le(CORRECTION, bound, evaluate=False),
        ("y_1 >= y_2 > 0", "w(0) = 0", "gradient descent converges in both coordinates"),
        {
            CORRECTION: "|Delta_2 after a step - Delta_2|/|Delta_2|",
            LARGE: "larger target",
            SMALL: "smaller target",
            ORDER: "power of the loss",
        },
    )


CLAIM = at_most(2 * (SMALL / LARGE) ** (ORDER - 2))


def derive(claim: Claim) -> Derivation:
    """Put the largest learning rate into the recurrence."""
    threshold = by("lp_step_size", lp_step_size.derive(lp_step_size.CLAIM), lp_step_size.CLAIM.formula)
    bound = 2 / LARGE ** (ORDER - 2) * SMALL ** (ORDER - 2)
    same = show_equal("2/y_1^{p-2} y_2^{p-2}", bound, 2 * (SMALL / LARGE) ** (ORDER - 2))
    moved = infer("eta |Delta_2|^{p-2} <= 2/y_1^{p-2} y_2^{p-2}", sp.Le(CORRECTION, bound), from_=[threshold])
    return Derivation(
        (
            assume("w(0) = 0: Delta_1(0) = -y_1, Delta_2(0) = -y_2, y_1 >= y_2"),
            threshold,
            infer("eta < 2/y_1^{p-2} <= 2/y_2^{p-2}, so |Delta_2| falls from y_2 on", from_=[threshold]),
            define("the correction is eta |Delta_2|^{p-2}, by (15)"),
            moved,
            same,
            chain("as claimed", claim.formula, bound, from_=[threshold, moved, same]),
        )
    )


def largest_correction(p: int, y1: float, y2: float, eta: float, steps: int) -> float:
    """Return the largest relative correction of Delta_2 over a run."""
    error, worst = -y2, 0.0
    for _ in range(steps):
        after = error - eta * error ** (p - 1)
        worst, error = max(worst, abs(after - error) / max(abs(error), 1e-300)), after
    return worst


def ratio(claim: Claim, p: int, y1: float, y2: float, part: float) -> float:
    """Return the largest correction at the given part of the threshold, over the claimed bound."""
    eta = part * 2.0 / y1 ** (p - 2)
    claimed = float(claim.bound({LARGE: y1, SMALL: y2, ORDER: float(p)}))
    return largest_correction(p, y1, y2, eta, 20) / claimed


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run gradient descent at 99 % of the threshold, p = 2, 4, 6 and y_1/y_2 from 1 to 100."""
    rng = np.random.default_rng(seed)
    draws = [
        (p, float(c * y), float(y)) for p in (2, 4, 6) for c in (1.0, 10.0, 100.0) for y in rng.uniform(0.2, 2.0, 3)
    ]
    ratios = [ratio(claim, p, y1, y2, 0.99) for p, y1, y2 in draws]
    worst = max(ratios)
    return Evidence.measured(
        claim,
        f"largest correction/bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-9,
        error_bar="1e-9 (rounding)",
        cases=len(draws),
        seed=seed,
        picture=by_case(ratios, 1.0, title="No step corrects more than the bound", ylabel="largest correction / bound"),
    )


def domain() -> st.SearchStrategy[tuple[int, float, float, float]]:
    """p, y_1/y_2, y_2, learning rate as a part of the threshold."""
    return st.tuples(st.sampled_from([2, 4, 6]), st.floats(1.0, 50.0), st.floats(0.1, 3.0), st.floats(0.01, 0.999))


def holds(claim: Claim, case: tuple[int, float, float, float]) -> bool:
    """Run one case."""
    p, quotient, y2, part = case
    return ratio(claim, p, quotient * y2, y2, part) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin("half the bound", {"claim": at_most((SMALL / LARGE) ** (ORDER - 2))}),
    FalseTwin("slow for p = 2 as well", {"claim": at_most(2 * (SMALL / LARGE) ** (ORDER - 1))}),
)

THEOREM = Theorem(
    name="ill_conditioned_step",
    source=Source(PAPER, "Section 7, ill-conditioning"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("lp_step_size", "adaptive_methods_suffer_printed"),
)
