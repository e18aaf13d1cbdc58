"""How fast are closed-form error dynamics, against integrating the same linear ODE? One JSON line a case and tool.

Run: python tests/benchmarks/bench_modal.py [--small]. Problem: infinite-width kernel of 100 random points on a sphere,
to a loss of about 1e-10 of the first, 201 records; an ensemble of 64 such kernels. Every tool gets the loosest power
of ten as tolerance that reaches the same error, 1e-8 of the initial error; errors are against modes in 40 digits on
LAPACK's eigenbasis of the kernel, whose rounding (about 1e-15) is part of them. Seconds are CPU seconds of the best of
several warm runs on one BLAS thread; `ratio` is the tool over odeflow in the same run, larger is better for odeflow.
Missing tools are named.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import mpmath
import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import j1

from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, Nesterov
from odeflow.numeric.kernels import relu_ntk_limit
from odeflow.numeric.modal import frozen_kernel_flow, frozen_kernel_losses, mode_velocity

ERROR = 1e-8
REPEATS = 7
RECORDS = 201
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Run: TypeAlias = Callable[[float], np.ndarray]  # tolerance -> errors (t, n)


@dataclass(frozen=True)
class Problem:
    name: str
    flow: Flow
    kernel: np.ndarray
    error: np.ndarray
    times: np.ndarray
    reference: np.ndarray
    state: np.ndarray  # of the first-order system at times[0]

    @property
    def second_order(self) -> bool:
        return not isinstance(self.flow, GradientFlow)

    def damping(self, t: float) -> float:
        return self.flow.damping if isinstance(self.flow, HeavyBall) else self.flow.gamma / t

    def field(self, t: float, y: np.ndarray) -> np.ndarray:
        if not self.second_order:
            return -(self.kernel @ y)
        n = self.error.size
        return np.concatenate([y[n:], -(self.kernel @ y[:n]) - self.damping(t) * y[n:]])


def sphere_kernel(n: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((n, 20))
    return relu_ntk_limit(points / np.linalg.norm(points, axis=1)[:, None])


def exact_mode(flow: Flow, eigenvalue: float, t: float) -> float:
    """In 40 digits, by formulas that odeflow does not use."""
    with mpmath.workdps(40 + int(getattr(flow, "damping", 0.0) * t)):
        lam, t = mpmath.mpf(eigenvalue), mpmath.mpf(t)
        if isinstance(flow, GradientFlow):
            return float(mpmath.exp(-lam * t))
        if isinstance(flow, HeavyBall):
            r = mpmath.mpf(flow.damping) / 2
            s = mpmath.sqrt(mpmath.mpc(r * r - lam))
            shape = mpmath.cosh(s * t) + r * (t if s == 0 else mpmath.sinh(s * t) / s)
            return float((mpmath.exp(-r * t) * shape).real)
        nu, s = (mpmath.mpf(flow.gamma) - 1) / 2, mpmath.sqrt(lam) * t
        return float(mpmath.gamma(nu + 1) * (2 / s) ** nu * mpmath.besselj(nu, s)) if s else 1.0


def problem(name: str, n: int, seed: int = 0) -> Problem:
    kernel = sphere_kernel(n, seed)
    error = np.random.default_rng(seed + 1).standard_normal(n)
    values, vectors = np.linalg.eigh(kernel)
    low = float(values[0])
    flow: Flow = {"gd": GradientFlow(), "hb": HeavyBall(2.0 * math.sqrt(low)), "nag": Nesterov(3.0)}[name]
    slow = math.sqrt(low)
    # e^-23 = 1e-10; (1 + 14)^2 e^-28 = 2e-10; envelope (8/pi) s^-3.
    end = {"gd": 11.5 / low, "hb": 14.0 / slow, "nag": (8.0 / math.pi * 1e10) ** (1 / 3) / slow}[name]
    times = np.linspace(0.1 if name == "nag" else 0.0, end, RECORDS)
    modes = np.array([[exact_mode(flow, float(v), float(t)) for t in times] for v in values])
    coordinates = vectors.T @ error
    reference = (modes.T * coordinates) @ vectors.T
    state = reference[0]
    if name != "gd":
        state = np.concatenate([state, vectors @ (mode_velocity(flow, values, times[:1])[:, 0] * coordinates)])
    return Problem(name, flow, kernel, error, times, reference, state)


def best(call: Callable[[], Any]) -> tuple[float, Any]:
    call()
    shortest, result = math.inf, None
    for _ in range(REPEATS):
        start = time.process_time()
        result = call()
        shortest = min(shortest, time.process_time() - start)
        if shortest > 3.0:
            break
    return shortest, result


def achieved(p: Problem, errors: np.ndarray) -> float:
    gap = np.linalg.norm(errors - p.reference, axis=1)
    return float(gap.max() / np.linalg.norm(p.error))


def report(case: str, tool: str, **facts: object) -> None:
    print(json.dumps({"case": case, "tool": tool, **facts}), flush=True)


# ------------------------------------------------------------------------------------------------- peers


def closed_form_numpy(p: Problem) -> Run:
    """The formulas as one writes them down (fails near the double root, knows gamma = 3 only)."""

    def run(_: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(p.kernel)
        if isinstance(p.flow, GradientFlow):
            modes = np.exp(-np.outer(p.times, values))
        elif isinstance(p.flow, HeavyBall):
            r = 0.5 * p.flow.damping
            gap = values - r * r
            gap[np.abs(gap) < 1e-14] = 1e-14
            root = np.sqrt(gap.astype(np.complex128))
            phase = np.outer(p.times, root)
            modes = np.exp(-r * p.times)[:, None] * (np.cos(phase) + r * np.sin(phase) / root).real
        else:
            s = np.outer(p.times, np.sqrt(values))
            modes = 2.0 * j1(s) / s
        return (modes * (vectors.T @ p.error)) @ vectors.T

    return run


def scipy_dop853(p: Problem) -> Run:
    def run(tolerance: float) -> np.ndarray:
        span = (float(p.times[0]), float(p.times[-1]))
        y = solve_ivp(p.field, span, p.state, "DOP853", p.times, rtol=tolerance, atol=tolerance).y
        return y[: p.error.size].T

    return run


def scipy_expm(p: Problem) -> Run | None:
    """One propagator, one product a record; the grid is uniform. Not possible for Nesterov's flow."""
    if isinstance(p.flow, Nesterov):
        return None
    n = p.error.size
    matrix = -p.kernel
    if isinstance(p.flow, HeavyBall):
        matrix = np.block([[np.zeros((n, n)), np.eye(n)], [-p.kernel, -p.flow.damping * np.eye(n)]])

    def run(_: float) -> np.ndarray:
        propagator = expm(matrix * float(p.times[1] - p.times[0]))
        out = np.empty((p.times.size, n))
        state = p.state
        for j in range(p.times.size):
            out[j] = state[:n]
            state = propagator @ state
        return out

    return run


