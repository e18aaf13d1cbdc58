r"""(9), (17), (18): the imbalance of neighbouring layers is conserved, and decays at twice the weight decay.

Assumptions
-----------
L is differentiable; the layers follow (6). Any N, any widths, any initial weights.

Source
------
Arora, Cohen and Hazan (2018), Theorem 1, equation (9) and Appendix A.1, equations (17) and (18).

Idea of the proof
-----------------
W_{j+1}^T G_{j+1} = G_j W_j^T, both are the same product around G. So the gradient's part of D_j' cancels, whatever
the loss, and D_j' = -2 eta lambda D_j is left; Lemma 1 integrates it.

Deviations from the paper
-------------------------
The paper states D_j = 0 from D_j(t_0) = 0. The law holds for every start and gives the size of what is off:
e^{-2 eta lambda (t - t_0)}. What a step of finite length does to D_j is `layer_conservation_discrete`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import DECAY, STEP, conservation_steps, gradient_steps
from odeflow.symbolic.deep_linear_instances import layer_rates
from odeflow.symbolic.deep_linear_words import Letter, differentiate, evaluate, show_matrices
from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import equal_derivatives
from theory.arora2018_implicit_acceleration._dynamics_cases import (
    layer_path,
    power_loss_gradient,
    rational_layers,
    rational_matrices,
    rationals,
    unbalanced_layers,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

TIME, START = sp.symbols("t t_0", real=True)
NOW = Letter("D_j(t)", "n_j", "n_j", symmetric=True)
FIRST = Letter("D_j(t_0)", "n_j", "n_j", symmetric=True)
AGREE = 1e-7
"""Integrated at relative tolerance 1e-10, times the sizes of the layers."""


def imbalance_is(factor: sp.Expr) -> Claim:
    """Return the claim that D_j(t) = factor D_j(t_0)."""
    return Claim(
        "The imbalance W_{j+1}^T W_{j+1} - W_j W_j^T is conserved; weight decay shrinks it like e^{-2 eta lambda t}.",
        equate(NOW, factor * FIRST),
        ("the layers follow (6)",),
        {NOW: "W_{j+1}^T W_{j+1} - W_j W_j^T at time t", STEP: "learning rate", DECAY: "weight decay"},
    )


CLAIM = imbalance_is(sp.exp(-2 * STEP * DECAY * (TIME - START)))


def derive(claim: Claim) -> Derivation:
    """Compute D_j' for every N and j, and integrate it by Lemma 1."""
    claimed = claim.formula.rhs
    moved = conservation_steps()
    zero = sp.Integer(0) * FIRST
    lemma = by("equal_derivatives", equal_derivatives.derive(equal_derivatives.CLAIM), equal_derivatives.CLAIM.formula)
    begun = Letter("claimed D_j(t_0)", "n_j", "n_j", symmetric=True)
    checks = [
        show_matrices(
            "the claimed D_j(t) obeys the same equation",
            equate(Letter("D_j'(t)", "n_j", "n_j", symmetric=True), -2 * STEP * DECAY * claimed),
            {Letter("D_j'(t)", "n_j", "n_j", symmetric=True): differentiate(claimed, {FIRST: zero}, TIME)},
        ),
        show_matrices("and starts at D_j(t_0)", equate(begun, FIRST), {begun: claimed.subs(TIME, START)}),
    ]
    return Derivation(
        (
            assume("the layers follow (6)"),
            *gradient_steps(),
            *moved,
            lemma,
            *checks,
            infer(
                "Lemma 1, entry by entry with alpha = 2 eta lambda", claim.formula, from_=[moved[-1], lemma, *checks]
            ),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Move unbalanced layers of three networks and compare every D_j with the claim."""
    rng = np.random.default_rng(seed)
    said, seen = list[float](), list[float]()
    worst = 0.0
    cases = (((2, 3, 2), 2, 0.0), ((3, 2, 2, 1), 4, 0.3), ((2, 1, 3), 4, 0.1))
    for widths, power, decay in cases:
        X, Y = rng.standard_normal((widths[0], 4)), rng.standard_normal((widths[-1], 4))
        start = unbalanced_layers(widths, 0.6, rng)
        end = layer_path(start, power_loss_gradient(X, Y, power), (0.0, 1.5), decay)[-1]
        for j in range(len(start) - 1):
            before, after = (W[j + 1].T @ W[j + 1] - W[j] @ W[j].T for W in (start, end))
            values = {
                FIRST: before,
                STEP: sp.Integer(1),
                DECAY: sp.Float(decay),
                TIME: sp.Float(1.5),
                START: sp.Integer(0),
            }
            guess = evaluate(claim.formula.rhs, values, np.eye, number=float)
            said.extend(np.broadcast_to(guess, after.shape).ravel())
            seen.extend(after.ravel())
            worst = max(worst, float(np.abs(after - guess).max()))
    return Evidence.measured(
        claim,
        f"D_j(1.5) departs from the claim by at most {worst:.2g}",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (integration at 1e-10)",
        cases=len(cases),
        seed=seed,
        picture=against_claim(said, seen, what="entry of D_j", title="D_j moves as claimed along the flow"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Rational layers, gradient, learning rate and decay."""
    size = rationals().map(abs)
    return rational_layers().flatmap(
        lambda layers: st.tuples(st.just(layers), rational_matrices(layers[-1].rows, layers[0].cols), size, size)
    )


def holds(claim: Claim, case: Any) -> bool:
    """Compare the claimed D_j' at t_0 with that of the layers, in rational numbers."""
    layers, gradient, step, decay = case
    rates = layer_rates(layers, gradient, step, decay)
    slope = sp.diff(claim.formula.rhs.xreplace({FIRST: sp.Integer(1)}), TIME).subs(
        {TIME: START, STEP: step, DECAY: decay}
    )
    for j in range(len(layers) - 1):
        low, high = layers[j], layers[j + 1]
        rate = rates[j + 1].T * high + high.T * rates[j + 1] - rates[j] * low.T - low * rates[j].T
        if rate != slope * (high.T * high - low * low.T):
            return False
    return True


FALSE_TWINS = (
    FalseTwin("decay at the rate eta lambda", {"claim": imbalance_is(sp.exp(-STEP * DECAY * (TIME - START)))}),
    FalseTwin("conserved in spite of weight decay", {"claim": imbalance_is(sp.Integer(1))}),
)

THEOREM = Theorem(
    name="layer_conservation",
    source=Source(PAPER, "(9), (17), (18)", "for every start"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("equal_derivatives", "layer_conservation_discrete", "end_to_end_dynamics"),
)
