r"""Theorem 5.1 for tied weights: add the edges that carry a parameter before two samples are multiplied.

Assumptions
-----------
Scalar output of a finite directed acyclic graph; a parameter may sit on any number of edges; differentiability.

Source
------
Corrects Theorem 5.1, (12); needed for convolutional and recurrent networks.

Idea of the proof
-----------------
Untie: give each edge its own weight. Moving the parameters by h moves the edges by T' h, and u by <J, T' h> = <T J, h>,
where J is the row of `path_formula`. So the gradient in the parameters is T J = T F_i E p_i.

Deviations from the paper
-------------------------
The paper does not treat tied weights.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.derivations import Derivation, assume, by, define, show_equal, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.symbolic.path_networks import Edge, Network, Node, layered_network
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import path_formula
from theory.iclr2020_path_formula._path_algebra import (
    DIFFERENTIABLE,
    H_ENTRY,
    SCALAR_OUTPUT,
    SUM_EDGES,
    WHERE,
    entries_evidence,
    entries_hold,
)
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.path_formula import ROW_I, ROW_J

TIED_I, TIED_J = SUM_EDGES @ ROW_I, SUM_EDGES @ ROW_J


def tied_entry(value: sp.Expr) -> Claim:
    """Return the claim H_ij = value for networks whose weights may be tied."""
    return Claim(
        "With tied weights H_ij is the sum over parameters of (sum over its edges and paths)(the same for j).",
        path_formula.entry_is(value).formula,
        (SCALAR_OUTPUT, DIFFERENTIABLE),
        WHERE,
    )


CLAIM = tied_entry(inner(TIED_I, TIED_J))


def derive(claim: Claim) -> Derivation:
    """Untie the weights, use the theorem for each edge, tie them again by the chain rule."""
    direction, untied = Vector.base("h"), path_formula.CLAIM
    return Derivation(
        (
            assume("parameter values theta; each edge carries one: the edges' weights are T' theta"),
            by("path_formula, edges as weights of their own", path_formula.derive(untied), untied.formula),
            define("so the gradient in the edges is F_i E p_i"),
            show_equal(
                "moving theta by h moves u by <F_i E p_i, T' h>: the gradient in theta is T F_i E p_i",
                inner(ROW_I, SUM_EDGES.T @ direction),
                inner(TIED_I, direction), name="movement of u",
            ),
            show_with("the inner product of two such gradients", claim.formula, {H_ENTRY: inner(TIED_I, TIED_J)}),
        )
    )  # fmt: skip


def recurrent() -> Network:
    """Return a network that applies the same two weights in three steps, and reads out with a third."""
    u, w, v = sp.symbols("u w v", real=True)
    nodes = (Node.INPUT, Node.INPUT, Node.INPUT, Node.SMOOTH, Node.SMOOTH, Node.SMOOTH, Node.IDENTITY)
    edges = (Edge(0, 3, u), Edge(1, 4, u), Edge(2, 5, u), Edge(3, 4, w), Edge(4, 5, w), Edge(5, 6, v))
    return Network(nodes, edges)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Hold the formula against difference quotients of a recurrent tanh network and of an untied one."""
    return entries_evidence(claim, seed, (recurrent(), layered_network([1, 2, 1], hidden=Node.SMOOTH)))


def domain() -> st.SearchStrategy[Any]:
    """Small networks in rationals whose edges share weights."""
    return networks_on_samples(tied=True, parallel=True, max_outputs=2, max_samples=2)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Compare every entry with H by differentiation, in rationals."""
    return entries_hold(claim, case)


BY_EDGE = tied_entry(inner(ROW_I, ROW_J))
FALSE_TWINS = (
    FalseTwin("one summand for each edge", {"claim": BY_EDGE}),
    FalseTwin("one summand for each edge, seen by differences alone",
              {"claim": BY_EDGE, "derive": None, "domain": None, "holds": None}),
)  # fmt: skip

THEOREM = Theorem(
    name="path_formula_tied",
    source=Source(PAPER, "Theorem 5.1, (12)", "for tied weights: a sum over parameters"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("path_formula_tied_printed", "path_formula"),
)
