r"""What balanced layers pay in weight decay: the Schatten quasi-norm of their product, of order 2/N.

Assumptions
-----------
W_{j+1}^T W_{j+1} = W_j W_j^T for j = 1, ..., N-1. Any N, any widths, any rank.

Source
------
Beside Arora, Cohen and Hazan (2018), section 5: the weight decay of (4) and (6) in terms of W_e.

Idea of the proof
-----------------
Neighbouring balanced layers have the same Frobenius norm: tr W_{j+1} W_{j+1}^T = tr W_{j+1}^T W_{j+1} = tr W_j W_j^T.
W_1^T W_1 = [W_e^T W_e]^{1/N}, so each of the N squares is tr [W_e^T W_e]^{1/N} = sum_i sigma_i^{2/N}.

Deviations from the paper
-------------------------
New. For N > 2 the order 2/N is below 1: deep linear networks with weight decay are pushed to low rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import balanced_layers
from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import (
    DEPTH,
    END,
    FIRST,
    FIRST_GRAM,
    INDEX,
    LAYER,
    NEXT,
    balance_hypothesis,
    product_steps,
    root_steps,
)
from odeflow.symbolic.deep_linear_instances import BalancedNetwork
from odeflow.symbolic.deep_linear_words import show_traces
from odeflow.symbolic.derivations import Derivation, equate, infer, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import balanced_networks
from theory.arora2018_implicit_acceleration.notation import PAPER

TRACE = sp.Function("tr")
SQUARES = sp.Sum(TRACE(LAYER.T * LAYER), (INDEX, 1, DEPTH))
QUASI_NORM = TRACE((END.T * END) ** (1 / DEPTH))


def squares_are(value: sp.Expr) -> Claim:
    """Return the claim that the squared Frobenius norms of the layers add up to `value`."""
    return Claim(
        "Balanced layers have |W_1|^2 + ... + |W_N|^2 = N sum_i sigma_i(W_e)^{2/N}.",
        equate(SQUARES, value),
        ("W_{j+1}^T W_{j+1} = W_j W_j^T for j = 1, ..., N-1",),
        {SQUARES: "sum of the layers' squared Frobenius norms", QUASI_NORM: "sum of sigma_i(W_e)^{2/N}"},
    )


CLAIM = squares_are(DEPTH * QUASI_NORM)


def derive(claim: Claim) -> Derivation:
    """All layers have one Frobenius norm; that of the first is known."""
    products, found = product_steps()
    turned = show_traces("turned around", NEXT.T * NEXT, NEXT * NEXT.T)
    around = show_traces("turned around", LAYER * LAYER.T, LAYER.T * LAYER)
    same = infer(
        "with (7) neighbours have one norm, so every layer has that of the first",
        equate(TRACE(LAYER.T * LAYER), TRACE(FIRST.T * FIRST)),
        from_=[turned, around],
    )
    roots = root_steps()
    root = infer(
        "W_e^T W_e = B^N, so B = W_1^T W_1 = [W_e^T W_e]^{1/N}",
        equate(FIRST_GRAM, (END.T * END) ** (1 / DEPTH)),
        from_=[found["right"], roots[-1]],
    )
    each = sp.Sum(QUASI_NORM, (INDEX, 1, DEPTH))
    return Derivation(
        (
            balance_hypothesis(),
            turned,
            around,
            same,
            *products,
            *roots,
            root,
            show_with("N equal terms", claim.formula, {SQUARES: each.doit()}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Factor random matrices into balanced layers and add their squares up."""
    rng = np.random.default_rng(seed)
    worst, count, pairs = 0.0, 0, list[tuple[float, float]]()
    for depth in range(1, 6):
        for shape in ((1, 1), (2, 3), (4, 2)):
            W = rng.standard_normal(shape)
            squares = sum(float(np.sum(layer**2)) for layer in balanced_layers(W, depth))
            quasi = float(np.sum(np.linalg.svd(W, compute_uv=False) ** (2.0 / depth)))
            claimed = float(claim.formula.rhs.subs({QUASI_NORM: quasi, DEPTH: depth}))
            pairs.append((claimed, squares))
            worst, count = max(worst, abs(claimed - squares) / squares), count + 1
    return Evidence.measured(
        claim,
        f"the squares depart from the claim by at most {worst:.2g} of it",
        contradicted=worst > 1e-11,
        error_bar="1e-11 (rounding)",
        cases=count,
        seed=seed,
        picture=against_claim(
            *np.array(pairs).T, what="sum of the layers' squares", log=True, title="Layers add up as claimed"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Balanced rational networks."""
    return balanced_networks()


def holds(claim: Claim, case: BalancedNetwork) -> bool:
    """Add the squares up in rational numbers."""
    depth = sp.Integer(case.depth)
    root = case.power(case.product.T * case.product, 1 / depth)
    squares = sum((W.T * W).trace() for W in case.layers)
    return bool(claim.formula.rhs.xreplace({QUASI_NORM: root.trace(), DEPTH: depth}) == squares)


FALSE_TWINS = (FalseTwin("one layer's share", {"claim": squares_are(QUASI_NORM)}),)

THEOREM = Theorem(
    name="schatten_is_layers",
    source=Source(PAPER, "Section 5, weight decay", "what balanced layers pay"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weight_decay_schatten", "products_are_powers"),
)
