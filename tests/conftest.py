"""Shape and type annotations are checked at run time in every test; Hypothesis runs deterministically."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parent.parent

# Kernel modules begin with an underscore: Numba compiles them, so nothing may wrap their functions. Strategies run
# while Hypothesis draws, and beartype's random choice of an item to check would be randomness it does not control; so
# the networks that a strategy builds are not checked either.
BUILT_IN_STRATEGIES = ("path_networks.py", "deep_linear_instances.py")
CHECKED = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("odeflow",)
    for path in (ROOT / package).rglob("*.py")
    if not path.name.startswith("_") and path.name not in BUILT_IN_STRATEGIES
)
collect_ignore_glob = ["benchmarks/scaling.py", "hostile/fuzz_with_atheris.py"]  # scripts with peers of their own
install_import_hook(CHECKED, "beartype.beartype")

settings.register_profile("dev", max_examples=25, derandomize=True, deadline=None)
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("ODEFLOW_HYPOTHESIS_PROFILE", "ci"))
