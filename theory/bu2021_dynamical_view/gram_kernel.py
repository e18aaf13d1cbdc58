r"""Equations 2.5 and 2.6: the kernel of the two-layer ReLU network counts the neurons that see both samples.

Assumptions
-----------
f = m^{-1/2} sum_r a_r relu(w_r.x) with a_r = +-1; only the w_r are trained; any weights, any inputs.

Source
------
Bu, Xu and Chen (2021), equations (2.5) and (2.6).

Idea of the proof
-----------------
df_i/dw_r = a_r D_ri x_i / sqrt(m) with the gate D_ri = 1 if neuron r is active on x_i, else 0. Two such rows have the
inner product <x_i, x_j> D_ri D_rj / m because a_r^2 = 1; the sum over r counts.

Deviations from the paper
-------------------------
(2.5) prints the outer product of two gradients, which is a matrix; their inner product is meant. (2.6) counts
w_r.x_i >= 0; the derivative of relu at 0 is then taken to be 1. With relu'(0) = 0 the count is of w_r.x_i > 0. The
formula holds with either, as long as gate and count agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.experiments import random_network
from odeflow.numeric.kernels import relu_ntk
from odeflow.numeric.relu_flow import relu_predictions
from odeflow.panels import against_claim
from odeflow.strategies import NetworkCase, integer_matrices
from odeflow.symbolic.derivations import Derivation, equate
from odeflow.symbolic.error_dynamics import BOTH_ACTIVE, GRAM_ENTRY, WIDTH, derive_gram_kernel, gram_entry
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

GRAM = inner(Vector.base("x_i"), Vector.base("x_j"))
ACTIVE_I, ACTIVE_J = sp.symbols("N_i N_j", nonnegative=True, integer=True)


def counts(entry: sp.Expr) -> Claim:
    """Return the claim that an entry of the kernel is `entry`."""
    return Claim(
        "The tangent kernel of a two-layer ReLU network is H_ij = (x_i.x_j/m) #{neurons active on both}.",
        equate(GRAM_ENTRY, entry),
        ("f = m^{-1/2} sum_r a_r relu(w_r.x) with a_r = +-1", "only the hidden layer is trained"),
        {
            GRAM_ENTRY: "sum_r <df_i/dw_r, df_j/dw_r>",
            BOTH_ACTIVE: "number of neurons active on both samples",
            WIDTH: "number of neurons",
        },
    )


CLAIM = counts(gram_entry().rhs)


def derive(claim: Claim) -> Derivation:
    """Multiply two rows of the Jacobian and sum over neurons."""
    return derive_gram_kernel(claim.formula)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate networks weight by weight and compare J J^T with the count and with the library's kernel."""
    rng = np.random.default_rng(seed)
    worst, bar, widths, pairs = 0.0, 0.0, (5, 32, 67), list[np.ndarray]()
    for width in widths:
        case = random_network(6, 3, width, seed=rng)
        J, rounding = difference_jacobian(case)
        H = J @ J.T
        active = (case.W @ case.X.T > 0.0).astype(float)
        seen = active.sum(axis=0)
        values = {
            GRAM: case.X @ case.X.T, BOTH_ACTIVE: active.T @ active, ACTIVE_I: seen[:, None], ACTIVE_J: seen[None, :],
            WIDTH: float(width),
        }  # fmt: skip
        pairs.append(np.array(np.broadcast_arrays(claim.bound(values), H)))
        worst = max(worst, *(float(np.abs(H - K).max()) for K in (claim.bound(values), relu_ntk(case.X, case.W))))
        bar = max(bar, 4.0 * rounding * float(np.abs(J).sum(axis=1).max()))
    return Evidence.measured(
        claim,
        f"J J^T by differences departs from the claim by at most {worst:.2g}",
        contradicted=True if worst > bar else False if bar < 1e-3 else None,
        error_bar=f"{bar:.2g} (rounding of the difference quotients)",
        cases=len(widths),
        seed=seed,
        detail=f"largest difference of an entry {worst:.3g}",
        picture=against_claim(
            *np.swapaxes(pairs, 0, 1),
            what="entry of H",
            title="J J^T has the claimed entries",
        ),
    )


def difference_jacobian(case: NetworkCase) -> tuple[np.ndarray, float]:
    """Return df/dW, (n, m d), by central differences that cross no kink, and the rounding error of an entry."""
    pre = np.abs(case.W @ case.X.T)
    step = 0.5 * float(pre.min()) / float(np.abs(case.X).max())
    columns = []
    for position in np.ndindex(case.W.shape):
        moved = np.zeros_like(case.W)
        moved[position] = step
        ahead, behind = (relu_predictions(case.X, case.W + s * moved, case.a) for s in (1.0, -1.0))
        columns.append((ahead - behind) / (2.0 * step))
    terms = float(pre.sum(axis=0).max()) / np.sqrt(case.a.size)
    return np.array(columns).T, 16.0 * 2.0**-52 * terms / step


def domain() -> st.SearchStrategy[Any]:
    """Integer inputs and weights: (X, W), up to 3 samples, 3 features and 4 neurons."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
    return sizes.flatmap(lambda s: st.tuples(integer_matrices(s[0], s[1]), integer_matrices(s[2], s[1])))


def holds(claim: Claim, case: Any) -> bool:
    """Multiply out the Jacobian of an integer network and compare every entry with the claim, exactly."""
    X, W = case
    gates = X @ W.T >= 0
    width = len(W)
    for i, j in np.ndindex(len(X), len(X)):
        rows = [np.concatenate([gates[k, r] * (-1) ** r * X[k] for r in range(width)]) for k in (i, j)]
        counted = {BOTH_ACTIVE: gates[i] & gates[j], ACTIVE_I: gates[i], ACTIVE_J: gates[j]}
        values = {name: sp.Integer(int(which.sum())) for name, which in counted.items()}
        values |= {GRAM: sp.Integer(int(X[i] @ X[j])), WIDTH: sp.Integer(width)}
        if claim.formula.rhs.xreplace(values) != sp.Rational(int(rows[0] @ rows[1]), width):
            return False
    return True


EITHER = ACTIVE_I + ACTIVE_J - BOTH_ACTIVE
FALSE_TWINS = (
    FalseTwin("1/m^2 instead of 1/m", {"claim": counts(GRAM * BOTH_ACTIVE / WIDTH**2)}),
    FalseTwin("active on either instead of both", {"claim": counts(GRAM * EITHER / WIDTH)}),
    FalseTwin("active on either, seen by networks alone", {"claim": counts(GRAM * EITHER / WIDTH), "derive": None}),
)

THEOREM = Theorem(
    name="gram_kernel",
    source=Source(PAPER, "(2.5), (2.6)", "an inner product where the paper prints an outer product"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gram_kernel_semidefinite", "kernel_limit"),
)
