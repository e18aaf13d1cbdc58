r"""(16)-(18): how fast h changes with the weights; each part is within the printed bound when sigma(0) = 0, beta >= 1.

Assumptions
-----------
|W_p| <= 1, |x| <= 1; sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]; |C| <= 1; square or logistic loss; beta >= 1;
zeta_0 = 2 sqrt(beta).

Source
------
"Gradient Confusion" (2020), (15)-(18): at most 2 zeta_0^2 (beta+2)^2 for the parts of zeta_i and zeta_j,
4 zeta_0^2 (beta+2)^2 for the part of S.

Idea of the proof
-----------------
|grad_W zeta| |zeta'| |S| <= 2 (beta+1)^{3/2}. S = <G, G'> with G = grad_W g, so |grad_W S| <= 2 |Hess g| sqrt(beta+1),
and the blocks of the Hessian are at most beta + 2 - max(p, q): |Hess g| <= (beta+1)(beta+2). Squares are compared.

Deviations from the paper
-------------------------
Re-derived; the paper only sketches (18). The bounds are conditional on |W_p| <= 1, which is not what Strategy 4.1 gives
(`operator_norm_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import (
    IDENTITY,
    SMOOTH_AT_ZERO,
    Activation,
    passed,
    random_small_net,
)
from theory.iclr2020_gradient_confusion._steps import conclude_each
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

FACTOR = sp.Symbol("|grad_W(zeta)zeta'S|^2", nonnegative=True)
KERNEL = sp.Symbol("|zeta*zeta'*grad_W(S)|^2", nonnegative=True)


def squares_at_most(factor: sp.Expr, kernel: sp.Expr) -> Claim:
    """Return the claim about the squares of the parts of grad_W h."""
    return Claim(
        "The parts of grad_W h are at most 2 zeta_0^2 (beta+2)^2 (twice) and 4 zeta_0^2 (beta+2)^2.",
        sp.And(sp.Le(FACTOR, factor, evaluate=False), sp.Le(KERNEL, kernel, evaluate=False), evaluate=False),
        (
            "|W_p| <= 1, |x| <= 1, |C| <= 1, square or logistic loss, beta >= 1",
            "sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]",
        ),
        {FACTOR: "square of the part of zeta_i (or zeta_j)", KERNEL: "square of the part of S", DEPTH: "depth"},
    )


ZETA_SQUARE = 4 * DEPTH
CLAIM = squares_at_most(4 * ZETA_SQUARE**2 * (DEPTH + 2) ** 4, 16 * ZETA_SQUARE**2 * (DEPTH + 2) ** 4)


def derive(claim: Claim) -> Derivation:
    """Bound the Hessian of g block by block."""
    p = sp.Symbol("p", integer=True)
    layers = DEPTH + 1
    hessian = layers * (DEPTH + 2)
    steps = [
        assume("|W_p| <= 1, |x| <= 1, sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]; zeta_0 = 2 sqrt(beta)"),
        infer(
            "|zeta| <= 2, |grad_W zeta| <= sqrt(beta+1) (residual_factor), |S| <= |G||G'| <= beta + 1 (output_gradient)"
        ),
        define("G_p = g_p H_{p-1}^T; move W_q by a unit matrix V"),
        infer("q < p: |dH_{p-1}| <= 1; |dg_p| <= beta - p + 1, one for every sigma'(z_r) with r >= p"),
        infer("q = p: dH_{p-1} = 0, |dg_p| <= beta - p + 1; q > p: |dg_p| <= 1 + (beta - q + 1)"),
        show_equal(
            "each block is at most beta + 2 - max(p, q)", (DEPTH - p + 1) + 1, DEPTH + 2 - p, name="bound on the block"
        ),
        infer("a block matrix is no larger than the matrix of its blocks' norms: |Hess g| <= (beta+1)(beta+2)"),
        infer("grad_W S = Hess g(x) G' + Hess g(x') G"),
        show_less(
            "4 (beta+1)^3 is within (16), (17)",
            4 * layers**3,
            4 * ZETA_SQUARE**2 * (DEPTH + 2) ** 4,
            {DEPTH: sp.Integer(1)},
        ),
    ]
    bounds = {FACTOR: sp.Integer(1) * layers * 4 * layers**2, KERNEL: 16 * 4 * hessian**2 * layers}
    return Derivation(
        (*steps, conclude_each("put together", claim.formula, bounds, from_=steps, lower={DEPTH: sp.Integer(1)}))
    )


def parts(weights: list[np.ndarray], activation: Activation, x: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return |grad_W zeta_i||zeta_j S| and |zeta_i zeta_j||grad_W S|, by central differences (square loss)."""
    step = 1e-5

    def values() -> tuple[float, float]:
        run = passed(weights, x, activation)
        return float(run.outputs[0]), float(run.kernel()[0, 1])

    run = passed(weights, x, activation)
    zeta, kernel = run.outputs - labels, float(run.kernel()[0, 1])
    by_output, by_kernel = 0.0, 0.0
    for W in weights:
        for k in np.ndindex(W.shape):
            held = W[k]
            W[k] = held + step
            up = values()
            W[k] = held - step
            down = values()
            W[k] = held
            by_output += ((up[0] - down[0]) / (2 * step)) ** 2
            by_kernel += ((up[1] - down[1]) / (2 * step)) ** 2
    return float(by_output**0.5 * abs(zeta[1] * kernel)), float(by_kernel**0.5 * abs(zeta[0] * zeta[1]))


