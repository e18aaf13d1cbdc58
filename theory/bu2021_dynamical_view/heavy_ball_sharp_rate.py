r"""The sharp law beside Theorem 2: |Delta(t)| <= (1 + rt) e^{-rt} |Delta(0)| for every H >= r^2 I.

Assumptions
-----------
H is constant and symmetric with H >= r^2 I; Delta'' + 2r Delta' + H Delta = 0; Delta'(0) = 0.

Source
------
Sharpens Bu, Xu and Chen (2021), Theorem 2: the true exponent of the loss is 2r = sqrt(2 lambda_0), twice the paper's,
with no condition number in front; equality on an eigenvector with eigenvalue r^2.

Idea of the proof
-----------------
A mode with lambda = r^2 + omega^2 is e^{-rt} (cos omega t + (r/omega) sin omega t). With c = cos omega t and
sigma = sin(omega t)/(omega t), both in [-1, 1], its square is e^{-2rt} (c + rt sigma)^2 <= e^{-2rt} (1 + rt)^2. Modes
are orthogonal, so the bound passes from modes to errors.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.data_case import DataCase, rate_evidence
from odeflow.experiments import Losses, bound_evidence, frozen_losses, numeric_flow, random_frozen_cases
from odeflow.numeric.flows import HeavyBall
from odeflow.strategies import FrozenCase
from odeflow.symbolic.derivations import Derivation, assume, by, chain, define, infer, show_equal, show_less
from odeflow.symbolic.modes import FREQUENCY, heavy_ball_modes
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.heavy_ball_rate import FLOW, domain
from theory.bu2021_dynamical_view.notation import INITIAL_LOSS, LOSS, PAPER, RATE, SYMBOLS, T


def bounded_by(factor: sp.Expr) -> Claim:
    """Return the claim L(t) <= factor L(0)."""
    return Claim(
        "With a frozen kernel heavy ball's loss stays below (1 + rt)^2 e^{-2rt} L(0), with equality at H = r^2 I.",
        sp.Le(LOSS, factor * INITIAL_LOSS, evaluate=False),
        ("H is constant and symmetric with H >= r^2 I", "b = 2r", "Delta'(0) = 0"),
        {s: SYMBOLS[s] for s in (LOSS, RATE)},
    )


CLAIM = bounded_by((1 + RATE * T) ** 2 * sp.exp(-2 * RATE * T))


def derive(claim: Claim) -> Derivation:
    """Prove the bound mode by mode."""
    under, critical, _ = heavy_ball_modes(RATE)
    u, v = sp.symbols("u v", nonnegative=True)  # u = 1 - c and v = 1 - sigma, both in [0, 2]
    c, sigma = sp.symbols("c sigma", real=True)
    mode = sp.exp(RATE * T) * under.response
    in_range = mode.subs(sp.sin(FREQUENCY * T), sigma * FREQUENCY * T).subs(sp.cos(FREQUENCY * T), c)
    above, below = sp.symbols("u_plus v_plus", nonnegative=True)  # 1 + c and 1 + sigma
    gap = (1 + RATE * T) ** 2 - (c + RATE * T * sigma) ** 2
    factors = (u + RATE * T * v) * (above + RATE * T * below)
    x, y = sp.symbols("x y", real=True)
    sine = by("sin x <= x", _sine_below_identity(), sp.Le(sp.sin(u), u, evaluate=False))
    steps = [
        assume("H is constant and symmetric with H >= r^2 I, and Delta'(0) = 0"),
        *under.verify().steps,
        *critical.verify().steps,
        define("c = cos(omega t) and sigma = sin(omega t)/(omega t)"),
        show_equal("the mode is e^{-rt} (c + rt sigma)", in_range, c + RATE * T * sigma, name="e^{rt} x(t)"),
        sine,
        infer("so c and sigma lie in [-1, 1] (sin is odd)", from_=[sine]),
        show_equal(
            "the gap to (1 + rt)^2 is a product",
            gap,
            factors.subs({u: 1 - c, v: 1 - sigma, above: 1 + c, below: 1 + sigma}),
        ),
        show_less("the product of two non-negative factors is >= 0", sp.Integer(0), factors),
        show_equal(
            "at omega = 0 the gap is zero",
            (1 + RATE * T) ** 2,
            (sp.exp(RATE * T) * critical.response) ** 2,
            name="claimed factor",
        ),
        infer(f"orthogonal modes add up: {x}^2 + {y}^2 (Parseval)"),
    ]
    bound = (1 + RATE * T) ** 2 * sp.exp(-2 * RATE * T) * INITIAL_LOSS
    return Derivation((*steps, chain("put together", claim.formula, bound, from_=steps)))


def _sine_below_identity() -> Derivation:
    """Prove sin u <= u for u >= 0: the difference is 0 at 0 and has the derivative 1 - cos u = 2 sin(u/2)^2."""
    u = sp.Symbol("u", nonnegative=True)
    start = show_equal("at u = 0 both are 0", (u - sp.sin(u)).subs(u, 0), sp.Integer(0))
    slope = show_equal("the slope of u - sin u is a square", sp.diff(u - sp.sin(u), u), 2 * sp.sin(u / 2) ** 2)
    formula = sp.Le(sp.sin(u), u, evaluate=False)
    return Derivation(
        (start, slope, infer("a function that starts at 0 and never falls is >= 0", formula, from_=[start, slope]))
    )


def at(claim: Claim, rate: float, case: FrozenCase, losses: Losses) -> np.ndarray:
    """Evaluate the claimed bound at the case's times."""
    return claim.bound({RATE: rate, T: np.asarray(case.times), INITIAL_LOSS: losses.initial_loss})


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the bound against 65 frozen kernels at r = 1; at H = r^2 I it must be attained."""
    times = np.linspace(0.05, 12.0, 240)
    cases = random_frozen_cases(lower=1.0, count=64, size=12, times=times, seed=seed)
    return bound_evidence(
        claim, FLOW, cases, values={RATE: 1.0}, bound=lambda case, losses: at(claim, 1.0, case, losses), seed=seed
    )


def on_data(claim: Claim, data: DataCase) -> Evidence:
    """Hold the bound against the user's data, with r from the certified lower bound on lambda_0."""
    rate = float(np.sqrt(data.certified_lambda0() / 2.0))
    return rate_evidence(
        claim,
        data,
        HeavyBall(2.0 * rate),
        horizon=16.0 / rate,
        promised=f"b = {2 * rate:.3g}: exponent 2r = {2 * rate:.3g}",
        bound=lambda times, loss, pseudo: claim.bound({RATE: rate, T: times, INITIAL_LOSS: loss}),
    )


def holds(claim: Claim, case: tuple[float, FrozenCase]) -> bool:
    """Check the bound on one frozen kernel, at its times."""
    rate, frozen = case
    losses = frozen_losses(numeric_flow(FLOW, {RATE: rate}), frozen)
    bound = at(claim, rate, frozen, losses)
    return bool((losses.loss <= bound * (1 + 1e-9) + 1e-20 * losses.initial_loss).all())


FALSE_TWINS = (
    FalseTwin("no factor in t", {"claim": bounded_by(sp.exp(-2 * RATE * T))}),
    FalseTwin("(1 + rt/2)^2 in front", {"claim": bounded_by((1 + RATE * T / 2) ** 2 * sp.exp(-2 * RATE * T))}),
)

THEOREM = Theorem(
    name="heavy_ball_sharp_rate",
    source=Source(PAPER, "Theorem 2", "sharpened: exponent 2r with the factor (1 + rt)^2"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    on_data=on_data,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("heavy_ball_rate",),
)
