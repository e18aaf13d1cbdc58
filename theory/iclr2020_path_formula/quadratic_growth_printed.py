r"""Appendix C's inference: without a mean of H^W the growth with the width is linear, not quadratic. A non sequitur.

Assumptions
-----------
Three layers, both hidden widths m, independent weights of mean 0 and a variance that does not depend on m (as N(0, 0.1)
in Appendix D).

Source
------
Appendix C: "One might expect this results in a quadratic growth ... linear ... and not quadratic. This implies that
weakly Gram components have expectation zero."

Idea of the refutation
----------------------
Linear nodes: E[H^W] = 0 exactly, and E[H] = 3 m^2 s^4 X X^T grows quadratically through the strongly Gram part alone:
doubling m multiplies it by 4. So linear growth in Figure 6 and E[H^W] = 0 do not imply each other. Linear growth
appears if one hidden width is varied, or with a variance proportional to 1/m.

Deviations from the paper
-------------------------
The inference is read as: if E[H^W] = 0, doubling the width doubles E[H]. The true growth is in
`three_layer_expected_kernel`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import Derivation, define, equate, show_equal, show_violated
from odeflow.symbolic.path_networks import layered_network
from odeflow.symbolic.paths import gram_split, propagate
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula._gaussian import gaussian_mean
from theory.iclr2020_path_formula.notation import PAPER
from theory.iclr2020_path_formula.weak_part_mean_linear import WEAK_MEAN

GROWTH = sp.Symbol("E[H](2m)/E[H](m)", positive=True)


def growth_is(factor: sp.Expr) -> Claim:
    """Return the claim that E[H^W] = 0 makes E[H] grow by `factor` when the widths double."""
    return Claim(
        "If E[H^W] = 0, E[H] grows linearly with the width of a three-layer network.",
        sp.Implies(equate(WEAK_MEAN, sp.Integer(0)), equate(GROWTH, factor), evaluate=False),
        ("three layers, both hidden layers of width m", "independent weights, mean 0, variance independent of m"),
        {WEAK_MEAN: "mean of H^W", GROWTH: "factor by which E[H_11] grows when m is doubled"},
    )


CLAIM = growth_is(sp.Integer(2))
CORRECTED = growth_is(sp.Integer(4))


def counterexample(claim: Claim) -> Derivation:
    """Integrate linear networks of widths 1 and 2 over unit Gaussian weights, exactly."""
    means, weak = {}, {}
    for m in (1, 2):
        network = layered_network([1, m, m, 1])
        split = gram_split(propagate(network, [[1]]))
        means[m] = gaussian_mean(split.total[0], network.parameters)
        weak[m] = gaussian_mean(split.weak[0], network.parameters)
    return Derivation(
        (
            define("u = v W_2 W_1 x with x = 1, unit Gaussian weights"),
            show_equal("m = 2: E[H^W]", weak[2], sp.Integer(0)),
            show_equal("m = 1: E[H] = 3 m^2", means[1], sp.Integer(3)),
            show_equal("m = 2: E[H] = 3 m^2", means[2], sp.Integer(12)),
            show_violated("from m = 1 to m = 2", claim.formula, {WEAK_MEAN: weak[2], GROWTH: means[2] / means[1]}),
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
