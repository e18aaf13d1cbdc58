r"""Section 3: L(w) is convex, and L(w_1, w_2) is not, unless L is constant.

Assumptions
-----------
L(w) = E[(x.w - y)^p/p], p a positive even integer; L(w_1, w_2) = L(w_1 w_2).

Source
------
Arora, Cohen and Hazan (2018), section 3: "this non-convex objective".

Idea of the proof
-----------------
On the segment from (2w, 0) to (0, 2) the loss is L(0) at both ends and L(w) in the middle. A convex function that is
not constant exceeds L(0) somewhere.

Deviations from the paper
-------------------------
The paper gives no argument. L is constant only if all x are 0; no condition such as E[y^{p-1} x] != 0 is needed here
(it is for the saddle at the origin, `warmup_saddles`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, equate, infer, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._warmup import show_derivative
from theory.arora2018_implicit_acceleration.notation import PAPER

DEFECT = sp.Symbol("c", real=True)
AT, AT_ZERO = sp.Function("L")(sp.Symbol("w")), sp.Function("L")(0)
SAMPLE, POINT, DIRECTION = Vector.base("x"), Vector.base("w"), Vector.base("h")
LABEL, HALF = sp.Symbol("y", real=True), sp.Symbol("m", positive=True, integer=True)


def defect_is(value: sp.Expr) -> Claim:
    """Return the claim that middle minus mean of the ends is `value`."""
    return Claim(
        "On the segment from (2w, 0) to (0, 2) the overparameterised loss exceeds the chord by L(w) - L(0): not "
        "convex, unless L is constant.",
        equate(DEFECT, value),
        ("p is a positive even integer", "L(w_1, w_2) = L(w_1 w_2)"),
        {DEFECT: "L(w_1, w_2) in the middle, minus the mean of its values at the ends", AT: "the loss at w"},
    )


CLAIM = defect_is(AT - AT_ZERO)


def sample_loss(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """Return (second first - y)^{2m}/(2m), `first` being <x, w_1>."""
    return (second * first - LABEL) ** (2 * HALF) / (2 * HALF)


def derive(claim: Claim) -> Derivation:
    """Evaluate the three points for one sample, every even p and dimension."""
    reached, s, r = inner(SAMPLE, POINT), sp.Symbol("s", real=True), sp.Symbol("r", real=True)
    turned = inner(SAMPLE, DIRECTION)
    middle = sample_loss((2 * reached + 0) / 2, sp.Integer(0 + 2) / 2)
    ends = [sample_loss(2 * reached, sp.Integer(0)), sample_loss(sp.Integer(0), sp.Integer(2))]
    steps = [
        show_derivative(
            "L is convex: a square as the second derivative",
            r ** (2 * HALF) / (2 * HALF),
            r,
            (2 * HALF - 1) * (r ** (HALF - 1)) ** 2,
            2,
        ),
        show_derivative("in r, which is affine in w", reached + s * turned - LABEL, s, sp.Integer(0), 2),
        show_with(
            "one sample, so every expectation",
            claim.formula,
            {
                DEFECT: middle - (ends[0] + ends[1]) / 2,
                AT: sample_loss(reached, sp.Integer(1)),
                AT_ZERO: sample_loss(sp.Integer(0), sp.Integer(1)),
            },
        ),
    ]
    why = infer(
        "a convex function that is not constant is not bounded above, so L(w) > L(0) for some w", from_=steps[:2]
    )
    return Derivation((assume("p = 2m"), *steps[:2], why, steps[2]))


def defect(case: Any) -> tuple[float, float, float]:
    """Return the measured defect, L(w) and L(0)."""
    power, d, seed = case
    rng = np.random.default_rng(seed)
    X, y, w = rng.standard_normal((5, d)), rng.standard_normal(5), 2.0 * rng.standard_normal(d)

    def loss(a: np.ndarray, b: float) -> float:
        return float(np.mean((X @ a * b - y) ** power) / power)

    ends = loss(2 * w, 0.0), loss(np.zeros(d), 2.0)
    return loss(w, 1.0) - 0.5 * (ends[0] + ends[1]), loss(w, 1.0), loss(0.0 * w, 1.0)


def agrees(claim: Claim, case: Any) -> bool:
    """Compare with the claim."""
    found, at, zero = defect(case)
    return abs(found - claimed(claim, at, zero)) <= 1e-10 * (1 + at + zero)


def claimed(claim: Claim, at: float, zero: float) -> float:
    """Return the claimed defect from L(w) and L(0)."""
    return float(claim.formula.rhs.xreplace({AT: at, AT_ZERO: zero}))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the defect for several p and dimensions, and how often it is positive."""
    cases = [(p, d, 100 * seed + 10 * p + d) for p in (2, 4, 6) for d in (1, 2, 5)]
    wrong = [case for case in cases if not agrees(claim, case)]
    defects = [defect(case) for case in cases]
    positive = sum(found > 0 for found, _, _ in defects)
    return Evidence.measured(
        claim,
        f"{len(wrong)} of {len(cases)} defects depart from the claim; {positive} are positive",
        contradicted=bool(wrong),
        error_bar="1e-10 (rounding)",
        cases=len(cases),
        seed=seed,
        picture=against_claim(
            [claimed(claim, at, zero) / (1 + at + zero) for _, at, zero in defects],
            [found / (1 + at + zero) for found, at, zero in defects],
            what="excess / (1 + L(w) + L(0))",
            title="A midpoint lies above the mean as far as claimed",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """p, dimension and seed."""
    return st.tuples(st.sampled_from((2, 4, 6)), st.integers(1, 4), st.integers(0, 10**6))


def holds(claim: Claim, case: Any) -> bool:
    """Check one problem."""
    return agrees(claim, case)


FALSE_TWINS = (
    FalseTwin("on the chord, as if affine", {"claim": defect_is(sp.Integer(0))}),
    FalseTwin("below the chord, as if convex", {"claim": defect_is(AT_ZERO - AT)}),
)

THEOREM = Theorem(
    name="depth_two_nonconvex",
    source=Source(PAPER, "Section 3, non-convex objective", "with an argument, and when"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("warmup_saddles",),
)
