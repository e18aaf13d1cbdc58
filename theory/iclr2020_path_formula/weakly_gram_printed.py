r""" "Weakly Gram", taken literally: H^W is a Gram matrix, so <v, H^W v> >= 0. Refuted by two paths of opposite sign.

Assumptions
-----------
Those of `gram_split`.

Source
------
Section 6.3, the name of the second group in (20).

Idea of the refutation
----------------------
u = (a_1 c_1 + a_2 c_2) w x with a_1 c_1 = 1, a_2 c_2 = -1. Only w has two paths; their contributions are x and -x, so
H^W = -2 x^2 < 0. A Gram matrix is positive semidefinite.

Deviations from the paper
-------------------------
The paper only names H^W so and does not say that it is a Gram matrix; the name suggests it. What is true is
-H^S <= H^W <= (K - 1) H^S, `gram_split_bounds`.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, define, show_equal, show_value, show_violated
from odeflow.symbolic.path_networks import Edge, Network, Node, layered_network
from odeflow.symbolic.paths import gram_split, path_vectors, propagate
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import gram_split_bounds
from theory.iclr2020_path_formula.gram_split_bounds import LARGEST, STRONG_FORM, WEAK_FORM, between
from theory.iclr2020_path_formula.notation import PAPER


def at_least(lower: sp.Expr) -> Claim:
    """Return the claim that the quadratic form of H^W is at least `lower`."""
    return Claim(
        "The weakly Gram part is a Gram matrix, so positive semidefinite.",
        sp.Ge(WEAK_FORM, lower, evaluate=False),
        between(WEAK_FORM).assumptions,
        between(WEAK_FORM).where,
    )


CLAIM = at_least(sp.Integer(0))


def opposite_paths() -> tuple[Network, dict[sp.Symbol, int]]:
    """Return u = (a_1 c_1 + a_2 c_2) w x and its weights."""
    w, a1, a2, c1, c2 = sp.symbols("w a_1 a_2 c_1 c_2", real=True)
    nodes = (Node.INPUT, *(Node.IDENTITY,) * 4)
    edges = (Edge(0, 1, w), Edge(1, 2, c1), Edge(1, 3, c2), Edge(2, 4, a1), Edge(3, 4, a2))
    return Network(nodes, edges), {w: 1, a1: 1, a2: -1, c1: 1, c2: 1}


def counterexample(claim: Claim) -> Derivation:
    """Five edges, one sample x = 1, v = 1."""
    network, weights = opposite_paths()
    run = propagate(network, [[1]], weights)
    found, split, counts = path_vectors(run), gram_split(run), network.counts()
    column = network.edges.index(network.edges[0])
    ends = [found.contributions[0, k] for k, path in enumerate(found.paths) if path[-1] == column]
    instance = {WEAK_FORM: split.weak[0], STRONG_FORM: split.strong[0], LARGEST: sp.Integer(counts.largest)}
    return Derivation(
        (
            define("u = (a_1 c_1 + a_2 c_2) w x with a_1 = c_1 = c_2 = w = x = 1, a_2 = -1"),
            show_equal("two paths end in w", sp.Integer(len(ends)), sp.Integer(2), name="number of paths"),
            show_equal(
                "their contributions cancel", ends[0] + ends[1], sp.Integer(0), name="sum of their contributions"
            ),
            show_value("H^W", split.weak[0], 2 * ends[0] * ends[1]),
            show_violated("at v = 1", claim.formula, instance),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Draw linear networks u = (sum_r a_r c_r) w x and count those with a form of H^W below the bound, exactly."""
    rng = np.random.default_rng(seed)
    below, forms, draws = 0, [], 60
    network = layered_network([1, 1, 2, 1])
    for _ in range(draws):
        weights = {w: int(k) for w, k in zip(network.parameters, rng.integers(-3, 4, 9), strict=False)}
        split = gram_split(propagate(network, [[1]], weights))
        values = {WEAK_FORM: split.weak[0], STRONG_FORM: split.strong[0], LARGEST: sp.Integer(2)}
        below += not bool(claim.formula.xreplace(values))
        forms.append(split.weak[0] / split.strong[0] if split.strong[0] else sp.Integer(0))
    lowest = min(forms)
    return Evidence.measured(
        claim,
        f"{below} of {draws} random linear networks are below the bound; lowest <v, H^W v>/<v, H^S v> {lowest}",
        contradicted=below > 0,
        error_bar="none (integers)",
        cases=draws,
        seed=seed,
        picture=by_case(
            forms,
            0.0,
            title="H^W has negative forms: it is no Gram matrix",
            ylabel="<v, H^W v> / <v, H^S v>",
            limit_label="least value of a Gram matrix",
        ),
    )


FALSE_TWINS = (
    FalseTwin("at least -H^S/4", {"claim": at_least(-STRONG_FORM / 4)}),
    FalseTwin("at least 0, found by search alone", {"counterexample": None}),
)

THEOREM = Theorem(
    name="weakly_gram_printed",
    source=Source(PAPER, "(20), weakly Gram", "as the name says; corrected in gram_split_bounds"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=gram_split_bounds.CLAIM,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("gram_split_bounds", "gram_split"),
)
