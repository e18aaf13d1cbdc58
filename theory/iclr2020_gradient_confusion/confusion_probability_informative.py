r"""When Theorem 4.1 says anything at all: d > 16 beta^2 (beta+2)^4 log(N^2)/(c (beta+1)^2), even at the largest eta.

Assumptions
-----------
beta >= 1; the printed bound with zeta_0 = 2 sqrt(beta) and a constant c; eta below 4(beta+1), the largest |h| for
sigma(0) = 0.

Source
------
"Gradient Confusion" (2020), Theorem 4.1.

Idea of the proof
-----------------
1 - N^2 exp(-c d eta^2/(16 zeta_0^4 (beta+2)^4)) > 0 asks for d > 16 zeta_0^4 (beta+2)^4 log(N^2)/(c eta^2), and
eta <= 4 (beta+1): for larger eta there is nothing to prove.

Deviations from the paper
-------------------------
Not in the paper. With c = 1/2: d > 898 for beta = 1, N = 2; 1.6e4 for beta = 3; 7.6e5 for beta = 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ETA
from theory.iclr2020_gradient_confusion._spheres import DIMENSION, SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.confusion_probability_sigmoid_printed import CLAIM as PRINTED
from theory.iclr2020_gradient_confusion.confusion_probability_sigmoid_printed import CONSTANT
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

LOG = sp.Symbol("log(N^2)", positive=True)
NEEDED = sp.Symbol("-d_min", real=True)


def needed_at_least(value: sp.Expr) -> Claim:
    """Return the claim that an informative bound needs d_min >= value, written as -d_min <= -value."""
    return Claim(
        "Theorem 4.1's bound is informative in large dimensions only.",
        sp.Le(NEEDED, -value, evaluate=False),
        ("beta >= 1", "0 < eta <= 4(beta+1)", "the printed bound, zeta_0 = 2 sqrt(beta)"),
        {NEEDED: "minus the smallest dimension for which the printed probability is positive", LOG: "log of N^2"},
    )


CLAIM = needed_at_least(16 * DEPTH**2 * (DEPTH + 2) ** 4 * LOG / (CONSTANT * (DEPTH + 1) ** 2))


def derive(claim: Claim) -> Derivation:
    """Solve the printed bound for d at the largest eta."""
    exponent = -next(iter(PRINTED.formula.rhs.atoms(sp.exp))).args[0]
    dimension = LOG * DIMENSION / exponent
    largest = dimension.subs(ETA, 4 * (DEPTH + 1))
    steps = [
        define("the printed probability is positive iff its exponent exceeds log(N^2)"),
        show_equal(
            "the exponent is linear in d",
            exponent.diff(DIMENSION) * DIMENSION,
            exponent,
            name="d times the slope of the exponent by d",
        ),
        show_equal(
            "so d must exceed",
            dimension,
            256 * DEPTH**2 * (DEPTH + 2) ** 4 * LOG / (CONSTANT * ETA**2),
            name="bound on d",
        ),
        infer("which falls with eta; |h| <= 2 * 2 * (beta + 1), so eta <= 4(beta+1)"),
    ]
    return Derivation((*steps, conclude("at the largest eta", claim.formula, NEEDED, -largest, from_=steps)))


def sides(claim: Claim, depth: int, samples: int, constant: float) -> tuple[float, float]:
    """Return the smallest dimension as claimed and as found by bisection on the printed bound at eta = 4(beta+1)."""

    def informative(d: float) -> bool:
        values = {
            CONSTANT: constant,
            DIMENSION: d,
            ETA: 4.0 * (depth + 1),
            SAMPLES: float(samples),
            DEPTH: float(depth),
        }
        return float(PRINTED.bound(values)) < 1.0

    low, high = 0.0, 1.0
    while not informative(high):
        low, high = high, 2 * high
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if informative(middle) else (middle, high)
    claimed = -float(claim.bound({DEPTH: float(depth), LOG: np.log(samples**2), CONSTANT: constant}))
    return claimed, high


def simulate(claim: Claim, seed: int) -> Evidence:
    """Bisect the printed bound for three depths and two numbers of samples."""
    claimed, least = np.array([sides(claim, b, n, 0.5) for b in (1, 3, 10) for n in (2, 100)]).T
    found = claimed / least
    worst = found.max()
    return Evidence.measured(
        claim,
        f"claimed / bisected dimension between {found.min():.9f} and {worst:.9f}",
        contradicted=worst > 1.0 + 1e-9,
        error_bar="1e-9 (bisection)",
        cases=found.size,
        seed=seed,
        picture=against_claim(
            claimed, least, what="least dimension", title="The bound says something from the claimed d on", log=True
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depth, samples, constant."""
    return st.tuples(st.integers(1, 20), st.integers(2, 1000), st.floats(0.01, 1.0))


def holds(claim: Claim, case: tuple[int, int, float]) -> bool:
    """Compare with bisection."""
    claimed, least = sides(claim, *case)
    return claimed <= least * (1.0 + 1e-9)


FALSE_TWINS = (
    FalseTwin(
        "with (beta+2)^4/(beta+1)^2 rounded up to (beta+2)^4",
        {"claim": needed_at_least(16 * DEPTH**2 * (DEPTH + 2) ** 4 * LOG / CONSTANT)},
    ),
)

THEOREM = Theorem(
    name="confusion_probability_informative",
    source=Source(PAPER, "Theorem 4.1", "when the printed bound is not vacuous"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("confusion_probability",),
)
