"""Run every benchmark and say how each workload stands against its target.

    python -m pip install "odeflow[bench]"
    python tests/benchmarks/run_all.py [--only W1 W6] [--from lines.jsonl] > lines.jsonl

Every line of every benchmark goes to standard output (one JSON line a tool), the table of ratios to standard error. A
ratio is the peer's time over ours at equal error in the same run; the peer of a row is the one that comes closest. A
row without any installed peer says so. With `--from`, the table is made from the lines of an earlier run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]
Best: TypeAlias = tuple[float, str, bool] | None  # ratio, peer, whether it is only a lower bound

SCRIPTS: dict[str, tuple[str, ...]] = {
    "W1": ("bench_modal.py",),
    "W2": ("bench_relu_flow.py",),
    "W3": ("bench_training.py",),
    "W4": ("bench_kernels.py",),
    "W5": ("bench_linear_flow.py",),
    "W6": ("bench_integrate.py",),
    "more": ("bench_linear_training.py", "bench_confusion.py", "bench_search.py"),
}
SOLVERS = ("numbalsoda DOP853", "CyRK DOP853", "diffrax Dopri8")


def run(script: str) -> list[Line]:
    """Run one script in a process of its own; echo and return its lines."""
    path = Path(__file__).with_name(script)
    if not path.exists():
        return []
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    environment = {**os.environ, **single, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    lines = []
    for text in process.stdout:
        if text.startswith("{"):
            lines.append({"script": script, **json.loads(text)})
            print(json.dumps(lines[-1]), flush=True)
    if process.wait():
        lines.append({"script": script, "tool": "(all)", "failed": process.returncode})
        print(json.dumps(lines[-1]), flush=True)
    return lines


def closest(pairs: Iterable[tuple[float, str, bool]]) -> Best:
    return min(pairs, default=None)


def by_case(case: str, tools: tuple[str, ...] | None = None, key: str = "ratio") -> Callable[[list[Line]], Best]:
    """The smallest ratio of the peers of a case; ours are named odeflow."""

    def find(lines: list[Line]) -> Best:
        return closest(
            (line[key], line["tool"], False)
            for line in lines
            if line.get("case") == case and key in line and not line["tool"].startswith(("odeflow", "numpy eigh"))
            if tools is None or line["tool"] in tools
        )

    return find


def flow_of_networks(flow: str) -> Callable[[list[Line]], Best]:
    def find(lines: list[Line]) -> Best:
        mine = [line for line in lines if line.get("workload") == "W2" and line.get("flow") == flow]
        exact = [(line["ratio_at_1e-6"], line["tool"], False) for line in mine if "ratio_at_1e-6" in line]
        bounds = [(line["ratio_is_more_than"], line["tool"], True) for line in mine if "ratio_is_more_than" in line]
        # A lower bound says something about the closest peer only if no peer reached the error.
        return closest(exact) or max(bounds, default=None)

    return find


def in_last_line(workload: str, key: str, prefixes: tuple[str, ...]) -> Callable[[list[Line]], Best]:
    def find(lines: list[Line]) -> Best:
        found = [line[key] for line in lines if line.get("workload") == workload and key in line]
        pairs = found[-1].items() if found else ()
        return closest((ratio, tool, False) for tool, ratio in pairs if tool.startswith(prefixes))

    return find


def own(workload: str, key: str) -> Callable[[list[Line]], Best]:
    """A number of our own first line."""

    def find(lines: list[Line]) -> Best:
        mine = (line for line in lines if key in line and workload in (line.get("workload"), line.get("case")))
        return next(((line[key], "", False) for line in mine), None)

    return find


ROWS: list[tuple[str, str, Callable[[list[Line]], Best], str, float]] = [
    ("W1", "gradient flow, one kernel, compiled solvers", by_case("gd n=100", SOLVERS), ">=", 2.0),
    ("W1", "heavy ball, one kernel, compiled solvers", by_case("hb n=100", SOLVERS), ">=", 1.0),
    ("W1", "Nesterov, one kernel, compiled solvers", by_case("nag n=100", SOLVERS), ">=", 80.0),
    ("W1", "Nesterov, one kernel, SciPy", by_case("nag n=100", ("scipy DOP853",)), ">=", 500.0),
    ("W1", "gradient flow, 64 kernels", by_case("gd n=100 x64", SOLVERS), ">=", 3.0),
    ("W1", "gradient flow, 64 kernels, losses", by_case("gd n=100 x64", SOLVERS, "ratio_to_losses"), ">=", 3.0),
    ("W1", "heavy ball, 64 kernels", by_case("hb n=100 x64", SOLVERS), ">=", 3.0),
    ("W2", "gradient flow of a network at error 1e-6", flow_of_networks("gd"), ">=", 30.0),
    ("W2", "heavy ball of a network at error 1e-6", flow_of_networks("hb"), ">=", 10.0),
    ("W2", "Nesterov's flow of a network at error 1e-6", flow_of_networks("nag"), ">=", 10.0),
    ("W3", "training by heavy ball, one core", by_case("heavy ball"), ">=", 2.0),
    ("W3", "training by heavy ball, two cores", by_case("heavy ball", key="two_threads_ratio"), ">=", 2.0),
    ("W3", "training by gradient descent, one core", by_case("gradient descent"), ">=", 2.0),
    ("W3", "share of dgemm, every neuron evaluated", own("every step evaluated", "of_dgemm"), ">=", 0.8),
    ("W4", "two-layer tangent kernel", by_case("finite-width kernel", ("nngeometry",)), ">=", 10.0),
    ("W4", "kernel of 4 layers", by_case("deep kernel, 4 layers", ("nngeometry",)), ">=", 2.0),
    ("W5", "deep linear net, layers", in_last_line("W5", "cpu_time_over_ours", ("diffrax", "scipy")), ">=", 2.0),
    ("W6", "10,000 trajectories, heyoka", in_last_line("W6", "time_over_ours", ("heyoka",)), ">=", 1.0),
    ("W6", "10,000 trajectories, the others", in_last_line("W6", "time_over_ours", ("numbalsoda", "scipy", "diffrax")),
     ">=", 1.0),
    ("W6", "cold compile, seconds", own("W6", "first_s"), "<", 2.0),
    ("W6", "cached field ready, seconds", own("W6", "again_s"), "<", 0.05),
]  # fmt: skip


def table(lines: list[Line]) -> str:
    """The rows in Markdown."""
    out = ["| | workload | closest peer | ratio | target | |", "|---|---|---|---|---|---|"]
    for workload, name, find, relation, target in ROWS:
        best = find(lines)
        if best is None:
            out.append(f"| {workload} | {name} | none installed or run | - | {relation} {target:g} | unknown |")
            continue
        value, peer, bound = best
        met = value >= target if relation == ">=" else value < target
        verdict = "met" if met else "unknown" if bound else "missed"
        out.append(f"| {workload} | {name} | {peer} | {'> ' * bound}{value:.3g} | {relation} {target:g} | {verdict} |")
    missing = sorted(
        {str(line["tool"]) for line in lines if "missing" in line or "missing" in str(line.get("status", ""))}
    )
    failed = [str(line["script"]) for line in lines if "failed" in line]
    out.append("")
    out.append(f"Peers that were not installed: {', '.join(missing) or 'none'}.")
    if failed:
        out.append(f"Scripts that failed: {', '.join(failed)}.")
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    parser.add_argument("--from", dest="earlier", type=Path, help="make the table from these lines")
    arguments = parser.parse_args()
    if arguments.earlier:
        texts = arguments.earlier.read_text().splitlines()
        lines = [json.loads(text) for text in texts if text.startswith("{")]
    else:
        lines = [line for name in arguments.only for script in SCRIPTS[name] for line in run(script)]
    print(table(lines), file=sys.stderr)


if __name__ == "__main__":
    main()
