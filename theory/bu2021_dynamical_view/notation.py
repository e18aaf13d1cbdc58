"""Symbols of Bu, Xu and Chen (2021), with the assumptions under which they are used.

The paper writes alpha both for the rate sqrt(lambda0/2) (section 3) and for a power of t (section 4); here they are
`RATE` and `POWER`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.flows import TIME
from odeflow.symbolic.inner_products import Operator, Vector, inner, norm2
from odeflow.theorem import Paper

__all__ = [
    "CLOCK",
    "DELTA",
    "ERROR",
    "GAMMA",
    "INITIAL_LOSS",
    "INITIAL_PSEUDO_LOSS",
    "KERNEL",
    "LAMBDA",
    "LAMBDA0",
    "LOSS",
    "LOSS_FORM",
    "MU",
    "PAPER",
    "POWER",
    "PSEUDO_LOSS_FORM",
    "RATE",
    "SYMBOLS",
    "VELOCITY",
    "T",
]

PAPER = Paper(
    folder="bu2021_dynamical_view",
    authors="Zhiqi Bu, Shiyun Xu and Kan Chen",
    year=2021,
    title="A Dynamical View on Optimization Algorithms of Overparameterized Neural Networks",
    venue="AISTATS 2021, PMLR 130",
)

T = TIME
CLOCK = sp.Symbol("t", nonnegative=True)  # for claims that speak of the start as well; T > 0 has no gamma/t at 0
LAMBDA = sp.Symbol("lambda", positive=True)
LAMBDA0 = sp.Symbol("lambda_0", positive=True)
MU = sp.Symbol("mu", positive=True)
RATE = sp.Symbol("r", positive=True)
GAMMA = sp.Symbol("gamma", positive=True)
POWER = sp.Symbol("p", positive=True)

KERNEL = Operator("H", symmetric=True)
DELTA = "Delta"
ERROR = Vector.base(DELTA)
VELOCITY = Vector.base(DELTA, 1)
LOSS_FORM = norm2(ERROR) / 2
PSEUDO_LOSS_FORM = inner(ERROR, KERNEL @ ERROR) / 2

LOSS = sp.Function("L", nonnegative=True)(T)
INITIAL_LOSS = sp.Function("L", nonnegative=True)(0)
INITIAL_PSEUDO_LOSS = sp.Function("Lhat", nonnegative=True)(0)

SYMBOLS = {
    LOSS: "loss |Delta|^2/2 at flow time t",
    INITIAL_PSEUDO_LOSS: "pseudo-loss <H Delta, Delta>/2 at t = 0",
    RATE: "r = sqrt(lambda_0/2), half the damping b",
    MU: "lower bound on the eigenvalues of H; lambda_0/2 in the paper",
    LAMBDA0: "smallest eigenvalue of the infinite-width kernel H_inf",
    GAMMA: "Nesterov's constant: the damping is gamma/t",
    POWER: "power of t (the paper's alpha in section 4)",
}
