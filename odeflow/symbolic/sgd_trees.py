"""Stochastic gradient descent as a tree: every path of a few steps, with its probability, in rational arithmetic.

With N functions and T steps there are N^T equally likely paths. Enumerating them gives expectations, confusion and
distances to a minimum as exact rationals, so a bound on SGD is held against the truth and not against a sample.

Examples
--------
>>> from fractions import Fraction
>>> wells = SeparableQuadratics(((1,), (1,)), ((1,), (-1,)))
>>> tree = sgd_tree(wells, (Fraction(0),), Fraction(1, 10), steps=2)
>>> expectation(tree[2], wells.mean_value) - wells.minimum
Fraction(181, 20000)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from odeflow.errors import InvalidArgumentError

__all__ = ["Point", "SeparableQuadratics", "Tree", "confusion_along", "expectation", "sgd_tree"]

Point: TypeAlias = tuple[Fraction, ...]
Tree: TypeAlias = list[dict[Point, Fraction]]
"""For each number of steps, the points that can be reached and their probabilities."""

LARGEST_TREE = 100_000


@dataclass(frozen=True)
class SeparableQuadratics:
    """Functions f_i(w) = (1/2) sum_k c_ik (w_k - m_ik)^2 with rational c_ik >= 0, and their exact constants.

    Attributes
    ----------
    curvatures : N rows of d curvatures c_ik >= 0, no row and no column all zero
    centres : N rows of d centres m_ik
    """

    curvatures: tuple[tuple[Fraction | int, ...], ...]
    centres: tuple[tuple[Fraction | int, ...], ...]

    def __post_init__(self) -> None:
        shapes = {len(row) for row in (*self.curvatures, *self.centres)}
        if len(self.curvatures) != len(self.centres) or len(shapes) != 1 or not self.curvatures:
            raise InvalidArgumentError(
                f"Expected as many rows of curvatures as of centres, all of one length, but got "
                f"{len(self.curvatures)} and {len(self.centres)} rows of lengths {sorted(shapes)}."
            )
        lines = (*self.curvatures, *zip(*self.curvatures, strict=True))
        if any(c < 0 for row in self.curvatures for c in row) or not all(any(line) for line in lines):
            raise InvalidArgumentError(
                f"Expected curvatures >= 0, with a positive one in each row and column, but got {self.curvatures}. "
                "A function without curvature has no minimum value to speak of."
            )

    @property
    def count(self) -> int:
        """N."""
        return len(self.curvatures)

    @property
    def smoothness(self) -> Fraction:
        """L: the largest curvature."""
        return Fraction(max(c for row in self.curvatures for c in row))

    @property
    def gradient_domination(self) -> Fraction:
        """mu of (1/2)|grad f_i|^2 >= mu (f_i - min f_i) for every i: the smallest positive curvature."""
        return Fraction(min(c for row in self.curvatures for c in row if c > 0))

    @property
    def mean_gradient_domination(self) -> Fraction:
        """mu_F of (1/2)|grad F|^2 >= mu_F (F - min F): the smallest mean curvature."""
        return min(Fraction(sum(column)) / self.count for column in zip(*self.curvatures, strict=True))

    @property
    def minimiser(self) -> Point:
        """Where F = mean of the f_i is least."""
        columns = zip(zip(*self.curvatures, strict=True), zip(*self.centres, strict=True), strict=True)
        return tuple(Fraction(sum(c * m for c, m in zip(cs, ms, strict=True))) / sum(cs) for cs, ms in columns)

    @property
    def minimum(self) -> Fraction:
        """min F."""
        return self.mean_value(self.minimiser)

    def value(self, index: int, point: Sequence[Fraction]) -> Fraction:
        """Return f_i(w)."""
        row = zip(self.curvatures[index], self.centres[index], point, strict=True)
        return sum((Fraction(c) * (w - m) ** 2 for c, m, w in row), Fraction(0)) / 2

    def gradient(self, index: int, point: Sequence[Fraction]) -> Point:
        """Return grad f_i(w)."""
        row = zip(self.curvatures[index], self.centres[index], point, strict=True)
        return tuple(Fraction(c) * (w - m) for c, m, w in row)

    def mean_value(self, point: Sequence[Fraction]) -> Fraction:
        """Return F(w)."""
        return sum((self.value(i, point) for i in range(self.count)), Fraction(0)) / self.count

    def mean_gradient_squared(self, point: Sequence[Fraction]) -> Fraction:
        """Return |grad F(w)|^2."""
        columns = zip(*(self.gradient(i, point) for i in range(self.count)), strict=True)
        return sum(((sum(column, Fraction(0)) / self.count) ** 2 for column in columns), Fraction(0))

    def confusion(self, point: Sequence[Fraction]) -> Fraction:
        """Return the least eta >= 0 with <grad f_i, grad f_j> >= -eta for all i != j at this point."""
        g = [self.gradient(i, point) for i in range(self.count)]
        pairs = (_dot(g[i], g[j]) for i in range(self.count) for j in range(i))
        return max(Fraction(0), -min(pairs, default=Fraction(0)))


def sgd_tree(functions: SeparableQuadratics, start: Sequence[Fraction], step: Fraction, *, steps: int) -> Tree:
    """Enumerate w_{k+1} = w_k - step grad f_i(w_k), i uniform, for k < steps.

    Parameters
    ----------
    functions : SeparableQuadratics
    start : w_0, d rationals
    step : learning rate, rational
    steps : T >= 0, with N^T at most 100000

    Returns
    -------
    list of T + 1 mappings point -> probability (points reached by several paths are merged)

    Raises
    ------
    InvalidArgumentError
        If the tree is too large to enumerate or `steps` is negative.
    """
    if steps < 0 or functions.count**steps > LARGEST_TREE:
        raise InvalidArgumentError(
            f"Expected 0 <= steps with N^steps <= {LARGEST_TREE} but got N={functions.count}, steps={steps}."
        )
    tree: Tree = [{tuple(Fraction(w) for w in start): Fraction(1)}]
    for _ in range(steps):
        reached: dict[Point, Fraction] = defaultdict(Fraction)
        for point, probability in tree[-1].items():
            for i in range(functions.count):
                gradient = functions.gradient(i, point)
                moved = tuple(w - step * g for w, g in zip(point, gradient, strict=True))
                reached[moved] += probability / functions.count
        tree.append(dict(reached))
    return tree


def expectation(level: Mapping[Point, Fraction], quantity: Callable[[Point], Fraction]) -> Fraction:
    """Return the mean of `quantity` over one level of a tree, exactly."""
    return sum((p * quantity(w) for w, p in level.items()), Fraction(0))


def confusion_along(functions: SeparableQuadratics, tree: Tree) -> Fraction:
    """Return the least confusion bound that holds at every point of a tree."""
    return max(functions.confusion(w) for level in tree for w in level)


def _dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))
