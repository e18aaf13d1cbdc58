r"""When identity initialisation satisfies (7): min(n_j, n_{j+1}) = min(n_j, n_{j-1}) for every hidden layer.

Assumptions
-----------
W_j has ones on its diagonal and zeros elsewhere, n_j x n_{j-1}.

Source
------
Corrects Arora, Cohen and Hazan (2018), section 8 and Appendix C.

Idea of the proof
-----------------
W_{j+1}^T W_{j+1} keeps the first min(n_j, n_{j+1}) coordinates and drops the others; W_j W_j^T keeps the first
min(n_j, n_{j-1}). The difference of two such projections has the rank of the difference of their ranks.

Deviations from the paper
-------------------------
The paper claims (7) for all widths (`identity_balanced_printed`). True for square layers; for hidden width 1 with one
output, the paper's own setting; false for widths 128, 100, 100, 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import imbalance
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.identity_balanced_printed import (
    AFTER,
    BEFORE,
    HERE,
    WRONG,
    identity_imbalance,
    rank_is,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

LARGEST = 4


def of_rank(value: sp.Expr) -> Claim:
    """Return the claim that D_j of identity layers has this rank."""
    claim = rank_is(value)
    return Claim(
        "Identity layers have D_j of rank |min(n_j, n_{j+1}) - min(n_j, n_{j-1})|: (7) holds iff all these are 0.",
        claim.formula,
        claim.assumptions,
        claim.where,
    )


CLAIM = of_rank(sp.Abs(sp.Min(HERE, AFTER) - sp.Min(HERE, BEFORE)))


def derive(claim: Claim) -> Derivation:
    """Two nested coordinate projections; all widths up to 4 are multiplied out as well."""
    i, first, second = sp.symbols("i p q", integer=True)
    after, before = sp.Min(HERE, AFTER), sp.Min(HERE, BEFORE)
    total = sum(
        (identity_imbalance(a, n, b).rank() - abs(min(n, b) - min(n, a))) ** 2
        for a in range(1, LARGEST + 1)
        for n in range(1, LARGEST + 1)
        for b in range(1, LARGEST + 1)
    )
    counted = sp.Sum(sp.Integer(1), (i, first + 1, second)).doit()
    steps = [
        infer("W_{j+1}^T W_{j+1} is diagonal: entry i is 1 for i <= min(n_j, n_{j+1}), else 0"),
        infer("W_j W_j^T is diagonal: entry i is 1 for i <= min(n_j, n_{j-1}), else 0"),
        show_equal("entries that differ, p < i <= q", counted, second - first, name="number of entries that differ"),
        show_equal(
            "all 64 triples of widths up to 4 multiplied out: sum of squared errors",
            sp.Integer(total),
            sp.Integer(0),
            name="sum of squared errors",
        ),
    ]
    return Derivation(
        (
            assume("ones on the diagonal of each W_j, zeros elsewhere"),
            *steps,
            show_with("with p and q the two minima, in order", claim.formula, {WRONG: sp.Abs(after - before)}),
        )
    )


def claimed(claim: Claim, widths: tuple[int, int, int]) -> int:
    """Return the claimed rank."""
    before, here, after = (sp.Integer(n) for n in widths)
    return int(claim.formula.rhs.xreplace({BEFORE: before, HERE: here, AFTER: after}))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the imbalance of identity layers: squared Frobenius norm = rank; 128-100-100-1 among them."""
    rng = np.random.default_rng(seed)
    triples = [(100, 100, 1), (128, 100, 100), (5, 5, 5), (7, 1, 1), *map(tuple, rng.integers(1, 9, (40, 3)).tolist())]
    ranks = [round(imbalance([np.eye(w[1], w[0]), np.eye(w[2], w[1])]) ** 2) for w in triples]
    wrong = [w for w, rank in zip(triples, ranks, strict=True) if rank != claimed(claim, w)]
    return Evidence.measured(
        claim,
        f"{len(wrong)} of {len(triples)} triples of widths depart from the claim",
        contradicted=bool(wrong),
        error_bar="0.5 (whole numbers)",
        cases=len(triples),
        seed=seed,
        detail=f"widths {wrong[0]}" if wrong else "",
        picture=against_claim(
            [claimed(claim, w) for w in triples],
            ranks,
            what="rank of the imbalance",
            title="Identity layers are out of balance by the claimed rank",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Widths n_{j-1}, n_j, n_{j+1}."""
    width = st.integers(1, 6)
    return st.tuples(width, width, width)


def holds(claim: Claim, case: Any) -> bool:
    """Compute the rank exactly."""
    return bool(identity_imbalance(*case).rank() == claimed(claim, case))


FALSE_TWINS = (
    FalseTwin("always balanced", {"claim": of_rank(sp.Integer(0))}),
    FalseTwin("the difference of the outer widths", {"claim": of_rank(sp.Abs(AFTER - BEFORE))}),
)

THEOREM = Theorem(
    name="identity_balanced",
    source=Source(PAPER, "Section 8, identity initialisation", "corrected"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("identity_balanced_printed", "end_to_end_dynamics"),
)
