"""How fast are kernels and certified eigenvalues, against what a user would write or install? One JSON line a case.

Run: python tests/benchmarks/bench_kernels.py [--small]. Seconds are CPU seconds of the best of several warm runs on one
BLAS thread; `ratio` is peer over odeflow in the same run, larger is better. `error` is the largest deviation from
odeflow's answer, relative to the largest entry. Peers that are not installed are named, not skipped in silence.
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
import scipy.linalg

from odeflow.numeric import _ntk_kernels
from odeflow.numeric.kernels import (
    mlp_ntk,
    relu_ntk,
    relu_ntk_limit,
    smallest_eigenvalue,
    two_layer_initialisation,
)

REPEATS = 5
PEERS = {
    "nngeometry": "nngeometry",
    "neural_tangents": "neural_tangents (its last release does not import with current versions of JAX)",
}


def best(call: Callable[[], Any]) -> tuple[float, Any]:
    call()
    shortest, result = math.inf, None
    for _ in range(REPEATS):
        start = time.process_time()
        result = call()
        shortest = min(shortest, time.process_time() - start)
    return shortest, result


def compare(case: str, own: Callable[[], Any], peers: dict[str, Callable[[], Any]], **facts: object) -> None:
    seconds, answer = best(own)
    print(json.dumps({"case": case, "tool": "odeflow", "cpu_s": round(seconds, 5), **facts}), flush=True)
    for tool, call in peers.items():
        peer_seconds, peer_answer = best(call)
        error = float(np.abs(np.asarray(peer_answer) - np.asarray(answer)).max() / np.abs(answer).max())
        line = {"case": case, "tool": tool, "cpu_s": round(peer_seconds, 5), "ratio": round(peer_seconds / seconds, 2)}
        print(json.dumps({**line, "error": float(f"{error:.1e}")}), flush=True)
    for package, tool in PEERS.items():
        if tool not in peers and not importlib.util.find_spec(package):
            print(json.dumps({"case": case, "tool": tool, "status": "missing: not installed"}), flush=True)


def sphere(n: int, d: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1)[:, None]


def bench_finite_width(n: int, d: int, m: int) -> None:
    X, (W, _) = sphere(n, d, 0), two_layer_initialisation(d, m, seed=1)

    def formula(dtype: type) -> np.ndarray:
        active = (X.astype(dtype) @ W.astype(dtype).T > 0).astype(dtype)
        return (active @ active.T) * (X @ X.T).astype(dtype) / dtype(m)

    peers = {"numpy float64": lambda: formula(np.float64), "numpy float32": lambda: formula(np.float32)}
    if importlib.util.find_spec("nngeometry"):
        # The output signs do not enter the kernel of the hidden layer.
        output = np.ones((1, m)) / math.sqrt(m)
        peers["nngeometry"] = nngeometry_kernel(X, [W, output], [1.0, 1.0], 1)
    compare("finite-width kernel", lambda: relu_ntk(X, W), peers, n=n, d=d, m=m)


def bench_limit(n: int, d: int) -> None:
    X = sphere(n, d, 2)

    def formula() -> np.ndarray:
        G = X @ X.T
        return G * (0.5 - np.arccos(np.clip(G, -1.0, 1.0)) / (2.0 * np.pi))

    compare("infinite-width kernel", lambda: relu_ntk_limit(X), {"numpy": formula}, n=n, d=d)


def bench_eigenvalue(n: int, d: int) -> None:
    H = relu_ntk_limit(sphere(n, d, 3))
    peers = {
        "scipy eigvalsh subset": lambda: scipy.linalg.eigvalsh(H, subset_by_index=[0, 0])[0],
        "numpy eigvalsh": lambda: np.linalg.eigvalsh(H)[0],
    }
    bound = smallest_eigenvalue(H)
    compare(
        "smallest eigenvalue (odeflow: with proof)",
        lambda: smallest_eigenvalue(H).value,
        peers,
        n=n,
        d=d,
        proved_relative_width=float(f"{(bound.upper - bound.lower) / bound.value:.1e}"),
    )


def bench_mlp(n: int, width: int) -> None:
    rng = np.random.default_rng(4)
    X = sphere(n, 50, 5)
    weights = [rng.standard_normal(s) for s in ((width, 50), (width, width), (width, width), (1, width))]
    scale = 1.0 / math.sqrt(width)

    def jacobian() -> np.ndarray:
        inputs, gates = [X], []
        for number, layer in enumerate(weights[:-1]):
            z = inputs[-1] @ layer.T * (scale if number else 1.0)
            gates.append(z > 0)
            inputs.append(np.maximum(z, 0))
        back = np.full((n, 1), scale)
        blocks = [back * inputs[-1]]
        for number in range(len(weights) - 2, -1, -1):
            back = (back @ weights[number + 1]) * gates[number] * (scale if number else 1.0)
            blocks.append((back[:, :, None] * inputs[number][:, None, :]).reshape(n, -1))
        J = np.hstack(blocks)
        return J @ J.T

    peers = {"numpy, full Jacobian": jacobian}
    if importlib.util.find_spec("nngeometry"):
        peers["nngeometry"] = nngeometry_kernel(X, weights, [1.0, scale, scale, scale], len(weights))
    compare("deep kernel, 4 layers", lambda: mlp_ntk(X, weights), peers, n=n, width=width)


def nngeometry_kernel(
    X: np.ndarray, weights: list[np.ndarray], scales: list[float], trained: int
) -> Callable[[], np.ndarray]:
    """The kernel of the first `trained` layers of a ReLU network, by Gram matrices layer after layer."""
    import torch
    from nngeometry.gram import GramMatrix
    from nngeometry.layercollection import LayerCollection

    torch.set_num_threads(1)

    class Scale(torch.nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: Any) -> Any:
            return x * self.factor

    modules: list[Any] = []
    linear: list[Any] = []
    for number, (weight, scale) in enumerate(zip(weights, scales, strict=True)):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=torch.float64)
        layer.weight.data = torch.from_numpy(np.ascontiguousarray(weight))
        linear.append(layer)
        modules += [Scale(scale), layer, *([torch.nn.ReLU()] if number < len(weights) - 1 else [])]
    model = torch.nn.Sequential(*modules)
    layers = LayerCollection()
    for layer in linear[:trained]:
        layers.add_layer_from_model(model, layer)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.zeros(len(X)))
    loader = torch.utils.data.DataLoader(data, batch_size=len(X))

    def run() -> np.ndarray:
        gram = GramMatrix(model, loader, function=lambda *batch: model(batch[0]), layer_collection=layers)
        return np.asarray(gram.to_torch().detach().numpy()).reshape(len(X), len(X))

    return run


def on_one_blas_thread() -> None:
    """Start again with one BLAS thread; the libraries read this when they are loaded."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(names, "1")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="sizes for a quick look")
    small = parser.parse_args().small
    start = time.process_time()
    _ntk_kernels.warm()
    print(json.dumps({"case": "compile or load kernels", "cpu_s": round(time.process_time() - start, 3)}), flush=True)
    bench_finite_width(*((200, 20, 2000) if small else (1000, 50, 10_000)))
    bench_limit(*((300, 20) if small else (2000, 50)))
    bench_eigenvalue(*((300, 20) if small else (2000, 50)))
    bench_mlp(*((50, 64) if small else (200, 512)))


if __name__ == "__main__":
    on_one_blas_thread()
    main()
