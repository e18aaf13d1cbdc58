r"""Section 6: the curl of F, for every depth, dimension and twice differentiable loss.

Assumptions
-----------
w != 0, L twice differentiable there, i != j; N >= 1 and d >= 2 any.

Source
------
Beside Arora, Cohen and Hazan (2018), Theorem 2, (14): a local form of its line integral.

Idea of the proof
-----------------
Differentiate F_j = r^a (g_j + (N - 1) s w_j/r^2), a = 2 - 2/N, by the chain rule with r = |w|, s = <g, w>:
d_i r = w_i/r, d_i s = g_i + ((Hess L) w)_i, d_i g_j = H_ij = H_ji. The Hessian's entries cancel.

Deviations from the paper
-------------------------
The paper integrates along one closed curve. The curl says where F fails to be a gradient: wherever
v = (2/N - 1) grad L - (Hess L) w is not parallel to w. For a linear loss v = (2/N - 1) g: zero curl iff N = 2 (or N =
1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from jaxtyping import Float

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_value, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import (
    CURL,
    NORM,
    PRODUCT,
    Axis,
    curl,
    curl_closed_form,
    field_component,
    partial,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

I, J = Axis.I, Axis.J  # noqa: E741

Gradient = Callable[[Float[np.ndarray, "... d"]], Float[np.ndarray, "... d"]]


def curl_is(value: sp.Expr) -> Claim:
    """Return the claim d_i F_j - d_j F_i = value."""
    return Claim(
        "The curl of F is (N - 1)|w|^(-2/N) (w_i v_j - w_j v_i) with v = (2/N - 1) grad L - (Hess L) w.",
        equate(CURL, value),
        ("L is twice differentiable at w", "w is not 0"),
        {
            CURL: "d_i F_j - d_j F_i",
            NORM: "|w|",
            DEPTH: "number of layers",
            **{a.weight: f"w_{a.value}" for a in Axis},
            **{a.gradient: f"component {a.value} of grad L(w)" for a in Axis},
            **{a.curvature: f"component {a.value} of (Hess L) w" for a in Axis},
        },
    )


CLAIM = curl_is(curl_closed_form())


def derive(claim: Claim) -> Derivation:
    """Differentiate both components by the chain rule."""
    square = NORM**2
    return Derivation(
        (
            assume("w is not 0; L is twice differentiable there, with symmetric Hessian"),
            define("F_i = r^a (g_i + (N - 1) s w_i/r^2)", equate(sp.Symbol("F_i"), field_component(I))),
            show_equal("d_i r^2 = 2 w_i", partial(square, I), 2 * I.weight, name="d_i r^2"),
            show_value("d_i (s w_j)", partial(PRODUCT * J.weight, I), (I.gradient + I.curvature) * J.weight),
            show_with("d_i F_j - d_j F_i", claim.formula, {CURL: curl()}),
        )
    )  # fmt: skip


def random_loss(rng: np.random.Generator, d: int) -> tuple[Gradient, Gradient]:
    """Return w -> grad L and w -> (Hess L) w of a random cubic L, for stacks of points."""
    c, B = rng.standard_normal(d), rng.standard_normal((d, d))
    A, T = B + B.T, rng.standard_normal((3, d))

    def gradient(w: Float[np.ndarray, "... d"]) -> Float[np.ndarray, "... d"]:
        return np.asarray(c + w @ A + (w @ T.T) ** 2 @ T)

    def curved(w: Float[np.ndarray, "... d"]) -> Float[np.ndarray, "... d"]:
        return np.asarray(w @ A + 2.0 * (w @ T.T) ** 2 @ T)

    return gradient, curved


def field(w: Float[np.ndarray, "... d"], g: Float[np.ndarray, "... d"], depth: float) -> Float[np.ndarray, "... d"]:
    """Return F(w) for stacks of points; 0 at w = 0."""
    square = np.sum(w * w, axis=-1, keepdims=True)
    along = np.sum(w * g, axis=-1, keepdims=True) / np.where(square > 0.0, square, 1.0)
    return np.asarray(square ** (1.0 - 1.0 / depth) * (g + (depth - 1.0) * along * w))


def claimed(claim: Claim, w: np.ndarray, g: np.ndarray, h: np.ndarray, depth: float) -> float:
    """Evaluate the claimed curl in the first two coordinates."""
    values = {NORM: float(np.linalg.norm(w)), DEPTH: depth}
    for k, axis in enumerate(Axis):
        values |= {axis.weight: float(w[k]), axis.gradient: float(g[k]), axis.curvature: float(h[k])}
    return float(claim.bound(values))


def measured_curl(gradient: Gradient, w: np.ndarray, depth: float) -> tuple[float, float]:
    """Return the curl in the first two coordinates by differences, extrapolated, and its error from two step sizes."""

    def quotient(step: float) -> float:
        shifts = step * np.eye(w.size)[:2]
        ahead, behind = (field(w + s * shifts, gradient(w + s * shifts), depth) for s in (1.0, -1.0))
        slopes = (ahead - behind) / (2.0 * step)
        return float(slopes[0, 1] - slopes[1, 0])

    step = 2e-3 * float(np.linalg.norm(w))
    coarse, middle, fine = (quotient(step / 2**k) for k in range(3))
    rough, sharp = (4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0
    size = float(np.abs(field(w, gradient(w), depth)).max()) / step
    return sharp, abs(sharp - rough) + 64.0 * float(np.finfo(float).eps) * size


def simulate(claim: Claim, seed: int) -> Evidence:
    """Differentiate F numerically for random cubic losses, d = 2, ..., 5, N = 1, 2, 3, 5, 8."""
    rng = np.random.default_rng(seed)
    excess, bars, cases, found = -np.inf, [], 0, list[tuple[float, float, float]]()
    for d in range(2, 6):
        for depth in (1, 2, 3, 5, 8):
            for _ in range(3):
                gradient, curved = random_loss(rng, d)
                w = rng.standard_normal(d)
                observed, bar = measured_curl(gradient, w, depth)
                found.append((claimed(claim, w, gradient(w), curved(w), depth), observed, bar))
                excess, cases = max(excess, abs(observed - found[-1][0]) - 4.0 * bar), cases + 1
                bars.append(bar / max(1.0, abs(observed)))
    rows = np.array(found).T
    return Evidence.measured(
        claim,
        f"largest difference beyond four error bars {max(excess, 0.0):.2g}",
        contradicted=excess > 0.0,
        error_bar=f"{max(bars):.2g} relative (two step sizes, and rounding)",
        cases=cases,
        seed=seed,
        picture=against_claim(
            *rows[:2],
            what="curl of F",
            title="F has the claimed curl",
            interval=np.array([rows[1] - 4.0 * rows[2], rows[1] + 4.0 * rows[2]]),
        ),
    )


def domain() -> st.SearchStrategy[tuple[int, int, int]]:
    """Dimension, depth, seed of the loss and the point."""
    return st.tuples(st.integers(2, 5), st.integers(1, 10), st.integers(0, 10**6))


def holds(claim: Claim, case: tuple[int, int, int]) -> bool:
    """Check one random loss at one point."""
    d, depth, seed = case
    rng = np.random.default_rng(seed)
    gradient, curved = random_loss(rng, d)
    w = rng.standard_normal(d)
    observed, bar = measured_curl(gradient, w, depth)
    return abs(observed - claimed(claim, w, gradient(w), curved(w), depth)) <= 4.0 * bar


CROSS = I.weight * J.gradient - J.weight * I.gradient
FALSE_TWINS = (
    FalseTwin("no curvature term", {"claim": curl_is((DEPTH - 1) * NORM ** (-2 / DEPTH) * (2 / DEPTH - 1) * CROSS)}),
    FalseTwin("|w|^{2/N}", {"claim": curl_is(CLAIM.formula.rhs * NORM ** (4 / DEPTH)), "derive": None}),
    FalseTwin("1/N instead of 2/N in v", {"claim": curl_is(CLAIM.formula.rhs - (DEPTH - 1) * CROSS / DEPTH)}),
)

THEOREM = Theorem(
    name="field_curl",
    source=Source(PAPER, "Theorem 2, (14)", "the curl, added"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("no_regulariser", "potential_iff_radial"),
)
