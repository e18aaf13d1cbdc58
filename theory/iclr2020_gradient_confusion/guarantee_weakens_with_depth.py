r"""What does get worse with depth: the guaranteed probability. Its exponent's factor 16 (beta+1)^2 (beta+6)^2 grows.

Assumptions
-----------
Those of `confusion_probability`, whose bound is compared at depths beta and beta + 1.

Source
------
"Gradient Confusion" (2020), remark after Theorem 4.1 ("when the network depth decreases, the probability increases").

Idea of the proof
-----------------
Read the exponent off the bound of `confusion_probability` and compare.

Deviations from the paper
-------------------------
A statement about a bound. The confusion itself may fall with depth (`confusion_grows_with_depth_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_probability
from theory.iclr2020_gradient_confusion._sgd import ETA
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

DEEPER = sp.Symbol("r(beta+1)", positive=True)
RATE = 1 / (16 * (DEPTH + 1) ** 2 * (DEPTH + 6) ** 2)


def falls_to(share: sp.Expr) -> Claim:
    """Return the claim r(beta+1) <= share r(beta) with r(beta) written out."""
    return Claim(
        "The guarantee on the confusion probability weakens with every layer.",
        sp.Le(DEEPER, share * RATE, evaluate=False),
        ("the bound of confusion_probability, (N(N-1)/2) exp(-r (d-1) eta^2)",),
        {DEEPER: "rate r of the bound at depth beta + 1", DEPTH: "depth"},
    )


CLAIM = falls_to(sp.Integer(1))


def derive(claim: Claim) -> Derivation:
    """Read r off the bound."""
    bound = confusion_probability.CLAIM.formula.rhs
    exponent = next(iter(bound.atoms(sp.exp))).args[0]
    steps = [
        define("r is minus the exponent over (d-1) eta^2"),
        show_equal("r(beta), read off the bound", -exponent / ((DIMENSION - 1) * ETA**2), RATE),
        infer("r(beta + 1) is the same with beta + 1"),
    ]
    return Derivation(
        (*steps, conclude("put together", claim.formula, DEEPER, RATE.subs(DEPTH, DEPTH + 1), from_=steps))
    )


def ratio(claim: Claim, depth: int) -> float:
    """Return r(depth + 1) over the claimed bound, r from the numeric value of the guarantee."""
    values = {DIMENSION: 101.0, ETA: 1.0, SAMPLES: 2.0, DEPTH: float(depth + 1)}
    rate = -np.log(float(confusion_probability.CLAIM.bound(values))) / 100.0
    return float(rate / float(claim.bound({DEPTH: float(depth)})))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Evaluate the guarantee at depths 0 to 59."""
    found = [ratio(claim, depth) for depth in range(60)]
    return Evidence.measured(
        claim,
        f"r(beta+1)/bound between {min(found):.3f} and {max(found):.3f}",
        contradicted=max(found) > 1.0,
        error_bar="1e-12 (rounding)",
        cases=60,
        seed=seed,
        picture=along(
            range(60),
            found,
            {"claimed bound": 1.0},
            title="The rate falls at every depth",
            xlabel="depth beta",
            ylabel="r(beta+1) / bound",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depths to 1000."""
    return st.integers(0, 1000)


def holds(claim: Claim, case: int) -> bool:
    """Compare two depths."""
    return ratio(claim, case) <= 1.0


FALSE_TWINS = (FalseTwin("halved by every layer", {"claim": falls_to(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="guarantee_weakens_with_depth",
    source=Source(PAPER, "Section 4, remark after Theorem 4.1", "about the bound, not about the confusion"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("confusion_grows_with_depth_printed", "confusion_probability"),
)
