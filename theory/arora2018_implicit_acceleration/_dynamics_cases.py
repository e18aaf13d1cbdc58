"""Cases and simulations that the pages on end-to-end dynamics share: layers that move, and what is claimed of W_e."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from odeflow.symbolic.deep_linear import DECAY, DEPTH, END, GRADIENT, INDEX, STEP, end_to_end_rule
from odeflow.symbolic.deep_linear_instances import BalancedNetwork, rational_rotation
from odeflow.symbolic.deep_linear_words import dot, evaluate, write_out
from odeflow.symbolic.derivations import equate

__all__ = [
    "END_TO_END",
    "Layers",
    "balanced_networks",
    "distance",
    "end_to_end_field",
    "field_path",
    "gram_powers",
    "layer_path",
    "layer_rates",
    "power_loss_gradient",
    "product",
    "rational_layers",
    "rational_matrices",
    "rationals",
    "simulated_starts",
    "theorem_1",
    "unbalanced_layers",
]

Layers = tuple[np.ndarray, ...]
Gradient = Callable[[np.ndarray], np.ndarray]
TOLERANCE = 1e-10
"""Relative tolerance of the integrations; what a page reports is the difference of two of them."""


def theorem_1(left: sp.Expr, right: sp.Expr) -> sp.Equality:
    """Return equation (8) with exponents `left` on W_e W_e^T and `right` on W_e^T W_e."""
    body = (END * END.T) ** left * GRADIENT * (END.T * END) ** right
    return equate(dot(END), end_to_end_rule(DECAY * DEPTH, body))


END_TO_END = theorem_1((INDEX - 1) / DEPTH, (DEPTH - INDEX) / DEPTH)
"""Equation (8)."""


def product(layers: Sequence[np.ndarray]) -> np.ndarray:
    """Return W_N ... W_1."""
    whole = layers[0]
    for layer in layers[1:]:
        whole = layer @ whole
    return whole


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the distance relative to the larger of |first| and 1."""
    return float(np.linalg.norm(first - second)) / max(float(np.linalg.norm(first)), 1.0)


def layer_rates(layers: Sequence[np.ndarray], gradient: Gradient, decay: float = 0.0) -> Layers:
    """Return W_j' by (6) with eta = 1: each layer's gradient is back-propagated."""
    ahead = [layers[0]]
    for layer in layers[1:]:
        ahead.append(layer @ ahead[-1])
    back = gradient(ahead[-1])
    rates: list[np.ndarray] = []
    for j in range(len(layers) - 1, -1, -1):
        below = ahead[j - 1] if j else np.eye(layers[0].shape[1])
        rates.append(-decay * layers[j] - back @ below.T)
        back = layers[j].T @ back
    return tuple(reversed(rates))


def layer_path(
    layers: Sequence[np.ndarray], gradient: Gradient, times: Sequence[float], decay: float = 0.0
) -> list[Layers]:
    """Integrate (6) with eta = 1 and return the layers at `times`, the first of which is the start."""
    shapes = [W.shape for W in layers]
    ends = np.cumsum([W.size for W in layers])[:-1]

    def split(flat: np.ndarray) -> Layers:
        return tuple(part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True))

    def field(_: float, flat: np.ndarray) -> np.ndarray:
        return np.concatenate([rate.ravel() for rate in layer_rates(split(flat), gradient, decay)])

    start = np.concatenate([W.ravel() for W in layers])
    run = solve_ivp(
        field, (times[0], times[-1]), start, method="DOP853", t_eval=times, rtol=TOLERANCE, atol=TOLERANCE * 1e-2
    )
    return [split(state) for state in run.y.T]


def gram_powers(W: np.ndarray) -> Callable[[np.ndarray, sp.Expr], np.ndarray]:
    """Return the map from W W^T or W^T W and an exponent to the power, by the singular values of W itself."""
    left, values, right = np.linalg.svd(W, full_matrices=False)
    present = values > max(W.shape) * np.finfo(float).eps * values[0]

    def power(gram: np.ndarray, exponent: sp.Expr) -> np.ndarray:
        frame = left if np.array_equal(gram, W @ W.T) else right.T
        raised = np.where(present, np.where(present, values, 1.0) ** (2.0 * float(exponent)), 0.0)
        return np.asarray((frame * raised) @ frame.T)

    return power


