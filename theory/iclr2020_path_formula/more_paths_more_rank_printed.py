r"""Remark 6.10, second half: more paths make H^S of full rank more likely. Refuted by linear networks of one input.

Assumptions
-----------
Those of section 6.3: any feed-forward network, weights in general position.

Source
------
Remark 6.10: "The bigger q is, the more likely they are linearly independent and make the matrix full rank".

Idea of the refutation
----------------------
u = sum_l v_l w_l x, two samples. With the weights as symbols det H^S vanishes identically: rank H^S <= 1 for every
choice of the weights, although q = 2m >= N = 2 and m is as large as one likes. The chance of full rank is 0 for all q.

Deviations from the paper
-------------------------
"More likely" is read as: with q >= N paths H^S has rank N for weights in general position. Corrected in
`linear_network_rank` and `paths_at_least_samples`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, show_equal, show_violated
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import linear_network_rank
from theory.iclr2020_path_formula.linear_network_rank import INPUTS, SAMPLES
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.paths_at_least_samples import PATHS, STRONG_RANK


def full_rank_when(premise: sp.Basic) -> Claim:
    """Return the claim that H^S has full rank under a premise on the number of paths."""
    return Claim(
        "With enough paths H^S has full rank, for weights in general position.",
        sp.Implies(premise, sp.Ge(STRONG_RANK, SAMPLES, evaluate=False), evaluate=False),
        ("a feed-forward network, weights in general position",),
        linear_network_rank.CLAIM.where,
    )


CLAIM = full_rank_when(sp.Ge(PATHS, SAMPLES, evaluate=False))
HIDDEN = 4


def counterexample(claim: Claim) -> Derivation:
    """One input, two samples, four linear neurons, the weights as symbols."""
    network = layered_network([1, HIDDEN, 1])
    w, v = network.parameters[:HIDDEN], network.parameters[HIDDEN:]
    strong = gram_split(propagate(network, [[1], [2]])).strong
    sum_of_squares = sum((a**2 for a in (*w, *v)), sp.Integer(0))
    counts = network.counts()
    instance = {
        PATHS: sp.Integer(counts.paths),
        SAMPLES: sp.Integer(2),
        STRONG_RANK: sp.Integer(1),
        INPUTS: sp.Integer(1),
    }
    return Derivation(
        (
            define("u = sum_l v_l w_l x with four neurons, at x = 1 and x = 2"),
            show_equal("det H^S, for all weights", strong.det(), sp.Integer(0)),
            show_equal("H^S is not 0: its rank is 1", strong[0, 0], sum_of_squares),
            show_equal("number of paths", sp.Integer(counts.paths), sp.Integer(2 * HIDDEN)),
            show_violated("q = 8, N = 2, rank 1", claim.formula, instance),
        )
    )


FALSE_TWINS = (
    FalseTwin(
        "four times as many paths as samples", {"claim": full_rank_when(sp.Ge(PATHS, 4 * SAMPLES, evaluate=False))}
    ),
)

THEOREM = Theorem(
    name="more_paths_more_rank_printed",
    source=Source(PAPER, "Remark 6.10", "the bigger q ...; corrected in linear_network_rank"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=linear_network_rank.CLAIM,
    twins=FALSE_TWINS,
    related=("linear_network_rank", "paths_at_least_samples"),
)
