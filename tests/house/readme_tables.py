"""The README's two tables come from the catalogue: counts by paper and verdict, and the most telling errata.

    python tests/house/readme_tables.py            # are they fresh? exit code 1 if not
    python tests/house/readme_tables.py --write
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from odeflow.catalogue import load_catalogue
from odeflow.report.maths import prose

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
WHY = {
    "heavy_ball_limit_printed": "with a momentum that does not depend on the step, nothing moves in the limit",
    "activation_flips_printed": "at each activation flip Delta' jumps, which the equation forbids",
    "switching_kernel_heavy_ball": "a kernel that switches within the allowed bounds makes the loss grow for ever",
    "nesterov_discrete_polynomial_printed": "on a mode with eta lambda = 1/2 the loss falls geometrically",
    "second_momentum_acceleration": "Chebyshev's bound holds for any number of momenta; heavy ball attains it",
    "acceleration_needs_large_p_printed": "two samples, p = 2, depth 2: the best factor falls from 99/101 to 49/51",
    "no_regulariser_printed": "with one input every continuous field is a gradient",
    "width_independence_printed": "unbalanced layers of width 2 move the same matrix 17/8 times as fast",
    "batch_variance_printed": "gradients 1 and 3, B = 2: 17/4, not 9/4; it falls like 1/B",
    "confusion_probability_relu_printed": "in a net of four layers it tends to 1/2, whatever the dimension",
    "operator_norm_printed": "the probability is at most (59/60)^l, l the width: it tends to 0",
    "lp_decay_printed": "p = 4: the exact solution is (1 + 2t)^(-1/2), a power of time",
}
"""Of the refuted claims, those that show best what a paper may lose, and why; all are in the documentation."""
PAPERS = {"bu2021": "Bu 2021", "arora2018": "Arora 2018", "gradient_confusion": "confusion", "path_formula": "paths"}


def tables_module() -> ModuleType:
    """Load the documentation's own rows; that folder is not in the wheel."""
    path = ROOT / "odeflow" / "documentation" / "catalogue_tables.py"
    spec = importlib.util.spec_from_file_location("catalogue_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def counts_table() -> str:
    """Return the table of counts as Markdown."""
    rows = tables_module()
    catalogue = rows.bundled(load_catalogue())
    verdicts, counted = rows.counts(catalogue)
    lines = [
        f"| paper | {' | '.join(f'`{v.value}`' for v in verdicts)} | all |",
        "|---|" + "---:|" * (len(verdicts) + 1),
    ]
    for paper, found in counted:
        lines.append(f"| `{paper.folder}` | {' | '.join(map(str, found))} | {sum(found)} |")
    totals = [sum(found[k] for _, found in counted) for k in range(len(verdicts))]
    lines.append(f"| all | {' | '.join(map(str, totals))} | {sum(totals)} |")
    twins = sum(len(t.twins) for t in catalogue.theorems)
    return "\n".join([*lines, "", f"Every one carries false twins, {twins} in all, that its own checks must refute."])


def errata_table() -> str:
    """Return the chosen errata as Markdown."""
    rows = tables_module()
    catalogue = rows.bundled(load_catalogue())
    found = {e.theorem.name: e for e in rows.errata(catalogue)}
    lines = ["| item | claim | why it is false | what holds |", "|---|---|---|---|"]
    for name, why in WHY.items():
        if name not in found:
            raise SystemExit(f"Expected {name} to be refuted. Take it out of WHY in {Path(__file__).name}.")
        entry = found[name]
        paper = next(short for part, short in PAPERS.items() if part in entry.theorem.source.paper.folder)
        right = ", ".join(f"`{t.name}`" for t in entry.corrected[:1]) or "nothing proved here"
        cells = (
            f"{paper}: {entry.theorem.source.item}",
            entry.theorem.claim.statement,
            why,
            right,
        )
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    shown = f"{len(WHY)} of {len(found)} entries that are refuted as printed, or in the reading that the page states."
    return "\n".join([*lines, "", shown])


def renewed(text: str) -> str:
    """Return the README with both tables written anew between their markers."""
    for name, table in (("counts", counts_table()), ("errata", errata_table())):
        pattern = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(\n<!-- end {name} -->)", re.DOTALL)
        assert len(pattern.findall(text)) == 1, f"the README has no markers for {name}"
        text = pattern.sub(lambda m, made=table: f"{m[1]}\n{made}\n{m[2]}", text)
    return text


def _cell(words: str) -> str:
    parts = words.split("`")
    kept = [f"`{part}`" if place % 2 else prose(part) for place, part in enumerate(parts)]
    return "".join(kept).replace("|", "\\|").replace("*", "\\*")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the README")
    text = README.read_text(encoding="utf-8")
    fresh = renewed(text)
    if parser.parse_args().write:
        README.write_text(fresh, encoding="utf-8")
        return 0
    print("fresh" if text == fresh else "stale: run python tests/house/readme_tables.py --write")
    return int(text != fresh)


if __name__ == "__main__":
    sys.exit(main())
