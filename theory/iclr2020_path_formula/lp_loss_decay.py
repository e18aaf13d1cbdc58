r"""The l_p law for a system: L(t) <= (L_0^{-q} + p (p-2) eta lambda N^{-q} t)^{-1/q}, q = (p-2)/p.

Assumptions
-----------
L = sum_i e_i^p, p > 2 even, e = u - y with du/dt = -eta H dL/du, H constant and H >= lambda I; N samples.

Source
------
What is true in the place of Appendix A of the path formula paper (ICLR 2020).

Idea of the proof
-----------------
dL/dt = -eta p^2 <e^{p-1}, H e^{p-1}> <= -eta p^2 lambda sum e_i^{2p-2}. By the power mean sum e_i^{2p-2} >= N^{-q}
L^{1+q}. So L^{-q} grows at least by q p^2 eta lambda N^{-q} = p (p-2) eta lambda N^{-q} per unit of time.

Deviations from the paper
-------------------------
The paper transfers the exponential rate of l_2. Here the loss falls like t^{-p/(p-2)}.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.codegen import compile_field
from odeflow.numeric.integrate import integrate
from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, chain, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

POWER = sp.Symbol("p", positive=True)
LEAST, SAMPLES, START, ETA = sp.symbols("lambda N L_0 eta", positive=True)
TIME = sp.Symbol("t", nonnegative=True)
LOSS = sp.Function("L", positive=True)(TIME)
SHARE = (POWER - 2) / POWER


def falls_below(rate: sp.Expr) -> Claim:
    """Return the claim L(t) <= (L_0^{-q} + rate t)^{-1/q}."""
    return Claim(
        "With an l_p loss and a frozen kernel the loss falls at least like the power -p/(p-2) of time.",
        sp.Le(LOSS, (START**-SHARE + rate * TIME) ** (-1 / SHARE), evaluate=False),
        ("L = sum e_i^p, p > 2 even", "e' = -eta H dL/de, H constant, H >= lambda I"),
        {
            LOSS: "loss",
            START: "L(0)",
            LEAST: "smallest eigenvalue of H",
            SAMPLES: "samples",
            POWER: "power of the loss",
        },
    )


RATE = POWER * (POWER - 2) * ETA * LEAST * SAMPLES**-SHARE
CLAIM = falls_below(RATE)


def derive(claim: Claim) -> Derivation:
    """Differentiate, take the power mean, integrate."""
    x = sp.Symbol("x", positive=True)
    bernoulli = x ** (2 * POWER - 2) - 1 - (2 * POWER - 2) / POWER * (x**POWER - 1)
    level = sp.Symbol("l", positive=True)
    slope = -ETA * POWER**2 * LEAST * SAMPLES**-SHARE * level ** (1 + SHARE)
    steps = [
        assume("e' = -eta H g with g = dL/de = p e^{p-1}, so dL/dt = -eta <g, H g> <= -eta lambda p^2 sum e_i^{2p-2}"),
        show_equal(
            "power mean: B(x) = x^{2p-2} - 1 - (2p-2)/p (x^p - 1) vanishes at 1", sp.Subs(bernoulli, x, 1), sp.S.Zero
        ),
        show_equal(
            "its derivative has the sign of x^{p-2} - 1: B >= 0",
            sp.expand(sp.diff(bernoulli, x)),
            sp.expand((2 * POWER - 2) * x ** (POWER - 1) * (x ** (POWER - 2) - 1)),
            name="B'(x)",
        ),
        infer(
            "with x_i^p = e_i^p N/L, whose mean is 1: mean x_i^{2p-2} >= 1, that is sum e_i^{2p-2} >= N^{-q} L^{1+q}"
        ),
        show_equal(
            "so along L' <= -eta p^2 lambda N^{-q} L^{1+q} the power L^{-q} grows by at least",
            sp.expand(sp.powsimp(sp.diff(level**-SHARE, level) * slope)),
            sp.expand(RATE),
            name="growth of L^{-q}",
        ),
        infer("integrated: L^{-q} >= L_0^{-q} + rate t; the power -1/q is decreasing"),
    ]
    derived = (START**-SHARE + RATE * TIME) ** (-1 / SHARE)
    return Derivation((*steps, chain("so", claim.formula, derived, from_=steps)))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Integrate three samples for p = 4 and 6, isotropic kernels among them, where the bound is sharp."""
    rng = np.random.default_rng(seed)
    times = np.geomspace(0.05, 200.0, 15)
    found = []
    e = sp.symbols("e_:3", real=True)
    h = sp.symbols("h_:3:3", real=True)
    H = sp.Matrix(3, 3, h)
    for power in (4, 6):
        field = compile_field(list(-power * H * sp.Matrix([x ** (power - 1) for x in e])), e, parameters=list(h))
        for kind in range(3):
            J = rng.standard_normal((3, 3))
            kernel = np.eye(3) if kind == 0 else J @ J.T / 3.0 + 0.1 * np.eye(3)
            start = np.ones(3) if kind == 0 else rng.uniform(-1.0, 1.0, 3)
            grid = np.concatenate([[0.0], times])
            run = integrate(field, start, grid, parameters=kernel.ravel().tolist(), rtol=1e-10, atol=1e-13)
            losses = (run.states[1:] ** power).sum(axis=1)
            values = {
                POWER: float(power), LEAST: float(np.linalg.eigvalsh(kernel)[0]), SAMPLES: 3.0,
                START: float((start**power).sum()), ETA: 1.0, TIME: times,
            }  # fmt: skip
            found.append((claim.bound(values), losses))
    bounds, seen = np.concatenate(found, axis=1)
    worst = float((seen / bounds).max())
    return Evidence.measured(
        claim,
        f"largest ratio of loss to bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-7,
        error_bar="1e-7 (tolerance of the integrator)",
        cases=6 * times.size,
        seed=seed,
        picture=against_claim(bounds, seen, what="loss", title="No loss is above its bound at any time", log=True),
    )


FALSE_TWINS = (
    FalseTwin("1 % faster", {"claim": falls_below(RATE * sp.Rational(101, 100))}),
    FalseTwin("without N^{-q}", {"claim": falls_below(RATE * SAMPLES**SHARE)}),
)

THEOREM = Theorem(
    name="lp_loss_decay",
    source=Source(PAPER, "Appendix A, systems", "what is true in its place"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("lp_decay", "lp_decay_printed"),
)
