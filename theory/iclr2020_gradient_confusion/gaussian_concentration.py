r"""Lemma E.3: for independent N(0, nu^2) variables Pr[|l - E l| >= t] <= 2 exp(-t^2/(2 nu^2 rho^2)).

Assumptions
-----------
x_1, ..., x_d independent N(0, nu^2); l differentiable with |grad l| <= rho.

Source
------
"Gradient Confusion" (2020), Lemma E.3 and (24), quoting Boucheron, Lugosi and Massart (2013), chapter 5.

Idea of the proof
-----------------
The Gaussian log-Sobolev inequality has constant 1/nu^2 (Gross 1975, cited); Herbst's argument.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.special import erfc

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, infer
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._spheres import DEVIATION, LIPSCHITZ, herbst
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sphere_concentration import TAIL

SPREAD = sp.Symbol("nu", positive=True)


def tail_at_most(bound: sp.Expr) -> Claim:
    """Return the claim Pr[|l - E l| >= t] <= bound."""
    return Claim(
        "A rho-Lipschitz function of independent normal variables concentrates around its mean.",
        sp.Le(TAIL, bound, evaluate=False),
        ("x_1, ..., x_d independent N(0, nu^2)", "|grad l| <= rho"),
        {TAIL: "probability of a deviation t", DEVIATION: "deviation", SPREAD: "standard deviation of each x_p"},
    )


CLAIM = tail_at_most(2 * sp.exp(-(DEVIATION**2) / (2 * SPREAD**2 * LIPSCHITZ**2)))


def derive(claim: Claim) -> Derivation:
    """Apply Herbst's argument on both sides of the mean."""
    argument, tail = herbst("Gross (1975): Ent(f^2) <= 2 nu^2 E|grad f|^2 for independent N(0, nu^2)", 1 / SPREAD**2)
    steps = [assume("x_1, ..., x_d independent N(0, nu^2), |grad l| <= rho"), *argument, infer("two sides")]
    return Derivation((*steps, conclude("put together", claim.formula, TAIL, 2 * tail, from_=steps)))


def ratio(claim: Claim, spread: Any, deviation: Any) -> np.ndarray:
    """Return probability / bound for l = rho x_1 with rho = 2, whose law is known."""
    exact = erfc(deviation / (2.0 * spread * np.sqrt(2.0)))
    return np.asarray(exact / claim.bound({SPREAD: spread, DEVIATION: deviation, LIPSCHITZ: 2.0}))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against the exact law of l = 2 x_1 at 3 spreads and 400 deviations."""
    spreads = np.array([0.1, 1.0, 3.0])[:, None]
    found = float(ratio(claim, spreads, spreads * np.linspace(0.01, 40.0, 400)[None, :]).max())
    return Evidence.measured(
        claim,
        f"l = 2 x_1: largest probability / bound {found:.4g}",
        contradicted=found > 1.0 + 1e-12,
        error_bar="1e-12 (complementary error function in floats)",
        cases=1200,
        seed=seed,
        picture=along(
            steps := np.linspace(0.05, 10.0, 200),
            {"exact probability": erfc(steps / (2.0 * np.sqrt(2.0)))},
            {"claimed bound": claim.bound({SPREAD: 1.0, DEVIATION: steps, LIPSCHITZ: 2.0})},
            title="l = 2 x_1: the tail stays below its bound",
            xlabel="deviation t, in standard deviations of x_1",
            ylabel="P(|l| >= t)",
            yscale="log",
            line=True,
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Spread, and the deviation in units of it."""
    return st.tuples(st.floats(0.1, 5.0), st.floats(0.01, 30.0))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Compare with the exact law of l = 2 x_1."""
    return float(ratio(claim, case[0], case[0] * case[1])) <= 1.0 + 1e-12


FALSE_TWINS = (
    FalseTwin("twice the exponent", {"claim": tail_at_most(2 * sp.exp(-(DEVIATION**2) / (SPREAD**2 * LIPSCHITZ**2)))}),
    FalseTwin("nu for nu^2", {"claim": tail_at_most(2 * sp.exp(-(DEVIATION**2) / (2 * SPREAD * LIPSCHITZ**2)))}),
)

THEOREM = Theorem(
    name="gaussian_concentration",
    source=Source(PAPER, "Lemma E.3"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("sphere_concentration",),
)
