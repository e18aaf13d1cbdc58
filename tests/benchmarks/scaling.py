"""How does the cost grow? Writes the numbers and the pictures of the documentation's page on scale.

Each series changes one size and keeps the others: CPU seconds, which other jobs disturb least (for workers also the
wall time), the best of a few repetitions, and for the event-exact flow the peak of memory beyond what the imports take.
The sizes are small, a few minutes in all. A slope is that of a line through the logarithms of these sizes.

    python tests/benchmarks/scaling.py [-o odeflow/documentation/scaling] [--repetitions 3]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench_scaling import in_a_process, on_one_blas_thread

import odeflow
from odeflow.files import write_text
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.kernels import relu_ntk_limit, smallest_eigenvalue
from odeflow.numeric.linear_training import GradientDescent, train_layers
from odeflow.numeric.modal import frozen_kernel_losses
from odeflow.panels import Curve, Panel
from odeflow.plots import panel_svg
from odeflow.sweep import SweepSpec, run_sweep
from odeflow.workers import available_cores

FOLDER = Path(__file__).resolve().parents[2] / "odeflow" / "documentation" / "scaling"
FLOW_END = 2.0
RELU_WIDTHS, RELU_SAMPLES = (300, 1000, 3000, 10_000, 30_000), (20, 40, 80, 160)
DEPTHS, ENSEMBLES, KERNELS = (1, 2, 4, 8, 16), (10, 100, 1000, 10_000), (100, 200, 400, 800, 1600)
SWEEP_CELLS = 48


@dataclass(frozen=True)
class Series:
    """One curve: what was varied, what was run, what it cost."""

    name: str
    axis: str
    what: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    memory_mb: tuple[float, ...] = ()
    clock: str = "CPU seconds"
    wall: tuple[float, ...] = ()

    @property
    def exponent(self) -> float:
        """Slope of log(seconds) over log(size)."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])

    def fields(self) -> dict[str, Any]:
        return {
            "name": self.name, "axis": self.axis, "what": self.what, "clock": self.clock, "sizes": self.sizes,
            "seconds": [float(f"{s:.3g}") for s in self.seconds], "exponent": round(self.exponent, 2),
            "memory_mb": self.memory_mb, "wall_seconds": [float(f"{w:.3g}") for w in self.wall],
        }  # fmt: skip


def best(work: Callable[[], object], repetitions: int) -> float:
    """CPU seconds of the fastest call, after one that compiles and warms."""
    work()
    found = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return max(min(found), 1e-6)


def event_exact(axis: str, what: str, cases: Sequence[tuple[int, int, int]]) -> Series:
    """The event-exact flow of a two-layer network, each case in a process of its own."""
    lines = [in_a_process(*case, FLOW_END) for case in cases]
    return Series(
        f"event-exact-{axis[0]}",
        axis,
        what,
        tuple(line[axis[0]] for line in lines),
        tuple(line["cpu_s"] for line in lines),
        tuple(line["memory_mb"] for line in lines),
    )


def linear_depths(repetitions: int) -> Series:
    def work(depth: int) -> Callable[[], object]:
        rng = np.random.default_rng(0)
        X, Y = rng.standard_normal((50, 10)), rng.standard_normal((50, 10))
        layers = [np.eye(10) * 0.5 for _ in range(depth)]
        return lambda: train_layers(layers, X, Y, GradientDescent(1e-3), 2000)

    seconds = tuple(best(work(depth), repetitions) for depth in DEPTHS)
    return Series("linear-depth", "N, layers", "2000 steps of a linear network, width 10, 50 samples", DEPTHS, seconds)


def ensembles(repetitions: int) -> Series:
    def work(count: int) -> Callable[[], object]:
        rng = np.random.default_rng(0)
        roots = rng.standard_normal((count, 20, 20))
        kernels, errors = roots @ roots.swapaxes(1, 2) + np.eye(20), rng.standard_normal((count, 20))
        return lambda: frozen_kernel_losses(HeavyBall(2.0), kernels, errors, np.linspace(0.0, 10.0, 200))

    seconds = tuple(best(work(count), repetitions) for count in ENSEMBLES)
    what = "heavy ball on a stack of frozen kernels, n = 20, 200 times, in closed form"
    return Series("ensemble", "s, kernels", what, ENSEMBLES, seconds)


