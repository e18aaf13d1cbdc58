r"""How fast the inner product of two gradients changes with a sample: |grad_{x_i} h| <= 2 (beta + 1)(beta + 6).

Assumptions
-----------
|W_p| <= 1; sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]; |C|, |grad C| <= 1; square or logistic loss; |x| <= 1.

Source
------
Corrects "Gradient Confusion" (2020), (8) and the bound 2 zeta_0^2 (beta + 2)^2 after it (with zeta_0 <= 2 sqrt(beta)).

Idea of the proof
-----------------
h = zeta_i zeta_j S with S = sum_p <H_{p-1}, H_{p-1}'><g_p, g_p'>, |S| <= beta + 1. By induction
|grad_x H_p| <= 1 and |grad_x g_p| <= beta - p + 1; |zeta| <= 2 and |grad_x zeta| <= 2.

Deviations from the paper
-------------------------
Of order beta^2 where the paper has beta^3, and for activations that vanish at 0 only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, define, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import IDENTITY, SMOOTH_AT_ZERO, passed, random_small_net
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

SLOPE = sp.Symbol("|grad_{x_i} h|", nonnegative=True)
LIPSCHITZ = 2 * (DEPTH + 1) * (DEPTH + 6)


def slope_at_most(bound: sp.Expr) -> Claim:
    """Return the claim |grad_{x_i} h| <= bound."""
    return Claim(
        "The inner product of two samples' gradients changes with a sample at rate at most 2 (beta+1)(beta+6).",
        sp.Le(SLOPE, bound, evaluate=False),
        (
            "|W_p| <= 1, |x| <= 1, |C|, |grad C| <= 1, square or logistic loss",
            "sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]",
        ),
        {SLOPE: "gradient of h(x_i, x_j) = <grad f_i, grad f_j> by x_i", DEPTH: "depth"},
    )


CLAIM = slope_at_most(LIPSCHITZ)


def derive(claim: Claim) -> Derivation:
    """Bound every factor, layer by layer, and add up."""
    p, e = sp.Symbol("p", integer=True), sp.Symbol("e", positive=True)
    kernel, zeta = DEPTH + 1, sp.Integer(2)
    sum_of_layers = sp.Sum(1 + (DEPTH - p + 1), (p, 0, DEPTH)).doit()
    derived = zeta * zeta * kernel + zeta**2 * sum_of_layers
    steps = [
        assume("|W_p| <= 1, |x| <= 1, sigma(0) = 0, |sigma'|, |sigma''| <= 1 on [-1, 1]; |C|, |grad C| <= 1"),
        infer("|H_p| <= 1, |g_p| <= 1 (output_gradient): |S| <= beta + 1"),
        infer("|grad_x z_p|, |grad_x H_p| <= 1, by the chain rule through matrices of norm <= 1"),
        define("g_p = sigma'(z_p) o W_{p+1}^T g_{p+1}: grad_x g_p has two parts, through g_{p+1} and through sigma'"),
        infer("the second is diag(sigma'' o W^T g_{p+1}) grad_x z_p, of norm <= 1"),
        show_equal(
            "induction from p = beta, where it is at most 1: (beta - (p+1) + 1) + 1 = beta - p + 1",
            (DEPTH - (p + 1) + 1) + 1,
            DEPTH - p + 1,
            name="beta - (p+1) + 1 + 1",
        ),
        infer("square loss: zeta = g - C, |zeta| <= 2, |grad_x zeta| <= |grad_x g| + |grad C| <= 2"),
        show_less(
            "logistic loss: |d zeta/dg| <= u/(1+u)^2 <= 1/4 with u = e^{Cg}", e / (1 + e) ** 2, sp.Rational(1, 4)
        ),
        show_less(
            "|d zeta/dC| <= 1/(1+u) + u/(1+u)^2 <= 5/4, so |grad_x zeta| <= 3/2 <= 2", 1 / (1 + e), sp.Integer(1)
        ),
        show_equal("sum over p of |grad H_{p-1}| + |grad g_p|", sum_of_layers, (DEPTH + 1) * (DEPTH + 4) / 2),
        infer("grad_x h: the part of zeta_i is at most 2 * 2 * (beta + 1), the part of S at most 4 times that sum"),
    ]
    return Derivation((*steps, conclude("put together", claim.formula, SLOPE, derived, from_=steps)))


def product(
    weights: list[np.ndarray], activation: Any, label: Callable[[np.ndarray], Any], logistic: bool
) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return h(x, y) = <grad f(x), grad f(y)>."""

    def h(x: np.ndarray, y: np.ndarray) -> float:
        batch = np.stack([x, y])
        found = passed(weights, batch, activation)
        target = np.array([label(x), label(y)])
        zeta = -target / (1.0 + np.exp(target * found.outputs)) if logistic else found.outputs - target
        return float(zeta[0] * zeta[1] * found.kernel()[0, 1])

    return h


def slope(h: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray) -> float:
    """Return |grad_x h| by central differences."""
    step = 1e-5
    parts = [(h(x + step * e, y) - h(x - step * e, y)) / (2 * step) for e in np.eye(x.size)]
    return float(np.linalg.norm(parts))


def random_ratio(claim: Claim, seed: int, depth: int) -> float:
    """Return slope / bound for one random network with a linear label function."""
    rng = np.random.default_rng(seed)
    features, width = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    weights = random_small_net(rng, depth=depth, width=width, features=features)
    direction = rng.standard_normal(features)
    direction /= np.linalg.norm(direction)
    points = rng.standard_normal((2, features))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    activation = SMOOTH_AT_ZERO[int(rng.integers(3))]
    h = product(weights, activation, lambda x: direction @ x, bool(rng.random() < 0.3))
    return slope(h, points[0], points[1]) / float(claim.bound({DEPTH: float(depth)}))


def chain_ratio(claim: Claim, depth: int) -> float:
    """Return slope / bound for the identity chain with label -x at x = y = 1: 8 (beta + 1) against the bound."""
    h = product([np.ones((1, 1))] * (depth + 1), IDENTITY, lambda x: -x[0], False)
    return slope(h, np.ones(1), np.ones(1)) / float(claim.bound({DEPTH: float(depth)}))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate h on 150 random networks and on identity chains."""
    found = [chain_ratio(claim, depth) for depth in range(6)]
    found += [random_ratio(claim, 1000 * seed + k, k % 6) for k in range(150)]
    return Evidence.measured(
        claim,
        f"largest slope / bound {max(found):.4g}",
        contradicted=max(found) > 1.0 + 1e-6,
        error_bar="1e-6 (central differences)",
        cases=len(found),
        seed=seed,
        picture=by_case(found, 1.0, title="No slope is above its bound", ylabel="slope / bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed and depth."""
    return st.tuples(st.integers(0, 2**31), st.integers(0, 6))


def holds(claim: Claim, case: tuple[int, int]) -> bool:
    """Check one random network."""
    return random_ratio(claim, *case) <= 1.0 + 1e-6


FALSE_TWINS = (
    FalseTwin("half of it", {"claim": slope_at_most(LIPSCHITZ / 2)}),
    FalseTwin("no growth with depth", {"claim": slope_at_most(sp.Integer(12))}),
)

THEOREM = Theorem(
    name="confusion_gradient",
    source=Source(PAPER, "(8), Theorem 4.1, proof (bounded gradient)", "corrected, of order beta^2"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("confusion_probability", "output_gradient", "residual_factor"),
)
