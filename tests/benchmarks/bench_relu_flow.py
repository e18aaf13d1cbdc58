"""Gradient flow of a two-layer ReLU network with 20,000 weights to t = 50: event by event, against ODE solvers.

n = 100 unit samples in dimension d = 20, m = 1000 neurons, 51 records. One JSON line a tool, at stated achieved errors:
no adaptive solver reaches more than about 1e-6, because the right-hand side jumps at every sign change and hundreds of
neurons slide. `error` is max_k |Delta(t_k) - ours| / |Delta(0)|; for ours it is the rounding check `consistency` over
|Delta(0)| (that ours is right is the business of the tests: independent weight-space integration to 1e-10). `cpu_s` is
the best of three runs of ours, one run of the others; speeds compare only within one run. A tool that is not installed
is named, not skipped in silence.

    python tests/benchmarks/bench_relu_flow.py [--small]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from odeflow.numeric import _relu_horizon_kernels
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.relu_flow import relu_flow

SOLVERS = [("RK45", 1e-4), ("RK45", 1e-6), ("RK23", 1e-5), ("RK23", 1e-6)]


def problem(n: int, d: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Unit samples, labels in [-1, 1], normal weights, signs."""
    data, weights = np.random.default_rng(0), np.random.default_rng(1)
    X = data.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = data.uniform(-1.0, 1.0, n)
    return X, y, weights.standard_normal((m, d)), weights.choice([-1.0, 1.0], m)


def report(tool: str, seconds: float, error: float, **more: Any) -> None:
    print(json.dumps({"tool": tool, "cpu_s": round(seconds, 4), "error": float(f"{error:.2g}"), **more}), flush=True)


def run_ours(net: tuple[np.ndarray, ...], times: np.ndarray) -> tuple[np.ndarray, float]:
    start = time.process_time()
    _relu_horizon_kernels.warm()
    load = time.process_time() - start
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        run = relu_flow(*net, GradientFlow(), times)
        best = min(best, time.process_time() - start)
    scale = float(np.linalg.norm(run.errors[0]))
    report("odeflow", best, run.consistency / scale, events=run.event_count, sliding=run.sliding, load_s=round(load, 2))
    return run.errors, best


def run_scipy(net: tuple[np.ndarray, ...], times: np.ndarray, reference: np.ndarray, ours: float) -> None:
    X, y, W, a = net
    c = a / np.sqrt(a.size)

    def errors(W: np.ndarray) -> np.ndarray:
        return c @ np.maximum(W @ X.T, 0.0) - y

    def rhs(t: float, state: np.ndarray) -> np.ndarray:
        Z = state.reshape(W.shape) @ X.T
        on = Z > 0.0
        error = c @ (Z * on) - y
        return (-c[:, None] * ((on * error) @ X)).ravel()

    for method, rtol in SOLVERS:
        start = time.process_time()
        path = solve_ivp(rhs, (0.0, times[-1]), W.ravel(), method=method, t_eval=times, rtol=rtol, atol=rtol * 0.1)
        seconds = time.process_time() - start
        found = np.array([errors(column.reshape(W.shape)) for column in path.y.T])
        report(f"scipy {method} rtol={rtol:g}", seconds, deviation(found, reference), evaluations=path.nfev,
               ratio=round(seconds / ours, 1))  # fmt: skip


def run_diffrax(net: tuple[np.ndarray, ...], times: np.ndarray, reference: np.ndarray, ours: float) -> None:
    if importlib.util.find_spec("diffrax") is None:
        print(json.dumps({"tool": "diffrax", "missing": "not installed"}))
        return
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    X, y, W, c = (jnp.asarray(part) for part in (*net[:3], net[3] / np.sqrt(net[3].size)))

    def field(t: Any, W: Any, args: Any) -> Any:
        Z = W @ X.T
        on = Z > 0.0
        return -c[:, None] * ((on * (c @ jnp.where(on, Z, 0.0) - y)) @ X)

    @jax.jit
    def solve(W: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Bosh3(), 0.0, times[-1], None, W,
            saveat=diffrax.SaveAt(ts=jnp.asarray(times)), max_steps=10**7,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-7),
        ).ys  # fmt: skip

    jax.block_until_ready(solve(W))
    start = time.process_time()
    weights = np.asarray(jax.block_until_ready(solve(W)))
    seconds = time.process_time() - start
    found = np.array([np.asarray(c) @ np.maximum(V @ net[0].T, 0.0) - net[1] for V in weights])
    report("diffrax Bosh3 rtol=1e-06", seconds, deviation(found, reference), ratio=round(seconds / ours, 1))


def deviation(found: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(found - reference, axis=1).max() / np.linalg.norm(reference[0]))


def on_one_blas_thread() -> None:
    """Start again with one BLAS thread; the libraries read this when they are loaded."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(names, "1")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="m=100, n=20, d=10, t <= 10")
    small = parser.parse_args().small
    net = problem(20, 10, 100) if small else problem(100, 20, 1000)
    times = np.linspace(0.0, 10.0 if small else 50.0, 11 if small else 51)
    reference, ours = run_ours(net, times)
    run_scipy(net, times, reference, ours)
    run_diffrax(net, times, reference, ours)


if __name__ == "__main__":
    on_one_blas_thread()
    main()
