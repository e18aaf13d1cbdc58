r"""Aligned rank-one layers: gradient descent of any width is gradient descent of width 1, step for step.

Assumptions
-----------
One output. W_1 = q_1 a^T, W_j = s_j q_j q_{j-1}^T, W_N = s_N q_{N-1}^T with unit columns q_j; any s_j, a, N, eta.

Source
------
Beside Arora, Cohen and Hazan (2018), section 5, "does not depend on the hidden widths".

Idea of the proof
-----------------
U_j = p q_j^T and V_j = r q_{j-1} a^T, as q^T q = 1. So G_j = q_j (p r G a) q_{j-1}^T, and p r G a is the gradient of
the width-1 network: a step changes s_j as there and leaves the q_j alone.

Deviations from the paper
-------------------------
New; needs no small step and no balance, but alignment.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.deep_linear import LAYER_GRADIENT, layer_gradient
from odeflow.symbolic.deep_linear_words import Letter, evaluate, show_matrices, transpose
from odeflow.symbolic.derivations import Derivation, assume, define, equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import Layers, layer_rates, power_loss_gradient, product
from theory.arora2018_implicit_acceleration.notation import PAPER

HERE, BEFORE = Letter("q_j", "n_j", 1), Letter("q_{j-1}", "n_{j-1}", 1)
SLOPE = Letter("g_j", 1, 1, symmetric=True)
FEATURES, GRADIENT = Letter("a", "d", 1), Letter("G", 1, "d")
ABOVE_SIZE, BELOW_SIZE, OWN = sp.symbols("p r s", real=True)


def gradient_is(value: sp.Expr) -> Claim:
    """Return the claim that the gradient of layer j is `value`."""
    return Claim(
        "In aligned rank-one layers G_j = q_j g_j q_{j-1}^T, g_j the gradient of the width-1 network; width is moot.",
        equate(LAYER_GRADIENT, value),
        ("one output", "W_1 = q_1 a^T, W_j = s_j q_j q_{j-1}^T, W_N = s_N q_{N-1}^T, unit q_j"),
        {LAYER_GRADIENT: "gradient of layer j", SLOPE: "dL/ds_j of the network with hidden width 1"},
    )


CLAIM = gradient_is(HERE * SLOPE * BEFORE.T)


def derive(claim: Claim) -> Derivation:
    """Multiply the neighbours out, in every dimension."""
    unit = [(HERE.T * HERE, sp.Integer(1)), (BEFORE.T * BEFORE, sp.Integer(1))]
    above, below = Letter("U_j", 1, "n_j"), Letter("V_j", "n_{j-1}", "d")
    layer = OWN * HERE * BEFORE.T
    shapes = {above: ABOVE_SIZE * HERE.T, below: BELOW_SIZE * BEFORE * FEATURES.T}
    further = Letter("U_{j-1}", 1, "n_{j-1}")
    higher = Letter("V_{j+1}", "n_j", "d")
    gradient = layer_gradient(shapes[above], shapes[below])
    return Derivation(
        (
            assume("W_1 = q_1 a^T, W_j = s_j q_j q_{j-1}^T, W_N = s_N q_{N-1}^T with q_j^T q_j = 1"),
            show_matrices(
                "if U_j = p q_j^T then U_{j-1} = U_j W_j = p s q_{j-1}^T",
                equate(further, ABOVE_SIZE * OWN * BEFORE.T),
                {further: shapes[above] * layer},
                rules=unit,
            ),
            show_matrices(
                "if V_j = r q_{j-1} a^T then V_{j+1} = W_j V_j = r s q_j a^T",
                equate(higher, BELOW_SIZE * OWN * HERE * FEATURES.T),
                {higher: layer * shapes[below]},
                rules=unit,
            ),
            define(
                "so p and r are the products of the other s_i; with width 1, q = 1 throughout and dL/ds_j is",
                equate(SLOPE, ABOVE_SIZE * BELOW_SIZE * GRADIENT * FEATURES),
            ),
            show_matrices(
                "layer 1, V_1 = I: a step changes a alone",
                equate(Letter("G_1", "n_j", "d"), HERE * (ABOVE_SIZE * GRADIENT)),
                {Letter("G_1", "n_j", "d"): transpose(shapes[above]) * GRADIENT},
            ),
            show_matrices(
                "layer N, U_N = 1: a step changes s_N alone",
                equate(Letter("G_N", 1, "n_{j-1}"), BELOW_SIZE * GRADIENT * FEATURES * BEFORE.T),
                {Letter("G_N", 1, "n_{j-1}"): GRADIENT * transpose(shapes[below])},
            ),
            show_matrices(
                "the gradient of layer j",
                claim.formula,
                {
                    LAYER_GRADIENT: gradient.xreplace({Letter("G", "k", "d"): GRADIENT}),
                    SLOPE: ABOVE_SIZE * BELOW_SIZE * GRADIENT * FEATURES,
                },
            ),
        )
    )  # fmt: skip


def aligned(
    widths: list[int], sizes: np.ndarray, features: np.ndarray, rng: np.random.Generator
) -> tuple[Layers, list[np.ndarray]]:
    """Return aligned layers of these hidden widths and their q_j, as columns."""
    units = [rng.standard_normal((n, 1)) for n in widths]
    units = [q / np.linalg.norm(q) for q in units]
    layers = [units[0] @ features]
    layers += [s * units[j + 1] @ units[j].T for j, s in enumerate(sizes[:-1])]
    return (*layers, sizes[-1] * units[-1].T), units


def departs(claim: Claim, depth: int, width: int, seed: int) -> tuple[float, float]:
    """Return the gap of claimed and true gradient of one layer, and of the products after 50 steps of both widths."""
    rng = np.random.default_rng(seed)
    sizes, features = rng.uniform(0.5, 1.0, depth - 1), 0.5 * rng.standard_normal((1, 3))
    X, Y = rng.standard_normal((3, 5)), rng.standard_normal((1, 5))
    gradient = power_loss_gradient(X, Y, 4)
    wide, units = aligned([width] * (depth - 1), sizes, features, rng)
    narrow: Layers = (features, *(np.array([[s]]) for s in sizes))
    at = depth - 2  # a layer between two hidden ones
    values = {
        HERE: units[at], BEFORE: units[at - 1], SLOPE: -layer_rates(narrow, gradient)[at],
    }  # fmt: skip
    guess = evaluate(claim.formula.rhs, values, np.eye, number=float)
    true = -layer_rates(wide, gradient)[at]
    for _ in range(50):
        narrow, wide = (
            tuple(W + 0.01 * rate for W, rate in zip(layers, layer_rates(layers, gradient), strict=True))
            for layers in (narrow, wide)
        )
    return float(np.abs(guess - true).max()), float(np.abs(product(narrow) - product(wide)).max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 50 steps of gradient descent with widths 1, 5 and 40, depths 3 and 5."""
    found = [departs(claim, depth, width, 10 * seed + width) for depth in (3, 5) for width in (5, 40)]
    gradients, paths = (max(values) for values in zip(*found, strict=True))
    return Evidence.measured(
        claim,
        f"gradients depart by at most {gradients:.2g}; after 50 steps widths 1, 5 and 40 differ by {paths:.2g}",
        contradicted=max(gradients, paths) > 1e-11,
        error_bar="1e-11 (rounding)",
        cases=len(found),
        seed=seed,
        picture=departures(np.ravel(found), 1e-11, title="Wide and narrow networks take the same steps", of="rounding"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Depth, width, seed."""
    return st.tuples(st.integers(3, 5), st.integers(1, 6), st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one network."""
    return max(departs(claim, *case)) <= 1e-10


FALSE_TWINS = (FalseTwin("twice the gradient", {"claim": gradient_is(2 * HERE * SLOPE * BEFORE.T)}),)

THEOREM = Theorem(
    name="width_independence_discrete",
    source=Source(PAPER, "Section 5, widths", "exact for aligned layers"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("width_independence", "width_independence_printed"),
)
