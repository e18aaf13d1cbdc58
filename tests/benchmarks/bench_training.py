"""How fast is training many two-layer ReLU networks, against what a user would write? One JSON line a case.

Run: python tests/benchmarks/bench_training.py [--small]. Two questions:

* "heavy ball" and "gradient descent": seeds trained for many steps, in CPU seconds on one core and wall seconds on two,
  everybody with as many threads. `ratio` is peer over odeflow.
* "every step evaluated": few steps with `every_neuron=True`, which is what the peers do; useful work is 4 m n d flops a
  step (both matrix products), `gflops` per CPU second, `of_dgemm` the share of a 1000 x 1000 matrix product in the run.

One BLAS thread. Peers that are not installed are named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg  # noqa: F401 - Numba's np.dot calls SciPy's BLAS
from numba import njit

from odeflow.numeric import _training_kernels, _training_pattern_kernels
from odeflow.numeric.kernels import two_layer_initialisation
from odeflow.numeric.training import HeavyBallMethod, train_relu

SINGLE = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu"}
RATE = 0.1
# (W0 (runs, m, d), c (runs, m), steps, momentum) -> last losses
Trainer: TypeAlias = Callable[[np.ndarray, np.ndarray, int, float], np.ndarray]


def best(
    call: Callable[[], Any], clock: Callable[[], float] = time.process_time, repeats: int = 4
) -> tuple[float, Any]:
    shortest, result = math.inf, None
    for _ in range(repeats):
        start = clock()
        result = call()
        shortest = min(shortest, clock() - start)
    return shortest, result


def numpy_loop(X: np.ndarray, y: np.ndarray) -> Trainer:
    XT = np.ascontiguousarray(X.T)

    def train(W0: np.ndarray, c: np.ndarray, steps: int, momentum: float) -> np.ndarray:
        losses = np.empty(len(W0))
        for run in range(len(W0)):
            W, U = W0[run].copy(), np.zeros_like(W0[run])
            for _ in range(steps):
                Z = W @ XT
                active = Z > 0
                Z *= active
                error = c[run] @ Z - y
                G = (active * error) @ X
                G *= (RATE * c[run])[:, None]
                U *= momentum
                U -= G
                W += U
            losses[run] = 0.5 * ((c[run] @ np.maximum(W @ XT, 0) - y) ** 2).sum()
        return losses

    return train


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _numba_blas(
    X: np.ndarray, XT: np.ndarray, y: np.ndarray, W0: np.ndarray, c: np.ndarray, steps: int, momentum: float
) -> np.ndarray:
    runs, m, d = W0.shape
    n = y.size
    losses = np.empty(runs)
    Z, G, error = np.empty((m, n)), np.empty((m, d)), np.empty(n)
    for run in range(runs):
        W, U = W0[run].copy(), np.zeros((m, d))
        for step in range(steps + 1):
            np.dot(W, XT, Z)
            error[:] = -y
            for r in range(m):
                for i in range(n):
                    error[i] += c[run, r] * max(Z[r, i], 0.0)
            if step == steps:
                break
            for r in range(m):
                for i in range(n):
                    Z[r, i] = error[i] if Z[r, i] > 0.0 else 0.0
            np.dot(Z, X, G)
            for r in range(m):
                for k in range(d):
                    U[r, k] = momentum * U[r, k] - 0.1 * c[run, r] * G[r, k]
                    W[r, k] += U[r, k]
        losses[run] = 0.5 * (error * error).sum()
    return losses


def numba_blas(X: np.ndarray, y: np.ndarray) -> Trainer:
    XT = np.ascontiguousarray(X.T)
    return lambda W0, c, steps, momentum: _numba_blas(X, XT, y, W0, c, steps, momentum)


def jax_map(X: np.ndarray, y: np.ndarray) -> Trainer:
    """One compiled loop, seed after seed (a mapped batch leaves the caches and is slower)."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    points, labels = jnp.asarray(X), jnp.asarray(y)

    def train(start: Any, steps: Any, momentum: Any) -> Any:
        W0, signs = start

        def step(_: Any, state: Any) -> Any:
            W, U = state
            Z = W @ points.T
            on = Z > 0
            error = signs @ jnp.where(on, Z, 0.0) - labels
            U = momentum * U - RATE * signs[:, None] * ((on * error) @ points)
            return W + U, U

        W, _ = jax.lax.fori_loop(0, steps, step, (W0, jnp.zeros_like(W0)))
        return 0.5 * ((signs @ jnp.maximum(W @ points.T, 0.0) - labels) ** 2).sum()

    run = jax.jit(lambda starts, steps, momentum: jax.lax.map(lambda start: train(start, steps, momentum), starts))
    return lambda W0, c, steps, momentum: np.asarray(run((jnp.asarray(W0), jnp.asarray(c)), steps, momentum))


def torch_loop(X: np.ndarray, y: np.ndarray) -> Trainer:
    import torch

    torch.set_num_threads(1)
    points, labels = torch.from_numpy(X), torch.from_numpy(y)

    def train(W0: np.ndarray, c: np.ndarray, steps: int, momentum: float) -> np.ndarray:
        losses = np.empty(len(W0))
        for k, (W, signs) in enumerate(zip(torch.from_numpy(W0.copy()), torch.from_numpy(c), strict=True)):
            U = torch.zeros_like(W)
            for _ in range(steps):
                Z = W @ points.T
                on = Z > 0
                error = signs @ torch.relu(Z) - labels
                U.mul_(momentum).sub_((RATE * signs)[:, None] * ((on * error) @ points))
                W += U
            losses[k] = 0.5 * float(((signs @ torch.relu(W @ points.T) - labels) ** 2).sum())
        return losses

    return train


