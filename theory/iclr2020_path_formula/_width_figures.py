"""Figures 3, 4 and 6 of the path formula paper: rates against width for linear, sigmoid and ReLU students.

The paper gives neither the number of samples nor the step sizes. Here: Gaussian inputs, all weights of deviation 0.1
(the paper's N(0, 0.1) read as a deviation), full-batch gradient descent on |u - y|^2/2 with one step size for all
widths.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from odeflow.figures import Curve, Figure, Panel, RateRow
from odeflow.numeric.deep_kernels import mlp_ntk_layers
from odeflow.numeric.mlp_training import GradientDescent, PowerLoss, train_mlp
from odeflow.numeric.mlp_training import Network as MlpNetwork
from odeflow.numeric.scaling import ScalingFit, fit_scaling
from theory.iclr2020_path_formula._kernel_means import identity, relu
from theory.iclr2020_path_formula._training import (
    DEVIATION,
    Teacher,
    draw_student,
    draw_teacher,
    sigmoid,
    student_kernel,
    train_linear_student,
    train_student,
)

__all__ = ["exponent_row", "figure3", "figure4", "figure6", "outcome"]

NEAR_ONE = 0.15
"""A fitted power of the width is called linear if its interval comes this close to 1: finite widths bend it."""


def outcome(reproduced: bool, statement: str) -> str:
    """Say whether a qualitative statement was found to hold in this run."""
    return f"{'Reproduced' if reproduced else 'Not reproduced'}: {statement}."


def exponent_row(what: str, fit: ScalingFit, theory: str = "", paper: str = "1") -> RateRow:
    """Return the row of a fitted power of the width."""
    return RateRow(f"{what}: power of the width", fit.exponent, fit.interval, theory, paper)


def figure3(full: bool, seed: int) -> Figure:
    """Linear students: straight training curves, and late rates proportional to the width."""
    widths = (125, 250, 500, 1000, 2000, 3000)
    steps, rate, seeds = (6000 if full else 1500), (3e-6 if full else 8e-6), (3 if full else 2)
    late, oracle = np.empty((len(widths), seeds)), np.empty((len(widths), seeds))
    curves = []
    for k in range(seeds):
        teacher = draw_teacher(200, activation=identity, seed=seed + k)
        for i, width in enumerate(widths):
            student = draw_student(width, 50, seed=seed + 100 * k + i)
            losses = train_linear_student(teacher, student, rate=rate, steps=steps).losses
            lowest = float(np.linalg.eigvalsh(student_kernel(teacher.X, student, identity))[-50])
            oracle[i, k] = 1.0 - (1.0 - rate * lowest) ** 2
            last = int(np.flatnonzero(losses > 1e-18 * losses[0])[-1])
            first = 2 * last // 3
            late[i, k] = -np.expm1(np.log(losses[last] / losses[first]) / (last - first))
            if k == 0:
                shown = np.where(losses > 1e-20 * losses[0], losses, np.nan)
                curves.append(Curve(f"width {width}", np.arange(steps + 1.0), shown, group=i))
    grid = np.array(widths, dtype=float)
    fits = fit_scaling(grid[1:], late[1:]), fit_scaling(grid[1:], oracle[1:])
    slope = float(np.polyfit(grid, late.mean(axis=1), 1)[0])
    rows = [
        RateRow(f"width {w}: late loss ratio per step", float(late[i].mean()), None, f"{oracle[i].mean():.5f}")
        for i, w in enumerate(widths)
    ]
    rows += [
        exponent_row("late rate, widths 250 to 3000", fits[0], "1 for wide students"),
        exponent_row("1 - (1 - eta lambda_50(H(0)))^2", fits[1], "1 for wide students"),
    ]
    linear = fits[0].interval[0] - NEAR_ONE < 1.0 < fits[0].interval[1] + NEAR_ONE
    straight = float(np.corrcoef(grid, late.mean(axis=1))[0, 1]) ** 2
    return Figure(
        "Figure 3: linear students",
        f"teacher 50-100-1, 200 samples, step size {rate:g}, {steps} steps, seeds {seed} to {seed + seeds - 1}",
        (
            Panel("training curves", "step", "loss", tuple(curves)),
            Panel(
                "late rate against width",
                "width m",
                "1 - Loss(t+1)/Loss(t)",
                (
                    Curve("measured, late", grid, late.mean(axis=1), markers=True),
                    Curve("from the kernel at the start", grid, oracle.mean(axis=1), theory=True, group=1),
                    Curve("straight line through 0", grid, slope * grid, theory=True, group=2),
                ),
                yscale="linear",
            ),
        ),
        tuple(rows),
        (
            outcome(linear, f"the late rate is proportional to the width (R^2 of a straight line {straight:.4f})"),
            "With 200 samples of 50 inputs lambda_min(H) = 0: the 50th eigenvalue decides.",
            "Shown is 1 - Loss(t+1)/Loss(t); the paper's axis, 0.9995 to 1.0025, looks like Loss(t)/Loss(t+1).",
        ),
    )


def figure4(full: bool, seed: int) -> Figure:
    """Sigmoid (and ReLU) students: over the same steps no linear law, at equal kernel time a linear law."""
    samples, inputs = (100, 50) if full else (30, 30)
    widths = (125, 250, 500, 1000, 2000) if full else (32, 64, 128, 256, 512)
    steps, seeds = (800 if full else 600), 3
    grid = np.array(widths, dtype=float)
    doublings = np.log2(grid / grid[0])
    top = {"sigmoid": 1.2 / (samples * widths[-1] / 4), "ReLU": 1.0 / (0.012 * widths[-1] * samples * inputs / 2)}
    curves, rows, right = [], [], []
    fits: dict[str, ScalingFit] = {}
    for group, (name, activation) in enumerate((("sigmoid", sigmoid), ("ReLU", relu))):
        same, equal, lowest = (np.empty((len(widths), seeds)) for _ in range(3))
        for k in range(seeds):
            teacher = draw_teacher(samples, activation=activation, inputs=inputs, seed=seed + k)
            centred = Teacher(teacher.X, teacher.y - teacher.y.mean())
            for i, width in enumerate(widths):
                student = draw_student(width, inputs, seed=seed + 50 * k + 1)
                lowest[i, k] = np.linalg.eigvalsh(student_kernel(teacher.X, student, activation))[0]
                losses = train_student(teacher, student, activation, rate=top[name], steps=steps).losses
                same[i, k] = np.log(losses[steps // 2] / losses[steps]) / (steps - steps // 2)
                quiet = draw_student(width, inputs, seed=seed + 50 * k + 1, zero_output=True)
                count = round(steps * widths[0] / width)
                still = train_student(centred, quiet, activation, rate=top[name], steps=count).losses
                equal[i, k] = np.log(still[count // 2] / still[count]) / (count - count // 2)
                if k == 0 and name == "sigmoid":
                    curves.append(Curve(f"width {width}", np.arange(steps + 1.0), losses, group=i))
        for what, values, mark in (("same steps", same, True), ("equal kernel time, zero start", equal, False)):
            fits[f"{name}, {what}"] = fit_scaling(grid, values)
            rows.append(exponent_row(f"{name} students, {what}", fits[f"{name}, {what}"], "1 if H = m H_1"))
            mean = np.exp(np.log(values).mean(axis=1))
            right.append(
                Curve(f"{name}, {what}", doublings, mean / mean[0], group=2 * group + (not mark), markers=mark)
            )
        rows.append(
            exponent_row(f"{name} students, lambda_min(H(0))", fit_scaling(grid, lowest), "1 for wide students")
        )
    right.append(Curve("proportional to m", doublings, grid / grid[0], theory=True, group=6))
    reached = fits["sigmoid, same steps"].interval[1] + NEAR_ONE >= 1.0
    rescaled = fits["sigmoid, equal kernel time, zero start"]
    return Figure(
        "Figure 4: non-linear students",
        f"{samples} samples of {inputs} inputs, {steps} steps, seeds {seed} to {seed + seeds - 1}; "
        f"step sizes {top['sigmoid']:.2g} (sigmoid), {top['ReLU']:.2g} (ReLU)",
        (
            Panel("sigmoid students, training curves", "step", "loss", tuple(curves)),
            Panel(
                "rate over the second half of the steps",
                f"doublings of the width, from {widths[0]}",
                "loss rate per step, relative",
                tuple(right),
            ),
        ),
        tuple(rows),
        (
            outcome(_falls_steeply_then_slowly(curves[-1].y), "a steep beginning, then a slow region"),
            outcome(reached, "in the slow region, over the same steps, the rate is proportional to the width"),
            outcome(
                rescaled.interval[0] - NEAR_ONE < 1.0 < rescaled.interval[1] + NEAR_ONE,
                "with steps in proportion to 1/m and zero initial output the rate is proportional to the width",
            ),
        ),
    )


def figure6(full: bool, seed: int) -> Figure:
    """Three-layer ReLU students: quadratic in the width at constant variance, linear with fan-in scaling."""
    samples, inputs = (60, 50) if full else (16, 30)
    widths = (32, 64, 128, 256, 512) if full else (32, 64, 128, 256)
    seeds, steps = 6, 40
    grid = np.array(widths, dtype=float)
    doublings = np.log2(grid / grid[0])
    cases = ("both widths, constant variance", "one width, constant variance", "both widths, variance 2/fan-in")
    curves, rows, linear = [], [], {}
    for group, case in enumerate(cases):
        lowest, trace, rate = (np.empty((len(widths), seeds)) for _ in range(3))
        for k in range(seeds):
            teacher = draw_teacher(samples, activation=relu, inputs=inputs, seed=seed + k)
            weights = [_three_layers(case, width, inputs, seed + 10 * k + i) for i, width in enumerate(widths)]
            kernels = [_unscaled_kernel(teacher.X, layers) for layers in weights]
            step = 0.5 / max(float(np.linalg.eigvalsh(kernel)[-1]) for kernel in kernels)
            for i, (layers, kernel) in enumerate(zip(weights, kernels, strict=True)):
                spectrum = np.linalg.eigvalsh(kernel)
                lowest[i, k], trace[i, k] = spectrum[0], spectrum.sum()
                losses = _train_three_layers(teacher, layers, step, steps)
                rate[i, k] = np.log(losses[0] / losses[-1]) / steps
        fits = [fit_scaling(grid, values) for values in (lowest, trace, rate)]
        linear[case] = abs(fits[0].exponent - 1.0) < 2 * NEAR_ONE
        theory = {0: "2", 1: "1", 2: "1"}[group]
        rows += [
            exponent_row(f"{case}, lambda_min(H(0))", fits[0], f"{theory} (wide)"),
            exponent_row(f"{case}, trace of H(0)", fits[1], theory),
            exponent_row(f"{case}, loss rate over {steps} steps", fits[2], ""),
        ]
        mean = np.exp(np.log(lowest).mean(axis=1))
        curves.append(Curve(case, doublings, mean / mean[0], group=group))
    curves.append(Curve("proportional to m", doublings, grid / grid[0], theory=True, group=6))
    curves.append(Curve("proportional to m^2", doublings, (grid / grid[0]) ** 2, theory=True, group=5))
    return Figure(
        "Figure 6: three-layer ReLU students",
        f"{samples} samples of {inputs} inputs, seeds {seed} to {seed + seeds - 1}; deviation {DEVIATION} or He",
        (
            Panel(
                "smallest eigenvalue of H(0), geometric mean",
                f"doublings of the width, from {widths[0]}",
                "lambda_min, relative",
                tuple(curves),
            ),
        ),
        tuple(rows),
        (
            outcome(linear[cases[0]], "linear growth when both widths grow at constant variance"),
            outcome(linear[cases[1]], "linear growth when one width grows"),
            outcome(linear[cases[2]], "linear growth when both widths grow with variance 2/fan-in"),
            "E[H] is already quadratic through the strongly Gram part: linear growth says nothing about cross terms.",
        ),
    )


def _falls_steeply_then_slowly(losses: Float[np.ndarray, " k"]) -> bool:
    """Return whether the first tenth of the steps falls at ten times the rate of the second half, at least."""
    tenth, half, last = len(losses) // 10, len(losses) // 2, len(losses) - 1
    steep, slow = np.log(losses[0] / losses[tenth]) / tenth, np.log(losses[half] / losses[last]) / (last - half)
    return bool(steep > 10.0 * slow)


def _three_layers(case: str, width: int, inputs: int, seed: int) -> list[Float[np.ndarray, "_ _"]]:
    """Draw W_1, W_2 and the output row."""
    rng = np.random.default_rng(seed)
    first = 32 if case.startswith("one") else width
    shapes = ((first, inputs), (width, first), (1, width))
    fan_in = case.endswith("fan-in")
    return [(np.sqrt(2.0 / s[1]) if fan_in else DEVIATION) * rng.standard_normal(s) for s in shapes]


def _unscaled_kernel(X: Float[np.ndarray, "n d"], weights: list[Float[np.ndarray, "_ _"]]) -> Float[np.ndarray, "n n"]:
    """Return H of a network without the factors s_l of `mlp_ntk`: they go into the weights and out of the gradients."""
    columns = [1.0, *(float(W.shape[1]) for W in weights[1:])]
    scaled = [np.sqrt(c) * W for c, W in zip(columns, weights, strict=True)]
    layers = mlp_ntk_layers(X, scaled)
    return np.asarray(sum(c * layer for c, layer in zip(columns, layers, strict=True)))


def _train_three_layers(
    teacher: Teacher, weights: list[Float[np.ndarray, "_ _"]], step: float, steps: int
) -> Float[np.ndarray, " k"]:
    """Train all layers by gradient descent and return the losses."""
    network = MlpNetwork((weights[0].shape[1], *(W.shape[0] for W in weights)), scaled=False)
    start = np.concatenate([W.ravel() for W in weights])
    run = train_mlp(network, start, teacher.X, teacher.y, GradientDescent(step), steps, loss=PowerLoss())
    losses: Float[np.ndarray, " k"] = run.losses[0]
    return losses
