r"""Lemma D.1(1), corrected: with |sigma(z)| <= |z| each layer's gradient has norm <= 1, all together sqrt(beta + 1).

Assumptions
-----------
|x| <= 1, |W_p| <= 1 (Assumption 1), on [-1, 1]: |sigma(z)| <= |z| and |sigma'| <= 1. (sigma(0) = 0 with |sigma'| <= 1
is enough.)

Source
------
Corrects "Gradient Confusion" (2020), Lemma D.1, part 1.

Idea of the proof
-----------------
The norms |H_p| and |g_p| never grow from layer to layer, so they stay below 1; grad_{W_p} g = g_p H_{p-1}^T is of rank
one and has norm |g_p| |H_{p-1}|.

Deviations from the paper
-------------------------
The paper has norm <= 1 for all layers together, and does not ask for sigma(0) = 0 (`output_gradient_printed`,
`layer_gradient_printed`). The identity chain attains sqrt(beta + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import IDENTITY, SMOOTH_AT_ZERO, passed, random_small_net
from theory.iclr2020_gradient_confusion._steps import conclude_each
from theory.iclr2020_gradient_confusion.notation import PAPER

LAYER = sp.Symbol("|grad_{W_p} g|", nonnegative=True)
WHOLE = sp.Symbol("|grad_W g|", nonnegative=True)
DEPTH = sp.Symbol("beta", nonnegative=True)


def gradients_at_most(layer: sp.Expr, whole: sp.Expr) -> Claim:
    """Return the claim about one layer's gradient and that of all layers."""
    return Claim(
        "With small weights and |sigma(z)| <= |z| the output's gradient is at most 1 in a layer, sqrt(beta+1) in all.",
        sp.And(sp.Le(LAYER, layer, evaluate=False), sp.Le(WHOLE, whole, evaluate=False), evaluate=False),
        ("|x| <= 1, |W_p| <= 1", "|sigma(z)| <= |z|, |sigma'(z)| <= 1 on [-1, 1]"),
        {LAYER: "gradient by the weights of any one layer", WHOLE: "gradient by all weights", DEPTH: "depth"},
    )


CLAIM = gradients_at_most(sp.Integer(1), sp.sqrt(DEPTH + 1))


def derive(claim: Claim) -> Derivation:
    """Bound both factors of every layer's gradient by induction over the layers."""
    s, t = sp.symbols("s t", nonnegative=True)
    u, v = sp.symbols("u1:3", real=True), sp.symbols("v1:4", real=True)
    outer = sp.Matrix(u) * sp.Matrix(v).T
    steps = [
        assume("|x| <= 1, |W_p| <= 1, |sigma(z)| <= |z| and |sigma'| <= 1 on [-1, 1]"),
        infer("forward: |H_p| <= |W_p H_{p-1}| <= |H_{p-1}|, so every |H_p| <= |x| <= 1 and |z| <= 1 throughout"),
        infer("backward: |g_beta| = |sigma'| <= 1, |g_p| <= |W_{p+1}^T g_{p+1}| <= |g_{p+1}|"),
        define("grad_{W_p} g = g_p H_{p-1}^T"),
        show_equal(
            "|u v^T|^2 = |u|^2 |v|^2 (2 by 3; entry by entry it is the product of two sums in any size)",
            sum(e**2 for e in outer),
            sum(a**2 for a in u) * sum(b**2 for b in v),
        ),
        show_less("a product of two numbers in [0, 1] is at most 1", 1 / ((1 + s) * (1 + t)), sp.Integer(1)),
        show_equal(
            "beta + 1 layers with squares at most 1",
            sp.Sum(1, (s, 0, DEPTH)).doit(),
            DEPTH + 1,
            name="sum of 1 over the layers",
        ),
    ]
    bounds = {LAYER: sp.Integer(1), WHOLE: sp.sqrt(DEPTH + 1)}
    return Derivation((*steps, conclude_each("put together", claim.formula, bounds, from_=steps)))


def norms(seed: int, depth: int, width: int, features: int, kind: int) -> tuple[float, float]:
    """Return the largest layer gradient and the whole one over five random points of the ball."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, features))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = passed(random_small_net(rng, depth=depth, width=width, features=features), x, SMOOTH_AT_ZERO[kind])
    squares = np.array([(h**2).sum(1) * (g**2).sum(1) for h, g in zip(found.inputs, found.backward, strict=True)])
    return float(np.sqrt(squares.max())), float(np.sqrt(squares.sum(axis=0).max()))


def chain(depth: int) -> tuple[float, float]:
    """Return the same for the identity chain with all weights 1 at x = 1."""
    found = passed([np.ones((1, 1))] * (depth + 1), np.ones((1, 1)), IDENTITY)
    squares = [float((h**2).sum() * (g**2).sum()) for h, g in zip(found.inputs, found.backward, strict=True)]
    return max(squares) ** 0.5, sum(squares) ** 0.5


def worst(claim: Claim, depth: int, layer: float, whole: float) -> float:
    """Return the larger of the two ratios to the claimed bounds."""
    bounds = {part.lhs: float(part.rhs.subs(DEPTH, depth)) for part in claim.formula.args}
    return max(layer / bounds[LAYER], whole / bounds[WHOLE])


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure 300 random networks of operator norm 1 (identity, tanh, sin) and eight identity chains."""
    rng = np.random.default_rng(seed)
    found = [worst(claim, depth, *chain(depth)) for depth in range(8)]
    for _ in range(300):
        depth, width, features, kind = (int(v) for v in rng.integers((0, 1, 1, 0), (7, 9, 7, 3)))
        found.append(worst(claim, depth, *norms(int(rng.integers(2**31)), depth, width, features, kind)))
    return Evidence.measured(
        claim,
        f"largest gradient / bound {max(found):.4g}",
        contradicted=max(found) > 1.0 + 1e-9,
        error_bar="1e-9 (rounding)",
        cases=len(found),
        seed=seed,
        picture=by_case(found, 1.0, title="No gradient is above its bound", ylabel="gradient / bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed, depth, width, features, activation."""
    return st.tuples(st.integers(0, 2**31), st.integers(0, 8), st.integers(1, 8), st.integers(1, 6), st.integers(0, 2))


def holds(claim: Claim, case: tuple[int, int, int, int, int]) -> bool:
    """Check both bounds on one random network."""
    return worst(claim, case[1], *norms(*case)) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin("all layers together at most 1, as printed", {"claim": gradients_at_most(sp.Integer(1), sp.Integer(1))}),
    FalseTwin("sqrt(beta + 1/10)", {"claim": gradients_at_most(sp.Integer(1), sp.sqrt(DEPTH + sp.Rational(1, 10)))}),
)

THEOREM = Theorem(
    name="output_gradient",
    source=Source(PAPER, "Lemma D.1, part 1", "corrected: |sigma(z)| <= |z|, 1 per layer, sqrt(beta+1) in all"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("output_gradient_printed", "layer_gradient_printed", "residual_factor"),
)
