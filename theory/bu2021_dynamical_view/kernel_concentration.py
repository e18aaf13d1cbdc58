r"""Lemma 3.1 with an explicit constant: m >= (8 n^2/lambda_0^2) log(2 n^2/delta) puts H(0) within lambda_0/4 of H_inf.

Assumptions
-----------
Two-layer ReLU network, w_r ~ N(0, I) independent, a_r = +-1, |x_i| = 1.

Source
------
Bu, Xu and Chen (2021), Lemma 3.1, quoting Du, Zhai, Poczos and Singh (2019), Lemma 3.1: m = Omega(n^2/lambda_0^2
log(n^2/delta)), the constant not given.

Idea of the proof
-----------------
H_ij(0) = G_ij B/m with B binomial(m, p_ij), |G_ij| <= 1 and mean H_inf. Hoeffding with the deviation lambda_0/(4n), a
union over n^2 entries, and |A| <= n max|A_ij| give probability of failure at most 2 n^2 exp(-m lambda_0^2/(8 n^2)).

Deviations from the paper
-------------------------
Constant 8 inside, valid for every n. It is generous: about 18 times the width needed for n = 4.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.special import betaincinv

from odeflow.experiments import random_network
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit, two_layer_initialisation
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, chain, cite, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import LAMBDA0, PAPER, SYMBOLS

__all__ = ["SAMPLES", "THEOREM", "WIDTH", "binomial_tail", "interval"]

FAILURE = sp.Symbol("P(|H(0) - H_inf| > lambda_0/4)", nonnegative=True)
SAMPLES, WIDTH, RISK = sp.symbols("n m delta", positive=True)


def fails_at_most(probability: sp.Expr) -> Claim:
    """Return the claim P(|H(0) - H_inf| > lambda_0/4) <= probability."""
    return Claim(
        "At initialisation the kernel is within lambda_0/4 of its limit, except with exponentially small probability.",
        sp.Le(FAILURE, probability, evaluate=False),
        ("unit-norm data", "w_r ~ N(0, I) independent, a_r = +-1"),
        {
            FAILURE: "probability over the initial weights",
            SAMPLES: "samples",
            WIDTH: "width",
            LAMBDA0: SYMBOLS[LAMBDA0],
        },
    )


BOUND = 2 * SAMPLES**2 * sp.exp(-WIDTH * LAMBDA0**2 / (8 * SAMPLES**2))
CLAIM = fails_at_most(BOUND)


def derive(claim: Claim) -> Derivation:
    """Combine Hoeffding's inequality with a union bound and the Frobenius norm."""
    deviation = LAMBDA0 / (4 * SAMPLES)
    entry = 2 * sp.exp(-2 * WIDTH * deviation**2)
    hoeffding = cite("Hoeffding (1963): P(|B/m - p| >= s) <= 2 exp(-2 m s^2) for B binomial(m, p)")
    norm = show_equal(
        "n entries of size lambda_0/(4n) in a row: |A| <= n max|A_ij| = lambda_0/4",
        SAMPLES * deviation,
        LAMBDA0 / 4,
        name="bound on |A|",
    )
    enough = (8 * SAMPLES**2 / LAMBDA0**2) * sp.log(2 * SAMPLES**2 / RISK)
    width = show_equal(
        "at m = (8 n^2/lambda_0^2) log(2 n^2/delta) the bound is delta",
        sp.expand(BOUND.subs(WIDTH, enough)),
        RISK,
        name="bound at this m",
    )
    return Derivation(
        (
            assume("H_ij(0) = (G_ij/m) #{r active on both}, a binomial count; |G_ij| <= 1; its mean is H_inf"),
            hoeffding,
            norm,
            infer("union over the n^2 entries", from_=[hoeffding, norm]),
            width,
            chain("put together", claim.formula, SAMPLES**2 * entry, from_=[norm, width]),
        )
    )


def binomial_tail(trials: int, success: Fraction, deviation: Fraction) -> Fraction:
    """Return P(|B/trials - success| > deviation) for a binomial B, exactly."""
    total = Fraction(0)
    for k in range(trials + 1):
        if abs(Fraction(k, trials) - success) > deviation:
            total += comb(trials, k) * success**k * (1 - success) ** (trials - k)
    return total


