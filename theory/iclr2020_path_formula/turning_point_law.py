r"""Appendix E's test, exactly: the number of turning points has mean 2 (n - 2)/3 and variance (16 n - 29)/90.

Assumptions
-----------
x_1, ..., x_n exchangeable without ties: all orders equally likely; n >= 4 (three overlapping places need n >= 5, and
the formula holds for n = 4, too).

Source
------
Path formula paper (ICLR 2020), Appendix E, which uses the test without its moments; Kendall and Stuart (1976).

Idea of the proof
-----------------
Count orders: of 3 values 4 of 6 turn; of 4 values 10 of 24 turn twice; of 5 values 54 of 120 turn at the first and the
third place. Places further apart are independent. Add up variances and covariances.

Deviations from the paper
-------------------------
Exchangeable is enough; independence is neither used nor tested (`turning_points_show_iid_printed`).
"""

from __future__ import annotations

import itertools

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.randomness import count_turning_points, turning_point_counts
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "THEOREM", "share_of_orders"]

MEAN, VARIANCE = sp.symbols("E[T] Var[T]", nonnegative=True)
SIZE = sp.Symbol("n", positive=True, integer=True)
DRAWS = 2000


def moments_are(mean: sp.Expr, variance: sp.Expr) -> Claim:
    """Return the claim about mean and variance of the number of turning points."""
    return Claim(
        "The number of turning points of n exchangeable values has mean 2(n-2)/3 and variance (16n-29)/90.",
        sp.And(equate(MEAN, mean), equate(VARIANCE, variance), evaluate=False),
        ("all orders of x_1, ..., x_n equally likely", "n >= 4"),
        {MEAN: "expected number of turning points", VARIANCE: "its variance", SIZE: "number of values"},
    )


CLAIM = moments_are(2 * (SIZE - 2) / 3, (16 * SIZE - 29) / sp.Integer(90))


def share_of_orders(size: int, places: tuple[int, ...]) -> sp.Expr:
    """Return the share of the orders of `size` values that turn at all the places (middle positions, from 1)."""

    def turns(order: tuple[int, ...], place: int) -> bool:
        return (order[place] > order[place - 1]) != (order[place + 1] > order[place])

    orders = list(itertools.permutations(range(size)))
    return sp.Rational(sum(all(turns(order, p) for p in places) for order in orders), len(orders))


def derive(claim: Claim) -> Derivation:
    """Enumerate 3, 4 and 5 values and add up."""
    single, twice, apart = share_of_orders(3, (1,)), share_of_orders(4, (1, 2)), share_of_orders(5, (1, 3))
    places = SIZE - 2
    mean = places * single
    variance = (
        places * (single - single**2) + 2 * (places - 1) * (twice - single**2) + 2 * (places - 2) * (apart - single**2)
    )
    steps = [
        assume("all n! orders equally likely"),
        show_equal(
            "a place turns in 4 of the 6 orders of its 3 values",
            single,
            sp.Rational(2, 3),
            name="probability of a turn",
        ),
        show_equal("neighbouring places both turn in 10 of 24", twice, sp.Rational(5, 12), name="probability of both"),
        show_equal("places two apart both turn in 54 of 120", apart, sp.Rational(9, 20), name="probability of both"),
        infer("places three or more apart share no value: the orders of disjoint groups are independent"),
        infer("n - 2 places, n - 3 neighbouring pairs, n - 4 pairs two apart"),
    ]
    values = {MEAN: mean, VARIANCE: variance}
    return Derivation((*steps, show_with("add up", claim.formula, values)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count turning points of random sequences of 50 normal values with a common random scale."""
    rng = np.random.default_rng(seed)
    n = 50
    counts = np.array(
        [count_turning_points(row) for row in rng.standard_cauchy((DRAWS, 1)) * rng.standard_normal((DRAWS, n))]
    )
    parts = {part.lhs: float(part.rhs.xreplace({SIZE: sp.Integer(n)})) for part in claim.formula.args}
    deviation = np.sqrt(max(parts[VARIANCE], 1e-12))
    mean_off = abs(counts.mean() - parts[MEAN]) / (deviation / np.sqrt(DRAWS))
    variance_off = abs(counts.var(ddof=1) / max(parts[VARIANCE], 1e-12) - 1.0) / np.sqrt(2.0 / DRAWS)
    seen = np.arange(counts.min(), counts.max() + 1)
    shares = np.bincount(counts - counts.min()) / DRAWS
    return Evidence.measured(
        claim,
        f"n = {n}: mean {counts.mean():.3f}, variance {counts.var(ddof=1):.3f}: off by {mean_off:.2g} and "
        f"{variance_off:.2g} standard errors",
        contradicted=bool(max(mean_off, variance_off) > 5.0),
        error_bar="standard errors of normal theory",
        cases=DRAWS,
        seed=seed,
        picture=along(
            seen,
            shares,
            {
                "claimed moments": np.exp(-(((seen - parts[MEAN]) / deviation) ** 2) / 2)
                / (deviation * np.sqrt(2 * np.pi))
            },
            title="Turning points scatter as claimed",
            xlabel=f"turning points of {n} values",
            ylabel=f"share of {DRAWS} sequences",
        ),
    )


def domain() -> st.SearchStrategy[int]:
    """Lengths."""
    return st.integers(4, 60)


def holds(claim: Claim, case: int) -> bool:
    """Compare with the exact distribution by Andre's recurrence, in rationals."""
    counts = turning_point_counts(case)
    total = sp.Integer(sum(counts))
    mean = sp.Integer(sum(k * c for k, c in enumerate(counts))) / total
    variance = sp.Integer(sum(k * k * c for k, c in enumerate(counts))) / total - mean**2
    return all(
        part.rhs.xreplace({SIZE: sp.Integer(case)}) == {MEAN: mean, VARIANCE: variance}[part.lhs]
        for part in claim.formula.args
    )


FALSE_TWINS = (
    FalseTwin("independent places", {"claim": moments_are(2 * (SIZE - 2) / 3, 2 * (SIZE - 2) / sp.Integer(9))}),
    FalseTwin("2n/3", {"claim": moments_are(2 * SIZE / 3, (16 * SIZE - 29) / sp.Integer(90))}),
)

THEOREM = Theorem(
    name="turning_point_law",
    source=Source(PAPER, "Appendix E, turning points; Figure 9", "the moments of the test"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("turning_points_show_iid_printed",),
)