def numbalsoda_dop853(p: Problem) -> Run:
    from numba import carray, cfunc
    from numbalsoda import dop853, lsoda_sig

    n, second, code = p.error.size, p.second_order, 0 if isinstance(p.flow, Nesterov) else 1
    coefficient = getattr(p.flow, "damping", getattr(p.flow, "gamma", 0.0))

    @cfunc(lsoda_sig)
    def field(t, u, du, data):
        y = carray(u, (2 * n if second else n,))
        dy = carray(du, (2 * n if second else n,))
        h = carray(data, (n, n))
        force = h @ y[:n]
        if second:
            b = coefficient / t if code == 0 else coefficient
            for i in range(n):
                dy[i] = y[n + i]
                dy[n + i] = -force[i] - b * y[n + i]
        else:
            for i in range(n):
                dy[i] = -force[i]

    # It gives up after 10,000 steps a call: Nesterov's long run goes in parts.
    cuts = np.linspace(0, p.times.size - 1, 9 if code == 0 else 2).astype(int)

    def run(tolerance: float) -> np.ndarray:
        out, state = np.full((p.times.size, n), np.nan), p.state
        for start, end in itertools.pairwise(cuts):
            grid = p.times[start : end + 1]
            solution, success = dop853(field.address, state, grid, data=p.kernel, rtol=tolerance, atol=tolerance)
            if not success:
                break
            out[start : end + 1], state = solution[:, :n], solution[-1].copy()
        return out

    return run


def cyrk_dop853(p: Problem) -> Run:
    from CyRK import pysolve_ivp

    n, kernel = p.error.size, p.kernel

    def field(dy: np.ndarray, t: float, y: np.ndarray) -> None:
        if p.second_order:
            dy[:n] = y[n:]
            dy[n:] = -(kernel @ y[:n]) - p.damping(t) * y[n:]
        else:
            dy[:] = -(kernel @ y)

    def run(tolerance: float) -> np.ndarray:
        result = pysolve_ivp(
            field,
            (float(p.times[0]), float(p.times[-1])),
            p.state,
            method="DOP853",
            t_eval=p.times,
            rtol=tolerance,
            atol=tolerance,
            pass_dy_as_arg=True,
        )
        return np.asarray(result.y)[:n].T.copy()

    return run


def diffrax_dopri8(p: Problem) -> Run:
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp

    grid = jnp.asarray(p.times)

    def field(t: Any, y: Any, kernel: Any) -> Any:
        if not p.second_order:
            return -(kernel @ y)
        position, velocity = y
        return velocity, -(kernel @ position) - p.damping(t) * velocity

    n = p.error.size
    start = (jnp.asarray(p.state[:n]), jnp.asarray(p.state[n:])) if p.second_order else jnp.asarray(p.state)

    @jax.jit
    def solve(kernel: Any, tolerance: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Dopri8(),
            p.times[0],
            p.times[-1],
            None,
            start,
            args=kernel,
            saveat=diffrax.SaveAt(ts=grid),
            max_steps=10**6,
            adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints=1),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            throw=False,
        ).ys

    kernel = jnp.asarray(p.kernel)

    def run(tolerance: float) -> np.ndarray:
        ys = solve(kernel, tolerance)
        return np.asarray(ys[0] if p.second_order else ys)

    return run


