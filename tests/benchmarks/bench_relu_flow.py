"""A two-layer ReLU network with 20,000 weights: event by event, against ODE solvers, work against achieved error.

n = 100 unit samples in dimension d = 20, m = 1000 neurons, 51 records of gradient flow and Nesterov's flow until t = 50
and of the heavy ball (b = 1) until t = 28. One JSON line a tool and tolerance. `error` is the largest deviation of
Delta over the records, over |Delta(0)|, from our own run at tolerance 1e-12; for ours at least the rounding check
`consistency` (that it is right is the business of the tests: independent integration to 1e-10).
Peers tighten their tolerance until the error is below 1e-6 or a run takes longer than `--patience` seconds; no adaptive
solver gets much further, because the right-hand side jumps at every sign change and hundreds of neurons slide.

The last line of a peer is its CPU time at error 1e-6, interpolated on its log-log line, over ours (the fastest run
below that error); a peer that stops above 1e-6 gets its last time, a lower bound. A peer that is not installed is
named.

    python tests/benchmarks/bench_relu_flow.py [--small] [--flows gd hb nag] > lines.jsonl
    python tests/benchmarks/plot_work_precision.py lines.jsonl -o work_precision.png
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from odeflow.numeric import _relu_horizon_kernels
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, Nesterov
from odeflow.numeric.relu_flow import relu_flow

FLOWS: dict[str, tuple[Flow, float]] = {
    "gd": (GradientFlow(), 50.0), "hb": (HeavyBall(1.0), 28.0), "nag": (Nesterov(3.0), 50.0),
}  # fmt: skip
TARGET = 1e-6
REFERENCE_TOLERANCE = 1e-12
OWN_LADDER = (1e-10, 1e-8, 1e-7, 1e-6, 1e-5)
LADDER = (1e-4, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7)
FIRST_TIME = 1e-3
"""Solvers start Nesterov's flow here, with the first Taylor term; that errs by FIRST_TIME^4."""


