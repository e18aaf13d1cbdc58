"""Symbols of the gradient confusion paper (submitted to ICLR 2020), with the assumptions under which they are used."""

from __future__ import annotations

from odeflow.theorem import Paper

__all__ = ["PAPER"]

PAPER = Paper(
    folder="iclr2020_gradient_confusion",
    authors="Anonymous authors",
    year=2020,
    title="The Effect of Neural Net Architecture on Gradient Confusion & Training Performance",
    venue="submitted to ICLR 2020",
)
