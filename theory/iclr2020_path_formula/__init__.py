"""The path formula paper (submitted to ICLR 2020): architecture, gradient descent and sums over paths.

`THEOREMS` follows the paper. A claim that the paper prints wrongly has two entries: as printed, and corrected.
"""

from __future__ import annotations

from importlib import import_module

from odeflow.theorem import Theorem
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["ITEMS", "NOT_CHECKABLE", "PAPER", "THEOREMS"]

PAGES: tuple[str, ...] = (
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
}
"""Each numbered or named item of the paper, and the theorems that decide it; figures are in `figures.py`."""

NOT_CHECKABLE: dict[str, str] = {
    "Remark 6.4": "compares two notions in words: a condition on u' and u, and one on u'' and u'",
}
"""What is not a checkable claim, and why."""