@dataclass(frozen=True)
class Problem:
    name: str
    flow: Flow
    net: tuple[np.ndarray, ...]  # X, y, W, a
    times: np.ndarray

    @property
    def second_order(self) -> bool:
        return not isinstance(self.flow, GradientFlow)

    def damping(self, t: Any) -> Any:
        return self.flow.damping if isinstance(self.flow, HeavyBall) else self.flow.gamma / t

    def errors(self, W: np.ndarray) -> np.ndarray:
        X, y, _, a = self.net
        return a / math.sqrt(a.size) @ np.maximum(W @ X.T, 0.0) - y

    def descent(self, W: np.ndarray) -> np.ndarray:
        """-grad L."""
        X, y, _, a = self.net
        c = a / math.sqrt(a.size)
        Z = W @ X.T
        on = Z > 0.0
        error = c @ (Z * on) - y
        return -c[:, None] * ((on * error) @ X)

    def start(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Time, weights and velocities from which a solver starts."""
        W = self.net[2]
        if not isinstance(self.flow, Nesterov):
            return 0.0, W, np.zeros_like(W)
        push = self.descent(W) / (self.flow.gamma + 1.0)
        return FIRST_TIME, W + 0.5 * FIRST_TIME**2 * push, FIRST_TIME * push


def problem(n: int, d: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Unit samples, labels in [-1, 1], normal weights, signs."""
    data, weights = np.random.default_rng(0), np.random.default_rng(1)
    X = data.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = data.uniform(-1.0, 1.0, n)
    return X, y, weights.standard_normal((m, d)), weights.choice([-1.0, 1.0], m)


def report(p: Problem, tool: str, seconds: float, error: float, **more: Any) -> dict[str, Any]:
    line = {"workload": "W2", "flow": p.name, "tool": tool, "cpu_s": round(seconds, 4), "error": float(f"{error:.3g}")}
    print(json.dumps({**line, **more}), flush=True)
    return line


def deviation(found: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(found - reference, axis=1).max() / np.linalg.norm(reference[0]))


def run_ours(p: Problem) -> tuple[np.ndarray, float]:
    """Report every tolerance; return the reference, and the shortest time of an error below the target."""
    start = time.process_time()
    _relu_horizon_kernels.warm()
    load = time.process_time() - start
    exact = relu_flow(*p.net, p.flow, p.times, tolerance=REFERENCE_TOLERANCE, record_events=False)
    fastest = math.inf
    for tolerance in OWN_LADDER if p.second_order else OWN_LADDER[:1]:
        seconds = math.inf
        for _ in range(3):
            start = time.process_time()
            run = relu_flow(*p.net, p.flow, p.times, tolerance=tolerance, record_events=False)
            seconds = min(seconds, time.process_time() - start)
        error = max(run.consistency / float(np.linalg.norm(exact.errors[0])), deviation(run.errors, exact.errors))
        if error < TARGET:
            fastest = min(fastest, seconds)
        facts = {"tolerance": tolerance, "events": run.event_count, "captures": run.captures, "sliding": run.sliding}
        report(p, "odeflow", seconds, error, **facts, load_s=round(load, 2))
    return exact.errors, fastest


Solve = Callable[[float], np.ndarray]  # tolerance -> Delta at the records


def scipy_solver(method: str) -> Callable[[Problem], Solve]:
    def build(p: Problem) -> Solve:
        t0, W, V = p.start()
        size = W.size

        def field(t: float, state: np.ndarray) -> np.ndarray:
            push = p.descent(state[:size].reshape(W.shape)).ravel()
            if not p.second_order:
                return push
            return np.concatenate([state[size:], push - p.damping(t) * state[size:]])

        state = np.concatenate([W.ravel(), V.ravel()]) if p.second_order else W.ravel()
        later = p.times[p.times > t0]

        def solve(tolerance: float) -> np.ndarray:
            span = (t0, float(p.times[-1]))
            path = solve_ivp(field, span, state, method, later, rtol=tolerance, atol=0.1 * tolerance).y
            return np.array([p.errors(p.net[2]), *(p.errors(c[:size].reshape(W.shape)) for c in path.T)])

        return solve

    return build


def diffrax_solver(name: str) -> Callable[[Problem], Solve]:
    def build(p: Problem) -> Solve:
        import diffrax
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        X, y, _, a = (jnp.asarray(part) for part in p.net)
        c = a / jnp.sqrt(a.size)

        def errors(W: Any) -> Any:
            return c @ jnp.maximum(W @ X.T, 0.0) - y

        def field(t: Any, state: Any, _args: Any) -> Any:
            W = state[0] if p.second_order else state
            Z = W @ X.T
            on = Z > 0.0
            push = -c[:, None] * ((on * (c @ jnp.where(on, Z, 0.0) - y)) @ X)
            return (state[1], push - p.damping(t) * state[1]) if p.second_order else push

        t0, W, V = p.start()
        state = (jnp.asarray(W), jnp.asarray(V)) if p.second_order else jnp.asarray(W)
        saves = diffrax.SubSaveAt(
            ts=jnp.asarray(p.times[p.times > t0]), fn=lambda t, s, args: errors(s[0] if p.second_order else s)
        )

        @jax.jit
        def run(tolerance: Any) -> Any:
            return diffrax.diffeqsolve(
                diffrax.ODETerm(field), getattr(diffrax, name)(), t0, float(p.times[-1]), None, state,
                saveat=diffrax.SaveAt(subs=saves), max_steps=10**7, throw=False,
                adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints=1),
                stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=0.1 * tolerance),
            ).ys  # fmt: skip

        run(1e-1).block_until_ready()  # compile
        return lambda tolerance: np.vstack([p.errors(p.net[2]), np.asarray(run(tolerance))])

    return build


def torchdiffeq_solver(p: Problem) -> Solve:
    import torch
    from torchdiffeq import odeint

    torch.set_num_threads(1)
    X, y, _, a = (torch.from_numpy(part) for part in p.net)
    c = a / math.sqrt(a.numel())
    t0, W, V = (torch.as_tensor(part, dtype=torch.float64) for part in p.start())

    def push(W: Any) -> Any:
        Z = W @ X.T
        on = Z > 0.0
        return -c[:, None] * ((on * (c @ (Z * on) - y)) @ X)

    def field(t: Any, state: Any) -> Any:
        return (state[1], push(state[0]) - p.damping(t) * state[1]) if p.second_order else push(state)

    grid = torch.cat([t0[None], torch.from_numpy(p.times[p.times > float(t0)])])

    def solve(tolerance: float) -> np.ndarray:
        start = (W, V) if p.second_order else W
        with torch.no_grad():
            path = odeint(field, start, grid, rtol=tolerance, atol=0.1 * tolerance, method="bosh3")
        weights = (path[0] if p.second_order else path).numpy()
        return np.array([p.errors(p.net[2]), *(p.errors(w) for w in weights[1:])])

    return solve


