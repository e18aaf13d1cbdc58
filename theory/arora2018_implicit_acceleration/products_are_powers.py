r"""(18)-(24): in a balanced chain every partial product is a power of the first or of the last layer.

Assumptions
-----------
W_{j+1}^T W_{j+1} = W_j W_j^T for j = 1, ..., N-1. Any N, any widths, any ranks.

Source
------
Arora, Cohen and Hazan (2018), Appendix A.1, equations (18)-(24).

Idea of the proof
-----------------
W_j^T W_j (W_{j-1} ... W_1) = (W_{j-1} ... W_1) W_1^T W_1, one layer at a time; so each layer that is added to V
multiplies V^T V by W_1^T W_1. The same from the other end. Positive semidefinite roots are unique.

Deviations from the paper
-------------------------
The paper aligns singular value decompositions, with diagonal matrices that are "equal up to trailing zero rows and
columns" if the singular values are ordered non-increasingly (it prints non-decreasing). No decomposition is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import balanced_layers
from odeflow.panels import departures
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.deep_linear import (
    ABOVE,
    BELOW,
    DEPTH,
    END,
    FIRST,
    FIRST_GRAM,
    INDEX,
    LAST,
    LAST_GRAM,
    balance_hypothesis,
    product_steps,
    root_steps,
    without_roots,
)
from odeflow.symbolic.deep_linear_instances import BalancedNetwork, products_around
from odeflow.symbolic.deep_linear_words import evaluate, show_matrices
from odeflow.symbolic.deep_linear_written_out import WRITTEN_OUT, show_written_out
from odeflow.symbolic.derivations import Derivation, Step, equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import balanced_networks, gram_powers, product
from theory.arora2018_implicit_acceleration.notation import PAPER

AGREE = 1e-9
"""Rounding of powers of matrices of norm 1 with condition number 10 or less."""


def products_are(above: sp.Expr, below: sp.Expr) -> Claim:
    """Return the claim U_j U_j^T = [W_e W_e^T]^above, V_j^T V_j = [W_e^T W_e]^below, and that for the whole product."""
    return Claim(
        "In a balanced chain W_e W_e^T = (W_N W_N^T)^N and W_e^T W_e = (W_1^T W_1)^N; partial products are fractional "
        "powers.",
        sp.And(
            equate(ABOVE * ABOVE.T, (END * END.T) ** above),
            equate(BELOW.T * BELOW, (END.T * END) ** below),
            equate(END * END.T, (LAST * LAST.T) ** DEPTH),
            equate(END.T * END, (FIRST.T * FIRST) ** DEPTH),
        ),
        ("W_{j+1}^T W_{j+1} = W_j W_j^T for j = 1, ..., N-1",),
        {ABOVE: "W_N ... W_{j+1}", BELOW: "W_{j-1} ... W_1", END: "W_N ... W_1", DEPTH: "number of layers"},
    )


CLAIM = products_are((DEPTH - INDEX) / DEPTH, (INDEX - 1) / DEPTH)


def derive(claim: Claim) -> Derivation:
    """Take the layers off one at a time; then take the N-th root."""
    steps, _ = product_steps()
    return Derivation(
        (balance_hypothesis(), *steps, *root_steps(), *(show_written_out(n) for n in WRITTEN_OUT[:3]), concluded(claim))
    )


def concluded(claim: Claim) -> Step:
    """Put the four products into the claim."""
    known = {
        ABOVE * ABOVE.T: LAST_GRAM ** (DEPTH - INDEX),
        BELOW.T * BELOW: FIRST_GRAM ** (INDEX - 1),
        LAST * LAST.T: LAST_GRAM,
        FIRST.T * FIRST: FIRST_GRAM,
    }
    parts = [equate(*(without_roots(side.xreplace(known)) for side in part.args)) for part in claim.formula.args]
    computed = show_matrices("with A and B for the two ends", sp.And(*parts))
    status = Status.HOLDS if computed.decision.holds else Status.UNDECIDED
    decision = type(computed.decision)(status, computed.decision.method, computed.decision.detail)
    return Step("with A = W_N W_N^T and B = W_1^T W_1 both sides agree", claim.formula, computed.kind, decision)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Factor four random matrices into balanced layers and compare all partial products with SVD powers."""
    rng = np.random.default_rng(seed)
    gaps = list[float]()
    for depth, shape in ((2, (2, 3)), (3, (3, 3)), (4, (1, 3)), (5, (3, 2))):
        left, _, right = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
        W = (left * np.linspace(1.0, 0.3, min(shape))) @ right
        layers = balanced_layers(W, depth)
        for j in range(1, depth + 1):
            above = product(layers[j:]) if j < depth else np.eye(shape[0])
            below = product(layers[: j - 1]) if j > 1 else np.eye(shape[1])
            values = {ABOVE: above, BELOW: below, END: W, LAST: layers[-1], FIRST: layers[0]}
            numbers = {INDEX: sp.Integer(j), DEPTH: sp.Integer(depth)}
            for part in claim.formula.args:
                one = evaluate(part.lhs.xreplace(numbers), values, np.eye)
                right = part.rhs.xreplace(numbers)
                other = evaluate(right, values, np.eye, gram_powers(W), number=float, size=len(one))
                gaps.append(float(np.abs(one - other).max()))
    worst, count = max(gaps), len(gaps)
    return Evidence.measured(
        claim,
        f"{count} products depart from the claim by at most {worst:.2g}",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (rounding)",
        cases=count,
        seed=seed,
        picture=departures(gaps, AGREE, title="Partial products are the claimed powers", of="rounding"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Balanced rational networks, of any rank."""
    return balanced_networks()


def holds(claim: Claim, case: BalancedNetwork) -> bool:
    """Compare every product in rational numbers."""
    for j in range(1, case.depth + 1):
        above, below = products_around(case.layers, j - 1)
        values = {ABOVE: above, BELOW: below, END: case.product, LAST: case.layers[-1], FIRST: case.layers[0]}
        numbers = {INDEX: sp.Integer(j), DEPTH: sp.Integer(case.depth)}
        for part in claim.formula.args:
            one = evaluate(part.lhs.xreplace(numbers), values, sp.eye)
            if one != evaluate(part.rhs.xreplace(numbers), values, sp.eye, case.power, size=one.rows):
                return False
    return True


FALSE_TWINS = (
    FalseTwin("one layer too many above", {"claim": products_are((DEPTH - INDEX + 1) / DEPTH, (INDEX - 1) / DEPTH)}),
    FalseTwin("the two ends exchanged", {"claim": products_are((INDEX - 1) / DEPTH, (DEPTH - INDEX) / DEPTH)}),
)

THEOREM = Theorem(
    name="products_are_powers",
    source=Source(PAPER, "(18)-(24)", "without singular value decompositions"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("end_to_end_dynamics", "layer_conservation"),
)
