r"""Gradient flow with a frozen kernel H >= mu I: L(t) <= e^{-2 mu t} L(0), with equality on the lowest eigenvector.

Assumptions
-----------
H is constant and symmetric with H >= mu I; Delta' = -H Delta.

Source
------
Bu, Xu and Chen (2021), section 2 ("a solution converging to 0 at linear rate"); sharpens Theorem 1 in world K.

Idea of the proof
-----------------
L' = -<Delta, H Delta> <= -2 mu L on every eigenmode; Gronwall. A mode with eigenvalue mu is e^{-mu t}, so its loss is
e^{-2 mu t} L(0): the rate cannot be improved.

Deviations from the paper
-------------------------
With H = H_inf, mu = lambda_0 and the exponent is 2 lambda_0: twice the lambda_0 of Theorem 1, which allows for
kernels down to lambda_0/2 (`gradient_flow_rate`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.data_case import DataCase, rate_evidence
from odeflow.experiments import Losses, bound_evidence, frozen_losses, numeric_flow, random_frozen_cases
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.rates import fit_exponential
from odeflow.strategies import FrozenCase, mode_cases
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.derivations import Derivation, assume, chain, decay_rate, gronwall, show_equal
from odeflow.symbolic.flows import gradient_flow
from odeflow.symbolic.modes import gradient_flow_mode
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import (
    INITIAL_LOSS,
    LAMBDA,
    LOSS,
    LOSS_FORM,
    MU,
    PAPER,
    SYMBOLS,
    T,
)

FLOW = gradient_flow()


def decays(rate: sp.Expr) -> Claim:
    """Return the claim L(t) <= e^{-rate t} L(0)."""
    return Claim(
        "With a frozen kernel H >= mu I gradient flow's loss decays at rate 2 mu, exactly so on the lowest mode.",
        sp.Le(LOSS, sp.exp(-rate * T) * INITIAL_LOSS, evaluate=False),
        ("H is constant and symmetric with H >= mu I", "Delta' = -H Delta"),
        {LOSS: SYMBOLS[LOSS], MU: "lower bound on the eigenvalues of H; lambda_0 if H = H_inf"},
    )


CLAIM = decays(2 * MU)


def certificate(claim: Claim) -> DecayCertificate:
    """Certify that L itself decays at the claimed rate on every eigenmode."""
    return DecayCertificate(FLOW, LOSS_FORM, decay_rate(claim.formula.rhs, T), LAMBDA, {LAMBDA: MU})


def derive(claim: Claim) -> Derivation:
    """Integrate the decay of L, and find equality on the mode with eigenvalue mu."""
    cert = certificate(claim)
    decay = cert.decay()
    integrated = gronwall(decay, LOSS, INITIAL_LOSS, cert.rate, T)
    mode = gradient_flow_mode(MU)
    bound = sp.exp(-cert.rate * T) * INITIAL_LOSS
    return Derivation(
        (
            assume("H is constant and symmetric with H >= mu I"),
            cert.positivity(),
            decay,
            integrated,
            *mode.verify().steps,
            show_equal(
                "on that mode the loss is e^{-2 mu t} L(0)", mode.response**2, sp.exp(-2 * MU * T), name="L(t)/L(0)"
            ),
            chain("put together", claim.formula, bound, from_=[decay, integrated]),
        )
    )


def at(claim: Claim, floor: float, case: FrozenCase, losses: Losses) -> np.ndarray:
    """Evaluate the claimed bound at the case's times."""
    return claim.bound({MU: floor, T: np.asarray(case.times), INITIAL_LOSS: losses.initial_loss})


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against 65 frozen kernels at mu = 1 and fit the rate of the slowest one."""
    times = np.linspace(0.05, 6.0, 120)
    cases = random_frozen_cases(lower=1.0, count=64, size=12, times=times, seed=seed)
    fit = fit_exponential(times, frozen_losses(numeric_flow(FLOW, {}), cases[0]).loss)
    return bound_evidence(
        claim,
        FLOW,
        cases,
        values={},
        bound=lambda case, losses: at(claim, 1.0, case, losses),
        observed=f"slowest mode decays at {fit.exponent:.4f} mu [{fit.interval[0]:.4f}, {fit.interval[1]:.4f}]",
        seed=seed,
    )


def on_data(claim: Claim, data: DataCase) -> Evidence:
    """Hold the bound against the user's data, with the certified lower bound on lambda_0."""
    floor = data.certified_lambda0()
    return rate_evidence(
        claim,
        data,
        GradientFlow(),
        horizon=6.0 / floor,
        promised=f"exponent 2 lambda_0 = {2 * floor:.3g}",
        bound=lambda times, loss, pseudo: claim.bound({MU: floor, T: times, INITIAL_LOSS: loss}),
    )


def domain() -> st.SearchStrategy[tuple[float, FrozenCase]]:
    """Any mu in [0.1, 3] with a spectrum in [mu, 100 mu]."""
    return st.floats(0.1, 3.0).flatmap(lambda mu: st.tuples(st.just(mu), mode_cases(lower=mu, longest=10.0)))


def holds(claim: Claim, case: tuple[float, FrozenCase]) -> bool:
    """Check the bound on one frozen kernel, at its times."""
    floor, frozen = case
    losses = frozen_losses(numeric_flow(FLOW, {}), frozen)
    return bool((losses.loss <= at(claim, floor, frozen, losses) * (1.0 + 1e-9)).all())


FASTER = decays(2 * MU + MU / 100)
FALSE_TWINS = (
    FalseTwin("rate 2 mu + mu/100", {"claim": FASTER}),
    FalseTwin("rate 2 mu + mu/100, by the property alone", {"claim": FASTER, "simulate": None}),
)

THEOREM = Theorem(
    name="gradient_flow_sharp_rate",
    source=Source(PAPER, "Section 2, Theorem 1", "sharpened in world K: exponent 2 lambda_0 at H = H_inf"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    certificate=certificate,
    simulate=simulate,
    on_data=on_data,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gradient_flow_rate", "heavy_ball_sharp_rate"),
)
