"""Symbols of Arora, Cohen and Hazan (2018), with the assumptions under which they are used."""

from __future__ import annotations

from odeflow.theorem import Paper

__all__ = ["PAPER"]

PAPER = Paper(
    folder="arora2018_implicit_acceleration",
    authors="Sanjeev Arora, Nadav Cohen and Elad Hazan",
    year=2018,
    title="On the Optimization of Deep Networks: Implicit Acceleration by Overparameterization",
    venue="ICML 2018, PMLR 80",
)
