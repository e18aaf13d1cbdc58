"""A grid of learning rates for a deep linear net, ours and the peers': diabetes, l4, depth 3, 32 rates, 400 steps.

Every tool trains the same 32 runs (width 1, layers N(0, 0.01^2), rates 1e-4 to 1e-2) and returns all losses, which must
agree to 1e-9. Plain NumPy takes one run after the other, as one writes it down; "NumPy, stacked" is this library's
`mlp_training`, which stacks the runs in its matrix products; PyTorch, where it is installed, does so by `einsum` and
automatic differentiation. One JSON line a tool; speeds compare only within one run.

    python tests/benchmarks/bench_linear_training.py [--repeat 7]

`cpu_ms` and `wall_ms` are medians over interleaved rounds without compile time, `first_s` is the wall time of the first
call. Set OMP_NUM_THREADS=1 and the like before, for one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from odeflow.datasets import load_dataset, standardised
from odeflow.numeric.activations import Activation
from odeflow.numeric.linear_training import GradientDescent, PowerLoss, initial_layers, train_layers
from odeflow.numeric.mlp_training import Network, train_mlp

RATES = np.geomspace(1e-4, 1e-2, 32)
STEPS, WIDTHS = 400, (10, 1, 1, 1)
LOSS = PowerLoss(4, average=True)
AGREEMENT = 1e-9
Run = Callable[[], np.ndarray]


def problem() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return inputs, targets and the layers, of a size at which training does something within the steps."""
    data = standardised(load_dataset("diabetes"))
    y = (data.target - data.target.mean()) / data.target.std()
    return data.features, y, [50.0 * W[0] for W in initial_layers(WIDTHS, [0])]


def build_odeflow(X: np.ndarray, y: np.ndarray, layers: list[np.ndarray]) -> Run:
    optimisers = [GradientDescent(rate) for rate in RATES]
    return lambda: train_layers(layers, X, y, optimisers, STEPS, loss=LOSS).losses


def build_stacked(X: np.ndarray, y: np.ndarray, layers: list[np.ndarray]) -> Run:
    network = Network(WIDTHS, activation=Activation.IDENTITY, scaled=False)
    start = np.concatenate([W.ravel() for W in layers])
    optimisers = [GradientDescent(rate) for rate in RATES]
    return lambda: train_mlp(network, start, X, y, optimisers, STEPS, loss=LOSS).losses


def build_numpy(X: np.ndarray, y: np.ndarray, layers: list[np.ndarray]) -> Run:
    def run() -> np.ndarray:
        losses = np.empty((RATES.size, STEPS + 1))
        for row, rate in enumerate(RATES):
            A, B, C = (W.copy() for W in layers)
            for step in range(STEPS + 1):
                error = X @ (C @ B @ A)[0] - y
                cube = error * error * error
                losses[row, step] = (cube * error).mean() / 4.0
                G = (cube @ X / len(y))[None]
                A, B, C = A - rate * (C @ B).T @ G, B - rate * C.T @ G @ A.T, C - rate * G @ (B @ A).T
        return losses

    return run


def build_torch(X: np.ndarray, y: np.ndarray, layers: list[np.ndarray]) -> Run:
    import torch  # type: ignore[import-not-found, unused-ignore]

    inputs, targets = torch.tensor(X), torch.tensor(y)
    rates = torch.tensor(RATES)[:, None, None]

    def run() -> np.ndarray:
        weights = [torch.tensor(W).repeat(RATES.size, 1, 1).requires_grad_() for W in layers]
        losses = []
        for _ in range(STEPS + 1):
            products = weights[2] @ weights[1] @ weights[0]
            error = torch.einsum("nd,sd->sn", inputs, products[:, 0]) - targets
            each = (error**4).mean(dim=1) / 4.0
            losses.append(each.detach())
            gradients = torch.autograd.grad(each.sum(), weights)
            with torch.no_grad():
                for W, g in zip(weights, gradients, strict=True):
                    W -= rates * g
        return np.asarray(torch.stack(losses, dim=1))

    return run


TOOLS: list[tuple[str, str, Callable[..., Run]]] = [
    ("odeflow", "odeflow", build_odeflow),
    ("NumPy, stacked", "numpy", build_stacked),
    ("NumPy, run by run", "numpy", build_numpy),
    ("PyTorch, stacked", "torch", build_torch),
]


def bench(repeat: int) -> list[dict[str, Any]]:
    """Measure every tool that is installed, in interleaved rounds; the last line holds the ratios to ours."""
    X, y, layers = problem()
    lines: list[dict[str, Any]] = []
    runs: dict[str, Run] = {}
    reference: np.ndarray | None = None
    for name, package, build in TOOLS:
        if importlib.util.find_spec(package) is None:
            lines.append({"workload": "rate grid", "tool": name, "missing": package})
            continue
        runs[name] = build(X, y, layers)
        began = time.perf_counter()
        losses = runs[name]()
        first = time.perf_counter() - began
        reference = losses if reference is None else reference
        error = float(np.abs(losses / reference - 1.0).max())
        lines.append({"workload": "rate grid", "tool": name, "difference": error, "first_s": round(first, 3)})
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            began, used = time.perf_counter(), time.process_time()
            run()
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - used)
    for line in lines:
        if line["tool"] in runs:
            line["wall_ms"] = round(1e3 * float(np.median(wall[line["tool"]])), 2)
            line["cpu_ms"] = round(1e3 * float(np.median(cpu[line["tool"]])), 2)
    ours = float(np.median(cpu["odeflow"]))
    ratios = {name: round(float(np.median(cpu[name])) / ours, 1) for name in runs}
    return [*lines, {"workload": "rate grid", "cpu_time_over_ours": ratios}]


@pytest.mark.benchmark
def test_a_rate_grid_trains_five_times_as_fast_as_in_numpy() -> None:
    lines = bench(5)
    assert all(line["difference"] < AGREEMENT for line in lines if "difference" in line)
    ratios = lines[-1]["cpu_time_over_ours"]
    assert ratios["NumPy, run by run"] > 5
    assert ratios["NumPy, stacked"] > 5


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=7)
    for line in bench(parser.parse_args().repeat):
        print(json.dumps(line))
