r"""Claim 1, term by term: the eigenvalue of the j-th summand is sigma_q^{2(N-j)/N} sigma_r^{2(j-1)/N}.

Assumptions
-----------
W_e any real k x d matrix with singular values sigma (0 beyond min(k, d)) and singular vectors u_r, v_q; N >= 1;
[.]^0 = I and 0^0 = 1.

Source
------
Arora, Cohen and Hazan (2018), Claim 1 and its proof in Appendix A.2, the "corresponding diagonal elements".

Idea of the proof
-----------------
vec(A G B) = (B' (x) A) vec(G), so the j-th term of (10) is [W'W]^{(N-j)/N} (x) [WW']^{(j-1)/N} acting on vec(G). The
vector vec(u_r v_q') is v_q (x) u_r; W'W v_q = sigma_q^2 v_q, WW' u_r = sigma_r^2 u_r.

Deviations from the paper
-------------------------
The paper attaches the exponents to the other index (`preconditioner_summands_printed`). The sum over j is symmetric, so
Claim 1's total is right as it stands (`preconditioner_eigenvalues`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_with
from odeflow.symbolic.preconditioners import (
    DEPTH,
    LAYER,
    LEFT,
    RIGHT,
    SpectralMatrix,
    cayley,
    spectral_steps,
    summand,
    summand_eigenvalue,
    vec,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

TERM = sp.Symbol("lambda_j", nonnegative=True)
ABOVE = sp.Symbol("m", integer=True, nonnegative=True)
ROUNDING = 1e-12
"""Relative to sigma_1^{2-2/N}: a few hundred roundings of products of at most 20 factors."""


def term_is(value: sp.Expr) -> Claim:
    """Return the claim that the j-th summand's eigenvalue at vec(u_r v_q') is `value`."""
    return Claim(
        "vec(u_r v_q') is an eigenvector of every summand of the preconditioner; the power N - j is sigma_q's.",
        equate(TERM, value),
        ("W_e is any k x d matrix", "N >= 1, 1 <= j <= N", "[.]^0 = I, 0^0 = 1"),
        {
            TERM: "eigenvalue of [W'W]^{(N-j)/N} (x) [WW']^{(j-1)/N} at vec(u_r v_q')",
            LEFT: "singular value of the left vector u_r",
            RIGHT: "singular value of the right vector v_q",
            DEPTH: "number of layers",
            LAYER: "index of the summand",
        },
    )


CLAIM = term_is(summand_eigenvalue())
PRINTED = LEFT ** (2 * (DEPTH - LAYER) / DEPTH) * RIGHT ** (2 * (LAYER - 1) / DEPTH)


def derive(claim: Claim) -> Derivation:
    """Apply the two factors of the Kronecker product to the two factors of the eigenvector."""
    depth = LAYER + ABOVE
    factors = (RIGHT**2) ** (ABOVE / depth) * (LEFT**2) ** ((LAYER - 1) / depth)
    steps = spectral_steps()
    return Derivation(
        (
            *steps,
            define("m = N - j >= 0 layers above the j-th", equate(DEPTH, depth)),
            infer("([W'W]^{(N-j)/N} v_q) (x) ([WW']^{(j-1)/N} u_r) is a multiple of v_q (x) u_r", from_=steps),
            show_with("by the product of the two eigenvalues", claim.formula, {TERM: factors, DEPTH: depth}),
        )
    )


def gram_powers(
    W: Float[np.ndarray, "k d"], depth: int
) -> tuple[Callable[[int], Float[np.ndarray, "k k"]], Callable[[int], Float[np.ndarray, "d d"]]]:
    """Return numerator -> [WW']^{numerator/N} and numerator -> [W'W]^{numerator/N}, through the SVD with a rank cut."""
    U, s, Vt = np.linalg.svd(W)
    s = np.where(s > max(W.shape) * np.finfo(float).eps * s.max(initial=0.0), s, 0.0)

    def power(basis: Float[np.ndarray, "n n"]) -> Callable[[int], Float[np.ndarray, "n n"]]:
        padded = np.concatenate([s, np.zeros(basis.shape[0] - s.size)])
        return lambda numerator: (basis * padded ** (2.0 * numerator / depth)) @ basis.T

    return power(U), power(Vt.T)


def random_matrix(rng: np.random.Generator, rows: int, columns: int, rank: int) -> Float[np.ndarray, "k d"]:
    """Return a Gaussian matrix of the given rank."""
    product: Float[np.ndarray, "k d"] = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
    return product


SIZES = ((1, 3, 1), (3, 1, 1), (2, 3, 2), (4, 3, 2), (3, 3, 3), (5, 4, 1))
"""Rows, columns, rank of the matrices that the simulations draw."""


def simulate(claim: Claim, seed: int) -> Evidence:
    """Multiply the j-th summand into vec(u_r v_q') in floats, for random matrices of any rank and N = 1, ..., 6."""
    rng = np.random.default_rng(seed)
    gaps, cases = list[float](), 0
    for rows, columns, rank in SIZES:
        for depth in range(1, 7):
            W = random_matrix(rng, rows, columns, rank)
            U, s, Vt = np.linalg.svd(W)
            s = np.concatenate([np.where(s > 1e-12 * s.max(), s, 0.0), np.zeros(abs(rows - columns))])
            left, right = gram_powers(W, depth)
            r, q = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
            for layer in range(1, depth + 1):
                moved = left(layer - 1) @ U, right(depth - layer) @ Vt.T
                values = {LEFT: s[r], RIGHT: s[q], DEPTH: float(depth), LAYER: float(layer)}
                claimed = claim.bound(values) * np.ones(r.size)
                for i, (a, b) in enumerate(zip(r, q, strict=True)):
                    gap = np.outer(moved[0][:, a], moved[1][:, b]) - claimed[i] * np.outer(U[:, a], Vt[b])
                    gaps.append(float(np.abs(gap).max()) / float(s.max()) ** (2 - 2 / depth))
                cases += r.size
    worst = max(gaps)
    return Evidence.measured(
        claim,
        f"largest |summand vec(u_r v_q') - lambda_j vec(u_r v_q')| {worst:.2g} of sigma_1^(2-2/N)",
        contradicted=worst > ROUNDING,
        error_bar=f"{ROUNDING:.2g} (rounding)",
        cases=cases,
        seed=seed,
        picture=departures(
            gaps,
            ROUNDING,
            title=f"{'Each summand has' if worst <= ROUNDING else 'Not every summand has'} the claimed eigenvalues",
            ylabel="departure / sigma_1^(2-2/N)",
            of="rounding",
        ),
    )


Spectral = tuple[list[sp.Expr], list[sp.Expr], list[sp.Expr], tuple[int, int, int]]
"""Skew entries of the two Cayley transforms, N-th roots of the singular values, and k, d, N."""


def domain() -> st.SearchStrategy[Spectral]:
    """Matrices up to 3 x 3 with rational fractional powers: N = 1, ..., 4, singular values 0 and repeated included."""
    rational = st.sampled_from([sp.Integer(0), sp.Rational(1, 2), sp.Integer(1), sp.Integer(2), sp.Rational(3, 2)])

    def of(sizes: tuple[int, int, int]) -> st.SearchStrategy[Any]:
        k, d, _ = sizes
        lengths = (k * (k - 1) // 2, d * (d - 1) // 2, min(k, d))
        return st.tuples(*(st.lists(rational, min_size=n, max_size=n) for n in lengths), st.just(sizes))

    return st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)).flatmap(of)


