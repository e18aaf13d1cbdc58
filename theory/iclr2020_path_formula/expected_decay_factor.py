r"""E xi = 1 - (1 + 2 eta)^{-m} for one sample: the expected share removed in a unit of time saturates with the width.

Assumptions
-----------
Linear two-layer network on one sample of norm 1, unit normal weights; xi = 1 - e^{-eta lambda}, lambda = H at time 0.

Source
------
Beside the path formula paper (ICLR 2020), Proposition 6.1 with (9).

Idea of the proof
-----------------
lambda = |W x|^2 + |v|^2 is a sum of 2 m squares of standard normal variables, and E e^{-eta g^2} = (1 + 2 eta)^{-1/2}.

Deviations from the paper
-------------------------
The paper's rate governs xi, (9); E xi is not linear in m although E lambda = 2 m is (`expected_decay_factor_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.special import roots_genlaguerre

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer, show_value, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import two_layer_kernel
from theory.iclr2020_path_formula._kernel_means import WIDTH, drawn_neurons, identity
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "ETA", "SHARE", "THEOREM", "derive"]

SHARE = sp.Symbol("x_m", nonnegative=True)
ETA = sp.Symbol("eta", positive=True)
NETWORKS = 20_000


def share_is(value: sp.Expr) -> Claim:
    """Return the claim E xi = value."""
    return Claim(
        "On one sample the expected decay factor is 1 - (1 + 2 eta)^{-m}.",
        equate(SHARE, value),
        (
            "linear two-layer network, one sample of norm 1",
            "all weights independent N(0, 1)",
            "xi = 1 - e^{-eta lambda}",
        ),
        {SHARE: "E xi at width m", ETA: "learning rate", WIDTH: "hidden neurons"},
    )


CLAIM = share_is(1 - (1 + 2 * ETA) ** -WIDTH)


def derive(claim: Claim) -> Derivation:
    """Take the Laplace transform of a chi-squared variable."""
    kernel = two_layer_kernel
    g = sp.Symbol("g", real=True)
    single = sp.integrate(sp.exp(-ETA * g**2 - g**2 / 2) / sp.sqrt(2 * sp.pi), (g, -sp.oo, sp.oo))
    return Derivation(
        (
            assume("one sample, |x| = 1, unit normal weights"),
            by("two_layer_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
            infer("H = sum_l ((w_l.x)^2 + v_l^2): a sum of 2 m squares of independent N(0, 1)"),
            show_value("E e^{-eta g^2}", single, (1 + 2 * ETA) ** sp.Rational(-1, 2)),
            show_with("the product of 2 m of them", claim.formula, {SHARE: 1 - ((1 + 2 * ETA) ** -1) ** WIDTH}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average xi over random networks."""
    found, cases = [], ((0.05, 1), (0.05, 20), (0.5, 3))
    for eta, width in cases:
        neurons = drawn_neurons(np.array([[0.6, 0.8]]), identity, NETWORKS // 4 * width, (1.0, 1.0), seed + width)
        xi = -np.expm1(-eta * neurons.reshape(-1, width).sum(axis=1))
        error = float(xi.std(ddof=1)) / np.sqrt(xi.size)
        found.append((float(claim.bound({ETA: eta, WIDTH: float(width)})), float(xi.mean()), error))
    claimed, means, errors = np.array(found).T
    worst = float((np.abs(means - claimed) / errors).max())
    return Evidence.measured(
        claim,
        f"off by at most {worst:.2g} standard errors for (eta, m) = {', '.join(map(str, cases))}",
        contradicted=worst > 5.0,
        error_bar="standard error over 5000 networks",
        cases=len(cases) * NETWORKS // 4,
        seed=seed,
        picture=against_claim(
            claimed,
            means,
            what="E[xi]",
            title="The mean share is the claimed one",
            interval=(means - errors, means + errors),
        ),
    )


def domain() -> st.SearchStrategy[tuple[int, float]]:
    """Width and learning rate."""
    return st.tuples(st.integers(1, 30), st.floats(0.01, 2.0))


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Integrate against the Gamma law of lambda/2, of shape m, by Gauss and Laguerre: error about (2/3)^80 or less."""
    width, eta = case
    nodes, weights = roots_genlaguerre(40, width - 1)
    mean = float(weights @ -np.expm1(-2.0 * eta * nodes) / weights.sum())
    return bool(abs(mean - float(claim.bound({ETA: eta, WIDTH: float(width)}))) < 1e-10)


FALSE_TWINS = (
    FalseTwin("linear in m", {"claim": share_is(WIDTH * (1 - 1 / (1 + 2 * ETA)))}),
    FalseTwin("xi of the mean", {"claim": share_is(1 - sp.exp(-2 * ETA * WIDTH))}),
)

THEOREM = Theorem(
    name="expected_decay_factor",
    source=Source(PAPER, "Proposition 6.1, E xi", "closed form for one sample"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("expected_decay_factor_printed", "exponential_decay_factor"),
)
