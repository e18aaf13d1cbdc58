r"""(10): one step of the end-to-end rule is one step of gradient descent on the layers, up to eta^2 and no better.

Assumptions
-----------
Balanced layers; one step of (4) and one step of (10) from them. Any N >= 2.

Source
------
Arora, Cohen and Hazan (2018), equation (10), "translating the continuous dynamics back to discrete time".

Idea of the proof
-----------------
The product of the layers after a step is a polynomial in eta. Its constant term is W_e; its linear term is W_e' of
Theorem 1, which is (10). The term eta^2 does not vanish: for N = 2 it is
(lambda W_2 + G_2)(lambda W_1 + G_1).

Deviations from the paper
-------------------------
The paper says "small enough"; what that buys over a fixed time is `discrete_rule_global_order`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import balanced_layers
from odeflow.panels import along
from odeflow.symbolic.deep_linear import DECAY, STEP
from odeflow.symbolic.deep_linear_instances import layer_rates, layered_rate
from odeflow.symbolic.deep_linear_words import differentiate, normal_form, show_matrices
from odeflow.symbolic.deep_linear_written_out import Network, network
from odeflow.symbolic.derivations import Derivation, Step, assume, by, equate, infer, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration import end_to_end_dynamics
from theory.arora2018_implicit_acceleration._dynamics_cases import (
    END_TO_END,
    balanced_networks,
    end_to_end_field,
    power_loss_gradient,
    product,
    rational_matrices,
)
from theory.arora2018_implicit_acceleration._dynamics_cases import layer_rates as float_rates
from theory.arora2018_implicit_acceleration.notation import PAPER

ORDER = sp.Symbol("q", positive=True, integer=True)
SLACK = 0.05


def order_is(value: int) -> Claim:
    """Return the claim that the two steps differ by order eta^value."""
    return Claim(
        "One step of (10) and one step of gradient descent on balanced layers differ by O(eta^2), and no less.",
        equate(ORDER, sp.Integer(value)),
        ("W_{j+1}^T W_{j+1} = W_j W_j^T before the step",),
        {ORDER: "largest power with a difference of O(eta^power) for every loss and depth"},
    )


CLAIM = order_is(2)


def stepped(net: Network) -> sp.Expr:
    """Return the product of the layers after a step of (4), a polynomial in eta."""
    moved = [(1 - STEP * DECAY) * W - STEP * G for W, G in zip(net.layers, net.gradients, strict=True)]
    return sp.expand(normal_form(sp.Mul(*reversed(moved))))


def first_terms(depth: int) -> list[Step]:
    """Compute that the terms eta^0 and eta^1 are W_e and its velocity, all layers written out."""
    net = network(depth)
    after = stepped(net)
    rates = differentiate(net.product, net.rates())
    return [
        show_matrices(
            f"N = {depth}: the step is W_e + W_e' up to eta^2",
            equate(sum(after.coeff(STEP, i) * STEP**i for i in (0, 1)), net.product + rates),
        )
    ]


def derive(claim: Claim) -> Derivation:
    """Read the powers of eta off the product; the linear one is Theorem 1."""
    theorem = end_to_end_dynamics
    two = network(2)
    second = stepped(two).coeff(STEP, 2)
    (W1, W2), (G1, G2) = two.layers, two.gradients
    lowest = next(i for i in range(1, 3) if normal_form(_difference(two).coeff(STEP, i)) != 0)
    steps = [
        *(step for depth in (2, 3, 4) for step in first_terms(depth)),
        by("end_to_end_dynamics", theorem.derive(theorem.CLAIM), theorem.CLAIM.formula),
    ]
    return Derivation(
        (
            assume("balanced layers"),
            *steps,
            infer("for every N the linear term of a product of N factors is its derivative: (8), so (10)", from_=steps),
            show_matrices(
                "N = 2: what (10) leaves out", equate(second, (DECAY * W2 + G2) * (DECAY * W1 + G1))
            ),
            show_with("so the difference starts at eta^2", claim.formula, {ORDER: sp.Integer(lowest)}),
        )
    )  # fmt: skip


def _difference(net: Network) -> sp.Expr:
    return sp.expand(normal_form(stepped(net) - net.product - differentiate(net.product, net.rates())))


def slope(depth: int, seed: int) -> float:
    """Return the order at which one step of (4) and one of (10) part, from eta = 1e-3 and 1e-4."""
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((3, 5)), rng.standard_normal((2, 5))
    gradient, decay = power_loss_gradient(X, Y, 4), 0.3
    start = rng.standard_normal((2, 3))
    layers = balanced_layers(start / np.linalg.norm(start), depth)
    W = product(layers)
    field, rates = end_to_end_field(END_TO_END.rhs, depth, gradient, decay), float_rates(layers, gradient, decay)
    gaps = []
    for step in (1e-3, 1e-4):
        moved = product([layer + step * rate for layer, rate in zip(layers, rates, strict=True)])
        gaps.append(float(np.linalg.norm(moved - W - step * field(W))))
    return float(np.log10(gaps[0] / gaps[1]))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Measure the order on random balanced networks with weight decay."""
    slopes = [slope(depth, 100 * seed + depth) for depth in (2, 3, 4)]
    claimed = float(claim.formula.rhs)
    return Evidence.measured(
        claim,
        f"one step parts with order {min(slopes):.3f} to {max(slopes):.3f}",
        contradicted=max(abs(s - claimed) for s in slopes) > SLACK,
        error_bar=f"{SLACK} (two step sizes)",
        cases=len(slopes),
        seed=seed,
        picture=along(
            (2, 3, 4),
            slopes,
            claimed,
            title="One step parts them with the claimed order of eta",
            xlabel="depth N",
            ylabel="fitted order",
            interval=np.array(slopes) + np.array([[-SLACK], [SLACK]]),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Balanced rational networks with N >= 2 and a rational gradient."""
    return balanced_networks(min_depth=2, max_depth=3).flatmap(
        lambda net: st.tuples(st.just(net), rational_matrices(net.widths[-1], net.widths[0]))
    )


def holds(claim: Claim, case: Any) -> bool:
    """Divide the exact difference of one step by eta^order; it must stay within the size that N factors allow."""
    net, gradient = case
    steps = [sp.Rational(1, 10**k) for k in (3, 6)]
    velocity = layered_rate(net.layers, gradient, sp.Integer(1), sp.Integer(1))
    rates = layer_rates(net.layers, gradient, sp.Integer(1), sp.Integer(1))
    scaled = []
    for step in steps:
        moved = sp.eye(net.widths[0])
        for W, rate in zip(net.layers, rates, strict=True):
            moved = (W + step * rate) * moved
        gap = moved - net.product - step * velocity
        scaled.append(sum(abs(entry) for entry in gap) / step ** int(claim.formula.rhs))
    return bool(scaled[1] <= 2 * scaled[0] + 1)


FALSE_TWINS = (
    FalseTwin("order 3", {"claim": order_is(3)}),
    FalseTwin("order 1", {"claim": order_is(1), "domain": None, "holds": None}),
)

THEOREM = Theorem(
    name="discrete_rule_local_order",
    source=Source(PAPER, "(10)", "one step"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("discrete_rule_global_order", "end_to_end_dynamics"),
)
