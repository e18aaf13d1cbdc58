r"""Section 5 as printed: "overparameterizing using wide or narrow networks has the same effect". False without balance.

Assumptions
-----------
Those of the paper where it says so: small initial weights, gradient flow; two widths, the same W_e(0).

Source
------
Arora, Cohen and Hazan (2018), section 1, section 5 ("it is only the depth that matters") and Figure 2.

Idea of the refutation
----------------------
N = 2, k = d = 1. Width 1 with both weights eps moves W_e = eps^2 at the rate -2 eps^2 G. Width 2 with
W_1 = (2 eps, 0)^T, W_2 = (eps/2, 0) has the same W_e and moves it at -(17/4) eps^2 G, for every eps.

Deviations from the paper
-------------------------
With balance it is true: `width_independence`, and exactly so for discrete steps in `width_independence_discrete`. The
simulation uses the paper's initialisation, standard deviation 0.01: width 100 is faster than width 1.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.numeric.linear_flow import flow_layers
from odeflow.panels import along
from odeflow.symbolic.deep_linear_instances import layered_rate
from odeflow.symbolic.derivations import Derivation, assume, equate, show_equal, show_value, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import unbalanced_layers
from theory.arora2018_implicit_acceleration.notation import PAPER

NARROW, WIDE = sp.symbols("v_narrow v_wide", real=True)
OFF_NARROW, OFF_WIDE = sp.symbols("D_narrow D_wide", nonnegative=True)
WHERE = {
    NARROW: "velocity of W_e of a network, k = d = 1",
    WIDE: "velocity of W_e of a wider one with the same W_e",
    OFF_NARROW: "largest imbalance of the narrow one",
    OFF_WIDE: "largest imbalance of the wide one",
}
BALANCED = sp.And(sp.Eq(OFF_NARROW, 0), sp.Eq(OFF_WIDE, 0))


def same_velocity(ratio: sp.Expr) -> Claim:
    """Return the claim that the wide network moves `ratio` times as fast as the narrow one."""
    return Claim(
        "Wide and narrow networks with the same end-to-end matrix move it in the same way: only depth matters.",
        equate(WIDE, ratio * NARROW),
        ("the same N, loss and W_e", "initial weights near zero"),
        WHERE,
    )


def same_velocity_if_balanced(ratio: sp.Expr) -> Claim:
    """Return the claim for balanced networks."""
    return Claim(
        "Balanced networks of any widths with the same end-to-end matrix move it in the same way.",
        sp.Implies(BALANCED, equate(WIDE, ratio * NARROW), evaluate=False),
        ("the same N, loss and W_e", "W_{j+1}^T W_{j+1} = W_j W_j^T in both"),
        WHERE,
    )


CLAIM = same_velocity(sp.Integer(1))
CORRECTED = same_velocity_if_balanced(sp.Integer(1))


def counterexample(claim: Claim) -> Derivation:
    """Width 1 against width 2 with eps = 1/100, exactly; the ratio does not depend on eps."""
    eps = sp.Rational(1, 100)
    narrow = [sp.Matrix([[eps]]), sp.Matrix([[eps]])]
    wide = [sp.Matrix([2 * eps, 0]), sp.Matrix([[eps / 2, 0]])]
    gradient, one, zero = sp.Matrix([[1]]), sp.Integer(1), sp.Integer(0)
    velocities = [layered_rate(layers, gradient, one, zero)[0] for layers in (narrow, wide)]
    off = wide[1].T * wide[1] - wide[0] * wide[0].T
    return Derivation(
        (
            assume("N = 2, k = d = 1, eta = 1, lambda = 0, G = 1; weights of size eps = 1/100"),
            show_equal("the same W_e", (wide[1] * wide[0])[0], (narrow[1] * narrow[0])[0], name="W_e of the wide net"),
            show_equal("the narrow one is balanced", (narrow[1] ** 2 - narrow[0] ** 2)[0], zero, name="w_2^2 - w_1^2"),
            show_equal(
                "the wide one is not: the first entry of D_1",
                off[0, 0],
                -sp.Rational(15, 4) * eps**2,
                name="first entry of D_1",
            ),
            show_value("velocity of width 1", velocities[0], -2 * eps**2),
            show_value("velocity of width 2", velocities[1], -sp.Rational(17, 4) * eps**2),
            show_violated(
                "widths 1 and 2",
                claim.formula,
                {NARROW: velocities[0], WIDE: velocities[1], OFF_NARROW: zero, OFF_WIDE: abs(off[0, 0])},
            ),
        )
    )


def half_time(width: int, seed: int) -> float:
    """Return the flow time to half the loss, depth 2, standard deviation 0.01, ten features, target of norm 1."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((1, 10))
    times = np.linspace(0.0, 12.0, 1201)
    run = flow_layers(
        unbalanced_layers((10, width, 1), 0.01, rng), target / np.linalg.norm(target), times, with_error_bar=False
    )
    return float(np.interp(-0.5, -run.losses / run.losses[0], times))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train width 1 and width 100 from the paper's initialisation, five seeds each."""
    narrow, wide = (np.array([half_time(width, 10 * seed + i) for i in range(5)]) for width in (1, 100))
    ratio = float(narrow.mean() / wide.mean())
    bar = ratio * float(np.hypot(narrow.std() / narrow.mean(), wide.std() / wide.mean())) / np.sqrt(5.0)
    return Evidence.measured(
        claim,
        f"width 1 takes {ratio:.2f} times as long as width 100 to half the loss",
        contradicted=abs(ratio - 1.0) > 3.0 * bar,
        error_bar=f"{bar:.2f} (standard error, five seeds)",
        cases=10,
        seed=seed,
        picture=along(
            np.arange(1.0, 6.0),
            {"width 1": narrow, "width 100": wide},
            {"as long as width 1": float(narrow.mean())},
            title="The width matters",
            xlabel="initialisation",
            ylabel="flow time to half the loss",
        ),
    )


FALSE_TWINS = (
    FalseTwin("twice as fast", {"claim": same_velocity(sp.Integer(2))}),
    FalseTwin("half as fast", {"claim": same_velocity(sp.Rational(1, 2))}),
)

THEOREM = Theorem(
    name="width_independence_printed",
    source=Source(PAPER, "Section 5, widths", "as printed; corrected in width_independence"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("width_independence", "width_independence_discrete"),
)
