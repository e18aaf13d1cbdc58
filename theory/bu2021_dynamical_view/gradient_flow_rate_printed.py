r"""Theorem 1 as printed: L(t) < e^{-lambda_0 t} L(0), strictly. Refuted at t = 0.

Assumptions
-----------
H(s) > (lambda_0/2) I for all s in [0, t]; Delta' = -H(t) Delta; t >= 0.

Source
------
Bu, Xu and Chen (2021), Theorem 1, second display: "L(t) < exp(-lambda_0 t) L(0)".

Idea of the refutation
----------------------
At t = 0 both sides are L(0). (At L(0) = 0 both are 0 for all t.) With H(s) > lambda_0/2 strictly, L(0) > 0 and t > 0
the inequality is strict indeed; "<=" is what holds for all t and what is used (`gradient_flow_rate`).
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, show_less, show_value, show_violated
from odeflow.symbolic.inner_products import Base, evaluate_at
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import gradient_flow_rate
from theory.bu2021_dynamical_view.notation import (
    CLOCK,
    DELTA,
    INITIAL_LOSS,
    LAMBDA0,
    LOSS,
    LOSS_FORM,
    PAPER,
    SYMBOLS,
    T,
)

NOW = LOSS.xreplace({T: CLOCK})


def states(formula: sp.Basic) -> Claim:
    """Return the claim about L(t) against the bound."""
    return Claim(
        "While the kernel stays above lambda_0/2, the loss stays strictly below e^{-lambda_0 t} L(0).",
        formula,
        ("H(s) > (lambda_0/2) I for every s in [0, t]", "Delta' = -H Delta", "t >= 0"),
        {NOW: SYMBOLS[LOSS], LAMBDA0: SYMBOLS[LAMBDA0]},
    )


BOUND = sp.exp(-LAMBDA0 * CLOCK) * INITIAL_LOSS
CLAIM = states(sp.Lt(NOW, BOUND, evaluate=False))
CORRECTED = replace(gradient_flow_rate.CLAIM, formula=gradient_flow_rate.CLAIM.formula.xreplace({T: CLOCK}))


def counterexample(claim: Claim) -> Derivation:
    """One sample, H = 1, lambda_0 = 1, Delta(0) = 1, at t = 0: L(t) = L(0) = 1/2."""
    loss = evaluate_at(LOSS_FORM, {Base(DELTA): sp.Matrix([1])}, {})
    instance = {NOW: loss, INITIAL_LOSS: loss, LAMBDA0: sp.Integer(1), CLOCK: sp.Integer(0)}
    return Derivation(
        (
            assume("n = 1, H = 1, lambda_0 = 1, Delta(0) = 1, t = 0"),
            show_less("H - lambda_0/2 >= 1/4 > 0", sp.Rational(1, 4), 1 - (LAMBDA0 / 2).xreplace(instance)),
            show_value("L(0)", loss, sp.Rational(1, 2)),
            show_violated("at t = 0 both sides are L(0)", claim.formula, instance),
        )
    )


FALSE_TWINS = (FalseTwin("half of the bound", {"claim": states(sp.Le(NOW, BOUND / 2, evaluate=False))}),)

THEOREM = Theorem(
    name="gradient_flow_rate_printed",
    source=Source(PAPER, "Theorem 1, conditional part", "as printed; corrected in gradient_flow_rate"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("gradient_flow_rate",),
)
