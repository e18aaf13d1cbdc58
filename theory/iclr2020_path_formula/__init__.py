"""The path formula paper (submitted to ICLR 2020): architecture, gradient descent and sums over paths.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["ITEMS", "NOT_CHECKABLE", "PAPER", "THEOREMS"]

PAGES: tuple[str, ...] = (
    # networks and paths: sections 4, 5 and 6.3, appendix C
    "prediction_dynamics",
    "residual_dynamics_printed",
    "residual_dynamics",
    "residual_rate_printed",
    "residual_bound",
    "path_gradient_printed",
    "weight_gradient",
    "path_formula",
    "path_formula_tied_printed",
    "path_formula_tied",
    "gram_split",
    "weakly_gram_printed",
    "gram_split_bounds",
    # rates, width and depth: sections 4, 6.1, 6.2, 7, appendices A, B, D-G
    "appended_scalar_kernel",
    "appended_scalar_product_printed",
    "appended_scalar_product",
    "depth_momentum_flow_printed",
    "depth_momentum_sign",
    "depth_momentum_rescaled_printed",
    "depth_momentum",
    "depth_momentum_equality",
    "depth_cosine_bound",
    "appended_scalar_descent",
    "appended_scalar_eigenvalues",
    "lp_gradient_printed",
    "lp_gradient",
    "exponential_decay_factor",
    "lp_decay_printed",
    "lp_decay",
    "lp_loss_decay",
    "loss_ratio_of_decay",
    "two_layer_kernel",
    "first_layer_kernel_printed",
    "width_path_count_printed",
    "width_path_count",
    "momentum_preference",
    "output_growth",
    "subnetwork_momentum",
    "expected_kernel",
    "expected_kernel_relu",
    "expected_kernel_erf",
    "expected_smallest_eigenvalue_printed",
    "expected_smallest_eigenvalue",
    "smallest_eigenvalue_superadditive",
    "smallest_eigenvalue_per_neuron",
    "smallest_eigenvalue_at_most_mean",
    "smallest_eigenvalue_limit",
    "expected_decay_factor_printed",
    "expected_decay_factor",
    "best_step_rate_printed",
    "best_step_rate",
    "linear_student_many_samples_printed",
    "linear_student_many_samples",
)

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)

ITEMS: dict[str, tuple[str, ...]] = {
    "Proposition 6.2": (
        "depth_momentum_flow_printed",
        "depth_momentum_sign",
        "depth_momentum_rescaled_printed",
        "depth_momentum",
        "depth_momentum_equality",
        "appended_scalar_descent",
        "appended_scalar_eigenvalues",
    ),
    "(17)": ("depth_momentum_flow_printed", "depth_momentum_sign", "depth_momentum"),
    "Section 7, depth-induced momentum": ("appended_scalar_descent",),
    "(33)": ("appended_scalar_kernel",),
    "(34)": ("appended_scalar_kernel",),
    "(35)": ("appended_scalar_product_printed", "appended_scalar_product"),
    "(36)": ("appended_scalar_product",),
    "(37)": ("appended_scalar_product",),
    "(38)": ("appended_scalar_product",),
    "(39)": ("appended_scalar_product",),
    "(40)": ("appended_scalar_product",),
    "(41)": ("depth_momentum",),
    "(42)": ("depth_momentum",),
    "(43)": ("depth_momentum",),
    "(44)": ("depth_momentum", "depth_cosine_bound"),
    "(45)": ("depth_cosine_bound",),
    "(46)": ("depth_cosine_bound",),
    "(47)": ("depth_cosine_bound", "depth_momentum_equality"),
    "(8)": ("exponential_decay_factor",),
    "(7)": (
        "residual_dynamics_printed",
        "residual_dynamics",
    ),
    "Section 4, rate": (
        "residual_rate_printed",
        "residual_bound",
    ),
    "(11)": (
        "path_gradient_printed",
        "weight_gradient",
    ),
    "(10)": ("weight_gradient",),
    "Theorem 5.1": (
        "path_formula",
        "path_formula_tied_printed",
        "path_formula_tied",
    ),
    "(12)": ("path_formula",),
    "(19)": ("gram_split",),
    "(20)": (
        "gram_split",
        "weakly_gram_printed",
        "gram_split_bounds",
    ),
    "(21)": ("gram_split",),
    "Remark 6.8": ("gram_split",),
    "(9)": ("exponential_decay_factor", "loss_ratio_of_decay"),
    "(13)": ("two_layer_kernel",),
    "(14)": ("two_layer_kernel",),
    "(15)": ("two_layer_kernel",),
    "(16)": ("two_layer_kernel",),
    "Proposition 6.1": (
        "width_path_count_printed",
        "width_path_count",
        "expected_kernel",
        "expected_kernel_relu",
        "expected_kernel_erf",
        "expected_smallest_eigenvalue_printed",
        "expected_smallest_eigenvalue",
        "smallest_eigenvalue_superadditive",
        "smallest_eigenvalue_per_neuron",
        "smallest_eigenvalue_at_most_mean",
        "smallest_eigenvalue_limit",
        "expected_decay_factor_printed",
        "expected_decay_factor",
        "best_step_rate_printed",
        "best_step_rate",
        "linear_student_many_samples_printed",
        "linear_student_many_samples",
    ),
    "(18)": ("momentum_preference",),
    "Remark 6.3": ("momentum_preference",),
    "Remark 6.5": ("output_growth",),
    "Section 7, convergence rate": ("loss_ratio_of_decay",),
    "(22)": ("lp_gradient_printed", "lp_gradient"),
    "(23)": ("lp_gradient",),
    "(24)": ("exponential_decay_factor",),
    "(25)": ("exponential_decay_factor",),
    "(26)": ("exponential_decay_factor",),
    "(27)": ("exponential_decay_factor",),
    "(28)": ("exponential_decay_factor",),
    "(29)": ("lp_decay_printed", "lp_decay", "lp_loss_decay"),
    "(30)": ("lp_decay_printed", "lp_decay"),
    "Appendix A": ("lp_decay_printed", "lp_decay", "lp_loss_decay"),
    "(31)": ("first_layer_kernel_printed", "two_layer_kernel"),
    "(32)": ("two_layer_kernel",),
    "Remark F.1": ("subnetwork_momentum",),
}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {
    "Remark 6.4": "compares two notions in words: a condition on u' and u, and one on u'' and u'",
}
"""What is not a checkable claim, and why."""
