r"""(16): the gradient of layer j is the gradient of the end-to-end matrix, seen through the other layers.

Assumptions
-----------
L is differentiable at W_e; L^N(W_1, ..., W_N) = L(W_N ... W_1). Any N, any widths.

Source
------
Arora, Cohen and Hazan (2018), equations (4), (6) and Appendix A.1, equation (16).

Idea of the proof
-----------------
W_e = U_j W_j V_j is linear in W_j, so a direction E changes the loss by <G, U_j E V_j> = <U_j^T G V_j^T, E>.

Deviations from the paper
-------------------------
None. (4) and (6) are the step and the flow along this gradient, with weight decay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import ABOVE, BELOW, GRADIENT, LAYER_GRADIENT, gradient_steps, layer_gradient
from odeflow.symbolic.deep_linear_instances import products_around
from odeflow.symbolic.deep_linear_words import Letter, evaluate, show_traces, transpose
from odeflow.symbolic.derivations import Derivation, assume, equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import (
    power_loss_gradient,
    product,
    rational_layers,
    rational_matrices,
    unbalanced_layers,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

SMALL = 1e-5
AGREE = 1e-6
"""Central differences of step 1e-5 of a quartic are good to 1e-9; a wrong formula is off by 0.1 and more."""


def gradient_is(value: sp.Expr) -> Claim:
    """Return the claim that the gradient of layer j is `value`."""
    return Claim(
        "The gradient of layer j is (W_N ... W_{j+1})^T G (W_{j-1} ... W_1)^T.",
        equate(LAYER_GRADIENT, value),
        ("L is differentiable at W_e",),
        {
            LAYER_GRADIENT: "dL^N/dW_j",
            GRADIENT: "dL/dW at W_e",
            ABOVE: "W_N ... W_{j+1}",
            BELOW: "W_{j-1} ... W_1",
        },
    )


CLAIM = gradient_is(layer_gradient(ABOVE, BELOW))


def derive(claim: Claim) -> Derivation:
    """Turn the trace around."""
    direction = Letter("E", LAYER_GRADIENT.rows, LAYER_GRADIENT.columns)
    along = GRADIENT.T * ABOVE * direction * BELOW
    return Derivation(
        (
            assume("L is differentiable at W_e"),
            *gradient_steps()[:-1],
            show_traces(
                "so this is the gradient of layer j", transpose(claim.formula.rhs) * direction, along, claim.formula
            ),
        )
    )


def claimed(claim: Claim, above: Any, gradient: Any, below: Any, identity: Any) -> Any:
    """Evaluate the claimed gradient."""
    return evaluate(claim.formula.rhs, {ABOVE: above, GRADIENT: gradient, BELOW: below}, identity)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate a mean l_4 loss of two networks entry by entry and compare every layer."""
    rng = np.random.default_rng(seed)
    worst, entries, said, seen = 0.0, 0, list[float](), list[float]()
    for widths in ((2, 2, 2), (2, 3, 3, 3, 2)):
        layers = unbalanced_layers(widths, 0.7, rng)
        X, Y = rng.standard_normal((widths[0], 5)), rng.standard_normal((widths[-1], 5))
        gradient = power_loss_gradient(X, Y, 4)(product(layers))

        def loss(moved: tuple[np.ndarray, ...], X: np.ndarray = X, Y: np.ndarray = Y) -> float:
            return float(np.sum((product(moved) @ X - Y) ** 4) / (4 * X.shape[1]))

        for j, W in enumerate(layers):
            above = product(layers[j + 1 :]) if layers[j + 1 :] else np.eye(W.shape[0])
            below = product(layers[:j]) if j else np.eye(W.shape[1])
            if claim.formula.rhs != CLAIM.formula.rhs and len({*above.shape, *below.shape, *gradient.shape}) > 1:
                continue  # a wrong formula need not even have a shape; square layers decide
            guess = claimed(claim, above, gradient, below, np.eye)
            for at in np.ndindex(W.shape):
                step = np.zeros_like(W)
                step[at] = SMALL
                ends = [loss((*layers[:j], W + s * step, *layers[j + 1 :])) for s in (1.0, -1.0)]
                said.append(float(guess[at]))
                seen.append((ends[0] - ends[1]) / (2 * SMALL))
                worst = max(worst, abs(seen[-1] - said[-1]))
                entries += 1
    return Evidence.measured(
        claim,
        f"difference quotients of {entries} entries depart from the claim by at most {worst:.2g}",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (difference quotients)",
        cases=entries,
        seed=seed,
        picture=against_claim(said, seen, what="entry of a gradient", title="Layers have the claimed gradients"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Rational square layers, so that a wrong formula has a shape too, and a rational G; rectangular ones as well."""
    square = st.integers(1, 3).flatmap(
        lambda n: st.tuples(
            st.lists(rational_matrices(n, n), min_size=2, max_size=4).map(tuple), rational_matrices(n, n)
        )
    )  # fmt: skip
    shaped = rational_layers().flatmap(
        lambda layers: st.tuples(st.just(layers), rational_matrices(layers[-1].rows, layers[0].cols))
    )
    return square | shaped


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the change of the linear loss <G, W_e> per entry: exact, as it is linear in every layer."""
    layers, gradient = case
    for j, W in enumerate(layers):
        above, below = products_around(layers, j)
        try:
            guess = claimed(claim, above, gradient, below, sp.eye)
        except sp.matrices.exceptions.ShapeError:
            return False
        if guess.shape != W.shape:
            return False
        for row in range(W.rows):
            for column in range(W.cols):
                direction = sp.zeros(*W.shape)
                direction[row, column] = 1
                if (gradient.T * above * direction * below).trace() != guess[row, column]:
                    return False
    return True


FALSE_TWINS = (
    FalseTwin("without the transposes", {"claim": gradient_is(ABOVE * GRADIENT * BELOW)}),
    FalseTwin("layers below forgotten", {"claim": gradient_is(ABOVE.T * GRADIENT)}),
)

THEOREM = Theorem(
    name="layer_gradients",
    source=Source(PAPER, "(4), (6), (16)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("end_to_end_dynamics", "layer_conservation"),
)
