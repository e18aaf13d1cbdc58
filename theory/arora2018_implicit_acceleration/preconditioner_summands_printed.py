r"""Appendix A.2 as printed: the j-th term has the eigenvalue sigma_r^{2(N-j)/N} sigma_q^{2(j-1)/N}. Refuted.

Assumptions
-----------
Those of Claim 1; r is the index of the left singular vector u_r, q (the paper's r') of the right one.

Source
------
Arora, Cohen and Hazan (2018), Claim 1 and Appendix A.2, "with corresponding diagonal elements", read term by term.

Idea of the refutation
----------------------
W = diag(4, 1), N = 2: the first summand is W'W to the power 1/2, acting on the right. It multiplies vec(e_1 e_2') by
sigma_2 = 1; the printed value is sigma_1 = 4.

Deviations from the paper
-------------------------
Only the correspondence of terms is wrong: the printed sum over j is right (`preconditioner_eigenvalues`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_violated
from odeflow.symbolic.preconditioners import (
    DEPTH,
    LAYER,
    LEFT,
    RIGHT,
    SpectralMatrix,
    show_equal_matrices,
    summand,
    vec,
)
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import preconditioner_summands as corrected
from theory.arora2018_implicit_acceleration.notation import PAPER


def printed(value: sp.Expr) -> Claim:
    """Return the claim with the paper's words."""
    claim = corrected.term_is(value)
    return Claim(
        "The j-th diagonal element at vec(u_r v_q') carries the power N - j of sigma_r.",
        claim.formula,
        claim.assumptions,
        claim.where,
    )


CLAIM = printed(corrected.PRINTED)


def counterexample(claim: Claim) -> Derivation:
    """Multiply the first summand of W = diag(4, 1), N = 2, into vec(e_1 e_2')."""
    W = SpectralMatrix(sp.eye(2), sp.eye(2), (sp.Integer(2), sp.Integer(1)), 2)
    direction = vec(W.left[:, 0] * W.right[:, 1].T)
    value = sp.Integer(1)
    instance = {corrected.TERM: value, DEPTH: sp.Integer(2), LAYER: sp.Integer(1), LEFT: sp.Integer(4), RIGHT: value}
    return Derivation(
        (
            assume("W = diag(4, 1), N = 2, j = 1; u_1 = e_1, v_2 = e_2"),
            show_equal_matrices("W has the singular values 4 and 1", W.matrix, sp.diag(4, 1), name="W"),
            show_equal_matrices(
                "[W'W]^{1/2} squared is W'W", W.gram_power(1, right=True) ** 2, W.matrix.T * W.matrix, name="its square"
            ),
            show_equal_matrices(
                "the first summand leaves vec(e_1 e_2') as it is",
                summand(W, 1) * direction,
                value * direction,
                name="first summand times vec(e_1 e_2')",
            ),
            show_violated("its eigenvalue is sigma_2 = 1, not sigma_1 = 4", claim.formula, instance),
        )
    )


FALSE_TWINS = (
    FalseTwin("both powers on sigma_r", {"claim": printed(LEFT ** (2 * (DEPTH - 1) / DEPTH))}),
    FalseTwin("the power j of sigma_q", {"claim": printed(CLAIM.formula.rhs * RIGHT ** (2 / DEPTH))}),
)

THEOREM = Theorem(
    name="preconditioner_summands_printed",
    source=Source(PAPER, "Claim 1, Appendix A.2", "as printed, term by term; corrected in preconditioner_summands"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=corrected.CLAIM,
    simulate=corrected.simulate,
    twins=FALSE_TWINS,
    related=("preconditioner_summands", "preconditioner_eigenvalues"),
)
