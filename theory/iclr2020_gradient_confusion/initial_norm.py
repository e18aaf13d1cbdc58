r"""For kappa > 4 the norm at initialisation is at most 1, except with probability exp(-(sqrt(kappa) - 2)^2 l/2).

Assumptions
-----------
W is l by l with independent N(0, 1/(kappa l)) entries, kappa > 4.

Source
------
Corrects "Gradient Confusion" (2020), Theorem 4.2 and its proof (1 - beta exp(-c_1 kappa^2 l^2), any kappa > 0).

Idea of the proof
-----------------
Davidson and Szarek: the largest singular value of a standard Gaussian l by l matrix exceeds 2 sqrt(l) + t with
probability at most exp(-t^2/2); here t = (sqrt(kappa) - 2) sqrt(l).

Deviations from the paper
-------------------------
kappa > 4, and l in the exponent in place of kappa^2 l^2. For kappa = 1 the statement is false
(`initial_norm_printed`). W_0, with entries N(0, 1/d), has norm near 1 + sqrt(l/d) > 1 whatever kappa is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.special import erfc

from odeflow.symbolic.derivations import Derivation, assume, cite, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._steps import clopper_pearson, conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

EXCEEDS = sp.Symbol("Pr[|W| > 1]", nonnegative=True)
WIDTH, KAPPA = sp.symbols("l kappa", positive=True)


def exceeds_at_most(bound: sp.Expr) -> Claim:
    """Return the claim Pr[|W| > 1] <= bound."""
    return Claim(
        "With entries of variance 1/(kappa l), kappa > 4, the operator norm rarely exceeds 1.",
        sp.Le(EXCEEDS, bound, evaluate=False),
        ("W is l by l with independent N(0, 1/(kappa l)) entries", "kappa > 4"),
        {EXCEEDS: "probability of a norm above 1", WIDTH: "width", KAPPA: "the initialisation's kappa"},
    )


CLAIM = exceeds_at_most(sp.exp(-((sp.sqrt(KAPPA) - 2) ** 2) * WIDTH / 2))


def derive(claim: Claim) -> Derivation:
    """Put the scale into Davidson and Szarek's bound."""
    excess = (sp.sqrt(KAPPA) - 2) * sp.sqrt(WIDTH)
    steps = [
        assume("W = G/sqrt(kappa l), G with independent standard normal entries, kappa > 4"),
        cite("Davidson and Szarek (2001), Theorem II.13: Pr[s_max(G) > 2 sqrt(l) + t] <= exp(-t^2/2)"),
        show_equal(
            "|W| > 1 iff s_max(G) > sqrt(kappa l) = 2 sqrt(l) + t", sp.sqrt(KAPPA * WIDTH), 2 * sp.sqrt(WIDTH) + excess
        ),
        infer("t > 0 because kappa > 4"),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, EXCEEDS, sp.exp(-(excess**2) / 2), from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure 300 matrices at each of six (kappa, l)."""
    rng = np.random.default_rng(seed)
    worst, said = 0.0, []
    for kappa, width in ((4.1, 40), (4.5, 10), (4.5, 40), (5.0, 10), (6.0, 5), (9.0, 3)):
        norms = np.linalg.norm(rng.standard_normal((300, width, width)) / np.sqrt(kappa * width), 2, axis=(1, 2))
        hits = int((norms > 1.0).sum())
        low, high = clopper_pearson(hits, 300)
        bound = float(claim.bound({WIDTH: float(width), KAPPA: kappa}))
        worst = max(worst, low / bound)
        said.append(f"kappa {kappa}, l = {width}: [{low:.3f}, {high:.3f}] <= {bound:.3f}")
    return Evidence.measured(
        claim,
        "; ".join(said),
        contradicted=worst > 1.0,
        error_bar="99.9 % Clopper-Pearson limits, in brackets",
        cases=1800,
        seed=seed,
    )


def domain() -> st.SearchStrategy[Any]:
    """kappa in (4, 100]; width one, where the law is known."""
    return st.floats(4.01, 100.0)


def holds(claim: Claim, case: float) -> bool:
    """Compare with the exact law of one entry: Pr[|z| > sqrt(kappa)]."""
    return float(erfc(np.sqrt(case / 2))) <= float(claim.bound({WIDTH: 1.0, KAPPA: case})) * (1 + 1e-12)


FALSE_TWINS = (
    FalseTwin(
        "as if the norm tended to 1 at kappa = 1",
        {"claim": exceeds_at_most(sp.exp(-((sp.sqrt(KAPPA) - 1) ** 2) * WIDTH / 2))},
    ),
    FalseTwin("kappa^2 l^2 in the exponent", {"claim": exceeds_at_most(sp.exp(-(KAPPA**2) * WIDTH**2 / 100))}),
)

THEOREM = Theorem(
    name="initial_norm",
    source=Source(PAPER, "Theorem 4.2, premise", "corrected: kappa > 4"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("initial_norm_printed",),
)
