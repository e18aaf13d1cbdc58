r"""Appendix C's inference: the rate grows linearly, "this implies that weakly Gram components have expectation zero".

Assumptions
-----------
Three layers at least, as Appendix C says; a linear output; independent weights of mean 0 and a variance that does not
depend on the width m (as N(0, 0.1) in Appendix D).

Source
------
Appendix C: "One might expect this results in a quadratic growth ... linear ... and not quadratic. This implies that
weakly Gram components have expectation zero."

Idea of the refutation
----------------------
Neither follows from the other. Four layers, u = sum_t a_t s(b_t1 s(c_1 w x) + b_t2 s(c_2 w x)), s(z) = z^2/2, with m
summands: E[H] is m times that of m = 1, as the a_t are independent of mean 0, and E[H^W] = 135 m. Three linear layers,
both of width m: E[H^W] = 0 exactly, and E[H] = 3 m^2 s^4 X X^T grows quadratically, the strongly Gram part alone.

Deviations from the paper
-------------------------
The paper's own networks have three layers: with a linear output E[H^W] = 0 is true (`weak_part_mean_three_layers`), but
growth, linear or not, is no reason for it. Linear growth appears if one hidden width is varied, or with a variance
proportional to 1/m; the growth of both widths is in `three_layer_expected_kernel`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_violated
from odeflow.symbolic.path_networks import Edge, Network, Node, layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._gaussian import gaussian_mean
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.weak_part_mean_linear import WEAK_MEAN

GROWTH = sp.Symbol("E[H](2m)/E[H](m)", positive=True)


def growth_is(factor: sp.Expr, depth: str = "at least three layers, linear output") -> Claim:
    """Return the claim that E[H] grows by `factor` when the width doubles if, and only if, E[H^W] = 0."""
    growth, absent = equate(GROWTH, factor), equate(WEAK_MEAN, sp.Integer(0))
    return Claim(
        "E[H] grows linearly with the width exactly if E[H^W] = 0.",
        sp.And(sp.Implies(growth, absent, evaluate=False), sp.Implies(absent, growth, evaluate=False), evaluate=False),
        (depth, "independent weights, mean 0, variance independent of m"),
        {WEAK_MEAN: "mean of H^W_11", GROWTH: "factor by which E[H_11] grows when m is doubled"},
    )


CLAIM = growth_is(sp.Integer(2))
CORRECTED = growth_is(sp.Integer(4), "three layers, both hidden layers of width m, linear nodes")


def four_layers(width: int) -> Network:
    """Return u = sum_t a_t s(b_t1 s(c_1 w x) + b_t2 s(c_2 w x)), s(z) = z^2/2, with `width` summands."""
    nodes = [Node.INPUT, Node.IDENTITY, Node.SQUARE, Node.SQUARE, *[Node.SQUARE] * width, Node.IDENTITY]
    arrows = [(0, 1), (1, 2), (1, 3), *((r, 4 + t) for t in range(width) for r in (2, 3))]
    arrows += [(4 + t, 4 + width) for t in range(width)]
    edges = (Edge(s, t, sp.Symbol(f"w_{k}", real=True)) for k, (s, t) in enumerate(arrows))
    return Network(tuple(nodes), tuple(edges))


def means(network: Network) -> tuple[sp.Expr, sp.Expr]:
    """Return E[H] and E[H^W] at x = 1 for unit Gaussian weights, exactly."""
    split = gram_split(propagate(network, [[1]]))
    return gaussian_mean(split.total[0], network.parameters), gaussian_mean(split.weak[0], network.parameters)


def counterexample(claim: Claim) -> Derivation:
    """Integrate networks of widths 1 and 2 over unit Gaussian weights, exactly: four layers, and three linear ones."""
    deep = [means(four_layers(m)) for m in (1, 2)]
    linear = [means(layered_network([1, m, m, 1])) for m in (1, 2)]
    growth = [sp.cancel(pair[1][0] / pair[0][0]) for pair in (deep, linear)]
    ends = [
        show_violated(words, claim.formula, {WEAK_MEAN: pair[1][1], GROWTH: factor})
        for words, pair, factor in zip(("four layers", "three linear layers"), (deep, linear), growth, strict=True)
    ]
    return Derivation(
        (
            define("x = 1, unit Gaussian weights; from m = 1 to m = 2"),
            show_equal(
                "four layers, last hidden width m: E[H] doubles", growth[0], sp.Integer(2), name="growth of E[H]"
            ),
            show_equal("and E[H^W] = 135 m", deep[1][1], sp.Integer(270), name="E[H^W]"),
            show_equal("three linear layers of width m: E[H^W]", linear[1][1], sp.Integer(0), name="E[H^W]"),
            show_equal("and E[H] = 3 m^2 is four times as large", growth[1], sp.Integer(4), name="growth of E[H]"),
            next((end for end in ends if end.decision.holds), ends[-1]),
        )
    )


FALSE_TWINS = (FalseTwin("cubic growth", {"claim": growth_is(sp.Integer(8))}),)

THEOREM = Theorem(
    name="quadratic_growth_printed",
    source=Source(PAPER, "Appendix C, growth with the width", "the inference as printed"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("three_layer_expected_kernel", "weak_part_mean_three_layers"),
)
