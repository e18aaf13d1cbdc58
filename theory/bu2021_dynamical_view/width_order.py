r"""The width in world K: order n^6 delta^-3 lambda_0^-4 keeps every weight within R, for all three flows.

Assumptions
-----------
Unit-norm inputs, a_r = +-1, H constant with H >= (lambda_0/2) I; gradient flow, heavy ball (b = 2r) or Nesterov's flow
(any gamma > 0) from rest; L(0) <= n/delta; R = c delta lambda_0/n^2 (Lemma 3.2).

Source
------
Corrects Bu, Xu and Chen (2021), section 3.1 ("which is equivalent to m = Omega(n^6/(delta^3 lambda_0^4))") and
section 4; Appendices A.1 and A.2 are not in the text we hold.

Idea of the proof
-----------------
|w_r(t) - w_r(0)| <= sqrt(n/m) |Delta(t) - Delta(0)|/mu (`weight_oracle_distance`) and |Delta(t)| <= |Delta(0)|: so the
distance is at most 2 sqrt(n/m) sqrt(2 L(0))/mu, which is below R as soon as
m > 32 n L(0)/(lambda_0^2 R^2) = 32 n^6/(c^2 delta^3 lambda_0^4).

Deviations from the paper
-------------------------
No integral of the loss, hence no lambda_0^{-6} under the root as in the printed R' (`width_order_printed`), and
nothing that depends on the optimiser. It is about a frozen kernel: that the kernel may be frozen is the paper's world
N.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    by,
    chain,
    define,
    equate,
    infer,
    show_equal,
)
from odeflow.symbolic.flows import gradient_flow, heavy_ball, nesterov
from odeflow.symbolic.inner_products import inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view import weight_oracle_distance
from theory.bu2021_dynamical_view.nesterov_width_printed import LAZY, PROBABILITY, RADIUS
from theory.bu2021_dynamical_view.notation import (
    ERROR,
    GAMMA,
    KERNEL,
    LAMBDA0,
    PAPER,
    PSEUDO_LOSS_FORM,
    RATE,
    SYMBOLS,
    VELOCITY,
)
from theory.bu2021_dynamical_view.weight_distance import DISTANCE, SAMPLES, WIDTH

ENOUGH = sp.Symbol("K", positive=True)
ORDER = SAMPLES**6 / (PROBABILITY**3 * LAMBDA0**4)


def enough_is(constant: sp.Expr) -> Claim:
    """Return the claim that with m = K n^6/(delta^3 lambda_0^4), K = constant, the distance is at most R."""
    return Claim(
        "With a frozen kernel a width of order n^6 delta^-3 lambda_0^-4 keeps every weight within R, for all flows.",
        sp.Le(DISTANCE, sp.sqrt(constant / ENOUGH) * RADIUS, evaluate=False),
        ("unit-norm inputs, a_r = +-1", "H constant with H >= (lambda_0/2) I", "L(0) <= n/delta", "m = K n^6/(...)"),
        {
            DISTANCE: "|w_r(t) - w_r(0)|",
            ENOUGH: "width m in units of n^6 delta^-3 lambda_0^-4",
            LAZY: "the constant of Lemma 3.2, R = c delta lambda_0/n^2",
            PROBABILITY: "failure probability",
            LAMBDA0: SYMBOLS[LAMBDA0],
        },
    )


CLAIM = enough_is(32 / LAZY**2)


def derive(claim: Claim) -> Derivation:
    """Bound the distance without an integral and put the width in."""
    oracle = weight_oracle_distance
    steps = [
        assume("unit-norm inputs, a_r = +-1, H constant with H >= (lambda_0/2) I, start at rest, L(0) <= n/delta"),
        by("weight_oracle_distance", oracle.derive(oracle.CLAIM), oracle.CLAIM.formula),
        show_equal(
            "gradient flow: |Delta|^2/2 changes by -<Delta, H Delta> <= 0",
            gradient_flow().frozen_dynamics(KERNEL).derivative(norm2(ERROR) / 2),
            -inner(ERROR, KERNEL @ ERROR),
            name="(|Delta|^2/2)'",
        ),
        *(
            show_equal(
                f"{flow.name}: the energy |Delta'|^2/2 + Lhat changes by friction only",
                flow.frozen_dynamics(KERNEL).derivative(norm2(VELOCITY) / 2 + PSEUDO_LOSS_FORM),
                -flow.coefficients[0] * norm2(VELOCITY),
                name="(|Delta'|^2/2 + Lhat)'",
            )
            for flow in (heavy_ball(2 * RATE), nesterov(GAMMA))
        ),
        infer("on every mode lambda x^2 <= lambda x(0)^2; so |Delta(t)| <= |Delta(0)| for all three"),
        define("|Delta(t) - Delta(0)| <= 2 |Delta(0)| = 2 sqrt(2 L(0)), L(0) <= n/delta, mu = lambda_0/2"),
    ]
    change = 2 * sp.sqrt(2 * SAMPLES / PROBABILITY)
    distance = sp.sqrt(SAMPLES / WIDTH) * change / (LAMBDA0 / 2)
    at_width = distance.subs(WIDTH, ENOUGH * ORDER)
    steps += [
        define("the width", equate(WIDTH, ENOUGH * ORDER)),
        show_equal(
            "squared and in units of R^2 the bound is 32/(c^2 K)",
            at_width**2 / RADIUS**2,
            32 / (LAZY**2 * ENOUGH),
            name="squared bound in units of R^2",
        ),
    ]
    return Derivation(
        (*steps, chain("put together", claim.formula, sp.sqrt(32 / LAZY**2 / ENOUGH) * RADIUS, from_=steps))
    )


def ratio(claim: Claim, case: Any) -> float:
    """Return the furthest distance / bound of one frozen network, with lambda_0 = 2 lambda_min(H), delta = n/L(0)."""
    run = weight_oracle_distance.frozen_run(case)
    if run is None:
        return 0.0
    lowest, errors, moved = run
    samples, width = float(case[0]), float(case[2])
    delta, lam = samples / (0.5 * float(errors[0] @ errors[0])), 2.0 * lowest
    at_width = width * delta**3 * lam**4 / samples**6
    values = {SAMPLES: samples, PROBABILITY: delta, LAMBDA0: lam, LAZY: 0.1, ENOUGH: at_width}
    return float(moved.max()) / float(claim.bound(values))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure 63 frozen networks under the three flows; c drops out of distance / bound."""
    cases = [(n, 3, 24, kind, 1000 * seed + 3 * j + kind) for n in (1, 2, 3) for kind in range(3) for j in range(5)]
    cases += [(1, 2, 1, kind, 1000 * seed + k) for kind in range(3) for k in range(6)]
    found = [ratio(claim, case) for case in cases]
    worst = max(found)
    return Evidence.measured(
        claim,
        f"largest distance / bound {worst:.4g}",
        contradicted=worst > 1.0 + 1e-9,
        error_bar="1e-9 (closed form)",
        cases=len(found),
        seed=seed,
        picture=by_case(
            found,
            1.0,
            title="No weight moves further than the bound",
            ylabel="largest distance / bound",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Sizes, flow and seed of frozen networks."""
    return weight_oracle_distance.domain()


def holds(claim: Claim, case: Any) -> bool:
    """Check the bound on one frozen network."""
    return ratio(claim, case) <= 1.0 + 1e-9


FALSE_TWINS = (FalseTwin("32 replaced by 4", {"claim": enough_is(4 / LAZY**2)}),)

THEOREM = Theorem(
    name="width_order",
    source=Source(PAPER, "Section 3.1, width (Appendix A.1)", "by the exact movement of the weights, in world K"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("width_order_printed", "weight_oracle_distance", "nesterov_width"),
)
