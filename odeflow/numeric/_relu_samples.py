"""Which samples share an activation boundary? Merges parallel samples exactly and pairs opposite ones.

For x_j = c_j x (all c_j > 0) the network sees only u = w.x. With C = sum c_j^2 the group behaves as the one sample
sqrt(C) x with label sum c_j y_j / sqrt(C): its error D moves like any other, and

    Delta_j = s_j D + constant_j,    s_j = c_j / sqrt(C),   sum s_j^2 = 1.

A sample x_j = 0 is in no group: f_j = 0 for ever. Opposite samples x_o = -ratio x_i keep their own errors but share a
boundary; the kernels pair them (`Samples.opposite`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from odeflow.errors import InvalidArgumentError
from odeflow.numeric._relu_row_kernels import Samples

# Two samples are parallel if x_j - c x_i is below PARALLEL |x_j|; between that and SEPARATE the pair is refused: the
# projections of sliding neurons would lose all their digits.
PARALLEL, SEPARATE = 1e-12, 1e-5


@dataclass(frozen=True)
class MergedSamples:
    """The data after merging: g groups of n samples."""

    X: np.ndarray  # (g, d)
    y: np.ndarray  # (g,)
    group: np.ndarray  # (n,) int64, -1 for zero samples
    scale: np.ndarray  # (n,) s_j
    constant: np.ndarray  # (n,)
    samples: Samples

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return s_j values_group(j) along the last axis: rates of the merged errors become rates of all errors."""
        padded = np.concatenate([values, np.zeros((*values.shape[:-1], 1))], axis=-1)
        result: np.ndarray = padded[..., self.group] * self.scale
        return result

    def errors(self, merged: np.ndarray) -> np.ndarray:
        """Return the errors of all samples from those of the groups."""
        result: np.ndarray = self.spread(merged) + self.constant
        return result

    def kernel(self, merged: np.ndarray) -> np.ndarray:
        """Return the kernel of all samples, (n, n)."""
        return self.spread(self.spread(merged).T).T


def merge_samples(X: np.ndarray, y: np.ndarray) -> MergedSamples:
    """Merge parallel samples and pair opposite ones."""
    n = X.shape[0]
    leader, factor = find_leaders(X)
    leaders = np.flatnonzero((leader == np.arange(n)) & (factor != 0.0))
    if leaders.size == 0:
        raise InvalidArgumentError("Expected a sample that is not zero but got only zero rows in X: nothing can move.")
    number = np.full(n, -1)
    number[leaders] = np.arange(leaders.size)
    group = np.where(factor == 0.0, -1, number[leader])
    members = group >= 0
    weight = np.bincount(group[members], factor[members] ** 2)
    label = np.bincount(group[members], factor[members] * y[members])
    single = np.bincount(group[members]) == 1
    root = np.where(single, 1.0, np.sqrt(weight))
    scale = np.zeros(n)
    scale[members] = factor[members] / root[group[members]]
    merged_y = label / root
    constant = -y
    constant[members] = scale[members] * merged_y[group[members]] - y[members]
    merged_X = np.ascontiguousarray(X[leaders] * root[:, None])
    return MergedSamples(merged_X, merged_y, group, scale, constant, pair_opposites(merged_X))


def find_leaders(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every sample, the first sample parallel to it and c_j with x_j = c_j x_leader (0 for x_j = 0)."""
    n = X.shape[0]
    norms = np.linalg.norm(X, axis=1)
    leader = np.arange(n)
    factor = np.where(norms > 0.0, 1.0, 0.0)
    for i, j, sign in close_pairs(X, norms):
        if sign > 0 and leader[j] == j and leader[i] == i:
            leader[j] = i
            factor[j] = (X[j] @ X[i]) / norms[i] ** 2
    return leader, factor


def pair_opposites(X: np.ndarray) -> Samples:
    """Return what the kernels need to know of merged samples."""
    g = X.shape[0]
    gram = X @ X.T
    gram = np.ascontiguousarray(0.5 * (gram + gram.T))
    opposite = np.full(g, -1)
    ratio = np.zeros(g)
    owner = np.ones(g, np.bool_)
    norms = np.linalg.norm(X, axis=1)
    for i, j, sign in close_pairs(X, norms):
        if sign < 0:
            opposite[i], opposite[j] = j, i
            ratio[i], ratio[j] = norms[j] / norms[i], norms[i] / norms[j]
            owner[j] = False
    factor = np.ascontiguousarray(X[:, : X.shape[1] if 2 * X.shape[1] < g else 0])
    return Samples(gram, np.abs(gram), opposite, ratio, owner, np.linalg.norm(gram, axis=1), factor)


def close_pairs(X: np.ndarray, norms: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (i, j, sign), i < j, with x_j parallel (sign 1) or opposite (-1) to x_i; refuse nearly parallel pairs."""
    unit = X / np.where(norms > 0.0, norms, 1.0)[:, None]
    pairs = []
    for i in range(X.shape[0]):
        if norms[i] == 0.0:
            continue
        cosines = unit[i + 1 :] @ unit[i]
        for j in i + 1 + np.flatnonzero(np.abs(cosines) > 1.0 - 1e-9):
            sign = 1 if cosines[j - i - 1] > 0.0 else -1
            distance = float(np.linalg.norm(unit[j] - sign * unit[i]))
            if distance <= PARALLEL:
                pairs.append((i, int(j), sign))
            elif distance < SEPARATE:
                raise InvalidArgumentError(
                    f"Expected samples to be parallel or at an angle of at least {SEPARATE:g} but samples {i} and {j} "
                    f"are at {distance:.3g} of each other's direction. Make them exactly parallel or remove one."
                )
    return pairs
