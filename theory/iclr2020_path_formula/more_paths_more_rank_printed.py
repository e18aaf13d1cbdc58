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
choice of the weights, with q = 2 paths as with q = 8. The chance of full rank is 0 both times, not larger with more.

Deviations from the paper
-------------------------
The remark is a heuristic; "the more likely" is read as: with more paths the chance of full rank is larger. Where the
network can reach full rank it may be so. Corrected in `linear_network_rank` and `paths_at_least_samples`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, Step, define, infer, show_equal, show_violated
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import linear_network_rank
from theory.iclr2020_path_formula.linear_network_rank import INPUTS, SAMPLES
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.paths_at_least_samples import PATHS, STRONG_RANK

MORE = sp.Symbol("q'", nonnegative=True, integer=True)
CHANCE, CHANCE_MORE = sp.symbols("P_q P_q'", nonnegative=True)


def more_likely_when(premise: sp.Basic) -> Claim:
    """Return the claim that the chance of full rank is larger under a premise on the numbers of paths q and q'."""
    return Claim(
        "The more paths, the more likely H^S has full rank.",
        sp.Implies(premise, sp.Gt(CHANCE_MORE, CHANCE, evaluate=False), evaluate=False),
        ("feed-forward networks of one depth, q, q' >= N", "random weights with a density"),
        {
            **linear_network_rank.CLAIM.where,
            MORE: "number of paths of the wider network",
            CHANCE: "probability of rank H^S = N with q paths",
            CHANCE_MORE: "the same with q' paths",
        },
    )


CLAIM = more_likely_when(sp.Gt(MORE, PATHS, evaluate=False))
WIDTHS = (1, 4)


def counterexample(claim: Claim) -> Derivation:
    """One input, two samples, one and four linear neurons, the weights as symbols."""
    steps: list[Step] = []
    paths = []
    for hidden in WIDTHS:
        network = layered_network([1, hidden, 1])
        strong = gram_split(propagate(network, [[1], [2]])).strong
        sum_of_squares = sum((a**2 for a in network.parameters), sp.Integer(0))
        paths.append(sp.Integer(network.counts().paths))
        steps += [
            show_equal(f"m = {hidden}: det H^S, for all weights", strong.det(), sp.Integer(0), name="det H^S"),
            show_equal("H^S is not 0: its rank is 1", strong[0, 0], sum_of_squares, name="first entry of H^S"),
            show_equal("number of paths, at least N = 2", paths[-1], sp.Integer(2 * hidden), name="number of paths"),
        ]
    instance = {
        PATHS: paths[0],
        MORE: paths[1],
        CHANCE: sp.Integer(0),
        CHANCE_MORE: sp.Integer(0),
        SAMPLES: sp.Integer(2),
        STRONG_RANK: sp.Integer(1),
        INPUTS: sp.Integer(1),
    }
    return Derivation(
        (
            define("u = sum_l v_l w_l x with one or four neurons, at x = 1 and x = 2"),
            *steps,
            infer("rank 1 < N = 2 for all weights: the probability of full rank is 0 for both", from_=steps),
            show_violated("q = 2, q' = 8", claim.formula, instance),
        )
    )


FALSE_TWINS = (
    FalseTwin("with four times as many paths", {"claim": more_likely_when(sp.Ge(MORE, 4 * PATHS, evaluate=False))}),
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
