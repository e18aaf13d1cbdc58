"""Solve a small conic program in floating point; whatever stops the solver, even a panic, is one kind of failure."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix

from odeflow.errors import InvalidArgumentError, OdeflowError

__all__ = ["SolverFailure", "require_solver", "solve_conic"]


def require_solver() -> Any:
    """Return the module of the semidefinite solver, or say how to install it."""
    try:
        return importlib.import_module("clarabel")
    except ImportError:
        raise InvalidArgumentError(
            "Expected the solver Clarabel for the search, but it is not installed. Install odeflow[search]. "
            "Checking certificates needs no solver."
        ) from None


class SolverFailure(OdeflowError):
    """The solver stopped without an answer."""


def solve_conic(
    target: np.ndarray, cones: Sequence[tuple[tuple[str, int], np.ndarray, Sequence[float]]]
) -> np.ndarray | None:
    """Minimise <target, x> with right - rows x in each cone; None if infeasible.

    Parameters
    ----------
    cones : (("zero" | "nonnegative" | "semidefinite", size), rows, right); semidefinite cones are upper triangles,
        column by column, off-diagonal entries times sqrt(2)

    Raises
    ------
    SolverFailure
        The solver stopped without an answer, for any reason, a panic included.
    """
    clarabel = require_solver()
    kinds = {
        "zero": clarabel.ZeroConeT,
        "nonnegative": clarabel.NonnegativeConeT,
        "semidefinite": clarabel.PSDTriangleConeT,
    }
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_iter = 100
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    settings.max_threads = 1
    A = csc_matrix(np.vstack([rows for _, rows, _ in cones]))
    right = np.concatenate([np.asarray(b, dtype=np.float64) for _, _, b in cones])
    n = len(target)
    try:
        solver = clarabel.DefaultSolver(
            csc_matrix((n, n)), target, A, right, [kinds[name](size) for (name, size), _, _ in cones], settings
        )
        solution = solver.solve()
        status, x = str(solution.status), np.array(solution.x)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of the solver derives from BaseException
        raise SolverFailure(f"the solver stopped: {type(error).__name__}: {error}") from None
    if "Infeasible" in status:
        return None
    if "Solved" not in status and status not in ("InsufficientProgress", "MaxIterations"):
        raise SolverFailure(f"the solver ended with status {status}")
    if not np.all(np.isfinite(x)):
        raise SolverFailure("the solver returned numbers that are not finite")
    return x
