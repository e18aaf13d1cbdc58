r"""Lemma 3: along the closed curve the field of a constant gradient e has the integral (2N/(3 - 2/N) - 2)(R^b - r^b).

Assumptions
-----------
N >= 1, 0 < r < R, b = 3 - 2/N; e a unit vector of R^d, d >= 2. The curve runs from -R e to -r e, over a half circle of
radius r to r e, to R e, and over a half circle of radius R back to -R e.

Source
------
Arora, Cohen and Hazan (2018), Lemma 3 of Appendix A.4, (38)-(44) (reconstructed: the text we hold lost its formulas).

Idea of the proof
-----------------
On the segments w/|w| = +-e, so F_e = N |w|^a e: each gives N (R^b - r^b)/b. On the half circles w is orthogonal to the
motion, so F_e acts as |w|^a e: 2 r^b and -2 R^b. All in the plane of the curve.

Deviations from the paper
-------------------------
None. The constant is 2(N - 1)(N - 2)/(3N - 2): 0 for N = 1 and N = 2, positive from N = 3 on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import (
    INNER,
    OUTER,
    closed_curve,
    piece_integral,
    show_piece,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.field_curl import Gradient, field
from theory.arora2018_implicit_acceleration.notation import PAPER

CIRCULATION = sp.Symbol("oint_F", real=True)
EXPONENT = 3 - 2 / DEPTH
CONSTANT = 2 * (DEPTH - 1) * (DEPTH - 2) / (3 * DEPTH - 2)
"""C_N."""


def circulation_is(value: sp.Expr) -> Claim:
    """Return the claim that the line integral of F_e along the curve is `value`."""
    return Claim(
        "Along the closed curve of Figure 1 the field of a constant unit gradient has a closed-form integral.",
        equate(CIRCULATION, value),
        ("N >= 1", "0 < r < R", "d >= 2"),
        {
            CIRCULATION: "line integral of F_e along the closed curve",
            INNER: "inner radius",
            OUTER: "outer radius",
            DEPTH: "number of layers",
        },
    )


CLAIM = circulation_is((2 * DEPTH / EXPONENT - 2) * (OUTER**EXPONENT - INNER**EXPONENT))


def derive(claim: Claim) -> Derivation:
    """Integrate piece by piece, N symbolic."""
    pieces = closed_curve()
    shown = [show_piece(piece) for piece in pieces]
    apart = {OUTER: INNER + sp.Symbol("s", positive=True)}
    total = sp.Add(*(piece_integral(piece) for piece in pieces)).xreplace(apart)
    return Derivation(
        (
            define("coordinates of the plane of the curve: e = (1, 0); F_e has no other component there"),
            *shown,
            infer("each integral is the difference of its primitive at the ends", from_=shown),
            show_equal("the constant is 2(N-1)(N-2)/(3N-2)", 2 * DEPTH / EXPONENT - 2, CONSTANT),
            show_with("all four pieces, R = r + s", claim.formula, {CIRCULATION: total, **apart}),
        )
    )


@functools.lru_cache(maxsize=1)
def compiled_curve() -> tuple[Callable[..., Any], ...]:
    """Return, for every piece, (parameter, r, R) -> [w_1, w_2, w_1', w_2', start, end]."""
    return tuple(
        sp.lambdify((p.parameter, INNER, OUTER), [*p.point, *p.velocity, p.start, p.end], "numpy")
        for p in closed_curve()
    )


def sampled(inner: float, outer: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the points and the weighted velocities of Gauss's rule on the closed curve, in its plane."""
    x, weight = np.polynomial.legendre.leggauss(nodes)
    points, steps = [], []
    for piece in compiled_curve():
        start, end = (float(v) for v in piece(0.0, inner, outer)[4:])
        values = piece(0.5 * (start + end) + 0.5 * (end - start) * x, inner, outer)[:4]
        columns = [np.broadcast_to(np.asarray(v, dtype=float), x.shape) for v in values]
        points.append(np.array(columns[:2]).T)
        steps.append(0.5 * (end - start) * weight[:, None] * np.array(columns[2:]).T)
    return np.concatenate(points), np.concatenate(steps)


