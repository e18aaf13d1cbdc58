r"""Theorem 4.1 for sigmoid: Pr[h <= -eta] <= N^2 exp(-c d eta^2/(16 zeta_0^4 (beta+2)^4)) for all widths. Refuted.

Assumptions
-----------
Those of Theorem 4.1: |W_p| <= 1, P1, P2 (sigmoid satisfies both literally), unit-sphere data, |C|, |grad C| <= 1.

Source
------
"Gradient Confusion" (2020), Theorem 4.1 with zeta_0 = 2 sqrt(beta); section 4 names sigmoid among the activations.

Idea of the refutation
----------------------
beta = 1, all weights 0, width l, C(x) = 1/2 + x_1/2. The hidden layer is 1/2 in every entry, g = 1/2, zeta = -x_1/2,
and h = x_{i1} x_{j1} l/256 exactly. No width appears in the bound, but as l grows Pr[h <= -eta] tends to
Pr[x_{i1} x_{j1} < 0] = 1/2. With c = 1/4 and d = 10^6 the bound is 2.3e-5; for another c take d larger.

Deviations from the paper
-------------------------
sigma(0) = 1/2 is what breaks the proof's |H_p| <= 1. With sigma(0) = 0: `confusion_probability`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_probability
from theory.iclr2020_gradient_confusion._layered_nets import SIGMOID, passed
from theory.iclr2020_gradient_confusion._sgd import ETA
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, SAMPLES, uniform_points
from theory.iclr2020_gradient_confusion._steps import clopper_pearson
from theory.iclr2020_gradient_confusion.layer_gradient_printed import AT_ZERO
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

WIDEST = sp.Symbol("sup_l Pr[h <= -eta]", nonnegative=True)
CONSTANT = sp.Symbol("c", positive=True)
LARGE = 10**6
PROVED_BOUND = confusion_probability.CLAIM.formula.rhs


def for_all_widths(factor: sp.Expr) -> Claim:
    """Return the printed claim, its bound times `factor`."""
    zeta = 2 * sp.sqrt(DEPTH)
    bound = SAMPLES**2 * sp.exp(-CONSTANT * DIMENSION * ETA**2 / (16 * zeta**4 * (DEPTH + 2) ** 4))
    return Claim(
        "For sigmoid networks of any width the confusion bound eta is violated with exponentially small probability.",
        sp.Le(WIDEST, factor * bound, evaluate=False),
        ("sigmoid, |W_p| <= 1", "unit-sphere data, |C|, |grad C| <= 1, square loss"),
        {WIDEST: "largest violation probability over all widths l", CONSTANT: "the paper's unspecified constant"},
    )


CLAIM = for_all_widths(sp.Integer(1))
CORRECTED = Claim(
    "For activations that vanish at 0 the bound of `confusion_probability` holds at every width.",
    sp.Implies(sp.Le(AT_ZERO, 0), sp.Le(WIDEST, PROVED_BOUND, evaluate=False), evaluate=False),
    confusion_probability.CLAIM.assumptions,
    {**CLAIM.where, AT_ZERO: "value of the activation at 0"},
)


def counterexample(claim: Claim) -> Derivation:
    """Put all weights to zero."""
    z, width = sp.Symbol("z", real=True), sp.Symbol("l", positive=True)
    first, second = sp.symbols("x_i1 x_j1", real=True)
    logistic = 1 / (1 + sp.exp(-z))
    value, slope = logistic.subs(z, 0), sp.diff(logistic, z).subs(z, 0)
    label = sp.Rational(1, 2) + first / 2
    zetas = [value - label, value - label.subs(first, second)]
    h = zetas[0] * zetas[1] * slope**2 * width * value**2
    at = {
        WIDEST: sp.Rational(1, 2),
        CONSTANT: sp.Rational(1, 4),
        DIMENSION: sp.Integer(LARGE),
        ETA: sp.Integer(1),
        SAMPLES: sp.Integer(2),
        DEPTH: sp.Integer(1),
        AT_ZERO: value,
    }
    return Derivation(
        (
            define("beta = 1, N = 2, W_0 = 0, W_1 = 0, C(x) = 1/2 + x_1/2 (|C| <= 1, |grad C| = 1/2), square loss"),
            show_equal("H_0 = 1/2 in each of l entries, and g = 1/2", value, sp.Rational(1, 2), name="g"),
            show_equal(
                "sigma'(0) = 1/4; g_0 = W_1^T g_1 o sigma' = 0, so only layer 1 counts",
                slope,
                sp.Rational(1, 4),
                name="sigma'(0)",
            ),
            show_equal("zeta = -x_1/2", zetas[0], -first / 2, name="zeta"),
            show_equal(
                "h = zeta zeta~ sigma'(0)^2 |H_0|^2 = x_i1 x_j1 l/256", h, first * second * width / 256, name="h"
            ),
            infer("Pr[h <= -1] = Pr[x_i1 x_j1 <= -256/l] rises to Pr[x_i1 x_j1 < 0] as l grows"),
            infer("which is 1/2: x and its mirror image have one law, and x_1 = 0 has probability 0 (d >= 2)"),
            show_equal(
                "the bound names no width; for every c, at beta = eta = 1, N = 2 and d = 62208/c it is 4 e^{-3}",
                CLAIM.formula.rhs.xreplace({s: v for s, v in at.items() if s not in (CONSTANT, DIMENSION)}).subs(
                    DIMENSION, 62208 / CONSTANT
                ),
                4 * sp.exp(-3),
                name="bound on the probability",
            ),
            show_less("4 e^{-3} < 1/2, and it falls as d grows: no c > 0 will do", 4 * sp.exp(-3), sp.Rational(1, 2)),
            show_violated("for instance c = 1/4, d = 10^6", claim.formula, at),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw h at d = 10^6, l = 512 d from its exact law; check the law on an explicit network of width 64."""
    rng = np.random.default_rng(seed)
    x = uniform_points(6, 4, rng)
    found = passed([np.zeros((64, 4)), np.zeros((1, 64))], x, SIGMOID)
    zeta = found.outputs - 0.5 - x[:, 0] / 2
    law = np.outer(x[:, 0], x[:, 0]) * 64 / 256
    gap = float(np.abs(np.outer(zeta, zeta) * found.kernel() - law).max())
    draws = 200_000
    normal = rng.standard_normal((2, draws))
    first = normal / np.sqrt(normal**2 + rng.chisquare(LARGE - 1, (2, draws)))
    hits = int((first[0] * first[1] * 512 * LARGE / 256 <= -1.0).sum())
    low, high = clopper_pearson(hits, draws)
    values = {CONSTANT: 0.25, DIMENSION: float(LARGE), ETA: 1.0, SAMPLES: 2.0, DEPTH: 1.0}
    bound = float(claim.bound(values))
    return Evidence.measured(
        claim,
        f"d = 10^6, l = 512 d: Pr[h <= -1] in [{low:.4f}, {high:.4f}], bound {bound:.2g} (c = 1/4); "
        f"explicit network against the law {gap:.2g}",
        contradicted=low > bound and gap < 1e-12,
        error_bar="99.9 % Clopper-Pearson limits",
        cases=draws,
        seed=seed,
    )


FALSE_TWINS = (FalseTwin("a thousand times the bound", {"claim": for_all_widths(sp.Integer(1000))}),)

THEOREM = Theorem(
    name="confusion_probability_sigmoid_printed",
    source=Source(PAPER, "Theorem 4.1", "for sigmoid; corrected in confusion_probability"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("confusion_probability", "confusion_probability_relu_printed", "layer_gradient_printed"),
)
