r"""Corollary 4.1, second branch: informative only if eta^2 > 2048 beta^2 (beta+2)^4/c, when nothing is left to say.

Assumptions
-----------
The printed second branch, r > eta/(4 zeta_0^2), zeta_0 = 2 sqrt(beta), beta >= 1, constant c.

Source
------
"Gradient Confusion" (2020), Corollary 4.1, second branch, and (13), (14).

Idea of the proof
-----------------
Its exponent is -c d eta^2/(64 zeta_0^4 (beta+2)^4) + 8 d zeta_0^2 r/eta, and the second term exceeds 2d. For a negative
exponent eta^2 > 128 zeta_0^4 (beta+2)^4/c. But |h| <= 4 (beta+1) at norms 1, and for c <= 2 that is smaller.

Deviations from the paper
-------------------------
At beta = 1, c = 1/2: eta > 576, while |h| <= 8. The branch is vacuous or trivial, always.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import ETA
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.confusion_probability_sigmoid_printed import CONSTANT
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

NEEDED = sp.Symbol("-eta_min^2", real=True)
RADIUS = sp.Symbol("r", positive=True)
ZETA_SQUARE = 4 * DEPTH
PER_DIMENSION = -CONSTANT * ETA**2 / (64 * ZETA_SQUARE**2 * (DEPTH + 2) ** 4) + 8 * ZETA_SQUARE * RADIUS / ETA
"""The printed exponent over d."""


def needs_square(value: sp.Expr) -> Claim:
    """Return the claim that an informative second branch needs eta^2 >= value, written as -eta_min^2 <= -value."""
    return Claim(
        "The second branch of Corollary 4.1 is informative only for eta above every possible inner product.",
        sp.Le(NEEDED, -value, evaluate=False),
        ("r > eta/(4 zeta_0^2), zeta_0 = 2 sqrt(beta), beta >= 1", "constant c"),
        {NEEDED: "minus the least eta^2 with a negative exponent", DEPTH: "depth", CONSTANT: "the paper's constant"},
    )


CLAIM = needs_square(2048 * DEPTH**2 * (DEPTH + 2) ** 4 / CONSTANT)


def derive(claim: Claim) -> Derivation:
    """Put the least radius into the exponent."""
    at_least = PER_DIMENSION.subs(RADIUS, ETA / (4 * ZETA_SQUARE))
    least_square = 2 * 64 * ZETA_SQUARE**2 * (DEPTH + 2) ** 4 / CONSTANT
    share = sp.Symbol("s", nonnegative=True)
    steps = [
        define("the exponent over d; it rises with r, and r > eta/(4 zeta_0^2)"),
        show_equal(
            "at r = eta/(4 zeta_0^2) the second term is 2",
            at_least,
            2 - CONSTANT * ETA**2 / (64 * ZETA_SQUARE**2 * (DEPTH + 2) ** 4),
            name="bound at this r",
        ),
        show_equal(
            "it vanishes at eta^2", at_least.subs(ETA, sp.sqrt(least_square)), sp.Integer(0), name="bound at this eta"
        ),
        infer("below that the printed probability is at most 1 - N^2 < 0"),
        show_equal(
            "beta = 1, c = 1/2: eta = 576",
            sp.sqrt(least_square.subs({DEPTH: 1, CONSTANT: sp.Rational(1, 2)})),
            sp.Integer(576),
            name="eta",
        ),
        show_less(
            "(4(beta+1))^2 is smaller for every beta >= 1 and c = 2/(1+s) <= 2: nothing is left to say",
            16 * (DEPTH + 1) ** 2,
            least_square.subs(CONSTANT, 2 / (1 + share)),
            {DEPTH: sp.Integer(1)},
        ),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, NEEDED, -least_square, from_=steps)))


def sides(claim: Claim, depth: int, constant: float) -> tuple[float, float]:
    """Return the least eta as claimed and as found by bisection on the printed exponent at the least radius."""
    exponent = sp.lambdify((DEPTH, CONSTANT, ETA, RADIUS), PER_DIMENSION)

    def negative(eta: float) -> bool:
        return bool(exponent(depth, constant, eta, eta / (16.0 * depth)) < 0.0)

    low, high = 0.0, 1.0
    while not negative(high):
        low, high = high, 2 * high
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if negative(middle) else (middle, high)
    return float(np.sqrt(-float(claim.bound({DEPTH: float(depth), CONSTANT: constant})))), high


def simulate(claim: Claim, seed: int) -> Evidence:
    """Bisect the printed exponent for five depths and three constants."""
    pairs = [sides(claim, depth, constant) for depth in (1, 2, 3, 5, 10) for constant in (0.25, 0.5, 1.0)]
    claimed, least = np.array(pairs).T
    found = claimed / least
    return Evidence.measured(
        claim,
        f"claimed / bisected least eta between {found.min():.9f} and {found.max():.9f}",
        contradicted=found.max() > 1.0 + 1e-9,
        error_bar="1e-9 (bisection)",
        cases=found.size,
        seed=seed,
        picture=against_claim(
            claimed, least, what="least eta", title="The branch serves from the claimed eta on", log=True
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depth and constant."""
    return st.tuples(st.integers(1, 30), st.floats(0.01, 2.0))


def holds(claim: Claim, case: tuple[int, float]) -> bool:
    """Compare with bisection."""
    claimed, least = sides(claim, *case)
    return claimed <= least * (1.0 + 1e-9)


FALSE_TWINS = (
    FalseTwin("four times as large", {"claim": needs_square(8192 * DEPTH**2 * (DEPTH + 2) ** 4 / CONSTANT)}),
)

THEOREM = Theorem(
    name="uniform_confusion_second_branch",
    source=Source(PAPER, "Corollary 4.1, second branch", "vacuous or trivial, always"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("uniform_confusion_printed", "confusion_probability_informative"),
)
