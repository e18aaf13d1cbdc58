r"""Section 6, counterexample: gradients 1 and 1/eps without confusion, bounded mean 2 - eps, variance of order 1/eps.

Assumptions
-----------
A share 1 - p of the samples has the gradient 1, a share p the gradient 1/eps, p = eps, 0 < eps < 1.

Source
------
"Gradient Confusion" (2020), section 6: 1 - p samples with gradient 1, p with gradient 1/eps, p = eps -> 0.

Idea of the proof
-----------------
Two moments of a distribution with two values.

Deviations from the paper
-------------------------
The gradients and the mean are printed with lost fractions; rebuilt. N must be at least 1/eps, so for a fixed number of
samples the example ends: `variance_for_fixed_samples`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.confusion import confusion_of_gradients
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_less, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._gradient_sets import ROUNDING, VARIANCE
from theory.iclr2020_gradient_confusion.notation import PAPER

EPS = sp.Symbol("epsilon", positive=True)


def variance_is(value: sp.Expr) -> Claim:
    """Return the claim that the variance of the example is `value`."""
    return Claim(
        "Gradients 1 (share 1 - eps) and 1/eps (share eps) have no confusion but variance 1/eps - 3 + 3 eps - eps^2.",
        equate(VARIANCE, value),
        ("0 < eps < 1", "the mean is 2 - eps, all inner products are positive"),
        {VARIANCE: "variance of the gradients", EPS: "share of the large gradients"},
    )


CLAIM = variance_is(1 / EPS - 3 + 3 * EPS - EPS**2)


def derive(claim: Claim) -> Derivation:
    """Compute two moments and a limit."""
    large = 1 / EPS
    mean = (1 - EPS) * 1 + EPS * large
    variance = (1 - EPS) * (1 - mean) ** 2 + EPS * (large - mean) ** 2
    return Derivation(
        (
            define("P(g = 1) = 1 - eps, P(g = 1/eps) = eps"),
            show_less("all products 1, 1/eps, 1/eps^2 are positive: eta = 0", sp.Integer(0), 1 + large + large**2),
            show_equal("the mean is 2 - eps, bounded", mean, 2 - EPS, name="mean"),
            show_equal(
                "eps times the variance tends to 1",
                sp.limit(sp.expand(EPS * variance), EPS, 0),
                sp.Integer(1),
                name="limit of eps times the variance",
            ),
            infer("so the variance is of order 1/eps while eta = 0 and the mean stays bounded"),
            show_with("the variance", claim.formula, {VARIANCE: variance}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute the variance of N = 1/eps samples exactly as shares, and their confusion with the library."""
    worst, largest, seen = 0.0, 0.0, []
    for count in (2, 5, 10, 40, 200):
        gradients = np.array([[1.0]] * (count - 1) + [[float(count)]])
        found = confusion_of_gradients(gradients)
        claimed = float(claim.bound({EPS: 1.0 / count}))
        worst, largest = max(worst, abs(found.variance - claimed) / count), max(largest, found.bound)
        seen.append((count, found.variance, claimed))
    counts, variances, claims = zip(*seen, strict=True)
    return Evidence.measured(
        claim,
        f"variance of N = 2 to 200 samples off by {worst:.2g} of N; largest confusion bound {largest:g}",
        contradicted=worst > ROUNDING or largest > 0.0,
        error_bar=f"{ROUNDING} (rounding)",
        cases=5,
        seed=seed,
        picture=along(
            counts,
            variances,
            claims,
            title="The variance grows without bound, without confusion",
            xlabel="samples N = 1/eps",
            ylabel="variance",
            xscale="log",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("bounded", {"claim": variance_is(3 - 3 * EPS + EPS**2)}),
    FalseTwin("1/eps^2", {"claim": variance_is(1 / EPS**2 - 3 + 3 * EPS - EPS**2)}),
)

THEOREM = Theorem(
    name="unbounded_variance",
    source=Source(PAPER, "Section 6, counterexample", "fractions rebuilt"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("variance_for_fixed_samples", "confusion_from_gradient_variance"),
)
