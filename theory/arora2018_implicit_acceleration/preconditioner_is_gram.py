r"""The preconditioner is J J^T, J the derivative of W_e in the layers: positive semidefinite without balance.

Assumptions
-----------
Any layers, balanced or not; any N, any widths.

Source
------
Beside Arora, Cohen and Hazan (2018), equations (8) and (11): what is left of them without (7).

Idea of the proof
-----------------
W_e' = -eta P(G) with P(G) = sum_j U_j U_j^T G V_j^T V_j, for any layers. Turning the trace around,
<G, P(G)> = sum_j |U_j^T G V_j^T|^2 = sum_j |G_j|^2, and <E, P(G)> = <P(E), G>.

Deviations from the paper
-------------------------
New. Balance is needed only to write P in terms of W_e alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.deep_linear import (
    ABOVE,
    BELOW,
    DEPTH,
    GRADIENT,
    INDEX,
    gradient_steps,
    layer_gradient,
    summand_step,
)
from odeflow.symbolic.deep_linear_instances import layered_rate, products_around
from odeflow.symbolic.deep_linear_words import Letter, evaluate, show_traces, transpose
from odeflow.symbolic.derivations import Derivation, assume, equate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration._dynamics_cases import (
    distance,
    product,
    rational_layers,
    rational_matrices,
    unbalanced_layers,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

TRACE = sp.Function("tr")
SUMMAND = ABOVE * ABOVE.T * GRADIENT * BELOW.T * BELOW
OTHER = Letter("E", "k", "d")


def energy_is(square: sp.Expr) -> Claim:
    """Return the claim that <G, P(G)> is the sum over layers of tr(`square`)."""
    return Claim(
        "For any layers <G, P(G)> = sum_j |G_j|^2: the preconditioner is a Gram matrix, balanced or not.",
        equate(
            sp.Sum(TRACE(GRADIENT.T * SUMMAND), (INDEX, 1, DEPTH)), sp.Sum(TRACE(square), (INDEX, 1, DEPTH))
        ),
        (),
        {GRADIENT: "dL/dW at W_e", ABOVE: "W_N ... W_{j+1}", BELOW: "W_{j-1} ... W_1"},
    )  # fmt: skip


OWN = layer_gradient(ABOVE, BELOW)
CLAIM = energy_is(transpose(OWN) * OWN)


def derive(claim: Claim) -> Derivation:
    """Turn the traces around, summand by summand."""
    left, right = (side.function.args[0] for side in (claim.formula.lhs, claim.formula.rhs))
    return Derivation(
        (
            assume("any layers"),
            *gradient_steps(),
            summand_step(),
            show_traces(
                "P is symmetric: <E, P(G)> = <P(E), G>",
                OTHER.T * SUMMAND,
                transpose(SUMMAND.xreplace({GRADIENT: OTHER})) * GRADIENT,
            ),
            show_traces("and a sum of squares, summand by summand", left, right, claim.formula),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Build J of three unbalanced networks column by column; P = J J^T on vec(G), its eigenvalues, and the claim."""
    rng = np.random.default_rng(seed)
    worst, lowest, count, said, seen = 0.0, np.inf, 0, list[float](), list[float]()
    for widths in ((2, 2, 2), (2, 3, 1, 2), (3, 2, 4, 2, 3)):
        layers, G = unbalanced_layers(widths, 1.0, rng), rng.standard_normal((widths[-1], widths[0]))
        columns = []
        for j, W in enumerate(layers):
            for at in np.ndindex(W.shape):
                direction = np.zeros_like(W)
                direction[at] = 1.0
                columns.append(product((*layers[:j], direction, *layers[j + 1 :])).ravel())
        J = np.array(columns).T
        lowest = min(lowest, float(np.linalg.eigvalsh(J @ J.T)[0]))
        true = float(G.ravel() @ J @ J.T @ G.ravel())
        claimed = sum(
            _summand(claim, product(layers[j + 1 :]) if j + 1 < len(layers) else np.eye(widths[-1]),
                     product(layers[:j]) if j else np.eye(widths[0]), G)
            for j in range(len(layers))
        )  # fmt: skip
        said.append(float(claimed))
        seen.append(true)
        worst, count = max(worst, distance(np.array(true), np.array(claimed))), count + 1
    return Evidence.measured(
        claim,
        f"<G, J J^T G> and the claim differ by {worst:.2g} of it; smallest eigenvalue of J J^T {lowest:.2g}",
        contradicted=worst > 1e-11,
        error_bar="1e-11 (rounding)",
        cases=count,
        seed=seed,
        picture=against_claim(said, seen, what="<G, J J^T G>", title="J J^T is the claimed preconditioner"),
    )


def _summand(claim: Claim, above: np.ndarray, below: np.ndarray, gradient: np.ndarray) -> float:
    word = claim.formula.rhs.function.args[0]
    return float(np.trace(evaluate(word, {ABOVE: above, BELOW: below, GRADIENT: gradient}, np.eye)))


def domain() -> st.SearchStrategy[Any]:
    """Rational layers, in general not balanced, and a rational gradient."""
    return rational_layers().flatmap(
        lambda layers: st.tuples(st.just(layers), rational_matrices(layers[-1].rows, layers[0].cols))
    )


def holds(claim: Claim, case: Any) -> bool:
    """Compare -<G, W_e'> of the layers with the claimed sum, in rational numbers."""
    layers, gradient = case
    word, total = claim.formula.rhs.function.args[0], sp.Integer(0)
    for j in range(len(layers)):
        above, below = products_around(layers, j)
        total += evaluate(word, {ABOVE: above, BELOW: below, GRADIENT: gradient}, sp.eye).trace()
    return bool(total == -(gradient.T * layered_rate(layers, gradient, sp.Integer(1), sp.Integer(0))).trace())


FALSE_TWINS = (
    FalseTwin("twice the squares", {"claim": energy_is(2 * transpose(OWN) * OWN)}),
    FalseTwin("without the layers below", {"claim": energy_is(GRADIENT.T * ABOVE * ABOVE.T * GRADIENT)}),
)

THEOREM = Theorem(
    name="preconditioner_is_gram",
    source=Source(PAPER, "(8), (11)", "what holds without (7)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("end_to_end_dynamics", "hessian_at_minimum"),
)
