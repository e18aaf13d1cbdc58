r"""Equations 19 to 21: H = H^S + H^W, and the strongly Gram part is the Gram matrix of the paths' contributions.

Assumptions
-----------
Those of `path_formula`.

Source
------
Equations (19), (20), (21) and Remark 6.8.

Idea of the proof
-----------------
g_i = F p_i lists, for every path p, PG_p(X_i) f[e](X_i), where e is the edge that p ends in. Multiplying by the value
that enters an edge before or after its paths are added is the same: F_i E p_i = E g_i. So H_ij = <E g_i, E g_j> is the
sum over pairs of paths with the same last edge; the pairs p = p' give <g_i, g_j>, a Gram matrix, which is PSD for every
number q of paths.

Deviations from the paper
-------------------------
q counts all paths that start at the output, q = sum_w |pre(w)|, not those from output to input. H^W is not a Gram
matrix in general, see `weakly_gram_printed`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.strategies import NetworkOnSamples, networks_on_samples
from odeflow.symbolic.decisions import decide_positive_semidefinite
from odeflow.symbolic.derivations import Derivation, by, define, equate, show_equal, show_with
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.symbolic.path_networks import Node, layered_network
from odeflow.symbolic.paths import gram_split, kernel_by_differentiation, path_vectors
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import path_formula
from theory.iclr2020_path_formula._path_algebra import (
    CONTRIBUTIONS_I,
    CONTRIBUTIONS_J,
    DIFFERENTIABLE,
    H_ENTRY,
    SCALAR_OUTPUT,
    STRONG_ENTRY,
    SUM_PATHS,
    UNTIED,
    WEAK_ENTRY,
    WHERE,
    difference_kernel,
    evaluated,
    float_pass,
    tanh_networks,
)
from theory.iclr2020_path_formula.notation import PAPER

SUMMED = inner(SUM_PATHS @ CONTRIBUTIONS_I, SUM_PATHS @ CONTRIBUTIONS_J)
STRONG = inner(CONTRIBUTIONS_I, CONTRIBUTIONS_J)


def splits_into(total: sp.Expr, strong: sp.Expr, weak: sp.Expr) -> Claim:
    """Return the claim H_ij = total, H^S_ij = strong, H^W_ij = weak."""
    return Claim(
        "H = H^S + H^W: H^S_ij = <g_i, g_j> over all paths, H^W_ij over pairs of different paths of one weight.",
        sp.And(equate(H_ENTRY, total), equate(STRONG_ENTRY, strong), equate(WEAK_ENTRY, weak), evaluate=False),
        (SCALAR_OUTPUT, UNTIED, DIFFERENTIABLE),
        {**WHERE, STRONG_ENTRY: "products of a path with itself", WEAK_ENTRY: "products of two different paths"},
    )


CLAIM = splits_into(STRONG_ENTRY + WEAK_ENTRY, STRONG, SUMMED - STRONG)


def derive(claim: Claim) -> Derivation:
    """Move the values behind the sum over paths, then take the diagonal pairs out of E' E."""
    entering, direction, samples = Operator("F_i", symmetric=True), Vector.base("v"), Operator("G")
    columns = Operator("D_i", symmetric=True)
    definitions = {H_ENTRY: SUMMED, STRONG_ENTRY: STRONG, WEAK_ENTRY: SUMMED - STRONG}
    used = path_formula.CLAIM
    return Derivation(
        (
            by("path_formula: H_ij = <F_i E p_i, F_j E p_j>", path_formula.derive(used), used.formula),
            define(
                f"{entering} E = E {columns}: each path takes the value of the edge it ends in; g_i = {columns} p_i, "
                "so H_ij = <E g_i, E g_j>"
            ),
            define("(E' E)_pq = 1 if the paths p and q end in the same edge, in particular for p = q, else 0"),
            show_equal(
                "over samples: <v, H^S v> = |G' v|^2 with the rows g_i of G, so H^S is PSD for every q and N",
                inner(direction, samples @ (samples.T @ direction)),
                norm2(samples.T @ direction),
                name="<v, H^S v>",
            ),
            show_with("the pairs p = q, and the others", claim.formula, definitions),
        )
    )


def claimed(claim: Claim) -> dict[sp.Basic, sp.Expr]:
    """Return what the claim says of each entry."""
    return {part.lhs: part.rhs for part in claim.formula.args}


def simulate(claim: Claim, seed: int) -> Evidence:
    """Add the two claimed parts on tanh networks and compare with H by difference quotients."""
    worst, bar, contradicted, pairs = 0.0, 0.0, False, []
    shapes = (layered_network([2, 3, 2, 1], hidden=Node.SMOOTH), layered_network([1, 2, 2, 1], hidden=Node.SMOOTH))
    for network, X, theta in tanh_networks(seed, shapes):
        run = float_pass(network, X, theta)
        found, said = path_vectors(run), claimed(claim)
        H, error = difference_kernel(network, X, theta)
        for i, j in ((0, 0), (1, 0), (1, 1)):
            parts = [float(evaluated(said[name], found, run, i, j)) for name in (STRONG_ENTRY, WEAK_ENTRY)]
            pairs.append((sum(parts), float(H[i, j])))
            gap = abs(sum(parts) - float(H[i, j]))
            worst, bar, contradicted = max(worst, gap), max(bar, error), contradicted or gap > error
    return Evidence.measured(
        claim,
        f"the two parts add up to H by differences within {worst:.2g}",
        contradicted=contradicted,
        error_bar=f"{bar:.2g} (two step sizes)",
        cases=6,
        seed=seed,
        picture=against_claim(*zip(*pairs, strict=True), what="H_ij", title="The two parts add up to H by differences"),
    )


def domain() -> st.SearchStrategy[Any]:
    """Small networks in rationals, with parallel edges."""
    return networks_on_samples(parallel=True, max_samples=2)


def holds(claim: Claim, case: NetworkOnSamples) -> bool:
    """Compare with the split by dynamic programming, which lists no path, and with H by differentiation."""
    run = case.run()
    found, split, H, said = path_vectors(run), gram_split(run), kernel_by_differentiation(run), claimed(claim)
    if not decide_positive_semidefinite(split.strong).holds:
        return False
    for i in range(len(run.rows)):
        for j in range(i + 1):
            value = {
                STRONG_ENTRY: evaluated(said[STRONG_ENTRY], found, run, i, j),
                WEAK_ENTRY: evaluated(said[WEAK_ENTRY], found, run, i, j),
            }
            total = said[H_ENTRY].xreplace(value)
            if (value[STRONG_ENTRY], value[WEAK_ENTRY], total) != (split.strong[i, j], split.weak[i, j], H[i, j]):
                return False
    return True


WRONG = splits_into(STRONG_ENTRY + WEAK_ENTRY, STRONG, SUMMED)
FALSE_TWINS = (
    FalseTwin("H^W keeps the pairs p = q", {"claim": WRONG}),
    FalseTwin("H^W keeps the pairs p = q, seen by networks alone", {"claim": WRONG, "derive": None}),
    FalseTwin("weights may be tied", {"derive": None, "domain": lambda: networks_on_samples(tied=True, max_samples=1)}),
)

THEOREM = Theorem(
    name="gram_split",
    source=Source(PAPER, "(19), (20), (21), Remark 6.8", "q counts every path that starts at the output"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("weakly_gram_printed", "gram_split_bounds", "path_formula"),
)
