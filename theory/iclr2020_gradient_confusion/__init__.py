"""The gradient confusion paper (submitted to ICLR 2020): neural net architecture, confusion and training speed.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.iclr2020_gradient_confusion.notation import PAPER

__all__ = ["ITEMS", "NOT_CHECKABLE", "NOT_DRAWN", "PAPER", "THEOREMS"]

PAGES: tuple[str, ...] = (
    # section 2: gradient confusion
    "confusion_of_two_wells",
    "average_confusion_printed",
    "average_confusion",
    "batch_variance_printed",
    "batch_variance",
    "batch_one_cosines",
    "logistic_orthogonal",
    "logistic_factors",
    "isotropic_inner_products",
    "overparameterised_regression",
    "hessian_product_bound_unsquared",
    "hessian_product_bound",
    "low_rank_hessians_printed",
    "low_rank_hessians",
    "stationary_confusion",
    "confusion_from_variance",
    # section 3: convergence of SGD
    "sgd_linear_neighbourhood",
    "sgd_linear_neighbourhood_sharper",
    "sgd_linear_neighbourhood_pl",
    "noise_floor_two_wells",
    "orthonormal_contraction",
    "sgd_stationary_printed",
    "sgd_stationary_without_step",
    "sgd_stationary",
    "sgd_stationary_sharper",
    "confusion_bounds_second_moment",
    # section 4 and appendix D: layers
    "activation_bounds",
    "relu_curvature_printed",
    "softmax_pointwise_printed",
    "output_gradient_printed",
    "layer_gradient_printed",
    "output_gradient",
    "residual_factor",
    "residual_factor_no_hidden_layer_printed",
    "logistic_label_gradient_printed",
    "lipschitz_product",
    "backward_recursion_printed",
    "gradient_inner_product_printed",
    "gradient_inner_product",
    "nonnegative_expectation",
    "nonnegative_expectation_at_minimiser_printed",
    "confusion_gradient",
    # Theorem 4.1 and Corollary 4.1
    "confusion_probability_relu_printed",
    "confusion_probability_sigmoid_printed",
    "confusion_probability",
    "confusion_probability_informative",
    "confusion_grows_with_depth_printed",
    "guarantee_weakens_with_depth",
    "width_drops_out_printed",
    "convolution_gradient_printed",
    "uniform_confusion_printed",
    "uniform_confusion_maximum_printed",
    "uniform_confusion_net_printed",
    "uniform_confusion_second_branch",
    # Theorem 4.2: random weights
    "operator_norm_printed",
    "operator_norm",
    "glorot_and_lecun",
    "initial_kernel_mean_printed",
    "initial_kernel_mean",
    "initial_confusion_data_printed",
    "initial_confusion_random_data_printed",
    "initial_kernel_fluctuation_printed",
    "initial_kernel_fluctuation",
    "confusion_weight_gradient",
    "initial_dimension_printed",
    "initial_cosines",
    "depth_lowers_starting_cosine",
    # section 5: experiments; appendix A
    "depth_raises_final_loss",
    "depth_lowers_end_cosine_printed",
    "depth_raises_confusion_at_equal_loss",
    "width_lowers_final_loss",
    "width_raises_end_cosine",
    "width_lowers_confusion_at_equal_loss",
    "skip_and_norm_lower_loss",
    "skip_and_norm_end_cosine",
    "parameter_count_printed",
    "parameter_count",
    # section 6: variance and diversity
    "confusion_from_gradient_variance",
    "unbounded_variance",
    "variance_for_fixed_samples",
    "noise_term_printed",
    "gradient_diversity",
    "signal_kurtosis",
    # appendices B and E: concentration
    "near_orthogonality",
    "near_orthogonality_sharper",
    "sphere_concentration",
    "sphere_pair_conditioning_printed",
    "sphere_pair_concentration",
    "sphere_moments",
    "gaussian_concentration",
)

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)

ITEMS: dict[str, tuple[str, ...]] = {
    "Theorem 3.1": (
        "sgd_linear_neighbourhood",
        "sgd_linear_neighbourhood_sharper",
        "sgd_linear_neighbourhood_pl",
        "noise_floor_two_wells",
        "orthonormal_contraction",
    ),
    "Theorem 3.2": (
        "sgd_stationary_printed",
        "sgd_stationary_without_step",
        "sgd_stationary",
        "sgd_stationary_sharper",
    ),
    "(6)": (
        "sgd_stationary",
        "sgd_linear_neighbourhood_sharper",
    ),
    "Section 3, confusion and variance": ("confusion_bounds_second_moment",),
    "Lemma B.1": (
        "near_orthogonality",
        "near_orthogonality_sharper",
    ),
    "(5)": (
        "near_orthogonality",
        "near_orthogonality_sharper",
    ),
    "Lemma E.1": ("sphere_concentration",),
    "(22)": ("sphere_concentration",),
    "Corollary E.1": (
        "sphere_pair_conditioning_printed",
        "sphere_pair_concentration",
    ),
    "(23)": (
        "sphere_pair_conditioning_printed",
        "sphere_pair_concentration",
    ),
    "Lemma E.2": ("sphere_moments",),
    "Lemma E.3": ("gaussian_concentration",),
    "(24)": ("gaussian_concentration",),
    "Section 2, average inner product": (
        "average_confusion_printed",
        "average_confusion",
    ),
    "Section 2, mini-batches": (
        "batch_variance_printed",
        "batch_variance",
    ),
    "Section 2, confusion near the minimiser": ("stationary_confusion",),
    "Section 3, Cauchy-Schwarz": ("confusion_from_variance",),
    "Section 6, confusion from variance": ("confusion_from_gradient_variance",),
    "Section 6, counterexample": ("unbounded_variance",),
    "Section 6, variance from confusion": ("variance_for_fixed_samples",),
    "Section 6, gradient diversity": ("gradient_diversity",),
    "Section 2, max inner product O(1/sqrt d)": (
        "isotropic_inner_products",
        "near_orthogonality",
    ),
    "Footnote 3": ("isotropic_inner_products",),
    "Appendix C": (
        "hessian_product_bound_unsquared",
        "hessian_product_bound",
        "low_rank_hessians_printed",
        "low_rank_hessians",
    ),
    "Section 2, Hessians": (
        "hessian_product_bound_unsquared",
        "hessian_product_bound",
    ),
    "Section 2, low-rank Hessians": (
        "low_rank_hessians_printed",
        "low_rank_hessians",
    ),
    "Definition 2.1": ("confusion_of_two_wells",),
    "(3)": ("confusion_of_two_wells",),
    "Section 2, orthogonal inputs": ("logistic_orthogonal",),
    "Section 2, |zeta_i zeta_j| < 1": ("logistic_factors",),
    "Figure 1": (
        "overparameterised_regression",
        "batch_one_cosines",
    ),
    "Section 6, sum of reciprocal widths": ("signal_kurtosis",),
    "Section 4, operator norms": (
        "operator_norm_printed",
        "operator_norm",
    ),
    "Appendix A.1, number of parameters": (
        "parameter_count_printed",
        "parameter_count",
    ),
    "Appendix A.1, initialisers": ("glorot_and_lecun",),
    "P1": (
        "activation_bounds",
        "softmax_pointwise_printed",
    ),
    "P2": (
        "activation_bounds",
        "relu_curvature_printed",
    ),
    "(4)": ("softmax_pointwise_printed",),
    "Lemma D.1(1)": (
        "output_gradient_printed",
        "layer_gradient_printed",
        "output_gradient",
    ),
    "(8)": ("confusion_gradient",),
    "(9)": (
        "nonnegative_expectation",
        "confusion_probability",
    ),
    "Theorem 4.1": (
        "confusion_probability_relu_printed",
        "confusion_probability_sigmoid_printed",
        "confusion_probability",
        "confusion_probability_informative",
        "confusion_gradient",
        "nonnegative_expectation",
    ),
    "Section 4, around the minimiser": (
        "nonnegative_expectation_at_minimiser_printed",
        "nonnegative_expectation",
    ),
    "Section 4, effect of depth": (
        "confusion_grows_with_depth_printed",
        "guarantee_weakens_with_depth",
    ),
    "Section 4, width drops out": (
        "width_drops_out_printed",
        "confusion_probability",
    ),
    "Theorem 4.2, part 1": (
        "initial_confusion_data_printed",
        "operator_norm_printed",
        "operator_norm",
        "initial_kernel_mean_printed",
        "initial_kernel_mean",
        "initial_cosines",
    ),
    "Theorem 4.2, part 2": (
        "initial_confusion_random_data_printed",
        "operator_norm_printed",
        "initial_cosines",
    ),
    "(15)": (
        "confusion_weight_gradient",
        "initial_dimension_printed",
    ),
    "(16)": (
        "initial_kernel_fluctuation_printed",
        "initial_kernel_fluctuation",
        "confusion_weight_gradient",
    ),
    "(17)": (
        "initial_kernel_fluctuation_printed",
        "initial_kernel_fluctuation",
        "confusion_weight_gradient",
    ),
    "(18)": (
        "initial_kernel_fluctuation_printed",
        "initial_kernel_fluctuation",
        "confusion_weight_gradient",
    ),
    "(19)": (
        "initial_kernel_mean_printed",
        "initial_kernel_mean",
    ),
    "(20)": (
        "initial_kernel_mean_printed",
        "initial_kernel_mean",
    ),
    "(21)": (
        "initial_kernel_mean_printed",
        "initial_kernel_mean",
    ),
    "Section 4, concentration at initialisation": (
        "initial_kernel_fluctuation_printed",
        "initial_kernel_fluctuation",
        "initial_dimension_printed",
    ),
    "Section 4, effect of width at initialisation": (
        "initial_cosines",
        "initial_confusion_random_data_printed",
    ),
    "Lemma D.1(2)": (
        "residual_factor",
        "residual_factor_no_hidden_layer_printed",
        "logistic_label_gradient_printed",
    ),
    "Lemma D.2": ("lipschitz_product",),
    "(7)": (
        "backward_recursion_printed",
        "gradient_inner_product_printed",
        "gradient_inner_product",
    ),
    "Section 4, convolutional nets": ("convolution_gradient_printed",),
    "Corollary 4.1": (
        "uniform_confusion_printed",
        "uniform_confusion_maximum_printed",
        "uniform_confusion_net_printed",
        "uniform_confusion_second_branch",
    ),
    "(10)": ("uniform_confusion_maximum_printed",),
    "(11)": ("uniform_confusion_net_printed",),
    "(12)": ("uniform_confusion_net_printed",),
    "(13)": ("uniform_confusion_second_branch",),
    "(14)": ("uniform_confusion_second_branch",),
    "Section 4, depth at the initialisation": ("depth_lowers_starting_cosine",),
    "Section 5, effect of depth": (
        "depth_raises_final_loss",
        "depth_lowers_end_cosine_printed",
        "depth_raises_confusion_at_equal_loss",
    ),
    "Section 5, effect of width": (
        "width_lowers_final_loss",
        "width_raises_end_cosine",
        "width_lowers_confusion_at_equal_loss",
    ),
    "Section 5, skip connections and batch normalisation": (
        "skip_and_norm_lower_loss",
        "skip_and_norm_end_cosine",
    ),
    "Figure 4": (
        "skip_and_norm_lower_loss",
        "skip_and_norm_end_cosine",
    ),
    "Figure 5": (
        "depth_raises_final_loss",
        "depth_lowers_end_cosine_printed",
        "depth_raises_confusion_at_equal_loss",
    ),
    "Figure 6": (
        "width_lowers_final_loss",
        "width_raises_end_cosine",
        "width_lowers_confusion_at_equal_loss",
    ),
    "Figure 15": (
        "skip_and_norm_lower_loss",
        "skip_and_norm_end_cosine",
    ),
    "Section 6, noise term": (
        "noise_term_printed",
        "noise_floor_two_wells",
        "sgd_stationary_sharper",
    ),
}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {
    "A1": "the definition of L-smoothness, a hypothesis of Theorems 3.1 and 3.2",
    "A2": "the definition of the Polyak-Lojasiewicz inequality, a hypothesis of Theorem 3.1",
    "Assumption 1": "the definition of small weights, a hypothesis of Theorem 4.1 (Appendix F discusses it in words)",
    "Strategy 4.1": "the definition of the initialisation, a hypothesis of Theorem 4.2",
    "Figure 2": "not run here: CNN-beta-2 on CIFAR-10, 200 epochs on a GPU, 5 runs for each of 12 rates",
    "Figure 3": "not run here: CNN-16-l on CIFAR-10, as Figure 2",
    "Figure 7": "not run here: more measurements of the runs of Figure 2 (CNN on CIFAR-10, a GPU)",
    "Figure 8": "not run here: more measurements of the runs of Figure 3 (CNN on CIFAR-10, a GPU)",
    "Figure 9": "not run here: CNN-beta-2 on CIFAR-100, as Figure 2",
    "Figure 10": "not run here: CNN-16-l on CIFAR-100, as Figure 2",
    "Figure 11": "not run here: WRN-beta-2 on CIFAR-10, up to 100 convolutional layers for 200 epochs on a GPU",
    "Figure 12": "not run here: WRN-beta-2 on CIFAR-100, as Figure 11",
    "Figure 13": "not run here: WRN-16-l without batch normalisation on CIFAR-10, as Figure 11",
    "Figure 14": "not run here: WRN-16-l without batch normalisation on CIFAR-100, as Figure 11",
    "(1)": "the definition of the problem, empirical risk minimisation",
    "(2)": "the definition of SGD, the update that Theorems 3.1 and 3.2 analyse",
    "Appendix A.2": "sizes and settings of the CIFAR experiments, which are not run here",
    "Appendix A.3": "plots of the CIFAR experiments, which are not run here",
    "Section 2, Hessian at the minimiser is low rank": "quotes measurements of other papers on large networks",
    "Section 6, other work on convergence": "a survey of other papers; no claim of its own",
}
"""What is not a checkable claim, and why."""

NOT_DRAWN: dict[str, str] = {
    "confusion_probability_sigmoid_printed": "one probability with its limits against one bound, all in the table",
    "parameter_count_printed": "one exact count of parameters against one number",
}
"""Simulations that measure nothing a picture would show, and why."""
