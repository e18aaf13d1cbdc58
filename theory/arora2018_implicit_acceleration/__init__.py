"""Arora, Cohen and Hazan (2018): On the Optimization of Deep Networks: Implicit Acceleration by Overparameterization.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.arora2018_implicit_acceleration.notation import PAPER

__all__ = ["ITEMS", "NOT_CHECKABLE", "PAPER", "THEOREMS"]

PAGES: tuple[str, ...] = (
    # section 5: the preconditioner (Claims 1 and 2)
    "preconditioner_summands_printed",
    "preconditioner_summands",
    "preconditioner_eigenvalues",
    "preconditioner_closed_form",
    # section 6: no regulariser
    # section 7: illustration
    # Appendix B
)

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)

ITEMS: dict[str, tuple[str, ...]] = {
    "(11)": ("preconditioner_eigenvalues",),
    "Claim 1": ("preconditioner_eigenvalues", "preconditioner_closed_form"),
    "Appendix A.2": ("preconditioner_summands_printed", "preconditioner_summands"),
}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {}
"""What is not a checkable claim, and why."""
