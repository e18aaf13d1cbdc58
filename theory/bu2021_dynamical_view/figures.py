"""Figures 1-4 of Bu, Xu and Chen (2021), reproduced as scenarios with a table of measured rates against theory.

The paper gives no n, p, learning rate or momentum (its Appendix D is not in the text we hold). Here: unit-norm Gaussian
inputs, targets uniform on [-1, 1], a two-layer ReLU network of which the first layer is trained, as in its section 2.
The default sizes take seconds; `full` uses the paper's widths of 10^3 to 10^4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from odeflow.datasets import sphere
from odeflow.figures import Curve, Figure, Panel, RateRow, Scenario
from odeflow.numeric.eigenvalues import smallest_eigenvalue
from odeflow.numeric.kernels import relu_ntk, relu_ntk_limit, two_layer_initialisation
from odeflow.numeric.momenta import iterate_momenta
from odeflow.numeric.rates import RateFit, fit_exponential, fit_power
from odeflow.numeric.training import GradientDescent, HeavyBallMethod, NesterovMethod, Optimiser, train_relu
from odeflow.theorem import Source
from theory.bu2021_dynamical_view.notation import PAPER

__all__ = ["FIGURES"]

FLOOR = 1e-26
"""Losses below this fraction of their start are rounding, not decay."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Data and initial weights of one run."""

    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "m p"]
    a: Float[np.ndarray, " m"]

    @property
    def limit_eigenvalue(self) -> float:
        """lambda_0: smallest eigenvalue of the infinite-width kernel."""
        return smallest_eigenvalue(relu_ntk_limit(self.X)).value

    @property
    def initial_eigenvalue(self) -> float:
        """Smallest eigenvalue of the kernel at the initialisation."""
        return smallest_eigenvalue(relu_ntk(self.X, self.W)).value

    def losses(self, optimiser: Optimiser, steps: int) -> Float[np.ndarray, " k"]:
        """Train and return the loss after every step."""
        return np.asarray(train_relu(self.X, self.y, self.W, self.a, optimiser, steps).losses[0])


def problem(n: int, p: int, width: int, *, data_seed: int, seed: int) -> Problem:
    """Draw data from `data_seed` and initial weights from `seed`."""
    rng = np.random.default_rng(data_seed)
    X, y = sphere(n, p, seed=rng), rng.uniform(-1.0, 1.0, n)
    return Problem(X, y, *two_layer_initialisation(p, width, seed=seed))


def figure1(full: bool, seed: int) -> Figure:
    """Heavy ball against gradient descent: exponents of the loss in ODE time and per iteration."""
    width, horizon, step = (10_000 if full else 2048), 60.0, 0.05
    runs = [problem(8, 6, width, data_seed=seed, seed=seed + k) for k in range(3)]
    lam = runs[0].limit_eigenvalue
    b = float(np.sqrt(2.0 * lam))
    steps = int(horizon / step)
    times = step * np.arange(steps + 1)
    curves, rows, late = [], [], (horizon / 2, horizon)
    for k, run in enumerate(runs):
        gd, hb = run.losses(GradientDescent(step), steps), run.losses(HeavyBallMethod(step**2, 1.0 - b * step), steps)
        curves += [_curve("gradient descent" * (k == 0), times, gd, 0), _curve("heavy ball" * (k == 0), times, hb, 1)]
        lowest = run.initial_eigenvalue
        rows.append(
            _row(
                f"gradient descent, seed {seed + k}",
                fit_exponential(times, gd, window=late),
                f"{2 * lowest:.3f} (2 lambda_min(H(0)))",
                f"{lam:.3f}",
            )
        )
        rows.append(
            _row(
                f"heavy ball, seed {seed + k}",
                fit_exponential(times, hb, window=late),
                f"{b:.3f} (sqrt(2 lambda_0))",
                f"{b / 2:.3f}",
            )
        )
    start = float(curves[0].y[0])
    bounds = [
        Curve("paper's exponents", times, start * np.exp(-lam * times), theory=True, group=0),
        Curve("", times, start * np.exp(-b / 2 * times), theory=True, group=1),
    ]
    iterations, same_rate = np.arange(241), 0.5
    beta = 1.0 - b * np.sqrt(same_rate)
    plain = runs[0].losses(GradientDescent(same_rate), 240)
    accelerated = runs[0].losses(HeavyBallMethod(same_rate, beta), 240)
    per_iteration = [
        _curve("gradient descent", iterations, plain, 0),
        _curve(f"heavy ball, beta = {beta:.2f}", iterations, accelerated, 1),
    ]
    rows.append(
        _row(
            "heavy ball per iteration, eta = 1/2",
            fit_exponential(iterations.astype(float), accelerated),
            f"{-np.log(beta):.3f} (-ln beta)",
        )
    )
    rows.append(
        _row(
            "gradient descent per iteration, eta = 1/2",
            fit_exponential(iterations.astype(float), plain),
            f"{-2 * np.log1p(-same_rate * runs[0].initial_eigenvalue):.3f} (-2 ln(1 - eta lambda_min))",
        )
    )
    return Figure(
        "Figure 1: heavy ball converges linearly, faster than gradient descent",
        f"n = 8, p = 6, width {width}, lambda_0 = {lam:.4f}, b = sqrt(2 lambda_0), step {step}, "
        f"seeds {seed} to {seed + 2}",
        (
            Panel("in ODE time", "t", "loss", (*curves, *bounds)),
            Panel("per iteration, the same learning rate 1/2", "iteration", "loss", tuple(per_iteration)),
        ),
        tuple(rows),
        (
            _outcome(
                all(hb.measured > gd.measured for gd, hb in zip(rows[0:6:2], rows[1:6:2], strict=True)),
                "heavy ball converges faster than gradient descent in ODE time, with every seed",
            ),
            _outcome(
                all(row.interval is not None and row.interval[0] > float(row.paper) for row in rows[:6]),
                "the measured exponents exceed the paper's bounds",
            ),
            "ODE time is eta k for gradient descent and sqrt(eta) k for heavy ball; right: iterations.",
        ),
    )


