r"""Theorem 5.1: H_ij is a sum over weights of products of path sums; for every finite graph with untied weights.

Assumptions
-----------
Scalar output, a finite directed acyclic graph, every trained weight on exactly one edge, activations differentiable
where evaluated (ReLU: no pre-activation 0, or one fixed slope there). Batch normalisation couples samples: not covered.

Source
------
Theorem 5.1, (12), with the corrected (11).

Idea of the proof
-----------------
Equation (10), `weight_gradient`: the row of du_i/dw over all weights is F_i E p_i, where p_i lists the path gradients,
E adds those that end in the same edge and F_i multiplies by f[w](X_i). H_ij is the inner product of two such rows.

Deviations from the paper
-------------------------
(12) is written with vectors: sum_w f[w](X_i) f[w](X_j) (sum_p PG_p(w, X_i)) (sum_p PG_p(w, X_j)) is
<F_i E p_i, F_j E p_j>. Untied weights are assumed; without that the statement is false, see `path_formula_tied`. With
several outputs H is a block matrix of (sample, output) pairs, with the same formula; the property covers two outputs.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.derivations import Derivation, assume, by, define, equate, show_with
from odeflow.symbolic.inner_products import inner
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import weight_gradient
from theory.iclr2020_path_formula._path_algebra import (
    DIFFERENTIABLE,
    H_ENTRY,
    PATHS_I,
    PATHS_J,
    SCALAR_OUTPUT,
    SUM_PATHS,
    UNTIED,
    VALUES_I,
    VALUES_J,
    WHERE,
    entries_evidence,
    entries_hold,
)
from theory.iclr2020_path_formula.notation import PAPER

ROW_I, ROW_J = VALUES_I @ (SUM_PATHS @ PATHS_I), VALUES_J @ (SUM_PATHS @ PATHS_J)


def entry_is(value: sp.Expr) -> Claim:
    """Return the claim H_ij = value."""
    return Claim(
        "H_ij = sum_w f[w](X_i) f[w](X_j) (sum_p PG_p(w, X_i)) (sum_p PG_p(w, X_j)).",
        equate(H_ENTRY, value),
        (SCALAR_OUTPUT, UNTIED, DIFFERENTIABLE),
        WHERE,
    )


CLAIM = entry_is(inner(ROW_I, ROW_J))


def derive(claim: Claim) -> Derivation:
    """Put equation (10) into H_ij = sum_w du_i/dw du_j/dw."""
    slopes = by("weight_gradient", weight_gradient.derive(weight_gradient.CLAIM), weight_gradient.CLAIM.formula)
    return Derivation(
        (
            assume(UNTIED),
            slopes,
            define("for all weights together: du_i/dw = F_i E p_i", equate(sp.Symbol("J_i"), ROW_I.as_expr())),
            define("H_ij = sum_w du_i/dw du_j/dw (equation 4)"),
            show_with("the inner product of the two rows", claim.formula, {H_ENTRY: inner(ROW_I, ROW_J)}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the sum over listed paths against difference quotients of two tanh networks."""
    shapes = ([2, 3, 1], [1, 2, 2, 1])
    return entries_evidence(claim, seed, tuple(layered_network(s, hidden=Node.SMOOTH, bias=True) for s in shapes))


def domain() -> st.SearchStrategy[Any]:
    """Small networks in rationals: identity, square and ReLU nodes, one or two outputs, parallel edges."""
    return networks_on_samples(parallel=True, max_outputs=2, max_samples=2)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Compare every entry with H by differentiation, in rationals."""
    return entries_hold(claim, case)


WITHOUT_VALUE = entry_is(inner(ROW_I, SUM_PATHS @ PATHS_J))
FALSE_TWINS = (
    FalseTwin("f[w](X_j) is left out", {"claim": WITHOUT_VALUE}),
    FalseTwin("f[w](X_j) is left out, seen by networks alone", {"claim": WITHOUT_VALUE, "derive": None}),
    FalseTwin("one half, by differences alone",
              {"claim": entry_is(inner(ROW_I, ROW_J) / 2), "derive": None, "domain": None, "holds": None}),
    FalseTwin("weights may be tied",
              {"derive": None, "domain": lambda: networks_on_samples(tied=True, max_samples=1)}),
)  # fmt: skip

THEOREM = Theorem(
    name="path_formula",
    source=Source(PAPER, "Theorem 5.1, (12)", "for untied weights, with the corrected (11)"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("path_formula_tied_printed", "path_formula_tied", "weight_gradient", "gram_split"),
)
