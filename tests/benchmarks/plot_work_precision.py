"""Draw work against achieved error from the lines of `bench_relu_flow.py`: one panel a flow, one line a tool.

    python tests/benchmarks/plot_work_precision.py lines.jsonl -o work_precision.png
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

TITLES = {"gd": "gradient flow", "hb": "heavy ball, b = 1", "nag": "Nesterov, 3/t"}
COLOURS = ("#c1272d", "#0072b2", "#56b4e9", "#009e73", "#e69f00", "#8c6bb1", "#666666")
MARKERS = "osd^v<>"


def points(lines: list[dict[str, Any]]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Collect (seconds, error) by flow and tool, ours first."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        # A run that equals the tightest one has no error of its own to show.
        if line.get("workload") == "W2" and "cpu_s" in line and line["error"] > 0.0:
            found[line["flow"]][line["tool"]].append((line["cpu_s"], line["error"]))
    return found


def draw(lines: list[dict[str, Any]], path: Path) -> None:
    """Write the figure."""
    found = points(lines)
    tools = list(dict.fromkeys(tool for by_tool in found.values() for tool in by_tool))
    figure, axes = plt.subplots(1, len(found), figsize=(4.6 * len(found), 4.4), sharey=True, squeeze=False)
    for axis, (flow, by_tool) in zip(axes[0], found.items(), strict=True):
        for tool, runs in by_tool.items():
            number, ours = tools.index(tool), tool == "odeflow"
            axis.loglog(
                *zip(*sorted(runs), strict=True),
                marker=MARKERS[number],
                color=COLOURS[number],
                linewidth=2.2 if ours else 1.2,
                markersize=8 if ours else 5,
                linestyle="-" if ours else "--",
                label=f"{tool} (events)" if ours else tool,
            )
        axis.axhline(1e-6, color="0.7", linewidth=0.8, zorder=0)
        axis.set_title(TITLES[flow])
        axis.set_xlabel("CPU seconds")
        axis.grid(True, which="major", color="0.92")
    axes[0][0].set_ylabel(r"$\max_k\,|\Delta(t_k)-\Delta_{\mathrm{ref}}(t_k)|\,/\,|\Delta(0)|$")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False)
    figure.tight_layout(rect=(0.0, 0.07, 1.0, 1.0))
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, help="output of bench_relu_flow.py")
    parser.add_argument("-o", "--output", type=Path, default=Path("work_precision.png"))
    arguments = parser.parse_args()
    text = arguments.lines.read_text().splitlines()
    draw([json.loads(line) for line in text if line.startswith("{")], arguments.output)


if __name__ == "__main__":
    main()
