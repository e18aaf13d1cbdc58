"""Whole problems: a frozen kernel in its eigenbasis, and a two-layer ReLU network at its initialisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_count
from odeflow.strategies._data import unit_vectors
from odeflow.strategies._declared import declared

__all__ = ["FrozenCase", "NetworkCase", "mode_cases", "network_cases"]


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


def _check_mode_cases(*, lower: float, spread: float, max_size: int, longest: float) -> None:
    if not lower > 0.0 or not spread >= 1.0 or not max_size >= 1 or not longest > 0.0:
        raise InvalidArgumentError(
            "Expected lower > 0, spread >= 1, max_size >= 1 and longest > 0 but got "
            f"lower={lower}, spread={spread}, max_size={max_size}, longest={longest}."
        )


@declared(_check_mode_cases)
def mode_cases(
    draw: st.DrawFn, *, lower: float = 1.0, spread: float = 100.0, max_size: int = 4, longest: float = 40.0
) -> FrozenCase:
    """Frozen-kernel problems whose spectrum lies in [lower, spread * lower]. Shrinks to one mode at `lower`.

    Parameters
    ----------
    lower : smallest eigenvalue allowed, > 0; drawn exactly now and then, because bounds are tight there
    spread : largest eigenvalue in units of `lower`, >= 1
    max_size : largest dimension
    longest : latest time, in units of 1/sqrt(lower)

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(mode_cases(lower=4.0), lambda case: True, settings=quiet)
    FrozenCase(eigenvalues=(4.0,), coefficients=(1.0,), times=(0.5,))
    """
    factor = st.one_of(st.just(1.0), st.floats(1.0, spread))
    unit = 1.0 / float(np.sqrt(lower))
    coefficient = st.floats(-1.0, 1.0).map(lambda c: c if abs(c) > 1e-6 else 0.0)  # no denormal errors
    size = draw(st.integers(1, max_size))
    factors = draw(st.tuples(*[factor] * size))
    coefficients = draw(st.tuples(*[coefficient] * size).filter(any))
    times = draw(st.lists(st.floats(1e-3, longest), min_size=1, max_size=5, unique=True))
    return FrozenCase(tuple(lower * f for f in factors), coefficients, tuple(t * unit for t in sorted(times)))


def _check_network_cases(*, max_samples: int, max_features: int, max_width: int) -> None:
    require_count("max_samples", max_samples)
    require_count("max_features", max_features, minimum=2)
    require_count("max_width", max_width)


@declared(_check_network_cases)
def network_cases(
    draw: st.DrawFn, *, max_samples: int = 4, max_features: int = 3, max_width: int = 8
) -> NetworkCase:
    """Two-layer ReLU networks with unit-norm, non-parallel data and normal weights.

    Sizes and inputs shrink, to one neuron and one sample (1, 0); weights and targets come from a seed, which keeps
    them in general position.

    Parameters
    ----------
    max_samples, max_features, max_width : largest n, d (>= 2) and m

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> case = find(network_cases(), lambda case: case.a[0] < 0, settings=quiet)
    >>> case.X, case.a, case.W.shape
    (array([[1., 0.]]), array([-1.]), (1, 2))
    """
    n, d = draw(st.integers(1, max_samples)), draw(st.integers(2, max_features))
    m = draw(st.integers(1, max_width))
    X = draw(unit_vectors(n, d, separation=1e-2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return NetworkCase(X, rng.uniform(-1, 1, n), rng.standard_normal((m, d)), rng.choice([-1.0, 1.0], m))
