r"""Section 4 as printed: "NAG only converges at polynomial rate, in contrast to ... HB and GD". Refuted for the method.

Assumptions
-----------
Frozen kernel, Nesterov's method (4.1) with a fixed learning rate: what the paper's experiments run.

Source
------
Bu, Xu and Chen (2021), section 4, after Theorem 3.

Idea of the refutation
----------------------
If the loss were only polynomial, L_k >= c k^{-p} infinitely often for some c, p > 0, then no bound L_k <= C rho^k with
rho < 1 could hold. On a mode with eta lambda = 1/2 the bound with rho = 1/2 holds (`nesterov_discrete_linear`).

Deviations from the paper
-------------------------
For the flow the statement is true in world K (`nesterov_true_power`). What survives for the method is that the factor
1 - eta mu cannot be improved (`nesterov_discrete_casoratian`), a factor that tends to 1 as the learning rate shrinks.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.training import NesterovMethod, iterate_modes
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, infer, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import nesterov_discrete_linear
from theory.bu2021_dynamical_view.nesterov_discrete_linear import FACTOR, LEARNING_RATE, STEPS
from theory.bu2021_dynamical_view.notation import MU, PAPER, POWER, SYMBOLS

RATIO = sp.Symbol("rho", positive=True)


def no_better_than(ratio: sp.Expr) -> Claim:
    """Return the claim that every bound L_k <= C rho^k has rho >= ratio."""
    return Claim(
        "With a fixed learning rate Nesterov's method converges only polynomially: no geometric bound holds.",
        sp.Ge(RATIO, ratio, evaluate=False),
        ("frozen kernel, mu I <= H <= I/eta", "the method (4.1) with a fixed learning rate"),
        {
            RATIO: "any rho with L_k <= C rho^k for all k",
            LEARNING_RATE: "learning rate",
            MU: SYMBOLS[MU],
        },
    )


CLAIM = no_better_than(sp.Integer(1))
CORRECTED = no_better_than(FACTOR)


def counterexample(claim: Claim) -> Derivation:
    """One mode with eta = 1, lambda = mu = 1/2: L_k <= 2^{-k} L_0."""
    values = {LEARNING_RATE: sp.Integer(1), MU: sp.Rational(1, 2)}
    linear = nesterov_discrete_linear
    proof = by("nesterov_discrete_linear", linear.derive(linear.CLAIM), linear.CLAIM.formula)
    ratio = FACTOR.xreplace(values)
    c = sp.Symbol("c", positive=True)
    return Derivation(
        (
            assume("n = 1, H = 1/2, eta = 1, any gamma > 0"),
            show_equal(
                "a polynomial law has the root rate 1: (c k^{-p})^{1/k} -> 1",
                sp.limit(sp.log(c) / STEPS, STEPS, sp.oo) - POWER * sp.limit(sp.log(STEPS) / STEPS, STEPS, sp.oo),
                sp.Integer(0),
                name="limit of log(c k^{-p})/k",
            ),
            infer("so a loss that is c k^{-p} infinitely often, c, p > 0, admits no bound C rho^k with rho < 1"),
            proof,
            show_equal("but here the bound holds with this rho", ratio, sp.Rational(1, 2), name="rho"),
            show_violated("rho = 1/2 is allowed", claim.formula, {RATIO: ratio, **values}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the root rate (L_k/L_0)^{1/k}, corrected for the power, at eta lambda = 1/2, and hold the claim to it."""
    steps, gamma = 600, 3.0
    losses = iterate_modes(NesterovMethod(1.0, gamma), [0.5], steps)[0] ** 2
    tails = [np.log(losses[k - 50 : k].max()) / (k - 25) for k in (steps // 2, steps)]  # one maximum of many periods
    corrected = [t + gamma * np.log(k - 25) / (k - 25) for t, k in zip(tails, (steps // 2, steps), strict=True)]
    measured, bar = float(np.exp(corrected[1])), float(abs(np.exp(corrected[1]) - np.exp(corrected[0])))
    claimed = float(claim.formula.rhs.subs({LEARNING_RATE: 1, MU: sp.Rational(1, 2)}))
    return Evidence.measured(
        claim,
        f"root rate of the loss {measured:.4f}, claimed at least {claimed:g}",
        contradicted=measured < claimed - 3 * bar,
        error_bar=f"{bar:.2g} (half of the run against all of it)",
        picture=along(
            np.arange(steps + 1.0),
            losses,
            {"claimed: no faster than": claimed ** np.arange(steps + 1.0)},
            title="The loss falls geometrically",
            xlabel="steps k",
            ylabel="L_k / L_0",
            yscale="log",
            line=True,
        ),
    )


FALSE_TWINS = (FalseTwin("at least 1 - eta mu/2", {"claim": no_better_than(1 - LEARNING_RATE * MU / 2)}),)

THEOREM = Theorem(
    name="nesterov_discrete_polynomial_printed",
    source=Source(PAPER, "Section 4, after Theorem 3", "as printed, about the method; true of the flow"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("nesterov_discrete_linear", "nesterov_discrete_casoratian", "nesterov_true_power"),
)
