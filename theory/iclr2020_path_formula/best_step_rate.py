r"""At the best step size the factor per step is (l_n - l_1)/(l_n + l_1): the scale of the kernel drops out.

Assumptions
-----------
Gradient descent with a frozen kernel H > 0, extreme eigenvalues l_1 <= l_n; factor max_i |1 - eta l_i| per step.

Source
------
Beside the path formula paper (ICLR 2020), Proposition 6.1: width at a step size chosen for each width.

Idea of the proof
-----------------
Attained at eta = 2/(l_1 + l_n). For every eta the two extreme factors have the weighted mean
[l_n (1 - eta l_1) + l_1 (eta l_n - 1)]/(l_n + l_1), the same number: one of them is at least that.

Deviations from the paper
-------------------------
The paper keeps the step size fixed. H_m grows like m, and so does its largest eigenvalue: a fixed step diverges beyond
some width, and at the best step nothing is gained once H_m/m has settled (`best_step_rate_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_equal, show_less, show_with
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["BEST", "CLAIM", "LARGEST", "LEAST", "THEOREM"]

BEST = sp.Symbol("rho", nonnegative=True)
LEAST, LARGEST = sp.symbols("l_1 l_n", positive=True)


def best_is(value: sp.Expr) -> Claim:
    """Return the claim that the best factor per step is `value`."""
    return Claim(
        "The best factor per step of gradient descent is (l_n - l_1)/(l_n + l_1), whatever the scale of H.",
        equate(BEST, value),
        ("gradient descent, frozen kernel H > 0",),
        {BEST: "min over eta of max |1 - eta l_i|", LEAST: "smallest eigenvalue", LARGEST: "largest eigenvalue"},
    )


CLAIM = best_is((LARGEST - LEAST) / (LARGEST + LEAST))


def derive(claim: Claim) -> Derivation:
    """Attain the factor and bound it from below; scale the kernel."""
    eta, scale, gap = sp.symbols("eta m gap", positive=True)
    star = 2 / (LEAST + LARGEST)
    value = (LARGEST - LEAST) / (LARGEST + LEAST)
    mean = (LARGEST * (1 - eta * LEAST) + LEAST * (eta * LARGEST - 1)) / (LARGEST + LEAST)
    inner_eigenvalue = sp.Symbol("l", positive=True)
    return Derivation(
        (
            assume("0 < l_1 <= ... <= l_n"),
            show_equal("at eta* = 2/(l_1 + l_n) the slowest mode", 1 - star * LEAST, value),
            show_equal("and the fastest", star * LARGEST - 1, value),
            show_less(
                "those between are no worse (l_1 <= l = l_1 + gap)",
                (1 - star * inner_eigenvalue).xreplace({inner_eigenvalue: LEAST + gap}),
                1 - star * LEAST,
            ),
            show_less("nor on the other side (l = l_n - gap)", star * (LARGEST - gap) - 1, star * LARGEST - 1),
            show_equal("any eta: weighted mean of 1 - eta l_1 and eta l_n - 1", mean, value),
            infer("a weighted mean is at most the larger of the two: no eta is better"),
            show_equal(
                "m H has the same factor", value.xreplace({LEAST: scale * LEAST, LARGEST: scale * LARGEST}), value
            ),
            show_with(
                "so, for l_n = l_1 + gap",
                claim.formula,
                {BEST: value.xreplace({LARGEST: LEAST + gap}), LARGEST: LEAST + gap},
            ),
        )
    )


def domain() -> st.SearchStrategy[tuple[float, float, float]]:
    """Extreme eigenvalues and a scale."""
    return st.tuples(st.floats(0.1, 5.0), st.floats(1.0, 20.0), st.floats(0.1, 10.0)).map(
        lambda c: (c[2] * c[0], c[2] * c[0] * c[1], c[2])
    )


def holds(claim: Claim, case: tuple[float, float, float]) -> bool:
    """Search the best step on a fine grid around 2/(l_1 + l_n) and beyond."""
    low, high, _ = case
    steps = np.linspace(0.0, 2.0 / high, 20_001)[1:]
    found = float(np.maximum(np.abs(1.0 - steps * low), np.abs(1.0 - steps * high)).min())
    return bool(abs(found - float(claim.bound({LEAST: low, LARGEST: high}))) < 2.0 * steps[0] * high)


FALSE_TWINS = (
    FalseTwin("1 - l_1/l_n", {"claim": best_is(1 - LEAST / LARGEST)}),
    FalseTwin("1/l_n, not scale free", {"claim": best_is((LARGEST - LEAST) / (LARGEST + LEAST) ** 2)}),
)

THEOREM = Theorem(
    name="best_step_rate",
    source=Source(PAPER, "Proposition 6.1, step size", "the law at the best step"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("best_step_rate_printed",),
)
