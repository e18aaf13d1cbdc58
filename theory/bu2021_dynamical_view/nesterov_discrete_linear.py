r"""Nesterov's method, as opposed to its flow, is linear: L_k <= (1 - eta mu)^k L_0 with a fixed learning rate.

Assumptions
-----------
Frozen kernel with mu I <= H <= I/eta; Nesterov's method (4.1) with k = 1, 2, ..., learning rate eta and any gamma > 0
(any momenta in [0, 1] will do); the first step has momentum 0.

Source
------
Answers Bu, Xu and Chen (2021), section 4: "NAG only converges at polynomial rate, in contrast to the linear
convergence of HB and GD" (`nesterov_discrete_polynomial_printed`).

Idea of the proof
-----------------
On a mode x_{k+1} = q ((1 + beta_k) x_k - beta_k x_{k-1}) with q = 1 - eta lambda. The form
V_k = x_k^2 - 2q x_k x_{k-1} + q x_{k-1}^2 satisfies V_{k+1} <= q V_k at beta = 0 and at beta = 1; V_{k+1} is convex in
beta, so it does for every beta between. V_0 = (1 - q) x_0^2 and V_k >= (1 - q) x_k^2.

Deviations from the paper
-------------------------
The proof is ours. The flow is truly polynomial (`nesterov_true_power`): the limit eta -> 0 at fixed t = k sqrt(eta)
and the limit k -> infinity at fixed eta do not commute. The factor per step is the root of gradient descent's, no
better.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.training import NesterovMethod, iterate_modes
from odeflow.panels import by_case
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    define,
    equate,
    infer,
    semidefinite,
    show_equal,
    show_less,
)
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import GAMMA, LAMBDA, MU, PAPER, SYMBOLS

STEPS = sp.Symbol("k", positive=True, integer=True)
LEARNING_RATE = sp.Symbol("eta", positive=True)
LOSS_AT = sp.Function("L", nonnegative=True)
Q = sp.Symbol("q", positive=True)
BETA = sp.Symbol("beta", nonnegative=True)


def bounded_by(factor: sp.Expr) -> Claim:
    """Return the claim L_k <= factor^k L_0."""
    return Claim(
        "With a frozen kernel and a fixed learning rate Nesterov's method converges linearly.",
        sp.Le(LOSS_AT(STEPS), factor**STEPS * LOSS_AT(0), evaluate=False),
        ("mu I <= H <= I/eta, H constant", "gamma > 0", "steps k = 1, 2, ... of (4.1)"),
        {
            LOSS_AT(STEPS): "loss after k steps",
            LEARNING_RATE: "learning rate",
            MU: SYMBOLS[MU],
        },
    )


FACTOR = 1 - LEARNING_RATE * MU
CLAIM = bounded_by(FACTOR)


def next_position(x: sp.Expr, before: sp.Expr, momentum: sp.Expr, q: sp.Expr) -> sp.Expr:
    """Return one step of Nesterov's method on a mode, eliminating v: q ((1 + momentum) x - momentum before)."""
    half, half_before = q * x, q * before  # v(k+1) and v(k), gradient steps
    return sp.expand(half + momentum * (half - half_before))


def form(x: sp.Expr, before: sp.Expr) -> sp.Expr:
    """Return V = x^2 - 2q x before + q before^2."""
    return x**2 - 2 * Q * x * before + Q * before**2