def built(case: Spectral) -> SpectralMatrix:
    """Return the matrix that a case of `domain` describes."""
    a, b, roots, (k, d, depth) = case
    return SpectralMatrix(cayley(a, k), cayley(b, d), tuple(roots), depth)


def holds(claim: Claim, case: Spectral) -> bool:
    """Multiply every summand into every vec(u_r v_q') in rational arithmetic."""
    W = built(case)
    k, d = W.left.rows, W.right.rows
    for layer in range(1, W.depth + 1):
        Q = summand(W, layer)
        for r, q in np.ndindex(k, d):
            at = {LEFT: W.singular_value(r), RIGHT: W.singular_value(q)}
            value = claim.formula.rhs.subs({DEPTH: W.depth, LAYER: layer}).subs(at)
            direction = vec(W.left[:, r] * W.right[:, q].T)
            if not (Q * direction - value * direction).is_zero_matrix:
                return False
    return True


FALSE_TWINS = (
    FalseTwin("the two indices swapped", {"claim": term_is(PRINTED)}),
    FalseTwin("the two indices swapped, seen by floats alone", {"claim": term_is(PRINTED), "derive": None}),
    FalseTwin("the power j instead of j - 1", {"claim": term_is(CLAIM.formula.rhs * LEFT ** (2 / DEPTH))}),
)

THEOREM = Theorem(
    name="preconditioner_summands",
    source=Source(PAPER, "Claim 1, Appendix A.2", "the exponents of the single terms exchanged"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("preconditioner_summands_printed", "preconditioner_eigenvalues"),
)
