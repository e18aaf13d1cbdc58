"""What does the event-exact flow cost as the network grows, what does it hold in memory, and where does it lose?

One JSON line a case: CPU seconds, events, peak memory beyond what the imports take. Then the exponents of a power law
fitted to each series (cost and events against m, n and d, gradient flow until t = 10, one run each), the memory a
(neuron, sample) pair takes, the largest network that fits 24 GiB by that number, and a run with many more samples than
dimensions beside a general solver over the same stretch of time. `--big` adds one large run.

    python tests/benchmarks/bench_scaling.py [--big]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from odeflow.errors import IntegrationError
from odeflow.numeric import _relu_horizon_kernels
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.relu_flow import relu_flow

END = 10.0
SERIES = {
    "m": [(m, 50, 50) for m in (100, 300, 1000, 3000)],
    "n": [(1000, n, 50) for n in (25, 50, 100, 200)],
    "d": [(1000, 50, d) for d in (12, 25, 50, 100)],
}  # (m, n, d)
MANY_SAMPLES = (300, 100, 5)
PATIENCE = 10.0


def network(m: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Unit samples, labels in [-1, 1], normal weights, signs."""
    data, weights = np.random.default_rng(0), np.random.default_rng(1)
    X = data.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, data.uniform(-1.0, 1.0, n), weights.standard_normal((m, d)), weights.choice([-1.0, 1.0], m)


def resident_mb(field: str) -> float:
    """VmHWM or VmRSS of this process; NaN where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))
    except OSError:
        return math.nan


def one_case(m: int, n: int, d: int, end: float) -> dict[str, Any]:
    _relu_horizon_kernels.warm()
    net = network(m, n, d)
    relu_flow(*network(20, 5, 5), GradientFlow(), [0.0, 0.1])
    before = resident_mb("VmRSS")
    start = time.process_time()
    run = relu_flow(*net, GradientFlow(), [0.0, end], record_events=False)
    seconds = time.process_time() - start
    return {
        "m": m, "n": n, "d": d, "end": end, "cpu_s": round(seconds, 4), "events": run.event_count,
        "us_per_event": round(1e6 * seconds / max(run.event_count, 1), 1),
        "memory_mb": round(resident_mb("VmHWM") - before, 1),
        "consistency": run.consistency, "loss_ratio": float(run.losses[-1] / run.losses[0]),
    }  # fmt: skip


def in_a_process(m: int, n: int, d: int, end: float) -> dict[str, Any]:
    """Memory peaks are a process's: each case has its own."""
    command = [sys.executable, __file__, "--case", str(m), str(n), str(d), str(end)]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def exponent(sizes: list[int], values: list[float]) -> float:
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 2)


def report(**line: Any) -> None:
    print(json.dumps({"workload": "scaling", **line}), flush=True)


def beside_a_solver(m: int, n: int, d: int) -> None:
    """Many samples in few dimensions: how far do we get, and what does SciPy need for the same stretch?"""
    X, y, W, a = net = network(m, n, d)
    c = a / math.sqrt(m)
    start = time.process_time()
    try:
        run = relu_flow(*net, GradientFlow(), [0.0, *np.geomspace(0.01, 1e3, 51)], max_seconds=PATIENCE)
    except IntegrationError as stopped:
        run = stopped.partial
    seconds = time.process_time() - start
    end = float(run.times[-1])
    report(case="n >> d", tool="odeflow", m=m, n=n, d=d, cpu_s=round(seconds, 2), events=run.event_count,
           reached=end, status=run.status.value, loss=float(run.losses[-1]), consistency=run.consistency)  # fmt: skip

    def rhs(_: float, state: np.ndarray) -> np.ndarray:
        Z = state.reshape(m, d) @ X.T
        on = Z > 0.0
        return (-c[:, None] * ((on * (c @ (Z * on) - y)) @ X)).ravel()

    for rtol in (1e-3, 1e-4, 1e-5):
        start = time.process_time()
        final = solve_ivp(rhs, (0.0, end), W.ravel(), "RK23", rtol=rtol, atol=0.1 * rtol).y[:, -1].reshape(m, d)
        seconds = time.process_time() - start
        error = np.linalg.norm(c @ np.maximum(final @ X.T, 0.0) - y - run.errors[-1]) / np.linalg.norm(run.errors[0])
        report(case="n >> d", tool=f"scipy RK23 rtol={rtol:g}", cpu_s=round(seconds, 2), error=float(f"{error:.2g}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--big", action="store_true", help="one run with 2e7 pairs")
    parser.add_argument("--case", nargs=4, type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        m, n, d = map(int, arguments.case[:3])
        print(json.dumps(one_case(m, n, d, arguments.case[3])))
        return
    for name, cases in SERIES.items():
        lines = [in_a_process(*case, END) for case in cases]
        for line in lines:
            report(series=name, **line)
        sizes = [line[name] for line in lines]
        report(
            series=name,
            events_exponent=exponent(sizes, [line["events"] for line in lines]),
            seconds_exponent=exponent(sizes, [line["cpu_s"] for line in lines]),
        )
    wide = in_a_process(20_000, 100, 50, 0.2)
    report(series="memory", **wide)
    per_pair = wide["memory_mb"] * 2**20 / (wide["m"] * wide["n"])
    pairs = 24 * 2**30 / per_pair
    report(bytes_per_pair=round(per_pair), pairs_in_24_gib=float(f"{pairs:.2g}"), m_at_n_100=round(pairs / 100, -4))
    if arguments.big:
        report(series="big", **in_a_process(200_000, 100, 50, 0.2))
    beside_a_solver(*MANY_SAMPLES)


def on_one_blas_thread() -> None:
    """Start again with one BLAS thread; the libraries read this when they are loaded."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(names, "1")})


if __name__ == "__main__":
    on_one_blas_thread()
    main()
