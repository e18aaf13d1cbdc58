r"""Remark 6.3: with momentum, cos(v_{t+1}, v_t) does not decrease in the momentum coefficient m_0.

Assumptions
-----------
v_{t+1} = m_0 v_t - eps g, (18); v_t, v_{t+1} not 0. Every dimension, any real m_0.

Source
------
Path formula paper (ICLR 2020), Remark 6.3 and (18).

Idea of the proof
-----------------
The lemma of Proposition 6.2 once more: t -> cos(v + t u, u) never decreases, with v = -eps g and u = v_t. Strictly,
unless the gradient is parallel to v_t.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import assume as given_that
from hypothesis import strategies as st

from odeflow.symbolic.derivations import Derivation, define, infer, show_with
from odeflow.symbolic.inner_products import Vector
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._students import cosine, satisfied
from theory.iclr2020_path_formula.depth_momentum import cosine_rises
from theory.iclr2020_path_formula.notation import PAPER

LESS, MORE = sp.symbols("cos_less cos_more", real=True)
GAIN = sp.Symbol("gain", nonnegative=True)


def at_least(value: sp.Expr) -> Claim:
    """Return the claim that the cosine with the larger coefficient is at least `value`."""
    return Claim(
        "A larger momentum coefficient gives a larger cosine between successive updates.",
        sp.Ge(MORE, value, evaluate=False),
        ("v_{t+1} = m_0 v_t - eps g", "v_t != 0, v_{t+1} != 0"),
        {MORE: "cos(v_{t+1}, v_t) with the larger m_0", LESS: "the same with the smaller m_0"},
    )


CLAIM = at_least(LESS)


def derive(claim: Claim) -> Derivation:
    """Apply the lemma with v = -eps g and u = v_t."""
    steps = [
        define("v_{t+1} = v + m_0 u with v = a = -eps g, u = v_t"),
        *cosine_rises(Vector.base("a"), Vector.base("v_t")),
    ]
    gain = infer("integrated from the smaller to the larger coefficient", from_=steps)
    return Derivation((*steps, gain, show_with("so", claim.formula, {MORE: LESS + GAIN})))


def domain() -> st.SearchStrategy[tuple[int, float, float]]:
    """A seed for g and v_t, a coefficient, and by how much the other one is larger."""
    return st.tuples(st.integers(0, 2**16), st.floats(0.0, 1.0), st.floats(0.0, 1.0))


def holds(claim: Claim, case: tuple[int, float, float]) -> bool:
    """Compute both cosines in three dimensions."""
    seed, coefficient, more = case
    g, v = np.random.default_rng(seed).standard_normal((2, 3))
    updates = coefficient * v - g, (coefficient + more) * v - g
    given_that(min(float(u @ u) for u in updates) > 1e-6)
    less, larger = (cosine(u, v) for u in updates)
    return satisfied(claim.formula, {LESS: less, MORE: larger})


FALSE_TWINS = (
    FalseTwin("the cosine is positive", {"claim": at_least(sp.S.Zero)}),
    FalseTwin("by 1 % of what is left to 1", {"claim": at_least(LESS + (1 - LESS) / 100)}),
)

THEOREM = Theorem(
    name="momentum_preference",
    source=Source(PAPER, "Remark 6.3, (18)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_momentum",),
)
