"""Rates of trained students against their width: what several pages and figures measure."""

from __future__ import annotations

import enum
from collections.abc import Callable

import numpy as np
import sympy as sp
from jaxtyping import Float

from odeflow.numeric.scaling import ScalingFit, fit_scaling
from odeflow.panels import along
from odeflow.symbolic.derivations import equate
from odeflow.theorem import Claim, Evidence
from theory.iclr2020_path_formula._training import (
    Student,
    Teacher,
    draw_student,
    draw_teacher,
    train_linear_student,
    train_student,
)

__all__ = ["EXPONENT", "Window", "exponent_evidence", "exponent_is", "linear_rates", "nonlinear_rates"]

EXPONENT = sp.Symbol("b", real=True)
ALLOWED = 0.15
"""Finite widths bend a power: an exponent counts as different beyond this and its interval."""


class Window(enum.Enum):
    """Which steps are compared across widths."""

    SAME_STEPS = "the same steps for every width"
    SAME_KERNEL_TIME = "steps in proportion to 1/m, outputs starting at 0, centred targets"


def exponent_is(value: sp.Expr, statement: str, assumptions: tuple[str, ...]) -> Claim:
    """Return the claim that the rate grows like the power `value` of the width."""
    return Claim(statement, equate(EXPONENT, value), assumptions, {EXPONENT: "rate ~ width^b"})


def linear_rates(
    widths: tuple[int, ...], *, samples: int, steps: int, rate: float, seed: int
) -> Float[np.ndarray, " k"]:
    """Return late loss rates per step of linear students: over the last third that is above rounding."""
    teacher = draw_teacher(samples, activation=lambda z: (z, np.ones_like(z)), seed=seed)
    found = []
    for width in widths:
        student = draw_student(width, teacher.X.shape[1], seed=seed + width)
        losses = train_linear_student(teacher, student, rate=rate, steps=steps).losses
        last = int(np.flatnonzero(losses > 1e-20 * losses[0])[-1])
        first = 2 * last // 3
        found.append(np.log(losses[first] / losses[last]) / (last - first))
    return np.array(found)


def nonlinear_rates(
    widths: tuple[int, ...],
    activation: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    *,
    samples: int,
    inputs: int,
    steps: int,
    rate: float,
    window: Window,
    seed: int,
) -> Float[np.ndarray, " k"]:
    """Return loss rates per step of non-linear students over the second half of their steps."""
    teacher = draw_teacher(samples, activation=activation, inputs=inputs, seed=seed)
    rescaled = window is Window.SAME_KERNEL_TIME
    if rescaled:
        teacher = Teacher(teacher.X, teacher.y - teacher.y.mean())
    found = []
    for width in widths:
        student: Student = draw_student(width, inputs, seed=seed + 1, zero_output=rescaled)
        count = round(steps * widths[0] / width) if rescaled else steps
        losses = train_student(teacher, student, activation, rate=rate, steps=count).losses
        half = count // 2
        found.append(np.log(losses[half] / losses[count]) / (count - half))
    return np.array(found)


def exponent_evidence(
    claim: Claim, widths: tuple[int, ...], rates: Float[np.ndarray, "k s"], *, seed: int
) -> tuple[Evidence, ScalingFit]:
    """Fit a power of the width over seeds and hold the claimed exponent against it."""
    fit = fit_scaling(np.array(widths, dtype=float), rates)
    claimed = float(claim.formula.rhs)
    half = 0.5 * (fit.interval[1] - fit.interval[0])
    apart = abs(fit.exponent - claimed)
    means, spread = rates.mean(axis=1), rates.std(axis=1, ddof=1)
    return (
        Evidence.measured(
            claim,
            f"rate ~ width^{fit.exponent:.3f} over widths {widths[0]} to {widths[-1]}",
            contradicted=apart > half + ALLOWED,
            error_bar=f"{half:.3f} (95 % interval over {rates.shape[1]} seeds) and {ALLOWED} for finite widths",
            cases=rates.size,
            seed=seed,
            picture=along(
                widths,
                {"mean over seeds, with deviation": means},
                {f"width^{claimed:g} from the first": means[0] * (np.array(widths) / widths[0]) ** claimed},
                title=f"The loss rate {'grows' if apart <= half + ALLOWED else 'does not grow'} like width^{claimed:g}",
                xlabel="width",
                ylabel="loss rate, 1/step",
                xscale="log",
                yscale="log",
                interval=(means - spread, means + spread),
            ),
        ),
        fit,
    )
