r"""Lemma 2: a line integral of F_phi is at most N times the length times the maximum of |w|^{2-2/N} |phi(w)|.

Assumptions
-----------
N >= 1; phi continuous, the curve piecewise smooth; F_phi(w) = |w|^{2-2/N} (phi + (N - 1) Pr_w phi), 0 at w = 0.

Source
------
Arora, Cohen and Hazan (2018), Lemma 2 of Appendix A.4 (reconstructed: the text we hold lost its formula).

Idea of the proof
-----------------
With s = |Pr_w phi|^2, t = |phi|^2 - s: |F_phi|^2 = |w|^{2a} (t + N^2 s) <= |w|^{2a} N^2 |phi|^2. A line integral is at
most the length times the maximum of the field.

Deviations from the paper
-------------------------
None; N is the exact operator norm of I + (N - 1) Pr_w, so the constant is best.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, chain, define, infer, show_equal, show_less
from odeflow.symbolic.preconditioners import DEPTH
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.field_curl import field, random_loss
from theory.arora2018_implicit_acceleration.notation import PAPER

INTEGRAL = sp.Symbol("abs_int_F", nonnegative=True)
LENGTH, LARGEST = sp.symbols("len M", nonnegative=True)


def bounded_by(constant: sp.Expr) -> Claim:
    """Return the claim |int F_phi| <= constant len(Gamma) max |w|^a |phi|."""
    return Claim(
        "A line integral of F_phi is at most N times the curve's length times max |w|^(2-2/N) |phi|.",
        sp.Le(INTEGRAL, constant * LENGTH * LARGEST, evaluate=False),
        ("phi is continuous", "the curve is piecewise smooth"),
        {
            INTEGRAL: "|line integral of F_phi|",
            LENGTH: "length of the curve",
            LARGEST: "maximum of |w|^(2-2/N) |phi(w)| on the curve",
            DEPTH: "number of layers",
        },
    )


CLAIM = bounded_by(DEPTH)


def derive(claim: Claim) -> Derivation:
    """Bound the field pointwise, then integrate."""
    s, t = sp.symbols("s t", nonnegative=True)
    squared = show_equal(
        "|phi + (N - 1) Pr_w phi|^2", t + s + 2 * (DEPTH - 1) * s + (DEPTH - 1) ** 2 * s, t + DEPTH**2 * s
    )
    pointwise = show_less("at most N^2 |phi|^2", t + DEPTH**2 * s, DEPTH**2 * (t + s), {DEPTH: sp.Integer(1)})
    integral = infer("|line integral| <= length x maximum of |F_phi| <= len x N M", from_=[squared, pointwise])
    return Derivation(
        (
            assume("N >= 1; s = |Pr_w phi|^2 = <phi, Pr_w phi>, t = |phi|^2 - s"),
            define("M = max |w|^{2-2/N} |phi(w)| on the curve"),
            squared,
            pointwise,
            integral,
            chain("as claimed", claim.formula, DEPTH * LENGTH * LARGEST, from_=[squared, pointwise, integral]),
        )
    )  # fmt: skip


def ratio(claim: Claim, rng: np.random.Generator, d: int, depth: int, radial: bool) -> float:
    """Return integral/bound for a random field: along a random arc, or for phi = w along a segment from 0."""
    t = np.linspace(0.0, 1.0, 801)[:, None]
    if radial:
        start, far, bend = np.zeros(d), rng.standard_normal(d), np.zeros(d)
    else:
        start, far, bend = rng.standard_normal((3, d))
    w = (1.0 - t) * start + t * far + t * (1.0 - t) * bend
    phi = np.broadcast_to(far, w.shape) if radial else random_loss(rng, d)[0](w)
    F = field(w, phi, depth)
    steps = np.diff(w, axis=0)
    integral = abs(float(np.sum(0.5 * (F[1:] + F[:-1]) * steps)))
    size = np.linalg.norm(w, axis=1) ** (2.0 - 2.0 / depth) * np.linalg.norm(phi, axis=1)
    if radial:  # near its far end alone the segment attains the bound
        integral = float(np.sum(0.5 * (F[1:] + F[:-1])[-1:] * steps[-1:]))
        steps = steps[-1:]
    length = float(np.linalg.norm(steps, axis=1).sum())
    bound = float(claim.bound({LENGTH: length, LARGEST: float(size.max()), DEPTH: float(depth)}))
    return integral / bound


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate random fields along random arcs, and phi constant along a short piece of its own direction."""
    rng = np.random.default_rng(seed)
    cases = [(d, depth, radial) for d in (1, 2, 4) for depth in (1, 2, 3, 6) for radial in (False, True)] * 2
    ratios = [ratio(claim, rng, d, depth, radial) for d, depth, radial in cases]
    worst = max(ratios)
    return Evidence.measured(
        claim,
        f"largest integral/bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-3,
        error_bar="1e-3 (trapezia over 800 pieces, and a maximum over their ends)",
        cases=len(cases),
        seed=seed,
        picture=by_case(ratios, 1.0, title="No line integral exceeds the bound", ylabel="integral / bound"),
    )


def domain() -> st.SearchStrategy[tuple[int, int, bool, int]]:
    """Dimension, depth, kind of field, seed."""
    return st.tuples(st.integers(1, 4), st.integers(1, 8), st.booleans(), st.integers(0, 10**6))


def holds(claim: Claim, case: tuple[int, int, bool, int]) -> bool:
    """Check one curve."""
    d, depth, radial, seed = case
    return ratio(claim, np.random.default_rng(seed), d, depth, radial) < 1.0 + 1e-3


FALSE_TWINS = (
    FalseTwin("(N + 1)/2 instead of N", {"claim": bounded_by((DEPTH + 1) / 2)}),
    FalseTwin("no factor", {"claim": bounded_by(sp.Integer(1))}),
)

THEOREM = Theorem(
    name="line_integral_bound",
    source=Source(PAPER, "Lemma 2, Appendix A.4", "formula reconstructed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("constant_field_circulation", "no_regulariser"),
)
