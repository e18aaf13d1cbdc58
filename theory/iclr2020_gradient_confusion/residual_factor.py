r"""Lemma D.1(2), corrected: |zeta| <= 2, |grad_x zeta| <= 2, |grad_W zeta| <= sqrt(beta + 1), zeta = df/dg.

Assumptions
-----------
|x| <= 1, |W_p| <= 1, |sigma(z)| <= |z| and |sigma'| <= 1 on [-1, 1]; |C|, |grad C| <= 1; square or logistic loss.

Source
------
Corrects "Gradient Confusion" (2020), Lemma D.1, part 2: |zeta| <= 2 and zeta_0 <= 2 sqrt(beta).

Idea of the proof
-----------------
zeta is g - C or -C/(1 + e^{Cg}); differentiate by g and C, with |grad_x g| <= 1 and |grad_W g| <= sqrt(beta + 1)
(`output_gradient`).

Deviations from the paper
-------------------------
sqrt(beta + 1), not beta layers; it is below the printed 2 sqrt(beta) for beta >= 1 but not for beta = 0
(`residual_factor_no_hidden_layer_printed`). The logistic step leaves grad C out (`logistic_label_gradient_printed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, infer, show_equal, show_less
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import (
    IDENTITY,
    SMOOTH_AT_ZERO,
    input_gradients,
    passed,
    random_small_net,
)
from theory.iclr2020_gradient_confusion._steps import conclude_each
from theory.iclr2020_gradient_confusion.notation import PAPER
from theory.iclr2020_gradient_confusion.output_gradient import DEPTH

ZETA, BY_INPUT, BY_WEIGHTS = sp.symbols("|zeta|^2 |grad_x(zeta)|^2 |grad_W(zeta)|^2", nonnegative=True)


def squares_at_most(value: sp.Expr, by_input: sp.Expr, by_weights: sp.Expr) -> Claim:
    """Return the claim about the three squares."""
    bounds = ((ZETA, value), (BY_INPUT, by_input), (BY_WEIGHTS, by_weights))
    return Claim(
        "The loss's derivative by the output is at most 2, as is its change with x; with W it is at most sqrt(beta+1).",
        sp.And(*(sp.Le(s, b, evaluate=False) for s, b in bounds), evaluate=False),
        (
            "|x| <= 1, |W_p| <= 1, |sigma(z)| <= |z|, |sigma'| <= 1 on [-1, 1]",
            "|C|, |grad C| <= 1; square or logistic loss",
        ),
        {ZETA: "square of df/dg", BY_INPUT: "square of its gradient by x", BY_WEIGHTS: "by W", DEPTH: "depth"},
    )


CLAIM = squares_at_most(sp.Integer(4), sp.Integer(4), DEPTH + 1)


def derive(claim: Claim) -> Derivation:
    """Differentiate both losses twice."""
    g, label, e = sp.Symbol("g", real=True), sp.Symbol("C", real=True), sp.Symbol("e", positive=True)
    square, logistic = (g - label) ** 2 / 2, sp.log(1 + sp.exp(-label * g))
    zeta = -label / (1 + sp.exp(label * g))
    growth = sp.exp(label * g)
    steps = [
        assume("|g| <= 1, |grad_x g| <= 1, |grad_W g| <= sqrt(beta + 1) (output_gradient); |C|, |grad C| <= 1"),
        show_equal("square loss: zeta = g - C, at most 2", sp.Derivative(square, g), g - label),
        infer("grad_x zeta = grad g - grad C, at most 2; grad_W zeta = grad_W g"),
        show_equal("logistic loss: zeta = -C/(1 + e^{Cg}), at most 1", sp.diff(logistic, g), zeta),
        show_equal(
            "d zeta/dg = C^2 e^{Cg}/(1 + e^{Cg})^2", sp.Derivative(zeta, g), label**2 * growth / (1 + growth) ** 2
        ),
        show_less("at most 1/4", e / (1 + e) ** 2, sp.Rational(1, 4)),
        show_equal(
            "d zeta/dC = -1/(1 + e^{Cg}) + Cg e^{Cg}/(1 + e^{Cg})^2",
            sp.Derivative(zeta, label),
            -1 / (1 + growth) + label * g * growth / (1 + growth) ** 2,
        ),
        show_less("at most 1 + 1/4, so |grad_x zeta| <= 1/4 + 5/4 <= 2", 1 / (1 + e), sp.Integer(1)),
        infer("grad_W zeta = (d zeta/dg) grad_W g, at most sqrt(beta + 1)/4"),
        show_less("the printed 2 sqrt(beta) covers it for beta >= 1", DEPTH + 1, 4 * DEPTH, {DEPTH: sp.Integer(1)}),
        show_less("and covers 2 for beta >= 1", sp.Integer(4), 4 * DEPTH, {DEPTH: sp.Integer(1)}),
    ]
    bounds = {ZETA: sp.Integer(4), BY_INPUT: sp.Integer(4), BY_WEIGHTS: DEPTH + 1}
    return Derivation((*steps, conclude_each("put together", claim.formula, bounds, from_=steps)))


def measured(case: tuple[int, int, int, bool]) -> tuple[float, float, float]:
    """Return the three squares for a random network and a linear label function."""
    seed, depth, kind, logistic = case
    rng = np.random.default_rng(seed)
    features = int(rng.integers(1, 5))
    weights = random_small_net(rng, depth=depth, width=int(rng.integers(1, 6)), features=features)
    x, direction = rng.standard_normal((2, features))
    x, direction = x / np.linalg.norm(x), direction / np.linalg.norm(direction)
    return squares(weights, SMOOTH_AT_ZERO[kind], x, direction, logistic)


def squares(
    weights: list[np.ndarray], activation: Any, x: np.ndarray, direction: np.ndarray, logistic: bool
) -> tuple[float, float, float]:
    """Return |zeta|^2, |grad_x zeta|^2 and |grad_W zeta|^2 for the label direction.x."""
    run = passed(weights, x[None, :], activation)
    g, label = float(run.outputs[0]), float(direction @ x)
    growth = float(np.exp(label * g))
    zeta = -label / (1 + growth) if logistic else g - label
    by_output = label**2 * growth / (1 + growth) ** 2 if logistic else 1.0
    by_label = -1 / (1 + growth) + label * g * growth / (1 + growth) ** 2 if logistic else -1.0
    by_input = by_output * input_gradients(weights, run)[0] + by_label * direction
    return zeta**2, float(by_input @ by_input), by_output**2 * float(run.kernel()[0, 0])


def worst(claim: Claim, depth: int, found: tuple[float, float, float]) -> float:
    """Return the largest ratio to the claimed bounds."""
    bounds = {part.lhs: float(part.rhs.subs(DEPTH, depth)) for part in claim.formula.args}
    return max(f / bounds[s] for s, f in zip((ZETA, BY_INPUT, BY_WEIGHTS), found, strict=True))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure 300 random networks with both losses, and identity chains with the label -x."""
    one = np.ones(1)
    found = [worst(claim, b, squares([np.ones((1, 1))] * (b + 1), IDENTITY, one, -one, False)) for b in range(6)]
    found += [worst(claim, k % 6, measured((1000 * seed + k, k % 6, k % 3, k % 2 == 0))) for k in range(300)]
    return Evidence.measured(
        claim,
        f"largest square / bound {max(found):.4g}",
        contradicted=max(found) > 1.0 + 1e-9,
        error_bar="1e-9 (rounding)",
        cases=len(found),
        seed=seed,
        picture=by_case(found, 1.0, title="No square is above its bound", ylabel="square / bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed, depth, activation, loss."""
    return st.tuples(st.integers(0, 2**31), st.integers(0, 6), st.integers(0, 2), st.booleans())


def holds(claim: Claim, case: tuple[int, int, int, bool]) -> bool:
    """Check the three bounds on one random network."""
    return worst(claim, case[1], measured(case)) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin("half a layer less", {"claim": squares_at_most(sp.Integer(4), sp.Integer(4), DEPTH + sp.Rational(1, 2))}),
    FalseTwin("grad_x at most 1", {"claim": squares_at_most(sp.Integer(4), sp.Integer(1), DEPTH + 1)}),
)

THEOREM = Theorem(
    name="residual_factor",
    source=Source(PAPER, "Lemma D.1, part 2", "corrected"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("residual_factor_no_hidden_layer_printed", "logistic_label_gradient_printed", "output_gradient"),
)
