r"""Figure 1: with d = 120 > N = 100 SGD on linear regression gets to a lower loss and confusion than with 80.

Assumptions
-----------
Gaussian inputs and labels, N = 100, one sample a step, learning rate 0.005, 20000 steps from w = 0.

Source
------
"Gradient Confusion" (2020), Figure 1 and the text beside it; neither learning rate nor number of steps is given.

Idea of the measurement
-----------------------
Four independent problems for each d. Measured: the ratio of final losses and confusion bounds, 120 over 80.

Deviations from the paper
-------------------------
The claim is made precise as: both ratios of geometric means are below 1/2. With d = 80 the loss cannot fall below that
of least squares, about 0.1; with d = 120 every sample can be fitted.
"""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

from odeflow.numeric.confusion import confusion_of_gradients
from odeflow.panels import along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._training import regression_path
from theory.iclr2020_gradient_confusion.notation import PAPER

LOSS_RATIO, CONFUSION_RATIO = sp.symbols("loss_120/loss_80 eta_120/eta_80", positive=True)
PROBLEMS = 4
SPREAD = 3.0
"""Standard errors of a mean logarithm that a ratio must be away from the claimed one to contradict it."""


def ratios_at_most(loss: sp.Expr, confusion: sp.Expr) -> Claim:
    """Return the claim about both ratios."""
    return Claim(
        "Slightly overparameterised linear regression has a lower loss and less confusion after the same steps.",
        sp.And(
            sp.Le(LOSS_RATIO, loss, evaluate=False), sp.Le(CONFUSION_RATIO, confusion, evaluate=False), evaluate=False
        ),
        ("N = 100, Gaussian inputs and labels", "20000 steps of SGD with one sample, learning rate 0.005"),
        {LOSS_RATIO: "final losses, d = 120 over d = 80", CONFUSION_RATIO: "final confusion bounds, the same"},
    )


HALF = sp.Rational(1, 2)
CLAIM = ratios_at_most(HALF, HALF)


@functools.lru_cache(maxsize=8)
def log_ratios(seed: int) -> np.ndarray:
    """Return log(loss_120/loss_80) and log(eta_120/eta_80), (2, PROBLEMS)."""
    found = np.empty((2, PROBLEMS))
    for k in range(PROBLEMS):
        ends = []
        for d in (120, 80):
            _, path, X, y = regression_path(
                d, samples=100, steps=20_000, rate=0.005, seed=PROBLEMS * seed + k, records=2
            )
            errors = X @ path[-1] - y
            ends.append((0.5 * float((errors**2).mean()), confusion_of_gradients(errors[:, None] * X).bound))
        found[:, k] = np.log(ends[0]) - np.log(ends[1])
    return found


def simulate(claim: Claim, seed: int) -> Evidence:
    """Run the problems and compare geometric means of the ratios with the claimed bounds."""
    found = log_ratios(seed)
    mean, error = found.mean(axis=1), found.std(axis=1, ddof=1) / np.sqrt(PROBLEMS)
    claimed = {part.lhs: np.log(float(part.rhs)) for part in claim.formula.args}
    excess = mean - np.array([claimed[LOSS_RATIO], claimed[CONFUSION_RATIO]])
    if (excess > SPREAD * error).any():
        contradicted: bool | None = True
    else:
        contradicted = False if (excess < -error).all() else None
    return Evidence.measured(
        claim,
        f"ratios d = 120 over d = 80: loss {np.exp(mean[0]):.4f}, confusion bound {np.exp(mean[1]):.4f}",
        contradicted=contradicted,
        error_bar=f"factors {np.exp(error[0]):.2f} and {np.exp(error[1]):.2f} (standard errors)",
        cases=2 * PROBLEMS,
        seed=seed,
        picture=along(
            range(1, PROBLEMS + 1),
            {"losses": np.exp(found[0]), "confusion bounds": np.exp(found[1])},
            {"losses": np.exp(claimed[LOSS_RATIO]), "confusion bounds": np.exp(claimed[CONFUSION_RATIO])},
            title="d = 120 ends lower than d = 80",
            xlabel="problem",
            ylabel="ratio d = 120 over d = 80",
            yscale="log",
        ),
    )


FALSE_TWINS = (
    FalseTwin("a loss ten thousand times lower", {"claim": ratios_at_most(sp.Rational(1, 10_000), HALF)}),
    FalseTwin("a confusion ten thousand times lower", {"claim": ratios_at_most(HALF, sp.Rational(1, 10_000))}),
)

THEOREM = Theorem(
    name="overparameterised_regression",
    source=Source(PAPER, "Figure 1", "as a claim about ratios, measured"),
    world=World.N,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("batch_one_cosines",),
)
