r"""Theorem 4.2, part 2: for random data any eta > 0 is violated with probability tending to 0 with the width. Refuted.

Assumptions
-----------
Strategy 4.1 with kappa = 1; x_i independent, uniform on the unit sphere of R^d, d fixed; beta = 1, identity, C = 1,
square loss.

Source
------
"Gradient Confusion" (2020), Theorem 4.2, part 2.

Idea of the refutation
----------------------
S = <x, x'>|W_1|^2 + <W_0 x, W_0 x'>, and S/l -> <x, x'>/d: where <x, x'> < 0, S -> -infinity. E g^2 = 1/d at every
width, so zeta zeta' > 0 except with probability 2/d. With d = 20 the limit is at least 1/2 - 1/10, for every eta.

Deviations from the paper
-------------------------
The data carry d dimensions of randomness only: no bound can vanish with l at fixed d. The exact mean of S is
`initial_kernel_mean`; what improves with the width is the cosine (`initial_cosines`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, by, cite, define, infer, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import initial_kernel_mean
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, uniform_points
from theory.iclr2020_gradient_confusion._steps import clopper_pearson
from theory.iclr2020_gradient_confusion.initial_kernel_mean import DEPTH, MEAN, PRODUCT
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA, WIDTH

LIMIT = sp.Symbol("liminf_l Pr[h <= -eta]", nonnegative=True)
FEATURES = 20


def limit_at_most(value: sp.Expr) -> Claim:
    """Return the claim that the violation probability of any eta has a limit of at most `value`."""
    return Claim(
        "For data on a sphere the probability that eta > 0 is violated at initialisation tends to 0 with the width.",
        sp.Le(LIMIT, value, evaluate=False),
        ("Strategy 4.1, kappa = 1, beta = 1", "x_i uniform on the unit sphere of R^20", "any fixed eta > 0"),
        {LIMIT: "lower limit of the probability that <grad f_1, grad f_2> <= -eta"},
    )


CLAIM = limit_at_most(sp.Integer(0))


def counterexample(claim: Claim) -> Derivation:
    """Let the width grow at fixed d."""
    d, margin = DIMENSION, sp.Symbol("m", positive=True)
    variance = WIDTH * (1 / d) * (1 / WIDTH)  # l terms: (W_1)_j^2 (W_0 x)_j^2
    exact = initial_kernel_mean.CLAIM
    mean = WIDTH * PRODUCT * (1 / WIDTH) + WIDTH * PRODUCT / d  # E|W_1|^2 <x,x'> + E<W_0 x, W_0 x'>
    missed = 2 * variance / (1 - margin) ** 2
    least = (sp.Rational(1, 2) - sp.limit(missed, margin, 0)).subs(d, FEATURES)
    return Derivation(
        (
            define("identity, beta = 1, kappa = 1, C = 1; zeta = g - 1; S = <x,x'>|W_1|^2 + <W_0 x, W_0 x'>"),
            by("initial_kernel_mean", initial_kernel_mean.derive(exact), exact.formula),
            show_equal("E g^2 = l (1/l) (1/d) at every width", variance, 1 / d, name="E g^2"),
            infer("Markov: Pr[|g| >= 1 - m] <= 1/(d (1-m)^2); else zeta <= -m, and zeta zeta' >= m^2 for both"),
            cite("weak law of large numbers"),
            infer("given x, x': |W_1|^2 -> 1 and <W_0 x, W_0 x'>/l -> <x, x'>/d, so S -> -infinity where <x, x'> < 0"),
            infer("Pr[<x, x'> < 0] = 1/2, by the symmetry of x'"),
            show_equal(
                "the limit is at least 1/2 - 2/(d (1-m)^2) for every m > 0; d = 20, m -> 0",
                least,
                sp.Rational(2, 5),
                name="limit of the bound",
            ),
            show_violated("so", claim.formula, {LIMIT: least, MEAN: mean, KAPPA: sp.Integer(1), DEPTH: sp.Integer(1)}),
        )
    )


def rate(width: int, count: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the observed rate of h <= -1/2, S and g from the law of (W_0 x, W_0 x')."""
    x, y = uniform_points(count, FEATURES, rng), uniform_points(count, FEATURES, rng)
    product = np.einsum("ij,ij->i", x, y)
    first, other = rng.standard_normal((2, count, width)) / np.sqrt(FEATURES)
    second = product[:, None] * first + np.sqrt(1.0 - product**2)[:, None] * other
    last = rng.standard_normal((count, width)) / np.sqrt(width)
    zetas = ((last * first).sum(1) - 1.0) * ((last * second).sum(1) - 1.0)
    hits = int((zetas * (product * (last**2).sum(1) + (first * second).sum(1)) <= -0.5).sum())
    return (hits / count, *clopper_pearson(hits, count))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the rate at widths 20, 200 and 2000."""
    rng = np.random.default_rng(seed)
    rates = {width: rate(width, 1000, rng) for width in (20, 200, 2000)}
    return Evidence.measured(
        claim,
        "; ".join(f"l = {w}: {p:.3f} [{low:.3f}, {high:.3f}]" for w, (p, low, high) in rates.items()),
        contradicted=rates[2000][1] > max(float(claim.formula.rhs), rates[20][2]),
        error_bar="99.9 % Clopper-Pearson limits; finite widths, eta = 1/2",
        cases=3000,
        seed=seed,
        picture=along(
            list(rates),
            [p for p, _, _ in rates.values()],
            float(claim.formula.rhs),
            title="The rate does not vanish with the width",
            xlabel="width l",
            ylabel="Pr[h <= -1/2]",
            xscale="log",
            interval=([low for _, low, _ in rates.values()], [high for _, _, high in rates.values()]),
        ),
    )


FALSE_TWINS = (FalseTwin("the limit is at most 1/4", {"claim": limit_at_most(sp.Rational(1, 4))}),)

THEOREM = Theorem(
    name="initial_confusion_random_data_printed",
    source=Source(PAPER, "Theorem 4.2, part 2", "as printed, at kappa = 1, d fixed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=initial_kernel_mean.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("initial_kernel_mean", "initial_confusion_data_printed", "initial_cosines"),
)
