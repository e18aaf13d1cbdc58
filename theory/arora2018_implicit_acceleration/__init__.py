"""Arora, Cohen and Hazan (2018): On the Optimization of Deep Networks: Implicit Acceleration by Overparameterization.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.arora2018_implicit_acceleration.notation import PAPER

__all__ = ["ITEMS", "NOT_CHECKABLE", "PAPER", "THEOREMS"]

PAGES: tuple[str, ...] = (
    # section 5: the dynamics of the product (Theorem 1)
    "layer_gradients",
    "equal_derivatives",
    "layer_conservation",
    "layer_conservation_discrete",
    "products_are_powers",
    "zeroth_power_is_identity",
    "end_to_end_dynamics",
    "preconditioner_is_gram",
    "rank_preserved",
    "weight_decay_schatten",
    "schatten_is_layers",
    "discrete_rule_local_order",
    "discrete_rule_global_order",
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
    "(4)": ("layer_gradients", "layer_conservation_discrete"),
    "(5)": ("end_to_end_dynamics",),
    "(6)": ("layer_gradients", "layer_conservation"),
    "(7)": ("layer_conservation",),
    "Theorem 1": ("end_to_end_dynamics", "zeroth_power_is_identity", "preconditioner_is_gram", "rank_preserved"),
    "(8)": ("end_to_end_dynamics", "zeroth_power_is_identity", "weight_decay_schatten"),
    "(9)": ("layer_conservation",),
    "(10)": ("discrete_rule_local_order", "discrete_rule_global_order"),
    "Section 5, weight decay": ("weight_decay_schatten", "schatten_is_layers"),
    "(16)": ("layer_gradients",),
    "(17)": ("layer_conservation",),
    "(18)": ("layer_conservation", "products_are_powers"),
    "(19)": ("products_are_powers",),
    "(20)": ("products_are_powers",),
    "(21)": ("products_are_powers",),
    "(22)": ("products_are_powers",),
    "(23)": ("products_are_powers",),
    "(24)": ("products_are_powers",),
    "(25)": ("end_to_end_dynamics",),
    "(26)": ("end_to_end_dynamics",),
    "Lemma 1": ("equal_derivatives",),
    "Appendix A.1": ("end_to_end_dynamics", "products_are_powers"),
}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {}
"""What is not a checkable claim, and why."""
