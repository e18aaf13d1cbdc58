r"""Observation 1 as printed: near-zero initialisation makes w a sum of past gradients. Refuted unless w_1(0) = 0.

Assumptions
-----------
Those of the paper: w_1 and w_2 are initialised near zero.

Source
------
Arora, Cohen and Hazan (2018), section 3: "at every iteration t, w^{(t)} is a weighted combination of past gradients.
There thus exist mu^{(t,tau)}".

Idea of the refutation
----------------------
One sample x = (1, 0), y = 1, p = 2: all gradients point along (1, 0). From w_1 = (1/10, 1/10), w_2 = 1/10 with
eta = 1/10 the first step changes the second coordinate of w as well: by 99/100000. No combination of gradients does.

Deviations from the paper
-------------------------
Read as it stands, "there thus exist": the paper drops O(eta^2) terms, but not this one, which is of the size of the
start (1e-3 of w from weights 1e-3). Exactly zero is no way out for both: (0, 0) is a saddle where gradient descent
stays (`warmup_saddles`), and gamma divides by w_2. With w_1(0) = 0 and w_2(0) != 0 the statement is true
(`observation1_momentum` has the missing term).
"""

from __future__ import annotations

import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_value, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._warmup import STEP
from theory.arora2018_implicit_acceleration.notation import PAPER

ACROSS = sp.Symbol("c", real=True)
SLOPE, START = sp.symbols("D(t) v", real=True)


def across_is(value: sp.Expr) -> Claim:
    """Return the claim on the movement of w orthogonal to all gradients."""
    return Claim(
        "From near zero every step of w is a combination of the gradients so far.",
        equate(ACROSS, value),
        ("gradient descent on L(w_1 w_2) from near zero",),
        {
            ACROSS: "component of w(t+1) - w(t) along a unit vector orthogonal to all gradients",
            SLOPE: "dL/dw_2",
            START: "component of w_1(0) along that vector",
        },
    )


CLAIM = across_is(sp.Integer(0))
CORRECTED = across_is(-STEP * SLOPE * START)


def counterexample(claim: Claim) -> Derivation:
    """Take one step in rational numbers."""
    tenth = sp.Rational(1, 10)
    w1, w2, x, y = sp.Matrix([tenth, tenth]), tenth, sp.Matrix([1, 0]), sp.Integer(1)
    error = (x.T * w1)[0] * w2 - y
    g = error * x
    slope = (w1.T * g)[0]
    moved = (w2 - tenth * slope) * (w1 - tenth * w2 * g) - w2 * w1
    any_w = sp.Symbol("a", real=True)
    return Derivation(
        (
            assume("one sample x = (1, 0), y = 1, p = 2; w_1(0) = (1/10, 1/10), w_2(0) = 1/10, eta = 1/10"),
            show_equal(
                "every gradient (x.w - y) x has second coordinate 0",
                ((any_w - y) * x)[1],
                sp.Integer(0),
                name="second coordinate of (x.w - y) x",
            ),
            show_equal("dL/dw_2 = <w_1, g>", slope, -sp.Rational(99, 1000), name="dL/dw_2"),
            show_value("second coordinate of w(1) - w(0)", moved[1], sp.Rational(99, 100000)),
            show_violated("first step", claim.formula, {ACROSS: moved[1], STEP: tenth, SLOPE: slope, START: w1[1]}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take 1500 steps of the same problem from ever smaller weights; measure the drift across the gradients."""
    rate = float(claim.formula.rhs.subs({STEP: 0.01, SLOPE: 1, START: 1}))  # linear in the slope and in the start
    ratios = []
    for scale in (1e-1, 1e-2, 1e-3):
        w1, w2, step = [scale, scale], scale, 0.01
        drift, guess = 0.0, 0.0
        for _ in range(1500):
            error = w1[0] * w2 - 1.0
            slope = w1[0] * error
            after = w2 - step * slope
            guess += float(rate * slope * scale)
            drift += w1[1] * (after - w2)
            w1, w2 = [w1[0] - step * w2 * error, w1[1]], after
        ratios.append((drift, guess, w1[0] * w2))
    worst = max(abs(drift - guess) / scale for (drift, guess, _), scale in zip(ratios, (1e-1, 1e-2, 1e-3), strict=True))
    return Evidence.measured(
        claim,
        f"after 1500 steps w has moved by {', '.join(f'{d:.2g}' for d, _, _ in ratios)} across the gradients from "
        "weights 0.1, 0.01, 0.001",
        contradicted=worst > 1e-9,
        error_bar="1e-9 (rounding)",
        cases=3,
        detail=f"across / size of the start departs from the claim by {worst:.2g}",
        picture=along(
            (1e-1, 1e-2, 1e-3),
            [drift for drift, _, _ in ratios],
            [guess for _, guess, _ in ratios],
            title="From small starts w moves across the gradients too",
            xlabel="size of the start",
            ylabel="movement across",
            xscale="log",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("the missing term with the other sign", {"claim": across_is(STEP * SLOPE * START)}),
    FalseTwin("half of the missing term", {"claim": across_is(-STEP * SLOPE * START / 2)}),
)

THEOREM = Theorem(
    name="observation1_printed",
    source=Source(PAPER, "Observation 1", "as printed, w_1(0) near zero; corrected in observation1_momentum"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("observation1_momentum", "observation1_identity", "warmup_saddles"),
)
