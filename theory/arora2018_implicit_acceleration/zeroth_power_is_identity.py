r"""The power [.]^0 in (8): it must be the identity, also on what W_e does not reach.

Assumptions
-----------
N = 2, one output: W_e = w_2 w_1 with w_2 > 0, balanced: |w_1| = w_2. v is orthogonal to w_1 and <G, v> is not 0.

Source
------
Arora, Cohen and Hazan (2018), Theorem 1: "fractional power operators defined over positive semidefinite matrices".

Idea of the proof
-----------------
Let [.]^0 multiply what lies outside of the range by z. Along v the layers give -eta w_2^2 <G, v>, and (8) gives
-eta z |W_e| <G, v> with |W_e| = w_2^2. So z = 1.

Deviations from the paper
-------------------------
The paper does not say what [.]^0 is for a singular matrix. The other usual convention, the projector onto the range,
z = 0, is a false twin: it would stop all movement away from the range of W_e.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import by_case
from odeflow.symbolic.deep_linear import STEP
from odeflow.symbolic.deep_linear_instances import BalancedNetwork, layered_rate
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal
from odeflow.symbolic.inner_products import Vector, inner, norm2
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import balanced_networks, rational_matrices
from theory.arora2018_implicit_acceleration.notation import PAPER

OUTSIDE = sp.Symbol("z", real=True)
SECOND = sp.Symbol("w_2", positive=True)
FIRST, GRADIENT, ACROSS = Vector.base("w_1"), Vector.base("G"), Vector.base("v")


def outside_is(value: sp.Expr) -> Claim:
    """Return the claim that [.]^0 multiplies what is orthogonal to the range by `value`."""
    return Claim(
        "In Theorem 1 the power [.]^0 is the identity, not the projector onto the range.",
        equate(OUTSIDE, value),
        ("(8) holds for a balanced network with a singular W_e W_e^T or W_e^T W_e",),
        {OUTSIDE: "what [M]^0 multiplies vectors orthogonal to the range of M by"},
    )


CLAIM = outside_is(sp.Integer(1))


def derive(claim: Claim) -> Derivation:
    """Compare the layers with (8) along a direction that W_e does not reach, in every dimension."""
    orthogonal = {inner(FIRST, ACROSS): sp.Integer(0), norm2(FIRST): SECOND**2}
    first_rate, second_rate = -STEP * SECOND * GRADIENT, -STEP * inner(GRADIENT, FIRST)
    moved = inner(second_rate * FIRST + SECOND * first_rate, ACROSS).xreplace(orthogonal)
    size = SECOND * SECOND  # |W_e| = w_2 |w_1|
    reached = inner(GRADIENT, FIRST) * inner(FIRST, ACROSS)  # [W^T W]^{1/2} G has the direction of w_1
    z = claim.formula.rhs
    rule = -STEP * (reached + size * z * inner(GRADIENT, ACROSS)).xreplace(orthogonal)
    general = -STEP * (reached + size * OUTSIDE * inner(GRADIENT, ACROSS)).xreplace(orthogonal)
    checks = [
        show_equal(
            "the layers move W_e along v by",
            moved,
            -STEP * SECOND**2 * inner(GRADIENT, ACROSS),
            name="movement of W_e along v by the layers",
        ),
        show_equal("with the claimed z so does (8)", rule, moved, name="movement of W_e along v by (8)"),
        show_equal(
            "and (8) depends on z there", sp.Derivative(general, OUTSIDE), -STEP * SECOND**2 * inner(GRADIENT, ACROSS)
        ),
    ]
    return Derivation(
        (
            assume("N = 2, W_e = w_2 w_1, |w_1| = w_2 > 0, v orthogonal to w_1, <G, v> not 0"),
            define("(8): W_e' = -eta (G [W_e^T W_e]^{1/2} + |W_e| G [W_e^T W_e]^0), and [W_e^T W_e]^0 v = z v"),
            *checks,
            infer("eta w_2^2 <G, v> is not 0, so only this z makes them agree", claim.formula, from_=checks),
        )
    )


def solved(network: BalancedNetwork, gradient: sp.MatrixBase) -> sp.Expr | None:
    """Return the z with which (8) agrees with the layers, exactly; None if z does not matter."""
    depth = sp.Integer(network.depth)
    left, right = network.product * network.product.T, network.product.T * network.product
    true = layered_rate(network.layers, gradient, sp.Integer(1), sp.Integer(0))
    inside, outside = sp.zeros(*true.shape), sp.zeros(*true.shape)
    for j in range(1, network.depth + 1):
        first, second = network.power(left, (j - 1) / depth), network.power(right, (depth - j) / depth)
        off_left = _beyond(network, 0) if j == 1 else sp.zeros(left.rows)
        off_right = _beyond(network, 1) if j == network.depth else sp.zeros(right.rows)
        inside += (first - off_left) * gradient * (second - off_right)
        outside += off_left * gradient * (second - off_right) + (first - off_left) * gradient * off_right
    where = next((i for i, entry in enumerate(outside) if entry != 0), None)
    return None if where is None else (-true[where] - inside[where]) / outside[where]


def _beyond(network: BalancedNetwork, side: int) -> sp.MatrixBase:
    """Return the projector onto what the left (0) or right (1) Gram matrix does not reach."""
    frame = network.frames[-1 if side == 0 else 0]
    reach = [sp.Integer(int(s == 0)) for s in network.singular] + [sp.Integer(1)] * (frame.rows - len(network.singular))
    return frame * sp.diag(*reach) * frame.T


def simulate(claim: Claim, seed: int) -> Evidence:
    """Let one small step of the layers of six random networks with W_e of rank one say what z is."""
    rng = np.random.default_rng(seed)
    step, found = 1e-6, []
    for d in (2, 3, 4, 5, 6, 7):
        first = rng.standard_normal(d)
        second = float(np.linalg.norm(first))
        gradient = rng.standard_normal(d)
        across = gradient - (gradient @ first) / second**2 * first
        moved = (first - step * second * gradient) * (second - step * float(gradient @ first)) - second * first
        found.append(float(moved @ across) / (-step * second**2 * float(gradient @ across)))
    worst = max(abs(z - float(claim.formula.rhs)) for z in found)
    bar = 1e-3  # the second-order term of the step, |G|^2 eta, and rounding / eta
    return Evidence.measured(
        claim,
        f"the layers ask for z between {min(found):.6f} and {max(found):.6f}",
        contradicted=worst > bar,
        error_bar=f"{bar:.2g} (step 1e-6)",
        cases=len(found),
        seed=seed,
        picture=by_case(
            found,
            float(claim.formula.rhs),
            title="The layers ask for the claimed zeroth power",
            ylabel="z",
            interval=np.array(found) + np.array([[-bar], [bar]]),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Balanced rational networks with N >= 2 and a rational gradient."""
    return balanced_networks(min_depth=2, max_depth=3).flatmap(
        lambda net: st.tuples(st.just(net), rational_matrices(net.widths[-1], net.widths[0]))
    )


def holds(claim: Claim, case: Any) -> bool:
    """Solve (8) = layers for z exactly."""
    z = solved(*case)
    return z is None or z == claim.formula.rhs


FALSE_TWINS = (
    FalseTwin("the projector onto the range", {"claim": outside_is(sp.Integer(0))}),
    FalseTwin("half", {"claim": outside_is(sp.Rational(1, 2)), "domain": None, "holds": None}),
)

THEOREM = Theorem(
    name="zeroth_power_is_identity",
    source=Source(PAPER, "Theorem 1, fractional powers", "the convention that (8) needs"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("end_to_end_dynamics",),
)
