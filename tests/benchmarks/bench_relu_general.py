"""Where many samples a dimension make the event-exact ReLU flow lose: its CPU time over that of `relu_flow_general`.

Gradient flow, d = 10, m = 300, unit inputs. One JSON line a case: seconds of both, events, the accuracy asked for and
the error bar reached as shares of |Delta(0)|, whether the general solver stopped at its budget, and whether the exact
flow lies within its bar.

    python tests/benchmarks/bench_relu_general.py [--samples 30 60 100 200] [--accuracy 1e-2 1e-3] [--time 100]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from odeflow.errors import IntegrationError
from odeflow.numeric.flows import GradientFlow
from odeflow.numeric.relu_flow import relu_flow
from odeflow.numeric.relu_general import relu_flow_general

FEATURES, WIDTH, BUDGET = 10, 300, 30_000


def case(samples: int, end: float, accuracy: float) -> dict[str, object]:
    """Run one problem by both methods."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((samples, FEATURES))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y, W, a = (
        rng.uniform(-1.0, 1.0, samples),
        rng.standard_normal((WIDTH, FEATURES)),
        rng.choice([-1.0, 1.0], WIDTH),
    )
    times = np.concatenate([[0.0], np.linspace(end / 10, end, 10)])
    begin, stopped = time.process_time(), False
    exact = relu_flow(X, y, W, a, GradientFlow(), times, record_events=False)
    exact_seconds, begin = time.process_time() - begin, time.process_time()
    try:
        general = relu_flow_general(X, y, W, a, GradientFlow(), times, accuracy=accuracy, max_evaluations=BUDGET)
    except IntegrationError as error:
        general, stopped = error.partial, True
    seconds = time.process_time() - begin
    shared = np.isin(exact.times, general.times)
    gap = np.linalg.norm(exact.errors[shared] - general.errors[: shared.sum()], axis=1)
    bar = general.error_bar[: shared.sum()]
    return {
        "samples": samples,
        "accuracy": accuracy,
        "exact_seconds": round(exact_seconds, 3),
        "events": exact.event_count,
        "general_seconds": round(seconds, 3),
        "exact_over_general": round(exact_seconds / seconds, 2),
        "bar": float(bar.max() / np.linalg.norm(exact.errors[0])),
        "stopped_at_budget": stopped,
        "within_bar": bool((gap <= bar + 1e-12).all()),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[30, 60, 100, 200])
    parser.add_argument("--accuracy", type=float, nargs="+", default=[1e-2, 1e-3])
    parser.add_argument("--time", type=float, default=100.0)
    asked = parser.parse_args()
    case(10, 1.0, 1e-1)  # loads the kernels
    for number in asked.samples:
        for wanted in asked.accuracy:
            print(json.dumps(case(number, asked.time, wanted)), flush=True)
