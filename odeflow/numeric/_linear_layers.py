"""What is a deep linear network along its flow, and which layers are balanced?

The names here are offered by `odeflow.numeric.linear_flow`, which moves the layers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.markup import sketch
from odeflow.numeric.arrays import as_matrix, refuse_overflow, require_count

__all__ = [
    "LinearTrajectory",
    "Method",
    "Solver",
    "Weights",
    "balanced_layers",
    "checked_depth",
    "checked_layers",
    "imbalance",
]

DEEPEST = 16
EPSILON = float(np.finfo(np.float64).eps)

Weights = tuple[Float[np.ndarray, "_ _"], ...]


class Method(Enum):
    """How a flow is answered.

    LAYERS integrates the layers, by explicit or implicit steps (see `Solver`). END_TO_END integrates the product by its
    singular values (DOP853 of SciPy), an independent check for depths and scales where it is affordable. RICCATI and
    MODES are closed forms for the whitened loss and balanced weights: RICCATI for N = 2 with as many hidden neurons as
    the target has rank, MODES for any N if the initial product is aligned with the target, U diag(s) V^T with
    0 <= s <= targets.
    """

    LAYERS = "layers"
    END_TO_END = "end_to_end"
    RICCATI = "riccati"
    MODES = "modes"


class Solver(Enum):
    """Which steps move the layers.

    EXPLICIT is DOP853, compiled: about 1.9 r T evaluations of the field once the fastest learned rate r = N s^{2-2/N}
    limits its steps. IMPLICIT is Radau IIA of order 5, whose steps follow the plateaus alone and whose cost grows with
    the square to the cube of the number of weights. AUTOMATIC estimates both from the data and takes the cheaper one.
    """

    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


@dataclass(frozen=True, eq=False)
class LinearTrajectory:
    """A deep linear network along its flow.

    Attributes
    ----------
    times
        Flow times, (t,).
    end_to_end
        W_e at each time, (t, k, d).
    losses
        L at each time, (t,).
    layers
        Final W_1, ..., W_N. For methods that see only the product: a balanced factorisation of it.
    imbalance
        max_j |W_{j+1}^T W_{j+1} - W_j W_j^T| (Frobenius) at each time, (t,); 0 for methods that see only the product.
    imbalance_drift
        Largest change of one of these differences since the start, which an exact flow conserves, (t,).
    error_bar
        Estimate (no bound) of the error of `end_to_end` in Frobenius norm at each time, (t,); NaN if not asked for.
    method
        How it was computed.
    solver
        The steps that moved the layers; AUTOMATIC for methods without layers.
    steps, evaluations
        Accepted steps and evaluations of the field, of all runs; 0 for closed forms (steps also for END_TO_END).
    """

    times: Float[np.ndarray, " t"]
    end_to_end: Float[np.ndarray, "t k d"]
    losses: Float[np.ndarray, " t"]
    layers: Weights
    imbalance: Float[np.ndarray, " t"]
    imbalance_drift: Float[np.ndarray, " t"]
    error_bar: Float[np.ndarray, " t"]
    method: Method
    steps: int
    evaluations: int
    solver: Solver = Solver.AUTOMATIC

    def _repr_html_(self) -> str:
        bar = f"error bar {self.error_bar.max():.1e}" if np.isfinite(self.error_bar).all() else "no error bar"
        said = f"loss over t = {self.times[0]:.3g}..{self.times[-1]:.3g}; {bar}"
        return f"<p>{said}</p>{sketch(self.times.tolist(), self.losses.tolist(), label='loss')}"


@refuse_overflow()
def balanced_layers(end_to_end: ArrayLike, depth: int, *, widths: Sequence[int] | None = None) -> Weights:
    """Factor a matrix into balanced layers: W_e = U S V^T gives W_1 = S^{1/N} V^T, W_j = S^{1/N}, W_N = U S^{1/N}.

    Parameters
    ----------
    end_to_end
        W_e, (k, d).
    depth
        N, 1 to 16.
    widths
        n_1, ..., n_{N-1}, each at least the rank of W_e; min(k, d) where not given. Wider layers are padded with zeros.

    Returns
    -------
    W_1, ..., W_N, whose product is W_e and whose imbalance is 0, both to rounding.

    Raises
    ------
    InvalidArgumentError
        A width is below the rank, or their number is not N - 1.

    Examples
    --------
    >>> W1, W2 = balanced_layers([[4.0]], 2)
    >>> float(W1[0, 0]), float(W2[0, 0])
    (2.0, 2.0)
    """
    W = as_matrix("end_to_end", end_to_end)
    count = checked_depth(depth)
    if count == 1:
        return (W.copy(),)
    left, singular, right = np.linalg.svd(W, full_matrices=False)
    hidden = [singular.size] * (count - 1) if widths is None else [require_count("widths", n) for n in widths]
    if len(hidden) != count - 1:
        raise InvalidArgumentError(f"Expected {count - 1} widths, one a hidden layer, but got {len(hidden)}.")
    rank = int((singular > max(W.shape) * EPSILON * singular[0]).sum())
    if min(hidden) < rank:
        raise InvalidArgumentError(f"Expected widths >= {rank}, the rank of end_to_end, but got {min(hidden)}.")
    root = singular ** (1.0 / count)
    kept = min(singular.size, *hidden)
    # The sign of a 1 x 1 matrix and the like sits in U, so W_N carries it.
    chain = [np.zeros((b, a)) for a, b in zip([W.shape[1], *hidden], [*hidden, W.shape[0]], strict=True)]
    chain[0][:kept] = root[:kept, None] * right[:kept]
    chain[-1][:, :kept] = left[:, :kept] * root[:kept]
    for middle in chain[1:-1]:
        middle[range(kept), range(kept)] = root[:kept]
    return tuple(chain)


@refuse_overflow()
def imbalance(layers: Sequence[ArrayLike]) -> float:
    """Measure max_j |W_{j+1}^T W_{j+1} - W_j W_j^T| in Frobenius norm; 0 for a single layer.

    Parameters
    ----------
    layers
        W_1, ..., W_N, whose shapes must chain.

    Examples
    --------
    >>> imbalance([[[1.0]], [[3.0]]])
    8.0
    """
    pairs = itertools.pairwise(checked_layers(layers))
    return max((float(np.linalg.norm(after.T @ after - before @ before.T)) for before, after in pairs), default=0.0)


def checked_depth(depth: int) -> int:
    """Return `depth` as an int of 1 to 16."""
    count = require_count("depth", depth)
    if count > DEEPEST:
        raise InvalidArgumentError(f"Expected a depth of at most {DEEPEST} but got {count}.")
    return count


def checked_layers(layers: Sequence[ArrayLike]) -> Weights:
    """Return 1 to 16 finite matrices, each with as many columns as the one before has rows."""
    checked_depth(len(layers))
    checked: list[Float[np.ndarray, "_ _"]] = []
    for number, W in enumerate(layers, start=1):
        columns = checked[-1].shape[0] if checked else None
        checked.append(as_matrix(f"W_{number}", W, columns=columns))
    return tuple(checked)
