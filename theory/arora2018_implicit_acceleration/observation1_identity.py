r"""Observation 1 without neglecting anything: gradient descent on (w_1, w_2) is an exact step for w = w_1 w_2.

Assumptions
-----------
One step of gradient descent on L(w_1, w_2) = L(w_1 w_2) with learning rate eta; w_2 is not 0. Any differentiable L.

Source
------
Arora, Cohen and Hazan (2018), Observation 1 and the displayed update of w.

Idea of the proof
-----------------
w_1^+ = w_1 - eta w_2 g and w_2^+ = w_2 - eta <w_1, g>, so w^+ = w_2^+ w_1^+ = (w_2^+/w_2) w - eta w_2 w_2^+ g.

Deviations from the paper
-------------------------
The paper drops O(eta^2). With the learning rate eta w_2 w_2^+ in place of rho = eta w_2^2 nothing is dropped. What was
dropped is in `observation1_remainder`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, equate
from odeflow.symbolic.inner_products import inner, linear_in_words, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._warmup import (
    END,
    FIRST,
    GRADIENT,
    NOW,
    SECOND,
    SECOND_AFTER,
    SLOPE,
    STEP,
    after_one_step,
    show_words,
    word,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

WHERE = {END: "w after the step", SECOND_AFTER: "w_2 after the step", STEP: "learning rate", SECOND: "second layer"}


def step_is(kept: sp.Expr, rate: sp.Expr) -> Claim:
    """Return the claim w^+ = kept w - rate g."""
    return Claim(
        "Gradient descent on (w_1, w_2) moves w = w_1 w_2 by w^+ = (w_2^+/w_2) w - eta w_2 w_2^+ grad L(w), exactly.",
        equate(END, (kept * NOW).as_expr() - (rate * GRADIENT).as_expr()),
        ("one step of gradient descent on L(w_1 w_2)", "w_2 is not 0"),
        WHERE,
    )


CLAIM = step_is(SECOND_AFTER / SECOND, STEP * SECOND * SECOND_AFTER)


def derive(claim: Claim) -> Derivation:
    """Multiply the two updates, in every dimension."""
    return Derivation(
        (
            assume("w_1^+ = w_1 - eta w_2 g, w_2^+ = w_2 - eta <w_1, g>, w_2 not 0"),
            show_words("w^+ = w_2^+ w_1^+ in terms of w and g", claim.formula, {END: after_one_step().as_expr()}),
        )
    )


def claimed_step(claim: Claim, w1: Any, w2: Any, g: Any, step: Any) -> Any:
    """Evaluate the claimed w^+, in floats or exactly."""
    slope = sum(a * b for a, b in zip(w1, g, strict=True))
    w = [w2 * a for a in w1]
    values = {
        SECOND: w2, SECOND_AFTER: w2 - step * slope, STEP: step, SLOPE: slope,
        norm2(NOW): sum(a * a for a in w), inner(NOW, GRADIENT): sum(a * b for a, b in zip(w, g, strict=True)),
        norm2(FIRST): sum(a * a for a in w1),
    }  # fmt: skip
    at = {word("w"): w, word("g"): g, word("w_1"): w1}
    values = {k: sp.sympify(v, strict=True) for k, v in values.items()}
    coefficients = {atom: c.xreplace(values) for atom, c in linear_in_words(claim.formula.rhs).items()}
    return [sum(c * at[atom][i] for atom, c in coefficients.items()) for i in range(len(w1))]


def true_step(w1: Any, w2: Any, g: Any, step: Any) -> Any:
    """Return w^+ from the two updates."""
    slope = sum(a * b for a, b in zip(w1, g, strict=True))
    return [(a - step * w2 * b) * (w2 - step * slope) for a, b in zip(w1, g, strict=True)]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 30 large steps on an l_4 problem and compare w after each."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((8, 3)), rng.standard_normal(8)
    w1, w2, step, worst = 0.3 * rng.standard_normal(3), 0.5, 0.02, 0.0
    pairs = []
    for _ in range(30):
        g = X.T @ (X @ w1 * w2 - y) ** 3 / y.size
        guess = np.array([float(v) for v in claimed_step(claim, w1.tolist(), w2, g.tolist(), step)])
        true = np.array(true_step(w1, w2, g, step))
        pairs.append((guess, true))
        worst = max(worst, float(np.abs(guess - true).max()))
        w1, w2 = w1 - step * w2 * g, w2 - step * float(w1 @ g)
    return Evidence.measured(
        claim,
        f"30 steps depart from the claim by at most {worst:.2g}",
        contradicted=worst > 1e-13,
        error_bar="1e-13 (rounding)",
        cases=30,
        seed=seed,
        picture=against_claim(
            *np.swapaxes(pairs, 0, 1), what="entry of w after a step", title="Each step is the claimed one"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Rational w_1, w_2, g in the plane, and eta."""
    number = st.builds(sp.Rational, st.integers(-5, 5), st.integers(1, 4))
    row = st.lists(number, min_size=2, max_size=2)
    return st.tuples(row, number.filter(bool), row, number.map(abs))


def holds(claim: Claim, case: Any) -> bool:
    """Take one step in rational numbers."""
    return bool(claimed_step(claim, *case) == true_step(*case))


FALSE_TWINS = (
    FalseTwin("rho = eta w_2^2, nothing neglected", {"claim": step_is(SECOND_AFTER / SECOND, STEP * SECOND**2)}),
    FalseTwin("no shrinking of w", {"claim": step_is(sp.Integer(1), STEP * SECOND * SECOND_AFTER)}),
)

THEOREM = Theorem(
    name="observation1_identity",
    source=Source(PAPER, "Observation 1", "exact, nothing neglected"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("observation1_remainder", "observation1_momentum", "observation1_printed"),
)
