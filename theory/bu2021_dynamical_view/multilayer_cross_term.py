r"""Section 5.3: how fast the cross term of a two-layer network with both layers trained dies out with the width.

Assumptions
-----------
f(x) = m^{-1/2} sum_r a_r sigma(w_r.x), sigma = relu or tanh, w_r ~ N(0, I), a_r = +-1 at the start, both layers
trained by heavy ball with b = 1 from rest up to t = 5, unit-norm data. "Scales like m^e": slope of log against log as
m grows.

Source
------
Bu, Xu and Chen (2021), section 5.3, the HB and NAG error dynamics of multi-layer networks: false at finite width
(`multilayer_error_dynamics_printed`), asymptotic in the width as measured here.

Idea of the measurement
-----------------------
Between flips Delta_i'' + b Delta_i' + (H Delta)_i = (2/sqrt m) sum_r a_r' sigma'(s_ri) s_ri' + (1/sqrt m) sum_r a_r
sigma''(s_ri) s_ri'^2. Each a_r', s_ri' is of order 1/sqrt(m) with the sign of a_r or without, so both sums are sums
of m terms of random sign and size 1/m: order 1/m in all. The largest value over time and samples is divided by that
of H Delta.

Deviations from the paper
-------------------------
No proof: exponents fitted over seeds. For relu the impulses at flips, of order m^{-1/2} in all
(`network_kernel_scaling`), come on top of this term.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.experiments import random_network
from odeflow.numeric.kernels import two_layer_initialisation
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.network_kernel_scaling import WIDTHS, compared
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["THEOREM"]

EXPONENTS = (sp.Symbol("e_relu", real=True), sp.Symbol("e_tanh", real=True))
SEEDS = 16
DAMPING, END = 1.0, 5.0
STEPS = 60


@dataclass(frozen=True)
class Activation:
    """An activation with its first two derivatives."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    bend: Callable[[np.ndarray], np.ndarray]


RELU = Activation(lambda s: np.maximum(s, 0.0), lambda s: (s > 0).astype(np.float64), np.zeros_like)
TANH = Activation(np.tanh, lambda s: 1 - np.tanh(s) ** 2, lambda s: -2 * np.tanh(s) * (1 - np.tanh(s) ** 2))


def scales_like(relu: sp.Expr, tanh: sp.Expr) -> Claim:
    """Return the claim that the cross term over H Delta scales like m to these powers."""
    formula = sp.And(
        sp.Eq(EXPONENTS[0], relu, evaluate=False), sp.Eq(EXPONENTS[1], tanh, evaluate=False), evaluate=False
    )
    return Claim(
        "With both layers trained the cross term in heavy ball's error dynamics dies out with the width.",
        formula,
        ("two-layer network, both layers trained from rest", "a fixed horizon in flow time", "m to infinity"),
        {EXPONENTS[0]: "exponent for relu, between flips", EXPONENTS[1]: "exponent for tanh"},
    )


CLAIM = scales_like(sp.Integer(-1), sp.Integer(-1))


def cross_term(
    X: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, " n"],
    W: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " m"],
    sigma: Activation,
    steps: int,
) -> float:
    """Integrate both layers by the classical Runge-Kutta method; return max |cross term| / max |H Delta|."""
    root = np.sqrt(a.size)
    gram = X @ X.T

    def forces(position: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        pre = position[0] @ X.T
        error = position[1] @ sigma.value(pre) / root - y
        push = (position[1][:, None] * sigma.slope(pre)) @ (error[:, None] * X) / root
        return -push, -(sigma.value(pre) @ error) / root, error

    state, h = [W, a, np.zeros_like(W), np.zeros_like(a)], END / steps
    top, scale = 0.0, 0.0
    for _ in range(steps):
        slopes: list[list[np.ndarray]] = []
        for c in (0.0, 0.5, 0.5, 1.0):
            at = state if not slopes else [s + c * h * k for s, k in zip(state, slopes[-1], strict=True)]
            in_force, out_force, _ = forces(at)
            slopes.append([at[2], at[3], in_force - DAMPING * at[2], out_force - DAMPING * at[3]])
        state = [s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4) for s, k1, k2, k3, k4 in zip(state, *slopes, strict=True)]
        pre, rate = state[0] @ X.T, state[2] @ X.T
        error, slope = forces(state)[2], sigma.slope(pre)
        cross = (2 * state[3] @ (slope * rate) + state[1] @ (sigma.bend(pre) * rate**2)) / root
        weighted, outer = state[1][:, None] * slope, sigma.value(pre)
        kernel = (gram * (weighted.T @ weighted) + outer.T @ outer) / a.size
        top, scale = max(top, float(np.abs(cross).max())), max(scale, float(np.abs(kernel @ error).max()))
    return top / scale


@functools.lru_cache(maxsize=2)
def measured(seed: int) -> tuple[Float[np.ndarray, "2 widths seeds"], float]:
    """Return the cross terms (relu, tanh) over widths and seeds, and the largest effect of halving the step."""
    data = random_network(4, 3, 1, seed=np.random.default_rng((seed, 0)))
    values, spread = np.empty((2, len(WIDTHS), SEEDS)), 0.0
    for k, width in enumerate(WIDTHS):
        for s in range(SEEDS):
            W, a = two_layer_initialisation(3, width, seed=np.random.default_rng((seed, 1, s, width)))
            for j, sigma in enumerate((RELU, TANH)):
                values[j, k, s] = cross_term(data.X, data.y, W, a, sigma, STEPS)
                if s == 0 and width <= 256:
                    fine = cross_term(data.X, data.y, W, a, sigma, 2 * STEPS)
                    spread = max(spread, abs(values[j, k, s] / fine - 1))
    return values, spread


def simulate(claim: Claim, seed: int) -> Evidence:
    """Fit both exponents over widths and seeds; the error bar of a single value comes from two step sizes."""
    values, spread = measured(seed)
    off, words, picture = compared(claim, EXPONENTS, values)
    means = ", ".join(f"{v:.2g}" for v in values[1].mean(axis=1))
    return Evidence.measured(
        claim,
        f"{words}; tanh {means} at m = 64, 256, 1024",
        contradicted=off > 0,
        error_bar=f"95 % intervals over seeds, in brackets; single values to {spread:.2g} (two step sizes)",
        cases=2 * len(WIDTHS) * SEEDS,
        seed=seed,
        picture=picture,
        detail=f"the worst exponent is {abs(off):.2f} {'outside' if off > 0.0 else 'within'} its interval, "
        "as in network_kernel_scaling",
    )


FALSE_TWINS = (
    FalseTwin("no dependence on the width", {"claim": scales_like(sp.Integer(0), sp.Integer(0))}),
    FalseTwin("m^{-1/2} for tanh", {"claim": scales_like(sp.Integer(-1), sp.Rational(-1, 2))}),
)

THEOREM = Theorem(
    name="multilayer_cross_term",
    source=Source(PAPER, "Section 5.3, HB limiting ODE", "as an asymptotic statement with a rate; not in the paper"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("multilayer_error_dynamics_printed", "network_kernel_scaling"),
)
