r"""Section 8, vanishing gradients: a balanced network of depth N > 2 leaves zero after a time of eps^{2-N}/((N-2) g).

Assumptions
-----------
The end-to-end flow (8) along a fixed direction with constant slope g > 0, as near zero: w' = N g w^{2-2/N}; every layer
starts at eps, so w(0) = eps^N; N > 2.

Source
------
Arora, Cohen and Hazan (2018), section 8: "the end-to-end matrix is extremely close to zero, severely attenuating
gradients in the preconditioning scheme", and Figure 5, left (65,000 iterations at depth 4; stuck at depth 8).

Idea of the proof
-----------------
Separate variables: dt/dw = w^{2/N-2}/(N g). The claimed time has this derivative and vanishes at w = eps^N. With
eps = 0.01 it is 10^4/(2g) at depth 4 and 10^{12}/(6g) at depth 8.

Deviations from the paper
-------------------------
The paper only says that the gradients are attenuated; the time is new. At N = 2 it is ln(w/eps^2)/(2g).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER

TIME, SLOPE, SCALE, REACHED = sp.symbols("t g epsilon w", positive=True)
EXCESS = sp.Symbol("m", positive=True)
"""N - 2."""
DEPTH = EXCESS + 2
AGREEMENT = 1e-7
"""Relative: the field is integrated to 1e-10, over times during which it grows by up to nine orders of magnitude."""


def time_is(value: sp.Expr) -> Claim:
    """Return the claim that w is reached at the time `value`."""
    return Claim(
        "From layers eps with constant slope g the end-to-end weight reaches w at (eps^{2-N} - w^{(2-N)/N})/((N-2) g).",
        equate(TIME, value),
        ("w' = N g w^{2-2/N}, w(0) = eps^N", "N = m + 2 > 2, g > 0"),
        {
            TIME: "flow time at which the weight is w",
            SCALE: "size of every layer at the start",
            REACHED: "end-to-end weight",
            SLOPE: "g = |L'|, constant near zero",
            EXCESS: "N - 2",
        },
    )


CLAIM = time_is((SCALE**-EXCESS - REACHED ** (-EXCESS / DEPTH)) / (EXCESS * SLOPE))


def derive(claim: Claim) -> Derivation:
    """Differentiate the claimed time by w and look at where it vanishes."""
    time = claim.formula.rhs
    speed = DEPTH * SLOPE * REACHED ** (2 - 2 / DEPTH)
    rate = show_equal("dt/dw . w' = 1", sp.powsimp(sp.expand(sp.diff(time, REACHED) * speed)), sp.Integer(1))
    start = show_equal("t = 0 at w = eps^N", sp.powsimp(sp.powdenest(time.subs(REACHED, SCALE**DEPTH))), sp.Integer(0))
    return Derivation(
        (
            assume("N = m + 2 > 2, g > 0, eps > 0, w(0) = eps^N"),
            define("(13) along a fixed direction: w' = N g w^{2-2/N}", equate(sp.Symbol("w'"), speed)),
            rate,
            start,
            infer("w grows, so t is a function of w: it has one derivative and one start", claim.formula,
                  from_=[rate, start]),
        )
    )  # fmt: skip


def claimed(claim: Claim, depth: int, scale: float, reached: float, slope: float) -> float:
    """Return the claimed time."""
    values = {EXCESS: float(depth - 2), SCALE: scale, REACHED: reached, SLOPE: slope}
    return float(claim.bound(values))


def layer_time(depth: int, scale: float, reached: float, slope: float) -> float:
    """Integrate one layer of the balanced network, s' = g s^{N-1}, until s^N = w."""

    def arrived(_: float, s: np.ndarray) -> float:
        return float(s[0]) - reached ** (1.0 / depth)

    arrived.terminal = True  # type: ignore[attr-defined]
    run = solve_ivp(
        lambda _, s: slope * s ** (depth - 1), (0.0, 1e30), [scale], method="DOP853", events=arrived, rtol=1e-10,
        atol=1e-13 * scale,
    )  # fmt: skip
    return float(run.t_events[0][0])


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate the layers of networks of depths 3 to 8 from several scales."""
    rng = np.random.default_rng(seed)
    cases = [
        (depth, scale, float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 3.0)))
        for depth in (3, 4, 5, 8)
        for scale in (0.2, 0.05)
    ]
    pairs = [(claimed(claim, *case), layer_time(*case)) for case in cases]
    worst = max(abs(ours - seen) / seen for ours, seen in pairs)
    return Evidence.measured(
        claim,
        f"times {min(seen for _, seen in pairs):.3g} to {max(seen for _, seen in pairs):.3g}, departing from the claim "
        f"by at most {worst:.1e}, relative",
        contradicted=worst > AGREEMENT,
        error_bar=f"{AGREEMENT:g} (integration)",
        cases=len(cases),
        seed=seed,
    )


def domain() -> st.SearchStrategy[Any]:
    """N from 3 to 6, eps from 0.1 to 0.5, w between eps^N and 1, g from 0.1 to 10."""
    return st.tuples(st.integers(3, 6), st.floats(0.1, 0.5), st.floats(0.3, 1.0), st.floats(0.1, 10.0))


def holds(claim: Claim, case: Any) -> bool:
    """Compare with the integration of a layer."""
    depth, scale, size, slope = case
    reached = max(size, 1.2 * scale) ** depth
    seen = layer_time(depth, scale, reached, slope)
    return abs(claimed(claim, depth, scale, reached, slope) - seen) <= AGREEMENT * seen


LATER = REACHED ** (-EXCESS / DEPTH)
FALSE_TWINS = (
    FalseTwin("eps^{1-N}", {"claim": time_is((SCALE ** (-1 - EXCESS) - LATER) / (EXCESS * SLOPE))}),
    FalseTwin("N instead of N - 2", {"claim": time_is((SCALE**-EXCESS - LATER) / (DEPTH * SLOPE))}),
)

THEOREM = Theorem(
    name="escape_from_near_zero",
    source=Source(PAPER, "Section 8, vanishing gradients", "the time is new"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("near_zero_depth_eight_is_stuck", "identity_start_makes_progress"),
)
