"""Initial weights of deep linear networks: balanced or not, in floats or in rational numbers.

Weights are balanced if W_{j+1}^T W_{j+1} = W_j W_j^T for all j. Bottlenecks (widths of 1), one layer, equal and zero
singular values are all within reach.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_count, require_finite, require_positive
from odeflow.strategies._declared import declared, random_state_kept
from odeflow.strategies._matrices import rational_rotations, rotations
from odeflow.strategies._spectra import rational_spectra, rationals, spectra
from odeflow.symbolic.deep_linear_instances import BalancedNetwork

__all__ = ["balanced_weights", "rational_balanced_networks", "rational_unbalanced_weights", "unbalanced_weights"]

LEAST_SINGULAR_VALUE = 0.01
"""Of those that are not 0, in units of the largest one allowed: smaller ones are weights that never leave 0."""


def _check_widths(widths: Sequence[int] | None, min_depth: int, max_depth: int, max_width: int) -> None:
    require_count("min_depth", min_depth)
    require_count("max_depth", max_depth, minimum=min_depth)
    require_count("max_width", max_width)
    if widths is not None:
        if not isinstance(widths, Sequence | np.ndarray):
            raise InvalidArgumentError(f"Expected a sequence of widths but got {widths!r}. Write (3, 2, 1).")
        if len(widths) < 2:
            raise InvalidArgumentError(f"Expected at least two widths, inputs and outputs, but got {list(widths)}.")
        for number, width in enumerate(widths):
            require_count(f"widths[{number}]", width)


def _check_balanced(
    widths: Sequence[int] | None, *, min_depth: int, max_depth: int, max_width: int, largest: float, singular: bool
) -> None:
    _check_widths(widths, min_depth, max_depth, max_width)
    require_positive("largest", largest)


@declared(_check_balanced)
def balanced_weights(
    draw: st.DrawFn,
    widths: Sequence[int] | None = None,
    *,
    min_depth: int = 1,
    max_depth: int = 3,
    max_width: int = 3,
    largest: float = 2.0,
    singular: bool = True,
) -> tuple[Float[np.ndarray, "_ _"], ...]:
    """Balanced layers W_j = U_j diag(s) U_{j-1}^T with rotations U_j. Shrinks to one layer, [[1]].

    Parameters
    ----------
    widths : n_0, ..., n_N; drawn if None
    min_depth, max_depth, max_width : of the widths that are drawn; depth N counts layers
    largest : singular value allowed, > 0
    singular : singular values may be 0, all of them included

    Returns
    -------
    Strategy of tuples (W_1, ..., W_N), float64, W_j of shape (n_j, n_{j-1}); balanced up to rounding.

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(balanced_weights([2, 1, 2], singular=False), lambda layers: True, settings=quiet)
    (array([[1., 0.]]), array([[1.],
           [0.]]))
    """
    sizes = _widths(draw, widths, min_depth, max_depth, max_width)
    rank = min(sizes)
    s = draw(spectra(rank, lower=LEAST_SINGULAR_VALUE * largest, upper=largest, singular=singular))
    frames = [draw(rotations(size))[:, :rank] for size in sizes]
    return tuple((after * s) @ before.T for before, after in itertools.pairwise(frames))


def _check_unbalanced(
    widths: Sequence[int] | None, *, min_depth: int, max_depth: int, max_width: int, bound: float, imbalance: float
) -> None:
    if widths is not None and len(widths) == 2:
        raise InvalidArgumentError(f"Expected two layers or more but got widths {list(widths)}. One is balanced.")
    require_count("min_depth", min_depth, minimum=2)
    _check_widths(widths, min_depth, max_depth, max_width)
    require_positive("bound", bound)
    if not 0.0 <= require_finite("imbalance", imbalance) <= bound**2:
        raise InvalidArgumentError(
            f"Expected 0 <= imbalance <= bound^2 = {bound**2:.6g} but got imbalance={imbalance}. Raise bound."
        )


@declared(_check_unbalanced)
def unbalanced_weights(
    draw: st.DrawFn,
    widths: Sequence[int] | None = None,
    *,
    min_depth: int = 2,
    max_depth: int = 3,
    max_width: int = 3,
    bound: float = 2.0,
    imbalance: float = 0.1,
) -> tuple[Float[np.ndarray, "_ _"], ...]:
    """Layers with any entries in [-bound, bound] that are not balanced. Shrinks to [[0]], [[1]].

    Parameters
    ----------
    widths, min_depth, max_depth, max_width : as in `balanced_weights`; two layers at least
    bound : of the entries, > 0
    imbalance : least value of max_j |W_{j+1}^T W_{j+1} - W_j W_j^T| in Frobenius norm, at most bound^2

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(unbalanced_weights(), lambda layers: True, settings=quiet)
    (array([[0.]]), array([[1.]]))
    """
    sizes = _widths(draw, widths, min_depth, max_depth, max_width)
    layers = []
    for before, after in itertools.pairwise(sizes):
        entries = draw(st.lists(st.floats(-bound, bound), min_size=before * after, max_size=before * after))
        layers.append(np.array(entries).reshape(after, before))
    if _imbalance(layers) < max(imbalance, np.finfo(np.float64).tiny):
        layers[-2][0, :] = 0.0
        layers[-1][0, 0] = 1.0 if imbalance <= 1.0 <= bound else bound
    return tuple(layers)


def _check_rational_balanced(
    widths: Sequence[int] | None, *, min_depth: int, max_depth: int, max_width: int, singular: bool
) -> None:
    _check_widths(widths, min_depth, max_depth, max_width)


@declared(_check_rational_balanced)
def rational_balanced_networks(
    draw: st.DrawFn,
    widths: Sequence[int] | None = None,
    *,
    min_depth: int = 1,
    max_depth: int = 4,
    max_width: int = 3,
    singular: bool = True,
) -> BalancedNetwork:
    """Balanced networks of rational numbers, with rational fractional powers of W_e W_e^T.

    They shrink to one layer, [[1]]. `layers`, `product` and `power` of what is drawn are exact.

    Parameters
    ----------
    widths, min_depth, max_depth, max_width, singular : as in `balanced_weights`

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(rational_balanced_networks(min_depth=2), lambda n: max(n.widths) == 2, settings=quiet).layers
    (Matrix([[1]]), Matrix([
    [1],
    [0]]))
    """
    sizes = _widths(draw, widths, min_depth, max_depth, max_width)
    s = draw(rational_spectra(min(sizes), upper=2, singular=singular))
    frames = tuple(draw(rational_rotations(size)) for size in sizes)
    with random_state_kept():
        return BalancedNetwork(frames, s)


def _check_rational_unbalanced(
    widths: Sequence[int] | None, *, min_depth: int, max_depth: int, max_width: int, bound: int
) -> None:
    require_count("bound", bound)
    _check_unbalanced(
        widths, min_depth=min_depth, max_depth=max_depth, max_width=max_width, bound=1.0, imbalance=0.0
    )  # fmt: skip


@declared(_check_rational_unbalanced)
def rational_unbalanced_weights(
    draw: st.DrawFn,
    widths: Sequence[int] | None = None,
    *,
    min_depth: int = 2,
    max_depth: int = 4,
    max_width: int = 3,
    bound: int = 3,
) -> tuple[sp.ImmutableMatrix, ...]:
    """Layers of rationals in [-bound, bound], denominators up to 3, that are not balanced.

    They shrink to [[0]], [[1]].

    Parameters
    ----------
    widths, min_depth, max_depth, max_width : as in `balanced_weights`; two layers at least
    bound : of the entries, an integer >= 1

    Examples
    --------
    >>> from hypothesis import find, settings
    >>> quiet = settings(database=None, derandomize=True)
    >>> find(rational_unbalanced_weights(), lambda layers: layers[0][0, 0] != 0, settings=quiet)
    (Matrix([[1]]), Matrix([[0]]))
    """
    sizes = _widths(draw, widths, min_depth, max_depth, max_width)
    layers = []
    for before, after in itertools.pairwise(sizes):
        entries = draw(st.lists(rationals(-bound, bound), min_size=before * after, max_size=before * after))
        layers.append(sp.Matrix(after, before, entries))
    pairs = itertools.pairwise(layers)
    if all(above.T * above == below * below.T for below, above in pairs):
        layers[-2][0, :] = sp.zeros(1, sizes[-3])
        layers[-1][0, 0] = sp.Integer(1)
    return tuple(sp.ImmutableMatrix(layer) for layer in layers)


def _widths(draw: st.DrawFn, widths: Sequence[int] | None, min_depth: int, max_depth: int, max_width: int) -> list[int]:
    if widths is not None:
        return list(widths)
    depth = draw(st.integers(min_depth, max_depth))
    return draw(st.lists(st.integers(1, max_width), min_size=depth + 1, max_size=depth + 1))


def _imbalance(layers: Sequence[Float[np.ndarray, "_ _"]]) -> float:
    """Compute what `odeflow.numeric.linear_flow.imbalance` does, without loading the simulator."""
    return max(float(np.linalg.norm(W.T @ W - V @ V.T)) for V, W in itertools.pairwise(layers))
