r"""Theorem 1: the product of a balanced deep linear network obeys an equation of its own.

Assumptions
-----------
L is differentiable; the layers follow (6), gradient flow with learning rate eta and weight decay lambda, from balanced
weights (7). Any number of layers N, any widths. [M]^0 = I.

Source
------
Arora, Cohen and Hazan (2018), Theorem 1, equations (6)-(9), Appendix A.1 with (16)-(24).

Idea of the proof
-----------------
Balancedness is conserved. In a balanced chain the layers above j multiply to U_j U_j^T = A^{N-j}, those below to
V_j^T V_j = B^{j-1}, with A = W_N W_N^T and B = W_1^T W_1: each layer that is taken off is absorbed by one factor. So
W_e W_e^T = A^N and W_e^T W_e = B^N, and the N-th roots are unique. The product rule adds the layers up.

Deviations from the paper
-------------------------
No singular value decompositions, hence no ordering of singular values (the paper writes "non-decreasing" for the
opposite) and no cases of multiplicity. [.]^0 = I is part of the statement (`zeroth_power_is_identity`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.numeric.linear_flow import balanced_layers, flow_layers
from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import (
    DECAY,
    DEPTH,
    END,
    GRADIENT,
    INDEX,
    LAYER,
    STEP,
    balance_hypothesis,
    conservation_steps,
    dynamics_steps,
    flow_of,
    gradient_steps,
    product_steps,
    root_steps,
    show_end_to_end,
)
from odeflow.symbolic.deep_linear_instances import end_to_end_gap
from odeflow.symbolic.deep_linear_words import Letter, dot
from odeflow.symbolic.deep_linear_written_out import WRITTEN_OUT, show_written_out
from odeflow.symbolic.derivations import Derivation, assume, equate, infer
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import (
    END_TO_END,
    balanced_networks,
    distance,
    end_to_end_field,
    field_path,
    layer_path,
    product,
    rational_matrices,
    rationals,
    simulated_starts,
    theorem_1,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

TIMES = (0.0, 0.4, 0.8)
AGREE = 1e-7
"""Two integrations at relative tolerance 1e-10 agree to this, relative to |W_e|."""


def moves_by(formula: sp.Equality) -> Claim:
    """Return the claim that W_e moves by `formula`."""
    return Claim(
        "From balanced weights the end-to-end matrix of a deep linear network follows a preconditioned gradient flow.",
        formula,
        ("the layers follow (6)", "W_{j+1}^T W_{j+1} = W_j W_j^T at the start (7)", "[M]^0 = I"),
        {
            END: "end-to-end matrix W_N ... W_1, k x d",
            GRADIENT: "dL/dW at W_e",
            DEPTH: "number of layers",
            STEP: "learning rate",
            DECAY: "weight decay",
        },
    )


CLAIM = moves_by(END_TO_END)


def derive(claim: Claim) -> Derivation:
    """From (6) and (7) to (8), for every N; then once more with all layers written out."""
    conserved = conservation_steps()
    start = balance_hypothesis()
    gradient = Letter("G_j", LAYER.rows, LAYER.columns)
    products, _ = product_steps()
    return Derivation(
        (
            assume(
                "(6): each layer follows gradient flow with weight decay", equate(dot(LAYER), flow_of(LAYER, gradient))
            ),
            start,
            *gradient_steps(),
            *conserved,
            infer("a linear equation from D_j(t_0) = 0: D_j = 0 throughout, (9)", start.formula, from_=conserved[1:]),
            *products,
            *root_steps(),
            *dynamics_steps(),
            *(show_written_out(depth) for depth in WRITTEN_OUT),
            show_end_to_end("with A = [W_e W_e^T]^{1/N} and B = [W_e^T W_e]^{1/N}, (8)", claim.formula),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Move the layers of five networks and, apart from them, the claimed equation for W_e; compare the paths."""
    worst = 0.0
    cases = simulated_starts(seed)
    for depth, start, gradient, decay in cases:
        layers = layer_path(balanced_layers(start, depth), gradient, TIMES, decay)
        claimed = field_path(end_to_end_field(claim.formula.rhs, depth, gradient, decay), start, TIMES)
        worst = max(worst, *(distance(product(W), V) for W, V in zip(layers, claimed, strict=True)))
    rng = np.random.default_rng(seed)
    start, target = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    compiled = flow_layers(balanced_layers(start, 4), target, list(TIMES))
    claimed = field_path(end_to_end_field(claim.formula.rhs, 4, lambda W: W - target), start, TIMES)
    worst = max(worst, *(distance(W, V) for W, V in zip(compiled.end_to_end, claimed, strict=True)))
    return Evidence.measured(
        claim,
        f"the product of the layers and the claimed flow of W_e differ by at most {worst:.2g}",
        contradicted=worst > AGREE,
        error_bar=f"{AGREE:.2g} (two integrations at 1e-10)",
        cases=len(cases) + 1,
        seed=seed,
        picture=against_claim(
            np.array(claimed),
            np.array(compiled.end_to_end),
            what="entry of W_e(t), N = 4",
            title="The product of the layers moves as claimed",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Balanced rational networks, a rational gradient, learning rate and decay."""
    return balanced_networks().flatmap(
        lambda net: st.tuples(
            st.just(net), rational_matrices(net.widths[-1], net.widths[0]), rationals().map(abs), rationals().map(abs)
        )
    )


def holds(claim: Claim, case: Any) -> bool:
    """Compare the claimed W_e' with the product rule on the layers, in rational numbers: no tolerance."""
    network, gradient, step, decay = case
    gap = end_to_end_gap(claim.formula.rhs, network, gradient, step, decay)
    return all(entry == 0 for entry in gap)


def rule(drift: sp.Expr, left: sp.Expr, right: sp.Expr) -> sp.Equality:
    """Return (8) with another multiple of the decay and other exponents."""
    body = (END * END.T) ** left * GRADIENT * (END.T * END) ** right
    return equate(dot(END), -STEP * DECAY * drift * END - STEP * sp.Sum(body, (INDEX, 1, DEPTH)))


LEFT, RIGHT = (INDEX - 1) / DEPTH, (DEPTH - INDEX) / DEPTH
BY_NUMBERS = {"derive": None, "domain": None, "holds": None}
FALSE_TWINS = (
    FalseTwin("weight decay not multiplied by N", {"claim": moves_by(rule(sp.Integer(1), LEFT, RIGHT))}),
    FalseTwin("exponents turned around on one side", {"claim": moves_by(theorem_1(LEFT, LEFT))}),
    FalseTwin("both (N-j)/N, by trajectories alone", {"claim": moves_by(theorem_1(RIGHT, RIGHT)), **BY_NUMBERS}),
)

THEOREM = Theorem(
    name="end_to_end_dynamics",
    source=Source(PAPER, "Theorem 1", "with [.]^0 = I said"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("layer_conservation", "products_are_powers", "zeroth_power_is_identity"),
)
