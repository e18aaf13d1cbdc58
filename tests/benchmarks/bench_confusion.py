"""How fast is gradient confusion, against a loop over samples? One JSON line a case.

Run: python tests/benchmarks/bench_confusion.py [--small]. Seconds are CPU seconds of the best of several warm runs on
one BLAS thread; `ratio` is peer over odeflow in the same run, larger is better; `error` is the largest difference of an
inner product, relative to the largest. `peak_mb` is what Python allocated. Peers that are not installed are named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from odeflow.numeric.confusion import Architecture, gradient_confusion, gradient_gram, initial_weights

REPEATS = 3


def best(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return the shortest CPU time of several runs, the peak of one more, and the answer."""
    shortest, answer = math.inf, call()
    for _ in range(REPEATS):
        start = time.process_time()
        answer = call()
        shortest = min(shortest, time.process_time() - start)
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return shortest, peak / 1e6, answer


def looped_gram(architecture: Architecture, w: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What a user would write: back-propagate one sample at a time, keep the gradients, multiply."""
    layers = [(layer.W[0], layer.bias[0]) for layer in architecture.split(w[None]) if layer.bias is not None]
    rows = []
    for x, label in zip(X, y, strict=True):
        signals = [x]
        for number, (W, b) in enumerate(layers):
            z = W @ signals[-1] + b
            signals.append(np.tanh(z) if number < len(layers) - 1 else z)
        back = np.exp(signals[-1] - signals[-1].max())
        back /= back.sum()
        back[label] -= 1.0
        parts = []
        for number in range(len(layers) - 1, -1, -1):
            parts += [back, np.outer(back, signals[number]).ravel()]
            if number:
                back = (layers[number][0].T @ back) * (1.0 - signals[number] ** 2)
        rows.append(np.concatenate(parts))
    gradients = np.stack(rows)
    return np.asarray(gradients @ gradients.T)


def torch_gram(architecture: Architecture, w: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same by torch.func.vmap(grad)."""
    import torch

    torch.set_num_threads(1)
    layers = [
        (torch.tensor(layer.W[0]), torch.tensor(layer.bias[0]))
        for layer in architecture.split(w[None])
        if layer.bias is not None
    ]

    def loss(weights: Any, x: Any, label: Any) -> Any:
        for number, (W, b) in enumerate(weights):
            x = W @ x + b
            x = torch.tanh(x) if number < len(weights) - 1 else x
        return -torch.log_softmax(x, 0)[label]

    per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    grads = per_sample(layers, torch.tensor(X), torch.tensor(y))
    flat = torch.cat([part.reshape(len(X), -1) for layer in grads for part in layer], 1)
    return np.asarray(flat @ flat.T)


def compare(samples: int, width: int, depth: int) -> None:
    """Compare one shape, all pairs of samples."""
    architecture = Architecture((64, *[width] * (depth - 1), 10))
    rng = np.random.default_rng(0)
    w, X = initial_weights(architecture, 0), rng.standard_normal((samples, 64))
    y = rng.integers(0, 10, samples)
    facts = {"samples": samples, "width": width, "depth": depth, "parameters": architecture.size}
    own, peak, _ = best(lambda: gradient_confusion(architecture, w, X, y))
    gram = gradient_gram(architecture, w, X, y)
    line = {"tool": "odeflow", "cpu_s": round(own, 4), "peak_mb": round(peak, 1)}
    print(json.dumps({**facts, **line}), flush=True)
    peers: dict[str, Callable[..., np.ndarray]] = {"numpy, one sample at a time": looped_gram}
    if importlib.util.find_spec("torch"):
        peers["torch.func, vmap of grad"] = torch_gram
    else:
        print(json.dumps({**facts, "tool": "torch.func", "status": "missing: not installed"}), flush=True)
    for tool, call in peers.items():
        seconds, peak, answer = best(lambda call=call: call(architecture, w, X, y))  # type: ignore[misc]
        error = float(np.abs(answer - gram).max() / np.abs(gram).max())
        line = {"tool": tool, "cpu_s": round(seconds, 4), "peak_mb": round(peak, 1), "ratio": round(seconds / own, 1)}
        print(json.dumps({**facts, **line, "error": float(f"{error:.0e}")}), flush=True)


def on_one_blas_thread() -> None:
    """Start again with one BLAS thread; the libraries read this when they are loaded."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(names, "1")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="sizes for a quick look")
    small = parser.parse_args().small
    shapes = [(200, 32, 8), (100, 100, 5)] if small else [(1000, 32, 16), (500, 100, 10), (200, 300, 4), (300, 32, 100)]
    for shape in shapes:
        compare(*shape)


if __name__ == "__main__":
    on_one_blas_thread()
    main()
