r"""Footnote 1: for N = 2 a linear loss <U, w> gives the gradient of |w| <U, w>; so does every h(|w|) + <U, w>.

Assumptions
-----------
N = 2, any d; L(w) = h(|w|) + <U, w> with h continuously differentiable; w != 0.

Source
------
Arora, Cohen and Hazan (2018), footnote 1 of Theorem 2, extended.

Idea of the proof
-----------------
For N = 2: F_i = |w| (L_i + <grad L, w> w_i/|w|^2). With Phi = |w| <U, w> + 2 int rho h'(rho) drho the chain rule gives
d_i Phi = w_i <U, w>/|w| + |w| U_i + 2 h' w_i, which is F_i.

Deviations from the paper
-------------------------
The footnote's loss is h = 0. Whitened l2 regression is an exception too: h = rho^2/2 gives (2/3)|w|^3 + |w| <U, w>. By
`potential_iff_radial` (at N = 2: D is proportional to r on every pair of rays) there are no others.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import departures
from odeflow.symbolic.derivations import Derivation, assume, define, equate, show_equal, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import NORM, PRODUCT, Axis, field_component, partial
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.field_curl import field
from theory.arora2018_implicit_acceleration.notation import PAPER

COMPONENT = sp.Symbol("F_i", real=True)
ALONG = sp.Symbol("<U,w>", real=True)
TARGET = sp.Symbol("U_i", real=True)
SLOPE = sp.Symbol("h'", real=True)
WEIGHT = Axis.I.weight


def component_is(value: sp.Expr) -> Claim:
    """Return the claim F_i = value, the derivative of a potential."""
    return Claim(
        "With two layers and L = h(|w|) + <U, w>, F is the gradient of |w| <U, w> + 2 int rho h'(rho).",
        equate(COMPONENT, value),
        ("N = 2, one output", "L = h(|w|) + <U, w>", "w is not 0"),
        {
            COMPONENT: "component of F",
            NORM: "|w|",
            ALONG: "<U, w>",
            TARGET: "component of U",
            SLOPE: "h'(|w|)",
            WEIGHT: "component of w",
        },
    )


def gradient_of(potential: sp.Expr, radial: sp.Expr) -> sp.Expr:
    """Return d_i of potential + int radial(rho) drho, for U constant."""
    rules = {ALONG: TARGET}
    return sp.expand(partial(potential, Axis.I, rules) + radial * WEIGHT / NORM)


CLAIM = component_is(gradient_of(NORM * ALONG, 2 * NORM * SLOPE))


def derive(claim: Claim) -> Derivation:
    """Put the gradient of the loss into F at N = 2."""
    gradient = SLOPE * WEIGHT / NORM + TARGET
    product = SLOPE * NORM + ALONG
    F = field_component(Axis.I).subs(DEPTH, 2).subs({Axis.I.gradient: gradient, PRODUCT: product})
    return Derivation(
        (
            assume("N = 2; L = h(|w|) + <U, w>, U constant"),
            define("grad L = h' w/|w| + U", equate(Axis.I.gradient, gradient)),
            show_equal("<grad L, w> = h' |w| + <U, w>", SLOPE * NORM**2 / NORM + ALONG, product, name="<grad L, w>"),
            show_with("F is the gradient of the potential, component by component", claim.formula, {COMPONENT: F}),
        )
    )


def departure(claim: Claim, w: np.ndarray, U: np.ndarray, slope: float) -> float:
    """Return max |F_i - claimed| for h = slope |w|, so h' = slope, relative to |F|."""
    norm = float(np.linalg.norm(w))
    F = field(w, slope * w / norm + U, 2.0)
    values = {NORM: norm, ALONG: float(U @ w), SLOPE: slope, TARGET: U, WEIGHT: w}
    return float(np.abs(F - claim.bound(values)).max() / max(float(np.abs(F).max()), 1e-300))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare F with the claimed gradient at random points, d = 1, ..., 6."""
    rng = np.random.default_rng(seed)
    draws = [(rng.standard_normal(d), rng.standard_normal(d), float(rng.normal())) for d in range(1, 7)] * 5
    gaps = [departure(claim, *draw) for draw in draws]
    worst = max(gaps)
    return Evidence.measured(
        claim,
        f"largest relative departure {worst:.2g}",
        contradicted=worst > 1e-12,
        error_bar="1e-12 (rounding)",
        cases=len(draws),
        seed=seed,
        picture=departures(gaps, 1e-12, title="F is the gradient of the claimed potential", of="rounding"),
    )


def domain() -> st.SearchStrategy[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Integer w != 0, U and slope of h, in up to four dimensions."""
    entries = st.integers(1, 4).flatmap(lambda d: st.tuples(*[st.tuples(*[st.integers(-5, 5)] * d)] * 2))
    return st.tuples(entries, st.integers(-3, 3)).map(lambda c: (*c[0], c[1])).filter(lambda c: any(c[0]))


def holds(claim: Claim, case: tuple[tuple[int, ...], tuple[int, ...], int]) -> bool:
    """Compare exactly, in radicals."""
    w, U, slope = case
    square, along = sum(x * x for x in w), sum(x * y for x, y in zip(w, U, strict=True))
    norm = sp.sqrt(square)
    for weight, target in zip(w, U, strict=True):
        g, s = slope * weight / norm + target, slope * norm + along
        F = norm * (g + s * weight / square)
        values = {NORM: norm, ALONG: along, SLOPE: slope, TARGET: target, WEIGHT: weight}
        if sp.expand(F - claim.formula.rhs.subs(values)) != 0:
            return False
    return True


FALSE_TWINS = (
    FalseTwin("half the potential", {"claim": component_is(CLAIM.formula.rhs / 2)}),
    FalseTwin("int rho h' once", {"claim": component_is(gradient_of(NORM * ALONG, NORM * SLOPE))}),
    FalseTwin("|w|^2 <U, w>", {"claim": component_is(gradient_of(NORM**2 * ALONG, 2 * NORM * SLOPE)), "derive": None}),
)

THEOREM = Theorem(
    name="two_layer_potentials",
    source=Source(PAPER, "Footnote 1", "extended to h(|w|) + <U, w>"),
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
