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
    "preconditioner_nullity",
    "preconditioner_monotone",
    "preconditioner_log_mean",
    "single_output_rule",
    "depth_condition_number",
    "whitened_condition_number",
    "acceleration_needs_large_p_printed",
    # section 6: no regulariser
    "no_regulariser_printed",
    "no_regulariser",
    "line_integral_bound",
    "constant_field_circulation",
    "field_curl",
    "potential_iff_radial",
    "regulariser_assumptions_printed",
    "two_layer_potentials",
    "depth_is_a_metric",
    # section 7: illustration
    "lp_recurrence",
    "lp_step_size",
    "lp_flow",
    "ill_conditioned_step",
    "adaptive_methods_suffer_printed",
    "depth_effective_rate",
    "escape_time",
    # Appendix B
    "first_step_lands",
    "learning_rate_ratio",
    "acceleration_bound_rule",
    "acceleration_bound_network_printed",
    "network_first_step_ratio",
    "network_landing_step",
    "network_stable_gain",
)

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)

ITEMS: dict[str, tuple[str, ...]] = {
    "(11)": ("preconditioner_eigenvalues",),
    "Claim 1": (
        "preconditioner_eigenvalues",
        "preconditioner_closed_form",
        "preconditioner_nullity",
        "preconditioner_log_mean",
    ),
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
    "Section 5, increase of the eigenvalues": ("preconditioner_monotone",),
    "Claim 2": ("single_output_rule",),
    "(12)": ("single_output_rule",),
    "(13)": ("single_output_rule",),
    "Appendix A.3": ("single_output_rule",),
    "Section 5.1, adaptive rate and momentum": ("single_output_rule", "depth_condition_number"),
    "Section 2, only when p > 2": ("acceleration_needs_large_p_printed", "depth_condition_number"),
    "Section 2, depth slows l2 (Saxe et al.)": ("whitened_condition_number",),
    "Theorem 2": ("no_regulariser_printed", "no_regulariser", "potential_iff_radial"),
    "(14)": ("no_regulariser", "field_curl"),
    "Section 6, minimal and also necessary": ("regulariser_assumptions_printed", "potential_iff_radial"),
    "Footnote 1": ("two_layer_potentials",),
    "Lemma 2": ("line_integral_bound",),
    "Lemma 3": ("constant_field_circulation",),
    "Figure 1": ("constant_field_circulation",),
    "Section 6, depth as a metric": ("depth_is_a_metric",),
    "(36)": ("line_integral_bound",),
    "(37)": ("no_regulariser",),
    "(38)": ("constant_field_circulation",),
    "(39)": ("no_regulariser",),
    "(40)": ("constant_field_circulation",),
    "(41)": ("constant_field_circulation",),
    "(42)": ("constant_field_circulation",),
    "(43)": ("constant_field_circulation",),
    "(44)": ("constant_field_circulation",),
    "(15)": ("lp_recurrence",),
    "Section 7, step-size condition": ("lp_step_size",),
    "Section 7, slow convergence": ("lp_flow",),
    "Section 7, ill-conditioning": ("ill_conditioned_step",),
    "Section 7, AdaGrad and Adam": ("adaptive_methods_suffer_printed", "ill_conditioned_step"),
    "Section 7, effective learning rate": ("depth_effective_rate",),
    "Section 8, vanishing gradients": ("escape_time",),
    "Footnote 3": ("ill_conditioned_step",),
    "(45)": ("learning_rate_ratio",),
    "(46)": ("first_step_lands", "acceleration_bound_rule"),
    "(47)": ("learning_rate_ratio",),
    "Appendix B": (
        "first_step_lands",
        "learning_rate_ratio",
        "acceleration_bound_rule",
        "acceleration_bound_network_printed",
        "network_first_step_ratio",
        "network_landing_step",
        "network_stable_gain",
    ),
}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {
    "Section 6, any similar modification": "has no precise meaning: a potential is excluded, a metric is not (depth_is_a_metric)",
    "Section 5, promotes movement along directions already taken": "an interpretation in words, no statement to decide",
    "Footnote 2": "says that a constant factor of the loss is left out; no claim",
}
"""What is not a checkable claim, and why."""
