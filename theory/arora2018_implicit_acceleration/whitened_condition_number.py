r"""Section 8, "with l2 loss depth hinders": on whitened data the condition number rises from 1 to N, exactly.

Assumptions
-----------
k = 1, w != 0, N >= 1; the l2 loss on whitened inputs, Sigma = I.

Source
------
Arora, Cohen and Hazan (2018), section 2 (Saxe et al.: depth can slow down) and Figure 3: "with l2 loss, depth
(slightly) hinders optimization".

Idea of the proof
-----------------
P Sigma = P multiplies w by N |w|^{2-2/N} and everything orthogonal to w by |w|^{2-2/N} (d >= 2).

Deviations from the paper
-------------------------
The paper shows this on one data set. Here it is a theorem for whitened data, where gradient descent needs one step; for
other data depth can help, also with l2 (`acceleration_needs_large_p_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, by, define, equate, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Vector
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import single_output_rule
from theory.arora2018_implicit_acceleration.depth_condition_number import DEEP_KAPPA, preconditioned_kappa
from theory.arora2018_implicit_acceleration.notation import PAPER


def kappa_is(value: sp.Expr) -> Claim:
    """Return the claim kappa(P) = value."""
    return Claim(
        "On whitened data a depth-N network with one output has the local condition number N instead of 1.",
        equate(DEEP_KAPPA, value),
        ("one output, d >= 2", "l2 loss, whitened inputs", "w is not 0"),
        {DEEP_KAPPA: "condition number of P Sigma, Sigma = I", DEPTH: "number of layers"},
    )


CLAIM = kappa_is(DEPTH)


def apply_rule(gradient: Vector, along: sp.Expr, scale: sp.Expr) -> Vector:
    """Return |w|^a (g + (N - 1) <g, w>/|w|^2 w) with <g, w>/|w|^2 = along and |w|^a = scale."""
    result: Vector = scale * (gradient + (DEPTH - 1) * along * Vector.base("w"))
    return result


def derive(claim: Claim) -> Derivation:
    """Apply the rule of Claim 2 to w itself and to a vector orthogonal to it."""
    w, v, scale = Vector.base("w"), Vector.base("v"), sp.Symbol("c", positive=True)
    rule = single_output_rule
    radial, tangential = apply_rule(w, sp.Integer(1), scale), apply_rule(v, sp.Integer(0), scale)
    return Derivation(
        (
            by("single_output_rule", rule.derive(rule.CLAIM), rule.CLAIM.formula),
            define("c = |w|^{2-2/N}; v orthogonal to w; on w the projection's coefficient is 1, on v it is 0"),
            show_equal_vectors("P w = N c w", radial, DEPTH * scale * w, name="P w"),
            show_equal_vectors("P v = c v", tangential, scale * v, name="P v"),
            show_with("the quotient", claim.formula, {DEEP_KAPPA: DEPTH * scale / scale}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compute kappa(P) in floats, d = 2, ..., 5, N = 1, ..., 8."""
    rng = np.random.default_rng(seed)
    gaps = [
        abs(preconditioned_kappa(np.eye(d), rng.standard_normal(d), depth) / float(claim.bound({DEPTH: depth})) - 1.0)
        for d in range(2, 6)
        for depth in range(1, 9)
    ]
    return Evidence.measured(
        claim,
        f"kappa(P) departs from the claim by at most {max(gaps):.2g}",
        contradicted=max(gaps) > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=len(gaps),
        seed=seed,
        picture=departures(gaps, 1e-12, title="On whitened data kappa is the claimed one", of="rounding"),
    )


def domain() -> st.SearchStrategy[tuple[tuple[float, ...], int]]:
    """Directions of w in up to four dimensions, N = 1, ..., 9."""
    component = st.floats(-1.0, 1.0)
    w = st.lists(component, min_size=2, max_size=4).map(tuple).filter(lambda c: max(map(abs, c)) > 1e-3)
    return st.tuples(w, st.integers(1, 9))


def holds(claim: Claim, case: tuple[tuple[float, ...], int]) -> bool:
    """Check one direction."""
    w, depth = np.array(case[0]), case[1]
    return abs(preconditioned_kappa(np.eye(w.size), w, depth) - float(claim.bound({DEPTH: depth}))) < 1e-11 * depth


FALSE_TWINS = (
    FalseTwin("kappa stays 1", {"claim": kappa_is(sp.Integer(1))}),
    FalseTwin("N^2 instead of N", {"claim": kappa_is(DEPTH**2)}),
    FalseTwin("2 - 2/N instead of N, by numbers alone", {"claim": kappa_is(2 - 2 / (DEPTH + 1)), "derive": None}),
)

THEOREM = Theorem(
    name="whitened_condition_number",
    source=Source(PAPER, "Section 2 (Saxe et al.), Figure 3", "a theorem on whitened data"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("depth_condition_number", "acceleration_needs_large_p_printed"),
)
