"""Symbols of the path formula paper (submitted to ICLR 2020), with the assumptions under which they are used."""

from __future__ import annotations

from odeflow.theorem import Paper

__all__ = ["PAPER"]

PAPER = Paper(
    folder="iclr2020_path_formula",
    authors="Anonymous authors",
    year=2020,
    title="Model Architecture Controls Gradient Descent Dynamics: A Combinatorial Path-Based Formula",
    venue="submitted to ICLR 2020",
)
