"""Figures 5 and 7 to 10 of the path formula paper: scalar layers against momentum, and tests of the trained weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from odeflow.figures import Curve, Figure, Panel, RateRow
from odeflow.numeric.randomness import RandomnessTest, deviation_test, kolmogorov_smirnov, mean_test, turning_points
from odeflow.numeric.rate_quantities import loss_ratio
from theory.iclr2020_path_formula._kernel_means import identity
from theory.iclr2020_path_formula._training import (
    DEVIATION,
    Student,
    draw_student,
    draw_teacher,
    sigmoid,
    train_linear_student,
    train_student,
)
from theory.iclr2020_path_formula._width_figures import outcome

__all__ = ["figure5", "figure7", "figure8", "figure9", "figure10"]


def figure5(full: bool, seed: int) -> Figure:
    """Scalar layers on top against explicit momentum, at a large and at a small output scale."""
    steps, rate = 300, 5e-6
    settings: list[tuple[str, int, int, float]] = [
        ("width 1000", 1000, 0, 0.0),
        ("width 2000", 2000, 0, 0.0),
        ("1000, momentum 0.2", 1000, 0, 0.2),
        ("1000, momentum 0.5", 1000, 0, 0.5),
        ("1000, momentum 0.8", 1000, 0, 0.8),
        ("1000, 1", 1000, 1, 0.0),
        ("1000, 1, 1", 1000, 2, 0.0),
    ]
    panels, rows = [], []
    ends: dict[tuple[float, str], float] = {}
    samples = 200 if full else 100
    for deviation in (10.0, 0.12):
        teacher = draw_teacher(samples, activation=identity, seed=seed, deviation=deviation)
        curves = []
        for group, (name, width, scalars, momentum) in enumerate(settings):
            student = draw_student(width, 50, seed=seed + width, zero_output=True)
            run = train_linear_student(teacher, student, rate=rate, steps=steps, scalars=scalars, momentum=momentum)
            ratios = loss_ratio(run.losses)
            curves.append(Curve(name, np.arange(1.0, steps + 1.0), ratios, group=group))
            ends[deviation, name] = float(run.losses[-1] / run.losses[0])
            slow = f"slow modes as with rate x {1.0 / (1.0 - momentum):.2f}" if momentum else ""
            rows.append(RateRow(f"output scale {deviation:g}, {name}: L_end / L_0", ends[deviation, name], None, slow))
        panels.append(Panel(f"teacher deviation {deviation:g}", "step", "1 - Loss(t+1)/Loss(t)", tuple(curves)))
    large = [ends[10.0, name] for name in ("width 1000", "1000, 1", "1000, 1, 1")]
    small = [ends[0.12, name] for name in ("width 1000", "1000, 1, 1")]
    return Figure(
        "Figure 5: scalar layers and momentum",
        f"linear students, {samples} samples, step size {rate:g}, {steps} steps, zero initial output, seed {seed}",
        tuple(panels),
        tuple(rows),
        (
            outcome(
                large[0] > 2 * large[1] > 4 * large[2], "scalar layers accelerate at output scale 10, each by more"
            ),
            outcome(small[1] < 0.9 * small[0], "scalar layers accelerate at output scale 0.12"),
            outcome(
                0.2 < np.log(ends[10.0, "1000, momentum 0.5"]) / np.log(ends[10.0, "width 2000"]) < 5.0,
                "twice the width is worth about momentum 1/2 (slow modes: 1/(1 - 0.5) = 2)",
            ),
        ),
    )


def figure10(full: bool, seed: int) -> Figure:
    """How the gain from scalar layers depends on the output scale, from zero and from random initial outputs."""
    deviations = np.array([0.06, 0.12, 0.24, 0.5, 1.0, 2.0, 4.0, 10.0])
    seeds, rate = (5 if full else 2), 5e-6
    gains = np.empty((2, 2, len(deviations), seeds))
    scales = np.empty_like(gains)
    for start, layers, i, k in np.ndindex(gains.shape):
        teacher = draw_teacher(100, activation=identity, seed=seed + k, deviation=float(deviations[i]))
        student = draw_student(2000, 50, seed=seed + 20 + k, zero_output=start == 0)
        plain, deep = (train_linear_student(teacher, student, rate=rate, steps=300, scalars=s) for s in (0, layers + 1))
        first, last = (0, 100) if start == 0 else (150, 300)
        falls = [float(np.log(run.losses[first] / run.losses[last])) for run in (plain, deep)]
        gains[start, layers, i, k], scales[start, layers, i, k] = falls[1] / falls[0], deep.scale[-1]
    names = ("2000_1", "2000_1_1")
    panels = [
        Panel(
            title,
            "deviation of the teacher's output",
            "rate, relative to 2000",
            (
                *(Curve(names[j], deviations, gains[start, j].mean(axis=1), group=j) for j in (0, 1)),
                Curve("no gain", deviations, np.ones(len(deviations)), theory=True, group=6),
            ),
            xscale="log",
            yscale="linear",
        )
        for start, title in ((0, "zero initial output, steps 0 to 100"), (1, "random initial output, steps 150 to 300"))
    ]
    rows = [
        RateRow(
            f"{title} output, scale {deviations[i]:g}, {names[j]}: relative rate",
            float(gains[start, j, i].mean()),
            (float(gains[start, j, i].min()), float(gains[start, j, i].max())),
            f"mu at the end {scales[start, j, i].mean():.3f}",
        )
        for start, title in ((0, "zero"), (1, "random"))
        for j in (0, 1)
        for i in (1, 2, 4, 7)
    ]
    rising = bool((np.diff(gains[0].mean(axis=2), axis=1) > 0).all())
    seen = bool(gains[0, :, 2].mean() > 1.01)
    return Figure(
        "Figure 10: scalar layers and the output scale",
        f"linear students of width 2000, step size {rate:g}, seeds {seed} to {seed + seeds - 1}; intervals: all seeds",
        tuple(panels),
        tuple(rows),
        (
            outcome(rising, "from zero output, the larger the output scale the more the scalar layers gain"),
            outcome(seen, "the gain is visible (above 1 %) at 0.24"),
            outcome(bool(scales[0, :, -1].max() < 1.05), "mu stays close to 1 at the largest scale"),
            outcome(
                bool((gains[1, :, :3] > 1.0).all()),
                "scalar layers do not slow training down, from random outputs at small scale either "
                "(<u, y - u> < 0 there)",
            ),
        ),
    )


@dataclass(frozen=True, eq=False)
class Trace:
    """Weights of one student along training."""

    name: str
    steps: Float[np.ndarray, " k"]
    losses: Float[np.ndarray, " l"]
    students: tuple[Student, ...]

    def layers(self) -> tuple[tuple[str, list[Float[np.ndarray, " p"]]], ...]:
        """Return the weights of both layers at every snapshot."""
        return (
            (f"{self.name}, layer 0", [s.W.ravel() for s in self.students]),
            (f"{self.name}, layer 1", [s.v for s in self.students]),
        )


@functools.lru_cache(maxsize=4)
def _traces(full: bool, seed: int) -> tuple[Trace, ...]:
    """Train a linear and a sigmoid student and keep 16 snapshots."""
    width, samples, steps = (1000, 100, 1500) if full else (400, 50, 300)
    every = steps // 15
    traces = []
    for name, activation, rate in (
        ("linear", identity, 0.2 / (0.02 * width * samples)),
        ("sigmoid", sigmoid, 1.2 / (samples * width / 4)),
    ):
        teacher = draw_teacher(samples, activation=activation, seed=seed)
        student = draw_student(width, 50, seed=seed + 3)
        run = train_student(teacher, student, activation, rate=rate, steps=steps, snapshots_every=every)
        traces.append(Trace(name, every * np.arange(len(run.snapshots), dtype=float), run.losses, run.snapshots))
    return tuple(traces)


def _setting(full: bool, seed: int) -> str:
    width, samples, steps = (1000, 100, 1500) if full else (400, 50, 300)
    return f"students 50-{width}-1, {samples} samples, {steps} steps, deviation {DEVIATION} at the start, seed {seed}"


def figure7(full: bool, seed: int) -> Figure:
    """Mean and standard deviation of the weights along training."""
    means: list[Curve] = []
    deviations: list[Curve] = []
    rows, moved = [], []
    for trace in _traces(full, seed):
        for name, weights in trace.layers():
            group = len(means)
            means.append(Curve(name, trace.steps, np.array([w.mean() for w in weights]), group=group))
            deviations.append(Curve(name, trace.steps, np.array([w.std(ddof=1) for w in weights]), group=group))
            last = weights[-1]
            mean, spread = mean_test(last, deviation=DEVIATION), deviation_test(last, deviation=DEVIATION)
            rows.append(
                RateRow(f"{name}: final mean", float(last.mean()), _scaled(mean), f"0 (p = {mean.p_value:.2f})", "0")
            )
            interval = tuple(DEVIATION * float(np.exp(x)) for x in spread.effect_interval)
            theory = f"{DEVIATION} (p = {spread.p_value:.2f})"
            rows.append(
                RateRow(f"{name}: final deviation", float(last.std(ddof=1)), (interval[0], interval[1]), theory, "0.1")
            )
            moved.append(float(np.linalg.norm(last - weights[0]) / np.linalg.norm(weights[0])))
            rows.append(RateRow(f"{name}: relative movement", moved[-1], None, ""))
    close = all(abs(c.y[-1] / c.y[0] - 1.0) < 0.05 for c in deviations)
    return Figure(
        "Figure 7: mean and deviation of the weights",
        _setting(full, seed),
        (
            Panel("mean", "step", "mean of the weights", tuple(means), yscale="linear"),
            Panel("standard deviation", "step", "deviation of the weights", tuple(deviations), yscale="linear"),
        ),
        tuple(rows),
        (
            outcome(close, "the deviation stays within 5 % of its start in every layer"),
            f"The weights moved by {', '.join(f'{100 * m:.1f} %' for m in moved)} of their norm.",
        ),
    )


def figure8(full: bool, seed: int) -> Figure:
    """Kolmogorov-Smirnov p-values of the weights against their initial law."""
    curves: list[Curve] = []
    rows: list[RateRow] = []
    for trace in _traces(full, seed):
        for name, weights in trace.layers():
            tests = [kolmogorov_smirnov(w, deviation=DEVIATION) for w in weights]
            curves.append(_p_values(name, trace, tests, len(curves)))
            rows += _test_rows(name, tests, "distance D from N(0, 0.01)")
    return Figure(
        "Figure 8: Kolmogorov-Smirnov tests of the weights",
        _setting(full, seed),
        (Panel("p-value against the initial law", "step", "p-value", _with_level(curves), yscale="linear"),),
        tuple(rows),
        (
            outcome(all((c.y > 0.05).all() for c in curves), "no p-value falls below 0.05"),
            "Stable p-values follow from weights that hardly move; the last column says which distance would be found.",
        ),
    )


def figure9(full: bool, seed: int) -> Figure:
    """Turning-point p-values of the weights, and what the test cannot see."""
    curves: list[Curve] = []
    rows: list[RateRow] = []
    for trace in _traces(full, seed):
        for name, weights in trace.layers():
            tests = [turning_points(w) for w in weights]
            curves.append(_p_values(name, trace, tests, len(curves)))
            rows += _test_rows(name, tests, "share of turning points minus 2/3")
    rng = np.random.default_rng(seed)
    count, length = 400, 400
    blind = {
        "iid normal": rng.standard_normal((count, length)),
        "common random scale (not independent)": rng.standard_cauchy((count, 1)) * rng.standard_normal((count, length)),
        "two halves of deviations 1 and 20 (not identical)": rng.standard_normal((count, length))
        * np.repeat([1.0, 20.0], length // 2),
        "autoregression 0.3 (the test's own alternative)": _autoregressions(rng, count, length, 0.3),
    }
    rejected = {}
    for name, sequences in blind.items():
        share = float(np.mean([turning_points(row).rejects for row in sequences]))
        half = 1.96 * float(np.sqrt(max(share * (1 - share), 1 / count) / count))
        rejected[name] = share
        rows.append(RateRow(f"rejections at level 5 %: {name}", share, (max(share - half, 0.0), share + half), "0.05"))
    names = list(blind)
    return Figure(
        "Figure 9: turning-point tests of the weights",
        _setting(full, seed) + f"; below: {count} sequences of {length} values",
        (Panel("p-value of the turning-point test", "step", "p-value", _with_level(curves), yscale="linear"),),
        tuple(rows),
        (
            outcome(all((c.y > 0.05).all() for c in curves), "no p-value falls below 0.05"),
            outcome(
                all(rejected[name] > 0.1 for name in names[1:3]),
                "the test tells values that are not independent, or not identically distributed, from iid ones",
            ),
            "A passed test does not show iid (turning_points_show_iid_printed).",
        ),
    )


def _autoregressions(rng: np.random.Generator, count: int, length: int, rho: float) -> Float[np.ndarray, "c l"]:
    noise = rng.standard_normal((count, length))
    noise[:, 0] /= np.sqrt(1.0 - rho**2)
    for i in range(1, length):
        noise[:, i] += rho * noise[:, i - 1]
    return noise


def _p_values(name: str, trace: Trace, tests: list[RandomnessTest], group: int) -> Curve:
    return Curve(name, trace.steps, np.array([test.p_value for test in tests]), group=group)


def _with_level(curves: list[Curve]) -> tuple[Curve, ...]:
    x = curves[0].x
    return (*curves, Curve("level 0.05", x, np.full(x.size, 0.05), theory=True, group=6))


def _test_rows(name: str, tests: list[RandomnessTest], effect: str) -> list[RateRow]:
    last = tests[-1]
    found = f"{last.detectable:.4f} is found with probability {last.power:g}"
    return [
        RateRow(f"{name}: final p-value", last.p_value, None, f"{tests[0].p_value:.2f} at the start"),
        RateRow(f"{name}: final {effect}", last.effect, last.effect_interval, found),
    ]


def _scaled(test: RandomnessTest) -> tuple[float, float]:
    return DEVIATION * test.effect_interval[0], DEVIATION * test.effect_interval[1]