def derive(claim: Claim) -> Derivation:
    """Prove the bound mode by mode, for symbolic q and every momentum in [0, 1]."""
    x, y = sp.symbols("x y", real=True)  # x_k and x_{k-1}
    excess = sp.Symbol("d", positive=True)
    inside = 1 / (1 + excess)  # q in (0, 1)
    after = form(next_position(x, y, BETA, Q), x)

    def matrix(at: sp.Expr) -> sp.Matrix:
        fall = sp.expand(Q * form(x, y) - after.subs(BETA, at))
        return (sp.hessian(fall, (x, y)) / 2).subs(Q, inside)

    start = sp.symbols("x_0", real=True)
    steps = [
        assume("mu I <= H <= I/eta, so q = 1 - eta lambda is in [0, 1 - eta mu] on every mode"),
        show_equal("one step on a mode", next_position(x, y, BETA, Q), Q * ((1 + BETA) * x - BETA * y)),
        show_less(
            "beta_k = (k-1)/(k+gamma-1) <= 1", (STEPS - 1) / (STEPS - 1 + GAMMA), sp.Integer(1), {STEPS: sp.Integer(1)}
        ),
        define("the form V_k = x_k^2 - 2q x_k x_{k-1} + q x_{k-1}^2", equate(sp.Symbol("V_k"), form(x, y))),
        semidefinite("momentum 0: q V_k - V_{k+1} >= 0", matrix(sp.Integer(0)), name="q V_k - V_{k+1}"),
        semidefinite("momentum 1: q V_k - V_{k+1} >= 0", matrix(sp.Integer(1)), name="q V_k - V_{k+1}"),
        show_equal(
            "V_{k+1} is a parabola in the momentum, opened by",
            sp.diff(after, BETA, 2),
            2 * Q**2 * (x - y) ** 2,
            name="second derivative by the momentum",
        ),
        infer("a convex function that is <= q V_k at 0 and at 1 is so between: V_{k+1} <= q V_k, hence V_k <= q^k V_0"),
        show_equal("V_k = (1 - q) x_k^2 + q (x_k - x_{k-1})^2", form(x, y), (1 - Q) * x**2 + Q * (x - y) ** 2),
        infer("the first step, k = 1, has momentum 0 whatever came before, so x_{-1} = x_0 may be used"),
        show_equal("V_0 = (1 - q) x_0^2", form(start, start), (1 - Q) * start**2),
        infer("so x_k^2 <= q^k x_0^2 for q < 1 (at q = 0 every x_k, k >= 1, is 0)"),
        show_less("q^k <= (1 - eta mu)^k because q <= 1 - eta mu", 1 - LEARNING_RATE * LAMBDA, FACTOR, {LAMBDA: MU}),
    ]
    return Derivation((*steps, infer("orthogonal modes add up (Parseval)", CLAIM.formula, from_=steps)))


def worst_ratio(claim: Claim, gamma: float, spectrum: list[float], learning_rate: float, steps: int) -> float:
    """Return the largest L_k / bound of a run from equal coefficients, over all steps above the underflow."""
    path = iterate_modes(NesterovMethod(learning_rate, gamma), spectrum, steps)
    losses, k = (path**2).sum(axis=0) / 2, np.arange(1, steps + 1)
    values = {STEPS: k.astype(float), LEARNING_RATE: learning_rate, MU: min(spectrum), LOSS_AT(0): losses[0]}
    bound = claim.bound(values)
    kept = bound > 1e-250
    return float((losses[1:][kept] / bound[kept]).max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run Nesterov's method on 100 random spectra in (0, 1/eta] for 4000 steps."""
    rng = np.random.default_rng(seed)
    ratios = []
    for _ in range(100):
        spectrum = np.exp(rng.uniform(np.log(1e-3), 0.0, rng.integers(1, 5))).tolist()
        ratios.append(worst_ratio(claim, float(rng.uniform(0.2, 12.0)), spectrum, float(rng.uniform(0.1, 1.0)), 4000))
    return Evidence.measured(
        claim,
        f"largest loss / bound {max(ratios):.4g}",
        contradicted=max(ratios) > 1.0 + 1e-9,
        error_bar="1e-9 (rounding of 4000 steps)",
        cases=len(ratios),
        seed=seed,
        detail=f"largest loss / bound {max(ratios):.4g}",
        picture=by_case(
            ratios,
            1.0,
            title="No loss exceeds the claimed bound",
            ylabel="largest loss / bound",
        ),
    )


def domain() -> st.SearchStrategy[tuple[float, list[float], float]]:
    """gamma, a spectrum in (0, 1] and a learning rate in (0, 1]."""
    return st.tuples(
        st.floats(0.05, 20.0), st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=4), st.floats(0.01, 1.0)
    )


def holds(claim: Claim, case: tuple[float, list[float], float]) -> bool:
    """Check the bound on one run of 300 steps."""
    gamma, spectrum, learning_rate = case
    return worst_ratio(claim, gamma, spectrum, learning_rate, 300) <= 1.0 + 1e-9


FALSE_TWINS = (
    FalseTwin("gradient descent's factor", {"claim": bounded_by(FACTOR**2)}),
    FalseTwin("factor 1 - 3 eta mu/2", {"claim": bounded_by(1 - 3 * LEARNING_RATE * MU / 2)}),
)

THEOREM = Theorem(
    name="nesterov_discrete_linear",
    source=Source(PAPER, "Section 4, after Theorem 3", "corrected: polynomial is the flow, the method is linear"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("nesterov_discrete_polynomial_printed", "nesterov_discrete_casoratian", "nesterov_true_power"),
)
