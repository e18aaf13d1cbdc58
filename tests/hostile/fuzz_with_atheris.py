"""Drive the doors of `test_every_door.py` by coverage: python tests/hostile/fuzz_with_atheris.py DOOR [SECONDS]

Needs atheris (not a dependency of odeflow: it instruments the interpreter). DOOR is one of the names in GOOD, such as
"flow" or "certificate". It starts from the good inputs, keeps what reaches new code, and stops at the first input that
ends neither in a value nor in an OdeflowError, or takes a second; the last lines say how many inputs were tried.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

HERE = Path(__file__).resolve().parent
INSTRUMENTED = ["odeflow", "tomllib", "zipfile"]
"""Packages whose branches are counted; NumPy is left out, it is slow so."""
MODULES = [
    "odeflow.flow_text", "odeflow.flows", "odeflow.checker", "odeflow.sweep.spec", "odeflow.sweep.store",
    "odeflow.kernel_spectrum", "odeflow.datasets.csv_text", "odeflow.datasets.columns", "odeflow.datasets.files",
]  # fmt: skip


def doors() -> Any:
    sys.path.insert(0, str(HERE.parents[1]))
    with atheris.instrument_imports(include=INSTRUMENTED):
        for module in MODULES:
            importlib.import_module(module)
        spec = importlib.util.spec_from_file_location("doors", HERE / "test_every_door.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def main(name: str, seconds: str) -> None:
    found = doors()
    door, good, words = found.GOOD[name]
    with tempfile.TemporaryDirectory() as folder:
        corpus, dictionary = Path(folder) / "corpus", Path(folder) / "words"
        corpus.mkdir()
        for k, content in enumerate(good):
            (corpus / str(k)).write_bytes(content)
        dictionary.write_text("".join(f'"{"".join(f"{chr(92)}x{b:02x}" for b in w)}"\n' for w in words if len(w) < 60))
        options = [f"-max_total_time={seconds}", f"-dict={dictionary}", "-max_len=4000", "-timeout=5"]
        options += ["-rss_limit_mb=4000", "-print_final_stats=1", str(corpus)]
        atheris.Setup([sys.argv[0], *options], lambda data: found.outcome(door, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "60")
