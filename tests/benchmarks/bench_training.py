"""How fast is training many two-layer ReLU networks, against what a user would write? One JSON line a case.

Run: python tests/benchmarks/bench_training.py [--small]. Useful work is 4 m n d flops a step (both matrix products).
`gflops` is per CPU second of the best of several warm runs on one BLAS thread, `of_dgemm` the share of a 1000 x 1000
matrix product in the same run, `ratio` peer over odeflow. Peers that are not installed are named.
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
from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401 - Numba's np.dot calls SciPy's BLAS
from numba import njit

from odeflow.numeric import _training_kernels
from odeflow.numeric.kernels import two_layer_initialisation
from odeflow.numeric.training import HeavyBallMethod, train_relu

REPEATS = 4
SINGLE = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu"}
RATE, MOMENTUM = 0.1, 0.9


def best(call: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> tuple[float, Any]:
    call()
    shortest, result = math.inf, None
    for _ in range(REPEATS):
        start = clock()
        result = call()
        shortest = min(shortest, clock() - start)
    return shortest, result


def numpy_loop(X: np.ndarray, y: np.ndarray, W0: np.ndarray, c: np.ndarray, steps: int) -> np.ndarray:
    losses = np.empty(len(W0))
    XT = np.ascontiguousarray(X.T)
    for run in range(len(W0)):
        W, U = W0[run].copy(), np.zeros_like(W0[run])
        for _ in range(steps):
            Z = W @ XT
            active = Z > 0
            Z *= active
            error = c[run] @ Z - y
            G = (active * error) @ X
            G *= (RATE * c[run])[:, None]
            U *= MOMENTUM
            U -= G
            W += U
        losses[run] = 0.5 * ((c[run] @ np.maximum(W @ XT, 0) - y) ** 2).sum()
    return losses


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def numba_blas(X: np.ndarray, XT: np.ndarray, y: np.ndarray, W0: np.ndarray, c: np.ndarray, steps: int) -> np.ndarray:
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
                    U[r, k] = 0.9 * U[r, k] - 0.1 * c[run, r] * G[r, k]
                    W[r, k] += U[r, k]
        losses[run] = 0.5 * (error * error).sum()
    return losses


def jax_map(X: np.ndarray, y: np.ndarray, W0: np.ndarray, c: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    """One compiled loop, seed after seed (a mapped batch leaves the caches and is slower)."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    points, labels = jnp.asarray(X), jnp.asarray(y)

    def train(start: Any) -> Any:
        W0, signs = start

        def step(_: Any, state: Any) -> Any:
            W, U = state
            Z = W @ points.T
            on = Z > 0
            error = signs @ jnp.where(on, Z, 0.0) - labels
            U = MOMENTUM * U - RATE * signs[:, None] * ((on * error) @ points)
            return W + U, U

        W, _ = jax.lax.fori_loop(0, steps, step, (W0, jnp.zeros_like(W0)))
        return 0.5 * ((signs @ jnp.maximum(W @ points.T, 0.0) - labels) ** 2).sum()

    run, starts = jax.jit(lambda s: jax.lax.map(train, s)), (jnp.asarray(W0), jnp.asarray(c))
    return lambda: np.asarray(run(starts))


def torch_loop(X: np.ndarray, y: np.ndarray, W0: np.ndarray, c: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    import torch

    torch.set_num_threads(1)
    points, labels = torch.from_numpy(X), torch.from_numpy(y)

    def run() -> np.ndarray:
        losses = np.empty(len(W0))
        for k, (W, signs) in enumerate(zip(torch.from_numpy(W0.copy()), torch.from_numpy(c), strict=True)):
            U = torch.zeros_like(W)
            for _ in range(steps):
                Z = W @ points.T
                on = Z > 0
                error = signs @ torch.relu(Z) - labels
                U.mul_(MOMENTUM).sub_((RATE * signs)[:, None] * ((on * error) @ points))
                W += U
            losses[k] = 0.5 * float(((signs @ torch.relu(W @ points.T) - labels) ** 2).sum())
        return losses

    return run


PEERS = {"jax, lax.map": ("jax", jax_map), "torch, loop": ("torch", torch_loop)}


def bench(n: int, d: int, m: int, runs: int, steps: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1)[:, None]
    y = rng.uniform(-1, 1, n)
    starts = [two_layer_initialisation(d, m, seed=run) for run in range(runs)]
    W, a = np.array([w for w, _ in starts]), np.array([s for _, s in starts])
    c, XT = a / math.sqrt(m), np.ascontiguousarray(X.T)
    optimiser = HeavyBallMethod(RATE, MOMENTUM)
    flops = 4.0 * m * n * d * steps * runs
    square = rng.standard_normal((1000, 1000))
    dgemm = 2e9 / best(lambda: square @ square)[0]

    def own(every: int, threads: int = 1) -> np.ndarray:
        return train_relu(X, y, W, a, optimiser, steps, record_every=every, threads=threads).losses[:, -1]

    size = {"n": n, "d": d, "m": m, "runs": runs, "steps": steps}
    seconds, answer = best(lambda: own(steps))
    line = {"case": "heavy ball", **size, "tool": "odeflow", "gflops": round(flops / seconds / 1e9, 1)}
    print(json.dumps({**line, "of_dgemm": round(flops / seconds / dgemm, 2)}), flush=True)
    peers = {
        "odeflow, every step recorded": lambda: own(1),
        "numpy": lambda: numpy_loop(X, y, W, c, steps),
        "numba + BLAS": lambda: numba_blas(X, XT, y, W, c, steps),
    }
    for tool, (package, build) in PEERS.items():
        if importlib.util.find_spec(package):
            peers[tool] = build(X, y, W, c, steps)
    for tool, call in peers.items():
        peer, losses = best(call)
        line = {"case": "heavy ball", **size, "tool": tool, "gflops": round(flops / peer / 1e9, 1)}
        error = float(f"{np.abs(losses / answer - 1).max():.1e}")
        print(json.dumps({**line, "ratio": round(peer / seconds, 2), "relative_difference": error}), flush=True)
    one, two = (best(lambda threads=threads: own(steps, threads), time.perf_counter)[0] for threads in (1, 2))
    line = {"case": "heavy ball", **size, "tool": "odeflow, 2 threads", "wall_speed_up": round(one / two, 2)}
    print(json.dumps(line), flush=True)
    for tool, (package, _) in PEERS.items():
        if not importlib.util.find_spec(package):
            print(json.dumps({"case": "heavy ball", "tool": tool, "status": "missing: not installed"}), flush=True)


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
    print(json.dumps({"case": "compile or load kernels", "cpu_s": round(time.process_time() - start, 3)}), flush=True)
    if small:
        bench(n=20, d=10, m=200, runs=4, steps=100)
        return
    bench(n=100, d=20, m=1000, runs=8, steps=200)
    bench(n=8, d=6, m=4096, runs=4, steps=200)


if __name__ == "__main__":
    on_one_blas_thread()
    main()
