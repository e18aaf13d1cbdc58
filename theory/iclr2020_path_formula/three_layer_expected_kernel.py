r"""E[H] of three layers: 3 m_1 m_2 s^4 X X^T for linear nodes; a quarter of it on the diagonal for ReLU.

Assumptions
-----------
u = v W_2' ... three layers, hidden widths m_1, m_2, one output, independent N(0, s^2) weights, no biases.

Source
------
Corrects Appendix C, which expects linear growth in the width from the strongly Gram part.

Idea of the proof
-----------------
E<A a, A b> = (rows of A) s^2 <a, b>. Linear: du/dv = W_2 W_1 x, du/dW_2 = v (W_1 x)^T, du/dW_1 = (W_2^T v) x^T; each of
the three inner products has the mean m_1 m_2 s^4 <x_i, x_j>. ReLU, i = j: E relu(g)^2 = s^2/2 for g ~ N(0, s^2), and a
gate is open with probability 1/2 independently of the squares of its weights (they stay when its row changes sign):
each of the two layers gives a factor 1/2.

Deviations from the paper
-------------------------
All of it comes from the strongly Gram part, since E[H^W] = 0 (`weak_part_mean_three_layers`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, define, equate, infer, show_equal, show_with
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import kernel_by_sweep, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._gaussian import drawn_parts, gaussian_mean, linear, relu
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.weak_part_mean_linear import SIGMAS

LINEAR_MEAN, RELU_MEAN = sp.symbols("E[H_ij] E[H_ii]_relu", real=True)
FIRST, SECOND = sp.symbols("m_1 m_2", positive=True, integer=True)
SCALE = sp.Symbol("s", positive=True)
PRODUCT, SQUARE = sp.Symbol("<x_i, x_j>", real=True), sp.Symbol("|x_i|^2", nonnegative=True)


def means_are(of_linear: sp.Expr, of_relu: sp.Expr) -> Claim:
    """Return the claim E[H_ij] = of_linear (linear), E[H_ii] = of_relu (ReLU)."""
    return Claim(
        "Three layers of N(0, s^2) weights: E[H] = 3 m_1 m_2 s^4 X X^T (linear), 1/4 of it on the diagonal (ReLU).",
        sp.And(equate(LINEAR_MEAN, of_linear), equate(RELU_MEAN, of_relu), evaluate=False),
        ("fully connected, one linear output, no biases", "independent N(0, s^2) weights"),
        {
            LINEAR_MEAN: "mean of H_ij, linear nodes", RELU_MEAN: "mean of H_ii, ReLU nodes",
            FIRST: "first hidden width", SECOND: "second hidden width", SCALE: "standard deviation of the weights",
            PRODUCT: "inner product of two inputs", SQUARE: "squared norm of an input",
        },
    )  # fmt: skip


WHOLE = 3 * FIRST * SECOND * SCALE**4
CLAIM = means_are(WHOLE * PRODUCT, WHOLE * SQUARE / 4)


def derive(claim: Claim) -> Derivation:
    """Integrate one layer after the other."""
    g, (a, b) = sp.Symbol("g", real=True), sp.symbols("a_1 a_2", real=True)
    p, q = sp.symbols("p_1:3", real=True), sp.symbols("q_1:3", real=True)
    row = gaussian_mean((a * p[0] + b * p[1]) * (a * q[0] + b * q[1]), (a, b), SCALE**2)
    density = sp.exp(-(g**2) / (2 * SCALE**2)) / (SCALE * sp.sqrt(2 * sp.pi))
    half = sp.integrate(g**2 * density, (g, 0, sp.oo))
    open_ = sp.integrate(density, (g, 0, sp.oo))
    passed = {"v": (FIRST * SCALE**2) * (SECOND * SCALE**2), "W_2": (SECOND * SCALE**2) * (FIRST * SCALE**2),
              "W_1": (SECOND * SCALE**2) * (FIRST * SCALE**2)}  # fmt: skip
    total = sp.Add(*passed.values())
    ratio = sp.cancel(half / SCALE**2)
    steps = (
        show_equal("a Gaussian row a: E<a, p><a, q> = s^2 <p, q>", row, SCALE**2 * (p[0] * q[0] + p[1] * q[1])),
        infer("m rows: E<A p, A q> = m s^2 <p, q>"),
        define("du/dv = W_2 W_1 x; du/dW_2 = v (W_1 x)^T; du/dW_1 = (W_2^T v) x^T"),
        define("means: m_1 s^2 m_2 s^2; m_2 s^2 m_1 s^2; m_2 s^2 m_1 s^2 (of |W_2^T v|^2), times <x_i, x_j>"),
        show_equal("ReLU: E relu(g)^2", half, SCALE**2 / 2, name="E relu(g)^2"),
        show_equal("P(gate open); given a row's squares its sign is free", open_, sp.Rational(1, 2),
                   name="P(gate open)"),
        infer("so every mean keeps a factor 1/2 for each of the two hidden layers (i = j)"),
    )  # fmt: skip
    values = {LINEAR_MEAN: total * PRODUCT, RELU_MEAN: ratio * open_ * total * SQUARE}
    return Derivation((*steps, show_with("the sum of the three layers", claim.formula, values)))


def claimed(claim: Claim, name: sp.Symbol) -> sp.Expr:
    """Return what the claim says of one of the two means."""
    return next(part.rhs for part in claim.formula.args if part.lhs == name)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average the trace of H of linear and ReLU networks over Gaussian weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2, 3))
    square, worst, bar, found = float(np.sum(X**2)), 0.0, 0.0, []
    for name, activation in ((LINEAR_MEAN, linear), (RELU_MEAN, relu)):
        for widths in ((4, 4), (4, 12), (12, 12)):
            total, _ = drawn_parts(X, widths, activation, scale=0.5, draws=1500, seed=rng)
            traces = np.trace(total, axis1=1, axis2=2)
            at = {FIRST: widths[0], SECOND: widths[1], SCALE: 0.5, PRODUCT: square, SQUARE: square}
            expected = float(claimed(claim, name).xreplace({k: sp.Float(v) for k, v in at.items()}))
            error = float(traces.std(ddof=1) / np.sqrt(traces.size))
            worst, bar = max(worst, abs(float(traces.mean()) - expected) / error), max(bar, error / expected)
            found.append((expected, float(traces.mean()), error))
    claimed_traces, means, errors = np.array(found).T
    said = means / claimed_traces
    return Evidence.measured(
        claim,
        f"traces / claimed traces {min(said):.3f} to {max(said):.3f}; worst {worst:.1f} standard errors",
        contradicted=worst > SIGMAS,
        error_bar=f"{bar:.2g} (largest relative standard error)",
        cases=9000,
        seed=seed,
        picture=against_claim(
            claimed_traces,
            means,
            what="E[trace H]",
            title="Mean traces are the claimed ones",
            log=True,
            interval=(means - errors, means + errors),
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Hidden widths."""
    return st.tuples(st.integers(1, 3), st.integers(1, 3))


def holds(claim: Claim, case: Any) -> bool:
    """Integrate the exact kernel of a small linear network over its Gaussian weights."""
    network = layered_network([1, *case, 1])
    H = kernel_by_sweep(propagate(network, [[2], [-3]]))
    at = {FIRST: sp.Integer(case[0]), SECOND: sp.Integer(case[1])}
    own = claimed(claim, LINEAR_MEAN).xreplace(at | {PRODUCT: sp.Integer(-6)})
    return bool(sp.expand(gaussian_mean(H[0, 1], network.parameters, SCALE**2) - own) == 0)


FALSE_TWINS = (
    FalseTwin("linear in the width", {"claim": means_are(3 * FIRST * SCALE**4 * PRODUCT, WHOLE * SQUARE / 4)}),
    FalseTwin("ReLU keeps one half", {"claim": means_are(WHOLE * PRODUCT, WHOLE * SQUARE / 2)}),
)  # fmt: skip

THEOREM = Theorem(
    name="three_layer_expected_kernel",
    source=Source(PAPER, "Appendix C, growth with the width", "exact constants"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("quadratic_growth_printed", "weak_part_mean_three_layers", "weak_part_size"),
)
