r"""Theorem 4.1, corrected: Pr[some h_ij <= -eta] <= (N(N-1)/2) exp(-(d-1) eta^2/(16 (beta+1)^2 (beta+6)^2)).

Assumptions
-----------
x_i independent, uniform on the unit sphere of R^d, d >= 2; W independent of the data, |W_p| <= 1; sigma(0) = 0 and
|sigma'|, |sigma''| <= 1 on [-1, 1] (identity, tanh, sin); |C|, |grad C| <= 1; square or logistic loss.

Source
------
Corrects "Gradient Confusion" (2020), Theorem 4.1 and (9).

Idea of the proof
-----------------
h(x_i, x_j) = <grad f_i, grad f_j> is Lipschitz (`confusion_gradient`), its mean is not negative
(`nonnegative_expectation`), and it concentrates (log-Sobolev on the product of two spheres, cited). Union over pairs.

Deviations from the paper
-------------------------
The printed theorem covers ReLU and sigmoid, for which it is false (`confusion_probability_relu_printed`,
`confusion_probability_sigmoid_printed`). Here the constant is explicit and the exponent falls like
beta^-4, not beta^-6. No width enters: with sigma(0) = 0 it does drop out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, by, cite, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion import confusion_gradient, nonnegative_expectation
from theory.iclr2020_gradient_confusion._layered_nets import SMOOTH_AT_ZERO, TANH, passed, random_small_net
from theory.iclr2020_gradient_confusion._sgd import ETA
from theory.iclr2020_gradient_confusion._spheres import DEVIATION, DIMENSION, SAMPLES, cap, herbst, uniform_points
from theory.iclr2020_gradient_confusion._steps import clopper_pearson, conclude
from theory.iclr2020_gradient_confusion.confusion_gradient import LIPSCHITZ
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH
from theory.iclr2020_gradient_confusion.sphere_concentration import LOG_SOBOLEV
from theory.iclr2020_gradient_confusion.sphere_pair_concentration import PRODUCT

VIOLATED = sp.Symbol("Pr[min h_ij <= -eta]", nonnegative=True)
PAIRS = SAMPLES * (SAMPLES - 1) / 2


def violated_at_most(bound: sp.Expr) -> Claim:
    """Return the claim that the confusion bound eta is violated with probability at most `bound`."""
    return Claim(
        "For smooth activations that vanish at 0 and small weights, confusion at random data is exponentially rare.",
        sp.Le(VIOLATED, bound, evaluate=False),
        (
            "x_i independent, uniform on the unit sphere of R^d, d >= 2; W independent of them",
            "|W_p| <= 1; sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]",
            "|C|, |grad C| <= 1; square or logistic loss",
        ),
        {
            VIOLATED: "probability that the bound eta is violated by some pair",
            SAMPLES: "number of samples",
            DIMENSION: "dimension of the data",
            ETA: "confusion bound",
            DEPTH: "depth",
        },
    )


def guarantee(slope: sp.Expr) -> sp.Expr:
    """Return the bound that |grad_{x_i} h| <= slope gives."""
    return PAIRS * sp.exp(-(DIMENSION - 1) * ETA**2 / (4 * slope**2))


CLAIM = violated_at_most(guarantee(LIPSCHITZ))


def derive(claim: Claim) -> Derivation:
    """Concentrate h around a mean that is not negative."""
    whole = sp.sqrt(2) * LIPSCHITZ
    argument, tail = herbst(LOG_SOBOLEV, DIMENSION - 1, whole)
    steps = [
        assume("x_i independent, uniform on the unit sphere, d >= 2; W independent of the data, |W_p| <= 1"),
        by("confusion_gradient", confusion_gradient.derive(confusion_gradient.CLAIM), confusion_gradient.CLAIM.formula),
        show_equal(
            "both samples move: |grad h|^2 <= 2 slope^2",
            whole**2,
            LIPSCHITZ**2 + LIPSCHITZ**2,
            name="bound on |grad h|^2",
        ),
        by(
            "nonnegative_expectation",
            nonnegative_expectation.derive(nonnegative_expectation.CLAIM),
            nonnegative_expectation.CLAIM.formula,
        ),
        cite(PRODUCT),
        *argument,
        infer("h <= -eta implies h - E h <= -eta; union over the N(N-1)/2 pairs"),
    ]
    derived = PAIRS * tail.subs(DEVIATION, ETA)
    return Derivation((*steps, conclude("put together", claim.formula, VIOLATED, derived, from_=steps)))


def exact_ratio(claim: Claim, dimension: float, level: float, depth: int) -> float:
    """Return probability / bound for a network whose law is known: h = x_i.x_j.

    Identity layers W_p = I, the last weights 0, label -1: g = 0, zeta = 1, and only the last layer has a gradient.
    """
    values = {DIMENSION: dimension, ETA: level, SAMPLES: 2.0, DEPTH: float(depth)}
    exact = 0.5 * float(cap(dimension, level))
    return exact / float(claim.bound(values)) if exact > 1e-280 else 0.0


def violations(rng: np.random.Generator, *, depth: int, features: int, pairs: int, level: float) -> int:
    """Count h <= -level over random pairs, for one random network and the label 1 (so that zeta is near -1)."""
    activation = SMOOTH_AT_ZERO[int(rng.integers(3))] if depth else TANH
    weights = random_small_net(rng, depth=depth, width=features, features=features)
    found = 0
    for start in range(0, pairs, 500):
        count = min(500, pairs - start)
        x = uniform_points(2 * count, features, rng)
        run = passed(weights, x, activation)
        zeta = run.outputs - 1.0
        terms = (
            np.einsum("ij,ij->i", h[:count], h[count:]) * np.einsum("ij,ij->i", g[:count], g[count:])
            for h, g in zip(run.inputs, run.backward, strict=True)
        )
        found += int((zeta[:count] * zeta[count:] * sum(terms) <= -level).sum())
    return found


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw 2000 pairs on each of 24 networks; one law known in closed form on a grid of 40 dimensions."""
    rng = np.random.default_rng(seed)
    said, worst, rates = 0.0, 0.0, []
    for k in range(24):
        depth, features, level = k % 4, int(rng.integers(2, 30)), float(rng.uniform(0.05, 1.0))
        hits = violations(rng, depth=depth, features=features, pairs=2000, level=level)
        low, high = clopper_pearson(hits, 2000)
        values = {DIMENSION: float(features), ETA: level, SAMPLES: 2.0, DEPTH: float(depth)}
        bound = float(claim.bound(values))
        worst, said = max(worst, low / max(bound, 1e-300)), max(said, hits / 2000)
        rates.append((bound, hits / 2000, low, high))
    grid = [(float(d), level) for d in np.geomspace(2, 2000, 40).astype(int) for level in (0.05, 0.2, 0.5, 0.8)]
    exact = max(exact_ratio(claim, d, level, depth) for d, level in grid for depth in (0, 2))
    bounds, seen, lows, highs = np.array(rates).T
    return Evidence.measured(
        claim,
        f"largest lower limit / bound {worst:.3f} (largest violation rate {said:.3f}); h = x.y: {exact:.3f}",
        contradicted=max(worst, exact) > 1.0 + 1e-9,
        error_bar="99.9 % Clopper-Pearson limits; exact law for h = x.y",
        cases=24 * 2000 + 2 * len(grid),
        seed=seed,
        picture=by_case(
            seen,
            float(bounds.min()),
            title="No rate is above the bound, which is near 1 here",
            ylabel="Pr[h <= -eta]",
            interval=(lows, highs),
            limit_label="least of the bounds",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Dimension, level and depth of the network whose law is known."""
    return st.tuples(st.integers(2, 2000), st.floats(0.01, 0.99), st.integers(0, 8))


def holds(claim: Claim, case: tuple[int, float, int]) -> bool:
    """Compare with the exact law of h = x.y."""
    return exact_ratio(claim, float(case[0]), case[1], case[2]) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin("as if h were 1/2-Lipschitz", {"claim": violated_at_most(guarantee(sp.Rational(1, 2)))}),
    FalseTwin(
        "the square of the dimension",
        {"claim": violated_at_most(PAIRS * sp.exp(-(DIMENSION**2) * ETA**2 / (4 * LIPSCHITZ**2)))},
    ),
)

THEOREM = Theorem(
    name="confusion_probability",
    source=Source(PAPER, "Theorem 4.1", "corrected: sigma(0) = 0, W independent of the data, explicit constant"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=(
        "confusion_probability_relu_printed",
        "confusion_probability_sigmoid_printed",
        "confusion_gradient",
        "nonnegative_expectation",
        "confusion_probability_informative",
    ),
)
