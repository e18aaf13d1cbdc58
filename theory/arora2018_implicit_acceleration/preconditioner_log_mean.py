r"""Infinitely many layers: lambda_rq/N tends to the logarithmic mean of sigma_r^2 and sigma_q^2.

Assumptions
-----------
sigma_r, sigma_q > 0 different; W_e fixed while N grows.

Source
------
Beside Arora, Cohen and Hazan (2018), Claim 1: what the preconditioner becomes with depth.

Idea of the proof
-----------------
In the closed form N (sigma_r^{2/N} - sigma_q^{2/N}) -> 2 ln sigma_r - 2 ln sigma_q: the derivative of x -> sigma^x at
0.

Deviations from the paper
-------------------------
None; the paper does not take this limit. The learning rate must be divided by N for it to be a limit of flows.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import assume as reject
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, by, define, equate, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import preconditioner_closed_form as closed_form
from theory.arora2018_implicit_acceleration.notation import PAPER

LIMIT = sp.Symbol("Lambda_rq", positive=True)
HIGH, LOW = sp.symbols("sigma_r sigma_q", positive=True)


def limit_is(value: sp.Expr) -> Claim:
    """Return the claim that lambda_rq/N -> value."""
    return Claim(
        "As N grows, lambda_rq/N tends to the logarithmic mean of sigma_r^2 and sigma_q^2.",
        equate(LIMIT, value),
        ("sigma_r, sigma_q > 0 differ", "W_e fixed"),
        {LIMIT: "limit of lambda_rq/N", HIGH: "a singular value", LOW: "another singular value"},
    )


CLAIM = limit_is((HIGH**2 - LOW**2) / (2 * sp.log(HIGH) - 2 * sp.log(LOW)))


def derive(claim: Claim) -> Derivation:
    """Take the limit of the closed form."""
    x = sp.Symbol("x", positive=True)
    slope = sp.diff(HIGH ** (2 * x) - LOW ** (2 * x), x).subs(x, 0)
    return Derivation(
        (
            by("preconditioner_closed_form", closed_form.derive(closed_form.CLAIM), closed_form.CLAIM.formula),
            define(
                "x = 1/N: N (sigma_r^{2/N} - sigma_q^{2/N}) is a difference quotient of sigma_r^{2x} - sigma_q^{2x}"
            ),
            show_equal("which vanishes at x = 0", sp.Subs(HIGH ** (2 * x) - LOW ** (2 * x), x, 0), sp.Integer(0)),
            show_equal(
                "its limit, by series, is the derivative there",
                sp.Limit((HIGH ** (2 * x) - LOW ** (2 * x)) / x, x, 0),
                slope,
            ),
            show_with("divide", claim.formula, {LIMIT: (HIGH**2 - LOW**2) / slope}),
        )
    )


def gap(claim: Claim, high: float, low: float, depth: int) -> float:
    """Return |lambda_rq/N over the claim - 1| at depth N, the eigenvalue summed layer by layer."""
    j = np.arange(1, depth + 1)
    total = np.sum(high ** (2.0 * (depth - j) / depth) * low ** (2.0 * (j - 1) / depth))
    return abs(float(total) / depth / float(claim.bound({HIGH: high, LOW: low})) - 1.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Sum 1000 and 100,000 layers: the departure from the claim must fall with 1/N."""
    rng = np.random.default_rng(seed)
    pairs = [tuple(np.exp(rng.uniform(-2.0, 2.0, 2))) for _ in range(8)]
    far = max(gap(claim, float(a), float(b), 1000) for a, b in pairs)
    near = max(gap(claim, float(a), float(b), 100_000) for a, b in pairs)
    return Evidence.measured(
        claim,
        f"relative departure {far:.2g} at N = 1000, {near:.2g} at N = 100,000",
        contradicted=near > 0.02 * far + 1e-12,
        error_bar=f"{0.02 * far:.2g} (twice a hundredth of the departure at a hundredth of the depth)",
        cases=len(pairs),
        seed=seed,
        picture=along(
            (1e3, 1e5),
            (far, near),
            {"falls with 1/N": (far, 0.01 * far)},
            title="Eigenvalues over N tend to the logarithmic mean",
            xlabel="depth N",
            ylabel="largest relative departure",
            xscale="log",
            yscale="log",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float]]:
    """Two singular values in [1/8, 8], apart."""
    return st.tuples(st.floats(0.125, 8.0), st.floats(0.125, 8.0))


def holds(claim: Claim, case: tuple[float, float]) -> bool:
    """Compare with 4096 layers: a Riemann sum of a monotone function, off by at most its variation/N.

    The sum carries a further factor sigma_r^{-2/N}, within 5/N of 1 on this domain.
    """
    high, low = case
    reject(abs(high / low - 1.0) > 1e-3)
    ratio = max(case) / min(case)
    return gap(claim, high, low, 4096) < (ratio**2 + 5.0) / 4096


FALSE_TWINS = (
    FalseTwin("logarithmic mean of sigma_r and sigma_q", {"claim": limit_is((HIGH - LOW) / sp.log(HIGH / LOW))}),
    FalseTwin("geometric mean", {"claim": limit_is(HIGH * LOW), "derive": None}),
)

THEOREM = Theorem(
    name="preconditioner_log_mean",
    source=Source(PAPER, "Claim 1", "the limit of infinite depth, added"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_closed_form",),
)
