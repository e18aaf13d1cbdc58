"""Public Hypothesis strategies: cases that satisfy a theorem's hypotheses, and shrink to readable ones.

Examples
--------
>>> from hypothesis import given, settings
>>> @settings(max_examples=5, derandomize=True, database=None)
... @given(mode_cases(lower=2.0))
... def check(case):
...     assert min(case.eigenvalues) >= 2.0
>>> check()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from jaxtyping import Float, Int

from odeflow.errors import InvalidArgumentError

__all__ = ["FrozenCase", "NetworkCase", "integer_matrices", "mode_cases", "network_cases", "unit_vectors"]


@dataclass(frozen=True)
class FrozenCase:
    """A frozen-kernel problem in the kernel's eigenbasis.

    Attributes
    ----------
    eigenvalues : spectrum of H, all >= the bound asked for
    coefficients : initial error in the eigenbasis, not all zero
    times : increasing times > 0
    """

    eigenvalues: tuple[float, ...]
    coefficients: tuple[float, ...]
    times: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class NetworkCase:
    """A two-layer ReLU network at its initialisation, with unit-norm data.

    Attributes
    ----------
    X : (n, d) inputs of unit norm
    y : (n,) targets in [-1, 1]
    W : (m, d) first-layer weights
    a : (m,) output signs, +-1
    """

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "m d"]
    a: Float[np.ndarray, " m"]

    def __repr__(self) -> str:
        return (
            f"NetworkCase(X={self.X.round(4).tolist()}, y={self.y.round(4).tolist()}, "
            f"W={self.W.round(4).tolist()}, a={self.a.tolist()})"
        )


def mode_cases(
    *, lower: float = 1.0, spread: float = 100.0, max_size: int = 4, longest: float = 40.0
) -> st.SearchStrategy[FrozenCase]:
    """Frozen-kernel problems whose spectrum lies in [lower, spread * lower].

    Parameters
    ----------
    lower : smallest eigenvalue allowed, > 0; drawn exactly now and then, because bounds are tight there
    spread : largest eigenvalue in units of `lower`, >= 1
    max_size : largest dimension
    longest : latest time, in units of 1/sqrt(lower)
    """
    if not lower > 0.0 or not spread >= 1.0 or not max_size >= 1 or not longest > 0.0:
        raise InvalidArgumentError(
            "Expected lower > 0, spread >= 1, max_size >= 1 and longest > 0 but got "
            f"lower={lower}, spread={spread}, max_size={max_size}, longest={longest}."
        )
    factor = st.one_of(st.just(1.0), st.floats(1.0, spread))
    unit = 1.0 / float(np.sqrt(lower))
    coefficient = st.floats(-1.0, 1.0).map(lambda c: c if abs(c) > 1e-6 else 0.0)  # no denormal errors

    def of_size(size: int) -> st.SearchStrategy[FrozenCase]:
        return st.builds(
            FrozenCase,
            eigenvalues=st.tuples(*[factor] * size).map(lambda f: tuple(lower * x for x in f)),
            coefficients=st.tuples(*[coefficient] * size).filter(lambda c: any(c)),
            times=st.lists(st.floats(1e-3, longest), min_size=1, max_size=5, unique=True).map(
                lambda ts: tuple(t * unit for t in sorted(ts))
            ),
        )

    return st.integers(1, max_size).flatmap(of_size)


def integer_matrices(rows: int, columns: int, *, bound: int = 4) -> st.SearchStrategy[Int[np.ndarray, "rows columns"]]:
    """Integer matrices with entries in [-bound, bound]: identities are checked on them without rounding."""
    if rows < 1 or columns < 1 or bound < 1:
        raise InvalidArgumentError(
            f"Expected sizes and bound >= 1 but got rows={rows}, columns={columns}, bound={bound}."
        )
    entries = st.lists(st.integers(-bound, bound), min_size=rows * columns, max_size=rows * columns)
    return entries.map(lambda values: np.array(values, dtype=np.int64).reshape(rows, columns))


def unit_vectors(n: int, d: int, *, separation: float = 1e-3) -> st.SearchStrategy[Float[np.ndarray, "n d"]]:
    """Matrices of n unit rows in R^d, no two parallel or anti-parallel up to the angle `separation` (radians)."""
    if n < 1 or d < 1 or not 0.0 <= separation < 1.0 or (d == 1 and n > 1):
        raise InvalidArgumentError(
            f"Expected n >= 1, d >= 1 (d >= 2 for several rows) and 0 <= separation < 1 but got n={n}, d={d}, "
            f"separation={separation}."
        )
    row = st.lists(st.floats(-1.0, 1.0), min_size=d, max_size=d).filter(lambda v: float(np.dot(v, v)) > 1e-2)

    def normalised(rows: list[list[float]]) -> Any:
        matrix = np.array(rows)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)

    def separated(matrix: Any) -> bool:
        cosines = np.abs(matrix @ matrix.T)[np.triu_indices(n, 1)]
        return bool((cosines < np.cos(separation)).all())

    return st.lists(row, min_size=n, max_size=n).map(normalised).filter(separated)


@st.composite
def network_cases(
    draw: Callable[..., Any], *, max_samples: int = 4, max_features: int = 3, max_width: int = 8
) -> NetworkCase:
    """Two-layer ReLU networks with unit-norm, non-parallel data and Gaussian-like weights."""
    n, d = draw(st.integers(1, max_samples)), draw(st.integers(2, max_features))
    m = draw(st.integers(1, max_width))
    X = draw(unit_vectors(n, d, separation=1e-2))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return NetworkCase(X, rng.uniform(-1, 1, n), rng.standard_normal((m, d)), rng.choice([-1.0, 1.0], m))
