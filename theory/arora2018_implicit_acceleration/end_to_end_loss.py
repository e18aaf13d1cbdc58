r"""(1)-(3), (5): a linear network computes W_N ... W_1 x, so its loss is that of one layer at the product.

Assumptions
-----------
A network passes x through W_1, then W_2, ..., then W_N, without bias; any pointwise loss.

Source
------
Arora, Cohen and Hazan (2018), section 4, equations (1), (2), (3) and (5).

Idea of the proof
-----------------
After j layers the network holds h_j = W_j h_{j-1}; with h_{j-1} = (W_{j-1} ... W_1) x so is h_j, by associativity. The
loss sees the network only through h_N.

Deviations from the paper
-------------------------
None.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.deep_linear import BELOW, LAYER
from odeflow.symbolic.deep_linear_words import Letter, evaluate, show_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import product, rational_layers, rational_matrices
from theory.arora2018_implicit_acceleration.notation import PAPER

INPUT, HELD = Letter("x", "d", 1), Letter("h_j", "n_j", 1)
CHAIN = Letter("V_{j+1}", "n_j", "d")


def network_computes(value: sp.Expr) -> Claim:
    """Return the claim on what the network holds after j layers."""
    return Claim(
        "A linear network computes (W_N ... W_1) x, so L^N(W_1, ..., W_N) = L^1(W_N ... W_1).",
        equate(HELD, value),
        ("no bias, no non-linearity",),
        {HELD: "what the network holds after layer j", CHAIN: "W_j ... W_1", INPUT: "an input"},
    )


CLAIM = network_computes(CHAIN * INPUT)


def derive(claim: Claim) -> Derivation:
    """Induct on the layers, in every dimension."""
    return Derivation(
        (
            assume("h_0 = x, h_j = W_j h_{j-1}"),
            define("V_{j+1} = W_j V_j, V_1 = I", equate(CHAIN, LAYER * BELOW)),
            infer("start: h_0 = V_1 x"),
            show_matrices(
                "step: if h_{j-1} = V_j x then h_j = V_{j+1} x; the output is h_N = W_e x, all that the loss sees",
                claim.formula,
                {HELD: LAYER * (BELOW * INPUT), CHAIN: LAYER * BELOW},
            ),
        )
    )


def losses(layers: list[np.ndarray], X: np.ndarray, Y: np.ndarray, whole: np.ndarray) -> tuple[float, float]:
    """Return how far l_2 and softmax cross-entropy of the passed inputs are from those of `whole`."""
    held = X
    for W in layers:
        held = W @ held
    shares = np.abs(Y) / np.abs(Y).sum(axis=0)

    def both(outputs: np.ndarray) -> np.ndarray:
        top = outputs.max(axis=0)
        log_sum = top + np.log(np.exp(outputs - top).sum(axis=0))
        return np.array([0.5 * np.sum((outputs - Y) ** 2), -np.sum(shares * (outputs - log_sum))])

    gaps = np.abs(both(held) - both(whole @ X))
    return float(gaps[0]), float(gaps[1])


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare l_2 and softmax losses of networks with those of the claimed product."""
    rng = np.random.default_rng(seed)
    gaps, shapes = list[float](), ((3, 2), (4, 5, 3), (2, 6, 1, 4), (3, 3, 3, 3, 2))
    for widths in shapes:
        layers = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths)]
        X, Y = rng.standard_normal((widths[0], 7)), rng.standard_normal((widths[-1], 7))
        values = {CHAIN: product(layers), INPUT: np.eye(widths[0])}
        whole = evaluate(claim.formula.rhs, values, np.eye, number=float)
        gaps.extend(losses(layers, X, Y, whole))
    worst = max(gaps)
    return Evidence.measured(
        claim,
        f"l_2 and softmax losses differ by at most {worst:.2g}",
        contradicted=worst > 1e-10,
        error_bar="1e-10 (rounding)",
        cases=2 * len(shapes),
        seed=seed,
        picture=departures(gaps, 1e-10, title="The network's loss is that of the product", of="rounding"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Rational layers and an input."""
    return rational_layers(min_depth=1).flatmap(
        lambda layers: st.tuples(st.just(layers), rational_matrices(layers[0].cols, 1))
    )


def holds(claim: Claim, case: Any) -> bool:
    """Pass the input through and compare, exactly."""
    layers, x = case
    held, whole = x, sp.eye(layers[0].cols)
    for W in layers:
        held, whole = W * held, W * whole
    return bool(evaluate(claim.formula.rhs, {CHAIN: whole, INPUT: x}, sp.eye) == held)


FALSE_TWINS = (FalseTwin("doubled", {"claim": network_computes(2 * CHAIN * INPUT)}),)

THEOREM = Theorem(
    name="end_to_end_loss",
    source=Source(PAPER, "(1)-(3), (5)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("expressiveness",),
)