def figure2(full: bool, seed: int) -> Figure:
    """Nesterov's polynomial decay, and gradient descent overtaking it."""
    width, step = (10_000 if full else 2048), 0.0125 if full else 0.025
    run = problem(8, 6, width, data_seed=seed, seed=seed)
    steps = int(80.0 / step)
    times = step * np.arange(1, steps + 1)
    gradient = run.losses(GradientDescent(step), steps)[1:]
    curves, rows = [_curve("gradient descent", times, gradient, 0)], []
    for group, gamma in enumerate((3.0, 7.0), start=1):
        losses = run.losses(NesterovMethod(step**2, gamma), steps)[1:]
        curves.append(_curve(f"Nesterov, gamma = {gamma:g}", times, losses, group))
        rows.append(
            _row(
                f"Nesterov, gamma = {gamma:g}, power of t on [20, 80]",
                fit_power(times, losses, window=(20.0, 80.0)),
                f"{gamma:g} (gamma)",
                f"{2 * gamma / 3:.2f} (2 gamma/3)",
            )
        )
    iterations, rate, count = np.arange(1, 401), 0.5, 400
    descent = run.losses(GradientDescent(rate), count)[1:]
    late = [_curve("gradient descent", iterations, descent, 0)]
    excluded = all(row.interval is not None and row.interval[0] > float(row.paper.split()[0]) for row in rows)
    remarks = [_outcome(excluded, "in ODE time the power exceeds 2 gamma/3 (it is gamma)")]
    for group, gamma in enumerate((3.0, 7.0), start=1):
        losses = run.losses(NesterovMethod(rate, gamma), count)[1:]
        envelope = np.maximum.accumulate(losses[::-1])[::-1]
        late.append(_curve(f"Nesterov, gamma = {gamma:g}", iterations, losses, group))
        behind = np.flatnonzero((descent < envelope) & (iterations > 20))
        if behind.size:
            rows.append(
                RateRow(
                    f"iteration at which gradient descent passes Nesterov, gamma = {gamma:g}, eta = 1/2",
                    float(iterations[behind[0]]),
                    None,
                    "finite",
                )
            )
        tail = fit_exponential(iterations.astype(float), losses, window=(200.0, 400.0))
        rows.append(
            _row(
                f"Nesterov, gamma = {gamma:g}, late exponent per iteration, eta = 1/2",
                tail,
                f"{-np.log1p(-rate * run.initial_eigenvalue):.3f} (-ln(1 - eta lambda_min))",
                "none: 'only polynomial'",
            )
        )
    late_rows = [row for row in rows if "late exponent" in row.what]
    linear = all(row.interval is not None and row.interval[0] > 0.0 for row in late_rows)
    remarks.append(_outcome(not linear, "the discrete method is 'only polynomial' (a late exponent > 0 is not)"))
    return Figure(
        "Figure 2: Nesterov decays like a power of t",
        f"n = 8, p = 6, width {width}, lambda_0 = {run.limit_eigenvalue:.4f}, step {step}, seed {seed}",
        (
            Panel("in ODE time", "t", "loss", tuple(curves), xscale="log"),
            Panel("per iteration, the same learning rate 1/2", "iteration", "loss", tuple(late)),
        ),
        tuple(rows),
        tuple(remarks),
    )


