r"""(4): what one step of gradient descent does to the imbalance, exactly, for any learning rate.

Assumptions
-----------
One step of (4) from any weights; L is differentiable. Any N, any widths, eta and lambda.

Source
------
Beside Arora, Cohen and Hazan (2018), equation (4); they treat the continuous flow only.

Idea of the proof
-----------------
Multiply (1 - eta lambda) W - eta G out. The terms of first order in the gradients cancel by (17), as in the flow;
those of second order do not.

Deviations from the paper
-------------------------
New. Gradient descent leaves balanced weights by eta^2 (G_{j+1}^T G_{j+1} - G_j G_j^T) a step, O(eta) over a fixed time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import (
    DECAY,
    IMBALANCE,
    LAYER,
    LAYER_GRADIENT,
    NEXT,
    NEXT_GRADIENT,
    STEP,
    conservation_steps,
    gradient_steps,
    imbalance,
    neighbours,
)
from odeflow.symbolic.deep_linear_instances import layer_rates
from odeflow.symbolic.deep_linear_words import Letter, evaluate, show_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import layer_conservation
from theory.arora2018_implicit_acceleration._dynamics_cases import layer_rates as float_rates
from theory.arora2018_implicit_acceleration._dynamics_cases import power_loss_gradient, unbalanced_layers
from theory.arora2018_implicit_acceleration.notation import PAPER

AFTER = Letter("D_j(t+1)", "n_j", "n_j", symmetric=True)
ROUNDING = 1e-12
"""Rounding of a few products of matrices of size 1."""


def becomes(value: sp.Expr) -> Claim:
    """Return the claim that D_j becomes `value` in one step."""
    return Claim(
        "One step of gradient descent turns D_j into (1 - eta lambda)^2 D_j + eta^2 (G_{j+1}^T G_{j+1} - G_j G_j^T).",
        equate(AFTER, value),
        ("one step of (4)",),
        {AFTER: "imbalance after the step", IMBALANCE: "W_{j+1}^T W_{j+1} - W_j W_j^T", LAYER_GRADIENT: "dL^N/dW_j"},
    )


SECOND = NEXT_GRADIENT.T * NEXT_GRADIENT - LAYER_GRADIENT * LAYER_GRADIENT.T
CLAIM = becomes((1 - STEP * DECAY) ** 2 * IMBALANCE + STEP**2 * SECOND)


def derive(claim: Claim) -> Derivation:
    """Multiply the step out; symbolic dimensions, every N and j."""
    stepped = {W: (1 - STEP * DECAY) * W - STEP * G for W, G in ((LAYER, LAYER_GRADIENT), (NEXT, NEXT_GRADIENT))}
    transposed = {
        W.T: (1 - STEP * DECAY) * W.T - STEP * G.T for W, G in ((LAYER, LAYER_GRADIENT), (NEXT, NEXT_GRADIENT))
    }
    after = imbalance().xreplace({**stepped, **transposed})
    both = neighbours()
    both |= {G.T: sp.Mul(*(f.T for f in reversed(value.args))) for G, value in list(both.items())}
    definitions = {AFTER: after.xreplace(both), IMBALANCE: imbalance(), **both}
    return Derivation(
        (
            assume("one step of (4): W_j becomes (1 - eta lambda) W_j - eta G_j"),
            *gradient_steps(),
            conservation_steps()[0],
            define("the imbalance", equate(IMBALANCE, imbalance())),
            show_matrices("multiplied out; the first order cancels by (17)", claim.formula, definitions),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 20 large steps of gradient descent on three networks; compare every D_j after every step."""
    rng = np.random.default_rng(seed)
    said, seen = list[float](), list[float]()
    worst, count = 0.0, 0
    for widths, power, decay, step in (
        ((2, 3, 2), 2, 0.0, 0.05),
        ((3, 2, 2, 1), 4, 0.3, 0.01),
        ((2, 1, 3), 4, 0.1, 0.01),
    ):
        X, Y = rng.standard_normal((widths[0], 4)), rng.standard_normal((widths[-1], 4))
        layers, gradient = unbalanced_layers(widths, 0.6, rng), power_loss_gradient(X, Y, power)
        for _ in range(20):
            slopes = [-rate for rate in float_rates(layers, gradient)]
            moved = tuple((1 - step * decay) * W - step * G for W, G in zip(layers, slopes, strict=True))
            for j in range(len(layers) - 1):
                before, after = (W[j + 1].T @ W[j + 1] - W[j] @ W[j].T for W in (layers, moved))
                values = {
                    IMBALANCE: before, LAYER_GRADIENT: slopes[j], NEXT_GRADIENT: slopes[j + 1], STEP: sp.Float(step),
                    DECAY: sp.Float(decay),
                }  # fmt: skip
                guess = evaluate(claim.formula.rhs, values, np.eye, number=float)
                said.extend(np.broadcast_to(guess, after.shape).ravel())
                seen.extend(after.ravel())
                worst = max(worst, float(np.abs(after - guess).max()))
                count += 1
            layers = moved
    return Evidence.measured(
        claim,
        f"D_j after a step departs from the claim by at most {worst:.2g}",
        contradicted=worst > ROUNDING,
        error_bar=f"{ROUNDING:.2g} (rounding)",
        cases=count,
        seed=seed,
        picture=against_claim(said, seen, what="entry of D_j", title="D_j moves as claimed in a step of descent"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Rational layers, gradient, learning rate and decay."""
    return layer_conservation.domain()


def holds(claim: Claim, case: Any) -> bool:
    """Take one step in rational numbers; no tolerance."""
    layers, gradient, step, decay = case
    slopes = [-rate for rate in layer_rates(layers, gradient, sp.Integer(1), sp.Integer(0))]
    moved = [(1 - step * decay) * W - step * G for W, G in zip(layers, slopes, strict=True)]
    for j in range(len(layers) - 1):
        before, after = (W[j + 1].T * W[j + 1] - W[j] * W[j].T for W in (layers, moved))
        values = {IMBALANCE: before, LAYER_GRADIENT: slopes[j], NEXT_GRADIENT: slopes[j + 1], STEP: step, DECAY: decay}
        if evaluate(claim.formula.rhs, values, sp.eye) != after:
            return False
    return True


FALSE_TWINS = (
    FalseTwin("conserved by finite steps", {"claim": becomes((1 - STEP * DECAY) ** 2 * IMBALANCE)}),
    FalseTwin("1 - 2 eta lambda", {"claim": becomes((1 - 2 * STEP * DECAY) * IMBALANCE + STEP**2 * SECOND)}),
)

THEOREM = Theorem(
    name="layer_conservation_discrete",
    source=Source(PAPER, "(4)", "exact, for steps of any length"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("layer_conservation",),
)
