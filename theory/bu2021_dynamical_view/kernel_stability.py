r"""Lemma 3.2, first part, with an explicit constant: weights within R = (sqrt(2 pi)/16) delta lambda_0/n^2 keep H.

Assumptions
-----------
Two-layer ReLU network, w_r ~ N(0, I), |x_i| = 1. With probability at least 1 - delta over the initial weights, for all
weights with |w_r - w_r(0)| <= R at once: |H(W) - H(0)| <= lambda_0/4. Any width.

Source
------
Bu, Xu and Chen (2021), Lemma 3.2, quoting Du, Zhai, Poczos and Singh (2019), Lemma 3.2: R = c delta lambda_0/n^2 "for
some small positive constant c".

Idea of the proof
-----------------
A gate D_ri can only differ if |w_r(0).x_i| <= R, which has probability at most 2R/sqrt(2 pi): the normal density is
at most 1/sqrt(2 pi). So the sum over i, j of sup |H_ij(W) - H_ij(0)| has mean at most 4 n^2 R/sqrt(2 pi); Markov.

Deviations from the paper
-------------------------
c = sqrt(2 pi)/16. "<=" for "<". The paper's second conclusion, lambda_min(H) > lambda_0/2, needs Lemma 3.1's width as
well (`kernel_stability_printed`); with both events, probability at least 1 - 2 delta, lambda_min >= lambda_0/2 by
Weyl.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import random_network
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit, two_layer_initialisation
from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, chain, cite, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.kernel_concentration import SAMPLES, interval
from theory.bu2021_dynamical_view.notation import LAMBDA0, PAPER, SYMBOLS

__all__ = ["RADIUS", "THEOREM"]

FAILURE = sp.Symbol("P(sup |H(W) - H(0)| > lambda_0/4)", nonnegative=True)
RADIUS, RISK = sp.symbols("R delta", positive=True)


def fails_at_most(probability: sp.Expr) -> Claim:
    """Return the claim P(sup |H(W) - H(0)| > lambda_0/4) <= probability."""
    return Claim(
        "Within a small ball around the initial weights the kernel moves by at most lambda_0/4, with high probability.",
        sp.Le(FAILURE, probability, evaluate=False),
        ("unit-norm data", "w_r ~ N(0, I)", "the supremum over all weights with |w_r - w_r(0)| <= R"),
        {FAILURE: "probability over the initial weights", RADIUS: "radius R", LAMBDA0: SYMBOLS[LAMBDA0]},
    )


BOUND = 16 * SAMPLES**2 * RADIUS / (sp.sqrt(2 * sp.pi) * LAMBDA0)
CLAIM = fails_at_most(BOUND)


def derive(claim: Claim) -> Derivation:
    """Bound the mean change of the kernel, then apply Markov's inequality."""
    gate = 2 * RADIUS / sp.sqrt(2 * sp.pi)
    slope = show_equal(
        "d/dR P(|N(0,1)| <= R) = sqrt(2/pi) e^{-R^2/2}",
        sp.Derivative(sp.erf(RADIUS / sp.sqrt(2)), RADIUS),
        sp.sqrt(2 / sp.pi) * sp.exp(-(RADIUS**2) / 2),
    )
    near = infer("that is at most sqrt(2/pi), so P(|w_r(0).x_i| <= R) <= 2R/sqrt(2 pi)", from_=[slope])
    mean = infer(
        "n^2 entries, each moved by at most (1/m) sum_r of two such events: mean at most n^2 2 (2R/sqrt(2 pi))",
        from_=[near],
    )
    radius = sp.sqrt(2 * sp.pi) / 16 * RISK * LAMBDA0 / SAMPLES**2
    enough = show_equal(
        "at R = (sqrt(2 pi)/16) delta lambda_0/n^2 the bound is delta",
        BOUND.subs(RADIUS, radius),
        RISK,
        name="bound at this R",
    )
    markov = cite("Markov's inequality")
    return Derivation(
        (
            assume("w_r(0).x_i ~ N(0, 1); D_ri can differ only if |w_r(0).x_i| <= R; norm at most the sum of entries"),
            slope,
            near,
            mean,
            markov,
            enough,
            chain(
                "put together", claim.formula, SAMPLES**2 * 2 * gate / (LAMBDA0 / 4), from_=[slope, near, mean, enough]
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 200 networks at the radius for delta = 0.1 and move every neuron by R against its nearest boundary."""
    rng = np.random.default_rng(seed)
    case = random_network(4, 3, 1, seed=rng)
    lambda0 = float(np.linalg.eigvalsh(relu_ntk_limit(case.X))[0])
    radius = float(np.sqrt(2 * np.pi) / 16 * 0.1 * lambda0 / 16)
    failures, means, moved = 0, [], list[float]()
    for _ in range(200):
        W, _ = two_layer_initialisation(3, 1000, seed=rng)
        position = W @ case.X.T
        nearest = np.abs(position).argmin(axis=1)
        towards = -np.sign(position[np.arange(1000), nearest])[:, None] * case.X[nearest]
        change = relu_ntk(case.X, W + radius * towards) - relu_ntk(case.X, W)
        moved.append(float(np.linalg.norm(change, 2)))
        failures += moved[-1] > lambda0 / 4
        means.append(float(np.abs(change).sum()))
    bound = float(claim.bound({SAMPLES: 4, RADIUS: radius, LAMBDA0: lambda0}))
    low, high = interval(failures, 200)
    mean, spread = float(np.mean(means)), float(np.std(means)) / np.sqrt(200)
    return Evidence.measured(
        claim,
        f"{failures} of 200 networks fail [{low:.3f}, {high:.3f}], bound {bound:.3f}; mean sum of |entries| "
        f"{mean:.2g} +- {spread:.2g}, the proof's {0.1 * lambda0 / 4:.2g}",
        contradicted=low > bound,
        error_bar="95 % Clopper-Pearson interval, in brackets",
        cases=200,
        seed=seed,
        detail=f"{failures} of 200 fail, bound {bound:.3f}",
        picture=by_case(
            moved,
            lambda0 / 4,
            title=f"At most a share {bound:.3g} of the networks moves by more than lambda_0/4",
            ylabel="|H(W) - H(W(0))|",
            limit_label="lambda_0/4: above it a network fails",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """One sample (lambda_0 = 1/2): widths up to 60 and radii up to 1."""
    return st.tuples(st.integers(1, 60), st.fractions(Fraction(1, 1000), 1, max_denominator=1000))


def holds(claim: Claim, case: tuple[int, Fraction]) -> bool:
    """Compare with the exact law for one sample: more than m/8 near neurons that are all on, or all off, can flip."""
    from scipy.stats import multinomial  # slow to import

    width, radius = case
    most = width // 8
    share = math.erf(float(radius) / math.sqrt(2)) / 2  # near and on; near and off has the same probability
    safe = sum(
        float(multinomial.pmf([on, off, width - on - off], width, [share, share, 1 - 2 * share]))
        for on in range(most + 1)
        for off in range(min(most, width - on) + 1)
    )
    bound = float(claim.bound({SAMPLES: 1, RADIUS: float(radius), LAMBDA0: 0.5}))
    return 1 - safe <= bound * (1 + 1e-9) + 1e-12


FALSE_TWINS = (
    FalseTwin("1/32 of the bound", {"claim": fails_at_most(BOUND / 32)}),
    FalseTwin("the square of R", {"claim": fails_at_most(BOUND * RADIUS)}),
)

THEOREM = Theorem(
    name="kernel_stability",
    source=Source(PAPER, "Lemma 3.2 (first part)", "with c = sqrt(2 pi)/16"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("kernel_stability_printed", "kernel_concentration", "continuity_bootstrap"),
)
