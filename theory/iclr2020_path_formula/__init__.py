"""The path formula paper (submitted to ICLR 2020): architecture, gradient descent and sums over paths.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["ITEMS", "NOT_CHECKABLE", "PAPER", "THEOREMS"]

PAGES: tuple[str, ...] = ()

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)

ITEMS: dict[str, tuple[str, ...]] = {}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {}
"""What is not a checkable claim, and why."""
