"""Grids of simulations on any executor, in a store that survives whatever happens to the run."""

from __future__ import annotations

from odeflow.sweep.runner import Outcome, run_sweep
from odeflow.sweep.spec import Cell, SweepSpec, read_spec
from odeflow.sweep.store import Status, Store, open_sweep

__all__ = ["Cell", "Outcome", "Status", "Store", "SweepSpec", "open_sweep", "read_spec", "run_sweep"]
