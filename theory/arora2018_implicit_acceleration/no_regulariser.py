r"""Theorem 2, with d >= 2: for N > 2 no function has F as its gradient; how far every gradient stays from F.

Assumptions
-----------
d >= 2, N > 2, one output; grad L continuous near 0 with c = |grad L(0)| > 0. The distance is the supremum of
|F - grad Phi| over the ball of radius R, its least value over all differentiable Phi; R so small that
|grad L(w) - grad L(0)| <= c C_N/(8 pi N) there, C_N = 2(N - 1)(N - 2)/(3N - 2).

Source
------
Arora, Cohen and Hazan (2018), Theorem 2, (14); Appendix A.4.

Idea of the proof
-----------------
The paper's: split grad L = c e + xi. Along the closed curve with r^b = R^b/2, b = 3 - 2/N, the integral of F is at
least c C_N R^b/2 (`constant_field_circulation`) minus 2 pi N R^b max|xi| (`line_integral_bound`, the curve being
shorter than 2 pi R), so at least c C_N R^b/4 > 0. A gradient has integral 0; so |F - grad Phi| >= c C_N R^b/4/(2 pi R)
somewhere.

Deviations from the paper
-------------------------
d >= 2 is added: for d = 1 every continuous field is a gradient, and the half circles do not exist
(`no_regulariser_printed`). The conclusion is quantitative.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, infer, show_equal, show_less, show_with
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.symbolic.preconditioners_single_output import INNER, OUTER
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import constant_field_circulation as lemma3
from theory.arora2018_implicit_acceleration import line_integral_bound as lemma2
from theory.arora2018_implicit_acceleration.notation import PAPER

DISTANCE = sp.Symbol("dist", nonnegative=True)
SLOPE = sp.Symbol("c", positive=True)
SIZE = sp.Symbol("R_a", positive=True)
DIMENSION = sp.Symbol("d", integer=True, positive=True)


def farther_than(bound: sp.Expr) -> Claim:
    """Return the claim that F is at least `bound` away from every gradient field."""
    return Claim(
        "With at least two inputs and N > 2, F is not the gradient of any function.",
        sp.Ge(DISTANCE, bound, evaluate=False),
        ("d >= 2, N > 2, one output", "grad L is continuous near 0", "grad L(0) is not 0", "R small"),
        {
            DISTANCE: "least supremum of |F - grad Phi| over the ball of radius R",
            SLOPE: "|grad L(0)|",
            SIZE: "R^(2-2/N)",
            DEPTH: "number of layers",
        },
    )


CLAIM = farther_than(SLOPE * lemma3.CONSTANT * SIZE / (8 * sp.pi))


def derive(claim: Claim) -> Derivation:
    """Add the integral of the constant part and the bound on the rest; divide by the length."""
    slack, rho = sp.symbols("slack rho", nonnegative=True)
    rest = SLOPE * lemma3.CONSTANT / (8 * sp.pi * DEPTH)
    more = {DEPTH: sp.Integer(3)}
    at_least = SLOPE * lemma3.CONSTANT * (rho - rho / 2) - 2 * sp.pi * DEPTH * rho * rest
    constant = by("constant_field_circulation", lemma3.derive(lemma3.CLAIM), lemma3.CLAIM.formula)
    bound = by("line_integral_bound", lemma2.derive(lemma2.CLAIM), lemma2.CLAIM.formula)
    shorter = show_less(
        "the curve, 2(R - r) + pi r + pi R long, is shorter than 2 pi R",
        2 * (OUTER - INNER) + sp.pi * (INNER + OUTER),
        2 * sp.pi * OUTER,
        {OUTER: INNER},
    )
    summed = show_equal(
        "c C_N (R^b - r^b) - 2 pi N R^b max|xi| = c C_N R^b/4",
        at_least,
        SLOPE * lemma3.CONSTANT * rho / 4,
        name="c C_N (R^b - r^b) - 2 pi N R^b max|xi|",
    )
    positive = show_less("C_N >= 4/7 for N >= 3", sp.Rational(4, 7), lemma3.CONSTANT, more)
    return Derivation(
        (
            assume("d >= 2: the sphere of radius r joins -r e to r e; N >= 3"),
            define("rho = R^b, r^b = rho/2; max |xi| <= c C_N/(8 pi N) on the ball, as grad L is continuous"),
            constant,
            bound,
            shorter,
            summed,
            positive,
            infer("0 < int F = int (F - grad Phi) <= 2 pi R sup|F - grad Phi|", from_=[summed, positive]),
            define("R^b = R R^a", equate(rho, OUTER * SIZE)),
            show_with(
                "divide by 2 pi R",
                claim.formula,
                {DISTANCE: (at_least + slack).xreplace({rho: OUTER * SIZE}) / (2 * sp.pi * OUTER)},
                more,
            ),
        )
    )  # fmt: skip


def upper_distance(depth: float, radius: float) -> float:
    """Return sup |F - grad Phi| over the ball for L = <e, w> and Phi = x |w|^a <e, w>, x from a grid.

    grad Phi = x |w|^a (e + a <e, n> n), n = w/|w|; F = |w|^a (e + (N - 1) <e, n> n). On the sphere of radius R, with
    cos = <e, n>: |F - grad Phi|^2 = R^{2a} ((1 - x)^2 sin^2 + (N - x (1 + a))^2 cos^2).
    """
    a = 2.0 - 2.0 / depth
    x = np.linspace(0.0, depth, 4001)
    return float(np.maximum(np.abs(1.0 - x), np.abs(depth - x * (1.0 + a))).min() * radius**a)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare the claimed distance with a gradient that comes near F: the linear loss, N = 3, ..., 12."""
    rng = np.random.default_rng(seed)
    ratios, cases = [], 0
    for depth in range(3, 13):
        radius, slope = float(rng.uniform(0.1, 3.0)), float(rng.uniform(0.1, 3.0))
        values = {SLOPE: slope, SIZE: radius ** (2.0 - 2.0 / depth), DEPTH: float(depth)}
        ratios.append(float(claim.bound(values)) / (slope * upper_distance(depth, radius)))
    integrals = [small_circle(claim, rng, d, depth) for d in (2, 3, 4) for depth in (3, 4, 6)]
    cases = len(ratios) + len(integrals)
    lowest = min(integrals)
    return Evidence.measured(
        claim,
        f"claimed distance at most {max(ratios):.3f} of that of a gradient found; line integrals of curved losses at "
        f"least {lowest:.3f} of what the claim needs",
        contradicted=max(ratios) > 1.0 + 1e-9,
        error_bar="1e-9 (closed form); line integrals 1e-10 (two numbers of nodes)",
        cases=cases,
        seed=seed,
        detail=f"a gradient comes as near as {1.0 / max(ratios):.3f} of the claimed distance",
        picture=along(
            range(3, 13),
            ratios,
            {"claimed: at most": 1.0},
            title="No gradient comes nearer to F than claimed",
            xlabel="depth N",
            ylabel="claimed distance / that of a gradient found",
        ),
    )


