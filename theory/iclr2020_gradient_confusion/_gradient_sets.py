"""Finite sets of gradients: what several pages say of them, and how their claims are held against drawn sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.numeric.confusion import confusion_of_gradients
from odeflow.panels import against_claim, by_case
from odeflow.theorem import Claim, Evidence
from theory.iclr2020_gradient_confusion._sgd import ETA, SAMPLES
from theory.iclr2020_gradient_confusion.confusion_bounds_second_moment import FULL, MEAN_SQUARE

__all__ = [
    "LARGEST_SQUARE",
    "MEAN_PRODUCT",
    "ROUNDING",
    "VARIANCE",
    "WHERE",
    "drawn_sets",
    "integer_sets",
    "outside",
    "set_evidence",
    "stationary",
    "values_of",
]

MEAN_PRODUCT = sp.Symbol("mean_{i!=j}<g_i, g_j>", real=True)
VARIANCE = sp.Symbol("sigma^2", nonnegative=True)
LARGEST_SQUARE = sp.Symbol("max|<g_i, g_j>|", nonnegative=True)
ROUNDING = 1e-11
"""Relative to the mean squared gradient; the statistics are sums of at most 100 terms."""

WHERE: dict[sp.Basic, str] = {
    SAMPLES: "number of gradients",
    ETA: "confusion bound max(0, -min_{i != j} <g_i, g_j>)",
    FULL: "squared mean gradient",
    MEAN_SQUARE: "mean of the squared gradients",
    MEAN_PRODUCT: "mean inner product over pairs i != j",
    VARIANCE: "mean of |g_i - grad F|^2",
    LARGEST_SQUARE: "largest inner product in absolute value, over i != j",
}


def values_of(gradients: Float[np.ndarray, "n d"]) -> dict[sp.Basic, float]:
    """Return the numbers that the symbols stand for; the bound comes from the library, the rest from definitions."""
    n = len(gradients)
    mean = gradients.mean(axis=0)
    products = (gradients @ gradients.T)[~np.eye(n, dtype=bool)]
    return {
        SAMPLES: float(n),
        ETA: confusion_of_gradients(gradients).bound,
        FULL: float(mean @ mean),
        MEAN_SQUARE: float((gradients**2).sum()) / n,
        MEAN_PRODUCT: float(products.mean()),
        VARIANCE: float(((gradients - mean) ** 2).sum()) / n,
        LARGEST_SQUARE: float(np.abs(products).max()),
    }


def sides(claim: Claim, gradients: Float[np.ndarray, "n d"]) -> tuple[float, float]:
    """Return what is claimed of a set of gradients and what it is, in units of their mean square."""
    values = values_of(gradients)
    scale = values[MEAN_SQUARE] or 1.0
    return float(claim.bound(values)) / scale, values[claim.formula.lhs] / scale


def outside(claim: Claim, gradients: Float[np.ndarray, "n d"]) -> float:
    """Return by how much a claim (= or <=) about a set of gradients is missed, in units of their mean square."""
    claimed, seen = sides(claim, gradients)
    return abs(seen - claimed) if isinstance(claim.formula, sp.Equality) else seen - claimed


def stationary(gradients: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return the gradients with their mean taken off: a stationary point."""
    return np.asarray(gradients - gradients.mean(axis=0))


def drawn_sets(seed: int, count: int = 400) -> list[Float[np.ndarray, "n d"]]:
    """Return random sets, sparse ones among them, simplices, opposite pairs and single gradients."""
    rng = np.random.default_rng(seed)
    sets = []
    for _ in range(count):
        n, d = int(rng.integers(2, 9)), int(rng.integers(1, 7))
        sets.append(rng.standard_normal((n, d)) * (rng.random((n, 1)) < rng.uniform(0.2, 1.0)))
    for n in range(2, 9):
        first = np.eye(n)[:1]
        sets += [np.eye(n) - 1.0 / n, np.concatenate([first, 0.0 * np.eye(n)[1:]])]
        sets.append(np.concatenate([first, -first, np.zeros((n - 2, n))]))
    return sets


def set_evidence(claim: Claim, sets: Iterable[Float[np.ndarray, "n d"]], *, seed: int, observed: str = "") -> Evidence:
    """Hold a claim against sets of gradients."""
    equal = isinstance(claim.formula, sp.Equality)
    found = [sides(claim, gradients) for gradients in sets]
    worst = max(abs(seen - claimed) if equal else seen - claimed for claimed, seen in found)
    what = "largest difference" if equal else "largest excess over the bound"
    return Evidence.measured(
        claim,
        f"{what} {worst:.2g} of the mean squared gradient{observed}",
        contradicted=worst > ROUNDING,
        error_bar=f"{ROUNDING} (rounding)",
        cases=len(found),
        seed=seed,
        picture=against_claim(
            *zip(*found, strict=True), what=str(claim.formula.lhs), title="Every set of gradients is as claimed"
        )
        if equal
        else by_case(
            [seen / bound if bound > 0.0 else np.nan for bound, seen in found],
            1.0,
            title="No set of gradients is above the bound",
            ylabel=f"{claim.formula.lhs} / bound",
        ),
    )


def integer_sets() -> st.SearchStrategy[Any]:
    """Two to five integer vectors of the plane."""
    vector = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
    return st.lists(vector, min_size=2, max_size=5).map(lambda rows: np.array(rows, dtype=np.float64))
