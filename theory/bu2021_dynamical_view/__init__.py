"""Bu, Xu and Chen (2021), A Dynamical View on Optimization Algorithms of Overparameterized Neural Networks.

Two worlds must not be mixed up. K: the error dynamics with a frozen kernel, where almost everything is true and proved
here for every dimension. N: the finite ReLU network, where the paper's second-order error dynamics miss an impulse at
every activation flip.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["PAPER", "THEOREMS"]

PAGES = (
    # section 2: gradient flow and the kernel
    "loss_nonconvex",
    "euler_discretisations",
    "gradient_flow_error_dynamics",
    "pseudo_loss_gradient",
    "gram_kernel",
    "gram_kernel_semidefinite",
    "kernel_limit_printed",
    "kernel_limit",
    "kernel_limit_positive",
    "circle_spectra",
    "network_kernel_scaling",
    "gradient_flow_rate_printed",
    "gradient_flow_rate",
    "gradient_flow_sharp_rate",
    "gradient_flow_network",
    # section 3: heavy ball
    "heavy_ball_two_forms",
    "heavy_ball_limit_printed",
    "heavy_ball_limit",
    "heavy_ball_limit_second_order",
    "nag_sc_limit_printed",
    "nag_sc_limit",
    "damping_twice_the_root_printed",
    "damping_twice_the_root",
    "heavy_ball_error_dynamics",
    "heavy_ball_rate",
    "heavy_ball_sharp_rate",
    "heavy_ball_network",
    "smallest_eigenvalue_strict",
    "smallest_eigenvalue_at_most_half",
    "heavy_ball_against_gradient_flow_printed",
    "heavy_ball_against_gradient_flow",
    "heavy_ball_against_gradient_descent",
    "width_order_printed",
    "width_order",
    "activation_flips_printed",
    "activation_flip_jump",
    "kernel_concentration",
    "kernel_stability_printed",
    "kernel_stability",
    "switching_kernel_heavy_ball",
    "heavy_ball_strict_decay",
    "heavy_ball_lyapunov",
    "heavy_ball_best_rate",
    "lyapunov_on_networks_printed",
    "repaired_heavy_ball_identity",
    "repaired_heavy_ball_rate",
    "repaired_heavy_ball_network",
    "heavy_ball_energy",
    "weight_distance_printed_step",
    "weight_distance_printed_constant",
    "weight_distance",
    "weight_oracle",
    "weight_oracle_distance",
    "continuity_bootstrap",
    # section 4: Nesterov
    "nesterov_limit",
    "nesterov_error_dynamics",
    "network_kernel_scaling_nesterov",
    "nesterov_rate",
    "nesterov_true_power",
    "nesterov_power_range",
    "nesterov_small_gamma",
    "nesterov_network",
    "modulated_kernel_nesterov",
    "nesterov_discrete_polynomial_printed",
    "nesterov_discrete_casoratian",
    "nesterov_discrete_linear",
    "gradient_flow_overtakes_nesterov",
    "loss_oscillates_printed",
    "loss_oscillates",
    "nesterov_loss_oscillates",
    "nesterov_energy",
    "weight_speed",
    "nesterov_weight_distance_printed",
    "nesterov_weight_distance",
    "nesterov_width_printed",
    "nesterov_width",
    # section 5: extensions
    "momentum_order_printed",
    "momentum_order",
    "momentum_stability_printed",
    "momentum_stability",
    "momentum_stability_any_order",
    "second_momentum_acceleration",
    "second_momentum_small_step",
    "newton_hessian",
    "newton_inverse_printed",
    "newton_rate",
    "newton_iteration_printed",
    "multilayer_gradient_flow",
    "multilayer_error_dynamics_printed",
    "multilayer_cross_term",
    "multilayer_positivity",
    # section 6: discussion
    "gronwall_second_order",
)

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)
