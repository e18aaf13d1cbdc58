"""A deep linear network, N = 3, 20 x 20, ours and the peers' at equal achieved error; and plateaus of 1e5 time units.

Balanced start with layer singular values 0.3 to 0.6, target singular values 1 to 3; 101 times in [0, 10].
The error is max_k |W_e(t_k) - reference|_F / |M|_F, and every tool runs at the loosest quarter of a decade
at which it stays below 1e-8. Peers take the layer form and, where it matters, the end-to-end form. One JSON line a
tool; speeds compare only within one run; a peer that is not installed is named as missing.

    python tests/benchmarks/bench_linear_flow.py [--repeat 15] [--plateau]

`wall_ms` and `cpu_ms` are medians over interleaved rounds without compile time, `first_s` is the wall time of the first
call. One thread unless the caller says otherwise: set OMP_NUM_THREADS=1 and the like before.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from odeflow.errors import IntegrationError
from odeflow.numeric.linear_flow import Method, Solver, balanced_layers, flow_end_to_end, flow_layers

D, TARGET = 20, 1e-8
TIMES = np.linspace(0.0, 10.0, 101)
Run = Callable[[], np.ndarray]
Build = Callable[[np.ndarray, np.ndarray, float], Run]


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Return the target and the layers, (3, 20, 20)."""
    rng = np.random.default_rng(11)

    def turn() -> np.ndarray:
        return np.asarray(np.linalg.qr(rng.standard_normal((D, D)))[0])

    target = turn() @ np.diag(np.linspace(1.0, 3.0, D)) @ turn().T
    left, right = turn(), turn()
    s = np.diag(np.linspace(0.3, 0.6, D))
    first, second = turn(), turn()
    return target, np.array([first @ s @ right.T, second @ s @ first.T, left @ s @ second.T])


def layer_field(M: np.ndarray) -> Callable[[float, np.ndarray], np.ndarray]:
    def field(_t: float, y: np.ndarray) -> np.ndarray:
        A, B, C = y.reshape(3, D, D)
        BA = B @ A
        G = M - C @ BA
        CG = C.T @ G
        return np.concatenate([(B.T @ CG).ravel(), (CG @ A.T).ravel(), (G @ BA.T).ravel()])

    return field


def build_odeflow(M: np.ndarray, W: np.ndarray, rtol: float) -> Run:
    return lambda: flow_layers(W, M, TIMES, tolerance=rtol, with_error_bar=False).end_to_end


def build_odeflow_with_bar(M: np.ndarray, W: np.ndarray, rtol: float) -> Run:
    return lambda: flow_layers(W, M, TIMES, tolerance=rtol).end_to_end


def build_odeflow_end_to_end(M: np.ndarray, W: np.ndarray, rtol: float) -> Run:
    start = W[2] @ W[1] @ W[0]
    return lambda: flow_end_to_end(start, M, TIMES, depth=3, tolerance=rtol, with_error_bar=False).end_to_end


def build_scipy(method: str) -> Build:
    def build(M: np.ndarray, W: np.ndarray, rtol: float) -> Run:
        def run() -> np.ndarray:
            y = solve_ivp(
                layer_field(M), (0.0, TIMES[-1]), W.ravel(), method, t_eval=TIMES, rtol=rtol, atol=rtol
            ).y.T.reshape(-1, 3, D, D)
            return np.asarray(y[:, 2] @ y[:, 1] @ y[:, 0])

        return run

    return build


def build_scipy_end_to_end(M: np.ndarray, W: np.ndarray, rtol: float) -> Run:
    def field(_t: float, y: np.ndarray) -> np.ndarray:
        left, s, right = np.linalg.svd(y.reshape(D, D))
        p = s ** (2.0 / 3.0)
        G = left.T @ (M - y.reshape(D, D)) @ right.T
        G *= (p * p)[:, None] + p[:, None] * p + p * p
        return np.asarray((left @ G @ right).ravel())

    def run() -> np.ndarray:
        start = (W[2] @ W[1] @ W[0]).ravel()
        y = solve_ivp(field, (0.0, TIMES[-1]), start, "DOP853", t_eval=TIMES, rtol=rtol, atol=rtol).y.T
        return np.asarray(y.reshape(-1, D, D))

    return run