def circulation(
    gradient: Gradient, plane: Float[np.ndarray, "2 d"], inner: float, outer: float, depth: float
) -> tuple[float, float]:
    """Return the line integral of F along the curve in a plane, and its error from two numbers of nodes.

    Parameters
    ----------
    gradient : w -> grad L(w), for stacks of points
    plane : orthonormal rows; the first is the axis e
    """
    totals = []
    for nodes in (24, 40):
        points, steps = sampled(inner, outer, nodes)
        w = points @ plane
        totals.append(float(np.sum(field(w, gradient(w), depth) * (steps @ plane))))
    size = depth * outer ** (3.0 - 2.0 / depth) * float(np.abs(gradient(outer * plane)).max())
    return totals[1], abs(totals[1] - totals[0]) + 1e-13 * size


def constant(vector: Float[np.ndarray, " d"]) -> Gradient:
    """Return the gradient of a linear loss."""
    return lambda w: np.broadcast_to(vector, w.shape)


def random_plane(rng: np.random.Generator, d: int, axis: np.ndarray | None = None) -> Float[np.ndarray, "2 d"]:
    """Return two orthonormal rows, the first along `axis` if it is given."""
    first = rng.standard_normal(d) if axis is None else axis
    Q = np.linalg.qr(np.column_stack([first, rng.standard_normal(d)]))[0].T
    return np.asarray(Q * np.sign(Q[0] @ first))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate by Gauss's rule in d = 2, 3, 5 dimensions, N = 1, 2, 3, 4, 7."""
    rng = np.random.default_rng(seed)
    excess, found, cases = -np.inf, list[tuple[float, float, float]](), 0
    for d in (2, 3, 5):
        for depth in (1, 2, 3, 4, 7):
            outer = float(rng.uniform(0.3, 3.0))
            inner = float(rng.uniform(0.2, 0.9)) * outer
            plane = random_plane(rng, d)
            observed, bar = circulation(constant(plane[0]), plane, inner, outer, depth)
            claimed = float(claim.bound({INNER: inner, OUTER: outer, DEPTH: float(depth)}))
            excess, cases = max(excess, abs(observed - claimed) - 4.0 * bar), cases + 1
            found.append((claimed, observed, bar))
    rows = np.array(found).T
    return Evidence.measured(
        claim,
        f"largest difference beyond four error bars {max(excess, 0.0):.2g}",
        contradicted=excess > 0.0,
        error_bar=f"{rows[2].max():.2g} (two numbers of nodes, and rounding)",
        cases=cases,
        seed=seed,
        picture=against_claim(
            *rows[:2],
            what="circulation",
            title="The circulation is the claimed one",
            interval=np.array([rows[1] - 4.0 * rows[2], rows[1] + 4.0 * rows[2]]),
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, float, int]]:
    """r/R, R and N."""
    return st.tuples(st.floats(0.05, 0.95), st.floats(0.1, 4.0), st.integers(1, 9))


def holds(claim: Claim, case: tuple[float, float, int]) -> bool:
    """Check one curve in the plane."""
    ratio, outer, depth = case
    observed, bar = circulation(constant(np.array([1.0, 0.0])), np.eye(2), ratio * outer, outer, depth)
    claimed = float(claim.bound({INNER: ratio * outer, OUTER: outer, DEPTH: float(depth)}))
    return abs(observed - claimed) <= 4.0 * bar


GAP = OUTER**EXPONENT - INNER**EXPONENT
FALSE_TWINS = (
    FalseTwin("half circles forgotten", {"claim": circulation_is(2 * DEPTH / EXPONENT * GAP)}),
    FalseTwin("segments without the factor N", {"claim": circulation_is((2 / EXPONENT - 2) * GAP)}),
    FalseTwin("the other orientation, by quadrature", {"claim": circulation_is(-CONSTANT * GAP), "derive": None}),
)

THEOREM = Theorem(
    name="constant_field_circulation",
    source=Source(PAPER, "Lemma 3, Appendix A.4, Figure 1", "formulas reconstructed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("line_integral_bound", "no_regulariser"),
)
