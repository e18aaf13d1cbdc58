r"""Section 6 as printed: the noise that is left does not depend on the learning rate. Refuted on two wells.

Assumptions
-----------
f = (w -+ 1)^2/2, N = 2: confusion eta = 1 at the minimiser, A1 and A2 hold; SGD with learning rates 1/10 and 1/5.

Source
------
"Gradient Confusion" (2020), section 6: "the noise term does not depend on the learning rate in the general case. If
gradients have unbounded variance, lowering the learning rate does not reduce the variance of the SGD updates, and thus
does not reduce the noise term".

Idea of the refutation
----------------------
For a fixed number of samples confusion bounds the variance (`variance_for_fixed_samples`), and the true floor is
alpha/(4 - 2 alpha): 1/38 at alpha = 1/10, 1/18 at alpha = 1/5.

Deviations from the paper
-------------------------
The noise terms of the printed bounds of Theorems 3.1 and 3.2 do not vanish with alpha; what is refuted is that the
noise itself does not. Bounds that vanish: `sgd_linear_neighbourhood_pl`, `sgd_stationary_sharper`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, by, equate, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import noise_floor_two_wells as wells
from theory.iclr2020_gradient_confusion._sgd import ALPHA
from theory.iclr2020_gradient_confusion.notation import PAPER

SMALL, LARGE = sp.symbols("floor(1/10) floor(1/5)", positive=True)


def floors(small: sp.Expr) -> Claim:
    """Return the claim floor(1/10) = small, in terms of floor(1/5)."""
    return Claim(
        "The noise that is left at the end does not depend on the learning rate.",
        equate(SMALL, small),
        ("f = (w -+ 1)^2/2", "learning rates 1/10 and 1/5"),
        {SMALL: "limit of E[F(w_T)] - F* at alpha = 1/10", LARGE: "the same at alpha = 1/5"},
    )


CLAIM = floors(LARGE)
CORRECTED = floors(9 * LARGE / 19)


def counterexample(claim: Claim) -> Derivation:
    """Evaluate the exact floor at both learning rates."""
    floor = wells.CLAIM.formula.rhs
    small, large = (floor.subs(ALPHA, sp.Rational(1, k)) for k in (10, 5))
    return Derivation(
        (
            assume("f_1 = (w - 1)^2/2, f_2 = (w + 1)^2/2"),
            by("noise_floor_two_wells", wells.derive(wells.CLAIM), wells.CLAIM.formula),
            show_equal("alpha = 1/10", small, sp.Rational(1, 38)),
            show_equal("alpha = 1/5", large, sp.Rational(1, 18)),
            show_violated("they differ", claim.formula, {SMALL: small, LARGE: large}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Unroll E[w^2] over 400 steps for both learning rates."""
    reached = []
    for alpha in (0.1, 0.2):
        square = 0.0
        for _ in range(400):
            square = (1.0 - alpha) ** 2 * square + alpha**2
        reached.append(square / 2.0)
    gap = abs(reached[0] - float(claim.bound({LARGE: reached[1]})))
    return Evidence.measured(
        claim,
        f"floors {reached[0]:.6f} and {reached[1]:.6f}: off by {gap:.1e}",
        contradicted=gap > 1e-12,
        error_bar="1e-12 (400 steps of the exact recursion)",
        cases=2,
        seed=seed,
    )


FALSE_TWINS = (FalseTwin("proportional to alpha", {"claim": floors(LARGE / 2)}),)

THEOREM = Theorem(
    name="noise_term_printed",
    source=Source(PAPER, "Section 6, noise term", "as printed; the exact floor is noise_floor_two_wells"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("noise_floor_two_wells", "variance_for_fixed_samples", "sgd_linear_neighbourhood_pl"),
)