def build_diffrax(name: str, *, end_to_end: bool = False) -> Build:
    def build(M: np.ndarray, W: np.ndarray, rtol: float) -> Run:
        import diffrax
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        goal = jnp.asarray(M)

        def layers(_t: Any, y: Any, _args: Any) -> Any:
            A, B, C = y
            BA, CB = B @ A, C @ B
            G = goal - C @ BA
            return CB.T @ G, C.T @ (G @ A.T), G @ BA.T

        def product(_t: Any, y: Any, _args: Any) -> Any:
            left, s, right = jnp.linalg.svd(y)
            p = s ** (2 / 3)
            G = left.T @ (goal - y) @ right.T
            return left @ (G * ((p * p)[:, None] + p[:, None] * p + p * p)) @ right

        start = jnp.asarray(W[2] @ W[1] @ W[0]) if end_to_end else tuple(map(jnp.asarray, W))
        times = jnp.asarray(TIMES)

        @jax.jit
        def solve(y: Any) -> Any:
            return diffrax.diffeqsolve(
                diffrax.ODETerm(product if end_to_end else layers), getattr(diffrax, name)(), 0.0, TIMES[-1], None, y,
                saveat=diffrax.SaveAt(ts=times), max_steps=10**6,
                adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints=1),
                stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol),
            ).ys  # fmt: skip

        def run() -> np.ndarray:
            ys = solve(start)
            if end_to_end:
                return np.asarray(ys)
            A, B, C = map(np.asarray, ys)
            return np.asarray(C @ B @ A)

        return run

    return build


TOOLS: list[tuple[str, str, Build]] = [
    ("odeflow layers", "odeflow", build_odeflow),
    ("odeflow layers with error bar", "odeflow", build_odeflow_with_bar),
    ("odeflow end-to-end", "odeflow", build_odeflow_end_to_end),
    ("scipy DOP853 layers", "scipy", build_scipy("DOP853")),
    ("scipy RK45 layers", "scipy", build_scipy("RK45")),
    ("scipy DOP853 end-to-end", "scipy", build_scipy_end_to_end),
    ("diffrax Dopri8 layers", "diffrax", build_diffrax("Dopri8")),
    ("diffrax Tsit5 layers", "diffrax", build_diffrax("Tsit5")),
    ("diffrax Dopri8 end-to-end", "diffrax", build_diffrax("Dopri8", end_to_end=True)),
]


