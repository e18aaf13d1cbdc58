"""Exact means of polynomials in independent weights, and the two parts of H of three-layer networks in floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp
from jaxtyping import Float


def gaussian_mean(expression: sp.Expr, weights: Sequence[sp.Symbol], variance: sp.Expr | int = 1) -> sp.Expr:
    """Return the mean of a polynomial in independent N(0, variance) weights: E w^{2k} = (2k - 1)!! variance^k."""
    polynomial = sp.Poly(sp.expand(expression), *weights)
    total = sp.Integer(0)
    for powers, coefficient in polynomial.terms():
        if any(p % 2 for p in powers):
            continue
        moment = sp.Mul(*(sp.factorial2(p - 1) * sp.sympify(variance, strict=True) ** (p // 2) for p in powers))
        total += coefficient * moment
    return sp.expand(total)


def mean_over(expression: sp.Expr, weight: sp.Symbol) -> sp.Expr:
    """Return the mean over one weight of any distribution with mean 0; its moments E[w^k] are symbols M_k_w, k >= 2."""
    polynomial = sp.Poly(sp.expand(expression), weight)
    moments = {0: sp.Integer(1), 1: sp.Integer(0)}
    return sp.Add(*(c * moments.get(k, sp.Symbol(f"M_{k}_{weight}", real=True)) for (k,), c in polynomial.terms()))


def three_layer_parts(
    X: Float[np.ndarray, "n d"],
    first: Float[np.ndarray, "k a d"],
    second: Float[np.ndarray, "k b a"],
    last: Float[np.ndarray, "k b"],
    activation: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[Float[np.ndarray, "k n n"], Float[np.ndarray, "k n n"]]:
    """Return H and its part H^W for u = last . s(second s(first x)), k networks at once.

    Only weights of the first layer share paths.
    """
    h1, t1 = activation(X @ first.transpose(0, 2, 1))
    h2, t2 = activation(h1 @ second.transpose(0, 2, 1))
    back = t2 * last[:, None, :]
    sums = t1 * (back @ second)

    def gram(rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows @ rows.transpose(0, 2, 1))

    inputs, shared = X @ X.T, gram(sums)
    squares = np.empty_like(shared)
    for i, j in np.ndindex(inputs.shape):
        ways = (back[:, i] * back[:, j])[:, None, :] @ second**2  # sum over the second layer, for each first-layer node
        squares[:, i, j] = (ways[:, 0] * t1[:, i] * t1[:, j]).sum(axis=1)
    return gram(h2) + gram(back) * gram(h1) + inputs * shared, inputs * (shared - squares)


def linear(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return z and its slope."""
    return z, np.ones_like(z)


def relu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return relu(z) and its slope."""
    return np.maximum(z, 0.0), (z > 0.0).astype(float)


def tanh(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return tanh(z) and its slope."""
    value = np.tanh(z)
    return value, 1.0 - value**2


def drawn_parts(
    X: Float[np.ndarray, "n d"],
    widths: tuple[int, int],
    activation: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    *,
    scale: float,
    draws: int,
    seed: int | np.random.Generator,
) -> tuple[Float[np.ndarray, "k n n"], Float[np.ndarray, "k n n"]]:
    """Return H and H^W of many networks with independent N(0, scale^2) weights."""
    rng = np.random.default_rng(seed)
    a, b = widths
    shapes = ((draws, a, X.shape[1]), (draws, b, a), (draws, b))
    first, second, last = (scale * rng.standard_normal(shape) for shape in shapes)
    return three_layer_parts(X, first, second, last, activation)
