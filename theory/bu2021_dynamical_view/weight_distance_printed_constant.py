r"""Lemma 3.3, second part, as printed: the constant 32. True for a frozen kernel, though not by the printed proof.

Assumptions
-----------
As in `weight_distance`: H constant, H >= r^2 I, unit-norm inputs, a_r = +-1, heavy ball with b = 2r from rest.

Source
------
Bu, Xu and Chen (2021), Lemma 3.3: |w_r(t) - w_r(0)| <= sqrt(32 n Lhat(0)/(9 m r^6)).

Idea of the proof
-----------------
Weights stay in W(0) + range(J^T), so w_r(t) - w_r(0) = J_r^T H^{-1} (Delta(t) - Delta(0)): no integral of the loss is
needed. Per mode with lambda = r^2 (1 + w^2) the claim reads (1 - x)^2 <= (16/9) (1 + w^2)^3. The response x turns only
at omega t = k pi, where it is (-1)^k e^{-k pi/w}: so 1 - x <= 2, and 1 - x <= 1 + e^{-pi/w} <= 4/3 while w^2 <= 1/3.

Deviations from the paper
-------------------------
The printed proof loses a sqrt(2); this one is ours. It gives 3/4 of the printed bound at the critical mode.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, assume, chain, define, infer, show_equal, show_less
from odeflow.symbolic.modes import FREQUENCY, heavy_ball_modes
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import INITIAL_PSEUDO_LOSS, PAPER, RATE, T
from theory.bu2021_dynamical_view.weight_distance import SAMPLES, SCALE, WIDTH, at_most, domain, holds, simulate

CLAIM = at_most(32 * SCALE)


def derive(claim: Claim) -> Derivation:
    """Bound the movement by the exact weight oracle, mode by mode."""
    under, critical, _ = heavy_ball_modes(RATE)
    turning = sp.Symbol("k", integer=True, nonnegative=True)
    w = sp.Symbol("w", positive=True)
    w2 = sp.Symbol("w2", nonnegative=True)  # w^2
    allowed = sp.Rational(16, 9) * (1 + w2) ** 3
    at_turn = under.response.subs(T, turning * sp.pi / FREQUENCY).subs(FREQUENCY, w * RATE)
    slope = sp.diff(under.response, T)
    steps = [
        assume("H = J J^T is constant with H >= r^2 I; the weights stay in W(0) + range(J^T)"),
        infer("weights moved by J^T c move the errors by J J^T c = H c, so c = H^{-1}(Delta(t) - Delta(0))"),
        infer("w_r(t) - w_r(0) = J_r^T c and |J_r^T c| <= sqrt(n/m) |c| (unit inputs, Cauchy-Schwarz)"),
        *under.verify().steps,
        *critical.verify().steps,
        show_equal(
            "an under-damped mode turns only where sin(omega t) = 0",
            slope,
            -(RATE**2 + FREQUENCY**2) / FREQUENCY * sp.exp(-RATE * T) * sp.sin(FREQUENCY * T),
        ),
        show_equal(
            "where it is (-1)^k e^{-k pi/w}, w = omega/r",
            at_turn,
            (-1) ** turning * sp.exp(-turning * sp.pi / w),
            name="x at the k-th turn",
        ),
        infer("so -e^{-pi/w} <= x <= 1"),
        show_less(
            "e^{-pi/w} <= e^{-pi sqrt(3)} <= 1/3 while w^2 <= 1/3", sp.exp(-sp.pi * sp.sqrt(3)), sp.Rational(1, 3)
        ),
        show_less("w^2 <= 1/3: (1 - x)^2 <= (4/3)^2 is allowed", sp.Rational(4, 3) ** 2, allowed),
        show_less("w^2 >= 1/3: (1 - x)^2 <= 4 is allowed", sp.Integer(4), allowed, {w2: sp.Rational(1, 3)}),
        show_less("critical mode: 0 <= x <= 1, so (1 - x)^2 <= 1 is allowed", sp.Integer(1), allowed),
        define("|c|^2 = sum (1 - x)^2 u^2/lambda^2 <= (16/9) r^{-6} sum lambda u^2 = (32/9) r^{-6} Lhat(0)"),
    ]
    distance = sp.sqrt(SAMPLES / WIDTH) * sp.sqrt(sp.Rational(32, 9) * INITIAL_PSEUDO_LOSS) / RATE**3
    return Derivation((*steps, chain("put together", claim.formula, distance, from_=steps)))


FALSE_TWINS = (FalseTwin("constant 17 instead of 32", {"claim": at_most(17 * SCALE)}),)

THEOREM = Theorem(
    name="weight_distance_printed_constant",
    source=Source(PAPER, "Lemma 3.3 (second part)", "the printed constant, proved another way"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weight_distance", "weight_distance_printed_step"),
)
