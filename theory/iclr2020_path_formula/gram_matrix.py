r"""Definition 6.6 and Remark 6.7, first half: a Gram matrix is symmetric and PSD, its rank is that of its vectors.

Assumptions
-----------
Vectors g_1, ..., g_N of R^q, the columns of A; G = A' A has the entries <g_i, g_j>.

Source
------
Definition 6.6, Remark 6.7.

Idea of the proof
-----------------
<v, G v> = |A v|^2. So G v = 0 exactly if A v = 0: both have the same kernel in R^N, and the same rank N - dim ker.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

FORM = sp.Symbol("<v, G v>", real=True)
RANK, SPAN = sp.symbols("r s", nonnegative=True, integer=True)


def gram(form: sp.Basic, rank: sp.Expr) -> Claim:
    """Return a claim about <v, G v>, and rank G = rank."""
    return Claim(
        "A Gram matrix is symmetric and positive semidefinite; its rank is the dimension of the span of its vectors.",
        sp.And(form, equate(RANK, rank), evaluate=False),
        ("G_ij = <g_i, g_j>",),
        {FORM: "quadratic form of G, for any v", RANK: "rank of G", SPAN: "dimension of the span of the g_i"},
    )


CLAIM = gram(sp.Ge(FORM, 0, evaluate=False), SPAN)


def derive(claim: Claim) -> Derivation:
    """Compare the kernels of G and A, in symbolic dimension."""
    vectors, v = Operator("A"), Vector.base("v")
    columns, common = sp.symbols("N k", nonnegative=True, integer=True)
    square = sp.Symbol("|A v|^2", nonnegative=True)
    return Derivation(
        (
            define("A has the columns g_i: G = A' A, symmetric"),
            show_equal("<v, G v> = |A v|^2", inner(v, vectors.T @ (vectors @ v)), norm2(vectors @ v), name="<v, G v>"),
            infer("so G v = 0 gives A v = 0"),
            show_equal_vectors("and A v = 0 gives G v = A' 0", vectors.T @ (0 * (vectors @ v)), Vector(), name="G v"),
            infer("the kernels are equal, of dimension k: both ranks are N - k"),
            show_with("together", claim.formula, {FORM: square, RANK: columns - common, SPAN: columns - common}),
        )
    )


def measured(claim: Claim, A: np.ndarray) -> bool:
    """Evaluate the claim for G = A' A, in rationals, at v = every column of a basis and at random integers."""
    exact = sp.Matrix(A.tolist())
    G = exact.T * exact
    forms = [G[i, i] for i in range(G.rows)] + [G[0, 0] - 2 * G[0, -1] + G[-1, -1]]
    ranks = {RANK: sp.Integer(G.rank()), SPAN: sp.Integer(exact.rank())}
    return all(bool(claim.formula.xreplace({FORM: form, **ranks})) for form in forms)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take Gram matrices of dependent integer vectors of several ranks."""
    rng = np.random.default_rng(seed)
    wrong, count = 0, 0
    for rank in (1, 2, 3, 5):
        for _ in range(5):
            A = rng.integers(-3, 4, (4, rank)) @ rng.integers(-3, 4, (rank, 5))
            count, wrong = count + 1, wrong + (not measured(claim, A))
    return Evidence.measured(
        claim,
        f"{wrong} of {count} Gram matrices contradict the claim",
        contradicted=wrong > 0,
        error_bar="none (rationals)",
        cases=count,
        seed=seed,
    )


def domain() -> st.SearchStrategy[Any]:
    """Integer vectors, often dependent."""
    sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))
    return sizes.flatmap(lambda s: integer_matrices(s[0], s[1], bound=2))


def holds(claim: Claim, case: Any) -> bool:
    """Evaluate the claim exactly."""
    return measured(claim, case)


FALSE_TWINS = (
    FalseTwin("positive definite", {"claim": gram(sp.Gt(FORM, 0, evaluate=False), SPAN)}),
    FalseTwin("one rank more", {"claim": gram(sp.Ge(FORM, 0, evaluate=False), SPAN + 1)}),
)

THEOREM = Theorem(
    name="gram_matrix",
    source=Source(PAPER, "Definition 6.6, Remark 6.7"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("smallest_eigenvalue_superadditive", "gram_split"),
)