def small_circle(claim: Claim, rng: np.random.Generator, d: int, depth: int) -> float:
    """Return line integral/(2 pi R x claimed distance) for a random quadratic loss with R at the limit allowed."""
    c, B = rng.standard_normal(d), rng.standard_normal((d, d))
    A, slope = B + B.T, float(np.linalg.norm(c))
    allowed = slope * float(lemma3.CONSTANT.subs(DEPTH, depth)) / (8.0 * np.pi * depth)
    outer = allowed / float(np.linalg.norm(A, 2))
    inner = outer * 0.5 ** (1.0 / (3.0 - 2.0 / depth))
    observed, _ = lemma3.circulation(lambda w: c + w @ A, lemma3.random_plane(rng, d, c), inner, outer, depth)
    values = {SLOPE: slope, SIZE: outer ** (2.0 - 2.0 / depth), DEPTH: float(depth)}
    return observed / (2.0 * np.pi * outer * float(claim.bound(values)))


def domain() -> st.SearchStrategy[tuple[int, int, int]]:
    """Dimension, depth and seed of a quadratic loss."""
    return st.tuples(st.integers(2, 5), st.integers(3, 8), st.integers(0, 10**6))


def holds(claim: Claim, case: tuple[int, int, int]) -> bool:
    """Check the line integral of a random quadratic loss against what the claim's proof needs."""
    d, depth, seed = case
    return small_circle(claim, np.random.default_rng(seed), d, depth) > 1.0


FALSE_TWINS = (
    FalseTwin("a distance of (N - 1) c R^a", {"claim": farther_than(SLOPE * (DEPTH - 1) * SIZE)}),
    FalseTwin("16 pi times the distance", {"claim": farther_than(2 * SLOPE * lemma3.CONSTANT * SIZE)}),
    FalseTwin(
        "16 pi times the distance, by a gradient that is nearer",
        {"claim": farther_than(2 * SLOPE * lemma3.CONSTANT * SIZE), "derive": None, "domain": None, "holds": None},
    ),
)

THEOREM = Theorem(
    name="no_regulariser",
    source=Source(PAPER, "Theorem 2, (14), Appendix A.4", "with d >= 2 added"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("no_regulariser_printed", "potential_iff_radial", "constant_field_circulation", "line_integral_bound"),
)
