r"""Section 6, "similar modifications": off 0 the flow of (12) is the gradient flow of L in the metric P^{-1}.

Assumptions
-----------
k = 1, w != 0, N >= 1.

Source
------
Beside Arora, Cohen and Hazan (2018), section 6: no regulariser, "or any similar modification", has the effect of depth.

Idea of the proof
-----------------
P = |w|^a (I + (N - 1) Pr_w) is invertible off 0: P^{-1} = |w|^{-a} (I - (1 - 1/N) Pr_w). So w' = -P grad L says
P^{-1} w' = -grad L: steepest descent of the original loss, length being measured by P^{-1}.

Deviations from the paper
-------------------------
The theorem excludes a potential in the Euclidean metric, not a change of metric; "any similar modification" has no
precise meaning in the paper and is not checkable.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, by, define, equate, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Base, Vector, Word, inner, linear_in_words
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import single_output_rule as rule
from theory.arora2018_implicit_acceleration.field_curl import field
from theory.arora2018_implicit_acceleration.notation import PAPER
from theory.arora2018_implicit_acceleration.single_output_rule import ALONG, SQUARE, G, W

INVERSE = Word((), Base("P^{-1}g"))


def inverse_is(factor: sp.Expr) -> Claim:
    """Return the claim P^{-1} g = |w|^{-a} (g - factor Pr_w g)."""
    value = SQUARE ** (1 / DEPTH - 1) * (G.as_expr() - factor * ALONG / SQUARE * W.as_expr())
    return Claim(
        "Depth is a change of metric: w' = -P grad L is gradient flow of the same loss in the metric P^(-1).",
        equate(INVERSE, value),
        ("one output", "w is not 0", "N >= 1"),
        {
            INVERSE: "the vector that the preconditioner of (12) turns into g",
            Word((), Base("w")): "end-to-end weights",
            Word((), Base("g")): "any vector",
            DEPTH: "number of layers",
        },
    )


CLAIM = inverse_is(1 - 1 / DEPTH)


def preconditioned(vector: Vector) -> Vector:
    """Return P v by Claim 2."""
    scaled: Vector = SQUARE ** (1 - 1 / DEPTH) * vector
    projected: Vector = ((DEPTH - 1) * SQUARE ** (-1 / DEPTH) * inner(vector, W)) * W
    return scaled + projected


def derive(claim: Claim) -> Derivation:
    """Apply P to the claimed vector."""
    back = SQUARE ** (1 / DEPTH - 1) * G + (-(1 - 1 / DEPTH) * SQUARE ** (1 / DEPTH - 2) * ALONG) * W
    applied = preconditioned(back)
    tidy = Vector({key: sp.powsimp(sp.expand(c)) for key, c in applied.terms.items()})
    return Derivation(
        (
            by("single_output_rule", rule.derive(rule.CLAIM), rule.CLAIM.formula),
            define("x = |w|^{-a} (g - (1 - 1/N) Pr_w g)"),
            show_equal_vectors("P x = g", tidy, G, name="P x"),
            show_with("so x is P^{-1} g", claim.formula, {INVERSE: back.as_expr()}),
        )
    )


def departure(claim: Claim, points: np.ndarray, depth: int) -> float:
    """Return |P (claimed P^{-1} g) - g| in floats, relative to |g|; `points` are w and g."""
    w, g = points
    values = {SQUARE: sp.Float(float(w @ w), 17), ALONG: sp.Float(float(g @ w), 17), DEPTH: sp.Integer(depth)}
    parts = {str(word): float(c.xreplace(values)) for word, c in linear_in_words(claim.formula.rhs).items()}
    back = parts.get("g", 0.0) * g + parts.get("w", 0.0) * w
    return float(np.abs(field(w, back, float(depth)) - g).max() / np.abs(g).max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Apply P to the claimed inverse at random points."""
    rng = np.random.default_rng(seed)
    gaps = [departure(claim, rng.standard_normal((2, d)), depth) for d in (1, 2, 5) for depth in (1, 2, 3, 7)]
    return Evidence.measured(
        claim,
        f"largest |P P^(-1) g - g|/|g| {max(gaps):.2g}",
        contradicted=max(gaps) > 1e-11,
        error_bar="1e-11 (rounding)",
        cases=len(gaps),
        seed=seed,
        picture=departures(
            gaps, 1e-11, title="P undoes the claimed inverse", ylabel="|P P^(-1) g - g| / |g|", of="rounding"
        ),
    )


def domain() -> st.SearchStrategy[tuple[int, int, int]]:
    """Dimension, depth, seed."""
    return st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(0, 10**6))


def holds(claim: Claim, case: tuple[int, int, int]) -> bool:
    """Check one random point."""
    d, depth, seed = case
    return departure(claim, np.random.default_rng(seed).standard_normal((2, d)), depth) < 1e-10


FALSE_TWINS = (
    FalseTwin("N - 1 instead of 1 - 1/N", {"claim": inverse_is(DEPTH - 1), "derive": None}),
    FalseTwin("the whole projection taken out", {"claim": inverse_is(sp.Integer(1)), "derive": None}),
)

THEOREM = Theorem(
    name="depth_is_a_metric",
    source=Source(PAPER, "Section 6", "what a change of metric can do, added"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("single_output_rule", "no_regulariser"),
)
