r"""Appendix E: "The Turning Point Test is commonly used to check iid-ness". Refuted: dependent values pass it.

Assumptions
-----------
The inference of Appendix E is read as: values that are not independent turn with another frequency than independent
ones, so that a p-value far from rejection speaks for iid weights.

Source
------
Path formula paper (ICLR 2020), Appendix E and Figure 9: p-values of 0.3 to 0.9 are taken to justify iid weights.

Idea of the refutation
----------------------
x_i = S g_i with one random scale S (1 or 2) for all: x_i^2 and x_j^2 have the covariance 9/4, yet multiplying by S > 0
changes no order, so the count of turning points keeps its law, place by place and jointly. The same is true of any
exchangeable sequence.

Deviations from the paper
-------------------------
What the test can see is serial order, for instance an autoregression; after little movement it must pass.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.randomness import turning_points
from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import turning_point_law
from theory.iclr2020_path_formula.expected_kernel import gaussian_mean
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.turning_point_law import share_of_orders

DEPENDENT, INDEPENDENT = sp.symbols("P_dep P_iid", nonnegative=True)
DRAWS, LENGTH = 2000, 100


def shares(formula: sp.Basic) -> Claim:
    """Return a claim about the probability that a place turns."""
    return Claim(
        "Values that are not independent turn with another frequency than iid ones: passing the test shows iid.",
        formula,
        ("x_i = S g_i, g_i iid normal, S one random scale for all i",),
        {DEPENDENT: "probability that a place turns, dependent", INDEPENDENT: "the same, iid"},
    )


CLAIM = shares(sp.Gt((DEPENDENT - INDEPENDENT) ** 2, 0, evaluate=False))
CORRECTED = shares(equate(DEPENDENT, INDEPENDENT))


def counterexample(claim: Claim) -> Derivation:
    """Give all values a common random scale."""
    law = turning_point_law
    g = sp.Symbol("g", real=True)
    second = gaussian_mean(g**2, g, sp.S.One)
    scales = (sp.S.One, sp.Integer(2))
    square, fourth = (sum(s**k for s in scales) / 2 for k in (2, 4))
    share = share_of_orders(3, (1,))
    return Derivation(
        (
            assume("x_i = S g_i, S = 1 or 2 with probability 1/2 each, g_i iid N(0, 1)"),
            show_equal(
                "Cov(x_1^2, x_2^2) = E S^4 - (E S^2)^2: not independent",
                (fourth - square**2) * second**2,
                sp.Rational(9, 4),
                name="Cov(x_1^2, x_2^2)",
            ),
            by("turning_point_law", law.derive(law.CLAIM), law.CLAIM.formula),
            infer("for S > 0 the order of S g is that of g: all orders stay equally likely, at every length"),
            show_equal("a place turns with probability", share, sp.Rational(2, 3), name="probability of a turn"),
            show_violated("both sequences", claim.formula, {DEPENDENT: share, INDEPENDENT: share}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Count turning points of the same draws with and without a common random scale; how often does the test reject?"""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((DRAWS, LENGTH))
    scaled = rng.choice([1.0, 2.0, 20.0], (DRAWS, 1)) * values
    places = DRAWS * (LENGTH - 2)
    turning = [int((np.diff(np.diff(rows, axis=1) > 0, axis=1)).sum()) for rows in (scaled, values)]
    rejected = float(np.mean([turning_points(row).rejects for row in scaled[:200]]))
    shares_found = dict(zip((DEPENDENT, INDEPENDENT), (sp.Rational(t, places) for t in turning), strict=True))
    return Evidence.measured(
        claim,
        f"{turning[0]} turning points with the scale, {turning[1]} without, of {places} places; with the scale "
        f"the test rejects {100 * rejected:.1f} % at level 5 %",
        contradicted=not bool(claim.formula.xreplace(shares_found)),
        error_bar="none: the same draws with and without the scale",
        cases=DRAWS,
        seed=seed,
    )


FALSE_TWINS = (
    FalseTwin("at most half as often", {"claim": shares(sp.Le(DEPENDENT, INDEPENDENT / 2, evaluate=False))}),
)

THEOREM = Theorem(
    name="turning_points_show_iid_printed",
    source=Source(PAPER, "Appendix E; Figure 9", "as printed; what the test measures is turning_point_law"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("turning_point_law", "weights_stay_near_start"),
)
