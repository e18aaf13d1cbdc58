r"""Section 5.3 for gradient flow: with all layers trained Delta' = -(sum_l H_l + H_a) Delta, exactly.

Assumptions
-----------
Square loss; theta_l' = -J_l(t)^T Delta for every layer; the chain rule holds. The Jacobians move.

Source
------
Bu, Xu and Chen (2021), section 5.3: the NTK is sum_l H_l + H_a with H_l = J_l J_l^T.

Idea of the proof
-----------------
Delta' = sum_l J_l theta_l' = -sum_l J_l J_l^T Delta. Only first derivatives: no cross terms between layers, for every
number of samples and weights. Written out for two hidden layers and the output layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import integer_matrices
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_equal_vectors
from odeflow.symbolic.flows import TIME
from odeflow.symbolic.inner_products import Base, Dynamics, Operator, Vector, evaluate_at, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import DELTA, ERROR, PAPER, VELOCITY

__all__ = ["THEOREM"]

LAYERS = ("1", "2", "a")


def obeys(factors: tuple[int, ...]) -> Claim:
    """Return the claim Delta' + sum_l factor_l H_l Delta = 0."""
    total = VELOCITY
    for layer, factor in zip(LAYERS, factors, strict=True):
        total = total + factor * (Operator(f"H_{layer}", symmetric=True) @ ERROR)
    return Claim(
        "With all layers trained by gradient flow the errors obey Delta' = -(sum_l H_l + H_a) Delta.",
        equate(total.as_expr(), sp.Integer(0)),
        ("square loss", "every layer moves by gradient flow", "the chain rule holds along the trajectory"),
        {sp.Symbol(f"H_{layer}"): f"J_{layer} J_{layer}^T" for layer in LAYERS},
    )


CLAIM = obeys((1, 1, 1))


def derive(claim: Claim) -> Derivation:
    """Apply the chain rule to three blocks of weights with moving Jacobians."""
    blocks = [Operator(f"J_{layer}", varying=True) for layer in LAYERS]
    speeds = [Vector.base(f"theta_{layer}", 1) for layer in LAYERS]
    free = Vector()
    for block, speed in zip(blocks, speeds, strict=True):
        free = free + block @ speed
    chain_rule = Dynamics({"Delta": (1, free)}, TIME)
    gradients = sum((inner(J.T @ ERROR, v) for J, v in zip(blocks, speeds, strict=True)), sp.Integer(0))
    first = show_equal(
        "L' = sum_l <J_l^T Delta, theta_l'>, so the gradient in layer l is J_l^T Delta",
        chain_rule.derivative(norm2(ERROR) / 2),
        gradients,
        name="L'",
    )
    moved, kernels = Vector(), Vector()
    for block in blocks:
        moved = moved + block @ (-(block.T @ ERROR))
        kernels = kernels - block @ (block.T @ ERROR)
    second = show_equal_vectors("with theta_l' = -J_l^T Delta", moved, kernels, name="Delta'")
    return Derivation(
        (
            assume("square loss; Delta' = sum_l J_l theta_l' with Jacobians that may move"),
            first,
            define("gradient flow on every layer: theta_l' = -J_l^T Delta"),
            second,
            infer("write H_l = J_l J_l^T", CLAIM.formula, from_=[first, second]),
        )
    )


def predictions(X: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Return f(x) = a.tanh(W_2 tanh(W_1 x))."""
    W1, W2, a = weights
    return np.asarray(np.tanh(np.tanh(X @ W1.T) @ W2.T) @ a)


def jacobians(X: np.ndarray, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return the Jacobians in W_1, W_2, a by back-propagation, each with one row a sample."""
    W1, W2, a = weights
    first = np.tanh(X @ W1.T)
    second = np.tanh(first @ W2.T)
    back2 = a * (1 - second**2)
    back1 = (back2 @ W2) * (1 - first**2)
    rows = X.shape[0]
    return [
        np.einsum("nr,np->nrp", back1, X).reshape(rows, -1),
        np.einsum("nr,np->nrp", back2, first).reshape(rows, -1),
        second,
    ]


def simulate(claim: Claim, seed: int) -> Evidence:
    """Move a smooth network of three layers by a small step along the gradient and compare Delta' with the claim."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((5, 3))
    weights = [rng.standard_normal((6, 3)), rng.standard_normal((6, 6)) / 2, rng.standard_normal(6)]
    error = predictions(X, weights) - rng.standard_normal(5)
    blocks = jacobians(X, weights)
    force = [-(J.T @ error).reshape(w.shape) for J, w in zip(blocks, weights, strict=True)]
    rates = []
    for h in (1e-4, 2e-4):
        ahead, behind = ([w + s * f for w, f in zip(weights, force, strict=True)] for s in (h, -h))
        rates.append((predictions(X, ahead) - predictions(X, behind)) / (2 * h))
    rate = (4 * rates[0] - rates[1]) / 3
    factors = claimed_factors(claim)
    expected = -sum(c * J @ (J.T @ error) for c, J in zip(factors, blocks, strict=True))
    spread = float(np.abs(rates[0] - rates[1]).max() / np.abs(rate).max())
    gap = float(np.abs(rate - expected).max() / np.abs(rate).max())
    return Evidence.measured(
        claim,
        f"Delta' of a tanh network by differences agrees with the claim to {gap:.2g}",
        contradicted=gap > 1e-7,
        error_bar=f"{spread:.2g} (two step sizes, before extrapolation)",
        cases=5,
        seed=seed,
        detail=f"relative difference {gap:.3g}",
        picture=against_claim(expected, rate, what="Delta' of a sample", title="Delta' is the claimed sum over layers"),
    )


def claimed_factors(claim: Claim) -> list[float]:
    """Read the factor of each layer's kernel off the claim."""
    left = sp.expand(claim.formula.lhs)
    words = {f"H_{layer}": (Operator(f"H_{layer}", symmetric=True) @ ERROR).as_expr() for layer in LAYERS}
    return [float(left.coeff(words[f"H_{layer}"])) for layer in LAYERS]


def domain() -> st.SearchStrategy[Any]:
    """Integer Jacobians of three layers and integer errors, two samples."""
    return st.tuples(integer_matrices(2, 3), integer_matrices(2, 4), integer_matrices(2, 2), integer_matrices(2, 1))


def holds(claim: Claim, case: Any) -> bool:
    """Put Delta' = sum_l J_l theta_l' into the claim's equation, in exact integers."""
    *blocks, error = (sp.Matrix(part.tolist()) for part in case)
    velocity = sp.zeros(2, 1)
    for J in blocks:
        velocity += J * (-J.T * error)
    operators = {f"H_{layer}": J * J.T for layer, J in zip(LAYERS, blocks, strict=True)}
    value = evaluate_at(claim.formula.lhs, {Base(DELTA): error, Base(DELTA, 1): velocity}, operators)
    return bool(value == sp.zeros(2, 1))


FALSE_TWINS = (
    FalseTwin("the output layer left out", {"claim": obeys((1, 1, 0))}),
    FalseTwin("the first layer twice", {"claim": obeys((2, 1, 1))}),
)

THEOREM = Theorem(
    name="multilayer_gradient_flow",
    source=Source(PAPER, "Section 5.3, NTK of all layers", "for gradient flow"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("multilayer_error_dynamics_printed", "multilayer_positivity"),
)
