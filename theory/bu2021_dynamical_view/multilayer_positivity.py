r"""Section 5.3: a sum of kernels is positive definite if one of them is, with at least its smallest eigenvalue.

Assumptions
-----------
H_l = J_l J_l^T for every layer, and H_1 >= mu I.

Source
------
Bu, Xu and Chen (2021), section 5.3: "Clearly H_l and H_a are positive semi-definite. Therefore it suffices to show
there exists at least one l that is positive definite."

Idea of the proof
-----------------
<v, (H_1 + H_2 + H_a) v> = <v, H_1 v> + |J_2^T v|^2 + |J_a^T v|^2 >= mu |v|^2, for every number of samples and weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.arrays import as_symmetric
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import MU, PAPER

__all__ = ["THEOREM"]

V = Vector.base("v")
FORM = sp.Symbol("<v, (H_1 + H_2 + H_a) v>", real=True)
FIRST = Operator("H_1", symmetric=True)
SECOND, LAST = Operator("J_2"), Operator("J_a")


def at_least(bound: sp.Expr) -> Claim:
    """Return the claim bound |v|^2 <= <v, (H_1 + H_2 + H_a) v>."""
    return Claim(
        "A sum of layers' kernels is at least as positive as its most positive summand.",
        sp.Le(bound * norm2(V), FORM, evaluate=False),
        ("H_l = J_l J_l^T for every layer", "H_1 >= mu I"),
        {MU: "lower bound on the eigenvalues of H_1"},
    )


CLAIM = at_least(MU)


def derive(claim: Claim) -> Derivation:
    """Write the form as a bounded part plus squares, in symbolic dimension."""
    excess = sp.Symbol("excess", nonnegative=True)
    squares = norm2(SECOND.T @ V) + norm2(LAST.T @ V)
    return Derivation(
        (
            assume("<v, H_1 v> = mu |v|^2 + excess with excess >= 0"),
            show_equal(
                "the other summands are squared norms",
                inner(V, SECOND @ (SECOND.T @ V)) + inner(V, LAST @ (LAST.T @ V)),
                squares,
                name="the other summands of <v, H v>",
            ),
            show_with("the sum", claim.formula, {FORM: MU * norm2(V) + excess + squares}),
        )
    )


def domain(semidefinite: bool = True) -> st.SearchStrategy[Any]:
    """Integer factors of three kernels on three samples; without `semidefinite` the second is only symmetric."""
    return st.tuples(integer_matrices(3, 4), integer_matrices(3, 2), integer_matrices(3, 1), st.just(semidefinite))


def holds(claim: Claim, case: Any) -> bool:
    """Compare smallest eigenvalues; the error of an eigenvalue is below 1e-12 of the norm."""
    first, second, last, semidefinite = case
    kernels = [J.astype(float) @ J.T for J in (first, second, last)]
    if not semidefinite:
        kernels[1] = as_symmetric("kernel", kernels[1] - 2 * np.diag(np.diag(kernels[1])))
    mu = float(np.linalg.eigvalsh(kernels[0])[0])
    total = sum(kernels)
    factor = float(sp.cancel(claim.formula.lhs / (MU * norm2(V))))
    return bool(np.linalg.eigvalsh(total)[0] >= factor * mu - 1e-12 * (1 + np.linalg.norm(total)))


FALSE_TWINS = (
    FalseTwin("twice the bound", {"claim": at_least(2 * MU)}),
    FalseTwin("the other kernels only symmetric", {"derive": None, "domain": lambda: domain(semidefinite=False)}),
)

THEOREM = Theorem(
    name="multilayer_positivity",
    source=Source(PAPER, "Section 5.3, positive definiteness of the NTK"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("multilayer_gradient_flow",),
)