def figure3(full: bool, seed: int) -> Figure:
    """Does a larger gamma need more width? Smallest loss of 400 iterations against width."""
    widths = (16, 64, 256, 1024, *((4096, 10_000) if full else ()))
    gammas, steps, seeds = (3.0, 7.0, 12.0), 400, 10
    methods: list[tuple[str, Optimiser]] = [("gradient descent", GradientDescent(0.3))]
    methods += [(f"Nesterov, gamma = {gamma:g}", NesterovMethod(0.3, gamma)) for gamma in gammas]
    smallest = np.empty((len(methods), len(widths), seeds))
    for j, width in enumerate(widths):
        for k in range(seeds):
            run = problem(10, 5, width, data_seed=seed, seed=seed + k)
            for i, (_, method) in enumerate(methods):
                losses = run.losses(method, steps)
                smallest[i, j, k] = losses[np.isfinite(losses)].min()
    middle = np.exp(np.log(smallest).mean(axis=2))
    best = [methods[int(i)][0] for i in middle.argmin(axis=0)]
    rows = [
        RateRow(
            f"{name}, width {width}, smallest loss (geometric mean of {seeds})",
            float(middle[i, j]),
            _spread(smallest[i, j]),
            "",
        )
        for i, (name, _) in enumerate(methods)
        for j, width in enumerate(widths)
    ]
    curves = [Curve(name, np.array(widths, dtype=float), middle[i], group=i) for i, (name, _) in enumerate(methods)]
    dots = [
        Curve("", np.array(widths, dtype=float), smallest[i].min(axis=1), group=i, markers=True)
        for i in range(len(methods))
    ]
    needs_width = any(name != methods[-1][0] for name in best)
    return Figure(
        "Figure 3: width and gamma",
        f"n = 10, p = 5, learning rate 0.3, {steps} iterations; lines: geometric mean of {seeds} initialisations from "
        f"seed {seed}; dots: the best of them",
        (Panel(f"smallest loss within {steps} iterations", "width m", "loss", (*curves, *dots), xscale="log"),),
        tuple(rows),
        (
            _outcome(needs_width, "a larger gamma needs more width (which gamma is best depends on the width)"),
            f"Best method at widths {', '.join(map(str, widths))}: {', '.join(best)}.",
            "The printed width requirement is an artefact of the proof (nesterov_width).",
        ),
    )


