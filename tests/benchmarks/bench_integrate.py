"""Ten thousand trajectories of a ten-dimensional field, ours and the peers', with compile time told apart.

The field is the heavy-ball flow of a scalar five-layer tanh network on three points:

    w' = v,  v' = -v/2 - dL/dw,  L = sum_i (w5 tanh(w4 tanh(w3 tanh(w2 tanh(w1 x_i)))) - y_i)^2 / 2

from t = 0 to 10, final states only. Every tool runs at the loosest tolerance, in quarters of a decade (whole ones for
the slow tools), at which its error stays below 1e-8 over 64 trajectories. One JSON line a tool; speeds compare only
within one run. Slow tools run fewer trajectories. "odeflow, 101 records" asks for a time grid too,
"odeflow, one by one" is the scalar path, lines with "wall" count wall time.

    python tests/benchmarks/bench_integrate.py [--trajectories 10000]

Fields of a line: `first_s` is the CPU time from SymPy expressions to the first trajectory's end with empty caches,
`again_s` the same with warm caches where the tool has one (imports, and for ours the one-off compilation of the solver,
are left out; the latter is `solver_load_s`), `us_per_trajectory` the CPU time of the best of three runs. For ours
`first_s` and `again_s` are for as many trajectories as fill a vector.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from odeflow.codegen import compile_field
from odeflow.numeric import _integrate_kernels, _lane_kernels
from odeflow.numeric.integrate import integrate_ensemble

END, TARGET, CHECKED = 10.0, 1e-8, 64
Run = Callable[[np.ndarray], np.ndarray]


def tanh_chain() -> tuple[list[sympy.Symbol], list[sympy.Expr]]:
    """Derive the field by differentiation of the loss."""
    w, v = sympy.symbols("w1:6", real=True), sympy.symbols("v1:6", real=True)
    loss = sympy.Integer(0)
    for x, y in ((0.5, 0.3), (-1.0, -0.6), (1.5, 0.8)):
        value: sympy.Expr = sympy.Float(x)
        for k in range(4):
            value = sympy.tanh(w[k] * value)
        loss += (w[4] * value - y) ** 2 / 2
    return [*w, *v], [*v, *(-v[k] / 2 - sympy.diff(loss, w[k]) for k in range(5))]


def initial_states(count: int) -> np.ndarray:
    """Weights near 1, at rest."""
    states = np.zeros((count, 10))
    states[:, :5] = 1.0 + 0.3 * np.random.default_rng(4).standard_normal((count, 5))
    return states


def build_odeflow(
    states: list[sympy.Symbol], field: list[sympy.Expr], rtol: float, *, times: int = 2, **options: Any
) -> Run:
    compiled = compile_field(field, states)
    grid = np.linspace(0.0, END, times)
    return lambda y: integrate_ensemble(compiled, y, grid, rtol=rtol, atol=rtol, **options).states[:, -1]


def build_scipy(states: list[sympy.Symbol], field: list[sympy.Expr], rtol: float) -> Run:
    function = sympy.lambdify(states, field, "math", cse=True)

    def run(y: np.ndarray) -> np.ndarray:
        return np.array(
            [
                solve_ivp(lambda t, q: function(*q), (0.0, END), row, "DOP853", rtol=rtol, atol=rtol).y[:, -1]
                for row in y
            ]
        )

    return run


def build_heyoka(states: list[sympy.Symbol], field: list[sympy.Expr], rtol: float) -> Run:
    import heyoka

    heyoka.llvm_state.set_diskcache_enabled(False)
    system = list(zip(heyoka.make_vars(*map(str, states)), map(heyoka.from_sympy, field), strict=True))
    lanes = heyoka.recommended_simd_size()
    solver = heyoka.taylor_adaptive_batch(system, np.zeros((len(states), lanes)), tol=rtol)

    def run(y: np.ndarray) -> np.ndarray:
        padded = np.vstack([y, np.repeat(y[:1], -len(y) % lanes, axis=0)])
        for start in range(0, len(padded), lanes):
            solver.set_time(0.0)
            solver.state[:] = padded[start : start + lanes].T
            solver.propagate_until(END)
            padded[start : start + lanes] = solver.state.T
        return padded[: len(y)]

    return run


def build_numbalsoda(states: list[sympy.Symbol], field: list[sympy.Expr], rtol: float) -> Run:
    import numba
    from numbalsoda import dop853, lsoda_sig

    ours = compile_field(field, states)
    from odeflow.numeric._integrate_kernels import call_field

    address = ours.address

    @numba.cfunc(lsoda_sig)
    def function(t, u, du, p):
        call_field(address, t, numba.carray(u, (10,)), numba.carray(p, (1,)), numba.carray(du, (10,)))

    pointer = function.address

    @numba.njit
    def run_all(y, pointer, rtol):
        out = np.empty_like(y)
        times, nothing = np.array([0.0, END]), np.zeros(1)
        for i in range(y.shape[0]):
            solution, _ = dop853(pointer, y[i], times, nothing, rtol, rtol)
            out[i] = solution[1]
        return out

    alive = (ours, function)  # the solver holds addresses only

    def run(y: np.ndarray) -> np.ndarray:
        assert alive
        return run_all(y, pointer, rtol)

    return run


def build_diffrax(states: list[sympy.Symbol], field: list[sympy.Expr], rtol: float) -> Run:
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    function = sympy.lambdify(states, field, "jax", cse=True)

    def one(y: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, q, _: jnp.stack(function(*q))), diffrax.Dopri8(), 0.0, END, None, y,
            max_steps=10**6, adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints=1),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol),
        ).ys[-1]  # fmt: skip

    run = jax.jit(jax.vmap(one))
    return lambda y: np.asarray(run(jnp.asarray(y)))


def measure(
    name: str,
    build: Callable[..., Run],
    trajectories: int,
    reference: np.ndarray,
    clock: Callable[[], float] = time.process_time,
    step: float = 0.25,
) -> dict[str, Any]:
    """Find the tolerance, then time the first use and the throughput."""
    states, field = tanh_chain()
    start = initial_states(max(trajectories, CHECKED))
    for exponent in np.arange(-6.0, -13.1, -step):
        rtol = 10.0**exponent
        error = float(np.abs(build(states, field, rtol)(start[:CHECKED]) - reference).max())
        if error < TARGET:
            break
    with tempfile.TemporaryDirectory() as cold:
        os.environ["ODEFLOW_CACHE_DIR"] = cold
        latency = []
        for _ in range(2):
            began = time.process_time()
            build(states, field, rtol)(start[: 16 if name.startswith("odeflow") else 1])
            latency.append(time.process_time() - began)
        run = build(states, field, rtol)
        best = float("inf")
        for _ in range(3):
            began = clock()
            run(start[:trajectories])
            best = min(best, clock() - began)
    return {
        "workload": "W6", "tool": name, "rtol": float(f"{rtol:.3g}"), "error": error, "first_s": round(latency[0], 4),
        "again_s": round(latency[1], 4), "trajectories": trajectories,
        "us_per_trajectory": round(1e6 * best / trajectories, 2),
    }  # fmt: skip


def bench(trajectories: int) -> list[dict[str, Any]]:
    """Measure every tool that is installed; the last line holds the ratios to ours."""
    began = time.process_time()
    _integrate_kernels.warm()
    _lane_kernels.warm()
    load = time.process_time() - began
    states, field = tanh_chain()
    reference = build_scipy(states, field, 1e-13)(initial_states(CHECKED))
    wall, cpu = time.perf_counter, time.process_time
    few = trajectories // 10
    tools: list[tuple[str, Callable[..., Run], int, str, Callable[[], float], float]] = [
        ("odeflow", build_odeflow, trajectories, "odeflow", cpu, 0.25),
        ("odeflow, 101 records", partial(build_odeflow, times=101), trajectories, "odeflow", cpu, 0.25),
        ("odeflow, one thread, wall", build_odeflow, trajectories, "odeflow", wall, 0.25),
        ("odeflow, 2 threads, wall", partial(build_odeflow, threads=2), trajectories, "odeflow", wall, 0.25),
        ("odeflow, one by one", partial(build_odeflow, vectorised=False), few, "odeflow", cpu, 0.25),
        ("heyoka batch", build_heyoka, trajectories, "heyoka", cpu, 0.25),
        ("numbalsoda dop853, our field", build_numbalsoda, few, "numbalsoda", cpu, 1.0),
        ("scipy lambdify DOP853", build_scipy, min(few, 100), "scipy", cpu, 1.0),
        ("diffrax Dopri8 vmap", build_diffrax, few, "diffrax", cpu, 1.0),
    ]
    lines: list[dict[str, Any]] = []
    for name, build, count, package, clock, step in tools:
        if importlib.util.find_spec(package) is None:
            lines.append({"workload": "W6", "tool": name, "missing": "not installed"})
        else:
            lines.append(measure(name, build, count, reference, clock, step))
    lines[0]["solver_load_s"] = round(load, 3)
    ours = lines[0]["us_per_trajectory"]
    ratios = {line["tool"]: round(line["us_per_trajectory"] / ours, 2) for line in lines if "missing" not in line}
    return [*lines, {"workload": "W6", "time_over_ours": ratios}]


@pytest.mark.benchmark
def test_ten_thousand_trajectories_run_two_hundred_times_faster_than_in_scipy() -> None:
    lines = bench(2000)
    assert lines[0]["error"] < TARGET
    ratios = lines[-1]["time_over_ours"]
    assert ratios["scipy lambdify DOP853"] > 200
    assert ratios.get("heyoka batch", 2.0) > 1
    assert lines[0]["first_s"] < 2.0
    assert lines[0]["again_s"] < 0.05


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trajectories", type=int, default=10_000)
    for line in bench(parser.parse_args().trajectories):
        print(json.dumps(line))
