r"""Theorem 4.1 for ReLU: as d grows, the probability of violating a fixed eta > 0 tends to 0. Refuted: it tends to 1/2.

Assumptions
-----------
Those of Theorem 4.1: |W_p| <= 1, unit-sphere data, C with |C|, |grad C| <= 1, square loss; ReLU, which the paper lists
as covered.

Source
------
"Gradient Confusion" (2020), Theorem 4.1: probability at least 1 - N^2 exp(-c d eta^2/(16 zeta_0^4 (beta+2)^4)), c > 0
unspecified; section 4 names ReLU among the activations.

Idea of the refutation
----------------------
beta = 3, N = 2, C = 1. W_0 = I; W_1 averages each half of the coordinates into K and K'; W_2 = [[1, -1], [-1, 1]]/2;
W_3 = (1, 1)/sqrt 2. Then g = |K - K'|/(2 sqrt 2) -> 0, so zeta -> -1, but the gates depend on the sign s of K - K'
only: <grad g, grad g~> -> -1/(8 pi) for opposite signs, 3/(8 pi) for equal ones. Two samples have opposite signs with
probability 1/2, whatever d is.

Deviations from the paper
-------------------------
The contradiction is the limit; for c <= 1/2 the printed bound falls below 1 only near d = 10^10 here. P2 fails for ReLU
(`relu_curvature_printed`); for sigma(0) = 0 with bounded sigma'' the theorem holds: `confusion_probability`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import (
    Derivation,
    cite,
    define,
    infer,
    show_equal,
    show_less,
    show_value,
    show_violated,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import RELU, passed
from theory.iclr2020_gradient_confusion._spheres import uniform_points
from theory.iclr2020_gradient_confusion._steps import clopper_pearson
from theory.iclr2020_gradient_confusion.notation import PAPER

LIMIT = sp.Symbol("lim_{d} Pr[h <= -1/40]", nonnegative=True)
LEVEL = sp.Rational(1, 40)
CURVATURE = sp.Symbol("|sigma'(a)-sigma'(b)|/|a-b|", nonnegative=True)


def limit_at_most(value: sp.Expr) -> Claim:
    """Return the claim that the violation probability of eta = 1/40 has a limit of at most `value`."""
    return Claim(
        "For ReLU too, the probability that eta = 1/40 is violated tends to 0 as the dimension grows.",
        sp.Le(LIMIT, value, evaluate=False),
        ("ReLU, beta = 3, N = 2, |W_p| <= 1", "unit-sphere data, |C|, |grad C| <= 1, square loss"),
        {LIMIT: "limit of the probability that <grad f_1, grad f_2> <= -1/40"},
    )


CLAIM = limit_at_most(sp.Integer(0))
CORRECTED = Claim(
    "Where the activation's slope is 1-Lipschitz the violation probability tends to 0.",
    sp.Implies(sp.Le(CURVATURE, 1), CLAIM.formula, evaluate=False),
    ("sigma(0) = 0, |sigma'| <= 1, beta = 3, N = 2, |W_p| <= 1", *CLAIM.assumptions[1:]),
    {**CLAIM.where, CURVATURE: "largest difference quotient of the activation's slope"},
)


def weights(dimension: int) -> list[np.ndarray]:
    """Return the four matrices for an even dimension."""
    half = dimension // 2
    first = np.zeros((2, dimension))
    first[0, :half] = first[1, half:] = 1.0 / np.sqrt(half)
    return [np.eye(dimension), first, np.array([[0.5, -0.5], [-0.5, 0.5]]), np.full((1, 2), np.sqrt(0.5))]


def counterexample(claim: Claim) -> Derivation:
    """Follow the four layers to their limits."""
    z, d = sp.Symbol("z", real=True), sp.Symbol("d", positive=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    mean = sp.integrate(z * density, (z, 0, sp.oo))
    mixer, last = sp.Matrix([[1, -1], [-1, 1]]) / 2, sp.Matrix([[1, 1]]) / sp.sqrt(2)
    e = [sp.Matrix([1, 0]), sp.Matrix([0, 1])]
    backward = [mixer.T * sp.diag(*v) * last.T for v in e]  # g_1 for s = +1 and s = -1
    first = (backward[0].T * backward[1])[0, 0]
    limit = first * mean**2
    slopes = [sp.diff(sp.Max(z, 0), z).subs(z, place) for place in (sp.Rational(1, 4), -sp.Rational(1, 4))]
    steepest = 2 * (slopes[0] - slopes[1])  # over |a - b| = 1/2: no bound of 1 holds
    return Derivation(
        (
            define(
                "W_0 = I, W_1 has rows of d/2 entries 1/sqrt(d/2), W_2 = [[1,-1],[-1,1]]/2, W_3 = (1,1)/sqrt 2; C = 1"
            ),
            show_equal(
                "a row of W_1 has norm 1, and the two rows do not overlap: |W_1| = 1",
                d / 2 * (2 / d),
                sp.Integer(1),
                name="|row of W_1|^2",
            ),
            show_equal(
                "W_2 is a projection: |W_2| = 1", (mixer * mixer - mixer).norm(), sp.Integer(0), name="|W_2 W_2 - W_2|"
            ),
            show_equal("|W_3| = 1", (last * last.T)[0, 0], sp.Integer(1), name="|W_3|^2"),
            define("x = z/|z| with z standard normal; s = sign(K - K'), K and K' the two averages of relu(x)"),
            cite("weak law of large numbers"),
            show_value("E relu(z)", mean, 1 / sp.sqrt(2 * sp.pi)),
            infer("K - K' -> 0 and K, K' -> 1/(2 sqrt pi): g -> 0, zeta -> -1 for both samples"),
            show_equal("layer 1: <g_1, g_1~> for opposite signs", first, -sp.Rational(1, 4), name="<g_1, g_1~>"),
            infer("and <H_0, H_0~> = sum relu(x_i) relu(x_i~) -> (E relu(z))^2"),
            show_equal(
                "layer 2: <g_2, g_2~> = 0 for opposite signs (gates e_1 and e_2)",
                (e[0].T * e[1])[0, 0],
                sp.Integer(0),
                name="<g_2, g_2~>",
            ),
            infer("layer 3: <H_2, H_2~> -> 0; layer 0: <x, x~> -> 0: h -> -1/(8 pi) when the signs differ"),
            show_value("zeta zeta~ <H_0, H_0~><g_1, g_1~>", limit, -1 / (8 * sp.pi)),
            show_less("which is below -1/40", sp.Rational(1, 40), 1 / (8 * sp.pi)),
            infer(
                "swapping the halves of x turns s into -s, samples are independent: the signs differ half of the time"
            ),
            infer("for equal signs every layer's term is >= 0 in the limit: so the limit is 1/2"),
            show_violated("so", claim.formula, {LIMIT: sp.Rational(1, 2), CURVATURE: steepest}),
        )
    )


def rate(dimension: int, pairs: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the observed rate of h <= -1/40 and its 99.9 % limits."""
    found = passed(weights(dimension), uniform_points(2 * pairs, dimension, rng), RELU)
    zeta = found.outputs - 1.0
    terms = (
        np.einsum("ij,ij->i", h[:pairs], h[pairs:]) * np.einsum("ij,ij->i", g[:pairs], g[pairs:])
        for h, g in zip(found.inputs, found.backward, strict=True)
    )
    hits = int((zeta[:pairs] * zeta[pairs:] * sum(terms) <= -float(LEVEL)).sum())
    return (hits / pairs, *clopper_pearson(hits, pairs))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the rate at d = 20, 100 and 500: it grows towards 1/2."""
    rng = np.random.default_rng(seed)
    rates = {d: rate(d, 2000, rng) for d in (20, 100, 500)}
    claimed = float(claim.formula.rhs)
    return Evidence.measured(
        claim,
        "; ".join(f"d = {d}: {p:.3f} [{low:.3f}, {high:.3f}]" for d, (p, low, high) in rates.items()),
        contradicted=rates[500][1] > max(claimed, rates[20][2]),
        error_bar="99.9 % Clopper-Pearson limits; finite d",
        cases=6000,
        seed=seed,
        picture=along(
            list(rates),
            [p for p, _, _ in rates.values()],
            claimed,
            title="The rate grows with d, it does not vanish",
            xlabel="dimension d",
            ylabel="Pr[h <= -1/40]",
            xscale="log",
            interval=([low for _, low, _ in rates.values()], [high for _, _, high in rates.values()]),
        ),
    )


FALSE_TWINS = (FalseTwin("the limit is at most 1/4", {"claim": limit_at_most(sp.Rational(1, 4))}),)

THEOREM = Theorem(
    name="confusion_probability_relu_printed",
    source=Source(PAPER, "Theorem 4.1", "for ReLU; corrected in confusion_probability"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("confusion_probability", "confusion_probability_sigmoid_printed", "relu_curvature_printed"),
)
