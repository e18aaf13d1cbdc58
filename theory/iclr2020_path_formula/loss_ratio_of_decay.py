r"""Section 7's rate 1 - Loss_{t+1}/Loss_t against section 4's xi: it is 2 xi - xi^2, not xi.

Assumptions
-----------
Square loss; one mode, whose residual loses the share xi in each step: e_{t+1} = (1 - xi) e_t. For gradient descent
xi = eta lambda, for the flow xi = 1 - e^{-eta lambda}.

Source
------
Path formula paper (ICLR 2020), section 7, Setup ("The convergence rate at step t is defined as"), with (9).

Idea of the proof
-----------------
L = e^2/2, so L_{t+1}/L_t = (1 - xi)^2.

Deviations from the paper
-------------------------
The paper calls both quantities the convergence rate; they differ by the factor 2 for small steps. The package keeps
`loss_rate`, `residual_rate` and `loss_ratio` apart (`odeflow.numeric.rate_quantities`). Figure 3b's axis, 0.9995 to
1.0025, shows neither: it looks like Loss_t/Loss_{t+1}.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.optimisers import GradientDescent
from odeflow.numeric.rate_quantities import loss_ratio
from odeflow.numeric.training import iterate_modes
from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_with
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "FACTOR", "RATIO", "THEOREM"]

FACTOR = sp.Symbol("xi", real=True)
RATIO = sp.Symbol("q", real=True)


def ratio_is(value: sp.Expr) -> Claim:
    """Return the claim that 1 - L_{t+1}/L_t is `value`."""
    return Claim(
        "The loss ratio 1 - Loss_{t+1}/Loss_t is 2 xi - xi^2, twice the residual's factor xi for small steps.",
        equate(RATIO, value),
        ("square loss", "e_{t+1} = (1 - xi) e_t"),
        {RATIO: "1 - Loss_{t+1}/Loss_t", FACTOR: "share of the residual that a step removes"},
    )


CLAIM = ratio_is(2 * FACTOR - FACTOR**2)


def derive(claim: Claim) -> Derivation:
    """Square the residual."""
    e, eta, lam, t = sp.symbols("e eta lambda t", positive=True)
    before, after = e**2 / 2, ((1 - FACTOR) * e) ** 2 / 2
    flow = e * sp.exp(-eta * lam * t)
    return Derivation(
        (
            define("L = e^2/2, q = 1 - L_{t+1}/L_t"),
            show_equal(
                "gradient descent: e - eta dL/de with curvature lambda removes xi = eta lambda",
                e - eta * sp.diff(lam * e**2 / 2, e),
                (1 - eta * lam) * e,
            ),
            show_equal(
                "the flow removes xi = 1 - e^{-eta lambda} in a unit of time",
                1 - flow.xreplace({t: t + 1}) / flow,
                1 - sp.exp(-eta * lam),
            ),
            show_with("square", claim.formula, {RATIO: 1 - after / before}),
        )
    )


def domain() -> st.SearchStrategy[tuple[float, float]]:
    """A learning rate and an eigenvalue with eta lambda < 1."""
    return st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 0.9))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Run gradient descent on the mode and take the package's own loss ratio."""
    eta, lam = case
    positions = iterate_modes(GradientDescent(eta), [lam], 4)[0]
    measured = loss_ratio(0.5 * positions**2)
    return bool(np.abs(measured - float(claim.bound({FACTOR: eta * lam}))).max() < 1e-12)


FALSE_TWINS = (
    FalseTwin("the same as xi", {"claim": ratio_is(FACTOR)}),
    FalseTwin("exactly twice xi", {"claim": ratio_is(2 * FACTOR)}),
)

THEOREM = Theorem(
    name="loss_ratio_of_decay",
    source=Source(PAPER, "Section 7, convergence rate", "its relation to (9), which the paper does not give"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("exponential_decay_factor",),
)
