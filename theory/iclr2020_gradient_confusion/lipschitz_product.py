r"""Lemma D.2: gradients bounded by M and L-Lipschitz in W have an inner product that is 2LM-Lipschitz in W.

Assumptions
-----------
|grad f_i(W)| <= M and |grad f_i(W) - grad f_i(W')| <= L |W - W'| for both functions.

Source
------
"Gradient Confusion" (2020), Lemma D.2.

Idea of the proof
-----------------
<a, b> - <a', b'> = <a - a', b> + <a', b - b'>, and Cauchy-Schwarz.

Deviations from the paper
-------------------------
None. The factor 2 is needed: a = (cos w, sin w), b = (cos w, -sin w) have <a, b> = cos 2w.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, infer, show_value
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._steps import conclude
from theory.iclr2020_gradient_confusion.notation import PAPER

CHANGE = sp.Symbol("|h_W - h_W'|", nonnegative=True)
SLOPE, SIZE, DISTANCE = sp.symbols("L M |W-W'|", nonnegative=True)


def change_at_most(bound: sp.Expr) -> Claim:
    """Return the claim |h_W - h_W'| <= bound."""
    return Claim(
        "The inner product of two bounded Lipschitz gradients is Lipschitz.",
        sp.Le(CHANGE, bound, evaluate=False),
        ("|grad f_i|, |grad f_j| <= M", "both gradients L-Lipschitz in W"),
        {CHANGE: "change of <grad f_i, grad f_j>", SLOPE: "Lipschitz constant", SIZE: "bound", DISTANCE: "step in W"},
    )


CLAIM = change_at_most(2 * SLOPE * SIZE * DISTANCE)


def derive(claim: Claim) -> Derivation:
    """Split the difference."""
    a, b, a2, b2 = (Vector.base(name) for name in ("a", "b", "a2", "b2"))
    steps = [
        assume("|a|, |b|, |a'|, |b'| <= M; |a - a'|, |b - b'| <= L |W - W'|"),
        show_value("the difference", inner(a, b) - inner(a2, b2), inner(a - a2, b) + inner(a2, b - b2)),
        infer("Cauchy-Schwarz on both terms"),
    ]
    derived = SLOPE * DISTANCE * SIZE + SIZE * SLOPE * DISTANCE
    return Derivation((*steps, conclude("put together", claim.formula, CHANGE, derived, from_=steps)))


def ratio(claim: Claim, frequency: float, size: float, first: float, step: float) -> float:
    """Return change / bound for a, b = size (cos, +-sin)(frequency w)."""

    def product(w: float) -> float:
        return size**2 * float(np.cos(2 * frequency * w))

    bound = float(claim.bound({SLOPE: size * frequency, SIZE: size, DISTANCE: step}))
    return abs(product(first + step) - product(first)) / bound


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure 500 random pairs of points, and a short step where cos 2w is steepest."""
    rng = np.random.default_rng(seed)
    found = [ratio(claim, 1.0, 1.0, np.pi / 4, 1e-3)]
    for _ in range(500):
        frequency, size, first, step = (float(v) for v in rng.uniform((0.1, 0.1, -5.0, 1e-3), (5.0, 3.0, 5.0, 2.0)))
        found.append(ratio(claim, frequency, size, first, step))
    return Evidence.measured(
        claim,
        f"largest change / bound {max(found):.4g}",
        contradicted=max(found) > 1.0 + 1e-9,
        error_bar="1e-9 (rounding)",
        cases=len(found),
        seed=seed,
        picture=by_case(found, 1.0, title="No change is above its bound", ylabel="change / bound"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Frequency, size, place, step."""
    return st.tuples(st.floats(0.1, 5.0), st.floats(0.1, 3.0), st.floats(-5.0, 5.0), st.floats(1e-3, 2.0))


def holds(claim: Claim, case: tuple[float, float, float, float]) -> bool:
    """Check one pair of points."""
    return ratio(claim, *case) <= 1.0 + 1e-9


FALSE_TWINS = (FalseTwin("LM without the 2", {"claim": change_at_most(SLOPE * SIZE * DISTANCE)}),)

THEOREM = Theorem(
    name="lipschitz_product",
    source=Source(PAPER, "Lemma D.2"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("uniform_confusion_printed",),
)
