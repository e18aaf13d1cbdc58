"""Polyak (1963): gradient methods converge linearly without convexity."""

from odeflow.theorem import Paper
from polyak_lojasiewicz.gradient_flow_rate_pl import PAPER, THEOREM

__all__ = ["PAPER", "THEOREMS"]

THEOREMS = (THEOREM,)
assert isinstance(PAPER, Paper)