def kernels(repetitions: int) -> Series:
    def work(count: int) -> Callable[[], object]:
        X = np.random.default_rng(0).standard_normal((count, 50))
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        return lambda: smallest_eigenvalue(relu_ntk_limit(X))

    seconds = tuple(best(work(count), repetitions) for count in KERNELS)
    what = "infinite-width kernel and its certified smallest eigenvalue, d = 50"
    return Series("kernel", "n, samples", what, KERNELS, seconds)


def workers() -> Series:
    """A grid by one worker, then by more, once all is loaded: the CPU seconds of all of them, and the wall time.

    On a machine that others use, only the first says whether work is lost by sharing it.
    """

    def grid(seeds: range) -> SweepSpec:
        axes = {"network": ["relu"], "width": [500], "samples": [10], "features": [10], "seed": list(seeds)}
        return SweepSpec.checked(axes, ["exponent"])

    counts, cpu, wall = tuple(range(1, available_cores() + 1)), [], []
    for count in counts:
        method = multiprocessing.get_context("spawn")
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(count, mp_context=method) as pool:
            run_sweep(grid(range(SWEEP_CELLS, SWEEP_CELLS + 6 * count)), Path(folder) / "warm", executor=pool)
            begin, start = children_cpu_seconds(), time.perf_counter()
            outcome = run_sweep(grid(range(SWEEP_CELLS)), Path(folder) / "store", executor=pool)
            wall.append(time.perf_counter() - start)
            cpu.append(children_cpu_seconds() - begin)
            assert outcome.failed == 0, outcome
    what = f"a sweep of {SWEEP_CELLS} networks (m = 500, n = d = 10), workers started and warm"
    return Series(
        "workers", "worker processes", what, counts, tuple(cpu), clock="CPU seconds of all workers", wall=tuple(wall)
    )


def children_cpu_seconds() -> float:
    """CPU seconds that the living worker processes have used so far; Linux only."""
    ticks = 0
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def picture(series: Series) -> str:
    """The curve, and the power law through it."""
    sizes, seconds = np.asarray(series.sizes, dtype=float), np.asarray(series.seconds)
    middle = np.exp(np.log(seconds).mean()) * (sizes / np.exp(np.log(sizes).mean())) ** series.exponent
    curves = (
        Curve("measured", sizes, seconds, markers=True),
        Curve(f"slope {series.exponent:.2f}", sizes, middle, theory=True, group=1),
    )
    return panel_svg(Panel("", series.axis, series.clock, curves, xscale="log"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="folder of scaling.json and the pictures")
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    found = [
        event_exact("m, neurons", "gradient flow of a two-layer ReLU network to t = 2, n = d = 20",
                    [(m, 20, 20) for m in RELU_WIDTHS]),
        event_exact("n, samples", "gradient flow of a two-layer ReLU network to t = 2, m = 1000, d = 20",
                    [(1000, n, 20) for n in RELU_SAMPLES]),
        linear_depths(arguments.repetitions),
        ensembles(arguments.repetitions),
        kernels(arguments.repetitions),
        workers(),
    ]  # fmt: skip
    arguments.output.mkdir(parents=True, exist_ok=True)
    for series in found:
        write_text(arguments.output / f"{series.name}.svg", picture(series))
        print(series.name, *(f"{k}: {s:.3g}" for k, s in zip(series.sizes, series.seconds, strict=True)), sep="  ")
    said = {
        "odeflow": odeflow.__version__, "python": platform.python_version(), "cores": available_cores(),
        "load_average_at_start": round(load, 1), "repetitions": arguments.repetitions,
        "series": [series.fields() for series in found],
    }  # fmt: skip
    write_text(arguments.output / "scaling.json", json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    on_one_blas_thread()
    main()
