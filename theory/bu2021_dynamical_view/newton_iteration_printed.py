r"""Section 5.2 as printed: Newton's method is "significantly faster". The iteration, with unit steps, diverges.

Assumptions
-----------
n = p = 1, m = 4, x = a_r = 1, w_r = 10, y = 19: every neuron is active, every Hessian J_r^T J_r = 1/4 is invertible.

Source
------
Bu, Xu and Chen (2021), section 5.2: w_r(k+1) = w_r(k) - (J_r^T J_r)^{-1} J_r^T (f - y), "significantly faster than that
of HB and GD, as a result of m >> n".

Idea of the refutation
----------------------
Each neuron removes the whole error on its own, and m of them do so at once: Delta -> (1 - m) Delta. Exactly: Delta = 1,
then -3, then 9, as long as the neurons stay active.

Deviations from the paper
-------------------------
On the linearised network a step eta < 2/lambda_max(sum_r P_r) is stable (here 1/4 is exact in one step; the control).
Then the rate m/n of `newton_rate` is divided by lambda_max(sum_r P_r), of order m. What is left of the gain per step
is a better condition number, a factor of 2 to 6 in the examples below, and not m/n.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import random_network
from odeflow.numeric.relu_flow import relu_predictions
from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, show_equal, show_less, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.newton_rate import kernels
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["THEOREM"]

LOSS_AFTER = sp.Function("L_1", nonnegative=True)
LOSS_BEFORE = sp.Symbol("L_0", nonnegative=True)


def lowers(step: sp.Expr) -> Claim:
    """Return the claim that one step of size `step` does not raise the loss."""
    return Claim(
        f"One step of per-neuron Newton with step size {step} does not raise the loss.",
        sp.Le(LOSS_AFTER(step), LOSS_BEFORE, evaluate=False),
        ("two-layer ReLU network", "every J_r^T J_r is invertible"),
        {LOSS_AFTER(step): "loss after one step", LOSS_BEFORE: "loss before"},
    )


CLAIM = lowers(sp.Integer(1))
CORRECTED = lowers(sp.Rational(1, 4))


def counterexample(claim: Claim) -> Derivation:
    """Four equal neurons on one sample."""
    step = claim.formula.lhs.args[0]
    weight, label, width = sp.Integer(10), sp.Integer(19), 4
    slope = 1 / sp.sqrt(sp.Integer(width))
    error = width * slope * weight - label
    moved = weight - step * (slope * error) / slope**2
    after = width * slope * sp.Max(moved, 0) - label
    instance = {LOSS_AFTER(step): after**2 / 2, LOSS_BEFORE: error**2 / 2}
    return Derivation(
        (
            assume("n = p = 1, m = 4, x = 1, a_r = 1, w_r = 10, y = 19"),
            show_equal("the error is 1", error, sp.Integer(1), name="error"),
            show_equal("every Hessian is 1/4", slope**2, sp.Rational(1, 4), name="Hessian"),
            show_less("all neurons stay active", sp.Integer(1), moved),
            show_violated(f"a step of size {step}", claim.formula, instance),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Take one step on three networks, and compare the best stable step with gradient descent's."""
    step = float(claim.formula.lhs.args[0])
    factors, said = list[float](), []
    for n, p, m in ((10, 3, 200), (10, 3, 1000), (20, 5, 500)):
        case = random_network(n, p, m, seed=np.random.default_rng((seed, n, m)))
        error = relu_predictions(case.X, case.W, case.a) - case.y
        W = case.W.copy()
        for r, (w, sign) in enumerate(zip(case.W, case.a, strict=True)):
            J = sign * (case.X @ w > 0)[:, None] * case.X / np.sqrt(m)
            W[r] = w - step * np.linalg.pinv(J, rcond=1e-10) @ error
        after = relu_predictions(case.X, W, case.a) - case.y
        factors.append(float(after @ after / (error @ error)))
        newton, descent = (np.linalg.eigvalsh(K) for K in kernels(case)[::-1])
        best = [(1 - s[0] / s[-1]) / (1 + s[0] / s[-1]) for s in (newton, descent)]
        said.append(f"{0.5 * error @ error:.2g} -> {0.5 * after @ after:.2g} ({best[0]:.3f}, {best[1]:.3f})")
    worst = max(factors)
    return Evidence.measured(
        claim,
        f"loss in one step (best stable factor of Newton, of gradient descent): {'; '.join(said)}",
        contradicted=worst > 1.0,
        error_bar="1e-10 (rounding)",
        cases=3,
        seed=seed,
        detail=f"one step multiplies the loss by up to {worst:.3g}",
        picture=by_case(
            factors,
            1.0,
            title="A step of Newton's method raises the loss",
            ylabel="loss after a step / before",
            yscale="log",
        ),
    )


FALSE_TWINS = (FalseTwin("a step of 3/4", {"claim": lowers(sp.Rational(3, 4))}),)

THEOREM = Theorem(
    name="newton_iteration_printed",
    source=Source(PAPER, "Section 5.2, Newton's iteration", "as printed, with unit steps"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("newton_rate", "newton_inverse_printed"),
)
