r"""Theorem 1: a wide enough network trains by gradient flow at rate lambda_0. Proved modulo the cited width result.

Assumptions
-----------
f(x) = m^{-1/2} sum_r a_r relu(w_r.x), w_r ~ N(0, I), a_r = +-1, |x_i| = 1, no two x_i parallel, |y_i| < C; gradient
flow on the first layer; m = Omega(n^6/(lambda_0^4 delta^3)). With probability at least 1 - delta.

Source
------
Bu, Xu and Chen (2021), Theorem 1, quoting Du, Zhai, Poczos and Singh (2019), Theorem 3.2 and Lemma 3.2.

Idea of the proof
-----------------
Cited: with that probability lambda_min(H(s)) >= lambda_0/2 at all times. Computed: Delta' = -H(t) Delta uses first
derivatives only, so it survives flips, and d/dt(e^{lambda_0 t} L) = -e^{lambda_0 t} <(H - lambda_0/2) Delta, Delta>
<= 0 for every measurable H.

Deviations from the paper
-------------------------
"<=" for the printed "<", which fails at t = 0. Gradient flow can slide along a boundary; then H is J_theta J_theta^T
with Filippov's gates theta in [0, 1], which can be less than the kernel of every pattern (`sliding_neurons_printed`),
so the bound on the kernel must be read for those gates too; the cited proof, which counts neurons near a boundary,
covers them. The exponent is half of the true one: with H near H_inf the loss decays like e^{-2 lambda_0 t}.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.experiments import random_network
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit
from odeflow.numeric.relu_flow import relu_flow
from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, chain, cite, decay_rate, gronwall
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.lyapunov import show_decay
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import INITIAL_LOSS, LAMBDA, LAMBDA0, LOSS, LOSS_FORM, PAPER, SYMBOLS, T

__all__ = ["THEOREM"]


def bounded_by(constant: sp.Expr, rate: sp.Expr) -> Claim:
    """Return the claim L(t) <= constant e^{-rate t} L(0)."""
    return Claim(
        "A wide enough two-layer ReLU network trains by gradient flow at rate lambda_0, with high probability.",
        sp.Le(LOSS, constant * sp.exp(-rate * T) * INITIAL_LOSS, evaluate=False),
        (
            "unit-norm data, no two inputs parallel, bounded labels",
            "usual initialisation, first layer trained",
            "m = Omega(n^6/(lambda_0^4 delta^3)); probability at least 1 - delta",
        ),
        {s: SYMBOLS[s] for s in (LOSS, LAMBDA0)},
    )


CLAIM = bounded_by(sp.Integer(1), LAMBDA0)


def derive(claim: Claim) -> Derivation:
    """Integrate Delta' = -H(t) Delta under the cited bound on the kernel."""
    rate = decay_rate(claim.formula.rhs, T)
    decay = show_decay(
        "at every moment L' + rate L <= 0 for every symmetric H >= lambda_0/2",
        LOSS_FORM,
        gradient_flow(),
        rate,
        eigenvalue=LAMBDA,
        lower={LAMBDA: LAMBDA0 / 2},
    )
    integrated = gronwall(decay, LOSS, INITIAL_LOSS, rate, T)
    return Derivation(
        (
            assume(
                "Delta' = -H(t) Delta almost everywhere, Delta absolutely continuous; gates in [0, 1] while sliding"
            ),
            cite("Du, Zhai, Poczos and Singh (2019), Theorem 3.2: lambda_min(H(s)) >= lambda_0/2 for all s, w.h.p."),
            decay,
            integrated,
            chain("put together", claim.formula, sp.exp(-rate * T) * INITIAL_LOSS, from_=[decay, integrated]),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Follow 9 networks of 256 to 1024 neurons, whose kernels stay above lambda_0/2, and check the bound."""
    worst, checked, tried, shares = 0.0, 0, 0, list[np.ndarray]()
    for k in range(9):
        case = random_network(3, 4, (256, 512, 1024)[k % 3], seed=np.random.default_rng((seed, k)))
        lambda0 = float(np.linalg.eigvalsh(relu_ntk_limit(case.X))[0])
        run = relu_flow(case.X, case.y, case.W, case.a, GradientFlow(), np.linspace(0.0, 5.0 / lambda0, 60))
        tried += 1
        lowest = float(np.linalg.eigvalsh(relu_ntk(case.X, case.W))[0]) - float(run.kernel_drifts.max())
        if lowest < lambda0 / 2:
            continue
        checked += 1
        bounds = claim.bound({T: run.times, LAMBDA0: lambda0, INITIAL_LOSS: float(run.losses[0])})
        worst = max(worst, float((run.losses / bounds).max()))
        shares.append(np.array([run.losses, bounds]) / run.losses[0])
    return Evidence.measured(
        claim,
        f"largest ratio to the bound {worst:.4g} on {checked} of {tried} networks with a positive kernel",
        contradicted=None if not checked else worst > 1.0 + 1e-9,
        error_bar="1e-9 (event-resolved, rounding only)",
        cases=checked,
        seed=seed,
        detail=f"largest ratio {worst:.4g}",
        picture=along(
            np.linspace(0.0, 5.0, 60),
            {f"largest of {checked} networks": np.max([s[0] for s in shares], axis=0)},
            {"claimed bound": shares[0][1]},
            title="The loss of a network stays below the claimed bound",
            xlabel="lambda_0 t",
            ylabel="L(t) / L(0)",
            yscale="log",
            line=True,
        )
        if shares
        else None,
    )


FALSE_TWINS = (
    FalseTwin("five times the rate", {"claim": bounded_by(sp.Integer(1), 5 * LAMBDA0)}),
    FalseTwin("half of the initial loss", {"claim": bounded_by(sp.Rational(1, 2), LAMBDA0)}),
)

THEOREM = Theorem(
    name="gradient_flow_network",
    source=Source(PAPER, "Theorem 1", "'<=' for '<'; the width result is cited"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED_MODULO,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("continuity_bootstrap", "kernel_concentration", "kernel_stability", "heavy_ball_network"),
)
