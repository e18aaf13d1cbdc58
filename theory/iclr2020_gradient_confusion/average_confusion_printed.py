r"""Section 2 as printed: Theorem 3.1 with the average over all pairs, i = j included, for the worst pair. Refuted.

Assumptions
-----------
The hypotheses of Theorem 3.1 with sum_{i,j} <g_i, g_j>/N^2 >= -eta (i = j included) in place of confusion eta.

Source
------
"Gradient Confusion" (2020), section 2, remarks after Definition 2.1: "all the results in our paper can be trivially
extended to using a bound on the average gradient inner product: sum_{i,j=1}^N <g_i, g_j>/N^2 >= -eta".

Idea of the refutation
----------------------
That average is |grad F|^2 >= 0, so eta = 0 always qualifies and Theorem 3.1 would have no noise floor. The two wells
(w -+ 1)^2/2 have the floor alpha/(4 - 2 alpha).

Deviations from the paper
-------------------------
With i != j the extension is right: `average_confusion`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, infer, show_equal, show_value, show_violated
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import noise_floor_two_wells as wells
from theory.iclr2020_gradient_confusion._sgd import ALPHA, ETA, MU, SAMPLES, SMOOTH, SYMBOLS
from theory.iclr2020_gradient_confusion.noise_floor_two_wells import FLOOR
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.sgd_linear_neighbourhood import RHO

AVERAGE = sp.Symbol("eta_all", nonnegative=True)
DIFFERENT = sp.Symbol("eta_different", nonnegative=True)
STEP = sp.Rational(3, 10)


def floor_at_most(bound: sp.Expr, which: str) -> Claim:
    """Return the claim lim E[F(w_T)] - F* <= bound, with eta a bound on an average."""
    return Claim(
        f"The neighbourhood of Theorem 3.1 is governed by the average inner product over {which}.",
        sp.Le(FLOOR, bound, evaluate=False),
        ("A1 and A2 for every f_i", "alpha < 2/(N L)", f"average over {which} at least -eta along the path"),
        {
            FLOOR: "limit of the expected suboptimality",
            AVERAGE: "bound on the average over all pairs, i = j included",
            DIFFERENT: "bound on the average over i != j",
            **{s: SYMBOLS[s] for s in (ALPHA, MU, SMOOTH, SAMPLES)},
        },
    )


CLAIM = floor_at_most(ALPHA * AVERAGE / (1 - RHO), "all pairs")
CORRECTED = floor_at_most(ALPHA * (SAMPLES - 1) * DIFFERENT / (SAMPLES * (1 - RHO)), "pairs i != j")


def counterexample(claim: Claim) -> Derivation:
    """Two wells at alpha = 3/10."""
    a, b, w = Vector.base("g_1"), Vector.base("g_2"), sp.Symbol("w", real=True)
    first, second = sp.diff((w - 1) ** 2 / 2, w), sp.diff((w + 1) ** 2 / 2, w)
    floor = wells.CLAIM.formula.rhs.xreplace({ALPHA: STEP})
    at = {
        FLOOR: floor,
        ALPHA: STEP,
        AVERAGE: sp.Integer(0),
        DIFFERENT: sp.Integer(1),
        SAMPLES: sp.Integer(2),
        SMOOTH: sp.Integer(1),
        MU: sp.Integer(1),
        ETA: sp.Integer(1),
    }
    return Derivation(
        (
            assume("f_1 = (w - 1)^2/2, f_2 = (w + 1)^2/2: N = 2, L = mu = 1, A1 and A2 hold; alpha = 3/10 < 2/(N L)"),
            show_equal(
                "the average over all pairs is |grad F|^2",
                (norm2(a) + norm2(b) + 2 * inner(a, b)) / 4,
                norm2((a + b) / 2),
                name="average over all pairs",
            ),
            infer("which is >= 0, so eta = 0 is a bound along every path"),
            show_equal(
                "over i != j it is w^2 - 1, at least -1",
                sp.expand(first * second),
                w**2 - 1,
                name="product of the gradients for i != j",
            ),
            by("noise_floor_two_wells", wells.derive(wells.CLAIM), wells.CLAIM.formula),
            show_value("the floor at alpha = 3/10", floor, sp.Rational(3, 34)),
            show_violated("against the printed bound", claim.formula, at),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Unroll E[w^2] over 200 steps of SGD on the two wells for three learning rates."""
    found = []
    for alpha in (0.1, 0.3, 0.5):
        square = 0.0
        for _ in range(200):
            square = (1.0 - alpha) ** 2 * square + alpha**2
        values = {ALPHA: alpha, AVERAGE: 0.0, DIFFERENT: 1.0, SAMPLES: 2.0, SMOOTH: 1.0, MU: 1.0}
        needed = {s: v for s, v in values.items() if s in claim.formula.rhs.free_symbols}
        found.append((alpha, square / 2.0, float(claim.bound(needed))))
    worst = max(seen - bound for _, seen, bound in found)
    rates, gaps, bounds = zip(*found, strict=True)
    return Evidence.measured(
        claim,
        f"E[F] - F* exceeds the bound by up to {worst:.4f}",
        contradicted=worst > 1e-9,
        error_bar="1e-9 (200 steps of the exact recursion)",
        cases=3,
        seed=seed,
        picture=along(
            rates, gaps, bounds, title="The floor is above the printed bound", xlabel="alpha", ylabel="E[F(w_200)] - F*"
        ),
    )


FALSE_TWINS = (
    FalseTwin(
        "a fiftieth of the bound over i != j",
        {"claim": floor_at_most(ALPHA * DIFFERENT / (100 * (1 - RHO)), "pairs i != j")},
    ),
)

THEOREM = Theorem(
    name="average_confusion_printed",
    source=Source(PAPER, "Section 2, average inner product", "as printed; corrected in average_confusion"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("average_confusion", "noise_floor_two_wells", "sgd_linear_neighbourhood"),
)
