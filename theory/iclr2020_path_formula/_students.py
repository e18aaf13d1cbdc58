"""Two-layer students of several pages: exact ones in integers, and trained ones in floats.

A network without activations is linear in each single weight, so that f(theta + e_k) - f(theta) is the derivative by
theta_k, exactly: the Jacobian without a formula for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float, Int

from odeflow.theorem import Claim

__all__ = [
    "IntegerStudent",
    "claims",
    "cosine",
    "difference_jacobian",
    "integer_students",
    "random_semidefinite",
    "satisfied",
]


@dataclass(frozen=True, eq=False)
class IntegerStudent:
    """f(x) = scale * v^T W x with integer weights on integer inputs.

    Attributes
    ----------
    X : (n, d) inputs
    W : (m, d) first layer
    v : (m,) second layer
    scale : the scalar layer on top; 1 for a plain two-layer network
    targets : (n,) integer targets
    """

    X: Int[np.ndarray, "n d"]
    W: Int[np.ndarray, "m d"]
    v: Int[np.ndarray, " m"]
    scale: int
    targets: Int[np.ndarray, " n"]

    def __repr__(self) -> str:
        parts = (f"{name}={getattr(self, name).tolist()}" for name in ("X", "W", "v", "targets"))
        return f"IntegerStudent({', '.join(parts)}, scale={self.scale})"

    @property
    def weights(self) -> Int[np.ndarray, " p"]:
        """W row by row, then v."""
        return np.concatenate([self.W.ravel(), self.v])

    def outputs(self, weights: Int[np.ndarray, " p"]) -> Int[np.ndarray, " n"]:
        """Return v^T W x for all inputs, without the scalar layer."""
        m, d = self.W.shape
        found: Int[np.ndarray, " n"] = self.X @ weights[: m * d].reshape(m, d).T @ weights[m * d :]
        return found

    def scaled_outputs(self, weights: Int[np.ndarray, " p"]) -> Int[np.ndarray, " n"]:
        """Return the outputs with the scalar layer, whose weight is the last one."""
        found: Int[np.ndarray, " n"] = weights[-1] * self.outputs(weights[:-1])
        return found

    @property
    def kernel(self) -> Int[np.ndarray, "n n"]:
        """H(f), exactly."""
        J = difference_jacobian(self.outputs, self.weights)
        found: Int[np.ndarray, "n n"] = J @ J.T
        return found

    @property
    def scaled_kernel(self) -> Int[np.ndarray, "n n"]:
        """H(g), exactly, g = scale * f with a trained scale."""
        J = difference_jacobian(self.scaled_outputs, np.append(self.weights, self.scale))
        found: Int[np.ndarray, "n n"] = J @ J.T
        return found


def difference_jacobian(
    function: Callable[[Int[np.ndarray, " p"]], Int[np.ndarray, " n"]], weights: Int[np.ndarray, " p"]
) -> Int[np.ndarray, "n p"]:
    """Return the Jacobian of a function that is linear in each weight, by differences, exactly."""
    base = function(weights)
    return np.stack([function(weights + step) - base for step in np.eye(weights.size, dtype=np.int64)], axis=1)


def integer_students(*, largest: int = 3) -> st.SearchStrategy[IntegerStudent]:
    """Integer students with a non-zero output, up to 3 samples, features and neurons."""

    def drawn(case: tuple[int, int, int, int]) -> IntegerStudent:
        n, d, m, seed = case
        rng = np.random.default_rng(seed)
        X, W, v, y = (rng.integers(-largest, largest + 1, shape) for shape in ((n, d), (m, d), m, n))
        scale = int(rng.choice([-2, -1, 1, 2, 3]))
        return IntegerStudent(X, W, v, scale, y)

    sizes = (st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**16))
    return st.tuples(*sizes).map(drawn).filter(lambda student: bool(student.outputs(student.weights).any()))


def claims(claim: Claim, values: Mapping[sp.Basic, Any], true: int) -> bool:
    """Return whether the right-hand side of a claim is `true` at integer values; all intermediate floats are exact."""
    return bool(abs(float(claim.bound(values)) - true) <= 1e-9 * max(1, abs(true)))


def random_semidefinite(rng: np.random.Generator, size: int) -> Float[np.ndarray, "n n"]:
    """Return a random kernel J J^T with a spectrum spread over some decades."""
    J = rng.standard_normal((size, size)) * np.exp(rng.uniform(-2.0, 2.0, size))[:, None]
    return J @ J.T


def satisfied(formula: sp.Basic, values: Mapping[sp.Basic, float], *, slack: float = 1e-12) -> bool:
    """Return whether a relation, or a conjunction, holds at floats, up to `slack` of the larger side (or of 1)."""
    if isinstance(formula, sp.And):
        return all(satisfied(part, values, slack=slack) for part in formula.args)
    left, right = (float(side.xreplace({k: sp.Float(v) for k, v in values.items()})) for side in formula.args)
    room = slack * max(1.0, abs(left), abs(right))
    if isinstance(formula, sp.Equality):
        return abs(left - right) <= room
    return left >= right - room if isinstance(formula, sp.GreaterThan) else left <= right + room


def cosine(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Return the cosine of the angle between two vectors that are not zero."""
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