def worst(claim: Claim, depth: int, found: tuple[float, float]) -> float:
    """Return the larger ratio to the claimed bounds."""
    bounds = {part.lhs: float(part.rhs.subs(DEPTH, depth)) for part in claim.formula.args}
    return max(found[0] ** 2 / bounds[FACTOR], found[1] ** 2 / bounds[KERNEL])


def measured(case: tuple[int, int, int]) -> tuple[float, float]:
    """Return the parts for a random network of norm 1 with labels opposite in sign to the outputs."""
    seed, depth, kind = case
    rng = np.random.default_rng(seed)
    features = int(rng.integers(1, 4))
    weights = random_small_net(rng, depth=depth, width=int(rng.integers(1, 4)), features=features)
    x = rng.standard_normal((2, features))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return parts(weights, SMOOTH_AT_ZERO[kind], x, rng.choice([-1.0, 1.0], 2))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate 40 random networks and five identity chains numerically."""
    chains = [
        worst(claim, b, parts([np.ones((1, 1)) for _ in range(b + 1)], IDENTITY, np.ones((2, 1)), -np.ones(2)))
        for b in range(1, 6)
    ]
    found = [*chains, *(worst(claim, 1 + k % 4, measured((1000 * seed + k, 1 + k % 4, k % 3))) for k in range(40))]
    return Evidence.measured(
        claim,
        f"largest square / bound {max(found):.4g}",
        contradicted=max(found) > 1.0 + 1e-6,
        error_bar="1e-6 (central differences)",
        cases=len(found),
        seed=seed,
        picture=by_case(found, 1.0, title="No weight gradient is above its bound", ylabel="square / bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed, depth, activation."""
    return st.tuples(st.integers(0, 2**31), st.integers(1, 4), st.integers(0, 2))


def holds(claim: Claim, case: tuple[int, int, int]) -> bool:
    """Check both parts on one random network."""
    return worst(claim, case[1], measured(case)) <= 1.0 + 1e-6


FALSE_TWINS = (FalseTwin("no growth with depth", {"claim": squares_at_most(sp.Integer(4), sp.Integer(16))}),)

THEOREM = Theorem(
    name="confusion_weight_gradient",
    source=Source(PAPER, "(15)-(18)", "re-derived, for sigma(0) = 0 and beta >= 1"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("confusion_gradient", "operator_norm_printed", "initial_dimension_printed"),
)
