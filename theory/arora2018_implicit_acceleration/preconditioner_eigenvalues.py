r"""Claim 1: the preconditioner has the eigenvectors vec(u_r v_q') and symmetric sums over the layers as eigenvalues.

Assumptions
-----------
W_e any real k x d matrix with singular values sigma (0 beyond min(k, d)) and singular vectors u_r, v_q; N >= 1;
[.]^0 = I and 0^0 = 1.

Source
------
Arora, Cohen and Hazan (2018), Claim 1, (11); Appendix A.2.

Idea of the proof
-----------------
Every summand is diagonal in these vectors (`preconditioner_summands`); counted from the other end, j -> N + 1 - j, the
sum of its eigenvalues is the printed one. As the kd vectors are orthonormal, these are all eigenvalues.

Deviations from the paper
-------------------------
Each printed term belongs to the summand N + 1 - j (`preconditioner_summands_printed`). The paper writes the
eigendirection once as u_r v_r' where u_r v_r'' is meant.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, by, equate, infer, show_equal, show_with
from odeflow.symbolic.preconditioners import (
    DEPTH,
    LAYER,
    LEFT,
    RIGHT,
    eigenvalue_sum,
    preconditioner,
    show_equal_matrices,
    summand_eigenvalue,
    vec,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import preconditioner_summands as summands
from theory.arora2018_implicit_acceleration.notation import PAPER

VALUE = sp.Symbol("lambda_rq", nonnegative=True)


def value_is(term: sp.Expr) -> Claim:
    """Return the claim that P vec(u_r v_q') is vec(u_r v_q') times the sum of `term` over the layers."""
    return Claim(
        "The preconditioner's eigenvectors are vec(u_r v_q'), its eigenvalues are symmetric sums over the layers.",
        equate(VALUE, sp.Sum(term, (LAYER, 1, DEPTH))),
        ("W_e is any k x d matrix", "N >= 1", "[.]^0 = I, 0^0 = 1"),
        {
            VALUE: "eigenvalue of the preconditioner at vec(u_r v_q')",
            LEFT: "singular value of the left vector u_r",
            RIGHT: "singular value of the right vector v_q",
            DEPTH: "number of layers",
        },
    )


CLAIM = value_is(summands.PRINTED)


def derive(claim: Claim) -> Derivation:
    """Add the summands' eigenvalues and count the layers from the other end."""
    added = eigenvalue_sum()
    backwards = added.change_index(LAYER, DEPTH + 1 - LAYER, LAYER)
    mirrored = show_equal(
        "the term N + 1 - j of this sum is the j-th printed one",
        summand_eigenvalue(layer=DEPTH + 1 - LAYER),
        summands.PRINTED,
        name="term N + 1 - j",
    )
    each = by("preconditioner_summands", summands.derive(summands.CLAIM), summands.CLAIM.formula)
    return Derivation(
        (
            each,
            infer("vec is linear: P vec(u_r v_q') is the sum of the summands' eigenvalues times it", from_=[each]),
            mirrored,
            infer("j -> N + 1 - j counts 1, ..., N from the other end", equate(added, backwards), from_=[mirrored]),
            show_with("term by term", claim.formula, {VALUE: backwards}),
        )
    )


def claimed(claim: Claim, left: float, right: float, depth: int) -> float:
    """Evaluate the claimed sum in floats."""
    terms = sp.lambdify((LEFT, RIGHT, DEPTH, LAYER), claim.formula.rhs.function, "math")
    return float(sum(terms(left, right, depth, j) for j in range(1, depth + 1)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the sorted eigenvalues of P, built column by column from (10), with the sorted claimed ones."""
    rng = np.random.default_rng(seed)
    worst, cases, said, seen = 0.0, 0, list[float](), list[float]()
    for rows, columns, rank in summands.SIZES:
        for depth in (1, 2, 3, 5):
            W = summands.random_matrix(rng, rows, columns, rank)
            s = np.linalg.svd(W, compute_uv=False)
            s = np.where(s > 1e-12 * s.max(), s, 0.0)
            left, right = (np.concatenate([s, np.zeros(n - s.size)]) for n in (rows, columns))
            P = float_preconditioner(W, depth)
            values = np.sort([claimed(claim, a, b, depth) for a in left for b in right])
            said.extend(values)
            seen.extend(np.linalg.eigvalsh(P))
            worst = max(worst, float(np.abs(seen[-values.size :] - values).max() / s.max() ** (2 - 2 / depth)))
            cases += 1
    return Evidence.measured(
        claim,
        f"eigenvalues of P depart from the claimed ones by at most {worst:.2g} of sigma_1^(2-2/N)",
        contradicted=worst > summands.ROUNDING,
        error_bar=f"{summands.ROUNDING:.2g} (rounding)",
        cases=cases,
        seed=seed,
        picture=against_claim(said, seen, what="eigenvalue of P", title="P has the claimed eigenvalues"),
    )


def float_preconditioner(W: np.ndarray, depth: int) -> np.ndarray:
    """Return P, kd x kd: the transformation of (10) applied to every matrix unit, columns stacked."""
    left, right = summands.gram_powers(W, depth)
    columns = []
    for q, r in np.ndindex(W.shape[1], W.shape[0]):
        unit = np.zeros(W.shape)
        unit[r, q] = 1.0
        moved = sum(left(j - 1) @ unit @ right(depth - j) for j in range(1, depth + 1))
        columns.append(np.asarray(moved).ravel(order="F"))
    return np.array(columns).T


def domain() -> st.SearchStrategy[summands.Spectral]:
    """Matrices up to 3 x 3 with rational fractional powers, N = 1, ..., 4."""
    return summands.domain()


def holds(claim: Claim, case: summands.Spectral) -> bool:
    """Check P O = O Lambda in rational arithmetic, O the orthogonal matrix of all vec(u_r v_q')."""
    W = summands.built(case)
    k, d = W.left.rows, W.right.rows
    pairs = [(r, q) for q in range(d) for r in range(k)]
    columns = sp.Matrix.hstack(*(vec(W.left[:, r] * W.right[:, q].T) for r, q in pairs))
    at = [{LEFT: W.singular_value(r), RIGHT: W.singular_value(q)} for r, q in pairs]
    values = [claim.formula.rhs.subs(DEPTH, W.depth).doit().subs(a) for a in at]
    orthogonal = show_equal_matrices("orthonormal", columns.T * columns, sp.eye(k * d)).decision.holds
    return bool(orthogonal and (preconditioner(W) * columns - columns * sp.diag(*values)).is_zero_matrix)


LEFT_ONLY = LEFT ** (2 * (DEPTH - LAYER) / DEPTH) * LEFT ** (2 * (LAYER - 1) / DEPTH)
FALSE_TWINS = (
    FalseTwin("exponents reversed on one side only", {"claim": value_is(LEFT_ONLY), "derive": None}),
    FalseTwin("a layer too many in the exponent", {"claim": value_is(LEFT ** (2 / DEPTH) * summands.PRINTED)}),
    FalseTwin("sigma instead of its square", {"claim": value_is(sp.sqrt(summands.PRINTED)), "derive": None}),
)

THEOREM = Theorem(
    name="preconditioner_eigenvalues",
    source=Source(PAPER, "Claim 1, (11)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_summands", "preconditioner_closed_form", "preconditioner_nullity"),
)
