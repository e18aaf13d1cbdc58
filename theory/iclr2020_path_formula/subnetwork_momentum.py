r"""Remark F.1, what can be said exactly: every weight adds a rank-one term c^2 h h^T and turns H h towards h.

Assumptions
-----------
A weight w whose right vertex has the values h = (f[w](X_1), ..., f[w](X_N)), and whose path gradients sum to the same
number c on all samples (a linear post-network, for instance). A is the rest of the kernel, symmetric.

Source
------
Path formula paper (ICLR 2020), Remark F.1: "each sub-network contributes to overall momentum proportional to its path
gradients sums".

Idea of the proof
-----------------
By Theorem 5.1 the weight's summand of H_ij is (c h_i)(c h_j). So (A + c^2 h h^T) h = A h + c^2 |h|^2 h, and the cosine
of A h + t h with h never decreases in t.

Deviations from the paper
-------------------------
"Proportional to the path gradient sums" is to the square c^2, and it is about H h, not about the flow (see
`depth_momentum_flow_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal_vectors, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._students import cosine
from theory.iclr2020_path_formula.depth_momentum import cosine_rises
from theory.iclr2020_path_formula.notation import PAPER

BEFORE, AFTER = sp.symbols("cos_A cos_H", real=True)
GAIN = sp.Symbol("gain", nonnegative=True)
DRAWS = 300


def at_least(value: sp.Expr) -> Claim:
    """Return the claim cos(H h, h) >= value."""
    return Claim(
        "Each weight's rank-one part of H turns H h towards the values h of its own sub-network.",
        sp.Ge(AFTER, value, evaluate=False),
        ("H = A + c^2 h h^T, A symmetric", "h, A h, H h are not 0"),
        {AFTER: "cos(H h, h)", BEFORE: "cos(A h, h)"},
    )


CLAIM = at_least(BEFORE)


def derive(claim: Claim) -> Derivation:
    """Push A h along h."""
    c = sp.Symbol("c", real=True)
    A, h = Operator("A", symmetric=True), Vector.base("h")
    summand = c * inner(h, h) * (c * h)
    steps = [
        assume("Theorem 5.1: the weight's summand is (c h_i)(c h_j), with c = sum of its path gradients"),
        show_equal_vectors("H h = A h + c^2 |h|^2 h", (A @ h) + summand, (A @ h) + c**2 * norm2(h) * h, name="H h"),
        *cosine_rises(A @ h, h),
    ]
    gain = infer("integrated from t = 0 to t = c^2 |h|^2 >= 0", from_=steps)
    return Derivation((*steps, gain, show_with("so", claim.formula, {AFTER: BEFORE + GAIN})))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take weights of random three-layer linear networks out of the kernel and put them back."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(DRAWS):
        X, W1, W2, v = (rng.standard_normal(shape) for shape in ((4, 3), (2, 3), (2, 2), 2))
        hidden = X @ W1.T
        top = hidden @ W2.T
        H = (v @ W2 @ W2.T @ v) * X @ X.T + (v @ v) * hidden @ hidden.T + top @ top.T
        h, c = hidden[:, 0], v[1]  # the weight W2[1, 0]
        pairs.append((float(claim.bound({BEFORE: cosine((H - c**2 * np.outer(h, h)) @ h, h)})), cosine(H @ h, h)))
    worst = min(after - bound for bound, after in pairs)
    return Evidence.measured(
        claim,
        f"smallest excess {worst:.3g} in {DRAWS} networks",
        contradicted=worst < -1e-12,
        error_bar="1e-12 (rounding of a cosine)",
        cases=DRAWS,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="cosine with the weight", title="No cosine is below the claim"
        ),
    )


FALSE_TWINS = (FalseTwin("always half of the way to 1", {"claim": at_least((1 + BEFORE) / 2)}),)

THEOREM = Theorem(
    name="subnetwork_momentum",
    source=Source(PAPER, "Remark F.1", "for H h, with equal path gradients; the square of their sum"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("depth_momentum", "depth_momentum_flow_printed"),
)
