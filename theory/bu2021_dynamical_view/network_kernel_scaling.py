r"""Lazy training, measured: how fast a network's departure from the frozen kernel dies out with its width. Heavy ball.

Assumptions
-----------
Two-layer ReLU network at the usual initialisation, unit-norm data, heavy ball with b = sqrt(2 lambda_0) on the
first layer, up to time 4/r. "Scales like m^e": e is the slope of log(quantity) against log(m) as m grows.

Source
------
Bu, Xu and Chen (2021), section 2 ("lazy training", H(0) ~ H(t)) and (3.7): error dynamics with a constant kernel are
claimed to describe the network. On a finite network they fail at each flip (`activation_flips_printed`); this is what
remains of them.

Idea of the measurement
-----------------------
The network is followed flip by flip, without step size. Four quantities: sup |Delta - Delta_frozen| / |Delta(0)| with
Delta_frozen from H(0); sup |H(t) - H(0)|; the largest jump of a Delta_i'; the sum of all jumps. A single jump is
a_r |v| / sqrt(m) with |v| of order 1/sqrt(m), and about sqrt(m) neurons are close enough to a boundary to flip.

Deviations from the paper
-------------------------
No proof: the exponents are heuristics of the audit, supported by fits over several seeds. The number of flips is not
used, because a chattering neuron can flip thousands of times while the sum of its jumps stays small.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.experiments import random_network
from odeflow.numeric.flows import Flow, HeavyBall
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit, two_layer_initialisation
from odeflow.numeric.modal import frozen_kernel_flow
from odeflow.numeric.rates import fit_scaling
from odeflow.numeric.relu_flow import relu_flow
from odeflow.panels import Panel, along
from odeflow.strategies import NetworkCase
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["EXPONENTS", "THEOREM", "compared", "scale_like", "scaling_evidence"]

EXPONENTS = tuple(
    sp.Symbol(name, real=True) for name in ("e_deviation", "e_kernel", "e_largest_jump", "e_sum_of_jumps")
)
WIDTHS = (64, 256, 1024)
SEEDS = 20
SLACK = 0.1
"""What an exponent fitted over widths 64..1024 may differ from the asymptotic one, on top of the scatter over seeds."""
DECISION = 0.999
"""Level of the interval that a claimed exponent must leave to be refuted: four exponents, several runs of the tests."""


def scale_like(values: tuple[sp.Expr, ...], optimiser: str) -> Claim:
    """Return the claim that the four quantities scale like m to the given powers."""
    return Claim(
        f"A network under {optimiser} departs from its frozen kernel by powers of the width.",
        sp.And(*(sp.Eq(e, v, evaluate=False) for e, v in zip(EXPONENTS, values, strict=True)), evaluate=False),
        ("usual initialisation, unit-norm data", "a fixed horizon in flow time", "m to infinity"),
        {
            EXPONENTS[0]: "of sup |Delta - Delta_frozen| / |Delta(0)|",
            EXPONENTS[1]: "of sup |H(t) - H(0)|",
            EXPONENTS[2]: "of the largest jump of a Delta_i'",
            EXPONENTS[3]: "of the sum of all jumps",
        },
    )


HALF = sp.Rational(1, 2)
CLAIM = scale_like((-HALF, -HALF, sp.Integer(-1), -HALF), "heavy ball")


def departures(case: NetworkCase, flow: Flow, horizon: float) -> tuple[float, float, float, float]:
    """Return the four quantities for one network."""
    times = np.linspace(horizon / 80, horizon, 80)
    run = relu_flow(case.X, case.y, case.W, case.a, flow, np.concatenate([[0.0], times]))
    start = run.errors[0]
    frozen = frozen_kernel_flow(flow, relu_ntk(case.X, case.W), start, times).errors
    deviation = np.linalg.norm(run.errors[1:] - frozen, axis=1).max() / np.linalg.norm(start)
    jumps = np.abs(run.events.jumps)
    return float(deviation), float(run.kernel_drifts.max()), float(jumps.max()), float(jumps.sum())


Choice = Callable[[float], tuple[Flow, float]]


@functools.lru_cache(maxsize=4)
def measured(choose: Choice, seed: int) -> Float[np.ndarray, "4 widths seeds"]:
    """Return the four quantities over widths and seeds; false twins are held against the same measurement."""
    rng = np.random.default_rng(seed)
    while True:
        data = random_network(4, 3, 1, seed=rng)
        lambda0 = float(np.linalg.eigvalsh(relu_ntk_limit(data.X))[0])
        if lambda0 > 0.05:  # a smaller one only makes the horizon longer
            break
    flow, horizon = choose(lambda0)
    values = np.empty((4, len(WIDTHS), SEEDS))
    for k, width in enumerate(WIDTHS):
        for s in range(SEEDS):
            W, a = two_layer_initialisation(3, width, seed=np.random.default_rng((seed, s, width)))
            values[:, k, s] = departures(NetworkCase(data.X, data.y, W, a), flow, horizon)
    return values


def compared(
    claim: Claim, exponents: tuple[sp.Symbol, ...], values: Float[np.ndarray, "q widths seeds"]
) -> tuple[float, str, Panel]:
    """Fit exponents over WIDTHS; return how far the worst claimed one is outside its interval, all in words, a picture.

    Negative means inside. The claim is a conjunction of equations `exponent = value`.
    """
    sizes = np.array(WIDTHS, dtype=np.float64)
    claimed = {equation.lhs: float(equation.rhs) for equation in claim.formula.args}
    off, words = -np.inf, []
    for e, v in zip(exponents, values, strict=True):
        wide, fit = fit_scaling(sizes, v, confidence=DECISION), fit_scaling(sizes, v)
        off = max(off, abs(wide.exponent - claimed[e]) - (wide.exponent - wide.interval[0]) - SLACK)
        words.append(f"{e} = {fit.exponent:.2f} [{fit.interval[0]:.2f}, {fit.interval[1]:.2f}]")
    means = {
        claim.where.get(e, str(e)).removeprefix("of "): v.mean(axis=1) for e, v in zip(exponents, values, strict=True)
    }
    ends = [np.array([v.min(axis=1), v.max(axis=1)]) for v in values]
    laws = [m[-1] * (sizes / sizes[-1]) ** claimed[e] for e, m in zip(exponents, means.values(), strict=True)]
    picture = along(
        sizes,
        means,
        dict(zip(means, laws, strict=True)),
        title="Each falls with the claimed power of the width",
        xlabel="width m",
        ylabel="mean over seeds, least and largest",
        xscale="log",
        yscale="log",
        interval=dict(zip(means, ends, strict=True)),
    )
    return off, "; ".join(words), picture


def scaling_evidence(claim: Claim, choose: Choice, *, seed: int) -> Evidence:
    """Fit the four exponents over widths and seeds and compare them with the claim's.

    Parameters
    ----------
    claim : a claim made by `scale_like`
    choose : lambda_0 -> the flow and its horizon
    seed : of the data and of the initial weights
    """
    off, words, picture = compared(claim, EXPONENTS, measured(choose, seed))
    return Evidence.measured(
        claim,
        words,
        contradicted=off > 0,
        error_bar="95 % intervals over seeds, in brackets",
        cases=len(WIDTHS) * SEEDS,
        seed=seed,
        picture=picture,
        detail=f"the worst exponent is {abs(off):.2f} {'outside' if off > 0.0 else 'within'} its {DECISION:.1%} "
        f"interval, widened by {SLACK}",
    )


def heavy_ball_to(lambda0: float) -> tuple[Flow, float]:
    """Return the paper's heavy ball and the horizon 4/r."""
    r = float(np.sqrt(lambda0 / 2))
    return HeavyBall(2 * r), 4 / r


def simulate(claim: Claim, seed: int) -> Evidence:
    """Fit the exponents for heavy ball with the paper's damping, up to 4/r."""
    return scaling_evidence(claim, heavy_ball_to, seed=seed)


FALSE_TWINS = (
    FalseTwin("a single jump like 1/sqrt(m)", {"claim": scale_like((-HALF, -HALF, -HALF, -HALF), "heavy ball")}),
    FalseTwin(
        "no dependence on the width", {"claim": scale_like((0 * HALF, -HALF, sp.Integer(-1), -HALF), "heavy ball")}
    ),
    FalseTwin(
        "deviation like 1/m", {"claim": scale_like((sp.Integer(-1), -HALF, sp.Integer(-1), -HALF), "heavy ball")}
    ),
)

THEOREM = Theorem(
    name="network_kernel_scaling",
    source=Source(PAPER, "Section 2 (lazy training), (3.7)", "as an asymptotic statement with rates; not in the paper"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("network_kernel_scaling_nesterov", "activation_flips_printed", "activation_flip_jump"),
)
