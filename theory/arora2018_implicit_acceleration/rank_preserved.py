r"""Along the balanced flow of two or more layers the rank of W_e never changes.

Assumptions
-----------
N >= 2; the layers follow (6) from balanced weights; L is continuously differentiable; any finite time.

Source
------
Beside Arora, Cohen and Hazan (2018), Theorem 1.

Idea of the proof
-----------------
W_e^T W_e = B^N, so B = W_1^T W_1 has the rank of W_e. W_2 = R W_1^T with |R| <= 1, as W_2^T W_2 = W_1 W_1^T; so
W_1^T G_1 = B K with a bounded K, and B' = -(C^T B + B C), C = eta lambda I + eta K. Along y' = C y the number y^T B y
is constant, and y(t_0) -> y(t) is invertible: B(t) and B(t_0) are congruent.

Deviations from the paper
-------------------------
New. It fails for N = 1, and in the limit of infinite time: that is how a small singular value can die or be born.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import balanced_layers, flow_layers
from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import DECAY, FIRST, FIRST_GRAM, STEP, balance_hypothesis, product_steps
from odeflow.symbolic.deep_linear_words import Letter, differentiate, dot, show_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

NOW, BEFORE, ROWS, COLUMNS = sp.symbols("r_t r_0 k d", nonnegative=True, integer=True)
NOISE = 1e-7
"""Singular values below this, relative to the largest, count as 0: the flow is integrated at 1e-10."""


def rank_becomes(value: sp.Expr) -> Claim:
    """Return the claim that the rank at time t is `value`."""
    return Claim(
        "The balanced flow of N >= 2 layers keeps the rank of W_e.",
        equate(NOW, value),
        ("N >= 2", "the layers follow (6) from balanced weights", "finite time"),
        {NOW: "rank of W_e(t)", BEFORE: "rank of W_e(t_0)"},
    )


CLAIM = rank_becomes(BEFORE)


def derive(claim: Claim) -> Derivation:
    """Congruence of B(t) and B(t_0), in symbolic dimensions."""
    products, named = product_steps()
    first_gradient, K = Letter("G_1", FIRST.rows, "d"), Letter("K", "d", "d")
    y = Letter("y", "d", 1)
    rate = -STEP * DECAY * FIRST - STEP * first_gradient
    moved = show_matrices(
        "B moves by",
        equate(dot(FIRST_GRAM), -2 * STEP * DECAY * FIRST_GRAM - STEP * (FIRST_GRAM * K + K.T * FIRST_GRAM)),
        {dot(FIRST_GRAM): differentiate(FIRST.T * FIRST, {FIRST: rate}), FIRST_GRAM: FIRST.T * FIRST},
        rules=[
            (FIRST.T * first_gradient, FIRST.T * FIRST * K),
            (first_gradient.T * FIRST, K.T * FIRST.T * FIRST),
        ],
    )
    own = -2 * STEP * DECAY * FIRST_GRAM - STEP * (FIRST_GRAM * K + K.T * FIRST_GRAM)
    along = STEP * DECAY * y + STEP * K * y
    form = Letter("q", 1, 1)
    constant = show_matrices(
        "along y' = eta lambda y + eta K y the number q = y^T B y is constant",
        equate(dot(form), sp.Integer(0) * form),
        {dot(form): differentiate(y.T * FIRST_GRAM * y, {y: along, FIRST_GRAM: own})},
    )
    return Derivation(
        (
            assume("N >= 2, the layers follow (6)"),
            balance_hypothesis(),
            *products,
            define("(9) holds along the flow (layer_conservation)"),
            infer("|W_2 x| = |W_1^T x| for all x, so W_2 = R W_1^T with |R| <= 1 (R = 0 off the range of W_1^T)"),
            infer("G_1 = W_2^T ... W_N^T G, so W_1^T G_1 = W_1^T W_1 K with K = R^T W_3^T ... W_N^T G, bounded"),
            moved,
            constant,
            infer("y(t_0) -> y(t) is linear and invertible, so B(t) and B(t_0) have kernels of one dimension"),
            infer("W_e^T W_e = B^N has the rank of B", named["right"].formula, from_=[named["right"], moved, constant]),
            show_with("so the ranks are equal", claim.formula, {NOW: BEFORE}),
        )
    )


def final_rank(case: tuple[int, int, int, int, int]) -> tuple[int, int, tuple[int, int]]:
    """Return the ranks at time 0 and 2 of a balanced flow to a random target, and the shape."""
    depth, rows, columns, rank, seed = case
    rng = np.random.default_rng(seed)
    left, _, right = np.linalg.svd(rng.standard_normal((rows, columns)), full_matrices=False)
    rank = min(rank, rows, columns)
    start = (left[:, :rank] * rng.uniform(0.5, 1.0, rank)) @ right[:rank]
    run = flow_layers(
        balanced_layers(start, depth), rng.standard_normal((rows, columns)), [0.0, 2.0], with_error_bar=False
    )
    values = np.linalg.svd(run.end_to_end[-1], compute_uv=False)
    return rank, int((values > NOISE * max(values[0], 1e-3)).sum()), (rows, columns)


def agrees(claim: Claim, case: tuple[int, int, int, int, int]) -> bool:
    """Compare the final rank with the claimed one."""
    said, after = both(claim, case)
    return said == after


def both(claim: Claim, case: tuple[int, int, int, int, int]) -> tuple[int, int]:
    """Return the claimed final rank and the final rank."""
    before, after, (rows, columns) = final_rank(case)
    values = {BEFORE: before, ROWS: rows, COLUMNS: columns}
    return int(claim.formula.rhs.xreplace({name: sp.Integer(n) for name, n in values.items()})), after


def simulate(claim: Claim, seed: int) -> Evidence:
    """Flow from low rank to targets of full rank; a single layer, which is not covered, gains rank."""
    cases = [(depth, 3, 4, rank, 10 * seed + depth) for depth in (2, 3, 4) for rank in (1, 2, 3)]
    ranks = [both(claim, case) for case in cases]
    wrong = [said for said, after in ranks if said != after]
    before, single, _ = final_rank((1, 3, 4, 1, seed))
    return Evidence.measured(
        claim,
        f"{len(wrong)} of {len(cases)} flows depart from the claim; a single layer goes from rank {before} to {single}",
        contradicted=bool(wrong),
        error_bar=f"singular values below {NOISE:.2g} count as 0",
        cases=len(cases),
        seed=seed,
        picture=against_claim(*np.array(ranks).T, what="rank at t = 2", title="The flow keeps the rank"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depth 2 to 4, shapes, ranks and seeds."""
    size = st.integers(1, 3)
    return st.tuples(st.integers(2, 4), size, size, size, st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one flow."""
    return agrees(claim, case)


def one_layer() -> st.SearchStrategy[Any]:
    """A single layer of a shape that has room for more rank."""
    return st.tuples(st.just(1), st.just(2), st.just(2), st.just(1), st.integers(0, 10**6))


FALSE_TWINS = (
    FalseTwin("full rank at once", {"claim": rank_becomes(sp.Min(ROWS, COLUMNS))}),
    FalseTwin("one layer as well", {"domain": one_layer, "derive": None, "simulate": None}),
)

THEOREM = Theorem(
    name="rank_preserved",
    source=Source(PAPER, "Theorem 1, rank", "a consequence the paper does not draw"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("end_to_end_dynamics",),
)