def reference(M: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Solve the layers with SciPy from record to record, without an interpolant."""
    states = [W.ravel()]
    for start, end in itertools.pairwise(TIMES):
        run = solve_ivp(layer_field(M), (start, end), states[-1], "DOP853", rtol=1e-13, atol=1e-14)
        states.append(run.y[:, -1])
    y = np.array(states).reshape(-1, 3, D, D)
    return np.asarray(y[:, 2] @ y[:, 1] @ y[:, 0])


def bench(repeat: int) -> list[dict[str, Any]]:
    """Measure every tool that is installed, in interleaved rounds; the last line holds the ratios to ours."""
    M, W = problem()
    exact = reference(M, W)
    lines: list[dict[str, Any]] = []
    runs: dict[str, Run] = {}
    for name, package, build in TOOLS:
        if importlib.util.find_spec(package) is None:
            lines.append({"workload": "W5", "tool": name, "missing": package})
            continue
        for exponent in np.arange(-8.0, -12.1, -0.25):
            run = build(M, W, 10.0**exponent)
            began = time.perf_counter()
            got = run()
            first = time.perf_counter() - began
            error = float(np.linalg.norm(got - exact, axis=(1, 2)).max() / np.linalg.norm(M))
            if error < TARGET:
                break
        runs[name] = run
        lines.append(
            {
                "workload": "W5", "tool": name, "rtol": float(f"{10.0**exponent:.3g}"), "error": error,
                "first_s": round(first, 4),
            }
        )
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            began, busy = time.perf_counter(), time.process_time()
            run()
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - busy)
    for line in lines:
        if line["tool"] in runs:
            line["wall_ms"] = round(1e3 * float(np.median(wall[line["tool"]])), 3)
            line["cpu_ms"] = round(1e3 * float(np.median(cpu[line["tool"]])), 3)
    ours = float(np.median(cpu["odeflow layers"]))
    ratios = {name: round(float(np.median(cpu[name])) / ours, 2) for name in runs}
    return [*lines, {"workload": "W5", "cpu_time_over_ours": ratios}]


# Layers, shape of the network's matrix, its largest singular value.
PLATEAUS = (
    (16, 1, 1, 1.0), (3, 3, 3, 1.0), (5, 3, 3, 1.0), (5, 6, 4, 1.0), (16, 6, 4, 1.0), (4, 10, 10, 1.0), (4, 2, 3, 10.0),
)  # fmt: skip
LONG, STEPS = 1e5, 3_000_000


def plateau(depth: int, rows: int, columns: int, size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, target and times: the slowest mode leaves its plateau at half of `LONG`, times lie on the fronts.

    A small mode of N layers grows like N s^{2-2/N} M, so from s it leaves after s^{-(1-2/N)} / ((N - 2) M).
    """
    rng = np.random.default_rng(0)
    rank = min(rows, columns)
    left, right = (np.linalg.qr(rng.standard_normal((k, k)))[0][:, :rank] for k in (rows, columns))
    modes = size * np.linspace(1.0, 0.5, rank)
    start = ((depth - 2) * modes[-1] * LONG / 2) ** (-depth / (depth - 2))
    fronts = LONG / 2 * modes[-1] / modes
    times = np.unique(np.concatenate([np.geomspace(1.0, LONG, 20), *(fronts * near for near in (0.99, 1.0, 1.01))]))
    return start * left @ right.T, left @ np.diag(modes) @ right.T, times


def bench_plateau(depth: int, rows: int, columns: int, size: float) -> dict[str, Any]:
    """Cross a plateau of 1e5 time units by explicit and by implicit steps; the closed form is the judge."""
    start, M, times = plateau(depth, rows, columns, size)
    closed = flow_end_to_end(start, M, times, depth=depth, method=Method.MODES).end_to_end
    weights = sum(W.size for W in balanced_layers(start, depth))
    line: dict[str, Any] = {"workload": "plateau", "N": depth, "shape": f"{rows} x {columns}", "weights": weights}
    line["r_T"] = float(f"{depth * size ** (2 - 2 / depth) * LONG:.2g}")
    tolerance = 1e-11 if rows * columns <= 9 else 1e-10
    for solver in (Solver.EXPLICIT, Solver.IMPLICIT):
        began, name = time.process_time(), solver.name.lower()
        try:
            run = flow_end_to_end(
                start, M, times, depth=depth, tolerance=tolerance, with_error_bar=False, solver=solver, max_steps=STEPS
            )
        except IntegrationError as stopped:
            line[f"{name}_status"] = f"stopped after {STEPS} steps at t = {times[len(stopped.partial)]:.3g}"
        else:
            line[f"{name}_error"] = float(f"{np.linalg.norm(run.end_to_end - closed, axis=(1, 2)).max() / size:.1g}")
        line[f"{name}_cpu_s"] = round(time.process_time() - began, 2)
    line["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return line


@pytest.mark.benchmark
def test_layers_flow_twice_as_fast_as_in_scipy_at_equal_error() -> None:
    lines = bench(7)
    assert lines[0]["error"] < TARGET
    ratios = lines[-1]["cpu_time_over_ours"]
    assert ratios["scipy DOP853 layers"] > 2
    assert all(ratio > 2 for name, ratio in ratios.items() if name.startswith("diffrax"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--plateau", action="store_true")
    arguments = parser.parse_args()
    for line in bench(arguments.repeat):
        print(json.dumps(line))
    if arguments.plateau:
        for case in PLATEAUS:
            print(json.dumps(bench_plateau(*case)), flush=True)