PEERS: dict[str, tuple[str, Callable[[Problem], Solve]]] = {
    "scipy RK45": ("scipy", scipy_solver("RK45")),
    "scipy RK23": ("scipy", scipy_solver("RK23")),
    "diffrax Bosh3": ("diffrax", diffrax_solver("Bosh3")),
    "diffrax Tsit5": ("diffrax", diffrax_solver("Tsit5")),
    "torchdiffeq bosh3": ("torchdiffeq", torchdiffeq_solver),
}


def run_peer(p: Problem, tool: str, solve: Solve, reference: np.ndarray, patience: float) -> list[dict[str, Any]]:
    """Tighten the tolerance until the error is below the target, or the patience ends."""
    lines = []
    for tolerance in LADDER:
        start = time.process_time()
        found = solve(tolerance)
        seconds = time.process_time() - start
        lines.append(report(p, tool, seconds, deviation(found, reference), tolerance=tolerance))
        if lines[-1]["error"] < TARGET or seconds > patience or not math.isfinite(lines[-1]["error"]):
            break
    return lines


def seconds_at_target(lines: list[dict[str, Any]]) -> tuple[float, bool]:
    """Interpolate log seconds at the target error between the neighbouring points; tell whether it was reached.

    Points that are both slower and worse than another one are left out. A peer that stops above the target needs more
    than its last time.
    """
    front: list[tuple[float, float]] = []
    for error, seconds in sorted(((line["error"], line["cpu_s"]) for line in lines), reverse=True):
        while front and front[-1][1] >= seconds:
            front.pop()
        front.append((error, seconds))
    if not front[-1][0] <= TARGET:
        return front[-1][1], False
    if front[0][0] <= TARGET:
        return front[0][1], True
    after = next(i for i, (error, _) in enumerate(front) if error <= TARGET)
    (e0, s0), (e1, s1) = front[after - 1], front[after]
    return s0 * (TARGET / e0) ** (math.log(s1 / s0) / math.log(e1 / e0)), True


def compare(p: Problem, tools: list[str], patience: float) -> Iterator[dict[str, Any]]:
    """Yield, for every peer, the ratio of times at equal error."""
    reference, ours = run_ours(p)
    for tool in tools:
        package, build = PEERS[tool]
        if importlib.util.find_spec(package) is None:
            yield {"tool": tool, "missing": "not installed"}
            continue
        seconds, reached = seconds_at_target(run_peer(p, tool, build(p), reference, patience))
        yield {"tool": tool, "ratio_at_1e-6" if reached else "ratio_is_more_than": round(seconds / ours, 1)}


def on_one_blas_thread() -> None:
    """Start again with one BLAS thread; the libraries read this when they are loaded."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        environment = {**os.environ, **dict.fromkeys(names, "1"), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="m=100, n=20, d=10, t <= 10")
    parser.add_argument("--flows", nargs="+", choices=FLOWS, default=list(FLOWS))
    parser.add_argument("--peers", nargs="*", default=list(PEERS), help="none to run ours alone")
    parser.add_argument("--patience", type=float, default=12.0)
    arguments = parser.parse_args()
    net = problem(20, 10, 100) if arguments.small else problem(100, 20, 1000)
    for name in arguments.flows:
        flow, end = FLOWS[name]
        p = Problem(name, flow, net, np.linspace(0.0, 10.0 if arguments.small else end, 51))
        for ratio in compare(p, arguments.peers, arguments.patience):
            print(json.dumps({"workload": "W2", "flow": name, **ratio}), flush=True)


if __name__ == "__main__":
    on_one_blas_thread()
    main()
