r"""Equation 10, with equation 11 corrected: du/dw is the value that enters w times the path gradients up to w.

Assumptions
-----------
A scalar output of a finite directed acyclic graph; w sits on one edge; activations differentiable where evaluated.

Source
------
Equations (10) and (11), section 5.

Idea of the proof
-----------------
Induction from the output backwards over the nodes, in an order of evaluation. Let B_v be the sum, over the paths from
the output to node v, of tau_0 w_0 tau_1 ... w tau_v. At the output B = tau_0 = du/dz. For another node z_v acts on u
through the pre-activations of the heads of its edges, z = c + a w with a = sigma(z_v): by the chain rule du/dz_v is
tau_v <w, du/dz>. Each path to v is a path to one head, one edge longer: B_v = tau_v <w, B>. So B_v = du/dz_v
everywhere; the pre-activation behind w is w f[w] + (what does not depend on w), which gives the factor f[w].

Deviations from the paper
-------------------------
(11) counts one factor too many or too few, see `path_gradient_printed`. The number of nodes and edges is symbolic.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_equal, show_with
from odeflow.symbolic.inner_products import Dynamics, Operator, Vector, inner
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.symbolic.paths import jacobian_by_differentiation, path_vectors
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._path_algebra import (
    DIFFERENTIABLE,
    SCALAR_OUTPUT,
    UNTIED,
    difference_jacobian,
    float_pass,
    tanh_networks,
)
from theory.iclr2020_path_formula.notation import PAPER

SLOPE, VALUE, PATH_SUM, WEIGHT, LAST_TAU = sp.symbols("D_w f_w B_w w tau_last", real=True)


def slope_is(value: sp.Expr) -> Claim:
    """Return the claim du/dw = value."""
    return Claim(
        "du_i/dw is f[w](X_i) times the sum of the path gradients tau_0 w_0 tau_1 ... tau over the paths ending in w.",
        equate(SLOPE, value),
        (SCALAR_OUTPUT, UNTIED, DIFFERENTIABLE),
        {
            SLOPE: "du_i/dw",
            VALUE: "f[w](X_i), the value that enters w",
            PATH_SUM: "sum over p in pre(w) of tau_0 w_0 tau_1 w_1 ... w_{l-2} tau_{l-1}, l edges including w",
            WEIGHT: "the weight w, last edge of each of these paths",
            LAST_TAU: "tau_{l-1}, the slope at the node that w enters",
        },
    )


CLAIM = slope_is(VALUE * PATH_SUM)


def derive(claim: Claim) -> Derivation:
    """Go from the output backwards, node by node, in symbolic dimension."""
    tau, z, rest = sp.Symbol("tau_v", real=True), sp.Symbol("z_v", real=True), sp.Symbol("c", real=True)
    weights, gradients, heads = Vector.base("w"), Vector.base("p"), Operator("Q")
    downstream = Vector.base("d")
    moving = Dynamics({"z": (1, tau * weights), "d": (1, Vector())}, z)
    chain_rule = moving.derivative(inner(downstream, Vector.base("z")))
    base = infer("at the output: the only path is the empty one, B = tau_0, and du/dz = sigma'(z) = tau_0")
    chained = show_equal(
        "v acts on u through its heads' pre-activations z = c + sigma(z_v) w; with d = du/dz, du/dz_v is",
        chain_rule,
        tau * inner(downstream, weights),
        name="du/dz_v",
    )
    extended = show_equal(
        "paths to v: those to a head (Q adds them, B = Q p), times the edge's weight and tau_v",
        inner(tau * (heads.T @ weights), gradients),
        tau * inner(weights, heads @ gradients),
        name="du/dz_v",
    )
    replaced = show_equal(
        "hypothesis of the induction, du/dz = B = Q p at the heads: du/dz_v is the sum over the paths to v",
        chain_rule.xreplace({inner(downstream, weights): inner(heads @ gradients, weights)}),
        inner(tau * (heads.T @ weights), gradients),
        name="du/dz_v",
    )
    return Derivation(
        (
            assume(SCALAR_OUTPUT),
            assume(UNTIED),
            assume(DIFFERENTIABLE),
            define("B_v: sum over the paths from the output to node v of tau_0 w_0 tau_1 ... w tau_v"),
            base,
            chained,
            extended,
            replaced,
            infer("by induction du/dz_v = B_v at every node", from_=[base, chained, extended, replaced]),
            show_with(
                "the node behind w has the pre-activation w f[w] + c, where c does not depend on w",
                claim.formula,
                {SLOPE: PATH_SUM * sp.diff(WEIGHT * VALUE + rest, WEIGHT)},
            ),
        )
    )


def edge_values(found: Any, run: Any, k: int, row: int) -> dict[sp.Basic, sp.Expr]:
    """Return the symbols of the right-hand side at edge k, from the listed paths."""
    edge, i = run.network.edges[k], run.rows[row][0]
    return {
        VALUE: sp.sympify(run.values[edge.source][i], strict=True),
        PATH_SUM: (found.incidence[k, :] * found.gradients[row, :].T)[0],
        WEIGHT: sp.sympify(run.weights[k], strict=True),
        LAST_TAU: sp.sympify(run.slopes[edge.target][i], strict=True),
    }


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with difference quotients of tanh networks, weight by weight."""
    networks = (layered_network([2, 3, 1], hidden=Node.SMOOTH, output=Node.SMOOTH, bias=True),
                layered_network([1, 2, 2, 1], hidden=Node.SMOOTH))  # fmt: skip
    worst, bar, contradicted, pairs = 0.0, 0.0, False, []
    for network, X, theta in tanh_networks(seed, networks):
        run = float_pass(network, X, theta)
        found = path_vectors(run)
        slopes, error = difference_jacobian(network, X, theta)
        for k in range(len(network.edges)):
            for row in range(2):
                claimed = float(claim.formula.rhs.xreplace(edge_values(found, run, k, row)))
                gap = abs(claimed - float(slopes[row, k]))
                worst, bar = max(worst, gap), max(bar, error)
                pairs.append((claimed, float(slopes[row, k])))
                contradicted |= gap > error
    return Evidence.measured(
        claim,
        f"difference quotients depart from the sum over paths by at most {worst:.2g}",
        contradicted=contradicted,
        error_bar=f"{bar:.2g} (two step sizes)",
        cases=len(pairs),
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True), what="du/dw", title="Sums over paths give the slopes by differences"
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small networks of rational weights: identity, square and ReLU nodes, biases, parallel edges."""
    return networks_on_samples(parallel=True)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Compare slope by slope with forward differentiation, which forms no path, exactly."""
    run = case.run()
    found, J = path_vectors(run), jacobian_by_differentiation(run)
    return all(
        claim.formula.rhs.xreplace(edge_values(found, run, k, row)) == J[row, k]
        for row in range(J.rows)
        for k in range(J.cols)
    )


FALSE_TWINS = (
    FalseTwin("the weight w itself is a factor", {"claim": slope_is(VALUE * PATH_SUM * WEIGHT)}),
    FalseTwin("the value f[w] is left out", {"claim": slope_is(PATH_SUM)}),
)

THEOREM = Theorem(
    name="weight_gradient",
    source=Source(PAPER, "(10), (11)", "(11) with l - 1 weights and l slopes"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("path_gradient_printed", "path_formula"),
)
