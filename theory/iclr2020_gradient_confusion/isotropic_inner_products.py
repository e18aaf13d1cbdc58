r"""Section 2 and footnote 3: for x = y/sqrt(d), y isotropic, P(max |<x_i, x_j>| > t) <= N(N-1)/(2 d t^2).

Assumptions
-----------
x_1, ..., x_N independent copies of y/sqrt(d) with E[y y^T] = I in R^d; on the sphere sqrt(d) x is isotropic.

Source
------
"Gradient Confusion" (2020), section 2: "for fixed N the quantity max |<x_j, x_i>| is O(1/sqrt d)", and footnote 3:
"generally, this is true whenever x_i = y/sqrt(d), where y is an isotropic random vector".

Idea of the proof
-----------------
E<x_i, x_j>^2 = tr(E[x x^T]^2) = tr(I/d^2) = 1/d exactly. Markov's inequality and the union over N(N-1)/2 pairs.

Deviations from the paper
-------------------------
"O(1/sqrt d)" is a statement in probability; no moment beyond the second is needed. Exponential tails, which the sphere
has, are `near_orthogonality`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_value
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._sgd import SAMPLES
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.low_rank_hessians import DIMENSION
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANCE = sp.Symbol("P(max|<x_i, x_j>| > t)", nonnegative=True)
LEVEL = sp.Symbol("t", positive=True)
DRAWS = 400


def chance_at_most(bound: sp.Expr) -> Claim:
    """Return the claim P(max |<x_i, x_j>| > t) <= bound."""
    return Claim(
        "For inputs y/sqrt(d), y isotropic, the largest inner product is O(1/sqrt d) in probability.",
        sp.Le(CHANCE, bound, evaluate=False),
        ("x_i = y_i/sqrt(d) independent, E[y y^T] = I",),
        {
            CHANCE: "probability of an inner product above t",
            SAMPLES: "number of inputs",
            DIMENSION: "dimension",
            LEVEL: "level",
        },
    )


CLAIM = chance_at_most(SAMPLES * (SAMPLES - 1) / (2 * DIMENSION * LEVEL**2))


def derive(claim: Claim) -> Derivation:
    """Sum the entries of E[x x^T] squared."""
    p = sp.Symbol("p", integer=True, positive=True)
    second = sp.summation((1 / DIMENSION) ** 2, (p, 1, DIMENSION))
    pairs = SAMPLES * (SAMPLES - 1) / 2
    steps = [
        assume("x_i, x_j independent, E[x x^T] = I/d"),
        infer("E<x_i, x_j>^2 = sum_pq E[x_p x_q]^2, and E[x_p x_q] = 1/d for p = q, 0 otherwise"),
        show_value("the sum over p = q", second, 1 / DIMENSION),
        infer("Markov: P(|<x_i, x_j>| > t) <= E<x_i, x_j>^2/t^2; union over pairs"),
        define("N(N-1)/2 pairs"),
    ]
    derived = pairs * second / LEVEL**2
    return Derivation(
        (*steps, conclude("put together", claim.formula, CHANCE, derived, from_=steps, lower={SAMPLES: sp.Integer(1)}))
    )


def sample(kind: int, n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Return (DRAWS, n, d) inputs: on the sphere, with signs, or coordinate vectors sqrt(d) e_p/sqrt(d)."""
    if kind == 0:
        x = rng.standard_normal((DRAWS, n, d))
        return np.asarray(x / np.linalg.norm(x, axis=2, keepdims=True))
    if kind == 1:
        return np.asarray(rng.choice([-1.0, 1.0], (DRAWS, n, d)) / np.sqrt(d))
    return np.eye(d)[rng.integers(0, d, (DRAWS, n))]


def chance(kind: int, n: int, d: int, level: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return the observed chance and four standard errors of it."""
    x = sample(kind, n, d, rng)
    products = np.abs(np.einsum("bnd,bmd->bnm", x, x))[:, *np.triu_indices(n, 1)].max(axis=1)
    share = float((products > level).mean())
    return share, 4.0 * float(np.sqrt(share * (1.0 - share) / DRAWS))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw three isotropic laws; coordinate vectors with N = 2, t just below 1 attain the bound."""
    rng = np.random.default_rng(seed)
    found = []
    for kind in range(3):
        for n, d, level in ((2, 9, 0.999), (2, 25, 0.4), (4, 100, 0.4), (5, 60, 0.5), (2, 3, 0.9)):
            bound = float(claim.bound({SAMPLES: float(n), DIMENSION: float(d), LEVEL: level}))
            found.append((bound, *chance(kind, n, d, level, rng)))
    bounds, shares, bars = np.array(found).T
    worst = float((shares - bars - bounds).max())
    return Evidence.measured(
        claim,
        f"observed chance less four standard errors exceeds the bound by at most {worst:.3f}",
        contradicted=worst > 0.0,
        error_bar=f"four standard errors of {DRAWS} draws",
        cases=len(found) * DRAWS,
        seed=seed,
        picture=against_claim(
            bounds, shares, what="chance", title="No chance is above its bound", interval=(shares - bars, shares + bars)
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """N, d and t for coordinate vectors, where the chance is known exactly."""
    return st.tuples(st.integers(2, 5), st.integers(2, 30), st.floats(0.05, 0.99))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with P(two of N coordinate vectors agree) = 1 - d!/((d-N)! d^N)."""
    n, d, level = case
    chance = 1.0 - float(np.prod([max(0.0, 1.0 - k / d) for k in range(n)]))
    return chance <= float(claim.bound({SAMPLES: float(n), DIMENSION: float(d), LEVEL: level})) * (1 + 1e-12)


FALSE_TWINS = (
    FalseTwin("like 1/d^2", {"claim": chance_at_most(SAMPLES * (SAMPLES - 1) / (2 * DIMENSION**2 * LEVEL**2))}),
    FalseTwin("a quarter", {"claim": chance_at_most(SAMPLES * (SAMPLES - 1) / (8 * DIMENSION * LEVEL**2))}),
)

THEOREM = Theorem(
    name="isotropic_inner_products",
    source=Source(PAPER, "Footnote 3", "with the constant; section 2's O(1/sqrt d) is the case of the sphere"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("near_orthogonality", "low_rank_hessians"),
)
