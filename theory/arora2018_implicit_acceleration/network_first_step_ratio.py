r"""Appendix B on the network: in the first step the eta^2 term that (46) drops is y1/(4 eps1) of what it keeps.

Assumptions
-----------
p = 4, N = 2, one coordinate, balanced layers u = v = sqrt(eps1); eta = 1/(2 eps1 y1^2); y1 > eps1 > 0.

Source
------
Corrects Arora, Cohen and Hazan (2018), Appendix B, where "we optimize via overparameterization, i.e. with the update
rule in Equation 12" stands for gradient descent on the network.

Idea of the proof
-----------------
u v -> (u + eta v G)(v + eta u G), G = (y1 - u v)^3: the change is eta G (u^2 + v^2) + eta^2 G^2 u v. The quotient of
the two terms is eta G/2 = y1 (1 - eps1/y1)^3/(4 eps1).

Deviations from the paper
-------------------------
The quotient is, but for the factor (1 - eps1/y1)^3, the acceleration that the paper claims: where that is large, (46)
does not describe the network (`acceleration_bound_network_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.learning_rate_ratio import LARGE, START
from theory.arora2018_implicit_acceleration.notation import PAPER

QUOTIENT = sp.Symbol("second/first", positive=True)


def quotient_is(value: sp.Expr) -> Claim:
    """Return the claim that the dropped term over the kept one is `value`."""
    return Claim(
        "In the network's first step the eta^2 term over the term of rule (46) is y1/(4 eps1) (1 - eps1/y1)^3.",
        equate(QUOTIENT, value),
        ("p = 4, N = 2, balanced", "eta = 1/(2 eps1 y1^2)"),
        {QUOTIENT: "eta^2 term over eta term of the first step", LARGE: "larger target", START: "w_1(0)"},
    )


CLAIM = quotient_is((LARGE - START) ** 3 / (4 * START * LARGE**2))


def derive(claim: Claim) -> Derivation:
    """Multiply out the first step."""
    eta, G, u, v = sp.symbols("eta G u v", positive=True)
    after = (u + eta * v * G) * (v + eta * u * G)
    kept, dropped = eta * G * (u**2 + v**2), eta**2 * G**2 * u * v
    root = sp.sqrt(START)
    apart = {LARGE: START + sp.Symbol("s", positive=True)}
    at = {u: root, v: root, G: (LARGE - START) ** 3, eta: 1 / (2 * START * LARGE**2)}
    quotient = (dropped / kept).subs(at, simultaneous=True).subs(apart)
    return Derivation(
        (
            assume("one coordinate, u = v = sqrt(eps1), so u v = eps1"),
            define("the gradients of u and v are -v G and -u G, G = (y1 - u v)^3"),
            show_equal("the step of the product", after - u * v, kept + dropped),
            show_with("their quotient at this eta", claim.formula, {QUOTIENT: quotient, **apart}),
        )
    )  # fmt: skip


def measured(y1: float, eps: float) -> float:
    """Return (step - limit of small steps)/(limit), the product's first step taken by the layers."""
    eta, root = 1.0 / (2.0 * eps * y1**2), np.sqrt(eps)

    def moved(rate: float) -> float:
        layers = np.array([root, root])
        gradient = (layers.prod() - y1) ** 3 * layers[::-1]
        return float((layers - rate * gradient).prod() - eps)

    tiny = 1e-6 / y1**3
    slope = (4.0 * moved(tiny) - moved(2.0 * tiny)) / (2.0 * tiny)
    return moved(eta) / (slope * eta) - 1.0


def gap(claim: Claim, y1: float, eps: float) -> float:
    """Return the relative difference of measured and claimed quotient."""
    claimed, found = both(claim, y1, eps)
    return abs(found / claimed - 1.0)


def both(claim: Claim, y1: float, eps: float) -> tuple[float, float]:
    """Return claimed and measured quotient."""
    return float(claim.bound({LARGE: y1, START: eps})), measured(y1, eps)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take the network's first step at eta and at a learning rate near 0."""
    rng = np.random.default_rng(seed)
    draws = [(float(np.exp(rng.uniform(2.0, 7.0))), float(rng.uniform(0.01, 0.5))) for _ in range(20)]
    pairs = [both(claim, *draw) for draw in (*draws, (1000.0, 0.1))]
    worst = max(abs(found / claimed - 1.0) for claimed, found in pairs)
    return Evidence.measured(
        claim,
        f"largest relative difference {worst:.2g}; y1 = 1000, eps1 = 0.1: quotient {measured(1000.0, 0.1):.1f}",
        contradicted=worst > 1e-7,
        error_bar="1e-7 (rounding of the small steps)",
        cases=21,
        seed=seed,
        picture=against_claim(
            *np.array(pairs).T,
            what="quotient",
            log=True,
            title="The first step is larger by the claimed quotient",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float]]:
    """y1, eps1."""
    return st.tuples(st.floats(5.0, 2000.0), st.floats(0.01, 1.0))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Take one first step."""
    return gap(claim, *case) < 1e-7


FALSE_TWINS = (
    FalseTwin("y1/(2 eps1)", {"claim": quotient_is(2 * CLAIM.formula.rhs)}),
    FalseTwin("eps1/y1: a small correction", {"claim": quotient_is(START / LARGE), "derive": None}),
)

THEOREM = Theorem(
    name="network_first_step_ratio",
    source=Source(PAPER, "Appendix B", "what (46) drops"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("acceleration_bound_network_printed", "network_landing_step"),
)