def interval(failures: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Clopper-Pearson interval of a probability."""
    low = float(betaincinv(failures, trials - failures + 1, 0.025)) if failures else 0.0
    high = float(betaincinv(failures + 1, trials - failures, 0.975)) if failures < trials else 1.0
    return low, high


def failures_of_pairs(width: int, count: int, rng: np.random.Generator) -> int:
    """Count failures over `count` draws for two samples at 60 degrees, from the multinomial law of their gates."""
    counts = rng.multinomial(width, [1 / 3, 1 / 6, 1 / 6, 1 / 3], size=count) / width  # both, one, the other, none
    first, second, cross = (
        counts[:, 0] + counts[:, 1] - 0.5,
        counts[:, 0] + counts[:, 2] - 0.5,
        counts[:, 0] / 2 - 1 / 6,
    )
    middle, half = (first + second) / 2, np.hypot((first - second) / 2, cross)
    return int((np.maximum(abs(middle + half), abs(middle - half)) > 1 / 12).sum())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Estimate the failure rate for two samples; draw networks of four at the explicit width, delta = 0.1."""
    rng = np.random.default_rng(seed)
    count, said, broken, found = 20_000, [], False, list[tuple[float, ...]]()
    for width in (100, 400, 1200):
        failures = failures_of_pairs(width, count, rng)
        low, high = interval(failures, count)
        bound = float(claim.bound({SAMPLES: 2, WIDTH: width, LAMBDA0: 1 / 3}))
        broken |= low > bound
        found.append((width, failures / count, low, high, min(bound, 1.0)))
        said.append(f"m = {width}: [{low:.4f}, {high:.4f}] <= {min(bound, 1.0):.3f}")
    while True:
        case = random_network(4, 3, 1, seed=rng)
        limit = relu_ntk_limit(case.X)
        lambda0 = float(np.linalg.eigvalsh(limit)[0])
        if lambda0 > 0.1:  # keeps the explicit width below 1e5
            break
    enough = int(np.ceil(8 * 16 / lambda0**2 * np.log(2 * 16 / 0.1)))
    missed = 0
    for _ in range(20):
        W, _ = two_layer_initialisation(3, enough, seed=rng)
        missed += bool(np.linalg.norm(relu_ntk(case.X, W) - limit, 2) > lambda0 / 4)
    broken |= interval(missed, 20)[0] > 0.1
    widths, rates, lows, highs, bounds = np.array(found).T
    return Evidence.measured(
        claim,
        f"failures for n = 2: {'; '.join(said)}; n = 4, lambda_0 {lambda0:.3f}, m = {enough}: {missed} of 20",
        contradicted=broken,
        error_bar="95 % Clopper-Pearson intervals, in brackets",
        cases=3 * count + 20,
        seed=seed,
        detail="; ".join(said),
        picture=along(
            widths,
            rates,
            {"claimed bound, at most 1": bounds},
            title="Kernels of two samples fail no more often",
            xlabel="width m",
            ylabel="share of networks that fail",
            interval=np.array([lows, highs]),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """One sample (lambda_0 = 1/2), any width up to 400."""
    return st.integers(1, 400)


def holds(claim: Claim, case: int) -> bool:
    """Compare the bound with the exact law for one sample: |H(0) - H_inf| = |B/m - 1/2|."""
    exact = binomial_tail(case, Fraction(1, 2), Fraction(1, 8))
    return float(exact) <= float(claim.bound({SAMPLES: 1, WIDTH: case, LAMBDA0: 0.5})) * (1 + 1e-12)


FALSE_TWINS = (
    FalseTwin("8 replaced by 1", {"claim": fails_at_most(2 * SAMPLES**2 * sp.exp(-WIDTH * LAMBDA0**2 / SAMPLES**2))}),
    FalseTwin(
        "the square of the width",
        {"claim": fails_at_most(2 * SAMPLES**2 * sp.exp(-(WIDTH**2) * LAMBDA0**2 / (64 * SAMPLES**2)))},
    ),
)

THEOREM = Theorem(
    name="kernel_concentration",
    source=Source(PAPER, "Lemma 3.1", "with an explicit constant"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("kernel_stability", "kernel_stability_printed", "gradient_flow_network"),
)
