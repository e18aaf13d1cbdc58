r"""Figure 2: up to a shift in time, the single-layer rule (12) does emulate training of the network.

Assumptions
-----------
As in `rule_emulates_network`; one of the two curves is shifted so that both are at 50 % together
(pairs of which one has not come that far after 6000 iterations are left out).

Source
------
Corrects Arora, Cohen and Hazan (2018), section 8 and Figure 2.

Idea of the check
-----------------
Away from zero the network is nearly balanced, since its imbalance stays what it was, of the order of eps^2, while the
layers have grown: from there on rule and network agree (`restart_order`). Only the time of arrival differs.

Deviations from the paper
-------------------------
The paper names no shift.
"""

from __future__ import annotations

import sympy as sp

from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.arora2018_implicit_acceleration.notation import PAPER
from theory.arora2018_implicit_acceleration.rule_emulates_network import GAP, gap_evidence


def gap_at_most(bound: sp.Expr) -> Claim:
    """Return the claim that the shifted curves are never further apart than `bound`."""
    return Claim(
        "The loss curves of the network and of rule (12), shifted to be at 50 % together, are at most 5 % apart.",
        sp.Le(GAP, bound, evaluate=False),
        ("diabetes data, standardised; depth 2, layers N(0, 0.01^2)", "learning rate 1e-3, 6000 iterations"),
        {GAP: "largest |L_network - L_rule| over L_0 - L*, after the shift"},
    )


CLAIM = gap_at_most(sp.Rational(1, 20))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Train networks and rules for two losses, two widths and two initialisations."""
    return gap_evidence(claim, seed, shifted=True)


FALSE_TWINS = (FalseTwin("half a per cent apart", {"claim": gap_at_most(sp.Rational(1, 200))}),)

THEOREM = Theorem(
    name="rule_emulates_network_after_shift",
    source=Source(PAPER, "Figure 2", "with the shift in time that it needs"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("rule_emulates_network", "restart_order", "unaligned_time_shift"),
)
