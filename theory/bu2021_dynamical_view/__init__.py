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
    # section 3: heavy ball
    "heavy_ball_error_dynamics",
    "heavy_ball_rate",
    "heavy_ball_sharp_rate",
    "heavy_ball_strict_decay",
    "heavy_ball_lyapunov",
    "weight_distance_printed_step",
    "weight_distance_printed_constant",
    "weight_distance",
    # section 4: Nesterov
    "nesterov_error_dynamics",
    "nesterov_rate",
    "nesterov_true_power",
    "nesterov_energy",
)

THEOREMS: tuple[Theorem, ...] = tuple(import_module(f"{__name__}.{page}").THEOREM for page in PAGES)
