r"""What a linear network can express: the matrices of rank at most min(k, d, n_1, ..., n_{N-1}).

Assumptions
-----------
N >= 2 layers of widths n_0 = d, n_1, ..., n_N = k.

Source
------
Corrects Arora, Cohen and Hazan (2018), sections 1 and 4.

Idea of the proof
-----------------
A product factors through every hidden layer, so its rank is at most each width. M = L R of rank r <= n_j is reached:
W_1 = J_1 R, W_j = J_j J_{j-1}^T, W_N = L J_{N-1}^T with J_j the n_j x r identity.

Deviations from the paper
-------------------------
The paper has no condition on the widths (`expressiveness_printed`).
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear_words import Letter, show_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.expressiveness_printed import (
    INPUTS,
    NARROWEST,
    OUTPUTS,
    RANK,
    largest_rank_is,
)
from theory.arora2018_implicit_acceleration.notation import PAPER


def of_rank(value: sp.Expr) -> Claim:
    """Return the claim that exactly the matrices up to this rank are products."""
    claim = largest_rank_is(value)
    return Claim(
        "The products W_N ... W_1 are the matrices of rank at most min(k, d, n_1, ..., n_{N-1}): nothing is lost iff "
        "every hidden width is at least min(k, d).",
        claim.formula,
        ("N >= 2",),
        claim.where,
    )


CLAIM = of_rank(sp.Min(OUTPUTS, INPUTS, NARROWEST))


def derive(claim: Claim) -> Derivation:
    """Bound the rank; build every matrix up to it, in symbolic dimensions."""
    J, before = Letter("J_j", "n_j", "r"), Letter("J_{j-1}", "n_{j-1}", "r")
    R, L, last = Letter("R", "r", "d"), Letter("L", "k", "r"), Letter("J_{N-1}", "n_{N-1}", "r")
    chain = Letter("V_{j+1}", "n_j", "d")
    step = show_matrices(
        "if W_{j-1} ... W_1 = J_{j-1} R then W_j ... W_1 = J_j R",
        equate(chain, J * R),
        {chain: (J * before.T) * (before * R)},
        rules=[(before.T * before, sp.Integer(1))],
    )
    end = show_matrices(
        "and the whole product is L R",
        equate(Letter("W_e", "k", "d"), L * R),
        {Letter("W_e", "k", "d"): (L * last.T) * (last * R)},
        rules=[(last.T * last, sp.Integer(1))],
    )
    return Derivation(
        (
            assume("layers of widths d, n_1, ..., n_{N-1}, k"),
            infer("a product factors through R^{n_j} for every j, so its rank is at most each n_j, k and d"),
            define("M of rank r is L R, L with r columns, R with r rows; J_j is the n_j x r identity, J_j^T J_j = I"),
            define("W_1 = J_1 R, W_j = J_j J_{j-1}^T, W_N = L J_{N-1}^T; possible iff r <= n_j for every j"),
            step,
            end,
            show_with(
                "so the largest rank is the smallest width",
                claim.formula,
                {RANK: sp.Min(OUTPUTS, INPUTS, NARROWEST)},
            ),
        )
    )


def claimed(claim: Claim, widths: Any) -> int:
    """Return the claimed largest rank."""
    values = {OUTPUTS: widths[-1], INPUTS: widths[0], NARROWEST: min(widths[1:-1])}
    return int(claim.formula.rhs.xreplace({k: sp.Integer(int(v)) for k, v in values.items()}))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Multiply Gaussian layers of 60 random shapes: their product has the largest rank with probability one."""
    rng = np.random.default_rng(seed)
    wrong, ranks = [], list[tuple[int, int]]()
    for _ in range(60):
        widths = rng.integers(1, 7, int(rng.integers(3, 6)))
        whole = np.eye(int(widths[0]))
        for a, b in itertools.pairwise(widths):
            whole = rng.standard_normal((b, a)) @ whole
        ranks.append((claimed(claim, widths), int(np.linalg.matrix_rank(whole, tol=1e-9 * np.linalg.norm(whole)))))
        if ranks[-1][0] != ranks[-1][1]:
            wrong.append(widths.tolist())
    return Evidence.measured(
        claim,
        f"{len(wrong)} of 60 shapes have another largest rank",
        contradicted=bool(wrong),
        error_bar="singular values below 1e-9 count as 0",
        cases=60,
        seed=seed,
        detail=f"widths {wrong[0]}" if wrong else "",
        picture=against_claim(
            *np.array(ranks).T, what="largest rank", title="Layers reach the claimed rank and no higher"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Widths d, n_1, ..., k."""
    return st.lists(st.integers(1, 4), min_size=3, max_size=5).map(tuple)


def holds(claim: Claim, case: Any) -> bool:
    """Build the product of identities, which attains the largest rank, and compare exactly."""
    whole = sp.eye(case[0])
    for a, b in itertools.pairwise(case):
        whole = sp.eye(b, a) * whole
    return bool(whole.rank() == claimed(claim, case))


FALSE_TWINS = (
    FalseTwin("no condition on the widths", {"claim": of_rank(sp.Min(OUTPUTS, INPUTS))}),
    FalseTwin("the narrowest width alone", {"claim": of_rank(NARROWEST)}),
)

THEOREM = Theorem(
    name="expressiveness",
    source=Source(PAPER, "Section 1, Section 4, expressiveness", "with the condition on the widths"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("expressiveness_printed", "end_to_end_loss"),
)
