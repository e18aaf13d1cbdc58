r"""Section 3.1 as printed: V(t) < e^{-rt} V(0), strictly. Refuted at t = 0.

Assumptions
-----------
H is constant and symmetric with H >= r^2 I; Delta'' + 2r Delta' + H Delta = 0; Delta'(0) = 0;
t >= 0.

Source
------
Bu, Xu and Chen (2021), proof of Lemma 3.3: "V'(t) < -alpha V(t)", "V(t) < e^{-alpha t} V(0)".

Idea of the refutation
----------------------
At t = 0 both sides are V(0). The corrected statement has "<=" (`heavy_ball_lyapunov`, `heavy_ball_rate`).
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_less, show_value, show_violated
from odeflow.symbolic.lyapunov import mode_matrix
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_rate import FLOW, V
from theory.bu2021_dynamical_view.notation import CLOCK, LAMBDA, PAPER, RATE, SYMBOLS

ENERGY = sp.Function("V", nonnegative=True)
BOUND = sp.exp(-RATE * CLOCK) * ENERGY(0)


def states(formula: sp.Basic) -> Claim:
    """Return the claim about V(t) against e^{-rt} V(0)."""
    return Claim(
        "With a frozen kernel V(t) stays strictly below e^{-rt} V(0).",
        formula,
        ("H is constant and symmetric with H >= r^2 I", "b = 2r", "Delta'(0) = 0", "t >= 0"),
        {RATE: SYMBOLS[RATE]},
    )


CLAIM = states(sp.Lt(ENERGY(CLOCK), BOUND, evaluate=False))
CORRECTED = states(sp.Le(ENERGY(CLOCK), BOUND, evaluate=False))


def counterexample(claim: Claim) -> Derivation:
    """One mode, lambda = 2, r = 1, Delta(0) = 1, Delta'(0) = 0, at t = 0: V(t) = V(0) = 3/2."""
    start = {LAMBDA: sp.Integer(2), RATE: sp.Integer(1)}
    value = mode_matrix(V, FLOW, LAMBDA)[0, 0].subs(start)
    instance = {ENERGY(CLOCK): value, ENERGY(0): value, **start, CLOCK: sp.Integer(0)}
    return Derivation(
        (
            assume("n = 1, H = 2, r = 1, Delta(0) = 1, Delta'(0) = 0"),
            show_less("H >= r^2", RATE.subs(start) ** 2, LAMBDA.subs(start)),
            show_value("V(0)", value, sp.Rational(3, 2)),
            show_violated("at t = 0 both sides are V(0)", claim.formula, instance),
        )
    )


FALSE_TWINS = (FalseTwin("half of the bound", {"claim": states(sp.Le(ENERGY(CLOCK), BOUND / 2, evaluate=False))}),)

THEOREM = Theorem(
    name="heavy_ball_strict_decay",
    source=Source(PAPER, "Section 3.1, V'(t) < -alpha V(t)", "as printed; corrected in heavy_ball_lyapunov"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("heavy_ball_lyapunov", "heavy_ball_rate"),
)