def end_to_end_field(right: sp.Expr, depth: int, gradient: Gradient, decay: float = 0.0) -> Gradient:
    """Return the claimed W_e' as a function of W_e, with eta = 1; `right` is an expression in W_e and G."""
    numbers = {STEP: sp.Integer(1), DECAY: sp.Rational(str(decay))}
    written = sp.expand(write_out(right, {DEPTH: sp.Integer(depth)}).xreplace(numbers))

    def field(W: np.ndarray) -> np.ndarray:
        values = {END: W, GRADIENT: gradient(W)}
        return np.asarray(evaluate(written, values, np.eye, gram_powers(W), number=float))

    return field


def field_path(field: Gradient, start: np.ndarray, times: Sequence[float]) -> list[np.ndarray]:
    """Integrate W' = field(W) and return W at `times`."""
    run = solve_ivp(
        lambda _, flat: field(flat.reshape(start.shape)).ravel(), (times[0], times[-1]), start.ravel(),
        method="DOP853", t_eval=times, rtol=TOLERANCE, atol=TOLERANCE * 1e-2,
    )  # fmt: skip
    return [state.reshape(start.shape) for state in run.y.T]


def power_loss_gradient(X: np.ndarray, Y: np.ndarray, power: int) -> Gradient:
    """Return the gradient of the mean l_p loss: sum over outputs of (W x - y)^p / p, p even."""
    return lambda W: np.asarray((W @ X - Y) ** (power - 1) @ X.T / X.shape[1])


def simulated_starts(seed: int) -> list[tuple[int, np.ndarray, Gradient, float]]:
    """Return (N, W_e(0), gradient, lambda) for N = 1, 2, 3, several shapes, losses and decays."""
    rng = np.random.default_rng(seed)
    cases: list[tuple[int, np.ndarray, Gradient, float]] = []
    for depth, (k, d), power, decay in (
        (2, (2, 3), 2, 0.0),
        (3, (3, 2), 4, 0.3),
        (1, (2, 2), 2, 0.3),
        (2, (1, 3), 4, 0.1),
    ):
        X, W = rng.standard_normal((d, 4)), rng.standard_normal((k, d))
        Y = rng.standard_normal((k, 4))
        cases.append((depth, W / np.linalg.norm(W), power_loss_gradient(X, Y, power), decay))
    return cases


def unbalanced_layers(widths: Sequence[int], scale: float, rng: np.random.Generator) -> Layers:
    """Return Gaussian layers of the given widths n_0, ..., n_N and standard deviation."""
    return tuple(scale * rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths))


def rationals(bound: int = 3) -> st.SearchStrategy[sp.Rational]:
    """Small rationals p/q with |p| <= bound and q in 1, 2, 3."""
    return st.builds(sp.Rational, st.integers(-bound, bound), st.integers(1, 3))


def rational_matrices(rows: int, columns: int) -> st.SearchStrategy[sp.Matrix]:
    """Matrices of small rationals."""
    entries = st.lists(rationals(), min_size=rows * columns, max_size=rows * columns)
    return entries.map(lambda values: sp.Matrix(rows, columns, values))


@st.composite
def rational_layers(
    draw: Callable[..., Any], *, min_depth: int = 2, max_depth: int = 4, max_width: int = 3
) -> tuple[sp.MatrixBase, ...]:
    """Layers of any shape with small rational entries, in general not balanced."""
    depth = draw(st.integers(min_depth, max_depth))
    widths = draw(st.lists(st.integers(1, max_width), min_size=depth + 1, max_size=depth + 1))
    return tuple(draw(rational_matrices(b, a)) for a, b in itertools.pairwise(widths))


@st.composite
def balanced_networks(
    draw: Callable[..., Any], *, max_depth: int = 4, max_width: int = 3, min_depth: int = 1
) -> BalancedNetwork:
    """Balanced rational networks: any shape, repeated and zero singular values, bottlenecks, rank deficiency."""
    depth = draw(st.integers(min_depth, max_depth))
    widths = draw(st.lists(st.integers(1, max_width), min_size=depth + 1, max_size=depth + 1))
    frames = []
    for size in widths:
        count = size * (size - 1) // 2
        angles = draw(st.lists(rationals(2), min_size=count, max_size=count))
        frames.append(sp.ImmutableMatrix(rational_rotation(angles, size)))
    value = st.sampled_from([sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2), sp.Rational(2, 3)])
    singular = draw(st.lists(value, min_size=min(widths), max_size=min(widths)))
    return BalancedNetwork(tuple(frames), tuple(singular))
