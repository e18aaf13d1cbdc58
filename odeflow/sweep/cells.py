"""One cell of a sweep: a pure function of its values, with one thread, so that who computes it does not matter."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from odeflow.data_case import open_case
from odeflow.datasets import Dataset
from odeflow.errors import OdeflowError
from odeflow.numeric.activations import Activation
from odeflow.simulation import Run, Subject, simulate

__all__ = ["CellResult", "compute_cell"]


@dataclass(frozen=True)
class CellResult:
    """What came of a cell: its observables, or why there are none.

    Attributes
    ----------
    index : place on each axis
    values : one number an observable, NaN where there is none
    error : empty if the cell was computed
    seconds : time it took
    """

    index: tuple[int, ...]
    values: tuple[float, ...]
    error: str
    seconds: float


def compute_cell(index: tuple[int, ...], values: Mapping[str, Any], observables: Sequence[str]) -> CellResult:
    """Simulate one cell and return its observables; an error of the cell is a result, not an exception."""
    start = time.perf_counter()
    try:
        with threadpool_limits(1), np.errstate(all="ignore"):
            run = _run(values)
        found = _observed(run)
        numbers, error = tuple(found[name] for name in observables), ""
    except OdeflowError as problem:
        numbers, error = (math.nan,) * len(observables), " ".join(str(problem).split())
    except Exception as problem:  # a defect must not take a sweep of days down
        numbers, error = (math.nan,) * len(observables), f"{type(problem).__name__}: {problem}"
    return CellResult(tuple(index), numbers, error, time.perf_counter() - start)


def _run(values: Mapping[str, Any]) -> Run:
    # seeds of different sweeps give different numbers; the same cell always gives the same
    seed = int(np.random.SeedSequence([values["sweep_seed"], values["seed"]]).generate_state(1)[0])
    data = _dataset(values["data"]) if values["data"] else None
    ensemble = simulate(
        values["flow"],
        subject=Subject(values["network"]),
        data=data,
        samples=values["samples"],
        features=values["features"],
        width=values["width"],
        depth=values["depth"],
        activation=Activation(values["activation"]),
        seeds=1,
        seed=seed,
        horizon=values["horizon"] or None,
        learning_rate=values["learning_rate"] or None,
    )
    return ensemble.runs[0]


@lru_cache(maxsize=4)
def _dataset(name: str) -> Dataset:
    return open_case(name, normalise=True).dataset


def _observed(run: Run) -> dict[str, float]:
    fit = run.fit
    return {
        "exponent": math.nan if fit is None else fit.exponent,
        "exponent_low": math.nan if fit is None else fit.interval[0],
        "exponent_high": math.nan if fit is None else fit.interval[1],
        "proved": math.nan if run.proved is None else float(run.proved),
        "sharp": math.nan if run.sharp is None else run.sharp,
        "smallest_eigenvalue": run.spectrum[0],
        "largest_eigenvalue": run.spectrum[1],
        "first_loss": float(run.losses[0]),
        "last_loss": float(run.losses[-1]),
        "last_time": float(run.times[-1]),
    }
