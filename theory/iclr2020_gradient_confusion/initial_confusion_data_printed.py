r"""Theorem 4.2, part 1: any eta > 4 is violated with probability tending to 0 with the width. Refuted: it tends to 1.

Assumptions
-----------
Strategy 4.1 with kappa = 1 and l = d; fixed data with |x_i| <= 1; identity activation (P1, P2 hold), C = 1, square
loss.

Source
------
"Gradient Confusion" (2020), Theorem 4.2, part 1: probability of the bound at least
1 - beta exp(-c_1 kappa^2 l^2) - N^2 exp(...), which tends to 1 with l for every eta > 4.

Idea of the refutation
----------------------
x_2 = -x_1, |x_1| = 1, beta = 5, eta = 9/2. h = -(1 - g^2) K with E K = 6, and K is a sum of six products of five
independent chi^2_l/l: its standard deviation is at most 6 sqrt((1 + 2/l)^5 - 1). E g^2 = 1/l. So h -> -6.

Deviations from the paper
-------------------------
No law of large numbers is needed, Chebyshev's inequality does. What holds: the mean in `initial_kernel_mean`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import initial_kernel_mean
from theory.iclr2020_gradient_confusion._layered_nets import IDENTITY, passed
from theory.iclr2020_gradient_confusion._spheres import DIMENSION
from theory.iclr2020_gradient_confusion._steps import clopper_pearson
from theory.iclr2020_gradient_confusion.initial_kernel_mean import DEPTH, MEAN, PRODUCT
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.operator_norm import KAPPA, WIDTH

LIMIT = sp.Symbol("lim_l Pr[h <= -9/2]", nonnegative=True)


def limit_at_most(value: sp.Expr) -> Claim:
    """Return the claim that the violation probability of eta = 9/2 has a limit of at most `value`."""
    return Claim(
        "For any data in the unit ball the probability that eta = 9/2 is violated at initialisation tends to 0 with l.",
        sp.Le(LIMIT, value, evaluate=False),
        ("Strategy 4.1, kappa = 1, l = d, beta = 5", "|x_i| <= 1, P1 and P2, square loss, |C| <= 1"),
        {LIMIT: "limit of the probability that <grad f_1, grad f_2> <= -9/2"},
    )


CLAIM = limit_at_most(sp.Integer(0))


def counterexample(claim: Claim) -> Derivation:
    """Take x and -x."""
    t, g = sp.Symbol("t", real=True), sp.Symbol("g", real=True)
    second = sp.diff((1 - 2 * t) ** (-WIDTH / sp.Integer(2)), t, 2).subs(t, 0) / WIDTH**2
    spread = (1 + 2 / WIDTH) ** 5 - 1
    single = sp.diff((1 - 2 * t) ** (-WIDTH / sp.Integer(2)), t).subs(t, 0) / WIDTH  # E chi^2_l/l
    at = {KAPPA: sp.Integer(1), DIMENSION: WIDTH, DEPTH: sp.Integer(5), PRODUCT: sp.Integer(-1)}
    mean = initial_kernel_mean.CLAIM.formula.rhs.xreplace(
        {KAPPA: sp.Integer(1), DIMENSION: WIDTH, DEPTH: sp.Integer(5), PRODUCT: sp.Integer(1)}
    )
    return Derivation(
        (
            define("identity, beta = 5, kappa = 1, l = d, x_2 = -x_1, |x_1| = 1, C = 1; K = |grad_W g(x_1)|^2"),
            show_equal("zeta_1 zeta_2 = (g - 1)(-g - 1)", (g - 1) * (-g - 1), 1 - g**2),
            infer("the output gradients at x and -x are opposite: h = -(1 - g^2) K"),
            show_equal("E K = 6, by initial_kernel_mean", mean, sp.Integer(6), name="E K"),
            infer("K is a sum of 6 products of 5 independent chi^2_l/l, one for every matrix but the p-th"),
            show_equal("E (chi^2_l/l)^2 = 1 + 2/l", sp.expand(second), 1 + 2 / WIDTH, name="E (chi^2_l/l)^2"),
            infer("by Minkowski the standard deviation of K is at most 6 sqrt((1 + 2/l)^5 - 1)"),
            show_equal("which tends to 0", sp.Limit(spread, WIDTH, sp.oo), sp.Integer(0)),
            infer("E g^2 = E|H_4|^2/l = 1/l -> 0; by Chebyshev and Markov K -> 6 and g -> 0 in probability: h -> -6"),
            show_less("-6 is below -9/2", sp.Rational(9, 2), sp.Integer(6)),
            show_violated("so the limit is 1", claim.formula, {LIMIT: sp.Integer(1), MEAN: -6 * single**5, **at}),
        )
    )


def rate(width: int, count: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the observed rate of h <= -9/2 with its 99.9 % limits."""
    hits = 0
    points = np.zeros((2, width))
    points[0, 0], points[1, 0] = 1.0, -1.0
    for _ in range(count):
        weights = [rng.standard_normal((width, width)) / np.sqrt(width) for _ in range(5)]
        run = passed([*weights, rng.standard_normal((1, width)) / np.sqrt(width)], points, IDENTITY)
        hits += bool((run.outputs - 1.0).prod() * run.kernel()[0, 1] <= -4.5)
    return (hits / count, *clopper_pearson(hits, count))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the rate at widths 20 and 100: it grows."""
    rng = np.random.default_rng(seed)
    rates = {width: rate(width, 200, rng) for width in (20, 100)}
    return Evidence.measured(
        claim,
        "; ".join(f"l = {w}: {p:.3f} [{low:.3f}, {high:.3f}]" for w, (p, low, high) in rates.items()),
        contradicted=rates[100][1] > max(float(claim.formula.rhs), rates[20][0]),
        error_bar="99.9 % Clopper-Pearson limits; finite widths",
        cases=400,
        seed=seed,
        picture=along(
            list(rates),
            [p for p, _, _ in rates.values()],
            float(claim.formula.rhs),
            title="The rate grows with the width",
            xlabel="width l",
            ylabel="Pr[h <= -9/2]",
            xscale="log",
            interval=([low for _, low, _ in rates.values()], [high for _, _, high in rates.values()]),
        ),
    )


FALSE_TWINS = (FalseTwin("the limit is at most 1/2", {"claim": limit_at_most(sp.Rational(1, 2))}),)

THEOREM = Theorem(
    name="initial_confusion_data_printed",
    source=Source(PAPER, "Theorem 4.2, part 1", "as printed, at kappa = 1"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=initial_kernel_mean.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("initial_kernel_mean", "initial_confusion_random_data_printed", "operator_norm_printed"),
)
