r"""How many cross terms three layers have: d m_1 m_2 (m_2 - 1), cubic if both hidden widths grow.

Assumptions
-----------
d inputs, hidden widths m_1 and m_2, one output, fully connected, untied, no biases.

Source
------
Corrects Appendix C: "The number of pairs could grow quadratically with width".

Idea of the proof
-----------------
Each of the d m_1 first-layer weights ends m_2 paths, one through each node of the second layer: m_2^2 - m_2 ordered
pairs of different ones. All other weights end one path.

Deviations from the paper
-------------------------
Quadratic in m_2, linear in m_1. The paper adds "i.i.d. random variables and strictly positive": cross terms share
weights, so they are dependent, and they have both signs (mean 0, `weak_part_mean_three_layers`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, show_with
from odeflow.symbolic.path_counts import layered_path_counts
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import enumerate_paths
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

CROSS = sp.Symbol("C", nonnegative=True, integer=True)
INPUTS, FIRST, SECOND = sp.symbols("d m_1 m_2", positive=True, integer=True)


def number_is(value: sp.Expr) -> Claim:
    """Return the claim C = value."""
    return Claim(
        "A fully connected network with hidden widths m_1, m_2 has d m_1 m_2 (m_2 - 1) cross terms in (12).",
        equate(CROSS, value),
        ("three layers, fully connected, one output, untied, no biases",),
        {CROSS: "ordered pairs of different paths with one end", INPUTS: "inputs", FIRST: "first hidden width",
         SECOND: "second hidden width"},
    )  # fmt: skip


CLAIM = number_is(INPUTS * FIRST * SECOND * (SECOND - 1))


def derive(claim: Claim) -> Derivation:
    """Add |pre(w)|^2 - |pre(w)| over the three layers."""
    layers = ((INPUTS * FIRST, SECOND), (FIRST * SECOND, sp.Integer(1)), (SECOND, sp.Integer(1)))
    total = sp.Add(*(weights * (ends**2 - ends) for weights, ends in layers))
    return Derivation(
        (
            define(
                "a path back to a first-layer node passes one of m_2 nodes; to a second-layer node there is one path"
            ),
            define("d m_1 weights with m_2 paths, m_1 m_2 and m_2 weights with one path each"),
            show_with("sum of |pre(w)|^2 - |pre(w)|", claim.formula, {CROSS: total}),
        )
    )


def claimed(claim: Claim, d: int, a: int, b: int) -> sp.Expr:
    """Return the claimed number."""
    return claim.formula.rhs.xreplace({INPUTS: sp.Integer(d), FIRST: sp.Integer(a), SECOND: sp.Integer(b)})


def simulate(claim: Claim, seed: int) -> Evidence:
    """List the paths of small networks and count pairs that end together."""
    cases = [(d, a, b) for d in (1, 2, 3) for a in (1, 2, 4) for b in (1, 2, 3, 5)]
    wrong, pairs = [], []
    for d, a, b in cases:
        _, ends = np.unique([p[-1] for p in enumerate_paths(layered_network([d, a, b, 1]))], return_counts=True)
        pairs.append((float(claimed(claim, d, a, b)), int(np.sum(ends * (ends - 1)))))
        if pairs[-1][1] != claimed(claim, d, a, b):
            wrong.append((d, a, b))
    return Evidence.measured(
        claim,
        f"{len(wrong)} of {len(cases)} widths differ when paths are listed: {wrong[:3]}",
        contradicted=bool(wrong),
        error_bar="none (integers)",
        cases=len(cases),
        picture=against_claim(
            *zip(*pairs, strict=True), what="cross terms", title="Listed cross terms are as many as claimed"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Widths (d, m_1, m_2)."""
    return st.tuples(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 1000))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the product formula."""
    return bool(layered_path_counts(case).cross == claimed(claim, *case))


FALSE_TWINS = (
    FalseTwin("the number of paths, squared widths", {"claim": number_is(INPUTS * FIRST * SECOND**2)}),
    FalseTwin("quadratic in m_1", {"claim": number_is(INPUTS * FIRST * (FIRST - 1) * SECOND)}),
)

THEOREM = Theorem(
    name="cross_term_count",
    source=Source(PAPER, "Appendix C, number of pairs", "exact for three layers"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("cross_term_count_printed", "layered_summands"),
)