BUILDERS: dict[str, tuple[str | None, Callable[[Problem], Run | None]]] = {
    "numpy closed form": (None, closed_form_numpy),
    "scipy expm stepping": (None, scipy_expm),
    "scipy DOP853": (None, scipy_dop853),
    "numbalsoda DOP853": ("numbalsoda", numbalsoda_dop853),
    "CyRK DOP853": ("CyRK", cyrk_dop853),
    "diffrax Dopri8": ("diffrax", diffrax_dopri8),
}


def loosest(p: Problem, run: Run) -> tuple[float, float]:
    """Return the loosest power of ten that reaches ERROR, and the error it reached."""
    error = math.inf
    for digits in range(7, 15):
        error = achieved(p, run(10.0**-digits))
        if error <= ERROR:
            return 10.0**-digits, error
    return math.nan, error


def single(name: str, n: int) -> None:
    p = problem(name, n)
    case = f"{name} n={n}"
    own, trajectory = best(lambda: frozen_kernel_flow(p.flow, p.kernel, p.error, p.times))
    report(case, "odeflow", cpu_s=round(own, 6), error=f"{achieved(p, trajectory.errors):.1e}")
    only, losses = best(lambda: frozen_kernel_losses(p.flow, p.kernel, p.error, p.times))
    exact = 0.5 * (p.reference**2).sum(1)
    gap = float(np.abs(losses - exact).max() / exact[0])
    report(case, "odeflow, losses only", cpu_s=round(only, 6), ratio=round(only / own, 2), error=f"{gap:.1e}")
    eigensolver, _ = best(lambda: np.linalg.eigh(p.kernel))
    report(case, "numpy eigh alone", cpu_s=round(eigensolver, 6), ratio=round(eigensolver / own, 2))
    for tool, (package, build) in BUILDERS.items():
        if package is not None and importlib.util.find_spec(package) is None:
            report(case, tool, status="missing: not installed")
            continue
        run = build(p)
        if run is None:
            report(case, tool, status="not possible for this flow")
            continue
        tolerance, error = loosest(p, run)
        if math.isnan(tolerance):
            report(case, tool, status=f"did not reach {ERROR:g}", error=f"{error:.1e}")
            continue
        seconds, _ = best(lambda run=run, tolerance=tolerance: run(tolerance))
        facts = {"ratio": round(seconds / own, 2), "error": f"{error:.1e}", "tolerance": tolerance}
        report(case, tool, cpu_s=round(seconds, 6), **facts)


def ensemble(name: str, n: int, count: int) -> None:
    """A stack of kernels at once, against the others one kernel at a time; `ratio_to_losses` is to our losses alone."""
    p = problem(name, n)
    stack = np.stack([sphere_kernel(n, seed) for seed in range(count)])
    case = f"{name} n={n} x{count}"
    own, run = best(lambda: frozen_kernel_flow(p.flow, stack, p.error, p.times))
    report(case, "odeflow", cpu_s=round(own, 5), error=f"{achieved(p, run.errors[0]):.1e}")
    only, _ = best(lambda: frozen_kernel_losses(p.flow, stack, p.error, p.times))
    report(case, "odeflow, losses only", cpu_s=round(only, 5), ratio=round(only / own, 2))
    copies = [Problem(p.name, p.flow, kernel, p.error, p.times, p.reference, p.state) for kernel in stack]
    for tool, (package, build) in BUILDERS.items():
        if tool == "scipy expm stepping":
            continue
        if package is not None and importlib.util.find_spec(package) is None:
            report(case, tool, status="missing: not installed")
            continue
        first = build(p)
        assert first is not None
        tolerance, error = loosest(p, first)
        # The solver's start for Nesterov's flow is that of the first kernel: the work is the same.
        sample = copies if tool == "numpy closed form" else copies[:4]
        runs = [build(copy) for copy in sample]
        seconds, _ = best(lambda runs=runs, tolerance=tolerance: [r(tolerance) for r in runs if r is not None])
        seconds *= count / len(sample)
        facts = {"ratio": round(seconds / own, 2), "ratio_to_losses": round(seconds / only, 2), "error": f"{error:.1e}"}
        report(case, tool, cpu_s=round(seconds, 5), **facts)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--small", action="store_true", help="smaller kernels, for a quick look")
    small = arguments.parse_args().small
    if any(variable not in os.environ for variable in THREADS):
        # BLAS reads its thread count when it is loaded: start again with one thread.
        flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
        environment = {**dict.fromkeys(THREADS, "1"), **flags, "JAX_PLATFORMS": "cpu", **os.environ}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    n, count = (20, 8) if small else (100, 64)
    print(json.dumps({"python": sys.version.split()[0], "numpy": np.__version__, "cpus": os.cpu_count()}), flush=True)
    for name in ("gd", "hb", "nag"):
        single(name, n)
    for name in ("gd", "hb", "nag"):
        ensemble(name, n, count)


if __name__ == "__main__":
    main()