PEERS = {
    "numpy": ("numpy", numpy_loop),
    "numba + BLAS": ("numba", numba_blas),
    "jax, lax.map": ("jax", jax_map),
    "torch, loop": ("torch", torch_loop),
}


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


class Problem:
    """Unit inputs, uniform targets and Gaussian starts with signs, as in the paper."""

    def __init__(self, n: int, d: int, m: int, runs: int) -> None:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, d))
        self.X = X / np.linalg.norm(X, axis=1)[:, None]
        self.y = rng.uniform(-1, 1, n)
        starts = [two_layer_initialisation(d, m, seed=run) for run in range(runs)]
        self.W, self.a = np.array([w for w, _ in starts]), np.array([s for _, s in starts])
        self.c = self.a / math.sqrt(m)
        self.size = {"n": n, "d": d, "m": m, "runs": runs}

    def ours(self, steps: int, momentum: float, **options: Any) -> np.ndarray:
        method = HeavyBallMethod(RATE, momentum)
        return train_relu(self.X, self.y, self.W, self.a, method, steps, **{"record_every": steps, **options}).errors

    def peers(self) -> dict[str, Trainer]:
        return {
            tool: build(self.X, self.y) for tool, (package, build) in PEERS.items() if importlib.util.find_spec(package)
        }


def on_threads(train: Trainer, problem: Problem, steps: int, momentum: float) -> None:
    """Train half of the runs on each of two threads."""
    half = len(problem.W) // 2
    with ThreadPoolExecutor(2) as pool:
        parts = (slice(half), slice(half, None))
        list(pool.map(lambda part: train(problem.W[part], problem.c[part], steps, momentum), parts))


def bench_runs(case: str, momentum: float, problem: Problem, steps: int, tools: tuple[str, ...]) -> None:
    """Time whole trainings, alone and with two threads."""
    size = {"case": case, **problem.size, "steps": steps}
    problem.ours(min(steps, 100), momentum)
    seconds, errors = best(lambda: problem.ours(steps, momentum), repeats=2)
    wall, _ = best(lambda: problem.ours(steps, momentum, threads=2), time.perf_counter, repeats=2)
    losses = 0.5 * (errors[:, -1] ** 2).sum(axis=1)
    say(**size, tool="odeflow", cpu_s=round(seconds, 3), two_threads_wall_s=round(wall, 3))
    each, _ = best(lambda: problem.ours(steps, momentum, record_every=1), repeats=1)
    say(**size, tool="odeflow, every step recorded", cpu_s=round(each, 3), ratio=round(each / seconds, 2))
    for tool, train in problem.peers().items():
        if tool not in tools:
            continue
        train(problem.W, problem.c, 2, momentum)
        peer, theirs = best(partial(train, problem.W, problem.c, steps, momentum), repeats=1)
        line = {"cpu_s": round(peer, 2), "ratio": round(peer / seconds, 2)}
        if tool in TWO_THREADS:
            on_threads(train, problem, 2, momentum)
            start = time.perf_counter()
            on_threads(train, problem, steps, momentum)
            peer_wall = time.perf_counter() - start
            line |= {"two_threads_wall_s": round(peer_wall, 2), "two_threads_ratio": round(peer_wall / wall, 2)}
        difference = float(f"{np.abs(np.sqrt(theirs) - np.sqrt(losses)).max():.1e}")
        say(**size, tool=tool, **line, difference_of_root_losses=difference)


def bench_steps(problem: Problem, steps: int) -> None:
    """Time the plain method: every neuron evaluated at every step."""
    n, d, m, runs = problem.size.values()
    size = {"case": "every step evaluated", **problem.size, "steps": steps}
    flops = 4.0 * m * n * d * steps * runs
    square = np.random.default_rng(0).standard_normal((1000, 1000))
    dgemm = 2e9 / best(lambda: square @ square)[0]
    problem.ours(2, 0.9, every_neuron=True)
    seconds, _ = best(lambda: problem.ours(steps, 0.9, every_neuron=True))
    speed = {"gflops": round(flops / seconds / 1e9, 1), "of_dgemm": round(flops / seconds / dgemm, 2)}
    say(**size, tool="odeflow", **speed)
    for tool, train in problem.peers().items():
        train(problem.W, problem.c, 2, 0.9)
        peer, _ = best(partial(train, problem.W, problem.c, steps, 0.9), repeats=2)
        say(**size, tool=tool, gflops=round(flops / peer / 1e9, 1), ratio=round(peer / seconds, 2))


TWO_THREADS = ("numba + BLAS", "jax, lax.map")


def on_one_blas_thread() -> None:
    """Start again with one BLAS thread; the libraries read this when they are loaded."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **SINGLE, **dict.fromkeys(names, "1")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="sizes for a quick look")
    small = parser.parse_args().small
    start = time.process_time()
    _training_kernels.warm()
    _training_pattern_kernels.warm()
    say(case="compile or load kernels", cpu_s=round(time.process_time() - start, 3))
    if small:
        bench_runs("heavy ball", 0.9, Problem(n=20, d=10, m=200, runs=4), 500, tuple(PEERS))
        bench_steps(Problem(n=20, d=10, m=200, runs=4), 100)
    else:
        whole = Problem(n=100, d=20, m=1000, runs=64)
        bench_runs("heavy ball", 0.9, whole, 2000, tuple(PEERS))
        bench_runs("gradient descent", 0.0, whole, 2000, ("numba + BLAS",))
        bench_steps(Problem(n=100, d=20, m=1000, runs=8), 200)
        bench_steps(Problem(n=8, d=6, m=4096, runs=4), 200)
    for tool, (package, _) in PEERS.items():
        if not importlib.util.find_spec(package):
            say(case="heavy ball", tool=tool, status="missing: not installed")


if __name__ == "__main__":
    on_one_blas_thread()
    main()