def figure4(full: bool, seed: int) -> Figure:
    """A second momentum: faster for some parameters, worse than gradient descent for others."""
    width, rate, steps = (10_000 if full else 2048), 0.3, 150
    run = problem(8, 6, width, data_seed=seed, seed=seed)
    settings: list[tuple[str, tuple[float, ...]]] = [("gradient descent", ())]
    settings += [(f"heavy ball, beta = {beta:g}", (beta,)) for beta in (0.5, 0.7)]
    settings += [
        (f"two momenta, {b1:g}, {b2:g}", (b1, b2)) for b1, b2 in ((0.5, 0.1), (0.5, 0.2), (0.5, 0.4), (0.5, -0.2))
    ]
    curves, rows = [], []
    for group, (name, betas) in enumerate(settings):
        losses = _momentum_losses(run, rate, betas, steps)
        curves.append(_curve(name, np.arange(steps + 1), losses, group))
        rows.append(
            RateRow(
                f"{name}: loss after {steps} iterations",
                float(losses[-1]),
                None,
                f"{_spectral(run, rate, betas, steps):.1e} (frozen kernel)",
            )
        )
    grid = np.round(np.arange(0.0, 0.96, 0.05), 2)
    single = {(b,): _momentum_losses(run, rate, (b,), 100)[-1] for b in grid}
    double = {
        (b1, b2): _momentum_losses(run, rate, (b1, b2), 100)[-1]
        for b1 in grid[6:18]
        for b2 in (-0.1, -0.05, 0.05, 0.1, 0.15)
    }
    best_one, best_two = min(single, key=single.__getitem__), min(double, key=double.__getitem__)
    rows.append(
        RateRow(f"best single momentum {best_one[0]:g}: loss after 100 iterations", float(single[best_one]), None, "")
    )
    rows.append(
        RateRow(
            f"best pair {best_two[0]:g}, {best_two[1]:g}: loss after 100 iterations", float(double[best_two]), None, ""
        )
    )
    return Figure(
        "Figure 4: higher momenta",
        f"n = 8, p = 6, width {width}, learning rate {rate}, seed {seed}",
        (Panel("loss per iteration", "iteration", "loss", tuple(curves)),),
        tuple(rows),
        (
            _outcome(rows[3].measured < rows[1].measured, "adding a small second momentum to beta = 0.5 is faster"),
            _outcome(rows[5].measured < rows[0].measured, "adding a large one is still faster than no momentum at all"),
            "At a tuned first momentum the gain is small: compare the last two rows.",
        ),
    )


def _momentum_losses(run: Problem, rate: float, betas: tuple[float, ...], steps: int) -> Float[np.ndarray, " k"]:
    """Train with J momenta and return the loss after every step."""
    scaled = run.a / np.sqrt(len(run.a))

    def errors(W: Float[np.ndarray, "m p"]) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, " n"]]:
        gates = W @ run.X.T
        return gates > 0.0, scaled @ np.maximum(gates, 0.0) - run.y

    def gradient(W: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "m p"]:
        active, error = errors(W)
        return np.asarray(scaled[:, None] * ((active * error) @ run.X))

    def loss(W: Float[np.ndarray, "m p"]) -> float:
        return 0.5 * float(np.sum(errors(W)[1] ** 2))

    return iterate_momenta(gradient, run.W, learning_rate=rate, momenta=betas, steps=steps, observe=loss)


def _spectral(run: Problem, rate: float, betas: tuple[float, ...], steps: int) -> float:
    """Return the loss of the same iteration on the errors with the kernel frozen at H(0)."""
    kernel = relu_ntk(run.X, run.W)
    start = np.asarray(run.a / np.sqrt(len(run.a)) @ np.maximum(run.W @ run.X.T, 0.0) - run.y)
    records = iterate_momenta(
        lambda e: kernel @ e,
        start,
        learning_rate=rate,
        momenta=betas,
        steps=steps,
        observe=lambda e: 0.5 * float(e @ e),
    )
    return float(records[-1])


def _outcome(reproduced: bool, statement: str) -> str:
    """Say whether a qualitative statement was found to hold in this run."""
    return f"{'Reproduced' if reproduced else 'Not reproduced'}: {statement}."


def _curve(label: str, x: np.ndarray, losses: Float[np.ndarray, " k"], group: int) -> Curve:
    return Curve(label, np.asarray(x, dtype=float), _above_floor(losses), group=group)


def _above_floor(losses: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Blank what is only rounding, so that no line is drawn through it."""
    return np.where((losses > FLOOR * losses[0]) & np.isfinite(losses), losses, np.nan)


def _row(what: str, fit: RateFit, theory: str, paper: str = "") -> RateRow:
    return RateRow(what, fit.exponent, fit.interval, theory, paper)


def _spread(values: Float[np.ndarray, " s"]) -> tuple[float, float]:
    """95 % interval of the geometric mean."""
    from scipy.special import stdtrit

    logs = np.log(values)
    half = float(stdtrit(len(logs) - 1, 0.975) * logs.std(ddof=1) / np.sqrt(len(logs)))
    return float(np.exp(logs.mean() - half)), float(np.exp(logs.mean() + half))


FIGURES = (
    Scenario("1", Source(PAPER, "Figure 1"), "heavy ball against gradient descent", figure1),
    Scenario("2", Source(PAPER, "Figure 2"), "Nesterov's polynomial decay", figure2),
    Scenario("3", Source(PAPER, "Figure 3"), "gamma against width", figure3),
    Scenario("4", Source(PAPER, "Figure 4"), "second momentum", figure4),
)
