"""The user's data as the theorems see them: hypotheses, the infinite-width kernel, and what training really does.

Two runs stand side by side. *Frozen*: the error dynamics with the kernel H_inf, in closed form. *Network*: a two-layer
ReLU network of the width asked for, trained by the discrete method that belongs to the flow, from the same initial
error. Event-exact flows are out of reach for many more samples than features, so the network run has a step size; the
step is halved once and the difference reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from odeflow.datasets import Dataset, HypothesisCheck, hypotheses, normalised, open_dataset, standardised
from odeflow.errors import DataError, InvalidArgumentError, OdeflowError
from odeflow.numeric.arrays import refuse_overflow
from odeflow.numeric.eigenvalues import EigenvalueBound
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall
from odeflow.numeric.kernels import (
    pairwise_angles,
    relu_ntk_limit,
    relu_ntk_limit_entry_error,
    smallest_eigenvalue,
    two_layer_initialisation,
)
from odeflow.numeric.modal import frozen_kernel_losses
from odeflow.numeric.rates import Law, fit_exponential, fit_power
from odeflow.numeric.relu_flow import relu_predictions
from odeflow.numeric.training import matching_optimiser, train_relu
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Claim, Evidence, Stage

__all__ = ["DataCase", "LossCurve", "open_case", "rate_evidence"]

ROUNDING = 1e-15
MOST_SAMPLES = 2000
"""Beyond this the dense kernel and its spectrum no longer answer while a person waits."""

LARGEST_KERNEL = 20_000
"""Rows of a kernel that fits a machine: 3 GB."""
MOST_WEIGHTS = 10**9

BUDGET = 3e11
"""Multiplications that one network run may cost; it sets how many steps it gets."""

MOST_STEPS = 1_000_000
"""Steps that it gets at most: with few and small samples they cost more than their multiplications."""


@dataclass(frozen=True)
class LossCurve:
    """A loss curve with its error bar.

    Attributes
    ----------
    times, losses : increasing flow times, and the loss |Delta|^2/2 there
    error_bar : largest relative change of the loss when the step was halved; 0 for closed forms
    remark : what a reader must know about this run (its horizon), or ""
    """

    times: Float[np.ndarray, " t"]
    losses: Float[np.ndarray, " t"]
    error_bar: float = 0.0
    remark: str = ""


@dataclass(frozen=True, eq=False)
class DataCase:
    """A data set with everything theorems ask of it, computed once and on demand.

    Attributes
    ----------
    dataset : the data as they are used
    seed : of the network's initial weights
    width : number of hidden neurons of the network run

    Raises
    ------
    InvalidArgumentError
        More than 20 000 samples or 10^9 weights.
    """

    dataset: Dataset
    seed: int = 0
    width: int = 1000

    def __post_init__(self) -> None:
        n, d = self.X.shape
        if n > LARGEST_KERNEL:
            raise InvalidArgumentError(
                f"Expected at most {LARGEST_KERNEL} samples but got {n}: their kernel has {n}^2 entries. Take fewer."
            )
        if self.width * d > MOST_WEIGHTS:
            raise InvalidArgumentError(
                f"Expected at most {MOST_WEIGHTS} weights but width {self.width} times {d} features is more. "
                "Take a smaller width."
            )

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.dataset.name

    @property
    def X(self) -> Float[np.ndarray, "n d"]:
        """Inputs as rows."""
        return self.dataset.features

    @property
    def y(self) -> Float[np.ndarray, " n"]:
        """Targets."""
        return self.dataset.target

    @property
    def summary(self) -> str:
        """The data in one line: name, size, what was done to them."""
        n, d = self.X.shape
        done = "; ".join(self.dataset.notes) or "used as they are"
        return f"{self.name}: {n} samples, {d} features ({done}); network of width {self.width}, seed {self.seed}"

    @cached_property
    def hypotheses(self) -> tuple[HypothesisCheck, ...]:
        """The theorems' hypotheses, held against the data."""
        return hypotheses(self.dataset)

    @cached_property
    def kernel(self) -> Float[np.ndarray, "n n"]:
        """The infinite-width kernel H_inf."""
        return relu_ntk_limit(self.X)

    @cached_property
    def lambda0(self) -> EigenvalueBound:
        """Smallest eigenvalue of H_inf, with certified bounds."""
        return smallest_eigenvalue(self.kernel, entry_error=relu_ntk_limit_entry_error(self.X))

    def certified_lambda0(self) -> float:
        """Return the certified lower bound on lambda_0; a DataError says so when it is not positive."""
        if self.lambda0.lower <= 0.0:
            raise DataError(
                f"The hypothesis lambda_0 > 0 is not met by {self.name}: lambda_0 lies in "
                f"[{self.lambda0.lower:.3g}, {self.lambda0.upper:.3g}]. Remove parallel rows."
            )
        return self.lambda0.lower

    @cached_property
    def unit_norm(self) -> bool:
        """Whether every input has norm 1 up to rounding."""
        return bool(np.abs(np.linalg.norm(self.X, axis=1) - 1.0).max() < 1e-9)

    @cached_property
    def parallel_pair(self) -> tuple[int, int] | None:
        """Two rows that are parallel or anti-parallel up to rounding, or None."""
        if len(self.X) == 1:
            return None
        angles = pairwise_angles(self.X)
        gap = np.minimum(angles, np.pi - angles) + 4.0 * np.eye(len(angles))
        i, j = np.unravel_index(int(np.argmin(gap)), gap.shape)
        return (int(i), int(j)) if gap[i, j] < 1e-7 else None

    @cached_property
    def initial_error(self) -> Float[np.ndarray, " n"]:
        """Prediction error of the network at its initialisation."""
        W, a = self.initial_weights
        return np.asarray(relu_predictions(self.X, W, a) - self.y)

    def frozen(self, flow: Flow, times: Float[np.ndarray, " t"]) -> LossCurve:
        """Return the loss of the frozen-kernel dynamics with H_inf, in closed form."""
        return LossCurve(times, frozen_kernel_losses(flow, self.kernel, self.initial_error, times))

    def network(self, flow: Flow, horizon: float) -> LossCurve:
        """Return the loss of the finite network under the discrete method of `flow`, up to `horizon` if affordable.

        The step is a tenth of the stability limit of the kernel H_inf; if the horizon costs more than the budget the
        run stops earlier and says so. A second run of half the step covers the first half of the time; the error bar is
        their largest difference in the later part of that, as a fraction of what the loss still reaches from then on.
        """
        key = (flow, horizon)
        if key not in self._runs:
            largest = float(np.linalg.eigvalsh(self.kernel)[-1])
            step = 0.2 / largest if isinstance(flow, GradientFlow) else 0.2 / np.sqrt(largest)
            affordable = min(MOST_STEPS, int(BUDGET / (8.0 * self.width * self.X.size)))
            steps = max(20, min(int(np.ceil(horizon / step)), affordable))
            coarse, fine = self._train(flow, step, steps), self._train(flow, step / 2.0, steps)
            later = fine.times >= fine.times[-1] / 2.0
            still = np.maximum.accumulate(fine.losses[::-1])[::-1]
            gap = np.abs(np.interp(fine.times, coarse.times, coarse.losses) - fine.losses) / still
            reached = float(coarse.times[-1])
            remark = "" if reached >= 0.99 * horizon else f"network followed to t = {reached:.3g} of {horizon:.3g}"
            self._runs[key] = replace(coarse, error_bar=float(gap[later].max()), remark=remark)
        return self._runs[key]

    @cached_property
    def _runs(self) -> dict[tuple[Flow, float], LossCurve]:
        return {}

    @cached_property
    def initial_weights(self) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, " m"]]:
        """First layer and signs of the second at initialisation."""
        return two_layer_initialisation(self.X.shape[1], self.width, seed=self.seed)

    def _train(self, flow: Flow, step: float, steps: int) -> LossCurve:
        W, a = self.initial_weights
        optimiser = matching_optimiser(flow, step, second_order=isinstance(flow, HeavyBall))
        run = train_relu(self.X, self.y, W, a, optimiser, steps, record_every=max(1, steps // 400))
        if not run.all_finished:
            raise DataError(
                f"The network of width {self.width} diverged on {self.name} at step {int(run.diverged_at[0])}. "
                "Pass --normalise (unit-norm inputs, standardised target)."
            )
        return LossCurve(run.times[0][1:], run.losses[0][1:])


def open_case(
    name_or_path: str,
    *,
    target: str | int | None = None,
    features: Sequence[str | int] | None = None,
    normalise: bool = False,
    standardise: bool = False,
    seed: int = 0,
    width: int = 1000,
) -> DataCase:
    """Open the user's data for `odeflow verify --data`.

    Parameters
    ----------
    name_or_path : a bundled data set or a CSV, NPY or NPZ file
    target, features : columns by name or position; the last column is the target unless said otherwise
    normalise : scale every row to unit norm and the target to mean 0, variance 1, and note it
    standardise : centre and scale every feature first, and note it
    seed, width : of the network run

    Raises
    ------
    DataError
        The file cannot be read, or it has more than 2000 rows.

    Examples
    --------
    >>> open_case("diabetes", normalise=True).summary.split(";")[0]
    'diabetes: 442 samples, 10 features (rows scaled to unit norm'
    """
    dataset = open_dataset(name_or_path, target=target, features=features)
    if len(dataset.target) > MOST_SAMPLES:
        raise DataError(
            f"Expected at most {MOST_SAMPLES} rows but {dataset.name} has {len(dataset.target)}. "
            "Pass a subset of the rows."
        )
    if standardise:
        dataset = standardised(dataset)
    if normalise:
        dataset = _standard_target(normalised(dataset))
    return DataCase(dataset, seed=seed, width=width)


@refuse_overflow()
def rate_evidence(
    claim: Claim,
    data: DataCase,
    flow: Flow,
    *,
    horizon: float,
    promised: str,
    bound: Callable[[Float[np.ndarray, " t"], float, float], Float[np.ndarray, " t"]],
    law: Law = Law.EXPONENTIAL,
) -> Evidence:
    """Hold a claimed loss bound against the user's data, in both worlds.

    Parameters
    ----------
    claim : the claim, about the frozen kernel
    flow : the flow with its parameters set from the data
    horizon : how far to follow it, in flow time
    promised : the promised rate in words and numbers
    bound : (times, initial loss, initial pseudo-loss) -> claimed bound
    law : the law whose exponent is fitted

    Returns
    -------
    Evidence
        FAILS only if the frozen dynamics break the bound. A network of finite width that exceeds it is reported, not
        counted: the claim speaks of world K.
    """
    start = data.initial_error
    initial = (0.5 * float(start @ start), 0.5 * float(start @ data.kernel @ start))
    network = data.network(flow, horizon)
    grid = np.geomspace(horizon / 200.0, horizon, 300) if law is Law.POWER else np.linspace(horizon / 400, horizon, 400)
    frozen = data.frozen(flow, grid)
    late = (float(network.times[-1]) / 2.0, float(network.times[-1]))
    same = data.frozen(flow, network.times)
    with np.errstate(divide="ignore", over="ignore"):  # a bound that underflows is violated by any loss
        ratios = [float((curve.losses / bound(curve.times, *initial)).max()) for curve in (frozen, network)]
    said = [
        f"in the end the frozen kernel gives {_exponent(law, frozen, None)}",
        f"over t = {late[0]:.3g}..{late[1]:.3g} the frozen kernel {_exponent(law, same, late)}, "
        f"the network {_exponent(law, network, late)}",
        f"largest loss/bound: frozen {ratios[0]:.3g}, network {ratios[1]:.3g}",
    ]
    if network.remark:
        said.append(network.remark)
    return Evidence(
        Stage.DATA,
        Status.FAILS if ratios[0] > 1.0 + 1e-9 else Status.HOLDS,
        claimed=promised,
        observed="; ".join(said),
        error_bar=f"95 % intervals of the fits; halving the network's step changes its loss by {network.error_bar:.1e}",
        cases=len(data.y),
        seed=data.seed,
        detail=f"largest loss/bound in the frozen dynamics is {ratios[0]:.6g}",
    )


def _exponent(law: Law, curve: LossCurve, window: tuple[float, float] | None) -> str:
    """Return the fitted exponent with its interval, or, for a curve too short to fit, its mean decay and why."""
    fit = fit_power if law is Law.POWER else fit_exponential
    try:
        found = fit(curve.times, curve.losses, window=window)
    except OdeflowError:
        clock = np.log(curve.times) if law is Law.POWER else curve.times
        half = curve.times >= (window or (curve.times[0],))[0]
        first, last = np.flatnonzero(half)[[0, -1]]
        mean = np.log(curve.losses[first] / curve.losses[last]) / (clock[last] - clock[first])
        return f"{mean:.3g} on average (too few oscillations to fit)"
    return f"{found.exponent:.3g} [{found.interval[0]:.3g}, {found.interval[1]:.3g}]"


def _standard_target(dataset: Dataset) -> Dataset:
    """Centre the target and scale it to variance 1; a constant target is refused."""
    # A power of two first, which is exact: squares then neither overflow nor vanish.
    _, exponent = np.frexp(np.abs(dataset.target).max())
    target = np.ldexp(dataset.target, -exponent)
    spread = float(target.std())
    # Entries are at most 1 now: a spread of the order of the mean's rounding error is a constant target.
    if spread <= ROUNDING * math.sqrt(dataset.n_points):
        raise DataError(f"Expected a target that varies but every {dataset.target_name!r} is {dataset.target[0]}.")
    scaled = (target - target.mean()) / spread
    return replace(dataset, target=scaled, notes=(*dataset.notes, "target centred and scaled to variance 1"))
