"""What do the inner products of many gradients say? Collected one block of pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

__all__ = ["BINS", "Confusion", "collect"]

BINS = 4000
"""Bins of cosines on [-1, 1]: quantiles are known to half a bin, 2.5e-4."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """Gradient confusion of g_1, ..., g_N and what belongs to it; pairs are those with i < j.

    Inner products err by rounding only: about 1e-15 of |g_i| |g_j| times the square root of the number of layers.

    Attributes
    ----------
    count
        N.
    smallest_inner_product, smallest_pair
        min <g_i, g_j> over i != j and the pair where it is.
    smallest_cosine, cosine_pair
        The same for <g_i, g_j>/(|g_i| |g_j|) over pairs of non-zero gradients; nan and (-1, -1) if there are none.
    mean_cosine
        Mean over the same pairs; nan if there are none.
    mean_square
        mean_i |g_i|^2.
    mean_inner_product
        Mean of <g_i, g_j> over i != j.
    cosine_counts
        How many pairs have their cosine in each of `BINS` equal bins of [-1, 1], (BINS,).
    undefined_pairs
        Pairs with a zero gradient, whose cosine is not defined.
    """

    count: int
    smallest_inner_product: float
    smallest_pair: tuple[int, int]
    smallest_cosine: float
    cosine_pair: tuple[int, int]
    mean_cosine: float
    mean_square: float
    mean_inner_product: float
    cosine_counts: Int[np.ndarray, " bins"]
    undefined_pairs: int

    @property
    def bound(self) -> float:
        """Gradient confusion bound eta = max(0, -min_{i != j} <g_i, g_j>)."""
        return max(0.0, -self.smallest_inner_product)

    @property
    def square_of_mean(self) -> float:
        """|mean_i g_i|^2 = mean_square/N + mean_inner_product (N - 1)/N; |grad F|^2 for per-sample gradients."""
        return max(0.0, (self.mean_square + (self.count - 1) * self.mean_inner_product) / self.count)

    @property
    def variance(self) -> float:
        """mean_i |g_i - mean g|^2 = (N - 1)/N (mean_square - mean_inner_product)."""
        return max(0.0, (self.mean_square - self.mean_inner_product) * (self.count - 1) / self.count)

    def cosine_quantiles(self, levels: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
        """Return quantiles of the pairwise cosines, good to half a bin; nan without defined pairs.

        Parameters
        ----------
        levels
            In [0, 1], (q,).
        """
        total = int(self.cosine_counts.sum())
        if not total:
            return np.full(np.shape(levels), np.nan)
        reached = np.cumsum(self.cosine_counts)
        bins = np.searchsorted(reached, np.clip(np.ceil(np.asarray(levels) * total), 1, total))
        return np.asarray((bins + 0.5) * (2.0 / BINS) - 1.0)


@dataclass
class _Collected:
    """Sums and smallest values over the blocks seen so far."""

    squares: Float[np.ndarray, " n"]
    smallest: float = np.inf
    pair: tuple[int, int] = (-1, -1)
    cosine: float = np.inf
    cosine_pair: tuple[int, int] = (-1, -1)
    products: float = 0.0
    cosines: float = 0.0
    undefined: int = 0
    counts: Int[np.ndarray, " bins"] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    def add(self, block: Float[np.ndarray, "a b"], first: int, second: int) -> None:
        """Take in <g_i, g_j> for rows i >= first and columns j >= second; on the diagonal block only i < j."""
        norms = np.sqrt(self.squares)
        scale = np.outer(norms[first : first + block.shape[0]], norms[second : second + block.shape[1]])
        pairs = np.triu(np.ones(block.shape, dtype=bool), 1) if first == second else np.ones(block.shape, dtype=bool)
        if not pairs.any():
            return
        self.products += float(block[pairs].sum())
        self.smallest, self.pair = _lower(self.smallest, self.pair, np.where(pairs, block, np.inf), first, second)
        defined = pairs & (scale > 0.0)
        self.undefined += int(pairs.sum() - defined.sum())
        cosines = np.full(block.shape, np.inf)
        np.divide(block, scale, out=cosines, where=defined)
        self.cosine, self.cosine_pair = _lower(self.cosine, self.cosine_pair, cosines, first, second)
        inside = np.nan_to_num(np.clip(cosines[defined], -1.0, 1.0))
        self.cosines += float(inside.sum())
        bins = np.minimum(((inside + 1.0) * (0.5 * BINS)).astype(np.int64), BINS - 1)
        self.counts += np.bincount(bins, minlength=BINS)


def _lower(
    best: float, where: tuple[int, int], values: Float[np.ndarray, "a b"], first: int, second: int
) -> tuple[float, tuple[int, int]]:
    """Return the smaller of `best` and the smallest value, and where it is."""
    at = int(values.argmin())
    if values.flat[at] >= best:
        return best, where
    row, column = divmod(at, values.shape[1])
    return float(values.flat[at]), (first + row, second + column)


def collect(
    count: int,
    squares: Float[np.ndarray, " n"],
    blocks: Iterator[tuple[int, int, Float[np.ndarray, "a b"]]],
) -> Confusion:
    """Collect statistics from |g_i|^2 and the blocks (first row, first column, <g_i, g_j>) with rows <= columns."""
    found = _Collected(squares)
    with np.errstate(over="ignore", invalid="ignore"):  # the door refuses what is not finite
        for first, second, block in blocks:
            found.add(block, first, second)
    pairs = count * (count - 1) // 2
    defined = pairs - found.undefined
    return Confusion(
        count=count,
        smallest_inner_product=found.smallest,
        smallest_pair=found.pair,
        smallest_cosine=max(-1.0, min(1.0, found.cosine)) if defined else float("nan"),
        cosine_pair=found.cosine_pair,
        mean_cosine=found.cosines / defined if defined else float("nan"),
        mean_square=float(squares.mean()),
        mean_inner_product=found.products / pairs,
        cosine_counts=found.counts,
        undefined_pairs=found.undefined,
    )
