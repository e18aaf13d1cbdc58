"""How fast is a certificate? A fixed rate, a whole bisection, the stand-alone check. One JSON line a case.

Run: python tests/benchmarks/bench_search.py [--repeats N]. Times are the best of N runs after one warm run, in
milliseconds: `fixed_ms` proves the rate that the bisection found, `bisection_ms` finds it, `check_ms` verifies the file
with the standard library. `within` says whether the targets (50, 500, 10) hold. Where PEPit is installed its
continuous-time examples run too: `value` is what its solver returns, `excess` how far that lies beyond the theory.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odeflow.checker import verify_text
from odeflow.flow_text import parse_flow
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import best_rate, decide_rate

TARGETS = {"fixed_ms": 50.0, "bisection_ms": 500.0, "check_ms": 10.0}
CASES = [
    ("x' + grad(x)", ClassName.CONVEX, 0, None),
    ("x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    ("x'' + 3/t*x' + grad(x)", ClassName.CONVEX, 0, None),
    ("x'' + 3/t*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    ("x'' + 2*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    ("x'' + 2*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, 10),
    ("x'' + 2*x' + 1/2*hess*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    ("x'' + 2*x' + grad(x)", ClassName.PL, 1, 10),
    ("x'' + 2*x' + grad(x)", ClassName.QUADRATIC, 1, 100),
    ("x''' + 3*x'' + 3*x' + grad(x)", ClassName.QUADRATIC, 1, 4),
]


def best_ms(call: Callable[[], Any], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    for text, name, mu, smooth in CASES:
        known = FunctionClass(name, Fraction(mu), None if smooth is None else Fraction(smooth))
        flow = parse_flow(text).at()
        outcome = best_rate(flow, known)
        assert outcome.rate is not None
        assert outcome.certificate is not None
        rate, file = outcome.rate, outcome.certificate.to_json()
        line: dict[str, Any] = {
            "flow": text, "class": known.statement(), "rate": str(rate),
            "fixed_ms": best_ms(lambda f=flow, c=known, r=rate: decide_rate(f, c, r), repeats),
            "bisection_ms": best_ms(lambda f=flow, c=known: best_rate(f, c), repeats),
            "check_ms": best_ms(lambda t=file: verify_text(t), 5 * repeats),
        }  # fmt: skip
        line["within"] = {key: line[key] < target for key, target in TARGETS.items()}
        print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in line.items()}), flush=True)
    if importlib.util.find_spec("PEPit") is None:
        print(json.dumps({"peer": "PEPit", "skipped": "not installed"}))
    else:
        pepit(repeats)


def pepit(repeats: int) -> None:
    """Run PEPit's four continuous-time examples beside ours."""
    from PEPit.examples import continuous_time_models as models  # type: ignore[import-not-found]

    calls = {
        "gradient flow, strongly convex": lambda: models.wc_gradient_flow_strongly_convex(mu=1.0, verbose=0),
        "gradient flow, convex": lambda: models.wc_gradient_flow_convex(t=1.0, verbose=0),
        "accelerated, strongly convex": lambda: models.wc_accelerated_gradient_flow_strongly_convex(mu=1.0, verbose=0),
        "accelerated, convex": lambda: models.wc_accelerated_gradient_flow_convex(t=1.0, verbose=0),
    }
    for name, call in calls.items():
        value, theory = call()
        print(json.dumps({"peer": "PEPit", "example": name, "ms": round(best_ms(call, repeats), 2), "value": value,
                          "theory": theory, "exact": False, "excess": value - theory}), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
